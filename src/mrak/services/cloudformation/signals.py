"""Answers to the URLs that CloudFormation hands out: to custom resources and wait handles.

The URL is `ENDPOINT/_aws/cloudformation-response/TOKEN`. The token names its row and cannot be guessed, as a presigned
URL at AWS; whoever has it may answer. Its end tells the environment.
"""

from __future__ import annotations

import json
from typing import Any

from msgspec.structs import replace

from mrak.core.context import Context, Transaction
from mrak.core.http import Request, Response
from mrak.core.operation import dataplane
from mrak.core.scope import Scope
from mrak.services.cloudformation.tables import TOKENS, Token

PLANE = "cloudformation-response"
_LONGEST_ANSWER_BYTES = 4096 * 16
_MOST_ANSWERS = 1000


def topic(token: str) -> str:
    return f"cloudformation.token/{token}"


def url(ctx: Context, token: str) -> str:
    return f"{ctx.endpoint}/_aws/{PLANE}/{token}"


async def open_token(ctx: Context, token: str, stack_id: str, handle: str = "") -> None:
    """Allows answers; nothing where that was done before."""

    def write(tx: Transaction) -> None:
        scope = ctx.scope.environment_wide()
        if TOKENS.open(tx, scope, token) is None:
            TOKENS.insert(tx, scope, Token(token, stack_id, ctx.scope.account, ctx.scope.region, handle=handle))

    await ctx.transact(write)


async def close_token(ctx: Context, token: str) -> None:
    def remove(tx: Transaction) -> None:
        scope = ctx.scope.environment_wide()
        found = TOKENS.open(tx, scope, token)
        if found is not None:
            TOKENS.delete(tx, scope, found)

    await ctx.transact(remove)


async def handle_of(ctx: Context, token: str) -> str:
    """The logical id of the wait handle that a token is of; "" where it is of none."""
    found = await ctx.transact(lambda tx: TOKENS.get(tx, ctx.scope.environment_wide(), token))
    return found.handle if found is not None else ""


async def answers(ctx: Context, token: str) -> list[dict[str, Any]]:
    found = await ctx.transact(lambda tx: TOKENS.get(tx, ctx.scope.environment_wide(), token))
    return [json.loads(text) for text in found.answers] if found is not None else []


async def wait(ctx: Context, token: str, count: int, timeout_seconds: float) -> list[dict[str, Any]]:
    """Until that many answers have come (or one that tells of a failure), or the time is up."""
    give_up = ctx.clock() + timeout_seconds
    with ctx.listen(topic(token)) as listener:
        while True:
            found = await answers(ctx, token)
            left = give_up - ctx.clock()
            if len(found) >= count or any(answer.get("Status") != "SUCCESS" for answer in found) or left <= 0:
                return found
            await listener.wait(min(left, 60.0))


def answer(tx: Transaction, scope: Scope, token: str, body: str) -> bool:
    """Adds an answer; False where nobody waits for one. The same unique id again takes the place of its first."""
    scope = scope.environment_wide()
    found = TOKENS.open(tx, scope, token)
    if found is None or len(found.answers) >= _MOST_ANSWERS:
        return False
    unique = json.loads(body).get("UniqueId")
    kept = [text for text in found.answers if unique is None or json.loads(text).get("UniqueId") != unique]
    TOKENS.replace(tx, scope, found, replace(found, answers=[*kept, body]))
    tx.notify(topic(token))
    return True


@dataplane(PLANE)
async def respond(ctx: Context, request: Request, route: Any) -> Response:
    """What a function or a machine puts to its URL."""
    body = request.body if request.body is not None else await request.stream.read() if request.stream else b""
    if request.method != "PUT" or len(body) > _LONGEST_ANSWER_BYTES:
        return Response(400, [("content-type", "text/plain")], b"PUT a JSON document of at most 64 KB.")
    try:
        document = json.loads(body)
    except ValueError:
        document = None
    if not isinstance(document, dict) or document.get("Status") not in ("SUCCESS", "FAILED", "FAILURE"):
        return Response(400, [("content-type", "text/plain")], b"Status must be SUCCESS or FAILED.")
    known = await ctx.transact(lambda tx: answer(tx, ctx.scope, route.resource, json.dumps(document)))
    return Response(200 if known else 403, [("content-length", "0")], b"")
