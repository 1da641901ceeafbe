/* Completion queues: one loop without callbacks, several pollers and producers, what nobody polls, and closing. */
#include "queue.h"

#include <pthread.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { MANY = 20000, BOUND = 500 };

static mqp_mock_cluster *cluster;
static const char *url, *silent_url;
static int ended[MANY];

/* Whether the cluster stored the bodies 0 to `count` - 1, each once. */
static int stored_once(size_t count) {
    static int stored[MANY];
    mqp_mock_messages *messages = NULL;
    size_t i;
    memset(stored, 0, sizeof(stored));
    CHECK_OK(mqp_mock_cluster_messages(cluster, MQP_STR(""), &messages, &error));
    CHECK(mqp_mock_messages_count(messages) == count);
    for (i = 0; i < mqp_mock_messages_count(messages); i++) {
        mqp_mock_message_view view = MQP_MOCK_MESSAGE_VIEW_INIT;
        size_t number = MANY;
        CHECK_OK(mqp_mock_messages_get(messages, i, &view, &error));
        if (view.body.len == sizeof(number)) {
            memcpy(&number, view.body.ptr, sizeof(number));
        }
        if (number < count) {
            stored[number]++;
        }
    }
    mqp_mock_messages_free(messages);
    return queue_each_once(stored, count);
}

/* One thread sends and completes; it waits for nothing but the descriptor. */
static void one_loop(uint32_t trigger) {
    mqp_producer *producer = queue_producer(url, "max_in_flight_messages", "500", "fail");
    mqp_completion_queue *queue = queue_new();
    int loop = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event;
    size_t sent = 0, completed = 0, waits = 0;
    CHECK_OK(mqp_mock_cluster_clear(cluster, &error));
    memset(ended, 0, sizeof(ended));
    event.events = EPOLLIN | trigger;
    event.data.ptr = queue;
    CHECK(loop >= 0 && epoll_ctl(loop, EPOLL_CTL_ADD, mqp_completion_queue_fd(queue), &event) == 0);
    while (completed < MANY && check_failures == 0) {
        while (sent < MANY) {
            mqp_message message = check_message();
            mqp_error *error = NULL;
            mqp_status status;
            message.body.ptr = (const uint8_t *)&sent;
            message.body.len = sizeof(sent);
            status = mqp_producer_send_queued(producer, &message, NULL, queue, &ended[sent], &error);
            CHECK(status == mqp_error_status(error));
            mqp_error_free(error);
            if (status != MQP_OK) {
                CHECK(status == MQP_ERR_BACKPRESSURE);
                break;
            }
            sent++;
        }
        CHECK(sent - completed <= BOUND);
        CHECK(epoll_wait(loop, &event, 1, 30000) == 1 && event.data.ptr == queue);
        waits++;
        if (trigger == 0) {
            /* Readable means that something is there. */
            size_t count = queue_count(queue, 16, 0, MQP_OK);
            CHECK(count > 0);
            completed += count;
        } else {
            size_t count = 1;
            while (count > 0) {
                count = queue_count(queue, 16, 0, MQP_OK);
                completed += count;
            }
        }
    }
    CHECK(sent == MANY && completed == MANY && waits > 1 && queue_each_once(ended, MANY));
    CHECK(!queue_readable(queue, 0) && epoll_wait(loop, &event, 1, 0) == 0);
    CHECK(stored_once(MANY));
    CHECK_OK(mqp_producer_close(producer, 5000, &error));
    mqp_producer_free(producer);
    close(loop);
    mqp_completion_queue_free(queue);
}

static void one_loop_waits_for_the_level(void) { one_loop(0); }

static void one_loop_waits_for_edges(void) { one_loop(EPOLLET); }

typedef struct poller {
    mqp_completion_queue *queue;
    pthread_mutex_t *lock;
    size_t *left;
    size_t capacity;
    int failed;
} poller;

static void *poll_until_none_is_left(void *argument) {
    poller *self = argument;
    for (;;) {
        mqp_completion completions[8];
        size_t count = 0, i, left;
        if (mqp_completion_queue_poll(self->queue, completions, SIZE, self->capacity, 20, &count, NULL) != MQP_OK) {
            self->failed = 1;
            return NULL;
        }
        pthread_mutex_lock(self->lock);
        for (i = 0; i < count; i++) {
            ++*(int *)completions[i].user_data;
        }
        left = *self->left -= count;
        pthread_mutex_unlock(self->lock);
        mqp_completions_free(completions, SIZE, count);
        if (left == 0) {
            return NULL;
        }
    }
}

