"""Whether a service may invoke a function for a resource: an API, a topic, a rule, a bucket. The function's own policy
decides, for the function, version or alias that is invoked, as its ARN names it.

Every invocation that a service pushes comes through here. Services that act with a role of the user's (pipes,
schedules, state machines, mappings) name no resource: the role's policies are theirs to ask.
https://docs.aws.amazon.com/lambda/latest/dg/permissions-function-services.html
"""

from __future__ import annotations

import re

import msgspec

from mrak.auth.evaluation import AuthorizationRequest, Decision, Named, PolicySet, denial_message, evaluate
from mrak.auth.policy import parse_policy
from mrak.auth.principals import Principal, service_principal
from mrak.core import context
from mrak.core.context import Transaction
from mrak.core.errors import ApiError
from mrak.services.lambda_.references import LATEST, Reference, function_arn
from mrak.services.lambda_.tables import POLICIES

_ACTION = "lambda:InvokeFunction"
# CloudWatch Logs goes by a name with its region and one without; permissions name either.
_REGIONAL = re.compile(r"([a-z0-9-]+)\.[a-z]{2}(-[a-z]+)+-\d(\.amazonaws\.com)")


def require_permission(tx: Transaction, ref: Reference, principal: context.Principal, now: float) -> None:
    """Raises AccessDeniedException where a service acts for a resource that the function's policy does not let in."""
    if not isinstance(principal, Principal) or principal.kind != "service" or not principal.source_arn:
        return
    request = _request(ref, principal, now)
    decision = _decide(tx, ref, request)
    if not decision.allowed:
        raise ApiError("AccessDeniedException", denial_message(decision, request), 403)


def permits(tx: Transaction, ref: Reference, service: str, source: tuple[str, str], now: float) -> bool:
    """Whether a service (`s3.amazonaws.com`) may invoke for a resource: its account and ARN."""
    request = _request(ref, service_principal(service, *source), now)
    return _decide(tx, ref, request).allowed


def _request(ref: Reference, principal: Principal, now: float) -> AuthorizationRequest:
    qualifier = "" if ref.qualifier == LATEST else ref.qualifier
    resource = function_arn(ref.scope, ref.name, qualifier)
    # A bucket's ARN names no account: the service says whose it is.
    account = principal.source_arn.split(":")[4] or principal.account
    keys = {"aws:sourceaccount": account}
    return AuthorizationRequest(principal, _ACTION, resource, now, ref.scope.account, keys)


def find_policy(tx: Transaction, ref: Reference) -> str | None:
    """The policy of the function, or of the version or alias, that a reference names."""
    policy = POLICIES.get(tx, ref.scope, ref.name, "" if ref.qualifier == LATEST else ref.qualifier)
    if policy is None:
        return None
    return msgspec.json.encode({"Version": "2012-10-17", "Statement": policy.statements}).decode()


def _decide(tx: Transaction, ref: Reference, request: AuthorizationRequest) -> Decision:
    text = find_policy(tx, ref)
    if text is None:
        return evaluate(request, PolicySet())
    policies = PolicySet(resource=Named("function policy", parse_policy(text)))
    decision = evaluate(request, policies)
    regional = _REGIONAL.fullmatch(request.principal.name)
    if decision.allowed or regional is None:
        return decision
    principal = msgspec.structs.replace(request.principal, name=regional[1] + regional[3])
    return evaluate(msgspec.structs.replace(request, principal=principal), policies)
