/* What a thread needs that must never wait: routes that are found in the background, receipts of many messages at once. */
#include "queue.h"

static mqp_mock_cluster *cluster;
static mqp_producer *producer;
static mqp_completion_queue *queue;
static const char *nowhere;

/* Polls for one completion, which is no message's. */
static void expect_lookup(void *user_data, mqp_status status) {
    mqp_completion completion;
    size_t count = 0;
    CHECK_OK(mqp_completion_queue_poll(queue, &completion, SIZE, 1, 30000, &count, &error));
    CHECK(count == 1 && completion.status == status && completion.user_data == user_data && completion.receipt == NULL);
    CHECK(mqp_error_status(completion.error) == status);
    mqp_completions_free(&completion, SIZE, count);
}

static void a_route_is_found_without_waiting(void) {
    int first = 0, second = 0;
    size_t lookups = 0;
    mqp_mock_requests *requests = NULL;
    CHECK_OK(mqp_producer_find_route(producer, MQP_STR("found"), 5000, queue, &first, &error));
    expect_lookup(&first, MQP_OK);
    CHECK_OK(mqp_mock_cluster_clear_requests(cluster, &error));
    /* Known: it is there at once, and neither this nor the send asks again. */
    CHECK_OK(mqp_producer_find_route(producer, MQP_STR("found"), 0, queue, &second, &error));
    CHECK(queue_readable(queue, 0));
    expect_lookup(&second, MQP_OK);
    {
        mqp_message message = check_message();
        message.topic = MQP_STR("found");
        CHECK_OK(mqp_producer_send_queued(producer, &message, NULL, queue, NULL, &error));
    }
    queue_drain(queue, 1, MQP_OK);
    CHECK_OK(mqp_mock_cluster_requests(cluster, MQP_STR(""), 105, &requests, &error));
    lookups = mqp_mock_requests_count(requests);
    CHECK(lookups == 0);
    mqp_mock_requests_free(requests);
    CHECK_OK(mqp_producer_flush(producer, 0, &error));
}

static void a_route_that_is_not_found_is_told(void) {
    mqp_producer *lost = queue_producer(nowhere, "max_in_flight_messages", "10", "fail");
    int marker = 0;
    CHECK_OK(mqp_producer_find_route(lost, MQP_STR("lost"), 300, queue, &marker, &error));
    expect_lookup(&marker, MQP_ERR_NO_NAME_SERVER);
    CHECK_OK(mqp_producer_close(lost, 0, &error));
    CHECK_ERROR(mqp_producer_find_route(lost, MQP_STR("lost"), 300, queue, &marker, &error), MQP_ERR_CLOSED, "is closed");
    mqp_producer_free(lost);
    CHECK(!queue_readable(queue, 0));
}

/* A queue may go while a lookup is under way. */
static void a_lookup_whose_queue_is_gone(void) {
    mqp_completion_queue *gone = queue_new();
    mqp_producer *lost = queue_producer(nowhere, "max_in_flight_messages", "10", "fail");
    CHECK_OK(mqp_producer_find_route(lost, MQP_STR("lost"), 100, gone, NULL, &error));
    mqp_completion_queue_free(gone);
    CHECK_OK(mqp_producer_close(lost, 0, &error));
    mqp_producer_free(lost);
}

static void lookups_with_bad_input_are_refused_by_name(void) {
    mqp_str topic = MQP_STR("found");
    CHECK_ERROR(mqp_producer_find_route(NULL, topic, 0, queue, NULL, &error), MQP_ERR_INVALID_ARGUMENT,
                "`producer` is NULL");
    CHECK_ERROR(mqp_producer_find_route(producer, topic, 0, NULL, NULL, &error), MQP_ERR_INVALID_ARGUMENT,
                "`queue` is NULL");
    CHECK_ERROR(mqp_producer_find_route(producer, topic, 3600001, queue, NULL, &error), MQP_ERR_INVALID_ARGUMENT,
                "`timeout_ms` is 3600001; the maximum is 3600000");
    CHECK_ERROR(mqp_producer_find_route(producer, MQP_STR("no such topic!"), 0, queue, NULL, &error),
                MQP_ERR_INVALID_MESSAGE, "topic");
    CHECK(!queue_readable(queue, 0));
}

