/* Requests and replies of C: what comes back, who is told, who gives user data back, and what is refused. */
#include "check.h"

#include <pthread.h>

/* The short time is enough to send, also under valgrind. */
enum { REQUESTS = 50, LONG_MS = 20000, SHORT_MS = 1500 };

static const char *url;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* What one request's callback saw; guarded by the lock. */
typedef struct {
    int calls, drops, shapes_agree;
    mqp_status status, inside;
    mqp_received_message *reply;
    mqp_error *error;
    mqp_producer *blocked;
} record;

static void on_reply(void *user_data, const mqp_request_completion *completion) {
    record *seen = (record *)user_data;
    pthread_mutex_lock(&lock);
    seen->calls++;
    seen->status = completion->status;
    seen->shapes_agree = completion->struct_size == sizeof(*completion) && completion->user_data == user_data &&
                         (completion->reply != NULL) == (completion->status == MQP_OK) &&
                         (completion->error != NULL) == (completion->status != MQP_OK) &&
                         mqp_error_status(completion->error) == completion->status;
    seen->reply = mqp_received_message_clone(completion->reply);
    seen->error = mqp_error_clone(completion->error);
    pthread_mutex_unlock(&lock);
    if (seen->blocked != NULL) {
        mqp_message message = check_message();
        mqp_received_message *reply = NULL;
        seen->inside = mqp_producer_request(seen->blocked, &message, NULL, 0, &reply, NULL);
    }
}

static void on_drop(void *user_data) {
    pthread_mutex_lock(&lock);
    ((record *)user_data)->drops++;
    pthread_mutex_unlock(&lock);
}

static mqp_request_callback recording(record *seen) {
    mqp_request_callback callback = {on_reply, NULL, on_drop};
    callback.user_data = seen;
    return callback;
}

static int is(mqp_str text, const char *expected) {
    return text.len == strlen(expected) && strcmp(text.ptr, expected) == 0;
}

static mqp_message to(const char *topic) {
    mqp_message message = check_message();
    message.topic = mqp_str_of(topic);
    return message;
}

/* A cluster that echoes what is asked in the topic `Echo`. */
static mqp_mock_cluster *echoing(void) {
    mqp_mock_cluster *cluster = NULL;
    CHECK_OK(mqp_mock_cluster_new(MQP_STR("abi-request"), 1, 2, &cluster, &error));
    CHECK_OK(mqp_mock_cluster_echo(cluster, MQP_STR("Echo"), &error));
    url = mqp_mock_cluster_url(cluster);
    return cluster;
}

static void check_echo(const mqp_received_message *reply) {
    mqp_received_message_view view = MQP_RECEIVED_MESSAGE_VIEW_INIT;
    mqp_str value, name;
    size_t index, found = 0;
    CHECK_OK(mqp_received_message_get(reply, &view, &error));
    CHECK(is(view.topic, "DefaultCluster_REPLY_TOPIC"));
    CHECK(view.body.len == 3 && memcmp(view.body.ptr, "a\0b", 3) == 0);
    CHECK(view.message_id.len == 32 && view.offset_message_id.len == 0 && view.queue_offset == -1);
    CHECK(strchr(view.store_host.ptr, ':') != NULL && view.born_timestamp > 0 && view.store_timestamp > 0);
    CHECK(mqp_received_message_property(reply, MQP_STR("MSG_TYPE"), &value) == 1 && is(value, "reply"));
    CHECK(mqp_received_message_property(reply, MQP_STR("CORRELATION_ID"), &value) == 1 && value.len == 36);
    CHECK(mqp_received_message_property(reply, MQP_STR("nothing"), &value) == 0 && value.len == 0);
    for (index = 0; index < mqp_received_message_property_count(reply); index++) {
        CHECK_OK(mqp_received_message_property_at(reply, index, &name, &value, &error));
        found += is(name, "MSG_TYPE") && is(value, "reply");
    }
    CHECK(found == 1);
    CHECK_ERROR(mqp_received_message_property_at(reply, index, &name, &value, &error), MQP_ERR_INVALID_ARGUMENT,
                "`index` is");
}

