"""Whose sandbox a request to Cognito is for that carries no signature, as apps and browsers send it.

Such a request names a user pool, an app client, an identity, a session, or shows an access token. The ids of all of
them end with their environment's code (`Context.resource_id`); an identity pool's and an identity's is a UUID, whose
last four hexadecimal digits are the code as a number in base 36.
"""

from __future__ import annotations

import base64
import binascii
import re
from urllib.parse import parse_qs

import msgspec

from mrak.core.http import Request

_REGION = re.compile(r"([a-z]{2}(?:-[a-z]+)+-\d)[_:]")
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_CODE_LENGTH = 3
_LONGEST_TOKEN = 16 * 1024


class Names(msgspec.Struct):
    """What of a request's body tells where it belongs."""

    UserPoolId: str = ""
    ClientId: str = ""
    IdentityPoolId: str = ""
    IdentityId: str = ""
    Session: str = ""
    AccessToken: str = ""


class _Claims(msgspec.Struct):
    client_id: str = ""
    aud: str | list[str] = ""


def find_in_operation(request: Request) -> tuple[str, str]:
    """(environment's code, region) that a JSON request names; "" for what it does not."""
    try:
        names = msgspec.json.decode(request.body or b"", type=Names)
    except (msgspec.DecodeError, RecursionError):
        return "", ""
    region = _REGION.match(names.UserPoolId or names.IdentityPoolId or names.IdentityId)
    if names.IdentityPoolId or names.IdentityId:
        code = _code_of_uuid(names.IdentityPoolId or names.IdentityId)
    else:
        code = _tail(names.UserPoolId or names.ClientId or names.Session or _client_of(names.AccessToken))
    return code, region[1] if region else ""


def find_in_page(request: Request, resource: str) -> str:
    """The code that a request to hosted pages or keys names; `resource` is the pool or domain in its path or host."""
    if "_" in resource:
        return _tail(resource)
    authorization = request.headers.get("authorization", "")
    if authorization.lower().startswith("bearer "):
        return _tail(_client_of(authorization[7:].strip()))
    if authorization.lower().startswith("basic "):
        return _tail(_basic_user(authorization[6:].strip()))
    asked = dict(request.query_pairs).get("client_id", "")
    if not asked and request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        asked = parse_qs((request.body or b"").decode("latin-1")).get("client_id", [""])[0]
    return _tail(asked)


def _tail(identifier: str) -> str:
    return identifier[-_CODE_LENGTH:].lower()


def _code_of_uuid(identifier: str) -> str:
    try:
        number = int(identifier[-4:], 16)
    except ValueError:
        return ""
    code = ""
    for _ in range(_CODE_LENGTH):
        number, digit = divmod(number, len(_DIGITS))
        code = _DIGITS[digit] + code
    return code


def _client_of(token: str) -> str:
    """The app client that a token says it is for; nothing is proved by it."""
    parts = token.split(".")
    if len(parts) != 3 or len(token) > _LONGEST_TOKEN:
        return ""
    try:
        raw = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        claims = msgspec.json.decode(raw, type=_Claims)
    except (binascii.Error, ValueError, msgspec.DecodeError):
        return ""
    audience = claims.aud if isinstance(claims.aud, str) else ""
    return claims.client_id or audience


def _basic_user(encoded: str) -> str:
    try:
        return base64.b64decode(encoded, validate=True).decode().partition(":")[0]
    except (binascii.Error, ValueError):
        return ""
