"""Second factors: codes from an authenticator application (TOTP, RFC 6238), or sent by SMS or email.

https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-mfa.html
"""

from __future__ import annotations

import base64
import binascii
from typing import Any, Final

from mrak.auth import totp
from mrak.core.context import Context, Transaction
from mrak.services.cognito_idp import codes, messages, sessions
from mrak.services.cognito_idp.messages import Outgoing
from mrak.services.cognito_idp.tables import Pool, User

_SECRET_BYTES: Final = 32


def new_secret(ctx: Context) -> str:
    return base64.b32encode(ctx.draw.bytes(_SECRET_BYTES)).decode().rstrip("=")


def find_step(secret: str, code: str, now: float, after_step: int) -> int | None:
    """The time step that a code is of, among the present one and its neighbours, if it is none that was used."""
    try:
        key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    except binascii.Error:
        return None
    present = totp.step_at(now)
    for step in (present, present - 1, present + 1):
        if step > after_step and totp.is_code(key, step, code):
            return step
    return None


def is_on(pool: Pool, factor: str) -> bool:
    """Whether the pool has a second factor of that kind."""
    if pool.settings["MfaConfiguration"] == "OFF":
        return False
    if factor == "SOFTWARE_TOKEN_MFA":
        return bool(pool.settings.get("Totp", {}).get("Enabled"))
    return ("SmsConfiguration" if factor == "SMS_MFA" else "EmailMfa") in pool.settings


def factors_of(pool: Pool, user: User) -> list[str]:
    """The second factors with which a user can be asked now."""
    found = []
    for factor in ("SOFTWARE_TOKEN_MFA", "SMS_MFA", "EMAIL_OTP"):
        if not is_on(pool, factor):
            continue
        if factor == "SOFTWARE_TOKEN_MFA":
            usable = factor in user.mfa and bool(user.totp_secret)
        else:
            attribute = "phone_number" if factor == "SMS_MFA" else "email"
            verified = user.attributes.get(f"{attribute}_verified") == "true"
            forced = pool.settings["MfaConfiguration"] == "ON" and not user.mfa
            usable = verified and (factor in user.mfa or forced)
        if usable:
            found.append(factor)
    return found


def choose(user: User, factors: list[str]) -> str:
    if user.preferred_mfa in factors:
        return user.preferred_mfa
    return factors[0] if len(factors) == 1 else "SELECT_MFA_TYPE"


def can_set_up(pool: Pool) -> list[str]:
    return [factor for factor in ("SMS_MFA", "SOFTWARE_TOKEN_MFA", "EMAIL_OTP") if is_on(pool, factor)]


def send_code(
    ctx: Context, tx: Transaction, outgoing: Outgoing, factor: str, more: dict[str, Any] | None = None
) -> str:
    """Sends a code for one sign-in; the id of the session that waits for it."""
    code = codes.new_code(ctx)
    messages.send(ctx, tx, outgoing, code)
    state = (more or {}) | {"code": code}
    return sessions.insert(ctx, tx, outgoing.target, outgoing.user.username, factor, state)
