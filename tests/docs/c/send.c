#include "started.h"

int main(void) {
    mqp_mock_cluster *cluster = NULL;
    mqp_error *error = NULL;
    mqp_producer *producer;
    mqp_message message = new_message("Orders", "hello");
    must(mqp_mock_cluster_new(MQP_STR("orders-test"), 2, 4, &cluster, &error), &error);
    producer = start();
    {
#include "block.h"
    }
    stored("Orders", 1);
    close_producer(producer);
    mqp_mock_cluster_free(cluster);
    return 0;
}
