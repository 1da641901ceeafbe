//go:build cgo

package mqproducer

// #include "shim.h"
import "C"

import (
	"bytes"
	"context"
	"runtime/cgo"
	"sync"
	"unsafe"
)

// longestSend is the library's limit of one message's deadline: an hour.
const longestSend = 3_600_000

// nothing gives an empty body an address.
var nothing [1]byte

// SendOneway sends one message without asking for an answer: success means that it was handed to the connection, no
// more, and it is never repeated. The receipt has the status [SendUnconfirmed] and the offset -1. It waits, at most up to
// the deadline, until the connection is open. Errors: those of [Producer.Send] but [ErrBroker].
func (p *Producer) SendOneway(ctx context.Context, m *Message, opts ...SendOption) (*Receipt, error) {
	if ctx.Done() == nil && len(opts) == 0 && !p.traced.Load() {
		return p.sendOneway(ctx, m)
	}
	call, err := newSend(ctx, m, opts)
	if err != nil {
		return nil, err
	}
	return held(ctx, p, "one-way send", func() (*Receipt, error) {
		return lent(ctx, p, call, func(call *send, p *Producer) (*Receipt, error) {
			return call.now(p, 1, new(C.mqpgo_read))
		})
	})
}

// sendOneway is SendOneway without what few sends need.
func (p *Producer) sendOneway(ctx context.Context, m *Message) (*Receipt, error) {
	call := immediates.Get().(*immediate)
	defer call.free()
	if err := call.read(ctx, m, nil, &call.texts); err != nil {
		return nil, err
	}
	gated, err := p.enter(ctx, "one-way send")
	if err != nil {
		return nil, err
	}
	defer p.leave(gated)
	call.begin(ctx, p)
	r, err := call.now(p, 1, call.told)
	return r, attribute(err, call.bounded)
}

// immediate is a call on the caller's thread, with all the memory that it needs, which is kept for others.
type immediate struct {
	send
	texts packed
	// told is by itself: C must not see what the rest points to.
	told *C.mqpgo_read
}

var immediates = sync.Pool{New: func() any { return &immediate{told: new(C.mqpgo_read)} }}

func (i *immediate) free() {
	i.send = send{}
	if i.texts.empty() {
		immediates.Put(i)
	}
}

// enter begins a call that may wait inside the library. So many are let in at the same time as may hold a thread; but a
// callback is let in always: its thread is held anyway, and the others may wait for it to return.
func (p *Producer) enter(ctx context.Context, what string) (gated bool, err error) {
	if ctx.Err() != nil {
		return false, interrupted(ctx, what, false)
	}
	if !p.acquire() {
		return false, closedError()
	}
	return p.pass(ctx, what)
}

// pass is enter for who has a reference of the producer, which is gone after an error.
func (p *Producer) pass(ctx context.Context, what string) (gated bool, err error) {
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
		return false, interrupted(ctx, what, false)
	}
}

func (p *Producer) leave(gated bool) {
	if gated {
		<-p.gate
	}
	p.release()
}

// handing is how a call reaches the library, which owes the completion to the handle when the error is nil.
type handing func(call *send, p *Producer, handle C.uintptr_t) *C.mqp_error

// await hands a call to the library and waits for its end, without holding a thread.
func await[T any](ctx context.Context, p *Producer, call *send, name string, hand handing) (value T, err error) {
	if inCallback() {
		return value, wouldDeadlock(name)
	}
	w := &pending[T]{producer: p, done: make(chan outcome[T], 1)}
	if err := submit(ctx, call, w, hand); err != nil {
		return value, err
	}
	select {
	case o := <-w.done:
		return o.value, o.err
	case <-ctx.Done():
	}
	if w.giveUp() {
		return value, call.interrupted(ctx)
	}
	o := <-w.done
	return o.value, o.err
}

// submit hands a call to the library, which from then on owes its completion to w.
func submit[T any](ctx context.Context, call *send, w *pending[T], hand handing) error {
	p := w.producer
	gated, err := p.enter(ctx, call.what())
	if err != nil {
		return err
	}
	call.begin(ctx, p)
	w.bounded = call.bounded
	err, ended := detached(ctx, func() error {
		defer p.leave(gated)
		defer call.texts.free()
		handle := cgo.NewHandle(w)
		giveBack := call.lend()
		failure := hand(call, p, C.uintptr_t(handle))
		if failure != nil {
			handle.Delete()
		}
		return giveBack(attribute(take(failure), call.bounded))
	})
	// A message that was completed before it could be given up is what the caller asked for.
	if !ended && w.giveUp() {
		return call.interrupted(ctx)
	}
	return err
}

// held makes a call that holds a thread until its end.
func held[T any](ctx context.Context, p *Producer, what string, work func() (T, error)) (value T, err error) {
	gated, err := p.enter(ctx, what)
	if err != nil {
		return value, err
	}
	o, ended := detached(ctx, func() outcome[T] {
		defer p.leave(gated)
		value, err := work()
		return outcome[T]{value, err}
	})
	if !ended {
		return value, interrupted(ctx, what, true)
	}
	return o.value, o.err
}

