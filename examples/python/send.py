"""Sends one message in each mode: ``send.py [URL]``, by default to the embedded cluster.

Run it with bindings/python on PYTHONPATH and the library's path in MQPRODUCER_LIBRARY, unless both are installed.
"""

from __future__ import annotations

import sys

from mqproducer import Message, MqError, Producer, Receipt


def show(mode: str, receipt: Receipt) -> None:
    offset = "-" if receipt.queue_offset < 0 else str(receipt.queue_offset)
    queue = f"{receipt.broker_name}/{receipt.queue_id}"
    print(f"python {mode} id={receipt.message_id} queue={queue} offset={offset}")


def main() -> int:
    url = sys.argv[1] if len(sys.argv) > 1 else "mock://demo"
    try:
        with Producer(url, group="demo-python") as producer:
            show("sync", producer.send("Demo", b"hello from Python", tags="sync", keys=["demo", "python"]))

            future = producer.send_future(Message("Demo", b"hello again", tags="async", properties={"from": "python"}))
            show("async", future.result())

            show("oneway", producer.send_oneway("Demo", b"and goodbye", tags="oneway"))
    except MqError as error:
        print(f"python {error.name}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
