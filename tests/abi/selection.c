/* Queue selectors, broker states and back-pressure through C; usage: selection SILENT-URL, whose broker never answers a
 * send. */
#include "check.h"

#include <pthread.h>
#include <time.h>

static const char *url, *silent_url;

/* Sends one message; its queue's number, or -1. */
static int sent_to(mqp_producer *producer, const mqp_send_options *options, char *broker) {
    mqp_message message = check_message();
    mqp_receipt *receipt = NULL;
    mqp_receipt_view view = MQP_RECEIPT_VIEW_INIT;
    int queue = -1;
    CHECK_OK(mqp_producer_send(producer, &message, options, &receipt, &error));
    if (receipt != NULL) {
        CHECK_OK(mqp_receipt_get(receipt, &view, &error));
        queue = view.queue_id;
        strcpy(broker, view.broker_name.ptr);
    }
    mqp_receipt_free(receipt);
    return queue;
}

/* Rows: QS-05 QS-06 */
static void each_selector_chooses_as_it_says(void) {
    mqp_producer *producer = check_start(check_config(url));
    mqp_send_options options = MQP_SEND_OPTIONS_INIT;
    char broker[64], again[64];
    int i, queue;
    options.selector = MQP_SELECT_HASH;
    options.sharding_key = MQP_STR("x"); /* "x".hashCode() is 120 */
    CHECK(sent_to(producer, &options, broker) == 0 && strcmp(broker, "broker-a") == 0);
    options.selector = MQP_SELECT_CONSISTENT_HASH;
    queue = sent_to(producer, &options, broker);
    for (i = 0; i < 5; i++) {
        CHECK(sent_to(producer, &options, again) == queue && strcmp(broker, again) == 0);
    }
    options.sharding_key = mqp_str_of(NULL);
    options.selector = MQP_SELECT_QUEUE;
    options.broker_name = MQP_STR("broker-b");
    options.queue_id = 3;
    CHECK(sent_to(producer, &options, broker) == 3 && strcmp(broker, "broker-b") == 0);
    memset(&options, 0, sizeof(options));
    options.struct_size = sizeof(options);
    options.selector = MQP_SELECT_RANDOM;
    CHECK(sent_to(producer, &options, broker) >= 0);
    mqp_producer_free(producer);
}

typedef struct {
    int calls, wrong, in_thread;
    size_t index;
    pthread_t caller;
} choice;

static size_t choose(void *user_data, const mqp_queue *queues, size_t count, size_t element_size) {
    choice *seen = (choice *)user_data;
    size_t i;
    seen->calls++;
    seen->in_thread = pthread_equal(seen->caller, pthread_self()) != 0;
    seen->wrong = count != 8 || element_size < sizeof(mqp_queue);
    for (i = 0; i < count; i++) {
        const mqp_queue *queue = (const mqp_queue *)((const char *)queues + i * element_size);
        const char *broker = i < 4 ? "broker-a" : "broker-b";
        seen->wrong += queue->queue_id != (int)(i % 4) || strcmp(queue->broker_name.ptr, broker) != 0;
        seen->wrong += queue->broker_name.len != strlen(broker) || queue->reserved != 0;
    }
    return seen->index;
}

static void never(void *user_data, const mqp_completion *completion) {
    (void)completion;
    ++*(int *)user_data;
}

/* Rows: QS-06 */
static void a_selector_callback_runs_once_and_its_index_is_checked(void) {
    mqp_producer *producer = check_start(check_config(url));
    mqp_send_options options = MQP_SEND_OPTIONS_INIT;
    mqp_message message = check_message();
    choice seen = {0};
    mqp_callback callback = {never, NULL, NULL};
    int called = 0;
    char broker[64];
    seen.index = 6;
    seen.caller = pthread_self();
    options.selector = MQP_SELECT_CALLBACK;
    options.queue_selector.call = choose;
    options.queue_selector.user_data = &seen;
    CHECK(sent_to(producer, &options, broker) == 2 && strcmp(broker, "broker-b") == 0);
    CHECK(seen.calls == 1 && seen.wrong == 0 && seen.in_thread);
    seen.index = 8;
    callback.user_data = &called;
    CHECK_ERROR(mqp_producer_send_async(producer, &message, &options, callback, &error), MQP_ERR_INVALID_ARGUMENT,
                "the selector returned the index 8; topic `abi-test` has 8 queues");
    CHECK_OK(mqp_producer_close(producer, 5000, &error));
    CHECK(called == 0);
    mqp_producer_free(producer);
}

