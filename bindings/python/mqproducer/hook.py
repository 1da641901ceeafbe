"""Hooks, which see every message on its way and may forbid it."""

from __future__ import annotations

import enum
from ctypes import byref, c_void_p, memmove
from dataclasses import dataclass
from typing import Any, Optional

from . import _abi, _abi_hook
from ._abi_message import MessageView
from ._callbacks import logger, remember
from ._frozen import Frozen
from ._library import lib
from ._native import check, read_error, text_of
from .errors import MqError
from .message import Message, read_message
from .receipt import Receipt, read_receipt
from .transaction import TransactionState


class SendMode(enum.IntEnum):
    """How a message is sent."""

    #: The caller waits for its end.
    SYNC = _abi.MODE_SYNC
    #: A callback or a future is told of its end.
    ASYNC = _abi.MODE_ASYNC
    #: Nobody hears of its end.
    ONEWAY = _abi.MODE_ONEWAY


class MessageType(enum.IntEnum):
    """What a message is to the broker."""

    #: Delivered at once.
    NORMAL = _abi.MESSAGE_TYPE_NORMAL
    #: Delivered once its transaction is committed.
    HALF = _abi.MESSAGE_TYPE_HALF
    #: Delivered later.
    DELAY = _abi.MESSAGE_TYPE_DELAY


@dataclass(frozen=True)
class HookContext(Frozen):
    """A message on its way: a copy, which may be kept."""

    __slots__ = (
        "producer_group",
        "namespace",
        "mode",
        "message_type",
        "topic",
        "message_id",
        "body_length",
        "born_host",
        "broker_name",
        "broker_address",
        "queue_id",
        "message",
        "attempts",
        "cost_us",
        "message_count",
        "batch",
    )

    #: The producer's group.
    producer_group: str
    #: The producer's namespace; empty: none.
    namespace: str
    #: A :class:`SendMode`, or a plain number that this version does not know.
    mode: int
    #: A :class:`MessageType`, or a plain number that this version does not know.
    message_type: int
    #: The topic.
    topic: str
    #: The unique id that the producer gave the message; of a batch, its first request's own.
    message_id: str
    #: The length of the body before it was compressed; of a batch, of all bodies together.
    body_length: int
    #: This client's address.
    born_host: str
    #: The broker chosen; after the send the one of the last try.
    broker_name: str
    #: Its ``host:port``.
    broker_address: str
    #: The queue chosen; after the send the one of the last try.
    queue_id: int
    #: A copy of the message, its keys as one text; None after the send. Of a batch, which hooks see as one message, it
    #: has the topic and ``no_wait_store``, but no body.
    message: Optional[Message]
    #: How many tries it took; 0 before the send.
    attempts: int
    #: Microseconds from its acceptance to its end; 0 before the send.
    cost_us: int
    #: How many messages there are: 1, or as many as a batch holds.
    message_count: int
    #: Copies of the messages of a batch; None after the send and for a single message.
    batch: Optional[list[Message]]


@dataclass(frozen=True)
class EndTransactionContext(Frozen):
    """The end of a transaction that a broker was told: a copy, which may be kept."""

    __slots__ = (
        "producer_group",
        "namespace",
        "state",
        "from_check",
        "topic",
        "message_id",
        "transaction_id",
        "tags",
        "keys",
        "region_id",
        "broker_name",
        "broker_address",
    )

    #: The producer's group.
    producer_group: str
    #: The producer's namespace; empty: none.
    namespace: str
    #: What the broker was told: a :class:`TransactionState`, or a plain number that this version does not know.
    state: int
    #: Whether the broker had asked, in a transaction check.
    from_check: bool
    #: The half message's topic.
    topic: str
    #: The unique id that its producer gave it.
    message_id: str
    #: The transaction's id.
    transaction_id: str
    #: The half message's tag; empty: none.
    tags: str
    #: Its index keys, separated by spaces; empty: none.
    keys: str
    #: The region of its broker; empty when that told none.
    region_id: str
    #: The broker that holds it.
    broker_name: str
    #: Its ``host:port``.
    broker_address: str


class SendHook:
    """Base of the hooks for :meth:`~mqproducer.Producer.add_hook`: each method does nothing unless it is overridden.

    They may run on several threads at the same time. Calls of the producer that wait raise
    :class:`~mqproducer.WouldDeadlockError` in :meth:`after_send`.
    """

    def check_forbidden(self, context: HookContext) -> None:
        """Whether the message may be sent: any exception refuses it.

        The send fails with :class:`~mqproducer.ForbiddenError`, which has the exception's text, up to 511 bytes of it;
        no other method is called for the message then. It runs on the thread of the send, once for each message.
        """

    def before_send(self, context: HookContext) -> None:
        """Told that the message is about to be sent.

        It runs on the thread of the send, once for each message. An exception is logged to the logger ``mqproducer``
        and changes nothing; only a ``KeyboardInterrupt`` is raised by the send, when it is over.
        """

    def after_send(self, context: HookContext, receipt: Optional[Receipt], error: Optional[MqError]) -> None:
        """Told how the message ended: the receipt and None, or None and the error.

        It runs once for each message that :meth:`before_send` was due for, on the library's dispatcher thread before
        the message's callback runs or its send returns. It must not block for long: all callbacks and sends wait for
        it. An exception is logged to the logger ``mqproducer`` and changes nothing.
        """

    def end_transaction(self, context: EndTransactionContext) -> None:
        """Told that a broker was told the end of a transaction.

        It runs once for each word to a broker, an unknown state included, but not for one that could not be written: on
        the thread that commits or rolls back; on another one for a transaction that was dropped without an end; and on
        the library's dispatcher thread for the answer to a broker's check. An exception is logged to the logger
        ``mqproducer`` and changes nothing; only a ``KeyboardInterrupt`` is raised by the commit or rollback.
        """


