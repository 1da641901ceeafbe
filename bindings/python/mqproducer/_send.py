"""What every send does, whatever the form of its message."""

from __future__ import annotations

from ctypes import byref, c_void_p
from typing import Any, Callable, Optional, Union

from . import _abi
from ._callbacks import RECEIPT, Pending, take_interrupt
from ._library import lib
from ._native import check
from .message import Body, Message, lend
from .receipt import Receipt, take_receipt
from .selector import Choice, Selector, lend_options

#: Deadline, selector and sharding key of a send.
Departures = tuple[Optional[int], Optional[Selector], Optional[str]]


def message_of(topic: Union[str, Message], body: Optional[Body], fields: Any) -> Message:
    """The message of a send's arguments: itself, or topic and body with other fields."""
    if isinstance(topic, Message):
        if body is not None or fields:
            options = "timeout_ms, selector and sharding_key"
            raise TypeError(f"a Message holds its fields itself; beside it only {options} are allowed")
        return topic
    if body is None:
        raise TypeError("body is missing")
    return Message(topic, body, **fields)


def submit(message: Message, departures: Departures, call: Callable[[Any, Any, Any], int]) -> None:
    """Has ``call`` hand a message to the library with its options and the place for the error; raises what went wrong.

    ``call`` returns the library's status.
    """
    if not isinstance(message, Message):
        raise TypeError(f"message must be Message, not {type(message).__name__}")
    native, lender = lend(message)
    options, choice = lend_options(*departures)
    error = c_void_p()
    status = call(byref(native), options, byref(error))
    del lender
    settle(status, error, choice)


def send(function: Any, before: tuple[Any, ...], message: Message, departures: Departures) -> Receipt:
    """Sends a message by a function of the library that stores a receipt; ``before``: its first arguments."""
    receipt = c_void_p()
    try:
        submit(
            message,
            departures,
            lambda native, options, error: function(*before, native, options, byref(receipt), error),
        )
    except BaseException:
        lib.mqp_receipt_free(receipt)
        raise
    return take_receipt(receipt)


def send_async(
    function: Any, before: tuple[Any, ...], message: Message, departures: Departures, pending: Pending
) -> None:
    """Sends a message by a function of the library that tells a receipt to a callback."""
    submit(
        message,
        departures,
        lambda native, options, error: begin(
            pending, _abi.Callback, RECEIPT, lambda callback: function(*before, native, options, callback, error)
        ),
    )


def begin(pending: Pending, struct: Any, trampoline: Any, call: Callable[[Any], int]) -> int:
    """Has ``call`` hand the C callback of a pending entry to the library, which owes it an end if that returns OK."""
    status = call(pending.native(struct, trampoline))
    if status != _abi.OK:
        pending.forget()
    return status


def settle(status: int, error: c_void_p, choice: Optional[Choice] = None) -> None:
    """Raises what a selector function or Ctrl-C in a hook raised during a call, else what the library says of it."""
    interrupt = take_interrupt()
    raised = choice.end() if choice is not None else None
    if raised is None:
        raised = interrupt
    try:
        if raised is not None:
            lib.mqp_error_free(error)
            raise raised
        check(status, error)
    finally:
        # Their tracebacks lead back to here.
        del raised, interrupt
