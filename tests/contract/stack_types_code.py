"""Resource types of functions, workflows, access and stacks themselves, each with a small template."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

from tests.contract.stack_types import (
    FUNCTION,
    QUEUE,
    Case,
    Client,
    allow,
    att,
    of,
    ref,
    resource,
    role,
    trust,
)

TABLE = {
    "Table": resource(
        "DynamoDB::Table",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
}
VERSION = {"Version": resource("Lambda::Version", FunctionName=ref("Fn"))}
MACHINE = {
    "MachineRole": role("states.amazonaws.com"),
    "Machine": resource(
        "StepFunctions::StateMachine",
        RoleArn=att("MachineRole", "Arn"),
        Definition={"StartAt": "A", "States": {"A": {"Type": "Succeed"}}},
    ),
    "MachineVersion": resource("StepFunctions::StateMachineVersion", StateMachineArn=ref("Machine")),
}
ANSWERING = """
import json, urllib.request
def handler(event, context):
    body = {name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
    body |= {"Status": "SUCCESS", "PhysicalResourceId": "thing"}
    body["Data"] = {"Shown": event["ResourceProperties"].get("Given")}
    urllib.request.urlopen(urllib.request.Request(event["ResponseURL"], json.dumps(body).encode(), method="PUT"))
"""
PROVIDER = {
    **FUNCTION,
    "Fn": {
        "Type": "AWS::Lambda::Function",
        "Properties": {**FUNCTION["Fn"]["Properties"], "Code": {"ZipFile": ANSWERING}},
    },
}
LAYER = {"LayerName": "l", "Content": {"S3Bucket": "given", "S3Key": "layer.zip"}}


def put_layer(client: Client) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("python/module.py", "")
    client("s3").create_bucket(Bucket="given")
    client("s3").put_object(Bucket="given", Key="layer.zip", Body=packed.getvalue())


def put_template(client: Client) -> None:
    parameters = {"Shown": {"Type": "String"}}
    queue = {"Type": "AWS::SQS::Queue"}
    nested = {"Parameters": parameters, "Resources": {"Q": queue}, "Outputs": {"Shown": {"Value": ref("Shown")}}}
    client("s3").create_bucket(Bucket="given")
    client("s3").put_object(Bucket="given", Key="nested.json", Body=json.dumps(nested))


def layer_action(client: Client, o: dict[str, str]) -> Any:
    policy = client("lambda").get_layer_version_policy(LayerName="l", VersionNumber=1)["Policy"]
    return json.loads(policy)["Statement"][0]["Action"]


def nested(shown: str) -> dict[str, Any]:
    return {"TemplateURL": "https://given.s3.amazonaws.com/nested.json", "Parameters": {"Shown": shown}}


def nested_output(client: Client, o: dict[str, str]) -> Any:
    stack = client("cloudformation").describe_stacks(StackName=o["Ref"])["Stacks"][0]
    return None if stack["StackStatus"] == "DELETE_COMPLETE" else stack["Outputs"][0]["OutputValue"]


def code(operation: str, *path: str, **names: str) -> Any:
    return of(
        lambda client, o: getattr(client("lambda"), operation)(**{k: o.get(v, v) for k, v in names.items()}), *path
    )


def function(seconds: int) -> dict[str, Any]:
    return {**FUNCTION["Fn"]["Properties"], "Timeout": seconds}


MAPPING_TAGS = [{"Key": "my", "Value": "tag"}]
STACK_TAGS = ["aws:cloudformation:logical-id", "aws:cloudformation:stack-id", "aws:cloudformation:stack-name"]


def mapping(client: Client, outputs: dict[str, str]) -> list[Any]:
    """Its batch size and the names of its tags (recorded: test_adding_tags)."""
    found = client("lambda").get_event_source_mapping(UUID=outputs["Ref"])
    tags = client("lambda").list_tags(Resource=found["EventSourceMappingArn"])["Tags"]
    return [found["BatchSize"], *sorted(tags)]


def statement(client: Client, o: dict[str, str]) -> Any:
    return json.loads(client("lambda").get_policy(FunctionName=o["Fn"])["Policy"])["Statement"][0]["Principal"][
        "Service"
    ]


def policy_action(operation: str, **names: str) -> Any:
    def shown(client: Client, o: dict[str, str]) -> Any:
        answer = getattr(client("iam"), operation)(**{k: o.get(v, v) for k, v in names.items()})
        return answer["PolicyDocument"]["Statement"][0]["Action"]

    return shown


def managed_action(client: Client, o: dict[str, str]) -> Any:
    policy = client("iam").get_policy(PolicyArn=o["Ref"])["Policy"]
    version = client("iam").get_policy_version(PolicyArn=o["Ref"], VersionId=policy["DefaultVersionId"])
    return version["PolicyVersion"]["Document"]["Statement"][0]["Action"]


def machine(comment: str) -> dict[str, Any]:
    return {
        "RoleArn": att("MachineRole", "Arn"),
        "Definition": {"Comment": comment, "StartAt": "A", "States": {"A": {"Type": "Succeed"}}},
    }


def workflow(operation: str, *path: str, **names: str) -> Any:
    return of(
        lambda client, o: getattr(client("stepfunctions"), operation)(**{k: o.get(v, v) for k, v in names.items()}),
        *path,
    )


def waited(client: Client, o: dict[str, str]) -> Any:
    stacks = client("cloudformation").describe_stacks(StackName="typed")["Stacks"]
    return stacks[0]["StackStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE")


def mutability(client: Client, o: dict[str, str]) -> Any:
    return client("ecr").describe_repositories(repositoryNames=["repo"])["repositories"][0]["imageTagMutability"]


FUNCTIONS = [
    Case(
        "AWS::Lambda::Function",
        function(5),
        code("get_function_configuration", "Timeout", FunctionName="Ref"),
        5,
        function(6),
        6,
        ("Arn",),
        needs={"Role": FUNCTION["Role"]},
    ),
    Case(
        "AWS::Lambda::Alias",
        {"FunctionName": ref("Fn"), "FunctionVersion": att("Version", "Version"), "Name": "a", "Description": "a"},
        code("get_alias", "Description", FunctionName="Fn", Name="a"),
        "a",
        {"FunctionName": ref("Fn"), "FunctionVersion": att("Version", "Version"), "Name": "a", "Description": "b"},
        "b",
        ("AliasArn",),
        needs={**FUNCTION, **VERSION},
    ),
    Case(
        "AWS::Lambda::CodeSigningConfig",
        {
            "Description": "a",
            "AllowedPublishers": {
                "SigningProfileVersionArns": ["arn:aws:signer:us-east-1:123456789012:/signing-profiles/p/1234567890"]
            },
        },
        of(
            lambda client, o: client("lambda").get_code_signing_config(CodeSigningConfigArn=o["Ref"]),
            "CodeSigningConfig",
            "Description",
        ),
        "a",
        {
            "Description": "b",
            "AllowedPublishers": {
                "SigningProfileVersionArns": ["arn:aws:signer:us-east-1:123456789012:/signing-profiles/p/1234567890"]
            },
        },
        "b",
        ("CodeSigningConfigArn", "CodeSigningConfigId"),
    ),
    Case(
        "AWS::Lambda::EventInvokeConfig",
        {"FunctionName": ref("Fn"), "Qualifier": "$LATEST", "MaximumRetryAttempts": 0},
        code("get_function_event_invoke_config", "MaximumRetryAttempts", FunctionName="Fn"),
        0,
        {"FunctionName": ref("Fn"), "Qualifier": "$LATEST", "MaximumRetryAttempts": 1},
        1,
        needs=FUNCTION,
    ),
    Case(
        "AWS::Lambda::EventSourceMapping",
        {"FunctionName": ref("Fn"), "EventSourceArn": att("Queue", "Arn"), "BatchSize": 5, "Tags": MAPPING_TAGS},
        mapping,
        [5, *STACK_TAGS, "my"],
        {"FunctionName": ref("Fn"), "EventSourceArn": att("Queue", "Arn"), "BatchSize": 6},
        [6, *STACK_TAGS],
        ("Id", "EventSourceMappingArn"),
        needs={**FUNCTION, **QUEUE},
    ),
    Case(
        "AWS::Lambda::Permission",
        {"FunctionName": ref("Fn"), "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"},
        statement,
        "s3.amazonaws.com",
        {"FunctionName": ref("Fn"), "Action": "lambda:InvokeFunction", "Principal": "sns.amazonaws.com"},
        "sns.amazonaws.com",
        ("Id",),
        needs=FUNCTION,
    ),
    Case(
        "AWS::Lambda::Url",
        {"TargetFunctionArn": att("Fn", "Arn"), "AuthType": "NONE"},
        code("get_function_url_config", "AuthType", FunctionName="Fn"),
        "NONE",
        {"TargetFunctionArn": att("Fn", "Arn"), "AuthType": "AWS_IAM"},
        "AWS_IAM",
        ("FunctionArn", "FunctionUrl"),
        needs=FUNCTION,
    ),
    Case(
        "AWS::Lambda::Version",
        {"FunctionName": ref("Fn"), "Description": "a"},
        code("get_function_configuration", "Description", FunctionName="Ref"),
        "a",
        attributes=("Version", "FunctionArn"),
        needs=FUNCTION,
    ),
    Case(
        "AWS::Lambda::LayerVersion",
        {**LAYER, "Description": "a"},
        of(lambda client, o: client("lambda").get_layer_version_by_arn(Arn=o["Ref"]), "Description"),
        "a",
        {**LAYER, "Description": "b"},
        "b",
        ("LayerVersionArn",),
        prepare=put_layer,
    ),
    Case(
        "AWS::Lambda::LayerVersionPermission",
        {"LayerVersionArn": ref("Layer"), "Action": "lambda:GetLayerVersion", "Principal": "*"},
        layer_action,
        "lambda:GetLayerVersion",
        needs={"Layer": resource("Lambda::LayerVersion", **LAYER)},
        prepare=put_layer,
    ),
]

ACCESS = [
    Case(
        "AWS::IAM::AccessKey",
        {"UserName": ref("User"), "Status": "Active"},
        lambda client, o: [
            k["Status"] for k in client("iam").list_access_keys(UserName=o["User"])["AccessKeyMetadata"]
        ],
        ["Active"],
        {"UserName": ref("User"), "Status": "Inactive"},
        ["Inactive"],
        ("SecretAccessKey",),
        needs={"User": resource("IAM::User")},
    ),
    Case(
        "AWS::IAM::Group",
        {"GroupName": "g", "Path": "/a/"},
        of(lambda client, o: client("iam").get_group(GroupName="g"), "Group", "Path"),
        "/a/",
        {"GroupName": "g", "Path": "/b/"},
        "/b/",
        ("Arn",),
    ),
    Case(
        "AWS::IAM::GroupPolicy",
        {"GroupName": ref("Group"), "PolicyName": "p", "PolicyDocument": allow("a:b")},
        policy_action("get_group_policy", GroupName="Group", PolicyName="p"),
        "a:b",
        {"GroupName": ref("Group"), "PolicyName": "p", "PolicyDocument": allow("a:c")},
        "a:c",
        needs={"Group": resource("IAM::Group")},
    ),
    Case(
        "AWS::IAM::ManagedPolicy",
        {"ManagedPolicyName": "m", "PolicyDocument": allow("a:b")},
        managed_action,
        "a:b",
        {"ManagedPolicyName": "m", "PolicyDocument": allow("a:c")},
        "a:c",
        ("PolicyArn",),
    ),
    Case(
        "AWS::IAM::OIDCProvider",
        {
            "Url": "https://example.com",
            "ClientIdList": ["a"],
            "ThumbprintList": ["9e99a48a9960b14926bb7f3b02e22da2b0ab7280"],
        },
        of(
            lambda client, o: client("iam").get_open_id_connect_provider(OpenIDConnectProviderArn=o["Ref"]),
            "ClientIDList",
        ),
        ["a"],
        {
            "Url": "https://example.com",
            "ClientIdList": ["b"],
            "ThumbprintList": ["9e99a48a9960b14926bb7f3b02e22da2b0ab7280"],
        },
        ["b"],
        ("Arn",),
    ),
    Case(
        "AWS::IAM::Policy",
        {"PolicyName": "p", "PolicyDocument": allow("a:b"), "Roles": [ref("Role")]},
        policy_action("get_role_policy", RoleName="Role", PolicyName="p"),
        "a:b",
        {"PolicyName": "p", "PolicyDocument": allow("a:c"), "Roles": [ref("Role")]},
        "a:c",
        needs={"Role": role("lambda.amazonaws.com")},
    ),
    Case(
        "AWS::IAM::Role",
        {"AssumeRolePolicyDocument": trust("lambda.amazonaws.com"), "Description": "a"},
        of(lambda client, o: client("iam").get_role(RoleName=o["Ref"]), "Role", "Description"),
        "a",
        {"AssumeRolePolicyDocument": trust("lambda.amazonaws.com"), "Description": "b"},
        "b",
        ("Arn", "RoleId"),
    ),
    Case(
        "AWS::IAM::RolePolicy",
        {"RoleName": ref("Role"), "PolicyName": "p", "PolicyDocument": allow("a:b")},
        policy_action("get_role_policy", RoleName="Role", PolicyName="p"),
        "a:b",
        {"RoleName": ref("Role"), "PolicyName": "p", "PolicyDocument": allow("a:c")},
        "a:c",
        needs={"Role": role("lambda.amazonaws.com")},
    ),
    Case(
        "AWS::IAM::User",
        {"UserName": "u", "Path": "/a/"},
        of(lambda client, o: client("iam").get_user(UserName="u"), "User", "Path"),
        "/a/",
        {"UserName": "u", "Path": "/b/"},
        "/b/",
        ("Arn",),
    ),
    Case(
        "AWS::IAM::UserPolicy",
        {"UserName": ref("User"), "PolicyName": "p", "PolicyDocument": allow("a:b")},
        policy_action("get_user_policy", UserName="User", PolicyName="p"),
        "a:b",
        {"UserName": ref("User"), "PolicyName": "p", "PolicyDocument": allow("a:c")},
        "a:c",
        needs={"User": resource("IAM::User")},
    ),
    Case(
        "AWS::IAM::UserToGroupAddition",
        {"GroupName": ref("Group"), "Users": [ref("User")]},
        lambda client, o: len(client("iam").get_group(GroupName=o["Group"])["Users"]),
        1,
        needs={"User": resource("IAM::User"), "Group": resource("IAM::Group")},
    ),
]

WORKFLOWS = [
    Case(
        "AWS::StepFunctions::Activity",
        {"Name": "a"},
        workflow("describe_activity", "name", activityArn="Ref"),
        "a",
        attributes=("Arn", "Name"),
    ),
    Case(
        "AWS::StepFunctions::StateMachine",
        machine("a"),
        lambda client, o: json.loads(
            client("stepfunctions").describe_state_machine(stateMachineArn=o["Ref"])["definition"]
        )["Comment"],
        "a",
        machine("b"),
        "b",
        ("Arn", "Name"),
        needs={"MachineRole": MACHINE["MachineRole"]},
    ),
    Case(
        "AWS::StepFunctions::StateMachineVersion",
        {"StateMachineArn": ref("Machine"), "Description": "a"},
        workflow("describe_state_machine", "description", stateMachineArn="Ref"),
        "a",
        attributes=("Arn",),
        needs={name: MACHINE[name] for name in ("MachineRole", "Machine")},
    ),
    Case(
        "AWS::StepFunctions::StateMachineAlias",
        {
            "Name": "live",
            "Description": "a",
            "RoutingConfiguration": [{"StateMachineVersionArn": ref("MachineVersion"), "Weight": 100}],
        },
        workflow("describe_state_machine_alias", "description", stateMachineAliasArn="Ref"),
        "a",
        {
            "Name": "live",
            "Description": "b",
            "RoutingConfiguration": [{"StateMachineVersionArn": ref("MachineVersion"), "Weight": 100}],
        },
        "b",
        ("Arn",),
        needs=MACHINE,
    ),
]

STACKS = [
    Case(
        "AWS::CloudFormation::Stack",
        nested("a"),
        nested_output,
        "a",
        nested("b"),
        "b",
        ("Outputs.Shown",),
        prepare=put_template,
    ),
    Case("AWS::CDK::Metadata", {"Analytics": "a"}, waited, True, {"Analytics": "b"}, True),
    Case(
        "AWS::CloudFormation::CustomResource",
        {"ServiceToken": att("Fn", "Arn"), "Given": "a"},
        lambda client, o: o["Shown"],
        "a",
        {"ServiceToken": att("Fn", "Arn"), "Given": "b"},
        "b",
        ("Shown",),
        needs=PROVIDER,
        stays=True,
    ),
    Case("AWS::CloudFormation::Macro", {"Name": "M", "FunctionName": att("Fn", "Arn")}, waited, True, needs=FUNCTION),
    Case("AWS::CloudFormation::WaitConditionHandle", {}, waited, True),
    Case(
        "AWS::CloudFormation::WaitCondition",
        {"Handle": ref("Handle"), "Timeout": "1", "Count": 0},
        waited,
        True,
        needs={"Handle": resource("CloudFormation::WaitConditionHandle")},
    ),
    Case(
        "AWS::ECR::Repository",
        {"RepositoryName": "repo", "ImageTagMutability": "MUTABLE"},
        mutability,
        "MUTABLE",
        {"RepositoryName": "repo", "ImageTagMutability": "IMMUTABLE"},
        "IMMUTABLE",
        ("Arn", "RepositoryUri"),
    ),
]

CASES = [*FUNCTIONS, *ACCESS, *WORKFLOWS, *STACKS]
