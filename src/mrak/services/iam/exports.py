"""What the engine and other services may use of IAM: read-only look-ups."""

from __future__ import annotations

from mrak.auth.evaluation import AuthorizationRequest, Named, PolicySet, evaluate
from mrak.auth.policy import parse_policy
from mrak.auth.principals import Principal, service_principal
from mrak.core.arn import Arn, find_arn
from mrak.core.context import Transaction
from mrak.core.scope import Scope
from mrak.services.iam import effective, managed, names
from mrak.services.iam.entities import is_missing
from mrak.services.iam.judging import authorize, decide, lets_pass
from mrak.services.iam.requests import conditions as request_conditions
from mrak.services.iam.requests import tag_conditions
from mrak.services.iam.tables import ACCESS_KEYS, OIDC_PROVIDERS, ROLES, USERS, OidcProvider, Role

__all__ = [
    "OidcProvider",
    "Role",
    "authorize",
    "decide",
    "find_access_key",
    "find_access_key_user",
    "find_oidc_provider",
    "find_policies_of",
    "find_policy_document",
    "find_role",
    "find_role_session",
    "is_missing",
    "lets_pass",
    "policies_of",
    "request_conditions",
    "role_distrusts_service",
    "role_trusts_service",
    "tag_conditions",
]


def find_access_key(tx: Transaction, scope: Scope, access_key_id: str) -> tuple[Principal, str] | None:
    """(principal, secret) of an active access key of a user."""
    key = ACCESS_KEYS.get(tx, scope.account_wide(), access_key_id)
    if key is None or not key.is_active:
        return None
    user = USERS.get(tx, scope.account_wide(), key.user)
    assert user is not None, "an access key without its user"
    principal = Principal(
        kind="user",
        account=scope.account,
        arn=names.arn_of(scope, "user", user.path, user.name),
        user_id=user.id,
        name=user.name,
        access_key=key.id,
        tags=tuple(user.tags.items()),
    )
    return principal, key.secret


def find_access_key_user(tx: Transaction, scope: Scope, access_key_id: str) -> str | None:
    """The name of the user that owns an access key, active or not."""
    key = ACCESS_KEYS.get(tx, scope.account_wide(), access_key_id)
    return None if key is None else key.user


def find_role(tx: Transaction, environment: str, role_arn: str) -> Role | None:
    """The role that an ARN names, path included."""
    parsed = find_arn(role_arn)
    if parsed is None or not parsed.resource.startswith("role/"):
        return None
    scope = Scope(environment, parsed.account, "")
    role = ROLES.get(tx, scope, names.name_in(role_arn).lower())
    return role if role is not None and _role_path(parsed) == f"{role.path}{role.name}" else None


def _role_path(parsed: Arn) -> str:
    return parsed.resource[len("role") :]


def role_trusts_service(
    tx: Transaction, environment: str, role_arn: str, service: str, now: float, source_arn: str = ""
) -> bool:
    """Whether a role lets a service (`lambda.amazonaws.com`) assume it: what PassRole's receivers check. `source_arn`
    is the resource for which the service would do so, which the trust policy may name."""
    role = find_role(tx, environment, role_arn)
    if role is None:
        return False
    account = role_arn.split(":")[4]
    trust = PolicySet(resource=Named("trust policy", parse_policy(role.trust, "trust")), needs_resource_policy=True)
    caller = service_principal(service, account, source_arn)
    request = AuthorizationRequest(caller, "sts:AssumeRole", role_arn, now, account)
    return evaluate(request, trust).allowed


def role_distrusts_service(
    tx: Transaction, environment: str, role_arn: str, service: str, now: float, source_arn: str = ""
) -> bool:
    """Whether a role is there and does not let a service assume it. A role that does not exist is taken by those who
    ask this, and each says so among its differences: local tools pass roles that nobody created."""
    if find_role(tx, environment, role_arn) is None:
        return False
    return not role_trusts_service(tx, environment, role_arn, service, now, source_arn)


def find_role_session(tx: Transaction, environment: str, role_arn: str, session_name: str) -> Principal | None:
    """The principal that a service acts as when it has assumed a role."""
    role = find_role(tx, environment, role_arn)
    if role is None:
        return None
    partition, account = role_arn.split(":")[1], role_arn.split(":")[4]
    return Principal(
        kind="role-session",
        account=account,
        arn=f"arn:{partition}:sts::{account}:assumed-role/{role.name}/{session_name}",
        user_id=f"{role.id}:{session_name}",
        name=role.name,
        issuer_arn=role_arn,
        tags=tuple(role.tags.items()),
        is_of_service=True,
    )


def policies_of(tx: Transaction, environment: str, principal: Principal) -> PolicySet:
    """The identity side of an authorisation: identity-based policies, boundary and session policies."""
    return effective.policies_of(tx, Scope(environment, principal.account, ""), principal)


def find_policies_of(tx: Transaction, environment: str, principal: Principal) -> PolicySet | None:
    """The same; None where it cannot be known what the principal may do."""
    return effective.find_policies_of(tx, Scope(environment, principal.account, ""), principal)


def find_policy_document(tx: Transaction, scope: Scope, policy_arn: str) -> str | None:
    """The default version of a managed policy, AWS's included."""
    return managed.document_of(tx, scope, policy_arn)


def find_oidc_provider(tx: Transaction, scope: Scope, url: str) -> OidcProvider | None:
    """The identity provider that issued a token; `url` is the token's issuer without its scheme."""
    return OIDC_PROVIDERS.get(tx, scope.account_wide(), url)
