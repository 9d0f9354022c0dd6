"""Aliases, permissions, tags, layers, concurrency, settings. Black box, through boto3."""

from __future__ import annotations

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from tests.contract.lambda_bench import Held, call, create, make_zip, refusal

MISSING = (404, "ResourceNotFoundException")
INVALID = (400, "InvalidParameterValueException")


@pytest.fixture(scope="module")
def client(sandbox: Any) -> Any:
    return sandbox.client("lambda", read_timeout=30)


def arn(sandbox: Any, name: str) -> str:
    return f"arn:aws:lambda:us-east-1:{sandbox.account}:function:{name}"


def two_versions(client: Any, name: str) -> None:
    create(client, name, "def handler(event, context):\n    return 1\n", Publish=True)
    client.update_function_code(
        FunctionName=name, ZipFile=make_zip(app_py="def handler(event, context):\n    return 2\n"), Publish=True
    )


def test_alias_points_and_moves(client: Any, sandbox: Any) -> None:
    """Recorded: test_lambda_alias_moving."""
    two_versions(client, "aliased")
    made = client.create_alias(FunctionName="aliased", Name="live", FunctionVersion="1")
    assert made["AliasArn"] == arn(sandbox, "aliased:live") and made["Description"] == ""
    assert call(client, "aliased", Qualifier="live") == 1
    client.update_alias(FunctionName="aliased", Name="live", FunctionVersion="2")
    assert call(client, "aliased:live") == 2
    assert refusal(lambda: client.invoke(FunctionName="aliased", Qualifier="gone")) == (
        *MISSING,
        f"Function not found: {arn(sandbox, 'aliased:gone')}",
    )
    assert refusal(lambda: client.update_alias(FunctionName="aliased", Name="gone")) == (
        *MISSING,
        f"Alias not found: {arn(sandbox, 'aliased:gone')}",
    )
    status, code, _ = refusal(lambda: client.create_alias(FunctionName="aliased", Name="live", FunctionVersion="1"))
    assert (status, code) == (409, "ResourceConflictException")
    assert (
        refusal(lambda: client.delete_function(FunctionName="aliased", Qualifier="2"))[1] == "ResourceConflictException"
    )
    assert [row["Name"] for row in client.list_aliases(FunctionName="aliased")["Aliases"]] == ["live"]
    client.delete_alias(FunctionName="aliased", Name="live")
    assert refusal(lambda: client.get_alias(FunctionName="aliased", Name="live"))[:2] == MISSING


def test_weighted_alias_draws_its_version(client: Any) -> None:
    """Canary releases: both versions answer, about as often as asked."""
    two_versions(client, "weighted")
    routing = {"AdditionalVersionWeights": {"2": 0.5}}
    client.create_alias(FunctionName="weighted", Name="live", FunctionVersion="1", RoutingConfig=routing)
    drawn = Counter(call(client, "weighted", Qualifier="live") for _ in range(60))
    assert set(drawn) == {1, 2} and min(drawn.values()) >= 10


def test_permissions_make_a_policy(client: Any, sandbox: Any) -> None:
    """Recorded: test_lambda_permission_fn_versioning and test_permission_exceptions."""
    create(client, "permitted")
    added = client.add_permission(
        FunctionName="permitted",
        StatementId="s3",
        Action="lambda:InvokeFunction",
        Principal="s3.amazonaws.com",
        SourceArn="arn:aws:s3:::bucket",
    )
    statement = {
        "Sid": "s3",
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "lambda:InvokeFunction",
        "Resource": arn(sandbox, "permitted"),
        "Condition": {"ArnLike": {"AWS:SourceArn": "arn:aws:s3:::bucket"}},
    }
    assert json.loads(added["Statement"]) == statement
    shown = client.get_policy(FunctionName="permitted")
    assert json.loads(shown["Policy"]) == {"Version": "2012-10-17", "Id": "default", "Statement": [statement]}
    base = {"FunctionName": "permitted", "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"}

    def add(**change: Any) -> tuple[int, str, str]:
        return refusal(lambda: client.add_permission(**{**base, "StatementId": "new", **change}))

    assert add(StatementId="s3") == (
        409,
        "ResourceConflictException",
        "The statement id (s3) provided already exists. Please provide a new statement id, or remove the existing "
        "statement.",
    )
    assert add(Principal="invalid.nowhere") == (
        *INVALID,
        "The provided principal was invalid. Please check the principal and try again.",
    )
    assert add(Qualifier="$LATEST") == (*INVALID, "We currently do not support adding policies for $LATEST.")
    assert add(Qualifier="42") == (*MISSING, f"Function not found: {arn(sandbox, 'permitted:42')}")
    assert add(Qualifier="alias") == (*MISSING, f"Cannot find alias arn: {arn(sandbox, 'permitted:alias')}")
    assert add(RevisionId="stale")[:2] == (412, "PreconditionFailedException")
    client.remove_permission(FunctionName="permitted", StatementId="s3")
    assert refusal(lambda: client.get_policy(FunctionName="permitted")) == (
        *MISSING,
        "The resource you requested does not exist.",
    )
    assert refusal(lambda: client.remove_permission(FunctionName="permitted", StatementId="s3")) == (
        *MISSING,
        "No policy is associated with the given resource.",
    )


