"""PutEvents, and events that other services and other buses put."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from mrak.core.arn import find_arn
from mrak.core.background import Delivery, Undeliverable
from mrak.core.context import Context, Transaction
from mrak.core.operation import delivery, operation
from mrak.core.scope import Scope
from mrak.lang.jsontexts import check_texts
from mrak.services.events import access, buses, endpoints, errors, matching, traces
from mrak.services.events.exports import PUT
from mrak.services.events.matching import HOPPED_ACCOUNT, HOPPED_REGION, Given, Past, Work
from mrak.services.events.tables import Rule

MAX_BYTES = 1_048_576
_CHUNK_BYTES = 65_536
_REQUIRED = ("Source", "DetailType", "Detail")


@operation("PutEvents")
def put_events(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """Each entry has its own result; only what is wrong with the request as a whole refuses it."""
    entries = req["Entries"]
    check_size(entries)
    listening = _Listening(tx)
    results = [_put_entry(ctx, tx, entry, req.get("EndpointId"), listening) for entry in entries]
    return {"FailedEntryCount": sum("ErrorCode" in result for result in results), "Entries": results}


def check_size(entries: list[dict[str, Any]]) -> None:
    if sum(_size(entry) for entry in entries) > MAX_BYTES:
        raise errors.validation("Total size of the entries in the request is over the limit.")


def _size(entry: dict[str, Any]) -> int:
    """As AWS counts: 14 bytes for a time, and the UTF-8 of source, detail type, detail and resources.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevent-size.html
    """
    texts = [entry.get(name) or "" for name in _REQUIRED] + list(entry.get("Resources") or [])
    return (14 if "Time" in entry else 0) + sum(len(text.encode()) for text in texts)


class _Listening:
    """The rules of the buses that one request is about, read once."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._rules: dict[tuple[Scope, str], list[Rule]] = {}

    def rules(self, scope: Scope, bus: str) -> list[Rule]:
        if (scope, bus) not in self._rules:
            self._rules[scope, bus] = matching.listening_rules(self._tx, scope, bus)
        return self._rules[scope, bus]


def _put_entry(
    ctx: Context, tx: Transaction, entry: dict[str, Any], endpoint_id: str | None, listening: _Listening
) -> dict[str, Any]:
    failure = find_failure(entry) or _find_foreign_source(entry)
    if failure is not None:
        return failure
    detail = parse_detail(entry["Detail"])
    if detail is None:
        return {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}
    ctx.meter("EventBridge-Events", -(-_size(entry) // _CHUNK_BYTES))
    bus = entry.get("EventBusName")
    if endpoint_id is None:
        destinations = [buses.locate(ctx.scope, bus)]
    else:
        destinations = endpoints.find_buses(tx, ctx.scope, endpoint_id, bus)
    resources = list(entry.get("Resources") or [])
    given = Given(entry["Source"], entry["DetailType"], detail, resources, entry.get("Time"))
    event, trace = matching.new_event(ctx, ctx.scope, given), traces.find_header(ctx, entry)
    cause = ctx.in_trace(trace) if trace and "TraceHeader" in entry else ctx
    for scope, name in destinations:
        # An event for a bus that is not there is accepted, and is gone, as at AWS.
        if buses.find(tx, scope, name) is not None:
            matching.put(cause, tx, scope, name, event, rules=listening.rules(scope, name), past=Past(trace=trace))
    return {"EventId": event["id"]}


def find_failure(entry: dict[str, Any]) -> dict[str, Any] | None:
    for name in _REQUIRED:
        if not entry.get(name):
            message = f"Parameter {name} is not valid. Reason: {name} is a required argument."
            return {"ErrorCode": "InvalidArgument", "ErrorMessage": message}
    return None


def _find_foreign_source(entry: dict[str, Any]) -> dict[str, Any] | None:
    if entry["Source"].startswith("aws."):
        return {"ErrorCode": "NotAuthorizedForSourceException", "ErrorMessage": "Not authorized for the source."}
    return None


def _refuse_constant(name: str) -> None:
    """NaN and Infinity, which Python takes for JSON."""
    raise ValueError(name)


def parse_detail(text: str) -> dict[str, Any] | None:
    try:
        detail = json.loads(text, parse_constant=_refuse_constant)
        if "\\u" in text:
            check_texts(detail)
    except (ValueError, RecursionError):
        return None
    return detail if isinstance(detail, dict) else None


@delivery(PUT)
def put_for_service(ctx: Context, tx: Transaction, made: Delivery) -> None:
    """An event of one of AWS's services, for the default bus."""
    event = matching.new_event(ctx, made.scope, msgspec.msgpack.decode(made.payload, type=Given))
    matching.put(ctx, tx, made.scope, buses.DEFAULT, event)


@delivery("events.bus")
def put_to_bus(ctx: Context, tx: Transaction, made: Delivery) -> None:
    """An event that a rule sends on to another bus. In its region it stays the same event; in another it is a new one,
    but for its account and region. What is sent to a bus that is not there is gone, as at AWS."""
    work = msgspec.msgpack.decode(made.payload, type=Work)
    found = find_arn(work.target["Arn"])
    assert found is not None, work.target
    is_abroad = found.region != made.scope.region
    _check_hops(work.hops, is_abroad)
    scope: Scope = found.scope_in(made.scope.environment)
    bus, role_arn = buses.find(tx, scope, found.resource.removeprefix("event-bus/")), work.target.get("RoleArn", "")
    is_foreign = scope.account != made.scope.account
    if is_foreign and (bus is None or not access.lets_in(scope, bus, made.scope, role_arn, ctx.now)):
        raise Undeliverable("NO_PERMISSIONS: Lack of permissions to invoke cross account target.")
    if bus is None:
        return
    event = json.loads(work.event)
    if is_abroad:
        event |= {"id": ctx.draw.uuid(), "time": matching.render_time(ctx.now)}
    hops = work.hops | (HOPPED_REGION if is_abroad else HOPPED_ACCOUNT)
    matching.put(ctx, tx, scope, bus.name, event, past=Past(hops, work.trace))


def _check_hops(hops: int, is_abroad: bool) -> None:
    if is_abroad and hops & HOPPED_REGION:
        raise Undeliverable("THIRD_REGION_HOP_DETECTED: Unknown exception.")
    if not is_abroad and hops & HOPPED_ACCOUNT:
        reason = "Events received from another event bus cannot be forwarded to this event bus."
        raise Undeliverable(f"THIRD_ACCOUNT_HOP_DETECTED: {reason}")
