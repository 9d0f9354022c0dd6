"""A template's sections, and the checks that AWS makes of them before anything is created.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-anatomy.html
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from mrak.lang.cloudformation.errors import TemplateError, format_error, function_error
from mrak.lang.cloudformation.references import attribute_path, find_cycle, references

SECTIONS = (
    "AWSTemplateFormatVersion", "Description", "Metadata", "Parameters", "Rules", "Mappings", "Conditions", "Transform",
    "Resources", "Outputs", "Globals", "Hooks",
)  # fmt: skip
_RESOURCE_MEMBERS = frozenset(
    {
        "Type", "Properties", "DependsOn", "Condition", "Metadata", "DeletionPolicy", "UpdateReplacePolicy",
        "UpdatePolicy", "CreationPolicy",
    }
)  # fmt: skip
_ALPHANUMERIC = re.compile(r"[A-Za-z0-9]+")
_CONDITION_FUNCTIONS = {"Fn::And": (2, 10), "Fn::Or": (2, 10), "Fn::Not": (1, 1), "Fn::Equals": (2, 2)}

MOST_RESOURCES = 500
MOST_PARAMETERS = 200
MOST_OUTPUTS = 200
MOST_MAPPINGS = 200

PSEUDO_PARAMETERS = (
    "AWS::AccountId", "AWS::NotificationARNs", "AWS::NoValue", "AWS::Partition", "AWS::Region", "AWS::StackId",
    "AWS::StackName", "AWS::URLSuffix",
)  # fmt: skip


class Template(msgspec.Struct, frozen=True):
    """A template whose transforms are done and whose structure was checked."""

    body: dict[str, Any]

    def section(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.body.get(name) or {}
        return found

    @property
    def resources(self) -> dict[str, dict[str, Any]]:
        return self.section("Resources")

    @property
    def description(self) -> str:
        return str(self.body.get("Description", ""))

    def depends_on(self, name: str) -> list[str]:
        wanted = self.resources[name].get("DependsOn", [])
        return [wanted] if isinstance(wanted, str) else list(wanted)

    def edges(self, conditions: dict[str, bool] | None = None) -> dict[str, set[str]]:
        """resource -> the resources that have to be there before it."""
        resources = self.resources
        found = {}
        for name, resource in resources.items():
            needs = {reference.name for reference in references(resource.get("Properties", {}), conditions)}
            found[name] = (needs | set(self.depends_on(name))) & resources.keys() - {name}
        return found


def check_template(body: dict[str, Any]) -> Template:
    """The template, after its transforms. Raises TemplateError with AWS's first complaint."""
    check_outline(body)
    template = Template(body)
    check_parameters(template)
    _check_mappings(template)
    _check_resources(template)
    _check_outputs(template)
    _check_conditions(template)
    _check_references(template)
    cycle = find_cycle(template.edges())
    if cycle:
        raise TemplateError(f"Circular dependency between resources: [{', '.join(cycle)}]")
    return template


def check_outline(body: dict[str, Any]) -> None:
    """What a template must have even before its transforms."""
    unknown = [name for name in body if name not in SECTIONS]
    if unknown:
        raise TemplateError(f"Invalid template property or properties [{', '.join(unknown)}]")
    version = body.get("AWSTemplateFormatVersion")
    if version is not None and str(version) != "2010-09-09":
        raise format_error("unsupported value for AWSTemplateFormatVersion.")
    for name in ("Parameters", "Mappings", "Conditions", "Resources", "Outputs"):
        if body.get(name) is not None and not isinstance(body[name], dict):
            raise format_error(f"{name} must be a map of names to objects.")
    if "Description" in body and not isinstance(body["Description"], str):
        raise format_error("Description must be a string.")
    if not body.get("Resources"):
        raise format_error("At least one Resources member must be defined.")
    check_no_null(body, "")


def check_no_null(value: Any, path: str) -> None:
    """AWS refuses null wherever it stands."""
    if value is None and path:
        raise TemplateError(f"[{path}] 'null' values are not allowed in templates")
    if isinstance(value, dict):
        for key, inner in value.items():
            check_no_null(inner, f"{path}/{key}")
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            check_no_null(inner, f"{path}/{at}")


def _check_count(template: Template, section: str, most: int) -> None:
    count = len(template.section(section))
    if count > most:
        raise format_error(f"Number of {section.lower()}, {count}, is greater than maximum allowed, {most}")


def check_parameters(template: Template) -> None:
    _check_count(template, "Parameters", MOST_PARAMETERS)
    for name, parameter in template.section("Parameters").items():
        if not _ALPHANUMERIC.fullmatch(name):
            raise format_error(f"Parameter name {name} is non alphanumeric.")
        if not isinstance(parameter, dict) or "Type" not in parameter:
            raise format_error("Every Parameters object must contain a Type member.")


def _check_mappings(template: Template) -> None:
    _check_count(template, "Mappings", MOST_MAPPINGS)
    for name, mapping in template.section("Mappings").items():
        if name == "Fn::Transform":
            continue
        if not isinstance(mapping, dict) or not mapping:
            raise format_error("Every Mappings member must be a map.")
        for row in mapping.values():
            if not isinstance(row, dict):
                raise format_error("Every Mappings attribute must be a String or a List.")
            if any(isinstance(value, dict) for value in row.values()):
                raise format_error("Every Mappings attribute must be a String or a List.")


