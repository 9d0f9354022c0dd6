"""State machines: create, update, describe, list, delete, validate; tags.

https://docs.aws.amazon.com/step-functions/latest/apireference/
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.errors import ApiError
from mrak.core.operation import operation
from mrak.core.page import find_number, find_position, take_page
from mrak.core.scope import Scope
from mrak.services.stepfunctions import arns, definitions, errors, executionlogs, machines, mapruns, versions
from mrak.services.stepfunctions.tables import (
    ACTIVITIES,
    ALIASES,
    EVENTS,
    EXECUTIONS,
    FRAMES,
    ITEMS,
    MACHINES,
    MAP_RUNS,
    PAYLOADS,
    PROGRESS,
    REVISIONS,
    TAGS,
    VERSIONS,
    Machine,
    Revision,
    Tags,
    Version,
)

_MOST_TAGS = 50
_PAGE = 100
_MOST_DIAGNOSTICS = 100


@operation("CreateStateMachine")
def create_state_machine(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """The same request again is answered as the first was."""
    name, kind = req["name"], req.get("type", "STANDARD")
    machines.check_name(name)
    if "versionDescription" in req and not req.get("publish"):
        raise errors.validation("Version description can only be set when publish is true")
    machines.check_role(req["roleArn"])
    machines.check_definition(req["definition"], kind)
    logging = machines.check_logging(req.get("loggingConfiguration"))
    executionlogs.check_destination(ctx, tx, ctx.scope, logging)
    arn = arns.machine_arn(ctx.scope, name)
    revision = Revision(
        machine=name,
        revision="",
        definition=req["definition"],
        role_arn=req["roleArn"],
        kind=kind,
        updated_at=ctx.now,
        logging=logging,
        tracing=bool(req.get("tracingConfiguration", {}).get("enabled")),
        encryption=machines.parse_encryption(req),
    )
    existing = MACHINES.open(tx, ctx.scope, name)
    if existing is not None:
        return _create_again(ctx, tx, existing, revision, req)
    machine = Machine(name=name, kind=kind, created_at=ctx.now)
    MACHINES.insert(tx, ctx.scope, machine)
    REVISIONS.lock(tx, ctx.scope, name, "")
    REVISIONS.insert(tx, ctx.scope, revision)
    if req.get("tags"):
        _set_tags(tx, ctx.scope, arn, {tag["key"]: tag.get("value", "") for tag in req["tags"]})
    created: dict[str, Any] = {"stateMachineArn": arn, "creationDate": ctx.now}
    if req.get("publish"):
        version = versions.publish(ctx, tx, ctx.scope, machine, req.get("versionDescription", ""))
        created["stateMachineVersionArn"] = f"{arn}:{version.number}"
    return created


def _create_again(
    ctx: Context, tx: Transaction, existing: Machine, wanted: Revision, req: dict[str, Any]
) -> dict[str, Any]:
    arn = arns.machine_arn(ctx.scope, existing.name)
    current = machines.latest(tx, ctx.scope, existing)
    # The role may be another one, and tags: they are not looked at, and stay as they were.
    kept = {"revision": current.revision, "updated_at": current.updated_at, "role_arn": current.role_arn}
    if msgspec.structs.replace(wanted, **kept) != current:
        raise errors.machine_already_exists(arn)
    created: dict[str, Any] = {"stateMachineArn": arn, "creationDate": existing.created_at}
    first = next(VERSIONS.scan(tx, ctx.scope, existing.name, limit=1), None)
    if first is not None:
        _check_published(req, first)
    elif req.get("publish"):
        first = versions.publish(ctx, tx, ctx.scope, existing, req.get("versionDescription", ""))
    if first is not None:
        created["stateMachineVersionArn"] = f"{arn}:{first.number}"
    return created


def _check_published(req: dict[str, Any], first: Version) -> None:
    """A machine with versions is made again by the request only that describes the first of them (recorded)."""
    told = "This state machine was already created with a published version"
    if not req.get("publish"):
        raise errors.machine_already_published(f"{told}.")
    if req.get("versionDescription", "") != first.description:
        raise errors.machine_already_published(f"{told} using a different description.")


@operation("UpdateStateMachine")
def update_state_machine(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    ref, _ = machines.require(tx, ctx.scope, req["stateMachineArn"])
    changed = ("definition", "roleArn", "loggingConfiguration", "tracingConfiguration", "encryptionConfiguration")
    if not any(name in req for name in changed) and not req.get("publish"):
        raise errors.missing_update()
    if "versionDescription" in req and not req.get("publish"):
        raise errors.validation("Version description can only be set when publish is true")
    machine = MACHINES.open(tx, ref.scope, ref.name)
    assert machine is not None
    current = machines.latest(tx, ref.scope, machine)
    machines.check_role(req.get("roleArn", current.role_arn))
    fresh = _updated(current, req)
    if "definition" in req:
        machines.check_definition(req["definition"], machine.kind)
    if fresh.logging != current.logging:
        executionlogs.check_destination(ctx, tx, ref.scope, fresh.logging)
    if fresh != current:
        fresh = msgspec.structs.replace(fresh, revision=ctx.draw.uuid(), updated_at=ctx.now)
        REVISIONS.lock(tx, ref.scope, ref.name, fresh.revision)
        REVISIONS.insert(tx, ref.scope, fresh)
        updated = msgspec.structs.replace(machine, revision=fresh.revision)
        MACHINES.replace(tx, ref.scope, machine, updated)
        machine = updated
    # An update that changes nothing leaves the time as it was.
    answer: dict[str, Any] = {"updateDate": fresh.updated_at}
    if machine.revision:
        answer["revisionId"] = machine.revision
    if req.get("publish"):
        version = versions.publish(ctx, tx, ref.scope, machine, req.get("versionDescription", ""))
        answer["stateMachineVersionArn"] = f"{ref.arn}:{version.number}"
    return answer


def _updated(current: Revision, req: dict[str, Any]) -> Revision:
    logging = machines.check_logging(req.get("loggingConfiguration")) if "loggingConfiguration" in req else None
    return msgspec.structs.replace(
        current,
        definition=req.get("definition", current.definition),
        role_arn=req.get("roleArn", current.role_arn),
        logging=current.logging if logging is None else logging,
        tracing=bool(req.get("tracingConfiguration", {"enabled": current.tracing}).get("enabled")),
        encryption=machines.parse_encryption(req) or current.encryption,
    )


@operation("DescribeStateMachine")
def describe_state_machine(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    arn = req["stateMachineArn"]
    try:
        ref = arns.parse_machine(ctx.scope, arn)
    except ApiError:
        raise errors.machine_does_not_exist(arn) from None
    machine = MACHINES.get(tx, ref.scope, ref.name)
    version = machines.find_version(tx, ref)
    if machine is not None and version is None and ref.qualifier.isdigit():
        raise errors.version_does_not_exist(arn)
    if machine is None or (ref.qualifier and version is None):
        raise errors.machine_does_not_exist(arn)
    revision = (
        machines.latest(tx, ref.scope, machine) if version is None else machines.revision_of(tx, ref.scope, version)
    )
    shown = machines.render_settings(revision)
    shown |= {
        "stateMachineArn": arn,
        "status": "ACTIVE",
        "type": machine.kind,
        "creationDate": machine.created_at if version is None else version.created_at,
    }
    if version is not None and version.description:
        shown["description"] = version.description
    return shown


@operation("ListStateMachines")
def list_state_machines(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    after = find_after(req)
    rows = MACHINES.scan(tx, ctx.scope, after=after)
    page, token = take_page(rows, page_size(req), lambda row: row.name)
    listed = [
        {
            "stateMachineArn": arns.machine_arn(ctx.scope, row.name),
            "name": row.name,
            "type": row.kind,
            "creationDate": row.created_at,
        }
        for row in page
    ]
    return with_token({"stateMachines": listed}, token)


def find_after(req: dict[str, Any]) -> str | None:
    """The position that a request's token names; raises InvalidToken."""
    if "nextToken" not in req:
        return None
    found = find_position(req["nextToken"])
    if found is None:
        raise errors.invalid_token()
    return found


