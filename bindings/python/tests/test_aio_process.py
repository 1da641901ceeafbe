"""What asyncio costs in crossings and threads, and the ends of loops, interpreters and processes."""

from __future__ import annotations

import os
import re
import unittest

from .support import FaultyServer, python

START = """
import asyncio, gc, os, sys, threading, time
from mqproducer import *

def make(url, **config):
    return AsyncProducer(url, group="g", send_msg_timeout=60_000, **config)
"""

MANY = """
import ctypes
from mqproducer import _native, _library, _tables, mock

crossings = 0

def counted(function):
    def call(*arguments):
        global crossings
        crossings += 1
        return function(*arguments)
    return call

# Every function of the library, and what ctypes itself calls.
for name in _tables.FUNCTIONS:
    setattr(_library.lib, name, counted(getattr(_library.lib, name)))
_native.string_at = counted(ctypes.string_at)

def library_threads():
    tasks = os.listdir("/proc/self/task") if os.path.isdir("/proc/self/task") else []
    names = [open(f"/proc/self/task/{task}/comm").read().strip() for task in tasks]
    return [name for name in names if name.startswith("mqp")]

async def main():
    count = 100_000
    with MockCluster() as cluster:
        # One try for each message, with time enough on any machine: what is stored can be counted.
        patient = {"send_msg_timeout": 600_000, "retry_times_when_send_async_failed": 0}
        async with AsyncProducer(cluster.url, group="g", **patient) as producer:
            await producer.send("T", b"first")
            message, ended = Message("T", b"x" * 100), []
            begin, before, python_threads = time.perf_counter(), crossings, 0
            async def send():
                nonlocal python_threads
                ended.append((await producer.send(message)).message_id)
                python_threads = max(python_threads, threading.active_count())
            await asyncio.gather(*(send() for _ in range(count)))
            seconds, used = time.perf_counter() - begin, crossings - before
            threads = library_threads()
        assert python_threads == 1, python_threads
        assert len(ended) == len(set(ended)) == count, len(ended)
        assert cluster.message_count("T") == count + 1, cluster.message_count("T")
        stored = {each.message_id for each in cluster.messages("T")}
        assert stored.issuperset(ended)
    print(f"measured: {count} messages from one asyncio task: {used * 1000 / count:.1f} crossings per 1000 "
          f"completions, {count / seconds:.0f} messages/s, {len(threads)} threads of the library {threads}")

import asyncio
asyncio.run(main())
"""


class Cost(unittest.TestCase):
    def test_many_messages_end_once_each_in_few_crossings(self) -> None:
        # Without the checks of -X dev, which make tasks slow.
        done = python(START + MANY, seconds=500)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        print(done.stdout, end="", flush=True)
        measured = re.search(r"(\S+) crossings per 1000 .* (\d+) threads", done.stdout)
        assert measured is not None
        self.assertLess(float(measured.group(1)), 60)
        self.assertLessEqual(int(measured.group(2)), 3)


