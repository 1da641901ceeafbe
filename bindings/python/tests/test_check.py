"""The check of a transaction that nobody ended."""

from __future__ import annotations

import gc
import threading
import unittest
import warnings
import weakref
from typing import Any

from mqproducer import (
    AlreadyStartedError,
    ArgumentError,
    ClosedError,
    MockCluster,
    MqError,
    Receipt,
    ReceivedMessage,
    Transaction,
    TransactionState,
    WouldDeadlockError,
)

from .support import Producer, wait_until
from .transactions import COMMIT, END_TRANSACTION, UNKNOWN, Recorder, unknown


class Checks(unittest.TestCase):
    def setUp(self) -> None:
        self.cluster = MockCluster()
        self.addCleanup(self.cluster.close)
        self.cluster.set_transaction_check_interval(50)

    def undecided(self, producer: Producer, body: bytes) -> tuple[Transaction, Receipt]:
        transaction = producer.transaction()
        return transaction, transaction.send("T", body, tags="tag", keys="k", properties={"p": "é"})

    def test_the_checker_decides(self) -> None:
        asked: list[ReceivedMessage] = []
        threads: set[int] = set()
        refused: list[MqError] = []
        hook = Recorder()

        def check(message: ReceivedMessage) -> TransactionState:
            asked.append(message)
            threads.add(threading.get_ident())
            try:
                producer.send("Other", b"x")
            except MqError as error:
                refused.append(error)
            if message.body == b"unknown at first":
                first = sum(each.body == message.body for each in asked) == 1
                return TransactionState.UNKNOWN if first else TransactionState.COMMIT
            return TransactionState.COMMIT if message.body == b"commit" else TransactionState.ROLLBACK

        producer = Producer(self.cluster.url, group="g")
        producer.set_transaction_checker(check)
        producer.add_hook(hook)
        with producer:
            held = [self.undecided(producer, body) for body in (b"commit", b"rollback", b"unknown at first")]
            wait_until(lambda: len(hook.ends) >= 4, "each is decided")
            self.cluster.wait(2, "T")
            # What the broker has decided nobody else can.
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                receipts = [receipt for _, receipt in held]
                del held
                gc.collect()
        self.assertEqual({message.body for message in self.cluster.messages("T")}, {b"commit", b"unknown at first"})
        seen = next(message for message in asked if message.body == b"commit")
        self.assertEqual((seen.topic, seen.tags, seen.keys, seen.properties["p"]), ("T", "tag", "k", "é"))
        self.assertEqual((seen.message_id, seen.transaction_id), (receipts[0].message_id, receipts[0].transaction_id))
        self.assertNotIn(threading.get_ident(), threads)
        self.assertEqual({type(error) for error in refused}, {WouldDeadlockError})
        states = {(end.message_id, end.state) for end in hook.ends if end.from_check}
        expected = zip(receipts, (TransactionState.COMMIT, TransactionState.ROLLBACK, TransactionState.UNKNOWN))
        self.assertLessEqual({(receipt.message_id, state) for receipt, state in expected}, states)
        # The checker holds it, also by the tracebacks of errors, and it the checker.
        refused.clear()
        del producer

    def test_a_checker_that_fails_counts_as_unknown(self) -> None:
        answers: list[Any] = [ValueError("of the checker"), SystemExit("out"), None, True, "commit", 99]
        told = iter(answers)

        def check(message: ReceivedMessage) -> Any:
            answer = next(told, TransactionState.COMMIT)
            if isinstance(answer, BaseException):
                raise answer
            return answer

        producer = Producer(self.cluster.url, group="g")
        producer.set_transaction_checker(check)
        with producer, self.assertLogs("mqproducer", "ERROR") as logs:
            transaction, _ = self.undecided(producer, b"x")
            self.cluster.wait(1, "T", 30_000)
            self.cluster.wait_requests(7, request_code=END_TRANSACTION)
            requests = self.cluster.requests(request_code=END_TRANSACTION)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                del transaction
        # A slow machine is asked once more before its decision is heard.
        ends = [each.fields["commitOrRollback"] for each in requests]
        self.assertEqual((ends[:6], set(ends[6:])), ([UNKNOWN] * 6, {COMMIT}))
        text = "\n".join(logs.output)
        self.assertEqual(len(logs.output), 6)
        for part in ("ValueError: of the checker", "SystemExit: out", "not NoneType", "not bool", "not str", "99"):
            self.assertIn(part, text)

    def test_another_producer_of_the_group_is_asked(self) -> None:
        with Producer(self.cluster.url, group="g") as nobody:
            nobody.send("T", b"route")
        self.cluster.clear()
        dead = Producer(self.cluster.url, group="g")
        dead.set_transaction_checker(unknown)
        dead.start()
        transaction, receipt = self.undecided(dead, b"x")
        dead.close()
        asked = []

        def check(message: ReceivedMessage) -> TransactionState:
            asked.append(message.message_id)
            return TransactionState.COMMIT

        other = Producer(self.cluster.url, group="g", topics="T")
        other.set_transaction_checker(check)
        with other:
            self.cluster.wait(1, "T")
        self.assertIn(receipt.message_id, asked)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            del transaction

    def test_only_before_the_start_and_once(self) -> None:
        producer = Producer(self.cluster.url, group="g")
        with self.assertRaisesRegex(TypeError, "checker must be callable, not NoneType"):
            producer.set_transaction_checker(None)  # type: ignore[arg-type]
        producer.set_transaction_checker(unknown)
        self.assertRaises(ArgumentError, producer.set_transaction_checker, unknown)
        producer.start()
        self.assertRaises(AlreadyStartedError, producer.set_transaction_checker, unknown)
        producer.close()
        self.assertRaises(ClosedError, producer.set_transaction_checker, unknown)

    def test_it_lives_as_long_as_its_producer(self) -> None:
        class Checker:
            def __call__(self, message: ReceivedMessage) -> TransactionState:
                return TransactionState.COMMIT

        checker = Checker()
        alive = weakref.ref(checker)
        producer = Producer(self.cluster.url, group="g")
        producer.set_transaction_checker(checker)
        del checker
        with producer:
            transaction, _ = self.undecided(producer, b"x")
            self.cluster.wait(1, "T")
            gc.collect()
            self.assertIsNotNone(alive())
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                del transaction
        del producer
        gc.collect()
        wait_until(lambda: alive() is None, "the checker is given back")

    def test_the_interval_is_checked(self) -> None:
        self.assertRaises(ArgumentError, self.cluster.set_transaction_check_interval, 0)
        self.assertRaises(ValueError, self.cluster.set_transaction_check_interval, -1)
        self.assertRaises(TypeError, self.cluster.set_transaction_check_interval, 1.5)
