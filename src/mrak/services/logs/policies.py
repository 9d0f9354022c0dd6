"""Policies of the account and of groups: subscription filters for all groups, data protection, field indexes.

A subscription policy of the account works like a filter on every group that it selects. Data protection and indexes
are settings: nothing is masked (LOGS-004), and queries read what they need without an index.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters-AccountLevel.html
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.operation import operation
from mrak.core.scope import Scope
from mrak.services.logs import errors, names, passing
from mrak.services.logs.tables import ACCOUNT_POLICIES, GROUP_POLICIES, AccountPolicy, GroupPolicy

SUBSCRIPTION = passing.ACCOUNT_SUBSCRIPTION
_SETTINGS = ("DATA_PROTECTION_POLICY", "FIELD_INDEX_POLICY")
_DATA_PROTECTION, _INDEX = "data-protection", "index"
_CRITERIA = re.compile(r'\s*LogGroupName\s+NOT\s+IN\s+(\[\s*(?:"[^"]*"\s*(?:,\s*)?)*\])\s*')
_MOST_FIELDS = 20


def _document(text: str, *members: str) -> dict[str, Any]:
    """A policy's document, which has these members."""
    try:
        document = msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError):
        raise errors.invalid_parameter("The policy document is not valid JSON.") from None
    for member in members:
        if member not in document:
            raise errors.invalid_parameter(f"The policy document has no {member}.")
    return document


@operation("PutAccountPolicy")
def put_account_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    kind = req["policyType"]
    excluded: list[str] = []
    if kind == SUBSCRIPTION:
        _check_subscription(ctx, tx, req["policyDocument"])
        excluded = _excluded(req.get("selectionCriteria", ""))
    elif kind in _SETTINGS:
        deviation("LOGS-004")
        _document(req["policyDocument"], "Statement" if kind == "DATA_PROTECTION_POLICY" else "Fields")
    else:
        raise errors.invalid_parameter(f"mrak does not apply policies of the type {kind}.")
    old = ACCOUNT_POLICIES.open(tx, ctx.scope, kind, req["policyName"])
    if old is None and kind != "FIELD_INDEX_POLICY" and ACCOUNT_POLICIES.count(tx, ctx.scope, kind):
        raise errors.limit_exceeded()
    fresh = AccountPolicy(
        kind=kind,
        name=req["policyName"],
        document=req["policyDocument"],
        criteria=req.get("selectionCriteria", ""),
        excluded=excluded,
        updated_ms=int(ctx.now * 1000),
    )
    if req.get("dryRun"):
        return {"accountPolicy": _render(ctx.scope, fresh)}
    if old is None:
        ACCOUNT_POLICIES.insert(tx, ctx.scope, fresh)
    else:
        ACCOUNT_POLICIES.replace(tx, ctx.scope, old, fresh)
    return {"accountPolicy": _render(ctx.scope, fresh)}


def _check_subscription(ctx: Context, tx: Transaction, text: str) -> None:
    from mrak.services.lambda_ import exports as functions

    document = _document(text, "DestinationArn")
    passing.parse_pattern(document.get("FilterPattern", ""))
    target = document["DestinationArn"]
    if ":lambda:" in target and not functions.function_exists(tx, ctx.scope, target):
        raise errors.function_not_executable()


def _excluded(criteria: str) -> list[str]:
    """The groups that a policy leaves out: all that its criteria can say."""
    if not criteria:
        return []
    found = _CRITERIA.fullmatch(criteria)
    if found is None:
        raise errors.invalid_parameter("selectionCriteria must be of the form LogGroupName NOT IN [...].")
    return re.findall(r'"([^"]*)"', found[1])


