"""Key attributes: bytes that sort as DynamoDB sorts, and what AWS demands of a key value.

`sort_bytes` gives a key part for the ordered store. Parts of the same type compare as their values do; the store
keeps the parts of a key apart, so no part needs an end mark of its own.
"""

from __future__ import annotations

from mrak.lang.ddb import numbers
from mrak.lang.ddb.errors import invalid, invalid_parameter
from mrak.lang.ddb.values import Value

MAX_PARTITION_KEY_BYTES = 2048
MAX_SORT_KEY_BYTES = 1024

NOT_VALID = "One or more parameter values are not valid."
EMPTY_KEY = "The AttributeValue for a key attribute cannot contain an empty"
PARTITION_KEY_TOO_LONG = "Size of hashkey has exceeded the maximum size limit of2048 bytes"
SORT_KEY_TOO_LONG = "Aggregated size of all range keys has exceeded the size limit of 1024 bytes"


def sort_bytes(value: Value) -> bytes:
    for kind, content in value.items():
        if kind == "S":
            return bytes(content.encode("utf-8", "surrogatepass"))
        if kind == "N":
            return numbers.key_bytes(content)
        return bytes(content)
    raise AssertionError("a key value without a type")


def check_partition_size(encoded: bytes, kind: str) -> None:
    if len(encoded) > MAX_PARTITION_KEY_BYTES and kind != "N":
        raise invalid_parameter(PARTITION_KEY_TOO_LONG)


def check_sort_size(encoded: bytes, kind: str) -> None:
    if len(encoded) > MAX_SORT_KEY_BYTES and kind != "N":
        raise invalid_parameter(SORT_KEY_TOO_LONG)


def check_not_empty(name: str, kind: str, encoded: bytes) -> None:
    """Strings and binaries may be empty, but not in a key."""
    if not encoded:
        what = "string" if kind == "S" else "binary"
        raise invalid(f"{NOT_VALID} {EMPTY_KEY} {what} value. Key: {name}")


def check_index_not_empty(index: str, name: str, kind: str, encoded: bytes) -> None:
    if not encoded:
        what = "string" if kind == "S" else "binary"
        raise invalid(
            f"{NOT_VALID} A value specified for a secondary index key is not supported. "
            f"{EMPTY_KEY} {what} value. "
            f"IndexName: {index}, IndexKey: {name}"
        )


def after_prefix(prefix: bytes) -> bytes | None:
    """The first bytes that no longer begin with `prefix`; None when nothing comes after."""
    end = prefix.rstrip(b"\xff")
    return end[:-1] + bytes([end[-1] + 1]) if end else None
