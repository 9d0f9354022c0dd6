"""The nodes of a parsed expression. Names are still placeholders here ("#a"), values are names (":v")."""

from __future__ import annotations

from dataclasses import dataclass, field

# A raw path: "a" and "#a" (a placeholder) for map steps, int for list steps.
RawPath = tuple[str | int, ...]
# A path whose names are bound.
Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class PathNode:
    raw: RawPath


@dataclass(frozen=True, slots=True)
class ValueNode:
    name: str


@dataclass(frozen=True, slots=True)
class FunctionNode:
    name: str
    args: tuple[Operand, ...]
    # Which token of the text it begins with.
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class ArithmeticNode:
    """SET only: left + right or left - right."""

    operator: str
    left: Operand
    right: Operand


@dataclass(frozen=True, slots=True)
class TruthNode:
    """A condition that stands as an operand, which only PartiQL has: true or false."""

    part: Condition


Operand = PathNode | ValueNode | FunctionNode | TruthNode


@dataclass(frozen=True, slots=True)
class CompareNode:
    operator: str
    left: Operand
    right: Operand


@dataclass(frozen=True, slots=True)
class BetweenNode:
    operand: Operand
    lower: Operand
    upper: Operand


@dataclass(frozen=True, slots=True)
class InNode:
    operand: Operand
    choices: tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class LogicNode:
    """AND or OR over two or more conditions, in the order of the text."""

    operator: str
    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class NotNode:
    part: Condition


Condition = CompareNode | BetweenNode | InNode | LogicNode | NotNode | FunctionNode


@dataclass(frozen=True, slots=True)
class ActionNode:
    """One action of an update: SET path = value, REMOVE path, ADD path value, DELETE path value."""

    section: str
    path: PathNode
    value: Operand | ArithmeticNode | None


def render_path(path: Path) -> str:
    """A path as AWS shows it in messages: [a, [0], b]."""
    return "[" + ", ".join(f"[{step}]" if isinstance(step, int) else step for step in path) + "]"
