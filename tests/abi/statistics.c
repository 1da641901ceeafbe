/* Statistics through C; usage: statistics [REFUSING-URL], whose broker refuses each message. */
#include "check.h"

#include <pthread.h>
#include <time.h>

static const char *url;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void nap(void) {
    struct timespec pause = {0, 1000000};
    nanosleep(&pause, NULL);
}

/* Whether a producer's statistics hold a text, in one form or the other. */
static int holds(mqp_producer *producer, mqp_str (*form)(const mqp_statistics *), const char *part) {
    mqp_statistics *statistics = NULL;
    mqp_str text;
    int found;
    CHECK_OK(mqp_producer_statistics(producer, &statistics, &error));
    text = form(statistics);
    found = text.len == strlen(text.ptr) && strstr(text.ptr, part) != NULL && form(statistics).ptr == text.ptr;
    mqp_statistics_free(statistics);
    return found;
}

static void both_forms_tell_what_was_sent(void) {
    mqp_producer *producer = check_start(check_config(url));
    mqp_message message = check_message();
    CHECK(holds(producer, mqp_statistics_json, "\"accepted_messages_total\":0,"));
    CHECK_OK(mqp_producer_send(producer, &message, NULL, NULL, &error));
    CHECK_OK(mqp_producer_send_oneway(producer, &message, NULL, NULL, &error));
    CHECK(holds(producer, mqp_statistics_json, "{\"producer_group\":\"abi-test\",\"client_id\":\""));
    CHECK(holds(producer, mqp_statistics_json, "\"accepted_messages_total\":2,\"accepted_bytes_total\":6,"));
    CHECK(holds(producer, mqp_statistics_json, "\"acknowledged_messages_total\":1,"));
    CHECK(holds(producer, mqp_statistics_prometheus, "# TYPE mqproducer_oneway_messages_total counter\n"));
    CHECK(holds(producer, mqp_statistics_prometheus,
                "\nmqproducer_oneway_messages_total{producer_group=\"abi-test\",client_id=\""));
    CHECK_OK(mqp_producer_close(producer, 5000, &error));
    CHECK(holds(producer, mqp_statistics_json, "\"acknowledged_messages_total\":1,"));
    mqp_producer_free(producer);
}

typedef struct {
    int calls, drops, calls_after_drop, wrong;
    mqp_producer *to_free;
} receiver;

static void on_statistics(void *user_data, const mqp_statistics *statistics) {
    receiver *seen = (receiver *)user_data;
    mqp_producer *to_free;
    pthread_mutex_lock(&lock);
    seen->calls++;
    seen->calls_after_drop += seen->drops;
    seen->wrong += strstr(mqp_statistics_json(statistics).ptr, "\"accepted_messages_total\":") == NULL;
    seen->wrong += strncmp(mqp_statistics_prometheus(statistics).ptr, "# HELP ", 7) != 0;
    to_free = seen->to_free;
    seen->to_free = NULL;
    pthread_mutex_unlock(&lock);
    if (to_free != NULL) {
        CHECK_ERROR(mqp_producer_flush(to_free, 0, &error), MQP_ERR_WOULD_DEADLOCK, "thread of the library");
        mqp_producer_free(to_free);
    }
}

static void on_drop(void *user_data) {
    pthread_mutex_lock(&lock);
    ((receiver *)user_data)->drops++;
    pthread_mutex_unlock(&lock);
}

static mqp_statistics_callback into(receiver *seen) {
    mqp_statistics_callback callback = {on_statistics, NULL, on_drop};
    callback.user_data = seen;
    return callback;
}

static mqp_producer *unstarted(const char *interval) {
    mqp_config *config = check_config(url);
    mqp_producer *producer = NULL;
    CHECK_OK(mqp_config_set(config, MQP_STR("statistics_interval"), mqp_str_of(interval), &error));
    CHECK_OK(mqp_producer_new(config, &producer, &error));
    mqp_config_free(config);
    return producer;
}

/* Waits until the receiver has so many calls and drops. */
static int reached(receiver *seen, int calls, int drops) {
    int i, done = 0;
    for (i = 0; i < 30000 && !done; i++) {
        pthread_mutex_lock(&lock);
        done = seen->calls >= calls && seen->drops >= drops;
        pthread_mutex_unlock(&lock);
        nap();
    }
    return done;
}

