/* Sends as fast as it can in one mode and prints what a message cost: see ../README.md.
 *
 * Asynchronous messages go by mqp_producer_send_many and end in a completion queue, which the thread that sends polls:
 * no other thread of the program wakes for them. */
#include "../driver.h"

#include <mqproducer.h>
#include <stdatomic.h>

enum { AT_ONCE = 256 };

static bench_arguments arguments;
static mqp_producer *producer;
static mqp_message message = MQP_MESSAGE_INIT;
static atomic_llong done, errors;
/* Requests that were answered, and one-way messages. */
static atomic_llong answered, one_way;
static atomic_bool stop, measuring;

typedef struct {
    pthread_t thread;
    int32_t *latencies;
    size_t count;
} worker;

static void must(mqp_status status, mqp_error **error) {
    if (status != MQP_OK) {
        fprintf(stderr, "%s: %s\n", mqp_status_name(status), mqp_error_message(*error));
        exit(EXIT_FAILURE);
    }
}

static void count_error(mqp_error *error) {
    if (atomic_fetch_add(&errors, 1) == 0) {
        fprintf(stderr, "%s\n", mqp_error_message(error));
    }
    mqp_error_free(error);
}

static bool is_stored(const mqp_receipt *receipt) {
    mqp_receipt_view view = MQP_RECEIPT_VIEW_INIT;
    return mqp_receipt_get(receipt, &view, NULL) == MQP_OK && view.send_status == MQP_SEND_OK && view.queue_offset >= 0;
}

/* Whether it was answered. */
static bool send_one(void) {
    mqp_error *error = NULL;
    mqp_receipt *receipt = NULL;
    if (mqp_producer_send(producer, &message, NULL, &receipt, &error) != MQP_OK) {
        count_error(error);
        return false;
    }
    if (is_stored(receipt)) {
        atomic_fetch_add_explicit(&done, 1, memory_order_relaxed);
    } else {
        atomic_fetch_add(&errors, 1);
    }
    mqp_receipt_free(receipt);
    atomic_fetch_add_explicit(&answered, 1, memory_order_relaxed);
    return true;
}

static void send_sync(worker *self) {
    while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
        double begin = bench_now_ns();
        if (send_one() && atomic_load_explicit(&measuring, memory_order_relaxed) && self->count < BENCH_LATENCIES) {
            self->latencies[self->count++] = (int32_t)(bench_now_ns() - begin);
        }
    }
}

static void send_oneway(void) {
    long long n = 0;
    while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
        mqp_error *error = NULL;
        if (mqp_producer_send_oneway(producer, &message, NULL, NULL, &error) == MQP_OK) {
            atomic_fetch_add_explicit(&done, 1, memory_order_relaxed);
            atomic_fetch_add_explicit(&one_way, 1, memory_order_relaxed);
        } else {
            count_error(error);
        }
        if (++n % BENCH_ONE_WAYS == 0) {
            send_one();
        }
    }
}

static void send_batches(void) {
    mqp_message messages[BENCH_BATCH];
    while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
        mqp_error *error = NULL;
        mqp_batch_result *result = NULL;
        size_t i, stored = 0;
        for (i = 0; i < BENCH_BATCH; i++) {
            messages[i] = message;
        }
        if (mqp_producer_send_batch(producer, messages, BENCH_BATCH, sizeof(mqp_message), NULL, NULL, &result, &error) !=
            MQP_OK) {
            count_error(error);
        } else {
            for (i = 0; i < BENCH_BATCH; i++) {
                const mqp_receipt *receipt = NULL;
                const mqp_error *failure = NULL;
                must(mqp_batch_result_get(result, i, &receipt, &failure, &error), &error);
                stored += receipt != NULL && is_stored(receipt);
            }
            atomic_fetch_add(&answered, 1);
            atomic_fetch_add(&done, (long long)stored);
            atomic_fetch_add(&errors, (long long)(BENCH_BATCH - stored));
        }
        mqp_batch_result_free(result);
    }
}

/* Takes what has ended, waiting for the first when `wait`; how many there were. */
static size_t complete(mqp_completion_queue *queue, bool wait) {
    mqp_completion completions[AT_ONCE];
    mqp_error *error = NULL;
    size_t count = 0, stored = 0, i;
    must(mqp_completion_queue_poll(queue, completions, sizeof(mqp_completion), AT_ONCE, wait ? 1000 : 0, &count, &error),
         &error);
    for (i = 0; i < count; i++) {
        stored += completions[i].status == MQP_OK && is_stored(completions[i].receipt);
    }
    mqp_completions_free(completions, sizeof(mqp_completion), count);
    atomic_fetch_add_explicit(&done, (long long)stored, memory_order_relaxed);
    atomic_fetch_add_explicit(&answered, (long long)stored, memory_order_relaxed);
    atomic_fetch_add_explicit(&errors, (long long)(count - stored), memory_order_relaxed);
    return count;
}

