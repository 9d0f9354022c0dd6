"""From tokens to trees, by AWS's grammar, with the errors that depend on the text alone.

After the syntax, AWS walks the tree in the order of the text and reports the first function, reserved word or index
that may not stand where it stands (`_note`); a doubled pair of parentheses it reports as soon as it has read it.
Nesting is bounded, so that a hostile text cannot exhaust the stack: an expression that nests deeper has too many
operators or redundant parentheses anyway.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeVar

from mrak.lang.ddb.expressions.lexer import COMPARATORS, Cursor, check_length
from mrak.lang.ddb.expressions.tree import (
    ActionNode,
    ArithmeticNode,
    BetweenNode,
    CompareNode,
    Condition,
    FunctionNode,
    InNode,
    LogicNode,
    NotNode,
    Operand,
    PathNode,
    ValueNode,
)
from mrak.lang.ddb.reserved import is_reserved

MAX_OPERATORS = 300
MAX_IN_OPERANDS = 100
MAX_LIST_INDEX = 2**31 - 1
_MAX_NESTING = MAX_OPERATORS + 10
_CACHED_TEXTS = 2048

CONDITION_FUNCTIONS = frozenset(
    {"attribute_exists", "attribute_not_exists", "attribute_type", "begins_with", "contains", "size"}
)
UPDATE_FUNCTIONS = frozenset({"if_not_exists", "list_append"})

_REDUNDANT = "The expression has redundant parentheses;"
T = TypeVar("T")


class _Parser:
    """One text. `_late` is the first error that waits for the end of the text, with its position."""

    def __init__(self, text: str, kind: str) -> None:
        self._cursor = Cursor(text, kind)
        self._late: tuple[int, str] | None = None
        self._doubled_section: str | None = None
        self._operators = 0
        self._nesting = 0
        self._last_pair = (0, 0)

    def run(self, start: Callable[[_Parser], T]) -> T:
        tree = start(self)
        self._cursor.expect("end")
        if self._late is not None:
            raise self._cursor.error(self._late[1])
        if self._doubled_section is not None:
            raise self._cursor.error(
                f'The "{self._doubled_section}" section can only be used once in an update expression;'
            )
        self._check_operators()
        return tree

    def _note(self, position: int, message: str) -> None:
        if self._late is None or position < self._late[0]:
            self._late = (position, message)

    def _check_operators(self) -> None:
        if self._operators > MAX_OPERATORS:
            count = MAX_OPERATORS + 1
            raise self._cursor.error(f"The expression contains too many operators; operator count: {count}")

    # Conditions

    def condition(self) -> Condition:
        node = self._alternatives()
        self._require_condition(node)
        return node  # type: ignore[return-value]

    def _alternatives(self) -> Condition | Operand:
        """Conditions joined by AND and OR; AND binds tighter. A lone operand passes through: it may be in parentheses.

        One function for both, so that a level of nesting costs few stack frames.
        """
        ored: list[Condition] = []
        anded = [self._term()]
        while (kind := self._cursor.peek) in ("AND", "OR"):
            self._require_condition(anded[-1])
            self._cursor.take()
            self._operators += 1
            if kind == "OR":
                ored.append(_join("AND", anded))
                anded = []
            anded.append(self._term())
        if not ored and len(anded) == 1:
            return anded[0]
        self._require_condition(anded[-1])
        return _join("OR", [*ored, _join("AND", anded)])

    def _require_condition(self, node: Condition | Operand) -> None:
        if isinstance(node, (PathNode, ValueNode)):
            raise self._cursor.syntax_error()
        if isinstance(node, FunctionNode) and node.name == "size":
            self._note(node.position, _misused("size"))

    def _term(self) -> Condition | Operand:
        """NOT, then a comparison, BETWEEN, IN, a function, or something in parentheses."""
        cursor = self._cursor
        negations = 0
        while cursor.accept("NOT"):
            self._operators += 1
            negations += 1
        if cursor.peek == "(":
            # Around a condition or around an operand: only what follows can tell.
            opened = self._open()
            node = self._alternatives()
            self._close(opened)
        else:
            node = self._operand()
        if isinstance(node, (PathNode, ValueNode, FunctionNode)):
            node = self._predicate(node)
        if negations:
            self._require_condition(node)
            for _ in range(negations):
                node = NotNode(node)  # type: ignore[arg-type]
        return node

    def _predicate(self, left: Operand) -> Condition | Operand:
        """What a comparison operator makes of `left`; itself where none follows."""
        cursor = self._cursor
        kind = cursor.peek
        if kind in COMPARATORS:
            self._take_operator()
            right = self._operand()
            self._check_operands(left, right)
            return CompareNode(kind, left, right)
        if kind == "BETWEEN":
            self._take_operator()
            lower = self._operand()
            cursor.expect("AND")
            upper = self._operand()
            self._check_operands(left, lower, upper)
            return BetweenNode(left, lower, upper)
        if kind == "IN":
            self._take_operator()
            cursor.expect("(")
            choices = self._operands()
            self._check_operands(left, *choices)
            return InNode(left, choices)
        return left

    def _take_operator(self) -> None:
        self._cursor.take()
        self._operators += 1

    def _open(self) -> int:
        """Takes an opening parenthesis; its position."""
        self._cursor.take()
        self._nesting += 1
        if self._nesting > _MAX_NESTING:
            self._check_operators()
            raise self._cursor.error(_REDUNDANT)
        return self._cursor.position

    def _close(self, opened: int) -> None:
        """Takes the closing parenthesis; all that was inside may not be a pair of parentheses itself."""
        inner = self._last_pair
        redundant = inner == (opened + 1, self._cursor.position)
        self._cursor.expect(")")
        self._nesting -= 1
        self._last_pair = (opened, self._cursor.position)
        if redundant:
            raise self._cursor.error(_REDUNDANT)

    def _operand(self) -> Operand:
        cursor = self._cursor
        kind = cursor.peek
        if kind == "(":
            opened = self._open()
            inner = self._operand()
            self._close(opened)
            return inner
        if kind == "value":
            return ValueNode(cursor.take().text)
        if kind == "name" and cursor.peek_after() == "(":
            return self._function()
        return self.path()

    def _operands(self) -> tuple[Operand, ...]:
        """Operands up to the closing parenthesis, which is taken too."""
        operands = [self._operand()]
        while self._cursor.accept(","):
            operands.append(self._operand())
        self._cursor.expect(")")
        return tuple(operands)

    def _function(self) -> FunctionNode:
        cursor = self._cursor
        position = cursor.position
        name = cursor.take().text
        self._operators += 1
        is_known = name in CONDITION_FUNCTIONS or name in UPDATE_FUNCTIONS
        if self._nesting == _MAX_NESTING and not is_known:
            raise cursor.error(_unknown_function(name))
        self._open()
        # As _operands does, in this frame: it may be called three hundred deep.
        operands = [self._operand()]
        while cursor.accept(","):
            operands.append(self._operand())
        cursor.expect(")")
        node = FunctionNode(name, tuple(operands), position)
        self._nesting -= 1
        is_update = cursor.kind == "UpdateExpression"
        if not is_known:
            self._note(position, _unknown_function(name))
        elif (name in UPDATE_FUNCTIONS) != is_update:
            place = "an update" if is_update else "a condition"
            self._note(position, f"The function is not allowed in {place} expression; function: {name}")
        else:
            self._check_operands(*node.args)
        return node

    def _check_operands(self, *operands: Operand) -> None:
        """One function of each kind gives a value to work with: size in conditions, if_not_exists in updates."""
        usable = "if_not_exists" if self._cursor.kind == "UpdateExpression" else "size"
        for operand in operands:
            if isinstance(operand, FunctionNode) and operand.name != usable:
                self._note(operand.position, _misused(operand.name))

    # Paths

    def path(self) -> PathNode:
        cursor = self._cursor
        steps: list[str | int] = [self._step()]
        while True:
            if cursor.accept("."):
                steps.append(self._step())
            elif cursor.accept("["):
                steps.append(self._index(cursor.expect("index").text))
                cursor.expect("]")
            else:
                break
        return PathNode(tuple(steps))

    def _step(self) -> str:
        if self._cursor.peek == "alias":
            return self._cursor.take().text
        position = self._cursor.position
        name = self._cursor.expect("name").text
        if is_reserved(name):
            self._note(position, f"Attribute name is a reserved keyword; reserved keyword: {name}")
        return name

    def _index(self, digits: str) -> int:
        if len(digits) > 10 or int(digits) > MAX_LIST_INDEX:
            self._note(self._cursor.position, f"List index is not within the allowable range; index: [{digits}]")
            return MAX_LIST_INDEX
        return int(digits)

    def paths(self) -> tuple[PathNode, ...]:
        found = [self.path()]
        while self._cursor.accept(","):
            found.append(self.path())
        return tuple(found)

    # Updates

    def update(self) -> tuple[ActionNode, ...]:
        actions: list[ActionNode] = []
        sections: set[str] = set()
        while True:
            section = self._cursor.peek
            if section not in ("SET", "REMOVE", "ADD", "DELETE"):
                raise self._cursor.syntax_error()
            self._cursor.take()
            if section in sections:
                self._doubled_section = self._doubled_section or section
            sections.add(section)
            actions.append(self._action(section))
            while self._cursor.accept(","):
                actions.append(self._action(section))
            if self._cursor.peek == "end":
                return tuple(actions)

    def _action(self, section: str) -> ActionNode:
        path = self.path()
        if section == "SET":
            self._cursor.expect("=")
            return ActionNode(section, path, self._set_value())
        if section == "REMOVE":
            return ActionNode(section, path, None)
        return ActionNode(section, path, ValueNode(self._cursor.expect("value").text))

    def _set_value(self) -> Operand | ArithmeticNode:
        left = self._sum_group() if self._cursor.peek == "(" else self._operand()
        if isinstance(left, ArithmeticNode) or self._cursor.peek not in ("+", "-"):
            return left
        return self._arithmetic(left)

    def _arithmetic(self, left: Operand) -> ArithmeticNode:
        operator = self._cursor.take().kind
        self._operators += 1
        right = self._operand()
        self._check_operands(left, right)
        return ArithmeticNode(operator, left, right)

    def _sum_group(self) -> Operand | ArithmeticNode:
        """Parentheses around a sum or around an operand."""
        opened = self._open()
        inner = self._sum_group() if self._cursor.peek == "(" else self._operand()
        if not isinstance(inner, ArithmeticNode) and self._cursor.peek in ("+", "-"):
            inner = self._arithmetic(inner)
        self._close(opened)
        return inner


def _join(operator: str, parts: list[Any]) -> Condition:
    return parts[0] if len(parts) == 1 else LogicNode(operator, tuple(parts))


def _unknown_function(name: str) -> str:
    return f"Invalid function name; function: {name}"


def _misused(name: str) -> str:
    return f"The function is not allowed to be used this way in an expression; function: {name}"


@lru_cache(_CACHED_TEXTS)
def parse_condition(text: str, kind: str) -> Condition:
    """`kind` is ConditionExpression, FilterExpression or KeyConditionExpression, as messages name it."""
    check_length(text, kind)
    return _Parser(text, kind).run(_Parser.condition)


@lru_cache(_CACHED_TEXTS)
def parse_projection(text: str) -> tuple[PathNode, ...]:
    check_length(text, "ProjectionExpression")
    return _Parser(text, "ProjectionExpression").run(_Parser.paths)


@lru_cache(_CACHED_TEXTS)
def parse_update(text: str) -> tuple[ActionNode, ...]:
    check_length(text, "UpdateExpression")
    return _Parser(text, "UpdateExpression").run(_Parser.update)
