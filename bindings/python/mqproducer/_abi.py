"""The C surface as ctypes sees it: every struct, constant and function of ``mqproducer.h``.

A test compares this file with the header and with what the C compiler makes of it.

``mqp_str`` and its kin have two shapes of the same layout. As arguments their pointer is a ``c_char_p``, which takes
a ``bytes`` object without a copy and keeps it alive; as results it is a bare address, since ``c_char_p`` would stop
at the first NUL.
"""

from __future__ import annotations

import ctypes
from ctypes import (
    CFUNCTYPE,
    POINTER,
    Structure,
    c_char_p,
    c_int32,
    c_int64,
    c_size_t,
    c_uint32,
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
    ]


class Property(Structure):
    """``mqp_property`` as an argument."""

    name: Str
    value: Str
    _fields_ = [("name", Str), ("value", Str)]


class PropertyView(Structure):
    """``mqp_property`` as a result."""

    name: Text
    value: Text
    _fields_ = [("name", Text), ("value", Text)]


class Message(Structure):
    """``mqp_message``."""

    struct_size: int
    flag: int
    topic: Str
    body: Bytes
    tags: Str
    keys: Str
    properties: Any
    property_count: int
    property_size: int
    no_wait_store: int
    _fields_ = [
        ("struct_size", c_uint32),
        ("flag", c_int32),
        ("topic", Str),
        ("body", Bytes),
        ("tags", Str),
        ("keys", Str),
        ("properties", POINTER(Property)),
        ("property_count", c_size_t),
        ("property_size", c_uint32),
        ("no_wait_store", c_uint32),
    ]


class SendOptions(Structure):
    """``mqp_send_options``."""

    struct_size: int
    timeout_ms: int
    _fields_ = [("struct_size", c_uint32), ("timeout_ms", c_uint32)]


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


class MockMessageView(Structure):
    """``mqp_mock_message_view``."""

    struct_size: int
    flag: int
    queue_id: int
    property_size: int
    queue_offset: int
    born_timestamp: int
    store_timestamp: int
    topic: Text
    broker_name: Text
    message_id: Text
    offset_message_id: Text
    tags: Text
    keys: Text
    properties: Optional[int]
    property_count: int
    body: Data
    _fields_ = [
        ("struct_size", c_uint32),
        ("flag", c_int32),
        ("queue_id", c_int32),
        ("property_size", c_uint32),
        ("queue_offset", c_int64),
        ("born_timestamp", c_int64),
        ("store_timestamp", c_int64),
        ("topic", Text),
        ("broker_name", Text),
        ("message_id", Text),
        ("offset_message_id", Text),
        ("tags", Text),
        ("keys", Text),
        ("properties", c_void_p),
        ("property_count", c_size_t),
        ("body", Data),
    ]


Sized = TypeVar("Sized", bound=Structure)


def sized(struct: type[Sized]) -> Sized:
    """An instance that is zero but for ``struct_size``."""
    return struct(struct_size=sizeof(struct))


#: The C name of each struct, with the classes that mirror it.
STRUCTS: dict[str, tuple[type[Structure], ...]] = {
    "mqp_str": (Str, Text),
    "mqp_bytes": (Bytes, Data),
    "mqp_status_view": (StatusView,),
    "mqp_error_view": (ErrorView,),
    "mqp_config_option_view": (ConfigOptionView,),
    "mqp_receipt_view": (ReceiptView,),
    "mqp_property": (Property, PropertyView),
    "mqp_message": (Message,),
    "mqp_send_options": (SendOptions,),
    "mqp_completion": (Completion,),
    "mqp_callback": (Callback,),
    "mqp_log_record": (LogRecord,),
    "mqp_log_callback": (LogCallback,),
    "mqp_mock_message_view": (MockMessageView,),
}

_handle = c_void_p
_out = POINTER(c_void_p)
_error = POINTER(c_void_p)

#: Every function: its result and its parameters.
FUNCTIONS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "mqp_status_name": (c_char_p, (c_uint32,)),
    "mqp_status_count": (c_size_t, ()),
    "mqp_status_get": (c_uint32, (c_size_t, POINTER(StatusView), _error)),
    "mqp_error_status": (c_uint32, (_handle,)),
    "mqp_error_message": (c_char_p, (_handle,)),
    "mqp_error_get": (c_uint32, (_handle, POINTER(ErrorView), _error)),
    "mqp_error_clone": (_handle, (_handle,)),
    "mqp_error_free": (None, (_handle,)),
    "mqp_version_number": (c_uint32, ()),
    "mqp_version_string": (c_char_p, ()),
    "mqp_version_check": (c_uint32, (c_uint32, _error)),
    "mqp_config_new": (c_uint32, (_out, _error)),
    "mqp_config_set": (c_uint32, (_handle, Str, Str, _error)),
    "mqp_config_get": (c_uint32, (_handle, Str, POINTER(Text), _error)),
    "mqp_config_free": (None, (_handle,)),
    "mqp_config_option_count": (c_size_t, ()),
    "mqp_config_option_get": (c_uint32, (c_size_t, POINTER(ConfigOptionView), _error)),
    "mqp_send_status_name": (c_char_p, (c_uint32,)),
    "mqp_receipt_get": (c_uint32, (_handle, POINTER(ReceiptView), _error)),
    "mqp_receipt_clone": (_handle, (_handle,)),
    "mqp_receipt_free": (None, (_handle,)),
    "mqp_producer_new": (c_uint32, (_handle, _out, _error)),
    "mqp_producer_start": (c_uint32, (_handle, _error)),
    "mqp_producer_send": (c_uint32, (_handle, POINTER(Message), POINTER(SendOptions), _out, _error)),
    "mqp_producer_send_async": (c_uint32, (_handle, POINTER(Message), POINTER(SendOptions), Callback, _error)),
    "mqp_producer_send_oneway": (c_uint32, (_handle, POINTER(Message), POINTER(SendOptions), _out, _error)),
    "mqp_producer_flush": (c_uint32, (_handle, c_uint32, _error)),
    "mqp_producer_close": (c_uint32, (_handle, c_uint32, _error)),
    "mqp_producer_free": (None, (_handle,)),
    "mqp_log_set": (c_uint32, (c_uint32, LogCallback, _error)),
    "mqp_mock_cluster_new": (c_uint32, (Str, c_uint32, c_uint32, _out, _error)),
    "mqp_mock_cluster_url": (c_char_p, (_handle,)),
    "mqp_mock_cluster_messages": (c_uint32, (_handle, Str, _out, _error)),
    "mqp_mock_cluster_message_count": (c_uint32, (_handle, Str, POINTER(c_size_t), _error)),
    "mqp_mock_cluster_wait": (c_uint32, (_handle, Str, c_size_t, c_uint32, _error)),
    "mqp_mock_cluster_clear": (c_uint32, (_handle, _error)),
    "mqp_mock_cluster_free": (None, (_handle,)),
    "mqp_mock_messages_count": (c_size_t, (_handle,)),
    "mqp_mock_messages_get": (c_uint32, (_handle, c_size_t, POINTER(MockMessageView), _error)),
    "mqp_mock_messages_free": (None, (_handle,)),
}


def declare(library: ctypes.CDLL) -> None:
    """Gives each function of the library its prototype; ``AttributeError`` names one that is missing."""
    for name, (result, parameters) in FUNCTIONS.items():
        function = getattr(library, name)
        function.restype = result
        function.argtypes = list(parameters)
