"""The structs of the embedded cluster as ctypes sees them; see ``_abi``."""

from __future__ import annotations

from ctypes import Structure, c_int32, c_int64, c_size_t, c_uint32, c_void_p
from typing import Optional

from ._abi import Bytes, Data, Str, Text


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


class MockFault(Structure):
    """``mqp_mock_fault``."""

    struct_size: int
    action: int
    broker: Str
    request_code: int
    count: int
    response_code: int
    delay_ms: int
    remark: Str
    bytes: Bytes
    _fields_ = [
        ("struct_size", c_uint32),
        ("action", c_uint32),
        ("broker", Str),
        ("request_code", c_int32),
        ("count", c_uint32),
        ("response_code", c_int32),
        ("delay_ms", c_uint32),
        ("remark", Str),
        ("bytes", Bytes),
    ]


class MockRequestView(Structure):
    """``mqp_mock_request_view``."""

    struct_size: int
    code: int
    opaque: int
    oneway: int
    fault: int
    field_size: int
    timestamp: int
    broker_name: Text
    fields: Optional[int]
    field_count: int
    body: Data
    _fields_ = [
        ("struct_size", c_uint32),
        ("code", c_int32),
        ("opaque", c_int32),
        ("oneway", c_uint32),
        ("fault", c_uint32),
        ("field_size", c_uint32),
        ("timestamp", c_int64),
        ("broker_name", Text),
        ("fields", c_void_p),
        ("field_count", c_size_t),
        ("body", Data),
    ]
