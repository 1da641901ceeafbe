/* A process that reaches its limits of descriptors and memory: sends fail by name, what is open goes on, and all is well when
 * there is room again. The first argument is the url of a broker that answers no send. */
#define _DEFAULT_SOURCE
#include "check.h"

#include <sys/resource.h>
#include <unistd.h>

#define MIB (1024 * 1024)

static const char *url, *silent;

static void no_more_descriptors(void) {
    mqp_message message = check_message();
    mqp_producer *open = check_start(check_config(url)), *late = NULL;
    mqp_config *config = check_config(url);
    mqp_error *refusal = NULL;
    struct rlimit before, none;
    mqp_status status;
    int next = dup(0);
    CHECK(mqp_config_set(config, MQP_STR("send_msg_timeout"), MQP_STR("2000"), NULL) == MQP_OK);
    CHECK_OK(mqp_producer_send(open, &message, NULL, NULL, &error));
    CHECK_OK(mqp_producer_new(config, &late, &error));
    CHECK(getrlimit(RLIMIT_NOFILE, &before) == 0 && next >= 0);
    /* Numbers below `next` are taken. */
    close(next);
    none = before;
    none.rlim_cur = (rlim_t)next;
    CHECK(setrlimit(RLIMIT_NOFILE, &none) == 0);
    CHECK(dup(0) == -1);
    status = mqp_producer_start(late, &refusal);
    if (status == MQP_OK) {
        status = mqp_producer_send(late, &message, NULL, NULL, &refusal);
    }
    CHECK(status != MQP_OK && strstr(mqp_error_message(refusal), "Too many open files") != NULL);
    if (check_failures > 0) {
        printf("%s: %s\n", mqp_status_name(status), mqp_error_message(refusal));
    }
    mqp_error_free(refusal);
    CHECK_OK(mqp_producer_send(open, &message, NULL, NULL, &error));
    CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
    mqp_producer_free(late);
    late = check_start(config);
    CHECK_OK(mqp_producer_send(late, &message, NULL, NULL, &error));
    CHECK_OK(mqp_producer_send(open, &message, NULL, NULL, &error));
    mqp_producer_free(late);
    mqp_producer_free(open);
}

static void end(void *user_data, const mqp_completion *completion) {
    (void)user_data;
    (void)completion;
}

/* The bytes of address space that this process takes. */
static rlim_t address_space(void) {
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    CHECK(file != NULL && fscanf(file, "%lu", &pages) == 1);
    fclose(file);
    return (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE);
}

/* A broker that answers nothing lets messages pile up to the bound and not to the end of memory. */
static void little_memory(void) {
    static uint8_t body[MIB];
    mqp_message message = check_message();
    mqp_callback callback = {end, NULL, NULL};
    mqp_config *config = check_config(silent);
    mqp_producer *producer;
    struct rlimit before, little;
    int i, taken = 0, refused = 0;
    CHECK_OK(mqp_config_set(config, MQP_STR("max_in_flight_bytes"), MQP_STR("33554432"), &error));
    CHECK_OK(mqp_config_set(config, MQP_STR("backpressure"), MQP_STR("fail"), &error));
    producer = check_start(config);
    message.body.ptr = body;
    message.body.len = sizeof(body);
    CHECK(getrlimit(RLIMIT_AS, &before) == 0);
    little = before;
    little.rlim_cur = address_space() + 192 * MIB;
    CHECK(setrlimit(RLIMIT_AS, &little) == 0);
    for (i = 0; i < 2000; i++) {
        mqp_status status = mqp_producer_send_async(producer, &message, NULL, callback, NULL);
        taken += status == MQP_OK;
        refused += status == MQP_ERR_BACKPRESSURE;
    }
    CHECK(taken == 32 && refused == 2000 - 32);
    CHECK_ERROR(mqp_producer_flush(producer, 10, &error), MQP_ERR_TIMEOUT, "32 messages have not completed");
    mqp_producer_free(producer);
    CHECK(setrlimit(RLIMIT_AS, &before) == 0);
}

int main(int count, char **arguments) {
    mqp_mock_cluster *cluster = NULL;
    CHECK(count == 2);
    silent = arguments[1];
    CHECK_OK(mqp_mock_cluster_new(MQP_STR(""), 1, 4, &cluster, &error));
    url = mqp_mock_cluster_url(cluster);
    RUN(no_more_descriptors);
    RUN(little_memory);
    mqp_mock_cluster_free(cluster);
    return check_finish();
}
