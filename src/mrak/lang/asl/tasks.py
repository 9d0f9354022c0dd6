"""A Task from when it is scheduled to its answer: events, time-outs, heartbeats, tokens."""

from __future__ import annotations

import base64
from typing import Any

from mrak.lang.asl import failures, fields, jsonata, references, templates
from mrak.lang.asl.dataflow import arguments
from mrak.lang.asl.definition import State
from mrak.lang.asl.failures import StateFailed, query, runtime
from mrak.lang.asl.frames import (
    SUBMITTED,
    TASK,
    CancelTimer,
    CloseToken,
    Frame,
    OpenToken,
    ScheduleActivity,
    SetTimer,
    StartTask,
    StopTask,
    Task,
    TaskFailed,
)
from mrak.lang.asl.resources import Resource, find_resource
from mrak.lang.asl.run import Run, check_size
from mrak.lang.asl.scope import read, render

_NEVER_SECONDS = 99_999_999
_TOKEN_BYTES = 192


def resource_of(frame: Frame) -> Resource:
    assert frame.task is not None
    found = find_resource(frame.task.resource)
    assert found is not None, f"validation let {frame.task.resource} pass"
    return found


def is_current(frame: Frame, attempt: int) -> bool:
    """Whether an answer is to the attempt that the frame waits for."""
    return frame.attempt == attempt and frame.phase in (TASK, SUBMITTED)


def schedule(run: Run, frame: Frame, state: State) -> None:
    """Hands the task out."""
    resource = find_resource(state.raw["Resource"])
    assert resource is not None, f"validation let {state.raw['Resource']} pass"
    if resource.sort == "activity" and not run.has_activity(resource.arn):
        raise runtime(f"The activity {resource.arn} does not exist.")
    frame.token = _new_token(run) if resource.waits else ""
    parameters = render(fields.supported_parameters(resource, arguments(run, frame, state)))
    if state.is_jsonata or not state.raw.keys().isdisjoint(("Parameters", "InputPath")):
        check_size(parameters, state.name)
    else:
        parameters = frame.input
    role_arn = credentials(run, frame, state)
    timeout, heartbeat = _seconds(run, frame, state, "Timeout"), _seconds(run, frame, state, "Heartbeat")
    frame.task = Task(resource=resource.arn, parameters=parameters, role_arn=role_arn)
    frame.phase, frame.is_task_started = TASK, False
    details = _scheduled_details(run, frame, resource)
    if timeout:
        details["timeoutInSeconds"] = timeout
    if heartbeat:
        details["heartbeatInSeconds"] = heartbeat
    frame.previous = run.record(_name(resource, "Scheduled"), frame.previous, details)
    if timeout:
        frame.timeout_at = run.now + timeout
        run.command(SetTimer("timeout", frame.id, frame.attempt, frame.timeout_at))
    frame.heartbeat_seconds = heartbeat or 0
    if heartbeat and resource.waits:
        frame.heartbeat_at = run.now + heartbeat
        run.command(SetTimer("heartbeat", frame.id, frame.attempt, frame.heartbeat_at))
    _hand_out(run, frame, resource)


def _hand_out(run: Run, frame: Frame, resource: Resource) -> None:
    assert frame.task is not None
    if frame.token:
        run.command(OpenToken(frame.token, frame.id, frame.attempt))
    if resource.sort == "activity":
        run.command(ScheduleActivity(resource.arn, frame.token, frame.task.parameters, frame.id, frame.attempt))
    else:
        run.command(StartTask(frame.id, frame.attempt))


def _scheduled_details(run: Run, frame: Frame, resource: Resource) -> dict[str, Any]:
    assert frame.task is not None
    if resource.sort in ("lambda", "activity"):
        details: dict[str, Any] = {
            "resource": resource.arn,
            "input": frame.task.parameters,
            "inputDetails": {"truncated": False},
        }
    else:
        details = {
            "resourceType": resource.type_name,
            "resource": resource.name,
            "region": run.facts.region,
            "parameters": frame.task.parameters,
        }
    if frame.task.role_arn and resource.sort != "activity":
        details["taskCredentials"] = {"roleArn": frame.task.role_arn}
    return details


def _new_token(run: Run) -> str:
    """Nobody may guess a token: it is as good as a key to the execution."""
    return base64.b64encode(run.draw.bytes(_TOKEN_BYTES)).decode()


def credentials(run: Run, frame: Frame, state: State) -> str:
    """The role that the task acts as, where it is not the machine's own."""
    raw = state.raw.get("Credentials")
    if not raw:
        return ""
    if state.is_jsonata:
        return str(templates.fill_jsonata(raw, run.bindings(frame), "Credentials")["RoleArn"])
    return str(templates.fill(raw, run.scope(frame, read(frame.input)))["RoleArn"])


