"""Many messages that one task waits for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, Optional

from ._lent import Array
from ._outgoing import AT_ONCE, Outgoing, Several
from ._send import Departures
from ._waits import end
from .batch import BatchResult, failed_batch
from .errors import MqError
from .message import Message
from .receipt import Receipt


class Many:
    """The ends of all, until the last is there."""

    def __init__(self, future: asyncio.Future[list[Receipt]], count: int) -> None:
        self.future = future
        self.results: list[Optional[BatchResult]] = [None] * count
        self.left = count
        self._failed = False
        self._raised: Optional[BaseException] = None
        if count == 0:
            self.finish()

    def fail(self, index: int, error: BaseException) -> None:
        """One of them ended with an error."""
        if isinstance(error, MqError):
            self.results[index] = error
            self._failed = True
        else:
            # A selector function's own, or a wrong argument.
            self._raised = self._raised or error
        self.left -= 1
        if self.left == 0:
            self.finish()

    def finish(self) -> None:
        """All have ended."""
        results: list[Any] = self.results
        end(self.future, results, self._raised or (failed_batch(results) if self._failed else None))


class Part(Several):
    """Those of one topic that stand one behind the other."""

    __slots__ = ("index", "many")

    def __init__(
        self, many: Many, index: int, outgoing: Outgoing, topic: str, lent: Array, departures: Departures
    ) -> None:
        super().__init__(outgoing, many.future, topic, lent, departures)
        self.many = many
        self.index = index

    def handed(self, first_key: int) -> Handed:
        """Who is told the ends of those that go now."""
        return Handed(self, self.index + self.passed - first_key)

    def end_next(self, error: BaseException) -> None:
        """The next one ends with an error."""
        index = self.index + self.passed
        self.passed += 1
        self.outgoing.ended()
        self.many.fail(index, error)


class Handed:
    """Some that the library has."""

    __slots__ = ("_many", "_outgoing", "_shift")

    def __init__(self, part: Part, shift: int) -> None:
        self._outgoing = part.outgoing
        self._many = part.many
        #: From a message's key to its index.
        self._shift = shift

    def completed(self, key: int, receipt: Optional[Receipt], error: Optional[MqError]) -> None:
        """Is told an end."""
        self._outgoing.ended()
        many = self._many
        if error is not None:
            many.fail(key + self._shift, error)
            return
        many.results[key + self._shift] = receipt
        many.left -= 1
        if many.left == 0:
            many.finish()


def parts_of(messages: Iterable[Message]) -> list[tuple[str, Array]]:
    """The messages, those of one topic together, in pieces that one call takes."""
    parts: list[tuple[str, list[Message]]] = []
    for message in messages:
        if not parts or parts[-1][0] != message.topic or len(parts[-1][1]) == AT_ONCE:
            parts.append((message.topic, []))
        parts[-1][1].append(message)
    return [(topic, Array(part)) for topic, part in parts]
