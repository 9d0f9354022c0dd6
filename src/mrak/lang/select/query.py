"""A compiled SELECT: records go in, rows come out.

    selection = Selection(text, now, JsonRecords())
    for record in ...: for row in selection.rows(record): ...
    for row in selection.finish(): ...

A row is its columns with their names. With aggregates there is one row, at the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from mrak.lang.select import values
from mrak.lang.select.errors import SelectError, overflow
from mrak.lang.select.expressions import Evaluator, compile_expression
from mrak.lang.select.syntax import parse
from mrak.lang.select.tree import AGGREGATES, Call, Column, Expression, Literal, Name, Path, Query, Step
from mrak.lang.select.values import MISSING, is_absent

Row = list[tuple[str, Any]]
_SLOT = Name("\0aggregate", True)


class Records(Protocol):
    """How the records of a format are looked into."""

    def expand(self, record: Any, source: tuple[Step, ...]) -> Iterator[Any]:
        """What FROM's path makes of a record."""

    def resolve(self, steps: tuple[Step, ...]) -> Evaluator:
        """A path into a record, without the alias in front."""

    def whole(self, record: Any) -> Row:
        """`SELECT *`."""


class Selection:
    def __init__(self, text: str, now: datetime, records: Records) -> None:
        self._query: Query = parse(text, now)
        self._records = records
        self._left = self._query.limit
        self._where = None if self._query.where is None else compile_expression(self._query.where, self._resolve)
        self._aggregates: list[_Aggregate] = []
        self._columns = [
            (_name(column, number), self._compile(column.expression))
            for number, column in enumerate(self._query.columns or (), 1)
        ]
        if self._aggregates and any(_mixes(column.expression) for column in self._query.columns or ()):
            raise SelectError("UnsupportedSqlStructure", "Aggregates and other columns can't stand in one SELECT list.")

    @property
    def is_done(self) -> bool:
        """Whether LIMIT needs no further records."""
        return self._left == 0

    def rows(self, record: Any) -> Iterator[Row]:
        for each in self._records.expand(record, self._query.source):
            if self.is_done:
                return
            if self._where is not None and values.find_truth(self._where(each)) is not True:
                continue
            if self._aggregates:
                for aggregate in self._aggregates:
                    aggregate.add(each)
                continue
            if self._left is not None:
                self._left -= 1
            if self._query.columns is None:
                yield self._records.whole(each)
            else:
                yield [(name, evaluate(each)) for name, evaluate in self._columns]

    def finish(self) -> Iterator[Row]:
        if self._aggregates and not self.is_done:
            results = [aggregate.result() for aggregate in self._aggregates]
            yield [(name, evaluate(results)) for name, evaluate in self._columns]

    def _compile(self, tree: Expression) -> Evaluator:
        if not _has_aggregate(tree):
            return compile_expression(tree, self._resolve)
        return compile_expression(self._without_aggregates(tree), _slot)

    def _without_aggregates(self, tree: Any) -> Any:
        """The tree with a place in the list of results for each aggregate."""
        if not isinstance(tree, Call):
            return tree
        if tree.name not in AGGREGATES:
            return Call(tree.name, tuple(self._without_aggregates(each) for each in tree.arguments))
        if len(tree.arguments) > 1 or (not tree.arguments and tree.name != "COUNT"):
            message = f"Incorrect number of arguments in the function call {tree.name}."
            raise SelectError("EvaluatorInvalidArguments", message)
        argument = compile_expression(tree.arguments[0], self._resolve) if tree.arguments else None
        self._aggregates.append(_Aggregate(tree.name, argument))
        return Path((_SLOT, len(self._aggregates) - 1))

    def _resolve(self, path: Path) -> Evaluator:
        first = path.steps[0]
        assert isinstance(first, Name)
        names = {"s3object"} | ({self._query.alias.lower()} if self._query.alias else set())
        if first.text.lower() in names:
            return self._records.resolve(path.steps[1:])
        return self._records.resolve(path.steps)


def _slot(path: Path) -> Evaluator:
    at = path.steps[-1]
    if path.steps[0] != _SLOT or not isinstance(at, int):
        raise SelectError("UnsupportedSqlStructure", "Aggregates and other columns can't stand in one SELECT list.")
    return lambda results: results[at]


def _has_aggregate(tree: Any) -> bool:
    if not isinstance(tree, Call):
        return False
    return tree.name in AGGREGATES or any(_has_aggregate(each) for each in tree.arguments)


def _mixes(tree: Expression) -> bool:
    return not _has_aggregate(tree) and not isinstance(tree, Literal)


def _name(column: Column, number: int) -> str:
    if column.alias:
        return column.alias
    if isinstance(column.expression, Path):
        last = column.expression.steps[-1]
        if isinstance(last, Name):
            return last.text
    return f"_{number}"


