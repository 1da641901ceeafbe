"""Messages that are lent to the library by filling memory: ctypes takes its time for each field of a struct."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable
from ctypes import byref, c_void_p, sizeof, string_at
from struct import Struct
from typing import Any, Literal, Optional

from . import _abi, _abi_message
from ._native import str_of
from .message import Message, lend

#: The size of a message's struct, and where in it are the address and the length of the body.
SIZE = sizeof(_abi_message.Message)
BODY_AT = _abi_message.Message.body.offset
BODY = Struct("@NN")

_WORD: Literal["Q", "I"] = "Q" if sizeof(c_void_p) == 8 else "I"
_WORDS = SIZE // sizeof(c_void_p)
_ADDRESS, _LENGTH = (BODY_AT // sizeof(c_void_p) + n for n in (0, 1))

#: Where the bytes of a bytes object begin, from its `id`.
START = bytes.__basicsize__ - 1


def _starts_there() -> bool:
    probe = b"mqproducer"
    return sys.implementation.name == "cpython" and string_at(id(probe) + START, len(probe)) == probe


_KNOWN = _starts_there()

#: The struct of a plain message of a topic with a tag, but for its body, and what keeps its texts where they are.
Template = tuple[bytes, Any]

#: Those that were made so far; at most `_MOST`.
_templates: dict[tuple[str, Optional[str]], Template] = {}
_MOST = 1024


def template_of(message: Message, body: object) -> Optional[Template]:
    """The struct of a plain message, into which its body is filled; None for one that :func:`~.message.lend` lends: it
    has more than topic, tag and a body of bytes, or something wrong."""
    if (
        message.__class__ is Message
        and body.__class__ is bytes
        and message.keys is None
        and not message.properties
        and message.flag == 0
        and not message.no_wait_store
        and message.delay_level is None
        and message.delay is None
        and message.deliver_at is None
        and message.priority is None
        and message.lite_topic is None
        and message.sharding_property is None
        and message.trace_parent is None
        and message.jms is None
    ):
        topic, tags = message.topic, message.tags
        if topic.__class__ is str and (tags is None or tags.__class__ is str):
            return _templates.get((topic, tags)) or _new_template(topic, tags)
    return None


def _new_template(topic: str, tags: Optional[str]) -> Optional[Template]:
    if not _KNOWN:
        return None
    native = _abi.sized(_abi_message.Message)
    native.topic = str_of("topic", topic)
    if tags is not None:
        native.tags = str_of("tags", tags)
    native.property_size = sizeof(_abi_message.Property)
    if len(_templates) >= _MOST:
        # Those in use are held by who uses them.
        _templates.clear()
    template = _templates[topic, tags] = bytes(native), native
    return template


def struct_of(message: Message) -> tuple[Any, Any]:
    """The struct of one message as bytes, and what must live as long as it is used."""
    body = message.body
    template = template_of(message, body)
    if template is None:
        return lend(message)
    struct = bytearray(template[0])
    BODY.pack_into(struct, BODY_AT, id(body) + START, len(body))
    return struct, (template, body)


class Array:
    """The C array of some messages, as long as this lives."""

    __slots__ = ("_keepers", "_structs", "count")

    def __init__(self, messages: Iterable[Any]) -> None:
        structs: list[Any] = []
        addresses: list[int] = []
        lengths: list[int] = []
        keepers: list[Any] = []
        for message in messages:
            if not isinstance(message, Message):
                raise TypeError(f"messages[{len(structs)}] must be Message, not {type(message).__name__}")
            body = message.body
            template = template_of(message, body)
            if template is not None:
                structs.append(template[0])
                addresses.append(id(body) + START)
                lengths.append(len(body))
                keepers.append(template)
                keepers.append(body)
            else:
                native, lender = lend(message)
                address, length = BODY.unpack_from(native, BODY_AT)
                structs.append(native)
                addresses.append(address)
                lengths.append(length)
                keepers.append(lender)
        self.count = len(structs)
        #: What keeps all that they point to.
        self._keepers = keepers, structs
        # There is memory even for none.
        memory = bytearray().join(structs) or bytearray(SIZE)
        if structs:
            words = memoryview(memory).cast(_WORD)
            words[_ADDRESS::_WORDS] = memoryview(array(_WORD, addresses))
            words[_LENGTH::_WORDS] = memoryview(array(_WORD, lengths))
        self._structs = _abi_message.Message.from_buffer(memory)

    def at(self, index: int) -> Any:
        """The address of one of them, as an argument."""
        return byref(self._structs, index * SIZE)
