"""Every operation of EventBridge Scheduler: schedules, groups, tags.

https://docs.aws.amazon.com/scheduler/latest/APIReference/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec.structs import replace

from mrak.core.arn import arn, find_arn
from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.operation import operation
from mrak.core.page import find_position, take_page
from mrak.core.scope import Scope
from mrak.lang import schedules
from mrak.lang.schedules import ScheduleError
from mrak.services.scheduler import errors, firing
from mrak.services.scheduler.tables import GROUPS, SCHEDULES, Group, Schedule

DEFAULT = "default"
_SERVICE = "scheduler.amazonaws.com"
PAGE_SIZE = 100
_KEPT = (
    "ScheduleExpression",
    "StartDate",
    "EndDate",
    "Description",
    "KmsKeyArn",
    "Target",
    "FlexibleTimeWindow",
    "ClientToken",
)


def group_arn(scope: Scope, name: str) -> str:
    return arn(scope, "scheduler", f"schedule-group/{name}")


def _require_group(tx: Transaction, scope: Scope, name: str) -> Group:
    group = GROUPS.open(tx, scope, name) or (Group(name=DEFAULT) if name == DEFAULT else None)
    if group is None:
        raise errors.no_group(name)
    return group


def _require_schedule(tx: Transaction, scope: Scope, req: dict[str, Any]) -> Schedule:
    schedule = SCHEDULES.open(tx, scope, req.get("GroupName", DEFAULT), req["Name"])
    if schedule is None:
        raise errors.no_schedule(req["Name"])
    return schedule


_PAST_SECONDS = 300


def _check_role(ctx: Context, tx: Transaction, role_arn: str, group: str) -> None:
    """Refuses a role that does not trust the Scheduler for schedules of this group. One that does not exist is taken
    (SCHEDULER-001)."""
    from mrak.services.iam import exports as iam  # only those who create schedules need it

    deviation("SCHEDULER-001")
    source_arn = group_arn(ctx.scope, group)
    if iam.role_distrusts_service(tx, ctx.scope.environment, role_arn, _SERVICE, ctx.now, source_arn):
        raise errors.unassumable_role()


def _read_settings(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """The input as it is kept, checked, with AWS's defaults."""
    try:
        schedules.parse(req["ScheduleExpression"], strict_plural=False)
    except ScheduleError:
        raise errors.invalid_expression(req["ScheduleExpression"]) from None
    zone = req.get("ScheduleExpressionTimezone", "UTC")
    if schedules.find_zone(zone) is None:
        raise errors.validation(f"Invalid timezone {zone}.")
    start, end = req.get("StartDate"), req.get("EndDate")
    if start is not None and start < ctx.now - _PAST_SECONDS:
        raise errors.validation("The StartDate you specify cannot be earlier than 5 minutes ago.")
    if start is not None and end is not None and end <= start:
        raise errors.validation("The StartDate you specify must come before the EndDate.")
    window = req["FlexibleTimeWindow"]
    if window["Mode"] == "FLEXIBLE" and "MaximumWindowInMinutes" not in window:
        raise errors.validation("MaximumWindowInMinutes must be specified for FLEXIBLE FlexibleTimeWindow.")
    if find_arn(req["Target"]["Arn"]) is None:
        raise errors.validation(f"Provided TargetArn is not in correct format: {req['Target']['Arn']}.")
    _check_role(ctx, tx, req["Target"]["RoleArn"], req.get("GroupName", DEFAULT))
    return {
        **{name: req[name] for name in _KEPT if name in req},
        "ScheduleExpressionTimezone": zone,
        "State": req.get("State", "ENABLED"),
        "ActionAfterCompletion": req.get("ActionAfterCompletion", "NONE"),
    }


