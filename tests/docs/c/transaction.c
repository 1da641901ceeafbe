#include "started.h"

static uint32_t on_check(void *user_data, const mqp_received_message *message) {
    (void)user_data, (void)message;
    return MQP_TRANSACTION_UNKNOWN;
}

static int save_order(void) { return 1; }

int main(void) {
    mqp_mock_cluster *cluster = NULL;
    mqp_transaction_checker checker = {on_check, NULL, NULL};
    mqp_error *error = NULL;
    mqp_producer *producer;
    mqp_message message = new_message("Orders", "hello");
    must(mqp_mock_cluster_new(MQP_STR("orders-test"), 2, 4, &cluster, &error), &error);
    producer = new_producer(new_config("mock://orders-test", "orders"));
    must(mqp_producer_set_transaction_checker(producer, checker, &error), &error);
    must(mqp_producer_start(producer, &error), &error);
#include "block.h"
    stored("Orders", 1);
    close_producer(producer);
    mqp_mock_cluster_free(cluster);
    return 0;
}
