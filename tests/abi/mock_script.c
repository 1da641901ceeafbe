/* Faults, servers that go and come back, and the list of requests, through C. */
#include "check.h"

#include <pthread.h>

#define SEND 310
#define ROUTE 105

static mqp_mock_cluster *cluster;
static mqp_producer *producer;

static mqp_mock_fault fault_of(uint32_t action) {
    mqp_mock_fault fault = MQP_MOCK_FAULT_INIT;
    fault.action = action;
    fault.request_code = SEND;
    fault.count = 1;
    return fault;
}

static size_t stored(void) {
    size_t count = 0;
    CHECK_OK(mqp_mock_cluster_message_count(cluster, MQP_STR(""), &count, &error));
    return count;
}

static mqp_status sent(uint32_t timeout_ms) {
    mqp_message message = check_message();
    mqp_send_options options = MQP_SEND_OPTIONS_INIT;
    options.timeout_ms = timeout_ms;
    return mqp_producer_send(producer, &message, &options, NULL, NULL);
}

/* A message meets an action: how its send ends, and how much of it is stored. */
static void met(mqp_mock_fault fault, uint32_t timeout_ms, mqp_status expected, size_t count) {
    mqp_mock_requests *requests = NULL;
    mqp_mock_request_view view = MQP_MOCK_REQUEST_VIEW_INIT;
    CHECK_OK(mqp_mock_cluster_clear(cluster, &error));
    CHECK_OK(mqp_mock_cluster_clear_requests(cluster, &error));
    CHECK_OK(mqp_mock_cluster_push_fault(cluster, &fault, &error));
    CHECK(sent(timeout_ms) == expected);
    CHECK_OK(mqp_mock_cluster_wait_requests(cluster, MQP_STR("broker-a"), SEND, 1, 20000, &error));
    CHECK(stored() == count);
    CHECK_OK(mqp_mock_cluster_requests(cluster, MQP_STR("0"), SEND, &requests, &error));
    CHECK(mqp_mock_requests_count(requests) == 1 && mqp_mock_requests_dropped(requests) == 0);
    CHECK_OK(mqp_mock_requests_get(requests, 0, &view, &error));
    CHECK(view.fault == fault.action && view.code == SEND && view.oneway == 0);
    mqp_mock_requests_free(requests);
    CHECK(sent(20000) == MQP_OK && stored() == count + 1);
}

static void each_action_ends_as_it_says(void) {
    mqp_mock_fault fault = fault_of(MQP_MOCK_FAULT_ANSWER);
    fault.response_code = 13;
    met(fault, 20000, MQP_ERR_BROKER, 0);
    fault = fault_of(MQP_MOCK_FAULT_CHANGE_ANSWER);
    fault.response_code = 16;
    fault.remark = MQP_STR("stored, all the same");
    met(fault, 20000, MQP_ERR_BROKER, 1);
    fault = fault_of(MQP_MOCK_FAULT_DELAY);
    fault.delay_ms = 50;
    met(fault, 20000, MQP_OK, 1);
    met(fault_of(MQP_MOCK_FAULT_DROP), 200, MQP_ERR_TIMEOUT, 0);
    met(fault_of(MQP_MOCK_FAULT_LOSE_ANSWER), 200, MQP_ERR_TIMEOUT, 1);
    met(fault_of(MQP_MOCK_FAULT_CLOSE_BEFORE), 20000, MQP_ERR_CONNECTION_LOST, 0);
    met(fault_of(MQP_MOCK_FAULT_CLOSE_AFTER), 20000, MQP_ERR_CONNECTION_LOST, 1);
    met(fault_of(MQP_MOCK_FAULT_HALF_ANSWER), 20000, MQP_ERR_CONNECTION_LOST, 1);
    fault = fault_of(MQP_MOCK_FAULT_GARBAGE);
    met(fault, 20000, MQP_ERR_PROTOCOL, 0);
    fault.bytes.ptr = (const uint8_t *)"\0\0\0\x07\0\0\0\x03{x}";
    fault.bytes.len = 11;
    met(fault, 20000, MQP_ERR_PROTOCOL, 0);
    fault = fault_of(MQP_MOCK_FAULT_STOP_READING);
    fault.delay_ms = 50;
    met(fault, 20000, MQP_OK, 1);
}

