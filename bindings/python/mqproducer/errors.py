"""What can fail: one tree of exceptions, one class for each status of the library."""

from __future__ import annotations

import enum
from typing import Any, ClassVar, Optional, TypeVar

from .attempt import Attempt


class Status(enum.IntEnum):
    """The library's statuses. The numbers never change; later versions add some."""

    OK = 0
    INVALID_ARGUMENT = 1
    INVALID_CONFIG = 2
    INVALID_MESSAGE = 3
    MESSAGE_TOO_LARGE = 4
    NOT_STARTED = 5
    ALREADY_STARTED = 6
    CLOSED = 7
    NO_NAME_SERVER = 8
    NO_ROUTE = 9
    BROKER_NOT_FOUND = 10
    CONNECT = 11
    CONNECTION_LOST = 12
    TIMEOUT = 13
    BROKER = 14
    PROTOCOL = 15
    BACKPRESSURE = 16
    WOULD_DEADLOCK = 17
    FORKED = 18
    VERSION_MISMATCH = 19
    RESOURCE = 20
    INTERNAL = 21
    UNSUPPORTED = 22
    FORBIDDEN = 23
    REQUEST_TIMEOUT = 24
    SPOOLED = 25
    TRANSACTION_ROLLED_BACK = 26
    TRANSACTION_IN_DOUBT = 27


