"""The producer's modes, its life, and its errors."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import gc
import pickle
import time
import unittest
import warnings
from concurrent.futures import Future
from typing import Callable, Optional
from unittest.mock import patch

from mqproducer import (
    AlreadyStartedError,
    BrokerError,
    ClosedError,
    ConnectionLostError,
    Message,
    MockCluster,
    MqError,
    MqTimeoutError,
    NoNameServerError,
    NoRouteError,
    NotStartedError,
    ProtocolError,
    Receipt,
    SendStatus,
    _exit,
    _send,
)

from .support import FaultyServer, Producer, frame, refused_address


class Modes(unittest.TestCase):
    def setUp(self) -> None:
        self.cluster = MockCluster(brokers=2)
        self.addCleanup(self.cluster.close)
        self.producer = Producer(self.cluster.url, group="g")
        self.producer.start()
        self.addCleanup(self.producer.close)

    def test_send(self) -> None:
        receipt = self.producer.send("T", b"x", timeout_ms=5000)
        self.assertIs(receipt.send_status, SendStatus.SEND_OK)
        self.assertEqual(len(receipt.message_id), 32)
        self.assertEqual((receipt.topic, receipt.queue_offset, receipt.attempts), ("T", 0, 1))
        self.assertTrue(receipt.offset_message_id and receipt.broker_name)
        self.assertEqual(pickle.loads(pickle.dumps(receipt)), receipt)

    def test_receipts_stay_what_they_were(self) -> None:
        """Texts are read when they are asked for, long after the memory that they came in was used again."""
        receipts = [self.producer.send(f"T{n % 3}", b"%d" % n, tags=f"a{n}") for n in range(6)]
        stored = {message.message_id: message for message in self.cluster.messages()}
        for n, receipt in enumerate(receipts):
            message = stored[receipt.message_id]
            self.assertEqual((message.topic, message.body, message.tags), (f"T{n % 3}", b"%d" % n, f"a{n}"))
            self.assertEqual((receipt.topic, receipt.broker_name), (message.topic, message.broker_name))
            self.assertEqual(receipt.offset_message_id, message.offset_message_id)
            self.assertEqual((receipt.queue_id, receipt.queue_offset), (message.queue_id, message.queue_offset))
            self.assertEqual((receipt.attempts, receipt.earlier), (1, ()))

    def test_receipts_are_values(self) -> None:
        receipt = self.producer.send("T", b"x")
        for same in (pickle.loads(pickle.dumps(receipt)), copy.deepcopy(receipt), dataclasses.replace(receipt)):
            self.assertEqual((same, hash(same), repr(same)), (receipt, hash(receipt), repr(receipt)))
        self.assertEqual(dataclasses.asdict(receipt)["message_id"], receipt.message_id)
        self.assertNotEqual(dataclasses.replace(receipt, topic="U"), receipt)
        for change in (lambda: setattr(receipt, "topic", "U"), lambda: delattr(receipt, "topic")):
            self.assertRaises(dataclasses.FrozenInstanceError, change)

    def test_a_receipt_that_needs_more_room(self) -> None:
        with patch.object(_send, "_TEXTS", 8), patch.object(_send, "_memories", []):
            for _ in range(2):
                receipt = self.producer.send("T", b"x")
                self.assertIn(receipt.message_id, {message.message_id for message in self.cluster.messages("T")})
                self.assertEqual((receipt.topic, receipt.attempts, receipt.earlier), ("T", 1, ()))

    def test_sends_after_one_that_failed(self) -> None:
        """A failed send leaves nothing behind for the next one on this thread."""
        self.assertRaises(MqError, self.producer.send, "T", b"")
        self.assertRaises(TypeError, self.producer.send, "T", b"x", tags=["a"])
        self.assertRaises(TypeError, self.producer.send, "T", b"x", timeout_ms="1")
        receipt = self.producer.send("T", b"y", tags="a")
        self.assertEqual([message.message_id for message in self.cluster.messages("T")], [receipt.message_id])

    def test_send_oneway(self) -> None:
        receipt = self.producer.send_oneway("T", b"x")
        self.assertIs(receipt.send_status, SendStatus.ONEWAY)
        self.assertEqual((receipt.queue_offset, receipt.offset_message_id), (-1, ""))
        self.cluster.wait(1, "T")
        self.assertEqual(self.cluster.messages("T")[0].message_id, receipt.message_id)

    def test_send_async(self) -> None:
        ends: list[tuple[Optional[Receipt], Optional[MqError]]] = []
        self.producer.send_async(Message("T", b"x"), lambda receipt, error: ends.append((receipt, error)))
        self.producer.flush()
        ((receipt, error),) = ends
        self.assertIsInstance(receipt, Receipt)
        self.assertIsNone(error)

    def test_send_future(self) -> None:
        futures: list[Future[Receipt]] = [self.producer.send_future("T", b"x", tags=f"t{n}") for n in range(20)]
        self.assertFalse(futures[0].cancel())
        ids = {future.result(10).message_id for future in futures}
        self.assertEqual(ids, {message.message_id for message in self.cluster.messages("T")})
        self.assertEqual(len(ids), 20)

    def test_a_future_in_asyncio(self) -> None:
        async def send() -> Receipt:
            return await asyncio.wrap_future(self.producer.send_future("T", b"x"))

        self.assertEqual(asyncio.run(send()).topic, "T")


class Life(unittest.TestCase):
    def test_before_start_and_after_close(self) -> None:
        producer = Producer("mock://", group="g")
        message = Message("T", b"x")
        for call in self.calls(producer, message):
            with self.assertRaises(NotStartedError) as raised:
                call()
            self.assertIsNone(raised.exception.code)
        self.assertRaises(NotStartedError, producer.flush)
        producer.start()
        self.assertRaises(AlreadyStartedError, producer.start)
        producer.close()
        producer.close()
        for call in self.calls(producer, message):
            self.assertRaises(ClosedError, call)
        self.assertRaises(ClosedError, producer.start)

    @staticmethod
    def calls(producer: Producer, message: Message) -> list[Callable[[], object]]:
        return [
            lambda: producer.send(message),
            lambda: producer.send_oneway(message),
            lambda: producer.send_future(message),
            lambda: producer.send_async(message, lambda receipt, error: None),
        ]

    def test_closing_before_start(self) -> None:
        producer = Producer("mock://", group="g")
        producer.close()
        producer.close(0)

    def test_a_context_manager_closes_and_passes_exceptions_on(self) -> None:
        with self.assertRaises(ZeroDivisionError), Producer("mock://", group="g") as producer:
            raise ZeroDivisionError
        self.assertRaises(ClosedError, producer.send, "T", b"x")
        self.assertNotIn(id(producer), _exit._open)

    def test_a_forgotten_producer_is_named_and_given_back(self) -> None:
        producer = Producer("mock://", group="g")
        producer.start()
        key = id(producer)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            del producer
            gc.collect()
        self.assertEqual([warning.category for warning in caught], [ResourceWarning])
        self.assertNotIn(key, _exit._open)


class Failures(unittest.TestCase):
    def test_a_server_that_breaks_the_protocol_is_an_error_and_the_library_lives(self) -> None:
        whole = frame(0, 0, "", b"")
        cases: list[tuple[str, Callable[[int], bytes], bool, type[MqError], str]] = [
            ("garbage", lambda _: b"HTTP/1.1 400 Bad Request\r\n\r\n", False, ProtocolError, "broke the protocol"),
            ("over 16 MiB", lambda _: (17 << 20).to_bytes(4, "big"), False, ProtocolError, "16777216"),
            ("another opaque", lambda opaque: frame(opaque + 77, 0, "", b""), False, ProtocolError, "no request had"),
            ("half a frame", lambda _: whole[: len(whole) // 2], True, ConnectionLostError, "inside a frame"),
        ]
        for name, raw, hang_up, error, text in cases:
            with self.subTest(name), FaultyServer(raw=raw, hang_up=hang_up) as server:
                with Producer(server.url, group="g", retry_times_when_send_failed=0) as producer:
                    with self.assertRaises(error) as raised:
                        producer.send("T", b"x")
                    self.assertIn(text, str(raised.exception))
                    self.assertTrue(raised.exception.maybe_persisted)
        with MockCluster() as cluster, Producer(cluster.url, group="g") as producer:
            producer.send("T", b"the library lives")

    def test_unreachable_name_servers_are_named_with_their_causes(self) -> None:
        first, second = refused_address(), refused_address()
        with Producer(f"rocketmq://{first};{second}", group="g", send_msg_timeout=1500) as producer:
            begin = time.monotonic()
            with self.assertRaises(NoNameServerError) as raised:
                producer.send("T", b"x")
            self.assertLess(time.monotonic() - begin, 3)
        for text in (first, second, "refused"):
            self.assertIn(text, str(raised.exception))
        self.assertFalse(raised.exception.maybe_persisted)
        self.assertTrue(raised.exception.retriable)

    def test_a_topic_without_a_route(self) -> None:
        with FaultyServer(routes=False) as server, Producer(server.url, group="g") as producer:
            self.assertEqual(producer.brokers(), [])
            with self.assertRaisesRegex(NoRouteError, "Nowhere"):
                producer.send("Nowhere", b"x")

    def test_a_broker_that_refuses_tells_code_and_remark(self) -> None:
        with FaultyServer((13, "we do not like it")) as server, Producer(server.url, group="g") as producer:
            with self.assertRaisesRegex(BrokerError, "we do not like it") as raised:
                producer.send("T", b"x")
            self.assertEqual((raised.exception.broker_code, raised.exception.remark), (13, "we do not like it"))
            self.assertEqual((raised.exception.name, raised.exception.code), ("BROKER", 13))
            future = producer.send_future("T", b"x")
            self.assertIsInstance(future.exception(10), BrokerError)

    def test_a_silent_broker_may_have_stored_it(self) -> None:
        with FaultyServer() as server, Producer(server.url, group="g") as producer:
            begin = time.monotonic()
            with self.assertRaises(MqTimeoutError) as raised:
                producer.send("T", b"x", timeout_ms=300)
            self.assertLess(time.monotonic() - begin, 3)
        self.assertTrue(raised.exception.maybe_persisted)
        self.assertEqual((raised.exception.broker_code, raised.exception.code), (None, 10002))
        self.assertGreater(server.sends, 0)

    def test_flush_and_close_keep_their_deadlines(self) -> None:
        with FaultyServer() as server:
            producer = Producer(server.url, group="g", send_msg_timeout=60_000)
            producer.start()
            futures = [producer.send_future("T", b"x") for _ in range(10)]
            with self.assertRaisesRegex(MqTimeoutError, "10 messages"):
                producer.flush(0)
            begin = time.monotonic()
            self.assertRaises(MqTimeoutError, producer.close, 100)
            self.assertLess(time.monotonic() - begin, 5)
            for future in futures:
                self.assertIsInstance(future.exception(10), ClosedError)
