"""refused_200.py ADDRESS TOPIC refused: rocketmq-client-python 2.0.0 on a broker that refuses everything, with 16.

The keys are in the environment.
"""

import json
import os

from common import ADDRESS, fails, message
from rocketmq.client import Producer, TransactionMQProducer, TransactionStatus
from rocketmq.exceptions import ProducerSendOrderlyFailed, ProducerSendSyncFailed, RocketMQException


def started(producer):
    producer.set_session_credentials(os.environ["PROGRAM_ACCESS_KEY"], os.environ["PROGRAM_SECRET_KEY"], "")
    producer.set_name_server_address(ADDRESS)
    producer.start()
    return producer


def refused(expected, call, *arguments):
    fails(expected, "error:16,", call, *arguments)
    print(json.dumps({"refused": expected.__name__}), flush=True)


def execute(shown, argument):
    raise AssertionError("a transaction without its half message was executed")


producer = started(Producer("refused-200", timeout=10000))
refused(ProducerSendSyncFailed, producer.send_sync, message("x"))
refused(ProducerSendOrderlyFailed, producer.send_orderly_with_sharding_key, message("x"), "k")
producer.send_oneway(message("x"))
transactions = started(TransactionMQProducer("refused-200-too", lambda _: TransactionStatus.COMMIT, timeout=10000))
refused(RocketMQException, transactions.send_message_in_transaction, message("x"), execute)
transactions.shutdown()
producer.shutdown()
