"""State machines: checks of their settings, look-ups by ARN, rendering."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.scope import Scope
from mrak.lang.asl import variables
from mrak.lang.asl.definition import parse
from mrak.lang.asl.problems import Problem
from mrak.services.stepfunctions import arns, definitions, errors
from mrak.services.stepfunctions.arns import MachineReference
from mrak.services.stepfunctions.tables import ALIASES, MACHINES, REVISIONS, VERSIONS, Alias, Machine, Revision, Version

# https://docs.aws.amazon.com/step-functions/latest/apireference/API_CreateStateMachine.html
_BANNED = re.compile(r"""[\s<>{}\[\]?*"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]""")

_ROLE = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/.+").fullmatch


class Target(msgspec.Struct, frozen=True):
    """What is to be started: a machine's revision, and by which version or alias it was named."""

    ref: MachineReference
    machine: Machine
    revision: Revision
    version: int = 0
    alias: str = ""


def check_role(role_arn: str) -> None:
    if not _ROLE(role_arn):
        raise errors.invalid_role_arn(role_arn)


def parse_encryption(req: dict[str, Any]) -> dict[str, Any]:
    """A request's encryption, checked; {} where it says none."""
    given: dict[str, Any] = req.get("encryptionConfiguration", {})
    if given.get("type") == "CUSTOMER_MANAGED_KMS_KEY" and not given.get("kmsKeyId"):
        raise errors.missing_key()
    return given


def check_name(name: str) -> None:
    if _BANNED.search(name):
        raise errors.invalid_name(name)


def check_definition(text: str, kind: str) -> None:
    refuse(definitions.problems_of(text, kind == "EXPRESS"))


def refuse(problems: list[Problem]) -> None:
    if problems:
        raise errors.invalid_definition(", ".join(str(problem) for problem in problems))


def check_logging(logging: dict[str, Any] | None) -> dict[str, Any]:
    """The logging configuration as it is kept; a level needs exactly one destination."""
    if logging is None:
        return {}
    level = logging.get("level", "OFF")
    destinations = logging.get("destinations")
    if len(destinations or ()) > 1 or (level != "OFF" and not destinations):
        raise errors.invalid_logging("Must specify exactly one Log Destination.")
    for destination in destinations or ():
        arn = destination.get("cloudWatchLogsLogGroup", {}).get("logGroupArn", "")
        if ":log-group:" not in arn:
            raise errors.invalid_logging("Must specify exactly one Log Destination.")
    return {name: value for name, value in logging.items() if value != []}


def require(tx: Transaction, scope: Scope, arn: str) -> tuple[MachineReference, Machine]:
    """The machine that an unqualified ARN names."""
    ref = arns.parse_machine(scope, arn)
    found = MACHINES.get(tx, ref.scope, ref.name) if not ref.qualifier else None
    if found is None:
        raise errors.machine_does_not_exist(arn)
    return ref, found


def latest(tx: Transaction, scope: Scope, machine: Machine) -> Revision:
    found = REVISIONS.get(tx, scope, machine.name, machine.revision)
    assert found is not None, f"{machine.name} has no revision {machine.revision!r}"
    return found


def find_version(tx: Transaction, ref: MachineReference) -> Version | None:
    return VERSIONS.get(tx, ref.scope, ref.name, int(ref.qualifier)) if ref.qualifier.isdigit() else None


def resolve(ctx: Context, tx: Transaction, arn: str) -> Target:
    """What an ARN of a machine, version or alias starts; an alias draws one of its versions."""
    ref = arns.parse_machine(ctx.scope, arn)
    machine = MACHINES.get(tx, ref.scope, ref.name)
    if machine is None:
        raise errors.machine_does_not_exist(arn)
    if not ref.qualifier:
        return Target(ref, machine, latest(tx, ref.scope, machine))
    version, alias = find_version(tx, ref), ""
    if version is None and ref.qualifier.isdigit():
        raise errors.version_does_not_exist(arn)
    if version is None:
        found = ALIASES.get(tx, ref.scope, ref.name, ref.qualifier)
        if found is None:
            raise errors.machine_does_not_exist(arn)
        alias = found.name
        version = VERSIONS.get(tx, ref.scope, ref.name, _draw(ctx, found))
    if version is None:
        raise errors.machine_does_not_exist(arn)
    return Target(ref, machine, revision_of(tx, ref.scope, version), version.number, alias)


def revision_of(tx: Transaction, scope: Scope, version: Version) -> Revision:
    found = REVISIONS.get(tx, scope, version.machine, version.revision)
    assert found is not None, f"version {version.number} of {version.machine} has no revision"
    return found


def _draw(ctx: Context, alias: Alias) -> int:
    drawn = int.from_bytes(ctx.draw.bytes(4), "big") / 2**32 * 100
    for number, weight in alias.routes:
        drawn -= weight
        if drawn < 0:
            return number
    return alias.routes[-1][0]


def render_settings(revision: Revision) -> dict[str, Any]:
    """What DescribeStateMachine and DescribeStateMachineForExecution both show."""
    logging = {"level": "OFF", "includeExecutionData": False} | revision.logging
    shown: dict[str, Any] = {
        "name": revision.machine,
        "definition": revision.definition,
        "roleArn": revision.role_arn,
        "loggingConfiguration": logging,
        "tracingConfiguration": {"enabled": revision.tracing},
        "encryptionConfiguration": revision.encryption or {"type": "AWS_OWNED_KEY"},
    }
    if revision.revision:
        shown["revisionId"] = revision.revision
    found = variables.in_definition(parse(revision.definition))
    if found:
        shown["variableReferences"] = found
    return shown
