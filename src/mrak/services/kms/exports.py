"""What other services may use of KMS: whether a key can be used, inside their own transaction."""

from __future__ import annotations

from mrak.core.context import Context, Transaction
from mrak.services.kms import keys

__all__ = ["require_encryption_key"]


def require_encryption_key(ctx: Context, tx: Transaction, key_id: str) -> str:
    """The ARN of the key that an id, ARN or alias names, which has to be enabled and meant for encryption. Raises KMS's
    errors; a service puts its own code on them. An AWS-managed key is made when it is first asked for."""
    scope, key = keys.require_usable(ctx, tx, key_id, "ENCRYPT_DECRYPT", "GenerateDataKey")
    return keys.key_arn(scope, key.key_id)
