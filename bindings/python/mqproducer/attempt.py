"""The tries of a message."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from ._frozen import Frozen


@dataclass(frozen=True)
class Attempt(Frozen):
    """One try of a message that did not end as wanted. Immutable; any thread may read it."""

    __slots__ = (
        "broker_name",
        "queue_id",
        "status",
        "broker_code",
        "remark",
        "started_ms",
        "took_us",
        "maybe_stored",
    )

    #: The broker that it was for.
    broker_name: str
    #: The queue that was asked for.
    queue_id: int
    #: What went wrong, a number of :class:`~mqproducer.Status`: ``BROKER`` for an answer that was no SEND_OK.
    status: int
    #: The broker's response code when it answered, else None.
    broker_code: Optional[int]
    #: The broker's remark, or what went wrong, for a person.
    remark: str
    #: When it began, in milliseconds since 1970.
    started_ms: int
    #: How long it took, in microseconds.
    took_us: int
    #: Whether the broker may have stored the message: it said so, or its answer was not heard.
    maybe_stored: bool
