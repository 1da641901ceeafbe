"""What an asyncio producer is about to send: gathered, handed over in few calls, and never waited for by the thread."""

from __future__ import annotations

import asyncio
import copy
import math
from array import array
from collections import deque
from ctypes import byref, c_size_t, c_void_p
from itertools import repeat
from typing import Any, Callable, Optional, Union

from . import _abi_message
from ._callbacks import take_interrupt
from ._completions import CompletionQueue, Waiter
from ._lent import SIZE, Array
from ._library import lib
from ._native import check, read_error, str_of
from ._send import Departures
from ._waits import end
from .errors import BackpressureError, MqError, MqTimeoutError, Status, refusal
from .receipt import Receipt
from .selector import Choice, lend_options

#: How many messages one call hands over at most.
AT_ONCE = 512
#: How often a wait for room or a route looks around. Ends in the queue end it at once; others tell nobody.
_LOOK_S = 0.02
#: Messages whose time began so close together have one deadline.
_SAME_TIME_S = 0.005
#: Of the time that is left, what a message may lose to go together with one that came before it.
_SAME_SHARE = 1 / 32


class Departure:
    """Something to be sent, whose end is owed to a future."""

    __slots__ = ("deadline", "future", "outgoing", "started", "timeout", "topic")

    def __init__(self, outgoing: Outgoing, future: asyncio.Future[Any], topic: str, timeout_ms: Optional[int]) -> None:
        self.outgoing = outgoing
        self.future = future
        self.topic = topic
        self.timeout = timeout_ms / 1000 if timeout_ms else outgoing.default_timeout
        self.started = outgoing.loop.time()
        self.deadline = self.started + self.timeout

    def end(self, value: Any, error: Optional[BaseException]) -> None:
        """Is told its end, once."""
        self.outgoing.ended()
        end(self.future, value, error)

    def completed(self, _: int, value: Any, error: Optional[BaseException]) -> None:
        """Is told its end by the completion queue."""
        self.end(value, error)

    def left_ms(self, now: float) -> Optional[int]:
        """The time-out to hand over; None: the one that was given."""
        waited = now - self.started
        if waited <= _SAME_TIME_S or self.outgoing.policy == "wait_forever":
            return None
        return max(1, math.ceil(1000 * (self.timeout - waited)))


class Send(Departure):
    """One message."""

    __slots__ = ("departures", "lender", "native")

    def __init__(
        self,
        outgoing: Outgoing,
        future: asyncio.Future[Any],
        topic: str,
        lent: tuple[Any, Any],
        departures: Departures,
    ) -> None:
        super().__init__(outgoing, future, topic, departures[0])
        #: Its struct, and what lends it what it points to.
        self.native, self.lender = lent
        self.departures = departures

    def goes_with(self, first: Send, share: float) -> bool:
        """Whether one call can hand over both."""
        if self.departures is not first.departures and self.departures != first.departures:
            return False
        return -_SAME_TIME_S <= self.started - first.started <= share


class Several(Departure):
    """Messages of one topic that leave in one piece."""

    __slots__ = ("count", "departures", "lent", "passed")

    def __init__(
        self, outgoing: Outgoing, future: asyncio.Future[Any], topic: str, lent: Array, departures: Departures
    ) -> None:
        super().__init__(outgoing, future, topic, departures[0])
        self.lent: Optional[Array] = lent
        self.count = lent.count
        self.departures = departures
        #: How many were handed over, or have ended without.
        self.passed = 0

    def handed(self, first_key: int) -> Waiter:
        """Who is told the ends of those that go now, whose keys begin here."""
        raise NotImplementedError

    def end_next(self, error: BaseException) -> None:
        """The next one ends with an error, in place of being handed over."""
        raise NotImplementedError

    def end(self, value: Any, error: Optional[BaseException]) -> None:
        """All that were not handed over end with the error."""
        assert error is not None
        while self.passed < self.count:
            self.end_next(copy.copy(error))


