/* Reliable sending through C: each way to send, the alarm, the tries, the spool and what becomes of its messages. */
#include "check.h"

#include <pthread.h>
#include <time.h>
#include <unistd.h>

static mqp_mock_cluster *cluster;
static const char *url;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char spool[64];

static void nap(void) {
    struct timespec pause = {0, 1000000};
    nanosleep(&pause, NULL);
}

/* What a callback was told. */
typedef struct {
    int calls, drops, kinds[5], with_body, with_receipt, attempts, codes, maybe, spooled;
    mqp_received_message *kept;
} told;

static void on_event(void *user_data, const mqp_reliability_event *event) {
    told *seen = (told *)user_data;
    mqp_received_message_view view = MQP_RECEIVED_MESSAGE_VIEW_INIT;
    mqp_error_view why = MQP_ERROR_VIEW_INIT;
    mqp_attempt attempt = MQP_ATTEMPT_INIT;
    size_t i;
    pthread_mutex_lock(&lock);
    seen->calls++;
    seen->kinds[event->kind]++;
    if (event->message != NULL) {
        CHECK_OK(mqp_received_message_get(event->message, &view, &error));
        seen->with_body += view.body.len == 3 && memcmp(view.body.ptr, "a\0b", 3) == 0;
        mqp_received_message_free(seen->kept);
        seen->kept = mqp_received_message_clone(event->message);
    }
    seen->with_receipt += event->receipt != NULL;
    if (event->error != NULL) {
        CHECK_OK(mqp_error_get(event->error, &why, &error));
        seen->maybe += (int)why.maybe_persisted;
        seen->spooled += why.status == MQP_SPOOLED;
        for (i = 0; i < mqp_error_attempt_count(event->error); i++) {
            CHECK_OK(mqp_error_attempt_at(event->error, i, &attempt, &error));
            seen->attempts++;
            seen->codes += attempt.has_broker_code ? attempt.broker_code : 0;
            CHECK(attempt.broker_name.len > 0 && attempt.started_ms > 1600000000000);
        }
        CHECK_ERROR(mqp_error_attempt_at(event->error, i, &attempt, &error), MQP_ERR_INVALID_ARGUMENT, "`index`");
    }
    pthread_mutex_unlock(&lock);
}

static void on_drop(void *user_data) {
    pthread_mutex_lock(&lock);
    ((told *)user_data)->drops++;
    pthread_mutex_unlock(&lock);
}

static mqp_reliability_callback into(told *seen) {
    mqp_reliability_callback callback = {on_event, NULL, on_drop};
    callback.user_data = seen;
    return callback;
}

static int reached(const told *seen, int calls, int drops) {
    int i, done = 0;
    for (i = 0; i < 30000 && !done; i++) {
        pthread_mutex_lock(&lock);
        done = seen->calls >= calls && seen->drops >= drops;
        pthread_mutex_unlock(&lock);
        nap();
    }
    return done;
}

static mqp_producer *unstarted(const char *file) {
    static const char *const keys[][2] = {{"reliability", "reliable"}, {"reliable_retry_times", "2"},
        {"reliable_retry_interval", "1"}, {"reliable_retry_interval_max", "1"}, {"reconnect_backoff_max", "5"},
        {"spool_retry_interval", "5"}};
    mqp_config *config = check_config(url);
    mqp_producer *producer = NULL;
    size_t i;
    for (i = 0; i < sizeof keys / sizeof *keys; i++) {
        CHECK_OK(mqp_config_set(config, mqp_str_of(keys[i][0]), mqp_str_of(keys[i][1]), &error));
    }
    CHECK_OK(mqp_config_set(config, MQP_STR("spool_file"), mqp_str_of(file), &error));
    CHECK_OK(mqp_producer_new(config, &producer, &error));
    mqp_config_free(config);
    return producer;
}

/* Each send is stored and answered with `code`, `count` times. */
static void answer_with(int code, uint32_t count) {
    mqp_mock_fault fault = MQP_MOCK_FAULT_INIT;
    fault.action = MQP_MOCK_FAULT_CHANGE_ANSWER;
    fault.request_code = 310;
    fault.response_code = code;
    fault.count = count;
    CHECK_OK(mqp_mock_cluster_push_fault(cluster, &fault, &error));
}

