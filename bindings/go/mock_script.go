//go:build cgo

package mqproducer

// #include "shim.h"
import "C"

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"
	"unsafe"
)

// MockFaultAction is what a server of a [MockCluster] does to a request.
type MockFaultAction uint32

// What servers do to requests.
const (
	// MockFaultNone: no fault hit the request.
	MockFaultNone MockFaultAction = C.MQP_MOCK_FAULT_NONE
	// MockFaultAnswer: the request is not executed; the answer has ResponseCode and Remark.
	MockFaultAnswer MockFaultAction = C.MQP_MOCK_FAULT_ANSWER
	// MockFaultChangeAnswer: the request is executed, and its answer gets ResponseCode and Remark while its fields stay, as
	// when a message is stored but was not flushed in time (code 10).
	MockFaultChangeAnswer MockFaultAction = C.MQP_MOCK_FAULT_CHANGE_ANSWER
	// MockFaultDelay: the request is executed at once and well; its answer comes after Delay.
	MockFaultDelay MockFaultAction = C.MQP_MOCK_FAULT_DELAY
	// MockFaultDrop: the request is not executed and not answered.
	MockFaultDrop MockFaultAction = C.MQP_MOCK_FAULT_DROP
	// MockFaultLoseAnswer: the request is executed and not answered.
	MockFaultLoseAnswer MockFaultAction = C.MQP_MOCK_FAULT_LOSE_ANSWER
	// MockFaultCloseBefore: the connection is closed in place of an answer; the request is not executed.
	MockFaultCloseBefore MockFaultAction = C.MQP_MOCK_FAULT_CLOSE_BEFORE
	// MockFaultCloseAfter: the connection is closed in place of an answer; the request is executed.
	MockFaultCloseAfter MockFaultAction = C.MQP_MOCK_FAULT_CLOSE_AFTER
	// MockFaultHalfAnswer: the request is executed, the first half of its answer is written, and the connection is closed.
	MockFaultHalfAnswer MockFaultAction = C.MQP_MOCK_FAULT_HALF_ANSWER
	// MockFaultGarbage: the request is not executed; Bytes, 64 of 0xff when there are none, come in place of an answer.
	MockFaultGarbage MockFaultAction = C.MQP_MOCK_FAULT_GARBAGE
	// MockFaultStopReading: nothing more of this connection is read or written until Delay is over or faults are cleared;
	// with 0, until they are cleared. Then the request is executed and answered.
	MockFaultStopReading MockFaultAction = C.MQP_MOCK_FAULT_STOP_READING
)

// String is the name of the action, such as LOSE_ANSWER.
func (a MockFaultAction) String() string {
	names := [...]string{
		"NONE", "ANSWER", "CHANGE_ANSWER", "DELAY", "DROP", "LOSE_ANSWER", "CLOSE_BEFORE", "CLOSE_AFTER", "HALF_ANSWER",
		"GARBAGE", "STOP_READING",
	}
	if int(a) < len(names) {
		return names[a]
	}
	return fmt.Sprintf("MockFaultAction(%d)", uint32(a))
}

// MockFault is what servers of a cluster do to requests to come. Fields that the action does not read stay zero.
type MockFault struct {
	// Action is required. A one-way request has no answer: all but that happens to it, too.
	Action MockFaultAction
	// Broker is the server: a broker's name (broker-a) or number from 0 on (0), or name-server; empty: every broker, and
	// not the name server.
	Broker string
	// RequestCode is the code of the requests; 0: every code.
	RequestCode int32
	// Count is how many requests; 0: all, until faults are cleared.
	Count uint32
	// ResponseCode is what MockFaultAnswer and MockFaultChangeAnswer answer.
	ResponseCode int32
	// Remark is what these two answer; empty: none.
	Remark string
	// Delay is how long the answer, the bytes or the close wait, in whole milliseconds, at most an hour. Other requests of
	// the connection are answered meanwhile. Not for MockFaultDrop and MockFaultLoseAnswer.
	Delay time.Duration
	// Bytes is what MockFaultGarbage writes.
	Bytes []byte
}

// MockBrokerState is how a server of a [MockCluster] stands: a sum of bits.
type MockBrokerState uint32

