//go:build cgo

package mqproducer

// #include "shim.h"
import "C"

import (
	"fmt"
	"runtime/cgo"
	"strings"
)

// MessageQueue is a queue of a topic.
type MessageQueue struct {
	// BrokerName is the broker's name.
	BrokerName string
	// QueueID is the queue's number on that broker.
	QueueID int32
}

// SendOption says for one send which queue of the topic the message goes to. Without one the queues take turns, and
// retries go to another broker while there is one. When several are given, the last one counts. [WithSplit] says how a
// batch is split.
type SendOption func(*selection)

type selection struct {
	queueChoice
	// split is of a batch; nil: none.
	split *int
}

type queueChoice struct {
	kind         uint32
	queueID      int32
	shardingKey  string
	brokerName   string
	machineRooms string
	choose       *chooser
}

// WithShardingKey sends messages of the same key to the same queue, by the hash that the Java client takes:
// |String.hashCode| modulo the number of queues, so that most keys move when that number changes. The message stays on
// its queue over retries. An empty key is refused with [ErrInvalidArgument].
func WithShardingKey(key string) SendOption {
	return func(s *selection) { s.queueChoice = queueChoice{kind: C.MQP_SELECT_HASH, shardingKey: key} }
}

// WithConsistentHash sends messages of the same key to the same queue, by a ring of hashes: only the keys of queues that
// come or go move. The message stays on its queue over retries. An empty key is refused with [ErrInvalidArgument].
func WithConsistentHash(key string) SendOption {
	return func(s *selection) { s.queueChoice = queueChoice{kind: C.MQP_SELECT_CONSISTENT_HASH, shardingKey: key} }
}

// WithRandomQueue sends to any queue; retries go to another broker while there is one.
func WithRandomQueue() SendOption {
	return func(s *selection) { s.queueChoice = queueChoice{kind: C.MQP_SELECT_RANDOM} }
}

// WithMachineRooms sends to one queue after the other of those whose broker's name is room@name with one of the rooms,
// whose names hold no comma; [ErrNoRoute] when there is none. The message stays on its queue over retries.
func WithMachineRooms(rooms ...string) SendOption {
	return func(s *selection) {
		s.queueChoice = queueChoice{kind: C.MQP_SELECT_MACHINE_ROOM, machineRooms: strings.Join(rooms, ",")}
	}
}

// WithQueue sends to this queue, over retries too; [ErrInvalidArgument] when it is no writable queue of the topic.
func WithQueue(broker string, id int32) SendOption {
	return func(s *selection) {
		s.queueChoice = queueChoice{kind: C.MQP_SELECT_QUEUE, brokerName: broker, queueID: id}
	}
}

// WithQueueSelector sends to the queue that function returns the index of, over retries too. It receives the topic's
// queues, by broker name and number, which it may keep. It runs once for each send that gets so far, before the send
// returns, on the caller's goroutine or another; but after a send that its context ended it may still run. It must not
// block: Send, Flush and Close return [ErrWouldDeadlock] there. An index out of range and a panic, which is also
// reported to the log function, fail the send with [ErrInvalidArgument].
func WithQueueSelector(function func(queues []MessageQueue) int) SendOption {
	return func(s *selection) {
		s.queueChoice = queueChoice{kind: C.MQP_SELECT_CALLBACK}
		if function != nil {
			s.choose = &chooser{function: function}
		}
	}
}

// selectQueue reads the options of a send that is no batch.
func selectQueue(opts []SendOption) (*selection, error) {
	selected := selectionOf(opts)
	if selected.split != nil {
		return nil, newError(StatusInvalidArgument, "WithSplit is for batches only")
	}
	return selected, nil
}

// anyQueue is what no option departs from; it is not changed.
var anyQueue selection

func selectionOf(opts []SendOption) *selection {
	if len(opts) == 0 {
		return &anyQueue
	}
	selected := new(selection)
	for _, opt := range opts {
		opt(selected)
	}
	return selected
}

// options is what the library takes of it besides texts.
func (s *selection) options() C.mqpgo_options {
	return C.mqpgo_options{selector: C.uint32_t(s.kind), queue_id: C.int32_t(s.queueID)}
}

// chooser is the queue selector of one send.
type chooser struct {
	function func([]MessageQueue) int
	// err is why it chose nothing.
	err error
}

// none is an index that the library refuses.
const none = ^C.size_t(0)

func (c *chooser) call(queues []MessageQueue) (chosen C.size_t) {
	defer func() {
		if panicked := recover(); panicked != nil {
			reportPanic("a queue selector", panicked)
			chosen = none
			c.err = newError(StatusInvalidArgument, fmt.Sprint("the queue selector panicked: ", panicked))
		}
	}()
	total := len(queues)
	index := c.function(queues)
	if index < 0 || index >= total {
		what := "the queue selector returned the index %d; there are %d queues"
		c.err = newError(StatusInvalidArgument, fmt.Sprintf(what, index, total))
		return none
	}
	return C.size_t(index)
}

//export mqpgoChoose
func mqpgoChoose(handle C.uintptr_t, first *C.mqp_queue, count, size C.size_t) C.size_t {
	callbacks.Add(1)
	defer callbacks.Add(-1)
	queues := make([]MessageQueue, int(count))
	for i := range queues {
		queue := C.mqpgo_queue(first, size, C.size_t(i))
		queues[i] = MessageQueue{BrokerName: textOf(queue.broker_name), QueueID: int32(queue.queue_id)}
	}
	return cgo.Handle(handle).Value().(*chooser).call(queues)
}
