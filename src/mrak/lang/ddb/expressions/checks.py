"""What may be wrong with an expression once its values are known, in the order in which AWS looks at it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from mrak.lang.ddb.expressions.tree import Path, render_path
from mrak.lang.ddb.values import Value

# What is wrong with a part of the expression, given the request's values.
Check = Callable[[Mapping[str, Value]], str | None]


class Checks:
    """Checks in order. A text among them is the name of a value that has to be defined: one look tells for all of them,
    and only a request that lacks one has to find the first error among all."""

    __slots__ = ("_all", "_others", "values")

    def __init__(self, checks: Iterable[Check | str]) -> None:
        self._all = tuple(checks)
        self._others = tuple(check for check in self._all if not isinstance(check, str))
        self.values = frozenset(check for check in self._all if isinstance(check, str))

    def find(self, values: Mapping[str, Value]) -> str | None:
        """The first error."""
        if self.values <= values.keys():
            for check in self._others:
                message = check(values)
                if message is not None:
                    return message
            return None
        for step in self._all:
            message = step(values) if not isinstance(step, str) else None if step in values else undefined_value(step)
            if message is not None:
                return message
        return None


def undefined_value(placeholder: str) -> str:
    return f"An expression attribute value used in expression is not defined; attribute value: {placeholder}"


def same_operands(operator: str, path: Path) -> str:
    return (
        "The first operand must be distinct from the remaining operands for this operator or function; "
        f"operator: {operator}, first operand: {render_path(path)}"
    )
