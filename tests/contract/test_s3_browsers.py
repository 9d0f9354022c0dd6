"""What browsers do with S3: presigned URLs, forms, CORS, websites."""

from __future__ import annotations

import base64
import json
import os
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

import pytest
from s3_support import Raw, code_of, failure, new_bucket


@pytest.fixture(scope="module")
def s3(sandbox: Any) -> Any:
    return sandbox.client("s3")


@pytest.fixture(scope="module")
def raw(sandbox: Any) -> Raw:
    return Raw(sandbox.server.endpoint)


@pytest.fixture
def bucket(s3: Any) -> str:
    return new_bucket(s3)


def _target(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_presigned_urls(sandbox: Any, raw: Raw, bucket: str, version: str) -> None:
    """Both signature versions, for reading and writing; a changed URL is refused, an old one too."""
    s3 = sandbox.client("s3", signature_version=version)
    put = _target(s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "a b/ü"}))
    assert raw("PUT", put, b"body")[0] == 200
    get = _target(s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "a b/ü"}))
    assert raw("GET", get)[2] == b"body"
    status, _, body = raw("GET", get.replace("/a%20b", "/b%20b"))
    assert (status, code_of(body)) == (403, "SignatureDoesNotMatch")
    old = _target(s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "a"}, ExpiresIn=-5))
    status, _, body = raw("GET", old)
    if version == "s3":
        assert (status, code_of(body)) == (403, "AccessDenied") and b"Request has expired" in body
    else:
        assert (status, code_of(body)) == (400, "AuthorizationQueryParametersError")


def test_virtual_hosts(sandbox: Any, s3: Any, raw: Raw, bucket: str) -> None:
    """The bucket may stand in the host."""
    virtual = sandbox.client("s3", s3={"addressing_style": "virtual"})
    url = virtual.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"})
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ACL="public-read")
    host = f"{bucket}.s3.{sandbox.name}.localhost"
    assert raw("GET", "/k", host=host)[2] == b"x"
    assert raw("GET", "/missing", host=host)[0] == 403
    assert bucket in urlsplit(url).netloc


def test_headers_in_a_presigned_link(sandbox: Any, raw: Raw, bucket: str) -> None:
    """SDKs put x-amz headers into the query, so that whoever follows the link need not send them; also signed ones."""
    from botocore.auth import S3SigV4QueryAuth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    keys = Credentials(sandbox.row["access_key_id"], sandbox.row["secret_access_key"])
    query = "x-amz-meta-foo=b%20r&x-amz-storage-class=STANDARD_IA&x-amz-server-side-encryption=AES256"
    link = AWSRequest(
        "PUT", f"{sandbox.server.endpoint}/{bucket}/k?{query}", headers={"x-amz-server-side-encryption": "AES256"}
    )
    S3SigV4QueryAuth(keys, "s3", "us-east-1", expires=60).add_auth(link)
    target = link.url.removeprefix(sandbox.server.endpoint)
    status, _, answer = raw("PUT", target, b"x", {})
    assert status == 200, answer
    s3 = sandbox.client("s3")
    found = s3.head_object(Bucket=bucket, Key="k")
    assert (found["Metadata"], found["StorageClass"]) == ({"foo": "b r"}, "STANDARD_IA")
    status, _, answer = raw("PUT", target, b"x", {"x-amz-meta-foo": "other"})
    assert (status, code_of(answer)) == (403, "AccessDenied")
    second = sandbox.client("s3", signature_version="s3")
    params = {"Bucket": bucket, "Key": "two", "Metadata": {"foo": "bar"}}
    url = second.generate_presigned_url("put_object", Params=params)
    assert raw("PUT", url.removeprefix(sandbox.server.endpoint), b"x", {})[0] == 200
    assert s3.head_object(Bucket=bucket, Key="two")["Metadata"] == {"foo": "bar"}


# --- forms --------------------------------------------------------------------------------------------------------


