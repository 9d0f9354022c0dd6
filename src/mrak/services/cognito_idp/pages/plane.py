"""Which page a request is for. A pool is named by its domain's host, or by domain or id in the path."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any, Final

from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.http import Request, Response
from mrak.core.operation import dataplane
from mrak.core.scope import Scope
from mrak.services.cognito_idp import imports, pools
from mrak.services.cognito_idp.pages import forms, html, oauth, providers, visits, wellknown
from mrak.services.cognito_idp.pages.oauth import Refused
from mrak.services.cognito_idp.pages.visits import BadRequest, Visit
from mrak.services.cognito_idp.tables import POOLS, Pool

Endpoint = Callable[[Context, Visit], Awaitable[Response]]

_ENDPOINTS: Final[dict[tuple[str, str], Endpoint]] = {
    ("GET", "/oauth2/authorize"): forms.authorize,
    ("GET", "/oauth2/idpresponse"): providers.come_back,
    ("POST", "/oauth2/token"): oauth.token,
    ("GET", "/oauth2/userInfo"): oauth.user_info,
    ("POST", "/oauth2/userInfo"): oauth.user_info,
    ("POST", "/oauth2/revoke"): oauth.revoke,
    ("GET", "/logout"): oauth.logout,
    ("GET", "/confirmUser"): forms.confirm_by_link,
}
_FORMS: Final = {
    "/login": forms.login,
    "/signup": forms.signup,
    "/confirm": forms.confirm,
    "/forgotPassword": forms.forgot,
    "/confirmforgotPassword": forms.reset,
    "/challenge": forms.challenge,
}
_ONLY_POSTED: Final = ("/confirmforgotPassword", "/challenge")
# What an application's own code asks, from whatever page: none of these looks at cookies, so any origin may read them.
_FOR_CODE: Final = frozenset(
    {"/oauth2/token", "/oauth2/userInfo", "/oauth2/revoke", "/.well-known/jwks.json",
     "/.well-known/openid-configuration"}
)  # fmt: skip
_IMPORT: Final = re.compile(r"/import/(import-[0-9A-Za-z]+)")
_ANY_ORIGIN: Final = ("access-control-allow-origin", "*")


@dataplane("cognito-idp")
async def serve(ctx: Context, request: Request, route: Any) -> Response:
    if route.path not in _FOR_CODE:
        return await _serve(ctx, request, route)
    if request.method == "OPTIONS":
        return _preflight(request)
    answer = await _serve(ctx, request, route)
    answer.headers.append(_ANY_ORIGIN)
    return answer


def _preflight(request: Request) -> Response:
    headers = [_ANY_ORIGIN, ("access-control-allow-methods", "GET, POST"), ("access-control-max-age", "600")]
    wanted = request.headers.get("access-control-request-headers")
    if wanted:
        headers.append(("access-control-allow-headers", wanted))
    return Response(200, headers)


async def _serve(ctx: Context, request: Request, route: Any) -> Response:
    found = await ctx.transact(lambda tx: _find_pool(tx, ctx.scope.environment, route.resource))
    if found is None:
        return wellknown.as_json({"message": "There is no such user pool or domain."}, 404)
    scope, pool = found
    if route.path == "/.well-known/jwks.json":
        return await wellknown.keys(ctx, scope, pool)
    if route.path == "/.well-known/openid-configuration":
        return wellknown.discovery(ctx, pool, f"{ctx.part('endpoint')}/_aws/cognito-idp/{pool.id}")
    if request.method == "PUT" and (job := _IMPORT.fullmatch(route.path)):
        return await imports.receive(ctx, request, scope, pool, job[1], dict(request.query_pairs).get("key", ""))
    visit = visits.read(request, route.path, scope, pool)
    try:
        return await _answer(ctx, visit)
    except BadRequest as bad:
        return html.render(html.Page(title="An error was encountered", error=str(bad)), 400)


async def _answer(ctx: Context, visit: Visit) -> Response:
    endpoint = _ENDPOINTS.get((visit.method, visit.path))
    if endpoint is not None:
        return await endpoint(ctx, visit)
    form = _FORMS.get(visit.path)
    if form is None or visit.method not in ("GET", "POST") or (visit.method == "GET" and visit.path in _ONLY_POSTED):
        return html.render(html.Page(title="There is no such page"), 404)
    # The pages have a look of their own, whatever SetUICustomization keeps.
    deviation("COGNITO-006")
    wish = await oauth.require_wish(ctx, visit)
    try:
        oauth.check_wish(wish)
    except Refused as refused:
        return oauth.send_error(wish, refused)
    if visit.method == "POST":
        visits.check_form(visit)
    return await form(ctx, visit, wish)


def _find_pool(tx: Transaction, environment: str, name: str) -> tuple[Scope, Pool] | None:
    home = pools.find_home(tx, environment, name) or pools.find_home(tx, environment, f"domain:{name}")
    if home is None:
        return None
    pool = POOLS.get(tx, home[0], home[1])
    return None if pool is None else (home[0], pool)
