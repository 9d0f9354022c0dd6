"""Sensitive data in a text: AWS's managed data identifiers that patterns can recognise, and identifiers of one's own.

    find(text, [managed()["EmailAddress"]]) -> [Finding("EmailAddress", 8, 23)]

Some kinds count only with one of their keywords shortly before. Keywords are found in any case, their words apart,
together, or joined by _ or -; words joined by capitals are words too, since that is how JSON's names are written. Names
and addresses, which AWS recognises by learned models, are not here.

https://docs.aws.amazon.com/sns/latest/dg/sns-message-data-protection-managed-data-identifiers.html
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Final, NamedTuple

ARN_PREFIX = "arn:aws:dataprotection::aws:data-identifier/"
NEAR_CHARACTERS: Final = 30
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class Finding(NamedTuple):
    """What was found, and where: text[start:end]."""

    name: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Identifier:
    """A kind of data. `pattern` has the methods of Python's patterns; `check` looks at what it matched."""

    name: str
    pattern: Any
    keywords: tuple[str, ...] = ()
    check: Callable[[str], bool] | None = None

    def find_in(self, text: str) -> Iterable[Finding]:
        for match in self.pattern.finditer(text):
            if match.end() == match.start() or (self.check is not None and not self.check(match[0])):
                continue
            if not self.keywords or _has_keyword_before(text, match.start(), self.keywords):
                yield Finding(self.name, match.start(), match.end())


def find(text: str, identifiers: Iterable[Identifier]) -> list[Finding]:
    """All findings, in the order of the text."""
    found = [finding for identifier in identifiers for finding in identifier.find_in(text)]
    return sorted(found, key=lambda finding: (finding.start, finding.end))


def mask(text: str, findings: Iterable[Finding], character: str) -> str:
    """The text with each character of a finding replaced; "" takes them away."""
    parts: list[str] = []
    at = 0
    for _, start, end in findings:
        if end <= at:
            continue
        start = max(start, at)
        parts += (text[at:start], character * (end - start))
        at = end
    return "".join((*parts, text[at:]))


def _has_keyword_before(text: str, start: int, keywords: tuple[str, ...]) -> bool:
    near = _CAMEL.sub(" ", text[max(0, start - NEAR_CHARACTERS) : start]).lower()
    return _keyword_pattern(keywords).search(near) is not None


@lru_cache(maxsize=256)
def _keyword_pattern(keywords: tuple[str, ...]) -> re.Pattern[str]:
    words = ("[ _-]?".join(map(re.escape, re.split("[ _]", keyword))) for keyword in keywords)
    return re.compile(f"(?<![a-z0-9])(?:{'|'.join(words)})(?![a-z0-9])")


# Checks -----------------------------------------------------------------------------------------------------------


def _digits(text: str) -> list[int]:
    return [int(char) for char in text if char.isdigit()]


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


# What issuers have set aside for tests, which AWS does not report.
_TEST_CARDS: Final = frozenset(
    {
        *("30569309025904", "34343434343434", "3528000700000000", "3530111333300000", "3566002020360505"),
        *("36148900647913", "36700102000000", "371449635398431", "378282246310005", "378734493671000"),
        *("38520000023237", "4012888888881881", "4111111111111111", "4222222222222", "4444333322221111"),
        *("4462030000000000", "4484070000000000", "5105105105105100", "5454545454545454", "5555555555554444"),
        *("6011000990139424", "6011000400000000", "6011111111111117"),
    }
)


def _is_card(text: str) -> bool:
    """The Luhn sum."""
    digits = _digits(text)
    doubled = [digit * 2 - 9 * (digit > 4) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0 and "".join(map(str, digits)) not in _TEST_CARDS


def _is_iban(text: str) -> bool:
    plain = text.replace(" ", "")
    moved = plain[4:] + plain[:4]
    return int("".join(str(int(char, 36)) for char in moved)) % 97 == 1


def _has_check_digits(weights: tuple[tuple[int, ...], ...]) -> Callable[[str], bool]:
    """Brazil's way: each check digit is the weighted sum of those before it, modulo 11."""

    def check(text: str) -> bool:
        digits = _digits(text)
        if len(set(digits)) == 1:
            return False
        for weight in weights:
            total = sum(digit * factor for digit, factor in zip(digits, weight, strict=False)) % 11
            if digits[len(weight)] != (0 if total < 2 else 11 - total):
                return False
        return True

    return check


_VIN_VALUES: Final = {
    char: int(value) for char, value in zip("ABCDEFGHJKLMNPRSTUVWXYZ", "12345678123457923456789", strict=True)
}
_VIN_WEIGHTS: Final = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)


