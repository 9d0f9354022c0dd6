"""Access logs: a line for each request of a stage that has a log group for them, in the stage's format.

https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from mrak.core.arn import find_arn
from mrak.core.context import Context
from mrak.services.logs import exports as logs

_VARIABLE = re.compile(r"\$context\.([A-Za-z0-9_.-]*[A-Za-z0-9_])")
_GROUP = "log-group:"
_STREAM = "access"


async def write(ctx: Context, destination_arn: str, line_format: str, values: dict[str, Any]) -> None:
    """Appends the line. `values` is $context; what has no value is "-"."""
    parsed = find_arn(destination_arn)
    if parsed is None or parsed.service != "logs" or not parsed.resource.startswith(_GROUP):
        return
    group = parsed.resource[len(_GROUP) :].removesuffix(":*")
    scope = parsed.scope_in(ctx.scope.environment)
    line = _VARIABLE.sub(lambda found: _value(values, found[1].split(".")), line_format)
    moment = int(ctx.now * 1000)
    await ctx.transact(lambda tx: logs.append(ctx, tx, scope, group, _STREAM, [(moment, line)]))


def _value(values: Any, steps: list[str]) -> str:
    for step in steps:
        values = values.get(step) if isinstance(values, dict) else None
    if values is None or values == "":
        return "-"
    return values if isinstance(values, str) else msgspec.json.encode(values).decode()
