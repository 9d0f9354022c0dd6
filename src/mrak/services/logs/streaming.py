"""Log events on their way to a Kinesis stream: packed as AWS does, and the test message that a new subscription sends.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html
"""

from __future__ import annotations

import gzip
from typing import Any

import msgspec

from mrak.core.arn import find_arn
from mrak.core.context import Context, Principal
from mrak.core.errors import ApiError
from mrak.services.logs import errors


def pack(message: dict[str, Any]) -> bytes:
    return gzip.compress(msgspec.json.encode(message), 6, mtime=0)


async def put(ctx: Context, stream_arn: str, message: dict[str, Any], principal: Principal) -> None:
    """Puts a message into a stream, also of another account, whose destination's role lets it in."""
    found = find_arn(stream_arn)
    assert found is not None, stream_arn
    key = message["logStream"] or ctx.draw.hex(32)
    params = {"StreamARN": stream_arn, "Data": pack(message), "PartitionKey": key}
    scope = found.scope_in(ctx.scope.environment)
    await ctx.call("kinesis", "PutRecord", params, scope=scope, principal=principal)


async def send_test(ctx: Context, stream_arn: str, principal: Principal) -> None:
    """AWS tries a stream before it accepts a filter; consumers see the message and have to pass it over."""
    event = {
        "id": "",
        "timestamp": int(ctx.now * 1000),
        "message": "CWL CONTROL MESSAGE: Checking health of destination Kinesis stream.",
    }
    message = {
        "messageType": "CONTROL_MESSAGE",
        "owner": "CloudwatchLogs",
        "logGroup": "",
        "logStream": "",
        "subscriptionFilters": [],
        "logEvents": [event],
    }
    try:
        await put(ctx, stream_arn, message, principal)
    except ApiError:
        raise errors.invalid_parameter(
            "Could not deliver test message to specified Kinesis stream. "
            "Check if the given Kinesis stream is in ACTIVE state."
        ) from None
