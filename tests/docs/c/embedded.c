#include "started.h"

typedef int service_of_orders;

static void place_an_order(service_of_orders service) {
    mqp_producer *producer = start();
    mqp_error *error = NULL;
    mqp_message message = new_message("Orders", "hello");
    (void)service;
    must(mqp_producer_send(producer, &message, NULL, NULL, &error), &error);
    close_producer(producer);
}

int main(void) {
    service_of_orders service = 0;
    mqp_error *error = NULL;
#include "block.h"
    must(error == NULL ? MQP_OK : mqp_error_status(error), &error);
    mqp_mock_cluster_free(cluster);
    return 0;
}
