/** @file
 * mqproducer: a message-queue producer for Apache RocketMQ and its relatives.
 *
 * Generated from the Rust sources; `make header` writes it anew.
 *
 * Results. A function that can fail returns an mqp_status and takes, last, an `mqp_error **` that may be NULL. On
 * failure an error is stored there, to be freed by mqp_error_free; on success NULL is. Other result parameters are set
 * to NULL, 0 or empty on failure. There is no last error of a thread.
 *
 * Ownership. *owned*: the receiver frees it with the `_free` function of its type, which accepts NULL. *borrowed until
 * ...*: valid so long, freed by nobody but its owner. *copied*: the library keeps nothing of what it was given.
 *
 * Structs. One that begins with `struct_size` only grows: set it to sizeof of the struct, best by its MQP_..._INIT. One
 * that is smaller than its first version is refused, as is one that is larger than the library knows and not zero
 * there.
 *
 * Threads. A handle may be used by any number of threads at the same time where its type does not say otherwise;
 * freeing it takes that no other call uses it. Callbacks name their thread. Units of time are in the names.
 */

#ifndef MQPRODUCER_H
#define MQPRODUCER_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/** @{ The header's version; for mqp_version_check. */
#define MQP_VERSION_MAJOR 0
#define MQP_VERSION_MINOR 1
#define MQP_VERSION_PATCH 0
#define MQP_VERSION_NUMBER 1000
#define MQP_VERSION_STRING "0.1.0"
/** @} */

/** What the dynamic linker sees. */
#ifndef MQP_API
#if defined(__GNUC__) && !defined(_WIN32)
#define MQP_API __attribute__((visibility("default")))
#else
#define MQP_API
#endif
#endif


/**
 * One queue after the other; retries go to another broker while there is one. The default.
 */
#define MQP_SELECT_ROUND_ROBIN 0

/**
 * Any queue; retries go to another broker while there is one.
 */
#define MQP_SELECT_RANDOM 1

/**
 * By `sharding_key`, as the Java client's hash selector: |`String.hashCode`| modulo the number of queues.
 */
#define MQP_SELECT_HASH 2

/**
 * By `sharding_key` on a ring of hashes: only the keys of queues that come or go move.
 */
#define MQP_SELECT_CONSISTENT_HASH 3

/**
 * One queue after the other of those whose broker's name is `room@name` with one of `machine_rooms`.
 */
#define MQP_SELECT_MACHINE_ROOM 4

/**
 * The queue `queue_id` of the broker `broker_name`, which must belong to the topic.
 */
#define MQP_SELECT_QUEUE 5

/**
 * The queue that `queue_selector` returns the index of.
 */
#define MQP_SELECT_CALLBACK 6

/**
 * A BytesMessage with the message's `body`, which may be empty here.
 */
#define MQP_BODY_BYTES 0

/**
 * A TextMessage with the message's `body`, which must be UTF-8 and may be empty here.
 */
#define MQP_BODY_TEXT 1

/**
 * A MapMessage with `entries`; the message's `body` must be empty.
 */
#define MQP_BODY_MAP 2

/**
 * As the configuration's `delivery_mode` says.
 */
#define MQP_DELIVERY_CONFIGURED 0

/**
 * It is kept in the broker's store, and survives its end.
 */
#define MQP_DELIVERY_PERSISTENT 1

/**
 * It is kept in the broker's memory.
 */
#define MQP_DELIVERY_NON_PERSISTENT 2

/**
 * No value.
 */
#define MQP_VALUE_NULL 0

/**
 * `integer` is 0 or 1.
 */
#define MQP_VALUE_BOOL 1

/**
 * `integer` is from -128 to 127.
 */
#define MQP_VALUE_BYTE 2

/**
 * `integer` is a UTF-16 code unit, from 0 to 65535.
 */
#define MQP_VALUE_CHAR 3

/**
 * `integer` is from -32768 to 32767.
 */
#define MQP_VALUE_SHORT 4

/**
 * `integer` has 32 bits.
 */
#define MQP_VALUE_INT 5

/**
 * `integer`.
 */
#define MQP_VALUE_LONG 6

/**
 * `number`.
 */
#define MQP_VALUE_DOUBLE 7

/**
 * `number`, as the nearest of 32 bits.
 */
#define MQP_VALUE_FLOAT 8

/**
 * `data`, which must be UTF-8.
 */
#define MQP_VALUE_TEXT 9

/**
 * `data`.
 */
#define MQP_VALUE_BYTES 10

/**
 * Longest name of a temporary destination, with the NUL at its end.
 */
#define MQP_TEMPORARY_NAME_SIZE 256

/**
 * Stored to the broker's configured safety.
 */
#define MQP_SEND_OK 0

/**
 * Stored, but the disk flush did not end in time.
 */
#define MQP_SEND_FLUSH_DISK_TIMEOUT 1

/**
 * Stored, but the replica did not confirm in time.
 */
#define MQP_SEND_FLUSH_SLAVE_TIMEOUT 2

/**
 * Stored, but there is no replica to confirm.
 */
#define MQP_SEND_SLAVE_NOT_AVAILABLE 3

/**
 * Sent one-way: written to the connection, no answer is asked for.
 */
#define MQP_SEND_ONEWAY 4

/**
 * Takes its turn.
 */
#define MQP_BROKER_HEALTHY 0

/**
 * Was slow or failed: passed over while there are others.
 */
#define MQP_BROKER_ISOLATED 1

/**
 * Did not answer, and the detector has not reached it since.
 */
#define MQP_BROKER_UNREACHABLE 2

/**
 * The end of the transaction is not known yet: the broker asks again.
 */
#define MQP_TRANSACTION_UNKNOWN 0

/**
 * The message is delivered.
 */
#define MQP_TRANSACTION_COMMIT 1

/**
 * The message is dropped.
 */
#define MQP_TRANSACTION_ROLLBACK 2

/**
 * The caller waits for the message's end.
 */
#define MQP_MODE_SYNC 0

/**
 * A callback is told of the message's end.
 */
#define MQP_MODE_ASYNC 1

/**
 * Nobody hears of the message's end.
 */
#define MQP_MODE_ONEWAY 2

/**
 * A message that is delivered at once.
 */
#define MQP_MESSAGE_TYPE_NORMAL 0

/**
 * A message that is delivered once its transaction is committed.
 */
#define MQP_MESSAGE_TYPE_HALF 1

/**
 * A message that is delivered later.
 */
#define MQP_MESSAGE_TYPE_DELAY 3

/**
 * Reliable sending gave a message up: every try was used, or its time. The alarm's only kind.
 */
#define MQP_EVENT_GIVEN_UP 1

/**
 * A message of the spool was sent and stored.
 */
#define MQP_EVENT_SPOOL_DELIVERED 2

/**
 * A message of the spool is lost: a broker refused it for good, or it was older than `spool_max_age`.
 */
#define MQP_EVENT_SPOOL_LOST 3

/**
 * The spool held something that is no message, and it was skipped or cut.
 */
#define MQP_EVENT_SPOOL_DAMAGED 4

/**
 * No record at all.
 */
#define MQP_LOG_OFF 0

/**
 * Something failed that the library does not mend by itself.
 */
#define MQP_LOG_ERROR 1

/**
 * Something failed and is tried again.
 */
#define MQP_LOG_WARN 2

/**
 * Rare events of normal life: a producer starts, a connection opens.
 */
#define MQP_LOG_INFO 3

/**
 * What helps to find a fault.
 */
#define MQP_LOG_DEBUG 4

/**
 * Every message.
 */
#define MQP_LOG_TRACE 5

/**
 * No fault hit the request.
 */
#define MQP_MOCK_FAULT_NONE 0

/**
 * The request is not executed; the answer has `response_code` and `remark`.
 */
#define MQP_MOCK_FAULT_ANSWER 1

/**
 * The request is executed, and its answer gets `response_code` and `remark` while its fields stay: as when a message is
 * stored but was not flushed in time (code 10).
 */
#define MQP_MOCK_FAULT_CHANGE_ANSWER 2

/**
 * The request is executed at once and well; its answer comes after `delay_ms`.
 */
#define MQP_MOCK_FAULT_DELAY 3

/**
 * The request is not executed and not answered.
 */
#define MQP_MOCK_FAULT_DROP 4

/**
 * The request is executed and not answered.
 */
#define MQP_MOCK_FAULT_LOSE_ANSWER 5

/**
 * The connection is closed in place of an answer; the request is not executed.
 */
#define MQP_MOCK_FAULT_CLOSE_BEFORE 6

/**
 * The connection is closed in place of an answer; the request is executed.
 */
#define MQP_MOCK_FAULT_CLOSE_AFTER 7

/**
 * The request is executed, the first half of its answer is written, and the connection is closed.
 */
#define MQP_MOCK_FAULT_HALF_ANSWER 8

/**
 * The request is not executed; `bytes`, 64 of 0xff when there are none, come in place of an answer. The connection
 * stays open.
 */
#define MQP_MOCK_FAULT_GARBAGE 9

/**
 * Nothing more of this connection is read or written until `delay_ms` are over or faults are cleared; with 0, until
 * they are cleared: as by a process that is stopped. Then the request is executed and answered.
 */
#define MQP_MOCK_FAULT_STOP_READING 10

/**
 * The broker is in its routes and listens.
 */
#define MQP_MOCK_BROKER_UP 0

/**
 * A bit: the broker is in no route, as after its shutdown. It serves those who know its address.
 */
#define MQP_MOCK_BROKER_OUT_OF_ROUTE 1

/**
 * A bit: the server does not listen and its connections are closed, as after its death. Its port stays its own.
 */
#define MQP_MOCK_BROKER_STOPPED 2

/**
 * How each message of a batch ended: an *owned* handle, freed by mqp_batch_result_free. It never changes, so that any
 * threads may read it at the same time.
 */
typedef struct mqp_batch_result mqp_batch_result;

/**
 * What a producer knew of its brokers at one moment: an *owned* handle, freed by mqp_broker_states_free. It never
 * changes, so that any threads may read it at the same time.
 */
typedef struct mqp_broker_states mqp_broker_states;

/**
 * Where messages end that were sent by mqp_producer_send_queued or mqp_producer_send_many: an *owned* handle, freed by
 * mqp_completion_queue_free. Any number of producers may share it, and any number of threads use it at the same time.
 *
 * It needs no thread and no callback: its descriptor shows whether there is something to poll. After `fork` a child
 * makes a queue of its own: the parent's is refused there with MQP_ERR_FORKED.
 */
typedef struct mqp_completion_queue mqp_completion_queue;

/**
 * The configuration of a producer: an *owned* handle, freed by mqp_config_free. One thread at a time may use it.
 */
typedef struct mqp_config mqp_config;

/**
 * Why a call or a message failed: an *owned* handle, freed by mqp_error_free. It never changes, so that any threads
 * may read it at the same time.
 */
typedef struct mqp_error mqp_error;

/**
 * A cluster of name server and brokers inside this process, on real sockets of the loopback interface: an *owned*
 * handle, freed by mqp_mock_cluster_free. Any threads may use it at the same time.
 */
typedef struct mqp_mock_cluster mqp_mock_cluster;

/**
 * The messages that a cluster held at one moment: an *owned* handle, freed by mqp_mock_messages_free. It never
 * changes, so that any threads may read it at the same time.
 */
typedef struct mqp_mock_messages mqp_mock_messages;

/**
 * Requests that a cluster had got at one moment: an *owned* handle, freed by mqp_mock_requests_free. It never changes,
 * so that any threads may read it at the same time.
 */
typedef struct mqp_mock_requests mqp_mock_requests;

/**
 * A producer: an *owned* handle, freed by mqp_producer_free. Any number of threads may use it at the same time.
 *
 * After `fork` a child makes a producer of its own: each call with the parent's returns MQP_ERR_FORKED there, and
 * mqp_producer_free only gives back what is the child's.
 */
typedef struct mqp_producer mqp_producer;

/**
 * The broker's receipt of one message: an *owned* handle, freed by mqp_receipt_free. It never changes, so that any
 * threads may read it at the same time.
 */
typedef struct mqp_receipt mqp_receipt;

/**
 * A message that a broker handed to this client: the reply to a request, or a half message whose transaction is
 * checked. *Owned* and freed by mqp_received_message_free, or *borrowed* for a callback, which keeps it by
 * mqp_received_message_clone. It never changes, so that any threads may read it at the same time.
 */
typedef struct mqp_received_message mqp_received_message;

/**
 * What a producer counted up to one moment: an *owned* handle, freed by mqp_statistics_free, unless a callback lends
 * it. It never changes, so that any threads may read it at the same time. docs/STATISTICS.md lists what is in it.
 */
typedef struct mqp_statistics mqp_statistics;

/**
 * A transaction: an *owned* handle, freed by mqp_transaction_free. Any number of threads may use it at the same time.
 * It does not keep its producer open, nor must it be freed first: once the producer is closed or freed, nothing can be
 * ended any more and the broker's check decides.
 */
typedef struct mqp_transaction mqp_transaction;

/**
 * Takes what a message transformer made: *borrowed* for its call, and to be used on its thread.
 */
typedef struct mqp_transformed mqp_transformed;

/**
 * The result of a call or of a message: MQP_OK or one of MQP_ERR_.... The numbers never change; later versions add
 * some.
 */
typedef uint32_t mqp_status;

/**
 * Text: `len` bytes of UTF-8 at `ptr`.
 *
 * As an argument: *borrowed* until the call returns; it needs no NUL at its end. (NULL, 0) is the empty text;
 * NULL with another length is refused. As a result: *borrowed* from the handle it was read from, never NULL, and
 * a NUL follows the last byte, so that `ptr` alone serves as a C string when the text holds no NUL itself.
 */
typedef struct mqp_str {
    /**
     * First byte; may be NULL when `len` is 0.
     */
    const char *ptr;
    /**
     * Length in bytes, without a NUL at the end.
     */
    size_t len;
} mqp_str;

/**
 * One row of the table of statuses. Set `struct_size`, or start from MQP_STATUS_VIEW_INIT.
 */
typedef struct mqp_status_view {
    /**
     * Size of the caller's struct in bytes.
     */
    uint32_t struct_size;
    /**
     * The number.
     */
    mqp_status status;
    /**
     * The stable name, as its constant spells it behind `MQP_ERR_`; `OK` for MQP_OK. *Borrowed* for ever.
     */
    struct mqp_str name;
} mqp_status_view;

/**
 * What an error tells. Set `struct_size`, or start from MQP_ERROR_VIEW_INIT.
 */
typedef struct mqp_error_view {
    /**
     * Size of the caller's struct in bytes.
     */
    uint32_t struct_size;
    /**
     * The status; never MQP_OK.
     */
    mqp_status status;
    /**
     * 1 when a server refused and `broker_code` is its response code, else 0.
     */
    uint32_t has_broker_code;
    /**
     * The server's response code; 0 when there is none.
     */
    int32_t broker_code;
    /**
     * 1 when the same call may succeed later without being changed, else 0.
     */
    uint32_t retriable;
    /**
     * 1 when a broker may have stored the message although the send failed, else 0.
     */
    uint32_t maybe_persisted;
    /**
     * The status's name, as mqp_status_name gives it. *Borrowed* for ever.
     */
    struct mqp_str name;
    /**
     * The text for a person; it names the field, the value and the limit. *Borrowed* until the error is freed.
     */
    struct mqp_str message;
    /**
     * The server's remark; empty when there is none. *Borrowed* until the error is freed.
     */
    struct mqp_str remark;
    /**
     * The number that RocketMQ's Java client gives this failure: the server's response code, or one of its own such as
     * 10001 for a connection that could not be opened; 0 when it has none.
     */
    int32_t code;
    /**
     * 0.
     */
    uint32_t reserved;
} mqp_error_view;

/**
 * One configuration key. Set `struct_size`, or start from MQP_CONFIG_OPTION_VIEW_INIT. The strings are *borrowed* for
 * ever.
 */
