"""Validation messages word for word as AWS answered (recorded answers of each service), and codes."""

# ruff: noqa: E501 - recorded messages are kept whole, to be found by searching for them

from __future__ import annotations

from typing import Any

import pytest

from mrak.core.errors import ApiError
from mrak.core.http import Request
from mrak.protocol.codec import codec

CASES: list[tuple[str, str, dict[str, Any], str]] = []


def t(service: str, operation: str, value: dict[str, Any], recorded: str) -> None:
    CASES.append((service, operation, value, recorded))


V = "1 validation error detected: Value "
FN = "(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:)?(\\d{12}:)?(function:)?([a-zA-Z0-9-_]+)(:(\\$LATEST|[a-zA-Z0-9-_]+))?"
FND = "(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:)?(\\d{12}:)?(function:)?([a-zA-Z0-9-_\\.]+)(:(\\$LATEST(\\.PUBLISHED)?|[a-zA-Z0-9-_]+))?"
base = {"Role": "arn:aws:iam::123456789012:role/x", "Code": {"ZipFile": b"x"}}
t(
    "lambda",
    "CreateFunction",
    {"FunctionName": "invalid:function:name", **base},
    V
    + "'invalid:function:name' at 'functionName' failed to satisfy constraint: Member must satisfy regular expression pattern: "
    + FN,
)
t(
    "lambda",
    "Invoke",
    {"FunctionName": "*"},
    V + "'*' at 'functionName' failed to satisfy constraint: Member must satisfy regular expression pattern: " + FND,
)
t(
    "lambda",
    "DeleteFunction",
    {"FunctionName": "a:b:c:d"},
    V
    + "'a:b:c:d' at 'functionName' failed to satisfy constraint: Member must satisfy regular expression pattern: "
    + FND,
)
t(
    "lambda",
    "CreateFunction",
    {"FunctionName": "a" * 141, **base},
    "1 validation error detected: Value '"
    + "a" * 141
    + "' at 'functionName' failed to satisfy constraint: Member must have length less than or equal to 140",
)
t(
    "lambda",
    "CreateFunction",
    {"FunctionName": "a", "Layers": ["arn:aws:lambda:us-east-1:111111111111:layer:foo"], **base},
    "1 validation error detected: Value '[arn:aws:lambda:us-east-1:111111111111:layer:foo]' at 'layers' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 2048, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: (arn:(aws[a-zA-Z-]*)?:lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:\\d{12}:layer:[a-zA-Z0-9-_]+:[0-9]+)|(arn:[a-zA-Z0-9-]+:lambda:::awslayer:[a-zA-Z0-9-_]+), Member must not be null]",
)
t(
    "lambda",
    "PublishLayerVersion",
    {
        "LayerName": "a",
        "Content": {"ZipFile": b"x"},
        "CompatibleRuntimes": ["invalidruntime"],
        "CompatibleArchitectures": ["invalidarch"],
    },
    "2 validation errors detected: Value '[invalidruntime]' at 'compatibleRuntimes' failed to satisfy constraint: Member must satisfy enum value set: [nodejs20.x, python3.14, provided.al2023, python3.12, python3.13, nodejs24.x, nodejs22.x, java25, python3.10, python3.11, java21, ruby3.3, ruby3.4, ruby3.2, python3.8, python3.9, java17, nodejs16.x, dotnet10, dotnet8, java11, dotnet6, nodejs18.x, provided.al2, java8.al2]; Value '[invalidarch]' at 'compatibleArchitectures' failed to satisfy constraint: Member must satisfy constraint: [Member must satisfy enum value set: [x86_64, arm64], Member must not be null]",
)
t(
    "lambda",
    "ListLayers",
    {"CompatibleRuntime": "runtimedoesnotexist"},
    "1 validation error detected: Value 'runtimedoesnotexist' at 'compatibleRuntime' failed to satisfy constraint: Member must satisfy enum value set: [ruby3.5, ruby2.6, dotnetcore1.0, python3.7, nodejs8.10, nasa, ruby2.7, python2.7-greengrass, dotnetcore2.0, python3.8, java21, dotnet6, dotnetcore2.1, python3.9, java11, nodejs6.10, provided, dotnetcore3.1, dotnet8, java25, java17, nodejs, nodejs4.3, java8.al2, go1.x, dotnet10, nodejs20.x, go1.9, byol, nodejs10.x, provided.al2023, nodejs22.x, python3.10, java8, nodejs12.x, python3.11, nodejs24.x, nodejs8.x, python3.12, nodejs14.x, nodejs8.9, nodejs26.x, python3.13, python3.14, nodejs16.x, python3.15, provided.al2, nodejs4.3-edge, nodejs18.x, ruby3.2, python3.4, ruby3.3, ruby3.4, ruby2.5, python3.6, python2.7]",
)
t(
    "lambda",
    "CreateFunctionUrlConfig",
    {"FunctionName": "a", "AuthType": "NONE", "Qualifier": "1"},
    V
    + "'1' at 'qualifier' failed to satisfy constraint: Member must satisfy regular expression pattern: ((?!^\\d+$)^[0-9a-zA-Z-_]+$)",
)
t(
    "lambda",
    "CreateFunctionUrlConfig",
    {"FunctionName": "a", "AuthType": "NONE", "InvokeMode": "UNKNOWN"},
    V
    + "'UNKNOWN' at 'invokeMode' failed to satisfy constraint: Member must satisfy enum value set: [RESPONSE_STREAM, BUFFERED]",
)
t(
    "lambda",
    "PutFunctionRecursionConfig",
    {"FunctionName": "a", "RecursiveLoop": "InvalidValue"},
    V
    + "'InvalidValue' at 'recursiveLoop' failed to satisfy constraint: Member must satisfy enum value set: [Terminate, Allow]",
)
t(
    "lambda",
    "UntagResource",
    {"Resource": "arn:aws:lambda:us-east-1:111111111111:function:a"},
    V + "null at 'tagKeys' failed to satisfy constraint: Member must not be null",
)
t(
    "lambda",
    "TagResource",
    {"Resource": "arn:aws:something", "Tags": {"a": "b"}},
    V
    + "'arn:aws:something' at 'resource' failed to satisfy constraint: Member must satisfy regular expression pattern: arn:(aws[a-zA-Z-]*):lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:\\d{12}:(function:[a-zA-Z0-9-_]+(:(\\$LATEST|[a-zA-Z0-9-_]+))?|layer:([a-zA-Z0-9-_]+)|code-signing-config:csc-[a-z0-9]{17}|event-source-mapping:[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}|capacity-provider:[a-zA-Z0-9-_]+)",
)
t(
    "lambda",
    "AddPermission",
    {"FunctionName": "a", "StatementId": "example.com", "Action": "lambda:InvokeFunction", "Principal": "x"},
    V
    + "'example.com' at 'statementId' failed to satisfy constraint: Member must satisfy regular expression pattern: ([a-zA-Z0-9-_]+)",
)
t(
    "lambda",
    "AddPermission",
    {
        "FunctionName": "a",
        "StatementId": "s",
        "Action": "lambda:InvokeFunction",
        "Principal": "x",
        "Qualifier": "invalid-qualifier-with-?-char",
    },
    V
    + "'invalid-qualifier-with-?-char' at 'qualifier' failed to satisfy constraint: Member must satisfy regular expression pattern: \\$(LATEST(\\.PUBLISHED)?)|[a-zA-Z0-9-_$]+",
)
t(
    "lambda",
    "GetLayerVersionByArn",
    {"Arn": "arn:aws:lambda:us-east-1:111111111111:layer:x"},
    V
    + "'arn:aws:lambda:us-east-1:111111111111:layer:x' at 'arn' failed to satisfy constraint: Member must satisfy regular expression pattern: (arn:(aws[a-zA-Z-]*)?:lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:\\d{12}:layer:[a-zA-Z0-9-_]+:[0-9]+)|(arn:[a-zA-Z0-9-]+:lambda:::awslayer:[a-zA-Z0-9-_]+)",
)
t(
    "events",
    "CreateApiDestination",
    {
        "Name": "a",
        "ConnectionArn": "invalid-connection-arn",
        "InvocationEndpoint": "https://x.y/z",
        "HttpMethod": "INVALID_METHOD",
    },
    "2 validation errors detected: Value 'invalid-connection-arn' at 'connectionArn' failed to satisfy constraint: Member must satisfy regular expression pattern: ^arn:aws([a-z]|\\-)*:events:([a-z]|\\d|\\-)*:([0-9]{12})?:connection\\/[\\.\\-_A-Za-z0-9]+\\/[\\-A-Za-z0-9]+$; Value 'INVALID_METHOD' at 'httpMethod' failed to satisfy constraint: Member must satisfy enum value set: [HEAD, POST, PATCH, DELETE, PUT, GET, OPTIONS]",
)
long = "This should fail with two errors 123467890123412341234123412341234"
t(
    "events",
    "CreateConnection",
    {"Name": long, "AuthorizationType": "INVALID", "AuthParameters": {}},
    f"3 validation errors detected: Value '{long}' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\.\\-_A-Za-z0-9]+; Value '{long}' at 'name' failed to satisfy constraint: Member must have length less than or equal to 64; Value 'INVALID' at 'authorizationType' failed to satisfy constraint: Member must satisfy enum value set: [BASIC, OAUTH_CLIENT_CREDENTIALS, API_KEY]",
)
t(
    "events",
    "PutTargets",
    {"Rule": "r", "Targets": [{"Id": "!@#$@!#$", "Arn": "arn:x"}]},
    V
    + "'!@#$@!#$' at 'targets.1.member.id' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\.\\-_A-Za-z0-9]+",
)
e = {"Source": "core.x", "DetailType": "d", "Detail": '{"a": 1}', "EventBusName": "b"}
t(
    "events",
    "PutEvents",
    {"Entries": [e] * 11},
    V
    + "'["
    + ", ".join(
        [
            'PutEventsRequestEntry(time=null, source=core.x, resources=null, detailType=d, detail={"a": 1}, eventBusName=b, traceHeader=null, kmsKeyIdentifier=null, internalMetadata=null)'
        ]
        * 11
    )
    + "]' at 'entries' failed to satisfy constraint: Member must have length less than or equal to 10",
)
t(
    "iam",
    "ResetServiceSpecificCredential",
    {"ServiceSpecificCredentialId": "a" * 20 + "-"},
    "1 validation error detected: Value at 'serviceSpecificCredentialId' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w]+",
)
t(
    "kms",
    "TagResource",
    {"KeyId": "a", "Tags": [{"TagKey": "a" * 129, "TagValue": "x"}]},
    V
    + "'"
    + "a" * 129
    + "' at 'tags.1.member.tagKey' failed to satisfy constraint: Member must have length less than or equal to 128",
)
t(
    "kms",
    "DeriveSharedSecret",
    {"KeyId": "a", "KeyAgreementAlgorithm": "INVALID", "PublicKey": b"x"},
    V + "'INVALID' at 'keyAgreementAlgorithm' failed to satisfy constraint: Member must satisfy enum value set: [ECDH]",
)
t(
    "kms",
    "GenerateRandom",
    {"NumberOfBytes": 1025},
    V + "'1025' at 'numberOfBytes' failed to satisfy constraint: Member must have value less than or equal to 1024",
)
t(
    "kms",
    "GenerateMac",
    {"KeyId": "a", "Message": b"x", "MacAlgorithm": "INVALID"},
    V
    + "'INVALID' at 'macAlgorithm' failed to satisfy constraint: Member must satisfy enum value set: [HMAC_SHA_384, HMAC_SHA_256, HMAC_SHA_224, HMAC_SHA_512]",
)
t(
    "logs",
    "DescribeMetricFilters",
    {"filterNamePrefix": "X" * 513},
    V
    + "'"
    + "X" * 513
    + "' at 'filterNamePrefix' failed to satisfy constraint: Member must have length less than or equal to 512",
)


