/* What is sent arrives as it was: through the embedded cluster and back. And the tables that bindings read. */
#include "check.h"

static mqp_mock_cluster *cluster;

/* The value of a property, "" when it is missing; steps as the view says. */
static const char *property(const mqp_mock_message_view *view, const char *name) {
    const char *element = (const char *)view->properties;
    size_t i;
    for (i = 0; i < view->property_count; i++, element += view->property_size) {
        const mqp_property *one = (const mqp_property *)(const void *)element;
        if (strcmp(one->name.ptr, name) == 0) {
            return one->value.ptr;
        }
    }
    return "";
}

static void a_message_arrives_as_it_was_sent(void) {
    mqp_property properties[2] = {{MQP_STR_INIT("first"), MQP_STR_INIT("1")},
                                  {MQP_STR_INIT("zw\xc3\xb6lf"), MQP_STR_INIT("zw")}};
    mqp_producer *producer = check_start(check_config(mqp_mock_cluster_url(cluster)));
    mqp_message message = check_message();
    mqp_send_options options = MQP_SEND_OPTIONS_INIT;
    mqp_receipt *receipt = NULL;
    mqp_receipt_view told = MQP_RECEIPT_VIEW_INIT;
    mqp_mock_messages *messages = NULL;
    mqp_mock_message_view stored = MQP_MOCK_MESSAGE_VIEW_INIT;
    size_t count = 0;

    options.timeout_ms = 10000;
    message.tags = MQP_STR("tag");
    message.keys = MQP_STR("key1 key2");
    message.flag = -7;
    message.properties = properties;
    message.property_count = 2;
    message.no_wait_store = 1;
    CHECK_OK(mqp_producer_send(producer, &message, &options, &receipt, &error));
    CHECK_OK(mqp_receipt_get(receipt, &told, &error));
    CHECK_OK(mqp_mock_cluster_message_count(cluster, MQP_STR("abi-test"), &count, &error));
    CHECK(count == 1);
    CHECK_OK(mqp_mock_cluster_messages(cluster, MQP_STR(""), &messages, &error));
    CHECK(mqp_mock_messages_count(messages) == 1);
    CHECK_OK(mqp_mock_messages_get(messages, 0, &stored, &error));
    CHECK(strcmp(stored.topic.ptr, "abi-test") == 0 && strcmp(stored.tags.ptr, "tag") == 0);
    CHECK(strcmp(stored.keys.ptr, "key1 key2") == 0 && stored.flag == -7);
    CHECK(stored.body.len == 3 && memcmp(stored.body.ptr, "a\0b", 3) == 0);
    CHECK(strcmp(property(&stored, "first"), "1") == 0 && strcmp(property(&stored, "zw\xc3\xb6lf"), "zw") == 0);
    CHECK(strcmp(property(&stored, "WAIT"), "false") == 0);
    CHECK(strcmp(stored.message_id.ptr, told.message_id.ptr) == 0);
    CHECK(strcmp(stored.offset_message_id.ptr, told.offset_message_id.ptr) == 0);
    CHECK(strcmp(stored.broker_name.ptr, told.broker_name.ptr) == 0);
    CHECK(stored.queue_id == told.queue_id && stored.queue_offset == told.queue_offset);
    CHECK(stored.born_timestamp > 0 && stored.store_timestamp >= stored.born_timestamp);
    CHECK_ERROR(mqp_mock_messages_get(messages, 1, &stored, &error), MQP_ERR_INVALID_ARGUMENT, "there are 1 messages");
    mqp_mock_messages_free(messages);
    mqp_receipt_free(receipt);

    CHECK_OK(mqp_mock_cluster_clear(cluster, &error));
    CHECK_OK(mqp_producer_send_oneway(producer, &message, NULL, &receipt, &error));
    CHECK_OK(mqp_receipt_get(receipt, &told, &error));
    CHECK(told.send_status == MQP_SEND_ONEWAY && told.queue_offset == -1 && told.message_id.len == 32);
    mqp_receipt_free(receipt);
    CHECK_OK(mqp_mock_cluster_wait(cluster, MQP_STR("abi-test"), 1, 30000, &error));
    CHECK_ERROR(mqp_mock_cluster_wait(cluster, MQP_STR("abi-test"), 2, 0, &error), MQP_ERR_TIMEOUT,
                "1 of 2 messages after 0 ms");
    CHECK_OK(mqp_producer_close(producer, 5000, &error));
    mqp_producer_free(producer);
}