class MqError(Exception):
    """Why a call or a message failed; the base of all exceptions of this package.

    It is itself raised only for a status that this version of the package does not know.
    """

    #: The status that a class stands for; None for those that only group others.
    STATUS: ClassVar[Optional[Status]] = None

    #: The status's number, as in :class:`Status`.
    status: int
    #: The status's stable name, such as ``TIMEOUT``.
    name: str
    #: The text for a person; it names the field, the value and the limit.
    message: str
    #: The server's response code when a server refused, else None.
    broker_code: Optional[int]
    #: The number that RocketMQ's Java client gives this failure: the server's response code, or one of its own such as
    #: 10001 for a connection that could not be opened; None when it has none.
    code: Optional[int]
    #: The server's remark; empty when there is none.
    remark: str
    #: Whether the same call may succeed later without being changed.
    retriable: bool
    #: Whether a broker may have stored the message although the send failed.
    maybe_persisted: bool
    #: The tries of the message, in their order; empty when none was made, as for one that was refused.
    attempts: tuple[Attempt, ...]

    def __init__(
        self,
        message: str,
        status: int,
        name: str,
        broker_code: Optional[int] = None,
        remark: str = "",
        retriable: bool = False,
        maybe_persisted: bool = False,
        code: Optional[int] = None,
        attempts: tuple[Attempt, ...] = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.name = name
        self.message = message
        self.broker_code = broker_code
        self.remark = remark
        self.retriable = retriable
        self.maybe_persisted = maybe_persisted
        self.code = code
        self.attempts = attempts

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[Any, ...]:
        fields = (self.message, self.status, self.name, self.broker_code, self.remark)
        return type(self), (*fields, self.retriable, self.maybe_persisted, self.code, self.attempts)


class ArgumentError(MqError, ValueError):
    """An argument that the C surface refuses."""

    STATUS = Status.INVALID_ARGUMENT


class ConfigError(MqError, ValueError):
    """An unknown configuration key, a value out of its range, a malformed URL."""

    STATUS = Status.INVALID_CONFIG


class MessageError(MqError, ValueError):
    """A message that breaks a rule: topic, body, property."""

    STATUS = Status.INVALID_MESSAGE


class MessageTooLargeError(MessageError):
    """A body or properties over the configured or protocol limit."""

    STATUS = Status.MESSAGE_TOO_LARGE


class StateError(MqError):
    """A call that the producer's state does not allow; the classes below say which."""


class NotStartedError(StateError):
    """A send or flush before ``start``."""

    STATUS = Status.NOT_STARTED


class AlreadyStartedError(StateError):
    """A second ``start``."""

    STATUS = Status.ALREADY_STARTED


class ClosedError(StateError):
    """The producer is closed or closing."""

    STATUS = Status.CLOSED


class WouldDeadlockError(StateError):
    """A blocking call inside a callback, which would wait for itself."""

    STATUS = Status.WOULD_DEADLOCK


class ForkedError(StateError):
    """The producer was made before a ``fork`` and is used in the child; make a new one there."""

    STATUS = Status.FORKED


class RouteError(MqError):
    """Nobody knows where to send; the classes below say what is missing."""


class NoNameServerError(RouteError, ConnectionError):
    """No name server answered; the message names each address and its cause."""

    STATUS = Status.NO_NAME_SERVER


class NoRouteError(RouteError):
    """The name servers know no route of the topic with a writable queue."""

    STATUS = Status.NO_ROUTE


class BrokerNotFoundError(RouteError):
    """The route names a broker without a master address."""

    STATUS = Status.BROKER_NOT_FOUND


class ConnectError(MqError, ConnectionError):
    """A connection could not be opened."""

    STATUS = Status.CONNECT


class ConnectionLostError(MqError, ConnectionError):
    """A connection died under the request."""

    STATUS = Status.CONNECTION_LOST


class MqTimeoutError(MqError, TimeoutError):
    """The deadline passed; the builtin ``TimeoutError`` catches it too."""

    STATUS = Status.TIMEOUT


class RequestTimeoutError(MqError, TimeoutError):
    """No reply to a request came before its deadline; the builtin ``TimeoutError`` catches it too."""

    STATUS = Status.REQUEST_TIMEOUT


class SpooledError(MqError):
    """Not sent yet: the message waits in the local spool, from which it is sent later. Not a success, nor to be sent
    again; the callback of :meth:`~mqproducer.Producer.set_spool_callback` tells what becomes of it."""

    STATUS = Status.SPOOLED


class TransactionRolledBackError(MqError):
    """The broker has dropped the transaction, all of it: its connection ended before the commit, or it refused a part."""

    STATUS = Status.TRANSACTION_ROLLED_BACK


class TransactionInDoubtError(MqError):
    """No answer came to a commit: the transaction may be committed or not."""

    STATUS = Status.TRANSACTION_IN_DOUBT


class BrokerError(MqError):
    """The broker refused; ``broker_code`` and ``remark`` tell why."""

    STATUS = Status.BROKER


class ProtocolError(MqError):
    """The peer broke the protocol."""

    STATUS = Status.PROTOCOL


class BackpressureError(MqError):
    """The limit of messages or bytes in flight is reached."""

    STATUS = Status.BACKPRESSURE


class ForbiddenError(MqError):
    """A :class:`~mqproducer.SendHook` refused the message; the text tells why."""

    STATUS = Status.FORBIDDEN


class VersionMismatchError(MqError):
    """Package and library do not fit together."""

    STATUS = Status.VERSION_MISMATCH


class ResourceError(MqError):
    """The operating system refused a thread, a socket or memory."""

    STATUS = Status.RESOURCE


class InternalError(MqError):
    """A defect of the library; please report it with its message."""

    STATUS = Status.INTERNAL


class UnsupportedError(MqError):
    """The operation exists but not for this transport or build."""

    STATUS = Status.UNSUPPORTED


Refusal = TypeVar("Refusal", bound=MqError)


def refusal(
    kind: type[Refusal],
    message: str,
    retriable: bool = False,
    maybe_persisted: bool = False,
    code: Optional[int] = None,
) -> Refusal:
    """An exception that the package raises itself, without the library."""
    status = kind.STATUS
    assert status is not None
    return kind(message, int(status), status.name, retriable=retriable, maybe_persisted=maybe_persisted, code=code)


def _tree(base: type[MqError]) -> dict[int, type[MqError]]:
    classes: dict[int, type[MqError]] = {}
    for derived in base.__subclasses__():
        # A class that inherits its status from another one does not stand for it.
        status = derived.__dict__.get("STATUS")
        if status is not None:
            classes[int(status)] = derived
        classes.update(_tree(derived))
    return classes


_CLASSES = _tree(MqError)


def class_of(status: int) -> type[MqError]:
    """The exception for a status; :class:`MqError` for one that this version does not know."""
    return _CLASSES.get(status, MqError)
