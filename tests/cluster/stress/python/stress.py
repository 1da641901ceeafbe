"""Sends many messages in all modes from four threads: ``stress.py URL TOPIC [TOTAL] OUT-FILE``.

Each message's content follows from its index, so that a checker can tell what must have arrived. One JSON line for each
message goes to the file as it completes. The exit code is zero even when sends failed, and one when a completion is missing
or doubled. ``MQP_STRESS_PAUSE_MS``: a thread's pause after each message. ``MQP_STRESS_STOP``: sends end, before TOTAL, when
this file is there.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from typing import Optional, TextIO

from mqproducer import Message, MqError, Producer, Receipt

LANGUAGE = "python"
THREADS = 4
FLUSH_MS = 120_000


def mode_of(i: int) -> str:
    if i % 10 == 9:
        return "oneway"
    return "sync" if i % 2 == 0 else "async"


def message_of(topic: str, i: int) -> Message:
    prefix = f"{LANGUAGE}-{i}"
    pattern = bytes((i + j) % 256 for j in range((i * 7) % 900))
    return Message(
        topic,
        f"{prefix}|".encode() + bytes([0, i % 256, 0xFF, 0]) + pattern,
        tags=f"T{i % 5}",
        keys=[prefix, f"k{i % 7}"],
        properties={"index": str(i), "lang": LANGUAGE, f"p{i % 3}": f"value é {i}"},
        flag=i % 1000,
    )


class Results:
    """The ends of all messages; each must get exactly one. Of a message only their number is kept."""

    def __init__(self, total: int, out: TextIO) -> None:
        self.sent = bytearray(total)
        self.ends = bytearray(total)
        self.failed = 0
        self.out = out
        self.lock = threading.Lock()

    def add(self, i: int, receipt: Optional[Receipt], error: Optional[MqError]) -> None:
        end = {
            "i": i,
            "mode": mode_of(i),
            "at_ms": time.time_ns() // 1_000_000,
            "ok": receipt is not None,
            "error": None if error is None else f"{error.name}: {error}",
            "message_id": receipt.message_id if receipt else None,
            "queue_id": receipt.queue_id if receipt else None,
            "queue_offset": receipt.queue_offset if receipt else None,
            "attempts": receipt.attempts if receipt else None,
            "broker": receipt.broker_name if receipt else None,
            "maybe_persisted": error.maybe_persisted if error else False,
        }
        line = json.dumps(end, ensure_ascii=False) + "\n"
        with self.lock:
            self.out.write(line)
            self.ends[i] += 1
            self.failed += receipt is None


def send_one(producer: Producer, topic: str, i: int, results: Results) -> None:
    message, mode = message_of(topic, i), mode_of(i)
    try:
        if mode == "async":
            producer.send_async(message, lambda receipt, error: results.add(i, receipt, error))
            return
        receipt = producer.send(message) if mode == "sync" else producer.send_oneway(message)
    except MqError as error:
        results.add(i, None, error)
    else:
        results.add(i, receipt, None)


def run(url: str, topic: str, total: int, results: Results) -> None:
    pause = int(os.environ.get("MQP_STRESS_PAUSE_MS", "0")) / 1000
    stop = os.environ.get("MQP_STRESS_STOP")
    with Producer(url, group=f"{LANGUAGE}-a") as first, Producer(url, group=f"{LANGUAGE}-b") as second:
        producers = (first, second)

        def work(number: int) -> None:
            # Each thread has a range of its own, so that each sends in all modes and with both producers.
            for i in range(total * number // THREADS, total * (number + 1) // THREADS):
                if stop is not None and os.path.exists(stop):
                    return
                results.sent[i] = 1
                send_one(producers[i // 2 % 2], topic, i, results)
                if pause:
                    time.sleep(pause)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for producer in producers:
            producer.flush(FLUSH_MS)


def main(arguments: list[str]) -> int:
    if len(arguments) not in (3, 4):
        print(__doc__, file=sys.stderr)
        return 2
    url, topic, out = arguments[0], arguments[1], arguments[-1]
    total = int(arguments[2]) if len(arguments) == 4 else 10_000
    with open(out, "w", encoding="utf-8", buffering=1) as file:
        results = Results(total, file)
        run(url, topic, total, results)
    missing = sum(sent and not ends for sent, ends in zip(results.sent, results.ends))
    doubled = sum(ends > 1 for ends in results.ends)
    print(f"{LANGUAGE}: {sum(results.sent)} messages, {results.failed} failed, {missing} missing, {doubled} doubled")
    return 1 if missing or doubled else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
