"""Where messages get their trace context."""

from __future__ import annotations

from ctypes import c_void_p, memmove
from typing import Callable, Optional

from . import _abi_hook
from ._callbacks import keep, kept, logger, remember
from ._library import lib

#: Tells the W3C trace context of the code that sends, ``00-<32 hex digits>-<16 hex digits>-<2 hex digits>`` in lower
#: case; None or empty: there is none.
TraceContext = Callable[[], Optional[str]]


class TraceCalls:
    """What a producer has for traces."""

    _handle: Optional[c_void_p]

    def set_trace_context(self, trace_context: TraceContext) -> None:
        """Sets where messages get their trace context, in place of what was set before; only before :meth:`start`.

        It is called for each message, also of a batch, that has neither a ``trace_parent`` nor a property
        ``traceparent`` of its own, on the thread of the send and before that returns; it may run on several threads at
        the same time. What it returns goes to consumers as the property ``traceparent``; what is no trace context is
        left out. An exception is logged to the logger ``mqproducer`` and the message goes without; only a
        ``KeyboardInterrupt`` is raised by the send, when it is over.

        It is kept until the producer is gone, so that it must not itself hold the producer but by a ``weakref``.

        Raises :class:`~mqproducer.AlreadyStartedError`, :class:`~mqproducer.ClosedError`,
        :class:`~mqproducer.ForkedError`; ``TypeError`` for what cannot be called.
        """
        keep(
            "trace_context",
            trace_context,
            lib.mqp_producer_set_trace_context,
            self._handle,
            lambda key, drop: _abi_hook.TraceContext(_CALL, key, drop),
        )


def _on_trace_context(key: int, out: int, capacity: int) -> int:
    trace_context = kept(key)
    try:
        context = trace_context()
        if context is not None and not isinstance(context, str):
            raise TypeError(f"a trace context must be str or None, not {type(context).__name__}")
        text = (context or "").encode("utf-8")
        if len(text) <= capacity:
            memmove(out, text, len(text))
        # The library tells the log of one that is too long.
        return len(text)
    except BaseException as raised:
        remember(raised)
        logger.exception("the trace context %r raised an exception", trace_context)
        return 0


_CALL = _abi_hook.TRACE_CONTEXT_CALL(_on_trace_context)
