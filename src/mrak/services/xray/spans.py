"""What the segments of a trace say together: which services took part, and who called whom. Pure.

A segment is a service's work on a request. Its subsegments are calls it made: one whose callee sent a segment is an
edge, one whose callee did not (a table, a foreign API) makes a segment for it, as X-Ray infers them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import msgspec

from mrak.services.xray.tables import Segment

Document = dict[str, Any]
Service = tuple[str, str]
"""The name and the type."""


class Span(NamedTuple):
    document: Document
    service: Service
    caller: Service | None = None
    is_root: bool = False
    is_inferred: bool = False
    annotations: tuple[tuple[str, Any], ...] = ()
    """Those of the segment and of its subsegments."""

    @property
    def started_at(self) -> float:
        return float(self.document["start_time"])

    @property
    def ended_at(self) -> float:
        return float(self.document["end_time"])


def read(segments: Iterable[Segment]) -> list[Span]:
    """The spans of one trace or of several, in the order of their segments."""
    documents = [_clean(msgspec.json.decode(segment.document)) for segment in segments]
    owners, parts = _gather(documents)
    called = {document.get("parent_id") for document in documents}
    spans = []
    for owner in {id(owner): owner for owner in owners.values()}.values():
        service = service_of(owner)
        mine = parts[id(owner)]
        notes = tuple(pair for part in (owner, *mine) for pair in part["annotations"].items())
        caller = owners.get(owner.get("parent_id", ""))
        spans.append(
            Span(
                document=owner,
                service=service,
                caller=None if caller is None or service_of(caller) == service else service_of(caller),
                is_root="parent_id" not in owner,
                annotations=notes,
            )
        )
        for part in mine:
            if part.get("namespace") in ("aws", "remote") and part["id"] not in called:
                spans.append(Span(part, _inferred(part), service, is_inferred=True))
    return spans


def _clean(document: Document) -> Document:
    """With the members that are read here as they have to be; anybody may send anything in the others."""
    clean = dict(document)
    for name in ("http", "aws", "annotations"):
        clean[name] = document[name] if isinstance(document.get(name), dict) else {}
    for outer, inner in (("http", "request"), ("http", "response"), ("aws", "ec2")):
        if not isinstance(clean[outer].get(inner, {}), dict):
            clean[outer] = {**clean[outer], inner: {}}
    if not isinstance(document.get("end_time"), int | float):
        clean["end_time"] = document["start_time"]
    return clean


def _gather(documents: list[Document]) -> tuple[dict[str, Document], dict[int, list[Document]]]:
    """(the segment of each segment's or subsegment's id, the subsegments of each segment by its identity)."""
    owners: dict[str, Document] = {}
    parts: dict[int, list[Document]] = {}
    waiting = []
    for document in documents:
        if document.get("type") == "subsegment" and "parent_id" in document:
            waiting.append(document)
            continue
        owners[document["id"]] = document
        parts[id(document)] = _take(document, document, owners)
    while waiting:
        ready = [document for document in waiting if document["parent_id"] in owners]
        for document in ready:
            owner = owners[document["parent_id"]]
            owners[document["id"]] = owner
            parts[id(owner)] += [document, *_take(document, owner, owners)]
        if not ready:
            # Their segments have not come; until then each stands for itself.
            for document in waiting:
                owners[document["id"]] = document
                parts[id(document)] = _take(document, document, owners)
            break
        waiting = [document for document in waiting if document not in ready]
    return owners, parts


def _take(document: Document, owner: Document, owners: dict[str, Document]) -> list[Document]:
    found = [_clean(part) for part in _below(document) if isinstance(part.get("start_time"), int | float)]
    owners.update({part["id"]: owner for part in found})
    return found


def _below(document: Document) -> Iterator[Document]:
    parts = document.get("subsegments")
    for part in parts if isinstance(parts, list) else ():
        if isinstance(part, dict) and isinstance(part.get("id"), str):
            yield part
            yield from _below(part)


def service_of(document: Document) -> Service:
    return str(document.get("name", "")), str(document.get("origin", "remote"))


def _inferred(part: Document) -> Service:
    name, aws = str(part.get("name", "")), part["aws"]
    if part["namespace"] == "remote":
        return name, "remote"
    if "table_name" in aws:
        return str(aws["table_name"]), "AWS::DynamoDB::Table"
    if "queue_url" in aws:
        return str(aws["queue_url"]), "AWS::SQS::Queue"
    return name, f"AWS::{name}"


class Trace(NamedTuple):
    """What a filter expression is evaluated on: a trace, or one of its spans (then `roots` is that span)."""

    id: str
    spans: list[Span]
    roots: list[Span]

    @property
    def started_at(self) -> float:
        return min(span.started_at for span in self.spans)

    @property
    def duration(self) -> float:
        return round(max(span.ended_at for span in self.spans) - self.started_at, 3)

    @property
    def response_time(self) -> float:
        return round(max(root.ended_at - root.started_at for root in self.roots), 3)

    def has(self, flag: str) -> bool:
        """`error`, `fault`: how the root ended; `throttle`, `in_progress`: whether any part is."""
        among = self.roots if flag in ("error", "fault") else self.spans
        return any(span.document.get(flag) for span in among)

    def alone(self, span: Span) -> Trace:
        return Trace(self.id, [span], [span])


def trace_of(trace_id: str, segments: Iterable[Segment]) -> Trace:
    spans = sorted(read(segments), key=lambda span: span.started_at)
    return Trace(trace_id, spans, [span for span in spans if span.is_root] or spans[:1])
