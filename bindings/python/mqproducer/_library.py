"""Finds the shared library, loads it and checks that it fits."""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import sys
from collections.abc import Iterator

from . import _abi, _tables

#: Names the library's file; when it is set nothing else is tried.
ENVIRONMENT_VARIABLE = "MQPRODUCER_LIBRARY"


def file_name() -> str:
    """The library's file name on this system."""
    if sys.platform == "win32":
        return "mqproducer.dll"
    if sys.platform == "darwin":
        return "libmqproducer.dylib"
    return "libmqproducer.so"


def candidates() -> Iterator[str]:
    """Where the library may be, best first: beside this package, then where the system looks."""
    yield os.path.join(os.path.dirname(os.path.abspath(__file__)), file_name())
    yield file_name()
    found = ctypes.util.find_library("mqproducer")
    if found is not None:
        yield found


def load() -> ctypes.CDLL:
    """The library, ready to be called; ``ImportError`` names each path that was tried and why it failed.

    ``CDLL`` gives the interpreter's lock up during each call, so that other threads and the callbacks go on.
    """
    named = os.environ.get(ENVIRONMENT_VARIABLE)
    tried = []
    for path in [named] if named else candidates():
        try:
            library = ctypes.CDLL(path)
        except OSError as cause:
            tried.append(f"  {path}: {cause}")
            continue
        return _checked(library, path)
    origin = f"{ENVIRONMENT_VARIABLE} names it" if named else f"set {ENVIRONMENT_VARIABLE} to its path"
    raise ImportError(f"the library mqproducer could not be loaded ({origin}); tried:\n" + "\n".join(tried))


def _checked(library: ctypes.CDLL, path: str) -> ctypes.CDLL:
    try:
        version = library.mqp_version_number
        version.restype = ctypes.c_uint32
        number = int(version())
        # Before all else: an older library may lack functions of this version.
        library.mqp_version_check.argtypes = [ctypes.c_uint32, ctypes.c_void_p]
        fits = library.mqp_version_check(_abi.VERSION_NUMBER, None) == _abi.OK
        if fits:
            _tables.declare(library)
    except AttributeError as missing:
        raise ImportError(f"{path} is not a library mqproducer of this version: {missing}", path=path) from None
    if not fits:
        raise ImportError(
            f"{path} has version {_dotted(number)}, which this package, made for {_dotted(_abi.VERSION_NUMBER)}, "
            "cannot use",
            path=path,
        )
    return library


def _dotted(number: int) -> str:
    return f"{number // 1000000}.{number // 1000 % 1000}.{number % 1000}"


lib = load()
