"""What a Velocity template is made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Literal:
    value: Any


@dataclass(frozen=True, slots=True)
class Interpolated:
    """A string in double quotes with references in it."""

    body: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class ListOf:
    items: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class MapOf:
    pairs: tuple[tuple[Any, Any], ...]


@dataclass(frozen=True, slots=True)
class Range:
    first: Any
    last: Any


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a reference: `.name`, `.name(arguments)` (`arguments` is not None) or `[index]`."""

    name: str = ""
    arguments: tuple[Any, ...] | None = None
    index: Any = None


@dataclass(frozen=True, slots=True)
class Reference:
    """`text` is how it was written, which is what an undefined reference shows."""

    name: str
    steps: tuple[Step, ...]
    text: str
    is_quiet: bool = False


@dataclass(frozen=True, slots=True)
class Unary:
    operator: str
    operand: Any


@dataclass(frozen=True, slots=True)
class Binary:
    operator: str
    left: Any
    right: Any


@dataclass(frozen=True, slots=True)
class Assign:
    target: Reference
    value: Any


@dataclass(frozen=True, slots=True)
class If:
    """Branches of (condition, body); the condition of #else is None."""

    branches: tuple[tuple[Any, tuple[Any, ...]], ...]


@dataclass(frozen=True, slots=True)
class Foreach:
    variable: str
    source: Any
    body: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Macro:
    name: str
    parameters: tuple[str, ...]
    body: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class MacroCall:
    name: str
    arguments: tuple[Any, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Leave:
    """#break, #stop or #return: `kind` says which."""

    kind: str = field(default="break")
