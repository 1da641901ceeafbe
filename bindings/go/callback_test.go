//go:build cgo

package mqproducer

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestAPanicInACallbackIsReportedAndNothingIsLost(t *testing.T) {
	p := startedProducer(t, newCluster(t).URL())
	records := make(chan string, 100)
	setLog(t, LevelError, func(level Level, target, text string) { records <- fmt.Sprint(level, " ", target, " ", text) })
	var after atomic.Int32
	for i := 0; i < 10; i++ {
		i := i
		err := p.SendAsync(background, message("T", "b"), func(*Receipt, error) {
			if i == 3 {
				panic("on purpose")
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
	if after.Load() != 9 {
		t.Errorf("%d other callbacks ran", after.Load())
	}
	record := receive(t, records)
	for _, word := range []string{"ERROR mqproducer.go", "on purpose", "callback_test.go"} {
		if !strings.Contains(record, word) {
			t.Errorf("%q does not say %q", record, word)
		}
	}
}

func TestInACallbackNothingBlocks(t *testing.T) {
	cluster := newCluster(t)
	p := startedProducer(t, cluster.URL(), WithTopics("T"))
	ctx, cancel := context.WithTimeout(background, patience)
	defer cancel()
	type results struct{ send, flush, close, again error }
	done := make(chan results, 1)
	second := make(chan error, 1)
	err := p.SendAsync(background, message("T", "first"), func(_ *Receipt, err error) {
		var r results
		_, r.send = p.Send(ctx, message("T", "b"))
		r.flush = p.Flush(ctx)
		r.close = p.Close(ctx)
		r.again = p.SendAsync(ctx, message("T", "second"), func(_ *Receipt, err error) { second <- err })
		done <- r
	})
	if err != nil {
		t.Fatal(err)
	}
	r := receive(t, done)
	expect(t, r.send, ErrWouldDeadlock, "Send", "callback")
	expect(t, r.flush, ErrWouldDeadlock)
	expect(t, r.close, ErrWouldDeadlock, "Close", "callback")
	if r.again != nil {
		t.Fatal(r.again)
	}
	if err := receive(t, second); err != nil {
		t.Fatal(err)
	}
	if n, err := cluster.MessageCount("T"); n != 2 || err != nil {
		t.Errorf("%d messages, %v", n, err)
	}
}

// Calls of others fill the gate and wait for a route; a callback's send must not wait for them.
func TestACallbackPassesTheGate(t *testing.T) {
	routes := make(chan struct{}, 1)
	routes <- struct{}{}
	server := startFakeServer(t, routes)
	stuck := startedProducer(t, server.url, WithTopics("Known"), WithTimeout(time.Hour), With("mq_client_api_timeout", time.Hour))
	// One more, as one goes alone.
	for i := 0; i <= gateWidth; i++ {
		go stuck.Send(background, message("Unknown", "b"))
	}
	eventually(t, "the gate is full", func() bool { return len(stuck.gate) == gateWidth })
	p := startedProducer(t, newCluster(t).URL())
	passed := make(chan error, 1)
	err := p.SendAsync(background, message("T", "b"), func(*Receipt, error) {
		passed <- stuck.SendAsync(background, message("Known", "b"), func(*Receipt, error) {})
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := receive(t, passed); err != nil {
		t.Error(err)
	}
}

// Close comes while goroutines send in every mode: each accepted message completes once, no refused one does.
func TestEachAcceptedMessageCompletesOnce(t *testing.T) {
	cluster := newCluster(t)
	const senders, each = 8, 1000
	for _, closeEarly := range []bool{false, true} {
		if err := cluster.Clear(); err != nil {
			t.Fatal(err)
		}
		p := startedProducer(t, cluster.URL())
		var sent, stored, wrong atomic.Int64
		completed := make([]atomic.Int32, senders*each)
		accepted := make([]bool, senders*each)
		var all sync.WaitGroup
		for s := 0; s < senders; s++ {
			all.Add(1)
			go func(s int) {
				defer all.Done()
				for i := s * each; i < (s+1)*each; i++ {
					i, m := i, message("Once", fmt.Sprint("m", i))
					check := func(_ *Receipt, err error) {
						if err == nil {
							stored.Add(1)
						} else if !closeEarly {
							wrong.Add(1)
						}
					}
					sent.Add(1)
					switch {
					case i%10 == 9:
						check(p.SendOneway(background, m))
					case i%2 == 0:
						check(p.Send(background, m))
					default:
						err := p.SendAsync(background, m, func(r *Receipt, err error) {
							completed[i].Add(1)
							check(r, err)
						})
						accepted[i] = err == nil
					}
				}
			}(s)
		}
		if closeEarly {
			eventually(t, "some are sent", func() bool { return sent.Load() > senders*each/4 })
			runtime.GC()
		} else {
			all.Wait()
		}
		if err := p.Close(background); err != nil {
			t.Fatal(err)
		}
		all.Wait()
		for i := range completed {
			if n := completed[i].Load(); (n == 1) != accepted[i] || n > 1 {
				t.Fatalf("message %d: accepted %v, completed %d times", i, accepted[i], n)
			}
		}
		if wrong.Load() != 0 || !closeEarly && stored.Load() != senders*each {
			t.Errorf("%d stored, %d failed", stored.Load(), wrong.Load())
		}
		if closeEarly {
			continue
		}
		eventually(t, "all are in the cluster", func() bool {
			n, err := cluster.MessageCount("Once")
			return err == nil && int64(n) == stored.Load()
		})
	}
}

// What a callback holds is let go: after its call, and at once when the message is refused.
func TestCallbacksAreLetGo(t *testing.T) {
	cluster := echoCluster(t, "T")
	p := startedProducer(t, cluster.URL(), WithTimeout(patience))
	stored := []*Message{{Topic: "T", Body: []byte("b"), Properties: map[string]string{"a": "b"}}, message("T", "c")}
	for name, send := range map[string]func([]*Message, func(error)) error{
		"send": func(m []*Message, end func(error)) error {
			return p.SendAsync(background, m[0], func(_ *Receipt, err error) { end(err) })
		},
		"batch": func(m []*Message, end func(error)) error {
			return p.SendBatchAsync(background, m, func(_ []BatchEnd, err error) { end(err) })
		},
		"request": func(m []*Message, end func(error)) error {
			return p.RequestAsync(background, m[0], func(_ *ReceivedMessage, err error) { end(err) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			released, ends := make(chan string, 1), make(chan error, 1)
			call := func(m []*Message) error {
				w := watch("the callback", released)
				return send(m, func(err error) { _ = w.text; ends <- err })
			}
			if err := call(stored); err != nil {
				t.Fatal(err)
			}
			if err := receive(t, ends); err != nil {
				t.Error(err)
			}
			awaitRelease(t, released, "the callback")
			expect(t, call([]*Message{message("", "b"), message("", "b")}), ErrInvalidMessage)
			awaitRelease(t, released, "the callback")
		})
	}
}