static void faults_come_in_order_and_are_cleared(void) {
    mqp_mock_fault first = fault_of(MQP_MOCK_FAULT_ANSWER), second = first;
    mqp_message message = check_message();
    mqp_error *failure = NULL;
    mqp_error_view view = MQP_ERROR_VIEW_INIT;
    int i;
    first.response_code = 13;
    first.remark = MQP_STR("twice");
    first.broker = MQP_STR("broker-a");
    first.count = 2;
    second.response_code = 16;
    second.count = 0;
    CHECK_OK(mqp_mock_cluster_push_fault(cluster, &first, &error));
    CHECK_OK(mqp_mock_cluster_push_fault(cluster, &second, &error));
    for (i = 0; i < 5; i++) {
        CHECK(mqp_producer_send(producer, &message, NULL, NULL, &failure) == MQP_ERR_BROKER);
        CHECK_OK(mqp_error_get(failure, &view, &error));
        CHECK(view.broker_code == (i < 2 ? 13 : 16) && strcmp(view.remark.ptr, i < 2 ? "twice" : "") == 0);
        mqp_error_free(failure);
    }
    CHECK_OK(mqp_mock_cluster_clear_faults(cluster, &error));
    CHECK(sent(20000) == MQP_OK);
}

static void *send_soon(void *result) {
    *(mqp_status *)result = sent(60000);
    return NULL;
}

static void a_connection_goes_on_when_faults_are_cleared(void) {
    mqp_mock_fault fault = fault_of(MQP_MOCK_FAULT_STOP_READING);
    mqp_status ended = MQP_ERR_INTERNAL;
    pthread_t thread;
    CHECK_OK(mqp_mock_cluster_clear_requests(cluster, &error));
    CHECK_OK(mqp_mock_cluster_clear(cluster, &error));
    CHECK_OK(mqp_mock_cluster_push_fault(cluster, &fault, &error));
    CHECK(pthread_create(&thread, NULL, send_soon, &ended) == 0);
    CHECK_OK(mqp_mock_cluster_wait_requests(cluster, MQP_STR(""), SEND, 1, 20000, &error));
    CHECK(stored() == 0);
    CHECK_OK(mqp_mock_cluster_clear_faults(cluster, &error));
    CHECK(pthread_join(thread, NULL) == 0 && ended == MQP_OK && stored() == 1);
}

static void servers_go_and_come_back(void) {
    mqp_str a = MQP_STR("broker-a"), names = MQP_STR("name-server");
    mqp_producer *other;
    mqp_message message = check_message();
    CHECK_OK(mqp_mock_cluster_set_broker_state(cluster, a, MQP_MOCK_BROKER_STOPPED, &error));
    /* The first may still go to the connection that died. */
    CHECK(sent(20000) != MQP_OK);
    CHECK(sent(20000) == MQP_ERR_CONNECT);
    CHECK_OK(mqp_mock_cluster_set_broker_state(cluster, a, MQP_MOCK_BROKER_UP, &error));
    CHECK(sent(20000) == MQP_OK);

    CHECK_OK(mqp_mock_cluster_set_broker_state(cluster, a, MQP_MOCK_BROKER_OUT_OF_ROUTE, &error));
    other = check_start(check_config(mqp_mock_cluster_url(cluster)));
    CHECK_ERROR(mqp_producer_send(other, &message, NULL, NULL, &error), MQP_ERR_NO_ROUTE, "abi-test");
    CHECK(sent(20000) == MQP_OK);
    CHECK_OK(mqp_mock_cluster_set_broker_state(cluster, a, MQP_MOCK_BROKER_UP, &error));
    CHECK_OK(mqp_producer_send(other, &message, NULL, NULL, &error));
    mqp_producer_free(other);

    CHECK_OK(mqp_mock_cluster_set_broker_state(cluster, names, MQP_MOCK_BROKER_STOPPED, &error));
    other = check_start(check_config(mqp_mock_cluster_url(cluster)));
    CHECK_ERROR(mqp_producer_send(other, &message, NULL, NULL, &error), MQP_ERR_NO_NAME_SERVER, "127.0.0.1");
    CHECK_OK(mqp_mock_cluster_set_broker_state(cluster, names, MQP_MOCK_BROKER_UP, &error));
    CHECK_OK(mqp_producer_send(other, &message, NULL, NULL, &error));
    mqp_producer_free(other);
}

/* The value of a field, "" when it is missing; steps as the view says. */
static const char *field(const mqp_mock_request_view *view, const char *name) {
    const char *element = (const char *)view->fields;
    size_t i;
    for (i = 0; i < view->field_count; i++, element += view->field_size) {
        const mqp_property *one = (const mqp_property *)(const void *)element;
        if (strcmp(one->name.ptr, name) == 0) {
            return one->value.ptr;
        }
    }
    return "";
}

