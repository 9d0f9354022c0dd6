"""JSONPath as EventBridge and Step Functions take it (Jayway's dialect).

    $.a.b  $['a']['b']  $['a','b']  $[0]  $[-1]  $[0,2]  $[1:3]  $[*]  $.*  $..a  $[?(@.price < 10 && @.tag)]

A *definite* path names at most one node and yields it; any other yields the list of all nodes it names. A *reference
path* is a definite path of names and indexes only; Step Functions wants one wherever it writes. Trailing functions
(length(), min(), max(), avg(), sum(), keys()) apply to what the path yields. There are no regular expressions in
filters here, since those of the dialect backtrack.

https://docs.aws.amazon.com/step-functions/latest/dg/amazon-states-language-paths.html
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from mrak.lang.jsonpathnodes import Function, Indexes, Names, Segment, find_nodes, is_single
from mrak.lang.jsonpathparser import JsonPathSyntaxError, PathParser

__all__ = ["JsonPathNotFound", "JsonPathSyntaxError", "Path", "find_first", "parse"]


class JsonPathNotFound(Exception):
    """A definite path names nothing in the document."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


@dataclass(frozen=True, slots=True)
class Path:
    """A compiled path. `is_context` paths begin with `$$`."""

    text: str
    segments: tuple[Segment, ...]
    is_context: bool

    @property
    def is_definite(self) -> bool:
        return all(is_single(segment) for segment in self.segments)

    @property
    def is_reference(self) -> bool:
        """Names and indexes only, which is what can be written to."""
        return all(
            (isinstance(segment, Names) and len(segment.names) == 1)
            or (isinstance(segment, Indexes) and len(segment.indexes) == 1 and segment.indexes[0] >= 0)
            for segment in self.segments
        )

    def find(self, document: Any) -> list[Any]:
        """All nodes that the path names, in document order."""
        return find_nodes(self.segments, document)

    def value(self, document: Any) -> Any:
        """The node of a definite path, or the list of an indefinite one; raises JsonPathNotFound."""
        nodes = self.find(document)
        if self.is_definite or any(isinstance(segment, Function) for segment in self.segments):
            if not nodes:
                raise JsonPathNotFound(self.text)
            return nodes[0]
        return nodes

    def put(self, document: Any, value: Any) -> Any:
        """A copy of the document in which this reference path holds the value; objects on the way are made."""
        assert self.is_reference, self.text
        return _put(document, self.segments, value, self.text)


@lru_cache(maxsize=4096)
def parse(text: str) -> Path:
    """The path of a text; raises JsonPathSyntaxError."""
    parser = PathParser(text)
    is_context, segments = parser.parse_root()
    return Path(text, segments, is_context)


def find_first(text: str, document: Any) -> Any:
    """What a path yields, or None where it names nothing (or is no path)."""
    try:
        return parse(text).value(document)
    except (JsonPathNotFound, JsonPathSyntaxError):
        return None


def _put(node: Any, segments: tuple[Segment, ...], value: Any, text: str) -> Any:
    if not segments:
        return value
    segment, rest = segments[0], segments[1:]
    if isinstance(segment, Names):
        if node is not None and not isinstance(node, dict):
            raise JsonPathNotFound(text)
        name = segment.names[0]
        copied = dict(node or {})
        copied[name] = _put(copied.get(name), rest, value, text)
        return copied
    assert isinstance(segment, Indexes)
    index = segment.indexes[0]
    if not isinstance(node, list) or index >= len(node):
        raise JsonPathNotFound(text)
    return [_put(old, rest, value, text) if at == index else old for at, old in enumerate(node)]
