"""Velocity templates, as API Gateway's mapping templates use them.

    render(compile_template(text), {"input": Host(...), "context": {...}}) -> text

An own interpreter: templates are written by others, so what they reach and how long they run has to be bounded. They
see only values that we hand in (vtlmethods), a #foreach runs a thousand times at most as on AWS, and all steps
together have a budget.

https://docs.aws.amazon.com/apigateway/latest/developerguide/models-mappings.html
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from mrak.lang.vtlmethods import (
    Host,
    VtlError,
    as_json,
    as_text,
    call_method,
    check_length,
    find_item,
    find_property,
)
from mrak.lang.vtlnodes import (
    Assign,
    Binary,
    Foreach,
    If,
    Interpolated,
    Leave,
    ListOf,
    Literal,
    Macro,
    MacroCall,
    MapOf,
    Range,
    Reference,
    Unary,
)
from mrak.lang.vtlparser import Parser, VtlSyntaxError

__all__ = ["Host", "VtlError", "VtlSyntaxError", "as_json", "as_text", "compile_template", "render"]

_MOST_ITERATIONS = 1000
_MOST_STEPS = 500_000
_DEEPEST_CALL = 20

Template = tuple[Any, ...]


@lru_cache(maxsize=1024)
def compile_template(text: str) -> Template:
    """The parsed template; raises VtlSyntaxError."""
    return Parser(text).parse()


def render(template: Template, variables: dict[str, Any]) -> str:
    """The template's text. `variables` get what the template sets. Raises VtlError."""
    run = _Run(variables)
    try:
        run.body(template)
    except _Left as left:
        if left.kind == "break":
            raise VtlError("#break outside of #foreach") from None
    return "".join(run.out)


class _Left(Exception):
    def __init__(self, kind: str) -> None:
        self.kind = kind


class _Run:
    """One rendering."""

    def __init__(self, variables: dict[str, Any]) -> None:
        self.variables = variables
        self.out: list[str] = []
        self._size = 0
        self._steps = 0
        self._calls = 0
        self._macros: dict[str, Macro] = {}

    def body(self, nodes: Template) -> None:
        for node in nodes:
            self._step()
            if isinstance(node, str):
                self._write(node)
            elif isinstance(node, Reference):
                value = self._reference(node)
                if value is not None:
                    self._write(as_text(value))
                elif not node.is_quiet:
                    self._write(node.text)
            else:
                self._directive(node)

    def _directive(self, node: Any) -> None:
        if isinstance(node, Assign):
            self._assign(node.target, self._value(node.value))
        elif isinstance(node, If):
            for condition, body in node.branches:
                if condition is None or _is_true(self._value(condition)):
                    self.body(body)
                    return
        elif isinstance(node, Foreach):
            self._foreach(node)
        elif isinstance(node, Macro):
            self._macros.setdefault(node.name, node)
        elif isinstance(node, MacroCall):
            self._call_macro(node)
        else:
            assert isinstance(node, Leave)
            raise _Left(node.kind)

    def _foreach(self, node: Foreach) -> None:
        items = _items(self._value(node.source))
        before = {name: self.variables.get(name) for name in (node.variable, "foreach", "velocityCount")}
        for index, item in enumerate(items):
            if index >= _MOST_ITERATIONS:
                break
            last = index == len(items) - 1
            loop = {"index": index, "count": index + 1, "hasNext": not last, "first": index == 0, "last": last}
            self.variables |= {
                node.variable: item,
                "foreach": Host(loop | {"parent": before["foreach"]}),
                "velocityCount": index + 1,
                "velocityHasNext": not last,
            }
            try:
                self.body(node.body)
            except _Left as left:
                if left.kind != "break":
                    raise
                break
        self.variables |= before

    def _call_macro(self, node: MacroCall) -> None:
        macro = self._macros.get(node.name)
        if macro is None:
            self._write(node.text)
            return
        if self._calls >= _DEEPEST_CALL:
            raise VtlError("macros call each other too deeply")
        values = [self._value(argument) for argument in node.arguments]
        before = {name: self.variables.get(name) for name in macro.parameters}
        self.variables |= dict(zip(macro.parameters, values, strict=False))
        self._calls += 1
        self.body(macro.body)
        self._calls -= 1
        self.variables |= before

    def _assign(self, target: Reference, value: Any) -> None:
        if not target.steps:
            self.variables[target.name] = value
            return
        *path, last = target.steps
        holder = self._follow(self.variables.get(target.name), tuple(path))
        key = last.name or self._value(last.index)
        if isinstance(holder, list):
            if isinstance(key, int) and 0 <= key < len(holder):
                holder[key] = value
        elif isinstance(holder, dict):
            holder[key] = value
        elif isinstance(holder, Host) and isinstance(key, str) and key in holder.fields:
            holder.fields[key] = value

    def _reference(self, node: Reference) -> Any:
        return self._follow(self.variables.get(node.name), node.steps)

    def _follow(self, value: Any, steps: tuple[Any, ...]) -> Any:
        for step in steps:
            if value is None:
                return None
            self._step()
            if step.index is not None:
                value = find_item(value, self._value(step.index))
            elif step.arguments is None:
                value = find_property(value, step.name)
            else:
                value = call_method(value, step.name, [self._value(argument) for argument in step.arguments])
        return value

    def _value(self, node: Any) -> Any:
        self._step()
        if isinstance(node, Literal):
            return node.value
        if isinstance(node, Reference):
            return self._reference(node)
        if isinstance(node, Interpolated):
            return self._interpolate(node)
        if isinstance(node, Binary):
            return self._binary(node)
        if isinstance(node, Unary):
            return not _is_true(self._value(node.operand))
        if isinstance(node, ListOf):
            return [self._value(item) for item in node.items]
        if isinstance(node, MapOf):
            return {self._value(key): self._value(item) for key, item in node.pairs}
        assert isinstance(node, Range)
        return _range(self._value(node.first), self._value(node.last))

    def _interpolate(self, node: Interpolated) -> str:
        outer, self.out = self.out, []
        self.body(node.body)
        inner, self.out = "".join(self.out), outer
        self._size -= len(inner)
        return inner

    def _binary(self, node: Binary) -> Any:
        left = self._value(node.left)
        if node.operator == "&&":
            return _is_true(left) and _is_true(self._value(node.right))
        if node.operator == "||":
            return _is_true(left) or _is_true(self._value(node.right))
        return _operate(node.operator, left, self._value(node.right))

    def _write(self, text: str) -> None:
        self._size += len(text)
        if self._size > 10 << 20:
            raise VtlError("the output grew too long")
        self.out.append(text)

    def _step(self) -> None:
        self._steps += 1
        if self._steps > _MOST_STEPS:
            raise VtlError("the template takes too many steps")


