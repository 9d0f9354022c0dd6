"""The grammar of event patterns: text to branches of fields and conditions, with the messages of AWS's engine.

The reader asks for one token at a time in the order in which AWS's does, since the place in a message is the place
of the reading head at that moment. Limits are AWS's: how many combinations `$or` may unfold to, how deep a pattern
may nest, how complex its wildcards may be.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn, TypeVar

from mrak.lang import valuetests
from mrak.lang.jsontokens import (
    END_ARRAY,
    END_OBJECT,
    FIELD,
    NUMBER,
    START_ARRAY,
    START_OBJECT,
    STRING,
    WORD,
    JsonTextError,
    TokenReader,
)
from mrak.lang.valuetests import Condition, Leaf, ValueTestError

T = TypeVar("T")

OR = "$or"
MAX_NESTING = 200
MAX_BRANCHES = 1000
MAX_WILDCARD_COMPLEXITY = 10
_TOO_COMPLEX = (
    "Rule is too complex - try using fewer wildcard characters or fewer repeating character sequences after a "
    "wildcard character"
)
_RESERVED_INSIDE_OR = frozenset(
    [
        "exactly",
        "equals-ignore-case",
        "prefix",
        "suffix",
        "anything-but",
        "exists",
        "wildcard",
        "numeric",
        "cidr",
        "=",
        "<",
        "<=",
        ">",
        ">=",
        "regex",
        "not-wildcard",
        "not-equals-ignore-case",
        "date-after",
        "date-on-or-after",
        "date-before",
        "date-on-or-before",
        "in-date-range",
        "ip-address-in-range",
        "ip-address-not-in-range",
    ]
)


class PatternError(Exception):
    """A pattern that AWS refuses; `reason` is what follows "Event pattern is not valid. Reason: "."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Field:
    """One path and its conditions, of which one has to hold."""

    path: str
    conditions: tuple[Condition, ...]
    wants_absence: bool
    strings: frozenset[str]

    def takes(self, value: Leaf) -> bool:
        if isinstance(value, str) and value in self.strings:
            return True
        return any(condition.test(value) for condition in self.conditions)

    @property
    def texts(self) -> tuple[str, ...]:
        plain = tuple(json.dumps(text) for text in sorted(self.strings))
        absent = ('{"exists": false}',) if self.wants_absence else ()
        return plain + tuple(condition.text for condition in self.conditions) + absent

    @property
    def size(self) -> int:
        """How many alternatives there are."""
        return len(self.strings) + len(self.conditions) + self.wants_absence


Branch = tuple[Field, ...]
_OpenBranch = dict[str, Field]


def parse_branches(text: str, excludable: frozenset[str]) -> tuple[Branch, ...]:
    """The branches of a pattern's text, their fields in the order of their paths. `excludable` are the operators that
    anything-but takes."""
    try:
        branches = _Parser(text, excludable).parse()
    except JsonTextError as error:
        raise PatternError(error.message) from None
    except ValueTestError as error:
        raise PatternError(str(error)) from None
    for branch in branches:
        for field in branch.values():
            _check_complexity(field)
    return tuple(tuple(branch[path] for path in sorted(branch)) for branch in branches)


def _check_complexity(field: Field) -> None:
    wildcards = [pattern for condition in field.conditions for pattern in condition.wildcards]
    if not wildcards:
        return
    if valuetests.wildcard_complexity(wildcards, MAX_WILDCARD_COMPLEXITY) > MAX_WILDCARD_COMPLEXITY:
        raise PatternError(_TOO_COMPLEX)


