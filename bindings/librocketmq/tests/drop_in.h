/* What the tests of the drop-in share: an embedded cluster of libmqproducer in the same process, and what it stored. */
#ifndef DROP_IN_H
#define DROP_IN_H

#include "check.h"

#include <rocketmq/CBatchMessage.h>
#include <rocketmq/CErrorMessage.h>
#include <rocketmq/CMessage.h>
#include <rocketmq/CMessageExt.h>
#include <rocketmq/CProducer.h>
#include <rocketmq/CPullConsumer.h>
#include <rocketmq/CPushConsumer.h>
#include <rocketmq/CSendResult.h>

#include <pthread.h>
#include <time.h>

#define QUEUES 4

static mqp_mock_cluster *cluster;
static char address[64];

/* A call of the drop-in with what it must return. */
#define STATUS(call, expected) \
    do { \
        int status_ = (call); \
        if (status_ != (expected)) { \
            check_failures++; \
            printf("%s:%d: %s: %d, expected %d: %s\n", __FILE__, __LINE__, #call, status_, (expected), \
                   GetLatestErrorMessage()); \
        } \
    } while (0)

/* The same for a failure, whose text must begin as bindings expect it and hold `part`. */
#define FAILS(call, expected, part) \
    do { \
        STATUS(call, expected); \
        check_text(__FILE__, __LINE__, (part)); \
    } while (0)

static inline void check_text(const char *file, int line, const char *part) {
    const char *text = GetLatestErrorMessage();
    if (strncmp(text, "msg: ", 5) != 0 || strstr(text, part) == NULL || strstr(text, ",in file <") == NULL) {
        check_failures++;
        printf("%s:%d: the text is `%s`, expected `%s` in it\n", file, line, text, part);
    }
}

static inline void drop_in_cluster(const char *name) {
    CHECK_OK(mqp_mock_cluster_new(mqp_str_of(name), 1, QUEUES, &cluster, &error));
    snprintf(address, sizeof address, "%s", mqp_mock_cluster_url(cluster) + strlen("rocketmq://"));
}

/* Deadlines are for machines that are busy, and for valgrind. */
static inline CProducer *configured(CProducer *producer) {
    CHECK(producer != NULL);
    STATUS(SetProducerNameServerAddress(producer, address), OK);
    STATUS(SetProducerSendMsgTimeout(producer, 20000), OK);
    return producer;
}

static inline CProducer *started(CProducer *producer) {
    STATUS(StartProducer(configured(producer)), OK);
    return producer;
}

static inline void finished(CProducer *producer) {
    STATUS(ShutdownProducer(producer), OK);
    STATUS(DestroyProducer(producer), OK);
}

static inline CMessage *text_message(const char *topic, const char *body) {
    CMessage *message = CreateMessage(topic);
    STATUS(SetMessageBody(message, body), OK);
    return message;
}

/* The messages of a topic once there are `count`; freed by mqp_mock_messages_free. */
static inline mqp_mock_messages *stored(const char *topic, size_t count) {
    mqp_mock_messages *messages = NULL;
    CHECK_OK(mqp_mock_cluster_wait(cluster, mqp_str_of(topic), count, 20000, &error));
    CHECK_OK(mqp_mock_cluster_messages(cluster, mqp_str_of(topic), &messages, &error));
    CHECK(mqp_mock_messages_count(messages) == count);
    return messages;
}

static inline mqp_mock_message_view view_of(mqp_mock_messages *messages, size_t index) {
    mqp_mock_message_view view = MQP_MOCK_MESSAGE_VIEW_INIT;
    CHECK_OK(mqp_mock_messages_get(messages, index, &view, &error));
    return view;
}

static inline int is(mqp_str text, const char *expected) {
    return text.len == strlen(expected) && memcmp(text.ptr, expected, text.len) == 0;
}

static inline int body_is(mqp_bytes body, const char *expected, size_t length) {
    return body.len == length && memcmp(body.ptr, expected, length) == 0;
}

/* Whether the stored message has the property with the value. */
static inline int has_property(mqp_mock_message_view view, const char *name, const char *value) {
    size_t index;
    for (index = 0; index < view.property_count; index++) {
        const char *at = (const char *)view.properties + index * view.property_size;
        const mqp_property *property = (const mqp_property *)(const void *)at;
        if (is(property->name, name)) {
            return value == NULL || is(property->value, value);
        }
    }
    return 0;
}

/* Counts that callbacks raise and a test waits for. */
static pthread_mutex_t told_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t told_more = PTHREAD_COND_INITIALIZER;
static int told_ok, told_failed;

static inline void tell(int *count) {
    pthread_mutex_lock(&told_lock);
    ++*count;
    pthread_cond_broadcast(&told_more);
    pthread_mutex_unlock(&told_lock);
}

/* Waits until so many were told in all. */
static inline void wait_told(int count) {
    struct timespec limit;
    clock_gettime(CLOCK_REALTIME, &limit);
    limit.tv_sec += 30;
    pthread_mutex_lock(&told_lock);
    while (told_ok + told_failed < count && pthread_cond_timedwait(&told_more, &told_lock, &limit) == 0) {
    }
    CHECK(told_ok + told_failed == count);
    pthread_mutex_unlock(&told_lock);
}

static inline void told_nothing(void) {
    pthread_mutex_lock(&told_lock);
    told_ok = told_failed = 0;
    pthread_mutex_unlock(&told_lock);
}

#define SEND_MESSAGE_V2 310
#define SEND_BATCH_MESSAGE 320

/* The next requests of `code` are answered with this response code; 0 times: all, until faults are cleared. */
static inline void refuse(int32_t code, int32_t response_code, uint32_t times) {
    mqp_mock_fault refused = MQP_MOCK_FAULT_INIT;
    refused.action = MQP_MOCK_FAULT_ANSWER;
    refused.request_code = code;
    refused.response_code = response_code;
    refused.remark = MQP_STR("a fault of the test");
    refused.count = times;
    CHECK_OK(mqp_mock_cluster_push_fault(cluster, &refused, &error));
}

/* How many requests of a code the brokers got. */
static inline size_t requests_of(int32_t code) {
    mqp_mock_requests *requests = NULL;
    size_t count;
    CHECK_OK(mqp_mock_cluster_requests(cluster, MQP_STR(""), code, &requests, &error));
    count = mqp_mock_requests_count(requests);
    mqp_mock_requests_free(requests);
    return count;
}

#endif
