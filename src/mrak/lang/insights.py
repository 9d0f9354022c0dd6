"""Runs CloudWatch Logs Insights queries over log events.

    query = Query(text)                  raises QueryError
    query.feed(events)                   as often as there are events to look at, in any order
    rows = query.finish()                [[(field, text), ...], ...]

Commands form a pipeline of stages; `stats` keeps only its groups, `sort` and `limit` at most `_MOST_ROWS` rows, so that
memory is bounded whatever is fed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec

from mrak.lang.insightsparser import Column, Command, Node, parse_query
from mrak.lang.insightsvalues import (
    FUNCTIONS,
    Aggregate,
    Moment,
    Value,
    calculate,
    compare,
    is_true,
    matches,
    number_of,
    period_ms,
    text_of,
)
from mrak.lang.logregex import compile_regex

_MOST_ROWS: Final = 100_000
_MOST_GROUPS: Final = 50_000
_DEFAULT_LIMIT: Final = 10_000
_MOST_FIELDS: Final = 1000

Evaluate = Callable[["Event"], Value]
Row = list[tuple[str, str]]

# What Lambda's report line says.
_REPORT: Final = {
    "@duration": re.compile(r"\tDuration: ([0-9.]+) ms"),
    "@billedDuration": re.compile(r"Billed Duration: ([0-9.]+) ms"),
    "@initDuration": re.compile(r"Init Duration: ([0-9.]+) ms"),
    "@memorySize": re.compile(r"Memory Size: ([0-9]+) MB"),
    "@maxMemoryUsed": re.compile(r"Max Memory Used: ([0-9]+) MB"),
}
_REQUEST: Final = re.compile(r"\b(START|END|REPORT) RequestId: ([0-9a-fA-F-]{36})")
_MEGABYTE: Final = 1_000_000


class Event:
    """A log event with its fields: those that it came with, those that its message holds, those that a query adds."""

    __slots__ = ("_discovered", "_message", "_values", "timestamp_ms")

    def __init__(self, timestamp_ms: int, message: str, values: dict[str, Value]) -> None:
        self.timestamp_ms = timestamp_ms
        self._message = message
        self._values = values | {"@timestamp": Moment(timestamp_ms), "@message": message}
        self._discovered: dict[str, Value] | None = None

    def get(self, name: str) -> Value:
        if name in self._values:
            return self._values[name]
        if self._discovered is None:
            self._discovered = discover(self._message)
        return self._discovered.get(name)

    def set(self, name: str, value: Value) -> None:
        self._values[name] = value


def discover(message: str) -> dict[str, Value]:
    """The fields in a message: of a JSON object, or of the lines that Lambda writes."""
    found: dict[str, Value] = {}
    if message.lstrip().startswith("{"):
        try:
            _flatten("", msgspec.json.decode(message), found)
        except (msgspec.DecodeError, RecursionError):
            found.clear()
        return found
    request = _REQUEST.search(message)
    if request is not None:
        found |= {"@type": request[1], "@requestId": request[2]}
        if request[1] == "REPORT":
            _read_report(message, found)
    return found


def _read_report(message: str, found: dict[str, Value]) -> None:
    for name, pattern in _REPORT.items():
        value = pattern.search(message)
        if value is not None:
            number = float(value[1])
            found[name] = number * _MEGABYTE if "emory" in name else number


def _flatten(prefix: str, value: Any, found: dict[str, Value]) -> None:
    if len(found) >= _MOST_FIELDS:
        return
    if isinstance(value, dict | list):
        items: Iterable[tuple[Any, Any]] = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in items:
            _flatten(f"{prefix}.{key}" if prefix else str(key), inner, found)
    elif value is not None:
        found[prefix] = value


# Expressions ------------------------------------------------------------------------------------------------------


def _compile(node: Node) -> Evaluate:
    """A node as a function of an event."""
    parts = node.parts
    if node.kind == "field":
        name = parts[0]
        return lambda event: event.get(name)
    if node.kind == "value":
        return lambda _: parts[0]
    if node.kind == "bin":
        size = period_ms(parts[0])
        return lambda event: Moment(event.timestamp_ms // size * size) if size else None
    if node.kind in ("and", "or"):
        left, right = _compile(parts[0]), _compile(parts[1])
        if node.kind == "and":
            return lambda event: is_true(left(event)) and is_true(right(event))
        return lambda event: is_true(left(event)) or is_true(right(event))
    if node.kind == "not":
        inner = _compile(parts[0])
        return lambda event: not is_true(inner(event))
    return _compile_operator(node)


def _compile_operator(node: Node) -> Evaluate:
    parts = node.parts
    if node.kind in ("compare", "math"):
        operator, left, right = parts[0], _compile(parts[1]), _compile(parts[2])
        apply: Callable[[Value, str, Value], Value] = compare if node.kind == "compare" else calculate
        return lambda event: apply(left(event), operator, right(event))
    if node.kind == "like":
        value = _compile(parts[0])
        return lambda event: matches(value(event), parts[1], parts[2])
    if node.kind == "in":
        wanted, items = _compile(parts[0]), [_compile(each) for each in parts[1]]
        return lambda event: any(compare(wanted(event), "=", each(event)) for each in items)
    if node.kind == "call":
        function, arguments = FUNCTIONS[parts[0]], [_compile(each) for each in parts[1]]
        return lambda event: function(*(argument(event) for argument in arguments))
    # An aggregation outside of stats is read from the row that stats made.
    label = _label(node)
    return lambda event: event.get(label)


# Stages -----------------------------------------------------------------------------------------------------------


class _Stage:
    """Takes events and hands some on; at the end it may have more."""

    def feed(self, events: list[Event]) -> list[Event]:
        return events

    def finish(self) -> list[Event]:
        return []


class _Filter(_Stage):
    def __init__(self, command: Command) -> None:
        assert command.node is not None
        self._test = _compile(command.node)

    def feed(self, events: list[Event]) -> list[Event]:
        return [event for event in events if is_true(self._test(event))]


class _Fields(_Stage):
    def __init__(self, command: Command) -> None:
        self._computed = [
            (column.name, _compile(column.node))
            for column in command.columns
            if column.node != Node("field", (column.name,))
        ]

    def feed(self, events: list[Event]) -> list[Event]:
        for event in events:
            for name, evaluate in self._computed:
                event.set(name, evaluate(event))
        return events


class _Parse(_Stage):
    def __init__(self, command: Command) -> None:
        assert command.node is not None
        self._value = _compile(command.node)
        self._search = compile_regex(command.pattern).search
        self._names = command.names
        self._is_regex = command.is_regex

    def feed(self, events: list[Event]) -> list[Event]:
        for event in events:
            value = self._value(event)
            found = None if value is None else self._search(text_of(value))
            if found is not None:
                for at, name in enumerate(self._names, 1):
                    event.set(name, found.group(name) if self._is_regex else found.group(at))
        return events


class _Stats(_Stage):
    """Keeps for each group of values its aggregations, and hands on one row for each."""

    def __init__(self, command: Command) -> None:
        self._by = [(column.name, _compile(column.node)) for column in command.by]
        self._columns = command.columns
        self._plans: list[tuple[str, Node, list[Evaluate]]] = []
        for column in command.columns:
            for node in _aggregates(column.node):
                self._plans.append((column.name, node, [_compile(each) for each in node.parts[1]]))
        self._groups: dict[tuple[str, ...], tuple[list[Value], list[Aggregate]]] = {}

    def feed(self, events: list[Event]) -> list[Event]:
        for event in events:
            values = [evaluate(event) for _, evaluate in self._by]
            key = tuple(map(text_of, values))
            group = self._groups.get(key)
            if group is None:
                if len(self._groups) >= _MOST_GROUPS:
                    continue
                group = self._groups[key] = values, [_new_aggregate(node) for _, node, _ in self._plans]
            for aggregate, (_, _, arguments) in zip(group[1], self._plans, strict=True):
                aggregate.add(arguments[0](event) if arguments else 1, event.timestamp_ms)
        return []

    def finish(self) -> list[Event]:
        if not self._groups and not self._by:
            self._groups[()] = [], [_new_aggregate(node) for _, node, _ in self._plans]
        return [self._row(values, aggregates) for values, aggregates in self._groups.values()]

    def _row(self, values: list[Value], aggregates: list[Aggregate]) -> Event:
        row = Event(0, "", {})
        for (name, _), value in zip(self._by, values, strict=True):
            row.set(name, value)
        for (_, node, _), aggregate in zip(self._plans, aggregates, strict=True):
            row.set(_label(node), aggregate.result())
        for column in self._columns:
            row.set(column.name, _compile(_resolved(column.node))(row))
        return row


def _aggregates(node: Node) -> list[Node]:
    """The aggregations inside an expression."""
    if node.kind == "aggregate":
        return [node]
    return [found for part in _children(node) for found in _aggregates(part)]


def _children(node: Node) -> list[Node]:
    found: list[Node] = []
    for part in node.parts:
        found += [part] if isinstance(part, Node) else part if isinstance(part, tuple) else []
    return found


def _label(node: Node) -> str:
    return repr(node)


def _resolved(node: Node) -> Node:
    """The expression with each aggregation as a field of the row."""
    if node.kind == "aggregate":
        return Node("field", (_label(node),))
    return Node(node.kind, tuple(map(_resolved_part, node.parts)))


def _resolved_part(part: Any) -> Any:
    if isinstance(part, Node):
        return _resolved(part)
    return tuple(map(_resolved_part, part)) if isinstance(part, tuple) else part


def _new_aggregate(node: Node) -> Aggregate:
    name, arguments = node.parts
    extra = arguments[1].parts[0] if len(arguments) > 1 and arguments[1].kind == "value" else 0
    return Aggregate(name, number_of(extra) or 0.0)


class _Sort(_Stage):
    def __init__(self, columns: tuple[Column, ...], descending: tuple[bool, ...]) -> None:
        self._keys = [(_compile(column.node), down) for column, down in zip(columns, descending, strict=True)]
        self._rows: list[Event] = []

    def feed(self, events: list[Event]) -> list[Event]:
        self._rows.extend(events)
        if len(self._rows) > 2 * _MOST_ROWS:
            self._rows = self.finish()[:_MOST_ROWS]
        return []

    def finish(self) -> list[Event]:
        rows = self._rows
        for evaluate, down in reversed(self._keys):
            rows = sorted(rows, key=lambda row, evaluate=evaluate: _sort_key(evaluate(row)), reverse=down)  # type: ignore[misc]
        return rows


def _sort_key(value: Value) -> tuple[int, float, str]:
    """What is not there comes first, then numbers, then text."""
    if value is None:
        return 0, 0.0, ""
    number = number_of(value)
    return (2, 0.0, text_of(value)) if number is None else (1, number, "")


class _Limit(_Stage):
    def __init__(self, number: int) -> None:
        self._left = number

    def feed(self, events: list[Event]) -> list[Event]:
        taken = events[: self._left]
        self._left -= len(taken)
        return taken


class _Dedup(_Stage):
    def __init__(self, command: Command) -> None:
        self._keys = [_compile(column.node) for column in command.columns]
        self._seen: set[tuple[str, ...]] = set()

    def feed(self, events: list[Event]) -> list[Event]:
        kept: list[Event] = []
        for event in events:
            key = tuple(text_of(evaluate(event)) for evaluate in self._keys)
            if key not in self._seen and len(self._seen) < _MOST_GROUPS:
                self._seen.add(key)
                kept.append(event)
        return kept


# The query --------------------------------------------------------------------------------------------------------

_BY_TIME: Final = (Column("@timestamp", Node("field", ("@timestamp",))),)


class Query:
    """One run of a query."""

    def __init__(self, text: str, limit: int | None = None) -> None:
        commands = parse_query(text)
        self._is_stats = any(command.kind == "stats" for command in commands)
        self._stages: list[_Stage] = []
        self._columns = _shown(commands)
        self.matched = 0
        self.scanned = 0
        most = limit or _DEFAULT_LIMIT
        is_sorted = self._is_stats or any(command.kind == "sort" for command in commands)
        for command in commands:
            if command.kind == "limit":
                most = min(most, command.number) if limit else command.number
                continue
            if command.kind == "dedup" and not is_sorted:
                # Which of several is kept depends on the order: the newest, as in AWS.
                self._stages.append(_Sort(_BY_TIME, (True,)))
                is_sorted = True
            self._stages.append(_stage(command))
        if not is_sorted:
            self._stages.append(_Sort(_BY_TIME, (True,)))
        self._stages.append(_Limit(min(most, _DEFAULT_LIMIT)))
        self._counts_at = next(
            (at for at, stage in enumerate(self._stages) if not isinstance(stage, _Filter | _Fields | _Parse)), 0
        )
        self._rows: list[Event] = []

    def feed(self, events: list[Event]) -> None:
        self.scanned += len(events)
        self._pass(events, 0)

    def _pass(self, events: list[Event], start: int) -> None:
        for at in range(start, len(self._stages)):
            if at == self._counts_at and start <= self._counts_at:
                self.matched += len(events)
            events = self._stages[at].feed(events)
            if not events:
                return
        self._rows.extend(events)

    def finish(self) -> list[Row]:
        for at, stage in enumerate(self._stages):
            self._pass(stage.finish(), at + 1)
        return [self._render(row) for row in self._rows]

    def _render(self, row: Event) -> Row:
        found = [(name, row.get(name)) for name in self._columns]
        shown = [(name, text_of(value)) for name, value in found if value is not None]
        pointer = None if self._is_stats else row.get("@ptr")
        return shown if pointer is None else [*shown, ("@ptr", text_of(pointer))]


def _stage(command: Command) -> _Stage:
    if command.kind == "filter":
        return _Filter(command)
    if command.kind in ("fields", "display"):
        return _Fields(command)
    if command.kind == "parse":
        return _Parse(command)
    if command.kind == "stats":
        return _Stats(command)
    if command.kind == "dedup":
        return _Dedup(command)
    return _Sort(command.columns, command.descending)


def _shown(commands: list[Command]) -> list[str]:
    """The columns of the results: what `display` says last, else the last `stats`, else all `fields`."""
    names: list[str] = []
    is_fixed = False
    for command in commands:
        if command.kind == "stats":
            names, is_fixed = [column.name for column in (*command.by, *command.columns)], True
        elif command.kind == "display":
            names, is_fixed = [column.name for column in command.columns], True
        elif command.kind == "fields" and not is_fixed:
            names += [column.name for column in command.columns if column.name not in names]
        elif command.kind == "parse" and not is_fixed and names:
            names += [name for name in command.names if name not in names]
    return names or ["@timestamp", "@message"]
