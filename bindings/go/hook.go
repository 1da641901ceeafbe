//go:build cgo

package mqproducer

// #include "shim.h"
import "C"

import (
	"fmt"
	"runtime/cgo"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
	"unsafe"
)

// Hook sees every message of a producer. Each function may be nil, and those of one hook may run on several
// goroutines at the same time.
//
// CheckForbidden and BeforeSend run inside the send, perhaps on another goroutine than its caller, once for each message
// and not again for a further try. AfterSend runs on the library's thread as callbacks do, once for each message that
// BeforeSend was due for, before the callback of the message runs or its [Producer.Send] returns; all of these wait for
// it. A batch is one message to them. In each function Send, Flush and Close return [ErrWouldDeadlock]. A panic is
// recovered, reported to the log function, and changes nothing, but in CheckForbidden, where it refuses the message.
type Hook struct {
	// CheckForbidden refuses a message by an error: the send fails with [ErrForbidden], which tells the error's text, at
	// least the first 500 bytes of it, and no other function is called for the message.
	CheckForbidden func(HookContext) error
	// BeforeSend is told that the message is about to be sent.
	BeforeSend func(HookContext)
	// AfterSend is told how the message ended: by its receipt, or else by an [*Error]. Of a batch the receipt is that of its
	// first request, with the ids of all messages joined by commas.
	AfterSend func(HookContext, *Receipt, error)
	// EndTransaction is told that a broker was told the end of a transaction: once for each word to a broker, an unknown
	// state included, and not for one that could not be written. It runs inside the call that committed, rolled back or
	// closed the transaction, perhaps on another goroutine than its caller, and on the library's thread for the answer to a
	// broker's check.
	EndTransaction func(EndTransactionContext)
}

// SendMode tells how a message is sent.
type SendMode uint32

// How a message is sent.
const (
	// ModeSync: by [Producer.Send] or [Producer.SendMany], which wait for the end, or in a transaction.
	ModeSync SendMode = C.MQP_MODE_SYNC
	// ModeAsync: by [Producer.SendAsync], [Producer.SendChannel], or as a batch, request or reply.
	ModeAsync SendMode = C.MQP_MODE_ASYNC
	// ModeOneway: by [Producer.SendOneway].
	ModeOneway SendMode = C.MQP_MODE_ONEWAY
)

// String is the name of the mode, such as ASYNC.
func (m SendMode) String() string {
	switch m {
	case ModeSync:
		return "SYNC"
	case ModeAsync:
		return "ASYNC"
	case ModeOneway:
		return "ONEWAY"
	}
	return fmt.Sprintf("SendMode(%d)", uint32(m))
}

// MessageType tells what a message is to the broker.
type MessageType uint32

// What a message is to the broker.
const (
	// TypeNormal: delivered at once.
	TypeNormal MessageType = C.MQP_MESSAGE_TYPE_NORMAL
	// TypeHalf: delivered once its transaction is committed.
	TypeHalf MessageType = C.MQP_MESSAGE_TYPE_HALF
	// TypeDelay: delivered later.
	TypeDelay MessageType = C.MQP_MESSAGE_TYPE_DELAY
)

// String is the name of the type, such as NORMAL.
func (t MessageType) String() string {
	switch t {
	case TypeNormal:
		return "NORMAL"
	case TypeHalf:
		return "HALF"
	case TypeDelay:
		return "DELAY"
	}
	return fmt.Sprintf("MessageType(%d)", uint32(t))
}

// HookContext is a message on its way. It may be kept.
type HookContext struct {
	// Mode is how the message is sent.
	Mode SendMode
	// MessageType is what it is to the broker.
	MessageType MessageType
	// ProducerGroup is the producer's group.
	ProducerGroup string
	// Namespace is the producer's namespace; empty: none.
	Namespace string
	// Topic is the topic.
	Topic string
	// MessageID is the unique id that the producer gave the message; of a batch, its first request's own.
	MessageID string
	// BornHost is this client's address.
	BornHost string
	// BrokerName is the broker chosen; in AfterSend the one of the last try.
	BrokerName string
	// BrokerAddress is its host:port.
	BrokerAddress string
	// QueueID is the queue chosen; in AfterSend the one of the last try.
	QueueID int32
	// BodyLength is the length of the body, in bytes, before it was compressed; of a batch, of all bodies together.
	BodyLength int
	// MessageCount is how many messages there are: 1, or as many as a batch holds.
	MessageCount int
	// Attempts is how many tries it took; 0 before AfterSend.
	Attempts int
	// Cost is the time from the message's acceptance to its end; 0 before AfterSend.
	Cost time.Duration

	lent *lentMessage
}

