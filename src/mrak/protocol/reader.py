"""Slow, exact reading of JSON-like values into validated input: types, null as absent, coercions that AWS accepts.

It serves JSON bodies that the fast decoder refused (and REST bodies whose wire names differ from the members'), CBOR
bodies, and inputs that come from inside. What does not fit raises `WireError` with AWS's words. Blobs become bytes,
timestamps epoch seconds, unknown members are dropped.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Callable
from typing import Any

from mrak.protocol import times
from mrak.protocol.model import Member, Shape
from mrak.protocol.validation_quirks import NULL_KEEPERS

Reader = Callable[[Any], Any]

_OBJECT_NOT_EXPECTED = "Start of structure or map found where not expected"
# What Java says of a scalar in place of a collection that stands in another collection.
_NOT_A_CLASS = (
    "class sun.reflect.generics.reflectiveObjects.ParameterizedTypeImpl cannot be cast to class java.lang.Class "
    "(sun.reflect.generics.reflectiveObjects.ParameterizedTypeImpl and java.lang.Class are in module java.base of "
    "loader 'bootstrap')"
)
_UNCLEAN_PAD = "Invalid last non-pad Base64 character dectected"
_INT_BITS = {"integer": 31, "long": 63}
_JAVA = {"string": "String", "integer": "Integer", "long": "Long", "float": "Float", "double": "Double"}


class WireError(Exception):
    """Something in the request is not what the model says. Its text is AWS's."""


def _refuse(value: Any, java: str) -> WireError:
    if isinstance(value, bool):
        return WireError(f"{'TRUE' if value else 'FALSE'}_VALUE cannot be converted to {java}")
    if isinstance(value, float):
        return WireError(f"DECIMAL_VALUE cannot be converted to {java}")
    if isinstance(value, int):
        return WireError(f"NUMBER_VALUE cannot be converted to {java}")
    if isinstance(value, str):
        return WireError(f"STRING_VALUE cannot be converted to {java}")
    if isinstance(value, dict):
        return WireError(_OBJECT_NOT_EXPECTED)
    if isinstance(value, list):
        return WireError(f"Unrecognized collection type class java.lang.{java}")
    return WireError("Unexpected token received from parser")


def read_string(value: Any) -> Any:
    if type(value) is str:
        return value
    raise _refuse(value, "String")


def read_boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        if value.lower() in ("true", "false"):
            return value.lower() == "true"
        raise WireError("Unexpected token received from parser")
    raise _refuse(value, "Boolean")


def _integer_reader(kind: str) -> Reader:
    java, limit = _JAVA[kind], 1 << _INT_BITS[kind]

    def read_integer(value: Any) -> int:
        if isinstance(value, float) and math.isfinite(value):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise _refuse(value, java)
        if not -limit <= value < limit:
            raise WireError(f"NUMBER_VALUE cannot be converted to {java}")
        return value

    return read_integer


def _float_reader(kind: str) -> Reader:
    java = _JAVA[kind]

    def read_float(value: Any) -> float:
        if value in ("NaN", "Infinity", "-Infinity"):
            return float(value)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _refuse(value, java)
        try:
            return float(value)
        except OverflowError as error:
            raise WireError(f"NUMBER_VALUE cannot be converted to {java}") from error

    return read_float


def read_timestamp(value: Any) -> float:
    """A number of seconds, or a string in any of AWS's formats."""
    try:
        if isinstance(value, str):
            return times.parse(value)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return times.require_finite(float(value))
        if hasattr(value, "timestamp"):
            return float(value.timestamp())
    except (ValueError, OverflowError) as error:
        raise WireError(f"Unable to parse date: {str(value)[:100]}") from error
    raise _refuse(value, "Date")


def decode_base64(text: str) -> bytes:
    """Strict, as AWS: whole groups of four, no foreign characters, no bits before the padding that are no one's. The
    words are those of its Base64 reader."""
    if len(text) % 4:
        raise WireError(f"Base64 encoded length is expected a multiple of 4 bytes but found: {len(text)}")
    try:
        content = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        foreign = next((char for char in text if not (char.isascii() and (char.isalnum() or char in "+/="))), None)
        if foreign is None:
            raise WireError(_UNCLEAN_PAD) from error
        raise WireError(f"Invalid Base64 character: '{foreign}'") from error
    tail = len(content) % 3
    if tail and base64.b64encode(content[-tail:]).decode() != text[-4:]:
        raise WireError(_UNCLEAN_PAD)
    return content


