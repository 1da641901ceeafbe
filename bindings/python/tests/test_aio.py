"""The producer of asyncio: its modes, its life and its errors."""

from __future__ import annotations

import asyncio
import gc
import threading
import tracemalloc
import unittest
from typing import Any, Callable

from mqproducer import (
    AlreadyStartedError,
    ArgumentError,
    AsyncProducer,
    BatchError,
    BrokerError,
    ClosedError,
    ConfigError,
    Message,
    MessageError,
    MockFault,
    MqError,
    MqTimeoutError,
    NotStartedError,
    Receipt,
    ReplyTo,
    RequestTimeoutError,
    SendStatus,
    TransactionState,
)

from .aio_support import LoopCase, OnAsyncio, OnUvloop, nothing_is_owed
from .support import FaultyServer

END_TRANSACTION = 37
BATCH = 320


class Modes(LoopCase):
    def test_send(self: Any) -> None:
        async def main() -> None:
            async with self.producer() as producer:
                receipt = await producer.send("T", b"\0x", tags="tag", keys=["a", "b"], properties={"name": "é"})
                self.assertIs(receipt.send_status, SendStatus.SEND_OK)
                (stored,) = self.cluster.messages("T")
                self.assertEqual((stored.body, stored.tags, stored.keys), (b"\0x", "tag", "a b"))
                self.assertEqual(stored.properties["name"], "é")
                told = (receipt.message_id, receipt.offset_message_id, receipt.broker_name, receipt.queue_id)
                there = (stored.message_id, stored.offset_message_id, stored.broker_name, stored.queue_id)
                self.assertEqual(told, there)
                self.assertEqual((receipt.topic, receipt.queue_offset, receipt.attempts), ("T", 0, 1), receipt)
                self.assertTrue(nothing_is_owed(producer))

        self.run_on_loop(main())

    def test_gathered_sends_end_once_each_and_in_order(self: Any) -> None:
        async def main() -> None:
            async with self.producer() as producer:
                sends = (producer.send("T", b"%d" % n, sharding_key="one") for n in range(2000))
                receipts: list[Receipt] = await asyncio.gather(*sends)
            stored = self.cluster.messages("T")
            self.assertEqual([message.body for message in stored], [b"%d" % n for n in range(2000)])
            self.assertEqual([message.message_id for message in stored], [each.message_id for each in receipts])

        self.run_on_loop(main())

    def test_futures_of_several_topics(self: Any) -> None:
        async def main() -> None:
            async with self.producer() as producer:
                futures = [producer.send_future(f"T{n % 7}", b"x", timeout_ms=20_000 + n % 3) for n in range(700)]
                receipts = await asyncio.gather(*futures)
            self.assertEqual([receipt.topic for receipt in receipts], [f"T{n % 7}" for n in range(700)])
            self.assertEqual(len({receipt.message_id for receipt in receipts}), 700)
            self.assertEqual(len(self.cluster.messages()), 700)

        self.run_on_loop(main())

    def test_send_many(self: Any) -> None:
        async def main() -> None:
            async with self.producer(max_message_size=100) as producer:
                self.assertEqual(await producer.send_many([]), [])
                messages = [Message(f"T{n % 2}", b"%d" % n) for n in range(1200)]
                receipts = await producer.send_many(messages)
                self.assertEqual([receipt.topic for receipt in receipts], [each.topic for each in messages])
                bodies = {stored.message_id: stored.body for stored in self.cluster.messages()}
                self.assertEqual([bodies[receipt.message_id] for receipt in receipts], [each.body for each in messages])
                with self.assertRaisesRegex(BatchError, r"^messages\[2\]: .*101") as raised:
                    await producer.send_many([Message("T", b"x" * size) for size in (1, 2, 101, 3)])
                kinds = [type(result).__name__ for result in raised.exception.results]
                self.assertEqual(kinds, ["Receipt", "Receipt", "MessageTooLargeError", "Receipt"])
                self.assertEqual(len(self.cluster.messages("T")), 3)
                with self.assertRaises(TypeError):
                    await producer.send_many([Message("T", b"x"), "no message"])
                self.assertEqual(len(self.cluster.messages("T")), 3)
                self.assertTrue(nothing_is_owed(producer))

        self.run_on_loop(main())

    def test_oneway(self: Any) -> None:
        async def main() -> None:
            async with self.producer(max_in_flight_messages=5) as producer:
                receipts = await asyncio.gather(*(producer.send_oneway("T", b"x") for _ in range(300)))
                await producer.flush()
            self.cluster.wait(300, "T")
            ids = {message.message_id for message in self.cluster.messages("T")}
            self.assertEqual({receipt.message_id for receipt in receipts}, ids)
            self.assertEqual({receipt.send_status for receipt in receipts}, {SendStatus.ONEWAY})

        self.run_on_loop(main())

    def test_batch(self: Any) -> None:
        async def main() -> None:
            async with self.producer() as producer:
                receipts = await producer.send_batch([Message("T", b"%d" % n) for n in range(5)])
                stored = self.cluster.messages("T")
                self.assertEqual([message.body for message in stored], [b"%d" % n for n in range(5)])
                self.assertEqual([message.message_id for message in stored], [each.message_id for each in receipts])
                with self.assertRaises(MessageError):
                    await producer.send_batch([Message("T", b"x"), Message("U", b"x")])
                with self.assertRaises(MqError):
                    await producer.send_batch([])
                self.cluster.push_fault(
                    MockFault.ANSWER, request_code=BATCH, count=1, response_code=13, remark="refused here"
                )
                with self.assertRaisesRegex(BatchError, "refused here"):
                    await producer.send_batch([Message("T", b"x")])
                self.assertTrue(nothing_is_owed(producer))

        self.run_on_loop(main())

    def test_requests_and_replies(self: Any) -> None:
        async def main() -> None:
            self.cluster.echo("Echo")
            async with self.producer() as producer:
                replies = await asyncio.gather(*(producer.request("Echo", b"%d" % n) for n in range(50)))
                self.assertEqual([reply.body for reply in replies], [b"%d" % n for n in range(50)])
                with self.assertRaises(RequestTimeoutError):
                    await producer.request("Silent", b"x", timeout_ms=300)
                cluster_name = self.cluster.messages("Echo")[0].properties["CLUSTER"]
                with self.assertRaises(BrokerError):
                    await producer.reply(ReplyTo("id", "nobody", cluster_name), b"x")
                self.assertTrue(nothing_is_owed(producer))

        self.run_on_loop(main())

    def test_transactions(self: Any) -> None:
        async def main() -> None:
            producer = self.producer()
            producer.set_transaction_checker(lambda message: TransactionState.UNKNOWN)
            async with producer:
                async with producer.transaction() as transaction:
                    receipt = await transaction.send("T", b"committed")
                    self.assertTrue(receipt.transaction_id)
                with self.assertRaises(ZeroDivisionError):
                    async with producer.transaction() as transaction:
                        await transaction.send("T", b"rolled back")
                        raise ZeroDivisionError
                explicit = producer.transaction()
                await explicit.send("T", b"explicit")
                await explicit.commit()
                with self.assertRaises(ArgumentError):
                    await explicit.rollback()
                entered = asyncio.Event()

                async def cancelled() -> None:
                    async with producer.transaction() as transaction:
                        await transaction.send("T", b"cancelled")
                        entered.set()
                        await asyncio.sleep(60)

                task = asyncio.ensure_future(cancelled())
                await entered.wait()
                task.cancel()
                with self.assertRaises(asyncio.CancelledError):
                    await task
                self.cluster.wait_requests(4, request_code=END_TRANSACTION)
                self.cluster.wait(2, "T")
                bodies = sorted(message.body for message in self.cluster.messages("T"))
                self.assertEqual(bodies, [b"committed", b"explicit"])
            unchecked = self.producer()
            async with unchecked:
                self.assertRaises(ConfigError, unchecked.transaction)

        self.run_on_loop(main())

    def test_recall(self: Any) -> None:
        async def main() -> None:
            async with self.producer() as producer:
                receipt = await producer.send("T", b"x", delay_level=18)
                self.assertTrue(receipt.message_id)
                with self.assertRaises(ArgumentError):
                    await producer.recall("T", "no handle")

        self.run_on_loop(main())

    def test_statistics_and_brokers(self: Any) -> None:
        async def main() -> None:
            async with self.producer() as producer:
                await producer.send_many([Message("T", b"x")] * 10)
                self.assertIn("mqproducer", producer.statistics().prometheus)
                self.assertEqual({state.name for state in producer.brokers()}, {"broker-a", "broker-b"})

        self.run_on_loop(main())


