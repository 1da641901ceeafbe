/* A small test framework: each case is a function, each failed check is printed with its place. */
#ifndef CHECK_H
#define CHECK_H

#include <mqproducer.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int check_passed, check_failed, check_failures;

#define CHECK(condition) \
    ((condition) ? (void)0 : (check_failures++, (void)printf("%s:%d: not so: %s\n", __FILE__, __LINE__, #condition)))

/* The call fails with `expected`, and its text holds `part`; the call's last argument is `&error`. */
#define CHECK_ERROR(call, expected, part) \
    do { \
        mqp_error *error = NULL; \
        mqp_status status = (call); \
        check_error(__FILE__, __LINE__, #call, status, error, (expected), (part)); \
        mqp_error_free(error); \
    } while (0)

/* The call succeeds; the call's last argument is `&error`. */
#define CHECK_OK(call) \
    do { \
        mqp_error *error = NULL; \
        mqp_status status = (call); \
        if (status != MQP_OK || error != NULL) { \
            check_failures++; \
            printf("%s:%d: %s: %s: %s\n", __FILE__, __LINE__, #call, mqp_status_name(status), \
                   mqp_error_message(error)); \
        } \
        mqp_error_free(error); \
    } while (0)

static inline void check_error(const char *file, int line, const char *call, mqp_status status, const mqp_error *error,
                               mqp_status expected, const char *part) {
    if (status == expected && mqp_error_status(error) == expected && strstr(mqp_error_message(error), part) != NULL) {
        return;
    }
    check_failures++;
    printf("%s:%d: %s: %s (%s), expected %s with `%s`\n", file, line, call, mqp_status_name(status),
           mqp_error_message(error), mqp_status_name(expected), part);
}

#define RUN(function) check_run(#function, function)

static inline void check_run(const char *name, void (*function)(void)) {
    check_failures = 0;
    function();
    printf("%s %s\n", check_failures == 0 ? "ok    " : "FAILED", name);
    fflush(stdout);
    if (check_failures == 0) {
        check_passed++;
    } else {
        check_failed++;
    }
}

/* The program's exit code. */
static inline int check_finish(void) {
    printf("%d passed, %d failed\n", check_passed, check_failed);
    return check_failed == 0 && check_passed > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* A configuration for `url` and a group of its own. Its deadlines are for machines that are busy, and for valgrind: a try
 * has a third of them, and none shall be tried twice for being slow. */
static inline mqp_config *check_config(const char *url) {
    mqp_config *config = NULL;
    CHECK_OK(mqp_config_new(&config, &error));
    CHECK_OK(mqp_config_set(config, MQP_STR("url"), mqp_str_of(url), &error));
    CHECK_OK(mqp_config_set(config, MQP_STR("producer_group"), MQP_STR("abi-test"), &error));
    CHECK_OK(mqp_config_set(config, MQP_STR("send_msg_timeout"), MQP_STR("120000"), &error));
    return config;
}

/* A started producer; takes the configuration. */
static inline mqp_producer *check_start(mqp_config *config) {
    mqp_producer *producer = NULL;
    CHECK_OK(mqp_producer_new(config, &producer, &error));
    CHECK_OK(mqp_producer_start(producer, &error));
    mqp_config_free(config);
    return producer;
}

/* A message that keeps every rule. */
static inline mqp_message check_message(void) {
    mqp_message message = MQP_MESSAGE_INIT;
    message.topic = MQP_STR("abi-test");
    message.body.ptr = (const uint8_t *)"a\0b";
    message.body.len = 3;
    return message;
}

#endif
