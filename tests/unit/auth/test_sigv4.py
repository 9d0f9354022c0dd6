"""Signature Version 4 against botocore's own signers, and every way in which a signature can be wrong."""

from __future__ import annotations

import base64
import datetime
import hashlib
import json
from typing import Any
from urllib.parse import urlsplit

import botocore.auth
import pytest
from botocore.auth import S3SigV4Auth, S3SigV4PostAuth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from mrak.auth.flavours import JSON, QUERY, REST_JSON, S3, flavour_of
from mrak.auth.signature import Signature
from mrak.auth.sigv4 import (
    check_payload,
    check_post_signature,
    check_scope,
    check_signature,
    parse_post_signature,
    parse_signature,
)
from mrak.core.errors import ApiError
from mrak.core.http import Request

KEY, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
NOW = datetime.datetime(2026, 3, 1, 12, 0, 0, tzinfo=datetime.UTC)
EPOCH = NOW.timestamp()


@pytest.fixture(autouse=True)
def _botocore_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Botocore signs at the tests' time."""
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda *_, **__: NOW.replace(tzinfo=None))


def signed(
    signer: Any,
    service: str,
    url: str = "http://localhost:4566/",
    method: str = "POST",
    body: bytes = b"{}",
    token: str | None = None,
    headers: dict[str, str] | None = None,
    **extra: Any,
) -> Request:
    """A request as boto3 would send it, read back as the edge would hand it on."""
    request = AWSRequest(method=method, url=url, data=body, headers=dict(headers or {}))
    request.context.setdefault("payload_signing_enabled", True)
    signer(Credentials(KEY, SECRET, token), service, "eu-central-1", **extra).add_auth(request)
    prepared = request.prepare()
    parts = urlsplit(prepared.url)
    got = {
        name.lower(): value.decode() if isinstance(value, bytes) else value for name, value in prepared.headers.items()
    }
    got["host"] = parts.netloc
    return Request(method, parts.path, parts.query, got, body)


def verify(request: Request, secret: str = SECRET, now: float = EPOCH) -> Signature:
    signature = parse_signature(request)
    assert signature is not None
    check_signature(signature, request, secret, now)
    return signature


def failure(request: Request, flavour: Any = REST_JSON, now: float = EPOCH) -> ApiError:
    with pytest.raises(ApiError) as caught:
        signature = parse_signature(request, flavour)
        assert signature is not None
        check_signature(signature, request, SECRET, now)
    return caught.value


@pytest.mark.parametrize(
    "path",
    ["/", "/a/b", "/2015-03-31/functions/arn%3Aaws%3Alambda%3Ax/invocations", "/a%2Fb", "/%E1%88%B4", "/a/../b/./c//"],
)
@pytest.mark.parametrize("query", ["", "a=1&b=2", "b=2&a=1&a=0", "x", "k=%20%2B%2F&z=", "Action=Foo&Version=2"])
def test_botocore_header_signature(path: str, query: str) -> None:
    """What an unchanged SDK signs must verify, whatever its path and query."""
    url = f"http://localhost:4566{path}" + (f"?{query}" if query else "")
    signature = verify(signed(SigV4Auth, "lambda", url))
    assert (signature.kind, signature.access_key, signature.region, signature.service) == (
        "header",
        KEY,
        "eu-central-1",
        "lambda",
    )


@pytest.mark.parametrize("path", ["/", "/bucket/a%20b", "/bucket/x//y/../z", "/bucket/%2B%28%29%21", "/b/k%3Dv~"])
def test_botocore_s3_signature(path: str) -> None:
    """S3 paths are neither normalised nor encoded twice."""
    verify(signed(S3SigV4Auth, "s3", f"http://localhost:4566{path}?uploads", body=b"hello"))


def test_session_token_is_read() -> None:
    """The token is needed to open temporary credentials."""
    assert verify(signed(SigV4Auth, "sqs", token="TOKEN")).session_token == "TOKEN"


