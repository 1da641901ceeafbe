"""What waits in asyncio: for room, for its deadline; and waiting that is given up."""

from __future__ import annotations

import asyncio
import gc
import unittest
import weakref
from typing import Any

from mqproducer import BackpressureError, Message, MqTimeoutError, Receipt

from .aio_support import LoopCase, OnAsyncio, OnUvloop, nothing_is_owed
from .support import FaultyServer


class Room(LoopCase):
    def test_sends_wait_for_room(self: Any) -> None:
        async def main() -> None:
            self.cluster.echo("Echo")
            async with self.producer(max_in_flight_messages=10) as producer:
                results = await asyncio.gather(
                    *(producer.send("T", b"%d" % n, sharding_key="one") for n in range(1000)),
                    *(producer.request("Echo", b"x") for _ in range(50)),
                    *(producer.send_batch([Message("B", b"x")] * 4) for _ in range(50)),
                    *(producer.send_oneway("O", b"x") for _ in range(50)),
                )
                self.assertEqual(len(results), 1150)
                self.assertTrue(nothing_is_owed(producer))
            self.assertEqual([stored.body for stored in self.cluster.messages("T")], [b"%d" % n for n in range(1000)])
            self.cluster.wait(50, "O")
            self.assertEqual(len(self.cluster.messages("B")), 200)

        self.run_on_loop(main())

    def test_only_requests_in_flight(self: Any) -> None:
        # Their ends come by a callback, not by the queue.
        async def main() -> None:
            self.cluster.echo("Echo")
            async with self.producer(max_in_flight_messages=1) as producer:
                replies = await asyncio.gather(*(producer.request("Echo", b"%d" % n) for n in range(10)))
                self.assertEqual([reply.body for reply in replies], [b"%d" % n for n in range(10)])

        self.run_on_loop(main())

    def test_room_that_does_not_come_in_time(self: Any) -> None:
        async def main() -> None:
            with FaultyServer() as server:
                async with self.producer(server.url, max_in_flight_messages=2) as producer:
                    first = [producer.send_future("T", b"x", timeout_ms=1500) for _ in range(2)]
                    while server.sends < 2:
                        await asyncio.sleep(0.005)
                    late = producer.send_future("T", b"x", timeout_ms=300)
                    many = asyncio.ensure_future(producer.send_oneway("T", b"x", timeout_ms=300))
                    with self.assertRaisesRegex(BackpressureError, "`max_in_flight_messages` is 2") as raised:
                        await late
                    self.assertFalse(raised.exception.maybe_persisted)
                    self.assertFalse(first[0].done())
                    with self.assertRaises(BackpressureError):
                        await many
                    ends = await asyncio.gather(*first, return_exceptions=True)
                    self.assertEqual({type(end) for end in ends}, {MqTimeoutError})
                    self.assertTrue(nothing_is_owed(producer))

        self.run_on_loop(main())

    def test_one_that_does_not_wait(self: Any) -> None:
        async def main() -> None:
            async with self.producer(max_in_flight_messages=3, backpressure="fail", topics="T") as producer:
                await producer.send("T", b"x")
                sends = (producer.send("T", b"x") for _ in range(50))
                ends = await asyncio.gather(*sends, return_exceptions=True)
                stored = sum(isinstance(end, Receipt) for end in ends)
                self.assertGreaterEqual(stored, 3)
                self.assertEqual({type(end) for end in ends}, {Receipt, BackpressureError})
            self.assertEqual(len(self.cluster.messages("T")), stored + 1)

        self.run_on_loop(main())

    def test_one_that_waits_for_ever(self: Any) -> None:
        async def main() -> None:
            with FaultyServer() as server:
                config: dict[str, Any] = {"max_in_flight_messages": 1, "backpressure": "wait_forever"}
                async with self.producer(server.url, retry_times_when_send_failed=0, **config) as producer:
                    sends = (producer.send("T", b"x", timeout_ms=200) for _ in range(3))
                    ends = await asyncio.gather(*sends, return_exceptions=True)
                    # Each had its time when it was its turn.
                    self.assertEqual({type(end) for end in ends}, {MqTimeoutError})

        self.run_on_loop(main())


