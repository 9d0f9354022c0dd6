"""DynamoDB's number type: 38 significant digits, magnitude 1E-130 to 9.99..E+125, kept as canonical decimal text.

Canonical text has no exponent, no leading or trailing zeros and no plus sign, so equal numbers are equal strings.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
"""

from __future__ import annotations

import re
from decimal import Context, Decimal
from functools import lru_cache

from mrak.lang.ddb.errors import InvalidValue

MAX_DIGITS = 38
MAX_EXPONENT = 125
MIN_EXPONENT = -130

OVERFLOW = "Number overflow. Attempting to store a number with magnitude larger than supported range"
UNDERFLOW = "Number underflow. Attempting to store a number with magnitude smaller than supported range"
NOT_NUMERIC = "The parameter cannot be converted to a numeric value"
TOO_MANY_DIGITS = "Attempting to store more than 38 significant digits in a Number"

# What is canonical already and within every limit: the common case, left as it is.
_is_canonical_integer = re.compile(r"0|-?[1-9][0-9]{0,37}", re.ASCII).fullmatch
_parse = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]+))?", re.ASCII).fullmatch

# Sums of two numbers within range need at most 125 + 130 + 2 digits; more than 38 of them is an error anyway.
_EXACT = Context(prec=300, Emax=999999, Emin=-999999)

ZERO_KEY = b"\x80"
_STORED_BIAS = 193
_STORED_END = 102
_MOST_PAIRS = 20
_INT = 1 << 31
_LONG = 1 << 63


def split(text: str) -> tuple[bool, str, int]:
    """(negative, significant digits, exponent of the first digit) of a number within range; digits "" is zero."""
    match = _parse(text)
    if match is None or not (match[2] or match[3]):
        raise _refused(f"{NOT_NUMERIC}: {text}", text)
    whole, fraction = match[2], match[3] or ""
    digits = (whole + fraction).lstrip("0")
    shift = _shift(match[4])
    if shift is None:
        raise _refused(f"{NOT_NUMERIC}: {text}", text)
    # Zero is as large as the last place that is written of it.
    exponent = shift - len(fraction) + max(len(digits) - 1, 0)
    if exponent > MAX_EXPONENT:
        raise _refused(OVERFLOW, text)
    if exponent < MIN_EXPONENT:
        raise _refused(UNDERFLOW, text)
    digits = digits.rstrip("0")
    if not digits:
        return False, "", 0
    if len(digits) > MAX_DIGITS:
        raise InvalidValue(TOO_MANY_DIGITS)
    return match[1] == "-", digits, exponent


def _shift(text: str | None) -> int | None:
    """The exponent as written; None where it does not fit into 64 bits."""
    if text is None:
        return 0
    # Python refuses to read integers of thousands of digits.
    shift = int(text) if len(text) <= 40 else _LONG
    return shift if -_LONG <= shift < _LONG else None


def _refused(message: str, text: str) -> InvalidValue:
    return InvalidValue(message, _older_words(text))


def _older_words(text: str) -> str:
    """The older layer reads a number as Java's BigDecimal does: 32 bits for its scale, and a magnitude that wraps."""
    match = _parse(text)
    if not text:
        return NOT_NUMERIC
    if match is None or not (match[2] or match[3]):
        return f"{NOT_NUMERIC}: {text}"
    shift = _shift(match[4])
    scale = None if shift is None else len(match[3] or "") - shift
    if shift is None or scale is None or not (-_INT <= shift < _INT and -_INT <= scale < _INT):
        return f"{NOT_NUMERIC}: {text}"
    precision = len((match[2] + (match[3] or "")).lstrip("0")) or 1
    magnitude = (precision - scale + _INT) % (2 * _INT) - _INT
    return UNDERFLOW if magnitude <= MIN_EXPONENT else OVERFLOW


def canonical(text: str) -> str:
    """The number as DynamoDB gives it back; raises when it is not a number, or out of range."""
    if _is_canonical_integer(text):
        return text
    negative, digits, exponent = split(text)
    return render(negative, digits, exponent)


