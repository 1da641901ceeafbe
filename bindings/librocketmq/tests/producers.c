/* What each send of a producer stores, and what it gives back. */
#include "drop_in.h"

static void everything_of_a_message_is_stored(void) {
    CProducer *producer = started(CreateProducer("drop-in-sync"));
    CMessage *message = CreateMessage("Sync");
    CSendResult result;
    mqp_mock_messages *messages;
    mqp_mock_message_view view;

    STATUS(SetMessageTags(message, "a tag"), OK);
    STATUS(SetMessageKeys(message, "key-1 key-2"), OK);
    STATUS(SetMessageProperty(message, "colour", "blue"), OK);
    STATUS(SetMessageProperty(message, "colour", "red"), OK);
    STATUS(SetMessageProperty(message, "none", ""), OK);
    STATUS(SetByteMessageBody(message, "a\0b\0", 4), OK);
    memset(&result, 7, sizeof result);
    STATUS(SendMessageSync(producer, message, &result), OK);
    messages = stored("Sync", 1);
    view = view_of(messages, 0);
    CHECK(is(view.tags, "a tag") && is(view.keys, "key-1 key-2"));
    CHECK(has_property(view, "colour", "red") && !has_property(view, "none", NULL));
    CHECK(body_is(view.body, "a\0b\0", 4));
    CHECK(result.sendStatus == E_SEND_OK);
    CHECK(result.offset == view.queue_offset);
    CHECK(is(view.message_id, result.msgId));
    mqp_mock_messages_free(messages);
    STATUS(DestroyMessage(message), OK);
    finished(producer);
}

static void a_delay_level_is_told(void) {
    CProducer *producer = started(CreateProducer("drop-in-delay"));
    CMessage *message = text_message("Delayed", "later");
    CSendResult result;
    mqp_mock_messages *messages;

    STATUS(SetDelayTimeLevel(message, 1), OK);
    CHECK(GetOriginDelayTimeLevel(message) == 1);
    CHECK(strcmp(GetOriginMessageProperty(message, "DELAY"), "1") == 0);
    STATUS(SendMessageSync(producer, message, &result), OK);
    messages = stored("Delayed", 1);
    CHECK(has_property(view_of(messages, 0), "DELAY", "1"));
    mqp_mock_messages_free(messages);
    STATUS(DestroyMessage(message), OK);
    finished(producer);
}

static void one_way(void) {
    CProducer *producer = started(CreateProducer("drop-in-oneway"));
    CMessage *message = text_message("Oneway", "gone");
    mqp_mock_messages *messages;

    STATUS(SendMessageOneway(producer, message), OK);
    messages = stored("Oneway", 1);
    CHECK(body_is(view_of(messages, 0).body, "gone", 4));
    mqp_mock_messages_free(messages);
    STATUS(DestroyMessage(message), OK);
    finished(producer);
}

static int selector_calls, selector_size;
static pthread_t selector_thread;
static char selector_saw[32];

/* The argument says which queue. */
static int selector(int size, CMessage *message, void *arg) {
    selector_calls++;
    selector_size = size;
    selector_thread = pthread_self();
    snprintf(selector_saw, sizeof selector_saw, "%s %s", GetOriginMessageBody(message),
             GetMessageTags((CMessageExt *)message));
    return *(int *)arg;
}

static void a_selector_chooses_once_and_retries_stay(void) {
    CProducer *producer = started(CreateOrderlyProducer("drop-in-orderly"));
    CMessage *message = text_message("Orderly", "ordered");
    CSendResult result;
    mqp_mock_messages *messages;
    int queue = 3, index;

    STATUS(SetMessageTags(message, "t"), OK);
    refuse(SEND_MESSAGE_V2, 2, 2);
    STATUS(SendMessageOrderly(producer, message, selector, &queue, 3, &result), OK);
    CHECK(selector_calls == 1 && selector_size == QUEUES && pthread_equal(selector_thread, pthread_self()));
    CHECK(strcmp(selector_saw, "ordered t") == 0);
    STATUS(SendMessageOnewayOrderly(producer, message, selector, &queue), OK);
    messages = stored("Orderly", 2);
    for (index = 0; index < 2; index++) {
        CHECK(view_of(messages, (size_t)index).queue_id == 3);
    }
    CHECK(is(view_of(messages, 0).message_id, result.msgId));
    mqp_mock_messages_free(messages);
    for (index = 0; index < 2; index++) {
        queue = index == 0 ? -1 : QUEUES;
        FAILS(SendMessageOrderly(producer, message, selector, &queue, 3, &result), PRODUCER_SEND_ORDERLY_FAILED,
              "the topic has 4 queues");
    }
    FAILS(SendMessageOrderly(producer, message, selector, NULL, 3, &result), NULL_POINTER, "`arg`");
    FAILS(SendMessageOnewayOrderly(producer, message, NULL, &queue), NULL_POINTER, "`selector`");
    CHECK(selector_calls == 4);
    STATUS(DestroyMessage(message), OK);
    finished(producer);
}

