/* What the cases of tests/conformance promise, as far as the old functions can tell it: each row of the table in each way
 * to send. Every case is run again with its expectation changed, and must fail then. */
#include "drop_in.h"

#define ID_QUEUE 2
#define AUTO_RETRY_TIMES 1
#define MAX_SIZE 100000

enum mode {
    SYNC,
    ONEWAY,
    ASYNC,
    ASYNC_DATA,
    ORDERLY,
    ONEWAY_ORDERLY,
    ORDERLY_ASYNC,
    SHARDING_KEY,
    BATCH,
    TRANSACTION,
    MODES
};

/* A set of modes. */
#define IN(mode) (1u << (mode))
#define ONEWAYS (IN(ONEWAY) | IN(ONEWAY_ORDERLY))
#define ASYNCS (IN(ASYNC) | IN(ASYNC_DATA) | IN(ORDERLY_ASYNC))
#define CHOSEN (IN(ORDERLY) | IN(ONEWAY_ORDERLY) | IN(ORDERLY_ASYNC))

/* `tries`: the most that the mode has. */
static const struct {
    const char *name;
    int failed;
    size_t tries;
} modes[MODES] = {
    {"SendMessageSync", PRODUCER_SEND_SYNC_FAILED, 6},
    {"SendMessageOneway", PRODUCER_SEND_ONEWAY_FAILED, 1},
    {"SendMessageAsync", PRODUCER_SEND_ASYNC_FAILED, 2},
    {"SendAsync", PRODUCER_SEND_ASYNC_FAILED, 2},
    {"SendMessageOrderly", PRODUCER_SEND_ORDERLY_FAILED, AUTO_RETRY_TIMES + 1},
    {"SendMessageOnewayOrderly", PRODUCER_SEND_ONEWAY_FAILED, 1},
    {"SendMessageOrderlyAsync", PRODUCER_SEND_ORDERLYASYNC_FAILED, 2},
    {"SendMessageOrderlyByShardingKey", PRODUCER_SEND_ORDERLY_FAILED, 4},
    {"SendBatchMessage", PRODUCER_SEND_SYNC_FAILED, 6},
    {"SendMessageTransaction", PRODUCER_SEND_TRANSACTION_FAILED, 6},
};

enum end { STORED, REFUSED_AT_ONCE, REFUSED_BY_BROKER };

#define EVERY 99

/* `size`: of the body, 5 bytes when 0, none when -1. `tries`: requests, where the mode has so many. `stored`: how often each
 * mode but the one-way ones stores the message. */
