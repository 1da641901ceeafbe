"""Runs the package's tests on every Python that is found, 3.9 to 3.14, and the type checkers once.

One line for each: the interpreter's version and the counts of its tests. The exit code is non-zero when one fails or
none is found. Only the type checkers, uvloop, gunicorn and uWSGI are packages; they are installed under ``--work-dir``.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Optional

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
MINORS = range(9, 15)
TYPED = [
    HERE / "mqproducer",
    HERE / "tests",
    HERE / "run_tests.py",
    ROOT / "examples/python",
    ROOT / "tests/cluster/stress/python",
    ROOT / "tests/conformance/python",
]
#: The last series that checks against Python 3.9.
TYPE_CHECKER = "mypy>=1.8,<2"
PYRIGHT = "pyright@1"
TIMEOUT_S = 900
#: Interpreters that run at a time: the tests wait more than they compute.
AT_ONCE = 2


def candidates() -> Iterator[str]:
    """Interpreters that may be there: this one, those on PATH, those of pyenv."""
    yield sys.executable
    names = [f"python3.{minor}" for minor in MINORS] + ["python3"]
    yield from filter(None, map(shutil.which, names))
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    yield from map(str, sorted(versions.glob("*/bin/python3")))


def version_of(interpreter: str) -> Optional[str]:
    """Its version, such as ``3.9.18``; None when it does not run, as a pyenv shim without a version behind it."""
    code = "import platform, sys; print(platform.python_version() + getattr(sys, 'abiflags', ''))"
    try:
        done = subprocess.run([interpreter, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def interpreters() -> dict[str, str]:
    """One interpreter for each supported version."""
    found: dict[str, str] = {}
    for interpreter in candidates():
        version = version_of(interpreter)
        match = re.match(r"3\.(\d+)\.", version or "")
        if version and match and int(match.group(1)) in MINORS:
            found.setdefault(version, interpreter)
    return dict(sorted(found.items(), key=lambda item: [int(part) for part in re.findall(r"\d+", item[0])]))


class Sum:
    """What came out, over all interpreters."""

    interpreters = passed = failed = skipped = 0
    types = "not checked"
    good = True

    def __init__(self) -> None:
        self.lock = threading.Lock()

    def __str__(self) -> str:
        tests = f"{self.passed} tests passed, {self.failed} failed, {self.skipped} skipped"
        return f"{tests} on {self.interpreters} interpreters; types {self.types}"


def install(package: str, version: str, interpreter: str, work_dir: Path) -> Optional[Path]:
    """Where a package is for one interpreter; None where it cannot be installed, which is not a failure."""
    place = work_dir / f"{package}-{version}"
    if not any(place.glob(f"{package}*")):
        pip = [interpreter, "-m", "pip", "install", "--quiet", "--only-binary", ":all:"]
        if subprocess.run([*pip, "--target", str(place), package], capture_output=True).returncode != 0:
            return None
    return place


def run_tests(version: str, interpreter: str, environment: dict[str, str], work_dir: Path, total: Sum) -> None:
    """Runs the tests on one interpreter and prints their counts, what they measured, and all when one failed."""
    uvloop = install("uvloop", version, interpreter, work_dir)
    gunicorn = install("gunicorn", version, interpreter, work_dir)
    loops = "asyncio, uvloop"
    if uvloop is None:
        loops = "asyncio alone, uvloop could not be installed"
    # One interpreter is enough for a server in C; its wheel is that of the project itself.
    uwsgi = install("pyuwsgi", version, interpreter, work_dir) if interpreter == sys.executable else None
    if uwsgi is None and interpreter == sys.executable:
        loops += "; prefork without uWSGI, pyuwsgi could not be installed"
    places = [str(place) for place in (uvloop, gunicorn, uwsgi) if place is not None]
    environment = dict(environment, PYTHONPATH=os.pathsep.join([*places, environment.get("PYTHONPATH", "")]))
    command = [interpreter, "-X", "dev", "-m", "unittest", "discover", "-s", "tests", "-t", "."]
    try:
        done = subprocess.run(
            command,
            cwd=HERE,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT_S,
        )
    except subprocess.TimeoutExpired as slow:
        with total.lock:
            total.interpreters += 1
            total.good = False
            print(slow.output)
            print(f"python {version}: FAILED, not done within {TIMEOUT_S} s", flush=True)
        return
    with total.lock:
        add_up(f"python {version}", loops, done, total)


def add_up(name: str, loops: str, done: subprocess.CompletedProcess[str], total: Sum) -> None:
    """Adds what one interpreter's tests came to, and prints it."""
    total.interpreters += 1
    ran = re.search(r"^Ran (\d+) tests?", done.stdout, re.M)
    counts = {kind: int(count) for kind, count in re.findall(r"(failures|errors|skipped)=(\d+)", done.stdout)}
    failed, skipped = counts.get("failures", 0) + counts.get("errors", 0), counts.get("skipped", 0)
    number = int(ran.group(1)) if ran else 0
    good = done.returncode == 0 and number > 0
    if not good:
        print(done.stdout)
    passed = number - failed - skipped
    print(
        f"{name}: {'ok' if good else 'FAILED'}, {number} tests, "
        f"{passed} passed, {failed} failed, {skipped} skipped; loops: {loops}",
        flush=True,
    )
    for measured in re.findall("measured: (.*)", done.stdout):
        print(f"  {measured}", flush=True)
    total.passed, total.failed, total.skipped = total.passed + passed, total.failed + failed, total.skipped + skipped
    total.good &= good


