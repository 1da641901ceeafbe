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

static size_t choose(void *user_data, const mqp_queue *queues, size_t count, size_t element_size) {
    callback_depth++;
    size_t index = mqpgoChoose((uintptr_t)user_data, (mqp_queue *)queues, count, element_size);
    callback_depth--;
    return index;
}

static void unpack(unpacked *into, const char *text, const size_t *lengths, const uint8_t *body, size_t body_length,
                   const mqpgo_numbers *numbers) {
    size_t property_count = numbers->property_count;
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
    mqp_send_options options = MQP_SEND_OPTIONS_INIT;
    options.sharding_key = next(&text, &lengths);
    options.broker_name = next(&text, &lengths);
    options.machine_rooms = next(&text, &lengths);
    for (size_t i = 0; i < property_count; i++) {
        properties[i].name = next(&text, &lengths);
        properties[i].value = next(&text, &lengths);
    }
    message.properties = properties;
    message.property_count = property_count;
    message.body.ptr = body;
    message.body.len = body_length;
    message.flag = numbers->flag;
    message.no_wait_store = numbers->no_wait_store;
    into->message = message;
    options.timeout_ms = numbers->timeout_ms;
    options.selector = numbers->selector;
    options.queue_id = numbers->queue_id;
    if (numbers->chooser != 0) {
        options.queue_selector.call = choose;
        options.queue_selector.user_data = (void *)numbers->chooser;
    }
    into->options = options;
}

// The end of a message as Go reads it.
typedef struct {
    mqp_receipt_view receipt;
    mqp_error_view failure;
    // &failure, or NULL on success.
    mqp_error_view *failed;
    // Why the receipt could not be read; owned.
    mqp_error *unread;
} ending;

static void read_ending(ending *into, mqp_status status, const mqp_receipt *receipt, const mqp_error *error) {
    mqp_receipt_view no_receipt = MQP_RECEIPT_VIEW_INIT;
    mqp_error_view no_failure = MQP_ERROR_VIEW_INIT;
    into->receipt = no_receipt;
    into->failure = no_failure;
    into->failed = NULL;
    into->unread = NULL;
    if (status == MQP_OK && mqp_receipt_get(receipt, &into->receipt, &into->unread) != MQP_OK) {
        error = into->unread;
    }
    if (error != NULL) {
        mqp_error_get(error, &into->failure, NULL);
        into->failed = &into->failure;
    }
}

static void complete(void *user_data, const mqp_completion *completion) {
    ending end;
    read_ending(&end, completion->status, completion->receipt, completion->error);
    callback_depth++;
    mqpgoComplete((uintptr_t)user_data, &end.receipt, end.failed);
    callback_depth--;
    mqp_error_free(end.unread);
}

mqp_error *mqpgo_send_async(mqp_producer *producer, const char *text, const size_t *lengths, const uint8_t *body,
                            size_t body_length, mqpgo_numbers numbers, uintptr_t handle) {
    unpacked send;
    unpack(&send, text, lengths, body, body_length, &numbers);
    // Nothing is left to drop: the call takes the handle back.
    mqp_callback callback = {complete, (void *)handle, NULL};
    mqp_error *error = NULL;
    mqp_producer_send_async(producer, &send.message, &send.options, callback, &error);
    free(send.many);
    return error;
}

mqp_error *mqpgo_send_oneway(mqp_producer *producer, const char *text, const size_t *lengths, const uint8_t *body,
                             size_t body_length, mqpgo_numbers numbers, mqp_receipt **receipt, mqp_receipt_view *view) {
    unpacked send;
    unpack(&send, text, lengths, body, body_length, &numbers);
    mqp_error *error = NULL;
    if (mqp_producer_send_oneway(producer, &send.message, &send.options, receipt, &error) == MQP_OK) {
        mqp_receipt_view empty = MQP_RECEIPT_VIEW_INIT;
        *view = empty;
        mqp_receipt_get(*receipt, view, &error);
    }
    free(send.many);
    return error;
}

// Go's runtime refuses the dangling address that Rust may give an empty text.
static void clean(mqp_str *text) {
    if (text->len == 0) {
        text->ptr = NULL;
    }
}

// The message of a hook, as Go may read it.
static mqp_message *cleaned(const mqp_hook_context *context, mqp_message *into) {
    *into = *context->message;
    clean(&into->topic);
    clean(&into->tags);
    clean(&into->keys);
    if (into->body.len == 0) {
        into->body.ptr = NULL;
    }
    if (into->property_count == 0) {
        into->properties = NULL;
    }
    return into;
}

static uint32_t hook_check(void *user_data, const mqp_hook_context *context, char *reason, size_t reason_size) {
    mqp_message message;
    callback_depth++;
    uint32_t refused = mqpgoHookCheck((uintptr_t)user_data, (mqp_hook_context *)context, cleaned(context, &message),
                                      reason, reason_size);
    callback_depth--;
    return refused;
}

static void hook_before(void *user_data, const mqp_hook_context *context) {
    mqp_message message;
    callback_depth++;
    mqpgoHookBefore((uintptr_t)user_data, (mqp_hook_context *)context, cleaned(context, &message));
    callback_depth--;
}

static void hook_after(void *user_data, const mqp_hook_context *context, const mqp_hook_end *how) {
    ending end;
    read_ending(&end, how->status, how->receipt, how->error);
    callback_depth++;
    mqpgoHookAfter((uintptr_t)user_data, (mqp_hook_context *)context, how->attempts, how->cost_us, &end.receipt,
                   end.failed);
    callback_depth--;
    mqp_error_free(end.unread);
}

static void hook_drop(void *user_data) {
    callback_depth++;
    mqpgoHookDrop((uintptr_t)user_data);
    callback_depth--;
}

mqp_error *mqpgo_add_hook(mqp_producer *producer, uintptr_t handle, int checks, int before, int after) {
    mqp_error *error = NULL;
    mqp_hook hook = MQP_HOOK_INIT;
    hook.check_forbidden = checks ? hook_check : NULL;
    hook.before_send = before ? hook_before : NULL;
    hook.after_send = after ? hook_after : NULL;
    hook.user_data = (void *)handle;
    hook.drop = hook_drop;
    mqp_producer_add_hook(producer, &hook, &error);
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

const mqp_queue *mqpgo_queue(const mqp_queue *first, size_t size, size_t index) {
    return (const mqp_queue *)((const char *)first + size * index);
}
