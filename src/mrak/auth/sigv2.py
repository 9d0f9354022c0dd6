"""Signature Version 2 as Amazon S3 still takes it in its older regions; SDKs presign with it for us-east-1.

https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html

It signs the method, a few headers, the path and the query's sub-resources. Three forms: the header
`Authorization: AWS key:signature`, the query (`AWSAccessKeyId`, `Signature`, `Expires`), and a POST form's policy.
"""

from __future__ import annotations

import base64
import hmac
import re
from email.utils import mktime_tz, parsedate_tz
from typing import Any, Final
from urllib.parse import unquote

from mrak.auth.flavours import S3
from mrak.auth.hoisted import hoisted_headers
from mrak.auth.signature import Signature, s3_argument
from mrak.core.errors import ApiError
from mrak.core.http import Request

# Only regions launched before 2014 know this version.
REGION: Final = "us-east-1"
_SKEW_SECONDS: Final = 15 * 60
_SUBRESOURCES: Final = frozenset(
    {
        "accelerate", "acl", "analytics", "cors", "delete", "encryption", "intelligent-tiering", "inventory",
        "legal-hold", "lifecycle", "location", "logging", "metrics", "notification", "object-lock", "ownershipControls",
        "partNumber", "policy", "policyStatus", "publicAccessBlock", "replication", "requestPayment",
        "response-cache-control", "response-content-disposition", "response-content-encoding",
        "response-content-language", "response-content-type", "response-expires", "restore", "retention", "select",
        "select-type", "tagging", "torrent", "uploadId", "uploads", "versionId", "versioning", "versions", "website",
        "x-id",
    }
)  # fmt: skip
# `bucket.s3.localhost`, or before whatever endpoint an SDK was given: `bucket.localhost`, `bucket.SANDBOX.localhost`.
_BUCKET_HOST: Final = re.compile(r"(.+?)\.(?:s3[.-].*|(?:[a-z0-9-]+\.)?localhost(?::\d+)?)")


def parse_header(header: str, request: Request) -> Signature:
    """`AWS key:signature`."""
    key, colon, signature = header[len("AWS ") :].strip().rpartition(":")
    if not colon or not key or not signature:
        raise s3_argument("AWS authorization header is invalid. Expected AwsAccessKeyId:signature", header)
    token = request.headers.get("x-amz-security-token")
    return Signature("v2-header", key, "", REGION, "s3", (), signature, "", None, token)


def parse_query(request: Request) -> Signature:
    found = dict(request.query_pairs)
    if not found.get("Expires"):
        message = "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters"
        raise S3.error("missing", message)
    token = found.get("x-amz-security-token")
    return Signature(
        "v2-query", found["AWSAccessKeyId"], "", REGION, "s3", (), found["Signature"], found["Expires"], None, token
    )


def parse_post(fields: dict[str, str]) -> Signature:
    """A form's signature; its field names are lower case."""
    for name, title in (("awsaccesskeyid", "AWSAccessKeyId"), ("signature", "signature"), ("policy", "policy")):
        if not fields.get(name):
            raise ApiError(
                "InvalidArgument",
                f"Bucket POST must contain a field named '{title}'.  If it is specified, please check the order of the "
                "fields.",
                400,
                {"ArgumentName": title, "ArgumentValue": ""},
            )
    token = fields.get("x-amz-security-token")
    key, signature = fields["awsaccesskeyid"], fields["signature"]
    return Signature("v2-post", key, "", REGION, "s3", (), signature, "", None, token)


def check_signature(signature: Signature, request: Request, secret: str, now: float) -> None:
    """Raise unless the request was signed with `secret` and is still current."""
    headers = request.headers
    if signature.kind == "v2-query":
        date = signature.timestamp
        check_lifetime(date, now)
        headers = hoisted_headers(request, with_token=True) | headers
    else:
        date = _check_date(headers, now)
    texts = [_string_to_sign(request, headers, date, path) for path in _paths(request)]
    if not any(_matches(signature, text, secret) for text in texts):
        raise _mismatch(signature, texts[0])


def check_lifetime(expires: str, now: float) -> None:
    if not expires.isdigit() or int(expires) < now:
        raise S3.error("expired", Expires=expires)


def check_post_signature(signature: Signature, policy: str, secret: str) -> None:
    if not _matches(signature, policy, secret):
        raise _mismatch(signature, policy)


def _check_date(headers: dict[str, str], now: float) -> str:
    """The Date that was signed: an x-amz-date header is signed as one, and then Date is not."""
    text = headers["x-amz-date"] if "x-amz-date" in headers else headers.get("date", "")
    parsed = parsedate_tz(text)
    if parsed is None or mktime_tz(parsed) < 0:
        raise S3.error("denied", "AWS authentication requires a valid Date or x-amz-date header")
    if abs(mktime_tz(parsed) - now) > _SKEW_SECONDS:
        raise S3.error("skewed")
    return "" if "x-amz-date" in headers else text


def _paths(request: Request) -> list[str]:
    """The resource, which begins with the bucket also where that stands in the host; a bucket's own may end in `/`,
    which botocore always signs."""
    paths = [request.path or "/"]
    if paths[0].count("/") == 1 and paths[0] != "/":
        paths.append(f"{paths[0]}/")
    match = _BUCKET_HOST.fullmatch(request.host)
    if match is not None:
        paths.insert(0, f"/{match[1]}{paths[0]}")
    return paths


def _string_to_sign(request: Request, headers: dict[str, str], date: str, path: str) -> str:
    head = [request.method, headers.get("content-md5", ""), headers.get("content-type", ""), date]
    amz = sorted((name, value) for name, value in headers.items() if name.startswith("x-amz-"))
    lines = [f"{name}:{value.strip()}\n" for name, value in amz]
    return "\n".join(head) + "\n" + "".join(lines) + path + _resource_query(request.query)


def _resource_query(query: str) -> str:
    kept = []
    for part in query.split("&") if query else ():
        name, equals, value = part.partition("=")
        if unquote(name) in _SUBRESOURCES and name != "x-id":
            kept.append(f"{name}={unquote(value)}" if equals and value else name)
    return "?" + "&".join(sorted(kept)) if kept else ""


def _matches(signature: Signature, text: str, secret: str) -> bool:
    ours = base64.b64encode(hmac.digest(secret.encode(), text.encode(), "sha1"))
    return hmac.compare_digest(ours, signature.signature.encode())


def _mismatch(signature: Signature, text: str) -> ApiError:
    fields: dict[str, Any] = {
        "AWSAccessKeyId": signature.access_key,
        "StringToSign": text,
        "SignatureProvided": signature.signature,
        "StringToSignBytes": text.encode().hex(" "),
    }
    return S3.error("mismatch", **fields)
