"""X-Ray's rows.

    SEGMENTS   (trace, segment)   -> Segment     documents as JSON
      BY_TIME  (started_at)                      for summaries of a span of time, and for forgetting old ones

Invariant: a segment is its trace's; a trace is nothing but its segments.
"""

from __future__ import annotations

import msgspec

from mrak.store.tables import Table


class Segment(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    trace: str
    segment: str
    started_at: float
    ended_at: float
    document: str
    is_root: bool = False


SEGMENTS = Table("xray.segment", Segment, key=("trace", "segment"))
BY_TIME = SEGMENTS.index("time", ("started_at",))