def _form(fields: dict[str, str], content: bytes, filename: str = "f.txt") -> tuple[bytes, dict[str, str]]:
    mark = "x" * 20
    parts = [
        f'--{mark}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    head = f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="{filename}"\r\n\r\n'.encode()
    body = b"".join([*parts, head, content, f"\r\n--{mark}--\r\n".encode()])
    return body, {"Content-Type": f"multipart/form-data; boundary={mark}"}


def _post(raw: Raw, bucket: str, fields: dict[str, str], content: bytes = b"bar") -> tuple[int, dict[str, str], bytes]:
    body, headers = _form(fields, content)
    return raw("POST", f"/{bucket}", body, headers)


@pytest.mark.parametrize("version", ["s3", "s3v4"])
@pytest.mark.parametrize("size", [3, 100_000])
def test_form(sandbox: Any, raw: Raw, bucket: str, version: str, size: int) -> None:
    """A signed form uploads, small and large, with metadata; the name of the file may make the key."""
    s3 = sandbox.client("s3", signature_version=version)
    content = os.urandom(size)
    signed = s3.generate_presigned_post(
        bucket,
        "up/${filename}",
        Fields={"x-amz-meta-a": "1", "success_action_status": "201", "Content-Type": "text/x"},
        Conditions=[{"x-amz-meta-a": "1"}, {"success_action_status": "201"}, ["starts-with", "$Content-Type", "text/"]],
    )
    status, headers, body = _post(raw, bucket, signed["fields"], content)
    assert status == 201 and b"<Key>up/f.txt</Key>" in body and headers["location"].endswith(f"/{bucket}/up/f.txt")
    got = s3.get_object(Bucket=bucket, Key="up/f.txt")
    assert got["Body"].read() == content and got["Metadata"] == {"a": "1"} and got["ContentType"] == "text/x"


def test_a_form_without_a_name_of_its_file(sandbox: Any, raw: Raw, bucket: str) -> None:
    signed = sandbox.client("s3").generate_presigned_post(bucket, "up/${filename}")
    body, headers = _form(signed["fields"], b"x")
    assert raw("POST", f"/{bucket}", body.replace(b'; filename="f.txt"', b""), headers)[0] == 204
    assert sandbox.client("s3").get_object(Bucket=bucket, Key="up/${filename}")["Body"].read() == b"x"


def test_what_a_form_may_hold(sandbox: Any, s3: Any, raw: Raw, bucket: str) -> None:
    """A file's name stands in any field, without its path; fields of one name are a list; 20 KB of fields at most."""
    signed = s3.generate_presigned_post(
        bucket, "k", Conditions=[["starts-with", "$x-amz-meta-a", ""], {"x-amz-meta-b": "Ninja,Stallman"}]
    )
    fields = {**signed["fields"], "x-amz-meta-a": "of ${filename}", "x-amz-meta-b": "Ninja", "X-Amz-Meta-B": "Stallman"}
    body, headers = _form(fields, b"x", "C:\\\\Files\\\\f.txt")
    status, _, answer = raw("POST", f"/{bucket}", body, headers)
    assert status == 204, answer
    assert s3.head_object(Bucket=bucket, Key="k")["Metadata"] == {"a": "of f.txt", "b": "Ninja,Stallman"}
    status, _, answer = _post(raw, bucket, {"x-ignore-a": "a" * 12_000, "x-ignore-b": "b" * 9_000, **fields})
    assert (status, code_of(answer)) == (400, "MaxPostPreDataLengthExceeded")


def test_forms_that_are_refused(sandbox: Any, raw: Raw, bucket: str) -> None:
    """Each by AWS's code: size, conditions, extra fields, signature, expiry."""
    s3 = sandbox.client("s3")
    signed = s3.generate_presigned_post(bucket, "k", Conditions=[["content-length-range", 2, 5]])
    fields = signed["fields"]
    for content, code in ((b"x", "EntityTooSmall"), (b"x" * 6, "EntityTooLarge"), (b"x" * 60_000, "EntityTooLarge")):
        status, _, body = _post(raw, bucket, fields, content)
        assert (status, code_of(body)) == (400, code)
    wrong_key = _post(raw, bucket, fields | {"key": "other"})
    assert (
        wrong_key[0] == 403
        and b"Policy Condition failed: [&quot;eq&quot;, &quot;$key&quot;, &quot;k&quot;]" in wrong_key[2]
    )
    extra = _post(raw, bucket, {"x-amz-meta-b": "1", **fields})
    assert extra[0] == 403 and b"Extra input fields: x-amz-meta-b" in extra[2]
    assert _post(raw, bucket, {"x-ignore-foo": "1", **fields})[0] == 204
    signature = "x-amz-signature" if "x-amz-signature" in fields else "signature"
    status, _, body = _post(raw, bucket, fields | {signature: "0" * 64})
    assert (status, code_of(body)) == (403, "SignatureDoesNotMatch")
    old = s3.generate_presigned_post(bucket, "k", ExpiresIn=-10)["fields"]
    assert b"Policy expired" in _post(raw, bucket, old)[2]
    status, _, body = raw("POST", f"/{bucket}", b"a=b", {"Content-Type": "application/x-www-form-urlencoded"})
    assert (status, code_of(body)) == (412, "PreconditionFailed")


def test_anonymous_forms(s3: Any, raw: Raw, sandbox: Any, bucket: str) -> None:
    """Without a signature a form is nobody's, and needs a bucket that anybody may write to."""
    fields = {"key": "k", "acl": "public-read", "Content-Type": "text/plain"}
    body, headers = _form(fields, b"bar")
    host = f"{sandbox.name}.localhost"
    assert raw("POST", f"/{bucket}", body, headers, host)[0] == 403
    s3.put_bucket_acl(Bucket=bucket, ACL="public-read-write")
    assert raw("POST", f"/{bucket}", body, headers, host)[0] == 204
    redirect, headers = _form({**fields, "success_action_redirect": "http://example.com/done?x=1"}, b"bar")
    status, answered, _ = raw("POST", f"/{bucket}", redirect, headers, host)
    assert status == 303 and answered["location"].startswith(f"http://example.com/done?x=1&bucket={bucket}&key=k&etag=")


@pytest.mark.parametrize(
    ("policy", "code"),
    [
        ("not base64!", "InvalidPolicyDocument"),
        ({"conditions": []}, "InvalidPolicyDocument"),
        ({"expiration": "2090-01-01T00:00:00Z"}, "InvalidPolicyDocument"),
        ({"expiration": "soon", "conditions": []}, "InvalidPolicyDocument"),
        ({"expiration": "2090-01-01T00:00:00Z", "conditions": [{}]}, "InvalidPolicyDocument"),
        ({"expiration": "2090-01-01T00:00:00Z", "conditions": [["foo", "$key", "k"]]}, "InvalidPolicyDocument"),
    ],
)
def test_malformed_policies(s3: Any, raw: Raw, sandbox: Any, bucket: str, policy: Any, code: str) -> None:
    """A policy is looked at even where the form is anonymous."""
    s3.put_bucket_acl(Bucket=bucket, ACL="public-read-write")
    text = policy if isinstance(policy, str) else base64.b64encode(json.dumps(policy).encode()).decode()
    body, headers = _form({"key": "k", "policy": text}, b"x")
    status, _, answer = raw("POST", f"/{bucket}", body, headers, f"{sandbox.name}.localhost")
    assert (status, code_of(answer)) == (400, code)


def _policy_refusal(s3: Any, raw: Raw, host: str, bucket: str, text: str) -> tuple[int, str]:
    """(status, message) with which a form of nobody's is refused; anybody may write to the bucket."""
    s3.put_bucket_acl(Bucket=bucket, ACL="public-read-write")
    policy = base64.b64encode(text.encode()).decode()
    body, headers = _form({"key": "k", "policy": policy}, b"x")
    status, _, answer = raw("POST", f"/{bucket}", body, headers, host)
    return status, ElementTree.fromstring(answer).findtext("Message") or ""


def _dated(rest: str) -> str:
    """A policy that has not expired."""
    return '{"expiration": "2090-01-01T00:00:00Z"' + (f", {rest}" if rest else "") + "}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Expecting '{' but found End-of-Input"),
        ("words", "Invalid JSON."),
        ('{"Statement": []}', "Unexpected: 'statement'"),
        ('{"conditions": []}', "Policy missing expiration."),
        ('{"expiration": true, "conditions": []}', "Invalid JSON."),
        (_dated(""), "Policy missing conditions."),
        (_dated('"conditions": true'), "Invalid 'conditions' value: must be a List."),
        (_dated('"conditions": [true]'), "Invalid condition test: must be a List or Object."),
        (_dated('"conditions": [[]]'), "Invalid Condition: missing operation identifier."),
        (_dated('"conditions": [["foo", "$a", "b"]]'), "Invalid Condition: unknown operation 'foo'."),
        (_dated('"conditions": [["eq", "$a", "b", "c"]]'), "Invalid eq: wrong number of arguments."),
        (_dated('"conditions": [["eq", "$a", true]]'), "Invalid JSON."),
        (_dated('"conditions": [["content-length-range", 1, false]]'), "Invalid JSON."),
        (_dated('"conditions": [{"a": true}]'), "Invalid Simple-Condition: value must be a string."),
    ],
)
def test_what_a_policy_lacks(s3: Any, raw: Raw, sandbox: Any, bucket: str, text: str, message: str) -> None:
    """Each fault of a policy has a sentence of its own, by which whoever signs forms finds it."""
    found = _policy_refusal(s3, raw, f"{sandbox.name}.localhost", bucket, text)
    assert found == (400, f"Invalid Policy: {message}")