static const struct row {
    const char *name;
    const char *topic, *tags, *name_of_property, *property;
    int size, level;
    uint32_t action, times;
    int32_t code;
    enum end end;
    const char *text;
    int send_status;
    size_t tries, stored, stored_oneway;
    unsigned not_in;
} rows[] = {
    {.name = "a body of text", .tries = 1, .stored = 1, .stored_oneway = 1},
    {.name = "tags and a property", .tags = "red", .name_of_property = "colour", .property = "blue \303\244", .tries = 1,
     .stored = 1, .stored_oneway = 1},
    {.name = "a body of the largest size", .size = MAX_SIZE, .tries = 1, .stored = 1, .stored_oneway = 1,
     .not_in = IN(BATCH)},
    {.name = "a delay level", .level = 1, .tries = 1, .stored = 1, .stored_oneway = 1,
     .not_in = IN(BATCH) | IN(TRANSACTION)},

    {.name = "no body", .size = -1, .end = REFUSED_AT_ONCE, .text = "`body` is empty"},
    {.name = "a body that is too large", .size = MAX_SIZE + 1, .end = REFUSED_AT_ONCE, .text = "100000"},
    {.name = "no topic", .topic = "", .end = REFUSED_AT_ONCE, .text = "topic"},
    {.name = "a topic with a blank", .topic = "no topic", .end = REFUSED_AT_ONCE, .text = "no topic"},
    {.name = "a topic of the system", .topic = "SCHEDULE_TOPIC_XXXX", .end = REFUSED_AT_ONCE,
     .text = "SCHEDULE_TOPIC_XXXX"},
    {.name = "tags that are not UTF-8", .tags = "\377", .end = REFUSED_AT_ONCE, .text = "not UTF-8"},
    {.name = "a delay in a batch, or in a transaction", .level = 1, .end = REFUSED_AT_ONCE, .text = "delay",
     .not_in = ~(IN(BATCH) | IN(TRANSACTION))},

    {.name = "a broker that is busy for a moment", .action = MQP_MOCK_FAULT_ANSWER, .code = 2, .times = 1, .tries = 2,
     .stored = 1},
    {.name = "a broker that is busy", .action = MQP_MOCK_FAULT_ANSWER, .code = 2, .end = REFUSED_BY_BROKER,
     .tries = EVERY},
    {.name = "a topic that the broker does not have", .action = MQP_MOCK_FAULT_ANSWER, .code = 17,
     .end = REFUSED_BY_BROKER, .tries = EVERY},
    {.name = "a permission that is missing", .action = MQP_MOCK_FAULT_ANSWER, .code = 16, .end = REFUSED_BY_BROKER,
     .tries = 1},
    {.name = "a message that is illegal", .action = MQP_MOCK_FAULT_ANSWER, .code = 13, .end = REFUSED_BY_BROKER,
     .tries = 1},
    {.name = "a connection that ends before", .action = MQP_MOCK_FAULT_CLOSE_BEFORE, .times = 1, .tries = 2,
     .stored = 1},
    {.name = "a connection that ends after", .action = MQP_MOCK_FAULT_CLOSE_AFTER, .times = 1, .tries = 2,
     .stored = 2, .stored_oneway = 1, .not_in = IN(TRANSACTION)},

    {.name = "a disk that is slow", .action = MQP_MOCK_FAULT_CHANGE_ANSWER, .code = 10, .times = 1,
     .send_status = E_SEND_FLUSH_DISK_TIMEOUT, .tries = 1, .stored = 1, .stored_oneway = 1,
     .not_in = IN(TRANSACTION)},
    {.name = "a slave that is slow", .action = MQP_MOCK_FAULT_CHANGE_ANSWER, .code = 12, .times = 1,
     .send_status = E_SEND_FLUSH_SLAVE_TIMEOUT, .tries = 1, .stored = 1, .stored_oneway = 1,
     .not_in = IN(TRANSACTION)},
    {.name = "no slave", .action = MQP_MOCK_FAULT_CHANGE_ANSWER, .code = 11, .times = 1,
     .send_status = E_SEND_SLAVE_NOT_AVAILABLE, .tries = 1, .stored = 1, .stored_oneway = 1,
     .not_in = IN(TRANSACTION)},
};

/* What of the expectation is changed. */
enum change { NOTHING, STATUS_CODE, NUMBER_STORED, NUMBER_OF_TRIES, CHANGES };

static CProducer *plain, *transactions;
static char told_text[1024];
static CSendResult told_result;

static void success(CSendResult result) {
    told_result = result;
    tell(&told_ok);
}

static void exception(CMQException e) {
    snprintf(told_text, sizeof told_text, "%s,error:%d,", e.msg, e.error);
    tell(&told_failed);
}

static void success_with_data(CSendResult result, CMessage *message, void *data) {
    (void)message, (void)data;
    success(result);
}

static void exception_with_data(CMQException e, CMessage *message, void *data) {
    (void)message, (void)data;
    exception(e);
}

static int selector(int size, CMessage *message, void *arg) {
    (void)size, (void)message;
    return *(int *)arg;
}

static CTransactionStatus commit(CProducer *producer, CMessage *message, void *data) {
    (void)producer, (void)message, (void)data;
    return E_COMMIT_TRANSACTION;
}

static CTransactionStatus commit_checked(CProducer *producer, CMessageExt *message, void *data) {
    (void)producer, (void)message, (void)data;
    return E_COMMIT_TRANSACTION;
}

