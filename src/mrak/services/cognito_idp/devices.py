"""Remembered devices: a second proof that a user's device makes by itself, with a password that only it knows.

A sign-in on a new device brings a device key; ConfirmDevice leaves an SRP verifier for it. From then on a sign-in that
names the device is asked to prove it: instead of a second factor where the device is remembered, else after it.
https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-device-tracking.html
"""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import Any, Final

import msgspec

from mrak.core.context import Context, Transaction
from mrak.services.cognito_idp import errors, sessions, srp
from mrak.services.cognito_idp.pools import Target
from mrak.services.cognito_idp.tables import CODES, DEVICES, Code, Device, Pool, Session, User

SRP_AUTH: Final = "DEVICE_SRP_AUTH"
VERIFIER: Final = "DEVICE_PASSWORD_VERIFIER"
REMEMBERED: Final = "remembered"
_LONGEST_VERIFIER: Final = 400
_LONGEST_SALT: Final = 64


def settings_of(pool: Pool) -> dict[str, Any] | None:
    """The pool's DeviceConfiguration; None where it does not look at devices."""
    found: dict[str, Any] | None = pool.settings.get("DeviceConfiguration")
    return found


def new_key(ctx: Context, target: Target) -> str:
    return f"{target.scope.region}_{ctx.draw.uuid()}"


def group_of(ctx: Context, key: str) -> str:
    """DeviceGroupKey: what stands for the pool in a device's SRP. It follows from the key, so it is kept nowhere."""
    secret: bytes = ctx.part("server_secret")
    digest = hmac.digest(secret, f"cognito-idp.device\x00{key}".encode(), "sha256")
    return "-" + base64.b32encode(digest)[:8].decode()


def confirm(ctx: Context, tx: Transaction, target: Target, user: User, req: dict[str, Any]) -> bool:
    """Keeps a device; whether its user has to be asked before it is remembered."""
    config = req.get("DeviceSecretVerifierConfig", {})
    verifier = _decode(config.get("PasswordVerifier"), _LONGEST_VERIFIER)
    salt = _decode(config.get("Salt"), _LONGEST_SALT).hex()
    asks = bool((settings_of(target.pool) or {}).get("DeviceOnlyRememberedOnUserPrompt"))
    key = req["DeviceKey"]
    if DEVICES.open(tx, target.scope, user.pool, user.username, key) is not None:
        raise errors.invalid("Device is already confirmed.")
    made = Device(
        pool=user.pool,
        username=user.username,
        key=key,
        name=req.get("DeviceName", ""),
        status="not_remembered" if asks else REMEMBERED,
        salt=salt,
        verifier=verifier,
        created_at=ctx.now,
        modified_at=ctx.now,
        used_at=ctx.now,
        address=ctx.http.peer if ctx.http is not None else "",
    )
    DEVICES.insert(tx, target.scope, made)
    return asks


def _decode(text: str | None, longest: int) -> bytes:
    try:
        raw = base64.b64decode(text or "", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if not 0 < len(raw) <= longest:
        raise errors.invalid("Invalid device secret verifier config given.")
    return raw


def require(tx: Transaction, target: Target, username: str, key: str) -> Device:
    """The device, opened."""
    found = DEVICES.open(tx, target.scope, target.pool.id, username, key)
    if found is None:
        raise errors.not_found("Device does not exist.")
    return found


def _purpose(key: str) -> str:
    return f"device:{key}"


def expect(ctx: Context, tx: Transaction, target: Target, user: User, key: str) -> None:
    """A user who has proved the rest may prove a device, for as long as a session holds."""
    require(tx, target, user.username, key)
    before = CODES.open(tx, target.scope, user.pool, user.username, _purpose(key))
    if before is not None:
        CODES.delete(tx, target.scope, before)
    seconds = float(target.client.settings.get("AuthSessionValidity", 3)) * 60
    waiting = Code(pool=user.pool, username=user.username, purpose=_purpose(key), code=target.client.id, attribute="",
                   expires_at=ctx.now + seconds)  # fmt: skip
    CODES.insert(tx, target.scope, waiting)


def challenge(ctx: Context, tx: Transaction, target: Target, user: User, key: str, public: str) -> dict[str, Any]:
    """DEVICE_PASSWORD_VERIFIER, for a user who is expected to prove this device."""
    client_public = srp.find_public(public)
    if client_public is None:
        raise errors.invalid("SRP_A is invalid")
    waiting = CODES.open(tx, target.scope, user.pool, user.username, _purpose(key))
    if waiting is None or waiting.code != target.client.id or ctx.now >= waiting.expires_at:
        raise errors.invalid_session()
    CODES.delete(tx, target.scope, waiting)
    device = require(tx, target, user.username, key)
    secret = int.from_bytes(ctx.draw.bytes(32), "big")
    server_public = srp.public_of(device.verifier, secret)
    state = {
        "a": srp.render_hex(client_public),
        "b": srp.render_hex(secret),
        "B": srp.render_hex(server_public),
        "key": key,
    }
    session = sessions.insert(ctx, tx, target, user.username, VERIFIER, state)
    return {
        "ChallengeName": VERIFIER,
        "ChallengeParameters": {
            "SALT": device.salt,
            "SECRET_BLOCK": base64.b64encode(session.encode()).decode(),
            "SRP_B": srp.render_hex(server_public),
            "USERNAME": user.username,
            "DEVICE_KEY": key,
        },
    }


def prove(
    ctx: Context, tx: Transaction, target: Target, session: Session, raw: bytes, proof: tuple[str, str]
) -> Device | None:
    """The device whose password made the proof (signature, timestamp); None where another did."""
    signature, timestamp = proof
    state, key = session.state, session.state["key"]
    device = require(tx, target, session.username, key)
    shared = srp.session_key(device.verifier, int(state["b"], 16), int(state["a"], 16), int(state["B"], 16))
    expected = srp.claim_signature(shared, group_of(ctx, key), key, raw, timestamp)
    if not hmac.compare_digest(expected.encode(), signature.encode()):
        return None
    DEVICES.replace(tx, target.scope, device, msgspec.structs.replace(device, used_at=ctx.now))
    return device


def spares_factor(pool: Pool, device: Device) -> bool:
    """Whether a sign-in from the device needs no second factor."""
    config = settings_of(pool) or {}
    return device.status == REMEMBERED and bool(config.get("ChallengeRequiredOnNewDevice"))


def render(device: Device) -> dict[str, Any]:
    pairs = {"device_status": device.status, "device_name": device.name, "last_ip_used": device.address}
    return {
        "DeviceKey": device.key,
        "DeviceAttributes": [{"Name": name, "Value": value} for name, value in pairs.items() if value],
        "DeviceCreateDate": device.created_at,
        "DeviceLastModifiedDate": device.modified_at,
        "DeviceLastAuthenticatedDate": device.used_at,
    }
