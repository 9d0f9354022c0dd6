"""What the observer and other services may use of CloudWatch: the metrics that AWS's services have of their own.

https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html and alike, for each service.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from mrak.core.context import Transaction
from mrak.core.deviations import deviation
from mrak.core.record import OperationRecord
from mrak.core.scope import Scope
from mrak.services.cloudwatch import gauges, metrics
from mrak.services.cloudwatch.metrics import Measure, Pairs

_CANCELLED = "TransactionCanceledException"
_THROTTLED = frozenset(("ProvisionedThroughputExceededException", "ThrottlingException"))
_QUEUE = frozenset(("SendMessage", "SendMessageBatch", "ReceiveMessage", "DeleteMessage", "DeleteMessageBatch"))
_FILLS = _QUEUE | {"CreateQueue"}


def record_operations(tx: Transaction, records: Iterable[OperationRecord]) -> None:
    """Turns operations into the metrics of their services, summed by minute before they are written."""
    deviation("CLOUDWATCH-002")
    queues: dict[tuple[Scope, str], float] = {}
    sums: dict[tuple[Scope, str, str, tuple[tuple[str, str], ...], float, str], list[tuple[float, float]]] = {}
    for record in records:
        if _is_of_queue(record, _FILLS):
            queues[record.scope, _queue_of(record)] = record.started_at
        for scope, measure in _placed(record):
            at = measure.at // metrics.STANDARD_SECONDS * metrics.STANDARD_SECONDS
            place = (scope, measure.namespace, measure.name, tuple(measure.pairs), at, measure.unit)
            sums.setdefault(place, []).extend(measure.values)
    for (scope, namespace, name, pairs, at, unit), values in sums.items():
        counts: dict[float, float] = {}
        for value, count in values:
            counts[value] = counts.get(value, 0.0) + count
        metrics.record(tx, scope, [Measure(namespace, name, list(pairs), at, sorted(counts.items()), unit)])
    for (scope, queue), used_at in queues.items():
        gauges.measure_used(tx, scope, queue, used_at)


def _is_of_queue(record: OperationRecord, operations: frozenset[str]) -> bool:
    is_wanted = record.service == "sqs" and record.operation in operations
    return is_wanted and bool(record.resource) and not record.error_code


def _queue_of(record: OperationRecord) -> str:
    return (record.resource or "").rpartition(":")[2]


def _placed(record: OperationRecord) -> Iterator[tuple[Scope, Measure]]:
    for measure in _measures(record):
        yield record.scope, measure
    replicated = (record.annotations or {}).get("replicated")
    if replicated is not None:
        # Of the table that was written, though the record is of the one that received it.
        source = record.scope.in_region(replicated["region"]).in_account(replicated["account"])
        pairs = [("TableName", record.resource or ""), ("ReceivingRegion", record.scope.region)]
        latency = _one(record, "AWS/DynamoDB", "ReplicationLatency", pairs, replicated["latency_ms"], "Milliseconds")
        yield source, latency


def _measures(record: OperationRecord) -> Iterator[Measure]:
    invoked = (record.annotations or {}).get("invoked")
    if invoked is not None:
        yield from _of_function(record, invoked)
    elif _is_of_queue(record, _QUEUE):
        yield from _of_queue(record, _queue_of(record))
    elif record.service == "dynamodb":
        yield from _of_table(record, (record.resource or "").rpartition("/")[2])
    elif record.service == "kinesis":
        yield from _of_stream(record)
    elif record.service == "execute-api" and record.resource:
        yield from _of_api(record, record.resource)


def _of_function(record: OperationRecord, invoked: dict[str, Any]) -> Iterator[Measure]:
    """An invocation, whoever asked for it; by function, and by version or alias where one was named."""
    name, qualifier = invoked["function"], invoked["qualifier"]
    dimensions: list[Pairs] = [[("FunctionName", name)]]
    if qualifier:
        dimensions.append([("FunctionName", name), ("Resource", f"{name}:{qualifier}")])
    for pairs in dimensions:
        if "looped" in invoked:
            yield _one(record, "AWS/Lambda", "RecursiveInvocationsDropped", pairs, 1.0)
            continue
        throttled = "throttled" in invoked
        yield _one(record, "AWS/Lambda", "Throttles", pairs, 1.0 if throttled else 0.0)
        if not throttled:
            yield _one(record, "AWS/Lambda", "Invocations", pairs, 1.0)
            yield _one(record, "AWS/Lambda", "Duration", pairs, invoked["duration_ms"], "Milliseconds")
            yield _one(record, "AWS/Lambda", "Errors", pairs, 1.0 if invoked["failed"] else 0.0)


def record_counts(
    tx: Transaction, scope: Scope, namespace: str, pairs: Pairs, at: float, counts: dict[str, float]
) -> None:
    """What a service has counted outside of operations, by the metrics' names."""
    minute = at // metrics.STANDARD_SECONDS * metrics.STANDARD_SECONDS
    measures = [Measure(namespace, name, pairs, minute, [(value, 1.0)], "Count") for name, value in counts.items()]
    metrics.record(tx, scope, measures)


