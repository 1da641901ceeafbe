/* The layout of every public struct on a 64-bit system and the value of every constant: both are for ever. */
#include <mqproducer.h>

#define SIZE(type, size) _Static_assert(sizeof(type) == (size), #type)
#define FIELD(type, field, offset, size) \
    _Static_assert(offsetof(type, field) == (offset) && sizeof(((type *)0)->field) == (size), #type "." #field)
#define VALUE(name, value) _Static_assert((name) == (value), #name)

SIZE(void *, 8);
SIZE(mqp_status, 4);

SIZE(mqp_str, 16);
FIELD(mqp_str, ptr, 0, 8);
FIELD(mqp_str, len, 8, 8);

SIZE(mqp_status_view, 24);
FIELD(mqp_status_view, struct_size, 0, 4);
FIELD(mqp_status_view, status, 4, 4);
FIELD(mqp_status_view, name, 8, 16);

SIZE(mqp_error_view, 80);
FIELD(mqp_error_view, struct_size, 0, 4);
FIELD(mqp_error_view, status, 4, 4);
FIELD(mqp_error_view, has_broker_code, 8, 4);
FIELD(mqp_error_view, broker_code, 12, 4);
FIELD(mqp_error_view, retriable, 16, 4);
FIELD(mqp_error_view, maybe_persisted, 20, 4);
FIELD(mqp_error_view, name, 24, 16);
FIELD(mqp_error_view, message, 40, 16);
FIELD(mqp_error_view, remark, 56, 16);
FIELD(mqp_error_view, code, 72, 4);
FIELD(mqp_error_view, reserved, 76, 4);

SIZE(mqp_config_option_view, 88);
FIELD(mqp_config_option_view, struct_size, 0, 4);
FIELD(mqp_config_option_view, key, 8, 16);
FIELD(mqp_config_option_view, type_name, 24, 16);
FIELD(mqp_config_option_view, default_value, 40, 16);
FIELD(mqp_config_option_view, range, 56, 16);
FIELD(mqp_config_option_view, doc, 72, 16);

SIZE(mqp_receipt_view, 144);
FIELD(mqp_receipt_view, struct_size, 0, 4);
FIELD(mqp_receipt_view, send_status, 4, 4);
FIELD(mqp_receipt_view, attempts, 8, 4);
FIELD(mqp_receipt_view, queue_id, 12, 4);
FIELD(mqp_receipt_view, queue_offset, 16, 8);
FIELD(mqp_receipt_view, message_id, 24, 16);
FIELD(mqp_receipt_view, offset_message_id, 40, 16);
FIELD(mqp_receipt_view, topic, 56, 16);
FIELD(mqp_receipt_view, broker_name, 72, 16);
FIELD(mqp_receipt_view, transaction_id, 88, 16);
FIELD(mqp_receipt_view, region_id, 104, 16);
FIELD(mqp_receipt_view, recall_handle, 120, 16);
FIELD(mqp_receipt_view, maybe_duplicated, 136, 4);
FIELD(mqp_receipt_view, reserved, 140, 4);

SIZE(mqp_attempt, 72);
FIELD(mqp_attempt, struct_size, 0, 4);
FIELD(mqp_attempt, status, 4, 4);
FIELD(mqp_attempt, has_broker_code, 8, 4);
FIELD(mqp_attempt, broker_code, 12, 4);
FIELD(mqp_attempt, queue_id, 16, 4);
FIELD(mqp_attempt, maybe_stored, 20, 4);
FIELD(mqp_attempt, started_ms, 24, 8);
FIELD(mqp_attempt, took_us, 32, 8);
FIELD(mqp_attempt, broker_name, 40, 16);
FIELD(mqp_attempt, remark, 56, 16);

SIZE(mqp_received_message_view, 192);
FIELD(mqp_received_message_view, struct_size, 0, 4);
FIELD(mqp_received_message_view, flag, 4, 4);
FIELD(mqp_received_message_view, queue_id, 8, 4);
FIELD(mqp_received_message_view, reconsume_times, 12, 4);
FIELD(mqp_received_message_view, queue_offset, 16, 8);
FIELD(mqp_received_message_view, commit_log_offset, 24, 8);
FIELD(mqp_received_message_view, born_timestamp, 32, 8);
FIELD(mqp_received_message_view, store_timestamp, 40, 8);
FIELD(mqp_received_message_view, topic, 48, 16);
FIELD(mqp_received_message_view, tags, 64, 16);
FIELD(mqp_received_message_view, keys, 80, 16);
FIELD(mqp_received_message_view, message_id, 96, 16);
FIELD(mqp_received_message_view, offset_message_id, 112, 16);
FIELD(mqp_received_message_view, transaction_id, 128, 16);
FIELD(mqp_received_message_view, born_host, 144, 16);
FIELD(mqp_received_message_view, store_host, 160, 16);
FIELD(mqp_received_message_view, body, 176, 16);

SIZE(mqp_bytes, 16);
FIELD(mqp_bytes, ptr, 0, 8);
FIELD(mqp_bytes, len, 8, 8);

SIZE(mqp_property, 32);
FIELD(mqp_property, name, 0, 16);
FIELD(mqp_property, value, 16, 16);

SIZE(mqp_message, 192);
FIELD(mqp_message, struct_size, 0, 4);
FIELD(mqp_message, flag, 4, 4);
FIELD(mqp_message, topic, 8, 16);
FIELD(mqp_message, body, 24, 16);
FIELD(mqp_message, tags, 40, 16);
FIELD(mqp_message, keys, 56, 16);
FIELD(mqp_message, properties, 72, 8);
FIELD(mqp_message, property_count, 80, 8);
FIELD(mqp_message, property_size, 88, 4);
FIELD(mqp_message, no_wait_store, 92, 4);
FIELD(mqp_message, delay_level, 96, 4);
FIELD(mqp_message, has_priority, 100, 4);
FIELD(mqp_message, priority, 104, 4);
FIELD(mqp_message, reserved, 108, 4);
FIELD(mqp_message, delay_seconds, 112, 8);
FIELD(mqp_message, delay_ms, 120, 8);
FIELD(mqp_message, deliver_at_ms, 128, 8);
FIELD(mqp_message, lite_topic, 136, 16);
FIELD(mqp_message, sharding_key, 152, 16);
FIELD(mqp_message, trace_parent, 168, 16);
FIELD(mqp_message, jms, 184, 8);

SIZE(mqp_typed_property, 56);
FIELD(mqp_typed_property, name, 0, 16);
FIELD(mqp_typed_property, value_type, 16, 4);
FIELD(mqp_typed_property, reserved, 20, 4);
FIELD(mqp_typed_property, integer, 24, 8);
FIELD(mqp_typed_property, number, 32, 8);
FIELD(mqp_typed_property, data, 40, 16);

SIZE(mqp_jms, 128);
FIELD(mqp_jms, struct_size, 0, 4);
FIELD(mqp_jms, body_type, 4, 4);
FIELD(mqp_jms, delivery_mode, 8, 4);
FIELD(mqp_jms, has_time_to_live, 12, 4);
FIELD(mqp_jms, time_to_live_ms, 16, 8);
FIELD(mqp_jms, correlation_id, 24, 16);
FIELD(mqp_jms, reply_to, 40, 16);
FIELD(mqp_jms, message_type, 56, 16);
FIELD(mqp_jms, group_id, 72, 16);
FIELD(mqp_jms, group_sequence, 88, 4);
FIELD(mqp_jms, property_size, 92, 4);
FIELD(mqp_jms, properties, 96, 8);
FIELD(mqp_jms, property_count, 104, 8);
FIELD(mqp_jms, entries, 112, 8);
FIELD(mqp_jms, entry_count, 120, 8);

SIZE(mqp_queue, 24);
FIELD(mqp_queue, broker_name, 0, 16);
FIELD(mqp_queue, queue_id, 16, 4);
FIELD(mqp_queue, reserved, 20, 4);

SIZE(mqp_queue_selector, 16);
FIELD(mqp_queue_selector, call, 0, 8);
FIELD(mqp_queue_selector, user_data, 8, 8);

SIZE(mqp_broker_state_view, 56);
FIELD(mqp_broker_state_view, struct_size, 0, 4);
FIELD(mqp_broker_state_view, state, 4, 4);
FIELD(mqp_broker_state_view, until_ms, 8, 8);
FIELD(mqp_broker_state_view, latency_ms, 16, 8);
FIELD(mqp_broker_state_view, name, 24, 16);
FIELD(mqp_broker_state_view, address, 40, 16);

SIZE(mqp_send_options, 88);
FIELD(mqp_send_options, struct_size, 0, 4);
FIELD(mqp_send_options, timeout_ms, 4, 4);
FIELD(mqp_send_options, selector, 8, 4);
FIELD(mqp_send_options, queue_id, 12, 4);
FIELD(mqp_send_options, sharding_key, 16, 16);
FIELD(mqp_send_options, broker_name, 32, 16);
FIELD(mqp_send_options, machine_rooms, 48, 16);
FIELD(mqp_send_options, queue_selector, 64, 16);
FIELD(mqp_send_options, awaited, 80, 4);
FIELD(mqp_send_options, reserved, 84, 4);

SIZE(mqp_batch_options, 8);
FIELD(mqp_batch_options, struct_size, 0, 4);
FIELD(mqp_batch_options, split_bytes, 4, 4);

SIZE(mqp_batch_completion, 32);
FIELD(mqp_batch_completion, struct_size, 0, 4);
FIELD(mqp_batch_completion, status, 4, 4);
FIELD(mqp_batch_completion, user_data, 8, 8);
FIELD(mqp_batch_completion, result, 16, 8);
FIELD(mqp_batch_completion, error, 24, 8);

SIZE(mqp_batch_callback, 24);
FIELD(mqp_batch_callback, call, 0, 8);
FIELD(mqp_batch_callback, user_data, 8, 8);
FIELD(mqp_batch_callback, drop, 16, 8);

SIZE(mqp_completion, 32);
FIELD(mqp_completion, struct_size, 0, 4);
FIELD(mqp_completion, status, 4, 4);
FIELD(mqp_completion, user_data, 8, 8);
FIELD(mqp_completion, receipt, 16, 8);
FIELD(mqp_completion, error, 24, 8);

SIZE(mqp_callback, 24);
FIELD(mqp_callback, call, 0, 8);
FIELD(mqp_callback, user_data, 8, 8);
FIELD(mqp_callback, drop, 16, 8);

SIZE(mqp_request_completion, 32);
FIELD(mqp_request_completion, struct_size, 0, 4);
FIELD(mqp_request_completion, status, 4, 4);
FIELD(mqp_request_completion, user_data, 8, 8);
FIELD(mqp_request_completion, reply, 16, 8);
FIELD(mqp_request_completion, error, 24, 8);

SIZE(mqp_request_callback, 24);
FIELD(mqp_request_callback, call, 0, 8);
FIELD(mqp_request_callback, user_data, 8, 8);
FIELD(mqp_request_callback, drop, 16, 8);

SIZE(mqp_reply_to, 56);
FIELD(mqp_reply_to, struct_size, 0, 4);
FIELD(mqp_reply_to, ttl_ms, 4, 4);
FIELD(mqp_reply_to, correlation_id, 8, 16);
FIELD(mqp_reply_to, reply_to_client, 24, 16);
FIELD(mqp_reply_to, cluster, 40, 16);

SIZE(mqp_log_record, 40);
FIELD(mqp_log_record, struct_size, 0, 4);
FIELD(mqp_log_record, level, 4, 4);
FIELD(mqp_log_record, target, 8, 16);
FIELD(mqp_log_record, message, 24, 16);

SIZE(mqp_log_callback, 24);
FIELD(mqp_log_callback, call, 0, 8);
FIELD(mqp_log_callback, user_data, 8, 8);
FIELD(mqp_log_callback, drop, 16, 8);

SIZE(mqp_mock_message_view, 168);
FIELD(mqp_mock_message_view, struct_size, 0, 4);
FIELD(mqp_mock_message_view, flag, 4, 4);
FIELD(mqp_mock_message_view, queue_id, 8, 4);
FIELD(mqp_mock_message_view, property_size, 12, 4);
FIELD(mqp_mock_message_view, queue_offset, 16, 8);
FIELD(mqp_mock_message_view, born_timestamp, 24, 8);
FIELD(mqp_mock_message_view, store_timestamp, 32, 8);
FIELD(mqp_mock_message_view, topic, 40, 16);
FIELD(mqp_mock_message_view, broker_name, 56, 16);
FIELD(mqp_mock_message_view, message_id, 72, 16);
FIELD(mqp_mock_message_view, offset_message_id, 88, 16);
FIELD(mqp_mock_message_view, tags, 104, 16);
FIELD(mqp_mock_message_view, keys, 120, 16);
FIELD(mqp_mock_message_view, properties, 136, 8);
FIELD(mqp_mock_message_view, property_count, 144, 8);
FIELD(mqp_mock_message_view, body, 152, 16);

SIZE(mqp_mock_fault, 72);
FIELD(mqp_mock_fault, struct_size, 0, 4);
FIELD(mqp_mock_fault, action, 4, 4);
FIELD(mqp_mock_fault, broker, 8, 16);
FIELD(mqp_mock_fault, request_code, 24, 4);
FIELD(mqp_mock_fault, count, 28, 4);
FIELD(mqp_mock_fault, response_code, 32, 4);
FIELD(mqp_mock_fault, delay_ms, 36, 4);
FIELD(mqp_mock_fault, remark, 40, 16);
FIELD(mqp_mock_fault, bytes, 56, 16);

SIZE(mqp_mock_request_view, 80);
FIELD(mqp_mock_request_view, struct_size, 0, 4);
FIELD(mqp_mock_request_view, code, 4, 4);
FIELD(mqp_mock_request_view, opaque, 8, 4);
FIELD(mqp_mock_request_view, oneway, 12, 4);
FIELD(mqp_mock_request_view, fault, 16, 4);
FIELD(mqp_mock_request_view, field_size, 20, 4);
FIELD(mqp_mock_request_view, timestamp, 24, 8);
FIELD(mqp_mock_request_view, broker_name, 32, 16);
FIELD(mqp_mock_request_view, fields, 48, 8);
FIELD(mqp_mock_request_view, field_count, 56, 8);
FIELD(mqp_mock_request_view, body, 64, 16);

SIZE(mqp_hook_context, 168);
FIELD(mqp_hook_context, struct_size, 0, 4);
FIELD(mqp_hook_context, mode, 4, 4);
FIELD(mqp_hook_context, message_type, 8, 4);
FIELD(mqp_hook_context, queue_id, 12, 4);
FIELD(mqp_hook_context, producer_group, 16, 16);
FIELD(mqp_hook_context, namespace_name, 32, 16);
FIELD(mqp_hook_context, topic, 48, 16);
FIELD(mqp_hook_context, message_id, 64, 16);
FIELD(mqp_hook_context, born_host, 80, 16);
FIELD(mqp_hook_context, broker_name, 96, 16);
FIELD(mqp_hook_context, broker_address, 112, 16);
FIELD(mqp_hook_context, body_length, 128, 8);
FIELD(mqp_hook_context, message, 136, 8);
FIELD(mqp_hook_context, message_count, 144, 8);
FIELD(mqp_hook_context, batch, 152, 8);
FIELD(mqp_hook_context, message_size, 160, 4);
FIELD(mqp_hook_context, reserved, 164, 4);

SIZE(mqp_hook_end, 40);
FIELD(mqp_hook_end, struct_size, 0, 4);
FIELD(mqp_hook_end, status, 4, 4);
FIELD(mqp_hook_end, attempts, 8, 4);
FIELD(mqp_hook_end, reserved, 12, 4);
FIELD(mqp_hook_end, cost_us, 16, 8);
FIELD(mqp_hook_end, receipt, 24, 8);
FIELD(mqp_hook_end, error, 32, 8);

SIZE(mqp_transaction_checker, 24);
FIELD(mqp_transaction_checker, call, 0, 8);
FIELD(mqp_transaction_checker, user_data, 8, 8);
FIELD(mqp_transaction_checker, drop, 16, 8);

SIZE(mqp_end_transaction_context, 176);
FIELD(mqp_end_transaction_context, struct_size, 0, 4);
FIELD(mqp_end_transaction_context, state, 4, 4);
FIELD(mqp_end_transaction_context, from_check, 8, 4);
FIELD(mqp_end_transaction_context, reserved, 12, 4);
FIELD(mqp_end_transaction_context, producer_group, 16, 16);
FIELD(mqp_end_transaction_context, namespace_name, 32, 16);
FIELD(mqp_end_transaction_context, topic, 48, 16);
FIELD(mqp_end_transaction_context, message_id, 64, 16);
FIELD(mqp_end_transaction_context, transaction_id, 80, 16);
FIELD(mqp_end_transaction_context, tags, 96, 16);
FIELD(mqp_end_transaction_context, keys, 112, 16);
FIELD(mqp_end_transaction_context, region_id, 128, 16);
FIELD(mqp_end_transaction_context, broker_name, 144, 16);
FIELD(mqp_end_transaction_context, broker_address, 160, 16);

SIZE(mqp_hook, 56);
FIELD(mqp_hook, struct_size, 0, 4);
FIELD(mqp_hook, reserved, 4, 4);
FIELD(mqp_hook, check_forbidden, 8, 8);
FIELD(mqp_hook, before_send, 16, 8);
FIELD(mqp_hook, after_send, 24, 8);
FIELD(mqp_hook, user_data, 32, 8);
FIELD(mqp_hook, drop, 40, 8);
FIELD(mqp_hook, end_transaction, 48, 8);

SIZE(mqp_trace_context, 24);
FIELD(mqp_trace_context, call, 0, 8);
FIELD(mqp_trace_context, user_data, 8, 8);
FIELD(mqp_trace_context, drop, 16, 8);

SIZE(mqp_message_transformer, 24);
FIELD(mqp_message_transformer, call, 0, 8);
FIELD(mqp_message_transformer, user_data, 8, 8);
FIELD(mqp_message_transformer, drop, 16, 8);

SIZE(mqp_statistics_callback, 24);
FIELD(mqp_statistics_callback, call, 0, 8);
FIELD(mqp_statistics_callback, user_data, 8, 8);
FIELD(mqp_statistics_callback, drop, 16, 8);

SIZE(mqp_reliability_event, 32);
FIELD(mqp_reliability_event, struct_size, 0, 4);
FIELD(mqp_reliability_event, kind, 4, 4);
FIELD(mqp_reliability_event, message, 8, 8);
FIELD(mqp_reliability_event, receipt, 16, 8);
FIELD(mqp_reliability_event, error, 24, 8);

SIZE(mqp_reliability_callback, 24);
FIELD(mqp_reliability_callback, call, 0, 8);
FIELD(mqp_reliability_callback, user_data, 8, 8);
FIELD(mqp_reliability_callback, drop, 16, 8);

VALUE(MQP_EVENT_GIVEN_UP, 1);
VALUE(MQP_EVENT_SPOOL_DELIVERED, 2);
VALUE(MQP_EVENT_SPOOL_LOST, 3);
VALUE(MQP_EVENT_SPOOL_DAMAGED, 4);
VALUE(MQP_TRANSACTION_UNKNOWN, 0);
VALUE(MQP_TRANSACTION_COMMIT, 1);
VALUE(MQP_TRANSACTION_ROLLBACK, 2);
VALUE(MQP_MODE_SYNC, 0);
VALUE(MQP_MODE_ASYNC, 1);
VALUE(MQP_MODE_ONEWAY, 2);
VALUE(MQP_MESSAGE_TYPE_NORMAL, 0);
VALUE(MQP_MESSAGE_TYPE_HALF, 1);
VALUE(MQP_MESSAGE_TYPE_DELAY, 3);
VALUE(MQP_SEND_OK, 0);
VALUE(MQP_SEND_FLUSH_DISK_TIMEOUT, 1);
VALUE(MQP_SEND_FLUSH_SLAVE_TIMEOUT, 2);
VALUE(MQP_SEND_SLAVE_NOT_AVAILABLE, 3);
VALUE(MQP_SEND_ONEWAY, 4);
VALUE(MQP_SELECT_ROUND_ROBIN, 0);
VALUE(MQP_SELECT_RANDOM, 1);
VALUE(MQP_SELECT_HASH, 2);
VALUE(MQP_SELECT_CONSISTENT_HASH, 3);
VALUE(MQP_SELECT_MACHINE_ROOM, 4);
VALUE(MQP_SELECT_QUEUE, 5);
VALUE(MQP_SELECT_CALLBACK, 6);
VALUE(MQP_BROKER_HEALTHY, 0);
VALUE(MQP_BROKER_ISOLATED, 1);
VALUE(MQP_BROKER_UNREACHABLE, 2);
VALUE(MQP_MOCK_FAULT_NONE, 0);
VALUE(MQP_MOCK_FAULT_ANSWER, 1);
VALUE(MQP_MOCK_FAULT_CHANGE_ANSWER, 2);
VALUE(MQP_MOCK_FAULT_DELAY, 3);
VALUE(MQP_MOCK_FAULT_DROP, 4);
VALUE(MQP_MOCK_FAULT_LOSE_ANSWER, 5);
VALUE(MQP_MOCK_FAULT_CLOSE_BEFORE, 6);
VALUE(MQP_MOCK_FAULT_CLOSE_AFTER, 7);
VALUE(MQP_MOCK_FAULT_HALF_ANSWER, 8);
VALUE(MQP_MOCK_FAULT_GARBAGE, 9);
VALUE(MQP_MOCK_FAULT_STOP_READING, 10);
VALUE(MQP_MOCK_BROKER_UP, 0);
VALUE(MQP_MOCK_BROKER_OUT_OF_ROUTE, 1);
VALUE(MQP_MOCK_BROKER_STOPPED, 2);
VALUE(MQP_LOG_OFF, 0);
VALUE(MQP_LOG_ERROR, 1);
VALUE(MQP_LOG_WARN, 2);
VALUE(MQP_LOG_INFO, 3);
VALUE(MQP_LOG_DEBUG, 4);
VALUE(MQP_LOG_TRACE, 5);
VALUE(MQP_OK, 0);
VALUE(MQP_ERR_INVALID_ARGUMENT, 1);
VALUE(MQP_ERR_INVALID_CONFIG, 2);
VALUE(MQP_ERR_INVALID_MESSAGE, 3);
VALUE(MQP_ERR_MESSAGE_TOO_LARGE, 4);
VALUE(MQP_ERR_NOT_STARTED, 5);
VALUE(MQP_ERR_ALREADY_STARTED, 6);
VALUE(MQP_ERR_CLOSED, 7);
VALUE(MQP_ERR_NO_NAME_SERVER, 8);
VALUE(MQP_ERR_NO_ROUTE, 9);
VALUE(MQP_ERR_BROKER_NOT_FOUND, 10);
VALUE(MQP_ERR_CONNECT, 11);
VALUE(MQP_ERR_CONNECTION_LOST, 12);
VALUE(MQP_ERR_TIMEOUT, 13);
VALUE(MQP_ERR_BROKER, 14);
VALUE(MQP_ERR_PROTOCOL, 15);
VALUE(MQP_ERR_BACKPRESSURE, 16);
VALUE(MQP_ERR_WOULD_DEADLOCK, 17);
VALUE(MQP_ERR_FORKED, 18);
VALUE(MQP_ERR_VERSION_MISMATCH, 19);
VALUE(MQP_ERR_RESOURCE, 20);
VALUE(MQP_ERR_INTERNAL, 21);
VALUE(MQP_ERR_UNSUPPORTED, 22);
VALUE(MQP_ERR_FORBIDDEN, 23);
VALUE(MQP_ERR_REQUEST_TIMEOUT, 24);
VALUE(MQP_ERR_SPOOLED, 25);
VALUE(MQP_SPOOLED, 25);
VALUE(MQP_ERR_TRANSACTION_ROLLED_BACK, 26);
VALUE(MQP_ERR_TRANSACTION_IN_DOUBT, 27);
VALUE(MQP_BODY_BYTES, 0);
VALUE(MQP_BODY_TEXT, 1);
VALUE(MQP_BODY_MAP, 2);
VALUE(MQP_DELIVERY_CONFIGURED, 0);
VALUE(MQP_DELIVERY_PERSISTENT, 1);
VALUE(MQP_DELIVERY_NON_PERSISTENT, 2);
VALUE(MQP_VALUE_NULL, 0);
VALUE(MQP_VALUE_BOOL, 1);
VALUE(MQP_VALUE_BYTE, 2);
VALUE(MQP_VALUE_CHAR, 3);
VALUE(MQP_VALUE_SHORT, 4);
VALUE(MQP_VALUE_INT, 5);
VALUE(MQP_VALUE_LONG, 6);
VALUE(MQP_VALUE_DOUBLE, 7);
VALUE(MQP_VALUE_FLOAT, 8);
VALUE(MQP_VALUE_TEXT, 9);
VALUE(MQP_VALUE_BYTES, 10);
VALUE(MQP_TEMPORARY_NAME_SIZE, 256);
