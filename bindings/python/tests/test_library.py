"""Finding and loading the library, and what is told when that fails."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from mqproducer import _library

from .support import PACKAGE, python

COMPILER = shutil.which("cc")
OLD_LIBRARY = """
unsigned mqp_version_number(void) { return 2003004; }
unsigned mqp_version_check(unsigned header, void *error) { (void)header; (void)error; return 19; }
"""


class Loading(unittest.TestCase):
    def failure(self, path: str) -> str:
        with mock.patch.dict(os.environ, {_library.ENVIRONMENT_VARIABLE: path}):
            with self.assertRaises(ImportError) as raised:
                _library.load()
        return str(raised.exception)

    def test_a_missing_file_that_was_named(self) -> None:
        text = self.failure("/nowhere/libmqproducer.so")
        self.assertIn("MQPRODUCER_LIBRARY", text)
        self.assertEqual(len(text.splitlines()), 2, text)
        self.assertIn("  /nowhere/libmqproducer.so: ", text)

    def test_every_path_that_was_tried_is_named(self) -> None:
        without = {key: value for key, value in os.environ.items() if key != _library.ENVIRONMENT_VARIABLE}
        places = ["/nowhere/beside.so", "libnowhere-mqproducer.so"]
        with (
            mock.patch.dict(os.environ, without, clear=True),
            mock.patch.object(_library, "candidates", lambda: iter(places)),
            self.assertRaises(ImportError) as raised,
        ):
            _library.load()
        for place in [*places, "MQPRODUCER_LIBRARY"]:
            self.assertIn(place, str(raised.exception))

    def test_beside_the_package_comes_first(self) -> None:
        beside, by_name, *_ = _library.candidates()
        self.assertEqual(Path(beside), PACKAGE / "mqproducer" / _library.file_name())
        self.assertEqual(by_name, _library.file_name())

    def test_a_library_of_something_else(self) -> None:
        self.assertIn("mqp_version_number", self.failure("libc.so.6"))

    @unittest.skipUnless(COMPILER, "there is no C compiler `cc`")
    def test_a_library_of_another_version(self) -> None:
        with tempfile.TemporaryDirectory() as directory:
            source, library = Path(directory, "old.c"), str(Path(directory, "libold.so"))
            source.write_text(OLD_LIBRARY, encoding="utf-8")
            subprocess.run([str(COMPILER), "-shared", "-fPIC", str(source), "-o", library], check=True)
            text = self.failure(library)
        self.assertIn("2.3.4", text)
        self.assertIn("0.1.0", text)
        self.assertIn(library, text)

    def test_importing_without_a_library_says_so(self) -> None:
        with mock.patch.dict(os.environ, {_library.ENVIRONMENT_VARIABLE: "/nowhere/lib.so"}):
            done = python("import mqproducer")
        self.assertEqual(done.returncode, 1)
        self.assertIn("ImportError: the library mqproducer could not be loaded", done.stderr)
