"""Viewer functions: the event that they get, and what becomes of the answer.

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/functions-event-structure.html
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from http import HTTPStatus
from typing import Any

import msgspec

from mrak.core.context import Context
from mrak.core.http import Response
from mrak.services.cloudfront.plane import javascript, keyvalues
from mrak.services.cloudfront.plane.cache import Headers
from mrak.services.cloudfront.plane.javascript import FunctionError
from mrak.services.cloudfront.plane.selection import Viewed, device_headers
from mrak.services.cloudfront.tables import Distribution, Function

REQUEST, RESPONSE = "viewer-request", "viewer-response"
GENERATED = "FunctionGeneratedResponse from cloudfront"
FAILED = "FunctionExecutionError from cloudfront"
INVALID = "FunctionValidationError from cloudfront"
# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/edge-function-restrictions-all.html
_READ_ONLY = frozenset({"host", "content-length", "transfer-encoding", "via"})
_MOST_BODY_BYTES = 40 << 10


class InvalidAnswer(FunctionError):
    """The function ran, and what it returned has no form that CloudFront understands."""


async def run_request(
    ctx: Context, function: Function, distribution: Distribution, viewed: Viewed
) -> Viewed | Response:
    """The request as the function left it, or the response that it made. Raises FunctionError."""
    event = _event(ctx, REQUEST, distribution, viewed)
    answer = await _run(ctx, function, event)
    if "statusCode" in answer:
        return _parse_response(answer, None)
    return _parse_request(answer, viewed)


async def run_response(
    ctx: Context, function: Function, distribution: Distribution, viewed: Viewed, response: Response
) -> Response:
    """The response as the function left it. Raises FunctionError."""
    event = _event(ctx, RESPONSE, distribution, viewed)
    event["response"] = _render_response(response)
    return _parse_response(await _run(ctx, function, event), response)


async def _run(ctx: Context, function: Function, event: dict[str, Any]) -> dict[str, Any]:
    store = await keyvalues.load(ctx, function)
    outcome = await asyncio.to_thread(javascript.run, function.code.decode("utf-8", "replace"), event, store)
    if outcome.error:
        raise FunctionError(outcome.error)
    if not isinstance(outcome.value, dict):
        raise InvalidAnswer("The function did not return an object.")
    return outcome.value


# --- events -----------------------------------------------------------------------------------------------------


def _event(ctx: Context, kind: str, distribution: Distribution, viewed: Viewed) -> dict[str, Any]:
    return {
        "version": "1.0",
        "context": {
            "distributionDomainName": viewed.headers.get("host", ""),
            "distributionId": distribution.id,
            "eventType": kind,
            "requestId": ctx.request_id,
        },
        "viewer": {"ip": viewed.peer},
        "request": _render_request(viewed),
    }


def _render_request(viewed: Viewed) -> dict[str, Any]:
    pairs = [(name, value) for name, value in viewed.headers.items() if name != "cookie"]
    told = device_headers(viewed)
    pairs.append(("cloudfront-forwarded-proto", told["cloudfront-forwarded-proto"]))
    cookies = [part.strip().partition("=") for part in viewed.headers.get("cookie", "").split(";") if part.strip()]
    query = [part.partition("=") for part in viewed.query.split("&") if part]
    return {
        "method": viewed.method,
        "uri": viewed.path,
        "querystring": _render_values([(name, value) for name, _, value in query]),
        "headers": _render_values(pairs),
        "cookies": _render_values([(name, value) for name, _, value in cookies]),
    }


def _render_values(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """{name: {value}}, with multiValue where a name comes more than once."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name not in found:
            found[name] = {"value": value}
            continue
        entry = found[name]
        entry.setdefault("multiValue", [{"value": entry["value"]}]).append({"value": value})
    return found


def _render_response(response: Response) -> dict[str, Any]:
    cookies: dict[str, Any] = {}
    for name, value in response.headers:
        if name.lower() == "set-cookie":
            pair, _, attributes = value.partition(";")
            key, _, content = pair.strip().partition("=")
            shown = {"value": content, "attributes": attributes.strip()} if attributes else {"value": content}
            if key in cookies:
                first = cookies[key]
                first.setdefault("multiValue", [dict(first)]).append(shown)
            else:
                cookies[key] = shown
    plain = [(name.lower(), value) for name, value in response.headers if name.lower() != "set-cookie"]
    return {
        "statusCode": response.status,
        "statusDescription": _phrase(response.status),
        "headers": _render_values(plain),
        "cookies": cookies,
    }


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


