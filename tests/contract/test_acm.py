"""Certificates as boto3 sees them: requested, validated by the clock, imported, exported, listed and tagged."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.conftest import error_of, until
from tests.contract.test_iam_credentials import self_signed


@pytest.fixture
def acm(fresh_sandbox: Any) -> Any:
    return fresh_sandbox.client("acm")


def _issued(sandbox: Any, acm: Any, **settings: Any) -> Any:
    asked = {"DomainName": "example.com", "ValidationMethod": "DNS", **settings}
    arn = acm.request_certificate(**asked)["CertificateArn"]
    sandbox.advance_clock(3)
    return _await(acm, arn, "ISSUED")


def _shown(acm: Any, arn: str) -> Any:
    return acm.describe_certificate(CertificateArn=arn)["Certificate"]


def _await(acm: Any, arn: str, status: str) -> Any:
    until(lambda: _shown(acm, arn)["Status"] == status)
    return _shown(acm, arn)


def test_dns_validation_succeeds_by_the_clock(fresh_sandbox: Any, acm: Any) -> None:
    """ACM-001: no DNS is asked, and an authority of mrak's own signs, so that a client can check names and keys."""
    from cryptography import x509

    arn = acm.request_certificate(
        DomainName="example.com", SubjectAlternativeNames=["*.example.com"], ValidationMethod="DNS"
    )["CertificateArn"]
    shown = _shown(acm, arn)
    if shown["Status"] == "PENDING_VALIDATION":
        assert error_of(acm.get_certificate, CertificateArn=arn)[0] == "RequestInProgressException"
    (first, second) = shown["DomainValidationOptions"]
    assert (first["DomainName"], first["ValidationMethod"]) == ("example.com", "DNS")
    assert first["ResourceRecord"]["Type"] == "CNAME" and first["ResourceRecord"]["Name"].endswith(".example.com.")
    assert second["ValidationDomain"] == "*.example.com" and second["ResourceRecord"] == first["ResourceRecord"]
    fresh_sandbox.advance_clock(3)
    shown = _await(acm, arn, "ISSUED")
    assert {option["ValidationStatus"] for option in shown["DomainValidationOptions"]} == {"SUCCESS"}
    assert shown["NotAfter"] - shown["NotBefore"] == timedelta(days=395)
    assert (shown["Type"], shown["KeyAlgorithm"], shown["InUseBy"]) == ("AMAZON_ISSUED", "RSA-2048", [])
    answer = acm.get_certificate(CertificateArn=arn)
    leaf, root = (x509.load_pem_x509_certificate(answer[name].encode()) for name in ("Certificate", "CertificateChain"))
    leaf.verify_directly_issued_by(root)
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["example.com", "*.example.com"]


def test_mail_validates_nothing(fresh_sandbox: Any, acm: Any) -> None:
    """ACM-001: nobody reads the mails; after 72 hours the request is given up, as on AWS."""
    arn = acm.request_certificate(DomainName="example.com", ValidationMethod="EMAIL")["CertificateArn"]
    (option,) = _shown(acm, arn)["DomainValidationOptions"]
    assert "admin@example.com" in option["ValidationEmails"]
    fresh_sandbox.advance_clock(3600)
    assert _shown(acm, arn)["Status"] == "PENDING_VALIDATION"
    fresh_sandbox.advance_clock(72 * 3600)
    shown = _await(acm, arn, "VALIDATION_TIMED_OUT")
    assert shown["FailureReason"]


def test_issued_certificates_expire(fresh_sandbox: Any, acm: Any) -> None:
    shown = _issued(fresh_sandbox, acm)
    fresh_sandbox.advance_clock(400 * 86_400)
    assert _shown(acm, shown["CertificateArn"])["Status"] == "EXPIRED"


def test_a_token_asks_once(acm: Any) -> None:
    asked = {"DomainName": "example.com", "ValidationMethod": "DNS", "IdempotencyToken": "once"}
    first = acm.request_certificate(**asked)["CertificateArn"]
    assert acm.request_certificate(**asked)["CertificateArn"] == first
    assert acm.request_certificate(**{**asked, "DomainName": "a.example.com"})["CertificateArn"] != first


def test_listing_shows_small_rsa_keys_unless_asked(fresh_sandbox: Any, acm: Any) -> None:
    """The default of AWS surprises those who ask for elliptic curves: their certificates aren't listed."""
    rsa = _issued(fresh_sandbox, acm)["CertificateArn"]
    curve = _issued(fresh_sandbox, acm, DomainName="b.example.com", KeyAlgorithm="EC_prime256v1")["CertificateArn"]

    def listed(**asked: Any) -> list[str]:
        return [row["CertificateArn"] for row in acm.list_certificates(**asked)["CertificateSummaryList"]]

    assert listed() == [rsa]
    assert listed(Includes={"keyTypes": ["EC_prime256v1"]}) == [curve]
    assert listed(CertificateStatuses=["EXPIRED"]) == []
    everything = {"Includes": {"keyTypes": ["RSA_2048", "EC_prime256v1"]}}
    pages = acm.get_paginator("list_certificates").paginate(**everything, PaginationConfig={"PageSize": 1})
    found = [row["CertificateArn"] for page in pages for row in page["CertificateSummaryList"]]
    assert sorted(found) == sorted([rsa, curve])


