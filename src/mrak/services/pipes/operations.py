"""Every operation of EventBridge Pipes.

https://docs.aws.amazon.com/eventbridge/latest/pipes-reference/
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import replace

from mrak.core.arn import arn, find_arn
from mrak.core.background import Consumer
from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.errors import NotBuilt
from mrak.core.operation import operation
from mrak.core.page import find_position, take_page
from mrak.core.scope import Scope
from mrak.lang import eventpatterns
from mrak.lang.eventpatterns import PatternError
from mrak.services.pipes import errors, stream_sources
from mrak.services.pipes.tables import PIPES, Pipe

CONSUMER = "pipes.pipe"
PAGE_SIZE = 10
_SOURCES = frozenset({"sqs", "dynamodb", "kinesis"})
_STREAM_PARAMETERS = {
    "dynamodb": ("DynamoDBStreamParameters", "DynamoDB"),
    "kinesis": ("KinesisStreamParameters", "Kinesis"),
}
_BY_USER = "User initiated"
_ENRICHMENTS = frozenset({"lambda", "states"})
_KEPT = (
    "Description",
    "DesiredState",
    "Source",
    "SourceParameters",
    "Enrichment",
    "EnrichmentParameters",
    "Target",
    "TargetParameters",
    "RoleArn",
    "LogConfiguration",
    "KmsKeyIdentifier",
)


def pipe_arn(scope: Scope, name: str) -> str:
    return arn(scope, "pipes", f"pipe/{name}")


def _require(tx: Transaction, scope: Scope, name: str) -> Pipe:
    pipe = PIPES.open(tx, scope, name)
    if pipe is None:
        raise errors.no_pipe(name)
    return pipe


def _check(settings: dict[str, Any]) -> None:
    """Sources and enrichments that are not built are refused, so that no pipe pretends to run."""
    source, target = find_arn(settings["Source"]), find_arn(settings["Target"])
    if source is None:
        raise errors.validation(f"Invalid source ARN: {settings['Source']}")
    if target is None:
        raise errors.validation(f"Invalid target ARN: {settings['Target']}")
    if source.service not in _SOURCES:
        deviation("PIPES-001")
        raise NotBuilt("pipes", f"CreatePipe with a source of {source.service}")
    enrichment = find_arn(settings.get("Enrichment") or "")
    if settings.get("Enrichment") and (enrichment is None or enrichment.service not in _ENRICHMENTS):
        raise NotBuilt("pipes", f"CreatePipe with the enrichment {settings['Enrichment']}")
    parameters = settings.get("SourceParameters") or {}
    needed, kind = _STREAM_PARAMETERS.get(source.service, ("", ""))
    if needed and needed not in parameters:
        raise errors.validation(f"{needed} are required for a source that is a {kind} stream.")
    for wanted in (parameters.get("FilterCriteria") or {}).get("Filters", []):
        try:
            eventpatterns.parse(wanted.get("Pattern", ""))
        except PatternError as error:
            raise errors.validation(f"Invalid filter pattern: {error.reason}") from None


@operation("CreatePipe")
def create_pipe(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    name = req["Name"]
    ctx.about(pipe_arn(ctx.scope, name))
    settings = {"DesiredState": "RUNNING", **{member: req[member] for member in _KEPT if member in req}}
    _check(settings)
    if PIPES.open(tx, ctx.scope, name) is not None:
        raise errors.pipe_exists(name)
    pipe = Pipe(
        name=name,
        id=ctx.draw.uuid(),
        created_at=ctx.now,
        modified_at=ctx.now,
        settings=settings,
        tags=req.get("Tags") or {},
    )
    PIPES.insert(tx, ctx.scope, pipe)
    stream_sources.begin(ctx, tx, pipe)
    _apply(ctx, tx, pipe)
    return _render_state(ctx.scope, pipe, "CREATING")


def _apply(ctx: Context, tx: Transaction, pipe: Pipe) -> None:
    """Starts the pipe's consumer, anew where it runs already, or ends it."""
    consumer = Consumer(kind=CONSUMER, key=pipe.name, scope=ctx.scope, payload=msgspec.msgpack.encode(pipe))
    if pipe.runs:
        tx.consume(consumer)
    else:
        tx.unconsume(consumer)


