"""What differs from service to service and is not in AWS's models, as data.

Sources: answers recorded from AWS, and its documentation. Everything here is looked up when a codec is compiled.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct, structs


class Flavour(Struct, frozen=True):
    """How a service validates its input and writes its errors."""

    # "coral": all of the model's constraints; "required": only missing members; "none": the service checks itself.
    constraints: str = "coral"
    validation_code: str = "ValidationException"
    # API Gateway writes 'createRestApiInput.name' for members of the body.
    prefix_input: bool = False
    # API Gateway leaves "Member must not be null" out of a list's constraints.
    elements_not_null: bool = True
    # API Gateway takes an empty enum member for an absent one.
    empty_enums: bool = False
    # IAM and CloudWatch Logs do not repeat a value that fails its pattern.
    hide_pattern_value: bool = False
    # Namespace of modelled errors in `__type`, and of the framework's own (ValidationException).
    error_namespace: str = ""
    framework_namespaces: bool = False
    # Bytes: larger bodies are refused before they are parsed.
    max_body_bytes: int = 70 * 1024 * 1024
    # Member of the body's JSON for unmodelled errors.
    message_key: str = "message"
    # The same for modelled errors that carry more than a message, where the model's spelling is not what is sent.
    detailed_message_key: str | None = None
    # The front end of DynamoDB, which has a checksum in its answers, and more of its own (dynamodb_codec).
    crc32: bool = False
    # What a blob or text that is the whole body is called where the output does not say.
    blob_content_type: str = "application/octet-stream"
    text_content_type: str = "text/plain"
    always_millis: bool = False


_CORAL = Flavour()
_QUERY = Flavour(validation_code="ValidationError")
_REST_BAD_REQUEST = Flavour(validation_code="BadRequestException")
_DYNAMODB = Flavour(
    error_namespace="com.amazonaws.dynamodb.v20120810#",
    framework_namespaces=True,
    max_body_bytes=16 * 1024 * 1024,
    detailed_message_key="Message",
    crc32=True,
)

FLAVOURS: dict[str, Flavour] = {
    "apigateway": Flavour(prefix_input=True, elements_not_null=False, empty_enums=True),
    "apigatewayv2": _REST_BAD_REQUEST,
    "appconfig": _REST_BAD_REQUEST,
    "appconfigdata": _REST_BAD_REQUEST,
    "budgets": Flavour(validation_code="InvalidParameterException"),
    "cloudformation": _QUERY,
    "cloudfront": Flavour(validation_code="MalformedXML"),
    "cloudwatch": Flavour(error_namespace="com.amazonaws.cloudwatch.v2010_08_01#", framework_namespaces=True),
    "cognito-idp": Flavour(validation_code="InvalidParameterException"),
    "dynamodb": _DYNAMODB,
    "dynamodbstreams": _DYNAMODB,
    "ecr": Flavour(validation_code="InvalidParameterException"),
    "iam": structs.replace(_QUERY, hide_pattern_value=True),
    "lambda": Flavour(blob_content_type="application/json"),
    "logs": Flavour(validation_code="InvalidParameterException", hide_pattern_value=True),
    "route53": Flavour(validation_code="InvalidInput"),
    "s3": Flavour(
        constraints="none",
        always_millis=True,
        blob_content_type="binary/octet-stream",
        text_content_type="application/json",  # its only such output is a bucket's policy
    ),
    "s3control": Flavour(constraints="none", always_millis=True),
    "schemas": _REST_BAD_REQUEST,
    "sns": _QUERY,
    "sqs": Flavour(
        constraints="required",
        validation_code="MissingParameter",
        error_namespace="com.amazonaws.sqs#",
        framework_namespaces=True,
        max_body_bytes=16 * 1024 * 1024,
    ),
    "sts": _QUERY,
    "xray": Flavour(validation_code="InvalidRequestException"),
}


def flavour(service: str) -> Flavour:
    return FLAVOURS.get(service, _CORAL)


# Errors that every service may raise, by the namespace that its `__type` shows.
FRAMEWORK_ERRORS: dict[str, str] = {
    "ValidationException": "com.amazon.coral.validate#",
    "SerializationException": "com.amazon.coral.service#",
    "UnknownOperationException": "com.amazon.coral.service#",
    "AccessDeniedException": "com.amazon.coral.service#",
    "UnrecognizedClientException": "com.amazon.coral.service#",
    "InvalidSignatureException": "com.amazon.coral.service#",
    "IncompleteSignatureException": "com.amazon.coral.service#",
    "MissingAuthenticationTokenException": "com.amazon.coral.service#",
    "ExpiredTokenException": "com.amazon.coral.service#",
    "InternalFailure": "com.amazon.coral.service#",
    "ThrottlingException": "com.amazon.coral.availability#",
    "MissingRequiredParameterException": "com.amazon.coral.service#",
    "InvalidParameterValueException": "com.amazon.coral.service#",
    "InvalidParameterCombinationException": "com.amazon.coral.service#",
}

# Query-protocol codes of services that moved to JSON and CBOR, and the name that those show in `__type`.
QUERY_TO_JSON: dict[str, str] = {
    "MissingParameter": "MissingRequiredParameterException",
    "InvalidParameterValue": "InvalidParameterValueException",
    "InvalidParameterCombination": "InvalidParameterCombinationException",
    "ValidationError": "ValidationException",
}
JSON_TO_QUERY: dict[str, str] = {name: code for code, name in QUERY_TO_JSON.items()}

# The query protocol's codes of modelled errors, where botocore's model has lost them.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-json-faqs.html
QUERY_CODES: dict[str, dict[str, str]] = {
    "sqs": {
        "BatchEntryIdsNotDistinct": "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
        "BatchRequestTooLong": "AWS.SimpleQueueService.BatchRequestTooLong",
        "EmptyBatchRequest": "AWS.SimpleQueueService.EmptyBatchRequest",
        "InvalidBatchEntryId": "AWS.SimpleQueueService.InvalidBatchEntryId",
        "KmsAccessDenied": "KMS.AccessDeniedException",
        "KmsDisabled": "KMS.DisabledException",
        "KmsInvalidKeyUsage": "KMS.InvalidKeyUsageException",
        "KmsInvalidState": "KMS.InvalidStateException",
        "KmsNotFound": "KMS.NotFoundException",
        "KmsOptInRequired": "KMS.OptInRequired",
        "KmsThrottled": "KMS.ThrottlingException",
        "MessageNotInflight": "AWS.SimpleQueueService.MessageNotInflight",
        "PurgeQueueInProgress": "AWS.SimpleQueueService.PurgeQueueInProgress",
        "QueueDeletedRecently": "AWS.SimpleQueueService.QueueDeletedRecently",
        "QueueDoesNotExist": "AWS.SimpleQueueService.NonExistentQueue",
        "QueueNameExists": "QueueAlreadyExists",
        "TooManyEntriesInBatchRequest": "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
        "UnsupportedOperation": "AWS.SimpleQueueService.UnsupportedOperation",
    },
}

# Messages that are other words in the query protocol.
QUERY_MESSAGES: dict[tuple[str, str], str] = {
    ("sqs", "AWS.SimpleQueueService.NonExistentQueue"): "The specified queue does not exist for this wsdl version.",
}

# Lists that are called by their old names where a form is answered in JSON.
QUERY_JSON_NAMES: dict[tuple[str, str], str] = {("sqs", "Messages"): "messages", ("sqs", "QueueUrls"): "queueUrls"}

# SQS's operations that a queue's URL does not take; GetQueueUrl it does take.
NOT_AT_QUEUES = frozenset({"CreateQueue", "ListQueues"})

# The query protocol's names, which botocore's model of SQS has lost since its clients speak JSON.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/ shows them in each operation's examples.
_SQS_ATTRIBUTES = {"key": {"locationName": "Name"}, "value": {"locationName": "Value"}}
_SQS_MEMBERS: dict[str, str] = {
    "AddPermissionRequest.AWSAccountIds": "AWSAccountId",
    "AddPermissionRequest.Actions": "ActionName",
    "ChangeMessageVisibilityBatchRequest.Entries": "ChangeMessageVisibilityBatchRequestEntry",
    "ChangeMessageVisibilityBatchResult.Successful": "ChangeMessageVisibilityBatchResultEntry",
    "ChangeMessageVisibilityBatchResult.Failed": "BatchResultErrorEntry",
    "CreateQueueRequest.Attributes": "Attribute",
    "CreateQueueRequest.tags": "Tag",
    "DeleteMessageBatchRequest.Entries": "DeleteMessageBatchRequestEntry",
    "DeleteMessageBatchResult.Successful": "DeleteMessageBatchResultEntry",
    "DeleteMessageBatchResult.Failed": "BatchResultErrorEntry",
    "GetQueueAttributesRequest.AttributeNames": "AttributeName",
    "GetQueueAttributesResult.Attributes": "Attribute",
    "ListDeadLetterSourceQueuesResult.queueUrls": "QueueUrl",
    "ListMessageMoveTasksResult.Results": "ListMessageMoveTasksResultEntry",
    "ListQueueTagsResult.Tags": "Tag",
    "ListQueuesResult.QueueUrls": "QueueUrl",
    "Message.Attributes": "Attribute",
    "Message.MessageAttributes": "MessageAttribute",
    "MessageAttributeValue.StringListValues": "StringListValue",
    "MessageAttributeValue.BinaryListValues": "BinaryListValue",
    "MessageSystemAttributeValue.StringListValues": "StringListValue",
    "MessageSystemAttributeValue.BinaryListValues": "BinaryListValue",
    "ReceiveMessageRequest.AttributeNames": "AttributeName",
    "ReceiveMessageRequest.MessageSystemAttributeNames": "MessageSystemAttributeName",
    "ReceiveMessageRequest.MessageAttributeNames": "MessageAttributeName",
    "ReceiveMessageResult.Messages": "Message",
    "SendMessageBatchRequest.Entries": "SendMessageBatchRequestEntry",
    "SendMessageBatchRequestEntry.MessageAttributes": "MessageAttribute",
    "SendMessageBatchRequestEntry.MessageSystemAttributes": "MessageSystemAttribute",
    "SendMessageBatchResult.Successful": "SendMessageBatchResultEntry",
    "SendMessageBatchResult.Failed": "BatchResultErrorEntry",
    "SendMessageRequest.MessageAttributes": "MessageAttribute",
    "SendMessageRequest.MessageSystemAttributes": "MessageSystemAttribute",
    "SetQueueAttributesRequest.Attributes": "Attribute",
    "TagQueueRequest.Tags": "Tag",
    "UntagQueueRequest.TagKeys": "TagKey",
}
_SQS_MAPS = (
    "QueueAttributeMap",
    "MessageBodyAttributeMap",
    "MessageBodySystemAttributeMap",
    "MessageSystemAttributeMap",
)


def _sqs_overlay() -> dict[str, dict[str, Any]]:
    overlay: dict[str, dict[str, Any]] = {
        path: {"locationName": name, "flattened": True} for path, name in _SQS_MEMBERS.items()
    }
    for shape in _SQS_MAPS:
        for part, traits in _SQS_ATTRIBUTES.items():
            overlay[f"{shape}.{part}"] = traits
    overlay["TagMap.key"] = {"locationName": "Key"}
    overlay["TagMap.value"] = {"locationName": "Value"}
    return overlay


def query_overlay(service: str) -> dict[str, dict[str, Any]]:
    """Member traits for the query protocol that the service's model lacks (ServiceModel.with_member_traits)."""
    return _sqs_overlay() if service == "sqs" else {}


