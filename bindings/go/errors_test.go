//go:build cgo

package mqproducer

import (
	"context"
	"errors"
	"testing"
	"time"
)

// named is every sentinel under the name that the library gives its status.
var named = map[string]error{
	"INVALID_ARGUMENT": ErrInvalidArgument, "INVALID_CONFIG": ErrInvalidConfig, "INVALID_MESSAGE": ErrInvalidMessage,
	"MESSAGE_TOO_LARGE": ErrMessageTooLarge, "NOT_STARTED": ErrNotStarted, "ALREADY_STARTED": ErrAlreadyStarted,
	"CLOSED": ErrClosed, "NO_NAME_SERVER": ErrNoNameServer, "NO_ROUTE": ErrNoRoute,
	"BROKER_NOT_FOUND": ErrBrokerNotFound, "CONNECT": ErrConnect, "CONNECTION_LOST": ErrConnectionLost,
	"TIMEOUT": ErrTimeout, "BROKER": ErrBroker, "PROTOCOL": ErrProtocol, "BACKPRESSURE": ErrBackpressure,
	"WOULD_DEADLOCK": ErrWouldDeadlock, "FORKED": ErrForked, "VERSION_MISMATCH": ErrVersionMismatch,
	"RESOURCE": ErrResource, "INTERNAL": ErrInternal, "UNSUPPORTED": ErrUnsupported,
	"FORBIDDEN": ErrForbidden, "REQUEST_TIMEOUT": ErrRequestTimeout, "SPOOLED": ErrSpooled,
	"TRANSACTION_ROLLED_BACK": ErrTransactionRolledBack, "TRANSACTION_IN_DOUBT": ErrTransactionInDoubt,
}

func TestEveryStatusOfTheLibraryHasASentinel(t *testing.T) {
	statuses := Statuses()
	if len(statuses) != len(named)+1 {
		t.Errorf("the library knows %d statuses, this package %d and OK", len(statuses), len(named))
	}
	for _, status := range statuses {
		if status == StatusOK {
			continue
		}
		target, ok := named[status.String()]
		if !ok {
			t.Errorf("no sentinel for %d %s", status, status)
			continue
		}
		err := error(newError(status, "text"))
		for name, other := range named {
			if errors.Is(err, other) != (name == status.String()) {
				t.Errorf("errors.Is(%v, %v) is wrong", err, other)
			}
		}
		if want := "mqproducer: " + status.String(); target.Error() != want {
			t.Errorf("%q, want %q", target.Error(), want)
		}
	}
	if got := Status(9999).String(); got != "UNKNOWN" {
		t.Errorf("an unknown status is called %s", got)
	}
}

func TestAnErrorOfAContextIsWrapped(t *testing.T) {
	ctx, cancel := context.WithCancel(background)
	cancel()
	e := expect(t, interrupted(ctx, "send", true), ErrCanceled)
	if !errors.Is(e, context.Canceled) || errors.Is(e, ErrTimeout) || !e.MaybePersisted || e.Retriable || e.HasCode {
		t.Errorf("%+v", e)
	}
	if want := "mqproducer: CANCELED: send: context canceled"; e.Error() != want {
		t.Errorf("%q, want %q", e.Error(), want)
	}
	ctx, cancel = context.WithTimeout(background, 0)
	defer cancel()
	e = expect(t, interrupted(ctx, "send", false), ErrTimeout)
	if !errors.Is(e, context.DeadlineExceeded) || e.MaybePersisted || !e.Retriable ||
		!e.HasCode || e.Code != 10002 {
		t.Errorf("%+v", e)
	}
}

func TestNamesOfSendStatuses(t *testing.T) {
	want := map[SendStatus]string{
		SendOK: "SEND_OK", SendFlushDiskTimeout: "FLUSH_DISK_TIMEOUT", SendFlushSlaveTimeout: "FLUSH_SLAVE_TIMEOUT",
		SendSlaveNotAvailable: "SLAVE_NOT_AVAILABLE", SendUnconfirmed: "ONEWAY", 77: "UNKNOWN",
	}
	for status, name := range want {
		if status.String() != name {
			t.Errorf("%d is called %s, want %s", status, status, name)
		}
	}
}

func TestErrorsHaveTheCodesOfTheJavaClient(t *testing.T) {
	p := startedProducer(t, newCluster(t).URL())
	refused := startedProducer(t, "rocketmq://127.0.0.1:1", WithTimeout(time.Second))
	_, illegal := p.Send(background, message("", "b"))
	_, unreached := refused.Send(background, message("T", "b"))
	for _, c := range []struct {
		err  error
		code int32
	}{{illegal, 13}, {unreached, 10004}, {p.Start(), 0}, {wouldDeadlock("Send"), 0}} {
		var e *Error
		if !errors.As(c.err, &e) || e.Code != c.code || e.HasCode != (c.code != 0) || e.HasBrokerCode {
			t.Errorf("%+v, want the code %d", c.err, c.code)
		}
	}
}
