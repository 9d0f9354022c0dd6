"""Operations on tags: those of streams alone, and those of all that has an ARN."""

from __future__ import annotations

from typing import Any

from msgspec import structs

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.services.kinesis import resources, streams
from mrak.services.kinesis import tags as rules
from mrak.services.kinesis.streams import Found
from mrak.services.kinesis.tables import STREAMS

_PAGE = 50


def _set_stream_tags(tx: Transaction, found: Found, tags: dict[str, str]) -> None:
    STREAMS.replace(tx, found.scope, found.stream, structs.replace(found.stream, tags=tags))


@operation("AddTagsToStream")
def add_tags_to_stream(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    found = streams.require(ctx, tx, req, opens=True)
    _set_stream_tags(tx, found, rules.added(found.stream.tags, req["Tags"], found.stream.name, found.account))


@operation("RemoveTagsFromStream")
def remove_tags_from_stream(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    found = streams.require(ctx, tx, req, opens=True)
    rules.check_characters(req["TagKeys"], "remove tags from", found.stream.name, found.account)
    _set_stream_tags(tx, found, _without(found.stream.tags, req["TagKeys"]))


def _without(tags: dict[str, str], keys: list[str]) -> dict[str, str]:
    return {key: value for key, value in tags.items() if key not in keys}


@operation("ListTagsForStream")
def list_tags_for_stream(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    found = streams.require(ctx, tx, req)
    after, most = req.get("ExclusiveStartTagKey", ""), req.get("Limit", _PAGE)
    left = [tag for tag in _render(found.stream.tags) if tag["Key"] > after]
    return {"Tags": left[:most], "HasMoreTags": len(left) > most}


def _render(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]


def _change(ctx: Context, tx: Transaction, arn: str, added: dict[str, str], removed: list[str]) -> None:
    resource = resources.require(ctx, tx, arn)
    record, account = resource.record, resource.scope.account
    resource.save(tx, tags=_without(rules.added(record.tags, added, record.name, account), removed))


@operation("TagResource")
def tag_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    _change(ctx, tx, req["ResourceARN"], req["Tags"], [])


@operation("UntagResource")
def untag_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    _change(ctx, tx, req["ResourceARN"], {}, req["TagKeys"])


@operation("ListTagsForResource")
def list_tags_for_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return {"Tags": _render(resources.require(ctx, tx, req["ResourceARN"]).record.tags)}
