"""IAM's devices, passwords, certificates, providers, instance profiles and reports, as boto3 sees them; answers and
errors as recorded at AWS."""

from __future__ import annotations

import base64
import csv
import hmac
import io
import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.conftest import error_of

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
    }
)
METADATA = (
    (
        '<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://idp.example/">'
        '<IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">'
        '<SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://idp.example/"/>'
        "</IDPSSODescriptor></EntityDescriptor>"
    )
    + "<!--"
    + "x" * 1000
    + "-->"
)


@pytest.fixture
def iam(fresh_sandbox: Any) -> Any:
    return fresh_sandbox.client("iam")


@pytest.fixture
def user(iam: Any) -> str:
    iam.create_user(UserName="ada")
    return "ada"


def self_signed() -> tuple[str, str]:
    """A certificate and its private key, in PEM."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "example.com")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    certificate = builder.not_valid_before(now).not_valid_after(now + timedelta(days=9)).sign(key, hashes.SHA256())
    encoding = serialization.Encoding.PEM
    private = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return certificate.public_bytes(encoding).decode(), private.decode()


def _codes(seed: bytes, at: float) -> dict[str, str]:
    """Two codes in a row, by an implementation of our own of RFC 6238."""
    codes = {}
    for number, step in enumerate((int(at) // 30 - 1, int(at) // 30), 1):
        digest = hmac.digest(base64.b32decode(seed), step.to_bytes(8, "big"), "sha1")
        start = digest[19] & 15
        codes[f"AuthenticationCode{number}"] = (
            f"{(int.from_bytes(digest[start : start + 4], 'big') & 0x7FFFFFFF) % 10**6:06d}"
        )
    return codes


def test_a_virtual_device_is_enabled_by_its_codes(iam: Any, user: str) -> None:
    """Recorded: test_enable_virtual_mfa_device; codes that are not the seed's are refused."""
    made = iam.create_virtual_mfa_device(VirtualMFADeviceName="phone", Path="/a/")["VirtualMFADevice"]
    serial = made["SerialNumber"]
    assert serial.endswith(":mfa/a/phone")
    assert made["QRCodePNG"].startswith(b"\x89PNG")
    assert iam.list_virtual_mfa_devices(AssignmentStatus="Unassigned")["VirtualMFADevices"] == [
        {"SerialNumber": serial}
    ]
    ask = {"UserName": user, "SerialNumber": serial}
    wrong = {"AuthenticationCode1": "000000", "AuthenticationCode2": "000001"}
    assert error_of(iam.enable_mfa_device, **ask, **wrong)[0] == "InvalidAuthenticationCode"
    codes = _codes(made["Base32StringSeed"], time.time())
    iam.enable_mfa_device(**ask, **codes)
    iam.resync_mfa_device(**ask, **codes)
    (device,) = iam.list_mfa_devices(UserName=user)["MFADevices"]
    assert (device["SerialNumber"], device["UserName"]) == (serial, user)
    assert iam.get_mfa_device(SerialNumber=serial, UserName=user)["UserName"] == user
    (row,) = iam.list_virtual_mfa_devices(AssignmentStatus="Assigned")["VirtualMFADevices"]
    assert row["User"]["UserName"] == user
    assert error_of(iam.enable_mfa_device, **ask, **codes)[1] == "MFA Device is already in use."
    assert error_of(iam.delete_virtual_mfa_device, SerialNumber=serial)[0] == "DeleteConflict"
    assert error_of(iam.delete_user, UserName=user)[0] == "DeleteConflict"
    iam.update_user(UserName=user, NewUserName="grace")
    iam.deactivate_mfa_device(UserName="grace", SerialNumber=serial)
    iam.tag_mfa_device(SerialNumber=serial, Tags=[{"Key": "a", "Value": "1"}])
    assert iam.list_mfa_device_tags(SerialNumber=serial)["Tags"] == [{"Key": "a", "Value": "1"}]
    iam.untag_mfa_device(SerialNumber=serial, TagKeys=["a"])
    iam.delete_virtual_mfa_device(SerialNumber=serial)
    assert iam.list_virtual_mfa_devices()["VirtualMFADevices"] == []


