"""Whether a request is allowed, by all the policies that bear on it. Pure.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html

The order: an explicit deny anywhere wins; service control policies must allow; then within one account either side
may allow (identity-based policies capped by the permissions boundary and session policies, or a resource-based
policy), across accounts both sides must. Root needs no identity-based policy in its own account.

How a resource-based policy names the caller matters: the caller itself or everybody (`direct`) is final; a role
(`role`) still lies under the role's boundary and session policies; the account (`account`) only lets the account
decide, so the identity-based policies have to allow as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, Literal, Protocol

import msgspec

from mrak.auth.conditions import Values, as_text
from mrak.auth.policy import Policy, Statement, parse_policy
from mrak.auth.principals import Principal
from mrak.core.errors import ApiError

Level = Literal["direct", "role", "account"]

IDENTITY: Final = "identity-based policy"
RESOURCE: Final = "resource-based policy"
BOUNDARY: Final = "permissions boundary"
SESSION: Final = "session policy"
CONTROL: Final = "service control policy"

_RANK: Final[dict[Level, int]] = {"account": 1, "role": 2, "direct": 3}


class Lookup(Protocol):
    """Condition keys and their values; a dict is one."""

    def get(self, key: str, /) -> Any: ...


class AuthorizationRequest(msgspec.Struct, frozen=True):
    """Who wants to do what to which resource. `context` has lower-case keys (`aws:sourceip`).

    `resource_account` is the account that owns the resource; empty means the caller's own.
    """

    principal: Principal
    action: str
    resource: str
    now: float
    resource_account: str = ""
    context: Lookup = {}

    @property
    def is_cross_account(self) -> bool:
        return self.resource_account not in ("", self.principal.account)


class Named(msgspec.Struct, frozen=True):
    """A policy and what it is called where it is attached."""

    name: str
    policy: Policy


class PolicySet(msgspec.Struct, frozen=True):
    """All policies that bear on a request.

    None means that there is no such policy, which differs from an empty one: a boundary that allows nothing allows
    nothing. `needs_resource_policy`: identity-based policies alone do not suffice (role trust, KMS keys).
    """

    identity: tuple[Named, ...] = ()
    boundary: Named | None = None
    resource: Named | None = None
    session: tuple[Named, ...] = ()
    control: tuple[Named, ...] | None = None
    needs_resource_policy: bool = False


class Decision(msgspec.Struct, frozen=True):
    """The outcome, and the statement that made it (or the kind of policy that was missing one)."""

    allowed: bool
    is_explicit: bool
    policy_kind: str
    policy_name: str = ""
    statement: str = ""


def evaluate(request: AuthorizationRequest, policies: PolicySet) -> Decision:
    """Decide."""
    matcher = _Matcher(request)
    for kind, named in _all(policies):
        found = matcher.find(named, allows=False)
        if found is not None:
            return Decision(False, True, kind, named.name, found.label)
    if policies.control is not None and not matcher.first(policies.control):
        return _missing(CONTROL)
    grant, level = matcher.resource_grant(policies.resource)
    if request.principal.kind in ("anonymous", "service"):
        return grant if grant is not None and level == "direct" else _missing(RESOURCE)
    if request.is_cross_account:
        identity = _identity_side(request, policies, matcher, None)
        if not identity.allowed:
            return identity
        return grant if grant is not None else _missing(RESOURCE)
    if grant is not None and level == "direct":
        return grant
    if policies.needs_resource_policy and grant is None:
        return _missing(RESOURCE)
    return _identity_side(request, policies, matcher, grant if level == "role" else None)


def _identity_side(
    request: AuthorizationRequest, policies: PolicySet, matcher: _Matcher, grant: Decision | None
) -> Decision:
    """What the caller's own account says; `grant` is what stands in for an identity-based policy."""
    if request.principal.kind == "root":
        return Decision(True, False, IDENTITY, "root")
    decision = grant
    if decision is None:
        found = matcher.first(policies.identity)
        if found is None:
            return _missing(IDENTITY)
        decision = Decision(True, False, IDENTITY, found[0].name, found[1].label)
    if policies.boundary is not None and matcher.find(policies.boundary, allows=True) is None:
        return _missing(BOUNDARY)
    if policies.session and matcher.first(policies.session) is None:
        return _missing(SESSION)
    return decision


def _missing(kind: str) -> Decision:
    return Decision(False, False, kind)


def _all(policies: PolicySet) -> Iterator[tuple[str, Named]]:
    for named in policies.control or ():
        yield CONTROL, named
    for named in policies.identity:
        yield IDENTITY, named
    if policies.resource is not None:
        yield RESOURCE, policies.resource
    if policies.boundary is not None:
        yield BOUNDARY, policies.boundary
    for named in policies.session:
        yield SESSION, named


def matching_statements(request: AuthorizationRequest, policies: PolicySet) -> list[tuple[str, Named, Statement]]:
    """Every statement that speaks about the request, for the policy simulator."""
    matcher = _Matcher(request)
    return [
        (kind, named, statement)
        for kind, named in _all(policies)
        for statement in named.policy.statements
        if matcher.applies(statement, kind == RESOURCE)
    ]