static void requests_are_listed_as_they_came(void) {
    mqp_message message = check_message();
    mqp_mock_requests *requests = NULL, *routes = NULL;
    mqp_mock_request_view view = MQP_MOCK_REQUEST_VIEW_INIT, next = MQP_MOCK_REQUEST_VIEW_INIT;
    CHECK_OK(mqp_mock_cluster_clear_requests(cluster, &error));
    CHECK_OK(mqp_producer_send(producer, &message, NULL, NULL, &error));
    CHECK_OK(mqp_producer_send_oneway(producer, &message, NULL, NULL, &error));
    CHECK_OK(mqp_mock_cluster_wait_requests(cluster, MQP_STR(""), 0, 2, 20000, &error));
    CHECK_ERROR(mqp_mock_cluster_wait_requests(cluster, MQP_STR("0"), SEND, 3, 0, &error), MQP_ERR_TIMEOUT,
                "2 of 3 requests after 0 ms");
    CHECK_OK(mqp_mock_cluster_requests(cluster, MQP_STR(""), SEND, &requests, &error));
    CHECK(mqp_mock_requests_count(requests) == 2);
    CHECK_OK(mqp_mock_requests_get(requests, 0, &view, &error));
    CHECK_OK(mqp_mock_requests_get(requests, 1, &next, &error));
    CHECK(strcmp(view.broker_name.ptr, "broker-a") == 0 && view.oneway == 0 && next.oneway == 1);
    CHECK(view.opaque != next.opaque && view.fault == MQP_MOCK_FAULT_NONE);
    CHECK(view.body.len == 3 && memcmp(view.body.ptr, "a\0b", 3) == 0);
    CHECK(strcmp(field(&view, "a"), "abi-test") == 0 && strcmp(field(&view, "b"), "abi-test") == 0);
    CHECK(strcmp(field(&view, "none"), "") == 0);
    CHECK(view.timestamp > 0 && next.timestamp >= view.timestamp);
    CHECK_ERROR(mqp_mock_requests_get(requests, 2, &view, &error), MQP_ERR_INVALID_ARGUMENT, "there are 2 requests");
    CHECK_OK(mqp_mock_cluster_requests(cluster, MQP_STR("name-server"), SEND, &routes, &error));
    CHECK(mqp_mock_requests_count(routes) == 0);
    mqp_mock_requests_free(routes);
    CHECK_OK(mqp_mock_cluster_clear_requests(cluster, &error));
    CHECK(mqp_mock_requests_count(requests) == 2);
    mqp_mock_requests_free(requests);
}

