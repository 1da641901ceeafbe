/* Sends JMS messages to ActiveMQ: synchronous, asynchronous, several in a transaction.
 *
 * cc jms.c -lmqproducer -o jms && ./jms activemq://localhost:61616 queue://Demo
 * Without arguments it sends to the embedded cluster. */
#include "common.h"

static int async_failed;

/* Runs on the library's dispatcher; the completion is gone when it returns. */
static void on_completion(void *user_data, const mqp_completion *completion) {
    (void)user_data;
    if (completion->status == MQP_OK) {
        print_receipt("async", completion->receipt);
    } else {
        fprintf(stderr, "async: %s\n", mqp_error_message(completion->error));
        async_failed = 1;
    }
}

/* Messages of a transaction ask for no answer: the commit tells that all of them are stored. */
static void send_three(mqp_producer *producer, const mqp_message *message) {
    mqp_error *error = NULL;
    mqp_transaction *transaction = NULL;
    must(mqp_transaction_begin(producer, &transaction, &error), &error);
    for (int i = 0; i < 3; i++) {
        must(mqp_transaction_send(transaction, message, NULL, NULL, &error), &error);
    }
    must(mqp_transaction_commit(transaction, &error), &error);
    mqp_transaction_free(transaction);
    puts("c committed");
}

int main(int argc, char **argv) {
    const char *url = argc > 1 ? argv[1] : "mock+openwire://demo";
    const char *destination = argc > 2 ? argv[2] : "queue://Demo";
    mqp_error *error = NULL;
    mqp_receipt *receipt = NULL;
    mqp_callback callback = {on_completion, NULL, NULL};
    mqp_typed_property count = {MQP_STR_INIT("count"), MQP_VALUE_INT, 0, 42, 0, {NULL, 0}};
    mqp_jms jms = MQP_JMS_INIT;
    mqp_message message = new_message(destination, "hello from C");
    mqp_producer *producer = new_producer(new_config(url, "demo-c"));
    must(mqp_producer_start(producer, &error), &error);

    jms.body_type = MQP_BODY_TEXT;
    jms.correlation_id = MQP_STR("order-1");
    jms.properties = &count;
    jms.property_count = 1;
    message.jms = &jms;

    must(mqp_producer_send(producer, &message, NULL, &receipt, &error), &error);
    print_receipt("sync", receipt);
    mqp_receipt_free(receipt);

    /* In the broker's memory alone; the callback asks for an answer all the same. */
    jms.delivery_mode = MQP_DELIVERY_NON_PERSISTENT;
    must(mqp_producer_send_async(producer, &message, NULL, callback, &error), &error);
    must(mqp_producer_flush(producer, 10000, &error), &error);

    jms.delivery_mode = MQP_DELIVERY_PERSISTENT;
    send_three(producer, &message);

    close_producer(producer);
    return async_failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
