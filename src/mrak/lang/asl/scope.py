"""What a state's fields may refer to: its data, the context object and the variables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from mrak.core.entropy import Draws


class Scope:
    """`root` is what `$` means at the moment; it changes on the way from input to output, the rest does not. The
    context object is made when something first asks for it."""

    __slots__ = ("_context", "_make_context", "draw", "input_text", "root", "variables")

    def __init__(
        self,
        root: Any,
        make_context: Callable[[], dict[str, Any]],
        variables: Mapping[str, Any],
        draw: Draws,
        input_text: str = "",
    ) -> None:
        self.root = root
        self.variables = variables
        self.draw = draw
        self.input_text = input_text
        self._make_context = make_context
        self._context: dict[str, Any] | None = None

    @property
    def context(self) -> dict[str, Any]:
        if self._context is None:
            self._context = self._make_context()
        return self._context

    def at(self, root: Any) -> Scope:
        """The same scope with another `$`."""
        other = Scope(root, lambda: self.context, self.variables, self.draw, self.input_text)
        other._context = self._context
        return other


def render(value: Any) -> str:
    """JSON as executions show it: compact, in the order of the members."""
    return msgspec.json.encode(value).decode()


def read(text: str) -> Any:
    """The value of a JSON text that is known to be one."""
    return msgspec.json.decode(text)
