"""rocketmq 0.4.4 as PyPI has it, with the library in its folder replaced: every call that its producer has."""

import threading

from common import ADDRESS, TOPIC, fails, ids_of, message, told
from rocketmq.client import Producer, PullConsumer, PushConsumer, SendStatus
from rocketmq.exceptions import (
    NullPointerException,
    ProducerSendOnewayFailed,
    ProducerSendOrderlyFailed,
    ProducerSendSyncFailed,
    ProducerStartFailed,
    RocketMQException,
)

producer = Producer("drop-in-044", timeout=10000, compress_level=5, max_message_size=1000000)
producer.set_namesrv_addr(ADDRESS)
producer.set_session_credentials("", "", "")
producer.start()

result = producer.send_sync(message("sync"))
assert result.status == SendStatus.OK and result.offset >= 0
told("sync", "sync", result.msg_id)

producer.send_oneway(message("oneway"))
told("oneway", "oneway")

for round in range(4):
    result = producer.send_orderly(message("orderly-%d" % round), 1)
    told("orderly", "orderly-%d" % round, result.msg_id, same_queue="orderly")
seen = []


def selector(size, shown, argument):
    seen.append((size, shown.body, shown.tags, shown.get_property("colour")))
    return size - 1


producer.send_oneway_orderly(message("chosen"), 1, selector)
told("chosen", "chosen")
size = seen[0][0]
assert size >= 1 and seen == [(size, b"chosen", b"tag", b"blue")], seen

batch = [message("batch-%d" % index) for index in range(3)]
for index, message_id in enumerate(ids_of(producer.send_batch(batch), 3)):
    told("batch", "batch-%d" % index, message_id)

ended, results, failures = threading.Semaphore(0), {}, []


def send_async(body):
    def success(result):
        results[body] = result.msg_id
        ended.release()

    def failure(error):
        failures.append(error)
        ended.release()

    # The message goes while it is sent.
    producer.send_async(message(body), success, failure)


for index in range(100):
    send_async("async-%d" % index)
for index in range(100):
    assert ended.acquire(timeout=30)
assert not failures and len(results) == 100, failures
for body, message_id in sorted(results.items()):
    told("async", body, message_id)

large = "x" * 900000
result = producer.send_sync(message(large))
told("large", large, result.msg_id)

fails(ProducerSendSyncFailed, "max_message_size", producer.send_sync, message("x" * 1000001))
fails(ProducerSendOnewayFailed, "topic", producer.send_oneway, message("x", "no topic!"))
fails(ProducerSendOrderlyFailed, "index -1", producer.send_orderly, message("x"), 1, 0, lambda *_: -1)
fails(RocketMQException, "topic", producer.send_async, message("x", "no topic!"), None, None)
for consumer in (PushConsumer, PullConsumer):
    fails(NullPointerException, "null pointer", consumer, "group")

nobody = Producer("drop-in-nobody", timeout=500)
fails(ProducerStartFailed, "SetProducerNameServerAddress", nobody.start)
nobody.set_namesrv_addr("127.0.0.1:1")
nobody.start()
fails(ProducerSendSyncFailed, "NO_NAME_SERVER", nobody.send_sync, message("x"))

refused = Producer("drop-in-refused", timeout=10000)
refused.set_namesrv_addr(ADDRESS)
refused.start()
refused.shutdown()
refused.shutdown()
fails(ProducerSendSyncFailed, "CLOSED", refused.send_sync, message("x"))
producer.shutdown()
