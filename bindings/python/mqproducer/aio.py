"""The producer of asyncio."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Optional, Union, overload

from ._base import DEFAULT_WAIT_MS, ProducerBase
from ._callbacks import logger
from ._completions import CompletionQueue
from ._lent import struct_of
from ._many import Many, Part, parts_of
from ._native import milliseconds
from ._oneway import OneWays
from ._outgoing import Departure, Outgoing, Send
from ._send import Departures, message_of
from ._waits import in_thread
from .aio_calls import AsyncCalls
from .config import ConfigValue, NativeConfig
from .errors import AlreadyStartedError, ClosedError, MqTimeoutError, NotStartedError, refusal
from .message import Body, Message, MessageFields
from .receipt import Receipt
from .selector import Selector
from .trace import TraceContext

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

_PLAIN: Departures = (None, None, None)
_TRACE_PARENT = re.compile("00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


class AsyncProducer(AsyncCalls, ProducerBase):
    """Sends messages from asyncio. Create few and keep them: each has its own connections.

    Arguments and configuration are those of :class:`~mqproducer.Producer`::

        async with AsyncProducer("mock://demo", group="demo") as producer:
            receipt = await producer.send("Demo", b"hello", tags="T1", keys=["order-1"])
            await asyncio.gather(*(producer.send("Demo", b"hello") for _ in range(1000)))

    It belongs to the event loop, and so to the thread, that starts it. Sends need no thread of Python: what one turn of
    the loop sends is handed to the library in one call, and the loop waits on a descriptor for the ends, of which it
    takes many in one call. The loop must have ``add_reader``: that of Linux and macOS has it, uvloop, too. Nothing
    blocks the loop: a topic's route is found meanwhile, and where ``backpressure`` makes a send wait for room, its task
    waits, within the deadline, and all other tasks go on.

    Cancelling a task that waits for a send gives up waiting: a message that was not handed over yet, as in the same
    turn of the loop or for want of room, is not sent; any other may be sent and stored all the same, and its end is
    dropped. When the loop is closed the ends of what is in flight are dropped, too.

    Selector functions and hooks before the send run on the loop's thread, for one-way messages on another; they must
    not wait. All other functions run as for :class:`~mqproducer.Producer`: on the library's dispatcher thread.

    Whatever fails raises an :class:`~mqproducer.MqError`. A body must not be changed before the send has ended. In a
    child of ``os.fork`` it raises :class:`~mqproducer.ForkedError`; make a new one there. One that is still open when
    the interpreter exits is closed then, in bounded time.
    """

    _loop: Optional[asyncio.AbstractEventLoop] = None
    _queue: Optional[CompletionQueue] = None
    _outgoing: Optional[Outgoing] = None
    _oneways: Optional[OneWays] = None
    _trace_context: Optional[TraceContext] = None
    _closing = False

    def __init__(self, url: str, *, group: Optional[str] = None, **config: ConfigValue) -> None:
        """Checks the configuration; nothing is connected before :meth:`start`. Errors as for
        :class:`~mqproducer.Producer`."""
        super().__init__(url, group, config)

    def _configured(self, native: NativeConfig) -> None:
        self._policy = native.get("backpressure")
        self._default_timeout = int(native.get("send_msg_timeout")) / 1000
        # The event loop waits for room, not its thread.
        native.set("backpressure", "fail")

    def set_trace_context(self, trace_context: TraceContext) -> None:
        """Sets where messages get their trace context, in place of what was set before; only before :meth:`start`.

        It is called for each message, also of a batch, that has neither a ``trace_parent`` nor a property
        ``traceparent`` of its own, by the task that sends it. What it returns goes to consumers as the property
        ``traceparent``; what is no trace context is left out. An exception is logged to the logger ``mqproducer`` and
        the message goes without.

        Raises :class:`~mqproducer.AlreadyStartedError`; ``TypeError`` for what cannot be called.
        """
        if not callable(trace_context):
            raise TypeError(f"trace_context must be callable, not {type(trace_context).__name__}")
        if self._loop is not None:
            raise refusal(AlreadyStartedError, "the producer is started; a trace context is set before")
        self._trace_context = trace_context

    async def start(self) -> None:
        """Starts it on the running loop: from now on it takes messages. A thread of its own meets the name servers.

        Raises :class:`~mqproducer.AlreadyStartedError`, :class:`~mqproducer.ClosedError` or another
        :class:`~mqproducer.MqError`; after that it may be called again. ``NotImplementedError`` when the loop has no
        ``add_reader``.
        """
        loop = asyncio.get_running_loop()
        if self._closing:
            raise refusal(ClosedError, "the producer is closed")
        if self._queue is not None:
            raise refusal(AlreadyStartedError, "the producer is already started")
        queue = CompletionQueue()
        loop.add_reader(queue.fileno(), self._take)
        self._loop, self._queue = loop, queue
        try:
            await in_thread(self._start)
        except BaseException:
            loop.remove_reader(queue.fileno())
            self._queue = None
            queue.abandon(None)
            raise
        self._outgoing = Outgoing(self, self._handle, queue, self._policy, self._default_timeout)
        self._oneways = OneWays(self, self._handle, self._time_for_room)

    @overload
    async def send(
        self,
        message: Message,
        /,
        *,
        timeout_ms: Optional[int] = None,
        selector: Optional[Selector] = None,
        sharding_key: Optional[str] = None,
    ) -> Receipt: ...

    @overload
    async def send(
        self,
        topic: str,
        body: Body,
        *,
        timeout_ms: Optional[int] = None,
        selector: Optional[Selector] = None,
        sharding_key: Optional[str] = None,
        **fields: Unpack[MessageFields],
    ) -> Receipt: ...

    async def send(
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
        configured. Arguments and errors are those of :meth:`Producer.send`.

        The deadline counts from this call on, waiting for room included. Sends leave in the order in which they were
        called, also those of many tasks.
        """
        return await self._begin(message_of(topic, body, fields), (timeout_ms, selector, sharding_key))

    @overload
    def send_future(
        self,
        message: Message,
        /,
        *,
        timeout_ms: Optional[int] = None,
        selector: Optional[Selector] = None,
        sharding_key: Optional[str] = None,
    ) -> asyncio.Future[Receipt]: ...

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
    ) -> asyncio.Future[Receipt]: ...

    def send_future(
        self,
        topic: Union[str, Message],
        body: Optional[Body] = None,
        *,
        timeout_ms: Optional[int] = None,
        selector: Optional[Selector] = None,
        sharding_key: Optional[str] = None,
        **fields: Any,
    ) -> asyncio.Future[Receipt]:
        """Begins a send, and returns the future of its receipt: what :meth:`send` awaits.

        It costs less than a task for each message. Await the futures: what waits for room in flight takes up memory,
        and nothing else bounds it. Cancelling one is giving up waiting. What is wrong with the message is raised here;
        all else is told by the future.
        """
        return self._begin(message_of(topic, body, fields), (timeout_ms, selector, sharding_key))

    async def send_many(
        self,
        messages: Iterable[Message],
        *,
        timeout_ms: Optional[int] = None,
        selector: Optional[Selector] = None,
        sharding_key: Optional[str] = None,
    ) -> list[Receipt]:
        """Sends many messages, each as :meth:`send` does, and waits for all; their receipts in order.

        They are no batch: topics and queues may differ, each is answered and repeated by itself. Raises
        :class:`~mqproducer.BatchError` when not all were stored: its ``results`` tell of each.
        """
        outgoing = self._sender()
        departures: Departures = timeout_ms, selector, sharding_key
        # All are looked at before the first is sent.
        parts = parts_of(map(self._traced, messages))
        many = Many(outgoing.loop.create_future(), sum(lent.count for _, lent in parts))
        index = 0
        for topic, lent in parts:
            outgoing.add(Part(many, index, outgoing, topic, lent, departures), lent.count)
            index += lent.count
        return await many.future

    @overload
    async def send_oneway(
        self,
        message: Message,
        /,
        *,
        timeout_ms: Optional[int] = None,
        selector: Optional[Selector] = None,
        sharding_key: Optional[str] = None,
    ) -> Receipt: ...

    @overload
    async def send_oneway(
        self,
        topic: str,
        body: Body,
        *,
        timeout_ms: Optional[int] = None,
        selector: Optional[Selector] = None,
        sharding_key: Optional[str] = None,
        **fields: Unpack[MessageFields],
    ) -> Receipt: ...

    async def send_oneway(
        self,
        topic: Union[str, Message],
        body: Optional[Body] = None,
        *,
        timeout_ms: Optional[int] = None,
        selector: Optional[Selector] = None,
        sharding_key: Optional[str] = None,
        **fields: Any,
    ) -> Receipt:
        """Sends one message without asking for an answer; see :meth:`Producer.send_oneway`.

        Since that waits for its connection, one thread hands over all one-way messages; it lives while there are any.
        """
        outgoing = self._sender()
        message = self._traced(message_of(topic, body, fields))
        future: asyncio.Future[Receipt] = outgoing.loop.create_future()
        departure = Departure(outgoing, future, message.topic, _limit(timeout_ms))
        outgoing.owe()
        assert self._oneways is not None
        self._oneways.add(message, (timeout_ms, selector, sharding_key), departure.end)
        return await future

    async def flush(self, timeout_ms: int = DEFAULT_WAIT_MS) -> None:
        """Waits until every message handed over so far has ended, and one-way messages are handed to the connection.

        ``timeout_ms``: in milliseconds; 0 only looks. Raises :class:`~mqproducer.MqTimeoutError`,
        :class:`~mqproducer.NotStartedError`, :class:`~mqproducer.ForkedError`.
        """
        limit = milliseconds("timeout_ms", timeout_ms)
        if self._closing and self._outgoing is None:
            return
        outgoing = self._mine()
        if not await outgoing.idle(limit / 1000):
            text = f"{outgoing.owed} messages have not completed within {limit} ms"
            raise refusal(MqTimeoutError, text, retriable=True, code=10002)

    async def close(self, timeout_ms: int = DEFAULT_WAIT_MS) -> None:
        """Closes it: refuses further messages, waits for those that have not ended, says farewell to the brokers, on a
        thread of its own.

        ``timeout_ms``: in milliseconds; the farewell gets a second or two more. What has not ended by then ends with
        :class:`~mqproducer.ClosedError`, and :class:`~mqproducer.MqTimeoutError` is raised; it is closed all the same.
        A second call does nothing. It may be called on another loop when its own is closed: the ends of what was in
        flight are dropped then. Raises :class:`~mqproducer.ForkedError` in a forked child.
        """
        limit = milliseconds("timeout_ms", timeout_ms)
        loop = asyncio.get_running_loop()
        begin = loop.time()
        outgoing, queue = self._outgoing, self._queue
        if queue is not None and (loop is self._loop or not self._is_orphaned(queue)):
            outgoing = self._mine()
            self._closing = True
            await outgoing.idle(limit / 1000)
        self._closing = True
        left = max(0, limit - int(1000 * (loop.time() - begin)))
        try:
            await in_thread(lambda: self._end(left))
        finally:
            self._detach(loop is self._loop)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _begin(self, message: Message, departures: Departures) -> asyncio.Future[Receipt]:
        outgoing = self._sender()
        _limit(departures[0])
        message = self._traced(message)
        future: asyncio.Future[Receipt] = outgoing.loop.create_future()
        if departures == _PLAIN:
            departures = _PLAIN
        outgoing.add(Send(outgoing, future, message.topic, struct_of(message), departures))
        return future

    def _sender(self) -> Outgoing:
        if self._closing:
            raise refusal(ClosedError, "the producer is closed")
        return self._mine()

    def _mine(self) -> Outgoing:
        """What sends, on its own loop."""
        outgoing, queue = self._outgoing, self._queue
        if outgoing is None or queue is None:
            raise refusal(NotStartedError, "the producer is not started")
        if asyncio.get_running_loop() is not outgoing.loop:
            queue.must_be_ours()
            raise RuntimeError("the producer belongs to another event loop, the one that started it")
        return outgoing

    def _is_orphaned(self, queue: CompletionQueue) -> bool:
        queue.must_be_ours()
        return self._loop is not None and self._loop.is_closed()

    def _traced(self, message: Message) -> Message:
        if not isinstance(message, Message):
            raise TypeError(f"message must be Message, not {type(message).__name__}")
        if self._trace_context is None or message.trace_parent is not None:
            return message
        if message.properties and "traceparent" in message.properties:
            return message
        try:
            context = self._trace_context()
            if context is not None and not isinstance(context, str):
                raise TypeError(f"a trace context must be str or None, not {type(context).__name__}")
        except Exception:
            logger.exception("the trace context %r raised an exception", self._trace_context)
            return message
        return replace(message, trace_parent=context) if _TRACE_PARENT.fullmatch(context or "") else message

    def _time_for_room(self, departures: Departures) -> float:
        """How long a one-way message waits for room."""
        if self._policy != "block":
            return 0 if self._policy == "fail" else float("inf")
        return departures[0] / 1000 if departures[0] else self._default_timeout

    def _take(self) -> None:
        queue, outgoing = self._queue, self._outgoing
        if queue is not None and queue.take() and outgoing is not None:
            outgoing.room()

    def _detach(self, on_its_loop: bool) -> None:
        """Lets go of the loop, and ends what has no end yet."""
        queue, self._queue = self._queue, None
        outgoing, self._outgoing = self._outgoing, None
        # They hold the producer.
        self._oneways = None
        if queue is None:
            return
        if not on_its_loop:
            queue.abandon(None)
            return
        assert self._loop is not None
        self._loop.remove_reader(queue.fileno())
        while queue.take():
            pass
        closed = refusal(ClosedError, "the producer was closed", maybe_persisted=True)
        queue.abandon(closed)
        if outgoing is not None:
            outgoing.abandon(refusal(ClosedError, "the producer was closed before the message was sent"))


def _limit(timeout_ms: Optional[int]) -> Optional[int]:
    return None if timeout_ms is None else milliseconds("timeout_ms", timeout_ms)
