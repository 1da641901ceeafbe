// The C side of the Go package: each function takes plain pointers and lengths, because a struct that holds Go
// pointers must not cross.

#ifndef MQPGO_SHIM_H
#define MQPGO_SHIM_H

#include "mqproducer.h"

// Each function that can fail returns NULL or the library's error, owned by the caller.

// `text` holds the key and, behind it, the value.
mqp_error *mqpgo_config_set(mqp_config *config, const char *text, size_t key_length, size_t value_length);
// `*value` is borrowed until the key is set or the configuration freed.
mqp_error *mqpgo_config_get(const mqp_config *config, const char *key, size_t key_length, mqp_str *value);

// The end of a message as Go reads it.
typedef struct {
    mqp_receipt_view receipt;
    mqp_error_view failure;
    // &failure, or NULL on success.
    mqp_error_view *failed;
    // Why the receipt could not be read; owned.
    mqp_error *unread;
    // What the two were read from, borrowed: the receipt on success, else the error.
    mqp_receipt *stored;
    mqp_error *why;
} mqpgo_ending;

// How many completions one poll takes at most.
#define MQPGO_AT_ONCE 128

// A completion queue, and what its last poll gave. One thread at a time polls it, any may send to it.
typedef struct {
    mqp_completion_queue *queue;
    size_t count;
    // What each message was sent with.
    uintptr_t tickets[MQPGO_AT_ONCE];
    mqpgo_ending ends[MQPGO_AT_ONCE];
    mqp_completion polled[MQPGO_AT_ONCE];
} mqpgo_completions;

// `*descriptor` is another number of the queue's descriptor, owned by the caller. When the system refuses it `*refused`
// is its error and nothing else is written.
mqp_error *mqpgo_completions_new(mqpgo_completions **out, int *descriptor, int *refused);

// Takes the oldest completions, as many as there are and fit, without waiting; what the last poll gave is freed.
mqp_error *mqpgo_completions_poll(mqpgo_completions *from);

void mqpgo_completions_free(mqpgo_completions *completions);

// What a message has besides texts and body.
typedef struct {
    size_t property_count;
    size_t body_length;
    uint64_t delay_seconds;
    uint64_t delay_ms;
    int64_t deliver_at_ms;
    int32_t flag;
    uint32_t no_wait_store;
    uint32_t delay_level;
    uint32_t has_priority;
    int32_t priority;
    // 1: it has all that follows, and texts for it.
    uint32_t has_jms;
    uint32_t body_type;
    uint32_t delivery_mode;
    uint32_t has_time_to_live;
    int32_t group_sequence;
    uint64_t time_to_live_ms;
    size_t typed_count;
    size_t entry_count;
} mqpgo_message;

mqp_typed_property mqpgo_typed_property(const mqp_typed_property *first, size_t step, size_t index);

mqp_error *mqpgo_set_message_transformer(mqp_producer *producer, uintptr_t handle);

// Copies the message into what a transformer made.
mqp_error *mqpgo_transformed_set(mqp_transformed *transformed, const char *text, const size_t *lengths,
                                 const uint8_t *body, const mqpgo_message *message);

// `name` has room for MQP_TEMPORARY_NAME_SIZE bytes.
mqp_error *mqpgo_create_temporary(mqp_producer *producer, uint32_t topic, uint32_t timeout_ms, char *name);

mqp_error *mqpgo_delete_temporary(mqp_producer *producer, const char *name, size_t length, uint32_t timeout_ms);

// What a send takes besides texts and messages.
typedef struct {
    uint32_t timeout_ms;
    uint32_t selector;
    int32_t queue_id;
    uint32_t awaited;
    // Of a chooser, used only during the call; 0: none.
    uintptr_t chooser;
    // Of the caller's context, used only during the call; 0: none.
    uintptr_t context;
} mqpgo_options;

// `text` holds texts one behind the other, `lengths` their lengths in bytes. Those of a send: sharding key, broker name,
// machine rooms; then of each message topic, tags, keys, lite topic, the message's sharding key, trace parent, and name
// and value of each property. A reply has three more before them: correlation id, the client to reply to, cluster.
//
// In those below: `handle` is owned by the callback when NULL is returned. On success `*receipt` is owned by the caller
// and `view` borrows from it.

