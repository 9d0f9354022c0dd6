"""SearchVectors.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_SearchVectors.html
"""

from __future__ import annotations

from array import array
from typing import Any

from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.errors import ApiError
from mrak.core.operation import operation
from mrak.lang.ddb.expressions import request
from mrak.lang.ddb.expressions.projection import ProjectionPlan
from mrak.lang.ddb.values import Item, Value, check_value, item_size_bytes
from mrak.services.dynamodb import errors, vector_conditions, vector_scores, vectors
from mrak.services.dynamodb.access import require_schema
from mrak.services.dynamodb.vectors import Match, VectorSchema

_INVALID_VECTOR = (
    "Search vector contains invalid values. All values in the search vector must be a 32-bit floating-point number "
    "attribute"
)
_LEAST_REQUEST_BYTES = 1024.0
_BYTES_PER_DIMENSION = 30.6875
_BYTES_PER_RESULT = 65


@operation("SearchVectors")
def search_vectors(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    request.check_usage(req, request.SEARCH)
    wanted = _floats(req["SearchVector"])
    if req["TopK"] > vectors.MOST_RESULTS:
        raise errors.invalid(
            f"Provided TopK value '{req['TopK']}' is out of valid range. "
            f"The value must be between 1 and {vectors.MOST_RESULTS} inclusive"
        )
    bound = request.bind(req)
    asked = None if bound.condition is None else vector_conditions.equalities(bound.condition.node, bound)
    schema = require_schema(ctx, tx, req["TableName"], index=req.get("IndexName"), asked=req)
    index = next((it for it in schema.vectors if it.record.name == req["IndexName"]), None)
    if index is None or index.record.phase == "ALLOCATING":
        raise errors.invalid(f"The table does not have the specified index: {req['IndexName']}")
    if index.record.phase == "BACKFILLING":
        raise errors.invalid(f"Cannot search backfilling vector index: {req['IndexName']}")
    if len(wanted) != index.record.dimensions:
        raise errors.invalid(
            f"Input search vector dimension {len(wanted)} does not match vector index dimension "
            f"{index.record.dimensions}"
        )
    vector_conditions.check(index, schema.record.attributes, asked)
    partition = None if index.record.partition is None else (asked or {})[index.record.partition]
    test, values = bound.condition, bound.values
    found = vectors.search(
        tx, index, wanted, req["TopK"], partition, lambda item: test is None or test.test(item, values)
    )
    shown = [_show(index, match, bound.projection) for match in found]
    results = [{"Item": item, "Score": match.score} for item, match in zip(shown, found, strict=True)]
    output: dict[str, Any] = {"SearchResults": results}
    deviation("DYNAMODB-001")
    request_bytes = _request_bytes(index, found, sum(index.record.attribute in item for item in shown))
    ctx.meter("VectorSearchRequestBytes", request_bytes)
    if req.get("ReturnConsumedCapacity", "NONE") != "NONE":
        # AWS sends the same number under a second name, which its models lack.
        output["ConsumedCapacity"] = {"VectorSearchRequestBytes": request_bytes, "VectorSearchUnits": request_bytes}
    return output


def _request_bytes(index: VectorSchema, found: list[Match], vector_count: int) -> float:
    """What a search costs, as measured at AWS: by dimensions, by results, and by the vectors that are sent back."""
    dimensions = index.record.dimensions
    results = sum(_BYTES_PER_RESULT + item_size_bytes(match.item) for match in found)
    return max(_LEAST_REQUEST_BYTES, dimensions * _BYTES_PER_DIMENSION + results + 4 * dimensions * vector_count)


def _floats(wanted: list[Value]) -> array[float]:
    floats = array("f")
    for value in wanted:
        try:
            check_value(value)
        except ApiError:
            raise errors.invalid(_INVALID_VECTOR) from None
        number = float(value.get("N", "inf"))
        if abs(number) > vector_scores.LARGEST_FLOAT:
            raise errors.invalid(_INVALID_VECTOR)
        floats.append(number)
    return floats


def _show(index: VectorSchema, match: Match, plan: ProjectionPlan | None) -> Item:
    """Without a projection the vector stays out: it is large, and seldom wanted."""
    if plan is None:
        return match.item
    return plan.apply(match.item | {index.record.attribute: vectors.render_vector(match.vector)})
