"""What a connection adds to a request: its authorisation, and the parameters that always go with it.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-target-connection-auth.html
"""

from __future__ import annotations

import base64
import json
from typing import Any, NamedTuple
from urllib.parse import urlencode

from mrak.core.context import Context
from mrak.core.http import OutgoingError, Reply
from mrak.services.events.tables import Connection

_TIMEOUT_SECONDS = 5.0


class EndpointFailed(Exception):
    """The endpoint's answer may be another one later."""


class Added(NamedTuple):
    """Headers, members of the query and of the JSON body; they win over what the request has of its own."""

    headers: dict[str, str]
    query: dict[str, str]
    body: dict[str, str]


async def of_connection(ctx: Context, connection: Connection) -> Added:
    fixed = connection.auth.get("InvocationHttpParameters") or {}
    headers = _pairs(fixed, "HeaderParameters") | await _authorization(ctx, connection)
    return Added(headers, _pairs(fixed, "QueryStringParameters"), _pairs(fixed, "BodyParameters"))


def _pairs(parameters: dict[str, Any], place: str) -> dict[str, str]:
    return {row["Key"]: row.get("Value", "") for row in parameters.get(place) or [] if "Key" in row}


async def _authorization(ctx: Context, connection: Connection) -> dict[str, str]:
    auth = connection.auth
    if "BasicAuthParameters" in auth:
        basic = auth["BasicAuthParameters"]
        pair = f"{basic['Username']}:{basic['Password']}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
    if "ApiKeyAuthParameters" in auth:
        key = auth["ApiKeyAuthParameters"]
        return {key["ApiKeyName"]: key["ApiKeyValue"]}
    return await _fetch_token(ctx, auth["OAuthParameters"])


async def _fetch_token(ctx: Context, oauth: dict[str, Any]) -> dict[str, str]:
    """The client credentials' grant, made for each request: no token outlives its use."""
    client, extra = oauth["ClientParameters"], oauth.get("OAuthHttpParameters") or {}
    form = {
        "grant_type": "client_credentials",
        "client_id": client["ClientID"],
        "client_secret": client["ClientSecret"],
        **_pairs(extra, "BodyParameters"),
    }
    url, query = oauth["AuthorizationEndpoint"], _pairs(extra, "QueryStringParameters")
    if query:
        url += ("&" if "?" in url else "?") + urlencode(query)
    headers = {"Content-Type": "application/x-www-form-urlencoded", **_pairs(extra, "HeaderParameters")}
    try:
        reply: Reply = await ctx.part("http").send(
            oauth["HttpMethod"], url, list(headers.items()), urlencode(form).encode(), _TIMEOUT_SECONDS
        )
        token = json.loads(reply.body)["access_token"]
    except (OutgoingError, ValueError, KeyError, TypeError) as error:
        raise EndpointFailed(f"The authorization endpoint gave no token: {error}") from None
    return {"Authorization": f"Bearer {token}"}
