"""The structs of what is set before the start, hooks and others, as ctypes sees them; see ``_abi``."""

from __future__ import annotations

from ctypes import CFUNCTYPE, POINTER, Structure, c_int32, c_size_t, c_uint32, c_uint64, c_void_p
from typing import Any, Optional

from ._abi import DROP, Text
from ._abi_message import MessageView


class HookContext(Structure):
    """``mqp_hook_context``."""

    struct_size: int
    mode: int
    message_type: int
    queue_id: int
    producer_group: Text
    namespace_name: Text
    topic: Text
    message_id: Text
    born_host: Text
    broker_name: Text
    broker_address: Text
    body_length: int
    message: Any
    message_count: int
    batch: Optional[int]
    message_size: int
    reserved: int
    _fields_ = [
        ("struct_size", c_uint32),
        ("mode", c_uint32),
        ("message_type", c_uint32),
        ("queue_id", c_int32),
        ("producer_group", Text),
        ("namespace_name", Text),
        ("topic", Text),
        ("message_id", Text),
        ("born_host", Text),
        ("broker_name", Text),
        ("broker_address", Text),
        ("body_length", c_size_t),
        ("message", POINTER(MessageView)),
        ("message_count", c_size_t),
        ("batch", c_void_p),
        ("message_size", c_uint32),
        ("reserved", c_uint32),
    ]


class HookEnd(Structure):
    """``mqp_hook_end``."""

    struct_size: int
    status: int
    attempts: int
    reserved: int
    cost_us: int
    receipt: Optional[int]
    error: Optional[int]
    _fields_ = [
        ("struct_size", c_uint32),
        ("status", c_uint32),
        ("attempts", c_uint32),
        ("reserved", c_uint32),
        ("cost_us", c_uint64),
        ("receipt", c_void_p),
        ("error", c_void_p),
    ]


class EndTransactionContext(Structure):
    """``mqp_end_transaction_context``."""

    struct_size: int
    state: int
    from_check: int
    reserved: int
    producer_group: Text
    namespace_name: Text
    topic: Text
    message_id: Text
    transaction_id: Text
    tags: Text
    keys: Text
    region_id: Text
    broker_name: Text
    broker_address: Text
    _fields_ = [
        ("struct_size", c_uint32),
        ("state", c_uint32),
        ("from_check", c_uint32),
        ("reserved", c_uint32),
        ("producer_group", Text),
        ("namespace_name", Text),
        ("topic", Text),
        ("message_id", Text),
        ("transaction_id", Text),
        ("tags", Text),
        ("keys", Text),
        ("region_id", Text),
        ("broker_name", Text),
        ("broker_address", Text),
    ]


CHECK_FORBIDDEN = CFUNCTYPE(c_uint32, c_void_p, POINTER(HookContext), c_void_p, c_size_t)
BEFORE_SEND = CFUNCTYPE(None, c_void_p, POINTER(HookContext))
AFTER_SEND = CFUNCTYPE(None, c_void_p, POINTER(HookContext), POINTER(HookEnd))
END_TRANSACTION = CFUNCTYPE(None, c_void_p, POINTER(EndTransactionContext))


class Hook(Structure):
    """``mqp_hook``."""

    struct_size: int
    reserved: int
    check_forbidden: Any
    before_send: Any
    after_send: Any
    user_data: Optional[int]
    drop: Any
    end_transaction: Any
    _fields_ = [
        ("struct_size", c_uint32),
        ("reserved", c_uint32),
        ("check_forbidden", CHECK_FORBIDDEN),
        ("before_send", BEFORE_SEND),
        ("after_send", AFTER_SEND),
        ("user_data", c_void_p),
        ("drop", DROP),
        ("end_transaction", END_TRANSACTION),
    ]


TRACE_CONTEXT_CALL = CFUNCTYPE(c_size_t, c_void_p, c_void_p, c_size_t)


class TraceContext(Structure):
    """``mqp_trace_context``."""

    _fields_ = [("call", TRACE_CONTEXT_CALL), ("user_data", c_void_p), ("drop", DROP)]


TRANSFORM_CALL = CFUNCTYPE(c_uint32, c_void_p, POINTER(MessageView), c_void_p, c_void_p, c_size_t)


class MessageTransformer(Structure):
    """``mqp_message_transformer``."""

    _fields_ = [("call", TRANSFORM_CALL), ("user_data", c_void_p), ("drop", DROP)]


CHECK_CALL = CFUNCTYPE(c_uint32, c_void_p, c_void_p)


class TransactionChecker(Structure):
    """``mqp_transaction_checker``."""

    _fields_ = [("call", CHECK_CALL), ("user_data", c_void_p), ("drop", DROP)]


STATISTICS_CALL = CFUNCTYPE(None, c_void_p, c_void_p)


class StatisticsCallback(Structure):
    """``mqp_statistics_callback``."""

    _fields_ = [("call", STATISTICS_CALL), ("user_data", c_void_p), ("drop", DROP)]


class ReliabilityEvent(Structure):
    """``mqp_reliability_event``."""

    struct_size: int
    kind: int
    message: Optional[int]
    receipt: Optional[int]
    error: Optional[int]
    _fields_ = [
        ("struct_size", c_uint32),
        ("kind", c_uint32),
        ("message", c_void_p),
        ("receipt", c_void_p),
        ("error", c_void_p),
    ]


RELIABILITY_CALL = CFUNCTYPE(None, c_void_p, POINTER(ReliabilityEvent))


class ReliabilityCallback(Structure):
    """``mqp_reliability_callback``."""

    _fields_ = [("call", RELIABILITY_CALL), ("user_data", c_void_p), ("drop", DROP)]
