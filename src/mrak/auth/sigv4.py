"""AWS Signature Version 4, the verifying side.

`parse_signature` reads what a request claims (header, presigned query, or S3's form fields through
`parse_post_signature`) without any secret; `check_signature` proves it, given the secret of the claimed access key.
Nothing here does I/O or knows who owns a key.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html

Invariants: the signature is compared in constant time; a request passes only when its time, its signature and (where
the body is at hand) its payload hash all hold.
"""

from __future__ import annotations

import hmac
import re
from functools import lru_cache
from hashlib import sha256
from time import gmtime, strftime
from typing import Final

from mrak.auth.canonical import AUTHORITY, canonical_headers, canonical_path, canonical_query
from mrak.auth.flavours import REST_JSON, S3, Flavour, flavour_of
from mrak.auth.hoisted import hoisted_headers
from mrak.auth.signature import (
    ALGORITHM,
    UNSIGNED,
    Signature,
    parse_post_signature,
    parse_signature,
    parse_timestamp,
    render_timestamp,
    s3_argument,
    s3_malformed,
)
from mrak.core.errors import ApiError
from mrak.core.http import Request

__all__ = [
    "STREAMING",
    "Signature",
    "check_payload",
    "check_post_signature",
    "check_scope",
    "check_signature",
    "parse_post_signature",
    "parse_signature",
    "signing_key",
]

EMPTY_SHA256: Final = sha256(b"").hexdigest()
SKEW_SECONDS: Final = 15 * 60
STREAMING: Final = frozenset(
    {
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
        "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
    }
)
_HEX_SHA256: Final = re.compile(r"[0-9a-fA-F]{64}").fullmatch


def check_signature(signature: Signature, request: Request, secret: str, now: float) -> None:
    """Raise unless `request` was signed with `secret` and is still current.

    What S3's requests say about their bodies is checked by whoever reads these: see `check_payload`.
    """
    if signature.kind.startswith("v2"):
        from mrak.auth import sigv2

        sigv2.check_signature(signature, request, secret, now)
        return
    flavour = flavour_of(signature.service)
    _check_time(signature, flavour, now)
    is_s3 = flavour.is_s3
    _check_signed_headers(signature, request, is_s3)
    payload = _s3_payload_hash(signature) if is_s3 else _payload_hash(signature, request)
    skipped = "X-Amz-Signature" if signature.kind == "presigned" else ""
    head = f"{request.method}\n{canonical_path(request.path, is_s3)}\n{canonical_query(request.query, skipped)}\n"
    tail = f"\n{';'.join(signature.signed_headers)}\n{payload}"
    headers = request.headers
    if is_s3 and signature.kind == "presigned":
        headers = hoisted_headers(request) | headers
    lines = canonical_headers(signature.signed_headers, headers)
    key = signing_key(secret, signature.date, signature.region, signature.service)
    creq = head + lines + tail
    if not _matches(signature, creq, key):
        compact = canonical_headers(signature.signed_headers, headers, compact_commas=True)
        if compact == lines or not _matches(signature, head + compact + tail, key):
            raise _mismatch(signature, flavour, _string_to_sign(signature, creq), creq)


def check_lifetime(signature: Signature, now: float) -> None:
    """Raise where a presigned link has had its time: this much can be said also of a key that nobody knows."""
    if signature.kind == "v2-query":
        from mrak.auth import sigv2

        sigv2.check_lifetime(signature.timestamp, now)
    elif signature.kind == "presigned":
        _check_time(signature, signature.flavour, now)


def check_scope(signature: Signature, services: tuple[str, ...]) -> None:
    """Raise unless the credential is scoped to one of `services`, the signing names of the endpoint."""
    if signature.service in services:
        return
    flavour = flavour_of(services[0])
    if flavour.is_s3:
        detail = f'incorrect service "{signature.service}". This endpoint belongs to "{services[0]}".'
        raise s3_malformed(detail, presigned=signature.kind != "header")
    raise flavour.error("mismatch", f"Credential should be scoped to correct service: '{services[0]}'. ")


def check_payload(signature: Signature, computed_sha256: str) -> None:
    """Raise unless the body that was read is the one that was signed. Unsigned and chunked payloads pass."""
    claimed = signature.payload_hash
    if claimed.lower() != computed_sha256 and _HEX_SHA256(claimed):
        raise wrong_payload(claimed, computed_sha256)


def wrong_payload(claimed: str, computed_sha256: str) -> ApiError:
    return ApiError(
        "XAmzContentSHA256Mismatch",
        "The provided 'x-amz-content-sha256' header does not match what was computed.",
        400,
        {"ClientComputedContentSHA256": claimed, "S3ComputedContentSHA256": computed_sha256},
    )


def check_post_signature(signature: Signature, fields: dict[str, str], secret: str) -> None:
    """Raise unless the form's policy (base64, as it came) was signed."""
    if signature.kind == "v2-post":
        from mrak.auth import sigv2

        sigv2.check_post_signature(signature, fields["policy"], secret)
        return
    key = signing_key(secret, signature.date, signature.region, signature.service)
    policy = fields["policy"]
    ours = hmac.digest(key, policy.encode(), "sha256").hex()
    if not hmac.compare_digest(ours.encode(), signature.signature.encode()):
        raise S3.error("mismatch", **s3_evidence(signature.access_key, signature.signature, policy))