static void a_request_returns_its_reply(void) {
    mqp_mock_cluster *cluster = echoing();
    mqp_producer *producer = check_start(check_config(url));
    mqp_message message = to("Echo");
    mqp_received_message *reply = NULL, *kept;
    CHECK_OK(mqp_producer_request(producer, &message, NULL, LONG_MS, &reply, &error));
    kept = mqp_received_message_clone(reply);
    mqp_received_message_free(reply);
    check_echo(kept);
    mqp_received_message_free(kept);
    mqp_producer_free(producer);
    mqp_mock_cluster_free(cluster);
}

static void callbacks_are_told_once_and_dropped_once(void) {
    static record seen[REQUESTS];
    mqp_mock_cluster *cluster = echoing();
    mqp_producer *producer = check_start(check_config(url));
    mqp_message message = to("Echo"), unheard = to("Unheard");
    int i;
    for (i = 0; i < REQUESTS; i++) {
        /* Each other one has nobody to answer it. */
        seen[i].blocked = producer;
        CHECK_OK(mqp_producer_request_async(producer, i % 2 == 0 ? &message : &unheard, NULL,
                                            i % 2 == 0 ? LONG_MS : SHORT_MS, recording(&seen[i]), &error));
    }
    CHECK_OK(mqp_producer_flush(producer, LONG_MS, &error));
    for (i = 0; i < REQUESTS; i++) {
        pthread_mutex_lock(&lock);
        CHECK(seen[i].calls == 1 && seen[i].drops == 1 && seen[i].shapes_agree);
        CHECK(seen[i].inside == MQP_ERR_WOULD_DEADLOCK);
        CHECK(seen[i].status == (i % 2 == 0 ? MQP_OK : MQP_ERR_REQUEST_TIMEOUT));
        pthread_mutex_unlock(&lock);
        if (seen[i].reply != NULL) {
            check_echo(seen[i].reply);
        }
        mqp_received_message_free(seen[i].reply);
        mqp_error_free(seen[i].error);
    }
    mqp_producer_free(producer);
    mqp_mock_cluster_free(cluster);
}

static void a_request_that_nobody_answers_ends(void) {
    mqp_mock_cluster *cluster = echoing();
    mqp_producer *producer = check_start(check_config(url));
    mqp_message message = to("Unheard");
    mqp_received_message *reply = (mqp_received_message *)cluster;
    mqp_error *failure = NULL;
    mqp_error_view view = MQP_ERROR_VIEW_INIT;
    CHECK(mqp_producer_request(producer, &message, NULL, SHORT_MS, &reply, &failure) == MQP_ERR_REQUEST_TIMEOUT);
    CHECK(reply == NULL);
    CHECK_OK(mqp_error_get(failure, &view, &error));
    CHECK(view.code == 10006 && view.has_broker_code == 0 && view.retriable == 1 && view.maybe_persisted == 1);
    CHECK(is(view.name, "REQUEST_TIMEOUT") && strstr(view.message.ptr, "1500 ms") != NULL);
    mqp_error_free(failure);
    mqp_producer_free(producer);
    mqp_mock_cluster_free(cluster);
}

