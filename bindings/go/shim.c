#include "shim_internal.h"

mqp_error *mqpgo_config_set(mqp_config *config, const char *text, size_t key_length, size_t value_length) {
    mqp_error *error = NULL;
    mqp_str key = {text, key_length};
    mqp_str value = {text + key_length, value_length};
    mqp_config_set(config, key, value, &error);
    return error;
}

mqp_error *mqpgo_config_get(const mqp_config *config, const char *key, size_t key_length, mqp_str *value) {
    mqp_error *error = NULL;
    mqp_str name = {key, key_length};
    mqp_config_get(config, name, value, &error);
    return error;
}

// Go's runtime refuses the dangling address that Rust may give an empty text.
static void clean(mqp_str *text) {
    if (text->len == 0) {
        text->ptr = NULL;
    }
}

void mqpgo_hook_message(const mqp_message *first, size_t size, size_t index, mqp_message *into) {
    *into = *(const mqp_message *)((const char *)first + size * index);
    clean(&into->topic);
    clean(&into->tags);
    clean(&into->keys);
    clean(&into->lite_topic);
    clean(&into->sharding_key);
    clean(&into->trace_parent);
    if (into->body.len == 0) {
        into->body.ptr = NULL;
    }
    if (into->property_count == 0) {
        into->properties = NULL;
    }
}

static uint32_t hook_check(void *user_data, const mqp_hook_context *context, char *reason, size_t reason_size) {
    mqpgo_enter_callback();
    uint32_t refused = mqpgoHookCheck((uintptr_t)user_data, (mqp_hook_context *)context, reason, reason_size);
    mqpgo_leave_callback();
    return refused;
}

static void hook_before(void *user_data, const mqp_hook_context *context) {
    mqpgo_enter_callback();
    mqpgoHookBefore((uintptr_t)user_data, (mqp_hook_context *)context);
    mqpgo_leave_callback();
}

static void hook_after(void *user_data, const mqp_hook_context *context, const mqp_hook_end *how) {
    mqpgo_ending end;
    mqpgo_read_ending(&end, how->status, how->receipt, how->error);
    mqpgo_enter_callback();
    mqpgoHookAfter((uintptr_t)user_data, (mqp_hook_context *)context, how->attempts, how->cost_us, &end.receipt,
                   end.failed, end.stored, end.why);
    mqpgo_leave_callback();
    mqp_error_free(end.unread);
}

static void hook_end_transaction(void *user_data, const mqp_end_transaction_context *context) {
    mqpgo_enter_callback();
    mqpgoHookEndTransaction((uintptr_t)user_data, (mqp_end_transaction_context *)context);
    mqpgo_leave_callback();
}

void mqpgo_drop(void *user_data) {
    mqpgo_enter_callback();
    mqpgoDrop((uintptr_t)user_data);
    mqpgo_leave_callback();
}

mqp_error *mqpgo_add_hook(mqp_producer *producer, uintptr_t handle, int checks, int before, int after,
                          int end) {
    mqp_error *error = NULL;
    mqp_hook hook = MQP_HOOK_INIT;
    hook.check_forbidden = checks ? hook_check : NULL;
    hook.before_send = before ? hook_before : NULL;
    hook.after_send = after ? hook_after : NULL;
    hook.end_transaction = end ? hook_end_transaction : NULL;
    hook.user_data = (void *)handle;
    hook.drop = mqpgo_drop;
    mqp_producer_add_hook(producer, &hook, &error);
    return error;
}

static size_t trace_context(void *user_data, char *out, size_t capacity) {
    mqpgo_enter_callback();
    size_t length = mqpgoTraceContext((uintptr_t)user_data, mqpgo_context(), out, capacity);
    mqpgo_leave_callback();
    return length;
}

mqp_error *mqpgo_set_trace_context(mqp_producer *producer, uintptr_t handle) {
    mqp_error *error = NULL;
    mqp_trace_context tells = {trace_context, (void *)handle, mqpgo_drop};
    mqp_producer_set_trace_context(producer, tells, &error);
    return error;
}

static void tell_statistics(void *user_data, const mqp_statistics *statistics) {
    mqpgo_enter_callback();
    mqpgoTellStatistics((uintptr_t)user_data, (mqp_statistics *)statistics);
    mqpgo_leave_callback();
}

mqp_error *mqpgo_set_statistics_callback(mqp_producer *producer, uintptr_t handle) {
    mqp_error *error = NULL;
    mqp_statistics_callback callback = {tell_statistics, (void *)handle, mqpgo_drop};
    mqp_producer_set_statistics_callback(producer, callback, &error);
    return error;
}

static void tell_event(void *user_data, const mqp_reliability_event *event) {
    mqpgo_enter_callback();
    mqpgoTellEvent((uintptr_t)user_data, event->kind, (mqp_received_message *)event->message,
                   (mqp_receipt *)event->receipt, (mqp_error *)event->error);
    mqpgo_leave_callback();
}

mqp_error *mqpgo_set_alarm_callback(mqp_producer *producer, uintptr_t handle) {
    mqp_error *error = NULL;
    mqp_reliability_callback callback = {tell_event, (void *)handle, mqpgo_drop};
    mqp_producer_set_alarm_callback(producer, callback, &error);
    return error;
}

mqp_error *mqpgo_set_spool_callback(mqp_producer *producer, uintptr_t handle) {
    mqp_error *error = NULL;
    mqp_reliability_callback callback = {tell_event, (void *)handle, mqpgo_drop};
    mqp_producer_set_spool_callback(producer, callback, &error);
    return error;
}

static void log_record(void *user_data, const mqp_log_record *record) {
    mqpgo_enter_callback();
    mqpgoLog((uintptr_t)user_data, record->level, record->target, record->message);
    mqpgo_leave_callback();
}

mqp_error *mqpgo_log_set(uint32_t max_level, uintptr_t handle) {
    mqp_error *error = NULL;
    mqp_log_callback callback = {NULL, NULL, NULL};
    if (handle != 0) {
        callback.call = log_record;
        callback.user_data = (void *)handle;
        callback.drop = mqpgo_drop;
    }
    mqp_log_set(max_level, callback, &error);
    return error;
}

const mqp_property *mqpgo_property(const mqp_property *first, size_t size, size_t index) {
    return (const mqp_property *)((const char *)first + size * index);
}

const mqp_queue *mqpgo_queue(const mqp_queue *first, size_t size, size_t index) {
    return (const mqp_queue *)((const char *)first + size * index);
}
