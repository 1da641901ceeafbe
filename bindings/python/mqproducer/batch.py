"""Batches: several messages in one request, each with its own end."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future
from ctypes import addressof, byref, c_size_t, c_void_p
from typing import Any, Callable, Optional, Union

from . import _abi, _abi_message
from ._callbacks import Pending, promised, trampoline
from ._lent import SIZE, Array
from ._library import lib
from ._native import check, number, read_error
from ._send import Departures, begin, settle
from .errors import MqError
from .message import Message
from .receipt import VIEW_SIZE, Receipt, read_receipt, receipts_in, retried, with_earlier
from .selector import Selector, lend_options

#: Room for the texts of one receipt, which has about 120 bytes of them.
_TEXTS = 192

#: How one message of a batch ended.
BatchResult = Union[Receipt, MqError]


class BatchError(MqError):
    """A batch was sent, but not all of its messages were stored; ``results`` tells of each.

    All else is that of the first message that failed, with its index before the text; ``__cause__`` is the error of
    that message itself.
    """

    #: How each message ended, in the order in which they were given.
    results: list[BatchResult]

    def __init__(self, first: MqError, results: list[BatchResult]) -> None:
        super().__init__(
            first.message,
            status=first.status,
            name=first.name,
            broker_code=first.broker_code,
            remark=first.remark,
            retriable=first.retriable,
            maybe_persisted=first.maybe_persisted,
            code=first.code,
            attempts=first.attempts,
        )
        self.results = results
        self.__cause__ = next((each for each in results if isinstance(each, MqError)), None)

    def __reduce__(self) -> tuple[Any, ...]:
        _, fields = super().__reduce__()
        return type(self), (MqError(*fields), self.results)


#: Receives the end of a batch: the receipts and None when every message was stored, else None and the error.
BatchCallback = Callable[[Optional[list[Receipt]], Optional[BatchError]], object]


class BatchCalls:
    """What a producer has for batches."""

    _handle: Optional[c_void_p]

    def send_batch(
        self,
        messages: Iterable[Message],
        *,
        split_bytes: Optional[int] = None,
        timeout_ms: Optional[int] = None,
        selector: Optional[Selector] = None,
        sharding_key: Optional[str] = None,
    ) -> list[Receipt]:
        """Sends several messages in one request, waits for the broker's answer and returns their receipts in order;
        failed tries are repeated as configured.

        The messages, at least one, have one topic and one ``no_wait_store``. Each keeps its own id, flag and
        properties. None may have a delay, a priority or a lite topic, or go to a retry topic (``%RETRY%...``); none is
        compressed. ``timeout_ms`` is one deadline for all; it, ``selector`` and ``sharding_key`` are as for
        :meth:`send`.

        ``split_bytes``: None or 0: the batch is one request, and refused when it takes more than ``max_message_size``.
        Else it is split into requests that take at most so many bytes each, up to ``max_message_size``; a message that
        is larger by itself goes alone. A message takes its body, its properties and 22 bytes. The requests go one after
        the other. Without a selector and with :class:`~mqproducer.Random` each has a queue of its own choice, and one
        that fails does not stop the next; with all others they go to one queue in the order of the messages, and after
        a failure the rest is not sent.

        Raises :class:`~mqproducer.BatchError` when it was sent and not all messages were stored: its ``results`` tell
        of each. Another error of those of :meth:`send` says that nothing was sent; it names the message by its index.
        """
        return self._send_batch(lib.mqp_producer_send_batch, messages, split_bytes, timeout_ms, selector, sharding_key)

    def send_batch_oneway(
        self,
        messages: Iterable[Message],
        *,
        split_bytes: Optional[int] = None,
        timeout_ms: Optional[int] = None,
        selector: Optional[Selector] = None,
        sharding_key: Optional[str] = None,
    ) -> list[Receipt]:
        """Sends several messages without asking for answers: success means that they were handed to the connection, no
        more.

        Nothing is repeated. The receipts tell ids and queues; their ``queue_offset`` is -1. Arguments and errors are
        those of :meth:`send_batch`.
        """
        function = lib.mqp_producer_send_batch_oneway
        return self._send_batch(function, messages, split_bytes, timeout_ms, selector, sharding_key)

    def send_batch_async(
        self,
        messages: Iterable[Message],
        callback: BatchCallback,
        *,
        split_bytes: Optional[int] = None,
        timeout_ms: Optional[int] = None,
        selector: Optional[Selector] = None,
        sharding_key: Optional[str] = None,
    ) -> None:
        """Sends several messages and returns at once; ``callback(receipts, None)`` or ``callback(None, error)`` ends
        all of them, once.

        The callback is called as that of :meth:`send_async` is; its error is a :class:`~mqproducer.BatchError`.
        Arguments and errors are those of :meth:`send_batch`. What is raised here is not told to the callback.
        """
        departures = timeout_ms, selector, sharding_key
        start_batch(self._handle, messages, Pending(callback, self), split_bytes, departures)

    def send_batch_future(
        self,
        messages: Iterable[Message],
        *,
        split_bytes: Optional[int] = None,
        timeout_ms: Optional[int] = None,
        selector: Optional[Selector] = None,
        sharding_key: Optional[str] = None,
    ) -> Future[list[Receipt]]:
        """Sends several messages as :meth:`send_batch_async` does and returns the future of their receipts; see
        :meth:`send_future`."""
        return promised(
            lambda end: self.send_batch_async(
                messages,
                end,
                split_bytes=split_bytes,
                timeout_ms=timeout_ms,
                selector=selector,
                sharding_key=sharding_key,
            )
        )

    def _send_batch(
        self,
        function: Any,
        messages: Iterable[Message],
        split_bytes: Optional[int],
        timeout_ms: Optional[int],
        selector: Optional[Selector],
        sharding_key: Optional[str],
    ) -> list[Receipt]:
        lent = Array(messages)
        split = _lend_split(split_bytes)
        options, choice = lend_options(timeout_ms, selector, sharding_key)
        result, error = c_void_p(), c_void_p()
        status = function(
            self._handle, lent.at(0), lent.count, SIZE, options, split, byref(result), byref(error)
        )
        del lent
        try:
            settle(status, error, choice)
            return _receipts(result)
        except MqError as failed:
            # A selector function may raise one, too.
            if not result or status != failed.status:
                raise
            error_of_all = _batch_error(failed, result)
            raise error_of_all from error_of_all.__cause__
        finally:
            lib.mqp_batch_result_free(result)


def start_batch(
    producer: Optional[c_void_p],
    messages: Iterable[Message],
    pending: Pending,
    split_bytes: Optional[int],
    departures: Departures,
) -> None:
    """Sends a batch whose end is told to the pending entry."""
    lent = Array(messages)
    split = _lend_split(split_bytes)
    options, choice = lend_options(*departures)
    error = c_void_p()
    status = begin(
        pending,
        _abi_message.BatchCallback,
        _RESULT,
        lambda told: lib.mqp_producer_send_batch_async(
            producer, lent.at(0), lent.count, SIZE, options, split, told, byref(error)
        ),
    )
    del lent
    settle(status, error, choice)


def failed_batch(results: list[BatchResult]) -> Optional[BatchError]:
    """The error of messages of which some were not stored."""
    for index, result in enumerate(results):
        if isinstance(result, MqError):
            first = MqError(*result.__reduce__()[1])
            first.message = f"messages[{index}]: {first.message}"
            return BatchError(first, results)
    return None


def _lend_split(split_bytes: Optional[int]) -> Optional[_abi_message.BatchOptions]:
    if split_bytes is None:
        return None
    options = _abi.sized(_abi_message.BatchOptions)
    options.split_bytes = number("split_bytes", split_bytes, 0, 0xFFFFFFFF)
    return options


def _results(result: Union[c_void_p, int, None]) -> list[BatchResult]:
    """Copies of what a result of the library tells of each message; it stays its owner's."""
    results: list[BatchResult] = []
    receipt, failure, error = c_void_p(), c_void_p(), c_void_p()
    for index in range(lib.mqp_batch_result_count(result)):
        check(lib.mqp_batch_result_get(result, index, byref(receipt), byref(failure), byref(error)), error)
        results.append(read_receipt(receipt) if receipt else read_error(failure))
    return results


def _receipts(result: Union[c_void_p, int, None]) -> list[Receipt]:
    """Copies of the receipts of a batch whose messages were all stored."""
    count = lib.mqp_batch_result_count(result)
    views, room = count * VIEW_SIZE, count * _TEXTS
    length, error = c_size_t(), c_void_p()
    while True:
        memory = bytearray(views + room)
        first = _abi.ReceiptView.from_buffer(memory)
        base = addressof(first)
        status = lib.mqp_batch_result_receipts(
            result, first, VIEW_SIZE, base + views, room, byref(length), byref(error)
        )
        check(status, error)
        if length.value <= room:
            break
        room = length.value
    written = bytes(memoryview(memory)[: views + length.value])
    receipts = receipts_in(written, base, count)
    for index in retried(written, count):
        one = c_void_p()
        check(lib.mqp_batch_result_get(result, index, byref(one), None, byref(error)), error)
        with_earlier(receipts[index], one)
    return receipts


def _batch_error(first: MqError, result: Union[c_void_p, int, None]) -> BatchError:
    return BatchError(first, _results(result))


_RESULT = trampoline(
    _abi_message.BATCH_CALL,
    lambda end: _receipts(end.result),
    lambda end: _batch_error(read_error(end.error), end.result),
)
