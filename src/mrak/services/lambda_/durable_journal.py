"""A durable execution in a transaction: what the function checkpoints, what time and others bring, and its history.

A `Journal` holds one execution opened for writing. It applies updates, wakes the execution when something that it waits
for has come, and ends it. Everything is rows, committed with their cause, so that a crash loses nothing that was
acknowledged. https://docs.aws.amazon.com/lambda/latest/dg/durable-functions.html
"""

from __future__ import annotations

import base64
from typing import Any

import msgspec

from mrak.core.background import Delivery, Retry, Timer
from mrak.core.context import Context, Transaction
from mrak.core.scope import Scope
from mrak.services.lambda_ import errors
from mrak.services.lambda_.tables import EXECUTIONS, HISTORY, NAMES, STEPS, Execution, HistoryEvent, Step

RUN = "lambda.durable.run"
CHAIN = "lambda.durable.chain"
STEP_DUE = "lambda.durable.step"
EXECUTION_DUE = "lambda.durable.deadline"
FORGET = "lambda.durable.forget"
ENDED = frozenset(("SUCCEEDED", "FAILED", "TIMED_OUT", "STOPPED"))
_STEP_ENDED = ENDED | {"CANCELLED"}
_DAY_SECONDS = 86_400.0
_HISTORY_NAMES = {"STEP": "Step", "CONTEXT": "Context", "WAIT": "Wait", "CALLBACK": "Callback",
                  "CHAINED_INVOKE": "ChainedInvoke"}  # fmt: skip
_ENDS = {"SUCCEEDED": "Succeeded", "FAILED": "Failed", "TIMED_OUT": "TimedOut", "STOPPED": "Stopped",
         "CANCELLED": "Cancelled"}  # fmt: skip
_ACTIONS = {
    "STEP": ("START", "SUCCEED", "FAIL", "RETRY"),
    "CONTEXT": ("START", "SUCCEED", "FAIL"),
    "WAIT": ("START", "CANCEL"),
    "CALLBACK": ("START", "CANCEL"),
    "CHAINED_INVOKE": ("START", "CANCEL"),
    "EXECUTION": ("SUCCEED", "FAIL"),
}


def topic(execution: str) -> str:
    """Notified when the execution ends."""
    return f"lambda.durable/{execution}"


def callback_id(execution: str, step: str) -> str:
    return base64.b64encode(f"{execution}.{step}".encode()).decode()


def render_token(execution: Execution) -> str:
    return base64.b64encode(f"{execution.execution}.{execution.token}.{execution.seen}".encode()).decode()


