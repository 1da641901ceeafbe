#include "started.h"

static int asked;

static int is_saved(mqp_str keys) {
    asked += strcmp(keys.ptr, "order-1") == 0;
    return 1;
}

#include "block.h"

int main(void) {
    mqp_mock_cluster *cluster = NULL;
    mqp_error *error = NULL;
    mqp_transaction *transaction = NULL;
    mqp_producer *producer;
    mqp_message message = new_message("Orders", "hello");
    message.keys = MQP_STR("order-1");
    must(mqp_mock_cluster_new(MQP_STR("orders-test"), 2, 4, &cluster, &error), &error);
    must(mqp_mock_cluster_set_transaction_check_interval(cluster, 50, &error), &error);
    producer = new_producer(new_config("mock://orders-test", "orders"));
    set_checker(producer, &error);
    must(mqp_producer_start(producer, &error), &error);
    must(mqp_transaction_begin(producer, &transaction, &error), &error);
    must(mqp_transaction_send(transaction, &message, NULL, NULL, &error), &error);
    stored("Orders", 1); /* the checker committed it */
    mqp_transaction_free(transaction);
    close_producer(producer);
    mqp_mock_cluster_free(cluster);
    return asked > 0 ? 0 : 1;
}
