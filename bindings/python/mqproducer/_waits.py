"""Calls of the library that wait, seen from asyncio: each runs on a thread of its own, which ends with it."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from typing import Callable, Optional, TypeVar

Value = TypeVar("Value")


def in_thread(call: Callable[[], Value]) -> asyncio.Future[Value]:
    """What ``call`` returns or raises, called on a new thread in the context of the caller.

    When the future is cancelled, or its loop is closed, the call goes on and its end is dropped.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Value] = loop.create_future()
    context = contextvars.copy_context()

    def run() -> None:
        value: Optional[Value] = None
        raised: Optional[BaseException] = None
        try:
            value = context.run(call)
        except BaseException as caught:
            raised = caught
        tell(loop, end, future, value, raised)

    # A daemon: the interpreter's exit does not wait for it.
    threading.Thread(target=run, name="mqproducer-wait", daemon=True).start()
    return future


def tell(loop: asyncio.AbstractEventLoop, told: Callable[..., object], *arguments: object) -> None:
    """Calls a function on the loop's thread, from another one; nothing when the loop is closed."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(told, *arguments)


def end(future: asyncio.Future[Value], value: Optional[Value], raised: Optional[BaseException]) -> None:
    """Ends a future, unless it was cancelled."""
    if future.done():
        return
    if raised is None:
        future.set_result(value)  # type: ignore[arg-type]
        return
    if isinstance(raised, StopIteration):
        # No future takes one.
        wrapped = RuntimeError("StopIteration was raised")
        wrapped.__cause__ = raised
        raised = wrapped
    future.set_exception(raised)
