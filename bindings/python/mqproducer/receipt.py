"""The broker's receipt of one message."""

from __future__ import annotations

import enum
from collections import deque
from ctypes import byref, c_void_p, sizeof
from dataclasses import dataclass, fields
from itertools import repeat
from struct import Struct
from typing import Any, Callable, Union

from . import _abi
from ._frozen import Frozen
from ._library import lib
from ._native import check, read_attempts, text_of
from .attempt import Attempt


class SendStatus(enum.IntEnum):
    """How safely a message is stored."""

    #: Stored to the broker's configured safety.
    SEND_OK = _abi.SEND_OK
    #: Stored, but the disk flush did not end in time.
    FLUSH_DISK_TIMEOUT = _abi.SEND_FLUSH_DISK_TIMEOUT
    #: Stored, but the replica did not confirm in time.
    FLUSH_SLAVE_TIMEOUT = _abi.SEND_FLUSH_SLAVE_TIMEOUT
    #: Stored, but there is no replica to confirm.
    SLAVE_NOT_AVAILABLE = _abi.SEND_SLAVE_NOT_AVAILABLE
    #: Sent one-way: written to the connection, no answer is asked for.
    ONEWAY = _abi.SEND_ONEWAY


@dataclass(frozen=True, init=False)
class Receipt(Frozen):
    """What the broker told of one message. Immutable; any thread may read it."""

    # The numbers, the earlier tries, and the texts: all in a tuple, or as the library wrote them, until one is asked for.
    __slots__ = ("_told",)

    # Their texts are with the properties that read them, at the end of this module.
    send_status: int
    message_id: str
    offset_message_id: str
    topic: str
    broker_name: str
    queue_id: int
    queue_offset: int
    attempts: int
    transaction_id: str
    region_id: str
    recall_handle: str
    earlier: tuple[Attempt, ...]

    def __init__(
        self,
        send_status: int,
        message_id: str,
        offset_message_id: str,
        topic: str,
        broker_name: str,
        queue_id: int,
        queue_offset: int,
        attempts: int,
        transaction_id: str,
        region_id: str,
        recall_handle: str,
        earlier: tuple[Attempt, ...],
    ) -> None:
        numbers = send_status, attempts, queue_id, queue_offset
        texts = message_id, offset_message_id, topic, broker_name, transaction_id, region_id, recall_handle
        _tell(self, (numbers, earlier, texts))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, field.name) for field in fields(self))


_make: Callable[[type[Receipt]], Receipt] = object.__new__
_told_of: Any = Receipt.__dict__["_told"]
#: Writes the one slot, which assigning to a frozen instance does not.
_tell: Callable[[Receipt, tuple[Any, ...]], None] = _told_of.__set__


def _texts(receipt: Receipt) -> tuple[str, ...]:
    told = _told_of.__get__(receipt)
    if len(told) == 3:
        return told[2]  # type: ignore[no-any-return]
    numbers, earlier, memory, at, base = told
    places = _PLACES.unpack_from(memory, at)
    texts = tuple(
        str(memory[start - base : start - base + length], "utf-8", "replace") if length else ""
        for start, length in zip(places[::2], places[1::2])
    )
    # The memory may be that of many receipts.
    _tell(receipt, (numbers, earlier, texts))
    return texts


_STATUSES: dict[int, int] = {int(status): status for status in SendStatus}


def status_of(number: int) -> int:
    """The :class:`SendStatus` of a number, which stays as it is when this version does not know it."""
    return _STATUSES.get(number, number)


#: The numbers of a view: its send status, attempts, queue and offset; and where its texts are.
_TEXTS_AT = _abi.ReceiptView.message_id.offset
_ATTEMPTS = getattr(_abi.ReceiptView, "attempts").offset // 4
VIEW_SIZE = sizeof(_abi.ReceiptView)
NUMBERS = Struct(f"@4xIIiq{VIEW_SIZE - _TEXTS_AT}x")
_PLACES = Struct(f"@{_TEXTS_AT}x" + "NN" * 7)


def receipt_in(memory: bytes, base: int) -> Receipt:
    """The receipt of a view and its texts, copied to ``memory`` from where they began at ``base``."""
    receipt = _make(Receipt)
    _tell(receipt, (NUMBERS.unpack_from(memory), (), memory, 0, base))
    return receipt


