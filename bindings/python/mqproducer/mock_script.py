"""What tests script with the embedded cluster: faults, servers that go and come back, and the requests that came."""

from __future__ import annotations

import enum
from ctypes import byref, c_void_p, string_at
from dataclasses import dataclass

from . import _abi, _abi_mock
from ._frozen import Frozen
from ._library import lib
from ._native import check, milliseconds, number, str_of, text_of
from .message import read_properties


class MockFault(enum.IntEnum):
    """What a server of a cluster does to a request, for :meth:`MockCluster.push_fault`."""

    #: Nothing: no fault hit the request.
    NONE = _abi.MOCK_FAULT_NONE
    #: It is not executed; the answer has ``response_code`` and ``remark``.
    ANSWER = _abi.MOCK_FAULT_ANSWER
    #: It is executed, and its answer gets ``response_code`` and ``remark`` while its fields stay: as when a message is
    #: stored but was not flushed in time (code 10).
    CHANGE_ANSWER = _abi.MOCK_FAULT_CHANGE_ANSWER
    #: It is executed at once and well; its answer comes after ``delay_ms``.
    DELAY = _abi.MOCK_FAULT_DELAY
    #: It is not executed and not answered.
    DROP = _abi.MOCK_FAULT_DROP
    #: It is executed and not answered.
    LOSE_ANSWER = _abi.MOCK_FAULT_LOSE_ANSWER
    #: The connection is closed in place of an answer; it is not executed.
    CLOSE_BEFORE = _abi.MOCK_FAULT_CLOSE_BEFORE
    #: The connection is closed in place of an answer; it is executed.
    CLOSE_AFTER = _abi.MOCK_FAULT_CLOSE_AFTER
    #: It is executed, the first half of its answer is written, and the connection is closed.
    HALF_ANSWER = _abi.MOCK_FAULT_HALF_ANSWER
    #: It is not executed; ``data``, 64 of 0xff when there is none, comes in place of an answer. The connection stays
    #: open.
    GARBAGE = _abi.MOCK_FAULT_GARBAGE
    #: Nothing more of this connection is read or written until ``delay_ms`` are over or faults are cleared; with 0,
    #: until they are cleared: as by a process that is stopped. Then it is executed and answered.
    STOP_READING = _abi.MOCK_FAULT_STOP_READING


@dataclass(frozen=True)
class MockRequest(Frozen):
    """A request that a cluster got."""

    __slots__ = ("broker_name", "code", "opaque", "oneway", "fault", "timestamp", "fields", "body")

    #: The broker, or ``name-server``.
    broker_name: str
    #: The request code.
    code: int
    #: The number that ties the answer to it.
    opaque: int
    #: Whether it wanted no answer.
    oneway: bool
    #: The fault that hit it: a :class:`MockFault`, or a plain number that this version does not know.
    fault: int
    #: When it came, in milliseconds since 1970.
    timestamp: int
    #: The header's fields (``extFields``), in the order of the wire.
    fields: dict[str, str]
    #: The body.
    body: bytes


class MockRequests(list[MockRequest]):
    """The requests that a cluster got, in the order of their arrival."""

    #: How many requests, of all servers and codes, the cluster had forgotten because newer ones took their place.
    dropped: int = 0


_FAULTS: dict[int, int] = {int(fault): fault for fault in MockFault}


def lend_fault(
    action: int,
    *,
    broker: str,
    request_code: int,
    count: int,
    response_code: int,
    remark: str,
    delay_ms: int,
    data: bytes,
) -> _abi_mock.MockFault:
    """The C view of a fault."""
    if not isinstance(data, bytes):
        raise TypeError(f"data must be bytes, not {type(data).__name__}")
    fault = _abi.sized(_abi_mock.MockFault)
    fault.action = number("action", action, 0, 0xFFFFFFFF, "MockFault")
    fault.broker = str_of("broker", broker)
    fault.request_code = code("request_code", request_code)
    fault.count = number("count", count, 0, 0xFFFFFFFF)
    fault.response_code = code("response_code", response_code)
    fault.remark = str_of("remark", remark)
    fault.delay_ms = milliseconds("delay_ms", delay_ms)
    fault.bytes = _abi.Bytes(data, len(data))
    return fault


def code(what: str, value: object) -> int:
    """The code of a request or a response, as C takes it."""
    return number(what, value, -0x80000000, 0x7FFFFFFF)


def take_requests(snapshot: c_void_p) -> MockRequests:
    """A copy of a snapshot that is owned here, which it frees."""
    try:
        requests = MockRequests(_read(snapshot, index) for index in range(lib.mqp_mock_requests_count(snapshot)))
        requests.dropped = lib.mqp_mock_requests_dropped(snapshot)
        return requests
    finally:
        lib.mqp_mock_requests_free(snapshot)


def _read(snapshot: c_void_p, index: int) -> MockRequest:
    view = _abi.sized(_abi_mock.MockRequestView)
    error = c_void_p()
    check(lib.mqp_mock_requests_get(snapshot, index, byref(view), byref(error)), error)
    return MockRequest(
        broker_name=text_of(view.broker_name),
        code=view.code,
        opaque=view.opaque,
        oneway=bool(view.oneway),
        fault=_FAULTS.get(view.fault, view.fault),
        timestamp=view.timestamp,
        fields=dict(read_properties(view.fields, view.field_count, view.field_size)),
        body=string_at(view.body.ptr or 0, view.body.len),
    )