typedef struct later_view {
    mqp_receipt_view known;
    uint64_t unknown;
} later_view;

static int same(mqp_str left, mqp_str right) {
    return left.len == right.len && memcmp(left.ptr, right.ptr, left.len) == 0 && left.ptr[left.len] == '\0';
}

static void receipts_of_many_are_read_at_once(void) {
    enum { COUNT = 5 };
    mqp_message messages[COUNT];
    mqp_completion completions[COUNT + 1];
    later_view views[COUNT + 1];
    char texts[COUNT * 256];
    size_t count = 0, needed = 0, length = 0, i, at = 0, receipts = 0;
    for (i = 0; i < COUNT; i++) {
        messages[i] = check_message();
    }
    CHECK_OK(mqp_producer_send_many(producer, messages, COUNT, sizeof(mqp_message), NULL, queue, NULL, NULL, &error));
    CHECK_OK(mqp_producer_find_route(producer, MQP_STR("found"), 0, queue, NULL, &error));
    CHECK_OK(mqp_producer_flush(producer, 30000, &error));
    CHECK_OK(mqp_completion_queue_poll(queue, completions, SIZE, COUNT + 1, 0, &count, &error));
    CHECK(count == COUNT + 1);
    memset(views, 0x55, sizeof(views));
    CHECK_OK(mqp_completions_receipts(completions, SIZE, count, &views[0].known, sizeof(later_view), NULL, 0, &needed,
                                      &error));
    CHECK(needed > 0 && needed <= sizeof(texts) && views[0].known.struct_size == 0x55555555u);
    memset(texts, 0x55, sizeof(texts));
    CHECK_OK(mqp_completions_receipts(completions, SIZE, count, &views[0].known, sizeof(later_view), texts, needed - 1,
                                      &length, &error));
    CHECK(length == needed && texts[0] == 0x55 && views[0].known.struct_size == 0x55555555u);
    CHECK_OK(mqp_completions_receipts(completions, SIZE, count, &views[0].known, sizeof(later_view), texts,
                                      sizeof(texts), &length, &error));
    CHECK(length == needed && texts[needed] == 0x55 && texts[needed - 1] == '\0');
    for (i = 0; i < count; i++) {
        mqp_receipt_view one = MQP_RECEIPT_VIEW_INIT;
        const mqp_receipt_view *view = &views[i].known;
        CHECK(view->struct_size == sizeof(mqp_receipt_view) && views[i].unknown == 0);
        if (completions[i].receipt == NULL) {
            CHECK(view->message_id.ptr == NULL && view->message_id.len == 0 && view->attempts == 0);
            continue;
        }
        receipts++;
        CHECK_OK(mqp_receipt_get(completions[i].receipt, &one, &error));
        CHECK(view->send_status == one.send_status && view->attempts == one.attempts);
        CHECK(view->queue_id == one.queue_id && view->queue_offset == one.queue_offset);
        CHECK(same(view->message_id, one.message_id) && same(view->offset_message_id, one.offset_message_id));
        CHECK(same(view->topic, one.topic) && same(view->broker_name, one.broker_name));
        CHECK(same(view->transaction_id, one.transaction_id) && same(view->region_id, one.region_id));
        CHECK(same(view->recall_handle, one.recall_handle));
        CHECK(view->message_id.ptr == texts + at && view->message_id.len == 32);
        at = (size_t)(view->recall_handle.ptr + view->recall_handle.len + 1 - texts);
    }
    CHECK(receipts == COUNT && at == needed);
    mqp_completions_free(completions, SIZE, count);
}

