/* Sends five messages in one request.
 *
 * cc batch.c -lmqproducer -o batch && ./batch rocketmq://localhost:9876 [TOPIC] */
#include "common.h"

enum { COUNT = 5 };

int main(int argc, char **argv) {
    const char *url = argc > 1 ? argv[1] : "mock://demo", *topic = argc > 2 ? argv[2] : "Demo";
    const char *bodies[COUNT] = {"one", "two", "three", "four", "five"};
    mqp_message messages[COUNT];
    mqp_batch_result *result = NULL;
    mqp_error *error = NULL;
    mqp_producer *producer = new_producer(new_config(url, "demo-c"));
    size_t i;
    must(mqp_producer_start(producer, &error), &error);
    for (i = 0; i < COUNT; i++) {
        messages[i] = new_message(topic, bodies[i]);
    }

    must(mqp_producer_send_batch(producer, messages, COUNT, sizeof messages[0], NULL, NULL, &result, &error), &error);
    for (i = 0; i < mqp_batch_result_count(result); i++) {
        const mqp_receipt *receipt = NULL;
        const mqp_error *failure = NULL;
        must(mqp_batch_result_get(result, i, &receipt, &failure, &error), &error);
        print_receipt("batch", receipt);
    }
    mqp_batch_result_free(result);

    close_producer(producer);
    return EXIT_SUCCESS;
}
