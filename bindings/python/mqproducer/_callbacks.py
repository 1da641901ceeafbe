"""From the library's dispatcher thread back into Python.

There is one C function for completions and one for drops, made once. ``user_data`` is the ``id`` of the pending entry,
which is unique as long as the entry is in the table. The table is a plain dict whose single operations are atomic: a
lock would deadlock when the garbage collector runs a ``__del__`` while it is held.
"""

from __future__ import annotations

import logging
from typing import Any, Callable, Optional

from . import _abi
from ._native import read_error
from .errors import MqError
from .receipt import Receipt, read_receipt

#: Receives the end of a message: the receipt and None, or None and the error.
Callback = Callable[[Optional[Receipt], Optional[MqError]], object]

logger = logging.getLogger("mqproducer")


class Pending:
    """A message whose end is owed. It keeps the producer alive, so that none in flight is abandoned by chance."""

    __slots__ = ("callback", "producer")

    def __init__(self, callback: Callback, producer: object) -> None:
        self.callback = callback
        self.producer = producer

    def native(self) -> _abi.Callback:
        """The C callback for this entry, which is in the table from now on."""
        key = id(self)
        _pending[key] = self
        return _abi.Callback(_CALL, key, _DROP)

    def forget(self) -> None:
        """Takes it out of the table again: the library refused the message."""
        _pending.pop(id(self), None)


_pending: dict[int, Pending] = {}


def _on_completion(key: int, completion: Any) -> None:
    callback = _pending[key].callback
    try:
        end = completion.contents
        if end.status == _abi.OK:
            callback(read_receipt(end.receipt), None)
        else:
            callback(None, read_error(end.error))
    except BaseException:
        # Nobody is there to catch it: this is the bottom of a thread of the library.
        logger.exception("the callback %r of a message raised an exception", callback)


def _on_drop(key: int) -> None:
    _pending.pop(key, None)


_CALL = _abi.COMPLETION_CALL(_on_completion)
_DROP = _abi.DROP(_on_drop)
