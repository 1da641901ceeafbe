"""The ends of many messages in few calls: the library's completion queue."""

from __future__ import annotations

import copy
import struct
from array import array
from collections.abc import Iterable
from ctypes import addressof, byref, c_size_t, c_void_p
from typing import Optional, Protocol

from . import _abi
from ._library import lib
from ._native import check, read_error
from .errors import MqError
from .receipt import VIEW_SIZE, Receipt, receipts_in, retried, with_earlier

#: How many ends one call takes.
_CAPACITY = 512
_COMPLETION = struct.Struct("@4xINNN")
#: Room for the texts of one receipt, which has about 120 bytes of them.
_TEXTS = 256


class Waiter(Protocol):
    """Who is told an end."""

    def completed(self, key: int, receipt: Optional[Receipt], error: Optional[MqError], /) -> None:
        """Is told it, once: the receipt, the error, or neither when it was no message's; and for which key."""


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
        self._first_completion = _abi.Completion.from_buffer(self._completions)
        self._make_room(_CAPACITY * (VIEW_SIZE + _TEXTS))
        self._count, self._length = c_size_t(), c_size_t()

    def fileno(self) -> int:
        """The descriptor, readable while there is something to take; -1 in a forked child."""
        return int(lib.mqp_completion_queue_fd(self.handle))

    def expect(self, waiters: Iterable[Waiter], count: int) -> array[int]:
        """The keys of so many waiters, one after the other, which go to the library as ``user_data``; never 0."""
        first = self._last + 1
        self._last += count
        keys = array("Q", range(first, self._last + 1))
        self._waiting.update(zip(keys, waiters))
        return keys

    @property
    def next_key(self) -> int:
        """What the next key will be."""
        return self._last + 1

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
        for waiter, key, receipt, failure in ends:
            waiter.completed(key, receipt, failure)
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
            for key, waiter in waiting.items():
                waiter.completed(key, None, copy.copy(error))

    def __del__(self) -> None:
        lib.mqp_completion_queue_free(self.handle)

    def _read(self, count: int) -> list[tuple[Waiter, int, Optional[Receipt], Optional[MqError]]]:
        memory = self._receipts(count)
        receipts = receipts_in(memory, self._base, count)
        completions = list(_COMPLETION.iter_unpack(memoryview(self._completions)[: count * _COMPLETION.size]))
        for index in retried(memory, count):
            with_earlier(receipts[index], completions[index][2])
        waiting = self._waiting
        ends: list[tuple[Waiter, int, Optional[Receipt], Optional[MqError]]] = []
        for (status, key, of, error), receipt in zip(completions, receipts):
            if of != 0:
                ends.append((waiting.pop(key), key, receipt, None))
            else:
                ends.append((waiting.pop(key), key, None, read_error(error) if status != _abi.OK else None))
        return ends

    def _receipts(self, count: int) -> bytes:
        """Has the library write the views, and the texts behind them; a copy of both."""
        views = count * VIEW_SIZE
        while True:
            error = c_void_p()
            capacity = len(self._memory) - views
            status = lib.mqp_completions_receipts(
                byref(self._first_completion),
                _COMPLETION.size,
                count,
                byref(self._first_view),
                VIEW_SIZE,
                self._base + views,
                capacity,
                byref(self._length),
                byref(error),
            )
            check(status, error)
            length = self._length.value
            if length <= capacity:
                return bytes(memoryview(self._memory)[: views + length])
            self._make_room(views + 2 * length)

    def _make_room(self, size: int) -> None:
        self._memory = bytearray(size)
        self._first_view = _abi.ReceiptView.from_buffer(self._memory)
        self._base = addressof(self._first_view)
