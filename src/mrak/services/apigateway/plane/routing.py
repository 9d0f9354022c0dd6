"""Which resource and method a request is for. Compiled once for each snapshot.

Static parts come before variables, variables before greedy ones; a method's own definition before ANY.
"""

from __future__ import annotations

from typing import Any

import msgspec


class Node:
    __slots__ = ("greedy", "greedy_name", "resource", "static", "variable", "variable_name")

    def __init__(self) -> None:
        self.static: dict[str, Node] = {}
        self.variable: Node | None = None
        self.variable_name = ""
        self.greedy: dict[str, Any] | None = None
        self.greedy_name = ""
        self.resource: dict[str, Any] | None = None


class Match(msgspec.Struct, frozen=True):
    resource: dict[str, Any]
    method: dict[str, Any]
    parameters: dict[str, str]


class Resources:
    """The tree of a snapshot's resources."""

    def __init__(self, resources: list[dict[str, Any]]) -> None:
        self._root = Node()
        for resource in resources:
            self._add(resource)

    def find(self, method: str, path: str) -> Match | None:
        """The method for a path; several slashes are one, and one at the end does not count."""
        segments = [part for part in path.split("/") if part]
        return _walk(self._root, method, segments, 0, {})

    def _add(self, resource: dict[str, Any]) -> None:
        node = self._root
        for part in resource["path"].split("/"):
            if not part:
                continue
            if part.endswith("+}"):
                node.greedy, node.greedy_name = resource, part[1:-2]
                return
            if part.startswith("{"):
                node.variable_name = part[1:-1]
                node.variable = node = node.variable or Node()
            else:
                node = node.static.setdefault(part, Node())
        node.resource = resource


def _walk(node: Node, method: str, segments: list[str], at: int, values: dict[str, str]) -> Match | None:
    if at == len(segments):
        return _match(node.resource, method, values)
    segment = segments[at]
    found = None
    child = node.static.get(segment)
    if child is not None:
        found = _walk(child, method, segments, at + 1, values)
    if found is None and node.variable is not None:
        found = _walk(node.variable, method, segments, at + 1, values | {node.variable_name: segment})
    if found is None and node.greedy is not None:
        found = _match(node.greedy, method, values | {node.greedy_name: "/".join(segments[at:])})
    return found


def _match(resource: dict[str, Any] | None, method: str, values: dict[str, str]) -> Match | None:
    if resource is None:
        return None
    found = resource["methods"].get(method) or resource["methods"].get("ANY")
    return None if found is None else Match(resource, found, values)
