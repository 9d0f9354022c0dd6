"""The tree of a SELECT. Names are kept as they were written, with whether they were quoted: quoted ones are matched
exactly, others in any case."""

from __future__ import annotations

from typing import Any

import msgspec

AGGREGATES = frozenset({"AVG", "COUNT", "MAX", "MIN", "SUM"})


class Name(msgspec.Struct, frozen=True):
    text: str
    is_quoted: bool = False


Step = Name | int | str
"""A step of a path: a name, an index, or "*" for every element."""


class Path(msgspec.Struct, frozen=True):
    steps: tuple[Step, ...]


class Literal(msgspec.Struct, frozen=True):
    value: Any


class Call(msgspec.Struct, frozen=True):
    """An operator, a function, or CASE: `name` in upper case; words are arguments such as EXTRACT's part of a date."""

    name: str
    arguments: tuple[Any, ...]


Expression = Path | Literal | Call


class Column(msgspec.Struct, frozen=True):
    expression: Expression
    alias: str = ""


class Query(msgspec.Struct, frozen=True):
    """`columns` None is `*`."""

    columns: tuple[Column, ...] | None
    source: tuple[Step, ...]
    alias: str = ""
    where: Expression | None = None
    limit: int | None = None
