"""What requests are about, for the policies of their callers.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecretsmanager.html
"""

from __future__ import annotations

from typing import Any

from mrak.core.arn import arn
from mrak.core.context import Context, Transaction
from mrak.core.operation import Target, targets
from mrak.services.secretsmanager import secrets


@targets
def targets_of(ctx: Context, tx: Transaction, req: dict[str, Any]) -> list[Target]:
    """A secret; one that is not there goes by the name that was asked for, without the end that its ARN would have."""
    if "SecretId" not in req:
        if ctx.operation == "CreateSecret":
            return [Target(arn(ctx.scope, "secretsmanager", f"secret:{req['Name']}"))]
        return [Target("*")]
    home, secret = secrets.locate(tx, ctx.scope, req["SecretId"])
    if secret is None:
        named = req["SecretId"]
        return [Target(named if named.startswith("arn:") else arn(home, "secretsmanager", f"secret:{named}"))]
    return [Target(secrets.secret_arn(home, secret), secret.policy or None, home.account, tags=secret.tags)]
