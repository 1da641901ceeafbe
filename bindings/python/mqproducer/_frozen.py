"""What immutable values with slots need to be copied and pickled."""

from __future__ import annotations

from typing import Any


class Frozen:
    """Base of the frozen dataclasses with ``__slots__``: Python's own way sets each slot, which they refuse."""

    __slots__: tuple[str, ...] = ()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, name) for name in type(self).__slots__)
