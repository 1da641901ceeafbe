/* What the tests of completion queues share. */
#ifndef QUEUE_H
#define QUEUE_H

#include "check.h"

#include <poll.h>

#define SIZE ((uint32_t)sizeof(mqp_completion))

/* A started producer of `url` with one more setting. */
static inline mqp_producer *queue_producer(const char *url, const char *key, const char *value,
                                           const char *backpressure) {
    mqp_config *config = check_config(url);
    CHECK_OK(mqp_config_set(config, mqp_str_of(key), mqp_str_of(value), &error));
    CHECK_OK(mqp_config_set(config, MQP_STR("backpressure"), mqp_str_of(backpressure), &error));
    /* No test is decided by a slow machine. */
    CHECK_OK(mqp_config_set(config, MQP_STR("send_msg_timeout"), MQP_STR("60000"), &error));
    return check_start(config);
}

static inline mqp_completion_queue *queue_new(void) {
    mqp_completion_queue *queue = NULL;
    CHECK_OK(mqp_completion_queue_new(&queue, &error));
    CHECK(mqp_completion_queue_fd(queue) >= 0);
    return queue;
}

/* Whether the queue's descriptor is readable, after at most `timeout_ms`. */
static inline int queue_readable(const mqp_completion_queue *queue, int timeout_ms) {
    struct pollfd waits;
    waits.fd = mqp_completion_queue_fd(queue);
    waits.events = POLLIN;
    waits.revents = 0;
    return poll(&waits, 1, timeout_ms) == 1;
}

/* Polls once; every completion must have `status`, and its user_data is a counter, which is raised. */
static inline size_t queue_count(mqp_completion_queue *queue, size_t capacity, uint32_t timeout_ms,
                                 mqp_status status) {
    mqp_completion completions[64];
    size_t count = 99, i;
    CHECK(capacity <= 64);
    CHECK_OK(mqp_completion_queue_poll(queue, completions, SIZE, capacity, timeout_ms, &count, &error));
    CHECK(count <= capacity);
    for (i = 0; i < count; i++) {
        const mqp_completion *completion = &completions[i];
        if (completion->struct_size != SIZE || completion->status != status ||
            (completion->receipt != NULL) != (status == MQP_OK) || mqp_error_status(completion->error) != status) {
            printf("%s: %s\n", mqp_status_name(completion->status), mqp_error_message(completion->error));
            check_failures++;
        }
        if (completion->user_data != NULL) {
            ++*(int *)completion->user_data;
        }
    }
    mqp_completions_free(completions, SIZE, count);
    return count;
}

/* Polls until `wanted` completions came. */
static inline void queue_drain(mqp_completion_queue *queue, size_t wanted, mqp_status status) {
    size_t found = 0, count = 1;
    while (found < wanted && count > 0) {
        count = queue_count(queue, 64, 30000, status);
        found += count;
    }
    CHECK(found == wanted);
    CHECK(queue_count(queue, 64, 0, status) == 0 && !queue_readable(queue, 0));
}

static inline int queue_each_once(const int *counters, size_t count) {
    size_t i;
    for (i = 0; i < count; i++) {
        if (counters[i] != 1) {
            printf("message %lu ended %d times\n", (unsigned long)i, counters[i]);
            return 0;
        }
    }
    return 1;
}

#endif
