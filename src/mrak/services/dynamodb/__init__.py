"""Amazon DynamoDB. Importing this package registers its operations and background work.

table_operations  tables and their life             item_operations  one item at a time
read_operations   Query and Scan                    writes           a write: parsed, located, applied
items             keys, rows, and how one changes   reading          a page of a range of rows
tables            rows, keys and compiled schemas   describe         a table's description
indexing          secondary indexes                 streams, expiry  what follows from a change
rules             checks beyond the model           errors           the service's errors
exports           what other services may use
"""

from mrak.services.dynamodb import (
    backup_operations,
    batch_operations,
    insight_operations,
    item_operations,
    partiql_operations,
    read_operations,
    table_operations,
    tag_operations,
    transaction_operations,
    ttl_operations,
    update_operations,
    vector_operations,
)

__all__ = [
    "backup_operations",
    "batch_operations",
    "insight_operations",
    "item_operations",
    "partiql_operations",
    "read_operations",
    "table_operations",
    "tag_operations",
    "transaction_operations",
    "ttl_operations",
    "update_operations",
    "vector_operations",
]
