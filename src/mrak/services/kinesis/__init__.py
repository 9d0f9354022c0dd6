"""Amazon Kinesis Data Streams. Importing this package registers its operations and background work.

*_operations  one function for each operation          streams       how a stream is named, found and shown
shards        ranges of hash keys, split and merged    records       put, read, found by time
sequences     AWS's sequence numbers                   iterators     where readers stand
consumers     enhanced fan-out                         subscriptions records pushed to consumers
queues        records given out one by one             encryption    a stream's KMS key
draining      whole streams, shard after shard         trimming      what has expired
tables        rows and their invariants                errors        the service's errors
exports       what other services may use
"""

from mrak.services.kinesis import (
    consumer_operations,
    policy_operations,
    queue_operations,
    queue_record_operations,
    record_operations,
    setting_operations,
    shard_operations,
    stream_operations,
    subscriptions,
    tag_operations,
    workers,
)

__all__ = [
    "consumer_operations",
    "policy_operations",
    "queue_operations",
    "queue_record_operations",
    "record_operations",
    "setting_operations",
    "shard_operations",
    "stream_operations",
    "subscriptions",
    "tag_operations",
    "workers",
]
