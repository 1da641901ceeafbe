//go:build cgo

package mqproducer

// #include "shim.h"
import "C"

import (
	"fmt"
	"runtime/cgo"
	"unsafe"
)

// SetMessageTransformer sets what may put another message in the place of each that is sent, on a producer of ActiveMQ
// that is not started, in place of what was set before. As the message transformer of ActiveMQ's Java client.
//
// transform receives a copy of each message, those of transactions and requests too, once and before all else: hooks see
// what it made, and so do the rules of destinations and of who waits. nil leaves the message as it is. An error refuses
// it, as a panic does: the send fails with [ErrInvalidMessage], which tells the error's text, at least the first 500 bytes
// of it. It runs inside the send, perhaps on another goroutine than its caller, on several at the same time, and must not
// block: Send, Flush and Close return [ErrWouldDeadlock] there. Errors: [ErrUnsupported] for RocketMQ,
// [ErrAlreadyStarted], [ErrClosed], [ErrInvalidArgument].
func (p *Producer) SetMessageTransformer(transform func(*Message) (*Message, error)) error {
	if transform == nil {
		return newError(StatusInvalidArgument, "`transform` is nil")
	}
	if !p.acquire() {
		return closedError()
	}
	defer p.release()
	handle := cgo.NewHandle(transform)
	if err := take(C.mqpgo_set_message_transformer(p.handle, C.uintptr_t(handle))); err != nil {
		handle.Delete()
		return err
	}
	p.direct.Store(true)
	return nil
}

//export mqpgoTransform
func mqpgoTransform(
	handle C.uintptr_t, view *C.mqp_message, transformed *C.mqp_transformed, reason *C.char, size C.size_t,
) C.uint32_t {
	callbacks.Add(1)
	defer callbacks.Add(-1)
	err := transformOne(cgo.Handle(handle).Value().(func(*Message) (*Message, error)), view, transformed)
	if err == nil {
		return 0
	}
	room := unsafe.Slice((*byte)(unsafe.Pointer(reason)), int(size))
	room[copy(room, shortened(err.Error(), len(room)-1))] = 0
	return 1
}

func transformOne(
	transform func(*Message) (*Message, error), view *C.mqp_message, transformed *C.mqp_transformed,
) (err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			reportPanic("the message transformer", panicked)
			err = fmt.Errorf("the message transformer panicked: %v", panicked)
		}
	}()
	made, err := transform(messageOf(view))
	if made == nil || err != nil {
		return err
	}
	numbers, err := made.numbers()
	if err != nil {
		return err
	}
	texts := packs.Get().(*packed)
	texts.addMessage(made)
	texts.end()
	defer texts.free()
	text, lengths := texts.first()
	body := made.Body
	if len(body) == 0 {
		body = nothing[:]
	}
	return take(C.mqpgo_transformed_set(transformed, text, lengths, (*C.uint8_t)(unsafe.Pointer(&body[0])), &numbers))
}
