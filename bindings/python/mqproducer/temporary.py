"""Temporary destinations of ActiveMQ."""

from __future__ import annotations

from ctypes import byref, c_void_p, create_string_buffer
from typing import Optional

from ._library import lib
from ._native import check, milliseconds, str_of

#: ``MQP_TEMPORARY_NAME_SIZE``.
_ROOM = 256


class TemporaryCalls:
    """What a producer does with temporary destinations."""

    _handle: Optional[c_void_p]

    def create_temporary_queue(self, *, timeout_ms: Optional[int] = None) -> str:
        """Makes a queue of an ActiveMQ broker that lives as long as this producer, for the answers of others: its name,
        ``temp-queue://...``, for ``Jms.reply_to``. It is made anew, with its name, on each connection.

        ``timeout_ms``: in milliseconds, up to 3600000; None or 0: the configured ``send_msg_timeout``. Raises
        :class:`~mqproducer.UnsupportedError` for RocketMQ, else what a send raises.
        """
        return self._create_temporary(0, timeout_ms)

    def create_temporary_topic(self, *, timeout_ms: Optional[int] = None) -> str:
        """The same for a topic, ``temp-topic://...``."""
        return self._create_temporary(1, timeout_ms)

    def delete_temporary(self, name: str, *, timeout_ms: Optional[int] = None) -> None:
        """Takes one of them away; from now on messages to it raise :class:`~mqproducer.MessageError`. Raises
        :class:`~mqproducer.ArgumentError` for a name that is none of this producer's."""
        limit = 0 if timeout_ms is None else milliseconds("timeout_ms", timeout_ms)
        error = c_void_p()
        check(lib.mqp_producer_delete_temporary(self._handle, str_of("name", name), limit, byref(error)), error)

    def _create_temporary(self, topic: int, timeout_ms: Optional[int]) -> str:
        limit = 0 if timeout_ms is None else milliseconds("timeout_ms", timeout_ms)
        name, error = create_string_buffer(_ROOM), c_void_p()
        check(lib.mqp_producer_create_temporary(self._handle, topic, limit, name, byref(error)), error)
        return name.value.decode("utf-8")
