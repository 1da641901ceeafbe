/* Whatever a caller does wrong is refused by name. No server is needed: each refusal comes before any is asked. */
#include "check.h"

#define NOWHERE "rocketmq://127.0.0.1:1"

static mqp_producer *producer;
static int calls, drops;

static void on_call(void *user_data, const mqp_completion *completion) {
    (void)user_data;
    (void)completion;
    calls++;
}

static void on_drop(void *user_data) {
    (void)user_data;
    drops++;
}

static mqp_callback counting(void) {
    mqp_callback callback = {on_call, NULL, on_drop};
    return callback;
}

/* In each mode the message is refused, nothing is stored, and the callback stays the caller's. */
static void check_refused(const mqp_message *message, mqp_status expected, const char *part) {
    mqp_receipt *receipt = (mqp_receipt *)(void *)&calls;
    calls = drops = 0;
    CHECK_ERROR(mqp_producer_send(producer, message, NULL, &receipt, &error), expected, part);
    CHECK(receipt == NULL);
    CHECK_ERROR(mqp_producer_send_async(producer, message, NULL, counting(), &error), expected, part);
    CHECK_ERROR(mqp_producer_send_oneway(producer, message, NULL, NULL, &error), expected, part);
    CHECK(calls == 0 && drops == 0);
}

/* Keys that must agree, and files that cannot be read, are refused before anything is dialled, and no secret is told. */
static void security_settings(void) {
    mqp_config *config = check_config(NOWHERE);
    mqp_producer *made = NULL;
    CHECK_OK(mqp_config_set(config, MQP_STR("secret_key"), MQP_STR("hidden"), &error));
    CHECK_ERROR(mqp_producer_new(config, &made, &error), MQP_ERR_INVALID_CONFIG, "`access_key` is not");
    CHECK_OK(mqp_config_set(config, MQP_STR("access_key"), MQP_STR("hidden"), &error));
    CHECK_OK(mqp_config_set(config, MQP_STR("use_tls"), MQP_STR("true"), &error));
    CHECK_OK(mqp_config_set(config, MQP_STR("tls_ca_file"), MQP_STR("/no/such.pem"), &error));
    CHECK_ERROR(mqp_producer_new(config, &made, &error), MQP_ERR_INVALID_CONFIG, "`tls_ca_file` = `/no/such.pem`");
    CHECK(made == NULL);
    mqp_config_free(config);
}

