"""What came, as outcomes; and hooks that write down what they are told."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any, Callable, Optional

from mqproducer import (
    BatchResult,
    BrokerState,
    EndTransactionContext,
    HookContext,
    MessageType,
    MockMessage,
    MockRequest,
    MqError,
    Receipt,
    ReceivedMessage,
    SendHook,
    SendMode,
    Status,
    TransactionState,
)
from values import body_text

Outcome = dict[str, Any]

OK: Outcome = {"status": "OK"}
#: What was waited for did not come.
TIMED_OUT: Outcome = {"status": "TIMEOUT"}

_MODES = {SendMode.SYNC: "sync", SendMode.ASYNC: "async", SendMode.ONEWAY: "oneway"}
_TYPES = {MessageType.NORMAL: "normal", MessageType.HALF: "half", MessageType.DELAY: "delay"}


def of(call: Callable[[], Any], outcome: Callable[[Any], Outcome] = lambda _: dict(OK)) -> Outcome:
    """That of a call: of what it returns, or of what it raises."""
    try:
        value = call()
    except (MqError, ValueError, TypeError) as error:
        return failure(error)
    return outcome(value)


def failure(error: BaseException) -> Outcome:
    """That of an exception."""
    if not isinstance(error, MqError):
        # An argument that its C type does not hold.
        return {
            "status": "INVALID_ARGUMENT",
            "code": 0,
            "broker_code": 0,
            "remark": "",
            "text": str(error),
            "retriable": False,
            "maybe_persisted": False,
        }
    return {
        "status": error.name,
        "code": error.code or 0,
        "broker_code": error.broker_code or 0,
        "remark": error.remark,
        "text": error.message,
        "retriable": error.retriable,
        "maybe_persisted": error.maybe_persisted,
    }


def receipt(came: Receipt) -> Outcome:
    """That of a receipt."""
    status = came.send_status
    return {
        "status": "OK",
        "send_status": getattr(status, "name", status),
        "topic": came.topic,
        "broker": came.broker_name,
        "queue_id": came.queue_id,
        "queue_offset": came.queue_offset,
        "message_id": came.message_id,
        "offset_message_id": came.offset_message_id,
        "transaction_id": came.transaction_id,
        "region_id": came.region_id,
        "recall_handle": came.recall_handle,
        "attempts": came.attempts,
    }


def batch(results: Sequence[BatchResult], error: Optional[MqError] = None) -> Outcome:
    """That of a batch that was sent."""
    outcome = dict(OK) if error is None else failure(error)
    outcome["results"] = [failure(each) if isinstance(each, MqError) else receipt(each) for each in results]
    return outcome


def received(message: ReceivedMessage) -> Outcome:
    """That of a received message."""
    return {
        "status": "OK",
        "topic": message.topic,
        "body": body_text(message.body),
        "tags": message.tags,
        "keys": message.keys,
        "flag": message.flag,
        "message_id": message.message_id,
        "transaction_id": message.transaction_id,
        "properties": message.properties,
    }


def stored(message: MockMessage) -> Outcome:
    """A stored message."""
    return {
        "topic": message.topic,
        "body": body_text(message.body),
        "tags": message.tags,
        "keys": message.keys,
        "flag": message.flag,
        "broker": message.broker_name,
        "queue_id": message.queue_id,
        "queue_offset": message.queue_offset,
        "message_id": message.message_id,
        "offset_message_id": message.offset_message_id,
        "properties": message.properties,
    }


def request(came: MockRequest) -> Outcome:
    """A request that the cluster got."""
    return {
        "code": came.code,
        "broker": came.broker_name,
        "oneway": came.oneway,
        "fault": getattr(came.fault, "name", str(came.fault)).lower(),
        "fields": came.fields,
        "body": body_text(came.body),
    }


def brokers(states: list[BrokerState]) -> Outcome:
    """That of broker states."""
    told = [{"name": state.name, "state": getattr(state.state, "name", "?").lower()} for state in states]
    return {"status": "OK", "brokers": told}


def error_names() -> Outcome:
    """Every error name of the package."""
    return {"status": "OK", "names": {status.name: int(status) for status in Status if status is not Status.OK}}


class Notes:
    """What was noted so far, for those who wait for more of it."""

    def __init__(self) -> None:
        self._notes: list[Outcome] = []
        self._changed = threading.Condition()

    def add(self, note: Outcome) -> int:
        """How many there are now."""
        with self._changed:
            self._notes.append(note)
            self._changed.notify_all()
            return len(self._notes)

    def wait(self, count: int, seconds: float) -> Optional[list[Outcome]]:
        """All of them, once there are ``count``."""
        with self._changed:
            return list(self._notes) if self._changed.wait_for(lambda: len(self._notes) >= count, seconds) else None


class Recorder(SendHook):
    """Writes down its calls, and forbids every message when it has a reason to."""

    def __init__(self, name: str, forbid: Optional[str], calls: Notes) -> None:
        self._name = name
        self._forbid = forbid
        self._calls = calls

    def check_forbidden(self, context: HookContext) -> None:
        """See :class:`SendHook`."""
        self._note("check_forbidden", context)
        if self._forbid is not None:
            raise PermissionError(self._forbid)

    def before_send(self, context: HookContext) -> None:
        """See :class:`SendHook`."""
        self._note("before_send", context)

    def after_send(self, context: HookContext, came: Optional[Receipt], error: Optional[MqError]) -> None:
        """See :class:`SendHook`."""
        self._note("after_send", context, status=error.name if error else "OK", attempts=context.attempts)

    def end_transaction(self, context: EndTransactionContext) -> None:
        """See :class:`SendHook`."""
        note = {"hook": self._name, "call": "end_transaction", "topic": context.topic, "broker": context.broker_name}
        state = TransactionState(context.state).name.lower()
        self._calls.add({**note, "state": state, "from_check": context.from_check})

    def _note(self, call: str, context: HookContext, **more: Any) -> None:
        note = {
            "hook": self._name,
            "call": call,
            "mode": _MODES[SendMode(context.mode)],
            "message_type": _TYPES[MessageType(context.message_type)],
            "topic": context.topic,
            "broker": context.broker_name,
            "queue_id": context.queue_id,
            "body_length": context.body_length,
            "message_count": context.message_count,
            "group": context.producer_group,
            "namespace": context.namespace,
            "message_id": context.message_id,
        }
        self._calls.add({**note, **more})
