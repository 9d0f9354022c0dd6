"""Resource policies of tables and streams.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_PutResourcePolicy.html
"""

from __future__ import annotations

from typing import Any

from msgspec import structs

from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.core.operation import operation
from mrak.core.scope import Scope
from mrak.services.dynamodb import errors, policies
from mrak.services.dynamodb.tables import TABLES, TableRecord
from mrak.services.dynamodb.tag_operations import require_by_arn

_NO_POLICY = "NO_POLICY"


@operation("PutResourcePolicy")
def put_resource_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    policy = policies.normalise(req["Policy"])
    scope, record = _require(ctx, tx, req, opens=True)
    _check_revision(record, req.get("ExpectedRevisionId"))
    if record.policy == policy:
        return {"RevisionId": record.policy_revision}
    revision = str(int(ctx.now * 1000))
    TABLES.replace(tx, scope, record, structs.replace(record, policy=policy, policy_revision=revision))
    return {"RevisionId": revision}


@operation("GetResourcePolicy")
def get_resource_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    _, record = _require(ctx, tx, req)
    if record.policy is None:
        raise _no_policy(req["ResourceArn"])
    return {"Policy": record.policy, "RevisionId": record.policy_revision}


@operation("DeleteResourcePolicy")
def delete_resource_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    scope, record = _require(ctx, tx, req, opens=True)
    _check_revision(record, req.get("ExpectedRevisionId"))
    if record.policy is None:
        return {}
    TABLES.replace(tx, scope, record, structs.replace(record, policy=None, policy_revision=None))
    return {"RevisionId": record.policy_revision}


def _no_policy(why: str) -> ApiError:
    return ApiError("PolicyNotFoundException", f"Resource-based policy not found for the provided ResourceArn: {why}")


def _require(ctx: Context, tx: Transaction, req: dict[str, Any], opens: bool = False) -> tuple[Scope, TableRecord]:
    return require_by_arn(ctx, tx, req["ResourceArn"], opens, errors.table_not_found)


def _check_revision(record: TableRecord, expected: str | None) -> None:
    """A revision that is expected must be the current one; NO_POLICY expects none."""
    current = record.policy_revision or _NO_POLICY
    if expected is None or current == expected:
        return
    if expected == _NO_POLICY:
        raise _no_policy(
            f"Requested policy update expecting none to be present for table {record.name}, but a policy exists with "
            f"revision id {current}."
        )
    raise _no_policy(
        f"Requested update for policy with revision id {expected}, but the policy associated to target table "
        f"{record.name} has revision id {current}."
    )
