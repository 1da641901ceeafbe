//go:build cgo

package mqproducer

// #include "shim.h"
import "C"

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/cgo"
	"sync/atomic"
	"unsafe"
)

// TransactionState is what became of a transaction.
type TransactionState uint32

// What became of a transaction.
const (
	// TransactionUnknown: the end is not known yet; the broker asks again.
	TransactionUnknown TransactionState = C.MQP_TRANSACTION_UNKNOWN
	// TransactionCommit: the message is delivered.
	TransactionCommit TransactionState = C.MQP_TRANSACTION_COMMIT
	// TransactionRollback: the message is dropped.
	TransactionRollback TransactionState = C.MQP_TRANSACTION_ROLLBACK
)

// String is the name of the state, such as COMMIT.
func (s TransactionState) String() string {
	switch s {
	case TransactionUnknown:
		return "UNKNOWN"
	case TransactionCommit:
		return "COMMIT"
	case TransactionRollback:
		return "ROLLBACK"
	}
	return fmt.Sprintf("TransactionState(%d)", uint32(s))
}

// SetTransactionChecker sets who knows what became of a transaction, before the start and once; [Producer.Begin] needs it.
// A broker that hears no end of a transaction asks any producer of its group that is connected: RocketMQ's broker after
// 6 s at first, then each 30 s, up to 15 times, unless configured otherwise. A process that only answers checks, for
// another one of its group that ended, names the topics by [WithTopics]: the start then connects it to their brokers.
//
// check receives the half message. It runs on the library's thread: see "Callbacks" in the package's documentation. A panic
// is reported to the log function and stands for [TransactionUnknown], as any other number does. Up to 2000 checks wait
// for it; more are dropped with a warning, and asked again by the broker. It is kept until the producer is closed.
// Errors: [ErrAlreadyStarted], [ErrClosed], [ErrInvalidArgument], also for a second checker.
func (p *Producer) SetTransactionChecker(check func(*ReceivedMessage) TransactionState) error {
	if check == nil {
		return newError(StatusInvalidArgument, "`check` is nil")
	}
	if !p.acquire() {
		return closedError()
	}
	defer p.release()
	handle := cgo.NewHandle(check)
	failure := C.mqpgo_set_transaction_checker(p.handle, C.uintptr_t(handle))
	if failure != nil {
		handle.Delete()
	}
	return take(failure)
}

//export mqpgoCheckTransaction
func mqpgoCheckTransaction(handle C.uintptr_t, message *C.mqp_received_message) (state C.uint32_t) {
	callbacks.Add(1)
	defer callbacks.Add(-1)
	defer func() {
		if panicked := recover(); panicked != nil {
			reportPanic("the transaction checker", panicked)
			state = C.MQP_TRANSACTION_UNKNOWN
		}
	}()
	received, err := receivedOf(message)
	if err != nil {
		report(LevelError, "a half message that a broker asked for cannot be read: "+err.Error())
		return C.MQP_TRANSACTION_UNKNOWN
	}
	return C.uint32_t(cgo.Handle(handle).Value().(func(*ReceivedMessage) TransactionState)(received))
}

// Transaction is one message that consumers see once it is committed. Any number of goroutines may use one, one call at a
// time. Close it after use; one that is forgotten is closed when the collector finds it.
type Transaction struct {
	producer *Producer
	handle   *C.mqp_transaction
	// refs counts the calls under way, and 1 for the owner until Close: the last one frees the handle.
	refs  references
	owned atomic.Bool
	// tried: a message was sent or tried to be; stored: the broker has it; ended: a commit or rollback was asked for.
	tried, stored, ended atomic.Bool
}

// Begin begins a transaction: send one message in it, do the local work, then commit or roll back. Most programs take
// [Producer.Transaction]. Errors: [ErrInvalidConfig] for a producer without a transaction checker, [ErrNotStarted],
// [ErrClosed].
func (p *Producer) Begin() (*Transaction, error) {
	if !p.acquire() {
		return nil, closedError()
	}
	defer p.release()
	tx := &Transaction{producer: p}
	var failure *C.mqp_error
	C.mqp_transaction_begin(p.handle, &tx.handle, &failure)
	if failure != nil {
		return nil, take(failure)
	}
	tx.refs.Store(1)
	tx.owned.Store(true)
	runtime.SetFinalizer(tx, (*Transaction).Close)
	return tx, nil
}

// Transaction begins a transaction, and ends it by what work returns: nil commits it, an error rolls it back and is
// returned, with that of the rollback when it failed, too; a panic rolls it back and goes on. When work committed or
// rolled back by itself, or sent nothing, nothing is left to do. What ctx ended is rolled back without waiting, and where
// that is not told the broker asks the checker. Errors: those of [Producer.Begin] and [Transaction.Commit].
func (p *Producer) Transaction(ctx context.Context, work func(*Transaction) error) error {
	if work == nil {
		return newError(StatusInvalidArgument, "`work` is nil")
	}
	if inCallback() {
		return wouldDeadlock("Transaction")
	}
	tx, err := p.Begin()
	if err != nil {
		return err
	}
	defer tx.Close()
	err = work(tx)
	switch {
	case tx.ended.Load():
		return err
	case err == nil && tx.tried.Load():
		return tx.Commit(ctx)
	case err != nil && tx.stored.Load() && ctx.Err() == nil:
		if failure := tx.Rollback(ctx); failure != nil {
			return errors.Join(err, failure)
		}
	}
	return err
}