def find_number_after(req: dict[str, Any]) -> int | None:
    """The same of listings whose positions are numbers."""
    if "nextToken" not in req:
        return None
    found = find_number(req["nextToken"])
    if found is None:
        raise errors.invalid_token()
    return found


def page_size(req: dict[str, Any]) -> int:
    """0 is as good as nothing: a hundred."""
    return int(req.get("maxResults", 0)) or _PAGE


def with_token(answer: dict[str, Any], token: str | None) -> dict[str, Any]:
    return answer if token is None else {**answer, "nextToken": token}


@operation("DeleteStateMachine")
def delete_state_machine(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    """Deleting what is not there is as good. Executions go with their machine."""
    ref = arns.parse_machine(ctx.scope, req["stateMachineArn"])
    if ref.qualifier:
        raise errors.validation("State machine ARN must not be qualified")
    machine = MACHINES.open(tx, ref.scope, ref.name)
    if machine is None:
        return
    deviation("STATES-002")
    MACHINES.delete(tx, ref.scope, machine)
    tags = TAGS.open(tx, ref.scope, ref.arn)
    if tags is not None:
        TAGS.delete(tx, ref.scope, tags)
    for run in list(MAP_RUNS.scan(tx, ref.scope, ref.name)):
        ITEMS.delete_all(tx, ref.scope, mapruns.arn_of(ref.scope, run))
        _delete_executions(tx, ref.scope, f"{run.machine}/{run.label}")
    _delete_executions(tx, ref.scope, ref.name)
    for table in (REVISIONS, VERSIONS, ALIASES, MAP_RUNS):
        table.delete_all(tx, ref.scope, ref.name)


def _delete_executions(tx: Transaction, scope: Scope, machine: str) -> None:
    for table in (EXECUTIONS, PAYLOADS, PROGRESS, FRAMES, EVENTS):
        table.delete_all(tx, scope, machine)


@operation("ValidateStateMachineDefinition")
def validate_state_machine_definition(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    problems = definitions.problems_of(req["definition"], req.get("type", "STANDARD") == "EXPRESS")
    most = int(req.get("maxResults", 0)) or _MOST_DIAGNOSTICS
    shown = [
        {
            "severity": "ERROR",
            "code": problem.code,
            "message": problem.message,
            **({"location": problem.location} if problem.location else {}),
        }
        for problem in problems[:most]
    ]
    return {"result": "FAIL" if problems else "OK", "diagnostics": shown, "truncated": len(problems) > most}


def _require_taggable(tx: Transaction, scope: Scope, arn: str) -> str:
    """The ARN of a machine or an activity; versions and aliases have no tags."""
    if ":activity:" in arn:
        at, name = arns.parse_activity(scope, arn)
        if ACTIVITIES.get(tx, at, name) is not None:
            return arn
        raise errors.resource_not_found(arn)
    ref = arns.parse_machine(scope, arn)
    if ref.qualifier or MACHINES.get(tx, ref.scope, ref.name) is None:
        raise errors.resource_not_found(arn)
    return arn


def _set_tags(tx: Transaction, scope: Scope, arn: str, tags: dict[str, str]) -> None:
    if len(tags) > _MOST_TAGS:
        raise errors.too_many_tags(arn)
    old = TAGS.open(tx, scope, arn)
    if old is None:
        TAGS.insert(tx, scope, Tags(arn, tags))
    else:
        TAGS.replace(tx, scope, old, Tags(arn, tags))


def _tags_of(tx: Transaction, scope: Scope, arn: str) -> dict[str, str]:
    found = TAGS.get(tx, scope, arn)
    return {} if found is None else found.tags


@operation("TagResource")
def tag_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    arn = _require_taggable(tx, ctx.scope, req["resourceArn"])
    given = {tag["key"]: tag.get("value", "") for tag in req["tags"]}
    _set_tags(tx, ctx.scope, arn, _tags_of(tx, ctx.scope, arn) | given)


@operation("UntagResource")
def untag_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    arn = _require_taggable(tx, ctx.scope, req["resourceArn"])
    kept = {key: value for key, value in _tags_of(tx, ctx.scope, arn).items() if key not in req["tagKeys"]}
    _set_tags(tx, ctx.scope, arn, kept)


@operation("ListTagsForResource")
def list_tags_for_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    arn = _require_taggable(tx, ctx.scope, req["resourceArn"])
    return {"tags": [{"key": key, "value": value} for key, value in _tags_of(tx, ctx.scope, arn).items()]}


def keep_tags(tx: Transaction, scope: Scope, arn: str, given: list[dict[str, str]]) -> None:
    """Tags that came with the making of an activity."""
    if given:
        _set_tags(tx, scope, arn, {tag["key"]: tag.get("value", "") for tag in given})