QUERY_NAMESPACES: dict[str, str] = {"sqs": "http://queue.amazonaws.com/doc/2012-11-05/"}

# Root and namespace of outputs and errors of REST-XML services.
REST_XML_NAMESPACES: dict[str, str] = {
    "s3": "http://s3.amazonaws.com/doc/2006-03-01/",
    "cloudfront": "http://cloudfront.amazonaws.com/doc/2020-05-31/",
    "route53": "https://route53.amazonaws.com/doc/2013-04-01/",
    "s3control": "http://awss3control.amazonaws.com/doc/2018-08-20/",
}

# The root elements of S3's outputs, which the model calls by its shapes' names.
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
S3_ROOTS: dict[str, str] = {
    "CompleteMultipartUpload": "CompleteMultipartUploadResult",
    "CreateMultipartUpload": "InitiateMultipartUploadResult",
    "CreateSession": "CreateSessionResult",
    "DeleteObjects": "DeleteResult",
    "GetBucketAccelerateConfiguration": "AccelerateConfiguration",
    "GetBucketAcl": "AccessControlPolicy",
    "GetBucketCors": "CORSConfiguration",
    "GetBucketLifecycleConfiguration": "LifecycleConfiguration",
    "GetBucketLogging": "BucketLoggingStatus",
    "GetBucketNotificationConfiguration": "NotificationConfiguration",
    "GetBucketRequestPayment": "RequestPaymentConfiguration",
    "GetBucketTagging": "Tagging",
    "GetBucketVersioning": "VersioningConfiguration",
    "GetBucketWebsite": "WebsiteConfiguration",
    "GetObjectAcl": "AccessControlPolicy",
    "GetObjectAttributes": "GetObjectAttributesResponse",
    "GetObjectTagging": "Tagging",
    "ListBucketAnalyticsConfigurations": "ListBucketAnalyticsConfigurationResult",
    "ListBucketInventoryConfigurations": "ListInventoryConfigurationsResult",
    "ListBucketMetricsConfigurations": "ListMetricsConfigurationsResult",
    "ListBuckets": "ListAllMyBucketsResult",
    "ListDirectoryBuckets": "ListAllMyDirectoryBucketsResult",
    "ListMultipartUploads": "ListMultipartUploadsResult",
    "ListObjectVersions": "ListVersionsResult",
    "ListObjects": "ListBucketResult",
    "ListObjectsV2": "ListBucketResult",
    "ListParts": "ListPartsResult",
}

