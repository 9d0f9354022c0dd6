"""The Secure Remote Password protocol as Cognito speaks it: SRP-6a over the 3072-bit group of RFC 5054, SHA-256.

The server keeps a salt and the verifier g^x mod N, from which the password cannot be read. A verifier also checks a
password that is sent in the clear (USER_PASSWORD_AUTH), so that nothing else is kept of it: another, slower hash beside
the verifier would protect nothing, since guesses would be tried on the verifier.

https://datatracker.ietf.org/doc/html/rfc5054 ; the session key is made with HKDF and the label "Caldera Derived Key",
as AWS's own clients do (amazon-cognito-identity-js).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Final

N: Final = int(
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD"
    "EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"
    "EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F"
    "83655D23DCA3AD961C62F356208552BB9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B"
    "E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF6955817183995497CEA956AE515D2261898FA0510"
    "15728E5A8AAAC42DAD33170D04507A33A85521ABDF1CBA64ECFB850458DBEF0A8AEA71575D060C7DB3970F85A6E1E4C7"
    "ABF5AE8CDB0933D71E8C94E04A25619DCEE3D2261AD2EE6BF12FFA06D98A0864D87602733EC86A64521F2B18177B200C"
    "BBE117577A615D6C770988C0BAD946E208E24FA074E5AB3143DB5BFCE0FD108E4B82D120A93AD2CAFFFFFFFFFFFFFFFF",
    16,
)
G: Final = 2
_LONGEST_HEX: Final = 2 * 384 + 2


def _padded(number: int) -> bytes:
    """The number's bytes with a leading zero where its first bit is set: AWS's clients hash signed integers."""
    return number.to_bytes((number.bit_length() + 8) // 8, "big")


def _number(*parts: bytes) -> int:
    return int.from_bytes(hashlib.sha256(b"".join(parts)).digest(), "big")


K: Final = _number(_padded(N), _padded(G))


def render_hex(number: int) -> str:
    return f"{number:x}"


def find_public(text: str) -> int | None:
    """A client's public number A; None where it is no number or one that would make the session key known."""
    if not text or len(text) > _LONGEST_HEX:
        return None
    try:
        number = int(text, 16)
    except ValueError:
        return None
    return number if number % N != 0 and number > 0 else None


def make_verifier(pool: str, username: str, password: str, salt: str) -> bytes:
    """The verifier of a password; `salt` is hexadecimal, `pool` the part of the pool's id behind the underscore."""
    identity = hashlib.sha256(f"{pool}{username}:{password}".encode()).digest()
    x = _number(_padded(int(salt, 16)), identity)
    return pow(G, x, N).to_bytes(384, "big")


def check_password(pool: str, username: str, password: str, salt: str, verifier: bytes) -> bool:
    return bool(verifier) and hmac.compare_digest(make_verifier(pool, username, password, salt), verifier)


def public_of(verifier: bytes, secret: int) -> int:
    """The server's public number B."""
    return (K * int.from_bytes(verifier, "big") + pow(G, secret, N)) % N


def session_key(verifier: bytes, secret: int, client_public: int, server_public: int) -> bytes:
    """What both sides know when the password is right; 16 bytes."""
    u = _number(_padded(client_public), _padded(server_public))
    shared = pow(client_public * pow(int.from_bytes(verifier, "big"), u, N), secret, N)
    extracted = hmac.digest(_padded(u), _padded(shared), "sha256")
    return hmac.digest(extracted, b"Caldera Derived Key\x01", "sha256")[:16]


def claim_signature(key: bytes, pool: str, username: str, secret_block: bytes, timestamp: str) -> str:
    """PASSWORD_CLAIM_SIGNATURE: the proof that the other side has the same key."""
    message = pool.encode() + username.encode() + secret_block + timestamp.encode()
    return base64.b64encode(hmac.digest(key, message, "sha256")).decode()
