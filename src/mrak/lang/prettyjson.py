"""JSON as Java's usual printer lays it out, which some answers of AWS show: a member a line, lists along the line."""

from __future__ import annotations

from typing import Any

import msgspec


def render(value: Any, depth: int = 0) -> str:
    if isinstance(value, list):
        return f"[ {', '.join(render(item, depth) for item in value)} ]" if value else "[ ]"
    if not isinstance(value, dict):
        return msgspec.json.encode(value).decode()
    start, end = "\n" + "  " * (depth + 1), "\n" + "  " * depth
    members = [f"{start}{render(name)} : {render(member, depth + 1)}" for name, member in value.items()]
    return "{" + ",".join(members) + end + "}" if members else "{ }"
