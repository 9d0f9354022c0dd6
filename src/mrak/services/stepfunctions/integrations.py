"""A Task's call: from its resource and parameters to its output, or to the error and cause that it fails with.

Everything goes through `ctx.call` as the machine's role, so it is checked, recorded and traced like a client's request.
Optimised integrations add what the SDK for Java 1 says of the response (SdkHttpMetadata), as AWS does.
https://docs.aws.amazon.com/step-functions/latest/dg/integrate-optimized.html
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from email.utils import formatdate
from hashlib import sha256
from typing import Any
from zlib import crc32

import msgspec

from mrak.auth.principals import Principal
from mrak.core.arn import find_arn
from mrak.core.context import Context
from mrak.core.errors import ApiError
from mrak.core.scope import Scope
from mrak.lang.asl import failures
from mrak.lang.asl.failures import MOST_BYTES, StateFailed
from mrak.lang.asl.frames import Facts, Task
from mrak.lang.asl.resources import Resource, find_resource
from mrak.lang.asl.scope import read, render
from mrak.services.stepfunctions import casing, httptasks, lambdatasks, services
from mrak.services.stepfunctions.bodies import read_body
from mrak.services.stepfunctions.casing import WrongParameters


class Job(msgspec.Struct, frozen=True):
    """A task to be done. `unique` is the same when it is done again after a crash."""

    task: Task
    facts: Facts
    unique: str

    @property
    def resource(self) -> Resource:
        found = find_resource(self.task.resource)
        assert found is not None
        return found

    @property
    def parameters(self) -> Any:
        return read(self.task.parameters)


async def perform(ctx: Context, job: Job) -> str:
    """The task's output as JSON; raises StateFailed."""
    resource = job.resource
    try:
        if resource.sort == "lambda":
            return await lambdatasks.invoke_by_arn(ctx, resource.arn, job.task.parameters, role_of(job))
        if resource.sort == "sdk":
            return render(await _call_sdk(ctx, job))
        special = _SPECIAL.get((resource.service, resource.operation))
        return render(await (special(ctx, job) if special is not None else _call_optimised(ctx, job)))
    except WrongParameters as wrong:
        raise StateFailed(failures.RUNTIME, str(wrong)) from None


def role_of(job: Job) -> Principal:
    """A session of the role that the task acts as. Only Credentials lead into another account: the machine's own role
    is of its account on AWS, and here as if it were."""
    role_arn = job.task.role_arn or job.facts.role_arn
    found = find_arn(job.task.role_arn)
    own = find_arn(job.facts.arn)
    assert own is not None
    account = found.account if found is not None and found.account else own.account
    name = role_arn.rpartition("/")[2]
    session = job.unique[:32]
    return Principal(
        kind="role-session",
        account=account,
        arn=f"arn:{own.partition}:sts::{account}:assumed-role/{name}/{session}",
        user_id=f"AROA{sha256(role_arn.encode()).hexdigest()[:17].upper()}:{session}",
        name=name,
        issuer_arn=role_arn,
        source_arn=job.facts.machine_arn,
        is_of_service=True,
    )


def scope_of(ctx: Context, job: Job) -> Scope:
    """Where the task's calls go: the account of its role."""
    return ctx.scope.in_account(role_of(job).account)


async def call(
    ctx: Context,
    job: Job,
    service: str,
    operation: str,
    params: Any,
    *,
    most_body_bytes: int = 4 * MOST_BYTES,
    spell: casing.Spelling = casing.capital,
) -> Any:
    """Calls an operation with a state's parameters; its output as a state sees it. Raises ApiError."""
    wanted = casing.find_shape(service, operation, "input")
    given = casing.find_shape(service, operation, "output")
    if wanted is None or given is None:
        raise StateFailed(failures.RUNTIME, f"The operation {service}:{operation} is not known to Step Functions.")
    converted = casing.as_uploaded(wanted, casing.to_input(wanted, params))
    output = await ctx.call(service, operation, converted, scope=scope_of(ctx, job), principal=role_of(job))
    whole = {name: await read_body(value, most_body_bytes) for name, value in output.items()}
    return casing.to_state(given, casing.complete(given, whole), spell)


async def _call_sdk(ctx: Context, job: Job) -> Any:
    resource = job.resource
    service = services.find_sdk_service(resource.service)
    operation = resource.operation[:1].upper() + resource.operation[1:]
    if service is None:
        raise StateFailed(failures.RUNTIME, f"The service {resource.service} is not known to Step Functions.")
    try:
        return await call(ctx, job, service, operation, job.parameters, spell=casing.show_name)
    except ApiError as error:
        raise StateFailed(*services.sdk_error(resource.service, error, ctx.request_id)) from None