@pytest.mark.parametrize(
    ("conditions", "message"),
    [
        ('[["eq","$key","other"]]', 'Policy Condition failed: ["eq","$key","other"]'),
        ('[["starts-with",  "$key", "o"]]', 'Policy Condition failed: ["starts-with",  "$key", "o"]'),
        ('[{"key":"other"}]', 'Policy Condition failed: ["eq", "$key", "other"]'),
        ('[["eq", "key", "k"]]', 'Policy Condition failed: ["eq", "key", "k"]'),
        ('[["eq", "$key", "k"]]', "Extra input fields: bucket"),
    ],
)
def test_conditions_that_fail(s3: Any, raw: Raw, sandbox: Any, bucket: str, conditions: str, message: str) -> None:
    """A list is shown as the policy has it, an object as the list that it stands for. A word without a dollar is no
    field, and the bucket has to be spoken of like each field."""
    text = _dated(f'"conditions": {conditions}')
    found = _policy_refusal(s3, raw, f"{sandbox.name}.localhost", bucket, text)
    assert found == (403, f"Invalid according to Policy: {message}")


def test_forms_with_wrong_fields(sandbox: Any, raw: Raw, bucket: str) -> None:
    """What is wrong with a signature's fields is said of the field; a checksum of no kind is none."""
    fields = sandbox.client("s3", signature_version="s3v4").generate_presigned_post(bucket, "k")["fields"]
    for name, value, title, text in (
        ("x-amz-algorithm", "rot13", "X-Amz-Algorithm", b"Only AWS4-HMAC-SHA256 is supported"),
        ("x-amz-date", "today", "X-Amz-Date", b"X-Amz-Date must be formated via ISO8601 Long format"),
        ("x-amz-credential", "key", "X-Amz-Credential", b"the Credential is mal-formed; expecting"),
    ):
        status, _, body = _post(raw, bucket, fields | {name: value})
        assert (status, code_of(body)) == (400, "InvalidArgument") and text in body
        assert f"<ArgumentName>{title}</ArgumentName><ArgumentValue>{value}</ArgumentValue>".encode() in body
    scope = fields["x-amz-credential"]
    for value, text in (
        (scope.replace("/s3/", "/sqs/"), b"incorrect service &quot;sqs&quot;. This endpoint belongs to"),
        (scope.replace("aws4_request", "other"), b"incorrect terminal &quot;other&quot;. This endpoint uses"),
    ):
        status, _, body = _post(raw, bucket, fields | {"x-amz-credential": value})
        assert (status, code_of(body)) == (400, "InvalidArgument")
        assert text.replace(b"&quot;", b'"') in body.replace(b"&quot;", b'"')
    body, _ = _form(fields, b"x")
    status, _, answer = raw("POST", f"/{bucket}", body, {"Content-Type": "multipart/form-data"})
    assert (status, code_of(answer)) == (400, "MalformedPOSTRequest")
    conditions = [{"x-amz-checksum-crc7": "AA=="}]
    signed = sandbox.client("s3").generate_presigned_post(bucket, "k", Conditions=conditions)["fields"]
    status, _, answer = _post(raw, bucket, signed | conditions[0])
    assert (status, code_of(answer)) == (400, "InvalidRequest") and b"The algorithm type you specified in" in answer


