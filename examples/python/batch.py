"""Sends five messages in one request: ``batch.py URL [TOPIC]``.

Run it with bindings/python on PYTHONPATH and the library's path in MQPRODUCER_LIBRARY, unless both are installed.
"""

from __future__ import annotations

import sys

from mqproducer import BatchError, Message, MqError, Producer


def main(arguments: list[str]) -> int:
    if len(arguments) not in (1, 2):
        print(__doc__, file=sys.stderr)
        return 2
    url, topic = (*arguments, "Demo")[:2]
    try:
        with Producer(url, group="batch-python") as producer:
            messages = [Message(topic, b"hello %d from Python" % n, tags="batch") for n in range(1, 6)]
            for receipt in producer.send_batch(messages):
                queue = f"{receipt.broker_name}/{receipt.queue_id}"
                print(f"python batch id={receipt.message_id} queue={queue} offset={receipt.queue_offset}")
    except BatchError as error:
        for result in error.results:
            print(f"python batch {result}", file=sys.stderr)
        return 1
    except MqError as error:
        print(f"python {error.name}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
