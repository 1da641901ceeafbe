"""What a producer counts."""

from __future__ import annotations

import gc
import pickle
import threading
import unittest
import weakref
from typing import Any

from mqproducer import (
    AlreadyStartedError,
    BrokerError,
    ClosedError,
    ConfigError,
    Message,
    MessageError,
    MockCluster,
    MockFault,
    MqError,
    Statistics,
    WouldDeadlockError,
    _callbacks,
)

from .support import Producer, wait_until


class Counted(unittest.TestCase):
    def setUp(self) -> None:
        self.cluster = MockCluster()
        self.addCleanup(self.cluster.close)

    def test_what_was_sent(self) -> None:
        producer = Producer(self.cluster.url, group="counted", retry_times_when_send_failed=0)
        self.assertEqual(producer.statistics().values["accepted_messages_total"], 0)
        with producer:
            producer.send("T", b"abc")
            producer.send_future("T", b"abcd").result(20)
            producer.send_batch([Message("T", b"x"), Message("T", b"y")])
            producer.send_oneway("T", b"oneway")
            self.assertRaises(MessageError, producer.send, "T", b"")
            self.cluster.wait(5, "T")
            self.cluster.push_fault(MockFault.ANSWER, request_code=310, count=1, response_code=13)
            self.assertRaises(BrokerError, producer.send, "T", b"failed")
            producer.flush()
        statistics = producer.statistics()
        values = statistics.values
        self.assertEqual(values["producer_group"], "counted")
        self.assertEqual((values["acknowledged_messages_total"], values["acknowledged_bytes_total"]), (4, 9))
        self.assertEqual((values["oneway_messages_total"], values["batches_total"]), (1, 1))
        self.assertEqual((values["accepted_messages_total"], values["in_flight_messages"]), (6, 0))
        self.assertEqual(values["failed_messages_total"], [{"cause": "BROKER", "code": "13", "value": 1}])
        self.assertEqual([each["cause"] for each in values["refused_sends_total"]], ["INVALID_MESSAGE"])
        self.assertEqual([each["count"] for each in values["answer_seconds"]], [4])
        labels = f'producer_group="counted",client_id="{values["client_id"]}"'
        self.assertIn(f"mqproducer_accepted_messages_total{{{labels}}} 6\n", statistics.prometheus)
        self.assertEqual(pickle.loads(pickle.dumps(statistics)), statistics)

    def test_they_are_told_again_and_again(self) -> None:
        told: list[Statistics] = []
        threads: set[int] = set()
        refused: list[MqError] = []

        def tell(statistics: Statistics) -> None:
            told.append(statistics)
            threads.add(threading.get_ident())
            try:
                producer.flush()
            except MqError as error:
                refused.append(error)

        producer = Producer(self.cluster.url, group="g", statistics_interval=10)
        producer.set_statistics_callback(tell)
        with producer:
            producer.send("T", b"x")
            wait_until(
                lambda: len(told) > 2 and told[-1].values["acknowledged_messages_total"] == 1, "the message is told of"
            )
        counts = [each.values["accepted_messages_total"] for each in told]
        self.assertEqual(counts, sorted(counts))
        self.assertEqual({type(error) for error in refused}, {WouldDeadlockError})
        self.assertEqual(len(threads), 1)
        self.assertNotIn(threading.get_ident(), threads)

    def test_a_callback_that_raises_is_called_again(self) -> None:
        calls: list[Statistics] = []

        def fail(statistics: Statistics) -> None:
            calls.append(statistics)
            raise (ValueError if len(calls) % 2 else SystemExit)("from the callback")

        producer = Producer(self.cluster.url, group="g", statistics_interval=10)
        producer.set_statistics_callback(fail)
        with self.assertLogs("mqproducer", "ERROR") as logs, producer:
            wait_until(lambda: len(calls) >= 3, "it is called three times")
        self.assertEqual(len(logs.output), len(calls))
        self.assertIn("ValueError: from the callback", logs.output[0])
        self.assertIn("SystemExit: from the callback", logs.output[1])

    def test_without_an_interval_nobody_is_told(self) -> None:
        told: list[Statistics] = []
        producer = Producer(self.cluster.url, group="g")
        producer.set_statistics_callback(told.append)
        with producer:
            producer.send("T", b"x")
        self.assertEqual(told, [])
        self.assertRaises(ConfigError, Producer, self.cluster.url, group="g", statistics_interval=-1)

    def test_only_before_the_start(self) -> None:
        producer = Producer(self.cluster.url, group="g")
        for wrong in (None, 5, "print"):
            with self.assertRaisesRegex(TypeError, "callback must be callable"):
                producer.set_statistics_callback(wrong)  # type: ignore[arg-type]
        producer.start()
        self.assertRaises(AlreadyStartedError, producer.set_statistics_callback, print)
        producer.close()
        self.assertRaises(ClosedError, producer.set_statistics_callback, print)
        self.assertFalse([entry for entry in list(_callbacks._kept.values()) if entry.call is print])

    def test_it_lives_until_the_close_or_until_it_is_replaced(self) -> None:
        class Sink:
            def __init__(self) -> None:
                self.told: list[Any] = []

            def __call__(self, statistics: Statistics) -> None:
                self.told.append(statistics)

        first, second = Sink(), Sink()
        alive = weakref.ref(first), weakref.ref(second)
        told = second.told
        producer = Producer(self.cluster.url, group="g", statistics_interval=10)
        producer.set_statistics_callback(first)
        producer.set_statistics_callback(second)
        self.assertEqual(first.told, [])
        del first, second
        wait_until(lambda: alive[0]() is None, "the first is given back")
        with producer:
            gc.collect()
            wait_until(lambda: bool(told), "the second is told")
            self.assertIsNotNone(alive[1]())
        wait_until(lambda: alive[1]() is None, "the second is given back")