# --- CORS ---------------------------------------------------------------------------------------------------------


def test_cors(s3: Any, raw: Raw, sandbox: Any, bucket: str) -> None:
    """Preflights and answers, by the first rule that fits; recorded from AWS where there is none."""
    host = f"{sandbox.name}.localhost"
    ask = {"Origin": "http://a.example.com", "Access-Control-Request-Method": "PUT"}
    status, _, body = raw("OPTIONS", f"/{bucket}/k", None, ask, host)
    assert (status, code_of(body)) == (403, "AccessForbidden") and b"CORS is not enabled for this bucket" in body
    rule = {
        "AllowedMethods": ["GET", "PUT"], "AllowedOrigins": ["http://*.example.com"], "AllowedHeaders": ["x-amz-*"],
        "ExposeHeaders": ["x-amz-request-id"], "MaxAgeSeconds": 30,
    }  # fmt: skip
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [rule]})
    assert s3.get_bucket_cors(Bucket=bucket)["CORSRules"] == [rule]
    status, headers, _ = raw("OPTIONS", f"/{bucket}/k", None, ask | {"Access-Control-Request-Headers": "X-Amz-A"}, host)
    assert status == 200 and headers["access-control-allow-origin"] == "http://a.example.com"
    assert headers["access-control-allow-methods"] == "GET, PUT" and headers["access-control-max-age"] == "30"
    assert headers["access-control-allow-headers"] == "x-amz-a"
    for wrong in ({"Origin": "http://example.org"}, {"Access-Control-Request-Method": "DELETE"},
                  {"Access-Control-Request-Headers": "content-type"}):  # fmt: skip
        assert raw("OPTIONS", f"/{bucket}/k", None, ask | wrong, host)[0] == 403
    assert code_of(raw("OPTIONS", f"/{bucket}/k", None, {}, host)[2]) == "BadRequest"
    for method in ("get", "PATCH", "something"):
        status, _, body = raw("OPTIONS", f"/{bucket}/k", None, ask | {"Access-Control-Request-Method": method}, host)
        assert status == 400 and f"Invalid Access-Control-Request-Method: {method}".encode() in body
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ACL="public-read")
    _, headers, body = raw("GET", f"/{bucket}/k", None, {"Origin": "http://a.example.com"}, host)
    assert body == b"x" and headers["access-control-expose-headers"] == "x-amz-request-id"
    assert headers["access-control-max-age"] == "30"
    assert "access-control-allow-origin" not in raw("GET", f"/{bucket}/k", None, {"Origin": "http://b.org"}, host)[1]
    status, headers, _ = raw("GET", f"/{bucket}/no", None, {"Origin": "http://a.example.com"}, host)
    assert status == 403 and headers["access-control-allow-origin"] == "http://a.example.com"


