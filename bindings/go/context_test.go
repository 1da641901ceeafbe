//go:build cgo

package mqproducer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime/pprof"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestAContextThatIsDoneSendsNothing(t *testing.T) {
	cluster := newCluster(t)
	p := startedProducer(t, cluster.URL())
	ctx, cancel := context.WithCancel(background)
	cancel()
	checkCanceled := func(err error) {
		t.Helper()
		if e := expect(t, err, ErrCanceled); e.MaybePersisted || !errors.Is(err, context.Canceled) {
			t.Errorf("%+v", e)
		}
	}
	_, err := p.Send(ctx, message("T", "b"))
	checkCanceled(err)
	_, err = p.SendOneway(ctx, message("T", "b"))
	checkCanceled(err)
	checkCanceled(p.SendAsync(ctx, message("T", "b"), func(*Receipt, error) { t.Error("called back") }))
	checkCanceled(p.Flush(ctx))
	if err := p.Flush(background); err != nil {
		t.Fatal(err)
	}
	if n, err := cluster.MessageCount(""); n != 0 || err != nil {
		t.Errorf("%d messages, %v", n, err)
	}
}

func TestAnAnswerInTimeIsReturned(t *testing.T) {
	p := startedProducer(t, newCluster(t).URL())
	ctx, cancel := context.WithTimeout(background, patience)
	defer cancel()
	for _, send := range []func(context.Context, *Message, ...SendOption) (*Receipt, error){p.Send, p.SendOneway} {
		if r, err := send(ctx, message("T", "b")); err != nil || r.MessageID == "" {
			t.Errorf("%+v, %v", r, err)
		}
	}
	if err := p.Flush(ctx); err != nil {
		t.Error(err)
	}
	if err := p.Close(ctx); err != nil {
		t.Error(err)
	}
}

// The broker takes the message and does not answer: cancelling ends the waiting, the completion comes later, unseen.
func TestCancellingASendInFlight(t *testing.T) {
	p := startedProducer(t, silentBroker(t), WithTimeout(time.Hour))
	ctx, cancel := context.WithCancel(background)
	ends := make(chan error, 1)
	go func() {
		_, err := p.Send(ctx, message("T", "b"))
		ends <- err
	}()
	eventually(t, "the message is in flight", func() bool { return hasMessages(p) })
	cancel()
	err := receive(t, ends)
	if e := expect(t, err, ErrCanceled); !errors.Is(err, context.Canceled) || !e.MaybePersisted {
		t.Errorf("%+v", e)
	}
}

// The name server does not answer yet, so that the library waits for the route inside the call: the caller returns at
// once, and the library goes on with the message as it was.
func TestCancellingInsideTheLibrary(t *testing.T) {
	var calledBack atomic.Int32
	calls := map[string]func(context.Context, *Producer, *Message) error{
		"sync":   func(ctx context.Context, p *Producer, m *Message) error { _, err := p.Send(ctx, m); return err },
		"oneway": func(ctx context.Context, p *Producer, m *Message) error { _, err := p.SendOneway(ctx, m); return err },
		"async": func(ctx context.Context, p *Producer, m *Message) error {
			return p.SendAsync(ctx, m, func(*Receipt, error) { calledBack.Add(1) })
		},
	}
	for mode, call := range calls {
		t.Run(mode, func(t *testing.T) {
			routes := make(chan struct{})
			server := startFakeServer(t, routes)
			p := startedProducer(t, server.url, WithTimeout(patience), With("mq_client_api_timeout", patience))
			ctx, cancel := context.WithCancel(background)
			m := message("T", "the body as it was")
			ends := make(chan error, 1)
			go func() { ends <- call(ctx, p, m) }()
			eventually(t, "the call is inside", func() bool { return len(p.gate) > 0 })
			cancel()
			if e := expect(t, receive(t, ends), ErrCanceled); !e.MaybePersisted {
				t.Errorf("%+v", e)
			}
			copy(m.Body, "changed meanwhile")
			close(routes)
			if frame := receive(t, server.frames); !bytes.HasSuffix(frame, []byte("the body as it was")) {
				t.Errorf("sent: %q", frame)
			}
			eventually(t, "the call ends by itself", func() bool { return len(p.gate) == 0 })
			// Close completes what is in flight; the refused caller must not hear of it.
			short, stop := context.WithTimeout(background, 10*time.Millisecond)
			defer stop()
			_ = p.Close(short)
			eventually(t, "the producer is closed", func() bool { return p.refs.Load() == 0 })
			if calledBack.Load() != 0 {
				t.Error("called back")
			}
		})
	}
}

