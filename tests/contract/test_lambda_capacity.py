"""Capacity providers, scaling, and resource policies as documents: what is kept, shown, and refused. Through boto3."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.contract.lambda_bench import call, create, refusal

OPERATOR = "arn:aws:iam::000000000000:role/operator"
VPC = {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
NOT_FOUND = (404, "ResourceNotFoundException")


@pytest.fixture(scope="module")
def client(sandbox: Any) -> Any:
    return sandbox.client("lambda", read_timeout=30)


def provide(client: Any, name: str, **more: Any) -> str:
    permissions = {"CapacityProviderOperatorRoleArn": OPERATOR}
    made = client.create_capacity_provider(
        CapacityProviderName=name, VpcConfig=VPC, PermissionsConfig=permissions, **more
    )
    return str(made["CapacityProvider"]["CapacityProviderArn"])


def test_life_of_a_capacity_provider(client: Any, sandbox: Any) -> None:
    """Made, shown by name and by ARN, changed, listed, deleted."""
    arn = provide(client, "fleet", Tags={"team": "a"})
    assert arn == f"arn:aws:lambda:us-east-1:{sandbox.account}:capacity-provider:fleet"
    shown = client.get_capacity_provider(CapacityProviderName=arn)["CapacityProvider"]
    assert (shown["State"], shown["VpcConfig"], shown["CapacityProviderScalingConfig"]) == (
        "Active",
        VPC,
        {"ScalingMode": "Auto"},
    )
    assert client.list_tags(Resource=arn)["Tags"] == {"team": "a"}
    client.tag_resource(Resource=arn, Tags={"team": "b"})
    assert client.list_tags(Resource=arn)["Tags"] == {"team": "b"}
    scaling = {"MaxVCpuCount": 12, "ScalingMode": "Auto"}
    client.update_capacity_provider(CapacityProviderName="fleet", CapacityProviderScalingConfig=scaling)
    listed = client.list_capacity_providers()["CapacityProviders"]
    assert [row["CapacityProviderScalingConfig"] for row in listed] == [scaling]
    assert client.list_capacity_providers(State="Failed")["CapacityProviders"] == []
    assert refusal(lambda: provide(client, "fleet"))[:2] == (409, "ResourceConflictException")
    assert client.delete_capacity_provider(CapacityProviderName="fleet")["CapacityProvider"]["State"] == "Deleting"
    for ask in (client.get_capacity_provider, client.delete_capacity_provider, client.update_capacity_provider):
        assert refusal(lambda ask=ask: ask(CapacityProviderName="fleet"))[:2] == NOT_FOUND


def test_functions_of_a_provider(client: Any) -> None:
    """LAMBDA-008: the function names its provider and runs here; the provider cannot go while it is named."""
    config = {"LambdaManagedInstancesCapacityProviderConfig": {"CapacityProviderArn": provide(client, "used")}}
    made = create(client, "provided-for", CapacityProviderConfig=config, Publish=True)
    assert made["CapacityProviderConfig"] == config
    assert call(client, "provided-for", 1) == 1
    listed = client.list_function_versions_by_capacity_provider(CapacityProviderName="used", MaxItems=1)
    rest = client.list_function_versions_by_capacity_provider(CapacityProviderName="used", Marker=listed["NextMarker"])
    arns = [row["FunctionArn"] for row in listed["FunctionVersions"] + rest["FunctionVersions"]]
    assert [arn.rpartition(":")[2] for arn in arns] == ["$LATEST", "1"]
    used = refusal(lambda: client.delete_capacity_provider(CapacityProviderName="used"))
    assert used[:2] == (409, "ResourceConflictException")
    config["LambdaManagedInstancesCapacityProviderConfig"]["CapacityProviderArn"] += "-not"
    missing = refusal(lambda: create(client, "unprovided", CapacityProviderConfig=config))
    assert missing[1] == "InvalidParameterValueException"


def test_scaling_is_kept(client: Any) -> None:
    create(client, "scaled", Publish=True)
    wanted = {"MinExecutionEnvironments": 1, "MaxExecutionEnvironments": 3}
    client.put_function_scaling_config(FunctionName="scaled", Qualifier="1", FunctionScalingConfig=wanted)
    shown = client.get_function_scaling_config(FunctionName="scaled", Qualifier="1")
    assert shown["AppliedFunctionScalingConfig"] == shown["RequestedFunctionScalingConfig"] == wanted
    client.put_function_scaling_config(FunctionName="scaled", Qualifier="1")
    assert "AppliedFunctionScalingConfig" not in client.get_function_scaling_config(
        FunctionName="scaled", Qualifier="1"
    )
    turned = {"MinExecutionEnvironments": 4, "MaxExecutionEnvironments": 3}
    for qualifier, config, code in (("1", turned, "InvalidParameterValueException"), ("9", {}, NOT_FOUND[1])):
        refused = refusal(
            lambda qualifier=qualifier, config=config: client.put_function_scaling_config(
                FunctionName="scaled", Qualifier=qualifier, FunctionScalingConfig=config
            )
        )
        assert refused[1] == code


def test_policy_as_a_document(client: Any, sandbox: Any) -> None:
    """PutResourcePolicy writes what GetPolicy reads and AddPermission adds to; pushed events ask it."""
    arn = create(client, "documented")["FunctionArn"]
    assert refusal(lambda: client.get_resource_policy(ResourceArn=arn))[:2] == NOT_FOUND
    statement = {
        "Sid": "topics",
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "lambda:InvokeFunction",
        "Resource": arn,
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    put = client.put_resource_policy(ResourceArn=arn, Policy=document)
    assert json.loads(put["Policy"])["Statement"] == [statement]
    assert client.get_policy(FunctionName="documented")["RevisionId"] == put["RevisionId"]
    client.add_permission(
        FunctionName="documented", StatementId="more", Action="lambda:InvokeFunction", Principal="s3.amazonaws.com"
    )
    shown = client.get_resource_policy(ResourceArn=arn)
    assert [row["Sid"] for row in json.loads(shown["Policy"])["Statement"]] == ["topics", "more"]
    stale = refusal(lambda: client.put_resource_policy(ResourceArn=arn, Policy=document, RevisionId=put["RevisionId"]))
    assert stale[:2] == (412, "PreconditionFailedException")
    client.delete_resource_policy(ResourceArn=arn, RevisionId=shown["RevisionId"])
    for ask in (client.get_resource_policy, client.delete_resource_policy):
        assert refusal(lambda ask=ask: ask(ResourceArn=arn))[:2] == NOT_FOUND


def test_bad_documents(client: Any) -> None:
    """What is no policy, or one about something else, changes nothing."""
    arn = create(client, "undocumented")["FunctionArn"]
    good = {"Effect": "Allow", "Principal": "*", "Action": "lambda:InvokeFunction", "Resource": arn}
    for text in (
        "no json",
        json.dumps({"Version": "2012-10-17", "Statement": [{**good, "Resource": arn + "-other"}]}),
        json.dumps({"Version": "2012-10-17", "Statement": [{**good, "Effect": "Perhaps"}]}),
        json.dumps({"Version": "2012-10-17", "Statement": [{k: v for k, v in good.items() if k != "Principal"}]}),
    ):
        refused = refusal(lambda text=text: client.put_resource_policy(ResourceArn=arn, Policy=text))
        assert refused[:2] == (400, "InvalidParameterValueException"), text
    assert refusal(lambda: client.get_resource_policy(ResourceArn=arn))[:2] == NOT_FOUND
    absent = refusal(lambda: client.put_resource_policy(ResourceArn=arn + "-none", Policy=json.dumps(good)))
    assert absent[:2] == NOT_FOUND


def test_code_signing_configuration_at_creation(client: Any, sandbox: Any) -> None:
    """CreateFunction attaches it, and wants it to exist; it has tags."""
    publishers = {"SigningProfileVersionArns": [f"arn:aws:signer:us-east-1:{sandbox.account}:/signing-profiles/p/1"]}
    made = client.create_code_signing_config(AllowedPublishers=publishers, Tags={"a": "b"})["CodeSigningConfig"]
    arn = made["CodeSigningConfigArn"]
    assert client.list_tags(Resource=arn)["Tags"] == {"a": "b"}
    create(client, "signed", CodeSigningConfigArn=arn)
    assert client.get_function_code_signing_config(FunctionName="signed")["CodeSigningConfigArn"] == arn
    other = arn[:-1] + ("1" if arn.endswith("0") else "0")
    absent = refusal(lambda: create(client, "unsigned", CodeSigningConfigArn=other))
    assert absent[:2] == (404, "CodeSigningConfigNotFoundException")