# --- websites -----------------------------------------------------------------------------------------------------


@pytest.fixture
def site(sandbox: Any, s3: Any, raw: Raw, bucket: str) -> Any:
    """A website with an index and an error document; `site(path)` asks for a page."""
    s3.put_bucket_website(
        Bucket=bucket,
        WebsiteConfiguration={
            "IndexDocument": {"Suffix": "index.html"},
            "ErrorDocument": {"Key": "error.html"},
            "RoutingRules": [
                {"Condition": {"KeyPrefixEquals": "docs/"}, "Redirect": {"ReplaceKeyPrefixWith": "documents/"}},
                {"Condition": {"HttpErrorCodeReturnedEquals": "404", "KeyPrefixEquals": "old/"},
                 "Redirect": {"HostName": "example.com", "Protocol": "https", "HttpRedirectCode": "302"}},
            ],
        },
    )  # fmt: skip
    policy = {"Effect": "Allow", "Principal": "*", "Action": ["s3:GetObject", "s3:ListBucket"],
              "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]}  # fmt: skip
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [policy]}))
    for key, body in (
        ("index.html", b"home"),
        ("sub/index.html", b"sub"),
        ("error.html", b"sorry"),
        ("a.txt", b"text"),
    ):
        s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType="text/html")
    host = f"{bucket}.s3-website.us-east-1.{sandbox.name}.localhost"
    return lambda path, method="GET": raw(method, path, host=host)


