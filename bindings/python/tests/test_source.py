"""The source itself: the oldest Python's syntax, and documentation of what is public."""

from __future__ import annotations

import ast
import inspect
import unittest

import mqproducer

from .support import PACKAGE, ROOT

OTHERS = [ROOT / "examples" / "python", ROOT / "tests" / "cluster" / "stress" / "python"]
OTHERS.append(ROOT / "tests" / "conformance" / "python")


class Source(unittest.TestCase):
    def test_every_file_is_written_for_the_oldest_python(self) -> None:
        files = [file for place in [PACKAGE, *OTHERS] for file in place.rglob("*.py")]
        self.assertGreater(len(files), 20)
        for file in files:
            with self.subTest(file=file.name):
                ast.parse(file.read_text(encoding="utf-8"), str(file), feature_version=(3, 9))

    def test_everything_public_is_documented(self) -> None:
        for name in mqproducer.__all__:
            item = getattr(mqproducer, name)
            if not (inspect.isclass(item) or inspect.isfunction(item)):
                continue
            self.assertTrue(inspect.getdoc(item), name)
            for method, function in inspect.getmembers(item, inspect.isfunction):
                if not method.startswith("_"):
                    self.assertTrue(inspect.getdoc(function), f"{name}.{method}")

    def test_the_package_is_typed(self) -> None:
        self.assertTrue((PACKAGE / "mqproducer" / "py.typed").exists())
