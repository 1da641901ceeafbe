"""What several tests need: a server with faults, other processes, waiting."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Callable, Optional

import mqproducer
from mqproducer import ConfigValue

PACKAGE = Path(__file__).resolve().parent.parent
ROOT = PACKAGE.parent.parent
HEADER = ROOT / "include" / "mqproducer.h"

GET_ROUTE = 105
HEART_BEAT = 34
UNREGISTER_CLIENT = 35


class Producer(mqproducer.Producer):
    """One that no slow machine makes fail: each try of a message has its 15 s, where the test does not say otherwise."""

    def __init__(self, url: str, *, group: Optional[str] = None, **config: ConfigValue) -> None:
        config.setdefault("send_msg_timeout", 60_000)
        super().__init__(url, group=group, **config)


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 60) -> None:
    """Waits until the condition holds; fails the test after the deadline."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.005)


def python(code: str, *arguments: str, seconds: float = 60) -> subprocess.CompletedProcess[str]:
    """Runs code in an interpreter like this one, which sees the package; a crash shows in the return code."""
    places = os.pathsep.join([str(PACKAGE), os.environ.get("PYTHONPATH", "")])
    environment = dict(os.environ, PYTHONPATH=places, PYTHONFAULTHANDLER="1", PYTHONDONTWRITEBYTECODE="1")
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        timeout=seconds,
    )


def refused_address() -> str:
    """An address on which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"


class FaultyServer:
    """A name server and broker in one, whose answer to a send is chosen: (code, remark), or None for silence.

    With ``raw`` the answer to a send is what that makes of the request's opaque, and with ``hang_up`` its end.
    """

    def __init__(
        self,
        send_answer: Optional[tuple[int, str]] = None,
        routes: bool = True,
        raw: Optional[Callable[[int], bytes]] = None,
        hang_up: bool = False,
        broker: str = "faulty",
    ) -> None:
        self.send_answer = send_answer
        self.raw = raw
        self.hang_up = hang_up
        self.broker = broker
        self.routes = routes
        #: How many sends came in.
        self.sends = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.url = f"rocketmq://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> FaultyServer:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            # A close alone does not wake the thread in `accept`.
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._open.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection, connection.makefile("rb") as stream:
            while True:
                head = stream.read(8)
                if len(head) < 8:
                    return
                length, header_length = struct.unpack(">II", head)
                header = json.loads(stream.read(header_length & 0xFFFFFF))
                stream.read(length - 4 - (header_length & 0xFFFFFF))
                answer = self._answer(header["code"])
                if self.raw is not None and header["code"] not in (GET_ROUTE, HEART_BEAT, UNREGISTER_CLIENT):
                    connection.sendall(self.raw(header["opaque"]))
                    if self.hang_up:
                        connection.shutdown(socket.SHUT_RDWR)
                        return
                elif answer is not None:
                    code, remark, body = answer
                    connection.sendall(frame(header["opaque"], code, remark, body))

    def _answer(self, request: int) -> Optional[tuple[int, str, bytes]]:
        if request == GET_ROUTE:
            return (0, "", self._route()) if self.routes else (17, "no such topic here", b"")
        if request in (HEART_BEAT, UNREGISTER_CLIENT):
            return 0, "", b""
        self.sends += 1
        return None if self.send_answer is None else (*self.send_answer, b"")

    def _route(self) -> bytes:
        address = self.url[len("rocketmq://") :]
        queues = {"brokerName": self.broker, "perm": 6, "readQueueNums": 2, "writeQueueNums": 2, "topicSysFlag": 0}
        broker = {"brokerAddrs": {"0": address}, "brokerName": self.broker, "cluster": "test"}
        return json.dumps({"brokerDatas": [broker], "queueDatas": [queues], "filterServerTable": {}}).encode()


def frame(opaque: int, code: int, remark: str, body: bytes) -> bytes:
    """A response of the remoting protocol with a JSON header."""
    fields: dict[str, Any] = {"code": code, "flag": 1, "language": "JAVA", "opaque": opaque, "version": 435}
    if remark:
        fields["remark"] = remark
    header = json.dumps(fields).encode()
    return struct.pack(">II", 4 + len(header) + len(body), len(header)) + header + body
