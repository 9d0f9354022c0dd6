"""Event source mappings as settings: parse with AWS's defaults and checks, render.

https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from itertools import takewhile
from typing import Any

import msgspec

from mrak.core.arn import arn, find_arn
from mrak.core.background import Consumer
from mrak.core.context import Transaction
from mrak.core.scope import Scope
from mrak.services.lambda_ import errors, filters
from mrak.services.lambda_.references import function_arn
from mrak.services.lambda_.tables import CHECKPOINTS, MAPPINGS, MAPPINGS_OF, Checkpoint, Mapping

CONSUMER = "lambda.mapping"
_SQS_DEFAULTS: dict[str, Any] = {"BatchSize": 10, "MaximumBatchingWindowInSeconds": 0, "FunctionResponseTypes": []}
_STREAM_DEFAULTS: dict[str, Any] = {
    "BatchSize": 100,
    "MaximumBatchingWindowInSeconds": 0,
    "ParallelizationFactor": 1,
    "MaximumRecordAgeInSeconds": -1,
    "BisectBatchOnFunctionError": False,
    "MaximumRetryAttempts": -1,
    "TumblingWindowInSeconds": 0,
    "FunctionResponseTypes": [],
    "DestinationConfig": {"OnFailure": {}},
}
_COMMON = ("BatchSize", "MaximumBatchingWindowInSeconds", "FunctionResponseTypes", "FilterCriteria", "KMSKeyArn",
           "MetricsConfig", "LoggingConfig")  # fmt: skip
_SQS_ONLY = ("ScalingConfig", "ProvisionedPollerConfig")
_STREAM_ONLY = ("ParallelizationFactor", "MaximumRecordAgeInSeconds", "BisectBatchOnFunctionError",
                "MaximumRetryAttempts", "TumblingWindowInSeconds", "DestinationConfig", "StartingPosition",
                "StartingPositionTimestamp")  # fmt: skip
_SQS_BATCH, _SQS_BATCH_WITHOUT_WINDOW, _STREAM_BATCH = 10_000, 10, 10_000


def source_kind(source_arn: str) -> str:
    """`sqs`, `dynamodb` or `kinesis`; AWS's other sources are not built."""
    parsed = find_arn(source_arn)
    if parsed is None or parsed.service not in ("sqs", "dynamodb", "kinesis"):
        raise errors.invalid("Unrecognized event source.")
    return parsed.service


def parse_settings(source_arn: str, req: dict[str, Any], before: dict[str, Any] | None = None) -> dict[str, Any]:
    """The stored members, with AWS's defaults; changes to `before` for an update."""
    kind = source_kind(source_arn)
    own = _SQS_ONLY if kind == "sqs" else _STREAM_ONLY
    wanted = {member: req[member] for member in (*_COMMON, *own) if member in req}
    if kind == "sqs" and req.get("DestinationConfig", {}).get("OnFailure"):
        raise errors.invalid("Unsupported DestinationConfig parameter for given event source mapping type.")
    if before is None and kind != "sqs" and "StartingPosition" not in req:
        raise errors.invalid(
            "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: "
            "Member must not be null."
        )
    defaults = _SQS_DEFAULTS if kind == "sqs" else _STREAM_DEFAULTS
    if kind == "dynamodb" and req.get("StartingPosition") == "AT_TIMESTAMP":
        raise errors.invalid(f"Unsupported starting position for arn type: {source_arn}")
    if before is None and req.get("StartingPosition") == "AT_TIMESTAMP" and "StartingPositionTimestamp" not in req:
        raise errors.invalid("StartingPositionTimestamp must be given when StartingPosition is AT_TIMESTAMP.")
    settings = (defaults if before is None else before) | wanted
    if settings.get("ScalingConfig") == {}:
        del settings["ScalingConfig"]
    _check(kind, source_arn, settings)
    return settings


def _check(kind: str, source_arn: str, settings: dict[str, Any]) -> None:
    filters.check_criteria(settings.get("FilterCriteria") or {})
    size, window = settings["BatchSize"], settings["MaximumBatchingWindowInSeconds"]
    if kind == "sqs" and size > _SQS_BATCH_WITHOUT_WINDOW:
        if source_arn.endswith(".fifo"):
            raise errors.invalid("The maximum batch size for FIFO queues is 10.")
        if not window:
            raise errors.invalid(
                "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"
            )
    if kind == "sqs" and source_arn.endswith(".fifo") and window:
        raise errors.invalid("Batching window is not supported for FIFO queues.")


def start(tx: Transaction, scope: Scope, mapping: Mapping) -> None:
    """Sets the mapping's consumer going, or anew with changed settings."""
    tx.consume(Consumer(kind=CONSUMER, key=mapping.uuid, scope=scope, payload=msgspec.msgpack.encode(mapping)))


def stop(tx: Transaction, scope: Scope, mapping: Mapping) -> None:
    tx.unconsume(Consumer(kind=CONSUMER, key=mapping.uuid, scope=scope))


def forget_checkpoints(tx: Transaction, scope: Scope, mapping: Mapping, kept: Set[str] = frozenset()) -> None:
    """All of a mapping, or all but those of shards that are still there."""
    for checkpoint in list(takewhile(lambda it: it.uuid.startswith(mapping.uuid), _checkpoints(tx, scope, mapping))):
        if checkpoint.uuid not in kept:
            CHECKPOINTS.lock(tx, scope, checkpoint.uuid)
            CHECKPOINTS.delete(tx, scope, checkpoint)


def _checkpoints(tx: Transaction, scope: Scope, mapping: Mapping) -> Iterator[Checkpoint]:
    return CHECKPOINTS.scan(tx, scope, since=mapping.uuid)


def require(tx: Transaction, scope: Scope, uuid: str) -> Mapping:
    """The mapping, opened. Raises ResourceNotFoundException."""
    mapping = MAPPINGS.open(tx, scope, uuid)
    if mapping is None:
        raise errors.unknown_resource()
    return mapping


def check_unique(tx: Transaction, scope: Scope, source_arn: str, function: str, qualifier: str) -> None:
    """A function takes a source once."""
    for other in MAPPINGS_OF.scan(tx, scope, function):
        if (other.source_arn, other.qualifier) != (source_arn, qualifier):
            continue
        source, target = f'(" {source_arn} ")', f'function (" {function} ")'
        if source_kind(source_arn) == "sqs":
            told = f"An event source mapping with SQS arn {source} and {target} already exists."
        else:
            told = f"The event source arn {source} and {target} provided mapping already exists."
        raise errors.conflict(f"{told} Please update or delete the existing mapping with UUID {other.uuid}")


def render(scope: Scope, mapping: Mapping, state: str = "") -> dict[str, Any]:
    """EventSourceMappingConfiguration."""
    settled = "Enabled" if mapping.enabled else "Disabled"
    is_queue = source_kind(mapping.source_arn) == "sqs"
    shown = {
        "UUID": mapping.uuid,
        "EventSourceMappingArn": arn(scope, "lambda", f"event-source-mapping:{mapping.uuid}"),
        "EventSourceArn": mapping.source_arn,
        "FunctionArn": function_arn(scope, mapping.function, mapping.qualifier),
        "LastModified": mapping.modified_at,
        "State": state or settled,
        "StateTransitionReason": "USER_INITIATED" if is_queue else "User action",
        **mapping.settings,
    }
    if not is_queue:
        shown["LastProcessingResult"] = mapping.last_result
    return shown
