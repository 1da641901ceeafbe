#include "shim_internal.h"

mqp_error *mqpgo_mock_cluster_new(const char *name, size_t name_length, uint32_t brokers, uint32_t queues,
                                  mqp_mock_cluster **out) {
    mqp_error *error = NULL;
    mqp_mock_cluster_new((mqp_str){name, name_length}, brokers, queues, out, &error);
    return error;
}

mqp_error *mqpgo_mock_cluster_messages(const mqp_mock_cluster *cluster, const char *topic, size_t topic_length,
                                       mqp_mock_messages **out) {
    mqp_error *error = NULL;
    mqp_mock_cluster_messages(cluster, (mqp_str){topic, topic_length}, out, &error);
    return error;
}

mqp_error *mqpgo_mock_cluster_count(const mqp_mock_cluster *cluster, const char *topic, size_t topic_length,
                                    size_t *out) {
    mqp_error *error = NULL;
    mqp_mock_cluster_message_count(cluster, (mqp_str){topic, topic_length}, out, &error);
    return error;
}

mqp_error *mqpgo_mock_cluster_wait(const mqp_mock_cluster *cluster, const char *topic, size_t topic_length,
                                   size_t count, uint32_t timeout_ms) {
    mqp_error *error = NULL;
    mqp_mock_cluster_wait(cluster, (mqp_str){topic, topic_length}, count, timeout_ms, &error);
    return error;
}

mqp_error *mqpgo_mock_cluster_push_fault(const mqp_mock_cluster *cluster, const char *text, const size_t *lengths,
                                         const mqpgo_fault *from) {
    mqpgo_texts texts = {text, lengths};
    mqp_mock_fault fault = MQP_MOCK_FAULT_INIT;
    fault.broker = mqpgo_next(&texts);
    fault.remark = mqpgo_next(&texts);
    mqp_str bytes = mqpgo_next(&texts);
    fault.bytes.ptr = (const uint8_t *)bytes.ptr;
    fault.bytes.len = bytes.len;
    fault.action = from->action;
    fault.request_code = from->request_code;
    fault.count = from->count;
    fault.response_code = from->response_code;
    fault.delay_ms = from->delay_ms;
    mqp_error *error = NULL;
    mqp_mock_cluster_push_fault(cluster, &fault, &error);
    return error;
}

mqp_error *mqpgo_mock_cluster_set_broker_state(const mqp_mock_cluster *cluster, const char *broker,
                                               size_t broker_length, uint32_t state) {
    mqp_error *error = NULL;
    mqp_mock_cluster_set_broker_state(cluster, (mqp_str){broker, broker_length}, state, &error);
    return error;
}

mqp_error *mqpgo_mock_cluster_requests(const mqp_mock_cluster *cluster, const char *broker, size_t broker_length,
                                       int32_t request_code, mqp_mock_requests **out) {
    mqp_error *error = NULL;
    mqp_mock_cluster_requests(cluster, (mqp_str){broker, broker_length}, request_code, out, &error);
    return error;
}

mqp_error *mqpgo_mock_request_get(const mqp_mock_requests *requests, size_t index, mqp_mock_request_view *view) {
    mqp_error *error = NULL;
    mqp_mock_request_view empty = MQP_MOCK_REQUEST_VIEW_INIT;
    *view = empty;
    mqp_mock_requests_get(requests, index, view, &error);
    if (view->body.len == 0) {
        view->body.ptr = NULL;
    }
    if (view->field_count == 0) {
        view->fields = NULL;
    }
    return error;
}

mqp_error *mqpgo_mock_cluster_wait_requests(const mqp_mock_cluster *cluster, const char *broker, size_t broker_length,
                                            int32_t request_code, size_t count, uint32_t timeout_ms) {
    mqp_error *error = NULL;
    mqp_mock_cluster_wait_requests(cluster, (mqp_str){broker, broker_length}, request_code, count, timeout_ms, &error);
    return error;
}

mqp_error *mqpgo_mock_cluster_echo(mqp_mock_cluster *cluster, const char *topic, size_t topic_length) {
    mqp_error *error = NULL;
    mqp_mock_cluster_echo(cluster, (mqp_str){topic, topic_length}, &error);
    return error;
}
