"""The C surface as ctypes sees it: the constants and structs of ``mqproducer.h``.

``_abi_message`` has the structs of messages and their ends, ``_abi_hook`` those of what is set before the start,
``_abi_mock`` those of the embedded cluster, ``_tables`` all structs and functions by name. A test compares them with
the header and with what the C compiler makes of it.

``mqp_str`` and its kin have two shapes of the same layout. As arguments their pointer is a ``c_char_p``, which takes
a ``bytes`` object without a copy and keeps it alive; as results it is a bare address, since ``c_char_p`` would stop
at the first NUL.
"""

from __future__ import annotations

from ctypes import (
    CFUNCTYPE,
    POINTER,
    Structure,
    c_char_p,
    c_int32,
    c_int64,
    c_size_t,
    c_uint32,
    c_uint64,
    c_void_p,
    sizeof,
)
from typing import Any, Optional, TypeVar, Union

#: The version of the header that this file mirrors.
VERSION_NUMBER = 1000

OK = 0

SEND_OK = 0
SEND_FLUSH_DISK_TIMEOUT = 1
SEND_FLUSH_SLAVE_TIMEOUT = 2
SEND_SLAVE_NOT_AVAILABLE = 3
SEND_ONEWAY = 4

SELECT_ROUND_ROBIN = 0
SELECT_RANDOM = 1
SELECT_HASH = 2
SELECT_CONSISTENT_HASH = 3
SELECT_MACHINE_ROOM = 4
SELECT_QUEUE = 5
SELECT_CALLBACK = 6

EVENT_GIVEN_UP = 1
EVENT_SPOOL_DELIVERED = 2
EVENT_SPOOL_LOST = 3
EVENT_SPOOL_DAMAGED = 4

BROKER_HEALTHY = 0
BROKER_ISOLATED = 1
BROKER_UNREACHABLE = 2

MODE_SYNC = 0
MODE_ASYNC = 1
MODE_ONEWAY = 2

MESSAGE_TYPE_NORMAL = 0
MESSAGE_TYPE_HALF = 1
MESSAGE_TYPE_DELAY = 3

TRANSACTION_UNKNOWN = 0
TRANSACTION_COMMIT = 1
TRANSACTION_ROLLBACK = 2

MOCK_FAULT_NONE = 0
MOCK_FAULT_ANSWER = 1
MOCK_FAULT_CHANGE_ANSWER = 2
MOCK_FAULT_DELAY = 3
MOCK_FAULT_DROP = 4
MOCK_FAULT_LOSE_ANSWER = 5
MOCK_FAULT_CLOSE_BEFORE = 6
MOCK_FAULT_CLOSE_AFTER = 7
MOCK_FAULT_HALF_ANSWER = 8
MOCK_FAULT_GARBAGE = 9
MOCK_FAULT_STOP_READING = 10

MOCK_BROKER_UP = 0
MOCK_BROKER_OUT_OF_ROUTE = 1
MOCK_BROKER_STOPPED = 2

LOG_OFF = 0
LOG_ERROR = 1
LOG_WARN = 2
LOG_INFO = 3
LOG_DEBUG = 4
LOG_TRACE = 5


class Str(Structure):
    """``mqp_str`` as an argument."""

    ptr: Optional[bytes]
    len: int
    _fields_ = [("ptr", c_char_p), ("len", c_size_t)]


class Text(Structure):
    """``mqp_str`` as a result."""

    ptr: int
    len: int
    _fields_ = [("ptr", c_void_p), ("len", c_size_t)]


class Bytes(Structure):
    """``mqp_bytes`` as an argument; the pointer may also be given as an address."""

    ptr: Union[bytes, int, None]
    len: int
    _fields_ = [("ptr", c_char_p), ("len", c_size_t)]


class Data(Structure):
    """``mqp_bytes`` as a result."""

    ptr: Optional[int]
    len: int
    _fields_ = [("ptr", c_void_p), ("len", c_size_t)]


class StatusView(Structure):
    """``mqp_status_view``."""

    struct_size: int
    status: int
    name: Text
    _fields_ = [("struct_size", c_uint32), ("status", c_uint32), ("name", Text)]


class ErrorView(Structure):
    """``mqp_error_view``."""

    struct_size: int
    status: int
    has_broker_code: int
    broker_code: int
    retriable: int
    maybe_persisted: int
    name: Text
    message: Text
    remark: Text
    code: int
    reserved: int
    _fields_ = [
        ("struct_size", c_uint32),
        ("status", c_uint32),
        ("has_broker_code", c_uint32),
        ("broker_code", c_int32),
        ("retriable", c_uint32),
        ("maybe_persisted", c_uint32),
        ("name", Text),
        ("message", Text),
        ("remark", Text),
        ("code", c_int32),
        ("reserved", c_uint32),
    ]


