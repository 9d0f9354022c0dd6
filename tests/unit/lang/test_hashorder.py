"""The order of Java's hash tables, against lists that AWS was seen to answer with."""

from __future__ import annotations

import pytest

from mrak.lang.hashorder import in_hash_order


def test_signs_beyond_the_first_plane_count_as_two() -> None:
    """Java hashes a text over its units of UTF-16: this sign comes to 1772899, and so to the eighth bucket of 16."""
    assert in_hash_order(["\U0001f600", "pk", "a", "h"]) == ["a", "\U0001f600", "h", "pk"]


@pytest.mark.parametrize(
    ("given", "least", "listed"),
    [
        ("pk sk a b c", 1, "sk a b pk c"),
        ("pk sk a", 16, "a sk pk"),
        ("my-hash my-string my-int", 1, "my-string my-int my-hash"),
        ("hash index extra", 1, "index hash extra"),
        ("key assignedTo roles tt", 1, "tt key assignedTo roles"),
        (
            "id name description metadata type size linked_to access_count status status_message created_at "
            "updated_at external_id",
            1,
            "status_message metadata description created_at access_count external_id type size updated_at name id "
            "linked_to status",
        ),
    ],
)
def test_names_are_listed_as_aws_lists_them(given: str, least: int, listed: str) -> None:
    """A map grows when it is more than three quarters full; names that share a bucket stay as they came."""
    assert in_hash_order(given.split(), least_buckets=least) == listed.split()
