#ifndef ROCKETMQ_CPRODUCER_H
#define ROCKETMQ_CPRODUCER_H

#include "CBatchMessage.h"
#include "CMQException.h"
#include "CMessage.h"
#include "CMessageExt.h"
#include "CSendResult.h"
#include "CTransactionStatus.h"

/* Producers. */

#ifdef __cplusplus
extern "C" {
#endif

typedef struct CProducer CProducer;

/* Chooses the queue by its index, from 0 to size - 1. Called once for a message, on the thread that sends, before the
 * send returns; a retry stays on the queue. */
typedef int (*QueueSelectorCallback)(int size, CMessage *msg, void *arg);

/* Exactly one of a pair is called, once, when the send returned OK; none otherwise. They run on a thread of the library,
 * one after the other for the whole process, and must not block for long. Sends that wait fail there. */
typedef void (*CSendSuccessCallback)(CSendResult result);
typedef void (*CSendExceptionCallback)(CMQException e);
typedef void (*COnSendSuccessCallback)(CSendResult result, CMessage *msg, void *userData);
typedef void (*COnSendExceptionCallback)(CMQException e, CMessage *msg, void *userData);

/* The checker runs on the library's thread, its message lives until it returns; the executor runs on the thread that
 * sends, with the caller's own message. */
typedef CTransactionStatus (*CLocalTransactionCheckerCallback)(CProducer *producer,
        CMessageExt *msg, void *data);
typedef CTransactionStatus (*CLocalTransactionExecutorCallback)(CProducer *producer, CMessage *msg,
        void *data);

/* All functions return a CStatus unless they say otherwise; GetLatestErrorMessage tells why one failed. Set functions work
 * before StartProducer. ShutdownProducer waits for what is in flight; DestroyProducer does it when it was not done. */

ROCKETMQ_API CProducer *CreateProducer(const char *groupId);
ROCKETMQ_API CProducer *CreateOrderlyProducer(const char *groupId);
ROCKETMQ_API CProducer *CreateTransactionProducer(const char *groupId,
        CLocalTransactionCheckerCallback callback, void *userData);
ROCKETMQ_API int DestroyProducer(CProducer *producer);
ROCKETMQ_API int StartProducer(CProducer *producer);
ROCKETMQ_API int ShutdownProducer(CProducer *producer);
ROCKETMQ_API const char *ShowProducerVersion(CProducer *producer);
ROCKETMQ_API int SetProducerNameServerAddress(CProducer *producer, const char *namesrv);
ROCKETMQ_API int SetProducerNameServerDomain(CProducer *producer, const char *domain);
ROCKETMQ_API int SetProducerGroupName(CProducer *producer, const char *groupName);
ROCKETMQ_API int SetProducerInstanceName(CProducer *producer, const char *instanceName);
ROCKETMQ_API int SetProducerSessionCredentials(CProducer *producer, const char *accessKey,
        const char *secretKey, const char *onsChannel);
ROCKETMQ_API int SetProducerLogPath(CProducer *producer, const char *logPath);
ROCKETMQ_API int SetProducerLogFileNumAndSize(CProducer *producer, int fileNum, long fileSize);
ROCKETMQ_API int SetProducerLogLevel(CProducer *producer, CLogLevel level);
ROCKETMQ_API int SetProducerSendMsgTimeout(CProducer *producer, int timeout);
ROCKETMQ_API int SetProducerCompressLevel(CProducer *producer, int level);
ROCKETMQ_API int SetProducerMaxMessageSize(CProducer *producer, int size);
ROCKETMQ_API int SetProducerMessageTrace(CProducer *producer, CTraceModel openTrace);
ROCKETMQ_API int SetProducerSsl(CProducer *producer, int enableSsl);
ROCKETMQ_API int SetProducerSslPropertyFile(CProducer *producer, const char *sslPropertyFile);
ROCKETMQ_API int SendMessageSync(CProducer *producer, CMessage *msg, CSendResult *result);
ROCKETMQ_API int SendBatchMessage(CProducer *producer, CBatchMessage *msg, CSendResult *result);
ROCKETMQ_API int SendMessageAsync(CProducer *producer, CMessage *msg,
        CSendSuccessCallback cSendSuccessCallback, CSendExceptionCallback cSendExceptionCallback);
ROCKETMQ_API int SendAsync(CProducer *producer, CMessage *msg,
        COnSendSuccessCallback cSendSuccessCallback,
        COnSendExceptionCallback cSendExceptionCallback, void *userData);
ROCKETMQ_API int SendMessageOneway(CProducer *producer, CMessage *msg);
ROCKETMQ_API int SendMessageOnewayOrderly(CProducer *producer, CMessage *msg,
        QueueSelectorCallback selector, void *arg);
ROCKETMQ_API int SendMessageOrderly(CProducer *producer, CMessage *msg,
        QueueSelectorCallback callback, void *arg, int autoRetryTimes, CSendResult *result);
ROCKETMQ_API int SendMessageOrderlyAsync(CProducer *producer, CMessage *msg,
        QueueSelectorCallback callback, void *arg, CSendSuccessCallback cSendSuccessCallback,
        CSendExceptionCallback cSendExceptionCallback);
ROCKETMQ_API int SendMessageOrderlyByShardingKey(CProducer *producer, CMessage *msg,
        const char *shardingKey, CSendResult *result);
ROCKETMQ_API int SendMessageTransaction(CProducer *producer, CMessage *msg,
        CLocalTransactionExecutorCallback callback, void *userData, CSendResult *result);
ROCKETMQ_API int SetProducerCompressMsgBodyOverHowmuch(CProducer *producer, int howmuch);

#ifdef __cplusplus
}
#endif

#endif
