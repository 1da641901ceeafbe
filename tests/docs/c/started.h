/* A started producer of the embedded cluster and what the pieces of code in the documents send with it. */
#ifndef STARTED_H
#define STARTED_H

#include "common.h"

static mqp_producer *start(void) {
    mqp_error *error = NULL;
    mqp_producer *producer = new_producer(new_config("mock://orders-test?brokers=2", "orders"));
    must(mqp_producer_start(producer, &error), &error);
    return producer;
}

/* Ends the program unless the embedded cluster stored `count` messages of the topic. */
static inline void stored(const char *topic, size_t count) {
    mqp_mock_cluster *cluster = NULL;
    mqp_error *error = NULL;
    size_t found = 0;
    must(mqp_mock_cluster_new(MQP_STR("orders-test"), 0, 0, &cluster, &error), &error);
    must(mqp_mock_cluster_wait(cluster, mqp_str_of(topic), count, 10000, &error), &error);
    must(mqp_mock_cluster_message_count(cluster, mqp_str_of(topic), &found, &error), &error);
    mqp_mock_cluster_free(cluster);
    if (found != count) {
        fprintf(stderr, "%d messages of %s are stored, not %d\n", (int)found, topic, (int)count);
        exit(EXIT_FAILURE);
    }
}

#endif
