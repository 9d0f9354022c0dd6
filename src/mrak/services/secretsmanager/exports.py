"""What other services may use of Secrets Manager: a look-up of a value, for templates' dynamic references."""

from __future__ import annotations

from mrak.core.context import Transaction
from mrak.core.scope import Scope
from mrak.services.secretsmanager import secrets


def require_text(tx: Transaction, scope: Scope, secret_id: str, stage: str = "", version: str = "") -> str:
    """The text of a secret's version; raises the service's own errors."""
    home, secret = secrets.require(tx, scope, secret_id)
    wanted = {name: value for name, value in (("VersionStage", stage), ("VersionId", version)) if value}
    return secrets.require_value(tx, home, secret, wanted).text
