"""Versions and aliases of state machines.

https://docs.aws.amazon.com/step-functions/latest/dg/concepts-cd-aliasing-versioning.html
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.core.page import take_page
from mrak.core.scope import Scope
from mrak.services.stepfunctions import arns, errors, machines, versions
from mrak.services.stepfunctions.arns import MachineReference
from mrak.services.stepfunctions.machine_operations import (
    find_after,
    find_number_after,
    page_size,
    with_token,
)
from mrak.services.stepfunctions.tables import ALIASES, MACHINES, VERSIONS, Alias, Version


@operation("PublishStateMachineVersion")
def publish_state_machine_version(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """Publishing what is published already answers with that version, however it is described (recorded)."""
    ref, machine = machines.require(tx, ctx.scope, req["stateMachineArn"])
    wanted = req.get("revisionId")
    if wanted is not None and wanted != (machine.revision or "INITIAL"):
        raise errors.conflict(
            "Failed to publish the State Machine version for revision "
            f"{wanted}. The current State Machine revision is {machine.revision or 'INITIAL'}."
        )
    version = versions.find_published(tx, ref.scope, machine)
    if version is None:
        version = versions.publish(ctx, tx, ref.scope, machine, req.get("description", ""))
    return {"stateMachineVersionArn": f"{ref.arn}:{version.number}", "creationDate": version.created_at}


@operation("ListStateMachineVersions")
def list_state_machine_versions(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """The newest first."""
    ref, _ = machines.require(tx, ctx.scope, req["stateMachineArn"])
    after = find_number_after(req)
    rows = VERSIONS.scan(tx, ref.scope, ref.name, upto=None if after is None else after - 1, reverse=True)
    page, token = take_page(rows, page_size(req), lambda row: str(row.number))
    listed = [{"stateMachineVersionArn": f"{ref.arn}:{row.number}", "creationDate": row.created_at} for row in page]
    return with_token({"stateMachineVersions": listed}, token)


@operation("DeleteStateMachineVersion")
def delete_state_machine_version(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    """A version that an alias routes to stays."""
    ref = arns.parse_machine(ctx.scope, req["stateMachineVersionArn"])
    version = machines.find_version(tx, ref)
    if version is None:
        return
    users = [alias.name for alias in ALIASES.scan(tx, ref.scope, ref.name) if _routes_to(alias, version)]
    if users:
        shown = ", ".join(users)
        raise errors.conflict(
            "Version to be deleted must not be referenced by an alias. Current list of aliases referencing this "
            f"version: [{shown}]"
        )
    VERSIONS.lock(tx, ref.scope, ref.name, version.number)
    VERSIONS.delete(tx, ref.scope, version)


def _routes_to(alias: Alias, version: Version) -> bool:
    return any(number == version.number for number, _ in alias.routes)


def _parse_routes(tx: Transaction, scope: Scope, routing: list[dict[str, Any]]) -> tuple[MachineReference, Any]:
    """(machine, routes) of a routing configuration, checked in AWS's order."""
    received = [route["stateMachineVersionArn"] for route in routing]
    shown = f"Received: [{', '.join(received)}]"
    weights = [route["weight"] for route in routing]
    refs = [arns.parse_machine(scope, arn) for arn in received]
    if any(not ref.qualifier.isdigit() for ref in refs):
        raise errors.invalid_routing(f"Routing configuration must contain state machine version ARNs. {shown}")
    if len(set(received)) != len(received):
        raise errors.invalid_routing(f"Routing configuration must contain distinct state machine version ARNs. {shown}")
    if len({ref.name for ref in refs}) != 1:
        raise errors.invalid_routing(
            f"Routing configuration must contain state machine version ARNs for the same state machine. {shown}"
        )
    if sum(weights) != 100:
        raise errors.invalid_routing(f"Sum of routing configuration weights must equal 100. Received: {weights}")
    for ref in refs:
        if MACHINES.get(tx, ref.scope, ref.name) is None or machines.find_version(tx, ref) is None:
            raise errors.resource_not_found(ref.arn)
    return refs[0], [(int(ref.qualifier), weight) for ref, weight in zip(refs, weights, strict=True)]


