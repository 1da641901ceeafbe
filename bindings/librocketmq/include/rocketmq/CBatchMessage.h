#ifndef ROCKETMQ_CBATCH_MESSAGE_H
#define ROCKETMQ_CBATCH_MESSAGE_H

#include "CMessage.h"

/* Several messages of one topic in one request; AddMessage copies its message. */

#ifdef __cplusplus
extern "C" {
#endif

typedef struct CBatchMessage CBatchMessage;

ROCKETMQ_API CBatchMessage *CreateBatchMessage(void);
ROCKETMQ_API int AddMessage(CBatchMessage *batchMsg, CMessage *msg);
ROCKETMQ_API int DestroyBatchMessage(CBatchMessage *batchMsg);

#ifdef __cplusplus
}
#endif

#endif
