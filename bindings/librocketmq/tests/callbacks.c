/* Asynchronous sends: exactly one callback for each message that was accepted, in the layouts of those that disagree. */
#include "drop_in.h"

static char told_id[256], told_text[1024];
static int told_error;
static void *told_data;
static CMessage *told_message;

static void by_value(CSendResult result) {
    snprintf(told_id, sizeof told_id, "%s", result.msgId);
    tell(&told_ok);
}

/* As one binding declares it. */
static void by_pointer(CSendResult *result) {
    snprintf(told_id, sizeof told_id, "%s", result->msgId);
    tell(&told_ok);
}

static void failed(CMQException e) {
    told_error = e.error;
    snprintf(told_text, sizeof told_text, "%s|%s", e.msg, e.type);
    tell(&told_failed);
}

/* As one binding declares it: fields that are longer than they are. */
typedef struct {
    int error;
    int line;
    char file[512];
    char msg[512];
    char type[512];
} OtherException;

static void failed_otherwise(OtherException e) {
    told_error = e.error;
    snprintf(told_text, sizeof told_text, "%.255s|%.127s", e.msg, e.type);
    tell(&told_failed);
}

static void with_data(CSendResult result, CMessage *message, void *data) {
    snprintf(told_id, sizeof told_id, "%s", result.msgId);
    told_message = message;
    told_data = data;
    tell(&told_ok);
}

static void failed_with_data(CMQException e, CMessage *message, void *data) {
    told_message = message;
    told_data = data;
    failed(e);
}

static void each_accepted_message_has_one_callback(void) {
    CProducer *producer = started(CreateProducer("drop-in-async"));
    mqp_mock_messages *messages;
    int index;

    told_nothing();
    for (index = 0; index < 200; index++) {
        CMessage *message = text_message("Async", "copied");
        STATUS(SendMessageAsync(producer, message, by_value, failed), OK);
        /* At once: the library has its copy. */
        STATUS(SetMessageBody(message, "changed"), OK);
        STATUS(DestroyMessage(message), OK);
    }
    wait_told(200);
    CHECK(told_failed == 0);
    messages = stored("Async", 200);
    for (index = 0; index < 200; index++) {
        CHECK(body_is(view_of(messages, (size_t)index).body, "copied", 6));
    }
    mqp_mock_messages_free(messages);
    finished(producer);
    CHECK(told_ok == 200);
}

static void results_reach_those_who_take_a_pointer(void) {
    CProducer *producer = started(CreateProducer("drop-in-pointer"));
    CMessage *message = text_message("Pointer", "p");
    mqp_mock_messages *messages;
    void (*taken)(CSendResult *) = by_pointer;
    CSendSuccessCallback callback;

    memcpy(&callback, &taken, sizeof callback);
    told_nothing();
    STATUS(SendMessageAsync(producer, message, callback, failed), OK);
    wait_told(1);
    messages = stored("Pointer", 1);
    CHECK(is(view_of(messages, 0).message_id, told_id));
    mqp_mock_messages_free(messages);
    STATUS(DestroyMessage(message), OK);
    finished(producer);
}

static void the_callers_own_message_comes_back(void) {
    CProducer *producer = started(CreateProducer("drop-in-data"));
    CMessage *message = text_message("Data", "d");
    mqp_mock_messages *messages;

    told_nothing();
    STATUS(SendAsync(producer, message, with_data, failed_with_data, &told_lock), OK);
    wait_told(1);
    CHECK(told_ok == 1 && told_message == message && told_data == &told_lock);
    messages = stored("Data", 1);
    CHECK(is(view_of(messages, 0).message_id, told_id));
    mqp_mock_messages_free(messages);
    refuse(SEND_MESSAGE_V2, 16, 1);
    told_nothing();
    told_message = NULL;
    STATUS(SendAsync(producer, message, with_data, failed_with_data, &told_more), OK);
    wait_told(1);
    CHECK(told_failed == 1 && told_message == message && told_data == &told_more && told_error == 16);
    STATUS(DestroyMessage(message), OK);
    finished(producer);
}

static void failures_are_read_in_both_layouts(void) {
    CProducer *producer = started(CreateProducer("drop-in-failure"));
    CMessage *message = text_message("Failure", "f");
    void (*taken)(OtherException) = failed_otherwise;
    CSendExceptionCallback other;
    int round;

    memcpy(&other, &taken, sizeof other);
    CHECK_OK(mqp_mock_cluster_clear_requests(cluster, &error));
    for (round = 0; round < 2; round++) {
        refuse(SEND_MESSAGE_V2, 2, 2);
        told_nothing();
        told_error = 0;
        told_text[0] = '\0';
        STATUS(SendMessageAsync(producer, message, by_value, round == 0 ? failed : other), OK);
        wait_told(1);
        CHECK(told_failed == 1 && told_error == 2);
        CHECK(strstr(told_text, "a fault of the test") != NULL && strstr(told_text, "|MQClientException") != NULL);
    }
    /* One retry, as before. */
    CHECK(requests_of(SEND_MESSAGE_V2) == 4);
    STATUS(DestroyMessage(message), OK);
    finished(producer);
}

static int third(int size, CMessage *message, void *arg) {
    (void)size, (void)message;
    return *(int *)arg;
}

