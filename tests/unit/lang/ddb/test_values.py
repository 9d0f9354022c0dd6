"""Attribute values: what is refused in which words, sizes, equality, key bytes."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrak.core.errors import ApiError
from mrak.lang.ddb import keys, values

scalars = st.one_of(
    st.builds(lambda s: {"S": s}, st.text(max_size=8)),
    st.builds(lambda n: {"N": str(n)}, st.integers(-(10**20), 10**20)),
    st.builds(lambda b: {"B": b}, st.binary(max_size=8)),
    st.just({"BOOL": True}),
    st.just({"NULL": True}),
    st.builds(lambda s: {"SS": sorted(s)}, st.sets(st.text(min_size=1, max_size=4), min_size=1, max_size=4)),
)
any_value = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.builds(lambda v: {"L": v}, st.lists(inner, max_size=3)),
        st.builds(lambda v: {"M": v}, st.dictionaries(st.text(min_size=1, max_size=3), inner, max_size=3)),
    ),
    max_leaves=8,
)


def nested(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {"S": "leaf"}
    for _ in range(levels - 1):
        value = {"L": [value]}
    return value


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({}, values.EMPTY_VALUE),
        ({"S": "a", "N": "1"}, values.MANY_TYPES),
        ({"S": "a", "N": "b"}, "The parameter cannot be converted to a numeric value: b"),
        ({"N": "x"}, "The parameter cannot be converted to a numeric value: x"),
        (
            {"NULL": False},
            "One or more parameter values were invalid: Null attribute value types must have the value of true",
        ),
        ({"SS": []}, "One or more parameter values were invalid: An string set  may not be empty"),
        ({"NS": []}, "One or more parameter values were invalid: An number set  may not be empty"),
        ({"BS": []}, "One or more parameter values were invalid: Binary sets should not be empty"),
        (
            {"SS": ["b", "a", "b"]},
            'One or more parameter values were invalid: Input collection ["a", "b", "b"] contains duplicates.',
        ),
        ({"NS": ["1", "1.0"]}, "One or more parameter values were invalid: Input collection contains duplicates."),
        (
            {"BS": [b"b", b"b"]},
            "One or more parameter values were invalid: "
            'Input collection ["Yg==","Yg=="]of type BS contains duplicates.',
        ),
        ({"M": {"": {"S": "a"}}}, values.EMPTY_NAME),
        ({"L": [{"M": {"a": {}}}]}, values.EMPTY_VALUE),
        (nested(33), values.TOO_DEEP),
    ],
)
def test_refuses_values_in_awss_words(value: dict[str, Any], message: str) -> None:
    """The words are part of the interface."""
    with pytest.raises(ApiError) as raised:
        values.check_value(value)
    assert raised.value.message == message


def test_accepts_empty_strings_binaries_and_32_levels() -> None:
    """Empty scalars are allowed outside keys; the 32nd level is the last."""
    for value in ({"S": ""}, {"B": b""}, {"L": []}, {"M": {}}, nested(32)):
        values.check_value(value)


def test_puts_numbers_into_canonical_form_wherever_they_are() -> None:
    """Equality of numbers is equality of text, so none may keep its old form."""
    item = {"a": {"N": "1.0"}, "b": {"NS": ["2.50", "+3"]}, "c": {"L": [{"M": {"d": {"N": "1e2"}}}]}}
    values.check_item(item)
    assert item == {"a": {"N": "1"}, "b": {"NS": ["2.5", "3"]}, "c": {"L": [{"M": {"d": {"N": "100"}}}]}}


@pytest.mark.parametrize(
    ("item", "size"),
    [
        ({"pk": {"S": "abc"}}, 5),
        ({"pk": {"S": "é"}}, 4),
        ({"é": {"BOOL": False}}, 3),
        ({"a": {"NULL": True}}, 2),
        ({"a": {"B": b"1234"}}, 5),
        ({"a": {"L": []}}, 4),
        ({"a": {"L": [{"S": "x"}]}}, 6),
        ({"a": {"M": {"bc": {"S": "x"}}}}, 8),
        ({"a": {"SS": ["x", "yz"]}}, 4),
        ({"a": {"NS": ["1", "2"]}}, 5),
    ],
)
def test_item_sizes_to_the_byte(item: dict[str, Any], size: int) -> None:
    """Sizes decide what is refused, how pages end and what is billed."""
    assert values.check_item(item) == size
    assert values.item_size_bytes(item) == size


@given(st.dictionaries(st.text(min_size=1, max_size=4), any_value, max_size=4))
def test_a_stored_item_comes_back_as_it_was_and_as_large(item: dict[str, Any]) -> None:
    """The stored row is the item's JSON; both ways of computing the size agree."""
    size = values.check_item(item)
    decoded = values.decode_item(values.encode_item(item))
    assert decoded == item
    assert values.item_size_bytes(decoded) == size
    for name, value in item.items():
        assert values.equal(value, decoded[name])


def test_sets_are_equal_in_any_order_also_when_nested() -> None:
    """Sets have no order, lists have."""
    assert values.equal({"SS": ["a", "b"]}, {"SS": ["b", "a"]})
    assert values.equal({"M": {"x": {"L": [{"NS": ["1", "2"]}]}}}, {"M": {"x": {"L": [{"NS": ["2", "1"]}]}}})
    assert not values.equal({"L": [{"S": "a"}, {"S": "b"}]}, {"L": [{"S": "b"}, {"S": "a"}]})
    assert not values.equal({"S": "1"}, {"N": "1"})
    assert not values.equal({"SS": ["a"]}, {"SS": ["a", "b"]})


@given(st.text(max_size=6), st.text(max_size=6))
def test_strings_sort_by_utf8_bytes(left: str, right: str) -> None:
    """DynamoDB orders strings by their UTF-8 bytes."""
    assert (left < right) == (keys.sort_bytes({"S": left}) < keys.sort_bytes({"S": right}))


@given(st.binary(min_size=1, max_size=4), st.binary(max_size=6))
def test_after_prefix_bounds_what_begins_with_it(prefix: bytes, other: bytes) -> None:
    """begins_with is a range scan up to this bound."""
    end = keys.after_prefix(prefix)
    assert other.startswith(prefix) == (prefix <= other and (end is None or other < end))


def test_key_limits_have_awss_words() -> None:
    """2048 bytes for a partition key, 1024 for a sort key, nothing empty."""
    keys.check_partition_size(b"x" * 2048, "S")
    keys.check_sort_size(b"x" * 1024, "B")
    with pytest.raises(ApiError, match="Size of hashkey has exceeded the maximum size limit of2048 bytes"):
        keys.check_partition_size(b"x" * 2049, "S")
    with pytest.raises(ApiError, match="Aggregated size of all range keys has exceeded the size limit of 1024 bytes"):
        keys.check_sort_size(b"x" * 1025, "B")
    with pytest.raises(ApiError, match=r"cannot contain an empty string value\. Key: pk"):
        keys.check_not_empty("pk", "S", b"")
    with pytest.raises(ApiError, match=r"cannot contain an empty binary value\. IndexName: i, IndexKey: g"):
        keys.check_index_not_empty("i", "g", "B", b"")
