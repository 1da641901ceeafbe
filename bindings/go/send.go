//go:build cgo

package mqproducer

// #include "shim.h"
import "C"

import (
	"bytes"
	"context"
	"runtime/cgo"
	"unsafe"
)

// longestSend is the library's limit of one message's deadline: an hour.
const longestSend = 3_600_000

// nothing gives an empty body an address.
var nothing [1]byte

// Send sends one message and waits for its end; failed tries are repeated as retry_times_when_send_async_failed says. No
// thread is held while the broker's answer is awaited. When ctx is done it returns at once; the message may be stored
// all the same when the error says MaybePersisted.
//
// Errors: [ErrInvalidArgument], [ErrInvalidMessage], [ErrMessageTooLarge], [ErrNotStarted], [ErrClosed],
// [ErrNoNameServer], [ErrNoRoute], [ErrBrokerNotFound], [ErrConnect], [ErrConnectionLost], [ErrTimeout], [ErrBroker],
// [ErrProtocol], [ErrBackpressure], [ErrCanceled], and [ErrWouldDeadlock] in a callback.
func (p *Producer) Send(ctx context.Context, m *Message) (*Receipt, error) {
	if inCallback() {
		return nil, wouldDeadlock("Send")
	}
	w := &pending{producer: p, done: make(chan outcome, 1)}
	if err := p.submit(ctx, m, w); err != nil {
		return nil, err
	}
	select {
	case o := <-w.done:
		return o.receipt, o.err
	case <-ctx.Done():
	}
	if w.giveUp() {
		return nil, interrupted(ctx, "send", true)
	}
	o := <-w.done
	return o.receipt, o.err
}

// SendAsync sends one message and returns; done is called exactly once with its end when SendAsync returned nil, perhaps
// before it returned, and never otherwise. The deadline of ctx is the message's; cancelling ctx afterwards has no
// effect. SendAsync waits, at most up to the deadline, only for a route that is not known yet and, with backpressure =
// block or wait_forever, for room in flight; in a callback it fails with [ErrBackpressure] where there is no room.
//
// done runs on the library's thread, one after the other for the whole process: see "Callbacks" in the package's
// documentation. Errors, returned or given to done: those of [Producer.Send].
func (p *Producer) SendAsync(ctx context.Context, m *Message, done func(*Receipt, error)) error {
	if done == nil {
		return newError(StatusInvalidArgument, "`done` is nil")
	}
	return p.submit(ctx, m, &pending{producer: p, callback: done})
}

// SendOneway sends one message without asking for an answer: success means that it was handed to the connection, no
// more, and it is never repeated. The receipt has the status [SendUnconfirmed] and the offset -1. It waits, at most up to
// the deadline, until the connection is open. Errors: those of [Producer.Send] but [ErrBroker].
func (p *Producer) SendOneway(ctx context.Context, m *Message) (*Receipt, error) {
	gated, err := p.enter(ctx, m)
	if err != nil {
		return nil, err
	}
	call := newSend(ctx, m)
	o, ended := detached(ctx, func() outcome {
		defer p.leave(gated)
		return call.oneway(p)
	})
	if !ended {
		return nil, interrupted(ctx, "one-way send", true)
	}
	return o.receipt, o.err
}

// enter begins a call that may wait inside the library. So many are let in at the same time as may hold a thread; but a
// callback is let in always: its thread is held anyway, and the others may wait for it to return.
func (p *Producer) enter(ctx context.Context, m *Message) (gated bool, err error) {
	if m == nil {
		return false, newError(StatusInvalidArgument, "`message` is nil")
	}
	if ctx.Err() != nil {
		return false, interrupted(ctx, "send", false)
	}
	if !p.acquire() {
		return false, closedError()
	}
	select {
	case p.gate <- struct{}{}:
		return true, nil
	default:
	}
	if inCallback() {
		return false, nil
	}
	select {
	case p.gate <- struct{}{}:
		return true, nil
	case <-ctx.Done():
		p.release()
		return false, interrupted(ctx, "send", false)
	}
}

func (p *Producer) leave(gated bool) {
	if gated {
		<-p.gate
	}
	p.release()
}

// submit hands a message to the library, which from then on owes its completion to w.
func (p *Producer) submit(ctx context.Context, m *Message, w *pending) error {
	gated, err := p.enter(ctx, m)
	if err != nil {
		return err
	}
	call := newSend(ctx, m)
	w.bounded = call.bounded
	err, ended := detached(ctx, func() error {
		defer p.leave(gated)
		return call.async(p, w)
	})
	// A message that was completed before it could be given up is what the caller asked for.
	if !ended && w.giveUp() {
		return interrupted(ctx, "send", true)
	}
	return err
}

// send is the arguments of one call, in memory without pointers.
type send struct {
	texts       *packed
	properties  int
	body        []byte
	flag        int32
	noWaitStore bool
	timeout     uint32
	bounded     bool
}

func newSend(ctx context.Context, m *Message) send {
	s := send{
		texts: packMessage(m), properties: len(m.Properties), body: m.Body, flag: m.Flag, noWaitStore: m.NoWaitStore,
	}
	s.timeout, s.bounded = timeoutOf(ctx, 0, longestSend)
	if len(s.body) == 0 {
		s.body = nothing[:0]
	} else if ctx.Done() != nil {
		// The call may outlast the caller's, who is then free to change the body.
		s.body = bytes.Clone(s.body)
	}
	return s
}

func (s *send) noWait() C.uint32_t {
	if s.noWaitStore {
		return 1
	}
	return 0
}

func (s *send) async(p *Producer, w *pending) error {
	defer s.texts.free()
	handle := cgo.NewHandle(w)
	body := s.body[:max(len(s.body), 1)]
	failure := C.mqpgo_send_async(
		p.handle, (*C.char)(unsafe.Pointer(&s.texts.text[0])), &s.texts.lengths[0], C.size_t(s.properties),
		(*C.uint8_t)(unsafe.Pointer(&body[0])), C.size_t(len(s.body)), C.int32_t(s.flag), s.noWait(),
		C.uint32_t(s.timeout), C.uintptr_t(handle))
	if failure == nil {
		return nil
	}
	handle.Delete()
	return attribute(take(failure), s.bounded)
}

func (s *send) oneway(p *Producer) outcome {
	defer s.texts.free()
	body := s.body[:max(len(s.body), 1)]
	var receipt *C.mqp_receipt
	var view C.mqp_receipt_view
	failure := C.mqpgo_send_oneway(
		p.handle, (*C.char)(unsafe.Pointer(&s.texts.text[0])), &s.texts.lengths[0], C.size_t(s.properties),
		(*C.uint8_t)(unsafe.Pointer(&body[0])), C.size_t(len(s.body)), C.int32_t(s.flag), s.noWait(),
		C.uint32_t(s.timeout), &receipt, &view)
	defer C.mqp_receipt_free(receipt)
	if failure != nil {
		return outcome{err: attribute(take(failure), s.bounded)}
	}
	return outcome{receipt: receiptOf(&view)}
}
