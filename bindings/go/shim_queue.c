#include "shim_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

mqp_error *mqpgo_completions_new(mqpgo_completions **out, int *descriptor, int *refused) {
    mqp_completion_queue *queue = NULL;
    mqp_error *error = NULL;
    if (mqp_completion_queue_new(&queue, &error) != MQP_OK) {
        return error;
    }
    *descriptor = fcntl(mqp_completion_queue_fd(queue), F_DUPFD_CLOEXEC, 0);
    if (*descriptor < 0) {
        *refused = errno;
        mqp_completion_queue_free(queue);
        return NULL;
    }
    *out = mqpgo_allocate(1, sizeof(mqpgo_completions));
    (*out)->queue = queue;
    return NULL;
}

// Gives the receipts and errors of the last poll back.
static void forget(mqpgo_completions *from) {
    mqp_completions_free(from->polled, sizeof(mqp_completion), from->count);
    for (size_t i = 0; i < from->count; i++) {
        mqp_error_free(from->ends[i].unread);
    }
    from->count = 0;
}

mqp_error *mqpgo_completions_poll(mqpgo_completions *from) {
    forget(from);
    mqp_error *error = NULL;
    mqp_completion_queue_poll(from->queue, from->polled, sizeof(mqp_completion), MQPGO_AT_ONCE, 0, &from->count,
                              &error);
    for (size_t i = 0; i < from->count; i++) {
        const mqp_completion *polled = &from->polled[i];
        from->tickets[i] = (uintptr_t)polled->user_data;
        mqpgo_read_ending(&from->ends[i], polled->status, polled->receipt, polled->error);
    }
    return error;
}

void mqpgo_completions_free(mqpgo_completions *completions) {
    forget(completions);
    mqp_completion_queue_free(completions->queue);
    free(completions);
}

mqp_error *mqpgo_send_queued(mqp_producer *producer, mqpgo_completions *to, const char *text, const size_t *lengths,
                             const uint8_t *body, const mqpgo_message *message, const mqpgo_options *options,
                             uintptr_t ticket) {
    mqpgo_unpacked send;
    mqpgo_unpack(&send, (mqpgo_texts){text, lengths}, body, message, options);
    mqp_error *error = NULL;
    mqp_producer_send_queued(producer, &send.message, &send.options, to->queue, (void *)ticket, &error);
    mqpgo_put_back(&send);
    return error;
}

// As many frames as the library puts into one write.
#define RUN 64

// Messages one behind the other with the same options.
typedef struct {
    mqp_producer *producer;
    mqp_completion_queue *queue;
    mqp_send_options options;
    size_t length;
    mqp_message messages[RUN];
    void *user_data[RUN];
    // Where the error of each one goes.
    mqp_error **errors[RUN];
} run;

static int same_text(mqp_str a, mqp_str b) { return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0); }

static int same_options(const mqp_send_options *a, const mqp_send_options *b) {
    return a->timeout_ms == b->timeout_ms && a->selector == b->selector && a->queue_id == b->queue_id &&
           a->awaited == b->awaited &&
           same_text(a->sharding_key, b->sharding_key) && same_text(a->broker_name, b->broker_name) &&
           same_text(a->machine_rooms, b->machine_rooms);
}

// Hands the run over; a message that is refused keeps none behind it from going.
static void hand_over(run *all) {
    for (size_t done = 0; done < all->length; done++) {
        size_t accepted = 0;
        mqp_error *error = NULL;
        mqp_producer_send_many(all->producer, all->messages + done, all->length - done, sizeof(mqp_message),
                               &all->options, all->queue, all->user_data + done, &accepted, &error);
        done += accepted;
        if (error == NULL) {
            break;
        }
        *all->errors[done] = error;
    }
    for (size_t i = 0; i < all->length; i++) {
        mqpgo_free_jms(&all->messages[i]);
    }
    all->length = 0;
}

void mqpgo_send_gathered(mqp_producer *producer, mqpgo_completions *to, const char *text, const size_t *lengths,
                         const uint8_t *bodies, const mqpgo_message *messages, const mqpgo_options *options,
                         const uintptr_t *tickets, size_t count, mqp_error **errors) {
    size_t property_count = 0;
    for (size_t i = 0; i < count; i++) {
        property_count += messages[i].property_count;
    }
    mqp_property *all_properties = property_count > 0 ? mqpgo_allocate(property_count, sizeof(mqp_property)) : NULL;
    mqp_property *properties = all_properties;
    mqpgo_texts texts = {text, lengths};
    run now;
    now.producer = producer;
    now.queue = to->queue;
    now.length = 0;
    for (size_t i = 0; i < count; i++) {
        mqp_send_options how = mqpgo_read_options(&texts, &options[i]);
        mqp_message message = mqpgo_read_message(&texts, bodies, &messages[i], properties);
        bodies += messages[i].body_length;
        properties += messages[i].property_count;
        if (tickets[i] == 0) {
            mqpgo_free_jms(&message);
            continue;
        }
        if (now.length == RUN || (now.length > 0 && !same_options(&now.options, &how))) {
            hand_over(&now);
        }
        now.options = how;
        now.messages[now.length] = message;
        now.user_data[now.length] = (void *)tickets[i];
        now.errors[now.length] = &errors[i];
        now.length++;
    }
    hand_over(&now);
    free(all_properties);
}
