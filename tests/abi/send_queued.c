/* The sends that end in a completion queue: order and refusals, hooks, callbacks, later structs, bad input by name. */
#include "queue.h"

#include <pthread.h>

static mqp_mock_cluster *cluster;
static const char *url;
static mqp_producer *producer;
static mqp_completion_queue *queue;

static void many_stop_at_the_first_that_is_refused(void) {
    mqp_message messages[5];
    int ended[5] = {0, 0, 0, 0, 0};
    void *user_data[5];
    size_t accepted = 99, i;
    for (i = 0; i < 5; i++) {
        messages[i] = check_message();
        user_data[i] = &ended[i];
    }
    messages[3].topic = MQP_STR("no such topic!");
    CHECK_OK(mqp_mock_cluster_clear(cluster, &error));
    CHECK_ERROR(mqp_producer_send_many(producer, messages, 5, sizeof(mqp_message), NULL, queue, user_data, &accepted,
                                       &error),
                MQP_ERR_INVALID_MESSAGE, "messages[3]: ");
    CHECK(accepted == 3);
    queue_drain(queue, 3, MQP_OK);
    CHECK(ended[0] == 1 && ended[1] == 1 && ended[2] == 1 && ended[3] == 0 && ended[4] == 0);
    CHECK_OK(mqp_mock_cluster_message_count(cluster, MQP_STR("abi-test"), &accepted, &error));
    CHECK(accepted == 3);
    CHECK_OK(mqp_producer_send_many(producer, NULL, 0, sizeof(mqp_message), NULL, queue, NULL, &accepted, &error));
    CHECK(accepted == 0);
    /* Neither user_data nor the number is wanted. */
    CHECK_OK(mqp_producer_send_many(producer, messages, 2, sizeof(mqp_message), NULL, queue, NULL, NULL, &error));
    queue_drain(queue, 2, MQP_OK);
}

/* More than one write takes: all of them arrive, in order, for they go to one queue. */
static void many_keep_their_order(void) {
    enum { COUNT = 1000 };
    static mqp_message messages[COUNT];
    static uint32_t numbers[COUNT];
    mqp_send_options options = MQP_SEND_OPTIONS_INIT;
    mqp_mock_messages *stored = NULL;
    size_t accepted = 0, i, misplaced = 0;
    int64_t before_first = 0;
    for (i = 0; i < COUNT; i++) {
        numbers[i] = (uint32_t)i;
        messages[i] = check_message();
        messages[i].body.ptr = (const uint8_t *)&numbers[i];
        messages[i].body.len = sizeof(numbers[i]);
    }
    options.selector = MQP_SELECT_HASH;
    options.sharding_key = MQP_STR("one");
    CHECK_OK(mqp_mock_cluster_clear(cluster, &error));
    CHECK_OK(mqp_producer_send_many(producer, messages, COUNT, sizeof(mqp_message), &options, queue, NULL, &accepted,
                                    &error));
    CHECK(accepted == COUNT);
    queue_drain(queue, COUNT, MQP_OK);
    CHECK_OK(mqp_mock_cluster_messages(cluster, MQP_STR(""), &stored, &error));
    CHECK(mqp_mock_messages_count(stored) == COUNT);
    for (i = 0; i < mqp_mock_messages_count(stored); i++) {
        mqp_mock_message_view view = MQP_MOCK_MESSAGE_VIEW_INIT;
        uint32_t number = 0;
        CHECK_OK(mqp_mock_messages_get(stored, i, &view, &error));
        memcpy(&number, view.body.ptr, sizeof(number));
        /* A cleared queue goes on counting. */
        before_first = i == 0 ? view.queue_offset : before_first;
        misplaced += view.queue_offset != before_first + (int64_t)number;
    }
    CHECK(misplaced == 0);
    mqp_mock_messages_free(stored);
}

typedef struct later_message {
    mqp_message known;
    uint64_t unknown;
} later_message;

typedef struct later_completion {
    mqp_completion known;
    uint64_t unknown, beyond;
} later_completion;

