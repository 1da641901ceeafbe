"""What an asyncio producer has beside plain sends: batches, requests, replies, transactions, recalls."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from ctypes import c_void_p
from typing import TYPE_CHECKING, Any, Callable, Optional, Union, overload

from ._callbacks import Pending
from ._native import milliseconds
from ._outgoing import Call, Outgoing
from ._send import Departures, message_of
from ._waits import in_thread, tell
from .aio_transaction import AsyncTransaction
from .batch import start_batch
from .message import Body, Message, MessageFields
from .receipt import Receipt
from .received import ReceivedMessage
from .request import ReplyTo, send_reply, start_request
from .selector import Selector
from .transaction import begin_transaction, recall

if TYPE_CHECKING:
    from typing_extensions import Unpack


class AsyncCalls:
    """See the module's text."""

    _handle: Optional[c_void_p]

    async def send_batch(
        self,
        messages: Iterable[Message],
        *,
        split_bytes: Optional[int] = None,
        timeout_ms: Optional[int] = None,
        selector: Optional[Selector] = None,
        sharding_key: Optional[str] = None,
    ) -> list[Receipt]:
        """Sends several messages in one request, and waits for their receipts; see :meth:`Producer.send_batch`."""
        batch = [self._traced(message) for message in messages]
        departures: Departures = timeout_ms, selector, sharding_key

        def submit(pending: Pending, left_ms: Optional[int]) -> None:
            start_batch(self._handle, batch, pending, split_bytes, _with(departures, left_ms))

        receipts: list[Receipt] = await self._call(batch[0].topic if batch else "", timeout_ms, submit)
        return receipts

    @overload
    async def request(
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
    async def request(
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

    async def request(
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
        """Sends a request, and waits for the reply of whoever consumes it; see :meth:`Producer.request`."""
        message = self._traced(message_of(topic, body, fields))
        departures: Departures = send_timeout_ms, selector, sharding_key

        def submit(pending: Pending, left_ms: Optional[int]) -> None:
            start_request(self._handle, message, pending, timeout_ms if left_ms is None else left_ms, departures)

        reply: ReceivedMessage = await self._call(message.topic, timeout_ms, submit)
        return reply

    async def reply(
        self,
        to: ReplyTo,
        body: Union[Body, Message],
        *,
        timeout_ms: Optional[int] = None,
        selector: Optional[Selector] = None,
        sharding_key: Optional[str] = None,
        **fields: Unpack[MessageFields],
    ) -> Receipt:
        """Replies to a request that something else consumed; see :meth:`Producer.reply`. It runs on a thread of its own
        until the receipt has come."""
        self._sender()
        departures: Departures = timeout_ms, selector, sharding_key
        return await in_thread(lambda: send_reply(self._handle, to, body, fields, departures))

    def transaction(self) -> AsyncTransaction:
        """Begins a transaction: send one message in it, do the local work, then commit or roll back; see
        :meth:`Producer.transaction`."""
        self._sender()
        return AsyncTransaction(begin_transaction(self, self._handle), self._traced)

    async def recall(self, topic: str, recall_handle: str, *, timeout_ms: Optional[int] = None) -> Receipt:
        """Takes a timer message back before it is delivered; see :meth:`Producer.recall`. It runs on a thread of its
        own until the broker has answered."""
        self._sender()
        return await in_thread(lambda: recall(self._handle, topic, recall_handle, timeout_ms))

    def _sender(self) -> Outgoing:
        raise NotImplementedError

    def _traced(self, message: Message) -> Message:
        raise NotImplementedError

    async def _call(
        self, topic: str, timeout_ms: Optional[int], submit: Callable[[Pending, Optional[int]], None]
    ) -> Any:
        outgoing = self._sender()
        if timeout_ms is not None:
            milliseconds("timeout_ms", timeout_ms)
        loop = outgoing.loop
        future: asyncio.Future[Any] = loop.create_future()

        def call(left_ms: Optional[int]) -> None:
            submit(Pending(lambda value, error: tell(loop, told, value, error), self), left_ms)

        def told(value: Any, error: Optional[BaseException]) -> None:
            entry.end(value, error)
            outgoing.room()

        entry = Call(outgoing, future, topic, timeout_ms, call)
        outgoing.add(entry)
        return await future


def _with(departures: Departures, left_ms: Optional[int]) -> Departures:
    return departures if left_ms is None else (left_ms, *departures[1:])
