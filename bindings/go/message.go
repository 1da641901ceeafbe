//go:build cgo

package mqproducer

// #include "shim.h"
import "C"

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
}

func receiptOf(view *C.mqp_receipt_view) *Receipt {
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
	return r
}
