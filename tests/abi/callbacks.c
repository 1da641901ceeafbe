/* Once a call returned MQP_OK its callback runs once and is dropped once; otherwise neither. */
#include "check.h"

#include <pthread.h>
#include <time.h>

enum { MESSAGES = 200 };

/* What one message's callback saw; guarded by its lock. */
typedef struct {
    int calls, drops, drops_before_call;
    mqp_status status, inside;
    mqp_receipt *receipt;
    mqp_error *error;
    int same_user_data, shapes_agree;
    mqp_producer *freed;
    mqp_producer *blocked;
    mqp_producer *sends;
    mqp_callback next;
    int ends_thread;
} record;

static const char *url;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void on_call(void *user_data, const mqp_completion *completion) {
    record *seen = (record *)user_data;
    pthread_mutex_lock(&lock);
    seen->calls++;
    seen->status = completion->status;
    seen->same_user_data = completion->user_data == user_data;
    seen->shapes_agree = completion->struct_size == sizeof(*completion) &&
                         (completion->receipt != NULL) == (completion->status == MQP_OK) &&
                         (completion->error != NULL) == (completion->status != MQP_OK) &&
                         mqp_error_status(completion->error) == completion->status;
    seen->receipt = mqp_receipt_clone(completion->receipt);
    seen->error = mqp_error_clone(completion->error);
    pthread_mutex_unlock(&lock);
    if (seen->blocked != NULL) {
        seen->inside = mqp_producer_flush(seen->blocked, 1000, NULL);
    }
    if (seen->sends != NULL) {
        mqp_message message = check_message();
        seen->inside = mqp_producer_send_async(seen->sends, &message, NULL, seen->next, NULL);
    }
    mqp_producer_free(seen->freed);
    if (seen->ends_thread) {
        pthread_exit(NULL);
    }
}

static void on_drop(void *user_data) {
    record *seen = (record *)user_data;
    pthread_mutex_lock(&lock);
    seen->drops++;
    seen->drops_before_call += seen->calls == 0;
    pthread_mutex_unlock(&lock);
}

static mqp_callback recording(record *seen) {
    mqp_callback callback = {on_call, NULL, on_drop};
    callback.user_data = seen;
    return callback;
}

static void check_once(record *seen, mqp_status expected) {
    pthread_mutex_lock(&lock);
    CHECK(seen->calls == 1 && seen->drops == 1 && seen->drops_before_call == 0);
    CHECK(seen->same_user_data && seen->shapes_agree);
    if (seen->status != expected) {
        check_failures++;
        printf("status %s: %s\n", mqp_status_name(seen->status), mqp_error_message(seen->error));
    }
    pthread_mutex_unlock(&lock);
    mqp_receipt_free(seen->receipt);
    mqp_error_free(seen->error);
}

static void success_calls_once_with_a_receipt_of_its_own(void) {
    static record seen[MESSAGES];
    mqp_producer *producer = check_start(check_config(url));
    mqp_message message = check_message();
    mqp_receipt_view first = MQP_RECEIPT_VIEW_INIT;
    mqp_receipt_view view = MQP_RECEIPT_VIEW_INIT;
    int i;
    for (i = 0; i < MESSAGES; i++) {
        CHECK_OK(mqp_producer_send_async(producer, &message, NULL, recording(&seen[i]), &error));
    }
    CHECK_OK(mqp_producer_flush(producer, 30000, &error));
    CHECK_OK(mqp_receipt_get(seen[0].receipt, &first, &error));
    CHECK(first.send_status == MQP_SEND_OK && first.attempts >= 1 && first.message_id.len == 32);
    CHECK(strlen(first.message_id.ptr) == 32 && strcmp(first.topic.ptr, "abi-test") == 0 && first.queue_offset >= 0);
    CHECK_OK(mqp_receipt_get(seen[1].receipt, &view, &error));
    CHECK(strcmp(first.message_id.ptr, view.message_id.ptr) != 0);
    for (i = 0; i < MESSAGES; i++) {
        check_once(&seen[i], MQP_OK);
    }
    CHECK_OK(mqp_producer_close(producer, 1000, &error));
    mqp_producer_free(producer);
}

static void a_refused_call_leaves_user_data_alone(void) {
    record seen = {0};
    mqp_producer *producer = check_start(check_config(url));
    mqp_message message = check_message();
    message.topic.len = 0;
    CHECK_ERROR(mqp_producer_send_async(producer, &message, NULL, recording(&seen), &error), MQP_ERR_INVALID_MESSAGE,
                "`topic` is empty");
    CHECK_OK(mqp_producer_close(producer, 1000, &error));
    message = check_message();
    CHECK_ERROR(mqp_producer_send_async(producer, &message, NULL, recording(&seen), &error), MQP_ERR_CLOSED, "closed");
    mqp_producer_free(producer);
    CHECK(seen.calls == 0 && seen.drops == 0);
}

static void drop_may_be_left_out(void) {
    record seen = {0};
    mqp_producer *producer = check_start(check_config(url));
    mqp_message message = check_message();
    mqp_callback callback = recording(&seen);
    callback.drop = NULL;
    CHECK_OK(mqp_producer_send_async(producer, &message, NULL, callback, &error));
    CHECK_OK(mqp_producer_flush(producer, 30000, &error));
    CHECK(seen.calls == 1 && seen.drops == 0);
    mqp_receipt_free(seen.receipt);
    mqp_producer_free(producer);
}

