"""Asynchronous invocations: a delivery for each, tried again after function errors and throttles, until it is told to
a destination or the dead-letter queue how it ended.

Function errors are retried after one and two minutes; throttles with back-off for as long as the event may live. Each
attempt that follows is a new delivery, due then. https://docs.aws.amazon.com/lambda/latest/dg/invocation-async.html
"""

from __future__ import annotations

import json
import logging
from typing import Any

import msgspec

from mrak.auth.principals import service_principal
from mrak.core.background import Delivery
from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.core.functions import Outcome
from mrak.core.operation import delivery
from mrak.services.lambda_ import destinations, durable_runs, invocation
from mrak.services.lambda_.authorization import require_permission
from mrak.services.lambda_.exports import EVENT, EventInvocation, delivery_of
from mrak.services.lambda_.invocation import Target
from mrak.services.lambda_.references import LATEST, Reference, function_arn, parse_reference
from mrak.services.lambda_.tables import EVENTS, EventConfig

_DEFAULT_RETRIES = 2
_DEFAULT_AGE_SECONDS = 21_600
_RETRY_SECONDS = 60.0
_LONGEST_PAUSE_SECONDS = 300.0
log = logging.getLogger("mrak.services.lambda_")


@delivery(EVENT)
async def invoke_event(ctx: Context, made: Delivery) -> None:
    event = msgspec.msgpack.decode(made.payload, type=EventInvocation)
    ref = parse_reference(ctx.scope, event.function_arn)

    def look(tx: Transaction) -> tuple[Target, EventConfig | None]:
        config = EVENTS.get(tx, ref.scope, ref.name, ref.qualifier or LATEST)
        if event.caller is not None:
            require_permission(tx, ref, service_principal(*event.caller), ctx.now)
        target = invocation.resolve(ctx, tx, ref)
        invocation.check_tenant(target, event.tenant)
        if durable_runs.is_durable(target):
            durable_runs.begin(ctx, tx, target, event.payload, event.request_id)
        return target, config

    try:
        target, config = await ctx.transact(look)
    except ApiError as error:
        log.warning("an event of %s is dropped: %s", event.function_arn, error)
        return
    if durable_runs.is_durable(target):
        return
    attempt = _Attempt(ctx, event, ref, target, config)
    if ctx.clock() - event.accepted_at > attempt.age_seconds:
        await ctx.transact(lambda tx: attempt.end(tx, "EventAgeExceeded", None))
        return
    try:
        outcome = await invocation.run(
            ctx,
            target,
            event.payload,
            request_id=event.request_id,
            tenant=event.tenant,
        )
    except ApiError as error:
        if error.code != "RecursiveInvocationException":
            raise
        await ctx.transact(lambda tx: attempt.end(tx, "RetriesExhausted", None))
        return
    await ctx.transact(lambda tx: attempt.conclude(tx, outcome))


