"""What a case's values mean: placeholders, made-up values, and patterns."""

from __future__ import annotations

import json
from typing import Any, Optional, Protocol

#: The longest text of a value in a difference.
SHORT = 400


class Wrong(Exception):
    """A case that cannot be run, or that went another way; the text tells why."""


class Source(Protocol):
    """Where made-up values come from."""

    def saved(self, name: str, field: str) -> Any:
        """The field of an outcome that was saved."""

    def stored(self, topic: str, index: int, name: str) -> Any:
        """A property of a stored message."""

    def placeholders(self) -> dict[str, str]:
        """What each placeholder stands for."""


def operator(value: object) -> Optional[tuple[str, Any]]:
    """The only field of an object, when it is ``$something``."""
    if isinstance(value, dict) and len(value) == 1:
        ((name, argument),) = value.items()
        if name.startswith("$"):
            return name, argument
    return None


def resolve(value: Any, number: int, source: Source) -> Any:
    """The value with its placeholders and made-up parts filled in; ``number`` is that of the repetition."""
    if isinstance(value, str):
        value = value.replace("{n}", str(number))
        for placeholder, meaning in source.placeholders().items():
            value = value.replace(placeholder, meaning)
        return value
    if isinstance(value, list):
        return [resolve(element, number, source) for element in value]
    if not isinstance(value, dict):
        return value
    name, argument = operator(value) or ("", None)
    if name not in ("$repeat", "$saved", "$stored"):
        return {field: resolve(part, number, source) for field, part in value.items()}
    argument = resolve(argument, number, source)
    try:
        if name == "$repeat":
            text, times = argument
            return text * times
        if name == "$saved":
            return source.saved(*argument.split(".", 1))
        return source.stored(*argument)
    except (LookupError, TypeError, ValueError) as cause:
        raise Wrong(f"there is no {name} {argument}") from cause


def compare(pattern: Any, value: Any, path: str) -> list[str]:
    """A line for each difference between a pattern and a value."""
    special = operator(pattern)
    if special is not None:
        return _compare_special(pattern, *special, value, path)
    if isinstance(pattern, dict) and isinstance(value, dict):
        return [line for name in pattern for line in _compare_field(pattern[name], name, value, f"{path}.{name}")]
    if isinstance(pattern, list) and isinstance(value, list):
        lines = []
        if len(pattern) != len(value):
            lines.append(f"{path}: has {len(value)} elements, not {len(pattern)}: {short(value)}")
        for number, (part, element) in enumerate(zip(pattern, value)):
            lines += compare(part, element, f"{path}[{number}]")
        return lines
    # True is no 1 here.
    if type(pattern) is type(value) and pattern == value:
        return []
    return [f"{path}: is {short(value)}, not {short(pattern)}"]


def _compare_field(pattern: Any, name: str, value: dict[str, Any], path: str) -> list[str]:
    absent = (operator(pattern) or ("",))[0] == "$absent"
    if name not in value:
        return [] if absent else [f"{path}: there is none in {short(value)}"]
    if absent:
        return [f"{path}: is {short(value[name])}, and should not be"]
    return compare(pattern, value[name], path)


def _compare_special(pattern: Any, name: str, argument: Any, value: Any, path: str) -> list[str]:
    if name == "$contains" and isinstance(value, str):
        parts = argument if isinstance(argument, list) else [argument]
        return [f"{path}: {short(value)} does not hold {short(part)}" for part in parts if part not in value]
    if name == "$present" and isinstance(value, str) and isinstance(argument, bool):
        return [] if argument == bool(value) else [f"{path}: is {short(value)}"]
    if name == "$not":
        return [] if compare(argument, value, path) else [f"{path}: is {short(value)}, and should not be"]
    if name == "$each" and isinstance(value, list):
        lines = [] if value else [f"{path}: is empty"]
        for number, element in enumerate(value):
            lines += compare(argument, element, f"{path}[{number}]")
        return lines
    if name == "$unordered" and isinstance(value, list) and isinstance(argument, list):
        if len(argument) != len(value):
            return [f"{path}: has {len(value)} elements, not {len(argument)}: {short(value)}"]
        left, lines = list(value), []
        for part in argument:
            found = next((number for number, element in enumerate(left) if not compare(part, element, path)), None)
            if found is None:
                lines.append(f"{path}: no element of {short(left)} is {short(part)}")
            else:
                del left[found]
        return lines
    return [f"{path}: {short(pattern)} is not for {short(value)}"]


def short(value: Any) -> str:
    """A value as text, cut off when it is long."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHORT else f"{text[:SHORT]}... ({len(text)} characters)"


def body_text(body: bytes) -> str:
    """A body as cases write it."""
    return body.decode("ascii") if all(0x20 <= byte < 0x7F for byte in body) else "hex:" + body.hex()


def body_bytes(text: str) -> bytes:
    """The bytes of such a body."""
    return bytes.fromhex(text[len("hex:") :]) if text.startswith("hex:") else text.encode("utf-8")
