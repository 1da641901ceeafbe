"""ends.py PYTHON: interpreters that end while the drop-in works do so quietly, and before long."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../../python"))
from mqproducer.mock import MockCluster  # noqa: E402

ROUNDS = 5


def main():
    ways = ("at-once", "in-a-selector", "forked")
    with MockCluster() as cluster, ThreadPoolExecutor(len(ways)) as together:

        def ended(how):
            command = [sys.argv[1], os.path.join(HERE, "ends_044.py"), cluster.url[len("rocketmq://"):], "Ends", how]
            done = subprocess.run(command, capture_output=True, text=True, timeout=120)
            return "" if done.returncode == 0 and not done.stderr else "%s: %d: %s" % (how, done.returncode, done.stderr)

        for wrong in filter(None, together.map(ended, ways * ROUNDS)):
            sys.exit(wrong[-2000:])
    print("ok     rocketmq 0.4.4 ends %d times each: %s" % (ROUNDS, ", ".join(ways)))


if __name__ == "__main__":
    main()
