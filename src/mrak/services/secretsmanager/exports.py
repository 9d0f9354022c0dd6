"""What other services may use of Secrets Manager: a look-up of a value, for templates' dynamic references."""

from __future__ import annotations

from typing import Any

from mrak.auth.evaluation import AuthorizationRequest
from mrak.core.context import Context, Transaction
from mrak.core.scope import Scope
from mrak.services.secretsmanager import access, secrets


def require_text(tx: Transaction, scope: Scope, secret_id: str, stage: str = "", version: str = "") -> str:
    """The text of a secret's version; raises the service's own errors."""
    home, secret = secrets.require(tx, scope, secret_id)
    wanted = {name: value for name, value in (("VersionStage", stage), ("VersionId", version)) if value}
    return secrets.require_value(tx, home, secret, wanted).text


def describe_value(ctx: Context, tx: Transaction, secret_id: str, wanted: dict[str, str]) -> dict[str, Any]:
    """A version of a secret, as the Parameter Store shows it; raises the service's own errors, and AccessDenied where
    the caller may not read it."""
    _check_access(ctx, tx, secret_id)
    home, secret = secrets.require(tx, ctx.scope, secret_id)
    version = secrets.require_value(tx, home, secret, wanted)
    shown: dict[str, Any] = {
        "ARN": secrets.secret_arn(home, secret),
        "name": secret.name,
        "versionId": version.version,
    }
    value = {"secretBinary": version.binary} if version.binary else {"secretString": version.text}
    stages = secrets.stages_of(secret, version.version)
    return shown | value | {"versionStages": stages, "createdDate": version.created_at}


def _check_access(ctx: Context, tx: Transaction, secret_id: str) -> None:
    from mrak.services.iam import exports as iam

    (target,) = access.targets_of(ctx, tx, {"SecretId": secret_id})
    principal: Any = ctx.principal
    tags = {f"aws:resourcetag/{name.lower()}": value for name, value in target.tags.items()}
    action, conditions = "secretsmanager:GetSecretValue", iam.request_conditions(ctx) | tags
    account = target.account or ctx.scope.account
    request = AuthorizationRequest(principal, action, target.resource, ctx.now, account, conditions)
    iam.authorize(ctx, tx, request, target.policy)
