"""Requests that wait for a reply, and replies."""

from __future__ import annotations

import pickle
import threading
import unittest
from collections import Counter
from datetime import timedelta
from typing import Any, Optional

from mqproducer import (
    ArgumentError,
    BrokerError,
    ClosedError,
    Hash,
    Message,
    MessageError,
    MockCluster,
    MqError,
    MqTimeoutError,
    NotStartedError,
    ReceivedMessage,
    ReplyTo,
    RequestTimeoutError,
    WouldDeadlockError,
    _callbacks,
)

from .support import Producer, refused_address, wait_until

REPLY_TO = ("CORRELATION_ID", "REPLY_TO_CLIENT", "CLUSTER", "TTL")


class Requests(unittest.TestCase):
    def setUp(self) -> None:
        self.cluster = MockCluster(brokers=2)
        self.addCleanup(self.cluster.close)
        self.cluster.echo("Echo")
        self.producer = Producer(self.cluster.url, group="g")
        self.producer.start()
        self.addCleanup(self.producer.close)

    def tearDown(self) -> None:
        wait_until(lambda: not _callbacks._pending, "no entry is left in the table")

    def test_request(self) -> None:
        reply = self.producer.request("Echo", b"a\0b", tags="tag", keys=["k1", "k2"], timeout_ms=20_000)
        self.assertIsInstance(reply, ReceivedMessage)
        self.assertEqual(reply.body, b"a\0b")
        self.assertEqual((reply.queue_offset, reply.commit_log_offset, reply.offset_message_id), (-1, -1, ""))
        (stored,) = self.cluster.messages("Echo")
        self.assertEqual((stored.body, stored.tags, stored.keys), (b"a\0b", "tag", "k1 k2"))
        self.assertEqual(reply.properties["CORRELATION_ID"], stored.properties["CORRELATION_ID"])
        self.assertEqual(stored.properties["TTL"], "20000")
        self.assertEqual(pickle.loads(pickle.dumps(reply)), reply)

    def test_request_async_and_future(self) -> None:
        ends: list[tuple[Optional[ReceivedMessage], Optional[MqError]]] = []
        threads: list[int] = []

        def end(reply: Optional[ReceivedMessage], error: Optional[MqError]) -> None:
            threads.append(threading.get_ident())
            ends.append((reply, error))
            try:
                self.producer.request("Echo", b"inner")
            except MqError as refused:
                ends.append((None, refused))

        self.producer.request_async(Message("Echo", b"async"), end, selector=Hash("y"))
        self.producer.flush()
        (reply, error), (_, refused) = ends
        assert reply is not None
        self.assertEqual((reply.body, error), (b"async", None))
        self.assertIsInstance(refused, WouldDeadlockError)
        self.assertNotEqual(threads, [threading.get_ident()])
        self.assertEqual([message.queue_id for message in self.cluster.messages("Echo")], [1])

        future = self.producer.request_future("Echo", b"future", timeout_ms=20_000)
        self.assertEqual(future.result(20).body, b"future")
        self.assertEqual(self.producer.request_future(Message("Echo", b"again")).result(20).body, b"again")

    def test_one_end_for_each_of_many_threads(self) -> None:
        ends: Counter[tuple[bytes, bytes]] = Counter()
        errors: list[MqError] = []
        lock = threading.Lock()

        def work(thread: int) -> None:
            for n in range(50):
                body = f"{thread}/{n}".encode()

                def end(reply: Optional[ReceivedMessage], error: Optional[MqError], body: bytes = body) -> None:
                    with lock:
                        if reply is None:
                            errors.append(error)  # type: ignore[arg-type]
                        else:
                            ends[body, reply.body] += 1

                self.producer.request_async(Message("Echo", body), end, timeout_ms=60_000)

        workers = [threading.Thread(target=work, args=(n,)) for n in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        self.producer.flush(60_000)
        self.assertEqual(errors, [])
        bodies = {message.body for message in self.cluster.messages("Echo")}
        self.assertEqual(ends, {(body, body): 1 for body in bodies})
        self.assertEqual(len(bodies), 200)

    def test_no_reply(self) -> None:
        with self.assertRaises(RequestTimeoutError) as raised:
            self.producer.request("Silent", b"x", timeout_ms=2_000)
        self.assertIsInstance(raised.exception, TimeoutError)
        self.assertNotIsInstance(raised.exception, MqTimeoutError)
        error = self.producer.request_future("Silent", b"x", timeout_ms=2_000).exception(20)
        self.assertIs(type(error), RequestTimeoutError)
        self.assertEqual(self.cluster.message_count("Silent"), 2)

    def test_what_never_left_is_no_missing_reply(self) -> None:
        with Producer(f"rocketmq://{refused_address()}", group="g") as nowhere:
            for call in (nowhere.request, lambda *message: nowhere.request_future(*message).result(20)):
                with self.assertRaises(MqError) as raised:
                    call("Echo", b"x")
                self.assertNotIsInstance(raised.exception, RequestTimeoutError)
        self.assertRaises(NotStartedError, Producer("mock://", group="g").request, "Echo", b"x")

    def test_close_ends_those_without_a_reply(self) -> None:
        producer = Producer(self.cluster.url, group="g")
        producer.start()
        future = producer.request_future("Silent", b"x", timeout_ms=60_000)
        self.assertRaises(MqTimeoutError, producer.close, 50)
        self.assertIs(type(future.exception(20)), ClosedError)

    def test_arguments(self) -> None:
        cases: list[tuple[dict[str, Any], type[Exception], str]] = [
            ({"timeout_ms": -1}, ValueError, "timeout_ms is -1"),
            ({"timeout_ms": "1"}, TypeError, "timeout_ms must be int"),
            ({"timeout_ms": 3_600_001}, ArgumentError, "3600001.*3600000"),
            ({"send_timeout_ms": 1.5}, TypeError, "timeout_ms must be int"),
            ({"tag": "x"}, TypeError, "tag"),
            ({"delay": timedelta(1)}, MessageError, "delay"),
            ({"properties": {"TTL": "1"}}, MessageError, "TTL"),
        ]
        for arguments, error, text in cases:
            with self.subTest(arguments=arguments), self.assertRaisesRegex(error, text):
                self.producer.request("Echo", b"x", **arguments)
            with self.subTest(arguments=arguments), self.assertRaisesRegex(error, text):
                self.producer.request_future("Echo", b"x", **arguments)
        with self.assertRaisesRegex(TypeError, "callback must be callable"):
            self.producer.request_async(Message("Echo", b"x"), None)  # type: ignore[arg-type]
        with self.assertRaisesRegex(TypeError, "message must be Message"):
            self.producer.request_async("Echo", print)  # type: ignore[arg-type]
        self.assertEqual(self.cluster.message_count(), 0)


class Replies(unittest.TestCase):
    def setUp(self) -> None:
        self.cluster = MockCluster()
        self.addCleanup(self.cluster.close)
        self.asks = Producer(self.cluster.url, group="asks")
        self.asks.start()
        self.addCleanup(self.asks.close)
        self.answers = Producer(self.cluster.url, group="answers")
        self.answers.start()
        self.addCleanup(self.answers.close)

    def asked(self) -> ReplyTo:
        self.cluster.wait(1, "Ask")
        (request,) = self.cluster.messages("Ask")
        return ReplyTo.of(request.properties)

    def test_a_reply_reaches_who_asked(self) -> None:
        replies: list[Any] = [
            lambda to: self.answers.reply(to, b"a\0b", tags="tag", keys="k", properties={"p": "é"}),
            lambda to: self.answers.reply(to, Message("not read", b"a\0b", "tag", "k", {"p": "é"})),
            lambda to: self.answers.reply_future(to, Message("", b"a\0b", "tag", "k", {"p": "é"})).result(20),
        ]
        for reply in replies:
            future = self.asks.request_future("Ask", b"?", timeout_ms=30_000)
            to = self.asked()
            self.assertEqual(to.ttl_ms, 30_000)
            receipt = reply(to)
            got = future.result(30)
            self.assertEqual((got.body, got.tags, got.keys, got.properties["p"]), (b"a\0b", "tag", "k", "é"))
            self.assertEqual(got.properties["CORRELATION_ID"], to.correlation_id)
            self.assertEqual(got.message_id, receipt.message_id)
            self.cluster.clear()

    def test_nobody_asked(self) -> None:
        to = ReplyTo("no such id", "no such client", self.cluster_name())
        with self.assertRaises(BrokerError) as raised:
            self.answers.reply(to, b"x")
        self.assertEqual(raised.exception.broker_code, 1)
        ends: list[Optional[MqError]] = []
        self.answers.reply_async(to, Message("", b"x"), lambda receipt, error: ends.append(error))
        self.answers.flush()
        self.assertEqual([type(error) for error in ends], [BrokerError])

    def cluster_name(self) -> str:
        self.answers.send("T", b"x")
        return self.cluster.messages("T")[0].properties["CLUSTER"]

    def test_where_a_reply_goes(self) -> None:
        properties = {"CORRELATION_ID": "id", "REPLY_TO_CLIENT": "client", "CLUSTER": "c", "TTL": "500", "other": "x"}
        to = ReplyTo.of(properties)
        self.assertEqual(to, ReplyTo("id", "client", "c", 500))
        self.assertEqual(pickle.loads(pickle.dumps(to)), to)
        for ttl in ("", "soon", "-1", str(1 << 32)):
            self.assertEqual(ReplyTo.of({**properties, "TTL": ttl}).ttl_ms, 0)
        for name in REPLY_TO[:3]:
            left = {key: value for key, value in properties.items() if key != name}
            with self.assertRaisesRegex(ValueError, f"no property {name}"):
                ReplyTo.of(left)
        self.cluster.echo("Echo")
        reply = self.asks.request("Echo", b"x")
        # A reply is sent to no cluster's topic: nothing says where a reply to it would go.
        with self.assertRaisesRegex(ValueError, "no property CLUSTER"):
            ReplyTo.of(reply)

    def test_arguments(self) -> None:
        to = ReplyTo("id", "client", "cluster")
        cases: list[tuple[Any, Any, dict[str, Any], type[Exception], str]] = [
            ("id", b"x", {}, TypeError, "to must be ReplyTo, not str"),
            (ReplyTo(5, "", ""), b"x", {}, TypeError, "correlation_id must be str"),  # type: ignore[arg-type]
            (ReplyTo("id", "client", "cluster", -1), b"x", {}, ValueError, "ttl_ms is -1"),
            (ReplyTo("", "client", "cluster"), b"x", {}, ArgumentError, "correlation_id"),
            (to, "text", {}, TypeError, "body must be bytes"),
            (to, Message("", b"x"), {"tags": "t"}, TypeError, "a Message holds its fields itself"),
            (to, b"x", {"delay_level": 1}, MessageError, "delay"),
            (to, b"x", {"properties": {"MSG_TYPE": "x"}}, MessageError, "MSG_TYPE"),
        ]
        for where, body, fields, error, text in cases:
            with self.subTest(to=where, body=body, fields=fields), self.assertRaisesRegex(error, text):
                self.answers.reply(where, body, **fields)
        self.assertEqual(_callbacks._pending, {})