static void receipts_with_bad_input_are_refused_by_name(void) {
    mqp_completion completion;
    mqp_receipt_view view;
    size_t length = 99;
    char text;
    memset(&completion, 0, sizeof(completion));
    CHECK_ERROR(mqp_completions_receipts(&completion, SIZE, 1, &view, sizeof(view), &text, 1, NULL, &error),
                MQP_ERR_INVALID_ARGUMENT, "`length` is NULL");
    CHECK_ERROR(mqp_completions_receipts(&completion, 31, 1, &view, sizeof(view), &text, 1, &length, &error),
                MQP_ERR_INVALID_ARGUMENT, "`completion_size` is 31; the minimum is 32");
    CHECK(length == 0);
    CHECK_ERROR(mqp_completions_receipts(&completion, SIZE, 1, &view, 8, &text, 1, &length, &error),
                MQP_ERR_INVALID_ARGUMENT, "`view_size` is 8; the minimum is 136");
    CHECK_ERROR(mqp_completions_receipts(NULL, SIZE, 1, &view, sizeof(view), &text, 1, &length, &error),
                MQP_ERR_INVALID_ARGUMENT, "`completions` is NULL with `count` 1");
    CHECK_ERROR(mqp_completions_receipts(&completion, SIZE, 1, NULL, sizeof(view), &text, 1, &length, &error),
                MQP_ERR_INVALID_ARGUMENT, "`out` is NULL with `count` 1");
    CHECK_ERROR(mqp_completions_receipts(&completion, SIZE, 1, &view, sizeof(view), NULL, 1, &length, &error),
                MQP_ERR_INVALID_ARGUMENT, "`texts` is NULL with `capacity` 1");
    CHECK_OK(mqp_completions_receipts(NULL, SIZE, 0, NULL, sizeof(view), NULL, 0, &length, &error));
    CHECK(length == 0);
}

/* Where nothing was stored there is no receipt either. */
static void receipts_of_a_batch_are_read_at_once(void) {
    enum { COUNT = 3 };
    mqp_message messages[COUNT];
    mqp_batch_result *result = NULL;
    mqp_receipt_view views[COUNT], one = MQP_RECEIPT_VIEW_INIT;
    mqp_mock_fault refused = MQP_MOCK_FAULT_INIT;
    const mqp_receipt *receipt = NULL;
    char texts[COUNT * 256];
    size_t length = 0, i;
    int failed;
    for (failed = 0; failed < 2; failed++) {
        for (i = 0; i < COUNT; i++) {
            messages[i] = check_message();
        }
        if (failed) {
            refused.action = MQP_MOCK_FAULT_ANSWER;
            refused.request_code = 320;
            refused.count = 1;
            refused.response_code = 16;
            CHECK_OK(mqp_mock_cluster_push_fault(cluster, &refused, &error));
            CHECK_ERROR(mqp_producer_send_batch(producer, messages, COUNT, sizeof(mqp_message), NULL, NULL, &result, &error),
                        MQP_ERR_BROKER, "messages[0]");
        } else {
            CHECK_OK(mqp_producer_send_batch(producer, messages, COUNT, sizeof(mqp_message), NULL, NULL, &result, &error));
        }
        memset(views, 0x55, sizeof(views));
        CHECK_OK(mqp_batch_result_receipts(result, views, sizeof(views[0]), texts, sizeof(texts), &length, &error));
        CHECK(failed ? length == 0 : length > 0 && length <= sizeof(texts));
        for (i = 0; i < COUNT; i++) {
            CHECK(views[i].struct_size == sizeof(views[i]) && views[i].attempts == (failed ? 0u : 1u));
            if (!failed) {
                CHECK_OK(mqp_batch_result_get(result, i, &receipt, NULL, &error));
                CHECK_OK(mqp_receipt_get(receipt, &one, &error));
                CHECK(same(views[i].message_id, one.message_id) && same(views[i].topic, one.topic));
                CHECK(views[i].queue_offset == one.queue_offset && views[i].queue_id == one.queue_id);
            }
        }
        mqp_batch_result_free(result);
    }
    CHECK_ERROR(mqp_batch_result_receipts(NULL, views, sizeof(views[0]), texts, sizeof(texts), &length, &error),
                MQP_ERR_INVALID_ARGUMENT, "`result` is NULL");
}

