"""The mirror of the C surface against the header and the C compiler."""

from __future__ import annotations

import ctypes
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path
from typing import Any

import mqproducer
from mqproducer import _abi, _tables

from .support import HEADER

COMPILER = shutil.which("cc")
C_TYPES = {
    "int": ctypes.c_int,
    "uint32_t": ctypes.c_uint32,
    "int32_t": ctypes.c_int32,
    "int64_t": ctypes.c_int64,
    "mqp_status": ctypes.c_uint32,
    "uint64_t": ctypes.c_uint64,
    "size_t": ctypes.c_size_t,
    "void": None,
    "const char *": ctypes.c_char_p,
}


def header() -> str:
    """The header without its comments."""
    return re.sub(r"/\*.*?\*/|//[^\n]*", "", HEADER.read_text(encoding="utf-8"), flags=re.S)


def functions() -> dict[str, tuple[str, list[str]]]:
    """The result and the parameter types of each function."""
    found = {}
    for result, name, parameters in re.findall(r"MQP_API\s+([\w\s*]+?)\s*\b(mqp_\w+)\s*\(([^)]*)\)\s*;", header()):
        kinds = [re.sub(r"\w+$", "", " ".join(each.split())).strip() for each in parameters.split(",")]
        found[name] = (" ".join(result.split()), [] if parameters.strip() == "void" else kinds)
    return found


def structs() -> dict[str, list[str]]:
    """The names of each struct's fields."""
    found = {}
    for body, name in re.findall(r"typedef struct \w+ \{(.*?)\} (\w+);", header(), flags=re.S):
        fields = [re.search(r"\(\*(\w+)\)\(|(\w+)\s*$", field) for field in body.split(";") if field.strip()]
        found[name] = [match.group(1) or match.group(2) for match in fields if match]
    return found


def mirrors(kind: str) -> list[Any]:
    """The ctypes types that may stand for a C type."""
    kind = re.sub(r"\b(struct|const)\s+(?=mqp_)", "", kind)
    kind = re.sub(r"\b(struct|const)\s+(?=mqp_)", "", kind)
    kind = re.sub(r"\*\s*const\s*", "*", kind)
    if kind in C_TYPES:
        return [C_TYPES[kind]]
    if kind in _tables.STRUCTS:
        return list(_tables.STRUCTS[kind])
    target, stars = re.fullmatch(r"(\w+)\s*(\*+)", kind).groups()  # type: ignore[union-attr]
    if target in _tables.STRUCTS or (target in C_TYPES and target != "void"):
        return [ctypes.POINTER(each) for each in mirrors(target)]
    return [ctypes.c_void_p if stars == "*" else ctypes.POINTER(ctypes.c_void_p)]


@unittest.skipUnless(HEADER.exists(), f"there is no {HEADER}")
class Header(unittest.TestCase):
    def test_every_function_is_declared_with_its_types(self) -> None:
        found = functions()
        self.assertGreater(len(found), 30)
        self.assertEqual(sorted(found), sorted(_tables.FUNCTIONS))
        for name, (result, parameters) in found.items():
            with self.subTest(function=name):
                own_result, own_parameters = _tables.FUNCTIONS[name]
                self.assertIn(own_result, mirrors(result))
                self.assertEqual(len(own_parameters), len(parameters))
                for own, kind in zip(own_parameters, parameters):
                    self.assertIn(own, mirrors(kind), kind)

    def test_every_struct_has_the_headers_fields(self) -> None:
        found = structs()
        self.assertEqual(sorted(found), sorted(_tables.STRUCTS))
        for name, classes in _tables.STRUCTS.items():
            for mirror in classes:
                with self.subTest(struct=name, mirror=mirror.__name__):
                    self.assertEqual([field[0] for field in mirror._fields_], found[name])

    def test_every_constant_has_the_headers_value(self) -> None:
        kinds = "SEND_|EVENT_|SELECT_|BROKER_|MODE_|MESSAGE_TYPE_|TRANSACTION_|MOCK_|LOG_|ERR_"
        found = dict(re.findall(rf"#define MQP_((?:{kinds})\w+|OK|VERSION_NUMBER) (\d+)\n", header()))
        own = {name: value for name, value in vars(_abi).items() if isinstance(value, int)}
        own.update({f"ERR_{status.name}": int(status) for status in mqproducer.Status if status})
        own["OK"] = int(mqproducer.Status.OK)
        self.assertEqual(own, {name: int(value) for name, value in found.items()})

    def test_versions_agree(self) -> None:
        major, minor, patch = map(int, mqproducer.__version__.split("."))
        self.assertEqual(_abi.VERSION_NUMBER, major * 1000000 + minor * 1000 + patch)
        self.assertEqual(mqproducer.library_version(), mqproducer.__version__)

    @unittest.skipUnless(COMPILER, "there is no C compiler `cc`")
    def test_sizes_and_offsets_are_the_compilers(self) -> None:
        lines, own = [], []
        for name, classes in _tables.STRUCTS.items():
            for mirror in classes:
                lines.append(f'printf("{name} %zu\\n", sizeof({name}));')
                own.append(f"{name} {ctypes.sizeof(mirror)}")
                for field in mirror._fields_:
                    at = getattr(mirror, field[0])
                    size = f"sizeof((({name} *)0)->{field[0]})"
                    lines.append(f'printf("{name}.{field[0]} %zu %zu\\n", offsetof({name}, {field[0]}), {size});')
                    own.append(f"{name}.{field[0]} {at.offset} {at.size}")
        program = '#include <stdio.h>\n#include "mqproducer.h"\nint main(void) {\n' + "\n".join(lines) + "\n}\n"
        with tempfile.TemporaryDirectory() as directory:
            source, binary = Path(directory, "layout.c"), Path(directory, "layout")
            source.write_text(program, encoding="utf-8")
            include = f"-I{HEADER.parent}"
            subprocess.run([str(COMPILER), "-Wall", "-Werror", include, str(source), "-o", str(binary)], check=True)
            printed = subprocess.run([str(binary)], check=True, stdout=subprocess.PIPE, text=True).stdout
        self.assertEqual(own, printed.splitlines())
