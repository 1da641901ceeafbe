"""One-way messages of asyncio: the library may wait for their connection, so that a thread sends them."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable
from ctypes import c_void_p
from typing import Any, Optional

from ._send import Departures, send_one
from ._waits import tell
from .errors import BackpressureError
from .message import Message
from .receipt import Receipt

#: How long the thread waits before it looks for room again.
_LOOK_S = 0.005

End = Callable[[Optional[Receipt], Optional[BaseException]], None]


class OneWays:
    """Sends one after the other, on a thread that ends when there is none left."""

    def __init__(self, producer: object, handle: Optional[c_void_p], wait_for: Callable[[Departures], float]) -> None:
        self._loop = asyncio.get_running_loop()
        self._producer = producer
        self._handle = handle
        #: How long one of these departures waits for room.
        self._wait_for = wait_for
        self._lock = threading.Lock()
        self._queue: deque[tuple[Message, Departures, float, End]] = deque()
        self._runs = False

    def add(self, message: Message, departures: Departures, told: End) -> None:
        """Sends a message; ``told`` hears of its end on the loop's thread, unless that is closed."""
        deadline = time.monotonic() + self._wait_for(departures)
        with self._lock:
            self._queue.append((message, departures, deadline, told))
            runs, self._runs = self._runs, True
        if not runs:
            threading.Thread(target=self._run, name="mqproducer-oneway", daemon=True).start()

    def _run(self) -> None:
        while True:
            with self._lock:
                now, self._queue = self._queue, deque()
                if not now:
                    self._runs = False
                    return
            ends: list[Any] = []
            for message, departures, deadline, told in now:
                ends.append((told, *self._send(message, departures, deadline)))
            tell(self._loop, _tell_all, ends)

    def _send(
        self, message: Message, departures: Departures, deadline: float
    ) -> tuple[Optional[Receipt], Optional[BaseException]]:
        while True:
            try:
                return send_one(self._handle, True, message, *departures), None
            except BackpressureError as full:
                if time.monotonic() >= deadline:
                    return None, full
                time.sleep(_LOOK_S)
            except BaseException as raised:
                return None, raised


def _tell_all(ends: list[Any]) -> None:
    for told, receipt, raised in ends:
        told(receipt, raised)
