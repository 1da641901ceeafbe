"""Every struct and function of ``mqproducer.h`` by name; see ``_abi``."""

from __future__ import annotations

from ctypes import CDLL, POINTER, Structure, c_char_p, c_int, c_int32, c_size_t, c_uint32, c_uint64, c_void_p
from typing import Any

from . import _abi, _abi_hook, _abi_message, _abi_mock

#: The C name of each struct, with the classes that mirror it.
STRUCTS: dict[str, tuple[type[Structure], ...]] = {
    "mqp_str": (_abi.Str, _abi.Text),
    "mqp_bytes": (_abi.Bytes, _abi.Data),
    "mqp_status_view": (_abi.StatusView,),
    "mqp_error_view": (_abi.ErrorView,),
    "mqp_config_option_view": (_abi.ConfigOptionView,),
    "mqp_receipt_view": (_abi.ReceiptView,),
    "mqp_property": (_abi_message.Property, _abi_message.PropertyView),
    "mqp_message": (_abi_message.Message, _abi_message.MessageView),
    "mqp_received_message_view": (_abi_message.ReceivedMessageView,),
    "mqp_queue": (_abi.QueueView,),
    "mqp_queue_selector": (_abi.QueueSelector,),
    "mqp_send_options": (_abi.SendOptions,),
    "mqp_completion": (_abi.Completion,),
    "mqp_callback": (_abi.Callback,),
    "mqp_request_completion": (_abi_message.RequestCompletion,),
    "mqp_request_callback": (_abi_message.RequestCallback,),
    "mqp_reply_to": (_abi_message.ReplyTo,),
    "mqp_batch_options": (_abi_message.BatchOptions,),
    "mqp_batch_completion": (_abi_message.BatchCompletion,),
    "mqp_batch_callback": (_abi_message.BatchCallback,),
    "mqp_broker_state_view": (_abi.BrokerStateView,),
    "mqp_hook_context": (_abi_hook.HookContext,),
    "mqp_hook_end": (_abi_hook.HookEnd,),
    "mqp_hook": (_abi_hook.Hook,),
    "mqp_end_transaction_context": (_abi_hook.EndTransactionContext,),
    "mqp_transaction_checker": (_abi_hook.TransactionChecker,),
    "mqp_trace_context": (_abi_hook.TraceContext,),
    "mqp_log_record": (_abi.LogRecord,),
    "mqp_log_callback": (_abi.LogCallback,),
    "mqp_mock_message_view": (_abi_mock.MockMessageView,),
    "mqp_mock_fault": (_abi_mock.MockFault,),
    "mqp_mock_request_view": (_abi_mock.MockRequestView,),
}

_handle = c_void_p
_out = POINTER(c_void_p)
_error = POINTER(c_void_p)
_sent = (POINTER(_abi_message.Message), POINTER(_abi.SendOptions))
_batch = (
    POINTER(_abi_message.Message),
    c_size_t,
    c_uint32,
    POINTER(_abi.SendOptions),
    POINTER(_abi_message.BatchOptions),
)

