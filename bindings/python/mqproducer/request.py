"""Requests, which wait for a reply, and replies."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from ctypes import byref, c_void_p
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable, Optional, Union, overload

from . import _abi, _abi_message
from ._callbacks import Callback, Pending, promised, trampoline
from ._library import lib
from ._native import milliseconds, str_of
from ._send import Departures, begin, message_of, send, send_async, submit
from .errors import MqError
from .message import Body, Message, MessageFields
from .receipt import Receipt
from .received import ReceivedMessage, read_received, take_received
from .selector import Selector

if TYPE_CHECKING:
    from typing_extensions import Unpack

#: Receives the end of a request: the reply and None, or None and the error.
RequestCallback = Callable[[Optional[ReceivedMessage], Optional[MqError]], object]


@dataclass(frozen=True)
class ReplyTo:
    """Where the reply to a request goes. Immutable; any thread may read it."""

    #: The request's property ``CORRELATION_ID``.
    correlation_id: str
    #: The client that asked: the request's property ``REPLY_TO_CLIENT``.
    reply_to_client: str
    #: The cluster that stored the request: its property ``CLUSTER``.
    cluster: str
    #: How long the client waits from its request on, in milliseconds: the property ``TTL``, which is handed on and
    #: nothing depends on. 0: none.
    ttl_ms: int = 0

    @classmethod
    def of(cls, request: Union[ReceivedMessage, Mapping[str, str]]) -> ReplyTo:
        """Where the reply to a request goes that something consumed: the message, or its properties.

        Raises ``ValueError`` naming the property that a request would have.
        """
        properties = request.properties if isinstance(request, ReceivedMessage) else request
        for name in ("CORRELATION_ID", "REPLY_TO_CLIENT", "CLUSTER"):
            if not properties.get(name):
                raise ValueError(f"the message has no property {name}: it is no request, or no broker stored it")
        ttl = properties.get("TTL", "")
        return cls(
            correlation_id=properties["CORRELATION_ID"],
            reply_to_client=properties["REPLY_TO_CLIENT"],
            cluster=properties["CLUSTER"],
            ttl_ms=int(ttl) if ttl.isdecimal() and int(ttl) <= 0xFFFFFFFF else 0,
        )


class RequestCalls:
    """What a producer has for requests and replies."""

    _handle: Optional[c_void_p]

    @overload
    def request(
        self,
        message: Message,
        /,
        *,
        timeout_ms: Optional[int] = None,
        send_timeout_ms: Optional[int] = None,
        selector: Optional[Selector] = None,
        sharding_key: Optional[str] = None,
    ) -> ReceivedMessage: ...

    @overload
    def request(
        self,
        topic: str,
        body: Body,
        *,
        timeout_ms: Optional[int] = None,
        send_timeout_ms: Optional[int] = None,
        selector: Optional[Selector] = None,
        sharding_key: Optional[str] = None,
        **fields: Unpack[MessageFields],
    ) -> ReceivedMessage: ...

    def request(
        self,
        topic: Union[str, Message],
        body: Optional[Body] = None,
        *,
        timeout_ms: Optional[int] = None,
        send_timeout_ms: Optional[int] = None,
        selector: Optional[Selector] = None,
        sharding_key: Optional[str] = None,
        **fields: Any,
    ) -> ReceivedMessage:
        """Sends a request, waits for the reply of whoever consumes it and returns that.

        The message is given as to :meth:`send`, without a delay and without properties called ``CORRELATION_ID``,
        ``REPLY_TO_CLIENT`` or ``TTL``, which the library sets. ``timeout_ms``: until the reply has come, the sending
        included, in milliseconds, up to 3600000; None or 0: the configured ``send_msg_timeout``. ``send_timeout_ms``:
        that of the sending alone, when it is shorter. ``selector`` and ``sharding_key``: as for :meth:`send`.

        Raises what :meth:`send` raises, and :class:`~mqproducer.RequestTimeoutError` when the message was stored, but
        no reply came.
        """
        message = message_of(topic, body, fields)
        limit, reply = _limit(timeout_ms), c_void_p()

        def call(native: Any, options: Any, error: Any) -> int:
            return int(lib.mqp_producer_request(self._handle, native, options, limit, byref(reply), error))

        try:
            submit(message, (send_timeout_ms, selector, sharding_key), call)
        except BaseException:
            lib.mqp_received_message_free(reply)
            raise
        return take_received(reply)

    def request_async(
        self,
        message: Message,
        callback: RequestCallback,
        *,
        timeout_ms: Optional[int] = None,
        send_timeout_ms: Optional[int] = None,
        selector: Optional[Selector] = None,
        sharding_key: Optional[str] = None,
    ) -> None:
        """Sends a request and returns at once; ``callback(reply, None)`` or ``callback(None, error)`` ends it.

        It counts as in flight until the callback has returned: :meth:`flush` waits for it, and :meth:`close`, when its
        time is over, ends it with :class:`~mqproducer.ClosedError`. The callback is called as that of
        :meth:`send_async` is. Arguments and errors are those of :meth:`request`. What is raised here is not told to
        the callback.
        """
        departures = send_timeout_ms, selector, sharding_key
        start_request(self._handle, message, Pending(callback, self), timeout_ms, departures)

    @overload
    def request_future(
        self,
        message: Message,
        /,
        *,
        timeout_ms: Optional[int] = None,
        send_timeout_ms: Optional[int] = None,
        selector: Optional[Selector] = None,
        sharding_key: Optional[str] = None,
    ) -> Future[ReceivedMessage]: ...

    @overload
    def request_future(
        self,
        topic: str,
        body: Body,
        *,
        timeout_ms: Optional[int] = None,
        send_timeout_ms: Optional[int] = None,
        selector: Optional[Selector] = None,
        sharding_key: Optional[str] = None,
        **fields: Unpack[MessageFields],
    ) -> Future[ReceivedMessage]: ...

    def request_future(
        self,
        topic: Union[str, Message],
        body: Optional[Body] = None,
        *,
        timeout_ms: Optional[int] = None,
        send_timeout_ms: Optional[int] = None,
        selector: Optional[Selector] = None,
        sharding_key: Optional[str] = None,
        **fields: Any,
    ) -> Future[ReceivedMessage]:
        """Sends a request as :meth:`request_async` does and returns the future of its reply; see :meth:`send_future`.

        Arguments are those of :meth:`request`.
        """
        message = message_of(topic, body, fields)
        return promised(
            lambda end: self.request_async(
                message,
                end,
                timeout_ms=timeout_ms,
                send_timeout_ms=send_timeout_ms,
                selector=selector,
                sharding_key=sharding_key,
            )
        )

    def reply(
        self,
        to: ReplyTo,
        body: Union[Body, Message],
        *,
        timeout_ms: Optional[int] = None,
        selector: Optional[Selector] = None,
        sharding_key: Optional[str] = None,
        **fields: Unpack[MessageFields],
    ) -> Receipt:
        """Replies to a request that something else consumed; waits for the receipt of the broker, which hands the reply
        to the client that asked.

        ``to``: see :meth:`ReplyTo.of`. The reply is a body with the other fields of a :class:`~mqproducer.Message` as
        keywords, or a message, whose topic is not read: it goes to the reply topic of the request's cluster. It has no
        delay and no properties called ``MSG_TYPE``, ``CORRELATION_ID``, ``REPLY_TO_CLIENT`` or ``TTL``, which the
        library sets. The other arguments are those of :meth:`send`.

        Raises what :meth:`send` raises, and :class:`~mqproducer.BrokerError` with code 1 when no broker of the cluster
        knows the client any more.
        """
        return send_reply(self._handle, to, body, fields, (timeout_ms, selector, sharding_key))

    def reply_async(
        self,
        to: ReplyTo,
        message: Message,
        callback: Callback,
        *,
        timeout_ms: Optional[int] = None,
        selector: Optional[Selector] = None,
        sharding_key: Optional[str] = None,
    ) -> None:
        """Replies to a request and returns at once; ``callback(receipt, None)`` or ``callback(None, error)`` ends it.

        The callback is called as that of :meth:`send_async` is. Arguments and errors are those of :meth:`reply`. What
        is raised here is not told to the callback.
        """
        before = (self._handle, byref(_lend_to(to)))
        departures: Departures = timeout_ms, selector, sharding_key
        send_async(lib.mqp_producer_reply_async, before, message, departures, Pending(callback, self))

    def reply_future(
        self,
        to: ReplyTo,
        message: Message,
        *,
        timeout_ms: Optional[int] = None,
        selector: Optional[Selector] = None,
        sharding_key: Optional[str] = None,
    ) -> Future[Receipt]:
        """Replies as :meth:`reply_async` does and returns the future of the receipt; see :meth:`send_future`."""
        return promised(
            lambda end: self.reply_async(
                to, message, end, timeout_ms=timeout_ms, selector=selector, sharding_key=sharding_key
            )
        )


def start_request(
    producer: Optional[c_void_p],
    message: Message,
    pending: Pending,
    timeout_ms: Optional[int],
    departures: Departures,
) -> None:
    """Sends a request whose end is told to the pending entry."""
    limit = _limit(timeout_ms)

    def call(native: Any, options: Any, error: Any) -> int:
        return begin(
            pending,
            _abi_message.RequestCallback,
            _REPLY,
            lambda told: lib.mqp_producer_request_async(producer, native, options, limit, told, error),
        )

    submit(message, departures, call)


def send_reply(
    producer: Optional[c_void_p], to: ReplyTo, body: Union[Body, Message], fields: Any, departures: Departures
) -> Receipt:
    """Replies to a request, and waits for the receipt."""
    message = message_of(body, None, fields) if isinstance(body, Message) else message_of("", body, fields)
    return send(lib.mqp_producer_reply, (producer, byref(_lend_to(to))), message, departures)


def _limit(timeout_ms: Optional[int]) -> int:
    return 0 if timeout_ms is None else milliseconds("timeout_ms", timeout_ms)


def _lend_to(to: object) -> _abi_message.ReplyTo:
    if not isinstance(to, ReplyTo):
        raise TypeError(f"to must be ReplyTo, not {type(to).__name__}")
    native = _abi.sized(_abi_message.ReplyTo)
    native.correlation_id = str_of("correlation_id", to.correlation_id)
    native.reply_to_client = str_of("reply_to_client", to.reply_to_client)
    native.cluster = str_of("cluster", to.cluster)
    native.ttl_ms = milliseconds("ttl_ms", to.ttl_ms)
    return native


_REPLY = trampoline(_abi_message.REQUEST_CALL, lambda end: read_received(end.reply))
