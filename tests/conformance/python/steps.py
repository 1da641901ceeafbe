"""One case: its cluster and producer, and what its steps do."""

from __future__ import annotations

import json
import sys
import tempfile
import traceback
from dataclasses import dataclass
from typing import Any, Callable, Optional

import outcomes
import sends
from mqproducer import MockCluster, MockFault, MqError, MqTimeoutError, Producer, Transaction, TransactionState
from outcomes import OK, TIMED_OUT, Notes, Outcome, Recorder
from sends import Begun, Step
from values import Wrong, body_bytes, compare, resolve

#: How long a condition is waited for.
LIMIT_MS = 10_000
#: How long a completion is waited for.
COMPLETION_LIMIT_S = 30


@dataclass(frozen=True)
class Place:
    """Where the cases run: the embedded cluster, or a name server's URL and what tells this runner's topics."""

    url: Optional[str] = None
    id: str = "embedded"

    @property
    def needs(self) -> str:
        """What a case says that runs here only."""
        return "embedded" if self.url is None else "broker"


def run_case(case: dict[str, Any], place: Place) -> list[str]:
    """Runs a case; what differs from it."""
    run = Run(case, place)
    try:
        run.prepare()
        return run.steps()
    except Wrong as wrong:
        return [str(wrong)]
    except Exception:
        return [f"the runner failed: {traceback.format_exc()}"]
    finally:
        run.end()


