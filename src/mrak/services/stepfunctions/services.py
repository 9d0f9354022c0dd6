"""Names of services: as resources spell them, as we do, and as their errors begin.

Optimised integrations answer as AWS's SDK for Java 1 does ("DynamoDB.ResourceNotFoundException", "(Service:
AmazonDynamoDBv2; ...)"), SDK integrations as version 2 ("DynamoDb.ResourceNotFoundException", "(Service: DynamoDb,
...)").
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from mrak.core.errors import ApiError
from mrak.protocol import model

# Java 2's package -> (our name, prefix of errors).
_SDK: dict[str, tuple[str, str]] = {
    "acm": ("acm", "Acm"),
    "apigateway": ("apigateway", "ApiGateway"),
    "apigatewaymanagementapi": ("apigatewaymanagementapi", "ApiGatewayManagementApi"),
    "apigatewayv2": ("apigatewayv2", "ApiGatewayV2"),
    "budgets": ("budgets", "Budgets"),
    "cloudformation": ("cloudformation", "CloudFormation"),
    "cloudfront": ("cloudfront", "CloudFront"),
    "cloudtrail": ("cloudtrail", "CloudTrail"),
    "cloudwatch": ("cloudwatch", "CloudWatch"),
    "cloudwatchlogs": ("logs", "CloudWatchLogs"),
    "cognitoidentity": ("cognito-identity", "CognitoIdentity"),
    "cognitoidentityprovider": ("cognito-idp", "CognitoIdentityProvider"),
    "dynamodb": ("dynamodb", "DynamoDb"),
    "dynamodbstreams": ("dynamodbstreams", "DynamoDbStreams"),
    "eventbridge": ("events", "EventBridge"),
    "firehose": ("firehose", "Firehose"),
    "iam": ("iam", "Iam"),
    "kinesis": ("kinesis", "Kinesis"),
    "kms": ("kms", "Kms"),
    "lambda": ("lambda", "Lambda"),
    "pipes": ("pipes", "Pipes"),
    "route53": ("route53", "Route53"),
    "s3": ("s3", "S3"),
    "scheduler": ("scheduler", "Scheduler"),
    "secretsmanager": ("secretsmanager", "SecretsManager"),
    "sfn": ("stepfunctions", "Sfn"),
    "sns": ("sns", "Sns"),
    "sqs": ("sqs", "Sqs"),
    "ssm": ("ssm", "Ssm"),
    "sts": ("sts", "Sts"),
    "wafv2": ("wafv2", "Wafv2"),
    "xray": ("xray", "XRay"),
}

# Integration -> (our name, prefix of errors, Java 1's name of the service).
_OPTIMISED: dict[str, tuple[str, str, str]] = {
    "lambda": ("lambda", "Lambda", "AWSLambda"),
    "dynamodb": ("dynamodb", "DynamoDB", "AmazonDynamoDBv2"),
    "sqs": ("sqs", "SQS", "AmazonSQS"),
    "sns": ("sns", "SNS", "AmazonSNS"),
    "states": ("stepfunctions", "StepFunctions", "AWSStepFunctions"),
    "events": ("events", "EventBridge", "AmazonEventBridge"),
    "s3": ("s3", "S3", "AmazonS3"),
}
_BASE = {
    "DynamoDB": "AmazonDynamoDBException",
    "SQS": "AmazonSQSException",
    "SNS": "AmazonSNSException",
    "Lambda": "AWSLambdaException",
    "StepFunctions": "AWSStepFunctionsException",
    "EventBridge": "AmazonEventBridgeException",
    "S3": "AmazonS3Exception",
}


def find_sdk_service(name: str) -> str | None:
    """Our name of a service as `aws-sdk:` resources spell it."""
    known = _SDK.get(name)
    return known[0] if known is not None else (name if name in model.known_services() else None)


def sdk_package(service: str) -> str:
    """The SDK for Java's name of a service that we call so."""
    return next((package for package, known in _SDK.items() if known[0] == service), service)


def optimised_service(name: str) -> str:
    return _OPTIMISED[name][0]


def find_optimised_service(name: str) -> str | None:
    """Our name of a service that has an optimised integration here."""
    known = _OPTIMISED.get(name)
    return None if known is None else known[0]


def find_unreachable(integration: str, parameters: Any) -> tuple[str, str] | None:
    """(error, cause) where the SDK would find nobody to ask: it sends to the queue's URL itself, and one without a path
    is a host's that no service answers at."""
    url = parameters.get("QueueUrl") if integration == "sqs" and isinstance(parameters, dict) else None
    parts = urlsplit(url) if isinstance(url, str) else None
    if parts is None or not parts.netloc or parts.path.strip("/"):
        return None
    return "SQS.SdkClientException", f"Unable to execute HTTP request: {parts.hostname}: Name or service not known"


def optimised_error(integration: str, error: ApiError, request_id: str) -> tuple[str, str]:
    """(error, cause) of a failed optimised integration."""
    service, prefix, java = _OPTIMISED[integration]
    name = _exception(service, error.code) or _BASE[prefix]
    cause = (
        f"{error.message} (Service: {java}; Status Code: {error.status}; Error Code: {error.code}; "
        f"Request ID: {request_id}; Proxy: null)"
    )
    return f"{prefix}.{name}", cause


def sdk_error(name: str, error: ApiError, request_id: str) -> tuple[str, str]:
    """(error, cause) of a failed SDK integration."""
    service, prefix = _SDK.get(name, (name, name[:1].upper() + name[1:]))
    exception = _exception(service, error.code) or f"{prefix}Exception"
    extended = f", Extended Request ID: {request_id}" if service == "s3" else ""
    cause = (
        f"{error.message} (Service: {prefix}, Status Code: {error.status}, Request ID: {request_id}{extended}) "
        "(SDK Attempt Count: 1)"
    )
    return f"{prefix}.{exception}", cause


def _exception(service: str, code: str) -> str | None:
    """The exception's class in Java: of modelled errors only."""
    shape = model.load(service).error_shape(code)
    if shape is None:
        return None
    return shape.name if shape.name.endswith("Exception") else f"{shape.name}Exception"
