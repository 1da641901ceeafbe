"""Batches: what is stored, how each message ended, and what is refused."""

from __future__ import annotations

import copy
import pickle
import threading
import unittest
from collections import Counter
from datetime import timedelta
from typing import Any, Optional
from unittest.mock import patch

from mqproducer import (
    ArgumentError,
    BatchError,
    BrokerError,
    Hash,
    HookContext,
    Message,
    MessageError,
    MessageTooLargeError,
    MockCluster,
    MockFault,
    MqError,
    NotStartedError,
    Queue,
    Receipt,
    SendHook,
    SendStatus,
    WouldDeadlockError,
    _callbacks,
    batch,
    selector,
)

from .support import Producer, refused_address, wait_until

BATCH = 320
SINGLE = 310


def messages(count: int, size: int = 1) -> list[Message]:
    return [Message("T", b"%d" % n * size, keys=f"k{n}", properties={"n": str(n)}, flag=n) for n in range(count)]


class Batches(unittest.TestCase):
    def setUp(self) -> None:
        self.cluster = MockCluster(brokers=2)
        self.addCleanup(self.cluster.close)
        self.producer = Producer(self.cluster.url, group="g", retry_times_when_send_failed=0)
        self.producer.start()
        self.addCleanup(self.producer.close)

    def tearDown(self) -> None:
        wait_until(lambda: not _callbacks._pending, "no entry is left in the table")
        self.assertEqual(selector._choices, {})

    def check_stored(self, receipts: list[Receipt], count: int) -> None:
        """Each message is stored as it was given and has the receipt at its place, and nothing else is stored."""
        stored = {message.message_id: message for message in self.cluster.messages("T")}
        self.assertEqual((len(receipts), len(stored)), (count, count))
        for n, receipt in enumerate(receipts):
            message = stored[receipt.message_id]
            self.assertEqual((message.body, message.keys, message.flag), (b"%d" % n, f"k{n}", n))
            self.assertEqual(message.properties["n"], str(n))
            self.assertEqual((message.broker_name, message.queue_id), (receipt.broker_name, receipt.queue_id))
            self.assertEqual(message.queue_offset, receipt.queue_offset)
            self.assertEqual(message.offset_message_id, receipt.offset_message_id)

    def test_plain_messages_among_others(self) -> None:
        """What is filled in by another way than field by field arrives at its place all the same."""
        given = [
            Message("T", b"plain"),
            Message("T", b"tagged", tags="a"),
            Message("T", bytearray(b"lent"), tags="a"),
            Message("T", b"keyed", tags="b", keys="k"),
            Message("T", memoryview(b"viewed")),
            Message("T", b"tagged again", tags="b"),
        ]
        receipts = self.producer.send_batch(given)
        stored = {message.message_id: message for message in self.cluster.messages("T")}
        self.assertEqual(
            [(message.body, message.tags or None) for message in (stored[each.message_id] for each in receipts)],
            [(bytes(message.body), message.tags) for message in given],
        )

    def test_texts_that_need_more_room(self) -> None:
        with patch.object(batch, "_TEXTS", 1):
            receipts = self.producer.send_batch(messages(5))
        self.check_stored(receipts, 5)

    def test_retried(self) -> None:
        """The receipts of a batch tell of earlier tries, as others do."""
        with Producer(self.cluster.url, group="again", retry_times_when_send_failed=1) as producer:
            self.cluster.push_fault(MockFault.ANSWER, request_code=BATCH, count=1, response_code=14, remark="again")
            for receipt in producer.send_batch(messages(2)):
                self.assertEqual((receipt.attempts, [each.broker_code for each in receipt.earlier]), (2, [14]))

    def test_one_request(self) -> None:
        receipts = self.producer.send_batch(iter(messages(5)), timeout_ms=20_000)
        self.check_stored(receipts, 5)
        self.assertEqual([receipt.queue_offset for receipt in receipts], [0, 1, 2, 3, 4])
        self.assertEqual(len({(receipt.broker_name, receipt.queue_id) for receipt in receipts}), 1)
        self.assertEqual(len(self.cluster.requests(request_code=BATCH)), 1)

    def test_async_future_and_oneway(self) -> None:
        ends: list[tuple[Optional[list[Receipt]], Optional[MqError]]] = []
        self.producer.send_batch_async(messages(3), lambda receipts, error: ends.append((receipts, error)))
        self.producer.flush()
        ((receipts, error),) = ends
        assert receipts is not None
        self.assertIsNone(error)
        self.check_stored(receipts, 3)

        self.cluster.clear()
        self.check_stored(self.producer.send_batch_future(messages(4)).result(20), 4)

        self.cluster.clear()
        receipts = self.producer.send_batch_oneway(messages(5))
        self.assertEqual({(each.send_status, each.queue_offset) for each in receipts}, {(SendStatus.ONEWAY, -1)})
        self.cluster.wait(5, "T")
        self.assertEqual(
            [message.message_id for message in self.cluster.messages("T")], [each.message_id for each in receipts]
        )

    def test_selectors(self) -> None:
        def last(queues: list[Any]) -> int:
            return len(queues) - 1

        places = [
            self.producer.send_batch(messages(2), sharding_key="y"),
            self.producer.send_batch(messages(2), selector=Queue("broker-b", 2)),
            self.producer.send_batch(messages(2), selector=last),
            self.producer.send_batch_future(messages(2), selector=Hash("x")).result(20),
            self.producer.send_batch_oneway(messages(2), selector=last),
        ]
        expected = [("broker-a", 1), ("broker-b", 2), ("broker-b", 3), ("broker-a", 0), ("broker-b", 3)]
        self.assertEqual([{(r.broker_name, r.queue_id) for r in each} for each in places], [{e} for e in expected])

    def test_a_split_batch(self) -> None:
        receipts = self.producer.send_batch(messages(9), split_bytes=200)
        requests = self.cluster.requests(request_code=BATCH)
        self.assertGreater(len(requests), 1)
        self.assertLessEqual(max(len(request.body) for request in requests), 200)
        self.check_stored(receipts, 9)

    def test_a_part_that_fails(self) -> None:
        self.cluster.push_fault(MockFault.ANSWER, request_code=BATCH, count=1, response_code=13, remark="no")
        with self.assertRaises(BatchError) as raised:
            self.producer.send_batch(messages(9), split_bytes=200)
        error = raised.exception
        stored = {message.message_id for message in self.cluster.messages("T")}
        self.assertEqual(len(error.results), 9)
        failed = [n for n, result in enumerate(error.results) if isinstance(result, MqError)]
        self.assertEqual(failed, list(range(len(failed))))
        self.assertTrue(0 < len(failed) < 9)
        self.assertEqual({each.message_id for each in error.results if isinstance(each, Receipt)}, stored)
        self.assertEqual({type(error.results[n]) for n in failed}, {BrokerError})
        self.assertEqual((error.name, error.broker_code, error.remark), ("BROKER", 13, "no"))
        self.assertIs(error.__cause__, error.results[0])
        for same in (copy.copy(error), pickle.loads(pickle.dumps(error))):
            self.assertEqual((type(same), str(same), same.broker_code), (BatchError, str(error), 13))
            self.assertEqual([type(each) for each in same.results], [type(each) for each in error.results])

        self.cluster.push_fault(MockFault.ANSWER, request_code=BATCH, count=1, response_code=13, remark="no")
        ends: list[tuple[object, Optional[BatchError]]] = []
        self.producer.send_batch_async(messages(9), lambda *end: ends.append(end), split_bytes=200)
        self.producer.flush()
        ((receipts, told),) = ends
        assert told is not None
        self.assertIsNone(receipts)
        self.assertEqual([type(each) for each in told.results], [type(each) for each in error.results])

    def test_a_whole_that_fails(self) -> None:
        with Producer(f"rocketmq://{refused_address()}", group="g") as nowhere:
            for send in (
                nowhere.send_batch,
                nowhere.send_batch_oneway,
                lambda sent: nowhere.send_batch_future(sent).result(20),
            ):
                with self.assertRaises(MqError) as raised:
                    send(messages(2))
                self.assertEqual(raised.exception.name, "NO_NAME_SERVER")
        self.assertRaises(NotStartedError, Producer("mock://", group="g").send_batch, messages(1))

    def test_one_end_for_each_of_many_threads(self) -> None:
        ends: Counter[str] = Counter()
        errors: list[BatchError] = []
        lock = threading.Lock()

        def end(receipts: Optional[list[Receipt]], error: Optional[BatchError]) -> None:
            with lock:
                ends.update(receipt.message_id for receipt in receipts or [])
                if error is not None:
                    errors.append(error)

        def work() -> None:
            for _ in range(50):
                self.producer.send_batch_async(messages(5), end, timeout_ms=60_000)

        workers = [threading.Thread(target=work) for _ in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        self.producer.flush(60_000)
        self.assertEqual(errors, [])
        self.assertEqual(ends, {message.message_id: 1 for message in self.cluster.messages("T")})
        self.assertEqual(len(ends), 1000)

    def test_in_a_callback(self) -> None:
        outcomes: list[object] = []

        def end(receipts: Optional[list[Receipt]], error: Optional[BatchError]) -> None:
            try:
                self.producer.send_batch(messages(1))
            except MqError as refused:
                outcomes.append(type(refused))
            self.producer.send_batch_async(messages(1), lambda receipts, error: outcomes.append(receipts))
            raise ValueError("from a callback")

        with self.assertLogs("mqproducer", "ERROR") as logs:
            self.producer.send_batch_async(messages(1), end)
            wait_until(lambda: len(outcomes) == 2, "the second batch ends")
        self.assertIs(outcomes[0], WouldDeadlockError)
        self.assertEqual(len(logs.output), 1)
        self.assertEqual(self.cluster.message_count("T"), 2)

    def test_what_is_refused(self) -> None:
        good = Message("T", b"x")
        large = Message("T", b"x" * 1000)
        cases: list[tuple[list[Any], dict[str, Any], type[Exception], str]] = [
            ([], {}, ArgumentError, "count"),
            ([good, "T"], {}, TypeError, r"messages\[1\] must be Message, not str"),
            ([good, Message("T", "text")], {}, TypeError, "body must be bytes"),  # type: ignore[arg-type]
            ([good, Message("U", b"x")], {}, MessageError, "1.*topic"),
            ([good, Message("T", b"")], {}, MessageError, "1.*body"),
            ([good, Message("T", b"x", delay=timedelta(1))], {}, MessageError, "1.*delay"),
            ([good, Message("T", b"x", priority=1)], {}, MessageError, "1.*priority"),
            ([large] * 5, {}, MessageTooLargeError, "4000"),
            ([good], {"split_bytes": -1}, ValueError, "split_bytes is -1"),
            ([good], {"split_bytes": 1.5}, TypeError, "split_bytes must be int"),
            ([good], {"split_bytes": 4001}, ArgumentError, "4001.*4000"),
            ([good], {"timeout_ms": "1"}, TypeError, "timeout_ms must be int"),
            ([good], {"selector": 5}, TypeError, "selector must be"),
        ]
        with Producer(self.cluster.url, group="g", max_message_size=4000) as producer:
            for bad, arguments, error, text in cases:
                for send in (producer.send_batch, producer.send_batch_oneway, producer.send_batch_future):
                    with self.subTest(bad=bad, arguments=arguments), self.assertRaisesRegex(error, text) as raised:
                        send(bad, **arguments)
                    self.assertNotIsInstance(raised.exception, BatchError)
            with self.assertRaisesRegex(TypeError, "iterable"):
                producer.send_batch(good)  # type: ignore[arg-type]
            with self.assertRaisesRegex(TypeError, "callback must be callable"):
                producer.send_batch_async([good], None)  # type: ignore[arg-type]
        self.assertEqual(self.cluster.message_count(), 0)

    def test_what_a_selector_function_raises(self) -> None:
        def fail(queues: list[Any]) -> int:
            raise LookupError("of the selector")

        for send in (self.producer.send_batch, self.producer.send_batch_oneway, self.producer.send_batch_future):
            with self.assertRaisesRegex(LookupError, "of the selector"):
                send(messages(2), selector=fail)
        self.assertEqual(self.cluster.message_count(), 0)

    def test_hooks_see_it_as_one_message(self) -> None:
        contexts: list[HookContext] = []

        class Recorder(SendHook):
            def before_send(self, context: HookContext) -> None:
                contexts.append(context)

            def after_send(self, context: HookContext, receipt: Optional[Receipt], error: Optional[MqError]) -> None:
                contexts.append(context)

        producer = Producer(self.cluster.url, group="g")
        producer.add_hook(Recorder())
        sent = messages(3)
        with producer:
            producer.send_batch(sent)
            producer.send(sent[0])
        before, after, single, _ = contexts
        self.assertEqual((before.message_count, before.batch, before.body_length), (3, sent, 3))
        self.assertEqual((after.message_count, after.batch), (3, None))
        self.assertEqual((single.message_count, single.batch), (1, None))

    def test_single_sends_that_auto_batch_gathers(self) -> None:
        with Producer(
            self.cluster.url, group="g", auto_batch=True, batch_max_delay_ms=30_000, send_msg_timeout=600_000
        ) as producer:
            futures = [producer.send_future(message) for message in messages(100)]
            producer.flush()
            self.check_stored([future.result(20) for future in futures], 100)
        self.assertEqual(len(self.cluster.requests(request_code=BATCH)), 1)
        self.assertEqual(len(self.cluster.requests(request_code=SINGLE)), 0)
