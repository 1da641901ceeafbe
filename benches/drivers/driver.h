/* What the drivers in C and C++ share: their command line, a body, clocks, the server's counters, the line at the end. */
#ifndef BENCH_DRIVER_H
#define BENCH_DRIVER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    /* Most messages in flight in mode async. */
    BENCH_WINDOW = 1000,
    /* Messages of one batch. */
    BENCH_BATCH = 32,
    /* After so many one-way messages comes one that is answered, so that none only sits in a buffer when it counts. */
    BENCH_ONE_WAYS = 1000,
    /* Latencies that one thread keeps. */
    BENCH_LATENCIES = 1 << 20
};

typedef struct {
    const char *name_server, *mode;
    int threads;
    size_t size;
    bool text, compress;
    /* CPU seconds of this process that are measured, and those before them. */
    double seconds, warm;
} bench_arguments;

/* What the server says it received; of no meaning unless `known`. */
typedef struct {
    bool known;
    long long answered, one_way, bytes;
} bench_counters;

static inline void bench_fail(const char *what) {
    fprintf(stderr, "%s\n", what);
    exit(EXIT_FAILURE);
}

static inline bool bench_is(const char *text, const char *other) { return strcmp(text, other) == 0; }

static inline bench_arguments bench_read_arguments(int argc, char **argv) {
    bench_arguments arguments;
    if (argc != 9) {
        bench_fail("usage: NAME_SERVER sync|async|oneway|batch|startup THREADS SIZE text|rand on|off SECONDS WARM");
    }
    arguments.name_server = argv[1];
    arguments.mode = argv[2];
    arguments.threads = atoi(argv[3]);
    arguments.size = (size_t)atol(argv[4]);
    arguments.text = bench_is(argv[5], "text");
    arguments.compress = bench_is(argv[6], "on");
    arguments.seconds = atof(argv[7]);
    arguments.warm = atof(argv[8]);
    return arguments;
}

/* Text that compresses, or noise that does not. */
static inline uint8_t *bench_body(const bench_arguments *arguments) {
    static const char text[] = "The quick brown fox jumps over the lazy dog; order=12345 status=PAID amount=99.95 ";
    uint8_t *body = (uint8_t *)malloc(arguments->size + 1);
    uint64_t noise = 88172645463325252u;
    size_t i;
    if (body == NULL) {
        bench_fail("no memory");
    }
    for (i = 0; i < arguments->size; i++) {
        if (arguments->text) {
            body[i] = (uint8_t)text[i % (sizeof text - 1)];
        } else {
            noise ^= noise << 13;
            noise ^= noise >> 7;
            noise ^= noise << 17;
            body[i] = (uint8_t)noise;
        }
    }
    for (i = 0; arguments->text && i + 8 < arguments->size; i += 97) {
        body[i] = (uint8_t)('a' + i * 7919 % 26);
    }
    return body;
}

static inline double bench_now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static inline double bench_cpu_us(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e6 +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}

/* Waits until the process has used so much CPU; a busy machine makes the wait longer, not the sample smaller. */
static inline void bench_wait_cpu(double seconds) {
    double cpu = bench_cpu_us(), begin = bench_now_ns();
    for (;;) {
        double elapsed;
        usleep(50000);
        elapsed = (bench_now_ns() - begin) / 1e9;
        if ((bench_cpu_us() - cpu >= seconds * 1e6 && elapsed >= 0.3) || elapsed >= seconds * 15) {
            return;
        }
    }
}

/* A line of /proc/self/status. */
static inline long bench_status(const char *name) {
    FILE *status = fopen("/proc/self/status", "r");
    char line[256];
    long value = 0;
    while (status != NULL && fgets(line, sizeof line, status) != NULL) {
        if (strncmp(line, name, strlen(name)) == 0) {
            value = atol(line + strlen(name) + 1);
        }
    }
    if (status != NULL) {
        fclose(status);
    }
    return value;
}

static inline bool bench_receive(int socket, void *into, size_t length) {
    uint8_t *at = (uint8_t *)into;
    while (length > 0) {
        ssize_t n = recv(socket, at, length, 0);
        if (n <= 0) {
            return false;
        }
        at += n;
        length -= (size_t)n;
    }
    return true;
}

static inline long long bench_number(const char *json, const char *name) {
    const char *at = strstr(json, name);
    return at == NULL ? -1 : atoll(at + strlen(name));
}

