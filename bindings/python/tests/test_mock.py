"""The embedded cluster."""

from __future__ import annotations

import copy
import threading
import unittest

from mqproducer import ArgumentError, MockCluster, MqTimeoutError

from .support import Producer


class Mock(unittest.TestCase):
    def test_messages_counts_and_clear(self) -> None:
        with MockCluster(brokers=2, queues=3) as cluster, Producer(cluster.url, group="g") as producer:
            for n in range(7):
                producer.send("A" if n % 2 else "B", str(n).encode())
            self.assertEqual(
                (cluster.message_count(), cluster.message_count("A"), cluster.message_count("C")), (7, 3, 0)
            )
            self.assertEqual({message.body for message in cluster.messages("A")}, {b"1", b"3", b"5"})
            self.assertEqual({message.body for message in cluster.messages()}, {str(n).encode() for n in range(7)})
            places = [(m.topic, m.broker_name, m.queue_id, m.queue_offset) for m in cluster.messages()]
            self.assertEqual(places, sorted(set(places)))
            self.assertLessEqual({message.queue_id for message in cluster.messages()}, {0, 1, 2})
            message = cluster.messages()[0]
            self.assertEqual(copy.copy(message), message)
            cluster.clear()
            self.assertEqual((cluster.message_count(), cluster.messages()), (0, []))

    def test_a_name_is_shared_and_no_name_is_not(self) -> None:
        with MockCluster("python-shared") as first, MockCluster("python-shared") as second, MockCluster() as other:
            self.assertEqual(first.url, second.url)
            self.assertNotEqual(first.url, other.url)
            with Producer("mock://python-shared", group="g") as producer:
                producer.send("T", b"x")
            self.assertEqual((second.message_count(), other.message_count()), (1, 0))

    def test_wait(self) -> None:
        with MockCluster() as cluster, Producer(cluster.url, group="g") as producer:
            waiter = threading.Thread(target=cluster.wait, args=(3, "T", 20_000))
            waiter.start()
            for _ in range(3):
                producer.send_oneway("T", b"x")
            waiter.join(20)
            self.assertFalse(waiter.is_alive())
            self.assertEqual(cluster.message_count("T"), 3)
            self.assertRaises(MqTimeoutError, cluster.wait, 4, "T", 10)
            self.assertRaisesRegex(ValueError, "count is -1", cluster.wait, -1)

    def test_after_close(self) -> None:
        cluster = MockCluster()
        cluster.close()
        cluster.close()
        for call in (cluster.messages, cluster.message_count, cluster.clear, lambda: cluster.wait(0)):
            self.assertRaisesRegex(ValueError, "closed", call)

    def test_closing_under_a_waiting_call(self) -> None:
        cluster = MockCluster()
        waiting = threading.Event()
        outcomes: list[BaseException] = []

        def wait() -> None:
            waiting.set()
            try:
                cluster.wait(1, timeout_ms=300)
            except (MqTimeoutError, ValueError) as outcome:
                outcomes.append(outcome)

        thread = threading.Thread(target=wait)
        thread.start()
        waiting.wait(20)
        cluster.close()
        thread.join(20)
        self.assertEqual(len(outcomes), 1)

    def test_sizes(self) -> None:
        self.assertRaisesRegex(ArgumentError, "65.*64", MockCluster, brokers=65)
        self.assertRaisesRegex(ArgumentError, "1025.*1024", MockCluster, queues=1025)
        self.assertRaisesRegex(ValueError, "brokers is 0", MockCluster, brokers=0)
        self.assertRaisesRegex(ValueError, "queues is -1", MockCluster, queues=-1)
        self.assertRaisesRegex(TypeError, "name must be str", MockCluster, b"name")
