"""From a request to a version of a template: text, transforms, checks, parameters, capabilities.

Reading a template from S3 and running macros takes calls, so this is the part of an operation before its transaction.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.lang.cloudformation.errors import TemplateError
from mrak.lang.cloudformation.parameters import Parameter, bind
from mrak.lang.cloudformation.parsing import parse_template
from mrak.lang.cloudformation.template import Template, check_outline, check_parameters, check_template
from mrak.services.cloudformation import errors, transforms
from mrak.services.cloudformation.evaluation import check_enabled
from mrak.services.cloudformation.tables import VERSIONS, Stack, Version
from mrak.services.s3.exports import read_body
from mrak.services.ssm.exports import find_value

_LONGEST_BODY = 51_200
_LARGEST_TEMPLATE = 1_000_000
_VIRTUAL_HOST = re.compile(r"([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])\.s3[.-]")
_NAMED_IAM = {
    "AWS::IAM::Role": "RoleName",
    "AWS::IAM::User": "UserName",
    "AWS::IAM::Group": "GroupName",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::IAM::InstanceProfile": "InstanceProfileName",
}
_IAM = {*_NAMED_IAM, "AWS::IAM::Policy", "AWS::IAM::AccessKey", "AWS::IAM::UserToGroupAddition"}


class Prepared(msgspec.Struct):
    """A template that is ready to become a version of a stack."""

    original: str
    template: Template
    parameters: list[tuple[str, str, str, bool]]
    capabilities: list[str]
    tags: list[dict[str, str]]
    failure: str = ""
    """What a transform said where it failed, which AWS tells in the stack's events and not in the answer."""

    def version(self, stack_id: str, number: int) -> Version:
        return Version(
            stack_id=stack_id,
            number=number,
            original=self.original,
            processed=json.dumps(self.template.body, separators=(",", ":")),
            parameters=self.parameters,
            capabilities=self.capabilities,
            tags=self.tags,
            failure=self.failure,
        )

    def same_as(self, version: Version) -> bool:
        """Whether an update to this would change nothing (its parameters' stored values included). AWS does not ask
        that of a template with transforms, whose outcome may be another each time."""
        return (
            not transforms.has_transforms(parse_template(self.original))
            and json.loads(version.processed) == self.template.body
            and version.parameters == self.parameters
            and version.tags == self.tags
        )


async def read_text(ctx: Context, req: dict[str, Any], old: Version | None = None) -> str:
    """The template's text: TemplateBody, TemplateURL in one of our buckets, or the stack's own."""
    if req.get("UsePreviousTemplate") and ("TemplateBody" in req or "TemplateURL" in req):
        raise errors.two_templates()
    if req.get("TemplateBody"):
        text: str = req["TemplateBody"]
        if len(text.encode()) > _LONGEST_BODY:
            raise errors.body_too_long(len(text.encode()))
        return text
    if req.get("TemplateURL"):
        return (await read_url(ctx, req["TemplateURL"], errors.bad_template_url)).decode("utf-8", "replace")
    if req.get("UsePreviousTemplate") and old is not None:
        return old.original
    raise errors.no_template()


async def read_url(ctx: Context, url: str, refuse: Any, principal: Any = None) -> bytes:
    """An object of S3 by its URL (path or virtual-host style, or s3://)."""
    bucket, key = _object_of(url)
    if refuse is errors.bad_template_url and url.startswith("s3://"):
        raise errors.no_s3_domain(bucket)
    if not bucket or not key:
        raise refuse(url)
    try:
        answer = await ctx.call("s3", "GetObject", {"Bucket": bucket, "Key": key}, principal=principal)
    except ApiError as error:
        raise errors.s3_error(error.message) from error
    if int(answer.get("ContentLength", 0)) > _LARGEST_TEMPLATE:
        raise errors.template_too_long()
    return await read_body(answer["Body"])


