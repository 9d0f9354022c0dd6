"""CUSTOM_AUTH: functions of the pool define, make and verify the challenges.

https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-lambda-challenge.html

`rounds` is what the functions see as `session`: each challenge so far with its result, {"challengeName",
"challengeResult", "challengeMetadata"}.
"""

from __future__ import annotations

from typing import Any, Final

from mrak.core.context import Context
from mrak.services.cognito_idp import authentication, errors, pools, sessions, srp, triggers, users
from mrak.services.cognito_idp.authentication import Attempt
from mrak.services.cognito_idp.tables import Session, User

Rounds = list[dict[str, Any]]
_MOST_ROUNDS: Final = 20


async def start(ctx: Context, attempt: Attempt, params: dict[str, str]) -> dict[str, Any]:
    """The first challenge; with CHALLENGE_NAME=SRP_A the password comes first."""
    target = attempt.target
    user = await authentication.find_user(ctx, attempt)
    if user is None and not pools.hides_users(target.client):
        raise errors.user_not_found()
    if user is not None:
        authentication.check_can_sign_in(user)
        if user.status == "UNCONFIRMED":
            raise errors.user_not_confirmed()
    if params.get("CHALLENGE_NAME") == "SRP_A":
        return await _start_with_password(ctx, attempt, user, params)
    return await _next(ctx, attempt, user, [])


async def _start_with_password(
    ctx: Context, attempt: Attempt, user: User | None, params: dict[str, str]
) -> dict[str, Any]:
    public = srp.find_public(params.get("SRP_A", ""))
    if public is None:
        raise errors.missing("SRP_A")
    rounds = [_round("SRP_A", True)]
    defined = await _define(ctx, attempt, user, rounds)
    if defined.get("challengeName") != "PASSWORD_VERIFIER":
        return await _act(ctx, attempt, user, rounds, defined)
    return await authentication.challenge_srp(ctx, attempt, user, public, {"rounds": rounds})


async def after_password(ctx: Context, attempt: Attempt, user: User, rounds: Rounds) -> dict[str, Any]:
    return await _next(ctx, attempt, user, [*rounds, _round("PASSWORD_VERIFIER", True)])


async def verify(ctx: Context, attempt: Attempt, session: Session, answer: str) -> dict[str, Any]:
    """Asks whether the answer is right, and what is to come."""
    target = attempt.target
    user = await ctx.transact(lambda tx: users.find(tx, target.scope, target.pool, session.username))
    request = _about(user) | {
        "privateChallengeParameters": session.state["private"],
        "challengeAnswer": answer,
    }
    verified = await triggers.invoke(
        ctx, target, "VerifyAuthChallengeResponse", "VerifyAuthChallengeResponse_Authentication",
        triggers.with_metadata(request, attempt.metadata), {"answerCorrect": None}, username=session.username,
    )  # fmt: skip
    result = _round("CUSTOM_CHALLENGE", bool(verified.get("answerCorrect")), session.state.get("metadata"))
    return await _next(ctx, attempt, user, [*session.state["rounds"], result])


def _round(name: str, result: bool, metadata: str | None = None) -> dict[str, Any]:
    return {"challengeName": name, "challengeResult": result, "challengeMetadata": metadata}


def _about(user: User | None) -> dict[str, Any]:
    if user is None:
        return {"userAttributes": {}, "userNotFound": True}
    return {"userAttributes": triggers.attributes_of(user)}


async def _define(ctx: Context, attempt: Attempt, user: User | None, rounds: Rounds) -> dict[str, Any]:
    if triggers.find_function(attempt.target, "DefineAuthChallenge") is None:
        raise errors.invalid("Custom auth lambda trigger is not configured for the user pool.")
    return await triggers.invoke(
        ctx, attempt.target, "DefineAuthChallenge", "DefineAuthChallenge_Authentication",
        triggers.with_metadata(_about(user) | {"session": rounds}, attempt.metadata),
        {"challengeName": None, "issueTokens": None, "failAuthentication": None},
        username=user.username if user else attempt.name,
    )  # fmt: skip


async def _next(ctx: Context, attempt: Attempt, user: User | None, rounds: Rounds) -> dict[str, Any]:
    return await _act(ctx, attempt, user, rounds, await _define(ctx, attempt, user, rounds))


async def _act(
    ctx: Context, attempt: Attempt, user: User | None, rounds: Rounds, defined: dict[str, Any]
) -> dict[str, Any]:
    if defined.get("failAuthentication"):
        raise errors.wrong_password()
    if defined.get("issueTokens"):
        if user is None:
            raise errors.wrong_password()
        return await authentication.finish(ctx, attempt, user)
    if defined.get("challengeName") != "CUSTOM_CHALLENGE" or len(rounds) >= _MOST_ROUNDS:
        raise errors.lambda_response("Invalid challenge name returned by DefineAuthChallenge.")
    return await _create(ctx, attempt, user, rounds)


async def _create(ctx: Context, attempt: Attempt, user: User | None, rounds: Rounds) -> dict[str, Any]:
    target, username = attempt.target, user.username if user else attempt.name
    request = _about(user) | {"challengeName": "CUSTOM_CHALLENGE", "session": rounds}
    made = await triggers.invoke(
        ctx, target, "CreateAuthChallenge", "CreateAuthChallenge_Authentication",
        triggers.with_metadata(request, attempt.metadata),
        {"publicChallengeParameters": None, "privateChallengeParameters": None, "challengeMetadata": None},
        username=username,
    )  # fmt: skip
    state = {
        "rounds": rounds,
        "private": made.get("privateChallengeParameters") or {},
        "metadata": made.get("challengeMetadata"),
    }
    session = await ctx.transact(lambda tx: sessions.insert(ctx, tx, target, username, "CUSTOM_CHALLENGE", state))
    public = {name: str(value) for name, value in (made.get("publicChallengeParameters") or {}).items()}
    return {
        "ChallengeName": "CUSTOM_CHALLENGE",
        "Session": session,
        "ChallengeParameters": {"USERNAME": username} | public,
    }
