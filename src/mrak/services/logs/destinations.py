"""Operations on destinations, resource policies and saved queries: kept and shown."""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.arn import arn
from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.services.logs import errors, names
from mrak.services.logs.tables import (
    DESTINATIONS,
    QUERY_DEFINITIONS,
    RESOURCE_POLICIES,
    Destination,
    QueryDefinition,
    ResourcePolicy,
)

_MOST_RESOURCE_POLICIES = 10


@operation("PutDestination")
def put_destination(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    existing = DESTINATIONS.open(tx, ctx.scope, req["destinationName"])
    fresh = Destination(
        name=req["destinationName"],
        target_arn=req["targetArn"],
        role_arn=req["roleArn"],
        created_ms=int(ctx.now * 1000) if existing is None else existing.created_ms,
        policy="" if existing is None else existing.policy,
        tags=req.get("tags", {}) if existing is None else existing.tags,
    )
    if existing is None:
        DESTINATIONS.insert(tx, ctx.scope, fresh)
    else:
        DESTINATIONS.replace(tx, ctx.scope, existing, fresh)
    return {"destination": _render_destination(ctx, fresh)}


@operation("PutDestinationPolicy")
def put_destination_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    row = _open_destination(ctx, tx, req)
    _check_document(req["accessPolicy"])
    DESTINATIONS.replace(tx, ctx.scope, row, msgspec.structs.replace(row, policy=req["accessPolicy"]))


@operation("DescribeDestinations")
def describe_destinations(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    prefix = req.get("DestinationNamePrefix", "")
    rows = DESTINATIONS.scan(tx, ctx.scope, after=names.token_position(req))
    matching = (row for row in rows if row.name.startswith(prefix))
    return names.page_of(req, "destinations", matching, lambda row: row.name, lambda row: _render_destination(ctx, row))


@operation("DeleteDestination")
def delete_destination(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    DESTINATIONS.delete(tx, ctx.scope, _open_destination(ctx, tx, req))


def _open_destination(ctx: Context, tx: Transaction, req: dict[str, Any]) -> Destination:
    row = DESTINATIONS.open(tx, ctx.scope, req["destinationName"])
    if row is None:
        raise errors.not_found("The specified destination does not exist.")
    return row


def _render_destination(ctx: Context, row: Destination) -> dict[str, Any]:
    shown = {
        "destinationName": row.name,
        "targetArn": row.target_arn,
        "roleArn": row.role_arn,
        "arn": arn(ctx.scope, "logs", f"destination:{row.name}"),
        "creationTime": row.created_ms,
    }
    return shown | ({"accessPolicy": row.policy} if row.policy else {})


# Resource policies ------------------------------------------------------------------------------------------------


@operation("PutResourcePolicy")
def put_resource_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    name, document = req.get("policyName"), req.get("policyDocument")
    if not name or not document:
        raise errors.invalid_parameter("Policy name and document are required.")
    _check_document(document)
    existing = RESOURCE_POLICIES.open(tx, ctx.scope, name)
    fresh = ResourcePolicy(name=name, document=document, updated_ms=int(ctx.now * 1000))
    if existing is not None:
        RESOURCE_POLICIES.replace(tx, ctx.scope, existing, fresh)
    elif RESOURCE_POLICIES.count(tx, ctx.scope) >= _MOST_RESOURCE_POLICIES:
        raise errors.limit_exceeded()
    else:
        RESOURCE_POLICIES.insert(tx, ctx.scope, fresh)
    return {"resourcePolicy": _render_policy(fresh)}


@operation("DescribeResourcePolicies")
def describe_resource_policies(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    rows = RESOURCE_POLICIES.scan(tx, ctx.scope, after=names.token_position(req))
    return names.page_of(req, "resourcePolicies", rows, lambda row: row.name, _render_policy)


@operation("DeleteResourcePolicy")
def delete_resource_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    name = req.get("policyName", "")
    row = RESOURCE_POLICIES.open(tx, ctx.scope, name)
    if row is None:
        raise errors.not_found(f"Policy with name [{name}] does not exist")
    RESOURCE_POLICIES.delete(tx, ctx.scope, row)


def _render_policy(row: ResourcePolicy) -> dict[str, Any]:
    return {
        "policyName": row.name,
        "policyDocument": row.document,
        "lastUpdatedTime": row.updated_ms,
        "policyScope": "ACCOUNT",
    }


def _check_document(text: str) -> None:
    try:
        document = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise errors.invalid_parameter("Policy document must be a valid JSON object.")


# Saved queries ----------------------------------------------------------------------------------------------------


@operation("PutQueryDefinition")
def put_query_definition(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    given = req.get("queryDefinitionId")
    identifier = given or ctx.draw.uuid()
    existing = QUERY_DEFINITIONS.open(tx, ctx.scope, identifier)
    if given and existing is None:
        raise errors.not_found("The specified query definition does not exist.")
    fresh = QueryDefinition(
        id=identifier,
        name=req["name"],
        query=req["queryString"],
        modified_ms=int(ctx.now * 1000),
        groups=tuple(req.get("logGroupNames", ())),
    )
    if existing is None:
        QUERY_DEFINITIONS.insert(tx, ctx.scope, fresh)
    else:
        QUERY_DEFINITIONS.replace(tx, ctx.scope, existing, fresh)
    return {"queryDefinitionId": identifier}


@operation("DescribeQueryDefinitions")
def describe_query_definitions(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    prefix = req.get("queryDefinitionNamePrefix", "")
    rows = QUERY_DEFINITIONS.scan(tx, ctx.scope, after=names.token_position(req))
    matching = (row for row in rows if row.name.startswith(prefix))
    paged = {"limit": req["maxResults"]} if "maxResults" in req else {}
    return names.page_of(paged, "queryDefinitions", matching, lambda row: row.id, _render_query)


@operation("DeleteQueryDefinition")
def delete_query_definition(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    row = QUERY_DEFINITIONS.open(tx, ctx.scope, req["queryDefinitionId"])
    if row is None:
        raise errors.not_found("The specified query definition does not exist.")
    QUERY_DEFINITIONS.delete(tx, ctx.scope, row)
    return {"success": True}


def _render_query(row: QueryDefinition) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "queryDefinitionId": row.id,
        "name": row.name,
        "queryString": row.query,
        "lastModified": row.modified_ms,
    }
    return shown | ({"logGroupNames": list(row.groups)} if row.groups else {})
