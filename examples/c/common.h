/* What the example programs share: how to stop at an error, how to start a producer, how to print a receipt. */
#ifndef EXAMPLES_COMMON_H
#define EXAMPLES_COMMON_H

#include <mqproducer.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Ends the program when a call failed. Takes the place of the error, since C may read a second argument first. */
static inline void must(mqp_status status, mqp_error **error) {
    if (status != MQP_OK) {
        fprintf(stderr, "%s: %s\n", mqp_status_name(status), mqp_error_message(*error));
        mqp_error_free(*error);
        exit(EXIT_FAILURE);
    }
}

/* A configuration for a producer of `group`. */
static inline mqp_config *new_config(const char *url, const char *group) {
    mqp_error *error = NULL;
    mqp_config *config = NULL;
    must(mqp_version_check(MQP_VERSION_NUMBER, &error), &error);
    must(mqp_config_new(&config, &error), &error);
    must(mqp_config_set(config, MQP_STR("url"), mqp_str_of(url), &error), &error);
    must(mqp_config_set(config, MQP_STR("producer_group"), mqp_str_of(group), &error), &error);
    /* In milliseconds, for all tries together; 3000 when it is not set. */
    must(mqp_config_set(config, MQP_STR("send_msg_timeout"), MQP_STR("20000"), &error), &error);
    return config;
}

/* A producer, not started; takes the configuration. */
static inline mqp_producer *new_producer(mqp_config *config) {
    mqp_error *error = NULL;
    mqp_producer *producer = NULL;
    must(mqp_producer_new(config, &producer, &error), &error);
    mqp_config_free(config);
    return producer;
}

static inline void close_producer(mqp_producer *producer) {
    mqp_error *error = NULL;
    must(mqp_producer_close(producer, 10000, &error), &error);
    mqp_producer_free(producer);
}

static inline mqp_message new_message(const char *topic, const char *body) {
    mqp_message message = MQP_MESSAGE_INIT;
    message.topic = mqp_str_of(topic);
    message.tags = MQP_STR("c");
    message.body.ptr = (const uint8_t *)body;
    message.body.len = strlen(body);
    return message;
}

static inline void print_receipt(const char *what, const mqp_receipt *receipt) {
    mqp_receipt_view view = MQP_RECEIPT_VIEW_INIT;
    mqp_error *error = NULL;
    must(mqp_receipt_get(receipt, &view, &error), &error);
    printf("c %s id=%s queue=%s/%d offset=", what, view.message_id.ptr, view.broker_name.ptr, (int)view.queue_id);
    if (view.queue_offset < 0) {
        puts("-");
    } else {
        printf("%lld\n", (long long)view.queue_offset);
    }
    fflush(stdout);
}

#endif
