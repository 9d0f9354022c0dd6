"""Whether a caller may use a resource that may have a policy of its own: by that, and by the caller's policies.

Within one account either side may allow, across accounts both have to; a denial on either side binds all. Root, and
services that act on their own, are kept out by nothing but the resource's policy.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

import logging
from functools import lru_cache

import msgspec

from mrak.auth.evaluation import (
    RESOURCE,
    AuthorizationRequest,
    Decision,
    Named,
    PolicySet,
    denial_message,
    evaluate,
    matching_statements,
)
from mrak.auth.policy import parse_policy
from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.errors import ApiError
from mrak.core.scope import Scope
from mrak.services.iam import effective

deviation("IAM-005")

log = logging.getLogger("mrak.iam")


@lru_cache(maxsize=1024)
def _named(policy: str) -> Named | None:
    try:
        return Named("resource-based policy", parse_policy(policy))
    except ApiError:
        # What is a policy to the service and not to IAM allows nothing and denies nothing.
        return None


def authorize(ctx: Context, tx: Transaction, request: AuthorizationRequest, policy: str | None) -> None:
    """Raises AccessDeniedException where the caller may not do it. `policy` is the resource's, where it has one."""
    decision = decide(ctx, tx, request, policy)
    if not decision.allowed:
        raise ApiError("AccessDeniedException", denial_message(decision, request))


def decide(ctx: Context, tx: Transaction, request: AuthorizationRequest, policy: str | None) -> Decision:
    is_own = request.resource_account == ctx.scope.account
    principal = request.principal
    named = None if policy is None else _named(policy)
    policies = None
    if principal.is_judged:
        policies = effective.find_policies_of(tx, Scope(ctx.scope.environment, principal.account, ""), principal)
    if policies is None:
        return _decide_without(request, named, is_own)
    decision = evaluate(request, msgspec.structs.replace(policies, resource=named))
    without = _decide_without(request, named, is_own)
    return without if without.allowed and lets_pass(ctx, decision, request) else decision


def lets_pass(ctx: Context, decision: Decision, request: AuthorizationRequest) -> bool:
    """Whether something may be done. What a service does with a role that lacks the permission is let pass and told,
    unless `mrak up --iam enforce` says otherwise: such roles are often made for want of any."""
    if decision.allowed:
        return True
    if not request.principal.is_of_service or ctx.part("iam") == "enforce":
        return False
    ctx.annotate("hint", f"AWS would refuse it: {denial_message(decision, request)}")
    _tell(request.principal.policy_arn, request.action, request.resource)
    return True


@lru_cache(maxsize=4096)
def _tell(role: str, action: str, resource: str) -> None:
    """Once for each permission that a role lacks."""
    log.warning(
        "%s lacks %s on %s: AWS would refuse what was let pass here, and so does `mrak up --iam enforce`",
        role,
        action,
        resource,
    )


def _decide_without(request: AuthorizationRequest, named: Named | None, is_own: bool) -> Decision:
    """For who has no policies of its own: others need the resource's policy, its own account must not be denied."""
    found = matching_statements(request, PolicySet(resource=named))
    is_denied = any(not statement.allows for _, _, statement in found)
    return Decision(not is_denied and (is_own or bool(found)), is_denied, RESOURCE)
