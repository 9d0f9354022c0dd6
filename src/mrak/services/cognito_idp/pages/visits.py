"""Who is in front of the browser: the request, the app it comes for, its cookies, and proof that a form is ours.

A form carries a random token that a cookie has too (double submit), so that no other site can post it. Who has signed
in is a session of an hour, named by a cookie, for all apps of the pool.
https://docs.aws.amazon.com/cognito/latest/developerguide/managed-login-endpoints.html
"""

from __future__ import annotations

import hmac
from http.cookies import CookieError, SimpleCookie
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.core.http import Request
from mrak.core.scope import Scope
from mrak.services.cognito_idp import errors, sessions
from mrak.services.cognito_idp.pools import Target
from mrak.services.cognito_idp.tables import CLIENTS, SESSIONS, USERS, Pool, Session, User

_SIGNED_IN: Final = "cognito"
_FORM: Final = "XSRF-TOKEN"
_HOUR_SECONDS: Final = 3600
_HOSTED: Final = "HOSTED"
# What of the address an app sent a browser to goes along from page to page.
_CARRIED: Final = (
    "client_id", "response_type", "scope", "redirect_uri", "state", "nonce", "code_challenge", "code_challenge_method",
)  # fmt: skip


class BadRequest(Exception):
    """A request that can't be answered but by a page that says so."""


class Visit(msgspec.Struct, frozen=True, kw_only=True):
    """One request to a page. `prefix` is what stands before the page's own path."""

    method: str
    path: str
    prefix: str
    query: dict[str, str]
    form: dict[str, str]
    cookies: dict[str, str]
    authorization: str
    is_secure: bool
    origin: str
    scope: Scope
    pool: Pool

    def address(self, page: str, **more: str) -> str:
        """The address of another page, with the app's wishes carried along."""
        carried = {name: self.query[name] for name in _CARRIED if name in self.query}
        return f"{self.prefix}{page}?{urlencode(carried | more)}"

    def cookie(self, name: str, value: str, seconds: int | None = None) -> str:
        parts = [f"{name}={value}", f"Path={self.prefix or '/'}", "HttpOnly", "SameSite=Lax"]
        if seconds is not None:
            parts.append(f"Max-Age={seconds}")
        return "; ".join([*parts, "Secure"] if self.is_secure else parts)


def read(request: Request, path: str, scope: Scope, pool: Pool) -> Visit:
    content_type = request.headers.get("content-type", "")
    form: dict[str, str] = {}
    if content_type.startswith("application/x-www-form-urlencoded"):
        text = (request.body or b"").decode("utf-8", "replace")
        form = dict(parse_qsl(text, keep_blank_values=True, max_num_fields=64))
    return Visit(
        method=request.method,
        path=path,
        prefix=request.path[: len(request.path) - len(path)],
        query=dict(request.query_pairs),
        form=form,
        cookies=_cookies(request.headers.get("cookie", "")),
        authorization=request.headers.get("authorization", ""),
        is_secure=request.scheme == "https",
        origin=f"{request.scheme}://{request.host}",
        scope=scope,
        pool=pool,
    )


def _cookies(header: str) -> dict[str, str]:
    jar: SimpleCookie = SimpleCookie()
    try:
        jar.load(header)
    except CookieError:
        return {}
    return {name: morsel.value for name, morsel in jar.items()}


async def require_target(ctx: Context, visit: Visit) -> Target:
    """The app that a page is asked for."""
    client_id = visit.query.get("client_id", "")
    client = await ctx.transact(lambda tx: CLIENTS.get(tx, visit.scope, visit.pool.id, client_id))
    if client is None:
        raise BadRequest("The app that sent you here is not known.")
    return Target(visit.scope, visit.pool, client)


def form_token(ctx: Context, visit: Visit) -> tuple[str, tuple[str, ...]]:
    """The token for a form, and the cookie to be set where the browser has none yet."""
    known = visit.cookies.get(_FORM, "")
    if len(known) == 32 and known.isalnum():
        return known, ()
    made = ctx.draw.hex(32)
    return made, (visit.cookie(_FORM, made),)


def check_form(visit: Visit) -> None:
    """That a form was filled in on one of our pages."""
    known, given = visit.cookies.get(_FORM, ""), visit.form.get("_csrf", "")
    if not known or not hmac.compare_digest(known.encode(), given.encode()):
        raise BadRequest("This form is too old, or came from another page. Go back, load the page again and retry.")


async def enter(ctx: Context, visit: Visit, target: Target, username: str) -> tuple[User, str]:
    """Keeps that a user has signed in; the user, and the cookie that tells so."""

    def keep(tx: Transaction) -> tuple[User, str]:
        user = USERS.get(tx, target.scope, target.pool.id, username)
        if user is None:
            raise errors.user_not_found()
        state = {"signed_in_at": ctx.now}
        return user, sessions.insert(ctx, tx, target, username, _HOSTED, state, seconds=_HOUR_SECONDS)

    user, session = await ctx.transact(keep)
    return user, visit.cookie(_SIGNED_IN, session, _HOUR_SECONDS)


async def find_signed_in(ctx: Context, visit: Visit) -> tuple[User, float] | None:
    """(user, since when) of a browser whose user has signed in lately."""
    identifier = visit.cookies.get(_SIGNED_IN)
    if not identifier:
        return None

    def look(tx: Transaction) -> tuple[User, float] | None:
        try:
            session: Session = sessions.find(ctx, tx, visit.scope, identifier)
        except ApiError:
            return None
        if session.challenge != _HOSTED or session.pool != visit.pool.id:
            return None
        user = USERS.get(tx, visit.scope, visit.pool.id, session.username)
        return None if user is None or not user.enabled else (user, session.state["signed_in_at"])

    return await ctx.transact(look)


async def leave(ctx: Context, visit: Visit) -> str:
    """Ends the browser's session; the cookie that says so."""
    identifier = visit.cookies.get(_SIGNED_IN)
    if identifier:
        await ctx.transact(lambda tx: _forget(tx, visit, identifier))
    return visit.cookie(_SIGNED_IN, "", 0)


def _forget(tx: Transaction, visit: Visit, identifier: str) -> None:
    home = visit.scope.environment_wide()
    found: Any = SESSIONS.open(tx, home, identifier)
    if found is not None and found.challenge == _HOSTED and found.pool == visit.pool.id:
        SESSIONS.delete(tx, home, found)
