"""A version of a template with the meaning of its names in a stack: parameters, resources, exports, stored values."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import msgspec

from mrak.core.context import Transaction
from mrak.core.errors import ApiError
from mrak.core.scope import Scope
from mrak.lang.cloudformation.errors import TemplateError, function_error
from mrak.lang.cloudformation.intrinsics import UNKNOWN, Values, evaluate, evaluate_conditions
from mrak.lang.cloudformation.parameters import Parameter
from mrak.lang.cloudformation.references import references
from mrak.lang.cloudformation.template import Template
from mrak.services.cloudformation.tables import EXPORTS, Row, Stack, Version
from mrak.services.secretsmanager.exports import require_text
from mrak.services.ssm.exports import find_value

_DYNAMIC = re.compile(r"\{\{resolve:(ssm|ssm-secure|secretsmanager):([^{}]+)\}\}")
_ZONES = {"us-east-1": "abcdef", "us-west-2": "abcd", "ap-northeast-2": "abcd"}


class Evaluation(msgspec.Struct):
    """`rows` are the stack's resources by logical id, kept up to date by whoever changes them."""

    scope: Scope
    stack: Stack
    template: Template
    values: Values
    imported: set[str]
    missing: list[str] = []
    """In a preview: the exports that were asked for and are not there."""

    def enabled(self) -> dict[str, dict[str, Any]]:
        """The resources whose condition holds."""
        return {name: item for name, item in self.template.resources.items() if self.holds(item)}

    def holds(self, item: dict[str, Any]) -> bool:
        condition = item.get("Condition")
        return condition is None or self.values.conditions[condition]

    def properties(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = evaluate(self.template.resources[name].get("Properties", {}), self.values)
        return found

    def outputs(self) -> list[dict[str, Any]]:
        """As DescribeStacks shows them, in the order of their names."""
        shown = []
        for name, output in sorted(self.template.section("Outputs").items()):
            if not self.holds(output):
                continue
            value = evaluate(output["Value"], self.values)
            if isinstance(value, dict | list):
                raise TemplateError(
                    f"Template format error: Output {name} is malformed. The Value field of every Outputs member must "
                    "evaluate to a String."
                )
            entry: dict[str, Any] = {"OutputKey": name, "OutputValue": _text(value)}
            if "Description" in output:
                entry["Description"] = _text(output["Description"])
            if "Export" in output:
                entry["ExportName"] = _text(evaluate(output["Export"]["Name"], self.values))
            shown.append(entry)
        return shown


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def open_version(
    tx: Transaction, scope: Scope, stack: Stack, version: Version, rows: dict[str, Row], *, preview: bool = False
) -> Evaluation:
    """The version of the stack, ready to be evaluated in this transaction. With `preview`, what is not known yet is
    UNKNOWN instead of an error."""
    template = Template(json.loads(version.processed))
    imported: set[str] = set()
    missing: list[str] = []
    values = Values(
        names=_names(scope, stack, version, template),
        mappings=template.section("Mappings"),
        ref=_ref(rows, preview),
        attribute=_attribute(rows, preview),
        export=_export(tx, scope, imported, missing if preview else None),
        zones=lambda region: [f"{region}{letter}" for letter in _ZONES.get(region, "abc")],
    )
    values.conditions = evaluate_conditions(template.section("Conditions"), values)
    return Evaluation(scope, stack, template, values, imported, missing)


def check_enabled(scope: Scope, stack: Stack, version: Version) -> None:
    """Refuses what refers to a resource whose condition does not hold, before anything is made of the version."""
    template = Template(json.loads(version.processed))
    values = Values(
        names=_names(scope, stack, version, template),
        mappings=template.section("Mappings"),
        ref=lambda _: UNKNOWN,
        attribute=lambda *_: UNKNOWN,
        export=lambda _: UNKNOWN,
        zones=lambda _: [],
    )
    values.conditions = evaluate_conditions(template.section("Conditions"), values)
    evaluation = Evaluation(scope, stack, template, values, set())
    enabled = evaluation.enabled()
    disabled = template.resources.keys() - enabled.keys()
    properties = [item.get("Properties", {}) for item in enabled.values()]
    outputs = [output for output in template.section("Outputs").values() if evaluation.holds(output)]
    for block, parts in (("Resources", properties), ("Outputs", outputs)):
        missing = {found.name for found in references(parts, values.conditions)} & disabled
        if missing:
            raise TemplateError(
                f"Unresolved resource dependencies [{', '.join(sorted(missing))}] in the {block} block of the template"
            )


def _names(scope: Scope, stack: Stack, version: Version, template: Template) -> dict[str, Any]:
    names: dict[str, Any] = pseudo_parameters(scope, stack)
    declared = template.section("Parameters")
    for name, given, resolved, no_echo in version.parameters:
        if name in declared:
            parameter = Parameter(name, declared[name]["Type"], given, no_echo)
            names[name] = parameter.value(resolved or None)
    return names


def pseudo_parameters(scope: Scope, stack: Stack) -> dict[str, Any]:
    return {
        "AWS::AccountId": scope.account,
        "AWS::NotificationARNs": list(stack.notification_arns),
        "AWS::Partition": scope.partition,
        "AWS::Region": scope.region,
        "AWS::StackId": stack.id,
        "AWS::StackName": stack.name,
        "AWS::URLSuffix": "amazonaws.com.cn" if scope.partition == "aws-cn" else "amazonaws.com",
    }


def _ref(rows: dict[str, Row], preview: bool) -> Callable[[str], Any]:
    def ref(name: str) -> Any:
        row = rows.get(name)
        if row is not None and row.physical_id:
            return row.physical_id
        if preview:
            return UNKNOWN
        raise TemplateError(
            f"Template format error: Unresolved resource dependencies [{name}] in the Resources block of the template"
        )

    return ref


def _attribute(rows: dict[str, Row], preview: bool) -> Callable[[str, str], Any]:
    def attribute(name: str, path: str) -> Any:
        row = rows.get(name)
        if row is None or not row.physical_id:
            if preview:
                return UNKNOWN
            raise TemplateError(f"Template error: instance of Fn::GetAtt references undefined resource {name}")
        if path in row.attributes:
            return row.attributes[path]
        # A type's attributes, and like the registry's types whatever properties the template gave it.
        found = _at(row.attributes, path)
        if found is None:
            found = _at(json.loads(row.properties), path)
        if found is None:
            raise function_error(f"resource {name} does not support attribute type {path} in Fn::GetAtt")
        return found

    return attribute


def _at(value: Any, path: str) -> Any:
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _export(tx: Transaction, scope: Scope, imported: set[str], missing: list[str] | None) -> Callable[[str], Any]:
    def export(name: str) -> Any:
        found = EXPORTS.get(tx, scope, name)
        if found is None:
            if missing is not None:
                missing.append(name)
                return UNKNOWN
            raise TemplateError(f"No export named {name} found.")
        imported.add(name)
        return found.value

    return export


def resolve_stored(tx: Transaction, scope: Scope, value: Any, *, secrets: bool) -> Any:
    """Dynamic references replaced by what they name: of the Parameter Store only, or with `secrets` those that must not
    be kept or shown as well."""

    def replacement(match: re.Match[str]) -> str:
        if match[1] == "ssm":
            return _parameter(tx, scope, match[2])
        if not secrets:
            return match[0]
        return _parameter(tx, scope, match[2]) if match[1] == "ssm-secure" else _secret(tx, scope, match[2])

    if isinstance(value, str):
        return _DYNAMIC.sub(replacement, value) if "{{resolve:" in value else value
    if isinstance(value, dict):
        return {key: resolve_stored(tx, scope, inner, secrets=secrets) for key, inner in value.items()}
    if isinstance(value, list):
        return [resolve_stored(tx, scope, inner, secrets=secrets) for inner in value]
    return value


def _parameter(tx: Transaction, scope: Scope, selector: str) -> str:
    found = find_value(tx, scope, selector)
    if found is None:
        raise TemplateError(f"Parameters: [ssm:{selector}] cannot be found.")
    return found


def _secret(tx: Transaction, scope: Scope, text: str) -> str:
    """`id:SecretString:key:stage:version`, where the id may be an ARN, which has six colons of its own."""
    parts = text.split(":")
    own = 7 if parts[0] == "arn" else 1
    secret_id = ":".join(parts[:own])
    _, key, stage, version = (parts[own:] + [""] * 4)[:4]
    try:
        value = require_text(tx, scope, secret_id, stage, version)
    except ApiError as error:
        raise TemplateError(error.message) from error
    if not key:
        return value
    try:
        return _text(json.loads(value)[key])
    except (ValueError, KeyError, TypeError):
        raise TemplateError("Could not find a value associated with JSONKey in SecretString") from None