/* Rows: QS-05 QS-06 */
static void bad_options_are_named(void) {
    mqp_producer *producer = check_start(check_config(url));
    mqp_message message = check_message();
    mqp_send_options options = MQP_SEND_OPTIONS_INIT;
#define REFUSED(status, part) CHECK_ERROR(mqp_producer_send(producer, &message, &options, NULL, &error), status, part)
    options.selector = 7;
    REFUSED(MQP_ERR_INVALID_ARGUMENT, "`selector` is 7; the maximum is 6");
    options.selector = MQP_SELECT_HASH;
    REFUSED(MQP_ERR_INVALID_ARGUMENT, "the sharding key is empty");
    options.selector = MQP_SELECT_MACHINE_ROOM;
    REFUSED(MQP_ERR_INVALID_ARGUMENT, "`machine_rooms` names no room");
    options.machine_rooms = MQP_STR(" bj, sh");
    REFUSED(MQP_ERR_NO_ROUTE, "in a room of [bj, sh]");
    options.selector = MQP_SELECT_CALLBACK;
    REFUSED(MQP_ERR_INVALID_ARGUMENT, "`machine_rooms` is set, but the `selector` 6 does not read it");
    options.machine_rooms = mqp_str_of(NULL);
    REFUSED(MQP_ERR_INVALID_ARGUMENT, "`queue_selector.call` is NULL");
    options.selector = MQP_SELECT_QUEUE;
    options.broker_name = MQP_STR("broker-b");
    options.queue_id = 4;
    REFUSED(MQP_ERR_INVALID_ARGUMENT, "queue 4 of broker `broker-b` is no writable queue of topic `abi-test`");
    options.selector = MQP_SELECT_ROUND_ROBIN;
    options.broker_name = mqp_str_of(NULL);
    REFUSED(MQP_ERR_INVALID_ARGUMENT, "`queue_id` is set");
    /* A caller of the first version, whose struct ends with the timeout. */
    options.struct_size = 8;
    CHECK_OK(mqp_producer_send(producer, &message, &options, NULL, &error));
    mqp_producer_free(producer);
}

/* Rows: FT-02 FT-07 */
static void broker_states_tell_of_isolation(void) {
    mqp_config *config = check_config(silent_url);
    mqp_message message = check_message();
    mqp_send_options options = MQP_SEND_OPTIONS_INIT;
    mqp_broker_states *states = NULL;
    mqp_broker_state_view view = MQP_BROKER_STATE_VIEW_INIT;
    mqp_producer *producer;
    options.timeout_ms = 500;
    CHECK_OK(mqp_config_set(config, MQP_STR("send_latency_enable"), MQP_STR("true"), &error));
    producer = check_start(config);
    CHECK_OK(mqp_producer_broker_states(producer, &states, &error));
    CHECK(mqp_broker_states_count(states) == 0 && mqp_broker_states_count(NULL) == 0);
    mqp_broker_states_free(states);
    CHECK_ERROR(mqp_producer_send(producer, &message, &options, NULL, &error), MQP_ERR_TIMEOUT, "in time");
    CHECK_OK(mqp_producer_broker_states(producer, &states, &error));
    CHECK(mqp_broker_states_count(states) == 1);
    CHECK_OK(mqp_broker_states_get(states, 0, &view, &error));
    CHECK(view.state == MQP_BROKER_ISOLATED && view.until_ms / 1000 > (int64_t)time(NULL) && view.latency_ms > 0);
    CHECK(strcmp(view.name.ptr, "odd") == 0 && strncmp(view.address.ptr, "127.0.0.1:", 10) == 0);
    CHECK_ERROR(mqp_broker_states_get(states, 1, &view, &error), MQP_ERR_INVALID_ARGUMENT,
                "`index` is 1; there are 1 brokers");
    mqp_broker_states_free(states);
    mqp_broker_states_free(NULL);
    mqp_producer_free(producer);
}

static long now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void on_end(void *user_data, const mqp_completion *completion) {
    *(mqp_status *)user_data = completion->status;
}

typedef struct {
    mqp_producer *producer;
    mqp_status status;
} waiting;

