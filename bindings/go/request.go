//go:build cgo

package mqproducer

// #include "shim.h"
import "C"

import (
	"context"
	"fmt"
	"strconv"
	"time"
	"unsafe"
)

// Request sends a request and waits for the reply of whoever consumes it, without holding a thread. The broker hands the
// reply to this producer, which it knows by its heartbeats. The deadline of ctx, up to an hour, is that of the whole
// request, its sending included; without one the configured send_msg_timeout is. When the sending fails, the request
// fails at once with its error. When ctx is done Request returns at once; a reply that comes later is dropped.
//
// The message has no delay, and no properties called CORRELATION_ID, REPLY_TO_CLIENT or TTL, which the library sets.
//
// Errors: those of [Producer.Send]; [ErrRequestTimeout] when no reply came in time, with MaybePersisted.
func (p *Producer) Request(ctx context.Context, m *Message, opts ...SendOption) (*ReceivedMessage, error) {
	call, err := newRequest(ctx, m, opts)
	if err != nil {
		return nil, err
	}
	return await[*ReceivedMessage](ctx, p, call, "Request", (*send).requestAsync)
}

// RequestAsync sends a request and returns; done is called exactly once with the reply, or why there is none, when
// RequestAsync returned nil, perhaps before it returned, and never otherwise. The deadline of ctx is as in
// [Producer.Request]; cancelling ctx afterwards has no effect. The request counts as in flight until done has returned:
// Flush waits for it, and Close, when its time is over, ends it with [ErrClosed]. RequestAsync itself waits no longer than
// [Producer.SendAsync] does.
//
// done runs on the library's thread: see "Callbacks" in the package's documentation. Errors, returned or given to done:
// those of [Producer.Request].
func (p *Producer) RequestAsync(
	ctx context.Context, m *Message, done func(*ReceivedMessage, error), opts ...SendOption,
) error {
	if done == nil {
		return newError(StatusInvalidArgument, "`done` is nil")
	}
	call, err := newRequest(ctx, m, opts)
	if err != nil {
		return err
	}
	return submit(ctx, call, &pending[*ReceivedMessage]{producer: p, callback: done}, (*send).requestAsync)
}

func newRequest(ctx context.Context, m *Message, opts []SendOption) (*send, error) {
	call, err := newSend(ctx, m, opts)
	if err != nil {
		return nil, err
	}
	call.request = true
	return call, nil
}

func (s *send) requestAsync(p *Producer, handle C.uintptr_t) *C.mqp_error {
	text, lengths := s.texts.first()
	return C.mqpgo_request_async(
		p.handle, text, lengths, (*C.uint8_t)(unsafe.Pointer(&s.body[0])), &s.message, &s.options, handle)
}

//export mqpgoCompleteRequest
func mqpgoCompleteRequest(
	handle C.uintptr_t, reply *C.mqp_received_message, failure *C.mqp_error_view, why *C.mqp_error,
) {
	callbacks.Add(1)
	defer callbacks.Add(-1)
	p := taken[*ReceivedMessage](handle)
	var o outcome[*ReceivedMessage]
	if failure != nil {
		o.err = attribute(errorOf(failure, why), p.bounded)
	} else {
		o.value, o.err = receivedOf(reply)
	}
	p.complete(o)
}

// ReplyTo tells where the reply to a request goes.
type ReplyTo struct {
	// CorrelationID is required: the property CORRELATION_ID of the request.
	CorrelationID string
	// ReplyToClient is required: the client that asked, the property REPLY_TO_CLIENT.
	ReplyToClient string
	// Cluster is required: the cluster that stored the request, the property CLUSTER.
	Cluster string
	// TTL is how long the client waits from its request on, in whole milliseconds: the property TTL, which is handed on and
	// nothing depends on. 0: none.
	TTL time.Duration
}

// ReplyToOf reads where the reply to a request goes from the properties of the request, as whatever consumed it tells
// them. Errors: [ErrInvalidArgument], which names the property that is missing or no number.
func ReplyToOf(properties map[string]string) (ReplyTo, error) {
	to := ReplyTo{
		CorrelationID: properties["CORRELATION_ID"],
		ReplyToClient: properties["REPLY_TO_CLIENT"],
		Cluster:       properties["CLUSTER"],
	}
	for name, value := range map[string]string{
		"CORRELATION_ID": to.CorrelationID, "REPLY_TO_CLIENT": to.ReplyToClient, "CLUSTER": to.Cluster,
	} {
		if value == "" {
			return ReplyTo{}, newError(StatusInvalidArgument, fmt.Sprintf("the request has no property `%s`", name))
		}
	}
	if text, ok := properties["TTL"]; ok {
		ms, err := strconv.ParseUint(text, 10, 32)
		if err != nil {
			what := "the request's property `TTL` = `%s` is no number of milliseconds"
			return ReplyTo{}, newError(StatusInvalidArgument, fmt.Sprintf(what, text))
		}
		to.TTL = time.Duration(ms) * time.Millisecond
	}
	return to, nil
}

// ReplyTo tells where the reply to this message goes, as [ReplyToOf] its properties.
func (m *ReceivedMessage) ReplyTo() (ReplyTo, error) { return ReplyToOf(m.Properties) }

// Reply replies to a request that something else consumed, and waits for the receipt of the broker, which hands the reply
// to the client that asked. The reply goes to the reply topic of the request's cluster: the topic of the message is not
// read. It has no delay, and no properties called MSG_TYPE, CORRELATION_ID, REPLY_TO_CLIENT or TTL, which the library
// sets. Deadline and cancelling are as in [Producer.Send].
//
// Errors: those of [Producer.Send]; [ErrInvalidArgument] for what to does not tell; [ErrBroker] with the code 1 when no
// broker of the cluster knows the client any more.
func (p *Producer) Reply(ctx context.Context, to ReplyTo, m *Message, opts ...SendOption) (*Receipt, error) {
	call, err := newReply(ctx, to, m, opts)
	if err != nil {
		return nil, err
	}
	return await[*Receipt](ctx, p, call, "Reply", (*send).replyAsync)
}

// ReplyAsync replies to a request and returns; done is called with the end as by [Producer.SendAsync]. Errors, returned
// or given to done: those of [Producer.Reply].
func (p *Producer) ReplyAsync(
	ctx context.Context, to ReplyTo, m *Message, done func(*Receipt, error), opts ...SendOption,
) error {
	if done == nil {
		return newError(StatusInvalidArgument, "`done` is nil")
	}
	call, err := newReply(ctx, to, m, opts)
	if err != nil {
		return err
	}
	return submit(ctx, call, &pending[*Receipt]{producer: p, callback: done}, (*send).replyAsync)
}

func newReply(ctx context.Context, to ReplyTo, m *Message, opts []SendOption) (*send, error) {
	ttl, err := milliseconds("TTL", to.TTL)
	if err != nil {
		return nil, err
	}
	texts := packs.Get().(*packed)
	texts.add(to.CorrelationID)
	texts.add(to.ReplyToClient)
	texts.add(to.Cluster)
	call, err := prepare(ctx, m, opts, texts)
	if err != nil {
		return nil, err
	}
	call.ttl = ttl
	return call, nil
}

func (s *send) replyAsync(p *Producer, handle C.uintptr_t) *C.mqp_error {
	text, lengths := s.texts.first()
	return C.mqpgo_reply_async(
		p.handle, text, lengths, (*C.uint8_t)(unsafe.Pointer(&s.body[0])), &s.message, &s.options, s.ttl, handle)
}
