//go:build cgo

package mqproducer

import (
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// events collects what a callback is told.
type events struct {
	mu  sync.Mutex
	all []*ReliabilityEvent
}

func (e *events) tell(event *ReliabilityEvent) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, event)
}

func (e *events) seen() []*ReliabilityEvent {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]*ReliabilityEvent(nil), e.all...)
}

// newReliable is a producer that sends reliably, with its alarms and what its spool tells.
func newReliable(t *testing.T, url string, opts ...Option) (p *Producer, alarms, later *events) {
	opts = append([]Option{
		With("reliability", "reliable"), With("reliable_retry_times", 2),
		With("reliable_retry_interval", time.Millisecond), With("reliable_retry_interval_max", time.Millisecond),
		With("reconnect_backoff_max", 5*time.Millisecond), With("spool_retry_interval", 5*time.Millisecond),
		With("send_msg_timeout", 30*time.Second),
	}, opts...)
	p, alarms, later = newProducerOf(t, url, opts...), &events{}, &events{}
	if err := p.SetAlarm(alarms.tell); err != nil {
		t.Fatal(err)
	}
	if err := p.SetSpoolCallback(later.tell); err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	return p, alarms, later
}

// everyWay sends six messages, each of which must end with the sentinel, and gives their errors.
func everyWay(t *testing.T, p *Producer, sentinel error) (ends []*Error) {
	t.Helper()
	end := func(_ any, err error) { ends = append(ends, expect(t, err, sentinel)) }
	end(p.Send(background, message("T", "sync")))
	ended := make(chan error, 1)
	if err := p.SendAsync(background, message("T", "async"), func(_ *Receipt, err error) { ended <- err }); err != nil {
		t.Fatal(err)
	}
	end(nil, receive(t, ended))
	many, _ := p.SendMany(background, []*Message{message("T", "many 1"), message("T", "many 2")})
	for _, each := range many {
		end(nil, each.Err)
	}
	batch, _ := p.SendBatch(background, []*Message{message("T", "batch 1"), message("T", "batch 2")})
	for _, each := range batch {
		end(nil, each.Err)
	}
	return ends
}

func TestReliableSendingRetriesWhatIsNotSafeAndRaisesAlarms(t *testing.T) {
	cluster := newCluster(t)
	p, alarms, _ := newReliable(t, cluster.URL())
	unsafe := func(request int32, count uint32) {
		fault := MockFault{Action: MockFaultChangeAnswer, RequestCode: request, ResponseCode: 12, Count: count, Remark: "late"}
		if err := cluster.PushFault(fault); err != nil {
			t.Fatal(err)
		}
	}
	unsafe(310, 1)
	receipt, err := p.Send(background, message("T", "again"))
	if err != nil || receipt.SendStatus != SendOK || receipt.Attempts != 2 || len(receipt.Earlier) != 1 {
		t.Fatalf("%+v, %v", receipt, err)
	}
	if a := receipt.Earlier[0]; a.BrokerCode != 12 || !a.HasBrokerCode || !a.MaybeStored || a.Remark != "late" ||
		a.Status != StatusBroker || a.Started.Year() < 2020 {
		t.Errorf("%+v", a)
	}
	if len(alarms.seen()) != 0 {
		t.Error("an alarm without a cause")
	}
	unsafe(310, 0)
	unsafe(320, 0)
	for _, e := range everyWay(t, p, ErrBroker) {
		if e.BrokerCode != 12 || !e.MaybePersisted || len(e.Attempts) != 3 {
			t.Errorf("%+v", e)
		}
	}
	seen := alarms.seen()
	bodies := map[string]bool{}
	for _, event := range seen {
		bodies[string(event.Message.Body)] = true
		if event.Kind != EventGivenUp || event.Err.BrokerCode != 12 || len(event.Err.Attempts) != 3 || event.Receipt != nil {
			t.Errorf("%+v", event)
		}
	}
	if len(seen) != 6 || len(bodies) != 6 {
		t.Errorf("%d alarms of %v", len(seen), bodies)
	}
	_, err = p.SendOneway(background, message("T", "x"))
	expect(t, err, ErrUnsupported, "one-way")
	expect(t, p.SetAlarm(alarms.tell), ErrAlreadyStarted)
	expect(t, p.SetSpoolCallback(nil), ErrInvalidArgument, "tell")
}

func TestTheSpoolKeepsMessagesInEveryWayAndTellsTheirEnd(t *testing.T) {
	cluster := newCluster(t)
	p, alarms, later := newReliable(t, cluster.URL(), With("spool_file", filepath.Join(t.TempDir(), "spool")))
	if _, err := p.Send(background, message("T", "first")); err != nil {
		t.Fatal(err)
	}
	all := func(state MockBrokerState) {
		for broker := 0; broker < 2; broker++ {
			if err := cluster.SetBrokerState(fmt.Sprint(broker), state); err != nil {
				t.Fatal(err)
			}
		}
	}
	all(MockBrokerStopped)
	for _, e := range everyWay(t, p, ErrSpooled) {
		if e.Retriable || len(e.Attempts) != 3 {
			t.Errorf("%+v", e)
		}
	}
	if seen := alarms.seen(); len(seen) != 6 || seen[0].Err.Status != StatusSpooled || len(later.seen()) != 0 {
		t.Errorf("%d alarms, %d later", len(seen), len(later.seen()))
	}
	all(MockBrokerUp)
	eventually(t, "the spool is empty", func() bool { return len(later.seen()) == 6 })
	for i, event := range later.seen() {
		of := alarms.seen()[i]
		if event.Kind != EventSpoolDelivered || event.Err != nil || event.Receipt.MessageID != of.Message.MessageID ||
			string(event.Message.Body) != string(of.Message.Body) {
			t.Errorf("%+v", event)
		}
	}
	awaitMessages(t, cluster, "T", 7)
	if err := p.Close(background); err != nil {
		t.Fatal(err)
	}
}
