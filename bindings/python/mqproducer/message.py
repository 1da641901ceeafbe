"""Messages to send, and how they are lent to the library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ctypes import addressof, c_char, pointer, sizeof, string_at
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, Optional, TypedDict, Union

from . import _abi, _abi_message
from ._borrowed import Borrowed
from ._native import number, str_of, text_of
from .errors import MessageError, refusal
from .jms import Jms
from .jms import lend as lend_jms
from .jms import read as read_jms

#: What a body may be. Text is refused: encode it, so that its bytes are the caller's choice.
Body = Union[bytes, bytearray, memoryview]

#: Index keys: one text, in which spaces separate them, or several texts.
Keys = Union[str, Sequence[str]]


@dataclass
class Message:
    """A message to send. The library copies it during the call; it may be changed and sent again after that."""

    #: Required: 1 to 127 bytes of ``%|a-zA-Z0-9_-``.
    topic: str
    #: Required: 1 byte to ``max_message_size``. NUL bytes are data. No other thread may change it during the send.
    body: Body
    #: Tag for the broker's filter; None: none.
    tags: Optional[str] = None
    #: Index keys; None: none.
    keys: Optional[Keys] = None
    #: User properties, none when None: neither name nor value is empty or holds the characters 1 and 2.
    properties: Optional[Mapping[str, str]] = None
    #: Carried to the consumer, not read by the broker; 32 bits with a sign.
    flag: int = 0
    #: Whether the broker may answer before the message is stored to its configured safety.
    no_wait_store: bool = False
    #: When it is delivered, as the delay of a level from 1 on: a RocketMQ broker has 18, unless configured otherwise,
    #: and takes a level over its highest for that one. Of this, ``delay`` and ``deliver_at`` at most one may be given.
    delay_level: Optional[int] = None
    #: When it is delivered, as the time from its coming to the broker; a part of a millisecond counts as a whole one, 0
    #: is no delay. The timer of a RocketMQ broker rounds to its precision, 1 s by default, and refuses what is over its
    #: limit, 3 days by default.
    delay: Optional[timedelta] = None
    #: When it is delivered, with a time zone and after 1970, to the millisecond; a time that has passed: at once.
    deliver_at: Optional[datetime] = None
    #: From 0; a RocketMQ broker then chooses the queue by it: the number of the priority, or the last one.
    priority: Optional[int] = None
    #: The lite topic inside the topic; None: none.
    lite_topic: Optional[str] = None
    #: What orders messages, for those who read it as the property ``__SHARDINGKEY``; None: none. It does not choose the
    #: queue: that is what the argument ``sharding_key`` of a send does.
    sharding_property: Optional[str] = None
    #: The W3C trace context that it belongs to, ``00-<32 hex digits>-<16 hex digits>-<2 hex digits>`` in lower case,
    #: carried as the property ``traceparent``; None: what :meth:`~mqproducer.Producer.set_trace_context` tells, if
    #: anything.
    trace_parent: Optional[str] = None
    #: What a JMS message has beside all this, for ActiveMQ; None: nothing.
    jms: Optional[Jms] = None


class MessageFields(TypedDict, total=False):
    """The fields of a :class:`Message` that may be left out, as the keyword arguments of sends."""

    tags: Optional[str]
    keys: Optional[Keys]
    properties: Optional[Mapping[str, str]]
    flag: int
    no_wait_store: bool
    delay_level: Optional[int]
    delay: Optional[timedelta]
    deliver_at: Optional[datetime]
    priority: Optional[int]
    lite_topic: Optional[str]
    sharding_property: Optional[str]
    trace_parent: Optional[str]
    jms: Optional[Jms]


#: What RocketMQ's Java client calls an illegal message.
_ILLEGAL = 13
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MILLISECOND = timedelta(milliseconds=1)


def lend(message: Message) -> tuple[_abi_message.Message, Any]:
    """The C view of a message, and what must live as long as it is used.

    The body is lent without a copy.
    """
    native = _abi.sized(_abi_message.Message)
    native.topic = str_of("topic", message.topic)
    native.body, lender = _lend_body(message.body)
    if message.tags is not None:
        native.tags = str_of("tags", message.tags)
    if message.keys is not None:
        keys = message.keys
        native.keys = str_of("keys", keys if isinstance(keys, str) else " ".join(keys))
    if message.flag != 0:
        native.flag = _field("flag", message.flag, -0x80000000, 0x7FFFFFFF)
    native.no_wait_store = bool(message.no_wait_store)
    native.property_size = sizeof(_abi_message.Property)
    if message.properties:
        count = len(message.properties)
        native.properties = (_abi_message.Property * count)(
            *(
                _abi_message.Property(str_of("a property's name", name), str_of(f"the property {name!r}", value))
                for name, value in message.properties.items()
            )
        )
        native.property_count = count
    if message.delay_level is not None:
        native.delay_level = _field("delay_level", message.delay_level, 1, 0x7FFFFFFF)
    if message.delay is not None:
        _lend_delay(native, message.delay)
    if message.deliver_at is not None:
        native.deliver_at_ms = _since_1970("deliver_at", message.deliver_at)
    if message.priority is not None:
        native.has_priority = 1
        native.priority = _field("priority", message.priority, 0, 0x7FFFFFFF)
    if message.lite_topic is not None:
        native.lite_topic = str_of("lite_topic", message.lite_topic)
    if message.sharding_property is not None:
        native.sharding_key = str_of("sharding_property", message.sharding_property)
    if message.trace_parent is not None:
        native.trace_parent = str_of("trace_parent", message.trace_parent)
    if message.jms is not None:
        native.jms = pointer(lend_jms(message.jms))
    return native, lender


def _field(what: str, value: object, lowest: int, highest: int) -> int:
    """A number of a message; what its C type does not hold is refused as the library refuses what it does not take."""
    try:
        return number(what, value, lowest, highest)
    except ValueError as wrong:
        raise refusal(MessageError, str(wrong), code=_ILLEGAL) from None


def _lend_delay(native: _abi_message.Message, delay: object) -> None:
    if not isinstance(delay, timedelta):
        raise TypeError(f"delay must be timedelta, not {type(delay).__name__}")
    # Rounded up: never too early.
    milliseconds = -(-delay // _MILLISECOND)
    if milliseconds < 0:
        raise refusal(MessageError, f"delay is {delay!r}; the minimum is 0", code=_ILLEGAL)
    if milliseconds % 1000:
        native.delay_ms = milliseconds
    else:
        native.delay_seconds = milliseconds // 1000


def _since_1970(what: str, time: object) -> int:
    if not isinstance(time, datetime):
        raise TypeError(f"{what} must be datetime, not {type(time).__name__}")
    if time.utcoffset() is None:
        raise refusal(MessageError, f"{what} is {time.isoformat()}, which has no time zone", code=_ILLEGAL)
    milliseconds = -((_EPOCH - time) // _MILLISECOND)
    if milliseconds <= 0:
        text = f"{what} is {time.isoformat()}; it must be after {_EPOCH.isoformat()}"
        raise refusal(MessageError, text, code=_ILLEGAL)
    return milliseconds


def read_properties(first: Optional[int], count: int, step: int) -> list[tuple[str, str]]:
    """Copies of the properties that the library lent; its step may be longer than the struct that is known here."""
    views = (_abi_message.PropertyView.from_address((first or 0) + index * step) for index in range(count))
    return [(text_of(view.name), text_of(view.value)) for view in views]


def read_message(view: _abi_message.MessageView) -> Message:
    """A copy of a message that the library lent, its keys as one text."""
    delay = timedelta(seconds=view.delay_seconds, milliseconds=view.delay_ms)
    return Message(
        topic=text_of(view.topic),
        body=string_at(view.body.ptr or 0, view.body.len),
        tags=text_of(view.tags) or None,
        keys=text_of(view.keys) or None,
        properties=dict(read_properties(view.properties, view.property_count, view.property_size)) or None,
        flag=view.flag,
        no_wait_store=bool(view.no_wait_store),
        delay_level=view.delay_level or None,
        delay=delay or None,
        deliver_at=_EPOCH + view.deliver_at_ms * _MILLISECOND if view.deliver_at_ms else None,
        priority=view.priority if view.has_priority else None,
        lite_topic=text_of(view.lite_topic) or None,
        sharding_property=text_of(view.sharding_key) or None,
        trace_parent=text_of(view.trace_parent) or None,
        jms=read_jms(_abi_message.JmsView.from_address(view.jms)) if view.jms else None,
    )


def _lend_body(body: object) -> tuple[_abi.Bytes, Any]:
    if isinstance(body, bytes):
        return _abi.Bytes(body, len(body)), None
    if isinstance(body, memoryview):
        if not body.c_contiguous:
            raise TypeError("body is a memoryview that is not contiguous; copy it with bytes()")
        length = body.nbytes
        if body.readonly and length > 0:
            lender = Borrowed(body)
            return _abi.Bytes(lender.address, length), lender
    elif isinstance(body, bytearray):
        length = len(body)
    else:
        hint = "; encode it first" if isinstance(body, str) else ""
        raise TypeError(f"body must be bytes, bytearray or memoryview, not {type(body).__name__}{hint}")
    if length == 0:
        return _abi.Bytes(None, 0), None
    # While the first byte is exported, the buffer can be neither resized nor released.
    first = c_char.from_buffer(body)
    return _abi.Bytes(addressof(first), length), first
