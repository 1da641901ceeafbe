"""The structs of messages and of their ends as ctypes sees them; see ``_abi``."""

from __future__ import annotations

from ctypes import (
    CFUNCTYPE,
    POINTER,
    Structure,
    c_double,
    c_int32,
    c_int64,
    c_size_t,
    c_uint32,
    c_uint64,
    c_void_p,
)
from typing import Any, Optional

from ._abi import DROP, Bytes, Data, Str, Text


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


class TypedProperty(Structure):
    """``mqp_typed_property`` as an argument."""

    name: Str
    value_type: int
    reserved: int
    integer: int
    number: float
    data: Bytes
    _fields_ = [
        ("name", Str),
        ("value_type", c_uint32),
        ("reserved", c_uint32),
        ("integer", c_int64),
        ("number", c_double),
        ("data", Bytes),
    ]


class Jms(Structure):
    """``mqp_jms`` as an argument."""

    struct_size: int
    body_type: int
    delivery_mode: int
    has_time_to_live: int
    time_to_live_ms: int
    correlation_id: Str
    reply_to: Str
    message_type: Str
    group_id: Str
    group_sequence: int
    property_size: int
    properties: Any
    property_count: int
    entries: Any
    entry_count: int
    _fields_ = [
        ("struct_size", c_uint32),
        ("body_type", c_uint32),
        ("delivery_mode", c_uint32),
        ("has_time_to_live", c_uint32),
        ("time_to_live_ms", c_uint64),
        ("correlation_id", Str),
        ("reply_to", Str),
        ("message_type", Str),
        ("group_id", Str),
        ("group_sequence", c_int32),
        ("property_size", c_uint32),
        ("properties", POINTER(TypedProperty)),
        ("property_count", c_size_t),
        ("entries", POINTER(TypedProperty)),
        ("entry_count", c_size_t),
    ]


class TypedPropertyView(Structure):
    """``mqp_typed_property`` as a hook is shown it."""

    name: Text
    value_type: int
    reserved: int
    integer: int
    number: float
    data: Data
    _fields_ = [
        ("name", Text),
        ("value_type", c_uint32),
        ("reserved", c_uint32),
        ("integer", c_int64),
        ("number", c_double),
        ("data", Data),
    ]


class JmsView(Structure):
    """``mqp_jms`` as a hook is shown it."""

    struct_size: int
    body_type: int
    delivery_mode: int
    has_time_to_live: int
    time_to_live_ms: int
    correlation_id: Text
    reply_to: Text
    message_type: Text
    group_id: Text
    group_sequence: int
    property_size: int
    properties: Optional[int]
    property_count: int
    entries: Optional[int]
    entry_count: int
    _fields_ = [
        ("struct_size", c_uint32),
        ("body_type", c_uint32),
        ("delivery_mode", c_uint32),
        ("has_time_to_live", c_uint32),
        ("time_to_live_ms", c_uint64),
        ("correlation_id", Text),
        ("reply_to", Text),
        ("message_type", Text),
        ("group_id", Text),
        ("group_sequence", c_int32),
        ("property_size", c_uint32),
        ("properties", c_void_p),
        ("property_count", c_size_t),
        ("entries", c_void_p),
        ("entry_count", c_size_t),
    ]


class Message(Structure):
    """``mqp_message`` as an argument."""

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
    delay_level: int
    has_priority: int
    priority: int
    reserved: int
    delay_seconds: int
    delay_ms: int
    deliver_at_ms: int
    lite_topic: Str
    sharding_key: Str
    trace_parent: Str
    jms: Any
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
        ("delay_level", c_uint32),
        ("has_priority", c_uint32),
        ("priority", c_int32),
        ("reserved", c_uint32),
        ("delay_seconds", c_uint64),
        ("delay_ms", c_uint64),
        ("deliver_at_ms", c_int64),
        ("lite_topic", Str),
        ("sharding_key", Str),
        ("trace_parent", Str),
        ("jms", POINTER(Jms)),
    ]


