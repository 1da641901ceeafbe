"""What a producer tells of reliable sending besides the ends of its messages."""

from __future__ import annotations

import enum
from ctypes import c_void_p
from dataclasses import dataclass
from typing import Any, Callable, Optional

from . import _abi, _abi_hook
from ._callbacks import keep, kept, logger
from ._frozen import Frozen
from ._library import lib
from ._native import read_error
from .errors import MqError
from .receipt import Receipt, read_receipt
from .received import ReceivedMessage, read_received


class ReliabilityEventKind(enum.IntEnum):
    """What happened."""

    #: Reliable sending gave a message up: every try was used, or its time. The alarm's only kind.
    GIVEN_UP = _abi.EVENT_GIVEN_UP
    #: A message of the spool was sent and stored.
    SPOOL_DELIVERED = _abi.EVENT_SPOOL_DELIVERED
    #: A message of the spool is lost: a broker refused it for good, or it was older than ``spool_max_age``.
    SPOOL_LOST = _abi.EVENT_SPOOL_LOST
    #: The spool held something that is no message, and it was skipped or cut.
    SPOOL_DAMAGED = _abi.EVENT_SPOOL_DAMAGED


_KINDS: dict[int, int] = {int(kind): kind for kind in ReliabilityEventKind}


@dataclass(frozen=True)
class ReliabilityEvent(Frozen):
    """What alarm and spool callbacks are told: a copy, which may be kept."""

    __slots__ = ("kind", "message", "receipt", "error")

    #: What happened: a :class:`ReliabilityEventKind`, or a plain number that this version does not know.
    kind: int
    #: The message as it was sent, its body decompressed and its topic without the namespace; its queue, offsets and
    #: store are not set. None for ``SPOOL_DAMAGED``.
    message: Optional[ReceivedMessage]
    #: Where it is stored, for ``SPOOL_DELIVERED``; else None.
    receipt: Optional[Receipt]
    #: Why, for all other kinds: its ``attempts`` are the tries, ``maybe_persisted`` tells whether a broker may have the
    #: message, and a :class:`~mqproducer.SpooledError` that it waits in the spool.
    error: Optional[MqError]


#: Is told of messages that reliable sending gave up, or what becomes of those in the spool.
ReliabilityCallback = Callable[[ReliabilityEvent], object]


class ReliabilityCalls:
    """What a producer has for reliable sending."""

    _handle: Optional[c_void_p]

    def set_alarm_callback(self, callback: ReliabilityCallback) -> None:
        """Sets who is told of messages that reliable sending gives up (``reliability="reliable"``), in place of who was
        set before; only before :meth:`start`.

        It is called once for each message that used up its tries or its time, before its sender is told of the end,
        whether the message went into the spool or not. Not for what a broker refuses for good, such as a message of the
        wrong form or without permission, which fails at once.

        It runs on the library's dispatcher thread. It must not block for long, as all callbacks wait for it, and calls
        that wait raise :class:`~mqproducer.WouldDeadlockError` there. An exception is logged to the logger
        ``mqproducer`` and changes nothing. It is kept until the producer is closed or gone.

        Raises :class:`~mqproducer.AlreadyStartedError`, :class:`~mqproducer.ClosedError`,
        :class:`~mqproducer.ForkedError`; ``TypeError`` for what cannot be called.
        """
        _set(lib.mqp_producer_set_alarm_callback, self._handle, callback)

    def set_spool_callback(self, callback: ReliabilityCallback) -> None:
        """Sets who is told what becomes of messages that ended with :class:`~mqproducer.SpooledError`, those of earlier
        producers of the same ``spool_file`` too; otherwise it is as :meth:`set_alarm_callback`. No call begins once
        :meth:`close` has returned.
        """
        _set(lib.mqp_producer_set_spool_callback, self._handle, callback)


def _set(install: Any, producer: Optional[c_void_p], callback: ReliabilityCallback) -> None:
    keep(
        "callback", callback, install, producer, lambda key, drop: _abi_hook.ReliabilityCallback(_CALL, key, drop)
    )


def _on_event(key: int, event: Any) -> None:
    callback = kept(key)
    try:
        view = event.contents
        kind: int = view.kind
        callback(
            ReliabilityEvent(
                kind=_KINDS.get(kind, kind),
                message=read_received(view.message) if view.message else None,
                receipt=read_receipt(view.receipt) if view.receipt else None,
                error=read_error(view.error) if view.error else None,
            )
        )
    except BaseException:
        logger.exception("the alarm or spool callback %r raised an exception", callback)


_CALL = _abi_hook.RELIABILITY_CALL(_on_event)