static void *wait_for_room(void *argument) {
    waiting *own = (waiting *)argument;
    mqp_message message = check_message();
    mqp_send_options options = MQP_SEND_OPTIONS_INIT;
    mqp_status ignored = MQP_OK;
    mqp_callback callback = {on_end, NULL, NULL};
    callback.user_data = &ignored;
    options.timeout_ms = 100;
    own->status = mqp_producer_send_async(own->producer, &message, &options, callback, NULL);
    return NULL;
}

/* Rows: AS-03 AS-04 AS-05 */
static void each_policy_keeps_the_bound(void) {
    static const char *const policies[] = {"fail", "block", "wait_forever"};
    int i;
    for (i = 0; i < 3; i++) {
        mqp_config *config = check_config(silent_url);
        mqp_send_options options = MQP_SEND_OPTIONS_INIT;
        mqp_message big = check_message();
        mqp_status first = MQP_OK;
        mqp_callback callback = {on_end, NULL, NULL};
        static uint8_t body[5000];
        mqp_producer *producer;
        long started;
        callback.user_data = &first;
        CHECK_OK(mqp_config_set(config, MQP_STR("max_in_flight_bytes"), MQP_STR("1024"), &error));
        CHECK_OK(mqp_config_set(config, MQP_STR("backpressure"), mqp_str_of(policies[i]), &error));
        producer = check_start(config);
        body[0] = 1;
        big.body.ptr = body;
        big.body.len = sizeof(body);
        options.timeout_ms = 60000;
        /* Over the limit, it goes alone. */
        CHECK_OK(mqp_producer_send_async(producer, &big, &options, callback, &error));
        if (i < 2) {
            mqp_message message = check_message();
            options.timeout_ms = 100;
            started = now_ms();
            CHECK_ERROR(mqp_producer_send_async(producer, &message, &options, callback, &error), MQP_ERR_BACKPRESSURE,
                        "1 messages and 5000 bytes are in flight");
            CHECK(i == 0 || now_ms() - started >= 100);
            CHECK_ERROR(mqp_producer_send_oneway(producer, &message, &options, NULL, &error), MQP_ERR_BACKPRESSURE,
                        "`max_in_flight_bytes` is 1024");
        } else {
            waiting own = {0};
            pthread_t thread;
            struct timespec pause = {0, 300000000};
            own.producer = producer;
            own.status = MQP_ERR_INTERNAL;
            CHECK(pthread_create(&thread, NULL, wait_for_room, &own) == 0);
            nanosleep(&pause, NULL);
            CHECK_ERROR(mqp_producer_close(producer, 0, &error), MQP_ERR_TIMEOUT, "1 messages had not completed");
            CHECK(pthread_join(thread, NULL) == 0 && own.status == MQP_ERR_CLOSED);
        }
        mqp_producer_close(producer, 0, NULL);
        CHECK(first == MQP_ERR_CLOSED);
        mqp_producer_free(producer);
    }
}

/* Rows: RE-04 */
static void errors_have_the_numbers_of_the_java_client(void) {
    mqp_producer *producer = check_start(check_config(silent_url));
    mqp_message message = check_message();
    mqp_send_options options = MQP_SEND_OPTIONS_INIT;
    mqp_error_view view = MQP_ERROR_VIEW_INIT;
    mqp_error *failure = NULL;
    options.timeout_ms = 500;
    CHECK(mqp_producer_send(producer, &message, &options, NULL, &failure) == MQP_ERR_TIMEOUT);
    CHECK_OK(mqp_error_get(failure, &view, &error));
    CHECK(view.code == 10002 && view.reserved == 0 && view.has_broker_code == 0);
    mqp_error_free(failure);
    mqp_producer_free(producer);
}

int main(int count, char **arguments) {
    mqp_mock_cluster *cluster = NULL;
    if (count != 2) {
        return EXIT_FAILURE;
    }
    silent_url = arguments[1];
    CHECK_OK(mqp_mock_cluster_new(MQP_STR(""), 2, 4, &cluster, &error));
    url = mqp_mock_cluster_url(cluster);
    RUN(each_selector_chooses_as_it_says);
    RUN(a_selector_callback_runs_once_and_its_index_is_checked);
    RUN(bad_options_are_named);
    RUN(broker_states_tell_of_isolation);
    RUN(each_policy_keeps_the_bound);
    RUN(errors_have_the_numbers_of_the_java_client);
    mqp_mock_cluster_free(cluster);
    return check_finish();
}
