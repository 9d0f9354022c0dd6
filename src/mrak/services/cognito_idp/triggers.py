"""Lambda triggers: what functions of a pool are told, and what they may answer.

https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-working-with-lambda-triggers.html

A function is called outside of any transaction, as the service `cognito-idp.amazonaws.com` with the pool's ARN, so that
its own policy decides; it has five seconds, and what it raises refuses what the user wanted.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

import msgspec

from mrak.auth.principals import service_principal
from mrak.core.arn import find_arn
from mrak.core.context import Context
from mrak.core.errors import ApiError
from mrak.services.cognito_idp import errors, pools, users
from mrak.services.cognito_idp.pools import Target
from mrak.services.cognito_idp.tables import User

CALLER: Final = "cognito-idp.amazonaws.com"
_SECONDS: Final = 5.0


def find_function(target: Target, trigger: str) -> str | None:
    """The function of a trigger, if the pool has one."""
    config = target.pool.settings.get("LambdaConfig", {})
    found = config.get(f"{trigger}Config", config.get(trigger))
    if isinstance(found, dict):
        found = found.get("LambdaArn")
    return found if isinstance(found, str) and found else None


def event_of(
    target: Target, source: str, username: str, request: dict[str, Any], response: dict[str, Any]
) -> dict[str, Any]:
    """What functions of a pool get, in its first version."""
    return {
        "version": "1",
        "region": target.scope.region,
        "userPoolId": target.pool.id,
        "userName": username,
        "callerContext": {"awsSdkVersion": "aws-sdk-unknown-unknown", "clientId": target.client.id},
        "triggerSource": source,
        "request": request,
        "response": response,
    }


async def invoke(
    ctx: Context, target: Target, trigger: str, source: str, request: dict[str, Any], response: dict[str, Any],
    *, username: str, version: str = "1",
) -> dict[str, Any]:  # fmt: skip
    """The `response` of a trigger's function; the one that it was given where the pool has no such function."""
    function_arn = find_function(target, trigger)
    parsed = None if function_arn is None else find_arn(function_arn)
    if parsed is None:
        return response
    event = event_of(target, source, username, request, response) | {"version": version}
    principal = service_principal(CALLER, target.scope.account, pools.pool_arn(target.scope, target.pool.id))
    try:
        async with asyncio.timeout(_SECONDS):
            answer = await ctx.call(
                "lambda",
                "Invoke",
                {"FunctionName": function_arn, "Payload": msgspec.json.encode(event)},
                scope=parsed.scope_in(ctx.scope.environment),
                principal=principal,
            )
    except TimeoutError:
        raise errors.lambda_unexpected(trigger, "TimeoutException") from None
    except ApiError as error:
        raise errors.lambda_unexpected(trigger, error.code) from None
    return _response_of(trigger, answer, response)


def _response_of(trigger: str, answer: dict[str, Any], default: dict[str, Any]) -> dict[str, Any]:
    payload: bytes = answer.get("Payload", b"")
    try:
        decoded = msgspec.json.decode(payload)
    except (msgspec.DecodeError, RecursionError):
        raise errors.lambda_response() from None
    if answer.get("FunctionError"):
        message = decoded.get("errorMessage", "") if isinstance(decoded, dict) else ""
        raise errors.lambda_refused(trigger, str(message))
    returned = decoded.get("response") if isinstance(decoded, dict) else None
    if not isinstance(returned, dict):
        raise errors.lambda_response()
    return default | returned


def attributes_of(user: User) -> dict[str, str]:
    """`userAttributes` of events about a user."""
    return {"sub": user.sub, "cognito:user_status": user.status} | user.attributes


def with_metadata(request: dict[str, Any], metadata: dict[str, str] | None) -> dict[str, Any]:
    """A request with `clientMetadata`, where the caller gave one."""
    return request | ({"clientMetadata": metadata} if metadata else {})


def validation_data(given: list[dict[str, Any]] | None) -> dict[str, str] | None:
    return {pair["Name"]: pair.get("Value", "") for pair in given} if given else None


async def pre_sign_up(
    ctx: Context, target: Target, source: str, username: str, req: dict[str, Any], attributes: dict[str, str]
) -> dict[str, Any]:
    """autoConfirmUser, autoVerifyEmail, autoVerifyPhone."""
    request = {"userAttributes": attributes, "validationData": validation_data(req.get("ValidationData"))}
    default = {"autoConfirmUser": False, "autoVerifyEmail": False, "autoVerifyPhone": False}
    return await invoke(
        ctx, target, "PreSignUp", source, with_metadata(request, req.get("ClientMetadata")), default, username=username
    )  # fmt: skip


async def post_confirmation(
    ctx: Context, target: Target, source: str, user: User, metadata: dict[str, str] | None
) -> None:
    request = with_metadata({"userAttributes": attributes_of(user)}, metadata)
    await invoke(ctx, target, "PostConfirmation", source, request, {}, username=user.username)


async def inbound_federation(
    ctx: Context, target: Target, provider: tuple[str, str], username: str, said: dict[str, dict[str, str]]
) -> dict[str, str]:
    """What a provider (its name and type) is taken to say of a user; {} where everything stands as it was said."""
    request = {"providerName": provider[0], "providerType": provider[1], "attributes": said}
    source = "InboundFederation_ExternalProvider"
    default: dict[str, Any] = {"userAttributesToMap": {}}
    answer = await invoke(ctx, target, "InboundFederation", source, request, default, username=username)
    wanted = answer["userAttributesToMap"]
    if not isinstance(wanted, dict):
        raise errors.lambda_response()
    return {name: str(value) for name, value in wanted.items() if value is not None}


async def before_authentication(
    ctx: Context, target: Target, user: User | None, name: str, metadata: dict[str, str] | None
) -> None:
    request: dict[str, Any] = {
        "userAttributes": attributes_of(user) if user else {},
        "validationData": metadata or None,
    }
    if user is None:
        request["userNotFound"] = True
    username = user.username if user else users.normal(target.pool, name)
    await invoke(ctx, target, "PreAuthentication", "PreAuthentication_Authentication", request, {}, username=username)


async def after_authentication(ctx: Context, target: Target, user: User, metadata: dict[str, str] | None) -> None:
    request = with_metadata({"userAttributes": attributes_of(user), "newDeviceUsed": False}, metadata)
    await invoke(
        ctx, target, "PostAuthentication", "PostAuthentication_Authentication", request, {}, username=user.username
    )
