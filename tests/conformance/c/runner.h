/* The runner of C: one case at a time. */
#ifndef CONFORMANCE_RUNNER_H
#define CONFORMANCE_RUNNER_H

#include <mqproducer.h>

#include "json.h"
#include "pattern.h"

/* How long a condition is waited for, and a completion. */
#define LIMIT_MS 10000
#define COMPLETION_LIMIT_MS 30000

/* One outcome that a callback, or the completion queue, will tell. */
typedef struct waiter {
    json *outcome;
    bool queued;
} waiter;

typedef struct transaction {
    const char *name;
    mqp_transaction *handle;
} transaction;

/* What the steps with `as` NAME wait for. */
typedef struct waiters {
    const char *name;
    waiter *list[256];
    size_t count;
} waiters;

typedef struct run {
    const json *at;
    /* NULL: on a real broker. */
    mqp_mock_cluster *cluster;
    source from;
    mqp_config *config;
    mqp_producer *producer;
    mqp_completion_queue *queue;
    transaction transactions[8];
    waiters kept[8];
    /* Outcomes by the name of `save`. */
    json *saved;
    /* What hooks and checker were told. */
    json *calls, *asked;
    /* What is wrong with the case or the runner, rather than an outcome. */
    char *wrong;
} run;

/* Guards `waiter.outcome`, `run.calls` and `run.asked`, which the library's threads write. */
void lock(void);
void unlock(void);
/* Tells those who wait below of a change. */
void changed(void);
/* Waits, under the lock, until `done` says so; false: the time passed. */
bool wait_until(bool (*done)(const void *), const void *of, unsigned limit_ms);

/* hooks.c */
mqp_status add_hooks(run *r, mqp_error **error);
/* The list once it has `count` entries, or NULL. */
json *wait_notes(json *notes, size_t count);

/* outcomes.c */
json *outcome_ok(void);
json *outcome_timeout(void);
/* Of a call that tells nothing more; takes the error, which arguments of one call could have read too early. */
json *outcome_of(mqp_status status, mqp_error **error);
json *outcome_error(const mqp_error *error);
/* Take what they are given. */
json *outcome_of_receipt(mqp_status status, mqp_receipt *receipt, mqp_error *error);
json *outcome_of_reply(mqp_status status, mqp_received_message *reply, mqp_error *error);
json *outcome_of_batch(mqp_status status, const mqp_batch_result *result, const mqp_error *error);
json *outcome_receipt(const mqp_receipt *receipt);
json *outcome_received(const mqp_received_message *message);
json *stored_messages(mqp_mock_cluster *cluster, const char *topic);
json *requests_seen(mqp_mock_requests *requests);
json *text_json(mqp_str text);
json *body_json(mqp_bytes body);

/* messages.c */
mqp_bytes body_of(const char *text);
/* What only a JMS message has; NULL: nothing. */
const mqp_jms *jms_of(const json *of);
mqp_message message_of(const json *step);
mqp_message *messages_of(const json *step, size_t *count);
mqp_send_options options_of(run *r, const json *step);

/* sends.c: an outcome, NULL with `*later` set, or just NULL when there is no such step. */
json *send_step(run *r, const json *step, waiter **later);
/* Waits for an asynchronous outcome; NULL with `r->wrong` set when none comes. */
json *await(run *r, waiter *later);

/* cluster.c: NULL when there is no such step, or with `r->wrong` set. */
json *cluster_step(run *r, const json *step);
json *stored_step(run *r, const json *step);

/* steps.c */
void run_case(const json *at, const char *url, const char *id, json *differences);

#endif
