"""Transactions, their check, and recalling timer messages."""

from __future__ import annotations

import gc
import threading
import unittest
import warnings
import weakref
from datetime import timedelta
from typing import Any, Callable, Optional

from mqproducer import (
    AlreadyStartedError,
    ArgumentError,
    BrokerError,
    ClosedError,
    ConfigError,
    EndTransactionContext,
    Message,
    MessageError,
    MessageType,
    MockCluster,
    MockFault,
    MqError,
    NotStartedError,
    Producer,
    Receipt,
    ReceivedMessage,
    SendHook,
    SendStatus,
    Transaction,
    TransactionState,
    UnsupportedError,
    WouldDeadlockError,
    _callbacks,
)
from mqproducer.hook import HookContext

from .support import wait_until

SEND = 310
END_TRANSACTION = 37
#: What the field `commitOrRollback` of a request says.
COMMIT, ROLLBACK, UNKNOWN = "8", "12", "0"


def unknown(message: ReceivedMessage) -> TransactionState:
    return TransactionState.UNKNOWN


def committed(message: ReceivedMessage) -> TransactionState:
    return TransactionState.COMMIT


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


class Transactions(unittest.TestCase):
    def setUp(self) -> None:
        self.cluster = MockCluster(brokers=2)
        self.addCleanup(self.cluster.close)
        # Nobody is asked but where a test is about that.
        self.cluster.set_transaction_check_interval(3_600_000)
        self.hook = Recorder()
        self.producer = self.started(unknown)

    def started(self, checker: Callable[[ReceivedMessage], TransactionState], **config: str) -> Producer:
        producer = Producer(self.cluster.url, group="g", **config)
        producer.set_transaction_checker(checker)
        producer.add_hook(self.hook)
        producer.start()
        self.addCleanup(producer.close)
        return producer

    def ends(self, count: int) -> list[str]:
        """What brokers were told, once they heard so much, in the order of their hearing it."""
        self.cluster.wait_requests(count, request_code=END_TRANSACTION)
        return [request.fields["commitOrRollback"] for request in self.cluster.requests(request_code=END_TRANSACTION)]

    def bodies(self) -> list[bytes]:
        """The messages that consumers see."""
        return sorted(message.body for message in self.cluster.messages("T"))

    def test_commit_at_the_end_of_the_block(self) -> None:
        with self.producer.transaction() as transaction:
            receipt = transaction.send("T", b"a\0b", tags="tag", keys=["k1", "k2"], properties={"p": "é"})
            self.assertEqual(self.bodies(), [])
            self.assertEqual(self.ends(0), [])
        self.cluster.wait(1, "T")
        (stored,) = self.cluster.messages("T")
        self.assertEqual((stored.body, stored.tags, stored.keys), (b"a\0b", "tag", "k1 k2"))
        self.assertEqual((stored.properties["p"], stored.message_id), ("é", receipt.message_id))
        self.assertIs(receipt.send_status, SendStatus.SEND_OK)
        self.assertEqual(receipt.transaction_id, receipt.message_id)
        self.assertEqual(self.ends(1), [COMMIT])

    def test_rollback_by_an_exception(self) -> None:
        for kind in (LookupError, KeyboardInterrupt):
            with self.assertRaises(kind), self.producer.transaction() as transaction:
                transaction.send(Message("T", b"x"))
                raise kind
        self.assertEqual(self.ends(2), [ROLLBACK] * 2)
        with self.assertRaises(LookupError), self.producer.transaction():
            raise LookupError
        self.assertEqual((self.ends(2), self.bodies()), ([ROLLBACK] * 2, []))

    def test_an_end_of_ones_own(self) -> None:
        with self.producer.transaction() as transaction:
            transaction.send("T", b"committed")
            transaction.commit()
            with self.assertRaisesRegex(ArgumentError, "it was committed"):
                transaction.rollback()
        with self.producer.transaction() as transaction:
            transaction.send("T", b"rolled back")
            transaction.rollback()
        with self.assertRaises(LookupError), self.producer.transaction() as transaction:
            transaction.send("T", b"committed, too")
            transaction.commit()
            raise LookupError
        transaction = self.producer.transaction()
        transaction.send("T", b"without a block")
        transaction.commit()
        self.cluster.wait(3, "T")
        self.assertEqual(self.ends(4), [COMMIT, ROLLBACK, COMMIT, COMMIT])
        self.assertEqual(self.bodies(), [b"committed", b"committed, too", b"without a block"])

    def test_one_without_a_message(self) -> None:
        with self.producer.transaction() as transaction:
            pass
        for end in (transaction.commit, transaction.rollback):
            with self.assertRaisesRegex(ArgumentError, "no message was sent"):
                end()
        transaction.send("T", b"late")
        transaction.commit()
        self.cluster.wait(1, "T")
        self.assertEqual(self.ends(1), [COMMIT])

    def test_what_is_refused(self) -> None:
        with self.producer.transaction() as transaction:
            cases: list[tuple[dict[str, Any], type[Exception], str]] = [
                ({"delay": timedelta(1)}, MessageError, "delay"),
                ({"properties": {"TRAN_MSG": "true"}}, MessageError, "TRAN_MSG"),
                ({"tag": "x"}, TypeError, "tag"),
                ({"timeout_ms": "1"}, TypeError, "timeout_ms"),
            ]
            for fields, error, text in cases:
                with self.subTest(fields=fields), self.assertRaisesRegex(error, text):
                    transaction.send("T", b"x", **fields)
            transaction.send("T", b"first")
            self.assertRaises(UnsupportedError, transaction.send, "T", b"second")
        self.cluster.wait(1, "T")
        self.assertEqual(self.bodies(), [b"first"])
        with Producer(self.cluster.url, group="without") as producer:
            self.assertRaises(ConfigError, producer.transaction)
        producer = Producer(self.cluster.url, group="g")
        producer.set_transaction_checker(unknown)
        self.assertRaises(NotStartedError, producer.transaction)
        producer.close()
        self.assertRaises(ClosedError, producer.transaction)

    def test_a_send_that_fails_can_be_repeated(self) -> None:
        producer = self.started(unknown, retry_times_when_send_failed="0")
        self.cluster.push_fault(MockFault.ANSWER, request_code=SEND, count=1, response_code=13, remark="no")
        with producer.transaction() as transaction:
            self.assertRaises(BrokerError, transaction.send, "T", b"x")
            transaction.send("T", b"again")
        self.cluster.wait(1, "T")
        self.assertEqual(self.bodies(), [b"again"])

    def test_what_is_not_safely_stored_cannot_be_committed(self) -> None:
        self.cluster.push_fault(MockFault.CHANGE_ANSWER, request_code=SEND, count=1, response_code=10)
        with self.assertRaises(ArgumentError), self.producer.transaction() as transaction:
            receipt = transaction.send("T", b"x")
            self.assertIs(receipt.send_status, SendStatus.FLUSH_DISK_TIMEOUT)
        self.assertEqual((self.ends(1), self.bodies()), ([ROLLBACK], []))

    def test_a_failed_commit_is_raised_and_a_failed_rollback_logged(self) -> None:
        with self.assertRaises(ClosedError), self.producer.transaction() as transaction:
            transaction.send("T", b"x")
            self.producer.close()
        producer = self.started(unknown)
        with self.assertLogs("mqproducer", "WARNING") as logs, self.assertRaises(LookupError):
            with producer.transaction() as transaction:
                transaction.send("T", b"x")
                producer.close()
                raise LookupError
        self.assertIn("the broker's check decides", logs.output[0])
        self.assertEqual(self.ends(0), [])

    def test_one_that_is_dropped_is_rolled_back(self) -> None:
        transaction = self.producer.transaction()
        transaction.send("T", b"x")
        with self.assertWarnsRegex(ResourceWarning, "had no end and is rolled back"):
            del transaction
            gc.collect()
        self.assertEqual((self.ends(1), self.bodies()), ([ROLLBACK], []))
        wait_until(lambda: len(self.hook.ends) == 1, "the hook is told")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            ended = self.producer.transaction()
            ended.send("T", b"x")
            ended.commit()
            del ended
            self.producer.transaction()
            gc.collect()

    def test_it_keeps_its_producer(self) -> None:
        def begin() -> Transaction:
            producer = Producer(self.cluster.url, group="g")
            producer.set_transaction_checker(unknown)
            producer.start()
            transaction = producer.transaction()
            transaction.send("T", b"x")
            return transaction

        with warnings.catch_warnings():
            # Nobody closes its producer: that is the test.
            warnings.simplefilter("ignore")
            transaction = begin()
            gc.collect()
            transaction.commit()
            self.cluster.wait(1, "T")
            del transaction
            gc.collect()

    def test_hooks_are_told(self) -> None:
        with self.producer.transaction() as transaction:
            receipt = transaction.send("T", b"x", tags="tag", keys="k1 k2")
        with self.producer.transaction() as transaction:
            transaction.send("T", b"y")
            transaction.rollback()
        first, second = self.hook.ends
        self.assertEqual((first.producer_group, first.namespace, first.topic), ("g", "", "T"))
        self.assertEqual((first.tags, first.keys), ("tag", "k1 k2"))
        self.assertEqual((first.message_id, first.broker_name), (receipt.message_id, receipt.broker_name))
        self.assertEqual(first.transaction_id, receipt.transaction_id)
        self.assertIn(":", first.broker_address)
        self.assertIs(first.state, TransactionState.COMMIT)
        self.assertIs(second.state, TransactionState.ROLLBACK)
        self.assertFalse(first.from_check or second.from_check)
        self.assertEqual(self.hook.threads, [threading.get_ident()] * 2)
        self.assertEqual(self.hook.types, [MessageType.HALF] * 2)

    def test_what_a_hook_raises(self) -> None:
        class Broken(SendHook):
            raised: BaseException = ValueError("of the hook")

            def end_transaction(self, context: EndTransactionContext) -> None:
                raise self.raised

        hook = Broken()
        producer = Producer(self.cluster.url, group="g")
        producer.set_transaction_checker(unknown)
        producer.add_hook(hook)
        with producer, self.assertLogs("mqproducer", "ERROR") as logs:
            with producer.transaction() as transaction:
                transaction.send("T", b"x")
            hook.raised = KeyboardInterrupt()
            with self.assertRaises(KeyboardInterrupt), producer.transaction() as transaction:
                transaction.send("T", b"y")
        self.assertIn("ValueError: of the hook", logs.output[0])
        self.cluster.wait(2, "T")
        self.assertEqual(self.bodies(), [b"x", b"y"])
        self.assertEqual(_callbacks._interrupts, {})


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
        self.assertEqual([each.fields["commitOrRollback"] for each in requests], [UNKNOWN] * 6 + [COMMIT])
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


