"""Reliable sending and the spool, in each way to send."""

from __future__ import annotations

import asyncio
import pickle
import tempfile
import unittest
from pathlib import Path
from typing import Any

from mqproducer import (
    AlreadyStartedError,
    AsyncProducer,
    BatchError,
    BrokerError,
    Message,
    MockCluster,
    MockFault,
    MqError,
    Producer,
    ReliabilityEvent,
    ReliabilityEventKind,
    SendStatus,
    SpooledError,
    Status,
    UnsupportedError,
)

from .support import wait_until

SETTINGS: dict[str, Any] = {
    "reliability": "reliable",
    "reliable_retry_times": 2,
    "reliable_retry_interval": 1,
    "reliable_retry_interval_max": 1,
    "reconnect_backoff_max": 5,
    "spool_retry_interval": 5,
    "send_msg_timeout": 30_000,
}


def every_way(producer: Producer) -> list[MqError]:
    """Sends five messages, none of which is stored safely; how they ended."""
    ends: list[MqError] = []
    try:
        producer.send("T", b"sync")
    except MqError as error:
        ends.append(error)
    failure = producer.send_future("T", b"future").exception(30)
    assert isinstance(failure, MqError)
    ends.append(failure)
    told: list[Any] = []
    producer.send_async(Message("T", b"async"), lambda receipt, error: told.append(error))
    producer.flush()
    ends.extend(told)
    try:
        producer.send_batch([Message("T", b"batch 1"), Message("T", b"batch 2")])
    except BatchError as error:
        ends.extend(each for each in error.results if isinstance(each, MqError))
    except MqError as error:
        ends.extend([error, error])
    return ends


async def every_way_async(producer: AsyncProducer) -> list[BaseException]:
    sends = [producer.send("T", b"one"), producer.send("T", b"two")]
    ends = list(await asyncio.gather(*sends, return_exceptions=True))
    return [end for end in ends if isinstance(end, BaseException)]


