"""TestState: one state, once, without an execution; its task really done, or its result mocked.

https://docs.aws.amazon.com/step-functions/latest/dg/test-state-isolation.html
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.context import Context
from mrak.core.operation import operation
from mrak.lang.asl import definition, failures, forks, maprun, retries, tasks
from mrak.lang.asl.dataflow import Leaving, arguments, leave, leave_caught
from mrak.lang.asl.definition import JSONPATH, Definition, State, States, all_states, parse_state
from mrak.lang.asl.failures import StateFailed
from mrak.lang.asl.frames import Facts, Frame, Task
from mrak.lang.asl.resources import find_resource
from mrak.lang.asl.run import Run, show_time
from mrak.lang.asl.scope import read, render
from mrak.lang.asl.simplestates import ENTER_SIMPLE, Waits
from mrak.services.stepfunctions import arns, definitions, errors, inputs, integrations, itemreaders, machines, mocks
from mrak.services.stepfunctions.inspection import Inspection
from mrak.services.stepfunctions.integrations import Job

_NAME = "StateName"


class _NoFrames:
    """A state by itself has no frames around it."""

    def load(self, frame_id: int) -> Frame:
        raise AssertionError(f"a state by itself asks for frame {frame_id}")

    def has_activity(self, arn: str) -> bool:
        return True


@operation("TestState")
async def test_state(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    state = _parse_state(req)
    mock = mocks.parse(req, state)
    if state.kind == "Task" and mock is None and "roleArn" not in req:
        raise errors.validation("RoleArn must be specified when testing a Task state")
    run, frame = _prepare(ctx, state, req)
    seen = Inspection(run, frame, state)
    try:
        leaving, follower = await _work(ctx, run, state, mock, req, seen)
    except StateFailed as failure:
        # There is no event at which the state was entered, so the cause does not tell of one (recorded).
        answer = _failed(run, frame, state, failure, seen)
    else:
        answer = {"status": "SUCCEEDED", "output": leaving.output}
        if follower is not None:
            answer["nextState"] = follower
        seen.assigned(leaving)
    if req.get("inspectionLevel", "INFO") != "INFO":
        answer["inspectionData"] = seen.shown
    return answer


def _parse_state(req: dict[str, Any]) -> State:
    """The state that is meant: the definition itself, or the one of that name in a whole machine."""
    text = req["definition"]
    try:
        raw = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        raw = None
    if "stateName" not in req and not (isinstance(raw, dict) and "States" in raw):
        problems = definitions.problems_of_state(_NAME, raw) if raw is not None else definitions.problems_of(text)
        machines.refuse(problems)
        return parse_state(_NAME, raw if isinstance(raw, dict) else {}, JSONPATH)
    machines.refuse(definitions.problems_of(text))
    states = {state.name: state for state in all_states(definition.parse(text).root)}
    found = states.get(req.get("stateName", definition.parse(text).root.start_at))
    if found is None:
        raise errors.validation("State not found in definition")
    return found


def _prepare(ctx: Context, state: State, req: dict[str, Any]) -> tuple[Run, Frame]:
    """A run of this state only, with what the request says of its surroundings."""
    text = inputs.check_input(req.get("input", "{}"))
    name, machine = ctx.draw.uuid(), ctx.draw.uuid()
    arn = arns.tested_arn(ctx.scope, machine, name)
    facts = Facts(
        arn=arn,
        name=name,
        role_arn=req.get("roleArn", ""),
        machine_arn=arns.machine_arn(ctx.scope, machine),
        machine_name=machine,
        region=ctx.scope.region,
        input=text,
        started_at=ctx.now,
        is_express=True,
        variables=req.get("variables", ""),
    )
    retries_made = int(req.get("stateConfiguration", {}).get("retrierRetryCount", 0))
    context = mocks.parse_context(req, state) if "context" in req else _context(facts, state, retries_made)
    facts = msgspec.structs.replace(facts, context=context)
    alone = Definition("", States(state.name, {state.name: state}), None)
    run = Run(alone, facts, _NoFrames(), 1, 1, ctx.now, ctx.draw)
    retriers = len(state.raw.get("Retry", ()))
    frame = Frame(id=0, state=state.name, input=text, entered_at=ctx.now, retries=[retries_made] * retriers)
    run.add(frame)
    return run, frame


def _context(facts: Facts, state: State, retries_made: int) -> dict[str, Any]:
    # AWS calls the state so even where it is one of several.
    about: dict[str, Any] = {"Name": _NAME, "EnteredTime": show_time(facts.started_at)}
    if state.kind in ("Task", "Map", "Parallel"):
        about["RetryCount"] = retries_made
    return {
        "Execution": {
            "Id": facts.arn,
            "Input": read(facts.input),
            "Name": facts.name,
            "RoleArn": facts.role_arn or None,
            "StartTime": show_time(facts.started_at),
        },
        "StateMachine": {"Id": facts.machine_arn, "Name": facts.machine_name},
        "State": about,
    }


async def _work(
    ctx: Context, run: Run, state: State, mock: mocks.Mock | None, req: dict[str, Any], seen: Inspection
) -> tuple[Leaving, str | None]:
    frame = run.frame(0)
    if state.kind in ENTER_SIMPLE:
        seen.before()
        outcome = ENTER_SIMPLE[state.kind](run, frame, state)
        return (leave(run, frame, state), state.next) if isinstance(outcome, Waits) else outcome
    if state.kind == "Task":
        parameters = arguments(run, frame, state)
        seen.arguments(parameters)
        text = mock.take() if mock is not None else await _perform(ctx, run, frame, state, parameters)
    else:
        assert mock is not None, "mocks.parse let a fork pass without one"
        iterations = _check_fork(run, frame, state, req, seen)
        text = mock.take()
        if state.kind == "Map":
            _check_tolerance(run, frame, state, req, iterations)
            mocks.check_size(state, text, iterations)
    result = read(text)
    seen.result(result, text)
    return leave(run, frame, state, result, text), state.next


def _check_fork(run: Run, frame: Frame, state: State, req: dict[str, Any], seen: Inspection) -> int:
    """What a fork works out before its children: items, batches, concurrency, tolerance. How many children it has."""
    if state.kind == "Parallel":
        seen.arguments(arguments(run, frame, state))
        return len(state.branches)
    seen.before()
    if "ItemReader" in state.raw:
        config = state.raw["ItemReader"].get("ReaderConfig", {})
        items = itemreaders.parse_items(req["stateConfiguration"]["mapItemReaderData"].encode(), config)
        seen.read_items(items, config)
    else:
        items = forks.items_of(run, frame, state)
        seen.items(items)
    plan = maprun.plan(run, frame, state)
    values = items
    if "ItemSelector" in state.raw or "Parameters" in state.raw:
        contexts = [render({"Index": index, "Value": item}) for index, item in enumerate(items)]
        values = [forks.item_input(run, frame, state, context) for context in contexts]
        seen.selected(values)
    if "ItemBatcher" in plan:
        values = maprun.batches(values, plan["ItemBatcher"])
        seen.batched(values)
    seen.bounds(plan)
    return len(values)


def _check_tolerance(run: Run, frame: Frame, state: State, req: dict[str, Any], total: int) -> None:
    """As many iterations fail as the request says: more than the state tolerates fails it."""
    count = req.get("stateConfiguration", {}).get("mapIterationFailureCount")
    if count is None:
        return
    plan = maprun.plan(run, frame, state)
    tolerated, percentage = plan["tolerated_count"], plan["tolerated_percentage"]
    is_exceeded = count > 0 if tolerated is None and percentage is None else False
    is_exceeded = is_exceeded or (tolerated is not None and count > tolerated)
    is_exceeded = is_exceeded or (percentage is not None and count * 100 > percentage * total)
    if is_exceeded:
        raise StateFailed(failures.THRESHOLD, "The specified tolerated failure threshold was exceeded")


async def _perform(ctx: Context, run: Run, frame: Frame, state: State, parameters: Any) -> str:
    resource = find_resource(state.raw["Resource"])
    assert resource is not None
    if resource.waits:
        raise errors.validation(f"The service integration pattern of '{resource.arn}' needs a mock to be tested")
    role = tasks.credentials(run, frame, state)
    task = Task(resource=resource.arn, parameters=render(parameters), role_arn=role)
    return await integrations.perform(ctx, Job(task, run.facts, run.facts.name))


def _failed(run: Run, frame: Frame, state: State, failure: StateFailed, seen: Inspection) -> dict[str, Any]:
    """A failure that would be retried, was caught, or fails the execution."""
    reported = {"error": failure.error, "cause": failure.cause}
    answer: dict[str, Any] = {name: value for name, value in reported.items() if value is not None}
    is_task = state.kind == "Task"
    retriers = state.raw.get("Retry", [])
    chosen = retries.find_retrier(retriers, failure.matched, is_task)
    if chosen is not None and not retries.is_exhausted(retriers[chosen], frame.retries[chosen]):
        delay = retries.delay_seconds(retriers[chosen], frame.retries[chosen], run.draw)
        seen.error(retryIndex=chosen, retryBackoffIntervalSeconds=int(delay))
        return answer | {"status": "RETRIABLE"}
    catchers = state.raw.get("Catch", [])
    caught = retries.find_catcher(catchers, failure.matched, is_task)
    if caught is None:
        return answer | {"status": "FAILED"}
    seen.error(catchIndex=caught)
    error = {"Error": failure.error, "Cause": failure.cause}
    try:
        leaving = leave_caught(run, frame, state, catchers[caught], error)
    except StateFailed as second:
        return {"status": "FAILED", "error": second.error, "cause": second.cause}
    seen.caught(leaving.output)
    return answer | {"status": "CAUGHT_ERROR", "output": leaving.output, "nextState": catchers[caught]["Next"]}
