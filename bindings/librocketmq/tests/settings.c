/* What each setting changes: in the messages, in the requests, on the disk. */
#include "drop_in.h"

#include <dlfcn.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define GET_ROUTE 105
#define HEARTBEAT 34

/* Sends one message, started and finished here. */
static void sent_by(CProducer *producer, CMessage *message) {
    CSendResult result;
    STATUS(StartProducer(producer), OK);
    STATUS(SendMessageSync(producer, message, &result), OK);
    finished(producer);
    STATUS(DestroyMessage(message), OK);
}

/* The newest request of a code; freed by mqp_mock_requests_free. */
static mqp_mock_requests *newest(int32_t code, mqp_mock_request_view *view) {
    mqp_mock_requests *requests = NULL;
    mqp_mock_request_view empty = MQP_MOCK_REQUEST_VIEW_INIT;
    *view = empty;
    CHECK_OK(mqp_mock_cluster_requests(cluster, MQP_STR(""), code, &requests, &error));
    CHECK_OK(mqp_mock_requests_get(requests, mqp_mock_requests_count(requests) - 1, view, &error));
    return requests;
}

/* The value of a request's field; empty without it. */
static mqp_str field_of(const mqp_mock_request_view *view, const char *name) {
    mqp_str none = {"", 0};
    size_t index;
    for (index = 0; index < view->field_count; index++) {
        const char *at = (const char *)view->fields + index * view->field_size;
        const mqp_property *field = (const mqp_property *)(const void *)at;
        if (is(field->name, name)) {
            return field->value;
        }
    }
    return none;
}

static int contains(mqp_bytes body, const char *part) {
    size_t length = strlen(part), at;
    for (at = 0; at + length <= body.len; at++) {
        if (memcmp((const char *)body.ptr + at, part, length) == 0) {
            return 1;
        }
    }
    return 0;
}

static void traces_are_sent_when_they_are_open(void) {
    CProducer *producer = configured(CreateProducer("drop-in-trace"));
    CSendResult result;
    CMessage *message = text_message("Traced", "t");
    mqp_mock_messages *traces;

    STATUS(SetProducerMessageTrace(producer, OPEN), OK);
    STATUS(StartProducer(producer), OK);
    STATUS(SendMessageSync(producer, message, &result), OK);
    finished(producer);
    traces = stored("RMQ_SYS_TRACE_TOPIC", 1);
    CHECK(contains(view_of(traces, 0).body, "Pub\001") && contains(view_of(traces, 0).body, result.msgId));
    mqp_mock_messages_free(traces);
    CHECK_OK(mqp_mock_cluster_clear(cluster, &error));
    producer = configured(CreateProducer("drop-in-trace"));
    STATUS(SetProducerMessageTrace(producer, CLOSE), OK);
    sent_by(producer, message);
    mqp_mock_messages_free(stored("RMQ_SYS_TRACE_TOPIC", 0));
}

/* The signature is base64(HMAC-SHA1("secret", ...)) over the values of the fields, in the order of their names. */
static void credentials_sign_every_request(void) {
    static const int32_t codes[] = {GET_ROUTE, HEARTBEAT, SEND_MESSAGE_V2};
    CProducer *producer = configured(CreateProducer("drop-in-signed"));
    mqp_mock_request_view view;
    size_t index;

    CHECK_OK(mqp_mock_cluster_clear_requests(cluster, &error));
    STATUS(SetProducerSessionCredentials(producer, "access", "secret", "ALIYUN"), OK);
    sent_by(producer, text_message("Signed", "s"));
    for (index = 0; index < sizeof codes / sizeof *codes; index++) {
        mqp_mock_requests *requests = newest(codes[index], &view);
        CHECK(is(field_of(&view, "AccessKey"), "access") && field_of(&view, "Signature").len == 28);
        /* Whose values are always the same: "access", "true" and the topic, of which the default one was asked last. */
        if (codes[index] == GET_ROUTE) {
            CHECK(is(field_of(&view, "topic"), "TBW102") && is(field_of(&view, "acceptStandardJsonOnly"), "true"));
            CHECK(is(field_of(&view, "Signature"), "DRTZIJj2uDPayLr5lJJLOPpJDGc="));
        }
        mqp_mock_requests_free(requests);
    }
    CHECK_OK(mqp_mock_cluster_clear_requests(cluster, &error));
    sent_by(configured(CreateProducer("drop-in-signed")), text_message("Signed", "s"));
    {
        mqp_mock_requests *requests = newest(SEND_MESSAGE_V2, &view);
        CHECK(field_of(&view, "AccessKey").len == 0 && field_of(&view, "Signature").len == 0);
        mqp_mock_requests_free(requests);
    }
}