class Recalls(unittest.TestCase):
    def setUp(self) -> None:
        self.cluster = MockCluster()
        self.addCleanup(self.cluster.close)
        self.producer = Producer(self.cluster.url, group="g")
        self.producer.start()
        self.addCleanup(self.producer.close)

    def recalled(self) -> tuple[Receipt, Receipt, timedelta]:
        """The receipts of a message that is recalled before it is due, however slow this machine is, and of the recall;
        its delay."""
        for seconds in (1, 4, 16, 64):
            delay = timedelta(seconds=seconds)
            sent = self.producer.send("T", b"x", delay=delay)
            try:
                return sent, self.producer.recall("T", sent.recall_handle, timeout_ms=5_000), delay
            except BrokerError:
                self.cluster.wait(1, "T")
                self.cluster.clear()
        raise AssertionError("no recall came in time")

    def test_a_message_that_is_not_due(self) -> None:
        sent, receipt, delay = self.recalled()
        self.assertEqual((receipt.message_id, receipt.topic), (sent.message_id, "T"))
        self.assertEqual((receipt.broker_name, receipt.queue_id), (sent.broker_name, -1))
        # What is due later comes, and it does not.
        later = self.producer.send("T", b"x", delay=delay)
        self.cluster.wait(1, "T", 120_000)
        self.assertEqual([message.message_id for message in self.cluster.messages("T")], [later.message_id])

    def test_what_cannot_be_recalled(self) -> None:
        due = self.producer.send("T", b"x", delay=timedelta(milliseconds=1))
        self.cluster.wait(1, "T")
        self.assertRaises(BrokerError, self.producer.recall, "T", due.recall_handle)
        self.assertEqual(self.producer.send("T", b"x").recall_handle, "")
        cases: list[tuple[Any, Any, Any, type[Exception], str]] = [
            ("T", "", None, ArgumentError, "handle"),
            ("T", "no handle", None, ArgumentError, "handle"),
            ("U", due.recall_handle, None, ArgumentError, "topic"),
            ("T", None, None, TypeError, "recall_handle must be str"),
            (b"T", "x", None, TypeError, "topic must be str"),
            ("T", "x", 1.5, TypeError, "timeout_ms must be int"),
        ]
        for topic, handle, timeout_ms, error, text in cases:
            with self.subTest(topic=topic, handle=handle), self.assertRaisesRegex(error, text):
                self.producer.recall(topic, handle, timeout_ms=timeout_ms)
