"""What a function's answer becomes for the caller.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

import msgspec

from mrak.core.http import Response

_PLAIN = "text/plain; charset=utf-8"
# What belongs to the connection, or the server writes itself.
_NOT_PASSED = frozenset({"connection", "content-length", "transfer-encoding", "keep-alive", "date", "upgrade"})
_RENAMED = {"server": "x-amzn-remapped-server", "www-authenticate": "x-amzn-remapped-www-authenticate"}


_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_FORBIDDEN = re.compile(r"[\r\n\0]")


class Malformed(Exception):
    """The function's answer has no form that the gateway understands; callers get a 500."""


def parse_v2(payload: bytes) -> Response:
    """Payload 2.0: with `statusCode` a whole response; anything else is a JSON body of a 200."""
    try:
        answer = msgspec.json.decode(payload) if payload else None
    except (msgspec.DecodeError, RecursionError) as error:
        raise Malformed(str(error)) from None
    if isinstance(answer, dict) and "statusCode" in answer:
        return _render(answer)
    return Response(200, [("content-type", "application/json")], payload)


def parse_v1(payload: bytes) -> Response:
    """Payload 1.0: nothing but a whole response."""
    try:
        answer = msgspec.json.decode(payload) if payload else None
    except (msgspec.DecodeError, RecursionError) as error:
        raise Malformed(str(error)) from None
    if not isinstance(answer, dict) or "statusCode" not in answer:
        raise Malformed("there is no statusCode")
    return _render(answer)


def _render(answer: dict[str, Any]) -> Response:
    headers: list[tuple[str, str]] = []
    for name, values in _header_values(answer):
        lower = name.lower()
        if lower not in _NOT_PASSED:
            headers += [(_RENAMED.get(lower, lower), value) for value in values]
    cookies = answer.get("cookies") or []
    if not isinstance(cookies, list):
        raise Malformed("cookies is not a list")
    headers += [("set-cookie", as_text(cookie)) for cookie in cookies]
    if not all(is_header(name, value) for name, value in headers):
        raise Malformed("a header can't be sent")
    if not any(name == "content-type" for name, _ in headers):
        headers.append(("content-type", _PLAIN))
    return Response(parse_status(answer["statusCode"]), headers, parse_body(answer))


def _header_values(answer: dict[str, Any]) -> list[tuple[str, list[str]]]:
    single, several = answer.get("headers") or {}, answer.get("multiValueHeaders") or {}
    if not isinstance(single, dict) or not isinstance(several, dict):
        raise Malformed("headers is not an object")
    found = [(name, [as_text(value)]) for name, value in single.items() if name not in several]
    for name, values in several.items():
        if not isinstance(values, list):
            raise Malformed("a value of multiValueHeaders is not a list")
        found.append((name, [as_text(value) for value in values]))
    return found


def parse_status(status: Any) -> int:
    try:
        number = int(status)
    except (TypeError, ValueError):
        raise Malformed("statusCode is not a number") from None
    if not 200 <= number <= 599:
        raise Malformed("statusCode is out of range")
    return number


def parse_body(answer: dict[str, Any]) -> bytes:
    body = answer.get("body")
    if body is None:
        return b""
    text = body if isinstance(body, str) else msgspec.json.encode(body).decode()
    if answer.get("isBase64Encoded") is not True:
        return text.encode()
    try:
        return base64.b64decode(text)
    except (binascii.Error, ValueError):
        raise Malformed("body is not base64") from None


def is_header(name: str, value: str) -> bool:
    """Whether a header can be sent: a line break in it would begin another."""
    return _NAME.fullmatch(name) is not None and _FORBIDDEN.search(value) is None


def as_text(value: Any) -> str:
    """A header's value as Java shows it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else msgspec.json.encode(value).decode() if value is not None else ""
