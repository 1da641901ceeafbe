"""Recalling timer messages."""

from __future__ import annotations

import unittest
from datetime import timedelta
from typing import Any

from mqproducer import ArgumentError, BrokerError, MockCluster, Receipt

from .support import Producer


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
