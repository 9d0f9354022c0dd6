"""Secrets Manager as boto3 sees it."""

from __future__ import annotations

from typing import Any

import pytest
from tests.contract.test_sqs import error_of


@pytest.fixture
def secrets(fresh_sandbox: Any) -> Any:
    return fresh_sandbox.client("secretsmanager")


def test_labels_follow_the_values(secrets: Any) -> None:
    """AWSCURRENT moves to a new value, AWSPREVIOUS to the one before. SECRETSMANAGER-001: no key is needed to read."""
    first = secrets.create_secret(Name="db", SecretString="one")
    second = secrets.put_secret_value(SecretId="db", SecretString="two")
    assert secrets.get_secret_value(SecretId="db")["SecretString"] == "two"
    assert secrets.get_secret_value(SecretId="db", VersionStage="AWSPREVIOUS")["SecretString"] == "one"
    assert secrets.get_secret_value(SecretId="db", VersionId=first["VersionId"])["SecretString"] == "one"
    stages = secrets.describe_secret(SecretId="db")["VersionIdsToStages"]
    assert stages == {first["VersionId"]: ["AWSPREVIOUS"], second["VersionId"]: ["AWSCURRENT"]}
    secrets.update_secret_version_stage(
        SecretId="db",
        VersionStage="AWSCURRENT",
        MoveToVersionId=first["VersionId"],
        RemoveFromVersionId=second["VersionId"],
    )
    assert secrets.get_secret_value(SecretId="db")["SecretString"] == "one"


def test_a_secret_is_found_by_its_arn_too(secrets: Any) -> None:
    """Whole, and without the six characters, as IAM policies and templates name it."""
    arn = secrets.create_secret(Name="path/to-it", SecretBinary=b"\x00\xff")["ARN"]
    for secret_id in (arn, arn[:-7], "path/to-it"):
        assert secrets.get_secret_value(SecretId=secret_id)["SecretBinary"] == b"\x00\xff"
    assert error_of(secrets.get_secret_value, SecretId=arn[:-6] + "zzzzzz")[0] == "ResourceNotFoundException"


def test_deletion_has_a_recovery_window(secrets: Any, fresh_sandbox: Any) -> None:
    """A deleted secret can be restored for thirty days, and its name is taken until then."""
    secrets.create_secret(Name="gone", SecretString="x")
    secrets.delete_secret(SecretId="gone")
    code, message, _ = error_of(secrets.get_secret_value, SecretId="gone")
    assert (code, message.endswith("marked for deletion.")) == ("InvalidRequestException", True)
    assert "scheduled for deletion" in error_of(secrets.create_secret, Name="gone")[1]
    assert secrets.list_secrets()["SecretList"] == []
    secrets.restore_secret(SecretId="gone")
    assert secrets.get_secret_value(SecretId="gone")["SecretString"] == "x"
    secrets.delete_secret(SecretId="gone")
    fresh_sandbox.advance_clock(31 * 86_400)
    while secrets.list_secrets(IncludePlannedDeletion=True)["SecretList"]:
        pass
    secrets.create_secret(Name="gone", SecretString="new")


def test_a_token_makes_a_request_repeatable(secrets: Any) -> None:
    token = "a" * 32
    first = secrets.create_secret(Name="n", SecretString="x", ClientRequestToken=token)
    again = secrets.create_secret(Name="n", SecretString="x", ClientRequestToken=token)
    assert first["ARN"] == again["ARN"]
    assert error_of(secrets.create_secret, Name="n", SecretString="y", ClientRequestToken=token)[0] == (
        "ResourceExistsException"
    )
    assert error_of(secrets.put_secret_value, SecretId="n", SecretString="y", ClientRequestToken=token)[0] == (
        "ResourceExistsException"
    )


def test_lists_filters_and_batches(secrets: Any) -> None:
    for name in ("app/a", "app/b", "other"):
        secrets.create_secret(Name=name, SecretString=name, Tags=[{"Key": "team", "Value": name}])
    first = secrets.list_secrets(MaxResults=2)
    rest = secrets.list_secrets(MaxResults=2, NextToken=first["NextToken"])
    assert [row["Name"] for row in first["SecretList"] + rest["SecretList"]] == ["app/a", "app/b", "other"]
    chosen = secrets.list_secrets(Filters=[{"Key": "name", "Values": ["app/"]}])["SecretList"]
    assert [row["Name"] for row in chosen] == ["app/a", "app/b"]
    batch = secrets.batch_get_secret_value(SecretIdList=["other", "missing"])
    assert [row["SecretString"] for row in batch["SecretValues"]] == ["other"]
    assert [row["SecretId"] for row in batch["Errors"]] == ["missing"]


def test_policies_and_tags(secrets: Any) -> None:
    secrets.create_secret(Name="n")
    secrets.put_resource_policy(SecretId="n", ResourcePolicy='{"Version":"2012-10-17","Statement":[]}')
    assert "Statement" in secrets.get_resource_policy(SecretId="n")["ResourcePolicy"]
    secrets.delete_resource_policy(SecretId="n")
    assert "ResourcePolicy" not in secrets.get_resource_policy(SecretId="n")
    secrets.tag_resource(SecretId="n", Tags=[{"Key": "a", "Value": "1"}])
    secrets.untag_resource(SecretId="n", TagKeys=["a"])
    assert secrets.describe_secret(SecretId="n")["Tags"] == [], "AWS shows that there were tags"


def test_passwords(secrets: Any) -> None:
    """Of the length asked for, with each kind, without what is excluded."""
    password = secrets.get_random_password(PasswordLength=20, ExcludePunctuation=True)["RandomPassword"]
    assert len(password) == 20 and password.isalnum()
    assert any(c.islower() for c in password) and any(c.isupper() for c in password)
    nothing = {f"Exclude{kind}": True for kind in ("Lowercase", "Uppercase", "Numbers", "Punctuation")}
    assert error_of(secrets.get_random_password, **nothing)[0] == "InvalidParameterException"
    assert error_of(secrets.get_random_password, PasswordLength=3)[0] == "InvalidParameterException"


ERRORS: list[tuple[str, dict[str, Any], str, str]] = [
    ("get_secret_value", {"SecretId": "missing"}, "ResourceNotFoundException", "can't find the specified secret."),
    ("get_secret_value", {"SecretId": "n"}, "ResourceNotFoundException", "for staging label: AWSCURRENT"),
    ("create_secret", {"Name": " Inv *?!]Name\\-"}, "ValidationException", "Invalid name. Must be a valid name"),
    ("create_secret", {"Name": "n"}, "ResourceExistsException", "the secret n already exists."),
    ("put_secret_value", {"SecretId": "n"}, "InvalidParameterException", "SecretString or SecretBinary"),
    ("delete_secret", {"SecretId": "n", "RecoveryWindowInDays": 5}, "InvalidParameterException", "between 7 and 30"),
    ("list_secrets", {"NextToken": "%%%"}, "InvalidNextTokenException", "Invalid token"),
    ("put_resource_policy", {"SecretId": "n", "ResourcePolicy": "{"}, "MalformedPolicyDocumentException", "Json"),
]


@pytest.mark.parametrize(("operation", "params", "code", "text"), ERRORS)
def test_errors(secrets: Any, operation: str, params: dict[str, Any], code: str, text: str) -> None:
    secrets.create_secret(Name="n")
    found, message, _ = error_of(getattr(secrets, operation), **params)
    assert (found, text in message) == (code, True), message