// Send sends the transaction's message and waits for the broker's receipt, with retries as retry_times_when_send_failed
// says. Deadline and cancelling are as in [Producer.Send], but a thread is held meanwhile.
//
// RocketMQ takes one message in a transaction: a second is refused. After an error that says MaybePersisted the broker may
// hold the message, and its check decides; after any other the send can be repeated. A message whose receipt does not say
// [SendOK] is rolled back at once, as the Java client does it, and cannot be committed. The message has no delay, and no
// properties called TRAN_MSG and PGROUP.
//
// Errors: those of [Producer.Send]; [ErrUnsupported] for a second message; [ErrInvalidArgument] while another call uses
// the transaction.
func (tx *Transaction) Send(ctx context.Context, m *Message, opts ...SendOption) (*Receipt, error) {
	call, err := newSend(ctx, m, opts)
	if err != nil {
		return nil, err
	}
	tx.tried.Store(true)
	receipt, err := inTransaction(ctx, tx, "Send", func() (*Receipt, error) {
		return lent(ctx, tx.producer, call, func(s *send, _ *Producer) (*Receipt, error) {
			text, lengths := s.texts.first()
			return receiving(func(receipt **C.mqp_receipt, view *C.mqp_receipt_view) *C.mqp_error {
				return C.mqpgo_transaction_send(
					tx.handle, text, lengths, (*C.uint8_t)(unsafe.Pointer(&s.body[0])), &s.message, &s.options, receipt, view)
			})
		})
	})
	if err == nil && receipt.SendStatus == SendOK {
		tx.stored.Store(true)
	}
	return receipt, err
}

// Commit lets the broker deliver the message. The word is one-way: nil says that it was handed to the operating system for
// the broker that holds the message, not that it arrived; when it is lost, the broker asks the checker. It waits for at
// most the configured send_msg_timeout; when ctx is done before, it returns at once and the word may still be said. After
// [ErrConnect] and other errors of the connection it may be said again, but not the opposite.
//
// Errors: [ErrInvalidArgument] without a stored message, after an end, and while another call uses the transaction;
// [ErrBrokerNotFound], [ErrNoRoute], [ErrNoNameServer], [ErrConnect], [ErrConnectionLost], [ErrTimeout], [ErrClosed],
// [ErrCanceled], and [ErrWouldDeadlock] in a callback.
func (tx *Transaction) Commit(ctx context.Context) error {
	return tx.end(ctx, "Commit", func(failure **C.mqp_error) { C.mqp_transaction_commit(tx.handle, failure) })
}

// Rollback lets the broker drop the message; all else is as with [Transaction.Commit].
func (tx *Transaction) Rollback(ctx context.Context) error {
	return tx.end(ctx, "Rollback", func(failure **C.mqp_error) { C.mqp_transaction_rollback(tx.handle, failure) })
}

func (tx *Transaction) end(ctx context.Context, name string, end func(failure **C.mqp_error)) error {
	tx.ended.Store(true)
	_, err := inTransaction(ctx, tx, name, func() (struct{}, error) {
		var failure *C.mqp_error
		end(&failure)
		return struct{}{}, take(failure)
	})
	return err
}

// inTransaction makes a call that uses the handle.
func inTransaction[T any](ctx context.Context, tx *Transaction, name string, call func() (T, error)) (value T, err error) {
	if inCallback() {
		return value, wouldDeadlock(name)
	}
	return held(ctx, tx.producer, name, func() (value T, err error) {
		if !tx.refs.acquire() {
			return value, newError(StatusInvalidArgument, "the transaction is closed")
		}
		defer tx.release()
		return call()
	})
}

// Close gives the transaction back. Its message, if it has one and neither commit nor rollback was attempted, is rolled
// back without waiting; otherwise the broker's check decides what is not decided. A second Close has nothing to do.
func (tx *Transaction) Close() {
	if tx.owned.CompareAndSwap(true, false) {
		runtime.SetFinalizer(tx, nil)
		tx.release()
	}
}

func (tx *Transaction) release() {
	if tx.refs.release() {
		C.mqp_transaction_free(tx.handle)
		tx.handle = nil
	}
}

// Recall takes a timer message back before it is delivered, and waits for the broker's answer; there are no retries, and
// the broker takes a second recall of the same message, too. The topic is the message's, the handle the RecallHandle of
// its receipt. The receipt of the recall has the message's id, topic and broker, and no queue (-1). Deadline and
// cancelling are as in [Producer.Send], but a thread is held meanwhile.
//
// Errors: [ErrInvalidArgument], also for a handle that is none or of another topic; [ErrBroker] when the message is due,
// and with the code 16 when the broker's recallMessageEnable is off, which is RocketMQ's default; [ErrBrokerNotFound] when
// the topic's route does not name the handle's broker; [ErrInvalidMessage] for the topic's name; [ErrNotStarted],
// [ErrClosed], [ErrNoNameServer], [ErrNoRoute], [ErrConnect], [ErrConnectionLost], [ErrTimeout], [ErrProtocol],
// [ErrCanceled], and [ErrWouldDeadlock] in a callback.
func (p *Producer) Recall(ctx context.Context, topic, handle string) (*Receipt, error) {
	if inCallback() {
		return nil, wouldDeadlock("Recall")
	}
	return held(ctx, p, "recall", func() (*Receipt, error) {
		texts := pack(topic, handle)
		defer texts.free()
		text, lengths := texts.first()
		timeout, bounded := timeoutOf(ctx, 0, longestSend)
		receipt, err := receiving(func(receipt **C.mqp_receipt, view *C.mqp_receipt_view) *C.mqp_error {
			return C.mqpgo_recall(p.handle, text, lengths, C.uint32_t(timeout), receipt, view)
		})
		return receipt, attribute(err, bounded)
	})
}
