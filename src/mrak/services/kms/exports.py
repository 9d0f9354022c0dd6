"""What other services may use of KMS, inside their own transaction: whether a key can be used, and data keys."""

from __future__ import annotations

from mrak.core.arn import arn as make_arn
from mrak.core.arn import find_arn
from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.core.scope import Scope
from mrak.services.kms import crypto, errors, keys
from mrak.services.kms.tables import KEYS

__all__ = ["check_named_key", "data_key", "named_arn", "require_encryption_key"]


def named_arn(scope: Scope, named: str) -> str:
    """The ARN of what a resource of this scope names by an ARN, an alias or an id, whoever asks the resource."""
    if named.startswith("arn:"):
        return named
    return make_arn(scope, "kms", named if named.startswith("alias/") else f"key/{named}")


def require_encryption_key(ctx: Context, tx: Transaction, key_id: str) -> str:
    """The ARN of the key that an id, ARN or alias names, which has to be enabled and meant for encryption. Raises KMS's
    errors; a service puts its own code on them. An AWS-managed key is made when it is first asked for."""
    scope, key = keys.require_usable(ctx, tx, key_id, "ENCRYPT_DECRYPT", "GenerateDataKey")
    return keys.key_arn(scope, key.key_id)


def check_named_key(
    ctx: Context, tx: Transaction, scope: Scope, named: str, codes: dict[str, str], other: str, *, quotes: bool = False
) -> None:
    """Whether the key that a resource of this scope names can be used for encryption. Raises KMS's error by the code
    that the resource's service has for it, or by its `other` one; a service that `quotes` it says where it comes from.
    """
    try:
        require_encryption_key(ctx, tx, named_arn(scope, named))
    except ApiError as error:
        text = error.message
        if quotes:
            origin = f"Status Code: {error.status}; Error Code: {error.code}; Request ID: {ctx.draw.uuid()}"
            plain = text.replace(f"Invalid keyId '{named}'", f"Invalid keyId {named}")
            text = f"{plain} (Service: AWSKMS; {origin}; Proxy: null)"
        raise ApiError(codes.get(error.code, other), text) from None


def data_key(ctx: Context, tx: Transaction, arn: str, context: dict[str, str]) -> tuple[str, bytes, bytes]:
    """GenerateDataKey (AES_256) for a service that the key's owner told to use it, whoever asks that service: the key's
    ARN, the data key, and what KMS's Decrypt opens with that context."""
    parsed = find_arn(arn)
    if parsed is None or parsed.service != "kms":
        raise errors.invalid_arn(arn)
    scope = parsed.scope_in(ctx.scope.environment)
    key = KEYS.get(tx, scope, parsed.resource.removeprefix("key/"))
    if key is None:
        raise errors.key_not_found(arn)
    keys.check_enabled(scope, key)
    if key.spec != crypto.SYMMETRIC:
        raise errors.invalid_usage(f"{arn} is not a symmetric key.")
    plaintext = ctx.draw.bytes(32)
    return arn, plaintext, crypto.seal(key, plaintext, context, ctx.draw.bytes(12))
