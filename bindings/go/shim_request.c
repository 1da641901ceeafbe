#include "shim_internal.h"

mqp_error *mqpgo_received_get(const mqp_received_message *message, mqp_received_message_view *view) {
    mqp_error *error = NULL;
    mqp_received_message_view empty = MQP_RECEIVED_MESSAGE_VIEW_INIT;
    *view = empty;
    mqp_received_message_get(message, view, &error);
    if (view->body.len == 0) {
        view->body.ptr = NULL;
    }
    return error;
}

static void replied(void *user_data, const mqp_request_completion *completion) {
    mqp_error_view failure = MQP_ERROR_VIEW_INIT;
    if (completion->error != NULL) {
        mqp_error_get(completion->error, &failure, NULL);
    }
    mqpgo_enter_callback();
    mqpgoCompleteRequest((uintptr_t)user_data, (mqp_received_message *)completion->reply,
                         completion->error != NULL ? &failure : NULL, (mqp_error *)completion->error);
    mqpgo_leave_callback();
}

mqp_error *mqpgo_request_async(mqp_producer *producer, const char *text, const size_t *lengths, const uint8_t *body,
                               const mqpgo_message *message, const mqpgo_options *options, uintptr_t handle) {
    mqpgo_unpacked send;
    mqpgo_unpack(&send, (mqpgo_texts){text, lengths}, body, message, options);
    // The time is that of the whole request: its sending has no other.
    send.options.timeout_ms = 0;
    mqp_request_callback callback = {replied, (void *)handle, NULL};
    mqp_error *error = NULL;
    mqp_producer_request_async(producer, &send.message, &send.options, options->timeout_ms, callback, &error);
    mqpgo_put_back(&send);
    return error;
}

mqp_error *mqpgo_reply_async(mqp_producer *producer, const char *text, const size_t *lengths, const uint8_t *body,
                             const mqpgo_message *message, const mqpgo_options *options, uint32_t ttl_ms,
                             uintptr_t handle) {
    mqpgo_texts texts = {text, lengths};
    mqp_reply_to to = MQP_REPLY_TO_INIT;
    to.ttl_ms = ttl_ms;
    to.correlation_id = mqpgo_next(&texts);
    to.reply_to_client = mqpgo_next(&texts);
    to.cluster = mqpgo_next(&texts);
    mqpgo_unpacked send;
    mqpgo_unpack(&send, texts, body, message, options);
    // Nothing is left to drop: the call takes the handle back.
    mqp_callback callback = {mqpgo_told, (void *)handle, NULL};
    mqp_error *error = NULL;
    mqp_producer_reply_async(producer, &to, &send.message, &send.options, callback, &error);
    mqpgo_put_back(&send);
    return error;
}
