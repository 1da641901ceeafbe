#ifndef ROCKETMQ_CCOMMON_H
#define ROCKETMQ_CCOMMON_H

/* Status numbers, limits and levels. */

#if defined(_WIN32)
#define ROCKETMQ_API __declspec(dllimport)
#else
#define ROCKETMQ_API __attribute__((visibility("default")))
#endif

#include <stddef.h>

#if defined(__cplusplus)
#define ROCKETMQ_LAYOUT(condition) static_assert(condition, #condition)
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
#define ROCKETMQ_LAYOUT(condition) _Static_assert(condition, #condition)
#else
#define ROCKETMQ_LAYOUT(condition) struct rocketmq_layout_is_not_checked_before_c11
#endif

#define MAX_MESSAGE_ID_LENGTH 256
#define MAX_TOPIC_LENGTH 512
#define MAX_BROKER_NAME_ID_LENGTH 256
#define MAX_SDK_VERSION_LENGTH 256
#define DEFAULT_SDK_VERSION "DefaultVersion"

typedef enum _CStatus_ {
    OK = 0,
    NULL_POINTER = 1,
    MALLOC_FAILED = 2,
    PRODUCER_ERROR_CODE_START = 10,
    /* Also what a setter returns that refuses its value. */
    PRODUCER_START_FAILED = 10,
    PRODUCER_SEND_SYNC_FAILED = 11,
    PRODUCER_SEND_ONEWAY_FAILED = 12,
    PRODUCER_SEND_ORDERLY_FAILED = 13,
    PRODUCER_SEND_ASYNC_FAILED = 14,
    PRODUCER_SEND_ORDERLYASYNC_FAILED = 15,
    PRODUCER_SEND_TRANSACTION_FAILED = 16,
    PUSHCONSUMER_ERROR_CODE_START = 20,
    PUSHCONSUMER_START_FAILED = 20,
    PULLCONSUMER_ERROR_CODE_START = 30,
    PULLCONSUMER_START_FAILED = 30,
    PULLCONSUMER_FETCH_MQ_FAILED = 31,
    PULLCONSUMER_FETCH_MESSAGE_FAILED = 32,
    Not_Support = 500,
    NOT_SUPPORT_NOW = -1
} CStatus;

typedef enum _CLogLevel_ {
    E_LOG_LEVEL_FATAL = 1,
    E_LOG_LEVEL_ERROR = 2,
    E_LOG_LEVEL_WARN = 3,
    E_LOG_LEVEL_INFO = 4,
    E_LOG_LEVEL_DEBUG = 5,
    E_LOG_LEVEL_TRACE = 6,
    E_LOG_LEVEL_LEVEL_NUM = 7
} CLogLevel;

/* Zero switches traces on. */
typedef enum _CTraceModel_ { OPEN = 0, CLOSE = 1 } CTraceModel;

#endif