class Run:
    """A case on its way."""

    def __init__(self, case: dict[str, Any], place: Place) -> None:
        self._case = case
        self._config: dict[str, str] = {}
        self._producer: Optional[Producer] = None
        self._transactions: dict[str, Transaction] = {}
        self._saved: dict[str, Outcome] = {}
        self._waiting: dict[str, list[Begun]] = {}
        self._calls, self._asked = Notes(), Notes()
        self._cluster = self._open(case.get("cluster", {})) if place.url is None else None
        url = place.url or self._cluster_of_case().url
        address = url[len("rocketmq://") :] if url.startswith("rocketmq://") else url
        self._temporary = tempfile.TemporaryDirectory(prefix="mqp-conformance-")
        self._placeholders = {
            "{url}": url,
            "{address}": address,
            "{id}": place.id,
            "{temporary}": self._temporary.name,
        }

    @staticmethod
    def _open(of: dict[str, Any]) -> MockCluster:
        cluster = MockCluster(of.get("name", ""), brokers=of.get("brokers", 1), queues=of.get("queues", 4))
        for topic in of.get("echo", []):
            cluster.echo(topic)
        cluster.set_transaction_check_interval(of.get("check_interval_ms", 3_600_000))
        return cluster

    def prepare(self) -> None:
        """Makes and starts the producer, unless the steps do."""
        for key, value in {"url": "{url}", "producer_group": "conformance", **self._case.get("config", {})}.items():
            if value is not None:
                self._config[key] = resolve(value, 0, self)
        if self._case.get("start", True):
            self._create()
            self._used().start()

    def end(self) -> None:
        """Closes everything; how a producer of any state closes is for the steps to say."""
        self._transactions.clear()
        if self._producer is not None:
            try:
                self._producer.close(LIMIT_MS)
            except MqError:
                pass
        if self._cluster is not None:
            self._cluster.close()
        self._temporary.cleanup()

    def steps(self) -> list[str]:
        """Does them up to the first that differs; what differs."""
        for number, step in enumerate(self._case["steps"]):
            at = f"steps[{number}] {step['do']}"
            try:
                lines = self._compare(step, self._step(step), at)
            except Wrong as wrong:
                lines = [f"{at}: {wrong}"]
            if lines:
                return lines
        return []

    def saved(self, name: str, field: str) -> Any:
        """See :class:`values.Source`."""
        return self._saved[name][field]

    def stored(self, topic: str, index: int, name: str) -> Any:
        """See :class:`values.Source`."""
        return self._cluster_of_case().messages(topic)[index].properties[name]

    def placeholders(self) -> dict[str, str]:
        """See :class:`values.Source`."""
        return self._placeholders

    def _compare(self, step: dict[str, Any], came: list[Outcome], at: str) -> list[str]:
        if "save" in step and came:
            self._saved[step["save"]] = came[-1]
        lines = []
        for time, outcome in enumerate(came):
            expect = resolve({"status": "OK", **step.get("expect", {})}, time, self)
            lines += compare(expect, outcome, at if len(came) == 1 else f"{at}, time {time}")
        return lines

    def _step(self, step: dict[str, Any]) -> list[Outcome]:
        """The outcomes of a step: one for each time that it is done."""
        if step["do"] == "await":
            if step["of"] not in self._waiting:
                raise Wrong(f"nothing is called `{step['of']}`")
            return [begun.outcome(COMPLETION_LIMIT_S) for begun in self._waiting.pop(step["of"])]
        fields = {name: value for name, value in step.items() if name != "expect"}
        done = [self._begin(resolve(fields, number, self)) for number in range(step.get("times", 1))]
        if "as" in step:
            self._waiting[step["as"]] = [each for each in done if isinstance(each, Begun)]
            return [dict(OK) if isinstance(each, Begun) else each for each in done]
        return [each.outcome(COMPLETION_LIMIT_S) if isinstance(each, Begun) else each for each in done]

    def _begin(self, step: dict[str, Any]) -> Step:
        what = step["do"]
        if what in ("send", "send_async", "send_oneway"):
            return sends.single(self._used(), step)
        if what in ("send_batch", "send_batch_async", "send_batch_oneway"):
            return sends.batch(self._used(), step)
        if what in ("request", "request_async"):
            return sends.request(self._used(), step)
        if what in ("reply", "reply_async"):
            return sends.reply(self._used(), step)
        own: Optional[Callable[[dict[str, Any]], Outcome]] = getattr(self, f"_do_{what}", None)
        if own is None:
            raise Wrong(f"there is no step `{what}`")
        return own(step)

    def _used(self) -> Producer:
        if self._producer is None:
            raise Wrong("there is no producer yet")
        return self._producer

    def _cluster_of_case(self) -> MockCluster:
        if self._cluster is None:
            raise Wrong("a step of the embedded cluster, on a real one")
        return self._cluster

    def _create(self) -> None:
        producer = Producer(**self._config)
        for hook in self._case.get("hooks", []):
            producer.add_hook(Recorder(hook["name"], hook.get("forbid"), self._calls))
        if "checker" in self._case:
            states = [TransactionState[state.upper()] for state in self._case["checker"]]
            asked = self._asked
            producer.set_transaction_checker(
                lambda message: states[min(asked.add(outcomes.received(message)), len(states)) - 1]
            )
        if "trace_context" in self._case:
            context: str = self._case["trace_context"]
            producer.set_trace_context(lambda: context)
        self._producer = producer

    def _do_config_set(self, step: dict[str, Any]) -> Outcome:
        # The keyword arguments of a producer are looked at when it is made, and some of them together.
        credentials = {"access_key": "tried", "secret_key": "tried"}
        others = credentials if step["key"] in credentials else {}
        tried = {"url": "mock://", "producer_group": "tried", **others, step["key"]: step["value"]}
        outcome = outcomes.of(lambda: Producer(**tried))
        if outcome == OK:
            self._config[step["key"]] = step["value"]
        return outcome

    def _do_create(self, _: dict[str, Any]) -> Outcome:
        return outcomes.of(self._create)

    def _do_start(self, _: dict[str, Any]) -> Outcome:
        return outcomes.of(self._used().start)

    def _do_flush(self, step: dict[str, Any]) -> Outcome:
        return outcomes.of(lambda: self._used().flush(step["timeout_ms"]))

    def _do_close(self, step: dict[str, Any]) -> Outcome:
        return outcomes.of(lambda: self._used().close(step["timeout_ms"]))

    def _do_brokers(self, _: dict[str, Any]) -> Outcome:
        return outcomes.of(self._used().brokers, outcomes.brokers)

    def _do_statistics(self, _: dict[str, Any]) -> Outcome:
        return outcomes.of(self._used().statistics, lambda told: {"status": "OK", "statistics": told.values})

    def _do_statuses(self, _: dict[str, Any]) -> Outcome:
        return outcomes.error_names()

    def _do_begin(self, step: dict[str, Any]) -> Outcome:
        def keep(transaction: Transaction) -> Outcome:
            self._transactions[step.get("transaction", "t")] = transaction
            return dict(OK)

        return outcomes.of(self._used().transaction, keep)

    def _do_transaction_send(self, step: dict[str, Any]) -> Outcome:
        made, how = sends.message(step.get("message", {})), sends.options(step)
        return outcomes.of(lambda: self._transaction(step).send(made, **how), outcomes.receipt)

    def _do_commit(self, step: dict[str, Any]) -> Outcome:
        return outcomes.of(self._transaction(step).commit)

    def _do_rollback(self, step: dict[str, Any]) -> Outcome:
        return outcomes.of(self._transaction(step).rollback)

    def _do_release(self, step: dict[str, Any]) -> Outcome:
        # Nobody else holds it.
        self._transaction(step)
        del self._transactions[step.get("transaction", "t")]
        return dict(OK)

    def _transaction(self, step: dict[str, Any]) -> Transaction:
        name = step.get("transaction", "t")
        if name not in self._transactions:
            raise Wrong(f"there is no transaction `{name}`")
        return self._transactions[name]

    def _do_recall(self, step: dict[str, Any]) -> Outcome:
        topic, handle, limit = step.get("topic", "T"), step["handle"], step.get("timeout_ms", 0)
        return outcomes.of(lambda: self._used().recall(topic, handle, timeout_ms=limit), outcomes.receipt)

    def _do_push_fault(self, step: dict[str, Any]) -> Outcome:
        names = ("broker", "request_code", "delay_ms", "response_code", "remark")
        given = {name: step[name] for name in names if name in step}
        data, action = body_bytes(step.get("bytes", "")), MockFault[step["action"].upper()]
        return outcomes.of(
            lambda: self._cluster_of_case().push_fault(action, count=step.get("count", 1), data=data, **given)
        )

    def _do_clear_faults(self, _: dict[str, Any]) -> Outcome:
        return outcomes.of(self._cluster_of_case().clear_faults)

    def _do_clear_requests(self, _: dict[str, Any]) -> Outcome:
        return outcomes.of(self._cluster_of_case().clear_requests)

    def _do_clear_messages(self, _: dict[str, Any]) -> Outcome:
        return outcomes.of(self._cluster_of_case().clear)

    def _do_set_broker(self, step: dict[str, Any]) -> Outcome:
        in_route, running = step["state"] in ("up", "stopped"), step["state"] in ("up", "out_of_route")
        return outcomes.of(
            lambda: self._cluster_of_case().set_broker(step["broker"], in_route=in_route, running=running)
        )

    def _do_stored(self, step: dict[str, Any]) -> Outcome:
        topic, count = step["topic"], step.get("count", 0)
        if self._cluster is None:
            messages = ask_parent(topic, count)
        else:
            try:
                self._cluster.wait(count, topic, LIMIT_MS)
            except MqTimeoutError:
                return dict(TIMED_OUT)
            messages = [outcomes.stored(message) for message in self._cluster.messages(topic)]
        return {
            "status": "OK",
            "count": len(messages),
            "queues": len({(message["broker"], message["queue_id"]) for message in messages}),
            "brokers": len({message["broker"] for message in messages}),
            "messages": messages,
        }

    def _do_requests(self, step: dict[str, Any]) -> Outcome:
        broker, code, count = step.get("broker", ""), step.get("request_code", 0), step.get("count", 0)
        cluster = self._cluster_of_case()
        try:
            cluster.wait_requests(count, broker, code, LIMIT_MS)
            requests = [outcomes.request(request) for request in cluster.requests(broker, code)]
        except MqTimeoutError:
            return dict(TIMED_OUT)
        except MqError as error:
            return outcomes.failure(error)
        return {"status": "OK", "count": len(requests), "requests": requests}

    def _do_hook_calls(self, step: dict[str, Any]) -> Outcome:
        calls = self._calls.wait(step.get("count", 0), LIMIT_MS / 1000)
        return dict(TIMED_OUT) if calls is None else {"status": "OK", "calls": calls}

    def _do_checks(self, step: dict[str, Any]) -> Outcome:
        messages = self._asked.wait(step.get("count", 0), LIMIT_MS / 1000)
        return dict(TIMED_OUT) if messages is None else {"status": "OK", "count": len(messages), "messages": messages}


def ask_parent(topic: str, count: int) -> list[Outcome]:
    """What the real broker stored, which only the parent process can read."""
    print(json.dumps({"read": topic, "count": count}), flush=True)
    messages: list[Outcome] = json.loads(sys.stdin.readline())
    return messages
