/* Sends a message that is delivered only when its transaction is committed.
 *
 * cc transaction.c -lmqproducer -o transaction
 * ./transaction rocketmq://localhost:9876 TOPIC GROUP commit|rollback|die|check
 *
 * `die` ends the process before it says what becomes of the message: the broker then asks any producer of the group, and
 * `check` is one that answers. */
#include "common.h"

#include <pthread.h>
#include <signal.h>
#include <time.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t answered = PTHREAD_COND_INITIALIZER;
static int checks;

/* Runs on the library's dispatcher. A real program looks into its own records here. */
static uint32_t on_check(void *user_data, const mqp_received_message *message) {
    mqp_received_message_view view = MQP_RECEIVED_MESSAGE_VIEW_INIT;
    mqp_error *error = NULL;
    (void)user_data;
    must(mqp_received_message_get(message, &view, &error), &error);
    printf("c checked id=%s\n", view.message_id.ptr);
    fflush(stdout);
    pthread_mutex_lock(&lock);
    checks++;
    pthread_cond_signal(&answered);
    pthread_mutex_unlock(&lock);
    return MQP_TRANSACTION_COMMIT;
}

static int wait_for_check(void) {
    struct timespec until;
    int seen;
    timespec_get(&until, TIME_UTC);
    until.tv_sec += 60;
    pthread_mutex_lock(&lock);
    while (checks == 0 && pthread_cond_timedwait(&answered, &lock, &until) == 0) {
    }
    seen = checks;
    pthread_mutex_unlock(&lock);
    return seen;
}

static void send_half(mqp_producer *producer, const char *topic, const char *action) {
    mqp_message message = new_message(topic, action);
    mqp_transaction *transaction = NULL;
    mqp_receipt *receipt = NULL;
    mqp_receipt_view view = MQP_RECEIPT_VIEW_INIT;
    mqp_error *error = NULL;
    must(mqp_transaction_begin(producer, &transaction, &error), &error);
    must(mqp_transaction_send(transaction, &message, NULL, &receipt, &error), &error);
    must(mqp_receipt_get(receipt, &view, &error), &error);
    printf("c half id=%s\n", view.message_id.ptr);
    fflush(stdout);
    mqp_receipt_free(receipt);
    if (strcmp(action, "die") == 0) {
        raise(SIGKILL);
    }
    if (strcmp(action, "commit") == 0) {
        must(mqp_transaction_commit(transaction, &error), &error);
        puts("c committed");
    } else {
        must(mqp_transaction_rollback(transaction, &error), &error);
        puts("c rolled back");
    }
    mqp_transaction_free(transaction);
}

int main(int argc, char **argv) {
    mqp_transaction_checker checker = {on_check, NULL, NULL};
    mqp_error *error = NULL;
    mqp_config *config = NULL;
    mqp_producer *producer = NULL;
    int done = 1;
    if (argc != 5) {
        fprintf(stderr, "usage: %s URL TOPIC GROUP commit|rollback|die|check\n", argv[0]);
        return EXIT_FAILURE;
    }
    config = new_config(argv[1], argv[3]);
    /* Meets the topic's brokers at the start: they can only ask a producer that they know. */
    must(mqp_config_set(config, MQP_STR("topics"), mqp_str_of(argv[2]), &error), &error);
    producer = new_producer(config);
    must(mqp_producer_set_transaction_checker(producer, checker, &error), &error);
    must(mqp_producer_start(producer, &error), &error);
    if (strcmp(argv[4], "check") == 0) {
        done = wait_for_check();
    } else {
        send_half(producer, argv[2], argv[4]);
    }
    close_producer(producer);
    return done ? EXIT_SUCCESS : EXIT_FAILURE;
}