static void null_handles_and_pointers(void) {
    mqp_message message = check_message();
    mqp_str text = MQP_STR("x");
    mqp_status_view status_row = MQP_STATUS_VIEW_INIT;
    mqp_receipt_view receipt_view = MQP_RECEIPT_VIEW_INIT;
    mqp_error_view error_view = MQP_ERROR_VIEW_INIT;
    mqp_mock_message_view mock_view = MQP_MOCK_MESSAGE_VIEW_INIT;
    mqp_callback nobody = {NULL, NULL, on_drop};
    mqp_config *config = check_config(NOWHERE);
    mqp_producer *made = producer;

    CHECK_ERROR(mqp_status_get(0, NULL, &error), MQP_ERR_INVALID_ARGUMENT, "`mqp_status_view` is NULL");
    CHECK_ERROR(mqp_status_get(999, &status_row, &error), MQP_ERR_INVALID_ARGUMENT, "`index` is 999");
    CHECK_ERROR(mqp_error_get(NULL, &error_view, &error), MQP_ERR_INVALID_ARGUMENT, "`of` is NULL");
    CHECK_ERROR(mqp_config_new(NULL, &error), MQP_ERR_INVALID_ARGUMENT, "`out` is NULL");
    CHECK_ERROR(mqp_config_set(NULL, text, text, &error), MQP_ERR_INVALID_ARGUMENT, "`config` is NULL");
    CHECK_ERROR(mqp_config_get(NULL, text, &text, &error), MQP_ERR_INVALID_ARGUMENT, "`config` is NULL");
    CHECK_ERROR(mqp_config_get(config, text, NULL, &error), MQP_ERR_INVALID_ARGUMENT, "`out` is NULL");
    CHECK_ERROR(mqp_config_option_get(0, NULL, &error), MQP_ERR_INVALID_ARGUMENT, "`mqp_config_option_view` is NULL");
    CHECK_ERROR(mqp_producer_new(NULL, &made, &error), MQP_ERR_INVALID_ARGUMENT, "`config` is NULL");
    CHECK(made == NULL);
    CHECK_ERROR(mqp_producer_new(config, NULL, &error), MQP_ERR_INVALID_ARGUMENT, "`out` is NULL");
    CHECK_ERROR(mqp_producer_start(NULL, &error), MQP_ERR_INVALID_ARGUMENT, "`producer` is NULL");
    CHECK_ERROR(mqp_producer_send(NULL, &message, NULL, NULL, &error), MQP_ERR_INVALID_ARGUMENT, "`producer` is NULL");
    CHECK_ERROR(mqp_producer_send_async(NULL, &message, NULL, counting(), &error), MQP_ERR_INVALID_ARGUMENT,
                "`producer` is NULL");
    CHECK_ERROR(mqp_producer_send_async(producer, &message, NULL, nobody, &error), MQP_ERR_INVALID_ARGUMENT,
                "`callback.call` is NULL");
    CHECK_ERROR(mqp_producer_send_oneway(NULL, &message, NULL, NULL, &error), MQP_ERR_INVALID_ARGUMENT,
                "`producer` is NULL");
    CHECK_ERROR(mqp_producer_flush(NULL, 0, &error), MQP_ERR_INVALID_ARGUMENT, "`producer` is NULL");
    CHECK_ERROR(mqp_producer_close(NULL, 0, &error), MQP_ERR_INVALID_ARGUMENT, "`producer` is NULL");
    CHECK_ERROR(mqp_receipt_get(NULL, &receipt_view, &error), MQP_ERR_INVALID_ARGUMENT, "`receipt` is NULL");
    CHECK_ERROR(mqp_mock_cluster_new(text, 1, 1, NULL, &error), MQP_ERR_INVALID_ARGUMENT, "`out` is NULL");
    CHECK_ERROR(mqp_mock_messages_get(NULL, 0, &mock_view, &error), MQP_ERR_INVALID_ARGUMENT, "`messages` is NULL");
    check_refused(NULL, MQP_ERR_INVALID_ARGUMENT, "`mqp_message` is NULL");
    mqp_config_free(config);
}

static void null_is_freed_and_copied_and_read_without_harm(void) {
    mqp_error_free(NULL);
    mqp_config_free(NULL);
    mqp_receipt_free(NULL);
    mqp_producer_free(NULL);
    mqp_mock_cluster_free(NULL);
    mqp_mock_messages_free(NULL);
    CHECK(mqp_error_clone(NULL) == NULL && mqp_receipt_clone(NULL) == NULL);
    CHECK(mqp_error_status(NULL) == MQP_OK);
    CHECK(strcmp(mqp_error_message(NULL), "") == 0 && strcmp(mqp_mock_cluster_url(NULL), "") == 0);
    CHECK(mqp_config_new(NULL, NULL) == MQP_ERR_INVALID_ARGUMENT);
    CHECK(strcmp(mqp_status_name(4711), "UNKNOWN") == 0 && strcmp(mqp_send_status_name(4711), "UNKNOWN") == 0);
}

static void texts(void) {
    mqp_message message = check_message();
    message.topic.ptr = NULL;
    message.topic.len = 3;
    check_refused(&message, MQP_ERR_INVALID_ARGUMENT, "`topic` is NULL with the length 3");
    message = check_message();
    message.tags = MQP_STR("ab\xff");
    check_refused(&message, MQP_ERR_INVALID_ARGUMENT, "`tags` is not UTF-8 at byte 2");
    message = check_message();
    message.body.len = (size_t)-1;
    check_refused(&message, MQP_ERR_INVALID_ARGUMENT, "`body` has the length");
    message.body.ptr = NULL;
    message.body.len = 1;
    check_refused(&message, MQP_ERR_INVALID_ARGUMENT, "`body` is NULL with the length 1");
}