static int calls_of(receiver *seen) {
    int calls;
    pthread_mutex_lock(&lock);
    calls = seen->calls;
    pthread_mutex_unlock(&lock);
    return calls;
}

static void the_callback_comes_until_the_close_and_is_given_back_once(void) {
    static receiver replaced, closed, other;
    mqp_producer *producer = unstarted("2"), *second = unstarted("2");
    int calls;
    CHECK_OK(mqp_producer_set_statistics_callback(producer, into(&replaced), &error));
    CHECK_OK(mqp_producer_set_statistics_callback(producer, into(&closed), &error));
    CHECK_OK(mqp_producer_set_statistics_callback(second, into(&other), &error));
    CHECK(reached(&replaced, 0, 1));
    CHECK_OK(mqp_producer_start(producer, &error));
    CHECK_OK(mqp_producer_start(second, &error));
    CHECK(reached(&closed, 3, 0) && reached(&other, 1, 0));
    CHECK_OK(mqp_producer_close(producer, 5000, &error));
    calls = calls_of(&closed);
    CHECK(reached(&closed, 3, 1));
    CHECK(reached(&other, calls_of(&other) + 3, 0) && calls_of(&closed) == calls);
    mqp_producer_free(producer);
    mqp_producer_free(second);
    CHECK(reached(&other, 1, 1));
    CHECK(replaced.calls == 0 && replaced.drops == 1 && closed.drops == 1 && other.drops == 1);
    CHECK(replaced.calls_after_drop + closed.calls_after_drop + other.calls_after_drop == 0);
    CHECK(closed.wrong + other.wrong == 0);
}

static void a_producer_may_be_freed_in_its_callback_or_never_start(void) {
    static receiver frees, never;
    mqp_producer *producer = unstarted("2");
    CHECK_OK(mqp_producer_set_statistics_callback(producer, into(&never), &error));
    mqp_producer_free(producer);
    CHECK(reached(&never, 0, 1) && never.calls == 0 && never.drops == 1);
    producer = unstarted("2");
    CHECK_OK(mqp_producer_set_statistics_callback(producer, into(&frees), &error));
    CHECK_OK(mqp_producer_start(producer, &error));
    pthread_mutex_lock(&lock);
    frees.to_free = producer;
    pthread_mutex_unlock(&lock);
    CHECK(reached(&frees, 1, 1));
    CHECK(frees.drops == 1 && frees.calls_after_drop == 0 && frees.wrong == 0);
}

static void a_discarded_callback_is_neither_called_nor_given_back(void) {
    static receiver discarded, other;
    mqp_producer *producer = unstarted("2"), *second = unstarted("2");
    int calls;
    CHECK_OK(mqp_producer_set_statistics_callback(producer, into(&discarded), &error));
    CHECK_OK(mqp_producer_set_statistics_callback(second, into(&other), &error));
    CHECK_OK(mqp_producer_start(producer, &error));
    CHECK_OK(mqp_producer_start(second, &error));
    CHECK(reached(&discarded, 1, 0));
    CHECK_OK(mqp_producer_discard_completions(producer, &error));
    /* One call may be running still; another producer's callback tells that it has ended. */
    CHECK(reached(&other, calls_of(&other) + 2, 0));
    calls = calls_of(&discarded);
    CHECK(reached(&other, calls_of(&other) + 3, 0) && calls_of(&discarded) == calls);
    mqp_producer_free(producer);
    mqp_producer_free(second);
    CHECK(reached(&other, 1, 1) && discarded.drops == 0);
}

