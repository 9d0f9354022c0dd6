"""Filter patterns of CloudWatch Logs: which log lines they match and which values they take out of them.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html

Three notations: terms (`ERROR -Exiting`, `?WARN ?ERROR`, `%regex%`), JSON (`{ $.code = 4* && $.user NOT EXISTS }`) and
space-delimited fields (`[ip, ..., status = 4*, bytes > 1000]`). A pattern is compiled once by its text. Wildcards and
regular expressions never backtrack; the nesting of parentheses is bounded.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

import msgspec

from mrak.lang.logregex import Regex, RegexError

Test = Callable[[Any], bool]

_DEEPEST: Final = 20


class FilterPatternError(ValueError):
    """The text is not a filter pattern; the message is AWS's where it is known."""


class LogFilter:
    """A compiled pattern."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def matches(self, message: str) -> bool:
        raise NotImplementedError

    def extract(self, message: str) -> dict[str, str]:
        """The values that the pattern names, as TestMetricFilter lists them."""
        return {}

    def find_value(self, message: str, selector: str) -> str | None:
        """The value of `$.latency` or `$bytes` in a message, for a metric filter's value."""
        return None


@lru_cache(maxsize=1024)
def parse_filter(text: str) -> LogFilter:
    """The compiled pattern; raises FilterPatternError."""
    stripped = text.strip()
    try:
        if stripped.startswith("{"):
            return _JsonFilter(stripped)
        if stripped.startswith("["):
            return _FieldFilter(stripped)
        return _TermFilter(stripped)
    except RegexError as error:
        raise FilterPatternError(f"Invalid filter pattern: {error}") from None


def _invalid() -> FilterPatternError:
    return FilterPatternError("Invalid filter pattern")


# Terms ------------------------------------------------------------------------------------------------------------

_TERM: Final = re.compile(r'([?-]?)\s*(?:"((?:[^"\\]|\\.)*)"|(%\S.*?%)(?=\s|$)|([^\s"]+))')
_BARE: Final = re.compile(r"\w+").fullmatch


class _TermFilter(LogFilter):
    """All plain terms, none of the excluded ones; optional terms count only where they stand alone."""

    __slots__ = ("_excluded", "_optional", "_required")

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._required: list[Test] = []
        self._excluded: list[Test] = []
        self._optional: list[Test] = []
        at = 0
        while at < len(text):
            found = _TERM.match(text, at)
            if found is None:
                raise _invalid()
            group = {"": self._required, "-": self._excluded, "?": self._optional}[found[1]]
            group.append(_term_test(found))
            at = found.end()
            while text[at : at + 1].isspace():
                at += 1

    def matches(self, message: str) -> bool:
        if any(test(message) for test in self._excluded):
            return False
        if self._required or self._excluded or not self._optional:
            return all(test(message) for test in self._required)
        return any(test(message) for test in self._optional)


def _term_test(found: re.Match[str]) -> Test:
    if found[3] is not None:
        return Regex(found[3][1:-1]).found_in
    if found[2] is not None:
        phrase = _unescaped(found[2])
    else:
        phrase = found[4]
        if not _BARE(phrase):
            raise FilterPatternError(f"Invalid character(s) in term '{phrase}'")
    return lambda message: phrase in message


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


# Comparisons, shared by the two structured notations ----------------------------------------------------------------

