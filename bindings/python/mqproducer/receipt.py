"""The broker's receipt of one message."""

from __future__ import annotations

import enum
from ctypes import byref, c_void_p
from dataclasses import dataclass
from typing import Union

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


@dataclass(frozen=True)
class Receipt(Frozen):
    """What the broker told of one message. Immutable; any thread may read it."""

    __slots__ = (
        "send_status",
        "message_id",
        "offset_message_id",
        "topic",
        "broker_name",
        "queue_id",
        "queue_offset",
        "attempts",
        "transaction_id",
        "region_id",
        "recall_handle",
        "earlier",
    )

    #: How safely it is stored: a :class:`SendStatus`, or a plain number that this version does not know.
    send_status: int
    #: The unique id that the producer gave the message, kept over retries.
    message_id: str
    #: The broker's id: store address and commit-log offset. Empty for one-way.
    offset_message_id: str
    #: The topic sent to.
    topic: str
    #: The broker that stored it.
    broker_name: str
    #: The queue that the broker put it in.
    queue_id: int
    #: Its offset in the queue; -1 for one-way.
    queue_offset: int
    #: How many tries it took, at least 1.
    attempts: int
    #: Transaction id; empty when there is none.
    transaction_id: str
    #: The broker's region; empty when it told none.
    region_id: str
    #: Handle to recall a timer message; empty when there is none.
    recall_handle: str
    #: The tries before the last one; one that says ``maybe_stored`` may have left another copy of the message, with the
    #: same ``message_id``.
    earlier: tuple[Attempt, ...]


_STATUSES: dict[int, int] = {int(status): status for status in SendStatus}


def status_of(number: int) -> int:
    """The :class:`SendStatus` of a number, which stays as it is when this version does not know it."""
    return _STATUSES.get(number, number)


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