@pytest.mark.parametrize(("signer", "service"), [(S3SigV4QueryAuth, "s3"), (SigV4QueryAuth, "sts")])
def test_botocore_presigned(signer: Any, service: str) -> None:
    """Presigned URLs verify until they expire."""
    request = signed(signer, service, "http://localhost:4566/b/k?versionId=1", "GET", b"", token="T+/=", expires=60)
    if service == "s3":
        request.body = b"S3 signs no body in a presigned URL"
    signature = verify(request, now=EPOCH + 60)
    assert (signature.kind, signature.expires_seconds, signature.session_token) == ("presigned", 60, "T+/=")
    error = failure(request, now=EPOCH + 61)
    assert error.status == 403
    if service == "s3":
        assert (error.code, error.message) == ("AccessDenied", "Request has expired")
        assert error.fields == {
            "X-Amz-Expires": 60,
            "Expires": "2026-03-01T12:01:00Z",
            "ServerTime": "2026-03-01T12:01:01Z",
        }
    else:
        assert error.code == "SignatureDoesNotMatch"
        assert error.message.startswith("Signature expired: 20260301T120000Z is now earlier than 20260301T120001Z")


@pytest.mark.parametrize("part", ["method", "path", "query", "host", "body", "date"])
def test_any_change_breaks_the_signature(part: str) -> None:
    """Each part of a request is covered."""
    request = signed(SigV4Auth, "dynamodb", "http://localhost:4566/x?a=1")
    method, path, query, headers, body = request.method, request.path, request.query, request.headers, request.body
    if part == "method":
        method = "PUT"
    elif part == "path":
        path = "/y"
    elif part == "query":
        query = "a=2"
    elif part == "host":
        headers["host"] = "elsewhere:4566"
    elif part == "body":
        body = b"[]"
    else:
        headers["x-amz-date"] = "20260301T120001Z"
    error = failure(Request(method, path, query, headers, body))
    assert (error.code, error.status) == ("InvalidSignatureException", 400)
    assert error.message.startswith("The request signature we calculated does not match the signature you provided.")


def test_clock_skew() -> None:
    """A quarter of an hour each way, as at AWS."""
    request = signed(SigV4Auth, "sns")
    verify(request, now=EPOCH + 900)
    verify(request, now=EPOCH - 900)
    late = failure(request, now=EPOCH + 901)
    assert (late.code, late.status) == ("SignatureDoesNotMatch", 403)
    assert late.message == (
        "Signature expired: 20260301T120000Z is now earlier than 20260301T120001Z (20260301T121501Z - 15 min.)"
    )
    assert failure(request, now=EPOCH - 901).message == (
        "Signature not yet current: 20260301T120000Z is still later than 20260301T115959Z (20260301T114459Z + 15 min.)"
    )


def test_s3_clock_skew() -> None:
    """S3 has its own code and fields for it."""
    error = failure(signed(S3SigV4Auth, "s3"), now=EPOCH + 901)
    assert (error.code, error.status) == ("RequestTimeTooSkewed", 403)
    assert error.fields == {
        "RequestTime": "20260301T120000Z",
        "ServerTime": "2026-03-01T12:15:01Z",
        "MaxAllowedSkewMilliseconds": 900000,
    }


def test_s3_mismatch_explains() -> None:
    """S3 sends back what it computed; people debug their signers with it."""
    request = signed(S3SigV4Auth, "s3", "http://localhost:4566/b/k", "PUT", b"x")
    request.path = "/b/other"
    error = failure(request)
    assert (error.code, error.status) == ("SignatureDoesNotMatch", 403)
    assert error.fields is not None
    assert error.fields["CanonicalRequest"].startswith("PUT\n/b/other\n\n")
    assert error.fields["StringToSign"].startswith("AWS4-HMAC-SHA256\n20260301T120000Z\n")
    assert bytes.fromhex(error.fields["StringToSignBytes"]).decode() == error.fields["StringToSign"]


def test_s3_payload_mismatch() -> None:
    """The signed hash holds, but the body is another one."""
    request = signed(S3SigV4Auth, "s3", "http://localhost:4566/b/k", "PUT", b"x")
    request.body = b"y"
    with pytest.raises(ApiError) as caught:
        check_payload(verify(request), hashlib.sha256(b"y").hexdigest())
    error = caught.value
    assert (error.code, error.status) == ("XAmzContentSHA256Mismatch", 400)
    assert error.fields == {
        "ClientComputedContentSHA256": hashlib.sha256(b"x").hexdigest(),
        "S3ComputedContentSHA256": hashlib.sha256(b"y").hexdigest(),
    }