class _Parser:
    def __init__(self, text: str, excludable: frozenset[str]) -> None:
        self._reader = TokenReader(text)
        self._excludable = excludable

    def parse(self) -> list[_OpenBranch]:
        if self._reader.next() != START_OBJECT:
            self._refuse("Filter is not an object")
        branches: list[_OpenBranch] = []
        self._parse_object(branches, (), inside_or=False)
        return branches

    def _refuse(self, message: str) -> NoReturn:
        raise self._reader.error(message)

    def _parse_object(self, branches: list[_OpenBranch], path: tuple[str, ...], inside_or: bool) -> None:
        if len(path) > MAX_NESTING:
            self._refuse("Rule is nested too deeply")
        has_fields = False
        while self._reader.next() != END_OBJECT:
            has_fields = True
            self._parse_member(branches, path, inside_or)
        if not has_fields:
            self._refuse("Empty objects are not allowed")

    def _parse_member(self, branches: list[_OpenBranch], path: tuple[str, ...], inside_or: bool) -> None:
        name = self._reader.text
        if name == OR:
            self._parse_or(branches, path)
            return
        if inside_or and name in _RESERVED_INSIDE_OR:
            self._refuse(f"{name} is Ruler reserved fieldName which cannot be used inside {OR}.")
        kind = self._reader.next()
        if kind == START_OBJECT:
            self._parse_object(branches, (*path, name), inside_or)
        elif kind == START_ARRAY:
            self._parse_values(branches, ".".join((*path, name)))
        else:
            self._refuse(f'"{name}" must be an object or an array')

    def _parse_or(self, branches: list[_OpenBranch], path: tuple[str, ...]) -> None:
        """Each object of the array goes on from every branch that there is so far."""
        before = [dict(branch) for branch in branches] or [{}]
        branches.clear()
        if self._reader.next() != START_ARRAY:
            self._refuse(f"It must be an Array followed with {OR}.")
        alternatives = 0
        while (kind := self._reader.next()) != END_ARRAY:
            alternatives += 1
            if kind != START_OBJECT:
                self._refuse(f"Only JSON object is allowed in array of {OR} relationship.")
            forked = [dict(branch) for branch in before]
            self._parse_object(forked, path, inside_or=True)
            branches += forked
            if len(branches) > MAX_BRANCHES:
                raise PatternError("Rule is too complex - it has too many combinations of $or alternatives")
        if alternatives < 2:
            self._refuse(f"There must have at least 2 Objects in {OR} relationship.")

    def _parse_values(self, branches: list[_OpenBranch], path: str) -> None:
        strings: set[str] = set()
        conditions: list[Condition] = []
        wants_absence = False
        while (kind := self._reader.next()) != END_ARRAY:
            text = self._reader.text
            if kind == START_OBJECT:
                condition = self._parse_condition()
                wants_absence = wants_absence or condition is None
                conditions += [condition] if condition is not None else []
            elif kind == STRING and valuetests.find_address(text) is None:
                strings.add(text)
            elif kind == STRING:
                conditions.append(Condition(json.dumps(text), valuetests.equal_string(text)))
            elif kind in (NUMBER, WORD):
                conditions.append(Condition(text, valuetests.equal_bare(text, kind == NUMBER)))
            else:
                self._refuse("Match value must be String, number, true, false, or null")
        field = Field(path, tuple(conditions), wants_absence, frozenset(strings))
        if not field.size:
            self._refuse("Empty arrays are not allowed")
        if not branches:
            branches.append({})
        for branch in branches:
            branch[path] = field

    def _parse_condition(self) -> Condition | None:
        """One match expression; None for {"exists": false}."""
        if self._reader.next() != FIELD:
            self._refuse("Match expression name not found")
        name = self._reader.text
        if name == "exists":
            return self._parse_exists()
        parse = _OPERATORS.get(name)
        if parse is None:
            self._refuse(f"Unrecognized match type {name}")
        return parse(self)

    def _expect_end(self, message: str = "Only one key allowed in match expression") -> None:
        if self._reader.next() != END_OBJECT:
            self._refuse(message)

    def _parse_exists(self) -> Condition | None:
        kind, wanted = self._reader.next(), self._reader.text
        if kind != WORD or wanted == "null":
            self._refuse("exists match pattern must be either true or false.")
        self._expect_end()
        return Condition('{"exists": true}', valuetests.exists) if wanted == "true" else None

    def _require_string(self, name: str, kind: str | None = None) -> str:
        if (kind or self._reader.next()) != STRING:
            self._refuse(f"{name} match pattern must be a string")
        return self._reader.finish_text()

    def parse_exactly(self) -> Condition:
        text = self._require_string("exact")
        self._expect_end()
        return _condition("exactly", text, valuetests.equal_string(text))

    def parse_prefix(self) -> Condition:
        return self._parse_end_match("prefix", valuetests.starts_with, valuetests.starts_ignoring_case)

    def parse_suffix(self) -> Condition:
        return self._parse_end_match("suffix", valuetests.ends_with, valuetests.ends_ignoring_case)

    def _parse_end_match(
        self, name: str, plain: Callable[[str], valuetests.Test], ignoring_case: Callable[[str], valuetests.Test]
    ) -> Condition:
        kind = self._reader.next()
        if kind != START_OBJECT:
            text = self._require_string(name, kind)
            self._expect_end()
            return _condition(name, text, plain(text))
        if self._reader.next() != FIELD:
            self._refuse(f"{name.capitalize()} expression name not found")
        if self._reader.text != "equals-ignore-case":
            self._refuse(f"Unsupported {name} pattern: {self._reader.text}")
        text = self._require_string("equals-ignore-case")
        self._expect_end()
        self._expect_end()
        return _condition(name, {"equals-ignore-case": text}, ignoring_case(text))

    def parse_equals_ignore_case(self) -> Condition:
        text = self._require_string("equals-ignore-case")
        self._expect_end()
        return _condition("equals-ignore-case", text, valuetests.equals_ignoring_case(text))

    def parse_wildcard(self) -> Condition:
        pattern = self._require_string("wildcard")
        test = self._placed(valuetests.like_wildcard, pattern)
        self._expect_end()
        return _condition("wildcard", pattern, test, (pattern,))

    def _placed(self, make: Callable[[str], valuetests.Test], operand: str) -> valuetests.Test:
        """A test whose refusal names the place."""
        try:
            return make(operand)
        except ValueTestError as error:
            self._refuse(str(error))

    def parse_cidr(self) -> Condition:
        # AWS's own message says "prefix" here.
        cidr = self._require_string("prefix")
        test = valuetests.in_network(cidr)
        self._expect_end()
        return _condition("cidr", cidr, test)

    def parse_numeric(self) -> Condition:
        if self._reader.next() != START_ARRAY:
            self._refuse("Value of numeric must be an array.")
        condition = self._parse_comparison()
        self._expect_end("Too many elements in numeric expression")
        return condition

    def _parse_comparison(self) -> Condition:
        if self._reader.next() != STRING:
            self._refuse(f"Invalid member in numeric match: {self._reader.text or self._reader.kind}")
        operator = self._reader.finish_text()
        if operator not in ("=", "<", "<=", ">", ">="):
            self._reader.next()
            self._refuse(f"Unrecognized numeric range operator: {operator}")
        bound, text = self._require_number("equals" if operator == "=" else operator)
        if operator == "=":
            self._expect_last("Too many elements in numeric expression")
            return _numeric(f'"=", {text}', bound, bound)
        if operator in ("<", "<="):
            self._expect_last("Too many elements in numeric expression")
            return _numeric(f'"{operator}", {text}', None, bound - (operator == "<"))
        return self._complete_range(operator, bound + (operator == ">"), text)

    def _complete_range(self, operator: str, low: int, low_text: str) -> Condition:
        kind = self._reader.next()
        shown = f'"{operator}", {low_text}'
        if kind == END_ARRAY:
            return _numeric(shown, low, None)
        if kind != STRING:
            self._refuse(f"Bad value in numeric range: {self._reader.text or self._reader.kind}")
        upper = self._reader.finish_text()
        if upper not in ("<", "<="):
            self._refuse(f"Bad numeric range operator: {upper}")
        high, high_text = self._require_number(upper)
        self._expect_last("Too many terms in numeric range expression")
        excluded_low, excluded_high = operator == ">", upper == "<"
        if high - low + excluded_low <= 0:
            self._refuse("Bottom must be less than top")
        return _numeric(f'{shown}, "{upper}", {high_text}', low, high - excluded_high)

    def _expect_last(self, message: str) -> None:
        if self._reader.next() != END_ARRAY:
            self._refuse(message)

    def _require_number(self, operator: str) -> tuple[int, str]:
        if self._reader.next() != NUMBER:
            self._refuse(f"Value of {operator} must be numeric")
        text = self._reader.text
        try:
            return valuetests.require_number(text), text
        except ValueTestError as error:
            self._refuse(str(error))

    def parse_anything_but(self) -> Condition:
        kind, inner = self._reader.next(), ""
        if kind == START_OBJECT:
            if self._reader.next() != FIELD:
                self._refuse("Anything-But expression name not found")
            inner = self._reader.text
            if inner not in self._excludable:
                self._refuse(f"Unsupported anything-but pattern: {inner}")
            kind = self._reader.next()
        if kind not in (START_ARRAY, STRING, NUMBER):
            self._refuse("Value of anything-but must be an array or single string/number value.")
        condition = self._parse_excluded(inner, kind) if inner else self._parse_excluded_values(kind)
        self._expect_end("Too many elements in numeric expression")
        if inner:
            self._expect_end("Too many elements in numeric expression")
        return condition

    def _parse_excluded_values(self, kind: str) -> Condition:
        if kind == START_ARRAY:
            tokens = self._twice_placed(self._read_plain_list)
        else:
            self._check_comparable(kind)
            tokens = [(kind, self._reader.finish_text())]
        kinds = {kind for kind, _ in tokens}
        if len(kinds) != 1:
            self._refuse(
                "Inside anything but list, either all values are number or string, mixed type is not supported"
            )
        shown = [text if kind == NUMBER else json.dumps(text) for kind, text in tokens]
        if kinds == {STRING}:
            test = valuetests.not_in_strings(frozenset(text for _, text in tokens))
        else:
            test = valuetests.not_in_numbers(frozenset(valuetests.require_number(text) for _, text in tokens))
        return Condition(f'{{"anything-but": [{", ".join(shown)}]}}', test)

    def _read_plain_list(self) -> list[tuple[str, str]]:
        tokens = []
        while (kind := self._reader.next()) != END_ARRAY:
            if kind not in (STRING, NUMBER):
                self._refuse("Inside anything but list, start|null|boolean is not supported.")
            self._check_comparable(kind)
            tokens.append((kind, self._reader.finish_text()))
        return tokens

    def _check_comparable(self, kind: str) -> None:
        if kind == NUMBER:
            try:
                valuetests.require_number(self._reader.text)
            except ValueTestError as error:
                self._refuse(str(error))

    def _parse_excluded(self, inner: str, kind: str) -> Condition:
        if kind == START_ARRAY:
            texts = self._twice_placed(lambda: self._read_excluded_list(inner))
        else:
            texts = [self._require_excluded(inner, kind)]
        make = _INSIDE_ANYTHING_BUT[inner]
        tests = [self._placed(make, text) for text in texts]
        wildcards = tuple(texts) if inner == "wildcard" else ()
        shown = texts[0] if kind == STRING else texts
        return _condition("anything-but", {inner: shown}, valuetests.none_of(tests), wildcards)

    def _read_excluded_list(self, inner: str) -> list[str]:
        texts = []
        while (kind := self._reader.next()) != END_ARRAY:
            texts.append(self._require_excluded(inner, kind))
        return texts

    def _require_excluded(self, inner: str, kind: str) -> str:
        if kind != STRING:
            self._refuse(_EXCLUDED_NOT_STRING[inner])
        text = self._reader.finish_text()
        if not text and inner in ("prefix", "suffix"):
            self._refuse("Null prefix/suffix not allowed")
        return text

    def _twice_placed(self, read: Callable[[], T]) -> T:
        """AWS catches errors inside these lists and wraps them, so that their messages name the place twice."""
        try:
            return read()
        except JsonTextError as error:
            raise self._reader.error(error.message) from None


