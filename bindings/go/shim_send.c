#include "shim_internal.h"

// How many callbacks this thread is inside of.
static __thread int callback_depth;

// The context of the call that this thread is inside of; 0: none.
static __thread uintptr_t call_context;

void mqpgo_enter_callback(void) { callback_depth++; }

void mqpgo_leave_callback(void) { callback_depth--; }

int mqpgo_in_callback(void) { return callback_depth > 0; }

uintptr_t mqpgo_set_context(uintptr_t context) {
    uintptr_t outer = call_context;
    call_context = context;
    return outer;
}

uintptr_t mqpgo_context(void) { return call_context; }

mqp_str mqpgo_next(mqpgo_texts *texts) {
    mqp_str part = {texts->text, *texts->lengths++};
    texts->text += part.len;
    return part;
}

void *mqpgo_allocate(size_t count, size_t size) {
    void *memory = calloc(count, size);
    if (memory == NULL) {
        abort();
    }
    return memory;
}

static size_t choose(void *user_data, const mqp_queue *queues, size_t count, size_t element_size) {
    mqpgo_enter_callback();
    size_t index = mqpgoChoose((uintptr_t)user_data, (mqp_queue *)queues, count, element_size);
    mqpgo_leave_callback();
    return index;
}

mqp_send_options mqpgo_read_options(mqpgo_texts *texts, const mqpgo_options *from) {
    mqp_send_options options = MQP_SEND_OPTIONS_INIT;
    options.sharding_key = mqpgo_next(texts);
    options.broker_name = mqpgo_next(texts);
    options.machine_rooms = mqpgo_next(texts);
    options.timeout_ms = from->timeout_ms;
    options.selector = from->selector;
    options.queue_id = from->queue_id;
    options.awaited = from->awaited;
    if (from->chooser != 0) {
        options.queue_selector.call = choose;
        options.queue_selector.user_data = (void *)from->chooser;
    }
    return options;
}

mqp_message mqpgo_read_message(mqpgo_texts *texts, const uint8_t *body, const mqpgo_message *numbers,
                               mqp_property *properties) {
    mqp_message message = MQP_MESSAGE_INIT;
    message.topic = mqpgo_next(texts);
    message.tags = mqpgo_next(texts);
    message.keys = mqpgo_next(texts);
    message.lite_topic = mqpgo_next(texts);
    message.sharding_key = mqpgo_next(texts);
    message.trace_parent = mqpgo_next(texts);
    for (size_t i = 0; i < numbers->property_count; i++) {
        properties[i].name = mqpgo_next(texts);
        properties[i].value = mqpgo_next(texts);
    }
    message.properties = properties;
    message.property_count = numbers->property_count;
    message.body.ptr = body;
    message.body.len = numbers->body_length;
    message.flag = numbers->flag;
    message.no_wait_store = numbers->no_wait_store;
    message.delay_level = numbers->delay_level;
    message.has_priority = numbers->has_priority;
    message.priority = numbers->priority;
    message.delay_seconds = numbers->delay_seconds;
    message.delay_ms = numbers->delay_ms;
    message.deliver_at_ms = numbers->deliver_at_ms;
    message.jms = mqpgo_read_jms(texts, numbers);
    return message;
}

void mqpgo_unpack(mqpgo_unpacked *into, mqpgo_texts texts, const uint8_t *body, const mqpgo_message *message,
                  const mqpgo_options *options) {
    mqp_property *properties = into->few;
    into->many = NULL;
    if (message->property_count > MQPGO_FEW_PROPERTIES) {
        properties = into->many = mqpgo_allocate(message->property_count, sizeof(mqp_property));
    }
    into->options = mqpgo_read_options(&texts, options);
    into->message = mqpgo_read_message(&texts, body, message, properties);
    into->outer_context = mqpgo_set_context(options->context);
}

void mqpgo_put_back(mqpgo_unpacked *send) {
    mqpgo_set_context(send->outer_context);
    mqpgo_free_jms(&send->message);
    free(send->many);
}

void mqpgo_read_ending(mqpgo_ending *into, mqp_status status, const mqp_receipt *receipt, const mqp_error *error) {
    mqp_receipt_view no_receipt = MQP_RECEIPT_VIEW_INIT;
    mqp_error_view no_failure = MQP_ERROR_VIEW_INIT;
    into->receipt = no_receipt;
    into->failure = no_failure;
    into->failed = NULL;
    into->unread = NULL;
    if (status == MQP_OK && mqp_receipt_get(receipt, &into->receipt, &into->unread) != MQP_OK) {
        error = into->unread;
    }
    into->stored = error == NULL ? (mqp_receipt *)receipt : NULL;
    into->why = (mqp_error *)error;
    if (error != NULL) {
        mqp_error_get(error, &into->failure, NULL);
        into->failed = &into->failure;
    }
}

void mqpgo_read_receipt(mqp_status status, const mqp_receipt *receipt, mqp_receipt_view *view, mqp_error **error) {
    mqp_receipt_view empty = MQP_RECEIPT_VIEW_INIT;
    *view = empty;
    if (status == MQP_OK) {
        mqp_receipt_get(receipt, view, error);
    }
}

void mqpgo_told(void *user_data, const mqp_completion *completion) {
    mqpgo_ending end;
    mqpgo_read_ending(&end, completion->status, completion->receipt, completion->error);
    mqpgo_enter_callback();
    mqpgoComplete((uintptr_t)user_data, &end.receipt, end.failed, end.stored, end.why);
    mqpgo_leave_callback();
    mqp_error_free(end.unread);
}

void mqpgo_read_row(mqpgo_row *row, const mqp_receipt_view *view, const char *texts) {
    const mqp_str from[MQPGO_TEXTS] = {
        view->message_id,     view->offset_message_id, view->topic,         view->broker_name,
        view->transaction_id, view->region_id,         view->recall_handle,
    };
    row->queue_offset = view->queue_offset;
    row->send_status = view->send_status;
    row->attempts = view->attempts;
    row->queue_id = view->queue_id;
    for (int i = 0; i < MQPGO_TEXTS; i++) {
        row->at[i] = from[i].len == 0 ? 0 : (uint32_t)(from[i].ptr - texts);
        row->length[i] = (uint32_t)from[i].len;
    }
}

mqp_error *mqpgo_send_now(mqp_producer *producer, const char *text, const size_t *lengths, const uint8_t *body,
                          const mqpgo_message *message, const mqpgo_options *options, uint32_t oneway,
                          mqpgo_read *told) {
    mqpgo_unpacked send;
    mqpgo_unpack(&send, (mqpgo_texts){text, lengths}, body, message, options);
    mqp_receipt_view view = MQP_RECEIPT_VIEW_INIT;
    mqp_error *error = NULL;
    mqp_status status = mqp_producer_send_read(producer, &send.message, &send.options, oneway, &view, told->texts,
                                               sizeof(told->texts), &told->more, &error);
    if (status == MQP_OK && told->more == NULL) {
        mqpgo_read_row(&told->row, &view, told->texts);
    }
    mqpgo_put_back(&send);
    return error;
}