@operation("CreateStateMachineAlias")
def create_state_machine_alias(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """The same request again is answered as the first was."""
    ref, routes = _parse_routes(tx, ctx.scope, req["routingConfiguration"])
    name = req["name"]
    machines.check_name(name)
    if name.isdigit():
        raise errors.validation("Alias name must not be a number")
    arn = arns.machine_arn(ref.scope, ref.name, name)
    existing = ALIASES.open(tx, ref.scope, ref.name, name)
    description = req.get("description", "")
    if existing is not None:
        if existing.routes != routes or existing.description != description:
            raise errors.conflict(
                "Failed to create alias because an alias with the same name and a different routing configuration "
                "already exists."
            )
        return {"stateMachineAliasArn": arn, "creationDate": existing.created_at}
    alias = Alias(machine=ref.name, name=name, routes=routes, created_at=ctx.now, description=description)
    ALIASES.insert(tx, ref.scope, alias)
    return {"stateMachineAliasArn": arn, "creationDate": alias.created_at}


def _require_alias(tx: Transaction, scope: Scope, arn: str) -> tuple[MachineReference, Alias]:
    ref = arns.parse_machine(scope, arn)
    found = ALIASES.open(tx, ref.scope, ref.name, ref.qualifier)
    if found is None:
        raise errors.resource_not_found(arn)
    return ref, found


@operation("DescribeStateMachineAlias")
def describe_state_machine_alias(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    ref, alias = _require_alias(tx, ctx.scope, req["stateMachineAliasArn"])
    shown: dict[str, Any] = {
        "stateMachineAliasArn": ref.arn,
        "name": alias.name,
        "routingConfiguration": [
            {"stateMachineVersionArn": arns.machine_arn(ref.scope, ref.name, number), "weight": weight}
            for number, weight in alias.routes
        ],
        "creationDate": alias.created_at,
    }
    if alias.updated_at:
        shown["updateDate"] = alias.updated_at
    return shown | ({"description": alias.description} if alias.description else {})


@operation("UpdateStateMachineAlias")
def update_state_machine_alias(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    ref, alias = _require_alias(tx, ctx.scope, req["stateMachineAliasArn"])
    if "description" not in req and "routingConfiguration" not in req:
        raise errors.validation("Either description or routing configuration must be specified")
    routes = alias.routes
    if "routingConfiguration" in req:
        _, routes = _parse_routes(tx, ctx.scope, req["routingConfiguration"])
    updated = msgspec.structs.replace(
        alias, routes=routes, description=req.get("description", alias.description), updated_at=ctx.now
    )
    ALIASES.replace(tx, ref.scope, alias, updated)
    return {"updateDate": ctx.now}


@operation("DeleteStateMachineAlias")
def delete_state_machine_alias(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    """Deleting what is not there is as good."""
    ref = arns.parse_machine(ctx.scope, req["stateMachineAliasArn"])
    found = ALIASES.open(tx, ref.scope, ref.name, ref.qualifier)
    if found is not None:
        ALIASES.delete(tx, ref.scope, found)


@operation("ListStateMachineAliases")
def list_state_machine_aliases(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    ref = arns.parse_machine(ctx.scope, req["stateMachineArn"])
    if MACHINES.get(tx, ref.scope, ref.name) is None:
        raise errors.machine_does_not_exist(req["stateMachineArn"])
    only = int(ref.qualifier) if ref.qualifier.isdigit() else None
    rows = (
        row
        for row in ALIASES.scan(tx, ref.scope, ref.name, after=find_after(req))
        if only is None or any(number == only for number, _ in row.routes)
    )
    page, token = take_page(rows, page_size(req), lambda row: row.name)
    listed = [
        {"stateMachineAliasArn": arns.machine_arn(ref.scope, ref.name, row.name), "creationDate": row.created_at}
        for row in page
    ]
    return with_token({"stateMachineAliases": listed}, token)
