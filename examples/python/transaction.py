"""One message in a transaction: ``transaction.py URL TOPIC GROUP commit|rollback|die|check``.

``commit`` and ``rollback`` end it so. ``die`` ends the process instead, so that the broker asks another producer of the
group: ``check`` is one, which commits the first transaction that it is asked about and then ends.

Run it with bindings/python on PYTHONPATH and the library's path in MQPRODUCER_LIBRARY, unless both are installed.
"""

from __future__ import annotations

import os
import queue
import signal
import sys

from mqproducer import EndTransactionContext, MqError, Producer, ReceivedMessage, SendHook, TransactionState

#: How long ``check`` waits for the broker's question, in seconds.
CHECK_WAIT_S = 60


def undecided(message: ReceivedMessage) -> TransactionState:
    return TransactionState.UNKNOWN


def commit(message: ReceivedMessage) -> TransactionState:
    return TransactionState.COMMIT


class Answers(SendHook):
    """Collects the ids of the messages whose checks were answered."""

    def __init__(self) -> None:
        self.ids: queue.Queue[str] = queue.Queue()

    def end_transaction(self, context: EndTransactionContext) -> None:
        self.ids.put(context.message_id)


def send(url: str, topic: str, group: str, end: str) -> None:
    producer = Producer(url, group=group)
    producer.set_transaction_checker(undecided)
    with producer, producer.transaction() as transaction:
        receipt = transaction.send(topic, b"half from Python", tags="transaction")
        print(f"python half id={receipt.message_id}", flush=True)
        if end == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        elif end == "commit":
            transaction.commit()
            print("python committed")
        else:
            transaction.rollback()
            print("python rolled back")


def check(url: str, topic: str, group: str) -> bool:
    # The topic tells it which brokers to meet, although it sends nothing.
    producer = Producer(url, group=group, topics=topic)
    producer.set_transaction_checker(commit)
    answers = Answers()
    producer.add_hook(answers)
    with producer:
        try:
            print(f"python checked id={answers.ids.get(timeout=CHECK_WAIT_S)}")
        except queue.Empty:
            print(f"python: nobody asked within {CHECK_WAIT_S} s", file=sys.stderr)
            return False
    return True


def main(arguments: list[str]) -> int:
    if len(arguments) != 4 or arguments[3] not in ("commit", "rollback", "die", "check"):
        print(__doc__, file=sys.stderr)
        return 2
    url, topic, group, end = arguments
    try:
        if end == "check":
            return 0 if check(url, topic, group) else 1
        send(url, topic, group, end)
    except MqError as error:
        print(f"python {error.name}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
