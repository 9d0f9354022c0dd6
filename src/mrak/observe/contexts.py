"""Which service context a usage belongs to: the one whose stack owns what was used.

A context is a stack, by its name, or by the value of its tag `service-context` where it has one (so that several stacks
can be one context); a nested stack is its root's. Usage of a resource that no stack owns (an event put onto the default
bus) belongs to the stack that owns the role on whose behalf it was used; what neither tells is shown as `(none)`.

On AWS the same question is answered by cost allocation tags, which every resource of a stack gets from its stack.
Stacks that were deleted still own what they used.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from mrak.core.context import Transaction
from mrak.core.scope import Scope

NONE = "(none)"

# Texts, which `re` compiles and keeps when they are first used: this module is loaded at every start.
_ROLE = r"arn:[^:]+:sts::\d*:assumed-role/([^/]+)/|arn:[^:]+:iam::\d*:role/(?:.*/)?([^/]+)$"
_API = r".*/(?:restapis|apis)/([^/]+)"
# service -> how its resource is found in what a record is about. Group 1 is what stacks know it by.
_FORMS = {
    "s3": r"arn:[^:]+:s3:::([^/]+)",
    "lambda": r".*:function:([^:/]+)",
    "dynamodb": r"(?:.*:table/)?([^/:]+)",
    "sqs": r"(?:.*[:/])?([^:/]+)$",
    "kinesis": r".*:stream/([^/]+)",
    "stepfunctions": r".*:(?:stateMachine|execution|express):([^:]+)",
    "execute-api": _API,
    "apigatewaymanagementapi": _API,
    "logs": r".*:log-group:(?:/aws/lambda/)?([^:]+)",
    "cloudfront": r".*:distribution/([^/]+)",
    "cognito-idp": r".*:userpool/([^/]+)",
}
# The second part of a type's name -> the service that its usage is recorded under, where that is not it in lower case.
_RECORDED_AS = {"ApiGateway": "execute-api", "ApiGatewayV2": "execute-api", "Cognito": "cognito-idp"}
# What owns the usage of a service under another name: a function's log group is its function's, whether or not the
# stack has made it, and connections are of their API.
_OWNED_AS = {"logs": ("logs", "lambda"), "apigatewaymanagementapi": ("execute-api",)}
# What comes after the last separator in a physical id: names stay, ARNs and URLs end with the name.
_TAIL = r"[^:/|]+$"


def resource_of(service: str, resource: str) -> str:
    """The name of the resource that a record is about: not the object in the bucket, but the bucket."""
    form = _FORMS.get(service)
    match = re.match(form, resource) if form is not None else None
    return match[1] if match else resource


@lru_cache(maxsize=1024)
def role_of(principal: str) -> str:
    """The name of the role that a principal's ARN says; "" where it is none."""
    match = re.match(_ROLE, principal)
    return (match[1] or match[2]) if match else ""


class Contexts:
    """All stacks of an account, deleted ones too, and what they own."""

    def __init__(self, tx: Transaction, places: Iterable[Scope]) -> None:
        from mrak.services.cloudformation.exports import list_owned

        self._owners: dict[tuple[str, str], str] = {}
        for place in places:
            for owned in list_owned(tx, place):
                kind = _kind_of(owned.type)
                for name in _names(kind, owned.physical_id):
                    self._owners[kind, name] = owned.tags.get("service-context", owned.stack_name)

    def find(self, service: str, resource: str, role: str) -> str:
        kinds = _OWNED_AS.get(service, (service,))
        owned = next((self._owners[kind, resource] for kind in kinds if (kind, resource) in self._owners), None)
        return owned or self._owners.get(("role", role), NONE)


def _kind_of(resource_type: str) -> str:
    """What the usage of such a resource is recorded under."""
    family = resource_type.split("::")[1]
    return "role" if resource_type == "AWS::IAM::Role" else _RECORDED_AS.get(family, family.lower())


def _names(kind: str, physical_id: str) -> set[str]:
    """What records may call a resource: its physical id, or the name in it."""
    tail = re.search(_TAIL, physical_id)
    return {physical_id, resource_of(kind, physical_id), *([tail[0]] if tail else [])}
