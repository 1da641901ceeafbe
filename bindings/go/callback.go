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

// callbacks is how many callbacks run now: while it is 0, no caller needs to ask the library's side about its thread.
var callbacks atomic.Int32

// inCallback tells whether the caller runs inside a callback, where waiting would be for ever.
func inCallback() bool {
	return callbacks.Load() > 0 && C.mqpgo_in_callback() != 0
}

type outcome struct {
	receipt *Receipt
	err     error
}

// A pending message is either called back or given up by its sender, whichever is first.
const (
	stateOpen int32 = iota
	stateCompleted
	stateGivenUp
)

// pending is a message between its acceptance and its completion. One of done and callback is set.
type pending struct {
	// producer is kept from the collector until the message is completed.
	producer *Producer
	done     chan outcome
	callback func(*Receipt, error)
	// bounded tells that the deadline came from a context.
	bounded bool
	state   atomic.Int32
}

func (p *pending) giveUp() bool { return p.state.CompareAndSwap(stateOpen, stateGivenUp) }

func (p *pending) complete(o outcome) {
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
	p.callback(o.receipt, o.err)
}

//export mqpgoComplete
func mqpgoComplete(handle C.uintptr_t, receipt *C.mqp_receipt_view, failure *C.mqp_error_view) {
	callbacks.Add(1)
	defer callbacks.Add(-1)
	h := cgo.Handle(handle)
	p := h.Value().(*pending)
	h.Delete()
	if failure != nil {
		p.complete(outcome{err: attribute(errorOf(failure), p.bounded)})
	} else {
		p.complete(outcome{receipt: receiptOf(receipt)})
	}
}

//export mqpgoLog
func mqpgoLog(handle C.uintptr_t, level C.uint32_t, target, message C.mqp_str) {
	callbacks.Add(1)
	defer callbacks.Add(-1)
	cgo.Handle(handle).Value().(*logger).call(Level(level), textOf(target), textOf(message))
}

//export mqpgoLogDrop
func mqpgoLogDrop(handle C.uintptr_t) {
	cgo.Handle(handle).Delete()
}

func reportPanic(where string, panicked any) {
	report(LevelError, fmt.Sprintf("%s panicked: %v\n%s", where, panicked, debug.Stack()))
}
