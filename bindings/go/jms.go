//go:build cgo

package mqproducer

// #include "shim.h"
import "C"

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"
	"unsafe"
)

// DeliveryMode tells how a message outlives its broker.
type DeliveryMode uint32

// How a message outlives its broker.
const (
	// DeliveryConfigured: as the configuration's delivery_mode says.
	DeliveryConfigured DeliveryMode = C.MQP_DELIVERY_CONFIGURED
	// DeliveryPersistent: it is kept in the broker's store, and survives its end.
	DeliveryPersistent DeliveryMode = C.MQP_DELIVERY_PERSISTENT
	// DeliveryNonPersistent: it is kept in the broker's memory.
	DeliveryNonPersistent DeliveryMode = C.MQP_DELIVERY_NON_PERSISTENT
)

// JMSChar is a value of JMS's type char: a UTF-16 code unit.
type JMSChar uint16

// JMS is what a JMS message has beside what every message has, for ActiveMQ; RocketMQ refuses a message with it.
//
// A value of Properties and of Entries is nil, a bool, int8 (JMS's byte), int16, int32, int64, int (an int of 32 bits
// where that holds it, else a long), [JMSChar], float32, float64, string or []byte; any other is refused with
// [ErrInvalidMessage].
type JMS struct {
	// Text tells that the body, which must be UTF-8, is that of a TextMessage; else it is that of a BytesMessage.
	Text bool
	// Entries are those of a MapMessage, whose body is empty; nil: it is none.
	Entries map[string]any
	// Properties are typed ones, beside the text ones of the message.
	Properties map[string]any
	// DeliveryMode is [DeliveryConfigured] unless set.
	DeliveryMode DeliveryMode
	// HasTimeToLive tells that TimeToLive is set; else the configured time_to_live counts.
	HasTimeToLive bool
	// TimeToLive is how long the broker keeps the message, in whole milliseconds; 0: for ever.
	TimeToLive time.Duration
	// CorrelationID is JMSCorrelationID; empty: none.
	CorrelationID string
	// ReplyTo is JMSReplyTo, a destination; empty: none.
	ReplyTo string
	// Type is JMSType; empty: none.
	Type string
	// GroupID is JMSXGroupID: one consumer gets all messages of a group, in order. Empty: the ShardingKey.
	GroupID string
	// GroupSequence is JMSXGroupSeq.
	GroupSequence int32
}

// jmsHead is how many bytes tell a value but for its text: the type, a whole number, another number.
const jmsHead = 20

// head is the value as C reads it, and the bytes that it points to.
func headOf(value any) (head [jmsHead]byte, data string, ok bool) {
	put := func(kind uint32, integer int64, number float64) {
		binary.NativeEndian.PutUint32(head[:], kind)
		binary.NativeEndian.PutUint64(head[4:], uint64(integer))
		binary.NativeEndian.PutUint64(head[12:], math.Float64bits(number))
	}
	switch value := value.(type) {
	case nil:
		put(C.MQP_VALUE_NULL, 0, 0)
	case bool:
		put(C.MQP_VALUE_BOOL, 0, 0)
		if value {
			put(C.MQP_VALUE_BOOL, 1, 0)
		}
	case int8:
		put(C.MQP_VALUE_BYTE, int64(value), 0)
	case JMSChar:
		put(C.MQP_VALUE_CHAR, int64(value), 0)
	case int16:
		put(C.MQP_VALUE_SHORT, int64(value), 0)
	case int32:
		put(C.MQP_VALUE_INT, int64(value), 0)
	case int64:
		put(C.MQP_VALUE_LONG, value, 0)
	case int:
		if value == int(int32(value)) {
			put(C.MQP_VALUE_INT, int64(value), 0)
		} else {
			put(C.MQP_VALUE_LONG, int64(value), 0)
		}
	case float32:
		put(C.MQP_VALUE_FLOAT, 0, float64(value))
	case float64:
		put(C.MQP_VALUE_DOUBLE, 0, value)
	case string:
		put(C.MQP_VALUE_TEXT, 0, 0)
		data = value
	case []byte:
		put(C.MQP_VALUE_BYTES, 0, 0)
		data = string(value)
	default:
		return head, "", false
	}
	return head, data, true
}