/* Each entry goes to one of them. The senders wait for the room that polling gives back, also inside of send_many. */
static void several_pollers_and_several_producers(void) {
    enum { POLLERS = 4, PRODUCERS = 3, EACH = 2000, ALL = PRODUCERS * EACH };
    mqp_completion_queue *queue = queue_new();
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_t threads[POLLERS];
    poller pollers[POLLERS];
    size_t left = ALL, i, p;
    CHECK_OK(mqp_mock_cluster_clear(cluster, &error));
    memset(ended, 0, sizeof(ended));
    for (i = 0; i < POLLERS; i++) {
        pollers[i].queue = queue;
        pollers[i].lock = &lock;
        pollers[i].left = &left;
        pollers[i].capacity = 1 + i * 2;
        pollers[i].failed = 0;
        CHECK(pthread_create(&threads[i], NULL, poll_until_none_is_left, &pollers[i]) == 0);
    }
    for (p = 0; p < PRODUCERS; p++) {
        static mqp_message messages[EACH];
        static size_t numbers[EACH];
        void *user_data[EACH];
        size_t accepted = 0;
        mqp_producer *producer = queue_producer(url, "max_in_flight_messages", "10", "wait_forever");
        for (i = 0; i < EACH; i++) {
            numbers[i] = p * EACH + i;
            messages[i] = check_message();
            messages[i].body.ptr = (const uint8_t *)&numbers[i];
            messages[i].body.len = sizeof(numbers[i]);
            user_data[i] = &ended[numbers[i]];
        }
        CHECK_OK(mqp_producer_send_many(producer, messages, EACH, sizeof(mqp_message), NULL, queue, user_data,
                                        &accepted, &error));
        CHECK(accepted == EACH);
        /* The producer is gone while its last completions are still in the queue or come there. */
        CHECK_OK(mqp_producer_close(producer, 30000, &error));
        mqp_producer_free(producer);
    }
    for (i = 0; i < POLLERS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0 && !pollers[i].failed);
    }
    CHECK(queue_each_once(ended, ALL) && !queue_readable(queue, 0) && stored_once(ALL));
    mqp_completion_queue_free(queue);
}

/* A queue that nobody polls is bounded; flush and close count what is in it as complete; nothing is lost. */
static void what_nobody_polls_takes_up_room(void) {
    enum { ROOM = 50 };
    mqp_producer *producer = queue_producer(url, "max_in_flight_messages", "50", "fail");
    mqp_completion_queue *queue = queue_new();
    mqp_message message = check_message();
    size_t sent = 0;
    memset(ended, 0, sizeof(ended));
    while (sent < ROOM + 1 &&
           mqp_producer_send_queued(producer, &message, NULL, queue, &ended[sent], NULL) == MQP_OK) {
        sent++;
    }
    CHECK(sent == ROOM && queue_readable(queue, 30000));
    CHECK_OK(mqp_producer_flush(producer, 30000, &error));
    CHECK_ERROR(mqp_producer_send_queued(producer, &message, NULL, queue, NULL, &error), MQP_ERR_BACKPRESSURE,
                "50 of them in completion queues that nobody has polled");
    CHECK(queue_count(queue, 1, 0, MQP_OK) == 1 && queue_readable(queue, 0));
    CHECK_OK(mqp_producer_send_queued(producer, &message, NULL, queue, &ended[ROOM], &error));
    CHECK_OK(mqp_producer_close(producer, 30000, &error));
    mqp_producer_free(producer);
    queue_drain(queue, ROOM, MQP_OK);
    CHECK(queue_each_once(ended, ROOM + 1));
    mqp_completion_queue_free(queue);
}

/* What was in the queue, and what would have come, is dropped; its room is given back. */
static void a_freed_queue_gives_its_room_back(void) {
    mqp_producer *producer = queue_producer(url, "max_in_flight_messages", "10", "fail");
    mqp_message messages[10];
    size_t accepted, round, i;
    for (i = 0; i < 10; i++) {
        messages[i] = check_message();
    }
    for (round = 0; round < 20; round++) {
        mqp_completion_queue *queue = queue_new();
        CHECK_OK(mqp_producer_send_many(producer, messages, 10, sizeof(mqp_message), NULL, queue, NULL, &accepted,
                                        &error));
        CHECK(accepted == 10);
        if (round % 2 == 0) {
            CHECK_OK(mqp_producer_flush(producer, 30000, &error));
        }
        mqp_completion_queue_free(queue);
        CHECK_OK(mqp_producer_flush(producer, 30000, &error));
    }
    CHECK_OK(mqp_producer_close(producer, 5000, &error));
    mqp_producer_free(producer);
}

