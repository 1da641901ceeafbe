"""Sends by this library's driver and by the official Java client's to the same broker in turns; prints a table of medians,
and of the best rates, which other work on the machine disturbs least.

Arguments: the driver in C, the folder of the Java programs. MQP_BENCH_ROUNDS: how many runs of each, 5 when it is not set.
"""

import json
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile

SIZE = 1024
# What is stored, mode of ours, mode of Java's, threads, messages that count, messages before them.
ROWS = [
    ("in memory", "sync", "sync", 1, 40000, 30000),
    ("in memory", "sync", "sync", 4, 80000, 40000),
    ("in memory", "async", "async", 1, 60000, 40000),
    ("in memory", "queued", "async", 1, 60000, 40000),
    ("in memory", "window", "window", 1, 60000, 40000),
    ("on disk", "sync", "sync", 1, 4000, 8000),
    ("on disk", "async", "async", 1, 40000, 40000),
    ("on disk", "queued", "async", 1, 40000, 40000),
]
WHAT = {
    "sync": "persistent, synchronous",
    "async": "persistent, a callback",
    "queued": "persistent, `send_many` and a completion queue; Java: a callback",
    "window": "not persistent, window of 1 MiB",
}


class Broker:
    """One in a process of its own, which counts what its queues took."""

    def __init__(self, java, on_disk):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.data = pathlib.Path(tempfile.mkdtemp(prefix="bench-activemq"))
        arguments = [f"port={self.port}"] + ([f"data={self.data}"] if on_disk else [])
        self.process = subprocess.Popen(
            ["java", "-Xms1g", "-Xmx1g", "-cp", class_path(java), "mqproducer.activemq.BrokerMain", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        if self.process.stdout.readline() != "READY\n":
            sys.exit("the broker does not start")

    def take(self, queue):
        self.process.stdin.write(f"take {queue}\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def stop(self):
        self.process.stdin.close()
        self.process.wait(60)
        shutil.rmtree(self.data)


def class_path(java):
    return f"{java}/activemq-tool.jar:{java}/lib/*"


def run(command, scheme, broker, mode, threads, count, warm):
    queue = "bench"
    arguments = [f"{scheme}://127.0.0.1:{broker.port}", mode, queue, str(warm), str(count), str(SIZE), str(threads)]
    said = subprocess.run([*command, *arguments], stdout=subprocess.PIPE, text=True, check=True, timeout=600)
    result = json.loads(said.stdout)
    taken = broker.take(queue)
    if result["failed"] != 0 or taken != warm + count:
        sys.exit(f"{command[0]} {mode}: {result['failed']} failed; the broker took {taken} of {warm + count}")
    return count / result["wall_us"] * 1e6, result["cpu_us"] / count


def main():
    driver, java = sys.argv[1:]
    rounds = int(os.environ.get("MQP_BENCH_ROUNDS", "5"))
    only = os.environ.get("MQP_BENCH_ONLY", "")
    clients = [([driver], "activemq"), (["java", "-cp", class_path(java), "mqproducer.activemq.Speed"], "tcp")]
    print("| the broker stores | what | threads | messages/s: median (best) | Java's | CPU µs per message | Java's |")
    print("|---|---|---|---|---|---|---|")
    for stored, ours, theirs, threads, count, warm in ROWS:
        if only and only not in f"{stored} {ours} {threads}":
            continue
        broker = Broker(java, stored == "on disk")
        figures = ([], [])
        # The first round warms the broker up.
        for turn in range(rounds + 1):
            for (command, scheme), mode, kept in zip(clients, (ours, theirs), figures):
                figure = run(command, scheme, broker, mode, threads, count, warm)
                if turn > 0:
                    kept.append(figure)
        broker.stop()
        rate, cpu = ([statistics.median(one[at] for one in kept) for kept in figures] for at in (0, 1))
        best = [max(one[0] for one in kept) for kept in figures]
        rates = " | ".join(f"{median:,.0f} ({most:,.0f})" for median, most in zip(rate, best))
        print(f"| {stored} | {WHAT[ours]} | {threads} | {rates} | {cpu[0]:.1f} | {cpu[1]:.1f} |", flush=True)


main()
