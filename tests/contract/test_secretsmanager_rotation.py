"""Secrets that rotate and replicate, and their policies, as boto3 and a rotation function see them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.conftest import error_of, until
from tests.contract.lambda_bench import create

ROTATE = """
import boto3

def handler(event, context):
    client = boto3.client("secretsmanager")
    secret, token, step = event["SecretId"], event["ClientRequestToken"], event["Step"]
    stages = client.describe_secret(SecretId=secret)["VersionIdsToStages"]
    if step == "createSecret":
        assert stages[token] == ["AWSPENDING"], stages
        old = client.get_secret_value(SecretId=secret, VersionStage="AWSCURRENT")["SecretString"]
        if old == "broken":
            raise ValueError(old)
        try:
            client.get_secret_value(SecretId=secret, VersionId=token, VersionStage="AWSPENDING")
        except client.exceptions.ResourceNotFoundException:
            client.put_secret_value(
                SecretId=secret, ClientRequestToken=token, SecretString=old + "+", VersionStages=["AWSPENDING"]
            )
    if step == "finishSecret":
        current = next(version for version, labels in stages.items() if "AWSCURRENT" in labels)
        client.update_secret_version_stage(
            SecretId=secret, VersionStage="AWSCURRENT", MoveToVersionId=token, RemoveFromVersionId=current
        )
"""


@pytest.fixture
def secrets(fresh_sandbox: Any) -> Any:
    return fresh_sandbox.client("secretsmanager")


@pytest.fixture
def function(fresh_sandbox: Any) -> str:
    client = fresh_sandbox.client("lambda", read_timeout=30)
    made = create(client, "rotate", ROTATE, Timeout=20)
    client.add_permission(
        FunctionName="rotate",
        StatementId="s",
        Action="lambda:InvokeFunction",
        Principal="secretsmanager.amazonaws.com",
    )
    return str(made["FunctionArn"])


def _value(secrets: Any) -> str:
    return str(secrets.get_secret_value(SecretId="db")["SecretString"])


def test_a_function_rotates_at_once_and_by_the_clock(fresh_sandbox: Any, secrets: Any, function: str) -> None:
    """Recorded: test_rotate_secret_with_lambda_success (AWSPENDING goes, though the function leaves it); then again
    when the rules' days have passed."""
    first = secrets.create_secret(Name="db", SecretString="s")["VersionId"]
    second = secrets.rotate_secret(
        SecretId="db", RotationLambdaARN=function, RotationRules={"AutomaticallyAfterDays": 1}
    )["VersionId"]
    until(lambda: "LastRotatedDate" in secrets.describe_secret(SecretId="db"))
    shown = secrets.describe_secret(SecretId="db")
    assert (shown["RotationEnabled"], shown["RotationLambdaARN"]) == (True, function)
    assert shown["RotationRules"] == {"AutomaticallyAfterDays": 1}
    assert shown["NextRotationDate"] > shown["LastRotatedDate"]
    assert shown["VersionIdsToStages"] == {first: ["AWSPREVIOUS"], second: ["AWSCURRENT"]}
    versions = secrets.list_secret_version_ids(SecretId="db")["Versions"]
    assert [(row["VersionId"], "LastAccessedDate" in row) for row in versions] == [(first, True), (second, False)]
    assert _value(secrets) == "s+"
    fresh_sandbox.advance_clock(86_401)
    until(lambda: _value(secrets) == "s++")
    secrets.cancel_rotate_secret(SecretId="db")
    shown = secrets.describe_secret(SecretId="db")
    assert (shown["RotationEnabled"], "NextRotationDate" in shown) == (False, False)


def test_a_failed_rotation_stays_pending(secrets: Any, function: str) -> None:
    """The version that the function could not make stays AWSPENDING, and no second rotation begins beside it."""
    secrets.create_secret(Name="db", SecretString="broken")
    token = secrets.rotate_secret(SecretId="db", RotationLambdaARN=function)["VersionId"]
    assert secrets.describe_secret(SecretId="db")["VersionIdsToStages"][token] == ["AWSPENDING"]
    code, message, _ = error_of(secrets.rotate_secret, SecretId="db")
    assert (code, message) == (
        "InvalidRequestException",
        "A previous rotation isn't complete. That rotation will be reattempted.",
    )
    assert secrets.cancel_rotate_secret(SecretId="db")["VersionId"] == token
    assert _value(secrets) == "broken"


