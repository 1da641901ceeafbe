//go:build cgo

package mqproducer

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"
)

func TestManyMessagesInOneCall(t *testing.T) {
	const total = 3000
	cluster := newCluster(t)
	p := startedProducer(t, cluster.URL(), WithTimeout(patience))
	messages := make([]*Message, total)
	for i := range messages {
		m := message([]string{"A", "B"}[i%2], fmt.Sprint("body ", i))
		m.Keys = fmt.Sprint("k", i)
		// Numbers of properties differ, so that what stands behind them is read right.
		m.Properties = map[string]string{}
		for n := 0; n < i%4; n++ {
			m.Properties[fmt.Sprint("p", n)] = fmt.Sprint(i, "é", n)
		}
		messages[i] = m
	}
	// Two that are refused do not keep the others.
	messages[7].Properties["bad"] = ""
	messages[2000].Body = nil
	ends, err := p.SendMany(background, messages)
	expect(t, err, ErrInvalidMessage, "bad")
	if len(ends) != total {
		t.Fatalf("%d ends", len(ends))
	}
	stored := map[string]MockMessage{}
	for _, topic := range []string{"A", "B"} {
		all, err := cluster.Messages(topic)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range all {
			stored[m.MessageID] = m
		}
	}
	if len(stored) != total-2 {
		t.Errorf("%d messages are stored", len(stored))
	}
	for i, end := range ends {
		if i == 7 || i == 2000 {
			expect(t, end.Err, ErrInvalidMessage)
			continue
		}
		if end.Err != nil {
			t.Fatalf("message %d: %v", i, end.Err)
		}
		m := stored[end.Receipt.MessageID]
		if string(m.Body) != string(messages[i].Body) || m.Keys != messages[i].Keys || m.Topic != messages[i].Topic ||
			m.QueueID != end.Receipt.QueueID || m.QueueOffset != end.Receipt.QueueOffset {
			t.Fatalf("message %d is %+v", i, m)
		}
		for name, value := range messages[i].Properties {
			if m.Properties[name] != value {
				t.Fatalf("message %d has %q", i, m.Properties)
			}
		}
	}
	ends, err = p.SendMany(background, nil)
	if len(ends) != 0 || err != nil {
		t.Errorf("%v, %v", ends, err)
	}
	ends, err = p.SendMany(background, []*Message{message("A", "b"), nil}, WithQueue("broker-b", 2))
	expect(t, err, ErrInvalidArgument, "message")
	if r := ends[0].Receipt; r == nil || r.BrokerName != "broker-b" || r.QueueID != 2 || ends[1].Receipt != nil {
		t.Errorf("%+v", ends)
	}
}

func TestManyMessagesThatTheContextEnds(t *testing.T) {
	p := startedProducer(t, silentBroker(t), WithTimeout(time.Hour), With("max_in_flight_messages", 20))
	ctx, cancel := context.WithCancel(background)
	messages := make([]*Message, 30)
	for i := range messages {
		messages[i] = message("T", "b")
	}
	type result struct {
		ends []SendEnd
		err  error
	}
	results := make(chan result, 1)
	go func() {
		ends, err := p.SendMany(ctx, messages)
		results <- result{ends, err}
	}()
	awaitSeekers(t, p, 1)
	eventually(t, "20 are with the library", func() bool {
		p.drain.mu.Lock()
		defer p.drain.mu.Unlock()
		return len(p.drain.sent)-len(p.drain.free) == 20 && p.gather.passed() == nil
	})
	cancel()
	r := receive(t, results)
	expect(t, r.err, ErrCanceled)
	for i, end := range r.ends {
		if e := expect(t, end.Err, ErrCanceled); e.MaybePersisted != (i < 20) || !errors.Is(e, context.Canceled) {
			t.Errorf("message %d: %+v", i, e)
		}
	}
}

// A topic that has no route costs its time once.
func TestManyMessagesOfALostTopic(t *testing.T) {
	p := startedProducer(t, silentNameServer(t), WithTimeout(100*time.Millisecond))
	messages := make([]*Message, 1000)
	for i := range messages {
		messages[i] = message("T", "b")
	}
	begin := time.Now()
	ends, err := p.SendMany(background, messages)
	if err == nil || time.Since(begin) > patience {
		t.Errorf("%v after %v", err, time.Since(begin))
	}
	for i, end := range ends {
		if end.Err == nil {
			t.Fatalf("message %d: %+v", i, end)
		}
	}
}
