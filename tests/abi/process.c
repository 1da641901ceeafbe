/* What the library leaves alone in somebody else's process: signals, their handlers, descriptors of children; and many
 * producers, a callback that does not come back, a callback that sends on. */
#include "check.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PRODUCERS 100
#define THREADS 10

static const char *url;
static mqp_mock_cluster *cluster;

static void pause_briefly(void) {
    struct timespec pause = {0, 1000000};
    nanosleep(&pause, NULL);
}

/* How many descriptors of this process are sockets. */
static int sockets(void) {
    DIR *folder = opendir("/proc/self/fd");
    struct dirent *entry;
    struct stat status;
    int count = 0;
    CHECK(folder != NULL);
    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        count += fstat(atoi(entry->d_name), &status) == 0 && S_ISSOCK(status.st_mode);
    }
    closedir(folder);
    return count;
}

static void a_child_keeps_no_socket_of_its_parent(void) {
    mqp_message message = check_message();
    mqp_producer *producer = check_start(check_config(url));
    int status = -1, before, own = -1, between[2];
    pid_t child;
    CHECK_OK(mqp_producer_send(producer, &message, NULL, NULL, &error));
    before = sockets();
    /* The name server's and a broker's port; a connection to each, both ends. */
    CHECK(before >= 6);
    CHECK(pipe(between) == 0);
    fflush(stdout);
    child = fork();
    if (child == 0) {
        char go;
        mqp_producer *fresh;
        alarm(60);
        CHECK(sockets() == 0);
        fresh = check_start(check_config("mock://child"));
        CHECK_OK(mqp_producer_send(fresh, &message, NULL, NULL, &error));
        own = sockets();
        CHECK(own >= 6);
        /* What is freed here of the parent's must not close a descriptor that is the child's by now. */
        mqp_producer_free(producer);
        mqp_mock_cluster_free(cluster);
        CHECK(sockets() == own);
        CHECK(read(between[0], &go, 1) == 1);
        CHECK_OK(mqp_producer_send(fresh, &message, NULL, NULL, &error));
        mqp_producer_free(fresh);
        fflush(stdout);
        _exit(check_failures == 0 ? 0 : 1);
    }
    CHECK(sockets() == before);
    CHECK_OK(mqp_producer_send(producer, &message, NULL, NULL, &error));
    mqp_producer_free(producer);
    CHECK(write(between[1], "g", 1) == 1);
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    close(between[0]);
    close(between[1]);
}

static volatile sig_atomic_t pipe_signals;

static void on_pipe_signal(int number) {
    (void)number;
    pipe_signals++;
}

static int stop_hammering;

static void *hammer(void *producer) {
    mqp_message message = check_message();
    while (!__atomic_load_n(&stop_hammering, __ATOMIC_RELAXED)) {
        mqp_producer_send_oneway(producer, &message, NULL, NULL, NULL);
    }
    return NULL;
}

/* A peer that goes away in the middle of writes is an error of the send, and no signal. */
static void a_broken_connection_is_no_signal(void) {
    mqp_producer *producer = check_start(check_config(url));
    mqp_str broker = MQP_STR("broker-a");
    mqp_message message = check_message();
    struct sigaction ours, now;
    pthread_t threads[4];
    int i;
    memset(&ours, 0, sizeof(ours));
    ours.sa_handler = on_pipe_signal;
    CHECK(sigaction(SIGPIPE, &ours, NULL) == 0);
    CHECK_OK(mqp_producer_send(producer, &message, NULL, NULL, &error));
    for (i = 0; i < 4; i++) {
        CHECK(pthread_create(&threads[i], NULL, hammer, producer) == 0);
    }
    for (i = 0; i < 300; i++) {
        CHECK_OK(mqp_mock_cluster_set_broker_state(cluster, broker, MQP_MOCK_BROKER_STOPPED, &error));
        pause_briefly();
        CHECK_OK(mqp_mock_cluster_set_broker_state(cluster, broker, MQP_MOCK_BROKER_UP, &error));
        pause_briefly();
    }
    __atomic_store_n(&stop_hammering, 1, __ATOMIC_RELAXED);
    for (i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    mqp_producer_free(producer);
    CHECK(pipe_signals == 0);
    CHECK(sigaction(SIGPIPE, NULL, &now) == 0 && now.sa_handler == on_pipe_signal);
    now.sa_handler = SIG_DFL;
    CHECK(sigaction(SIGPIPE, &now, NULL) == 0);
}

static void no_signal_and_no_mask_is_changed(void) {
    struct sigaction before[32], after;
    sigset_t mask_before, mask_after;
    mqp_message message = check_message();
    mqp_producer *producer;
    mode_t file_mask = umask(027);
    char folder_before[4096], folder_after[4096];
    int number;
    for (number = 1; number < 32; number++) {
        sigaction(number, NULL, &before[number]);
    }
    sigemptyset(&mask_before);
    sigaddset(&mask_before, SIGUSR1);
    CHECK(pthread_sigmask(SIG_SETMASK, &mask_before, NULL) == 0);
    CHECK(getcwd(folder_before, sizeof(folder_before)) != NULL);
    producer = check_start(check_config(url));
    CHECK_OK(mqp_producer_send(producer, &message, NULL, NULL, &error));
    for (number = 1; number < 32; number++) {
        CHECK(sigaction(number, NULL, &after) != 0 || after.sa_handler == before[number].sa_handler);
    }
    CHECK(pthread_sigmask(SIG_SETMASK, NULL, &mask_after) == 0);
    for (number = 1; number < 32; number++) {
        CHECK(sigismember(&mask_after, number) == (number == SIGUSR1));
    }
    CHECK(getcwd(folder_after, sizeof(folder_after)) != NULL && strcmp(folder_before, folder_after) == 0);
    CHECK(umask(file_mask) == 027);
    mqp_producer_free(producer);
    sigemptyset(&mask_before);
    pthread_sigmask(SIG_SETMASK, &mask_before, NULL);
}

static int completed;

static void count(void *user_data, const mqp_completion *completion) {
    (void)user_data;
    (void)completion;
    __atomic_fetch_add(&completed, 1, __ATOMIC_SEQ_CST);
}

static void *open_and_close(void *unused) {
    mqp_message message = check_message();
    mqp_callback callback = {count, NULL, NULL};
    int i;
    (void)unused;
    for (i = 0; i < PRODUCERS / THREADS; i++) {
        mqp_producer *producer = check_start(check_config(url));
        CHECK_OK(mqp_producer_send(producer, &message, NULL, NULL, &error));
        CHECK_OK(mqp_producer_send_async(producer, &message, NULL, callback, &error));
        CHECK_OK(mqp_producer_send_async(producer, &message, NULL, callback, &error));
        if (i % 2 == 0) {
            CHECK_OK(mqp_producer_close(producer, 30000, &error));
        }
        mqp_producer_free(producer);
    }
    return NULL;
}

static int threads_of_this_process(void) {
    DIR *folder = opendir("/proc/self/task");
    struct dirent *entry;
    int found = 0;
    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        found += entry->d_name[0] != '.';
    }
    closedir(folder);
    return found;
}

