#ifndef ROCKETMQ_CSEND_RESULT_H
#define ROCKETMQ_CSEND_RESULT_H

#include "CCommon.h"

/* How a message was stored. */

typedef enum E_CSendStatus_ {
    E_SEND_OK = 0,
    E_SEND_FLUSH_DISK_TIMEOUT = 1,
    E_SEND_FLUSH_SLAVE_TIMEOUT = 2,
    E_SEND_SLAVE_NOT_AVAILABLE = 3
} CSendStatus;

typedef struct _SendResult_ {
    CSendStatus sendStatus;
    char msgId[MAX_MESSAGE_ID_LENGTH];
    long long offset;
} CSendResult;

ROCKETMQ_LAYOUT(sizeof(CSendResult) == 272);
ROCKETMQ_LAYOUT(offsetof(CSendResult, msgId) == 4);
ROCKETMQ_LAYOUT(offsetof(CSendResult, offset) == 264);

#endif
