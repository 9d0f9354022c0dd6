"""DynamoDB's numbers: canonical text, limits, and bytes that sort as the numbers do."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrak.core.errors import ApiError
from mrak.lang.ddb import numbers

digits = st.integers(min_value=-(10**38) + 1, max_value=10**38 - 1)
in_range = st.builds(lambda d, e: f"{d}e{e}", digits, st.integers(min_value=-130, max_value=88))


@pytest.mark.parametrize(
    ("given_text", "stored"),
    [
        ("0", "0"),
        ("-0", "0"),
        ("0.000", "0"),
        ("0e125", "0"),
        # The last place that is written of a zero is its first, too.
        ("0.0e126", "0"),
        ("1.0", "1"),
        ("1.50", "1.5"),
        ("+7", "7"),
        ("007", "7"),
        (".5", "0.5"),
        ("5.", "5"),
        ("1e3", "1000"),
        ("-1.25E-3", "-0.00125"),
        ("1E125", "1" + "0" * 125),
        ("1e-130", "0." + "0" * 129 + "1"),
        ("9" * 38, "9" * 38),
        ("1" + "0" * 50, "1" + "0" * 50),
    ],
)
def test_normalises_as_dynamodb_gives_numbers_back(given_text: str, stored: str) -> None:
    """Clients compare the text that comes back."""
    assert numbers.canonical(given_text) == stored


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "The parameter cannot be converted to a numeric value: "),
        ("abc", "The parameter cannot be converted to a numeric value: abc"),
        (" 1", "The parameter cannot be converted to a numeric value:  1"),
        ("NaN", "The parameter cannot be converted to a numeric value: NaN"),
        ("Infinity", "The parameter cannot be converted to a numeric value: Infinity"),
        ("1_0", "The parameter cannot be converted to a numeric value: 1_0"),
        ("٣", "The parameter cannot be converted to a numeric value: ٣"),
        (".", "The parameter cannot be converted to a numeric value: ."),
        ("1e126", numbers.OVERFLOW),
        ("-1e126", numbers.OVERFLOW),
        ("1e9223372036854775807", numbers.OVERFLOW),
        ("1e9223372036854775808", f"{numbers.NOT_NUMERIC}: 1e9223372036854775808"),
        ("0e126", numbers.OVERFLOW),
        ("1e-131", numbers.UNDERFLOW),
        ("1e-9223372036854775808", numbers.UNDERFLOW),
        ("0e-131", numbers.UNDERFLOW),
        ("0.0e-130", numbers.UNDERFLOW),
        ("1" * 39, numbers.TOO_MANY_DIGITS),
        ("1." + "1" * 38, numbers.TOO_MANY_DIGITS),
    ],
)
def test_refuses_in_awss_words(text: str, message: str) -> None:
    """Each limit has its own message."""
    with pytest.raises(ApiError) as raised:
        numbers.canonical(text)
    assert raised.value.message == message


@given(in_range)
def test_canonical_text_is_the_same_number_and_stable(text: str) -> None:
    """Normalising must not change the value, and must be idempotent, since equality is equality of text."""
    try:
        canonical = numbers.canonical(text)
    except ApiError:
        return
    assert Decimal(canonical) == Decimal(text)
    assert numbers.canonical(canonical) == canonical
    assert "e" not in canonical.lower()


@given(in_range, in_range)
def test_key_bytes_sort_as_the_numbers_do(left: str, right: str) -> None:
    """Sort keys are compared as bytes by the store."""
    try:
        a, b = numbers.canonical(left), numbers.canonical(right)
    except ApiError:
        return
    x, y = numbers.value(a), numbers.value(b)
    i, j = numbers.key_bytes(a), numbers.key_bytes(b)
    assert (x < y) == (i < j) and (x == y) == (i == j)


def test_key_bytes_sort_near_neighbours_and_signs() -> None:
    """The cases that random numbers rarely hit: prefixes of each other's digits, signs, zero."""
    ordered = [
        "-1.5",
        "-1.05",
        "-1",
        "-0.1",
        "-1e-130",
        "0",
        "1e-130",
        "0.1",
        "1",
        "1.0001",
        "1.05",
        "1.5",
        "10",
        "1e125",
    ]
    keys = [numbers.key_bytes(numbers.canonical(text)) for text in ordered]
    assert keys == sorted(keys)


@given(digits, digits)
def test_sums_are_exact(left: int, right: int) -> None:
    """No rounding: what does not fit in 38 digits is refused."""
    try:
        total = numbers.add(numbers.canonical(str(left)), numbers.canonical(str(right)))
    except ApiError as error:
        assert error.message == numbers.TOO_MANY_DIGITS
        return
    assert int(total) == left + right


def test_arithmetic_of_fractions_and_its_limits() -> None:
    """0.1 + 0.2 is 0.3, and a sum that loses digits is refused."""
    assert numbers.add("0.1", "0.2") == "0.3"
    assert numbers.subtract("0.3", "0.3") == "0"
    assert numbers.subtract("1", "2.5") == "-1.5"
    # All 38 digits count, also of what is subtracted.
    assert numbers.subtract("66", "-0." + "1" * 36) == "66." + "1" * 36
    with pytest.raises(ApiError, match="38 significant digits"):
        numbers.subtract("1000", "0." + "1" * 36)
    with pytest.raises(ApiError, match="38 significant digits"):
        numbers.add(numbers.canonical("1e50"), "1")
    with pytest.raises(ApiError, match="Number overflow"):
        numbers.add(numbers.canonical("9e125"), numbers.canonical("9e125"))


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 1),
        ("1", 2),
        ("10", 2),
        ("12", 2),
        ("123", 3),
        ("1234", 3),
        ("1.2", 3),
        ("-5", 3),
        ("100", 2),
        ("-" + "9" * 37, 21),
        ("-" + "9" * 38 + "0", 21),
    ],
)
def test_size_in_bytes(text: str, size: int) -> None:
    """Item sizes are billed and limited to the byte."""
    assert numbers.size_bytes(text) == size


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("0", "80"),
        ("1", "c102"),
        ("10", "c10b"),
        ("100", "c202"),
        ("123", "c20218"),
        ("0.01", "c002"),
        ("-1", "3e6466"),
        ("-123", "3d644e66"),
        ("9.9e125", "ff64"),
    ],
)
def test_stored_form(text: str, stored: str) -> None:
    """AWS hashes numbers in this form, so it decides the order of a scan."""
    assert numbers.stored_bytes(numbers.key_bytes(numbers.canonical(text))).hex() == stored


@given(st.integers(min_value=1 - 10**38, max_value=10**38 - 1), st.integers(min_value=-80, max_value=80))
def test_stored_form_is_as_long_as_the_number_is_billed(digits: int, exponent: int) -> None:
    """The size that AWS charges was measured on its own, and is that of the stored form."""
    text = numbers.canonical(f"{digits}e{exponent}")
    assert len(numbers.stored_bytes(numbers.key_bytes(text))) == numbers.size_bytes(text)