func TestTheDeadlineOfTheContextIsTheMessages(t *testing.T) {
	p := startedProducer(t, silentBroker(t), WithTimeout(time.Hour))
	check := func(err error, began time.Time) {
		t.Helper()
		e := expect(t, err, ErrTimeout)
		if !errors.Is(err, context.DeadlineExceeded) || !e.MaybePersisted || !e.Retriable {
			t.Errorf("%+v", e)
		}
		if took := time.Since(began); took < 200*time.Millisecond || took > 10*time.Second {
			t.Errorf("it took %v", took)
		}
	}
	began := time.Now()
	ctx, cancel := context.WithTimeout(background, 300*time.Millisecond)
	defer cancel()
	_, err := p.Send(ctx, message("T", "b"))
	check(err, began)

	began = time.Now()
	ctx, cancel = context.WithTimeout(background, 300*time.Millisecond)
	defer cancel()
	ends := make(chan error, 1)
	if err := p.SendAsync(ctx, message("T", "b"), func(_ *Receipt, err error) { ends <- err }); err != nil {
		t.Fatal(err)
	}
	check(receive(t, ends), began)
}

func TestTimeoutOfAContext(t *testing.T) {
	if ms, bounded := timeoutOf(background, 5, 9); ms != 5 || bounded {
		t.Errorf("none: %d %v", ms, bounded)
	}
	for _, c := range []struct {
		left   time.Duration
		lo, hi uint32
	}{{-time.Second, 1, 1}, {time.Hour * 24, 3_600_000, 3_600_000}, {time.Minute, 50_000, 59_980}} {
		ctx, cancel := context.WithTimeout(background, c.left)
		if ms, bounded := timeoutOf(ctx, 5, longestSend); ms < c.lo || ms > c.hi || !bounded {
			t.Errorf("%v: %d %v", c.left, ms, bounded)
		}
		cancel()
	}
}

// Sends that wait hold goroutines, not threads.
func TestManyWaitingSendsNeedFewThreads(t *testing.T) {
	const senders = 3000
	before := pprof.Lookup("threadcreate").Count()
	for _, url := range []string{silentBroker(t), silentNameServer(t)} {
		p := startedProducer(t, url, WithTimeout(time.Hour), With("mq_client_api_timeout", time.Hour))
		ctx, cancel := context.WithCancel(background)
		var all sync.WaitGroup
		errs := make(chan error, senders)
		for i := 0; i < senders; i++ {
			all.Add(1)
			go func() {
				defer all.Done()
				_, err := p.Send(ctx, message("T", "b"))
				errs <- err
			}()
		}
		eventually(t, "all wait", func() bool {
			short, stop := context.WithTimeout(background, 5*time.Millisecond)
			defer stop()
			return p.refs.Load() > senders || strings.Contains(fmt.Sprint(p.Flush(short)), fmt.Sprint(senders, " messages"))
		})
		if threads := pprof.Lookup("threadcreate").Count() - before; threads > gateWidth+50 {
			t.Errorf("%d more threads", threads)
		}
		cancel()
		all.Wait()
		for i := 0; i < senders; i++ {
			expect(t, <-errs, ErrCanceled)
		}
	}
}
