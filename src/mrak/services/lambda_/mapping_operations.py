"""Operations on event source mappings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from mrak.core.arn import find_arn
from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError, NotBuilt
from mrak.core.operation import operation
from mrak.core.page import find_position, take_page
from mrak.services.lambda_ import errors, functions, mappings
from mrak.services.lambda_.function_operations import check_tag_count
from mrak.services.lambda_.references import Reference, parse_reference
from mrak.services.lambda_.tables import FUNCTIONS, MAPPINGS, MAPPINGS_OF, Mapping
from mrak.services.sqs import exports as sqs

_PAGE = 100


@operation("CreateEventSourceMapping")
async def create_event_source_mapping(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    source_arn = req.get("EventSourceArn")
    _refuse_brokers(req)
    if not source_arn:
        raise errors.invalid("Unrecognized event source.")
    ref = parse_reference(ctx.scope, req["FunctionName"])
    check_tag_count(req.get("Tags", {}))
    mappings.source_kind(source_arn)
    await ctx.transact(lambda tx: _check_function(tx, ref))
    settings = mappings.parse_settings(source_arn, req)
    await _check_source(ctx, source_arn, ref)

    def create(tx: Transaction) -> Mapping:
        _check_function(tx, ref)
        mappings.check_unique(tx, ctx.scope, source_arn, ref.name, ref.qualifier)
        mapping = Mapping(
            uuid=ctx.draw.uuid(),
            source_arn=source_arn,
            function=ref.name,
            qualifier=ref.qualifier,
            enabled=req.get("Enabled", True),
            modified_at=ctx.now,
            settings=settings,
            tags=req.get("Tags", {}),
        )
        MAPPINGS.lock(tx, ctx.scope, mapping.uuid)
        MAPPINGS.insert(tx, ctx.scope, mapping)
        _begin(ctx, tx, mapping)
        if mapping.enabled:
            mappings.start(tx, ctx.scope, mapping)
        return mapping

    made = await ctx.transact(create)
    return mappings.render(ctx.scope, made, "Creating" if made.enabled else "Disabled")


def _begin(ctx: Context, tx: Transaction, mapping: Mapping) -> None:
    """Fixes where a new mapping of a stream starts."""
    kind = mappings.source_kind(mapping.source_arn)
    if kind == "dynamodb":
        from mrak.services.lambda_ import table_feed  # brings DynamoDB with it

        table_feed.begin(ctx, tx, mapping)
    elif kind == "kinesis":
        from mrak.services.lambda_ import shard_feed  # brings Kinesis with it

        shard_feed.begin(ctx, tx, mapping)


def _refuse_brokers(req: dict[str, Any]) -> None:
    """Kafka, MQ and DocumentDB are sources at AWS and none here."""
    if "SelfManagedEventSource" in req:
        if not req.get("SourceAccessConfigurations"):
            raise errors.invalid("Required 'sourceAccessConfigurations' parameter is missing.")
        raise NotBuilt("lambda", "event source mappings of self-managed Kafka")
    parsed = find_arn(req.get("EventSourceArn") or "")
    if parsed is not None and parsed.service in ("kafka", "mq", "rds"):
        raise NotBuilt("lambda", f"event source mappings of {parsed.service}")


def _check_function(tx: Transaction, ref: Reference) -> None:
    if FUNCTIONS.get(tx, ref.scope, ref.name) is None:
        raise errors.invalid("Function does not exist")
    functions.check_qualifier_exists(tx, ref)


async def _check_source(ctx: Context, source_arn: str, ref: Reference) -> None:
    """The source must exist; a queue must hide messages at least as long as the function may take."""
    if mappings.source_kind(source_arn) == "sqs":
        await _check_queue(ctx, source_arn, ref)
        return
    try:
        if mappings.source_kind(source_arn) == "dynamodb":
            await ctx.call("dynamodbstreams", "DescribeStream", {"StreamArn": source_arn})
        elif "/consumer/" in source_arn:
            await ctx.call("kinesis", "DescribeStreamConsumer", {"ConsumerARN": source_arn})
        else:
            await ctx.call("kinesis", "DescribeStream", {"StreamARN": source_arn})
    except ApiError as error:
        # What is no ARN of a stream names none.
        if error.code not in ("ResourceNotFoundException", "ValidationException"):
            raise
        raise errors.invalid(f"Stream not found: {source_arn}") from None


async def _check_queue(ctx: Context, source_arn: str, ref: Reference) -> None:
    exists = await ctx.transact(lambda tx: sqs.queue_exists(tx, ctx.scope.environment, source_arn))
    if not exists:
        raise errors.invalid(
            "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. "
            "SQS Error Message: The specified queue does not exist."
        )
    url = sqs.queue_url(ctx, source_arn)
    wanted = {"QueueUrl": url, "AttributeNames": ["VisibilityTimeout"]}
    answer = await ctx.call("sqs", "GetQueueAttributes", wanted)
    visibility = int(answer["Attributes"]["VisibilityTimeout"])
    version = await ctx.transact(lambda tx: functions.require_version(tx, ref))
    timeout = version.config["Timeout"]
    if visibility < timeout:
        raise errors.invalid(
            f"Queue visibility timeout: {visibility} seconds is less than Function timeout: {timeout} seconds"
        )


@operation("GetEventSourceMapping")
def get_event_source_mapping(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    mapping = MAPPINGS.get(tx, ctx.scope, req["UUID"])
    if mapping is None:
        raise errors.unknown_resource()
    return mappings.render(ctx.scope, mapping)


@operation("ListEventSourceMappings")
def list_event_source_mappings(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    after = find_position(req["Marker"]) if req.get("Marker") else None
    rows: Iterator[Mapping]
    if "FunctionName" in req:
        ref = parse_reference(ctx.scope, req["FunctionName"])
        of_function = MAPPINGS_OF.scan(tx, ctx.scope, ref.name, after=after)
        rows = (row for row in of_function if row.qualifier == ref.qualifier)
    else:
        rows = MAPPINGS.scan(tx, ctx.scope, after=after)
    if "EventSourceArn" in req:
        rows = (row for row in rows if row.source_arn == req["EventSourceArn"])
    page, token = take_page(rows, min(req.get("MaxItems", _PAGE), _PAGE), lambda row: row.uuid)
    answer: dict[str, Any] = {"EventSourceMappings": [mappings.render(ctx.scope, row) for row in page]}
    return answer | ({"NextMarker": token} if token else {})


@operation("UpdateEventSourceMapping")
def update_event_source_mapping(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    old = mappings.require(tx, ctx.scope, req["UUID"])
    ref = Reference(ctx.scope, old.function, old.qualifier)
    if "FunctionName" in req:
        ref = parse_reference(ctx.scope, req["FunctionName"])
        _check_function(tx, ref)
    new = msgspec.structs.replace(
        old,
        function=ref.name,
        qualifier=ref.qualifier,
        enabled=req.get("Enabled", old.enabled),
        settings=mappings.parse_settings(old.source_arn, req, old.settings),
        modified_at=ctx.now,
    )
    MAPPINGS.replace(tx, ctx.scope, old, new)
    if new.enabled:
        mappings.start(tx, ctx.scope, new)
    else:
        mappings.stop(tx, ctx.scope, new)
    changed = old.enabled != new.enabled
    state = ("Enabling" if new.enabled else "Disabling") if changed else "Updating"
    return mappings.render(ctx.scope, new, state)


@operation("DeleteEventSourceMapping")
def delete_event_source_mapping(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    mapping = mappings.require(tx, ctx.scope, req["UUID"])
    MAPPINGS.delete(tx, ctx.scope, mapping)
    mappings.forget_checkpoints(tx, ctx.scope, mapping)
    mappings.stop(tx, ctx.scope, mapping)
    return mappings.render(ctx.scope, mapping, "Deleting")
