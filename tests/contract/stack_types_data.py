"""Resource types of storage and messaging, each with a small template."""

from __future__ import annotations

import json
from typing import Any

from tests.contract.stack_types import (
    FUNCTION,
    QUEUE,
    TOPIC,
    Case,
    Client,
    att,
    member,
    of,
    only,
    ref,
    resource,
    role,
)

EVERYBODY = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}
CONNECTION = {
    "Connection": resource(
        "Events::Connection",
        Name="c",
        AuthorizationType="API_KEY",
        AuthParameters={"ApiKeyAuthParameters": {"ApiKeyName": "k", "ApiKeyValue": "v"}},
    )
}


def endpoint(description: str) -> dict[str, Any]:
    regions = ("us-east-1", "eu-west-1")
    buses = [{"Fn::Sub": f"arn:aws:events:{region}:${{AWS::AccountId}}:event-bus/both"} for region in regions]
    return {
        "Name": "e",
        "Description": description,
        "EventBuses": [{"EventBusArn": bus} for bus in buses],
        "ReplicationConfig": {"State": "DISABLED"},
        "RoutingConfig": {
            "FailoverConfig": {
                "Primary": {"HealthCheck": "arn:aws:route53:::healthcheck/a1"},
                "Secondary": {"Route": "eu-west-1"},
            }
        },
    }


def put_buses(client: Client) -> None:
    """A bus of one name in each of an endpoint's regions."""
    for region in ("us-east-1", "eu-west-1"):
        client("events", region).create_event_bus(Name="both")


def everybody(action: str, target: Any) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": "*", "Action": action, "Resource": target}
    return {"Version": "2012-10-17", "Statement": [statement]}


def stream_settings(client: Client, outputs: dict[str, str]) -> Any:
    summary = client("kinesis").describe_stream_summary(StreamName=outputs["Ref"])["StreamDescriptionSummary"]
    metrics = summary["EnhancedMonitoring"][0]["ShardLevelMetrics"]
    return summary["RetentionPeriodHours"], summary["OpenShardCount"], metrics


def consumer_tag(client: Client, outputs: dict[str, str]) -> Any:
    tags = client("kinesis").list_tags_for_resource(ResourceARN=outputs["Ref"])["Tags"]
    return member(only(tags, Key="k"), "Value")


def stream_action(client: Client, outputs: dict[str, str]) -> Any:
    policy = client("kinesis").get_resource_policy(ResourceARN=outputs["Ref"])["Policy"]
    return json.loads(policy)["Statement"][0]["Action"]


def table(capacity: int) -> dict[str, Any]:
    return {
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "ProvisionedThroughput": {"ReadCapacityUnits": capacity, "WriteCapacityUnits": 1},
        "StreamSpecification": {"StreamViewType": "NEW_IMAGE"},
    }


def global_table(days: bool) -> dict[str, Any]:
    return {
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
        "TimeToLiveSpecification": {"AttributeName": "at", "Enabled": days},
        "Replicas": [{"Region": "us-east-1"}],
    }


def queue_statement(client: Client, o: dict[str, str], logical: str = "Queue") -> Any:
    answer = client("sqs").get_queue_attributes(QueueUrl=o[logical], AttributeNames=["Policy"])
    return json.loads(answer["Attributes"]["Policy"])["Statement"][0]["Action"]


def topic_statement(client: Client, o: dict[str, str]) -> Any:
    policy = json.loads(client("sns").get_topic_attributes(TopicArn=o["Topic"])["Attributes"]["Policy"])
    return policy["Statement"][0]["Action"] if policy["Statement"][0].get("Sid") != "__default_statement_ID" else None


def bucket_statement(client: Client, o: dict[str, str]) -> Any:
    return json.loads(client("s3").get_bucket_policy(Bucket=o["Bucket"])["Policy"])["Statement"][0]["Action"]


