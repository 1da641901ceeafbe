#include "shim_internal.h"

// The messages of a batch and their options, until put_back.
typedef struct {
    mqp_message *messages;
    size_t count;
    mqp_property *properties;
    mqp_send_options options;
    mqp_batch_options batch_options;
    // The context of the call that this one is made inside of; 0: none.
    uintptr_t outer_context;
} batch;

static void unpack(batch *into, mqpgo_texts texts, const uint8_t *bodies, const mqpgo_message *messages, size_t count,
                   const mqpgo_options *options, uint32_t split_bytes) {
    size_t property_count = 0;
    for (size_t i = 0; i < count; i++) {
        property_count += messages[i].property_count;
    }
    // None is no reason to ask for no memory, whose answer may be NULL.
    into->messages = mqpgo_allocate(count + 1, sizeof(mqp_message));
    into->count = count;
    into->properties = mqpgo_allocate(property_count + 1, sizeof(mqp_property));
    into->options = mqpgo_read_options(&texts, options);
    mqp_batch_options batch_options = MQP_BATCH_OPTIONS_INIT;
    batch_options.split_bytes = split_bytes;
    into->batch_options = batch_options;
    mqp_property *properties = into->properties;
    for (size_t i = 0; i < count; i++) {
        into->messages[i] = mqpgo_read_message(&texts, bodies, &messages[i], properties);
        bodies += messages[i].body_length;
        properties += messages[i].property_count;
    }
    into->outer_context = mqpgo_set_context(options->context);
}

static void put_back(batch *send) {
    mqpgo_set_context(send->outer_context);
    for (size_t i = 0; i < send->count; i++) {
        mqpgo_free_jms(&send->messages[i]);
    }
    free(send->messages);
    free(send->properties);
}

static void told(void *user_data, const mqp_batch_completion *completion) {
    mqp_error_view failure = MQP_ERROR_VIEW_INIT;
    if (completion->error != NULL) {
        mqp_error_get(completion->error, &failure, NULL);
    }
    mqpgo_enter_callback();
    mqpgoCompleteBatch((uintptr_t)user_data, (mqp_batch_result *)completion->result,
                       completion->error != NULL ? &failure : NULL, (mqp_error *)completion->error);
    mqpgo_leave_callback();
}

mqp_error *mqpgo_send_batch_async(mqp_producer *producer, const char *text, const size_t *lengths,
                                  const uint8_t *bodies, const mqpgo_message *messages, size_t count,
                                  const mqpgo_options *options, uint32_t split_bytes, uintptr_t handle) {
    batch send;
    unpack(&send, (mqpgo_texts){text, lengths}, bodies, messages, count, options, split_bytes);
    mqp_batch_callback callback = {told, (void *)handle, NULL};
    mqp_error *error = NULL;
    mqp_producer_send_batch_async(producer, send.messages, count, sizeof(mqp_message), &send.options,
                                  &send.batch_options, callback, &error);
    put_back(&send);
    return error;
}

mqp_error *mqpgo_send_batch_now(mqp_producer *producer, const char *text, const size_t *lengths, const uint8_t *bodies,
                                const mqpgo_message *messages, size_t count, const mqpgo_options *options,
                                uint32_t split_bytes, uint32_t oneway, mqp_batch_result **result) {
    batch send;
    unpack(&send, (mqpgo_texts){text, lengths}, bodies, messages, count, options, split_bytes);
    mqp_error *error = NULL;
    (oneway == 1 ? mqp_producer_send_batch_oneway : mqp_producer_send_batch)(
        producer, send.messages, count, sizeof(mqp_message), &send.options, &send.batch_options, result, &error);
    put_back(&send);
    return error;
}

mqp_error *mqpgo_batch_rows(const mqp_batch_result *result, mqpgo_row *rows, char *texts, size_t capacity,
                            size_t *used) {
    size_t count = mqp_batch_result_count(result);
    mqp_receipt_view *views = mqpgo_allocate(count, sizeof(mqp_receipt_view));
    mqp_error *error = NULL;
    mqp_batch_result_receipts(result, views, sizeof(mqp_receipt_view), texts, capacity, used, &error);
    for (size_t i = 0; i < count && error == NULL && *used <= capacity; i++) {
        mqpgo_read_row(&rows[i], &views[i], texts);
    }
    free(views);
    return error;
}

mqp_error *mqpgo_batch_end(const mqp_batch_result *result, size_t index, mqp_receipt_view *receipt,
                           mqp_error_view *failure, mqp_receipt **stored, mqp_error **why) {
    mqp_receipt_view no_receipt = MQP_RECEIPT_VIEW_INIT;
    mqp_error_view no_failure = MQP_ERROR_VIEW_INIT;
    *receipt = no_receipt;
    *failure = no_failure;
    mqp_error *error = NULL;
    *stored = NULL;
    *why = NULL;
    if (mqp_batch_result_get(result, index, (const mqp_receipt **)stored, (const mqp_error **)why, &error) != MQP_OK) {
        return error;
    }
    if (*why != NULL) {
        mqp_error_get(*why, failure, &error);
    } else {
        mqp_receipt_get(*stored, receipt, &error);
    }
    return error;
}
