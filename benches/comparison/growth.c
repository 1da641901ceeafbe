/* What a message costs with more producers, threads, topics, messages in flight, bytes; one cell of a table at a time.
 *
 *   growth NAME_SERVER sync|async PRODUCERS THREADS TOPICS IN_FLIGHT SIZE SECONDS
 *   growth NAME_SERVER hold 1 1 1 IN_FLIGHT SIZE SERVER
 *
 * SECONDS: of this process's CPU, after a third of them that does not count. `hold` stops the process SERVER, has
 * IN_FLIGHT messages of SIZE bytes wait for its answers, tells the memory, lets the process go on and waits for all ends. */
#include "../drivers/driver.h"

#include <mqproducer.h>
#include <signal.h>
#include <stdatomic.h>

enum { AT_ONCE = 256, MOST_PRODUCERS = 64, MOST_TOPICS = 10000 };

static const char *name_server;
static mqp_producer *producers[MOST_PRODUCERS];
static char topics[MOST_TOPICS][24];
static int producer_count, thread_count, topic_count;
static size_t in_flight, body_size;
static uint8_t *body;
static bool synchronous;
static atomic_llong done, errors;
static atomic_bool stop, measuring;

typedef struct {
    pthread_t thread;
    int number;
    int32_t *latencies;
    size_t count;
} worker;

static void must(mqp_status status, mqp_error **error) {
    if (status != MQP_OK) {
        fprintf(stderr, "%s: %s\n", mqp_status_name(status), mqp_error_message(*error));
        exit(EXIT_FAILURE);
    }
}

static void set(mqp_config *config, const char *key, const char *value) {
    mqp_error *error = NULL;
    must(mqp_config_set(config, mqp_str_of(key), mqp_str_of(value), &error), &error);
}

static mqp_producer *start(void) {
    mqp_error *error = NULL;
    mqp_config *config = NULL;
    mqp_producer *producer = NULL;
    char url[128];
    snprintf(url, sizeof url, "rocketmq://%s", name_server);
    must(mqp_config_new(&config, &error), &error);
    set(config, "url", url);
    set(config, "producer_group", "perf_group");
    set(config, "send_msg_timeout", "60000");
    set(config, "compress_msg_body_over_howmuch", "2147483647");
    set(config, "max_in_flight_messages", "1000000");
    set(config, "max_in_flight_bytes", "1073741824");
    must(mqp_producer_new(config, &producer, &error), &error);
    mqp_config_free(config);
    must(mqp_producer_start(producer, &error), &error);
    return producer;
}

static mqp_message message_of(size_t number) {
    mqp_message message = MQP_MESSAGE_INIT;
    message.topic = mqp_str_of(topics[number % (size_t)topic_count]);
    message.tags = MQP_STR("TagA");
    message.body.ptr = body;
    message.body.len = body_size;
    return message;
}

static void send_sync(worker *self) {
    size_t number = (size_t)self->number;
    while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
        mqp_message message = message_of(number);
        mqp_producer *producer = producers[number % (size_t)producer_count];
        mqp_error *error = NULL;
        double begin = bench_now_ns();
        must(mqp_producer_send(producer, &message, NULL, NULL, &error), &error);
        if (atomic_load_explicit(&measuring, memory_order_relaxed) && self->count < BENCH_LATENCIES) {
            self->latencies[self->count++] = (int32_t)(bench_now_ns() - begin);
        }
        atomic_fetch_add_explicit(&done, 1, memory_order_relaxed);
        number += (size_t)thread_count;
    }
}

static size_t complete(mqp_completion_queue *queue, bool wait) {
    mqp_completion completions[AT_ONCE];
    mqp_error *error = NULL;
    size_t count = 0, i;
    must(mqp_completion_queue_poll(queue, completions, sizeof(mqp_completion), AT_ONCE, wait ? 1000 : 0, &count, &error),
         &error);
    for (i = 0; i < count; i++) {
        if (completions[i].status != MQP_OK && atomic_fetch_add(&errors, 1) == 0) {
            fprintf(stderr, "%s\n", mqp_error_message(completions[i].error));
        }
    }
    mqp_completions_free(completions, sizeof(mqp_completion), count);
    atomic_fetch_add_explicit(&done, (long long)count, memory_order_relaxed);
    return count;
}

static void send_async(worker *self) {
    mqp_message messages[AT_ONCE];
    mqp_completion_queue *queue = NULL;
    mqp_error *error = NULL;
    size_t waiting = 0, window = in_flight / (size_t)thread_count, number = (size_t)self->number, turn = number, i;
    window = window == 0 ? 1 : window;
    must(mqp_completion_queue_new(&queue, &error), &error);
    while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
        size_t room = window - waiting, count = room < AT_ONCE ? room : AT_ONCE, accepted = 0;
        for (i = 0; i < count; i++) {
            messages[i] = message_of(number++);
        }
        must(mqp_producer_send_many(producers[turn++ % (size_t)producer_count], messages, count, sizeof(mqp_message), NULL,
                                    queue, NULL, &accepted, &error),
             &error);
        waiting += accepted;
        waiting -= complete(queue, waiting == window);
    }
    while (waiting > 0) {
        waiting -= complete(queue, true);
    }
    mqp_completion_queue_free(queue);
}

