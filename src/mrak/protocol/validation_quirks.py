"""Where services check their input otherwise than AWS's models say, as data: what they leave to themselves, what they
look at first, and their words.

Sources: answers recorded from AWS, and its documentation. Everything here is looked up when a codec is compiled.
"""

from __future__ import annotations

from msgspec import Struct


class NameRule(Struct, frozen=True):
    """What a name has to be where an ARN would do too."""

    least: int
    most: int
    pattern: str


# Enums that the service judges itself, with an error of its own, though the model lists their values.
LENIENT_ENUMS: frozenset[str] = frozenset(
    {
        "s3.BucketAccelerateStatus",
        "s3.BucketLocationConstraint",
        "s3.BucketLogsPermission",
        "s3.CompressionType",
        "s3.Event",
        "s3.ExpressionType",
        "s3.FileHeaderInfo",
        "s3.FilterRuleName",
        "s3.JSONType",
        "s3.Permission",
        "s3.Protocol",
        "s3.QuoteFields",
        "s3.Type",
    }
)

# Lengths that the service judges itself, with an error of its own.
LENIENT_LENGTHS: frozenset[str] = frozenset({"apigatewaymanagementapi.Data", "logs.LogGroupName", "logs.LogStreamName"})

# Patterns that the service judges itself, with an error of its own.
LENIENT_PATTERNS: frozenset[str] = frozenset({"iam.pathType", "logs.MetricNamespace"})

# Members that the service judges itself, with errors of its own, though the model constrains them.
LENIENT_MEMBERS: frozenset[str] = frozenset(
    {
        "dynamodb.CreateGlobalTableInput.GlobalTableName",
        "dynamodb.CreateTableInput.TableClass",
        "dynamodb.CreateTableInput.Tags",
        "dynamodb.DeleteBackupInput.BackupArn",
        "dynamodb.DescribeBackupInput.BackupArn",
        "dynamodb.DescribeContributorInsightsInput.IndexName",
        "dynamodb.DescribeGlobalTableInput.GlobalTableName",
        "dynamodb.DescribeGlobalTableSettingsInput.GlobalTableName",
        "dynamodb.ExportTableToPointInTimeInput.TableArn",
        "dynamodb.ListExportsInput.TableArn",
        "dynamodb.ListImportsInput.NextToken",
        "dynamodb.ListImportsInput.TableArn",
        "dynamodb.ReplicationGroupUpdate.Create",
        "dynamodb.RestoreTableFromBackupInput.BackupArn",
        "dynamodb.RestoreTableFromBackupInput.TargetTableName",
        "dynamodb.RestoreTableToPointInTimeInput.SourceTableArn",
        "dynamodb.RestoreTableToPointInTimeInput.TargetTableName",
        "dynamodb.TagResourceInput.Tags",
        "dynamodb.UntagResourceInput.TagKeys",
        "dynamodb.UpdateContributorInsightsInput.IndexName",
        "dynamodb.UpdateGlobalTableSettingsInput.GlobalTableName",
        "dynamodb.UpdateTableInput.TableClass",
    }
)

# Members that the model requires and the service does without.
OPTIONAL_MEMBERS: frozenset[str] = frozenset(
    {
        "dynamodb.CreateGlobalTableInput.GlobalTableName",
        "dynamodb.CreateGlobalTableInput.ReplicationGroup",
        "s3.Tagging.TagSet",
    }
)

# Strings that are an ARN or a resource's name; the model allows whatever an ARN may be, AWS judges names as such.
NAMES_OR_ARNS: dict[str, NameRule] = {"dynamodb.TableArn": NameRule(3, 255, "[a-zA-Z0-9_.-]+")}

# Strings whose length AWS reports before their pattern.
LENGTH_FIRST: frozenset[str] = frozenset({"dynamodb.IndexName", "cognito-idp.ArnType"})

