/* program ADDRESS TOPIC [refused]: a program in C as it was written for the old client, with its headers only: every call
 * of its producers, and a line of JSON for each message.
 *
 * From the environment: PROGRAM_ACCESS_KEY and PROGRAM_SECRET_KEY; PROGRAM_TLS_FILE, the property file of TLS. */
#include <rocketmq/CBatchMessage.h>
#include <rocketmq/CCommon.h>
#include <rocketmq/CErrorMessage.h>
#include <rocketmq/CMessage.h>
#include <rocketmq/CMessageExt.h>
#include <rocketmq/CProducer.h>
#include <rocketmq/CSendResult.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *address, *topic;

#define MUST(condition) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, "line %d: %s: %s\n", __LINE__, #condition, GetLatestErrorMessage()); \
            exit(1); \
        } \
    } while (0)

static CMessage *message_of(const char *body) {
    CMessage *message = CreateMessage(topic);
    char keys[64];
    snprintf(keys, sizeof keys, "key-%.40s", body);
    MUST(SetMessageTags(message, "tag") == OK);
    MUST(SetMessageKeys(message, keys) == OK);
    MUST(SetMessageProperty(message, "colour", "blue") == OK);
    MUST(SetMessageBody(message, body) == OK);
    return message;
}

static void tell(const char *kind, const char *body, const char *id, const char *same_queue) {
    printf("{\"kind\": \"%s\", \"id\": \"%s\", \"body\": \"%s\", \"tags\": \"tag\", \"keys\": \"key-%s\", "
           "\"same_queue\": \"%s\", \"properties\": {\"colour\": \"blue\"}}\n",
           kind, id, body, body, same_queue);
    fflush(stdout);
}

static CProducer *started(CProducer *producer) {
    const char *access = getenv("PROGRAM_ACCESS_KEY"), *secret = getenv("PROGRAM_SECRET_KEY");
    const char *tls = getenv("PROGRAM_TLS_FILE");
    MUST(producer != NULL);
    MUST(SetProducerNameServerAddress(producer, address) == OK);
    MUST(SetProducerSendMsgTimeout(producer, 10000) == OK);
    MUST(SetProducerMaxMessageSize(producer, 8000000) == OK);
    if (access != NULL && secret != NULL) {
        MUST(SetProducerSessionCredentials(producer, access, secret, "") == OK);
    }
    if (tls != NULL) {
        MUST(SetProducerSsl(producer, 1) == OK);
        MUST(SetProducerSslPropertyFile(producer, tls) == OK);
    }
    MUST(StartProducer(producer) == OK);
    return producer;
}

static void finished(CProducer *producer) {
    MUST(ShutdownProducer(producer) == OK);
    MUST(DestroyProducer(producer) == OK);
}

