"""OAuth 2.0 and OpenID Connect for a pool's apps: authorize, token, userInfo, revoke, logout.

https://docs.aws.amazon.com/cognito/latest/developerguide/federation-endpoints.html

A redirect URI is compared as a whole with those of the app, before anything is sent there. An authorization code holds
for five minutes and once; with PKCE (RFC 7636) it is worth nothing without the verifier.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.core.http import Response
from mrak.services.cognito_idp import auth_operations, claims, pools, schema, signing, tokens, users
from mrak.services.cognito_idp.pages import html, visits
from mrak.services.cognito_idp.pages.visits import BadRequest, Visit
from mrak.services.cognito_idp.pages.wellknown import as_json
from mrak.services.cognito_idp.pools import Target
from mrak.services.cognito_idp.tables import CLIENTS, GRANTS, OLD_GRANTS, USERS, Client, Grant, User
from mrak.services.cognito_idp.tokens import SignIn

_CODE_SECONDS: Final = 300
_OPENID: Final = frozenset({"openid", "email", "phone", "profile", tokens.ADMIN_SCOPE})
_NO_STORE: Final = (("cache-control", "no-store"), ("pragma", "no-cache"))


class Refused(Exception):
    """An OAuth error: its code, for the app to read."""

    def __init__(self, error: str, description: str = "") -> None:
        super().__init__(error)
        self.error = error
        self.description = description


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What an app asks /oauth2/authorize for, checked."""

    target: Target
    redirect_uri: str
    response_type: str
    scopes: tuple[str, ...]
    state: str
    nonce: str
    challenge: str
    method: str


async def require_wish(ctx: Context, visit: Visit) -> Wish:
    """The app's wish. Where app or address are not known, nobody is sent anywhere (BadRequest)."""
    target, query = await visits.require_target(ctx, visit), visit.query
    settings = target.client.settings
    redirect_uri = query.get("redirect_uri") or settings.get("DefaultRedirectURI", "")
    if redirect_uri not in settings.get("CallbackURLs", ()):
        raise BadRequest("The app asked to send you to an address that is not one of its own (redirect_mismatch).")
    return Wish(
        target=target,
        redirect_uri=redirect_uri,
        response_type=query.get("response_type", ""),
        scopes=tuple(dict.fromkeys(query.get("scope", "").split())) or tuple(settings.get("AllowedOAuthScopes", ())),
        state=query.get("state", ""),
        nonce=query.get("nonce", ""),
        challenge=query.get("code_challenge", ""),
        method=query.get("code_challenge_method", ""),
    )


def check_wish(wish: Wish) -> None:
    settings = wish.target.client.settings
    flows = settings.get("AllowedOAuthFlows", ()) if settings.get("AllowedOAuthFlowsUserPoolClient") else ()
    if wish.response_type not in ("code", "token"):
        raise Refused("invalid_request" if not wish.response_type else "unsupported_response_type")
    if ("code" if wish.response_type == "code" else "implicit") not in flows:
        raise Refused("unauthorized_client")
    if not wish.scopes or not set(wish.scopes) <= set(settings.get("AllowedOAuthScopes", ())):
        raise Refused("invalid_scope")
    if {"email", "phone", "profile"} & set(wish.scopes) and "openid" not in wish.scopes:
        raise Refused("invalid_scope")
    if bool(wish.challenge) != bool(wish.method) or wish.method not in ("", "S256"):
        raise Refused("invalid_request", "code_challenge_method must be S256")


def send_error(wish: Wish, refused: Refused) -> Response:
    """Tells the app, at its own address, what was wrong."""
    given = {"error": refused.error, "error_description": refused.description, "state": wish.state}
    return html.redirect(_with(wish.redirect_uri, {name: value for name, value in given.items() if value}))


def _with(address: str, given: dict[str, str]) -> str:
    return f"{address}{'&' if '?' in address else '?'}{urlencode(given)}"