static void *work(void *user_data) {
    worker *self = user_data;
    if (synchronous) {
        send_sync(self);
    } else {
        send_async(self);
    }
    return NULL;
}

/* Routes and connections are there before anything is measured. */
static void touch(void) {
    mqp_error *error = NULL;
    int p, t;
    for (p = 0; p < producer_count; p++) {
        for (t = 0; t < topic_count; t++) {
            mqp_message message = message_of((size_t)t);
            must(mqp_producer_send(producers[p], &message, NULL, NULL, &error), &error);
        }
    }
}

static void hold(pid_t server) {
    mqp_error *error = NULL;
    mqp_completion_queue *queue = NULL;
    size_t sent, ended;
    long before, during;
    must(mqp_completion_queue_new(&queue, &error), &error);
    before = bench_status("VmRSS:");
    if (kill(server, SIGSTOP) != 0) {
        bench_fail("the server cannot be stopped");
    }
    for (sent = 0; sent < in_flight; sent++) {
        mqp_message message = message_of(sent);
        must(mqp_producer_send_queued(producers[0], &message, NULL, queue, NULL, &error), &error);
    }
    during = bench_status("VmRSS:");
    kill(server, SIGCONT);
    for (ended = 0; ended < in_flight;) {
        ended += complete(queue, true);
    }
    mqp_completion_queue_free(queue);
    printf("{\"in_flight\":%zu,\"bytes_each\":%.0f,\"rss_kb\":%ld,\"err\":%lld}\n", in_flight,
           (double)(during - before) * 1024 / (double)in_flight, during, atomic_load(&errors));
}

int main(int argc, char **argv) {
    mqp_error *error = NULL;
    worker *workers;
    int32_t *latencies;
    size_t count = 0;
    double cpu, begin, elapsed, seconds;
    long long messages;
    long rss;
    int i;
    if (argc != 9) {
        bench_fail("usage: NAME_SERVER sync|async|hold PRODUCERS THREADS TOPICS IN_FLIGHT SIZE SECONDS|SERVER");
    }
    name_server = argv[1];
    synchronous = bench_is(argv[2], "sync");
    producer_count = atoi(argv[3]);
    thread_count = atoi(argv[4]);
    topic_count = atoi(argv[5]);
    in_flight = (size_t)atol(argv[6]);
    body_size = (size_t)atol(argv[7]);
    seconds = atof(argv[8]);
    if (producer_count < 1 || producer_count > MOST_PRODUCERS || thread_count < 1 || topic_count < 1 ||
        topic_count > MOST_TOPICS || (body = calloc(body_size + 1, 1)) == NULL) {
        bench_fail("too many, or none");
    }
    memset(body, 'b', body_size);
    for (i = 0; i < topic_count; i++) {
        snprintf(topics[i], sizeof topics[i], "PerfTopic%05d", i);
    }
    for (i = 0; i < producer_count; i++) {
        producers[i] = start();
    }
    touch();
    if (bench_is(argv[2], "hold")) {
        hold((pid_t)atol(argv[8]));
        return EXIT_SUCCESS;
    }
    workers = calloc((size_t)thread_count, sizeof *workers);
    for (i = 0; i < thread_count; i++) {
        workers[i].number = i;
        workers[i].latencies = malloc(BENCH_LATENCIES * sizeof(int32_t));
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0) {
            bench_fail("no thread");
        }
    }
    bench_wait_cpu(seconds / 3);
    atomic_store(&measuring, true);
    messages = atomic_load(&done);
    cpu = bench_cpu_us();
    begin = bench_now_ns();
    bench_wait_cpu(seconds);
    messages = atomic_load(&done) - messages;
    cpu = bench_cpu_us() - cpu;
    elapsed = (bench_now_ns() - begin) / 1e9;
    atomic_store(&measuring, false);
    rss = bench_status("VmHWM:");
    atomic_store(&stop, true);
    latencies = malloc((size_t)thread_count * BENCH_LATENCIES * sizeof(int32_t));
    for (i = 0; i < thread_count; i++) {
        pthread_join(workers[i].thread, NULL);
        memcpy(latencies + count, workers[i].latencies, workers[i].count * sizeof(int32_t));
        count += workers[i].count;
    }
    for (i = 0; i < producer_count; i++) {
        must(mqp_producer_close(producers[i], 10000, &error), &error);
        mqp_producer_free(producers[i]);
    }
    bench_print(messages, elapsed, cpu, latencies, count, rss, atomic_load(&errors), false);
    return EXIT_SUCCESS;
}
