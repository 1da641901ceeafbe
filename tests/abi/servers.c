/* Sends to a server that does what its name says; usage: servers URL MAYBE_PERSISTED PART STATUS... Both modes must end
 * within their deadline with one of the statuses and a text that holds PART. */
#include "check.h"

#include <time.h>

enum { DEADLINE_MS = 2000, SLACK_MS = 3000 };

static char **given;
static int given_count;
static mqp_producer *producer;

static long now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void check_end(const mqp_error *failure, long started) {
    mqp_error_view view = MQP_ERROR_VIEW_INIT;
    long took = now_ms() - started;
    int i, expected = 0;
    CHECK_OK(mqp_error_get(failure, &view, &error));
    for (i = 4; i < given_count; i++) {
        expected |= failure != NULL && strcmp(given[i], view.name.ptr) == 0;
    }
    CHECK(expected);
    CHECK(view.message.ptr != NULL && strstr(view.message.ptr, given[3]) != NULL);
    CHECK(view.maybe_persisted == (uint32_t)atoi(given[2]));
    CHECK(took < DEADLINE_MS + SLACK_MS);
    printf("       %ld ms, %s: %s\n", took, failure != NULL ? view.name.ptr : "OK", mqp_error_message(failure));
}

static void sync_ends(void) {
    mqp_message message = check_message();
    mqp_error *failure = NULL;
    long started = now_ms();
    mqp_producer_send(producer, &message, NULL, NULL, &failure);
    check_end(failure, started);
    mqp_error_free(failure);
}

static void on_call(void *user_data, const mqp_completion *completion) {
    *(mqp_error **)user_data = mqp_error_clone(completion->error);
}

static void async_ends(void) {
    mqp_message message = check_message();
    mqp_error *failure = NULL, *told = NULL;
    mqp_callback callback = {on_call, NULL, NULL};
    long started = now_ms();
    callback.user_data = &told;
    if (mqp_producer_send_async(producer, &message, NULL, callback, &failure) == MQP_OK) {
        CHECK_OK(mqp_producer_flush(producer, DEADLINE_MS + SLACK_MS, &error));
    }
    check_end(failure != NULL ? failure : told, started);
    mqp_error_free(failure);
    mqp_error_free(told);
}

static void close_ends(void) {
    long started = now_ms();
    CHECK_OK(mqp_producer_close(producer, 1000, &error));
    CHECK(now_ms() - started < SLACK_MS);
}

int main(int count, char **arguments) {
    mqp_config *config = NULL;
    if (count < 5) {
        return EXIT_FAILURE;
    }
    given = arguments;
    given_count = count;
    config = check_config(arguments[1]);
    CHECK_OK(mqp_config_set(config, MQP_STR("send_msg_timeout"), MQP_STR("2000"), &error));
    CHECK_OK(mqp_config_set(config, MQP_STR("mq_client_api_timeout"), MQP_STR("1000"), &error));
    producer = check_start(config);
    RUN(sync_ends);
    RUN(async_ends);
    RUN(close_ends);
    mqp_producer_free(producer);
    return check_finish();
}
