"""Transforms of whole templates and of parts: the language extensions, SAM, AWS::Include, and macros of the account.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-macros.html
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from mrak.core.context import Context
from mrak.core.errors import ApiError
from mrak.lang.cloudformation.errors import TemplateError
from mrak.lang.cloudformation.extensions import unroll
from mrak.lang.cloudformation.intrinsics import Values, evaluate
from mrak.lang.cloudformation.parsing import parse_template
from mrak.services.cloudformation import serverless
from mrak.services.cloudformation.tables import MACROS

_EXTENSIONS = "AWS::LanguageExtensions"
_INCLUDE = "AWS::Include"
_QUIET = (_INCLUDE, _EXTENSIONS)
_DEEPEST_INCLUDE = 5


def names_of(body: dict[str, Any]) -> list[Any]:
    """The transforms of the whole template, in order."""
    declared = body.get("Transform", [])
    return declared if isinstance(declared, list) else [declared]


def check_names(body: dict[str, Any]) -> None:
    """Transforms of the whole template have to be named outright: a reference is refused before anything is made."""
    for item in names_of(body):
        if isinstance(item, dict) and not isinstance(item.get("Name"), str):
            raise TemplateError("Key Name of transform definition must be a string.")


def has_transforms(body: Any) -> bool:
    """Whether anything in a template is transformed, as a whole or in part."""
    if isinstance(body, list):
        return any(has_transforms(item) for item in body)
    if not isinstance(body, dict):
        return False
    return "Transform" in body or "Fn::Transform" in body or any(has_transforms(item) for item in body.values())


def needs_expansion(body: dict[str, Any]) -> bool:
    """Whether CAPABILITY_AUTO_EXPAND is needed: for macros, and for transforms that make resources."""
    return any((item.get("Name") if isinstance(item, dict) else item) not in _QUIET for item in names_of(body))


async def process(ctx: Context, body: dict[str, Any], parameters: dict[str, Any]) -> dict[str, Any]:
    """The template after all its transforms; `parameters` are the values of its parameters."""
    names = names_of(body)
    values = _values(ctx, body, parameters)
    body = await _embedded(ctx, body, values, 0)
    body = {key: value for key, value in body.items() if key != "Transform"}
    for item in names:
        name, settings = (item["Name"], item.get("Parameters", {})) if isinstance(item, dict) else (item, {})
        body = await _whole(ctx, name, settings, body, values)
    return body


async def _whole(
    ctx: Context, name: str, settings: dict[str, Any], body: dict[str, Any], values: Values
) -> dict[str, Any]:
    if name == _EXTENSIONS:
        return unroll(body, values)
    if name == _INCLUDE:
        return _merge(body, await _include(ctx, evaluate(settings, values)))
    if name in serverless.NAMES:
        declared = {key: value for key, value in values.names.items() if not key.startswith("AWS::")}
        return await asyncio.to_thread(serverless.translate, body, declared, ctx.scope.region, ctx.scope.partition)
    if name.startswith("AWS::"):
        raise TemplateError(f"No transform named {name} found.")
    made = await _macro(ctx, name, body, evaluate(settings, values), values)
    if not isinstance(made, dict):
        raise TemplateError("Template format error: unsupported structure.")
    return made


def _merge(body: dict[str, Any], included: dict[str, Any]) -> dict[str, Any]:
    merged = dict(body)
    for section, content in included.items():
        own = merged.get(section)
        merged[section] = {**own, **content} if isinstance(own, dict) and isinstance(content, dict) else content
    return merged


async def _embedded(ctx: Context, value: Any, values: Values, depth: int) -> Any:
    """Fn::Transform wherever it stands: what it makes takes its place among its siblings."""
    if isinstance(value, list):
        return [await _embedded(ctx, item, values, depth) for item in value]
    if not isinstance(value, dict):
        return value
    made = {key: await _embedded(ctx, inner, values, depth) for key, inner in value.items() if key != "Fn::Transform"}
    wanted = value.get("Fn::Transform")
    if wanted is None:
        return made
    if depth >= _DEEPEST_INCLUDE:
        raise TemplateError("Template format error: The template includes too deeply.")
    name, settings = (wanted, {}) if isinstance(wanted, str) else (wanted.get("Name"), wanted.get("Parameters", {}))
    settings = evaluate(settings, values)
    if name == _INCLUDE:
        included = await _embedded(ctx, await _include(ctx, settings), values, depth + 1)
        return {**made, **included}
    if not isinstance(name, str):
        raise TemplateError("Key Name of transform definition must be a string.")
    return await _macro(ctx, name, made, settings, values)


async def _include(ctx: Context, settings: dict[str, Any]) -> dict[str, Any]:
    from mrak.services.cloudformation.preparation import read_url

    location = settings.get("Location")
    failed = f"Transform {_INCLUDE} failed with: "
    if not isinstance(location, str):
        raise TemplateError(failed + "The location parameter is not a valid S3 uri.")
    try:
        text = await read_url(ctx, location, lambda _: ApiError("InvalidUri", "The location is not a valid S3 uri."))
    except ApiError as error:
        raise TemplateError(failed + error.message) from error
    return parse_template(text.decode("utf-8", "replace"))


async def _macro(ctx: Context, name: str, fragment: Any, settings: dict[str, Any], values: Values) -> Any:
    """Asks the function behind a macro of this account."""
    macro = await ctx.transact(lambda tx: MACROS.get(tx, ctx.scope, name))
    if macro is None:
        raise TemplateError(f"No transform named {ctx.scope.account}::{name} found.")
    identity = f"{ctx.scope.account}::{name}"
    event = {
        "accountId": ctx.scope.account,
        "fragment": fragment,
        "transformId": identity,
        "requestId": ctx.draw.uuid(),
        "region": ctx.scope.region,
        "params": settings,
        "templateParameterValues": {k: v for k, v in values.names.items() if not k.startswith("AWS::")},
    }
    try:
        answer = await ctx.call(
            "lambda", "Invoke", {"FunctionName": macro.function, "Payload": json.dumps(event).encode()}
        )
    except ApiError as error:
        raise TemplateError(f"Transform {identity} failed with: {error.message}") from error
    return _macro_result(identity, answer)


def _macro_result(identity: str, answer: dict[str, Any]) -> Any:
    try:
        result = json.loads(answer.get("Payload") or b"null")
    except ValueError:
        result = None
    if answer.get("FunctionError") or not isinstance(result, dict):
        raise TemplateError(f"Received malformed response from transform {identity}")
    if str(result.get("status", "")).lower() != "success":
        message = result.get("errorMessage")
        explained = f"failed with: {message}" if message else "failed without an error message."
        raise TemplateError(f"Transform {identity} {explained}")
    return result.get("fragment")


def _values(ctx: Context, body: dict[str, Any], parameters: dict[str, Any]) -> Values:
    """What a transform may refer to: parameters, mappings and a few pseudo parameters; resources are not there yet."""
    scope = ctx.scope
    names = {
        **parameters,
        "AWS::AccountId": scope.account,
        "AWS::Region": scope.region,
        "AWS::Partition": scope.partition,
        "AWS::URLSuffix": "amazonaws.com",
    }

    def unknown(name: str, attribute: str = "") -> Any:
        raise TemplateError(f"Template error: {name} can't be used in a transform, since it is not known yet")

    mappings = body.get("Mappings") if isinstance(body.get("Mappings"), dict) else {}
    return Values(
        names=names, mappings=mappings or {}, ref=unknown, attribute=unknown, export=unknown, zones=lambda _: []
    )