def tr(i: int) -> dict[str, str]:
    return {"metricName": f"metric{i}", "metricNamespace": f"namespace{i}", "metricValue": "1"}


t(
    "logs",
    "PutMetricFilter",
    {"logGroupName": "a", "filterName": "f", "filterPattern": "", "metricTransformations": [tr(1), tr(2)]},
    V
    + "'[MetricTransformation(metricName=metric1, metricNamespace=namespace1, metricValue=1, defaultValue=null, unit=null, dimensions=null), MetricTransformation(metricName=metric2, metricNamespace=namespace2, metricValue=1, defaultValue=null, unit=null, dimensions=null)]' at 'metricTransformations' failed to satisfy constraint: Member must have length less than or equal to 1",
)
t(
    "logs",
    "FilterLogEvents",
    {"logGroupName": "a", "limit": 10001},
    V + "'10001' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 10000",
)
t(
    "sns",
    "CreatePlatformApplication",
    {"Name": "a", "Platform": "b"},
    V + "null at 'attributes' failed to satisfy constraint: Member must not be null",
)
t(
    "stepfunctions",
    "ListExecutions",
    {"stateMachineArn": "a", "statusFilter": "succeeded"},
    V
    + "'succeeded' at 'statusFilter' failed to satisfy constraint: Member must satisfy enum value set: [SUCCEEDED, TIMED_OUT, PENDING_REDRIVE, ABORTED, FAILED, RUNNING]",
)
t(
    "stepfunctions",
    "ListExecutions",
    {"stateMachineArn": "a", "maxResults": 1001},
    V + "'1001' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 1000",
)


