"""User pools and app clients: their settings, and how a request's pool, client and scope are found.

Requests of an app carry no credentials: an app client's id tells the pool, account and region (INDEX). Requests of
administrators are signed and see the pools of their own account and region.
"""

from __future__ import annotations

import base64
import hmac
from typing import Any, Final

import msgspec

from mrak.core.arn import arn
from mrak.core.context import Context, Transaction
from mrak.core.scope import Scope
from mrak.services.cognito_idp import errors, passwords
from mrak.services.cognito_idp.tables import CLIENTS, INDEX, POOLS, Client, Indexed, Pool

_LETTERS: Final = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
DEFAULT_FLOWS: Final = ("ALLOW_CUSTOM_AUTH", "ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_USER_SRP_AUTH")
_UNIT_SECONDS: Final = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86_400}

# Members of CreateUserPool and UpdateUserPool that are kept as they come.
STORED: Final = (
    "Policies", "DeletionProtection", "LambdaConfig", "AutoVerifiedAttributes", "SmsVerificationMessage",
    "EmailVerificationMessage", "EmailVerificationSubject", "VerificationMessageTemplate", "SmsAuthenticationMessage",
    "UserAttributeUpdateSettings", "MfaConfiguration", "DeviceConfiguration", "EmailConfiguration", "SmsConfiguration",
    "AdminCreateUserConfig", "UserPoolAddOns", "AccountRecoverySetting", "UserPoolTier",
)  # fmt: skip
AT_CREATION: Final = ("AliasAttributes", "UsernameAttributes", "UsernameConfiguration")


class Target(msgspec.Struct, frozen=True):
    """What a request is about: the pool, the app client that asks, and the scope in which the pool lives."""

    scope: Scope
    pool: Pool
    client: Client


def new_id(ctx: Context, tx: Transaction, pool: str, length: int) -> str:
    """A fresh id that leads to a pool ("" for a pool's own), entered in the index; its end tells the environment."""
    home = ctx.scope.environment_wide()
    while True:
        made = f"{ctx.scope.region}_{ctx.resource_id(length, _LETTERS)}" if not pool else ctx.resource_id(length)
        if INDEX.open(tx, home, made) is None:
            INDEX.insert(tx, home, Indexed(made, ctx.scope.account, ctx.scope.region, pool or made))
            return made


def forget_id(tx: Transaction, scope: Scope, identifier: str) -> None:
    found = INDEX.open(tx, scope.environment_wide(), identifier)
    if found is not None:
        INDEX.delete(tx, scope.environment_wide(), found)


def find_home(tx: Transaction, environment: str, identifier: str) -> tuple[Scope, str] | None:
    """(scope, pool id) of a pool, app client or domain by its bare id."""
    found = INDEX.get(tx, Scope(environment, "", ""), identifier)
    return None if found is None else (Scope(environment, found.account, found.region), found.pool)


def require_pool(tx: Transaction, scope: Scope, pool_id: str) -> Pool:
    found = POOLS.get(tx, scope, pool_id)
    if found is None:
        raise errors.pool_not_found(pool_id)
    return found


def open_pool(tx: Transaction, scope: Scope, pool_id: str) -> Pool:
    found = POOLS.open(tx, scope, pool_id)
    if found is None:
        raise errors.pool_not_found(pool_id)
    return found


def require_client(tx: Transaction, scope: Scope, pool_id: str, client_id: str) -> Client:
    found = CLIENTS.get(tx, scope, pool_id, client_id)
    if found is None:
        raise errors.client_not_found(client_id)
    return found


def require_target(tx: Transaction, environment: str, client_id: str) -> Target:
    """The target of a request that only names an app client."""
    home = find_home(tx, environment, client_id)
    if home is None:
        raise errors.client_not_found(client_id)
    scope, pool_id = home
    return Target(scope, require_pool(tx, scope, pool_id), require_client(tx, scope, pool_id, client_id))


