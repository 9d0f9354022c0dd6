"""SRP's arithmetic against a client that was written from RFC 5054 alone, and numbers that must be refused."""

from __future__ import annotations

import hashlib

import pytest

from mrak.services.cognito_idp import srp


def padded(number: int) -> bytes:
    text = f"{number:x}"
    text = "0" + text if len(text) % 2 else text
    return bytes.fromhex("00" + text if text[0] in "89abcdef" else text)


def hashed(*parts: bytes) -> int:
    return int(hashlib.sha256(b"".join(parts)).hexdigest(), 16)


@pytest.mark.parametrize("secret", [3, 2**255 + 1, 2**256 - 1])
def test_both_sides_come_to_the_same_key(secret: int) -> None:
    """The client's formula, (B - k g^x)^(a + u x), is another than the server's; the key is the same."""
    salt, a = "00ff" + "12" * 14, 2**200 + 7
    verifier = srp.make_verifier("Ab1", "ana", "p", salt)
    public_a, public_b = pow(srp.G, a, srp.N), srp.public_of(verifier, secret)
    x = hashed(padded(int(salt, 16)), hashlib.sha256(b"Ab1ana:p").digest())
    u = hashed(padded(public_a), padded(public_b))
    shared = pow(public_b - srp.K * pow(srp.G, x, srp.N), a + u * x, srp.N)
    import hmac

    extracted = hmac.digest(padded(u), padded(shared), "sha256")
    expected = hmac.digest(extracted, b"Caldera Derived Key\x01", "sha256")[:16]
    assert srp.session_key(verifier, secret, public_a, public_b) == expected
    assert srp.session_key(srp.make_verifier("Ab1", "ana", "q", salt), secret, public_a, public_b) != expected


@pytest.mark.parametrize("text", ["", "0", "zz", f"{srp.N:x}", f"{2 * srp.N:x}", "-5", "f" * 2000])
def test_numbers_that_give_the_key_away_are_refused(text: str) -> None:
    """A multiple of N makes the session key one that everybody knows (RFC 5054, 2.5.4)."""
    assert srp.find_public(text) is None


def test_a_password_is_checked_by_its_verifier() -> None:
    verifier = srp.make_verifier("Ab1", "ana", "p", "ab" * 16)
    assert srp.check_password("Ab1", "ana", "p", "ab" * 16, verifier)
    assert not srp.check_password("Ab1", "ana", "q", "ab" * 16, verifier)
    assert not srp.check_password("Ab1", "ana", "", "", b""), "who has no password has none that is right"
