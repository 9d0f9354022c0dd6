"""From a version's rows to a running function: what the execution environments need to know, and what they answer.

https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import msgspec

from mrak.core.arn import find_arn
from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.core.functions import FunctionSpec, Invocation, Outcome, ResponseStream
from mrak.core.lineage import MOST_INVOCATIONS, count_of, extend
from mrak.services.lambda_ import errors, functions
from mrak.services.lambda_.authorization import require_permission
from mrak.services.lambda_.packages import folder_state
from mrak.services.lambda_.references import LATEST, Reference, function_arn, version_number
from mrak.services.lambda_.roles import issue_credentials
from mrak.services.lambda_.tables import (
    HAS_PROVISIONED,
    LAYERS,
    PROVISIONED,
    VERSIONS,
    Alias,
    Function,
    Version,
)

ACCOUNT_CONCURRENCY = 1000
_MOST_SPECS = 4096


class Target(msgspec.Struct, frozen=True):
    """What is to run: a version, as whose invocation, and what bounds it."""

    ref: Reference
    version: Version
    reserved: int | None
    account_limit: int
    share: str
    """Whose provisioned concurrency it takes, if any."""
    stops_loops: bool
    layers: tuple[str, ...]
    """The layers' blobs."""
    provisioned: int
    """How large that share is."""
    is_blocked: bool
    """Whether nothing is reserved for the function: none of its invocations runs."""


def resolve(ctx: Context, tx: Transaction, ref: Reference) -> Target:
    """Reads all that an invocation depends on. An alias with weights draws its version."""
    function = functions.require(tx, ref if ref.qualifier else Reference(ref.scope, ref.name, LATEST))
    alias = functions.find_alias(tx, ref)
    version = _draw_version(ctx, tx, ref, alias) if alias and alias.weights else functions.require_version(tx, ref)
    layers = []
    for layer_arn in version.config.get("Layers", ()):
        parsed = find_arn(layer_arn)
        assert parsed is not None
        _, name, number = parsed.resource.split(":")
        layer = LAYERS.get(tx, parsed.scope_in(ref.scope.environment), name, int(number))
        if layer is not None:
            layers.append(layer.code_id)
    unreserved = ACCOUNT_CONCURRENCY - functions.reserved_sum(tx, ref.scope)
    reserved, share, provisioned = _share_of(tx, ref, function, version)
    stops_loops = function.settings.get("RecursiveLoop", "Terminate") == "Terminate"
    blocked = function.reserved == 0
    return Target(ref, version, reserved, unreserved, share, stops_loops, tuple(layers), provisioned, blocked)


def _share_of(tx: Transaction, ref: Reference, function: Function, version: Version) -> tuple[int | None, str, int]:
    """What bounds the invocation, and whose provisioned concurrency it takes, and how much that is. It is part of what
    is reserved: the rest of the function has what is left (recorded: test_reserved_provisioned_overlap)."""
    if HAS_PROVISIONED not in function.settings:
        return function.reserved, "", 0
    rows = list(PROVISIONED.scan(tx, ref.scope, ref.name))
    left = None if function.reserved is None else function.reserved - sum(row.executions for row in rows)
    for row in rows:
        if row.qualifier in (ref.qualifier, version.label):
            return (None if left is None else left + row.executions), row.qualifier, row.executions
    return left, "", 0


def admit(ctx: Context, tx: Transaction, ref: Reference) -> Target:
    """What is to run, where the caller may invoke it."""
    target = resolve(ctx, tx, ref)
    require_permission(tx, ref, ctx.principal, ctx.now)
    return target


def _draw_version(ctx: Context, tx: Transaction, ref: Reference, alias: Alias) -> Version:
    drawn = int.from_bytes(ctx.draw.bytes(4), "big") / 2**32
    chosen = alias.version
    for version, weight in alias.weights.items():
        drawn -= weight
        if drawn < 0:
            chosen = version
            break
    found = VERSIONS.get(tx, ref.scope, ref.name, version_number(chosen))
    if found is None:
        raise errors.function_not_found(ref.arn)
    return found


async def run(
    ctx: Context,
    target: Target,
    payload: bytes,
    *,
    client_context: str = "",
    log_tail: bool = False,
    stream: ResponseStream | None = None,
    request_id: str = "",
    tenant: str = "",
) -> Outcome:
    """Runs the function once and waits for it."""
    arn = target.ref.arn
    ctx.about(arn)
    trace = _enter(ctx, target)
    spec = await _specify(ctx, target)
    if tenant:
        spec = msgspec.structs.replace(spec, tenant=tenant)
    invocation = Invocation(
        request_id=request_id or ctx.request_id,
        payload=payload or b"{}",
        invoked_arn=arn,
        credentials=partial(
            issue_credentials, ctx, target.ref.scope, target.version.config["Role"], target.version.name
        ),
        client_context=client_context,
        trace=trace,
        log_tail=log_tail,
        stream=stream,
    )
    outcome: Outcome = await ctx.part("lambdas").invoke(spec, invocation)
    if outcome.function_error:
        ctx.annotate("function_error", outcome.function_error)
    _tell(ctx, target, outcome)
    if not outcome.throttled:
        ctx.meter("Requests", 1)
        ctx.meter("GB-Seconds", outcome.billed_ms / 1000 * spec.memory_mb / 1024)
    return outcome


def _enter(ctx: Context, target: Target) -> str:
    """The trace header for the function; raises where the chain of requests is a loop that the function stops."""
    function = target.version.name
    if target.stops_loops and count_of(ctx.lineage, function) >= MOST_INVOCATIONS:
        _tell(ctx, target, None)
        raise errors.recursive_loop(target.ref.arn)
    root = ctx.trace.partition(";Lineage=")[0]
    return f"{root};Lineage={extend(ctx.lineage, function)}"


