/* What only a JMS message has, out of steps. */

#include <string.h>

#include "runner.h"

static void set_value(mqp_typed_property *property, const char *type, const json *value) {
    static const char *const types[] = {"null", "bool", "byte",   "char",  "short", "int",
                                        "long", "double", "float", "text", "bytes"};
    while (property->value_type <= MQP_VALUE_BYTES && strcmp(types[property->value_type], type) != 0) {
        property->value_type++;
    }
    switch (value->kind) {
    case JSON_BOOLEAN:
        property->integer = value->boolean;
        break;
    case JSON_NUMBER:
        property->integer = (int64_t)value->number;
        property->number = value->number;
        break;
    case JSON_TEXT:
        property->data = property->value_type == MQP_VALUE_BYTES
                             ? body_of(value->text)
                             : (mqp_bytes){(const uint8_t *)value->text, strlen(value->text)};
        break;
    default:
        break;
    }
}

static mqp_typed_property *values_of(const json *of, size_t *count) {
    *count = of == NULL ? 0 : of->count;
    mqp_typed_property *values = json_memory(*count * sizeof *values + 1);
    for (size_t i = 0; i < *count; i++) {
        values[i].name = mqp_str_of(of->names[i]);
        set_value(&values[i], of->items[i]->names[0], of->items[i]->items[0]);
    }
    return values;
}

const mqp_jms *jms_of(const json *of) {
    if (of == NULL) {
        return NULL;
    }
    mqp_jms *jms = json_memory(sizeof *jms);
    *jms = (mqp_jms)MQP_JMS_INIT;
    const char *body = json_text_of(of, "body", "bytes");
    jms->body_type = strcmp(body, "text") == 0 ? MQP_BODY_TEXT : strcmp(body, "map") == 0 ? MQP_BODY_MAP : MQP_BODY_BYTES;
    const char *mode = json_text_of(of, "delivery_mode", "");
    jms->delivery_mode = strcmp(mode, "persistent") == 0       ? MQP_DELIVERY_PERSISTENT
                         : strcmp(mode, "non_persistent") == 0 ? MQP_DELIVERY_NON_PERSISTENT
                                                               : MQP_DELIVERY_CONFIGURED;
    jms->has_time_to_live = json_get(of, "time_to_live_ms") != NULL;
    jms->time_to_live_ms = (uint64_t)json_number_of(of, "time_to_live_ms", 0);
    jms->correlation_id = mqp_str_of(json_text_of(of, "correlation_id", ""));
    jms->reply_to = mqp_str_of(json_text_of(of, "reply_to", ""));
    jms->message_type = mqp_str_of(json_text_of(of, "type", ""));
    jms->group_id = mqp_str_of(json_text_of(of, "group_id", ""));
    jms->group_sequence = (int32_t)json_number_of(of, "group_sequence", 0);
    jms->properties = values_of(json_get(of, "properties"), &jms->property_count);
    if (jms->body_type == MQP_BODY_MAP) {
        jms->entries = values_of(json_get(of, "entries"), &jms->entry_count);
    }
    return jms;
}
