"""Which route a request is for. Compiled once for each snapshot of an API.

A full match of the path comes first, static segments before variables; then a greedy variable, the longest path
first; then $default. A method's own route comes before ANY.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.services.apigatewayv2 import rules

Route = dict[str, Any]


class Node:
    """A place in the tree of path segments. `methods` are routes that end here, `greedy` those whose last variable
    takes the rest."""

    __slots__ = ("greedy", "methods", "static", "variable")

    def __init__(self) -> None:
        self.static: dict[str, Node] = {}
        self.variable: Node | None = None
        self.methods: dict[str, Route] = {}
        self.greedy: dict[str, Route] = {}


class Match(msgspec.Struct, frozen=True):
    route: Route
    parameters: dict[str, str]


class Routes:
    """The routes of one API."""

    def __init__(self, routes: list[Route]) -> None:
        self._root = Node()
        self._default: Route | None = None
        for route in routes:
            self._add(route)

    def find(self, method: str, segments: list[str]) -> Match | None:
        """The route for a method and decoded path segments."""
        found = _walk(self._root, method, segments, 0, ())
        if found is None:
            return None if self._default is None else Match(self._default, {})
        route, values = found
        return Match(route, dict(zip(route["_variables"], values, strict=True)))

    def _add(self, route: Route) -> None:
        method, segments = rules.parse_route_key(route["RouteKey"])
        if method == "$default":
            self._default = route | {"_variables": ()}
            return
        route = route | {"_variables": tuple(part.strip("{}+") for part in segments if part.startswith("{"))}
        node = self._root
        for segment in segments:
            if segment.endswith("+}"):
                node.greedy[method] = route
                return
            if segment.startswith("{"):
                node.variable = node = node.variable or Node()
            else:
                node = node.static.setdefault(segment, Node())
        node.methods[method] = route


def _walk(
    node: Node, method: str, segments: list[str], at: int, values: tuple[str, ...]
) -> tuple[Route, tuple[str, ...]] | None:
    """Depth first, the more specific branch before; so the first full match is the best one."""
    if at == len(segments):
        route = node.methods.get(method) or node.methods.get("ANY")
        return None if route is None else (route, values)
    segment = segments[at]
    found = None
    child = node.static.get(segment)
    if child is not None:
        found = _walk(child, method, segments, at + 1, values)
    if found is None and node.variable is not None and segment:
        found = _walk(node.variable, method, segments, at + 1, (*values, segment))
    if found is None and node.greedy:
        route = node.greedy.get(method) or node.greedy.get("ANY")
        if route is not None:
            return route, (*values, "/".join(segments[at:]))
    return found
