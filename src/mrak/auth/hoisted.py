"""Headers that stand in the query of a presigned link, so that whoever follows it need not send them.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
"""

from __future__ import annotations

from mrak.core.http import Request

KINDS = ("presigned", "v2-query")
# What belongs to the signature itself.
_SIGNING = frozenset(
    f"x-amz-{name}"
    for name in ("algorithm", "content-sha256", "credential", "date", "expires", "signature", "signedheaders")
)
_TOKEN = "x-amz-security-token"
# S3 verifies no checksum of the query: the SDK for JavaScript puts that of an empty body there, since it signs before
# there is one. https://github.com/aws/aws-sdk/issues/480
_CHECKSUMS = ("x-amz-checksum-", "x-amz-sdk-checksum-")


def hoisted_headers(request: Request, *, with_token: bool = False) -> dict[str, str]:
    """The x-amz parameters that are headers, by their names in lower case."""
    found: dict[str, str] = {}
    for name, value in request.query_pairs:
        lowered = name.lower()
        if lowered.startswith("x-amz-") and lowered not in _SIGNING and (with_token or lowered != _TOKEN):
            found[lowered] = value
    return found


def apply_hoisted(request: Request) -> None:
    """Makes headers of them, where the request has no such ones."""
    for name, value in hoisted_headers(request).items():
        if not name.startswith(_CHECKSUMS):
            request.headers.setdefault(name, value)