def test_certificates_are_imported_and_imported_again(acm: Any) -> None:
    body, key = self_signed()
    arn = acm.import_certificate(Certificate=body, PrivateKey=key, Tags=[{"Key": "a", "Value": "1"}])["CertificateArn"]
    shown = _shown(acm, arn)
    assert (shown["Type"], shown["DomainName"], shown["Status"]) == ("IMPORTED", "example.com", "ISSUED")
    assert shown["KeyAlgorithm"] == "EC_prime256v1" and shown["ImportedAt"]
    assert acm.get_certificate(CertificateArn=arn)["Certificate"].strip() == body.strip()
    other, other_key = self_signed()
    assert error_of(acm.import_certificate, Certificate=other, PrivateKey=key)[0] == "ValidationException"
    again = acm.import_certificate(CertificateArn=arn, Certificate=other, PrivateKey=other_key)["CertificateArn"]
    assert again == arn and acm.get_certificate(CertificateArn=arn)["Certificate"].strip() == other.strip()
    refused = error_of(
        acm.import_certificate, CertificateArn=arn, Certificate=body, PrivateKey=key, Tags=[{"Key": "b"}]
    )
    assert refused[:2] == ("ValidationException", "You cannot apply tags when reimporting a certificate.")
    assert error_of(acm.import_certificate, Certificate="x", PrivateKey=key)[0] == "ValidationException"
    assert error_of(acm.import_certificate, Certificate=body, PrivateKey="x")[0] == "ValidationException"


def test_export_gives_the_key_encrypted(fresh_sandbox: Any, acm: Any) -> None:
    """Only a certificate whose request allowed it."""
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    kept = _issued(fresh_sandbox, acm)["CertificateArn"]
    assert error_of(acm.export_certificate, CertificateArn=kept, Passphrase=b"pass")[0] == "ValidationException"
    arn = _issued(fresh_sandbox, acm, DomainName="b.example.com", Options={"Export": "ENABLED"})["CertificateArn"]
    answer = acm.export_certificate(CertificateArn=arn, Passphrase=b"pass")
    assert load_pem_private_key(answer["PrivateKey"].encode(), b"pass")


def test_tags_have_two_spellings(acm: Any) -> None:
    arn = acm.request_certificate(DomainName="example.com", Tags=[{"Key": "a", "Value": "1"}])["CertificateArn"]
    acm.add_tags_to_certificate(CertificateArn=arn, Tags=[{"Key": "b", "Value": "2"}, {"Key": "c"}])
    acm.remove_tags_from_certificate(CertificateArn=arn, Tags=[{"Key": "a", "Value": "other"}, {"Key": "b"}])
    assert acm.list_tags_for_certificate(CertificateArn=arn)["Tags"] == [
        {"Key": "a", "Value": "1"},
        {"Key": "c", "Value": ""},
    ]
    acm.tag_resource(ResourceArn=arn, Tags=[{"Key": "d", "Value": "4"}])
    acm.untag_resource(ResourceArn=arn, TagKeys=["a", "c"])
    assert acm.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "d", "Value": "4"}]
    reserved = error_of(acm.add_tags_to_certificate, CertificateArn=arn, Tags=[{"Key": "aws:x", "Value": ""}])
    assert reserved[0] == "InvalidTagException"
    many = [{"Key": str(number)} for number in range(50)]
    assert error_of(acm.add_tags_to_certificate, CertificateArn=arn, Tags=many)[0] == "TooManyTagsException"


def test_settings_of_certificate_and_account(acm: Any) -> None:
    arn = acm.request_certificate(DomainName="example.com")["CertificateArn"]
    assert _shown(acm, arn)["Options"]["CertificateTransparencyLoggingPreference"] == "ENABLED"
    disabled = {"CertificateTransparencyLoggingPreference": "DISABLED"}
    acm.update_certificate_options(CertificateArn=arn, Options=disabled)
    assert _shown(acm, arn)["Options"]["CertificateTransparencyLoggingPreference"] == "DISABLED"
    assert acm.get_account_configuration()["ExpiryEvents"] == {"DaysBeforeExpiry": 45}
    acm.put_account_configuration(ExpiryEvents={"DaysBeforeExpiry": 10}, IdempotencyToken="t")
    assert acm.get_account_configuration()["ExpiryEvents"] == {"DaysBeforeExpiry": 10}
    empty = error_of(acm.put_account_configuration, IdempotencyToken="t")
    assert empty[:2] == ("ValidationException", "Configuration for events is empty.")


def test_refusals_name_what_is_missing(acm: Any) -> None:
    """ACM-002: nothing says that it uses a certificate, so any can be deleted."""
    arn = acm.request_certificate(DomainName="example.com")["CertificateArn"]
    acm.delete_certificate(CertificateArn=arn)
    account = arn.split(":")[4]
    gone = ("ResourceNotFoundException", f"Could not find certificate {arn} in account {account}.", 400)
    for call in (acm.describe_certificate, acm.get_certificate, acm.delete_certificate, acm.list_tags_for_certificate):
        assert error_of(call, CertificateArn=arn) == gone
    other = f"arn:aws:acm:eu-central-1:{account}:thing/x"
    assert error_of(acm.describe_certificate, CertificateArn=other)[0] == "InvalidArnException"
    assert error_of(acm.request_certificate, DomainName="-a-.example.com")[0] == "ValidationException"
    private = f"arn:aws:acm-pca:eu-central-1:{account}:certificate-authority/x"
    assert error_of(acm.request_certificate, DomainName="a.example.com", CertificateAuthorityArn=private)[2] == 501
