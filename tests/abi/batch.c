/* Batches through C: bad input, each message's own end, callbacks. */
#include "check.h"

#include <pthread.h>

#define COUNT 5
#define SIZE ((uint32_t)sizeof(mqp_message))

static const char *url;
static mqp_mock_cluster *cluster;
static mqp_producer *producer;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int is(mqp_str text, const char *expected) {
    return text.len == strlen(expected) && memcmp(text.ptr, expected, text.len) == 0;
}

/* `COUNT` messages with bodies "0", "1" and so on. */
static void fill(mqp_message *messages, const char *topic) {
    static const char digits[] = "0123456789";
    int i;
    for (i = 0; i < COUNT; i++) {
        messages[i] = check_message();
        messages[i].topic = mqp_str_of(topic);
        messages[i].body.ptr = (const uint8_t *)&digits[i];
        messages[i].body.len = 1;
        messages[i].flag = 100 + i;
    }
}

/* Each message is stored where its receipt says. */
static void check_stored(const mqp_batch_result *result, const char *topic, uint32_t send_status) {
    mqp_mock_messages *stored = NULL;
    size_t i;
    CHECK(mqp_batch_result_count(result) == COUNT);
    CHECK_OK(mqp_mock_cluster_wait(cluster, mqp_str_of(topic), COUNT, 20000, &error));
    CHECK_OK(mqp_mock_cluster_messages(cluster, mqp_str_of(topic), &stored, &error));
    CHECK(mqp_mock_messages_count(stored) == COUNT);
    for (i = 0; i < COUNT; i++) {
        const mqp_receipt *receipt = NULL;
        const mqp_error *failure = (const mqp_error *)&receipt;
        mqp_receipt_view view = MQP_RECEIPT_VIEW_INIT;
        mqp_mock_message_view found = MQP_MOCK_MESSAGE_VIEW_INIT;
        size_t at, matches = 0;
        CHECK_OK(mqp_batch_result_get(result, i, &receipt, &failure, &error));
        CHECK(receipt != NULL && failure == NULL);
        CHECK_OK(mqp_receipt_get(receipt, &view, &error));
        CHECK(view.send_status == send_status && is(view.topic, topic));
        for (at = 0; at < mqp_mock_messages_count(stored); at++) {
            CHECK_OK(mqp_mock_messages_get(stored, at, &found, &error));
            if (is(found.message_id, view.message_id.ptr)) {
                matches++;
                CHECK(found.flag == 100 + (int32_t)i && found.body.len == 1 && found.body.ptr[0] == '0' + i);
                CHECK(send_status == MQP_SEND_ONEWAY || found.queue_offset == view.queue_offset);
                CHECK(send_status == MQP_SEND_ONEWAY || is(found.offset_message_id, view.offset_message_id.ptr));
            }
        }
        CHECK(matches == 1);
    }
    mqp_mock_messages_free(stored);
}

static void each_message_has_its_own_receipt(void) {
    mqp_message messages[COUNT];
    mqp_batch_options options = MQP_BATCH_OPTIONS_INIT;
    mqp_batch_result *result = NULL, *copy;
    fill(messages, "whole");
    CHECK_OK(mqp_producer_send_batch(producer, messages, COUNT, SIZE, NULL, NULL, &result, &error));
    copy = mqp_batch_result_clone(result);
    mqp_batch_result_free(result);
    check_stored(copy, "whole", MQP_SEND_OK);
    mqp_batch_result_free(copy);
    options.split_bytes = 1;
    fill(messages, "split");
    CHECK_OK(mqp_producer_send_batch(producer, messages, COUNT, SIZE, NULL, &options, &result, &error));
    check_stored(result, "split", MQP_SEND_OK);
    mqp_batch_result_free(result);
    fill(messages, "oneway");
    CHECK_OK(mqp_producer_send_batch_oneway(producer, messages, COUNT, SIZE, NULL, &options, &result, &error));
    check_stored(result, "oneway", MQP_SEND_ONEWAY);
    mqp_batch_result_free(result);
    fill(messages, "unwanted");
    CHECK_OK(mqp_producer_send_batch(producer, messages, COUNT, SIZE, NULL, NULL, NULL, &error));
}

