"""What CloudWatch Logs does without a request: subscriptions, metrics, retention, and sweeps after deletions."""

from __future__ import annotations

import base64
from itertools import islice
from typing import Any

import msgspec

from mrak.core.background import Delivery, Timer
from mrak.core.context import Context, Transaction
from mrak.core.operation import delivery, timer
from mrak.core.scope import Scope
from mrak.services.logs import names, streaming
from mrak.services.logs.passing import METRICS, SUBSCRIPTION
from mrak.services.logs.tables import EVENTS, GROUPS, TIMES, Event, Stream, Time

RETENTION, SWEEP = "logs.retention", "logs.sweep"
_DAY_SECONDS = 86_400.0
_CHUNK = 500
_MOST_DATA = 1000


@delivery(SUBSCRIPTION)
async def deliver_subscription(ctx: Context, made: Delivery) -> None:
    """Hands events to a function, stream or delivery stream, compressed as AWS does."""
    destination_arn, message = msgspec.msgpack.decode(made.payload)
    packed = streaming.pack(message)
    principal = names.service(made.scope, message["logGroup"])
    service, resource = destination_arn.split(":")[2], destination_arn.rpartition("/")[2]
    if service == "lambda":
        event = {"awslogs": {"data": base64.b64encode(packed).decode()}}
        params: dict[str, Any] = {
            "FunctionName": destination_arn,
            "InvocationType": "Event",
            "Payload": msgspec.json.encode(event),
        }
        await ctx.call("lambda", "Invoke", params, principal=principal)
    elif service == "kinesis":
        await streaming.put(ctx, destination_arn, message, principal)
    else:
        params = {"DeliveryStreamName": resource, "Record": {"Data": packed}}
        await ctx.call("firehose", "PutRecord", params, principal=principal)


@delivery(METRICS)
async def deliver_metrics(ctx: Context, made: Delivery) -> None:
    """Puts the values that metric filters took out of events into CloudWatch."""
    by_namespace: dict[str, list[dict[str, Any]]] = {}
    for namespace, datum in msgspec.msgpack.decode(made.payload):
        by_namespace.setdefault(namespace, []).append(datum)
    for namespace, data in by_namespace.items():
        for at in range(0, len(data), _MOST_DATA):
            params = {"Namespace": namespace, "MetricData": data[at : at + _MOST_DATA]}
            await ctx.call("cloudwatch", "PutMetricData", params)


def start_retention(ctx: Context, tx: Transaction, scope: Scope, group: str) -> None:
    tx.at(Timer(kind=RETENTION, key=_key(scope, group), due_at=ctx.now, scope=scope, payload=group.encode()))


@timer(RETENTION)
def expire(ctx: Context, tx: Transaction, made: Timer) -> None:
    """Removes events that a group no longer keeps, some at a time; goes on daily while there is a policy."""
    group = GROUPS.get(tx, made.scope, made.payload.decode())
    if group is None or group.retention_days is None:
        return
    oldest_ms = int((ctx.now - group.retention_days * _DAY_SECONDS) * 1000)
    rows = list(islice(TIMES.scan(tx, made.scope, group.name, upto=oldest_ms - 1), _CHUNK))
    _remove(tx, made.scope, rows)
    pause = 1.0 if len(rows) == _CHUNK else _DAY_SECONDS
    tx.at(msgspec.structs.replace(made, due_at=ctx.now + pause))


def start_sweep(ctx: Context, tx: Transaction, scope: Scope, stream: Stream) -> None:
    if stream.first_event_ms is None:
        return
    payload = msgspec.msgpack.encode([stream.group, stream.first_event_ms, stream.last_event_ms])
    key = f"{_key(scope, stream.group)}/{ctx.draw.hex(16)}"
    tx.at(Timer(kind=SWEEP, key=key, due_at=ctx.now, scope=scope, payload=payload))


@timer(SWEEP)
def sweep(ctx: Context, tx: Transaction, made: Timer) -> None:
    """Removes the rows in TIMES whose events went with a deleted stream, some at a time."""
    group, since_ms, upto_ms = msgspec.msgpack.decode(made.payload)
    rows = list(islice(TIMES.scan(tx, made.scope, group, since=since_ms, upto=upto_ms), _CHUNK))
    found = EVENTS.get_many(tx, made.scope, [(group, row.stream, row.timestamp_ms, row.sequence) for row in rows])
    for row, event in zip(rows, found, strict=True):
        if event is None:
            TIMES.delete(tx, made.scope, row)
    if len(rows) == _CHUNK:
        last_ms = max(rows[-1].timestamp_ms, since_ms + 1)
        payload = msgspec.msgpack.encode([group, last_ms, upto_ms])
        tx.at(msgspec.structs.replace(made, due_at=ctx.now + 1.0, payload=payload))


def _remove(tx: Transaction, scope: Scope, rows: list[Time]) -> None:
    for row in rows:
        TIMES.delete(tx, scope, row)
        EVENTS.delete(tx, scope, Event(row.group, row.stream, row.timestamp_ms, row.sequence, "", 0))


def _key(scope: Scope, group: str) -> str:
    return f"{scope.account}/{scope.region}/{group}"
