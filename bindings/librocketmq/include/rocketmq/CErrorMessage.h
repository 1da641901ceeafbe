#ifndef ROCKETMQ_CERROR_MESSAGE_H
#define ROCKETMQ_CERROR_MESSAGE_H

#include "CCommon.h"

/* Why the last call of this thread that failed did so: valid until the next one that fails, never NULL. */

#ifdef __cplusplus
extern "C" {
#endif

ROCKETMQ_API const char *GetLatestErrorMessage(void);

#ifdef __cplusplus
}
#endif

#endif
