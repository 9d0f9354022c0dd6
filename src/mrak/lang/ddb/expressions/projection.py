"""ProjectionExpression and AttributesToGet: which parts of an item a read gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from mrak.lang.ddb.errors import invalid, invalid_parameter
from mrak.lang.ddb.expressions import parser
from mrak.lang.ddb.expressions.paths import bind_path, paths_fault, placeholders, project
from mrak.lang.ddb.expressions.tree import Path
from mrak.lang.ddb.values import Item, find_duplicate


@dataclass(frozen=True, slots=True)
class ProjectionPlan:
    paths: tuple[Path, ...]
    names: frozenset[str]
    heads: frozenset[str]
    nested_heads: frozenset[str]
    is_flat: bool

    def apply(self, item: Item) -> Item:
        if self.is_flat:
            return {name: item[name] for (name,) in self.paths if name in item}
        return project(item, self.paths)


def plan(text: str, names: Mapping[str, str]) -> ProjectionPlan:
    """The plan of a ProjectionExpression; cached by the text and the names."""
    return _plan(text, tuple(names.items()))


def attributes_plan(names: list[str]) -> ProjectionPlan:
    """The plan of AttributesToGet, which knows no paths."""
    duplicate = find_duplicate(names)
    if duplicate is not None:
        raise invalid_parameter(f"Duplicate value in attribute name: {duplicate}")
    return _make(tuple((name,) for name in names), frozenset())


@lru_cache(2048)
def _plan(text: str, names: tuple[tuple[str, str], ...]) -> ProjectionPlan:
    bindings = dict(names)
    raws = [node.raw for node in parser.parse_projection(text)]
    fault = paths_fault(raws, bindings)
    if fault is not None:
        raise invalid(f"Invalid ProjectionExpression: {fault}")
    used = frozenset(name for raw in raws for name in placeholders(raw))
    return _make(tuple(bind_path(raw, bindings) for raw in raws), used)


def _make(paths: tuple[Path, ...], used: frozenset[str]) -> ProjectionPlan:
    return ProjectionPlan(
        paths,
        used,
        frozenset(str(path[0]) for path in paths),
        frozenset(str(path[0]) for path in paths if len(path) > 1),
        all(len(path) == 1 for path in paths),
    )
