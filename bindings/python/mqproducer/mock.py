"""The embedded cluster, for tests of programs that send."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import byref, c_size_t, c_void_p, string_at
from dataclasses import dataclass
from typing import Optional

from . import _abi, _abi_mock
from ._exit import release
from ._frozen import Frozen
from ._library import lib
from ._native import check, milliseconds, number, str_of, text_of
from .message import read_properties
from .mock_script import MockRequests, code, lend_fault, take_requests


#: What a ``size_t`` holds.
_SIZE_MAX = c_size_t(-1).value


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
            number(what, value, 1, 0xFFFFFFFF)
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
        number("count", count, 0, _SIZE_MAX)
        error = c_void_p()
        with self._used() as handle:
            name, limit = str_of("topic", topic), milliseconds("timeout_ms", timeout_ms)
            check(lib.mqp_mock_cluster_wait(handle, name, count, limit, byref(error)), error)

    def clear(self) -> None:
        """Forgets the messages that it holds."""
        error = c_void_p()
        with self._used() as handle:
            check(lib.mqp_mock_cluster_clear(handle, byref(error)), error)

    def echo(self, topic: str) -> None:
        """Has it answer the requests of one topic, each with the request's own body, as if a consumer did.

        ``topic``: its name on the wire, with the namespace if there is one.
        """
        error = c_void_p()
        with self._used() as handle:
            check(lib.mqp_mock_cluster_echo(handle, str_of("topic", topic), byref(error)), error)

    def set_transaction_check_interval(self, interval_ms: int) -> None:
        """Sets how long its brokers wait before they ask for the end of a transaction, and before they ask again.

        ``interval_ms``: in milliseconds, 1 to 86400000; 1000 by default, where real brokers wait 6 s at first and 30 s
        then. Raises :class:`~mqproducer.ArgumentError`.
        """
        interval, error = milliseconds("interval_ms", interval_ms), c_void_p()
        with self._used() as handle:
            check(lib.mqp_mock_cluster_set_transaction_check_interval(handle, interval, byref(error)), error)

    def push_fault(
        self,
        action: int,
        *,
        broker: str = "",
        request_code: int = 0,
        count: int = 0,
        response_code: int = 0,
        remark: str = "",
        delay_ms: int = 0,
        data: bytes = b"",
    ) -> None:
        """Adds a fault behind those that wait: each request takes the oldest that fits it, and counts for that alone.

        ``action``: a :class:`MockFault`. ``broker``: a broker's name (``broker-a``) or number from 0 on (``0``), or
        ``name-server``; empty: every broker, and not the name server. ``request_code`` 0: every code. ``count``: how
        many requests; 0: all, until :meth:`clear_faults`. ``response_code``, ``remark`` and ``data``: for the actions
        that say so. ``delay_ms``: how long the answer, the bytes or the close wait, in milliseconds, at most 3600000;
        not for ``DROP`` and ``LOSE_ANSWER``. Raises :class:`~mqproducer.ArgumentError` for an unknown action or broker,
        a field that the action does not read, a delay that is too long or that nothing waits for.
        """
        fault = lend_fault(
            action,
            broker=broker,
            request_code=request_code,
            count=count,
            response_code=response_code,
            remark=remark,
            delay_ms=delay_ms,
            data=data,
        )
        error = c_void_p()
        with self._used() as handle:
            check(lib.mqp_mock_cluster_push_fault(handle, byref(fault), byref(error)), error)

    def clear_faults(self) -> None:
        """Takes back all faults, and lets connections go on that stopped reading. Answers that are late still come."""
        error = c_void_p()
        with self._used() as handle:
            check(lib.mqp_mock_cluster_clear_faults(handle, byref(error)), error)

    def set_broker(self, broker: str, *, in_route: bool = True, running: bool = True) -> None:
        """Takes a broker out of its routes, stops it, or brings it back. Its messages and its port stay.

        All that has happened when the call returns. ``broker``: as in :meth:`push_fault`, or ``name-server``, which can
        only stop. ``in_route`` false: it is in no route, as after its shutdown, but serves those who know its address.
        ``running`` false: it does not listen and its connections are closed, as after its death. Raises
        :class:`~mqproducer.ArgumentError`, :class:`~mqproducer.ResourceError` when the system refuses the port, and
        inside a callback :class:`~mqproducer.WouldDeadlockError`.
        """
        state = (0 if in_route else _abi.MOCK_BROKER_OUT_OF_ROUTE) | (0 if running else _abi.MOCK_BROKER_STOPPED)
        error = c_void_p()
        with self._used() as handle:
            check(lib.mqp_mock_cluster_set_broker_state(handle, str_of("broker", broker), state, byref(error)), error)

    def requests(self, broker: str = "", request_code: int = 0) -> MockRequests:
        """A snapshot of the requests that servers got: each is there before its answer goes out.

        ``broker``: as in :meth:`push_fault`, or ``name-server``; empty: all servers. ``request_code`` 0: all codes. The
        cluster keeps the newest 8192, in at most 32 MiB; ``dropped`` of the list tells how many it forgot.
        """
        snapshot, error = c_void_p(), c_void_p()
        with self._used() as handle:
            server, wanted = str_of("broker", broker), code("request_code", request_code)
            check(lib.mqp_mock_cluster_requests(handle, server, wanted, byref(snapshot), byref(error)), error)
        return take_requests(snapshot)

    def wait_requests(
        self, count: int, broker: str = "", request_code: int = 0, timeout_ms: int = 10_000
    ) -> None:
        """Waits until servers got at least ``count`` requests since the start or the last :meth:`clear_requests`, those
        that are not listed any more included.

        ``broker``, ``request_code``: as in :meth:`requests`. ``timeout_ms``: in milliseconds; 0 only looks. Raises
        :class:`~mqproducer.MqTimeoutError`, and inside a callback :class:`~mqproducer.WouldDeadlockError`.
        """
        number("count", count, 0, _SIZE_MAX)
        server, wanted = str_of("broker", broker), code("request_code", request_code)
        limit, error = milliseconds("timeout_ms", timeout_ms), c_void_p()
        with self._used() as handle:
            check(lib.mqp_mock_cluster_wait_requests(handle, server, wanted, count, limit, byref(error)), error)

    def clear_requests(self) -> None:
        """Forgets the requests that came, and their numbers."""
        error = c_void_p()
        with self._used() as handle:
            check(lib.mqp_mock_cluster_clear_requests(handle, byref(error)), error)

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
    view = _abi.sized(_abi_mock.MockMessageView)
    error = c_void_p()
    check(lib.mqp_mock_messages_get(snapshot, index, byref(view), byref(error)), error)
    return MockMessage(
        topic=text_of(view.topic),
        body=string_at(view.body.ptr or 0, view.body.len),
        tags=text_of(view.tags),
        keys=text_of(view.keys),
        properties=dict(read_properties(view.properties, view.property_count, view.property_size)),
        flag=view.flag,
        message_id=text_of(view.message_id),
        offset_message_id=text_of(view.offset_message_id),
        broker_name=text_of(view.broker_name),
        queue_id=view.queue_id,
        queue_offset=view.queue_offset,
        born_timestamp=view.born_timestamp,
        store_timestamp=view.store_timestamp,
    )
