"""Filter patterns of CloudWatch Logs: which log lines they match and which values they take out of them.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html

Three notations: terms (`ERROR -Exiting`, `?WARN ?ERROR`, `%regex%`), JSON (`{ $.code = 4* && $.user NOT EXISTS }`) and
space-delimited fields (`[ip, ..., status = 4*, bytes > 1000]`). A pattern is compiled once by its text. Wildcards and
regular expressions never backtrack; the nesting of parentheses is bounded.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from mrak.lang.jsontexts import check_texts
from mrak.lang.logregex import Regex, RegexError

Test = Callable[[Any], bool]

_DEEPEST: Final = 20
_QUOTED: Final = re.compile(r'"(?:[^"\\]|\\.)*"')


class FilterPatternError(ValueError):
    """The text is not a filter pattern. AWS has other words where it is made or tested as a metric filter's."""

    def __init__(self, message: str, for_metrics: str = "") -> None:
        super().__init__(message)
        self.for_metrics = for_metrics or message


class LogFilter:
    """A compiled pattern."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    @property
    def has_regex(self) -> bool:
        return "%" in _QUOTED.sub("", self.text)

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
        raise FilterPatternError(str(error)) from None


def _invalid() -> FilterPatternError:
    return FilterPatternError("Invalid filter pattern", "Invalid metric filter pattern")


def _bad_term(term: str) -> FilterPatternError:
    return FilterPatternError(f"Invalid character(s) in term '{term}'")


# Terms ------------------------------------------------------------------------------------------------------------

_TERM: Final = re.compile(r'([?-]?)\s*(?:"((?:[^"\\]|\\.)*)"|(%\S[^%]*%)(?=\s|$)|([^\s"]+))')
_STRANGE: Final = re.compile(r"\W")


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
                raise _bad_term(text[at:])
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
        if phrase.startswith("%"):
            raise _bad_term(phrase)
        strange = _STRANGE.search(phrase)
        if strange is not None:
            raise _bad_term(strange[0])
    return lambda message: phrase in message


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


# Comparisons, shared by the two structured notations ----------------------------------------------------------------

_NUMBER: Final = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?").fullmatch
_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<op>&&|\|\||!=|=!|<=|>=|=|<|>|\(|\))
        |(?P<regex>%(?:[^%\\]|\\.)+%)
        |"(?P<quoted>(?:[^"\\]|\\.)*)"
        |(?P<selector>\$(?!\.\.)(?:\.[\w@:-]+|\.\*|\[(?:[0-9]{1,9}|\*)\]|\.?\[(?:'[^']*'|"[^"]*")\])*)
        |(?P<word>[^\s()&|=<>!"$%:\[\]]+))""",
    re.VERBOSE,
)
# What AWS names when it cannot read on: as much as it read of a token, and the character that does not fit.
_STUCK: Final = re.compile(r"\s*(?P<term>%[^%]*|\$\.\.|\[[0-9]*.?|!.?|\S)", re.DOTALL)
_MOST_WILDCARDS: Final = 3
_MOST_REGEXES: Final = 2
_COMPARE: Final[dict[str, Callable[[float, float], bool]]] = {
    "<": lambda got, wanted: got < wanted,
    "<=": lambda got, wanted: got <= wanted,
    ">": lambda got, wanted: got > wanted,
    ">=": lambda got, wanted: got >= wanted,
    "=": lambda got, wanted: got == wanted,
    "!=": lambda got, wanted: got != wanted,
}

Lookup = Callable[[Any, str], list[Any]]
"""All texts and numbers that a selector finds in an event."""


class _Expression:
    """Recursive descent over comparisons with &&, || and parentheses."""

    def __init__(self, text: str, lookup: Lookup, selectors: list[str]) -> None:
        self.tokens: list[tuple[str, str]] = []
        at = 0
        while at < len(text.rstrip()):
            found = _TOKEN.match(text, at)
            if found is None or found.lastgroup is None:
                raise _stuck(text, at)
            self.tokens.append((found.lastgroup, found[found.lastgroup]))
            at = found.end()
        self._at = 0
        self._lookup = lookup
        self._selectors = selectors

    def parse(self) -> Test:
        test = self._either(0)
        if self._at != len(self.tokens):
            raise _invalid()
        return test

    def _peek(self) -> tuple[str, str]:
        return self.tokens[self._at] if self._at < len(self.tokens) else ("end", "")

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


def _stuck(text: str, at: int) -> FilterPatternError:
    found = _STUCK.match(text, at)
    return _bad_term(text[at:] if found is None else found["term"])


def _state_test(state: str, selector: str, lookup: Lookup) -> Test:
    if state == "NOT EXISTS":
        return lambda event: isinstance(event, dict) and not lookup(event, f"?{selector}")
    if state == "IS NULL":  # also of a list that has a null
        return lambda event: any(
            value is None or (isinstance(value, list) and None in value) for value in lookup(event, f"?{selector}")
        )
    verb, _, wanted = state.partition(" ")
    if verb != "IS":
        raise _invalid()
    if wanted not in ("TRUE", "FALSE"):
        raise FilterPatternError("Invalid filter pattern", f"Invalid character(s) in term '{wanted}'")
    is_true = wanted == "TRUE"
    return lambda event: any(value is is_true for value in lookup(event, f"?{selector}"))


