"""Outputs as JSON-like values: names of the wire, timestamps in their format, absent members dropped.

msgspec encodes bytes as base64 and passes `msgspec.Raw` through, so most outputs need no rebuilding at all:
`Writers.is_plain` tells, when a codec is compiled, whether a shape is one of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import msgspec

from mrak.protocol import times
from mrak.protocol.model import Member, Shape

Writer = Callable[[Any], Any]


def _identity(value: Any) -> Any:
    return value


def write_float(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    return value


def write_blob(value: Any) -> Any:
    return value.encode() if isinstance(value, str) else value


def _timestamp_writer(form: str | None) -> Writer:
    if form in (None, "unixTimestamp"):
        return lambda value: int(value) if value == int(value) else value
    assert form is not None
    return lambda value: times.render(value, form)


class Writers:
    """The compiled writers of one service."""

    def __init__(self, wire_names: bool) -> None:
        self._wire_names = wire_names
        self._compiled: dict[str, Writer] = {}

    def is_plain(self, members: list[tuple[str, Member]]) -> bool:
        """Whether values of these members are JSON as they are, but for None and NaN."""
        inner = [m for _, member in members for shape in member.shape.reachable for m in shape.members.items()]
        if any(member.shape.is_event_stream for _, member in members):
            return False
        return all(self._is_plain_member(name, member) for name, member in [*members, *inner]) and not any(
            shape.type in ("list", "map") and self._has_formats(shape)
            for _, member in members
            for shape in member.shape.reachable
        )

    def _is_plain_member(self, name: str, member: Member) -> bool:
        if member.traits.get("jsonvalue") or member.timestamp_format not in (None, "unixTimestamp"):
            return False
        return not self._wire_names or member.wire_name == name

    def _has_formats(self, shape: Shape) -> bool:
        inner = shape.element if shape.type == "list" else shape.value
        return inner.timestamp_format not in (None, "unixTimestamp")

    def member(self, member: Member) -> Writer:
        shape = member.shape
        if member.traits.get("jsonvalue"):
            return lambda value: value if isinstance(value, str) else msgspec.json.encode(value).decode()
        if shape.type == "timestamp":
            return _timestamp_writer(member.timestamp_format)
        return self.of(shape)

    def of(self, shape: Shape) -> Writer:
        if shape.type in ("float", "double"):
            return write_float
        if shape.type == "blob":
            return write_blob
        if shape.type == "timestamp":
            return _timestamp_writer(shape.traits.get("timestampFormat"))
        if shape.type not in ("structure", "list", "map") or shape.is_document:
            return _identity
        found = self._compiled.get(shape.name)
        if found is None:
            self._compiled[shape.name] = lambda value: self._compiled[shape.name](value)
            found = self._compiled[shape.name] = self._compile(shape)
        return found

    def _compile(self, shape: Shape) -> Writer:
        if shape.type == "structure":
            return self.structure(list(shape.members.items()))
        if shape.type == "list":
            write = self.member(shape.element)
            return lambda value: value if _is_raw(value) else [write(item) for item in value if item is not None]
        write = self.member(shape.value)
        return lambda value: (
            value if _is_raw(value) else {key: write(item) for key, item in value.items() if item is not None}
        )

    def structure(self, members: list[tuple[str, Member]]) -> Writer:
        plan = [
            (name, member.wire_name if self._wire_names else name, self.member(member))
            for name, member in members
            if not member.shape.is_event_stream
        ]

        def write_structure(value: Any) -> Any:
            if _is_raw(value):
                return value
            result: dict[str, Any] = {}
            for name, wire_name, write in plan:
                inner = value.get(name)
                if inner is not None:
                    result[wire_name] = write(inner)
            return result

        return write_structure


def _is_raw(value: Any) -> bool:
    return isinstance(value, msgspec.Raw)
