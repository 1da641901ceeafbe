//go:build cgo

package mqproducer

// #include "shim.h"
import "C"

import (
	"context"
	"runtime/cgo"
	"unsafe"
)

// SetTraceContext sets where messages get their W3C trace context, on a producer that is not started, in place of what
// was set before. The context goes to consumers as the message's property traceparent; brokers do not read it.
//
// function runs for each message that has neither a TraceParent nor a property traceparent of its own, for each message
// of a batch, too, before the send returns and never again for a retry. It receives the context of the send, and returns
// a traceparent (00-<32 hex digits>-<16 hex digits>-<2 hex digits>, in lower case) or the empty text for none; what is no
// such context is left out. It runs on the caller's goroutine or another, on several at the same time, and after a send
// that its context ended it may still run. It must not block: Send, Flush and Close return [ErrWouldDeadlock] there. A
// panic is reported to the log function and stands for none. Errors: [ErrAlreadyStarted], [ErrClosed],
// [ErrInvalidArgument].
func (p *Producer) SetTraceContext(function func(context.Context) string) error {
	if function == nil {
		return newError(StatusInvalidArgument, "`function` is nil")
	}
	if !p.acquire() {
		return closedError()
	}
	defer p.release()
	handle := cgo.NewHandle(function)
	if err := take(C.mqpgo_set_trace_context(p.handle, C.uintptr_t(handle))); err != nil {
		handle.Delete()
		return err
	}
	p.traced.Store(true)
	p.direct.Store(true)
	return nil
}

//export mqpgoTraceContext
func mqpgoTraceContext(handle, caller C.uintptr_t, out *C.char, capacity C.size_t) (length C.size_t) {
	callbacks.Add(1)
	defer callbacks.Add(-1)
	defer func() {
		if panicked := recover(); panicked != nil {
			reportPanic("the function of SetTraceContext", panicked)
			length = 0
		}
	}()
	ctx := context.Background()
	if caller != 0 {
		ctx = cgo.Handle(caller).Value().(context.Context)
	}
	text := cgo.Handle(handle).Value().(func(context.Context) string)(ctx)
	copy(unsafe.Slice((*byte)(unsafe.Pointer(out)), int(capacity)), text)
	// A length over the capacity tells the library that the text did not fit.
	return C.size_t(len(text))
}