def receipts_in(memory: bytes, base: int, count: int) -> list[Receipt]:
    """The same of so many views, and the texts behind them."""
    receipts = list(map(_make, repeat(Receipt, count)))
    numbers = NUMBERS.iter_unpack(memoryview(memory)[: count * VIEW_SIZE])
    told = zip(numbers, repeat(()), repeat(memory), range(0, count * VIEW_SIZE, VIEW_SIZE), repeat(base))
    # All of them, without a step of Python for each.
    deque(map(_tell, receipts, told), 0)
    return receipts


def retried(memory: bytes, count: int) -> list[int]:
    """The indexes of those of these views that tell of several tries."""
    attempts = memoryview(memory)[: count * VIEW_SIZE].cast("I")[_ATTEMPTS :: VIEW_SIZE // 4].tolist()
    return [index for index, number in enumerate(attempts) if number > 1] if max(attempts, default=0) > 1 else []


def with_earlier(receipt: Receipt, of: Union[c_void_p, int, None]) -> None:
    """Adds the tries before the last one, which the library's receipt ``of`` tells."""
    told = _told_of.__get__(receipt)
    _tell(receipt, (told[0], earlier_of(receipt.attempts, of), *told[2:]))


def earlier_of(attempts: int, receipt: Union[c_void_p, int, None]) -> tuple[Attempt, ...]:
    """The tries before the last one of a library's receipt, of which there may be some when it tells several."""
    if attempts <= 1:
        return ()
    return read_attempts(lib.mqp_receipt_attempt_count, lib.mqp_receipt_attempt_at, receipt)


def read_receipt(receipt: Union[c_void_p, int, None]) -> Receipt:
    """A copy of a library's receipt, which stays its owner's."""
    view = _abi.sized(_abi.ReceiptView)
    error = c_void_p()
    check(lib.mqp_receipt_get(receipt, byref(view), byref(error)), error)
    return Receipt(
        send_status=status_of(view.send_status),
        message_id=text_of(view.message_id),
        offset_message_id=text_of(view.offset_message_id),
        topic=text_of(view.topic),
        broker_name=text_of(view.broker_name),
        queue_id=view.queue_id,
        queue_offset=view.queue_offset,
        attempts=view.attempts,
        transaction_id=text_of(view.transaction_id),
        region_id=text_of(view.region_id),
        recall_handle=text_of(view.recall_handle),
        earlier=earlier_of(view.attempts, receipt),
    )


def take_receipt(receipt: c_void_p) -> Receipt:
    """A copy of a receipt that is owned here, which it frees."""
    try:
        return read_receipt(receipt)
    finally:
        lib.mqp_receipt_free(receipt)


def _number(index: int) -> Callable[[Any], int]:
    return lambda receipt: receipt._told[0][index]


def _text(index: int) -> Callable[[Any], str]:
    return lambda receipt: _texts(receipt)[index]


#: How each field is read, and what it tells.
_FIELDS: dict[str, tuple[Callable[[Any], object], str]] = {
    "send_status": (
        lambda receipt: _STATUSES.get(receipt._told[0][0], receipt._told[0][0]),
        "How safely it is stored: a :class:`SendStatus`, or a plain number that this version does not know.",
    ),
    "message_id": (
        _text(0),
        "The unique id that the producer gave the message, kept over retries.",
    ),
    "offset_message_id": (
        _text(1),
        "The broker's id: store address and commit-log offset. Empty for one-way.",
    ),
    "topic": (
        _text(2),
        "The topic sent to.",
    ),
    "broker_name": (
        _text(3),
        "The broker that stored it.",
    ),
    "queue_id": (
        _number(2),
        "The queue that the broker put it in.",
    ),
    "queue_offset": (
        _number(3),
        "Its offset in the queue; -1 for one-way.",
    ),
    "attempts": (
        _number(1),
        "How many tries it took, at least 1.",
    ),
    "transaction_id": (
        _text(4),
        "Transaction id; empty when there is none.",
    ),
    "region_id": (
        _text(5),
        "The broker's region; empty when it told none.",
    ),
    "recall_handle": (
        _text(6),
        "Handle to recall a timer message; empty when there is none.",
    ),
    "earlier": (
        lambda receipt: receipt._told[1],
        "The tries before the last one; one that says ``maybe_stored`` may have left another copy of the "
        "message, with the same ``message_id``.",
    ),
}

# A dataclass takes what is assigned to its fields' names in its body for their defaults.
for _name, (_get, _what) in _FIELDS.items():
    setattr(Receipt, _name, property(_get, doc=_what))