def read_blob(value: Any) -> bytes:
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    if isinstance(value, str):
        return decode_base64(value)
    if isinstance(value, dict):
        raise WireError(_OBJECT_NOT_EXPECTED)
    if isinstance(value, list):
        raise WireError("Unrecognized collection type class java.nio.ByteBuffer")
    raise WireError("only base-64-encoded strings are convertible to bytes")


def _any(value: Any) -> Any:
    return value


_SCALAR_READERS: dict[str, Reader] = {
    "string": read_string,
    "character": read_string,
    "boolean": read_boolean,
    "integer": _integer_reader("integer"),
    "long": _integer_reader("long"),
    "float": _float_reader("float"),
    "double": _float_reader("double"),
    "timestamp": read_timestamp,
    "blob": read_blob,
}


class Readers:
    """The compiled readers of one service.

    With `wire_names`, members go by their locationName (JSON bodies). `package` is what the service calls its classes
    in messages, `timestamp` reads what is a timestamp.
    """

    def __init__(self, wire_names: bool, package: str = "", timestamp: Reader = read_timestamp) -> None:
        self._wire_names = wire_names
        self._package = package
        self._scalars = {**_SCALAR_READERS, "timestamp": timestamp}
        self._compiled: dict[str, Reader] = {}

    def of(self, shape: Shape) -> Reader:
        scalar = self._scalars.get(shape.type)
        if scalar is not None:
            return scalar
        if shape.is_document:
            return _any
        found = self._compiled.get(shape.name)
        if found is None:
            self._compiled[shape.name] = lambda value: self._compiled[shape.name](value)
            found = self._compiled[shape.name] = self._compile(shape)
        return found

    def _compile(self, shape: Shape) -> Reader:
        if shape.type == "structure":
            return self.structure(shape, list(shape.members.items()))
        if shape.type == "list":
            return self._list(shape)
        return self._map(shape)

    def member(self, member: Member) -> Reader:
        read = self.of(member.shape)
        if member.shape.type != "structure" or member.shape.is_document:
            return read

        def read_field(value: Any) -> Any:
            if not isinstance(value, dict | list):
                raise WireError("Unexpected field type")
            return read(value)

        return read_field

    def structure(self, shape: Shape, members: list[tuple[str, Member]]) -> Reader:
        """A reader of a structure of these members only."""
        plan = [
            (name, member.wire_name if self._wire_names else name, self.member(member))
            for name, member in members
            if not member.shape.is_event_stream
        ]
        java = f"class {self._package}{shape.name}"

        def read_structure(value: Any) -> dict[str, Any]:
            if not isinstance(value, dict):
                if isinstance(value, list):
                    raise WireError(f"Unrecognized collection type {java}")
                raise WireError("Unexpected value type in payload")
            result: dict[str, Any] = {}
            for name, wire_name, read in plan:
                inner = value.get(wire_name)
                if inner is not None:
                    result[name] = read(inner)
            return result

        return read_structure

    def _inner(self, shape: Shape) -> Reader:
        """A reader of what stands in a list or a map."""
        read = self.of(shape)
        if shape.type not in ("list", "map"):
            return read

        def read_collection(value: Any) -> Any:
            if not isinstance(value, dict | list | tuple):
                raise WireError(_NOT_A_CLASS)
            return read(value)

        return read_collection

    def _java_type(self, shape: Shape) -> str:
        if shape.type == "structure":
            return self._package + shape.name
        return f"java.util.List<{self._java_type(shape.element.shape)}>" if shape.type == "list" else "java.lang.String"

    def _list(self, shape: Shape) -> Reader:
        read = self._inner(shape.element.shape)
        keeps_null = shape.full_name in NULL_KEEPERS

        def read_list(value: Any) -> list[Any]:
            if not isinstance(value, list | tuple):
                if isinstance(value, dict):
                    raise WireError(_OBJECT_NOT_EXPECTED)
                raise WireError("Unexpected field type")
            if keeps_null:
                return [None if item is None else read(item) for item in value]
            return [read(item) for item in value if item is not None]

        return read_list

    def _map(self, shape: Shape) -> Reader:
        read, java = self._inner(shape.value.shape), self._java_type(shape.value.shape)

        def read_map(value: Any) -> dict[str, Any]:
            if not isinstance(value, dict):
                if isinstance(value, list):
                    raise WireError(f"Unrecognized collection type java.util.Map<java.lang.String, {java}>")
                raise WireError("Unexpected field type")
            return {read_string(key): read(item) for key, item in value.items() if item is not None}

        return read_map
