"""What the tests of transactions share: a checker, a hook that remembers, what brokers are told."""

from __future__ import annotations

import threading

from mqproducer import EndTransactionContext, ReceivedMessage, SendHook, TransactionState
from mqproducer.hook import HookContext

SEND = 310
END_TRANSACTION = 37
#: What the field `commitOrRollback` of a request says.
COMMIT, ROLLBACK, UNKNOWN = "8", "12", "0"


def unknown(message: ReceivedMessage) -> TransactionState:
    return TransactionState.UNKNOWN


class Recorder(SendHook):
    """Remembers the ends of transactions, and on which thread it was told of them."""

    def __init__(self) -> None:
        self.ends: list[EndTransactionContext] = []
        self.threads: list[int] = []
        self.types: list[int] = []

    def before_send(self, context: HookContext) -> None:
        self.types.append(context.message_type)

    def end_transaction(self, context: EndTransactionContext) -> None:
        self.ends.append(context)
        self.threads.append(threading.get_ident())
