//go:build cgo

package mqproducer

// #include "shim.h"
import "C"

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync/atomic"
	"time"
)

// Producer sends messages. Any number of goroutines may use one at the same time. Close it after use; one that is
// forgotten is closed, with a warning, when the collector finds it and no message of it is in flight.
type Producer struct {
	handle *C.mqp_producer
	// refs counts the calls under way, and 1 for the owner until Close: the last one frees the handle.
	refs   references
	owned  atomic.Bool
	closed atomic.Bool
	// traced tells that sends are asked for their trace context.
	traced atomic.Bool
	// direct tells that each send calls into the library by itself, which runs functions of the caller's then.
	direct atomic.Bool
	room   *room
	gather gatherer
	// last is the statistics when it was closed.
	last  atomic.Pointer[Statistics]
	drain *drain
	// gate holds a token of each call that may wait inside the library, where it holds a thread.
	gate chan struct{}
}

// gateWidth is how many threads one producer may hold at the same time, far below Go's limit of 10000 in all.
const gateWidth = 128

// New makes a producer; it does nothing until [Producer.Start]. The URL tells where to send: the name servers as in
// rocketmq://host:9876;host2:9876, or the embedded cluster as in mock://name. The group names the producers that do the
// same work. Errors: [ErrInvalidConfig], [ErrResource], [ErrVersionMismatch].
func New(url, group string, opts ...Option) (*Producer, error) {
	if err := checkVersion(); err != nil {
		return nil, err
	}
	s := settings{list: []setting{{"url", url}, {"producer_group", group}}}
	for _, opt := range opts {
		opt(&s)
	}
	if s.err != nil {
		return nil, s.err
	}
	p := &Producer{room: new(room), gate: make(chan struct{}, gateWidth)}
	if err := p.make(s.list); err != nil {
		return nil, err
	}
	p.refs.Store(1)
	p.owned.Store(true)
	runtime.SetFinalizer(p, (*Producer).forgotten)
	return p, nil
}

func (p *Producer) forgotten() {
	report(LevelWarn, "a producer was not closed before its last reference went")
	p.disown()
}

// disown gives up the owner's reference, once.
func (p *Producer) disown() {
	if p.owned.CompareAndSwap(true, false) {
		runtime.SetFinalizer(p, nil)
		p.release()
	}
}

// references counts who needs a handle: the last one to go frees it.
type references struct{ atomic.Int64 }

