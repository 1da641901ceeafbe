/* Hooks of C: what they are shown, how often they run, and who gives their user data back. */
#include "check.h"

#include <pthread.h>

typedef struct {
    int checks, befores, afters, drops, fields_agree, forbids;
    mqp_status status;
    uint32_t attempts, mode;
    uint64_t cost_us;
    mqp_receipt *receipt;
    mqp_error *error;
    char message_id[64];
} record;

static const char *url;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int is(mqp_str text, const char *expected) {
    return text.len == strlen(expected) && memcmp(text.ptr, expected, text.len) == 0;
}

static int agrees(const mqp_hook_context *context) {
    return context->struct_size == sizeof(*context) && is(context->producer_group, "abi-test") &&
           is(context->topic, "abi-test") && is(context->born_host, "10.0.0.9") && context->namespace_name.len == 0 &&
           context->message_type == MQP_MESSAGE_TYPE_DELAY && context->body_length == 3 &&
           strncmp(context->broker_name.ptr, "broker-", 7) == 0 && strchr(context->broker_address.ptr, ':') != NULL &&
           context->queue_id >= 0;
}

static int shows_the_message(const mqp_message *message) {
    const mqp_property *property = message != NULL ? message->properties : NULL;
    return message != NULL && message->struct_size == sizeof(*message) && message->body.len == 3 &&
           memcmp(message->body.ptr, "a\0b", 3) == 0 && is(message->topic, "abi-test") && is(message->tags, "tag") &&
           message->property_count == 1 && is(property->name, "DELAY") && is(property->value, "1");
}

static uint32_t on_check(void *user_data, const mqp_hook_context *context, char *reason, size_t reason_size) {
    record *seen = (record *)user_data;
    pthread_mutex_lock(&lock);
    seen->checks++;
    seen->fields_agree &= agrees(context) && shows_the_message(context->message) && reason_size >= 16 && *reason == 0;
    pthread_mutex_unlock(&lock);
    if (seen->forbids == 1) {
        strcpy(reason, "closed today");
    }
    if (seen->forbids == 2) {
        memset(reason, 'x', reason_size);
    }
    return (uint32_t)seen->forbids;
}

static void on_before(void *user_data, const mqp_hook_context *context) {
    record *seen = (record *)user_data;
    pthread_mutex_lock(&lock);
    seen->befores++;
    seen->mode = context->mode;
    seen->fields_agree &= agrees(context) && shows_the_message(context->message) && context->message_id.len == 32;
    memcpy(seen->message_id, context->message_id.ptr, context->message_id.len + 1);
    pthread_mutex_unlock(&lock);
}

static void on_after(void *user_data, const mqp_hook_context *context, const mqp_hook_end *end) {
    record *seen = (record *)user_data;
    pthread_mutex_lock(&lock);
    seen->afters++;
    seen->fields_agree &= agrees(context) && context->message == NULL && end->struct_size == sizeof(*end) &&
                          is(context->message_id, seen->message_id) && end->reserved == 0 &&
                          (end->receipt != NULL) == (end->status == MQP_OK) &&
                          (end->error != NULL) == (end->status != MQP_OK);
    seen->status = end->status;
    seen->attempts = end->attempts;
    seen->cost_us = end->cost_us;
    seen->receipt = mqp_receipt_clone(end->receipt);
    seen->error = mqp_error_clone(end->error);
    pthread_mutex_unlock(&lock);
}

static void on_drop(void *user_data) {
    pthread_mutex_lock(&lock);
    ((record *)user_data)->drops++;
    pthread_mutex_unlock(&lock);
}

static mqp_hook recording(record *seen) {
    mqp_hook hook = MQP_HOOK_INIT;
    hook.check_forbidden = on_check;
    hook.before_send = on_before;
    hook.after_send = on_after;
    hook.user_data = seen;
    hook.drop = on_drop;
    seen->fields_agree = 1;
    return hook;
}

static mqp_producer *hooked(record *seen) {
    mqp_producer *producer = NULL;
    mqp_config *config = check_config(url);
    mqp_hook hook = recording(seen);
    CHECK_OK(mqp_config_set(config, MQP_STR("client_ip"), MQP_STR("10.0.0.9"), &error));
    CHECK_OK(mqp_producer_new(config, &producer, &error));
    CHECK_OK(mqp_producer_add_hook(producer, &hook, &error));
    CHECK_OK(mqp_producer_start(producer, &error));
    mqp_config_free(config);
    return producer;
}

static mqp_message delayed(void) {
    static mqp_property property;
    mqp_message message = check_message();
    property.name = MQP_STR("DELAY");
    property.value = MQP_STR("1");
    message.tags = MQP_STR("tag");
    message.properties = &property;
    message.property_count = 1;
    return message;
}

static void free_copies(record *seen) {
    mqp_receipt_free(seen->receipt);
    mqp_error_free(seen->error);
}