class Call(Departure):
    """A call of the library that takes something; with the time-out that is left, or None for the one given."""

    __slots__ = ("submit",)

    def __init__(
        self,
        outgoing: Outgoing,
        future: asyncio.Future[Any],
        topic: str,
        timeout_ms: Optional[int],
        submit: Callable[[Optional[int]], None],
    ) -> None:
        super().__init__(outgoing, future, topic, timeout_ms)
        self.submit = submit


class _Lookup:
    """A route that is being looked for, and what waits for it."""

    __slots__ = ("late", "outgoing", "topic", "waiting")

    def __init__(self, outgoing: Outgoing, topic: str, waiting: list[Departure]) -> None:
        self.outgoing = outgoing
        self.topic = topic
        #: What was there when it began: its failure is theirs.
        self.waiting = waiting
        #: What came later, with more time.
        self.late: list[Departure] = []

    def completed(self, _: int, __: Optional[Receipt], error: Optional[BaseException]) -> None:
        """Is told by the completion queue whether the route was found."""
        self.outgoing.found(self.topic, error)


class Outgoing:
    """See the module's text. Belongs to one event loop, and keeps its producer alive."""

    def __init__(
        self, producer: object, handle: Optional[c_void_p], queue: CompletionQueue, policy: str, default_timeout: float
    ) -> None:
        self.loop = asyncio.get_running_loop()
        #: ``backpressure``, of the event loop instead of the thread.
        self.policy = policy
        self.default_timeout = default_timeout
        #: How many departures have no end yet.
        self.owed = 0
        self._producer = producer
        self._handle = handle
        self._queue = queue
        self._ready: deque[Departure] = deque()
        self._routes: set[str] = set()
        self._lookups: dict[str, _Lookup] = {}
        self._scheduled = self._pumping = False
        #: Why there was no room the last time; None: there is.
        self._full: Optional[MqError] = None
        self._timer: Optional[asyncio.TimerHandle] = None
        #: No deadline is earlier.
        self._earliest = math.inf
        self._idle: list[asyncio.Future[None]] = []

    def add(self, departure: Departure, count: int = 1) -> None:
        """Sends it when this turn of the loop ends, its topic's route is known, and there is room."""
        self.owed += count
        self._earliest = min(self._earliest, departure.deadline)
        # A topic of no name is refused by the send, in its own words.
        if departure.topic and departure.topic not in self._routes:
            lookup = self._lookups.get(departure.topic)
            if lookup is None:
                self._look_up(departure.topic, [departure])
            else:
                lookup.late.append(departure)
            return
        self._ready.append(departure)
        if self._full is None:
            if len(self._ready) >= AT_ONCE or count >= AT_ONCE:
                self._pump()
            else:
                self._schedule()

    def room(self) -> None:
        """Goes on: there may be room again."""
        if self._full is not None:
            self._full = None
            self._pump()

    def owe(self) -> None:
        """Counts a departure."""
        self.owed += 1

    def ended(self, count: int = 1) -> None:
        """Counts ends of departures."""
        self.owed -= count
        if self.owed == 0:
            self._wake()

    async def idle(self, timeout: float) -> bool:
        """Waits until nothing is owed any more; whether that was so in time."""
        if self.owed == 0:
            return True
        future = self.loop.create_future()
        self._idle.append(future)
        timer = self.loop.call_later(timeout, end, future, None, None)
        try:
            await future
        finally:
            timer.cancel()
            if future in self._idle:
                self._idle.remove(future)
        return self.owed == 0

    def abandon(self, error: MqError) -> None:
        """Ends with an error what was not handed over; nothing may be added any more."""
        if self._timer is not None:
            self._timer.cancel()
        left, lookups = list(self._ready), list(self._lookups.values())
        self._ready.clear()
        self._lookups.clear()
        for lookup in lookups:
            left += lookup.waiting + lookup.late
        for departure in left:
            departure.end(None, copy.copy(error))

    def found(self, topic: str, error: Optional[BaseException]) -> None:
        """Ends a lookup."""
        lookup = self._lookups.pop(topic, None)
        if lookup is None:
            return
        if error is None:
            self._routes.add(topic)
            self._ready.extend(lookup.waiting)
            self._ready.extend(lookup.late)
            if self._full is None:
                self._schedule()
            return
        again = lookup.late if isinstance(error, MqError) and error.retriable else []
        for departure in lookup.waiting if again else lookup.waiting + lookup.late:
            departure.end(None, copy.copy(error))
        if again:
            self._look_up(topic, again)

    def _look_up(self, topic: str, waiting: list[Departure]) -> None:
        lookup = _Lookup(self, topic, waiting)
        self._lookups[topic] = lookup
        left = max(departure.deadline for departure in waiting) - self.loop.time()
        keys, error = self._queue.expect([lookup], 1), c_void_p()
        status = lib.mqp_producer_find_route(
            self._handle, str_of("topic", topic), max(1, int(left * 1000)), self._queue.handle, keys[0], byref(error)
        )
        if status == Status.OK:
            self._look_around()
            return
        self._queue.forget(keys)
        try:
            check(status, error)
        except MqError as refused:
            # Also for those who come during the callbacks of this one.
            self.found(topic, refused)

    def _schedule(self) -> None:
        if not self._scheduled and not self._pumping:
            self._scheduled = True
            self.loop.call_soon(self._pump)

    def _pump(self) -> None:
        """Hands over what is ready, as long as there is room."""
        if self._pumping:
            # A hook sends.
            return
        self._scheduled, self._pumping = False, True
        try:
            while self._ready and self._full is None:
                first = self._ready.popleft()
                if isinstance(first, Several):
                    self._send_several(first)
                elif first.future.done():
                    self.ended()
                elif isinstance(first, Call):
                    self._call(first)
                elif isinstance(first, Send):
                    self._send(self._group(first))
        finally:
            self._pumping = False
            if self._full is not None:
                self._look_around()
            elif self._ready:
                # Ctrl-C in a hook.
                self._schedule()

    def _group(self, first: Send) -> list[Send]:
        """What goes together with the first."""
        group = [first]
        left = first.left_ms(self.loop.time())
        share = _SAME_TIME_S if left is None else max(_SAME_TIME_S, left / 1000 * _SAME_SHARE)
        ready = self._ready
        while ready and len(group) < AT_ONCE:
            following = ready[0]
            if not isinstance(following, Send) or not following.goes_with(first, share):
                break
            ready.popleft()
            if following.future.done():
                self.ended()
            else:
                group.append(following)
        return group

    def _send(self, group: list[Send]) -> None:
        try:
            options = self._options(group[0], group[0].departures)
        except (TypeError, ValueError) as wrong:
            for send in group:
                send.end(None, copy.copy(wrong))
            return
        natives = bytearray().join([send.native for send in group])
        at = byref(_abi_message.Message.from_buffer(natives))
        taken, why, interrupt = self._hand_over(at, options, self._queue.expect(group, len(group)))
        for send in group[:taken]:
            # The library has its copy.
            send.native = send.lender = None
        if why is not None:
            self._refused(group[taken:], why)
        if interrupt is not None:
            raise interrupt

    def _send_several(self, several: Several) -> None:
        lent = several.lent
        if several.future.done() or lent is None:
            left, several.passed, several.lent = several.count - several.passed, several.count, None
            self.ended(left)
            return
        try:
            options = self._options(several, several.departures)
        except (TypeError, ValueError) as wrong:
            several.end(None, wrong)
            return
        passed, left = several.passed, several.count - several.passed
        keys = self._queue.expect(repeat(several.handed(self._queue.next_key), left), left)
        taken, why, interrupt = self._hand_over(lent.at(passed), options, keys)
        several.passed = passed + taken
        if why is not None:
            if isinstance(why, BackpressureError) and self.policy != "fail":
                self._full = why
            else:
                several.end_next(why)
            if several.passed < several.count:
                self._ready.appendleft(several)
        if several.passed == several.count:
            several.lent = None
        if interrupt is not None:
            raise interrupt

    def _options(self, first: Departure, departures: Departures) -> tuple[Any, Optional[Choice]]:
        """The options of messages, with the time that the first has left."""
        timeout_ms, selector, sharding_key = departures
        left = first.left_ms(self.loop.time())
        return lend_options(timeout_ms if left is None else left, selector, sharding_key)

    def _hand_over(
        self, at: Any, lent_options: tuple[Any, Optional[Choice]], keys: array[int]
    ) -> tuple[int, Optional[BaseException], Optional[BaseException]]:
        """Hands messages to the library. How many it took, why it did not take the next, and a Ctrl-C that was met."""
        options, choice = lent_options
        count = len(keys)
        accepted, error = c_size_t(), c_void_p()
        status = lib.mqp_producer_send_many(
            self._handle,
            at,
            count,
            SIZE,
            options,
            self._queue.handle,
            byref(c_void_p.from_buffer(keys)),
            byref(accepted),
            byref(error),
        )
        taken, interrupt = accepted.value, take_interrupt()
        raised = choice.end() if choice is not None else None
        why: Optional[BaseException] = None
        if taken < count:
            self._queue.forget(keys[taken:])
            why = raised or _read_refusal(status, error, taken)
        lib.mqp_error_free(error)
        return taken, why, interrupt

    def _call(self, call: Call) -> None:
        try:
            call.submit(call.left_ms(self.loop.time()))
        except KeyboardInterrupt as interrupt:
            call.end(None, interrupt)
            raise
        except BaseException as refused:
            self._refused([call], refused)

    def _refused(self, rest: Union[list[Send], list[Call]], why: BaseException) -> None:
        """The first of these was not taken."""
        if isinstance(why, BackpressureError) and self.policy != "fail":
            self._full = why
        else:
            rest[0].end(None, why)
            rest = rest[1:]
        self._ready.extendleft(reversed(rest))

    def _look_around(self) -> None:
        if self._timer is None and (self._full is not None or self._lookups):
            self._timer = self.loop.call_later(_LOOK_S, self._look)

    def _look(self) -> None:
        self._timer = None
        now = self.loop.time()
        if now >= self._earliest:
            self._expire(now)
        self.room()
        self._look_around()

    def _expire(self, now: float) -> None:
        """Ends what waits for room or a route longer than its time."""
        self._earliest = math.inf
        if self._full is not None and self.policy != "wait_forever":
            full = self._full
            self._ready = deque(self._those_in_time(self._ready, now, lambda _: copy.copy(full)))
        for lookup in self._lookups.values():
            lookup.waiting = self._those_in_time(lookup.waiting, now, _no_route_in_time)
            lookup.late = self._those_in_time(lookup.late, now, _no_route_in_time)

    def _those_in_time(
        self, departures: Union[list[Departure], deque[Departure]], now: float, why: Callable[[str], MqError]
    ) -> list[Departure]:
        in_time = []
        for departure in departures:
            if departure.deadline > now and not departure.future.done():
                in_time.append(departure)
                self._earliest = min(self._earliest, departure.deadline)
            else:
                departure.end(None, why(departure.topic))
        return in_time

    def _wake(self) -> None:
        for future in self._idle:
            end(future, None, None)


def _read_refusal(status: int, error: c_void_p, index: int) -> MqError:
    """The error of one message among many."""
    refused = read_error(error)
    prefix = f"messages[{index}]: "
    if refused.message.startswith(prefix):
        refused.message = refused.message[len(prefix) :]
    refused.args = (refused.message,)
    return refused


def _no_route_in_time(topic: str) -> MqError:
    text = f"the route of topic `{topic}` was not known before the send's deadline"
    return refusal(MqTimeoutError, text, retriable=True, code=10002)
