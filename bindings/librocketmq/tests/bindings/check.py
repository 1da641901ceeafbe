"""check.py NAME COMMAND...: runs a program of a binding on an embedded cluster; all that it told is stored, and once.

The command gets the name server's address and a topic.
"""

import json
import os
import subprocess
import sys
from collections import Counter

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../python"))
from mqproducer.mock import MockCluster  # noqa: E402


def differences(told, stored):
    """What the program told and the cluster does not hold, and the other way round."""
    found = []
    by_id = {message.message_id: message for message in stored}
    by_body = {message.body: message for message in stored}
    queues = {}
    if len(told) != len(stored):
        found.append("%d messages were told, %d are stored" % (len(told), len(stored)))
    for body, times in Counter(message.body for message in stored).items():
        if times > 1:
            found.append("%d times: %r" % (times, body[:40]))
    for line in told:
        message = by_id.get(line["id"]) if line.get("id") else by_body.get(line["body"].encode())
        if message is None:
            found.append("missing: %.100s" % line)
            continue
        if message.body != line["body"].encode():
            found.append("another body: %.100s: %r" % (line, message.body[:40]))
        if (message.tags, message.keys) != (line["tags"], line["keys"]):
            found.append("%.100s: tags and keys are %r" % (line, (message.tags, message.keys)))
        for name, value in line["properties"].items():
            if message.properties.get(name) != value:
                found.append("%.100s: %s is %r" % (line, name, message.properties.get(name)))
        if line.get("same_queue"):
            first = queues.setdefault(line["same_queue"], message.queue_id)
            if first != message.queue_id:
                found.append("%.100s is in queue %d, one before in %d" % (line, message.queue_id, first))
    return found


def main():
    name, command = sys.argv[1], sys.argv[2:]
    with MockCluster() as cluster:
        cluster.set_transaction_check_interval(200)
        address = cluster.url[len("rocketmq://"):]
        done = subprocess.run(command + [address, "DropIn"], capture_output=True, text=True, timeout=300)
        if done.returncode != 0:
            sys.exit("%s ended with %d: %s%s" % (name, done.returncode, done.stdout[-2000:], done.stderr[-4000:]))
        told = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        # One-way messages, and ends of transactions, are under way.
        cluster.wait(len(told), "DropIn")
        stored = cluster.messages("DropIn")
    found = differences(told, stored)
    if found or not told:
        sys.exit("%s: %s" % (name, "\n".join(found) or "nothing was told"))
    kinds = Counter(line["kind"] for line in told)
    # The check can fail: each of these must be found.
    for broken in (stored[1:], stored + stored[:1], [*stored[:-1], stored[0]]):
        if not differences(told, broken):
            sys.exit("the check does not find a message that is missing or twice")
    print("ok     %s: %d messages: %s" % (name, len(told), ", ".join("%s %d" % kind for kind in kinds.items())))


if __name__ == "__main__":
    main()
