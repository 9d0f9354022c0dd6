"""What a host name says: environment, service, resource and region.

    alice.localhost                          environment
    assets.s3.localhost                      S3 bucket, virtual-host style; also s3.us-east-1.localhost
    assets.s3-website.us-east-1.localhost    S3 website
    abc123.execute-api.localhost             an API Gateway API
    xyz.lambda-url.us-east-1.localhost       a function URL
    d111.cloudfront.localhost                a distribution
    app.auth.us-east-1.localhost             a user pool's pages, by its domain; also .amazoncognito.com
    sqs.us-east-1.localhost                  a service's endpoint
    111122223333.localhost                   S3 Control, with the caller's account
    point-111122223333.localhost             an S3 access point; also point-111122223333.s3-accesspoint.localhost

    anything-else.localhost                  for S3 a bucket, where no environment has that name

An environment's name may stand before the base: `abc123.execute-api.alice.localhost`. The bases are `localhost`,
LocalStack's `localhost.localstack.cloud`, and AWS's own `amazonaws.com` for clients that are pointed here by a proxy
or the hosts file. Any other host says nothing.
"""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec

_BASES = (".localhost.localstack.cloud", ".localhost", ".amazonaws.com", ".amazoncognito.com", ".cloudfront.net")
_REGION = re.compile(r"(?:us|eu|ap|sa|ca|me|af|il|mx|cn)(?:-gov|-iso[a-z]?)?-[a-z]+-\d")
_ACCOUNT = re.compile(r"\d{12}")
_ACCESS_POINT = re.compile(r"[a-z0-9][a-z0-9-]{1,48}[a-z0-9]-\d{12}")
_RESOURCES = {
    "s3": "s3",
    "s3-website": "s3-website",
    "execute-api": "execute-api",
    "lambda-url": "lambda-url",
    "cloudfront": "cloudfront",
    "auth": "cognito-idp",
}


class HostParts(msgspec.Struct, frozen=True):
    """`kind` is one of the resource kinds above with `name` the resource (a bucket, an API); or "service" with `name`
    an endpoint prefix; or "" where the host says nothing more than perhaps an environment."""

    kind: str = ""
    name: str = ""
    region: str = ""
    environment: str = ""


_NOTHING = HostParts()


@lru_cache(maxsize=4096)
def parse_host(host: str) -> HostParts:
    """The parts of a Host header (lower case, perhaps with a port)."""
    name = host.rpartition(":")[0] if ":" in host and not host.endswith("]") else host
    dotted = "." + name
    for base in _BASES:
        if dotted.endswith(base) and len(dotted) > len(base):
            labels = dotted[1 : -len(base)].split(".")
            if base == ".cloudfront.net":
                labels.append("cloudfront")
            return _parse_labels(labels)
    return _NOTHING


def _parse_labels(labels: list[str]) -> HostParts:
    if not any(label in _RESOURCES or label.startswith("s3-website") for label in labels[1:]):
        # S3 Control's clients put the account before the endpoint; those of an access point, its name and account.
        if _ACCOUNT.fullmatch(labels[0]):
            return _parse_labels(labels[1:]) if labels[1:] else _NOTHING
        if _ACCESS_POINT.fullmatch(labels[0]):
            rest = _parse_labels(["s3", *(label for label in labels[1:] if label != "s3-accesspoint")])
            return HostParts("s3", labels[0], rest.region, rest.environment)
    environment = region = ""
    for at in range(len(labels) - 1, -1, -1):
        label = labels[at]
        if _REGION.fullmatch(label):
            region = label
            continue
        website_region = label.removeprefix("s3-website-")
        if website_region != label and _REGION.fullmatch(website_region):
            label, region = "s3-website", website_region
        if label in _RESOURCES:
            name = ".".join(labels[:at])
            if name:
                return HostParts(_RESOURCES[label], name, region, environment)
            return HostParts("service", label, region, environment)
        if not environment and not region and at == len(labels) - 1 and not _is_endpoint(labels):
            environment = label
            continue
        return HostParts("service", ".".join(labels[: at + 1]), region, environment)
    return HostParts("", "", region, environment)


def _is_endpoint(labels: list[str]) -> bool:
    """A lone service name such as `sqs.localhost`; environments may not have such a name (RESERVED_NAMES)."""
    return len(labels) == 1 and labels[0] in RESERVED_NAMES


RESERVED_NAMES = frozenset(
    {
        *_RESOURCES, "sqs", "sns", "dynamodb", "streams", "lambda", "iam", "sts", "logs", "monitoring", "events",
        "states", "sync-states", "cognito-idp", "cognito-identity", "apigateway", "cloudformation", "cloudfront", "ssm",
        "secretsmanager", "kms", "scheduler", "pipes", "schemas", "xray", "kinesis", "firehose", "s3-control",
    }
)  # fmt: skip

_ACCOUNT_ENDING = re.compile(r"(?:.*-)?\d{12}")


def may_name_environment(name: str) -> bool:
    """Whether `name.localhost` can mean an environment: not a service, a region, an account or an access point."""
    return name not in RESERVED_NAMES and not _REGION.fullmatch(name) and not _ACCOUNT_ENDING.fullmatch(name)
