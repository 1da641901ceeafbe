"""Which queue a message goes to, and what bad choices come to."""

from __future__ import annotations

import contextlib
import gc
import pickle
import threading
import unittest
from typing import Any

from mqproducer import (
    ArgumentError,
    BrokerError,
    ConsistentHash,
    Hash,
    MachineRoom,
    Message,
    MessageQueue,
    MockCluster,
    NoRouteError,
    Queue,
    Random,
    Receipt,
    Selector,
    selector,
)

from .support import FaultyServer, Producer, wait_until


def place(receipt: Receipt) -> tuple[str, int]:
    return receipt.broker_name, receipt.queue_id


class Selectors(unittest.TestCase):
    def setUp(self) -> None:
        self.cluster = MockCluster(brokers=2, queues=4)
        self.addCleanup(self.cluster.close)
        self.producer = Producer(self.cluster.url, group="g")
        self.producer.start()
        self.addCleanup(self.producer.close)

    def tearDown(self) -> None:
        self.assertEqual(selector._choices, {})

    def test_a_sharding_key_is_the_java_clients_hash(self) -> None:
        # "x".hashCode() is 120, "y"'s 121.
        self.assertEqual(place(self.producer.send("T", b"b", sharding_key="x")), ("broker-a", 0))
        self.assertEqual(place(self.producer.send("T", b"b", selector=Hash("y"))), ("broker-a", 1))
        self.assertEqual(place(self.producer.send_oneway("T", b"b", sharding_key="y")), ("broker-a", 1))
        self.assertEqual(place(self.producer.send_future("T", b"b", sharding_key="y").result(10)), ("broker-a", 1))

    def test_a_consistent_hash_keeps_a_key_on_its_queue(self) -> None:
        keys = [ConsistentHash(f"key-{n}") for n in range(20)]
        places = [{place(self.producer.send("T", b"b", selector=key)) for _ in range(5)} for key in keys]
        self.assertEqual({len(each) for each in places}, {1})
        self.assertGreater(len(set.union(*places)), 1)

    def test_random_is_not_one_after_the_other(self) -> None:
        places = [place(self.producer.send("T", b"b", selector=Random())) for _ in range(80)]
        self.assertGreater(len(set(places)), 1)
        self.assertNotEqual(places, places[:8] * 10)

    def test_a_queue(self) -> None:
        self.assertEqual(place(self.producer.send("T", b"b", selector=Queue("broker-b", 3))), ("broker-b", 3))
        with self.assertRaisesRegex(ArgumentError, "queue 4 of broker `broker-b` is no writable queue"):
            self.producer.send("T", b"b", selector=Queue("broker-b", 4))

    def test_machine_rooms(self) -> None:
        with FaultyServer((13, "no"), broker="bj@one") as server, Producer(server.url, group="g") as producer:
            self.assertRaises(BrokerError, producer.send, "T", b"b", selector=MachineRoom(["sh", "bj"]))
            self.assertGreater(server.sends, 0)
            with self.assertRaisesRegex(NoRouteError, r"in a room of \[sh, gz\]"):
                producer.send("T", b"b", selector=MachineRoom(("sh", "gz")))

    def test_a_function_sees_all_queues_once_on_the_senders_thread(self) -> None:
        seen: list[tuple[list[MessageQueue], int]] = []

        def last(queues: list[MessageQueue]) -> int:
            seen.append((queues, threading.get_ident()))
            gc.collect()
            return len(queues) - 1

        self.assertEqual(place(self.producer.send("T", b"b", selector=last)), ("broker-b", 3))
        self.assertEqual(place(self.producer.send_oneway("T", b"b", selector=last)), ("broker-b", 3))
        self.assertEqual(place(self.producer.send_future("T", b"b", selector=last).result(10)), ("broker-b", 3))
        queues = [MessageQueue(broker, n) for broker in ("broker-a", "broker-b") for n in range(4)]
        self.assertEqual(seen, [(queues, threading.get_ident())] * 3)

    def test_functions_of_many_threads_are_not_mixed_up(self) -> None:
        wrong = []

        def work(index: int) -> None:
            for _ in range(100):
                receipt = self.producer.send("T", b"b", selector=lambda queues: index)
                if place(receipt) != (("broker-a", "broker-b")[index // 4], index % 4):
                    wrong.append((index, receipt))

        workers = [threading.Thread(target=work, args=(index,)) for index in range(8)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        self.assertEqual(wrong, [])
        self.assertEqual(self.cluster.message_count("T"), 800)

    def test_a_function_may_send(self) -> None:
        def choose(queues: list[MessageQueue]) -> int:
            return self.producer.send("T", b"inner", selector=lambda _: 2).queue_id

        self.assertEqual(place(self.producer.send("T", b"outer", selector=choose)), ("broker-a", 2))

    def test_what_a_function_raises_is_raised_by_the_send(self) -> None:
        for kind in (LookupError, KeyboardInterrupt):

            def fail(queues: list[MessageQueue], kind: type[BaseException] = kind) -> int:
                raise kind("of the selector")

            with self.assertRaisesRegex(kind, "of the selector"):
                self.producer.send("T", b"b", selector=fail)
            with self.assertRaisesRegex(kind, "of the selector"):
                self.producer.send_future("T", b"b", selector=fail)
        self.producer.flush()
        self.assertEqual(self.cluster.message_count(), 0)

    def test_a_function_that_raises_leaves_nothing_for_the_garbage_collector(self) -> None:
        class Own(Exception):
            pass

        def fail(queues: list[MessageQueue]) -> int:
            raise Own

        gc.collect()
        gc.disable()
        self.addCleanup(gc.enable)
        for _ in range(10):
            with contextlib.suppress(Own):
                self.producer.send("T", b"b", selector=fail)
        self.assertFalse([each for each in gc.get_objects() if isinstance(each, Own)])

    def test_an_index_of_no_queue(self) -> None:
        with self.assertRaisesRegex(ArgumentError, "returned the index 8; topic `T` has 8 queues"):
            self.producer.send("T", b"b", selector=lambda queues: 8)
        for index in (-1, 1 << 64):
            with self.assertRaisesRegex(ValueError, f"returned the index {index}; the range is 0 to 7"):
                self.producer.send("T", b"b", selector=lambda queues, index=index: index)
        with self.assertRaises(TypeError):
            self.producer.send("T", b"b", selector=lambda queues: None)  # type: ignore[arg-type]
        self.assertEqual(self.cluster.message_count(), 0)

    def test_bad_selectors_are_named(self) -> None:
        cases: list[tuple[Any, type[Exception], str]] = [
            (Hash(""), ArgumentError, "sharding key is empty"),
            (ConsistentHash(""), ArgumentError, "sharding key is empty"),
            (MachineRoom([]), ArgumentError, "names no room"),
            (MachineRoom(["bj,sh"]), ValueError, "'bj,sh' holds a comma"),
            (MachineRoom("bj"), TypeError, "not one str"),
            (MachineRoom([b"bj"]), TypeError, "not bytes"),  # type: ignore[list-item]
            (Queue("broker-a", -1), ValueError, "queue_id is -1"),
            (Queue("broker-a", 1 << 31), ValueError, "queue_id is 2147483648"),
            (Queue("broker-a", True), TypeError, "queue_id must be int"),
            (Hash(5), TypeError, "sharding_key must be str"),  # type: ignore[arg-type]
            (Hash, TypeError, "selector must be"),
            ("x", TypeError, "selector must be"),
        ]
        for bad, error, text in cases:
            with self.subTest(selector=bad), self.assertRaisesRegex(error, text):
                self.producer.send("T", b"b", selector=bad)
            with self.subTest(selector=bad), self.assertRaisesRegex(error, text):
                self.producer.send_async(Message("T", b"b"), lambda receipt, error: None, selector=bad)
        with self.assertRaisesRegex(TypeError, "give one of them"):
            self.producer.send("T", b"b", selector=Random(), sharding_key="x")

    def test_they_are_values(self) -> None:
        values: list[Selector] = [Random(), Hash("a"), ConsistentHash("a"), MachineRoom(("a", "b")), Queue("a", 1)]
        self.assertEqual(pickle.loads(pickle.dumps(values)), values)
        self.assertEqual(len(set(values)), len(values))


class Closed(unittest.TestCase):
    def test_a_function_that_was_not_called_is_let_go(self) -> None:
        producer = Producer("mock://", group="g")
        for call in (producer.send, producer.send_oneway, producer.send_future):
            with self.assertRaisesRegex(Exception, "start"):
                call("T", b"b", selector=lambda queues: self.fail())
        wait_until(lambda: not selector._choices, "no entry is left in the table")
