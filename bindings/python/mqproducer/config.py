"""The configuration keys, and how keyword arguments become a configuration of the library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ctypes import byref, c_void_p
from dataclasses import dataclass
from typing import Union

from . import _abi
from ._frozen import Frozen
from ._library import lib
from ._native import check, str_of, text_of

#: What a configuration value may be: True becomes ``true``, a sequence is joined with commas, None leaves the default.
ConfigValue = Union[str, int, bool, Sequence[Union[str, int]], None]


@dataclass(frozen=True)
class ConfigOption(Frozen):
    """One row of the library's table of configuration keys."""

    __slots__ = ("key", "type_name", "default", "range", "doc")

    #: The key.
    key: str
    #: ``text``, ``integer``, ``milliseconds``, ``flag``, ``choice``, ``codes`` or ``list``.
    type_name: str
    #: The value when it is not set; empty when there is none.
    default: str
    #: The legal values, such as ``0 to 100``; empty when any text of the type is legal.
    range: str
    #: What it does.
    doc: str


def config_options() -> list[ConfigOption]:
    """Every configuration key that the library knows."""
    options = []
    view = _abi.sized(_abi.ConfigOptionView)
    error = c_void_p()
    for index in range(lib.mqp_config_option_count()):
        check(lib.mqp_config_option_get(index, byref(view), byref(error)), error)
        texts = (view.key, view.type_name, view.default_value, view.range, view.doc)
        options.append(ConfigOption(*map(text_of, texts)))
    return options


class NativeConfig:
    """A configuration of the library, used in a ``with`` statement, which frees it."""

    def __init__(self, values: Mapping[str, ConfigValue]) -> None:
        self.handle = c_void_p()
        error = c_void_p()
        check(lib.mqp_config_new(byref(self.handle), byref(error)), error)
        try:
            for key, value in values.items():
                if value is not None:
                    self.set(key, _text(key, value))
        except BaseException:
            self.free()
            raise

    def set(self, key: str, text: str) -> None:
        """Sets a key."""
        error = c_void_p()
        check(lib.mqp_config_set(self.handle, str_of("key", key), str_of(key, text), byref(error)), error)

    def get(self, key: str) -> str:
        """What a key is set to, by the caller, the environment or its default."""
        text, error = _abi.Text(), c_void_p()
        check(lib.mqp_config_get(self.handle, str_of("key", key), byref(text), byref(error)), error)
        return text_of(text)

    def free(self) -> None:
        """Gives it back; a second call does nothing."""
        handle, self.handle = self.handle, c_void_p()
        lib.mqp_config_free(handle)

    def __enter__(self) -> NativeConfig:
        return self

    def __exit__(self, *_: object) -> None:
        self.free()


def _text(key: str, value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray, memoryview)):
        return ",".join(_text(key, part) for part in value)
    raise TypeError(f"{key} must be str, int, bool or a sequence of them, not {type(value).__name__}")