static void a_receipt_tells_the_tries_before_it(void) {
    mqp_producer *producer = unstarted("");
    mqp_message message = check_message();
    mqp_receipt *receipt = NULL;
    mqp_receipt_view view = MQP_RECEIPT_VIEW_INIT;
    mqp_attempt attempt = MQP_ATTEMPT_INIT;
    CHECK_OK(mqp_producer_start(producer, &error));
    answer_with(12, 1);
    CHECK_OK(mqp_producer_send(producer, &message, NULL, &receipt, &error));
    CHECK_OK(mqp_receipt_get(receipt, &view, &error));
    CHECK(view.send_status == MQP_SEND_OK && view.attempts == 2 && view.maybe_duplicated == 1);
    CHECK(mqp_receipt_attempt_count(receipt) == 1);
    CHECK_OK(mqp_receipt_attempt_at(receipt, 0, &attempt, &error));
    CHECK(attempt.status == MQP_ERR_BROKER && attempt.broker_code == 12 && attempt.maybe_stored == 1);
    CHECK_ERROR(mqp_receipt_attempt_at(receipt, 1, &attempt, &error), MQP_ERR_INVALID_ARGUMENT, "there are 1");
    mqp_receipt_free(receipt);
    CHECK_OK(mqp_producer_send(producer, &message, NULL, &receipt, &error));
    CHECK_OK(mqp_receipt_get(receipt, &view, &error));
    CHECK(view.attempts == 1 && view.maybe_duplicated == 0 && mqp_receipt_attempt_count(receipt) == 0);
    mqp_receipt_free(receipt);
    CHECK_ERROR(mqp_producer_send_oneway(producer, &message, NULL, NULL, &error), MQP_ERR_UNSUPPORTED, "one-way");
    CHECK(mqp_receipt_attempt_count(NULL) == 0 && mqp_error_attempt_count(NULL) == 0);
    mqp_producer_free(producer);
}

static void on_completion(void *user_data, const mqp_completion *completion) {
    pthread_mutex_lock(&lock);
    *(mqp_status *)user_data = completion->status;
    pthread_mutex_unlock(&lock);
}

/* Sends in each way; `status` is the end of each. */
static void send_in_each_way(mqp_producer *producer, mqp_status status) {
    mqp_message message = check_message();
    mqp_callback callback = {on_completion, NULL, NULL};
    static mqp_status ended;
    mqp_completion_queue *queue = NULL;
    mqp_completion polled[3];
    mqp_message many[2];
    mqp_batch_result *result = NULL;
    size_t count = 0, accepted = 0, total = 0, i;
    CHECK_ERROR(mqp_producer_send(producer, &message, NULL, NULL, &error), status, "");
    ended = 0;
    callback.user_data = &ended;
    CHECK_OK(mqp_producer_send_async(producer, &message, NULL, callback, &error));
    CHECK_OK(mqp_producer_flush(producer, 30000, &error));
    CHECK(ended == status);
    CHECK_OK(mqp_completion_queue_new(&queue, &error));
    many[0] = many[1] = message;
    CHECK_OK(mqp_producer_send_queued(producer, &message, NULL, queue, NULL, &error));
    CHECK_OK(mqp_producer_send_many(producer, many, 2, sizeof *many, NULL, queue, NULL, &accepted, &error));
    while (total < 3) {
        CHECK_OK(mqp_completion_queue_poll(queue, polled, sizeof *polled, 3, 30000, &count, &error));
        if (count == 0) {
            break;
        }
        for (i = 0; i < count; i++) {
            CHECK(polled[i].status == status && mqp_error_attempt_count(polled[i].error) == 3);
        }
        mqp_completions_free(polled, sizeof *polled, count);
        total += count;
    }
    CHECK(accepted == 2 && total == 3);
    mqp_completion_queue_free(queue);
    CHECK_ERROR(mqp_producer_send_batch(producer, many, 2, sizeof *many, NULL, NULL, &result, &error), status, "");
    mqp_batch_result_free(result);
}

static void every_way_ends_with_the_error_and_an_alarm(void) {
    static told alarms;
    mqp_producer *producer = unstarted("");
    mqp_mock_fault fault = MQP_MOCK_FAULT_INIT;
    CHECK_OK(mqp_producer_set_alarm_callback(producer, into(&alarms), &error));
    CHECK_OK(mqp_producer_start(producer, &error));
    answer_with(10, 0);
    fault.action = MQP_MOCK_FAULT_CHANGE_ANSWER;
    fault.request_code = 320;
    fault.response_code = 10;
    CHECK_OK(mqp_mock_cluster_push_fault(cluster, &fault, &error));
    send_in_each_way(producer, MQP_ERR_BROKER);
    CHECK(alarms.calls == 7 && alarms.kinds[MQP_EVENT_GIVEN_UP] == 7 && alarms.with_body == 7);
    CHECK(alarms.attempts == 21 && alarms.codes == 210 && alarms.maybe == 7 && alarms.spooled == 0);
    CHECK_OK(mqp_mock_cluster_clear_faults(cluster, &error));
    mqp_producer_free(producer);
    CHECK(reached(&alarms, 7, 1) && alarms.drops == 1);
    mqp_received_message_free(alarms.kept);
}

