#ifndef ROCKETMQ_CPUSH_CONSUMER_H
#define ROCKETMQ_CPUSH_CONSUMER_H

#include "CMessageExt.h"

/* Push consumers, which this library does not have: CreatePushConsumer returns NULL, and every
 * other function fails. */

#ifdef __cplusplus
extern "C" {
#endif

typedef struct CPushConsumer CPushConsumer;

typedef enum CMessageModel { BROADCASTING, CLUSTERING } CMessageModel;

typedef enum E_CConsumeStatus { E_CONSUME_SUCCESS = 0, E_RECONSUME_LATER = 1 } CConsumeStatus;

typedef int (*MessageCallBack)(CPushConsumer *consumer, CMessageExt *msg);

ROCKETMQ_API CPushConsumer *CreatePushConsumer(const char *groupId);
ROCKETMQ_API int DestroyPushConsumer(CPushConsumer *consumer);
ROCKETMQ_API int StartPushConsumer(CPushConsumer *consumer);
ROCKETMQ_API int ShutdownPushConsumer(CPushConsumer *consumer);
ROCKETMQ_API const char *ShowPushConsumerVersion(CPushConsumer *consumer);
ROCKETMQ_API int SetPushConsumerGroupID(CPushConsumer *consumer, const char *groupId);
ROCKETMQ_API const char *GetPushConsumerGroupID(CPushConsumer *consumer);
ROCKETMQ_API int SetPushConsumerNameServerAddress(CPushConsumer *consumer, const char *namesrv);
ROCKETMQ_API int SetPushConsumerNameServerDomain(CPushConsumer *consumer, const char *domain);
ROCKETMQ_API int Subscribe(CPushConsumer *consumer, const char *topic, const char *expression);
ROCKETMQ_API int RegisterMessageCallbackOrderly(CPushConsumer *consumer, MessageCallBack pCallback);
ROCKETMQ_API int RegisterMessageCallback(CPushConsumer *consumer, MessageCallBack pCallback);
ROCKETMQ_API int UnregisterMessageCallbackOrderly(CPushConsumer *consumer);
ROCKETMQ_API int UnregisterMessageCallback(CPushConsumer *consumer);
ROCKETMQ_API int SetPushConsumerThreadCount(CPushConsumer *consumer, int threadCount);
ROCKETMQ_API int SetPushConsumerMessageBatchMaxSize(CPushConsumer *consumer, int batchSize);
ROCKETMQ_API int SetPushConsumerInstanceName(CPushConsumer *consumer, const char *instanceName);
ROCKETMQ_API int SetPushConsumerSessionCredentials(CPushConsumer *consumer, const char *accessKey,
        const char *secretKey, const char *channel);
ROCKETMQ_API int SetPushConsumerLogPath(CPushConsumer *consumer, const char *logPath);
ROCKETMQ_API int SetPushConsumerLogFileNumAndSize(CPushConsumer *consumer, int fileNum,
        long fileSize);
ROCKETMQ_API int SetPushConsumerLogLevel(CPushConsumer *consumer, CLogLevel level);
ROCKETMQ_API int SetPushConsumerMessageModel(CPushConsumer *consumer, CMessageModel messageModel);
ROCKETMQ_API int SetPushConsumerMaxCacheMessageSize(CPushConsumer *consumer, int maxCacheSize);
ROCKETMQ_API int SetPushConsumerMaxCacheMessageSizeInMb(CPushConsumer *consumer,
        int maxCacheSizeInMb);
ROCKETMQ_API int SetPushConsumerMessageTrace(CPushConsumer *consumer, CTraceModel openTrace);
ROCKETMQ_API int SetPushConsumerSsl(CPushConsumer *consumer, int enableSsl);
ROCKETMQ_API int SetPushConsumerSslPropertyFile(CPushConsumer *consumer,
        const char *sslPropertyFile);

#ifdef __cplusplus
}
#endif

#endif
