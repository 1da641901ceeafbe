"""Messages that a broker handed to this client."""

from __future__ import annotations

from ctypes import byref, c_void_p, string_at
from dataclasses import dataclass
from typing import Union

from . import _abi, _abi_message
from ._frozen import Frozen
from ._library import lib
from ._native import check, text_of


@dataclass(frozen=True)
class ReceivedMessage(Frozen):
    """The reply to a request, or a half message whose transaction is checked; or one that comes back unsent, in a
    :class:`~mqproducer.ReliabilityEvent`. A copy, which may be kept."""

    __slots__ = (
        "topic",
        "body",
        "tags",
        "keys",
        "properties",
        "flag",
        "message_id",
        "offset_message_id",
        "transaction_id",
        "born_host",
        "store_host",
        "queue_id",
        "queue_offset",
        "commit_log_offset",
        "born_timestamp",
        "store_timestamp",
        "reconsume_times",
    )

    #: The topic, without the configured namespace.
    topic: str
    #: The body, decompressed.
    body: bytes
    #: The tag; empty: none.
    tags: str
    #: The index keys, separated by spaces; empty: none.
    keys: str
    #: All properties, those that RocketMQ sets included; of several with one name the last.
    properties: dict[str, str]
    #: The flag that its producer gave it.
    flag: int
    #: The unique id that its producer gave it.
    message_id: str
    #: The broker's id: store address and commit-log offset. Empty for a reply.
    offset_message_id: str
    #: Transaction id; empty when there is none.
    transaction_id: str
    #: Its producer's ``host:port``; empty when the broker does not tell.
    born_host: str
    #: The broker's ``host:port``; empty when it does not tell.
    store_host: str
    #: The queue that it is in.
    queue_id: int
    #: Its offset in the queue; -1 for a reply.
    queue_offset: int
    #: Its offset in the broker's commit log; -1 for a reply.
    commit_log_offset: int
    #: When its producer made it, in milliseconds since 1970.
    born_timestamp: int
    #: When the broker got it, in milliseconds since 1970.
    store_timestamp: int
    #: How often consumers gave it back.
    reconsume_times: int


def read_received(message: Union[c_void_p, int, None]) -> ReceivedMessage:
    """A copy of a library's message, which stays its owner's."""
    view = _abi.sized(_abi_message.ReceivedMessageView)
    name, value, error = _abi.Text(), _abi.Text(), c_void_p()
    check(lib.mqp_received_message_get(message, byref(view), byref(error)), error)
    properties = {}
    for index in range(lib.mqp_received_message_property_count(message)):
        status = lib.mqp_received_message_property_at(message, index, byref(name), byref(value), byref(error))
        check(status, error)
        properties[text_of(name)] = text_of(value)
    return ReceivedMessage(
        topic=text_of(view.topic),
        body=string_at(view.body.ptr or 0, view.body.len),
        tags=text_of(view.tags),
        keys=text_of(view.keys),
        properties=properties,
        flag=view.flag,
        message_id=text_of(view.message_id),
        offset_message_id=text_of(view.offset_message_id),
        transaction_id=text_of(view.transaction_id),
        born_host=text_of(view.born_host),
        store_host=text_of(view.store_host),
        queue_id=view.queue_id,
        queue_offset=view.queue_offset,
        commit_log_offset=view.commit_log_offset,
        born_timestamp=view.born_timestamp,
        store_timestamp=view.store_timestamp,
        reconsume_times=view.reconsume_times,
    )


def take_received(message: c_void_p) -> ReceivedMessage:
    """A copy of a message that is owned here, which it frees."""
    try:
        return read_received(message)
    finally:
        lib.mqp_received_message_free(message)
