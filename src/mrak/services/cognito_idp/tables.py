"""Cognito user pools' rows.

    POOLS        (id)                        -> Pool       a user pool's settings
    INDEX        (id)                        -> Indexed    pools, app clients, domains; environment-wide
    CLIENTS      (pool, id)                  -> Client     app clients
    USERS        (pool, username)            -> User
    ALIASES      (pool, kind, value)         -> Alias      other names by which a user is found: sub, email, ...
    GROUPS       (pool, name)                -> Group
    MEMBERS      (pool, group, username)     -> Member
      MEMBER_OF  (pool, username)
    CODES        (pool, username, purpose)   -> Code       what was sent out and is waited for
    SESSIONS     (id)                        -> Session    challenges that wait for a response; environment-wide
      STALE      (expires_at)
    REFRESH      (pool, origin)              -> Refresh    a sign-in whose tokens are not revoked
      SIGN_INS   (pool, username)
      EXPIRING   (expires_at)
    GRANTS       (code)                      -> Grant      authorization codes of the hosted pages
    KEYS         (pool)                      -> Keys       the pool's two RSA keys, made at the first token
    PASSKEYS     (pool, username, id)        -> Passkey    public keys of a user's authenticators
    DEVICES      (pool, username, key)       -> Device     devices that a user has confirmed
    IMPORTS      (pool, id)                  -> Import     user import jobs and, until they end, their files
    PARTS        (pool, kind, name)          -> Part       what is stored as it came: resource servers, providers, ...

Invariants: everything of a pool lives in the pool's account and region, which INDEX tells; an alias leads to one
user; a member's user and group are there; an access token holds as long as its REFRESH row, not revoked, and
that very user are there.
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.store.tables import Table


class Indexed(msgspec.Struct, frozen=True, array_like=True):
    """`pool` is the user pool that an id leads to."""

    id: str
    account: str
    region: str
    pool: str


class Pool(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    id: str
    name: str
    created_at: float
    modified_at: float
    settings: dict[str, Any] = {}
    """In AWS's spelling, as DescribeUserPool shows them, defaults included."""
    schema: list[dict[str, Any]] = []
    tags: dict[str, str] = {}
    users: int = 0

    @property
    def short_id(self) -> str:
        """What stands behind the underscore: SRP's name of the pool."""
        return self.id.partition("_")[2]


