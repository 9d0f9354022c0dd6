"""Amazon DynamoDB. Importing this package registers its operations and background work.

table_, update_operations             tables and their life; lifecycle, backups: what begins and ends with one
item_, batch_, transaction_operations one item, many, all or none; writes: a write parsed, located, applied
read_operations, reading              Query and Scan; a page of a range of rows
partiql_operations, statements        PartiQL, as plans over the same reads and writes
vector_operations, vectors            vector indexes and their search
ttl_, tag_, policy_, insight_, destination_operations   settings of a table
backup_, restore_, global_operations  its copies and replicas, and how these scale (scaling)
replicas, strong, members            groups of members; underway, replication, filling: what goes from one to another
transfer_operations, transfers        exports and imports; exporting, importing, transfer_formats: their runs and files
bulk_operations, bulk                 puts of what lies in a bucket; transfer_objects: what they and the above share
items, tables, indexing              keys and rows, schemas, secondary indexes
throughput, throttling, partitions     capacity, what is over it, and what it is spread over
streams, shards, trimming, expiry, history   what follows from a change
rules, update_rules, restore_rules, policies   checks beyond the model; errors: the service's errors
describe                              a table's description
exports                               what other services may use
"""

from mrak.services.dynamodb import (
    backup_operations,
    batch_operations,
    bulk_operations,
    destination_operations,
    global_operations,
    insight_operations,
    item_operations,
    partiql_operations,
    policy_operations,
    read_operations,
    restore_operations,
    table_operations,
    tag_operations,
    transaction_operations,
    transfer_operations,
    ttl_operations,
    update_operations,
    vector_operations,
)

__all__ = [
    "backup_operations",
    "batch_operations",
    "bulk_operations",
    "destination_operations",
    "global_operations",
    "insight_operations",
    "item_operations",
    "partiql_operations",
    "policy_operations",
    "read_operations",
    "restore_operations",
    "table_operations",
    "tag_operations",
    "transaction_operations",
    "transfer_operations",
    "ttl_operations",
    "update_operations",
    "vector_operations",
]