static void send_async(void) {
    mqp_message messages[AT_ONCE];
    mqp_completion_queue *queue = NULL;
    mqp_error *error = NULL;
    size_t in_flight = 0, window = (size_t)(BENCH_WINDOW / arguments.threads), i;
    must(mqp_completion_queue_new(&queue, &error), &error);
    for (i = 0; i < AT_ONCE; i++) {
        messages[i] = message;
    }
    while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
        size_t room = window - in_flight, accepted = 0;
        if (mqp_producer_send_many(producer, messages, room < AT_ONCE ? room : AT_ONCE, sizeof(mqp_message), NULL, queue,
                                   NULL, &accepted, &error) != MQP_OK) {
            count_error(error);
        }
        in_flight += accepted;
        in_flight -= complete(queue, in_flight == window);
    }
    while (in_flight > 0) {
        in_flight -= complete(queue, true);
    }
    mqp_completion_queue_free(queue);
}

static void *work(void *user_data) {
    worker *self = (worker *)user_data;
    if (bench_is(arguments.mode, "sync")) {
        send_sync(self);
    } else if (bench_is(arguments.mode, "oneway")) {
        send_oneway();
    } else if (bench_is(arguments.mode, "batch")) {
        send_batches();
    } else if (bench_is(arguments.mode, "async")) {
        send_async();
    } else {
        bench_fail("unknown mode");
    }
    return NULL;
}

static void start(void) {
    mqp_error *error = NULL;
    mqp_config *config = NULL;
    char url[128];
    snprintf(url, sizeof url, "rocketmq://%s", arguments.name_server);
    must(mqp_config_new(&config, &error), &error);
    must(mqp_config_set(config, MQP_STR("url"), mqp_str_of(url), &error), &error);
    must(mqp_config_set(config, MQP_STR("producer_group"), MQP_STR("perf_group"), &error), &error);
    must(mqp_config_set(config, MQP_STR("send_msg_timeout"), MQP_STR("10000"), &error), &error);
    if (!arguments.compress) {
        must(mqp_config_set(config, MQP_STR("compress_msg_body_over_howmuch"), MQP_STR("2147483647"), &error), &error);
    }
    must(mqp_producer_new(config, &producer, &error), &error);
    mqp_config_free(config);
    must(mqp_producer_start(producer, &error), &error);
    message.topic = MQP_STR("PerfTopic");
    message.tags = MQP_STR("TagA");
    message.body.ptr = bench_body(&arguments);
    message.body.len = arguments.size;
}

int main(int argc, char **argv) {
    mqp_error *error = NULL;
    bench_counters before;
    worker *workers;
    int32_t *latencies;
    size_t count = 0;
    double cpu, begin, elapsed;
    long long messages, rss;
    int i;
    arguments = bench_read_arguments(argc, argv);
    if (bench_is(arguments.mode, "startup")) {
        start();
        if (!send_one()) {
            return EXIT_FAILURE;
        }
        bench_print_idle();
        return EXIT_SUCCESS;
    }
    before = bench_ask(arguments.name_server);
    start();
    workers = calloc((size_t)arguments.threads, sizeof *workers);
    for (i = 0; i < arguments.threads; i++) {
        workers[i].latencies = malloc(BENCH_LATENCIES * sizeof(int32_t));
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0) {
            bench_fail("no thread");
        }
    }
    bench_wait_cpu(arguments.warm);
    atomic_store(&measuring, true);
    messages = atomic_load(&done);
    cpu = bench_cpu_us();
    begin = bench_now_ns();
    bench_wait_cpu(arguments.seconds);
    messages = atomic_load(&done) - messages;
    cpu = bench_cpu_us() - cpu;
    elapsed = (bench_now_ns() - begin) / 1e9;
    atomic_store(&measuring, false);
    rss = bench_status("VmHWM:");
    atomic_store(&stop, true);
    latencies = malloc((size_t)arguments.threads * BENCH_LATENCIES * sizeof(int32_t));
    for (i = 0; i < arguments.threads; i++) {
        pthread_join(workers[i].thread, NULL);
        memcpy(latencies + count, workers[i].latencies, workers[i].count * sizeof(int32_t));
        count += workers[i].count;
    }
    must(mqp_producer_close(producer, 10000, &error), &error);
    mqp_producer_free(producer);
    bench_print(messages, elapsed, cpu, latencies, count, rss, atomic_load(&errors),
                bench_verify(&arguments, before, atomic_load(&answered), atomic_load(&one_way)));
    return EXIT_SUCCESS;
}