class _Matcher:
    """One request, matched against statements. Context values are looked up when a policy asks for them."""

    __slots__ = ("_action", "_request")

    def __init__(self, request: AuthorizationRequest) -> None:
        self._request = request
        self._action = request.action.lower()

    def find(self, named: Named, allows: bool) -> Statement | None:
        for statement in named.policy.statements:
            if statement.allows == allows and self.applies(statement, statement.principals is not None):
                return statement
        return None

    def first(self, policies: tuple[Named, ...]) -> tuple[Named, Statement] | None:
        for named in policies:
            found = self.find(named, allows=True)
            if found is not None:
                return named, found
        return None

    def resource_grant(self, named: Named | None) -> tuple[Decision | None, Level | None]:
        """The most direct grant of a resource-based policy."""
        best: Level | None = None
        decision = None
        for statement in named.policy.statements if named is not None else ():
            if not statement.allows or not self.applies(statement, with_principal=False):
                continue
            level = self.level(statement)
            if level is not None and (best is None or _RANK[level] > _RANK[best]):
                best = level
                decision = Decision(True, False, RESOURCE, named.name if named else "", statement.label)
        return decision, best

    def applies(self, statement: Statement, with_principal: bool) -> bool:
        action = self._action
        if any(pattern.matches(action) for pattern in statement.actions) == statement.is_not_action:
            return False
        if with_principal and self.level(statement) is None:
            return False
        if statement.resources is not None:
            resource = self._request.resource
            found = any(pattern.matches(resource, self.text) for pattern in statement.resources)
            if found == statement.is_not_resource:
                return False
        return all(condition.holds(self.values(condition.key), self.text) for condition in statement.conditions)

    def level(self, statement: Statement) -> Level | None:
        """How a statement names the caller; None when it does not."""
        best: Level | None = None
        for kind, value in statement.principals or ():
            level = _level(kind, value, self._request.principal)
            if level is not None and (best is None or _RANK[level] > _RANK[best]):
                best = level
        if statement.is_not_principal:
            return "direct" if best is None else None
        return best

    def text(self, key: str) -> str | None:
        """A key's value for a policy variable; keys with several values have none."""
        values = self.values(key)
        return values[0] if values is not None and len(values) == 1 else None

    def values(self, key: str) -> Values:
        value = self._request.context.get(key)
        if value is None:
            make = _KEYS.get(key)
            if make is not None:
                value = make(self._request)
            elif key.startswith("aws:principaltag/"):
                value = _tag(self._request.principal, key[len("aws:principaltag/") :])
            elif self._request.principal.claims:
                value = dict(self._request.principal.claims).get(key)
        if value is None:
            return None
        return [as_text(each) for each in value] if isinstance(value, list | tuple) else [as_text(value)]


def _level(kind: str, value: str, principal: Principal) -> Level | None:
    if value == "*":
        return "direct"
    if kind == "Service":
        return "direct" if principal.kind == "service" and principal.name == value else None
    if kind == "Federated":
        return "direct" if principal.kind == "federated" and principal.arn == value else None
    if kind != "AWS" or principal.kind in ("anonymous", "service"):
        return None
    if value in (principal.arn, principal.user_id):
        return "direct"
    if principal.issuer_arn and value == principal.issuer_arn:
        return "role"
    if value == principal.user_id.partition(":")[0] and principal.kind == "role-session":
        return "role"
    if value == principal.account or (value.endswith(":root") and value.split(":")[4] == principal.account):
        return "direct" if principal.kind == "root" else "account"
    return None


def _account_in(arn: str) -> str | None:
    parts = arn.split(":", 5)
    return parts[4] or None if len(parts) == 6 else None


def _source_account(principal: Principal) -> str | None:
    """The account of the resource for which a service acts; a bucket's ARN does not name it."""
    named = _account_in(principal.source_arn)
    return named or (principal.account or None if principal.kind == "service" and principal.source_arn else None)


def _tag(principal: Principal, key: str) -> str | None:
    for name, value in principal.tags:
        if name.lower() == key:
            return value
    return None


_KEYS: Final[dict[str, Callable[[AuthorizationRequest], Any]]] = {
    "aws:username": lambda request: request.principal.name if request.principal.kind == "user" else None,
    "aws:userid": lambda request: request.principal.user_id,
    "aws:principalarn": lambda request: None if request.principal.kind == "service" else request.principal.policy_arn,
    "aws:principalaccount": lambda request: request.principal.account or None,
    "aws:principaltype": lambda request: request.principal.type_name,
    "aws:principalisawsservice": lambda request: request.principal.kind == "service",
    "aws:principalservicename": lambda request: request.principal.name if request.principal.kind == "service" else None,
    "aws:sourcearn": lambda request: request.principal.source_arn or None,
    "aws:sourceaccount": lambda request: _source_account(request.principal),
    "aws:sourceidentity": lambda request: request.principal.source_identity or None,
    "aws:resourceaccount": lambda request: request.resource_account or request.principal.account or None,
    "aws:epochtime": lambda request: int(request.now),
    "aws:currenttime": lambda request: datetime.fromtimestamp(request.now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
}


@lru_cache(maxsize=4096)
def lets_service_act(policy: str, service: Principal, action: str, resource: str, minute: int) -> bool:
    """Whether a resource's policy lets one of AWS's services act on it for one of somebody's resources (a topic's
    message to a queue). The answer is kept, by the minute for the sake of conditions on time."""
    try:
        named = Named("resource policy", parse_policy(policy))
    except ApiError:
        return False
    request = AuthorizationRequest(service, action, resource, minute * 60.0, _account_in(resource) or "")
    return evaluate(request, PolicySet(resource=named)).allowed


def denial_message(decision: Decision, request: AuthorizationRequest) -> str:
    """A denial in AWS's words.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
    """
    on_resource = f" on resource: {request.resource}" if request.resource else ""
    head = f"User: {request.principal.arn} is not authorized to perform: {request.action}{on_resource}"
    if decision.is_explicit:
        article = "an" if decision.policy_kind[0] in "aeiou" else "a"
        return f"{head} with an explicit deny in {article} {decision.policy_kind}"
    return f"{head} because no {decision.policy_kind} allows the {request.action} action"