class Ends(unittest.TestCase):
    def run_to_end(self, code: str, url: str, stdout: str) -> str:
        done = python(START + code, url)
        self.assertEqual((done.returncode, done.stdout), (0, stdout), done.stderr)
        return done.stderr

    def test_a_loop_that_is_closed_with_sends_pending(self) -> None:
        code = """
async def main():
    global producer
    producer = make(sys.argv[1])
    await producer.start()
    futures = [producer.send_future("T", b"x") for _ in range(100)]
    tasks = [asyncio.ensure_future(call) for call in
             (producer.send("U", b"x"), producer.request("T", b"x", timeout_ms=3000), producer.send_oneway("T", b"x"))]
    await asyncio.sleep(0.2)

asyncio.run(main())
gc.collect()
print("closed")
asyncio.run(producer.close()) if sys.argv[1] == "mock://" else None
print("end")
"""
        # The embedded cluster has answered, and nobody has polled; the other server never answers.
        self.assertEqual(self.run_to_end(code, "mock://", "closed\nend\n"), "")
        with FaultyServer() as server:
            text = self.run_to_end(code, server.url, "closed\nend\n")
            self.assertIn("a producer was closed by the interpreter's exit", text)
            self.assertNotIn("Traceback", text)

    def test_an_exit_without_close(self) -> None:
        code = """
async def main():
    global producer
    producer = make(sys.argv[1])
    await producer.start()
    await producer.send("T", b"x")
    [producer.send_future("T", b"x") for _ in range(100)]
    print("end")
asyncio.run(main())
"""
        self.assertEqual(self.run_to_end(code, "mock://", "end\n"), "")

    def test_an_exit_while_the_loop_runs(self) -> None:
        code = """
async def main():
    producer = make(sys.argv[1])
    await producer.start()
    for n in range(100):
        await producer.send("T", b"x")
    print("end", flush=True)
    runs.set()
    while True:
        await asyncio.gather(*(producer.send("T", b"x") for _ in range(50)), producer.send_oneway("T", b"x"))

def run():
    try:
        asyncio.run(main())
    except BaseException:
        pass

runs = threading.Event()
threading.Thread(target=run, daemon=True).start()
runs.wait()
time.sleep(0.2)
"""
        for _ in range(3):
            self.assertNotIn("Fatal", self.run_to_end(code, "mock://", "end\n"))

    def test_ctrl_c_in_the_middle(self) -> None:
        code = """
class Interrupts(SendHook):
    left = 700
    def before_send(self, context):
        Interrupts.left -= 1
        if Interrupts.left == 0:
            raise KeyboardInterrupt

def interrupt():
    raise KeyboardInterrupt

async def main(by_hook):
    producer = make(sys.argv[1])
    if by_hook:
        producer.add_hook(Interrupts())
    async with producer:
        if not by_hook:
            asyncio.get_running_loop().call_later(0.2, interrupt)
        while True:
            await asyncio.gather(*(producer.send("T", b"x") for _ in range(200)))

for by_hook in (False, True):
    try:
        asyncio.run(main(by_hook))
    except KeyboardInterrupt:
        print("interrupted")
"""
        self.assertNotIn("Fatal", self.run_to_end(code, "mock://", "interrupted\ninterrupted\n"))

    def test_it_is_given_back(self) -> None:
        code = """
async def main():
    for _ in range(60):
        async with make(sys.argv[1]) as producer:
            await producer.send_many([Message("T", b"x")] * 10)

def descriptors():
    gc.collect()
    return len(os.listdir("/proc/self/fd"))

before = descriptors()
asyncio.run(main())
deadline = time.monotonic() + 20
# What is shared stays; the other ends of the connections are closed by the cluster's thread.
while descriptors() > before + 20 and time.monotonic() < deadline:
    time.sleep(0.01)
print(descriptors() <= before + 20)
"""
        if os.path.isdir("/proc/self/fd"):
            self.run_to_end(code, "mock://", "True\n")


@unittest.skipUnless(hasattr(os, "fork"), "this system has no fork")
class Fork(unittest.TestCase):
    def test_a_child_is_told_and_makes_its_own(self) -> None:
        code = """
def child(producer):
    async def refused():
        for call in (lambda: producer.send("T", b"x"), lambda: producer.send_many([Message("T", b"x")]),
                     lambda: producer.send_oneway("T", b"x"), lambda: producer.request("T", b"x"),
                     producer.flush, producer.close):
            try:
                await call()
                print("allowed")
            except ForkedError as error:
                print(error.name)
        async with make("mock://child") as own:
            print((await own.send("T", b"x")).topic, flush=True)
    asyncio.run(refused())

async def main():
    async with make(sys.argv[1]) as producer:
        await producer.send("T", b"x")
        futures = [producer.send_future("T", b"x") for _ in range(100)]
        pid = os.fork()
        if pid == 0:
            child(producer)
            os._exit(0)
        print("child", os.waitpid(pid, 0)[1])
        print(len(await asyncio.gather(*futures)))

asyncio.run(main())
"""
        done = python(START + code, "mock://")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout.splitlines(), ["FORKED"] * 6 + ["T", "child 0", "100"], done.stderr)

    def test_a_child_of_multiprocessing(self) -> None:
        code = """
import multiprocessing

async def work():
    async with make("mock://child") as own:
        await asyncio.gather(*(own.send("T", b"x") for _ in range(50)))

def target():
    asyncio.run(work())

async def main():
    async with make(sys.argv[1]) as producer:
        futures = [producer.send_future("T", b"x") for _ in range(100)]
        process = multiprocessing.get_context("fork").Process(target=target)
        process.start()
        while process.is_alive():
            await asyncio.sleep(0.01)
        print("child", process.exitcode, len(await asyncio.gather(*futures)))

asyncio.run(main())
"""
        done = python(START + code, "mock://")
        self.assertEqual((done.returncode, done.stdout), (0, "child 0 100\n"), done.stderr)
