//go:build cgo

package mqproducer

// #include "shim.h"
import "C"

// Status tells what went wrong. The numbers never change; later versions add some.
type Status uint32

// The statuses of the library, and, last, the one that this package adds.
const (
	// StatusOK is success; no [Error] has it.
	StatusOK Status = C.MQP_OK
	// StatusInvalidArgument: a nil where none is allowed, a text that is not UTF-8.
	StatusInvalidArgument Status = C.MQP_ERR_INVALID_ARGUMENT
	// StatusInvalidConfig: an unknown configuration key, a value out of its range, a malformed URL.
	StatusInvalidConfig Status = C.MQP_ERR_INVALID_CONFIG
	// StatusInvalidMessage: a message that breaks a rule: topic, body, property.
	StatusInvalidMessage Status = C.MQP_ERR_INVALID_MESSAGE
	// StatusMessageTooLarge: a body or properties over the configured or protocol limit.
	StatusMessageTooLarge Status = C.MQP_ERR_MESSAGE_TOO_LARGE
	// StatusNotStarted: a send or flush before Start.
	StatusNotStarted Status = C.MQP_ERR_NOT_STARTED
	// StatusAlreadyStarted: a second Start.
	StatusAlreadyStarted Status = C.MQP_ERR_ALREADY_STARTED
	// StatusClosed: the producer is closed or closing.
	StatusClosed Status = C.MQP_ERR_CLOSED
	// StatusNoNameServer: no name server answered; the message names each address and its cause.
	StatusNoNameServer Status = C.MQP_ERR_NO_NAME_SERVER
	// StatusNoRoute: the name servers know no route of the topic with a writable queue.
	StatusNoRoute Status = C.MQP_ERR_NO_ROUTE
	// StatusBrokerNotFound: the route names a broker without a master address.
	StatusBrokerNotFound Status = C.MQP_ERR_BROKER_NOT_FOUND
	// StatusConnect: a connection could not be opened.
	StatusConnect Status = C.MQP_ERR_CONNECT
	// StatusConnectionLost: a connection died under the request.
	StatusConnectionLost Status = C.MQP_ERR_CONNECTION_LOST
	// StatusTimeout: the deadline passed.
	StatusTimeout Status = C.MQP_ERR_TIMEOUT
	// StatusBroker: the broker refused; BrokerCode and Remark of the error tell why.
	StatusBroker Status = C.MQP_ERR_BROKER
	// StatusProtocol: the peer broke the protocol.
	StatusProtocol Status = C.MQP_ERR_PROTOCOL
	// StatusBackpressure: the limit of messages or bytes in flight is reached.
	StatusBackpressure Status = C.MQP_ERR_BACKPRESSURE
	// StatusWouldDeadlock: a blocking call was made in a callback.
	StatusWouldDeadlock Status = C.MQP_ERR_WOULD_DEADLOCK
	// StatusForked: the producer was made before a fork and is used in the child.
	StatusForked Status = C.MQP_ERR_FORKED
	// StatusVersionMismatch: this package and the library do not fit together.
	StatusVersionMismatch Status = C.MQP_ERR_VERSION_MISMATCH
	// StatusResource: the operating system refused a thread, a socket or memory.
	StatusResource Status = C.MQP_ERR_RESOURCE
	// StatusInternal: a defect of the library.
	StatusInternal Status = C.MQP_ERR_INTERNAL
	// StatusUnsupported: the operation exists but not for this transport or build.
	StatusUnsupported Status = C.MQP_ERR_UNSUPPORTED
	// StatusForbidden: the CheckForbidden of a [Hook] refused the message.
	StatusForbidden Status = C.MQP_ERR_FORBIDDEN
	// StatusRequestTimeout: no reply to a request came before its deadline.
	StatusRequestTimeout Status = C.MQP_ERR_REQUEST_TIMEOUT
	// StatusSpooled: not sent yet; the message waits in the local spool, from which it is sent later. Not a success, nor to
	// be sent again.
	StatusSpooled Status = C.MQP_ERR_SPOOLED
	// StatusTransactionRolledBack: the broker has dropped the transaction, all of it: its connection ended before the
	// commit, or it refused a part.
	StatusTransactionRolledBack Status = C.MQP_ERR_TRANSACTION_ROLLED_BACK
	// StatusTransactionInDoubt: no answer came to a commit: the transaction may be committed or not.
	StatusTransactionInDoubt Status = C.MQP_ERR_TRANSACTION_IN_DOUBT

	// StatusCanceled: the context was cancelled. The library has no such status: it cannot take a message back.
	StatusCanceled Status = 1 << 31
)

// String is the stable name of the status, such as TIMEOUT; UNKNOWN for one that the library does not know.
func (s Status) String() string {
	if s == StatusCanceled {
		return "CANCELED"
	}
	return C.GoString(C.mqp_status_name(C.mqp_status(s)))
}

// Statuses lists every status that the library knows, [StatusOK] included.
func Statuses() []Status {
	all := make([]Status, 0, int(C.mqp_status_count()))
	for i := 0; i < cap(all); i++ {
		view := C.mqp_status_view{struct_size: C.sizeof_mqp_status_view}
		if C.mqp_status_get(C.size_t(i), &view, nil) == C.MQP_OK {
			all = append(all, Status(view.status))
		}
	}
	return all
}

// SendStatus tells how safely a message is stored.
type SendStatus uint32

// How safely a message is stored.
const (
	// SendOK: to the broker's configured safety.
	SendOK SendStatus = C.MQP_SEND_OK
	// SendFlushDiskTimeout: stored, but the disk flush did not end in time.
	SendFlushDiskTimeout SendStatus = C.MQP_SEND_FLUSH_DISK_TIMEOUT
	// SendFlushSlaveTimeout: stored, but the replica did not confirm in time.
	SendFlushSlaveTimeout SendStatus = C.MQP_SEND_FLUSH_SLAVE_TIMEOUT
	// SendSlaveNotAvailable: stored, but there is no replica to confirm.
	SendSlaveNotAvailable SendStatus = C.MQP_SEND_SLAVE_NOT_AVAILABLE
	// SendUnconfirmed: sent one-way; no answer is asked for.
	SendUnconfirmed SendStatus = C.MQP_SEND_ONEWAY
)

// String is the name as the broker's protocol spells it, such as SEND_OK; ONEWAY for [SendUnconfirmed].
func (s SendStatus) String() string {
	return C.GoString(C.mqp_send_status_name(C.uint32_t(s)))
}

// Version is the version of the library that is loaded, such as 1.2.3.
func Version() string {
	return C.GoString(C.mqp_version_string())
}