static int send_batch(CMessage *message, CSendResult *result) {
    CBatchMessage *batch = CreateBatchMessage();
    int status;
    STATUS(AddMessage(batch, message), OK);
    status = SendBatchMessage(plain, batch, result);
    STATUS(DestroyBatchMessage(batch), OK);
    return status;
}

static int send_by(enum mode mode, CMessage *message, CSendResult *result) {
    int queue = ID_QUEUE;
    switch (mode) {
    case SYNC:
        return SendMessageSync(plain, message, result);
    case ONEWAY:
        return SendMessageOneway(plain, message);
    case ASYNC:
        return SendMessageAsync(plain, message, success, exception);
    case ASYNC_DATA:
        return SendAsync(plain, message, success_with_data, exception_with_data, NULL);
    case ORDERLY:
        return SendMessageOrderly(plain, message, selector, &queue, AUTO_RETRY_TIMES, result);
    case ONEWAY_ORDERLY:
        return SendMessageOnewayOrderly(plain, message, selector, &queue);
    case ORDERLY_ASYNC:
        return SendMessageOrderlyAsync(plain, message, selector, &queue, success, exception);
    case SHARDING_KEY:
        return SendMessageOrderlyByShardingKey(plain, message, "user-1", result);
    case BATCH:
        return send_batch(message, result);
    default:
        return SendMessageTransaction(transactions, message, commit, NULL, result);
    }
}

static CMessage *message_of(const struct row *row, const char *topic, char *body, size_t *length) {
    CMessage *message = CreateMessage(topic);
    *length = row->size == 0 ? 5 : row->size < 0 ? 0 : (size_t)row->size;
    memset(body, 'x', *length);
    STATUS(SetByteMessageBody(message, body, (int)*length), OK);
    if (row->tags != NULL) {
        STATUS(SetMessageTags(message, row->tags), OK);
    }
    if (row->property != NULL) {
        STATUS(SetMessageProperty(message, row->name_of_property, row->property), OK);
    }
    if (row->level > 0) {
        STATUS(SetDelayTimeLevel(message, row->level), OK);
    }
    return message;
}

static int silent, problems;