def render(negative: bool, digits: str, exponent: int) -> str:
    if not digits:
        return "0"
    sign = "-" if negative else ""
    point = exponent + 1
    if point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    if point >= len(digits):
        return f"{sign}{digits}{'0' * (point - len(digits))}"
    return f"{sign}{digits[:point]}.{digits[point:]}"


def value(text: str) -> int | Decimal:
    """A canonical number, to compare or compute with. int and Decimal compare exactly with each other."""
    try:
        return int(text)
    except ValueError:
        return Decimal(text)


def add(left: str, right: str) -> str:
    return _compute(left, right, 1)


def subtract(left: str, right: str) -> str:
    return _compute(left, right, -1)


def _compute(left: str, right: str, sign: int) -> str:
    a, b = value(left), value(right)
    if type(a) is int and type(b) is int:
        return canonical(str(a + sign * b))
    # Not -Decimal(b), which rounds to 28 digits.
    total = _EXACT.add(Decimal(a), Decimal(b) if sign > 0 else Decimal(b).copy_negate())
    return canonical(format(total, "f"))


def size_bytes(text: str) -> int:
    """The stored size of a canonical number, which AWS gives as about one byte for two digits."""
    if text.isdigit():
        # The common case, without taking the number apart; a canonical integer has no leading zeros.
        negative, exponent, count = False, len(text) - 1, len(text.rstrip("0"))
    else:
        negative, digits, exponent = split(text)
        count = len(digits)
    if not count:
        return 1
    pairs = (count + 1) // 2
    # Digits are stored in pairs aligned to the decimal point; an even count that straddles pairs takes one more.
    straddles = 0 if count % 2 or exponent % 2 else 1
    # A negative number ends with a byte of its own, unless its digits take all the room there is.
    return min(1 + pairs + straddles + (1 if negative else 0), 1 + _MOST_PAIRS)


# A request asks for the same number's bytes several times: for its item, its indexes, its page.
@lru_cache(maxsize=1024)
def key_bytes(text: str) -> bytes:
    """Bytes that sort as the number does."""
    negative, digits, exponent = split(text)
    if not digits:
        return ZERO_KEY
    if len(digits) % 2:
        digits += "0"
    biased = exponent - MIN_EXPONENT
    pairs = [int(digits[i : i + 2]) for i in range(0, len(digits), 2)]
    if not negative:
        return bytes([0x81, biased, *(pair + 1 for pair in pairs)])
    # All is mirrored; the end mark is above every mirrored pair, so that the shorter of two sorts as the larger.
    return bytes([0x7F, 255 - biased, *(101 - pair for pair in pairs), 102])


@lru_cache(maxsize=1024)
def stored_bytes(key: bytes) -> bytes:
    """A number's key bytes in the form in which AWS stores and hashes it: an exponent to the base of a hundred, then
    pairs of digits that are aligned to the decimal point."""
    if key == ZERO_KEY:
        return key
    negative = key[0] < ZERO_KEY[0]
    exponent = (255 - key[1] if negative else key[1]) + MIN_EXPONENT
    head = (exponent // 2 + _STORED_BIAS) & 0xFF
    if exponent % 2 and not negative:
        # The pairs are aligned as they are, and written alike.
        return bytes((head,)) + key[2:]
    pairs = [101 - pair for pair in key[2:-1]] if negative else [pair - 1 for pair in key[2:]]
    if exponent % 2 == 0:
        pairs = _shifted(pairs)
    if not negative:
        return bytes((head, *[pair + 1 for pair in pairs]))
    end = (_STORED_END,) if len(pairs) < _MOST_PAIRS else ()
    return bytes((head ^ 0xFF, *[101 - pair for pair in pairs], *end))


def _shifted(pairs: list[int]) -> list[int]:
    """The same digits, paired from one digit on."""
    shifted = []
    carry = 0
    for pair in pairs:
        tens, ones = divmod(pair, 10)
        shifted.append(carry + tens)
        carry = ones * 10
    return [*shifted, carry] if carry else shifted