static void topics(void) {
    char long_topic[129];
    mqp_message message = check_message();
    memset(long_topic, 't', sizeof(long_topic));
    message.topic.len = 0;
    check_refused(&message, MQP_ERR_INVALID_MESSAGE, "`topic` is empty");
    message.topic.ptr = NULL;
    check_refused(&message, MQP_ERR_INVALID_MESSAGE, "`topic` is empty");
    message.topic.ptr = long_topic;
    message.topic.len = 128;
    check_refused(&message, MQP_ERR_INVALID_MESSAGE, "`topic` is 128 bytes long; the limit is 127");
    message.topic = MQP_STR("a b");
    check_refused(&message, MQP_ERR_INVALID_MESSAGE, "`topic` = `a b` holds ` `");
    message.topic = MQP_STR("a\0b");
    check_refused(&message, MQP_ERR_INVALID_MESSAGE, "`topic` = `a\\0b` holds `\\u{0}`");
    message.topic = MQP_STR("a\x80");
    check_refused(&message, MQP_ERR_INVALID_ARGUMENT, "`topic` is not UTF-8 at byte 1");
}

static void bodies(void) {
    static const uint8_t large[4194305];
    mqp_message message = check_message();
    message.body.len = 0;
    check_refused(&message, MQP_ERR_INVALID_MESSAGE, "`body` is empty");
    message.body.ptr = large;
    message.body.len = sizeof(large);
    check_refused(&message, MQP_ERR_MESSAGE_TOO_LARGE, "`body` is 4194305 bytes long; `max_message_size` is 4194304");
}

static void properties(void) {
    mqp_property property = {MQP_STR_INIT("name"), MQP_STR_INIT("value")};
    mqp_message message = check_message();
    message.properties = &property;
    message.property_count = 1;
    property.name = MQP_STR("na\x01me");
    check_refused(&message, MQP_ERR_INVALID_MESSAGE, "a property name holds the byte \\x01 at 2");
    property.name = MQP_STR("name");
    property.value = MQP_STR("\x02");
    check_refused(&message, MQP_ERR_INVALID_MESSAGE, "the value of property `name` holds the byte \\x02 at 0");
    property.value = MQP_STR("a\xc3");
    check_refused(&message, MQP_ERR_INVALID_ARGUMENT, "`properties[0].value` is not UTF-8 at byte 1");
    property.value = MQP_STR("");
    check_refused(&message, MQP_ERR_INVALID_MESSAGE, "empty value");
    message.property_size = 8;
    check_refused(&message, MQP_ERR_INVALID_ARGUMENT, "`property_size` is 8; the minimum is 32");
    message = check_message();
    message.property_count = 2;
    check_refused(&message, MQP_ERR_INVALID_ARGUMENT, "`properties` is NULL with `property_count` 2");
    message.properties = &property;
    message.property_count = (size_t)-1;
    check_refused(&message, MQP_ERR_INVALID_ARGUMENT, "`property_count` is");
}

