"""Messages to send, and how they are lent to the library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ctypes import addressof, c_char, sizeof
from dataclasses import dataclass
from typing import Any, Optional, Union

from . import _abi
from ._native import str_of

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


def lend(message: Message) -> tuple[_abi.Message, Any]:
    """The C view of a message, and what must live as long as it is used.

    ``bytes``, ``bytearray`` and writable memoryviews are lent without a copy. A read-only memoryview is copied once,
    because ctypes gives no address of one.
    """
    native = _abi.sized(_abi.Message)
    native.topic = str_of("topic", message.topic)
    native.body, lender = _lend_body(message.body)
    if message.tags is not None:
        native.tags = str_of("tags", message.tags)
    if message.keys is not None:
        keys = message.keys
        native.keys = str_of("keys", keys if isinstance(keys, str) else " ".join(keys))
    if not -0x80000000 <= message.flag <= 0x7FFFFFFF:
        raise ValueError(f"flag is {message.flag}; the range is {-0x80000000} to {0x7FFFFFFF}")
    native.flag = message.flag
    native.no_wait_store = bool(message.no_wait_store)
    native.property_size = sizeof(_abi.Property)
    if message.properties:
        count = len(message.properties)
        native.properties = (_abi.Property * count)(
            *(
                _abi.Property(str_of("a property's name", name), str_of(f"the property {name!r}", value))
                for name, value in message.properties.items()
            )
        )
        native.property_count = count
    return native, lender


def _lend_body(body: object) -> tuple[_abi.Bytes, Any]:
    if isinstance(body, bytes):
        return _abi.Bytes(body, len(body)), None
    if isinstance(body, memoryview):
        if not body.c_contiguous:
            raise TypeError("body is a memoryview that is not contiguous; copy it with bytes()")
        if body.readonly:
            copy = body.tobytes()
            return _abi.Bytes(copy, len(copy)), None
        length = body.nbytes
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
