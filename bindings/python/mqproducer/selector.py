"""Which queue of its topic a message goes to."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from ctypes import c_size_t, sizeof
from dataclasses import dataclass
from typing import Callable, Optional, Union

from . import _abi
from ._frozen import Frozen
from ._native import milliseconds, number, str_of, text_of


@dataclass(frozen=True)
class MessageQueue(Frozen):
    """A queue of a topic, as a selector function sees it."""

    __slots__ = ("broker_name", "queue_id")

    #: The broker's name.
    broker_name: str
    #: The queue's number on that broker.
    queue_id: int


@dataclass(frozen=True)
class Random(Frozen):
    """Any queue; retries go to another broker while there is one."""

    __slots__ = ()


@dataclass(frozen=True)
class Hash(Frozen):
    """The queue by the key's hash, as the Java client's selector: most keys move when the number of queues changes.

    The message stays on its queue over its retries, so that messages of one key keep their order.
    """

    __slots__ = ("sharding_key",)

    #: Not empty.
    sharding_key: str


@dataclass(frozen=True)
class ConsistentHash(Frozen):
    """The queue by the key on a ring of hashes: only the keys of queues that come or go move.

    The message stays on its queue over its retries.
    """

    __slots__ = ("sharding_key",)

    #: Not empty.
    sharding_key: str


@dataclass(frozen=True)
class MachineRoom(Frozen):
    """One queue after the other of those whose broker's name is ``room@name`` with one of these rooms.

    The message stays on its queue over its retries.
    """

    __slots__ = ("rooms",)

    #: Names of rooms, at least one.
    rooms: Sequence[str]


@dataclass(frozen=True)
class Queue(Frozen):
    """This queue, which must be a writable one of the topic."""

    __slots__ = ("broker_name", "queue_id")

    #: The broker's name.
    broker_name: str
    #: The queue's number on that broker.
    queue_id: int


#: One of the classes above, or a function: it receives the topic's queues, ordered by broker name and number, and
#: returns the index of one. It is called once for each send, on the thread of the send and before that returns. What
#: it raises is raised by the send, and the message is not sent.
Selector = Union[Random, Hash, ConsistentHash, MachineRoom, Queue, Callable[[list[MessageQueue]], int]]


class Choice:
    """A selector function during its send; it is in the table from the beginning."""

    __slots__ = ("function", "raised")

    def __init__(self, function: Callable[[list[MessageQueue]], int]) -> None:
        self.function = function
        self.raised: Optional[BaseException] = None
        _choices[id(self)] = self

    def end(self) -> Optional[BaseException]:
        """Takes it out of the table; returns what the function raised."""
        _choices.pop(id(self), None)
        # Its traceback leads back to here.
        raised, self.raised = self.raised, None
        return raised


#: As in ``_callbacks``.
_choices: dict[int, Choice] = {}

#: The index of no queue.
_NONE = (1 << 8 * sizeof(c_size_t)) - 1


def _on_select(key: int, queues: int, count: int, element_size: int) -> int:
    choice = _choices[key]
    try:
        views = (_abi.QueueView.from_address(queues + n * element_size) for n in range(count))
        given = choice.function([MessageQueue(text_of(view.broker_name), view.queue_id) for view in views])
        index = operator.index(given)
        if not 0 <= index < _NONE:
            raise ValueError(f"the selector returned the index {index}; the range is 0 to {count - 1}")
        return index
    except BaseException as raised:
        choice.raised = raised
        return _NONE


_CALL = _abi.SELECT_CALL(_on_select)


def lend_options(
    timeout_ms: Optional[int], selector: Optional[Selector], sharding_key: Optional[str]
) -> tuple[Optional[_abi.SendOptions], Optional[Choice]]:
    """The C view of a send's options, None when all are defaults, and the selector function in it, whose ``end`` must
    be called after the send."""
    if sharding_key is not None:
        if selector is not None:
            raise TypeError("sharding_key stands for selector=Hash(sharding_key); give one of them")
        selector = Hash(sharding_key)
    if timeout_ms is None and selector is None:
        return None, None
    options = _abi.sized(_abi.SendOptions)
    if timeout_ms is not None:
        options.timeout_ms = milliseconds("timeout_ms", timeout_ms)
    if selector is None:
        return options, None
    if isinstance(selector, (Hash, ConsistentHash)):
        options.selector = _abi.SELECT_HASH if isinstance(selector, Hash) else _abi.SELECT_CONSISTENT_HASH
        options.sharding_key = str_of("sharding_key", selector.sharding_key)
    elif isinstance(selector, Random):
        options.selector = _abi.SELECT_RANDOM
    elif isinstance(selector, MachineRoom):
        options.selector = _abi.SELECT_MACHINE_ROOM
        options.machine_rooms = str_of("machine rooms", _joined(selector.rooms))
    elif isinstance(selector, Queue):
        options.selector = _abi.SELECT_QUEUE
        options.broker_name = str_of("broker_name", selector.broker_name)
        options.queue_id = number("queue_id", selector.queue_id, 0, 0x7FFFFFFF)
    elif callable(selector) and not isinstance(selector, type):
        options.selector = _abi.SELECT_CALLBACK
        choice = Choice(selector)
        options.queue_selector = _abi.QueueSelector(_CALL, id(choice))
        return options, choice
    else:
        raise TypeError(f"selector must be one of this package or a function, not {selector!r}")
    return options, None


def _joined(rooms: Sequence[str]) -> str:
    if isinstance(rooms, str):
        raise TypeError("rooms must be a sequence of str, not one str")
    for room in rooms:
        if not isinstance(room, str):
            raise TypeError(f"a room must be str, not {type(room).__name__}")
        if "," in room:
            raise ValueError(f"the room {room!r} holds a comma")
    return ",".join(rooms)
