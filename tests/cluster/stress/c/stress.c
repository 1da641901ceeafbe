/*
 * Sends many messages of known content in all modes through the C interface and writes down what became of each.
 * Usage: stress URL TOPIC [COUNT] OUT-FILE. Exit status 1 is a defect of this client, not a failed send.
 * MQP_STRESS_PAUSE_MS: a thread's pause after each message. MQP_STRESS_STOP: sends end, before COUNT, when this file is
 * there. Nothing is kept of a message but that it completed: a long run takes no more memory than a short one.
 */

#define _POSIX_C_SOURCE 200809L

#include <mqproducer.h>

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { THREADS = 4, PRODUCERS = 2, MAX_BODY = 1024 };

/* What all threads share; `lock` guards what changes. */
typedef struct stress {
    const char *topic;
    size_t count;
    mqp_producer *producers[PRODUCERS];
    pthread_mutex_t lock;
    pthread_cond_t changed;
    size_t next;
    size_t sent;
    size_t completed;
    size_t good;
    size_t contexts;
    FILE *out;
    long pause_ms;
    const char *stop;
    /* How often each message completed, and whether it was handed over. */
    unsigned char *completions;
    unsigned char *handed_over;
} stress;

/* The context of one callback. */
typedef struct context {
    stress *of;
    size_t index;
} context;

static void *allocated(void *memory) {
    if (memory == NULL) {
        fprintf(stderr, "stress-c: out of memory\n");
        exit(1);
    }
    return memory;
}

static const char *mode_of(size_t index) {
    return index % 10 == 9 ? "oneway" : index % 2 == 0 ? "sync" : "async";
}

static void write_quoted(FILE *out, const char *text, size_t length) {
    fputc('"', out);
    for (size_t at = 0; at < length; at++) {
        if (text[at] == '"' || text[at] == '\\') {
            fprintf(out, "\\%c", text[at]);
        } else if ((unsigned char)text[at] < 0x20) {
            fprintf(out, "\\u%04x", (unsigned)text[at]);
        } else {
            fputc(text[at], out);
        }
    }
    fputc('"', out);
}

/* Milliseconds since 1970. */
static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void write_receipt(FILE *out, const mqp_receipt *receipt) {
    mqp_receipt_view view = MQP_RECEIPT_VIEW_INIT;
    mqp_receipt_get(receipt, &view, NULL);
    fputs(",\"ok\":true,\"error\":null,\"maybe_persisted\":false,\"message_id\":", out);
    write_quoted(out, view.message_id.ptr, view.message_id.len);
    fprintf(out, ",\"queue_id\":%" PRId32 ",\"queue_offset\":%" PRId64 ",\"attempts\":%" PRIu32 ",\"broker\":",
            view.queue_id, view.queue_offset, view.attempts);
    write_quoted(out, view.broker_name.ptr, view.broker_name.len);
}

static void write_error(FILE *out, const mqp_error *error) {
    const char *name = mqp_status_name(mqp_error_status(error)), *message = mqp_error_message(error);
    mqp_error_view view = MQP_ERROR_VIEW_INIT;
    size_t size = strlen(name) + strlen(message) + 3;
    char *text = allocated(malloc(size));
    snprintf(text, size, "%s: %s", name, message);
    mqp_error_get(error, &view, NULL);
    fprintf(out, ",\"ok\":false,\"maybe_persisted\":%s,\"error\":", view.maybe_persisted ? "true" : "false");
    write_quoted(out, text, size - 1);
    free(text);
}

/* Writes down the end of a message; both handles stay the caller's. */
static void complete(stress *all, size_t index, mqp_status status, const mqp_receipt *receipt, const mqp_error *error) {
    pthread_mutex_lock(&all->lock);
    fprintf(all->out, "{\"i\":%zu,\"mode\":\"%s\",\"at_ms\":%" PRId64, index, mode_of(index), now_ms());
    if (status == MQP_OK) {
        write_receipt(all->out, receipt);
        all->good++;
    } else {
        write_error(all->out, error);
    }
    fputs("}\n", all->out);
    all->completions[index]++;
    all->completed++;
    pthread_cond_broadcast(&all->changed);
    pthread_mutex_unlock(&all->lock);
}