/* Asks the null broker what it received; other servers know no such request. */
static inline bench_counters bench_ask(const char *name_server) {
    static const char header[] = "{\"code\":9999,\"flag\":0,\"opaque\":1}";
    bench_counters counters = {false, 0, 0, 0};
    char host[64], reply[4096];
    struct sockaddr_in address;
    uint32_t lengths[2] = {htonl((uint32_t)sizeof header + 3), htonl((uint32_t)sizeof header - 1)};
    const char *colon = strrchr(name_server, ':');
    size_t total;
    int peer;
    memset(&address, 0, sizeof address);
    if (colon == NULL || (size_t)(colon - name_server) >= sizeof host) {
        return counters;
    }
    memcpy(host, name_server, (size_t)(colon - name_server));
    host[colon - name_server] = '\0';
    address.sin_family = AF_INET;
    address.sin_port = htons((uint16_t)atoi(colon + 1));
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1) {
        return counters;
    }
    peer = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(peer, (struct sockaddr *)&address, sizeof address) == 0 && send(peer, lengths, 8, 0) == 8 &&
        send(peer, header, sizeof header - 1, 0) == sizeof header - 1 && bench_receive(peer, lengths, 4)) {
        total = ntohl(lengths[0]);
        if (total < sizeof reply && bench_receive(peer, reply, total)) {
            /* Behind the length of the header, which may hold no NUL, the text is searched as a whole. */
            size_t length = (ntohl(*(uint32_t *)(void *)reply) & 0xffffff) + 4;
            reply[total] = '\0';
            if (length < total) {
                counters.answered = bench_number(reply + length, "\"sends\":");
                counters.one_way = bench_number(reply + length, "\"oneway\":");
                counters.bytes = bench_number(reply + length, "\"bytes\":");
                counters.known = counters.answered >= 0 && counters.one_way >= 0 && counters.bytes >= 0;
            }
        }
    }
    close(peer);
    return counters;
}

/* Ends the program unless the server received what it acknowledged or the kernel took; false: it does not tell. */
static inline bool bench_verify(const bench_arguments *arguments, bench_counters before, long long answered,
                                long long one_way) {
    double give_up = bench_now_ns() + 10e9;
    bench_counters after;
    long long bytes = arguments->compress && arguments->size >= 4096 ? 0 : (long long)arguments->size;
    if (!before.known) {
        return false;
    }
    if (bench_is(arguments->mode, "batch")) {
        bytes *= BENCH_BATCH;
    }
    do {
        after = bench_ask(arguments->name_server);
        if (after.known && after.answered - before.answered == answered && after.one_way - before.one_way == one_way &&
            after.bytes - before.bytes >= (answered + one_way) * bytes) {
            return true;
        }
        /* What was sent one-way may be on its way. */
        usleep(10000);
    } while (bench_now_ns() < give_up);
    fprintf(stderr, "sent: %lld answered, %lld one-way; the server received %lld, %lld, %lld bytes\n", answered, one_way,
            after.answered - before.answered, after.one_way - before.one_way, after.bytes - before.bytes);
    exit(EXIT_FAILURE);
}

static inline int bench_compare(const void *one, const void *other) {
    int32_t a = *(const int32_t *)one, b = *(const int32_t *)other;
    return (a > b) - (a < b);
}

static inline double bench_quantile(const int32_t *sorted, size_t count, double share) {
    return count == 0 ? 0 : (double)sorted[(size_t)((double)count * share)] / 1e3;
}

static inline void bench_print(long long messages, double elapsed_s, double cpu_us, int32_t *latencies, size_t count,
                               long rss_kb, long long errors, bool verified) {
    qsort(latencies, count, sizeof *latencies, bench_compare);
    printf("{\"msgs\":%lld,\"secs\":%.3f,\"rate\":%.0f,\"cpu_us\":%.3f,\"p50\":%.1f,\"p99\":%.1f,\"p999\":%.1f,"
           "\"rss_kb\":%ld,\"err\":%lld,\"verified\":%s}\n",
           messages, elapsed_s, (double)messages / elapsed_s, cpu_us / (double)(messages > 0 ? messages : 1),
           bench_quantile(latencies, count, .5), bench_quantile(latencies, count, .99),
           bench_quantile(latencies, count, .999), rss_kb, errors, verified ? "true" : "false");
    fflush(stdout);
}

static inline void bench_print_idle(void) {
    puts("ACK");
    fflush(stdout);
    sleep(2);
    printf("{\"rss_kb\":%ld,\"threads\":%ld}\n", bench_status("VmRSS:"), bench_status("Threads:"));
    fflush(stdout);
}

#endif
