/* What is done to the cluster, and asked of it. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runner.h"

/* What the real broker stored, which only the parent process can read. */
static json *ask_parent(run *r, const char *topic, size_t count) {
    json *question = json_new(JSON_OBJECT);
    json_put(question, "read", json_string(topic));
    json_put(question, "count", json_number((double)count));
    printf("%s\n", json_print(question));
    fflush(stdout);
    char *line = NULL;
    size_t room = 0;
    json *list = getline(&line, &room, stdin) > 0 ? json_parse(line) : NULL;
    free(line);
    if (list == NULL) {
        r->wrong = json_format("the parent process does not answer");
    }
    return list;
}

static size_t different(const json *messages, bool with_queue) {
    size_t count = 0;
    for (size_t i = 0; i < messages->count; i++) {
        const json *one = messages->items[i];
        bool is_new = true;
        for (size_t j = 0; j < i && is_new; j++) {
            const json *other = messages->items[j];
            bool same_broker = strcmp(json_text_of(one, "broker", ""), json_text_of(other, "broker", "")) == 0;
            bool same_queue = json_number_of(one, "queue_id", -1) == json_number_of(other, "queue_id", -1);
            is_new = !(same_broker && (same_queue || !with_queue));
        }
        count += is_new;
    }
    return count;
}

json *stored_step(run *r, const json *step) {
    const char *topic = json_text_of(step, "topic", "");
    size_t count = (size_t)json_number_of(step, "count", 0);
    json *messages;
    if (r->cluster != NULL) {
        if (mqp_mock_cluster_wait(r->cluster, mqp_str_of(topic), count, LIMIT_MS, NULL) != MQP_OK) {
            return outcome_timeout();
        }
        messages = stored_messages(r->cluster, topic);
    } else {
        messages = ask_parent(r, topic, count);
    }
    if (messages == NULL) {
        return NULL;
    }
    json *outcome = outcome_ok();
    json_put(outcome, "count", json_number((double)messages->count));
    json_put(outcome, "queues", json_number((double)different(messages, true)));
    json_put(outcome, "brokers", json_number((double)different(messages, false)));
    json_put(outcome, "messages", messages);
    return outcome;
}

/* The index of a text in a list that ends with NULL; that of the NULL when it is not there. */
static uint32_t index_of(const char *const *list, const char *text) {
    uint32_t index = 0;
    while (list[index] != NULL && strcmp(list[index], text) != 0) {
        index++;
    }
    return index;
}

static json *push_fault(run *r, const json *step) {
    /* From MQP_MOCK_FAULT_ANSWER, 1, on. */
    static const char *const actions[] = {"answer",       "change_answer", "delay",       "drop",    "lose_answer",
                                          "close_before", "close_after",   "half_answer", "garbage", "stop_reading",
                                          NULL};
    mqp_mock_fault fault = MQP_MOCK_FAULT_INIT;
    fault.action = 1 + index_of(actions, json_text_of(step, "action", ""));
    fault.broker = mqp_str_of(json_text_of(step, "broker", ""));
    fault.request_code = (int32_t)json_number_of(step, "request_code", 0);
    fault.count = (uint32_t)json_number_of(step, "count", 1);
    fault.response_code = (int32_t)json_number_of(step, "response_code", 0);
    fault.delay_ms = (uint32_t)json_number_of(step, "delay_ms", 0);
    fault.remark = mqp_str_of(json_text_of(step, "remark", ""));
    fault.bytes = body_of(json_text_of(step, "bytes", ""));
    mqp_error *error = NULL;
    return outcome_of(mqp_mock_cluster_push_fault(r->cluster, &fault, &error), &error);
}

static json *set_broker(run *r, const json *step) {
    /* The bits MQP_MOCK_BROKER_OUT_OF_ROUTE and MQP_MOCK_BROKER_STOPPED. */
    static const char *const states[] = {"up", "out_of_route", "stopped", "gone", NULL};
    mqp_error *error = NULL;
    mqp_str broker = mqp_str_of(json_text_of(step, "broker", ""));
    uint32_t state = index_of(states, json_text_of(step, "state", ""));
    return outcome_of(mqp_mock_cluster_set_broker_state(r->cluster, broker, state, &error), &error);
}

static json *requests(run *r, const json *step) {
    mqp_str broker = mqp_str_of(json_text_of(step, "broker", ""));
    int32_t code = (int32_t)json_number_of(step, "request_code", 0);
    size_t count = (size_t)json_number_of(step, "count", 0);
    mqp_error *error = NULL;
    mqp_status status = mqp_mock_cluster_wait_requests(r->cluster, broker, code, count, LIMIT_MS, &error);
    mqp_mock_requests *seen = NULL;
    if (status == MQP_OK) {
        status = mqp_mock_cluster_requests(r->cluster, broker, code, &seen, &error);
    }
    json *outcome = outcome_of(status, &error);
    if (status == MQP_OK) {
        json *list = requests_seen(seen);
        json_put(outcome, "count", json_number((double)list->count));
        json_put(outcome, "requests", list);
    }
    mqp_mock_requests_free(seen);
    return outcome;
}

json *cluster_step(run *r, const json *step) {
    static const struct {
        const char *name;
        json *(*done)(run *, const json *);
    } steps[] = {{"push_fault", push_fault}, {"set_broker", set_broker}, {"requests", requests}};
    static const struct {
        const char *name;
        mqp_status (*done)(const mqp_mock_cluster *, mqp_error **);
    } plain[] = {{"clear_faults", mqp_mock_cluster_clear_faults}, {"clear_requests", mqp_mock_cluster_clear_requests}};
    const char *what = json_text_of(step, "do", "");
    if (r->cluster == NULL) {
        r->wrong = json_format("a step of the embedded cluster, on a real one");
        return NULL;
    }
    mqp_error *error = NULL;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        if (strcmp(what, steps[i].name) == 0) {
            return steps[i].done(r, step);
        }
    }
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
        if (strcmp(what, plain[i].name) == 0) {
            mqp_status status = plain[i].done(r->cluster, &error);
            return outcome_of(status, &error);
        }
    }
    if (strcmp(what, "clear_messages") == 0) {
        mqp_status status = mqp_mock_cluster_clear(r->cluster, &error);
        return outcome_of(status, &error);
    }
    return NULL;
}
