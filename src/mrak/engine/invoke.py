"""The one way in. The edge, calls between services, deliveries, timers and tests all enter through `Engine.invoke`;
authorisation, metering, tracing and the record of what happened exist here once.

It is also the only place where an exception that is not an ApiError may end: such a one is a bug, logged with its
traceback under the request id that the caller is told.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeVar

from mrak.config import Settings
from mrak.core.context import Principal
from mrak.core.entropy import Entropy, format_uuid
from mrak.core.errors import ApiError, NotBuilt
from mrak.core.operation import Operation, find_operation
from mrak.core.record import OperationRecord
from mrak.core.scope import Scope
from mrak.engine import authorization
from mrak.engine.context import OperationContext
from mrak.protocol.codec import codec
from mrak.store.api import StoreError

if TYPE_CHECKING:
    from mrak.engine.environment import Environment

log = logging.getLogger("mrak.engine")

T = TypeVar("T")
RecordSink = Callable[[OperationRecord], None]

# What a service calls its own failure; "InternalFailure" is the common one.
_INTERNAL_CODES = {
    "dynamodb": "InternalServerError",
    "dynamodbstreams": "InternalServerError",
    "lambda": "ServiceException",
    "s3": "InternalError",
    "sns": "InternalError",
    "cognito-idp": "InternalErrorException",
    "cognito-identity": "InternalErrorException",
    "kms": "KMSInternalException",
    "ssm": "InternalServerError",
    "secretsmanager": "InternalServiceError",
    "logs": "ServiceUnavailableException",
}


class Engine:
    """`parts` are what the composition root lends to services by name; `sinks` get every operation's record."""

    def __init__(self, settings: Settings, entropy: Entropy) -> None:
        self.settings = settings
        self.entropy = entropy
        self.parts: dict[str, Any] = {}
        self.sinks: list[RecordSink] = []

    def new_request_id(self) -> str:
        return format_uuid(self.entropy.bytes(16))

    def context(
        self, environment: Environment, scope: Scope, principal: Principal, trace: str = ""
    ) -> OperationContext:
        return OperationContext(self, environment, scope, principal, trace)

    async def call(
        self, ctx: OperationContext, service: str, operation_name: str, params: dict[str, Any]
    ) -> dict[str, Any]:
        """An operation from inside: the same checks of its input, and an output of plain values."""
        operation = find_operation(service, operation_name)
        if operation is None:
            raise NotBuilt(service, operation_name)
        plan = codec(service)
        output = await self.invoke(ctx, operation, plan.validate(operation_name, params))
        return plan.plain(operation_name, output)

    async def invoke(self, ctx: OperationContext, operation: Operation, params: dict[str, Any]) -> dict[str, Any]:
        """Runs an operation on decoded, valid input. Raises ApiError and nothing else."""
        started = perf_counter()
        ctx.operation = operation.name
        output: dict[str, Any] | None
        try:
            handler, check = operation.handler, authorization.find_check(ctx, operation, params)
            if operation.is_async:
                if check is not None:
                    await ctx.transact(check)
                output = await handler(ctx, params)
            else:
                if check is not None:
                    handler = authorization.after(check, handler)
                output = await ctx.transact(lambda tx: handler(ctx, tx, params))
        except ApiError as error:
            self.record(ctx, operation.service, operation.name, started, error)
            raise
        except Exception as error:
            explained = self.explain(ctx, operation.service, operation.name, error)
            self.record(ctx, operation.service, operation.name, started, explained)
            raise explained from error
        self.record(ctx, operation.service, operation.name, started, None)
        return {} if output is None else output

    async def guarded(self, ctx: OperationContext, service: str, name: str, work: Awaitable[T]) -> T:
        """Awaits what surrounds an operation (decoding, encoding, a data plane); raises ApiError and nothing else."""
        try:
            return await work
        except ApiError:
            raise
        except Exception as error:
            raise self.explain(ctx, service, name, error) from error

    def record(
        self, ctx: OperationContext, service: str, operation_name: str, started: float, error: ApiError | None
    ) -> None:
        """Hands the operation's record to all sinks."""
        if not self.sinks:
            return
        record = OperationRecord(
            scope=ctx.scope,
            service=service,
            operation=operation_name,
            request_id=ctx.request_id,
            principal=ctx.principal.arn,
            started_at=ctx.now,
            duration_seconds=perf_counter() - started,
            status=200 if error is None else error.status,
            error_code=None if error is None else error.code,
            error_message=None if error is None else error.message,
            resource=ctx.resource,
            usage=ctx.usage,
            trace_id=ctx.root_id,
            span_id=ctx.span_id,
            parent_id=ctx.parent_id,
            request_bytes=ctx.request_bytes,
            response_bytes=ctx.response_bytes,
            annotations=ctx.annotations,
            traced=ctx.traced,
        )
        for sink in self.sinks:
            sink(record)

    def explain(self, ctx: OperationContext, service: str, operation_name: str, error: Exception) -> ApiError:
        """The service's own 500 for an unexpected exception, which the log explains under the request id."""
        code = _INTERNAL_CODES.get(service, "InternalFailure")
        if isinstance(error, StoreError):
            log.error("%s %s:%s: %s", ctx.request_id, service, operation_name, error)
            return ApiError(code, str(error), 500, retryable=True)
        log.error("%s %s:%s failed", ctx.request_id, service, operation_name, exc_info=error)
        return ApiError(code, f"An internal error occurred. The log explains it under {ctx.request_id}.", 500)
