"""A message-queue producer for Apache RocketMQ and its relatives.

::

    from mqproducer import Producer

    with Producer("rocketmq://127.0.0.1:9876", group="orders") as producer:
        receipt = producer.send("Orders", b"paid", tags="T1", keys=["order-1"])
        print(receipt.message_id)

Importing it loads the shared library: the file that the environment variable ``MQPRODUCER_LIBRARY`` names, else the one
beside this package, else the one that the system finds. ``ImportError`` names each path that was tried.
"""

from __future__ import annotations

from ._callbacks import Callback
from ._library import lib as _lib
from .aio import AsyncProducer
from .aio_transaction import AsyncTransaction
from .attempt import Attempt
from .batch import BatchCallback, BatchError, BatchResult
from .broker import BrokerHealth, BrokerState
from .config import ConfigOption, ConfigValue, config_options
from .errors import (
    AlreadyStartedError,
    ArgumentError,
    BackpressureError,
    BrokerError,
    BrokerNotFoundError,
    ClosedError,
    ConfigError,
    ConnectError,
    ConnectionLostError,
    ForbiddenError,
    ForkedError,
    InternalError,
    MessageError,
    MessageTooLargeError,
    MqError,
    MqTimeoutError,
    NoNameServerError,
    NoRouteError,
    NotStartedError,
    ProtocolError,
    RequestTimeoutError,
    ResourceError,
    RouteError,
    SpooledError,
    StateError,
    Status,
    TransactionInDoubtError,
    TransactionRolledBackError,
    UnsupportedError,
    VersionMismatchError,
    WouldDeadlockError,
)
from .hook import EndTransactionContext, HookContext, MessageType, SendHook, SendMode
from .jms import Jms, JmsType, JmsValue, Typed
from .log import TRACE, disable_log, enable_log
from .message import Body, Keys, Message, MessageFields
from .mock import MockCluster, MockMessage
from .mock_script import MockFault, MockRequest, MockRequests
from .producer import Producer
from .receipt import Receipt, SendStatus
from .received import ReceivedMessage
from .reliability import ReliabilityCallback, ReliabilityEvent, ReliabilityEventKind
from .request import ReplyTo, RequestCallback
from .selector import ConsistentHash, Hash, MachineRoom, MessageQueue, Queue, Random, Selector
from .statistics import Statistics, StatisticsCallback
from .trace import TraceContext
from .transaction import Transaction, TransactionChecker, TransactionState
from .transform import MessageTransformer

__version__ = "0.1.0"

__all__ = [
    "TRACE",
    "AlreadyStartedError",
    "ArgumentError",
    "AsyncProducer",
    "AsyncTransaction",
    "Attempt",
    "BackpressureError",
    "BatchCallback",
    "BatchError",
    "BatchResult",
    "Body",
    "BrokerError",
    "BrokerHealth",
    "BrokerNotFoundError",
    "BrokerState",
    "Callback",
    "ClosedError",
    "ConfigError",
    "ConfigOption",
    "ConfigValue",
    "ConnectError",
    "ConnectionLostError",
    "ConsistentHash",
    "EndTransactionContext",
    "ForbiddenError",
    "ForkedError",
    "Hash",
    "HookContext",
    "InternalError",
    "Jms",
    "JmsType",
    "JmsValue",
    "Keys",
    "MachineRoom",
    "Message",
    "MessageError",
    "MessageFields",
    "MessageQueue",
    "MessageTooLargeError",
    "MessageTransformer",
    "MessageType",
    "MockCluster",
    "MockFault",
    "MockMessage",
    "MockRequest",
    "MockRequests",
    "MqError",
    "MqTimeoutError",
    "NoNameServerError",
    "NoRouteError",
    "NotStartedError",
    "Producer",
    "ProtocolError",
    "Queue",
    "Random",
    "Receipt",
    "ReceivedMessage",
    "ReliabilityCallback",
    "ReliabilityEvent",
    "ReliabilityEventKind",
    "ReplyTo",
    "RequestCallback",
    "RequestTimeoutError",
    "ResourceError",
    "RouteError",
    "Selector",
    "SendHook",
    "SendMode",
    "SendStatus",
    "SpooledError",
    "StateError",
    "Statistics",
    "StatisticsCallback",
    "Status",
    "TraceContext",
    "Transaction",
    "TransactionChecker",
    "TransactionInDoubtError",
    "TransactionRolledBackError",
    "TransactionState",
    "Typed",
    "UnsupportedError",
    "VersionMismatchError",
    "WouldDeadlockError",
    "config_options",
    "disable_log",
    "enable_log",
    "library_version",
]


def library_version() -> str:
    """The version of the shared library that was loaded, such as ``1.2.3``."""
    text: bytes = _lib.mqp_version_string()
    return text.decode("utf-8")
