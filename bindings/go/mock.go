//go:build cgo

package mqproducer

// #include "shim.h"
import "C"

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"sync"
	"time"
	"unsafe"
)

// MockCluster is a cluster of name server and brokers inside this process, on real sockets of the loopback interface. Its
// brokers make a topic when the first message for it comes. Any goroutines may use it at the same time.
type MockCluster struct {
	mu     sync.RWMutex
	handle *C.mqp_mock_cluster
	url    string
}

// MockMessage is a message that a cluster stored.
type MockMessage struct {
	// Topic is the topic.
	Topic string
	// BrokerName is the broker that stored it.
	BrokerName string
	// QueueID is the queue that it is in.
	QueueID int32
	// QueueOffset is its offset in the queue.
	QueueOffset int64
	// MessageID is the unique id that the producer gave it.
	MessageID string
	// OffsetMessageID is the broker's id.
	OffsetMessageID string
	// Tags is the tag; empty: none.
	Tags string
	// Keys are the index keys; empty: none.
	Keys string
	// Flag is the flag that it was sent with.
	Flag int32
	// Properties are all properties as stored, those that the library sets included.
	Properties map[string]string
	// Body is the body as it was sent.
	Body []byte
	// BornAt is when the producer made it.
	BornAt time.Time
	// StoredAt is when the broker stored it.
	StoredAt time.Time
}

// NewMockCluster opens a cluster. An empty name makes a new one of the caller's own; another name is shared in this
// process with each NewMockCluster and each mock://name URL of that name, and the first of them decides its size:
// brokers from 1 to 64, 0 is 1; queues of a topic from 1 to 1024, 0 is 4.
// Errors: [ErrInvalidArgument], [ErrResource], [ErrUnsupported] when the library was built without it.
func NewMockCluster(name string, brokers, queues int) (*MockCluster, error) {
	if err := checkVersion(); err != nil {
		return nil, err
	}
	for field, value := range map[string]int{"brokers": brokers, "queues": queues} {
		if value < 0 || int64(value) > math.MaxUint32 {
			return nil, newError(StatusInvalidArgument, fmt.Sprintf("`%s` = %d is out of range", field, value))
		}
	}
	text := pack(name)
	defer text.free()
	c := &MockCluster{}
	failure := C.mqpgo_mock_cluster_new(
		(*C.char)(unsafe.Pointer(&text.text[0])), text.lengths[0], C.uint32_t(brokers), C.uint32_t(queues), &c.handle)
	if failure != nil {
		return nil, take(failure)
	}
	c.url = C.GoString(C.mqp_mock_cluster_url(c.handle))
	runtime.SetFinalizer(c, (*MockCluster).Close)
	return c, nil
}

// URL is what [New] takes to send to this cluster.
func (c *MockCluster) URL() string { return c.url }

// Close lets go of the cluster. The last MockCluster or Producer of its name stops it. A second Close has nothing to do.
func (c *MockCluster) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	runtime.SetFinalizer(c, nil)
	C.mqp_mock_cluster_free(c.handle)
	c.handle = nil
}

func (c *MockCluster) open() error {
	if c.handle == nil {
		return newError(StatusClosed, "the cluster is closed")
	}
	return nil
}

// MessageCount is how many messages of the topic the cluster holds; of all topics when it is empty.
func (c *MockCluster) MessageCount(topic string) (int, error) {
	texts := pack(topic)
	defer texts.free()
	text, lengths := texts.first()
	var count C.size_t
	err := c.do(func() *C.mqp_error { return C.mqpgo_mock_cluster_count(c.handle, text, *lengths, &count) })
	return int(count), err
}

// waitSlice is how long Wait may miss that its context is done, and Close may have to wait for it.
const waitSlice = 50 * time.Millisecond

// Wait waits until the cluster holds at least count messages of the topic, of all topics when it is empty: a one-way
// message is stored some time after its send returned. It waits without an end when ctx has none. Errors: [ErrTimeout],
// [ErrCanceled], [ErrClosed], and [ErrWouldDeadlock] in a callback.
func (c *MockCluster) Wait(ctx context.Context, topic string, count int) error {
	texts := pack(topic)
	defer texts.free()
	text, lengths := texts.first()
	return waitInSlices(ctx, "wait for messages", func(slice C.uint32_t) error {
		return c.do(func() *C.mqp_error {
			return C.mqpgo_mock_cluster_wait(c.handle, text, *lengths, C.size_t(max(count, 0)), slice)
		})
	})
}

// Clear makes the cluster forget its messages.
func (c *MockCluster) Clear() error {
	return c.do(func() (failure *C.mqp_error) {
		C.mqp_mock_cluster_clear(c.handle, &failure)
		return failure
	})
}

// Messages copies the messages of the topic that the cluster holds, of all topics when it is empty, in the order of
// their storing.
func (c *MockCluster) Messages(topic string) ([]MockMessage, error) {
	snapshot, err := c.snapshot(topic)
	if err != nil {
		return nil, err
	}
	defer C.mqp_mock_messages_free(snapshot)
	all := make([]MockMessage, int(C.mqp_mock_messages_count(snapshot)))
	for i := range all {
		view := C.mqp_mock_message_view{struct_size: C.sizeof_mqp_mock_message_view}
		var failure *C.mqp_error
		C.mqp_mock_messages_get(snapshot, C.size_t(i), &view, &failure)
		if failure != nil {
			return nil, take(failure)
		}
		all[i] = mockMessageOf(&view)
	}
	return all, nil
}

func (c *MockCluster) snapshot(topic string) (snapshot *C.mqp_mock_messages, err error) {
	texts := pack(topic)
	defer texts.free()
	text, lengths := texts.first()
	err = c.do(func() *C.mqp_error { return C.mqpgo_mock_cluster_messages(c.handle, text, *lengths, &snapshot) })
	return snapshot, err
}

func mockMessageOf(view *C.mqp_mock_message_view) MockMessage {
	m := MockMessage{
		QueueID:     int32(view.queue_id),
		QueueOffset: int64(view.queue_offset),
		Flag:        int32(view.flag),
		Properties:  make(map[string]string, int(view.property_count)),
		Body:        C.GoBytes(unsafe.Pointer(view.body.ptr), C.int(view.body.len)),
		BornAt:      time.UnixMilli(int64(view.born_timestamp)),
		StoredAt:    time.UnixMilli(int64(view.store_timestamp)),
	}
	copyTexts([]*string{&m.Topic, &m.BrokerName, &m.MessageID, &m.OffsetMessageID, &m.Tags, &m.Keys}, []C.mqp_str{
		view.topic, view.broker_name, view.message_id, view.offset_message_id, view.tags, view.keys,
	})
	for i := C.size_t(0); i < view.property_count; i++ {
		property := C.mqpgo_property(view.properties, C.size_t(view.property_size), i)
		m.Properties[textOf(property.name)] = textOf(property.value)
	}
	return m
}
