"""JSON Web Tokens of identity providers: signatures by the issuer's keys, and what is asked of the claims.

Only RSA signatures are taken, as on AWS, whatever the token's header says. Keys are fetched from the issuer's
discovery document and kept for a while; an unknown key id asks again, though not with each bad token. An issuer that
is one of our own user pools is asked at our own endpoint, also under its AWS name.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import msgspec

from mrak.core.context import Context
from mrak.core.http import HttpSender, OutgoingError
from mrak.lang.jsontexts import check_texts

_ALGORITHMS = ("RS256", "RS384", "RS512")
_LONGEST_TOKEN = 16 * 1024
_KEEP_SECONDS = 300.0
_ASK_AGAIN_SECONDS = 5.0
_FETCH_SECONDS = 5.0
_MOST_ISSUERS = 256
_COGNITO_HOST = re.compile(r"cognito-idp\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?")
_POOL_PATH = re.compile(r"/[a-z]{2}(?:-[a-z]+)+-\d_[A-Za-z0-9]+")


class InvalidToken(Exception):
    """The token does not hold; the message says why, in the words of the www-authenticate header."""


class ExpiredToken(InvalidToken):
    """It held once."""


class _Fetched(msgspec.Struct):
    keys: dict[str, Any]
    fetched_at: float


class Keys:
    """The keys of issuers, by key id; one for each environment."""

    def __init__(self) -> None:
        self._issuers: dict[str, _Fetched] = {}

    async def find(self, ctx: Context, issuer: str, key_id: str) -> Any:
        """The key, or None where the issuer has no such key."""
        known = self._issuers.get(issuer)
        age = float("inf") if known is None else ctx.clock() - known.fetched_at
        if known is None or age > _KEEP_SECONDS or (key_id not in known.keys and age > _ASK_AGAIN_SECONDS):
            known = _Fetched(await _fetch_keys(ctx, issuer), ctx.clock())
            if len(self._issuers) >= _MOST_ISSUERS:
                self._issuers.clear()
            self._issuers[issuer] = known
        return known.keys.get(key_id)


def read_unverified(token: str) -> dict[str, Any]:
    """The claims of a token without any proof, to see whose it says it is; {} where it is no token."""
    import jwt

    if len(token) > _LONGEST_TOKEN:
        return {}
    try:
        claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
        check_texts(claims)
    except (jwt.InvalidTokenError, UnicodeEncodeError, RecursionError):
        return {}
    return claims


async def verify(ctx: Context, token: str, issuer: str) -> dict[str, Any]:
    """The claims of a token of this issuer that is valid now."""
    import jwt

    if len(token) > _LONGEST_TOKEN:
        raise InvalidToken("the token is too long")
    try:
        header = jwt.get_unverified_header(token)
    except jwt.InvalidTokenError:
        raise InvalidToken("the token is malformed") from None
    if header.get("alg") not in _ALGORITHMS:
        raise InvalidToken("the token's signature algorithm is not supported")
    key = await ctx.live(Keys).find(ctx, issuer, str(header.get("kid", "")))
    if key is None:
        raise InvalidToken("the token's key is not one of the issuer's")
    try:
        # The time is the environment's, so that times are checked here and not by the library.
        unchecked = dict.fromkeys(("verify_exp", "verify_nbf", "verify_iat", "verify_aud", "verify_iss"), False)
        claims: dict[str, Any] = jwt.decode(token, key.key, algorithms=list(_ALGORITHMS), options=unchecked)  # type: ignore[arg-type]
    except jwt.InvalidTokenError:
        raise InvalidToken("the token has an invalid signature") from None
    _check_times(claims, ctx.clock())
    if not is_same_issuer(str(claims.get("iss", "")), issuer):
        raise InvalidToken("the token has an invalid issuer")
    return claims


def check_audience(claims: dict[str, Any], audiences: list[str]) -> None:
    """`aud`, or where there is none `client_id`, has to be one of the audiences."""
    given = claims.get("aud", claims.get("client_id"))
    values = given if isinstance(given, list) else [given]
    if not any(value in audiences for value in values):
        raise InvalidToken("the token does not have a valid audience")


def scopes_of(claims: dict[str, Any]) -> set[str]:
    found = claims.get("scope", claims.get("scp", ""))
    return set(found.split()) if isinstance(found, str) else {str(scope) for scope in found or ()}


def render_claims(claims: dict[str, Any]) -> dict[str, str]:
    """Claims as an event shows them: all as text, a list as [a b]."""
    return {name: _claim(value) for name, value in claims.items()}


def is_same_issuer(one: str, other: str) -> bool:
    """Whether two issuers are the same; a user pool has its AWS name and our own."""
    if one == other:
        return True
    first, second = urlsplit(one), urlsplit(other)
    return first.path == second.path and _is_pool(first.hostname, first.path) and _is_pool(second.hostname, second.path)


def _is_pool(host: str | None, path: str) -> bool:
    ours = host is not None and (host in ("localhost", "127.0.0.1") or host.endswith(".localhost"))
    return bool(_POOL_PATH.fullmatch(path)) and (ours or bool(_COGNITO_HOST.fullmatch(host or "")))


def _claim(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "[" + " ".join(_claim(item) for item in value) + "]"
    return msgspec.json.encode(value).decode()


def _check_times(claims: dict[str, Any], now: float) -> None:
    expires, begins, issued = claims.get("exp"), claims.get("nbf"), claims.get("iat")
    if not isinstance(expires, int | float) or expires <= now:
        raise ExpiredToken("the token has expired")
    if isinstance(begins, int | float) and begins > now:
        raise InvalidToken("the token is not yet valid")
    # A second of grace: `iat` is rounded by some issuers.
    if isinstance(issued, int | float) and issued > now + 1:
        raise InvalidToken("the token was issued in the future")


async def discover(ctx: Context, issuer: str) -> dict[str, Any]:
    """An issuer's discovery document; raises InvalidToken where it cannot be had."""
    return await _fetch(ctx, f"{issuer.rstrip('/')}/.well-known/openid-configuration")


async def _fetch_keys(ctx: Context, issuer: str) -> dict[str, Any]:
    import jwt

    discovery = await discover(ctx, issuer)
    uri = discovery.get("jwks_uri")
    if not isinstance(uri, str):
        raise InvalidToken("the issuer's discovery document names no keys")
    keys = (await _fetch(ctx, uri)).get("keys")
    found = {}
    for key in keys if isinstance(keys, list) else ():
        if isinstance(key, dict) and key.get("kty") == "RSA" and "kid" in key:
            try:
                found[str(key["kid"])] = jwt.PyJWK(key, algorithm=key.get("alg", "RS256"))
            except jwt.PyJWKError:
                continue
    return found


async def _fetch(ctx: Context, url: str) -> dict[str, Any]:
    sender: HttpSender = ctx.part("http")
    try:
        reply = await sender.send("GET", _reachable(ctx, url), [("accept", "application/json")], b"", _FETCH_SECONDS)
        decoded = msgspec.json.decode(reply.body) if reply.status == 200 else None
    except (OutgoingError, msgspec.DecodeError):
        decoded = None
    if not isinstance(decoded, dict):
        raise InvalidToken("the issuer's keys can't be fetched")
    return decoded


def _reachable(ctx: Context, url: str) -> str:
    """A user pool's AWS URL as our own."""
    parts = urlsplit(url)
    if not _COGNITO_HOST.fullmatch(parts.hostname or ""):
        return url
    endpoint: str = ctx.part("endpoint")
    return f"{endpoint}{parts.path}"
