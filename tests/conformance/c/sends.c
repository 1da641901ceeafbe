/* The calls that take messages, and waiting for their end. */

#include <string.h>

#include "runner.h"

static void tell(waiter *later, json *outcome) {
    lock();
    later->outcome = outcome;
    changed();
    unlock();
}

static json *of_completion(const mqp_completion *completion) {
    return completion->status == MQP_OK ? outcome_receipt(completion->receipt) : outcome_error(completion->error);
}

static void on_send(void *user_data, const mqp_completion *completion) { tell(user_data, of_completion(completion)); }

static void on_request(void *user_data, const mqp_request_completion *completion) {
    bool came = completion->status == MQP_OK;
    tell(user_data, came ? outcome_received(completion->reply) : outcome_error(completion->error));
}

static void on_batch(void *user_data, const mqp_batch_completion *completion) {
    tell(user_data, outcome_of_batch(completion->status, completion->result, completion->error));
}

static waiter *new_waiter(bool queued) {
    waiter *later = json_memory(sizeof *later);
    later->queued = queued;
    return later;
}

static bool has_outcome(const void *of) { return ((const waiter *)of)->outcome != NULL; }

/* Takes completions out of the queue until the waiter has its own. */
static void poll_queue(run *r, const waiter *later) {
    mqp_completion came[16];
    size_t count = 1;
    while (later->outcome == NULL && count > 0) {
        mqp_status status = mqp_completion_queue_poll(r->queue, came, sizeof came[0], 16, COMPLETION_LIMIT_MS, &count, NULL);
        for (size_t i = 0; status == MQP_OK && i < count; i++) {
            ((waiter *)came[i].user_data)->outcome = of_completion(&came[i]);
        }
        mqp_completions_free(came, sizeof came[0], count);
    }
}

json *await(run *r, waiter *later) {
    if (later->queued) {
        poll_queue(r, later);
    }
    lock();
    bool there = wait_until(has_outcome, later, COMPLETION_LIMIT_MS);
    unlock();
    if (!there) {
        r->wrong = json_format("no completion came");
        return NULL;
    }
    return later->outcome;
}

static mqp_completion_queue *queue_of(run *r) {
    if (r->queue == NULL && mqp_completion_queue_new(&r->queue, NULL) != MQP_OK) {
        r->wrong = json_format("there is no completion queue");
    }
    return r->queue;
}

static json *send_one(run *r, const json *step, const char *what, waiter **later) {
    mqp_message message = message_of(step);
    mqp_send_options options = options_of(r, step);
    mqp_receipt *receipt = NULL;
    mqp_error *error = NULL;
    if (strcmp(what, "send") == 0) {
        mqp_status status = mqp_producer_send(r->producer, &message, &options, &receipt, &error);
        return outcome_of_receipt(status, receipt, error);
    }
    if (strcmp(what, "send_oneway") == 0) {
        mqp_status status = mqp_producer_send_oneway(r->producer, &message, &options, &receipt, &error);
        return outcome_of_receipt(status, receipt, error);
    }
    bool queued = strcmp(what, "send_queued") == 0;
    waiter *waits = new_waiter(queued);
    mqp_status status;
    if (queued) {
        status = mqp_producer_send_queued(r->producer, &message, &options, queue_of(r), waits, &error);
    } else {
        mqp_callback callback = {on_send, waits, NULL};
        status = mqp_producer_send_async(r->producer, &message, &options, callback, &error);
    }
    *later = status == MQP_OK ? waits : NULL;
    return status == MQP_OK ? NULL : outcome_of(status, &error);
}

static json *send_many(run *r, const json *step) {
    size_t count = 0, accepted = 0;
    mqp_message *messages = messages_of(step, &count);
    mqp_send_options options = options_of(r, step);
    mqp_error *error = NULL;
    void **waits = json_memory(count * sizeof *waits + 1);
    for (size_t i = 0; i < count; i++) {
        waits[i] = new_waiter(true);
    }
    mqp_status status = mqp_producer_send_many(r->producer, messages, count, sizeof messages[0], &options, queue_of(r),
                                               waits, &accepted, &error);
    json *outcome = outcome_of(status, &error), *completions = json_new(JSON_LIST);
    for (size_t i = 0; i < accepted; i++) {
        json *completion = await(r, waits[i]);
        if (completion == NULL) {
            return NULL;
        }
        json_add(completions, NULL, completion);
    }
    json_put(outcome, "accepted", json_number((double)accepted));
    json_put(outcome, "completions", completions);
    return outcome;
}