static void bad_input_is_refused_and_takes_nothing(void) {
    static receiver seen;
    mqp_statistics_callback callback = into(&seen);
    mqp_producer *producer = unstarted("1");
    mqp_statistics *statistics = NULL;
    callback.call = NULL;
    CHECK_ERROR(mqp_producer_set_statistics_callback(producer, callback, &error), MQP_ERR_INVALID_ARGUMENT,
                "`callback.call` is NULL");
    CHECK_ERROR(mqp_producer_set_statistics_callback(NULL, into(&seen), &error), MQP_ERR_INVALID_ARGUMENT,
                "`producer` is NULL");
    CHECK_OK(mqp_producer_start(producer, &error));
    CHECK_ERROR(mqp_producer_set_statistics_callback(producer, into(&seen), &error), MQP_ERR_ALREADY_STARTED,
                "the statistics callback is set before the start");
    CHECK_OK(mqp_producer_close(producer, 5000, &error));
    CHECK_ERROR(mqp_producer_set_statistics_callback(producer, into(&seen), &error), MQP_ERR_CLOSED, "is closed");
    CHECK_ERROR(mqp_producer_statistics(NULL, &statistics, &error), MQP_ERR_INVALID_ARGUMENT, "`producer` is NULL");
    CHECK_ERROR(mqp_producer_statistics(producer, NULL, &error), MQP_ERR_INVALID_ARGUMENT, "`out` is NULL");
    CHECK(statistics == NULL);
    CHECK(mqp_statistics_json(NULL).len == 0 && mqp_statistics_prometheus(NULL).len == 0);
    CHECK(mqp_statistics_json(NULL).ptr != NULL);
    mqp_statistics_free(NULL);
    mqp_producer_free(producer);
    CHECK(seen.calls == 0 && seen.drops == 0);
}

/* A log callback that holds the dispatcher until it is let go. */
static int let_go;

static void hold(void *user_data, const mqp_log_record *record) {
    int held = 1;
    (void)user_data;
    (void)record;
    while (held) {
        pthread_mutex_lock(&lock);
        held = !let_go;
        pthread_mutex_unlock(&lock);
        nap();
    }
}

static void ignore(void *user_data, const mqp_completion *completion) {
    (void)user_data;
    (void)completion;
}

static void records_that_the_log_callback_is_too_slow_for_are_counted(void) {
    static const mqp_log_callback nobody = {NULL, NULL, NULL};
    const mqp_log_callback slow = {hold, NULL, NULL};
    const mqp_callback callback = {ignore, NULL, NULL};
    mqp_producer *producer = check_start(check_config(url));
    mqp_message message = check_message();
    int i;
    CHECK(holds(producer, mqp_statistics_json, "\"dropped_log_records_total\":0}"));
    CHECK_OK(mqp_log_set(MQP_LOG_WARN, slow, &error));
    for (i = 0; i < 1200; i++) {
        CHECK_OK(mqp_producer_send_async(producer, &message, NULL, callback, &error));
    }
    for (i = 0; i < 30000 && holds(producer, mqp_statistics_json, "\"dropped_log_records_total\":0}"); i++) {
        nap();
    }
    CHECK(!holds(producer, mqp_statistics_json, "\"dropped_log_records_total\":0}"));
    CHECK(!holds(producer, mqp_statistics_json, "\"waiting_jobs\":0,"));
    pthread_mutex_lock(&lock);
    let_go = 1;
    pthread_mutex_unlock(&lock);
    CHECK_OK(mqp_producer_flush(producer, 30000, &error));
    CHECK(holds(producer, mqp_statistics_json,
                "\"failed_messages_total\":[{\"cause\":\"BROKER\",\"code\":\"16\",\"value\":1200}]"));
    CHECK_OK(mqp_log_set(MQP_LOG_OFF, nobody, &error));
    mqp_producer_free(producer);
}

int main(int count, char **arguments) {
    mqp_mock_cluster *cluster = NULL;
    CHECK_OK(mqp_mock_cluster_new(MQP_STR(""), 1, 1, &cluster, &error));
    url = mqp_mock_cluster_url(cluster);
    RUN(both_forms_tell_what_was_sent);
    RUN(the_callback_comes_until_the_close_and_is_given_back_once);
    RUN(a_producer_may_be_freed_in_its_callback_or_never_start);
    RUN(a_discarded_callback_is_neither_called_nor_given_back);
    RUN(bad_input_is_refused_and_takes_nothing);
    if (count == 2) {
        url = arguments[1];
        RUN(records_that_the_log_callback_is_too_slow_for_are_counted);
    }
    mqp_mock_cluster_free(cluster);
    return check_finish();
}
