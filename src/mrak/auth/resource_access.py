"""What a resource's own policy says to a request, for services whose resources have one: who of other accounts may use
the resource, and whom it denies.

Whoever is of another account needs the policy to allow the action. The resource's own account may do what the policy
does not deny; the policies of its users and roles are not asked.
"""

from __future__ import annotations

from functools import lru_cache

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
from mrak.core.errors import ApiError


@lru_cache(maxsize=1024)
def _named(policy: str) -> PolicySet:
    try:
        return PolicySet(resource=Named("resource-based policy", parse_policy(policy)))
    except ApiError:
        # What is a policy to the service and not to IAM allows nothing and denies nothing.
        return PolicySet()


def check_resource_policy(request: AuthorizationRequest, policy: str | None, is_own: bool) -> None:
    """Raises AccessDeniedException where the policy (None: there is none) keeps the caller out."""
    found = [] if policy is None else matching_statements(request, _named(policy))
    is_denied = any(not statement.allows for _, _, statement in found)
    if is_denied or (not is_own and not found):
        decision = Decision(allowed=False, is_explicit=is_denied, policy_kind=RESOURCE)
        raise ApiError("AccessDeniedException", denial_message(decision, request))