@operation("DescribeAccountPolicies")
def describe_account_policies(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    rows = ACCOUNT_POLICIES.scan(tx, ctx.scope, req["policyType"], after=names.token_position(req))
    wanted = (row for row in rows if req.get("policyName", row.name) == row.name)
    return names.page_of(req, "accountPolicies", wanted, lambda row: row.name, lambda row: _render(ctx.scope, row))


@operation("DeleteAccountPolicy")
def delete_account_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    row = ACCOUNT_POLICIES.open(tx, ctx.scope, req["policyType"], req["policyName"])
    if row is None:
        raise errors.not_found(f"Policy with name [{req['policyName']}] does not exist.")
    if not req.get("dryRun"):
        ACCOUNT_POLICIES.delete(tx, ctx.scope, row)


def _render(scope: Scope, row: AccountPolicy) -> dict[str, Any]:
    shown = {
        "policyName": row.name,
        "policyDocument": row.document,
        "lastUpdatedTime": row.updated_ms,
        "policyType": row.kind,
        "scope": "ALL",
        "accountId": scope.account,
    }
    return shown | ({"selectionCriteria": row.criteria} if row.criteria else {})


# Policies of one group --------------------------------------------------------------------------------------------


def _put(ctx: Context, tx: Transaction, kind: str, req: dict[str, Any]) -> GroupPolicy:
    group = names.require_group(tx, ctx.scope, names.name_in(req["logGroupIdentifier"]))
    old = GROUP_POLICIES.open(tx, ctx.scope, kind, group.name)
    fresh = GroupPolicy(kind=kind, group=group.name, document=req["policyDocument"], updated_ms=int(ctx.now * 1000))
    if old is None:
        GROUP_POLICIES.insert(tx, ctx.scope, fresh)
    else:
        GROUP_POLICIES.replace(tx, ctx.scope, old, fresh)
    return fresh


def _delete(ctx: Context, tx: Transaction, kind: str, req: dict[str, Any]) -> None:
    group = names.require_group(tx, ctx.scope, names.name_in(req["logGroupIdentifier"]))
    row = GROUP_POLICIES.open(tx, ctx.scope, kind, group.name)
    if row is not None:
        GROUP_POLICIES.delete(tx, ctx.scope, row)


@operation("PutDataProtectionPolicy")
def put_data_protection_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    deviation("LOGS-004")
    _document(req["policyDocument"], "Statement")
    row = _put(ctx, tx, _DATA_PROTECTION, req)
    return _render_protection(req["logGroupIdentifier"], row)


@operation("GetDataProtectionPolicy")
def get_data_protection_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    group = names.require_group(tx, ctx.scope, names.name_in(req["logGroupIdentifier"]))
    row = GROUP_POLICIES.get(tx, ctx.scope, _DATA_PROTECTION, group.name)
    if row is None:
        return {"logGroupIdentifier": req["logGroupIdentifier"]}
    return _render_protection(req["logGroupIdentifier"], row)


def _render_protection(identifier: str, row: GroupPolicy) -> dict[str, Any]:
    return {
        "logGroupIdentifier": identifier,
        "policyDocument": row.document,
        "lastUpdatedTime": row.updated_ms,
    }


@operation("DeleteDataProtectionPolicy")
def delete_data_protection_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    _delete(ctx, tx, _DATA_PROTECTION, req)


@operation("PutIndexPolicy")
def put_index_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    fields = _document(req["policyDocument"], "Fields")["Fields"]
    if not isinstance(fields, list) or len(fields) > _MOST_FIELDS:
        raise errors.invalid_parameter(f"An index policy has at most {_MOST_FIELDS} fields.")
    return {"indexPolicy": _render_index(ctx.scope, _put(ctx, tx, _INDEX, req))}


@operation("DescribeIndexPolicies")
def describe_index_policies(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return {"indexPolicies": [_render_index(ctx.scope, row) for row in _indexes(ctx, tx, req)]}


@operation("DescribeFieldIndexes")
def describe_field_indexes(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    shown = [
        {"logGroupIdentifier": names.group_arn(ctx.scope, row.group), "fieldIndexName": field, "type": "FIELD_INDEX"}
        for row in _indexes(ctx, tx, req)
        for field in _document(row.document)["Fields"]
    ]
    return {"fieldIndexes": shown}


def _indexes(ctx: Context, tx: Transaction, req: dict[str, Any]) -> list[GroupPolicy]:
    groups = [names.require_group(tx, ctx.scope, names.name_in(each)) for each in req["logGroupIdentifiers"]]
    found = [GROUP_POLICIES.get(tx, ctx.scope, _INDEX, group.name) for group in groups]
    return [row for row in found if row is not None]


def _render_index(scope: Scope, row: GroupPolicy) -> dict[str, Any]:
    return {
        "logGroupIdentifier": names.group_arn(scope, row.group),
        "lastUpdateTime": row.updated_ms,
        "policyDocument": row.document,
        "source": "LOG_GROUP",
    }


@operation("DeleteIndexPolicy")
def delete_index_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    _delete(ctx, tx, _INDEX, req)


def forget(tx: Transaction, scope: Scope, group: str) -> None:
    """A deleted group's policies go with it."""
    for kind in (_DATA_PROTECTION, _INDEX):
        row = GROUP_POLICIES.open(tx, scope, kind, group)
        if row is not None:
            GROUP_POLICIES.delete(tx, scope, row)