async def send_back(
    ctx: Context, wish: Wish, user: User, signed_in_at: float, cookies: tuple[str, ...] = ()
) -> Response:
    """Back to the app with a code, or with tokens where it wants those (implicit)."""
    state = {"state": wish.state} if wish.state else {}
    if wish.response_type == "token":
        sign_in = SignIn(
            user=user, source="HostedAuth", scopes=wish.scopes, nonce=wish.nonce, signed_in_at=signed_in_at
        )
        answer = await tokens.issue(ctx, wish.target, sign_in)
        given = {"access_token": answer["AccessToken"], "token_type": "Bearer", "expires_in": str(answer["ExpiresIn"])}
        if "IdToken" in answer:
            given = {"id_token": answer["IdToken"]} | given
        return html.redirect(f"{wish.redirect_uri}#{urlencode(given | state)}", cookies)
    code = await ctx.transact(lambda tx: _grant(ctx, tx, wish, user, signed_in_at))
    return html.redirect(_with(wish.redirect_uri, {"code": code} | state), cookies)


def _grant(ctx: Context, tx: Transaction, wish: Wish, user: User, signed_in_at: float) -> str:
    scope = wish.target.scope
    for old in list(OLD_GRANTS.scan(tx, scope, upto=ctx.now, limit=4)):
        GRANTS.lock(tx, scope, old.code)
        GRANTS.delete(tx, scope, old)
    grant = Grant(
        code=ctx.draw.uuid(),
        pool=wish.target.pool.id,
        client=wish.target.client.id,
        username=user.username,
        redirect_uri=wish.redirect_uri,
        scopes=list(wish.scopes),
        expires_at=ctx.now + _CODE_SECONDS,
        signed_in_at=signed_in_at,
        nonce=wish.nonce,
        challenge=wish.challenge,
        method=wish.method,
    )
    GRANTS.lock(tx, scope, grant.code)
    GRANTS.insert(tx, scope, grant)
    return grant.code


async def token(ctx: Context, visit: Visit) -> Response:
    """Tokens for a code, a refresh token, or for the app itself."""
    try:
        target = await _authenticate(ctx, visit)
        grant_type = visit.form.get("grant_type", "")
        if grant_type == "authorization_code":
            answer = await _redeem(ctx, visit, target)
        elif grant_type == "refresh_token":
            answer = await tokens.refresh(ctx, target, visit.form.get("refresh_token", ""))
        elif grant_type == "client_credentials":
            answer = await _for_itself(ctx, visit, target)
        else:
            raise Refused("unsupported_grant_type" if grant_type else "invalid_request")
    except Refused as refused:
        return _refusal(refused)
    except ApiError as error:
        return _refusal(Refused("invalid_grant", error.message))
    names = {"IdToken": "id_token", "AccessToken": "access_token", "RefreshToken": "refresh_token",
             "ExpiresIn": "expires_in", "TokenType": "token_type"}  # fmt: skip
    return as_json({names[name]: value for name, value in answer.items() if name in names}, headers=_NO_STORE)


def _refusal(refused: Refused, status: int = 400) -> Response:
    described = {"error_description": refused.description} if refused.description else {}
    return as_json({"error": refused.error} | described, status, headers=_NO_STORE)


async def _authenticate(ctx: Context, visit: Visit) -> Target:
    """The app, by HTTP Basic or by the form; one with a secret has to know it."""
    client_id, secret = visit.form.get("client_id", ""), visit.form.get("client_secret", "")
    if visit.authorization.lower().startswith("basic "):
        try:
            decoded = base64.b64decode(visit.authorization[6:].strip(), validate=True).decode()
        except (binascii.Error, ValueError):
            raise Refused("invalid_client") from None
        client_id, _, secret = decoded.partition(":")
    client = await ctx.transact(lambda tx: CLIENTS.get(tx, visit.scope, visit.pool.id, client_id))
    if client is None or not pools.is_secret(client, secret):
        raise Refused("invalid_client")
    return Target(visit.scope, visit.pool, client)


async def _redeem(ctx: Context, visit: Visit, target: Target) -> dict[str, Any]:
    code = visit.form.get("code", "")

    def take(tx: Transaction) -> tuple[Grant, User] | None:
        grant = GRANTS.open(tx, target.scope, code)
        if grant is None or grant.client != target.client.id:
            return None
        GRANTS.delete(tx, target.scope, grant)
        user = USERS.get(tx, target.scope, target.pool.id, grant.username)
        return None if user is None or not user.enabled else (grant, user)

    taken = await ctx.transact(take)
    if taken is None:
        raise Refused("invalid_grant")
    grant, user = taken
    if ctx.now >= grant.expires_at or visit.form.get("redirect_uri") != grant.redirect_uri:
        raise Refused("invalid_grant")
    if grant.challenge and not _proves(visit.form.get("code_verifier", ""), grant.challenge):
        raise Refused("invalid_grant")
    sign_in = SignIn(
        user=user,
        source="HostedAuth",
        scopes=tuple(grant.scopes),
        nonce=grant.nonce,
        signed_in_at=grant.signed_in_at,
    )
    return await tokens.issue(ctx, target, sign_in)


