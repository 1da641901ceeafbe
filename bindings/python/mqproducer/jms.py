"""What a JMS message has beside what every message has, for ActiveMQ."""

from __future__ import annotations

from collections.abc import Mapping
from ctypes import sizeof, string_at
from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum
from typing import Any, Optional, Union

from . import _abi, _abi_message
from ._native import number, str_of, text_of
from .errors import MessageError, refusal


class JmsType(IntEnum):
    """The types of JMS values that are not Python's own; see :class:`Typed`."""

    BYTE = 2
    CHAR = 3
    SHORT = 4
    INT = 5
    LONG = 6
    DOUBLE = 7
    FLOAT = 8


@dataclass(frozen=True)
class Typed:
    """A number of a JMS type of the caller's choice; a ``CHAR`` is the number of a UTF-16 code unit."""

    #: Its type.
    type: JmsType
    #: Its value.
    value: Union[int, float]


#: A typed property or an entry of a map. Of Python's own types ``int`` becomes an int of 32 bits or a long, ``float`` a
#: double.
JmsValue = Union[None, bool, int, float, str, bytes, Typed]

_NULL, _BOOL, _TEXT, _BYTES = 0, 1, 9, 10
_INT_MIN, _INT_MAX = -0x80000000, 0x7FFFFFFF
_BODY_TEXT, _BODY_MAP = 1, 2
_PERSISTENT, _NON_PERSISTENT = 1, 2
_MILLISECOND = timedelta(milliseconds=1)
_ILLEGAL = 13


@dataclass
class Jms:
    """What a JMS message has beside the rest; for ActiveMQ, RocketMQ refuses a message with it."""

    #: Whether the body, which must be UTF-8, is that of a TextMessage; else it is that of a BytesMessage.
    text: bool = False
    #: The entries of a MapMessage, whose body is empty; None: it is none.
    entries: Optional[Mapping[str, JmsValue]] = None
    #: Typed properties, beside the text ones of the message.
    properties: Optional[Mapping[str, JmsValue]] = None
    #: Whether the broker keeps it in its store; None: as the configuration's ``delivery_mode`` says.
    persistent: Optional[bool] = None
    #: How long the broker keeps it, to the millisecond; 0: for ever. None: the configured ``time_to_live``.
    time_to_live: Optional[timedelta] = None
    #: ``JMSCorrelationID``.
    correlation_id: Optional[str] = None
    #: ``JMSReplyTo``, a destination.
    reply_to: Optional[str] = None
    #: ``JMSType``.
    message_type: Optional[str] = None
    #: ``JMSXGroupID``: one consumer gets all messages of a group, in order. None: the ``sharding_property``.
    group_id: Optional[str] = None
    #: ``JMSXGroupSeq``.
    group_sequence: int = 0