def test_website(site: Any) -> None:
    """Indexes of folders, the error document, redirects by prefix and by error."""
    assert site("/")[2] == b"home" and site("/sub/")[2] == b"sub" and site("/a.txt")[2] == b"text"
    status, headers, _ = site("/sub")
    assert (status, headers["location"]) == (302, "/sub/")
    status, _, body = site("/missing")
    assert (status, body) == (404, b"sorry")
    status, headers, _ = site("/docs/x")
    assert status == 301 and headers["location"].endswith("/documents/x")
    status, headers, _ = site("/old/y")
    assert (status, headers["location"]) == (302, "https://example.com/old/y")
    status, _, body = site("/a.txt", "POST")
    assert status == 405 and b"<li>Code: MethodNotAllowed</li>" in body
    status, headers, body = site("/", "HEAD")
    assert (status, headers["content-length"], body) == (200, "4", b"")


def test_website_errors(sandbox: Any, s3: Any, raw: Raw, bucket: str) -> None:
    """Pages in HTML for a bucket without a website, and without an error document."""
    host = f"{bucket}.s3-website.us-east-1.{sandbox.name}.localhost"
    status, headers, body = raw("GET", "/", host=host)
    assert status == 404 and b"<li>Code: NoSuchWebsiteConfiguration</li>" in body
    assert headers["content-type"].startswith("text/html")
    s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration={"RedirectAllRequestsTo": {"HostName": "example.com"}})
    status, headers, _ = raw("GET", "/a?b=c", host=host)
    assert (status, headers["location"]) == (301, "http://example.com/a?b=c")


def test_websites_that_are_refused(s3: Any, bucket: str) -> None:
    """Recorded from AWS."""
    put = s3.put_bucket_website
    index = {"IndexDocument": {"Suffix": "i"}}
    both = {"Redirect": {"ReplaceKeyPrefixWith": "a", "ReplaceKeyWith": "b"}}
    for configuration, code in (
        ({"IndexDocument": {"Suffix": "/index.html"}}, "InvalidArgument"),
        ({"IndexDocument": {"Suffix": ""}}, "InvalidArgument"),
        ({"ErrorDocument": {"Key": "e"}}, "InvalidArgument"),
        ({"RedirectAllRequestsTo": {"HostName": "h", "Protocol": "protocol"}}, "InvalidRequest"),
        (index | {"RedirectAllRequestsTo": {"HostName": "h"}}, "InvalidArgument"),
        (index | {"RoutingRules": [both]}, "InvalidRequest"),
        (index | {"RoutingRules": [{"Condition": {}, "Redirect": {"ReplaceKeyWith": "a"}}]}, "InvalidRequest"),
        (index | {"RoutingRules": [{"Condition": {"KeyPrefixEquals": "a"}, "Redirect": {}}]}, "MalformedXML"),
        (index | {"RoutingRules": [{"Redirect": {"HostName": "h"}}] * 51}, "InvalidRequest"),
        (index | {"RoutingRules": [{"Redirect": {"HostName": "h", "HttpRedirectCode": "306"}}]}, "InvalidRequest"),
        (index | {"RoutingRules": [{"Redirect": {"HostName": "h", "HttpRedirectCode": "3xx"}}]}, "MalformedXML"),
        (
            index
            | {
                "RoutingRules": [
                    {"Condition": {"HttpErrorCodeReturnedEquals": "418"}, "Redirect": {"HostName": "h"}},
                ]
            },
            "InvalidRequest",
        ),
    ):
        assert failure(put, Bucket=bucket, WebsiteConfiguration=configuration) == (code, 400)


