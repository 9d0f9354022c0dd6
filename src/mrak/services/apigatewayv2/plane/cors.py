"""CORS of HTTP APIs: the gateway answers preflights and writes the headers itself.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html
"""

from __future__ import annotations

from typing import Any

from mrak.core.http import Request, Response

_OURS = "access-control-"


def is_preflight(request: Request) -> bool:
    headers = request.headers
    return request.method == "OPTIONS" and "origin" in headers and "access-control-request-method" in headers


def answer_preflight(cors: dict[str, Any], request: Request) -> Response:
    """Without headers where the origin, the method or a header may not."""
    origin = _allowed_origin(cors, request.headers["origin"])
    methods, allowed_headers = cors.get("AllowMethods", []), cors.get("AllowHeaders", [])
    asked = [name.strip() for name in request.headers.get("access-control-request-headers", "").split(",") if name]
    if origin is None or not _allows(methods, request.headers["access-control-request-method"]):
        return Response(204)
    if not all(_allows(allowed_headers, name) for name in asked):
        return Response(204)
    headers = [("access-control-allow-origin", origin)]
    if methods:
        headers.append(("access-control-allow-methods", ",".join(methods)))
    if allowed_headers:
        headers.append(("access-control-allow-headers", ",".join(allowed_headers)))
    if "MaxAge" in cors:
        headers.append(("access-control-max-age", str(cors["MaxAge"])))
    return Response(204, headers + _credentials(cors))


def apply(cors: dict[str, Any], request: Request, response: Response) -> Response:
    """The response with the API's own CORS headers in place of the integration's."""
    response.headers = [pair for pair in response.headers if not pair[0].startswith(_OURS)]
    given = request.headers.get("origin")
    origin = None if given is None else _allowed_origin(cors, given)
    if origin is None:
        return response
    response.headers.append(("access-control-allow-origin", origin))
    if cors.get("ExposeHeaders"):
        response.headers.append(("access-control-expose-headers", ",".join(cors["ExposeHeaders"])))
    response.headers += _credentials(cors)
    return response


def _allowed_origin(cors: dict[str, Any], origin: str) -> str | None:
    """What to answer as allowed: "*", the origin itself, or None."""
    for allowed in cors.get("AllowOrigins", []):
        if allowed == "*":
            return "*"
        if allowed.lower() == origin.lower() or (allowed.endswith("//*") and origin.startswith(allowed[:-1])):
            return origin
        start, star, end = allowed.partition("*")
        if star and origin.startswith(start) and origin.endswith(end) and len(origin) >= len(start) + len(end):
            return origin
    return None


def _allows(allowed: list[str], asked: str) -> bool:
    return "*" in allowed or asked.lower() in (name.lower() for name in allowed)


def _credentials(cors: dict[str, Any]) -> list[tuple[str, str]]:
    return [("access-control-allow-credentials", "true")] if cors.get("AllowCredentials") else []