// How a server stands.
const (
	// MockBrokerUp: the broker is in its routes and listens.
	MockBrokerUp MockBrokerState = C.MQP_MOCK_BROKER_UP
	// MockBrokerOutOfRoute, a bit: the broker is in no route, as after its shutdown. It serves those who know its address.
	MockBrokerOutOfRoute MockBrokerState = C.MQP_MOCK_BROKER_OUT_OF_ROUTE
	// MockBrokerStopped, a bit: the server does not listen and its connections are closed, as after its death. Its port
	// stays its own.
	MockBrokerStopped MockBrokerState = C.MQP_MOCK_BROKER_STOPPED
)

// MockRequest is a request that a cluster got.
type MockRequest struct {
	// BrokerName is the broker, or name-server.
	BrokerName string
	// Code is the request code.
	Code int32
	// Opaque is the number that ties the answer to it.
	Opaque int32
	// Oneway tells that it wanted no answer.
	Oneway bool
	// Fault is what hit it, or MockFaultNone.
	Fault MockFaultAction
	// Fields are the header's fields (extFields).
	Fields map[string]string
	// Body is the body.
	Body []byte
	// ReceivedAt is when it came, to the millisecond.
	ReceivedAt time.Time
}

// do makes one call on a cluster that is open.
func (c *MockCluster) do(call func() *C.mqp_error) error {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if err := c.open(); err != nil {
		return err
	}
	return take(call())
}

// milliseconds is a time in whole milliseconds, as far as the library can be told it.
func milliseconds(field string, d time.Duration) (C.uint32_t, error) {
	if d < 0 || d%time.Millisecond != 0 || d.Milliseconds() > math.MaxUint32 {
		what := "`%s` is %v; it must be whole milliseconds, from 0 to 4294967295"
		return 0, newError(StatusInvalidArgument, fmt.Sprintf(what, field, d))
	}
	return C.uint32_t(d.Milliseconds()), nil
}

// PushFault adds a fault, behind those that wait: each request takes the oldest that fits it, and is counted by that
// alone. Errors: [ErrInvalidArgument] for an unknown action or broker, a field that the action does not read, a delay that
// is too long or that nothing waits for; [ErrClosed].
func (c *MockCluster) PushFault(fault MockFault) error {
	delay, err := milliseconds("Delay", fault.Delay)
	if err != nil {
		return err
	}
	numbers := C.mqpgo_fault{
		action: C.uint32_t(fault.Action), request_code: C.int32_t(fault.RequestCode), count: C.uint32_t(fault.Count),
		response_code: C.int32_t(fault.ResponseCode), delay_ms: delay,
	}
	texts := pack(fault.Broker, fault.Remark, string(fault.Bytes))
	defer texts.free()
	text, lengths := texts.first()
	return c.do(func() *C.mqp_error { return C.mqpgo_mock_cluster_push_fault(c.handle, text, lengths, &numbers) })
}

// ClearFaults takes back all faults, and lets connections go on that stopped reading. Answers that are late still come.
func (c *MockCluster) ClearFaults() error {
	return c.do(func() (failure *C.mqp_error) {
		C.mqp_mock_cluster_clear_faults(c.handle, &failure)
		return failure
	})
}

// SetBrokerState takes a broker out of its routes, stops it, or brings it back; its messages and its port stay. All that
// has happened when it returns. The broker is a name (broker-a) or number from 0 on (0), or name-server, which can only
// stop. Errors: [ErrInvalidArgument], [ErrResource] when the system refuses the port, [ErrClosed], and
// [ErrWouldDeadlock] in a callback.
func (c *MockCluster) SetBrokerState(broker string, state MockBrokerState) error {
	texts := pack(broker)
	defer texts.free()
	text, lengths := texts.first()
	return c.do(func() *C.mqp_error {
		return C.mqpgo_mock_cluster_set_broker_state(c.handle, text, *lengths, C.uint32_t(state))
	})
}

