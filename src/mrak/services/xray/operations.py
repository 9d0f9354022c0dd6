"""X-Ray's operations.

https://docs.aws.amazon.com/xray/latest/api/
"""

from __future__ import annotations

from typing import Any

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.core.page import find_position, take_page
from mrak.services.xray import documents, errors, filters, graphs, groups, spans
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
    """Summaries of the traces that began in a span of time, and fit the filter expression."""
    fits = groups.parse(ctx, tx, req.get("FilterExpression", ""))
    names = sorted({segment.trace for segment in _between(ctx, tx, req)})
    after = find_position(req["NextToken"]) if "NextToken" in req else None
    left = [name for name in names if after is None or name > after]
    found = (spans.trace_of(name, SEGMENTS.scan(tx, ctx.scope, name)) for name in left)
    page, token = take_page((trace for trace in found if fits(trace)), _SUMMARIES, lambda trace: trace.id)
    answer: dict[str, Any] = {
        "TraceSummaries": [graphs.summarise(trace, len(trace.spans)) for trace in page],
        "ApproximateTime": ctx.now,
        "TracesProcessedCount": len(left),
    }
    return answer if token is None else answer | {"NextToken": token}


@operation("GetServiceGraph")
def get_service_graph(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    services = graphs.draw(_spans(ctx, tx, req))
    return {
        "StartTime": req["StartTime"],
        "EndTime": req["EndTime"],
        "Services": services,
        "ContainsOldGroupVersions": False,
    }


@operation("GetTraceGraph")
def get_trace_graph(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    segments = [segment for trace in req["TraceIds"] for segment in SEGMENTS.scan(tx, ctx.scope, trace)]
    return {"Services": graphs.draw(spans.read(segments))}


@operation("GetTimeSeriesServiceStatistics")
def get_time_series_service_statistics(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """By periods: of the services that the expression picks, or of calls."""
    period, text = req.get("Period", 60), req.get("EntitySelectorExpression", "")
    if period not in (60, 300):
        raise errors.invalid_request("Period must be 60 or 300")
    if req.get("ForecastStatistics"):
        raise errors.invalid_request("mrak makes no forecasts.")
    try:
        picks = filters.parse_selector(text) if text else lambda span: span.caller is not None or span.is_root
    except filters.FilterError as error:
        raise errors.invalid_filter(str(error)) from None
    member = "ServiceSummaryStatistics" if text.strip().lower().startswith("service") else "EdgeSummaryStatistics"
    buckets: dict[float, list[spans.Span]] = {}
    for span in _spans(ctx, tx, req):
        if picks(span):
            buckets.setdefault(span.started_at // period * period, []).append(span)
    rows = [
        {"Timestamp": at, member: graphs.statistics(found), "ResponseTimeHistogram": graphs.histogram(found)}
        for at, found in sorted(buckets.items())
    ]
    return {"TimeSeriesServiceStatistics": rows, "ContainsOldGroupVersions": False}


@operation("GetTraceSegmentDestination")
def get_trace_segment_destination(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return {"Destination": "XRay", "Status": "ACTIVE"}


def _spans(ctx: Context, tx: Transaction, req: dict[str, Any]) -> list[spans.Span]:
    """Those of a span of time, of the group's traces where a group is named."""
    segments = _between(ctx, tx, req)
    if not req.get("GroupName") and not req.get("GroupARN"):
        return spans.read(segments)
    fits = groups.parse(ctx, tx, groups.require(ctx, tx, req).expression)
    by_trace: dict[str, list[Segment]] = {}
    for segment in segments:
        by_trace.setdefault(segment.trace, []).append(segment)
    found = (spans.trace_of(name, parts) for name, parts in by_trace.items())
    return [span for trace in found if fits(trace) for span in trace.spans]


def _between(ctx: Context, tx: Transaction, req: dict[str, Any]) -> list[Segment]:
    start, end = req["StartTime"], req["EndTime"]
    if start >= end:
        raise errors.invalid_request("Start time cannot be after end time")
    if end - start > _WIDEST_SECONDS:
        raise errors.invalid_request("Time range cannot be longer than 6 hours")
    return list(BY_TIME.scan(tx, ctx.scope, since=float(start), upto=float(end), limit=_MOST_SEGMENTS))