def test_refused_devices(iam: Any, user: str) -> None:
    """Recorded: test_virtual_mfa_device_errors, test_enable_mfa_device_errors."""
    iam.create_virtual_mfa_device(VirtualMFADeviceName="phone")
    assert error_of(iam.create_virtual_mfa_device, VirtualMFADeviceName="phone") == (
        "EntityAlreadyExists",
        "MFA device already exists.",
        409,
    )
    for path in ("a/", "/a"):
        assert error_of(iam.create_virtual_mfa_device, VirtualMFADeviceName="x", Path=path)[:2] == (
            "ValidationError",
            "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric "
            "characters and/or / characters.",
        )
    serial = "arn:aws:iam::000000000000:mfa/missing"
    missing = ("NoSuchEntity", f"MFA Device with serial number {serial} does not exist.", 404)
    assert error_of(iam.delete_virtual_mfa_device, SerialNumber=serial) == missing
    assert error_of(iam.deactivate_mfa_device, UserName=user, SerialNumber=serial) == missing
    assert error_of(iam.list_virtual_mfa_devices, Marker="invalid")[:2] == ("ValidationError", "Invalid Marker.")


def test_login_profiles(fresh_sandbox: Any, iam: Any, user: str) -> None:
    """Recorded: test_login_profile_lifecycle, test_login_profile_errors; users change their own."""
    made = iam.create_login_profile(UserName=user, Password="TestPassword123!")["LoginProfile"]
    assert (made["UserName"], made["PasswordResetRequired"]) == (user, False)
    assert error_of(iam.create_login_profile, UserName=user, Password="TestPassword123!") == (
        "EntityAlreadyExists",
        "Login Profile for user ada already exists.",
        409,
    )
    iam.update_login_profile(UserName=user, PasswordResetRequired=True)
    assert iam.get_login_profile(UserName=user)["LoginProfile"]["PasswordResetRequired"] is True
    key = iam.create_access_key(UserName=user)["AccessKey"]
    row = {"access_key_id": key["AccessKeyId"], "secret_access_key": key["SecretAccessKey"]}
    own = type(fresh_sandbox)(fresh_sandbox.server, fresh_sandbox.row | row).client("iam")
    allowed = {"Effect": "Allow", "Action": "iam:*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=document)
    wrong = error_of(own.change_password, OldPassword="guess", NewPassword="NewPassword456!")[0]
    assert wrong == "AccessDenied"
    own.change_password(OldPassword="TestPassword123!", NewPassword="NewPassword456!")
    own.change_password(OldPassword="NewPassword456!", NewPassword="NewPassword789!")
    iam.delete_login_profile(UserName=user)
    gone = ("NoSuchEntity", "Login Profile for User ada cannot be found.", 404)
    assert error_of(iam.get_login_profile, UserName=user) == gone
    assert error_of(iam.delete_login_profile, UserName=user) == gone


def test_the_password_policy(iam: Any, user: str) -> None:
    """Recorded: test_iam_account_password_policy. IAM-003: it is asked when a password is set."""
    missing = error_of(iam.get_account_password_policy)
    assert missing[0] == "NoSuchEntity" and missing[1].startswith("The Password Policy with domain name ")
    assert error_of(iam.delete_account_password_policy)[1] == (
        "The account policy with name PasswordPolicy cannot be found."
    )
    iam.update_account_password_policy()
    assert iam.get_account_password_policy()["PasswordPolicy"] == {
        "AllowUsersToChangePassword": False,
        "ExpirePasswords": False,
        "MinimumPasswordLength": 6,
        "RequireLowercaseCharacters": False,
        "RequireNumbers": False,
        "RequireSymbols": False,
        "RequireUppercaseCharacters": False,
    }
    iam.update_account_password_policy(MinimumPasswordLength=8, RequireSymbols=True, MaxPasswordAge=60)
    assert iam.get_account_password_policy()["PasswordPolicy"]["ExpirePasswords"] is True
    for weak in ("short!", "longenough"):
        assert error_of(iam.create_login_profile, UserName=user, Password=weak)[0] == "PasswordPolicyViolation"
    iam.create_login_profile(UserName=user, Password="longenough!")
    iam.delete_account_password_policy()


def test_instance_profiles(iam: Any) -> None:
    """Recorded: test_iam_instance_profiles; a profile holds one role, which cannot go before it is out."""
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)
    made = iam.create_instance_profile(InstanceProfileName="p", Path="/a/")["InstanceProfile"]
    assert (made["Roles"], made["Path"], made["InstanceProfileId"][:4]) == ([], "/a/", "AIPA")
    assert "Tags" not in made
    assert error_of(iam.create_instance_profile, InstanceProfileName="P") == (
        "EntityAlreadyExists",
        "Instance Profile P already exists.",
        409,
    )
    iam.add_role_to_instance_profile(InstanceProfileName="p", RoleName="r")
    full = error_of(iam.add_role_to_instance_profile, InstanceProfileName="p", RoleName="r")
    assert full[:2] == ("LimitExceeded", "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1")
    (listed,) = iam.list_instance_profiles_for_role(RoleName="r")["InstanceProfiles"]
    assert [row["RoleName"] for row in listed["Roles"]] == ["r"]
    assert "MaxSessionDuration" not in listed["Roles"][0]
    conflict = "Cannot delete entity, must remove roles from instance profile first."
    assert error_of(iam.delete_instance_profile, InstanceProfileName="p")[1] == conflict
    assert error_of(iam.delete_role, RoleName="r")[1] == conflict
    details = iam.get_account_authorization_details(Filter=["Role"])["RoleDetailList"]
    assert [row["InstanceProfileName"] for row in details[0]["InstanceProfileList"]] == ["p"]
    iam.tag_instance_profile(InstanceProfileName="p", Tags=[{"Key": "a", "Value": "1"}])
    assert iam.get_instance_profile(InstanceProfileName="p")["InstanceProfile"]["Tags"] == [{"Key": "a", "Value": "1"}]
    iam.remove_role_from_instance_profile(InstanceProfileName="p", RoleName="r")
    again = error_of(iam.remove_role_from_instance_profile, InstanceProfileName="p", RoleName="r")
    assert again[0] == "NoSuchEntity"
    assert iam.list_instance_profiles(PathPrefix="/b/")["InstanceProfiles"] == []
    iam.delete_instance_profile(InstanceProfileName="p")
    assert error_of(iam.get_instance_profile, InstanceProfileName="p") == (
        "NoSuchEntity",
        "Instance Profile p cannot be found.",
        404,
    )


