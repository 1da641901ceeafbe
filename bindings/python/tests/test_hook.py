"""Hooks: what they see, where they run, and that they harm nothing."""

from __future__ import annotations

import gc
import pickle
import threading
import unittest
import weakref
from datetime import datetime, timedelta, timezone
from typing import Any, Optional

from mqproducer import (
    AlreadyStartedError,
    BrokerError,
    ClosedError,
    ForbiddenError,
    HookContext,
    Message,
    MessageType,
    MockCluster,
    MqError,
    Receipt,
    SendHook,
    SendMode,
    WouldDeadlockError,
    _callbacks,
    hook as hook_module,
)

from .support import FaultyServer, Producer, wait_until


class Recorder(SendHook):
    """Remembers each call: its name, its thread and what it was told."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, int]] = []
        self.contexts: list[HookContext] = []
        self.ends: list[tuple[Optional[Receipt], Optional[MqError]]] = []

    def check_forbidden(self, context: HookContext) -> None:
        self.calls.append(("check", threading.get_ident()))
        self.contexts.append(context)

    def before_send(self, context: HookContext) -> None:
        self.calls.append(("before", threading.get_ident()))
        self.contexts.append(context)

    def after_send(self, context: HookContext, receipt: Optional[Receipt], error: Optional[MqError]) -> None:
        self.calls.append(("after", threading.get_ident()))
        self.contexts.append(context)
        self.ends.append((receipt, error))


class Forbidding(SendHook):
    """Refuses each message with an exception."""

    def __init__(self, refusal: BaseException) -> None:
        self.refusal = refusal

    def check_forbidden(self, context: HookContext) -> None:
        raise self.refusal


def hooked(url: str, *hooks: SendHook, **config: str) -> Producer:
    producer = Producer(url, group="g", **config)
    for hook in hooks:
        producer.add_hook(hook)
    return producer


def held(hook: SendHook) -> int:
    """How many producers hold the hook."""
    return sum(entry.hook is hook for entry in list(hook_module._hooks.values()))


class Hooks(unittest.TestCase):
    def setUp(self) -> None:
        self.cluster = MockCluster(brokers=2)
        self.addCleanup(self.cluster.close)

    def test_a_send_is_seen_before_and_after(self) -> None:
        recorder = Recorder()
        properties = {"DELAY": "1", "é": "\U0001f680"}
        message = Message("T", b"a\0b", tags="tag", keys=["k1", "k2"], properties=properties, flag=-7)
        with hooked(self.cluster.url, recorder, client_ip="10.0.0.9") as producer:
            receipt = producer.send(message)
            own = threading.get_ident()
            (check, before, after), (first, second, last) = recorder.calls, recorder.contexts
            self.assertEqual((check, before), (("check", own), ("before", own)))
            self.assertEqual(after[0], "after")
            self.assertNotEqual(after[1], own)
        self.assertEqual(recorder.ends, [(receipt, None)])
        self.assertEqual(second.message, Message("T", b"a\0b", "tag", "k1 k2", properties, -7))
        self.assertEqual(first.message, second.message)
        self.assertIsNone(last.message)
        for context in recorder.contexts:
            self.assertEqual((context.producer_group, context.namespace, context.topic), ("g", "", "T"))
            self.assertEqual((context.born_host, context.body_length), ("10.0.0.9", 3))
            self.assertIs(context.mode, SendMode.SYNC)
            self.assertIs(context.message_type, MessageType.DELAY)
            self.assertEqual((context.broker_name, context.queue_id), (receipt.broker_name, receipt.queue_id))
            self.assertIn(":", context.broker_address)
        self.assertEqual({second.message_id, last.message_id}, {receipt.message_id})
        self.assertEqual((second.attempts, second.cost_us, last.attempts), (0, 0, 1))
        self.assertGreater(last.cost_us, 0)
        self.assertEqual(pickle.loads(pickle.dumps(second)), second)

    def test_every_field_is_seen(self) -> None:
        recorder = Recorder()
        context = f"00-{'a' * 32}-{'b' * 16}-01"
        more: dict[str, Any] = {"priority": 1, "lite_topic": "lite", "sharding_property": "k", "trace_parent": context}
        times: list[dict[str, Any]] = [
            {"delay_level": 3},
            {"delay": timedelta(seconds=90)},
            {"delay": timedelta(milliseconds=1500)},
            {"deliver_at": datetime(2020, 1, 1, tzinfo=timezone.utc)},
        ]
        messages = [Message("T", b"x", **fields) for fields in (*times, more)]
        with hooked(self.cluster.url, recorder) as producer:
            for message in messages:
                producer.send(message)
        self.assertEqual([seen.message for seen in recorder.contexts[1::3]], messages)

    def test_every_mode_is_seen(self) -> None:
        recorder = Recorder()
        with hooked(self.cluster.url, recorder) as producer:
            producer.send("T", b"x", no_wait_store=True)
            producer.send_future("T", b"x").result(10)
            producer.send_oneway("T", b"x")
            producer.flush()
            modes = [context.mode for context in recorder.contexts if context.message is None]
            self.assertEqual(modes, [SendMode.SYNC, SendMode.ASYNC, SendMode.ONEWAY])
            self.assertEqual([call for call, _ in recorder.calls], ["check", "before", "after"] * 3)
        assert recorder.contexts[0].message is not None
        self.assertTrue(recorder.contexts[0].message.no_wait_store)

    def test_a_failure_is_seen(self) -> None:
        recorder = Recorder()
        with FaultyServer((13, "no")) as server, hooked(server.url, recorder) as producer:
            self.assertRaises(BrokerError, producer.send, "T", b"x")
        ((receipt, error),) = recorder.ends
        self.assertIsNone(receipt)
        assert isinstance(error, BrokerError)
        self.assertEqual((error.code, error.remark), (13, "no"))

    def test_one_end_for_each_of_many_threads(self) -> None:
        recorder = Recorder()

        def work() -> None:
            for _ in range(50):
                producer.send("T", b"x")
                producer.send_future("T", b"x")

        with hooked(self.cluster.url, recorder) as producer:
            workers = [threading.Thread(target=work) for _ in range(8)]
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()
            producer.flush()
            ended = {receipt.message_id for receipt, _ in recorder.ends if receipt is not None}
            self.assertEqual({message.message_id for message in self.cluster.messages()}, ended)
        self.assertEqual(len(recorder.ends), 800)

    def test_any_exception_refuses_with_its_text(self) -> None:
        cases: list[tuple[BaseException, str]] = [
            (PermissionError("closed today"), "closed today"),
            (SystemExit("é\U0001f680"), "é\U0001f680"),
            (ValueError(), "ValueError"),
            (ValueError("nul\0byte"), "nul byte"),
            (ValueError("é" * 400), "é" * 255),
        ]
        recorder = Recorder()
        for refusal, text in cases:
            with hooked(self.cluster.url, Forbidding(refusal), recorder) as producer:
                with self.subTest(refusal=refusal), self.assertRaises(ForbiddenError) as raised:
                    producer.send("T", b"x")
                self.assertTrue(str(raised.exception).endswith(text), str(raised.exception))
                self.assertNotIn("\ufffd", str(raised.exception))
                self.assertRaises(ForbiddenError, producer.send_oneway, "T", b"x")
                with self.assertRaises(ForbiddenError):
                    producer.send_future("T", b"x").result(10)
        self.assertEqual(self.cluster.message_count(), 0)
        self.assertEqual([call for call in recorder.calls if call[0] != "check"], [])

    def test_other_exceptions_are_logged_and_change_nothing(self) -> None:
        class Broken(SendHook):
            def before_send(self, context: HookContext) -> None:
                raise SystemExit("before")

            def after_send(self, context: HookContext, receipt: Optional[Receipt], error: Optional[MqError]) -> None:
                raise ValueError("after")

        recorder = Recorder()
        with hooked(self.cluster.url, Broken(), recorder) as producer, self.assertLogs("mqproducer", "ERROR") as logs:
            receipt = producer.send("T", b"x")
        self.assertEqual(recorder.ends, [(receipt, None)])
        self.assertEqual(len(logs.output), 2)
        self.assertIn("SystemExit: before", logs.output[0])
        self.assertIn("ValueError: after", logs.output[1])

    def test_ctrl_c_in_a_hook_is_raised_when_the_send_is_over(self) -> None:
        class Interrupted(SendHook):
            def before_send(self, context: HookContext) -> None:
                raise KeyboardInterrupt

        ends: list[Optional[Receipt]] = []
        with hooked(self.cluster.url, Interrupted()) as producer, self.assertLogs("mqproducer", "ERROR"):
            self.assertRaises(KeyboardInterrupt, producer.send, "T", b"x")
            with self.assertRaises(KeyboardInterrupt):
                producer.send_async(Message("T", b"x"), lambda receipt, error: ends.append(receipt))
            producer.flush()
        self.assertEqual(len(ends), 1)
        self.assertEqual(self.cluster.message_count(), 2)
        with hooked(self.cluster.url, Forbidding(KeyboardInterrupt())) as producer:
            self.assertRaises(KeyboardInterrupt, producer.send, "T", b"x")
        self.assertEqual(_callbacks.interrupts, {})

    def test_a_call_that_waits_is_refused_after_the_send(self) -> None:
        raised: list[BaseException] = []

        class Waiting(SendHook):
            producer: Producer

            def after_send(self, context: HookContext, receipt: Optional[Receipt], error: Optional[MqError]) -> None:
                for call in (self.producer.flush, self.producer.close, lambda: self.producer.send("T", b"x")):
                    try:
                        call()
                    except MqError as refused:
                        raised.append(refused)

        waiting = Waiting()
        with hooked(self.cluster.url, waiting) as waiting.producer:
            waiting.producer.send("T", b"x")
        # A hook that holds its producer would live for ever.
        del waiting.producer
        self.assertEqual([type(each) for each in raised], [WouldDeadlockError] * 3)

    def test_only_before_the_start(self) -> None:
        producer = Producer(self.cluster.url, group="g")
        with self.assertRaisesRegex(TypeError, "SendHook"):
            producer.add_hook(object())  # type: ignore[arg-type]
        producer.start()
        hook = SendHook()
        self.assertRaises(AlreadyStartedError, producer.add_hook, hook)
        producer.close()
        self.assertRaises(ClosedError, producer.add_hook, hook)
        self.assertEqual(held(hook), 0)

    def test_one_that_overrides_nothing(self) -> None:
        with hooked(self.cluster.url, SendHook()) as producer:
            producer.send("T", b"x")

    def test_a_hook_lives_as_long_as_its_producers(self) -> None:
        recorder = Recorder()
        first, second = hooked(self.cluster.url, recorder), hooked(self.cluster.url, recorder)
        self.assertEqual(held(recorder), 2)
        alive = weakref.ref(recorder)
        first.start()
        first.send("T", b"x")
        first.close()
        del first
        gc.collect()
        wait_until(lambda: held(recorder) == 1, "the first producer's is dropped")
        recorder.calls.clear()
        second.start()
        second.send("T", b"x")
        second.close()
        self.assertEqual(len(recorder.calls), 3)
        del second
        wait_until(lambda: held(recorder) == 0, "the second producer's is dropped")
        del recorder
        wait_until(lambda: alive() is None, "the hook is dropped")
