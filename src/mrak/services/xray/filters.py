"""Filter expressions: `service("api") { fault } AND responsetime > 2`. Pure.

https://docs.aws.amazon.com/xray/latest/devguide/xray-console-filters.html

    expression = conjunction { "OR" conjunction }
    conjunction = negation { ["AND"] negation }
    negation = "!" negation | "(" expression ")" | term
    term = service( [ref] ) [{ expression }] | edge( [ref, ref] ) [{ expression }]
         | annotation[key] [op value] | annotation.key [op value] | keyword [op value]

Outside of service() and edge(), a keyword asks for the whole trace: `error` is how its root ended.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from mrak.services.xray.spans import Service, Span, Trace

Predicate = Callable[[Trace], bool]
FindGroup = Callable[[str], str | None]
"""The expression of the group of that name or ARN; None where there is none."""

_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<number>-?\d+(?:\.\d+)?)"""
    r"""|(?P<word>[A-Za-z_][\w.-]*)|(?P<sign>!=|<=|>=|[=<>!(){}\[\],:]))"""
)
_NUMBERS: dict[str, Callable[[Trace], list[Any]]] = {
    "responsetime": lambda trace: [trace.response_time],
    "duration": lambda trace: [trace.duration],
    "http.status": lambda trace: [
        status
        for root in trace.roots
        if (status := root.document["http"].get("response", {}).get("status")) is not None
    ],
}
_BOOLEANS: dict[str, Predicate] = {
    "ok": lambda trace: not any(trace.has(flag) for flag in ("error", "fault", "throttle")),
    "error": lambda trace: trace.has("error"),
    "fault": lambda trace: trace.has("fault"),
    "throttle": lambda trace: trace.has("throttle"),
    "partial": lambda trace: trace.has("in_progress"),
    "inferred": lambda trace: any(span.is_inferred for span in trace.spans),
    "remote": lambda trace: any(span.service[1] == "remote" for span in trace.spans),
    "root": lambda trace: any(span.is_root for span in trace.spans),
}
_OF_ROOTS = {
    "http.url": "url",
    "http.method": "method",
    "http.useragent": "user_agent",
    "http.clientip": "client_ip",
}
_OF_SPANS: dict[str, Callable[[Span], list[Any]]] = {
    "user": lambda span: [span.document.get("user")],
    "name": lambda span: [span.service[0]],
    "type": lambda span: [span.service[1]],
    "resource.arn": lambda span: [span.document.get("resource_arn")],
    "instance.id": lambda span: [span.document["aws"].get("ec2", {}).get("instance_id")],
    "availabilityzone": lambda span: [span.document["aws"].get("ec2", {}).get("availability_zone")],
    "message": lambda span: _messages(span),
}
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda found, wanted: bool(found == wanted),
    "!=": lambda found, wanted: bool(found != wanted),
    "<": lambda found, wanted: bool(found < wanted),
    "<=": lambda found, wanted: bool(found <= wanted),
    ">": lambda found, wanted: bool(found > wanted),
    ">=": lambda found, wanted: bool(found >= wanted),
}
_MATCHES: dict[str, Callable[[str, str], bool]] = {
    "=": lambda found, wanted: found == wanted,
    "!=": lambda found, wanted: found != wanted,
    "CONTAINS": lambda found, wanted: wanted in found,
    "BEGINSWITH": lambda found, wanted: found.startswith(wanted),
    "ENDSWITH": lambda found, wanted: found.endswith(wanted),
}


class FilterError(ValueError):
    """The expression is none."""


def _messages(span: Span) -> list[Any]:
    cause = span.document.get("cause")
    exceptions = cause.get("exceptions", []) if isinstance(cause, dict) else []
    return [exception.get("message") for exception in exceptions if isinstance(exception, dict)]


def parse(text: str, find_group: FindGroup = lambda name: None) -> Predicate:
    """Raises FilterError."""
    parser = _Parser(text, find_group)
    found = parser.expression()
    if parser.kind:
        raise FilterError(f"unexpected {parser.value}")
    return found


