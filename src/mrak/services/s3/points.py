"""Access points: other names of a bucket. s3control makes them; requests find the bucket by one's alias or host name.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-points.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from mrak.auth.policy import parse_policy
from mrak.core.arn import arn
from mrak.core.context import Transaction
from mrak.core.deviations import deviation
from mrak.core.errors import ApiError
from mrak.core.scope import Scope
from mrak.services.s3 import errors
from mrak.services.s3.tables import PUBLIC_ACCESS_BITS, everywhere
from mrak.store.tables import Table

deviation("S3-007")

ALIAS_END = "-s3alias"
ALL_BLOCKED = (1 << len(PUBLIC_ACCESS_BITS)) - 1
# NAME-ACCOUNT is what an access point's host begins with.
_HOST_LABEL = re.compile(r"([a-z0-9][a-z0-9-]{1,48}[a-z0-9])-(\d{12})")


class AccessPoint(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """`public_access` is like a bucket's; `vpc` is the VPC that it is meant for, if any."""

    account: str
    region: str
    name: str
    alias: str
    bucket: str
    bucket_account: str
    created_at: float
    public_access: int = ALL_BLOCKED
    policy: str = ""
    vpc: str = ""
    tags: dict[str, str] = {}


# (account, region, name) -> AccessPoint, environment-wide like buckets.
POINTS = Table("s3.point", AccessPoint, key=("account", "region", "name"), entity=1)
ALIASED = POINTS.index("aliased", ("alias",))
OF_BUCKET = POINTS.index("of-bucket", ("bucket",))


def point_arn(scope: Scope, name: str) -> str:
    return arn(scope, "s3", f"accesspoint/{name}")


def find_called(tx: Transaction, scope: Scope, name: str) -> AccessPoint | None:
    """The access point that requests call by its alias or host label."""
    if name.endswith(ALIAS_END):
        return next(ALIASED.scan(tx, everywhere(scope), name, limit=1), None)
    match = _HOST_LABEL.fullmatch(name)
    return None if match is None else POINTS.get(tx, everywhere(scope), match[2], scope.region, match[1])


def find(tx: Transaction, scope: Scope, name: str) -> AccessPoint | None:
    return POINTS.get(tx, everywhere(scope), scope.account, scope.region, name)


def resource_arn(point: AccessPoint, key: str) -> str:
    """What a request is for as the policy of an access point names it."""
    whole = f"arn:aws:s3:{point.region}:{point.account}:accesspoint/{point.name}"
    return f"{whole}/object/{key}" if key else whole


def conditions(point: AccessPoint) -> dict[str, str]:
    """What policies may ask about the way of a request."""
    return {
        "s3:dataaccesspointarn": resource_arn(point, ""),
        "s3:dataaccesspointaccount": point.account,
        "s3:accesspointnetworkorigin": "VPC" if point.vpc else "Internet",
    }


def list_all(tx: Transaction, scope: Scope, after: str = "") -> Iterator[AccessPoint]:
    return POINTS.scan(tx, everywhere(scope), scope.account, scope.region, after=after)


def add(tx: Transaction, scope: Scope, point: AccessPoint) -> None:
    POINTS.lock(tx, everywhere(scope), point.account)
    POINTS.insert(tx, everywhere(scope), point)


def change(tx: Transaction, scope: Scope, point: AccessPoint, **fields: Any) -> None:
    POINTS.lock(tx, everywhere(scope), point.account)
    POINTS.replace(tx, everywhere(scope), point, msgspec.structs.replace(point, **fields))


def delete(tx: Transaction, scope: Scope, point: AccessPoint) -> None:
    POINTS.lock(tx, everywhere(scope), point.account)
    POINTS.delete(tx, everywhere(scope), point)


def are_attached(tx: Transaction, scope: Scope, bucket: str) -> bool:
    return next(OF_BUCKET.scan(tx, everywhere(scope), bucket, limit=1), None) is not None


def check_policy(text: str) -> None:
    """Raises MalformedPolicy."""
    try:
        parse_policy(text)
    except ApiError as error:
        raise errors.malformed_policy(error.message) from None
