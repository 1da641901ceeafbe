/* Where the old library aborts, reads stale text or loses its threads. */
#include "drop_in.h"

#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void null_is_answered(void) {
    CProducer *producer = CreateProducer("drop-in-null");
    CMessage *message = CreateMessage(NULL);
    CBatchMessage *batch = CreateBatchMessage();
    CSendResult result;

    CHECK(strcmp(GetOriginMessageTopic(message), "") == 0);
    FAILS(SetMessageTopic(message, NULL), NULL_POINTER, "`topic`");
    FAILS(SetMessageTags(message, NULL), NULL_POINTER, "`tags`");
    FAILS(SetMessageKeys(message, NULL), NULL_POINTER, "`keys`");
    FAILS(SetMessageBody(message, NULL), NULL_POINTER, "`body`");
    FAILS(SetByteMessageBody(message, NULL, 3), NULL_POINTER, "`body`");
    FAILS(SetByteMessageBody(message, "x", -1), NULL_POINTER, "`len` is -1");
    FAILS(SetMessageProperty(message, NULL, "v"), NULL_POINTER, "`key`");
    FAILS(SetMessageProperty(message, "k", NULL), NULL_POINTER, "`value`");
    FAILS(SetMessageTags(NULL, "t"), NULL_POINTER, "`message`");
    FAILS(SetDelayTimeLevel(NULL, 1), NULL_POINTER, "`message`");
    FAILS(DestroyMessage(NULL), NULL_POINTER, "`message`");
    FAILS(AddMessage(NULL, message), NULL_POINTER, "`batchMsg`");
    FAILS(AddMessage(batch, NULL), NULL_POINTER, "`message`");
    FAILS(DestroyBatchMessage(NULL), NULL_POINTER, "`batchMsg`");
    CHECK(GetMessageTopic(NULL) == NULL && GetOriginMessageBody(NULL) == NULL && GetMessageBodyLength(NULL) == 0);
    CHECK(GetMessageQueueId(NULL) == NULL_POINTER && GetMessageQueueOffset(NULL) == NULL_POINTER);
    CHECK(GetOriginDelayTimeLevel(NULL) == -1 && GetMessageProperty((CMessageExt *)message, NULL) == NULL);
    CHECK(strcmp(GetMessageProperty((CMessageExt *)message, "missing"), "") == 0);

    CHECK(CreateProducer(NULL) == NULL && strstr(GetLatestErrorMessage(), "`groupId`") != NULL);
    FAILS(SetProducerNameServerAddress(producer, NULL), NULL_POINTER, "`namesrv`");
    FAILS(SetProducerNameServerDomain(producer, NULL), NULL_POINTER, "`domain`");
    FAILS(SetProducerGroupName(producer, NULL), NULL_POINTER, "`groupName`");
    FAILS(SetProducerInstanceName(producer, NULL), NULL_POINTER, "`instanceName`");
    FAILS(SetProducerSessionCredentials(producer, "a", NULL, "c"), NULL_POINTER, "`secretKey`");
    FAILS(SetProducerLogPath(producer, NULL), NULL_POINTER, "`logPath`");
    FAILS(SetProducerSslPropertyFile(producer, NULL), NULL_POINTER, "`sslPropertyFile`");
    FAILS(SetProducerSendMsgTimeout(NULL, 1), NULL_POINTER, "`producer`");
    FAILS(StartProducer(NULL), NULL_POINTER, "`producer`");
    FAILS(ShutdownProducer(NULL), NULL_POINTER, "`producer`");
    FAILS(DestroyProducer(NULL), NULL_POINTER, "`producer`");
    FAILS(SendMessageSync(NULL, message, &result), NULL_POINTER, "`producer`");
    FAILS(SendMessageSync(producer, NULL, &result), NULL_POINTER, "`message`");
    FAILS(SendMessageSync(producer, message, NULL), NULL_POINTER, "`result`");
    FAILS(SendMessageOneway(producer, NULL), NULL_POINTER, "`message`");
    FAILS(SendMessageOrderlyByShardingKey(producer, message, NULL, &result), NULL_POINTER, "`shardingKey`");
    FAILS(SendBatchMessage(producer, NULL, &result), NULL_POINTER, "`batchMsg`");
    STATUS(DestroyBatchMessage(batch), OK);
    STATUS(DestroyMessage(message), OK);
    STATUS(DestroyProducer(producer), OK);
}

