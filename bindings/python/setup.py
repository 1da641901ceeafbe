"""Puts the library into the package: one that is there, or one that cargo builds from the sources beside this file.

``MQPRODUCER_BUNDLE`` names a library to take as it is and ``MQPRODUCER_PLATFORM`` the platform of its wheel. With
``MQPRODUCER_BUNDLE`` empty the package is made without one; it then loads what ``MQPRODUCER_LIBRARY`` names.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.build_py import build_py

try:
    from setuptools.command.bdist_wheel import bdist_wheel
except ImportError:
    from wheel.bdist_wheel import bdist_wheel

HERE = Path(__file__).resolve().parent
# In a source distribution the core is beside this file; in the repository it is two folders up.
CORE = HERE / "core" if (HERE / "core").is_dir() else HERE.parents[1]
NAMES = {"darwin": "libmqproducer.dylib", "win32": "mqproducer.dll"}


def missing() -> str | None:
    """What this machine lacks to build the library, or nothing."""
    if not (CORE / "Cargo.toml").is_file():
        return f"the sources of the library are not in {CORE}"
    if shutil.which("cargo") is None:
        return "cargo is not on PATH: install Rust 1.88 or later"
    if shutil.which(os.environ.get("CC", "cc")) is None:
        return "a C compiler is not on PATH: install gcc or clang"
    return None


def built(folder: Path) -> Path:
    lacks = missing()
    if lacks is not None:
        sys.exit(
            "mqproducer: this is a source distribution, and its library, which is written in Rust, cannot be built "
            f"here: {lacks}. A wheel for your platform needs neither; or name a library that is there with "
            "MQPRODUCER_LIBRARY and install with MQPRODUCER_BUNDLE set to nothing."
        )
    environment = dict(os.environ, CARGO_TARGET_DIR=str(folder))
    command = ["cargo", "rustc", "--locked", "--release", "--lib", "--crate-type", "cdylib"]
    subprocess.run(command, cwd=CORE, env=environment, check=True)
    return folder / "release" / NAMES.get(sys.platform, "libmqproducer.so")


class BuildWithLibrary(build_py):
    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        bundle = os.environ.get("MQPRODUCER_BUNDLE")
        if bundle == "":
            return
        library = Path(bundle) if bundle else built(HERE / "build" / "core")
        name = NAMES.get(sys.platform, "libmqproducer.so")
        target = Path(self.build_lib, "mqproducer", name)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(library, target)
        target.chmod(0o755)


class PlatformWheel(bdist_wheel):
    """One wheel for every Python of a platform: ctypes takes nothing of the interpreter's own C interface."""

    def finalize_options(self) -> None:
        super().finalize_options()
        self.root_is_pure = False

    def get_tag(self) -> tuple[str, str, str]:
        platform = os.environ.get("MQPRODUCER_PLATFORM") or super().get_tag()[2]
        return "py3", "none", platform


class WithLibrary(Distribution):
    def has_ext_modules(self) -> bool:
        return True


setup(distclass=WithLibrary, cmdclass={"build_py": BuildWithLibrary, "bdist_wheel": PlatformWheel})
