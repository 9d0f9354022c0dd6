"""Certificates: found by ARN, and shown as DescribeCertificate and ListCertificates do."""

from __future__ import annotations

from typing import Any

from mrak.core.arn import arn, find_arn
from mrak.core.context import Transaction
from mrak.core.scope import Scope
from mrak.services.acm import errors
from mrak.services.acm.tables import CERTIFICATES, Certificate

PENDING, ISSUED, TIMED_OUT = "PENDING_VALIDATION", "ISSUED", "VALIDATION_TIMED_OUT"
_MAILBOXES = ("administrator", "hostmaster", "postmaster", "webmaster", "admin")
_MOST_TAGS = 50


def certificate_arn(scope: Scope, certificate_id: str) -> str:
    return arn(scope, "acm", f"certificate/{certificate_id}")


def require(tx: Transaction, scope: Scope, name: str, *, opened: bool = False) -> Certificate:
    parsed = find_arn(name)
    if parsed is None or parsed.service != "acm" or not parsed.resource.startswith("certificate/"):
        raise errors.invalid_arn(name)
    certificate_id = parsed.resource.removeprefix("certificate/")
    is_own = (parsed.account, parsed.region) == (scope.account, scope.region)
    found = None
    if is_own:
        look_up = CERTIFICATES.open if opened else CERTIFICATES.get
        found = look_up(tx, scope, certificate_id)
    if found is None:
        raise errors.not_found(name, scope.account)
    return found


def status_at(certificate: Certificate, now: float) -> str:
    """An issued certificate expires without anybody doing it."""
    if certificate.status == ISSUED and certificate.facts.get("NotAfter", now) < now:
        return "EXPIRED"
    return certificate.status


def parse_tags(present: dict[str, str], tags: list[dict[str, str]]) -> dict[str, str]:
    for tag in tags:
        if tag["Key"].lower().startswith("aws:"):
            raise errors.invalid_tag("Tag keys can't begin with aws:")
    joined = present | {tag["Key"]: tag.get("Value", "") for tag in tags}
    if len(joined) > _MOST_TAGS:
        raise errors.too_many_tags()
    return joined


def render_tags(certificate: Certificate) -> list[dict[str, str]]:
    return [{"Key": name, "Value": value} for name, value in certificate.tags.items()]


def render(scope: Scope, certificate: Certificate, now: float) -> dict[str, Any]:
    """CertificateDetail."""
    shown: dict[str, Any] = {
        "CertificateArn": certificate_arn(scope, certificate.id),
        "DomainName": certificate.names[0],
        "SubjectAlternativeNames": certificate.names,
        "Subject": f"CN={certificate.names[0]}",
        "Issuer": "Amazon",
        "CreatedAt": certificate.created_at,
        "Status": status_at(certificate, now),
        "KeyAlgorithm": certificate.key_algorithm.replace("RSA_", "RSA-"),
        "InUseBy": [],
        "Type": "IMPORTED" if certificate.imported_at else "AMAZON_ISSUED",
        "RenewalEligibility": "INELIGIBLE",
        "Options": _options(certificate),
    }
    if certificate.validation:
        shown["DomainValidationOptions"] = _validations(certificate)
    if certificate.body:
        shown |= certificate.facts | _USAGES
        if not certificate.imported_at:
            shown["Issuer"] = "Amazon"
    for member, moment in (("IssuedAt", certificate.issued_at), ("ImportedAt", certificate.imported_at)):
        if moment:
            shown[member] = moment
    if certificate.status == TIMED_OUT:
        shown["FailureReason"] = "NO_AVAILABLE_CONTACTS"
    return shown


_USAGES: dict[str, Any] = {
    "KeyUsages": [{"Name": "DIGITAL_SIGNATURE"}, {"Name": "KEY_ENCIPHERMENT"}],
    "ExtendedKeyUsages": [
        {"Name": "TLS_WEB_SERVER_AUTHENTICATION", "OID": "1.3.6.1.5.5.7.3.1"},
        {"Name": "TLS_WEB_CLIENT_AUTHENTICATION", "OID": "1.3.6.1.5.5.7.3.2"},
    ],
}


def _options(certificate: Certificate) -> dict[str, Any]:
    defaults = {"CertificateTransparencyLoggingPreference": "ENABLED", "Export": "DISABLED"}
    return defaults | certificate.options


def is_exportable(certificate: Certificate) -> bool:
    return bool(_options(certificate)["Export"] == "ENABLED")


def _validations(certificate: Certificate) -> list[dict[str, Any]]:
    states = {PENDING: "PENDING_VALIDATION", TIMED_OUT: "FAILED"}
    status = states.get(certificate.status, "SUCCESS")
    shown = []
    for at, name in enumerate(certificate.names):
        row: dict[str, Any] = {"DomainName": name, "ValidationDomain": name, "ValidationStatus": status}
        row["ValidationMethod"] = certificate.validation
        if certificate.validation == "DNS":
            record, value = certificate.records[at]
            row["ResourceRecord"] = {"Name": record, "Type": "CNAME", "Value": value}
        else:
            row["ValidationDomain"] = domain = name.removeprefix("*.")
            row["ValidationEmails"] = [f"{mailbox}@{domain}" for mailbox in _MAILBOXES]
        shown.append(row)
    return shown


def summarize(scope: Scope, certificate: Certificate, now: float) -> dict[str, Any]:
    """CertificateSummary."""
    whole = render(scope, certificate, now)
    kept = ("CertificateArn", "DomainName", "Status", "Type", "NotBefore", "NotAfter", "CreatedAt", "IssuedAt")
    shown = {name: whole[name] for name in (*kept, "ImportedAt", "RenewalEligibility") if name in whole}
    return shown | {
        "SubjectAlternativeNameSummaries": certificate.names[:100],
        "HasAdditionalSubjectAlternativeNames": len(certificate.names) > 100,
        "KeyAlgorithm": certificate.key_algorithm.replace("RSA_", "RSA-"),
        "KeyUsages": [usage["Name"] for usage in whole.get("KeyUsages", [])],
        "ExtendedKeyUsages": [usage["Name"] for usage in whole.get("ExtendedKeyUsages", [])],
        "ExportOption": whole["Options"]["Export"],
        "InUse": False,
    }
