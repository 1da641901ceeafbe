/* Hooks and checker that write down what they were told, and waiting for it. */

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "runner.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;

void lock(void) { pthread_mutex_lock(&mutex); }

void unlock(void) { pthread_mutex_unlock(&mutex); }

void changed(void) { pthread_cond_broadcast(&condition); }

bool wait_until(bool (*done)(const void *), const void *of, unsigned limit_ms) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += limit_ms / 1000;
    while (!done(of)) {
        if (pthread_cond_timedwait(&condition, &mutex, &until) == ETIMEDOUT) {
            return done(of);
        }
    }
    return true;
}

typedef struct enough {
    const json *notes;
    size_t count;
} enough;

static bool are_enough(const void *of) { return ((const enough *)of)->notes->count >= ((const enough *)of)->count; }

json *wait_notes(json *notes, size_t count) {
    lock();
    bool there = wait_until(are_enough, &(enough){notes, count}, LIMIT_MS);
    json *copy = json_new(JSON_LIST);
    for (size_t i = 0; i < notes->count; i++) {
        json_add(copy, NULL, notes->items[i]);
    }
    unlock();
    return there ? copy : NULL;
}

static size_t note(json *notes, json *call) {
    lock();
    json_add(notes, NULL, call);
    size_t count = notes->count;
    changed();
    unlock();
    return count;
}

typedef struct recorder {
    json *calls;
    const char *name, *forbid;
} recorder;

static json *told(const recorder *by, const char *call, const mqp_hook_context *context) {
    static const char *const modes[] = {"sync", "async", "oneway"};
    static const char *const types[] = {"normal", "half", "?", "delay"};
    json *made = json_new(JSON_OBJECT);
    json_put(made, "hook", json_string(by->name));
    json_put(made, "call", json_string(call));
    json_put(made, "mode", json_string(context->mode <= MQP_MODE_ONEWAY ? modes[context->mode] : "?"));
    json_put(made, "message_type", json_string(context->message_type <= 3 ? types[context->message_type] : "?"));
    json_put(made, "topic", text_json(context->topic));
    json_put(made, "broker", text_json(context->broker_name));
    json_put(made, "queue_id", json_number(context->queue_id));
    json_put(made, "body_length", json_number((double)context->body_length));
    json_put(made, "message_count", json_number((double)context->message_count));
    json_put(made, "group", text_json(context->producer_group));
    json_put(made, "namespace", text_json(context->namespace_name));
    json_put(made, "message_id", text_json(context->message_id));
    return made;
}

static uint32_t check_forbidden(void *user_data, const mqp_hook_context *context, char *reason, size_t reason_size) {
    recorder *by = user_data;
    note(by->calls, told(by, "check_forbidden", context));
    if (by->forbid == NULL) {
        return 0;
    }
    snprintf(reason, reason_size, "%s", by->forbid);
    return 1;
}

static void before_send(void *user_data, const mqp_hook_context *context) {
    recorder *by = user_data;
    note(by->calls, told(by, "before_send", context));
}

static void after_send(void *user_data, const mqp_hook_context *context, const mqp_hook_end *end) {
    recorder *by = user_data;
    json *made = told(by, "after_send", context);
    json_put(made, "status", json_string(mqp_status_name(end->status)));
    json_put(made, "attempts", json_number(end->attempts));
    note(by->calls, made);
}

static void end_transaction(void *user_data, const mqp_end_transaction_context *context) {
    static const char *const states[] = {"unknown", "commit", "rollback"};
    recorder *by = user_data;
    json *made = json_new(JSON_OBJECT);
    json_put(made, "hook", json_string(by->name));
    json_put(made, "call", json_string("end_transaction"));
    json_put(made, "topic", text_json(context->topic));
    json_put(made, "broker", text_json(context->broker_name));
    json_put(made, "state", json_string(context->state <= MQP_TRANSACTION_ROLLBACK ? states[context->state] : "?"));
    json_put(made, "from_check", json_boolean(context->from_check != 0));
    note(by->calls, made);
}

static uint32_t check(void *user_data, const mqp_received_message *message) {
    run *r = user_data;
    const json *states = json_get(r->at, "checker");
    size_t number = note(r->asked, outcome_received(message));
    const json *state = states->items[(number < states->count ? number : states->count) - 1];
    return json_is(state, "commit")     ? MQP_TRANSACTION_COMMIT
           : json_is(state, "rollback") ? MQP_TRANSACTION_ROLLBACK
                                        : MQP_TRANSACTION_UNKNOWN;
}

static size_t trace_context(void *user_data, char *out, size_t capacity) {
    const json *text = user_data;
    size_t length = strlen(text->text);
    memcpy(out, text->text, length < capacity ? length : capacity);
    return length;
}

mqp_status add_hooks(run *r, mqp_error **error) {
    const json *hooks = json_get(r->at, "hooks");
    for (size_t i = 0; hooks != NULL && i < hooks->count; i++) {
        recorder *by = json_memory(sizeof *by);
        *by = (recorder){r->calls, json_text_of(hooks->items[i], "name", ""), json_text_of(hooks->items[i], "forbid", NULL)};
        mqp_hook hook = MQP_HOOK_INIT;
        hook.check_forbidden = check_forbidden;
        hook.before_send = before_send;
        hook.after_send = after_send;
        hook.end_transaction = end_transaction;
        hook.user_data = by;
        mqp_status status = mqp_producer_add_hook(r->producer, &hook, error);
        if (status != MQP_OK) {
            return status;
        }
    }
    if (json_get(r->at, "checker") != NULL) {
        mqp_transaction_checker checker = {check, r, NULL};
        mqp_status status = mqp_producer_set_transaction_checker(r->producer, checker, error);
        if (status != MQP_OK) {
            return status;
        }
    }
    json *context = json_get(r->at, "trace_context");
    return context == NULL ? MQP_OK
                           : mqp_producer_set_trace_context(r->producer, (mqp_trace_context){trace_context, context, NULL}, error);
}
