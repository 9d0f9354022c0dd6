"""Amazon Resource Names: `arn:partition:service:region:account:resource`."""

from __future__ import annotations

import msgspec

from mrak.core.scope import Scope


class Arn(msgspec.Struct, frozen=True):
    """The parts of an ARN; `resource` is all after the fifth colon."""

    partition: str
    service: str
    region: str
    account: str
    resource: str

    def __str__(self) -> str:
        return f"arn:{self.partition}:{self.service}:{self.region}:{self.account}:{self.resource}"

    def scope_in(self, environment: str) -> Scope:
        """The scope that the ARN names, inside `environment`."""
        return Scope(environment, self.account, self.region)


def arn(scope: Scope, service: str, resource: str) -> str:
    """The ARN of `resource` in `scope`, as text."""
    return f"arn:{scope.partition}:{service}:{scope.region}:{scope.account}:{resource}"


def find_arn(text: str) -> Arn | None:
    """The parts of `text`, or None where it is no ARN."""
    parts = text.split(":", 5)
    if len(parts) != 6 or parts[0] != "arn" or not parts[1] or not parts[2]:
        return None
    return Arn(*parts[1:])