static void special_fields(void) {
    mqp_property property = {MQP_STR_INIT("DELAY"), MQP_STR_INIT("1")};
    mqp_message message = check_message();
    message.delay_level = 3;
    message.delay_ms = 1;
    check_refused(&message, MQP_ERR_INVALID_MESSAGE, "`delay_level` and `delay_ms` are both set");
    message = check_message();
    message.delay_seconds = 3;
    message.deliver_at_ms = 1;
    check_refused(&message, MQP_ERR_INVALID_MESSAGE, "`delay_seconds` and `deliver_at_ms` are both set");
    message = check_message();
    message.deliver_at_ms = -1;
    check_refused(&message, MQP_ERR_INVALID_MESSAGE, "`deliver_at_ms` is -1; the minimum is 0");
    message = check_message();
    message.delay_level = 0x80000000u;
    check_refused(&message, MQP_ERR_INVALID_MESSAGE, "`delay_level` is 2147483648; the maximum is 2147483647");
    message.delay_level = 1;
    message.properties = &property;
    message.property_count = 1;
    check_refused(&message, MQP_ERR_INVALID_MESSAGE, "the property `DELAY` = `1` is given beside `delay_level`");
    message = check_message();
    message.has_priority = 1;
    message.priority = -1;
    check_refused(&message, MQP_ERR_INVALID_MESSAGE, "`priority` is -1; the minimum is 0");
    message.has_priority = 0;
    check_refused(&message, MQP_ERR_INVALID_ARGUMENT, "`priority` is -1 while `has_priority` is 0");
    message.has_priority = 2;
    check_refused(&message, MQP_ERR_INVALID_ARGUMENT, "`has_priority` is 2; it must be 0 or 1");
    message = check_message();
    message.reserved = 1;
    check_refused(&message, MQP_ERR_INVALID_ARGUMENT, "`reserved` is 1");
    message = check_message();
    message.lite_topic = MQP_STR("a\x01");
    check_refused(&message, MQP_ERR_INVALID_MESSAGE, "`lite_topic` holds the byte \\x01 at 1");
    message = check_message();
    message.sharding_key = MQP_STR("\xff");
    check_refused(&message, MQP_ERR_INVALID_ARGUMENT, "`sharding_key` is not UTF-8 at byte 0");
    message = check_message();
    message.trace_parent = MQP_STR("00-1-2-3");
    check_refused(&message, MQP_ERR_INVALID_MESSAGE, "`trace_parent` = `00-1-2-3` is no W3C trace context");
}

static void structs(void) {
    struct {
        mqp_message known;
        uint64_t unknown;
    } later;
    mqp_message message = check_message();
    mqp_send_options options = MQP_SEND_OPTIONS_INIT;
    mqp_config_option_view row = MQP_CONFIG_OPTION_VIEW_INIT;
    message.struct_size = 0;
    check_refused(&message, MQP_ERR_INVALID_ARGUMENT, "`mqp_message.struct_size` is 0; the minimum is 96");
    message.struct_size = 95;
    check_refused(&message, MQP_ERR_INVALID_ARGUMENT, "`mqp_message.struct_size` is 95; the minimum is 96");
    message.struct_size = 0xdeadbeef;
    check_refused(&message, MQP_ERR_INVALID_ARGUMENT, "the maximum is 4096");
    later.known = check_message();
    later.known.struct_size = sizeof(later);
    later.unknown = 1;
    check_refused(&later.known, MQP_ERR_INVALID_ARGUMENT, "this library knows 192 bytes, the rest must be zero");
    later.unknown = 0;
    later.known.topic.len = 0;
    check_refused(&later.known, MQP_ERR_INVALID_MESSAGE, "`topic` is empty");
    message = check_message();
    message.no_wait_store = 2;
    check_refused(&message, MQP_ERR_INVALID_ARGUMENT, "`no_wait_store` is 2");
    message = check_message();
    options.struct_size = 4;
    CHECK_ERROR(mqp_producer_send(producer, &message, &options, NULL, &error), MQP_ERR_INVALID_ARGUMENT,
                "`mqp_send_options.struct_size` is 4; the minimum is 8");
    options.struct_size = sizeof(options);
    options.timeout_ms = 3600001;
    CHECK_ERROR(mqp_producer_send(producer, &message, &options, NULL, &error), MQP_ERR_INVALID_ARGUMENT,
                "`timeout_ms` is 3600001; the maximum is 3600000");
    row.struct_size = 12;
    CHECK_ERROR(mqp_config_option_get(0, &row, &error), MQP_ERR_INVALID_ARGUMENT,
                "`mqp_config_option_view.struct_size` is 12");
}

