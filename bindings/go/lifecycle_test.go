//go:build cgo

package mqproducer

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

func checkRefused(t *testing.T, p *Producer, want error) {
	t.Helper()
	_, err := p.Send(background, message("T", "b"))
	expect(t, err, want)
	_, err = p.SendOneway(background, message("T", "b"))
	expect(t, err, want)
	err = p.SendAsync(background, message("T", "b"), func(*Receipt, error) { t.Error("called back") })
	expect(t, err, want)
}

func TestOrderOfLife(t *testing.T) {
	cluster := newCluster(t)
	p := newProducerOf(t, cluster.URL())
	checkRefused(t, p, ErrNotStarted)
	expect(t, p.Flush(background), ErrNotStarted)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	expect(t, p.Start(), ErrAlreadyStarted)
	if _, err := p.Send(background, message("T", "b")); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(background); err != nil {
		t.Fatal(err)
	}
	checkRefused(t, p, ErrClosed)
	expect(t, p.Start(), ErrClosed)
	if err := p.Flush(background); err != nil {
		t.Errorf("flush after close: %v", err)
	}
	if err := p.Close(background); err != nil {
		t.Errorf("second close: %v", err)
	}
	if err := (&Producer{}).Start(); !errors.Is(err, ErrClosed) {
		t.Errorf("the zero producer: %v", err)
	}
}

func TestOneThatNeverStartedCanBeClosed(t *testing.T) {
	p := newProducerOf(t, newCluster(t).URL())
	if err := p.Close(background); err != nil {
		t.Fatal(err)
	}
}

// Flush and Close see a message that its caller's thread sends, and a batch; others go beside it.
func TestWhatIsAloneIsInFlight(t *testing.T) {
	sends := map[string]func(*Producer) error{
		"message": func(p *Producer) error { _, err := p.Send(background, message("T", "b")); return err },
		"batch": func(p *Producer) error {
			_, err := p.SendBatch(background, []*Message{message("T", "b"), message("T", "c")})
			return err
		},
	}
	for name, send := range sends {
		t.Run(name, func(t *testing.T) {
			p := startedProducer(t, silentBroker(t), WithTimeout(time.Hour))
			alone, beside := make(chan error, 1), make(chan error, 1)
			go func() { alone <- send(p) }()
			eventually(t, "it is in flight", func() bool { return p.room.waitIdle(0) > 0 })
			go func() { beside <- send(p) }()
			ctx, cancel := context.WithTimeout(background, 50*time.Millisecond)
			defer cancel()
			expect(t, p.Flush(ctx), ErrTimeout)
			expect(t, p.Close(ctx), ErrTimeout)
			expect(t, receive(t, alone), ErrClosed)
			expect(t, receive(t, beside), ErrClosed)
		})
	}
}

func TestCloseCompletesWhatIsInFlightOnce(t *testing.T) {
	p := startedProducer(t, silentBroker(t), WithTimeout(time.Hour))
	const total = 50
	ends := make(chan error, 2*total)
	for i := 0; i < total; i++ {
		if err := p.SendAsync(background, message("T", "b"), func(_ *Receipt, err error) { ends <- err }); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(background, 50*time.Millisecond)
	defer cancel()
	expect(t, p.Flush(ctx), ErrTimeout)
	err := p.Close(ctx)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("close: %v", err)
	}
	expect(t, err, ErrTimeout)
	for i := 0; i < total; i++ {
		if e := expect(t, receive(t, ends), ErrClosed); !e.MaybePersisted && i == 0 {
			t.Errorf("%+v", e)
		}
	}
	select {
	case err := <-ends:
		t.Errorf("one more completion: %v", err)
	default:
	}
}

func TestCloseThatIsCancelledGoesOn(t *testing.T) {
	p := startedProducer(t, silentBroker(t), WithTimeout(2*time.Second), WithRetries(0))
	end := make(chan error, 1)
	if err := p.SendAsync(background, message("T", "b"), func(_ *Receipt, err error) { end <- err }); err != nil {
		t.Fatal(err)
	}
	// The deadline bounds the farewell, which the broker does not answer.
	ctx, cancel := context.WithTimeout(background, 4*time.Second)
	closed := make(chan error, 1)
	go func() { closed <- p.Close(ctx) }()
	eventually(t, "closing has begun", func() bool {
		return errors.Is(p.SendAsync(background, message("T", "b"), func(*Receipt, error) {}), ErrClosed)
	})
	cancel()
	expect(t, receive(t, closed), ErrCanceled, "goes on")
	expect(t, receive(t, end), ErrTimeout)
	eventually(t, "the handle is freed", func() bool { return p.refs.Load() == 0 })
}

func TestAForgottenProducerIsClosedButOnlyAfterItsMessages(t *testing.T) {
	cluster := newCluster(t)
	warned := make(chan string, 100)
	setLog(t, LevelWarn, func(_ Level, target, text string) {
		if target == "mqproducer.go" {
			warned <- text
		}
	})
	var ends atomic.Int32
	func() {
		p, err := New(cluster.URL(), "go-forgotten")
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
		for i := 0; i < 100; i++ {
			if err := p.SendAsync(background, message("T", "b"), func(_ *Receipt, err error) {
				if err == nil {
					ends.Add(1)
				}
			}); err != nil {
				t.Fatal(err)
			}
		}
		// What belongs to a refused message must not keep it either.
		expect(t, p.SendAsync(background, message("", "b"), func(*Receipt, error) {}), ErrInvalidMessage)
	}()
	eventually(t, "the collector closes it", func() bool { runtime.GC(); return len(warned) > 0 })
	if ends.Load() != 100 {
		t.Errorf("%d of 100 messages succeeded", ends.Load())
	}
}
