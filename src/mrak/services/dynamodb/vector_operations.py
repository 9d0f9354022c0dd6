"""SearchVectors.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_SearchVectors.html
"""

from __future__ import annotations

from typing import Any

from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.operation import operation
from mrak.lang.ddb.expressions import request
from mrak.lang.ddb.expressions.condition import ConditionPlan
from mrak.lang.ddb.expressions.projection import ProjectionPlan
from mrak.lang.ddb.expressions.tree import CompareNode, LogicNode, PathNode, ValueNode
from mrak.lang.ddb.values import Item, Value, check_value
from mrak.services.dynamodb import errors, vectors
from mrak.services.dynamodb.tables import require_schema
from mrak.services.dynamodb.vectors import Match, VectorSchema


@operation("SearchVectors")
def search_vectors(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    request.check_usage(req, request.SEARCH)
    if req["TopK"] > vectors.MOST_RESULTS:
        raise errors.invalid_parameter(f"TopK must be less than or equal to {vectors.MOST_RESULTS}")
    wanted = _floats(req["SearchVector"])
    bound = request.bind(req)
    schema = require_schema(ctx, tx, req["TableName"])
    index = next((it for it in schema.vectors if it.record.name == req["IndexName"]), None)
    if index is None:
        raise errors.invalid(f"The table does not have the specified index: {req['IndexName']}")
    if len(wanted) != index.record.dimensions:
        raise errors.invalid_parameter(
            f"SearchVector has {len(wanted)} dimensions, but the index {index.record.name} has "
            f"{index.record.dimensions} dimensions"
        )
    partition = _partition(index, bound)
    test, values = bound.condition, bound.values
    found, read_bytes = vectors.search(
        tx, index, wanted, req["TopK"], partition, lambda item: test is None or test.test(item, values)
    )
    shown = [{"Item": _show(index, match, bound.projection), "Score": match.score} for match in found]
    output: dict[str, Any] = {"SearchResults": shown}
    deviation("DYNAMODB-001")
    ctx.meter("VectorSearchRequestBytes", read_bytes)
    if req.get("ReturnConsumedCapacity", "NONE") != "NONE":
        output["ConsumedCapacity"] = {"VectorSearchRequestBytes": float(read_bytes)}
    return output


def _floats(wanted: list[Value]) -> list[float]:
    floats = []
    for value in wanted:
        check_value(value)
        if "N" not in value:
            raise errors.invalid_parameter("SearchVector must be a list of numbers")
        number = float(value["N"])
        if abs(number) > vectors.LARGEST_FLOAT:
            raise errors.invalid_parameter("SearchVector contains a number that does not fit in 32-bit floating point")
        floats.append(number)
    return floats


def _partition(index: VectorSchema, bound: request.Bound) -> Value | None:
    """The partition to search: an index that has partitions is only searched in one of them."""
    names = {name for name, _ in index.record.search}
    plan = bound.condition
    if plan is not None:
        foreign = sorted(plan.heads - names)
        if foreign:
            raise errors.invalid(
                "Invalid SearchConditionExpression: SearchConditionExpression can only contain attributes of the "
                f"search schema: [{', '.join(foreign)}]"
            )
    partition = index.record.partition
    if partition is None:
        return None
    value = None if plan is None else _equality(plan, partition, bound)
    if value is None:
        raise errors.invalid(f"Query condition missed key schema element: {partition}")
    return value


def _equality(plan: ConditionPlan, name: str, bound: request.Bound) -> Value | None:
    node = plan.node
    parts = node.parts if isinstance(node, LogicNode) and node.operator == "AND" else (node,)
    for part in parts:
        if isinstance(part, CompareNode) and part.operator == "=":
            for one, other in ((part.left, part.right), (part.right, part.left)):
                if isinstance(one, PathNode) and isinstance(other, ValueNode):
                    head = str(one.raw[0])
                    if len(one.raw) == 1 and bound.names.get(head, head) == name:
                        return bound.values[other.name]
    return None


def _show(index: VectorSchema, match: Match, plan: ProjectionPlan | None) -> Item:
    """Without a projection the vector stays out: it is large, and seldom wanted."""
    if plan is None:
        return match.item
    return plan.apply(match.item | {index.record.attribute: vectors.render_vector(match.vector)})
