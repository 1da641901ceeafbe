"""The ends of many messages in few calls: the library's completion queue."""

from __future__ import annotations

import copy
import struct
from array import array
from collections.abc import Sequence
from ctypes import addressof, byref, c_char, c_size_t, c_void_p
from typing import Any, Optional, Protocol

from . import _abi
from ._library import lib
from ._native import check, read_error
from .errors import MqError
from .receipt import Receipt, earlier_of, status_of

#: How many ends one call takes.
_CAPACITY = 512
_COMPLETION = struct.Struct("@IINNN")
_RECEIPT = struct.Struct("@IIIiq" + "NN" * 7 + "II")
#: Room for the texts of so many receipts, which have about 140 bytes each.
_TEXTS = _CAPACITY * 256


class Waiter(Protocol):
    """Who is told an end."""

    def end(self, receipt: Optional[Receipt], error: Optional[MqError], /) -> None:
        """Is told it, once: the receipt, the error, or neither when it was no message's."""


class CompletionQueue:
    """Owns a queue of the library, and knows who waits for what comes out of it. For one thread."""

    def __init__(self) -> None:
        self.handle: Optional[c_void_p] = None
        handle, error = c_void_p(), c_void_p()
        check(lib.mqp_completion_queue_new(byref(handle), byref(error)), error)
        self.handle = handle
        self._waiting: dict[int, Waiter] = {}
        self._last = 0
        self._completions = bytearray(_CAPACITY * _COMPLETION.size)
        self._views = bytearray(_CAPACITY * _RECEIPT.size)
        self._first_completion = _abi.Completion.from_buffer(self._completions)
        self._first_view = _abi.ReceiptView.from_buffer(self._views)
        self._texts = bytearray(_TEXTS)
        self._count, self._length = c_size_t(), c_size_t()

    def fileno(self) -> int:
        """The descriptor, readable while there is something to take; -1 in a forked child."""
        return int(lib.mqp_completion_queue_fd(self.handle))

    def expect(self, waiters: Sequence[Waiter]) -> array[int]:
        """The keys of so many waiters, which go to the library as ``user_data``; never 0."""
        first = self._last + 1
        self._last += len(waiters)
        keys = array("Q", range(first, self._last + 1))
        self._waiting.update(zip(keys, waiters))
        return keys

    def forget(self, keys: array[int]) -> None:
        """Lets go of waiters whose messages the library refused."""
        for key in keys:
            del self._waiting[key]

    def take(self) -> int:
        """Takes the oldest ends and tells their waiters; how many there were."""
        error = c_void_p()
        status = lib.mqp_completion_queue_poll(
            self.handle, byref(self._first_completion), _COMPLETION.size, _CAPACITY, 0, byref(self._count), byref(error)
        )
        check(status, error)
        count = self._count.value
        if count == 0:
            return 0
        try:
            ends = self._read(count)
        finally:
            lib.mqp_completions_free(byref(self._first_completion), _COMPLETION.size, count)
        for waiter, receipt, failure in ends:
            waiter.end(receipt, failure)
        return count

    def must_be_ours(self) -> None:
        """Raises :class:`~mqproducer.ForkedError` in a forked child."""
        if self.fileno() < 0:
            self.take()

    def abandon(self, error: Optional[MqError]) -> None:
        """Frees the queue; who waits is told the error, or nothing more."""
        handle, self.handle = self.handle, None
        lib.mqp_completion_queue_free(handle)
        waiting, self._waiting = self._waiting, {}
        if error is not None:
            for waiter in waiting.values():
                waiter.end(None, copy.copy(error))

    def __del__(self) -> None:
        lib.mqp_completion_queue_free(self.handle)

    def _read(self, count: int) -> list[tuple[Waiter, Optional[Receipt], Optional[MqError]]]:
        texts = self._receipts(count)
        # Where all is ASCII, as almost always, one decoding is enough: a character is a byte.
        whole = texts.decode("ascii") if texts.isascii() else None
        base = _address(self._texts)
        views = _RECEIPT.iter_unpack(memoryview(self._views)[: count * _RECEIPT.size])
        completions = _COMPLETION.iter_unpack(memoryview(self._completions)[: count * _COMPLETION.size])
        ends: list[tuple[Waiter, Optional[Receipt], Optional[MqError]]] = []
        for (_, status, key, receipt, error), view in zip(completions, views):
            waiter = self._waiting.pop(key)
            if status != _abi.OK:
                ends.append((waiter, None, read_error(error)))
            elif receipt == 0:
                ends.append((waiter, None, None))
            else:
                ends.append((waiter, _receipt(view, base, whole, texts, receipt), None))
        return ends

    def _receipts(self, count: int) -> bytes:
        """Has the library write the views; their texts."""
        while True:
            error = c_void_p()
            capacity = len(self._texts)
            status = lib.mqp_completions_receipts(
                byref(self._first_completion),
                _COMPLETION.size,
                count,
                byref(self._first_view),
                _RECEIPT.size,
                _address(self._texts),
                capacity,
                byref(self._length),
                byref(error),
            )
            check(status, error)
            length = self._length.value
            if length <= capacity:
                return bytes(memoryview(self._texts)[:length])
            self._texts = bytearray(2 * length)


def _address(buffer: bytearray) -> int:
    return addressof(c_char.from_buffer(buffer))


def _receipt(view: tuple[Any, ...], base: int, whole: Optional[str], texts: bytes, receipt: int) -> Receipt:
    _, send_status, attempts, queue_id, queue_offset, *places = view

    def text(place: int) -> str:
        length = places[place + 1]
        if length == 0:
            return ""
        start = places[place] - base
        if whole is not None:
            return whole[start : start + length]
        return texts[start : start + length].decode("utf-8", "replace")

    return Receipt(
        status_of(send_status),
        text(0),
        text(2),
        text(4),
        text(6),
        queue_id,
        queue_offset,
        attempts,
        text(8),
        text(10),
        text(12),
        earlier_of(attempts, receipt),
    )
