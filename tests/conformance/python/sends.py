"""Messages and options out of steps, and the calls that take them."""

from __future__ import annotations

import queue
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any, Optional, Union

import outcomes
from mqproducer import (
    BatchError,
    ConsistentHash,
    Hash,
    Jms,
    JmsType,
    JmsValue,
    MachineRoom,
    Message,
    MessageQueue,
    MqError,
    Producer,
    Queue,
    Random,
    ReplyTo,
    Selector,
    Typed,
)
from outcomes import Outcome
from values import Wrong, body_bytes

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
#: The fields that a message takes as they are, under another name where there is one here.
_PLAIN = {
    "tags": "tags",
    "keys": "keys",
    "flag": "flag",
    "properties": "properties",
    "delay_level": "delay_level",
    "priority": "priority",
    "lite_topic": "lite_topic",
    "sharding_key": "sharding_property",
    "trace_parent": "trace_parent",
}


class Begun:
    """A step that will tell its outcome."""

    def __init__(self) -> None:
        self._told: queue.Queue[Outcome] = queue.Queue()

    def tell(self, outcome: Outcome) -> None:
        """Its completion came."""
        self._told.put(outcome)

    def outcome(self, seconds: float) -> Outcome:
        """Waits for it."""
        try:
            return self._told.get(timeout=seconds)
        except queue.Empty:
            raise Wrong(f"no completion came within {seconds} s") from None


#: What a step gives at once: its outcome, or the promise of one.
Step = Union[Outcome, Begun]


def message(value: dict[str, Any]) -> Message:
    """The message of a step."""
    made = Message(value.get("topic", "T"), body_bytes(value.get("body", "x")))
    for field, name in _PLAIN.items():
        if field in value:
            setattr(made, name, value[field])
    made.no_wait_store = not value.get("wait_store", True)
    if "delay_seconds" in value:
        made.delay = timedelta(seconds=value["delay_seconds"])
    if "delay_ms" in value:
        made.delay = timedelta(milliseconds=value["delay_ms"])
    if "deliver_at_ms" in value:
        made.deliver_at = _EPOCH + timedelta(milliseconds=value["deliver_at_ms"])
    if "jms" in value:
        made.jms = _jms(value["jms"])
    return made


def _jms(value: dict[str, Any]) -> Jms:
    kind = value.get("body", "bytes")
    if kind not in ("bytes", "text", "map"):
        raise Wrong(f"there is no body `{kind}`")
    made = Jms(text=kind == "text", properties=_values(value.get("properties", {})))
    if kind == "map":
        made.entries = _values(value.get("entries", {}))
    if "delivery_mode" in value:
        made.persistent = {"persistent": True, "non_persistent": False}[value["delivery_mode"]]
    if "time_to_live_ms" in value:
        made.time_to_live = timedelta(milliseconds=value["time_to_live_ms"])
    made.correlation_id = value.get("correlation_id")
    made.reply_to = value.get("reply_to")
    made.message_type = value.get("type")
    made.group_id = value.get("group_id")
    made.group_sequence = value.get("group_sequence", 0)
    return made


def _values(values: dict[str, Any]) -> dict[str, JmsValue]:
    return {name: _typed(value) for name, value in values.items()}


def _typed(of: dict[str, Any]) -> JmsValue:
    """Python's own type where it has one of that name."""
    ((kind, value),) = of.items()
    if kind in ("null", "bool", "int", "double", "text"):
        own: JmsValue = value
        return own
    if kind == "bytes":
        return body_bytes(value)
    return Typed(JmsType[kind.upper()], value)


def options(step: dict[str, Any]) -> dict[str, Any]:
    """The keyword arguments of a step."""
    given = step.get("options", {})
    return {"timeout_ms": given.get("timeout_ms"), "selector": _selector(given.get("selector", {}))}


def _selector(chosen: dict[str, Any]) -> Optional[Selector]:
    kind = chosen.get("kind", "round_robin")
    if kind == "round_robin":
        return None
    if kind == "random":
        return Random()
    if kind == "hash":
        return Hash(chosen["key"])
    if kind == "consistent_hash":
        return ConsistentHash(chosen["key"])
    if kind == "machine_room":
        return MachineRoom(chosen["rooms"])
    if kind == "queue":
        return Queue(chosen["broker"], chosen["queue_id"])
    if kind == "callback":
        return lambda queues: _index(chosen["index"], queues)
    raise Wrong(f"there is no selector `{kind}`")


def _index(which: str, queues: list[MessageQueue]) -> int:
    return {"first": 0, "last": len(queues) - 1, "beyond": len(queues)}[which]


def _later(begin: Callable[[Callable[[Any, Any], None]], None], outcome: Callable[[Any], Outcome]) -> Step:
    """Begins an asynchronous call, whose callback tells its outcome."""
    begun = Begun()

    def told(value: Any, error: Any) -> None:
        begun.tell(outcomes.failure(error) if error is not None else outcome(value))

    refused = outcomes.of(lambda: begin(told))
    return begun if refused == outcomes.OK else refused


def single(producer: Producer, step: dict[str, Any]) -> Step:
    """A send of one message."""
    made, how = message(step.get("message", {})), options(step)
    if step["do"] == "send":
        return outcomes.of(lambda: producer.send(made, **how), outcomes.receipt)
    if step["do"] == "send_oneway":
        return outcomes.of(lambda: producer.send_oneway(made, **how), outcomes.receipt)
    return _later(lambda told: producer.send_async(made, told, **how), outcomes.receipt)


def request(producer: Producer, step: dict[str, Any]) -> Step:
    """A request; the time-out among its options is that of the send."""
    made, how = message(step.get("message", {})), options(step)
    how["send_timeout_ms"] = how.pop("timeout_ms")
    how["timeout_ms"] = step.get("timeout_ms", 0)
    if step["do"] == "request":
        return outcomes.of(lambda: producer.request(made, **how), outcomes.received)
    return _later(lambda told: producer.request_async(made, told, **how), outcomes.received)


def reply(producer: Producer, step: dict[str, Any]) -> Step:
    """A reply."""
    given = {"correlation_id": "", "reply_to_client": "", "cluster": "", **step["to"]}
    to, made, how = ReplyTo(**given), message(step.get("message", {})), options(step)
    if step["do"] == "reply":
        return outcomes.of(lambda: producer.reply(to, made, **how), outcomes.receipt)
    return _later(lambda told: producer.reply_async(to, made, told, **how), outcomes.receipt)


def batch(producer: Producer, step: dict[str, Any]) -> Step:
    """A batch."""
    messages = [message(value) for value in step["messages"]]
    how = {**options(step), "split_bytes": step.get("split_bytes", 0)}
    if step["do"] == "send_batch_async":
        begun = Begun()

        def told(receipts: Any, error: Optional[BatchError]) -> None:
            begun.tell(outcomes.batch(error.results, error) if error is not None else outcomes.batch(receipts))

        refused = outcomes.of(lambda: producer.send_batch_async(messages, told, **how))
        return begun if refused == outcomes.OK else refused
    send = producer.send_batch if step["do"] == "send_batch" else producer.send_batch_oneway
    try:
        return outcomes.batch(send(messages, **how))
    except BatchError as error:
        return outcomes.batch(error.results, error)
    except (MqError, ValueError, TypeError) as error:
        return outcomes.failure(error)
