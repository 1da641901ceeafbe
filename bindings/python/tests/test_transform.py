"""Message transformers, and JMS messages as they and hooks see them."""

from __future__ import annotations

import asyncio
import gc
import unittest
import weakref
from datetime import timedelta
from typing import Any, Optional

from mqproducer import (
    AlreadyStartedError,
    Jms,
    JmsType,
    Message,
    MessageError,
    MockCluster,
    SendHook,
    Typed,
    UnsupportedError,
)
from mqproducer.aio import AsyncProducer

from .support import Producer, wait_until

FULL = Jms(
    text=True,
    properties={
        "none": None,
        "bool": True,
        "int": 5,
        "long": 1 << 40,
        "small": Typed(JmsType.LONG, 5),
        "byte": Typed(JmsType.BYTE, -7),
        "short": Typed(JmsType.SHORT, -300),
        "char": Typed(JmsType.CHAR, 99),
        "float": Typed(JmsType.FLOAT, 1.5),
        "double": 0.25,
        "text": "größer",
    },
    persistent=False,
    time_to_live=timedelta(minutes=1),
    correlation_id="c",
    reply_to="topic://answers",
    message_type="t",
    group_id="g",
    group_sequence=3,
)


class Transformers(unittest.TestCase):
    def setUp(self) -> None:
        self.cluster = MockCluster("python-transform")
        self.addCleanup(self.cluster.close)
        self.cluster.clear()
        self.url = "mock+openwire://python-transform"

    def test_another_message_goes_in_its_place(self) -> None:
        seen: list[Message] = []

        def change(message: Message) -> Optional[Message]:
            seen.append(message)
            return None if message.body == b"same" else Message(message.topic + ".other", b"of " + bytes(message.body))

        producer = Producer(self.url)
        producer.set_message_transformer(lambda message: self.fail("another is set after it"))
        producer.set_message_transformer(change)
        with producer:
            self.assertRaises(AlreadyStartedError, producer.set_message_transformer, change)
            self.assertEqual(producer.send("T", b"sync").topic, "T.other")
            producer.send_oneway("T", b"oneway")
            producer.send_future("T", b"same", properties={"p": "v"}, jms=Jms(entries=None, properties={"n": 1})).result(30)
            transaction = producer.transaction()
            transaction.send("T", b"transacted")
            transaction.commit()
        stored = sorted((message.topic, bytes(message.body)) for message in self.cluster.messages())
        others = [("T.other", b"of " + body) for body in (b"oneway", b"sync", b"transacted")]
        self.assertEqual(stored, [("T", b"same"), *others])
        self.assertEqual([message.body for message in seen], [b"sync", b"oneway", b"same", b"transacted"])
        self.assertEqual((seen[2].properties, seen[2].jms), ({"p": "v"}, Jms(properties={"n": 1})))

    def test_it_refuses_by_any_exception(self) -> None:
        answers: list[Any] = [ValueError("not today"), ValueError(), 5, Message("T", "text")]  # type: ignore[arg-type]

        def change(message: Message) -> Any:
            answer = answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

        producer = Producer(self.url)
        producer.set_message_transformer(change)
        with producer:
            for text in ("not today", "ValueError", "must return Message or None, not int", "encode it first"):
                with self.subTest(text=text), self.assertRaisesRegex(MessageError, text):
                    producer.send("T", b"x")
        self.assertEqual(list(self.cluster.messages()), [])

    def test_all_of_a_jms_message_is_seen(self) -> None:
        seen: list[Optional[Message]] = []

        class Recorder(SendHook):
            def before_send(self, context: Any) -> None:
                seen.append(context.message)

        producer = Producer(self.url)
        producer.add_hook(Recorder())
        # What it is given goes on as a copy, which is the same.
        producer.set_message_transformer(lambda message: message)
        entries = Jms(entries={"e": b"\0\xff", "n": None})
        with producer:
            producer.send("T", b"text", jms=FULL)
            producer.send("T", b"", jms=entries)
            producer.flush()
        self.assertEqual([message.jms for message in seen if message], [FULL, entries])

    def test_in_an_event_loop(self) -> None:
        async def main() -> str:
            producer = AsyncProducer(self.url)
            producer.set_message_transformer(lambda message: Message("A", message.body))
            async with producer:
                return (await producer.send("T", b"x")).topic

        self.assertEqual(asyncio.run(main()), "A")

    def test_what_cannot_be(self) -> None:
        rocket = Producer("mock://", group="g")
        with self.assertRaisesRegex(UnsupportedError, "RocketMQ has no message transformers"):
            rocket.set_message_transformer(lambda message: None)
        with self.assertRaisesRegex(TypeError, "message_transformer must be callable, not int"):
            rocket.set_message_transformer(5)  # type: ignore[arg-type]
        rocket.close()

        class Change:
            def __call__(self, message: Message) -> None:
                pass

        change = Change()
        gone = weakref.ref(change)
        producer = Producer(self.url)
        producer.set_message_transformer(change)
        del change
        with producer:
            producer.send("T", b"x")
        del producer
        gc.collect()
        # A thread of the library may hold it a little longer.
        wait_until(lambda: gone() is None, "the transformer is given back")


if __name__ == "__main__":
    unittest.main()
