"""What a producer knows of its brokers."""

from __future__ import annotations

import enum
from ctypes import byref, c_void_p
from dataclasses import dataclass
from typing import Optional

from . import _abi
from ._frozen import Frozen
from ._library import lib
from ._native import check, text_of


class BrokerHealth(enum.IntEnum):
    """How a broker does, as ``send_latency_enable`` has it judged; without that every broker is healthy."""

    #: Takes its turn.
    HEALTHY = _abi.BROKER_HEALTHY
    #: Was slow or failed: passed over while there are others.
    ISOLATED = _abi.BROKER_ISOLATED
    #: Did not answer, and the detector has not reached it since.
    UNREACHABLE = _abi.BROKER_UNREACHABLE


@dataclass(frozen=True)
class BrokerState(Frozen):
    """One broker at one moment. Immutable; any thread may read it."""

    __slots__ = ("name", "address", "state", "until_ms", "latency_ms")

    #: The broker's name.
    name: str
    #: The master's address.
    address: str
    #: A :class:`BrokerHealth`, or a plain number that this version does not know.
    state: int
    #: Until when an isolated broker is passed over, in milliseconds since 1970; else None.
    until_ms: Optional[int]
    #: How long the last send to it took, in milliseconds; None when none was measured.
    latency_ms: Optional[int]


_HEALTH: dict[int, int] = {int(health): health for health in BrokerHealth}


def read_brokers(producer: Optional[c_void_p]) -> list[BrokerState]:
    """The brokers that a producer of the library knows."""
    states, error = c_void_p(), c_void_p()
    check(lib.mqp_producer_broker_states(producer, byref(states), byref(error)), error)
    brokers = []
    try:
        view = _abi.sized(_abi.BrokerStateView)
        for index in range(lib.mqp_broker_states_count(states)):
            check(lib.mqp_broker_states_get(states, index, byref(view), byref(error)), error)
            brokers.append(
                BrokerState(
                    name=text_of(view.name),
                    address=text_of(view.address),
                    state=_HEALTH.get(view.state, view.state),
                    until_ms=view.until_ms or None,
                    latency_ms=view.latency_ms if view.latency_ms >= 0 else None,
                )
            )
    finally:
        lib.mqp_broker_states_free(states)
    return brokers
