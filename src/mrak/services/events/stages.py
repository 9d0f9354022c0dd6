"""Stages of APIs of API Gateway as targets: a request to the method and path that the target's ARN names.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-api-gateway-target.html
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

from mrak.core.arn import Arn
from mrak.core.background import Undeliverable
from mrak.core.context import Context
from mrak.core.deviations import deviation
from mrak.core.http import OutgoingError
from mrak.core.urls import resource_url
from mrak.services.events.authorisation import EndpointFailed

TIMEOUT_SECONDS = 30.0


def fill_path(url: str, values: list[str]) -> str:
    """Each value takes the place of one `*`."""
    for value in values:
        url = url.replace("*", quote(value, safe=""), 1)
    return url


async def invoke(ctx: Context, found: Arn, text: str, given: dict[str, Any]) -> None:
    """One request with the target's HttpParameters; raises where it is to be tried again."""
    parts = found.resource.split("/", 3)
    if len(parts) < 3:
        raise Undeliverable(f"{found} names no method of a stage")
    api_id, stage, method = parts[:3]
    path = fill_path(parts[3] if len(parts) > 3 else "", given.get("PathParameterValues") or [])
    base = resource_url(ctx.endpoint, "execute-api", api_id)
    url = f"{base}/{path}" if stage == "$default" else f"{base}/{stage}/{path}"
    query = given.get("QueryStringParameters")
    if query:
        url += f"?{urlencode(query)}"
    headers = {"Content-Type": "application/json; charset=UTF-8", **(given.get("HeaderParameters") or {})}
    deviation("EVENTS-006")
    method = "POST" if method == "*" else method
    try:
        reply = await ctx.part("http").send(method, url, list(headers.items()), text.encode(), TIMEOUT_SECONDS)
    except OutgoingError as error:
        raise EndpointFailed(f"SDK_CLIENT_ERROR: {error}") from None
    if reply.status == 429 or reply.status >= 500:
        raise EndpointFailed(f"HTTP_{reply.status}: {found} answered {reply.status}")
    if reply.status in (401, 403):
        raise Undeliverable(f"AccessDenied: {found} answered {reply.status}")
    if reply.status >= 300:
        raise Undeliverable(f"HTTP_{reply.status}: {found} answered {reply.status}")
