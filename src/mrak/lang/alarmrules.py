"""Rules of composite alarms. Pure.

    ALARM("cpu") AND NOT OK(arn:aws:cloudwatch:...:alarm:memory) OR AT_LEAST(2, ALARM, (a, b, c))

NOT binds more than AND, AND more than OR. An alarm is named or given by its ARN, in quotes or not.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

Node = tuple[Any, ...]
_STATES = ("ALARM", "OK", "INSUFFICIENT_DATA")
_MOST_DEPTH = 100
_TOKEN = re.compile(r"\s*(?:\"(?P<quoted>[^\"]+)\"|(?P<sign>[(),])|(?P<word>[^\s(),\"]+))")


class RuleError(Exception):
    """The rule is none; says why."""


@lru_cache(maxsize=1024)
def parse(rule: str) -> Node:
    """The tree of a rule. Raises RuleError."""
    parser = _Parser(rule)
    tree = parser.disjunction()
    if parser.peek() != ("end", ""):
        raise RuleError(f"unexpected {parser.peek()[1]}")
    return tree


def alarms(tree: Node) -> list[str]:
    """The names of the alarms in a rule, in order, each once."""
    found: dict[str, None] = {}
    _collect(tree, found)
    return list(found)


def _collect(tree: Node, found: dict[str, None]) -> None:
    if tree[0] == "state":
        found[tree[2]] = None
    elif tree[0] == "least":
        found.update(dict.fromkeys(tree[3]))
    else:
        for part in tree[1:]:
            if isinstance(part, tuple):
                _collect(part, found)


def holds(tree: Node, state_of: Callable[[str], str]) -> bool:
    """Whether a rule is fulfilled, given each alarm's state."""
    kind = tree[0]
    if kind == "constant":
        return bool(tree[1])
    if kind == "state":
        return bool(state_of(tree[2]) == tree[1])
    if kind == "not":
        return not holds(tree[1], state_of)
    if kind == "least":
        wanted, state, names = tree[1:]
        return bool(sum(state_of(name) == state for name in names) >= wanted)
    left = holds(tree[1], state_of)
    if kind == "and":
        return left and holds(tree[2], state_of)
    return left or holds(tree[2], state_of)


def _name(text: str) -> str:
    """An alarm's name, from its name or its ARN."""
    return text.partition(":alarm:")[2] if text.startswith("arn:") and ":alarm:" in text else text


class _Parser:
    def __init__(self, rule: str) -> None:
        self.tokens: list[tuple[str, str]] = []
        at, text = 0, rule.rstrip()
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None or match.lastgroup is None:
                raise RuleError("unfinished text in quotes")
            self.tokens.append((match.lastgroup, match[match.lastgroup]))
            at = match.end()
        self.at, self.depth = 0, 0

    def peek(self) -> tuple[str, str]:
        return self.tokens[self.at] if self.at < len(self.tokens) else ("end", "")

    def take(self, wanted: str = "") -> tuple[str, str]:
        token = self.peek()
        if token[0] == "end" or (wanted and token != ("sign", wanted)):
            raise RuleError(f"{wanted or 'more'} was expected")
        self.at += 1
        return token

    def _keyword(self, word: str) -> bool:
        kind, text = self.peek()
        if kind == "word" and text.upper() == word:
            self.at += 1
            return True
        return False

    def disjunction(self) -> Node:
        self.depth += 1
        if self.depth > _MOST_DEPTH:
            raise RuleError("nested too deeply")
        tree = self._conjunction()
        while self._keyword("OR"):
            tree = ("or", tree, self._conjunction())
        self.depth -= 1
        return tree

    def _conjunction(self) -> Node:
        tree = self._negation()
        while self._keyword("AND"):
            tree = ("and", tree, self._negation())
        return tree

    def _negation(self) -> Node:
        negated = False
        while self._keyword("NOT"):
            negated = not negated
        tree = self._primary()
        return ("not", tree) if negated else tree

    def _primary(self) -> Node:
        kind, text = self.take()
        if (kind, text) == ("sign", "("):
            tree = self.disjunction()
            self.take(")")
            return tree
        word = text.upper() if kind == "word" else ""
        if word in ("TRUE", "FALSE"):
            return ("constant", word == "TRUE")
        if word == "AT_LEAST":
            return self._least()
        if word not in _STATES:
            raise RuleError(f"{text} is no state of alarms")
        self.take("(")
        name = _name(self._text())
        self.take(")")
        return ("state", word, name)

    def _text(self) -> str:
        kind, text = self.take()
        if kind == "sign":
            raise RuleError("an alarm's name was expected")
        return text

    def _least(self) -> Node:
        self.take("(")
        wanted = self._text()
        self.take(",")
        state = self._text().upper()
        self.take(",")
        self.take("(")
        names = [_name(self._text())]
        while self.peek() == ("sign", ","):
            self.take()
            names.append(_name(self._text()))
        self.take(")")
        self.take(")")
        number = wanted.removesuffix("%")
        if state not in _STATES or not number.isdecimal() or not int(number):
            raise RuleError("AT_LEAST needs a number or a percentage, a state and alarms")
        least = -(-int(number) * len(names) // 100) if wanted.endswith("%") else int(number)
        return ("least", least, state, names)