/* Answers one request of HTTP with the name server's address. */
static struct {
    int socket;
    char asked[256];
} address_server;

static void *serve_address(void *unused) {
    char answer[256];
    int connection = accept(address_server.socket, NULL, NULL);
    ssize_t length = read(connection, address_server.asked, sizeof address_server.asked - 1);
    (void)unused;
    CHECK(length > 0);
    snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
             strlen(address), address);
    CHECK(write(connection, answer, strlen(answer)) == (ssize_t)strlen(answer));
    close(connection);
    return NULL;
}

/* Sends with the domain `form`, in which %d is the port; it must be asked for `path`. */
static void found_by_domain(const char *form, const char *path) {
    CProducer *producer = CreateProducer("drop-in-domain");
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof any;
    pthread_t thread;
    char domain[128], expected[128];

    address_server.socket = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(bind(address_server.socket, (struct sockaddr *)&any, sizeof any) == 0);
    CHECK(listen(address_server.socket, 1) == 0);
    CHECK(getsockname(address_server.socket, (struct sockaddr *)&any, &size) == 0);
    CHECK(pthread_create(&thread, NULL, serve_address, NULL) == 0);
    /* The form is one of two below. */
    snprintf(domain, sizeof domain, form, ntohs(any.sin_port));
    STATUS(SetProducerNameServerDomain(producer, domain), OK);
    STATUS(SetProducerSendMsgTimeout(producer, 20000), OK);
    sent_by(producer, text_message("Domain", "d"));
    CHECK(pthread_join(thread, NULL) == 0);
    close(address_server.socket);
    snprintf(expected, sizeof expected, "GET %s HTTP/1.1\r\n", path);
    CHECK(strncmp(address_server.asked, expected, strlen(expected)) == 0);
}

static void a_domain_tells_the_name_servers(void) {
    found_by_domain("127.0.0.1:%d", "/rocketmq/nsaddr");
    found_by_domain("http://127.0.0.1:%d/other/path", "/other/path");
    mqp_mock_messages_free(stored("Domain", 2));
}

/* In place of the C library's: the endpoints of cloud instances are on this machine. */
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **found) {
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    void *symbol = dlsym(RTLD_NEXT, "getaddrinfo");
    memcpy(&real, &symbol, sizeof real);
    return real(strncmp(name, "MQ_INST_", 8) == 0 ? "127.0.0.1" : name, service, hints, found);
}

static void an_endpoint_of_a_cloud_has_a_namespace(void) {
    static const char *const forms[] = {"http://MQ_INST_17_abc.mq.example:%s", "MQ_INST_17_abc.mq.example:%s;"};
    const char *port = strrchr(address, ':') + 1;
    size_t index;
    for (index = 0; index < 2; index++) {
        CProducer *producer = CreateProducer("drop-in-cloud");
        CMessage *message = text_message("Cloud", "c");
        CSendResult result;
        char endpoint[128];
        snprintf(endpoint, sizeof endpoint, forms[index], port);
        STATUS(SetProducerNameServerAddress(producer, endpoint), OK);
        STATUS(SetProducerSendMsgTimeout(producer, 20000), OK);
        STATUS(StartProducer(producer), OK);
        STATUS(SendMessageSync(producer, message, &result), OK);
        /* The caller's message keeps its topic. */
        CHECK(strcmp(GetOriginMessageTopic(message), "Cloud") == 0);
        finished(producer);
        STATUS(DestroyMessage(message), OK);
    }
    mqp_mock_messages_free(stored("MQ_INST_17_abc%Cloud", 2));
    mqp_mock_messages_free(stored("Cloud", 0));
}

/* How many bytes of a body went over the wire, and whether as compressed. */
static size_t on_the_wire(int threshold, int level, int *compressed) {
    CProducer *producer = configured(CreateProducer("drop-in-compress"));
    CMessage *message = CreateMessage("Compressed");
    mqp_mock_requests *requests;
    mqp_mock_request_view view;
    mqp_mock_messages *messages;
    char body[3000];
    size_t index, length;

    for (index = 0; index < sizeof body; index++) {
        /* Words that repeat, so that levels differ. */
        body[index] = (char)('a' + (index * index / 7 + index / 3) % 13);
    }
    if (threshold > 0) {
        STATUS(SetProducerCompressMsgBodyOverHowmuch(producer, threshold), OK);
    }
    STATUS(SetProducerCompressLevel(producer, level), OK);
    STATUS(SetByteMessageBody(message, body, sizeof body), OK);
    CHECK_OK(mqp_mock_cluster_clear(cluster, &error));
    sent_by(producer, message);
    messages = stored("Compressed", 1);
    CHECK(body_is(view_of(messages, 0).body, body, sizeof body));
    mqp_mock_messages_free(messages);
    requests = newest(SEND_MESSAGE_V2, &view);
    length = view.body.len;
    *compressed = !is(field_of(&view, "f"), "0");
    mqp_mock_requests_free(requests);
    return length;
}

