"""Servers that load their application and then fork: gunicorn with preloading and uWSGI, whose workers come and go."""

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


class Prefork(unittest.TestCase):
    @unittest.skipUnless(importlib.util.find_spec("gunicorn"), "gunicorn is not installed")
    def test_workers_of_gunicorn_are_told_and_make_their_own(self) -> None:
        options = ["--preload", "--workers", "3", "--max-requests", "5", "--bind", "unix:listening"]
        self.serve([sys.executable, "-m", "gunicorn", *options, "preforked:application"])

    @unittest.skipUnless(importlib.util.find_spec("pyuwsgi"), "pyuwsgi is not installed")
    def test_workers_of_uwsgi_are_told_and_make_their_own(self) -> None:
        # Without --enable-threads no thread of a library gets at Python: there would be no callbacks.
        options = ["--master", "--enable-threads", "--processes", "3", "--need-app", "--die-on-term"]
        options += ["--max-requests", "5", "--min-worker-lifetime", "0"]
        options += ["--http-socket", "listening", "--module", "preforked:application"]
        # A worker that it forks while it ends may not hear of that, and is killed so much later.
        options += ["--worker-reload-mercy", "5"]
        self.serve([sys.executable, "-c", "import pyuwsgi; pyuwsgi.run()", *options])

    def serve(self, command: list[str]) -> None:
        """Runs a server that listens on the file ``listening``, and asks its workers."""
        with tempfile.TemporaryDirectory() as folder, MockCluster() as cluster:
            (Path(folder) / "preforked.py").write_text(APPLICATION)
            listening = Path(folder) / "listening"
            places = os.pathsep.join([folder, str(PACKAGE), os.environ.get("PYTHONPATH", "")])
            # Files: nobody empties a pipe while the server runs.
            with open(Path(folder) / "errors", "w+") as errors:
                server = subprocess.Popen(
                    command,
                    cwd=folder,
                    env=dict(os.environ, PYTHONPATH=places, PREFORK_URL=cluster.url),
                    stdout=subprocess.DEVNULL,
                    stderr=errors,
                )
                try:
                    self.ask(server, listening)
                finally:
                    begin = time.monotonic()
                    server.send_signal(signal.SIGTERM)
                    try:
                        server.wait(60)
                    finally:
                        server.kill()
                    errors.seek(0)
                    said = errors.read()
            self.assertEqual(server.returncode, 0, said)
            self.assertLess(time.monotonic() - begin, 30)
            self.assertNotIn("Traceback", said)
            bodies = sorted(message.body for message in cluster.messages("Prefork"))
            self.assertEqual(bodies, sorted([b"before", *(f"/{number}".encode() for number in range(30))]))

    def ask(self, server: subprocess.Popen[bytes], listening: Path) -> None:
        wait_until(lambda: is_served(listening) or server.poll() is not None, "the server listens", 60)
        workers = set()
        for number in range(30):
            worker, told, status = get(listening, f"/{number}")
            workers.add(worker)
            self.assertEqual((told, status), ("FORKED", "SEND_OK"))
        # Each takes five, so that workers were forked from a master whose producer is alive.
        self.assertGreater(len(workers), 3)
        self.assertNotIn(str(server.pid), workers)