def test_tags(client: Any, sandbox: Any) -> None:
    """Recorded: test_tag_exceptions, test_tag_versions."""
    create(client, "tagged", Tags={"a": "1"})
    client.tag_resource(Resource=arn(sandbox, "tagged"), Tags={"b": "2"})
    client.untag_resource(Resource=arn(sandbox, "tagged"), TagKeys=["a"])
    assert client.list_tags(Resource=arn(sandbox, "tagged"))["Tags"] == {"b": "2"}
    assert client.get_function(FunctionName="tagged")["Tags"] == {"b": "2"}
    assert refusal(lambda: client.tag_resource(Resource=arn(sandbox, "tagged:1"), Tags={"x": "y"})) == (
        *INVALID,
        "Tags on function aliases and versions are not supported. Please specify a function ARN.",
    )
    assert refusal(lambda: client.tag_resource(Resource=arn(sandbox, "tagged"), Tags={})) == (
        *INVALID,
        "An error occurred and the request cannot be processed.",
    )
    assert refusal(lambda: client.list_tags(Resource=arn(sandbox, "nobody"))) == (
        *MISSING,
        f"Function not found: {arn(sandbox, 'nobody')}",
    )


def test_layers_reach_the_function(client: Any, sandbox: Any) -> None:
    """Recorded: test_layer_lifecycle; a deleted version stays usable where it is used."""
    made = client.publish_layer_version(
        LayerName="shared", Content={"ZipFile": make_zip(**{"python/shared_py": "WORD = 'one'\n"})}, Description="d"
    )
    assert (made["Version"], made["Description"], made["LayerVersionArn"]) == (1, "d", f"{made['LayerArn']}:1")
    second = client.publish_layer_version(
        LayerName="shared", Content={"ZipFile": make_zip(**{"python/shared_py": "WORD = 'two'\n"})}
    )
    code = "import shared\ndef handler(event, context):\n    return shared.WORD\n"
    create(client, "layered", code, Layers=[made["LayerVersionArn"]])
    assert call(client, "layered") == "one"
    client.update_function_configuration(FunctionName="layered", Layers=[second["LayerVersionArn"]])
    assert call(client, "layered") == "two"
    shown = client.get_function_configuration(FunctionName="layered")["Layers"]
    assert [row["Arn"] for row in shown] == [second["LayerVersionArn"]] and shown[0]["CodeSize"] > 0
    versions = client.list_layer_versions(LayerName="shared")["LayerVersions"]
    assert [row["Version"] for row in versions] == [2, 1]
    assert sorted(versions[0]) == ["CreatedDate", "LayerVersionArn", "Version"], "lists leave out what was not said"
    client.delete_layer_version(LayerName="shared", VersionNumber=2)
    assert [row["LatestMatchingVersion"]["Version"] for row in client.list_layers()["Layers"]] == [1]
    assert call(client, "layered") == "two"
    assert refusal(lambda: client.get_layer_version(LayerName="shared", VersionNumber=2))[:2] == MISSING
    assert refusal(lambda: client.get_layer_version(LayerName="shared", VersionNumber=0)) == (
        *INVALID,
        "Layer Version Cannot be less than 1",
    )
    unknown = f"arn:aws:lambda:us-east-1:{sandbox.account}:layer:doesnotexist:1"
    assert refusal(lambda: create(client, "unlayered", Layers=[unknown])) == (
        *INVALID,
        f"Layer version {unknown} does not exist.",
    )
    elsewhere = unknown.replace("us-east-1", "us-west-2")
    assert refusal(lambda: create(client, "layered", Layers=[elsewhere])) == (
        *INVALID,
        "Layers are not in the same region as the function. Layers are expected to be in region us-east-1.",
    ), "before the function is found to be there already (recorded: test_layer_function_exceptions)"
    twice = [made["LayerVersionArn"], second["LayerVersionArn"]]
    assert refusal(lambda: create(client, "unlayered", Layers=twice))[2].startswith(
        "Two different versions of the same"
    )