static void compression_has_a_threshold_and_a_level(void) {
    int compressed;
    size_t fast, usual, best;
    CHECK(on_the_wire(0, 5, &compressed) == 3000 && !compressed);
    CHECK(on_the_wire(3001, 5, &compressed) == 3000 && !compressed);
    fast = on_the_wire(3000, 1, &compressed);
    CHECK(compressed && fast < 3000);
    usual = on_the_wire(1000, -1, &compressed);
    CHECK(compressed && usual == on_the_wire(1000, 6, &compressed));
    best = on_the_wire(1000, 9, &compressed);
    CHECK(compressed && best < fast);
    printf("bytes on the wire: %zu, %zu, %zu\n", fast, usual, best);
}

/* Two brokers with four queues each; the selector's queues are those of the first broker, then those of the other. */
static int given_queue(int size, CMessage *message, void *arg) {
    (void)message;
    CHECK(size == 2 * QUEUES);
    return *(int *)arg;
}

static size_t requests_at(const mqp_mock_cluster *two, const char *broker) {
    mqp_mock_requests *requests = NULL;
    size_t count;
    CHECK_OK(mqp_mock_cluster_requests(two, mqp_str_of(broker), SEND_MESSAGE_V2, &requests, &error));
    count = mqp_mock_requests_count(requests);
    mqp_mock_requests_free(requests);
    return count;
}

/* A plain send goes from broker to broker; one with a selector or a sharding key stays, however often it is tried. */
static void tries_are_counted_on_both_brokers(void) {
    static const int retries[] = {0, 2, 7};
    mqp_mock_cluster *two = NULL, *other = cluster;
    CProducer *producer = CreateOrderlyProducer("drop-in-two");
    CMessage *message = text_message("Two", "t");
    CSendResult result;
    size_t index;
    int first = 0;

    CHECK_OK(mqp_mock_cluster_new(MQP_STR("two-brokers"), 2, QUEUES, &two, &error));
    STATUS(SetProducerNameServerAddress(producer, mqp_mock_cluster_url(two) + strlen("rocketmq://")), OK);
    STATUS(SetProducerSendMsgTimeout(producer, 20000), OK);
    STATUS(StartProducer(producer), OK);
    cluster = two;
    refuse(SEND_MESSAGE_V2, 2, 0);
    FAILS(SendMessageSync(producer, message, &result), PRODUCER_SEND_SYNC_FAILED, ",error:2,");
    CHECK(requests_at(two, "broker-a") == 3 && requests_at(two, "broker-b") == 3);
    for (index = 0; index < sizeof retries / sizeof *retries; index++) {
        int queue = QUEUES + 1;
        CHECK_OK(mqp_mock_cluster_clear_requests(two, &error));
        FAILS(SendMessageOrderly(producer, message, given_queue, &queue, retries[index], &result),
              PRODUCER_SEND_ORDERLY_FAILED, ",error:2,");
        CHECK(requests_at(two, "broker-a") == 0 && requests_at(two, "broker-b") == (size_t)retries[index] + 1);
    }
    CHECK_OK(mqp_mock_cluster_clear_requests(two, &error));
    FAILS(SendMessageOrderlyByShardingKey(producer, message, "user-1", &result), PRODUCER_SEND_ORDERLY_FAILED,
          ",error:2,");
    CHECK(requests_at(two, "broker-a") + requests_at(two, "broker-b") == 4);
    CHECK(requests_at(two, "broker-a") == 0 || requests_at(two, "broker-b") == 0);
    CHECK_OK(mqp_mock_cluster_clear_faults(two, &error));
    mqp_mock_messages_free(stored("Two", 0));
    /* More than the time of a send can be multiplied with. */
    STATUS(SendMessageOrderly(producer, message, given_queue, &first, 2147483647, &result), OK);
    mqp_mock_messages_free(stored("Two", 1));
    cluster = other;
    STATUS(DestroyMessage(message), OK);
    finished(producer);
    mqp_mock_cluster_free(two);
}

/* std::hash<std::string> of the C++ library on this machine, in hash.cpp. */
size_t hash_of_this_machine(const char *text);