class ConfigOptionView(Structure):
    """``mqp_config_option_view``."""

    struct_size: int
    key: Text
    type_name: Text
    default_value: Text
    range: Text
    doc: Text
    _fields_ = [
        ("struct_size", c_uint32),
        ("key", Text),
        ("type_name", Text),
        ("default_value", Text),
        ("range", Text),
        ("doc", Text),
    ]


class ReceiptView(Structure):
    """``mqp_receipt_view``."""

    struct_size: int
    send_status: int
    attempts: int
    queue_id: int
    queue_offset: int
    message_id: Text
    offset_message_id: Text
    topic: Text
    broker_name: Text
    transaction_id: Text
    region_id: Text
    recall_handle: Text
    maybe_duplicated: int
    reserved: int
    _fields_ = [
        ("struct_size", c_uint32),
        ("send_status", c_uint32),
        ("attempts", c_uint32),
        ("queue_id", c_int32),
        ("queue_offset", c_int64),
        ("message_id", Text),
        ("offset_message_id", Text),
        ("topic", Text),
        ("broker_name", Text),
        ("transaction_id", Text),
        ("region_id", Text),
        ("recall_handle", Text),
        ("maybe_duplicated", c_uint32),
        ("reserved", c_uint32),
    ]


class AttemptView(Structure):
    """``mqp_attempt``."""

    struct_size: int
    status: int
    has_broker_code: int
    broker_code: int
    queue_id: int
    maybe_stored: int
    started_ms: int
    took_us: int
    broker_name: Text
    remark: Text
    _fields_ = [
        ("struct_size", c_uint32),
        ("status", c_uint32),
        ("has_broker_code", c_uint32),
        ("broker_code", c_int32),
        ("queue_id", c_int32),
        ("maybe_stored", c_uint32),
        ("started_ms", c_int64),
        ("took_us", c_uint64),
        ("broker_name", Text),
        ("remark", Text),
    ]


class QueueView(Structure):
    """``mqp_queue``."""

    broker_name: Text
    queue_id: int
    reserved: int
    _fields_ = [("broker_name", Text), ("queue_id", c_int32), ("reserved", c_uint32)]


SELECT_CALL = CFUNCTYPE(c_size_t, c_void_p, c_void_p, c_size_t, c_size_t)


class QueueSelector(Structure):
    """``mqp_queue_selector``."""

    call: Any
    user_data: Optional[int]
    _fields_ = [("call", SELECT_CALL), ("user_data", c_void_p)]


class SendOptions(Structure):
    """``mqp_send_options``."""

    struct_size: int
    timeout_ms: int
    selector: int
    queue_id: int
    sharding_key: Str
    broker_name: Str
    machine_rooms: Str
    queue_selector: QueueSelector
    awaited: int
    reserved: int
    _fields_ = [
        ("struct_size", c_uint32),
        ("timeout_ms", c_uint32),
        ("selector", c_uint32),
        ("queue_id", c_int32),
        ("sharding_key", Str),
        ("broker_name", Str),
        ("machine_rooms", Str),
        ("queue_selector", QueueSelector),
        ("awaited", c_uint32),
        ("reserved", c_uint32),
    ]


class Completion(Structure):
    """``mqp_completion``."""

    struct_size: int
    status: int
    user_data: Optional[int]
    receipt: Optional[int]
    error: Optional[int]
    _fields_ = [
        ("struct_size", c_uint32),
        ("status", c_uint32),
        ("user_data", c_void_p),
        ("receipt", c_void_p),
        ("error", c_void_p),
    ]


COMPLETION_CALL = CFUNCTYPE(None, c_void_p, POINTER(Completion))
DROP = CFUNCTYPE(None, c_void_p)


class Callback(Structure):
    """``mqp_callback``."""

    _fields_ = [("call", COMPLETION_CALL), ("user_data", c_void_p), ("drop", DROP)]


class BrokerStateView(Structure):
    """``mqp_broker_state_view``."""

    struct_size: int
    state: int
    until_ms: int
    latency_ms: int
    name: Text
    address: Text
    _fields_ = [
        ("struct_size", c_uint32),
        ("state", c_uint32),
        ("until_ms", c_int64),
        ("latency_ms", c_int64),
        ("name", Text),
        ("address", Text),
    ]


class LogRecord(Structure):
    """``mqp_log_record``."""

    struct_size: int
    level: int
    target: Text
    message: Text
    _fields_ = [("struct_size", c_uint32), ("level", c_uint32), ("target", Text), ("message", Text)]


LOG_CALL = CFUNCTYPE(None, c_void_p, POINTER(LogRecord))


class LogCallback(Structure):
    """``mqp_log_callback``."""

    _fields_ = [("call", LOG_CALL), ("user_data", c_void_p), ("drop", DROP)]


Sized = TypeVar("Sized", bound=Structure)


def sized(struct: type[Sized]) -> Sized:
    """An instance that is zero but for ``struct_size``."""
    return struct(struct_size=sizeof(struct))