mqp_error *mqpgo_request_async(mqp_producer *producer, const char *text, const size_t *lengths, const uint8_t *body,
                               const mqpgo_message *message, const mqpgo_options *options, uintptr_t handle);
mqp_error *mqpgo_reply_async(mqp_producer *producer, const char *text, const size_t *lengths, const uint8_t *body,
                             const mqpgo_message *message, const mqpgo_options *options, uint32_t ttl_ms,
                             uintptr_t handle);

// The completion comes with `ticket` when NULL is returned, else there is none.
mqp_error *mqpgo_send_queued(mqp_producer *producer, mqpgo_completions *to, const char *text, const size_t *lengths,
                             const uint8_t *body, const mqpgo_message *message, const mqpgo_options *options,
                             uintptr_t ticket);

// Sends many messages, each with options of its own: `text` and `lengths` are those of a send for each of them, `bodies`
// stand one behind the other. One whose ticket is 0 is left out. `errors` has NULL for each of them, and gets the error,
// owned by the caller, of each that is refused.
void mqpgo_send_gathered(mqp_producer *producer, mqpgo_completions *to, const char *text, const size_t *lengths,
                         const uint8_t *bodies, const mqpgo_message *messages, const mqpgo_options *options,
                         const uintptr_t *tickets, size_t count, mqp_error **errors);

// A receipt that has been read: where each of its texts is, and how long.
#define MQPGO_TEXTS 7
typedef struct {
    int64_t queue_offset;
    uint32_t send_status;
    uint32_t attempts;
    int32_t queue_id;
    uint32_t at[MQPGO_TEXTS];
    uint32_t length[MQPGO_TEXTS];
} mqpgo_row;

// Room for the texts of nearly every receipt.
#define MQPGO_ROOM 256

// The receipt of a message that is sent and waited for by one call.
typedef struct {
    mqpgo_row row;
    // Owned by the caller: what tells more than the row. NULL: nothing does.
    mqp_receipt *more;
    char texts[MQPGO_ROOM];
} mqpgo_read;

// `oneway`: 1: no answer is waited for.
mqp_error *mqpgo_send_now(mqp_producer *producer, const char *text, const size_t *lengths, const uint8_t *body,
                          const mqpgo_message *message, const mqpgo_options *options, uint32_t oneway,
                          mqpgo_read *told);

// Reads the receipts of a batch: a row for each message, `attempts` 0 for one that was not stored. `*used` is how many
// bytes their texts take; nothing is written when that is more than `capacity`.
mqp_error *mqpgo_batch_rows(const mqp_batch_result *result, mqpgo_row *rows, char *texts, size_t capacity, size_t *used);

// Sends a batch and waits for its end; `*result` as below.
mqp_error *mqpgo_send_batch_now(mqp_producer *producer, const char *text, const size_t *lengths, const uint8_t *bodies,
                                const mqpgo_message *messages, size_t count, const mqpgo_options *options,
                                uint32_t split_bytes, uint32_t oneway, mqp_batch_result **result);

// `bodies` are those of all messages, one behind the other. `*result` is owned by the caller, on failure too, and may be
// NULL there.
mqp_error *mqpgo_send_batch_async(mqp_producer *producer, const char *text, const size_t *lengths,
                                  const uint8_t *bodies, const mqpgo_message *messages, size_t count,
                                  const mqpgo_options *options, uint32_t split_bytes, uintptr_t handle);

// How one message ended: `*stored` or `*why` is what was read, the other one is NULL; all borrows from the result.
mqp_error *mqpgo_batch_end(const mqp_batch_result *result, size_t index, mqp_receipt_view *receipt,
                           mqp_error_view *failure, mqp_receipt **stored, mqp_error **why);

// `handle` is owned by the producer when NULL is returned.
mqp_error *mqpgo_set_transaction_checker(mqp_producer *producer, uintptr_t handle);

