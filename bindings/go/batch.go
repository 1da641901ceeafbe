//go:build cgo

package mqproducer

// #include "shim.h"
import "C"

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
	"unsafe"
)

// BatchEnd is how one message of a batch ended.
type BatchEnd = SendEnd

// WithSplit lets a batch be split into requests of at most so many bytes each, from 1 to max_message_size; a message that
// is larger by itself goes alone. A message takes its body, its properties and 22 bytes. Without it a batch is one
// request, and refused when it takes more than max_message_size. Only for batches: all others fail with
// [ErrInvalidArgument].
func WithSplit(bytes int) SendOption {
	return func(s *selection) { s.split = &bytes }
}

// SendBatch sends several messages in one request, or in several when [WithSplit] says so, and waits for the end of all;
// it holds a thread no more than [Producer.Send] does; failed tries are repeated as configured. The deadline of ctx is that
// of the whole batch. When ctx is done it returns at once; messages may be stored all the same when the error says
// MaybePersisted.
//
// The messages have one topic and one NoWaitStore. Each keeps its unique id, flag and properties. None may have a delay, a
// priority or a lite topic, also not as a property, or go to a retry topic (%RETRY%...); none is compressed.
//
// The requests of a split batch go one after the other. Without a queue selector, and with [WithRandomQueue], each has a
// queue of its own choice, and one that fails does not stop the next; with all other selectors they go to one queue in the
// order of the messages, and after a failure the rest is not sent.
//
// The error is nil when every message was stored. Otherwise the batch was refused, then there are no ends and the error
// names the message by its index; or it was sent, then there is one end for each message, in their order, and the error is
// that of the first one that failed. Errors: those of [Producer.Send].
func (p *Producer) SendBatch(ctx context.Context, messages []*Message, opts ...SendOption) ([]BatchEnd, error) {
	call, err := newBatch(messages, opts)
	if err != nil {
		return nil, err
	}
	if ctx.Done() == nil && !p.direct.Load() && call.choose == nil && !inCallback() {
		if ends, err, sent := p.batchAlone(ctx, call); sent {
			return ends, err
		}
	}
	return await[[]BatchEnd](ctx, p, call, "SendBatch", (*send).batchAsync)
}

// batchAlone sends a batch as sendAlone does a message.
func (p *Producer) batchAlone(ctx context.Context, call *send) (ends []BatchEnd, err error, sent bool) {
	taken := load{max(len(call.batch), 1), len(call.body)}
	if !p.enterAlone(taken) {
		return nil, nil, false
	}
	defer p.leaveAlone(taken)
	defer call.texts.free()
	call.begin(ctx, p)
	ends, err = call.batchNow(p, 0)
	return ends, attribute(err, call.bounded), true
}

// SendBatchAsync sends several messages as [Producer.SendBatch] and returns; done is called exactly once with the end of
// all when SendBatchAsync returned nil, perhaps before it returned, and never otherwise. The deadline of ctx is the
// batch's; cancelling ctx afterwards has no effect. It waits no longer than [Producer.SendAsync] does.
//
// done runs on the library's thread: see "Callbacks" in the package's documentation. Errors, returned or given to done:
// those of [Producer.SendBatch].
func (p *Producer) SendBatchAsync(
	ctx context.Context, messages []*Message, done func([]BatchEnd, error), opts ...SendOption,
) error {
	if done == nil {
		return newError(StatusInvalidArgument, "`done` is nil")
	}
	call, err := newBatch(messages, opts)
	if err != nil {
		return err
	}
	return submit(ctx, call, &pending[[]BatchEnd]{producer: p, callback: done}, (*send).batchAsync)
}

// SendBatchOneway sends several messages as [Producer.SendBatch] without asking for answers: success means that they were
// handed to the connection, no more, and nothing is repeated. The receipts have the status [SendUnconfirmed]. It waits,
// at most up to the deadline, until connections are open. Errors: those of [Producer.SendBatch] but [ErrBroker].
func (p *Producer) SendBatchOneway(ctx context.Context, messages []*Message, opts ...SendOption) ([]BatchEnd, error) {
	call, err := newBatch(messages, opts)
	if err != nil {
		return nil, err
	}
	return held(ctx, p, "one-way batch", func() ([]BatchEnd, error) {
		return lent(ctx, p, call, (*send).batchOneway)
	})
}