static void a_send_is_seen_before_and_after(void) {
    record seen = {0};
    mqp_message message = delayed();
    mqp_producer *producer = hooked(&seen);
    mqp_receipt *receipt = NULL;
    mqp_receipt_view mine = MQP_RECEIPT_VIEW_INIT, told = MQP_RECEIPT_VIEW_INIT;
    CHECK_OK(mqp_producer_send(producer, &message, NULL, &receipt, &error));
    CHECK_OK(mqp_receipt_get(receipt, &mine, &error));
    pthread_mutex_lock(&lock);
    CHECK(seen.checks == 1 && seen.befores == 1 && seen.afters == 1 && seen.fields_agree);
    CHECK(seen.status == MQP_OK && seen.attempts == 1 && seen.cost_us > 0 && seen.mode == MQP_MODE_SYNC);
    CHECK_OK(mqp_receipt_get(seen.receipt, &told, &error));
    CHECK(strcmp(mine.message_id.ptr, seen.message_id) == 0 && strcmp(told.message_id.ptr, seen.message_id) == 0);
    CHECK(seen.drops == 0);
    pthread_mutex_unlock(&lock);
    mqp_receipt_free(receipt);
    mqp_producer_free(producer);
    /* The last producer waits for the threads, which let go of the hook. */
    CHECK(seen.drops == 1);
    free_copies(&seen);
}

static void a_refusal_has_its_reason(void) {
    record seen = {0};
    mqp_message message = delayed();
    mqp_producer *producer = hooked(&seen);
    seen.forbids = 1;
    CHECK_ERROR(mqp_producer_send(producer, &message, NULL, NULL, &error), MQP_ERR_FORBIDDEN, ": closed today");
    seen.forbids = 2;
    CHECK_ERROR(mqp_producer_send(producer, &message, NULL, NULL, &error), MQP_ERR_FORBIDDEN, "xxxx");
    seen.forbids = 3;
    CHECK_ERROR(mqp_producer_send(producer, &message, NULL, NULL, &error), MQP_ERR_FORBIDDEN, "it answered 3");
    CHECK(seen.checks == 3 && seen.befores == 0 && seen.afters == 0 && seen.fields_agree);
    mqp_producer_free(producer);
    CHECK(seen.drops == 1);
}

static void a_refused_hook_stays_the_callers(void) {
    record seen = {0};
    mqp_hook hook = recording(&seen);
    mqp_producer *producer = check_start(check_config(url));
    CHECK_ERROR(mqp_producer_add_hook(producer, &hook, &error), MQP_ERR_ALREADY_STARTED, "before the start");
    mqp_producer_free(producer);
    CHECK_ERROR(mqp_producer_add_hook(NULL, &hook, &error), MQP_ERR_INVALID_ARGUMENT, "`producer` is NULL");
    producer = NULL;
    {
        mqp_config *config = check_config(url);
        CHECK_OK(mqp_producer_new(config, &producer, &error));
        mqp_config_free(config);
    }
    CHECK_ERROR(mqp_producer_add_hook(producer, NULL, &error), MQP_ERR_INVALID_ARGUMENT, "`mqp_hook` is NULL");
    hook.reserved = 1;
    CHECK_ERROR(mqp_producer_add_hook(producer, &hook, &error), MQP_ERR_INVALID_ARGUMENT, "`reserved` is 1");
    hook.struct_size = 8;
    CHECK_ERROR(mqp_producer_add_hook(producer, &hook, &error), MQP_ERR_INVALID_ARGUMENT, "struct_size");
    CHECK(seen.drops == 0);
    hook = recording(&seen);
    CHECK_OK(mqp_producer_add_hook(producer, &hook, &error));
    /* Never started: the hook goes with the producer. */
    mqp_producer_free(producer);
    CHECK(seen.drops == 1);
}

static void functions_may_be_left_out(void) {
    mqp_hook hook = MQP_HOOK_INIT;
    mqp_producer *producer = NULL;
    mqp_config *config = check_config(url);
    mqp_message message = check_message();
    CHECK_OK(mqp_producer_new(config, &producer, &error));
    CHECK_OK(mqp_producer_add_hook(producer, &hook, &error));
    CHECK_OK(mqp_producer_start(producer, &error));
    mqp_config_free(config);
    CHECK_OK(mqp_producer_send(producer, &message, NULL, NULL, &error));
    CHECK_OK(mqp_producer_send_oneway(producer, &message, NULL, NULL, &error));
    mqp_producer_free(producer);
}

int main(void) {
    mqp_mock_cluster *cluster = NULL;
    CHECK_OK(mqp_mock_cluster_new(MQP_STR(""), 2, 4, &cluster, &error));
    url = mqp_mock_cluster_url(cluster);
    RUN(a_send_is_seen_before_and_after);
    RUN(a_refusal_has_its_reason);
    RUN(a_refused_hook_stays_the_callers);
    RUN(functions_may_be_left_out);
    mqp_mock_cluster_free(cluster);
    return check_finish();
}
