//go:build cgo

package mqproducer

import (
	"context"
	"errors"
	"runtime/pprof"
	"sync"
	"testing"
	"time"
)

// crowdedProducer has room for two messages, which a silent broker has: the room is taken.
func crowdedProducer(t *testing.T, opts ...Option) *Producer {
	t.Helper()
	opts = append([]Option{With("max_in_flight_messages", 2), WithTimeout(time.Hour)}, opts...)
	p := startedProducer(t, silentBroker(t), opts...)
	for i := 0; i < 2; i++ {
		if _, err := p.SendChannel(background, message("T", "b")); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

func TestWithoutRoomASendFailsWhenToldSo(t *testing.T) {
	p := crowdedProducer(t, With("backpressure", "fail"))
	for i := 0; i < 3; i++ {
		err := p.SendAsync(background, message("T", "b"), func(*Receipt, error) { t.Error("called back") })
		if e := expect(t, err, ErrBackpressure, "2 messages", "`max_in_flight_messages` is 2"); !e.Retriable || e.MaybePersisted {
			t.Errorf("%+v", e)
		}
	}
	// The refusals are the library's, which counts them.
	statistics, err := p.Statistics()
	if err != nil {
		t.Fatal(err)
	}
	if refused := count(t, statistics).Refused; len(refused) != 1 || refused[0].Cause != "BACKPRESSURE" || refused[0].Value != 3 {
		t.Errorf("%+v", refused)
	}
	if left := p.room.waitIdle(0); left != 2 {
		t.Errorf("%d in flight", left)
	}
}

func TestWaitingForRoomEnds(t *testing.T) {
	for policy, c := range map[string]struct {
		atDeadline error
		words      []string
	}{
		"block":        {ErrBackpressure, []string{"2 messages"}},
		"wait_forever": {ErrTimeout, []string{"deadline"}},
	} {
		t.Run(policy, func(t *testing.T) {
			p := crowdedProducer(t, With("backpressure", policy))
			ctx, cancel := context.WithTimeout(background, 30*time.Millisecond)
			defer cancel()
			_, err := p.Send(ctx, message("T", "b"))
			if e := expect(t, err, c.atDeadline, c.words...); !errors.Is(e, context.DeadlineExceeded) || e.MaybePersisted {
				t.Errorf("%+v", e)
			}
			ctx, cancel = context.WithCancel(background)
			ends := make(chan error, 1)
			go func() { ends <- p.SendAsync(ctx, message("T", "b"), func(*Receipt, error) { t.Error("called back") }) }()
			awaitSeekers(t, p, 1)
			cancel()
			if e := expect(t, receive(t, ends), ErrCanceled); !errors.Is(e, context.Canceled) || e.MaybePersisted {
				t.Errorf("%+v", e)
			}
			go func() { _, err := p.SendChannel(background, message("T", "b")); ends <- err }()
			awaitSeekers(t, p, 1)
			ctx, cancel = context.WithTimeout(background, time.Millisecond)
			defer cancel()
			expect(t, p.Close(ctx), ErrTimeout)
			expect(t, receive(t, ends), ErrClosed)
		})
	}
	// The configured deadline holds where the context has none, and what is left of it is the message's.
	r := &room{maxMessages: 1, maxBytes: 100, policy: "block", timeout: 50 * time.Millisecond}
	if how, err := r.enter(background, 1); err != nil || how != (entered{}) {
		t.Errorf("%+v, %v", how, err)
	}
	_, err := r.enter(background, 1)
	if e := expect(t, err, ErrBackpressure, "1 messages and 1 bytes"); e.Unwrap() != nil {
		t.Errorf("%+v", e)
	}
	r.timeout = time.Hour
	hows := make(chan entered, 1)
	go func() { how, _ := r.enter(background, 1); hows <- how }()
	eventually(t, "it waits", func() bool { r.mu.Lock(); defer r.mu.Unlock(); return len(r.queue) == 1 })
	r.leave(load{1, 1})
	if how := receive(t, hows); how.left <= 0 || how.left > time.Hour || how.crowded {
		t.Errorf("%+v", how)
	}
}

func awaitSeekers(t *testing.T, p *Producer, count int) {
	t.Helper()
	eventually(t, "they wait for room", func() bool {
		p.room.mu.Lock()
		defer p.room.mu.Unlock()
		return len(p.room.queue) == count
	})
}

// Who waits for room holds a goroutine, not a thread; and gets it in turn.
func TestManyThatWaitForRoomNeedNoThreads(t *testing.T) {
	const senders = 2000
	p := crowdedProducer(t)
	threads := pprof.Lookup("threadcreate").Count()
	ctx, cancel := context.WithCancel(background)
	var all sync.WaitGroup
	for i := 0; i < senders; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			_, err := p.Send(ctx, message("T", "b"))
			expect(t, err, ErrCanceled)
		}()
	}
	awaitSeekers(t, p, senders)
	if more := pprof.Lookup("threadcreate").Count() - threads; more > 10 || len(p.gate) != 0 {
		t.Errorf("%d more threads, %d in the gate", more, len(p.gate))
	}
	cancel()
	all.Wait()
	awaitSeekers(t, p, 0)
}

