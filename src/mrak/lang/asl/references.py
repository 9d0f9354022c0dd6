"""JSONPath in a state: `$` is the data, `$$` the context object, `$name` a variable.

The messages are Jayway's, which AWS shows.
https://docs.aws.amazon.com/step-functions/latest/dg/amazon-states-language-paths.html
https://docs.aws.amazon.com/step-functions/latest/dg/workflow-variables.html
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from mrak.lang import jsonpath
from mrak.lang.asl.failures import StateFailed, runtime
from mrak.lang.asl.scope import Scope, render
from mrak.lang.jsonpath import JsonPathNotFound, JsonPathSyntaxError, Path
from mrak.lang.jsonpathnodes import Indexes, Names

_VARIABLE = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)")
_MISSING = object()


class PathMissing(Exception):
    """A path names nothing; the message is Jayway's."""


@lru_cache(maxsize=4096)
def parse_reference(text: str) -> tuple[str | None, Path]:
    """(variable or None, path); raises JsonPathSyntaxError."""
    match = _VARIABLE.match(text)
    if match is None:
        return None, jsonpath.parse(text)
    return match.group(1), jsonpath.parse("$" + text[match.end() :])


def is_reference_path(text: str) -> bool:
    """Whether a text is a path that can be written to."""
    try:
        variable, path = parse_reference(text)
    except JsonPathSyntaxError:
        return False
    return variable is None and path.is_reference


def is_path(text: str) -> bool:
    try:
        parse_reference(text)
    except JsonPathSyntaxError:
        return False
    return True


def variable_of(text: str) -> str | None:
    """The variable that a path begins with."""
    match = _VARIABLE.match(text)
    return None if match is None else match.group(1)


def find(text: str, scope: Scope) -> Any:
    """What a path yields; raises PathMissing."""
    variable, path = parse_reference(text)
    if variable is not None:
        document = scope.variables.get(variable, _MISSING)
        if document is _MISSING:
            raise PathMissing(f"Variable '{variable}' is not defined")
    else:
        document = scope.context if path.is_context else scope.root
    if not path.segments:
        return document
    try:
        return path.value(document)
    except JsonPathNotFound:
        raise PathMissing(_explain(path, document)) from None


def require_path(text: str, scope: Scope) -> Any:
    """As `find`, for InputPath and its like, in their words."""
    try:
        return find(text, scope)
    except PathMissing as missing:
        raise runtime(f"Invalid path '{text}' : {missing}") from None


def put(text: str, document: Any, value: Any) -> Any:
    """A copy of the document in which the reference path holds the value."""
    path = jsonpath.parse(text)
    try:
        return path.put(document, value)
    except JsonPathNotFound:
        raise StateFailed(
            "States.ResultPathMatchFailure",
            f'Unable to apply step "{text.removeprefix("$.")}" to input {render(document)}',
            is_located=True,
        ) from None


def _explain(path: Path, document: Any) -> str:
    """Where a definite path leaves the document."""
    shown = "$"
    for position, segment in enumerate(path.segments):
        before = document
        if isinstance(segment, Names) and len(segment.names) == 1:
            shown += f"['{segment.names[0]}']"
            document = before.get(segment.names[0], _MISSING) if isinstance(before, dict) else _MISSING
        elif isinstance(segment, Indexes) and len(segment.indexes) == 1:
            shown += f"[{segment.indexes[0]}]"
            fits = isinstance(before, list) and -len(before) <= segment.indexes[0] < len(before)
            document = before[segment.indexes[0]] if fits else _MISSING
        if document is _MISSING:
            is_last = position == len(path.segments) - 1
            return f"No results for path: {shown}" if is_last else f"Missing property in path {shown}"
    return f"No results for path: {shown}"
