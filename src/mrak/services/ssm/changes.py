"""What the Parameter Store tells the default bus.

https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-cwe.html
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.scope import Scope
from mrak.services.ssm import parameters
from mrak.services.ssm.tables import Version


def tell(ctx: Context, tx: Transaction, change: str, version: Version, scope: Scope | None = None) -> None:
    """Create, Update or Delete."""
    _send(ctx, tx, scope or ctx.scope, "Parameter Store Change", _describe(change, version), version)


def tell_label(ctx: Context, tx: Transaction, version: Version, label: str, old: str) -> None:
    """A label came to a version, from `old` if it was on another."""
    detail = _describe("LabelParameterVersion", version)
    detail |= {"label": label, "fromVersion": old, "toVersion": str(version.version)}
    _send(ctx, tx, ctx.scope, "Parameter Store Change", detail, version)


def _describe(change: str, version: Version) -> dict[str, str]:
    detail = {"name": version.name, "type": version.kind, "operation": change}
    return detail | ({"description": version.description} if version.description else {})


def tell_policy(ctx: Context, tx: Transaction, scope: Scope, version: Version, policy: dict[str, Any]) -> None:
    detail = {
        "policy-type": policy["Type"],
        "policy-content": msgspec.json.encode(policy).decode(),
        "parameter-name": version.name,
        "parameter-type": version.kind,
        "action-status": "Success",
        "action-reason": "",
    }
    _send(ctx, tx, scope, "Parameter Store Policy Action", detail, version)


def _send(ctx: Context, tx: Transaction, scope: Scope, kind: str, detail: dict[str, Any], version: Version) -> None:
    from mrak.services.events import exports as events

    named = parameters.parameter_arn(scope, version.name)
    tx.enqueue(msgspec.structs.replace(events.delivery(ctx, "aws.ssm", kind, detail, [named]), scope=scope))
