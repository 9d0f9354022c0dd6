"""Resource policies of tables and streams.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_PutResourcePolicy.html
"""

from __future__ import annotations

from typing import Any

from msgspec import structs

from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.core.operation import operation
from mrak.services.dynamodb import policies
from mrak.services.dynamodb.tables import TABLES, TableRecord
from mrak.services.dynamodb.tag_operations import require_by_arn


@operation("PutResourcePolicy")
def put_resource_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    policy = policies.normalise(req["Policy"])
    scope, record = require_by_arn(ctx, tx, req["ResourceArn"], opens=True)
    _check_revision(record, req.get("ExpectedRevisionId"))
    if record.policy == policy:
        return {"RevisionId": record.policy_revision}
    revision = str(int(ctx.now * 1000))
    TABLES.replace(tx, scope, record, structs.replace(record, policy=policy, policy_revision=revision))
    return {"RevisionId": revision}


@operation("GetResourcePolicy")
def get_resource_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    _, record = require_by_arn(ctx, tx, req["ResourceArn"])
    if record.policy is None:
        raise _no_policy(req["ResourceArn"])
    return {"Policy": record.policy, "RevisionId": record.policy_revision}


@operation("DeleteResourcePolicy")
def delete_resource_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    scope, record = require_by_arn(ctx, tx, req["ResourceArn"], opens=True)
    _check_revision(record, req.get("ExpectedRevisionId"))
    if record.policy is None:
        return {}
    TABLES.replace(tx, scope, record, structs.replace(record, policy=None, policy_revision=None))
    return {"RevisionId": record.policy_revision}


def _no_policy(arn: str) -> ApiError:
    return ApiError("PolicyNotFoundException", f"Resource-based policy not found for the provided ResourceArn: {arn}")


def _check_revision(record: TableRecord, expected: str | None) -> None:
    """A revision that is expected must be the current one; NO_POLICY expects none."""
    current = record.policy_revision or "NO_POLICY"
    if expected is not None and current != expected:
        raise ApiError(
            "PolicyNotFoundException",
            "Resource-based policy not found for the provided ResourceArn: Requested update for policy with revision "
            f"id {expected}, but the policy associated to target table {record.name} has revision id {current}.",
        )
