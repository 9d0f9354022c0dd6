"""Signing in through another identity provider: to its page and back, by OpenID Connect's authorization code.

https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-oidc-flow.html

What comes back is taken only in the browser that was sent out (a cookie), once, and the id token only when the provider
has signed it for this pool and this sign-in (audience, nonce).
"""

from __future__ import annotations

import hmac
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from mrak.auth.tokens import InvalidToken, check_audience, discover, verify
from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.errors import ApiError
from mrak.core.http import OutgoingError, Reply, Response
from mrak.services.cognito_idp import federation, parts, pools, sessions
from mrak.services.cognito_idp.federation import Told
from mrak.services.cognito_idp.pages import html, oauth, visits
from mrak.services.cognito_idp.pages.oauth import Refused, Wish
from mrak.services.cognito_idp.pages.visits import BadRequest, Visit
from mrak.services.cognito_idp.pools import Target
from mrak.services.cognito_idp.tables import PARTS, Part, Session

_SENT: Final = "PROVIDER"
_COOKIE: Final = "cognito-fl"
_MINUTES_SECONDS: Final = 600
_FETCH_SECONDS: Final = 10.0
_ISSUERS: Final = {"Google": "https://accounts.google.com", "OIDC": ""}
"""Provider types that speak OpenID Connect, and who their issuer is unless it is configured."""


def links(tx: Transaction, visit: Visit, target: Target) -> list[tuple[str, str]]:
    """(address, words) for the sign-in page."""
    allowed = target.client.settings.get("SupportedIdentityProviders", ())
    rows = PARTS.scan(tx, target.scope, target.pool.id, parts.PROVIDER)
    return [
        (visit.address("/oauth2/authorize", identity_provider=part.name), f"Continue with {part.name}")
        for part in rows
        if part.name in allowed and part.settings["ProviderType"] in _ISSUERS
    ]


async def send_out(ctx: Context, visit: Visit, wish: Wish) -> Response | None:
    """To the provider that the app asked for, or the only one there is; None for the pool's own users."""
    name, identifier = visit.query.get("identity_provider", ""), visit.query.get("idp_identifier", "")
    allowed = wish.target.client.settings.get("SupportedIdentityProviders", ())
    if not name and not identifier and len(allowed) == 1:
        name = allowed[0]
    if (not name and not identifier) or name.upper() == "COGNITO":
        return None
    part = await ctx.transact(lambda tx: federation.find_provider(tx, wish.target, name, identifier))
    if part is None:
        raise BadRequest("The app asked for an identity provider that it may not use.")
    if part.settings["ProviderType"] not in _ISSUERS:
        # SAML and those that do not speak OpenID Connect.
        deviation("COGNITO-003")
        raise BadRequest(f"Signing in with {part.name} is not possible here.")
    endpoints = await _endpoints(ctx, part)
    browser, nonce = ctx.draw.hex(32), ctx.draw.hex(32)
    state = {"provider": part.name, "query": visit.query, "browser": browser, "nonce": nonce}
    sent = await ctx.transact(
        lambda tx: sessions.insert(ctx, tx, wish.target, "", _SENT, state, seconds=_MINUTES_SECONDS)
    )
    asked = {
        "client_id": part.settings["ProviderDetails"].get("client_id", ""),
        "redirect_uri": _back(visit),
        "response_type": "code",
        "scope": part.settings["ProviderDetails"].get("authorize_scopes", "openid"),
        "state": sent,
        "nonce": nonce,
    }
    address = endpoints["authorization_endpoint"]
    joined = f"{address}{'&' if '?' in address else '?'}{urlencode(asked)}"
    return html.redirect(joined, (visit.cookie(_COOKIE, browser, _MINUTES_SECONDS),))


def _back(visit: Visit) -> str:
    return f"{visit.origin}{visit.prefix}/oauth2/idpresponse"


async def _endpoints(ctx: Context, part: Part) -> dict[str, str]:
    """Where the provider's pages are: as configured, else as it says itself."""
    details = part.settings["ProviderDetails"]
    names = {
        "authorization_endpoint": "authorize_url",
        "token_endpoint": "token_url",
        "userinfo_endpoint": "attributes_url",
    }
    found = {name: details[given] for name, given in names.items() if details.get(given)}
    if "authorization_endpoint" not in found or "token_endpoint" not in found:
        try:
            said = await discover(ctx, _issuer(part))
        except InvalidToken as failure:
            raise BadRequest(f"{part.name} cannot be reached: {failure}") from None
        found = {name: str(said[name]) for name in names if isinstance(said.get(name), str)} | found
    if "authorization_endpoint" not in found or "token_endpoint" not in found:
        raise BadRequest(f"{part.name} does not say where it signs people in.")
    return found


