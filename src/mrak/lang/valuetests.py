"""Tests of one value in an event: the operators of event patterns (prefix, numeric, cidr, anything-but, ...).

A test is a predicate on a JSON leaf (str, bool, None, int, float or Decimal) and the text that explains it. Values
are compared as AWS's engine does: strings never equal numbers, numbers are equal where their first six decimals are
(1e2 is 100.0) up to five billion and by their text beyond, addresses by their value (::1 is 0:0:0:0:0:0:0:1).

Nothing here backtracks: a wildcard is its fixed parts, looked for from left to right.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

Leaf = Any
Test = Callable[[Leaf], bool]
Address = tuple[int, int]

LARGEST = 5_000_000_000
_DECIMALS = 6
_INTEGER_DIGITS = 10
_IPV4 = re.compile(r"[0-9]{1,10}\.[0-9]{1,10}\.[0-9]{1,10}\.[0-9]{1,10}")
_IPV6 = re.compile(r"[0-9a-fA-F:]*:[0-9a-fA-F:]*")


@dataclass(frozen=True, slots=True)
class Condition:
    """One test. `text` is its JSON form, for explanations; `wildcards` are counted for complexity."""

    text: str
    test: Test
    wildcards: tuple[str, ...] = ()


class ValueTestError(Exception):
    """An operand that the engine refuses; the message is AWS's."""


def scale_number(text: str) -> int | None:
    """A number in millionths, the form in which numbers are compared; None where it has more than six decimals or
    is larger than five billion (those compare by their text)."""
    try:
        sign, digits, exponent = Decimal(text).as_tuple()
    except InvalidOperation:
        return None
    if not isinstance(exponent, int):
        return None
    significant = "".join(map(str, digits)).lstrip("0")
    stripped = significant.rstrip("0")
    if not stripped:
        return 0
    exponent += len(significant) - len(stripped)
    if exponent < -_DECIMALS or len(stripped) + exponent > _INTEGER_DIGITS:
        return None
    scaled = int(stripped + "0" * (exponent + _DECIMALS))
    if scaled > LARGEST * 10**_DECIMALS:
        return None
    return -scaled if sign else scaled


def require_number(text: str) -> int:
    """As scale_number, for operands: refuses what cannot be compared."""
    scaled = scale_number(text)
    if scaled is not None:
        return scaled
    if abs(Decimal(text)) > LARGEST:
        raise ValueTestError("Value must be between -5.0E9 and 5.0E9, inclusive")
    raise ValueTestError(f"Only values upto {_DECIMALS} decimals are supported")


def leaf_text(value: Leaf) -> str:
    """A number, true, false or null as text."""
    if value is None:
        return "null"
    if value is True or value is False:
        return "true" if value else "false"
    return str(value)


def _scaled_leaf(value: Leaf) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    if isinstance(value, int):
        return value * 10**_DECIMALS if -LARGEST <= value <= LARGEST else None
    return scale_number(str(value))


def find_address(text: str) -> Address | None:
    """An IP address as (version, value); None where the text is none. Leading zeros are decimal, as in Java."""
    if _IPV4.fullmatch(text):
        parts = [int(part) for part in text.split(".")]
        if max(parts) > 255:
            return None
        return 4, (parts[0] << 24) | (parts[1] << 16) | (parts[2] << 8) | parts[3]
    if len(text) <= 64 and _IPV6.fullmatch(text):
        try:
            return 6, int(ipaddress.IPv6Address(text))
        except ValueError:
            return None
    return None


def equal_string(text: str) -> Test:
    address = find_address(text)
    if address is not None:
        return lambda value: isinstance(value, str) and (value == text or find_address(value) == address)
    return lambda value: isinstance(value, str) and value == text


def equal_bare(text: str, is_number: bool) -> Test:
    """Equality with a number, true, false or null that stands in the pattern as `text`."""
    scaled = scale_number(text) if is_number else None

    def test(value: Leaf) -> bool:
        if isinstance(value, str):
            return False
        return (scaled is not None and _scaled_leaf(value) == scaled) or leaf_text(value) == text

    return test


def exists(value: Leaf) -> bool:
    return True


def starts_with(prefix: str) -> Test:
    return lambda value: isinstance(value, str) and value.startswith(prefix)


def ends_with(suffix: str) -> Test:
    return lambda value: isinstance(value, str) and value.endswith(suffix)


def equals_ignoring_case(text: str) -> Test:
    lower = text.lower()
    return lambda value: isinstance(value, str) and value.lower() == lower


def starts_ignoring_case(prefix: str) -> Test:
    lower = prefix.lower()
    return lambda value: isinstance(value, str) and value.lower().startswith(lower)


def ends_ignoring_case(suffix: str) -> Test:
    lower = suffix.lower()
    return lambda value: isinstance(value, str) and value.lower().endswith(lower)


def none_of(tests: Iterable[Test]) -> Test:
    """anything-but: true for every value, of whatever type, that none of the tests takes."""
    held = tuple(tests)
    return lambda value: not any(test(value) for test in held)