typedef struct mqp_config_option_view {
    /**
     * Size of the caller's struct in bytes.
     */
    uint32_t struct_size;
    /**
     * The key.
     */
    struct mqp_str key;
    /**
     * The type of its value: `text`, `integer`, `milliseconds`, `flag`, `choice`, `codes` or `list`.
     */
    struct mqp_str type_name;
    /**
     * The value when it is not set; empty when there is none.
     */
    struct mqp_str default_value;
    /**
     * The legal values, for a person, such as `0 to 100`; empty when any text of the type is legal.
     */
    struct mqp_str range;
    /**
     * What it does.
     */
    struct mqp_str doc;
} mqp_config_option_view;

/**
 * What a receipt tells. Set `struct_size`, or start from MQP_RECEIPT_VIEW_INIT. The strings are *borrowed* until the
 * receipt is freed.
 */
typedef struct mqp_receipt_view {
    /**
     * Size of the caller's struct in bytes.
     */
    uint32_t struct_size;
    /**
     * How safely the message is stored: MQP_SEND_OK or another of MQP_SEND_....
     */
    uint32_t send_status;
    /**
     * How many tries it took, at least 1.
     */
    uint32_t attempts;
    /**
     * The queue that the broker put it in.
     */
    int32_t queue_id;
    /**
     * Its offset in the queue; -1 for one-way.
     */
    int64_t queue_offset;
    /**
     * The unique id that the producer gave the message, kept over retries.
     */
    struct mqp_str message_id;
    /**
     * The broker's id: store address and commit-log offset. Empty for one-way.
     */
    struct mqp_str offset_message_id;
    /**
     * The topic sent to.
     */
    struct mqp_str topic;
    /**
     * The broker that stored it.
     */
    struct mqp_str broker_name;
    /**
     * Transaction id; empty when there is none.
     */
    struct mqp_str transaction_id;
    /**
     * The broker's region; empty when it told none.
     */
    struct mqp_str region_id;
    /**
     * Handle to recall a timer message; empty when there is none.
     */
    struct mqp_str recall_handle;
    /**
     * 1 when an earlier try may have left another copy of the message, with the same `message_id`
     * (mqp_receipt_attempt_at tells of it); else 0.
     */
    uint32_t maybe_duplicated;
    /**
     * 0.
     */
    uint32_t reserved;
} mqp_receipt_view;

/**
 * One try of a message that did not end as wanted. Set `struct_size`, or start from MQP_ATTEMPT_INIT. The strings are
 * *borrowed* until the receipt or error is freed.
 */
typedef struct mqp_attempt {
    /**
     * Size of the caller's struct in bytes.
     */
    uint32_t struct_size;
    /**
     * What went wrong: MQP_ERR_BROKER for an answer that was no SEND_OK, or another status; never MQP_OK.
     */
    mqp_status status;
    /**
     * 1 when the broker answered and `broker_code` is its response code, else 0.
     */
    uint32_t has_broker_code;
    /**
     * The broker's response code; 0 when there is none.
     */
    int32_t broker_code;
    /**
     * The queue that was asked for.
     */
    int32_t queue_id;
    /**
     * 1 when the broker may have stored the message: it said so, or its answer was not heard; else 0.
     */
    uint32_t maybe_stored;
    /**
     * When the try began, in milliseconds since 1970.
     */
    int64_t started_ms;
    /**
     * How long it took, in microseconds.
     */
    uint64_t took_us;
    /**
     * The broker that it was for.
     */
    struct mqp_str broker_name;
    /**
     * The broker's remark, or what went wrong, for a person.
     */
    struct mqp_str remark;
} mqp_attempt;

/**
 * Bytes: `len` of them at `ptr`, NUL bytes included. (NULL, 0) is empty; NULL with another length is refused.
 */
typedef struct mqp_bytes {
    /**
     * First byte; may be NULL when `len` is 0.
     */
    const uint8_t *ptr;
    /**
     * Length in bytes.
     */
    size_t len;
} mqp_bytes;

/**
 * What a received message tells. Set `struct_size`, or start from MQP_RECEIVED_MESSAGE_VIEW_INIT. Strings and body
 * are *borrowed* until the message is freed.
 */
typedef struct mqp_received_message_view {
    /**
     * Size of the caller's struct in bytes.
     */
    uint32_t struct_size;
    /**
     * The flag that its producer gave it.
     */
    int32_t flag;
    /**
     * The queue that it is in.
     */
    int32_t queue_id;
    /**
     * How often consumers gave it back.
     */
    int32_t reconsume_times;
    /**
     * Its offset in the queue; -1 for a reply.
     */
    int64_t queue_offset;
    /**
     * Its offset in the broker's commit log; -1 for a reply.
     */
    int64_t commit_log_offset;
    /**
     * When its producer made it, in milliseconds since 1970.
     */
    int64_t born_timestamp;
    /**
     * When the broker got it, in milliseconds since 1970.
     */
    int64_t store_timestamp;
    /**
     * The topic, without the configured namespace.
     */
    struct mqp_str topic;
    /**
     * The tag; empty: none.
     */
    struct mqp_str tags;
    /**
     * The index keys, separated by spaces; empty: none.
     */
    struct mqp_str keys;
    /**
     * The unique id that its producer gave it.
     */
    struct mqp_str message_id;
    /**
     * The broker's id: store address and commit-log offset. Empty for a reply.
     */
    struct mqp_str offset_message_id;
    /**
     * Transaction id; empty when there is none.
     */
    struct mqp_str transaction_id;
    /**
     * Its producer's `host:port`; empty when the broker does not tell.
     */
    struct mqp_str born_host;
    /**
     * The broker's `host:port`; empty when it does not tell.
     */
    struct mqp_str store_host;
    /**
     * The body, decompressed.
     */
    struct mqp_bytes body;
} mqp_received_message_view;

/**
 * A user property of a message: neither name nor value is empty or holds the bytes 1 and 2.
 */
typedef struct mqp_property {
    /**
     * The name.
     */
    struct mqp_str name;
    /**
     * The value.
     */
    struct mqp_str value;
} mqp_property;

/**
 * A typed property of a JMS message, or an entry of a map.
 */
typedef struct mqp_typed_property {
    /**
     * The name, which is not empty.
     */
    struct mqp_str name;
    /**
     * MQP_VALUE_NULL or another of MQP_VALUE_..., which says what holds the value; the others are not read.
     */
    uint32_t value_type;
    /**
     * Must be 0.
     */
    uint32_t reserved;
    /**
     * The value, as the type says.
     */
    int64_t integer;
    /**
     * The value, as the type says.
     */
    double number;
    /**
     * The value, as the type says.
     */
    struct mqp_bytes data;
} mqp_typed_property;

/**
 * What a JMS message has beside what every message has, for ActiveMQ: *borrowed*, with all that it points to, until the
 * call that takes the message returns. Set `struct_size`, or start from MQP_JMS_INIT; zero stands for each default.
 */
typedef struct mqp_jms {
    /**
     * Size of the caller's struct in bytes.
     */
    uint32_t struct_size;
    /**
     * MQP_BODY_BYTES or another of MQP_BODY_....
     */
    uint32_t body_type;
    /**
     * MQP_DELIVERY_CONFIGURED or another of MQP_DELIVERY_....
     */
    uint32_t delivery_mode;
    /**
     * 1: `time_to_live_ms` counts. 0: the configured `time_to_live`.
     */
    uint32_t has_time_to_live;
    /**
     * How long the broker keeps the message, in milliseconds; 0: for ever.
     */
    uint64_t time_to_live_ms;
    /**
     * `JMSCorrelationID`; empty: none.
     */
    struct mqp_str correlation_id;
    /**
     * `JMSReplyTo`, a destination; empty: none.
     */
    struct mqp_str reply_to;
    /**
     * `JMSType`; empty: none.
     */
    struct mqp_str message_type;
    /**
     * `JMSXGroupID`: one consumer gets all messages of a group, in order. Empty: the message's `sharding_key`.
     */
    struct mqp_str group_id;
    /**
     * `JMSXGroupSeq`.
     */
    int32_t group_sequence;
    /**
     * Size in bytes of one element of `properties` and of `entries`, the library's step: sizeof(mqp_typed_property).
     */
    uint32_t property_size;
    /**
     * The first of the typed properties, beside the text ones of the message; may be NULL when there are none.
     */
    const struct mqp_typed_property *properties;
    /**
     * How many there are.
     */
    size_t property_count;
    /**
     * With MQP_BODY_MAP the first of the map's entries; may be NULL when there are none.
     */
    const struct mqp_typed_property *entries;
    /**
     * How many there are.
     */
    size_t entry_count;
} mqp_jms;

/**
 * A message to send: *borrowed*, with all that it points to, until the call that takes it returns. The library copies
 * what it keeps. Set `struct_size`, or start from MQP_MESSAGE_INIT; zero stands for each default.
 */
typedef struct mqp_message {
    /**
     * Size of the caller's struct in bytes.
     */
    uint32_t struct_size;
    /**
     * Carried to the consumer, not read by the broker. Default 0.
     */
    int32_t flag;
    /**
     * Required: 1 to 127 bytes of `%|a-zA-Z0-9_-`.
     */
    struct mqp_str topic;
    /**
     * Required: 1 byte to `max_message_size`. NUL bytes are data.
     */
    struct mqp_bytes body;
    /**
     * Tag for the broker's filter; empty: none.
     */
    struct mqp_str tags;
    /**
     * Index keys, separated by spaces; empty: none.
     */
    struct mqp_str keys;
    /**
     * The first of the user properties; may be NULL when there are none.
     */
    const struct mqp_property *properties;
    /**
     * How many user properties there are.
     */
    size_t property_count;
    /**
     * Size in bytes of one element of `properties`, the library's step: sizeof(mqp_property).
     */
    uint32_t property_size;
    /**
     * 1: the broker may answer before the message is stored to its configured safety. Default 0.
     */
    uint32_t no_wait_store;
    /**
     * When the message is delivered, as the delay of a level: a RocketMQ broker has 18, unless configured otherwise,
     * and takes a level over its highest for that one. The maximum is 2147483647; 0: not so. Of `delay_level`,
     * `delay_seconds`, `delay_ms` and `deliver_at_ms` at most one may be set.
     */
    uint32_t delay_level;
    /**
     * 1: `priority` is set. Default 0.
     */
    uint32_t has_priority;
    /**
     * From 0; a RocketMQ broker then chooses the queue by it: the number of the priority, or the last one. Must be 0
     * unless `has_priority` is 1.
     */
    int32_t priority;
    /**
     * Must be 0.
     */
    uint32_t reserved;
    /**
     * When the message is delivered, as seconds from its coming to the broker, up to 4611686018427387; 0: not so. The
     * timer of a RocketMQ broker rounds to its precision, 1 s by default, and refuses what is over its limit, 3 days
     * by default.
     */
    uint64_t delay_seconds;
    /**
     * As `delay_seconds`, in milliseconds, up to 4611686018427387903.
     */
    uint64_t delay_ms;
    /**
     * When the message is delivered, in milliseconds since 1970; 0: not so. A time that has passed: at once.
     */
    int64_t deliver_at_ms;
    /**
     * The lite topic inside the topic; empty: none.
     */
    struct mqp_str lite_topic;
    /**
     * What orders messages, for those who read it as the message's property `__SHARDINGKEY`; it does not choose the
     * queue, which is what the sharding key of mqp_send_options does. Empty: none.
     */
    struct mqp_str sharding_key;
    /**
     * The W3C trace context that the message belongs to, `00-<32 hex digits>-<16 hex digits>-<2 hex digits>` in lower
     * case, carried as its property `traceparent`; empty: none.
     */
    struct mqp_str trace_parent;
    /**
     * What a JMS message has beside all this, for ActiveMQ; with RocketMQ such a message is refused. NULL: nothing.
     */
    const struct mqp_jms *jms;
} mqp_message;

/**
 * A queue of a topic.
 */
typedef struct mqp_queue {
    /**
     * The broker's name.
     */
    struct mqp_str broker_name;
    /**
     * The queue's number on that broker.
     */
    int32_t queue_id;
    /**
     * 0.
     */
    uint32_t reserved;
} mqp_queue;

/**
 * Chooses the queue of one message.
 *
 * `call` runs once for each send that gets so far, on the thread of the send and before it returns, never again for a
 * retry. It MUST NOT throw, `longjmp` or end its thread.
 */
typedef struct mqp_queue_selector {
    /**
     * Required: receives the topic's `count` queues, by broker name and number, *borrowed* until it returns; each is
     * `element_size` bytes after the one before. It returns the index of one of them; any other number fails the send
     * with MQP_ERR_INVALID_ARGUMENT.
     */
    size_t (*call)(void *user_data, const struct mqp_queue *queues, size_t count, size_t element_size);
    /**
     * Passed to `call`, not read by the library; may be NULL.
     */
    void *user_data;
} mqp_queue_selector;

/**
 * How one send departs from the configuration: *copied*. Set `struct_size`, or start from MQP_SEND_OPTIONS_INIT; zero
 * stands for each default.
 */
typedef struct mqp_send_options {
    /**
     * Size of the caller's struct in bytes.
     */
    uint32_t struct_size;
    /**
     * The total deadline of this send in milliseconds, up to 3600000. 0: the configured `send_msg_timeout`.
     */
    uint32_t timeout_ms;
    /**
     * Which queue the message goes to: MQP_SELECT_ROUND_ROBIN or another of MQP_SELECT_.... With all but that and
     * MQP_SELECT_RANDOM the message stays on the queue chosen first, over its retries.
     */
    uint32_t selector;
    /**
     * For MQP_SELECT_QUEUE: the queue's number.
     */
    int32_t queue_id;
    /**
     * For MQP_SELECT_HASH and MQP_SELECT_CONSISTENT_HASH, and required there.
     */
    struct mqp_str sharding_key;
    /**
     * For MQP_SELECT_QUEUE: the broker's name.
     */
    struct mqp_str broker_name;
    /**
     * For MQP_SELECT_MACHINE_ROOM: the names of rooms, separated by commas.
     */
    struct mqp_str machine_rooms;
    /**
     * For MQP_SELECT_CALLBACK.
     */
    struct mqp_queue_selector queue_selector;
    /**
     * 1: somebody waits for the end of the message, although the call does not, as where a language has its own
     * scheduler. Then mqp_producer_send_queued and mqp_producer_send_many try the message as often as mqp_producer_send
     * does (`retry_times_when_send_failed`), and hooks see MQP_MODE_SYNC. 0: it is asynchronous. All others do not read
     * it.
     */
    uint32_t awaited;
    /**
     * Zero.
     */
    uint32_t reserved;
} mqp_send_options;

/**
 * The end of one message. In a callback everything in it is *borrowed* until the callback returns; mqp_receipt_clone
 * and mqp_error_clone keep more. From a completion queue it is *owned*: mqp_completions_free.
 */
typedef struct mqp_completion {
    /**
     * Size of the struct in bytes as the library knows it; fields beyond it must not be read.
     */
    uint32_t struct_size;
    /**
     * MQP_OK, or why the message failed.
     */
    mqp_status status;
    /**
     * The `user_data` that came with the message.
     */
    void *user_data;
    /**
     * The receipt; NULL on failure, and for what is no message (mqp_producer_find_route).
     */
    const struct mqp_receipt *receipt;
    /**
     * The error; NULL on success.
     */
    const struct mqp_error *error;
} mqp_completion;

/**
 * Who is told of the end of a message.
 *
 * Once the call that took it returned MQP_OK, `call` runs exactly once and then `drop` exactly once: on success,
 * failure, timeout and shutdown alike, and possibly before that call returned. On any other return neither runs, and
 * `user_data` stays the caller's.
 *
 * Thread: both run on the library's dispatcher, one after the other for the whole process. They MUST NOT block for
 * long (all other callbacks wait), throw or `longjmp`; calls of the library that block return MQP_ERR_WOULD_DEADLOCK
 * there, all others are allowed. Ending the thread by `pthread_exit` is survived, but no callback runs after it.
 */
