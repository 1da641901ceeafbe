"""Transactions: their ends, what is refused, what hooks are told."""

from __future__ import annotations

import gc
import threading
import unittest
import warnings
from datetime import timedelta
from typing import Any, Callable

from mqproducer import (
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
    NotStartedError,
    ReceivedMessage,
    SendHook,
    SendStatus,
    Transaction,
    TransactionState,
    UnsupportedError,
    _callbacks,
)

from .support import Producer, wait_until
from .transactions import COMMIT, END_TRANSACTION, ROLLBACK, SEND, Recorder, unknown


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
        self.assertEqual(_callbacks.interrupts, {})
