"""What pages of other origins may do with the services' own endpoints.

AWS's endpoints answer cross-origin requests, since on AWS a page without credentials can do nothing. Here, in the open
mode, it could do everything; so only pages that were themselves served by this machine are let in. S3 buckets, APIs
and function URLs have CORS rules of their own, which their services answer.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from mrak.core.http import Request, Response

_EXPOSED = "x-amzn-RequestId,x-amzn-ErrorType,x-amz-request-id,x-amz-id-2,x-amzn-ErrorMessage,Date,ETag"


def is_local(origin: str) -> bool:
    """Whether a page's origin is this machine."""
    host = urlsplit(origin).hostname or ""
    return host in ("localhost", "127.0.0.1", "::1") or host.endswith((".localhost", ".localhost.localstack.cloud"))


def preflight(request: Request, origin: str) -> Response | None:
    """The answer to a preflight for a service's endpoint; None where a resource's own rules decide."""
    if not _is_endpoint(request) or not is_local(origin):
        return None
    headers = [
        ("access-control-allow-origin", origin),
        ("access-control-allow-methods", request.headers["access-control-request-method"]),
        ("access-control-max-age", "172800"),
        ("vary", "Origin"),
    ]
    wanted = request.headers.get("access-control-request-headers")
    if wanted:
        headers.append(("access-control-allow-headers", wanted))
    return Response(200, headers)


def allow(request: Request, origin: str, response: Response) -> Response:
    """The response as a page of that origin may read it; a service's endpoint refuses pages from elsewhere."""
    if not _is_endpoint(request):
        return response
    if is_local(origin):
        response.headers += [
            ("access-control-allow-origin", origin),
            ("access-control-expose-headers", _EXPOSED),
            ("vary", "Origin"),
        ]
    return response


def may_send(request: Request) -> bool:
    """Whether a request to S3 that is no operation may be a page's: a preflight, or a form for a bucket."""
    return request.method == "OPTIONS" or (request.method == "POST" and request.path.strip("/") != "")


def _is_endpoint(request: Request) -> bool:
    """Requests that SDKs make to services: they carry a target, or are signed by header."""
    wanted = request.headers.get("access-control-request-headers", "")
    return "x-amz-target" in request.headers or "x-amz-target" in wanted.lower()