# Statuses of successes that botocore's model has lost, as recorded from AWS.
RESPONSE_CODES: dict[str, dict[str, int]] = {
    "s3": {
        "PutBucketAnalyticsConfiguration": 204,
        "PutBucketIntelligentTieringConfiguration": 204,
        "PutBucketMetricsConfiguration": 204,
        "PutBucketPolicy": 204,
        "PutBucketTagging": 204,
    }
}

# Deprecated forms of operations: the same requests, which their successors answer.
SUCCESSORS: dict[str, dict[str, str]] = {
    "s3": {
        "GetBucketLifecycle": "GetBucketLifecycleConfiguration",
        "GetBucketNotification": "GetBucketNotificationConfiguration",
        "PutBucketLifecycle": "PutBucketLifecycleConfiguration",
        "PutBucketNotification": "PutBucketNotificationConfiguration",
    }
}

# Operations that a route table cannot tell from another by method, path and query: deprecated forms, or operations that
# have a host of their own (S3 Express).
UNROUTED: dict[str, frozenset[str]] = {"s3": frozenset({"ListDirectoryBuckets", *SUCCESSORS["s3"]})}

# Headers of answers that the model does not have: member -> header, by the output's shape.
UNMODELLED_HEADERS: dict[str, dict[str, str]] = {
    "s3.HeadBucketOutput": {"ContentType": "Content-Type"},
    "s3.ListObjectsOutput": {"BucketRegion": "x-amz-bucket-region"},
    "s3.ListObjectsV2Output": {"BucketRegion": "x-amz-bucket-region"},
}

