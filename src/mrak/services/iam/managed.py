"""Managed policies: the account's own, which are rows, and AWS's, which are data.

Invariant: a policy's `default_version` is one of its `versions`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from mrak.core.context import Transaction
from mrak.core.deviations import deviation
from mrak.core.scope import Scope
from mrak.services.iam import awsmanaged, errors, names
from mrak.services.iam.tables import ATTACHMENTS, POLICIES, ManagedPolicy, Version

MOST_BYTES = 6144
MOST_VERSIONS = 5

_ARN = re.compile(r"arn:aws[a-z-]*:iam::(aws|[0-9]{12}):policy(/(?:[\w+=,.@/-]*/)?)([\w+=,.@-]+)")
# AWS's policies have no dates here that anyone could rely on; one moment stands for all.
_AWS_CREATED_AT = 1_423_000_000.0


def parse_arn(arn: str) -> tuple[str, str, str]:
    """(owner, path, name) of a policy's ARN; the owner of AWS's is "aws"."""
    found = _ARN.fullmatch(arn)
    if found is None:
        raise errors.validation(f"ARN {arn} is not valid.")
    return found[1], found[2], found[3]


def is_aws(arn: str) -> bool:
    return parse_arn(arn)[0] == "aws"


def path_of(arn: str) -> str:
    return parse_arn(arn)[1]


def exists(tx: Transaction, scope: Scope, arn: str) -> bool:
    """Whether a policy can be attached."""
    if is_aws(arn):
        # AWS has more than a thousand. Those that are not built in can be attached and grant nothing.
        deviation("IAM-001")
        return True
    return find(tx, scope, arn) is not None


def find(tx: Transaction, scope: Scope, arn: str) -> ManagedPolicy | None:
    """The policy that an ARN names, AWS's included."""
    owner, path, name = parse_arn(arn)
    if owner == "aws":
        return _aws_policy(path, name)
    found = POLICIES.get(tx, scope.account_wide(), name.lower())
    return found if owner == scope.account and found is not None and found.path == path else None


def require(tx: Transaction, scope: Scope, arn: str) -> ManagedPolicy:
    found = find(tx, scope, arn)
    if found is None:
        raise errors.policy_not_found(arn)
    return found


def open_(tx: Transaction, scope: Scope, arn: str) -> ManagedPolicy:
    """A policy of the account, opened for writing."""
    if is_aws(arn):
        raise errors.aws_policy_is_fixed(arn)
    POLICIES.lock(tx, scope.account_wide(), names.name_in(arn).lower())
    return require(tx, scope, arn)


def document_of(tx: Transaction, scope: Scope, arn: str) -> str | None:
    """The default version's document; None for a policy that is not known."""
    policy = find(tx, scope, arn)
    return None if policy is None else require_version(policy, arn, policy.default_version).document


def require_version(policy: ManagedPolicy, arn: str, version_id: str) -> Version:
    for version in policy.versions:
        if version.id == version_id:
            return version
    raise errors.version_not_found(arn, version_id)


def _aws_policy(path: str, name: str) -> ManagedPolicy | None:
    document = awsmanaged.documents().get((path, name))
    if document is None:
        return None
    return ManagedPolicy(
        key=name.lower(),
        name=name,
        path=path,
        id="ANPA" + re.sub(r"[^A-Z2-7]", "A", name.upper())[:17].ljust(17, "A"),
        created_at=_AWS_CREATED_AT,
        updated_at=_AWS_CREATED_AT,
        versions=(Version("v1", document, _AWS_CREATED_AT),),
    )


def aws_policies() -> Iterator[tuple[str, ManagedPolicy]]:
    """(ARN, policy) of all that AWS has and we know, by name."""
    for path, name in sorted(awsmanaged.documents(), key=lambda row: row[1].lower()):
        policy = _aws_policy(path, name)
        assert policy is not None
        yield f"arn:aws:iam::aws:policy{path}{name}", policy


def count_uses(tx: Transaction, scope: Scope, arn: str, use: str) -> int:
    return ATTACHMENTS.count(tx, scope.account_wide(), arn, use)


def render(tx: Transaction, scope: Scope, arn: str, policy: ManagedPolicy) -> dict[str, Any]:
    """A policy as listings show it."""
    return {
        "PolicyName": policy.name,
        "PolicyId": policy.id,
        "Arn": arn,
        "Path": policy.path,
        "DefaultVersionId": policy.default_version,
        "AttachmentCount": count_uses(tx, scope, arn, "attached"),
        "PermissionsBoundaryUsageCount": count_uses(tx, scope, arn, "boundary"),
        "IsAttachable": True,
        "CreateDate": policy.created_at,
        "UpdateDate": policy.updated_at,
    }


def render_whole(tx: Transaction, scope: Scope, arn: str, policy: ManagedPolicy) -> dict[str, Any]:
    """A policy as GetPolicy shows it."""
    shown = render(tx, scope, arn, policy) | {"Tags": names.render_tags(policy.tags)}
    return shown | ({"Description": policy.description} if policy.description else {})
