"""Operations on event buses: create, delete, list, permissions, tags."""

from __future__ import annotations

import json
from typing import Any

from msgspec.structs import replace

from mrak.core.arn import find_arn
from mrak.core.context import Context, Transaction
from mrak.core.operation import operation, operations_of
from mrak.core.scope import Scope
from mrak.services.events import bus_policies, buses, errors, pages, partner_sources
from mrak.services.events.tables import BUSES, RULES, Bus, Rule

MAX_BUSES = 100
_KEPT = ("Description", "KmsKeyIdentifier", "DeadLetterConfig", "LogConfig")


@operation("CreateEventBus")
def create_event_bus(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    name = req["Name"]
    if "/" in name and "EventSourceName" not in req:
        raise errors.validation(f"Event bus name must not contain '/'. {name}")
    ctx.about(buses.bus_arn(ctx.scope, name))
    if name == buses.DEFAULT or BUSES.open(tx, ctx.scope, name) is not None:
        raise errors.already_exists(f"Event bus {name}")
    if BUSES.count(tx, ctx.scope) >= MAX_BUSES:
        raise errors.limit_exceeded()
    settings = {member: req[member] for member in _KEPT if member in req}
    bus = Bus(name=name, created_at=ctx.now, modified_at=ctx.now, tags=_read_tags(req.get("Tags")), settings=settings)
    if "EventSourceName" in req:
        partner_sources.attach_bus(ctx, tx, req["EventSourceName"], name)
    BUSES.insert(tx, ctx.scope, bus)
    return {"EventBusArn": buses.bus_arn(ctx.scope, name), **settings}


@operation("UpdateEventBus")
def update_event_bus(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    scope, bus = buses.require_open(tx, ctx.scope, req.get("Name"))
    settings = {**bus.settings, **{member: req[member] for member in _KEPT if member in req}}
    BUSES.replace(tx, scope, bus, replace(bus, settings=settings, modified_at=ctx.now))
    return {"Name": bus.name, "Arn": buses.bus_arn(scope, bus.name), **settings}


@operation("DeleteEventBus")
def delete_event_bus(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    """Deleting a bus that is not there succeeds, as at AWS."""
    name = req["Name"]
    if name == buses.DEFAULT:
        raise errors.validation("Cannot delete event bus default.")
    bus = BUSES.open(tx, ctx.scope, name)
    if bus is None:
        return
    if next(RULES.scan(tx, ctx.scope, name, limit=1), None) is not None:
        raise errors.validation("EventBus can't be deleted since it has rules.")
    partner_sources.detach_bus(ctx, tx, name)
    BUSES.delete(tx, ctx.scope, bus)


@operation("DescribeEventBus")
def describe_event_bus(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    scope, bus = buses.require(tx, ctx.scope, req.get("Name"))
    ctx.about(buses.bus_arn(scope, bus.name))
    return {**buses.render_bus(scope, bus), **bus.settings}


@operation("ListEventBuses")
def list_event_buses(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    prefix, after = req.get("NamePrefix", ""), pages.read_position(req)
    rows = list(BUSES.scan(tx, ctx.scope, limit=MAX_BUSES + 1))
    if all(bus.name != buses.DEFAULT for bus in rows):
        rows.append(Bus(name=buses.DEFAULT))
    matching = sorted((bus for bus in rows if bus.name.startswith(prefix)), key=lambda bus: bus.name)
    left = [bus for bus in matching if after is None or bus.name > after]
    return pages.render(req, "EventBuses", left, lambda bus: bus.name, lambda bus: buses.render_bus(ctx.scope, bus))


@operation("PutPermission")
def put_permission(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    scope, bus = buses.require_open(tx, ctx.scope, req.get("EventBusName"))
    ctx.about(buses.bus_arn(scope, bus.name))
    if "Policy" in req:
        policy = bus_policies.read(scope, bus, req, frozenset(each.name.lower() for each in operations_of("events")))
    else:
        policy = bus_policies.with_statement(scope, bus, req)
    BUSES.replace(tx, scope, bus, replace(bus, policy=bus_policies.render(policy), modified_at=ctx.now))


@operation("RemovePermission")
def remove_permission(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    scope, bus = buses.require_open(tx, ctx.scope, req.get("EventBusName"))
    ctx.about(buses.bus_arn(scope, bus.name))
    if req.get("RemoveAllPermissions"):
        if "StatementId" in req:
            raise errors.validation("StatementId could not be combined with All parameter.")
        BUSES.replace(tx, scope, bus, replace(bus, policy="", modified_at=ctx.now))
        return
    if "StatementId" not in req:
        raise errors.validation("Parameter(s) StatementId must be specified.")
    policy = json.loads(bus.policy) if bus.policy else {"Statement": []}
    left = [statement for statement in policy["Statement"] if statement.get("Sid") != req["StatementId"]]
    if len(left) == len(policy["Statement"]):
        raise errors.not_found("Statement with the provided id does not exist.")
    text = bus_policies.render({**policy, "Statement": left}) if left else ""
    BUSES.replace(tx, scope, bus, replace(bus, policy=text, modified_at=ctx.now))


@operation("TagResource")
def tag_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    scope, tagged = _require_tagged(ctx, tx, req["ResourceARN"])
    _set_tags(tx, scope, tagged, {**tagged.tags, **_read_tags(req["Tags"])})


@operation("UntagResource")
def untag_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    scope, tagged = _require_tagged(ctx, tx, req["ResourceARN"])
    _set_tags(tx, scope, tagged, {key: value for key, value in tagged.tags.items() if key not in req["TagKeys"]})


@operation("ListTagsForResource")
def list_tags_for_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    _, tagged = _require_tagged(ctx, tx, req["ResourceARN"])
    return {"Tags": [{"Key": key, "Value": value} for key, value in tagged.tags.items()]}


def _read_tags(tags: list[dict[str, str]] | None) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in tags or []}


def _require_tagged(ctx: Context, tx: Transaction, text: str) -> tuple[Scope, Bus | Rule]:
    ctx.about(text)
    found = find_arn(text)
    if found is None or found.service != "events":
        raise errors.invalid_parameter("ResourceARN")
    scope = ctx.scope.in_account(found.account).in_region(found.region)
    if found.resource.startswith("rule/"):
        bus, name = buses.parse_rule_arn(found.resource)
        return buses.require_rule(tx, scope, bus, name)
    return buses.require_open(tx, scope, found.resource.removeprefix("event-bus/"))


def _set_tags(tx: Transaction, scope: Scope, tagged: Bus | Rule, tags: dict[str, str]) -> None:
    if isinstance(tagged, Bus):
        BUSES.replace(tx, scope, tagged, replace(tagged, tags=tags))
    else:
        RULES.replace(tx, scope, tagged, replace(tagged, tags=tags))