/* Arrays are stepped by the caller's sizes. */
static void arrays_of_later_structs(void) {
    later_message messages[2];
    later_completion completions[3];
    int ended[2] = {0, 0};
    void *user_data[2];
    size_t count = 0, i;
    memset(messages, 0, sizeof(messages));
    memset(completions, 0x55, sizeof(completions));
    for (i = 0; i < 2; i++) {
        messages[i].known = check_message();
        messages[i].known.struct_size = sizeof(later_message);
        user_data[i] = &ended[i];
    }
    CHECK_OK(mqp_producer_send_many(producer, &messages[0].known, 2, sizeof(later_message), NULL, queue, user_data,
                                    &count, &error));
    CHECK(count == 2);
    CHECK_OK(mqp_producer_flush(producer, 30000, &error));
    CHECK_OK(mqp_completion_queue_poll(queue, &completions[0].known, sizeof(later_completion), 3, 0, &count, &error));
    CHECK(count == 2);
    for (i = 0; i < 2; i++) {
        CHECK(completions[i].known.struct_size == sizeof(mqp_completion) && completions[i].known.status == MQP_OK);
        CHECK(completions[i].known.receipt != NULL && completions[i].known.error == NULL);
        CHECK(completions[i].unknown == 0 && completions[i].beyond == 0);
        ++*(int *)completions[i].known.user_data;
    }
    CHECK(completions[2].unknown == 0x5555555555555555u && completions[2].known.struct_size == 0x55555555u);
    CHECK(ended[0] == 1 && ended[1] == 1);
    mqp_completions_free(&completions[0].known, 7, 2);
    CHECK(completions[1].known.receipt != NULL);
    mqp_completions_free(&completions[0].known, sizeof(later_completion), 2);
    CHECK(completions[0].known.receipt == NULL && completions[1].known.receipt == NULL);
}

static void bad_input_is_refused_by_name(void) {
    mqp_message messages[2];
    mqp_completion completion;
    mqp_completion_queue *none = queue;
    size_t count = 99;
    messages[0] = messages[1] = check_message();
    CHECK_ERROR(mqp_completion_queue_new(NULL, &error), MQP_ERR_INVALID_ARGUMENT, "`out` is NULL");
    CHECK_ERROR(mqp_completion_queue_poll(NULL, &completion, SIZE, 1, 0, &count, &error), MQP_ERR_INVALID_ARGUMENT,
                "`queue` is NULL");
    CHECK(count == 0);
    CHECK_ERROR(mqp_completion_queue_poll(queue, NULL, SIZE, 1, 0, &count, &error), MQP_ERR_INVALID_ARGUMENT,
                "`out` is NULL");
    CHECK_ERROR(mqp_completion_queue_poll(queue, &completion, SIZE, 0, 0, &count, &error), MQP_ERR_INVALID_ARGUMENT,
                "`capacity` is 0; the minimum is 1");
    CHECK_ERROR(mqp_completion_queue_poll(queue, &completion, 31, 1, 0, &count, &error), MQP_ERR_INVALID_ARGUMENT,
                "`completion_size` is 31; the minimum is 32, the maximum 4096");
    CHECK_ERROR(mqp_completion_queue_poll(queue, &completion, 4097, 1, 0, &count, &error), MQP_ERR_INVALID_ARGUMENT,
                "`completion_size` is 4097");
    CHECK_ERROR(mqp_completion_queue_poll(queue, &completion, SIZE, 1, 0, NULL, &error), MQP_ERR_INVALID_ARGUMENT,
                "`count` is NULL");
    CHECK_ERROR(mqp_producer_send_queued(NULL, messages, NULL, queue, NULL, &error), MQP_ERR_INVALID_ARGUMENT,
                "`producer` is NULL");
    CHECK_ERROR(mqp_producer_send_queued(producer, messages, NULL, NULL, NULL, &error), MQP_ERR_INVALID_ARGUMENT,
                "`queue` is NULL");
    CHECK_ERROR(mqp_producer_send_queued(producer, NULL, NULL, queue, NULL, &error), MQP_ERR_INVALID_ARGUMENT,
                "`mqp_message` is NULL");
    CHECK_ERROR(mqp_producer_send_many(NULL, messages, 2, sizeof(mqp_message), NULL, queue, NULL, &count, &error),
                MQP_ERR_INVALID_ARGUMENT, "`producer` is NULL");
    CHECK_ERROR(mqp_producer_send_many(producer, messages, 2, sizeof(mqp_message), NULL, NULL, NULL, &count, &error),
                MQP_ERR_INVALID_ARGUMENT, "`queue` is NULL");
    CHECK_ERROR(mqp_producer_send_many(producer, NULL, 2, sizeof(mqp_message), NULL, queue, NULL, &count, &error),
                MQP_ERR_INVALID_ARGUMENT, "`messages` is NULL with `count` 2");
    CHECK_ERROR(mqp_producer_send_many(producer, messages, 2, 8, NULL, queue, NULL, &count, &error),
                MQP_ERR_INVALID_ARGUMENT, "`message_size` is 8; the minimum is 96");
    messages[1].struct_size += 8;
    count = 99;
    CHECK_ERROR(mqp_producer_send_many(producer, messages + 1, 1, sizeof(mqp_message), NULL, queue, NULL, &count,
                                       &error),
                MQP_ERR_INVALID_ARGUMENT, "messages[0]: `mqp_message.struct_size` is ");
    CHECK(count == 0);
    CHECK_ERROR(mqp_producer_discard_completions(NULL, &error), MQP_ERR_INVALID_ARGUMENT, "`producer` is NULL");
    mqp_completion_queue_free(NULL);
    mqp_completions_free(NULL, SIZE, 3);
    CHECK(mqp_completion_queue_fd(NULL) == -1);
    CHECK(queue_count(queue, 1, 0, MQP_OK) == 0 && queue_count(queue, 1, 20, MQP_OK) == 0 && none == queue);
    CHECK_OK(mqp_producer_flush(producer, 0, &error));
}

