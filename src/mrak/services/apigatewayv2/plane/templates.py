"""Mapping templates: what API Gateway hands to them, $input, $util, $context and $stageVariables.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html
"""

from __future__ import annotations

import base64
import copy
from typing import Any
from urllib.parse import quote_plus, unquote_plus

import msgspec

from mrak.lang import jsonpath, vtl

# Where a parameter comes from (path, querystring, header) -> name -> value.
Parameters = dict[str, dict[str, str]]

_ESCAPES = str.maketrans(
    {
        "\\": "\\\\",
        '"': '\\"',
        "'": "\\'",
        "\n": "\\n",
        "\r": "\\r",
        "\t": "\\t",
        "\b": "\\b",
        "\f": "\\f",
    }
)


class TemplateFailed(Exception):
    """The template can't be parsed or rendered: the API's own fault."""


def render_template(
    text: str, body: str, parameters: Parameters, context: dict[str, Any], variables: dict[str, str]
) -> str:
    """A template's text. What it sets in `context`'s maps stays there."""
    given = {
        "input": _input(body, parameters),
        "util": _UTIL,
        "context": context,
        "stageVariables": dict(variables),
    }
    try:
        return vtl.render(vtl.compile_template(text), given)
    except (vtl.VtlError, vtl.VtlSyntaxError) as error:
        raise TemplateFailed(str(error)) from None


def _input(body: str, parameters: Parameters) -> vtl.Host:
    decoded: list[Any] = []

    def document() -> Any:
        if not decoded:
            try:
                decoded.append(msgspec.json.decode(body) if body else {})
            except (msgspec.DecodeError, RecursionError):
                decoded.append(body)
        return decoded[0]

    def path(text: str) -> Any:
        try:
            return copy.deepcopy(jsonpath.parse(text).value(document()))
        except (jsonpath.JsonPathNotFound, jsonpath.JsonPathSyntaxError):
            return None

    def json(text: str) -> str:
        """What the path names, as JSON; an empty text where it names nothing."""
        try:
            return vtl.as_json(jsonpath.parse(text).value(document()))
        except (jsonpath.JsonPathNotFound, jsonpath.JsonPathSyntaxError):
            return '""'

    def params(name: str | None = None) -> Any:
        """All parameters, or the one of a name: of the path, of the query, or a header."""
        if name is None:
            return {place: dict(values) for place, values in parameters.items()}
        for place in ("path", "querystring"):
            if name in parameters.get(place, {}):
                return parameters[place][name]
        return parameters.get("header", {}).get(name.lower(), "")

    return vtl.Host({"body": body}, {"path": path, "json": json, "params": params})


def _parse_json(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return None


def _decode64(text: str) -> str:
    try:
        return base64.b64decode(text).decode("utf-8", "replace")
    except ValueError:
        return ""


_UTIL = vtl.Host(
    {},
    {
        "escapeJavaScript": lambda text: vtl.as_text(text).translate(_ESCAPES),
        "parseJson": lambda text: _parse_json(vtl.as_text(text)),
        "urlEncode": lambda text: quote_plus(vtl.as_text(text)),
        "urlDecode": lambda text: unquote_plus(vtl.as_text(text)),
        "base64Encode": lambda text: base64.b64encode(vtl.as_text(text).encode()).decode(),
        "base64Decode": lambda text: _decode64(vtl.as_text(text)),
    },
)
