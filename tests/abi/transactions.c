/* Transactions, their checker and hook, and recalls through C, on the embedded cluster. */
#include "check.h"

#include <pthread.h>
#include <stddef.h>
#include <time.h>

enum { LIMIT_MS = 20000, NEVER_MS = 86400000 };

static mqp_mock_cluster *cluster;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int checks, checker_drops, hook_drops, ends, from_check, agrees;
static uint32_t states[16], last_state, answers[4];

static int is(mqp_str text, const char *expected) {
    return text.len == strlen(expected) && memcmp(text.ptr, expected, text.len) == 0;
}

static int seen(const int *counter) {
    int value;
    pthread_mutex_lock(&lock);
    value = *counter;
    pthread_mutex_unlock(&lock);
    return value;
}

static int wait_for(const int *counter, int value) {
    struct timespec pause = {0, 1000000};
    int i;
    for (i = 0; i < LIMIT_MS && seen(counter) < value; i++) {
        nanosleep(&pause, NULL);
    }
    return seen(counter) >= value;
}

static uint32_t on_check(void *user_data, const mqp_received_message *message) {
    mqp_received_message_view view = MQP_RECEIVED_MESSAGE_VIEW_INIT;
    mqp_str group = MQP_STR_INIT("");
    uint32_t answer;
    CHECK_OK(mqp_received_message_get(message, &view, &error));
    pthread_mutex_lock(&lock);
    agrees &= user_data == &checks && is(view.topic, "abi-test") && is(view.tags, "tag") && view.body.len == 3 &&
              view.message_id.len == 32 && is(view.transaction_id, view.message_id.ptr) &&
              mqp_received_message_property(message, MQP_STR("PGROUP"), &group) && is(group, "abi-test");
    answer = answers[checks < 3 ? checks : 3];
    checks++;
    pthread_mutex_unlock(&lock);
    return answer;
}

static void on_checker_drop(void *user_data) {
    pthread_mutex_lock(&lock);
    checker_drops += user_data == &checks;
    pthread_mutex_unlock(&lock);
}

static void on_end(void *user_data, const mqp_end_transaction_context *context) {
    pthread_mutex_lock(&lock);
    agrees &= user_data == &ends && context->struct_size == sizeof(*context) && context->reserved == 0 &&
              is(context->producer_group, "abi-test") && is(context->topic, "abi-test") && is(context->tags, "tag") &&
              context->namespace_name.len == 0 && is(context->broker_name, "broker-a") &&
              is(context->region_id, "DefaultRegion") && strchr(context->broker_address.ptr, ':') != NULL &&
              context->message_id.len == 32 && is(context->transaction_id, context->message_id.ptr);
    states[ends % 16] = last_state = context->state;
    from_check = (int)context->from_check;
    ends++;
    pthread_mutex_unlock(&lock);
}

static void on_hook_drop(void *user_data) {
    pthread_mutex_lock(&lock);
    hook_drops += user_data == &ends;
    pthread_mutex_unlock(&lock);
}

static mqp_transaction_checker checker(void) {
    mqp_transaction_checker checker = {on_check, &checks, on_checker_drop};
    return checker;
}

static mqp_producer *started(void) {
    mqp_config *config = check_config(mqp_mock_cluster_url(cluster));
    mqp_producer *producer = NULL;
    mqp_hook hook = MQP_HOOK_INIT;
    /* Under valgrind all takes its time. */
    CHECK_OK(mqp_config_set(config, MQP_STR("send_msg_timeout"), MQP_STR("20000"), &error));
    hook.end_transaction = on_end;
    hook.user_data = &ends;
    hook.drop = on_hook_drop;
    checks = checker_drops = hook_drops = ends = from_check = 0;
    agrees = 1;
    last_state = 99;
    CHECK_OK(mqp_mock_cluster_clear(cluster, &error));
    CHECK_OK(mqp_producer_new(config, &producer, &error));
    CHECK_OK(mqp_producer_set_transaction_checker(producer, checker(), &error));
    CHECK_OK(mqp_producer_add_hook(producer, &hook, &error));
    CHECK_OK(mqp_producer_start(producer, &error));
    mqp_config_free(config);
    return producer;
}