// newBatch copies the messages: their bodies have to stand in one piece of memory.
func newBatch(messages []*Message, opts []SendOption) (*send, error) {
	selected := selectionOf(opts)
	s := &send{
		texts: packs.Get().(*packed), batch: make([]C.mqpgo_message, len(messages), len(messages)+1),
		options: selected.options(), choose: selected.choose,
	}
	s.texts.addSelection(selected)
	if selected.split != nil {
		if *selected.split < 1 || int64(*selected.split) > math.MaxUint32 {
			what := "the split of %d bytes is out of range; the minimum is 1"
			return nil, newError(StatusInvalidArgument, fmt.Sprintf(what, *selected.split))
		}
		s.split = C.uint32_t(*selected.split)
	}
	total := 0
	for _, m := range messages {
		if m != nil {
			total += len(m.Body)
		}
	}
	// The byte behind the last body gives an empty one an address.
	s.body = make([]byte, 0, total+1)
	for i, m := range messages {
		if m == nil {
			return nil, newError(StatusInvalidArgument, fmt.Sprintf("message %d is nil", i))
		}
		numbers, err := m.numbers()
		if err != nil {
			e := err.(*Error)
			e.Message = fmt.Sprintf("message %d: %s", i, e.Message)
			return nil, e
		}
		s.batch[i] = numbers
		s.body = append(s.body, m.Body...)
		s.texts.addMessage(m)
	}
	s.body = append(s.body, 0)
	s.texts.end()
	return s, nil
}

// firstOfBatch is the address of the messages; there is one even when there are none.
func (s *send) firstOfBatch() *C.mqpgo_message { return &s.batch[:1][0] }

func (s *send) batchAsync(p *Producer, handle C.uintptr_t) *C.mqp_error {
	text, lengths := s.texts.first()
	return C.mqpgo_send_batch_async(
		p.handle, text, lengths, (*C.uint8_t)(unsafe.Pointer(&s.body[0])), s.firstOfBatch(), C.size_t(len(s.batch)),
		&s.options, s.split, handle)
}

func (s *send) batchOneway(p *Producer) ([]BatchEnd, error) { return s.batchNow(p, 1) }

// batchNow sends the messages and waits for their end on the caller's thread.
func (s *send) batchNow(p *Producer, oneway C.uint32_t) ([]BatchEnd, error) {
	text, lengths := s.texts.first()
	var result *C.mqp_batch_result
	failure := C.mqpgo_send_batch_now(
		p.handle, text, lengths, (*C.uint8_t)(unsafe.Pointer(&s.body[0])), s.firstOfBatch(), C.size_t(len(s.batch)),
		&s.options, s.split, oneway, &result)
	defer C.mqp_batch_result_free(result)
	ends, unread := batchEndsOf(result, s.bounded)
	if err := take(failure); err != nil {
		return ends, err
	}
	return ends, unread
}

// rows is what the receipts of a batch are read into.
type rows struct {
	rows  []C.mqpgo_row
	texts []byte
}

var rowsPool = sync.Pool{New: func() any { return new(rows) }}

// Room for the texts of one receipt, which has about 120 bytes of them.
const textRoom = 160

// batchEndsOf reads how the messages ended; nil when there is no result.
func batchEndsOf(result *C.mqp_batch_result, bounded bool) ([]BatchEnd, error) {
	if result == nil {
		return nil, nil
	}
	count := int(C.mqp_batch_result_count(result))
	ends := make([]BatchEnd, count)
	if count == 0 {
		return ends, nil
	}
	into := rowsPool.Get().(*rows)
	into.rows = slices.Grow(into.rows[:0], count)[:count]
	var length C.size_t
	for size := count * textRoom; ; size = int(length) {
		into.texts = slices.Grow(into.texts[:0], size)[:size]
		first := (*C.char)(unsafe.Pointer(&into.texts[0]))
		if unread := C.mqpgo_batch_rows(result, &into.rows[0], first, C.size_t(size), &length); unread != nil {
			return nil, take(unread)
		}
		if int(length) <= size {
			break
		}
	}
	texts := string(into.texts[:int(length)])
	receipts := make([]Receipt, count)
	for i := range ends {
		row := &into.rows[i]
		if row.attempts == 1 {
			receiptIn(&receipts[i], row, texts)
			ends[i].Receipt = &receipts[i]
			continue
		}
		end, err := batchEndOf(result, i, bounded)
		if err != nil {
			return nil, err
		}
		ends[i] = end
	}
	if count <= mostGathered {
		rowsPool.Put(into)
	}
	return ends, nil
}

// batchEndOf reads how one message ended, with all of its tries.
func batchEndOf(result *C.mqp_batch_result, index int, bounded bool) (end BatchEnd, err error) {
	var receipt C.mqp_receipt_view
	var failure C.mqp_error_view
	var stored *C.mqp_receipt
	var why *C.mqp_error
	if unread := C.mqpgo_batch_end(result, C.size_t(index), &receipt, &failure, &stored, &why); unread != nil {
		return end, take(unread)
	}
	if why != nil {
		end.Err = attribute(errorOf(&failure, why), bounded)
	} else {
		end.Receipt = receiptOf(&receipt, stored)
	}
	return end, nil
}

//export mqpgoCompleteBatch
func mqpgoCompleteBatch(
	handle C.uintptr_t, result *C.mqp_batch_result, failure *C.mqp_error_view, why *C.mqp_error,
) {
	callbacks.Add(1)
	defer callbacks.Add(-1)
	p := taken[[]BatchEnd](handle)
	var o outcome[[]BatchEnd]
	o.value, o.err = batchEndsOf(result, p.bounded)
	if failure != nil {
		o.err = attribute(errorOf(failure, why), p.bounded)
	}
	p.complete(o)
}
