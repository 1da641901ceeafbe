/* 100,000 messages from one epoll loop: each ends exactly once and is stored once, with few calls of the library. */
#include "queue.h"

#include <dirent.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum { MESSAGES = 100000, ROOM = 10000, AT_ONCE = 1024 };

static int ended[MESSAGES];
static size_t calls;

/* How many threads of this process the library has named. */
static int library_threads(void) {
    DIR *tasks = opendir("/proc/self/task");
    const struct dirent *task;
    int found = 0;
    CHECK(tasks != NULL);
    while (tasks != NULL && (task = readdir(tasks)) != NULL) {
        char path[300], name[32] = "";
        FILE *file;
        snprintf(path, sizeof(path), "/proc/self/task/%s/comm", task->d_name);
        file = fopen(path, "r");
        if (file != NULL) {
            found += fgets(name, sizeof(name), file) != NULL && strncmp(name, "mqp-", 4) == 0;
            fclose(file);
        }
    }
    if (tasks != NULL) {
        closedir(tasks);
    }
    return found;
}

static size_t send_some(mqp_producer *producer, mqp_completion_queue *queue, const mqp_message *messages,
                        void *const *user_data, size_t count) {
    mqp_error *error = NULL;
    size_t accepted = 0;
    mqp_status status =
        mqp_producer_send_many(producer, messages, count, sizeof(*messages), NULL, queue, user_data, &accepted, &error);
    calls++;
    CHECK(status == MQP_OK || status == MQP_ERR_BACKPRESSURE);
    mqp_error_free(error);
    return accepted;
}

static size_t complete_some(mqp_completion_queue *queue) {
    static mqp_completion completions[AT_ONCE];
    size_t count = 0, i;
    CHECK_OK(mqp_completion_queue_poll(queue, completions, SIZE, AT_ONCE, 0, &count, &error));
    for (i = 0; i < count; i++) {
        CHECK(completions[i].status == MQP_OK);
        ++*(int *)completions[i].user_data;
    }
    mqp_completions_free(completions, SIZE, count);
    calls += 2;
    return count;
}

static void one_loop(void) {
    static mqp_message messages[MESSAGES];
    static void *user_data[MESSAGES];
    /* Completions gather while the loop does something else. */
    const struct timespec something_else = {0, 10000000};
    mqp_mock_cluster *cluster = NULL;
    mqp_producer *producer;
    mqp_completion_queue *queue = queue_new();
    struct epoll_event event;
    size_t sent = 0, completed = 0, stored = 0, per_thousand, i;
    int loop = epoll_create1(EPOLL_CLOEXEC), threads;

    CHECK_OK(mqp_mock_cluster_new(MQP_STR("loop"), 1, 4, &cluster, &error));
    producer = queue_producer("mock://loop", "max_in_flight_messages", "10000", "fail");
    event.events = EPOLLIN;
    event.data.ptr = queue;
    CHECK(epoll_ctl(loop, EPOLL_CTL_ADD, mqp_completion_queue_fd(queue), &event) == 0);
    for (i = 0; i < MESSAGES; i++) {
        messages[i] = check_message();
        user_data[i] = &ended[i];
    }
    while (completed < MESSAGES && check_failures == 0) {
        if (sent < MESSAGES && sent - completed <= ROOM / 2) {
            sent += send_some(producer, queue, messages + sent, user_data + sent, MESSAGES - sent);
        }
        CHECK(epoll_wait(loop, &event, 1, 60000) == 1);
        completed += complete_some(queue);
        nanosleep(&something_else, NULL);
    }
    threads = library_threads();
    per_thousand = calls * 1000 / MESSAGES;
    printf("%d messages, %lu calls for 1,000 completions, %d library threads\n", (int)completed,
           (unsigned long)per_thousand, threads);
    CHECK(queue_each_once(ended, MESSAGES));
    CHECK_OK(mqp_mock_cluster_message_count(cluster, MQP_STR("abi-test"), &stored, &error));
    CHECK(stored == MESSAGES);
    CHECK(per_thousand < 60);
    CHECK(threads >= 1 && threads <= 3);
    close(loop);
    CHECK_OK(mqp_producer_close(producer, 10000, &error));
    mqp_producer_free(producer);
    mqp_completion_queue_free(queue);
    mqp_mock_cluster_free(cluster);
}

int main(void) {
    RUN(one_loop);
    return check_finish();
}