static void what_is_spooled_in_every_way_is_delivered_and_told_later(void) {
    static told alarms, later, again;
    mqp_producer *producer = unstarted(spool);
    mqp_message message = check_message();
    CHECK_OK(mqp_producer_set_alarm_callback(producer, into(&alarms), &error));
    CHECK_OK(mqp_producer_set_spool_callback(producer, into(&later), &error));
    CHECK_OK(mqp_producer_start(producer, &error));
    CHECK_OK(mqp_producer_send(producer, &message, NULL, NULL, &error));
    CHECK_OK(mqp_mock_cluster_clear(cluster, &error));
    CHECK_OK(mqp_mock_cluster_set_broker_state(cluster, MQP_STR("0"), MQP_MOCK_BROKER_STOPPED, &error));
    send_in_each_way(producer, MQP_SPOOLED);
    CHECK(alarms.calls == 7 && alarms.spooled == 7 && later.calls == 0);
    CHECK_OK(mqp_mock_cluster_set_broker_state(cluster, MQP_STR("0"), MQP_MOCK_BROKER_UP, &error));
    CHECK(reached(&later, 7, 0));
    CHECK(later.kinds[MQP_EVENT_SPOOL_DELIVERED] == 7 && later.with_receipt == 7 && later.with_body == 7);
    CHECK_OK(mqp_mock_cluster_wait(cluster, MQP_STR(""), 7, 30000, &error));
    CHECK_OK(mqp_mock_cluster_set_broker_state(cluster, MQP_STR("0"), MQP_MOCK_BROKER_STOPPED, &error));
    CHECK_ERROR(mqp_producer_send(producer, &message, NULL, NULL, &error), MQP_SPOOLED, "waits in the spool");
    CHECK_OK(mqp_producer_close(producer, 30000, &error));
    CHECK_OK(mqp_mock_cluster_set_broker_state(cluster, MQP_STR("0"), MQP_MOCK_BROKER_UP, &error));
    mqp_producer_free(producer);
    CHECK(reached(&later, 7, 1) && reached(&alarms, 8, 1) && later.calls == 7);
    producer = unstarted(spool);
    CHECK_OK(mqp_producer_set_spool_callback(producer, into(&again), &error));
    CHECK_OK(mqp_producer_start(producer, &error));
    CHECK(reached(&again, 1, 0) && again.kinds[MQP_EVENT_SPOOL_DELIVERED] == 1 && again.with_body == 1);
    mqp_producer_free(producer);
    CHECK(reached(&again, 1, 1));
    mqp_received_message_free(alarms.kept);
    mqp_received_message_free(later.kept);
    mqp_received_message_free(again.kept);
}

static void bad_input_is_refused_and_takes_nothing(void) {
    static told seen, replaced;
    mqp_producer *producer = unstarted("");
    mqp_reliability_callback none = {NULL, NULL, NULL};
    CHECK_ERROR(mqp_producer_set_alarm_callback(producer, none, &error), MQP_ERR_INVALID_ARGUMENT, "`callback.call`");
    CHECK_ERROR(mqp_producer_set_spool_callback(NULL, into(&seen), &error), MQP_ERR_INVALID_ARGUMENT, "`producer`");
    CHECK_OK(mqp_producer_set_alarm_callback(producer, into(&replaced), &error));
    CHECK_OK(mqp_producer_set_alarm_callback(producer, into(&replaced), &error));
    CHECK(reached(&replaced, 0, 1));
    CHECK_OK(mqp_producer_start(producer, &error));
    CHECK_ERROR(mqp_producer_set_alarm_callback(producer, into(&seen), &error), MQP_ERR_ALREADY_STARTED,
                "the alarm callback is set before the start");
    CHECK_OK(mqp_producer_discard_completions(producer, &error));
    mqp_producer_free(producer);
    CHECK(seen.calls == 0 && seen.drops == 0 && replaced.calls == 0 && replaced.drops == 1);
}

int main(void) {
    snprintf(spool, sizeof spool, "/tmp/mqp-abi-spool-%ld", (long)getpid());
    CHECK_OK(mqp_mock_cluster_new(MQP_STR(""), 1, 2, &cluster, &error));
    url = mqp_mock_cluster_url(cluster);
    RUN(a_receipt_tells_the_tries_before_it);
    RUN(every_way_ends_with_the_error_and_an_alarm);
    RUN(what_is_spooled_in_every_way_is_delivered_and_told_later);
    RUN(bad_input_is_refused_and_takes_nothing);
    mqp_mock_cluster_free(cluster);
    remove(spool);
    return check_finish();
}