static void the_queue_can_be_chosen(void) {
    CProducer *producer = started(CreateProducer("drop-in-orderly-async"));
    CMessage *message = text_message("OrderlyAsync", "o");
    mqp_mock_messages *messages;
    int queue = 2;

    told_nothing();
    STATUS(SendMessageOrderlyAsync(producer, message, third, &queue, by_value, failed), OK);
    wait_told(1);
    CHECK(told_ok == 1);
    messages = stored("OrderlyAsync", 1);
    CHECK(view_of(messages, 0).queue_id == 2);
    mqp_mock_messages_free(messages);
    queue = 99;
    FAILS(SendMessageOrderlyAsync(producer, message, third, &queue, by_value, failed),
          PRODUCER_SEND_ORDERLYASYNC_FAILED, "index 99");
    FAILS(SendMessageOrderlyAsync(producer, message, third, &queue, NULL, failed), NULL_POINTER, "Callback");
    STATUS(DestroyMessage(message), OK);
    finished(producer);
}

static void what_is_refused_at_once_has_no_callback(void) {
    CProducer *producer = started(CreateProducer("drop-in-refused"));
    CMessage *message = CreateMessage("Refused");

    told_nothing();
    FAILS(SendMessageAsync(producer, message, by_value, failed), PRODUCER_SEND_ASYNC_FAILED, "`body` is empty");
    FAILS(SendMessageAsync(producer, message, NULL, failed), NULL_POINTER, "cSendSuccessCallback");
    FAILS(SendMessageAsync(producer, message, by_value, NULL), NULL_POINTER, "cSendExceptionCallback");
    FAILS(SendAsync(producer, NULL, with_data, failed_with_data, NULL), NULL_POINTER, "`message`");
    finished(producer);
    FAILS(SetMessageBody(message, NULL), NULL_POINTER, "`body`");
    STATUS(DestroyMessage(message), OK);
    CHECK(told_ok == 0 && told_failed == 0);
}

/* The answers never come; destroying the producer completes what waits. */
static void a_running_producer_can_be_destroyed(void) {
    CProducer *producer = configured(CreateProducer("drop-in-destroy"));
    CMessage *message = text_message("Destroyed", "d");
    mqp_mock_fault lost = MQP_MOCK_FAULT_INIT;
    int index;

    STATUS(SetProducerSendMsgTimeout(producer, 500), OK);
    STATUS(StartProducer(producer), OK);
    lost.action = MQP_MOCK_FAULT_DROP;
    lost.request_code = SEND_MESSAGE_V2;
    CHECK_OK(mqp_mock_cluster_push_fault(cluster, &lost, &error));
    told_nothing();
    for (index = 0; index < 20; index++) {
        STATUS(SendMessageAsync(producer, message, by_value, failed), OK);
    }
    STATUS(DestroyProducer(producer), OK);
    CHECK(told_ok == 0 && told_failed == 20);
    CHECK_OK(mqp_mock_cluster_clear_faults(cluster, &error));
    STATUS(DestroyMessage(message), OK);
}

static CProducer *in_callback;
static int status_in_callback, shutdown_in_callback;

static void sends_and_shuts_down(CSendResult result) {
    CMessage *message = text_message("Inside", "i");
    CSendResult unused;
    (void)result;
    status_in_callback = SendMessageSync(in_callback, message, &unused);
    DestroyMessage(message);
    shutdown_in_callback = ShutdownProducer(in_callback);
    tell(&told_ok);
}

static void a_callback_cannot_wait_for_itself(void) {
    CMessage *message = text_message("Inside", "o");
    in_callback = started(CreateProducer("drop-in-inside"));
    told_nothing();
    STATUS(SendMessageAsync(in_callback, message, sends_and_shuts_down, failed), OK);
    wait_told(1);
    CHECK(status_in_callback == PRODUCER_SEND_SYNC_FAILED && shutdown_in_callback == OK);
    STATUS(DestroyMessage(message), OK);
    STATUS(DestroyProducer(in_callback), OK);
}

static void ends_its_thread(CSendResult result) {
    (void)result;
    tell(&told_ok);
    pthread_exit(NULL);
}

/* The last case: no callback runs after it in this process. */
static void a_callback_may_end_its_thread(void) {
    CProducer *producer = started(CreateProducer("drop-in-exit"));
    CMessage *message = text_message("Exit", "e");
    CSendResult result;

    told_nothing();
    STATUS(SendMessageAsync(producer, message, ends_its_thread, failed), OK);
    wait_told(1);
    STATUS(SendMessageSync(producer, message, &result), OK);
    STATUS(DestroyMessage(message), OK);
}

int main(int argc, char **argv) {
    (void)argv;
    drop_in_cluster("callbacks");
    RUN(each_accepted_message_has_one_callback);
    RUN(results_reach_those_who_take_a_pointer);
    RUN(the_callers_own_message_comes_back);
    RUN(failures_are_read_in_both_layouts);
    RUN(the_queue_can_be_chosen);
    RUN(what_is_refused_at_once_has_no_callback);
    RUN(a_running_producer_can_be_destroyed);
    RUN(a_callback_cannot_wait_for_itself);
    /* An argument leaves it out: what that thread held is lost by design. */
    if (argc == 1) {
        RUN(a_callback_may_end_its_thread);
    }
    mqp_mock_cluster_free(cluster);
    return check_finish();
}
