"""Numbers in message attributes, as SQS and SNS read them: Java's BigDecimal with limits.

Zeros at the end count as digits, those at the beginning do not; a zero has an exponent too.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Literal

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_MOST_DIGITS = 38
_LEAST_EXPONENT, _EXPONENT_LIMIT = -128, 126

Fault = Literal["syntax", "range", "precision"]


def find_fault(text: str) -> Fault | None:
    """What is wrong with a number; None where it may be sent."""
    if not _NUMBER.fullmatch(text.strip()):
        return "syntax"
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        # Its exponent is beyond what a Decimal can have.
        return "range"
    if not _LEAST_EXPONENT <= number.adjusted() < _EXPONENT_LIMIT:
        return "range"
    return "precision" if len(number.as_tuple().digits) > _MOST_DIGITS else None


def plain_text(text: str) -> str:
    """A number without exponent and without needless zeros: 1e3 is 1000, 0001.230 is 1.23."""
    plain = format(Decimal(text.strip()), "f")
    if "." in plain:
        plain = plain.rstrip("0").rstrip(".")
    return "0" if plain == "-0" else plain