typedef struct mqp_callback {
    /**
     * Required: receives the completion, *borrowed* until it returns.
     */
    void (*call)(void *user_data, const struct mqp_completion *completion);
    /**
     * Passed to both functions, not read by the library; may be NULL.
     */
    void *user_data;
    /**
     * Gives `user_data` back after the call; may be NULL.
     */
    void (*drop)(void *user_data);
} mqp_callback;

/**
 * The end of one request. Everything in it is *borrowed* for the duration of the callback it is passed to;
 * mqp_received_message_clone and mqp_error_clone keep more.
 */
typedef struct mqp_request_completion {
    /**
     * Size of the struct in bytes as the library knows it; fields beyond it must not be read.
     */
    uint32_t struct_size;
    /**
     * MQP_OK, or why there is no reply.
     */
    mqp_status status;
    /**
     * The `user_data` that came with the request.
     */
    void *user_data;
    /**
     * The reply; NULL on failure.
     */
    const struct mqp_received_message *reply;
    /**
     * The error; NULL on success.
     */
    const struct mqp_error *error;
} mqp_request_completion;

/**
 * Who is told of the end of a request.
 *
 * Once the call that took it returned MQP_OK, `call` runs exactly once and then `drop` exactly once, as those of
 * mqp_callback do, on the same thread and under the same rules; on any other return neither runs, and `user_data`
 * stays the caller's.
 */
typedef struct mqp_request_callback {
    /**
     * Required: receives the completion, *borrowed* until it returns.
     */
    void (*call)(void *user_data, const struct mqp_request_completion *completion);
    /**
     * Passed to both functions, not read by the library; may be NULL.
     */
    void *user_data;
    /**
     * Gives `user_data` back after the call; may be NULL.
     */
    void (*drop)(void *user_data);
} mqp_request_callback;

/**
 * Where the reply to a request goes, from the properties of the request: *copied*. Set `struct_size`, or start from
 * MQP_REPLY_TO_INIT.
 */
typedef struct mqp_reply_to {
    /**
     * Size of the caller's struct in bytes.
     */
    uint32_t struct_size;
    /**
     * How long the client waits from its request on, in milliseconds: the property `TTL`, which is handed on and
     * nothing depends on. 0: none.
     */
    uint32_t ttl_ms;
    /**
     * Required: the property `CORRELATION_ID`.
     */
    struct mqp_str correlation_id;
    /**
     * Required: the client that asked, the property `REPLY_TO_CLIENT`.
     */
    struct mqp_str reply_to_client;
    /**
     * Required: the cluster that stored the request, the property `CLUSTER`.
     */
    struct mqp_str cluster;
} mqp_reply_to;

/**
 * How a batch is sent: *copied*. Set `struct_size`, or start from MQP_BATCH_OPTIONS_INIT; zero stands for each default.
 */
typedef struct mqp_batch_options {
    /**
     * Size of the caller's struct in bytes.
     */
    uint32_t struct_size;
    /**
     * 0: the batch is one request, and refused when it takes more than `max_message_size`. Otherwise it is split into
     * requests that take at most so many bytes each, up to `max_message_size`; a message that is larger by itself goes
     * alone. A message takes its body, its properties and 22 bytes.
     */
    uint32_t split_bytes;
} mqp_batch_options;

/**
 * The end of a batch. Everything in it is *borrowed* for the duration of the callback it is passed to;
 * mqp_batch_result_clone and mqp_error_clone keep more.
 */
typedef struct mqp_batch_completion {
    /**
     * Size of the struct in bytes as the library knows it; fields beyond it must not be read.
     */
    uint32_t struct_size;
    /**
     * MQP_OK when every message was stored, else why the first of those that were not failed.
     */
    mqp_status status;
    /**
     * The `user_data` that came with the batch.
     */
    void *user_data;
    /**
     * How each message ended; never NULL.
     */
    const struct mqp_batch_result *result;
    /**
     * The error of the first message that failed, its index before the text; NULL when there is none.
     */
    const struct mqp_error *error;
} mqp_batch_completion;

/**
 * Who is told of the end of a batch, once for all its messages. As with mqp_callback: once the call that took it
 * returned MQP_OK, `call` runs exactly once and then `drop` exactly once, on the library's dispatcher and with the
 * same restrictions; on any other return neither runs, and `user_data` stays the caller's.
 */
typedef struct mqp_batch_callback {
    /**
     * Required: receives the completion, *borrowed* until it returns.
     */
    void (*call)(void *user_data, const struct mqp_batch_completion *completion);
    /**
     * Passed to both functions, not read by the library; may be NULL.
     */
    void *user_data;
    /**
     * Gives `user_data` back after the call; may be NULL.
     */
    void (*drop)(void *user_data);
} mqp_batch_callback;

/**
 * How a broker does, as the key `send_latency_enable` has it judged; without that every broker is healthy. Set
 * `struct_size`, or start from MQP_BROKER_STATE_VIEW_INIT. The strings are *borrowed* until the snapshot is freed.
 */
typedef struct mqp_broker_state_view {
    /**
     * Size of the caller's struct in bytes.
     */
    uint32_t struct_size;
    /**
     * MQP_BROKER_HEALTHY or another of MQP_BROKER_....
     */
    uint32_t state;
    /**
     * Until when an isolated broker is passed over, in milliseconds since 1970; else 0.
     */
    int64_t until_ms;
    /**
     * How long the last send to it took, in milliseconds; -1 when none was measured.
     */
    int64_t latency_ms;
    /**
     * The broker's name.
     */
    struct mqp_str name;
    /**
     * The master's address.
     */
    struct mqp_str address;
} mqp_broker_state_view;

/**
 * Who knows what became of a transaction: *copied*.
 *
 * A broker that hears no end of a transaction asks any producer of its group that is connected: RocketMQ's broker
 * after 6 s at first, then each 30 s, up to 15 times, unless configured otherwise.
 *
 * Thread: `call` runs on the library's dispatcher. It MUST NOT block for long (all other callbacks wait), throw or
 * `longjmp`; calls of the library that block return MQP_ERR_WOULD_DEADLOCK there. Ending the thread by `pthread_exit`
 * is survived, but no callback runs after it.
 */
typedef struct mqp_transaction_checker {
    /**
     * Required: receives the half message, *borrowed* until it returns, and answers MQP_TRANSACTION_UNKNOWN or another
     * of MQP_TRANSACTION_...; any other number counts as unknown and is told to the broker.
     */
    uint32_t (*call)(void *user_data, const struct mqp_received_message *message);
    /**
     * Passed to both functions, not read by the library; may be NULL.
     */
    void *user_data;
    /**
     * Gives `user_data` back once the producer is freed and `call` does not run any more, on any thread, those of the
     * library included; may be NULL.
     */
    void (*drop)(void *user_data);
} mqp_transaction_checker;

/**
 * A message on its way. Everything in it is *borrowed* for the duration of the hook that it is passed to.
 */
typedef struct mqp_hook_context {
    /**
     * Size of the struct in bytes as the library knows it; fields beyond it must not be read.
     */
    uint32_t struct_size;
    /**
     * How the message is sent: MQP_MODE_SYNC or another of MQP_MODE_....
     */
    uint32_t mode;
    /**
     * What it is to the broker: MQP_MESSAGE_TYPE_NORMAL or another of MQP_MESSAGE_TYPE_....
     */
    uint32_t message_type;
    /**
     * The queue chosen; after the send the one of the last try. With the key `auto_batch` it is chosen after the hooks,
     * unless the caller's selector names it: then it is -1, and `broker_name` and `broker_address` are empty, before the
     * send.
     */
    int32_t queue_id;
    /**
     * The producer's group.
     */
    struct mqp_str producer_group;
    /**
     * The producer's namespace; empty: none.
     */
    struct mqp_str namespace_name;
    /**
     * The topic.
     */
    struct mqp_str topic;
    /**
     * The unique id that the producer gave the message; of a batch, its first request's own.
     */
    struct mqp_str message_id;
    /**
     * This client's address.
     */
    struct mqp_str born_host;
    /**
     * The broker chosen; after the send the one of the last try.
     */
    struct mqp_str broker_name;
    /**
     * Its `host:port`.
     */
    struct mqp_str broker_address;
    /**
     * The length of the body before it was compressed; of a batch, of all bodies together.
     */
    size_t body_length;
    /**
     * The message itself, its texts without a NUL at the end; NULL after the send. Of a batch, which hooks see as one
     * message, it has the topic and `no_wait_store`, but no body.
     */
    const struct mqp_message *message;
    /**
     * How many messages there are: 1, or as many as a batch holds.
     */
    size_t message_count;
    /**
     * The first message of a batch; NULL after the send and for a single message.
     */
    const struct mqp_message *batch;
    /**
     * Size in bytes of one element of `batch`.
     */
    uint32_t message_size;
    /**
     * 0.
     */
    uint32_t reserved;
} mqp_hook_context;

/**
 * How a message ended. Everything in it is *borrowed* for the duration of the hook that it is passed to;
 * mqp_receipt_clone and mqp_error_clone keep more.
 */
typedef struct mqp_hook_end {
    /**
     * Size of the struct in bytes as the library knows it; fields beyond it must not be read.
     */
    uint32_t struct_size;
    /**
     * MQP_OK, or why the message failed.
     */
    mqp_status status;
    /**
     * How many tries it took.
     */
    uint32_t attempts;
    /**
     * Always 0.
     */
    uint32_t reserved;
    /**
     * Microseconds from the message's acceptance to its end.
     */
    uint64_t cost_us;
    /**
     * The receipt; NULL on failure. Of a batch: that of its first request, with the ids of all messages joined by commas.
     */
    const struct mqp_receipt *receipt;
    /**
     * The error; NULL on success.
     */
    const struct mqp_error *error;
} mqp_hook_end;

/**
 * The end of a transaction. Everything in it is *borrowed* for the duration of the hook that it is passed to.
 */
typedef struct mqp_end_transaction_context {
    /**
     * Size of the struct in bytes as the library knows it; fields beyond it must not be read.
     */
    uint32_t struct_size;
    /**
     * What the broker was told: MQP_TRANSACTION_COMMIT or another of MQP_TRANSACTION_....
     */
    uint32_t state;
    /**
     * 1: the broker had asked, in a transaction check.
     */
    uint32_t from_check;
    /**
     * Always 0.
     */
    uint32_t reserved;
    /**
     * The producer's group.
     */
    struct mqp_str producer_group;
    /**
     * The producer's namespace; empty: none.
     */
    struct mqp_str namespace_name;
    /**
     * The half message's topic.
     */
    struct mqp_str topic;
    /**
     * The unique id that its producer gave it.
     */
    struct mqp_str message_id;
    /**
     * The transaction's id.
     */
    struct mqp_str transaction_id;
    /**
     * The half message's tag; empty: none.
     */
    struct mqp_str tags;
    /**
     * Its index keys, separated by spaces; empty: none.
     */
    struct mqp_str keys;
    /**
     * The region of its broker; empty when that told none.
     */
    struct mqp_str region_id;
    /**
     * The broker that holds it.
     */
    struct mqp_str broker_name;
    /**
     * Its `host:port`.
     */
    struct mqp_str broker_address;
} mqp_end_transaction_context;

/**
 * Sees every message of a producer: *copied*. Set `struct_size`, or start from MQP_HOOK_INIT. Each function may be
 * NULL.
 *
 * `check_forbidden` and `before_send` run on the thread that sends, once for each message and not again for a further
 * try; `after_send` runs on the library's dispatcher, once for each message that `before_send` was due for, before the
 * message's callback runs or its synchronous send returns; `end_transaction` says it itself. No function may throw, `longjmp` or end its thread, and
 * `after_send` MUST NOT block for long: all callbacks and synchronous sends wait for it. The functions of one hook may
 * run on several threads at the same time.
 */
typedef struct mqp_hook {
    /**
     * Size of the caller's struct in bytes.
     */
    uint32_t struct_size;
    /**
     * Always 0.
     */
    uint32_t reserved;
    /**
     * Whether the message may be sent: 0, or any other number to refuse it. It may write why, as NUL-terminated UTF-8
     * of at most `reason_size` bytes, to `reason`, which is empty at first. A refused send fails with
     * MQP_ERR_FORBIDDEN, and no other function is called for its message.
     */
    uint32_t (*check_forbidden)(void *user_data,
                                const struct mqp_hook_context *context,
                                char *reason,
                                size_t reason_size);
    /**
     * Told that the message is about to be sent.
     */
    void (*before_send)(void *user_data, const struct mqp_hook_context *context);
    /**
     * Told how the message ended.
     */
    void (*after_send)(void *user_data, const struct mqp_hook_context *context, const struct mqp_hook_end *end);
    /**
     * Passed to all functions, not read by the library; may be NULL.
     */
    void *user_data;
    /**
     * Gives `user_data` back once the producer is freed and no function of the hook runs any more, on any thread,
     * those of the library included; may be NULL.
     */
    void (*drop)(void *user_data);
    /**
     * Told that a broker was told the end of a transaction: on the thread that committed or rolled back, or freed the
     * transaction, and on the library's dispatcher for the answer to a broker's check. Once for each word to a broker,
     * an unknown state included; not for one that could not be written.
     */
    void (*end_transaction)(void *user_data, const struct mqp_end_transaction_context *context);
} mqp_hook;

/**
 * Tells the W3C trace context of the code that sends.
 *
 * `call` runs for each message that has neither a `trace_parent` nor a property `traceparent` of its own, for each
 * message of a batch, too, on the thread that sends and before the send returns, never again for a retry. It may run
 * on several threads at the same time. It MUST NOT throw, `longjmp` or end its thread.
 */
typedef struct mqp_trace_context {
    /**
     * Required: writes a `traceparent` (`00-<32 hex digits>-<16 hex digits>-<2 hex digits>`, in lower case, 55 bytes;
     * no NUL is needed) to `out`, which has room for `capacity` bytes, at least 56, and returns its length. 0: there
     * is none. What is longer than `capacity` or no such context is left out; the log tells of the first.
     */
    size_t (*call)(void *user_data, char *out, size_t capacity);
    /**
     * Passed to both functions, not read by the library; may be NULL.
     */
    void *user_data;
    /**
     * Gives `user_data` back, once: when the producer is freed and `call` does not run any more, on any thread, those
     * of the library included, or when another is set in its place. May be NULL.
     */
    void (*drop)(void *user_data);
} mqp_trace_context;

/**
 * Puts another message in the place of one that is sent.
 *
 * `call` runs for each message, those of transactions and requests too, once, on the thread that sends and before all
 * else: hooks see what it made, and so do the rules of destinations and of who waits. It may run on several threads at
 * the same time. It MUST NOT throw, `longjmp` or end its thread.
 */
typedef struct mqp_message_transformer {
    /**
     * Required. `message`: the message to be sent, *borrowed* until the call returns, its texts without a NUL at the
     * end. `transformed`: takes another one by mqp_transformed_set; left alone, `message` goes as it is. Returns 0, or
     * any other number to refuse the message, whose send fails with MQP_ERR_INVALID_MESSAGE then; it may write why, as
     * NUL-terminated UTF-8 of at most `reason_size` bytes, to `reason`, which is empty at first.
     */
    uint32_t (*call)(void *user_data,
                     const struct mqp_message *message,
                     struct mqp_transformed *transformed,
                     char *reason,
                     size_t reason_size);
    /**
     * Passed to both functions, not read by the library; may be NULL.
     */
    void *user_data;
    /**
     * Gives `user_data` back, once: when the producer is freed and `call` does not run any more, on any thread, those
     * of the library included, or when another is set in its place. May be NULL.
     */
    void (*drop)(void *user_data);
} mqp_message_transformer;

/**
 * Who is told a producer's statistics, again and again.
 *
 * Once mqp_producer_set_statistics_callback returned MQP_OK, `call` runs every `statistics_interval` from the
 * producer's start on, and `drop` exactly once after the last of these calls: when the producer is closed or freed, or
 * the callback replaced. On any other return neither runs, and `user_data` stays the caller's.
 *
 * Thread: both run on the library's dispatcher, one after the other, and `drop` on the thread that frees the last
 * producer when that ends the dispatcher. An interval is left out while the call before it still waits for the
 * dispatcher. No call begins after mqp_producer_close returned. They MUST NOT block for long (all other callbacks
 * wait), throw or `longjmp`; calls of the library that block return MQP_ERR_WOULD_DEADLOCK there, all others are
 * allowed. Ending the thread by `pthread_exit` is survived, but no callback runs after it.
 */