def test_server_certificates(iam: Any) -> None:
    """Recorded: test_iam_server_certificates; a certificate without its key is refused."""
    body, key = self_signed()
    ask = {"ServerCertificateName": "c", "CertificateBody": body}
    made = iam.upload_server_certificate(**ask, PrivateKey=key)["ServerCertificateMetadata"]
    assert made["Arn"].endswith(":server-certificate/c")
    assert made["Expiration"] - datetime.now(UTC) < timedelta(days=9)
    assert error_of(iam.upload_server_certificate, **ask, PrivateKey=key) == (
        "EntityAlreadyExists",
        "The Server Certificate with name c already exists.",
        409,
    )
    whole = iam.get_server_certificate(ServerCertificateName="c")["ServerCertificate"]
    assert (whole["CertificateBody"], whole["Tags"]) == (body.strip(), [])
    other = self_signed()[1]
    assert error_of(iam.upload_server_certificate, **ask, PrivateKey=other)[0] == "KeyPairMismatch"
    broken = {"ServerCertificateName": "d", "CertificateBody": "x", "PrivateKey": key}
    assert error_of(iam.upload_server_certificate, **broken)[0] == "MalformedCertificate"
    chained = error_of(iam.upload_server_certificate, **ask, PrivateKey=key, CertificateChain=self_signed()[0])
    assert chained[0] == "MalformedCertificate", "the chain did not sign it"
    iam.update_server_certificate(ServerCertificateName="c", NewServerCertificateName="d", NewPath="/p/")
    (row,) = iam.list_server_certificates(PathPrefix="/p/")["ServerCertificateMetadataList"]
    assert row["ServerCertificateName"] == "d"
    iam.delete_server_certificate(ServerCertificateName="d")
    assert error_of(iam.get_server_certificate, ServerCertificateName="d")[1] == (
        "The Server Certificate with name d cannot be found."
    )


def test_signing_certificates_and_ssh_keys(iam: Any, user: str) -> None:
    """Recorded: test_iam_ssh_public_keys; both are checked for being what they say."""
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    body = self_signed()[0]
    made = iam.upload_signing_certificate(UserName=user, CertificateBody=body)["Certificate"]
    assert made["Status"] == "Active"
    assert error_of(iam.upload_signing_certificate, UserName=user, CertificateBody=body)[0] == "DuplicateCertificate"
    assert error_of(iam.upload_signing_certificate, UserName=user, CertificateBody="x")[0] == "MalformedCertificate"
    iam.upload_signing_certificate(UserName=user, CertificateBody=self_signed()[0])
    third = self_signed()[0]
    assert error_of(iam.upload_signing_certificate, UserName=user, CertificateBody=third)[:2] == (
        "LimitExceeded",
        "Cannot exceed quota for CertificatesPerUser: 2",
    )
    named = {"UserName": user, "CertificateId": made["CertificateId"]}
    iam.update_signing_certificate(**named, Status="Inactive")
    listed = iam.list_signing_certificates(UserName=user)["Certificates"]
    assert {it["CertificateId"]: it["Status"] for it in listed}[made["CertificateId"]] == "Inactive"
    iam.delete_signing_certificate(**named)
    assert error_of(iam.delete_signing_certificate, **named)[0] == "NoSuchEntity"
    public = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    text = public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    key = iam.upload_ssh_public_key(UserName=user, SSHPublicKeyBody=text)["SSHPublicKey"]
    assert len(key["Fingerprint"].split(":")) == 16
    named = {"UserName": user, "SSHPublicKeyId": key["SSHPublicKeyId"]}
    pem = iam.get_ssh_public_key(**named, Encoding="PEM")["SSHPublicKey"]["SSHPublicKeyBody"]
    assert pem == public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    assert error_of(iam.upload_ssh_public_key, UserName=user, SSHPublicKeyBody=pem)[0] == "DuplicateSSHPublicKey"
    assert error_of(iam.upload_ssh_public_key, UserName=user, SSHPublicKeyBody="x")[0] == "InvalidPublicKey"
    iam.update_ssh_public_key(**named, Status="Inactive")
    assert iam.list_ssh_public_keys(UserName=user)["SSHPublicKeys"][0]["Status"] == "Inactive"
    iam.delete_ssh_public_key(**named)
    assert error_of(iam.get_ssh_public_key, **named, Encoding="SSH")[1] == (
        f"The Public Key with id {key['SSHPublicKeyId']} cannot be found."
    )