def lend(jms: Jms) -> _abi_message.Jms:
    """Its C view, which keeps alive what it points to."""
    if not isinstance(jms, Jms):
        raise TypeError(f"jms must be Jms, not {type(jms).__name__}")
    native = _abi.sized(_abi_message.Jms)
    native.property_size = sizeof(_abi_message.TypedProperty)
    if jms.text:
        native.body_type = _BODY_TEXT
    if jms.entries is not None:
        if jms.text:
            raise refusal(MessageError, "text and entries are both given; a message has one body", code=_ILLEGAL)
        native.body_type = _BODY_MAP
        native.entries, native.entry_count = _values(jms.entries)
    if jms.properties:
        native.properties, native.property_count = _values(jms.properties)
    if jms.persistent is not None:
        native.delivery_mode = _PERSISTENT if jms.persistent else _NON_PERSISTENT
    if jms.time_to_live is not None:
        if not isinstance(jms.time_to_live, timedelta):
            raise TypeError(f"time_to_live must be timedelta, not {type(jms.time_to_live).__name__}")
        if jms.time_to_live < timedelta(0):
            raise refusal(MessageError, f"time_to_live is {jms.time_to_live!r}; the minimum is 0", code=_ILLEGAL)
        native.has_time_to_live = 1
        native.time_to_live_ms = -(-jms.time_to_live // _MILLISECOND)
    for field in ("correlation_id", "reply_to", "message_type", "group_id"):
        value = getattr(jms, field)
        if value is not None:
            setattr(native, field, str_of(field, value))
    native.group_sequence = number("group_sequence", jms.group_sequence, -0x80000000, 0x7FFFFFFF)
    return native


def _values(values: Mapping[str, JmsValue]) -> tuple[Any, int]:
    array = (_abi_message.TypedProperty * len(values))()
    for native, (name, value) in zip(array, values.items()):
        native.name = str_of("a property's name", name)
        _lend_value(native, name, value)
    return array, len(values)


def _lend_value(native: _abi_message.TypedProperty, name: str, value: JmsValue) -> None:
    what = f"the property {name!r}"
    if value is None:
        native.value_type = _NULL
    elif isinstance(value, bool):
        native.value_type, native.integer = _BOOL, value
    elif isinstance(value, Typed):
        native.value_type = JmsType(value.type)
        if native.value_type in (JmsType.DOUBLE, JmsType.FLOAT):
            native.number = float(value.value)
        else:
            native.integer = number(what, value.value, -(1 << 63), (1 << 63) - 1)
    elif isinstance(value, int):
        native.value_type = JmsType.INT if _INT_MIN <= value <= _INT_MAX else JmsType.LONG
        native.integer = number(what, value, -(1 << 63), (1 << 63) - 1)
    elif isinstance(value, float):
        native.value_type, native.number = JmsType.DOUBLE, value
    elif isinstance(value, (str, bytes)):
        native.value_type = _TEXT if isinstance(value, str) else _BYTES
        encoded = value.encode("utf-8") if isinstance(value, str) else value
        native.data = _abi.Bytes(encoded, len(encoded))
    else:
        raise TypeError(f"{what} must be None, bool, int, float, str, bytes or Typed, not {type(value).__name__}")


def read(view: _abi_message.JmsView) -> Jms:
    """A copy of what the library lent."""
    step = view.property_size
    persistent = {_PERSISTENT: True, _NON_PERSISTENT: False}
    return Jms(
        text=view.body_type == _BODY_TEXT,
        entries=_read_values(view.entries, view.entry_count, step) if view.body_type == _BODY_MAP else None,
        properties=_read_values(view.properties, view.property_count, step) or None,
        persistent=persistent.get(view.delivery_mode),
        time_to_live=view.time_to_live_ms * _MILLISECOND if view.has_time_to_live else None,
        correlation_id=text_of(view.correlation_id) or None,
        reply_to=text_of(view.reply_to) or None,
        message_type=text_of(view.message_type) or None,
        group_id=text_of(view.group_id) or None,
        group_sequence=view.group_sequence,
    )


def _read_values(first: Optional[int], count: int, step: int) -> dict[str, JmsValue]:
    places = ((first or 0) + index * step for index in range(count))
    views = (_abi_message.TypedPropertyView.from_address(place) for place in places)
    return {text_of(view.name): _read_value(view) for view in views}


def _read_value(view: _abi_message.TypedPropertyView) -> JmsValue:
    kind = view.value_type
    if kind == _NULL:
        return None
    if kind == _BOOL:
        return bool(view.integer)
    if kind in (_TEXT, _BYTES):
        data = string_at(view.data.ptr or 0, view.data.len)
        return data.decode("utf-8") if kind == _TEXT else data
    if kind == JmsType.DOUBLE:
        return view.number
    if kind == JmsType.FLOAT:
        return Typed(JmsType.FLOAT, view.number)
    # Python's own number where it says the same.
    if kind == JmsType.INT or (kind == JmsType.LONG and not _INT_MIN <= view.integer <= _INT_MAX):
        return view.integer
    return Typed(JmsType(kind), view.integer)