mqp_error *mqpgo_transaction_send(mqp_transaction *transaction, const char *text, const size_t *lengths,
                                  const uint8_t *body, const mqpgo_message *message, const mqpgo_options *options,
                                  mqp_receipt **receipt, mqp_receipt_view *view);

// `text` holds the topic and the recall handle.
mqp_error *mqpgo_recall(mqp_producer *producer, const char *text, const size_t *lengths, uint32_t timeout_ms,
                        mqp_receipt **receipt, mqp_receipt_view *view);

// Strings and body of `view` are borrowed from the message; an empty body has no address.
mqp_error *mqpgo_received_get(const mqp_received_message *message, mqp_received_message_view *view);

// Is this thread inside a callback of the library?
int mqpgo_in_callback(void);

// `handle` is owned by the producer when NULL is returned; functions that the hook has not are not called.
mqp_error *mqpgo_add_hook(mqp_producer *producer, uintptr_t handle, int checks, int before, int after,
                          int end);

// A message of a hook, as Go may read it: with no address for what is empty. It is the one at `index` of those that are
// `size` bytes apart.
void mqpgo_hook_message(const mqp_message *first, size_t size, size_t index, mqp_message *into);

// `handle` is owned by the producer when NULL is returned.
mqp_error *mqpgo_set_trace_context(mqp_producer *producer, uintptr_t handle);

// As above.
mqp_error *mqpgo_set_statistics_callback(mqp_producer *producer, uintptr_t handle);
mqp_error *mqpgo_set_alarm_callback(mqp_producer *producer, uintptr_t handle);
mqp_error *mqpgo_set_spool_callback(mqp_producer *producer, uintptr_t handle);

// `handle` is owned by the log when NULL is returned; 0 removes the log function.
mqp_error *mqpgo_log_set(uint32_t max_level, uintptr_t handle);

mqp_error *mqpgo_mock_cluster_new(const char *name, size_t name_length, uint32_t brokers, uint32_t queues,
                                  mqp_mock_cluster **out);
mqp_error *mqpgo_mock_cluster_messages(const mqp_mock_cluster *cluster, const char *topic, size_t topic_length,
                                       mqp_mock_messages **out);
mqp_error *mqpgo_mock_cluster_count(const mqp_mock_cluster *cluster, const char *topic, size_t topic_length,
                                    size_t *out);
mqp_error *mqpgo_mock_cluster_wait(const mqp_mock_cluster *cluster, const char *topic, size_t topic_length,
                                   size_t count, uint32_t timeout_ms);

// What a fault has besides texts.
typedef struct {
    uint32_t action;
    int32_t request_code;
    uint32_t count;
    int32_t response_code;
    uint32_t delay_ms;
} mqpgo_fault;

// `text` holds the broker, the remark and the bytes.
mqp_error *mqpgo_mock_cluster_push_fault(const mqp_mock_cluster *cluster, const char *text, const size_t *lengths,
                                         const mqpgo_fault *fault);
mqp_error *mqpgo_mock_cluster_set_broker_state(const mqp_mock_cluster *cluster, const char *broker,
                                               size_t broker_length, uint32_t state);
mqp_error *mqpgo_mock_cluster_requests(const mqp_mock_cluster *cluster, const char *broker, size_t broker_length,
                                       int32_t request_code, mqp_mock_requests **out);
mqp_error *mqpgo_mock_cluster_wait_requests(const mqp_mock_cluster *cluster, const char *broker, size_t broker_length,
                                            int32_t request_code, size_t count, uint32_t timeout_ms);
// Reads one request of a snapshot as Go may read it: with no address for what is empty.
mqp_error *mqpgo_mock_request_get(const mqp_mock_requests *requests, size_t index, mqp_mock_request_view *view);
mqp_error *mqpgo_mock_cluster_echo(mqp_mock_cluster *cluster, const char *topic, size_t topic_length);

// The property at `index` of an array whose elements are `size` bytes apart.
const mqp_property *mqpgo_property(const mqp_property *first, size_t size, size_t index);

// The queue at `index` of an array whose elements are `size` bytes apart.
const mqp_queue *mqpgo_queue(const mqp_queue *first, size_t size, size_t index);

#endif
