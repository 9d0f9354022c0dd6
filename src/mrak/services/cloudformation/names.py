"""Names that CloudFormation makes up for resources: mostly STACK-LOGICALID-RANDOM, within the type's limit."""

from __future__ import annotations

from typing import Any

from mrak.core.context import Context
from mrak.core.resource import ResourceType

_RANDOM = 12
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def generate_name(
    ctx: Context, kind: ResourceType, stack_name: str, logical_id: str, properties: dict[str, Any]
) -> str:
    random = ctx.draw.alphanumeric(_RANDOM, _LETTERS)
    suffix = kind.name_suffix(properties)
    room = kind.longest_name - _RANDOM - 2 - len(suffix)
    stack, logical = kind.name_prefix or stack_name, logical_id
    if len(stack) + len(logical) > room:
        logical = logical[: max(room // 2, room - len(stack))]
        stack = stack[: room - len(logical)]
    name = f"{stack}-{logical}-{random}"
    return (name.lower() if kind.lower_case else name) + suffix