/* An element may be larger than this header's struct. */
static void the_library_steps_by_the_callers_size(void) {
    struct {
        mqp_message message;
        uint64_t more[2];
    } wide[COUNT];
    mqp_message messages[COUNT];
    mqp_batch_result *result = NULL;
    int i;
    memset(wide, 0, sizeof(wide));
    fill(messages, "wide");
    for (i = 0; i < COUNT; i++) {
        wide[i].message = messages[i];
        wide[i].message.struct_size = i % 2 == 0 ? (uint32_t)sizeof(wide[0]) : SIZE;
    }
    CHECK_OK(mqp_producer_send_batch(producer, &wide[0].message, COUNT, (uint32_t)sizeof(wide[0]), NULL, NULL, &result,
                                     &error));
    check_stored(result, "wide", MQP_SEND_OK);
    mqp_batch_result_free(result);
    wide[3].more[1] = 1;
    wide[3].message.struct_size = (uint32_t)sizeof(wide[0]);
    CHECK_ERROR(mqp_producer_send_batch(producer, &wide[0].message, COUNT, (uint32_t)sizeof(wide[0]), NULL, NULL,
                                        &result, &error),
                MQP_ERR_INVALID_ARGUMENT, "messages[3]: `mqp_message` has the size");
}

typedef struct {
    int calls, drops;
    mqp_status status;
    mqp_batch_result *result;
    mqp_error *error;
} record;

static void on_call(void *user_data, const mqp_batch_completion *completion) {
    record *seen = (record *)user_data;
    pthread_mutex_lock(&lock);
    seen->calls += completion->struct_size == sizeof(*completion) && completion->user_data == user_data;
    seen->status = completion->status;
    seen->result = mqp_batch_result_clone(completion->result);
    seen->error = mqp_error_clone(completion->error);
    pthread_mutex_unlock(&lock);
}

static void on_drop(void *user_data) {
    pthread_mutex_lock(&lock);
    ((record *)user_data)->drops++;
    pthread_mutex_unlock(&lock);
}

static mqp_batch_callback recording(record *seen) {
    mqp_batch_callback callback = {on_call, NULL, on_drop};
    callback.user_data = seen;
    return callback;
}

static void a_callback_is_told_once_of_all(void) {
    static record seen;
    mqp_message messages[COUNT];
    fill(messages, "later");
    CHECK_OK(mqp_producer_send_batch_async(producer, messages, COUNT, SIZE, NULL, NULL, recording(&seen), &error));
    CHECK_OK(mqp_producer_flush(producer, 30000, &error));
    CHECK(seen.calls == 1 && seen.drops == 1 && seen.status == MQP_OK && seen.error == NULL);
    check_stored(seen.result, "later", MQP_SEND_OK);
    mqp_batch_result_free(seen.result);
}

/* The third message is too large for the broker, though not for the producer. */
static void a_message_that_fails_gives_the_status_and_leaves_the_others(void) {
    static uint8_t large[5 << 20];
    static record seen;
    mqp_config *config = check_config(url);
    mqp_producer *roomy;
    mqp_message messages[COUNT];
    mqp_batch_options options = MQP_BATCH_OPTIONS_INIT;
    mqp_batch_result *result = NULL;
    int later;
    size_t i;
    CHECK_OK(mqp_config_set(config, MQP_STR("max_message_size"), MQP_STR("8000000"), &error));
    roomy = check_start(config);
    fill(messages, "mixed");
    messages[2].body.ptr = large;
    messages[2].body.len = sizeof(large);
    options.split_bytes = 1000;
    CHECK_ERROR(mqp_producer_send_batch(roomy, messages, COUNT, SIZE, NULL, &options, &result, &error), MQP_ERR_BROKER,
                "messages[2]: ");
    CHECK_OK(mqp_producer_send_batch_async(roomy, messages, COUNT, SIZE, NULL, &options, recording(&seen), &error));
    CHECK_OK(mqp_producer_flush(roomy, 30000, &error));
    CHECK(seen.calls == 1 && seen.drops == 1 && seen.status == MQP_ERR_BROKER);
    CHECK(strncmp(mqp_error_message(seen.error), "messages[2]: ", 13) == 0);
    for (later = 0; later < 2; later++) {
        for (i = 0; i < COUNT; i++) {
            const mqp_receipt *receipt = NULL;
            const mqp_error *failure = NULL;
            CHECK_OK(mqp_batch_result_get(later ? seen.result : result, i, &receipt, &failure, &error));
            CHECK((receipt == NULL) == (i == 2) && (failure != NULL) == (i == 2));
            CHECK(mqp_error_status(failure) == (i == 2 ? MQP_ERR_BROKER : MQP_OK));
            CHECK_OK(mqp_batch_result_get(result, i, NULL, NULL, &error));
        }
    }
    mqp_batch_result_free(result);
    mqp_batch_result_free(seen.result);
    mqp_error_free(seen.error);
    CHECK_OK(mqp_producer_close(roomy, 1000, &error));
    mqp_producer_free(roomy);
}