class Client(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """`second_secret` holds beside `secret` while an app goes over to it; `secret_made_at` is 0 for `created_at`."""

    pool: str
    id: str
    name: str
    created_at: float
    modified_at: float
    secret: str = ""
    settings: dict[str, Any] = {}
    secret_made_at: float = 0
    second_secret: str = ""
    second_made_at: float = 0


class User(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """`verifier` is SRP's; the password itself is nowhere. `history` are (salt, verifier) of earlier passwords."""

    pool: str
    username: str
    sub: str
    created_at: float
    modified_at: float
    attributes: dict[str, str] = {}
    status: str = "UNCONFIRMED"
    enabled: bool = True
    salt: str = ""
    verifier: bytes = b""
    temporary_until: float = 0.0
    """Until when a temporary password can be used; 0 for a permanent one."""
    totp_secret: str = ""
    totp_pending: str = ""
    mfa: list[str] = []
    """SMS_MFA, SOFTWARE_TOKEN_MFA, EMAIL_OTP: which the user has switched on."""
    preferred_mfa: str = ""
    failures: int = 0
    locked_until: float = 0.0
    active_month: str = ""
    """The last calendar month in which the user was active, for metering."""
    history: list[tuple[str, bytes]] = []
    totp_step: int = 0
    """The time step of the last code that was taken, so that none is taken twice."""


class Alias(msgspec.Struct, frozen=True, array_like=True):
    pool: str
    kind: str
    value: str
    username: str


class Group(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    pool: str
    name: str
    created_at: float
    modified_at: float
    description: str | None = None
    role_arn: str | None = None
    precedence: int | None = None


class Member(msgspec.Struct, frozen=True, array_like=True):
    pool: str
    group: str
    username: str


class Code(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """`purpose` is signup, forgot, passkey, device:<key> or attribute:<name>; `value` the new value that waits for its
    verification."""

    pool: str
    username: str
    purpose: str
    code: str
    expires_at: float
    attribute: str
    value: str = ""
    failures: int = 0
    requests: int = 1
    window_started_at: float = 0.0


class Session(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """A challenge under way. `state` depends on it: SRP's numbers, a code, a custom challenge's history."""

    id: str
    pool: str
    client: str
    username: str
    challenge: str
    expires_at: float
    state: dict[str, Any] = {}


class Refresh(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """`origin` is the origin_jti of all tokens of the sign-in; `digest` is SHA-256 of the refresh token's secret. The
    one in `rotated` was valid before it, and is until its time. `is_revoked`: its user was disabled since."""

    pool: str
    origin: str
    username: str
    client: str
    digest: bytes
    signed_in_at: float
    expires_at: float
    scopes: list[str] = []
    nonce: str = ""
    claims: dict[str, Any] = {}
    rotated: list[tuple[bytes, float]] = []
    sub: str = ""
    is_revoked: bool = False


class Grant(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """An authorization code, to be redeemed once within five minutes."""

    code: str
    pool: str
    client: str
    username: str
    redirect_uri: str
    scopes: list[str]
    expires_at: float
    signed_in_at: float
    nonce: str = ""
    challenge: str = ""
    method: str = ""


class Keys(msgspec.Struct, frozen=True, array_like=True):
    """(key id, private key in PEM): the first signs id tokens, the second access tokens."""

    pool: str
    keys: list[tuple[str, bytes]]


class Passkey(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """`data` is WebAuthn's attested credential: authenticator, id and public key. `uses` is the authenticator's own
    count, which grows unless it counts nothing."""

    pool: str
    username: str
    id: str
    data: bytes
    relying_party: str
    created_at: float
    uses: int = 0
    attachment: str = ""
    transports: list[str] = []


class Device(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """`verifier` and `salt` (hexadecimal) are SRP's, of the password that the device has made for itself."""

    pool: str
    username: str
    key: str
    name: str
    status: str
    salt: str
    verifier: bytes
    created_at: float
    modified_at: float
    used_at: float
    address: str = ""


class Import(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """`key` opens the job's upload; `done` lines of its file have been imported, skipped or failed."""

    pool: str
    id: str
    name: str
    role_arn: str
    key: str
    created_at: float
    status: str = "Created"
    file: bytes = b""
    has_file: bool = False
    started_at: float = 0.0
    ended_at: float = 0.0
    done: int = 0
    imported: int = 0
    skipped: int = 0
    failed: int = 0
    message: str = ""


class Part(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    pool: str
    kind: str
    name: str
    settings: dict[str, Any]
    created_at: float = 0.0
    modified_at: float = 0.0


POOLS = Table("cognito-idp.pool", Pool, key=("id",))
INDEX = Table("cognito-idp.index", Indexed, key=("id",))
CLIENTS = Table("cognito-idp.client", Client, key=("pool", "id"))
USERS = Table("cognito-idp.user", User, key=("pool", "username"))
ALIASES = Table("cognito-idp.alias", Alias, key=("pool", "kind", "value"))
GROUPS = Table("cognito-idp.group", Group, key=("pool", "name"))
MEMBERS = Table("cognito-idp.member", Member, key=("pool", "group", "username"))
MEMBER_OF = MEMBERS.index("user", ("pool", "username"))
CODES = Table("cognito-idp.code", Code, key=("pool", "username", "purpose"))
SESSIONS = Table("cognito-idp.session", Session, key=("id",))
STALE = SESSIONS.index("stale", ("expires_at",))
REFRESH = Table("cognito-idp.refresh", Refresh, key=("pool", "origin"))
SIGN_INS = REFRESH.index("user", ("pool", "username"))
EXPIRING = REFRESH.index("expiring", ("expires_at",))
GRANTS = Table("cognito-idp.grant", Grant, key=("code",))
OLD_GRANTS = GRANTS.index("expiring", ("expires_at",))
KEYS = Table("cognito-idp.keys", Keys, key=("pool",))
PASSKEYS = Table("cognito-idp.passkey", Passkey, key=("pool", "username", "id"))
DEVICES = Table("cognito-idp.device", Device, key=("pool", "username", "key"))
IMPORTS = Table("cognito-idp.import", Import, key=("pool", "id"))
PARTS = Table("cognito-idp.part", Part, key=("pool", "kind", "name"))
