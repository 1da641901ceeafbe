/* Sends messages to an ActiveMQ broker and prints what they cost this process: see README.md.
 *
 * Its arguments: URL sync|async|queued|window DESTINATION WARM COUNT SIZE THREADS. Each thread sends its part of WARM and of
 * COUNT; the last message of a window's is persistent, so that all before it have reached the broker when it is answered.
 */
#include <mqproducer.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { IN_FLIGHT = 1000, AT_ONCE = 64 };

static mqp_producer *producer;
static const char *mode;
static mqp_message message = MQP_MESSAGE_INIT;
static long part;
static atomic_long failed;

static void must(mqp_status status, mqp_error *error) {
    if (status != MQP_OK) {
        fprintf(stderr, "%s: %s\n", mqp_status_name(status), mqp_error_message(error));
        exit(EXIT_FAILURE);
    }
}

static double wall_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static double cpu_us(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e6 +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}

static void send_and_wait(const mqp_message *one) {
    mqp_error *error = NULL;
    mqp_receipt *receipt = NULL;
    must(mqp_producer_send(producer, one, NULL, &receipt, &error), error);
    mqp_receipt_free(receipt);
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t room = PTHREAD_COND_INITIALIZER;
static long outstanding;

static void ended(void *user_data, const mqp_completion *completion) {
    (void)user_data;
    if (completion->status != MQP_OK) {
        atomic_fetch_add(&failed, 1);
    }
    pthread_mutex_lock(&lock);
    outstanding--;
    if (outstanding <= IN_FLIGHT / 2) {
        pthread_cond_broadcast(&room);
    }
    pthread_mutex_unlock(&lock);
}

/* At the limit until half of it is free: a sender that wakes for each message measures itself. */
static void wait_for_room(void) {
    pthread_mutex_lock(&lock);
    if (outstanding >= IN_FLIGHT) {
        while (outstanding > IN_FLIGHT / 2) {
            pthread_cond_wait(&room, &lock);
        }
    }
    outstanding++;
    pthread_mutex_unlock(&lock);
}

static void send_async(void) {
    mqp_callback callback = {ended, NULL, NULL};
    long i;
    for (i = 0; i < part; i++) {
        mqp_error *error = NULL;
        wait_for_room();
        must(mqp_producer_send_async(producer, &message, NULL, callback, &error), error);
    }
}

static void send_queued(void) {
    mqp_message messages[AT_ONCE];
    mqp_completion completions[AT_ONCE];
    mqp_completion_queue *queue = NULL;
    mqp_error *error = NULL;
    long under_way = 0, left = part;
    size_t i;
    must(mqp_completion_queue_new(&queue, &error), error);
    for (i = 0; i < AT_ONCE; i++) {
        messages[i] = message;
    }
    while (left > 0 || under_way > 0) {
        size_t accepted = 0, count = 0, want = left < AT_ONCE ? (size_t)left : AT_ONCE;
        if (want > 0 && under_way + (long)want <= IN_FLIGHT) {
            must(mqp_producer_send_many(producer, messages, want, sizeof(mqp_message), NULL, queue, NULL, &accepted, &error),
                 error);
            left -= (long)accepted;
            under_way += (long)accepted;
            continue;
        }
        must(mqp_completion_queue_poll(queue, completions, sizeof(mqp_completion), AT_ONCE, 10000, &count, &error), error);
        for (i = 0; i < count; i++) {
            if (completions[i].status != MQP_OK) {
                atomic_fetch_add(&failed, 1);
            }
        }
        mqp_completions_free(completions, sizeof(mqp_completion), count);
        under_way -= (long)count;
    }
    mqp_completion_queue_free(queue);
}

static void send_window(void) {
    mqp_jms persistent = MQP_JMS_INIT;
    mqp_message last = message;
    long i;
    for (i = 0; i < part - 1; i++) {
        send_and_wait(&message);
    }
    persistent.delivery_mode = MQP_DELIVERY_PERSISTENT;
    last.jms = &persistent;
    send_and_wait(&last);
}

static void *work(void *unused) {
    long i;
    (void)unused;
    if (strcmp(mode, "async") == 0) {
        send_async();
    } else if (strcmp(mode, "queued") == 0) {
        send_queued();
    } else if (strcmp(mode, "window") == 0) {
        send_window();
    } else {
        for (i = 0; i < part; i++) {
            send_and_wait(&message);
        }
    }
    return NULL;
}

static void send_all(long count, int threads) {
    pthread_t running[64];
    mqp_error *error = NULL;
    int i;
    part = count / threads;
    for (i = 0; i < threads; i++) {
        if (pthread_create(&running[i], NULL, work, NULL) != 0) {
            fputs("no thread\n", stderr);
            exit(EXIT_FAILURE);
        }
    }
    for (i = 0; i < threads; i++) {
        pthread_join(running[i], NULL);
    }
    must(mqp_producer_flush(producer, 60000, &error), error);
}

int main(int argc, char **argv) {
    mqp_error *error = NULL;
    mqp_config *config = NULL;
    double wall, cpu;
    long count;
    int threads;
    if (argc != 8) {
        fputs("usage: URL sync|async|queued|window DESTINATION WARM COUNT SIZE THREADS\n", stderr);
        return EXIT_FAILURE;
    }
    mode = argv[2];
    count = atol(argv[5]);
    threads = atoi(argv[7]);
    if (threads < 1 || threads > 64) {
        fputs("THREADS is from 1 to 64\n", stderr);
        return EXIT_FAILURE;
    }
    must(mqp_config_new(&config, &error), error);
    must(mqp_config_set(config, MQP_STR("url"), mqp_str_of(argv[1]), &error), error);
    must(mqp_config_set(config, MQP_STR("send_msg_timeout"), MQP_STR("60000"), &error), error);
    if (strcmp(mode, "window") == 0) {
        must(mqp_config_set(config, MQP_STR("delivery_mode"), MQP_STR("non_persistent"), &error), error);
        must(mqp_config_set(config, MQP_STR("producer_window_size"), MQP_STR("1048576"), &error), error);
    }
    must(mqp_producer_new(config, &producer, &error), error);
    mqp_config_free(config);
    must(mqp_producer_start(producer, &error), error);
    message.topic = mqp_str_of(argv[3]);
    message.body.len = (size_t)atol(argv[6]);
    message.body.ptr = malloc(message.body.len + 1);
    memset((void *)(uintptr_t)message.body.ptr, 'x', message.body.len);
    send_all(atol(argv[4]), threads);
    cpu = cpu_us();
    wall = wall_us();
    send_all(count, threads);
    wall = wall_us() - wall;
    cpu = cpu_us() - cpu;
    printf("{\"count\":%ld,\"wall_us\":%.0f,\"cpu_us\":%.0f,\"failed\":%ld}\n", count, wall, cpu, atomic_load(&failed));
    must(mqp_producer_close(producer, 60000, &error), error);
    mqp_producer_free(producer);
    return EXIT_SUCCESS;
}
