//go:build cgo

package mqproducer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// libraryThreads are the names of the threads that the library has made, as the kernel knows them.
func libraryThreads(t *testing.T) (names []string) {
	t.Helper()
	files, err := filepath.Glob("/proc/self/task/*/comm")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d threads, %v", len(files), err)
	}
	for _, file := range files {
		// A thread may be gone by now.
		if name, err := os.ReadFile(file); err == nil && strings.HasPrefix(string(name), "mqp-") {
			names = append(names, strings.TrimSpace(string(name)))
		}
	}
	return names
}

// Many messages of one goroutine: each completes once, on few threads, and few calls cross into C.
func TestAHundredThousandMessagesOfOneGoroutine(t *testing.T) {
	const total, mostThreads, mostCalls = 100_000, 3, 60
	cluster := newCluster(t)
	// On a slow machine the last ones wait long behind the others.
	p := startedProducer(t, cluster.URL(), WithTopics("Many"), WithTimeout(30*time.Minute))
	completed := make([]atomic.Int32, total)
	var ended, failed atomic.Int32
	calls, start, threads := runtime.NumCgoCall(), time.Now(), 0
	m := message("Many", "")
	for i := 0; i < total; i++ {
		i := i
		m.Body = fmt.Appendf(m.Body[:0], "message %d", i)
		err := p.SendAsync(background, m, func(r *Receipt, err error) {
			completed[i].Add(1)
			ended.Add(1)
			if err != nil || r.SendStatus != SendOK {
				failed.Add(1)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if i%10_000 == 0 {
			// The last look counts: those of an earlier test may be ending at the first ones.
			threads = len(libraryThreads(t))
		}
	}
	if err := p.Flush(background); err != nil {
		t.Fatal(err)
	}
	took := time.Since(start)
	calls = runtime.NumCgoCall() - calls
	for i := range completed {
		if n := completed[i].Load(); n != 1 {
			t.Fatalf("message %d completed %d times", i, n)
		}
	}
	if ended.Load() != total || failed.Load() != 0 {
		t.Errorf("%d ended, %d failed", ended.Load(), failed.Load())
	}
	if n, err := cluster.MessageCount("Many"); n != total || err != nil {
		t.Errorf("%d messages, %v", n, err)
	}
	if threads == 0 || threads > mostThreads {
		t.Errorf("%d threads of the library: %q", threads, libraryThreads(t))
	}
	if calls*1000 > mostCalls*total {
		t.Errorf("%d cgo calls for %d completions", calls, total)
	}
	t.Logf("%.1f cgo calls per 1000 completions; %d threads of the library; %.0f messages/s",
		float64(calls)*1000/total, threads, total/took.Seconds())
}

func TestMessagesOfOneGoroutineKeepTheirOrder(t *testing.T) {
	const total = 2000
	cluster := newCluster(t)
	p := startedProducer(t, cluster.URL(), WithTimeout(patience))
	called := make(chan int, total)
	for i := 0; i < total; i++ {
		i, m := i, message("T", fmt.Sprint(i))
		if i%500 == 250 {
			// One that goes by itself.
			m.Body = append(m.Body, make([]byte, largeBody)...)
		}
		ctx := background
		if i%3 == 0 {
			// Deadlines differ, so that it is not one run.
			short, cancel := context.WithTimeout(background, patience+time.Duration(i%7)*time.Second)
			defer cancel()
			ctx = short
		}
		err := p.SendAsync(ctx, m, func(_ *Receipt, err error) {
			if err != nil {
				t.Error(err)
			}
			called <- i
		}, WithQueue("broker-a", 1))
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Flush(background); err != nil {
		t.Fatal(err)
	}
	if len(called) != total {
		t.Errorf("%d calls", len(called))
	}
	for i, m := range awaitMessages(t, cluster, "T", total) {
		if text := strings.TrimRight(string(m.Body), "\x00"); text != fmt.Sprint(i) || m.QueueID != 1 || m.QueueOffset != int64(i) {
			t.Fatalf("message %d is %q in queue %d at %d", i, text, m.QueueID, m.QueueOffset)
		}
	}
}

func TestAnEndThroughAChannel(t *testing.T) {
	cluster := newCluster(t)
	p := startedProducer(t, cluster.URL())
	for i := 0; i < 3; i++ {
		ends, err := p.SendChannel(background, message("T", "b"))
		if err != nil {
			t.Fatal(err)
		}
		end := receive(t, ends)
		if end.Err != nil || end.Receipt.MessageID == "" {
			t.Errorf("%+v", end)
		}
	}
	if n := len(awaitMessages(t, cluster, "T", 3)); n != 3 {
		t.Errorf("%d messages", n)
	}
	if ends, err := p.SendChannel(background, message("", "b")); ends != nil {
		t.Errorf("a channel with %v", err)
	} else {
		expect(t, err, ErrInvalidMessage)
	}
	// What is wrong with one that is gathered comes as its end; and the next one is not the worse for it.
	bad := message("T", "b")
	bad.Properties = map[string]string{"a": ""}
	for _, c := range []struct {
		m    *Message
		want error
	}{{bad, ErrInvalidMessage}, {message("T", ""), ErrInvalidMessage}} {
		if _, err := p.Send(background, message("T", "b")); err != nil {
			t.Fatal(err)
		}
		ends, err := p.SendChannel(background, c.m)
		if err != nil {
			t.Fatal(err)
		}
		end := receive(t, ends)
		if e := expect(t, end.Err, c.want); strings.Contains(e.Message, "messages[") {
			t.Errorf("%+v", e)
		}
		if len(ends) != 0 || end.Receipt != nil {
			t.Errorf("%+v", end)
		}
	}
}

// Who waits for the end has the retries of a synchronous send.
func TestEachModeHasItsRetries(t *testing.T) {
	cluster := newCluster(t)
	p := startedProducer(t, cluster.URL(), WithTimeout(patience), With("retry_times_when_send_failed", 0))
	for _, known := range []bool{false, true} {
		for name, c := range map[string]struct {
			send func() error
			want error
		}{
			"Send":     {func() error { _, err := p.Send(background, message("T", "b")); return err }, ErrBroker},
			"SendMany": {func() error { _, err := p.SendMany(background, []*Message{message("T", "b")}); return err }, ErrBroker},
			"SendChannel": {func() error {
				ends, err := p.SendChannel(background, message("T", "b"))
				if err != nil {
					return err
				}
				return receive(t, ends).Err
			}, nil},
		} {
			if known {
				p.gather.learn("T")
			} else {
				p.gather.unlearn("T")
			}
			push(t, cluster, MockFault{Action: MockFaultAnswer, RequestCode: codeSend, Count: 1, ResponseCode: 2})
			if err := c.send(); !errors.Is(err, c.want) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestAFlushWithoutTimeOnlyLooks(t *testing.T) {
	ctx, cancel := context.WithTimeout(background, 0)
	defer cancel()
	p := startedProducer(t, newCluster(t).URL())
	for i := 0; i < 100; i++ {
		if _, err := p.Send(background, message("T", "b")); err != nil {
			t.Fatal(err)
		}
		if err := p.Flush(ctx); err != nil {
			t.Fatal(err)
		}
	}
	silent := startedProducer(t, silentBroker(t), WithTimeout(time.Hour))
	if _, err := silent.SendChannel(background, message("T", "b")); err != nil {
		t.Fatal(err)
	}
	if e := expect(t, silent.Flush(ctx), ErrTimeout, "1 messages"); !errors.Is(e, context.DeadlineExceeded) {
		t.Errorf("%+v", e)
	}
}

// It is gathered, but not handed over, when its context ends: then it is never sent.
func TestCancellingBeforeTheLibraryHasIt(t *testing.T) {
	cluster := newCluster(t)
	p := startedProducer(t, cluster.URL())
	if _, err := p.Send(background, message("T", "first")); err != nil {
		t.Fatal(err)
	}
	// As if a call into the library took long.
	p.gather.mu.Lock()
	p.gather.current = &gathered{handed: make(chan struct{})}
	p.gather.mu.Unlock()
	ctx, cancel := context.WithCancel(background)
	ends := make(chan error, 2)
	go func() {
		_, err := p.Send(ctx, message("T", "given up"))
		ends <- err
	}()
	go func() {
		// This one goes by itself, and waits for those before it.
		_, err := p.Send(ctx, message("Other", "given up"))
		ends <- err
	}()
	eventually(t, "both wait", func() bool {
		p.gather.mu.Lock()
		defer p.gather.mu.Unlock()
		return p.gather.waiting != nil && p.room.waitIdle(0) == 2
	})
	cancel()
	for i := 0; i < 2; i++ {
		if e := expect(t, receive(t, ends), ErrCanceled); e.MaybePersisted || !errors.Is(e, context.Canceled) {
			t.Errorf("%+v", e)
		}
	}
	p.acquire()
	p.handOver()
	if err := p.Flush(background); err != nil {
		t.Fatal(err)
	}
	if stored := awaitMessages(t, cluster, "", 1); string(stored[0].Body) != "first" {
		t.Errorf("%+v", stored)
	}
}

// It is with the broker when its context ends: its end comes later, once, and is dropped; nothing stays behind.
func TestTheEndOfACancelledMessageIsDropped(t *testing.T) {
	cluster := newCluster(t)
	p := startedProducer(t, cluster.URL(), WithTimeout(patience))
	for _, known := range []string{"by itself", "gathered"} {
		t.Run(known, func(t *testing.T) {
			push(t, cluster, MockFault{
				Action: MockFaultDelay, RequestCode: codeSend, Count: 1, Delay: 300 * time.Millisecond,
			})
			ctx, cancel := context.WithCancel(background)
			released := make(chan string, 1)
			ends := make(chan error, 1)
			go func() {
				w := watch("the context", released)
				_, err := p.Send(context.WithValue(ctx, watched{}, w), message("T", known))
				ends <- err
			}()
			eventually(t, "the message is with the library", func() bool {
				p.drain.mu.Lock()
				defer p.drain.mu.Unlock()
				return len(p.drain.sent) > len(p.drain.free)
			})
			cancel()
			if e := expect(t, receive(t, ends), ErrCanceled); !e.MaybePersisted {
				t.Errorf("%+v", e)
			}
			if err := p.Flush(background); err != nil {
				t.Fatal(err)
			}
			if left := p.room.waitIdle(0); left != 0 || len(p.drain.sent) != len(p.drain.free) {
				t.Errorf("%d in flight, %d places, %d of them free", left, len(p.drain.sent), len(p.drain.free))
			}
			awaitRelease(t, released, "the context")
		})
	}
	if n := len(awaitMessages(t, cluster, "T", 2)); n != 2 {
		t.Errorf("%d messages", n)
	}
}

func TestGoexitInACallbackEndsOnlyThatCall(t *testing.T) {
	p := startedProducer(t, newCluster(t).URL())
	var after atomic.Int32
	for i := 0; i < 300; i++ {
		i := i
		err := p.SendAsync(background, message("T", "b"), func(*Receipt, error) {
			if i%100 == 50 {
				runtime.Goexit()
			}
			after.Add(1)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Flush(background); err != nil {
		t.Fatal(err)
	}
	if after.Load() != 297 {
		t.Errorf("%d other calls", after.Load())
	}
	eventually(t, "no runner is left", func() bool { return runners.Load() == 0 })
}

// A callback is known as one however deep the call stands in it, and no other goroutine is taken for one.
func TestCallsInsideACallbackAreKnown(t *testing.T) {
	p := startedProducer(t, newCluster(t).URL())
	var deep func(depth int) bool
	deep = func(depth int) bool {
		if depth > 0 {
			return deep(depth-1) && depth >= 0
		}
		return inCallback()
	}
	inside, outside := make(chan bool), make(chan bool)
	err := p.SendAsync(background, message("T", "b"), func(*Receipt, error) {
		for depth := 0; depth < 200; depth++ {
			inside <- deep(depth)
		}
		go func() { outside <- deep(100) }()
		<-inside
	})
	if err != nil {
		t.Fatal(err)
	}
	for depth := 0; depth < 200; depth++ {
		if !receive(t, inside) {
			t.Errorf("not known %d calls deep", depth)
		}
	}
	if receive(t, outside) || deep(10) {
		t.Error("known where it is not")
	}
	inside <- true
}

// A callback that blocks delays other callbacks, and nothing else.
func TestACallbackThatBlocksHoldsNoSendUp(t *testing.T) {
	p := startedProducer(t, newCluster(t).URL())
	gate := make(chan struct{})
	if err := p.SendAsync(background, message("T", "b"), func(*Receipt, error) { <-gate }); err != nil {
		t.Fatal(err)
	}
	for i := 0; i < 10; i++ {
		if _, err := p.Send(background, message("T", "b")); err != nil {
			t.Fatal(err)
		}
	}
	short, cancel := context.WithTimeout(background, 50*time.Millisecond)
	defer cancel()
	expect(t, p.Flush(short), ErrTimeout)
	close(gate)
	if err := p.Flush(background); err != nil {
		t.Fatal(err)
	}
}

// Descriptors and goroutines go with their producer.
func TestAProducerLeavesNothingBehind(t *testing.T) {
	cluster := newCluster(t)
	count := func() (files, goroutines int) {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(entries), runtime.NumGoroutine()
	}
	keep := startedProducer(t, cluster.URL())
	files, goroutines := count()
	for i := 0; i < 50; i++ {
		p, err := New(cluster.URL(), "go-tests")
		if err != nil {
			t.Fatal(err)
		}
		if i%2 == 0 {
			if err := p.Start(); err != nil {
				t.Fatal(err)
			}
			if _, err := p.SendChannel(background, message("T", "b")); err != nil {
				t.Fatal(err)
			}
		}
		if err := p.Close(background); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "all is given back", func() bool {
		now, running := count()
		return now <= files && running <= goroutines
	})
	if _, err := keep.Send(background, message("T", "b")); err != nil {
		t.Fatal(err)
	}
}
