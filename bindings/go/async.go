//go:build cgo

package mqproducer

// #include "shim.h"
import "C"

import (
	"context"
	"sync/atomic"
	"time"
	"unsafe"
)

// SendEnd is how one message ended: one of Receipt and Err is set.
type SendEnd struct {
	// Receipt is the broker's receipt; nil when the message failed.
	Receipt *Receipt
	// Err is why it failed, an [*Error]; nil when it did not.
	Err error
}

// Send sends one message and waits for its end; failed tries are repeated as retry_times_when_send_failed says. It holds
// no thread, but for a message that is alone on its way, with a ctx that cannot be cancelled (as context.Background): that
// one goes by the caller's thread, which is quickest, one of each producer at a time. The deadline of ctx, up to an hour,
// is the message's, over all tries; without one the configured send_msg_timeout is.
//
// When ctx is done Send returns at once. It does not take the message back: one that was handed to the library goes on by
// itself, and whatever becomes of it is dropped, once. The error says by MaybePersisted whether that is so.
//
// To ActiveMQ the message asks for an answer whatever its delivery mode is, and takes no room in the producer window.
//
// Errors: [ErrInvalidArgument], [ErrInvalidMessage], [ErrMessageTooLarge], [ErrNotStarted], [ErrClosed],
// [ErrNoNameServer], [ErrNoRoute], [ErrBrokerNotFound], [ErrConnect], [ErrConnectionLost], [ErrTimeout], [ErrBroker],
// [ErrProtocol], [ErrBackpressure], [ErrForbidden], [ErrCanceled], and [ErrWouldDeadlock] in a callback.
func (p *Producer) Send(ctx context.Context, m *Message, opts ...SendOption) (*Receipt, error) {
	if inCallback() {
		return nil, wouldDeadlock("Send")
	}
	if r, err, sent := p.sendAlone(ctx, m, opts); sent {
		return r, err
	}
	s := &sending{producer: p, awaited: true, end: make(chan SendEnd, 1)}
	if err := p.begin(ctx, m, opts, s); err != nil {
		return nil, err
	}
	select {
	case end := <-s.end:
		return end.Receipt, end.Err
	case <-ctx.Done():
	}
	if gaveUp, handed := s.giveUp(); gaveUp {
		return nil, interrupted(ctx, "send", handed)
	}
	end := <-s.end
	return end.Receipt, end.Err
}

// enterAlone takes the handle, and room for messages that nothing else is in flight beside; or neither.
func (p *Producer) enterAlone(taken load) bool {
	if !p.acquire() {
		return false
	}
	if !p.room.enterAlone(taken) {
		p.release()
		return false
	}
	return true
}

// leaveAlone gives both back.
func (p *Producer) leaveAlone(taken load) {
	p.room.leave(taken)
	p.release()
}

// sendAlone sends a message that nothing else is in flight beside, on the caller's thread: then none has to be woken. It
// leaves it to others when there are other messages, or when it may have to return before the end.
func (p *Producer) sendAlone(ctx context.Context, m *Message, opts []SendOption) (r *Receipt, err error, sent bool) {
	if ctx.Done() != nil || m == nil || len(opts) > 0 || p.direct.Load() {
		return nil, nil, false
	}
	taken := load{1, len(m.Body)}
	if !p.enterAlone(taken) {
		return nil, nil, false
	}
	defer p.leaveAlone(taken)
	call := immediates.Get().(*immediate)
	defer call.free()
	if err := call.read(ctx, m, nil, &call.texts); err != nil {
		return nil, err, true
	}
	call.begin(ctx, p)
	if r, err = call.now(p, 0, call.told); err == nil {
		p.gather.learn(m.Topic)
	} else {
		p.gather.unlearn(m.Topic)
	}
	return r, attribute(err, call.bounded), true
}

// SendAsync sends one message and returns; done is called exactly once with its end when SendAsync returned nil, perhaps
// before it returned, and never otherwise. Failed tries are repeated as retry_times_when_send_async_failed says. Messages
// that come while others are handed to the library go together, so that this is the cheapest way to send many. The
// messages of one goroutine go in its order.
//
// The deadline of ctx is the message's; cancelling ctx afterwards has no effect. SendAsync waits, at most up to the
// deadline, only for the first route of a topic and, with backpressure = block or wait_forever, for room in flight, which
// a message takes until done has returned; in a callback it fails with [ErrBackpressure] where there is no room.
//
// done runs on a goroutine of the producer, one call after the other: see "Callbacks" in the package's documentation.
// Errors, returned or given to done: those of [Producer.Send].
func (p *Producer) SendAsync(ctx context.Context, m *Message, done func(*Receipt, error), opts ...SendOption) error {
	if done == nil {
		return newError(StatusInvalidArgument, "`done` is nil")
	}
	return p.begin(ctx, m, opts, &sending{producer: p, callback: done})
}

// SendChannel sends one message as [Producer.SendAsync] does; its end comes through the channel, which holds it until it
// is received, and gets nothing more. The channel is nil when there is an error.
func (p *Producer) SendChannel(ctx context.Context, m *Message, opts ...SendOption) (<-chan SendEnd, error) {
	s := &sending{producer: p, end: make(chan SendEnd, 1)}
	if err := p.begin(ctx, m, opts, s); err != nil {
		return nil, err
	}
	return s.end, nil
}

