"""The KMS key of a table: which one a request names, and whether KMS lets DynamoDB use it.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mrak.core.arn import arn, find_arn
from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.errors import ApiError
from mrak.core.scope import Scope
from mrak.services.dynamodb import errors

AWS_ALIAS = "alias/aws/dynamodb"


def new_encryption(
    ctx: Context, tx: Transaction, scope: Scope, specification: Mapping[str, Any] | None
) -> dict[str, Any] | None:
    """SSEDescription; None for AWS's own key, which is the default."""
    if specification is None:
        return None
    kind, enabled = specification.get("SSEType"), specification.get("Enabled")
    if specification.get("KMSMasterKeyId") == "":
        place = "sSESpecification.kMSMasterKeyId"
        raise errors.constraint("''", place, "Member must have length greater than or equal to 1")
    for name in ("SSEType", "KMSMasterKeyId"):
        if enabled is False and name in specification:
            raise errors.invalid_parameter(f"{name} can not be specified if Enabled is false")
    if kind == "AES256":
        raise errors.invalid_parameter("SSEType AES256 is not supported")
    if "KMSMasterKeyId" in specification and kind is None:
        raise errors.invalid_parameter("SSEType KMS is required if KMSMasterKeyId is specified")
    if not enabled and kind is None:
        return None
    deviation("DYNAMODB-005")
    named = specification.get("KMSMasterKeyId") or AWS_ALIAS
    key = _usable(ctx, tx, key_arn(scope, named))
    if named.rpartition(":")[2].startswith("alias/aws/") and not named.endswith(AWS_ALIAS):
        raise _denied(ctx, key)
    return {"Status": "ENABLED", "SSEType": "KMS", "KMSMasterKeyArn": key}


def key_arn(scope: Scope, key: str) -> str:
    """The ARN of what a request names by an ARN, by an alias or by an id."""
    if key.startswith("arn:"):
        return key
    return arn(scope, "kms", key if "/" in key else f"key/{key}")


def _is_aws_managed(ctx: Context, tx: Transaction, scope: Scope, sse: Mapping[str, Any]) -> bool:
    return bool(sse["KMSMasterKeyArn"] == _usable(ctx, tx, key_arn(scope, AWS_ALIAS)))


def _usable(ctx: Context, tx: Transaction, named: str) -> str:
    """The key's own ARN, once KMS has given a data key under it."""
    from mrak.services.kms import exports as kms

    try:
        found = kms.require_encryption_key(ctx, tx, named)
        kms.data_key(ctx, tx, found, {})
    except ApiError as error:
        raise _refused(ctx, error) from None
    return found


def _refused(ctx: Context, error: ApiError) -> ApiError:
    """KMS's error inside DynamoDB's."""
    kind, code, message = error.code, error.code, error.message
    if kind == "InvalidKeyUsageException":
        kind, code = "AWSKMSException", "ValidationException"
        message = "EncryptionContext is supported only when creating a grant for a symmetric encryption KMS key."
    told = (
        f"com.amazonaws.services.kms.model.{kind}: {message} (Service: AWSKMS; Status Code: 400; Error Code: {code}; "
        f"Request ID: {ctx.draw.uuid()}; Proxy: null)"
    )
    if kind == "AWSKMSException":
        return ApiError("InternalServerError", f"KMS internal error: {told}", 500)
    if kind == "DisabledException":
        return errors.invalid(f"KMS key disabled error: {told}")
    return errors.invalid(f"KMS validation error: {told}")


def _denied(ctx: Context, key: str) -> ApiError:
    """Keys of other services let nobody else make grants."""
    return ApiError(
        "AccessDeniedException",
        f"KMS key access denied error: com.amazonaws.services.kms.model.AWSKMSException: User: {ctx.principal.arn} is "
        f"not authorized to perform: kms:CreateGrant on resource: {key} because no resource-based policy allows the "
        "kms:CreateGrant action (Service: AWSKMS; Status Code: 400; Error Code: AccessDeniedException; "
        f"Request ID: {ctx.draw.uuid()}; Proxy: null)",
    )


def for_replica(
    ctx: Context, tx: Transaction, scope: Scope, sse: dict[str, Any] | None, there: Scope, named: str | None
) -> dict[str, Any] | None:
    """SSEDescription of a replica: all members have one kind of key, and customers' keys are of their regions."""
    is_own = sse is not None and not _is_aws_managed(ctx, tx, scope, sse)
    if named is None and not is_own:
        return sse
    if sse is None or named is None:
        raise no_replica_key()
    if is_own == named.endswith(AWS_ALIAS):
        raise errors.invalid_parameter("All replica keys must either be Customer Managed CMK or AWS Managed CMK.")
    key = key_arn(there, named)
    parts = find_arn(key)
    if parts is not None and parts.region != there.region:
        raise errors.invalid(
            f"KMS validation error for region {there.region}: com.amazonaws.services.kms.model.NotFoundException: "
            f"Invalid arn {parts.region} (Service: AWSKMS; Status Code: 400; Error Code: NotFoundException; "
            f"Request ID: {ctx.draw.uuid()}; Proxy: null)"
        )
    return {**sse, "KMSMasterKeyArn": key}


def no_replica_key() -> ApiError:
    return errors.invalid_parameter("KMSMasterKeyId must be specified for each replica.")
