"""Cases of IAM, KMS, CloudWatch, Secrets Manager and what stands around them, in addition to those by domain."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from tests.contract.stack_types import Case, Client, att, of, ref, resource, role, trust
from tests.contract.test_iam_credentials import METADATA, self_signed

ROOT = {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:root"}
KEY_POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "kms:*", "Resource": "*"}],
}


@lru_cache
def certificate() -> dict[str, str]:
    body, key = self_signed()
    return {"CertificateBody": body, "PrivateKey": key}


def composite(client: Client, o: dict[str, str]) -> Any:
    found = client("cloudwatch").describe_alarms(AlarmNames=[o["Ref"]], AlarmTypes=["CompositeAlarm"])
    return found["CompositeAlarms"][0]["AlarmRule"]


ALARM = resource(
    "CloudWatch::Alarm",
    AlarmName="one",
    Namespace="n",
    MetricName="m",
    Statistic="Sum",
    Period=60,
    EvaluationPeriods=1,
    Threshold=1,
    ComparisonOperator="GreaterThanThreshold",
)
DETECTOR = {"Namespace": "n", "MetricName": "m", "Stat": "Sum"}
RULE = {
    "Schema": {"Name": "CloudWatchLogRule", "Version": 1},
    "LogGroupNames": ["g"],
    "LogFormat": "JSON",
    "Contribution": {"Keys": ["$.ip"], "Filters": []},
    "AggregateOn": "Count",
}
CODE = {"ZipFile": "def handler(event, context):\n    return event\n"}
ROTATOR = resource(
    "Lambda::Function", Runtime="python3.12", Handler="index.handler", Code=CODE, Role=att("Role", "Arn")
)
PERMISSION = resource(
    "Lambda::Permission",
    FunctionName=ref("Rotator"),
    Action="lambda:InvokeFunction",
    Principal="secretsmanager.amazonaws.com",
)


def roles_of(client: Client, o: dict[str, str]) -> list[str]:
    found = client("iam").get_instance_profile(InstanceProfileName="p")["InstanceProfile"]["Roles"]
    return [row["RoleName"] for row in found]


def named_role(name: str) -> dict[str, Any]:
    return resource("IAM::Role", RoleName=name, AssumeRolePolicyDocument=trust("ec2.amazonaws.com"))


def primary(client: Any) -> None:
    key = client("kms", region="eu-west-1").create_key(MultiRegion=True)["KeyMetadata"]["Arn"]
    client("ssm").put_parameter(Name="primary", Type="String", Value=key)


def replica(client: Client, o: dict[str, str]) -> Any:
    key = client("kms").describe_key(KeyId=o["KeyId"])["KeyMetadata"]
    return None if key["KeyState"] == "PendingDeletion" else key["Description"]


TABLE = {
    "ServiceNamespace": "dynamodb",
    "ResourceId": "table/t",
    "ScalableDimension": "dynamodb:table:ReadCapacityUnits",
}
TRACKING = {"PredefinedMetricSpecification": {"PredefinedMetricType": "DynamoDBReadCapacityUtilization"}}


def tags_of(client: Client, o: dict[str, str]) -> list[Any]:
    certificate = client("acm").describe_certificate(CertificateArn=o["Ref"])["Certificate"]
    return [certificate["Status"], client("acm").list_tags_for_certificate(CertificateArn=o["Ref"])["Tags"]]


def target(client: Client, o: dict[str, str]) -> list[Any]:
    scaling = client("application-autoscaling")
    found = scaling.describe_scalable_targets(ServiceNamespace="dynamodb")["ScalableTargets"][0]
    actions = scaling.describe_scheduled_actions(ServiceNamespace="dynamodb")["ScheduledActions"]
    return [found["MaxCapacity"], [action["ScheduledActionName"] for action in actions]]


def scalable(most: int, action: str) -> dict[str, Any]:
    actions = [{"ScheduledActionName": action, "Schedule": "rate(1 day)"}]
    return {**TABLE, "MinCapacity": 1, "MaxCapacity": most, "ScheduledActions": actions}


def tracked(client: Client, o: dict[str, str]) -> float:
    scaling = client("application-autoscaling")
    policy = scaling.describe_scaling_policies(ServiceNamespace="dynamodb")["ScalingPolicies"][0]
    return float(policy["TargetTrackingScalingPolicyConfiguration"]["TargetValue"])


def policy(value: float) -> dict[str, Any]:
    configuration = {**TRACKING, "TargetValue": value}
    return {
        "PolicyName": "p",
        "PolicyType": "TargetTrackingScaling",
        "ScalingTargetId": ref("Target"),
        "TargetTrackingScalingPolicyConfiguration": configuration,
    }


SAMPLING = {
    "RuleName": "r", "ResourceARN": "*", "Priority": 5, "FixedRate": 0.5, "ReservoirSize": 3, "ServiceName": "shop",
    "ServiceType": "*", "Host": "*", "HTTPMethod": "GET", "URLPath": "*", "Version": 1,
}  # fmt: skip


def rated(client: Client, o: dict[str, str]) -> Any:
    records = client("xray").get_sampling_rules()["SamplingRuleRecords"]
    return [r["SamplingRule"]["FixedRate"] for r in records if r["SamplingRule"]["RuleARN"] == o["Ref"]]


def statements(version: str) -> str:
    return json.dumps({"Version": version, "Statement": [{"Effect": "Allow"}]})


CASES = [
    Case(
        "AWS::XRay::Group",
        {"GroupName": "g", "FilterExpression": "fault"},
        lambda client, o: client("xray").get_group(GroupARN=o["Ref"])["Group"]["FilterExpression"],
        "fault",
        {"GroupName": "g", "FilterExpression": "error"},
        "error",
        ("GroupARN",),
    ),
    Case(
        "AWS::XRay::SamplingRule",
        {"SamplingRule": SAMPLING},
        rated,
        [0.5],
        {"SamplingRule": {**SAMPLING, "FixedRate": 0.25}},
        [0.25],
        ("RuleARN",),
    ),
    Case(
        "AWS::XRay::ResourcePolicy",
        {"PolicyName": "p", "PolicyDocument": statements("2012-10-17")},
        lambda client, o: client("xray").list_resource_policies()["ResourcePolicies"][0]["PolicyDocument"],
        statements("2012-10-17"),
        {"PolicyName": "p", "PolicyDocument": statements("2008-10-17")},
        statements("2008-10-17"),
    ),
    Case(
        "AWS::CertificateManager::Certificate",
        {"DomainName": "example.com", "ValidationMethod": "DNS", "Tags": [{"Key": "a", "Value": "1"}]},
        tags_of,
        ["ISSUED", [{"Key": "a", "Value": "1"}]],
        {"DomainName": "example.com", "ValidationMethod": "DNS", "Tags": [{"Key": "b", "Value": "2"}]},
        ["ISSUED", [{"Key": "b", "Value": "2"}]],
    ),
    Case(
        "AWS::CertificateManager::Account",
        {"ExpiryEventsConfiguration": {"DaysBeforeExpiry": 10}},
        lambda client, o: client("acm").get_account_configuration()["ExpiryEvents"]["DaysBeforeExpiry"],
        10,
        {"ExpiryEventsConfiguration": {"DaysBeforeExpiry": 20}},
        20,
        ("AccountId",),
        stays=True,
    ),
    Case(
        "AWS::ApplicationAutoScaling::ScalableTarget",
        scalable(5, "day"),
        target,
        [5, ["day"]],
        scalable(7, "night"),
        [7, ["night"]],
        ("Id",),
    ),
    Case(
        "AWS::ApplicationAutoScaling::ScalingPolicy",
        policy(50.0),
        tracked,
        50.0,
        policy(70.0),
        70.0,
        ("Arn",),
        needs={"Target": resource("ApplicationAutoScaling::ScalableTarget", **TABLE, MinCapacity=1, MaxCapacity=9)},
    ),
    Case(
        "AWS::IAM::InstanceProfile",
        {"InstanceProfileName": "p", "Roles": [ref("One")]},
        roles_of,
        ["one"],
        {"InstanceProfileName": "p", "Roles": [ref("Two")]},
        ["two"],
        ("Arn",),
        needs={"One": named_role("one"), "Two": named_role("two")},
    ),
    Case(
        "AWS::IAM::SAMLProvider",
        {"Name": "idp", "SamlMetadataDocument": METADATA},
        of(lambda client, o: client("iam").get_saml_provider(SAMLProviderArn=o["Ref"]), "SAMLMetadataDocument"),
        METADATA,
        {"Name": "idp", "SamlMetadataDocument": METADATA.replace("idp.example", "new.example")},
        METADATA.replace("idp.example", "new.example"),
        ("Arn",),
    ),
    Case(
        "AWS::IAM::ServerCertificate",
        {"ServerCertificateName": "c", **certificate()},
        of(
            lambda client, o: client("iam").get_server_certificate(ServerCertificateName=o["Ref"]),
            "ServerCertificate",
            "CertificateBody",
        ),
        certificate()["CertificateBody"].strip(),
        attributes=("Arn",),
    ),
    Case(
        "AWS::CloudWatch::CompositeAlarm",
        {"AlarmRule": "ALARM(one)"},
        composite,
        "ALARM(one)",
        {"AlarmRule": "OK(one)"},
        "OK(one)",
        ("Arn",),
        needs={"Alarm": ALARM},
        depends="Alarm",
    ),
    Case(
        "AWS::CloudWatch::AnomalyDetector",
        DETECTOR,
        of(lambda client, o: client("cloudwatch").describe_anomaly_detectors()["AnomalyDetectors"][0], "Stat"),
        "Sum",
        attributes=("Id",),
    ),
    Case(
        "AWS::CloudWatch::InsightRule",
        {"RuleName": "r", "RuleState": "ENABLED", "RuleBody": json.dumps(RULE)},
        of(lambda client, o: client("cloudwatch").describe_insight_rules()["InsightRules"][0], "State"),
        "ENABLED",
        {"RuleName": "r", "RuleState": "DISABLED", "RuleBody": json.dumps(RULE)},
        "DISABLED",
        ("RuleName", "Arn"),
    ),
    Case(
        "AWS::KMS::ReplicaKey",
        {"KeyPolicy": KEY_POLICY, "PrimaryKeyArn": "{{resolve:ssm:primary}}", "Description": "a"},
        replica,
        "a",
        {"KeyPolicy": KEY_POLICY, "PrimaryKeyArn": "{{resolve:ssm:primary}}", "Description": "b"},
        "b",
        ("Arn", "KeyId"),
        prepare=primary,
    ),
    Case(
        "AWS::SecretsManager::RotationSchedule",
        {
            "SecretId": ref("Secret"),
            "RotationLambdaARN": att("Rotator", "Arn"),
            "RotationRules": {"AutomaticallyAfterDays": 3},
            "RotateImmediatelyOnUpdate": False,
        },
        lambda client, o: (lambda shown: shown["RotationRules"] if shown["RotationEnabled"] else None)(
            client("secretsmanager").describe_secret(SecretId=o["Secret"])
        ),
        {"AutomaticallyAfterDays": 3},
        attributes=("Id",),
        needs={
            "Secret": resource("SecretsManager::Secret", SecretString="s"),
            "Role": role("lambda.amazonaws.com"),
            "Rotator": ROTATOR,
            "Permission": PERMISSION,
        },
        depends="Permission",
    ),
]