static void on_completion(void *user_data, const mqp_completion *completion) {
    const context *mine = user_data;
    complete(mine->of, mine->index, completion->status, completion->receipt, completion->error);
}

static void drop_context(void *user_data) {
    context *mine = user_data;
    pthread_mutex_lock(&mine->of->lock);
    mine->of->contexts--;
    pthread_cond_broadcast(&mine->of->changed);
    pthread_mutex_unlock(&mine->of->lock);
    free(mine);
}

static size_t make_body(uint8_t *body, size_t index) {
    size_t length = (size_t)snprintf((char *)body, MAX_BODY, "c-%zu|", index);
    body[length++] = 0;
    body[length++] = (uint8_t)(index % 256);
    body[length++] = 0xff;
    body[length++] = 0;
    for (size_t at = 0; at < index * 7 % 900; at++) {
        body[length++] = (uint8_t)((index + at) % 256);
    }
    return length;
}

static void send_async(stress *all, mqp_producer *producer, const mqp_message *message, size_t index) {
    context *mine = allocated(malloc(sizeof *mine));
    mine->of = all;
    mine->index = index;
    pthread_mutex_lock(&all->lock);
    all->contexts++;
    pthread_mutex_unlock(&all->lock);
    mqp_callback callback = {on_completion, mine, drop_context};
    mqp_error *error = NULL;
    mqp_status status = mqp_producer_send_async(producer, message, NULL, callback, &error);
    if (status != MQP_OK) {
        complete(all, index, status, NULL, error);
        drop_context(mine);
    }
    mqp_error_free(error);
}

static void send_one(stress *all, size_t index) {
    uint8_t body[MAX_BODY];
    char number[32], tags[32], keys[96], name[32], value[64];
    snprintf(number, sizeof number, "%zu", index);
    snprintf(tags, sizeof tags, "T%zu", index % 5);
    snprintf(keys, sizeof keys, "c-%zu k%zu", index, index % 7);
    snprintf(name, sizeof name, "p%zu", index % 3);
    snprintf(value, sizeof value, "value \xc3\xa9 %zu", index);
    mqp_property properties[] = {
        {MQP_STR("index"), mqp_str_of(number)},
        {MQP_STR("lang"), MQP_STR("c")},
        {mqp_str_of(name), mqp_str_of(value)},
    };
    mqp_message message = MQP_MESSAGE_INIT;
    message.topic = mqp_str_of(all->topic);
    message.body.ptr = body;
    message.body.len = make_body(body, index);
    message.tags = mqp_str_of(tags);
    message.keys = mqp_str_of(keys);
    message.flag = (int32_t)(index % 1000);
    message.properties = properties;
    message.property_count = sizeof properties / sizeof properties[0];

    mqp_producer *producer = all->producers[index / 2 % PRODUCERS];
    int oneway = index % 10 == 9;
    if (!oneway && index % 2 != 0) {
        send_async(all, producer, &message, index);
        return;
    }
    mqp_receipt *receipt = NULL;
    mqp_error *error = NULL;
    mqp_status status = oneway ? mqp_producer_send_oneway(producer, &message, NULL, &receipt, &error)
                               : mqp_producer_send(producer, &message, NULL, &receipt, &error);
    complete(all, index, status, receipt, error);
    mqp_receipt_free(receipt);
    mqp_error_free(error);
}

static void *send_many(void *argument) {
    stress *all = argument;
    for (;;) {
        pthread_mutex_lock(&all->lock);
        size_t index = all->next++;
        int goes = index < all->count && (all->stop == NULL || access(all->stop, F_OK) != 0);
        if (goes) {
            all->handed_over[index] = 1;
            all->sent++;
        }
        pthread_mutex_unlock(&all->lock);
        if (!goes) {
            return NULL;
        }
        send_one(all, index);
        if (all->pause_ms > 0) {
            struct timespec pause = {all->pause_ms / 1000, all->pause_ms % 1000 * 1000000};
            nanosleep(&pause, NULL);
        }
    }
}