def _value_test(operator: str, kind: str, text: str) -> Test:
    if kind == "regex":
        found_in = Regex(text[1:-1]).found_in
        if operator not in ("=", "!="):
            raise _invalid()
        return lambda value: found_in(value) == (operator == "=")
    if kind == "word" and _NUMBER(text):
        return _number_test(operator, text)
    if operator not in ("=", "!="):
        raise _bad_term(f'"{text}"' if kind == "quoted" else text)
    if kind == "word" and text.lower() == "null":
        raise _invalid()
    pattern = _unescaped(text) if kind == "quoted" else text
    return lambda value: _like(pattern, value) == (operator == "=")


def _number_test(operator: str, text: str) -> Test:
    """Numbers are compared by their size, texts by their letters: no text is larger than a number, or smaller."""
    number, compare = float(text), _COMPARE[operator]

    def test(value: str) -> bool:
        if not isinstance(value, Numeral):
            return (value == text) == (operator == "=") if operator in ("=", "!=") else False
        return compare(float(value), number)

    return test


class Numeral(str):
    """A number as the line spells it: what is compared with text."""

    __slots__ = ()


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

_STEP: Final = re.compile(r"""\.([\w@:-]+|\*)|\.?\[([0-9]+|\*)\]|\['([^']*)'\]|\["([^"]*)"\]""")
_ALL: Final = object()


class _JsonFilter(LogFilter):
    __slots__ = ("_test",)

    def __init__(self, text: str) -> None:
        super().__init__(text)
        if not text.endswith("}"):
            raise _invalid()
        selectors: list[str] = []
        expression = _Expression(text[1:-1], _json_values, selectors)
        _check_amounts(expression)
        self._test = expression.parse()
        if any(not selector.startswith("$") for selector in selectors):
            raise _invalid()

    def matches(self, message: str) -> bool:
        event = _decoded(message)
        return event is not None and self._test(event)

    def find_value(self, message: str, selector: str) -> str | None:
        event = _decoded(message)
        values = _json_values(event, f"?{selector}") if event is not None else []
        return _as_text(values[0]) if values else None


def _as_text(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else None


def _check_amounts(expression: _Expression) -> None:
    wildcards = [len(re.findall(r"\.\*|\[\*\]", text)) for kind, text in expression.tokens if kind == "selector"]
    if any(count > 1 for count in wildcards):
        raise FilterPatternError(
            "Your filter pattern has a JSON path selector that exceeds the maximum of 1 wildcard allowed per json "
            "selector."
        )
    if sum(wildcards) > _MOST_WILDCARDS:
        raise FilterPatternError(
            f"Your input has exceeded the maximum of {_MOST_WILDCARDS} JSON wildcard selectors allowed per filter "
            "pattern."
        )
    if sum(kind == "regex" for kind, _ in expression.tokens) > _MOST_REGEXES:
        raise FilterPatternError(
            f"Your input has exceeded the maximum of {_MOST_REGEXES} regular expressions per filter pattern."
        )


def _decoded(message: str) -> Any:
    """A line's JSON with its numbers as they are spelt, or None."""
    if not message.lstrip().startswith(("{", "[")):
        return None
    try:
        event = json.loads(message, parse_int=Numeral, parse_float=Numeral, parse_constant=_refuse)
        if "\\u" in message:
            check_texts(event)
        return event
    except (ValueError, RecursionError):
        return None


def _refuse(constant: str) -> None:
    raise ValueError(constant)


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
    """Texts and numbers that a selector points to; with a leading `?` whatever it points to, to test what exists."""
    anything = selector.startswith("?")
    nodes = [event]
    for step in _steps(selector):
        nodes = [child for node in nodes for child in _children(node, step)]
    return nodes if anything else [node for node in nodes if isinstance(node, str)]


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
    """Fields by position; `...` stands for any number of them. Without it the last one takes the rest of the line."""

    __slots__ = ("_ellipsis", "_names", "_tests")

    def __init__(self, text: str) -> None:
        super().__init__(text)
        if not text.endswith("]"):
            raise _invalid()
        self._names: list[str] = []
        self._tests: list[Test] = []
        self._ellipsis: int | None = None
        for part in _split_fields(text[1:-1].strip() or "..."):
            if part in ("...", "\u2026"):
                if self._ellipsis is not None:
                    raise _twice("...")
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
        if found[0] in self._names:
            raise _twice(found[0])
        return found[0]

    def matches(self, message: str) -> bool:
        fields = self._fields(message)
        return fields is not None and all(test(fields) for test in self._tests)

    def extract(self, message: str) -> dict[str, str]:
        return {f"${name}": value for name, value in (self._fields(message) or {}).items()}

    def find_value(self, message: str, selector: str) -> str | None:
        return (self._fields(message) or {}).get(selector.removeprefix("$"))

    def _fields(self, message: str) -> dict[str, str] | None:
        found = list(_FIELD.finditer(message))
        values = [next(group for group in field.groups() if group is not None) for field in found]
        names = list(self._names)
        missing = len(values) - len(names)
        if missing < 0:
            return None
        if self._ellipsis is not None:
            names[self._ellipsis : self._ellipsis] = [""] * missing
        elif missing:
            last = len(names) - 1
            values[last:] = [message[found[last].start() :].rstrip()]
        return {name or str(at + 1): value for at, (name, value) in enumerate(zip(names, values, strict=True))}


def _twice(name: str) -> FilterPatternError:
    return FilterPatternError(f"Duplicate field '{name}'")


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
    if value is None:
        return []
    return [Numeral(value) if _NUMBER(value) else value]
