"""What fails in asyncio, and functions of the user's on the way of a message."""

from __future__ import annotations

import asyncio
import contextvars
import socket
import unittest
from typing import Any, Callable

from mqproducer import (
    ArgumentError,
    BrokerError,
    ForbiddenError,
    Hash,
    HookContext,
    Message,
    MessageError,
    MessageQueue,
    MqError,
    MqTimeoutError,
    NoNameServerError,
    NoRouteError,
    Receipt,
    SendHook,
    TransactionState,
)

from .aio_support import LoopCase, OnAsyncio, OnUvloop, nothing_is_owed
from .support import FaultyServer, refused_address


class Failures(LoopCase):
    def test_wrong_arguments(self: Any) -> None:
        async def main() -> None:
            async with self.producer() as producer:
                wrong: list[tuple[type[Exception], Callable[[], Any]]] = [
                    (TypeError, lambda: producer.send("T", "text")),
                    (TypeError, lambda: producer.send("T")),
                    (TypeError, lambda: producer.send("T", b"x", timeout_ms="1")),
                    (ValueError, lambda: producer.send("T", b"x", timeout_ms=-1)),
                    (TypeError, lambda: producer.send("T", b"x", selector=1)),
                    (TypeError, lambda: producer.send("T", b"x", selector=Hash("a"), sharding_key="b")),
                    (TypeError, lambda: producer.send_batch(["text"])),
                    (TypeError, lambda: producer.request("T", b"x", timeout_ms="1")),
                    (ArgumentError, lambda: producer.send("T", b"x", timeout_ms=3_600_001)),
                    (MessageError, lambda: producer.send("no such topic!", b"x")),
                    (MessageError, lambda: producer.send("", b"x")),
                    (MessageError, lambda: producer.send("T", b"")),
                ]
                for kind, call in wrong:
                    with self.assertRaises(kind):
                        await call()
                self.assertRaises(TypeError, producer.set_trace_context, 1)
                self.assertTrue(nothing_is_owed(producer))
            self.assertEqual(self.cluster.messages(), [])

        self.run_on_loop(main())

    def test_no_route_no_server_and_a_broker_that_refuses(self: Any) -> None:
        async def main() -> None:
            with FaultyServer(routes=False) as server:
                async with self.producer(server.url) as producer:
                    ends = await asyncio.gather(
                        *(producer.send("Nowhere", b"x") for _ in range(3)), return_exceptions=True
                    )
                    self.assertEqual({type(end) for end in ends}, {NoRouteError})
                    self.assertEqual(len({id(end) for end in ends}), 3)
            async with self.producer(f"rocketmq://{refused_address()}") as producer:
                with self.assertRaises(NoNameServerError) as unreachable:
                    await producer.send("T", b"x", timeout_ms=300)
                self.assertTrue(unreachable.exception.retriable)
            with FaultyServer((13, "we do not like it")) as server:
                async with self.producer(server.url) as producer:
                    with self.assertRaisesRegex(BrokerError, "^topic `T`.*we do not like it") as refused:
                        await producer.send("T", b"x")
                    self.assertEqual((refused.exception.broker_code, refused.exception.code), (13, 13))

        self.run_on_loop(main())

    def test_a_silent_broker_may_have_stored_it_and_the_loop_goes_on(self: Any) -> None:
        async def main() -> None:
            with FaultyServer() as server:
                async with self.producer(server.url) as producer:
                    send = asyncio.ensure_future(producer.send("T", b"x", timeout_ms=400))
                    for _ in range(100):
                        await asyncio.sleep(0)
                    self.assertFalse(send.done())
                    with self.assertRaises(MqTimeoutError) as raised:
                        await send
                    self.assertTrue(raised.exception.maybe_persisted)
                    self.assertEqual(raised.exception.code, 10002)

        self.run_on_loop(main())

    def test_a_silent_name_server_does_not_block_the_loop(self: Any) -> None:
        async def main() -> None:
            with socket.create_server(("127.0.0.1", 0)) as silent:
                producer = self.producer(f"rocketmq://127.0.0.1:{silent.getsockname()[1]}")
                async with producer:
                    first = asyncio.ensure_future(producer.send("T", b"x", timeout_ms=3000))
                    await asyncio.sleep(0)
                    second = asyncio.ensure_future(producer.send("T", b"x", timeout_ms=100))
                    oneway = asyncio.ensure_future(producer.send_oneway("T", b"x", timeout_ms=600))
                    for _ in range(100):
                        await asyncio.sleep(0)
                    self.assertFalse(first.done() or oneway.done())
                    # It does not wait as long as the one that it joined.
                    with self.assertRaises((MqTimeoutError, NoNameServerError)):
                        await second
                    self.assertFalse(first.done())
                    for send in (first, oneway):
                        with self.assertRaises(MqError):
                            await send
                    # The lookup itself may end a moment later.
                    while not nothing_is_owed(producer):
                        await asyncio.sleep(0.005)

        self.run_on_loop(main())

    def test_what_a_selector_function_raises(self: Any) -> None:
        def choose(queues: list[MessageQueue]) -> int:
            return len(queues) - 1

        def fail(queues: list[MessageQueue]) -> int:
            raise LookupError("no queue is good enough")

        def stop(queues: list[MessageQueue]) -> int:
            raise StopIteration

        async def main() -> None:
            async with self.producer() as producer:
                chosen = await producer.send("T", b"x", selector=choose)
                self.assertEqual((chosen.broker_name, chosen.queue_id), ("broker-b", 3))
                sends = [producer.send("T", b"x", selector=how) for how in (fail, choose, fail, stop, choose)]
                ends = await asyncio.gather(*sends, return_exceptions=True)
                kinds = [type(end) for end in ends]
                self.assertEqual(kinds, [LookupError, Receipt, LookupError, RuntimeError, Receipt])
                with self.assertRaises(LookupError):
                    await producer.send_many([Message("T", b"x")] * 3, selector=fail)
                self.assertTrue(nothing_is_owed(producer))

        self.run_on_loop(main())

    def test_hooks_may_send_and_forbid(self: Any) -> None:
        producer = self.producer()
        futures: list[asyncio.Future[Receipt]] = []

        class Forbids(SendHook):
            def check_forbidden(self, context: HookContext) -> None:
                if context.topic == "T":
                    futures.append(producer.send_future("U", b"from the hook"))
                if context.topic == "Forbidden":
                    raise PermissionError("not this one")

        async def main() -> None:
            producer.add_hook(Forbids())
            async with producer:
                await asyncio.gather(producer.send("T", b"x"), producer.send("T", b"x"))
                await asyncio.gather(*futures)
                with self.assertRaisesRegex(ForbiddenError, "not this one"):
                    await producer.send("Forbidden", b"x")
            self.assertEqual(len(self.cluster.messages("U")), 2)

        self.run_on_loop(main())

    def test_a_trace_context_is_that_of_its_task(self: Any) -> None:
        current: contextvars.ContextVar[str] = contextvars.ContextVar("current")

        def trace(n: int) -> str:
            return f"00-{n + 1:032x}-{n + 1:016x}-01"

        async def main() -> None:
            producer = self.producer()
            producer.set_trace_context(lambda: current.get())
            producer.set_transaction_checker(lambda message: TransactionState.UNKNOWN)

            async def send(n: int) -> None:
                current.set(trace(n))
                await producer.send("T", b"%d" % n)
                await producer.send_batch([Message("T", b"%d" % n), Message("T", b"%d" % n)])
                await producer.send_oneway("T", b"%d" % n)
                await producer.send("Own", b"x", trace_parent=trace(98))
                async with producer.transaction() as transaction:
                    await transaction.send("T", b"%d" % n)

            async with producer:
                await asyncio.gather(*(asyncio.ensure_future(send(n)) for n in range(20)))
                current.set("nonsense")
                await producer.send("None", b"x")
            self.cluster.wait(100, "T")
            for message in self.cluster.messages("T"):
                self.assertEqual(message.properties["traceparent"], trace(int(message.body)))
            own = {message.properties["traceparent"] for message in self.cluster.messages("Own")}
            self.assertEqual(own, {trace(98)})
            self.assertNotIn("traceparent", self.cluster.messages("None")[0].properties)

        self.run_on_loop(main())


class AsyncioFailures(OnAsyncio, Failures, unittest.TestCase):
    pass


class UvloopFailures(OnUvloop, Failures, unittest.TestCase):
    pass
