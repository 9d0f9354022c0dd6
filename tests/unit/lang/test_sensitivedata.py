"""What is found in texts, and what only looks like it."""

from __future__ import annotations

import pytest

from mrak.lang.sensitivedata import find, managed, mask

FOUND = [
    ("EmailAddress", "mail ann.b+c@example.co.uk now", "ann.b+c@example.co.uk"),
    ("IpAddress", "from 10.0.0.1.", "10.0.0.1"),
    ("IpAddress", "from fe80::1 on", "fe80::1"),
    ("CreditCardNumber", '{"cardNumber": "4539 5787 6362 1486"}', "4539 5787 6362 1486"),
    ("CreditCardSecurityCode", "cvv: 123", "123"),
    ("CreditCardExpiration", "expiry 02/29", "02/29"),
    ("DateOfBirth", "birth-date: 31 Jan 1990", "31 Jan 1990"),
    ("Ssn-US", '"ssn":"123-45-6789"', "123-45-6789"),
    ("PhoneNumber-US", '"phone_number": "+1 (425) 555-2671"', "+1 (425) 555-2671"),
    ("ZipCode-US", "zip code 98109-1234", "98109-1234"),
    ("BankAccountNumber-DE", "IBAN DE89 3704 0044 0532 0130 00", "DE89 3704 0044 0532 0130 00"),
    ("BankAccountNumber-US", "checking account 123456789", "123456789"),
    ("CpfCode-BR", "cpf 529.982.247-25", "529.982.247-25"),
    ("Cnpj-BR", "CNPJ: 11.222.333/0001-81", "11.222.333/0001-81"),
    ("CepCode-BR", "CEP 01310-100", "01310-100"),
    ("IndividualTaxIdentificationNumber-US", "ITIN 912-70-1234", "912-70-1234"),
    ("VehicleIdentificationNumber", "VIN 1HGCM82633A004352", "1HGCM82633A004352"),
    ("LatLong", "coordinates: 47.6062, -122.3321", "47.6062, -122.3321"),
    ("AwsSecretKey", "aws_secret_access_key = " + "aB3/" * 10, "aB3/" * 10),
    *(
        (
            name,
            f"-----BEGIN {label}-----\nMII-x\n-----END {label}-----",
            f"-----BEGIN {label}-----\nMII-x\n-----END {label}-----",
        )
        for name, label in (
            ("OpenSshPrivateKey", "OPENSSH PRIVATE KEY"),
            ("PgpPrivateKey", "PGP PRIVATE KEY BLOCK"),
            ("PkcsPrivateKey", "RSA PRIVATE KEY"),
        )
    ),
]


@pytest.mark.parametrize(("name", "text", "data"), FOUND)
def test_what_each_identifier_finds(name: str, text: str, data: str) -> None:
    """One true example of each kind, and nothing else of that kind in its text."""
    assert [text[start:end] for _, start, end in find(text, [managed()[name]])] == [data]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("IpAddress", "version 1.2.3.4.5 of 300.1.1.1"),
        ("CreditCardNumber", "card 4539578763621487"),
        ("CreditCardNumber", "card 4111111111111111"),
        ("CreditCardNumber", "4539578763621486"),
        ("CreditCardNumber", "discard 4539578763621486"),
        ("Ssn-US", "ssn 000-12-3456"),
        ("BankAccountNumber-DE", "iban DE88 3704 0044 0532 0130 00"),
        ("CpfCode-BR", "cpf 529.982.247-26"),
        ("CpfCode-BR", "cpf 111.111.111-11"),
        ("VehicleIdentificationNumber", "vin 1HGCM82643A004352"),
        ("ZipCode-US", "zip 1HGCM82633A004352"),
        ("EmailAddress", "a@b and @example.com"),
        ("AwsSecretKey", "aB3/" * 10),
    ],
)
def test_what_only_looks_like_it(name: str, text: str) -> None:
    """Wrong check digits, a test card, no keyword, a part of something longer."""
    assert find(text, [managed()[name]]) == []


def test_every_identifier_has_an_example() -> None:
    """So that none stands in the table that never finds anything."""
    countries = {f"BankAccountNumber-{country}" for country in ("ES", "FR", "GB", "IT")}
    assert {name for name, _, _ in FOUND} | countries == set(managed())


def test_findings_that_overlap_are_hidden_once() -> None:
    """The text keeps its length under a mask, and loses just the data by redaction."""
    text = "ssn 123-45-6789, ann@example.com"
    found = find(text, [managed()["Ssn-US"], managed()["EmailAddress"], managed()["EmailAddress"]])
    assert mask(text, found, "#") == "ssn ###########, ###############"
    assert mask(text, found, "") == "ssn , "
