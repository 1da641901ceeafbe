#ifndef ROCKETMQ_CMESSAGE_EXT_H
#define ROCKETMQ_CMESSAGE_EXT_H

#include "CCommon.h"

/* What can be read of a message. A string is valid until the message is changed or destroyed; a missing one is
 * empty. */

#ifdef __cplusplus
extern "C" {
#endif

typedef struct CMessageExt CMessageExt;

ROCKETMQ_API const char *GetMessageTopic(CMessageExt *msgExt);
ROCKETMQ_API const char *GetMessageTags(CMessageExt *msgExt);
ROCKETMQ_API const char *GetMessageKeys(CMessageExt *msgExt);
ROCKETMQ_API const char *GetMessageBody(CMessageExt *msgExt);
ROCKETMQ_API int GetMessageBodyLength(CMessageExt *msgExt);
ROCKETMQ_API const char *GetMessageProperty(CMessageExt *msgExt, const char *key);
ROCKETMQ_API const char *GetMessageId(CMessageExt *msgExt);
ROCKETMQ_API int GetMessageDelayTimeLevel(CMessageExt *msgExt);
ROCKETMQ_API int GetMessageQueueId(CMessageExt *msgExt);
ROCKETMQ_API int GetMessageReconsumeTimes(CMessageExt *msgExt);
ROCKETMQ_API int GetMessageStoreSize(CMessageExt *msgExt);
ROCKETMQ_API long long GetMessageBornTimestamp(CMessageExt *msgExt);
ROCKETMQ_API long long GetMessageStoreTimestamp(CMessageExt *msgExt);
ROCKETMQ_API long long GetMessageQueueOffset(CMessageExt *msgExt);
ROCKETMQ_API long long GetMessageCommitLogOffset(CMessageExt *msgExt);
ROCKETMQ_API long long GetMessagePreparedTransactionOffset(CMessageExt *msgExt);
ROCKETMQ_API const char *GetMessageStoreHost(CMessageExt *msg);
ROCKETMQ_API const char *GetMessageBornHost(CMessageExt *msg);

#ifdef __cplusplus
}
#endif

#endif
