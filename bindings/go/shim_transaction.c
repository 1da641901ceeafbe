#include "shim_internal.h"

static uint32_t check(void *user_data, const mqp_received_message *message) {
    mqpgo_enter_callback();
    uint32_t state = mqpgoCheckTransaction((uintptr_t)user_data, (mqp_received_message *)message);
    mqpgo_leave_callback();
    return state;
}

mqp_error *mqpgo_set_transaction_checker(mqp_producer *producer, uintptr_t handle) {
    mqp_error *error = NULL;
    mqp_transaction_checker checker = {check, (void *)handle, mqpgo_drop};
    mqp_producer_set_transaction_checker(producer, checker, &error);
    return error;
}

mqp_error *mqpgo_transaction_send(mqp_transaction *transaction, const char *text, const size_t *lengths,
                                  const uint8_t *body, const mqpgo_message *message, const mqpgo_options *options,
                                  mqp_receipt **receipt, mqp_receipt_view *view) {
    mqpgo_unpacked send;
    mqpgo_unpack(&send, (mqpgo_texts){text, lengths}, body, message, options);
    mqp_error *error = NULL;
    mqp_status status = mqp_transaction_send(transaction, &send.message, &send.options, receipt, &error);
    mqpgo_read_receipt(status, *receipt, view, &error);
    mqpgo_put_back(&send);
    return error;
}

mqp_error *mqpgo_recall(mqp_producer *producer, const char *text, const size_t *lengths, uint32_t timeout_ms,
                        mqp_receipt **receipt, mqp_receipt_view *view) {
    mqpgo_texts texts = {text, lengths};
    mqp_str topic = mqpgo_next(&texts);
    mqp_str recall_handle = mqpgo_next(&texts);
    mqp_error *error = NULL;
    mqp_status status = mqp_producer_recall(producer, topic, recall_handle, timeout_ms, receipt, &error);
    mqpgo_read_receipt(status, *receipt, view, &error);
    return error;
}
