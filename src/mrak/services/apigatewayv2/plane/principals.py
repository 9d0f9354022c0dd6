"""AWS principals at an API: whether the caller may invoke it, and as whom an integration's role acts."""

from __future__ import annotations

from mrak.auth.evaluation import AuthorizationRequest, denial_message, evaluate
from mrak.auth.principals import Principal
from mrak.core.arn import find_arn
from mrak.core.context import Context, Transaction
from mrak.services.iam import exports as iam

_INVOKE = "execute-api:Invoke"
_SESSION = "BackplaneAssumeRoleSession"


async def find_denial(ctx: Context, resource: str) -> str | None:
    """Why the caller, who signed, may not invoke a method; None where its policies let it."""
    principal = ctx.principal
    assert isinstance(principal, Principal)
    policies = await ctx.transact(lambda tx: iam.policies_of(tx, ctx.scope.environment, principal))
    request = AuthorizationRequest(principal, _INVOKE, resource, ctx.clock(), ctx.scope.account)
    decision = evaluate(request, policies)
    return None if decision.allowed else denial_message(decision, request)


async def role_session(ctx: Context, role_arn: str) -> Principal:
    """API Gateway in a session of a role that its user named; a role that is not there has no policies."""

    def look(tx: Transaction) -> Principal | None:
        return iam.find_role_session(tx, ctx.scope.environment, role_arn, _SESSION)

    found = await ctx.transact(look)
    if found is not None:
        return found
    parsed = find_arn(role_arn)
    account = ctx.scope.account if parsed is None else parsed.account
    role = role_arn.rpartition("/")[2]
    session_arn = f"arn:{ctx.scope.partition}:sts::{account}:assumed-role/{role}/{_SESSION}"
    return Principal(
        "role-session", account, session_arn, f"{role}:{_SESSION}", role, issuer_arn=role_arn, is_of_service=True
    )
