"""Small crossings between Python and C: text, and errors that become exceptions."""

from __future__ import annotations

from ctypes import byref, c_void_p, string_at
from typing import Any, Union

from ._abi import OK, AttemptView, ErrorView, Str, Text, sized
from ._library import lib
from .attempt import Attempt
from .errors import MqError, class_of


def text_of(text: Text) -> str:
    """A copy of a text that the library lent."""
    return string_at(text.ptr, text.len).decode("utf-8", "replace")


def str_of(what: str, value: object) -> Str:
    """A text as an argument, which keeps its bytes alive. ``what`` names it in the ``TypeError`` for another type."""
    if not isinstance(value, str):
        raise TypeError(f"{what} must be str, not {type(value).__name__}")
    encoded = value.encode("utf-8")
    return Str(encoded, len(encoded))


def number(what: str, value: object, lowest: int, highest: int, kind: str = "int") -> int:
    """A number as C takes it; what its type does not hold is refused here, not cut off."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{what} must be {kind}, not {type(value).__name__}")
    if not lowest <= value <= highest:
        raise ValueError(f"{what} is {value}; the range is {lowest} to {highest}")
    return value


def milliseconds(what: str, value: object) -> int:
    """A number of milliseconds as C takes it."""
    return number(what, value, 0, 0xFFFFFFFF, "int (milliseconds)")


def read_attempts(count: Any, at: Any, of: Union[c_void_p, int, None]) -> tuple[Attempt, ...]:
    """Copies of the tries that a receipt or an error tells, by its two functions."""
    attempts = []
    view = sized(AttemptView)
    for index in range(count(of)):
        if at(of, index, byref(view), None) == OK:
            attempts.append(
                Attempt(
                    broker_name=text_of(view.broker_name),
                    queue_id=view.queue_id,
                    status=view.status,
                    broker_code=view.broker_code if view.has_broker_code else None,
                    remark=text_of(view.remark),
                    started_ms=view.started_ms,
                    took_us=view.took_us,
                    maybe_stored=bool(view.maybe_stored),
                )
            )
    return tuple(attempts)


def read_error(error: Union[c_void_p, int, None]) -> MqError:
    """The exception for a library's error, which stays its owner's."""
    view = sized(ErrorView)
    if lib.mqp_error_get(error, byref(view), None) != OK:
        return MqError("the library told no error", status=int(lib.mqp_error_status(error)), name="UNKNOWN")
    return class_of(view.status)(
        text_of(view.message),
        status=view.status,
        name=text_of(view.name),
        broker_code=view.broker_code if view.has_broker_code else None,
        remark=text_of(view.remark),
        retriable=bool(view.retriable),
        maybe_persisted=bool(view.maybe_persisted),
        code=view.code or None,
        attempts=read_attempts(lib.mqp_error_attempt_count, lib.mqp_error_attempt_at, error),
    )


def check(status: int, error: c_void_p) -> None:
    """Raises what a call stored in ``error``, and frees it, unless its status is OK."""
    if status == OK:
        return
    try:
        raise read_error(error)
    finally:
        lib.mqp_error_free(error)