# Inputs of which AWS misses one member before it validates anything: (member, message).
_NO_TABLE = ("TableName", "The parameter 'TableName' is required but was not present in the request")
MISSED_FIRST: dict[str, tuple[str, str]] = {
    f"dynamodb.{operation}Input": _NO_TABLE
    for operation in (
        "CreateTable",
        "DeleteTable",
        "DescribeContinuousBackups",
        "DescribeTable",
        "DescribeTimeToLive",
        "UpdateContinuousBackups",
        "UpdateTable",
        "UpdateTimeToLive",
    )
}

# Enum sets whose message does not show the model's values.
# Lambda refuses retired runtimes in layers, with a list and a phrase of its own.
ENUM_LIST_MESSAGES: dict[str, str] = {
    "lambda.CompatibleRuntimes": (
        "Member must satisfy enum value set: [nodejs20.x, python3.14, provided.al2023, python3.12, python3.13, "
        "nodejs24.x, nodejs22.x, java25, python3.10, python3.11, java21, ruby3.3, ruby3.4, ruby3.2, python3.8, "
        "python3.9, java17, nodejs16.x, dotnet10, dotnet8, java11, dotnet6, nodejs18.x, provided.al2, java8.al2]"
    ),
}

# What AWS says where a value breaks a shape's pattern or enum, if that is not what the model has.
SHAPE_PHRASES: dict[str, str] = {
    "kinesis.HashKey": r"Member must satisfy regular expression pattern: 0|([1-9]\d{0,38})",
    "kinesis.SequenceNumber": r"Member must satisfy regular expression pattern: 0|([1-9]\d{0,128})",
    "lambda.Runtime": (
        "Member must satisfy enum value set: [ruby3.5, ruby2.6, dotnetcore1.0, python3.7, nodejs8.10, nasa, "
        "ruby2.7, python2.7-greengrass, dotnetcore2.0, python3.8, java21, dotnet6, dotnetcore2.1, python3.9, "
        "java11, nodejs6.10, provided, dotnetcore3.1, dotnet8, java25, java17, nodejs, nodejs4.3, java8.al2, "
        "go1.x, dotnet10, nodejs20.x, go1.9, byol, nodejs10.x, provided.al2023, nodejs22.x, python3.10, "
        "java8, nodejs12.x, python3.11, nodejs24.x, nodejs8.x, python3.12, nodejs14.x, nodejs8.9, nodejs26.x,"
        " python3.13, python3.14, nodejs16.x, python3.15, provided.al2, nodejs4.3-edge, nodejs18.x, ruby3.2, "
        "python3.4, ruby3.3, ruby3.4, ruby2.5, python3.6, python2.7]"
    ),
    "lambda.LayerVersionArn": (
        "Member must satisfy regular expression pattern: (arn:(aws[a-zA-Z-]*)?:lambda:(eusc-)?[a-z]{2}((-gov)"
        r"|(-iso([a-z]?)))?-[a-z]+-\d{1}:\d{12}:layer:[a-zA-Z0-9-_]+:[0-9]+)|(arn:[a-zA-Z0-9-]+:lambda:::awsla"
        "yer:[a-zA-Z0-9-_]+)"
    ),
    "lambda.TaggableResource": (
        "Member must satisfy regular expression pattern: arn:(aws[a-zA-Z-]*):lambda:(eusc-)?[a-z]{2}((-gov)|("
        r"-iso([a-z]?)))?-[a-z]+-\d{1}:\d{12}:(function:[a-zA-Z0-9-_]+(:(\$LATEST|[a-zA-Z0-9-_]+))?|layer:([a-"
        "zA-Z0-9-_]+)|code-signing-config:csc-[a-z0-9]{17}|event-source-mapping:[0-9a-fA-F]{8}-[0-9a-fA-F]{4}"
        "-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}|capacity-provider:[a-zA-Z0-9-_]+)"
    ),
}

