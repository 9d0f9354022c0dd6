"""What temporary credentials stand for, and their issue. Nothing is stored: the session is in its token."""

from __future__ import annotations

from typing import Any

from mrak.auth.credentials import Session, issue_session
from mrak.auth.policy import parse_policy
from mrak.auth.principals import Principal
from mrak.core.arn import Arn, find_arn
from mrak.core.context import Context, Transaction
from mrak.services.iam import exports as iam
from mrak.services.iam.exports import Role
from mrak.services.sts import errors

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html#reference_iam-quotas-entity-length
_MOST_POLICY_CHARACTERS = 2048
_MOST_TAGS = 50

Tags = tuple[tuple[str, str], ...]
Claims = tuple[tuple[str, tuple[str, ...]], ...]


def caller_of(ctx: Context) -> Principal:
    principal = ctx.principal
    assert isinstance(principal, Principal)
    return principal


def credentials(ctx: Context, session: Session) -> dict[str, Any]:
    """Issues a session, in AWS's shape."""
    key, secret, token = issue_session(ctx.part("server_secret"), session, ctx.draw)
    return {"AccessKeyId": key, "SecretAccessKey": secret, "SessionToken": token, "Expiration": session.expiration}


def require_role_arn(role_arn: str) -> Arn:
    parsed = find_arn(role_arn)
    if parsed is None or parsed.service != "iam":
        raise errors.validation(f"{role_arn} is invalid")
    return parsed


def assume(
    ctx: Context,
    tx: Transaction,
    req: dict[str, Any],
    role: Role,
    *,
    tags: Tags = (),
    transitive: tuple[str, ...] = (),
    source_identity: str = "",
    claims: Claims = (),
) -> dict[str, Any]:
    """A session of a role, whose trust policy has been asked, in the shape that all AssumeRole operations share."""
    seconds = req.get("DurationSeconds", 3600)
    if seconds > role.max_session_seconds:
        raise errors.too_long_for_role()
    packed = packed_size(req)
    parsed, name = require_role_arn(req["RoleArn"]), req["RoleSessionName"]
    session = Session(
        environment=ctx.scope.environment,
        account=parsed.account,
        kind="role-session",
        arn=f"arn:{parsed.partition}:sts::{parsed.account}:assumed-role/{role.name}/{name}",
        user_id=f"{role.id}:{name}",
        name=role.name,
        expiration=float(int(ctx.now) + seconds),
        issuer_arn=req["RoleArn"],
        source_identity=source_identity,
        tags=tags or tuple(role.tags.items()),
        transitive_tag_keys=transitive,
        session_policies=session_policies(ctx, tx, req),
        issued_at=ctx.now,
        claims=claims,
    )
    assumed = {"AssumedRoleId": session.user_id, "Arn": session.arn}
    return {"Credentials": credentials(ctx, session), "AssumedRoleUser": assumed} | packed


def session_policies(ctx: Context, tx: Transaction, req: dict[str, Any]) -> tuple[str, ...]:
    """The policies that a request caps the session with; checked."""
    texts: list[str] = []
    if "Policy" in req:
        parse_policy(req["Policy"], "session")
        texts.append(req["Policy"])
    for given in req.get("PolicyArns", []):
        document = iam.find_policy_document(tx, ctx.scope, given.get("arn", ""))
        if document is None:
            raise errors.validation(f"The specified policy {given.get('arn', '')} does not exist.")
        texts.append(document)
    return tuple(texts)


def packed_size(req: dict[str, Any]) -> dict[str, int]:
    """PackedPolicySize: how much of the allotted space policies and tags take, in per cent."""
    characters = len(req.get("Policy", "")) + sum(len(tag["Key"]) + len(tag["Value"]) for tag in req.get("Tags", []))
    characters += sum(len(given.get("arn", "")) for given in req.get("PolicyArns", []))
    if not characters:
        return {}
    percent = -(-characters * 100 // _MOST_POLICY_CHARACTERS)
    if percent > 100:
        raise errors.packed_policy_too_large(percent)
    return {"PackedPolicySize": percent}


def session_tags(req: dict[str, Any], caller: Principal, role_tags: dict[str, str]) -> tuple[Tags, tuple[str, ...]]:
    """(tags, transitive keys) of a new session: the role's, those passed on along a chain, those given now.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html
    """
    given = req.get("Tags", [])
    keys = [tag["Key"].lower() for tag in given]
    if len(set(keys)) != len(keys):
        raise errors.invalid_parameter("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
    if len(keys) > _MOST_TAGS:
        raise errors.invalid_parameter(f"The number of session tags must not exceed {_MOST_TAGS}.")
    transitive = tuple(req.get("TransitiveTagKeys", ()))
    if any(key.lower() not in keys for key in transitive):
        raise errors.invalid_parameter("The specified transitive tag key must be included in the requested tags.")
    passed_on = {key.lower() for key in caller.transitive_tag_keys}
    inherited = {key: value for key, value in caller.tags if key.lower() in passed_on}
    if passed_on.intersection(keys):
        raise errors.invalid_parameter("One of the specified transitive tag keys can't be set because it conflicts "
                                       "with a transitive tag key from the calling session.")  # fmt: skip
    merged = {key.lower(): (key, value) for key, value in role_tags.items()}
    merged |= {key.lower(): (key, value) for key, value in inherited.items()}
    merged |= {tag["Key"].lower(): (tag["Key"], tag["Value"]) for tag in given}
    return tuple(merged.values()), caller.transitive_tag_keys + transitive
