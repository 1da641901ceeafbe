"""many_044.py ADDRESS TOPIC COUNT: so many synchronous and so many asynchronous sends of rocketmq 0.4.4, and what they cost.

It prints a line of JSON. Bodies are `sync-N` and `async-N`.
"""

import json
import sys
import threading
import time

from rocketmq.client import Message, Producer

ADDRESS, TOPIC, COUNT = sys.argv[1], sys.argv[2], int(sys.argv[3])
#: Asynchronous sends that are under way at the same time.
WINDOW = 500


def message(body):
    made = Message(TOPIC)
    made.set_body(body)
    return made


producer = Producer("many", timeout=10000)
producer.set_namesrv_addr(ADDRESS)
producer.start()
report = {}
for mode in ("sync", "async"):
    ok, failed = [], []
    began, cpu = time.monotonic(), time.process_time()
    if mode == "sync":
        for number in range(COUNT):
            try:
                producer.send_sync(message("sync-%d" % number))
                ok.append(number)
            except Exception:
                failed.append(number)
    else:
        room = threading.Semaphore(WINDOW)

        def send(number):
            def success(_):
                ok.append(number)
                room.release()

            def failure(_):
                failed.append(number)
                room.release()

            producer.send_async(message("async-%d" % number), success, failure)

        for number in range(COUNT):
            room.acquire()
            send(number)
        until = time.monotonic() + 30
        while len(ok) + len(failed) < COUNT and time.monotonic() < until:
            time.sleep(0.01)
    report[mode] = {
        "ok": len(set(ok)),
        "told_twice": len(ok) + len(failed) - len(set(ok + failed)),
        "failed": len(failed),
        "never_told": COUNT - len(set(ok + failed)),
        "seconds": round(time.monotonic() - began, 3),
        "cpu_seconds": round(time.process_time() - cpu, 3),
    }
producer.shutdown()
print(json.dumps(report), flush=True)