# --- answers ----------------------------------------------------------------------------------------------------


def _values(given: Any) -> list[tuple[str, str]]:
    """(name, value) of {name: {value, multiValue}}."""
    if given is None:
        return []
    if not isinstance(given, dict):
        raise InvalidAnswer("headers, cookies and querystring have to be objects.")
    found = []
    for name, entry in given.items():
        if not isinstance(entry, dict) or ("value" not in entry and "multiValue" not in entry):
            raise InvalidAnswer(f"{name} has to be an object with a value.")
        for one in entry.get("multiValue") or [entry]:
            if not isinstance(one, dict) or not isinstance(one.get("value"), str | int | float | bool):
                raise InvalidAnswer(f"The value of {name} has to be text.")
            found.append((name, _text(one["value"])))
    return found


def _text(value: Any) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if "\r" in text or "\n" in text:
        raise InvalidAnswer("A value holds a line break.")
    return text


def _parse_request(answer: dict[str, Any], viewed: Viewed) -> Viewed:
    uri, method = answer.get("uri"), answer.get("method", viewed.method)
    if not isinstance(uri, str) or not uri.startswith("/") or any(sign in uri for sign in " \r\n?#"):
        raise InvalidAnswer("uri has to begin with a slash, and to have no query string.")
    if method != viewed.method:
        raise InvalidAnswer("method is read-only.")
    headers: dict[str, str] = {}
    for name, value in _values(answer.get("headers")):
        lower = name.lower()
        headers[lower] = f"{headers[lower]}, {value}" if lower in headers else value
    headers.pop("cloudfront-forwarded-proto", None)
    for name in _READ_ONLY:
        if headers.get(name) != viewed.headers.get(name):
            raise InvalidAnswer(f"{name} is read-only.")
    cookies = "; ".join(f"{name}={value}" for name, value in _values(answer.get("cookies")))
    if cookies:
        headers["cookie"] = cookies
    query = "&".join(f"{name}={value}" if value else name for name, value in _values(answer.get("querystring")))
    if any(sign in query for sign in " #"):
        raise InvalidAnswer("querystring has to be percent-encoded.")
    if _same_pairs(query, viewed.query):
        query = viewed.query
    return msgspec.structs.replace(viewed, path=uri, query=query, headers=headers)


def _same_pairs(one: str, other: str) -> bool:
    """`a=` and `a` are the same to a function; what it did not touch goes on as it came."""
    return sorted(p.removesuffix("=") for p in one.split("&")) == sorted(p.removesuffix("=") for p in other.split("&"))


def _parse_response(answer: dict[str, Any], response: Response | None) -> Response:
    status = answer.get("statusCode")
    if not isinstance(status, int | float) or not 200 <= status <= 599:
        raise InvalidAnswer("statusCode has to be a number from 200 to 599.")
    headers: Headers = [(name, value) for name, value in _values(answer.get("headers")) if _is_passed(name)]
    for name, entry in (answer.get("cookies") or {}).items():
        headers += [("Set-Cookie", text) for text in _cookie_texts(name, entry)]
    if "body" in answer:
        body = _parse_body(answer["body"])
        return Response(int(status), headers, body)
    return Response(int(status), headers, b"" if response is None else response.body)


def _is_passed(name: str) -> bool:
    return name.lower() not in ("content-length", "transfer-encoding", "connection")


def _cookie_texts(name: str, entry: Any) -> list[str]:
    texts = []
    for one in (entry.get("multiValue") or [entry]) if isinstance(entry, dict) else [None]:
        if not isinstance(one, dict) or "value" not in one:
            raise InvalidAnswer(f"The cookie {name} has to be an object with a value.")
        attributes = _text(one.get("attributes") or "")
        texts.append(f"{name}={_text(one['value'])}" + (f"; {attributes}" if attributes else ""))
    return texts


def _parse_body(body: Any) -> bytes:
    """Text, or {encoding, data} in the 2.0 runtime."""
    if isinstance(body, dict) and isinstance(body.get("data"), str):
        if body.get("encoding") == "base64":
            try:
                content = base64.b64decode(body["data"], validate=True)
            except (binascii.Error, ValueError):
                raise InvalidAnswer("body is not base64.") from None
        else:
            content = body["data"].encode()
    elif isinstance(body, str):
        content = body.encode()
    else:
        raise InvalidAnswer("body has to be text.")
    if len(content) > _MOST_BODY_BYTES:
        raise InvalidAnswer("body has more than 40 KB.")
    return content
