"""A pool's keys and its OpenID Connect discovery document.

https://docs.aws.amazon.com/cognito/latest/developerguide/federation-endpoints.html
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.context import Context
from mrak.core.http import Response
from mrak.core.scope import Scope
from mrak.services.cognito_idp import signing
from mrak.services.cognito_idp.tables import Pool


def as_json(body: dict[str, Any], status: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> Response:
    return Response(status, [("content-type", "application/json"), *headers], msgspec.json.encode(body))


async def keys(ctx: Context, scope: Scope, pool: Pool) -> Response:
    found = await signing.require_keys(ctx, scope, pool.id)
    return as_json(signing.render_jwks(found), headers=(("cache-control", "public, max-age=86400"),))


def discovery(ctx: Context, pool: Pool, base: str) -> Response:
    issuer = signing.issuer_of(ctx, pool.id)
    return as_json(
        {
            "authorization_endpoint": f"{base}/oauth2/authorize",
            "end_session_endpoint": f"{base}/logout",
            "id_token_signing_alg_values_supported": ["RS256"],
            "issuer": issuer,
            "jwks_uri": f"{issuer}/.well-known/jwks.json",
            "response_types_supported": ["code", "token"],
            "revocation_endpoint": f"{base}/oauth2/revoke",
            "scopes_supported": ["openid", "email", "phone", "profile"],
            "subject_types_supported": ["public"],
            "token_endpoint": f"{base}/oauth2/token",
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "userinfo_endpoint": f"{base}/oauth2/userInfo",
        },
    )