# Lists whose null members reach the service, which refuses them in words of its own. Others lose them on the way in.
NULL_KEEPERS: frozenset[str] = frozenset(f"dynamodb.{kind}SetAttributeValue" for kind in ("String", "Number", "Binary"))

# The order in which AWS goes through a structure's members, where it is not the model's. Names that the model lacks are
# members that only AWS's own callers can set; they show as null in messages.
MEMBER_ORDER: dict[str, tuple[str, ...]] = {
    "dynamodb.AttributeDefinition": ("AttributeType", "AttributeName"),
    "dynamodb.AttributeValue": (
        "S",
        "N",
        "B",
        "INT",
        "DECIMAL",
        "DOUBLE",
        "SS",
        "NS",
        "BS",
        "INTSET",
        "DECIMALSET",
        "DOUBLESET",
        "M",
        "L",
        "NULL",
        "BOOL",
    ),
    "dynamodb.CreateTableInput": (
        "AttributeDefinitions",
        "TableName",
        "KeySchema",
        "GlobalSecondaryIndexes",
        "LocalSecondaryIndexes",
        "BillingMode",
        "ProvisionedThroughput",
        "StreamSpecification",
        "SSESpecification",
        "Tags",
        "TableClass",
        "DeletionProtectionEnabled",
        "WarmThroughput",
        "ResourcePolicy",
        "OnDemandThroughput",
        "GlobalTableSourceArn",
        "GlobalTableSettingsReplicationMode",
        "VectorIndexes",
        "TableThroughputMode",
    ),
    "dynamodb.DeleteItemInput": (
        "ReturnConsumedCapacity",
        "TableName",
        "ReturnValues",
        "ReturnItemCollectionMetrics",
        "Key",
        "Expected",
        "ConditionalOperator",
        "ReturnValuesOnConditionCheckFailure",
        "ExpressionAttributeNames",
        "ExpressionAttributeValues",
        "ConditionExpression",
    ),
    "dynamodb.ProvisionedThroughput": ("WriteCapacityUnits", "ReadCapacityUnits"),
    "dynamodb.PutRequest": ("Item", "WorkloadProfileName"),
    "dynamodb.PutItemInput": (
        "ReturnConsumedCapacity",
        "TableName",
        "Item",
        "ReturnValues",
        "ReturnItemCollectionMetrics",
        "Expected",
        "ConditionalOperator",
        "ReturnValuesOnConditionCheckFailure",
        "ExpressionAttributeNames",
        "ExpressionAttributeValues",
        "ConditionExpression",
    ),
    "dynamodb.TimeToLiveSpecification": ("AttributeName", "Enabled"),
    "dynamodb.TransactWriteItemsInput": (
        "ClientRequestToken",
        "TransactItems",
        "ReturnConsumedCapacity",
        "ReturnItemCollectionMetrics",
    ),
    "dynamodb.UpdateItemInput": (
        "ReturnConsumedCapacity",
        "TableName",
        "ReturnItemCollectionMetrics",
        "ReturnValues",
        "ConditionalOperator",
        "Key",
        "AttributeUpdates",
        "Expected",
        "ReturnValuesOnConditionCheckFailure",
        "ExpressionAttributeNames",
        "ExpressionAttributeValues",
        "UpdateExpression",
        "ConditionExpression",
    ),
    "events.PutEventsRequestEntry": (
        "Time",
        "Source",
        "Resources",
        "DetailType",
        "Detail",
        "EventBusName",
        "TraceHeader",
        "KmsKeyIdentifier",
        "InternalMetadata",
    ),
    "lambda.PublishLayerVersionRequest": (
        "LayerName",
        "Description",
        "Content",
        "CompatibleRuntimes",
        "CompatibleArchitectures",
        "LicenseInfo",
    ),
    "logs.MetricTransformation": (
        "metricName",
        "metricNamespace",
        "metricValue",
        "defaultValue",
        "unit",
        "dimensions",
    ),
}
