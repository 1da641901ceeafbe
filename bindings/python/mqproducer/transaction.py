"""Transactions: a message that is delivered when the local work is done; and recalling timer messages."""

from __future__ import annotations

import enum
import sys
import warnings
from ctypes import byref, c_void_p
from types import TracebackType
from typing import TYPE_CHECKING, Any, Callable, Optional, Union, overload

from . import _abi, _abi_hook
from ._callbacks import keep, kept, logger
from ._exit import release
from ._library import lib
from ._native import check, milliseconds, str_of
from ._send import message_of, send, settle
from .errors import ArgumentError, MqError
from .message import Body, Message, MessageFields
from .receipt import Receipt, take_receipt
from .received import ReceivedMessage, read_received
from .selector import Selector

if TYPE_CHECKING:
    from typing_extensions import Unpack


class TransactionState(enum.IntEnum):
    """What became of a transaction."""

    #: It is not known yet: the broker asks again.
    UNKNOWN = _abi.TRANSACTION_UNKNOWN
    #: The message is delivered.
    COMMIT = _abi.TRANSACTION_COMMIT
    #: The message is dropped.
    ROLLBACK = _abi.TRANSACTION_ROLLBACK


#: Knows what became of a transaction: receives its half message.
TransactionChecker = Callable[[ReceivedMessage], TransactionState]


class Transaction:
    """One message that consumers see only when it is committed; made by :meth:`Producer.transaction`.

    As a context manager it commits at the end of the block, and rolls back when an exception leaves that, unless the
    block did one of them itself::

        with producer.transaction() as transaction:
            transaction.send("Orders", b"paid", keys="order-1")
            database.commit()

    One that is dropped without an end is rolled back without waiting. The interpreter's exit, a lost connection and the
    end of its producer leave the end to the broker, which asks the transaction checker. It keeps its producer alive,
    not open.
    """

    _handle: Optional[c_void_p] = None
    _tried = False
    _stored = False
    _ended = False

    def __init__(self, producer: object, handle: c_void_p) -> None:
        self._producer = producer
        self._handle = handle

    @overload
    def send(
        self,
        message: Message,
        /,
        *,
        timeout_ms: Optional[int] = None,
        selector: Optional[Selector] = None,
        sharding_key: Optional[str] = None,
    ) -> Receipt: ...

    @overload
    def send(
        self,
        topic: str,
        body: Body,
        *,
        timeout_ms: Optional[int] = None,
        selector: Optional[Selector] = None,
        sharding_key: Optional[str] = None,
        **fields: Unpack[MessageFields],
    ) -> Receipt: ...

    def send(
        self,
        topic: Union[str, Message],
        body: Optional[Body] = None,
        *,
        timeout_ms: Optional[int] = None,
        selector: Optional[Selector] = None,
        sharding_key: Optional[str] = None,
        **fields: Any,
    ) -> Receipt:
        """Sends the transaction's message and waits for the broker's receipt, with retries as :meth:`Producer.send`.

        The message is given as there; it is neither delayed nor has it the properties ``TRAN_MSG`` and ``PGROUP``.
        RocketMQ takes one message in a transaction. After an error that says ``maybe_persisted`` the broker may hold
        the message, and its check decides; after any other the send can be repeated. A message whose receipt does not
        say ``SEND_OK`` is rolled back at once, as by RocketMQ's Java client, and cannot be committed.

        Raises what :meth:`Producer.send` raises; :class:`~mqproducer.UnsupportedError` for a second message;
        :class:`~mqproducer.ArgumentError` while another call uses the transaction.
        """
        message = message_of(topic, body, fields)
        departures = timeout_ms, selector, sharding_key
        self._tried = True
        receipt = send(lib.mqp_transaction_send, (self._handle,), message, departures)
        self._stored = True
        return receipt

    def commit(self) -> None:
        """Lets the broker deliver the message.

        The word is one-way: success says that it was handed to the operating system for the broker that holds the
        message, not that it arrived; when it is lost, the broker asks the transaction checker. After an error of the
        connection it may be said again, but not the opposite. Blocks for at most the configured ``send_msg_timeout``.

        Raises :class:`~mqproducer.ArgumentError` without a stored message, after an end, and while another call uses
        the transaction; :class:`~mqproducer.RouteError`, :class:`~mqproducer.ConnectError`,
        :class:`~mqproducer.ConnectionLostError`, :class:`~mqproducer.MqTimeoutError`,
        :class:`~mqproducer.ClosedError`, :class:`~mqproducer.ForkedError`, and inside a callback
        :class:`~mqproducer.WouldDeadlockError`.
        """
        self._end(lib.mqp_transaction_commit)

    def rollback(self) -> None:
        """Lets the broker drop the message; all else as for :meth:`commit`."""
        self._end(lib.mqp_transaction_rollback)

    def __enter__(self) -> Transaction:
        return self

    def __exit__(
        self, kind: Optional[type[BaseException]], raised: Optional[BaseException], traceback: Optional[TracebackType]
    ) -> None:
        if self._ended:
            return
        if kind is None:
            if self._stored:
                self.commit()
            return
        try:
            self.rollback()
        except ArgumentError:
            # There is no message.
            pass
        except MqError as failed:
            logger.warning("a transaction could not be rolled back, so that the broker's check decides: %s", failed)

    def __del__(self) -> None:
        if self._stored and not self._ended and not sys.is_finalizing():
            warnings.warn("a transaction had no end and is rolled back", ResourceWarning, source=self)
        handle, self._handle = self._handle, None
        if self._tried and not self._ended:
            # It is rolled back, and hooks are told of that.
            release(lib.mqp_transaction_free, handle)
        elif not sys.is_finalizing():
            lib.mqp_transaction_free(handle)

    def _end(self, function: Any) -> None:
        error = c_void_p()
        # An end that was tried is not undone by the opposite.
        self._ended = self._stored
        settle(function(self._handle, byref(error)), error)


