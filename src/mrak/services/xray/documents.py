"""Segment documents: checked when an application sends one, made when one of mrak's operations leaves a record.

https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from mrak.core.deviations import deviation
from mrak.core.record import OperationRecord
from mrak.services.xray.tables import Segment

_TRACE = re.compile(r"1-[0-9a-f]{8}-[0-9a-f]{24}")
_SEGMENT = re.compile(r"[0-9a-f]{16}")
_EXECUTION = re.compile(r":(?:execution|express):([^:]+):")
_MOST_BYTES = 65_536
_ORIGINS = {
    "lambda": "AWS::Lambda",
    "execute-api": "AWS::ApiGateway::Stage",
    "dynamodb": "AWS::DynamoDB::Table",
    "sqs": "AWS::SQS::Queue",
    "sns": "AWS::SNS::Topic",
    "stepfunctions": "AWS::StepFunctions::StateMachine",
    "events": "AWS::Events::EventBus",
}


class Malformed(Exception):
    """A document that can't be kept; the message says why, as UnprocessedTraceSegments shows it."""

    def __init__(self, segment: str, code: str) -> None:
        super().__init__(code)
        self.segment = segment
        self.code = code


def parse(text: str) -> Segment:
    """The row of a document that an application sent. Raises Malformed."""
    if len(text.encode()) > _MOST_BYTES:
        raise Malformed("", "SizeLimitExceeded")
    try:
        document = msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError):
        raise Malformed("", "ParseError") from None
    segment = str(document.get("id", ""))
    for name, pattern in (("id", _SEGMENT), ("trace_id", _TRACE)):
        if not pattern.fullmatch(str(document.get(name, ""))):
            raise Malformed(segment, "MissingId" if name == "id" else "MissingTraceId")
    started = document.get("start_time")
    if not isinstance(started, int | float) or not document.get("name"):
        raise Malformed(segment, "MissingStartTime" if document.get("name") else "MissingName")
    ended = document.get("end_time", started)
    return Segment(
        trace=document["trace_id"],
        segment=segment,
        started_at=float(started),
        ended_at=float(ended) if isinstance(ended, int | float) else float(started),
        document=text,
        is_root="parent_id" not in document,
    )


def _name(record: OperationRecord) -> str:
    """What was used: a workflow's segments have the name of its state machine, as on AWS, not of the execution."""
    if not record.resource:
        return record.service
    execution = _EXECUTION.search(record.resource)
    return execution[1] if execution else record.resource.rpartition(":")[2]


def of_record(record: OperationRecord) -> Segment:
    """The segment of an operation."""
    deviation("XRAY-001")
    ended = record.started_at + record.duration_seconds
    document: dict[str, Any] = {
        "id": record.span_id,
        "trace_id": record.trace_id,
        "name": _name(record),
        "start_time": record.started_at,
        "end_time": ended,
        "origin": _ORIGINS.get(record.service, f"AWS::{record.service}"),
        "http": {"response": {"status": record.status}},
        "aws": {
            "operation": record.operation,
            "request_id": record.request_id,
            "region": record.scope.region,
            "account_id": record.scope.account,
        },
        "metadata": {"mrak": {"service": record.service, "usage": record.usage or {}}},
    }
    if record.parent_id is not None:
        document["parent_id"] = record.parent_id
    if record.error_code is not None:
        document["fault" if record.status >= 500 else "error"] = True
        exception = {"id": record.span_id, "type": record.error_code, "message": record.error_message}
        document["cause"] = {"exceptions": [exception]}
    if record.status == 429:
        document["throttle"] = True
    return Segment(
        trace=record.trace_id,
        segment=record.span_id,
        started_at=record.started_at,
        ended_at=ended,
        document=msgspec.json.encode(document).decode(),
        is_root=record.parent_id is None,
    )
