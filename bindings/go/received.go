//go:build cgo

package mqproducer

// #include "shim.h"
import "C"

import (
	"time"
	"unsafe"
)

// ReceivedMessage is a message that a broker handed to this client: the reply to a request, or a half message whose
// transaction is checked; or one that comes back unsent, in a [ReliabilityEvent]. It is a copy, which may be kept.
type ReceivedMessage struct {
	// Topic is the topic, without the configured namespace.
	Topic string
	// Body is the body, decompressed.
	Body []byte
	// Tags is the tag; empty: none.
	Tags string
	// Keys are the index keys, separated by spaces; empty: none.
	Keys string
	// Properties are all properties, those that RocketMQ sets included; of several with one name the last, as in RocketMQ.
	Properties map[string]string
	// Flag is the flag that its producer gave it.
	Flag int32
	// MessageID is the unique id that its producer gave it.
	MessageID string
	// OffsetMessageID is the broker's id: store address and commit-log offset. Empty for a reply.
	OffsetMessageID string
	// TransactionID is empty when there is none.
	TransactionID string
	// QueueID is the queue that it is in.
	QueueID int32
	// QueueOffset is its offset in the queue; -1 for a reply.
	QueueOffset int64
	// CommitLogOffset is its offset in the broker's commit log; -1 for a reply.
	CommitLogOffset int64
	// ReconsumeTimes is how often consumers gave it back.
	ReconsumeTimes int32
	// BornAt is when its producer made it, to the millisecond.
	BornAt time.Time
	// StoredAt is when the broker got it, to the millisecond.
	StoredAt time.Time
	// BornHost is its producer's host:port; empty when the broker does not tell.
	BornHost string
	// StoreHost is the broker's host:port; empty when it does not tell.
	StoreHost string
}

func receivedOf(message *C.mqp_received_message) (*ReceivedMessage, error) {
	var view C.mqp_received_message_view
	if failure := C.mqpgo_received_get(message, &view); failure != nil {
		return nil, take(failure)
	}
	m := &ReceivedMessage{
		Body:            C.GoBytes(unsafe.Pointer(view.body.ptr), C.int(view.body.len)),
		Flag:            int32(view.flag),
		QueueID:         int32(view.queue_id),
		QueueOffset:     int64(view.queue_offset),
		CommitLogOffset: int64(view.commit_log_offset),
		ReconsumeTimes:  int32(view.reconsume_times),
		BornAt:          time.UnixMilli(int64(view.born_timestamp)),
		StoredAt:        time.UnixMilli(int64(view.store_timestamp)),
	}
	copyTexts([]*string{
		&m.Topic, &m.Tags, &m.Keys, &m.MessageID, &m.OffsetMessageID, &m.TransactionID, &m.BornHost, &m.StoreHost,
	}, []C.mqp_str{
		view.topic, view.tags, view.keys, view.message_id, view.offset_message_id, view.transaction_id, view.born_host,
		view.store_host,
	})
	count := C.mqp_received_message_property_count(message)
	m.Properties = make(map[string]string, int(count))
	for i := C.size_t(0); i < count; i++ {
		var name, value C.mqp_str
		var failure *C.mqp_error
		C.mqp_received_message_property_at(message, i, &name, &value, &failure)
		if failure != nil {
			return nil, take(failure)
		}
		m.Properties[textOf(name)] = textOf(value)
	}
	return m, nil
}
