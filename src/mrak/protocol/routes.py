"""The route table of a REST service: method, path and query to an operation.

A trie of path segments, literals before labels before the greedy label; at its leaf, the operations of that path,
the one with most query literals and required parameters first. Paths are matched as they came: `%2F` separates
nothing, `..` and `//` are names like any other (S3 keys are only names), and nothing is normalised.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote_to_bytes

from mrak.core.http import Request
from mrak.protocol.model import OperationModel

_GREEDY = "+}"


@dataclass(slots=True)
class _Route:
    operation: str
    literals: tuple[tuple[str, str], ...]
    required_query: tuple[str, ...]
    required_headers: tuple[str, ...]

    def rank(self) -> tuple[int, int, int]:
        return (len(self.literals), len(self.required_query), len(self.required_headers))

    def has_literals(self, query: dict[str, str]) -> bool:
        return all(name in query and value in ("", query[name]) for name, value in self.literals)

    def is_complete(self, query: dict[str, str], headers: dict[str, str]) -> bool:
        return all(name in query for name in self.required_query) and all(n in headers for n in self.required_headers)


@dataclass(slots=True)
class _Routes:
    """The operations of one method and path, and those of them that need nothing in the query."""

    all: list[_Route] = field(default_factory=list)
    bare: list[_Route] = field(default_factory=list)

    def add(self, route: _Route) -> None:
        self.all = sorted([*self.all, route], key=_Route.rank, reverse=True)
        self.bare = [one for one in self.all if not one.literals and not one.required_query]


@dataclass(slots=True)
class _Node:
    literals: dict[str, _Node] = field(default_factory=dict)
    label: _Node | None = None
    greedy: _Node | None = None
    routes: dict[str, _Routes] = field(default_factory=dict)


def path_of(request_uri: str) -> str:
    return request_uri.partition("?")[0]


def literals_of(request_uri: str) -> tuple[tuple[str, str], ...]:
    """The query parameters that an operation's URI names itself."""
    pairs = parse_qsl(request_uri.partition("?")[2], keep_blank_values=True)
    return tuple((name, value) for name, value in pairs if name != "x-id")


def _route(operation: OperationModel) -> _Route:
    shape = operation.input
    required = [member for name, member in shape.members.items() if name in shape.required]
    literals = literals_of(operation.request_uri)
    return _Route(
        operation.name,
        literals,
        tuple(m.wire_name for m in required if m.location == "querystring" and m.shape.type != "map"),
        tuple(m.wire_name.lower() for m in required if m.location == "header"),
    )


class RouteTable:
    def __init__(self, operations: list[OperationModel]) -> None:
        self._root = _Node()
        for operation in operations:
            self._add(operation)

    def _add(self, operation: OperationModel) -> None:
        node = self._root
        for segment in _segments(path_of(operation.request_uri)):
            if segment.endswith(_GREEDY):
                node.greedy = node.greedy or _Node()
                node = node.greedy
            elif segment.startswith("{"):
                node.label = node.label or _Node()
                node = node.label
            else:
                node = node.literals.setdefault(segment, _Node())
        node.routes.setdefault(operation.method, _Routes()).add(_route(operation))

    def find(self, request: Request) -> str | None:
        found = _find_routes(self._root, _segments(request.path), 0, request.method)
        if found is None:
            return None
        candidates = found.all if request.query or not found.bare else found.bare
        if len(candidates) == 1 and not candidates[0].literals:
            return candidates[0].operation
        query = dict(request.query_pairs)
        fallback, fallback_literals = None, 0
        for route in candidates:
            if fallback_literals > len(route.literals):
                # What names an operation is for that one, though it lacks something.
                break
            if route.has_literals(query):
                if route.is_complete(query, request.headers):
                    return route.operation
                # Of routes that lack a parameter, the one that asks for least would report it.
                fallback, fallback_literals = route.operation, len(route.literals)
        return fallback


def _segments(path: str) -> list[str]:
    """`/a/b` and `/a/b/` are [a, b]; of further slashes each one counts, as they belong to a greedy label."""
    segments = path.split("/")[1:]
    if segments and segments[-1] == "":
        segments.pop()
    return segments


def _find_routes(node: _Node, segments: list[str], index: int, method: str) -> _Routes | None:
    if index == len(segments):
        return node.routes.get(method)
    segment = segments[index]
    child = node.literals.get(segment)
    if child is None and "%" in segment:
        child = node.literals.get(unquote_to_bytes(segment).decode("utf-8", "replace"))
    if child is not None:
        found = _find_routes(child, segments, index + 1, method)
        if found:
            return found
    if node.label is not None and segment:
        found = _find_routes(node.label, segments, index + 1, method)
        if found:
            return found
    return _find_greedy(node.greedy, segments, index, method) if node.greedy is not None else None


def _find_greedy(node: _Node, segments: list[str], index: int, method: str) -> _Routes | None:
    """All that is left, but for literals that follow the greedy label in the template."""
    for literal, child in node.literals.items():
        if segments[-1] == literal and len(segments) > index + 1 and child.routes.get(method):
            return child.routes[method]
    return node.routes.get(method)


def compile_path(request_uri: str) -> tuple[re.Pattern[str], list[str]]:
    """A pattern that captures an operation's labels from the raw path, and their names."""
    names: list[str] = []
    parts: list[str] = []
    for segment in path_of(request_uri).split("/")[1:]:
        if segment.endswith(_GREEDY):
            names.append(segment[1:-2])
            parts.append("(.+)")
        elif segment.startswith("{"):
            names.append(segment[1:-1])
            parts.append("([^/]*)")
        elif segment:
            parts.append("[^/]*")
    ends_greedy = path_of(request_uri).endswith(_GREEDY)
    return re.compile("/" + "/".join(parts) + ("" if ends_greedy else "/?") + r"\Z", re.DOTALL), names
