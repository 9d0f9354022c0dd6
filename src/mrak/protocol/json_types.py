"""msgspec types made from shapes, so that a JSON body decodes straight into a validated dict.

A TypedDict for each structure, `Annotated[..., Meta(...)]` for constraints, Literal for enums. What these types accept
is valid and final. What they refuse may still be right (null members, dates as text, numbers that AWS coerces): the
caller then walks it with `reader` and `validate`, which also know AWS's messages. So a type here may be stricter than
AWS, never laxer; `fast_type` gives None for shapes where that cannot be had.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypedDict

from msgspec import Meta

from mrak.protocol import patterns
from mrak.protocol.model import Member, Shape
from mrak.protocol.validation_quirks import NAMES_OR_ARNS

_INTEGERS = {"integer": 1 << 31, "long": 1 << 63}


class FastTypes:
    """The types of one service. `constrained` false leaves the constraints to the service itself (SQS)."""

    def __init__(self, constrained: bool) -> None:
        self._constrained = constrained
        self._structures: dict[str, Any] = {}
        self._possible: dict[str, bool] = {}

    def of_body(self, shape: Shape, members: list[tuple[str, Member]]) -> Any | None:
        """The type of an operation's JSON body, or None where only the slow reader can read it."""
        if not all(self._is_possible(member) for _, member in members):
            return None
        body = _typed_dict(shape.name)
        self._fill(body, shape, members)
        return body

    def _is_possible(self, member: Member) -> bool:
        return self._is_plain(member) and all(self._is_shape_possible(shape) for shape in member.shape.reachable)

    def _is_plain(self, member: Member) -> bool:
        """Without a name of its own on the wire, and without another form than its type's."""
        return member.timestamp_format in (None, "unixTimestamp") and member.wire_name == member.name

    def _is_shape_possible(self, shape: Shape) -> bool:
        found = self._possible.get(shape.name)
        if found is None:
            found = all(self._is_plain(member) for member in shape.members.values())
            found = found and not shape.is_event_stream
            if self._constrained and shape.pattern is not None and shape.type == "string":
                found = found and patterns.is_fast(shape.pattern)
            self._possible[shape.name] = found
        return found

    def _structure(self, shape: Shape) -> Any:
        found = self._structures.get(shape.name)
        if found is None:
            found = self._structures[shape.name] = _typed_dict(shape.name)
            self._fill(found, shape, list(shape.members.items()))
        return found

    def _fill(self, typed_dict: Any, shape: Shape, members: list[tuple[str, Member]]) -> None:
        """Annotations come after creation, so that a recursive shape can refer to its own type."""
        typed_dict.__annotations__ = {name: self._type(member.shape) for name, member in members}
        required = {name for name, _ in members if name in shape.required}
        typed_dict.__required_keys__ = frozenset(required)
        typed_dict.__optional_keys__ = frozenset(name for name, _ in members if name not in required)

    def _type(self, shape: Shape) -> Any:
        kind = shape.type
        if kind == "structure":
            return Any if shape.is_document else self._structure(shape)
        if kind == "string":
            return self._string(shape)
        if kind in _INTEGERS:
            return self._integer(shape)
        if kind in ("float", "double", "timestamp"):
            return self._float(shape)
        if kind == "boolean":
            return bool
        if kind == "blob":
            return self._sized(bytes, shape)
        if kind == "list":
            return self._sized(list[self._type(shape.element.shape)], shape)  # type: ignore[misc]
        assert kind == "map", kind
        return self._sized(dict[self._type(shape.key.shape), self._type(shape.value.shape)], shape)  # type: ignore[misc]

    def _sized(self, base: Any, shape: Shape) -> Any:
        if not self._constrained or (shape.min is None and shape.max is None):
            return base
        return Annotated[base, Meta(min_length=_length(shape.min), max_length=_length(shape.max))]

    def _string(self, shape: Shape) -> Any:
        if not self._constrained:
            return str
        if shape.enum:
            return Literal[tuple(shape.enum)]
        name_rule = NAMES_OR_ARNS.get(shape.full_name)
        if name_rule is not None:
            size = f"{{{name_rule.least},{name_rule.most}}}"
            return Annotated[str, Meta(pattern=rf"^(?:arn:|(?:{name_rule.pattern.removesuffix('+')}){size}\Z)")]
        if shape.pattern is None:
            return self._sized(str, shape)
        pattern = patterns.translate(shape.pattern)
        return Annotated[str, Meta(pattern=pattern, min_length=_length(shape.min), max_length=_length(shape.max))]

    def _integer(self, shape: Shape) -> Any:
        limit = _INTEGERS[shape.type]
        low, high = -limit, limit - 1
        if self._constrained:
            low = max(low, int(shape.min)) if shape.min is not None else low
            high = min(high, int(shape.max)) if shape.max is not None else high
        return Annotated[int, Meta(ge=low, le=high)]

    def _float(self, shape: Shape) -> Any:
        if shape.type == "timestamp":
            return Annotated[float, Meta(ge=-62135596800, lt=253402300800)]
        if not self._constrained or (shape.min is None and shape.max is None):
            return float
        return Annotated[float, Meta(ge=shape.min, le=shape.max)]


def _typed_dict(name: str) -> Any:
    """A TypedDict that can be told apart by name in msgspec's errors; its members are filled in later."""
    make: Any = TypedDict
    return make(name, {}, total=False)


def _length(limit: float | None) -> int | None:
    return None if limit is None else max(0, int(limit))