static void many_producers_come_and_go_in_parallel(void) {
    pthread_t threads[THREADS];
    int i, before = threads_of_this_process();
    completed = 0;
    for (i = 0; i < THREADS; i++) {
        CHECK(pthread_create(&threads[i], NULL, open_and_close, NULL) == 0);
    }
    for (i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    /* A free in the middle ends its messages, too, but does not wait for their callbacks. */
    for (i = 0; i < 30000 && __atomic_load_n(&completed, __ATOMIC_SEQ_CST) < 2 * PRODUCERS; i++) {
        pause_briefly();
    }
    CHECK(completed == 2 * PRODUCERS);
    /* The system lists a thread for a moment after it was joined. */
    for (i = 0; i < 30000 && threads_of_this_process() != before; i++) {
        pause_briefly();
    }
    CHECK(threads_of_this_process() == before);
}

static int blocked, let_go;

static void block(void *user_data, const mqp_completion *completion) {
    (void)user_data;
    (void)completion;
    __atomic_store_n(&blocked, 1, __ATOMIC_SEQ_CST);
    while (!__atomic_load_n(&let_go, __ATOMIC_SEQ_CST)) {
        pause_briefly();
    }
}

static void a_callback_that_does_not_come_back_stops_no_send(void) {
    mqp_message message = check_message();
    mqp_callback blocking = {block, NULL, NULL}, counting = {count, NULL, NULL};
    mqp_producer *producer = check_start(check_config(url));
    mqp_completion completion;
    mqp_completion_queue *queue = NULL;
    size_t got = 0;
    int i;
    completed = 0;
    CHECK_OK(mqp_completion_queue_new(&queue, &error));
    CHECK_OK(mqp_producer_send_async(producer, &message, NULL, blocking, &error));
    for (i = 0; i < 30000 && !__atomic_load_n(&blocked, __ATOMIC_SEQ_CST); i++) {
        pause_briefly();
    }
    CHECK(blocked);
    CHECK_OK(mqp_producer_send_async(producer, &message, NULL, counting, &error));
    for (i = 0; i < 100; i++) {
        CHECK_OK(mqp_producer_send(producer, &message, NULL, NULL, &error));
    }
    CHECK_OK(mqp_producer_send_queued(producer, &message, NULL, queue, NULL, &error));
    CHECK_OK(mqp_completion_queue_poll(queue, &completion, sizeof(completion), 1, 30000, &got, &error));
    CHECK(got == 1 && completion.status == MQP_OK);
    mqp_completions_free(&completion, sizeof(completion), got);
    /* Connections of other producers are opened and served meanwhile. */
    mqp_producer_free(check_start(check_config(url)));
    CHECK(completed == 0);
    __atomic_store_n(&let_go, 1, __ATOMIC_SEQ_CST);
    CHECK_OK(mqp_producer_close(producer, 30000, &error));
    CHECK(completed == 1);
    mqp_producer_free(producer);
    mqp_completion_queue_free(queue);
}

/* A callback sends the next message, whose callback sends the next. */
typedef struct {
    mqp_producer *producer;
    int left;
    mqp_status closed;
} relay;

static void send_on(void *user_data, const mqp_completion *completion) {
    relay *chain = user_data;
    mqp_message message = check_message();
    mqp_callback callback = {send_on, NULL, NULL};
    (void)completion;
    callback.user_data = chain;
    if (--chain->left > 0) {
        CHECK_OK(mqp_producer_send_async(chain->producer, &message, NULL, callback, &error));
    } else {
        chain->closed = mqp_producer_close(chain->producer, 1000, NULL);
        mqp_producer_free(chain->producer);
        __atomic_store_n(&completed, 1, __ATOMIC_SEQ_CST);
    }
}

static void callbacks_send_on_and_free_their_producer(void) {
    mqp_message message = check_message();
    relay chain = {NULL, 50, MQP_OK};
    mqp_callback callback = {send_on, NULL, NULL};
    int i;
    completed = 0;
    callback.user_data = &chain;
    chain.producer = check_start(check_config(url));
    CHECK_OK(mqp_producer_send_async(chain.producer, &message, NULL, callback, &error));
    for (i = 0; i < 30000 && !__atomic_load_n(&completed, __ATOMIC_SEQ_CST); i++) {
        pause_briefly();
    }
    CHECK(completed == 1 && chain.closed == MQP_ERR_WOULD_DEADLOCK);
}

static int sends_in_a_row, goes_on;

/* Sends until it reads its own answers, and once more; then it may be cancelled. */
static void *send_and_be_cancelled(void *producer) {
    mqp_message message = check_message();
    int i;
    for (; sends_in_a_row < 60; sends_in_a_row++) {
        CHECK_OK(mqp_producer_send(producer, &message, NULL, NULL, &error));
    }
    while (!__atomic_load_n(&goes_on, __ATOMIC_SEQ_CST)) {
        pause_briefly();
    }
    CHECK_OK(mqp_producer_send(producer, &message, NULL, NULL, &error));
    __atomic_store_n(&sends_in_a_row, 61, __ATOMIC_SEQ_CST);
    for (i = 0; i < 30000; i++) {
        pause_briefly();
    }
    return NULL;
}

/* A thread that is cancelled while it waits for an answer ends behind the call, and reads for others until then. */
static void a_thread_is_not_cancelled_inside_the_library(void) {
    mqp_message message = check_message();
    mqp_callback counting = {count, NULL, NULL};
    mqp_producer *producer = check_start(check_config(url));
    mqp_mock_fault fault = MQP_MOCK_FAULT_INIT;
    void *result = NULL;
    pthread_t thread;
    int i;
    completed = 0;
    fault.action = MQP_MOCK_FAULT_STOP_READING;
    fault.request_code = 310;
    fault.count = 1;
    CHECK(pthread_create(&thread, NULL, send_and_be_cancelled, producer) == 0);
    for (i = 0; i < 30000 && __atomic_load_n(&sends_in_a_row, __ATOMIC_SEQ_CST) < 60; i++) {
        pause_briefly();
    }
    CHECK_OK(mqp_mock_cluster_push_fault(cluster, &fault, &error));
    CHECK_OK(mqp_mock_cluster_clear_requests(cluster, &error));
    __atomic_store_n(&goes_on, 1, __ATOMIC_SEQ_CST);
    CHECK_OK(mqp_mock_cluster_wait_requests(cluster, MQP_STR(""), 310, 1, 30000, &error));
    CHECK_OK(mqp_producer_send_async(producer, &message, NULL, counting, &error));
    CHECK(pthread_cancel(thread) == 0);
    for (i = 0; i < 20; i++) {
        pause_briefly();
    }
    CHECK(__atomic_load_n(&sends_in_a_row, __ATOMIC_SEQ_CST) == 60);
    CHECK_OK(mqp_mock_cluster_clear_faults(cluster, &error));
    CHECK(pthread_join(thread, &result) == 0 && result == PTHREAD_CANCELED && sends_in_a_row == 61);
    CHECK_OK(mqp_producer_send(producer, &message, NULL, NULL, &error));
    CHECK_OK(mqp_producer_close(producer, 30000, &error));
    CHECK(completed == 1);
    mqp_producer_free(producer);
}

int main(void) {
    alarm(110);
    CHECK_OK(mqp_mock_cluster_new(MQP_STR(""), 1, 4, &cluster, &error));
    url = mqp_mock_cluster_url(cluster);
    RUN(no_signal_and_no_mask_is_changed);
    RUN(a_child_keeps_no_socket_of_its_parent);
    RUN(a_broken_connection_is_no_signal);
    RUN(many_producers_come_and_go_in_parallel);
    RUN(a_callback_that_does_not_come_back_stops_no_send);
    RUN(callbacks_send_on_and_free_their_producer);
    RUN(a_thread_is_not_cancelled_inside_the_library);
    mqp_mock_cluster_free(cluster);
    return check_finish();
}