def _of_queue(record: OperationRecord, queue: str) -> Iterator[Measure]:
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html"""
    pairs = [("QueueName", queue)]
    noted = record.annotations or {}
    if record.operation.startswith("Send"):
        sizes = [(float(size), 1.0) for size in noted.get("sizes", [])]
        yield _one(record, "AWS/SQS", "NumberOfMessagesSent", pairs, float(len(sizes)))
        yield Measure("AWS/SQS", "SentMessageSize", pairs, record.started_at, sizes, "Bytes")
    elif record.operation == "ReceiveMessage":
        received = float(noted.get("messages", 0))
        yield _one(record, "AWS/SQS", "NumberOfMessagesReceived", pairs, received)
        yield _one(record, "AWS/SQS", "NumberOfEmptyReceives", pairs, 0.0 if received else 1.0)
    else:
        yield _one(record, "AWS/SQS", "NumberOfMessagesDeleted", pairs, float(noted.get("messages", 1)))


def _of_table(record: OperationRecord, table: str) -> Iterator[Measure]:
    """https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html"""
    noted = record.annotations or {}
    throttled = noted.get("throttled", {})
    is_throttled = record.error_code in _THROTTLED or (record.error_code == _CANCELLED and bool(throttled))
    if record.status == 400 and not is_throttled and record.error_code != "ConditionalCheckFailedException":
        yield _one(record, "AWS/DynamoDB", "UserErrors", [], 1.0)
    if not table:
        return
    pairs = [("TableName", table)]
    both = [*pairs, ("Operation", record.operation), *_of_statement(record.operation, noted.get("verb", ""))]
    if record.error_code is None and not record.operation.startswith("delivery:"):
        latency = record.duration_seconds * 1000
        yield _one(record, "AWS/DynamoDB", "SuccessfulRequestLatency", both, latency, "Milliseconds")
    elif record.error_code == "ConditionalCheckFailedException":
        yield _one(record, "AWS/DynamoDB", "ConditionalCheckFailedRequests", pairs, 1.0)
    elif is_throttled:
        yield _one(record, "AWS/DynamoDB", "ThrottledRequests", both, 1.0)
    elif record.status >= 500:
        yield _one(record, "AWS/DynamoDB", "SystemErrors", both, 1.0)
    for refused, count in noted.get("refused", {}).items():
        yield _one(record, "AWS/DynamoDB", "ConditionalCheckFailedRequests", [("TableName", refused)], count)
    for place, count in throttled.items():
        kind, dimensions = _parse_place(place)
        yield _one(record, "AWS/DynamoDB", f"{kind}ThrottleEvents", dimensions, count)
    yield from _consumed(record, noted.get("consumed", {}))


def _consumed(record: OperationRecord, consumed: dict[str, float]) -> Iterator[Measure]:
    """AWS shows what customers wrote, and not replication, a second time under a source."""
    for place, units in consumed.items():
        kind, pairs = _parse_place(place)
        name = f"Consumed{kind}CapacityUnits"
        yield _one(record, "AWS/DynamoDB", name, pairs, units)
        if kind == "Write" and not record.operation.startswith("delivery:"):
            yield _one(record, "AWS/DynamoDB", name, [*pairs, ("Source", "Customer")], units)


def _parse_place(text: str) -> tuple[str, Pairs]:
    """Read or Write, and the dimensions of the table or its global index, which DynamoDB wrote as one text."""
    kind, table, index = text.split("/")
    return kind, [("TableName", table), *([("GlobalSecondaryIndexName", index)] if index else [])]


def _of_statement(operation: str, verb: str) -> Pairs:
    """A statement's own dimension: what it does, or whether the several of a request read or write."""
    if operation == "ExecuteStatement" and verb:
        return [("Verb", verb)]
    if operation in ("BatchExecuteStatement", "ExecuteTransaction") and verb:
        return [("OperationType", "Read" if verb == "PartiQLSelect" else "Write")]
    return []


def _of_stream(record: OperationRecord) -> Iterator[Measure]:
    """https://docs.aws.amazon.com/streams/latest/dev/monitoring-with-cloudwatch.html"""
    noted = record.annotations or {}
    put, got = noted.get("put"), noted.get("got")
    moved = put or got
    if moved is None:
        return
    pairs = [("StreamName", moved["stream"])]
    if put is not None:
        yield _one(record, "AWS/Kinesis", "IncomingRecords", pairs, float(put["records"]))
        yield _one(record, "AWS/Kinesis", "IncomingBytes", pairs, float(put["bytes"]), "Bytes")
    if got is not None:
        yield _one(record, "AWS/Kinesis", "GetRecords.Records", pairs, float(got["records"]))
        yield _one(record, "AWS/Kinesis", "GetRecords.Bytes", pairs, float(got["bytes"]), "Bytes")
        yield _one(record, "AWS/Kinesis", "GetRecords.IteratorAgeMilliseconds", pairs, got["age_ms"], "Milliseconds")
    if record.operation in ("PutRecord", "PutRecords", "GetRecords"):
        latency = record.duration_seconds * 1000
        yield _one(record, "AWS/Kinesis", f"{record.operation}.Success", pairs, 1.0)
        yield _one(record, "AWS/Kinesis", f"{record.operation}.Latency", pairs, latency, "Milliseconds")


def _of_api(record: OperationRecord, api: str) -> Iterator[Measure]:
    pairs = [("ApiId", api)]
    yield _one(record, "AWS/ApiGateway", "Count", pairs, 1.0)
    yield _one(record, "AWS/ApiGateway", "Latency", pairs, record.duration_seconds * 1000, "Milliseconds")
    yield _one(record, "AWS/ApiGateway", "5xx", pairs, 1.0 if record.status >= 500 else 0.0)


def _one(
    record: OperationRecord, namespace: str, name: str, pairs: Pairs, value: float, unit: str = "Count"
) -> Measure:
    return Measure(namespace, name, pairs, record.started_at, [(value, 1.0)], unit)
