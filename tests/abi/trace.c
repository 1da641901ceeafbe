/* Trace contexts that C tells. */
#include "check.h"

#define GOOD "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
#define OTHER "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"

static const char *url;
static mqp_mock_cluster *cluster;

typedef struct {
    /* What is written, and the length that is told. */
    const char *text;
    size_t length;
    size_t capacity;
    int calls, drops;
} source;

static size_t on_call(void *user_data, char *out, size_t capacity) {
    source *from = (source *)user_data;
    size_t length = strlen(from->text);
    from->calls++;
    from->capacity = capacity;
    memcpy(out, from->text, length < capacity ? length : capacity);
    return from->length;
}

static void on_drop(void *user_data) {
    ((source *)user_data)->drops++;
}

static mqp_trace_context of(source *from) {
    mqp_trace_context context;
    context.call = on_call;
    context.user_data = from;
    context.drop = on_drop;
    return context;
}

static mqp_producer *unstarted(void) {
    mqp_producer *producer = NULL;
    mqp_config *config = check_config(url);
    CHECK_OK(mqp_producer_new(config, &producer, &error));
    mqp_config_free(config);
    return producer;
}

static mqp_producer *started(source *from) {
    mqp_producer *producer = unstarted();
    CHECK_OK(mqp_producer_set_trace_context(producer, of(from), &error));
    CHECK_OK(mqp_producer_start(producer, &error));
    return producer;
}

/* Whether the cluster's one message has this `traceparent`; NULL: none. */
static int stored_with(const char *expected) {
    mqp_mock_messages *messages = NULL;
    mqp_mock_message_view stored = MQP_MOCK_MESSAGE_VIEW_INIT;
    const char *found = NULL;
    int agrees;
    size_t i;
    CHECK_OK(mqp_mock_cluster_messages(cluster, MQP_STR("abi-test"), &messages, &error));
    CHECK(mqp_mock_messages_count(messages) == 1);
    CHECK_OK(mqp_mock_messages_get(messages, 0, &stored, &error));
    for (i = 0; i < stored.property_count; i++) {
        if (strcmp(stored.properties[i].name.ptr, "traceparent") == 0) {
            found = stored.properties[i].value.ptr;
        }
    }
    agrees = expected == NULL ? found == NULL : found != NULL && strcmp(found, expected) == 0;
    mqp_mock_messages_free(messages);
    CHECK_OK(mqp_mock_cluster_clear(cluster, &error));
    return agrees;
}

static void a_message_gets_the_context_of_its_caller(void) {
    source from = {GOOD, 55, 0, 0, 0};
    mqp_message message = check_message();
    mqp_producer *producer = started(&from);
    CHECK_OK(mqp_producer_send(producer, &message, NULL, NULL, &error));
    CHECK(from.calls == 1 && from.capacity >= 56 && stored_with(GOOD));
    message.trace_parent = MQP_STR(OTHER);
    CHECK_OK(mqp_producer_send(producer, &message, NULL, NULL, &error));
    CHECK(from.calls == 1 && stored_with(OTHER));
    CHECK(from.drops == 0);
    mqp_producer_free(producer);
    CHECK(from.drops == 1);
}

static void what_is_no_context_is_left_out(void) {
    static const source odd[] = {
        {GOOD, 0, 0, 0, 0},          {GOOD, 54, 0, 0, 0},  {GOOD, 65, 0, 0, 0}, {GOOD, (size_t)-1, 0, 0, 0},
        {"\xff\xfe", 2, 0, 0, 0},    {"nonsense", 8, 0, 0, 0}, {GOOD, 56, 0, 0, 0},
    };
    size_t i;
    for (i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        source from = odd[i];
        mqp_message message = check_message();
        mqp_producer *producer = started(&from);
        CHECK_OK(mqp_producer_send(producer, &message, NULL, NULL, &error));
        CHECK(from.calls == 1 && stored_with(NULL));
        mqp_producer_free(producer);
        CHECK(from.drops == 1);
    }
}

static void a_refused_context_stays_the_callers(void) {
    source from = {GOOD, 55, 0, 0, 0}, other = {OTHER, 55, 0, 0, 0};
    mqp_trace_context empty = of(&other);
    mqp_producer *producer = started(&from);
    CHECK_ERROR(mqp_producer_set_trace_context(producer, of(&other), &error), MQP_ERR_ALREADY_STARTED,
                "a trace context is set before the start");
    CHECK_OK(mqp_producer_close(producer, 1000, &error));
    CHECK_ERROR(mqp_producer_set_trace_context(producer, of(&other), &error), MQP_ERR_CLOSED, "closed");
    mqp_producer_free(producer);
    CHECK_ERROR(mqp_producer_set_trace_context(NULL, of(&other), &error), MQP_ERR_INVALID_ARGUMENT,
                "`producer` is NULL");
    producer = unstarted();
    empty.call = NULL;
    CHECK_ERROR(mqp_producer_set_trace_context(producer, empty, &error), MQP_ERR_INVALID_ARGUMENT,
                "`trace_context.call` is NULL");
    CHECK(from.drops == 1 && other.drops == 0);
    mqp_producer_free(producer);
    CHECK(other.drops == 0 && other.calls == 0);
}

static void the_last_one_set_counts(void) {
    source first = {OTHER, 55, 0, 0, 0}, last = {GOOD, 55, 0, 0, 0};
    mqp_trace_context kept = of(&last);
    mqp_message message = check_message();
    mqp_producer *producer = unstarted();
    kept.drop = NULL;
    CHECK_OK(mqp_producer_set_trace_context(producer, of(&first), &error));
    CHECK_OK(mqp_producer_set_trace_context(producer, kept, &error));
    CHECK(first.drops == 1);
    CHECK_OK(mqp_producer_start(producer, &error));
    CHECK_OK(mqp_producer_send(producer, &message, NULL, NULL, &error));
    CHECK(first.calls == 0 && last.calls == 1 && stored_with(GOOD));
    mqp_producer_free(producer);
    CHECK(first.drops == 1 && last.drops == 0);
    /* Never started: it goes with the producer. */
    producer = unstarted();
    CHECK_OK(mqp_producer_set_trace_context(producer, of(&first), &error));
    mqp_producer_free(producer);
    CHECK(first.drops == 2);
}

int main(void) {
    CHECK_OK(mqp_mock_cluster_new(MQP_STR(""), 1, 4, &cluster, &error));
    url = mqp_mock_cluster_url(cluster);
    RUN(a_message_gets_the_context_of_its_caller);
    RUN(what_is_no_context_is_left_out);
    RUN(a_refused_context_stays_the_callers);
    RUN(the_last_one_set_counts);
    mqp_mock_cluster_free(cluster);
    return check_finish();
}
