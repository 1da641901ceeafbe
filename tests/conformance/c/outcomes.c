/* What came, as outcomes. */

#include <stdio.h>
#include <string.h>

#include "runner.h"

json *text_json(mqp_str text) { return json_text(text.ptr, text.len); }

static void put_text(json *to, const char *name, mqp_str text) { json_put(to, name, text_json(text)); }

static void put_number(json *to, const char *name, double number) { json_put(to, name, json_number(number)); }

json *body_json(mqp_bytes body) {
    bool is_text = true;
    for (size_t i = 0; i < body.len; i++) {
        is_text = is_text && body.ptr[i] >= 0x20 && body.ptr[i] < 0x7f;
    }
    if (is_text) {
        return json_text((const char *)body.ptr, body.len);
    }
    char *text = json_memory(2 * body.len + 5);
    strcpy(text, "hex:");
    for (size_t i = 0; i < body.len; i++) {
        sprintf(text + 4 + 2 * i, "%02x", body.ptr[i]);
    }
    return json_string(text);
}

static json *with_status(const char *status) {
    json *outcome = json_new(JSON_OBJECT);
    json_put(outcome, "status", json_string(status));
    return outcome;
}

json *outcome_ok(void) { return with_status("OK"); }

json *outcome_timeout(void) { return with_status("TIMEOUT"); }

json *outcome_error(const mqp_error *error) {
    mqp_error_view view = MQP_ERROR_VIEW_INIT;
    if (mqp_error_get(error, &view, NULL) != MQP_OK) {
        return with_status("an error that cannot be read");
    }
    json *outcome = json_new(JSON_OBJECT);
    put_text(outcome, "status", view.name);
    put_number(outcome, "code", view.code);
    put_number(outcome, "broker_code", view.broker_code);
    put_text(outcome, "remark", view.remark);
    put_text(outcome, "text", view.message);
    json_put(outcome, "retriable", json_boolean(view.retriable != 0));
    json_put(outcome, "maybe_persisted", json_boolean(view.maybe_persisted != 0));
    return outcome;
}

json *outcome_of(mqp_status status, mqp_error **error) {
    if (status == MQP_OK) {
        return *error == NULL ? outcome_ok() : with_status("an error beside MQP_OK");
    }
    bool agree = mqp_error_status(*error) == status;
    json *outcome = agree ? outcome_error(*error) : with_status("a status that its error does not have");
    mqp_error_free(*error);
    return outcome;
}

json *outcome_receipt(const mqp_receipt *receipt) {
    mqp_receipt_view view = MQP_RECEIPT_VIEW_INIT;
    if (mqp_receipt_get(receipt, &view, NULL) != MQP_OK) {
        return with_status("a receipt that cannot be read");
    }
    json *outcome = outcome_ok();
    json_put(outcome, "send_status", json_string(mqp_send_status_name(view.send_status)));
    put_text(outcome, "topic", view.topic);
    put_text(outcome, "broker", view.broker_name);
    put_number(outcome, "queue_id", view.queue_id);
    put_number(outcome, "queue_offset", (double)view.queue_offset);
    put_text(outcome, "message_id", view.message_id);
    put_text(outcome, "offset_message_id", view.offset_message_id);
    put_text(outcome, "transaction_id", view.transaction_id);
    put_text(outcome, "region_id", view.region_id);
    put_text(outcome, "recall_handle", view.recall_handle);
    put_number(outcome, "attempts", view.attempts);
    return outcome;
}

json *outcome_of_receipt(mqp_status status, mqp_receipt *receipt, mqp_error *error) {
    json *outcome = status == MQP_OK && error == NULL ? outcome_receipt(receipt) : outcome_of(status, &error);
    mqp_receipt_free(receipt);
    return outcome;
}

json *outcome_received(const mqp_received_message *message) {
    mqp_received_message_view view = MQP_RECEIVED_MESSAGE_VIEW_INIT;
    if (mqp_received_message_get(message, &view, NULL) != MQP_OK) {
        return with_status("a message that cannot be read");
    }
    json *outcome = outcome_ok(), *properties = json_new(JSON_OBJECT);
    put_text(outcome, "topic", view.topic);
    json_put(outcome, "body", body_json(view.body));
    put_text(outcome, "tags", view.tags);
    put_text(outcome, "keys", view.keys);
    put_number(outcome, "flag", view.flag);
    put_text(outcome, "message_id", view.message_id);
    put_text(outcome, "transaction_id", view.transaction_id);
    for (size_t i = 0; i < mqp_received_message_property_count(message); i++) {
        mqp_str name, value;
        if (mqp_received_message_property_at(message, i, &name, &value, NULL) == MQP_OK) {
            put_text(properties, text_json(name)->text, value);
        }
    }
    json_put(outcome, "properties", properties);
    return outcome;
}