/* A condition of a case. */
#define MUST(condition) \
    do { \
        if (!(condition)) { \
            problems++; \
            if (!silent) { \
                printf("%s, %s: %s: %s\n", modes[mode].name, row->name, #condition, GetLatestErrorMessage()); \
            } \
        } \
    } while (0)

static void must_be_stored(const struct row *row, enum mode mode, const char *topic, size_t count, const char *body,
                           size_t length) {
    mqp_mock_messages *messages = NULL;
    size_t index;
    /* One-way messages are under way; what is too much is not waited for. */
    if (!silent) {
        MUST(mqp_mock_cluster_wait(cluster, mqp_str_of(topic), count, 20000, NULL) == MQP_OK);
    }
    CHECK_OK(mqp_mock_cluster_messages(cluster, mqp_str_of(topic), &messages, &error));
    MUST(mqp_mock_messages_count(messages) == count);
    for (index = 0; index < mqp_mock_messages_count(messages); index++) {
        mqp_mock_message_view view = view_of(messages, index);
        MUST(body_is(view.body, body, length));
        MUST(row->tags == NULL || is(view.tags, row->tags));
        MUST(row->property == NULL || has_property(view, row->name_of_property, row->property));
        MUST(!(CHOSEN & IN(mode)) || view.queue_id == ID_QUEUE);
    }
    mqp_mock_messages_free(messages);
}

/* Runs a row in one mode; how many of its expectations were not met. */
static int run_case(const struct row *row, enum mode mode, enum change change) {
    static char body[MAX_SIZE + 1];
    static int number;
    CSendResult result = {9, "", 0};
    CMessage *message;
    char topic[32], text[64];
    size_t length, tries, count;
    int32_t code = mode == BATCH ? SEND_BATCH_MESSAGE : SEND_MESSAGE_V2;
    int status, oneway = (ONEWAYS & IN(mode)) != 0, async = (ASYNCS & IN(mode)) != 0, at_once, refused;
    int expected;

    silent = change != NOTHING;
    problems = 0;
    snprintf(topic, sizeof topic, "Case-%d", number++);
    message = message_of(row, row->topic != NULL ? row->topic : topic, body, &length);
    /* The route is known then, and the connection there. */
    CHECK_OK(mqp_mock_cluster_clear_requests(cluster, &error));
    if (row->action != 0) {
        mqp_mock_fault fault = MQP_MOCK_FAULT_INIT;
        fault.action = row->action;
        fault.request_code = code;
        fault.response_code = row->code;
        fault.count = row->times;
        if (row->action == MQP_MOCK_FAULT_ANSWER) {
            fault.remark = MQP_STR("a fault of the test");
        }
        CHECK_OK(mqp_mock_cluster_push_fault(cluster, &fault, &error));
    }
    told_nothing();
    memset(&told_result, 9, sizeof told_result);
    status = send_by(mode, message, &result);
    at_once = row->end == REFUSED_AT_ONCE;
    refused = row->end == REFUSED_BY_BROKER;
    expected = at_once || (refused && !async && !oneway) ? modes[mode].failed : OK;
    MUST(status == expected + (change == STATUS_CODE));
    if (status == OK && async) {
        wait_told(1);
        MUST((told_failed == 1) == refused && (told_ok == 1) == !refused);
        result = told_result;
    } else {
        MUST(told_ok == 0 && told_failed == 0);
    }
    if (at_once) {
        MUST(strstr(GetLatestErrorMessage(), row->text) != NULL);
    } else if (refused && !oneway) {
        snprintf(text, sizeof text, ",error:%d,", row->code);
        MUST(strstr(async ? told_text : GetLatestErrorMessage(), "a fault of the test") != NULL);
        MUST(strstr(async ? told_text : GetLatestErrorMessage(), text) != NULL);
    } else if (!oneway) {
        MUST((int)result.sendStatus == row->send_status && result.msgId[0] != '\0');
    }
    count = oneway ? row->stored_oneway : row->stored;
    tries = at_once ? 0 : row->tries < modes[mode].tries ? row->tries : modes[mode].tries;
    if (oneway) {
        MUST(mqp_mock_cluster_wait_requests(cluster, MQP_STR(""), code, tries, 20000, NULL) == MQP_OK);
    }
    must_be_stored(row, mode, topic, count + (change == NUMBER_STORED), body, length);
    MUST(requests_of(code) == tries + (change == NUMBER_OF_TRIES));
    CHECK_OK(mqp_mock_cluster_clear_faults(cluster, &error));
    CHECK_OK(mqp_mock_cluster_clear(cluster, &error));
    STATUS(DestroyMessage(message), OK);
    return problems;
}

static int run;

static void every_row_in_every_mode(void) {
    const struct row *row;
    for (row = rows; row < rows + sizeof rows / sizeof *rows; row++) {
        int mode, change;
        for (mode = 0; mode < MODES; mode++) {
            if (row->not_in & IN(mode)) {
                continue;
            }
            CHECK(run_case(row, (enum mode)mode, NOTHING) == 0);
            run++;
            for (change = NOTHING + 1; change < CHANGES; change++) {
                if (run_case(row, (enum mode)mode, (enum change)change) == 0) {
                    printf("%s, %s: the changed expectation %d was met\n", modes[mode].name, row->name, change);
                    CHECK(!"every changed expectation fails");
                }
            }
        }
    }
}

static CProducer *of_limits(CProducer *producer) {
    STATUS(SetProducerMaxMessageSize(producer, MAX_SIZE), OK);
    return started(producer);
}

int main(void) {
    drop_in_cluster("cases");
    plain = of_limits(CreateProducer("drop-in-cases"));
    transactions = of_limits(CreateTransactionProducer("drop-in-cases-transactions", commit_checked, NULL));
    RUN(every_row_in_every_mode);
    printf("%d cases, each with %d changes that fail\n", run, CHANGES - 1);
    finished(plain);
    finished(transactions);
    mqp_mock_cluster_free(cluster);
    return check_finish();
}
