"""What every send does, whatever the form of its message."""

from __future__ import annotations

from ctypes import addressof, byref, c_char, c_size_t, c_uint32, c_void_p, sizeof
from struct import Struct
from typing import Any, Callable, Optional, Union

from . import _abi
from ._callbacks import RECEIPT, Pending, interrupts, take_interrupt
from ._lent import BODY, BODY_AT, SIZE, START, Template, template_of
from ._library import lib
from ._native import check
from .message import Body, Message, lend
from .receipt import VIEW_SIZE, Receipt, receipt_in, take_receipt
from .selector import Choice, Selector, lend_options

#: Deadline, selector and sharding key of a send.
Departures = tuple[Optional[int], Optional[Selector], Optional[str]]


#: Room for the texts of a receipt, which has about 120 bytes of them.
_TEXTS = 256
#: Where the memory of a call has what: the message, the places for receipt and error, then the view and its texts.
_RECEIPT = SIZE
_ERROR = _RECEIPT + sizeof(c_void_p)
_VIEW = _ERROR + sizeof(c_void_p)
_PLACES = Struct("@NN")

#: A function object of its own: with arguments that are made once, no type of theirs is looked at.
_send_read = lib["mqp_producer_send_read"]
_send_read.restype = c_uint32
_AWAITED, _ONEWAY = c_uint32(0), c_uint32(1)
_NOTHING = bytes(_PLACES.size)


class _Memory:
    """What one call at a time reads its message from and writes its receipt to."""

    __slots__ = ("base", "capacity", "error", "message", "receipt", "template", "texts", "view", "whole", "written")

    def __init__(self) -> None:
        self.whole = bytearray(_VIEW + VIEW_SIZE + _TEXTS)
        first = c_char.from_buffer(self.whole)
        self.message, self.receipt, self.error = byref(first), byref(first, _RECEIPT), byref(first, _ERROR)
        self.view, self.texts = byref(first, _VIEW), byref(first, _VIEW + VIEW_SIZE)
        self.capacity = c_size_t(_TEXTS)
        #: Where the view is.
        self.base = addressof(first) + _VIEW
        self.written = memoryview(self.whole)[_VIEW:]
        self.written[:VIEW_SIZE] = bytes(_abi.sized(_abi.ReceiptView))
        #: What the message was filled from; it keeps the texts.
        self.template: Optional[Template] = None


#: Those that no call uses now. Taking one and giving it back are single steps of a list.
_memories: list[_Memory] = []


def send_one(
    producer: Optional[c_void_p],
    oneway: bool,
    message: Message,
    timeout_ms: Optional[int],
    selector: Optional[Selector],
    sharding_key: Optional[str],
) -> Receipt:
    """Sends a message and reads its receipt, by one call of the library."""
    try:
        memory = _memories.pop()
    except IndexError:
        memory = _Memory()
    body = message.body
    lender: Any
    template = template_of(message, body)
    if template is None:
        native, lender = lend(message)
        argument = byref(native)
    else:
        if memory.template is not template:
            memory.whole[:SIZE] = template[0]
            memory.template = template
        BODY.pack_into(memory.whole, BODY_AT, id(body) + START, len(body))
        argument = memory.message
    options = choice = None
    if timeout_ms is not None or selector is not None or sharding_key is not None:
        options, choice = lend_options(timeout_ms, selector, sharding_key)
    status = _send_read(
        producer,
        argument,
        options and byref(options),
        _ONEWAY if oneway else _AWAITED,
        memory.view,
        memory.texts,
        memory.capacity,
        memory.receipt,
        memory.error,
    )
    if status == _abi.OK and choice is None and not interrupts:
        written = memory.written.tobytes()
        receipt, _ = _PLACES.unpack_from(memory.whole, _RECEIPT)
        if receipt == 0:
            value = receipt_in(written, memory.base)
            _memories.append(memory)
            return value
    return _ended(memory, status, choice)


def _ended(memory: _Memory, status: int, choice: Optional[Choice]) -> Receipt:
    """The same where there is more to look at than the view."""
    receipt, error = (c_void_p(place) for place in _PLACES.unpack_from(memory.whole, _RECEIPT))
    written = memory.written.tobytes()
    memory.whole[_RECEIPT:_VIEW] = _NOTHING
    _memories.append(memory)
    try:
        settle(status, error, choice)
    except BaseException:
        lib.mqp_receipt_free(receipt)
        raise
    return take_receipt(receipt) if receipt else receipt_in(written, memory.base)


def message_of(topic: Union[str, Message], body: Optional[Body], fields: Any) -> Message:
    """The message of a send's arguments: itself, or topic and body with other fields."""
    if isinstance(topic, Message):
        if body is not None or fields:
            options = "timeout_ms, selector and sharding_key"
            raise TypeError(f"a Message holds its fields itself; beside it only {options} are allowed")
        return topic
    if body is None:
        raise TypeError("body is missing")
    return Message(topic, body, **fields)


def submit(message: Message, departures: Departures, call: Callable[[Any, Any, Any], int]) -> None:
    """Has ``call`` hand a message to the library with its options and the place for the error; raises what went wrong.

    ``call`` returns the library's status.
    """
    if not isinstance(message, Message):
        raise TypeError(f"message must be Message, not {type(message).__name__}")
    native, lender = lend(message)
    options, choice = lend_options(*departures)
    error = c_void_p()
    status = call(byref(native), options, byref(error))
    del lender
    settle(status, error, choice)


def send(function: Any, before: tuple[Any, ...], message: Message, departures: Departures) -> Receipt:
    """Sends a message by a function of the library that stores a receipt; ``before``: its first arguments."""
    receipt = c_void_p()
    try:
        submit(
            message,
            departures,
            lambda native, options, error: function(*before, native, options, byref(receipt), error),
        )
    except BaseException:
        lib.mqp_receipt_free(receipt)
        raise
    return take_receipt(receipt)


def send_async(
    function: Any, before: tuple[Any, ...], message: Message, departures: Departures, pending: Pending
) -> None:
    """Sends a message by a function of the library that tells a receipt to a callback."""
    submit(
        message,
        departures,
        lambda native, options, error: begin(
            pending, _abi.Callback, RECEIPT, lambda callback: function(*before, native, options, callback, error)
        ),
    )


def begin(pending: Pending, struct: Any, trampoline: Any, call: Callable[[Any], int]) -> int:
    """Has ``call`` hand the C callback of a pending entry to the library, which owes it an end if that returns OK."""
    status = call(pending.native(struct, trampoline))
    if status != _abi.OK:
        pending.forget()
    return status


def settle(status: int, error: c_void_p, choice: Optional[Choice] = None) -> None:
    """Raises what a selector function or Ctrl-C in a hook raised during a call, else what the library says of it."""
    interrupt = take_interrupt()
    raised = choice.end() if choice is not None else None
    if raised is None:
        raised = interrupt
    try:
        if raised is not None:
            lib.mqp_error_free(error)
            raise raised
        check(status, error)
    finally:
        # Their tracebacks lead back to here.
        del raised, interrupt
