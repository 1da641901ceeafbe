//go:build cgo

package mqproducer

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
)

type traceKey struct{}

func TestATraceContextComesFromTheContextOfTheSend(t *testing.T) {
	records := make(chan string, 10)
	setLog(t, LevelError, func(_ Level, _, text string) { records <- text })
	cluster := newCluster(t)
	p := newProducerOf(t, cluster.URL())
	var calls atomic.Int32
	err := p.SetTraceContext(func(ctx context.Context) string {
		calls.Add(1)
		text, _ := ctx.Value(traceKey{}).(string)
		if text == "panic" {
			panic("on purpose")
		}
		return text
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	expect(t, p.SetTraceContext(func(context.Context) string { return "" }), ErrAlreadyStarted)
	other := strings.Replace(traceParent, "b7", "c8", 1)
	for name, c := range map[string]struct {
		told, own, stored string
		calls             int32
	}{
		"told":     {traceParent, "", traceParent, 3},
		"none":     {"", "", "", 3},
		"its own":  {traceParent, other, other, 0},
		"nonsense": {"nonsense", "", "", 3},
		"too long": {strings.Repeat("0", 5000), "", "", 3},
		"panic":    {"panic", "", "", 3},
	} {
		t.Run(name, func(t *testing.T) {
			for _, bounded := range []bool{false, true} {
				if err := cluster.Clear(); err != nil {
					t.Fatal(err)
				}
				calls.Store(0)
				ctx := context.WithValue(background, traceKey{}, c.told)
				if bounded {
					var cancel func()
					ctx, cancel = context.WithTimeout(ctx, patience)
					defer cancel()
				}
				m := message("T", "b")
				m.TraceParent = c.own
				if _, err := p.Send(ctx, m); err != nil {
					t.Fatal(err)
				}
				if _, err := p.SendOneway(ctx, m); err != nil {
					t.Fatal(err)
				}
				if err := p.SendAsync(ctx, m, func(*Receipt, error) {}); err != nil {
					t.Fatal(err)
				}
				checkTraced(t, p, cluster, c.stored)
				if calls.Load() != c.calls {
					t.Errorf("called %d times", calls.Load())
				}
				for i := 0; name == "panic" && i < 3; i++ {
					if record := receive(t, records); !strings.Contains(record, "SetTraceContext panicked: on purpose") {
						t.Errorf("logged %q", record)
					}
				}
			}
		})
	}
}

func checkTraced(t *testing.T, p *Producer, cluster *MockCluster, want string) {
	t.Helper()
	if err := p.Flush(background); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(background, patience)
	defer cancel()
	if err := cluster.Wait(ctx, "T", 3); err != nil {
		t.Fatal(err)
	}
	stored, err := cluster.Messages("T")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range stored {
		if m.Properties["traceparent"] != want {
			t.Errorf("stored %q, want %q", m.Properties["traceparent"], want)
		}
	}
}

func TestInATraceContextNothingBlocks(t *testing.T) {
	p := newProducerOf(t, newCluster(t).URL(), WithTimeout(patience))
	errs := make(chan error, 1)
	err := p.SetTraceContext(func(ctx context.Context) string {
		errs <- p.Flush(ctx)
		return ""
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Send(background, message("T", "b")); err != nil {
		t.Fatal(err)
	}
	expect(t, receive(t, errs), ErrWouldDeadlock)
	expect(t, newProducerOf(t, newCluster(t).URL()).SetTraceContext(nil), ErrInvalidArgument, "function")
	if err := p.Close(background); err != nil {
		t.Fatal(err)
	}
	expect(t, p.SetTraceContext(func(context.Context) string { return "" }), ErrClosed)
}

// What was replaced is let go, as is the last one when its producer is closed.
func TestTraceContextsAreLetGo(t *testing.T) {
	p := newProducerOf(t, newCluster(t).URL())
	released := make(chan string, 3)
	for _, name := range []string{"first", "second"} {
		watched := watch(name, released)
		if err := p.SetTraceContext(func(context.Context) string { return watched.text }); err != nil {
			t.Fatal(err)
		}
	}
	awaitRelease(t, released, "first")
	if err := p.Close(background); err != nil {
		t.Fatal(err)
	}
	awaitRelease(t, released, "second")
}