def _seconds(run: Run, frame: Frame, state: State, kind: str) -> int | None:
    """TimeoutSeconds or HeartbeatSeconds, given or from the data; None where there is no bound."""
    field = f"{kind}Seconds"
    value = state.raw.get(field)
    if state.is_jsonata:
        if not jsonata.is_expression(value):
            return value
        value = templates.fill_jsonata(value, run.bindings(frame), field)
        jsonata.require_kind(value, "number", state.raw[field], field)
        if value < 1 or value > _NEVER_SECONDS:
            raise query(f"The {field} field must be between 1 and {_NEVER_SECONDS} but was: {render(value)}", field)
        return int(value)
    path = state.raw.get(f"{field}Path")
    if path is None:
        return value
    value = references.require_path(path, run.scope(frame, read(frame.input)))
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _NEVER_SECONDS:
        raise runtime(f"The {field}Path parameter does not reference a positive integer: {path} == {render(value)}")
    return value


def _name(resource: Resource, what: str) -> str:
    prefix = {"lambda": "LambdaFunction", "activity": "Activity"}.get(resource.sort, "Task")
    return prefix + what


def _about(resource: Resource) -> dict[str, Any]:
    if resource.sort in ("lambda", "activity"):
        return {}
    return {"resourceType": resource.type_name, "resource": resource.name}


def started(run: Run, frame: Frame, worker: str | None) -> None:
    """A task that is taken up again after a crash has been reported already."""
    if frame.is_task_started:
        return
    frame.is_task_started = True
    resource = resource_of(frame)
    details: dict[str, Any] | None = _about(resource)
    if resource.sort == "lambda":
        details = None
    elif resource.sort == "activity":
        details = {} if worker is None else {"workerName": worker}
    frame.previous = run.record(_name(resource, "Started"), frame.previous, details)


def submitted(run: Run, frame: Frame, output: str) -> None:
    resource = resource_of(frame)
    frame.phase = SUBMITTED
    details = {**_about(resource), "output": output, "outputDetails": {"truncated": False}}
    frame.previous = run.record("TaskSubmitted", frame.previous, details)


def succeeded(run: Run, frame: Frame, state: State, output: str) -> str:
    """The task's output; raises StateFailed where it is too large."""
    resource = resource_of(frame)
    try:
        check_size(output, resource.arn if resource.sort in ("lambda", "activity") else resource.type_name)
    except StateFailed as failure:
        raise failed(run, frame, TaskFailed(frame.id, frame.attempt, failure.error, failure.cause)) from None
    close(run, frame)
    details = {**_about(resource), "output": output, "outputDetails": {"truncated": False}}
    frame.previous = run.record(_name(resource, "Succeeded"), frame.previous, details)
    return output


def failed(run: Run, frame: Frame, event: TaskFailed) -> StateFailed:
    """Records the failure; the caller raises it."""
    resource = resource_of(frame)
    close(run, frame)
    reported = {"error": event.error, "cause": event.cause}
    details = _about(resource) | {name: value for name, value in reported.items() if value is not None}
    frame.previous = run.record(_name(resource, "Failed"), frame.previous, details)
    return StateFailed(event.error, event.cause)


def beat(run: Run, frame: Frame) -> None:
    """Somebody works on the task: its heartbeat starts anew."""
    if not frame.heartbeat_at:
        return
    run.command(CancelTimer("heartbeat", frame.id, frame.attempt, frame.heartbeat_at))
    frame.heartbeat_at = run.now + frame.heartbeat_seconds
    run.command(SetTimer("heartbeat", frame.id, frame.attempt, frame.heartbeat_at))


def late(run: Run, frame: Frame, kind: str) -> StateFailed | None:
    """Records that the task took too long; None where it no longer waits."""
    if frame.phase not in (TASK, SUBMITTED):
        return None
    resource = resource_of(frame)
    close(run, frame, fired=kind)
    run.command(StopTask(frame.id, frame.attempt))
    details = _about(resource) | {"error": failures.TIMEOUT}
    frame.previous = run.record(_name(resource, "TimedOut"), frame.previous, details)
    failure = StateFailed(failures.TIMEOUT, None)
    if kind == "heartbeat":
        failure.matched = failures.HEARTBEAT
    return failure


def close(run: Run, frame: Frame, fired: str = "") -> None:
    """Takes back the timers and the token of the attempt."""
    if frame.timeout_at and fired != "timeout":
        run.command(CancelTimer("timeout", frame.id, frame.attempt, frame.timeout_at))
    if frame.heartbeat_at and fired != "heartbeat":
        run.command(CancelTimer("heartbeat", frame.id, frame.attempt, frame.heartbeat_at))
    if frame.token:
        run.command(CloseToken(frame.token))
    frame.timeout_at = frame.heartbeat_at = 0.0
