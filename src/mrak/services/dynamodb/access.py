"""What a table's resource policy says to a request: who of other accounts may use the table, and whom it denies.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/access-control-resource-based.html

Whoever is of another account needs the policy to allow the action. The table's own account may do what the policy does
not deny; the policies of its users and roles are not asked (DYNAMODB-011).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from mrak.auth.evaluation import (
    RESOURCE,
    AuthorizationRequest,
    Decision,
    Named,
    PolicySet,
    denial_message,
    matching_statements,
)
from mrak.auth.policy import parse_policy
from mrak.core.arn import arn
from mrak.core.context import Context
from mrak.core.deviations import deviation
from mrak.core.errors import ApiError
from mrak.core.scope import Scope

deviation("DYNAMODB-011")


@lru_cache(maxsize=1024)
def _named(policy: str) -> PolicySet:
    try:
        return PolicySet(resource=Named("resource-based policy", parse_policy(policy)))
    except ApiError:
        # What is a policy to DynamoDB and not to IAM allows nothing and denies nothing.
        return PolicySet()


def check(ctx: Context, scope: Scope, resource: str, policy: str | None, action: str = "") -> None:
    """Raises AccessDeniedException where the policy of a table or stream (None: no policy, or nothing there) keeps
    the caller out. `action` is the operation's own unless it is one that has no permission of its name."""
    is_own = scope.account == ctx.scope.account
    if is_own and policy is None:
        return
    principal: Any = ctx.principal
    action, named = action or ctx.operation, arn(scope, "dynamodb", resource)
    request = AuthorizationRequest(principal, f"dynamodb:{action}", named, ctx.now, scope.account, {})
    found = [] if policy is None else matching_statements(request, _named(policy))
    is_denied = any(not statement.allows for _, _, statement in found)
    if is_denied or (not is_own and not found):
        decision = Decision(allowed=False, is_explicit=is_denied, policy_kind=RESOURCE)
        raise ApiError("AccessDeniedException", denial_message(decision, request))
