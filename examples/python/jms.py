"""Sends JMS messages to ActiveMQ: ``jms.py [URL [DESTINATION]]``, by default to the embedded cluster.

Run it with bindings/python on PYTHONPATH and the library's path in MQPRODUCER_LIBRARY, unless both are installed.
"""

from __future__ import annotations

import sys
from dataclasses import replace

from mqproducer import Jms, JmsType, Message, MqError, Producer, Typed


def main() -> int:
    url = sys.argv[1] if len(sys.argv) > 1 else "mock+openwire://demo"
    destination = sys.argv[2] if len(sys.argv) > 2 else "queue://Demo"
    jms = Jms(
        text=True,
        correlation_id="order-1",
        properties={"count": 42, "ratio": 0.5, "small": Typed(JmsType.SHORT, 7)},
    )
    message = Message(destination, b"hello from Python", jms=jms)
    try:
        with Producer(url) as producer:
            print(f"python sync id={producer.send(message).message_id}")

            # In the broker's memory alone; a future asks for an answer all the same.
            quick = replace(message, jms=replace(jms, persistent=False))
            print(f"python async id={producer.send_future(quick).result().message_id}")

            # Messages of a transaction ask for no answer: the commit tells that all of them are stored.
            transaction = producer.transaction()
            for _ in range(3):
                transaction.send(message)
            transaction.commit()
            print("python committed")
    except MqError as error:
        print(f"python {error.name}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
