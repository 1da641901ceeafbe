//go:build cgo

package mqproducer

// #include "shim.h"
import "C"

import (
	"fmt"
	"time"
)

// Message is a message to send. It is read during the call that takes it and not kept: afterwards, whatever that call
// returned, it may be changed and sent again.
type Message struct {
	// Topic is required: 1 to 127 bytes of %|a-zA-Z0-9_-.
	Topic string
	// Body is required: 1 byte to max_message_size (4 MiB by default). NUL bytes are data.
	Body []byte
	// Tags is the tag for the broker's filter; empty: none.
	Tags string
	// Keys are the index keys, separated by spaces; empty: none.
	Keys string
	// Properties are the user properties; neither name nor value is empty or holds the bytes 1 and 2.
	Properties map[string]string
	// Flag is carried to the consumer and not read by the broker.
	Flag int32
	// NoWaitStore lets the broker answer before the message is stored to its configured safety.
	NoWaitStore bool
	// DelayLevel puts the delivery off by the delay of a level: a RocketMQ broker has 18, unless configured otherwise, and
	// takes a level over its highest for that one. 0: not so. Of DelayLevel, Delay and DeliverAt at most one may be set.
	DelayLevel uint32
	// Delay puts the delivery off by this time from the message's coming to the broker, in whole milliseconds; 0: not so.
	// The timer of a RocketMQ broker rounds to its precision, 1 s by default, and refuses what is over its limit, 3 days
	// by default.
	Delay time.Duration
	// DeliverAt is when the message is delivered, to the millisecond; the zero time: not so. A time that has passed: at
	// once.
	DeliverAt time.Time
	// HasPriority tells that Priority is set.
	HasPriority bool
	// Priority is from 0 on, and 0 unless HasPriority is set. A RocketMQ broker chooses the queue by it: the one of that
	// number, or the last one.
	Priority int32
	// LiteTopic is the lite topic inside the topic; empty: none.
	LiteTopic string
	// ShardingKey is carried to consumers, as the property __SHARDINGKEY, to tell what orders messages; empty: none. It
	// does not choose the queue, as [WithShardingKey] does.
	ShardingKey string
	// TraceParent is the W3C trace context that the message belongs to, 00-<32 hex digits>-<16 hex digits>-<2 hex digits>
	// in lower case, carried as the property traceparent; empty: what [Producer.SetTraceContext] says.
	TraceParent string
	// JMS is what a JMS message has beside all this, for ActiveMQ; nil: nothing.
	JMS *JMS
}

// delay is what the library takes of the message's Delay: whole seconds, or else milliseconds.
func (m *Message) delay() (seconds, milliseconds uint64, err error) {
	if m.Delay < 0 || m.Delay%time.Millisecond != 0 {
		what := "`Delay` is %v; it must be a whole number of milliseconds, and not negative"
		return 0, 0, newError(StatusInvalidMessage, fmt.Sprintf(what, m.Delay))
	}
	if m.Delay%time.Second == 0 {
		return uint64(m.Delay / time.Second), 0, nil
	}
	return 0, uint64(m.Delay.Milliseconds()), nil
}

func (m *Message) setDelay(view *C.mqp_message) {
	m.DelayLevel = uint32(view.delay_level)
	m.Delay = time.Duration(view.delay_seconds)*time.Second + time.Duration(view.delay_ms)*time.Millisecond
	if view.deliver_at_ms != 0 {
		m.DeliverAt = time.UnixMilli(int64(view.deliver_at_ms))
	}
}

// numbers is what the library takes of the message besides texts.
func (m *Message) numbers() (numbers C.mqpgo_message, err error) {
	seconds, milliseconds, err := m.delay()
	if err != nil {
		return numbers, err
	}
	numbers = C.mqpgo_message{
		property_count: C.size_t(len(m.Properties)),
		body_length:    C.size_t(len(m.Body)),
		delay_seconds:  C.uint64_t(seconds),
		delay_ms:       C.uint64_t(milliseconds),
		flag:           C.int32_t(m.Flag),
		delay_level:    C.uint32_t(m.DelayLevel),
		priority:       C.int32_t(m.Priority),
	}
	if !m.DeliverAt.IsZero() {
		numbers.deliver_at_ms = C.int64_t(m.DeliverAt.UnixMilli())
	}
	if m.NoWaitStore {
		numbers.no_wait_store = 1
	}
	if m.HasPriority {
		numbers.has_priority = 1
	}
	if m.JMS != nil {
		err = m.JMS.number(&numbers)
	}
	return numbers, err
}

// Receipt is the broker's receipt of one message.
type Receipt struct {
	// SendStatus tells how safely the message is stored.
	SendStatus SendStatus
	// Attempts is how many tries it took, at least 1.
	Attempts int
	// QueueID is the queue that the broker put it in.
	QueueID int32
	// QueueOffset is its offset in the queue; -1 for one-way.
	QueueOffset int64
	// MessageID is the unique id that the producer gave the message, kept over retries.
	MessageID string
	// OffsetMessageID is the broker's id: store address and commit-log offset; empty for one-way.
	OffsetMessageID string
	// Topic is the topic sent to.
	Topic string
	// BrokerName is the broker that stored it.
	BrokerName string
	// TransactionID is empty when there is none.
	TransactionID string
	// RegionID is the broker's region; empty when it told none.
	RegionID string
	// RecallHandle serves to recall a timer message; empty when there is none.
	RecallHandle string
	// Earlier are the tries before the last one; one that says MaybeStored may have left another copy of the message, with
	// the same MessageID.
	Earlier []Attempt
}

// receiptOf copies a receipt; `of` is what the view was read from.
func receiptOf(view *C.mqp_receipt_view, of *C.mqp_receipt) *Receipt {
	r := &Receipt{
		SendStatus:  SendStatus(view.send_status),
		Attempts:    int(view.attempts),
		QueueID:     int32(view.queue_id),
		QueueOffset: int64(view.queue_offset),
	}
	copyTexts([]*string{
		&r.MessageID, &r.OffsetMessageID, &r.Topic, &r.BrokerName, &r.TransactionID, &r.RegionID, &r.RecallHandle,
	}, []C.mqp_str{
		view.message_id, view.offset_message_id, view.topic, view.broker_name, view.transaction_id, view.region_id,
		view.recall_handle,
	})
	if r.Attempts > 1 {
		r.Earlier = attemptsOf(C.mqp_receipt_attempt_count(of), func(i C.size_t, into *C.mqp_attempt) {
			C.mqp_receipt_attempt_at(of, i, into, nil)
		})
	}
	return r
}

// receiptIn reads a row into a receipt, whose texts are parts of the one given.
func receiptIn(r *Receipt, row *C.mqpgo_row, texts string) {
	part := func(i int) string {
		at, length := int(row.at[i]), int(row.length[i])
		return texts[at : at+length]
	}
	*r = Receipt{
		SendStatus:      SendStatus(row.send_status),
		Attempts:        int(row.attempts),
		QueueID:         int32(row.queue_id),
		QueueOffset:     int64(row.queue_offset),
		MessageID:       part(0),
		OffsetMessageID: part(1),
		Topic:           part(2),
		BrokerName:      part(3),
		TransactionID:   part(4),
		RegionID:        part(5),
		RecallHandle:    part(6),
	}
}

// used is the length of the texts that belong to a row.
func used(row *C.mqpgo_row) int {
	end := 0
	for i, at := range row.at {
		end = max(end, int(at+row.length[i]))
	}
	return end
}
