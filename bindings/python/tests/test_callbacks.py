"""The way back: exactly one end for each accepted message, whatever the callbacks do."""

from __future__ import annotations

import gc
import threading
import time
import unittest
import warnings
from collections import Counter
from typing import Optional

from mqproducer import (
    ClosedError,
    Message,
    MockCluster,
    MqError,
    MqTimeoutError,
    Receipt,
    WouldDeadlockError,
    _callbacks,
)

from .support import FaultyServer, Producer, wait_until


class Callbacks(unittest.TestCase):
    def tearDown(self) -> None:
        wait_until(lambda: not _callbacks._pending, "no entry is left in the table")

    def test_exceptions_are_logged_and_lose_nothing(self) -> None:
        ends = []

        def callback(receipt: Optional[Receipt], error: Optional[MqError]) -> None:
            ends.append(receipt)
            raise (ValueError if len(ends) % 2 else SystemExit)("from a callback")

        with MockCluster() as cluster, Producer(cluster.url, group="g") as producer:
            with self.assertLogs("mqproducer", "ERROR") as logs:
                for _ in range(10):
                    producer.send_async(Message("T", b"x"), callback)
                producer.flush()
            self.assertEqual(cluster.message_count(), 10)
        self.assertEqual(len(ends), 10)
        self.assertEqual(len(logs.records), 10)
        self.assertIn("ValueError: from a callback", logs.output[0])

    def test_one_end_for_each_of_many_threads(self) -> None:
        threads, each = 8, 250
        ends: Counter[tuple[int, int]] = Counter()
        lock = threading.Lock()
        refused = []

        def work(thread: int) -> None:
            for n in range(each):

                def end(
                    receipt: Optional[Receipt], error: Optional[MqError], key: tuple[int, int] = (thread, n)
                ) -> None:
                    with lock:
                        ends[key] += 1
                    if error is not None:
                        refused.append(error)

                producer.send_async(Message("T", f"{thread}/{n}".encode()), end)

        with MockCluster() as cluster, Producer(cluster.url, group="g", send_msg_timeout=60_000) as producer:
            workers = [threading.Thread(target=work, args=(n,)) for n in range(threads)]
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()
            producer.flush(60_000)
            bodies = {message.body for message in cluster.messages()}
        self.assertEqual(refused, [])
        self.assertEqual(ends, {(thread, n): 1 for thread in range(threads) for n in range(each)})
        self.assertEqual(bodies, {f"{thread}/{n}".encode() for thread in range(threads) for n in range(each)})

    def test_one_end_for_each_at_close_with_messages_in_flight(self) -> None:
        ends: Counter[int] = Counter()
        errors = []
        with FaultyServer() as server:
            producer = Producer(server.url, group="g", send_msg_timeout=60_000)
            producer.start()
            for n in range(100):

                def end(receipt: Optional[Receipt], error: Optional[MqError], n: int = n) -> None:
                    ends[n] += 1
                    errors.append(error)

                producer.send_async(Message("T", b"x"), end)
            self.assertRaises(MqTimeoutError, producer.close, 0)
            wait_until(lambda: len(errors) == 100, "every end is told")
        self.assertEqual(ends, {n: 1 for n in range(100)})
        self.assertEqual({type(error) for error in errors}, {ClosedError})

    def test_a_refused_message_takes_no_callback(self) -> None:
        producer = Producer("mock://", group="g")
        self.assertRaises(MqError, producer.send_async, Message("T", b"x"), self.fail)
        self.assertEqual(_callbacks._pending, {})

    def test_blocking_calls_in_a_callback_are_refused_and_others_are_not(self) -> None:
        outcomes: list[object] = []

        def callback(receipt: Optional[Receipt], error: Optional[MqError]) -> None:
            for call in (lambda: producer.send("T", b"x"), producer.flush, producer.close):
                try:
                    outcomes.append(call())
                except MqError as refused:
                    outcomes.append(type(refused))
            producer.send_async(Message("T", b"second"), lambda receipt, error: outcomes.append(receipt))

        with MockCluster() as cluster, Producer(cluster.url, group="g") as producer:
            producer.send_async(Message("T", b"first"), callback)
            wait_until(lambda: len(outcomes) == 4, "the second message ends")
            self.assertEqual(cluster.message_count(), 2)
        self.assertEqual(outcomes[:3], [WouldDeadlockError] * 3)
        self.assertIsInstance(outcomes[3], Receipt)

    def test_a_producer_in_use_is_not_collected(self) -> None:
        ends: list[Optional[MqError]] = []
        with FaultyServer() as server:
            producer = Producer(server.url, group="g", send_msg_timeout=500)
            producer.start()
            producer.send_async(Message("T", b"x"), lambda receipt, error: ends.append(error))
            with warnings.catch_warnings():
                # Nobody closes it: that is the test.
                warnings.simplefilter("ignore")
                del producer
                gc.collect()
                wait_until(lambda: bool(ends), "the message ends")
                wait_until(lambda: not _callbacks._pending, "the entry is dropped")
        self.assertIsInstance(ends[0], MqTimeoutError)

    def test_a_slow_callback_leaves_the_interpreter_to_others(self) -> None:
        go_on = threading.Event()
        with MockCluster() as cluster, Producer(cluster.url, group="g") as producer:
            producer.send_async(Message("T", b"x"), lambda receipt, error: go_on.wait(20))
            begin = time.monotonic()
            self.assertRaises(MqTimeoutError, producer.flush, 50)
            producer.send("T", b"x")
            self.assertLess(time.monotonic() - begin, 10)
            go_on.set()
            producer.flush()
