#ifndef ROCKETMQ_CMESSAGE_QUEUE_H
#define ROCKETMQ_CMESSAGE_QUEUE_H

#include "CCommon.h"

/* A queue of a topic. */

typedef struct _CMessageQueue_ {
    char topic[MAX_TOPIC_LENGTH];
    char brokerName[MAX_BROKER_NAME_ID_LENGTH];
    int queueId;
} CMessageQueue;

ROCKETMQ_LAYOUT(sizeof(CMessageQueue) == 772);
ROCKETMQ_LAYOUT(offsetof(CMessageQueue, brokerName) == 512);
ROCKETMQ_LAYOUT(offsetof(CMessageQueue, queueId) == 768);

#endif
