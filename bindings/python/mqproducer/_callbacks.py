"""From the library's threads back into Python.

There is one C function for each kind of call and one for drops, made once. ``user_data`` is the ``id`` of an entry,
which is unique as long as the entry is in its table. The tables are plain dicts whose single operations are atomic: a
lock would deadlock when the garbage collector runs a ``__del__`` while it is held.
"""

from __future__ import annotations

import logging
import threading
from concurrent.futures import Future
from ctypes import byref, c_void_p
from typing import Any, Callable, Optional, TypeVar

from . import _abi
from ._native import check, read_error
from .errors import MqError
from .receipt import Receipt, read_receipt

Value = TypeVar("Value")

#: Receives the end of a message: the receipt and None, or None and the error.
Callback = Callable[[Optional[Receipt], Optional[MqError]], object]

#: The same for any kind of end.
End = Callable[[Optional[Value], Optional[MqError]], object]

logger = logging.getLogger("mqproducer")


class Pending:
    """A message whose end is owed. It keeps the producer alive, so that none in flight is abandoned by chance."""

    __slots__ = ("callback", "producer")

    def __init__(self, callback: Callable[..., object], producer: object) -> None:
        if not callable(callback):
            raise TypeError(f"callback must be callable, not {type(callback).__name__}")
        self.callback = callback
        self.producer = producer

    def native(self, struct: Any, call: Any) -> Any:
        """The C callback for this entry, which is in the table from now on."""
        key = id(self)
        _pending[key] = self
        return struct(call, key, _DROP)

    def forget(self) -> None:
        """Takes it out of the table again: the library refused the message."""
        _pending.pop(id(self), None)


_pending: dict[int, Pending] = {}


def _failure(end: Any) -> MqError:
    return read_error(end.error)


def trampoline(
    prototype: Any, value: Callable[[Any], object], failure: Callable[[Any], MqError] = _failure
) -> Any:
    """The C function that tells a pending entry its end: what ``value`` or ``failure`` reads from the completion."""

    def on_end(key: int, completion: Any) -> None:
        callback = _pending[key].callback
        try:
            end = completion.contents
            if end.status == _abi.OK:
                callback(value(end), None)
            else:
                callback(None, failure(end))
        except BaseException:
            # Nobody is there to catch it: this is the bottom of a thread of the library.
            logger.exception("the callback %r of a message raised an exception", callback)

    return prototype(on_end)


def promised(start: Callable[[End[Value]], None]) -> Future[Value]:
    """The future of what ``start`` has told to the callback that it is given; it cannot be cancelled."""
    future: Future[Value] = Future()
    future.set_running_or_notify_cancel()

    def end(value: Optional[Value], error: Optional[MqError]) -> None:
        if error is None:
            future.set_result(value)  # type: ignore[arg-type]
        else:
            future.set_exception(error)

    start(end)
    return future


class Kept:
    """What a producer was given before its start, until the library gives it back."""

    __slots__ = ("call",)

    def __init__(self, call: Callable[..., Any]) -> None:
        self.call = call


_kept: dict[int, Kept] = {}


def keep(what: str, call: Callable[..., Any], install: Any, producer: Optional[c_void_p], native: Any) -> None:
    """Hands a function to the library by ``install``; ``native`` makes the C struct of its key and its drop."""
    if not callable(call):
        raise TypeError(f"{what} must be callable, not {type(call).__name__}")
    entry = Kept(call)
    _kept[id(entry)] = entry
    error = c_void_p()
    status = install(producer, native(id(entry), _DROP_KEPT), byref(error))
    if status != _abi.OK:
        del _kept[id(entry)]
        check(status, error)


def kept(key: int) -> Callable[..., Any]:
    """The function of an entry."""
    return _kept[key].call


#: By thread, what was raised by Ctrl-C inside a call of the library and is owed to its caller.
interrupts: dict[int, KeyboardInterrupt] = {}


def remember(raised: BaseException) -> None:
    """Keeps a Ctrl-C for the call of the library that this thread is in."""
    # Python raises it on the main thread only; on one of the library nobody would take it.
    if isinstance(raised, KeyboardInterrupt) and threading.get_ident() == threading.main_thread().ident:
        interrupts[threading.get_ident()] = raised


def take_interrupt() -> Optional[KeyboardInterrupt]:
    """The Ctrl-C that was met on this thread, if any."""
    return interrupts.pop(threading.get_ident(), None) if interrupts else None


def _on_drop(key: int) -> None:
    _pending.pop(key, None)


def _on_drop_kept(key: int) -> None:
    _kept.pop(key, None)


#: Tells a pending entry its receipt.
RECEIPT = trampoline(_abi.COMPLETION_CALL, lambda end: read_receipt(end.receipt))
_DROP = _abi.DROP(_on_drop)
_DROP_KEPT = _abi.DROP(_on_drop_kept)