class _Entry:
    """A hook of one producer."""

    __slots__ = ("hook",)

    def __init__(self, hook: SendHook) -> None:
        self.hook = hook


#: As in ``_callbacks``; an entry leaves it when the library drops the hook.
_hooks: dict[int, _Entry] = {}


def register(producer: Optional[c_void_p], hook: SendHook) -> None:
    """Adds a hook to a producer of the library; what is not overridden the library does not call."""
    if not isinstance(hook, SendHook):
        raise TypeError(f"hook must be a SendHook, not {type(hook).__name__}")
    native = _abi.sized(_abi_hook.Hook)
    if _overrides(hook, "check_forbidden"):
        native.check_forbidden = _CHECK_FORBIDDEN
    if _overrides(hook, "before_send"):
        native.before_send = _BEFORE_SEND
    if _overrides(hook, "after_send"):
        native.after_send = _AFTER_SEND
    if _overrides(hook, "end_transaction"):
        native.end_transaction = _END_TRANSACTION
    native.drop = _DROP
    entry = _Entry(hook)
    key = native.user_data = id(entry)
    _hooks[key] = entry
    error = c_void_p()
    status = lib.mqp_producer_add_hook(producer, byref(native), byref(error))
    if status != _abi.OK:
        del _hooks[key]
        check(status, error)


def _overrides(hook: SendHook, name: str) -> bool:
    return getattr(getattr(hook, name), "__func__", None) is not getattr(SendHook, name)


def _on_check_forbidden(key: int, context: Any, reason: int, reason_size: int) -> int:
    try:
        _hooks[key].hook.check_forbidden(_read(context.contents))
    except BaseException as refusal:
        remember(refusal)
        text = str(refusal).replace("\0", " ") or type(refusal).__name__
        # Cut between two characters, with room for the NUL.
        cut = text.encode("utf-8", "replace")[: reason_size - 1].decode("utf-8", "ignore").encode("utf-8")
        memmove(reason, cut + b"\0", len(cut) + 1)
        return 1
    return 0


def _on_before_send(key: int, context: Any) -> None:
    hook = _hooks[key].hook
    try:
        hook.before_send(_read(context.contents))
    except BaseException as raised:
        remember(raised)
        logger.exception("before_send of the hook %r raised an exception", hook)


def _on_after_send(key: int, context: Any, end: Any) -> None:
    hook = _hooks[key].hook
    try:
        told = end.contents
        shown = _read(context.contents, told.attempts, told.cost_us)
        if told.status == _abi.OK:
            hook.after_send(shown, read_receipt(told.receipt), None)
        else:
            hook.after_send(shown, None, read_error(told.error))
    except BaseException:
        logger.exception("after_send of the hook %r raised an exception", hook)


def _on_end_transaction(key: int, context: Any) -> None:
    hook = _hooks[key].hook
    try:
        hook.end_transaction(_read_end_transaction(context.contents))
    except BaseException as raised:
        remember(raised)
        logger.exception("end_transaction of the hook %r raised an exception", hook)


def _on_drop(key: int) -> None:
    _hooks.pop(key, None)


_CHECK_FORBIDDEN = _abi_hook.CHECK_FORBIDDEN(_on_check_forbidden)
_BEFORE_SEND = _abi_hook.BEFORE_SEND(_on_before_send)
_AFTER_SEND = _abi_hook.AFTER_SEND(_on_after_send)
_END_TRANSACTION = _abi_hook.END_TRANSACTION(_on_end_transaction)
_DROP = _abi.DROP(_on_drop)

_MODES: dict[int, int] = {int(mode): mode for mode in SendMode}
_STATES: dict[int, int] = {int(state): state for state in TransactionState}
_TYPES: dict[int, int] = {int(message_type): message_type for message_type in MessageType}


def _read(view: _abi_hook.HookContext, attempts: int = 0, cost_us: int = 0) -> HookContext:
    return HookContext(
        producer_group=text_of(view.producer_group),
        namespace=text_of(view.namespace_name),
        mode=_MODES.get(view.mode, view.mode),
        message_type=_TYPES.get(view.message_type, view.message_type),
        topic=text_of(view.topic),
        message_id=text_of(view.message_id),
        body_length=view.body_length,
        born_host=text_of(view.born_host),
        broker_name=text_of(view.broker_name),
        broker_address=text_of(view.broker_address),
        queue_id=view.queue_id,
        message=read_message(view.message.contents) if view.message else None,
        attempts=attempts,
        cost_us=cost_us,
        message_count=view.message_count,
        batch=_read_batch(view) if view.batch else None,
    )


def _read_batch(view: _abi_hook.HookContext) -> list[Message]:
    places = ((view.batch or 0) + index * view.message_size for index in range(view.message_count))
    return [read_message(MessageView.from_address(place)) for place in places]


def _read_end_transaction(view: _abi_hook.EndTransactionContext) -> EndTransactionContext:
    return EndTransactionContext(
        producer_group=text_of(view.producer_group),
        namespace=text_of(view.namespace_name),
        state=_STATES.get(view.state, view.state),
        from_check=bool(view.from_check),
        topic=text_of(view.topic),
        message_id=text_of(view.message_id),
        transaction_id=text_of(view.transaction_id),
        tags=text_of(view.tags),
        keys=text_of(view.keys),
        region_id=text_of(view.region_id),
        broker_name=text_of(view.broker_name),
        broker_address=text_of(view.broker_address),
    )
