"""The text of a template to plain values.

JSON or YAML 1.1 without aliases, dates as text (a policy's Version is none), and the short forms of functions (`!Sub`)
as their long ones. Depth is bounded, since values are walked recursively.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from functools import cache
from typing import Any

from mrak.lang.cloudformation.errors import TemplateError, format_error

DEEPEST = 60
# A comma behind the last member, which AWS passes over; strings are matched first, so that none inside them counts.
_TRAILING_COMMA = re.compile(r'("(?:[^"\\]|\\.)*")|,(?=\s*[}\]])')

_FUNCTIONS = (
    "And", "Base64", "Cidr", "Equals", "FindInMap", "GetAZs", "If", "ImportValue", "Join", "Not", "Or", "Select",
    "Split", "Sub", "Transform", "Length", "ToJsonString", "GetAtt", "ForEach",
)  # fmt: skip


def parse_template(text: str) -> dict[str, Any]:
    """The template as a map. Raises TemplateError where it is not one."""
    stripped = text.lstrip()
    value = _parse_json(text) if stripped.startswith("{") else _parse_yaml(text)
    if not isinstance(value, dict):
        raise format_error("unsupported structure.")
    check_depth(value)
    return value


def check_depth(value: Any) -> None:
    """Refuses what is nested deeper than any template needs."""
    level = [value]
    for _ in range(DEEPEST):
        level = [inner for outer in level for inner in _children(outer)]
        if not level:
            return
    raise format_error("The template is nested too deeply.")


def _children(value: Any) -> list[Any]:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [item for item in inner if isinstance(item, dict | list)]


def _parse_json(text: str) -> Any:
    try:
        return _load_json(text)
    except json.JSONDecodeError as error:
        # AWS's parser tells the place behind the character that it did not expect.
        raise format_error(f"JSON not well-formed. (line {error.lineno}, column {error.colno + 1})") from None
    except RecursionError:
        raise format_error("The template is nested too deeply.") from None


def _load_json(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        with suppress(json.JSONDecodeError):
            return json.loads(_TRAILING_COMMA.sub(lambda found: found[1] or "", text))
        raise


def _parse_yaml(text: str) -> Any:
    import yaml

    loader = _loader()
    depth = 0
    try:
        for event in yaml.parse(text, Loader=loader):
            if isinstance(event, yaml.AliasEvent):
                raise function_alias()
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            if depth > DEEPEST:
                raise format_error("The template is nested too deeply.")
        return yaml.load(text, Loader=loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f" (line {mark.line + 1}, column {mark.column + 1})" if mark is not None else ""
        raise format_error(f"YAML not well-formed.{where}") from None
    except (yaml.YAMLError, ValueError):
        raise format_error("YAML not well-formed.") from None


def function_alias() -> TemplateError:
    return TemplateError("Template error: YAML aliases are not allowed in CloudFormation templates")


@cache
def _loader() -> Any:
    """A safe loader that knows the short tags and leaves dates alone; made at the first YAML template."""
    import yaml

    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    class Loader(base):  # type: ignore[misc]
        yaml_implicit_resolvers = {
            first: [
                (tag, pattern) for tag, pattern in resolvers if not tag.endswith((":timestamp", ":value", ":merge"))
            ]
            for first, resolvers in base.yaml_implicit_resolvers.items()
        }

        def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
            pairs = ((self.construct_object(key, deep=True), value) for key, value in node.value)
            return {_key(key): self.construct_object(value, deep=True) for key, value in pairs}

    def construct(loader: Any, tag: str, node: Any) -> Any:
        return _long_form(tag, _content(loader, node))

    def construct_map(loader: Any, node: Any) -> Any:
        return loader.construct_mapping(node)

    Loader.add_multi_constructor("!", construct)
    Loader.add_constructor("tag:yaml.org,2002:map", construct_map)
    return Loader


def _key(key: Any) -> str:
    if isinstance(key, bool):
        return "true" if key else "false"
    return str(key)


def _content(loader: Any, node: Any) -> Any:
    import yaml

    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_mapping(node, deep=True)


def _long_form(tag: str, content: Any) -> Any:
    if tag in ("Ref", "Condition"):
        return {tag: content}
    if tag not in _FUNCTIONS:
        raise format_error(f"YAML not well-formed. The tag !{tag} is unknown.")
    if tag == "GetAtt" and isinstance(content, str):
        content = content.split(".", 1)
    return {f"Fn::{tag}": content}
