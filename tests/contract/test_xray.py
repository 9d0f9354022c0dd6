"""X-Ray as boto3 sees it: what applications send, and what mrak's own services leave of one trace."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from tests.conftest import TAKES_DELIVERIES, error_of, until

ROOT = "1-67891233-abcdef012345678912345678"


@pytest.fixture
def xray(fresh_sandbox: Any) -> Any:
    return fresh_sandbox.client("xray")


def segment(number: int, name: str, parent: int | None = None, **more: Any) -> str:
    now = time.time()
    document = {"id": f"{number:016x}", "trace_id": ROOT, "name": name, "start_time": now, "end_time": now + 1}
    if parent is not None:
        document["parent_id"] = f"{parent:016x}"
    return json.dumps(document | more)


def window() -> dict[str, float]:
    return {"StartTime": time.time() - 600, "EndTime": time.time() + 600}


def test_segments_make_a_trace_and_a_graph(xray: Any) -> None:
    """Two services, one calling the other with an error, which the first one handles: then the trace has none."""
    documents = [segment(1, "shop"), segment(2, "bank", 1, error=True)]
    assert xray.put_trace_segments(TraceSegmentDocuments=documents)["UnprocessedTraceSegments"] == []
    (trace,) = xray.batch_get_traces(TraceIds=[ROOT])["Traces"]
    assert [json.loads(part["Document"])["name"] for part in trace["Segments"]] == ["shop", "bank"]
    (summary,) = xray.get_trace_summaries(**window())["TraceSummaries"]
    assert (summary["Id"], summary["HasError"], summary["HasFault"]) == (ROOT, False, False)
    services = {node["Name"]: node for node in xray.get_service_graph(**window())["Services"]}
    (edge,) = services["shop"]["Edges"]
    assert edge["ReferenceId"] == services["bank"]["ReferenceId"]
    assert services["bank"]["SummaryStatistics"]["ErrorStatistics"]["TotalCount"] == 1
    assert services["shop"]["Root"] and not services["bank"]["Root"]


def test_one_trace_goes_through_the_services(fresh_sandbox: Any, xray: Any) -> None:
    """XRAY-001: from a topic to its queue, without adding code."""
    sns, sqs = fresh_sandbox.client("sns"), fresh_sandbox.client("sqs")
    topic = sns.create_topic(Name="traced")["TopicArn"]
    queue = sqs.create_queue(QueueName="traced", Attributes={"Policy": TAKES_DELIVERIES})["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)

    def trace(request: Any, **_: Any) -> None:
        request.headers["X-Amzn-Trace-Id"] = f"Root={ROOT};Sampled=1"

    sns.meta.events.register("before-send.sns", trace)
    sns.publish(TopicArn=topic, Message="x")
    assert sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=20)["Messages"]

    def operations() -> set[str]:
        traces = xray.batch_get_traces(TraceIds=[ROOT])["Traces"]
        documents = [json.loads(part["Document"]) for trace in traces for part in trace["Segments"]]
        return {document["aws"]["operation"] for document in documents}

    until(lambda: {"Publish", "delivery:send"} <= operations())


def test_documents_that_cannot_be_kept_are_listed(xray: Any) -> None:
    """The good ones of a batch are kept."""
    bad = ["{", json.dumps({"id": "1", "trace_id": ROOT}), json.dumps({"id": "0" * 16, "trace_id": "x"})]
    answer = xray.put_trace_segments(TraceSegmentDocuments=[*bad, segment(1, "good")])
    assert [row["ErrorCode"] for row in answer["UnprocessedTraceSegments"]] == [
        "ParseError",
        "MissingId",
        "MissingTraceId",
    ]
    assert xray.batch_get_traces(TraceIds=[ROOT, ROOT[:-1] + "9"])["UnprocessedTraceIds"] == [ROOT[:-1] + "9"]


ERRORS: list[tuple[str, dict[str, Any], str]] = [
    ("get_trace_summaries", {"StartTime": 9, "EndTime": 1}, "Start time cannot be after end time"),
    ("get_service_graph", {"StartTime": 0, "EndTime": 86_400}, "Time range cannot be longer than 6 hours"),
    (
        "get_trace_summaries",
        {"StartTime": 1, "EndTime": 9, "FilterExpression": "ok and"},
        "Invalid filter expression: unexpected end",
    ),
]


@pytest.mark.parametrize(("operation", "params", "message"), ERRORS)
def test_errors(xray: Any, operation: str, params: dict[str, Any], message: str) -> None:
    assert error_of(getattr(xray, operation), **params)[:2] == ("InvalidRequestException", message)


def test_everything_is_sampled(xray: Any) -> None:
    (record,) = xray.get_sampling_rules()["SamplingRuleRecords"]
    assert record["SamplingRule"]["FixedRate"] == 1.0
