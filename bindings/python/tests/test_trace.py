"""Trace contexts: where they come from, and that they harm nothing."""

from __future__ import annotations

import gc
import threading
import unittest
import weakref
from typing import Any, Optional

from mqproducer import AlreadyStartedError, ClosedError, Message, MessageError, MockCluster, _callbacks

from .support import Producer, wait_until

CONTEXT = f"00-{'a' * 32}-{'b' * 16}-01"
OTHER = f"00-{'c' * 32}-{'d' * 16}-00"


class Traces(unittest.TestCase):
    def setUp(self) -> None:
        self.cluster = MockCluster()
        self.addCleanup(self.cluster.close)

    def stored(self) -> list[Optional[str]]:
        """The trace contexts of the messages stored, in their order."""
        messages = sorted(self.cluster.messages(), key=lambda message: int(message.body))
        return [message.properties.get("traceparent") for message in messages]

    def test_a_message_has_its_own(self) -> None:
        with Producer(self.cluster.url, group="g") as producer:
            producer.send("T", b"0", trace_parent=CONTEXT)
            for wrong, error in ((5, TypeError), ("00-x", MessageError), (CONTEXT.upper(), MessageError)):
                with self.subTest(context=wrong), self.assertRaisesRegex(error, "trace_parent"):
                    producer.send("T", b"1", trace_parent=wrong)  # type: ignore[arg-type]
        self.assertEqual(self.stored(), [CONTEXT])

    def test_it_is_asked_once_for_each_message_without_one_on_its_thread(self) -> None:
        asked: list[int] = []

        def context() -> str:
            asked.append(threading.get_ident())
            return CONTEXT

        producer = Producer(self.cluster.url, group="g")
        producer.set_trace_context(context)
        with producer:
            producer.send("T", b"0")
            producer.send_oneway("T", b"1")
            producer.send_future("T", b"2").result(10)
            producer.send("T", b"3", trace_parent=OTHER)
            producer.send("T", b"4", properties={"traceparent": OTHER})
            self.cluster.wait(5, "T")
        self.assertEqual(self.stored(), [CONTEXT] * 3 + [OTHER] * 2)
        self.assertEqual(asked, [threading.get_ident()] * 3)

    def test_one_that_tells_none_or_nonsense(self) -> None:
        answers: list[Any] = [None, "", "x" * 55, "x" * 1000, "é" * 10, b"bytes", 5]
        producer = Producer(self.cluster.url, group="g")
        told = iter(answers)
        producer.set_trace_context(lambda: next(told))
        with producer, self.assertLogs("mqproducer", "ERROR") as logs:
            # With the last one there is nothing more to tell.
            for n in range(len(answers) + 1):
                producer.send("T", str(n).encode())
        self.assertEqual(self.stored(), [None] * (len(answers) + 1))
        self.assertEqual(["TypeError" in text for text in logs.output], [True, True, False])
        self.assertIn("StopIteration", logs.output[2])

    def test_ctrl_c_in_it_is_raised_when_the_send_is_over(self) -> None:
        def interrupted() -> str:
            raise KeyboardInterrupt

        producer = Producer(self.cluster.url, group="g")
        producer.set_trace_context(interrupted)
        with producer, self.assertLogs("mqproducer", "ERROR"):
            self.assertRaises(KeyboardInterrupt, producer.send, "T", b"0")
            # In another thread it is an exception like all others.
            sender = threading.Thread(target=producer.send, args=("T", b"1"))
            sender.start()
            sender.join()
        self.assertEqual(self.stored(), [None, None])
        self.assertEqual(_callbacks.interrupts, {})

    def test_only_before_the_start(self) -> None:
        producer = Producer(self.cluster.url, group="g")
        with self.assertRaisesRegex(TypeError, "trace_context must be callable, not str"):
            producer.set_trace_context(CONTEXT)  # type: ignore[arg-type]
        producer.start()
        self.assertRaises(AlreadyStartedError, producer.set_trace_context, lambda: CONTEXT)
        producer.close()
        self.assertRaises(ClosedError, producer.set_trace_context, lambda: CONTEXT)
        # Logged exceptions of other tests lead to their producers.
        gc.collect()
        wait_until(lambda: not _callbacks._kept, "no entry is left in the table")

    def test_it_lives_as_long_as_its_producer_or_until_it_is_replaced(self) -> None:
        class Source:
            def __init__(self, context: str) -> None:
                self.context = context

            def __call__(self) -> str:
                return self.context

        first, second = Source(OTHER), Source(CONTEXT)
        alive = weakref.ref(first), weakref.ref(second)
        producer = Producer(self.cluster.url, group="g")
        producer.set_trace_context(first)
        producer.set_trace_context(second)
        del first, second
        wait_until(lambda: alive[0]() is None, "the first is given back")
        with producer:
            gc.collect()
            producer.send(Message("T", b"0"))
        self.assertEqual(self.stored(), [CONTEXT])
        self.assertIsNotNone(alive[1]())
        del producer
        wait_until(lambda: alive[1]() is None, "the second is given back")
        # Logged exceptions of other tests lead to their producers.
        gc.collect()
        wait_until(lambda: not _callbacks._kept, "no entry is left in the table")
