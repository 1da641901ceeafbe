"""Transactions of asyncio."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any, Callable, Optional, Union, overload

from ._send import message_of
from ._waits import in_thread
from .message import Body, Message, MessageFields
from .receipt import Receipt
from .selector import Selector
from .transaction import Transaction

if TYPE_CHECKING:
    from typing_extensions import Unpack


class AsyncTransaction:
    """One message that consumers see only when it is committed; made by :meth:`AsyncProducer.transaction`.

    As a context manager it commits at the end of the block, and rolls back when an exception leaves that, a
    cancellation too, unless the block did one of them itself::

        async with producer.transaction() as transaction:
            await transaction.send("Orders", b"paid", keys="order-1")
            await database.commit()

    All else is as for :class:`~mqproducer.Transaction`. Each of its calls runs on a thread of its own, for the library
    waits in them; one whose task is cancelled goes on, and its end is dropped.
    """

    def __init__(self, transaction: Transaction, traced: Callable[[Message], Message]) -> None:
        self._transaction = transaction
        self._traced = traced

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
        """Sends the transaction's message, and waits for the broker's receipt; see :meth:`Transaction.send`."""
        message = self._traced(message_of(topic, body, fields))
        send = self._transaction.send
        return await in_thread(
            lambda: send(message, timeout_ms=timeout_ms, selector=selector, sharding_key=sharding_key)
        )

    async def commit(self) -> None:
        """Lets the broker deliver the message; see :meth:`Transaction.commit`."""
        await in_thread(self._transaction.commit)

    async def rollback(self) -> None:
        """Lets the broker drop the message; see :meth:`Transaction.rollback`."""
        await in_thread(self._transaction.rollback)

    async def __aenter__(self) -> AsyncTransaction:
        return self

    async def __aexit__(
        self, kind: Optional[type[BaseException]], raised: Optional[BaseException], traceback: Optional[TracebackType]
    ) -> None:
        await in_thread(lambda: self._transaction.__exit__(kind, raised, traceback))