/* What callbacks told; the thread that waits looks under the lock. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t more = PTHREAD_COND_INITIALIZER;
static int succeeded, failed, checked, last_error;
static char last_id[MAX_MESSAGE_ID_LENGTH];

static void told(int *count, int error, const char *id) {
    pthread_mutex_lock(&lock);
    ++*count;
    last_error = error;
    snprintf(last_id, sizeof last_id, "%s", id);
    pthread_cond_broadcast(&more);
    pthread_mutex_unlock(&lock);
}

static void wait_for(const int *count, int wanted) {
    struct timespec limit;
    clock_gettime(CLOCK_REALTIME, &limit);
    limit.tv_sec += 120;
    pthread_mutex_lock(&lock);
    while (*count < wanted && pthread_cond_timedwait(&more, &lock, &limit) == 0) {
    }
    MUST(*count == wanted);
    pthread_mutex_unlock(&lock);
}

static void success(CSendResult result) {
    told(&succeeded, 0, result.msgId);
}

static void exception(CMQException e) {
    told(&failed, e.error, "");
}

static void success_with_data(CSendResult result, CMessage *message, void *data) {
    MUST(message != NULL && data == &lock);
    told(&succeeded, 0, result.msgId);
}

static void exception_with_data(CMQException e, CMessage *message, void *data) {
    MUST(message != NULL && data == &lock);
    told(&failed, e.error, "");
}

static int last_queue(int size, CMessage *message, void *arg) {
    MUST(message != NULL && *(int *)arg == 7);
    return size - 1;
}

static CTransactionStatus executed(CProducer *producer, CMessage *message, void *data) {
    MUST(producer != NULL && strncmp(GetOriginMessageBody(message), "transaction-", 12) == 0);
    return *(CTransactionStatus *)data;
}

static CTransactionStatus check(CProducer *producer, CMessageExt *message, void *data) {
    MUST(producer != NULL && data == &lock);
    if (strcmp(GetMessageBody(message), "transaction-2") == 0) {
        told(&checked, 0, GetMessageId(message));
    }
    return E_COMMIT_TRANSACTION;
}

static void plain(CProducer *producer) {
    CSendResult result;
    CMessage *message = message_of("sync");
    int index;

    MUST(SendMessageSync(producer, message, &result) == OK && result.sendStatus == E_SEND_OK && result.offset >= 0);
    tell("sync", "sync", result.msgId, "");
    DestroyMessage(message);
    message = message_of("oneway");
    MUST(SendMessageOneway(producer, message) == OK);
    tell("oneway", "oneway", "", "");
    DestroyMessage(message);
    for (index = 1; index <= 20; index++) {
        char body[32];
        snprintf(body, sizeof body, "async-%d", index);
        message = message_of(body);
        if (index % 2 == 0) {
            MUST(SendMessageAsync(producer, message, success, exception) == OK);
        } else {
            MUST(SendAsync(producer, message, success_with_data, exception_with_data, &lock) == OK);
        }
        wait_for(&succeeded, index);
        tell("async", body, last_id, "");
        DestroyMessage(message);
    }
    MUST(failed == 0);
}

static void ordered(CProducer *producer) {
    CSendResult result;
    CMessage *message;
    char body[32];
    int index, key = 7;

    for (index = 0; index < 4; index++) {
        snprintf(body, sizeof body, "ordered-%d", index);
        message = message_of(body);
        MUST(SendMessageOrderly(producer, message, last_queue, &key, 3, &result) == OK);
        tell("orderly", body, result.msgId, "last");
        DestroyMessage(message);
        snprintf(body, sizeof body, "sharded-%d", index);
        message = message_of(body);
        MUST(SendMessageOrderlyByShardingKey(producer, message, "user-1", &result) == OK);
        tell("sharded", body, result.msgId, "user-1");
        DestroyMessage(message);
    }
    message = message_of("chosen");
    MUST(SendMessageOnewayOrderly(producer, message, last_queue, &key) == OK);
    tell("chosen", "chosen", "", "last");
    DestroyMessage(message);
    message = message_of("chosen-async");
    MUST(SendMessageOrderlyAsync(producer, message, last_queue, &key, success, exception) == OK);
    wait_for(&succeeded, 21);
    tell("chosen", "chosen-async", last_id, "last");
    DestroyMessage(message);
}

static void batch(CProducer *producer) {
    CBatchMessage *all = CreateBatchMessage();
    CSendResult result;
    char body[32], *id;
    int index;

    for (index = 0; index < 3; index++) {
        CMessage *message;
        snprintf(body, sizeof body, "batch-%d", index);
        message = message_of(body);
        MUST(AddMessage(all, message) == OK);
        DestroyMessage(message);
    }
    MUST(SendBatchMessage(producer, all, &result) == OK);
    for (index = 0, id = strtok(result.msgId, ","); id != NULL; index++, id = strtok(NULL, ",")) {
        snprintf(body, sizeof body, "batch-%d", index);
        tell("batch", body, id, "");
    }
    DestroyBatchMessage(all);
}

static void transactions(void) {
    CProducer *producer;
    CSendResult result;
    char group[128];
    int answer;

    /* Its own: the broker may ask any producer of a group, also that of the same program beside this one. */
    snprintf(group, sizeof group, "drop-in-c-%s", topic);
    producer = started(CreateTransactionProducer(group, check, &lock));
    for (answer = E_COMMIT_TRANSACTION; answer <= E_UNKNOWN_TRANSACTION; answer++) {
        CTransactionStatus status = (CTransactionStatus)answer;
        CMessage *message;
        char body[32];
        snprintf(body, sizeof body, "transaction-%d", answer);
        message = message_of(body);
        MUST(SendMessageTransaction(producer, message, executed, &status, &result) == OK);
        if (status != E_ROLLBACK_TRANSACTION) {
            tell("transaction", body, result.msgId, "");
        }
        DestroyMessage(message);
    }
    wait_for(&checked, 1);
    MUST(strcmp(last_id, result.msgId) == 0);
    finished(producer);
}

/* A broker that refuses; the number in the text is the broker's. */
#define REFUSED(call, status) \
    do { \
        MUST((call) == (status)); \
        MUST(strstr(GetLatestErrorMessage(), ",error:16,") != NULL); \
        printf("{\"refused\": %d}\n", (status)); \
    } while (0)

static void refused(void) {
    CProducer *producer = started(CreateProducer("drop-in-c-refused"));
    CProducer *transaction = started(CreateTransactionProducer("drop-in-c-refused-too", check, &lock));
    CBatchMessage *all = CreateBatchMessage();
    CMessage *message = message_of("refused");
    CTransactionStatus commit = E_COMMIT_TRANSACTION;
    CSendResult result;
    int key = 7;

    MUST(AddMessage(all, message) == OK);
    REFUSED(SendMessageSync(producer, message, &result), PRODUCER_SEND_SYNC_FAILED);
    REFUSED(SendMessageOrderly(producer, message, last_queue, &key, 1, &result), PRODUCER_SEND_ORDERLY_FAILED);
    REFUSED(SendMessageOrderlyByShardingKey(producer, message, "k", &result), PRODUCER_SEND_ORDERLY_FAILED);
    REFUSED(SendBatchMessage(producer, all, &result), PRODUCER_SEND_SYNC_FAILED);
    REFUSED(SendMessageTransaction(transaction, message, executed, &commit, &result), PRODUCER_SEND_TRANSACTION_FAILED);
    MUST(SendMessageOneway(producer, message) == OK);
    MUST(SendMessageAsync(producer, message, success, exception) == OK);
    wait_for(&failed, 1);
    MUST(last_error == 16);
    MUST(SendAsync(producer, message, success_with_data, exception_with_data, &lock) == OK);
    wait_for(&failed, 2);
    MUST(last_error == 16 && succeeded == 0);
    DestroyBatchMessage(all);
    DestroyMessage(message);
    finished(transaction);
    finished(producer);
}

int main(int argc, char **argv) {
    CProducer *producer;
    MUST(argc >= 3);
    address = argv[1];
    topic = argv[2];
    if (argc > 3) {
        refused();
        return 0;
    }
    producer = started(CreateProducer("drop-in-c"));
    plain(producer);
    ordered(producer);
    batch(producer);
    transactions();
    finished(producer);
    return 0;
}
