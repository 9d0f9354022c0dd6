"""Signature Version 2 against botocore's signer, which presigns with it for us-east-1."""

from __future__ import annotations

import base64
import hmac
from email.utils import formatdate
from urllib.parse import urlsplit

import pytest
from botocore.auth import HmacV1Auth, HmacV1QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from mrak.auth.flavours import S3
from mrak.auth.signature import parse_post_signature, parse_signature
from mrak.auth.sigv4 import check_post_signature, check_signature
from mrak.core.errors import ApiError
from mrak.core.http import Request

KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
NOW = 1_790_000_000.0


def _request(signed: AWSRequest) -> Request:
    parts = urlsplit(signed.url)
    headers = {name.lower(): value for name, value in signed.headers.items()}
    return Request(signed.method, parts.path, parts.query, headers | {"host": parts.netloc})


def _verify(request: Request, secret: str = SECRET, now: float = NOW) -> None:
    signature = parse_signature(request, S3)
    assert signature is not None and signature.access_key == KEY
    check_signature(signature, request, secret, now)


@pytest.mark.parametrize("query", ["", "?acl", "?uploadId=a%2Fb&partNumber=2", "?prefix=x&versions"])
def test_header(query: str) -> None:
    """Sub-resources are signed, other parameters are not."""
    headers = {"Date": formatdate(NOW, usegmt=True), "Content-Type": "text/plain", "x-amz-meta-a": "b  c"}
    signed = AWSRequest("PUT", f"http://localhost/bucket/a%20b{query}", headers=headers)
    HmacV1Auth(Credentials(KEY, SECRET)).add_auth(signed)
    # botocore replaces the date by its own.
    request = _request(signed)
    _verify(request, now=_date_of(request))
    with pytest.raises(ApiError, match="SignatureDoesNotMatch"):
        _verify(request, "other", now=_date_of(request))
    request.headers["x-amz-meta-a"] = "changed"
    with pytest.raises(ApiError, match="SignatureDoesNotMatch"):
        _verify(request, now=_date_of(request))


def test_skewed_header() -> None:
    """A request of an hour ago could be a replayed one."""
    signed = AWSRequest("GET", "http://localhost/bucket/key")
    HmacV1Auth(Credentials(KEY, SECRET)).add_auth(signed)
    request = _request(signed)
    with pytest.raises(ApiError, match="RequestTimeTooSkewed"):
        _verify(request, now=_date_of(request) + 3600)


@pytest.mark.parametrize("query", ["", "?location"])
def test_buckets_without_a_slash(query: str) -> None:
    """boto3 puts a slash behind a bucket that it signs, but not into the URL."""
    signed = AWSRequest("GET", f"http://localhost/bucket{query}", auth_path="/bucket/")
    HmacV1Auth(Credentials(KEY, SECRET)).add_auth(signed)
    request = _request(signed)
    assert request.path == "/bucket"
    _verify(request, now=_date_of(request))


@pytest.mark.parametrize("date", ["", "Bad Date", "Tue, 07 Jul 1950 21:53:04 GMT"])
def test_dates_that_are_none(date: str) -> None:
    """An x-amz-date counts in Date's place even where it is empty: it does not fall back to the other."""
    signed = AWSRequest("PUT", "http://localhost/bucket/key", headers={"x-amz-date": date})
    HmacV1Auth(Credentials(KEY, SECRET)).add_auth(signed)
    with pytest.raises(ApiError, match="requires a valid Date or x-amz-date header"):
        _verify(_request(signed), now=NOW)


@pytest.mark.parametrize(
    "host", ["localhost:4566", "bucket.s3.localhost:4566", "bucket.localhost:4566", "bucket.alice.localhost:4566"]
)
def test_presigned(host: str) -> None:
    """A URL is good until it expires, whether the bucket stands in the path or in the host."""
    path = "/bucket/key%2B1" if host.startswith("localhost") else "/key%2B1"
    signed = AWSRequest("GET", f"http://{host}{path}", auth_path="/bucket/key%2B1")
    HmacV1QueryAuth(Credentials(KEY, SECRET), expires=60).add_auth(signed)
    request = _request(signed)
    expires = float(dict(request.query_pairs)["Expires"])
    _verify(request, now=expires - 1)
    with pytest.raises(ApiError, match="Request has expired"):
        _verify(request, now=expires + 1)
    request.method = "PUT"
    with pytest.raises(ApiError, match="SignatureDoesNotMatch"):
        _verify(request, now=expires - 1)


def test_form() -> None:
    """A form's policy is signed as it came, in base64."""
    policy = base64.b64encode(b'{"conditions": []}').decode()
    made = base64.b64encode(hmac.digest(SECRET.encode(), policy.encode(), "sha1")).decode()
    fields = {"awsaccesskeyid": KEY, "policy": policy, "signature": made}
    signature = parse_post_signature(fields)
    assert signature is not None
    check_post_signature(signature, fields, SECRET)
    with pytest.raises(ApiError, match="SignatureDoesNotMatch"):
        check_post_signature(signature, fields | {"policy": "x"}, SECRET)


def _date_of(request: Request) -> float:
    from email.utils import mktime_tz, parsedate_tz

    parsed = parsedate_tz(request.headers["date"])
    assert parsed is not None
    return float(mktime_tz(parsed))
