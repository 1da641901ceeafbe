"""ends_044.py ADDRESS TOPIC HOW: an interpreter that ends while messages and callbacks of rocketmq 0.4.4 are under way."""

import os
import sys
import threading

from rocketmq.client import Message, Producer
from rocketmq.exceptions import ProducerSendSyncFailed

ADDRESS, TOPIC, HOW = sys.argv[1:4]


def message():
    made = Message(TOPIC)
    made.set_body("x")
    return made


def started(group):
    producer = Producer(group, timeout=20000)
    producer.set_namesrv_addr(ADDRESS)
    producer.start()
    return producer


def told(_):
    pass


producer = started("ends")
producer.send_sync(message())
for _ in range(1000):
    producer.send_async(message(), told, told)

if HOW == "in-a-selector":
    selecting = threading.Event()

    def selector(size, shown, argument):
        selecting.set()
        return 0

    def again():
        while True:
            producer.send_orderly(message(), 1, 0, selector)

    for _ in range(3):
        threading.Thread(target=again, daemon=True).start()
    assert selecting.wait(30)

if HOW == "forked":
    child = os.fork()
    if child == 0:
        try:
            producer.send_sync(message())
            sys.exit(1)
        except ProducerSendSyncFailed as error:
            assert "FORKED" in str(error), error
        own = started("child")
        own.send_sync(message())
        own.shutdown()
        sys.exit(0)
    assert os.waitpid(child, 0)[1] == 0
    producer.send_sync(message())
