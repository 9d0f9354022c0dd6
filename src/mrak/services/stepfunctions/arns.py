"""Step Functions' ARNs.

arn:aws:states:us-east-1:123456789012:stateMachine:orders            a machine
...:stateMachine:orders:3   ...:stateMachine:orders:live             a version, an alias
...:execution:orders:run-1  ...:express:orders:run-1:0f3c...         executions
...:execution:orders/Each:5d...   ...:mapRun:orders/Each:5d...       a distributed Map's child, a Map run
...:activity:review
"""

from __future__ import annotations

import msgspec

from mrak.core.arn import Arn, arn, find_arn
from mrak.core.scope import Scope
from mrak.services.stepfunctions import errors

_SERVICE = "states"


class MachineReference(msgspec.Struct, frozen=True):
    """A machine, or one of its versions or aliases."""

    scope: Scope
    name: str
    qualifier: str
    """"" for the machine itself, else a version's number or an alias's name."""

    @property
    def arn(self) -> str:
        return machine_arn(self.scope, self.name, self.qualifier)


def machine_arn(scope: Scope, name: str, qualifier: str | int = "") -> str:
    return arn(scope, _SERVICE, f"stateMachine:{name}" + (f":{qualifier}" if qualifier else ""))


def execution_arn(scope: Scope, machine: str, name: str) -> str:
    return arn(scope, _SERVICE, f"execution:{machine}:{name}")


def tested_arn(scope: Scope, machine: str, name: str) -> str:
    """What TestState's context object calls its execution (recorded)."""
    return arn(scope, _SERVICE, f"express:{machine}:{name}")


def express_arn(scope: Scope, machine: str, name: str, unique: str) -> str:
    return arn(scope, _SERVICE, f"express:{machine}:{name}:{unique}")


def activity_arn(scope: Scope, name: str) -> str:
    return arn(scope, _SERVICE, f"activity:{name}")


def map_run_arn(scope: Scope, machine: str, label: str, run: str) -> str:
    return arn(scope, _SERVICE, f"mapRun:{machine}/{label}:{run}")


def _parse(text: str) -> Arn:
    found = find_arn(text)
    if found is None or found.service != _SERVICE or not found.account:
        raise errors.invalid_arn(f"Invalid ARN prefix: {text}")
    return found


def parse_machine(scope: Scope, text: str) -> MachineReference:
    """The machine that an ARN names; raises InvalidArn."""
    found = _parse(text)
    kind, _, rest = found.resource.partition(":")
    name, _, qualifier = rest.partition(":")
    if kind != "stateMachine" or not name:
        raise errors.invalid_arn(f"Resource type not valid in this context: {kind}")
    return MachineReference(found.scope_in(scope.environment), name, qualifier)


def find_execution(scope: Scope, text: str) -> tuple[Scope, str, str] | None:
    """(scope, machine, name) of an execution's ARN; None where it is none."""
    found = find_arn(text)
    if found is None or found.service != _SERVICE:
        return None
    parts = found.resource.split(":")
    if parts[0] != "execution" or len(parts) != 3:
        return None
    return found.scope_in(scope.environment), parts[1], parts[2]


def parse_activity(scope: Scope, text: str) -> tuple[Scope, str]:
    found = _parse(text)
    kind, _, name = found.resource.partition(":")
    if kind != "activity" or not name:
        raise errors.invalid_arn(f"Resource type not valid in this context: {kind}")
    return found.scope_in(scope.environment), name


def parse_map_run(scope: Scope, text: str) -> tuple[Scope, str, str, str]:
    """(scope, machine, label, id) of a Map run's ARN."""
    found = _parse(text)
    kind, _, rest = found.resource.partition(":")
    place, _, run = rest.partition(":")
    machine, _, label = place.rpartition("/")
    if kind != "mapRun" or not run:
        raise errors.invalid_arn(f"Resource type not valid in this context: {kind}")
    return found.scope_in(scope.environment), machine, label, run