def test_layer_policy(client: Any, sandbox: Any) -> None:
    """Sharing a layer."""
    client.publish_layer_version(LayerName="lent", Content={"ZipFile": make_zip(x_py="")})
    base = {"LayerName": "lent", "VersionNumber": 1}
    client.add_layer_version_permission(**base, StatementId="all", Action="lambda:GetLayerVersion", Principal="*")
    policy = json.loads(client.get_layer_version_policy(**base)["Policy"])
    assert policy["Statement"][0]["Principal"] == "*"
    client.remove_layer_version_permission(**base, StatementId="all")
    assert refusal(lambda: client.get_layer_version_policy(**base))[:2] == MISSING


def test_reserved_concurrency(client: Any) -> None:
    """Recorded: test_lambda_concurrency_crud and test_reserved_concurrency_async_queue."""
    create(client, "reserved")
    assert "ReservedConcurrentExecutions" not in client.get_function_concurrency(FunctionName="reserved")
    before = client.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"]
    client.put_function_concurrency(FunctionName="reserved", ReservedConcurrentExecutions=0)
    assert refusal(lambda: client.invoke(FunctionName="reserved")) == (
        429,
        "TooManyRequestsException",
        "Rate Exceeded.",
    )
    client.put_function_concurrency(FunctionName="reserved", ReservedConcurrentExecutions=5)
    assert client.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"] == before - 5
    assert client.get_function(FunctionName="reserved")["Concurrency"] == {"ReservedConcurrentExecutions": 5}
    assert call(client, "reserved", 1) == 1
    client.delete_function_concurrency(FunctionName="reserved")
    assert client.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"] == before
    too_many = lambda: client.put_function_concurrency(FunctionName="reserved", ReservedConcurrentExecutions=901)  # noqa: E731
    assert refusal(too_many)[:2] == INVALID


def test_provisioned_concurrency(client: Any) -> None:
    """LAMBDA-004: kept and shown, without instances that wait. Recorded: test_reserved_provisioned_overlap."""
    create(client, "provisioned", Publish=True)
    base = {"FunctionName": "provisioned", "Qualifier": "1"}
    put = client.put_provisioned_concurrency_config(**base, ProvisionedConcurrentExecutions=2)
    assert (put["Status"], put["RequestedProvisionedConcurrentExecutions"]) == ("IN_PROGRESS", 2)
    shown = client.get_provisioned_concurrency_config(**base)
    assert (shown["Status"], shown["AvailableProvisionedConcurrentExecutions"]) == ("READY", 2)
    assert refusal(
        lambda: client.put_function_concurrency(FunctionName="provisioned", ReservedConcurrentExecutions=1)
    ) == (
        *INVALID,
        " ReservedConcurrentExecutions  1 should not be lower than function's total provisioned concurrency [2].",
    )
    client.delete_provisioned_concurrency_config(**base)
    assert refusal(lambda: client.get_provisioned_concurrency_config(**base))[:2] == (
        404,
        "ProvisionedConcurrencyConfigNotFoundException",
    )


def test_instances_beyond_the_provisioned_ones_are_on_demand(client: Any, sandbox: Any) -> None:
    """LocalStack's test_lambda_provisioned_concurrency_scheduling, run against AWS."""
    held = Held(sandbox, client, "scheduled", Publish=True)
    client.put_provisioned_concurrency_config(
        FunctionName="scheduled", Qualifier="1", ProvisionedConcurrentExecutions=1
    )
    assert call(client, "scheduled:1", "at once") == "provisioned-concurrency"
    assert call(client, "scheduled", "at once") == "on-demand"
    with ThreadPoolExecutor(1) as pool:
        long = pool.submit(call, client, "scheduled:1")
        held.wait_begun()
        assert call(client, "scheduled:1", "at once") == "on-demand"
        held.let_go()
        assert long.result() == "provisioned-concurrency"


