"""The tree of exceptions against the library's table of statuses."""

from __future__ import annotations

import copy
import pickle
import unittest
from ctypes import byref

import mqproducer
from mqproducer import MqError, Status, _abi
from mqproducer._library import lib
from mqproducer._native import text_of
from mqproducer.errors import class_of


class Errors(unittest.TestCase):
    def test_the_statuses_are_the_librarys(self) -> None:
        table = {}
        for index in range(lib.mqp_status_count()):
            view = _abi.sized(_abi.StatusView)
            self.assertEqual(lib.mqp_status_get(index, byref(view), None), _abi.OK)
            table[text_of(view.name)] = view.status
        self.assertEqual(table, {status.name: int(status) for status in Status})

    def test_every_status_has_an_exported_class_of_its_own(self) -> None:
        classes = [class_of(status) for status in Status if status != Status.OK]
        self.assertEqual(len(set(classes)), len(classes))
        for status, exception in zip(list(Status)[1:], classes):
            self.assertEqual(exception.STATUS, status)
            self.assertIs(getattr(mqproducer, exception.__name__), exception)
            self.assertTrue(issubclass(exception, MqError))
            self.assertIsNot(exception, MqError)

    def test_a_status_of_a_later_version_is_the_base(self) -> None:
        self.assertIs(class_of(4711), MqError)

    def test_builtin_kinds_catch_them(self) -> None:
        self.assertTrue(issubclass(mqproducer.MqTimeoutError, TimeoutError))
        self.assertTrue(issubclass(mqproducer.ConnectError, ConnectionError))
        self.assertTrue(issubclass(mqproducer.ConfigError, ValueError))
        self.assertTrue(issubclass(mqproducer.MessageTooLargeError, mqproducer.MessageError))

    def test_each_survives_pickle_and_copy_with_its_fields(self) -> None:
        for status in list(Status)[1:]:
            error = class_of(status)(f"what {status.name}", int(status), status.name, 13, "remark", True, True, 10001)
            for other in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
                self.assertIs(type(other), type(error))
                self.assertEqual(vars(other), vars(error))
                self.assertEqual(str(other), f"what {status.name}")