def rc(n: int, w: int) -> dict[str, Any]:
    return {"stateMachineVersionArn": f"arn:{n}", "weight": w}


t(
    "stepfunctions",
    "CreateStateMachineAlias",
    {"name": "a", "routingConfiguration": [rc(1, 50), rc(2, 30), rc(3, 20)]},
    V
    + "'[RoutingConfigurationListItem(stateMachineVersionArn=arn:1, weight=50), RoutingConfigurationListItem(stateMachineVersionArn=arn:2, weight=30), RoutingConfigurationListItem(stateMachineVersionArn=arn:3, weight=20)]' at 'routingConfiguration' failed to satisfy constraint: Member must have length less than or equal to 2",
)
t(
    "stepfunctions",
    "CreateStateMachineAlias",
    {"name": "a", "routingConfiguration": [rc(1, 101)]},
    V
    + "'101' at 'routingConfiguration.1.member.weight' failed to satisfy constraint: Member must have value less than or equal to 100",
)
t(
    "dynamodb",
    "ExecuteStatement",
    {"Statement": "s", "Parameters": []},
    V + "'[]' at 'parameters' failed to satisfy constraint: Member must have length greater than or equal to 1",
)
t(
    "dynamodb",
    "UpdateKinesisStreamingDestination",
    {
        "TableName": "aaa",
        "StreamArn": "arn:aws:kinesis:us-east-1:111111111111:stream/aaaaaaaaa",
        "UpdateKinesisStreamingConfiguration": {"ApproximateCreationDateTimePrecision": "SECOND"},
    },
    V
    + "'SECOND' at 'updateKinesisStreamingConfiguration.approximateCreationDateTimePrecision' failed to satisfy constraint: Member must satisfy enum value set: [MILLISECOND, MICROSECOND]",
)
t(
    "apigateway",
    "CreateRestApi",
    {"name": "x", "endpointConfiguration": {"types": ["wrong"], "ipAddressType": ""}},
    V
    + "'[wrong]' at 'createRestApiInput.endpointConfiguration.types' failed to satisfy constraint: Member must satisfy constraint: [Member must satisfy enum value set: [PRIVATE, EDGE, REGIONAL]]",
)
t(
    "apigateway",
    "UpdateRestApi",
    {"restApiId": "x", "patchOperations": [{"op": "wrong"}]},
    V
    + "'wrong' at 'updateRestApiInput.patchOperations.1.member.op' failed to satisfy constraint: Member must satisfy enum value set: [add, remove, move, test, replace, copy]",
)
t(
    "apigateway",
    "PutIntegration",
    {"restApiId": "x", "resourceId": "y", "httpMethod": "GET", "type": "HTTPS_PROXY"},
    V
    + "'HTTPS_PROXY' at 'putIntegrationInput.type' failed to satisfy constraint: Member must satisfy enum value set: [HTTP, MOCK, AWS_PROXY, HTTP_PROXY, AWS]",
)
t(
    "apigateway",
    "DeleteGatewayResponse",
    {"restApiId": "x", "responseType": "FAKE_RESPONSE_TYPE"},
    V
    + "'FAKE_RESPONSE_TYPE' at 'responseType' failed to satisfy constraint: Member must satisfy enum value set: [REQUEST_TOO_LARGE, RESOURCE_NOT_FOUND, AUTHORIZER_CONFIGURATION_ERROR, MISSING_AUTHENTICATION_TOKEN, BAD_REQUEST_BODY, INVALID_SIGNATURE, INVALID_API_KEY, BAD_REQUEST_PARAMETERS, AUTHORIZER_FAILURE, UNAUTHORIZED, INTEGRATION_TIMEOUT, ACCESS_DENIED, DEFAULT_4XX, DEFAULT_5XX, WAF_FILTERED, QUOTA_EXCEEDED, THROTTLED, API_CONFIGURATION_ERROR, UNSUPPORTED_MEDIA_TYPE, INTEGRATION_FAILURE, EXPIRED_TOKEN]",
)
t(
    "apigateway",
    "GetIntegrationResponse",
    {"restApiId": "x", "resourceId": "y", "httpMethod": "GET", "statusCode": "wrong"},
    V
    + "'wrong' at 'statusCode' failed to satisfy constraint: Member must satisfy regular expression pattern: [1-5]\\d\\d",
)
t(
    "cloudwatch",
    "SetAlarmState",
    {"AlarmName": "x", "StateValue": "INVALID", "StateReason": "x"},
    V
    + "'INVALID' at 'stateValue' failed to satisfy constraint: Member must satisfy enum value set: [INSUFFICIENT_DATA, ALARM, OK]",
)


