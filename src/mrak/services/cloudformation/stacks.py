"""Finding stacks, and how Describe... shows them."""

from __future__ import annotations

import json
from typing import Any

from mrak.core.arn import arn
from mrak.core.context import Context, Transaction
from mrak.core.scope import Scope
from mrak.lang.cloudformation.parameters import HIDDEN
from mrak.services.cloudformation import errors
from mrak.services.cloudformation.tables import BY_NAME, STACKS, VERSIONS, Event, Row, Stack, Version


def new_id(ctx: Context, name: str) -> str:
    return arn(ctx.scope, "cloudformation", f"stack/{name}/{ctx.draw.uuid()}")


def find(tx: Transaction, scope: Scope, name: str) -> Stack | None:
    """By id, deleted ones included, or by the name of a living one."""
    if name.startswith("arn:"):
        return STACKS.get(tx, scope, name)
    return next(iter(BY_NAME.scan(tx, scope, name, limit=1)), None)


def require(tx: Transaction, scope: Scope, name: str) -> Stack:
    found = find(tx, scope, name)
    if found is None:
        raise errors.stack_does_not_exist(name)
    return found


def current_version(tx: Transaction, scope: Scope, stack: Stack) -> Version | None:
    """What Describe shows: the version under way, or the one in force."""
    return VERSIONS.get(tx, scope, stack.id, stack.target or stack.version)


def render(tx: Transaction, scope: Scope, stack: Stack) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "StackId": stack.id,
        "StackName": stack.name,
        "CreationTime": stack.created_at,
        "RollbackConfiguration": stack.rollback_configuration,
        "StackStatus": stack.status,
        "DisableRollback": stack.on_failure == "DO_NOTHING",
        "NotificationARNs": stack.notification_arns,
        "DriftInformation": {"StackDriftStatus": "NOT_CHECKED"},
        "Tags": [],
    }
    if stack.status != "DELETE_COMPLETE":
        shown["EnableTerminationProtection"] = stack.termination_protection
    optional = {
        "ChangeSetId": stack.change_set_id if stack.deleted_at is None else "",
        "LastUpdatedTime": stack.updated_at,
        "DeletionTime": stack.deleted_at,
        "StackStatusReason": stack.reason,
        "TimeoutInMinutes": stack.timeout_minutes,
        "RoleARN": stack.role_arn,
        "ParentId": stack.parent_id,
        "RootId": stack.root_id,
        "Outputs": stack.outputs,
    }
    shown |= {name: value for name, value in optional.items() if value}
    version = current_version(tx, scope, stack)
    if version is not None and stack.status != "REVIEW_IN_PROGRESS":
        shown |= _render_version(version)
    return shown


def _render_version(version: Version) -> dict[str, Any]:
    shown: dict[str, Any] = {"Tags": version.tags}
    if version.capabilities:
        shown["Capabilities"] = version.capabilities
    if version.parameters:
        shown["Parameters"] = render_parameters(version)
    description = json.loads(version.processed).get("Description")
    if description:
        shown["Description"] = description
    return shown


def render_parameters(version: Version) -> list[dict[str, Any]]:
    shown = []
    for name, given, resolved, no_echo in sorted(version.parameters):
        entry = {"ParameterKey": name, "ParameterValue": HIDDEN if no_echo else given}
        if resolved:
            entry["ResolvedValue"] = resolved
        shown.append(entry)
    return shown


def render_summary(tx: Transaction, scope: Scope, stack: Stack) -> dict[str, Any]:
    """An entry of ListStacks."""
    version = current_version(tx, scope, stack)
    shown: dict[str, Any] = {
        "StackId": stack.id,
        "StackName": stack.name,
        "CreationTime": stack.created_at,
        "StackStatus": stack.status,
        "DriftInformation": {"StackDriftStatus": "NOT_CHECKED"},
    }
    optional = {
        "TemplateDescription": json.loads(version.processed).get("Description") if version else None,
        "LastUpdatedTime": stack.updated_at,
        "DeletionTime": stack.deleted_at,
        "StackStatusReason": stack.reason,
        "ParentId": stack.parent_id,
        "RootId": stack.root_id,
    }
    return shown | {name: value for name, value in optional.items() if value}


def render_event(event: Event) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "StackId": event.stack_id,
        "EventId": event.id,
        "StackName": event.stack_name,
        "LogicalResourceId": event.logical_id,
        "PhysicalResourceId": event.physical_id,
        "ResourceType": event.type,
        "Timestamp": event.at,
        "ResourceStatus": event.status,
    }
    if event.reason:
        shown["ResourceStatusReason"] = event.reason
    if event.properties:
        shown["ResourceProperties"] = event.properties
    return shown


def render_resource(stack: Stack, row: Row, *, time: str) -> dict[str, Any]:
    """`time` is the name of the member for the time of the last change, which differs by operation."""
    shown: dict[str, Any] = {
        "StackId": stack.id,
        "StackName": stack.name,
        "LogicalResourceId": row.logical_id,
        "ResourceType": row.type,
        time: row.updated_at,
        "ResourceStatus": row.status,
        "DriftInformation": {"StackResourceDriftStatus": "NOT_CHECKED"},
    }
    if row.physical_id:
        shown["PhysicalResourceId"] = row.physical_id
    if row.reason and not row.reason.startswith("\0"):
        shown["ResourceStatusReason"] = row.reason
    return shown