typedef struct mqp_statistics_callback {
    /**
     * Required: receives the statistics, *borrowed* until it returns.
     */
    void (*call)(void *user_data, const struct mqp_statistics *statistics);
    /**
     * Passed to both functions, not read by the library; may be NULL.
     */
    void *user_data;
    /**
     * Gives `user_data` back; may be NULL.
     */
    void (*drop)(void *user_data);
} mqp_statistics_callback;

/**
 * What alarm and spool callbacks are told. All that it points to is *borrowed* until the callback returns;
 * mqp_received_message_clone and mqp_receipt_clone keep more.
 */
typedef struct mqp_reliability_event {
    /**
     * Size of the struct in bytes as the library knows it; fields beyond it must not be read.
     */
    uint32_t struct_size;
    /**
     * What happened: MQP_EVENT_GIVEN_UP or another of MQP_EVENT_....
     */
    uint32_t kind;
    /**
     * The message as it was sent, its body decompressed and its topic without the namespace; its queue, offsets and
     * store are not set. NULL for MQP_EVENT_SPOOL_DAMAGED.
     */
    const struct mqp_received_message *message;
    /**
     * Where it is stored, for MQP_EVENT_SPOOL_DELIVERED; else NULL.
     */
    const struct mqp_receipt *receipt;
    /**
     * Why, for all other kinds: its attempts are the tries (mqp_error_attempt_at), `maybe_persisted` tells whether a
     * broker may have the message, and the status MQP_SPOOLED that it waits in the spool. NULL for
     * MQP_EVENT_SPOOL_DELIVERED.
     */
    const struct mqp_error *error;
} mqp_reliability_event;

/**
 * Who is told of messages that reliable sending gave up, or what becomes of those in the spool.
 *
 * Once the call that took it returned MQP_OK, `call` runs for each event from the producer's start on, and `drop`
 * exactly once after the last of these calls: when the producer is closed or freed, or the callback replaced. On any
 * other return neither runs, and `user_data` stays the caller's.
 *
 * Thread: both run on the library's dispatcher, one after the other, and `drop` on the thread that frees the last
 * producer when that ends the dispatcher. They MUST NOT block for long (all other callbacks wait), throw or `longjmp`;
 * calls of the library that block return MQP_ERR_WOULD_DEADLOCK there, all others are allowed. Ending the thread by
 * `pthread_exit` is survived, but no callback runs after it.
 */
typedef struct mqp_reliability_callback {
    /**
     * Required: receives the event, *borrowed* until it returns.
     */
    void (*call)(void *user_data, const struct mqp_reliability_event *event);
    /**
     * Passed to both functions, not read by the library; may be NULL.
     */
    void *user_data;
    /**
     * Gives `user_data` back; may be NULL.
     */
    void (*drop)(void *user_data);
} mqp_reliability_callback;

/**
 * One record of the log, *borrowed* with its strings for the duration of the callback it is passed to.
 */
typedef struct mqp_log_record {
    /**
     * Size of the struct in bytes as the library knows it; fields beyond it must not be read.
     */
    uint32_t struct_size;
    /**
     * MQP_LOG_ERROR to MQP_LOG_TRACE.
     */
    uint32_t level;
    /**
     * The part of the library that speaks.
     */
    struct mqp_str target;
    /**
     * What it says, on one line.
     */
    struct mqp_str message;
} mqp_log_record;

/**
 * Who receives the records of the log.
 *
 * Once mqp_log_set returned MQP_OK, `call` runs for each record, and `drop` exactly once after the last of them, when
 * the callback was replaced or removed. On any other return neither runs, and `user_data` stays the caller's.
 *
 * Thread: the library's dispatcher; before the first producer starts and after the last is gone, the thread that makes
 * the record or replaces the callback. Never two at the same time from the dispatcher. They MUST NOT call the library,
 * block for long, throw or `longjmp`, and only on the dispatcher may they end the thread. What the library does for a
 * record is itself not logged.
 */
typedef struct mqp_log_callback {
    /**
     * Receives a record; NULL removes the callback that was set before.
     */
    void (*call)(void *user_data, const struct mqp_log_record *record);
    /**
     * Passed to both functions, not read by the library; may be NULL.
     */
    void *user_data;
    /**
     * Gives `user_data` back; may be NULL.
     */
    void (*drop)(void *user_data);
} mqp_log_callback;

/**
 * A message that a cluster stored. Set `struct_size`, or start from MQP_MOCK_MESSAGE_VIEW_INIT. Strings, body and
 * properties are *borrowed* until the mqp_mock_messages is freed.
 */
typedef struct mqp_mock_message_view {
    /**
     * Size of the caller's struct in bytes.
     */
    uint32_t struct_size;
    /**
     * The flag that it was sent with.
     */
    int32_t flag;
    /**
     * The queue that it is in.
     */
    int32_t queue_id;
    /**
     * Size in bytes of one element of `properties`: step by it.
     */
    uint32_t property_size;
    /**
     * Its offset in the queue.
     */
    int64_t queue_offset;
    /**
     * When the producer made it, in milliseconds since 1970.
     */
    int64_t born_timestamp;
    /**
     * When the broker stored it, in milliseconds since 1970.
     */
    int64_t store_timestamp;
    /**
     * The topic.
     */
    struct mqp_str topic;
    /**
     * The broker that stored it.
     */
    struct mqp_str broker_name;
    /**
     * The unique id that the producer gave it.
     */
    struct mqp_str message_id;
    /**
     * The broker's id.
     */
    struct mqp_str offset_message_id;
    /**
     * The tag; empty: none.
     */
    struct mqp_str tags;
    /**
     * The index keys; empty: none.
     */
    struct mqp_str keys;
    /**
     * All properties as stored, those that the library sets included.
     */
    const struct mqp_property *properties;
    /**
     * How many properties there are.
     */
    size_t property_count;
    /**
     * The body as it was sent.
     */
    struct mqp_bytes body;
} mqp_mock_message_view;

/**
 * What servers of an embedded cluster do to requests to come. Set `struct_size`, or start from MQP_MOCK_FAULT_INIT;
 * fields that the action does not read stay 0. Texts and bytes are *copied*.
 */
typedef struct mqp_mock_fault {
    /**
     * Size of the caller's struct in bytes.
     */
    uint32_t struct_size;
    /**
     * One of MQP_MOCK_FAULT_ANSWER to MQP_MOCK_FAULT_STOP_READING. A one-way request has no answer: all but that happens
     * to it, too.
     */
    uint32_t action;
    /**
     * The server: a broker's name (`broker-a`) or number from 0 on (`0`), or `name-server`; empty: every broker, and
     * not the name server.
     */
    struct mqp_str broker;
    /**
     * The request code; 0: every code.
     */
    int32_t request_code;
    /**
     * How many requests; 0: all, until faults are cleared.
     */
    uint32_t count;
    /**
     * The code that MQP_MOCK_FAULT_ANSWER and MQP_MOCK_FAULT_CHANGE_ANSWER answer.
     */
    int32_t response_code;
    /**
     * How long the answer, the bytes or the close wait, in milliseconds, at most 3600000. Other requests of the
     * connection are answered meanwhile. Not for MQP_MOCK_FAULT_DROP and MQP_MOCK_FAULT_LOSE_ANSWER.
     */
    uint32_t delay_ms;
    /**
     * The remark that MQP_MOCK_FAULT_ANSWER and MQP_MOCK_FAULT_CHANGE_ANSWER answer; empty: none.
     */
    struct mqp_str remark;
    /**
     * What MQP_MOCK_FAULT_GARBAGE writes.
     */
    struct mqp_bytes bytes;
} mqp_mock_fault;

/**
 * A request that a cluster got. Set `struct_size`, or start from MQP_MOCK_REQUEST_VIEW_INIT. Strings, fields and body
 * are *borrowed* until the mqp_mock_requests is freed.
 */
typedef struct mqp_mock_request_view {
    /**
     * Size of the caller's struct in bytes.
     */
    uint32_t struct_size;
    /**
     * The request code.
     */
    int32_t code;
    /**
     * The number that ties the answer to it.
     */
    int32_t opaque;
    /**
     * 1: it wanted no answer; 0: it did.
     */
    uint32_t oneway;
    /**
     * The action of the fault that hit it: one of MQP_MOCK_FAULT_....
     */
    uint32_t fault;
    /**
     * Size in bytes of one element of `fields`: step by it.
     */
    uint32_t field_size;
    /**
     * When it came, in milliseconds since 1970.
     */
    int64_t timestamp;
    /**
     * The broker, or `name-server`.
     */
    struct mqp_str broker_name;
    /**
     * The header's fields (`extFields`), in the order of the wire.
     */
    const struct mqp_property *fields;
    /**
     * How many fields there are.
     */
    size_t field_count;
    /**
     * The body.
     */
    struct mqp_bytes body;
} mqp_mock_request_view;

/**
 * Success.
 */
#define MQP_OK 0

/**
 * A NULL handle or pointer, a `struct_size` too small, text that is not UTF-8.
 */
#define MQP_ERR_INVALID_ARGUMENT 1

/**
 * An unknown configuration key, a value out of its range, a malformed URL.
 */
#define MQP_ERR_INVALID_CONFIG 2

/**
 * A message that breaks a rule: topic, body, property.
 */
#define MQP_ERR_INVALID_MESSAGE 3

/**
 * A body or properties over the configured or protocol limit.
 */
#define MQP_ERR_MESSAGE_TOO_LARGE 4

/**
 * A send, flush or close before mqp_producer_start.
 */
#define MQP_ERR_NOT_STARTED 5

/**
 * A second mqp_producer_start.
 */
#define MQP_ERR_ALREADY_STARTED 6

/**
 * The producer is closed or closing.
 */
#define MQP_ERR_CLOSED 7

/**
 * No name server answered; the message names each address and its cause.
 */
#define MQP_ERR_NO_NAME_SERVER 8

/**
 * The name servers know no route of the topic with a writable queue.
 */
#define MQP_ERR_NO_ROUTE 9

/**
 * The route names a broker without a master address.
 */
#define MQP_ERR_BROKER_NOT_FOUND 10

/**
 * A connection could not be opened.
 */
#define MQP_ERR_CONNECT 11

/**
 * A connection died under the request.
 */
#define MQP_ERR_CONNECTION_LOST 12

/**
 * The deadline passed.
 */
#define MQP_ERR_TIMEOUT 13

/**
 * The broker refused; `broker_code` and `remark` of the error tell why.
 */
#define MQP_ERR_BROKER 14

/**
 * The peer broke the protocol.
 */
#define MQP_ERR_PROTOCOL 15

/**
 * The limit of messages or bytes in flight is reached.
 */
#define MQP_ERR_BACKPRESSURE 16

/**
 * A blocking call was made on a thread of the library.
 */
#define MQP_ERR_WOULD_DEADLOCK 17

/**
 * The handle was made before `fork` and is used in the child.
 */
#define MQP_ERR_FORKED 18

/**
 * Header and library do not fit together.
 */
#define MQP_ERR_VERSION_MISMATCH 19

/**
 * The operating system refused a thread, a socket or memory.
 */
#define MQP_ERR_RESOURCE 20

/**
 * A defect of the library; the error's message holds the text of the panic.
 */
#define MQP_ERR_INTERNAL 21

/**
 * The operation exists but not for this transport or build.
 */
#define MQP_ERR_UNSUPPORTED 22

/**
 * A hook refused the message.
 */
#define MQP_ERR_FORBIDDEN 23

/**
 * No reply to a request came before its deadline.
 */
#define MQP_ERR_REQUEST_TIMEOUT 24

/**
 * Not sent yet: the message waits in the local spool, from which it is sent later. Not a success, nor to be sent again.
 */
#define MQP_ERR_SPOOLED 25

/**
 * Another name of MQP_ERR_SPOOLED.
 */
#define MQP_SPOOLED MQP_ERR_SPOOLED

/**
 * The broker has dropped the transaction, all of it: its connection ended before the commit, or it refused a part.
 */
#define MQP_ERR_TRANSACTION_ROLLED_BACK 26

/**
 * No answer came to a commit: the transaction may be committed or not.
 */
#define MQP_ERR_TRANSACTION_IN_DOUBT 27

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The stable name of a status, as its constant spells it behind `MQP_ERR_`; `OK` for MQP_OK, `UNKNOWN` for a number
 * that this library does not know.
 *
 * Returns: NUL-terminated, *borrowed* for ever. Threads: any. Errors: none.
 */
MQP_API const char *mqp_status_name(mqp_status status);

/**
 * How many statuses this library knows, MQP_OK included: the bound of mqp_status_get.
 *
 * Threads: any. Errors: none.
 */
MQP_API size_t mqp_status_count(void);

/**
 * Reads one row of the table of statuses, for bindings that build their own enumeration from it.
 *
 * `index`: 0 to mqp_status_count() - 1. `out`: written, its strings *borrowed* for ever. `error`: may be NULL.
 * Threads: any. Errors: MQP_ERR_INVALID_ARGUMENT.
 */
MQP_API mqp_status mqp_status_get(size_t index, struct mqp_status_view *out, struct mqp_error **error);

/**
 * The status of an error; MQP_OK for NULL.
 *
 * Threads: any. Errors: none.
 */
MQP_API mqp_status mqp_error_status(const struct mqp_error *error);

/**
 * The text of an error for a person; empty for NULL.
 *
 * Returns: NUL-terminated, *borrowed* until the error is freed. Threads: any. Errors: none.
 */
MQP_API const char *mqp_error_message(const struct mqp_error *error);

/**
 * Reads all that an error tells.
 *
 * `of`: the error. `out`: written, its strings *borrowed* until `of` is freed. `error`: may be NULL; why reading
 * failed. Threads: any. Errors: MQP_ERR_INVALID_ARGUMENT.
 */
MQP_API mqp_status mqp_error_get(const struct mqp_error *of, struct mqp_error_view *out, struct mqp_error **error);

/**
 * Copies an error, to keep one that is only borrowed, as in a callback.
 *
 * Returns: *owned*, to be freed by mqp_error_free; NULL for NULL. Threads: any. Errors: none.
 */
MQP_API struct mqp_error *mqp_error_clone(const struct mqp_error *error);

/**
 * Frees an error; NULL is allowed.
 *
 * `error`: *owned*, taken. Threads: any. Errors: none.
 */
MQP_API void mqp_error_free(struct mqp_error *error);

/**
 * The library's version as a number: major * 1000000 + minor * 1000 + patch, as MQP_VERSION_NUMBER is the header's.
 *
 * Threads: any. Errors: none.
 */
MQP_API uint32_t mqp_version_number(void);

/**
 * The library's version as text, such as `1.2.3`.
 *
 * Returns: NUL-terminated, *borrowed* for ever. Threads: any. Errors: none.
 */
MQP_API const char *mqp_version_string(void);

/**
 * Checks that a program compiled against one version of the header may use this library: the major version is the
 * same (below 1.0: the minor version too) and the library is not older than the header. Call it once after loading.
 *
 * `header_version`: MQP_VERSION_NUMBER. `error`: may be NULL. Threads: any. Errors: MQP_ERR_VERSION_MISMATCH.
 */
MQP_API mqp_status mqp_version_check(uint32_t header_version, struct mqp_error **error);

/**
 * Makes a configuration with every default. The environment is read here and nowhere else: `NAMESRV_ADDR`
 * (`host:port;host:port`) stands for a `url` that is not set.
 *
 * `out`: receives an *owned* handle; NULL on failure. `error`: may be NULL. Threads: any.
 * Errors: MQP_ERR_INVALID_ARGUMENT.
 */
MQP_API mqp_status mqp_config_new(struct mqp_config **out, struct mqp_error **error);

