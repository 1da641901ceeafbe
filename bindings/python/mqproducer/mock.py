"""The embedded cluster, for tests of programs that send."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import POINTER, byref, c_size_t, c_void_p, cast, string_at
from dataclasses import dataclass
from typing import Optional

from . import _abi
from ._exit import release
from ._frozen import Frozen
from ._library import lib
from ._native import check, milliseconds, str_of, text_of


@dataclass(frozen=True)
class MockMessage(Frozen):
    """A message that a cluster stored."""

    __slots__ = (
        "topic",
        "body",
        "tags",
        "keys",
        "properties",
        "flag",
        "message_id",
        "offset_message_id",
        "broker_name",
        "queue_id",
        "queue_offset",
        "born_timestamp",
        "store_timestamp",
    )

    #: The topic.
    topic: str
    #: The body as it was sent.
    body: bytes
    #: The tag; empty: none.
    tags: str
    #: The index keys, separated by spaces; empty: none.
    keys: str
    #: All properties as stored, those that the library sets included.
    properties: dict[str, str]
    #: The flag that it was sent with.
    flag: int
    #: The unique id that the producer gave it.
    message_id: str
    #: The broker's id.
    offset_message_id: str
    #: The broker that stored it.
    broker_name: str
    #: The queue that it is in.
    queue_id: int
    #: Its offset in the queue.
    queue_offset: int
    #: When the producer made it, in milliseconds since 1970.
    born_timestamp: int
    #: When the broker stored it, in milliseconds since 1970.
    store_timestamp: int


class MockCluster:
    """A cluster of name server and brokers inside this process, on real sockets of the loopback interface.

    Its brokers make a topic when the first message for it comes. Any threads may use it at the same time. It lives
    until the last of its objects is closed and the last of its producers is gone::

        with MockCluster() as cluster, Producer(cluster.url, group="test") as producer:
            producer.send("Demo", b"hello")
            assert cluster.messages("Demo")[0].body == b"hello"
    """

    _handle: Optional[c_void_p] = None
    _closed = False

    def __init__(self, name: str = "", *, brokers: int = 1, queues: int = 4) -> None:
        """Opens a cluster.

        ``name``: empty makes a new one of its own; another name is shared in this process with each MockCluster and
        each ``mock://name`` URL, and the first of them decides its size. ``brokers``: 1 to 64. ``queues`` of a topic: 1
        to 1024. Raises :class:`~mqproducer.ArgumentError`, :class:`~mqproducer.ResourceError`, and
        :class:`~mqproducer.UnsupportedError` when the library was built without it.
        """
        for what, value in (("brokers", brokers), ("queues", queues)):
            if not 1 <= value <= 0xFFFFFFFF:
                raise ValueError(f"{what} is {value}; the minimum is 1")
        self._lock = threading.Lock()
        self._calls = 0
        handle, error = c_void_p(), c_void_p()
        check(lib.mqp_mock_cluster_new(str_of("name", name), brokers, queues, byref(handle), byref(error)), error)
        self._handle = handle
        #: The URL that a producer takes to send to this cluster.
        self.url: str = lib.mqp_mock_cluster_url(handle).decode("utf-8")

    def messages(self, topic: str = "") -> list[MockMessage]:
        """A snapshot of the messages that it holds, ordered by topic, broker, queue and offset.

        ``topic`` empty: of all topics.
        """
        snapshot, error = c_void_p(), c_void_p()
        with self._used() as handle:
            check(lib.mqp_mock_cluster_messages(handle, str_of("topic", topic), byref(snapshot), byref(error)), error)
        try:
            return [_read(snapshot, index) for index in range(lib.mqp_mock_messages_count(snapshot))]
        finally:
            lib.mqp_mock_messages_free(snapshot)

    def message_count(self, topic: str = "") -> int:
        """How many messages it holds; ``topic`` empty: of all topics."""
        count, error = c_size_t(), c_void_p()
        with self._used() as handle:
            name = str_of("topic", topic)
            check(lib.mqp_mock_cluster_message_count(handle, name, byref(count), byref(error)), error)
        return count.value

    def wait(self, count: int, topic: str = "", timeout_ms: int = 10_000) -> None:
        """Waits until it holds at least ``count`` messages, as one-way messages need; ``topic`` empty: of all topics.

        ``timeout_ms``: in milliseconds; 0 only looks. Raises :class:`~mqproducer.MqTimeoutError`, and inside a callback
        :class:`~mqproducer.WouldDeadlockError`.
        """
        if count < 0:
            raise ValueError(f"count is {count}; the minimum is 0")
        error = c_void_p()
        with self._used() as handle:
            name, limit = str_of("topic", topic), milliseconds("timeout_ms", timeout_ms)
            check(lib.mqp_mock_cluster_wait(handle, name, count, limit, byref(error)), error)

    def clear(self) -> None:
        """Forgets the messages that it holds."""
        error = c_void_p()
        with self._used() as handle:
            check(lib.mqp_mock_cluster_clear(handle, byref(error)), error)

    def close(self) -> None:
        """Gives it back; all else raises ``ValueError`` from then on. A second call does nothing."""
        with self._lock:
            self._closed = True
        self._free_unused()

    def __enter__(self) -> MockCluster:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        handle, self._handle = self._handle, None
        release(lib.mqp_mock_cluster_free, handle)

    @contextmanager
    def _used(self) -> Iterator[c_void_p]:
        """Lends the handle to one call; it is freed when it is closed and the last call has returned."""
        with self._lock:
            if self._closed or self._handle is None:
                raise ValueError("the cluster is closed")
            self._calls += 1
            handle = self._handle
        try:
            yield handle
        finally:
            with self._lock:
                self._calls -= 1
            self._free_unused()

    def _free_unused(self) -> None:
        handle = None
        with self._lock:
            if self._closed and self._calls == 0:
                handle, self._handle = self._handle, None
        lib.mqp_mock_cluster_free(handle)


def _read(snapshot: c_void_p, index: int) -> MockMessage:
    view = _abi.sized(_abi.MockMessageView)
    error = c_void_p()
    check(lib.mqp_mock_messages_get(snapshot, index, byref(view), byref(error)), error)
    properties = {}
    for number in range(view.property_count):
        # The library's step may be longer than the struct that is known here.
        at = (view.properties or 0) + number * view.property_size
        item = cast(at, POINTER(_abi.PropertyView)).contents
        properties[text_of(item.name)] = text_of(item.value)
    return MockMessage(
        topic=text_of(view.topic),
        body=string_at(view.body.ptr, view.body.len) if view.body.ptr else b"",
        tags=text_of(view.tags),
        keys=text_of(view.keys),
        properties=properties,
        flag=view.flag,
        message_id=text_of(view.message_id),
        offset_message_id=text_of(view.offset_message_id),
        broker_name=text_of(view.broker_name),
        queue_id=view.queue_id,
        queue_offset=view.queue_offset,
        born_timestamp=view.born_timestamp,
        store_timestamp=view.store_timestamp,
    )