def _issuer(part: Part) -> str:
    details: dict[str, str] = part.settings["ProviderDetails"]
    return details.get("oidc_issuer") or _ISSUERS[part.settings["ProviderType"]]


async def come_back(ctx: Context, visit: Visit) -> Response:
    """From the provider, with a code or an error."""
    target, session = await _take(ctx, visit)
    original = msgspec.structs.replace(visit, query=session.state["query"])
    wish = await oauth.require_wish(ctx, original)
    try:
        oauth.check_wish(wish)
        if "error" in visit.query:
            raise Refused("access_denied", visit.query.get("error_description", visit.query["error"]))
        part = await ctx.transact(lambda tx: federation.find_provider(tx, target, session.state["provider"], ""))
        if part is None:
            raise Refused("invalid_request", "The identity provider is gone.")
        user = await federation.admit(ctx, target, part, await _ask(ctx, visit, part, session))
    except Refused as refused:
        return oauth.send_error(wish, refused)
    except (ApiError, InvalidToken) as failure:
        return oauth.send_error(wish, Refused("invalid_request", getattr(failure, "message", str(failure))))
    entered, cookie = await visits.enter(ctx, visit, target, user.username)
    return await oauth.send_back(ctx, wish, entered, ctx.now, (cookie, visit.cookie(_COOKIE, "", 0)))


async def _take(ctx: Context, visit: Visit) -> tuple[Target, Session]:
    """The sign-in that this browser was sent out for, used up."""

    def take(tx: Transaction) -> tuple[Target, Session]:
        found = sessions.find(ctx, tx, visit.scope, visit.query.get("state", ""))
        target = Target(visit.scope, visit.pool, pools.require_client(tx, visit.scope, visit.pool.id, found.client))
        return target, sessions.take(ctx, tx, target, found.id)

    try:
        target, session = await ctx.transact(take)
    except ApiError:
        raise BadRequest(
            "This sign-in has expired or was finished already. Go back to the app and try again."
        ) from None
    browser = visit.cookies.get(_COOKIE, "")
    if session.challenge != _SENT or not hmac.compare_digest(browser.encode(), session.state["browser"].encode()):
        raise BadRequest("This sign-in was begun in another browser. Go back to the app and try again.")
    return target, session


async def _ask(ctx: Context, visit: Visit, part: Part, session: Session) -> Told:
    """What the provider says of the user: the id token's claims, and those of its user info."""
    details, endpoints = part.settings["ProviderDetails"], await _endpoints(ctx, part)
    form = {
        "grant_type": "authorization_code",
        "code": visit.query.get("code", ""),
        "redirect_uri": _back(visit),
        "client_id": details.get("client_id", ""),
        "client_secret": details.get("client_secret", ""),
    }
    headers = [("content-type", "application/x-www-form-urlencoded"), ("accept", "application/json")]
    answer = await _fetch(ctx, part, "POST", endpoints["token_endpoint"], headers, urlencode(form).encode())
    claims = await verify(ctx, str(answer.get("id_token", "")), _issuer(part))
    check_audience(claims, [details.get("client_id", "")])
    if claims.get("nonce") != session.state["nonce"] or not claims.get("sub"):
        raise InvalidToken("the id token is of another sign-in")
    access, said = answer.get("access_token"), {}
    if access and "userinfo_endpoint" in endpoints:
        bearer = [("authorization", f"Bearer {access}"), ("accept", "application/json")]
        said = await _fetch(ctx, part, "GET", endpoints["userinfo_endpoint"], bearer, b"")
    return Told(answer, claims, said if said.get("sub") == claims["sub"] else {})


async def _fetch(
    ctx: Context, part: Part, method: str, url: str, headers: list[tuple[str, str]], body: bytes
) -> dict[str, Any]:
    try:
        reply: Reply = await ctx.part("http").send(method, url, headers, body, _FETCH_SECONDS)
        decoded = msgspec.json.decode(reply.body) if reply.status == 200 else None
    except (OutgoingError, msgspec.DecodeError):
        decoded = None
    if not isinstance(decoded, dict):
        raise Refused("invalid_request", f"{part.name} did not answer as an OpenID provider does.")
    return decoded