/**
 * Sets one key. A refused value leaves the earlier one in force.
 *
 * `config`: changed; producers made from it before keep what they have. `key`, `value`: *copied*. `error`: may be
 * NULL. Threads: one at a time for one configuration. Errors: MQP_ERR_INVALID_CONFIG for an unknown key, with the
 * nearest one suggested, or an illegal value, with its range; MQP_ERR_INVALID_ARGUMENT.
 */
MQP_API
mqp_status mqp_config_set(struct mqp_config *config,
                          struct mqp_str key,
                          struct mqp_str value,
                          struct mqp_error **error);

/**
 * Reads the value in force of one key: what was set, else the default.
 *
 * `key`: *borrowed* for the call. `out`: written; *borrowed* until the same key is set again or the configuration is
 * freed. `error`: may be NULL. Threads: one at a time for one configuration. Errors: MQP_ERR_INVALID_CONFIG for an
 * unknown key; MQP_ERR_INVALID_ARGUMENT.
 */
MQP_API
mqp_status mqp_config_get(const struct mqp_config *config,
                          struct mqp_str key,
                          struct mqp_str *out,
                          struct mqp_error **error);

/**
 * Frees a configuration; NULL is allowed. Producers made from it keep what they have.
 *
 * `config`: *owned*, taken. Threads: any, when no other uses it. Errors: none.
 */
MQP_API void mqp_config_free(struct mqp_config *config);

/**
 * How many configuration keys there are: the bound of mqp_config_option_get.
 *
 * Threads: any. Errors: none.
 */
MQP_API size_t mqp_config_option_count(void);

/**
 * Reads one row of the table of configuration keys.
 *
 * `index`: 0 to mqp_config_option_count() - 1. `out`: written, its strings *borrowed* for ever. `error`: may be NULL.
 * Threads: any. Errors: MQP_ERR_INVALID_ARGUMENT.
 */
MQP_API mqp_status mqp_config_option_get(size_t index, struct mqp_config_option_view *out, struct mqp_error **error);

/**
 * Makes a temporary queue of an ActiveMQ broker, which lives as long as the producer, for the answers of others: to be
 * named as `reply_to` of mqp_jms. It is made anew, with its name, on each connection.
 *
 * `topic`: 0: a queue; 1: a topic. `timeout_ms`: in milliseconds, up to 3600000; 0: the configured `send_msg_timeout`.
 * `name`: room for MQP_TEMPORARY_NAME_SIZE bytes, which receives the name, `temp-queue://...`, and a NUL; on failure
 * only the NUL. `error`: may be NULL. Threads: any; blocks up to the deadline.
 * Errors: MQP_ERR_UNSUPPORTED for RocketMQ; MQP_ERR_BROKER, MQP_ERR_CONNECT, MQP_ERR_CONNECTION_LOST, MQP_ERR_TIMEOUT,
 * MQP_ERR_NOT_STARTED, MQP_ERR_CLOSED, MQP_ERR_FORKED, MQP_ERR_INVALID_ARGUMENT, and MQP_ERR_WOULD_DEADLOCK on a thread
 * of the library.
 */
MQP_API
mqp_status mqp_producer_create_temporary(struct mqp_producer *producer,
                                         uint32_t topic,
                                         uint32_t timeout_ms,
                                         char *name,
                                         struct mqp_error **error);

/**
 * Takes a temporary destination away that mqp_producer_create_temporary made; from now on messages to it are refused
 * with MQP_ERR_INVALID_MESSAGE.
 *
 * `name`: *copied*. `timeout_ms`: in milliseconds, up to 3600000; 0: the configured `send_msg_timeout`. `error`: may be
 * NULL. Threads: any; blocks up to the deadline. Errors: those of mqp_producer_create_temporary;
 * MQP_ERR_INVALID_ARGUMENT also for a name that is none of the producer's.
 */
MQP_API
mqp_status mqp_producer_delete_temporary(struct mqp_producer *producer,
                                         struct mqp_str name,
                                         uint32_t timeout_ms,
                                         struct mqp_error **error);

/**
 * The name of a send status as the broker's protocol spells it: `SEND_OK`, `FLUSH_DISK_TIMEOUT` and so on; `ONEWAY`
 * for MQP_SEND_ONEWAY and `UNKNOWN` for a number that this library does not know.
 *
 * Returns: NUL-terminated, *borrowed* for ever. Threads: any. Errors: none.
 */
MQP_API const char *mqp_send_status_name(uint32_t send_status);

/**
 * Reads all that a receipt tells.
 *
 * `receipt`: the receipt. `out`: written, its strings *borrowed* until the receipt is freed. `error`: may be NULL.
 * Threads: any. Errors: MQP_ERR_INVALID_ARGUMENT.
 */
MQP_API
mqp_status mqp_receipt_get(const struct mqp_receipt *receipt,
                           struct mqp_receipt_view *out,
                           struct mqp_error **error);

/**
 * Copies a receipt, to keep one that is only borrowed, as in a callback.
 *
 * Returns: *owned*, to be freed by mqp_receipt_free; NULL for NULL. Threads: any. Errors: none.
 */
MQP_API struct mqp_receipt *mqp_receipt_clone(const struct mqp_receipt *receipt);

/**
 * Frees a receipt; NULL is allowed.
 *
 * `receipt`: *owned*, taken. Threads: any. Errors: none.
 */
MQP_API void mqp_receipt_free(struct mqp_receipt *receipt);

/**
 * How many tries came before the one that a receipt tells of: the bound of mqp_receipt_attempt_at. 0 for NULL, and for
 * a message that was stored at the first try.
 *
 * Threads: any. Errors: none.
 */
MQP_API size_t mqp_receipt_attempt_count(const struct mqp_receipt *receipt);

/**
 * Reads one of the tries before the one that a receipt tells of, in their order.
 *
 * `receipt`: the receipt. `index`: 0 to mqp_receipt_attempt_count() - 1. `out`: written, its strings *borrowed* until
 * the receipt is freed. `error`: may be NULL. Threads: any. Errors: MQP_ERR_INVALID_ARGUMENT.
 */
MQP_API
mqp_status mqp_receipt_attempt_at(const struct mqp_receipt *receipt,
                                  size_t index,
                                  struct mqp_attempt *out,
                                  struct mqp_error **error);

/**
 * How many tries of its message an error tells: the bound of mqp_error_attempt_at. 0 for NULL, and for what failed
 * before any try.
 *
 * Threads: any. Errors: none.
 */
MQP_API size_t mqp_error_attempt_count(const struct mqp_error *of);

/**
 * Reads one of the tries of the message that failed, in their order.
 *
 * `of`: the error. `index`: 0 to mqp_error_attempt_count() - 1. `out`: written, its strings *borrowed* until `of` is
 * freed. `error`: may be NULL; why reading failed. Threads: any. Errors: MQP_ERR_INVALID_ARGUMENT.
 */
MQP_API
mqp_status mqp_error_attempt_at(const struct mqp_error *of,
                                size_t index,
                                struct mqp_attempt *out,
                                struct mqp_error **error);

/**
 * Reads all that a received message tells but its properties.
 *
 * `message`: the message. `out`: written, its strings and body *borrowed* until the message is freed. `error`: may be
 * NULL. Threads: any. Errors: MQP_ERR_INVALID_ARGUMENT.
 */
MQP_API
mqp_status mqp_received_message_get(const struct mqp_received_message *message,
                                    struct mqp_received_message_view *out,
                                    struct mqp_error **error);

/**
 * Looks up one property, those that RocketMQ sets included; of several with one name the last counts, as in
 * RocketMQ.
 *
 * `message`: the message. `name`: *borrowed* for the call. `out`: receives the value, *borrowed* until the message is
 * freed, and the empty text when there is none; may be NULL. Returns: 1 when there is such a property, else 0, also
 * for a NULL message or a name that is not UTF-8. Threads: any. Errors: none.
 */
MQP_API
uint32_t mqp_received_message_property(const struct mqp_received_message *message,
                                       struct mqp_str name,
                                       struct mqp_str *out);

/**
 * How many properties a received message has: the bound of mqp_received_message_property_at. 0 for NULL.
 *
 * Threads: any. Errors: none.
 */
MQP_API size_t mqp_received_message_property_count(const struct mqp_received_message *message);

/**
 * Reads one property, in the order in which the broker told them.
 *
 * `message`: the message. `index`: 0 to mqp_received_message_property_count() - 1. `name`, `value`: each receives a
 * text, *borrowed* until the message is freed. `error`: may be NULL. Threads: any. Errors: MQP_ERR_INVALID_ARGUMENT.
 */
MQP_API
mqp_status mqp_received_message_property_at(const struct mqp_received_message *message,
                                            size_t index,
                                            struct mqp_str *name,
                                            struct mqp_str *value,
                                            struct mqp_error **error);

/**
 * Keeps a received message that is only borrowed, as in a callback. The content is shared, not copied.
 *
 * Returns: *owned*, to be freed by mqp_received_message_free; NULL for NULL. Threads: any. Errors: none.
 */
MQP_API struct mqp_received_message *mqp_received_message_clone(const struct mqp_received_message *message);

/**
 * Frees a received message; NULL is allowed.
 *
 * `message`: *owned*, taken. Threads: any. Errors: none.
 */
MQP_API void mqp_received_message_free(struct mqp_received_message *message);

/**
 * Makes a producer; it does nothing until mqp_producer_start.
 *
 * `config`: *copied*. `out`: receives an *owned* handle; NULL on failure. `error`: may be NULL. Threads: any.
 * Errors: MQP_ERR_INVALID_CONFIG for a required key that is not set or keys that do not agree; MQP_ERR_RESOURCE;
 * MQP_ERR_INVALID_ARGUMENT.
 */
MQP_API
mqp_status mqp_producer_new(const struct mqp_config *config,
                            struct mqp_producer **out,
                            struct mqp_error **error);

/**
 * Starts a producer: from now on it takes messages. The routes of the configured `topics` are fetched first; name
 * servers that do not answer are no error here, but at the first send.
 *
 * `error`: may be NULL. Threads: any; blocks for at most the configured `mq_client_api_timeout`.
 * Errors: MQP_ERR_ALREADY_STARTED, MQP_ERR_CLOSED, MQP_ERR_FORKED, MQP_ERR_WOULD_DEADLOCK on a thread of the library;
 * MQP_ERR_INVALID_ARGUMENT.
 */
MQP_API mqp_status mqp_producer_start(struct mqp_producer *producer, struct mqp_error **error);

/**
 * Sends one message and waits until the broker answered or the deadline passed; failed tries are repeated as
 * configured.
 *
 * `message`: *borrowed* for the call. `options`: *copied*; NULL: all defaults. `receipt`: receives an *owned* handle,
 * NULL on failure; may be NULL when no receipt is wanted. `error`: may be NULL.
 * Threads: any; blocks up to the deadline. Errors: MQP_ERR_INVALID_ARGUMENT, MQP_ERR_INVALID_MESSAGE,
 * MQP_ERR_MESSAGE_TOO_LARGE, MQP_ERR_NOT_STARTED, MQP_ERR_CLOSED, MQP_ERR_FORKED, MQP_ERR_NO_NAME_SERVER,
 * MQP_ERR_NO_ROUTE, MQP_ERR_BROKER_NOT_FOUND, MQP_ERR_CONNECT, MQP_ERR_CONNECTION_LOST, MQP_ERR_TIMEOUT,
 * MQP_ERR_BROKER, MQP_ERR_PROTOCOL, MQP_ERR_BACKPRESSURE, and MQP_ERR_WOULD_DEADLOCK on a thread of the library. After
 * an error that says `maybe_persisted` the message may be stored all the same.
 */
MQP_API
mqp_status mqp_producer_send(struct mqp_producer *producer,
                             const struct mqp_message *message,
                             const struct mqp_send_options *options,
                             struct mqp_receipt **receipt,
                             struct mqp_error **error);

/**
 * Sends one message and returns at once; `callback` is told of its end.
 *
 * It waits, at most up to the deadline, only for a route that is not known yet and, with `backpressure` = `block` or
 * `wait_forever`, for room in flight. In a callback it never waits for room, which is given back only when the
 * callback returns, but fails with MQP_ERR_BACKPRESSURE.
 *
 * `message`: *borrowed* for the call. `options`: *copied*; NULL: all defaults. `callback`: taken when the call returns
 * MQP_OK, else untouched: see mqp_callback. `error`: may be NULL. Threads: any, a callback's included. Errors,
 * returned or told to the callback: those of mqp_producer_send but MQP_ERR_WOULD_DEADLOCK.
 */
MQP_API
mqp_status mqp_producer_send_async(struct mqp_producer *producer,
                                   const struct mqp_message *message,
                                   const struct mqp_send_options *options,
                                   struct mqp_callback callback,
                                   struct mqp_error **error);

/**
 * Sends one message without asking for an answer: success means that it was handed to the connection, no more. It is
 * never repeated. Many that come one close behind the other leave together, up to some milliseconds later;
 * mqp_producer_flush and mqp_producer_close wait for them.
 *
 * `message`: *borrowed* for the call. `options`: *copied*; NULL: all defaults. `receipt`: receives an *owned* handle
 * whose `send_status` is MQP_SEND_ONEWAY and whose `queue_offset` is -1, NULL on failure; may be NULL. `error`: may be
 * NULL. Threads: any; blocks, at most up to the deadline, until the connection is open. Errors: those of
 * mqp_producer_send but MQP_ERR_BROKER.
 */
MQP_API
mqp_status mqp_producer_send_oneway(struct mqp_producer *producer,
                                    const struct mqp_message *message,
                                    const struct mqp_send_options *options,
                                    struct mqp_receipt **receipt,
                                    struct mqp_error **error);

/**
 * Takes a timer message back before it is delivered, and waits for the broker's answer; there are no retries, and the
 * broker takes a second recall of the same message, too.
 *
 * `topic`: the message's. `recall_handle`: from its receipt. `timeout_ms`: in milliseconds, up to 3600000; 0: the
 * configured `send_msg_timeout`. `receipt`: receives an *owned* handle with the message's id, topic and broker, and no
 * queue (-1); NULL on failure; may be NULL. `error`: may be NULL. Threads: any; blocks up to the deadline.
 * Errors: MQP_ERR_INVALID_ARGUMENT, also for a handle that is none or of another topic; MQP_ERR_BROKER when the
 * message is due, and with the code 16 when the broker's `recallMessageEnable` is off, which is RocketMQ's default;
 * MQP_ERR_BROKER_NOT_FOUND when the topic's route does not name the handle's broker; MQP_ERR_INVALID_MESSAGE for the
 * topic's name; MQP_ERR_NOT_STARTED, MQP_ERR_CLOSED, MQP_ERR_FORKED, MQP_ERR_NO_NAME_SERVER, MQP_ERR_NO_ROUTE,
 * MQP_ERR_CONNECT, MQP_ERR_CONNECTION_LOST, MQP_ERR_TIMEOUT, MQP_ERR_PROTOCOL, and MQP_ERR_WOULD_DEADLOCK on a thread of
 * the library.
 */
MQP_API
mqp_status mqp_producer_recall(struct mqp_producer *producer,
                               struct mqp_str topic,
                               struct mqp_str recall_handle,
                               uint32_t timeout_ms,
                               struct mqp_receipt **receipt,
                               struct mqp_error **error);

/**
 * Waits until every message accepted so far is completed, its callback has returned, and one-way messages are handed
 * to the operating system.
 *
 * `timeout_ms`: in milliseconds; 0 only looks. `error`: may be NULL. Threads: any; blocks. Errors: MQP_ERR_TIMEOUT,
 * which names how many are left; MQP_ERR_NOT_STARTED, MQP_ERR_FORKED, MQP_ERR_WOULD_DEADLOCK on a thread of the
 * library; MQP_ERR_INVALID_ARGUMENT.
 */
MQP_API mqp_status mqp_producer_flush(struct mqp_producer *producer, uint32_t timeout_ms, struct mqp_error **error);

