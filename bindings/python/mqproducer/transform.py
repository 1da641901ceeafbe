"""What changes messages before they are sent, for ActiveMQ."""

from __future__ import annotations

from ctypes import byref, c_void_p, memmove
from typing import Any, Callable, Optional

from . import _abi_hook
from ._callbacks import keep, kept, remember
from ._library import lib
from ._native import check
from .message import Message, lend, read_message

#: Receives a copy of a message to be sent; what it returns goes instead, None: the message as it is.
MessageTransformer = Callable[[Message], Optional[Message]]


class TransformCalls:
    """What a producer has for message transformers."""

    _handle: Optional[c_void_p]

    def set_message_transformer(self, message_transformer: MessageTransformer) -> None:
        """Sets what may put another message in the place of each that is sent, in place of what was set before; only for
        ActiveMQ and before :meth:`start`. As the message transformer of ActiveMQ's Java client.

        It is called for each message, those of transactions and requests too, once, on the thread of the send and before
        all else: hooks see what it made, and so do the rules of destinations and of who waits. It may run on several
        threads at the same time. Any exception refuses the message: the send raises :class:`~mqproducer.MessageError`
        with its text, up to 511 bytes of it; a ``KeyboardInterrupt`` is raised by the send itself.

        It is kept until the producer is gone, so that it must not itself hold the producer but by a ``weakref``.

        Raises :class:`~mqproducer.UnsupportedError` for RocketMQ, :class:`~mqproducer.AlreadyStartedError`,
        :class:`~mqproducer.ClosedError`, :class:`~mqproducer.ForkedError`; ``TypeError`` for what cannot be called.
        """
        keep(
            "message_transformer",
            message_transformer,
            lib.mqp_producer_set_message_transformer,
            self._handle,
            lambda key, drop: _abi_hook.MessageTransformer(_CALL, key, drop),
        )


def _on_message(key: int, message: Any, transformed: int, reason: int, reason_size: int) -> int:
    try:
        made = kept(key)(read_message(message.contents))
        if made is None:
            return 0
        if not isinstance(made, Message):
            raise TypeError(f"a message transformer must return Message or None, not {type(made).__name__}")
        native, _lender = lend(made)
        error = c_void_p()
        check(lib.mqp_transformed_set(transformed, byref(native), byref(error)), error)
        return 0
    except BaseException as refusal:
        remember(refusal)
        text = str(refusal).replace("\0", " ") or type(refusal).__name__
        # Cut between two characters, with room for the NUL.
        cut = text.encode("utf-8", "replace")[: reason_size - 1].decode("utf-8", "ignore").encode("utf-8")
        memmove(reason, cut + b"\0", len(cut) + 1)
        return 1


_CALL = _abi_hook.TRANSFORM_CALL(_on_message)
