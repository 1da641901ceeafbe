#include "started.h"

/* Another request, which waits for the reply of the code on the page. */
static int replied;

static void on_reply(void *user_data, const mqp_request_completion *completion) {
    (void)user_data;
    replied += completion->status == MQP_OK;
}

static mqp_str property(const mqp_mock_message_view *message, const char *name) {
    size_t i;
    for (i = 0; i < message->property_count; i++) {
        if (strcmp(message->properties[i].name.ptr, name) == 0) {
            return message->properties[i].value;
        }
    }
    fprintf(stderr, "no property %s\n", name);
    exit(EXIT_FAILURE);
}

int main(void) {
    mqp_mock_cluster *cluster = NULL;
    mqp_mock_messages *asked = NULL;
    mqp_mock_message_view request = MQP_MOCK_MESSAGE_VIEW_INIT;
    mqp_error *error = NULL;
    mqp_producer *producer;
    mqp_received_message *reply = NULL;
    mqp_received_message_view view = MQP_RECEIVED_MESSAGE_VIEW_INIT;
    mqp_message message = new_message("Stock", "apples"), answer = new_message("", "3");
    mqp_reply_to reply_to = MQP_REPLY_TO_INIT;
    mqp_request_callback callback = {on_reply, NULL, NULL};
    must(mqp_mock_cluster_new(MQP_STR("orders-test"), 2, 4, &cluster, &error), &error);
    must(mqp_mock_cluster_echo(cluster, MQP_STR("Prices"), &error), &error);
    producer = start();
    must(mqp_producer_request_async(producer, &message, NULL, 10000, callback, &error), &error);
    stored("Stock", 1);
    must(mqp_mock_cluster_messages(cluster, MQP_STR("Stock"), &asked, &error), &error);
    must(mqp_mock_messages_get(asked, 0, &request, &error), &error);
    reply_to.correlation_id = property(&request, "CORRELATION_ID");
    reply_to.reply_to_client = property(&request, "REPLY_TO_CLIENT");
    reply_to.cluster = property(&request, "CLUSTER");
    message.topic = MQP_STR("Prices");
#include "block.h"
    must(error == NULL ? MQP_OK : mqp_error_status(error), &error);
    must(mqp_producer_flush(producer, 10000, &error), &error);
    if (view.body.len != 6 || replied != 1) {
        return 1;
    }
    mqp_received_message_free(reply);
    mqp_mock_messages_free(asked);
    close_producer(producer);
    mqp_mock_cluster_free(cluster);
    return 0;
}