def secret_value(client: Client, o: dict[str, str]) -> Any:
    return client("secretsmanager").get_secret_value(SecretId=o["Ref"])["SecretString"]


def secret_statement(client: Client, o: dict[str, str]) -> Any:
    policy = client("secretsmanager").get_resource_policy(SecretId=o["Secret"]).get("ResourcePolicy")
    return None if policy is None else json.loads(policy)["Statement"][0]["Action"]


def rule(state: str) -> dict[str, Any]:
    return {
        "Name": "r", "EventPattern": {"source": ["shop"]}, "State": state,
        "Targets": [{"Id": "q", "Arn": att("Queue", "Arn")}],
    }  # fmt: skip


def pipe(state: str) -> dict[str, Any]:
    return {
        "Name": "p", "Source": att("Queue", "Arn"), "Target": ref("Topic"), "RoleArn": att("Role", "Arn"),
        "DesiredState": "STOPPED", "Description": state,
    }  # fmt: skip


def schedule(expression: str) -> dict[str, Any]:
    return {
        "Name": "s", "ScheduleExpression": expression, "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {"Arn": att("Queue", "Arn"), "RoleArn": att("Role", "Arn")},
    }  # fmt: skip


def destination(rate: int) -> dict[str, Any]:
    return {
        "Name": "d", "ConnectionArn": att("Connection", "Arn"), "HttpMethod": "POST",
        "InvocationEndpoint": "https://example.com/", "InvocationRateLimitPerSecond": rate,
    }  # fmt: skip


def rotation(days: int) -> dict[str, Any]:
    return {
        "SecretId": ref("Secret"),
        "RotationLambdaARN": att("Fn", "Arn"),
        "RotationRules": {"AutomaticallyAfterDays": days},
        "RotateImmediatelyOnUpdate": False,
    }


