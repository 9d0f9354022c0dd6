"""An authenticator for tests: makes passkeys and signs with them, as a browser's `navigator.credentials` would."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import struct
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2 import cbor
from fido2.cose import ES256
from fido2.webauthn import AttestedCredentialData

_PRESENT, _VERIFIED, _ATTESTED = 0x01, 0x04, 0x40


def url_safe(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


class Authenticator:
    """One key for one relying party."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.identifier = os.urandom(16)
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.uses = 0

    def _client_data(self, kind: str, challenge: str) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin}).encode()

    def _data(self, domain: str, flags: int) -> bytes:
        self.uses += 1
        return hashlib.sha256(domain.encode()).digest() + struct.pack(">BI", flags, self.uses)

    def register(self, options: dict[str, Any]) -> dict[str, Any]:
        public = ES256.from_cryptography_key(self.key.public_key())
        credential = AttestedCredentialData.create(bytes(16), self.identifier, public)
        data = self._data(options["rp"]["id"], _PRESENT | _VERIFIED | _ATTESTED) + bytes(credential)
        return {
            "id": url_safe(self.identifier),
            "rawId": url_safe(self.identifier),
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON": url_safe(self._client_data("webauthn.create", options["challenge"])),
                "attestationObject": url_safe(cbor.encode({"fmt": "none", "attStmt": {}, "authData": data})),
                "transports": ["internal"],
            },
        }

    def sign(self, options: dict[str, Any]) -> dict[str, Any]:
        data = self._data(options["rpId"], _PRESENT | _VERIFIED)
        client_data = self._client_data("webauthn.get", options["challenge"])
        signature = self.key.sign(data + hashlib.sha256(client_data).digest(), ec.ECDSA(hashes.SHA256()))
        return {
            "id": url_safe(self.identifier),
            "rawId": url_safe(self.identifier),
            "type": "public-key",
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON": url_safe(client_data),
                "authenticatorData": url_safe(data),
                "signature": url_safe(signature),
            },
        }
