"""The address of memory that may only be read, for which ctypes has no way of its own."""

from __future__ import annotations

from ctypes import POINTER, Structure, byref, c_char_p, c_int, c_ssize_t, c_void_p, py_object, pythonapi
from typing import Optional


class _Buffer(Structure):
    """``Py_buffer``, which is part of Python's stable interface."""

    buf: Optional[int]
    _fields_ = [
        ("buf", c_void_p),
        ("obj", c_void_p),
        ("len", c_ssize_t),
        ("itemsize", c_ssize_t),
        ("readonly", c_int),
        ("ndim", c_int),
        ("format", c_char_p),
        ("shape", POINTER(c_ssize_t)),
        ("strides", POINTER(c_ssize_t)),
        ("suboffsets", POINTER(c_ssize_t)),
        ("internal", c_void_p),
    ]


_SIMPLE = 0
_get = pythonapi.PyObject_GetBuffer
_get.argtypes = [py_object, POINTER(_Buffer), c_int]
_get.restype = c_int
_release = pythonapi.PyBuffer_Release
_release.argtypes = [POINTER(_Buffer)]
_release.restype = None


class Borrowed:
    """Keeps a contiguous buffer where it is, as long as it lives."""

    def __init__(self, memory: memoryview) -> None:
        self._buffer: Optional[_Buffer] = None
        buffer = _Buffer()
        _get(memory, byref(buffer), _SIMPLE)
        self._buffer = buffer
        #: Where it is.
        self.address = buffer.buf

    def __del__(self) -> None:
        if self._buffer is not None:
            _release(byref(self._buffer))