async def _call_optimised(ctx: Context, job: Job) -> Any:
    resource = job.resource
    operation = resource.operation[:1].upper() + resource.operation[1:]
    unreachable = services.find_unreachable(resource.service, job.parameters)
    if unreachable is not None:
        raise StateFailed(*unreachable)
    try:
        output = await call(ctx, job, services.optimised_service(resource.service), operation, job.parameters)
    except ApiError as error:
        raise StateFailed(*services.optimised_error(resource.service, error, ctx.request_id)) from None
    length = _published_bytes(output) if resource.service == "sns" else len(msgspec.json.encode(output))
    return with_metadata(ctx, output, resource.service, length)


# What each service answers beside length, type and date, as AWS's own endpoints do.
_JSON = "application/x-amz-json-1.0"
_HEADERS: dict[str, dict[str, str]] = {
    "dynamodb": {"Connection": "keep-alive", "Content-Type": _JSON, "Server": "Server"},
    "lambda": {"Connection": "keep-alive", "Content-Type": "application/json", "x-amzn-Remapped-Content-Length": "0"},
    "sns": {"connection": "keep-alive", "Content-Type": "text/xml"},
}
_OTHER_HEADERS = {"connection": "keep-alive", "Content-Type": _JSON}


def with_metadata(ctx: Context, output: dict[str, Any], service: str, length_bytes: int) -> dict[str, Any]:
    """The output with what the SDK tells of the HTTP response, whose body on AWS is that long."""
    headers = _HEADERS.get(service, _OTHER_HEADERS) | {
        "Content-Length": str(length_bytes),
        "Date": formatdate(ctx.clock(), usegmt=True),
        "x-amzn-RequestId": ctx.request_id,
    }
    if service == "dynamodb":
        headers["x-amz-crc32"] = str(crc32(msgspec.json.encode(output)))
    if service == "lambda":
        headers |= {"X-Amz-Executed-Version": output.get("ExecutedVersion", ""), "X-Amzn-Trace-Id": ctx.trace}
    return output | {
        "SdkHttpMetadata": {
            "AllHttpHeaders": {name: [value] for name, value in headers.items()},
            "HttpHeaders": headers,
            "HttpStatusCode": 200,
        },
        "SdkResponseMetadata": {"RequestId": ctx.request_id},
    }


def _published_bytes(output: dict[str, Any]) -> int:
    """SNS answers in XML: 294 bytes with the ids of message and request, more with a sequence number."""
    number = output.get("SequenceNumber")
    return 294 + (len(f"    <SequenceNumber>{number}</SequenceNumber>\n") if number else 0)


def _started_bytes(output: dict[str, Any]) -> int:
    """StartDate is a double there, in Java's way of writing it (1.7960286962E9)."""
    seconds = datetime.fromisoformat(output["StartDate"]).timestamp()
    mantissa = f"{seconds / 1e9:.12f}".rstrip("0")
    return len(f'{{"executionArn":"{output["ExecutionArn"]}","startDate":{mantissa}E9}}')


async def _put_events(ctx: Context, job: Job) -> Any:
    """Each event names the execution among its resources; one that is refused fails the task."""
    params = job.parameters
    if isinstance(params, dict):
        own = [job.facts.machine_arn, job.facts.arn]
        entries = params.get("Entries", [])
        params = params | {
            "Entries": [{**entry, "Resources": [*entry.get("Resources", []), *own]} for entry in entries]
        }
    try:
        output = await call(ctx, job, "events", "PutEvents", params)
    except ApiError as error:
        raise StateFailed(*services.optimised_error("events", error, ctx.request_id)) from None
    if output.get("FailedEntryCount"):
        raise StateFailed("EventBridge.FailedEntry", render(output))
    return output


async def _start_execution(ctx: Context, job: Job) -> Any:
    """Without a name the execution gets one that is the same when this is done again after a crash."""
    params = job.parameters
    if isinstance(params, dict) and "Name" not in params:
        digest = sha256(job.unique.encode()).hexdigest()
        params = params | {"Name": f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:32]}"}
    try:
        output = await call(ctx, job, "stepfunctions", "StartExecution", params)
    except ApiError as error:
        raise StateFailed(*services.optimised_error("states", error, ctx.request_id)) from None
    return with_metadata(ctx, output, "states", _started_bytes(output))


async def _invoke_function(ctx: Context, job: Job) -> Any:
    output, length = await lambdatasks.invoke(ctx, job.parameters, scope_of(ctx, job), role_of(job))
    return with_metadata(ctx, output, "lambda", length) | {"StatusCode": output["StatusCode"]}


async def _invoke_api(ctx: Context, job: Job) -> Any:
    return await httptasks.invoke_api(ctx, job.parameters, scope_of(ctx, job))


async def _invoke_http(ctx: Context, job: Job) -> Any:
    return await httptasks.invoke_http(ctx, job.parameters, scope_of(ctx, job))


_SPECIAL: dict[tuple[str, str], Callable[[Context, Job], Awaitable[Any]]] = {
    ("lambda", "invoke"): _invoke_function,
    ("events", "putEvents"): _put_events,
    ("states", "startExecution"): _start_execution,
    ("apigateway", "invoke"): _invoke_api,
    ("http", "invoke"): _invoke_http,
}
