"""What arrives at the cluster of what was sent, and what is refused."""

from __future__ import annotations

import gc
import unittest

from mqproducer import (
    ArgumentError,
    Body,
    Message,
    MessageError,
    MessageTooLargeError,
    MockCluster,
    MockMessage,
    Producer,
)


class Messages(unittest.TestCase):
    def setUp(self) -> None:
        self.cluster = MockCluster()
        self.addCleanup(self.cluster.close)
        self.producer = Producer(self.cluster.url, group="g", max_message_size=1000)
        self.producer.start()
        self.addCleanup(self.producer.close)

    def stored(self) -> MockMessage:
        (message,) = self.cluster.messages()
        self.cluster.clear()
        return message

    def test_every_field_arrives(self) -> None:
        properties = {f"name{n}": f"value é \U0001f680 {n}" for n in range(50)}
        message = Message("T", b"\0a\xff\0", tags="tag", keys=["k1", "k2"], properties=properties, flag=-7)
        gc.collect()
        receipt = self.producer.send(message)
        stored = self.stored()
        self.assertEqual(stored.topic, "T")
        self.assertEqual(stored.body, b"\0a\xff\0")
        self.assertEqual((stored.tags, stored.keys, stored.flag), ("tag", "k1 k2", -7))
        self.assertEqual({name: stored.properties[name] for name in properties}, properties)
        self.assertEqual(stored.message_id, receipt.message_id)
        self.assertEqual(stored.offset_message_id, receipt.offset_message_id)
        self.assertEqual(stored.broker_name, receipt.broker_name)
        self.assertEqual((stored.queue_id, stored.queue_offset), (receipt.queue_id, receipt.queue_offset))
        self.assertGreater(stored.store_timestamp, 1_600_000_000_000)
        self.assertGreater(stored.born_timestamp, 1_600_000_000_000)

    def test_no_wait_store_arrives(self) -> None:
        self.producer.send("T", b"x", no_wait_store=True)
        without = self.stored().properties
        self.producer.send("T", b"x")
        self.assertNotEqual(without.get("WAIT"), self.stored().properties.get("WAIT"))

    def test_keys_as_one_text(self) -> None:
        self.producer.send("T", b"x", keys="a b")
        self.assertEqual(self.stored().keys, "a b")

    def test_bodies_of_every_kind(self) -> None:
        array = bytearray(b"\0bytearray\0")
        bodies: list[Body] = [
            b"x",
            array,
            memoryview(array),
            memoryview(array)[3:7],
            memoryview(b"\0read only"),
            memoryview(b"0123456789")[2:5],
            memoryview(bytearray(8)).cast("I"),
        ]
        for body in bodies:
            with self.subTest(body=body):
                self.producer.send("T", body)
                self.assertEqual(self.stored().body, bytes(body))

    def test_a_bytearray_can_grow_after_the_send(self) -> None:
        array = bytearray(b"body")
        self.producer.send("T", array)
        array += b" and more"
        self.assertEqual(self.stored().body, b"body")

    def test_a_body_is_text_only_when_it_was_encoded(self) -> None:
        with self.assertRaisesRegex(TypeError, "encode"):
            self.producer.send("T", "text")  # type: ignore[call-overload]
        with self.assertRaisesRegex(TypeError, "contiguous"):
            self.producer.send("T", memoryview(b"0123456789")[::2])
        for body in (None, 5, [1]):
            with self.subTest(body=body), self.assertRaises(TypeError):
                self.producer.send("T", body)  # type: ignore[call-overload]

    def test_empty_and_large_bodies(self) -> None:
        for body in (b"", bytearray(), memoryview(b"")):
            with self.subTest(body=body), self.assertRaisesRegex(MessageError, "body"):
                self.producer.send("T", body)
        self.producer.send("T", b"x" * 1000)
        with self.assertRaisesRegex(MessageTooLargeError, "1001.*1000"):
            self.producer.send("T", b"x" * 1001)

    def test_topics(self) -> None:
        for topic in ("", "x" * 128, "white space", "null\0byte", "ü"):
            with self.subTest(topic=topic), self.assertRaisesRegex(MessageError, "topic"):
                self.producer.send(topic, b"x")
        self.producer.send("x" * 127, b"x")

    def test_properties(self) -> None:
        for properties in ({"a\1": "b"}, {"a": "b\1c"}, {"a": "b\2"}, {"": "b"}, {"a": ""}):
            with self.subTest(properties=properties), self.assertRaises(MessageError):
                self.producer.send("T", b"x", properties=properties)
        for wrong in ({"a": 1}, {1: "a"}):
            with self.subTest(properties=wrong), self.assertRaises(TypeError):
                self.producer.send("T", b"x", properties=wrong)  # type: ignore[arg-type]
        self.producer.send("T", b"x", properties={"a": "b\0c"})
        self.assertEqual(self.stored().properties["a"], "b\0c")

    def test_arguments(self) -> None:
        message = Message("T", b"x")
        with self.assertRaisesRegex(TypeError, "body is missing"):
            self.producer.send("T")  # type: ignore[call-overload]
        with self.assertRaisesRegex(TypeError, "timeout_ms"):
            self.producer.send(message, tags="t")  # type: ignore[call-overload]
        with self.assertRaisesRegex(TypeError, "tag"):
            self.producer.send("T", b"x", tag="t")  # type: ignore[call-overload]
        with self.assertRaisesRegex(ValueError, "flag is 2147483648"):
            self.producer.send("T", b"x", flag=1 << 31)
        for timeout_ms in (-1, 1 << 32):
            with self.assertRaisesRegex(ValueError, "timeout_ms is"):
                self.producer.send(message, timeout_ms=timeout_ms)
        with self.assertRaisesRegex(ArgumentError, "3600001.*3600000"):
            self.producer.send(message, timeout_ms=3_600_001)
        with self.assertRaisesRegex(TypeError, "timeout_ms"):
            self.producer.send(message, timeout_ms=1.5)  # type: ignore[call-overload]
        with self.assertRaisesRegex(TypeError, "message must be Message"):
            self.producer.send_async("T", lambda receipt, error: None)  # type: ignore[arg-type]
        with self.assertRaisesRegex(TypeError, "callback"):
            self.producer.send_async(message, None)  # type: ignore[arg-type]
        self.assertEqual(self.cluster.message_count(), 0)
