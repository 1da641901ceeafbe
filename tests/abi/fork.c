/* A child of fork: the parent's handles are refused by name and can be freed, new ones work; the parent goes on. */
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

static mqp_producer *producer;
static mqp_mock_cluster *cluster;
/* Not empty when the process forks. */
static mqp_completion_queue *queue;
static int queue_fd;
static const char *url;
static int calls;

static void on_call(void *user_data, const mqp_completion *completion) {
    (void)user_data;
    (void)completion;
    calls++;
}

static void the_parents_producer_is_refused(void) {
    mqp_message message = check_message();
    mqp_callback callback = {on_call, NULL, NULL};
    CHECK_ERROR(mqp_producer_send(producer, &message, NULL, NULL, &error), MQP_ERR_FORKED, "before a fork");
    CHECK_ERROR(mqp_producer_send_async(producer, &message, NULL, callback, &error), MQP_ERR_FORKED, "before a fork");
    CHECK_ERROR(mqp_producer_send_oneway(producer, &message, NULL, NULL, &error), MQP_ERR_FORKED, "before a fork");
    CHECK_ERROR(mqp_producer_flush(producer, 1000, &error), MQP_ERR_FORKED, "before a fork");
    CHECK_ERROR(mqp_producer_close(producer, 1000, &error), MQP_ERR_FORKED, "before a fork");
    CHECK_ERROR(mqp_producer_find_route(producer, MQP_STR("T"), 0, queue, NULL, &error), MQP_ERR_FORKED,
                "made before a fork");
    CHECK_ERROR(mqp_producer_send_queued(producer, &message, NULL, queue, NULL, &error), MQP_ERR_FORKED,
                "before a fork");
    CHECK_ERROR(mqp_producer_send_many(producer, &message, 1, sizeof(message), NULL, queue, NULL, NULL, &error),
                MQP_ERR_FORKED, "before a fork");
    CHECK_ERROR(mqp_producer_discard_completions(producer, &error), MQP_ERR_FORKED, "before a fork");
    CHECK(calls == 0);
    mqp_producer_free(producer);
}

static void the_parents_cluster_is_refused(void) {
    mqp_mock_fault fault = MQP_MOCK_FAULT_INIT;
    mqp_mock_requests *requests = NULL;
    mqp_str broker = MQP_STR("broker-a");
    fault.action = MQP_MOCK_FAULT_DROP;
    CHECK_ERROR(mqp_mock_cluster_push_fault(cluster, &fault, &error), MQP_ERR_FORKED, "before the fork");
    CHECK_ERROR(mqp_mock_cluster_clear_faults(cluster, &error), MQP_ERR_FORKED, "before the fork");
    CHECK_ERROR(mqp_mock_cluster_set_broker_state(cluster, broker, MQP_MOCK_BROKER_STOPPED, &error), MQP_ERR_FORKED,
                "before the fork");
    CHECK_ERROR(mqp_mock_cluster_requests(cluster, broker, 0, &requests, &error), MQP_ERR_FORKED, "before the fork");
    CHECK_ERROR(mqp_mock_cluster_wait_requests(cluster, broker, 0, 0, 0, &error), MQP_ERR_FORKED, "before the fork");
    CHECK_ERROR(mqp_mock_cluster_clear_requests(cluster, &error), MQP_ERR_FORKED, "before the fork");
}

