"""What the segments of a JSONPath name in a document, and its filters.

Filters are predicates on (element, root), composed by the parser. An operand is a literal in a list of one, or a
sub-path as (from the root, segments). Values of different types are unequal and not in order, and a sub-path that
names nothing satisfies no comparison but `!=`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

Filter = Callable[[Any, Any], bool]
_MISSING = object()


@dataclass(frozen=True, slots=True)
class Names:
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Indexes:
    indexes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Slice:
    start: int | None
    stop: int | None
    step: int | None


@dataclass(frozen=True, slots=True)
class Children:
    """`*`"""


@dataclass(frozen=True, slots=True)
class Descent:
    """`..`: the node and all below it."""


@dataclass(frozen=True, slots=True)
class Filtered:
    filter: Filter


@dataclass(frozen=True, slots=True)
class Function:
    name: str


Segment = Names | Indexes | Slice | Children | Descent | Filtered | Function


def find_nodes(segments: tuple[Segment, ...], document: Any) -> list[Any]:
    """All nodes that the segments name, in document order."""
    nodes = [document]
    for position, segment in enumerate(segments):
        if isinstance(segment, Function):
            is_definite = all(is_single(before) for before in segments[:position])
            return [_apply(segment.name, nodes[0] if is_definite else nodes)] if nodes else []
        nodes = [found for node in nodes for found in _children(segment, node, document)]
    return nodes


def is_single(segment: Segment) -> bool:
    if isinstance(segment, Names):
        return len(segment.names) == 1
    if isinstance(segment, Indexes):
        return len(segment.indexes) == 1
    return isinstance(segment, Function)


def _children(segment: Segment, node: Any, root: Any) -> Iterator[Any]:
    if isinstance(segment, Names):
        if isinstance(node, dict):
            yield from (node[name] for name in segment.names if name in node)
    elif isinstance(segment, Indexes):
        if isinstance(node, list):
            size = len(node)
            yield from (node[index] for index in segment.indexes if -size <= index < size)
    elif isinstance(segment, Slice):
        if isinstance(node, list):
            yield from node[segment.start : segment.stop : segment.step]
    elif isinstance(segment, Descent):
        yield from _descend(node)
    elif isinstance(segment, Filtered):
        yield from _filtered(segment.filter, node, root)
    else:
        assert isinstance(segment, Children)
        yield from _members(node)


def _members(node: Any) -> Iterator[Any]:
    if isinstance(node, dict):
        yield from node.values()
    elif isinstance(node, list):
        yield from node


def _descend(node: Any) -> Iterator[Any]:
    waiting = [node]
    while waiting:
        current = waiting.pop()
        yield current
        waiting += reversed([child for child in _members(current) if isinstance(child, dict | list)])


def _filtered(condition: Filter, node: Any, root: Any) -> Iterator[Any]:
    if isinstance(node, list):
        yield from (element for element in node if condition(element, root))
    elif isinstance(node, dict) and condition(node, root):
        yield node


def _apply(name: str, value: Any) -> Any:
    if name in ("length", "size"):
        return len(value) if isinstance(value, list | dict | str) else None
    if name == "keys":
        return list(value) if isinstance(value, dict) else []
    numbers = [item for item in value if _is_number(item)] if isinstance(value, list) else []
    if not numbers:
        return None
    if name == "sum":
        return sum(numbers)
    if name == "avg":
        return sum(numbers) / len(numbers)
    return min(numbers) if name == "min" else max(numbers)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def all_of(parts: list[Filter]) -> Filter:
    return lambda element, root: all(part(element, root) for part in parts)


def any_of(parts: list[Filter]) -> Filter:
    return lambda element, root: any(part(element, root) for part in parts)


def negate(part: Filter) -> Filter:
    return lambda element, root: not part(element, root)


def present(operand: Any) -> Filter:
    """`@.a`: there is something, whatever it is."""
    get = _getter(operand)
    return lambda element, root: get(element, root) is not _MISSING


def compare(left: Any, operator: str, right: Any) -> Filter:
    get_left, get_right = _getter(left), _getter(right)
    test = _TESTS[operator]
    return lambda element, root: test(get_left(element, root), get_right(element, root))


def _getter(operand: Any) -> Callable[[Any, Any], Any]:
    if isinstance(operand, list):
        return lambda element, root: operand[0]
    is_root, segments = operand
    is_definite = all(is_single(segment) for segment in segments)

    def get(element: Any, root: Any) -> Any:
        nodes = find_nodes(segments, root if is_root else element)
        if is_definite:
            return nodes[0] if nodes else _MISSING
        return nodes or _MISSING

    return get


def _sort(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    return "number" if isinstance(value, int | float) else type(value).__name__


def _equal(left: Any, right: Any) -> bool:
    return left is not _MISSING and right is not _MISSING and _sort(left) == _sort(right) and bool(left == right)


def _ordered(test: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    return lambda left, right: _sort(left) == _sort(right) and _sort(left) in ("number", "str") and test(left, right)


def _in(left: Any, right: Any) -> bool:
    return isinstance(right, list) and any(_equal(left, item) for item in right)


def _contains(left: Any, right: Any) -> bool:
    if isinstance(left, str):
        return isinstance(right, str) and right in left
    return _in(right, left)


def _has_size(left: Any, right: Any) -> bool:
    return isinstance(left, list | str | dict) and len(left) == right


_TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "==": _equal,
    "!=": lambda left, right: not _equal(left, right),
    "<": _ordered(lambda left, right: left < right),
    "<=": _ordered(lambda left, right: left <= right),
    ">": _ordered(lambda left, right: left > right),
    ">=": _ordered(lambda left, right: left >= right),
    "in": _in,
    "nin": lambda left, right: not _in(left, right),
    "subsetof": lambda left, right: isinstance(left, list) and all(_in(item, right) for item in left),
    "contains": _contains,
    "size": _has_size,
    "empty": lambda left, right: isinstance(left, list | str | dict) and (len(left) == 0) == bool(right),
}
