"""A server that loads its application and then forks: gunicorn with preloading, whose workers come and go."""

from __future__ import annotations

import http.client
import importlib.util
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

from mqproducer import MockCluster

from .support import PACKAGE, wait_until

APPLICATION = """
import os
from mqproducer import ForkedError, Producer

url = os.environ["PREFORK_URL"]
before = Producer(url, group="before")
before.start()
before.send("Prefork", b"before")
own = None

def application(environ, start_response):
    global own
    try:
        before.send("Prefork", b"refused")
        told = "allowed"
    except ForkedError as error:
        told = error.name
    if own is None:
        own = Producer(url, group="worker")
        own.start()
    sent = own.send("Prefork", environ["PATH_INFO"].encode())
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{os.getpid()} {told} {sent.send_status.name}".encode()]
"""


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=30)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect(str(self.path))


def is_served(listening: Path) -> bool:
    """Its file is there a little before anything listens."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(30)
        return connection.connect_ex(str(listening)) == 0


def get(listening: Path, page: str) -> list[str]:
    connection = UnixConnection(listening)
    try:
        connection.request("GET", page)
        return connection.getresponse().read().decode().split()
    finally:
        connection.close()


@unittest.skipUnless(importlib.util.find_spec("gunicorn"), "gunicorn is not installed")
class Prefork(unittest.TestCase):
    def test_workers_are_told_and_make_their_own(self) -> None:
        with tempfile.TemporaryDirectory() as folder, MockCluster() as cluster:
            (Path(folder) / "preforked.py").write_text(APPLICATION)
            listening = Path(folder) / "listening"
            places = os.pathsep.join([folder, str(PACKAGE), os.environ.get("PYTHONPATH", "")])
            command = [sys.executable, "-m", "gunicorn", "--preload", "--workers", "3", "--max-requests", "5"]
            server = subprocess.Popen(
                [*command, "--bind", f"unix:{listening}", "preforked:application"],
                cwd=folder,
                env=dict(os.environ, PYTHONPATH=places, PREFORK_URL=cluster.url),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
            try:
                wait_until(lambda: is_served(listening) or server.poll() is not None, "the server listens", 60)
                workers = set()
                for number in range(30):
                    worker, told, status = get(listening, f"/{number}")
                    workers.add(worker)
                    self.assertEqual((told, status), ("FORKED", "SEND_OK"))
                # Each takes five, so that workers were forked from a master whose producer is alive.
                self.assertGreater(len(workers), 3)
                self.assertNotIn(str(server.pid), workers)
            finally:
                begin = time.monotonic()
                server.send_signal(signal.SIGTERM)
                _, errors = server.communicate(timeout=60)
            self.assertEqual(server.returncode, 0, errors)
            self.assertLess(time.monotonic() - begin, 30)
            self.assertNotIn("Traceback", errors)
            bodies = sorted(message.body for message in cluster.messages("Prefork"))
            self.assertEqual(bodies, sorted([b"before", *(f"/{number}".encode() for number in range(30))]))
