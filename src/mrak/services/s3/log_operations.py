"""What server access logs call operations: REST.method.resource.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/LogFormat.html
"""

from __future__ import annotations

import re
from functools import lru_cache

_NAMES = {
    "AbortMultipartUpload": "REST.DELETE.UPLOAD",
    "CompleteMultipartUpload": "REST.POST.UPLOAD",
    "CopyObject": "REST.COPY.OBJECT",
    "CreateBucket": "REST.PUT.BUCKET",
    "CreateMultipartUpload": "REST.POST.UPLOADS",
    "DeleteObjects": "REST.POST.MULTI_OBJECT_DELETE",
    "GetBucketLogging": "REST.GET.LOGGING_STATUS",
    "GetObjectTagging": "REST.GET.OBJECT_TAGGING",
    "ListMultipartUploads": "REST.GET.UPLOADS",
    "ListObjectVersions": "REST.GET.BUCKETVERSIONS",
    "ListObjects": "REST.GET.BUCKET",
    "ListObjectsV2": "REST.GET.BUCKET",
    "ListParts": "REST.GET.UPLOAD",
    "PutBucketLogging": "REST.PUT.LOGGING_STATUS",
    "PutObjectTagging": "REST.PUT.OBJECT_TAGGING",
    "DeleteObjectTagging": "REST.DELETE.OBJECT_TAGGING",
    "RestoreObject": "REST.POST.OBJECT",
    "SelectObjectContent": "REST.POST.SELECT",
    "UploadPart": "REST.PUT.PART",
    "UploadPartCopy": "REST.COPY.PART",
}
_POLICY = re.compile("(Get|Put|Delete)BucketPolicy")
_WORDS = re.compile(r"(Get|Head|Put|Delete|List)(Bucket|Object)?([A-Za-z]*?)(?:Configurations?)?")


@lru_cache(maxsize=256)
def name_of(operation: str) -> str:
    """`GetBucketVersioning` is REST.GET.VERSIONING."""
    if operation in _NAMES:
        return _NAMES[operation]
    if _POLICY.fullmatch(operation):
        return f"REST.{operation[: -len('BucketPolicy')].upper()}.BUCKETPOLICY"
    found = _WORDS.fullmatch(operation)
    if found is None:
        return f"REST.POST.{_spelt(operation)}"
    verb, resource, more = found.groups()
    return f"REST.{'GET' if verb == 'List' else verb.upper()}.{_spelt(more or resource or '')}"


def _spelt(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).upper()
