/* Sends a request and prints the reply of whoever consumes it; or replies to such a request.
 *
 * cc request.c -lmqproducer -o request
 * ./request rocketmq://localhost:9876 TOPIC [TEXT]
 * ./request --reply rocketmq://localhost:9876 CLUSTER CORRELATION_ID REPLY_TO_CLIENT TTL_MS TEXT
 * With `mock://demo` the embedded cluster replies. */
#include "common.h"

static void reply(mqp_producer *producer, char **argv) {
    mqp_reply_to to = MQP_REPLY_TO_INIT;
    mqp_message message = new_message("", argv[5]);
    mqp_receipt_view view = MQP_RECEIPT_VIEW_INIT;
    mqp_receipt *receipt = NULL;
    mqp_error *error = NULL;
    /* Properties of the request: CLUSTER, CORRELATION_ID, REPLY_TO_CLIENT and TTL. */
    to.cluster = mqp_str_of(argv[1]);
    to.correlation_id = mqp_str_of(argv[2]);
    to.reply_to_client = mqp_str_of(argv[3]);
    to.ttl_ms = (uint32_t)strtoul(argv[4], NULL, 10);
    must(mqp_producer_reply(producer, &to, &message, NULL, &receipt, &error), &error);
    must(mqp_receipt_get(receipt, &view, &error), &error);
    printf("c replied id=%s\n", view.message_id.ptr);
    mqp_receipt_free(receipt);
}

static void request(mqp_producer *producer, const char *topic, const char *text) {
    mqp_message message = new_message(topic, text);
    mqp_received_message *answer = NULL;
    mqp_received_message_view view = MQP_RECEIVED_MESSAGE_VIEW_INIT;
    mqp_error *error = NULL;
    must(mqp_producer_request(producer, &message, NULL, 10000, &answer, &error), &error);
    must(mqp_received_message_get(answer, &view, &error), &error);
    printf("c reply: %.*s\n", (int)view.body.len, (const char *)view.body.ptr);
    mqp_received_message_free(answer);
}

int main(int argc, char **argv) {
    const char *scheme = "mock://";
    int replies = argc == 8 && strcmp(argv[1], "--reply") == 0;
    const char *url = argc < 2 ? "mock://demo" : argv[replies ? 2 : 1];
    const char *topic = argc > 2 ? argv[2] : "Demo";
    mqp_mock_cluster *cluster = NULL;
    mqp_error *error = NULL;
    mqp_producer *producer = NULL;
    if (strncmp(url, scheme, strlen(scheme)) == 0) {
        mqp_str name = mqp_str_of(url + strlen(scheme));
        must(mqp_mock_cluster_new(name, 0, 0, &cluster, &error), &error);
        must(mqp_mock_cluster_echo(cluster, mqp_str_of(topic), &error), &error);
    }
    producer = new_producer(new_config(url, "demo-c"));
    must(mqp_producer_start(producer, &error), &error);
    if (replies) {
        reply(producer, argv + 2);
    } else {
        request(producer, topic, argc > 3 ? argv[3] : "a question");
    }
    close_producer(producer);
    mqp_mock_cluster_free(cluster);
    return EXIT_SUCCESS;
}