def _tell(ctx: Context, target: Target, outcome: Outcome | None) -> None:
    """Annotates the operation with what the function's metrics are made of; no outcome is a loop that was stopped."""
    told: dict[str, Any] = {"function": target.version.name, "qualifier": target.ref.qualifier}
    if outcome is None:
        told["looped"] = True
    elif outcome.throttled:
        told["throttled"] = True
    else:
        told |= {"duration_ms": outcome.duration_ms, "failed": outcome.function_error is not None or outcome.broke_off}
    ctx.annotate("invoked", told)


def check_tenant(target: Target, tenant: str) -> None:
    """A function with tenancy wants to know whose invocation it is; one without does not."""
    if "TenancyConfig" in target.version.config:
        if not tenant:
            raise errors.invalid(
                "The invoked function is enabled with tenancy configuration. "
                "Add a valid tenant ID in your request and try again."
            )
    elif tenant:
        raise errors.invalid(
            "The invoked function is not enabled with tenancy configuration. "
            "Remove the tenant ID from your request and try again."
        )


async def begin_stream(
    ctx: Context,
    target: Target,
    payload: bytes,
    *,
    client_context: str = "",
    log_tail: bool = False,
    tenant: str = "",
) -> tuple[ResponseStream, asyncio.Future[Outcome]]:
    """Runs the function and returns when it begins to stream its response, or is over without."""
    stream = ResponseStream()
    running = asyncio.ensure_future(
        run(ctx, target, payload, client_context=client_context, log_tail=log_tail, stream=stream, tenant=tenant)
    )
    started = asyncio.ensure_future(stream.started.wait())
    await asyncio.wait({running, started}, return_when=asyncio.FIRST_COMPLETED)
    started.cancel()
    if not stream.has_content:
        await running
    return stream, running


class SpecCache:
    """What versions became, in one environment: making it costs more than all else that an invocation takes here.
    A version's build changes with everything that it is made of, so nothing has to be forgotten but for room."""

    def __init__(self) -> None:
        self.made: dict[tuple[object, ...], FunctionSpec] = {}


async def _specify(ctx: Context, target: Target) -> FunctionSpec:
    if target.version.code_folder:
        return await _make_spec(ctx, target)  # its code may have changed
    known = ctx.live(SpecCache).made
    version = target.version
    limits = (target.reserved, target.account_limit, target.share, target.provisioned)
    key = (version.build, version.number, target.ref.scope, ctx.endpoint, limits)
    spec = known.get(key)
    if spec is None:
        spec = await _make_spec(ctx, target)
        if len(known) >= _MOST_SPECS:
            known.clear()
        known[key] = spec
    return spec


async def _make_spec(ctx: Context, target: Target) -> FunctionSpec:
    version, scope = target.version, target.ref.scope
    config = version.config
    code_dir, fingerprint = await _code_of(ctx, version)
    layer_dirs = [await ctx.part("lambdas").unpacked(blob, ctx.blobs.path(blob)) for blob in target.layers]
    logging = config["LoggingConfig"]
    return FunctionSpec(
        arn=function_arn(scope, version.name),
        version=version.label,
        name=version.name,
        scope=scope,
        runtime=config.get("Runtime", ""),
        handler=config.get("Handler", ""),
        code_dir=code_dir,
        layer_dirs=tuple(layer_dirs),
        environment=config.get("Environment", {}).get("Variables", {}),
        memory_mb=config["MemorySize"],
        timeout_seconds=float(config["Timeout"]),
        ephemeral_mb=config["EphemeralStorage"]["Size"],
        architecture=config["Architectures"][0],
        fingerprint=fingerprint,
        endpoint_url=ctx.endpoint,
        log_group=logging["LogGroup"],
        log_format=logging["LogFormat"],
        application_log_level=logging.get("ApplicationLogLevel", "INFO"),
        system_log_level=logging.get("SystemLogLevel", "INFO"),
        account_limit=target.account_limit,
        reserved=target.reserved,
        share=target.share,
        provisioned=target.provisioned,
        image_uri=version.image_uri,
        image_config=config.get("ImageConfig", {}),
    )


async def _code_of(ctx: Context, version: Version) -> tuple[str, str]:
    """The folder of the code, and what changes when it does."""
    if version.image_uri:
        return "", version.build
    if version.code_folder:
        state = await asyncio.to_thread(folder_state, version.code_folder)
        return version.code_folder, f"{version.build}-{state}"
    folder = await ctx.part("lambdas").unpacked(version.code_id, ctx.blobs.path(version.code_id))
    return folder, version.build


def throttled_error(outcome: Outcome) -> ApiError:
    """The error for a call that was refused."""
    reasons = {
        "throttled by reserved concurrency": "ReservedFunctionConcurrentInvocationLimitExceeded",
        "throttled by account concurrency": "ConcurrentInvocationLimitExceeded",
        "no room on this machine": "ConcurrentInvocationLimitExceeded",
    }
    reason = reasons.get(outcome.throttled)
    if reason is None:
        return ApiError("ServiceException", "The server stops.", 500, {"Type": "Service"}, retryable=True)
    return errors.too_many_requests(reason)


def render_result(outcome: Outcome) -> dict[str, Any]:
    result: dict[str, Any] = {
        "StatusCode": 200,
        "Payload": outcome.payload,
        "ExecutedVersion": outcome.executed_version,
    }
    if outcome.function_error:
        result["FunctionError"] = outcome.function_error
    return result
