"""What tests script with the embedded cluster."""

from __future__ import annotations

import pickle
import threading
import unittest
from typing import Any

from mqproducer import (
    ArgumentError,
    BrokerError,
    ConnectionLostError,
    MockCluster,
    MockFault,
    MqTimeoutError,
    NoNameServerError,
    Queue,
    SendStatus,
)

from .support import Producer

SEND = 310
ROUTE = 105


class Script(unittest.TestCase):
    def setUp(self) -> None:
        self.cluster = MockCluster(brokers=2)
        self.addCleanup(self.cluster.close)
        self.producer = Producer(self.cluster.url, group="g", retry_times_when_send_failed=0)
        self.producer.start()
        self.addCleanup(self.producer.close)

    def test_an_answer_once_for_one_broker(self) -> None:
        self.cluster.push_fault(
            MockFault.ANSWER, broker="broker-b", request_code=SEND, count=1, response_code=13, remark="too é"
        )
        self.producer.send("T", b"x", selector=Queue("broker-a", 0))
        with self.assertRaises(BrokerError) as raised:
            self.producer.send("T", b"x", selector=Queue("broker-b", 0))
        self.assertEqual((raised.exception.broker_code, raised.exception.remark), (13, "too é"))
        self.producer.send("T", b"x", selector=Queue("broker-b", 0))
        self.assertEqual(self.cluster.message_count("T"), 2)

    def test_a_changed_answer(self) -> None:
        self.cluster.push_fault(MockFault.CHANGE_ANSWER, request_code=SEND, response_code=10)
        self.assertIs(self.producer.send("T", b"x").send_status, SendStatus.FLUSH_DISK_TIMEOUT)
        self.cluster.clear_faults()
        self.assertIs(self.producer.send("T", b"x").send_status, SendStatus.SEND_OK)

    def test_answers_that_do_not_come(self) -> None:
        self.producer.send("T", b"x")
        for fault, stored in ((MockFault.DROP, 0), (MockFault.LOSE_ANSWER, 1), (MockFault.STOP_READING, 0)):
            with self.subTest(fault=fault):
                self.cluster.clear()
                self.cluster.push_fault(fault, request_code=SEND, count=1)
                self.assertRaises(MqTimeoutError, self.producer.send, "T", b"x", timeout_ms=200)
                self.assertEqual(self.cluster.message_count("T"), stored)
        self.cluster.clear_faults()
        # The request that waited in the stopped server is executed now.
        self.cluster.wait(1, "T")

    def test_connections_that_end(self) -> None:
        self.producer.send("T", b"x")
        for fault, stored in ((MockFault.CLOSE_BEFORE, 0), (MockFault.CLOSE_AFTER, 1), (MockFault.HALF_ANSWER, 1)):
            with self.subTest(fault=fault):
                self.cluster.clear()
                self.cluster.push_fault(fault, request_code=SEND, count=1)
                self.assertRaises(ConnectionLostError, self.producer.send, "T", b"x")
                self.assertEqual(self.cluster.message_count("T"), stored)

    def test_faults_are_checked(self) -> None:
        cases: list[tuple[Any, dict[str, Any], type[Exception], str]] = [
            (99, {}, ArgumentError, "99"),
            (MockFault.NONE, {}, ArgumentError, "action"),
            ("drop", {}, TypeError, "action must be MockFault, not str"),
            (MockFault.DROP, {"broker": "broker-z"}, ArgumentError, "broker-z"),
            (MockFault.DROP, {"broker": 0}, TypeError, "broker must be str"),
            (MockFault.DROP, {"delay_ms": 5}, ArgumentError, "delay"),
            (MockFault.DELAY, {"delay_ms": 3_600_001}, ArgumentError, "3600000"),
            (MockFault.DELAY, {"delay_ms": -1}, ValueError, "delay_ms is -1"),
            (MockFault.DROP, {"count": -1}, ValueError, "count is -1"),
            (MockFault.DROP, {"request_code": 1 << 31}, ValueError, "request_code is 2147483648"),
            (MockFault.GARBAGE, {"data": "text"}, TypeError, "data must be bytes"),
            (MockFault.DROP, {"data": b"x"}, ArgumentError, "bytes"),
        ]
        for action, fields, error, text in cases:
            with self.subTest(action=action, fields=fields), self.assertRaisesRegex(error, text):
                self.cluster.push_fault(action, **fields)
        self.producer.send("T", b"x")

    def test_brokers_go_and_come_back(self) -> None:
        self.producer.send("T", b"x", selector=Queue("broker-b", 0))
        self.cluster.set_broker("broker-b", running=False)
        with self.assertRaises(ConnectionError):
            self.producer.send("T", b"x", selector=Queue("broker-b", 0))
        self.cluster.set_broker("1")
        self.producer.send("T", b"y", selector=Queue("broker-b", 0), timeout_ms=20_000)
        self.cluster.set_broker("broker-b", in_route=False)
        with Producer(self.cluster.url, group="g") as producer:
            brokers = {producer.send("T", b"x").broker_name for _ in range(8)}
        self.assertEqual(brokers, {"broker-a"})
        self.assertEqual({m.body for m in self.cluster.messages("T") if m.broker_name == "broker-b"}, {b"x", b"y"})
        self.cluster.set_broker("name-server", running=False)
        with Producer(self.cluster.url, group="g") as producer:
            self.assertRaises(NoNameServerError, producer.send, "T", b"x")
        for broker, error in (("broker-z", ArgumentError), (1, TypeError)):
            with self.assertRaises(error):
                self.cluster.set_broker(broker)  # type: ignore[arg-type]
        self.assertRaises(ArgumentError, self.cluster.set_broker, "name-server", in_route=False)

    def test_the_requests_that_came(self) -> None:
        self.cluster.push_fault(MockFault.DROP, request_code=SEND, count=1)
        self.assertRaises(MqTimeoutError, self.producer.send, "T", b"a\0b", timeout_ms=200)
        self.producer.send_oneway("T", b"second")
        self.cluster.wait_requests(2, request_code=SEND)
        requests = self.cluster.requests(request_code=SEND)
        self.assertEqual(requests.dropped, 0)
        first, second = requests
        self.assertEqual((first.body, first.fault, first.oneway), (b"a\0b", MockFault.DROP, False))
        self.assertEqual((second.body, second.fault, second.oneway), (b"second", MockFault.NONE, True))
        self.assertIs(first.fault, MockFault.DROP)
        self.assertEqual((first.fields["b"], first.code), ("T", SEND))
        self.assertGreaterEqual(first.opaque, 0)
        self.assertGreater(first.timestamp, 1_600_000_000_000)
        self.assertEqual(self.cluster.requests(first.broker_name, SEND)[0], first)
        self.assertEqual(pickle.loads(pickle.dumps(first)), first)
        self.assertEqual({each.broker_name for each in self.cluster.requests(request_code=ROUTE)}, {"name-server"})
        self.cluster.clear_requests()
        self.assertEqual(self.cluster.requests(request_code=SEND), [])

    def test_waiting_for_requests(self) -> None:
        waiter = threading.Thread(target=self.cluster.wait_requests, args=(3,), kwargs={"request_code": SEND})
        waiter.start()
        for _ in range(3):
            self.producer.send("T", b"x")
        waiter.join(20)
        self.assertFalse(waiter.is_alive())
        self.assertRaises(MqTimeoutError, self.cluster.wait_requests, 4, request_code=SEND, timeout_ms=10)
        self.assertRaises(ArgumentError, self.cluster.wait_requests, 1, "broker-z")
        self.assertRaises(ValueError, self.cluster.wait_requests, -1)
        self.assertRaises(ArgumentError, self.cluster.requests, "broker-z")

    def test_after_close(self) -> None:
        cluster = MockCluster()
        cluster.close()
        for call in (
            cluster.clear_faults,
            cluster.requests,
            cluster.clear_requests,
            lambda: cluster.push_fault(MockFault.DROP),
            lambda: cluster.set_broker("broker-a"),
            lambda: cluster.wait_requests(0),
            lambda: cluster.echo("T"),
        ):
            self.assertRaisesRegex(ValueError, "closed", call)
