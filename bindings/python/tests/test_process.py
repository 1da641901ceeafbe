"""The interpreter's exit and fork: in bounded time, without a crash and without a lost end."""

from __future__ import annotations

import os
import time
import unittest

from .support import FaultyServer, python

START = """
import os, sys, threading, time
from mqproducer import *
producer = Producer(sys.argv[1], group="g", send_msg_timeout=60_000)
producer.start()
ends = []
def end(receipt, error):
    ends.append(error)
    # In one piece: a child may write to the same pipe.
    os.write(1, f"end {type(error).__name__}\\n".encode())
"""


class Exit(unittest.TestCase):
    def run_to_end(self, code: str, url: str, ends: int, returncode: int = 0) -> str:
        begin = time.monotonic()
        done = python(START + code, url)
        self.assertLess(time.monotonic() - begin, 30)
        self.assertEqual(done.returncode, returncode, done.stderr)
        self.assertEqual(done.stdout.count("end "), ends, done.stdout + done.stderr)
        return done.stderr

    def test_without_close(self) -> None:
        self.assertEqual(self.run_to_end('producer.send("T", b"x")', "mock://", 0), "")

    def test_with_messages_that_still_get_through(self) -> None:
        code = 'for n in range(200): producer.send_async(Message("T", b"x"), end)'
        self.assertEqual(self.run_to_end(code, "mock://", 200), "")

    def test_with_messages_that_never_end(self) -> None:
        code = 'for n in range(20): producer.send_async(Message("T", b"x"), end)'
        with FaultyServer() as server:
            errors = self.run_to_end(code, server.url, 20)
        self.assertIn("a producer was closed by the interpreter's exit", errors)

    def test_by_an_exception_with_messages_in_flight(self) -> None:
        code = 'producer.send_async(Message("T", b"x"), end)\nraise SystemExit(7)'
        self.run_to_end(code, "mock://", 1, returncode=7)

    def test_with_daemon_threads_that_go_on_sending(self) -> None:
        code = """
def work():
    while True:
        producer.send_async(Message("T", b"x"), lambda receipt, error: None)
        producer.send("T", b"x")
threading.excepthook = lambda args: None
for _ in range(4):
    threading.Thread(target=work, daemon=True).start()
time.sleep(0.2)
"""
        for _ in range(3):
            self.assertNotIn("Fatal", self.run_to_end(code, "mock://", 0))

    def test_with_a_daemon_thread_that_waits_in_a_send(self) -> None:
        code = """
threading.excepthook = lambda args: None
threading.Thread(target=producer.send, args=("T", b"x"), daemon=True).start()
time.sleep(0.2)
"""
        with FaultyServer() as server:
            self.run_to_end(code, server.url, 0)

    def test_with_a_callback_that_blocks(self) -> None:
        code = """
producer.send_async(Message("T", b"x"), lambda receipt, error: (end(receipt, error), time.sleep(60)))
for n in range(20): producer.send_async(Message("T", b"x"), end)
while not ends: time.sleep(0.01)
"""
        self.assertIn("a producer was closed by the interpreter's exit", self.run_to_end(code, "mock://", 1))

    def test_nothing_is_called_after_the_exit_gave_up(self) -> None:
        code = """
import atexit, os, sys, threading

def late():
    # What was registered before the package runs after its own exit.
    go_on.set()
    try:
        producer.flush(30_000)
        os.write(1, b"flushed\\n")
    except MqError as error:
        os.write(1, f"{error}\\n".encode())

atexit.register(late)
from mqproducer import *
go_on, first = threading.Event(), threading.Event()
producer = Producer(sys.argv[1], group="g")
producer.start()

def end(receipt, error):
    os.write(1, b"end\\n")
    first.set()
    go_on.wait()

for n in range(20):
    producer.send_async(Message("T", b"x"), end)
first.wait()
"""
        by_itself = "try:\n    producer.close(0)\nexcept MqTimeoutError:\n    pass\n"
        for more in ("", by_itself):
            done = python(code + more, "mock://")
            self.assertEqual((done.returncode, done.stdout), (0, "end\nflushed\n"), done.stderr)

    def test_with_producers_that_start_meanwhile(self) -> None:
        code = """
threading.excepthook = lambda args: None
def work():
    while True:
        late = Producer("mock://late", group="late")
        late.start()
        for n in range(5):
            late.send_async(Message("T", b"x"), lambda receipt, error: None)
for _ in range(4):
    threading.Thread(target=work, daemon=True).start()
time.sleep(0.2)
"""
        for _ in range(3):
            self.assertNotIn("Fatal", self.run_to_end(code, "mock://", 0))

    def test_with_a_producer_started_after_the_others_were_closed(self) -> None:
        code = """
import atexit, sys
def start_late():
    try:
        late.start()
    except ClosedError as error:
        print("end", error.name)
atexit.register(start_late)
from mqproducer import *
late = Producer(sys.argv[1], group="late")
"""
        done = python(code, "mock://")
        self.assertEqual((done.returncode, done.stdout), (0, "end CLOSED\n"), done.stderr)

    def test_with_checks_statistics_and_a_transaction_without_an_end(self) -> None:
        code = """
cluster = MockCluster()
cluster.set_transaction_check_interval(1)
other = Producer(cluster.url, group="g", statistics_interval=1)
other.set_statistics_callback(lambda statistics: statistics.values)
other.set_transaction_checker(lambda message: TransactionState.UNKNOWN)
other.set_trace_context(lambda: None)
other.start()
transaction = other.transaction()
transaction.send("T", b"x")
cluster.wait_requests(2, request_code=37)
other.request_async(Message("T", b"x"), end, timeout_ms=60_000)
other.send_batch_async([Message("T", b"x")] * 3, end)
"""
        for _ in range(3):
            self.assertNotIn("Fatal", self.run_to_end(code, "mock://", 2))

    def test_with_the_log_on(self) -> None:
        code = 'import logging; logging.basicConfig(level=1); enable_log(TRACE); producer.send("T", b"x")'
        self.assertNotIn("Fatal", self.run_to_end(code, "mock://", 0))