class _Attempt:
    """One attempt and what follows from it."""

    def __init__(
        self, ctx: Context, event: EventInvocation, ref: Reference, target: Target, config: EventConfig | None
    ) -> None:
        self._ctx = ctx
        self._event = event
        self._ref = ref
        self._target = target
        retries = config.retries if config else None
        age = config.age_seconds if config else None
        self._retries = _DEFAULT_RETRIES if retries is None else retries
        self.age_seconds = _DEFAULT_AGE_SECONDS if age is None else age
        self._destinations: dict[str, Any] = config.destinations if config else {}

    def conclude(self, tx: Transaction, outcome: Outcome) -> None:
        if outcome.throttled and self._target.is_blocked:
            self.end(tx, "ZeroReservedConcurrency", None)
        elif outcome.throttled:
            pause = min(2.0 ** min(self._event.throttles, 10), _LONGEST_PAUSE_SECONDS)
            again = msgspec.structs.replace(self._event, throttles=self._event.throttles + 1)
            self._later(tx, again, pause, outcome)
        elif outcome.function_error:
            attempts = self._event.attempts + 1
            again = msgspec.structs.replace(self._event, attempts=attempts, last_answer=outcome.payload)
            if attempts > self._retries:
                self.end(tx, "RetriesExhausted", outcome)
            else:
                self._later(tx, again, _RETRY_SECONDS * attempts, outcome)
        else:
            self.end(tx, "Success", outcome)

    def _later(self, tx: Transaction, again: EventInvocation, pause_seconds: float, outcome: Outcome) -> None:
        now = self._ctx.clock()
        if now + pause_seconds - self._event.accepted_at > self.age_seconds:
            self.end(tx, "EventAgeExceeded", outcome)
        else:
            tx.enqueue(delivery_of(self._ctx, again, now + pause_seconds))

    def end(self, tx: Transaction, condition: str, outcome: Outcome | None) -> None:
        """The event is over: its destination hears of it, and the dead-letter queue of a failure."""
        succeeded = condition == "Success"
        ran = outcome is not None and not outcome.throttled
        payload = outcome.payload if outcome is not None and ran else self._event.last_answer
        target_arn = self._destinations.get("OnSuccess" if succeeded else "OnFailure", {}).get("Destination")
        if target_arn:
            # A success is told as one, however often it failed before (recorded).
            invoked = 1 if succeeded else self._event.attempts + (1 if ran else 0)
            envelope = self._render(condition, payload, invoked)
            destinations.send(self._ctx, tx, target_arn, envelope, self._target.ref.arn, succeeded)
        dead_letters = self._target.version.config.get("DeadLetterConfig", {}).get("TargetArn")
        if dead_letters and not succeeded:
            said = destinations.describe_end(self._event.request_id, *explain_end(condition, payload))
            destinations.send_dead_letter(self._ctx, tx, dead_letters, self._event.payload, said)

    def _render(self, condition: str, payload: bytes, invoked: int) -> dict[str, Any]:
        """The envelope (recorded: TestLambdaDestinationSqs). An event that was never to run has no response."""
        response: dict[str, Any] = {"statusCode": 200, "executedVersion": self._target.version.label}
        if condition != "Success":
            response["functionError"] = "Unhandled"
        envelope = {
            "version": "1.0",
            "timestamp": destinations.render_time(self._ctx.clock()),
            "requestContext": {
                "requestId": self._event.request_id,
                "functionArn": function_arn(self._ref.scope, self._ref.name, self._ref.qualifier or LATEST),
                "condition": condition,
                "approximateInvokeCount": invoked,
            },
            "requestPayload": _decode(self._event.payload),
        }
        if condition == "ZeroReservedConcurrency":
            return envelope
        if not payload and condition == "EventAgeExceeded":
            return {**envelope, "responseContext": {"statusCode": 429}}
        return {**envelope, "responseContext": response, **_render_payload(payload)}


def _render_payload(payload: bytes) -> dict[str, Any]:
    """What the function answered: nothing where that was empty, and a refusal where it was no JSON (recorded)."""
    if not payload:
        return {}
    try:
        return {"responsePayload": json.loads(payload)}
    except (ValueError, RecursionError):
        reason = "The function response payload could not be parsed as JSON."
        refused = {"statusCode": 400, "errorCode": "InvalidRequestContentException", "errorMessage": reason}
        return {"deliveryError": refused}


def explain_end(condition: str, payload: bytes) -> tuple[int | None, str]:
    """(ErrorCode, ErrorMessage) of a dead letter: what the function said last, or that it never came to run."""
    if condition == "ZeroReservedConcurrency":
        return None, ""
    if not payload and condition == "EventAgeExceeded":
        return 429, "Rate Exceeded."
    message = _decode(payload)
    return 200, str(message.get("errorMessage", "")) if isinstance(message, dict) else ""


def _decode(payload: bytes) -> Any:
    try:
        return json.loads(payload or b"null")
    except (ValueError, RecursionError):
        return payload.decode("utf-8", "replace")
