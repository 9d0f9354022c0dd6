"""Amazon CloudWatch Logs. Importing this package registers its operations and background work.

groups, streams, events, filters, destinations,
queries, policies, vended, exporting               operations by resource
store      appending and reading events            passing    new events to subscription and metric filters
places     the order of events, ids and tokens     workers    deliveries, retention, sweeps
tables     rows and their invariants               names      identifiers, ARNs and pages
errors     the service's errors                    exports    what other services may use
"""

from mrak.services.logs import (
    destinations,
    events,
    exporting,
    filters,
    groups,
    policies,
    queries,
    streams,
    vended,
    workers,
)

__all__ = [
    "destinations",
    "events",
    "exporting",
    "filters",
    "groups",
    "policies",
    "queries",
    "streams",
    "vended",
    "workers",
]
