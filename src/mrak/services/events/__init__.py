"""Amazon EventBridge (the classic one). Importing this package registers its operations and background work.

bus_operations, rule_operations, put_operations, archives, replays, connections, api_destinations   the operations
buses        buses and rules by name and ARN            matching   from an event to its targets
scheduled    rules with a schedule                      targets    targets that are called
dead_letters   what no target took
endpoints    global endpoints                           partner_sources   partners' event sources, of both sides
stages       APIs of API Gateway as targets
pages        listings                                   tables     rows and their invariants
errors       the service's errors                       exports    what other services may use
"""

from mrak.services.events import (
    access,
    api_destinations,
    archives,
    bus_operations,
    connections,
    dead_letters,
    endpoints,
    partner_sources,
    put_operations,
    replays,
    rule_operations,
    scheduled,
    targets,
)

__all__ = [
    "access",
    "api_destinations",
    "archives",
    "bus_operations",
    "connections",
    "dead_letters",
    "endpoints",
    "partner_sources",
    "put_operations",
    "replays",
    "rule_operations",
    "scheduled",
    "targets",
]
