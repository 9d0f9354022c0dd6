"""What is said of a JSONata expression that does not parse or that fails, as AWS says it.

AWS's words are those of jsonata-js: values stand in them as JSON, and functions are called functions (the library
jsonata-python calls them "Object"). What the library leaves to Python's own exceptions has a code there.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from mrak.lang.asl.jsonatalibrary import JException

# Bounds of ours and of AWS: these words come without a code.
_BOUNDS = {
    "D1011": "Stack overflow error: Check for non-terminating recursive function. Consider rewriting as tail-recursive",
    "D1012": "Expression evaluation timeout: Check for infinite loop",
}
_MEMORY = "Expression evaluation memory limit exceeded: Check for excessive memory usage"
_PLACE = re.compile(r"\{\{(\{)?\w+\}?\}\}")
_SORTS = {"a": "arrays", "b": "booleans", "f": "functions", "n": "numbers", "o": "objects", "s": "strings"}
# What Python says -> the code and words of jsonata-js, in which the value is put.
_PYTHON = (
    ("could not convert string to float: ", "D3030: Unable to cast value to a number: "),
    (
        "Invalid isoformat string: ",
        "D3110: The argument of the toMillis function must be an ISO 8601 formatted timestamp. Given ",
    ),
)


class MemoryExceeded(Exception):
    """A function would make more than AWS lets it."""


def explain(error: JException) -> str:
    """The message without its code."""
    from mrak.lang.asl.jsonatalibrary import JException

    template = JException.error_codes.get(error.get_error())
    if template is None:
        return str(error)
    values = iter(_substitutes(error))
    return _PLACE.sub(lambda place: _show(next(values, None), bool(place.group(1))), _with_functions(template))


def explain_failure(error: JException) -> str:
    """What follows "threw an error during evaluation": the code and the message, or the bound that was met."""
    code = error.get_error()
    bound = _BOUNDS.get(code)
    return f": {bound}" if bound is not None else f". {code}: {printable(explain(error))}"


def explain_python(error: Exception) -> str:
    """The same for an error that the library left to Python."""
    if isinstance(error, MemoryExceeded):
        return f": {_MEMORY}"
    if isinstance(error, ZeroDivisionError):
        return ". D1001: Number out of range: null"
    text = str(error)
    for prefix, said in _PYTHON:
        if text.startswith(prefix):
            return f". {said}{_as_json(text.removeprefix(prefix))}"
    return f". {printable(text)}"


def printable(text: str) -> str:
    """Half a surrogate pair, which an expression can spell, stands in no answer."""
    return text.encode("utf-8", "replace").decode()


def _with_functions(template: str) -> str:
    return template.replace("Object", "function")


def _substitutes(error: JException) -> tuple[Any, ...]:
    values = (error.get_current(), error.get_expected(), getattr(error, "extra", None))
    if error.get_error() == "T0412":
        return tuple(
            _SORTS.get(value, value) if isinstance(value, str) and len(value) == 1 else value for value in values
        )
    return values


def _show(value: Any, is_plain: bool) -> str:
    if is_plain:
        return str(value)
    try:
        return msgspec.json.encode(value).decode()
    except (TypeError, ValueError, RecursionError):
        return msgspec.json.encode(printable(str(value))).decode()


def _as_json(shown: str) -> str:
    """A text that Python shows, as JSON. What is no text in quotes is not looked into."""
    if shown[:1] not in ("'", '"'):
        return shown
    try:
        return _show(ast.literal_eval(shown), False)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return shown
