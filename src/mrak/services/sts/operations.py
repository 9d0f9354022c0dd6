"""Every operation of STS that is built.

https://docs.aws.amazon.com/STS/latest/APIReference/
"""

from __future__ import annotations

from typing import Any

from mrak.auth.credentials import Session, account_of
from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.operation import operation
from mrak.services.iam import exports as iam
from mrak.services.sts import errors, sessions, trust

_HOUR_SECONDS = 3600
_DEFAULT_SECONDS = 12 * _HOUR_SECONDS


@operation("GetCallerIdentity")
def get_caller_identity(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return {"UserId": ctx.principal.user_id, "Account": ctx.principal.account, "Arn": ctx.principal.arn}


@operation("GetAccessKeyInfo")
def get_access_key_info(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    account = account_of(req["AccessKeyId"])
    if account is None:
        raise errors.validation(f"Invalid access key id {req['AccessKeyId']}.")
    return {"Account": account}


@operation("AssumeRole")
def assume_role(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    caller, role_arn = sessions.caller_of(ctx), req["RoleArn"]
    sessions.require_role_arn(role_arn)
    role = iam.find_role(tx, ctx.scope.environment, role_arn)
    if role is None:
        raise errors.not_authorized(caller.arn, "sts:AssumeRole", role_arn)
    tags, transitive = sessions.session_tags(req, caller, role.tags)
    # AWS lets no root user assume a role; here root is the key that everyone starts with.
    deviation("STS-001")
    trust.check_trust(ctx, tx, caller, role, req)
    seconds = req.get("DurationSeconds", _HOUR_SECONDS)
    if caller.kind == "role-session" and seconds > _HOUR_SECONDS:
        raise errors.too_long_for_chain()
    identity = req.get("SourceIdentity") or caller.source_identity
    answer = sessions.assume(ctx, tx, req, role, tags=tags, transitive=transitive, source_identity=identity)
    return answer | ({"SourceIdentity": identity} if identity else {})


@operation("GetSessionToken")
def get_session_token(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    caller = sessions.caller_of(ctx)
    if caller.is_session or caller.expiration is not None:
        raise errors.not_with_session("GetSessionToken")
    longest = _HOUR_SECONDS if caller.kind == "root" else _DEFAULT_SECONDS
    seconds = req.get("DurationSeconds", longest)
    # AWS caps a root user's session at an hour without saying so.
    seconds = min(seconds, _HOUR_SECONDS) if caller.kind == "root" else seconds
    session = Session(
        environment=ctx.scope.environment,
        account=caller.account,
        kind=caller.kind,
        arn=caller.arn,
        user_id=caller.user_id,
        name=caller.name,
        expiration=float(int(ctx.now) + seconds),
        tags=caller.tags,
        issued_at=ctx.now,
        is_mfa="TokenCode" in req,
    )
    return {"Credentials": sessions.credentials(ctx, session)}


@operation("GetFederationToken")
def get_federation_token(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    caller, name = sessions.caller_of(ctx), req["Name"]
    if caller.is_session or caller.expiration is not None:
        raise errors.not_with_session("GetFederationToken")
    packed = sessions.packed_size(req)
    tags, _ = sessions.session_tags(req, caller, dict(caller.tags))
    seconds = req.get("DurationSeconds", _DEFAULT_SECONDS)
    seconds = min(seconds, _HOUR_SECONDS) if caller.kind == "root" else seconds
    session = Session(
        environment=ctx.scope.environment,
        account=caller.account,
        kind="federated",
        arn=f"arn:{ctx.scope.partition}:sts::{caller.account}:federated-user/{name}",
        user_id=f"{caller.account}:{name}",
        name=name,
        expiration=float(int(ctx.now) + seconds),
        issuer_arn=caller.arn,
        tags=tags,
        session_policies=sessions.session_policies(ctx, tx, req),
        issued_at=ctx.now,
    )
    return {
        "Credentials": sessions.credentials(ctx, session),
        "FederatedUser": {"FederatedUserId": session.user_id, "Arn": session.arn},
    } | packed