/**
 * Closes a producer: refuses further messages, waits for those in flight, says farewell to the brokers. What is not
 * completed when the time is over is completed with MQP_ERR_CLOSED. A second call has nothing to do. The handle stays
 * valid until it is freed.
 *
 * `timeout_ms`: in milliseconds; farewell and last callbacks get a second or two more. `error`: may be NULL.
 * Threads: any; blocks. Errors: MQP_ERR_TIMEOUT (the producer is closed all the same), MQP_ERR_FORKED,
 * MQP_ERR_WOULD_DEADLOCK on a thread of the library; MQP_ERR_INVALID_ARGUMENT.
 */
MQP_API mqp_status mqp_producer_close(struct mqp_producer *producer, uint32_t timeout_ms, struct mqp_error **error);

/**
 * Frees a producer; NULL is allowed. One that is not closed is closed without waiting: what is in flight is completed
 * with MQP_ERR_CLOSED, its callbacks run.
 *
 * `producer`: *owned*, taken. Threads: any, a callback's included, when no other uses the handle. Errors: none.
 */
MQP_API void mqp_producer_free(struct mqp_producer *producer);

/**
 * Makes a completion queue.
 *
 * `out`: receives an *owned* handle; NULL on failure. `error`: may be NULL. Threads: any. Errors: MQP_ERR_RESOURCE when
 * the system gives no descriptor; MQP_ERR_INVALID_ARGUMENT.
 */
MQP_API mqp_status mqp_completion_queue_new(struct mqp_completion_queue **out, struct mqp_error **error);

/**
 * The descriptor of a queue, for epoll, poll, select and the like: readable exactly while the queue is not empty.
 *
 * It is a state, not a stream: never read, write or close it; mqp_completion_queue_poll makes it unreadable when it
 * takes the last entry. One who waits for edges (EPOLLET) polls until the count is 0 before the next wait. Where several
 * threads poll, one may find the queue empty although the descriptor was readable. Non-blocking and close-on-exec; an
 * eventfd on Linux, elsewhere the end of a pipe.
 *
 * Returns: *borrowed* until the queue is freed, which closes it; -1 for NULL and in a child of `fork`. Threads: any.
 * Errors: none.
 */
MQP_API
int mqp_completion_queue_fd(const struct mqp_completion_queue *queue);

/**
 * Takes the oldest completions, as many as there are and fit, and waits for the first when there is none. Each
 * completion goes to exactly one caller.
 *
 * Its message counts as in flight until it is polled: a queue that nobody polls is bounded by the producers'
 * `max_in_flight_messages` and `max_in_flight_bytes`, and loses nothing. A thread that both sends and polls sets
 * `backpressure` to `fail`, since a send that waits for room would wait for the poll after it.
 *
 * `out`: room for `capacity` completions of `completion_size` bytes, sizeof(mqp_completion) each; written one after the
 * other, with their receipts and errors, which are *owned*: mqp_completions_free. `user_data` is what the message was
 * sent with, and is never dropped by the library. `timeout_ms`: in milliseconds; 0: do not wait. When the time passes
 * without a completion, the count is 0 and the call returns MQP_OK. `count`: receives how many there are; 0 on
 * failure. `error`: may be NULL.
 * Threads: any; with a timeout not those of the library. Errors: MQP_ERR_FORKED; MQP_ERR_WOULD_DEADLOCK with a timeout
 * on a thread of the library; MQP_ERR_INVALID_ARGUMENT.
 */
MQP_API
mqp_status mqp_completion_queue_poll(struct mqp_completion_queue *queue,
                                     struct mqp_completion *out,
                                     uint32_t completion_size,
                                     size_t capacity,
                                     uint32_t timeout_ms,
                                     size_t *count,
                                     struct mqp_error **error);

/**
 * Frees the receipts and errors of polled completions and sets the pointers to NULL; `user_data` is left alone.
 *
 * `completions`: `count` of them, as mqp_completion_queue_poll wrote them; NULL is allowed. `completion_size`: as given
 * there. Threads: any. Errors: none; with a size that mqp_completion_queue_poll refuses nothing is freed.
 */
MQP_API void mqp_completions_free(struct mqp_completion *completions, uint32_t completion_size, size_t count);

/**
 * Frees a queue and closes its descriptor; NULL is allowed. Completions that nobody has polled, and those that messages
 * still in flight will have, are dropped: their room in flight is given back, their `user_data` is left alone.
 *
 * `queue`: *owned*, taken. Threads: any, when no other uses the handle: neither polls it nor sends to it now. Errors:
 * none.
 */
MQP_API void mqp_completion_queue_free(struct mqp_completion_queue *queue);

/**
 * Reads the receipts of polled completions in one call, for a language in which each call costs much.
 *
 * `completions`: `count` of them, as mqp_completion_queue_poll wrote them, which keep their receipts. `completion_size`:
 * as given there. `out`: room for `count` views of `view_size` bytes, sizeof(mqp_receipt_view) each; the view of a
 * completion without a receipt is zero but for its `struct_size`. `texts`: room for `capacity` bytes, which receives
 * the strings of the views: they are *borrowed* from it, a NUL behind each, and outlive the receipts; may be NULL when
 * `capacity` is 0. `length`: receives how many bytes the strings take; when that is more than `capacity`, nothing else
 * is written, and the call is repeated with more room. `error`: may be NULL.
 * Threads: any. Errors: MQP_ERR_INVALID_ARGUMENT.
 */
MQP_API
mqp_status mqp_completions_receipts(const struct mqp_completion *completions,
                                    uint32_t completion_size,
                                    size_t count,
                                    struct mqp_receipt_view *out,
                                    uint32_t view_size,
                                    char *texts,
                                    size_t capacity,
                                    size_t *length,
                                    struct mqp_error **error);

/**
 * Reads the receipts of a batch in one call, as mqp_completions_receipts does those of completions.
 *
 * `result`: *borrowed*. `out`: room for as many views of `view_size` bytes as mqp_batch_result_count tells,
 * sizeof(mqp_receipt_view) each; the view of a message that was not stored is zero but for its `struct_size`. `texts`,
 * `capacity`, `length`: as in mqp_completions_receipts. `error`: may be NULL.
 * Threads: any. Errors: MQP_ERR_INVALID_ARGUMENT.
 */
MQP_API
mqp_status mqp_batch_result_receipts(const struct mqp_batch_result *result,
                                     struct mqp_receipt_view *out,
                                     uint32_t view_size,
                                     char *texts,
                                     size_t capacity,
                                     size_t *length,
                                     struct mqp_error **error);

/**
 * Sends one message as mqp_producer_send does and reads its receipt in the same call, for a language in which each call
 * costs much.
 *
 * `oneway`: 1: as mqp_producer_send_oneway does; else 0. `view`: written as by mqp_receipt_get. `texts`: room for
 * `capacity` bytes, which receives the strings of the view, a NUL behind each; may be NULL when `capacity` is 0.
 * `receipt`: receives NULL, and the strings are *borrowed* from `texts`; but an *owned* handle that they are borrowed
 * from when there is not room enough for them, or there are tries before the last one to tell of. `message`, `options`,
 * `error`: as in mqp_producer_send. Threads, errors: those of the two.
 */
MQP_API
mqp_status mqp_producer_send_read(struct mqp_producer *producer,
                                  const struct mqp_message *message,
                                  const struct mqp_send_options *options,
                                  uint32_t oneway,
                                  struct mqp_receipt_view *view,
                                  char *texts,
                                  size_t capacity,
                                  struct mqp_receipt **receipt,
                                  struct mqp_error **error);

/**
 * Sends one message and returns at once, as mqp_producer_send_async does; its end is put into `queue`.
 *
 * `message`: *borrowed* for the call. `options`: *copied*; NULL: all defaults. `queue`: may be freed while messages are
 * in flight, whose ends are then dropped. `user_data`: comes back in the completion, not read by the library and never
 * dropped; may be NULL. `error`: may be NULL. Threads: any, a callback's included. Errors, returned or told in the
 * completion: those of mqp_producer_send_async. After any other return than MQP_OK there will be no completion.
 */
MQP_API
mqp_status mqp_producer_send_queued(struct mqp_producer *producer,
                                    const struct mqp_message *message,
                                    const struct mqp_send_options *options,
                                    struct mqp_completion_queue *queue,
                                    void *user_data,
                                    struct mqp_error **error);

/**
 * Sends many messages, each as mqp_producer_send_queued does, in order and up to the first that is refused. The
 * messages of one broker leave in few writes: as many as one write takes, or all, are collected before they go, unless
 * the call has to wait meanwhile.
 *
 * `messages`: the first of `count`, all *borrowed* for the call; each is `message_size` bytes after the one before,
 * which is sizeof(mqp_message); may be NULL when there are none. `options`: for each of them, *copied*; NULL: all
 * defaults. `queue`: as for mqp_producer_send_queued. `user_data`: one for each message, *copied*; NULL: all are NULL.
 * `accepted`: receives how many were taken: each of these will have its completion, and `messages[accepted]` is the one
 * that `error` tells of; may be NULL. `error`: may be NULL.
 * Threads: any, a callback's included; it waits as mqp_producer_send_async does, for each message up to its deadline.
 * Errors: those of mqp_producer_send_async, with MQP_ERR_BACKPRESSURE when there is no more room: then poll, and go on
 * with the rest.
 */
MQP_API
mqp_status mqp_producer_send_many(struct mqp_producer *producer,
                                  const struct mqp_message *messages,
                                  size_t count,
                                  uint32_t message_size,
                                  const struct mqp_send_options *options,
                                  struct mqp_completion_queue *queue,
                                  void *const *user_data,
                                  size_t *accepted,
                                  struct mqp_error **error);

/**
 * Ends all calls into the caller for this producer's messages: from now on their completions are dropped without
 * running `call` or `drop` of their callbacks, their after-send hooks are not told, statistics neither, and checks of
 * transactions are not answered, so that the broker asks again. For a binding whose interpreter is about to end; whatever `user_data` holds
 * is left to the end of the process.
 *
 * A `call` that is running is not waited for, but its `drop` is left out, too. Messages in flight go on, flush and
 * close wait for them as before, and completion queues receive theirs. There is no way back.
 *
 * `error`: may be NULL. Threads: any. Errors: MQP_ERR_FORKED; MQP_ERR_INVALID_ARGUMENT.
 */
MQP_API
mqp_status mqp_producer_discard_completions(struct mqp_producer *producer,
                                            struct mqp_error **error);

/**
 * Finds the route of a topic without waiting: its end is put into `queue`, at once when the route is known already.
 * Once it was found, sends to the topic do not wait for a route, so that a thread which must not wait, as that of an
 * event loop, never does: with `backpressure` = `fail`.
 *
 * `topic`: *borrowed* for the call. `timeout_ms`: in milliseconds, up to 3600000; 0: the configured `send_msg_timeout`.
 * `queue`, `user_data`: as for mqp_producer_send_queued; the completion has no receipt. It counts not as a message: flush
 * and close do not wait for it. `error`: may be NULL. Threads: any, a callback's included. Errors, returned or told in
 * the completion: MQP_ERR_INVALID_MESSAGE for the topic's name, MQP_ERR_NO_ROUTE, MQP_ERR_NO_NAME_SERVER,
 * MQP_ERR_TIMEOUT, MQP_ERR_NOT_STARTED, MQP_ERR_CLOSED, MQP_ERR_FORKED, MQP_ERR_INVALID_ARGUMENT. After any other
 * return than MQP_OK there will be no completion.
 */
MQP_API
mqp_status mqp_producer_find_route(struct mqp_producer *producer,
                                   struct mqp_str topic,
                                   uint32_t timeout_ms,
                                   struct mqp_completion_queue *queue,
                                   void *user_data,
                                   struct mqp_error **error);

/**
 * Sends a request and waits for the reply of whoever consumes it.
 *
 * The broker hands the reply to this client, which it knows by its heartbeats. The message is sent as by
 * mqp_producer_send_async, within the same `timeout_ms` and within that of `options`, when it is shorter; when that
 * fails, the request fails at once with its error.
 *
 * `message`: *borrowed* for the call; without a delay and without properties called `CORRELATION_ID`,
 * `REPLY_TO_CLIENT` or `TTL`, which the library sets. `options`: *copied*; NULL: all defaults. `timeout_ms`: until the
 * reply has come, the sending included, up to 3600000; 0: the configured `send_msg_timeout`. `reply`: receives an
 * *owned* handle, freed by mqp_received_message_free; NULL on failure. `error`: may be NULL.
 * Threads: any; blocks up to the timeout. Errors: those of mqp_producer_send; MQP_ERR_REQUEST_TIMEOUT when the message
 * was stored, but no reply came.
 */
MQP_API
mqp_status mqp_producer_request(struct mqp_producer *producer,
                                const struct mqp_message *message,
                                const struct mqp_send_options *options,
                                uint32_t timeout_ms,
                                struct mqp_received_message **reply,
                                struct mqp_error **error);

/**
 * Sends a request and returns at once; `callback` is told of its end: the reply, or why there is none.
 *
 * The request counts as in flight until the callback has returned: mqp_producer_flush waits for it, and
 * mqp_producer_close, when its time is over, ends it with MQP_ERR_CLOSED. The call itself waits no longer than
 * mqp_producer_send_async does.
 *
 * `message`, `options`, `timeout_ms`: as for mqp_producer_request. `callback`: taken when the call returns MQP_OK,
 * else untouched: see mqp_request_callback. `error`: may be NULL. Threads: any, a callback's included. Errors, returned
 * or told to the callback: those of mqp_producer_request but MQP_ERR_WOULD_DEADLOCK.
 */
MQP_API
mqp_status mqp_producer_request_async(struct mqp_producer *producer,
                                      const struct mqp_message *message,
                                      const struct mqp_send_options *options,
                                      uint32_t timeout_ms,
                                      struct mqp_request_callback callback,
                                      struct mqp_error **error);

/**
 * Replies to a request that something else consumed, and waits for the receipt of the broker, which hands the reply to
 * the client that asked.
 *
 * `to`: *copied*. `message`: *borrowed* for the call; its topic is not read, for the reply goes to the reply topic of
 * the request's cluster; without a delay and without properties called `MSG_TYPE`, `CORRELATION_ID`, `REPLY_TO_CLIENT`
 * or `TTL`, which the library sets. `options`: *copied*; NULL: all defaults. `receipt`: receives an *owned* handle,
 * NULL on failure; may be NULL when no receipt is wanted. `error`: may be NULL. Threads: any; blocks up to the
 * deadline. Errors: those of mqp_producer_send; MQP_ERR_BROKER with code 1 when no broker of the cluster knows the
 * client any more.
 */
MQP_API
mqp_status mqp_producer_reply(struct mqp_producer *producer,
                              const struct mqp_reply_to *to,
                              const struct mqp_message *message,
                              const struct mqp_send_options *options,
                              struct mqp_receipt **receipt,
                              struct mqp_error **error);

/**
 * Replies to a request and returns at once; `callback` is told of the end.
 *
 * `to`, `message`, `options`: as for mqp_producer_reply. `callback`: taken when the call returns MQP_OK, else
 * untouched: see mqp_callback. `error`: may be NULL. Threads: any, a callback's included; waits no longer than
 * mqp_producer_send_async. Errors, returned or told to the callback: those of mqp_producer_reply but
 * MQP_ERR_WOULD_DEADLOCK.
 */
MQP_API
mqp_status mqp_producer_reply_async(struct mqp_producer *producer,
                                    const struct mqp_reply_to *to,
                                    const struct mqp_message *message,
                                    const struct mqp_send_options *options,
                                    struct mqp_callback callback,
                                    struct mqp_error **error);