static mqp_transaction *sent(mqp_producer *producer, mqp_receipt **receipt) {
    mqp_transaction *transaction = NULL;
    mqp_message message = check_message();
    message.tags = MQP_STR("tag");
    CHECK_OK(mqp_transaction_begin(producer, &transaction, &error));
    CHECK_OK(mqp_transaction_send(transaction, &message, NULL, receipt, &error));
    return transaction;
}

static size_t stored(void) {
    size_t count = 0;
    CHECK_OK(mqp_mock_cluster_message_count(cluster, MQP_STR("abi-test"), &count, &error));
    return count;
}

static void commit_delivers_and_rollback_and_free_do_not(void) {
    mqp_producer *producer = started();
    mqp_receipt *receipt = NULL;
    mqp_receipt_view view = MQP_RECEIPT_VIEW_INIT;
    mqp_transaction *transaction;
    CHECK_OK(mqp_mock_cluster_set_transaction_check_interval(cluster, NEVER_MS, &error));
    transaction = sent(producer, &receipt);
    CHECK_OK(mqp_receipt_get(receipt, &view, &error));
    CHECK(is(view.transaction_id, view.message_id.ptr) && stored() == 0);
    mqp_receipt_free(receipt);
    CHECK_OK(mqp_transaction_commit(transaction, &error));
    CHECK(ends == 1 && last_state == MQP_TRANSACTION_COMMIT && from_check == 0);
    CHECK_OK(mqp_mock_cluster_wait(cluster, MQP_STR("abi-test"), 1, LIMIT_MS, &error));
    CHECK_ERROR(mqp_transaction_rollback(transaction, &error), MQP_ERR_INVALID_ARGUMENT, "it was committed");
    mqp_transaction_free(transaction);
    CHECK(ends == 1);

    transaction = sent(producer, NULL);
    CHECK_OK(mqp_transaction_rollback(transaction, &error));
    CHECK(ends == 2 && last_state == MQP_TRANSACTION_ROLLBACK);
    CHECK_ERROR(mqp_transaction_commit(transaction, &error), MQP_ERR_INVALID_ARGUMENT, "it was rolled back");
    mqp_transaction_free(transaction);

    transaction = sent(producer, NULL);
    mqp_transaction_free(transaction);
    CHECK(ends == 3 && last_state == MQP_TRANSACTION_ROLLBACK);
    CHECK(agrees && checks == 0 && checker_drops == 0 && stored() == 1);
    mqp_producer_free(producer);
    CHECK(checker_drops == 1 && hook_drops == 1);
}

static void the_checker_decides_and_an_odd_answer_is_unknown(void) {
    mqp_producer *producer = started();
    mqp_transaction *transaction;
    answers[0] = MQP_TRANSACTION_UNKNOWN;
    answers[1] = 77;
    answers[2] = MQP_TRANSACTION_COMMIT;
    answers[3] = MQP_TRANSACTION_ROLLBACK;
    CHECK_OK(mqp_mock_cluster_set_transaction_check_interval(cluster, 400, &error));
    transaction = sent(producer, NULL);
    CHECK_OK(mqp_mock_cluster_wait(cluster, MQP_STR("abi-test"), 1, LIMIT_MS, &error));
    /* Not the last one: a slow machine asks once more before it hears the third answer. */
    CHECK(wait_for(&ends, 3) && from_check == 1);
    CHECK(states[0] == MQP_TRANSACTION_UNKNOWN && states[1] == MQP_TRANSACTION_UNKNOWN &&
          states[2] == MQP_TRANSACTION_COMMIT);
    mqp_transaction_free(transaction);
    /* What the broker has decided already is rolled back once more, to no effect. */
    CHECK(wait_for(&ends, 4));
    transaction = sent(producer, NULL);
    CHECK(wait_for(&checks, 4) && wait_for(&ends, 5) && last_state == MQP_TRANSACTION_ROLLBACK);
    mqp_transaction_free(transaction);
    CHECK(agrees && stored() == 1);
    CHECK_OK(mqp_producer_close(producer, LIMIT_MS, &error));
    mqp_producer_free(producer);
    /* A check that came last may hold both a little longer. */
    CHECK(wait_for(&checker_drops, 1) && wait_for(&hook_drops, 1) && checker_drops == 1 && hook_drops == 1);
}