@pytest.mark.parametrize(("service", "operation", "value", "recorded"), CASES)
def test_message(service: str, operation: str, value: dict[str, Any], recorded: str) -> None:
    """Clients and tests match on these texts: path, value, constraint and their order must be AWS's."""
    with pytest.raises(ApiError) as caught:
        codec(service).validate(operation, value)
    assert caught.value.message == recorded


@pytest.mark.parametrize(
    ("service", "operation", "code"),
    [
        ("dynamodb", "PutItem", "ValidationException"),
        ("logs", "CreateLogGroup", "InvalidParameterException"),
        ("cognito-idp", "CreateUserPool", "InvalidParameterException"),
        ("iam", "CreateRole", "ValidationError"),
        ("sqs", "SendMessage", "MissingParameter"),
        ("lambda", "CreateFunction", "ValidationException"),
    ],
)
def test_code(service: str, operation: str, code: str) -> None:
    """Each service names its validation error in its own way."""
    with pytest.raises(ApiError) as caught:
        codec(service).validate(operation, {})
    assert caught.value.code == code


def test_fast_and_slow_paths_agree() -> None:
    """A body that the JSON decoder refuses for its form only (null, a float for an integer) is still accepted."""
    body = b'{"TableName":"abc","Limit":5.0,"ExclusiveStartKey":null,"Unknown":1}'
    decoded = codec("dynamodb").decode("Scan", Request("POST", "/", body=body))
    assert decoded == {"TableName": "abc", "Limit": 5}


def test_sqs_names_the_missing_parameter_of_an_entry() -> None:
    """SQS reports one missing parameter at a time, with the place of a batch's entry."""
    with pytest.raises(ApiError) as caught:
        codec("sqs").validate("SendMessageBatch", {"QueueUrl": "u", "Entries": [{"Id": "a"}]})
    assert "MessageBody" in caught.value.message


def test_sensitive_value_is_not_repeated() -> None:
    """A password never shows in an error message."""
    with pytest.raises(ApiError) as caught:
        codec("cognito-idp").validate("SignUp", {"ClientId": "a", "Username": "u", "Password": "p" * 300})
    assert "ppp" not in caught.value.message
