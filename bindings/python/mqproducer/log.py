"""The library's log, handed to the logging module."""

from __future__ import annotations

import logging
from ctypes import byref, c_void_p
from typing import Any

from . import _abi
from ._library import lib
from ._native import check, text_of

#: The level of the library's most talkative records, one or more for every message; ``logging`` has no name for it.
TRACE = 5

_LEVELS = {
    _abi.LOG_ERROR: logging.ERROR,
    _abi.LOG_WARN: logging.WARNING,
    _abi.LOG_INFO: logging.INFO,
    _abi.LOG_DEBUG: logging.DEBUG,
    _abi.LOG_TRACE: TRACE,
}


def enable_log(level: int = logging.INFO, logger: str = "mqproducer") -> None:
    """Hands the library's records of ``level`` and above to ``logger`` and its children, for the whole process.

    ``level`` is one of ``logging`` or :data:`TRACE`; records below it are not even made. The children are named after
    the part of the library that speaks. It replaces what was set before; records made before may still reach that. By
    default nobody receives the log. After ``os.fork`` the child is silent until it calls this itself.

    Handlers run on the library's dispatcher thread. They must not block for long nor call this package.
    """
    highest = max((native for native, python in _LEVELS.items() if python >= level), default=_abi.LOG_OFF)
    if highest == _abi.LOG_OFF:
        disable_log()
        return
    sink = logging.getLogger(logger)
    _sinks[id(sink)] = sink
    error = c_void_p()
    check(lib.mqp_log_set(highest, _abi.LogCallback(_CALL, id(sink), _abi.DROP()), byref(error)), error)


def disable_log() -> None:
    """Nobody receives the library's log any more."""
    error = c_void_p()
    check(lib.mqp_log_set(_abi.LOG_OFF, _abi.LogCallback(), byref(error)), error)


#: The loggers that were ever set, by ``id``; they live for ever anyway.
_sinks: dict[int, logging.Logger] = {}


def _on_record(key: int, record: Any) -> None:
    spoken = record.contents
    # `mqproducer::net::pool` becomes the child `net.pool`.
    part = ".".join(text_of(spoken.target).split("::")[1:])
    sink = _sinks[key]
    target = sink.getChild(part) if part else sink
    target.log(_LEVELS.get(spoken.level, logging.INFO), "%s", text_of(spoken.message))


_CALL = _abi.LOG_CALL(_on_record)