def test_settings_are_kept(client: Any, sandbox: Any) -> None:
    """Recursion and runtime management; tests of loops are in test_lambda_loops."""
    create(client, "set")
    assert client.get_function_recursion_config(FunctionName="set")["RecursiveLoop"] == "Terminate"
    client.put_function_recursion_config(FunctionName="set", RecursiveLoop="Allow")
    assert client.get_function_recursion_config(FunctionName="set")["RecursiveLoop"] == "Allow"
    assert client.get_runtime_management_config(FunctionName="set")["UpdateRuntimeOn"] == "Auto"
    client.put_runtime_management_config(FunctionName="set", UpdateRuntimeOn="FunctionUpdate")
    shown = client.get_runtime_management_config(FunctionName="set")
    assert (shown["UpdateRuntimeOn"], shown["FunctionArn"]) == ("FunctionUpdate", arn(sandbox, "set:$LATEST"))


def test_code_signing_configurations_are_kept(client: Any, sandbox: Any) -> None:
    """LAMBDA-007: attached and shown, packages are not checked. Recorded: test_function_code_signing_config."""
    profile = f"arn:aws:signer:us-east-1:{sandbox.account}:/signing-profiles/test"
    publishers = {"SigningProfileVersionArns": [profile]}
    made = client.create_code_signing_config(AllowedPublishers=publishers)["CodeSigningConfig"]
    assert made["CodeSigningPolicies"] == {"UntrustedArtifactOnDeployment": "Warn"} and made["Description"] == ""
    config = {"CodeSigningConfigArn": made["CodeSigningConfigArn"]}
    create(client, "signed")
    assert "CodeSigningConfigArn" not in client.get_function_code_signing_config(FunctionName="signed")
    client.put_function_code_signing_config(FunctionName="signed", **config)
    shown = client.get_function_code_signing_config(FunctionName="signed")
    assert (shown["CodeSigningConfigArn"], shown["FunctionName"]) == (made["CodeSigningConfigArn"], "signed")
    assert client.list_functions_by_code_signing_config(**config)["FunctionArns"] == [arn(sandbox, "signed")]
    assert refusal(lambda: client.delete_code_signing_config(**config))[0] == 409
    client.update_code_signing_config(**config, Description="d")
    assert client.get_code_signing_config(**config)["CodeSigningConfig"]["Description"] == "d"
    client.delete_function_code_signing_config(FunctionName="signed")
    client.delete_code_signing_config(**config)
    assert client.list_code_signing_configs()["CodeSigningConfigs"] == []
    gone = "The code signing configuration cannot be found. Check that the provided configuration is not deleted: "
    assert refusal(lambda: client.get_code_signing_config(**config)) == (
        *MISSING,
        f"{gone}{made['CodeSigningConfigArn']}.",
    )
    assert refusal(lambda: client.put_function_code_signing_config(FunctionName="signed", **config))[1] == (
        "CodeSigningConfigNotFoundException"
    )


def test_policies_and_urls_of_what_is_not_there(client: Any, sandbox: Any) -> None:
    """Recorded: test_permission_exceptions, test_url_config_exceptions, test_lambda_eventinvokeconfig_exceptions."""
    create(client, "lonely")
    unknown = (*MISSING, "The resource you requested does not exist.")
    assert refusal(lambda: client.get_policy(FunctionName="doesnotexist")) == unknown
    assert refusal(lambda: client.get_policy(FunctionName="lonely", Qualifier="42")) == unknown
    assert refusal(lambda: client.remove_permission(FunctionName="lonely", Qualifier="gone", StatementId="s")) == (
        *MISSING,
        f"Cannot find alias arn: {arn(sandbox, 'lonely:gone')}",
    )
    absent = (*MISSING, "Function does not exist")
    url = {"FunctionName": "lonely", "Qualifier": "gone", "AuthType": "NONE"}
    assert refusal(lambda: client.create_function_url_config(**url)) == absent
    assert refusal(lambda: client.update_function_url_config(**url)) == absent
    assert refusal(lambda: client.delete_function_url_config(FunctionName="lonely")) == unknown
    assert refusal(
        lambda: client.put_function_event_invoke_config(FunctionName="lonely", Qualifier="gone", MaximumRetryAttempts=1)
    ) == (*MISSING, "The function doesn't exist.")