static void settings_are_checked_when_they_are_set(void) {
    CProducer *producer = CreateProducer("drop-in-settings");
    CProducer *nobody = CreateProducer("not a group!");

    FAILS(SetProducerSendMsgTimeout(producer, 0), PRODUCER_START_FAILED, "`send_msg_timeout` = `0`");
    FAILS(SetProducerCompressLevel(producer, 10), PRODUCER_START_FAILED, "`level` is 10");
    STATUS(SetProducerCompressLevel(producer, -1), OK);
    STATUS(SetProducerCompressMsgBodyOverHowmuch(producer, 100), OK);
    STATUS(SetProducerMaxMessageSize(producer, 2147483647), OK);
    STATUS(SetProducerMessageTrace(producer, CLOSE), OK);
    FAILS(SetProducerNameServerAddress(producer, "no port"), PRODUCER_START_FAILED, "no port");
    FAILS(StartProducer(producer), PRODUCER_START_FAILED, "SetProducerNameServerAddress");
    FAILS(SetProducerSslPropertyFile(NULL, "x"), NULL_POINTER, "`producer`");
    STATUS(SetProducerSsl(producer, 1), OK);
    STATUS(SetProducerSslPropertyFile(producer, "/nowhere/tls.properties"), OK);
    STATUS(SetProducerNameServerAddress(producer, address), OK);
    FAILS(StartProducer(producer), PRODUCER_START_FAILED, "/nowhere/tls.properties");
    STATUS(SetProducerNameServerAddress(nobody, address), OK);
    FAILS(StartProducer(nobody), PRODUCER_START_FAILED, "not a group!");
    /* A start that failed can be made again. */
    STATUS(SetProducerGroupName(nobody, "drop-in-somebody"), OK);
    STATUS(StartProducer(nobody), OK);
    CHECK(strstr(ShowProducerVersion(nobody), "mqproducer") != NULL);
    finished(nobody);
    STATUS(DestroyProducer(producer), OK);
}

static void a_life_has_an_order(void) {
    CProducer *producer = configured(CreateProducer("drop-in-life"));
    CMessage *message = text_message("Life", "l");
    CSendResult result;

    FAILS(SendMessageSync(producer, message, &result), PRODUCER_SEND_SYNC_FAILED, "NOT_STARTED");
    STATUS(ShutdownProducer(producer), OK);
    STATUS(StartProducer(producer), OK);
    STATUS(StartProducer(producer), OK);
    STATUS(SendMessageSync(producer, message, &result), OK);
    STATUS(ShutdownProducer(producer), OK);
    STATUS(ShutdownProducer(producer), OK);
    FAILS(SendMessageSync(producer, message, &result), PRODUCER_SEND_SYNC_FAILED, "CLOSED");
    FAILS(SendMessageOneway(producer, message), PRODUCER_SEND_ONEWAY_FAILED, "CLOSED");
    FAILS(StartProducer(producer), PRODUCER_START_FAILED, "CLOSED");
    STATUS(DestroyProducer(producer), OK);
    STATUS(DestroyMessage(message), OK);
}

static void *other_thread(void *seen) {
    snprintf(seen, 64, "%.63s", GetLatestErrorMessage());
    return NULL;
}

static void the_text_is_of_this_thread_and_of_the_last_failure(void) {
    char seen[64];
    pthread_t thread;
    FAILS(DestroyMessage(NULL), NULL_POINTER, "`message`");
    FAILS(DestroyProducer(NULL), NULL_POINTER, "`producer`");
    pthread_create(&thread, NULL, other_thread, seen);
    pthread_join(thread, NULL);
    CHECK(strcmp(seen, "") == 0);
}