def _is_vin(text: str) -> bool:
    values = [int(char) if char.isdigit() else _VIN_VALUES[char] for char in text.upper()]
    remainder = sum(value * weight for value, weight in zip(values, _VIN_WEIGHTS, strict=True)) % 11
    return text[8].upper() == ("X" if remainder == 10 else str(remainder))


# The identifiers --------------------------------------------------------------------------------------------------

_MONTHS = "(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}"
_DATE = (
    r"(?<![0-9])(?:[0-9]{4}[ /-][0-9]{1,2}[ /-][0-9]{1,2}|[0-9]{1,2}[ /-][0-9]{1,2}[ /-](?:[0-9]{4}|[0-9]{2})"
    rf"|[0-9]{{1,2}}[ /-]{_MONTHS}[ /-][0-9]{{2,4}}|{_MONTHS}[ /-][0-9]{{1,2}},?[ /-][0-9]{{2,4}})(?![0-9])"
)
_IPV6 = r"(?<![0-9A-Fa-f:.])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?![0-9A-Fa-f:])"
_IPV4 = r"(?<![0-9.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![0-9]|\.[0-9])"
_BANK = (
    "account code",
    "account number",
    "accountno#",
    "accountnumber#",
    "bban",
    "bank account",
    "iban",
    "kontonummer",
)
_IBANS = {"DE": 18, "ES": 20, "FR": 23, "GB": 18, "IT": 23}


def _pem(label: str) -> str:
    return rf"-----BEGIN {label}-----(?:[^-]|-(?!----))*-----END {label}-----"


def _iban(country: str, length: int) -> Identifier:
    pattern = re.compile(rf"(?<![A-Za-z0-9]){country}[0-9]{{2}}(?: ?[A-Z0-9]){{{length}}}(?![A-Za-z0-9])")
    return Identifier(f"BankAccountNumber-{country}", pattern, _BANK, _is_iban)


def _number(name: str, pattern: str, *keywords: str, check: Callable[[str], bool] | None = None) -> Identifier:
    """A kind that stands apart from letters and other digits."""
    apart = rf"(?<![A-Za-z0-9])(?:{pattern})(?![A-Za-z0-9])"
    return Identifier(name, re.compile(apart), keywords, check)


@cache
def managed() -> dict[str, Identifier]:
    """AWS's identifiers by name; compiled at first use, since few topics have policies."""
    return {identifier.name: identifier for identifier in (*_credentials(), *_finance(), *_people())}


def _credentials() -> list[Identifier]:
    """Secrets and what names devices."""
    return [
        Identifier(
            "AwsSecretKey",
            re.compile(r"(?<![A-Za-z0-9/+=])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])"),
            ("aws_secret_access_key", "credentials", "secret access key", "secret key", "set-awscredential"),
        ),
        Identifier("OpenSshPrivateKey", re.compile(_pem("OPENSSH PRIVATE KEY"))),
        Identifier("PgpPrivateKey", re.compile(_pem("PGP PRIVATE KEY BLOCK"))),
        Identifier(
            "PkcsPrivateKey",
            re.compile("|".join(_pem(f"{kind}PRIVATE KEY") for kind in ("RSA ", "EC ", "DSA ", "ENCRYPTED ", ""))),
        ),
        Identifier("IpAddress", re.compile(f"{_IPV4}|{_IPV6}"), check=_is_address),
    ]