// acquire keeps the handle from being freed until release; false when it is freed already.
func (r *references) acquire() bool {
	for {
		n := r.Load()
		if n == 0 {
			return false
		}
		if r.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// release tells whether it was the last one.
func (r *references) release() (last bool) { return r.Add(-1) == 0 }

func (p *Producer) acquire() bool { return p.refs.acquire() }

func (p *Producer) release() {
	if p.refs.release() {
		C.mqp_producer_free(p.handle)
		p.handle = nil
		p.drain.finish()
	}
}

// Start makes the producer take messages; it waits for the routes of the topics named by [WithTopics]. When it fails it
// may be called again. Errors: [ErrAlreadyStarted], [ErrClosed], [ErrResource], [ErrWouldDeadlock].
func (p *Producer) Start() error {
	if !p.acquire() {
		return closedError()
	}
	defer p.release()
	var failure *C.mqp_error
	C.mqp_producer_start(p.handle, &failure)
	return take(failure)
}

// Flush waits until every message accepted so far is completed, its callback has returned, and one-way messages are
// handed to the operating system. It waits without an end when ctx has none, and only looks when its deadline has passed
// already. Errors: [ErrTimeout], [ErrCanceled], [ErrNotStarted], [ErrWouldDeadlock].
func (p *Producer) Flush(ctx context.Context) error {
	looks := errors.Is(ctx.Err(), context.DeadlineExceeded)
	if ctx.Err() != nil && !looks {
		return interrupted(ctx, "flush", false)
	}
	if !p.acquire() {
		return nil
	}
	if inCallback() {
		p.release()
		return wouldDeadlock("Flush")
	}
	left := countdown(ctx)
	flush := func() error {
		defer p.release()
		if messages := p.settle(left); messages > 0 {
			return attribute(notCompleted("flush", messages), left.bounded)
		}
		var failure *C.mqp_error
		C.mqp_producer_flush(p.handle, left.milliseconds(), &failure)
		return attribute(take(failure), left.bounded)
	}
	if looks {
		return flush()
	}
	err, ended := detached(ctx, flush)
	if !ended {
		return interrupted(ctx, "flush", false)
	}
	return err
}

// Close refuses further messages, waits for those in flight, says farewell to the brokers, and frees the producer. What
// is not completed at the deadline of ctx is completed with [ErrClosed]; without a deadline Close waits for all. When ctx
// is cancelled Close returns at once and the closing goes on by itself. A second Close has nothing to do.
// Errors: [ErrTimeout] and [ErrCanceled] (the producer is closed all the same), [ErrWouldDeadlock].
func (p *Producer) Close(ctx context.Context) error {
	if !p.acquire() {
		return nil
	}
	if inCallback() {
		p.release()
		return wouldDeadlock("Close")
	}
	left := countdown(ctx)
	closing := func() error {
		defer p.release()
		defer p.disown()
		p.room.close()
		p.settle(left)
		var failure *C.mqp_error
		C.mqp_producer_close(p.handle, left.milliseconds(), &failure)
		err := take(failure)
		// Everything has its end by now; what is told of it gets a moment more.
		if messages := p.room.waitIdle(max(left.most(), lastCalls)); messages > 0 && err == nil {
			err = notCompleted("close", messages)
		}
		if last, failure := p.counted(); failure == nil {
			p.last.Store(last)
		}
		return attribute(err, left.bounded)
	}
	err, ended := detached(ctx, closing)
	if !ended {
		return interrupted(ctx, "close goes on by itself", false)
	}
	return err
}

// settle waits until nothing is in flight, and tells how many messages are left at the end of the time. Meanwhile the
// library is asked to send what auto_batch holds back, again and again: messages may be handed to it only now.
func (p *Producer) settle(left remaining) (messages int) {
	for pause := time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		C.mqp_producer_flush(p.handle, 0, nil)
		most := left.most()
		last := most >= 0 && most <= pause
		if !last {
			most = pause
		}
		if messages = p.room.waitIdle(most); messages == 0 || last {
			return messages
		}
	}
}

// lastCalls is how long Close waits for callbacks after its deadline, as the library does.
const lastCalls = 2 * time.Second

func notCompleted(what string, messages int) error {
	e := newError(StatusTimeout, fmt.Sprintf("%s: the time passed with %d messages not completed", what, messages))
	e.Retriable, e.Code, e.HasCode = true, codeTimeout, true
	return e
}

// remaining is what is left of the time of a context when it began.
type remaining struct {
	until   time.Time
	bounded bool
}

func countdown(ctx context.Context) remaining {
	timeout, bounded := timeoutOf(ctx, 0, math.MaxUint32)
	if ctx.Err() != nil {
		timeout = 0
	}
	return remaining{time.Now().Add(time.Duration(timeout) * time.Millisecond), bounded}
}

// most is what is left; less than 0: there is no end.
func (r remaining) most() time.Duration {
	if !r.bounded {
		return -1
	}
	return max(time.Until(r.until), 0)
}

// milliseconds is the same for the library.
func (r remaining) milliseconds() C.uint32_t {
	if !r.bounded {
		return math.MaxUint32
	}
	return C.uint32_t(min(r.most().Milliseconds(), math.MaxUint32))
}

func wouldDeadlock(what string) error {
	return newError(StatusWouldDeadlock, what+" waits and was called in a callback, which it would wait for")
}

// timeoutOf is the time that the library gets: what is left of the context's, less a little, so that the library's error,
// which tells more than the context's, comes first. Without a deadline it is `none`.
func timeoutOf(ctx context.Context, none, most uint32) (ms uint32, bounded bool) {
	deadline, bounded := ctx.Deadline()
	if !bounded {
		return none, false
	}
	left := time.Until(deadline).Milliseconds()
	left -= min(left/10, 20)
	return uint32(min(max(left, 1), int64(most))), true
}

// detached returns what work returns; or false when ctx is done before, and work ends by itself later.
func detached[T any](ctx context.Context, work func() T) (result T, ended bool) {
	// In a callback the library refuses to wait, and only on this thread does it know.
	if ctx.Done() == nil || inCallback() {
		return work(), true
	}
	results := make(chan T, 1)
	go func() { results <- work() }()
	select {
	case result = <-results:
		return result, true
	case <-ctx.Done():
	}
	select {
	case result = <-results:
		return result, true
	default:
		return result, false
	}
}