class Journal:
    def __init__(self, ctx: Context, tx: Transaction, scope: Scope, execution: Execution) -> None:
        """`execution` as `open_journal` read it, or as it is about to be inserted."""
        self.ctx = ctx
        self.tx = tx
        self.scope = scope
        self.kept = execution
        self.now = execution

    def set(self, **changes: Any) -> None:
        self.now = msgspec.structs.replace(self.now, **changes)

    def save(self) -> None:
        if self.now != self.kept:
            EXECUTIONS.replace(self.tx, self.scope, self.kept, self.now)
            self.kept = self.now

    # --- what the function checkpoints

    def apply(self, update: dict[str, Any]) -> None:
        kind, action = update["Type"], update["Action"]
        if action not in _ACTIONS[kind]:
            raise errors.invalid(f"Invalid action {action} for an operation of type {kind}.")
        if kind == "EXECUTION":
            self.end("SUCCEEDED" if action == "SUCCEED" else "FAILED", update.get("Payload"), update.get("Error"))
            return
        step = STEPS.get(self.tx, self.scope, self.now.execution, update["Id"])
        if step is not None and (step.type != kind or step.status in _STEP_ENDED):
            raise errors.invalid(f"Invalid update of operation {update['Id']}, which is {step.status}.")
        if step is None and action in ("RETRY", "CANCEL"):
            raise errors.invalid(f"Cannot {action} operation {update['Id']}, which does not exist.")
        if action == "START":
            self._start(step, update)
        elif action == "RETRY":
            assert step is not None
            self._retry(step, update)
        else:
            step = step or self._new(update)
            status = {"SUCCEED": "SUCCEEDED", "FAIL": "FAILED", "CANCEL": "CANCELLED"}[action]
            options = step.options | update.get("ContextOptions", {})
            self.end_step(msgspec.structs.replace(step, options=options), status, update, external=False)

    def _new(self, update: dict[str, Any], **more: Any) -> Step:
        return Step(
            execution=self.now.execution,
            step=update["Id"],
            position=self.now.changes + 1,
            changed=0,
            type=update["Type"],
            status="STARTED",
            started_at=self.ctx.clock(),
            parent=update.get("ParentId"),
            name=update.get("Name"),
            subtype=update.get("SubType"),
            **more,
        )

    def _start(self, step: Step | None, update: dict[str, Any]) -> None:
        if step is not None:
            if step.type != "STEP" or step.status != "READY":
                raise errors.invalid(f"Operation {step.step} was started already.")
            self.write(msgspec.structs.replace(step, status="STARTED", due_at=None))
            return
        now = self.ctx.clock()
        made = self._new(update)
        details: dict[str, Any] = {}
        match made.type:
            case "WAIT":
                seconds = update.get("WaitOptions", {}).get("WaitSeconds")
                if seconds is None:
                    raise errors.invalid("WaitOptions are required for operations of type WAIT.")
                made = self._due(msgspec.structs.replace(made, options={"Duration": seconds}), now + seconds)
                details = {"Duration": seconds, "ScheduledEndTimestamp": now + seconds}
            case "CALLBACK":
                made = self._await_callback(made, update.get("CallbackOptions", {}))
                details = {
                    "CallbackId": callback_id(made.execution, made.step),
                    "HeartbeatTimeout": made.options["HeartbeatTimeoutSeconds"],
                    "Timeout": made.options["TimeoutSeconds"],
                }
            case "CHAINED_INVOKE":
                details = self._chain(made, update)
        self.write(made)
        self.tell(made, "Started", details)

    def _await_callback(self, step: Step, options: dict[str, Any]) -> Step:
        wanted = {name: options.get(name, 0) for name in ("TimeoutSeconds", "HeartbeatTimeoutSeconds")}
        step = msgspec.structs.replace(step, options=wanted)
        due = [step.started_at + seconds for seconds in wanted.values() if seconds]
        return self._due(step, min(due)) if due else step

    def _chain(self, step: Step, update: dict[str, Any]) -> dict[str, Any]:
        options = update.get("ChainedInvokeOptions")
        if not options:
            raise errors.invalid("ChainedInvokeOptions are required for operations of type CHAINED_INVOKE.")
        payload = update.get("Payload", "")
        order = msgspec.msgpack.encode([step.execution, step.step, options["FunctionName"], payload])
        self.tx.enqueue(
            Delivery(
                kind=CHAIN,
                lane=f"durable/{step.execution}/{step.step}",
                scope=self.scope,
                payload=order,
                retry=Retry(attempts=10),
                trace=self.now.trace,
                enqueued_at=self.ctx.now,
            )
        )
        return {"FunctionName": options["FunctionName"], "Input": {"Payload": payload}}

    def _retry(self, step: Step, update: dict[str, Any]) -> None:
        if step.status != "STARTED":
            raise errors.invalid(f"Operation {step.step} cannot be retried while it is {step.status}.")
        delay = update.get("StepOptions", {}).get("NextAttemptDelaySeconds", 1)
        attempt = step.attempt + 1
        failed = msgspec.structs.replace(
            step, status="PENDING", attempt=attempt, result=update.get("Payload"), error=update.get("Error")
        )
        self.write(self._due(failed, self.ctx.clock() + delay))
        details = {
            "Error": _held(update.get("Error", {})),
            "RetryDetails": {"CurrentAttempt": attempt, "NextAttemptDelaySeconds": delay},
        }
        self.tell(step, "Failed", details)

    # --- what time and others bring

    def _due(self, step: Step, due_at: float) -> Step:
        """The step with a timer that ends its wait."""
        key = f"{step.execution}.{step.step}"
        self.tx.at(Timer(kind=STEP_DUE, key=key, due_at=due_at, scope=self.scope))
        return msgspec.structs.replace(step, due_at=due_at)

    def step_is_due(self, step: Step) -> None:
        """What a step waited for has come: its time."""
        if step.type == "WAIT":
            self.end_step(step, "SUCCEEDED", {}, external=True)
        elif step.type == "STEP" and step.status == "PENDING":
            self.write(msgspec.structs.replace(step, status="READY"), external=True)
        elif step.type == "CALLBACK":
            beat = step.options["HeartbeatTimeoutSeconds"]
            overall = step.options["TimeoutSeconds"]
            by_beat = bool(beat) and not (overall and self.ctx.clock() >= step.started_at + overall)
            kind, word = ("Callback.Heartbeat", "heartbeat") if by_beat else ("Callback.Timeout", "callback")
            error = {"ErrorType": kind, "ErrorMessage": f"The {word} timed out."}
            self.end_step(step, "TIMED_OUT", {"Error": error}, external=True)
        self.wake()

    def beat(self, step: Step) -> None:
        """A callback's heartbeat: the wait for the next one begins."""
        beat, overall = step.options["HeartbeatTimeoutSeconds"], step.options["TimeoutSeconds"]
        if not beat:
            return
        due = self.ctx.clock() + beat
        if overall:
            due = min(due, step.started_at + overall)
        STEPS.replace(self.tx, self.scope, step, self._due(step, due))

    def end_step(self, step: Step, status: str, outcome: dict[str, Any], *, external: bool) -> None:
        """`outcome` may have Payload and Error."""
        ended = msgspec.structs.replace(
            step,
            status=status,
            ended_at=self.ctx.clock(),
            due_at=None,
            result=outcome.get("Payload"),
            error=outcome.get("Error"),
        )
        self.write(ended, external=external)
        details: dict[str, Any] = {}
        if step.type == "WAIT":
            details = {"Duration": step.options["Duration"]} if status == "SUCCEEDED" else {}
        elif status == "SUCCEEDED":
            details["Result"] = {"Payload": ended.result} if ended.result is not None else {}
        elif status != "CANCELLED":
            details["Error"] = _held(ended.error or {})
        if step.type == "STEP":
            details["RetryDetails"] = {"CurrentAttempt": step.attempt + 1}
        self.tell(step, _ENDS[status], details)

    def write(self, step: Step, *, external: bool = False) -> None:
        """Keeps a step, new or changed, under the next number of changes."""
        number = self.now.changes + 1
        self.set(changes=number, **({"external": number} if external else {}))
        old = STEPS.get(self.tx, self.scope, step.execution, step.step)
        step = msgspec.structs.replace(step, changed=number)
        if old is None:
            STEPS.insert(self.tx, self.scope, step)
        else:
            STEPS.replace(self.tx, self.scope, old, step)

    def wake(self, due_at: float | None = None) -> None:
        """Has the function invoked, unless that is under way."""
        if self.now.status != "RUNNING" or self.now.phase != "idle":
            return
        self.set(phase="queued")
        self.tx.enqueue(
            Delivery(
                kind=RUN,
                lane=f"durable/{self.now.execution}",
                scope=self.scope,
                payload=self.now.execution.encode(),
                retry=Retry(attempts=10),
                trace=self.now.trace,
                enqueued_at=self.ctx.now,
                due_at=due_at if due_at is not None else self.ctx.now,
            )
        )

    # --- history and end

    def tell(self, step: Step | None, what: str, details: dict[str, Any]) -> None:
        """Adds an event: of a step, or of the execution itself."""
        kind = f"{_HISTORY_NAMES[step.type]}{what}" if step is not None else what
        body: dict[str, Any] = {
            "EventType": kind,
            "EventId": self.now.events + 1,
            "EventTimestamp": self.ctx.clock(),
            f"{kind}Details": details,
        }
        if step is not None:
            named = {"Id": step.step, "Name": step.name, "ParentId": step.parent, "SubType": step.subtype}
            body |= {member: value for member, value in named.items() if value is not None}
        self.set(events=self.now.events + 1)
        HISTORY.insert(self.tx, self.scope, HistoryEvent(self.now.execution, self.now.events, body))

    def end(self, status: str, result: str | None = None, error: dict[str, Any] | None = None) -> None:
        """The execution is over; who waits for it hears of it."""
        if self.now.status in ENDED:
            return
        at = self.ctx.clock()
        self.set(status=status, ended_at=at, result=result, error=error, token=self.now.token + 1)
        details = {"Result": {"Payload": result or ""}} if status == "SUCCEEDED" else {"Error": _held(error or {})}
        self.tell(None, f"Execution{_ENDS[status]}", details)
        due = at + self.now.config.get("RetentionPeriodInDays", 14) * _DAY_SECONDS
        self.tx.at(Timer(kind=FORGET, key=self.now.execution, due_at=due, scope=self.scope))
        self.tx.notify(topic(self.now.execution))
        if self.now.parent is not None:
            self._tell_parent(*self.now.parent)

    def _tell_parent(self, execution: str, step_id: str) -> None:
        parent = open_journal(self.ctx, self.tx, self.scope, execution)
        step = STEPS.get(self.tx, self.scope, execution, step_id)
        if parent is None or step is None or step.status in _STEP_ENDED or parent.now.status in ENDED:
            return
        outcome = {"Payload": self.now.result, "Error": self.now.error}
        parent.end_step(step, self.now.status, outcome, external=True)
        parent.wake()
        parent.save()


