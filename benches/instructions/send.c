/* Sends COUNT messages of 128 bytes, for a count of the instructions that one takes: sync one after the other, async by
 * mqp_producer_send_many in calls of 100, each of whose ends are polled before the next. */
#include <mqproducer.h>
#include <stdio.h>
#include <stdlib.h>

enum { AT_ONCE = 100 };

static void must(mqp_status status, mqp_error **error) {
    if (status != MQP_OK) {
        fprintf(stderr, "%s: %s\n", mqp_status_name(status), mqp_error_message(*error));
        exit(EXIT_FAILURE);
    }
}

static void send_sync(mqp_producer *producer, const mqp_message *message) {
    mqp_error *error = NULL;
    mqp_receipt *receipt = NULL;
    must(mqp_producer_send(producer, message, NULL, &receipt, &error), &error);
    mqp_receipt_free(receipt);
}

static void send_many(mqp_producer *producer, const mqp_message *message, mqp_completion_queue *queue) {
    mqp_message messages[AT_ONCE];
    mqp_completion completions[AT_ONCE];
    mqp_error *error = NULL;
    size_t left = AT_ONCE, count, i;
    for (i = 0; i < AT_ONCE; i++) {
        messages[i] = *message;
    }
    must(mqp_producer_send_many(producer, messages, AT_ONCE, sizeof(mqp_message), NULL, queue, NULL, NULL, &error), &error);
    for (; left > 0; left -= count) {
        must(mqp_completion_queue_poll(queue, completions, sizeof(mqp_completion), left, 60000, &count, &error), &error);
        for (i = 0; i < count; i++) {
            must(completions[i].status, (mqp_error **)&completions[i].error);
        }
        mqp_completions_free(completions, sizeof(mqp_completion), count);
    }
}

int main(int argc, char **argv) {
    static uint8_t body[128];
    mqp_message message = MQP_MESSAGE_INIT;
    mqp_error *error = NULL;
    mqp_config *config = NULL;
    mqp_producer *producer = NULL;
    mqp_completion_queue *queue = NULL;
    long count, sent;
    if (argc != 4) {
        fprintf(stderr, "usage: send URL sync|async COUNT\n");
        return EXIT_FAILURE;
    }
    count = atol(argv[3]);
    must(mqp_config_new(&config, &error), &error);
    must(mqp_config_set(config, MQP_STR("url"), mqp_str_of(argv[1]), &error), &error);
    must(mqp_config_set(config, MQP_STR("producer_group"), MQP_STR("instructions"), &error), &error);
    must(mqp_config_set(config, MQP_STR("send_msg_timeout"), MQP_STR("60000"), &error), &error);
    must(mqp_producer_new(config, &producer, &error), &error);
    mqp_config_free(config);
    must(mqp_producer_start(producer, &error), &error);
    must(mqp_completion_queue_new(&queue, &error), &error);
    message.topic = MQP_STR("PerfTopic");
    message.tags = MQP_STR("TagA");
    message.body.ptr = body;
    message.body.len = sizeof body;
    for (sent = 0; sent < count; sent += argv[2][0] == 's' ? 1 : AT_ONCE) {
        if (argv[2][0] == 's') {
            send_sync(producer, &message);
        } else {
            send_many(producer, &message, queue);
        }
    }
    must(mqp_producer_close(producer, 10000, &error), &error);
    mqp_producer_free(producer);
    mqp_completion_queue_free(queue);
    return EXIT_SUCCESS;
}