def test_refused_rotations(fresh_sandbox: Any, secrets: Any, function: str) -> None:
    """Without a function, with one that is not there or does not let Secrets Manager in; nothing is kept of them."""
    secrets.create_secret(Name="db", SecretString="x")
    none = ("InvalidRequestException", "No Lambda rotation function ARN is associated with this secret.", 400)
    assert error_of(secrets.rotate_secret, SecretId="db") == none
    closed = create(fresh_sandbox.client("lambda"), "closed", ROTATE)["FunctionArn"]
    for arn in (closed, function + "-missing"):
        code, message, _ = error_of(secrets.rotate_secret, SecretId="db", RotationLambdaARN=arn)
        assert (code, message) == (
            "AccessDeniedException",
            "Secrets Manager cannot invoke the specified Lambda function. Ensure that the function policy grants "
            "access to the principal secretsmanager.amazonaws.com.",
        )
    for rules in (
        {"ScheduleExpression": "rate(x)"},
        {"AutomaticallyAfterDays": 1, "ScheduleExpression": "rate(1 day)"},
    ):
        code = error_of(secrets.rotate_secret, SecretId="db", RotationLambdaARN=function, RotationRules=rules)[0]
        assert code == "InvalidParameterException"
    assert "RotationEnabled" not in secrets.describe_secret(SecretId="db")


def test_rotation_of_a_secret_that_never_rotated_is_cancelled(secrets: Any) -> None:
    """AWS takes it, and shows from then on that the secret does not rotate; a function it has none still."""
    secrets.create_secret(Name="still", SecretString="x")
    assert "VersionId" not in secrets.cancel_rotate_secret(SecretId="still")
    shown = secrets.describe_secret(SecretId="still")
    assert (shown["RotationEnabled"], "RotationLambdaARN" in shown) == (False, False)
    message = "No Lambda rotation function ARN is associated with this secret."
    assert error_of(secrets.rotate_secret, SecretId="still") == ("InvalidRequestException", message, 400)


def test_replicas_follow_their_primary(fresh_sandbox: Any, secrets: Any) -> None:
    """Values, labels and tags arrive in the other region; a replica is changed in its primary's region only."""
    there = fresh_sandbox.client("secretsmanager", region="eu-west-1")
    made = secrets.create_secret(Name="db", SecretString="one", AddReplicaRegions=[{"Region": "eu-west-1"}])
    assert made["ReplicationStatus"] == [
        {"Region": "eu-west-1", "KmsKeyId": "alias/aws/secretsmanager", "Status": "InSync"}
    ]
    secrets.put_secret_value(SecretId="db", SecretString="two")
    secrets.tag_resource(SecretId="db", Tags=[{"Key": "a", "Value": "1"}])
    assert there.get_secret_value(SecretId="db")["SecretString"] == "two"
    assert there.get_secret_value(SecretId="db", VersionStage="AWSPREVIOUS")["SecretString"] == "one"
    replica = there.describe_secret(SecretId="db")
    assert (replica["PrimaryRegion"], replica["Tags"]) == ("us-east-1", [{"Key": "a", "Value": "1"}])
    assert replica["ARN"] == made["ARN"].replace("us-east-1", "eu-west-1")
    assert error_of(there.put_secret_value, SecretId="db", SecretString="x")[0] == "InvalidParameterException"
    assert error_of(secrets.delete_secret, SecretId="db")[0] == "InvalidRequestException"
    there.stop_replication_to_replica(SecretId="db")
    there.put_secret_value(SecretId="db", SecretString="mine")
    assert _value(secrets) == "two"
    again = secrets.replicate_secret_to_regions(SecretId="db", AddReplicaRegions=[{"Region": "eu-west-1"}])
    assert again["ReplicationStatus"][0]["Status"] == "Failed"
    forced = secrets.replicate_secret_to_regions(
        SecretId="db", AddReplicaRegions=[{"Region": "eu-west-1"}], ForceOverwriteReplicaSecret=True
    )
    assert forced["ReplicationStatus"][0]["Status"] == "InSync"
    assert there.get_secret_value(SecretId="db")["SecretString"] == "two"
    left = secrets.remove_regions_from_replication(SecretId="db", RemoveReplicaRegions=["eu-west-1"])
    assert left["ReplicationStatus"] == []
    assert error_of(there.describe_secret, SecretId="db")[0] == "ResourceNotFoundException"
    assert error_of(there.stop_replication_to_replica, SecretId="db")[0] == "ResourceNotFoundException"