def _finance() -> list[Identifier]:
    """Accounts and cards."""
    return [
        *(_iban(country, length) for country, length in _IBANS.items()),
        _number(
            "BankAccountNumber-US",
            "[0-9]{8,17}",
            *("bank account", "bank acct", "checking account", "checking acct", "deposit account", "deposit acct"),
            *("savings account", "savings acct"),
        ),
        _number(
            "CreditCardExpiration",
            r"(?:0?[1-9]|1[0-2])[/-](?:20)?[0-9]{2}",
            "exp",
            "exp d",
            "exp m",
            "exp y",
            "expiration",
            "expiry",
        ),
        _number(
            "CreditCardNumber",
            "(?:3[04-9]|[4-6][0-9]|2[2-7])[0-9]{2}(?:[ -]?[0-9]){9,15}",
            *(
                "account number",
                "american express",
                "amex",
                "bank card",
                "card",
                "card num",
                "card number",
                "cc",
                "ccn",
            ),
            *(
                "check card",
                "credit",
                "credit card",
                "dankort",
                "debit",
                "debit card",
                "diners club",
                "discover",
                "electron",
            ),
            *(
                "elo verification code",
                "japanese card bureau",
                "jcb",
                "mastercard",
                "mc",
                "pan",
                "payment account number",
            ),
            *("payment card number", "pcn", "union pay", "visa"),
            check=_is_card,
        ),
        _number(
            "CreditCardSecurityCode",
            "[0-9]{3,4}",
            *("card id", "card identification code", "card identification number", "card security code"),
            *("card validation code", "card validation number", "card verification data", "card verification value"),
            *("cvc", "cvc2", "cvv", "cvv2", "elo verification code"),
        ),
    ]


def _people() -> list[Identifier]:
    """What tells who somebody is, and where."""
    return [
        Identifier(
            "DateOfBirth",
            re.compile(_DATE, re.IGNORECASE),
            ("dob", "date of birth", "birthdate", "birth date", "birthday", "b-day", "bday"),
        ),
        Identifier(
            "EmailAddress",
            re.compile(
                r"(?<![\w.+-])[\w+-](?:[\w.+-]{0,62}[\w+-])?@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}(?![\w-])",
                re.ASCII,
            ),
        ),
        Identifier(
            "LatLong",
            re.compile(r"(?<![0-9.])[+-]?[0-9]{1,2}\.[0-9]{1,12}[, ] ?[+-]?[0-9]{1,3}\.[0-9]{1,12}(?![0-9.])"),
            ("coordinate", "coordinates", "lat long", "latitude longitude", "location", "position"),
        ),
        _number(
            "CepCode-BR",
            "[0-9]{5}-?[0-9]{3}",
            "cep",
            "código de endereçamento postal",
            "codigo de endereçamento postal",
        ),
        _number(
            "Cnpj-BR",
            r"[0-9]{2}\.?[0-9]{3}\.?[0-9]{3}/?[0-9]{4}-?[0-9]{2}",
            *("cadastro nacional da pessoa jurídica", "cadastro nacional da pessoa juridica", "cnpj"),
            check=_has_check_digits(((5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2), (6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2))),
        ),
        _number(
            "CpfCode-BR",
            r"[0-9]{3}\.?[0-9]{3}\.?[0-9]{3}-?[0-9]{2}",
            *("cadastro de pessoas fisicas", "cadastro de pessoas físicas", "cadastro de pessoa física"),
            *("cadastro de pessoa fisica", "cpf"),
            check=_has_check_digits(((10, 9, 8, 7, 6, 5, 4, 3, 2), (11, 10, 9, 8, 7, 6, 5, 4, 3, 2))),
        ),
        _number(
            "IndividualTaxIdentificationNumber-US",
            "9[0-9]{2}[ -]?[5-9][0-9][ -]?[0-9]{4}",
            *("i.t.i.n.", "individual taxpayer", "itin", "tax id", "taxpayer identification number"),
        ),
        _number(
            "PhoneNumber-US",
            r"(?:\+?1[ .-]?)?\(?[2-9][0-9]{2}\)?[ .-]?[2-9][0-9]{2}[ .-]?[0-9]{4}",
            *("cell", "contact", "fax", "fax number", "mobile", "mobile number", "phone", "phone number", "tel"),
            *("telephone", "telephone number"),
        ),
        _number(
            "Ssn-US", "(?!000|666|9)[0-9]{3}[ -]?(?!00)[0-9]{2}[ -]?(?!0000)[0-9]{4}", "social security", "ss#", "ssn"
        ),
        Identifier(
            "VehicleIdentificationNumber",
            re.compile(r"(?<![A-Za-z0-9])[A-HJ-NPR-Z0-9]{17}(?![A-Za-z0-9])", re.IGNORECASE),
            ("vehicle identification number", "vin", "vin number"),
            _is_vin,
        ),
        _number("ZipCode-US", "[0-9]{5}(?:-[0-9]{4})?", "zip", "zip code", "zip+4"),
    ]
