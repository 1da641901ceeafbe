#include "started.h"

#include <poll.h>

int main(void) {
    mqp_mock_cluster *cluster = NULL;
    mqp_producer *producer;
    mqp_completion_queue *queue = NULL;
    mqp_error *error = NULL;
    static mqp_message messages[1000];
    int number;
    must(mqp_mock_cluster_new(MQP_STR("orders-test"), 2, 4, &cluster, &error), &error);
    producer = start();
    must(mqp_completion_queue_new(&queue, &error), &error);
    for (number = 0; number < 1000; number++) {
        messages[number] = new_message("Orders", "hello");
    }
#include "block.h"
    stored("Orders", 1000);
    close_producer(producer);
    mqp_completion_queue_free(queue);
    mqp_mock_cluster_free(cluster);
    return 0;
}