// number writes what the library takes besides texts.
func (j *JMS) number(numbers *C.mqpgo_message) error {
	for _, values := range []map[string]any{j.Properties, j.Entries} {
		for name, value := range values {
			if _, _, ok := headOf(value); !ok {
				return newError(StatusInvalidMessage, fmt.Sprintf("`%s` is a %T, which JMS has no type for", name, value))
			}
		}
	}
	if j.TimeToLive < 0 || j.TimeToLive%time.Millisecond != 0 {
		what := "`TimeToLive` is %v; it must be a whole number of milliseconds, and not negative"
		return newError(StatusInvalidMessage, fmt.Sprintf(what, j.TimeToLive))
	}
	if j.Text && j.Entries != nil {
		return newError(StatusInvalidMessage, "`Text` and `Entries` are both set; a message has one body")
	}
	numbers.has_jms = 1
	switch {
	case j.Text:
		numbers.body_type = C.MQP_BODY_TEXT
	case j.Entries != nil:
		numbers.body_type = C.MQP_BODY_MAP
	}
	numbers.delivery_mode = C.uint32_t(j.DeliveryMode)
	if j.HasTimeToLive {
		numbers.has_time_to_live = 1
	}
	numbers.time_to_live_ms = C.uint64_t(j.TimeToLive.Milliseconds())
	numbers.group_sequence = C.int32_t(j.GroupSequence)
	numbers.typed_count = C.size_t(len(j.Properties))
	numbers.entry_count = C.size_t(len(j.Entries))
	return nil
}

func (p *packed) addJMS(j *JMS) {
	p.add(j.CorrelationID)
	p.add(j.ReplyTo)
	p.add(j.Type)
	p.add(j.GroupID)
	for _, values := range []map[string]any{j.Properties, j.Entries} {
		for name, value := range values {
			head, data, _ := headOf(value)
			p.add(name)
			p.add(string(head[:]))
			p.add(data)
		}
	}
}

// jmsOf copies what the library lent.
func jmsOf(view *C.mqp_jms) *JMS {
	j := &JMS{
		Text:          view.body_type == C.MQP_BODY_TEXT,
		Properties:    valuesOf(view.properties, view.property_count, view.property_size),
		DeliveryMode:  DeliveryMode(view.delivery_mode),
		HasTimeToLive: view.has_time_to_live != 0,
		TimeToLive:    time.Duration(view.time_to_live_ms) * time.Millisecond,
		GroupSequence: int32(view.group_sequence),
	}
	if view.body_type == C.MQP_BODY_MAP {
		j.Entries = valuesOf(view.entries, view.entry_count, view.property_size)
		if j.Entries == nil {
			j.Entries = map[string]any{}
		}
	}
	copyTexts([]*string{&j.CorrelationID, &j.ReplyTo, &j.Type, &j.GroupID}, []C.mqp_str{
		view.correlation_id, view.reply_to, view.message_type, view.group_id,
	})
	return j
}

func valuesOf(first *C.mqp_typed_property, count C.size_t, step C.uint32_t) map[string]any {
	if count == 0 {
		return nil
	}
	values := make(map[string]any, int(count))
	for i := C.size_t(0); i < count; i++ {
		property := C.mqpgo_typed_property(first, C.size_t(step), i)
		values[textOf(property.name)] = valueOf(&property)
	}
	return values
}

func valueOf(property *C.mqp_typed_property) any {
	switch property.value_type {
	case C.MQP_VALUE_BOOL:
		return property.integer != 0
	case C.MQP_VALUE_BYTE:
		return int8(property.integer)
	case C.MQP_VALUE_CHAR:
		return JMSChar(property.integer)
	case C.MQP_VALUE_SHORT:
		return int16(property.integer)
	case C.MQP_VALUE_INT:
		return int32(property.integer)
	case C.MQP_VALUE_LONG:
		return int64(property.integer)
	case C.MQP_VALUE_DOUBLE:
		return float64(property.number)
	case C.MQP_VALUE_FLOAT:
		return float32(property.number)
	case C.MQP_VALUE_TEXT:
		return C.GoStringN((*C.char)(unsafe.Pointer(property.data.ptr)), C.int(property.data.len))
	case C.MQP_VALUE_BYTES:
		return C.GoBytes(unsafe.Pointer(property.data.ptr), C.int(property.data.len))
	}
	return nil
}