def secret_hash(client: Client, username: str) -> str:
    return _hash(client.secret, client, username)


def _hash(secret: str, client: Client, username: str) -> str:
    return base64.b64encode(hmac.digest(secret.encode(), (username + client.id).encode(), "sha256")).decode()


def is_secret_hash(client: Client, username: str, given: str) -> bool:
    """Whether it is made of one of the client's secrets."""
    held = [_hash(secret, client, username) for secret in (client.secret, client.second_secret) if secret]
    return any(hmac.compare_digest(given.encode(), one.encode()) for one in held)


def is_secret(client: Client, given: str) -> bool:
    """Whether an app knows one of the client's secrets; one without any has to give none."""
    held = [client.secret, client.second_secret] if client.second_secret else [client.secret]
    return any(hmac.compare_digest(given.encode(), one.encode()) for one in held)


def check_secret_hash(client: Client, username: str, given: str | None) -> None:
    """https://docs.aws.amazon.com/cognito/latest/developerguide/signing-up-users-in-your-app.html (SECRET_HASH)"""
    if not client.secret:
        return
    if given is None or not is_secret_hash(client, username, given):
        raise errors.secret_hash_unverified(client.id)


def pool_arn(scope: Scope, pool_id: str) -> str:
    return arn(scope, "cognito-idp", f"userpool/{pool_id}")


# A template's texts are the pool's own too, whichever of the two says them.
_MIRRORED: Final = {
    "EmailMessage": "EmailVerificationMessage",
    "EmailSubject": "EmailVerificationSubject",
    "SmsMessage": "SmsVerificationMessage",
}