/* In all three sends; a refused callback is left alone. */
static void check_refused(const mqp_message *messages, size_t count, uint32_t size, const mqp_batch_options *options,
                          mqp_status expected, const char *part) {
    record untouched = {0};
    mqp_batch_result *result = (mqp_batch_result *)&untouched;
    CHECK_ERROR(mqp_producer_send_batch(producer, messages, count, size, NULL, options, &result, &error), expected,
                part);
    CHECK(result == NULL);
    CHECK_ERROR(mqp_producer_send_batch_oneway(producer, messages, count, size, NULL, options, &result, &error),
                expected, part);
    CHECK_ERROR(
        mqp_producer_send_batch_async(producer, messages, count, size, NULL, options, recording(&untouched), &error),
        expected, part);
    CHECK(untouched.calls == 0 && untouched.drops == 0);
}

static void bad_input(void) {
    mqp_message messages[COUNT];
    mqp_batch_options options = MQP_BATCH_OPTIONS_INIT;
    mqp_batch_callback nobody = {NULL, NULL, NULL};
    mqp_batch_result *result = NULL;
    const mqp_receipt *receipt = NULL;
    size_t stored = 1;
    fill(messages, "refused");
    check_refused(NULL, COUNT, SIZE, NULL, MQP_ERR_INVALID_ARGUMENT, "`messages` is NULL with `count` 5");
    check_refused(messages, 0, SIZE, NULL, MQP_ERR_INVALID_ARGUMENT, "`count` is 0; the minimum is 1");
    check_refused(messages, 1000001, SIZE, NULL, MQP_ERR_INVALID_ARGUMENT, "the maximum 1000000");
    check_refused(messages, COUNT, 0, NULL, MQP_ERR_INVALID_ARGUMENT, "`message_size` is 0; the minimum is 96");
    check_refused(messages, COUNT, 95, NULL, MQP_ERR_INVALID_ARGUMENT, "`message_size` is 95; the minimum is 96");
    check_refused(messages, COUNT, 4097, NULL, MQP_ERR_INVALID_ARGUMENT, "the maximum 4096");
    check_refused(messages, COUNT, 96, NULL, MQP_ERR_INVALID_ARGUMENT,
                  "messages[0]: `mqp_message.struct_size` is 192; `message_size` is 96");
    messages[4].topic = MQP_STR("other");
    check_refused(messages, COUNT, SIZE, NULL, MQP_ERR_INVALID_MESSAGE, "messages[4]: `topic` = `other`");
    fill(messages, "refused");
    messages[1].no_wait_store = 1;
    check_refused(messages, COUNT, SIZE, NULL, MQP_ERR_INVALID_MESSAGE, "messages[1]: `wait_store_msg_ok` is false");
    fill(messages, "refused");
    messages[3].delay_seconds = 5;
    check_refused(messages, COUNT, SIZE, NULL, MQP_ERR_INVALID_MESSAGE, "messages[3]: `delay` is Seconds(5)");
    fill(messages, "refused");
    messages[2].body.ptr = NULL;
    check_refused(messages, COUNT, SIZE, NULL, MQP_ERR_INVALID_ARGUMENT, "messages[2]: `body` is NULL");
    fill(messages, "refused");
    messages[2].struct_size = 0;
    check_refused(messages, COUNT, SIZE, NULL, MQP_ERR_INVALID_ARGUMENT, "messages[2]: `mqp_message.struct_size` is 0");
    fill(messages, "refused");
    options.struct_size = 4;
    check_refused(messages, COUNT, SIZE, &options, MQP_ERR_INVALID_ARGUMENT, "`mqp_batch_options.struct_size` is 4");
    options.struct_size = sizeof(options);
    options.split_bytes = 4194305;
    check_refused(messages, COUNT, SIZE, &options, MQP_ERR_INVALID_ARGUMENT, "`split_bytes` is 4194305; the maximum is");
    CHECK_ERROR(mqp_producer_send_batch_async(producer, messages, COUNT, SIZE, NULL, NULL, nobody, &error),
                MQP_ERR_INVALID_ARGUMENT, "`callback.call` is NULL");
    CHECK_ERROR(mqp_producer_send_batch(NULL, messages, COUNT, SIZE, NULL, NULL, &result, &error),
                MQP_ERR_INVALID_ARGUMENT, "`producer` is NULL");
    CHECK_OK(mqp_mock_cluster_message_count(cluster, MQP_STR("refused"), &stored, &error));
    CHECK(stored == 0);
    fill(messages, "indices");
    CHECK_OK(mqp_producer_send_batch(producer, messages, COUNT, SIZE, NULL, NULL, &result, &error));
    CHECK_ERROR(mqp_batch_result_get(result, COUNT, &receipt, NULL, &error), MQP_ERR_INVALID_ARGUMENT,
                "`index` is 5; there are 5 messages");
    CHECK_ERROR(mqp_batch_result_get(NULL, 0, &receipt, NULL, &error), MQP_ERR_INVALID_ARGUMENT, "`result` is NULL");
    CHECK(mqp_batch_result_count(NULL) == 0 && mqp_batch_result_clone(NULL) == NULL);
    mqp_batch_result_free(result);
    mqp_batch_result_free(NULL);
}