// lent makes a call that is over when it returns.
func lent[T any](ctx context.Context, p *Producer, call *send, work func(*send, *Producer) (T, error)) (T, error) {
	call.begin(ctx, p)
	defer call.texts.free()
	giveBack := call.lend()
	value, err := work(call, p)
	return value, giveBack(attribute(err, call.bounded))
}

// receiving makes a call that gives an owned receipt.
func receiving(call func(receipt **C.mqp_receipt, view *C.mqp_receipt_view) *C.mqp_error) (*Receipt, error) {
	var receipt *C.mqp_receipt
	var view C.mqp_receipt_view
	failure := call(&receipt, &view)
	defer C.mqp_receipt_free(receipt)
	if failure != nil {
		return nil, take(failure)
	}
	return receiptOf(&view, receipt), nil
}

// send is the arguments of one call; those that the library gets are in memory without pointers.
type send struct {
	texts   *packed
	body    []byte
	message C.mqpgo_message
	options C.mqpgo_options
	bounded bool
	choose  *chooser
	// context is of the caller, when the producer asks it for a trace context.
	context context.Context
	// request tells that a reply is awaited.
	request bool
	// ttl is a reply's.
	ttl C.uint32_t
	// batch is the messages of a batch, in place of message; their bodies stand one behind the other.
	batch []C.mqpgo_message
	split C.uint32_t
}

func newSend(ctx context.Context, m *Message, opts []SendOption) (*send, error) {
	return prepare(ctx, m, opts, packs.Get().(*packed))
}

// prepare reads the arguments of a call; further texts may stand before them.
func prepare(ctx context.Context, m *Message, opts []SendOption, texts *packed) (*send, error) {
	s := new(send)
	return s, s.read(ctx, m, opts, texts)
}

func (s *send) read(ctx context.Context, m *Message, opts []SendOption, texts *packed) error {
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
	s.texts, s.body, s.message = texts, m.Body, numbers
	s.options, s.choose = selected.options(), selected.choose
	s.fill(ctx, m, selected)
	return nil
}

// fill copies the texts, and the body when the call may outlast the caller's, who is then free to change it.
func (s *send) fill(ctx context.Context, m *Message, selected *selection) {
	s.texts.addSelection(selected)
	s.texts.addMessage(m)
	s.texts.end()
	if len(s.body) == 0 {
		s.body = nothing[:]
	} else if ctx.Done() != nil {
		s.body = bytes.Clone(s.body)
	}
}

// begin gives the call what is left of the time.
func (s *send) begin(ctx context.Context, p *Producer) {
	timeout, bounded := timeoutOf(ctx, 0, longestSend)
	s.options.timeout_ms, s.bounded = C.uint32_t(timeout), bounded
	if p.traced.Load() {
		s.context = ctx
	}
}

// lend gives the library, for one call, what chooses the queue, whose error tells what went wrong there, and the context.
func (s *send) lend() (giveBack func(error) error) {
	if s.choose == nil && s.context == nil {
		return func(err error) error { return err }
	}
	var handles []cgo.Handle
	borrow := func(value any) C.uintptr_t {
		handles = append(handles, cgo.NewHandle(value))
		return C.uintptr_t(handles[len(handles)-1])
	}
	if s.choose != nil {
		s.options.chooser = borrow(s.choose)
	}
	if s.context != nil {
		s.options.context = borrow(s.context)
	}
	return func(err error) error {
		for _, handle := range handles {
			handle.Delete()
		}
		if err != nil && s.choose != nil && s.choose.err != nil {
			return s.choose.err
		}
		return err
	}
}

func (s *send) what() string {
	if s.request {
		return "request"
	}
	return "send"
}

// interrupted is the error of a call that was handed to the library when its context ended.
func (s *send) interrupted(ctx context.Context) error {
	if s.request {
		return requestInterrupted(ctx)
	}
	return interrupted(ctx, "send", true)
}

// now sends the message and waits for its end on the caller's thread; told is memory for it.
func (s *send) now(p *Producer, oneway C.uint32_t, told *C.mqpgo_read) (*Receipt, error) {
	text, lengths := s.texts.first()
	failure := C.mqpgo_send_now(
		p.handle, text, lengths, (*C.uint8_t)(unsafe.Pointer(&s.body[0])), &s.message, &s.options, oneway, told)
	if failure != nil {
		return nil, take(failure)
	}
	if told.more != nil {
		return received(told.more)
	}
	r := new(Receipt)
	texts := unsafe.Slice((*byte)(unsafe.Pointer(&told.texts[0])), used(&told.row))
	receiptIn(r, &told.row, string(texts))
	return r, nil
}

// received reads an owned receipt.
func received(receipt *C.mqp_receipt) (*Receipt, error) {
	defer C.mqp_receipt_free(receipt)
	view := C.mqp_receipt_view{struct_size: C.sizeof_mqp_receipt_view}
	var failure *C.mqp_error
	if C.mqp_receipt_get(receipt, &view, &failure) != C.MQP_OK {
		return nil, take(failure)
	}
	return receiptOf(&view, receipt), nil
}