@lru_cache(maxsize=4096)
def signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    """The key that signs everything of one scope."""
    key = hmac.digest(f"AWS4{secret}".encode(), date.encode(), "sha256")
    for part in (region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def _matches(signature: Signature, creq: str, key: bytes) -> bool:
    ours = hmac.digest(key, _string_to_sign(signature, creq).encode(), "sha256").hex()
    return hmac.compare_digest(ours.encode(), signature.signature.encode())


def _string_to_sign(signature: Signature, creq: str) -> str:
    digest = sha256(creq.encode()).hexdigest()
    return f"{ALGORITHM}\n{signature.timestamp}\n{signature.scope}\n{digest}"


def _payload_hash(signature: Signature, request: Request) -> str:
    """The body that came, whatever the header says of it; JSON services know no body that is not signed."""
    claimed = signature.payload_hash
    if not signature.flavour.is_json and (claimed == UNSIGNED or claimed in STREAMING):
        return claimed
    if request.body is None:
        return claimed or UNSIGNED
    return sha256(request.body).hexdigest() if request.body else EMPTY_SHA256


def _s3_payload_hash(signature: Signature) -> str:
    claimed = signature.payload_hash
    if signature.kind == "presigned":
        # Links take any text here, which then has to be the body's digest.
        return claimed or UNSIGNED
    if claimed == UNSIGNED or _HEX_SHA256(claimed) or claimed in STREAMING:
        return claimed
    if claimed:
        raise s3_argument(
            "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, "
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid sha256 value.",
            claimed,
            "x-amz-content-sha256",
        )
    raise ApiError("InvalidRequest", "Missing required header for this request: x-amz-content-sha256", 400)


def _check_signed_headers(signature: Signature, request: Request, is_s3: bool) -> None:
    signed = signature.signed_headers
    if not is_s3:
        if "host" not in signed and AUTHORITY not in signed:
            raise signature.flavour.error(
                "mismatch", "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."
            )
        return
    # S3 trusts no x-amz header that was not signed: it might change what the request does.
    unsigned = [name for name in request.headers if name.startswith("x-amz-") and name not in signed]
    if "host" not in signed and AUTHORITY not in signed:
        unsigned.insert(0, "host")
    if signature.kind == "presigned" and "x-amz-content-sha256" in unsigned:
        unsigned.remove("x-amz-content-sha256")
    if unsigned:
        raise S3.error(
            "denied",
            "There were headers present in the request which were not signed",
            HeadersNotSigned=", ".join(unsigned),
        )


def _check_time(signature: Signature, flavour: Flavour, now: float) -> None:
    signed_at = parse_timestamp(signature.timestamp)
    if signed_at is None:
        raise flavour.error("skewed", f"Date must be in ISO-8601 'basic format'. Got '{signature.timestamp}'.")
    lifetime = SKEW_SECONDS if signature.expires_seconds is None else signature.expires_seconds
    if signed_at - SKEW_SECONDS <= now <= signed_at + lifetime:
        return
    early = now < signed_at
    if not flavour.is_s3:
        raise flavour.error("expired", _time_message(signature.timestamp, now, lifetime, early))
    if signature.expires_seconds is None:
        raise S3.error(
            "skewed",
            RequestTime=signature.timestamp,
            ServerTime=_server_time(now),
            MaxAllowedSkewMilliseconds=SKEW_SECONDS * 1000,
        )
    if early:
        raise S3.error("expired", "Request is not valid yet", ServerTime=_server_time(now))
    error = S3.error("expired", Expires=_server_time(signed_at + lifetime), ServerTime=_server_time(now))
    error.fields = {"X-Amz-Expires": lifetime, **(error.fields or {})}
    raise error


def _time_message(timestamp: str, now: float, lifetime: int, early: bool) -> str:
    if early:
        bound = f"{render_timestamp(now + SKEW_SECONDS)} ({render_timestamp(now)} + {SKEW_SECONDS // 60} min.)"
        return f"Signature not yet current: {timestamp} is still later than {bound}"
    bound = f"{render_timestamp(now - lifetime)} ({render_timestamp(now)} - {lifetime // 60} min.)"
    return f"Signature expired: {timestamp} is now earlier than {bound}"


def _server_time(seconds: float) -> str:
    return strftime("%Y-%m-%dT%H:%M:%SZ", gmtime(seconds))


def _mismatch(signature: Signature, flavour: Flavour, string_to_sign: str, creq: str) -> ApiError:
    if flavour.is_s3:
        evidence = s3_evidence(signature.access_key, signature.signature, string_to_sign)
        return S3.error("mismatch", **evidence, CanonicalRequest=creq, CanonicalRequestBytes=creq.encode().hex(" "))
    if flavour is not REST_JSON:
        return flavour.error("mismatch")
    usual = flavour.error("mismatch").message
    return flavour.error(
        "mismatch",
        f"{usual}\n\nThe Canonical String for this request should have been\n'{creq}'\n\n"
        f"The String-to-Sign should have been\n'{string_to_sign}'\n",
    )


def s3_evidence(access_key: str, provided: str, string_to_sign: str) -> dict[str, str]:
    """What S3 shows to whoever has to find out why a signature does not match."""
    return {
        "AWSAccessKeyId": access_key,
        "StringToSign": string_to_sign,
        "SignatureProvided": provided,
        "StringToSignBytes": string_to_sign.encode().hex(" "),
    }