/* A caller built against the first header has a smaller struct: what lies behind it is not read. */
static void fields_that_came_later_are_read_as_far_as_the_caller_knows_them(void) {
    static const char *trace_parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    enum { FIRST_SIZE = 96 };
    mqp_producer *producer = check_start(check_config(mqp_mock_cluster_url(cluster)));
    mqp_message message = check_message();
    mqp_mock_messages *messages = NULL;
    mqp_mock_message_view stored = MQP_MOCK_MESSAGE_VIEW_INIT;

    CHECK_OK(mqp_mock_cluster_clear(cluster, &error));
    message.delay_level = 1;
    message.lite_topic = MQP_STR("lite");
    message.sharding_key = MQP_STR("shard");
    message.trace_parent = mqp_str_of(trace_parent);
    message.has_priority = 1;
    message.priority = 7;
    message.struct_size = FIRST_SIZE;
    CHECK_OK(mqp_producer_send(producer, &message, NULL, NULL, &error));
    message.struct_size = sizeof(message);
    message.delay_level = 0;
    CHECK_OK(mqp_producer_send(producer, &message, NULL, NULL, &error));
    CHECK_OK(mqp_mock_cluster_messages(cluster, MQP_STR(""), &messages, &error));
    CHECK(mqp_mock_messages_count(messages) == 2);
    CHECK_OK(mqp_mock_messages_get(messages, 0, &stored, &error));
    CHECK(strcmp(property(&stored, "__LITE_TOPIC"), "") == 0 && strcmp(property(&stored, "traceparent"), "") == 0);
    CHECK(strcmp(property(&stored, "DELAY"), "") == 0 && strcmp(property(&stored, "_SYS_MSG_PRIORITY_"), "") == 0);
    CHECK_OK(mqp_mock_messages_get(messages, 1, &stored, &error));
    CHECK(strcmp(property(&stored, "__LITE_TOPIC"), "lite") == 0);
    CHECK(strcmp(property(&stored, "__SHARDINGKEY"), "shard") == 0);
    CHECK(strcmp(property(&stored, "traceparent"), trace_parent) == 0);
    CHECK(strcmp(property(&stored, "_SYS_MSG_PRIORITY_"), "7") == 0);
    mqp_mock_messages_free(messages);
    mqp_producer_free(producer);
}

static void a_named_cluster_is_shared_with_its_url(void) {
    mqp_mock_cluster *named = NULL;
    mqp_producer *producer = NULL;
    mqp_message message = check_message();
    CHECK_OK(mqp_mock_cluster_new(MQP_STR("shared"), 0, 0, &named, &error));
    producer = check_start(check_config("mock://shared"));
    CHECK_OK(mqp_producer_send(producer, &message, NULL, NULL, &error));
    CHECK_OK(mqp_mock_cluster_wait(named, MQP_STR("abi-test"), 1, 0, &error));
    mqp_producer_free(producer);
    mqp_mock_cluster_free(named);
    CHECK_ERROR(mqp_mock_cluster_new(MQP_STR("x"), 65, 0, &named, &error), MQP_ERR_INVALID_ARGUMENT,
                "the maximum is 64");
    CHECK(named == NULL);
}

static void the_table_of_statuses(void) {
    mqp_status_view row = MQP_STATUS_VIEW_INIT;
    size_t i;
    for (i = 0; i < mqp_status_count(); i++) {
        CHECK_OK(mqp_status_get(i, &row, &error));
        CHECK(row.status == i && row.name.len == strlen(row.name.ptr));
        CHECK(strcmp(row.name.ptr, mqp_status_name(row.status)) == 0);
    }
    CHECK(row.status == MQP_ERR_TRANSACTION_IN_DOUBT && strcmp(row.name.ptr, "TRANSACTION_IN_DOUBT") == 0);
}

static void the_table_of_options(void) {
    mqp_config_option_view row = MQP_CONFIG_OPTION_VIEW_INIT;
    mqp_config *config = NULL;
    mqp_str value;
    size_t i;
    int seen = 0;
    CHECK_OK(mqp_config_new(&config, &error));
    for (i = 0; i < mqp_config_option_count(); i++) {
        CHECK_OK(mqp_config_option_get(i, &row, &error));
        CHECK_OK(mqp_config_get(config, row.key, &value, &error));
        CHECK(value.len == row.default_value.len && strcmp(value.ptr, row.default_value.ptr) == 0);
        CHECK(row.type_name.len > 0 && row.doc.len > 0);
        if (strcmp(row.key.ptr, "send_msg_timeout") == 0) {
            seen = 1;
            CHECK(strcmp(row.type_name.ptr, "milliseconds") == 0 && strcmp(row.default_value.ptr, "3000") == 0);
            CHECK(strcmp(row.range.ptr, "1 to 3600000") == 0);
            CHECK_OK(mqp_config_set(config, row.key, MQP_STR("5"), &error));
            CHECK_OK(mqp_config_get(config, row.key, &value, &error));
            CHECK(strcmp(value.ptr, "5") == 0 && value.len == 1);
        }
    }
    CHECK(seen);
    mqp_config_free(config);
}

static void errors_tell_all(void) {
    mqp_error_view view = MQP_ERROR_VIEW_INIT;
    mqp_error *error = NULL, *copy = NULL;
    CHECK(mqp_config_new(NULL, &error) == MQP_ERR_INVALID_ARGUMENT);
    copy = mqp_error_clone(error);
    mqp_error_free(error);
    CHECK_OK(mqp_error_get(copy, &view, &error));
    CHECK(view.status == MQP_ERR_INVALID_ARGUMENT && strcmp(view.name.ptr, "INVALID_ARGUMENT") == 0);
    CHECK(strcmp(view.message.ptr, "`out` is NULL") == 0 && view.message.len == 13);
    CHECK(!view.has_broker_code && view.remark.len == 0 && !view.retriable && !view.maybe_persisted);
    mqp_error_free(copy);
}

int main(void) {
    CHECK_OK(mqp_mock_cluster_new(MQP_STR(""), 1, 1, &cluster, &error));
    RUN(a_message_arrives_as_it_was_sent);
    RUN(fields_that_came_later_are_read_as_far_as_the_caller_knows_them);
    RUN(a_named_cluster_is_shared_with_its_url);
    RUN(the_table_of_statuses);
    RUN(the_table_of_options);
    RUN(errors_tell_all);
    mqp_mock_cluster_free(cluster);
    return check_finish();
}
