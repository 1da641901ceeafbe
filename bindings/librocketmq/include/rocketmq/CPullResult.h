#ifndef ROCKETMQ_CPULL_RESULT_H
#define ROCKETMQ_CPULL_RESULT_H

#include "CMessageExt.h"

/* What a pull brought. */

typedef enum E_CPullStatus {
    E_FOUND = 0,
    E_NO_NEW_MSG = 1,
    E_NO_MATCHED_MSG = 2,
    E_OFFSET_ILLEGAL = 3,
    E_BROKER_TIMEOUT = 4
} CPullStatus;

typedef struct _CPullResult_ {
    CPullStatus pullStatus;
    long long nextBeginOffset;
    long long minOffset;
    long long maxOffset;
    CMessageExt **msgFoundList;
    int size;
    void *pData;
} CPullResult;

ROCKETMQ_LAYOUT(sizeof(void *) != 8 || sizeof(CPullResult) == 56);
ROCKETMQ_LAYOUT(offsetof(CPullResult, nextBeginOffset) == 8);
ROCKETMQ_LAYOUT(offsetof(CPullResult, maxOffset) == 24);
ROCKETMQ_LAYOUT(sizeof(void *) != 8 || offsetof(CPullResult, msgFoundList) == 32);
ROCKETMQ_LAYOUT(sizeof(void *) != 8 || offsetof(CPullResult, pData) == 48);

#endif
