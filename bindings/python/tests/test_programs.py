"""The programs that come with the package: the example and the one that sends very much."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from mqproducer import MockCluster, MockFault, ReplyTo

from .support import PACKAGE, ROOT, FaultyServer, Producer, refused_address

EXAMPLES = ROOT / "examples" / "python"
EXAMPLE = EXAMPLES / "send.py"
STRESS = ROOT / "tests" / "cluster" / "stress" / "python" / "stress.py"


def run(script: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(script), *arguments],
        env=dict(os.environ, PYTHONPATH=str(PACKAGE), PYTHONDONTWRITEBYTECODE="1"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        timeout=120,
    )


@unittest.skipUnless(EXAMPLE.exists(), "the examples are not here")
class Example(unittest.TestCase):
    def test_it_sends_in_each_mode(self) -> None:
        with MockCluster() as cluster:
            done = run(EXAMPLE, cluster.url)
            self.assertEqual(done.returncode, 0, done.stderr)
            cluster.wait(3, "Demo")
            sent = {message.message_id for message in cluster.messages("Demo")}
        line = r"python (\w+) id=([0-9A-F]{32}) queue=[\w-]+/\d+ offset=(-|\d+)"
        found = [re.fullmatch(line, text) for text in done.stdout.splitlines()]
        self.assertEqual([match and match.group(1) for match in found], ["sync", "async", "oneway"])
        self.assertEqual({match and match.group(2) for match in found}, sent)
        self.assertEqual([match and match.group(3) == "-" for match in found], [False, False, True])

    def test_by_default_it_needs_no_server(self) -> None:
        self.assertEqual(run(EXAMPLE).returncode, 0)

    def test_a_failure_is_told(self) -> None:
        done = run(EXAMPLE, f"rocketmq://{refused_address()}")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("NO_NAME_SERVER", done.stderr)


@unittest.skipUnless(EXAMPLE.exists(), "the examples are not here")
class Request(unittest.TestCase):
    def test_it_asks(self) -> None:
        with MockCluster() as cluster:
            cluster.echo("Ask")
            done = run(EXAMPLES / "request.py", cluster.url, "Ask", "é?")
            self.assertEqual((done.returncode, done.stdout), (0, "python reply: é?\n"), done.stderr)
            self.assertEqual([message.body for message in cluster.messages("Ask")], ["é?".encode()])

    def test_it_replies(self) -> None:
        with MockCluster() as cluster, Producer(cluster.url, group="g") as producer:
            future = producer.request_future("Ask", b"?", timeout_ms=60_000)
            cluster.wait(1, "Ask")
            to = ReplyTo.of(cluster.messages("Ask")[0].properties)
            arguments = (to.cluster, to.correlation_id, to.reply_to_client, str(to.ttl_ms), "é!")
            done = run(EXAMPLES / "request.py", "--reply", cluster.url, *arguments)
            self.assertEqual(done.returncode, 0, done.stderr)
            reply = future.result(60)
            self.assertEqual(reply.body, "é!".encode())
            self.assertEqual(done.stdout, f"python replied id={reply.message_id}\n")

    def test_it_needs_no_server(self) -> None:
        done = run(EXAMPLES / "request.py", "mock://", "Ask")
        self.assertEqual((done.returncode, done.stdout), (0, "python reply: hello\n"), done.stderr)

    def test_failures_are_told(self) -> None:
        done = run(EXAMPLES / "request.py", f"rocketmq://{refused_address()}", "Ask")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("NO_NAME_SERVER", done.stderr)
        for arguments in ([], ["mock://"], ["--reply", "mock://", "Ask"]):
            self.assertEqual(run(EXAMPLES / "request.py", *arguments).returncode, 2)


@unittest.skipUnless(EXAMPLE.exists(), "the examples are not here")
class Batch(unittest.TestCase):
    def test_it_sends_five_in_one_request(self) -> None:
        with MockCluster() as cluster:
            done = run(EXAMPLES / "batch.py", cluster.url, "Orders")
            self.assertEqual(done.returncode, 0, done.stderr)
            stored = cluster.messages("Orders")
            self.assertEqual(len(cluster.requests(request_code=320)), 1)
        lines = [
            f"python batch id={message.message_id} queue={message.broker_name}/{message.queue_id} offset={offset}"
            for offset, message in enumerate(stored)
        ]
        self.assertEqual(done.stdout.splitlines(), lines)
        self.assertEqual(len(lines), 5)

    def test_it_needs_no_server(self) -> None:
        self.assertEqual(run(EXAMPLES / "batch.py", "mock://").returncode, 0)

    def test_failures_are_told(self) -> None:
        with MockCluster() as cluster:
            cluster.push_fault(MockFault.ANSWER, request_code=320, response_code=13, remark="no")
            done = run(EXAMPLES / "batch.py", cluster.url)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertEqual(done.stderr.count("answered code 13: no"), 5, done.stderr)
        done = run(EXAMPLES / "batch.py", f"rocketmq://{refused_address()}")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("NO_NAME_SERVER", done.stderr)
        self.assertEqual(run(EXAMPLES / "batch.py").returncode, 2)


@unittest.skipUnless(EXAMPLE.exists(), "the examples are not here")
class Transactions(unittest.TestCase):
    def setUp(self) -> None:
        self.cluster = MockCluster()
        self.addCleanup(self.cluster.close)

    def start(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return run(EXAMPLES / "transaction.py", self.cluster.url, *arguments)

    def test_commit_and_rollback(self) -> None:
        for end, line in (("rollback", "python rolled back"), ("commit", "python committed")):
            done = self.start("Orders", "g", end)
            self.assertEqual(done.returncode, 0, done.stderr)
            half, ended = done.stdout.splitlines()
            self.assertRegex(half, r"^python half id=[0-9A-F]{32}$")
            self.assertEqual(ended, line)
        self.cluster.wait(1, "Orders")
        self.assertEqual([f"python half id={m.message_id}" for m in self.cluster.messages("Orders")], [half])

    def test_a_check_after_death(self) -> None:
        dead = self.start("Orders", "g", "die")
        self.assertEqual(dead.returncode, -signal.SIGKILL, dead.stderr)
        (half,) = dead.stdout.splitlines()
        self.assertEqual(self.cluster.message_count("Orders"), 0)
        done = self.start("Orders", "g", "check")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout, half.replace("half", "checked") + "\n")
        self.cluster.wait(1, "Orders")

    def test_it_needs_no_server(self) -> None:
        done = run(EXAMPLES / "transaction.py", "mock://", "Orders", "g", "commit")
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_failures_are_told(self) -> None:
        done = run(EXAMPLES / "transaction.py", f"rocketmq://{refused_address()}", "Orders", "g", "commit")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("NO_NAME_SERVER", done.stderr)
        for arguments in ([], ["Orders", "g"], ["Orders", "g", "forget"]):
            self.assertEqual(self.start(*arguments).returncode, 2)


@unittest.skipUnless(STRESS.exists(), "the program is not here")
class Stress(unittest.TestCase):
    def stress(self, url: str, total: int) -> list[dict[str, object]]:
        with tempfile.TemporaryDirectory() as directory:
            out = Path(directory, "out.jsonl")
            done = run(STRESS, url, "Stress", str(total), str(out))
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            lines = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
        # They are written as the messages end.
        lines.sort(key=lambda line: int(line["i"]))
        self.assertEqual([line["i"] for line in lines], list(range(total)))
        return lines

    def test_every_message_arrives_as_the_recipe_says(self) -> None:
        total = 1000
        with MockCluster() as cluster:
            lines = self.stress(cluster.url, total)
            cluster.wait(total, "Stress", 60_000)
            stored = {message.properties["index"]: message for message in cluster.messages("Stress")}
        self.assertEqual(len(stored), total)
        for line in lines:
            i = int(str(line["i"]))
            message = stored[str(i)]
            self.assertEqual((line["ok"], line["error"], line["message_id"]), (True, None, message.message_id))
            self.assertEqual(line["mode"], "oneway" if i % 10 == 9 else "async" if i % 2 else "sync")
            offset = -1 if line["mode"] == "oneway" else message.queue_offset
            self.assertEqual((line["queue_id"], line["queue_offset"]), (message.queue_id, offset))
            self.assertTrue(message.body.startswith(b"python-%d|\0%c\xff\0" % (i, i % 256)))
            self.assertEqual(len(message.body), len(f"python-{i}|") + 4 + i * 7 % 900)
            self.assertEqual((message.tags, message.flag), (f"T{i % 5}", i % 1000))
            self.assertEqual(message.keys, f"python-{i} k{i % 7}")
            self.assertEqual(message.properties[f"p{i % 3}"], f"value é {i}")

    def test_failures_are_lines_not_exit_codes(self) -> None:
        with FaultyServer((13, "no")) as server:
            lines = self.stress(server.url, 20)
        for line in lines:
            self.assertEqual(line["ok"], line["mode"] == "oneway")
            if not line["ok"]:
                self.assertIn("BROKER: ", str(line["error"]))
