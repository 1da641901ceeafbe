"""What arrives at the cluster of what was sent, and what is refused."""

from __future__ import annotations

import gc
import unittest
from datetime import datetime, timedelta, timezone
from typing import Any

from mqproducer import (
    ArgumentError,
    Body,
    Message,
    MessageError,
    MessageTooLargeError,
    MockCluster,
    MockMessage,
)

from .support import Producer


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

    def test_a_delay(self) -> None:
        # Over: a broker takes no time that is more than three days away.
        time = datetime(2020, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))
        cases: list[tuple[Message, str, str]] = [
            (Message("T", b"x", delay_level=3), "DELAY", "3"),
            (Message("T", b"x", delay=timedelta(minutes=2)), "TIMER_DELAY_SEC", "120"),
            (Message("T", b"x", delay=timedelta(seconds=1, milliseconds=5)), "TIMER_DELAY_MS", "1005"),
            (Message("T", b"x", delay=timedelta(hours=2, microseconds=1)), "TIMER_DELAY_MS", "7200001"),
            (Message("T", b"x", deliver_at=time), "TIMER_DELIVER_MS", "1577836800000"),
            (Message("T", b"x", deliver_at=time + timedelta(microseconds=1)), "TIMER_DELIVER_MS", "1577836800001"),
        ]
        names = {name for _, name, _ in cases}
        for message, name, value in cases:
            with self.subTest(message=message):
                self.producer.send(message)
                sent = self.sent_properties()
                self.assertEqual({each: sent[each] for each in names & set(sent)}, {name: value})
        tomorrow = datetime.now(timezone.utc) + timedelta(days=1)
        self.producer.send("Tomorrow", b"x", deliver_at=tomorrow)
        self.assertAlmostEqual(int(self.sent_properties()["TIMER_DELIVER_MS"]), tomorrow.timestamp() * 1000, delta=2)

        self.cluster.clear()
        self.producer.send("T", b"not delayed", delay=timedelta(0))
        self.assertFalse(names & set(self.sent_properties()))
        self.producer.send("T", b"late", delay=timedelta(milliseconds=1))
        self.producer.send("T", b"over", deliver_at=time)
        self.cluster.wait(3, "T")
        self.assertLessEqual({b"late", b"not delayed", b"over"}, {each.body for each in self.cluster.messages("T")})
        self.assertEqual(self.cluster.message_count("Tomorrow"), 0)

    def sent_properties(self) -> dict[str, str]:
        """What the newest request said: a message that is delayed is not in its topic yet."""
        text = self.cluster.requests(request_code=310)[-1].fields["i"]
        return dict(each.split("\1") for each in text.split("\2") if each)

    def test_a_delay_is_checked(self) -> None:
        time = datetime(2100, 1, 1, tzinfo=timezone.utc)
        cases: list[tuple[dict[str, Any], type[Exception], str]] = [
            ({"delay_level": 0}, ValueError, "delay_level is 0; the range is 1 to 2147483647"),
            ({"delay_level": 1 << 31}, ValueError, "delay_level is 2147483648"),
            ({"delay_level": "1"}, TypeError, "delay_level must be int, not str"),
            ({"delay_level": True}, TypeError, "delay_level must be int, not bool"),
            ({"delay": 5}, TypeError, "delay must be timedelta, not int"),
            ({"delay": timedelta(microseconds=-1001)}, ValueError, "the minimum is 0"),
            ({"deliver_at": 5}, TypeError, "deliver_at must be datetime, not int"),
            ({"deliver_at": datetime(2100, 1, 1)}, ValueError, "2100-01-01T00:00:00, which has no time zone"),
            ({"deliver_at": datetime(1970, 1, 1, tzinfo=timezone.utc)}, ValueError, "must be after 1970-01-01"),
            ({"delay_level": 1, "delay": timedelta(1)}, MessageError, "delay_level.*delay_seconds"),
            ({"delay": timedelta(1), "deliver_at": time}, MessageError, "delay_seconds.*deliver_at_ms"),
            ({"delay_level": 1, "properties": {"DELAY": "2"}}, MessageError, "`DELAY` = `2` is given beside"),
        ]
        for fields, error, text in cases:
            with self.subTest(fields=fields), self.assertRaisesRegex(error, text):
                self.producer.send("T", b"x", **fields)
        self.assertEqual(self.cluster.message_count(), 0)

    def test_priority_lite_topic_and_sharding_property(self) -> None:
        for priority in (0, 2, 2147483647):
            self.producer.send("T", b"x", priority=priority)
            stored = self.stored()
            self.assertEqual(stored.properties["_SYS_MSG_PRIORITY_"], str(priority))
            self.assertEqual(stored.queue_id, min(priority, 3))
        # The key chooses no queue: one after the other, all of them.
        for _ in range(4):
            self.producer.send("T", b"x", lite_topic="lite é", sharding_property="order-1")
        messages = self.cluster.messages()
        self.assertEqual({message.queue_id for message in messages}, {0, 1, 2, 3})
        self.assertEqual({message.properties["__LITE_TOPIC"] for message in messages}, {"lite é"})
        self.assertEqual({message.properties["__SHARDINGKEY"] for message in messages}, {"order-1"})

    def test_priority_lite_topic_and_sharding_property_are_checked(self) -> None:
        cases: list[tuple[dict[str, Any], type[Exception], str]] = [
            ({"priority": -1}, ValueError, "priority is -1; the range is 0 to 2147483647"),
            ({"priority": 1 << 31}, ValueError, "priority is 2147483648"),
            ({"priority": 1.0}, TypeError, "priority must be int, not float"),
            ({"lite_topic": b"x"}, TypeError, "lite_topic must be str, not bytes"),
            ({"lite_topic": "a\1b"}, MessageError, "lite_topic"),
            ({"sharding_property": 5}, TypeError, "sharding_property must be str, not int"),
            ({"sharding_property": "a\2b"}, MessageError, "sharding_key"),
        ]
        for fields, error, text in cases:
            with self.subTest(fields=fields), self.assertRaisesRegex(error, text):
                self.producer.send("T", b"x", **fields)
        self.assertEqual(self.cluster.message_count(), 0)

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
