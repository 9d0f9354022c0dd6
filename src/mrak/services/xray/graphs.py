"""Service graphs and summaries: what a set of segments says together. Pure.

https://docs.aws.amazon.com/xray/latest/devguide/xray-api-gettingdata.html
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from mrak.services.xray.tables import Segment


def summarise(trace: str, segments: list[Segment]) -> dict[str, Any]:
    """A trace in a line: when, how long, how it ended, which services."""
    documents = [msgspec.json.decode(segment.document) for segment in segments]
    started = min(segment.started_at for segment in segments)
    ended = max(segment.ended_at for segment in segments)
    roots = [segment for segment in segments if segment.is_root] or segments[:1]
    return {
        "Id": trace,
        "StartTime": started,
        "Duration": round(ended - started, 3),
        "ResponseTime": round(max(root.ended_at - root.started_at for root in roots), 3),
        "HasFault": any(document.get("fault") for document in documents),
        "HasError": any(document.get("error") for document in documents),
        "HasThrottle": any(document.get("throttle") for document in documents),
        "IsPartial": False,
        "ServiceIds": [
            {"Name": name, "Names": [name], "Type": kind} for name, kind in sorted({_service(d) for d in documents})
        ],
        "Revision": len(segments),
    }


def draw(segments: Iterable[Segment]) -> list[dict[str, Any]]:
    """The nodes and edges of a service graph."""
    documents = [msgspec.json.decode(segment.document) for segment in segments]
    by_id = {document["id"]: document for document in documents}
    numbers = {service: number for number, service in enumerate(sorted({_service(d) for d in documents}))}
    nodes: dict[int, list[dict[str, Any]]] = {}
    edges: dict[tuple[int, int], list[dict[str, Any]]] = {}
    for document in documents:
        number = numbers[_service(document)]
        nodes.setdefault(number, []).append(document)
        parent = by_id.get(document.get("parent_id", ""))
        if parent is not None and _service(parent) != _service(document):
            edges.setdefault((numbers[_service(parent)], number), []).append(document)
    return [_node(service, number, nodes[number], edges) for service, number in numbers.items()]


def _node(
    service: tuple[str, str],
    number: int,
    documents: list[dict[str, Any]],
    edges: dict[tuple[int, int], list[dict[str, Any]]],
) -> dict[str, Any]:
    return {
        "ReferenceId": number,
        "Name": service[0],
        "Names": [service[0]],
        "Type": service[1],
        "Root": any("parent_id" not in document for document in documents),
        "State": "active",
        "StartTime": min(document["start_time"] for document in documents),
        "EndTime": max(_end(document) for document in documents),
        "Edges": [
            {
                "ReferenceId": target,
                "StartTime": min(document["start_time"] for document in called),
                "EndTime": max(_end(document) for document in called),
                "SummaryStatistics": _statistics(called),
            }
            for (source, target), called in sorted(edges.items())
            if source == number
        ],
        "SummaryStatistics": _statistics(documents),
    }


def _statistics(documents: list[dict[str, Any]]) -> dict[str, Any]:
    faults = sum(bool(document.get("fault")) for document in documents)
    errors = sum(bool(document.get("error")) for document in documents)
    throttles = sum(bool(document.get("throttle")) for document in documents)
    return {
        "OkCount": len(documents) - faults - errors,
        "ErrorStatistics": {"ThrottleCount": throttles, "OtherCount": errors - throttles, "TotalCount": errors},
        "FaultStatistics": {"OtherCount": faults, "TotalCount": faults},
        "TotalCount": len(documents),
        "TotalResponseTime": sum(_end(document) - document["start_time"] for document in documents),
    }


def _service(document: dict[str, Any]) -> tuple[str, str]:
    return document["name"], document.get("origin", "remote")


def _end(document: dict[str, Any]) -> float:
    return float(document.get("end_time", document["start_time"]))
