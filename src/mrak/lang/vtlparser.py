"""Velocity templates parsed: text, references and directives.

https://velocity.apache.org/engine/1.7/vtl-reference.html

Invariants: parsing takes time in proportion to the template, and nesting is bounded, so that no template can exhaust
the stack.
"""

from __future__ import annotations

import re
from typing import Any

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
    Step,
    Unary,
)

_DEEPEST = 40
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_SPACE = re.compile(r"[ \t\r\n]*")
_INTERESTING = re.compile(r"[$#\\]")
_DIRECTIVE = re.compile(r"#\{?([a-z]+)\}?")
_REST_OF_LINE = re.compile(r"[ \t]*\r?\n")
_LEADING = re.compile(r"[ \t]*\Z")
_WORDS = {"and": "&&", "or": "||", "not": "!", "eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
# Operators by how they bind, the loosest first.
_LEVELS = (("||",), ("&&",), ("==", "!="), ("<=", ">=", "<", ">"), ("+", "-"), ("*", "/", "%"))
_ENDS = ("end", "else", "elseif")
_CONSTANTS = {"true": True, "false": False, "null": None}


class VtlSyntaxError(ValueError):
    """The template can't be parsed; the message says where."""


class Parser:
    def __init__(self, text: str, depth: int = 0) -> None:
        self._text = text
        self._at = 0
        self._depth = depth

    def parse(self) -> tuple[Any, ...]:
        body, ended_by = self._body()
        if ended_by:
            raise self._error(f"#{ended_by} without its beginning")
        return body

    # --- text and directives

    def _body(self) -> tuple[tuple[Any, ...], str]:
        """Nodes up to #end, #else or #elseif, which is eaten and named; "" at the template's end."""
        self._descend()
        nodes: list[Any] = []
        while self._at < len(self._text):
            found = _INTERESTING.search(self._text, self._at)
            end = len(self._text) if found is None else found.start()
            if end > self._at:
                nodes.append(self._text[self._at : end])
                self._at = end
                continue
            if self._text[self._at] == "\\":
                nodes.append(self._escape())
            elif self._text[self._at] == "$":
                nodes.append(self._reference_or_text())
            else:
                ended_by = self._directive(nodes)
                if ended_by:
                    self._depth -= 1
                    return tuple(nodes), ended_by
        self._depth -= 1
        return tuple(nodes), ""

    def _escape(self) -> str:
        """A backslash hides a reference or directive, and is itself text before anything else."""
        following = self._text[self._at + 1 : self._at + 2]
        if following in ("$", "#") and following:
            self._at += 2
            return following
        self._at += 1
        return "\\"

    def _reference_or_text(self) -> Any:
        start = self._at
        reference = self._find_reference()
        if reference is None:
            self._at = start + 1
            return "$"
        return reference

    def _directive(self, nodes: list[Any]) -> str:
        text, at = self._text, self._at
        if text.startswith("##", at):
            end = text.find("\n", at)
            self._at = len(text) if end < 0 else end + 1
            return ""
        if text.startswith("#*", at):
            end = text.find("*#", at)
            self._at = len(text) if end < 0 else end + 2
            return ""
        if text.startswith("#[[", at):
            end = text.find("]]#", at)
            end = len(text) if end < 0 else end
            nodes.append(text[at + 3 : end])
            self._at = end + 3
            return ""
        found = _DIRECTIVE.match(text, at)
        name = "" if found is None else found[1]
        if found is not None and name.startswith("end") and name != "end":
            # `#endfoo` is #end and text.
            name, end = "end", at + text[at:].index("end") + 3
        else:
            end = at + 1 if found is None else found.end()
        if name in _ENDS:
            self._at = end
            if name != "elseif":
                self._eat_line(nodes)
            return name
        return self._statement(name, end, nodes)

    def _statement(self, name: str, end: int, nodes: list[Any]) -> str:
        at = self._at
        handlers = {"set": self._set, "if": self._if, "foreach": self._foreach, "macro": self._macro}
        if name in handlers:
            self._at = end
            if self._peek_after_space() != "(":
                nodes.append(self._text[at:end])
                return ""
            handlers[name](nodes)
        elif name in ("break", "stop", "return"):
            self._at = end
            self._eat_line(nodes)
            nodes.append(Leave(name))
        else:
            self._macro_call_or_text(nodes)
        return ""

    def _set(self, nodes: list[Any]) -> None:
        self._expect("(")
        self._space()
        target = self._find_reference()
        if target is None:
            raise self._error("#set needs a reference")
        self._space()
        self._expect("=")
        value = self._expression()
        self._space()
        self._expect(")")
        self._eat_line(nodes)
        nodes.append(Assign(target, value))

    def _if(self, nodes: list[Any]) -> None:
        branches: list[tuple[Any, tuple[Any, ...]]] = []
        condition: Any = self._parenthesized()
        self._eat_line(nodes)
        while True:
            body, ended_by = self._body()
            branches.append((condition, body))
            if ended_by == "elseif":
                condition = self._parenthesized()
                self._eat_line([])
            elif ended_by == "else":
                condition = None
            elif ended_by == "end":
                nodes.append(If(tuple(branches)))
                return
            else:
                raise self._error("#if without #end")

    def _foreach(self, nodes: list[Any]) -> None:
        self._expect("(")
        self._space()
        variable = self._find_reference()
        self._space()
        if variable is None or variable.steps or not self._text.startswith("in", self._at):
            raise self._error("#foreach needs ($variable in list)")
        self._at += 2
        source = self._expression()
        self._space()
        self._expect(")")
        self._eat_line(nodes)
        nodes.append(Foreach(variable.name, source, self._block("foreach")))

    def _macro(self, nodes: list[Any]) -> None:
        self._expect("(")
        self._space()
        name = self._name()
        parameters = []
        while self._space() or self._text[self._at : self._at + 1] not in (")", ""):
            if self._text.startswith(",", self._at):
                self._at += 1
                continue
            parameter = self._find_reference()
            if parameter is None:
                break
            parameters.append(parameter.name)
        self._expect(")")
        self._eat_line(nodes)
        nodes.append(Macro(name, tuple(parameters), self._block("macro")))

    def _block(self, name: str) -> tuple[Any, ...]:
        body, ended_by = self._body()
        if ended_by != "end":
            raise self._error(f"#{name} without #end")
        return body

    def _macro_call_or_text(self, nodes: list[Any]) -> None:
        start = self._at
        found = re.compile(r"#@?\{?([A-Za-z_][A-Za-z0-9_-]*)\}?\(").match(self._text, start)
        if found is None:
            nodes.append("#")
            self._at += 1
            return
        self._at = found.end()
        arguments = []
        while self._space() or self._text[self._at : self._at + 1] not in (")", ""):
            if self._text.startswith(",", self._at):
                self._at += 1
                continue
            arguments.append(self._expression())
        self._expect(")")
        nodes.append(MacroCall(found[1], tuple(arguments), self._text[start : self._at]))

    def _eat_line(self, nodes: list[Any]) -> None:
        """A directive that is alone in its line leaves no empty line behind."""
        found = _REST_OF_LINE.match(self._text, self._at)
        if found is None:
            return
        self._at = found.end()
        if nodes and isinstance(nodes[-1], str):
            nodes[-1] = _LEADING.sub("", nodes[-1])

    # --- references

    def _find_reference(self) -> Reference | None:
        start = self._at
        if not self._text.startswith("$", start):
            return None
        self._at += 1
        quiet = self._text.startswith("!", self._at)
        self._at += quiet
        braced = self._text.startswith("{", self._at)
        self._at += braced
        found = _NAME.match(self._text, self._at)
        if found is None:
            self._at = start
            return None
        self._at = found.end()
        steps = self._steps()
        if braced:
            if not self._text.startswith("}", self._at):
                self._at = start
                return None
            self._at += 1
        return Reference(found[0], steps, self._text[start : self._at], quiet)

    def _steps(self) -> tuple[Step, ...]:
        steps: list[Step] = []
        while self._at < len(self._text):
            if self._text[self._at] == "[":
                self._at += 1
                index = self._expression()
                self._space()
                self._expect("]")
                steps.append(Step(index=index))
                continue
            found = _NAME.match(self._text, self._at + 1) if self._text[self._at] == "." else None
            if found is None:
                break
            self._at = found.end()
            steps.append(Step(found[0], self._arguments() if self._text.startswith("(", self._at) else None))
        return tuple(steps)

    def _arguments(self) -> tuple[Any, ...]:
        self._at += 1
        return self._items(")")

    # --- expressions

    def _parenthesized(self) -> Any:
        self._space()
        self._expect("(")
        value = self._expression()
        self._space()
        self._expect(")")
        return value

    def _expression(self, level: int = 0) -> Any:
        if level == len(_LEVELS):
            return self._unary()
        if level == 0:
            self._descend()
        left = self._expression(level + 1)
        while (operator := self._operator(_LEVELS[level])) is not None:
            left = Binary(operator, left, self._expression(level + 1))
        if level == 0:
            self._depth -= 1
        return left

    def _operator(self, operators: tuple[str, ...]) -> str | None:
        self._space()
        word = _NAME.match(self._text, self._at)
        if word is not None and _WORDS.get(word[0]) in operators:
            self._at = word.end()
            return _WORDS[word[0]]
        for operator in operators:
            if self._text.startswith(operator, self._at):
                self._at += len(operator)
                return operator
        return None

    def _unary(self) -> Any:
        self._space()
        word = _NAME.match(self._text, self._at)
        is_not = self._text.startswith("!", self._at)
        if is_not or (word is not None and word[0] == "not"):
            self._at += 1 if is_not else 3
            self._descend()
            operand = self._unary()
            self._depth -= 1
            return Unary("!", operand)
        return self._primary()

    def _primary(self) -> Any:
        char = self._text[self._at : self._at + 1]
        if char == "$":
            reference = self._find_reference()
            if reference is None:
                raise self._error("a malformed reference")
            return reference
        if char == "(":
            return self._parenthesized()
        if char == "[":
            self._at += 1
            return self._list()
        if char == "{":
            self._at += 1
            return self._map()
        if char and char in "'\"":
            return self._string(char)
        number = _NUMBER.match(self._text, self._at)
        if number is not None:
            return self._number(number)
        word = self._name()
        if word not in _CONSTANTS:
            raise self._error(f"an unexpected word {word}")
        return Literal(_CONSTANTS[word])

    def _number(self, found: re.Match[str]) -> Literal:
        text = found[0]
        # `1..3` is a range and no decimal.
        self._at = found.end()
        if len(text) > 40:
            raise self._error("a number is too long")
        return Literal(float(text) if "." in text or "e" in text.lower() else int(text))

    def _string(self, quote: str) -> Any:
        end = self._at + 1
        while True:
            end = self._text.find(quote, end)
            if end < 0:
                raise self._error("a string without its end")
            if not self._text.startswith(quote, end + 1):
                break
            end += 2
        raw = self._text[self._at + 1 : end].replace(quote * 2, quote)
        self._at = end + 1
        if quote == "'" or ("$" not in raw and "#" not in raw):
            return Literal(raw)
        return Interpolated(Parser(raw, self._depth + 1).parse())

    def _list(self) -> Any:
        self._space()
        if self._text.startswith("]", self._at):
            self._at += 1
            return ListOf(())
        first = self._expression()
        self._space()
        if self._text.startswith("..", self._at):
            self._at += 2
            last = self._expression()
            self._space()
            self._expect("]")
            return Range(first, last)
        if self._text.startswith(",", self._at):
            self._at += 1
        return ListOf((first, *self._items("]")))

    def _items(self, closing: str) -> tuple[Any, ...]:
        items: list[Any] = []
        while True:
            self._space()
            if self._text.startswith(closing, self._at):
                self._at += 1
                return tuple(items)
            items.append(self._expression())
            self._space()
            if self._text.startswith(",", self._at):
                self._at += 1
            elif not self._text.startswith(closing, self._at):
                raise self._error(f"expected , or {closing}")

    def _map(self) -> MapOf:
        pairs: list[tuple[Any, Any]] = []
        while True:
            self._space()
            if self._text.startswith("}", self._at):
                self._at += 1
                return MapOf(tuple(pairs))
            key = self._expression()
            self._space()
            self._expect(":")
            pairs.append((key, self._expression()))
            self._space()
            if self._text.startswith(",", self._at):
                self._at += 1
            elif not self._text.startswith("}", self._at):
                raise self._error("expected , or }")

    # --- characters

    def _space(self) -> bool:
        """Passes over space. False always, so that it can stand in a condition."""
        found = _SPACE.match(self._text, self._at)
        assert found is not None
        self._at = found.end()
        return False

    def _peek_after_space(self) -> str:
        found = _SPACE.match(self._text, self._at)
        assert found is not None
        if self._text.startswith("(", found.end()):
            self._at = found.end()
            return "("
        return ""

    def _expect(self, char: str) -> None:
        if not self._text.startswith(char, self._at):
            raise self._error(f"expected {char}")
        self._at += len(char)

    def _name(self) -> str:
        found = _NAME.match(self._text, self._at)
        if found is None:
            raise self._error("expected a name")
        self._at = found.end()
        return found[0]

    def _descend(self) -> None:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._error("nested too deeply")

    def _error(self, what: str) -> VtlSyntaxError:
        line = self._text.count("\n", 0, self._at) + 1
        return VtlSyntaxError(f"line {line}: {what}")
