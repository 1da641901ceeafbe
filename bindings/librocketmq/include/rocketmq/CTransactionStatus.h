#ifndef ROCKETMQ_CTRANSACTION_STATUS_H
#define ROCKETMQ_CTRANSACTION_STATUS_H

/* What became of a local transaction; any other number is unknown. */

typedef enum E_CTransactionStatus { E_COMMIT_TRANSACTION = 0, E_ROLLBACK_TRANSACTION = 1,
        E_UNKNOWN_TRANSACTION = 2 } CTransactionStatus;

#endif