// sending is one message from its acceptance to its end.
type sending struct {
	// producer is kept from the collector until the message has ended.
	producer *Producer
	topic    string
	bytes    int
	// awaited tells that somebody waits for the end: that is a synchronous send to the library.
	awaited bool
	// bounded tells that the deadline came from a context.
	bounded bool
	state   atomic.Int32
	// Who is told of the end: one of these.
	end      chan SendEnd
	callback func(*Receipt, error)
	group    *group
	// index is the message's in its group.
	index int
}

// giveUp takes the message off its sender, if it has not ended before; handed tells that it is with the library.
func (s *sending) giveUp() (gaveUp, handed bool) {
	if s.state.CompareAndSwap(stateOpen, stateGivenUp) {
		return true, false
	}
	return s.state.CompareAndSwap(stateHanded, stateGivenUp), true
}

// tell tells whoever waits, unless that is a callback.
func (s *sending) tell(end SendEnd) {
	if s.group != nil {
		s.group.ended(s.index, end)
		return
	}
	s.end <- end
}

func (s *sending) call(end SendEnd) {
	defer func() {
		if panicked := recover(); panicked != nil {
			reportPanic("a completion callback", panicked)
		}
	}()
	s.callback(end.Receipt, end.Err)
}

func (s *sending) read(end *C.mqpgo_ending) SendEnd {
	if end.failed != nil {
		return SendEnd{Err: attribute(errorOf(end.failed, end.why), s.bounded)}
	}
	return SendEnd{Receipt: receiptOf(&end.receipt, end.stored)}
}

// begin takes a message: it owes its end to s from then on, unless it returns an error.
func (p *Producer) begin(ctx context.Context, m *Message, opts []SendOption, s *sending) error {
	if m == nil {
		return newError(StatusInvalidArgument, "`message` is nil")
	}
	numbers, err := m.numbers()
	if err != nil {
		return err
	}
	selected, err := selectQueue(opts)
	if err != nil {
		return err
	}
	if !p.acquire() {
		return closedError()
	}
	s.topic, s.bytes = m.Topic, len(m.Body)
	how, err := p.room.enter(ctx, s.bytes)
	if err != nil {
		p.release()
		return err
	}
	taken, begin := false, false
	options := selected.options()
	options.timeout_ms, s.bounded = timeLeft(ctx, how.left)
	if s.awaited {
		options.awaited = 1
	}
	if !how.crowded && !p.direct.Load() && selected.choose == nil && s.bytes <= largeBody {
		taken, begin, err = p.gather.add(ctx, m, &numbers, selected, options, s)
	}
	switch {
	case begin:
		// The reference is its from now on.
		go p.handOver()
	case taken:
		p.release()
	case err != nil:
		p.room.leave(load{1, s.bytes})
		p.release()
	default:
		err = p.sendDirect(ctx, &send{
			texts: packs.Get().(*packed), body: m.Body, message: numbers, options: options, choose: selected.choose,
		}, m, selected, s)
	}
	return err
}

// sendDirect hands over one message by itself, as a call that may wait inside the library: for a route, or for a selector
// and hooks. It has a reference of the producer.
func (p *Producer) sendDirect(ctx context.Context, call *send, m *Message, selected *selection, s *sending) error {
	// What was sent before goes before.
	if passed := p.gather.passed(); passed != nil {
		select {
		case <-passed:
		case <-ctx.Done():
			p.room.leave(load{1, s.bytes})
			p.release()
			return interrupted(ctx, "send", false)
		}
	}
	call.fill(ctx, m, selected)
	gated, err := p.pass(ctx, "send")
	if err != nil {
		p.room.leave(load{1, s.bytes})
		return err
	}
	if p.traced.Load() {
		call.context = ctx
	}
	s.state.Store(stateHanded)
	err, ended := detached(ctx, func() error {
		defer p.leave(gated)
		defer call.texts.free()
		giveBack := call.lend()
		ticket := p.drain.admit(s)
		err := giveBack(attribute(take(call.queued(p, ticket)), s.bounded))
		if err != nil {
			p.gather.unlearn(s.topic)
			p.drain.takeBack(ticket)
			return err
		}
		p.gather.learn(s.topic)
		return nil
	})
	if ended {
		return err
	}
	// A message that was completed before it could be given up is what the caller asked for.
	if gaveUp, _ := s.giveUp(); gaveUp {
		return interrupted(ctx, "send", true)
	}
	return nil
}

func (s *send) queued(p *Producer, ticket C.uintptr_t) *C.mqp_error {
	text, lengths := s.texts.first()
	return C.mqpgo_send_queued(
		p.handle, p.drain.completions, text, lengths, (*C.uint8_t)(unsafe.Pointer(&s.body[0])), &s.message, &s.options,
		ticket)
}

// timeLeft is the time that the library gets for a message: of the context's deadline, or else what is left of the
// configured one; 0: all of it. Long times are rounded down, so that messages sent together have the same.
func timeLeft(ctx context.Context, left time.Duration) (ms C.uint32_t, bounded bool) {
	timeout, bounded := timeoutOf(ctx, uint32(left.Milliseconds()), longestSend)
	if timeout > 256 {
		timeout &^= 15
	}
	return C.uint32_t(timeout), bounded
}