static void a_close_tells_those_that_wait(void) {
    static record seen;
    mqp_mock_cluster *cluster = echoing();
    mqp_producer *producer = check_start(check_config(url));
    mqp_message message = to("Waiting");
    CHECK_OK(mqp_producer_request_async(producer, &message, NULL, 3600000, recording(&seen), &error));
    CHECK_OK(mqp_mock_cluster_wait(cluster, MQP_STR("Waiting"), 1, LONG_MS, &error));
    CHECK_ERROR(mqp_producer_close(producer, 0, &error), MQP_ERR_TIMEOUT, "1 messages");
    pthread_mutex_lock(&lock);
    CHECK(seen.calls == 1 && seen.drops == 1 && seen.status == MQP_ERR_CLOSED);
    pthread_mutex_unlock(&lock);
    mqp_error_free(seen.error);
    CHECK_ERROR(mqp_producer_request_async(producer, &message, NULL, 0, recording(&seen), &error), MQP_ERR_CLOSED, "");
    CHECK(seen.calls == 1 && seen.drops == 1);
    mqp_producer_free(producer);
    mqp_mock_cluster_free(cluster);
}

/* Finds a property of the only message of a topic, in `mqp_mock_messages`. */
static mqp_str property_of(const mqp_mock_messages *messages, const char *name) {
    mqp_mock_message_view view = MQP_MOCK_MESSAGE_VIEW_INIT;
    mqp_str none = MQP_STR_INIT("");
    size_t i;
    CHECK_OK(mqp_mock_messages_get(messages, 0, &view, &error));
    for (i = 0; i < view.property_count; i++) {
        if (is(view.properties[i].name, name)) {
            return view.properties[i].value;
        }
    }
    return none;
}

static void on_sent(void *user_data, const mqp_completion *completion) {
    pthread_mutex_lock(&lock);
    *(mqp_status *)user_data = completion->status;
    pthread_mutex_unlock(&lock);
}

static void a_reply_reaches_the_client_that_asked(void) {
    static record seen;
    static mqp_status sent = 99;
    mqp_mock_cluster *cluster = echoing();
    mqp_producer *asker = check_start(check_config(url)), *replier = check_start(check_config(url));
    mqp_message message = to("Asked");
    mqp_reply_to reply_to = MQP_REPLY_TO_INIT;
    mqp_mock_messages *asked = NULL;
    mqp_receipt *receipt = NULL;
    mqp_receipt_view view = MQP_RECEIPT_VIEW_INIT;
    mqp_callback callback = {on_sent, NULL, NULL};
    callback.user_data = &sent;
    CHECK_OK(mqp_producer_request_async(asker, &message, NULL, LONG_MS, recording(&seen), &error));
    CHECK_OK(mqp_mock_cluster_wait(cluster, MQP_STR("Asked"), 1, LONG_MS, &error));
    CHECK_OK(mqp_mock_cluster_messages(cluster, MQP_STR("Asked"), &asked, &error));
    reply_to.ttl_ms = (uint32_t)atoi(property_of(asked, "TTL").ptr);
    reply_to.correlation_id = property_of(asked, "CORRELATION_ID");
    reply_to.reply_to_client = property_of(asked, "REPLY_TO_CLIENT");
    reply_to.cluster = property_of(asked, "CLUSTER");
    CHECK(reply_to.ttl_ms == LONG_MS);
    message.topic = MQP_STR("");
    CHECK_OK(mqp_producer_reply(replier, &reply_to, &message, NULL, &receipt, &error));
    CHECK_OK(mqp_receipt_get(receipt, &view, &error));
    CHECK(is(view.topic, "DefaultCluster_REPLY_TOPIC") && view.queue_offset == 0);
    CHECK_OK(mqp_producer_flush(asker, LONG_MS, &error));
    pthread_mutex_lock(&lock);
    CHECK(seen.calls == 1 && seen.drops == 1 && seen.status == MQP_OK);
    pthread_mutex_unlock(&lock);
    check_echo(seen.reply);

    reply_to.reply_to_client = MQP_STR("nobody@1");
    CHECK_ERROR(mqp_producer_reply(replier, &reply_to, &message, NULL, NULL, &error), MQP_ERR_BROKER,
                "channel of <nobody@1> not found");
    CHECK_OK(mqp_producer_reply_async(replier, &reply_to, &message, NULL, callback, &error));
    CHECK_OK(mqp_producer_flush(replier, LONG_MS, &error));
    pthread_mutex_lock(&lock);
    CHECK(sent == MQP_ERR_BROKER);
    pthread_mutex_unlock(&lock);
    mqp_received_message_free(seen.reply);
    mqp_receipt_free(receipt);
    mqp_mock_messages_free(asked);
    mqp_producer_free(asker);
    mqp_producer_free(replier);
    mqp_mock_cluster_free(cluster);
}

