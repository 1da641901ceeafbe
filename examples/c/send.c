/* Sends one message in each mode: synchronous, asynchronous, one-way.
 *
 * cc send.c -lmqproducer -o send && ./send rocketmq://localhost:9876
 * Without an argument it sends to the embedded cluster. */
#include <mqproducer.h>

#include <stdio.h>
#include <stdlib.h>

/* Ends the program when a call failed. Takes the place of the error, since C may read a second argument first. */
static void must(mqp_status status, mqp_error **error) {
    if (status != MQP_OK) {
        fprintf(stderr, "%s: %s\n", mqp_status_name(status), mqp_error_message(*error));
        mqp_error_free(*error);
        exit(EXIT_FAILURE);
    }
}

static void print_receipt(const char *mode, const mqp_receipt *receipt) {
    mqp_receipt_view view = MQP_RECEIPT_VIEW_INIT;
    mqp_error *error = NULL;
    must(mqp_receipt_get(receipt, &view, &error), &error);
    printf("c %s id=%s queue=%s/%d offset=", mode, view.message_id.ptr, view.broker_name.ptr, (int)view.queue_id);
    if (view.queue_offset < 0) {
        puts("-");
    } else {
        printf("%lld\n", (long long)view.queue_offset);
    }
    fflush(stdout);
}

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
    mqp_str url = mqp_str_of(argc > 1 ? argv[1] : "mock://demo");
    mqp_error *error = NULL;
    mqp_config *config = NULL;
    mqp_producer *producer = NULL;
    mqp_receipt *receipt = NULL;
    mqp_message message = MQP_MESSAGE_INIT;
    mqp_callback callback = {on_completion, "async", NULL};

    must(mqp_version_check(MQP_VERSION_NUMBER, &error), &error);
    must(mqp_config_new(&config, &error), &error);
    must(mqp_config_set(config, MQP_STR("url"), url, &error), &error);
    must(mqp_config_set(config, MQP_STR("producer_group"), MQP_STR("demo-c"), &error), &error);
    must(mqp_producer_new(config, &producer, &error), &error);
    mqp_config_free(config);
    must(mqp_producer_start(producer, &error), &error);

    message.topic = MQP_STR("Demo");
    message.tags = MQP_STR("c");
    message.body.ptr = (const uint8_t *)"hello from C";
    message.body.len = 12;

    must(mqp_producer_send(producer, &message, NULL, &receipt, &error), &error);
    print_receipt("sync", receipt);
    mqp_receipt_free(receipt);

    must(mqp_producer_send_async(producer, &message, NULL, callback, &error), &error);
    must(mqp_producer_flush(producer, 10000, &error), &error);

    must(mqp_producer_send_oneway(producer, &message, NULL, &receipt, &error), &error);
    print_receipt("oneway", receipt);
    mqp_receipt_free(receipt);

    must(mqp_producer_close(producer, 10000, &error), &error);
    mqp_producer_free(producer);
    return async_failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