// Message is a copy of the message itself, made at the first call; nil in AfterSend, and when CheckForbidden or
// BeforeSend returned before the first call. Of a batch it has only the topic and NoWaitStore.
func (c HookContext) Message() *Message {
	if c.lent == nil {
		return nil
	}
	return c.lent.copy()
}

// Batch is a copy of the messages of a batch, under the same conditions as [HookContext.Message]; nil for a single
// message.
func (c HookContext) Batch() []*Message {
	if c.lent == nil {
		return nil
	}
	return c.lent.copyBatch()
}

// lentMessage is a message that the library lends for the duration of a hook.
type lentMessage struct {
	mu     sync.Mutex
	view   *C.mqp_hook_context
	copied *Message
	batch  []*Message
}

func (l *lentMessage) copy() *Message {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.copied == nil && l.view != nil {
		var message C.mqp_message
		C.mqpgo_hook_message(l.view.message, 0, 0, &message)
		l.copied = messageOf(&message)
	}
	return l.copied
}

func (l *lentMessage) copyBatch() []*Message {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.batch != nil || l.view == nil || l.view.batch == nil {
		return l.batch
	}
	l.batch = make([]*Message, int(l.view.message_count))
	for i := range l.batch {
		var message C.mqp_message
		C.mqpgo_hook_message(l.view.batch, C.size_t(l.view.message_size), C.size_t(i), &message)
		l.batch[i] = messageOf(&message)
	}
	return l.batch
}

func (l *lentMessage) giveBack() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.view = nil
}

func messageOf(view *C.mqp_message) *Message {
	m := &Message{
		Body:        C.GoBytes(unsafe.Pointer(view.body.ptr), C.int(view.body.len)),
		Flag:        int32(view.flag),
		NoWaitStore: view.no_wait_store != 0,
		HasPriority: view.has_priority != 0,
		Priority:    int32(view.priority),
	}
	m.setDelay(view)
	copyTexts([]*string{&m.Topic, &m.Tags, &m.Keys, &m.LiteTopic, &m.ShardingKey, &m.TraceParent}, []C.mqp_str{
		view.topic, view.tags, view.keys, view.lite_topic, view.sharding_key, view.trace_parent,
	})
	if view.property_count > 0 {
		m.Properties = make(map[string]string, int(view.property_count))
	}
	for i := C.size_t(0); i < view.property_count; i++ {
		property := C.mqpgo_property(view.properties, C.size_t(view.property_size), i)
		m.Properties[textOf(property.name)] = textOf(property.value)
	}
	if view.jms != nil {
		m.JMS = jmsOf(view.jms)
	}
	return m
}

func hookContextOf(view *C.mqp_hook_context) HookContext {
	c := HookContext{
		Mode:         SendMode(view.mode),
		MessageType:  MessageType(view.message_type),
		QueueID:      int32(view.queue_id),
		BodyLength:   int(view.body_length),
		MessageCount: int(view.message_count),
	}
	copyTexts([]*string{
		&c.ProducerGroup, &c.Namespace, &c.Topic, &c.MessageID, &c.BornHost, &c.BrokerName, &c.BrokerAddress,
	}, []C.mqp_str{
		view.producer_group, view.namespace_name, view.topic, view.message_id, view.born_host, view.broker_name,
		view.broker_address,
	})
	return c
}

// AddHook adds a hook to a producer that is not started. Hooks run in the order in which they were added. A hook is kept
// until the producer is closed: one that refers to its producer keeps it from the collector. Errors:
// [ErrAlreadyStarted], [ErrClosed].
func (p *Producer) AddHook(hook Hook) error {
	if !p.acquire() {
		return closedError()
	}
	defer p.release()
	handle := cgo.NewHandle(&hook)
	failure := C.mqpgo_add_hook(
		p.handle, C.uintptr_t(handle), presence(hook.CheckForbidden != nil), presence(hook.BeforeSend != nil),
		presence(hook.AfterSend != nil), presence(hook.EndTransaction != nil))
	if failure != nil {
		handle.Delete()
	} else if hook.CheckForbidden != nil || hook.BeforeSend != nil {
		p.direct.Store(true)
	}
	return take(failure)
}