func TestACallbackDoesNotWaitForRoom(t *testing.T) {
	cluster := newCluster(t)
	p := startedProducer(t, cluster.URL(), With("max_in_flight_messages", 1))
	errs := make(chan error, 1)
	for i := 0; i < 2; i++ {
		err := p.SendAsync(background, message("T", "b"), func(*Receipt, error) {
			errs <- p.SendAsync(background, message("T", "in a callback"), func(*Receipt, error) {})
		})
		if err != nil {
			t.Fatal(err)
		}
		expect(t, receive(t, errs), ErrBackpressure, "`max_in_flight_messages` is 1")
	}
	if err := p.Flush(background); err != nil {
		t.Fatal(err)
	}
	if n := len(awaitMessages(t, cluster, "", 2)); n != 2 {
		t.Errorf("%d messages", n)
	}
}

// Little room is used again and again by many senders, and none is lost.
func TestLittleRoomIsEnough(t *testing.T) {
	const senders, each = 16, 100
	for _, bound := range []Option{With("max_in_flight_messages", 3), With("max_in_flight_bytes", 1024)} {
		cluster := newCluster(t)
		p := startedProducer(t, cluster.URL(), bound, WithTimeout(time.Minute))
		var all sync.WaitGroup
		for i := 0; i < senders; i++ {
			i := i
			all.Add(1)
			go func() {
				defer all.Done()
				for n := 0; n < each; n++ {
					body := string(make([]byte, 1+(i*n*37)%1500))
					if err := p.SendAsync(background, message("T", body), func(_ *Receipt, err error) {
						if err != nil {
							t.Error(err)
						}
					}); err != nil {
						t.Error(err)
					}
				}
			}()
		}
		all.Wait()
		if err := p.Flush(background); err != nil {
			t.Fatal(err)
		}
		if n, err := cluster.MessageCount("T"); n != senders*each || err != nil {
			t.Errorf("%d messages, %v", n, err)
		}
		if p.room.taken != (load{}) {
			t.Errorf("%+v is taken", p.room.taken)
		}
	}
}

func TestRoomGoesToTheOldest(t *testing.T) {
	r := &room{maxMessages: 10, maxBytes: 100, policy: "block", timeout: time.Hour}
	enter := func(bytes int) chan error {
		ends := make(chan error, 1)
		go func() { _, err := r.enter(background, bytes); ends <- err }()
		return ends
	}
	seekers := func(count int) {
		t.Helper()
		eventually(t, "they wait", func() bool {
			r.mu.Lock()
			defer r.mu.Unlock()
			return len(r.queue) == count
		})
	}
	if err := receive(t, enter(60)); err != nil {
		t.Fatal(err)
	}
	large := enter(1000)
	seekers(1)
	small := enter(1)
	seekers(2)
	r.leave(load{1, 60})
	if err := receive(t, large); err != nil {
		t.Fatal(err)
	}
	seekers(1)
	r.leave(load{1, 1000})
	if err := receive(t, small); err != nil {
		t.Fatal(err)
	}
	// One that gives up lets those behind it in.
	ctx, cancel := context.WithCancel(background)
	gone := make(chan error, 1)
	go func() { _, err := r.enter(ctx, 200); gone <- err }()
	seekers(1)
	small = enter(1)
	seekers(2)
	cancel()
	expect(t, receive(t, gone), ErrCanceled)
	if err := receive(t, small); err != nil {
		t.Fatal(err)
	}
}
