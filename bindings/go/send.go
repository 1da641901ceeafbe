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
// [ErrProtocol], [ErrBackpressure], [ErrForbidden], [ErrCanceled], and [ErrWouldDeadlock] in a callback.
func (p *Producer) Send(ctx context.Context, m *Message, opts ...SendOption) (*Receipt, error) {
	if inCallback() {
		return nil, wouldDeadlock("Send")
	}
	w := &pending{producer: p, done: make(chan outcome, 1)}
	if err := p.submit(ctx, m, w, opts); err != nil {
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
func (p *Producer) SendAsync(ctx context.Context, m *Message, done func(*Receipt, error), opts ...SendOption) error {
	if done == nil {
		return newError(StatusInvalidArgument, "`done` is nil")
	}
	return p.submit(ctx, m, &pending{producer: p, callback: done}, opts)
}

// SendOneway sends one message without asking for an answer: success means that it was handed to the connection, no
// more, and it is never repeated. The receipt has the status [SendUnconfirmed] and the offset -1. It waits, at most up to
// the deadline, until the connection is open. Errors: those of [Producer.Send] but [ErrBroker].
func (p *Producer) SendOneway(ctx context.Context, m *Message, opts ...SendOption) (*Receipt, error) {
	gated, err := p.enter(ctx, m)
	if err != nil {
		return nil, err
	}
	call := newSend(ctx, m, opts)
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
func (p *Producer) submit(ctx context.Context, m *Message, w *pending, opts []SendOption) error {
	gated, err := p.enter(ctx, m)
	if err != nil {
		return err
	}
	call := newSend(ctx, m, opts)
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

// send is the arguments of one call; those that the library gets are in memory without pointers.
type send struct {
	texts   *packed
	body    []byte
	numbers C.mqpgo_numbers
	bounded bool
	choose  *chooser
}

func newSend(ctx context.Context, m *Message, opts []SendOption) send {
	var selected selection
	for _, opt := range opts {
		opt(&selected)
	}
	timeout, bounded := timeoutOf(ctx, 0, longestSend)
	s := send{texts: packSend(m, &selected), body: m.Body, bounded: bounded, choose: selected.choose}
	s.numbers = C.mqpgo_numbers{
		property_count: C.size_t(len(m.Properties)),
		flag:           C.int32_t(m.Flag),
		timeout_ms:     C.uint32_t(timeout),
		selector:       C.uint32_t(selected.kind),
		queue_id:       C.int32_t(selected.queueID),
	}
	if m.NoWaitStore {
		s.numbers.no_wait_store = 1
	}
	if len(s.body) == 0 {
		s.body = nothing[:0]
	} else if ctx.Done() != nil {
		// The call may outlast the caller's, who is then free to change the body.
		s.body = bytes.Clone(s.body)
	}
	return s
}

// lend gives the library what chooses the queue, for one call, whose error tells what went wrong there.
func (s *send) lend() (giveBack func(error) error) {
	if s.choose == nil {
		return func(err error) error { return err }
	}
	handle := cgo.NewHandle(s.choose)
	s.numbers.chooser = C.uintptr_t(handle)
	return func(err error) error {
		handle.Delete()
		if err != nil && s.choose.err != nil {
			return s.choose.err
		}
		return err
	}
}

func (s *send) async(p *Producer, w *pending) error {
	defer s.texts.free()
	giveBack := s.lend()
	handle := cgo.NewHandle(w)
	body := s.body[:max(len(s.body), 1)]
	failure := C.mqpgo_send_async(
		p.handle, (*C.char)(unsafe.Pointer(&s.texts.text[0])), &s.texts.lengths[0],
		(*C.uint8_t)(unsafe.Pointer(&body[0])), C.size_t(len(s.body)), s.numbers, C.uintptr_t(handle))
	if failure != nil {
		handle.Delete()
	}
	return giveBack(attribute(take(failure), s.bounded))
}

func (s *send) oneway(p *Producer) outcome {
	defer s.texts.free()
	giveBack := s.lend()
	body := s.body[:max(len(s.body), 1)]
	var receipt *C.mqp_receipt
	var view C.mqp_receipt_view
	failure := C.mqpgo_send_oneway(
		p.handle, (*C.char)(unsafe.Pointer(&s.texts.text[0])), &s.texts.lengths[0],
		(*C.uint8_t)(unsafe.Pointer(&body[0])), C.size_t(len(s.body)), s.numbers, &receipt, &view)
	defer C.mqp_receipt_free(receipt)
	if err := giveBack(attribute(take(failure), s.bounded)); err != nil {
		return outcome{err: err}
	}
	return outcome{receipt: receiptOf(&view)}
}
