"""Every error of Kinesis, with AWS's code, status and message.

https://docs.aws.amazon.com/kinesis/latest/APIReference/CommonErrors.html
"""

from __future__ import annotations

from datetime import UTC, datetime

from mrak.core.errors import ApiError

# code -> status; tests/tidy checks the codes against the model.
CODES = {
    "AccessDeniedException": 400,
    "DryRunOperationException": 400,
    "ExpiredIteratorException": 400,
    "ExpiredNextTokenException": 400,
    "InvalidArgumentException": 400,
    "LimitExceededException": 400,
    "ResourceInUseException": 400,
    "ResourceNotFoundException": 400,
    "ValidationException": 400,
    "KMSDisabledException": 400,
    "KMSInvalidStateException": 400,
    "KMSNotFoundException": 400,
}

_LIMITS = "http://docs.aws.amazon.com/general/latest/gr/aws_service_limits.html"


def invalid(message: str) -> ApiError:
    return ApiError("InvalidArgumentException", message)


def failed_constraint(message: str) -> ApiError:
    """A check that AWS's model does not tell of, in the words of those that it tells."""
    return ApiError("ValidationException", f"1 validation error detected: Value {message}")


def failed(message: str) -> ApiError:
    return ApiError("ValidationException", message)


def in_use(message: str) -> ApiError:
    return ApiError("ResourceInUseException", message)


def limit_exceeded(message: str) -> ApiError:
    return ApiError("LimitExceededException", message)


def not_found(message: str) -> ApiError:
    return ApiError("ResourceNotFoundException", message)


def stream_not_named() -> ApiError:
    return invalid("Either StreamName or StreamARN must be provided.")


def names_differ() -> ApiError:
    return invalid("StreamName and StreamARN do not name the same stream.")


def stream_not_found(name: str, account: str) -> ApiError:
    return not_found(f"Stream {name} under account {account} not found.")


def stream_exists(name: str, account: str) -> ApiError:
    return in_use(f"Stream {name} under account {account} already exists.")


def stream_has_consumers(name: str, account: str) -> ApiError:
    return in_use(
        f"Stream {name} under account {account} has registered consumers. "
        "Deregister them first, or delete the stream with EnforceConsumerDeletion."
    )


def on_demand(name: str, account: str) -> ApiError:
    return ApiError(
        "ValidationException", f"Request is invalid. Stream {name} under account {account} is in On-Demand mode."
    )


def shard_limit(account: str, region: str, open_shards: int, limit: int, more: int) -> ApiError:
    return limit_exceeded(
        f"This request would exceed the shard limit for the account {account} in {region}. Current shard count for the "
        f"account: {open_shards}. Limit: {limit}. Number of additional shards that would have resulted from this "
        f"request: {more}. Refer to the AWS Service Limits page ({_LIMITS}) for current limits and how to request "
        "higher limits."
    )


def on_demand_limit(account: str, limit: int) -> ApiError:
    return limit_exceeded(
        f"This request would exceed the on-demand stream limit for the account {account}. Limit: {limit}."
    )


def could_not_find_shard(shard_id: str, name: str, account: str) -> ApiError:
    return not_found(f"Could not find shard {shard_id} in stream {name} under account {account}.")


def shard_does_not_exist(shard_id: str, name: str, account: str) -> ApiError:
    return not_found(f"Shard {shard_id} in stream {name} under account {account} does not exist")


def shard_closed(shard_id: str, name: str, account: str) -> ApiError:
    return invalid(
        f"Shard {shard_id} in stream {name} under account {account} has already been merged or split, and thus is not "
        "eligible for merging or splitting."
    )


def not_adjacent(first: str, second: str, name: str, account: str) -> ApiError:
    return invalid(
        f"Shards {first} and {second} in stream {name} under account {account} are not an adjacent pair of shards "
        "eligible for merging"
    )


def no_place_to_split(key: str, shard_id: str, stream: str, low: int, high: int) -> ApiError:
    return invalid(
        f"NewStartingHashKey {key} used in SplitShard() on shard {shard_id} in stream {stream} is not both greater "
        f"than one plus the shard's StartingHashKey {low} and less than the shard's EndingHashKey {high}."
    )


def hash_key_out_of_range(key: str) -> ApiError:
    return invalid(
        f"Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. Specified value was {key}"
    )


def unordered(sequence: str, name: str, account: str) -> ApiError:
    return invalid(
        f"ExclusiveMinimumSequenceNumber {sequence} used in PutRecord on stream {name} under account {account} is "
        "invalid."
    )


def iterator_kind(kind: str, rest: str) -> ApiError:
    return invalid(
        "Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and StartingSequenceNumber or (2) "
        f"TRIM_HORIZON or LATEST and no StartingSequenceNumber. Request specified {kind} and {rest}."
    )


def no_timestamp() -> ApiError:
    return invalid(
        "Must specify timestampInMillis parameter for iterator of type AT_TIMESTAMP. Current request has no timestamp "
        "parameter."
    )


def timestamp_ahead(wanted_ms: int, now_ms: int) -> ApiError:
    return invalid(
        "The timestampInMillis parameter cannot be greater than the currentTimestampInMillis. timestampInMillis: "
        f"{wanted_ms}, currentTimestampInMillis: {now_ms}"
    )


