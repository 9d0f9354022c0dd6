"""What a policy of any service may ask about a request: the global condition keys that depend on how it came.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

from __future__ import annotations

from typing import Any

from mrak.core.context import Context

_HEADERS = {"referer": "aws:referer", "user-agent": "aws:useragent"}


def conditions(ctx: Context) -> dict[str, Any]:
    found: dict[str, Any] = {
        "aws:requestedregion": ctx.scope.region,
        "aws:securetransport": _is_secure(ctx),
        "aws:sourceip": ctx.source or "127.0.0.1",
    }
    if ctx.http is not None:
        found |= {key: ctx.http.headers[header] for header, key in _HEADERS.items() if header in ctx.http.headers}
    return found


def _is_secure(ctx: Context) -> bool:
    """Whether nobody on the way could listen: TLS, or a request that never left this machine. Buckets that deployment
    tools make (SAM's, the CDK's) deny everything else, and would deny all that comes over http://localhost."""
    return ctx.http is None or ctx.http.scheme == "https" or ctx.http.peer in ("127.0.0.1", "::1")
