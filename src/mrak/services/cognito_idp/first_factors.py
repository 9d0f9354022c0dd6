"""USER_AUTH: users who choose what they prove first, a password, a code that is sent, or a passkey.

https://docs.aws.amazon.com/cognito/latest/developerguide/authentication-flows-selection-sdk.html
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from mrak.core.context import Context, Transaction
from mrak.services.cognito_idp import authentication, errors, messages, mfa, passkeys, pools, sessions, triggers
from mrak.services.cognito_idp.authentication import Attempt
from mrak.services.cognito_idp.messages import Outgoing
from mrak.services.cognito_idp.pools import Target
from mrak.services.cognito_idp.tables import Pool, User

FLOW: Final = "USER_AUTH"
SELECT: Final = "SELECT_CHALLENGE"
CONFIRMED: Final = "SIGN_UP_CONFIRMED"
"""The session of somebody who has just confirmed a sign-up, and may go on without another proof."""
_OTPS: Final = {"EMAIL_OTP": "email", "SMS_OTP": "phone_number"}


def allowed_in(pool: Pool) -> list[str]:
    """PASSWORD, EMAIL_OTP, SMS_OTP, WEB_AUTHN: what the pool takes as first proof."""
    found: list[str] = pool.settings["Policies"]["SignInPolicy"].get("AllowedFirstAuthFactors", ["PASSWORD"])
    return found


def is_passwordless(pool: Pool) -> bool:
    """Whether a user needs no password."""
    return any(factor in _OTPS for factor in allowed_in(pool))


def configured(tx: Transaction, target: Target, user: User) -> list[str]:
    """Which of the pool's first factors a user can meet."""
    allowed = allowed_in(target.pool)
    found = ["PASSWORD"] if "PASSWORD" in allowed and user.verifier else []
    for factor, attribute in _OTPS.items():
        if factor in allowed and user.attributes.get(f"{attribute}_verified") == "true":
            found.append(factor)
    if "WEB_AUTHN" in allowed and passkeys.of_user(tx, target.scope, user):
        found.append("WEB_AUTHN")
    return found


async def start(ctx: Context, attempt: Attempt, params: dict[str, str], session: str | None) -> dict[str, Any]:
    """InitiateAuth's USER_AUTH: the preferred challenge where it can be met, else the choice."""
    if session:
        return await _go_on(ctx, attempt, session)
    target = attempt.target
    user = await authentication.find_user(ctx, attempt)
    if user is None and not pools.hides_users(target.client):
        raise errors.user_not_found()
    choices = await _choices(ctx, attempt, user)
    wanted = params.get("PREFERRED_CHALLENGE", "")
    if wanted in choices:
        return await begin(ctx, attempt, wanted, params)
    username = attempt.name if user is None else user.username
    made = await ctx.transact(lambda tx: sessions.insert(ctx, tx, target, username, SELECT, {"choices": choices}))
    return {
        "ChallengeName": SELECT,
        "Session": made,
        "ChallengeParameters": {"USERNAME": username},
        "AvailableChallenges": choices,
    }


async def _go_on(ctx: Context, attempt: Attempt, session_id: str) -> dict[str, Any]:
    """The session of ConfirmSignUp signs in."""
    user = await ctx.transact(lambda tx: sessions.take_users(ctx, tx, attempt.target, session_id, CONFIRMED))
    authentication.check_can_sign_in(user)
    await triggers.before_authentication(ctx, attempt.target, user, attempt.name, attempt.metadata)
    return await authentication.finish(ctx, attempt, user)


async def _choices(ctx: Context, attempt: Attempt, user: User | None) -> list[str]:
    """AvailableChallenges. A user who is not there looks like one with a password."""
    target = attempt.target
    found = ["PASSWORD"] if user is None else await ctx.transact(lambda tx: configured(tx, target, user))
    if not found:
        raise errors.not_authorized("No authentication factors are available for the user.")
    password = ["PASSWORD", "PASSWORD_SRP"] if "PASSWORD" in found else []
    return [*password, *(factor for factor in found if factor != "PASSWORD")]


async def begin(ctx: Context, attempt: Attempt, choice: str, params: dict[str, str]) -> dict[str, Any]:
    """Goes on with a first factor; what the parameters bring with them is taken at once."""
    return await _BEGIN[choice](ctx, attempt, params)


async def _password(ctx: Context, attempt: Attempt, params: dict[str, str]) -> dict[str, Any]:
    if params.get("PASSWORD"):
        return await authentication.with_password(ctx, attempt, params["PASSWORD"])
    return await authentication.ask(ctx, attempt, attempt.name, "PASSWORD", {"USERNAME": attempt.name})


async def _password_srp(ctx: Context, attempt: Attempt, params: dict[str, str]) -> dict[str, Any]:
    if not params.get("SRP_A"):
        raise errors.missing("SRP_A")
    return await authentication.start_srp(ctx, attempt, params["SRP_A"])


def _sent(factor: str) -> Callable[[Context, Attempt, dict[str, str]], Awaitable[dict[str, Any]]]:
    async def send(ctx: Context, attempt: Attempt, params: dict[str, str]) -> dict[str, Any]:
        user = await _require_user(ctx, attempt)
        address = messages.address_of(_OTPS[factor], user.attributes[_OTPS[factor]])
        wording = await messages.word(ctx, attempt.target, user, "Authentication", attempt.metadata)
        outgoing = Outgoing(attempt.target, user, address, wording)
        session = await ctx.transact(lambda tx: mfa.send_code(ctx, tx, outgoing, factor))
        shown = {
            "USERNAME": user.username,
            "CODE_DELIVERY_DELIVERY_MEDIUM": address.medium,
            "CODE_DELIVERY_DESTINATION": messages.mask(address),
        }
        return {"ChallengeName": factor, "Session": session, "ChallengeParameters": shown}

    return send


async def _passkey(ctx: Context, attempt: Attempt, params: dict[str, str]) -> dict[str, Any]:
    user = await _require_user(ctx, attempt)
    options, state = await ctx.transact(lambda tx: passkeys.ask(ctx, tx, attempt.target, user))
    shown = {"USERNAME": user.username, "CREDENTIAL_REQUEST_OPTIONS": options}
    return await authentication.ask(ctx, attempt, user.username, "WEB_AUTHN", shown, state)


async def _require_user(ctx: Context, attempt: Attempt) -> User:
    """The user, who may sign in; the pool's function is asked, as before a password."""
    user = await authentication.find_user(ctx, attempt)
    if user is None:
        raise authentication.missing_user(attempt.target)
    authentication.check_can_sign_in(user)
    if user.status == "UNCONFIRMED":
        raise errors.user_not_confirmed()
    await triggers.before_authentication(ctx, attempt.target, user, attempt.name, attempt.metadata)
    return user


_BEGIN: Final[dict[str, Callable[[Context, Attempt, dict[str, str]], Awaitable[dict[str, Any]]]]] = {
    "PASSWORD": _password,
    "PASSWORD_SRP": _password_srp,
    "EMAIL_OTP": _sent("EMAIL_OTP"),
    "SMS_OTP": _sent("SMS_OTP"),
    "WEB_AUTHN": _passkey,
}