/* Time-outs and the close end in the queue with their error, while the producer is freed already. */
static void failures_are_told_in_the_queue(void) {
    mqp_producer *producer = queue_producer(silent_url, "max_in_flight_messages", "10", "fail");
    mqp_completion_queue *queue = queue_new();
    mqp_message message = check_message();
    mqp_send_options options = MQP_SEND_OPTIONS_INIT;
    mqp_completion late;
    size_t count = 0;
    int closed = 0;
    options.timeout_ms = 300;
    CHECK_OK(mqp_producer_send_queued(producer, &message, &options, queue, &closed, &error));
    CHECK(queue_readable(queue, 30000));
    CHECK_OK(mqp_completion_queue_poll(queue, &late, SIZE, 1, 0, &count, &error));
    CHECK(count == 1 && late.status == MQP_ERR_TIMEOUT && late.user_data == &closed && late.receipt == NULL);
    CHECK(strstr(mqp_error_message(late.error), "did not answer in time") != NULL);
    mqp_completions_free(&late, SIZE, 1);
    mqp_completions_free(&late, SIZE, 1);
    CHECK(late.error == NULL && closed == 0);

    options.timeout_ms = 60000;
    CHECK_OK(mqp_producer_send_queued(producer, &message, &options, queue, &closed, &error));
    CHECK_ERROR(mqp_producer_flush(producer, 0, &error), MQP_ERR_TIMEOUT, "1 messages have not completed");
    CHECK_ERROR(mqp_producer_close(producer, 50, &error), MQP_ERR_TIMEOUT, "were given up");
    mqp_producer_free(producer);
    queue_drain(queue, 1, MQP_ERR_CLOSED);
    CHECK(closed == 1);
    mqp_completion_queue_free(queue);
}

/* A message that somebody waits for has the retries of a synchronous one. */
static void an_awaited_message_is_a_synchronous_one(void) {
    mqp_producer *producer = queue_producer(url, "retry_times_when_send_failed", "0", "fail");
    mqp_completion_queue *queue = queue_new();
    mqp_message message = check_message();
    mqp_send_options options = MQP_SEND_OPTIONS_INIT;
    mqp_mock_fault fault = MQP_MOCK_FAULT_INIT;
    fault.action = MQP_MOCK_FAULT_ANSWER;
    fault.request_code = 310;
    fault.response_code = 2;
    fault.count = 1;
    for (uint32_t many = 0; many < 2; many++) {
        for (options.awaited = 0; options.awaited < 2; options.awaited++) {
            CHECK_OK(mqp_mock_cluster_push_fault(cluster, &fault, &error));
            if (many) {
                CHECK_OK(mqp_producer_send_many(producer, &message, 1, sizeof(message), &options, queue, NULL, NULL,
                                                &error));
            } else {
                CHECK_OK(mqp_producer_send_queued(producer, &message, &options, queue, NULL, &error));
            }
            queue_drain(queue, 1, options.awaited ? MQP_ERR_BROKER : MQP_OK);
        }
    }
    CHECK_ERROR(mqp_producer_send_queued(producer, &message, &options, queue, NULL, &error), MQP_ERR_INVALID_ARGUMENT,
                "`awaited` is 2; it must be 0 or 1");
    options.awaited = 0;
    options.reserved = 1;
    CHECK_ERROR(mqp_producer_send_queued(producer, &message, &options, queue, NULL, &error), MQP_ERR_INVALID_ARGUMENT,
                "`reserved` is 1");
    mqp_producer_free(producer);
    mqp_completion_queue_free(queue);
}

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: %s SILENT-URL\n", argv[0]);
        return 2;
    }
    silent_url = argv[1];
    CHECK_OK(mqp_mock_cluster_new(MQP_STR(""), 2, 4, &cluster, &error));
    url = mqp_mock_cluster_url(cluster);
    RUN(one_loop_waits_for_the_level);
    RUN(one_loop_waits_for_edges);
    RUN(several_pollers_and_several_producers);
    RUN(what_nobody_polls_takes_up_room);
    RUN(a_freed_queue_gives_its_room_back);
    RUN(failures_are_told_in_the_queue);
    RUN(an_awaited_message_is_a_synchronous_one);
    mqp_mock_cluster_free(cluster);
    return check_finish();
}
