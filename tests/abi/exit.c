/* A process that ends while the library is at work, in the way that the first argument names; the second is the url of a
 * broker that answers no send, the third that of the embedded cluster. */
#include "check.h"

#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

static mqp_producer *producer;
static int running;

static void pause_briefly(void) {
    struct timespec pause = {0, 1000000};
    nanosleep(&pause, NULL);
}

static void block(void *user_data, const mqp_completion *completion) {
    (void)user_data;
    (void)completion;
    __atomic_store_n(&running, 1, __ATOMIC_SEQ_CST);
    for (;;) {
        pause_briefly();
    }
}

static void leave(void *user_data, const mqp_completion *completion) {
    (void)user_data;
    (void)completion;
    exit(7);
}

static void come_back(void *user_data, const mqp_completion *completion) {
    (void)user_data;
    (void)completion;
}

static void on_signal(int number) {
    (void)number;
    exit(7);
}

static void close_at_exit(void) {
    mqp_producer_close(producer, 100, NULL);
    mqp_producer_free(producer);
}

static void *send_for_ever(void *unused) {
    mqp_message message = check_message();
    mqp_callback callback = {block, NULL, NULL};
    while (unused == NULL) {
        mqp_producer_send_async(producer, &message, NULL, callback, NULL);
    }
    return NULL;
}

static void wait_until_it_runs(void) {
    while (!__atomic_load_n(&running, __ATOMIC_SEQ_CST)) {
        pause_briefly();
    }
}

int main(int count, char **arguments) {
    const char *way = arguments[1], *silent = arguments[2], *answering = arguments[3];
    mqp_message message = check_message();
    mqp_callback callback = {block, NULL, NULL}, ending = {come_back, NULL, NULL};
    pthread_t thread;
    int i;
    alarm(60);
    if (count != 4) {
        return 2;
    }
    if (strcmp(way, "sends-in-flight") == 0) {
        producer = check_start(check_config(silent));
        for (i = 0; i < 100; i++) {
            CHECK_OK(mqp_producer_send_async(producer, &message, NULL, callback, &error));
        }
    } else if (strcmp(way, "sends-in-flight-and-a-close-at-exit") == 0) {
        producer = check_start(check_config(silent));
        for (i = 0; i < 100; i++) {
            CHECK_OK(mqp_producer_send_async(producer, &message, NULL, ending, &error));
        }
        atexit(close_at_exit);
    } else if (strcmp(way, "a-callback-that-runs") == 0) {
        producer = check_start(check_config(answering));
        CHECK_OK(mqp_producer_send_async(producer, &message, NULL, callback, &error));
        wait_until_it_runs();
    } else if (strcmp(way, "threads-that-send") == 0) {
        producer = check_start(check_config(answering));
        for (i = 0; i < 4; i++) {
            CHECK(pthread_create(&thread, NULL, send_for_ever, NULL) == 0);
        }
        wait_until_it_runs();
    } else if (strcmp(way, "from-a-callback") == 0) {
        producer = check_start(check_config(answering));
        callback.call = leave;
        CHECK_OK(mqp_producer_send_async(producer, &message, NULL, callback, &error));
        for (;;) {
            pause();
        }
    } else if (strcmp(way, "from-a-signal-handler") == 0) {
        producer = check_start(check_config(silent));
        signal(SIGALRM, on_signal);
        alarm(1);
        /* The signal comes while this thread waits in the library. */
        mqp_producer_send(producer, &message, NULL, NULL, NULL);
        return 3;
    } else {
        return 2;
    }
    return check_failures == 0 ? 7 : 1;
}
