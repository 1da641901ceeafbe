"""compare.py COUNT PYTHON...: many_044.py on the library of each interpreter's binding, side by side.

On the last of them, which has the drop-in, none may be missing, told twice or stored twice.
"""

import json
import os
import subprocess
import sys
from collections import Counter

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../../python"))
from mqproducer.mock import MockCluster  # noqa: E402


def run(python, count):
    with MockCluster() as cluster:
        command = [python, os.path.join(HERE, "many_044.py"), cluster.url[len("rocketmq://"):], "Many", str(count)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600)
        lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
        bodies = Counter(message.body for message in cluster.messages("Many"))
    if not lines:
        return None, "%s ended with %d: %s" % (python, done.returncode, done.stderr[-1000:])
    report = json.loads(lines[-1])
    for mode in ("sync", "async"):
        wanted = [("%s-%d" % (mode, number)).encode() for number in range(count)]
        report[mode]["missing"] = sum(body not in bodies for body in wanted)
        report[mode]["stored_twice"] = sum(bodies[body] > 1 for body in wanted)
    return report, None


def main():
    count, pythons = int(sys.argv[1]), sys.argv[2:]
    for index, python in enumerate(pythons):
        name = "the drop-in" if index == len(pythons) - 1 else "the library of the wheel"
        report, why = run(python, count)
        if report is None:
            # The old one may not live to the end.
            print("%s: %s" % (name, why))
            if name == "the drop-in":
                sys.exit(1)
            continue
        for mode, told in report.items():
            print("%s, %s: %d sent; %s; %.1f us and %.1f us of CPU for each" % (
                name, mode, count,
                ", ".join("%s %d" % (what, told[what])
                          for what in ("ok", "failed", "never_told", "told_twice", "missing", "stored_twice")),
                told["seconds"] * 1e6 / count, told["cpu_seconds"] * 1e6 / count,
            ))
            if name == "the drop-in":
                bad = [what for what in ("failed", "never_told", "told_twice", "missing", "stored_twice") if told[what]]
                if bad or told["ok"] != count:
                    sys.exit("the drop-in, %s: %s" % (mode, ", ".join(bad)))


if __name__ == "__main__":
    main()