def test_s3_streamed_payload_is_checked_later() -> None:
    """A body that is still a stream is the reader's to check."""
    request = signed(S3SigV4Auth, "s3", "http://localhost:4566/b/k", "PUT", b"x")
    request.body = None
    signature = verify(request)
    check_payload(signature, hashlib.sha256(b"x").hexdigest())
    with pytest.raises(ApiError, match="XAmzContentSHA256Mismatch"):
        check_payload(signature, hashlib.sha256(b"y").hexdigest())


def test_only_some_services_take_unsigned_payloads() -> None:
    """DynamoDB and its kin hash the body that came, so that nobody on the way can put another in its place."""

    class Unsigned(SigV4Auth):
        def payload(self, request: Any) -> str:
            return "UNSIGNED-PAYLOAD"

    header = {"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}
    for service in ("dynamodb", "cognito-idp"):
        assert failure(signed(Unsigned, service, headers=header), JSON).code == "InvalidSignatureException"
    verify(signed(Unsigned, "lambda", headers=header))


def test_s3_unsigned_amz_header() -> None:
    """An x-amz header added on the way could change what the request does."""
    request = signed(S3SigV4Auth, "s3", "http://localhost:4566/b/k", "PUT", b"x")
    request.headers["x-amz-acl"] = "public-read"
    error = failure(request)
    assert (error.code, error.fields) == ("AccessDenied", {"HeadersNotSigned": "x-amz-acl"})


def test_s3_needs_a_content_hash() -> None:
    """S3 requires x-amz-content-sha256, and checks its form."""
    request = signed(S3SigV4Auth, "s3", "http://localhost:4566/b/k", "PUT", b"x")
    request.headers["x-amz-content-sha256"] = "nonsense"
    assert failure(request).code == "InvalidArgument"
    del request.headers["x-amz-content-sha256"]
    error = failure(request)
    assert (error.code, error.message) == (
        "InvalidRequest",
        "Missing required header for this request: x-amz-content-sha256",
    )


def test_repeated_headers_with_either_separator() -> None:
    """The edge joins repeated headers with a comma and a space; signers sign them without the space."""
    request = signed(SigV4Auth, "sqs", headers={"X-Custom": "a,b"})
    request.headers["x-custom"] = "a, b"
    verify(request)
    verify(signed(SigV4Auth, "sqs", headers={"X-Custom": "a, b"}))


def test_host_must_be_signed() -> None:
    """Otherwise a request for one endpoint could be replayed at another."""
    request = signed(SigV4Auth, "sqs")
    request.headers["authorization"] = request.headers["authorization"].replace("host;", "")
    assert "'Host' or ':authority' must be a 'SignedHeader'" in failure(request).message


@pytest.mark.parametrize(("signer", "service"), [(SigV4Auth, "kinesis"), (S3SigV4Auth, "s3")])
def test_the_host_may_be_signed_as_http_2_calls_it(signer: Any, service: str) -> None:
    """As the SDK for JavaScript does."""

    class ByAuthority(signer):  # type: ignore[misc]
        def headers_to_sign(self, request: Any) -> Any:
            headers = super().headers_to_sign(request)
            headers[":authority"] = headers["host"]
            del headers["host"]
            return headers

    request = signed(ByAuthority, service)
    assert "SignedHeaders=:authority;" in request.headers["authorization"]
    assert verify(request).signed_headers[0] == ":authority"
    request.headers["host"] = "elsewhere"
    with pytest.raises(ApiError):
        verify(request)


def test_date_header_instead_of_x_amz_date() -> None:
    """AWS accepts an HTTP Date when X-Amz-Date is absent."""
    request = signed(SigV4Auth, "sqs")
    request.headers["date"] = "Sun, 01 Mar 2026 12:00:00 GMT"
    del request.headers["x-amz-date"]
    signature = parse_signature(request)
    assert signature is not None
    assert signature.timestamp == "20260301T120000Z"


def test_anonymous() -> None:
    """No credentials at all is not an error yet: the operation decides."""
    assert parse_signature(Request("GET", "/b/k", "versionId=1", {"host": "localhost"})) is None


GOOD = (
    f"AWS4-HMAC-SHA256 Credential={KEY}/20260301/eu-central-1/sqs/aws4_request, SignedHeaders=host;x-amz-date, "
    f"Signature={'0' * 64}"
)
PRESIGN = {
    "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
    "X-Amz-Credential": f"{KEY}%2F20260301%2Feu-central-1%2Fs3%2Faws4_request",
    "X-Amz-Date": "20260301T120000Z",
    "X-Amz-Expires": "60",
    "X-Amz-SignedHeaders": "host",
    "X-Amz-Signature": "0" * 64,
}


@pytest.mark.parametrize(
    ("flavour", "header", "code", "status", "text"),
    [
        (QUERY, "Bearer abc", "IncompleteSignature", 400, "Invalid key=value pair (missing equal-sign)"),
        (JSON, "AWS4-HMAC-SHA256 Credential", "IncompleteSignatureException", 400, "not a valid key=value pair"),
        (JSON, "AWS4-HMAC-SHA256 Credential=a/b/c", "IncompleteSignatureException", 400, "'Signature' parameter"),
        (REST_JSON, "AWS4-HMAC-SHA256 Signature=a", "IncompleteSignatureException", 403, "'Credential' parameter"),
        (JSON, GOOD.replace(KEY, "a/b"), "IncompleteSignatureException", 400, "exactly 5 slash-delimited elements"),
        (JSON, GOOD.replace("aws4_request", "x"), "InvalidSignatureException", 400, "valid terminator: 'aws4_request'"),
        (QUERY, GOOD.replace("20260301", "20260302"), "SignatureDoesNotMatch", 403, "'20260302' != '20260301'"),
        (QUERY, f"AWS {KEY}:frJIUN8DYpKDtOLCwo//yllqDzg=", "IncompleteSignature", 400, "missing equal-sign"),
        (S3, "AWS HAHAHA", "InvalidArgument", 400, "Expected AwsAccessKeyId:signature"),
        (S3, "Bearer abc", "InvalidArgument", 400, "Unsupported Authorization Type"),
        (S3, "AWS4-HMAC-SHA256 Credential=a", "AuthorizationHeaderMalformed", 400, "requires three components"),
        (S3, GOOD.replace("/sqs", ""), "AuthorizationHeaderMalformed", 400, "expecting \"<YOUR-AKID>/YYYYMMDD"),
        (S3, GOOD.replace("20260301", "2026"), "AuthorizationHeaderMalformed", 400, 'incorrect date format "2026"'),
        (S3, GOOD.replace(KEY, ""), "AuthorizationHeaderMalformed", 400, "non-empty Access Key (AKID)"),
        (S3, GOOD.replace("20260301", "20260302").replace("sqs", "s3"), "AuthorizationHeaderMalformed", 400,
         'Invalid credential date "20260302"'),
    ],
)  # fmt: skip
def test_malformed_header(flavour: Any, header: str, code: str, status: int, text: str) -> None:
    """Each front end words its own errors."""
    error = failure(Request("POST", "/", "", {"authorization": header, "x-amz-date": "20260301T120000Z"}), flavour)
    assert (error.code, error.status) == (code, status)
    assert text in error.message


@pytest.mark.parametrize(
    ("change", "code", "text"),
    [
        ({"X-Amz-Expires": None}, "AuthorizationQueryParametersError", "requires the X-Amz-Algorithm"),
        ({"X-Amz-Signature": ""}, "AuthorizationQueryParametersError", "requires the X-Amz-Algorithm"),
        ({"X-Amz-Expires": "x"}, "AuthorizationQueryParametersError", "X-Amz-Expires should be a number"),
        ({"X-Amz-Expires": "-1"}, "AuthorizationQueryParametersError", "X-Amz-Expires must be non-negative"),
        ({"X-Amz-Expires": "604801"}, "AuthorizationQueryParametersError", "must be less than 604800 seconds"),
        ({"X-Amz-Algorithm": "AWS4"}, "AuthorizationQueryParametersError", "X-Amz-Algorithm only supports"),
        ({"X-Amz-Date": "2026"}, "AuthorizationQueryParametersError", "ISO8601 Long Format"),
        ({"X-Amz-Date": "20260302T120000Z"}, "AuthorizationQueryParametersError", "not the same as X-Amz-Date"),
        ({"X-Amz-Credential": "a%2Fb"}, "AuthorizationQueryParametersError", "the Credential is mal-formed"),
        ({}, "SignatureDoesNotMatch", "Check your key and signing method."),
    ],
)
def test_malformed_presigned(change: dict[str, str | None], code: str, text: str) -> None:
    """S3's own sentences for a wrong presigned URL."""
    values = {**PRESIGN, **change}
    query = "&".join(f"{name}={value}" for name, value in values.items() if value is not None)
    error = failure(Request("GET", "/b/k", query, {"host": "localhost"}), S3)
    assert error.code == code
    assert text in error.message


def test_s3_takes_one_mechanism() -> None:
    """A header and a presigned query together are refused, else one could shadow the other."""
    query = "&".join(f"{name}={value}" for name, value in PRESIGN.items())
    assert "Only one auth mechanism" in failure(Request("GET", "/", query, {"authorization": GOOD}), S3).message


def test_parts_in_another_order() -> None:
    """AWS does not care in which order the three parts come."""
    request = signed(SigV4Auth, "sqs")
    head, credential, names, value = request.headers["authorization"].replace(",", "").split(" ")
    request.headers["authorization"] = f"{head} {value},{names},{credential}"
    verify(request)


def test_scope_belongs_to_the_endpoint() -> None:
    """A request signed for one service must not pass at another one."""
    signature = verify(signed(SigV4Auth, "sqs"))
    check_scope(signature, ("sqs",))
    with pytest.raises(ApiError, match="correct service: 'sns'"):
        check_scope(signature, ("sns",))
    with pytest.raises(ApiError, match='incorrect service "sqs"'):
        check_scope(signature, ("s3", "s3express"))


def _form(**change: str) -> dict[str, str]:
    request = AWSRequest(method="POST", url="http://localhost:4566/bucket")
    request.context["s3-presign-post-fields"] = {}
    request.context["s3-presign-post-policy"] = {"expiration": "2026-03-01T13:00:00Z", "conditions": []}
    S3SigV4PostAuth(Credentials(KEY, SECRET, "TOKEN"), "s3", "eu-central-1").add_auth(request)
    return {name.lower(): value for name, value in request.context["s3-presign-post-fields"].items()} | change


def test_post_form() -> None:
    """Browsers upload with a signed policy in the form's fields."""
    fields = _form()
    signature = parse_post_signature(fields)
    assert signature is not None
    check_post_signature(signature, fields, SECRET)
    assert (signature.kind, signature.session_token) == ("post", "TOKEN")
    fields["policy"] = base64.b64encode(json.dumps({"conditions": []}).encode()).decode()
    with pytest.raises(ApiError, match="SignatureDoesNotMatch"):
        check_post_signature(signature, fields, SECRET)


def test_unsigned_and_broken_forms() -> None:
    """A form without credentials is anonymous; one with half of them is an error."""
    assert parse_post_signature({"key": "x"}) is None
    fields = _form()
    del fields["x-amz-date"]
    with pytest.raises(ApiError, match="InvalidArgument"):
        parse_post_signature(fields)
    with pytest.raises(ApiError, match="mal-formed"):
        parse_post_signature(_form(**{"x-amz-credential": "a/b"}))
    with pytest.raises(ApiError, match="must contain a field named 'AWSAccessKeyId'"):
        parse_post_signature({"signature": "x", "policy": "y"})


def test_flavours() -> None:
    """The table that words an unknown key, for one service of each front end."""
    expected = {
        "sqs": ("InvalidClientTokenId", 403),
        "dynamodb": ("UnrecognizedClientException", 400),
        "lambda": ("UnrecognizedClientException", 403),
        "s3": ("InvalidAccessKeyId", 403),
        "something-new": ("UnrecognizedClientException", 403),
    }
    for service, wanted in expected.items():
        error = flavour_of(service).error("unknown-key")
        assert (error.code, error.status) == wanted
