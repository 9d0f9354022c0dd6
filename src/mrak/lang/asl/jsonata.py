"""JSONata expressions in states: `{% $states.input.total * 2 %}`.

The language itself is the library jsonata-python, loaded with the first expression. Here are AWS's own functions, its
messages, and the bounds: an expression has a second, a bounded depth, and regular expressions that cannot run away.
https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec

from mrak.core.entropy import Draws
from mrak.lang.asl import jsonataerrors
from mrak.lang.asl.failures import query
from mrak.lang.asl.intrinsicfunctions import Refused, hash_of
from mrak.lang.asl.jsonataerrors import MemoryExceeded

if TYPE_CHECKING:
    from mrak.lang.asl.jsonatalibrary import Jsonata

_EXPRESSION = re.compile(r"\{%(.*)%\}", re.DOTALL)
_MOST_MILLISECONDS = 1000
_MOST_DEPTH = 250
_MOST_FRAMES = 10_000
_MOST_TEXT = 8192
# AWS makes 200,000 items and not 500,000.
_MOST_ITEMS = 250_000
# Characters that $pad may add, however long the text was (recorded).
_MOST_PADDING = 262_144
# Parts of a parsed expression that are read in the same context as the whole.
_PARTS = (
    "procedure",
    "arguments",
    "lhs",
    "lhs_object",
    "rhs",
    "expression",
    "expressions",
    "condition",
    "then",
    "_else",
)
_WITH_CONTEXT = ("lambda", "transform")
_KINDS: dict[type, str] = {
    bool: "boolean",
    int: "number",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
    type(None): "null",
}


@dataclass(slots=True)
class Bindings:
    """What an expression sees: `$states`, the variables, and where randomness and time come from."""

    states: dict[str, Any]
    variables: dict[str, Any]
    draw: Draws
    now: float
    _prepared: dict[str, Any] | None = None

    def prepared(self) -> dict[str, Any]:
        if self._prepared is None:
            bound = {name: _to_jsonata(value) for name, value in self.variables.items()}
            bound["states"] = _to_jsonata(self.states)
            self._prepared = bound | _functions(self.draw, self.now)
        return self._prepared


def find_expression(text: str) -> str | None:
    """The expression inside `{% %}`; None where a string is only a string."""
    match = _EXPRESSION.fullmatch(text)
    return None if match is None else match.group(1).strip()


def is_expression(value: Any) -> bool:
    return isinstance(value, str) and find_expression(value) is not None


def find_syntax_error(expression: str) -> str | None:
    """What is wrong with an expression's grammar."""
    from mrak.lang.asl.jsonatalibrary import JException

    try:
        _compile(expression)
    except JException as error:
        return jsonataerrors.explain(error)
    return None


def top_level_names(expression: str) -> list[str]:
    """The fields that an expression which parses reads of nothing: there is no context item to have them."""
    found: dict[str, None] = {}
    waiting = [_compile(expression).ast]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list | tuple):
            waiting.extend(reversed(node))
        elif node is None:
            continue
        elif node.type == "path":
            # What follows the first step has that step's value for its context.
            waiting.append(node.steps[0])
        elif node.type == "name":
            found[node.value] = None
        elif node.type not in _WITH_CONTEXT:
            waiting.extend(getattr(node, part, None) for part in reversed(_PARTS))
    return list(found)


def variables_in(expression: str) -> list[str]:
    """The names after `$`, by their looks: for the listing of references."""
    return re.findall(r"\$([A-Za-z_][A-Za-z0-9_]*)\b(?!\s*\()", expression)


def kind_of(value: Any) -> str:
    """The JSON type of a value, by name."""
    return _KINDS[type(value)]


def evaluate(expression: str, bindings: Bindings, field: str) -> Any:
    """The value of an expression as JSON; raises StateFailed with the field's name."""
    from mrak.lang.asl.jsonatalibrary import JException

    what = f"The JSONata expression '{expression}' specified for the field '{field}'"
    try:
        compiled = _compile(expression)
        frame = compiled.create_frame()
        frame.set_runtime_bounds(_MOST_MILLISECONDS, _MOST_DEPTH)
        for name, value in bindings.prepared().items():
            frame.bind(name, value)
        with _deep_recursion():
            result = compiled.evaluate(None, frame)
    except JException as error:
        raise query(f"{what} threw an error during evaluation{jsonataerrors.explain_failure(error)}", field) from None
    except (Refused, MemoryExceeded, RecursionError, ArithmeticError, TimeoutError, TypeError, ValueError) as error:
        # The library answers some wrong arguments with Python's own errors.
        raise query(f"{what} threw an error during evaluation{jsonataerrors.explain_python(error)}", field) from None
    if result is None:
        raise query(f"{what} returned nothing (undefined).", field)
    try:
        return _from_jsonata(result)
    except Refused:
        raise query(f"{what} returned an unsupported result type.", field) from None


def require_kind(value: Any, kind: str, expression: str, field: str) -> Any:
    """The value where it is of a kind; raises StateFailed."""
    if kind_of(value) != kind:
        raise query(
            f"The JSONata expression '{expression}' specified for the field '{field}' returned an unexpected result "
            f"type. Expected '{kind}', but was '{kind_of(value)}' for value: {msgspec.json.encode(value).decode()}",
            field,
        )
    return value


