"""Parallel and Map: one frame waits for its children, each a branch or an iteration.

A Map's iterations are all there from the start, queued, so that starting the next costs nothing that grows with their
number. AWS runs at most forty iterations of an inline Map at a time. A distributed Map hands its items to executions of
their own. https://docs.aws.amazon.com/step-functions/latest/dg/state-map.html
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.lang.asl import jsonata, maprun, references, templates
from mrak.lang.asl.dataflow import arguments, effective_input
from mrak.lang.asl.definition import State
from mrak.lang.asl.failures import query, runtime
from mrak.lang.asl.frames import DONE, FORKED, QUEUED, READY, Frame, StartMapRun
from mrak.lang.asl.run import Run
from mrak.lang.asl.scope import read, render

INLINE_CONCURRENCY = 40


def fork(run: Run, frame: Frame, state: State) -> None:
    if state.kind == "Parallel":
        _fork_branches(run, frame, state)
    elif state.is_distributed:
        _start_map_run(run, frame, state)
    else:
        _fork_iterations(run, frame, state)


def is_complete(frame: Frame) -> bool:
    """Whether a fork has nothing to wait for: a Map over nothing."""
    return frame.children == 0 and not frame.map_run


def _fork_branches(run: Run, frame: Frame, state: State) -> None:
    has_own = not state.raw.keys().isdisjoint(("Parameters", "InputPath", "Arguments"))
    text = render(arguments(run, frame, state)) if has_own else frame.input
    frame.previous = run.record("ParallelStateStarted", frame.previous)
    _open_fork(run, frame, len(state.branches), len(state.branches))
    for index, branch in enumerate(state.branches):
        child = run.add(
            Frame(
                id=frame.first_child + index,
                parent=frame.id,
                index=index,
                path=(*frame.path, state.name, str(index)),
                state=branch.start_at,
                input=text,
                previous=frame.previous,
            )
        )
        run.ready.append(child.id)
    frame.started = frame.running = frame.children


def _open_fork(run: Run, frame: Frame, children: int, concurrency: int) -> None:
    frame.phase = FORKED
    frame.first_child, frame.children = run.next_frame, children
    frame.started = frame.running = 0
    frame.concurrency = concurrency
    run.next_frame += children


def _fork_iterations(run: Run, frame: Frame, state: State) -> None:
    items = items_of(run, frame, state)
    wanted = maprun.max_concurrency(run, frame, state)
    frame.previous = run.record("MapStateStarted", frame.previous, {"length": len(items)})
    _open_fork(run, frame, len(items), min(wanted or INLINE_CONCURRENCY, INLINE_CONCURRENCY))
    for index, item in enumerate(items):
        run.add(
            Frame(
                id=frame.first_child + index,
                parent=frame.id,
                index=index,
                path=(*frame.path, state.name, "0"),
                state=state.branches[0].start_at,
                phase=QUEUED,
                item=render({"Index": index, "Value": item}),
            )
        )
    for _ in range(min(frame.concurrency, len(items))):
        _start_iteration(run, frame, state, frame.previous)


def items_of(run: Run, frame: Frame, state: State) -> list[Any]:
    """What a Map goes over, where it is in the state's data."""
    if state.is_jsonata:
        if "Items" not in state.raw:
            value = read(frame.input)
            if not isinstance(value, list):
                raise query(f"Map state input must be an array but was: {render(value)}")
            return value
        template = state.raw["Items"]
        value = templates.fill_jsonata(template, run.bindings(frame), "Items")
        expression = jsonata.find_expression(template) if isinstance(template, str) else None
        items: list[Any] = jsonata.require_kind(value, "array", expression or render(template), "Items")
        return items
    scope = run.scope(frame, read(frame.input))
    scope = scope.at(effective_input(state, scope))
    path = state.raw.get("ItemsPath", "$")
    value = references.require_path(path, scope)
    if not isinstance(value, list):
        # A path into the context object is named without the `$` that leads there (recorded).
        shown = path[1:] if path.startswith("$$") else path
        raise runtime(f'Reference path "{shown}" must point to array.')
    return value


def _start_iteration(run: Run, frame: Frame, state: State, previous: int) -> None:
    child = run.frame(frame.first_child + frame.started)
    child.input = render(item_input(run, frame, state, child.item))
    frame.started += 1
    frame.running += 1
    child.previous = run.record("MapIterationStarted", previous, {"name": state.name, "index": child.index})
    child.phase = READY
    run.ready.append(child.id)


def item_input(run: Run, frame: Frame, state: State, item: str) -> Any:
    """What an iteration begins with: its item, or what ItemSelector makes of it."""
    selector = state.raw.get("ItemSelector", state.raw.get("Parameters"))
    if selector is None:
        return read(item)["Value"]
    at_item = msgspec.structs.replace(frame, item=item)
    if state.is_jsonata:
        return templates.fill_jsonata(selector, run.bindings(at_item), "ItemSelector")
    scope = run.scope(at_item, read(frame.input))
    return templates.fill(selector, scope.at(effective_input(state, scope)))


def child_succeeded(run: Run, parent: Frame, state: State, child: Frame, output: str) -> int | None:
    """Takes a child's output and starts the next. The event before the join's where it was the last; else None."""
    before = child.previous
    if state.kind == "Map":
        before = run.record("MapIterationSucceeded", child.previous, {"name": state.name, "index": child.index})
    child.phase, child.output, child.input, child.variables = DONE, output, "", ""
    parent.running -= 1
    if parent.started < parent.children:
        _start_iteration(run, parent, state, child.previous)
    return before if parent.running == 0 else None


def collect(run: Run, frame: Frame) -> str:
    """The children's outputs as a JSON array; the children go."""
    outputs: list[str] = []
    for child_id in range(frame.first_child, frame.first_child + frame.children):
        outputs.append(run.look(child_id).output)
        run.remove(child_id)
    frame.children = 0
    return "[" + ",".join(outputs) + "]"


def _start_map_run(run: Run, frame: Frame, state: State) -> None:
    has_reader = "ItemReader" in state.raw
    items = [] if has_reader else items_of(run, frame, state)
    frame.previous = run.record("MapStateStarted", frame.previous, {"length": len(items)})
    plan = maprun.plan(run, frame, state)
    frame.map_run = _map_run_arn(run, state)
    frame.phase, frame.children = FORKED, 0
    frame.previous = run.record("MapRunStarted", frame.previous, {"mapRunArn": frame.map_run})
    run.command(StartMapRun(frame.id, frame.attempt, render(plan), "" if has_reader else render(items)))


def _map_run_arn(run: Run, state: State) -> str:
    label = state.raw.get("Label") or run.draw.uuid()
    prefix = run.facts.machine_arn.replace(":stateMachine:", ":mapRun:")
    return f"{prefix}/{label}:{run.draw.uuid()}"