static void closed_producers_are_refused(void) {
    mqp_producer *closed = queue_producer(url, "max_in_flight_messages", "10", "fail");
    mqp_message message = check_message();
    size_t accepted = 99;
    CHECK_OK(mqp_producer_close(closed, 5000, &error));
    CHECK_ERROR(mqp_producer_send_queued(closed, &message, NULL, queue, NULL, &error), MQP_ERR_CLOSED, "is closed");
    CHECK_ERROR(mqp_producer_send_many(closed, &message, 1, sizeof(message), NULL, queue, NULL, &accepted, &error),
                MQP_ERR_CLOSED, "messages[0]: the producer is closed");
    CHECK(accepted == 0 && !queue_readable(queue, 0));
    mqp_producer_free(closed);
}

static int told;

static void after_send(void *user_data, const mqp_hook_context *context, const mqp_hook_end *end) {
    (void)context;
    CHECK(end->status == MQP_OK && !queue_readable(queue, 0));
    ++*(int *)user_data;
}

/* The after-hooks run first, on the dispatcher; then the end is put into the queue. */
static void hooks_are_told_before_the_queue(void) {
    mqp_config *config = check_config(url);
    mqp_hook hook = MQP_HOOK_INIT;
    mqp_producer *hooked = NULL;
    mqp_message message = check_message();
    CHECK_OK(mqp_producer_new(config, &hooked, &error));
    mqp_config_free(config);
    told = 0;
    hook.after_send = after_send;
    hook.user_data = &told;
    CHECK_OK(mqp_producer_add_hook(hooked, &hook, &error));
    CHECK_OK(mqp_producer_start(hooked, &error));
    CHECK_OK(mqp_producer_send_queued(hooked, &message, NULL, queue, NULL, &error));
    queue_drain(queue, 1, MQP_OK);
    CHECK(told == 1);
    CHECK_OK(mqp_producer_close(hooked, 5000, &error));
    mqp_producer_free(hooked);
}

static void in_a_callback(void *user_data, const mqp_completion *completion) {
    mqp_message message = check_message();
    mqp_completion polled;
    size_t count = 99;
    (void)user_data;
    CHECK(completion->status == MQP_OK);
    CHECK_OK(mqp_producer_send_queued(producer, &message, NULL, queue, NULL, &error));
    CHECK_ERROR(mqp_completion_queue_poll(queue, &polled, SIZE, 1, 1, &count, &error), MQP_ERR_WOULD_DEADLOCK,
                "`timeout_ms` is not 0");
    CHECK(count == 0);
}

