"""The producer."""

from __future__ import annotations

from concurrent.futures import Future
from ctypes import byref, c_void_p
from typing import TYPE_CHECKING, Any, Optional, Union, overload

from ._base import DEFAULT_WAIT_MS, ProducerBase
from ._callbacks import Callback, Pending, promised
from ._library import lib
from ._native import check, milliseconds
from ._send import message_of, send_async, send_one
from .batch import BatchCalls
from .config import ConfigValue
from .message import Body, Message, MessageFields
from .receipt import Receipt
from .request import RequestCalls
from .selector import Selector
from .temporary import TemporaryCalls
from .trace import TraceCalls
from .transaction import TransactionCalls

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack


class Producer(BatchCalls, RequestCalls, TemporaryCalls, TraceCalls, TransactionCalls, ProducerBase):
    """Sends messages. Create few and keep them: each has its own connections.

    ``url`` chooses the transport: ``rocketmq://host:9876;host2:9876`` (name servers), ``activemq://host:61616`` or
    ``failover:(activemq://a:61616,activemq://b:61616)`` (brokers of ActiveMQ), ``mock://name`` or
    ``mock+openwire://name`` (a cluster inside this process, for tests and trials). ``group`` is the producer group. Each key of
    :func:`mqproducer.config_options` is a keyword argument, under its own name.

    Any number of threads may use it at the same time. As a context manager it starts on entering and closes at the
    end::

        with Producer("mock://demo", group="demo") as producer:
            receipt = producer.send("Demo", b"hello", tags="T1", keys=["order-1"])

    Whatever fails raises an :class:`~mqproducer.MqError`. A producer that was made before ``os.fork`` raises
    :class:`~mqproducer.ForkedError` in the child; make a new one there. One that is still open when the interpreter
    exits is closed then, in bounded time.
    """

    def __init__(self, url: str, *, group: Optional[str] = None, **config: ConfigValue) -> None:
        """Checks the configuration; nothing is connected before :meth:`start`.

        Raises :class:`~mqproducer.ConfigError` for an unknown key, naming the nearest one, and for an illegal value,
        naming its range; ``TypeError`` for a value of another type than :data:`~mqproducer.ConfigValue`.
        """
        super().__init__(url, group, config)

    def start(self) -> None:
        """Starts it: from now on it takes messages. Blocks while it meets the name servers.

        Raises :class:`~mqproducer.AlreadyStartedError`, :class:`~mqproducer.ClosedError` or another
        :class:`~mqproducer.MqError`; after that it may be called again.
        """
        self._start()

    @overload
    def send(
        self,
        message: Message,
        /,
        *,
        timeout_ms: Optional[int] = None,
        selector: Optional[Selector] = None,
        sharding_key: Optional[str] = None,
    ) -> Receipt: ...

    @overload
    def send(
        self,
        topic: str,
        body: Body,
        *,
        timeout_ms: Optional[int] = None,
        selector: Optional[Selector] = None,
        sharding_key: Optional[str] = None,
        **fields: Unpack[MessageFields],
    ) -> Receipt: ...

    def send(
        self,
        topic: Union[str, Message],
        body: Optional[Body] = None,
        *,
        timeout_ms: Optional[int] = None,
        selector: Optional[Selector] = None,
        sharding_key: Optional[str] = None,
        **fields: Any,
    ) -> Receipt:
        """Sends one message, waits for the broker's answer and returns its receipt; failed tries are repeated as
        configured.

        The message is a :class:`~mqproducer.Message`, or topic and body with the other fields of one as keywords.
        ``timeout_ms``: the total deadline in milliseconds, up to 3600000; None or 0: the configured
        ``send_msg_timeout``. A signal (Ctrl-C) is seen when the call returns.

        ``selector``: the queue, a :data:`~mqproducer.Selector`; None: one queue after the other. ``sharding_key``
        stands for :class:`~mqproducer.Hash` of it.

        Raises an :class:`~mqproducer.MqError`; when its ``maybe_persisted`` is true the message may be stored all the
        same. Inside a callback: :class:`~mqproducer.WouldDeadlockError`. What a selector function raises is raised as
        it is.
        """
        message = message_of(topic, body, fields)
        return send_one(self._handle, False, message, timeout_ms, selector, sharding_key)

    @overload
    def send_oneway(
        self,
        message: Message,
        /,
        *,
        timeout_ms: Optional[int] = None,
        selector: Optional[Selector] = None,
        sharding_key: Optional[str] = None,
    ) -> Receipt: ...

    @overload
    def send_oneway(
        self,
        topic: str,
        body: Body,
        *,
        timeout_ms: Optional[int] = None,
        selector: Optional[Selector] = None,
        sharding_key: Optional[str] = None,
        **fields: Unpack[MessageFields],
    ) -> Receipt: ...

    def send_oneway(
        self,
        topic: Union[str, Message],
        body: Optional[Body] = None,
        *,
        timeout_ms: Optional[int] = None,
        selector: Optional[Selector] = None,
        sharding_key: Optional[str] = None,
        **fields: Any,
    ) -> Receipt:
        """Sends one message without asking for an answer: success means that it was handed to the connection, no more.

        It is never repeated. The receipt tells its id and queue; its ``queue_offset`` is -1. Arguments and errors are
        those of :meth:`send`.
        """
        message = message_of(topic, body, fields)
        return send_one(self._handle, True, message, timeout_ms, selector, sharding_key)

    def send_async(
        self,
        message: Message,
        callback: Callback,
        *,
        timeout_ms: Optional[int] = None,
        selector: Optional[Selector] = None,
        sharding_key: Optional[str] = None,
    ) -> None:
        """Sends one message and returns at once; ``callback(receipt, None)`` or ``callback(None, error)`` ends it.

        It waits only for a route that is not known yet and, with ``backpressure`` = ``block`` or ``wait_forever``, for
        room in flight. Unless it raises, the callback runs exactly once, possibly before this call returns, on the
        library's dispatcher thread: it must not block for long, as all others wait for it. It may send with this
        method, but not with those that wait. An exception that it raises is logged to the logger ``mqproducer`` and
        goes nowhere else.

        Arguments and errors are those of :meth:`send`. What is raised here is not told to the callback.
        """
        departures = timeout_ms, selector, sharding_key
        send_async(lib.mqp_producer_send_async, (self._handle,), message, departures, Pending(callback, self))

    @overload
    def send_future(
        self,
        message: Message,
        /,
        *,
        timeout_ms: Optional[int] = None,
        selector: Optional[Selector] = None,
        sharding_key: Optional[str] = None,
    ) -> Future[Receipt]: ...

    @overload
    def send_future(
        self,
        topic: str,
        body: Body,
        *,
        timeout_ms: Optional[int] = None,
        selector: Optional[Selector] = None,
        sharding_key: Optional[str] = None,
        **fields: Unpack[MessageFields],
    ) -> Future[Receipt]: ...

    def send_future(
        self,
        topic: Union[str, Message],
        body: Optional[Body] = None,
        *,
        timeout_ms: Optional[int] = None,
        selector: Optional[Selector] = None,
        sharding_key: Optional[str] = None,
        **fields: Any,
    ) -> Future[Receipt]:
        """Sends one message as :meth:`send_async` does and returns the future of its receipt.

        Its done-callbacks run on the library's dispatcher thread. It cannot be cancelled: the message is on its way.
        In asyncio, ``await asyncio.wrap_future(producer.send_future(...))``.

        Arguments are those of :meth:`send`. What is wrong with the message is raised here; all else is told by the
        future.
        """
        message = message_of(topic, body, fields)
        return promised(
            lambda end: self.send_async(
                message, end, timeout_ms=timeout_ms, selector=selector, sharding_key=sharding_key
            )
        )

    def flush(self, timeout_ms: int = DEFAULT_WAIT_MS) -> None:
        """Waits until every message accepted so far is completed and its callback has returned.

        ``timeout_ms``: in milliseconds; 0 only looks. Raises :class:`~mqproducer.MqTimeoutError`,
        :class:`~mqproducer.NotStartedError`, :class:`~mqproducer.ForkedError`, and inside a callback
        :class:`~mqproducer.WouldDeadlockError`.
        """
        error = c_void_p()
        check(lib.mqp_producer_flush(self._handle, milliseconds("timeout_ms", timeout_ms), byref(error)), error)

    def close(self, timeout_ms: int = DEFAULT_WAIT_MS) -> None:
        """Closes it: refuses further messages, waits for those in flight, says farewell to the brokers.

        ``timeout_ms``: in milliseconds; farewell and last callbacks get a second or two more. What is not completed by
        then is completed with :class:`~mqproducer.ClosedError`, and :class:`~mqproducer.MqTimeoutError` is raised; it
        is closed all the same. A second call does nothing. Raises :class:`~mqproducer.WouldDeadlockError`
        inside a callback and :class:`~mqproducer.ForkedError` in a forked child.
        """
        self._end(timeout_ms)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