@contextmanager
def _deep_recursion() -> Iterator[None]:
    """Several Python frames stand for one level of an expression. The library raises the interpreter's limit for good;
    others count on the usual one to refuse what is nested too deeply."""
    usual = sys.getrecursionlimit()
    sys.setrecursionlimit(max(usual, _MOST_FRAMES))
    try:
        yield
    finally:
        sys.setrecursionlimit(usual)


@lru_cache(maxsize=2048)
def _compile(expression: str) -> Jsonata:
    from mrak.lang.asl.jsonatalibrary import JException, Jsonata

    if len(expression) > _MOST_TEXT:
        raise JException("S0500", 0)
    with _deep_recursion():
        compiled = Jsonata(expression, regex_engine=_bounded_regex)
    compiled.set_output_convert_nulls(False)
    return compiled


def _bounded_regex(pattern: str, flags: Any) -> Any:
    """A regular expression that is given up after a second, since the library's own may backtrack for ever."""
    import regex

    from mrak.lang.asl.jsonatalibrary import JException

    options = (regex.IGNORECASE if flags.case_insensitive else 0) | (regex.MULTILINE if flags.multiline else 0)
    try:
        return _BoundedPattern(regex.compile(pattern, options))
    except regex.error:
        raise JException("S0302", 0) from None


class _BoundedPattern:
    """What the library asks of a compiled pattern, with a time limit on each use."""

    def __init__(self, compiled: Any) -> None:
        self._compiled = compiled

    def finditer(self, text: str) -> Any:
        return self._compiled.finditer(text, timeout=1)

    def search(self, text: str) -> Any:
        return self._compiled.search(text, timeout=1)

    def split(self, text: str, maxsplit: int = 0) -> Any:
        return self._compiled.split(text, maxsplit, timeout=1)

    def sub(self, replacement: Any, text: str, count: int = 0) -> Any:
        return self._compiled.sub(replacement, text, count, timeout=1)


def _to_jsonata(value: Any) -> Any:
    """The library's null is an object of its own, since its None is JSONata's undefined."""
    from mrak.lang.asl.jsonatalibrary import Utils

    if value is None:
        return Utils.NULL_VALUE
    if isinstance(value, dict):
        return {name: _to_jsonata(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_to_jsonata(item) for item in value]
    return value


def _from_jsonata(value: Any) -> Any:
    from mrak.lang.asl.jsonatalibrary import Utils

    if value is None or value is Utils.NULL_VALUE:
        return None
    if isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return jsonataerrors.printable(value)
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < 2**53 else value
    if isinstance(value, dict):
        return {jsonataerrors.printable(name): _from_jsonata(item) for name, item in value.items()}
    if isinstance(value, list | range) and len(value) <= _MOST_ITEMS:
        return [_from_jsonata(item) for item in value]
    raise Refused("unsupported")


def _functions(draw: Draws, now: float) -> dict[str, Any]:
    """The functions that AWS adds, and those that ask for time or chance."""
    from mrak.lang.asl.jsonatalibrary import Functions, Jsonata, Utils

    def random_number(seed: Any = None) -> float:
        import random

        return random.Random(draw.bytes(16) if seed is None else seed).random()

    def sequence(items: list[Any]) -> Any:
        made = Utils.create_sequence()
        made.extend(items)
        return items[0] if len(items) == 1 else made

    added: dict[str, Callable[..., Any]] = {
        "partition": lambda items=None, size=None: _partition(items, size),
        "range": lambda first=None, last=None, step=None: sequence(_range(first, last, step)),
        "hash": lambda text=None, algorithm="SHA-256": hash_of(text, algorithm),
        "random": random_number,
        "uuid": draw.uuid,
        "parse": lambda text=None: _parse(text),
        "now": lambda *picture: Functions.datetime_from_millis(int(now * 1000), *(picture or (None, None))[:2]),
        "millis": lambda: int(now * 1000),
        "eval": _refuse_eval,
    }
    own = {name: Jsonata.JLambda(function) for name, function in added.items()}
    return own | {"pad": Jsonata.function("pad", "<s-ns?:s>", _Bounded, "pad")}


class _Bounded:
    """Functions of the library that AWS bounds."""

    @staticmethod
    def pad(text: str | None, width: float | None, character: str | None) -> str | None:
        from mrak.lang.asl.jsonatalibrary import Functions

        if text is not None and width is not None and abs(width) - len(text) > _MOST_PADDING:
            raise MemoryExceeded
        padded: str | None = Functions.pad(text, width, character)
        return padded


def _refuse_eval(*arguments: Any) -> Any:
    """AWS does not offer $eval, which would hide what a definition does."""
    from mrak.lang.asl.jsonatalibrary import JException

    raise JException("T1006", 0)


def _partition(items: Any, size: Any) -> Any:
    if items is None:
        return None
    size = int(size)
    if size < 1:
        raise Refused("The chunk size must be a positive integer")
    items = items if isinstance(items, list) else [items]
    return [list(items[start : start + size]) for start in range(0, len(items), size)]


def _range(first: Any, last: Any, step: Any) -> list[Any]:
    first, last, step = int(first), int(last), int(1 if step is None else step)
    if step == 0:
        raise Refused("The step must not be 0")
    found = range(first, last + (1 if step > 0 else -1), step)
    if len(found) > _MOST_ITEMS:
        raise MemoryExceeded
    return list(found)


def _parse(text: Any) -> Any:
    if text is None:
        return None
    try:
        return _to_jsonata(msgspec.json.decode(text))
    except (msgspec.DecodeError, RecursionError):
        raise Refused(f"Invalid JSON: {text}") from None
