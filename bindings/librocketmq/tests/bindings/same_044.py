"""same_044.py ADDRESS TOPIC SITUATION [ACCESS_KEY SECRET_KEY]: what rocketmq 0.4.4 does with the library that it has, told and not judged.

Every way to send, for a test that runs it with the old library and with the drop-in; in the situation `well` the details of
messages as well. Each line of JSON is a call and what came of it: the result's status, how long its ids are, or the class of
what was raised. The last line is `end`.
"""

import base64
import json
import os
import random
import sys
import threading

from rocketmq.client import Message, Producer

ADDRESS, TOPIC, SITUATION = sys.argv[1:4]
KEYS = sys.argv[4:6]
#: More than a broker takes, and not less when it is compressed: the seed makes it the same each time.
TOO_LARGE = base64.b85encode(random.Random(1).randbytes(5_000_000)).decode()


def tell(call, **what):
    print(json.dumps(dict(call=call, **what)), flush=True)


def message(body, **properties):
    made = Message(TOPIC)
    made.set_keys("key-" + body[:20])
    made.set_tags("tag")
    for name, value in properties.items():
        made.set_property(name, value)
    made.set_body(body)
    return made


def shape(message_id):
    return [len(one) for one in message_id.split(",")]


def called(call, function, *arguments):
    """What came of a call. The number and text of an error are told apart from its class."""
    try:
        result = function(*arguments)
    except Exception as error:
        tell(call, raised=type(error).__name__, text=str(error)[:300])
    else:
        if result is None:
            tell(call, returned=True)
        else:
            tell(call, status=result.status.name, id=shape(result.msg_id), offset=result.offset >= 0)


def sent_async(call, producer, made):
    ended = threading.Semaphore(0)

    def success(result):
        tell(call, status=result.status.name, id=shape(result.msg_id), offset=result.offset >= 0)
        ended.release()

    def failure(error):
        tell(call, raised=type(error).__name__, text=str(error)[:300])
        ended.release()

    try:
        producer.send_async(made, success, failure)
    except Exception as error:
        tell(call, refused=type(error).__name__, text=str(error)[:300])
        return
    if not ended.acquire(timeout=60):
        tell(call, never=True)


def last(size, shown, argument):
    return size - 1


def each_way(what, producer, made):
    """Every way to send but the batch, with a message that `made` makes."""
    called(what + "sync", producer.send_sync, made("sync"))
    called(what + "one-way", producer.send_oneway, made("one-way"))
    called(what + "ordered", producer.send_orderly, made("ordered"), 7, 1, last)
    called(what + "one-way, ordered", producer.send_oneway_orderly, made("one-way, ordered"), 7, last)
    sent_async(what + "async", producer, made("async"))


def details(producer):
    called("a property without a value", producer.send_sync, message("no value", nothing=""))
    called("not ASCII", producer.send_sync, message("gr\u00fcn \U0001f600", colour="gr\u00fcn"))
    delayed = message("delayed")
    delayed.set_delay_time_level(1)
    called("delayed", producer.send_sync, delayed)
    called("compressed", producer.send_sync, message("0123456789" * 2000))
    twice = message("twice")
    called("the same message for the first time", producer.send_sync, twice)
    called("the same message for the second time", producer.send_sync, twice)
    called("ordered by its number", producer.send_orderly, message("ordered by its number"), 5)
    called("no body", producer.send_sync, Message(TOPIC))
    nowhere = Message("not a topic")
    nowhere.set_body("x")
    called("a wrong topic", producer.send_sync, nowhere)
    large = Producer("same-044-small", timeout=10000)
    large.set_namesrv_addr(ADDRESS)
    large.start()
    each_way("too large for the client: ", large, lambda body: message("x" * 200000))
    large.shutdown()
    each_way("too large for the broker: ", producer, lambda body: message(TOO_LARGE))


producer = Producer("same-044", timeout=10000 if SITUATION == "well" else 1000, max_message_size=8_000_000)
if KEYS:
    producer.set_session_credentials(KEYS[0], KEYS[1], "")
producer.set_namesrv_addr(ADDRESS)
called("start", producer.start)
each_way("", producer, message)
called("batch", producer.send_batch, [message("batch-%d" % index) for index in range(3)])
if SITUATION == "well":
    details(producer)
called("shutdown", producer.shutdown)
called("after the end", producer.send_sync, message("after the end"))
tell("end")
# The old library may not live through its own end.
sys.stdout.flush()
os._exit(0)