def _condition(name: str, operand: object, test: valuetests.Test, wildcards: tuple[str, ...] = ()) -> Condition:
    return Condition(json.dumps({name: operand}), test, wildcards)


def _numeric(shown: str, low: int | None, high: int | None) -> Condition:
    return Condition(f'{{"numeric": [{shown}]}}', valuetests.in_range(low, high))


_OPERATORS: dict[str, Callable[[_Parser], Condition]] = {
    "exactly": _Parser.parse_exactly,
    "prefix": _Parser.parse_prefix,
    "suffix": _Parser.parse_suffix,
    "equals-ignore-case": _Parser.parse_equals_ignore_case,
    "wildcard": _Parser.parse_wildcard,
    "numeric": _Parser.parse_numeric,
    "cidr": _Parser.parse_cidr,
    "anything-but": _Parser.parse_anything_but,
}
_INSIDE_ANYTHING_BUT: dict[str, Callable[[str], valuetests.Test]] = {
    "equals-ignore-case": valuetests.equals_ignoring_case,
    "prefix": valuetests.starts_with,
    "suffix": valuetests.ends_with,
    "wildcard": valuetests.like_wildcard,
}
EXCLUDABLE = frozenset(_INSIDE_ANYTHING_BUT)
_EXCLUDED_NOT_STRING = {
    "equals-ignore-case": "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported.",
    "prefix": "prefix/suffix match pattern must be a string",
    "suffix": "prefix/suffix match pattern must be a string",
    "wildcard": "wildcard match pattern must be a string",
}
