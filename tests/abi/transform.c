/* Message transformers of C. */
#include "check.h"

static mqp_mock_cluster *cluster;

typedef struct {
    int calls, drops;
} counts;

/* Puts its own body, topic, text and typed property in the place of what it is given; refuses what it is told to. */
static uint32_t on_call(void *user_data, const mqp_message *message, mqp_transformed *transformed, char *reason,
                        size_t reason_size) {
    counts *seen = (counts *)user_data;
    mqp_message other = MQP_MESSAGE_INIT;
    mqp_jms jms = MQP_JMS_INIT;
    mqp_typed_property number;
    char body[32] = "made of ";
    size_t length = strlen(body);
    seen->calls++;
    if (message->body.len == 6 && memcmp(message->body.ptr, "refuse", 6) == 0) {
        strncpy(reason, "not today", reason_size);
        return 1;
    }
    if (message->body.len == 4 && memcmp(message->body.ptr, "odd!", 4) == 0) {
        return 7;
    }
    if (message->jms != NULL) {
        /* It came with a typed property, which is shown. */
        CHECK(message->jms->property_count == 1 && message->jms->properties[0].value_type == MQP_VALUE_SHORT);
        CHECK(message->jms->properties[0].integer == -3 && message->jms->delivery_mode == MQP_DELIVERY_PERSISTENT);
        return 0;
    }
    CHECK_ERROR(mqp_transformed_set(transformed, NULL, &error), MQP_ERR_INVALID_ARGUMENT, "NULL");
    CHECK_ERROR(mqp_transformed_set(NULL, &other, &error), MQP_ERR_INVALID_ARGUMENT, "`transformed` is NULL");
    memcpy(body + length, message->body.ptr, message->body.len);
    memset(&number, 0, sizeof(number));
    number.name = MQP_STR("number");
    number.value_type = MQP_VALUE_LONG;
    number.integer = -42;
    jms.body_type = MQP_BODY_TEXT;
    jms.properties = &number;
    jms.property_count = 1;
    other.topic = MQP_STR("made");
    other.body.ptr = (const uint8_t *)body;
    other.body.len = length + message->body.len;
    other.jms = &jms;
    CHECK_OK(mqp_transformed_set(transformed, &other, &error));
    memset(body, 'x', sizeof(body));
    return 0;
}

static void on_drop(void *user_data) {
    ((counts *)user_data)->drops++;
}

static mqp_message_transformer of(counts *seen) {
    mqp_message_transformer transformer;
    transformer.call = on_call;
    transformer.user_data = seen;
    transformer.drop = on_drop;
    return transformer;
}

static mqp_producer *unstarted(const char *url) {
    mqp_producer *producer = NULL;
    mqp_config *config = check_config(url);
    CHECK_OK(mqp_producer_new(config, &producer, &error));
    mqp_config_free(config);
    return producer;
}

static mqp_message message_of(const char *body) {
    mqp_message message = MQP_MESSAGE_INIT;
    message.topic = MQP_STR("given");
    message.body.ptr = (const uint8_t *)body;
    message.body.len = strlen(body);
    return message;
}

/* The one message that the cluster has, which is forgotten. */
static int stored(const char *topic, const char *body, const char *number) {
    mqp_mock_messages *messages = NULL;
    mqp_mock_message_view view = MQP_MOCK_MESSAGE_VIEW_INIT;
    int found = number == NULL, agrees;
    size_t i;
    CHECK_OK(mqp_mock_cluster_messages(cluster, MQP_STR(""), &messages, &error));
    CHECK(mqp_mock_messages_count(messages) == 1);
    CHECK_OK(mqp_mock_messages_get(messages, 0, &view, &error));
    for (i = 0; i < view.property_count && number != NULL; i++) {
        found |= strcmp(view.properties[i].name.ptr, "number") == 0 && strcmp(view.properties[i].value.ptr, number) == 0;
    }
    agrees = strcmp(view.topic.ptr, topic) == 0 && view.body.len == strlen(body) &&
             memcmp(view.body.ptr, body, view.body.len) == 0;
    mqp_mock_messages_free(messages);
    CHECK_OK(mqp_mock_cluster_clear(cluster, &error));
    return agrees && found;
}

static void another_message_goes_in_its_place(void) {
    counts first = {0, 0}, seen = {0, 0};
    mqp_producer *producer = unstarted("mock+openwire://abi-transform");
    mqp_message message = message_of("this");
    mqp_jms jms = MQP_JMS_INIT;
    mqp_typed_property number;
    CHECK_OK(mqp_producer_set_message_transformer(producer, of(&first), &error));
    CHECK_OK(mqp_producer_set_message_transformer(producer, of(&seen), &error));
    CHECK(first.drops == 1);
    CHECK_OK(mqp_producer_start(producer, &error));
    CHECK_OK(mqp_producer_send(producer, &message, NULL, NULL, &error));
    CHECK(seen.calls == 1 && first.calls == 0 && stored("made", "made of this", "-42"));
    memset(&number, 0, sizeof(number));
    number.name = MQP_STR("small");
    number.value_type = MQP_VALUE_SHORT;
    number.integer = -3;
    jms.properties = &number;
    jms.property_count = 1;
    jms.delivery_mode = MQP_DELIVERY_PERSISTENT;
    message.jms = &jms;
    CHECK_OK(mqp_producer_send(producer, &message, NULL, NULL, &error));
    CHECK(seen.calls == 2 && stored("given", "this", NULL));
    message = message_of("refuse");
    CHECK_ERROR(mqp_producer_send(producer, &message, NULL, NULL, &error), MQP_ERR_INVALID_MESSAGE, "not today");
    message = message_of("odd!");
    CHECK_ERROR(mqp_producer_send(producer, &message, NULL, NULL, &error), MQP_ERR_INVALID_MESSAGE, "it answered 7");
    CHECK(seen.calls == 4 && seen.drops == 0);
    CHECK_ERROR(mqp_producer_set_message_transformer(producer, of(&first), &error), MQP_ERR_ALREADY_STARTED,
                "a message transformer is set before the start");
    CHECK_OK(mqp_producer_close(producer, 10000, &error));
    mqp_producer_free(producer);
    CHECK(seen.drops == 1 && first.drops == 1);
}

static void one_that_is_refused_stays_the_callers(void) {
    counts seen = {0, 0};
    mqp_message_transformer empty = of(&seen);
    mqp_producer *rocket = unstarted("mock://abi-transform-rocket");
    CHECK_ERROR(mqp_producer_set_message_transformer(rocket, of(&seen), &error), MQP_ERR_UNSUPPORTED,
                "RocketMQ has no message transformers");
    empty.call = NULL;
    CHECK_ERROR(mqp_producer_set_message_transformer(rocket, empty, &error), MQP_ERR_INVALID_ARGUMENT,
                "`message_transformer.call` is NULL");
    CHECK_ERROR(mqp_producer_set_message_transformer(NULL, of(&seen), &error), MQP_ERR_INVALID_ARGUMENT,
                "`producer` is NULL");
    mqp_producer_free(rocket);
    CHECK(seen.drops == 0);
}

int main(void) {
    CHECK_OK(mqp_mock_cluster_new(MQP_STR("abi-transform"), 1, 4, &cluster, &error));
    RUN(another_message_goes_in_its_place);
    RUN(one_that_is_refused_stays_the_callers);
    mqp_mock_cluster_free(cluster);
    return check_finish();
}
