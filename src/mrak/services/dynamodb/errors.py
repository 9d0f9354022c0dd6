"""DynamoDB's errors, with whole messages as AWS writes them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from mrak.core.errors import ApiError
from mrak.lang.ddb.errors import invalid, invalid_parameter
from mrak.lang.ddb.values import Item

__all__ = ["CODES", "invalid", "invalid_parameter"]

# code -> status; tests/tidy checks the codes against the model.
CODES = {
    "BackupNotFoundException": 400,
    "ConditionalCheckFailedException": 400,
    "DuplicateItemException": 400,
    "ExportConflictException": 400,
    "ExportNotFoundException": 400,
    "GlobalTableNotFoundException": 400,
    "IdempotentParameterMismatchException": 400,
    "ImportConflictException": 400,
    "ImportNotFoundException": 400,
    "InvalidExportTimeException": 400,
    "ItemCollectionSizeLimitExceededException": 400,
    "LimitExceededException": 400,
    "PolicyNotFoundException": 400,
    "ResourceInUseException": 400,
    "ResourceNotFoundException": 400,
    "TableAlreadyExistsException": 400,
    "TransactionCanceledException": 400,
    "TransactionConflictException": 400,
    "TransactionInProgressException": 400,
    "TrimmedDataAccessException": 400,
    "ExpiredIteratorException": 400,
}

CANCELLED = "TransactionCanceledException"
ONGOING = "Transaction is ongoing for the item"
SCHEMA_MISMATCH = "The provided key element does not match the schema"


def resource_not_found() -> ApiError:
    """What the item operations say of a table that is not there."""
    return ApiError("ResourceNotFoundException", "Requested resource not found")


def table_not_found(name: str) -> ApiError:
    """What the table operations say."""
    return ApiError("ResourceNotFoundException", f"Requested resource not found: Table: {name} not found")


def arn_not_found(arn: str) -> ApiError:
    return ApiError("ResourceNotFoundException", f"Requested resource not found: ResourceArn: {arn} not found")


def table_exists(name: str) -> ApiError:
    return ApiError("ResourceInUseException", f"Table already exists: {name}")


def in_use(detail: str) -> ApiError:
    return ApiError("ResourceInUseException", f"Attempt to change a resource which is still in use: {detail}")


def replication_not_authorized(arn: str) -> ApiError:
    return ApiError("AccessDeniedException", f"The policies of {arn} and of the table that was written do not allow it")


def condition_failed(item: Item | None = None) -> ApiError:
    fields: dict[str, Any] | None = {"Item": item} if item else None
    return ApiError("ConditionalCheckFailedException", "The conditional request failed", fields=fields)


def schema_mismatch() -> ApiError:
    return invalid(SCHEMA_MISMATCH)


def transaction_cancelled(reasons: list[dict[str, Any]]) -> ApiError:
    codes = ", ".join(reason["Code"] for reason in reasons)
    return ApiError(
        CANCELLED,
        f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]",
        fields={"CancellationReasons": reasons},
    )


def transaction_conflict() -> ApiError:
    return ApiError("TransactionConflictException", ONGOING)


def transaction_in_progress() -> ApiError:
    return ApiError(
        "TransactionInProgressException", "The transaction with the given request token is already in progress."
    )


def token_reused() -> ApiError:
    return ApiError(
        "IdempotentParameterMismatchException",
        "Specified idempotent token was used with different request parameters within the idempotency window",
    )


def deletion_protected(name: str) -> ApiError:
    return invalid(
        "Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first."
    )


def item_too_large() -> ApiError:
    return invalid("Item size has exceeded the maximum allowed size")


def update_too_large() -> ApiError:
    return invalid("Item size to update has exceeded the maximum allowed size")


def collection_too_large() -> ApiError:
    return ApiError("ItemCollectionSizeLimitExceededException", "Collection size exceeded.")


def no_index(index: str, table: str) -> ApiError:
    return ApiError("ResourceNotFoundException", f"Requested resource not found: Index {index} for table {table}")


def access_denied() -> ApiError:
    return ApiError("AccessDeniedException", "Access is denied")


def not_the_owner() -> ApiError:
    return invalid("This action is only supported by accounts that match the resource owner\u2019s account.")


def spelled(moment: float) -> str:
    """A time as messages tell it, with a fraction where it has one."""
    at = datetime.fromtimestamp(moment, UTC)
    fraction = f".{at.microsecond:06d}".removesuffix("000") if at.microsecond else ""
    return f"{at:%Y-%m-%dT%H:%M:%S}{fraction}Z"


def transfer_conflict(kind: str) -> ApiError:
    """A token that was used for another export or import."""
    return ApiError(
        f"{kind}ConflictException", f"{kind} conflict: Duplicate request detected with conflicting parameters"
    )


def constraint(value: str, place: str, rule: str) -> ApiError:
    """A constraint that the model lacks, in the words of those that it has."""
    return invalid(f"1 validation error detected: Value {value} at '{place}' failed to satisfy constraint: {rule}")


def invalid_export_time(message: str) -> ApiError:
    return ApiError("InvalidExportTimeException", message)


def recovery_unavailable(table: str) -> ApiError:
    return ApiError(
        "PointInTimeRecoveryUnavailableException", f"Point in time recovery is not enabled for table '{table}'"
    )


def recovery_table_not_found(name_or_arn: str) -> ApiError:
    """What the operations of backups, recovery and exports say."""
    return ApiError("TableNotFoundException", f"Table not found: {name_or_arn}")
