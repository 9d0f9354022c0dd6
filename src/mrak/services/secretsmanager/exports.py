"""What other services may use of Secrets Manager: a look-up of a value, for templates' dynamic references."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from mrak.core.context import Transaction
from mrak.core.scope import Scope
from mrak.services.secretsmanager import secrets


def require_text(tx: Transaction, scope: Scope, secret_id: str, stage: str = "", version: str = "") -> str:
    """The text of a secret's version; raises the service's own errors."""
    home, secret = secrets.require(tx, scope, secret_id)
    wanted = {name: value for name, value in (("VersionStage", stage), ("VersionId", version)) if value}
    return secrets.require_value(tx, home, secret, wanted).text


def describe_value(tx: Transaction, scope: Scope, secret_id: str) -> dict[str, Any]:
    """The current version of a secret, as the Parameter Store shows it; raises the service's own errors."""
    home, secret = secrets.require(tx, scope, secret_id)
    version = secrets.require_value(tx, home, secret, {})
    shown: dict[str, Any] = {
        "ARN": secrets.secret_arn(home, secret),
        "name": secret.name,
        "versionId": version.version,
        "versionStages": secrets.stages_of(secret, version.version),
        "createdDate": version.created_at,
    }
    if version.binary:
        return shown | {"secretBinary": b64encode(version.binary).decode()}
    return shown | {"secretString": version.text}
