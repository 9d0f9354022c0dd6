"""Operations on rules and their targets."""

from __future__ import annotations

import json
from typing import Any

from msgspec.structs import replace

from mrak.core.arn import Arn, find_arn
from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.operation import operation
from mrak.core.scope import Scope
from mrak.lang import eventpatterns, inputtransform, schedules
from mrak.lang.eventpatterns import PatternError
from mrak.lang.schedules import ScheduleError
from mrak.services.events import buses, errors, matching, pages, scheduled
from mrak.services.events.tables import BY_ARN, RULES, TARGETS, Rule, Target

MAX_RULES = 300
MAX_TARGETS = 5
_INPUTS = ("Input", "InputPath", "InputTransformer")
_NEED_ROLES = ("states", "kinesis", "firehose", "ecs", "batch", "codebuild", "codepipeline", "sagemaker", "redshift")


def check_pattern(text: str) -> None:
    try:
        eventpatterns.parse(text)
    except PatternError as error:
        raise errors.invalid_pattern(error.reason) from None


@operation("PutRule")
def put_rule(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """Makes a rule or replaces all of it but its tags and targets."""
    pattern, schedule = req.get("EventPattern", ""), req.get("ScheduleExpression", "")
    scope, bus = buses.require(tx, ctx.scope, req.get("EventBusName"))
    if not pattern and not schedule:
        raise errors.validation("Parameter(s) EventPattern or ScheduleExpression must be specified.")
    if pattern:
        check_pattern(pattern)
    if schedule:
        _check_schedule(schedule, bus.name)
    old = RULES.open(tx, scope, bus.name, req["Name"])
    if old is not None:
        buses.check_own(old)
    elif RULES.count(tx, scope, bus.name) >= MAX_RULES:
        raise errors.limit_exceeded()
    state = req.get("State", "ENABLED")
    rule = Rule(
        bus=bus.name,
        name=req["Name"],
        created_by=old.created_by if old is not None else ctx.principal.account or scope.account,
        created_at=ctx.now,
        pattern=pattern,
        schedule=schedule,
        is_enabled=state != "DISABLED",
        state=state,
        description=req.get("Description", ""),
        role_arn=req.get("RoleArn", ""),
        tags=old.tags if old is not None else {tag["Key"]: tag["Value"] for tag in req.get("Tags") or []},
    )
    rule_arn = buses.rule_arn(scope, rule)
    if "RoleArn" in req:
        _check_role(ctx, tx, req["RoleArn"], rule_arn)
    ctx.about(rule_arn)
    save(ctx, tx, scope, old, rule)
    return {"RuleArn": rule_arn}


def _check_schedule(expression: str, bus: str) -> None:
    try:
        schedule = schedules.parse(expression)
    except ScheduleError:
        raise errors.invalid_parameter("ScheduleExpression") from None
    if isinstance(schedule, schedules.At):
        raise errors.invalid_parameter("ScheduleExpression")
    if bus != buses.DEFAULT:
        raise errors.validation("ScheduleExpression is supported only on the default event bus.")


def _check_role(ctx: Context, tx: Transaction, role_arn: str, rule_arn: str) -> None:
    """Refuses a role that does not trust EventBridge. One that does not exist is taken (EVENTS-007)."""
    from mrak.services.iam import exports as iam  # only those who give rules roles need it

    deviation("EVENTS-007")
    if iam.role_distrusts_service(tx, ctx.scope.environment, role_arn, matching.SERVICE, ctx.now, rule_arn):
        raise errors.validation(f"Provided role '{role_arn}' cannot be assumed by principal '{matching.SERVICE}'.")


def save(ctx: Context, tx: Transaction, scope: Scope, old: Rule | None, rule: Rule) -> None:
    """Writes a rule and sets its timer in the place of the old one's."""
    if old is not None:
        scheduled.cancel(tx, scope, old)
    rule = scheduled.plan(ctx, tx, scope, rule)
    if old is None:
        RULES.insert(tx, scope, rule)
    else:
        RULES.replace(tx, scope, old, rule)


@operation("DescribeRule")
def describe_rule(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    scope, rule = buses.require_rule(tx, ctx.scope, req.get("EventBusName"), req["Name"])
    ctx.about(buses.rule_arn(scope, rule))
    return {**buses.render_rule(scope, rule), "CreatedBy": rule.created_by}


@operation("DeleteRule")
def delete_rule(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    """Deleting a rule that is not there succeeds, as at AWS."""
    scope, bus = buses.require(tx, ctx.scope, req.get("EventBusName"))
    rule = RULES.open(tx, scope, bus.name, req["Name"])
    if rule is None:
        return
    ctx.about(buses.rule_arn(scope, rule))
    if not req.get("Force"):
        buses.check_own(rule)
    if next(TARGETS.scan(tx, scope, bus.name, rule.name, limit=1), None) is not None:
        raise errors.validation("Rule can't be deleted since it has targets.")
    scheduled.cancel(tx, scope, rule)
    RULES.delete(tx, scope, rule)


@operation("EnableRule")
def enable_rule(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    _set_state(ctx, tx, req, "ENABLED")


@operation("DisableRule")
def disable_rule(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    _set_state(ctx, tx, req, "DISABLED")


def _set_state(ctx: Context, tx: Transaction, req: dict[str, Any], state: str) -> None:
    scope, rule = buses.open_rule(tx, ctx.scope, req.get("EventBusName"), req["Name"])
    ctx.about(buses.rule_arn(scope, rule))
    save(ctx, tx, scope, rule, replace(rule, state=state, is_enabled=state == "ENABLED"))


@operation("ListRules")
def list_rules(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    scope, bus = buses.require(tx, ctx.scope, req.get("EventBusName"))
    prefix, after = req.get("NamePrefix", ""), pages.read_position(req)
    rows = RULES.scan(tx, scope, bus.name, since=None if after else prefix or None, after=after)
    named = pages.with_prefix(rows, prefix, lambda rule: rule.name)
    return pages.render(req, "Rules", named, lambda rule: rule.name, lambda rule: buses.render_rule(scope, rule))


@operation("ListRuleNamesByTarget")
def list_rule_names_by_target(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    scope, bus = buses.require(tx, ctx.scope, req.get("EventBusName"))
    after = pages.read_position(req)
    rows = BY_ARN.scan(tx, scope, bus.name, req["TargetArn"], after=after)
    names = list(dict.fromkeys(target.rule for target in rows))
    return pages.render(req, "RuleNames", names, str, str)


@operation("PutTargets")
def put_targets(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    scope, rule = buses.open_rule(tx, ctx.scope, req.get("EventBusName"), req["Rule"])
    ctx.about(buses.rule_arn(scope, rule))
    for entry in req["Targets"]:
        _check_target(buses.bus_arn(scope, rule.bus), entry)
    TARGETS.lock(tx, scope, rule.bus, rule.name)
    old = {target.id: target for target in TARGETS.scan(tx, scope, rule.bus, rule.name)}
    if len(old.keys() | {entry["Id"] for entry in req["Targets"]}) > MAX_TARGETS:
        raise errors.limit_exceeded()
    for entry in req["Targets"]:
        target = Target(rule.bus, rule.name, entry["Id"], entry["Arn"], entry)
        if entry["Id"] in old:
            TARGETS.replace(tx, scope, old[entry["Id"]], target)
        else:
            TARGETS.insert(tx, scope, target)
        old[target.id] = target
    return {"FailedEntryCount": 0, "FailedEntries": []}


def _needs_role(target: Arn) -> bool:
    """Whether EventBridge can reach a target by a role alone."""
    return target.service in _NEED_ROLES or target.resource.startswith("api-destination/") or _is_bus(target)


def _is_bus(target: Arn) -> bool:
    return target.service == "events" and target.resource.startswith("event-bus/")


def _check_target(bus_arn: str, entry: dict[str, Any]) -> None:
    found = find_arn(entry["Arn"])
    if found is None:
        raise errors.invalid_parameter(entry["Arn"], "Provided Arn is not in correct format.")
    if not entry.get("RoleArn") and _needs_role(found):
        raise errors.validation(f"RoleArn is required for target {entry['Arn']}.")
    if _is_bus(found):
        _check_bus_target(bus_arn, entry)
    if found.service == "logs":
        _check_logs_target(entry)
    if found.service == "sqs" and found.resource.endswith(".fifo") and "SqsParameters" not in entry:
        raise errors.validation(f"Parameter(s) SqsParameters must be specified for target: {entry['Id']}.")
    if sum(name in entry for name in _INPUTS) > 1:
        raise errors.validation(
            f"Only one of Input, InputPath, or InputTransformer must be provided for target {entry['Id']}."
        )
    _check_input(entry)


def _check_bus_target(bus_arn: str, entry: dict[str, Any]) -> None:
    """Buses take events as they are, and are not tried again."""
    if entry["Arn"] == bus_arn:
        raise errors.validation("Source EventBus and Target EventBus must not be the same.")
    if any(name in entry for name in _INPUTS):
        raise errors.validation(f"Modifying the input for target {entry['Id']} is not supported.")
    if "RetryPolicy" in entry:
        raise errors.validation("Retry policy is not supported for Event bus targets.")


def _check_logs_target(entry: dict[str, Any]) -> None:
    if "RoleArn" in entry:
        raise errors.validation(f"RoleArn is not supported for target {entry['Arn']}.")
    if "Input" in entry or "InputPath" in entry:
        raise errors.validation(
            f"Input and InputPath are not valid forms of input for target {entry['Id']}. The only valid form of input "
            "is InputTransformer."
        )


def _check_input(entry: dict[str, Any]) -> None:
    if "Input" in entry and not _is_json(entry["Input"]):
        raise errors.validation(f"JSON syntax error in input for target {entry['Id']}.")
    if "InputPath" in entry and not inputtransform.is_path(entry["InputPath"]):
        raise errors.validation(f"InputPath for target {entry['Id']} is invalid.")
    transformer = entry.get("InputTransformer")
    if transformer:
        paths, template = transformer.get("InputPathsMap"), transformer["InputTemplate"]
        fault = inputtransform.find_fault(entry["Id"], paths, template)
        if fault is not None:
            raise errors.validation(fault)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


@operation("RemoveTargets")
def remove_targets(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    scope, rule = buses.open_rule(tx, ctx.scope, req.get("EventBusName"), req["Rule"])
    ctx.about(buses.rule_arn(scope, rule))
    TARGETS.lock(tx, scope, rule.bus, rule.name)
    for identifier in req["Ids"]:
        target = TARGETS.get(tx, scope, rule.bus, rule.name, identifier)
        if target is not None:
            TARGETS.delete(tx, scope, target)
    return {"FailedEntryCount": 0, "FailedEntries": []}


@operation("ListTargetsByRule")
def list_targets_by_rule(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    scope, rule = buses.require_rule(tx, ctx.scope, req.get("EventBusName"), req["Rule"])
    ctx.about(buses.rule_arn(scope, rule))
    after = pages.read_position(req)
    rows = TARGETS.scan(tx, scope, rule.bus, rule.name, after=after)
    return pages.render(req, "Targets", rows, lambda target: target.id, lambda target: target.settings)


@operation("TestEventPattern")
def test_event_pattern(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    event = eventpatterns.parse_event(req["Event"])
    if event is None:
        raise errors.invalid_parameter("Event")
    check_pattern(req["EventPattern"])
    return {"Result": eventpatterns.parse(req["EventPattern"]).matches(event)}
