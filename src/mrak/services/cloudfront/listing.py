"""Pages of listings: markers are the last id that was returned, as it is.

https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_ListDistributions.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any, TypeVar

from mrak.services.cloudfront import errors

T = TypeVar("T")
_DEFAULT_ITEMS = 100


def max_items(req: dict[str, Any]) -> int:
    text = req.get("MaxItems", "") or str(_DEFAULT_ITEMS)
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise errors.invalid_argument("The parameter MaxItems is not valid.")
    return min(int(text), _DEFAULT_ITEMS)


def marker(req: dict[str, Any]) -> str | None:
    """The id after which to go on."""
    return req.get("Marker") or None


def render_page(
    req: dict[str, Any], rows: Iterable[T], render: Callable[[T], Any], marker_of: Callable[[T], str]
) -> dict[str, Any]:
    """The members that all of CloudFront's lists have; the codec leaves out those that a list lacks."""
    size = max_items(req)
    found = list(islice(rows, size + 1))
    page = found[:size]
    answer: dict[str, Any] = {
        "Marker": req.get("Marker", ""),
        "MaxItems": size,
        "IsTruncated": len(found) > size,
        "Quantity": len(page),
    }
    if page:
        answer["Items"] = [render(row) for row in page]
    if len(found) > size:
        answer["NextMarker"] = marker_of(page[-1])
    return answer