def _proves(verifier: str, challenge: str) -> bool:
    digest = hashlib.sha256(verifier.encode()).digest()
    made = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    return hmac.compare_digest(made.encode(), challenge.encode())


async def _for_itself(ctx: Context, visit: Visit, target: Target) -> dict[str, Any]:
    """client_credentials: an access token without a user."""
    client: Client = target.client
    if not client.secret or "client_credentials" not in client.settings.get("AllowedOAuthFlows", ()):
        raise Refused("unauthorized_client")
    allowed = client.settings.get("AllowedOAuthScopes", [])
    wanted = visit.form.get("scope", "").split() or [scope for scope in allowed if scope not in _OPENID]
    if not wanted or not set(wanted) <= set(allowed) - _OPENID:
        raise Refused("invalid_scope")
    keys = await signing.require_keys(ctx, target.scope, target.pool.id)
    lifetime = pools.validity_seconds(client, "AccessToken")
    said = {
        "sub": client.id,
        "token_use": "access",
        "auth_time": int(ctx.now),
        "iss": signing.issuer_of(ctx, target.pool.id),
        "exp": int(ctx.now) + lifetime,
        "iat": int(ctx.now),
        "version": 2,
        "jti": ctx.draw.uuid(),
        "client_id": client.id,
    }
    said = await claims.for_app(ctx, target, said, wanted, _metadata(visit))
    return {"AccessToken": signing.sign(keys, signing.ACCESS, said), "ExpiresIn": lifetime, "TokenType": "Bearer"}


def _metadata(visit: Visit) -> dict[str, str]:
    """What the app tells the pool's function (aws_client_metadata, JSON)."""
    try:
        found = msgspec.json.decode(visit.form.get("aws_client_metadata", "{}"), type=dict[str, str])
    except (msgspec.DecodeError, RecursionError):
        raise Refused("invalid_request", "aws_client_metadata must be a JSON object of strings") from None
    return found


async def user_info(ctx: Context, visit: Visit) -> Response:
    """The attributes that the access token's scopes open."""
    scheme, _, given = visit.authorization.partition(" ")
    try:
        if scheme.lower() != "bearer":
            return _refusal(Refused("invalid_request", "Bad OAuth2 request at UserInfo Endpoint"))
        bearer = await tokens.require_bearer(ctx, given.strip(), "openid")
    except ApiError as error:
        return _refusal(Refused("invalid_token", error.message), 401)
    scopes, client = tuple(str(bearer.claims.get("scope", "")).split()), bearer.target.client
    shown = {
        name: value
        for name, value in users.all_attributes(bearer.user).items()
        if name == "sub" or (claims.is_shown(name, scopes) and schema.is_readable(client, name))
    }
    return as_json(shown | {"username": bearer.user.username})


async def revoke(ctx: Context, visit: Visit) -> Response:
    """Ends a sign-in by its refresh token (RFC 7009)."""
    try:
        target = await _authenticate(ctx, visit)
        await ctx.transact(lambda tx: auth_operations.revoke(ctx, tx, target, visit.form.get("token", "")))
    except Refused as refused:
        return _refusal(refused)
    except ApiError as error:
        code = "unsupported_token_type" if error.code == "UnsupportedTokenTypeException" else "invalid_request"
        return _refusal(Refused(code, error.message))
    return Response(200, [("content-type", "application/json"), *_NO_STORE], b"")


async def logout(ctx: Context, visit: Visit) -> Response:
    """Ends the browser's session, then back to the app or to its sign-in page."""
    target = await visits.require_target(ctx, visit)
    address = visit.query.get("logout_uri")
    if address is None:
        wish = await require_wish(ctx, visit)
        check_wish(wish)
        return html.redirect(visit.address("/login"), (await visits.leave(ctx, visit),))
    if address not in target.client.settings.get("LogoutURLs", ()):
        raise BadRequest("The app asked to send you to an address that is not one of its own (logout_uri).")
    return html.redirect(address, (await visits.leave(ctx, visit),))
