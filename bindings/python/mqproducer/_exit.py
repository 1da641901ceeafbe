"""The end of things: handles that nobody holds any more, and what is still open when the interpreter exits."""

from __future__ import annotations

import _thread
import atexit
import logging
import os
import sys
import time
import weakref
from ctypes import c_void_p
from typing import Any, Optional, Protocol

from . import _abi
from ._library import lib
from .errors import ClosedError, ForkedError, MqError, refusal

#: How long the exit waits for the messages of all producers together before it ends them.
EXIT_WAIT_MS = 3_000


class Closeable(Protocol):
    """A producer, as the exit sees it."""

    def _end(self, timeout_ms: int) -> None:
        """Closes it."""

    def _discard(self) -> None:
        """Ends all calls of the library into Python for it."""


#: The started producers whose end was not waited for, by ``id``: something of them may still call. As in
#: ``_callbacks``, a lock would deadlock in ``__del__``.
_open: dict[int, weakref.ref[Closeable]] = {}
_exiting = False


def opening(producer: Closeable) -> None:
    """Remembers a producer that is about to start; refuses it when the interpreter is exiting.

    What starts after the last chance to close it would call back into an interpreter that is gone.
    """
    _open[id(producer)] = weakref.ref(producer)
    # In this order: the exit, which works the other way round, misses none.
    if _exiting:
        closed(producer)
        raise refusal(ClosedError, "the interpreter is exiting; no producer can be started any more")


def closed(producer: Closeable) -> None:
    """Forgets a producer that is closed or was never started."""
    _open.pop(id(producer), None)


#: The threads that free a handle now; each holds its lock meanwhile.
_freeing: dict[int, _thread.LockType] = {}


def release(free: Any, handle: Optional[c_void_p]) -> None:
    """Frees a handle from a ``__del__``.

    Freeing may wait for the dispatcher, and that for a lock which this thread holds: the garbage collector runs
    anywhere. So another thread does it, and one without the locks that starting a ``threading.Thread`` takes. When the
    interpreter is exiting no thread may start (older ones crash on it), and the end of the process frees all.
    """
    if handle is None or _exiting or sys.is_finalizing():
        return
    lock = _thread.allocate_lock()
    lock.acquire()
    _freeing[id(lock)] = lock
    try:
        _thread.start_new_thread(_free, (free, handle, lock))
    except RuntimeError:
        _freeing.pop(id(lock))


def _free(free: Any, handle: c_void_p, lock: _thread.LockType) -> None:
    free(handle)
    _freeing.pop(id(lock))
    lock.release()


def _at_exit() -> None:
    # Python is still whole here, so that the callbacks of the messages in flight run too.
    global _exiting
    _exiting = True
    deadline = time.monotonic() + EXIT_WAIT_MS / 1000
    for reference in list(_open.values()):
        producer = reference()
        if producer is None:
            continue
        left = max(0.0, deadline - time.monotonic())
        try:
            producer._end(int(left * 1000))
        except ForkedError:
            # It is the parent's.
            continue
        except MqError as cause:
            logging.getLogger("mqproducer").warning("a producer was closed by the interpreter's exit: %s", cause)
        # What its close did not wait for would call into an interpreter that is gone.
        producer._discard()
    for lock in list(_freeing.values()):
        lock.acquire(timeout=max(0.0, deadline - time.monotonic()))
    lib.mqp_log_set(_abi.LOG_OFF, _abi.LogCallback(), c_void_p())


atexit.register(_at_exit)
if hasattr(os, "register_at_fork"):
    # The child does not have these threads and must not wait for them.
    os.register_at_fork(after_in_child=_freeing.clear)