static void callbacks_may_send_and_must_not_wait(void) {
    mqp_message message = check_message();
    mqp_callback callback = {in_a_callback, NULL, NULL};
    CHECK_OK(mqp_producer_send_async(producer, &message, NULL, callback, &error));
    queue_drain(queue, 1, MQP_OK);
}

typedef struct gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int entered, open, calls, drops;
} gate;

static void wait_in_call(void *user_data, const mqp_completion *completion) {
    gate *self = user_data;
    (void)completion;
    pthread_mutex_lock(&self->lock);
    self->calls++;
    self->entered = 1;
    pthread_cond_broadcast(&self->changed);
    while (!self->open) {
        pthread_cond_wait(&self->changed, &self->lock);
    }
    pthread_mutex_unlock(&self->lock);
}

static void count_drop(void *user_data) {
    gate *self = user_data;
    pthread_mutex_lock(&self->lock);
    self->drops++;
    pthread_mutex_unlock(&self->lock);
}

static void count_after(void *user_data, const mqp_hook_context *context, const mqp_hook_end *end) {
    (void)context;
    (void)end;
    ++*(int *)user_data;
}

/* What runs goes on; nothing more is called, while flush, close and queues go on as before. */
static void discarded_completions_call_nothing(void) {
    gate shared = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0, 0, 0};
    mqp_callback callback = {wait_in_call, NULL, count_drop};
    mqp_config *config = check_config(url);
    mqp_hook hook = MQP_HOOK_INIT;
    mqp_producer *discarding = NULL;
    mqp_message message = check_message();
    int after = 0, i;
    callback.user_data = &shared;
    hook.after_send = count_after;
    hook.user_data = &after;
    CHECK_OK(mqp_producer_new(config, &discarding, &error));
    mqp_config_free(config);
    CHECK_OK(mqp_producer_add_hook(discarding, &hook, &error));
    CHECK_OK(mqp_producer_start(discarding, &error));
    CHECK_OK(mqp_producer_send_async(discarding, &message, NULL, callback, &error));
    pthread_mutex_lock(&shared.lock);
    while (!shared.entered) {
        pthread_cond_wait(&shared.changed, &shared.lock);
    }
    pthread_mutex_unlock(&shared.lock);
    /* These wait behind the call that is running. */
    for (i = 0; i < 10; i++) {
        CHECK_OK(mqp_producer_send_async(discarding, &message, NULL, callback, &error));
    }
    CHECK_OK(mqp_producer_discard_completions(discarding, &error));
    CHECK_OK(mqp_producer_send_async(discarding, &message, NULL, callback, &error));
    CHECK_OK(mqp_producer_send_queued(discarding, &message, NULL, queue, NULL, &error));
    pthread_mutex_lock(&shared.lock);
    shared.open = 1;
    pthread_cond_broadcast(&shared.changed);
    pthread_mutex_unlock(&shared.lock);
    CHECK_OK(mqp_producer_flush(discarding, 30000, &error));
    CHECK_OK(mqp_producer_close(discarding, 5000, &error));
    CHECK(shared.calls == 1 && shared.drops == 0 && after == 1);
    queue_drain(queue, 1, MQP_OK);
    mqp_producer_free(discarding);
}

int main(void) {
    CHECK_OK(mqp_mock_cluster_new(MQP_STR(""), 1, 4, &cluster, &error));
    url = mqp_mock_cluster_url(cluster);
    producer = queue_producer(url, "max_in_flight_messages", "2000", "fail");
    queue = queue_new();
    RUN(many_stop_at_the_first_that_is_refused);
    RUN(many_keep_their_order);
    RUN(arrays_of_later_structs);
    RUN(bad_input_is_refused_by_name);
    RUN(closed_producers_are_refused);
    RUN(hooks_are_told_before_the_queue);
    RUN(callbacks_may_send_and_must_not_wait);
    RUN(discarded_completions_call_nothing);
    CHECK_OK(mqp_producer_close(producer, 5000, &error));
    mqp_producer_free(producer);
    mqp_completion_queue_free(queue);
    mqp_mock_cluster_free(cluster);
    return check_finish();
}