/* A hook sees the batch as one message, and the messages in it. */
static void on_before(void *user_data, const mqp_hook_context *context) {
    const uint8_t *element = (const uint8_t *)context->batch;
    size_t i, good = 0;
    for (i = 0; i < context->message_count; i++) {
        const mqp_message *message = (const mqp_message *)(const void *)(element + i * context->message_size);
        good += message->body.len == 1 && message->body.ptr[0] == '0' + i && is(message->topic, "hooked");
    }
    if (good == COUNT && context->body_length == COUNT && context->message->body.len == 0) {
        ++*(int *)user_data;
    }
}

static void on_after(void *user_data, const mqp_hook_context *context, const mqp_hook_end *end) {
    mqp_receipt_view view = MQP_RECEIPT_VIEW_INIT;
    if (context->message_count == COUNT && context->batch == NULL && context->message == NULL &&
        mqp_receipt_get(end->receipt, &view, NULL) == MQP_OK && view.message_id.len == COUNT * 33 - 1) {
        ++*(int *)user_data;
    }
}

static void hooks_see_the_messages(void) {
    static int seen;
    mqp_config *config = check_config(url);
    mqp_hook hook = MQP_HOOK_INIT;
    mqp_message messages[COUNT];
    mqp_producer *hooked = NULL;
    hook.before_send = on_before;
    hook.after_send = on_after;
    hook.user_data = &seen;
    CHECK_OK(mqp_producer_new(config, &hooked, &error));
    mqp_config_free(config);
    CHECK_OK(mqp_producer_add_hook(hooked, &hook, &error));
    CHECK_OK(mqp_producer_start(hooked, &error));
    fill(messages, "hooked");
    CHECK_OK(mqp_producer_send_batch(hooked, messages, COUNT, SIZE, NULL, NULL, NULL, &error));
    CHECK(seen == 2);
    CHECK_OK(mqp_producer_close(hooked, 1000, &error));
    mqp_producer_free(hooked);
}

int main(void) {
    CHECK_OK(mqp_mock_cluster_new(MQP_STR("abi-batch"), 1, 4, &cluster, &error));
    url = mqp_mock_cluster_url(cluster);
    producer = check_start(check_config(url));
    RUN(each_message_has_its_own_receipt);
    RUN(the_library_steps_by_the_callers_size);
    RUN(a_callback_is_told_once_of_all);
    RUN(a_message_that_fails_gives_the_status_and_leaves_the_others);
    RUN(bad_input);
    RUN(hooks_see_the_messages);
    CHECK_OK(mqp_producer_close(producer, 1000, &error));
    mqp_producer_free(producer);
    mqp_mock_cluster_free(cluster);
    return check_finish();
}
