"""Sends as fast as it can in one mode and prints what a message cost: see ../README.md.

Asynchronous messages go by ``AsyncProducer.send_many``, from a few tasks that have all places of the window together.
"""

from __future__ import annotations

import asyncio
import json
import resource
import socket
import struct
import sys
import threading
import time
from typing import Any, Optional

from mqproducer import BatchError, Message, MqError, Producer, Receipt, SendStatus
from mqproducer.aio import AsyncProducer

#: Most messages in flight in mode async, and how many tasks share them.
WINDOW, TASKS = 1000, 4
#: Messages of one batch.
BATCH = 32
#: After so many one-way messages comes one that is answered, so that none only sits in a buffer when it counts.
ONE_WAYS = 1000


def body_of(size: int, text: bool) -> bytes:
    """Text that compresses, or noise that does not."""
    if text:
        words = b"The quick brown fox jumps over the lazy dog; order=12345 status=PAID amount=99.95 "
        body = bytearray((words * (size // len(words) + 1))[:size])
        for i in range(0, max(0, size - 8), 97):
            body[i] = 97 + i * 7919 % 26
        return bytes(body)
    noise, mask = 88172645463325252, (1 << 64) - 1
    body = bytearray()
    for _ in range(size):
        noise ^= noise << 13 & mask
        noise ^= noise >> 7
        noise ^= noise << 17 & mask
        body.append(noise & 255)
    return bytes(body)


def cpu_us() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return (used.ru_utime + used.ru_stime) * 1e6


def status(name: str) -> int:
    """A line of /proc/self/status."""
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith(name))


def ask(name_server: str) -> Optional[dict[str, int]]:
    """What the null broker says it received; other servers know no such request."""
    header = b'{"code":9999,"flag":0,"opaque":1}'
    host, port = name_server.rsplit(":", 1)
    with socket.create_connection((host, int(port))) as peer, peer.makefile("rb") as answers:
        peer.sendall(struct.pack(">II", len(header) + 4, len(header)) + header)
        total, length = struct.unpack(">II", answers.read(8))
        rest = answers.read(total - 4)
    body = rest[length & 0xFFFFFF :]
    return json.loads(body) if body else None


class Bench:
    """One run."""

    def __init__(self, arguments: list[str]) -> None:
        self.name_server, self.mode, threads, size, kind, compress, seconds, warm = arguments
        self.threads, self.size = int(threads), int(size)
        self.seconds, self.warm = float(seconds), float(warm)
        self.compress = compress == "on"
        self.message = Message("PerfTopic", body_of(self.size, kind == "text"), tags="TagA")
        self.config: dict[str, Any] = {"send_msg_timeout": 10000}
        if not self.compress:
            self.config["compress_msg_body_over_howmuch"] = 2147483647
        self.stop = self.measuring = False
        # Of each thread or task: stored messages, requests that were answered, one-way messages, failures.
        count = max(self.threads, TASKS)
        self.done, self.answered = [0] * count, [0] * count
        self.one_way, self.errors = [0] * count, [0] * count
        self.latencies: list[list[int]] = [[] for _ in range(count)]

    def count(self, worker: int, receipts: list[Receipt], requests: int) -> None:
        stored = sum(r.send_status is SendStatus.SEND_OK and r.queue_offset >= 0 for r in receipts)
        self.done[worker] += stored
        self.errors[worker] += len(receipts) - stored
        self.answered[worker] += requests

    def fail(self, worker: int, error: MqError) -> None:
        if sum(self.errors) == 0:
            print(repr(error), file=sys.stderr)
        self.errors[worker] += 1

    def work(self, producer: Producer, worker: int) -> None:
        begin, latencies = time.perf_counter_ns, self.latencies[worker]
        step = {"sync": self.one, "oneway": self.one_ways, "batch": self.batch}[self.mode]
        while not self.stop:
            started = begin()
            try:
                step(producer, worker)
            except MqError as error:
                self.fail(worker, error)
            if self.measuring:
                latencies.append(begin() - started)

    def one(self, producer: Producer, worker: int) -> None:
        self.count(worker, [producer.send(self.message)], 1)

    def one_ways(self, producer: Producer, worker: int) -> None:
        for _ in range(ONE_WAYS):
            producer.send_oneway(self.message)
            self.done[worker] += 1
            self.one_way[worker] += 1
            if self.stop:
                return
        self.one(producer, worker)

    def batch(self, producer: Producer, worker: int) -> None:
        self.count(worker, producer.send_batch([self.message] * BATCH), 1)

    async def work_async(self, producer: AsyncProducer, worker: int) -> None:
        messages = [self.message] * (WINDOW // TASKS)
        while not self.stop:
            try:
                receipts = await producer.send_many(messages)
            except BatchError as failed:
                self.fail(worker, failed)
                receipts = [result for result in failed.results if isinstance(result, Receipt)]
            self.count(worker, receipts, len(receipts))

    async def wait_cpu(self, seconds: float) -> None:
        """Waits until the process has used so much CPU; a busy machine makes the wait longer, not the sample smaller."""
        cpu, begin = cpu_us(), time.perf_counter()
        while True:
            await asyncio.sleep(0.05)
            elapsed = time.perf_counter() - begin
            if (cpu_us() - cpu >= seconds * 1e6 and elapsed >= 0.3) or elapsed >= seconds * 15:
                return

    async def measure(self) -> dict[str, Any]:
        await self.wait_cpu(self.warm)
        self.measuring = True
        messages, cpu, begin = -sum(self.done), -cpu_us(), time.perf_counter()
        await self.wait_cpu(self.seconds)
        messages, cpu, elapsed = messages + sum(self.done), cpu + cpu_us(), time.perf_counter() - begin
        self.measuring, rss = False, status("VmHWM:")
        self.stop = True
        return {
            "msgs": messages,
            "secs": round(elapsed, 3),
            "rate": round(messages / elapsed),
            "cpu_us": round(cpu / max(1, messages), 3),
            "rss_kb": rss,
        }

    async def run_async(self) -> dict[str, Any]:
        async with AsyncProducer(f"rocketmq://{self.name_server}", group="perf_group", **self.config) as producer:
            tasks = [asyncio.create_task(self.work_async(producer, worker)) for worker in range(TASKS)]
            figures = await self.measure()
            await asyncio.gather(*tasks)
        return figures

    def run_threads(self) -> dict[str, Any]:
        with Producer(f"rocketmq://{self.name_server}", group="perf_group", **self.config) as producer:
            threads = [threading.Thread(target=self.work, args=(producer, n)) for n in range(self.threads)]
            for thread in threads:
                thread.start()
            figures = asyncio.run(self.measure())
            for thread in threads:
                thread.join()
        return figures

    def run(self) -> None:
        before = ask(self.name_server)
        figures = asyncio.run(self.run_async()) if self.mode == "async" else self.run_threads()
        latencies = sorted(latency for of_one in self.latencies for latency in of_one) if self.mode == "sync" else []
        for name, share in (("p50", 0.5), ("p99", 0.99), ("p999", 0.999)):
            figures[name] = latencies[int(len(latencies) * share)] / 1e3 if latencies else 0
        figures["err"] = sum(self.errors)
        figures["verified"] = before is not None and self.verify(before)
        print(json.dumps(figures), flush=True)

    def verify(self, before: dict[str, int]) -> bool:
        """Ends the program unless the server received what it acknowledged or the kernel took."""
        answered, one_way = sum(self.answered), sum(self.one_way)
        body = 0 if self.compress and self.size >= 4096 else self.size * (BATCH if self.mode == "batch" else 1)
        give_up = time.monotonic() + 10
        while True:
            after = ask(self.name_server) or {}
            got = {name: after.get(name, 0) - before[name] for name in ("sends", "oneway", "bytes")}
            if (got["sends"], got["oneway"]) == (answered, one_way) and got["bytes"] >= (answered + one_way) * body:
                return True
            if time.monotonic() >= give_up:
                sys.exit(f"sent: {answered} answered, {one_way} one-way; the server received {got}")
            # What was sent one-way may be on its way.
            time.sleep(0.01)

    def start_and_idle(self) -> None:
        with Producer(f"rocketmq://{self.name_server}", group="perf_group", **self.config) as producer:
            producer.send(self.message)
            print("ACK", flush=True)
            time.sleep(2)
            print(json.dumps({"rss_kb": status("VmRSS:"), "threads": status("Threads:")}), flush=True)


def main() -> None:
    if len(sys.argv) != 9:
        sys.exit("usage: NAME_SERVER sync|async|oneway|batch|startup THREADS SIZE text|rand on|off SECONDS WARM")
    bench = Bench(sys.argv[1:])
    if bench.mode == "startup":
        bench.start_and_idle()
    else:
        bench.run()


if __name__ == "__main__":
    main()
