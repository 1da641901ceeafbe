"""Each piece of Python in the guide, in the README and in the page about reliability runs.

``<!-- python: NAME -->`` above a piece says what is there before it: ``sync`` a started ``producer``, ``failing`` one
whose broker does not answer, ``settings`` a ``url``. Without a mark it is a program, or a piece of the README with all
that its pieces have in common.
"""

from __future__ import annotations

import contextlib
import gc
import io
import unittest
from pathlib import Path
from typing import Any, NamedTuple

import mqproducer
from mqproducer import BrokerError, Message, MockCluster, MockFault, MqError, Producer, SendHook, TransactionState

from .support import ROOT, python

GUIDE = ROOT / "docs" / "guides" / "python.md"
README = ROOT / "README.md"
RELIABILITY = ROOT / "docs" / "RELIABILITY.md"
MARK, END = "<!-- python: ", " -->"


class Piece(NamedTuple):
    """A piece of Python on a page."""

    place: str
    mark: str
    code: str


def pieces(page: Path) -> list[Piece]:
    """Those of a page, at the lines where they stand."""
    found: list[Piece] = []
    before, begin, lines = "", 0, page.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, 1):
        if begin and line == "```":
            # In its place, so that a traceback tells the line of the page.
            code = "\n" * (begin) + "\n".join(lines[begin : number - 1]) + "\n"
            found.append(Piece(f"{page.name}:{begin}", before, code))
            begin = 0
        elif not begin and line == "```python":
            begin, mark = number, lines[number - 2]
            before = mark[len(MARK) : -len(END)] if mark.startswith(MARK) and mark.endswith(END) else ""
    return found


class Audit(SendHook):
    """The hook of the README."""


class StartsWhenUsed:
    """A producer that may be set up and used in one piece."""

    def __init__(self, producer: Producer) -> None:
        self._producer = producer
        self._started = False

    def __getattr__(self, name: str) -> Any:
        if not self._started and not name.startswith(("set_", "add_", "start")):
            self._producer.start()
            self._started = True
        return getattr(self._producer, name)


def request_properties(cluster: MockCluster, producer: Any) -> dict[str, str]:
    """The properties of a request that a consumer would see."""
    producer.request("Prices", b"x")
    properties: dict[str, str] = cluster.messages("Prices")[0].properties
    return properties


def run(piece: Piece) -> str:
    """Runs it; what it printed."""
    if not piece.mark and piece.place.startswith(GUIDE.name):
        done = python(piece.code)
        if done.returncode != 0:
            raise AssertionError(done.stderr)
        return done.stdout + done.stderr
    printed = io.StringIO()
    # The pieces of the README and the guide name it; others of this process do not.
    with MockCluster("guide"), MockCluster("demo"), MockCluster() as cluster, contextlib.redirect_stdout(printed):
        cluster.echo("Prices")
        producer = Producer(cluster.url, group="guide")
        used = StartsWhenUsed(producer)
        names: dict[str, Any] = {"__name__": "__main__"}
        if piece.mark == "settings":
            names.update(url=cluster.url, Producer=Producer)
        elif piece.mark in ("sync", "failing"):
            names.update(producer=used, Message=Message)
            if piece.mark == "failing":
                cluster.push_fault(MockFault.LOSE_ANSWER, request_code=310, count=0)
                producer = Producer(cluster.url, group="guide", send_msg_timeout=300)
                names["producer"] = StartsWhenUsed(producer)
        elif piece.mark:
            raise ValueError(f"there is no harness `{piece.mark}`")
        else:
            names.update(vars(mqproducer))
            names.update(producer=used, Audit=Audit, bodies=[b"a", b"b"], message=Message("Orders", b"x"))
            names.update(cluster=cluster)
            if "properties" in piece.code:
                names["properties"] = LazyProperties(cluster, used)
            if ".transaction()" in piece.code and "set_transaction_checker" not in piece.code:
                producer.set_transaction_checker(lambda message: TransactionState.UNKNOWN)
        try:
            exec(compile(piece.code, piece.place, "exec"), names)
        finally:
            producer.close()
            if isinstance(names.get("producer"), Producer):
                names["producer"].close()
            # Its functions hold its names, and so what the producers were given.
            names.clear()
            gc.collect()
    return printed.getvalue()


class LazyProperties(dict[str, str]):
    """Those of a request, which is made when they are looked at."""

    def __init__(self, cluster: MockCluster, producer: Any) -> None:
        super().__init__()
        self._made = cluster, producer

    def get(self, name: str, default: Any = None) -> Any:
        """One of them."""
        self.update(request_properties(*self._made))
        return super().get(name, default)


@unittest.skipUnless(GUIDE.exists() and README.exists(), "the pages are not here")
class Pages(unittest.TestCase):
    def test_every_piece_runs(self) -> None:
        for page, least in ((GUIDE, 9), (README, 4), (RELIABILITY, 1)):
            found = pieces(page)
            self.assertGreaterEqual(len(found), least)
            for piece in found:
                with self.subTest(piece.place):
                    try:
                        run(piece)
                    except MqError as error:
                        # The embedded cluster has nobody who waits for a reply that this piece sends.
                        self.assertIsInstance(error, BrokerError)
                        self.assertIn("producer.reply(", piece.code)

    def test_the_embedded_tests_of_the_guide_ran(self) -> None:
        (piece,) = [piece for piece in pieces(GUIDE) if "unittest.main" in piece.code]
        self.assertRegex(run(piece), r"Ran 2 tests in .*\n\nOK")

    def test_a_piece_that_fails_is_noticed(self) -> None:
        broken = [("sync", "producer.send('T', 'text')"), ("sync", "producer.sent"), ("other", "pass"), ("", "1 / 0")]
        for mark, code in broken:
            with self.assertRaises(Exception):
                run(Piece("python.md:1", mark, code))
        self.assertIn("may be stored", run(next(piece for piece in pieces(GUIDE) if piece.mark == "failing")))
