"""Partners' event sources, of both sides: the partner makes one for an account, which takes it by a bus of its name.

A source waits (PENDING) for two weeks to be taken. Its bus makes it ACTIVE; only then do the partner's events come.
Any account may be a partner here: deviation("EVENTS-005").
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.core.scope import Scope
from mrak.services.events import errors, matching, pages
from mrak.services.events.matching import Given
from mrak.services.events.put_operations import check_size, find_failure, parse_detail
from mrak.services.events.tables import BUSES, OFFERED, SOURCES, Offered, Source

_PENDING_SECONDS = 14 * 86_400.0
_NAME = re.compile(r"aws\.partner(/[.\-_A-Za-z0-9]+){2,}")


def source_arn(scope: Scope, name: str) -> str:
    """It has no account: the partner and those who take it write it alike."""
    return f"arn:{scope.partition}:events:{scope.region}::event-source/{name}"


@operation("CreatePartnerEventSource")
def create_partner_event_source(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    name, account = req["Name"], req["Account"]
    if not _NAME.fullmatch(name):
        raise errors.invalid_parameter("Name")
    ctx.about(source_arn(ctx.scope, name))
    home = ctx.scope.in_account(account)
    if OFFERED.open(tx, ctx.scope, name, account) is not None or SOURCES.open(tx, home, name) is not None:
        raise errors.already_exists(f"Event source {name}")
    OFFERED.insert(tx, ctx.scope, Offered(name, account))
    SOURCES.insert(tx, home, Source(name, ctx.scope.account, ctx.now, waiting_since=ctx.now))
    return {"EventSourceArn": source_arn(ctx.scope, name)}


@operation("DeletePartnerEventSource")
def delete_partner_event_source(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    """The bus of a source that is gone stays; the account sees its source DELETED until it deletes the bus."""
    name, account = req["Name"], req["Account"]
    ctx.about(source_arn(ctx.scope, name))
    offered = OFFERED.open(tx, ctx.scope, name, account)
    if offered is None:
        return
    OFFERED.delete(tx, ctx.scope, offered)
    home = ctx.scope.in_account(account)
    source = SOURCES.open(tx, home, name)
    if source is None:
        return
    if BUSES.get(tx, home, name) is None:
        SOURCES.delete(tx, home, source)
    else:
        SOURCES.replace(tx, home, source, replace(source, state="DELETED"))


@operation("DescribePartnerEventSource")
def describe_partner_event_source(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    name = req["Name"]
    ctx.about(source_arn(ctx.scope, name))
    _require_offered(tx, ctx.scope, name)
    return {"Arn": source_arn(ctx.scope, name), "Name": name}


def _require_offered(tx: Transaction, scope: Scope, name: str) -> list[Offered]:
    offered = list(OFFERED.scan(tx, scope, name))
    if not offered:
        raise errors.no_source(name)
    return offered


@operation("ListPartnerEventSources")
def list_partner_event_sources(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    names = dict.fromkeys(row.name for row in OFFERED.scan(tx, ctx.scope, after=pages.read_position(req)))
    matching_names = [name for name in names if name.startswith(req["NamePrefix"])]
    return pages.render(
        req,
        "PartnerEventSources",
        matching_names,
        lambda name: name,
        lambda name: {"Arn": source_arn(ctx.scope, name), "Name": name},
    )


@operation("ListPartnerEventSourceAccounts")
def list_partner_event_source_accounts(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    name, after = req["EventSourceName"], pages.read_position(req) or ""
    ctx.about(source_arn(ctx.scope, name))
    offered = [row for row in _require_offered(tx, ctx.scope, name) if row.account > after]

    def show(row: Offered) -> dict[str, Any]:
        source = SOURCES.get(tx, ctx.scope.in_account(row.account), name)
        shown = {"State": "DELETED"} if source is None else _render_state(ctx, source)
        return {"Account": row.account, **shown}

    return pages.render(req, "PartnerEventSourceAccounts", offered, lambda row: row.account, show)


@operation("PutPartnerEvents")
def put_partner_events(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    check_size(req["Entries"])
    results = [_put_entry(ctx, tx, entry) for entry in req["Entries"]]
    return {"FailedEntryCount": sum("ErrorCode" in result for result in results), "Entries": results}


def _put_entry(ctx: Context, tx: Transaction, entry: dict[str, Any]) -> dict[str, Any]:
    failure = find_failure(entry)
    if failure is not None:
        return failure
    detail = parse_detail(entry["Detail"])
    if detail is None:
        return {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}
    name = entry["Source"]
    given = Given(name, entry["DetailType"], detail, list(entry.get("Resources") or []), entry.get("Time"))
    event = matching.new_event(ctx, ctx.scope, given)
    for home in _takers(ctx, tx, name):
        matching.put(ctx, tx, home, name, {**event, "account": home.account})
    return {"EventId": event["id"]}


def _takers(ctx: Context, tx: Transaction, name: str) -> Iterator[Scope]:
    """The accounts with a bus for a source."""
    for offered in list(OFFERED.scan(tx, ctx.scope, name)):
        home = ctx.scope.in_account(offered.account)
        source = SOURCES.get(tx, home, name)
        if source is not None and source.state == "ACTIVE" and BUSES.get(tx, home, name) is not None:
            yield home


def attach_bus(ctx: Context, tx: Transaction, source_name: str, bus: str) -> None:
    """A bus that is made for a source makes it active."""
    source = _require_source(ctx, tx, source_name)
    if bus != source_name:
        raise errors.validation("The name of a partner event bus must be that of its event source.")
    if _state(ctx, source) == "DELETED":
        raise errors.invalid_state(f"Event source {source_name} is deleted.")
    SOURCES.replace(tx, ctx.scope, source, replace(source, state="ACTIVE"))


def detach_bus(ctx: Context, tx: Transaction, bus: str) -> None:
    """A source whose bus is deleted waits again."""
    source = SOURCES.open(tx, ctx.scope, bus)
    if source is None:
        return
    if source.state == "DELETED":
        SOURCES.delete(tx, ctx.scope, source)
    else:
        SOURCES.replace(tx, ctx.scope, source, replace(source, state="PENDING", waiting_since=ctx.now))


def _require_source(ctx: Context, tx: Transaction, name: str) -> Source:
    """An account's own source, opened."""
    source = SOURCES.open(tx, ctx.scope, name)
    if source is None:
        raise errors.no_source(name)
    return source


