"""Responses to challenges (RespondToAuthChallenge), one function for each challenge.

https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_RespondToAuthChallenge.html
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.services.cognito_idp import (
    authentication,
    custom,
    devices,
    errors,
    first_factors,
    mfa,
    passkeys,
    passwords,
    schema,
    sessions,
    srp,
    users,
)  # fmt: skip
from mrak.services.cognito_idp.authentication import Attempt
from mrak.services.cognito_idp.tables import USERS, Device, Session, User

_MOST_MFA_FAILURES: Final = 5
Responses = dict[str, str]


def require(responses: Responses, name: str) -> str:
    found = responses.get(name)
    if not found:
        raise errors.missing(name)
    return found


async def respond(
    ctx: Context, attempt: Attempt, challenge: str, session: str | None, responses: Responses
) -> dict[str, Any]:
    """The answer to a response: tokens, or the next challenge."""
    if challenge == "PASSWORD_VERIFIER":
        return await _password_verifier(ctx, attempt, responses)
    if challenge == devices.SRP_AUTH:
        return await _device(ctx, attempt, responses)
    if challenge == devices.VERIFIER:
        return await _device_verifier(ctx, attempt, responses)
    answer = _ANSWERS.get(challenge)
    if answer is None:
        raise errors.invalid(f"Unsupported challenge name: {challenge}")
    if not session:
        raise errors.missing("Session")
    return await answer(ctx, attempt, session, responses)


def _claim_of(responses: Responses) -> tuple[bytes, str, tuple[str, str]]:
    """(secret block, the session that it names, (signature, timestamp)) of an SRP response."""
    block = require(responses, "PASSWORD_CLAIM_SECRET_BLOCK")
    proof = (require(responses, "PASSWORD_CLAIM_SIGNATURE"), require(responses, "TIMESTAMP"))
    try:
        raw = base64.b64decode(block, validate=True)
        return raw, raw.decode("ascii"), proof
    except (binascii.Error, ValueError):
        raise errors.wrong_password() from None


async def _device(ctx: Context, attempt: Attempt, responses: Responses) -> dict[str, Any]:
    """DEVICE_SRP_AUTH, which clients answer without a session: what was proved before it is on record."""
    key, public, target = require(responses, "DEVICE_KEY"), require(responses, "SRP_A"), attempt.target

    def begin(tx: Transaction) -> dict[str, Any]:
        user = users.require(tx, target.scope, target.pool, attempt.name)
        return devices.challenge(ctx, tx, target, user, key, public)

    return await ctx.transact(begin)


async def _device_verifier(ctx: Context, attempt: Attempt, responses: Responses) -> dict[str, Any]:
    raw, identifier, proof = _claim_of(responses)
    target = attempt.target

    def check(tx: Transaction) -> tuple[User, Device] | None:
        session = sessions.take(ctx, tx, target, identifier)
        if session.challenge != devices.VERIFIER:
            raise errors.invalid_session()
        device = devices.prove(ctx, tx, target, session, raw, proof)
        if device is None:
            return None
        user = users.require(tx, target.scope, target.pool, session.username)
        authentication.check_can_sign_in(user)
        return user, device

    proved = await ctx.transact(check)
    if proved is None:
        raise errors.wrong_password()
    user, device = proved
    attempt = msgspec.structs.replace(attempt, device_key=device.key)
    return await authentication.finish(ctx, attempt, user)


async def _password_verifier(ctx: Context, attempt: Attempt, responses: Responses) -> dict[str, Any]:
    raw, identifier, (signature, timestamp) = _claim_of(responses)
    target = attempt.target

    def check(tx: Transaction) -> tuple[Session, User] | ApiError:
        session = sessions.take(ctx, tx, target, identifier)
        state = session.state
        numbers = (int(state["b"], 16), int(state["a"], 16), int(state["B"], 16))
        key = srp.session_key(state["verifier"], *numbers)
        expected = srp.claim_signature(key, target.pool.short_id, session.username, raw, timestamp)
        right = hmac.compare_digest(expected.encode(), signature.encode())
        if not state["known"]:
            return errors.wrong_password()
        user = users.open_user(tx, target.scope, target.pool, session.username)
        # Challenges that were begun before the lock are no way round it.
        authentication.check_can_sign_in(user)
        passwords.check_not_locked(user, ctx.now)
        settled = authentication.settle(ctx, tx, target, user, right=right and user.verifier == state["verifier"])
        return settled if isinstance(settled, ApiError) else (session, settled)

    checked = await ctx.transact(check)
    if isinstance(checked, ApiError):
        raise checked
    session, user = checked
    if "rounds" in session.state:
        return await custom.after_password(ctx, attempt, user, session.state["rounds"])
    return await authentication.after_password(ctx, attempt, user)


async def _new_password(ctx: Context, attempt: Attempt, session_id: str, responses: Responses) -> dict[str, Any]:
    password, target = require(responses, "NEW_PASSWORD"), attempt.target
    given = {
        name.removeprefix("userAttributes."): value
        for name, value in responses.items()
        if name.startswith("userAttributes.")
    }

    def change(tx: Transaction) -> User:
        passwords.check_policy(target.pool, password)
        schema.check_own(given)
        schema.check_values(target.pool, given)
        schema.check_writable(target.pool, target.client, given)
        session = _take(ctx, tx, attempt, session_id, "NEW_PASSWORD_REQUIRED")
        user = users.open_user(tx, target.scope, target.pool, session.username)
        authentication.check_can_sign_in(user)
        for name in schema.VERIFIABLE:
            if name in given and user.attributes.get(name):
                raise errors.not_authorized(f"Cannot modify an already provided {name}")
        changed = users.change_attributes(ctx, user, given)
        schema.check_required(target.pool, changed.attributes)
        changed = passwords.set_password(ctx, target.pool, changed, password, permanent=True)
        changed = msgspec.structs.replace(changed, status="CONFIRMED")
        users.replace(tx, target.scope, target.pool, user, changed)
        return changed

    user = await ctx.transact(change)
    return await authentication.after_password(ctx, attempt, user, source="NewPasswordChallenge")


def _take(ctx: Context, tx: Transaction, attempt: Attempt, session_id: str, challenge: str) -> Session:
    session = sessions.take(ctx, tx, attempt.target, session_id)
    if session.challenge != challenge:
        raise errors.invalid_session()
    named = users.find(tx, attempt.target.scope, attempt.target.pool, attempt.name)
    if named is None or named.username != session.username:
        raise errors.invalid_session()
    return session


def _fail(tx: Transaction, attempt: Attempt, session: Session) -> ApiError:
    """After a wrong code the session holds on, for some more tries."""
    failures = session.state.get("failures", 0) + 1
    if failures < _MOST_MFA_FAILURES:
        again = msgspec.structs.replace(session, state=session.state | {"failures": failures})
        sessions.keep(tx, attempt.target, again)
    return errors.wrong_mfa_code()


async def _totp(ctx: Context, attempt: Attempt, session_id: str, responses: Responses) -> dict[str, Any]:
    code, target = require(responses, "SOFTWARE_TOKEN_MFA_CODE"), attempt.target

    def check(tx: Transaction) -> User | ApiError:
        session = _take(ctx, tx, attempt, session_id, "SOFTWARE_TOKEN_MFA")
        user = users.open_user(tx, target.scope, target.pool, session.username)
        authentication.check_can_sign_in(user)
        step = mfa.find_step(user.totp_secret, code, ctx.now, user.totp_step)
        if step is None:
            return _fail(tx, attempt, session)
        USERS.replace(tx, target.scope, user, msgspec.structs.replace(user, totp_step=step))
        return user

    return await _finish_factor(ctx, attempt, check)


async def _finish_factor(
    ctx: Context, attempt: Attempt, check: Callable[[Transaction], User | ApiError]
) -> dict[str, Any]:
    checked = await ctx.transact(check)
    if isinstance(checked, ApiError):
        raise checked
    return await authentication.after_factor(ctx, attempt, checked)


def _sent_code(name: str, field: str) -> Callable[..., Awaitable[dict[str, Any]]]:
    async def answer(ctx: Context, attempt: Attempt, session_id: str, responses: Responses) -> dict[str, Any]:
        code, target = require(responses, field), attempt.target

        def check(tx: Transaction) -> User | ApiError:
            session = _take(ctx, tx, attempt, session_id, name)
            if not hmac.compare_digest(session.state["code"].encode(), code.encode()):
                return _fail(tx, attempt, session)
            user = users.require(tx, target.scope, target.pool, session.username)
            authentication.check_can_sign_in(user)
            return user

        return await _finish_factor(ctx, attempt, check)

    return answer


async def _select(ctx: Context, attempt: Attempt, session_id: str, responses: Responses) -> dict[str, Any]:
    chosen, target = require(responses, "ANSWER"), attempt.target

    def look(tx: Transaction) -> User:
        session = _take(ctx, tx, attempt, session_id, "SELECT_MFA_TYPE")
        return users.require(tx, target.scope, target.pool, session.username)

    user = await ctx.transact(look)
    if chosen not in mfa.factors_of(target.pool, user):
        raise errors.invalid("Selected MFA type is not enabled for the user.")
    return await authentication.demand_factor(ctx, attempt, user, chosen)


async def _setup(ctx: Context, attempt: Attempt, session_id: str, responses: Responses) -> dict[str, Any]:
    """After VerifySoftwareToken, whose session says that the code was right."""
    target = attempt.target

    def check(tx: Transaction) -> User:
        session = _take(ctx, tx, attempt, session_id, "MFA_SETUP")
        if not session.state.get("verified"):
            raise errors.invalid_session()
        return users.require(tx, target.scope, target.pool, session.username)

    return await authentication.after_factor(ctx, attempt, await ctx.transact(check))


async def _custom(ctx: Context, attempt: Attempt, session_id: str, responses: Responses) -> dict[str, Any]:
    answer = require(responses, "ANSWER")
    session = await ctx.transact(lambda tx: _take_custom(ctx, tx, attempt, session_id))
    return await custom.verify(ctx, attempt, session, answer)


def _take_custom(ctx: Context, tx: Transaction, attempt: Attempt, session_id: str) -> Session:
    session = sessions.take(ctx, tx, attempt.target, session_id)
    if session.challenge != "CUSTOM_CHALLENGE":
        raise errors.invalid_session()
    return session


async def _choose(ctx: Context, attempt: Attempt, session_id: str, responses: Responses) -> dict[str, Any]:
    """SELECT_CHALLENGE: the first factor that the user wants."""
    chosen = require(responses, "ANSWER")

    def look(tx: Transaction) -> list[str]:
        session = sessions.take(ctx, tx, attempt.target, session_id)
        if session.challenge != first_factors.SELECT:
            raise errors.invalid_session()
        return list(session.state["choices"])

    if chosen not in await ctx.transact(look):
        raise errors.invalid(f"{chosen} is not available for the user.")
    return await first_factors.begin(ctx, attempt, chosen, responses)


async def _password(ctx: Context, attempt: Attempt, session_id: str, responses: Responses) -> dict[str, Any]:
    password = require(responses, "PASSWORD")

    def look(tx: Transaction) -> None:
        session = sessions.take(ctx, tx, attempt.target, session_id)
        if session.challenge != "PASSWORD":
            raise errors.invalid_session()

    await ctx.transact(look)
    return await authentication.with_password(ctx, attempt, password)


async def _passkey(ctx: Context, attempt: Attempt, session_id: str, responses: Responses) -> dict[str, Any]:
    credential, target = require(responses, "CREDENTIAL"), attempt.target

    def check(tx: Transaction) -> User | ApiError:
        session = _take(ctx, tx, attempt, session_id, "WEB_AUTHN")
        user = users.require(tx, target.scope, target.pool, session.username)
        authentication.check_can_sign_in(user)
        if not passkeys.is_answer(tx, target, user, session.state, credential):
            return errors.not_authorized("Invalid passkey credential.")
        return user

    return await _finish_factor(ctx, attempt, check)


_ANSWERS: Final[dict[str, Callable[..., Awaitable[dict[str, Any]]]]] = {
    "NEW_PASSWORD_REQUIRED": _new_password,
    "SOFTWARE_TOKEN_MFA": _totp,
    "SMS_MFA": _sent_code("SMS_MFA", "SMS_MFA_CODE"),
    "EMAIL_OTP": _sent_code("EMAIL_OTP", "EMAIL_OTP_CODE"),
    "SMS_OTP": _sent_code("SMS_OTP", "SMS_OTP_CODE"),
    "SELECT_MFA_TYPE": _select,
    "MFA_SETUP": _setup,
    "CUSTOM_CHALLENGE": _custom,
    "SELECT_CHALLENGE": _choose,
    "PASSWORD": _password,
    "WEB_AUTHN": _passkey,
}
