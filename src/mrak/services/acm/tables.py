"""Certificate Manager's rows.

    CERTIFICATES   (id)      -> Certificate
      BY_TOKEN     (token)
    AUTHORITIES    ()        -> Authority     what signs the account's certificates in a region; made with the first

Invariant: a certificate that is issued or imported has a body and its private key.
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.store.tables import Table


class Certificate(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """`names` are the domain and its alternatives, the domain first. `validation` is DNS or EMAIL, "" for an imported
    one. Body, chain and private key are PEM."""

    id: str
    names: list[str]
    created_at: float
    status: str
    validation: str = ""
    key_algorithm: str = "RSA_2048"
    token: str = ""
    options: dict[str, Any] = {}
    tags: dict[str, str] = {}
    records: list[tuple[str, str]] = []
    """For DNS: the name and the value of each name's CNAME."""
    body: str = ""
    chain: str = ""
    private_key: str = ""
    issued_at: float = 0.0
    imported_at: float = 0.0
    facts: dict[str, Any] = {}
    """What the certificate itself says: Serial, Subject, Issuer, NotBefore, NotAfter, SignatureAlgorithm."""


class Authority(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    body: str
    private_key: str
    key: str = ""


class Account(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    expiry_days: int = 45
    key: str = ""


CERTIFICATES = Table("acm.certificate", Certificate, key=("id",))
BY_TOKEN = CERTIFICATES.index("token", ("token",))
AUTHORITIES = Table("acm.authority", Authority, key=("key",))
ACCOUNTS = Table("acm.account", Account, key=("key",))