static void wrong_values_are_refused_by_name(void) {
    mqp_mock_fault fault = fault_of(0), good = fault_of(MQP_MOCK_FAULT_DROP);
    mqp_mock_requests *requests = NULL;
    mqp_mock_request_view view = MQP_MOCK_REQUEST_VIEW_INIT;
    mqp_str none = MQP_STR("");
#define REFUSED(part) \
    CHECK_ERROR(mqp_mock_cluster_push_fault(cluster, &fault, &error), MQP_ERR_INVALID_ARGUMENT, part)
    REFUSED("`action` is 0; it must be 1 to 10");
    fault.action = 11;
    REFUSED("`action` is 11; it must be 1 to 10");
    fault = good;
    fault.broker = MQP_STR("broker-b");
    REFUSED("`broker` is `broker-b`; there are `broker-a` to `broker-a`");
    fault.broker.ptr = NULL;
    REFUSED("`broker` is NULL with the length 8");
    fault = good;
    fault.response_code = 13;
    REFUSED("`response_code` is set, but the `action` 4 does not read it");
    fault = good;
    fault.remark = MQP_STR("x");
    REFUSED("`remark` is set, but the `action` 4");
    fault = good;
    fault.bytes.ptr = (const uint8_t *)"x";
    fault.bytes.len = 1;
    REFUSED("`bytes` is set, but the `action` 4");
    fault = good;
    fault.delay_ms = 1;
    REFUSED("`delay` is 1 ms, but no answer comes");
    fault = fault_of(MQP_MOCK_FAULT_DELAY);
    REFUSED("`delay` is 0 ms");
    fault.delay_ms = 3600001;
    REFUSED("`delay` is 3600001 ms; the maximum is 3600000 ms");
    fault.struct_size = 71;
    REFUSED("`mqp_mock_fault.struct_size` is 71; the minimum is 72");
    CHECK_ERROR(mqp_mock_cluster_push_fault(cluster, NULL, &error), MQP_ERR_INVALID_ARGUMENT, "`mqp_mock_fault` is NULL");
    CHECK_ERROR(mqp_mock_cluster_push_fault(NULL, &good, &error), MQP_ERR_INVALID_ARGUMENT, "`cluster` is NULL");
    CHECK_ERROR(mqp_mock_cluster_clear_faults(NULL, &error), MQP_ERR_INVALID_ARGUMENT, "`cluster` is NULL");
    CHECK_ERROR(mqp_mock_cluster_set_broker_state(NULL, none, 0, &error), MQP_ERR_INVALID_ARGUMENT, "`cluster` is NULL");
    CHECK_ERROR(mqp_mock_cluster_set_broker_state(cluster, MQP_STR("0"), 4, &error), MQP_ERR_INVALID_ARGUMENT,
                "`state` is 4; the maximum is 3");
    CHECK_ERROR(mqp_mock_cluster_set_broker_state(cluster, none, 0, &error), MQP_ERR_INVALID_ARGUMENT, "`broker` is ``");
    CHECK_ERROR(mqp_mock_cluster_set_broker_state(cluster, MQP_STR("name-server"), 1, &error),
                MQP_ERR_INVALID_ARGUMENT, "which no route can lose");
    CHECK_ERROR(mqp_mock_cluster_requests(NULL, none, 0, &requests, &error), MQP_ERR_INVALID_ARGUMENT,
                "`cluster` is NULL");
    CHECK_ERROR(mqp_mock_cluster_requests(cluster, none, 0, NULL, &error), MQP_ERR_INVALID_ARGUMENT, "`out` is NULL");
    CHECK_ERROR(mqp_mock_cluster_requests(cluster, MQP_STR("1"), 0, &requests, &error), MQP_ERR_INVALID_ARGUMENT,
                "`broker` is `1`");
    CHECK(requests == NULL);
    CHECK_ERROR(mqp_mock_cluster_wait_requests(cluster, MQP_STR("1"), 0, 0, 0, &error), MQP_ERR_INVALID_ARGUMENT,
                "`broker` is `1`");
    CHECK_ERROR(mqp_mock_cluster_wait_requests(NULL, none, 0, 0, 0, &error), MQP_ERR_INVALID_ARGUMENT,
                "`cluster` is NULL");
    CHECK_ERROR(mqp_mock_cluster_clear_requests(NULL, &error), MQP_ERR_INVALID_ARGUMENT, "`cluster` is NULL");
    CHECK_ERROR(mqp_mock_requests_get(NULL, 0, &view, &error), MQP_ERR_INVALID_ARGUMENT, "`requests` is NULL");
    CHECK(mqp_mock_requests_count(NULL) == 0 && mqp_mock_requests_dropped(NULL) == 0);
    mqp_mock_requests_free(NULL);
    /* Of all that was refused nothing stays. */
    CHECK(sent(20000) == MQP_OK);
}

static void on_end(void *user_data, const mqp_completion *completion) {
    mqp_status *seen = (mqp_status *)user_data;
    (void)completion;
    seen[0] = mqp_mock_cluster_set_broker_state(cluster, MQP_STR("0"), MQP_MOCK_BROKER_STOPPED, NULL);
    seen[1] = mqp_mock_cluster_wait_requests(cluster, MQP_STR("0"), SEND, 0, 0, NULL);
}

static void what_blocks_is_refused_inside_a_callback(void) {
    mqp_message message = check_message();
    mqp_status seen[2] = {MQP_OK, MQP_OK};
    mqp_callback callback = {on_end, NULL, NULL};
    callback.user_data = seen;
    CHECK_OK(mqp_producer_send_async(producer, &message, NULL, callback, &error));
    CHECK_OK(mqp_producer_flush(producer, 20000, &error));
    CHECK(seen[0] == MQP_ERR_WOULD_DEADLOCK && seen[1] == MQP_ERR_WOULD_DEADLOCK);
}

int main(void) {
    mqp_config *config;
    CHECK_OK(mqp_mock_cluster_new(MQP_STR(""), 1, 4, &cluster, &error));
    config = check_config(mqp_mock_cluster_url(cluster));
    CHECK_OK(mqp_config_set(config, MQP_STR("retry_times_when_send_failed"), MQP_STR("0"), &error));
    producer = check_start(config);
    CHECK(sent(20000) == MQP_OK);
    RUN(each_action_ends_as_it_says);
    RUN(faults_come_in_order_and_are_cleared);
    RUN(a_connection_goes_on_when_faults_are_cleared);
    RUN(servers_go_and_come_back);
    RUN(requests_are_listed_as_they_came);
    RUN(wrong_values_are_refused_by_name);
    RUN(what_blocks_is_refused_inside_a_callback);
    CHECK_OK(mqp_producer_close(producer, 5000, &error));
    mqp_producer_free(producer);
    mqp_mock_cluster_free(cluster);
    return check_finish();
}
