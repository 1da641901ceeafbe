//go:build cgo

package mqproducer

// #include "shim.h"
import "C"

import (
	"context"
	"errors"
	"sync"
)

// Error tells why a call or a message failed. Every error of this package is one; get at its fields by errors.As.
type Error struct {
	// Status tells what went wrong.
	Status Status
	// Name is the stable name of the status, such as TIMEOUT.
	Name string
	// Message is the text for a person; it names the field, the value and the limit.
	Message string
	// BrokerCode is the server's response code when HasBrokerCode is set, else 0.
	BrokerCode int32
	// HasBrokerCode tells that a server refused.
	HasBrokerCode bool
	// Code is the number that RocketMQ's Java client gives this failure when HasCode is set, else 0: the server's response
	// code, or one of the client's own such as 10001 for a connection that could not be opened.
	Code int32
	// HasCode tells that the failure has such a number.
	HasCode bool
	// Remark is the server's remark; empty when there is none.
	Remark string
	// Retriable tells that the same call may succeed later without being changed.
	Retriable bool
	// MaybePersisted tells that a broker may have stored the message although the send failed.
	MaybePersisted bool
	// Attempts are the tries of the message, in their order; nil when none was made, as for one that was refused.
	Attempts []Attempt

	cause error
}

// Error is the text for a person, with the name of the status before it.
func (e *Error) Error() string { return "mqproducer: " + e.Name + ": " + e.Message }

// Is makes errors.Is(err, ErrTimeout) and its like compare the status.
func (e *Error) Is(target error) bool {
	s, ok := target.(sentinel)
	return ok && Status(s) == e.Status
}

// Unwrap is the error of the context that ended the call, or nil.
func (e *Error) Unwrap() error { return e.cause }

type sentinel Status

func (s sentinel) Error() string { return "mqproducer: " + Status(s).String() }

// What errors.Is compares an error with: one for each [Status] but [StatusOK].
var (
	ErrInvalidArgument error = sentinel(StatusInvalidArgument)
	ErrInvalidConfig   error = sentinel(StatusInvalidConfig)
	ErrInvalidMessage  error = sentinel(StatusInvalidMessage)
	ErrMessageTooLarge error = sentinel(StatusMessageTooLarge)
	ErrNotStarted      error = sentinel(StatusNotStarted)
	ErrAlreadyStarted  error = sentinel(StatusAlreadyStarted)
	ErrClosed          error = sentinel(StatusClosed)
	ErrNoNameServer    error = sentinel(StatusNoNameServer)
	ErrNoRoute         error = sentinel(StatusNoRoute)
	ErrBrokerNotFound  error = sentinel(StatusBrokerNotFound)
	ErrConnect         error = sentinel(StatusConnect)
	ErrConnectionLost  error = sentinel(StatusConnectionLost)
	ErrTimeout         error = sentinel(StatusTimeout)
	ErrBroker          error = sentinel(StatusBroker)
	ErrProtocol        error = sentinel(StatusProtocol)
	ErrBackpressure    error = sentinel(StatusBackpressure)
	ErrWouldDeadlock   error = sentinel(StatusWouldDeadlock)
	ErrForked          error = sentinel(StatusForked)
	ErrVersionMismatch error = sentinel(StatusVersionMismatch)
	ErrResource        error = sentinel(StatusResource)
	ErrInternal        error = sentinel(StatusInternal)
	ErrUnsupported     error = sentinel(StatusUnsupported)
	ErrForbidden       error = sentinel(StatusForbidden)
	ErrRequestTimeout  error = sentinel(StatusRequestTimeout)
	ErrSpooled         error = sentinel(StatusSpooled)

	ErrTransactionRolledBack error = sentinel(StatusTransactionRolledBack)
	ErrTransactionInDoubt    error = sentinel(StatusTransactionInDoubt)

	ErrCanceled error = sentinel(StatusCanceled)
)

// The Codes that the library gives a timeout, and that of a request.
const (
	codeTimeout        = 10002
	codeRequestTimeout = 10006
)

func newError(status Status, message string) *Error {
	return &Error{Status: status, Name: status.String(), Message: message}
}

func closedError() error { return newError(StatusClosed, "the producer is closed") }

// interrupted is the error of a call that a context ended. Whether the context or the library is first to see a deadline
// is chance, so that both give the same status.
func interrupted(ctx context.Context, what string, maybePersisted bool) error {
	cause := ctx.Err()
	e := newError(StatusCanceled, what+": "+cause.Error())
	if errors.Is(cause, context.DeadlineExceeded) {
		e = newError(StatusTimeout, what+": the deadline of the context passed")
		e.Retriable, e.Code, e.HasCode = true, codeTimeout, true
	}
	e.MaybePersisted = maybePersisted
	e.cause = cause
	return e
}

// requestInterrupted is the error of a request that a context ended while its reply was awaited.
func requestInterrupted(ctx context.Context) error {
	e := interrupted(ctx, "request", true).(*Error)
	if e.Status == StatusTimeout {
		e.Status, e.Name, e.Code = StatusRequestTimeout, StatusRequestTimeout.String(), codeRequestTimeout
	}
	return e
}

// attribute marks a timeout of the library as one of the context that set the deadline.
func attribute(err error, bounded bool) error {
	if e, ok := err.(*Error); ok && bounded && (e.Status == StatusTimeout || e.Status == StatusRequestTimeout) {
		e.cause = context.DeadlineExceeded
	}
	return err
}

// errorOf copies an error; `of` is what the view was read from.
func errorOf(view *C.mqp_error_view, of *C.mqp_error) *Error {
	e := &Error{
		Status:         Status(view.status),
		BrokerCode:     int32(view.broker_code),
		HasBrokerCode:  view.has_broker_code != 0,
		Code:           int32(view.code),
		HasCode:        view.code != 0,
		Retriable:      view.retriable != 0,
		MaybePersisted: view.maybe_persisted != 0,
	}
	copyTexts([]*string{&e.Name, &e.Message, &e.Remark}, []C.mqp_str{view.name, view.message, view.remark})
	e.Attempts = attemptsOf(C.mqp_error_attempt_count(of), func(i C.size_t, into *C.mqp_attempt) {
		C.mqp_error_attempt_at(of, i, into, nil)
	})
	return e
}

// take turns an owned error of the library, or NULL, into a Go error, or nil.
func take(owned *C.mqp_error) error {
	if owned == nil {
		return nil
	}
	defer C.mqp_error_free(owned)
	view := C.mqp_error_view{struct_size: C.sizeof_mqp_error_view}
	C.mqp_error_get(owned, &view, nil)
	return errorOf(&view, owned)
}

// checkVersion asks, once, whether the header that this package was compiled with fits the library that was loaded.
var checkVersion = sync.OnceValue(func() error {
	var failure *C.mqp_error
	C.mqp_version_check(C.MQP_VERSION_NUMBER, &failure)
	return take(failure)
})