static void configuration(void) {
    mqp_config *config = check_config(NOWHERE);
    mqp_str value;
    CHECK_ERROR(mqp_config_set(config, MQP_STR("send_msg_timout"), MQP_STR("1"), &error), MQP_ERR_INVALID_CONFIG,
                "unknown configuration key `send_msg_timout`; did you mean `send_msg_timeout`?");
    CHECK_ERROR(mqp_config_get(config, MQP_STR("send_msg_timout"), &value, &error), MQP_ERR_INVALID_CONFIG,
                "did you mean `send_msg_timeout`?");
    CHECK_ERROR(mqp_config_set(config, MQP_STR("send_msg_timeout"), MQP_STR("0"), &error), MQP_ERR_INVALID_CONFIG,
                "`send_msg_timeout` = `0` is not legal: it must be whole milliseconds from 1 to 3600000");
    CHECK_ERROR(mqp_config_set(config, MQP_STR("\xff"), MQP_STR("0"), &error), MQP_ERR_INVALID_ARGUMENT,
                "`key` is not UTF-8 at byte 0");
    CHECK_ERROR(mqp_config_set(config, MQP_STR("url"), MQP_STR("rocketmq://host"), &error), MQP_ERR_INVALID_CONFIG,
                "`url` = `rocketmq://host` is malformed: `host` has no port");
    CHECK_ERROR(mqp_config_set(config, MQP_STR("url"), MQP_STR("kafka://host:1"), &error), MQP_ERR_INVALID_CONFIG,
                "the scheme `kafka` is unknown");
    CHECK_OK(mqp_config_get(config, MQP_STR("url"), &value, &error));
    CHECK(strcmp(value.ptr, NOWHERE) == 0 && value.len == strlen(NOWHERE));
    mqp_config_free(config);
}

static void required_keys(void) {
    mqp_config *config = NULL;
    mqp_producer *made = NULL;
    CHECK_OK(mqp_config_new(&config, &error));
    CHECK_ERROR(mqp_producer_new(config, &made, &error), MQP_ERR_INVALID_CONFIG, "`url` is required");
    CHECK_OK(mqp_config_set(config, MQP_STR("url"), MQP_STR(NOWHERE), &error));
    CHECK_ERROR(mqp_producer_new(config, &made, &error), MQP_ERR_INVALID_CONFIG, "`producer_group` is required");
    CHECK(made == NULL);
    mqp_config_free(config);
}

static void order_of_life(void) {
    mqp_config *config = check_config(NOWHERE);
    mqp_message message = check_message();
    mqp_producer *running = producer;
    producer = NULL;
    CHECK_OK(mqp_producer_new(config, &producer, &error));
    mqp_config_free(config);
    check_refused(&message, MQP_ERR_NOT_STARTED, "not started");
    CHECK_ERROR(mqp_producer_flush(producer, 0, &error), MQP_ERR_NOT_STARTED, "not started");
    CHECK_OK(mqp_producer_start(producer, &error));
    CHECK_ERROR(mqp_producer_start(producer, &error), MQP_ERR_ALREADY_STARTED, "started already");
    CHECK_OK(mqp_producer_close(producer, 1000, &error));
    check_refused(&message, MQP_ERR_CLOSED, "closed");
    CHECK_ERROR(mqp_producer_start(producer, &error), MQP_ERR_CLOSED, "closed");
    CHECK_OK(mqp_producer_close(producer, 0, &error));
    mqp_producer_free(producer);
    producer = running;
}

static void versions(void) {
    CHECK_OK(mqp_version_check(MQP_VERSION_NUMBER, &error));
    CHECK(mqp_version_number() == MQP_VERSION_NUMBER);
    CHECK(strcmp(mqp_version_string(), MQP_VERSION_STRING) == 0);
    CHECK_ERROR(mqp_version_check(MQP_VERSION_NUMBER + 1, &error), MQP_ERR_VERSION_MISMATCH, MQP_VERSION_STRING);
    CHECK_ERROR(mqp_version_check(999000000, &error), MQP_ERR_VERSION_MISMATCH, "999.0.0");
}

int main(void) {
    producer = check_start(check_config(NOWHERE));
    RUN(null_handles_and_pointers);
    RUN(null_is_freed_and_copied_and_read_without_harm);
    RUN(texts);
    RUN(topics);
    RUN(bodies);
    RUN(properties);
    RUN(special_fields);
    RUN(structs);
    RUN(configuration);
    RUN(required_keys);
    RUN(security_settings);
    RUN(order_of_life);
    RUN(versions);
    mqp_producer_free(producer);
    return check_finish();
}