def _held(error: dict[str, Any]) -> dict[str, Any]:
    return {"Payload": error} if error else {}


def open_journal(ctx: Context, tx: Transaction, scope: Scope, execution: str) -> Journal | None:
    """The execution with all of its rows opened; None where it is not there."""
    found = EXECUTIONS.open(tx, scope, execution)
    if found is None:
        return None
    STEPS.lock(tx, scope, execution)
    HISTORY.lock(tx, scope, execution)
    return Journal(ctx, tx, scope, found)


def forget(tx: Transaction, scope: Scope, execution: Execution) -> None:
    """Deletes an execution that is over; it was opened."""
    STEPS.delete_all(tx, scope, execution.execution)
    HISTORY.delete_all(tx, scope, execution.execution)
    EXECUTIONS.delete(tx, scope, execution)
    name = NAMES.open(tx, scope, execution.function, execution.name)
    if name is not None and name.execution == execution.execution:
        NAMES.delete(tx, scope, name)


def has_open_steps(tx: Transaction, scope: Scope, execution: str) -> bool:
    """Whether something is there that a suspended execution can wait for."""
    waiting = ("WAIT", "CALLBACK", "CHAINED_INVOKE")
    for step in STEPS.scan(tx, scope, execution):
        if step.status in ("PENDING", "READY") or (step.status == "STARTED" and step.type in waiting):
            return True
    return False
