"""The settings of a Map that are worked out when it starts: concurrency, tolerance, reader, batches, writer."""

from __future__ import annotations

import re
from typing import Any

from mrak.core.deviations import deviation
from mrak.lang.asl import jsonata, references, templates
from mrak.lang.asl.definition import State
from mrak.lang.asl.failures import MOST_BYTES, StateFailed, query, runtime
from mrak.lang.asl.frames import Frame
from mrak.lang.asl.run import Run
from mrak.lang.asl.scope import Scope, read, render

_WHOLE = re.compile(r"-?\d{1,12}")
_DECIMAL = re.compile(r"-?\d{1,12}(\.\d{1,12})?")


def max_concurrency(run: Run, frame: Frame, state: State) -> int:
    """0 is as many as AWS runs."""
    value = int(_number(run, frame, state.raw, state.is_jsonata, "MaxConcurrency", 0))
    if value < 0:
        deviation("STATES-007")
        raise _out_of_range(state, f"MaxConcurrency must be non-negative. Received: {value}.", "MaxConcurrency")
    return value


def plan(run: Run, frame: Frame, state: State) -> dict[str, Any]:
    """All that a distributed Map needs to know beside its items."""
    count = int(_number(run, frame, state.raw, state.is_jsonata, "ToleratedFailureCount", 0))
    percentage = float(_number(run, frame, state.raw, state.is_jsonata, "ToleratedFailurePercentage", 0))
    if count < 0:
        text = "ToleratedFailureCount cannot be negative."
        raise _out_of_range(state, text, "ToleratedFailureCount")
    if not 0 <= percentage <= 100:
        text = "ToleratedFailurePercentage must be between 0 and 100."
        raise _out_of_range(state, text, "ToleratedFailurePercentage")
    made: dict[str, Any] = {
        "max_concurrency": max_concurrency(run, frame, state),
        "tolerated_count": count if _is_given(state, "ToleratedFailureCount") else None,
        "tolerated_percentage": percentage if _is_given(state, "ToleratedFailurePercentage") else None,
        "variables": render(run.variables(frame)),
    }
    for name in ("ItemReader", "ResultWriter"):
        if name in state.raw:
            made[name] = _reader(run, frame, state, name)
    if "ItemBatcher" in state.raw:
        made["ItemBatcher"] = _batcher(run, frame, state)
    return made


def _is_given(state: State, field: str) -> bool:
    return field in state.raw or f"{field}Path" in state.raw


def _out_of_range(state: State, text: str, field: str) -> StateFailed:
    return query(text, field) if state.is_jsonata else runtime(text)


def _reader(run: Run, frame: Frame, state: State, name: str) -> dict[str, Any]:
    """Reader or writer with its parameters filled in."""
    raw = state.raw[name]
    config = dict(raw.get("ReaderConfig") or raw.get("WriterConfig") or {})
    if "MaxItems" in config or "MaxItemsPath" in config:
        config["MaxItems"] = int(_number(run, frame, config, state.is_jsonata, "MaxItems", 0))
    made: dict[str, Any] = {"Resource": raw.get("Resource", ""), "Config": config}
    if state.is_jsonata:
        made["Parameters"] = templates.fill_jsonata(raw.get("Arguments", {}), run.bindings(frame), f"{name}/Arguments")
    else:
        made["Parameters"] = templates.fill(raw.get("Parameters", {}), run.scope(frame, read(frame.input)))
    return made


def _batcher(run: Run, frame: Frame, state: State) -> dict[str, Any]:
    raw = state.raw["ItemBatcher"]
    made: dict[str, Any] = {
        "items": int(_number(run, frame, raw, state.is_jsonata, "MaxItemsPerBatch", 0)),
        "bytes": int(_number(run, frame, raw, state.is_jsonata, "MaxInputBytesPerBatch", 0)),
    }
    if "BatchInput" in raw:
        if state.is_jsonata:
            made["input"] = templates.fill_jsonata(raw["BatchInput"], run.bindings(frame), "ItemBatcher/BatchInput")
        else:
            made["input"] = templates.fill(raw["BatchInput"], run.scope(frame, read(frame.input)))
    return made


def batches(values: list[Any], batcher: dict[str, Any]) -> list[dict[str, Any]]:
    """What each child begins with, where items go to children in batches."""
    most_items, most_bytes = batcher["items"] or len(values) or 1, batcher["bytes"] or MOST_BYTES
    made: list[list[Any]] = []
    size = 0
    for value in values:
        length = len(render(value).encode()) + 1
        if not made or len(made[-1]) == most_items or size + length > most_bytes:
            made.append([])
            size = 0
        made[-1].append(value)
        size += length
    extra = {"BatchInput": batcher["input"]} if "input" in batcher else {}
    return [{**extra, "Items": batch} for batch in made]


def _number(run: Run, frame: Frame, raw: dict[str, Any], is_jsonata: bool, field: str, default: float) -> float:
    """A number that a field gives, an expression yields or a path finds."""
    value = raw.get(field, default)
    if is_jsonata:
        if not jsonata.is_expression(value):
            return float(value)
        found = templates.fill_jsonata(value, run.bindings(frame), field)
        expression = jsonata.find_expression(value) or ""
        return float(jsonata.require_kind(found, "number", expression, field))
    path = raw.get(f"{field}Path")
    if path is None:
        return float(value)
    return _number_at(path, field, run.scope(frame, read(frame.input)))


def _number_at(path: str, field: str, scope: Scope) -> float:
    value = references.require_path(path, scope)
    is_decimal = field == "ToleratedFailurePercentage"
    text = value if isinstance(value, str) else render(value)
    if isinstance(value, bool) or not (_DECIMAL if is_decimal else _WHOLE).fullmatch(text):
        kind = "float" if is_decimal else "integer"
        raise runtime(f'The {field}Path field refers to value "{text}" which is not a valid {kind}: {path}')
    return float(text)