# The order in which AWS writes the members of a document, where it is not the model's: some clients count on it. What
# is not named comes last.
_PAGE = ("MaxKeys", "Delimiter", "EncodingType", "IsTruncated")
BODY_ORDER: dict[str, tuple[str, ...]] = {
    "s3.ListBucketsOutput": ("Owner", "Buckets"),
    "s3.ListObjectsOutput": ("Name", "Prefix", "Marker", "NextMarker", *_PAGE, "Contents", "CommonPrefixes"),
    "s3.ListObjectsV2Output": (
        "Name",
        "Prefix",
        "StartAfter",
        "ContinuationToken",
        "NextContinuationToken",
        "KeyCount",
        *_PAGE,
        "Contents",
        "CommonPrefixes",
    ),
    "s3.ListObjectVersionsOutput": (
        "Name",
        "Prefix",
        "KeyMarker",
        "VersionIdMarker",
        "NextKeyMarker",
        "NextVersionIdMarker",
        *_PAGE,
        "Versions",
        "DeleteMarkers",
        "CommonPrefixes",
    ),
}

# Flattened lists that AWS writes as one, in an order across them. The output's `Sequence`, which the model does not
# have, holds (member, item) in that order.
WOVEN_LISTS: dict[str, tuple[str, ...]] = {"s3.ListObjectVersionsOutput": ("Versions", "DeleteMarkers")}

# Members that AWS has had for longer than the models that we read: service -> shape -> member.
_MODE = {"TableThroughputMode": {"shape": "BillingMode"}}
NEWER_MEMBERS: dict[str, dict[str, dict[str, dict[str, str]]]] = {
    "dynamodb": {
        "CreateTableInput": _MODE,
        "UpdateTableInput": _MODE,
        "TableThroughputModeSummary": _MODE | {"LastUpdateToPayPerRequestDateTime": {"shape": "Date"}},
        "TableDescription": {"TableThroughputModeSummary": {"shape": "TableThroughputModeSummary"}},
    }
}