def test_saml_providers(iam: Any) -> None:
    """Recorded: test_iam_saml_providers; what is no metadata is refused, and entities are never expanded."""
    arn = iam.create_saml_provider(Name="idp", SAMLMetadataDocument=METADATA)["SAMLProviderArn"]
    shown = iam.get_saml_provider(SAMLProviderArn=arn)
    assert shown["SAMLMetadataDocument"] == METADATA
    assert (shown["AssertionEncryptionMode"], shown["PrivateKeyList"], shown["Tags"]) == ("Allowed", [], [])
    assert [row["Arn"] for row in iam.list_saml_providers()["SAMLProviderList"]] == [arn]
    assert error_of(iam.create_saml_provider, Name="idp", SAMLMetadataDocument=METADATA)[0] == "EntityAlreadyExists"
    other = METADATA.replace("idp.example", "new.example")
    assert iam.update_saml_provider(SAMLProviderArn=arn, SAMLMetadataDocument=other)["SAMLProviderArn"] == arn
    bomb = '<!DOCTYPE a [<!ENTITY b "c">]>' + METADATA
    for document in (bomb, "x" * 1000, METADATA.replace("IDPSSO", "SPSSO")):
        assert error_of(iam.create_saml_provider, Name="x", SAMLMetadataDocument=document)[0] == "InvalidInput"
    iam.tag_saml_provider(SAMLProviderArn=arn, Tags=[{"Key": "a", "Value": "1"}])
    assert iam.list_saml_provider_tags(SAMLProviderArn=arn)["Tags"] == [{"Key": "a", "Value": "1"}]
    iam.delete_saml_provider(SAMLProviderArn=arn)
    gone = ("NoSuchEntity", f"Manifest not found for arn {arn}", 404)
    assert error_of(iam.get_saml_provider, SAMLProviderArn=arn) == gone
    assert error_of(iam.delete_saml_provider, SAMLProviderArn=arn) == gone


def test_the_credential_report(fresh_sandbox: Any, iam: Any, user: str) -> None:
    """Recorded: test_iam_credential_report; it says what each user has, and is good for four hours."""
    with pytest.raises(ClientError) as absent:
        iam.get_credential_report()
    assert absent.value.response["Error"] == {"Type": "Sender", "Code": "ReportNotPresent"}, "AWS gives no message"
    iam.create_login_profile(UserName=user, Password="TestPassword123!")
    key = iam.create_access_key(UserName=user)["AccessKey"]["AccessKeyId"]
    iam.update_access_key(UserName=user, AccessKeyId=key, Status="Inactive")
    iam.create_access_key(UserName=user)
    assert iam.generate_credential_report()["State"] == "STARTED"
    assert iam.generate_credential_report()["State"] == "COMPLETE"
    report = iam.get_credential_report()
    rows = {row["user"]: row for row in csv.DictReader(io.StringIO(report["Content"].decode()))}
    assert rows.keys() == {"<root_account>", user}
    wanted = {
        "password_enabled": "true",
        "mfa_active": "false",
        "access_key_1_active": "false",
        "access_key_2_active": "true",
        "access_key_1_last_used_date": "N/A",
        "cert_1_active": "false",
    }
    assert rows[user].items() >= wanted.items()
    fresh_sandbox.advance_clock(4 * 3600)
    with pytest.raises(ClientError) as old:
        iam.get_credential_report()
    assert old.value.response["Error"]["Code"] == "ReportExpired"