/**
 * Sends several messages in one request, or in several when `batch_options` says to split them, and waits until each
 * has its end or the deadline passed; failed tries are repeated as configured.
 *
 * The messages have one topic and one `no_wait_store`. Each keeps its unique id, flag and properties. None may have a
 * delay, a priority or a lite topic, also not as a property, be half of a transaction or go to a retry topic
 * (`%RETRY%...`); none is compressed. A message that is refused is named by its index, and then nothing was sent.
 *
 * The requests of a split batch go one after the other. With MQP_SELECT_ROUND_ROBIN and MQP_SELECT_RANDOM each has a
 * queue of its own choice, and one that fails does not stop the next; with all other selectors they go to one queue in
 * the order of the messages, and after a failure the rest is not sent.
 *
 * `messages`: *borrowed* for the call, `count` of them, at least 1. `message_size`: size in bytes of one element, the
 * library's step: sizeof(mqp_message). `options`: *copied*, the deadline is one for the whole batch; NULL: all
 * defaults. `batch_options`: *copied*; NULL: all defaults. `result`: receives an *owned* handle; may be NULL. `error`:
 * may be NULL.
 *
 * Returns: MQP_OK when every message was stored. Otherwise either the batch was refused and `*result` is NULL, or it
 * was sent, `*result` tells how each message ended, and the status is that of the first one that failed.
 * Threads: any; blocks up to the deadline. Errors: those of mqp_producer_send.
 */
MQP_API
mqp_status mqp_producer_send_batch(struct mqp_producer *producer,
                                   const struct mqp_message *messages,
                                   size_t count,
                                   uint32_t message_size,
                                   const struct mqp_send_options *options,
                                   const struct mqp_batch_options *batch_options,
                                   struct mqp_batch_result **result,
                                   struct mqp_error **error);

/**
 * Sends several messages as mqp_producer_send_batch does without asking for answers: success means that they were
 * handed to the connection, no more. Nothing is repeated.
 *
 * `messages`, `count`, `message_size`, `options`, `batch_options`, `error`: as in mqp_producer_send_batch. `result`:
 * receives an *owned* handle whose receipts have the `send_status` MQP_SEND_ONEWAY; may be NULL. Returns: as there.
 * Threads: any; blocks, at most up to the deadline, until connections are open. Errors: those of
 * mqp_producer_send_batch but MQP_ERR_BROKER.
 */
MQP_API
mqp_status mqp_producer_send_batch_oneway(struct mqp_producer *producer,
                                          const struct mqp_message *messages,
                                          size_t count,
                                          uint32_t message_size,
                                          const struct mqp_send_options *options,
                                          const struct mqp_batch_options *batch_options,
                                          struct mqp_batch_result **result,
                                          struct mqp_error **error);

/**
 * Sends several messages as mqp_producer_send_batch does and returns at once; `callback` is told of the end of all of
 * them, once. It waits, and in a callback does not, as mqp_producer_send_async says.
 *
 * `messages`, `count`, `message_size`, `options`, `batch_options`, `error`: as in mqp_producer_send_batch. `callback`:
 * taken when the call returns MQP_OK, else untouched: see mqp_batch_callback. Threads: any, a callback's included.
 * Errors, returned or told to the callback: those of mqp_producer_send_batch but MQP_ERR_WOULD_DEADLOCK.
 */
MQP_API
mqp_status mqp_producer_send_batch_async(struct mqp_producer *producer,
                                         const struct mqp_message *messages,
                                         size_t count,
                                         uint32_t message_size,
                                         const struct mqp_send_options *options,
                                         const struct mqp_batch_options *batch_options,
                                         struct mqp_batch_callback callback,
                                         struct mqp_error **error);

/**
 * How many messages the batch held; 0 for NULL.
 *
 * Threads: any. Errors: none.
 */
MQP_API size_t mqp_batch_result_count(const struct mqp_batch_result *result);

/**
 * Reads how the message at `index` ended, in the order in which they were given.
 *
 * `receipt`: receives the receipt, *borrowed* until the result is freed, or NULL when the message failed. `failure`:
 * receives why it failed, *borrowed* until the result is freed, or NULL. Each may be NULL when it is not wanted.
 * `error`: may be NULL; why reading failed. Threads: any. Errors: MQP_ERR_INVALID_ARGUMENT.
 */
MQP_API
mqp_status mqp_batch_result_get(const struct mqp_batch_result *result,
                                size_t index,
                                const struct mqp_receipt **receipt,
                                const struct mqp_error **failure,
                                struct mqp_error **error);

/**
 * Copies a result, to keep one that is only borrowed, as in a callback.
 *
 * Returns: *owned*, to be freed by mqp_batch_result_free; NULL for NULL. Threads: any. Errors: none.
 */
MQP_API struct mqp_batch_result *mqp_batch_result_clone(const struct mqp_batch_result *result);

/**
 * Frees a result; NULL is allowed.
 *
 * `result`: *owned*, taken. Threads: any. Errors: none.
 */
MQP_API void mqp_batch_result_free(struct mqp_batch_result *result);

/**
 * Takes a snapshot of what a producer knows of the brokers in the routes that it uses, by name.
 *
 * `out`: receives an *owned* handle; NULL on failure. `error`: may be NULL. Threads: any. Errors: MQP_ERR_FORKED,
 * MQP_ERR_INVALID_ARGUMENT.
 */
MQP_API
mqp_status mqp_producer_broker_states(const struct mqp_producer *producer,
                                      struct mqp_broker_states **out,
                                      struct mqp_error **error);

/**
 * How many brokers a snapshot holds; 0 for NULL.
 *
 * Threads: any. Errors: none.
 */
MQP_API size_t mqp_broker_states_count(const struct mqp_broker_states *states);

/**
 * Reads one broker of a snapshot.
 *
 * `index`: 0 to mqp_broker_states_count() - 1. `out`: written, its strings *borrowed* until the snapshot is freed.
 * `error`: may be NULL. Threads: any. Errors: MQP_ERR_INVALID_ARGUMENT.
 */
MQP_API
mqp_status mqp_broker_states_get(const struct mqp_broker_states *states,
                                 size_t index,
                                 struct mqp_broker_state_view *out,
                                 struct mqp_error **error);

/**
 * Frees a snapshot; NULL is allowed.
 *
 * `states`: *owned*, taken. Threads: any. Errors: none.
 */
MQP_API void mqp_broker_states_free(struct mqp_broker_states *states);

/**
 * Sets who knows what became of a transaction, before the start and once. Needed for mqp_transaction_begin.
 *
 * A process that only answers checks, for another one of its group that ended, names the `topics` in its
 * configuration: the start then connects it to their brokers, although it sends nothing.
 *
 * `checker`: *copied*; its `user_data` is taken when the call returns MQP_OK. Up to 2000 checks wait for it, more are
 * dropped with a warning and asked again by the broker. `error`: may be NULL. Threads: any.
 * Errors: MQP_ERR_ALREADY_STARTED, MQP_ERR_CLOSED, MQP_ERR_FORKED, MQP_ERR_INVALID_ARGUMENT, also for a second checker.
 */
MQP_API
mqp_status mqp_producer_set_transaction_checker(struct mqp_producer *producer,
                                                struct mqp_transaction_checker checker,
                                                struct mqp_error **error);

/**
 * Begins a transaction: send one message in it, do the local work, then commit or roll back.
 *
 * `out`: receives an *owned* handle; NULL on failure. `error`: may be NULL. Threads: any.
 * Errors: MQP_ERR_INVALID_CONFIG for a producer without a transaction checker; MQP_ERR_NOT_STARTED, MQP_ERR_CLOSED,
 * MQP_ERR_FORKED, MQP_ERR_INVALID_ARGUMENT.
 */
MQP_API
mqp_status mqp_transaction_begin(struct mqp_producer *producer,
                                 struct mqp_transaction **out,
                                 struct mqp_error **error);

/**
 * Sends the transaction's message and waits for the broker's receipt, with retries as mqp_producer_send does.
 * Consumers do not see the message before it is committed.
 *
 * RocketMQ takes one message in a transaction: a second is refused. After an error that says `maybe_persisted` the
 * broker may hold the message, and its check decides; after any other the send can be repeated. A message whose receipt
 * does not say MQP_SEND_OK is rolled back at once, as the Java client does it, and cannot be committed.
 *
 * `transaction`: the transaction. `message`: *borrowed* for the call; neither delayed nor with the properties
 * `TRAN_MSG` and `PGROUP`. `options`: *copied*; NULL: all defaults. `receipt`: receives an *owned* handle, NULL on
 * failure; may be NULL. `error`: may be NULL. Threads: any; blocks up to the deadline. Errors: those of
 * mqp_producer_send; MQP_ERR_UNSUPPORTED for a second message; MQP_ERR_INVALID_ARGUMENT while another call uses the
 * transaction.
 */
MQP_API
mqp_status mqp_transaction_send(struct mqp_transaction *transaction,
                                const struct mqp_message *message,
                                const struct mqp_send_options *options,
                                struct mqp_receipt **receipt,
                                struct mqp_error **error);

/**
 * Lets the broker deliver the transaction's message.
 *
 * The word is one-way: MQP_OK says that it was handed to the operating system for the broker that holds the message,
 * not that it arrived; when it is lost, the broker asks the transaction checker. After MQP_ERR_CONNECT and other errors
 * of the connection it may be said again, but not the opposite.
 *
 * `transaction`: the transaction. `error`: may be NULL. Threads: any; blocks for at most the configured
 * `send_msg_timeout`. Errors: MQP_ERR_INVALID_ARGUMENT without a stored message, after an end, and while another call
 * uses the transaction; MQP_ERR_BROKER_NOT_FOUND, MQP_ERR_NO_ROUTE, MQP_ERR_NO_NAME_SERVER, MQP_ERR_CONNECT,
 * MQP_ERR_CONNECTION_LOST, MQP_ERR_TIMEOUT, MQP_ERR_CLOSED, MQP_ERR_FORKED, MQP_ERR_WOULD_DEADLOCK on a thread of the
 * library.
 */
MQP_API mqp_status mqp_transaction_commit(struct mqp_transaction *transaction, struct mqp_error **error);

/**
 * Lets the broker drop the transaction's message; all else as with mqp_transaction_commit.
 */
MQP_API mqp_status mqp_transaction_rollback(struct mqp_transaction *transaction, struct mqp_error **error);

/**
 * Frees a transaction; NULL is allowed. Its message, if it has one and neither commit nor rollback was attempted, is
 * rolled back without waiting; otherwise the broker's check decides what is not decided.
 *
 * `transaction`: *owned*, taken. Threads: any, a callback's included, when no other uses the handle. Errors: none.
 */
MQP_API void mqp_transaction_free(struct mqp_transaction *transaction);

/**
 * Adds a hook to a producer that is not started. Hooks run in the order in which they were added.
 *
 * `hook`: *copied*; its `user_data` is taken when the call returns MQP_OK. `error`: may be NULL. Threads: any.
 * Errors: MQP_ERR_ALREADY_STARTED, MQP_ERR_CLOSED, MQP_ERR_FORKED, MQP_ERR_INVALID_ARGUMENT.
 */
MQP_API
mqp_status mqp_producer_add_hook(struct mqp_producer *producer,
                                 const struct mqp_hook *hook,
                                 struct mqp_error **error);

/**
 * Sets where messages get their trace context, on a producer that is not started; one set before is given back.
 *
 * The context goes to consumers as the message's property `traceparent`; brokers do not read it.
 *
 * `trace_context`: *copied*; its `user_data` is taken when the call returns MQP_OK, else untouched. `error`: may be
 * NULL. Threads: any. Errors: MQP_ERR_ALREADY_STARTED, MQP_ERR_CLOSED, MQP_ERR_FORKED, MQP_ERR_INVALID_ARGUMENT.
 */
MQP_API
mqp_status mqp_producer_set_trace_context(struct mqp_producer *producer,
                                          struct mqp_trace_context trace_context,
                                          struct mqp_error **error);

/**
 * Sends a copy of `message` in the place of the one that the transformer was called with; the last one set counts.
 *
 * `transformed`: as the transformer's `call` got it. `message`: *copied*. `error`: may be NULL. Threads: the one of
 * `call`. Errors: MQP_ERR_INVALID_ARGUMENT and MQP_ERR_INVALID_MESSAGE for what is no message; then the one before
 * stays.
 */
MQP_API
mqp_status mqp_transformed_set(struct mqp_transformed *transformed,
                               const struct mqp_message *message,
                               struct mqp_error **error);

/**
 * Sets what may put another message in the place of each that is sent, on a producer of ActiveMQ that is not started;
 * one set before is given back. As the message transformer of ActiveMQ's Java client. Default: none.
 *
 * `message_transformer`: *copied*; its `user_data` is taken when the call returns MQP_OK, else untouched. `error`: may
 * be NULL. Threads: any. Errors: MQP_ERR_UNSUPPORTED for RocketMQ, MQP_ERR_ALREADY_STARTED, MQP_ERR_CLOSED,
 * MQP_ERR_FORKED, MQP_ERR_INVALID_ARGUMENT.
 */
MQP_API
mqp_status mqp_producer_set_message_transformer(struct mqp_producer *producer,
                                                struct mqp_message_transformer message_transformer,
                                                struct mqp_error **error);

/**
 * Takes a snapshot of what a producer has counted since it was made, and of how it does at the moment; also of one that
 * is closed.
 *
 * `out`: receives an *owned* handle; NULL on failure. `error`: may be NULL. Threads: any. Errors: MQP_ERR_FORKED,
 * MQP_ERR_INVALID_ARGUMENT.
 */
MQP_API
mqp_status mqp_producer_statistics(const struct mqp_producer *producer,
                                   struct mqp_statistics **out,
                                   struct mqp_error **error);

/**
 * The statistics as one JSON object, in the form of docs/STATISTICS.md; the empty text for NULL.
 *
 * Returns: *borrowed* until the statistics are freed. Threads: any. Errors: none.
 */
MQP_API struct mqp_str mqp_statistics_json(const struct mqp_statistics *statistics);

/**
 * The statistics as Prometheus text exposition, version 0.0.4, in the form of docs/STATISTICS.md; the empty text for
 * NULL.
 *
 * Returns: *borrowed* until the statistics are freed. Threads: any. Errors: none.
 */
MQP_API struct mqp_str mqp_statistics_prometheus(const struct mqp_statistics *statistics);

/**
 * Frees statistics; NULL is allowed. Not for those that a callback lends.
 *
 * `statistics`: *owned*, taken. Threads: any. Errors: none.
 */
MQP_API void mqp_statistics_free(struct mqp_statistics *statistics);

/**
 * Sets who is told the statistics of a producer that is not started, every `statistics_interval` milliseconds (0, the
 * default: never), in place of who was set before.
 *
 * `callback`: taken when the call returns MQP_OK, else untouched: see mqp_statistics_callback. `error`: may be NULL.
 * Threads: any. Errors: MQP_ERR_ALREADY_STARTED, MQP_ERR_CLOSED, MQP_ERR_FORKED, MQP_ERR_INVALID_ARGUMENT.
 */
MQP_API
mqp_status mqp_producer_set_statistics_callback(struct mqp_producer *producer,
                                                struct mqp_statistics_callback callback,
                                                struct mqp_error **error);

/**
 * Sets who is told of messages that reliable sending gives up (`reliability` = `reliable`), of a producer that is not
 * started, in place of who was set before.
 *
 * It is called once for each message that used up its tries or its time, before its sender is told of the end, whether
 * the message went into the spool or not: MQP_EVENT_GIVEN_UP. Not for what a broker refuses for good, such as a message
 * of the wrong form or without permission, which fails at once.
 *
 * `callback`: taken when the call returns MQP_OK, else untouched: see mqp_reliability_callback. `error`: may be NULL.
 * Threads: any. Errors: MQP_ERR_ALREADY_STARTED, MQP_ERR_CLOSED, MQP_ERR_FORKED, MQP_ERR_INVALID_ARGUMENT.
 */
MQP_API
mqp_status mqp_producer_set_alarm_callback(struct mqp_producer *producer,
                                           struct mqp_reliability_callback callback,
                                           struct mqp_error **error);

