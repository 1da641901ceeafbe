"""rocketmq-client-python 2.0.0 as PyPI has it, with the library put into its folder: every call that its producers have."""

import threading

from common import ADDRESS, fails, message, told
from rocketmq.client import Producer, PushConsumer, SendStatus, TransactionMQProducer, TransactionStatus
from rocketmq.exceptions import (
    NullPointerException,
    ProducerSendOnewayFailed,
    ProducerSendOrderlyFailed,
    ProducerSendSyncFailed,
    ProducerStartFailed,
    RocketMQException,
)

producer = Producer("drop-in-200", timeout=10000)
producer.set_name_server_address(ADDRESS)
producer.start()
result = producer.send_sync(message("sync"))
assert result.status == SendStatus.OK and result.offset >= 0
told("sync", "sync", result.msg_id)
producer.send_oneway(message("oneway"))
told("oneway", "oneway")

ordered = Producer("drop-in-200-ordered", orderly=True, timeout=10000)
ordered.set_name_server_address(ADDRESS)
ordered.start()
for index in range(8):
    body = "orderly-%d" % index
    result = ordered.send_orderly_with_sharding_key(message(body), "user-1")
    told("orderly", body, result.msg_id, same_queue="user-1")
ordered.shutdown()

checked, asked = threading.Event(), []


def check(shown):
    asked.append((shown.body, shown.tags, shown.id, shown.topic))
    checked.set()
    return TransactionStatus.COMMIT


transactions = TransactionMQProducer("drop-in-200-transactions", check, timeout=10000)
transactions.set_name_server_address(ADDRESS)
transactions.start()
for status in (TransactionStatus.COMMIT, TransactionStatus.ROLLBACK, TransactionStatus.UNKNOWN):
    executed = []

    def execute(shown, argument):
        executed.append((shown.body, shown.tags, shown.id))
        return status

    body = "transaction-" + status.name
    result = transactions.send_message_in_transaction(message(body), execute)
    assert executed == [(body.encode(), b"tag", result.msg_id)], executed
    if status != TransactionStatus.ROLLBACK:
        told("transaction", body, result.msg_id)
assert checked.wait(120), "the broker did not ask"
assert asked[0][:3] == (b"transaction-UNKNOWN", b"tag", result.msg_id), asked
transactions.shutdown()

fails(ProducerSendSyncFailed, "max_message_size", producer.send_sync, message("x" * 200000))
fails(ProducerSendOnewayFailed, "topic", producer.send_oneway, message("x", "no topic!"))
fails(ProducerSendOrderlyFailed, "topic", producer.send_orderly_with_sharding_key, message("x", "no topic!"), "k")
fails(RocketMQException, "CLOSED", transactions.send_message_in_transaction, message("x"), execute)
fails(NullPointerException, "null pointer", PushConsumer, "group")
nobody = Producer("drop-in-nobody", timeout=500)
fails(ProducerStartFailed, "SetProducerNameServerAddress", nobody.start)
nobody.set_name_server_address("127.0.0.1:1")
nobody.start()
fails(ProducerSendSyncFailed, "NO_NAME_SERVER", nobody.send_sync, message("x"))
producer.shutdown()
fails(ProducerSendSyncFailed, "CLOSED", producer.send_sync, message("x"))