def parse_settings(req: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """A pool's settings after a request; what UpdateUserPool does not name goes back to its default."""
    settings: dict[str, Any] = {name: before[name] for name in AT_CREATION if name in before}
    settings |= {name: req[name] for name in STORED if name in req}
    policies = dict(settings.get("Policies", {}))
    given = policies.get("PasswordPolicy")
    policies["PasswordPolicy"] = dict(passwords.DEFAULT_POLICY) if given is None else _policy(given)
    policies.setdefault("SignInPolicy", {"AllowedFirstAuthFactors": ["PASSWORD"]})
    settings["Policies"] = policies
    settings.setdefault("DeletionProtection", "INACTIVE")
    _check_senders(settings.setdefault("LambdaConfig", {}))
    settings.setdefault("MfaConfiguration", "OFF")
    settings.setdefault("UserPoolTier", "ESSENTIALS")
    settings.setdefault("UserAttributeUpdateSettings", {"AttributesRequireVerificationBeforeUpdate": []})
    template = {"DefaultEmailOption": "CONFIRM_WITH_CODE"} | settings.get("VerificationMessageTemplate", {})
    for inside, outside in _MIRRORED.items():
        if inside in template:
            settings[outside] = template[inside]
        elif outside in settings:
            template[inside] = settings[outside]
    settings["VerificationMessageTemplate"] = template
    settings.setdefault("EmailConfiguration", {"EmailSendingAccount": "COGNITO_DEFAULT"})
    admin = {"AllowAdminCreateUserOnly": False, "UnusedAccountValidityDays": 7}
    settings["AdminCreateUserConfig"] = admin | settings.get("AdminCreateUserConfig", {})
    settings.setdefault(
        "AccountRecoverySetting",
        {
            "RecoveryMechanisms": [
                {"Priority": 1, "Name": "verified_email"},
                {"Priority": 2, "Name": "verified_phone_number"},
            ]
        },
    )
    _check_settings(settings)
    return settings


def _check_senders(config: dict[str, Any]) -> None:
    if ("CustomSMSSender" in config or "CustomEmailSender" in config) and "KMSKeyID" not in config:
        raise errors.invalid("KMSKeyID is required when a custom sender is configured.")


def _policy(given: dict[str, Any]) -> dict[str, Any]:
    absent = dict.fromkeys(("RequireUppercase", "RequireLowercase", "RequireNumbers", "RequireSymbols"), False)
    return {"MinimumLength": 8} | absent | {"TemporaryPasswordValidityDays": 7} | given


def _check_settings(settings: dict[str, Any]) -> None:
    if "AliasAttributes" in settings and "UsernameAttributes" in settings:
        raise errors.invalid("Only one of the aliasAttributes or usernameAttributes can be set in a user pool.")
    if settings["MfaConfiguration"] != "OFF" and "SmsConfiguration" not in settings and "Totp" not in settings:
        # A pool without SMS gets its second factors with SetUserPoolMfaConfig.
        raise errors.invalid(
            "SMS configuration and Auto verification for phone_number are required when MFA is required/optional"
        )
    email = settings["VerificationMessageTemplate"].get("EmailMessage") or settings.get("EmailVerificationMessage")
    if email is not None and "{####}" not in email:
        raise errors.invalid("EmailVerificationMessage must contain the string {####}.")


def render_pool(scope: Scope, pool: Pool, domain: str | None = None) -> dict[str, Any]:
    shown = {name: value for name, value in pool.settings.items() if name not in ("Totp", "EmailMfa", "WebAuthn")}
    return shown | {
        "Id": pool.id,
        "Name": pool.name,
        "LastModifiedDate": pool.modified_at,
        "CreationDate": pool.created_at,
        "SchemaAttributes": pool.schema,
        "EstimatedNumberOfUsers": pool.users,
        "Arn": pool_arn(scope, pool.id),
        "IssuerConfiguration": {"Type": "ORIGINAL"},
        "KeyConfiguration": {"KeyType": "AWS_OWNED_KEY"},
    } | ({"UserPoolTags": pool.tags} if pool.tags else {}) | ({"Domain": domain} if domain else {})  # fmt: skip


def render_client(client: Client) -> dict[str, Any]:
    shown = {
        "UserPoolId": client.pool,
        "ClientName": client.name,
        "ClientId": client.id,
        "LastModifiedDate": client.modified_at,
        "CreationDate": client.created_at,
    } | client.settings
    return shown | ({"ClientSecret": client.secret} if client.secret else {})


def validity_seconds(client: Client, kind: str) -> int:
    """How long a client's tokens of a kind ("AccessToken", "IdToken", "RefreshToken") hold."""
    return seconds_of(client.settings, kind)


def seconds_of(settings: dict[str, Any], kind: str) -> int:
    amount = settings.get(f"{kind}Validity")
    if not amount:
        return 30 * 86_400 if kind == "RefreshToken" else 3600
    default = "days" if kind == "RefreshToken" else "hours"
    unit = settings.get("TokenValidityUnits", {}).get(kind, default)
    return int(amount) * _UNIT_SECONDS[unit]


def session_seconds(client: Client) -> int:
    return int(client.settings.get("AuthSessionValidity", 3)) * 60


def flows_of(client: Client) -> set[str]:
    """Which ways of signing in a client has, in today's names."""
    given = client.settings.get("ExplicitAuthFlows") or DEFAULT_FLOWS
    old = {
        "ADMIN_NO_SRP_AUTH": ("ALLOW_ADMIN_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_USER_SRP_AUTH"),
        "CUSTOM_AUTH_FLOW_ONLY": ("ALLOW_CUSTOM_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"),
        "USER_PASSWORD_AUTH": ("ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_USER_SRP_AUTH"),
    }
    return {new for flow in given for new in old.get(flow, (flow,))}


def hides_users(client: Client) -> bool:
    """Whether answers must not tell which users exist."""
    return client.settings.get("PreventUserExistenceErrors") == "ENABLED"


def is_case_sensitive(pool: Pool) -> bool:
    return bool(pool.settings.get("UsernameConfiguration", {}).get("CaseSensitive", True))