class GivenUp(LoopCase):
    def test_before_it_is_handed_over_it_is_not_sent(self: Any) -> None:
        async def main() -> None:
            async with self.producer() as producer:
                await producer.send("T", b"first")
                task = asyncio.ensure_future(producer.send("T", b"cancelled"))
                kept = producer.send_future("T", b"kept")
                producer.send_future("T", b"cancelled").cancel()
                await asyncio.sleep(0)
                self.assertFalse(kept.done())
                await kept
                self.assertFalse(task.cancelled())
                await task
                self.assertTrue(nothing_is_owed(producer))
            bodies = [message.body for message in self.cluster.messages("T")]
            self.assertEqual(sorted(bodies), [b"cancelled", b"first", b"kept"])

        self.run_on_loop(main())

    def test_in_flight_its_end_is_dropped_and_nothing_stays(self: Any) -> None:
        class Body(bytearray):
            pass

        async def main() -> None:
            with FaultyServer() as server:
                async with self.producer(server.url) as producer:
                    body = Body(b"x")
                    alive = weakref.ref(body)
                    tasks = [asyncio.ensure_future(producer.send("T", body, timeout_ms=500)) for _ in range(100)]
                    many = asyncio.ensure_future(producer.send_many([Message("T", body)] * 100, timeout_ms=500))
                    request = asyncio.ensure_future(producer.request("T", body, timeout_ms=500))
                    oneway = asyncio.ensure_future(producer.send_oneway("T", body))
                    while server.sends == 0:
                        await asyncio.sleep(0.005)
                    for task in (*tasks, many, request, oneway):
                        task.cancel()
                    ends = await asyncio.gather(*tasks, many, request, return_exceptions=True)
                    self.assertEqual({type(end) for end in ends}, {asyncio.CancelledError})
                    await producer.flush()
                    self.assertTrue(nothing_is_owed(producer))
                    del body, tasks, many, request, oneway, ends, task
                    # The thread of the one-way message may still be ending.
                    while alive() is not None:
                        await asyncio.sleep(0.005)
                        gc.collect()

        self.run_on_loop(main())

    def test_a_time_limit_of_asyncio(self: Any) -> None:
        async def main() -> None:
            with FaultyServer() as server:
                async with self.producer(server.url, max_in_flight_messages=1) as producer:
                    waits = producer.send_future("T", b"x", timeout_ms=1000)
                    with self.assertRaises(asyncio.TimeoutError):
                        await asyncio.wait_for(producer.send("T", b"x", timeout_ms=30_000), 0.1)
                    self.assertFalse(waits.done())
                    await asyncio.gather(waits, return_exceptions=True)
                    await producer.flush()
                    self.assertTrue(nothing_is_owed(producer))

        self.run_on_loop(main())

    def test_a_close_that_is_given_up_can_be_repeated(self: Any) -> None:
        async def main() -> None:
            with FaultyServer() as server:
                producer = self.producer(server.url)
                await producer.start()
                waits = producer.send_future("T", b"x", timeout_ms=1000)
                with self.assertRaises(asyncio.TimeoutError):
                    await asyncio.wait_for(producer.close(), 0.1)
                await producer.close()
                self.assertIsInstance(waits.exception(), MqTimeoutError)

        self.run_on_loop(main())


class AsyncioRoom(OnAsyncio, Room, unittest.TestCase):
    pass


class UvloopRoom(OnUvloop, Room, unittest.TestCase):
    pass


class AsyncioGivenUp(OnAsyncio, GivenUp, unittest.TestCase):
    pass


class UvloopGivenUp(OnUvloop, GivenUp, unittest.TestCase):
    pass