def _is_true(value: Any) -> bool:
    """Velocity 1.7: everything but null and false."""
    return value is not None and value is not False


def _items(value: Any) -> list[Any]:
    if isinstance(value, list):
        return list(value)
    if isinstance(value, dict):
        return list(value.values())
    return list(value.fields.values()) if isinstance(value, Host) else []


def _range(first: Any, last: Any) -> list[int]:
    if not isinstance(first, int) or not isinstance(last, int):
        raise VtlError("a range needs whole numbers")
    if abs(last - first) > _MOST_ITERATIONS * 100:
        raise VtlError("a range is too long")
    return list(range(first, last + 1)) if first <= last else list(range(first, last - 1, -1))


def _operate(operator: str, left: Any, right: Any) -> Any:
    if operator == "==":
        return _equal(left, right)
    if operator == "!=":
        return not _equal(left, right)
    if operator == "+" and (isinstance(left, str) or isinstance(right, str)):
        return check_length(as_text(left) + as_text(right))
    if not _is_number(left) or not _is_number(right):
        return None if operator in "+-*/%" else False
    if operator in ("/", "%"):
        return _divide(operator, left, right)
    operations = {
        "+": lambda: left + right,
        "-": lambda: left - right,
        "*": lambda: left * right,
        "<": lambda: left < right,
        "<=": lambda: left <= right,
        ">": lambda: left > right,
        ">=": lambda: left >= right,
    }
    return _bounded(operations[operator]())


def _bounded(value: Any) -> Any:
    """Numbers are Java's: beyond 64 bits there are none."""
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise VtlError("a number grew too large")
    return value


def _divide(operator: str, left: Any, right: Any) -> Any:
    """Whole numbers are divided towards zero; by zero there is no value."""
    if right == 0:
        return None
    if isinstance(left, int) and isinstance(right, int):
        quotient = abs(left) // abs(right) * (1 if (left < 0) == (right < 0) else -1)
        return quotient if operator == "/" else left - quotient * right
    return left / right if operator == "/" else left % right


def _equal(left: Any, right: Any) -> bool:
    """Values of different kinds are compared as texts, as Velocity does."""
    if type(left) is type(right) or (_is_number(left) and _is_number(right)):
        return bool(left == right)
    if left is None or right is None:
        return False
    return as_text(left) == as_text(right)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