/* The queue is closed here and stays as it is for the parent. */
static void the_parents_queue_is_refused(void) {
    mqp_producer *fresh = check_start(check_config(url));
    mqp_message message = check_message();
    mqp_completion completion;
    size_t count = 99;
    CHECK_ERROR(mqp_completion_queue_poll(queue, &completion, sizeof(completion), 1, 1000, &count, &error),
                MQP_ERR_FORKED, "the completion queue was made before a fork");
    CHECK(count == 0 && mqp_completion_queue_fd(queue) == -1);
    CHECK_ERROR(mqp_producer_send_queued(fresh, &message, NULL, queue, NULL, &error), MQP_ERR_FORKED,
                "the completion queue was made before a fork");
    CHECK_ERROR(mqp_producer_send_many(fresh, &message, 1, sizeof(message), NULL, queue, NULL, &count, &error),
                MQP_ERR_FORKED, "the completion queue was made before a fork");
    CHECK(fcntl(queue_fd, F_GETFD) >= 0);
    mqp_completion_queue_free(queue);
    CHECK(fcntl(queue_fd, F_GETFD) == -1 && errno == EBADF);
    CHECK_OK(mqp_completion_queue_new(&queue, &error));
    CHECK_OK(mqp_producer_send_queued(fresh, &message, NULL, queue, &calls, &error));
    CHECK_OK(mqp_completion_queue_poll(queue, &completion, sizeof(completion), 1, 30000, &count, &error));
    CHECK(count == 1 && completion.status == MQP_OK && completion.user_data == &calls);
    mqp_completions_free(&completion, sizeof(completion), count);
    mqp_completion_queue_free(queue);
    mqp_producer_free(fresh);
}

static void a_new_producer_works(void) {
    mqp_message message = check_message();
    mqp_callback callback = {on_call, NULL, NULL};
    mqp_producer *fresh = check_start(check_config(url));
    CHECK_OK(mqp_producer_send(fresh, &message, NULL, NULL, &error));
    CHECK_OK(mqp_producer_send_async(fresh, &message, NULL, callback, &error));
    CHECK_OK(mqp_producer_flush(fresh, 30000, &error));
    CHECK(calls == 1);
    CHECK_OK(mqp_producer_close(fresh, 5000, &error));
    mqp_producer_free(fresh);
}

static void child_and_parent_go_on(void) {
    mqp_message message = check_message();
    int status = -1;
    mqp_completion completion;
    size_t count = 0;
    pid_t child;
    CHECK_OK(mqp_producer_send_queued(producer, &message, NULL, queue, &queue_fd, &error));
    CHECK_OK(mqp_producer_flush(producer, 30000, &error));
    fflush(stdout);
    child = fork();
    if (child == 0) {
        alarm(60);
        RUN(the_parents_producer_is_refused);
        RUN(the_parents_cluster_is_refused);
        RUN(the_parents_queue_is_refused);
        RUN(a_new_producer_works);
        mqp_mock_cluster_free(cluster);
        fflush(stdout);
        _exit(check_failed == 0 ? 0 : 1);
    }
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK(mqp_completion_queue_fd(queue) == queue_fd && fcntl(queue_fd, F_GETFD) == FD_CLOEXEC);
    CHECK_OK(mqp_completion_queue_poll(queue, &completion, sizeof(completion), 1, 0, &count, &error));
    CHECK(count == 1 && completion.status == MQP_OK && completion.user_data == &queue_fd);
    mqp_completions_free(&completion, sizeof(completion), count);
    mqp_completion_queue_free(queue);
    CHECK(fcntl(queue_fd, F_GETFD) == -1);
    CHECK_OK(mqp_producer_send(producer, &message, NULL, NULL, &error));
    CHECK_OK(mqp_producer_close(producer, 5000, &error));
    mqp_producer_free(producer);
}

int main(void) {
    mqp_message message = check_message();
    CHECK_OK(mqp_mock_cluster_new(MQP_STR(""), 1, 4, &cluster, &error));
    url = mqp_mock_cluster_url(cluster);
    producer = check_start(check_config(url));
    CHECK_OK(mqp_producer_send(producer, &message, NULL, NULL, &error));
    CHECK_OK(mqp_completion_queue_new(&queue, &error));
    queue_fd = mqp_completion_queue_fd(queue);
    RUN(child_and_parent_go_on);
    mqp_mock_cluster_free(cluster);
    return check_finish();
}
