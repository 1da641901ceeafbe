#ifndef ROCKETMQ_CMQEXCEPTION_H
#define ROCKETMQ_CMQEXCEPTION_H

#include "CCommon.h"

/* Why a message failed. `error` is the broker's response code, or the number that RocketMQ's Java client gives the failure. */

#define MAX_EXEPTION_MSG_LENGTH 512
#define MAX_EXEPTION_FILE_LENGTH 256
#define MAX_EXEPTION_TYPE_LENGTH 128

typedef struct _CMQException_ {
    int error;
    int line;
    char file[MAX_EXEPTION_FILE_LENGTH];
    char msg[MAX_EXEPTION_MSG_LENGTH];
    char type[MAX_EXEPTION_TYPE_LENGTH];
} CMQException;

ROCKETMQ_LAYOUT(sizeof(CMQException) == 904);
ROCKETMQ_LAYOUT(offsetof(CMQException, file) == 8);
ROCKETMQ_LAYOUT(offsetof(CMQException, msg) == 264);
ROCKETMQ_LAYOUT(offsetof(CMQException, type) == 776);

#endif
