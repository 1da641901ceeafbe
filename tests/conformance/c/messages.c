/* Messages and options out of steps. */

#include <stdlib.h>
#include <string.h>

#include "runner.h"

mqp_bytes body_of(const char *text) {
    size_t length = strlen(text);
    if (strncmp(text, "hex:", 4) != 0) {
        return (mqp_bytes){(const uint8_t *)text, length};
    }
    size_t count = (length - 4) / 2;
    uint8_t *bytes = json_memory(count + 1);
    for (size_t i = 0; i < count; i++) {
        char digits[] = {text[4 + 2 * i], text[5 + 2 * i], 0};
        bytes[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return (mqp_bytes){bytes, count};
}

static mqp_str text_of(const json *object, const char *name, const char *otherwise) {
    return mqp_str_of(json_text_of(object, name, otherwise));
}

static mqp_message one_message(const json *of) {
    mqp_message message = MQP_MESSAGE_INIT;
    message.topic = text_of(of, "topic", "T");
    message.body = body_of(json_text_of(of, "body", "x"));
    message.tags = text_of(of, "tags", "");
    message.keys = text_of(of, "keys", "");
    message.flag = (int32_t)json_number_of(of, "flag", 0);
    const json *properties = json_get(of, "properties");
    if (properties != NULL) {
        mqp_property *pairs = json_memory(properties->count * sizeof *pairs + 1);
        for (size_t i = 0; i < properties->count; i++) {
            pairs[i].name = mqp_str_of(properties->names[i]);
            pairs[i].value = mqp_str_of(properties->items[i]->text);
        }
        message.properties = pairs;
        message.property_count = properties->count;
    }
    const json *wait_store = json_get(of, "wait_store");
    message.no_wait_store = wait_store != NULL && !wait_store->boolean;
    message.delay_level = (uint32_t)json_number_of(of, "delay_level", 0);
    message.delay_seconds = (uint64_t)json_number_of(of, "delay_seconds", 0);
    message.delay_ms = (uint64_t)json_number_of(of, "delay_ms", 0);
    message.deliver_at_ms = (int64_t)json_number_of(of, "deliver_at_ms", 0);
    message.has_priority = json_get(of, "priority") != NULL;
    message.priority = (int32_t)json_number_of(of, "priority", 0);
    message.lite_topic = text_of(of, "lite_topic", "");
    message.sharding_key = text_of(of, "sharding_key", "");
    message.trace_parent = text_of(of, "trace_parent", "");
    message.jms = jms_of(json_get(of, "jms"));
    return message;
}

mqp_message message_of(const json *step) { return one_message(json_get(step, "message")); }

mqp_message *messages_of(const json *step, size_t *count) {
    const json *list = json_get(step, "messages");
    mqp_message *messages = json_memory(list->count * sizeof *messages + 1);
    for (size_t i = 0; i < list->count; i++) {
        messages[i] = one_message(list->items[i]);
    }
    *count = list->count;
    return messages;
}

static size_t first_queue(void *user_data, const mqp_queue *queues, size_t count, size_t size) {
    (void)user_data, (void)queues, (void)count, (void)size;
    return 0;
}

static size_t last_queue(void *user_data, const mqp_queue *queues, size_t count, size_t size) {
    (void)user_data, (void)queues, (void)size;
    return count - 1;
}

static size_t beyond_the_queues(void *user_data, const mqp_queue *queues, size_t count, size_t size) {
    (void)user_data, (void)queues, (void)size;
    return count;
}

mqp_send_options options_of(run *r, const json *step) {
    static const char *const kinds[] = {"round_robin", "random", "hash",    "consistent_hash",
                                        "machine_room", "queue",  "callback"};
    mqp_send_options options = MQP_SEND_OPTIONS_INIT;
    const json *of = json_get(step, "options"), *chosen = json_get(of, "selector");
    options.timeout_ms = (uint32_t)json_number_of(of, "timeout_ms", 0);
    const char *kind = json_text_of(chosen, "kind", "round_robin");
    while (options.selector <= MQP_SELECT_CALLBACK && strcmp(kinds[options.selector], kind) != 0) {
        options.selector++;
    }
    if (options.selector > MQP_SELECT_CALLBACK) {
        r->wrong = json_format("there is no selector `%s`", kind);
    }
    options.sharding_key = text_of(chosen, "key", "");
    options.broker_name = text_of(chosen, "broker", "");
    options.queue_id = (int32_t)json_number_of(chosen, "queue_id", 0);
    const json *rooms = json_get(chosen, "rooms");
    const char *joined = "";
    for (size_t i = 0; rooms != NULL && i < rooms->count; i++) {
        joined = json_format("%s%s%s", joined, i > 0 ? "," : "", rooms->items[i]->text);
    }
    options.machine_rooms = mqp_str_of(joined);
    const char *index = json_text_of(chosen, "index", "");
    if (strcmp(kind, "callback") == 0) {
        options.queue_selector.call = strcmp(index, "first") == 0  ? first_queue
                                      : strcmp(index, "last") == 0 ? last_queue
                                                                   : beyond_the_queues;
    }
    return options;
}