/* The receipt comes with the send; only what has no room, or is more than a view tells, comes as a handle. */
static void a_send_reads_its_receipt(void) {
    mqp_message message = check_message();
    mqp_receipt_view view = MQP_RECEIPT_VIEW_INIT, one = MQP_RECEIPT_VIEW_INIT;
    mqp_mock_fault refused = MQP_MOCK_FAULT_INIT;
    mqp_receipt *receipt = NULL;
    char texts[256];
    size_t count = 0, before = 0;
    CHECK_OK(mqp_mock_cluster_message_count(cluster, message.topic, &before, &error));
    CHECK_OK(mqp_producer_send_read(producer, &message, NULL, 0, &view, texts, sizeof(texts), &receipt, &error));
    CHECK(receipt == NULL && view.send_status == MQP_SEND_OK && view.attempts == 1 && view.queue_offset >= 0);
    CHECK(view.message_id.ptr == texts && view.message_id.len == 32 && same(view.topic, message.topic));
    CHECK_OK(mqp_producer_send_read(producer, &message, NULL, 1, &view, texts, sizeof(texts), &receipt, &error));
    CHECK(receipt == NULL && view.send_status == MQP_SEND_ONEWAY && view.queue_offset == -1);
    CHECK_OK(mqp_producer_send_read(producer, &message, NULL, 0, &view, texts, 10, &receipt, &error));
    CHECK_OK(mqp_receipt_get(receipt, &one, &error));
    CHECK(view.message_id.ptr == one.message_id.ptr && view.queue_offset == one.queue_offset);
    mqp_receipt_free(receipt);
    refused.action = MQP_MOCK_FAULT_ANSWER;
    refused.request_code = 310;
    refused.count = 1;
    refused.response_code = 14;
    CHECK_OK(mqp_mock_cluster_push_fault(cluster, &refused, &error));
    CHECK_OK(mqp_producer_send_read(producer, &message, NULL, 0, &view, texts, sizeof(texts), &receipt, &error));
    CHECK(receipt != NULL && view.attempts == 2 && mqp_receipt_attempt_count(receipt) == 1);
    mqp_receipt_free(receipt);
    CHECK_OK(mqp_mock_cluster_wait(cluster, message.topic, before + 4, 30000, &error));
    CHECK_ERROR(mqp_producer_send_read(producer, &message, NULL, 2, &view, texts, 1, &receipt, &error),
                MQP_ERR_INVALID_ARGUMENT, "`oneway` is 2; it must be 0 or 1");
    CHECK_ERROR(mqp_producer_send_read(producer, &message, NULL, 0, &view, NULL, 1, &receipt, &error),
                MQP_ERR_INVALID_ARGUMENT, "`texts` is NULL with `capacity` 1");
    CHECK_ERROR(mqp_producer_send_read(producer, &message, NULL, 0, &view, NULL, 0, NULL, &error),
                MQP_ERR_INVALID_ARGUMENT, "`receipt` is NULL");
    CHECK_ERROR(mqp_producer_send_read(producer, &message, NULL, 0, NULL, texts, 1, &receipt, &error),
                MQP_ERR_INVALID_ARGUMENT, "`mqp_receipt_view` is NULL");
    view.struct_size = 1;
    CHECK_ERROR(mqp_producer_send_read(producer, &message, NULL, 0, &view, texts, 1, &receipt, &error),
                MQP_ERR_INVALID_ARGUMENT, "`mqp_receipt_view.struct_size` is 1");
    /* What is refused was not sent. */
    CHECK_OK(mqp_producer_flush(producer, 30000, &error));
    CHECK_OK(mqp_mock_cluster_message_count(cluster, message.topic, &count, &error));
    CHECK(count == before + 4);
}

int main(int argc, char **argv) {
    CHECK(argc == 2);
    nowhere = argv[1];
    CHECK_OK(mqp_mock_cluster_new(MQP_STR(""), 1, 4, &cluster, &error));
    producer = queue_producer(mqp_mock_cluster_url(cluster), "max_in_flight_messages", "100", "fail");
    queue = queue_new();
    RUN(a_route_is_found_without_waiting);
    RUN(a_route_that_is_not_found_is_told);
    RUN(a_lookup_whose_queue_is_gone);
    RUN(lookups_with_bad_input_are_refused_by_name);
    RUN(receipts_of_many_are_read_at_once);
    RUN(receipts_with_bad_input_are_refused_by_name);
    RUN(receipts_of_a_batch_are_read_at_once);
    RUN(a_send_reads_its_receipt);
    CHECK_OK(mqp_producer_close(producer, 5000, &error));
    mqp_producer_free(producer);
    mqp_completion_queue_free(queue);
    mqp_mock_cluster_free(cluster);
    return check_finish();
}