// Requests copies the requests that servers got, in the order of their arrival: each is there before its answer goes out.
// The broker is as in [MockFault], but empty is all servers, the name server included; the code 0 is all codes. A cluster
// keeps the newest 8192, in at most 32 MiB; forgotten is how many older ones, of all servers and codes, are gone.
func (c *MockCluster) Requests(broker string, code int32) (requests []MockRequest, forgotten uint64, err error) {
	texts := pack(broker)
	defer texts.free()
	text, lengths := texts.first()
	var snapshot *C.mqp_mock_requests
	err = c.do(func() *C.mqp_error {
		return C.mqpgo_mock_cluster_requests(c.handle, text, *lengths, C.int32_t(code), &snapshot)
	})
	if err != nil {
		return nil, 0, err
	}
	defer C.mqp_mock_requests_free(snapshot)
	requests = make([]MockRequest, int(C.mqp_mock_requests_count(snapshot)))
	for i := range requests {
		var view C.mqp_mock_request_view
		if failure := C.mqpgo_mock_request_get(snapshot, C.size_t(i), &view); failure != nil {
			return nil, 0, take(failure)
		}
		requests[i] = mockRequestOf(&view)
	}
	return requests, uint64(C.mqp_mock_requests_dropped(snapshot)), nil
}

func mockRequestOf(view *C.mqp_mock_request_view) MockRequest {
	r := MockRequest{
		BrokerName: textOf(view.broker_name),
		Code:       int32(view.code),
		Opaque:     int32(view.opaque),
		Oneway:     view.oneway != 0,
		Fault:      MockFaultAction(view.fault),
		Fields:     make(map[string]string, int(view.field_count)),
		Body:       C.GoBytes(unsafe.Pointer(view.body.ptr), C.int(view.body.len)),
		ReceivedAt: time.UnixMilli(int64(view.timestamp)),
	}
	for i := C.size_t(0); i < view.field_count; i++ {
		field := C.mqpgo_property(view.fields, C.size_t(view.field_size), i)
		r.Fields[textOf(field.name)] = textOf(field.value)
	}
	return r
}

// WaitRequests waits until servers got at least count requests since the start or the last [MockCluster.ClearRequests],
// those that are not listed any more included; broker and code are as in [MockCluster.Requests]. It waits without an end
// when ctx has none. Errors: [ErrTimeout], [ErrCanceled], [ErrInvalidArgument], [ErrClosed], and [ErrWouldDeadlock] in a
// callback.
func (c *MockCluster) WaitRequests(ctx context.Context, broker string, code int32, count int) error {
	texts := pack(broker)
	defer texts.free()
	text, lengths := texts.first()
	return waitInSlices(ctx, "wait for requests", func(slice C.uint32_t) error {
		return c.do(func() *C.mqp_error {
			return C.mqpgo_mock_cluster_wait_requests(
				c.handle, text, *lengths, C.int32_t(code), C.size_t(max(count, 0)), slice)
		})
	})
}

// waitInSlices waits until wait does not end by its time any more, or ctx is done.
func waitInSlices(ctx context.Context, what string, wait func(slice C.uint32_t) error) error {
	for {
		err := wait(C.uint32_t(waitSlice.Milliseconds()))
		if !errors.Is(err, ErrTimeout) {
			return err
		}
		if ctx.Err() != nil {
			return interrupted(ctx, what, false)
		}
	}
}

// ClearRequests makes the cluster forget the requests that it got, and their numbers.
func (c *MockCluster) ClearRequests() error {
	return c.do(func() (failure *C.mqp_error) {
		C.mqp_mock_cluster_clear_requests(c.handle, &failure)
		return failure
	})
}

// SetTransactionCheckInterval sets how long the brokers wait before they ask for the end of a transaction, and before they
// ask again: whole milliseconds up to a day. Default 1 s, where real brokers wait 6 s at first and 30 s then. Errors:
// [ErrInvalidArgument], [ErrClosed].
func (c *MockCluster) SetTransactionCheckInterval(interval time.Duration) error {
	ms, err := milliseconds("interval", interval)
	if err != nil {
		return err
	}
	return c.do(func() (failure *C.mqp_error) {
		C.mqp_mock_cluster_set_transaction_check_interval(c.handle, ms, &failure)
		return failure
	})
}

// Echo has the cluster answer the requests of one topic, each with the request's own body, as if a consumer did. The topic
// is its name on the wire. Errors: [ErrInvalidArgument], [ErrClosed].
func (c *MockCluster) Echo(topic string) error {
	texts := pack(topic)
	defer texts.free()
	text, lengths := texts.first()
	return c.do(func() *C.mqp_error { return C.mqpgo_mock_cluster_echo(c.handle, text, *lengths) })
}