static int report(mqp_error *error) {
    fprintf(stderr, "stress-c: %s: %s\n", mqp_status_name(mqp_error_status(error)), mqp_error_message(error));
    mqp_error_free(error);
    return 0;
}

/* A started producer in `*out`; 0 on failure. */
static int make_producer(const char *url, const char *group, mqp_producer **out) {
    mqp_config *config = NULL;
    mqp_error *error = NULL;
    int good = mqp_config_new(&config, &error) == MQP_OK &&
               mqp_config_set(config, MQP_STR("url"), mqp_str_of(url), &error) == MQP_OK &&
               mqp_config_set(config, MQP_STR("producer_group"), mqp_str_of(group), &error) == MQP_OK &&
               mqp_producer_new(config, out, &error) == MQP_OK && mqp_producer_start(*out, &error) == MQP_OK;
    mqp_config_free(config);
    return good ? 1 : report(error);
}

/* Waits until each message has its outcome and each context is given back; gives up after a minute. */
static void wait_for_all(stress *all) {
    struct timespec deadline;
    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += 60;
    pthread_mutex_lock(&all->lock);
    int status = 0;
    while (status == 0 && (all->completed < all->sent || all->contexts > 0)) {
        status = pthread_cond_timedwait(&all->changed, &all->lock, &deadline);
    }
    pthread_mutex_unlock(&all->lock);
}

static int run(stress *all) {
    pthread_t threads[THREADS];
    for (int thread = 0; thread < THREADS; thread++) {
        if (pthread_create(&threads[thread], NULL, send_many, all) != 0) {
            fprintf(stderr, "stress-c: no thread\n");
            exit(1);
        }
    }
    for (int thread = 0; thread < THREADS; thread++) {
        pthread_join(threads[thread], NULL);
    }
    for (int producer = 0; producer < PRODUCERS; producer++) {
        mqp_error *error = NULL;
        if (mqp_producer_flush(all->producers[producer], 60000, &error) != MQP_OK) {
            report(error);
        }
        if (mqp_producer_close(all->producers[producer], 10000, &error) != MQP_OK) {
            report(error);
        }
    }
    wait_for_all(all);

    size_t defects = all->contexts;
    for (size_t index = 0; index < all->count; index++) {
        if (all->completions[index] != all->handed_over[index]) {
            defects++;
            fprintf(stderr, "stress-c: message %zu (%s) has %d completions\n", index, mode_of(index),
                    all->completions[index]);
        }
    }
    int written = fclose(all->out) == 0;
    printf("c: %zu messages, %zu ok, %zu failed, %zu defects\n", all->sent, all->good, all->sent - all->good, defects);
    if (!written) {
        fprintf(stderr, "stress-c: cannot write the report\n");
    }
    return defects == 0 && written ? 0 : 1;
}

int main(int argc, char **argv) {
    if (argc != 4 && argc != 5) {
        fprintf(stderr, "usage: stress URL TOPIC [COUNT] OUT-FILE\n");
        return 2;
    }
    stress all = {.topic = argv[2], .count = argc == 5 ? strtoul(argv[3], NULL, 10) : 10000};
    const char *pause = getenv("MQP_STRESS_PAUSE_MS");
    all.pause_ms = pause != NULL ? strtol(pause, NULL, 10) : 0;
    all.stop = getenv("MQP_STRESS_STOP");
    all.completions = allocated(calloc(all.count + 1, 1));
    all.handed_over = allocated(calloc(all.count + 1, 1));
    all.out = allocated(fopen(argv[argc - 1], "w"));
    setvbuf(all.out, NULL, _IOLBF, BUFSIZ);
    pthread_mutex_init(&all.lock, NULL);
    pthread_cond_init(&all.changed, NULL);

    mqp_error *error = NULL;
    int status = 1;
    if (mqp_version_check(MQP_VERSION_NUMBER, &error) != MQP_OK) {
        report(error);
    } else if (make_producer(argv[1], "c-a", &all.producers[0]) && make_producer(argv[1], "c-b", &all.producers[1])) {
        status = run(&all);
    }
    for (int producer = 0; producer < PRODUCERS; producer++) {
        mqp_producer_free(all.producers[producer]);
    }
    free(all.completions);
    free(all.handed_over);
    return status;
}
