"""What an UpdateItem is charged for by itself: what its expression writes, and something for each of its clauses.

AWS refuses an update whose charge is over 400 KB, however small the item stays; the item's key and what the expression
leaves alone are not in it. Only UpdateItem with an expression has this limit, beside the one on the finished item. The
figures were measured at AWS by the public conformance suite in October 2026.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mrak.lang.ddb.expressions.tree import (
    ActionNode,
    ArithmeticNode,
    FunctionNode,
    Operand,
    Path,
    PathNode,
    ValueNode,
)
from mrak.lang.ddb.values import Value, value_size_bytes

_UPDATE = 3
_WRITES = 19
_TAKES_AWAY = 1
_ELEMENT_OF_TARGET = 4
_PATH = 1
_ELEMENT_OF_PATH = 14
_COMPUTES = {"+": 34, "-": 37, "if_not_exists": 39, "list_append": 37}


@dataclass(frozen=True, slots=True)
class Charge:
    """The part that is known without values, and how often each value is used."""

    fixed_bytes: int
    uses: Mapping[str, int]

    def exceeds(self, limit: int, values: Mapping[str, Value], values_bytes: int) -> bool:
        """Whether the update is too large. `values_bytes` is at least as large as any of the values."""
        if self.fixed_bytes + sum(self.uses.values()) * values_bytes <= limit:
            return False
        return self.fixed_bytes + sum(n * value_size_bytes(values[name]) for name, n in self.uses.items()) > limit


def charge_of(nodes: Iterable[ActionNode], names: Mapping[str, str]) -> Charge:
    """The charge of an update's actions."""
    fixed, uses = _UPDATE, Counter[str]()
    for node in nodes:
        fixed += _target(_bound(node.path, names))
        if node.section in ("REMOVE", "DELETE"):
            fixed += _TAKES_AWAY
            continue
        assert node.value is not None, "SET and ADD have a value"
        fixed += _WRITES + _operand(node.value, names, uses)
    return Charge(fixed, uses)


def _operand(node: Operand | ArithmeticNode, names: Mapping[str, str], uses: Counter[str]) -> int:
    if isinstance(node, ValueNode):
        uses[node.name] += 1
        return 0
    if isinstance(node, PathNode):
        return _PATH + sum(_ELEMENT_OF_PATH + _element(step) for step in _bound(node, names))
    if isinstance(node, ArithmeticNode):
        return _COMPUTES[node.operator] + _operand(node.left, names, uses) + _operand(node.right, names, uses)
    assert isinstance(node, FunctionNode)
    return _COMPUTES[node.name] + sum(_operand(arg, names, uses) for arg in node.args)


def _bound(node: PathNode, names: Mapping[str, str]) -> Path:
    return tuple(names.get(step, step) if isinstance(step, str) else step for step in node.raw)


def _target(path: Path) -> int:
    return _element(path[0]) + sum(_ELEMENT_OF_TARGET + _element(step) for step in path[1:])


def _element(step: str | int) -> int:
    return len(str(step).encode("utf-8", "surrogatepass"))
