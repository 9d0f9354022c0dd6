"""Passkeys (WebAuthn): public keys that a user's authenticator has made, and the proofs that it signs with them.

A credential is bound to the pool's relying party, which is a domain: only pages of that domain and those below it can
ask for it. The library checks challenge, origin, flags and signature.
https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-authentication-flow-methods.html
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any, Final

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.scope import Scope
from mrak.services.cognito_idp import errors, parts
from mrak.services.cognito_idp.pools import Target
from mrak.services.cognito_idp.tables import CODES, PARTS, PASSKEYS, Code, Passkey, User

if TYPE_CHECKING:
    from fido2.server import Fido2Server

PURPOSE: Final = "passkey"
MOST: Final = 20
_VALID_SECONDS: Final = 300.0
_ALGORITHMS: Final = (-7, -257)
"""ES256 and RS256, as COSE numbers them."""


def of_user(tx: Transaction, scope: Scope, user: User) -> list[Passkey]:
    return list(PASSKEYS.scan(tx, scope, user.pool, user.username))


def relying_party(tx: Transaction, target: Target) -> tuple[str, str]:
    """(domain, user verification) of the pool: as configured, or the domain of its hosted pages."""
    config = target.pool.settings.get("WebAuthn", {})
    domain = config.get("RelyingPartyId")
    if domain is None:
        found = list(PARTS.scan(tx, target.scope, target.pool.id, parts.DOMAIN, limit=2))
        custom = [part.name for part in found if "CustomDomainConfig" in part.settings]
        prefixes = [f"{part.name}.auth.localhost" for part in found]
        domain = next(iter((*custom, *prefixes)), None)
    if domain is None:
        raise errors.passkeys_not_configured()
    return str(domain), config.get("UserVerification", "preferred")


def _server(domain: str) -> Fido2Server:
    from fido2.server import Fido2Server
    from fido2.webauthn import AttestationConveyancePreference, PublicKeyCredentialRpEntity

    rp = PublicKeyCredentialRpEntity(id=domain, name=domain)
    return Fido2Server(rp, attestation=AttestationConveyancePreference.NONE, verify_origin=lambda origin: True)


def begin(ctx: Context, tx: Transaction, target: Target, user: User) -> dict[str, Any]:
    """CredentialCreationOptions, whose challenge is waited for."""
    domain, verification = relying_party(tx, target)
    challenge = _url_safe(ctx.draw.bytes(32))
    known = of_user(tx, target.scope, user)
    if len(known) >= MOST:
        raise errors.limit_exceeded("User has reached the maximum number of WebAuthn credentials.")
    before = CODES.open(tx, target.scope, user.pool, user.username, PURPOSE)
    if before is not None:
        CODES.delete(tx, target.scope, before)
    code = Code(pool=user.pool, username=user.username, purpose=PURPOSE, code=challenge, attribute="",
                expires_at=ctx.now + _VALID_SECONDS)  # fmt: skip
    CODES.insert(tx, target.scope, code)
    shown = user.attributes.get("email") or user.username
    return {
        "rp": {"id": domain, "name": domain},
        "user": {"id": _url_safe(user.sub.encode()), "name": shown, "displayName": user.attributes.get("name", shown)},
        "challenge": challenge,
        "pubKeyCredParams": [{"type": "public-key", "alg": number} for number in _ALGORITHMS],
        "timeout": 60_000,
        "excludeCredentials": [_describe(passkey) for passkey in known],
        "authenticatorSelection": {
            "requireResidentKey": True,
            "residentKey": "required",
            "userVerification": verification,
        },
    }


def complete(ctx: Context, tx: Transaction, target: Target, user: User, credential: Any) -> None:
    """Keeps the credential where it answers the challenge that was given out."""
    waiting = CODES.open(tx, target.scope, user.pool, user.username, PURPOSE)
    if waiting is None or ctx.now >= waiting.expires_at:
        raise errors.passkey_challenge_not_found()
    CODES.delete(tx, target.scope, waiting)
    domain, verification = relying_party(tx, target)
    _check_origin(credential, domain)
    state = {"challenge": waiting.code, "user_verification": verification}
    try:
        proved = _server(domain).register_complete(state, credential)
        assert proved.credential_data is not None, "the library lets none pass without a credential"
        algorithm = proved.credential_data.public_key.get(3)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise errors.passkey_mismatch(str(error)) from None
    if algorithm not in _ALGORITHMS:
        raise errors.passkey_not_supported()
    identifier = _url_safe(proved.credential_data.credential_id)
    if PASSKEYS.open(tx, target.scope, user.pool, user.username, identifier) is not None:
        raise errors.invalid("The credential is registered already.")
    made = Passkey(
        pool=user.pool,
        username=user.username,
        id=identifier,
        data=bytes(proved.credential_data),
        relying_party=domain,
        created_at=ctx.now,
        uses=proved.counter,
        attachment=str(credential.get("authenticatorAttachment") or ""),
        transports=[str(name) for name in credential["response"].get("transports") or []][:10],
    )
    PASSKEYS.insert(tx, target.scope, made)


def ask(ctx: Context, tx: Transaction, target: Target, user: User) -> tuple[str, dict[str, Any]]:
    """(CREDENTIAL_REQUEST_OPTIONS as JSON, the state that waits for the answer)."""
    domain, verification = relying_party(tx, target)
    challenge = _url_safe(ctx.draw.bytes(32))
    options = {
        "challenge": challenge,
        "timeout": 180_000,
        "rpId": domain,
        "allowCredentials": [_describe(passkey) for passkey in of_user(tx, target.scope, user)],
        "userVerification": verification,
    }
    state = {"challenge": challenge, "user_verification": verification, "domain": domain}
    return msgspec.json.encode(options).decode(), state


def is_answer(tx: Transaction, target: Target, user: User, state: dict[str, Any], text: str) -> bool:
    """Whether a credential of the user's has signed the challenge. What it was used for is counted."""
    from fido2.webauthn import AttestedCredentialData

    known = of_user(tx, target.scope, user)
    try:
        credential = json.loads(text)
        _check_origin(credential, state["domain"])
        kept = [AttestedCredentialData(passkey.data) for passkey in known]
        found = _server(state["domain"]).authenticate_complete(state, kept, credential)
        uses = _uses_in(credential)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError):
        return False
    passkey = PASSKEYS.open(tx, target.scope, user.pool, user.username, _url_safe(found.credential_id))
    if passkey is None or (uses and uses <= passkey.uses):
        # A counter that does not grow is a copy of the key.
        return False
    PASSKEYS.replace(tx, target.scope, passkey, msgspec.structs.replace(passkey, uses=uses))
    return True


def _uses_in(credential: dict[str, Any]) -> int:
    raw = base64.urlsafe_b64decode(credential["response"]["authenticatorData"] + "==")
    return int.from_bytes(raw[33:37], "big")


def _check_origin(credential: Any, domain: str) -> None:
    """The page must be one of the relying party's: by https, or on this machine."""
    from urllib.parse import urlsplit

    try:
        raw = base64.urlsafe_b64decode(credential["response"]["clientDataJSON"] + "==")
        origin = urlsplit(str(json.loads(raw)["origin"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        raise errors.passkey_mismatch("clientDataJSON cannot be read") from None
    host = origin.hostname or ""
    is_local = host == "localhost" or host.endswith(".localhost")
    if not (host == domain or host.endswith(f".{domain}")) or not (origin.scheme == "https" or is_local):
        raise errors.passkey_origin(f"{origin.scheme}://{origin.netloc}")


def _describe(passkey: Passkey) -> dict[str, Any]:
    shown: dict[str, Any] = {"type": "public-key", "id": passkey.id}
    return shown | ({"transports": passkey.transports} if passkey.transports else {})


def _url_safe(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
