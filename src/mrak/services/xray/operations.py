"""X-Ray's operations.

https://docs.aws.amazon.com/xray/latest/api/
"""

from __future__ import annotations

from typing import Any

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.core.page import find_position, take_page
from mrak.services.xray import documents, errors, graphs
from mrak.services.xray.tables import BY_TIME, SEGMENTS, Segment

_SUMMARIES = 100
_MOST_SEGMENTS = 20_000
_WIDEST_SECONDS = 6 * 3600.0


@operation("PutTraceSegments")
def put_trace_segments(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    unprocessed = []
    for text in req["TraceSegmentDocuments"]:
        try:
            keep(ctx.scope, tx, documents.parse(text))
        except documents.Malformed as error:
            unprocessed.append({"Id": error.segment, "ErrorCode": error.code, "Message": "Invalid segment."})
    return {"UnprocessedTraceSegments": unprocessed}


def keep(scope: Any, tx: Transaction, segment: Segment) -> None:
    """Keeps a segment; one that was sent before as in progress is replaced."""
    old = SEGMENTS.open(tx, scope, segment.trace, segment.segment)
    if old is None:
        SEGMENTS.insert(tx, scope, segment)
    else:
        SEGMENTS.replace(tx, scope, old, segment)


@operation("PutTelemetryRecords")
def put_telemetry_records(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    """What daemons say of themselves; nothing reads it, on AWS neither."""


@operation("BatchGetTraces")
def batch_get_traces(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    traces, missing = [], []
    for trace in req["TraceIds"]:
        segments = sorted(SEGMENTS.scan(tx, ctx.scope, trace), key=lambda segment: segment.started_at)
        if not segments:
            missing.append(trace)
            continue
        duration = max(s.ended_at for s in segments) - segments[0].started_at
        shown = [{"Id": segment.segment, "Document": segment.document} for segment in segments]
        traces.append({"Id": trace, "Duration": round(duration, 3), "LimitExceeded": False, "Segments": shown})
    return {"Traces": traces, "UnprocessedTraceIds": missing}


@operation("GetTraceSummaries")
def get_trace_summaries(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """Summaries of the traces that began in a span of time; filter expressions are refused, since none is evaluated."""
    if req.get("FilterExpression"):
        raise errors.invalid_request("mrak does not evaluate filter expressions.")
    traces = sorted({segment.trace for segment in _between(ctx, tx, req)})
    after = find_position(req["NextToken"]) if "NextToken" in req else None
    left = [trace for trace in traces if after is None or trace > after]
    page, token = take_page(left, _SUMMARIES, lambda trace: trace)
    shown = [graphs.summarise(trace, list(SEGMENTS.scan(tx, ctx.scope, trace))) for trace in page]
    answer: dict[str, Any] = {
        "TraceSummaries": shown,
        "ApproximateTime": ctx.now,
        "TracesProcessedCount": len(shown),
    }
    return answer if token is None else answer | {"NextToken": token}


@operation("GetServiceGraph")
def get_service_graph(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    services = graphs.draw(_between(ctx, tx, req))
    return {
        "StartTime": req["StartTime"],
        "EndTime": req["EndTime"],
        "Services": services,
        "ContainsOldGroupVersions": False,
    }


@operation("GetTraceGraph")
def get_trace_graph(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    segments = [segment for trace in req["TraceIds"] for segment in SEGMENTS.scan(tx, ctx.scope, trace)]
    return {"Services": graphs.draw(segments)}


@operation("GetSamplingRules")
def get_sampling_rules(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """One rule, which takes everything: what runs here costs nothing to keep."""
    rule = {
        "RuleName": "Default",
        "RuleARN": f"arn:{ctx.scope.partition}:xray:{ctx.scope.region}:{ctx.scope.account}:sampling-rule/Default",
        "ResourceARN": "*",
        "Priority": 10_000,
        "FixedRate": 1.0,
        "ReservoirSize": 1,
        "ServiceName": "*",
        "ServiceType": "*",
        "Host": "*",
        "HTTPMethod": "*",
        "URLPath": "*",
        "Version": 1,
        "Attributes": {},
    }
    return {"SamplingRuleRecords": [{"SamplingRule": rule, "CreatedAt": 0.0, "ModifiedAt": 0.0}]}


def _between(ctx: Context, tx: Transaction, req: dict[str, Any]) -> list[Segment]:
    start, end = req["StartTime"], req["EndTime"]
    if start >= end:
        raise errors.invalid_request("Start time cannot be after end time")
    if end - start > _WIDEST_SECONDS:
        raise errors.invalid_request("Time range cannot be longer than 6 hours")
    return list(BY_TIME.scan(tx, ctx.scope, since=float(start), upto=float(end), limit=_MOST_SEGMENTS))
