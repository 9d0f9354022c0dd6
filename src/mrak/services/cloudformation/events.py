"""A stack's events, and the changes of status that they tell of. Both are written in one transaction."""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec import UNSET, structs

from mrak.core.context import Context, Transaction
from mrak.core.scope import Scope
from mrak.services.cloudformation.tables import EVENTS, RESOURCES, STACKS, Event, Row, Stack
from mrak.services.sns.exports import delivery, topic_exists

STACK_TYPE = "AWS::CloudFormation::Stack"
_SUBJECT = "AWS CloudFormation Notification"


def topic(stack_id: str) -> str:
    """Notified whenever a stack comes to an end of something: who waits for it (a parent stack) looks again."""
    return f"cloudformation.stack/{stack_id}"


def _next_moment(ctx: Context, tx: Transaction, stack_id: str) -> float:
    """Now, or a millisecond after the stack's last event: timestamps have milliseconds, and tell the order."""
    last = next(iter(EVENTS.scan(tx, ctx.scope, stack_id, limit=1, reverse=True)), None)
    return ctx.clock() if last is None else max(ctx.clock(), last.at + 0.001)


def _timestamp(moment: float) -> str:
    at = datetime.fromtimestamp(moment, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"


def set_status(ctx: Context, tx: Transaction, stack_id: str, status: str, reason: str = "", **fields: object) -> Stack:
    """Moves a stack to a status, with its event."""
    old = STACKS.open(tx, ctx.scope, stack_id)
    assert old is not None, stack_id
    new = structs.replace(old, status=status, reason=reason, **fields)
    STACKS.replace(tx, ctx.scope, old, new)
    event = Event(
        stack_id=stack_id,
        sequence=ctx.draw.sequence(),
        id=ctx.draw.uuid(),
        stack_name=new.name,
        logical_id=new.name,
        physical_id=stack_id,
        type=STACK_TYPE,
        status=status,
        at=_next_moment(ctx, tx, stack_id),
        reason=reason,
    )
    _record(ctx, tx, new, event)
    tx.notify(topic(stack_id))
    return new


def put_row(tx: Transaction, scope: Scope, row: Row) -> None:
    """Writes a resource's row, new or not."""
    old = RESOURCES.open(tx, scope, row.stack_id, row.logical_id)
    if old is None:
        RESOURCES.insert(tx, scope, row)
    else:
        RESOURCES.replace(tx, scope, old, row)


def tell(
    ctx: Context, tx: Transaction, stack: Stack, row: Row, *, physical_id: object = UNSET, plain: bool = False
) -> None:
    """Writes the event of a row's present status; a `plain` one, as in the cleanup of an update, has no properties."""
    at = _next_moment(ctx, tx, stack.id)
    stamp = ctx.draw.uuid() if plain else f"{row.status}-{_timestamp(at)}"
    event = Event(
        stack_id=stack.id,
        sequence=ctx.draw.sequence(),
        id=f"{row.logical_id}-{stamp}",
        stack_name=stack.name,
        logical_id=row.logical_id,
        physical_id=row.physical_id if physical_id is UNSET else str(physical_id),
        type=row.type,
        status=row.status,
        at=at,
        reason=row.reason,
        properties="" if plain else row.properties,
    )
    _record(ctx, tx, stack, event)


def _record(ctx: Context, tx: Transaction, stack: Stack, event: Event) -> None:
    """Keeps the event, and publishes it to the stack's topics.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stack-notifications.html"""
    EVENTS.append(tx, ctx.scope, event)
    for arn in stack.notification_arns:
        if topic_exists(tx, ctx.scope.environment, arn):
            tx.enqueue(delivery(ctx, arn, {"Subject": _SUBJECT, "Message": _message(ctx, event)}))


def _message(ctx: Context, event: Event) -> str:
    lines = {
        "StackId": event.stack_id,
        "Timestamp": _timestamp(event.at),
        "EventId": event.id,
        "LogicalResourceId": event.logical_id,
        "Namespace": ctx.scope.account,
        "PhysicalResourceId": event.physical_id,
        "ResourceProperties": event.properties or "null",
        "ResourceStatus": event.status,
        "ResourceStatusReason": event.reason,
        "ResourceType": event.type,
        "StackName": event.stack_name,
        "ClientRequestToken": "null",
    }
    return "".join(f"{name}='{value}'\n" for name, value in lines.items())