class MessageView(Structure):
    """``mqp_message`` as a hook is shown it."""

    struct_size: int
    flag: int
    topic: Text
    body: Data
    tags: Text
    keys: Text
    properties: int
    property_count: int
    property_size: int
    no_wait_store: int
    delay_level: int
    has_priority: int
    priority: int
    reserved: int
    delay_seconds: int
    delay_ms: int
    deliver_at_ms: int
    lite_topic: Text
    sharding_key: Text
    trace_parent: Text
    jms: Optional[int]
    _fields_ = [
        ("struct_size", c_uint32),
        ("flag", c_int32),
        ("topic", Text),
        ("body", Data),
        ("tags", Text),
        ("keys", Text),
        ("properties", c_void_p),
        ("property_count", c_size_t),
        ("property_size", c_uint32),
        ("no_wait_store", c_uint32),
        ("delay_level", c_uint32),
        ("has_priority", c_uint32),
        ("priority", c_int32),
        ("reserved", c_uint32),
        ("delay_seconds", c_uint64),
        ("delay_ms", c_uint64),
        ("deliver_at_ms", c_int64),
        ("lite_topic", Text),
        ("sharding_key", Text),
        ("trace_parent", Text),
        ("jms", c_void_p),
    ]


class ReceivedMessageView(Structure):
    """``mqp_received_message_view``."""

    struct_size: int
    flag: int
    queue_id: int
    reconsume_times: int
    queue_offset: int
    commit_log_offset: int
    born_timestamp: int
    store_timestamp: int
    topic: Text
    tags: Text
    keys: Text
    message_id: Text
    offset_message_id: Text
    transaction_id: Text
    born_host: Text
    store_host: Text
    body: Data
    _fields_ = [
        ("struct_size", c_uint32),
        ("flag", c_int32),
        ("queue_id", c_int32),
        ("reconsume_times", c_int32),
        ("queue_offset", c_int64),
        ("commit_log_offset", c_int64),
        ("born_timestamp", c_int64),
        ("store_timestamp", c_int64),
        ("topic", Text),
        ("tags", Text),
        ("keys", Text),
        ("message_id", Text),
        ("offset_message_id", Text),
        ("transaction_id", Text),
        ("born_host", Text),
        ("store_host", Text),
        ("body", Data),
    ]


class ReplyTo(Structure):
    """``mqp_reply_to``."""

    struct_size: int
    ttl_ms: int
    correlation_id: Str
    reply_to_client: Str
    cluster: Str
    _fields_ = [
        ("struct_size", c_uint32),
        ("ttl_ms", c_uint32),
        ("correlation_id", Str),
        ("reply_to_client", Str),
        ("cluster", Str),
    ]


class RequestCompletion(Structure):
    """``mqp_request_completion``."""

    struct_size: int
    status: int
    user_data: Optional[int]
    reply: Optional[int]
    error: Optional[int]
    _fields_ = [
        ("struct_size", c_uint32),
        ("status", c_uint32),
        ("user_data", c_void_p),
        ("reply", c_void_p),
        ("error", c_void_p),
    ]


REQUEST_CALL = CFUNCTYPE(None, c_void_p, POINTER(RequestCompletion))


class RequestCallback(Structure):
    """``mqp_request_callback``."""

    _fields_ = [("call", REQUEST_CALL), ("user_data", c_void_p), ("drop", DROP)]


class BatchOptions(Structure):
    """``mqp_batch_options``."""

    struct_size: int
    split_bytes: int
    _fields_ = [("struct_size", c_uint32), ("split_bytes", c_uint32)]


class BatchCompletion(Structure):
    """``mqp_batch_completion``."""

    struct_size: int
    status: int
    user_data: Optional[int]
    result: Optional[int]
    error: Optional[int]
    _fields_ = [
        ("struct_size", c_uint32),
        ("status", c_uint32),
        ("user_data", c_void_p),
        ("result", c_void_p),
        ("error", c_void_p),
    ]


BATCH_CALL = CFUNCTYPE(None, c_void_p, POINTER(BatchCompletion))


class BatchCallback(Structure):
    """``mqp_batch_callback``."""

    _fields_ = [("call", BATCH_CALL), ("user_data", c_void_p), ("drop", DROP)]
