"""What a producer counts."""

from __future__ import annotations

import json
from ctypes import byref, c_void_p
from dataclasses import dataclass
from typing import Any, Callable, Optional, Union

from . import _abi_hook
from ._callbacks import keep, kept, logger
from ._frozen import Frozen
from ._library import lib
from ._native import check, text_of


@dataclass(frozen=True)
class Statistics(Frozen):
    """What a producer has counted since it was made, and how it did at one moment: a copy, which may be kept."""

    __slots__ = ("values", "prometheus")

    #: ``producer_group``, ``client_id`` and each name of ``docs/STATISTICS.md``: a number, or a list of dicts with the
    #: labels and ``value``, for durations ``count``, ``sum``, ``p50``, ``p90``, ``p99``, ``p999`` and ``max`` in
    #: seconds. Later versions add names.
    values: dict[str, Any]
    #: The same as Prometheus text exposition, version 0.0.4.
    prometheus: str


#: Is told a producer's statistics, again and again.
StatisticsCallback = Callable[[Statistics], object]


class StatisticsCalls:
    """What a producer has for statistics."""

    _handle: Optional[c_void_p]

    def statistics(self) -> Statistics:
        """A snapshot of what it has counted since it was made, and of how it does at the moment; also once it is
        closed.

        Raises :class:`~mqproducer.ForkedError`.
        """
        statistics, error = c_void_p(), c_void_p()
        check(lib.mqp_producer_statistics(self._handle, byref(statistics), byref(error)), error)
        try:
            return _read(statistics)
        finally:
            lib.mqp_statistics_free(statistics)

    def set_statistics_callback(self, callback: StatisticsCallback) -> None:
        """Sets who is told the statistics every ``statistics_interval`` milliseconds (0, the default: never), in place
        of who was set before; only before :meth:`start`.

        It is called on the library's dispatcher thread, never twice at the same time, from the start on, and no more
        once :meth:`close` has returned. It must not block for long, as all callbacks wait for it, and calls that wait
        raise :class:`~mqproducer.WouldDeadlockError` there; an interval is left out while the call before it still
        waits for the dispatcher. An exception is logged to the logger ``mqproducer`` and changes nothing.

        It is kept until the producer is closed or gone.

        Raises :class:`~mqproducer.AlreadyStartedError`, :class:`~mqproducer.ClosedError`,
        :class:`~mqproducer.ForkedError`; ``TypeError`` for what cannot be called.
        """
        keep(
            "callback",
            callback,
            lib.mqp_producer_set_statistics_callback,
            self._handle,
            lambda key, drop: _abi_hook.StatisticsCallback(_CALL, key, drop),
        )


def _read(statistics: Union[c_void_p, int, None]) -> Statistics:
    """A copy of the library's statistics, which stay their owner's."""
    return Statistics(
        values=json.loads(text_of(lib.mqp_statistics_json(statistics))),
        prometheus=text_of(lib.mqp_statistics_prometheus(statistics)),
    )


def _on_statistics(key: int, statistics: int) -> None:
    callback = kept(key)
    try:
        callback(_read(statistics))
    except BaseException:
        logger.exception("the statistics callback %r raised an exception", callback)


_CALL = _abi_hook.STATISTICS_CALL(_on_statistics)
