// The C side of the Go package: each function takes plain pointers and lengths, because a struct that holds Go
// pointers must not cross.

#ifndef MQPGO_SHIM_H
#define MQPGO_SHIM_H

#include "mqproducer.h"

// Each function that can fail returns NULL or the library's error, owned by the caller.

// `text` holds the key and, behind it, the value.
mqp_error *mqpgo_config_set(mqp_config *config, const char *text, size_t key_length, size_t value_length);

// What a send takes besides texts and body.
typedef struct {
    size_t property_count;
    int32_t flag;
    uint32_t no_wait_store;
    uint32_t timeout_ms;
    uint32_t selector;
    int32_t queue_id;
    // Of a chooser, used only during the call; 0: none.
    uintptr_t chooser;
} mqpgo_numbers;

// `text` holds, one behind the other: topic, tags, keys, sharding key, broker name, machine rooms, and name and value
// of each property; `lengths` their lengths in bytes, 6 + 2 * property_count of them. `handle` is owned by the callback
// when NULL is returned.
mqp_error *mqpgo_send_async(mqp_producer *producer, const char *text, const size_t *lengths, const uint8_t *body,
                            size_t body_length, mqpgo_numbers numbers, uintptr_t handle);

// As above; on success `*receipt` is owned by the caller and `view` borrows from it.
mqp_error *mqpgo_send_oneway(mqp_producer *producer, const char *text, const size_t *lengths, const uint8_t *body,
                             size_t body_length, mqpgo_numbers numbers, mqp_receipt **receipt, mqp_receipt_view *view);

// Is this thread inside a callback of the library?
int mqpgo_in_callback(void);

// `handle` is owned by the producer when NULL is returned; functions that the hook has not are not called.
mqp_error *mqpgo_add_hook(mqp_producer *producer, uintptr_t handle, int checks, int before, int after);

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

// The property at `index` of an array whose elements are `size` bytes apart.
const mqp_property *mqpgo_property(const mqp_property *first, size_t size, size_t index);

// The queue at `index` of an array whose elements are `size` bytes apart.
const mqp_queue *mqpgo_queue(const mqp_queue *first, size_t size, size_t index);

#endif