static void bad_input(void) {
    mqp_transaction_checker nobody = {NULL, &checks, on_checker_drop};
    mqp_config *config = check_config(mqp_mock_cluster_url(cluster));
    mqp_producer *producer = NULL;
    mqp_transaction *transaction = (mqp_transaction *)(void *)&checks;
    mqp_message message = check_message();
    checker_drops = 0;
    CHECK_OK(mqp_producer_new(config, &producer, &error));
    mqp_config_free(config);
    CHECK_ERROR(mqp_producer_set_transaction_checker(producer, nobody, &error), MQP_ERR_INVALID_ARGUMENT,
                "`checker.call` is NULL");
    CHECK_ERROR(mqp_producer_set_transaction_checker(NULL, checker(), &error), MQP_ERR_INVALID_ARGUMENT,
                "`producer` is NULL");
    CHECK_ERROR(mqp_transaction_begin(producer, &transaction, &error), MQP_ERR_NOT_STARTED, "not started");
    CHECK(transaction == NULL);
    CHECK_OK(mqp_producer_start(producer, &error));
    CHECK_ERROR(mqp_producer_set_transaction_checker(producer, checker(), &error), MQP_ERR_ALREADY_STARTED,
                "before the start");
    CHECK_ERROR(mqp_transaction_begin(producer, &transaction, &error), MQP_ERR_INVALID_CONFIG, "no transaction checker");
    CHECK_ERROR(mqp_transaction_begin(producer, NULL, &error), MQP_ERR_INVALID_ARGUMENT, "`out` is NULL");
    CHECK(checker_drops == 0);
    CHECK_ERROR(mqp_transaction_send(NULL, &message, NULL, NULL, &error), MQP_ERR_INVALID_ARGUMENT,
                "`transaction` is NULL");
    CHECK_ERROR(mqp_transaction_commit(NULL, &error), MQP_ERR_INVALID_ARGUMENT, "`transaction` is NULL");
    CHECK_ERROR(mqp_transaction_rollback(NULL, &error), MQP_ERR_INVALID_ARGUMENT, "`transaction` is NULL");
    CHECK_ERROR(mqp_mock_cluster_set_transaction_check_interval(cluster, 0, &error), MQP_ERR_INVALID_ARGUMENT,
                "`interval` is 0 ms");
    CHECK_ERROR(mqp_producer_recall(NULL, MQP_STR("t"), MQP_STR("h"), 0, NULL, &error), MQP_ERR_INVALID_ARGUMENT,
                "`producer` is NULL");
    CHECK_ERROR(mqp_producer_recall(producer, MQP_STR("t"), MQP_STR("h"), 0, NULL, &error), MQP_ERR_INVALID_ARGUMENT,
                "`recall_handle` = `h` is not one");
    CHECK_ERROR(mqp_producer_recall(producer, MQP_STR("t"), MQP_STR("h"), 3600001, NULL, &error),
                MQP_ERR_INVALID_ARGUMENT, "`timeout_ms` is 3600001; the maximum is 3600000");
    mqp_transaction_free(NULL);
    mqp_producer_free(producer);
}

static void order_of_life(void) {
    mqp_producer *producer = started();
    mqp_message message = check_message();
    mqp_transaction *open, *half;
    CHECK_OK(mqp_mock_cluster_set_transaction_check_interval(cluster, NEVER_MS, &error));
    CHECK_OK(mqp_transaction_begin(producer, &open, &error));
    CHECK_ERROR(mqp_transaction_commit(open, &error), MQP_ERR_INVALID_ARGUMENT, "no message was sent in it");
    message.delay_level = 1;
    CHECK_ERROR(mqp_transaction_send(open, &message, NULL, NULL, &error), MQP_ERR_INVALID_MESSAGE, "cannot be delayed");
    half = sent(producer, NULL);
    message = check_message();
    CHECK_ERROR(mqp_transaction_send(half, &message, NULL, NULL, &error), MQP_ERR_UNSUPPORTED, "one in a transaction");
    /* A transaction outlives its producer, without a use. */
    mqp_producer_free(producer);
    CHECK_ERROR(mqp_transaction_commit(half, &error), MQP_ERR_CLOSED, "closed");
    mqp_transaction_free(half);
    mqp_transaction_free(open);
    CHECK(ends == 0 && checks == 0);
    /* With the last of them the producer is gone, too. */
    CHECK(checker_drops == 1 && hook_drops == 1);
}

