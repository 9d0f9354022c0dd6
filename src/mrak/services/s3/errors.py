"""S3's errors, with whole messages as AWS writes them.

https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""

from __future__ import annotations

import base64
from typing import Any

from mrak.core.errors import ApiError

# code -> status, beyond the few that the model lists.
CODES = {
    "AccessControlListNotSupported": 400,
    "AccessDenied": 403,
    "AccessForbidden": 403,
    "AnnotationLimitExceeded": 400,
    "AnnotationNameTooLong": 400,
    "AuthorizationHeaderMalformed": 400,
    "BadDigest": 400,
    "BadRequest": 400,
    "BucketAlreadyExists": 409,
    "BucketAlreadyOwnedByYou": 409,
    "BucketHasAccessPointsAttached": 400,
    "BucketNotEmpty": 409,
    "CrossLocationLoggingProhibitted": 403,
    "EntityTooLarge": 400,
    "EntityTooSmall": 400,
    "IllegalLocationConstraintException": 400,
    "IllegalVersioningConfigurationException": 400,
    "IncompleteBody": 400,
    "InvalidAnnotationName": 400,
    "InvalidArgument": 400,
    "InvalidBucketAclWithObjectOwnership": 400,
    "InvalidBucketName": 400,
    "InvalidBucketOwnerAWSAccountID": 400,
    "InvalidBucketState": 409,
    "InvalidS3DestinationBucket": 400,
    "IdMismatch": 400,
    "InvalidDigest": 400,
    "InvalidEncryptionAlgorithmError": 400,
    "InvalidLocationConstraint": 400,
    "InvalidNamespaceHeader": 400,
    "InvalidObjectState": 403,
    "InvalidPart": 400,
    "InvalidPartNumber": 416,
    "InvalidPartOrder": 400,
    "InvalidPolicyDocument": 400,
    "InvalidPrefix": 400,
    "InvalidRange": 416,
    "InvalidRedirectLocation": 400,
    "InvalidRequest": 400,
    "InvalidStorageClass": 400,
    "InvalidTag": 400,
    "InvalidTargetBucketForLogging": 400,
    "KeyTooLongError": 400,
    "MalformedACLError": 400,
    "MalformedPOSTRequest": 400,
    "MalformedPolicy": 400,
    "MalformedXML": 400,
    "MaxPostPreDataLengthExceededError": 400,
    "MetadataTooLarge": 400,
    "MetadataConfigurationNotFound": 404,
    "MethodNotAllowed": 405,
    "MissingContentLength": 411,
    "MissingRequestBodyError": 400,
    "MissingSecurityHeader": 400,
    "NoSuchAnnotation": 404,
    "NoSuchBucket": 404,
    "NoSuchBucketPolicy": 404,
    "NoSuchCORSConfiguration": 404,
    "NoSuchConfiguration": 404,
    "NoSuchKey": 404,
    "NoSuchLifecycleConfiguration": 404,
    "NoSuchObjectLockConfiguration": 404,
    "NoSuchPublicAccessBlockConfiguration": 404,
    "NoSuchTagSet": 404,
    "NoSuchUpload": 404,
    "NoSuchVersion": 404,
    "NoSuchWebsiteConfiguration": 404,
    "NotImplemented": 501,
    "NotModified": 304,
    "ObjectLockConfigurationNotFoundError": 404,
    "ObjectNotInActiveTierError": 403,
    "OperationAborted": 409,
    "ConditionalRequestConflict": 409,
    "OwnershipControlsNotFoundError": 404,
    "PermanentRedirect": 301,
    "PreconditionFailed": 412,
    "ReplicationConfigurationNotFoundError": 404,
    "RestoreAlreadyInProgress": 409,
    "ServerSideEncryptionConfigurationNotFoundError": 404,
    "TooManyBuckets": 400,
    "UnexpectedContent": 400,
    "UnsupportedMediaType": 415,
    "UnresolvableGrantByEmailAddress": 400,
    "UserKeyMustBeSpecified": 400,
    "XAmzContentSHA256Mismatch": 400,
}

_MALFORMED_XML = "The XML you provided was not well-formed or did not validate against our published schema"


def error(code: str, message: str, **fields: Any) -> ApiError:
    return ApiError(code, message, CODES[code], fields or None)


def no_such_bucket(name: str) -> ApiError:
    return error("NoSuchBucket", "The specified bucket does not exist", BucketName=name)


def no_such_key(key: str) -> ApiError:
    return error("NoSuchKey", "The specified key does not exist.", Key=key)


def no_such_version(key: str, version_id: str) -> ApiError:
    return error("NoSuchVersion", "The specified version does not exist.", Key=key, VersionId=version_id)


def no_such_upload(upload_id: str) -> ApiError:
    return error(
        "NoSuchUpload",
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or "
        "completed.",
        UploadId=upload_id,
    )


def access_denied(message: str = "Access Denied") -> ApiError:
    return error("AccessDenied", message)


def object_locked() -> ApiError:
    return access_denied("Access Denied because object protected by object lock.")


def invalid_argument(message: str, name: str = "", value: str | None = None) -> ApiError:
    fields: dict[str, Any] = {}
    if name:
        fields["ArgumentName"] = name
    if value is not None:
        fields["ArgumentValue"] = value
    return error("InvalidArgument", message, **fields)


def invalid_request(message: str) -> ApiError:
    return error("InvalidRequest", message)


def unsupported_signature() -> ApiError:
    return invalid_request(
        "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."
    )


def malformed_xml() -> ApiError:
    return error("MalformedXML", _MALFORMED_XML)


def malformed_policy(message: str) -> ApiError:
    return error("MalformedPolicy", message)


def missing_body() -> ApiError:
    return error("MissingRequestBodyError", "Request Body is empty")


def method_not_allowed(method: str, resource_type: str) -> ApiError:
    return error(
        "MethodNotAllowed",
        "The specified method is not allowed against this resource.",
        Method=method,
        ResourceType=resource_type,
    )


def precondition_failed(condition: str) -> ApiError:
    message = "At least one of the pre-conditions you specified did not hold"
    return error("PreconditionFailed", message, Condition=condition)


def conditional_conflict(condition: str, key: str) -> ApiError:
    message = "The conditional request cannot succeed due to a conflicting operation against this resource."
    return error("ConditionalRequestConflict", message, Condition=condition, Key=key)


def not_implemented_header(header: str, more: str = "") -> ApiError:
    fields = {"Header": header}
    if more:
        fields["additionalMessage"] = more
    return error("NotImplemented", "A header you provided implies functionality that is not implemented", **fields)


def invalid_range(requested: str, size_bytes: int) -> ApiError:
    message = "The requested range is not satisfiable"
    return error("InvalidRange", message, RangeRequested=requested, ActualObjectSize=size_bytes)


def invalid_part(upload_id: str, number: int, etag: str) -> ApiError:
    return error(
        "InvalidPart",
        "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified "
        "entity tag may not match the part's entity tag.",
        UploadId=upload_id,
        PartNumber=number,
        ETag=etag,
    )


def acl_not_supported() -> ApiError:
    return error("AccessControlListNotSupported", "The bucket does not allow ACLs")


def invalid_version_id(value: str) -> ApiError:
    return invalid_argument("Invalid version id specified", "versionId", value)


def bad_digest(algorithm: str) -> ApiError:
    return error("BadDigest", f"The {algorithm} you specified did not match the calculated checksum.")


def bad_md5(expected: bytes, computed: bytes) -> ApiError:
    """S3 shows what was expected in hexadecimal digits, and what was computed in base64."""
    message = "The Content-MD5 you specified did not match what we received."
    return error(
        "BadDigest", message, ExpectedDigest=expected.hex(), CalculatedDigest=base64.b64encode(computed).decode()
    )


def invalid_object_state(storage_class: str) -> ApiError:
    message = "The operation is not valid for the object's storage class"
    return error("InvalidObjectState", message, StorageClass=storage_class)


def missing_setting(code: str, message: str, bucket: str) -> ApiError:
    return error(code, message, BucketName=bucket)


def invalid_tag(message: str, key: str = "", value: str | None = None) -> ApiError:
    fields: dict[str, Any] = {}
    if key:
        fields["TagKey"] = key
    if value is not None:
        fields["TagValue"] = value
    return error("InvalidTag", message, **fields)