json *outcome_of_reply(mqp_status status, mqp_received_message *reply, mqp_error *error) {
    json *outcome = status == MQP_OK && error == NULL ? outcome_received(reply) : outcome_of(status, &error);
    mqp_received_message_free(reply);
    return outcome;
}

json *outcome_of_batch(mqp_status status, const mqp_batch_result *result, const mqp_error *error) {
    json *outcome = status == MQP_OK ? outcome_ok() : outcome_error(error);
    if (result == NULL) {
        return outcome;
    }
    json *results = json_new(JSON_LIST);
    for (size_t i = 0; i < mqp_batch_result_count(result); i++) {
        const mqp_receipt *receipt = NULL;
        const mqp_error *failure = NULL;
        if (mqp_batch_result_get(result, i, &receipt, &failure, NULL) != MQP_OK) {
            return with_status("a result that cannot be read");
        }
        json_add(results, NULL, failure == NULL ? outcome_receipt(receipt) : outcome_error(failure));
    }
    json_put(outcome, "results", results);
    return outcome;
}

/* Properties, or fields of a header. */
static json *pairs(const mqp_property *first, size_t count, uint32_t size) {
    json *object = json_new(JSON_OBJECT);
    for (size_t i = 0; i < count; i++) {
        const mqp_property *pair = (const mqp_property *)((const char *)first + i * size);
        put_text(object, text_json(pair->name)->text, pair->value);
    }
    return object;
}

json *stored_messages(mqp_mock_cluster *cluster, const char *topic) {
    json *list = json_new(JSON_LIST);
    mqp_mock_messages *messages = NULL;
    if (mqp_mock_cluster_messages(cluster, mqp_str_of(topic), &messages, NULL) != MQP_OK) {
        return list;
    }
    for (size_t i = 0; i < mqp_mock_messages_count(messages); i++) {
        mqp_mock_message_view view = MQP_MOCK_MESSAGE_VIEW_INIT;
        mqp_mock_messages_get(messages, i, &view, NULL);
        json *message = json_new(JSON_OBJECT);
        put_text(message, "topic", view.topic);
        json_put(message, "body", body_json(view.body));
        put_text(message, "tags", view.tags);
        put_text(message, "keys", view.keys);
        put_number(message, "flag", view.flag);
        put_text(message, "broker", view.broker_name);
        put_number(message, "queue_id", view.queue_id);
        put_number(message, "queue_offset", (double)view.queue_offset);
        put_text(message, "message_id", view.message_id);
        put_text(message, "offset_message_id", view.offset_message_id);
        json_put(message, "properties", pairs(view.properties, view.property_count, view.property_size));
        json_add(list, NULL, message);
    }
    mqp_mock_messages_free(messages);
    return list;
}

json *requests_seen(mqp_mock_requests *requests) {
    static const char *const faults[] = {"none",         "answer",       "change_answer", "delay",       "drop",
                                         "lose_answer",  "close_before", "close_after",   "half_answer", "garbage",
                                         "stop_reading"};
    json *list = json_new(JSON_LIST);
    for (size_t i = 0; i < mqp_mock_requests_count(requests); i++) {
        mqp_mock_request_view view = MQP_MOCK_REQUEST_VIEW_INIT;
        mqp_mock_requests_get(requests, i, &view, NULL);
        json *request = json_new(JSON_OBJECT);
        put_number(request, "code", view.code);
        put_text(request, "broker", view.broker_name);
        json_put(request, "oneway", json_boolean(view.oneway != 0));
        json_put(request, "fault", json_string(view.fault <= MQP_MOCK_FAULT_STOP_READING ? faults[view.fault] : "?"));
        json_put(request, "fields", pairs(view.fields, view.field_count, view.field_size));
        json_put(request, "body", body_json(view.body));
        json_add(list, NULL, request);
    }
    return list;
}