class Reliable(unittest.TestCase):
    def setUp(self) -> None:
        self.cluster = MockCluster()
        self.addCleanup(self.cluster.close)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.spool = str(Path(folder.name, "spool"))
        self.alarms: list[ReliabilityEvent] = []
        self.later: list[ReliabilityEvent] = []

    def unsafe(self, request_code: int, count: int) -> None:
        self.cluster.push_fault(
            MockFault.CHANGE_ANSWER, request_code=request_code, count=count, response_code=12, remark="late"
        )

    def test_what_is_not_safe_is_sent_again_and_given_up_with_an_alarm(self) -> None:
        producer = Producer(self.cluster.url, group="g", **SETTINGS)
        producer.set_alarm_callback(self.alarms.append)
        with producer:
            self.unsafe(310, 1)
            receipt = producer.send("T", b"again")
            self.assertEqual((receipt.send_status, receipt.attempts), (SendStatus.SEND_OK, 2))
            (earlier,) = receipt.earlier
            self.assertEqual((earlier.broker_code, earlier.remark, earlier.status), (12, "late", Status.BROKER))
            self.assertTrue(earlier.maybe_stored)
            self.assertEqual(pickle.loads(pickle.dumps(receipt)), receipt)
            self.assertEqual(self.alarms, [])
            self.unsafe(310, 0)
            self.unsafe(320, 0)
            ends = every_way(producer)
            self.assertEqual(len(ends), 5)
            for error in ends:
                self.assertIsInstance(error, BrokerError)
                self.assertEqual((error.broker_code, error.maybe_persisted, len(error.attempts)), (12, True, 3))
            self.assertEqual(pickle.loads(pickle.dumps(ends[0])).attempts, ends[0].attempts)
            bodies = [event.message.body for event in self.alarms if event.message]
            self.assertEqual(bodies, [b"sync", b"future", b"async", b"batch 1", b"batch 2"])
            for event in self.alarms:
                assert event.error is not None
                self.assertEqual((event.kind, event.receipt), (ReliabilityEventKind.GIVEN_UP, None))
                self.assertEqual([attempt.broker_code for attempt in event.error.attempts], [12] * 3)
            self.assertRaises(UnsupportedError, producer.send_oneway, "T", b"x")
            self.assertRaises(AlreadyStartedError, producer.set_alarm_callback, print)
        self.assertRaises(TypeError, producer.set_spool_callback, None)

    def test_the_spool_keeps_messages_and_tells_their_end(self) -> None:
        producer = Producer(self.cluster.url, group="g", spool_file=self.spool, **SETTINGS)
        producer.set_alarm_callback(self.alarms.append)
        producer.set_spool_callback(self.later.append)
        with producer:
            producer.send("T", b"first")
            self.cluster.set_broker("0", running=False)
            ends = every_way(producer)
            self.assertEqual([type(error) for error in ends], [SpooledError] * 5)
            self.assertFalse(any(error.retriable for error in ends))
            self.assertEqual([type(event.error) for event in self.alarms], [SpooledError] * 5)
            self.assertEqual(self.later, [])
            self.cluster.set_broker("0")
            wait_until(lambda: len(self.later) == 5, "the spool is empty")
            values = producer.statistics().values
            self.assertEqual((values["spooled_messages_total"], values["spool_delivered_messages_total"]), (5, 5))
        for event, of in zip(self.later, self.alarms):
            assert event.message and event.receipt and of.message
            self.assertEqual(event.kind, ReliabilityEventKind.SPOOL_DELIVERED)
            self.assertEqual((event.message.message_id, event.message.body), (of.message.message_id, of.message.body))
            self.assertEqual(event.receipt.message_id, of.message.message_id)
        self.cluster.wait(6, "T")

    def test_the_same_with_asyncio(self) -> None:
        async def main() -> None:
            producer = AsyncProducer(self.cluster.url, group="g", spool_file=self.spool, **SETTINGS)
            producer.set_alarm_callback(self.alarms.append)
            producer.set_spool_callback(self.later.append)
            async with producer:
                self.unsafe(310, 1)
                receipt = await producer.send("T", b"again")
                self.assertEqual((receipt.attempts, [attempt.broker_code for attempt in receipt.earlier]), (2, [12]))
                self.cluster.set_broker("0", running=False)
                ends = await every_way_async(producer)
                self.assertEqual([type(error) for error in ends], [SpooledError] * 2)
                self.assertEqual(len(self.alarms), 2)
                self.cluster.set_broker("0")
                await asyncio.to_thread(wait_until, lambda: len(self.later) == 2, "the spool is empty")

        asyncio.run(main())
        self.assertEqual(sorted(event.message.body for event in self.later if event.message), [b"one", b"two"])

    def test_asyncio_spools_without_a_route(self) -> None:
        async def main() -> None:
            self.cluster.set_broker("name-server", running=False)
            producer = AsyncProducer(self.cluster.url, group="g", spool_file=self.spool, **SETTINGS)
            producer.set_spool_callback(self.later.append)
            async with producer:
                ends = await every_way_async(producer)
                self.assertEqual([type(error) for error in ends], [SpooledError] * 2)
                self.cluster.set_broker("name-server")
                await asyncio.to_thread(wait_until, lambda: len(self.later) == 2, "the spool is empty")

        asyncio.run(main())

    def test_a_callback_that_raises_changes_nothing(self) -> None:
        def fails(_: ReliabilityEvent) -> None:
            raise ValueError("on purpose")

        producer = Producer(self.cluster.url, group="g", **SETTINGS)
        producer.set_alarm_callback(fails)
        with producer, self.assertLogs("mqproducer", "ERROR"):
            self.unsafe(310, 3)
            self.assertRaises(BrokerError, producer.send, "T", b"x")
            producer.send("T", b"y")


