"""Signed URLs and cookies: whether a viewer may see a file of a behaviour with trusted key groups.

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-signed-urls.html
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-signed-cookies.html
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
from functools import lru_cache
from typing import Any
from urllib.parse import unquote_plus

import msgspec

from mrak.services.cloudfront.plane.behaviors import glob_matches
from mrak.services.cloudfront.plane.selection import Viewed

_NAMES = ("Expires", "Policy", "Signature", "Key-Pair-Id", "Hash-Algorithm")
_FROM_BASE64 = str.maketrans("-_~", "+=/")
_MOST_POLICY_BYTES = 8 << 10


class Denied(Exception):
    """The viewer may not; `code` is what the answer names."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def check(viewed: Viewed, keys: dict[str, str], now: float) -> Viewed:
    """The request without its signature. Raises Denied unless one of `keys` (PEM by id) has signed for it."""
    bare, found = _take_query(viewed)
    if "Key-Pair-Id" not in found and "Signature" not in found:
        bare, found = _take_cookies(viewed)
    if "Key-Pair-Id" not in found:
        raise Denied("MissingKey", "Missing Key-Pair-Id query parameter or cookie value")
    pem = keys.get(found["Key-Pair-Id"])
    if pem is None:
        raise Denied("InvalidKey", "Unknown Key")
    signature = _decode(found.get("Signature", ""))
    algorithm = found.get("Hash-Algorithm", "SHA1")
    if "Policy" in found:
        text = _decode(found["Policy"])
        if not _is_signed(pem, signature, text, algorithm):
            raise Denied("AccessDenied", "Access denied")
        _check_policy(text, viewed, _urls(bare), now)
        return bare
    expires = found.get("Expires", "")
    if not expires.isascii() or not expires.isdigit():
        raise Denied("MissingExpires", "Missing Expires query parameter or cookie value")
    texts = [_canned_policy(url, expires) for url in _urls(bare)]
    if not any(_is_signed(pem, signature, text, algorithm) for text in texts) or now >= int(expires):
        raise Denied("AccessDenied", "Access denied")
    return bare


def _take_query(viewed: Viewed) -> tuple[Viewed, dict[str, str]]:
    kept, found = [], {}
    for part in viewed.query.split("&") if viewed.query else []:
        name, _, value = part.partition("=")
        if name in _NAMES:
            found[name] = unquote_plus(value)
        else:
            kept.append(part)
    return msgspec.structs.replace(viewed, query="&".join(kept)), found


def _take_cookies(viewed: Viewed) -> tuple[Viewed, dict[str, str]]:
    kept, found = [], {}
    for part in viewed.headers.get("cookie", "").split(";"):
        name, _, value = part.strip().partition("=")
        if name.removeprefix("CloudFront-") in _NAMES and name.startswith("CloudFront-"):
            found[name.removeprefix("CloudFront-")] = value
        elif name:
            kept.append(part.strip())
    headers = {name: value for name, value in viewed.headers.items() if name != "cookie"}
    if kept:
        headers["cookie"] = "; ".join(kept)
    return msgspec.structs.replace(viewed, headers=headers), found


def _urls(viewed: Viewed) -> tuple[str, str]:
    """What may have been signed: we cannot know by which scheme the viewer came to what stands in front of us."""
    query = f"?{viewed.query}" if viewed.query else ""
    rest = f"{viewed.headers.get('host', '')}{viewed.path}{query}"
    return f"http://{rest}", f"https://{rest}"


def _canned_policy(url: str, expires: str) -> bytes:
    quoted = msgspec.json.encode(url).decode()
    return (
        f'{{"Statement":[{{"Resource":{quoted},"Condition":{{"DateLessThan":{{"AWS:EpochTime":{expires}}}}}}}]}}'
    ).encode()


def _decode(text: str) -> bytes:
    """Base64 with the three signs that URLs do not like replaced."""
    if len(text) > _MOST_POLICY_BYTES:
        raise Denied("MalformedPolicy", "Malformed Policy")
    try:
        return base64.b64decode(text.translate(_FROM_BASE64), validate=True)
    except (binascii.Error, ValueError):
        raise Denied("MalformedSignature", "Could not unencode Signature") from None


@lru_cache(maxsize=256)
def load_key(pem: str) -> Any:
    """The public key of a PEM document; ValueError where it is none that can sign."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(pem.encode())
    except UnsupportedAlgorithm as error:
        raise ValueError(str(error)) from None
    if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        raise ValueError("neither RSA nor ECDSA")
    return key


def _is_signed(pem: str, signature: bytes, text: bytes, algorithm: str) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

    key = load_key(pem)
    digest = hashes.SHA256() if algorithm == "SHA256" else hashes.SHA1()
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, text, padding.PKCS1v15(), digest)
        else:
            key.verify(signature, text, ec.ECDSA(digest))
    except InvalidSignature:
        return False
    return True


def _check_policy(text: bytes, viewed: Viewed, urls: tuple[str, str], now: float) -> None:
    try:
        policy = msgspec.json.decode(text)
        (statement,) = policy["Statement"]
        condition = statement["Condition"]
        latest = float(condition["DateLessThan"]["AWS:EpochTime"])
        earliest = float(condition.get("DateGreaterThan", {}).get("AWS:EpochTime", 0))
        network = ipaddress.ip_network(condition.get("IpAddress", {}).get("AWS:SourceIp", "0.0.0.0/0"), strict=False)
        resource = str(statement.get("Resource", "*"))
    except (msgspec.DecodeError, KeyError, TypeError, ValueError, AttributeError):
        raise Denied("MalformedPolicy", "Malformed Policy") from None
    address = ipaddress.ip_address(viewed.peer)
    inside = network.prefixlen == 0 or address in network
    if not earliest <= now < latest or not inside or not any(glob_matches(resource, url) for url in urls):
        raise Denied("AccessDenied", "Access denied")
