//go:build cgo

package mqproducer

import (
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"
)

func hookedProducer(t *testing.T, url string, hooks []Hook, opts ...Option) *Producer {
	t.Helper()
	p := newProducerOf(t, url, opts...)
	for _, hook := range hooks {
		if err := p.AddHook(hook); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

// seen is what a hook was shown.
type seen struct {
	what    string
	context HookContext
	message *Message
	batch   []*Message
	receipt *Receipt
	err     error
}

func recording(into chan<- seen) Hook {
	return Hook{
		CheckForbidden: func(c HookContext) error {
			into <- seen{what: "check", context: c, message: c.Message(), batch: c.Batch()}
			return nil
		},
		BeforeSend: func(c HookContext) { into <- seen{what: "before", context: c, message: c.Message(), batch: c.Batch()} },
		AfterSend: func(c HookContext, r *Receipt, err error) {
			into <- seen{what: "after", context: c, message: c.Message(), batch: c.Batch(), receipt: r, err: err}
		},
	}
}

func TestAHookSeesEachMessage(t *testing.T) {
	all := make(chan seen, 10)
	p := hookedProducer(t, newCluster(t).URL(), []Hook{recording(all)}, With("client_ip", "10.0.0.9"))
	for name, sent := range map[string]*Message{
		"whole": {
			Topic: "Whole", Body: everyByte(), Tags: "tag", Keys: "k1 k2", Flag: -7, NoWaitStore: true,
			Properties: map[string]string{"DELAY": "1", "é": "value é"},
		},
		"least": message("Least", "b"),
	} {
		t.Run(name, func(t *testing.T) {
			sendInEachMode(t, p, sent, func(t *testing.T, r *Receipt, err error) {
				if err != nil {
					t.Fatal(err)
				}
				checkSeen(t, all, sent, r)
			})
		})
	}
}

func checkSeen(t *testing.T, all <-chan seen, sent *Message, r *Receipt) {
	t.Helper()
	want := HookContext{
		Mode: ModeAsync, ProducerGroup: "go-tests", Topic: sent.Topic, MessageID: r.MessageID, BornHost: "10.0.0.9",
		BrokerName: r.BrokerName, QueueID: r.QueueID, BodyLength: len(sent.Body), MessageCount: 1,
	}
	switch {
	case strings.HasSuffix(t.Name(), "/oneway"):
		want.Mode = ModeOneway
	case strings.HasSuffix(t.Name(), "/sync"):
		want.Mode = ModeSync
	}
	if len(sent.Properties) > 0 {
		want.MessageType = TypeDelay
	}
	for _, what := range []string{"check", "before", "after"} {
		got := receive(t, all)
		if got.what != what {
			t.Fatalf("%s came in place of %s", got.what, what)
		}
		c := got.context
		if what == "check" {
			// The id is not promised yet.
			want.MessageID, c.MessageID = "", ""
		} else {
			want.MessageID = r.MessageID
		}
		if !strings.HasPrefix(c.BrokerAddress, "127.0.0.1:") {
			t.Errorf("%s: the address is %q", what, c.BrokerAddress)
		}
		if what == "after" {
			if got.message != nil || c.Attempts != 1 || c.Cost <= 0 || c.Cost > patience || got.err != nil ||
				!reflect.DeepEqual(got.receipt, r) {
				t.Errorf("after: %+v", got)
			}
		} else if !reflect.DeepEqual(got.message, sent) || got.batch != nil || c.Attempts != 0 || c.Cost != 0 {
			t.Errorf("%s: %+v of %+v", what, got.message, sent)
		}
		c.BrokerAddress, c.Attempts, c.Cost, c.lent = "", 0, 0, nil
		if c != want {
			t.Errorf("%s: %+v, want %+v", what, c, want)
		}
	}
}

func TestAHookSeesAFailure(t *testing.T) {
	all := make(chan seen, 10)
	hook := recording(all)
	hook.CheckForbidden, hook.BeforeSend = nil, nil
	p := hookedProducer(t, silentBroker(t), []Hook{hook}, WithTimeout(300*time.Millisecond))
	_, err := p.Send(background, message("T", "b"))
	told := expect(t, err, ErrTimeout)
	got := receive(t, all)
	e := expect(t, got.err, ErrTimeout)
	if got.receipt != nil || got.context.BrokerName != "silent" || got.context.Attempts < 1 || !reflect.DeepEqual(e, told) {
		t.Errorf("%+v", got)
	}
	if !e.HasCode || e.Code != 10002 || e.HasBrokerCode {
		t.Errorf("the code is wrong: %+v", e)
	}
}

func TestAMessageThatAHookDidNotReadIsGone(t *testing.T) {
	contexts := make(chan HookContext, 1)
	p := hookedProducer(t, newCluster(t).URL(), []Hook{{BeforeSend: func(c HookContext) { contexts <- c }}})
	if _, err := p.Send(background, message("T", "b")); err != nil {
		t.Fatal(err)
	}
	if m := receive(t, contexts).Message(); m != nil {
		t.Errorf("%+v", m)
	}
}

func TestARefusalHasItsReason(t *testing.T) {
	records := make(chan string, 10)
	setLog(t, LevelError, func(_ Level, _, text string) { records <- text })
	cluster := newCluster(t)
	var refuse func() error
	var others atomic.Int32
	p := hookedProducer(t, cluster.URL(), []Hook{{
		CheckForbidden: func(HookContext) error { return refuse() },
		BeforeSend:     func(HookContext) { others.Add(1) },
		AfterSend:      func(HookContext, *Receipt, error) { others.Add(1) },
	}})
	for name, c := range map[string]struct {
		function func() error
		words    []string
	}{
		"text":      {func() error { return errors.New("closed today: é") }, []string{"closed today: é"}},
		"no text":   {func() error { return errors.New("") }, nil},
		"long text": {func() error { return errors.New("xx" + strings.Repeat("é", 5000)) }, []string{"xxéééé"}},
		"odd text":  {func() error { return errors.New("a\x00b\xffc") }, []string{"a\uFFFDb\uFFFDc"}},
		"panic":     {func() error { panic("on purpose") }, []string{"panicked", "on purpose"}},
	} {
		t.Run(name, func(t *testing.T) {
			refuse = c.function
			sendInEachMode(t, p, message("T", "b"), func(t *testing.T, _ *Receipt, err error) {
				t.Helper()
				e := expect(t, err, ErrForbidden, c.words...)
				if e.Name != "FORBIDDEN" || e.MaybePersisted || !utf8.ValidString(e.Message) ||
					strings.Contains(e.Message, "é\uFFFD") {
					t.Errorf("%+v", e)
				}
				if name != "panic" {
					return
				}
				if record := receive(t, records); !strings.Contains(record, "the CheckForbidden of a hook panicked: on purpose") {
					t.Errorf("logged: %q", record)
				}
			})
		})
	}
	if err := p.Flush(background); err != nil {
		t.Fatal(err)
	}
	if n, err := cluster.MessageCount(""); n != 0 || err != nil || others.Load() != 0 {
		t.Errorf("%d messages, %v; other functions were called %d times", n, err, others.Load())
	}
}

func TestAPanicInAHookChangesNothing(t *testing.T) {
	records := make(chan string, 10)
	setLog(t, LevelError, func(level Level, _, text string) { records <- fmt.Sprint(level, " ", text) })
	order := make(chan string, 10)
	p := hookedProducer(t, newCluster(t).URL(), []Hook{
		{
			BeforeSend: func(HookContext) { order <- "before 1"; panic("early") },
			AfterSend:  func(HookContext, *Receipt, error) { order <- "after 1"; panic("late") },
		},
		{},
		{
			BeforeSend: func(HookContext) { order <- "before 2" },
			AfterSend:  func(HookContext, *Receipt, error) { order <- "after 2" },
		},
	})
	if _, err := p.Send(background, message("T", "b")); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"before 1", "before 2", "after 1", "after 2"} {
		if got := receive(t, order); got != want {
			t.Errorf("%q came in place of %q", got, want)
		}
	}
	for _, want := range []string{
		"ERROR the BeforeSend of a hook panicked: early\n", "ERROR the AfterSend of a hook panicked: late\n",
	} {
		if got := receive(t, records); !strings.HasPrefix(got, want) || !strings.Contains(got, "hook_test.go") {
			t.Errorf("logged %q, want %q", got, want)
		}
	}
}

func TestInAHookNothingBlocks(t *testing.T) {
	var p *Producer
	var calls atomic.Int32
	inside := func() {
		calls.Add(1)
		_, err := p.Send(background, message("T", "inner"))
		expectInside(t, err, "Send")
		expectInside(t, p.Flush(background), "Flush")
		expectInside(t, p.Close(background), "Close")
	}
	p = hookedProducer(t, newCluster(t).URL(), []Hook{{
		CheckForbidden: func(HookContext) error { inside(); return nil },
		BeforeSend:     func(HookContext) { inside() },
		AfterSend:      func(HookContext, *Receipt, error) { inside() },
	}})
	if _, err := p.Send(background, message("T", "b")); err != nil {
		t.Fatal(err)
	}
	if calls.Load() != 3 {
		t.Errorf("%d functions ran", calls.Load())
	}
}

// What sees a message may send others, as a trace does.
func TestInHooksAndSelectorsSendAsyncIsAllowed(t *testing.T) {
	var p *Producer
	var errs [4]error
	ends := make(chan error, 10)
	inside := func(at int, topic string) {
		if topic == "T" {
			errs[at] = p.SendAsync(background, message("Trace", "b"), func(_ *Receipt, err error) { ends <- err })
		}
	}
	cluster := newCluster(t)
	p = hookedProducer(t, cluster.URL(), []Hook{{
		CheckForbidden: func(c HookContext) error { inside(0, c.Topic); return nil },
		BeforeSend:     func(c HookContext) { inside(1, c.Topic) },
		AfterSend:      func(c HookContext, _ *Receipt, _ error) { inside(2, c.Topic) },
	}}, WithTopics("Trace"))
	_, err := p.Send(background, message("T", "b"), WithQueueSelector(func([]MessageQueue) int {
		inside(3, "T")
		return 0
	}))
	if err != nil {
		t.Fatal(err)
	}
	for i, err := range errs {
		if err != nil {
			t.Fatalf("%d: %v", i, err)
		}
		if err := receive(t, ends); err != nil {
			t.Error(err)
		}
	}
	if n, err := cluster.MessageCount("Trace"); n != 4 || err != nil {
		t.Errorf("%d messages, %v", n, err)
	}
}

// AfterSend runs once for each BeforeSend, from many goroutines and when the producer is closed meanwhile.
func TestEachBeforeHasItsAfter(t *testing.T) {
	var before, after atomic.Int64
	p := hookedProducer(t, newCluster(t).URL(), []Hook{{
		BeforeSend: func(HookContext) { before.Add(1) },
		AfterSend:  func(HookContext, *Receipt, error) { after.Add(1) },
	}})
	const senders, each = 8, 500
	var all sync.WaitGroup
	for s := 0; s < senders; s++ {
		all.Add(1)
		go func() {
			defer all.Done()
			for i := 0; i < each; i++ {
				if i%2 == 0 {
					_, _ = p.SendOneway(background, message("T", "b"))
				} else {
					_ = p.SendAsync(background, message("T", "b"), func(*Receipt, error) {}, WithShardingKey("k"))
				}
			}
		}()
	}
	eventually(t, "some are sent", func() bool { return before.Load() > senders*each/4 })
	if err := p.Close(background); err != nil {
		t.Fatal(err)
	}
	all.Wait()
	eventually(t, "each has its end", func() bool { return after.Load() == before.Load() })
}

func TestHooksAreAddedBeforeTheStartAndGivenBack(t *testing.T) {
	p := startedProducer(t, newCluster(t).URL())
	expect(t, p.AddHook(Hook{}), ErrAlreadyStarted)
	if err := p.Close(background); err != nil {
		t.Fatal(err)
	}
	expect(t, p.AddHook(Hook{}), ErrClosed)

	var collected atomic.Int32
	kept := func() Hook {
		memory := &[1 << 10]*int{}
		runtime.SetFinalizer(memory, func(*[1 << 10]*int) { collected.Add(1) })
		return Hook{BeforeSend: func(HookContext) { runtime.KeepAlive(memory) }}
	}
	started := hookedProducer(t, newCluster(t).URL(), []Hook{kept()})
	if _, err := started.Send(background, message("T", "b")); err != nil {
		t.Fatal(err)
	}
	never := newProducerOf(t, newCluster(t).URL())
	if err := never.AddHook(kept()); err != nil {
		t.Fatal(err)
	}
	expect(t, started.AddHook(kept()), ErrAlreadyStarted)
	eventually(t, "the refused one is collected", func() bool { runtime.GC(); return collected.Load() == 1 })
	for _, one := range []*Producer{started, never} {
		if err := one.Close(background); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "all are collected", func() bool { runtime.GC(); return collected.Load() == 3 })
}

func TestNamesOfWhatHooksSee(t *testing.T) {
	for value, want := range map[fmt.Stringer]string{
		ModeSync: "SYNC", ModeAsync: "ASYNC", ModeOneway: "ONEWAY", SendMode(9): "SendMode(9)",
		TypeNormal: "NORMAL", TypeHalf: "HALF", TypeDelay: "DELAY", MessageType(9): "MessageType(9)",
		BrokerHealthy: "HEALTHY", BrokerIsolated: "ISOLATED", BrokerUnreachable: "UNREACHABLE",
		BrokerHealth(9): "BrokerHealth(9)",
	} {
		if value.String() != want {
			t.Errorf("%s, want %s", value, want)
		}
	}
}