STORAGE = [
    Case(
        "AWS::DynamoDB::Table",
        table(1),
        of(
            lambda client, o: client("dynamodb").describe_table(TableName=o["Ref"]),
            "Table",
            "ProvisionedThroughput",
            "ReadCapacityUnits",
        ),
        1,
        table(2),
        2,
        ("Arn", "StreamArn"),
    ),
    Case(
        "AWS::DynamoDB::GlobalTable",
        global_table(False),
        of(
            lambda client, o: client("dynamodb").describe_time_to_live(TableName=o["Ref"]),
            "TimeToLiveDescription",
            "TimeToLiveStatus",
        ),
        "DISABLED",
        global_table(True),
        "ENABLED",
        ("Arn", "TableId"),
    ),
    Case(
        "AWS::S3::Bucket",
        {"VersioningConfiguration": {"Status": "Suspended"}},
        of(lambda client, o: client("s3").get_bucket_versioning(Bucket=o["Ref"]), "Status"),
        "Suspended",
        {"VersioningConfiguration": {"Status": "Enabled"}},
        "Enabled",
        ("Arn", "DomainName", "RegionalDomainName", "WebsiteURL", "DualStackDomainName"),
    ),
    Case(
        "AWS::S3::BucketPolicy",
        {"Bucket": ref("Bucket"), "PolicyDocument": everybody("s3:GetObject", {"Fn::Sub": "${Bucket.Arn}/*"})},
        bucket_statement,
        "s3:GetObject",
        {"Bucket": ref("Bucket"), "PolicyDocument": everybody("s3:PutObject", {"Fn::Sub": "${Bucket.Arn}/*"})},
        "s3:PutObject",
        needs={"Bucket": resource("S3::Bucket", PublicAccessBlockConfiguration={"BlockPublicPolicy": False})},
    ),
    Case(
        "AWS::SSM::Parameter",
        {"Name": "p", "Type": "String", "Value": "a"},
        of(lambda client, o: client("ssm").get_parameter(Name="p"), "Parameter", "Value"),
        "a",
        {"Name": "p", "Type": "String", "Value": "b"},
        "b",
        ("Type", "Value"),
    ),
    Case("AWS::SecretsManager::Secret", {"SecretString": "a"}, secret_value, "a", {"SecretString": "b"}, "b", ("Id",)),
    Case(
        "AWS::SecretsManager::ResourcePolicy",
        {
            "SecretId": ref("Secret"),
            "ResourcePolicy": {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        **EVERYBODY,
                        "Action": "secretsmanager:GetSecretValue",
                        "Principal": {"AWS": {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:root"}},
                    }
                ],
            },
        },
        secret_statement,
        "secretsmanager:GetSecretValue",
        {
            "SecretId": ref("Secret"),
            "ResourcePolicy": {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        **EVERYBODY,
                        "Action": "secretsmanager:DescribeSecret",
                        "Principal": {"AWS": {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:root"}},
                    }
                ],
            },
        },
        "secretsmanager:DescribeSecret",
        needs={"Secret": resource("SecretsManager::Secret", SecretString="s")},
    ),
    Case(
        "AWS::KMS::Key",
        {
            "Description": "a",
            "KeyPolicy": {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        **EVERYBODY,
                        "Principal": {"AWS": {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:root"}},
                        "Action": "kms:*",
                    }
                ],
            },
        },
        lambda client, o: (lambda key: None if key["KeyState"] == "PendingDeletion" else key["Description"])(
            client("kms").describe_key(KeyId=o["KeyId"])["KeyMetadata"]
        ),
        "a",
        {
            "Description": "b",
            "KeyPolicy": {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        **EVERYBODY,
                        "Principal": {"AWS": {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:root"}},
                        "Action": "kms:*",
                    }
                ],
            },
        },
        "b",
        ("Arn", "KeyId"),
    ),
    Case(
        "AWS::KMS::Alias",
        {"AliasName": "alias/a", "TargetKeyId": ref("Key")},
        lambda client, o: member(only(client("kms").list_aliases()["Aliases"], AliasName="alias/a"), "AliasName"),
        "alias/a",
        needs={"Key": resource("KMS::Key", Description="k")},
    ),
    Case(
        "AWS::SecretsManager::RotationSchedule",
        rotation(5),
        of(lambda client, o: client("secretsmanager").describe_secret(SecretId=o["Secret"]), "RotationRules"),
        {"AutomaticallyAfterDays": 5},
        rotation(6),
        {"AutomaticallyAfterDays": 6},
        needs={
            **FUNCTION,
            "Secret": resource("SecretsManager::Secret", SecretString="s"),
            "Allowed": resource(
                "Lambda::Permission",
                FunctionName=ref("Fn"),
                Action="lambda:InvokeFunction",
                Principal="secretsmanager.amazonaws.com",
            ),
        },
        depends="Allowed",
    ),
]

STREAM = {"Stream": resource("Kinesis::Stream", ShardCount=1)}
STREAMING = [
    Case(
        "AWS::Kinesis::Stream",
        {"ShardCount": 1, "RetentionPeriodHours": 30},
        stream_settings,
        (30, 1, []),
        {"ShardCount": 2, "RetentionPeriodHours": 26, "DesiredShardLevelMetrics": ["IncomingBytes"]},
        (26, 2, ["IncomingBytes"]),
        ("Arn",),
    ),
    Case(
        "AWS::Kinesis::StreamConsumer",
        {"ConsumerName": "c", "StreamARN": att("Stream", "Arn"), "Tags": [{"Key": "k", "Value": "a"}]},
        consumer_tag,
        "a",
        {"ConsumerName": "c", "StreamARN": att("Stream", "Arn"), "Tags": [{"Key": "k", "Value": "b"}]},
        "b",
        ("ConsumerARN", "ConsumerName", "ConsumerStatus", "StreamARN"),
        needs=STREAM,
    ),
    Case(
        "AWS::Kinesis::ResourcePolicy",
        {
            "ResourceArn": att("Stream", "Arn"),
            "ResourcePolicy": everybody("kinesis:PutRecord", att("Stream", "Arn")),
        },
        stream_action,
        "kinesis:PutRecord",
        {
            "ResourceArn": att("Stream", "Arn"),
            "ResourcePolicy": everybody("kinesis:PutRecords", att("Stream", "Arn")),
        },
        "kinesis:PutRecords",
        needs=STREAM,
    ),
]

