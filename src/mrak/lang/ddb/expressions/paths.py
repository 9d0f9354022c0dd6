"""Document paths: reading them, and the rule that the paths of one expression may not overlap or conflict."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from mrak.lang.ddb.expressions.tree import Path, RawPath, render_path
from mrak.lang.ddb.values import Item, Value
from mrak.lang.hashorder import in_hash_order

Values = dict[str, Value]
Reader = Callable[[Item, Values], Value | None]

MAX_PATH_DEPTH = 32


def read(item: Item, path: Path) -> Value | None:
    """What the path leads to; None where it leads nowhere."""
    value: Value | None = item.get(path[0])  # type: ignore[arg-type]
    for step in path[1:]:
        if value is None:
            return None
        if type(step) is int:
            members = value.get("L")
            value = members[step] if members is not None and step < len(members) else None
        else:
            fields = value.get("M")
            value = fields.get(step) if fields is not None else None
    return value


def compile_path(path: Path) -> Reader:
    if len(path) == 1:
        name: Any = path[0]
        return lambda item, values: item.get(name)
    return lambda item, values: read(item, path)


def placeholders(raw: RawPath) -> list[str]:
    return [step for step in raw if isinstance(step, str) and step[0] == "#"]


def bind_path(raw: RawPath, names: Mapping[str, str]) -> Path:
    """The path with its placeholders replaced, as far as they are defined."""
    return tuple(names.get(step, step) if isinstance(step, str) else step for step in raw)


def path_fault(raw: RawPath, names: Mapping[str, str]) -> str | None:
    """What is wrong with a path when its names are bound."""
    for name in placeholders(raw):
        if name not in names:
            return f"An expression attribute name used in the document path is not defined; attribute name: {name}"
    if len(raw) > MAX_PATH_DEPTH:
        return f"The document path has too many nesting levels; nesting levels: {len(raw)}"
    return None


# A step on the way of the paths so far: what follows it; None is the end of a path.
_Steps = dict[str | int, Any]


def paths_fault(raws: Sequence[RawPath], names: Mapping[str, str]) -> str | None:
    """What is wrong with one of an expression's paths, or with two of which one contains the other, or which take a
    value for a list and a map at once.

    AWS takes the paths from the last to the first, and stops at the first that does not go with those before it. As the
    other it names what comes last in its hash map where the two part, which need not be the one that is in the way.
    """
    root: _Steps = {}
    for raw in reversed(raws):
        fault = path_fault(raw, names) or _enter(root, bind_path(raw, names))
        if fault is not None:
            return fault
    return None


def _enter(steps: _Steps, path: Path) -> str | None:
    for depth, step in enumerate(path, 1):
        if steps and type(next(iter(steps))) is not type(step):
            return _message("conflict", path, (*path[: depth - 1], *_last_of(steps)))
        is_last = depth == len(path)
        if step not in steps:
            steps[step] = None if is_last else {}
        elif is_last or steps[step] is None:
            return _message("overlap", path, (*path[: depth - 1], *_last_of(steps)))
        steps = steps[step]
    return None


def _last_of(steps: _Steps) -> Path:
    step = in_hash_order(list(steps))[-1]
    following = steps[step]
    return (step,) if following is None else (step, *_last_of(following))


def _message(clash: str, one: Path, two: Path) -> str:
    return (
        f"Two document paths {clash} with each other; must remove or rewrite one of these paths; "
        f"path one: {render_path(one)}, path two: {render_path(two)}"
    )


def project(item: Item, paths: Iterable[Path]) -> Item:
    """The parts of the item that the paths lead to, in the item's own nesting; list elements close up."""
    root: dict[str, Any] = {}
    for path in paths:
        found = read(item, path)
        if found is not None:
            _place(root, path, found)
    return {name: _settle(node) for name, node in root.items()}


class _Branch(dict[Any, Any]):
    """A map or list on the way to what was asked for: step -> value or branch."""


def _place(root: dict[Any, Any], path: Path, found: Value) -> None:
    node = root
    for step in path[:-1]:
        node = node.setdefault(step, _Branch())
    node[path[-1]] = found


def _settle(node: Any) -> Value:
    if not isinstance(node, _Branch):
        return dict(node)
    if isinstance(next(iter(node)), int):
        return {"L": [_settle(node[index]) for index in sorted(node)]}
    return {"M": {name: _settle(child) for name, child in node.items()}}