def _check_resources(template: Template) -> None:
    _check_count(template, "Resources", MOST_RESOURCES)
    for name, resource in template.resources.items():
        if not _ALPHANUMERIC.fullmatch(name):
            raise format_error(f"Resource name {name} is non alphanumeric.")
        if not isinstance(resource, dict):
            raise format_error("Every Resources object must be a map.")
        if not isinstance(resource.get("Type"), str):
            raise format_error(f"[/Resources/{name}] Every Resources object must contain a Type member.")
        for member in resource:
            if member not in _RESOURCE_MEMBERS:
                raise TemplateError(f"Invalid template resource property '{member}'")
        for member in ("DeletionPolicy", "UpdateReplacePolicy"):
            _check_policy(member, resource.get(member))
        if not isinstance(resource.get("Properties", {}), dict):
            raise format_error("Properties must be an object.")


def _check_policy(member: str, value: Any) -> None:
    allowed = ("Delete", "Retain", "Snapshot") + (("RetainExceptOnCreate",) if member == "DeletionPolicy" else ())
    if isinstance(value, str) and value not in allowed:
        raise format_error(f"Unrecognized {member} {value}")


def _check_outputs(template: Template) -> None:
    _check_count(template, "Outputs", MOST_OUTPUTS)
    for name, output in template.section("Outputs").items():
        if not _ALPHANUMERIC.fullmatch(name):
            raise format_error(f"Output name {name} is non alphanumeric.")
        if not isinstance(output, dict):
            raise format_error("Every Outputs object must be a map.")
        if "Value" not in output:
            raise format_error("Every Outputs member must contain a Value object")


def _check_conditions(template: Template) -> None:
    known = template.section("Conditions")
    for name, condition in known.items():
        _check_condition_functions(condition)
        for used in _used_conditions(condition):
            if used not in known:
                raise format_error(f"Unresolved condition dependency {used} in the Conditions block of the template")
        if name in _used_conditions(condition):
            raise format_error(f"Circular dependency between conditions: [{name}]")
    cycle = find_cycle({name: set(_used_conditions(value)) for name, value in known.items()})
    if cycle:
        raise format_error(f"Found circular condition dependency between {' and '.join(cycle)}")
    for section in ("Resources", "Outputs"):
        for name, item in template.section(section).items():
            wanted = item.get("Condition")
            if isinstance(wanted, str) and wanted not in known:
                raise format_error(f"Unresolved condition dependency {wanted} in the {section} block of the template")
            _check_ifs(item, known, name)


def _check_condition_functions(value: Any) -> None:
    if isinstance(value, list):
        for item in value:
            _check_condition_functions(item)
    if not isinstance(value, dict):
        return
    for function, (fewest, most) in _CONDITION_FUNCTIONS.items():
        if function in value:
            arguments = value[function]
            if not isinstance(arguments, list) or not fewest <= len(arguments) <= most:
                raise _bad_arguments(function)
    for item in value.values():
        _check_condition_functions(item)


def _bad_arguments(function: str) -> TemplateError:
    if function == "Fn::Equals":
        return function_error("every Fn::Equals object requires a list of 2 string parameters.")
    if function == "Fn::Not":
        return function_error("every Fn::Not object requires one boolean parameter.")
    return function_error(f"every {function} object requires a list of at least 2 and at most 10 boolean parameters.")


def _used_conditions(value: Any) -> list[str]:
    if isinstance(value, list):
        return [name for item in value for name in _used_conditions(item)]
    if not isinstance(value, dict):
        return []
    if len(value) == 1 and isinstance(value.get("Condition"), str):
        return [value["Condition"]]
    return [name for item in value.values() for name in _used_conditions(item)]


def _check_ifs(value: Any, known: dict[str, Any], where: str) -> None:
    if isinstance(value, list):
        for item in value:
            _check_ifs(item, known, where)
    elif isinstance(value, dict):
        if "Fn::If" in value and len(value) == 1:
            arguments = value["Fn::If"]
            if not isinstance(arguments, list) or len(arguments) != 3:
                raise function_error("Fn::If requires a list argument with three elements")
            if isinstance(arguments[0], str) and arguments[0] not in known:
                raise function_error(f"unresolved condition dependency {arguments[0]} in Fn::If")
        for item in value.values():
            _check_ifs(item, known, where)


def _check_references(template: Template) -> None:
    resources = template.resources
    known = resources.keys() | template.section("Parameters").keys() | set(PSEUDO_PARAMETERS)
    _check_attributes(template.body.get("Resources"))
    _check_attributes(template.body.get("Outputs"))
    missing: set[str] = set()
    for name, resource in resources.items():
        missing |= {item for item in template.depends_on(name) if item not in resources}
        missing |= {found.name for found in references(resource.get("Properties", {})) if found.name not in known}
    if missing:
        raise _unresolved(missing, "Resources")
    missing = {found.name for found in references(template.section("Outputs")) if found.name not in known}
    if missing:
        raise _unresolved(missing, "Outputs")


def _unresolved(names: set[str], block: str) -> TemplateError:
    return format_error(
        f"Unresolved resource dependencies [{', '.join(sorted(names))}] in the {block} block of the template"
    )


def _check_attributes(value: Any) -> None:
    if isinstance(value, list):
        for item in value:
            _check_attributes(item)
    elif isinstance(value, dict):
        if len(value) == 1 and "Fn::GetAtt" in value:
            name, attribute = attribute_path(value["Fn::GetAtt"])
            if not name or not attribute:
                raise function_error(
                    "every Fn::GetAtt object requires two non-empty parameters, "
                    "the resource name and the resource attribute"
                )
        for item in value.values():
            _check_attributes(item)
