"""Access keys and temporary credentials.

An access key id names its account, as AWS's do: 20 characters, of which the last sixteen are ten bytes in base32; a
set bit, forty bits of account number, and randomness. So a request is routed to an account without a look-up.

Temporary credentials are stateless: the session travels inside the token, authenticated together with the access key
id by a key that only the server has, and the secret key is derived from the id. Nothing is stored, nothing has to be
swept, and every process of a fleet can verify them.

Invariants: a token opens only with the access key id that it was issued with; opening says nothing about a token
that is not ours but that it is invalid.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from functools import lru_cache
from typing import Final, Protocol

import msgspec

from mrak.auth.flavours import Flavour
from mrak.auth.principals import Kind, Principal

LONG_TERM: Final = "AKIA"
TEMPORARY: Final = "ASIA"
_ACCESS_KEY: Final = re.compile(r"(?:AKIA|ASIA)[A-Z2-7]{16}").fullmatch
_ACCOUNT: Final = re.compile(r"[0-9]{12}").fullmatch
_ACCOUNT_MASK: Final = (1 << 40) - 1
_MARK: Final = 1 << 47
_TOKEN_VERSION: Final = b"\x21"
_TAG_BYTES: Final = 32
_SECRET_BYTES: Final = 30  # forty characters of base64
_LONGEST_TOKEN: Final = 16 * 1024


class Bytes(Protocol):
    """A source of randomness: `core.entropy.Entropy` or a request's `Draws`."""

    def bytes(self, size: int) -> bytes: ...


class Session(msgspec.Struct, frozen=True, array_like=True):
    """What temporary credentials stand for. Fields are only ever appended: tokens outlive an upgrade."""

    environment: str
    account: str
    kind: Kind
    arn: str
    user_id: str
    name: str
    expiration: float
    issuer_arn: str = ""
    source_identity: str = ""
    tags: tuple[tuple[str, str], ...] = ()
    transitive_tag_keys: tuple[str, ...] = ()
    session_policies: tuple[str, ...] = ()
    issued_at: float = 0.0
    is_mfa: bool = False
    claims: tuple[tuple[str, tuple[str, ...]], ...] = ()
    is_of_service: bool = False

    def principal(self, access_key: str) -> Principal:
        return Principal(
            self.kind,
            self.account,
            self.arn,
            self.user_id,
            self.name,
            access_key,
            self.issuer_arn,
            self.source_identity,
            self.tags,
            self.session_policies,
            self.expiration,
            transitive_tag_keys=self.transitive_tag_keys,
            claims=self.claims,
            is_of_service=self.is_of_service,
        )


def new_access_key_id(account: str, temporary: bool, entropy: Bytes) -> str:
    """A fresh access key id of `account`."""
    random = int.from_bytes(entropy.bytes(5), "big") & ((1 << 39) - 1)
    number = ((_MARK | int(account) << 7) << 32) | random
    return (TEMPORARY if temporary else LONG_TERM) + base64.b32encode(number.to_bytes(10, "big")).decode()


def new_secret_access_key(entropy: Bytes) -> str:
    """Forty characters, as AWS's."""
    return base64.b64encode(entropy.bytes(_SECRET_BYTES)).decode()


@lru_cache(maxsize=4096)
def account_of(access_key_id: str) -> str | None:
    """The account of an access key id; twelve digits are the account itself. None when it names none."""
    if _ACCOUNT(access_key_id):
        return access_key_id
    if not _ACCESS_KEY(access_key_id):
        return None
    head = int.from_bytes(base64.b32decode(access_key_id[4:])[:6], "big")
    account = head >> 7 & _ACCOUNT_MASK
    return f"{account:012d}" if head & _MARK and account < 10**12 else None


def issue_session(server_secret: bytes, session: Session, entropy: Bytes) -> tuple[str, str, str]:
    """(access key id, secret access key, session token) for a session."""
    access_key_id = new_access_key_id(session.account, True, entropy)
    payload = _TOKEN_VERSION + msgspec.msgpack.encode(session)
    token = base64.b64encode(payload + _token_tag(server_secret, access_key_id, payload)).decode()
    return access_key_id, session_secret(server_secret, access_key_id), token


def open_session(server_secret: bytes, access_key_id: str, session_token: str, now: float, flavour: Flavour) -> Session:
    """The session behind temporary credentials, or the service's error about them."""
    session = _find_session(server_secret, access_key_id, session_token)
    if session is None:
        raise flavour.error("bad-token")
    if now >= session.expiration:
        raise flavour.error("expired-token")
    return session


@lru_cache(maxsize=4096)
def session_secret(server_secret: bytes, access_key_id: str) -> str:
    """The secret access key that belongs to a temporary access key id."""
    digest = hmac.digest(server_secret, b"mrak.session.secret\x00" + access_key_id.encode(), "sha256")
    return base64.b64encode(digest[:_SECRET_BYTES]).decode()


@lru_cache(maxsize=2048)
def _find_session(server_secret: bytes, access_key_id: str, session_token: str) -> Session | None:
    if len(session_token) > _LONGEST_TOKEN:
        return None
    try:
        raw = base64.b64decode(session_token, validate=True)
    except (binascii.Error, ValueError):
        return None
    payload, tag = raw[:-_TAG_BYTES], raw[-_TAG_BYTES:]
    if not hmac.compare_digest(_token_tag(server_secret, access_key_id, payload), tag):
        return None
    # Authentic, so whatever it is, we wrote it; another version is one that this program no longer reads.
    return msgspec.msgpack.decode(payload[1:], type=Session) if payload[:1] == _TOKEN_VERSION else None


def _token_tag(server_secret: bytes, access_key_id: str, payload: bytes) -> bytes:
    return hmac.digest(server_secret, b"mrak.session.token\x00" + access_key_id.encode() + b"\x00" + payload, "sha256")