static void what_is_wrong_is_refused_by_name(void) {
    static record seen;
    mqp_mock_cluster *cluster = echoing();
    mqp_producer *producer = check_start(check_config(url));
    mqp_message message = to("Echo"), delayed = to("Echo");
    mqp_reply_to reply_to = MQP_REPLY_TO_INIT;
    mqp_property property;
    mqp_received_message *reply = NULL;
    mqp_request_callback nobody = {NULL, NULL, NULL};
    const mqp_status invalid = MQP_ERR_INVALID_ARGUMENT;
    CHECK_ERROR(mqp_producer_request(NULL, &message, NULL, 1, &reply, &error), invalid, "`producer` is NULL");
    CHECK_ERROR(mqp_producer_request(producer, NULL, NULL, 1, &reply, &error), invalid, "`mqp_message` is NULL");
    CHECK_ERROR(mqp_producer_request(producer, &message, NULL, 1, NULL, &error), invalid, "`reply` is NULL");
    CHECK_ERROR(mqp_producer_request(producer, &message, NULL, 3600001, &reply, &error), invalid, "3600001");
    CHECK_ERROR(mqp_producer_request_async(producer, &message, NULL, 1, nobody, &error), invalid, "`callback.call`");
    delayed.delay_level = 3;
    CHECK_ERROR(mqp_producer_request_async(producer, &delayed, NULL, 1, recording(&seen), &error),
                MQP_ERR_INVALID_MESSAGE, "`delay`");
    property.name = MQP_STR("TTL");
    property.value = MQP_STR("1");
    message.properties = &property;
    message.property_count = 1;
    CHECK_ERROR(mqp_producer_request(producer, &message, NULL, 1, &reply, &error), MQP_ERR_INVALID_MESSAGE, "`TTL`");
    message.property_count = 0;
    CHECK_ERROR(mqp_producer_reply(producer, NULL, &message, NULL, NULL, &error), invalid, "`mqp_reply_to` is NULL");
    CHECK_ERROR(mqp_producer_reply(producer, &reply_to, &message, NULL, NULL, &error), invalid, "`correlation_id`");
    reply_to.correlation_id = MQP_STR("1");
    CHECK_ERROR(mqp_producer_reply(producer, &reply_to, &message, NULL, NULL, &error), invalid, "`reply_to_client`");
    reply_to.reply_to_client = MQP_STR("\xff");
    CHECK_ERROR(mqp_producer_reply(producer, &reply_to, &message, NULL, NULL, &error), invalid, "is not UTF-8");
    reply_to.reply_to_client = MQP_STR("c");
    CHECK_ERROR(mqp_producer_reply(producer, &reply_to, &message, NULL, NULL, &error), invalid, "`cluster`");
    reply_to.struct_size = 8;
    CHECK_ERROR(mqp_producer_reply(producer, &reply_to, &message, NULL, NULL, &error), invalid, "struct_size");
    CHECK(seen.calls == 0 && seen.drops == 0 && reply == NULL);
    mqp_producer_free(producer);
    mqp_mock_cluster_free(cluster);
}

int main(void) {
    RUN(a_request_returns_its_reply);
    RUN(callbacks_are_told_once_and_dropped_once);
    RUN(a_request_that_nobody_answers_ends);
    RUN(a_close_tells_those_that_wait);
    RUN(a_reply_reaches_the_client_that_asked);
    RUN(what_is_wrong_is_refused_by_name);
    return check_finish();
}
