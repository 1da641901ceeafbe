#include "started.h"

int main(void) {
    mqp_mock_cluster *cluster = NULL;
    mqp_error *error = NULL;
    mqp_batch_result *result = NULL;
    const mqp_receipt *receipt = NULL;
    const mqp_error *failure = NULL;
    mqp_message messages[3];
    size_t count = 3, i;
    mqp_producer *producer;
    must(mqp_mock_cluster_new(MQP_STR("orders-test"), 2, 4, &cluster, &error), &error);
    producer = start();
    for (i = 0; i < count; i++) {
        messages[i] = new_message("Orders", "hello");
    }
#include "block.h"
    must(error == NULL ? MQP_OK : mqp_error_status(error), &error);
    stored("Orders", count);
    if (receipt == NULL || failure != NULL) {
        return 1;
    }
    mqp_batch_result_free(result);
    close_producer(producer);
    mqp_mock_cluster_free(cluster);
    return 0;
}
