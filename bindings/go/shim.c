#include "_cgo_export.h"

#include <stdlib.h>

// Most messages have few properties; more of them go to the heap.
#define FEW_PROPERTIES 16

// How many callbacks this thread is inside of.
static __thread int callback_depth;

int mqpgo_in_callback(void) { return callback_depth > 0; }

mqp_error *mqpgo_config_set(mqp_config *config, const char *text, size_t key_length, size_t value_length) {
    mqp_error *error = NULL;
    mqp_str key = {text, key_length};
    mqp_str value = {text + key_length, value_length};
    mqp_config_set(config, key, value, &error);
    return error;
}

typedef struct {
    mqp_message message;
    mqp_send_options options;
    mqp_property few[FEW_PROPERTIES];
    mqp_property *many;
} unpacked;

static mqp_str next(const char **text, const size_t **lengths) {
    mqp_str part = {*text, *(*lengths)++};
    *text += part.len;
    return part;
}

static void unpack(unpacked *into, const char *text, const size_t *lengths, size_t property_count, const uint8_t *body,
                   size_t body_length, int32_t flag, uint32_t no_wait_store, uint32_t timeout_ms) {
    mqp_property *properties = into->few;
    into->many = NULL;
    if (property_count > FEW_PROPERTIES) {
        properties = into->many = calloc(property_count, sizeof(mqp_property));
        if (properties == NULL) {
            // As the Go runtime does when memory is out.
            abort();
        }
    }
    mqp_message message = MQP_MESSAGE_INIT;
    message.topic = next(&text, &lengths);
    message.tags = next(&text, &lengths);
    message.keys = next(&text, &lengths);
    for (size_t i = 0; i < property_count; i++) {
        properties[i].name = next(&text, &lengths);
        properties[i].value = next(&text, &lengths);
    }
    message.properties = properties;
    message.property_count = property_count;
    message.body.ptr = body;
    message.body.len = body_length;
    message.flag = flag;
    message.no_wait_store = no_wait_store;
    into->message = message;
    mqp_send_options options = MQP_SEND_OPTIONS_INIT;
    options.timeout_ms = timeout_ms;
    into->options = options;
}

static void complete(void *user_data, const mqp_completion *completion) {
    mqp_receipt_view receipt = MQP_RECEIPT_VIEW_INIT;
    mqp_error_view failure = MQP_ERROR_VIEW_INIT;
    mqp_error *unread = NULL;
    const mqp_error *error = completion->error;
    if (completion->status == MQP_OK && mqp_receipt_get(completion->receipt, &receipt, &unread) != MQP_OK) {
        error = unread;
    }
    if (error != NULL) {
        mqp_error_get(error, &failure, NULL);
    }
    callback_depth++;
    mqpgoComplete((uintptr_t)user_data, &receipt, error != NULL ? &failure : NULL);
    callback_depth--;
    mqp_error_free(unread);
}

mqp_error *mqpgo_send_async(mqp_producer *producer, const char *text, const size_t *lengths, size_t property_count,
                            const uint8_t *body, size_t body_length, int32_t flag, uint32_t no_wait_store,
                            uint32_t timeout_ms, uintptr_t handle) {
    unpacked send;
    unpack(&send, text, lengths, property_count, body, body_length, flag, no_wait_store, timeout_ms);
    // Nothing is left to drop: the call takes the handle back.
    mqp_callback callback = {complete, (void *)handle, NULL};
    mqp_error *error = NULL;
    mqp_producer_send_async(producer, &send.message, &send.options, callback, &error);
    free(send.many);
    return error;
}

mqp_error *mqpgo_send_oneway(mqp_producer *producer, const char *text, const size_t *lengths, size_t property_count,
                             const uint8_t *body, size_t body_length, int32_t flag, uint32_t no_wait_store,
                             uint32_t timeout_ms, mqp_receipt **receipt, mqp_receipt_view *view) {
    unpacked send;
    unpack(&send, text, lengths, property_count, body, body_length, flag, no_wait_store, timeout_ms);
    mqp_error *error = NULL;
    if (mqp_producer_send_oneway(producer, &send.message, &send.options, receipt, &error) == MQP_OK) {
        mqp_receipt_view empty = MQP_RECEIPT_VIEW_INIT;
        *view = empty;
        mqp_receipt_get(*receipt, view, &error);
    }
    free(send.many);
    return error;
}

static void log_record(void *user_data, const mqp_log_record *record) {
    callback_depth++;
    mqpgoLog((uintptr_t)user_data, record->level, record->target, record->message);
    callback_depth--;
}

static void log_drop(void *user_data) {
    callback_depth++;
    mqpgoLogDrop((uintptr_t)user_data);
    callback_depth--;
}

mqp_error *mqpgo_log_set(uint32_t max_level, uintptr_t handle) {
    mqp_error *error = NULL;
    mqp_log_callback callback = {NULL, NULL, NULL};
    if (handle != 0) {
        callback.call = log_record;
        callback.user_data = (void *)handle;
        callback.drop = log_drop;
    }
    mqp_log_set(max_level, callback, &error);
    return error;
}

mqp_error *mqpgo_mock_cluster_new(const char *name, size_t name_length, uint32_t brokers, uint32_t queues,
                                  mqp_mock_cluster **out) {
    mqp_error *error = NULL;
    mqp_str text = {name, name_length};
    mqp_mock_cluster_new(text, brokers, queues, out, &error);
    return error;
}

mqp_error *mqpgo_mock_cluster_messages(const mqp_mock_cluster *cluster, const char *topic, size_t topic_length,
                                       mqp_mock_messages **out) {
    mqp_error *error = NULL;
    mqp_str text = {topic, topic_length};
    mqp_mock_cluster_messages(cluster, text, out, &error);
    return error;
}

mqp_error *mqpgo_mock_cluster_count(const mqp_mock_cluster *cluster, const char *topic, size_t topic_length,
                                    size_t *out) {
    mqp_error *error = NULL;
    mqp_str text = {topic, topic_length};
    mqp_mock_cluster_message_count(cluster, text, out, &error);
    return error;
}

mqp_error *mqpgo_mock_cluster_wait(const mqp_mock_cluster *cluster, const char *topic, size_t topic_length,
                                   size_t count, uint32_t timeout_ms) {
    mqp_error *error = NULL;
    mqp_str text = {topic, topic_length};
    mqp_mock_cluster_wait(cluster, text, count, timeout_ms, &error);
    return error;
}

const mqp_property *mqpgo_property(const mqp_property *first, size_t size, size_t index) {
    return (const mqp_property *)((const char *)first + size * index);
}
