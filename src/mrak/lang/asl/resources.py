"""What a Task's Resource names: a function, an activity, or an operation of a service and how to wait for it.

https://docs.aws.amazon.com/step-functions/latest/dg/integrate-services.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

# AWS looks at neither region nor account here: a function that is nowhere fails its task.
_LAMBDA = re.compile(r"arn:aws[\w-]*:lambda:[a-z0-9-]+:[a-z0-9-]+:function:[\w-]+(:[\w$-]+)?")
_ACTIVITY = re.compile(r"arn:aws[\w-]*:states:[a-z0-9-]+:\d{12}:activity:.{1,80}")
_SDK = re.compile(
    r"arn:aws[\w-]*:states:([a-z0-9-]*):(\d{12})?:aws-sdk:([a-z0-9]+):([A-Za-z0-9]+)(\.waitForTaskToken)?"
)
_SERVICE = re.compile(
    r"arn:aws[\w-]*:states:([a-z0-9-]*):(\d{12})?:([a-z0-9-]+):([A-Za-z0-9]+)(\.sync(?::\d)?|\.waitForTaskToken)?"
)


@dataclass(frozen=True, slots=True)
class Resource:
    """`sort` is "lambda" (a function by its ARN), "activity", "sdk" or "service". `pattern` is "", ".sync", ".sync:2"
    or ".waitForTaskToken"."""

    arn: str
    sort: str
    service: str = ""
    operation: str = ""
    pattern: str = ""

    @property
    def type_name(self) -> str:
        """`resourceType` of history events."""
        return f"aws-sdk:{self.service}" if self.sort == "sdk" else self.service

    @property
    def name(self) -> str:
        """`resource` of history events."""
        return self.operation + self.pattern

    @property
    def waits(self) -> bool:
        """Whether the answer comes back by a token or from a job."""
        return bool(self.pattern) or self.sort == "activity"


@lru_cache(maxsize=2048)
def find_resource(arn: str) -> Resource | None:
    """The parts of a Resource; None where it is none."""
    if _LAMBDA.fullmatch(arn):
        return Resource(arn, "lambda")
    if _ACTIVITY.fullmatch(arn):
        return Resource(arn, "activity")
    match = _SDK.fullmatch(arn)
    if match is not None:
        return Resource(arn, "sdk", match.group(3), match.group(4), match.group(5) or "")
    match = _SERVICE.fullmatch(arn)
    if match is None:
        return None
    return Resource(arn, "service", match.group(3), match.group(4), match.group(5) or "")