static void text_that_is_not_utf8_is_refused(void) {
    CProducer *producer = started(CreateProducer("drop-in-utf8"));
    CMessage *message = text_message("Utf8", "u");
    CSendResult result;
    STATUS(SetMessageTags(message, "\xff"), OK);
    FAILS(SendMessageSync(producer, message, &result), PRODUCER_SEND_SYNC_FAILED, "the tags is not UTF-8");
    STATUS(DestroyMessage(message), OK);
    finished(producer);
}

static void nobody_answers(void) {
    CProducer *producer = CreateProducer("drop-in-nobody");
    CMessage *message = text_message("Nobody", "n");
    CSendResult result;
    STATUS(SetProducerNameServerAddress(producer, "127.0.0.1:1"), OK);
    STATUS(SetProducerSendMsgTimeout(producer, 500), OK);
    STATUS(StartProducer(producer), OK);
    FAILS(SendMessageSync(producer, message, &result), PRODUCER_SEND_SYNC_FAILED, "NO_NAME_SERVER");
    STATUS(DestroyMessage(message), OK);
    finished(producer);
}

static __thread int breaks_next_write;
static int broken_writes;

/* Whether it breaks the socket under a write of this thread. */
static int breaks(int socket) {
    if (!breaks_next_write) {
        return 0;
    }
    breaks_next_write = 0;
    broken_writes++;
    CHECK(shutdown(socket, SHUT_WR) == 0);
    return 1;
}

/* Both in place of the C library's. */
ssize_t sendmsg(int socket, const struct msghdr *message, int flags) {
    ssize_t (*real)(int, const struct msghdr *, int);
    void *symbol = dlsym(RTLD_NEXT, "sendmsg");
    int broken = breaks(socket);
    ssize_t written;
    memcpy(&real, &symbol, sizeof real);
    written = real(socket, message, flags);
    CHECK(!broken || (written == -1 && errno == EPIPE));
    return written;
}

ssize_t send(int socket, const void *bytes, size_t count, int flags) {
    ssize_t (*real)(int, const void *, size_t, int);
    void *symbol = dlsym(RTLD_NEXT, "send");
    int broken = breaks(socket);
    ssize_t written;
    memcpy(&real, &symbol, sizeof real);
    written = real(socket, bytes, count, flags);
    CHECK(!broken || (written == -1 && errno == EPIPE));
    return written;
}

/* The old library ignores the signal in the whole process, from its start on. Here a broken connection raises none, and
 * the message goes over another one. */
static void sigpipe_is_left_to_the_program(void) {
    struct sigaction usual = {.sa_handler = SIG_DFL}, after;
    CProducer *producer;
    CMessage *message = text_message("Broken", "b");
    CSendResult result;

    CHECK(sigaction(SIGPIPE, &usual, NULL) == 0);
    producer = started(CreateProducer("drop-in-sigpipe"));
    STATUS(SendMessageSync(producer, message, &result), OK);
    CHECK(sigaction(SIGPIPE, NULL, &after) == 0 && after.sa_handler == SIG_DFL);
    breaks_next_write = 1;
    STATUS(SendMessageSync(producer, message, &result), OK);
    CHECK(broken_writes == 1);
    mqp_mock_messages_free(stored("Broken", 2));
    STATUS(DestroyMessage(message), OK);
    finished(producer);
}

static int in_child(CProducer *parents, CMessage *message) {
    CSendResult result;
    CProducer *own;
    check_failures = 0;
    FAILS(SendMessageSync(parents, message, &result), PRODUCER_SEND_SYNC_FAILED, "FORKED");
    FAILS(StartProducer(parents), PRODUCER_START_FAILED, "FORKED");
    STATUS(ShutdownProducer(parents), OK);
    STATUS(DestroyProducer(parents), OK);
    own = started(CreateProducer("drop-in-child"));
    STATUS(SendMessageSync(own, message, &result), OK);
    finished(own);
    return check_failures;
}

static void a_forked_child_makes_its_own(void) {
    CProducer *producer = started(CreateProducer("drop-in-fork"));
    CMessage *message = text_message("Fork", "f");
    CSendResult result;
    int status = -1;
    pid_t child;

    STATUS(SendMessageSync(producer, message, &result), OK);
    fflush(stdout);
    child = fork();
    if (child == 0) {
        status = in_child(producer, message);
        fflush(stdout);
        _exit(status);
    }
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    STATUS(SendMessageSync(producer, message, &result), OK);
    mqp_mock_messages_free(stored("Fork", 3));
    STATUS(DestroyMessage(message), OK);
    finished(producer);
}