def _object_of(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    path = unquote(parts.path).lstrip("/")
    if parts.scheme == "s3":
        return parts.netloc, path
    if parts.scheme not in ("http", "https"):
        return "", ""
    host = _VIRTUAL_HOST.match(parts.hostname or "")
    if host:
        return host[1], path
    bucket, _, key = path.partition("/")
    return bucket, key


async def prepare(
    ctx: Context, req: dict[str, Any], old: Version | None = None, stack: Stack | None = None
) -> Prepared:
    """The checked template with its parameters. Raises ApiError as AWS words it."""
    text = await read_text(ctx, req, old)
    try:
        body = parse_template(text)
        check_outline(body)
        transforms.check_names(body)
        check_parameters(Template(body))
        given, previous = _parameters_of(req, old)
        bound = bind(Template(body), given, previous)
        stored = await ctx.transact(lambda tx: _resolve(ctx, tx, bound))
        capabilities = list(req.get("Capabilities", ()))
        # A change set is reviewed before it is executed, so macros in it need no capability.
        if "ChangeSetName" not in req and transforms.needs_expansion(body):
            _check_given(["CAPABILITY_AUTO_EXPAND"], capabilities)
        template, failure = await _transform(ctx, body, {n: p.value(stored.get(n)) for n, p in bound.items()})
        _check_given(required_capabilities(template), capabilities)
        _check_types(template, req.get("ResourceTypes"))
        if template.body.get("Parameters", {}).keys() != body.get("Parameters", {}).keys():
            bound = bind(template, given, previous)
    except TemplateError as error:
        raise errors.validation(error.message) from error
    parameters = [(p.name, p.given, stored.get(p.name, ""), p.no_echo) for p in bound.values()]
    tags = req.get("Tags", old.tags if old is not None else [])
    prepared = Prepared(text, template, parameters, capabilities, list(tags), failure)
    if "StackName" in req:
        _check_conditions(ctx, req["StackName"], stack, prepared)
    return prepared


def _check_conditions(ctx: Context, name: str, stack: Stack | None, prepared: Prepared) -> None:
    known = stack or Stack(id="", name=name, live_name=name, status="REVIEW_IN_PROGRESS", created_at=ctx.now)
    try:
        check_enabled(ctx.scope, known, prepared.version(known.id, 0))
    except TemplateError as error:
        raise errors.validation(error.message) from error


async def _transform(ctx: Context, body: dict[str, Any], parameters: dict[str, Any]) -> tuple[Template, str]:
    """The checked template after its transforms; or an empty one, and why they failed."""
    if not transforms.has_transforms(body):
        return check_template(body), ""
    try:
        return check_template(await transforms.process(ctx, body, parameters)), ""
    except TemplateError as error:
        return Template({"Parameters": body.get("Parameters", {}), "Resources": {}}), error.message


def _parameters_of(req: dict[str, Any], old: Version | None) -> tuple[dict[str, str], dict[str, str | None]]:
    """Given values, and those to be kept from the version before."""
    given, previous = {}, {}
    before = {name: value for name, value, _, _ in old.parameters} if old is not None else {}
    for parameter in req.get("Parameters", ()):
        name = parameter.get("ParameterKey", "")
        if parameter.get("UsePreviousValue") and parameter.get("ParameterValue"):
            raise errors.both_values(name)
        if parameter.get("UsePreviousValue"):
            previous[name] = before.get(name)
        else:
            given[name] = parameter.get("ParameterValue", "")
    return given, previous


def _resolve(ctx: Context, tx: Transaction, bound: dict[str, Parameter]) -> dict[str, str]:
    """The values of parameters that name an entry of the Parameter Store."""
    found = {}
    missing = []
    for parameter in bound.values():
        if not parameter.ssm_name:
            continue
        value = find_value(tx, ctx.scope, parameter.ssm_name)
        if value is None:
            missing.append(parameter.ssm_name)
        else:
            found[parameter.name] = value
    if missing:
        raise errors.validation(
            f"Unable to fetch parameters [{','.join(missing)}] from parameter store for this account."
        )
    return found


def _check_given(wanted: list[str], given: list[str]) -> None:
    if "CAPABILITY_AUTO_EXPAND" in wanted and "CAPABILITY_AUTO_EXPAND" not in given:
        raise errors.needs_capabilities(wanted)
    if wanted and not {"CAPABILITY_NAMED_IAM", *wanted} & set(given):
        raise errors.needs_capabilities(wanted)


def required_capabilities(template: Template) -> list[str]:
    types = [item for item in template.resources.values() if item["Type"] in _IAM]
    if any(_NAMED_IAM.get(item["Type"], "") in item.get("Properties", {}) for item in types):
        return ["CAPABILITY_NAMED_IAM"]
    return ["CAPABILITY_IAM"] if types else []


def _check_types(template: Template, allowed: list[str] | None) -> None:
    if not allowed:
        return
    for item in template.resources.values():
        if not any(_allows(pattern, item["Type"]) for pattern in allowed):
            raise errors.type_not_allowed(item["Type"], allowed)


def _allows(pattern: str, type_name: str) -> bool:
    return type_name.startswith(pattern[:-1]) if pattern.endswith("*") else pattern == type_name


def find_version(tx: Transaction, ctx: Context, stack: Stack | None) -> Version | None:
    """The version in force, whose template and parameters an update may go on using."""
    if stack is None or not stack.version:
        return None
    return VERSIONS.get(tx, ctx.scope, stack.id, stack.version)
