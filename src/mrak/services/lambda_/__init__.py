"""AWS Lambda. Importing this package registers its operations and background work.

function_operations   functions and versions            functions      the same in a transaction
configuration         members: parse, check, render     packages       code on its way in
invoke_operations     Invoke and its kin                invocation     from rows to a running function
mapping_operations    event source mappings             mappings       their settings
mapping_consumers     drain their sources               queue_source, stream_source, filters
feeds                 what a stream source reads        table_feed (DynamoDB), shard_feed (Kinesis)
events                asynchronous invocations          destinations   where their results go
durable_operations    durable executions                durable_runs   invoke; durable_journal, durable_rendering
tables                rows and their invariants         references     names and ARNs of functions
errors                the service's errors              exports        what other services may use
"""

from mrak.services.lambda_ import (
    access,
    alias_operations,
    capacity_operations,
    concurrency_operations,
    destinations,
    durable_operations,
    durable_runs,
    event_config_operations,
    events,
    function_operations,
    invoke_operations,
    layer_operations,
    mapping_consumers,
    mapping_operations,
    permission_operations,
    resource_policy_operations,
    setting_operations,
    signing_operations,
    tag_operations,
    url_operations,
    url_plane,
)

__all__ = [
    "access",
    "alias_operations",
    "capacity_operations",
    "concurrency_operations",
    "destinations",
    "durable_operations",
    "durable_runs",
    "event_config_operations",
    "events",
    "function_operations",
    "invoke_operations",
    "layer_operations",
    "mapping_consumers",
    "mapping_operations",
    "permission_operations",
    "resource_policy_operations",
    "setting_operations",
    "signing_operations",
    "tag_operations",
    "url_operations",
    "url_plane",
]