MESSAGING = [
    Case(
        "AWS::SQS::Queue",
        {"VisibilityTimeout": 10},
        of(
            lambda client, o: client("sqs").get_queue_attributes(
                QueueUrl=o["Ref"], AttributeNames=["VisibilityTimeout"]
            ),
            "Attributes",
            "VisibilityTimeout",
        ),
        "10",
        {"VisibilityTimeout": 20},
        "20",
        ("Arn", "QueueName", "QueueUrl"),
    ),
    Case(
        "AWS::SQS::QueuePolicy",
        {"Queues": [ref("Queue")], "PolicyDocument": everybody("sqs:SendMessage", "*")},
        queue_statement,
        "sqs:SendMessage",
        {"Queues": [ref("Queue")], "PolicyDocument": everybody("sqs:ReceiveMessage", "*")},
        "sqs:ReceiveMessage",
        needs=QUEUE,
    ),
    Case(
        "AWS::SQS::QueueInlinePolicy",
        {"Queue": ref("Queue"), "PolicyDocument": everybody("sqs:SendMessage", "*")},
        queue_statement,
        "sqs:SendMessage",
        {"Queue": ref("Queue"), "PolicyDocument": everybody("sqs:ReceiveMessage", "*")},
        "sqs:ReceiveMessage",
        needs=QUEUE,
    ),
    Case(
        "AWS::SNS::Topic",
        {"DisplayName": "a"},
        of(lambda client, o: client("sns").get_topic_attributes(TopicArn=o["Ref"]), "Attributes", "DisplayName"),
        "a",
        {"DisplayName": "b"},
        "b",
        ("TopicArn", "TopicName"),
    ),
    Case(
        "AWS::SNS::TopicPolicy",
        {"Topics": [ref("Topic")], "PolicyDocument": everybody("sns:Publish", ref("Topic"))},
        topic_statement,
        "sns:Publish",
        {"Topics": [ref("Topic")], "PolicyDocument": everybody("sns:Subscribe", ref("Topic"))},
        "sns:Subscribe",
        needs=TOPIC,
    ),
    Case(
        "AWS::SNS::TopicInlinePolicy",
        {"TopicArn": ref("Topic"), "PolicyDocument": everybody("sns:Publish", ref("Topic"))},
        topic_statement,
        "sns:Publish",
        {"TopicArn": ref("Topic"), "PolicyDocument": everybody("sns:Subscribe", ref("Topic"))},
        "sns:Subscribe",
        needs=TOPIC,
    ),
    Case(
        "AWS::SNS::Subscription",
        {"TopicArn": ref("Topic"), "Protocol": "sqs", "Endpoint": att("Queue", "Arn"), "RawMessageDelivery": True},
        of(
            lambda client, o: client("sns").get_subscription_attributes(SubscriptionArn=o["Ref"]),
            "Attributes",
            "RawMessageDelivery",
        ),
        "true",
        {"TopicArn": ref("Topic"), "Protocol": "sqs", "Endpoint": att("Queue", "Arn"), "RawMessageDelivery": False},
        "false",
        ("Arn",),
        needs={**TOPIC, **QUEUE},
    ),
    Case(
        "AWS::Events::EventBus",
        {"Name": "bus", "Description": "a"},
        of(lambda client, o: client("events").describe_event_bus(Name="bus"), "Description"),
        "a",
        {"Name": "bus", "Description": "b"},
        "b",
        ("Arn", "Name"),
    ),
    Case(
        "AWS::Events::EventBusPolicy",
        {
            "EventBusName": ref("Bus"),
            "StatementId": "s",
            "Statement": {
                "Effect": "Allow",
                "Principal": "*",
                "Action": "events:PutEvents",
                "Resource": att("Bus", "Arn"),
            },
        },
        lambda client, o: json.loads(client("events").describe_event_bus(Name="bus")["Policy"])["Statement"][0][
            "Action"
        ],
        "events:PutEvents",
        {
            "EventBusName": ref("Bus"),
            "StatementId": "s",
            "Statement": {
                "Effect": "Allow",
                "Principal": "*",
                "Action": "events:PutRule",
                "Resource": att("Bus", "Arn"),
            },
        },
        "events:PutRule",
        needs={"Bus": resource("Events::EventBus", Name="bus")},
    ),
    Case(
        "AWS::Events::Rule",
        rule("ENABLED"),
        of(lambda client, o: client("events").describe_rule(Name="r"), "State"),
        "ENABLED",
        rule("DISABLED"),
        "DISABLED",
        ("Arn",),
        needs=QUEUE,
    ),
    Case(
        "AWS::Events::Connection",
        {
            "Name": "c",
            "AuthorizationType": "API_KEY",
            "Description": "a",
            "AuthParameters": {"ApiKeyAuthParameters": {"ApiKeyName": "k", "ApiKeyValue": "v"}},
        },
        of(lambda client, o: client("events").describe_connection(Name="c"), "Description"),
        "a",
        {
            "Name": "c",
            "AuthorizationType": "API_KEY",
            "Description": "b",
            "AuthParameters": {"ApiKeyAuthParameters": {"ApiKeyName": "k", "ApiKeyValue": "v"}},
        },
        "b",
        ("Arn", "SecretArn"),
    ),
    Case(
        "AWS::Events::ApiDestination",
        destination(10),
        of(lambda client, o: client("events").describe_api_destination(Name="d"), "InvocationRateLimitPerSecond"),
        10,
        destination(20),
        20,
        ("Arn",),
        needs=CONNECTION,
    ),
    Case(
        "AWS::Events::Endpoint",
        endpoint("a"),
        of(lambda client, o: client("events").describe_endpoint(Name="e"), "Description"),
        "a",
        endpoint("b"),
        "b",
        ("Arn", "EndpointId", "EndpointUrl", "State"),
        prepare=put_buses,
    ),
    Case(
        "AWS::Events::Archive",
        {"ArchiveName": "a", "SourceArn": att("Bus", "Arn"), "RetentionDays": 1},
        of(lambda client, o: client("events").describe_archive(ArchiveName="a"), "RetentionDays"),
        1,
        {"ArchiveName": "a", "SourceArn": att("Bus", "Arn"), "RetentionDays": 2},
        2,
        ("Arn", "ArchiveName"),
        needs={"Bus": resource("Events::EventBus", Name="bus")},
    ),
    Case(
        "AWS::Pipes::Pipe",
        pipe("a"),
        of(lambda client, o: client("pipes").describe_pipe(Name="p"), "Description"),
        "a",
        pipe("b"),
        "b",
        ("Arn", "CurrentState"),
        needs={**QUEUE, **TOPIC, "Role": role("pipes.amazonaws.com")},
    ),
    Case(
        "AWS::Scheduler::ScheduleGroup",
        {"Name": "g"},
        of(lambda client, o: client("scheduler").get_schedule_group(Name="g"), "State"),
        "ACTIVE",
        attributes=("Arn", "State"),
    ),
    Case(
        "AWS::Scheduler::Schedule",
        schedule("rate(1 day)"),
        of(lambda client, o: client("scheduler").get_schedule(Name="s"), "ScheduleExpression"),
        "rate(1 day)",
        schedule("rate(2 days)"),
        "rate(2 days)",
        ("Arn",),
        needs={**QUEUE, "Role": role("scheduler.amazonaws.com")},
    ),
]

CASES = [*STORAGE, *MESSAGING, *STREAMING]
