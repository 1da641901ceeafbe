/* The log: silent by default, on the dispatcher when it is set, given back when it is replaced. */
#include "check.h"

#include <pthread.h>
#include <time.h>

#define NOWHERE "rocketmq://127.0.0.1:1"

typedef struct {
    int records, drops, records_after_drop, wrong;
    char text[512];
} sink;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void on_record(void *user_data, const mqp_log_record *record) {
    sink *seen = (sink *)user_data;
    pthread_mutex_lock(&lock);
    seen->records++;
    seen->records_after_drop += seen->drops;
    seen->wrong += record->struct_size != sizeof(*record) || record->level == MQP_LOG_OFF ||
                   record->level > MQP_LOG_WARN || strncmp(record->target.ptr, "mqproducer", 10) != 0 ||
                   record->message.len != strlen(record->message.ptr) || strchr(record->message.ptr, '\n') != NULL;
    snprintf(seen->text, sizeof(seen->text), "%s", record->message.ptr);
    pthread_mutex_unlock(&lock);
}

static void on_drop(void *user_data) {
    pthread_mutex_lock(&lock);
    ((sink *)user_data)->drops++;
    pthread_mutex_unlock(&lock);
}

static mqp_log_callback into(sink *seen) {
    mqp_log_callback callback = {on_record, NULL, on_drop};
    callback.user_data = seen;
    return callback;
}

/* Waits until the sink has so many records and drops. */
static int reached(sink *seen, int records, int drops) {
    struct timespec pause = {0, 1000000};
    int i, done = 0;
    for (i = 0; i < 30000 && !done; i++) {
        pthread_mutex_lock(&lock);
        done = seen->records >= records && seen->drops >= drops;
        pthread_mutex_unlock(&lock);
        nanosleep(&pause, NULL);
    }
    return done;
}

/* A producer whose start warns that no name server answers. */
static mqp_producer *noisy(void) {
    mqp_config *config = check_config(NOWHERE);
    CHECK_OK(mqp_config_set(config, MQP_STR("topics"), MQP_STR("a-topic"), &error));
    CHECK_OK(mqp_config_set(config, MQP_STR("mq_client_api_timeout"), MQP_STR("200"), &error));
    return check_start(config);
}

static void records_reach_the_callback_until_it_is_replaced(void) {
    static const mqp_log_callback nobody = {NULL, NULL, NULL};
    static sink first, second;
    mqp_producer *producer = NULL;
    CHECK_OK(mqp_log_set(MQP_LOG_WARN, into(&first), &error));
    producer = noisy();
    CHECK(reached(&first, 1, 0));
    CHECK(strstr(first.text, "topic=a-topic") != NULL && strstr(first.text, "127.0.0.1:1") != NULL);
    CHECK_OK(mqp_log_set(MQP_LOG_WARN, into(&second), &error));
    CHECK(reached(&first, 1, 1));
    mqp_producer_free(producer);
    producer = noisy();
    CHECK(reached(&second, 1, 0));
    CHECK_OK(mqp_log_set(MQP_LOG_OFF, nobody, &error));
    CHECK(reached(&second, 1, 1));
    mqp_producer_free(producer);
    CHECK(first.drops == 1 && second.drops == 1 && first.records_after_drop + second.records_after_drop == 0);
    CHECK(first.wrong + second.wrong == 0);
}

static void without_a_producer_the_callback_is_given_back_at_once(void) {
    static const mqp_log_callback nobody = {NULL, NULL, NULL};
    sink seen = {0};
    CHECK_OK(mqp_log_set(MQP_LOG_TRACE, into(&seen), &error));
    CHECK_OK(mqp_log_set(MQP_LOG_TRACE, nobody, &error));
    CHECK(seen.drops == 1);
}

static void a_refused_level_leaves_the_callback_alone(void) {
    sink seen = {0};
    CHECK_ERROR(mqp_log_set(6, into(&seen), &error), MQP_ERR_INVALID_ARGUMENT, "`max_level` is 6; the maximum is 5");
    CHECK(seen.records == 0 && seen.drops == 0);
}

static void a_level_below_the_record_is_silent(void) {
    static const mqp_log_callback nobody = {NULL, NULL, NULL};
    static sink seen;
    mqp_producer *producer = NULL;
    CHECK_OK(mqp_log_set(MQP_LOG_ERROR, into(&seen), &error));
    producer = noisy();
    mqp_producer_free(producer);
    CHECK_OK(mqp_log_set(MQP_LOG_OFF, nobody, &error));
    CHECK(reached(&seen, 0, 1));
    CHECK(seen.records == 0);
}

int main(void) {
    RUN(records_reach_the_callback_until_it_is_replaced);
    RUN(without_a_producer_the_callback_is_given_back_at_once);
    RUN(a_refused_level_leaves_the_callback_alone);
    RUN(a_level_below_the_record_is_silent);
    return check_finish();
}
