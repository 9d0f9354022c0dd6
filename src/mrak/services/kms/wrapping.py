"""How key material is wrapped for its way into KMS: RSA-OAEP, or an AES key wrapped by RSA-OAEP that wraps the material
with padding (RFC 5649). `cryptography` is loaded at first use.

https://docs.aws.amazon.com/kms/latest/developerguide/importing-keys-get-public-key-and-token.html
"""

from __future__ import annotations

from typing import Any

from mrak.services.kms import errors

ALGORITHMS = ("RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256", "RSA_AES_KEY_WRAP_SHA_1", "RSA_AES_KEY_WRAP_SHA_256")


def unwrap(private: bytes, algorithm: str, wrapped: bytes) -> bytes:
    """The material. Raises InvalidCiphertextException for what the wrapping key cannot open."""
    from cryptography.hazmat.primitives.asymmetric import padding
    from cryptography.hazmat.primitives.hashes import SHA1, SHA256
    from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap_with_padding
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    wrapper: Any = load_der_private_key(private, None)
    digest = SHA1() if algorithm.endswith("SHA_1") else SHA256()
    scheme = padding.OAEP(padding.MGF1(digest), digest, None)
    size = wrapper.key_size // 8
    by_rsa, rest = wrapped[:size], wrapped[size:]
    try:
        opened = bytes(wrapper.decrypt(by_rsa, scheme))
        if not algorithm.startswith("RSA_AES"):
            if rest:
                raise errors.invalid_ciphertext()
            return opened
        return aes_key_unwrap_with_padding(opened, rest)
    except (ValueError, InvalidUnwrap):
        raise errors.invalid_ciphertext() from None
