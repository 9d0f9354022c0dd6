"""Service graphs, summaries and statistics of spans. Pure.

https://docs.aws.amazon.com/xray/latest/devguide/xray-api-gettingdata.html
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mrak.services.xray.spans import Service, Span, Trace


def summarise(trace: Trace, revision: int) -> dict[str, Any]:
    """A trace in a line: when, how long, how it ended, which services."""
    shown: dict[str, Any] = {
        "Id": trace.id,
        "StartTime": trace.started_at,
        "Duration": trace.duration,
        "ResponseTime": trace.response_time,
        "HasFault": trace.has("fault"),
        "HasError": trace.has("error"),
        "HasThrottle": trace.has("throttle"),
        "IsPartial": trace.has("in_progress"),
        "Http": _http(trace.roots[0]),
        "Annotations": _annotations(trace.spans),
        "Users": _users(trace.spans),
        "ServiceIds": [_service_id(service) for service in sorted({span.service for span in trace.spans})],
        "EntryPoint": _service_id(trace.roots[0].service),
        "Revision": revision,
    }
    for member, name, found in (
        ("ResourceARNs", "ARN", {span.document.get("resource_arn") for span in trace.spans}),
        ("InstanceIds", "Id", {_ec2(span, "instance_id") for span in trace.spans}),
        ("AvailabilityZones", "Name", {_ec2(span, "availability_zone") for span in trace.spans}),
    ):
        shown[member] = [{name: value} for value in sorted(str(value) for value in found if value)]
    return shown


def _service_id(service: Service) -> dict[str, Any]:
    return {"Name": service[0], "Names": [service[0]], "Type": service[1]}


def _ec2(span: Span, name: str) -> Any:
    return span.document["aws"].get("ec2", {}).get(name)


def _http(root: Span) -> dict[str, Any]:
    http = root.document["http"]
    request, status = http.get("request", {}), http.get("response", {}).get("status")
    named = {"HttpURL": "url", "HttpMethod": "method", "UserAgent": "user_agent", "ClientIp": "client_ip"}
    shown = {member: request[name] for member, name in named.items() if name in request}
    return shown | ({} if status is None else {"HttpStatus": status})


def _annotations(spans: list[Span]) -> dict[str, list[dict[str, Any]]]:
    """By key: each value with the services that gave it."""
    found: dict[str, dict[tuple[str, Any], list[Service]]] = {}
    for span in spans:
        for key, value in span.annotations:
            if not isinstance(value, bool | int | float | str):
                continue
            services = found.setdefault(key, {}).setdefault((_member(value), value), [])
            if span.service not in services:
                services.append(span.service)
    return {
        key: [
            {"AnnotationValue": {member: value}, "ServiceIds": [_service_id(service) for service in services]}
            for (member, value), services in values.items()
        ]
        for key, values in found.items()
    }


def _member(value: Any) -> str:
    if isinstance(value, bool):
        return "BooleanValue"
    return "NumberValue" if isinstance(value, int | float) else "StringValue"


def _users(spans: list[Span]) -> list[dict[str, Any]]:
    found: dict[str, list[Service]] = {}
    for span in spans:
        user = span.document.get("user")
        if user and span.service not in found.setdefault(str(user), []):
            found[str(user)].append(span.service)
    return [
        {"UserName": user, "ServiceIds": [_service_id(service) for service in services]}
        for user, services in found.items()
    ]


def draw(spans: Iterable[Span]) -> list[dict[str, Any]]:
    """The nodes and edges of a service graph."""
    nodes: dict[Service, list[Span]] = {}
    edges: dict[tuple[Service, Service], list[Span]] = {}
    for span in spans:
        nodes.setdefault(span.service, []).append(span)
        if span.caller is not None:
            edges.setdefault((span.caller, span.service), []).append(span)
    numbers = {service: number for number, service in enumerate(sorted(nodes))}
    return [_node(service, numbers, nodes[service], edges) for service in numbers]


def _node(
    service: Service,
    numbers: dict[Service, int],
    spans: list[Span],
    edges: dict[tuple[Service, Service], list[Span]],
) -> dict[str, Any]:
    called = sorted(
        (numbers[target], there) for (source, target), there in edges.items() if source == service and target in numbers
    )
    return {
        "ReferenceId": numbers[service],
        "Name": service[0],
        "Names": [service[0]],
        "Type": service[1],
        "Root": any(span.is_root for span in spans),
        "State": "active",
        **_times(spans),
        "Edges": [
            {"ReferenceId": target, **_times(there), "SummaryStatistics": statistics(there)} for target, there in called
        ],
        "SummaryStatistics": statistics(spans),
        "ResponseTimeHistogram": histogram(spans),
        "DurationHistogram": histogram(spans),
    }


def _times(spans: list[Span]) -> dict[str, float]:
    return {
        "StartTime": min(span.started_at for span in spans),
        "EndTime": max(span.ended_at for span in spans),
    }


def statistics(spans: list[Span]) -> dict[str, Any]:
    faults = sum(bool(span.document.get("fault")) for span in spans)
    errors = sum(bool(span.document.get("error")) for span in spans)
    throttles = sum(bool(span.document.get("throttle")) for span in spans)
    return {
        "OkCount": len(spans) - faults - errors,
        "ErrorStatistics": {"ThrottleCount": throttles, "OtherCount": errors - throttles, "TotalCount": errors},
        "FaultStatistics": {"OtherCount": faults, "TotalCount": faults},
        "TotalCount": len(spans),
        "TotalResponseTime": sum(span.ended_at - span.started_at for span in spans),
    }


def histogram(spans: list[Span]) -> list[dict[str, Any]]:
    """How many took how long, to the millisecond."""
    counts: dict[float, int] = {}
    for span in spans:
        seconds = round(span.ended_at - span.started_at, 3)
        counts[seconds] = counts.get(seconds, 0) + 1
    return [{"Value": seconds, "Count": count} for seconds, count in sorted(counts.items())]
