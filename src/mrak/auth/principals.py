"""Who asks. Services see it as `core.context.Principal`; only the engine and `auth.policy` look deeper.

Invariant: `account` is the account that the principal belongs to, whatever the request is about.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, Literal

import msgspec

Kind = Literal["root", "user", "role-session", "federated", "service", "anonymous"]

_JUDGED: Final = ("user", "role-session", "federated")

_TYPES: Final[dict[Kind, str]] = {
    "root": "Account",
    "user": "User",
    "role-session": "AssumedRole",
    "federated": "FederatedUser",
    "service": "Service",
    "anonymous": "Anonymous",
}


class Principal(msgspec.Struct, frozen=True):
    """An authenticated caller, or nobody (`ANONYMOUS`).

    `arn` is what GetCallerIdentity answers; a service's is its name (`lambda.amazonaws.com`). `issuer_arn` is the role
    behind a session, whose policies apply; `name` the user's, role's or federated user's. `source_arn` is the resource
    for which a service acts (`aws:SourceArn`): an API's method, a rule, a topic. `claims` are what an identity provider
    said of a role's session, by condition key in lower case (`cognito-identity.amazonaws.com:sub`). A role's session
    `is_of_service` if a service took the role for what it runs: a function, a state machine, a stack.
    """

    kind: Kind
    account: str
    arn: str
    user_id: str
    name: str = ""
    access_key: str | None = None
    issuer_arn: str = ""
    source_identity: str = ""
    tags: tuple[tuple[str, str], ...] = ()
    session_policies: tuple[str, ...] = ()
    expiration: float | None = None
    source_arn: str = ""
    transitive_tag_keys: tuple[str, ...] = ()
    claims: tuple[tuple[str, tuple[str, ...]], ...] = ()
    is_of_service: bool = False

    @property
    def type_name(self) -> str:
        """The value of `aws:PrincipalType`."""
        return _TYPES[self.kind]

    @property
    def policy_arn(self) -> str:
        """The value of `aws:PrincipalArn`: for a session the role's own ARN."""
        return self.issuer_arn or self.arn

    @property
    def is_judged(self) -> bool:
        """Whether it may do only what its own policies allow: root, and services that act on their own, have none."""
        return self.kind in _JUDGED

    @property
    def is_session(self) -> bool:
        return self.kind in ("role-session", "federated")


ANONYMOUS: Final = Principal("anonymous", "", "anonymous", "ANONYMOUS_PRINCIPAL")


def root_of(account: str, partition: str = "aws", access_key: str | None = None) -> Principal:
    """The root user of an account, who may do everything in it."""
    return Principal("root", account, f"arn:{partition}:iam::{account}:root", account, access_key=access_key)


@lru_cache(maxsize=1024)
def service_principal(name: str, account: str, source_arn: str = "") -> Principal:
    """One of AWS's services acting in `account`; `name` is `lambda.amazonaws.com` or alike."""
    return Principal("service", account, name, name, name, source_arn=source_arn)