class Bodies(LoopCase):
    def test_every_kind_arrives_and_may_change_after_the_send(self: Any) -> None:
        async def main() -> None:
            array = bytearray(b"0123456789")
            bodies = [b"\0bytes", array, memoryview(array)[3:7], memoryview(b"0123456789")[2:5]]
            expected = [bytes(body) for body in bodies]
            async with self.producer() as producer:
                await asyncio.gather(*(producer.send("T", body, sharding_key="k") for body in bodies))
                bodies.clear()
                gc.collect()
                # Nothing holds it any more.
                array.clear()
            self.assertEqual([message.body for message in self.cluster.messages("T")], expected)

        self.run_on_loop(main())

    def test_no_copy_is_made(self: Any) -> None:
        size = 3_000_000
        array = bytearray(size)
        bodies = [bytes(size), array, memoryview(array)[1:], memoryview(bytes(size))[1:]]

        async def main() -> None:
            async with self.producer() as producer:
                await producer.send("T", b"x")
                for body in bodies:
                    tracemalloc.start()
                    try:
                        await producer.send("T", body)
                        _, peak = tracemalloc.get_traced_memory()
                    finally:
                        tracemalloc.stop()
                    self.assertLess(peak, size / 2)

        self.run_on_loop(main())


class Life(LoopCase):
    def test_before_start_and_after_close(self: Any) -> None:
        async def main() -> None:
            producer = self.producer()
            calls: list[Callable[[], Any]] = [
                lambda: producer.send("T", b"x"),
                lambda: producer.send_oneway("T", b"x"),
                lambda: producer.send_many([Message("T", b"x")]),
                lambda: producer.send_batch([Message("T", b"x")]),
                lambda: producer.request("T", b"x"),
                lambda: producer.recall("T", "x"),
            ]
            for call in [*calls, producer.flush]:
                with self.assertRaises(NotStartedError):
                    await call()
            await producer.start()
            with self.assertRaises(AlreadyStartedError):
                await producer.start()
            with self.assertRaises(AlreadyStartedError):
                producer.set_trace_context(lambda: None)
            await producer.send("T", b"x")
            await producer.close()
            await producer.close()
            await producer.flush()
            for call in [*calls, producer.start]:
                with self.assertRaises(ClosedError):
                    await call()
            self.assertRaises(ClosedError, producer.send_future, "T", b"x")

        self.run_on_loop(main())

    def test_a_start_that_fails_can_be_repeated(self: Any) -> None:
        async def main() -> None:
            first = self.producer(instance_name="one")
            second = self.producer(instance_name="one")
            await first.start()
            with self.assertRaises(MqError):
                await second.start()
            await first.close()
            await second.start()
            await second.send("T", b"x")
            await second.close()

        self.run_on_loop(main())

    def test_closing_before_start(self: Any) -> None:
        async def main() -> None:
            producer = self.producer()
            await producer.close()
            with self.assertRaises(ClosedError):
                await producer.start()

        self.run_on_loop(main())

    def test_close_waits_for_what_was_sent(self: Any) -> None:
        async def main() -> None:
            producer = self.producer(max_in_flight_messages=10)
            await producer.start()
            futures = [producer.send_future("T", b"x") for _ in range(500)]
            await producer.close(30_000)
            self.assertEqual(sum(future.result().queue_offset >= 0 for future in futures), 500)
            self.assertEqual(len(self.cluster.messages("T")), 500)

        self.run_on_loop(main())

    def test_flush_and_close_keep_their_deadlines(self: Any) -> None:
        async def main() -> None:
            with FaultyServer() as server:
                producer = self.producer(server.url, max_in_flight_messages=4)
                await producer.start()
                await asyncio.gather(*(producer.send_oneway("T", b"x") for _ in range(2)))
                futures = [producer.send_future("T", b"x") for _ in range(10)]
                with self.assertRaisesRegex(MqTimeoutError, "10 messages"):
                    await producer.flush(100)
                with self.assertRaises(MqTimeoutError):
                    await producer.close(100)
                ends = await asyncio.gather(*futures, return_exceptions=True)
                self.assertEqual({type(end) for end in ends}, {ClosedError})

        self.run_on_loop(main())

    def test_it_belongs_to_one_loop(self: Any) -> None:
        async def main() -> AsyncProducer:
            producer: AsyncProducer = self.producer()
            await producer.start()
            raised: list[BaseException] = []

            async def elsewhere() -> None:
                for call in (lambda: producer.send("T", b"x"), producer.flush, producer.close):
                    try:
                        await call()
                    except RuntimeError as error:
                        raised.append(error)

            thread = threading.Thread(target=lambda: asyncio.run(elsewhere()))
            thread.start()
            while thread.is_alive():
                await asyncio.sleep(0.005)
            self.assertEqual(len(raised), 3)
            self.assertIn("another event loop", str(raised[0]))
            return producer

        producer = self.run_on_loop(main())
        # Its own loop is closed: another one may close it.
        self.run_on_loop(producer.close())

    def test_each_thread_has_its_own(self: Any) -> None:
        ended: list[int] = []

        async def main(number: int) -> None:
            async with self.producer() as producer:
                await asyncio.gather(*(producer.send(f"T{number}", b"x") for _ in range(300)))
                ended.append(number)

        threads = [threading.Thread(target=self.run_on_loop, args=(main(number),)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(ended), [0, 1, 2, 3])
        self.assertEqual([len(self.cluster.messages(f"T{number}")) for number in range(4)], [300] * 4)

    def test_a_forgotten_producer_goes_with_its_loop(self: Any) -> None:
        async def main() -> None:
            producer = self.producer()
            await producer.start()
            await producer.send("T", b"x")

        with self.assertWarnsRegex(ResourceWarning, "AsyncProducer was not closed"):
            self.run_on_loop(main())
            gc.collect()


class AsyncioModes(OnAsyncio, Modes, unittest.TestCase):
    pass


class UvloopModes(OnUvloop, Modes, unittest.TestCase):
    pass


class AsyncioBodies(OnAsyncio, Bodies, unittest.TestCase):
    pass


class AsyncioLife(OnAsyncio, Life, unittest.TestCase):
    pass


class UvloopLife(OnUvloop, Life, unittest.TestCase):
    pass