def test_expires_in_the_future(s3: Any, bucket: str) -> None:
    """A date header is kept to the second."""
    expires = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", Expires=expires)
    assert s3.head_object(Bucket=bucket, Key="k")["Expires"] == expires


# --- hosts that SDKs make -----------------------------------------------------------------------------------------


def _presigned(sandbox: Any, endpoint: str, bucket: str) -> str:
    """A link for an upload as the SDK for JavaScript makes it: the bucket before the endpoint's host."""
    import boto3
    from botocore.config import Config

    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=sandbox.row["access_key_id"],
        aws_secret_access_key=sandbox.row["secret_access_key"],
        config=Config(signature_version="s3v4", s3={"addressing_style": "virtual"}),
    )
    url = client.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "up"})
    assert urlsplit(url).netloc == f"{bucket}.{urlsplit(endpoint).netloc}"
    return str(url)


@pytest.mark.parametrize("named", [False, True])
def test_a_bucket_before_the_endpoints_host(sandbox: Any, s3: Any, raw: Raw, bucket: str, named: bool) -> None:
    """`bucket.localhost`, `bucket.SANDBOX.localhost`: a browser asks first, without credentials that would fit its
    method, then uploads."""
    rule = {"AllowedMethods": ["PUT"], "AllowedOrigins": ["https://app.example.com"]}
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [rule]})
    endpoint = f"http://{sandbox.name + '.' if named else ''}localhost:{sandbox.server.port}"
    url = _presigned(sandbox, endpoint, bucket)
    host, target = urlsplit(url).hostname or "", _target(url)
    asking = {"Origin": "https://app.example.com", "Access-Control-Request-Method": "PUT"}
    status, headers, refusal = raw("OPTIONS", target, host=host, headers=asking)
    assert (status, headers.get("access-control-allow-origin")) == (200, "https://app.example.com"), refusal
    assert raw("PUT", target, b"body", host=host)[0] == 200
    assert s3.get_object(Bucket=bucket, Key="up")["Body"].read() == b"body"
    refused = target.replace("X-Amz-Signature=", "X-Amz-Signature=0")
    assert raw("PUT", refused, b"body", host=host)[0] == 403


def test_a_sandboxs_name_wins_over_a_buckets(sandbox: Any, s3: Any, raw: Raw) -> None:
    """`SANDBOX.localhost/bucket` stays the sandbox, also where a bucket has the same name."""
    s3.create_bucket(Bucket=sandbox.name)
    url = s3.generate_presigned_url("put_object", Params={"Bucket": sandbox.name, "Key": "k"})
    assert raw("PUT", _target(url), b"x")[0] == 200
    public = new_bucket(s3)
    s3.put_object(Bucket=public, Key="k", Body=b"public", ACL="public-read")
    assert raw("GET", f"/{public}/k", host=f"{sandbox.name}.localhost")[2] == b"public"


def test_a_checksum_in_the_query_is_not_verified(sandbox: Any, raw: Raw, bucket: str) -> None:
    """The SDK for JavaScript signs uploads before there is a body, with the checksum of an empty one."""
    s3 = sandbox.client("s3", signature_version="s3v4")

    def add(request: Any, **_: Any) -> None:
        request.url += "?x-amz-checksum-crc32=AAAAAA%3D%3D&x-amz-sdk-checksum-algorithm=CRC32"

    s3.meta.events.register("before-sign.s3.PutObject", add)
    target = _target(s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "k"}))
    assert "x-amz-checksum-crc32=AAAAAA" in target
    assert raw("PUT", target, b"a body")[0] == 200
    wrong = {"x-amz-checksum-crc32": "AAAAAA=="}
    status, _, body = raw("PUT", target, b"a body", headers=wrong)
    assert status in (400, 403), "a header counts"