@operation("UpdatePipe")
def update_pipe(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """What is not named stays as it was."""
    old = _require(tx, ctx.scope, req["Name"])
    settings = {**old.settings, **{member: req[member] for member in _KEPT if member in req}}
    parameters = req.get("SourceParameters")
    if parameters is not None:
        settings["SourceParameters"] = _merged_source(old.settings.get("SourceParameters") or {}, parameters)
    _check(settings)
    new = replace(old, settings=settings, modified_at=ctx.now)
    PIPES.replace(tx, ctx.scope, old, new)
    _apply(ctx, tx, new)
    return _render_state(ctx.scope, new, "UPDATING")


def _merged_source(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """The starting position cannot be changed, and so is not named again."""
    merged = {**old, **new}
    for member, value in new.items():
        if isinstance(value, dict) and isinstance(old.get(member), dict) and member != "FilterCriteria":
            merged[member] = {**old[member], **value}
    return merged


@operation("StartPipe")
def start_pipe(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return _set_state(ctx, tx, req["Name"], "RUNNING", "STARTING")


@operation("StopPipe")
def stop_pipe(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return _set_state(ctx, tx, req["Name"], "STOPPED", "STOPPING")


def _set_state(ctx: Context, tx: Transaction, name: str, state: str, shown: str) -> dict[str, Any]:
    old = _require(tx, ctx.scope, name)
    ctx.about(pipe_arn(ctx.scope, name))
    settings = {**old.settings, "DesiredState": state}
    new = replace(old, settings=settings, modified_at=ctx.now, state_reason=_BY_USER)
    PIPES.replace(tx, ctx.scope, old, new)
    _apply(ctx, tx, new)
    return _render_state(ctx.scope, new, shown)


@operation("DeletePipe")
def delete_pipe(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    pipe = _require(tx, ctx.scope, req["Name"])
    ctx.about(pipe_arn(ctx.scope, pipe.name))
    gone = replace(pipe, settings={**pipe.settings, "DesiredState": "DELETED"})
    _apply(ctx, tx, gone)
    stream_sources.forget(ctx, tx, pipe)
    PIPES.delete(tx, ctx.scope, pipe)
    return _render_state(ctx.scope, gone, "DELETING")


@operation("DescribePipe")
def describe_pipe(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    pipe = _require(tx, ctx.scope, req["Name"])
    ctx.about(pipe_arn(ctx.scope, pipe.name))
    return {
        **_render_state(ctx.scope, pipe, _state_of(pipe)),
        "StateReason": pipe.state_reason,
        "EnrichmentParameters": {},
        **pipe.settings,
        "Tags": pipe.tags,
    }


def _state_of(pipe: Pipe) -> str:
    return "RUNNING" if pipe.runs else "STOPPED"


def _render_state(scope: Scope, pipe: Pipe, current: str) -> dict[str, Any]:
    return {
        "Arn": pipe_arn(scope, pipe.name),
        "Name": pipe.name,
        "DesiredState": pipe.settings["DesiredState"],
        "CurrentState": current,
        "CreationTime": pipe.created_at,
        "LastModifiedTime": pipe.modified_at,
    }


@operation("ListPipes")
def list_pipes(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    token = req.get("NextToken")
    after = find_position(token) if token else None
    if token and after is None:
        raise errors.validation("Invalid NextToken.")
    rows = (pipe for pipe in PIPES.scan(tx, ctx.scope, after=after) if _is_wanted(pipe, req))
    page, next_token = take_page(rows, req.get("Limit") or PAGE_SIZE, lambda pipe: pipe.name)
    listed: dict[str, Any] = {"Pipes": [_render_row(ctx.scope, pipe) for pipe in page]}
    return listed | ({"NextToken": next_token} if next_token else {})


def _is_wanted(pipe: Pipe, req: dict[str, Any]) -> bool:
    return (
        pipe.name.startswith(req.get("NamePrefix", ""))
        and pipe.settings["Source"].startswith(req.get("SourcePrefix", ""))
        and pipe.settings["Target"].startswith(req.get("TargetPrefix", ""))
        and req.get("DesiredState") in (None, pipe.settings["DesiredState"])
        and req.get("CurrentState") in (None, _state_of(pipe))
    )


def _render_row(scope: Scope, pipe: Pipe) -> dict[str, Any]:
    row = {**_render_state(scope, pipe, _state_of(pipe))}
    return row | {
        member: pipe.settings[member] for member in ("Source", "Target", "Enrichment") if member in pipe.settings
    }


@operation("TagResource")
def tag_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    pipe = _require_tagged(ctx, tx, req["resourceArn"])
    PIPES.replace(tx, ctx.scope, pipe, replace(pipe, tags={**pipe.tags, **req["tags"]}))


@operation("UntagResource")
def untag_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    pipe = _require_tagged(ctx, tx, req["resourceArn"])
    tags = {key: value for key, value in pipe.tags.items() if key not in req["tagKeys"]}
    PIPES.replace(tx, ctx.scope, pipe, replace(pipe, tags=tags))


@operation("ListTagsForResource")
def list_tags_for_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return {"tags": _require_tagged(ctx, tx, req["resourceArn"]).tags}


def _require_tagged(ctx: Context, tx: Transaction, text: str) -> Pipe:
    found = find_arn(text)
    if found is None or not found.resource.startswith("pipe/"):
        raise errors.validation(f"Invalid resource ARN: {text}")
    ctx.about(text)
    return _require(tx, ctx.scope, found.resource.removeprefix("pipe/"))
