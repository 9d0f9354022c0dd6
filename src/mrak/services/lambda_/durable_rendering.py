"""Durable executions as AWS shows them: ARNs, operations, errors. Pure."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from mrak.core.scope import Scope
from mrak.services.lambda_ import errors
from mrak.services.lambda_.durable_journal import callback_id
from mrak.services.lambda_.references import function_arn
from mrak.services.lambda_.tables import Execution, Step

_ARN = re.compile(
    r"arn:[^:]+:lambda:[^:]+:\d{12}:function:([a-zA-Z0-9_-]+):([^/]+)/durable-execution/([a-zA-Z0-9_-]+)/([a-zA-Z0-9_-]+)"
)


def execution_arn(scope: Scope, execution: Execution) -> str:
    function = function_arn(scope, execution.function, execution.version)
    return f"{function}/durable-execution/{execution.name}/{execution.execution}"


def parse_execution(arn: str) -> str:
    """The key of the execution that an ARN names."""
    found = _ARN.fullmatch(arn)
    if found is None:
        raise errors.invalid(f"Invalid durable execution ARN: {arn}")
    return found[4]


def render_step(step: Step, *, milliseconds: bool = False) -> dict[str, Any]:
    """An operation; times as milliseconds in events of functions, as seconds in answers of the API."""

    def at(moment: float) -> float:
        return int(moment * 1000) if milliseconds else moment

    shown: dict[str, Any] = {
        "Id": step.step,
        "Type": step.type,
        "StartTimestamp": at(step.started_at),
        "Status": step.status,
    }
    named = {"Name": step.name, "ParentId": step.parent, "SubType": step.subtype}
    shown |= {member: value for member, value in named.items() if value is not None}
    if step.ended_at is not None:
        shown["EndTimestamp"] = at(step.ended_at)
    outcome: dict[str, Any] = {}
    if step.result is not None:
        outcome["Result"] = step.result
    if step.error is not None:
        outcome["Error"] = step.error
    match step.type:
        case "STEP":
            shown["StepDetails"] = {"Attempt": step.attempt} | outcome
            if step.due_at is not None:
                shown["StepDetails"]["NextAttemptTimestamp"] = at(step.due_at)
        case "CONTEXT":
            shown["ContextDetails"] = outcome | {"ReplayChildren": bool(step.options.get("ReplayChildren"))}
        case "WAIT":
            shown["WaitDetails"] = {"ScheduledEndTimestamp": at(step.started_at + step.options["Duration"])}
        case "CALLBACK":
            shown["CallbackDetails"] = {"CallbackId": callback_id(step.execution, step.step)} | outcome
        case "CHAINED_INVOKE":
            shown["ChainedInvokeDetails"] = outcome
    return shown


def render_error_payload(status: str, error: dict[str, Any] | None) -> bytes:
    """What a synchronous caller gets of an execution that did not succeed."""
    shown: dict[str, Any] = {
        "errorMessage": (error or {}).get("ErrorMessage") or f"The durable execution ended as {status}.",
        "errorType": (error or {}).get("ErrorType") or status,
    }
    if error and error.get("StackTrace"):
        shown["stackTrace"] = error["StackTrace"]
    return msgspec.json.encode(shown)
