"""What the tests of asyncio share: each case runs on each kind of event loop that is there."""

from __future__ import annotations

import asyncio
import gc
import unittest
from collections.abc import Coroutine
from typing import Any, Optional

from mqproducer import AsyncProducer, MockCluster

try:
    import uvloop  # type: ignore[import-not-found, unused-ignore]
except ImportError:
    uvloop = None


class OnAsyncio:
    """Mixin: the loop of asyncio."""

    @staticmethod
    def new_loop() -> asyncio.AbstractEventLoop:
        """A loop of this kind."""
        return asyncio.new_event_loop()


@unittest.skipUnless(uvloop, "uvloop is not installed")
class OnUvloop:
    """Mixin: that of uvloop."""

    @staticmethod
    def new_loop() -> asyncio.AbstractEventLoop:
        """A loop of this kind."""
        assert uvloop is not None
        loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
        return loop


class LoopCase:
    """Mixin for the cases: a cluster, and a loop on which everything has an end."""

    cluster: MockCluster

    def new_loop(self) -> asyncio.AbstractEventLoop:
        """A loop; see the mixins above."""
        raise NotImplementedError

    def setUp(self) -> None:
        """Makes the cluster."""
        self.cluster = MockCluster(brokers=2)

    def tearDown(self) -> None:
        """Ends it."""
        self.cluster.close()

    def run_on_loop(self, main: Coroutine[Any, Any, Any]) -> Any:
        """Runs it to its end; nothing may go unnoticed by the loop meanwhile."""
        noticed: list[dict[str, Any]] = []
        loop = self.new_loop()
        # Under a development mode's eyes every machine is slow.
        loop.slow_callback_duration = 60
        loop.set_exception_handler(lambda _, context: noticed.append(context))
        try:
            return loop.run_until_complete(asyncio.wait_for(main, 60))
        finally:
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()
            # What tracebacks hold should not puzzle the tests that come next.
            gc.collect()
            assert not noticed, noticed

    def producer(self, url: Optional[str] = None, **config: Any) -> AsyncProducer:
        """A producer of the cluster that no slow machine makes fail."""
        config.setdefault("send_msg_timeout", 30_000)
        return AsyncProducer(url or self.cluster.url, group="g", **config)


def nothing_is_owed(producer: AsyncProducer) -> bool:
    """Whether no message is remembered any more."""
    outgoing, queue = producer._outgoing, producer._queue
    if outgoing is None or queue is None:
        return True
    return outgoing.owed == 0 and not queue._waiting and not outgoing._ready and not outgoing._lookups