class CheckerCalls:
    """What every producer has for transactions."""

    _handle: Optional[c_void_p]

    def set_transaction_checker(self, checker: TransactionChecker) -> None:
        """Sets who knows what became of a transaction; once, before :meth:`start`. :meth:`transaction` needs it.

        A broker that hears no end of a transaction asks any producer of its group that is connected: RocketMQ's broker
        after 6 s at first, then each 30 s, up to 15 times, unless configured otherwise. A process that only answers
        checks, for another one of its group that ended, names the ``topics`` in its configuration.

        ``checker`` receives the half message and returns a :class:`~mqproducer.TransactionState`. It runs on the
        library's dispatcher thread: it must not block for long, as all callbacks wait for it, and calls that wait raise
        :class:`~mqproducer.WouldDeadlockError`. An exception, or anything else that it returns, is logged to the logger
        ``mqproducer`` and counts as unknown. Up to 2000 checks wait for it, more are dropped and asked again.

        It is kept until the producer is gone, so that it must not itself hold the producer but by a ``weakref``.

        Raises :class:`~mqproducer.AlreadyStartedError`, :class:`~mqproducer.ClosedError`,
        :class:`~mqproducer.ForkedError`; :class:`~mqproducer.ArgumentError` for a second one; ``TypeError`` for what
        cannot be called.
        """
        keep(
            "checker",
            checker,
            lib.mqp_producer_set_transaction_checker,
            self._handle,
            lambda key, drop: _abi_hook.TransactionChecker(_CALL, key, drop),
        )


class TransactionCalls:
    """What a producer has for transactions."""

    _handle: Optional[c_void_p]

    def transaction(self) -> Transaction:
        """Begins a transaction: send one message in it, do the local work, then commit or roll back.

        Raises :class:`~mqproducer.ConfigError` for a producer without a transaction checker;
        :class:`~mqproducer.NotStartedError`, :class:`~mqproducer.ClosedError`, :class:`~mqproducer.ForkedError`.
        """
        return begin_transaction(self, self._handle)

    def recall(self, topic: str, recall_handle: str, *, timeout_ms: Optional[int] = None) -> Receipt:
        """Takes a timer message back before it is delivered, and waits for the broker's answer; there are no retries,
        and the broker takes a second recall of the same message, too.

        ``topic`` and ``recall_handle``: the message's, the handle from its receipt. ``timeout_ms``: in milliseconds, up
        to 3600000; None or 0: the configured ``send_msg_timeout``. The receipt has the message's id, topic and broker,
        and no queue (-1).

        Raises :class:`~mqproducer.ArgumentError` for a handle that is none or of another topic;
        :class:`~mqproducer.BrokerError` when the message is due, and with the code 16 when the broker's
        ``recallMessageEnable`` is off, which is RocketMQ's default; else what :meth:`send` raises.
        """
        return recall(self._handle, topic, recall_handle, timeout_ms)


def begin_transaction(producer: object, of: Optional[c_void_p]) -> Transaction:
    """A transaction of the producer with this handle."""
    handle, error = c_void_p(), c_void_p()
    check(lib.mqp_transaction_begin(of, byref(handle), byref(error)), error)
    return Transaction(producer, handle)


def recall(producer: Optional[c_void_p], topic: str, recall_handle: str, timeout_ms: Optional[int]) -> Receipt:
    """Takes a timer message back."""
    limit = 0 if timeout_ms is None else milliseconds("timeout_ms", timeout_ms)
    of, handle = str_of("topic", topic), str_of("recall_handle", recall_handle)
    receipt, error = c_void_p(), c_void_p()
    check(lib.mqp_producer_recall(producer, of, handle, limit, byref(receipt), byref(error)), error)
    return take_receipt(receipt)


def _on_check(key: int, message: int) -> int:
    checker = kept(key)
    try:
        state = checker(read_received(message))
        if isinstance(state, bool) or not isinstance(state, int):
            raise TypeError(f"a transaction checker must return TransactionState, not {type(state).__name__}")
        return TransactionState(state)
    except BaseException:
        logger.exception("the transaction checker %r raised an exception", checker)
        return TransactionState.UNKNOWN


_CALL = _abi_hook.CHECK_CALL(_on_check)
