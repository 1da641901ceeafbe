#!/usr/bin/env python3
"""What a message costs as producers, threads, topics, messages in flight and bodies grow, against a server that only answers.

    growth.py SERVER LIBRARIES RESULTS.jsonl [SECONDS]

SERVER: a null broker, started as `SERVER NAME_SERVER_PORT BROKER_PORT`. LIBRARIES: the folder of libmqproducer.so.
SECONDS: CPU seconds of each cell."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
PORTS = ("31976", "32011")
KIB, MIB = 1 << 10, 1 << 20
# Axis, mode, value on the axis, then: producers, threads, topics, in flight, size.
CELLS = (
    [("producers", mode, n, n, n if mode == "sync" else 1, 1, 1000, 128) for mode in ("sync", "async") for n in (1, 2, 4, 8, 16, 32, 64)]
    + [("threads", mode, n, 1, n, 1, 1000, 128) for mode in ("sync", "async") for n in (1, 2, 4, 8, 16, 32, 64)]
    + [("topics", mode, n, 1, 1, n, 1000, 128) for mode in ("sync", "async") for n in (1, 10, 100, 1000, 10000)]
    + [("in flight", "async", n, 1, 1, 1, n, 128) for n in (10, 100, 1000, 10000, 100000)]
    + [("waiting", "hold", n, 1, 1, 1, n, 128) for n in (1000, 10000, 100000)]
    + [
        ("size", mode, n, 1, 1, 1, max(8, min(1000, 64 * MIB // n)), n)
        for mode in ("sync", "async")
        for n in (16, 128, KIB, 4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, MIB, 4 * MIB)
    ]
)


def main():
    server, libraries, results = sys.argv[1], Path(sys.argv[2]).resolve(), Path(sys.argv[3])
    seconds = sys.argv[4] if len(sys.argv) > 4 else "0.3"
    with tempfile.TemporaryDirectory() as work:
        program = f"{work}/growth"
        include = HERE.parent.parent / "include"
        flags = ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", f"-I{include}"]
        libs = [f"-L{libraries}", "-lmqproducer", f"-Wl,-rpath,{libraries}", "-lpthread"]
        subprocess.run([os.environ.get("CC", "cc"), *flags, str(HERE / "growth.c"), "-o", program, *libs], check=True)
        broker = subprocess.Popen([server, *PORTS], stderr=subprocess.DEVNULL)
        try:
            time.sleep(0.3)
            with results.open("w") as out:
                for axis, mode, at, *shape in CELLS:
                    last = broker.pid if mode == "hold" else seconds
                    command = [program, f"127.0.0.1:{PORTS[0]}", mode, *shape, last]
                    ran = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, text=True, timeout=120)
                    row = json.loads(ran.stdout) if ran.returncode == 0 else {"fail": ran.returncode}
                    line = json.dumps({"axis": axis, "mode": mode, "at": at, **row})
                    print(line, file=out, flush=True)
                    print(line, flush=True)
        finally:
            broker.terminate()
            broker.wait()


main()