@unittest.skipUnless(hasattr(os, "fork"), "this system has no fork")
class Fork(unittest.TestCase):
    def test_a_child_is_told_and_makes_its_own(self) -> None:
        code = """
producer.send_future("T", b"x").result(10)
child = os.fork()
if child == 0:
    calls = [
        lambda: producer.send("T", b"x"),
        lambda: producer.send_oneway("T", b"x"),
        lambda: producer.send_async(Message("T", b"x"), end),
        producer.flush,
        producer.close,
        producer.start,
    ]
    for call in calls:
        try:
            call()
            print("allowed")
        except ForkedError as error:
            print(error.name)
    with Producer("mock://child", group="g") as own:
        own.send_async(Message("T", b"x"), end)
        own.flush()
        print(own.send("T", b"x").topic, flush=True)
    sys.exit(0)
_, status = os.waitpid(child, 0)
print("child", os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status))
print(producer.send("T", b"x").send_status.name)
"""
        done = python(START + code, "mock://")
        self.assertEqual(done.returncode, 0, done.stderr)
        expected = ["FORKED"] * 6 + ["end NoneType", "T", "child 0", "SEND_OK"]
        self.assertEqual(sorted(done.stdout.splitlines()), sorted(expected), done.stderr)

    def test_a_child_is_told_by_every_feature(self) -> None:
        code = """
import warnings
cluster = MockCluster()
# On a slow machine it would ask after the one that is rolled back.
cluster.set_transaction_check_interval(86_400_000)
first = Producer(cluster.url, group="g", statistics_interval=5)
first.set_transaction_checker(lambda message: TransactionState.COMMIT)
told = threading.Event()
first.set_statistics_callback(lambda statistics: told.set())
first.start()
transaction, unended = first.transaction(), first.transaction()
transaction.send("T", b"x")
unended.send("T", b"y")
told.wait()
child = os.fork()
if child == 0:
    warnings.simplefilter("ignore")
    message = Message("T", b"x")
    calls = [
        lambda: first.send_batch([message]),
        lambda: first.send_batch_async([message], end),
        lambda: first.request(message),
        lambda: first.request_async(message, end),
        lambda: first.reply(ReplyTo("a", "b", "c"), b"x"),
        lambda: first.recall("T", "handle"),
        lambda: transaction.send(message),
        transaction.commit,
        first.transaction,
        first.statistics,
        cluster.requests,
        lambda: cluster.push_fault(MockFault.DROP),
        lambda: first.set_transaction_checker(print),
        lambda: first.set_statistics_callback(print),
        lambda: first.set_trace_context(print),
    ]
    for call in calls:
        try:
            call()
            print("allowed", call)
        except ForkedError as error:
            print(error.name)
    del transaction, unended
    with MockCluster() as own, Producer(own.url, group="g") as producer:
        own.echo("Echo")
        print(len(producer.send_batch([message, message])), producer.request("Echo", b"x").body, flush=True)
    sys.exit(0)
_, status = os.waitpid(child, 0)
print("child", os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status))
transaction.commit()
unended.rollback()
first.close()
cluster.wait(1, "T")
print([message.body for message in cluster.messages("T")])
"""
        done = python(START + code, "mock://")
        self.assertEqual(done.returncode, 0, done.stderr)
        expected = ["FORKED"] * 15 + ["2 b'x'", "child 0", "[b'x']"]
        self.assertEqual(done.stdout.splitlines(), expected, done.stderr)

    def test_a_child_of_multiprocessing_with_messages_in_flight(self) -> None:
        code = """
import multiprocessing
def work():
    with Producer("mock://child", group="g") as own:
        own.send("T", b"x")
for n in range(100):
    producer.send_async(Message("T", b"x"), end)
child = multiprocessing.get_context("fork").Process(target=work)
child.start()
child.join()
producer.close()
print("child", child.exitcode)
"""
        done = python(START + code, "mock://")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("child 0", done.stdout)
        self.assertEqual(done.stdout.count("end NoneType"), 100)