def parse_selector(text: str) -> Callable[[Span], bool]:
    """An expression of service(), edge() or id() alone, which picks spans. Raises FilterError."""
    parser = _Parser(text, lambda name: None)
    found = parser.selector()
    if found is None or parser.kind:
        raise FilterError("service or edge expected")
    return found


class _Parser:
    def __init__(self, text: str, find_group: FindGroup) -> None:
        self._tokens: list[tuple[str, str]] = []
        self._at = 0
        self._find_group = find_group
        position, text = 0, text.rstrip()
        while position < len(text):
            match = _TOKEN.match(text, position)
            if match is None:
                raise FilterError(f"unexpected {text[position]}")
            kind = str(match.lastgroup)
            self._tokens.append((kind, match[kind]))
            position = match.end()

    @property
    def kind(self) -> str:
        return self._tokens[self._at][0] if self._at < len(self._tokens) else ""

    @property
    def value(self) -> str:
        return self._tokens[self._at][1] if self._at < len(self._tokens) else ""

    def _next(self) -> tuple[str, str]:
        if not self.kind:
            raise FilterError("unexpected end")
        self._at += 1
        return self._tokens[self._at - 1]

    def _take(self, *values: str) -> str:
        """The next token, where it is one of these words or signs; "" otherwise."""
        if self.kind in ("word", "sign") and self.value.upper() in values:
            return self._next()[1].upper()
        return ""

    def _expect(self, sign: str) -> None:
        if not self._take(sign):
            raise FilterError(f"{sign} expected")

    def expression(self) -> Predicate:
        parts = [self._conjunction()]
        while self._take("OR"):
            parts.append(self._conjunction())
        return parts[0] if len(parts) == 1 else lambda trace: any(part(trace) for part in parts)

    def _conjunction(self) -> Predicate:
        """What stands side by side is joined by AND."""
        parts = [self._negation()]
        while self._take("AND") or (self.kind and self.value.upper() not in ("OR", ")", "}", ",", "]")):
            parts.append(self._negation())
        return parts[0] if len(parts) == 1 else lambda trace: all(part(trace) for part in parts)

    def _negation(self) -> Predicate:
        if self._take("!", "NOT"):
            inner = self._negation()
            return lambda trace: not inner(trace)
        if self._take("("):
            inner = self.expression()
            self._expect(")")
            return inner
        return self._term()

    def _term(self) -> Predicate:
        selected = self.selector()
        if selected is not None:
            return self._within(selected)
        kind, word = self._next()
        if kind != "word":
            raise FilterError(f"unexpected {word}")
        name = word.lower()
        if name == "annotation" or name.startswith("annotation."):
            return self._annotation(word[len("annotation.") :])
        if name in ("group.name", "group.arn"):
            return self._group()
        if name in _BOOLEANS:
            return self._boolean(_BOOLEANS[name])
        if name in _NUMBERS:
            return self._number(_NUMBERS[name])
        return self._text(name)

    def selector(self) -> Callable[[Span], bool] | None:
        """service(...) or edge(...); None where neither stands."""
        name = self._take("SERVICE", "EDGE")
        if not name:
            return None
        self._expect("(")
        refs: list[Callable[[Service], bool]] = []
        while not self._take(")"):
            if refs:
                self._expect(",")
            refs.append(self._ref())
        if len(refs) > (1 if name == "SERVICE" else 2):
            raise FilterError("too many services")
        if name == "SERVICE":
            return lambda span: not refs or refs[0](span.service)
        return lambda span: (
            span.caller is not None and (not refs or refs[0](span.caller)) and (len(refs) < 2 or refs[1](span.service))
        )

    def _ref(self) -> Callable[[Service], bool]:
        """A name, or id(name: "api", type: "AWS::Lambda")."""
        if not self._take("ID"):
            wanted = self._literal()
            return lambda service: service[0] == wanted
        named: dict[str, str] = {}
        self._expect("(")
        while not self._take(")"):
            if named:
                self._expect(",")
            key = self._next()[1].lower()
            self._expect(":")
            named[key] = self._literal()
        if not named or not set(named) <= {"name", "type", "account.id"}:
            raise FilterError("id takes name and type")
        return lambda service: (
            service[0] == named.get("name", service[0]) and service[1] == named.get("type", service[1])
        )

    def _within(self, selected: Callable[[Span], bool]) -> Predicate:
        inner: Predicate = lambda trace: True  # noqa: E731
        if self._take("{"):
            inner = self.expression()
            self._expect("}")
        return lambda trace: any(selected(span) and inner(trace.alone(span)) for span in trace.spans)

    def _literal(self) -> str:
        kind, value = self._next()
        if kind != "text":
            raise FilterError(f"a text expected, not {value}")
        return re.sub(r"\\(.)", r"\1", value[1:-1])

    def _annotation(self, key: str) -> Predicate:
        if not key:
            self._expect("[")
            key = self._literal() if self.kind == "text" else self._next()[1]
            self._expect("]")

        def values(trace: Trace) -> list[Any]:
            return [value for span in trace.spans for name, value in span.annotations if name == key]

        sign = self._take(*_COMPARISONS, *_MATCHES)
        if not sign:
            return lambda trace: bool(values(trace))
        if self.kind == "text":
            return self._compare(values, sign, _MATCHES, self._literal(), str)
        if self.kind == "number":
            return self._compare(values, sign, _COMPARISONS, float(self._next()[1]), float)
        wanted = self._truth()
        return self._compare(values, sign, {"=": _COMPARISONS["="], "!=": _COMPARISONS["!="]}, wanted, bool)

    def _compare(
        self,
        values: Callable[[Trace], list[Any]],
        sign: str,
        signs: dict[str, Callable[[Any, Any], bool]],
        wanted: Any,
        kind: type,
    ) -> Predicate:
        """Whether one of the values that are of the wanted one's kind compares."""
        if sign not in signs:
            raise FilterError(f"{sign} does not compare with {wanted}")
        is_of = {str: (str,), bool: (bool,), float: (int, float)}[kind]
        compare = signs[sign]
        return lambda trace: any(
            compare(value, wanted)
            for value in values(trace)
            if isinstance(value, is_of) and isinstance(value, bool) == (kind is bool)
        )

    def _truth(self) -> bool:
        kind, value = self._next()
        word = value.strip("\"'").lower()
        if kind not in ("word", "text") or word not in ("true", "false"):
            raise FilterError("true or false expected")
        return word == "true"

    def _boolean(self, is_true: Predicate) -> Predicate:
        sign = self._take("=", "!=")
        if not sign:
            return is_true
        wanted = self._truth() == (sign == "=")
        return lambda trace: is_true(trace) == wanted

    def _number(self, values: Callable[[Trace], list[Any]]) -> Predicate:
        sign = self._take(*_COMPARISONS)
        kind, value = self._next()
        if kind != "number":
            raise FilterError("a number expected")
        return self._compare(values, sign, _COMPARISONS, float(value), float)

    def _text(self, name: str) -> Predicate:
        if name in _OF_ROOTS:
            member = _OF_ROOTS[name]

            def values(trace: Trace) -> list[Any]:
                return [root.document["http"].get("request", {}).get(member) for root in trace.roots]
        elif name in _OF_SPANS:
            of_span = _OF_SPANS[name]

            def values(trace: Trace) -> list[Any]:
                return [value for span in trace.spans for value in of_span(span)]
        else:
            raise FilterError(f"unknown keyword {name}")
        return self._compare(values, self._take(*_MATCHES), _MATCHES, self._literal(), str)

    def _group(self) -> Predicate:
        if not self._take("="):
            raise FilterError("= expected")
        name = self._literal()
        found = self._find_group(name)
        if found is None:
            raise FilterError(f"no group {name}")
        return parse(found) if found else lambda trace: True