static void a_blocking_call_in_a_callback_is_refused(void) {
    record seen = {0};
    mqp_producer *producer = check_start(check_config(url));
    mqp_message message = check_message();
    seen.blocked = producer;
    CHECK_OK(mqp_producer_send_async(producer, &message, NULL, recording(&seen), &error));
    CHECK_OK(mqp_producer_flush(producer, 30000, &error));
    CHECK(seen.inside == MQP_ERR_WOULD_DEADLOCK);
    check_once(&seen, MQP_OK);
    mqp_producer_free(producer);
}

/* Sends one message whose callback sends another; what the second call returned. */
static mqp_status send_in_callback(mqp_config *config, record *first, record *second) {
    mqp_message message = check_message();
    mqp_producer *producer = check_start(config);
    first->sends = producer;
    first->next = recording(second);
    CHECK_OK(mqp_producer_send_async(producer, &message, NULL, recording(first), &error));
    CHECK_OK(mqp_producer_flush(producer, 30000, &error));
    check_once(first, MQP_OK);
    CHECK_OK(mqp_producer_close(producer, 5000, &error));
    mqp_producer_free(producer);
    return first->inside;
}

static void a_callback_may_send_while_there_is_room(void) {
    static const char *const policies[] = {"block", "fail", "wait_forever"};
    record first = {0}, second = {0};
    mqp_config *config = check_config(url);
    int i;
    CHECK(send_in_callback(config, &first, &second) == MQP_OK);
    check_once(&second, MQP_OK);

    for (i = 0; i < 3; i++) {
        memset(&first, 0, sizeof(first));
        memset(&second, 0, sizeof(second));
        config = check_config(url);
        CHECK_OK(mqp_config_set(config, MQP_STR("max_in_flight_messages"), MQP_STR("1"), &error));
        CHECK_OK(mqp_config_set(config, MQP_STR("backpressure"), mqp_str_of(policies[i]), &error));
        CHECK(send_in_callback(config, &first, &second) == MQP_ERR_BACKPRESSURE);
        CHECK(second.calls == 0 && second.drops == 0);
    }
}

/* Waits until a message's callback is dropped. */
static void wait_for_drop(record *seen) {
    struct timespec pause = {0, 1000000};
    int i, done = 0;
    for (i = 0; i < 30000 && !done; i++) {
        pthread_mutex_lock(&lock);
        done = seen->drops > 0;
        pthread_mutex_unlock(&lock);
        nanosleep(&pause, NULL);
    }
    CHECK(done);
}

static void a_producer_may_be_freed_in_its_callback(void) {
    record seen = {0};
    mqp_message message = check_message();
    mqp_producer *producer = check_start(check_config(url));
    seen.freed = producer;
    CHECK_OK(mqp_producer_send_async(producer, &message, NULL, recording(&seen), &error));
    wait_for_drop(&seen);
    check_once(&seen, MQP_OK);
}

static void freeing_completes_what_is_in_flight(void) {
    static record seen[MESSAGES];
    mqp_producer *other = check_start(check_config(url));
    mqp_producer *producer = check_start(check_config(url));
    mqp_message message = check_message();
    int i, taken = 0;
    for (i = 0; i < MESSAGES; i++) {
        CHECK_OK(mqp_producer_send_async(producer, &message, NULL, recording(&seen[i]), &error));
    }
    mqp_producer_free(producer);
    for (i = 0; i < MESSAGES; i++) {
        wait_for_drop(&seen[i]);
        taken += seen[i].status == MQP_OK;
        check_once(&seen[i], seen[i].status == MQP_OK ? MQP_OK : MQP_ERR_CLOSED);
    }
    printf("       %d of %d were answered before\n", taken, MESSAGES);
    mqp_producer_free(other);
}

static void a_callback_may_end_its_thread(void) {
    record seen = {0};
    mqp_message message = check_message();
    mqp_producer *producer = check_start(check_config(url));
    seen.ends_thread = 1;
    CHECK_OK(mqp_producer_send_async(producer, &message, NULL, recording(&seen), &error));
    /* The message's room in flight went with the thread. */
    CHECK_ERROR(mqp_producer_flush(producer, 200, &error), MQP_ERR_TIMEOUT, "1 messages have not completed");
    pthread_mutex_lock(&lock);
    CHECK(seen.calls == 1 && seen.drops == 0);
    pthread_mutex_unlock(&lock);
    CHECK_OK(mqp_producer_send(producer, &message, NULL, NULL, &error));
    mqp_receipt_free(seen.receipt);
    mqp_producer_free(producer);
}

int main(int count, char **arguments) {
    mqp_mock_cluster *cluster = NULL;
    (void)arguments;
    CHECK_OK(mqp_mock_cluster_new(MQP_STR(""), 2, 4, &cluster, &error));
    url = mqp_mock_cluster_url(cluster);
    RUN(success_calls_once_with_a_receipt_of_its_own);
    RUN(a_refused_call_leaves_user_data_alone);
    RUN(drop_may_be_left_out);
    RUN(a_blocking_call_in_a_callback_is_refused);
    RUN(a_callback_may_send_while_there_is_room);
    RUN(a_producer_may_be_freed_in_its_callback);
    RUN(freeing_completes_what_is_in_flight);
    if (count == 1) {
        RUN(a_callback_may_end_its_thread);
    }
    mqp_mock_cluster_free(cluster);
    return check_finish();
}