static void there_are_no_consumers(void) {
    CMessageQueue *queues = (CMessageQueue *)&told_lock;
    CPullResult result, zero;
    int size = 9;

    CHECK(CreatePushConsumer("g") == NULL && strstr(GetLatestErrorMessage(), "no consumers") != NULL);
    CHECK(CreatePullConsumer("g") == NULL && strstr(GetLatestErrorMessage(), "no consumers") != NULL);
    FAILS(StartPushConsumer(NULL), NULL_POINTER, "no consumers");
    FAILS(Subscribe(NULL, "T", "*"), NULL_POINTER, "no consumers");
    FAILS(SetPushConsumerMaxCacheMessageSizeInMb(NULL, 1), NULL_POINTER, "no consumers");
    FAILS(DestroyPullConsumer(NULL), NULL_POINTER, "no consumers");
    FAILS(FetchSubscriptionMessageQueues(NULL, "T", &queues, &size), NULL_POINTER, "no consumers");
    CHECK(queues == NULL && size == 0);
    STATUS(FetchSubscriptionMessageQueues(NULL, "T", NULL, NULL), NULL_POINTER);
    CHECK(GetPushConsumerGroupID(NULL) == NULL && GetPullConsumerGroupID(NULL) == NULL);
    result = Pull(NULL, NULL, "*", 0, 1);
    memset(&zero, 0, sizeof zero);
    CHECK(result.pullStatus == E_BROKER_TIMEOUT && result.msgFoundList == NULL && result.size == 0);
    CHECK(result.nextBeginOffset == 0 && result.minOffset == 0 && result.maxOffset == 0 && result.pData == NULL);
    FAILS(ReleasePullResult(result), NULL_POINTER, "no consumers");
}

/* The last but one: the log is the process's. */
static void the_log_is_silent_until_it_has_a_path(void) {
    char folder[] = "/tmp/drop-in-log-XXXXXX", path[64];
    struct stat written;
    CProducer *producer = configured(CreateProducer("drop-in-log"));

    CHECK(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/rocketmq_client.log", folder);
    STATUS(SetProducerLogLevel(producer, E_LOG_LEVEL_DEBUG), OK);
    FAILS(SetProducerLogLevel(producer, (CLogLevel)9), PRODUCER_START_FAILED, "`level`");
    FAILS(SetProducerLogFileNumAndSize(producer, 0, 1), PRODUCER_START_FAILED, "`fileNum` is 0");
    STATUS(SetProducerLogFileNumAndSize(producer, 2, 1), OK);
    CHECK(stat(path, &written) != 0);
    STATUS(SetProducerLogPath(producer, folder), OK);
    STATUS(StartProducer(producer), OK);
    {
        CMessage *message = text_message("Log", "l");
        CSendResult result;
        STATUS(SendMessageSync(producer, message, &result), OK);
        STATUS(DestroyMessage(message), OK);
    }
    finished(producer);
    CHECK(stat(path, &written) == 0 && written.st_size > 0);
    unlink(path);
    rmdir(folder);
}

int main(int argc, char **argv) {
    (void)argv;
    drop_in_cluster("traps");
    RUN(null_is_answered);
    RUN(settings_are_checked_when_they_are_set);
    RUN(a_life_has_an_order);
    RUN(the_text_is_of_this_thread_and_of_the_last_failure);
    RUN(text_that_is_not_utf8_is_refused);
    RUN(nobody_answers);
    RUN(sigpipe_is_left_to_the_program);
    /* An argument leaves it out: a child leaks what is its parent's by design. */
    if (argc == 1) {
        RUN(a_forked_child_makes_its_own);
    }
    RUN(there_are_no_consumers);
    RUN(the_log_is_silent_until_it_has_a_path);
    mqp_mock_cluster_free(cluster);
    return check_finish();
}
