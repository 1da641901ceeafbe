//go:build cgo

package mqproducer

// #include "shim.h"
import "C"

import (
	"fmt"
	"runtime/cgo"
	"runtime/debug"
	"sync/atomic"
)

// callbacks is how many callbacks of the library run now: while it is 0, no caller needs to ask the library's side about
// its thread.
var callbacks atomic.Int32

// inCallback tells whether the caller runs inside a callback, where waiting may be for ever.
func inCallback() bool {
	return callbacks.Load() > 0 && C.mqpgo_in_callback() != 0 || onRunner()
}

// outcome is the end of a call: what it gave, a receipt or a reply, or why it failed.
type outcome[T any] struct {
	value T
	err   error
}

// A message is either completed or given up by its sender, whichever is first. One that is gathered with others is open
// until it is handed to the library.
const (
	stateOpen int32 = iota
	stateHanded
	stateCompleted
	stateGivenUp
)

// pending is a request, reply or batch between its acceptance and its completion, of which a callback of the library
// tells. One of done and callback is set.
type pending[T any] struct {
	// producer is kept from the collector until the message is completed.
	producer *Producer
	done     chan outcome[T]
	callback func(T, error)
	// bounded tells that the deadline came from a context.
	bounded bool
	state   atomic.Int32
}

func (p *pending[T]) giveUp() bool { return p.state.CompareAndSwap(stateOpen, stateGivenUp) }

func (p *pending[T]) complete(o outcome[T]) {
	if !p.state.CompareAndSwap(stateOpen, stateCompleted) {
		return
	}
	if p.callback == nil {
		p.done <- o
		return
	}
	defer func() {
		if panicked := recover(); panicked != nil {
			reportPanic("a completion callback", panicked)
		}
	}()
	p.callback(o.value, o.err)
}

//export mqpgoComplete
func mqpgoComplete(
	handle C.uintptr_t, receipt *C.mqp_receipt_view, failure *C.mqp_error_view, stored *C.mqp_receipt, why *C.mqp_error,
) {
	callbacks.Add(1)
	defer callbacks.Add(-1)
	p := taken[*Receipt](handle)
	if failure != nil {
		p.complete(outcome[*Receipt]{err: attribute(errorOf(failure, why), p.bounded)})
	} else {
		p.complete(outcome[*Receipt]{value: receiptOf(receipt, stored)})
	}
}

// taken is what a completion's handle stands for; the handle is gone then.
func taken[T any](handle C.uintptr_t) *pending[T] {
	h := cgo.Handle(handle)
	defer h.Delete()
	return h.Value().(*pending[T])
}

//export mqpgoLog
func mqpgoLog(handle C.uintptr_t, level C.uint32_t, target, message C.mqp_str) {
	callbacks.Add(1)
	defer callbacks.Add(-1)
	cgo.Handle(handle).Value().(*logger).call(Level(level), textOf(target), textOf(message))
}

//export mqpgoDrop
func mqpgoDrop(handle C.uintptr_t) {
	cgo.Handle(handle).Delete()
}

func reportPanic(where string, panicked any) {
	report(LevelError, fmt.Sprintf("%s panicked: %v\n%s", where, panicked, debug.Stack()))
}
