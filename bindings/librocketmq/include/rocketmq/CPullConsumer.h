#ifndef ROCKETMQ_CPULL_CONSUMER_H
#define ROCKETMQ_CPULL_CONSUMER_H

#include "CMessageExt.h"
#include "CMessageQueue.h"
#include "CPullResult.h"

/* Pull consumers, which this library does not have: CreatePullConsumer returns NULL, and every
 * other function fails. */

#ifdef __cplusplus
extern "C" {
#endif

typedef struct CPullConsumer CPullConsumer;

ROCKETMQ_API CPullConsumer *CreatePullConsumer(const char *groupId);
ROCKETMQ_API int DestroyPullConsumer(CPullConsumer *consumer);
ROCKETMQ_API int StartPullConsumer(CPullConsumer *consumer);
ROCKETMQ_API int ShutdownPullConsumer(CPullConsumer *consumer);
ROCKETMQ_API const char *ShowPullConsumerVersion(CPullConsumer *consumer);
ROCKETMQ_API int SetPullConsumerGroupID(CPullConsumer *consumer, const char *groupId);
ROCKETMQ_API const char *GetPullConsumerGroupID(CPullConsumer *consumer);
ROCKETMQ_API int SetPullConsumerNameServerAddress(CPullConsumer *consumer, const char *namesrv);
ROCKETMQ_API int SetPullConsumerNameServerDomain(CPullConsumer *consumer, const char *domain);
ROCKETMQ_API int SetPullConsumerSessionCredentials(CPullConsumer *consumer, const char *accessKey,
        const char *secretKey, const char *channel);
ROCKETMQ_API int SetPullConsumerLogPath(CPullConsumer *consumer, const char *logPath);
ROCKETMQ_API int SetPullConsumerLogFileNumAndSize(CPullConsumer *consumer, int fileNum,
        long fileSize);
ROCKETMQ_API int SetPullConsumerLogLevel(CPullConsumer *consumer, CLogLevel level);
ROCKETMQ_API int SetPullConsumerSsl(CPullConsumer *consumer, int enableSsl);
ROCKETMQ_API int SetPullConsumerSslPropertyFile(CPullConsumer *consumer,
        const char *sslPropertyFile);
ROCKETMQ_API int FetchSubscriptionMessageQueues(CPullConsumer *consumer, const char *topic,
        CMessageQueue**mqs, int *size);
ROCKETMQ_API int ReleaseSubscriptionMessageQueue(CMessageQueue *mqs);
ROCKETMQ_API CPullResult Pull(CPullConsumer *consumer, const CMessageQueue *mq,
        const char *subExpression, long long offset, int maxNums);
ROCKETMQ_API int ReleasePullResult(CPullResult pullResult);

#ifdef __cplusplus
}
#endif

#endif
