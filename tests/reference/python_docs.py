"""Every public name of the package says what it is: prints those that do not, and fails when there are any.

With `--prove` it looks at names of its own that lack their texts, and fails unless it finds them.
"""

from __future__ import annotations

import enum
import inspect
import sys
from types import SimpleNamespace


def own_members(kind: type) -> list[tuple[str, object]]:
    """What users see of a class, without what it has from Python's own."""
    if issubclass(kind, enum.Enum):
        return []
    found = {}
    for base in reversed(kind.__mro__):
        if base.__module__.split(".")[0] in ("mqproducer", "__main__"):
            found.update(vars(base))
    return [(name, member) for name, member in found.items() if not name.startswith("_")]


def documented(member: object) -> bool:
    """Whether a member that can have a docstring has one; fields and constants stand in their class's."""
    if isinstance(member, (staticmethod, classmethod)):
        member = member.__func__
    if not (inspect.isfunction(member) or inspect.isclass(member) or isinstance(member, property)):
        return True
    return bool((inspect.getdoc(member) or "").strip())


def lacking(module: object, names: list[str]) -> list[str]:
    """The public names without a text."""
    missing = []
    for name in names:
        value = getattr(module, name)
        if (inspect.isfunction(value) or inspect.isclass(value)) and not (value.__doc__ or "").strip():
            missing.append(name)
        if inspect.isclass(value):
            missing += [f"{name}.{member}" for member, of in own_members(value) if not documented(of)]
    return missing


class Silent:
    def method(self) -> None:
        pass

    @property
    def value(self) -> int:
        return 0


if "--prove" in sys.argv:
    found = lacking(SimpleNamespace(Silent=Silent), ["Silent"])
    sys.exit(found != ["Silent", "Silent.method", "Silent.value"])

import mqproducer  # noqa: E402

missing = lacking(mqproducer, [name for name in mqproducer.__all__ if name != "__version__"])
print("\n".join(missing))
print(f"{len(mqproducer.__all__)} public names, {len(missing)} without a text")
sys.exit(bool(missing))