def foreign_sequence(sequence: str, shard_id: str, name: str, account: str) -> ApiError:
    said = _starting_sequence(sequence, shard_id, name, account)
    return invalid(f"{said} is invalid because it did not come from this stream.")


def unreadable_sequence(sequence: str, shard_id: str, name: str, account: str) -> ApiError:
    return invalid(f"{_starting_sequence(sequence, shard_id, name, account)} is invalid.")


def _starting_sequence(sequence: str, shard_id: str, name: str, account: str) -> str:
    used = f"StartingSequenceNumber {sequence} used in GetShardIterator on shard {shard_id}"
    return f"{used} in stream {name} under account {account}"


def other_shards_sequence(encoded: str, used: str) -> ApiError:
    return invalid(
        f"Invalid StartingSequenceNumber. It encodes {encoded}, while it was used in a call to a shard with {used}"
    )


def invalid_iterator() -> ApiError:
    return invalid("Invalid ShardIterator.")


def iterator_expired(made_at: float, now: float, tolerated_seconds: float) -> ApiError:
    return ApiError(
        "ExpiredIteratorException",
        f"Iterator expired. The iterator was created at time {_render_time(made_at)} while right now it is "
        f"{_render_time(now)} which is further in the future than the tolerated delay of "
        f"{int(tolerated_seconds * 1000)} milliseconds.",
    )


def _render_time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%a %b %d %H:%M:%S UTC %Y")


def invalid_token() -> ApiError:
    return invalid("Invalid NextToken.")


def token_expired() -> ApiError:
    return ApiError("ExpiredNextTokenException", "The NextToken has expired.")


def not_together(one: str, other: str) -> ApiError:
    return invalid(f"{one} and {other} cannot be provided together.")


def retention_too_short(hours: int) -> ApiError:
    return invalid(
        f"Minimum allowed retention period is 24 hours. Requested retention period ({hours} hours) is too short."
    )


def retention_too_long(hours: int) -> ApiError:
    return invalid(
        f"Maximum allowed retention period is 8760 hours. Requested retention period ({hours} hours) is too long."
    )


def retention_wrong_way(hours: int, name: str, existing: int, way: str, other: str) -> ApiError:
    return invalid(
        f"Requested retention period ({hours} hours) for stream {name} can not be {way} than existing retention period "
        f"({existing} hours). Use {other}RetentionPeriod API."
    )


def scaled_too_far(way: str, current: int, target: int) -> ApiError:
    return invalid(
        f"UpdateShardCount cannot scale {way} your current open shard count. Current open shard count: {current} "
        f"Target shard count: {target}"
    )


def scaled_too_often(name: str, account: str, limit: int) -> ApiError:
    return limit_exceeded(
        f"Stream {name} under account {account} can be scaled with UpdateShardCount only {limit} times in 24 hours."
    )


def records_too_large(limit_mib: int) -> ApiError:
    return invalid(f"Records size exceeds {limit_mib} MB limit")


def consumer_not_found(named: str, account: str) -> ApiError:
    return not_found(f"Consumer {named}, account {account} not found.")


def consumer_exists(consumer: str, stream: str, account: str) -> ApiError:
    return in_use(f"Consumer {consumer} under stream {stream} already exists for account {account}.")


def too_many_consumers(stream: str, limit: int) -> ApiError:
    return limit_exceeded(f"Stream {stream} cannot have more than {limit} registered consumers.")


def queue_not_found(arn: str, account: str) -> ApiError:
    return not_found(f"Queue {arn} under account {account} not found.")


def queue_exists(name: str, account: str) -> ApiError:
    return in_use(f"Queue {name} under account {account} already exists.")


def stream_has_queues(name: str, account: str) -> ApiError:
    return in_use(f"Stream {name} under account {account} has queues. Delete them first.")


def consumer_not_named() -> ApiError:
    return invalid("Either ConsumerARN or StreamARN and ConsumerName must be provided.")


def subscribed_already(consumer: str, shard_id: str) -> ApiError:
    return in_use(
        f"Another active subscription exists for this consumer: {consumer} and shard {shard_id}. "
        "Wait 5 seconds before subscribing again."
    )


def subscription_taken_over() -> ApiError:
    return in_use("Another subscription of this consumer to this shard has taken over.")


def no_policy(arn: str) -> ApiError:
    return not_found(f"No resource policy found for resource ARN {arn}.")


def illegal_tags(verb: str, name: str, account: str) -> ApiError:
    return invalid(
        f"Failed to {verb} stream {name} under account {account} because some tags contained illegal characters. The "
        "allowed characters are Unicode letters, white-spaces, '_',',','/','=','+','-','@'."
    )


def invalid_tag_characters() -> ApiError:
    return invalid(
        "Some tags contain invalid characters. Valid characters: Unicode letters, digits, white space, _ . / = + - % @."
    )


def too_many_tags(name: str, account: str, most: int) -> ApiError:
    return invalid(
        f"Failed to add tags to stream {name} under account {account} because a given stream cannot have more than "
        f"{most} tags associated with it."
    )


def dry_run() -> ApiError:
    return ApiError("DryRunOperationException", "Request would have succeeded, but DryRun flag is set.")
