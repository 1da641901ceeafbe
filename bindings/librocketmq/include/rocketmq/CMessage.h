#ifndef ROCKETMQ_CMESSAGE_H
#define ROCKETMQ_CMESSAGE_H

#include "CCommon.h"

/* A message as its sender fills it. It belongs to whoever created it, for ever: sends copy what
 * they need. */

#ifdef __cplusplus
extern "C" {
#endif

typedef struct CMessage CMessage;

ROCKETMQ_API CMessage *CreateMessage(const char *topic);
ROCKETMQ_API int DestroyMessage(CMessage *msg);
ROCKETMQ_API int SetMessageTopic(CMessage *msg, const char *topic);
ROCKETMQ_API int SetMessageTags(CMessage *msg, const char *tags);
ROCKETMQ_API int SetMessageKeys(CMessage *msg, const char *keys);
ROCKETMQ_API int SetMessageBody(CMessage *msg, const char *body);
ROCKETMQ_API int SetByteMessageBody(CMessage *msg, const char *body, int len);
ROCKETMQ_API int SetMessageProperty(CMessage *msg, const char *key, const char *value);
ROCKETMQ_API int SetDelayTimeLevel(CMessage *msg, int level);
ROCKETMQ_API const char *GetOriginMessageTopic(CMessage *msg);
ROCKETMQ_API const char *GetOriginMessageTags(CMessage *msg);
ROCKETMQ_API const char *GetOriginMessageKeys(CMessage *msg);
ROCKETMQ_API const char *GetOriginMessageBody(CMessage *msg);
ROCKETMQ_API int GetOriginMessageBodyLength(CMessage *msg);
ROCKETMQ_API const char *GetOriginMessageProperty(CMessage *msg, const char *key);
ROCKETMQ_API int GetOriginDelayTimeLevel(CMessage *msg);

#ifdef __cplusplus
}
#endif

#endif
