"""Operations on log groups: settings, retention, tags."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.operation import operation
from mrak.core.scope import Scope
from mrak.services.logs import errors, names, policies, workers
from mrak.services.logs.tables import (
    DESTINATIONS,
    EVENTS,
    GROUPS,
    METRIC_FILTERS,
    STREAMS,
    SUBSCRIPTIONS,
    TIMES,
    Destination,
    Group,
)

# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
_RETENTIONS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288),
    3653,
)
_MOST_TAGS = 50


_NOT_INDEXED = ("storedBytes", "deletionProtectionEnabled")


@operation("CreateLogGroup")
def create_log_group(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    name = req["logGroupName"]
    names.check_name(name)
    if GROUPS.open(tx, ctx.scope, name) is not None:
        raise errors.already_exists("log group")
    group = Group(
        name=name,
        created_ms=int(ctx.now * 1000),
        kms_key=req.get("kmsKeyId", ""),
        log_class=req.get("logGroupClass", "STANDARD"),
        is_protected=req.get("deletionProtectionEnabled", False),
        tags=req.get("tags", {}),
    )
    GROUPS.insert(tx, ctx.scope, group)


@operation("DeleteLogGroup")
def delete_log_group(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    group = names.open_group(tx, ctx.scope, req["logGroupName"])
    if group.is_protected:
        raise errors.group_is_protected()
    for stream in list(STREAMS.scan(tx, ctx.scope, group.name)):
        STREAMS.lock(tx, ctx.scope, group.name, stream.name)
        STREAMS.delete(tx, ctx.scope, stream)
    for subscription in list(SUBSCRIPTIONS.scan(tx, ctx.scope, group.name)):
        SUBSCRIPTIONS.lock(tx, ctx.scope, group.name, subscription.name)
        SUBSCRIPTIONS.delete(tx, ctx.scope, subscription)
    for metric_filter in list(METRIC_FILTERS.scan(tx, ctx.scope, group.name)):
        METRIC_FILTERS.lock(tx, ctx.scope, group.name, metric_filter.name)
        METRIC_FILTERS.delete(tx, ctx.scope, metric_filter)
    policies.forget(tx, ctx.scope, group.name)
    EVENTS.delete_all(tx, ctx.scope, group.name)
    TIMES.delete_all(tx, ctx.scope, group.name)
    GROUPS.delete(tx, ctx.scope, group)


@operation("DescribeLogGroups")
def describe_log_groups(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    prefix, pattern = req.get("logGroupNamePrefix", ""), req.get("logGroupNamePattern", "").lower()
    if prefix and pattern:
        raise errors.invalid_parameter(
            "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters."
        )
    wanted = req.get("logGroupIdentifiers")
    if wanted:
        found = (GROUPS.get(tx, ctx.scope, names.name_in(each)) for each in wanted)
        return {"logGroups": [_render(tx, ctx.scope, group) for group in found if group is not None]}
    after = names.token_position(req)
    rows = GROUPS.scan(tx, ctx.scope, after=after) if after else GROUPS.scan(tx, ctx.scope, since=prefix or None)
    log_class = req.get("logGroupClass", "")
    matching = (
        group
        for group in _while_prefixed(rows, prefix)
        if pattern in group.name.lower() and log_class in ("", group.log_class)
    )

    def show(group: Group) -> dict[str, Any]:
        shown = _render(tx, ctx.scope, group)
        # By pattern, AWS answers from an index that lacks these.
        return {name: value for name, value in shown.items() if name not in _NOT_INDEXED} if pattern else shown

    return names.page_of(req, "logGroups", matching, lambda group: group.name, show)


@operation("ListLogGroups")
def list_log_groups(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """The pattern is a choice of `^` with a prefix and of parts of the name; case counts."""
    pattern = req.get("logGroupNamePattern", "")
    choices = pattern.split("|")
    log_class = req.get("logGroupClass", "")
    rows = (
        group
        for group in GROUPS.scan(tx, ctx.scope, after=names.token_position(req))
        if _is_chosen(group.name, choices) and log_class in ("", group.log_class)
    )

    def render(group: Group) -> dict[str, Any]:
        return {
            "logGroupName": group.name,
            "logGroupArn": names.group_arn(ctx.scope, group.name),
            "logGroupClass": group.log_class,
        }

    return names.page_of(req, "logGroups", rows, lambda group: group.name, render)


@operation("PutRetentionPolicy")
def put_retention_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    days = req["retentionInDays"]
    if days not in _RETENTIONS:
        raise errors.invalid_parameter(
            f"1 validation error detected: Value '{days}' at 'retentionInDays' failed to satisfy constraint: Member "
            f"must satisfy enum value set: [{', '.join(map(str, _RETENTIONS))}]"
        )
    group = names.open_group(tx, ctx.scope, req["logGroupName"])
    GROUPS.replace(tx, ctx.scope, group, msgspec.structs.replace(group, retention_days=days))
    workers.start_retention(ctx, tx, ctx.scope, group.name)


@operation("DeleteRetentionPolicy")
def delete_retention_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    group = names.open_group(tx, ctx.scope, req["logGroupName"])
    GROUPS.replace(tx, ctx.scope, group, msgspec.structs.replace(group, retention_days=None))


@operation("PutLogGroupDeletionProtection")
def put_log_group_deletion_protection(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    group = names.open_group(tx, ctx.scope, names.name_in(req["logGroupIdentifier"]))
    changed = msgspec.structs.replace(group, is_protected=req["deletionProtectionEnabled"])
    GROUPS.replace(tx, ctx.scope, group, changed)


@operation("AssociateKmsKey")
def associate_kms_key(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    # The key is kept and shown; events are not encrypted with it.
    deviation("LOGS-002")
    group = names.open_group(tx, ctx.scope, req.get("logGroupName") or names.name_in(req.get("resourceIdentifier", "")))
    GROUPS.replace(tx, ctx.scope, group, msgspec.structs.replace(group, kms_key=req["kmsKeyId"]))


@operation("DisassociateKmsKey")
def disassociate_kms_key(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    group = names.open_group(tx, ctx.scope, req.get("logGroupName") or names.name_in(req.get("resourceIdentifier", "")))
    GROUPS.replace(tx, ctx.scope, group, msgspec.structs.replace(group, kms_key=""))


# Tags -------------------------------------------------------------------------------------------------------------


@operation("TagLogGroup")
def tag_log_group(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    _retag(tx, ctx.scope, names.open_group(tx, ctx.scope, req["logGroupName"]), req["tags"], [])


@operation("UntagLogGroup")
def untag_log_group(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    _retag(tx, ctx.scope, names.open_group(tx, ctx.scope, req["logGroupName"]), {}, req["tags"])


@operation("ListTagsLogGroup")
def list_tags_log_group(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return {"tags": names.require_group(tx, ctx.scope, req["logGroupName"]).tags}


@operation("TagResource")
def tag_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    _retag(tx, ctx.scope, _open_tagged(tx, ctx.scope, req["resourceArn"]), req["tags"], [])


@operation("UntagResource")
def untag_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    _retag(tx, ctx.scope, _open_tagged(tx, ctx.scope, req["resourceArn"]), {}, req["tagKeys"])


@operation("ListTagsForResource")
def list_tags_for_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return {"tags": _open_tagged(tx, ctx.scope, req["resourceArn"]).tags}


def _open_tagged(tx: Transaction, scope: Scope, arn: str) -> Group | Destination:
    found = re.fullmatch(r"arn:[\w-]+:logs:[\w-]*:\d{12}:(log-group|destination):([^:*]+)(?::\*)?", arn)
    if found is None:
        raise errors.invalid_parameter(f"Invalid resource ARN: {arn}")
    if found[1] == "log-group":
        group = GROUPS.open(tx, scope, found[2])
        if group is not None:
            return group
    else:
        destination = DESTINATIONS.open(tx, scope, found[2])
        if destination is not None:
            return destination
    raise errors.not_found("The specified resource does not exist.")


def _retag(tx: Transaction, scope: Scope, row: Group | Destination, added: dict[str, str], removed: list[str]) -> None:
    tags = {key: value for key, value in (row.tags | added).items() if key not in removed}
    if len(tags) > _MOST_TAGS:
        raise errors.limit_exceeded()
    if isinstance(row, Group):
        GROUPS.replace(tx, scope, row, msgspec.structs.replace(row, tags=tags))
    else:
        DESTINATIONS.replace(tx, scope, row, msgspec.structs.replace(row, tags=tags))


def _is_chosen(name: str, choices: list[str]) -> bool:
    return any(name.startswith(each[1:]) if each.startswith("^") else each in name for each in choices)


def _while_prefixed(rows: Any, prefix: str) -> Any:
    """Names come in order, so the first one without the prefix ends the listing."""
    for row in rows:
        if not row.name.startswith(prefix):
            return
        yield row


def _render(tx: Transaction, scope: Scope, group: Group) -> dict[str, Any]:
    # AWS counts stored bytes behind, by hours; here they stay at nought.
    deviation("LOGS-001")
    arn = names.group_arn(scope, group.name)
    shown: dict[str, Any] = {
        "logGroupName": group.name,
        "creationTime": group.created_ms,
        "metricFilterCount": METRIC_FILTERS.count(tx, scope, group.name),
        "arn": f"{arn}:*",
        "storedBytes": 0,
        "logGroupClass": group.log_class,
        "logGroupArn": arn,
        "deletionProtectionEnabled": group.is_protected,
    }
    if group.retention_days is not None:
        shown["retentionInDays"] = group.retention_days
    return shown | ({"kmsKeyId": group.kms_key} if group.kms_key else {})
