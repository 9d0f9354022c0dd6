"""Document paths: reading them, and the rule that the paths of one expression may not overlap or conflict."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from mrak.lang.ddb.expressions.tree import Path, render_path
from mrak.lang.ddb.values import Item, Value

Values = dict[str, Value]
Reader = Callable[[Item, Values], Value | None]


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


def find_clash(paths: Iterable[Path]) -> str | None:
    """The message about the first two paths of which one contains the other, or which take a value for a list and a map
    at once. Overlaps are reported before conflicts; of an overlap AWS tells the first path, and as the second whichever
    path is the last that the expression brings up (measured by the tests of dynalite)."""
    paths = tuple(paths)
    seen: list[Path] = []
    conflict: str | None = None
    for path in paths:
        for earlier in seen:
            clash = _clash(earlier, path)
            if clash == "overlap":
                return _message(clash, earlier, list(dict.fromkeys(paths))[-1])
            if clash and conflict is None:
                conflict = _message(clash, earlier, path)
        seen.append(path)
    return conflict


def _clash(one: Path, two: Path) -> str | None:
    for a, b in zip(one, two, strict=False):
        if type(a) is not type(b):
            return "conflict"
        if a != b:
            return None
    return "overlap"


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