@operation("ActivateEventSource")
def activate_event_source(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    _set_state(ctx, tx, req["Name"], "PENDING", "ACTIVE")


@operation("DeactivateEventSource")
def deactivate_event_source(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    _set_state(ctx, tx, req["Name"], "ACTIVE", "PENDING")


def _set_state(ctx: Context, tx: Transaction, name: str, before: str, after: str) -> None:
    source = _require_source(ctx, tx, name)
    ctx.about(source_arn(ctx.scope, name))
    if _state(ctx, source) != before or BUSES.get(tx, ctx.scope, name) is None:
        raise errors.invalid_state(f"Event source {name} is not in a state in which it can be set to {after}.")
    SOURCES.replace(tx, ctx.scope, source, replace(source, state=after, waiting_since=ctx.now))


@operation("DescribeEventSource")
def describe_event_source(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    source = _require_source(ctx, tx, req["Name"])
    ctx.about(source_arn(ctx.scope, source.name))
    return _render(ctx, source)


@operation("ListEventSources")
def list_event_sources(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    prefix, after = req.get("NamePrefix", ""), pages.read_position(req)
    rows = (row for row in SOURCES.scan(tx, ctx.scope, after=after) if row.name.startswith(prefix))
    return pages.render(req, "EventSources", rows, lambda row: row.name, lambda row: _render(ctx, row))


def _render(ctx: Context, source: Source) -> dict[str, Any]:
    return {
        "Arn": source_arn(ctx.scope, source.name),
        "CreatedBy": source.name.split("/")[1],
        "Name": source.name,
        **_render_state(ctx, source),
    }


def _render_state(ctx: Context, source: Source) -> dict[str, Any]:
    shown = {"CreationTime": source.created_at, "State": _state(ctx, source)}
    if source.state == "PENDING":
        shown["ExpirationTime"] = source.waiting_since + _PENDING_SECONDS
    return shown


def _state(ctx: Context, source: Source) -> str:
    """What has waited for two weeks is deleted."""
    if source.state == "PENDING" and ctx.now > source.waiting_since + _PENDING_SECONDS:
        return "DELETED"
    return source.state