/* A hook of the first header ends before `end_transaction`. */
static void a_smaller_hook_is_taken(void) {
    mqp_config *config = check_config(mqp_mock_cluster_url(cluster));
    mqp_producer *producer = NULL;
    mqp_hook hook = MQP_HOOK_INIT;
    mqp_transaction *transaction;
    ends = 0;
    hook.struct_size = (uint32_t)offsetof(mqp_hook, end_transaction);
    hook.end_transaction = on_end;
    CHECK_OK(mqp_producer_new(config, &producer, &error));
    mqp_config_free(config);
    CHECK_OK(mqp_producer_add_hook(producer, &hook, &error));
    CHECK_OK(mqp_producer_set_transaction_checker(producer, checker(), &error));
    CHECK_OK(mqp_producer_start(producer, &error));
    transaction = sent(producer, NULL);
    CHECK_OK(mqp_transaction_commit(transaction, &error));
    mqp_transaction_free(transaction);
    mqp_producer_free(producer);
    CHECK(ends == 0);
}

static void a_timer_message_is_recalled(void) {
    mqp_producer *producer = check_start(check_config(mqp_mock_cluster_url(cluster)));
    mqp_message message = check_message();
    mqp_receipt *receipt = NULL, *recalled = NULL;
    mqp_receipt_view view = MQP_RECEIPT_VIEW_INIT, told = MQP_RECEIPT_VIEW_INIT;
    CHECK_OK(mqp_mock_cluster_clear(cluster, &error));
    message.delay_ms = 1500;
    CHECK_OK(mqp_producer_send(producer, &message, NULL, &receipt, &error));
    CHECK_OK(mqp_receipt_get(receipt, &view, &error));
    CHECK(view.recall_handle.len > 0);
    CHECK_OK(mqp_producer_recall(producer, MQP_STR("abi-test"), view.recall_handle, 10000, &recalled, &error));
    CHECK_OK(mqp_receipt_get(recalled, &told, &error));
    CHECK(strcmp(told.message_id.ptr, view.message_id.ptr) == 0 && told.queue_id == -1 && told.queue_offset == -1);
    CHECK_OK(mqp_producer_recall(producer, MQP_STR("abi-test"), view.recall_handle, 0, NULL, &error));
    CHECK_ERROR(mqp_producer_recall(producer, MQP_STR("other"), view.recall_handle, 0, NULL, &error),
                MQP_ERR_INVALID_ARGUMENT, "is of the topic `abi-test`, not of `other`");
    message.delay_ms = 1600;
    message.tags = MQP_STR("marker");
    CHECK_OK(mqp_producer_send(producer, &message, NULL, NULL, &error));
    CHECK_OK(mqp_mock_cluster_wait(cluster, MQP_STR("abi-test"), 1, LIMIT_MS, &error));
    CHECK(stored() == 1);
    mqp_receipt_free(receipt);
    mqp_receipt_free(recalled);
    mqp_producer_free(producer);
}

int main(void) {
    CHECK_OK(mqp_mock_cluster_new(MQP_STR(""), 1, 1, &cluster, &error));
    RUN(commit_delivers_and_rollback_and_free_do_not);
    RUN(the_checker_decides_and_an_odd_answer_is_unknown);
    RUN(bad_input);
    RUN(order_of_life);
    RUN(a_smaller_hook_is_taken);
    RUN(a_timer_message_is_recalled);
    mqp_mock_cluster_free(cluster);
    return check_finish();
}
