"""The tagging API's operations.

https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/
"""

from __future__ import annotations

from typing import Any

from mrak.core.context import Context
from mrak.core.deviations import deviation
from mrak.core.errors import ApiError
from mrak.core.operation import operation
from mrak.core.page import find_position, take_page
from mrak.services.resourcegroupstaggingapi import errors, sources

_PAGE = 50
_MOST_PER_PAGE = 100
_NAMES_PAGE = 100


@operation("GetResources")
async def get_resources(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    """Every filter has to fit; of a filter's values, one."""
    if not 1 <= req.get("ResourcesPerPage", _PAGE) <= _MOST_PER_PAGE:
        raise errors.invalid_parameter(f"ResourcesPerPage must be between 1 and {_MOST_PER_PAGE}.")
    if not 100 <= req.get("TagsPerPage", 100) <= 500:
        raise errors.invalid_parameter("TagsPerPage must be between 100 and 500.")
    arns = req.get("ResourceARNList")
    if arns and (req.get("TagFilters") or req.get("ResourceTypeFilters")):
        raise errors.invalid_parameter("ResourceARNList can't be used with other filters.")
    found = await _tagged(ctx, req.get("ResourceTypeFilters", []), set(arns or ()))
    filters = req.get("TagFilters", [])
    rows = [(name, tags) for name, tags in sorted(found.items()) if all(_fits(tags, each) for each in filters)]
    after = _position(req)
    later = (row for row in rows if after is None or row[0] > after)
    page, token = take_page(later, req.get("ResourcesPerPage", _PAGE), lambda row: row[0])
    shown = [
        {"ResourceARN": name, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}
        for name, tags in page
    ]
    return {"ResourceTagMappingList": shown, "PaginationToken": token or ""}


async def _tagged(ctx: Context, kinds: list[str], arns: set[str]) -> dict[str, dict[str, str]]:
    """The tags of all resources that have any, by ARN."""
    deviation("TAGGING-001")
    found: dict[str, dict[str, str]] = {}
    wanted = {source.kind for name in arns if (source := sources.source_of(name)) is not None}
    for source in sources.chosen(kinds):
        if arns and source.kind not in wanted:
            continue
        async for name, item in sources.resources(ctx, source):
            if arns and name not in arns:
                continue
            tags = await sources.tags_of(ctx, source, name, item)
            if tags:
                found[name] = tags
    return found


def _fits(tags: dict[str, str], wanted: dict[str, Any]) -> bool:
    values = wanted.get("Values")
    return wanted.get("Key", "") in tags and (not values or tags[wanted["Key"]] in values)


def _position(req: dict[str, Any]) -> str | None:
    if not req.get("PaginationToken"):
        return None
    found = find_position(req["PaginationToken"])
    if found is None:
        raise errors.expired_token()
    return found


@operation("GetTagKeys")
async def get_tag_keys(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    found = await _tagged(ctx, [], set())
    return _names(req, "TagKeys", {name for tags in found.values() for name in tags})


@operation("GetTagValues")
async def get_tag_values(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    found = await _tagged(ctx, [], set())
    return _names(req, "TagValues", {tags[req["Key"]] for tags in found.values() if req["Key"] in tags})


def _names(req: dict[str, Any], member: str, found: set[str]) -> dict[str, Any]:
    after = _position(req)
    page, token = take_page(
        (name for name in sorted(found) if after is None or name > after), _NAMES_PAGE, lambda name: name
    )
    return {member: page, "PaginationToken": token or ""}


@operation("TagResources")
async def tag_resources(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    async def one(source: sources.Source, name: str) -> None:
        await sources.tag(ctx, source, name, req["Tags"])

    return await _each(req, one)


@operation("UntagResources")
async def untag_resources(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    async def one(source: sources.Source, name: str) -> None:
        await sources.untag(ctx, source, name, req["TagKeys"])

    return await _each(req, one)


async def _each(req: dict[str, Any], change: Any) -> dict[str, Any]:
    """Each resource by itself: those that fail are said, the others are changed."""
    failed: dict[str, Any] = {}
    for name in req["ResourceARNList"]:
        source = sources.source_of(name)
        if source is None or not source.add:
            message = f"Tagging of {name} is not supported."
            failed[name] = {"StatusCode": 400, "ErrorCode": "InvalidParameterException", "ErrorMessage": message}
            continue
        try:
            await change(source, name)
        except ApiError as error:
            code = "InternalServiceException" if error.status >= 500 else "InvalidParameterException"
            failed[name] = {"StatusCode": error.status, "ErrorCode": code, "ErrorMessage": error.message}
    return {"FailedResourcesMap": failed}
