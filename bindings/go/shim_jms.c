#include "shim_internal.h"

#include <string.h>

// As the head of a value in jms.go.
static mqp_typed_property read_value(mqpgo_texts *texts) {
    mqp_typed_property value;
    memset(&value, 0, sizeof(value));
    value.name = mqpgo_next(texts);
    const char *head = mqpgo_next(texts).ptr;
    memcpy(&value.value_type, head, 4);
    memcpy(&value.integer, head + 4, 8);
    memcpy(&value.number, head + 12, 8);
    mqp_str data = mqpgo_next(texts);
    value.data.ptr = (const uint8_t *)data.ptr;
    value.data.len = data.len;
    return value;
}

const mqp_jms *mqpgo_read_jms(mqpgo_texts *texts, const mqpgo_message *numbers) {
    if (!numbers->has_jms) {
        return NULL;
    }
    // The values stand behind it.
    size_t count = numbers->typed_count + numbers->entry_count;
    mqp_jms *jms = mqpgo_allocate(1, sizeof(mqp_jms) + count * sizeof(mqp_typed_property));
    mqp_typed_property *values = (mqp_typed_property *)(jms + 1);
    mqp_jms empty = MQP_JMS_INIT;
    *jms = empty;
    jms->body_type = numbers->body_type;
    jms->delivery_mode = numbers->delivery_mode;
    jms->has_time_to_live = numbers->has_time_to_live;
    jms->time_to_live_ms = numbers->time_to_live_ms;
    jms->group_sequence = numbers->group_sequence;
    jms->correlation_id = mqpgo_next(texts);
    jms->reply_to = mqpgo_next(texts);
    jms->message_type = mqpgo_next(texts);
    jms->group_id = mqpgo_next(texts);
    for (size_t i = 0; i < count; i++) {
        values[i] = read_value(texts);
    }
    jms->properties = values;
    jms->property_count = numbers->typed_count;
    jms->entries = values + numbers->typed_count;
    jms->entry_count = numbers->entry_count;
    return jms;
}

void mqpgo_free_jms(const mqp_message *message) { free((void *)message->jms); }

mqp_typed_property mqpgo_typed_property(const mqp_typed_property *first, size_t step, size_t index) {
    return *(const mqp_typed_property *)((const char *)first + index * step);
}

static uint32_t transform(void *user_data, const mqp_message *message, mqp_transformed *transformed, char *reason,
                          size_t reason_size) {
    mqpgo_enter_callback();
    uint32_t refused = mqpgoTransform((uintptr_t)user_data, (mqp_message *)message, transformed, reason, reason_size);
    mqpgo_leave_callback();
    return refused;
}

mqp_error *mqpgo_set_message_transformer(mqp_producer *producer, uintptr_t handle) {
    mqp_error *error = NULL;
    mqp_message_transformer transformer = {transform, (void *)handle, mqpgo_drop};
    mqp_producer_set_message_transformer(producer, transformer, &error);
    return error;
}

mqp_error *mqpgo_transformed_set(mqp_transformed *transformed, const char *text, const size_t *lengths,
                                 const uint8_t *body, const mqpgo_message *message) {
    mqpgo_texts texts = {text, lengths};
    mqp_property *properties = mqpgo_allocate(message->property_count + 1, sizeof(mqp_property));
    mqp_message made = mqpgo_read_message(&texts, body, message, properties);
    mqp_error *error = NULL;
    mqp_transformed_set(transformed, &made, &error);
    mqpgo_free_jms(&made);
    free(properties);
    return error;
}

mqp_error *mqpgo_create_temporary(mqp_producer *producer, uint32_t topic, uint32_t timeout_ms, char *name) {
    mqp_error *error = NULL;
    mqp_producer_create_temporary(producer, topic, timeout_ms, name, &error);
    return error;
}

mqp_error *mqpgo_delete_temporary(mqp_producer *producer, const char *name, size_t length, uint32_t timeout_ms) {
    mqp_error *error = NULL;
    mqp_str of = {name, length};
    mqp_producer_delete_temporary(producer, of, timeout_ms, &error);
    return error;
}