/* The queues are those of std::hash<std::string> in libstdc++, modulo 4. */
static void a_sharding_key_has_the_queue_that_it_had(void) {
    static const struct {
        const char *key;
        int queue;
    } vectors[] = {{"", 2}, {"a", 3}, {"user-1", 0}, {"order-20240101-000042", 1}, {"0123456789abcdef", 2}};
    CProducer *producer = started(CreateOrderlyProducer("drop-in-sharding"));
    size_t index;

    for (index = 0; index < sizeof vectors / sizeof *vectors; index++) {
        CMessage *message = text_message("Sharded", "s");
        CSendResult result;
        mqp_mock_messages *messages;
        mqp_mock_message_view view;
        STATUS(SendMessageOrderlyByShardingKey(producer, message, vectors[index].key, &result), OK);
        CHECK(strcmp(GetOriginMessageProperty(message, "__SHARDINGKEY"), vectors[index].key) == 0);
        messages = stored("Sharded", 1);
        view = view_of(messages, 0);
        CHECK(view.queue_id == vectors[index].queue);
        CHECK(*vectors[index].key == '\0' || has_property(view, "__SHARDINGKEY", vectors[index].key));
        mqp_mock_messages_free(messages);
        CHECK_OK(mqp_mock_cluster_clear(cluster, &error));
        STATUS(DestroyMessage(message), OK);
    }
    finished(producer);
}

static void a_batch_keeps_its_messages(void) {
    CProducer *producer = started(CreateProducer("drop-in-batch"));
    CBatchMessage *batch = CreateBatchMessage();
    CSendResult result;
    mqp_mock_messages *messages;
    char joined[256] = "", body[8];
    int index;

    FAILS(SendBatchMessage(producer, batch, &result), PRODUCER_SEND_SYNC_FAILED, "");
    for (index = 0; index < 3; index++) {
        CMessage *message;
        snprintf(body, sizeof body, "part-%d", index);
        message = text_message("Batch", body);
        STATUS(SetMessageTags(message, body), OK);
        STATUS(AddMessage(batch, message), OK);
        STATUS(DestroyMessage(message), OK);
    }
    STATUS(SendBatchMessage(producer, batch, &result), OK);
    STATUS(DestroyBatchMessage(batch), OK);
    CHECK(requests_of(SEND_BATCH_MESSAGE) == 1);
    messages = stored("Batch", 3);
    for (index = 0; index < 3; index++) {
        mqp_mock_message_view view = view_of(messages, (size_t)index);
        snprintf(body, sizeof body, "part-%d", index);
        CHECK(body_is(view.body, body, strlen(body)) && is(view.tags, body));
        CHECK(index > 0 || result.offset == view.queue_offset);
        snprintf(joined + strlen(joined), sizeof joined - strlen(joined), "%s%.*s", index > 0 ? "," : "",
                 (int)view.message_id.len, view.message_id.ptr);
    }
    CHECK(strcmp(result.msgId, joined) == 0);
    mqp_mock_messages_free(messages);
    finished(producer);
}

static void large_bodies_are_compressed_and_too_large_ones_refused(void) {
    CProducer *producer = configured(CreateProducer("drop-in-size"));
    CMessage *message = CreateMessage("Size");
    CSendResult result;
    mqp_mock_messages *messages;
    char *body = calloc(1, 200000);

    STATUS(StartProducer(producer), OK);
    STATUS(SetByteMessageBody(message, body, 131072), OK);
    STATUS(SendMessageSync(producer, message, &result), OK);
    messages = stored("Size", 1);
    CHECK(body_is(view_of(messages, 0).body, body, 131072));
    mqp_mock_messages_free(messages);
    STATUS(SetByteMessageBody(message, body, 131073), OK);
    FAILS(SendMessageSync(producer, message, &result), PRODUCER_SEND_SYNC_FAILED, "`max_message_size` is 131072");
    FAILS(SetProducerMaxMessageSize(producer, 200000), PRODUCER_START_FAILED, "before the start");
    finished(producer);
    producer = configured(CreateProducer("drop-in-size"));
    STATUS(SetProducerMaxMessageSize(producer, 200000), OK);
    STATUS(StartProducer(producer), OK);
    STATUS(SendMessageSync(producer, message, &result), OK);
    STATUS(DestroyMessage(message), OK);
    free(body);
    finished(producer);
}

static void sends_are_tried_as_often_as_before(void) {
    CProducer *producer = started(CreateProducer("drop-in-retry"));
    CMessage *message = text_message("Retry", "again");
    CSendResult result;

    CHECK_OK(mqp_mock_cluster_clear_requests(cluster, &error));
    refuse(SEND_MESSAGE_V2, 2, 0);
    FAILS(SendMessageSync(producer, message, &result), PRODUCER_SEND_SYNC_FAILED, "a fault of the test,error:2,");
    CHECK(requests_of(SEND_MESSAGE_V2) == 6);
    CHECK_OK(mqp_mock_cluster_clear_faults(cluster, &error));
    refuse(SEND_MESSAGE_V2, 16, 1);
    FAILS(SendMessageSync(producer, message, &result), PRODUCER_SEND_SYNC_FAILED, ",error:16,");
    CHECK(requests_of(SEND_MESSAGE_V2) == 7);
    STATUS(DestroyMessage(message), OK);
    finished(producer);
}

int main(void) {
    drop_in_cluster("producers");
    RUN(everything_of_a_message_is_stored);
    RUN(a_delay_level_is_told);
    RUN(one_way);
    RUN(a_selector_chooses_once_and_retries_stay);
    RUN(a_sharding_key_has_the_queue_that_it_had);
    RUN(a_batch_keeps_its_messages);
    RUN(large_bodies_are_compressed_and_too_large_ones_refused);
    RUN(sends_are_tried_as_often_as_before);
    mqp_mock_cluster_free(cluster);
    return check_finish();
}