static json *send_batch(run *r, const json *step, const char *what, waiter **later) {
    size_t count = 0;
    mqp_message *messages = messages_of(step, &count);
    mqp_send_options options = options_of(r, step);
    mqp_batch_options split = MQP_BATCH_OPTIONS_INIT;
    split.split_bytes = (uint32_t)json_number_of(step, "split_bytes", 0);
    mqp_batch_result *result = NULL;
    mqp_error *error = NULL;
    mqp_status status;
    if (strcmp(what, "send_batch_async") == 0) {
        waiter *waits = new_waiter(false);
        status = mqp_producer_send_batch_async(r->producer, messages, count, sizeof messages[0], &options, &split,
                                               (mqp_batch_callback){on_batch, waits, NULL}, &error);
        *later = status == MQP_OK ? waits : NULL;
        return status == MQP_OK ? NULL : outcome_of(status, &error);
    }
    bool oneway = strcmp(what, "send_batch_oneway") == 0;
    status = (oneway ? mqp_producer_send_batch_oneway : mqp_producer_send_batch)(
        r->producer, messages, count, sizeof messages[0], &options, &split, &result, &error);
    json *outcome = outcome_of_batch(status, result, error);
    mqp_batch_result_free(result);
    mqp_error_free(error);
    return outcome;
}

static json *request(run *r, const json *step, bool is_async, waiter **later) {
    mqp_message message = message_of(step);
    mqp_send_options options = options_of(r, step);
    uint32_t timeout_ms = (uint32_t)json_number_of(step, "timeout_ms", 0);
    mqp_error *error = NULL;
    if (!is_async) {
        mqp_received_message *reply = NULL;
        mqp_status status = mqp_producer_request(r->producer, &message, &options, timeout_ms, &reply, &error);
        return outcome_of_reply(status, reply, error);
    }
    waiter *waits = new_waiter(false);
    mqp_request_callback callback = {on_request, waits, NULL};
    mqp_status status = mqp_producer_request_async(r->producer, &message, &options, timeout_ms, callback, &error);
    *later = status == MQP_OK ? waits : NULL;
    return status == MQP_OK ? NULL : outcome_of(status, &error);
}

static json *reply(run *r, const json *step, bool is_async, waiter **later) {
    const json *of = json_get(step, "to");
    mqp_reply_to to = MQP_REPLY_TO_INIT;
    to.correlation_id = mqp_str_of(json_text_of(of, "correlation_id", ""));
    to.reply_to_client = mqp_str_of(json_text_of(of, "reply_to_client", ""));
    to.cluster = mqp_str_of(json_text_of(of, "cluster", ""));
    to.ttl_ms = (uint32_t)json_number_of(of, "ttl_ms", 0);
    mqp_message message = message_of(step);
    mqp_send_options options = options_of(r, step);
    mqp_error *error = NULL;
    if (!is_async) {
        mqp_receipt *receipt = NULL;
        mqp_status status = mqp_producer_reply(r->producer, &to, &message, &options, &receipt, &error);
        return outcome_of_receipt(status, receipt, error);
    }
    waiter *waits = new_waiter(false);
    mqp_callback callback = {on_send, waits, NULL};
    mqp_status status = mqp_producer_reply_async(r->producer, &to, &message, &options, callback, &error);
    *later = status == MQP_OK ? waits : NULL;
    return status == MQP_OK ? NULL : outcome_of(status, &error);
}

json *send_step(run *r, const json *step, waiter **later) {
    const char *what = json_text_of(step, "do", "");
    if (strcmp(what, "send_many") == 0) {
        return send_many(r, step);
    }
    if (strncmp(what, "send_batch", 10) == 0) {
        return send_batch(r, step, what, later);
    }
    if (strncmp(what, "send", 4) == 0) {
        return send_one(r, step, what, later);
    }
    if (strncmp(what, "request", 7) == 0 && strcmp(what, "requests") != 0) {
        return request(r, step, strcmp(what, "request_async") == 0, later);
    }
    return strncmp(what, "reply", 5) == 0 ? reply(r, step, strcmp(what, "reply_async") == 0, later) : NULL;
}
