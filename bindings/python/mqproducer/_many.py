"""Many messages that one task waits for."""

from __future__ import annotations

import asyncio
from typing import Any, Optional

from ._outgoing import Outgoing, Send
from ._send import Departures
from ._waits import end
from .batch import BatchResult, failed_batch
from .errors import MqError
from .receipt import Receipt


class Many:
    """The ends of all, until the last is there."""

    def __init__(self, future: asyncio.Future[list[Receipt]], count: int) -> None:
        self.future = future
        self._results: list[Optional[BatchResult]] = [None] * count
        self._left = count
        self._raised: Optional[BaseException] = None
        self._finish()

    def end(self, index: int, receipt: Optional[Receipt], error: Optional[BaseException]) -> None:
        """One of them ended."""
        if error is None or isinstance(error, MqError):
            self._results[index] = receipt if error is None else error
        else:
            # A selector function's own, or a wrong argument.
            self._raised = self._raised or error
        self._left -= 1
        self._finish()

    def _finish(self) -> None:
        if self._left > 0:
            return
        results: list[Any] = self._results
        end(self.future, results, self._raised or failed_batch(results))


class Part(Send):
    """One of them."""

    __slots__ = ("index", "many")

    def __init__(
        self, many: Many, index: int, outgoing: Outgoing, topic: str, lent: Any, departures: Departures
    ) -> None:
        super().__init__(outgoing, many.future, topic, lent, departures)
        self.many = many
        self.index = index

    def end(self, value: Any, error: Optional[BaseException]) -> None:
        """Is told its end, once."""
        self.outgoing.ended()
        self.many.end(self.index, value, error)