_NUMBER: Final = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?").fullmatch
_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<op>&&|\|\||!=|=!|<=|>=|=|<|>|\(|\))
        |(?P<regex>%(?:[^%\\]|\\.)+%)
        |"(?P<quoted>(?:[^"\\]|\\.)*)"
        |(?P<selector>\$(?:\.[\w@:-]+|\.\*|\[(?:[0-9]{1,9}|\*)\]|\[(?:'[^']*'|"[^"]*")\])*)
        |(?P<word>[^\s()&|=<>!"]+))""",
    re.VERBOSE,
)
_COMPARE: Final[dict[str, Callable[[float, float], bool]]] = {
    "<": lambda got, wanted: got < wanted,
    "<=": lambda got, wanted: got <= wanted,
    ">": lambda got, wanted: got > wanted,
    ">=": lambda got, wanted: got >= wanted,
    "=": lambda got, wanted: got == wanted,
    "!=": lambda got, wanted: got != wanted,
}

Lookup = Callable[[Any, str], list[Any]]
"""All scalar values that a selector finds in an event."""


class _Expression:
    """Recursive descent over comparisons with &&, || and parentheses."""

    def __init__(self, text: str, lookup: Lookup, selectors: list[str]) -> None:
        self._tokens: list[tuple[str, str]] = []
        at = 0
        while at < len(text.rstrip()):
            found = _TOKEN.match(text, at)
            if found is None or found.lastgroup is None:
                raise _invalid()
            self._tokens.append((found.lastgroup, found[found.lastgroup]))
            at = found.end()
        self._at = 0
        self._lookup = lookup
        self._selectors = selectors

    def parse(self) -> Test:
        test = self._either(0)
        if self._at != len(self._tokens):
            raise _invalid()
        return test

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("end", "")

    def _next(self) -> tuple[str, str]:
        token = self._peek()
        self._at += 1
        return token

    def _either(self, depth: int) -> Test:
        tests = [self._both(depth)]
        while self._peek() == ("op", "||"):
            self._at += 1
            tests.append(self._both(depth))
        return tests[0] if len(tests) == 1 else lambda event: any(test(event) for test in tests)

    def _both(self, depth: int) -> Test:
        tests = [self._single(depth)]
        while self._peek() == ("op", "&&"):
            self._at += 1
            tests.append(self._single(depth))
        return tests[0] if len(tests) == 1 else lambda event: all(test(event) for test in tests)

    def _single(self, depth: int) -> Test:
        kind, text = self._next()
        if (kind, text) == ("op", "("):
            if depth >= _DEEPEST:
                raise _invalid()
            test = self._either(depth + 1)
            if self._next() != ("op", ")"):
                raise _invalid()
            return test
        if kind not in ("selector", "word"):
            raise _invalid()
        self._selectors.append(text)
        return self._comparison(text)

    def _comparison(self, selector: str) -> Test:
        kind, operator = self._next()
        if operator == "=!":  # AWS's older spelling, in space-delimited patterns
            operator = "!="
        lookup = self._lookup
        if kind == "word":
            kind, word = self._next()
            return _state_test(f"{operator} {word}".upper(), selector, lookup)
        if kind != "op" or operator not in _COMPARE:
            raise _invalid()
        kind, text = self._next()
        if kind not in ("word", "quoted", "regex"):
            raise _invalid()
        one = _value_test(operator, kind, text)
        if operator == "!=":
            return lambda event: bool(values := lookup(event, selector)) and all(one(value) for value in values)
        return lambda event: any(one(value) for value in lookup(event, selector))


def _state_test(state: str, selector: str, lookup: Lookup) -> Test:
    if state == "NOT EXISTS":
        return lambda event: not lookup(event, f"?{selector}")
    if state not in ("IS NULL", "IS TRUE", "IS FALSE"):
        raise _invalid()
    wanted = {"IS NULL": None, "IS TRUE": True, "IS FALSE": False}[state]
    return lambda event: any(value is wanted for value in lookup(event, f"?{selector}"))


def _value_test(operator: str, kind: str, text: str) -> Test:
    if kind == "regex":
        found_in = Regex(text[1:-1]).found_in
        if operator not in ("=", "!="):
            raise _invalid()
        return lambda value: found_in(_as_text(value)) == (operator == "=")
    if kind == "word" and _NUMBER(text):
        number, compare = float(text), _COMPARE[operator]

        def numeric(value: Any) -> bool:
            got = _as_number(value)
            return operator == "!=" if got is None else compare(got, number)

        return numeric
    if operator not in ("=", "!="):
        raise _invalid()
    pattern = _unescaped(text) if kind == "quoted" else text
    return lambda value: _like(pattern, _as_text(value)) == (operator == "=")


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "null" if value is None else str(value)


def _as_number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value)
    return float(value) if isinstance(value, str) and _NUMBER(value) else None


def _like(pattern: str, value: str) -> bool:
    """Equality with `*` for any text; greedy, so the cost is linear for each piece."""
    if "*" not in pattern:
        return pattern == value
    head, *middle, tail = pattern.split("*")
    if len(value) < len(head) + len(tail) or not value.startswith(head) or not value.endswith(tail):
        return False
    at, end = len(head), len(value) - len(tail)
    for piece in middle:
        at = value.find(piece, at, end)
        if at < 0:
            return False
        at += len(piece)
    return True


# JSON ---------------------------------------------------------------------------------------------------------------

_STEP: Final = re.compile(r"""\.([\w@:-]+|\*)|\[([0-9]+|\*)\]|\['([^']*)'\]|\["([^"]*)"\]""")
_ALL: Final = object()


class _JsonFilter(LogFilter):
    __slots__ = ("_selectors", "_test")

    def __init__(self, text: str) -> None:
        super().__init__(text)
        if not text.endswith("}"):
            raise _invalid()
        selectors: list[str] = []
        self._test = _Expression(text[1:-1], _json_values, selectors).parse()
        if any(not selector.startswith("$") for selector in selectors):
            raise _invalid()
        self._selectors = selectors

    def matches(self, message: str) -> bool:
        event = _decoded(message)
        return event is not None and self._test(event)

    def extract(self, message: str) -> dict[str, str]:
        found = {selector: self.find_value(message, selector) for selector in self._selectors}
        return {selector: value for selector, value in found.items() if value is not None}

    def find_value(self, message: str, selector: str) -> str | None:
        event = _decoded(message)
        values = _json_values(event, selector) if event is not None else []
        return _as_text(values[0]) if values else None


def _decoded(message: str) -> Any:
    if not message.lstrip().startswith(("{", "[")):
        return None
    try:
        return msgspec.json.decode(message)
    except (msgspec.DecodeError, RecursionError):
        return None


@lru_cache(maxsize=1024)
def _steps(selector: str) -> tuple[Any, ...]:
    steps: list[Any] = []
    for name, index, single, double in _STEP.findall(selector):
        if name == "*" or index == "*":
            steps.append(_ALL)
        else:
            steps.append(int(index) if index else name or single or double)
    return tuple(steps)


def _json_values(event: Any, selector: str) -> list[Any]:
    """Scalars that a selector points to; with a leading `?` also objects, lists and null, to test what exists."""
    anything = selector.startswith("?")
    nodes = [event]
    for step in _steps(selector):
        nodes = [child for node in nodes for child in _children(node, step)]
    return nodes if anything else [node for node in nodes if node is not None and not isinstance(node, dict | list)]


def _children(node: Any, step: Any) -> list[Any]:
    if step is _ALL:
        return list(node.values()) if isinstance(node, dict) else node if isinstance(node, list) else []
    if isinstance(step, int):
        return [node[step]] if isinstance(node, list) and step < len(node) else []
    return [node[step]] if isinstance(node, dict) and step in node else []


# Space-delimited fields ---------------------------------------------------------------------------------------------

_FIELD: Final = re.compile(r'\[([^\]]*)\]|"((?:[^"\\]|\\.)*)"|(\S+)')
_NAME: Final = re.compile(r"[\w.-]+")
_PART: Final = re.compile(r'(?:"(?:[^"\\]|\\.)*"|%(?:[^%\\]|\\.)*%|[^,"])*')


class _FieldFilter(LogFilter):
    """Fields by position; `...` stands for any number of them."""

    __slots__ = ("_ellipsis", "_names", "_tests")

    def __init__(self, text: str) -> None:
        super().__init__(text)
        if not text.endswith("]"):
            raise _invalid()
        self._names: list[str] = []
        self._tests: list[Test] = []
        self._ellipsis: int | None = None
        for part in _split_fields(text[1:-1]):
            if part in ("...", "\u2026"):
                if self._ellipsis is not None:
                    raise _invalid()
                self._ellipsis = len(self._names)
            else:
                self._names.append(self._field(part))

    def _field(self, part: str) -> str:
        """The name of a field; its conditions are noted."""
        found = _NAME.match(part)
        if found is None:
            if part:
                raise _invalid()
            return ""
        if part != found[0]:
            names: list[str] = []
            self._tests.append(_Expression(part, _field_values, names).parse())
            if any(name != found[0] for name in names):
                raise _invalid()
        return found[0]

    def matches(self, message: str) -> bool:
        fields = self._fields(message)
        return fields is not None and all(test(fields) for test in self._tests)

    def extract(self, message: str) -> dict[str, str]:
        return {f"${name}": value for name, value in (self._fields(message) or {}).items()}

    def find_value(self, message: str, selector: str) -> str | None:
        return (self._fields(message) or {}).get(selector.removeprefix("$"))

    def _fields(self, message: str) -> dict[str, str] | None:
        values = [next(group for group in found.groups() if group is not None) for found in _FIELD.finditer(message)]
        names = list(self._names)
        missing = len(values) - len(names)
        if missing < 0 or (missing and self._ellipsis is None):
            return None
        if self._ellipsis is not None:
            names[self._ellipsis : self._ellipsis] = [""] * missing
        return {name or str(at + 1): value for at, (name, value) in enumerate(zip(names, values, strict=True))}


def _split_fields(text: str) -> list[str]:
    """The fields of a pattern: split at commas outside quotes and regular expressions."""
    parts: list[str] = []
    at = 0
    while True:
        end = _PART.match(text, at).end()  # type: ignore[union-attr] # it matches the empty text, too
        parts.append(text[at:end].strip())
        if end >= len(text):
            return parts
        if text[end] != ",":
            raise _invalid()
        at = end + 1


def _field_values(fields: dict[str, str], name: str) -> list[str]:
    value = fields.get(name)
    return [] if value is None else [value]
