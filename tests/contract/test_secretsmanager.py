"""Secrets Manager as boto3 sees it."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from tests.conftest import error_of


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
    assert secrets.get_resource_policy(SecretId="n")["ResourcePolicy"] == (
        '{\n  "Version" : "2012-10-17",\n  "Statement" : [ ]\n}'
    ), "AWS prints a policy again"
    statement = '{"Effect":"Deny","Principal":"*","Action":["a:b","a:c"],"Resource":"*"}'
    secrets.put_resource_policy(SecretId="n", ResourcePolicy=f'{{"Statement":[{statement}]}}')
    assert secrets.get_resource_policy(SecretId="n")["ResourcePolicy"] == (
        '{\n  "Statement" : [ {\n    "Effect" : "Deny",\n    "Principal" : "*",\n    "Action" : [ "a:b", "a:c" ],\n'
        '    "Resource" : "*"\n  } ]\n}'
    )
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
    ("put_secret_value", {"SecretId": "n"}, "InvalidRequestException", "SecretString or SecretBinary"),
    ("delete_secret", {"SecretId": "n", "RecoveryWindowInDays": 5}, "InvalidParameterException", "between 7 and 30"),
    ("list_secrets", {"NextToken": "%%%"}, "InvalidNextTokenException", "Invalid token"),
    ("put_resource_policy", {"SecretId": "n", "ResourcePolicy": "{"}, "MalformedPolicyDocumentException", "Json"),
]


@pytest.mark.parametrize(("operation", "params", "code", "text"), ERRORS)
def test_errors(secrets: Any, operation: str, params: dict[str, Any], code: str, text: str) -> None:
    secrets.create_secret(Name="n")
    found, message, _ = error_of(getattr(secrets, operation), **params)
    assert (found, text in message) == (code, True), message


def test_a_token_stands_for_one_value(secrets: Any) -> None:
    """Another value under a token that was used is refused, whichever operation brings it."""
    token = str(uuid.uuid4())
    arn = secrets.create_secret(Name="n", SecretString="one", ClientRequestToken=token)["ARN"]
    used = (
        f"You can't use ClientRequestToken {token} because that value is already in use for a version of secret {arn}."
    )
    other = {"SecretString": "two", "ClientRequestToken": token}
    for refused in (
        lambda: secrets.create_secret(Name="n", **other),
        lambda: secrets.put_secret_value(SecretId="n", **other),
        lambda: secrets.update_secret(SecretId="n", **other),
    ):
        assert error_of(refused)[:2] == ("ResourceExistsException", used)


def test_force_deletes_what_is_not_there(secrets: Any) -> None:
    """AWS says so: clean-up need not look first."""
    gone = secrets.delete_secret(SecretId="none", ForceDeleteWithoutRecovery=True)
    assert gone["Name"] == "none" and ":secret:none-" in gone["ARN"] and gone["DeletionDate"]
    assert error_of(secrets.delete_secret, SecretId="none")[0] == "ResourceNotFoundException"


def test_the_first_version_is_the_current_one(secrets: Any) -> None:
    """Whatever label it is put under, as AWS's reference says; later ones are what they are put as."""
    secrets.create_secret(Name="n")
    first = secrets.put_secret_value(SecretId="n", SecretString="a", VersionStages=["AWSPENDING"])
    assert first["VersionStages"] == ["AWSCURRENT", "AWSPENDING"]
    second = secrets.put_secret_value(SecretId="n", SecretString="b", VersionStages=["AWSPENDING"])
    assert second["VersionStages"] == ["AWSPENDING"]


def test_lists_are_in_order_of_creation(secrets: Any, fresh_sandbox: Any) -> None:
    """Unless another order is asked for, page by page; filters need a key and values."""
    for name in ("b", "c", "a"):
        secrets.create_secret(Name=name)
        fresh_sandbox.advance_clock(1)
    for order, expected in (
        ({}, ["b", "c", "a"]),
        ({"SortOrder": "desc"}, ["a", "c", "b"]),
        ({"SortBy": "name"}, ["a", "b", "c"]),
    ):
        first = secrets.list_secrets(MaxResults=2, **order)
        rest = secrets.list_secrets(NextToken=first["NextToken"], **order)
        assert [row["Name"] for row in first["SecretList"] + rest["SecretList"]] == expected
    for wanted, message in (
        ({"Values": ["x"]}, "Invalid filter key"),
        ({"Key": "name"}, "Invalid filter values for key: name"),
    ):
        assert error_of(secrets.list_secrets, Filters=[wanted])[:2] == ("InvalidParameterException", message)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("AppBeta", ["prod/AppBeta/x"]), ("beta", ["prod/AppBeta/x"]), ("pp", []),
        ("/", []), ("prod-AppBeta/x", ["prod-AppBeta/x"]), ("Ythings", ["COMPANYthings"]), ("things", []),
    ],
)  # fmt: skip
def test_texts_are_searched_by_words(secrets: Any, wanted: str, found: list[str]) -> None:
    """`all` splits at one kind of mark and at capitals, as tests against AWS found out."""
    for name in ("prod/AppBeta/x", "prod-AppBeta/x", "COMPANYthings"):
        secrets.create_secret(Name=name)
    listed = secrets.list_secrets(Filters=[{"Key": "all", "Values": [wanted]}])["SecretList"]
    assert [row["Name"] for row in listed] == found


def test_what_touches_the_date_of_change(sandbox: Any) -> None:
    """Tags that come, policies, deletion and return are changes to AWS; tags that go are none."""
    secrets = sandbox.client("secretsmanager")
    secrets.create_secret(Name="dated", SecretString="x")
    policy = '{"Version":"2012-10-17","Statement":[]}'
    steps: list[tuple[str, dict[str, Any], bool]] = [
        ("tag_resource", {"Tags": [{"Key": "a", "Value": "1"}]}, True),
        ("untag_resource", {"TagKeys": ["a"]}, False),
        ("put_resource_policy", {"ResourcePolicy": policy}, True),
        ("delete_resource_policy", {}, True),
        ("delete_secret", {"RecoveryWindowInDays": 7}, True),
        ("restore_secret", {}, True),
    ]
    for operation, given, touches in steps:
        before = secrets.describe_secret(SecretId="dated")["LastChangedDate"]
        sandbox.advance_clock(2)
        getattr(secrets, operation)(SecretId="dated", **given)
        after = secrets.describe_secret(SecretId="dated")["LastChangedDate"]
        assert (after > before) == touches, operation


def test_labels_stand_in_the_order_of_a_hash_map(sandbox: Any) -> None:
    """AWS lists the labels of a version by their hash, in every answer."""
    secrets = sandbox.client("secretsmanager")
    secrets.create_secret(Name="labels", SecretString="x")
    put = secrets.put_secret_value(SecretId="labels", SecretString="y", VersionStages=["1", "AWSCURRENT", "REPLAY"])
    assert put["VersionStages"] == ["1", "REPLAY", "AWSCURRENT"]
    assert secrets.get_secret_value(SecretId="labels")["VersionStages"] == put["VersionStages"]
