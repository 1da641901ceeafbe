"""What every producer is, whichever way it waits."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping
from ctypes import byref, c_void_p
from typing import Optional

from . import _exit
from ._library import lib
from ._native import check, milliseconds
from .broker import BrokerState, read_brokers
from .config import ConfigValue, NativeConfig
from .errors import Status
from .hook import SendHook, register
from .reliability import ReliabilityCalls
from .statistics import StatisticsCalls
from .transaction import CheckerCalls
from .transform import TransformCalls

#: What ``flush`` and ``close`` wait for at most unless told otherwise.
DEFAULT_WAIT_MS = 10_000


class ProducerBase(CheckerCalls, ReliabilityCalls, StatisticsCalls, TransformCalls):
    """The owner of a producer of the library, and all of it that does not wait."""

    _handle: Optional[c_void_p] = None
    _open = False

    def __init__(self, url: str, group: Optional[str], config: Mapping[str, ConfigValue]) -> None:
        values: dict[str, ConfigValue] = {"url": url, **config}
        if group is not None:
            if "producer_group" in config:
                raise TypeError("group and producer_group are the same key; give one of them")
            values["producer_group"] = group
        handle, error = c_void_p(), c_void_p()
        with NativeConfig(values) as native:
            self._configured(native)
            check(lib.mqp_producer_new(native.handle, byref(handle), byref(error)), error)
        self._handle = handle

    def _configured(self, native: NativeConfig) -> None:
        """Sees the configuration before it is used."""

    def add_hook(self, hook: SendHook) -> None:
        """Adds a hook, which sees every message; only before :meth:`start`. They run in the order of their adding.

        The hook is kept until the producer is gone, so that it must not itself hold the producer but by a ``weakref``.

        Raises :class:`~mqproducer.AlreadyStartedError`, :class:`~mqproducer.ClosedError`,
        :class:`~mqproducer.ForkedError`; ``TypeError`` for what is no :class:`~mqproducer.SendHook`.
        """
        register(self._handle, hook)

    def brokers(self) -> list[BrokerState]:
        """What it knows of the brokers in the routes that it uses, by name; none before the first send to a topic.

        Raises :class:`~mqproducer.ForkedError`.
        """
        return read_brokers(self._handle)

    def _start(self) -> None:
        error = c_void_p()
        _exit.opening(self)
        check(lib.mqp_producer_start(self._handle, byref(error)), error)
        self._open = True

    def _end(self, timeout_ms: int) -> None:
        error = c_void_p()
        status = lib.mqp_producer_close(self._handle, milliseconds("timeout_ms", timeout_ms), byref(error))
        if status != Status.WOULD_DEADLOCK:
            self._open = False
        if status == Status.OK:
            _exit.closed(self)
        check(status, error)

    def _discard(self) -> None:
        lib.mqp_producer_discard_completions(self._handle, None)

    def __del__(self) -> None:
        _exit.closed(self)
        if self._open and not sys.is_finalizing():
            warnings.warn(f"{type(self).__name__} was not closed", ResourceWarning, source=self)
        handle, self._handle = self._handle, None
        _exit.release(lib.mqp_producer_free, handle)
