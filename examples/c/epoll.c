/* Sends 1,000 messages and learns of each one's end in one epoll loop: no callback, and no thread but this one waits.
 *
 * cc epoll.c -lmqproducer -o epoll && ./epoll rocketmq://localhost:9876
 * Without an argument it sends to the embedded cluster. */
#include "common.h"

#include <sys/epoll.h>
#include <unistd.h>

enum { MESSAGES = 1000, AT_ONCE = 64 };

static void must_system(int result, const char *what) {
    if (result < 0) {
        perror(what);
        exit(EXIT_FAILURE);
    }
}

static mqp_producer *start(const char *url) {
    mqp_error *error = NULL;
    mqp_config *config = new_config(url, "demo-c-epoll");
    mqp_producer *producer = NULL;
    /* Its route is there when the loop starts, so that no send waits for it. */
    must(mqp_config_set(config, MQP_STR("topics"), MQP_STR("Demo"), &error), &error);
    /* The bound: a send without room says so, since this thread makes the room itself, by polling. */
    must(mqp_config_set(config, MQP_STR("max_in_flight_messages"), MQP_STR("100"), &error), &error);
    must(mqp_config_set(config, MQP_STR("backpressure"), MQP_STR("fail"), &error), &error);
    /* In milliseconds, and long: a message waits behind those before it. */
    must(mqp_config_set(config, MQP_STR("send_msg_timeout"), MQP_STR("30000"), &error), &error);
    producer = new_producer(config);
    must(mqp_producer_start(producer, &error), &error);
    return producer;
}

/* Sends as many of the messages as there is room for; their number. */
static size_t send_some(mqp_producer *producer, mqp_completion_queue *queue, const mqp_message *messages,
                        void *const *user_data, size_t count) {
    mqp_error *error = NULL;
    size_t accepted = 0;
    mqp_status status = mqp_producer_send_many(producer, messages, count, sizeof(mqp_message), NULL, queue, user_data,
                                               &accepted, &error);
    if (status == MQP_ERR_BACKPRESSURE) {
        mqp_error_free(error);
        return accepted;
    }
    must(status, &error);
    return accepted;
}

/* Takes the ends that are there; their number. */
static size_t complete_some(mqp_completion_queue *queue, size_t *polls) {
    mqp_completion completions[AT_ONCE];
    mqp_error *error = NULL;
    size_t count = 0, i;
    must(mqp_completion_queue_poll(queue, completions, sizeof(mqp_completion), AT_ONCE, 0, &count, &error), &error);
    ++*polls;
    for (i = 0; i < count; i++) {
        if (completions[i].status != MQP_OK) {
            fprintf(stderr, "message %d: %s\n", *(int *)completions[i].user_data,
                    mqp_error_message(completions[i].error));
            exit(EXIT_FAILURE);
        }
    }
    mqp_completions_free(completions, sizeof(mqp_completion), count);
    return count;
}

int main(int argc, char **argv) {
    static mqp_message messages[MESSAGES];
    static int numbers[MESSAGES];
    static void *user_data[MESSAGES];
    mqp_producer *producer = start(argc > 1 ? argv[1] : "mock://demo");
    mqp_completion_queue *queue = NULL;
    mqp_error *error = NULL;
    struct epoll_event event;
    size_t sent = 0, completed = 0, polls = 0;
    int loop = epoll_create1(EPOLL_CLOEXEC), i;

    must_system(loop, "epoll_create1");
    must(mqp_completion_queue_new(&queue, &error), &error);
    event.events = EPOLLIN;
    event.data.ptr = queue;
    must_system(epoll_ctl(loop, EPOLL_CTL_ADD, mqp_completion_queue_fd(queue), &event), "epoll_ctl");
    for (i = 0; i < MESSAGES; i++) {
        messages[i] = new_message("Demo", "hello from epoll");
        numbers[i] = i;
        user_data[i] = &numbers[i];
    }

    while (completed < MESSAGES) {
        sent += send_some(producer, queue, messages + sent, user_data + sent, MESSAGES - sent);
        must_system(epoll_wait(loop, &event, 1, -1), "epoll_wait");
        /* A program's other descriptors are served here, too. */
        if (event.data.ptr == queue) {
            completed += complete_some(queue, &polls);
        }
    }
    printf("c epoll sent=%lu completed=%lu polls=%lu\n", (unsigned long)sent, (unsigned long)completed,
           (unsigned long)polls);

    close(loop);
    close_producer(producer);
    mqp_completion_queue_free(queue);
    return EXIT_SUCCESS;
}