/**
 * Sets who is told what becomes of messages that completed with MQP_SPOOLED, those of earlier producers of the same
 * `spool_file` too, of a producer that is not started, in place of who was set before: MQP_EVENT_SPOOL_DELIVERED,
 * MQP_EVENT_SPOOL_LOST and MQP_EVENT_SPOOL_DAMAGED. No call begins after mqp_producer_close returned.
 *
 * `callback`: taken when the call returns MQP_OK, else untouched: see mqp_reliability_callback. `error`: may be NULL.
 * Threads: any. Errors: MQP_ERR_ALREADY_STARTED, MQP_ERR_CLOSED, MQP_ERR_FORKED, MQP_ERR_INVALID_ARGUMENT.
 */
MQP_API
mqp_status mqp_producer_set_spool_callback(struct mqp_producer *producer,
                                           struct mqp_reliability_callback callback,
                                           struct mqp_error **error);

/**
 * Sets who receives the log of the whole process, in place of what was set before. By default nobody does.
 *
 * It does not wait: records made before may still reach the earlier callback, whose `drop` tells that it is over.
 *
 * `max_level`: MQP_LOG_OFF to MQP_LOG_TRACE; records above it are not made. `callback`: taken when the call returns
 * MQP_OK, else untouched; with `call` NULL nobody receives the log and nothing of it is taken. `error`: may be NULL.
 * Threads: any. Errors: MQP_ERR_INVALID_ARGUMENT; MQP_ERR_UNSUPPORTED in a Rust program that has set a `tracing`
 * subscriber of its own.
 */
MQP_API mqp_status mqp_log_set(uint32_t max_level, struct mqp_log_callback callback, struct mqp_error **error);

/**
 * Opens a cluster. Its brokers make a topic when the first message for it comes.
 *
 * `name`: empty makes a new one of the caller's own; another name is shared in this process with each
 * mqp_mock_cluster_new and each `mock://name` URL, and the first of them decides its size. `brokers`: 1 to 64; 0: 1.
 * `queues` of a topic: 1 to 1024; 0: 4. `out`: receives an *owned* handle; NULL on failure. `error`: may be NULL.
 * Threads: any. Errors: MQP_ERR_INVALID_ARGUMENT, MQP_ERR_RESOURCE, MQP_ERR_UNSUPPORTED in a build without the feature
 * `mock`.
 */
MQP_API
mqp_status mqp_mock_cluster_new(struct mqp_str name,
                                uint32_t brokers,
                                uint32_t queues,
                                struct mqp_mock_cluster **out,
                                struct mqp_error **error);

/**
 * The URL that a producer's configuration takes to send to this cluster; empty for NULL.
 *
 * Returns: NUL-terminated, *borrowed* until the cluster is freed. Threads: any. Errors: none.
 */
MQP_API const char *mqp_mock_cluster_url(const struct mqp_mock_cluster *cluster);

/**
 * Has a cluster answer the requests of one topic, each with the request's own body, as if a consumer did.
 *
 * `topic`: *borrowed* for the call; its name on the wire. `error`: may be NULL. Threads: any. Errors:
 * MQP_ERR_INVALID_ARGUMENT; MQP_ERR_FORKED in a child process.
 */
MQP_API
mqp_status mqp_mock_cluster_echo(struct mqp_mock_cluster *cluster,
                                 struct mqp_str topic,
                                 struct mqp_error **error);

/**
 * Takes a snapshot of the messages that a cluster holds, in the order of topic, broker, queue and offset.
 *
 * `topic`: *borrowed* for the call; empty: all topics. `out`: receives an *owned* handle; NULL on failure. `error`:
 * may be NULL. Threads: any. Errors: MQP_ERR_INVALID_ARGUMENT.
 */
MQP_API
mqp_status mqp_mock_cluster_messages(const struct mqp_mock_cluster *cluster,
                                     struct mqp_str topic,
                                     struct mqp_mock_messages **out,
                                     struct mqp_error **error);

/**
 * How many messages a cluster holds.
 *
 * `topic`: *borrowed* for the call; empty: all topics. `out`: receives the number; 0 on failure. `error`: may be NULL.
 * Threads: any. Errors: MQP_ERR_INVALID_ARGUMENT.
 */
MQP_API
mqp_status mqp_mock_cluster_message_count(const struct mqp_mock_cluster *cluster,
                                          struct mqp_str topic,
                                          size_t *out,
                                          struct mqp_error **error);

/**
 * Waits until a cluster holds at least a number of messages, as one-way messages need.
 *
 * `topic`: *borrowed* for the call; empty: all topics. `timeout_ms`: in milliseconds; 0 only looks. `error`: may be
 * NULL. Threads: any but the library's; blocks. Errors: MQP_ERR_TIMEOUT, MQP_ERR_WOULD_DEADLOCK on a thread of the
 * library; MQP_ERR_INVALID_ARGUMENT.
 */
MQP_API
mqp_status mqp_mock_cluster_wait(const struct mqp_mock_cluster *cluster,
                                 struct mqp_str topic,
                                 size_t count,
                                 uint32_t timeout_ms,
                                 struct mqp_error **error);

/**
 * Sets how long the brokers of a cluster wait before they ask for the end of a transaction, and before they ask again.
 *
 * `interval_ms`: in milliseconds, 1 to 86400000; 1000 by default, where real brokers wait 6 s at first and 30 s then.
 * `error`: may be NULL. Threads: any. Errors: MQP_ERR_INVALID_ARGUMENT.
 */
MQP_API
mqp_status mqp_mock_cluster_set_transaction_check_interval(struct mqp_mock_cluster *cluster,
                                                           uint32_t interval_ms,
                                                           struct mqp_error **error);

/**
 * Forgets the messages that a cluster holds.
 *
 * `error`: may be NULL. Threads: any. Errors: MQP_ERR_INVALID_ARGUMENT.
 */
MQP_API mqp_status mqp_mock_cluster_clear(struct mqp_mock_cluster *cluster, struct mqp_error **error);

/**
 * Frees a cluster; NULL is allowed. The last handle or producer of its name stops it.
 *
 * `cluster`: *owned*, taken. Threads: any, when no other uses the handle. Errors: none.
 */
MQP_API void mqp_mock_cluster_free(struct mqp_mock_cluster *cluster);

/**
 * How many messages a snapshot holds; 0 for NULL.
 *
 * Threads: any. Errors: none.
 */
MQP_API size_t mqp_mock_messages_count(const struct mqp_mock_messages *messages);

/**
 * Reads one message of a snapshot.
 *
 * `index`: 0 to mqp_mock_messages_count() - 1. `out`: written; what it points to is *borrowed* until the snapshot is
 * freed. `error`: may be NULL. Threads: any. Errors: MQP_ERR_INVALID_ARGUMENT.
 */
MQP_API
mqp_status mqp_mock_messages_get(const struct mqp_mock_messages *messages,
                                 size_t index,
                                 struct mqp_mock_message_view *out,
                                 struct mqp_error **error);

/**
 * Frees a snapshot; NULL is allowed.
 *
 * `messages`: *owned*, taken. Threads: any. Errors: none.
 */
MQP_API void mqp_mock_messages_free(struct mqp_mock_messages *messages);

/**
 * Adds a fault to a cluster, behind those that wait: each request takes the oldest that fits it, and is counted by that
 * alone.
 *
 * `fault`: *copied*. `error`: may be NULL. Threads: any. Errors: MQP_ERR_INVALID_ARGUMENT for an unknown action or
 * broker, a field that the action does not read, a delay that is too long or that nothing waits for; MQP_ERR_FORKED.
 */
MQP_API
mqp_status mqp_mock_cluster_push_fault(const struct mqp_mock_cluster *cluster,
                                       const struct mqp_mock_fault *fault,
                                       struct mqp_error **error);

/**
 * Takes back all faults of a cluster, and lets connections go on that stopped reading. Answers that are late still
 * come.
 *
 * `error`: may be NULL. Threads: any. Errors: MQP_ERR_INVALID_ARGUMENT, MQP_ERR_FORKED.
 */
MQP_API mqp_status mqp_mock_cluster_clear_faults(const struct mqp_mock_cluster *cluster, struct mqp_error **error);

/**
 * Takes a broker out of its routes, stops it, or brings it back. Its messages and its port stay. All that has happened
 * when the call returns.
 *
 * `broker`: a broker's name (`broker-a`) or number from 0 on (`0`), or `name-server`, which can only stop; *borrowed*
 * for the call. `state`: MQP_MOCK_BROKER_UP or a sum of MQP_MOCK_BROKER_ bits. `error`: may be NULL. Threads: any but
 * the library's; blocks. Errors: MQP_ERR_INVALID_ARGUMENT; MQP_ERR_RESOURCE when the system refuses the port;
 * MQP_ERR_WOULD_DEADLOCK on a thread of the library; MQP_ERR_FORKED.
 */
MQP_API
mqp_status mqp_mock_cluster_set_broker_state(const struct mqp_mock_cluster *cluster,
                                             struct mqp_str broker,
                                             uint32_t state,
                                             struct mqp_error **error);

/**
 * Takes a snapshot of the requests that servers got, in the order of their arrival: each is there before its answer
 * goes out. A cluster keeps the newest 8192, in at most 32 MiB; see mqp_mock_requests_dropped.
 *
 * `broker`: a broker's name (`broker-a`) or number from 0 on (`0`), or `name-server`; empty: all of them; *borrowed*
 * for the call. `request_code`: 0: all codes. `out`: receives an *owned* handle; NULL on failure. `error`: may be NULL.
 * Threads: any. Errors: MQP_ERR_INVALID_ARGUMENT, MQP_ERR_FORKED.
 */
MQP_API
mqp_status mqp_mock_cluster_requests(const struct mqp_mock_cluster *cluster,
                                     struct mqp_str broker,
                                     int32_t request_code,
                                     struct mqp_mock_requests **out,
                                     struct mqp_error **error);

/**
 * Waits until servers got at least a number of requests since the start or the last mqp_mock_cluster_clear_requests,
 * those that are not listed any more included.
 *
 * `broker`, `request_code`: as in mqp_mock_cluster_requests. `timeout_ms`: in milliseconds; 0 only looks. `error`: may
 * be NULL. Threads: any but the library's; blocks. Errors: MQP_ERR_TIMEOUT, MQP_ERR_WOULD_DEADLOCK on a thread of the
 * library; MQP_ERR_INVALID_ARGUMENT, MQP_ERR_FORKED.
 */
MQP_API
mqp_status mqp_mock_cluster_wait_requests(const struct mqp_mock_cluster *cluster,
                                          struct mqp_str broker,
                                          int32_t request_code,
                                          size_t count,
                                          uint32_t timeout_ms,
                                          struct mqp_error **error);

/**
 * Forgets the requests that a cluster got, and their numbers.
 *
 * `error`: may be NULL. Threads: any. Errors: MQP_ERR_INVALID_ARGUMENT, MQP_ERR_FORKED.
 */
MQP_API mqp_status mqp_mock_cluster_clear_requests(const struct mqp_mock_cluster *cluster, struct mqp_error **error);

/**
 * How many requests a snapshot holds; 0 for NULL.
 *
 * Threads: any. Errors: none.
 */
MQP_API size_t mqp_mock_requests_count(const struct mqp_mock_requests *requests);

/**
 * How many requests, of all servers and codes, the cluster had forgotten by the snapshot because newer ones took their
 * place; 0 for NULL.
 *
 * Threads: any. Errors: none.
 */
MQP_API uint64_t mqp_mock_requests_dropped(const struct mqp_mock_requests *requests);

/**
 * Reads one request of a snapshot.
 *
 * `index`: 0 to mqp_mock_requests_count() - 1. `out`: written; what it points to is *borrowed* until the snapshot is
 * freed. `error`: may be NULL. Threads: any. Errors: MQP_ERR_INVALID_ARGUMENT.
 */
MQP_API
mqp_status mqp_mock_requests_get(const struct mqp_mock_requests *requests,
                                 size_t index,
                                 struct mqp_mock_request_view *out,
                                 struct mqp_error **error);

/**
 * Frees a snapshot; NULL is allowed.
 *
 * `requests`: *owned*, taken. Threads: any. Errors: none.
 */
MQP_API void mqp_mock_requests_free(struct mqp_mock_requests *requests);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

/** The text of a string literal as an mqp_str, in an expression. */
#ifdef __cplusplus
#define MQP_STR(literal) (mqp_str{"" literal, sizeof(literal) - 1})
#else
#define MQP_STR(literal) ((mqp_str){"" literal, sizeof(literal) - 1})
#endif

/** The text of a string literal as an initialiser of an mqp_str, also a static one. */
#define MQP_STR_INIT(literal) {"" literal, sizeof(literal) - 1}

/** @{ Initialiser that sets `struct_size` and leaves all else at its default. */
#define MQP_MESSAGE_INIT \
    {(uint32_t)sizeof(mqp_message), 0, {NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}, NULL, 0, \
     (uint32_t)sizeof(mqp_property), 0, 0, 0, 0, 0, 0, 0, 0, {NULL, 0}, {NULL, 0}, {NULL, 0}, NULL}
#define MQP_JMS_INIT \
    {(uint32_t)sizeof(mqp_jms), 0, 0, 0, 0, {NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}, 0, \
     (uint32_t)sizeof(mqp_typed_property), NULL, 0, NULL, 0}
#define MQP_SEND_OPTIONS_INIT \
    {(uint32_t)sizeof(mqp_send_options), 0, 0, 0, {NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, NULL}, 0, 0}
#define MQP_BATCH_OPTIONS_INIT {(uint32_t)sizeof(mqp_batch_options), 0}
#define MQP_HOOK_INIT {(uint32_t)sizeof(mqp_hook), 0, NULL, NULL, NULL, NULL, NULL, NULL}
#define MQP_STATUS_VIEW_INIT {(uint32_t)sizeof(mqp_status_view), 0, {NULL, 0}}
#define MQP_ERROR_VIEW_INIT \
    {(uint32_t)sizeof(mqp_error_view), 0, 0, 0, 0, 0, {NULL, 0}, {NULL, 0}, {NULL, 0}, 0, 0}
#define MQP_RECEIPT_VIEW_INIT \
    {(uint32_t)sizeof(mqp_receipt_view), 0, 0, 0, 0, {NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}, \
     {NULL, 0}, {NULL, 0}, 0, 0}
#define MQP_ATTEMPT_INIT {(uint32_t)sizeof(mqp_attempt), 0, 0, 0, 0, 0, 0, 0, {NULL, 0}, {NULL, 0}}
#define MQP_RECEIVED_MESSAGE_VIEW_INIT \
    {(uint32_t)sizeof(mqp_received_message_view), 0, 0, 0, 0, 0, 0, 0, {NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}, \
     {NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}}
#define MQP_REPLY_TO_INIT {(uint32_t)sizeof(mqp_reply_to), 0, {NULL, 0}, {NULL, 0}, {NULL, 0}}
#define MQP_BROKER_STATE_VIEW_INIT {(uint32_t)sizeof(mqp_broker_state_view), 0, 0, 0, {NULL, 0}, {NULL, 0}}
#define MQP_CONFIG_OPTION_VIEW_INIT \
    {(uint32_t)sizeof(mqp_config_option_view), {NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}}
#define MQP_MOCK_MESSAGE_VIEW_INIT \
    {(uint32_t)sizeof(mqp_mock_message_view), 0, 0, 0, 0, 0, 0, {NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}, \
     {NULL, 0}, {NULL, 0}, NULL, 0, {NULL, 0}}
#define MQP_MOCK_FAULT_INIT \
    {(uint32_t)sizeof(mqp_mock_fault), 0, {NULL, 0}, 0, 0, 0, 0, {NULL, 0}, {NULL, 0}}
#define MQP_MOCK_REQUEST_VIEW_INIT \
    {(uint32_t)sizeof(mqp_mock_request_view), 0, 0, 0, 0, 0, 0, {NULL, 0}, NULL, 0, {NULL, 0}}

/** @} */

/** A C string as an mqp_str: *borrowed* from `text`; NULL gives the empty text. */
static inline mqp_str mqp_str_of(const char *text) {
    mqp_str value;
    value.ptr = text;
    value.len = text != NULL ? strlen(text) : 0;
    return value;
}

#endif /* MQPRODUCER_H */
