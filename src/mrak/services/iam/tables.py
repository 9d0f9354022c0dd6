"""IAM's rows. All live in an account-wide scope.

Names are unique without regard to case, so `key` is the name in lower case; `name` is as it was given.

Invariants: an ATTACHMENTS row is there if and only if its entity's `attached` lists the policy (use "attached") or its
`boundary` is the policy (use "boundary"); a MEMBERS row if and only if both the user and the group exist.
"""

from __future__ import annotations

import msgspec

from mrak.store.tables import Table


class Entity(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """What roles, users and groups have in common. `inline` maps policy names to documents."""

    key: str
    name: str
    path: str
    id: str
    created_at: float
    inline: dict[str, str] = {}
    attached: tuple[str, ...] = ()
    boundary: str = ""
    tags: dict[str, str] = {}


class Role(Entity, frozen=True, array_like=True, kw_only=True):
    """`service` is set for a service-linked role."""

    trust: str
    description: str | None = None
    max_session_seconds: int = 3600
    service: str = ""
    last_used_at: float | None = None
    last_used_region: str = ""


class User(Entity, frozen=True, array_like=True, kw_only=True):
    password_last_used_at: float | None = None


class Group(Entity, frozen=True, array_like=True, kw_only=True):
    pass


class Version(msgspec.Struct, frozen=True, array_like=True):
    """A version of a managed policy."""

    id: str
    document: str
    created_at: float


class ManagedPolicy(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """A customer managed policy; `versions` are newest first."""

    key: str
    name: str
    path: str
    id: str
    created_at: float
    updated_at: float
    versions: tuple[Version, ...]
    default_version: str = "v1"
    next_version: int = 2
    description: str = ""
    tags: dict[str, str] = {}


class AccessKey(msgspec.Struct, frozen=True, array_like=True):
    id: str
    user: str
    secret: str
    created_at: float
    is_active: bool = True
    last_used_at: float | None = None
    last_used_region: str = ""
    last_used_service: str = ""


class Attachment(msgspec.Struct, frozen=True, array_like=True):
    """That an entity uses a managed policy. `kind` is "role", "user" or "group"."""

    policy_arn: str
    use: str
    kind: str
    entity: str


class Member(msgspec.Struct, frozen=True, array_like=True):
    group: str
    user: str


class OidcProvider(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """`url` without its scheme is the key, as in the provider's ARN."""

    url: str
    created_at: float
    clients: tuple[str, ...] = ()
    thumbprints: tuple[str, ...] = ()
    tags: dict[str, str] = {}


class ServiceCredential(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """A user name and password for one service that does not speak AWS's signatures."""

    user: str
    id: str
    service: str
    service_user: str
    password: str
    created_at: float
    is_active: bool = True


class InstanceProfile(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """`role` is the key of the one role that it may hold."""

    key: str
    name: str
    path: str
    id: str
    created_at: float
    role: str | None = None
    tags: dict[str, str] = {}


class MfaDevice(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """A virtual device; `serial` is its ARN, `user` the key of the user who enabled it."""

    serial: str
    seed: bytes
    created_at: float
    user: str | None = None
    enabled_at: float = 0.0
    tags: dict[str, str] = {}


class LoginProfile(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """`hashed` is the salt and scrypt's hash of the password."""

    user: str
    hashed: bytes
    created_at: float
    changed_at: float
    reset_required: bool = False


class PasswordPolicy(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """The account's only one. `settings` is UpdateAccountPasswordPolicy's input over its defaults."""

    settings: dict[str, object]
    key: str = ""


class ServerCertificate(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    key: str
    name: str
    path: str
    id: str
    body: str
    private_key: str
    uploaded_at: float
    expires_at: float
    chain: str = ""
    tags: dict[str, str] = {}


class SigningCertificate(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    user: str
    id: str
    body: str
    uploaded_at: float
    is_active: bool = True


class SshKey(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    user: str
    id: str
    body: str
    uploaded_at: float
    is_active: bool = True


class SamlProvider(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    name: str
    document: str
    created_at: float
    uuid: str
    tags: dict[str, str] = {}


class Report(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """The account's last credential report."""

    content: bytes
    made_at: float
    key: str = ""


class AccountAlias(msgspec.Struct, frozen=True, array_like=True):
    alias: str


ROLES = Table("iam.role", Role, key=("key",))
USERS = Table("iam.user", User, key=("key",))
GROUPS = Table("iam.group", Group, key=("key",))
POLICIES = Table("iam.policy", ManagedPolicy, key=("key",))
ACCESS_KEYS = Table("iam.access-key", AccessKey, key=("id",))
KEYS_BY_USER = ACCESS_KEYS.index("user", ("user",))
ATTACHMENTS = Table("iam.attachment", Attachment, key=("policy_arn", "use", "kind", "entity"))
MEMBERS = Table("iam.member", Member, key=("group", "user"))
GROUPS_BY_USER = MEMBERS.index("user", ("user",))
OIDC_PROVIDERS = Table("iam.oidc-provider", OidcProvider, key=("url",))
SERVICE_CREDENTIALS = Table("iam.service-credential", ServiceCredential, key=("user", "id"))
ALIASES = Table("iam.alias", AccountAlias, key=("alias",))
INSTANCE_PROFILES = Table("iam.instance-profile", InstanceProfile, key=("key",))
PROFILES_BY_ROLE = INSTANCE_PROFILES.index("role", ("role",))
MFA_DEVICES = Table("iam.mfa-device", MfaDevice, key=("serial",))
DEVICES_BY_USER = MFA_DEVICES.index("user", ("user",))
LOGIN_PROFILES = Table("iam.login-profile", LoginProfile, key=("user",))
PASSWORD_POLICIES = Table("iam.password-policy", PasswordPolicy, key=("key",))
SERVER_CERTIFICATES = Table("iam.server-certificate", ServerCertificate, key=("key",))
SIGNING_CERTIFICATES = Table("iam.signing-certificate", SigningCertificate, key=("user", "id"))
SSH_KEYS = Table("iam.ssh-key", SshKey, key=("user", "id"))
SAML_PROVIDERS = Table("iam.saml-provider", SamlProvider, key=("name",))
REPORTS = Table("iam.report", Report, key=("key",))