#: Every function: its result and its parameters.
FUNCTIONS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "mqp_status_name": (c_char_p, (c_uint32,)),
    "mqp_status_count": (c_size_t, ()),
    "mqp_status_get": (c_uint32, (c_size_t, POINTER(_abi.StatusView), _error)),
    "mqp_error_status": (c_uint32, (_handle,)),
    "mqp_error_message": (c_char_p, (_handle,)),
    "mqp_error_get": (c_uint32, (_handle, POINTER(_abi.ErrorView), _error)),
    "mqp_error_clone": (_handle, (_handle,)),
    "mqp_error_free": (None, (_handle,)),
    "mqp_version_number": (c_uint32, ()),
    "mqp_version_string": (c_char_p, ()),
    "mqp_version_check": (c_uint32, (c_uint32, _error)),
    "mqp_config_new": (c_uint32, (_out, _error)),
    "mqp_config_set": (c_uint32, (_handle, _abi.Str, _abi.Str, _error)),
    "mqp_config_get": (c_uint32, (_handle, _abi.Str, POINTER(_abi.Text), _error)),
    "mqp_config_free": (None, (_handle,)),
    "mqp_config_option_count": (c_size_t, ()),
    "mqp_config_option_get": (c_uint32, (c_size_t, POINTER(_abi.ConfigOptionView), _error)),
    "mqp_send_status_name": (c_char_p, (c_uint32,)),
    "mqp_receipt_get": (c_uint32, (_handle, POINTER(_abi.ReceiptView), _error)),
    "mqp_receipt_clone": (_handle, (_handle,)),
    "mqp_receipt_free": (None, (_handle,)),
    "mqp_received_message_get": (c_uint32, (_handle, POINTER(_abi_message.ReceivedMessageView), _error)),
    "mqp_received_message_property": (c_uint32, (_handle, _abi.Str, POINTER(_abi.Text))),
    "mqp_received_message_property_count": (c_size_t, (_handle,)),
    "mqp_received_message_property_at": (
        c_uint32,
        (_handle, c_size_t, POINTER(_abi.Text), POINTER(_abi.Text), _error),
    ),
    "mqp_received_message_clone": (_handle, (_handle,)),
    "mqp_received_message_free": (None, (_handle,)),
    "mqp_producer_new": (c_uint32, (_handle, _out, _error)),
    "mqp_producer_start": (c_uint32, (_handle, _error)),
    "mqp_producer_send": (c_uint32, (_handle, *_sent, _out, _error)),
    "mqp_producer_send_async": (c_uint32, (_handle, *_sent, _abi.Callback, _error)),
    "mqp_producer_send_oneway": (c_uint32, (_handle, *_sent, _out, _error)),
    "mqp_producer_flush": (c_uint32, (_handle, c_uint32, _error)),
    "mqp_producer_close": (c_uint32, (_handle, c_uint32, _error)),
    "mqp_producer_free": (None, (_handle,)),
    "mqp_producer_request": (c_uint32, (_handle, *_sent, c_uint32, _out, _error)),
    "mqp_producer_request_async": (c_uint32, (_handle, *_sent, c_uint32, _abi_message.RequestCallback, _error)),
    "mqp_producer_reply": (c_uint32, (_handle, POINTER(_abi_message.ReplyTo), *_sent, _out, _error)),
    "mqp_producer_reply_async": (
        c_uint32,
        (_handle, POINTER(_abi_message.ReplyTo), *_sent, _abi.Callback, _error),
    ),
    "mqp_producer_discard_completions": (c_uint32, (_handle, _error)),
    "mqp_completion_queue_new": (c_uint32, (_out, _error)),
    "mqp_completion_queue_fd": (c_int, (_handle,)),
    "mqp_completion_queue_poll": (
        c_uint32,
        (_handle, POINTER(_abi.Completion), c_uint32, c_size_t, c_uint32, POINTER(c_size_t), _error),
    ),
    "mqp_completion_queue_free": (None, (_handle,)),
    "mqp_completions_free": (None, (POINTER(_abi.Completion), c_uint32, c_size_t)),
    "mqp_producer_send_queued": (c_uint32, (_handle, *_sent, _handle, c_void_p, _error)),
    "mqp_producer_send_many": (
        c_uint32,
        (
            _handle,
            POINTER(_abi_message.Message),
            c_size_t,
            c_uint32,
            POINTER(_abi.SendOptions),
            _handle,
            POINTER(c_void_p),
            POINTER(c_size_t),
            _error,
        ),
    ),
    "mqp_producer_recall": (c_uint32, (_handle, _abi.Str, _abi.Str, c_uint32, _out, _error)),
    "mqp_producer_send_batch": (c_uint32, (_handle, *_batch, _out, _error)),
    "mqp_producer_send_batch_oneway": (c_uint32, (_handle, *_batch, _out, _error)),
    "mqp_producer_send_batch_async": (c_uint32, (_handle, *_batch, _abi_message.BatchCallback, _error)),
    "mqp_batch_result_count": (c_size_t, (_handle,)),
    "mqp_batch_result_get": (c_uint32, (_handle, c_size_t, _out, _out, _error)),
    "mqp_batch_result_clone": (_handle, (_handle,)),
    "mqp_batch_result_free": (None, (_handle,)),
    "mqp_producer_set_transaction_checker": (c_uint32, (_handle, _abi_hook.TransactionChecker, _error)),
    "mqp_transaction_begin": (c_uint32, (_handle, _out, _error)),
    "mqp_transaction_send": (c_uint32, (_handle, *_sent, _out, _error)),
    "mqp_transaction_commit": (c_uint32, (_handle, _error)),
    "mqp_transaction_rollback": (c_uint32, (_handle, _error)),
    "mqp_transaction_free": (None, (_handle,)),
    "mqp_producer_broker_states": (c_uint32, (_handle, _out, _error)),
    "mqp_broker_states_count": (c_size_t, (_handle,)),
    "mqp_broker_states_get": (c_uint32, (_handle, c_size_t, POINTER(_abi.BrokerStateView), _error)),
    "mqp_broker_states_free": (None, (_handle,)),
    "mqp_producer_add_hook": (c_uint32, (_handle, POINTER(_abi_hook.Hook), _error)),
    "mqp_producer_set_trace_context": (c_uint32, (_handle, _abi_hook.TraceContext, _error)),
    "mqp_log_set": (c_uint32, (c_uint32, _abi.LogCallback, _error)),
    "mqp_mock_cluster_new": (c_uint32, (_abi.Str, c_uint32, c_uint32, _out, _error)),
    "mqp_mock_cluster_url": (c_char_p, (_handle,)),
    "mqp_mock_cluster_echo": (c_uint32, (_handle, _abi.Str, _error)),
    "mqp_mock_cluster_messages": (c_uint32, (_handle, _abi.Str, _out, _error)),
    "mqp_mock_cluster_message_count": (c_uint32, (_handle, _abi.Str, POINTER(c_size_t), _error)),
    "mqp_mock_cluster_wait": (c_uint32, (_handle, _abi.Str, c_size_t, c_uint32, _error)),
    "mqp_mock_cluster_clear": (c_uint32, (_handle, _error)),
    "mqp_mock_cluster_free": (None, (_handle,)),
    "mqp_mock_cluster_set_transaction_check_interval": (c_uint32, (_handle, c_uint32, _error)),
    "mqp_mock_messages_count": (c_size_t, (_handle,)),
    "mqp_mock_messages_get": (c_uint32, (_handle, c_size_t, POINTER(_abi_mock.MockMessageView), _error)),
    "mqp_mock_messages_free": (None, (_handle,)),
    "mqp_mock_cluster_push_fault": (c_uint32, (_handle, POINTER(_abi_mock.MockFault), _error)),
    "mqp_mock_cluster_clear_faults": (c_uint32, (_handle, _error)),
    "mqp_mock_cluster_set_broker_state": (c_uint32, (_handle, _abi.Str, c_uint32, _error)),
    "mqp_mock_cluster_requests": (c_uint32, (_handle, _abi.Str, c_int32, _out, _error)),
    "mqp_mock_cluster_wait_requests": (c_uint32, (_handle, _abi.Str, c_int32, c_size_t, c_uint32, _error)),
    "mqp_mock_cluster_clear_requests": (c_uint32, (_handle, _error)),
    "mqp_mock_requests_count": (c_size_t, (_handle,)),
    "mqp_mock_requests_dropped": (c_uint64, (_handle,)),
    "mqp_mock_requests_get": (c_uint32, (_handle, c_size_t, POINTER(_abi_mock.MockRequestView), _error)),
    "mqp_mock_requests_free": (None, (_handle,)),
}


def declare(library: CDLL) -> None:
    """Gives each function of the library its prototype; ``AttributeError`` names one that is missing."""
    for name, (result, parameters) in FUNCTIONS.items():
        function = getattr(library, name)
        function.restype = result
        function.argtypes = list(parameters)
