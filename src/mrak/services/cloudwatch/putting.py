"""What both kinds of alarms ask of the requests that put them.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
"""

from __future__ import annotations

from typing import Any

from mrak.core.arn import find_arn
from mrak.services.cloudwatch import errors

MOST_TAGS = 50


def check_actions(req: dict[str, Any]) -> None:
    for member in ("OKActions", "AlarmActions", "InsufficientDataActions"):
        for target in req.get(member, []):
            if find_arn(target) is None:
                raise errors.validation(f"Invalid arn syntax: {target}")


def parse_tags(tags: list[dict[str, str]], present: dict[str, str] | None = None) -> dict[str, str]:
    """The tags that there are afterwards."""
    if any(tag["Key"].lower().startswith("aws:") for tag in tags):
        raise errors.reserved_tags()
    joined = (present or {}) | {tag["Key"]: tag["Value"] for tag in tags}
    if len(joined) > MOST_TAGS:
        raise errors.too_many_tags()
    return joined
