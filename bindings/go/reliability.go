//go:build cgo

package mqproducer

// #include "shim.h"
import "C"

import (
	"runtime/cgo"
	"time"
)

// Attempt is one try of a message that did not end as wanted.
type Attempt struct {
	// BrokerName is the broker that it was for.
	BrokerName string
	// QueueID is the queue that was asked for.
	QueueID int32
	// Status tells what went wrong; [StatusBroker] for an answer that was no SEND_OK.
	Status Status
	// BrokerCode is the broker's response code when HasBrokerCode is set, else 0.
	BrokerCode int32
	// HasBrokerCode tells that the broker answered.
	HasBrokerCode bool
	// Remark is the broker's remark, or what went wrong, for a person.
	Remark string
	// Started is when the try began.
	Started time.Time
	// Took is how long it took.
	Took time.Duration
	// MaybeStored tells that the broker may have stored the message: it said so, or its answer was not heard.
	MaybeStored bool
}

func attemptsOf(count C.size_t, read func(C.size_t, *C.mqp_attempt)) []Attempt {
	if count == 0 {
		return nil
	}
	all := make([]Attempt, int(count))
	for i := range all {
		view := C.mqp_attempt{struct_size: C.sizeof_mqp_attempt}
		read(C.size_t(i), &view)
		all[i] = Attempt{
			BrokerName:    textOf(view.broker_name),
			QueueID:       int32(view.queue_id),
			Status:        Status(view.status),
			BrokerCode:    int32(view.broker_code),
			HasBrokerCode: view.has_broker_code != 0,
			Remark:        textOf(view.remark),
			Started:       time.UnixMilli(int64(view.started_ms)),
			Took:          time.Duration(view.took_us) * time.Microsecond,
			MaybeStored:   view.maybe_stored != 0,
		}
	}
	return all
}

// ReliabilityEventKind tells what happened.
type ReliabilityEventKind uint32

// What alarm and spool functions are told.
const (
	// EventGivenUp: reliable sending gave a message up; every try was used, or its time. The alarm's only kind.
	EventGivenUp ReliabilityEventKind = C.MQP_EVENT_GIVEN_UP
	// EventSpoolDelivered: a message of the spool was sent and stored.
	EventSpoolDelivered ReliabilityEventKind = C.MQP_EVENT_SPOOL_DELIVERED
	// EventSpoolLost: a message of the spool is lost; a broker refused it for good, or it was older than spool_max_age.
	EventSpoolLost ReliabilityEventKind = C.MQP_EVENT_SPOOL_LOST
	// EventSpoolDamaged: the spool held something that is no message, and it was skipped or cut.
	EventSpoolDamaged ReliabilityEventKind = C.MQP_EVENT_SPOOL_DAMAGED
)

// ReliabilityEvent is what alarm and spool functions are told: a copy, which may be kept.
type ReliabilityEvent struct {
	// Kind tells what happened.
	Kind ReliabilityEventKind
	// Message is the message as it was sent, its body decompressed and its topic without the namespace; its queue, offsets
	// and store are not set. Nil for [EventSpoolDamaged].
	Message *ReceivedMessage
	// Receipt tells where it is stored, for [EventSpoolDelivered]; else nil.
	Receipt *Receipt
	// Err tells why, for all other kinds: its Attempts are the tries, MaybePersisted tells whether a broker may have the
	// message, and [ErrSpooled] that it waits in the spool.
	Err *Error
}

// SetAlarm sets who is told of messages that reliable sending gives up (the key reliability = reliable), of a producer
// that is not started, in place of who was set before: once for each message that used up its tries or its time, before
// its sender is told of the end, whether it went into the spool or not. Not for what a broker refuses for good, such as a
// message of the wrong form or without permission, which fails at once.
//
// tell runs on the library's thread: see "Callbacks" in the package's documentation. Errors: [ErrAlreadyStarted],
// [ErrClosed], [ErrInvalidArgument].
func (p *Producer) SetAlarm(tell func(*ReliabilityEvent)) error {
	return p.setTeller(tell, func(handle C.uintptr_t) *C.mqp_error { return C.mqpgo_set_alarm_callback(p.handle, handle) })
}

// SetSpoolCallback sets who is told what becomes of messages that ended with [ErrSpooled], those of earlier producers of
// the same spool_file too; otherwise it is as SetAlarm. No call begins after Close returned.
func (p *Producer) SetSpoolCallback(tell func(*ReliabilityEvent)) error {
	return p.setTeller(tell, func(handle C.uintptr_t) *C.mqp_error { return C.mqpgo_set_spool_callback(p.handle, handle) })
}

func (p *Producer) setTeller(tell func(*ReliabilityEvent), set func(C.uintptr_t) *C.mqp_error) error {
	if tell == nil {
		return newError(StatusInvalidArgument, "`tell` is nil")
	}
	if !p.acquire() {
		return closedError()
	}
	defer p.release()
	handle := cgo.NewHandle(tell)
	failure := set(C.uintptr_t(handle))
	if failure != nil {
		handle.Delete()
	}
	return take(failure)
}

//export mqpgoTellEvent
func mqpgoTellEvent(
	handle C.uintptr_t, kind C.uint32_t, message *C.mqp_received_message, receipt *C.mqp_receipt, failure *C.mqp_error,
) {
	callbacks.Add(1)
	defer callbacks.Add(-1)
	defer func() {
		if panicked := recover(); panicked != nil {
			reportPanic("an alarm or spool callback", panicked)
		}
	}()
	event := &ReliabilityEvent{Kind: ReliabilityEventKind(kind)}
	if message != nil {
		received, err := receivedOf(message)
		if err != nil {
			report(LevelError, "a message of an alarm or spool callback cannot be read: "+err.Error())
		}
		event.Message = received
	}
	if receipt != nil {
		view := C.mqp_receipt_view{struct_size: C.sizeof_mqp_receipt_view}
		C.mqp_receipt_get(receipt, &view, nil)
		event.Receipt = receiptOf(&view, receipt)
	}
	if failure != nil {
		view := C.mqp_error_view{struct_size: C.sizeof_mqp_error_view}
		C.mqp_error_get(failure, &view, nil)
		event.Err = errorOf(&view, failure)
	}
	cgo.Handle(handle).Value().(func(*ReliabilityEvent))(event)
}
