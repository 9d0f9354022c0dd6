"""Access key ids that name their account, and session tokens that cannot be forged, moved or outlived."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrak.auth.credentials import (
    Session,
    account_of,
    issue_session,
    new_access_key_id,
    new_secret_access_key,
    open_session,
    session_secret,
)
from mrak.auth.flavours import JSON, QUERY, S3
from mrak.core.entropy import SeededEntropy
from mrak.core.errors import ApiError

SERVER = b"server secret"
SESSION = Session(
    "default",
    "123456789012",
    "role-session",
    "arn:aws:sts::123456789012:assumed-role/app/me",
    "AROAEXAMPLE:me",
    "app",
    2000.0,
    issuer_arn="arn:aws:iam::123456789012:role/app",
    tags=(("team", "blue"),),
    session_policies=('{"Version":"2012-10-17","Statement":[]}',),
)


@given(st.integers(0, 10**12 - 1), st.booleans(), st.integers())
def test_access_key_names_its_account(number: int, temporary: bool, seed: int) -> None:
    """For every account, and in AWS's own alphabet and length."""
    account = f"{number:012d}"
    key = new_access_key_id(account, temporary, SeededEntropy(seed))
    assert account_of(key) == account
    assert len(key) == 20
    assert key.isalnum()
    assert key.startswith("ASIA" if temporary else "AKIA")


@pytest.mark.parametrize("key", ["AKIAIOSFODNN7EXAMPLE", "test", "", "AKIA", "12345678901", "AKIAIOSFODNN7EXAMPL1"])
def test_other_keys_name_no_account(key: str) -> None:
    """Keys from before AWS's present format carry no account, and neither does rubbish."""
    assert account_of(key) is None


def test_known_aws_key() -> None:
    """The layout is AWS's: this id and its account are from a published description of it."""
    assert account_of("ASIAQNZGKIQY56JQ7WML") == "029608264753"


def test_twelve_digits_are_an_account() -> None:
    """The key that needs no set-up."""
    assert account_of("000000000000") == "000000000000"


def test_keys_differ() -> None:
    """Two keys of an account share nothing that would confuse them."""
    entropy = SeededEntropy(1)
    assert len({new_access_key_id("123456789012", False, entropy) for _ in range(100)}) == 100
    assert len(new_secret_access_key(entropy)) == 40


def test_session_round_trip() -> None:
    """What was issued is opened, with the same secret."""
    key, secret, token = issue_session(SERVER, SESSION, SeededEntropy(1))
    assert (account_of(key), key[:4], len(secret)) == ("123456789012", "ASIA", 40)
    assert session_secret(SERVER, key) == secret
    session = open_session(SERVER, key, token, 1999.9, QUERY)
    assert session == SESSION
    principal = session.principal(key)
    assert (principal.arn, principal.policy_arn, principal.access_key) == (SESSION.arn, SESSION.issuer_arn, key)


def test_expired_session() -> None:
    """Each front end words it its own way."""
    key, _, token = issue_session(SERVER, SESSION, SeededEntropy(1))
    for flavour, code in ((QUERY, "ExpiredToken"), (JSON, "ExpiredTokenException"), (S3, "ExpiredToken")):
        with pytest.raises(ApiError) as caught:
            open_session(SERVER, key, token, 2000.0, flavour)
        assert caught.value.code == code


def test_token_of_another_key() -> None:
    """A token does not open with another id, though both are ours; of a token DynamoDB speaks without a full stop."""
    entropy = SeededEntropy(1)
    _, _, token = issue_session(SERVER, SESSION, entropy)
    other, _, _ = issue_session(SERVER, SESSION, entropy)
    with pytest.raises(ApiError, match=r"The security token included in the request is invalid$"):
        open_session(SERVER, other, token, 0.0, JSON)
    assert JSON.error("unknown-key").message == "The security token included in the request is invalid."


@given(st.integers(0, 10**6), st.integers(1, 255))
def test_changed_token(at: int, change: int) -> None:
    """No byte of a token can be changed."""
    key, _, token = issue_session(SERVER, SESSION, SeededEntropy(1))
    raw = bytearray(base64.b64decode(token))
    raw[at % len(raw)] ^= change
    with pytest.raises(ApiError, match="InvalidToken"):
        open_session(SERVER, key, base64.b64encode(raw).decode(), 0.0, S3)


@pytest.mark.parametrize("token", ["", "x", "AAAA", "not base64!", "A" * 20000, "ä"])
def test_rubbish_token(token: str) -> None:
    """Whatever is sent, the answer is AWS's."""
    with pytest.raises(ApiError, match="InvalidClientTokenId"):
        open_session(SERVER, "ASIAQAAAAAAAAAAAAAAA", token, 0.0, QUERY)


def test_other_server() -> None:
    """Another installation's tokens are worth nothing here."""
    key, _, token = issue_session(b"other", SESSION, SeededEntropy(1))
    with pytest.raises(ApiError, match="InvalidClientTokenId"):
        open_session(SERVER, key, token, 0.0, QUERY)