func presence(is bool) C.int {
	if is {
		return 1
	}
	return 0
}

// runHook runs one function of a hook, and tells what it panicked with.
func runHook(handle C.uintptr_t, name string, function func(*Hook)) (panicked any) {
	callbacks.Add(1)
	defer callbacks.Add(-1)
	defer func() {
		if panicked = recover(); panicked != nil {
			reportPanic("the "+name+" of a hook", panicked)
		}
	}()
	function(cgo.Handle(handle).Value().(*Hook))
	return nil
}

//export mqpgoHookCheck
func mqpgoHookCheck(handle C.uintptr_t, view *C.mqp_hook_context, reason *C.char, size C.size_t) C.uint32_t {
	context := hookContextOf(view)
	context.lent = &lentMessage{view: view}
	defer context.lent.giveBack()
	why, forbidden := "", false
	panicked := runHook(handle, "CheckForbidden", func(h *Hook) {
		if err := h.CheckForbidden(context); err != nil {
			why, forbidden = err.Error(), true
		}
	})
	if panicked != nil {
		why, forbidden = fmt.Sprint("CheckForbidden panicked: ", panicked), true
	}
	if !forbidden {
		return 0
	}
	room := unsafe.Slice((*byte)(unsafe.Pointer(reason)), int(size))
	room[copy(room, shortened(why, len(room)-1))] = 0
	return 1
}

// shortened is a text as UTF-8 without NUL, of at most so many bytes.
func shortened(text string, most int) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
	if len(text) <= most {
		return text
	}
	for !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most]
}

//export mqpgoHookBefore
func mqpgoHookBefore(handle C.uintptr_t, view *C.mqp_hook_context) {
	context := hookContextOf(view)
	context.lent = &lentMessage{view: view}
	defer context.lent.giveBack()
	runHook(handle, "BeforeSend", func(h *Hook) { h.BeforeSend(context) })
}

//export mqpgoHookAfter
func mqpgoHookAfter(
	handle C.uintptr_t, view *C.mqp_hook_context, attempts C.uint32_t, cost C.uint64_t, receipt *C.mqp_receipt_view,
	failure *C.mqp_error_view, stored *C.mqp_receipt, why *C.mqp_error,
) {
	context := hookContextOf(view)
	context.Attempts = int(attempts)
	context.Cost = time.Duration(cost) * time.Microsecond
	runHook(handle, "AfterSend", func(h *Hook) {
		if failure != nil {
			h.AfterSend(context, nil, errorOf(failure, why))
		} else {
			h.AfterSend(context, receiptOf(receipt, stored), nil)
		}
	})
}

// EndTransactionContext is the end of a transaction. It may be kept.
type EndTransactionContext struct {
	// State is what the broker was told.
	State TransactionState
	// FromCheck tells that the broker had asked.
	FromCheck bool
	// ProducerGroup is the producer's group.
	ProducerGroup string
	// Namespace is the producer's namespace; empty: none.
	Namespace string
	// Topic is the half message's topic.
	Topic string
	// MessageID is the unique id that its producer gave it.
	MessageID string
	// TransactionID is the transaction's id.
	TransactionID string
	// Tags is the half message's tag; empty: none.
	Tags string
	// Keys are its index keys, separated by spaces; empty: none.
	Keys string
	// RegionID is the region of its broker; empty when that told none.
	RegionID string
	// BrokerName is the broker that holds it.
	BrokerName string
	// BrokerAddress is its host:port.
	BrokerAddress string
}

//export mqpgoHookEndTransaction
func mqpgoHookEndTransaction(handle C.uintptr_t, view *C.mqp_end_transaction_context) {
	c := EndTransactionContext{State: TransactionState(view.state), FromCheck: view.from_check != 0}
	copyTexts([]*string{
		&c.ProducerGroup, &c.Namespace, &c.Topic, &c.MessageID, &c.TransactionID, &c.Tags, &c.Keys, &c.RegionID,
		&c.BrokerName, &c.BrokerAddress,
	}, []C.mqp_str{
		view.producer_group, view.namespace_name, view.topic, view.message_id, view.transaction_id, view.tags, view.keys,
		view.region_id, view.broker_name, view.broker_address,
	})
	runHook(handle, "EndTransaction", func(h *Hook) { h.EndTransaction(c) })
}