@operation("CreateSchedule")
def create_schedule(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    group = _require_group(tx, ctx.scope, req.get("GroupName", DEFAULT)).name
    schedule = Schedule(
        group=group, name=req["Name"], created_at=ctx.now, modified_at=ctx.now, settings=_read_settings(ctx, tx, req)
    )
    answer = {"ScheduleArn": firing.schedule_arn(ctx.scope, schedule)}
    ctx.about(answer["ScheduleArn"])
    existing = SCHEDULES.open(tx, ctx.scope, group, schedule.name)
    if existing is not None:
        token = req.get("ClientToken")
        if token and existing.settings.get("ClientToken") == token:
            return answer
        raise errors.schedule_exists(schedule.name)
    # A rate that has no start begins now.
    SCHEDULES.insert(tx, ctx.scope, firing.plan(ctx, tx, ctx.scope, schedule, ctx.now - 0.001))
    return answer


@operation("UpdateSchedule")
def update_schedule(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """Replaces all of a schedule but its name and birthday."""
    settings = _read_settings(ctx, tx, req)
    old = _require_schedule(tx, ctx.scope, req)
    firing.cancel(tx, ctx.scope, old)
    new = replace(old, settings=settings, modified_at=ctx.now)
    SCHEDULES.replace(tx, ctx.scope, old, firing.plan(ctx, tx, ctx.scope, new, ctx.now))
    ctx.about(firing.schedule_arn(ctx.scope, new))
    return {"ScheduleArn": firing.schedule_arn(ctx.scope, new)}


@operation("DeleteSchedule")
def delete_schedule(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    schedule = _require_schedule(tx, ctx.scope, req)
    ctx.about(firing.schedule_arn(ctx.scope, schedule))
    firing.cancel(tx, ctx.scope, schedule)
    SCHEDULES.delete(tx, ctx.scope, schedule)


@operation("GetSchedule")
def get_schedule(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    schedule = _require_schedule(tx, ctx.scope, req)
    shown = {name: value for name, value in schedule.settings.items() if name != "ClientToken"}
    target = {**shown["Target"]}
    target.setdefault("RetryPolicy", {"MaximumEventAgeInSeconds": 86_400, "MaximumRetryAttempts": 185})
    return {
        **shown,
        "Target": target,
        "Arn": firing.schedule_arn(ctx.scope, schedule),
        "GroupName": schedule.group,
        "Name": schedule.name,
        "CreationDate": schedule.created_at,
        "LastModificationDate": schedule.modified_at,
    }


@operation("ListSchedules")
def list_schedules(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    wanted_group, prefix, state = req.get("GroupName"), req.get("NamePrefix", ""), req.get("State")
    if wanted_group is not None:
        _require_group(tx, ctx.scope, wanted_group)
    group, name = _read_position(req, 2) or (wanted_group or "", "")
    rows = _schedules_from(tx, ctx.scope, group, name, wanted_group)
    matching = (row for row in rows if row.name.startswith(prefix) and state in (None, row.settings["State"]))
    return _render_page(req, "Schedules", matching, lambda row: f"{row.group}\n{row.name}", _summary(ctx.scope))


def _schedules_from(tx: Transaction, scope: Scope, group: str, name: str, only_group: str | None) -> Iterator[Schedule]:
    """Schedules in the order of their keys, after (group, name)."""
    if group:
        yield from SCHEDULES.scan(tx, scope, group, after=name or None)
    if only_group is None:
        yield from SCHEDULES.scan(tx, scope, after=group or None)


def _summary(scope: Scope) -> Any:
    return lambda schedule: {
        "Arn": firing.schedule_arn(scope, schedule),
        "Name": schedule.name,
        "GroupName": schedule.group,
        "State": schedule.settings["State"],
        "CreationDate": schedule.created_at,
        "LastModificationDate": schedule.modified_at,
        "Target": {"Arn": schedule.settings["Target"]["Arn"]},
    }


def _read_position(req: dict[str, Any], parts: int) -> list[str] | None:
    token = req.get("NextToken")
    if not token:
        return None
    position = find_position(token)
    if position is None or position.count("\n") != parts - 1:
        raise errors.validation("Invalid NextToken.")
    return position.split("\n")


def _render_page(req: dict[str, Any], member: str, rows: Iterable[Any], position_of: Any, show: Any) -> dict[str, Any]:
    page, token = take_page(rows, req.get("MaxResults") or PAGE_SIZE, position_of)
    listed = {member: [show(row) for row in page]}
    return listed | ({"NextToken": token} if token else {})


@operation("CreateScheduleGroup")
def create_schedule_group(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    name = req["Name"]
    ctx.about(group_arn(ctx.scope, name))
    if name == DEFAULT or GROUPS.open(tx, ctx.scope, name) is not None:
        raise errors.group_exists(name)
    tags = {tag["Key"]: tag["Value"] for tag in req.get("Tags") or []}
    GROUPS.insert(tx, ctx.scope, Group(name=name, created_at=ctx.now, modified_at=ctx.now, tags=tags))
    return {"ScheduleGroupArn": group_arn(ctx.scope, name)}


@operation("DeleteScheduleGroup")
def delete_schedule_group(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    """Takes the group's schedules with it."""
    if req["Name"] == DEFAULT:
        raise errors.validation("The default schedule group can't be deleted.")
    group = _require_group(tx, ctx.scope, req["Name"])
    ctx.about(group_arn(ctx.scope, group.name))
    for schedule in list(SCHEDULES.scan(tx, ctx.scope, group.name)):
        SCHEDULES.lock(tx, ctx.scope, schedule.group, schedule.name)
        firing.cancel(tx, ctx.scope, schedule)
        SCHEDULES.delete(tx, ctx.scope, schedule)
    GROUPS.delete(tx, ctx.scope, group)


def _render_group(scope: Scope, group: Group) -> dict[str, Any]:
    return {
        "Arn": group_arn(scope, group.name),
        "Name": group.name,
        "State": "ACTIVE",
        "CreationDate": group.created_at,
        "LastModificationDate": group.modified_at,
    }


@operation("GetScheduleGroup")
def get_schedule_group(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return _render_group(ctx.scope, _require_group(tx, ctx.scope, req["Name"]))


@operation("ListScheduleGroups")
def list_schedule_groups(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    prefix, position = req.get("NamePrefix", ""), _read_position(req, 1)
    rows = list(GROUPS.scan(tx, ctx.scope, limit=10_000))
    if all(group.name != DEFAULT for group in rows):
        rows.append(Group(name=DEFAULT))
    after = position[0] if position else ""
    matching = sorted((g for g in rows if g.name.startswith(prefix) and g.name > after), key=lambda g: g.name)
    return _render_page(
        req, "ScheduleGroups", matching, lambda group: group.name, lambda group: _render_group(ctx.scope, group)
    )


@operation("TagResource")
def tag_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    group = _require_tagged(ctx, tx, req["ResourceArn"])
    tags = {**group.tags, **{tag["Key"]: tag["Value"] for tag in req["Tags"]}}
    _write_tags(ctx, tx, group, tags)


@operation("UntagResource")
def untag_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    group = _require_tagged(ctx, tx, req["ResourceArn"])
    _write_tags(ctx, tx, group, {key: value for key, value in group.tags.items() if key not in req["TagKeys"]})


@operation("ListTagsForResource")
def list_tags_for_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    group = _require_tagged(ctx, tx, req["ResourceArn"])
    return {"Tags": [{"Key": key, "Value": value} for key, value in group.tags.items()]}


def _require_tagged(ctx: Context, tx: Transaction, text: str) -> Group:
    """Only groups have tags."""
    found = find_arn(text)
    if found is None or not found.resource.startswith("schedule-group/"):
        raise errors.validation(f"Invalid ResourceArn {text}.")
    ctx.about(text)
    return _require_group(tx, ctx.scope, found.resource.removeprefix("schedule-group/"))


def _write_tags(ctx: Context, tx: Transaction, group: Group, tags: dict[str, str]) -> None:
    if GROUPS.get(tx, ctx.scope, group.name) is None:
        GROUPS.insert(tx, ctx.scope, replace(group, tags=tags))
    else:
        GROUPS.replace(tx, ctx.scope, group, replace(group, tags=tags))
