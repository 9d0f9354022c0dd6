"""Runs a CloudFront function: QuickJS in a fresh context with bounds on memory and time, without files or network.

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/functions-javascript-runtime-features.html
"""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from time import perf_counter
from typing import Any

import msgspec

from mrak.core.deviations import deviation

# CloudFront allows 2 MB and less than a millisecond; QuickJS's own needs are larger, and machines are slower.
_MOST_MEMORY_BYTES = 16 << 20
_MOST_SECONDS = 0.25
_MOST_STACK_BYTES = 256 << 10
_MOST_OUTPUT_CHARACTERS = 1 << 20
_IMPORT = re.compile(r"""^\s*import\s+(\{[^}]*\}|\w+)\s+from\s+['"](\w+)['"]\s*;?""", re.MULTILINE)
_CALL = """
(function (event) {
  globalThis.__outcome = null;
  const settle = (ok) => (value) => {
    globalThis.__outcome = JSON.stringify({ ok, value: ok ? value : String(value) });
  };
  (async () => handler(JSON.parse(event)))().then(settle(true)).catch(settle(false));
})
"""

_OFFER = "(function (about, values) { globalThis.__kvs = { ...JSON.parse(about), values }; })"


class FunctionError(Exception):
    """The function failed: it does not parse, threw, or used too much of something."""


class Content(msgspec.Struct):
    """A key value store as a function sees it."""

    id: str
    created_at: float
    modified_at: float
    values: str
    """A JSON object. The engine can't ask us while its time is limited, so it gets all, and parses it when it reads."""
    count: int


class Run(msgspec.Struct):
    """`error` is "" for success; `utilization` is a share of the time allowed, in percent."""

    value: Any = None
    logs: list[str] = []
    error: str = ""
    utilization: int = 0


@cache
def _runtime() -> str:
    return resources.files("mrak.services.cloudfront.plane").joinpath("runtime.js").read_text()


def run(code: str, event: dict[str, Any], store: Content | None = None) -> Run:
    """One call of the function's handler. It blocks for up to a quarter of a second: call it from a thread."""
    import quickjs

    deviation("CLOUDFRONT-003")
    outcome = Run()
    context = quickjs.Context()
    context.set_memory_limit(_MOST_MEMORY_BYTES)
    context.set_max_stack_size(_MOST_STACK_BYTES)
    context.set_time_limit(_MOST_SECONDS)
    read_logs = context.eval(_runtime())()
    if store is not None:
        _offer(context, store)
    started = perf_counter()
    try:
        outcome.value = _evaluate(context, code, event)
    except quickjs.JSException as error:
        outcome.error = str(error).partition("\n")[0]
    except FunctionError as error:
        outcome.error = str(error)
    outcome.utilization = min(100, int((perf_counter() - started) / _MOST_SECONDS * 100))
    try:
        outcome.logs = msgspec.json.decode(read_logs())
    except quickjs.JSException:
        # Out of memory: there is none left to say what it had logged.
        outcome.logs = []
    return outcome


def _offer(context: Any, store: Content) -> None:
    context.set_memory_limit(_MOST_MEMORY_BYTES + 4 * len(store.values))
    about = {"id": store.id, "created": store.created_at, "modified": store.modified_at, "count": store.count}
    context.eval(_OFFER)(msgspec.json.encode(about).decode(), store.values)


def _evaluate(context: Any, code: str, event: dict[str, Any]) -> Any:
    context.eval(_IMPORT.sub(r"const \1 = require('\2');", code))
    context.eval(_CALL)(msgspec.json.encode(event).decode())
    latest = perf_counter() + _MOST_SECONDS
    while context.execute_pending_job():
        # The engine's own limit is for each job, and promises can make new ones for ever.
        if perf_counter() > latest:
            raise FunctionError("The function took too long.")
    answer = context.eval("globalThis.__outcome")
    if answer is None:
        raise FunctionError("The function did not return.")
    if len(answer) > _MOST_OUTPUT_CHARACTERS:
        raise FunctionError("The function returned too much.")
    decoded = msgspec.json.decode(answer)
    if not decoded["ok"]:
        raise FunctionError(decoded["value"])
    return decoded.get("value")
