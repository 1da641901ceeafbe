/* Sends one message in each mode: synchronous, asynchronous, one-way.
 *
 * cc send.c -lmqproducer -o send && ./send rocketmq://localhost:9876
 * Without an argument it sends to the embedded cluster. */
#include "common.h"

static int async_failed;

/* Runs on the library's dispatcher; the completion is gone when it returns. */
static void on_completion(void *user_data, const mqp_completion *completion) {
    const char *mode = user_data;
    if (completion->status == MQP_OK) {
        print_receipt(mode, completion->receipt);
    } else {
        fprintf(stderr, "%s: %s\n", mode, mqp_error_message(completion->error));
        async_failed = 1;
    }
}

int main(int argc, char **argv) {
    const char *url = argc > 1 ? argv[1] : "mock://demo";
    mqp_error *error = NULL;
    mqp_receipt *receipt = NULL;
    mqp_message message = new_message("Demo", "hello from C");
    mqp_callback callback = {on_completion, "async", NULL};
    mqp_producer *producer = new_producer(new_config(url, "demo-c"));
    must(mqp_producer_start(producer, &error), &error);

    must(mqp_producer_send(producer, &message, NULL, &receipt, &error), &error);
    print_receipt("sync", receipt);
    mqp_receipt_free(receipt);

    must(mqp_producer_send_async(producer, &message, NULL, callback, &error), &error);
    must(mqp_producer_flush(producer, 10000, &error), &error);

    must(mqp_producer_send_oneway(producer, &message, NULL, &receipt, &error), &error);
    print_receipt("oneway", receipt);
    mqp_receipt_free(receipt);

    close_producer(producer);
    return async_failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