def check_types(interpreter: str, work_dir: Path, total: Sum) -> None:
    """Runs mypy; where it cannot be installed a line says so and it is not a failure."""
    environment = work_dir / "venv"
    mypy = environment / "bin" / "mypy"
    if not mypy.exists():
        install = [
            [interpreter, "-m", "venv", "--clear", str(environment)],
            [str(environment / "bin" / "python"), "-m", "pip", "install", "--quiet", TYPE_CHECKER],
        ]
        for command in install:
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            if done.returncode != 0:
                reason = (done.stdout.strip().splitlines() or ["no reason told"])[-1]
                print(f"mypy: SKIPPED, it could not be installed: {reason}", flush=True)
                return
    command = [
        str(mypy),
        "--config-file",
        str(HERE / "pyproject.toml"),
        "--cache-dir",
        str(work_dir / "cache"),
        "--python-version",
        "3.9",
    ]
    done = subprocess.run(
        [*command, *map(str, TYPED)],
        cwd=HERE,
        env=dict(os.environ, MYPYPATH=os.pathsep.join([str(HERE), str(ROOT / "tests/conformance/python")])),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode != 0:
        print(done.stdout)
    last = (done.stdout.strip().splitlines() or [""])[-1]
    total.types = "ok" if done.returncode == 0 else "FAILED"
    total.good &= done.returncode == 0
    print(f"mypy: {total.types}, {last}", flush=True)


def check_pyright(work_dir: Path, total: Sum) -> None:
    """Runs pyright on the package; where npm cannot install it a line says so and it is not a failure."""
    place = work_dir / "pyright"
    pyright = place / "node_modules" / ".bin" / "pyright"
    if not pyright.exists():
        place.mkdir(parents=True, exist_ok=True)
        npm = shutil.which("npm")
        install = [npm, "install", "--silent", "--prefix", str(place), PYRIGHT] if npm else ["false"]
        if subprocess.run(install, capture_output=True).returncode != 0 or not pyright.exists():
            print(f"pyright: SKIPPED, {'npm could not install it' if npm else 'there is no npm'}", flush=True)
            return
    done = subprocess.run(
        [str(pyright), "--pythonversion", "3.9", str(HERE / "mqproducer")],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode != 0:
        print(done.stdout)
        total.types = "FAILED"
    total.good &= done.returncode == 0
    print(f"pyright: {(done.stdout.strip().splitlines() or [''])[-1]}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    default = os.environ.get("MQPRODUCER_LIBRARY", str(target / "debug" / "libmqproducer.so"))
    parser.add_argument("--library", default=default, help="the library under test (default: %(default)s)")
    parser.add_argument("--work-dir", type=Path, default=target / "python", help="for mypy (default: %(default)s)")
    arguments = parser.parse_args()

    library = Path(arguments.library).resolve()
    if not library.exists():
        print(f"there is no library {library}: build it, or name it with --library", file=sys.stderr)
        return 2
    environment = dict(os.environ, MQPRODUCER_LIBRARY=str(library), PYTHONDONTWRITEBYTECODE="1")
    found = interpreters()
    absent = [f"3.{minor}" for minor in MINORS if not any(version.startswith(f"3.{minor}.") for version in found)]
    if absent:
        print(f"python {', '.join(absent)}: not found, not tested", flush=True)
    total = Sum()
    work_dir = arguments.work_dir.resolve()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        runs = [pool.submit(run_tests, *each, environment, work_dir, total) for each in found.items()]
    for run in runs:
        run.result()
    if found:
        check_types(list(found.values())[-1], work_dir, total)
        check_pyright(work_dir, total)
    print(f"summary: {total}")
    return 0 if total.good and found else 1


if __name__ == "__main__":
    sys.exit(main())