class _Aggregate:
    """COUNT, SUM, AVG, MIN or MAX of what is there."""

    def __init__(self, name: str, argument: Evaluator | None) -> None:
        self._name, self._argument = name, argument
        self._count = 0
        self._total: Any = None

    def add(self, record: Any) -> None:
        value = 1 if self._argument is None else self._argument(record)
        if is_absent(value):
            return
        self._count += 1
        if self._name in ("SUM", "AVG"):
            number = values.require_number(value)
            try:
                self._total = number if self._total is None else self._total + number
            except ArithmeticError:
                raise overflow() from None
        elif self._name in ("MIN", "MAX"):
            self._total = value if self._total is None or self._is_beyond(value) else self._total

    def _is_beyond(self, value: Any) -> bool:
        first, second = values.find_number(value), values.find_number(self._total)
        order = values.compare(value, self._total) if first is None or second is None else values.compare(first, second)
        return order == (-1 if self._name == "MIN" else 1)

    def result(self) -> Any:
        if self._name == "COUNT":
            return self._count
        if self._name == "AVG" and self._total is not None:
            average = Decimal(self._total) / self._count
            return int(average) if average == average.to_integral_value() else average
        return self._total


class JsonRecords:
    """Records of JSON: objects, lists and plain values."""

    def expand(self, record: Any, source: tuple[Step, ...]) -> Iterator[Any]:
        # The first [*] stands for the records themselves.
        return _expand(record, source[1:] if source[:1] == ("*",) else source)

    def resolve(self, steps: tuple[Step, ...]) -> Evaluator:
        if "*" in steps:
            raise SelectError("InvalidKeyPath", "The key path in the SQL expression is invalid.")

        def evaluate(record: Any) -> Any:
            for step in steps:
                record = _step(record, step)
            return record

        return evaluate

    def whole(self, record: Any) -> Row:
        if record is MISSING:
            return []
        return list(record.items()) if isinstance(record, dict) else [("_1", record)]


def _expand(value: Any, steps: tuple[Step, ...]) -> Iterator[Any]:
    if not steps:
        # A path to nothing is one empty row: PartiQL takes whatever is no list for a list of itself.
        yield value
    elif steps[0] == "*":
        inner = value if isinstance(value, list) else list(value.values()) if isinstance(value, dict) else [value]
        for each in inner:
            yield from _expand(each, steps[1:])
    else:
        yield from _expand(_step(value, steps[0]), steps[1:])


def _step(value: Any, step: Step) -> Any:
    if isinstance(step, int):
        return value[step] if isinstance(value, list) and step < len(value) else MISSING
    assert isinstance(step, Name)
    if not isinstance(value, dict):
        return MISSING
    if step.text in value:
        return value[step.text]
    if step.is_quoted:
        return MISSING
    wanted = step.text.lower()
    return next((found for name, found in value.items() if name.lower() == wanted), MISSING)


class CsvRecords:
    """Records of CSV: lists of text. `names` are those of the header, once it was read and where it is used."""

    def __init__(self) -> None:
        self.names: list[str] | None = None

    def expand(self, record: Any, source: tuple[Step, ...]) -> Iterator[Any]:
        if source not in ((), ("*",)):
            raise SelectError("InvalidKeyPath", "The key path in the SQL expression is invalid.")
        yield record

    def resolve(self, steps: tuple[Step, ...]) -> Evaluator:
        if len(steps) != 1 or not isinstance(steps[0], Name):
            raise SelectError("InvalidKeyPath", "The key path in the SQL expression is invalid.")
        name = steps[0]
        if name.text.startswith("_") and name.text[1:].isdigit():
            return self._numbered(int(name.text[1:]))
        found: list[int] = []

        def evaluate(record: list[str]) -> Any:
            if not found:
                found.append(self._find(name))
            return record[found[0]] if found[0] < len(record) else MISSING

        return evaluate

    def _numbered(self, number: int) -> Evaluator:
        if number < 1:
            raise SelectError("InvalidColumnIndex", "The column index in the SQL expression is invalid.")
        return lambda record: record[number - 1] if number <= len(record) else MISSING

    def _find(self, name: Name) -> int:
        names = self.names or []
        if name.text in names:
            return names.index(name.text)
        lowered = [each.lower() for each in names]
        if not name.is_quoted and name.text.lower() in lowered:
            return lowered.index(name.text.lower())
        message = "Some headers in the query are missing from the file. Check the file and try again."
        raise SelectError("MissingHeaders", message)

    def whole(self, record: list[str]) -> Row:
        names = self.names
        if names is None:
            return [(f"_{number}", value) for number, value in enumerate(record, 1)]
        return [(names[at] if at < len(names) else f"_{at + 1}", value) for at, value in enumerate(record)]