def test_policies_are_checked(secrets: Any) -> None:
    """What lets everybody in is said, and refused on demand."""
    secrets.create_secret(Name="db")
    statement = {"Effect": "Allow", "Principal": "*", "Action": "secretsmanager:GetSecretValue", "Resource": "*"}
    public = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    answer = secrets.validate_resource_policy(SecretId="db", ResourcePolicy=public)
    message = "You can not attach a resource policy that grants Public access to your secret."
    said = [{"CheckName": "BlockPublicPolicyCheck", "ErrorMessage": message}]
    assert (answer["PolicyValidationPassed"], answer["ValidationErrors"]) == (False, said)
    refused = error_of(secrets.put_resource_policy, SecretId="db", ResourcePolicy=public, BlockPublicPolicy=True)
    assert refused == ("PublicPolicyException", message, 400)
    statement["Principal"] = {"AWS": "arn:aws:iam::123456789012:root"}  # type: ignore[assignment]
    closed = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    assert secrets.validate_resource_policy(ResourcePolicy=closed)["PolicyValidationPassed"]
    assert error_of(secrets.validate_resource_policy, ResourcePolicy="{")[0] == "MalformedPolicyDocumentException"


def test_requests_without_a_token_are_refused(fresh_sandbox: Any) -> None:
    """Recorded: test_no_client_request_token; every SDK makes one up, so only plain HTTP comes without."""
    import urllib.error
    import urllib.request

    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    row = fresh_sandbox.row
    body = json.dumps({"SecretId": "db", "SecretString": "x"})
    for name in ("PutSecretValue", "UpdateSecret", "RotateSecret"):
        headers = {"X-Amz-Target": f"secretsmanager.{name}", "Content-Type": "application/x-amz-json-1.1"}
        request = AWSRequest("POST", fresh_sandbox.server.endpoint + "/", headers=headers, data=body)
        keys = Credentials(row["access_key_id"], row["secret_access_key"])
        SigV4Auth(keys, "secretsmanager", "us-east-1").add_auth(request)
        plain = urllib.request.Request(request.url, body.encode(), dict(request.headers))
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(plain, timeout=10)
        answer = json.loads(caught.value.read())
        assert answer["__type"].endswith("InvalidRequestException")
        assert "You must provide a ClientRequestToken value. We recommend a UUID-type value." in answer.values()


FILTERS = [
    ("name", "/", ["/b", "/d"]),
    ("name", "!/", ["a", "c"]),
    ("name", "a b", []),
    ("description", "a", ["/b", "a", "c"]),
    ("description", "!a", ["/d"]),
    ("description", "A secret", ["/b", "a"]),
    ("all", "thesecret", ["/d"]),
]


def test_lists_are_filtered_as_at_aws(secrets: Any) -> None:
    """From AWS-validated test_list_secrets_filtering: names by beginning, descriptions word by word."""
    for name, text in (("a", "a secret"), ("/b", "an secret"), ("c", "asecret"), ("/d", "thesecret")):
        secrets.create_secret(Name=name, SecretString="x", Description=text)
    for key, value, wanted in FILTERS:
        rows = secrets.list_secrets(Filters=[{"Key": key, "Values": [value]}])["SecretList"]
        assert sorted(row["Name"] for row in rows) == wanted, (key, value)


def test_invalid_names_are_refused_everywhere(secrets: Any) -> None:
    """Recorded: test_invalid_secret_name; and a secret that is marked for deletion can still be deleted by force."""
    for call in (secrets.describe_secret, secrets.get_secret_value, secrets.list_secret_version_ids):
        code, message, _ = error_of(call, SecretId=" Inv*Name? ")
        assert (code, message) == (
            "ValidationException",
            "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!",
        )
    arn = secrets.create_secret(Name="db", SecretString="x")["ARN"]
    secrets.delete_secret(SecretId=arn)
    assert "DeletedDate" in secrets.describe_secret(SecretId=arn)
    secrets.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)
    assert error_of(secrets.describe_secret, SecretId=arn)[0] == "ResourceNotFoundException"
