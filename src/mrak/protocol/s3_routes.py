"""Requests to S3 whose method, sub-resource and headers do not go together. S3 says so before it asks who calls."""

from __future__ import annotations

from mrak.core.errors import ApiError
from mrak.core.http import Request

_COPY_SOURCE = "x-amz-copy-source"


def check(request: Request, operation: str | None) -> None:
    """Raises for what a route table would take for something else."""
    if request.query:
        _check_query(request, operation)
    elif request.method == "POST" and operation == "CompleteMultipartUpload":
        raise method_not_allowed(request)
    source = request.headers.get(_COPY_SOURCE)
    if source is not None and request.method != "PUT" and (request.method != "POST" or "uploadId=" in request.query):
        message = "You can only specify a copy source header for copy requests."
        raise _invalid_argument(message, _COPY_SOURCE, source)


def _check_query(request: Request, operation: str | None) -> None:
    names = {name for name, _ in request.query_pairs}
    of_object = _resource_type(request) == "OBJECT"
    if "torrent" in names and of_object and request.method != "GET":
        raise method_not_allowed(request, "TORRENT", "GET")
    if request.method == "PUT" and operation in ("PutObject", "CopyObject") and "partNumber" in names:
        message = "This operation does not accept partNumber without uploadId"
        raise _invalid_argument(message, "partNumber", "partNumber")
    if request.method == "PUT" and operation in ("PutObject", "CopyObject") and "uploadId" in names:
        raise method_not_allowed(request, "UPLOAD", "DELETE, POST, GET")
    if request.method == "POST" and operation == "CompleteMultipartUpload" and "uploadId" not in names:
        raise method_not_allowed(request)
    if request.method == "GET" and of_object and "uploads" in names:
        raise ApiError("InvalidRequest", "Key is not expected for the GET method ?uploads subresource")
    if request.method == "GET" and of_object and "versions" in names:
        raise ApiError("InvalidRequest", "There is no such thing as the ?versions sub-resource for a key")


def method_not_allowed(request: Request, resource_type: str = "", allow: str = "") -> ApiError:
    fields = {"Method": request.method, "ResourceType": resource_type or _resource_type(request)}
    message = "The specified method is not allowed against this resource."
    return ApiError("MethodNotAllowed", message, 405, fields, headers={"Allow": allow} if allow else None)


def _resource_type(request: Request) -> str:
    """What a path is about; a host's bucket stands in it already."""
    bucket, _, key = request.path.lstrip("/").partition("/")
    return "OBJECT" if key else "BUCKET" if bucket else "SERVICE"


def _invalid_argument(message: str, name: str, value: str) -> ApiError:
    return ApiError("InvalidArgument", message, fields={"ArgumentName": name, "ArgumentValue": value})
