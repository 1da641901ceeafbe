/* Transactions and the broker's check of them. */
#include "drop_in.h"

static int answers, checker_calls, executor_calls, producer_was_told;
static char executor_saw[600], checker_saw[600];
static CProducer *expected;

/* With the fourth parameter that one binding reads. */
static int executor(CProducer *producer, CMessage *message, void *data, void *nothing) {
    executor_calls++;
    producer_was_told = producer == expected && nothing == NULL;
    snprintf(executor_saw, sizeof executor_saw, "%s %s %s", GetOriginMessageBody(message),
             GetMessageTags((CMessageExt *)message), GetMessageId((CMessageExt *)message));
    return *(int *)data;
}

static CTransactionStatus checker(CProducer *producer, CMessageExt *message, void *data) {
    snprintf(checker_saw, sizeof checker_saw, "%s %s %s %d %d", GetMessageTopic(message), GetMessageBody(message),
             GetMessageTags(message), GetMessageBodyLength(message), GetMessageStoreSize(message) > 40);
    CHECK(producer == expected && GetMessageStoreTimestamp(message) > 0 && GetMessageStoreHost(message)[0] != '\0');
    checker_calls++;
    tell(&told_ok);
    return (CTransactionStatus)(*(int *)data);
}

static CLocalTransactionExecutorCallback four(void) {
    int (*wide)(CProducer *, CMessage *, void *, void *) = executor;
    CLocalTransactionExecutorCallback callback;
    memcpy(&callback, &wide, sizeof callback);
    return callback;
}

static void commit_delivers_and_rollback_does_not(void) {
    int answer;
    CSendResult result;
    CMessage *message = text_message("Transaction", "half");
    expected = started(CreateTransactionProducer("drop-in-transaction", checker, &answers));
    STATUS(SetMessageTags(message, "t"), OK);
    for (answer = E_ROLLBACK_TRANSACTION; answer >= E_COMMIT_TRANSACTION; answer--) {
        mqp_mock_messages *messages;
        char saw[600];
        STATUS(SendMessageTransaction(expected, message, four(), &answer, &result), OK);
        CHECK(result.sendStatus == E_SEND_OK && producer_was_told);
        snprintf(saw, sizeof saw, "half t %s", result.msgId);
        CHECK(strcmp(executor_saw, saw) == 0);
        messages = stored("Transaction", answer == E_COMMIT_TRANSACTION ? 1 : 0);
        if (answer == E_COMMIT_TRANSACTION) {
            CHECK(is(view_of(messages, 0).message_id, result.msgId));
        }
        mqp_mock_messages_free(messages);
    }
    CHECK(executor_calls == 2 && checker_calls == 0);
    STATUS(DestroyMessage(message), OK);
    finished(expected);
}

static void what_is_unknown_is_checked(void) {
    int unknown = 77;
    CSendResult result;
    CMessage *message = text_message("Checked", "half");
    mqp_mock_messages *messages;

    CHECK_OK(mqp_mock_cluster_set_transaction_check_interval(cluster, 100, &error));
    answers = E_COMMIT_TRANSACTION;
    expected = started(CreateTransactionProducer("drop-in-checked", checker, &answers));
    STATUS(SetMessageTags(message, "t"), OK);
    told_nothing();
    STATUS(SendMessageTransaction(expected, message, four(), &unknown, &result), OK);
    wait_told(1);
    messages = stored("Checked", 1);
    CHECK(is(view_of(messages, 0).message_id, result.msgId));
    mqp_mock_messages_free(messages);
    CHECK(strcmp(checker_saw, "Checked half t 4 1") == 0);
    STATUS(DestroyMessage(message), OK);
    finished(expected);
}

static CTransactionStatus slow_checker(CProducer *producer, CMessageExt *message, void *data) {
    struct timespec pause = {0, 300 * 1000 * 1000};
    (void)producer, (void)message, (void)data;
    tell(&told_ok);
    nanosleep(&pause, NULL);
    return E_COMMIT_TRANSACTION;
}

/* Its answer still reaches the broker. */
static void a_shutdown_waits_for_a_checker_that_runs(void) {
    int unknown = E_UNKNOWN_TRANSACTION;
    CSendResult result;
    CMessage *message = text_message("Waited", "half");

    expected = started(CreateTransactionProducer("drop-in-waited", slow_checker, NULL));
    told_nothing();
    STATUS(SendMessageTransaction(expected, message, four(), &unknown, &result), OK);
    wait_told(1);
    finished(expected);
    mqp_mock_messages_free(stored("Waited", 1));
    STATUS(DestroyMessage(message), OK);
}

static void the_two_kinds_of_producers_are_told_apart(void) {
    int answer = E_COMMIT_TRANSACTION;
    CSendResult result;
    CMessage *message = text_message("Kinds", "k");
    CBatchMessage *batch = CreateBatchMessage();
    CProducer *plain = started(CreateProducer("drop-in-plain"));

    executor_calls = 0;
    FAILS(SendMessageTransaction(plain, message, four(), &answer, &result), PRODUCER_SEND_TRANSACTION_FAILED,
          "CreateTransactionProducer");
    finished(plain);
    expected = started(CreateTransactionProducer("drop-in-kinds", checker, &answers));
    STATUS(AddMessage(batch, message), OK);
    FAILS(SendMessageSync(expected, message, &result), PRODUCER_SEND_SYNC_FAILED, "SendMessageTransaction");
    FAILS(SendBatchMessage(expected, batch, &result), PRODUCER_SEND_SYNC_FAILED, "SendMessageTransaction");
    FAILS(SendMessageTransaction(expected, message, NULL, &answer, &result), NULL_POINTER, "`callback`");
    refuse(SEND_MESSAGE_V2, 16, 1);
    FAILS(SendMessageTransaction(expected, message, four(), &answer, &result), PRODUCER_SEND_TRANSACTION_FAILED,
          ",error:16,");
    CHECK(executor_calls == 0);
    CHECK(CreateTransactionProducer("drop-in", NULL, NULL) == NULL);
    STATUS(DestroyBatchMessage(batch), OK);
    STATUS(DestroyMessage(message), OK);
    finished(expected);
}

int main(void) {
    drop_in_cluster("transactions");
    RUN(commit_delivers_and_rollback_does_not);
    RUN(what_is_unknown_is_checked);
    RUN(a_shutdown_waits_for_a_checker_that_runs);
    RUN(the_two_kinds_of_producers_are_told_apart);
    mqp_mock_cluster_free(cluster);
    return check_finish();
}