static void sharding_keys_go_where_the_hash_of_libstdcxx_says(void) {
    CProducer *producer = started(CreateOrderlyProducer("drop-in-hash"));
    CMessage *message = text_message("Hashed", "h");
    int number, queues[QUEUES] = {0};

    for (number = 0; number < 200; number++) {
        CSendResult result;
        mqp_mock_messages *messages;
        char key[64];
        int queue;
        /* Of every length up to 50, and not of ASCII alone. */
        snprintf(key, sizeof key, "%.*s\303\244%d", number % 50, "order of a customer in the region of the north-east #",
                 number);
        STATUS(SendMessageOrderlyByShardingKey(producer, message, key, &result), OK);
        messages = stored("Hashed", 1);
        queue = view_of(messages, 0).queue_id;
        CHECK(queue == (int)(hash_of_this_machine(key) % QUEUES));
        queues[queue]++;
        mqp_mock_messages_free(messages);
        CHECK_OK(mqp_mock_cluster_clear(cluster, &error));
    }
    for (number = 0; number < QUEUES; number++) {
        CHECK(queues[number] > 20);
    }
    STATUS(DestroyMessage(message), OK);
    finished(producer);
}

static char log_folder[] = "/tmp/drop-in-log-XXXXXX";

static const char *log_path(int number) {
    static char path[96];
    snprintf(path, sizeof path, "%s/rocketmq_client.log", log_folder);
    if (number > 0) {
        snprintf(path + strlen(path), sizeof path - strlen(path), ".%d", number);
    }
    return path;
}

/* A file of so many bytes of one letter. */
static void fill(int number, char letter, size_t size) {
    FILE *file = fopen(log_path(number), "w");
    CHECK(file != NULL);
    while (size-- > 0) {
        fputc(letter, file);
    }
    fclose(file);
}

/* The first byte of a file; EOF without it. */
static int first_of(int number) {
    FILE *file = fopen(log_path(number), "r");
    int first = file == NULL ? EOF : fgetc(file);
    if (file != NULL) {
        fclose(file);
    }
    return first;
}

/* The last one: the log is the process's. A file that is full becomes the next one, and the last one goes. */
static void the_log_keeps_so_many_files_of_such_a_size(void) {
    struct stat written;
    int number;
    CProducer *producer = configured(CreateProducer("drop-in-log"));

    CHECK(mkdtemp(log_folder) != NULL);
    fill(0, 'a', 1024 * 1024);
    fill(1, 'b', 10);
    fill(2, 'c', 10);
    STATUS(SetProducerLogLevel(producer, E_LOG_LEVEL_TRACE), OK);
    STATUS(SetProducerLogFileNumAndSize(producer, 3, 1), OK);
    STATUS(SetProducerLogPath(producer, log_folder), OK);
    sent_by(producer, text_message("Log", "l"));
    CHECK(stat(log_path(0), &written) == 0 && written.st_size > 0 && written.st_size < 1024 * 1024);
    CHECK(first_of(0) != 'a' && first_of(1) == 'a' && first_of(2) == 'b' && first_of(3) == EOF);
    CHECK(stat(log_path(1), &written) == 0 && written.st_size == 1024 * 1024);

    /* One file only; and nothing below the level. */
    producer = configured(CreateProducer("drop-in-log"));
    fill(0, 'd', 1024 * 1024 - 10);
    STATUS(SetProducerLogFileNumAndSize(producer, 1, 1), OK);
    STATUS(SetProducerLogPath(producer, log_folder), OK);
    sent_by(producer, text_message("Log", "l"));
    CHECK(first_of(0) != 'd' && first_of(0) != EOF && first_of(1) == 'a');
    producer = configured(CreateProducer("drop-in-log"));
    fill(0, 'e', 1);
    STATUS(SetProducerLogPath(producer, log_folder), OK);
    STATUS(SetProducerLogLevel(producer, E_LOG_LEVEL_ERROR), OK);
    sent_by(producer, text_message("Log", "l"));
    CHECK(stat(log_path(0), &written) == 0 && written.st_size == 1);
    for (number = 0; number < 3; number++) {
        unlink(log_path(number));
    }
    CHECK(rmdir(log_folder) == 0);
}

int main(void) {
    drop_in_cluster("settings");
    RUN(traces_are_sent_when_they_are_open);
    RUN(credentials_sign_every_request);
    RUN(a_domain_tells_the_name_servers);
    RUN(an_endpoint_of_a_cloud_has_a_namespace);
    RUN(compression_has_a_threshold_and_a_level);
    RUN(tries_are_counted_on_both_brokers);
    RUN(sharding_keys_go_where_the_hash_of_libstdcxx_says);
    RUN(the_log_keeps_so_many_files_of_such_a_size);
    mqp_mock_cluster_free(cluster);
    return check_finish();
}