def not_in_strings(values: frozenset[str]) -> Test:
    return lambda value: not (isinstance(value, str) and value in values)


def not_in_numbers(scaled: frozenset[int]) -> Test:
    return lambda value: _scaled_leaf(value) not in scaled


def in_range(low: int | None, high: int | None) -> Test:
    """Numbers in [low, high], in millionths; None is open. Bounds that exclude are one millionth further in."""

    def test(value: Leaf) -> bool:
        scaled = _scaled_leaf(value)
        return scaled is not None and (low is None or scaled >= low) and (high is None or scaled <= high)

    return test


def in_network(cidr: str) -> Test:
    """The addresses of a network; as AWS's engine, it takes no mask that leaves a single address."""
    slashed = cidr.split("/")
    while slashed and slashed[-1] == "":
        slashed.pop()
    if len(slashed) != 2:
        raise ValueTestError("Malformed CIDR, one '/' required")
    if not re.fullmatch(r"[+-]?[0-9]{1,9}", slashed[1]):
        raise ValueTestError("Malformed CIDR, mask bits must be an integer")
    mask_bits = int(slashed[1])
    if mask_bits < 0:
        raise ValueTestError("Malformed CIDR, mask bits must not be negative")
    address = find_address(slashed[0])
    if address is None:
        looks_right = _IPV4.fullmatch(slashed[0]) or _IPV6.fullmatch(slashed[0])
        raise ValueTestError(f"{'Invalid' if looks_right else 'Nonstandard'} IP address: {slashed[0]}")
    version, given = address
    width = 32 if version == 4 else 128
    if mask_bits > width - 1:
        raise ValueTestError(f"IPv{version} mask bits must be < {width}")
    host_bits = (1 << (width - mask_bits)) - 1
    low, high = given & ~host_bits, given | host_bits

    def test(value: Leaf) -> bool:
        found = find_address(value) if isinstance(value, str) else None
        return found is not None and found[0] == version and low <= found[1] <= high

    return test


def wildcard_tokens(pattern: str) -> list[str | None]:
    """The pattern's characters, None for `*`. Positions in errors count the opening quote, as AWS's do."""
    tokens: list[str | None] = []
    position = 0
    while position < len(pattern):
        char = pattern[position]
        if char == "*":
            if pattern[position + 1 : position + 2] == "*":
                raise ValueTestError(f"Consecutive wildcard characters at pos {_byte_position(pattern, position)}")
            tokens.append(None)
        elif char == "\\":
            following = pattern[position + 1 : position + 2]
            if following not in ("*", "\\"):
                raise ValueTestError(f"Invalid escape character at pos {_byte_position(pattern, position)}")
            tokens.append(following)
            position += 1
        else:
            tokens.append(char)
        position += 1
    return tokens


def _byte_position(pattern: str, position: int) -> int:
    return len(pattern[:position].encode("utf-8", "surrogatepass")) + 1


def like_wildcard(pattern: str) -> Test:
    """`*` stands for any characters; `\\*` and `\\\\` for themselves."""
    parts: list[str] = [""]
    for token in wildcard_tokens(pattern):
        if token is None:
            parts.append("")
        else:
            parts[-1] += token
    if len(parts) == 1:
        return lambda value: isinstance(value, str) and value == parts[0]
    return lambda value: isinstance(value, str) and _has_parts(value, parts)


def _has_parts(value: str, parts: list[str]) -> bool:
    first, *middle, last = parts
    if len(value) < len(first) + len(last) or not value.startswith(first) or not value.endswith(last):
        return False
    at, end = len(first), len(value) - len(last)
    for part in middle:
        found = value.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


def wildcard_complexity(patterns: Iterable[str], limit: int) -> int:
    """How many positions in these patterns some text can be at once; stops counting above `limit`.

    It is the criterion of AWS's engine (event-ruler's MachineComplexityEvaluator), found by walking the sets of
    positions that can be reached together, of which a limit this small leaves few.
    """
    machines = [['"', *wildcard_tokens(pattern), '"'] for pattern in patterns]
    alphabet = {token for tokens in machines for token in tokens if token is not None} | {""}
    start = frozenset((index, 0) for index in range(len(machines)))
    seen, waiting, most = {start}, [start], 0
    while waiting:
        active = waiting.pop()
        for char in alphabet:
            after = _advance(machines, active, char)
            most = max(most, len(after))
            if most > limit or len(seen) > 50_000:
                return limit + 1
            if after and after not in seen:
                seen.add(after)
                waiting.append(after)
    return most


def _advance(
    machines: list[list[str | None]], active: frozenset[tuple[int, int]], char: str
) -> frozenset[tuple[int, int]]:
    """The positions (tokens read) after one more character; standing in a `*` counts as a position of its own."""
    after: set[tuple[int, int]] = set()
    for index, read in active:
        tokens = machines[index]
        if read > 0 and tokens[read - 1] is None:
            after.add((index, read))
        if read < len(tokens) and tokens[read] == char:
            after.add((index, read + 1))
    for index, read in list(after):
        if read < len(machines[index]) and machines[index][read] is None:
            after.add((index, read + 1))
    return frozenset(after)
