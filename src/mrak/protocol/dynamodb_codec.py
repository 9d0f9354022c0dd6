"""AWS JSON as DynamoDB's front end speaks it: checksums, compressed answers, its health, and who is no client."""

from __future__ import annotations

import zlib
from http import HTTPStatus
from typing import Any

from mrak.core.errors import ApiError
from mrak.core.http import Request, Response
from mrak.protocol.base import Encoder
from mrak.protocol.compression import choose, compress
from mrak.protocol.json_codec import JsonCodec
from mrak.protocol.model import OperationModel, ServiceModel

_COMPRESSED_FROM_BYTES = 4096
_USUAL_TYPE, _PLAIN_TYPE = "application/x-amz-json-1.0", "application/json"
_SERVER = ("Server", "Server")
# The end of all ids: what never changes of AWS's, but for its first six characters, whose place the id needs.
_ID_TAIL = "SO5AEMVJF66Q9ASUAAJG"
_NO_CLIENT = b"<UnknownOperationException/>\n"


class DynamoDbCodec(JsonCodec):
    """DynamoDB's wire format, and that of its streams."""

    def __init__(self, model: ServiceModel) -> None:
        super().__init__(model)
        self._target = f"{model.target_prefix}."

    def operation_name(self, request: Request) -> str | None:
        """The operation of this version of the service, and of no other."""
        target = request.headers.get("x-amz-target", "")
        if not target.startswith(self._target) or not _is_client(request):
            return None
        return target[len(self._target) :]

    def aside(self, request: Request, request_id: str) -> Response | None:
        """What browsers and health checks get, which send no JSON."""
        if request.method == "GET" and request.path == "/":
            body, status = f"healthy: {request.host} ".encode(), 200
        elif not _is_client(request):
            body, status = _NO_CLIENT, 404
        else:
            return None
        return _signed(Response(status, [("x-amzn-RequestId", write_id(request_id))], body))

    def unknown_operation(self, request: Request) -> ApiError:
        """The body is read before the operation is looked for."""
        if request.body:
            try:
                self._bodies.parse_any(self.body_of(request))
            except ApiError as error:
                return error
        return super().unknown_operation(request)

    def refuse(self, request: Request, error: ApiError) -> ApiError:
        """The body is read and the operation looked for before it is asked who sends them."""
        name = self.operation_name(request)
        fault = self.unknown_operation(request)
        is_known = name is not None and self.model.find_operation(name) is not None
        return error if is_known and fault.code == "UnknownOperationException" else fault

    def body_of(self, request: Request) -> bytes:
        encoding = request.headers.get("content-encoding")
        if encoding not in (None, "gzip") or (encoding == "gzip" and not request.body):
            raise self.undecodable()
        return super().body_of(request)

    def undecodable(self) -> ApiError:
        return ApiError("InternalServerError", "The body is not what its Content-Encoding says.", 500)

    def compile_encoder(self, operation: OperationModel) -> Encoder:
        encode = super().compile_encoder(operation)
        return lambda output, request_id: _signed(encode(output, write_id(request_id)))

    def encode_error(self, operation: str | None, error: ApiError, request_id: str) -> Response:
        response = super().encode_error(operation, error, write_id(request_id))
        if error.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            response.body = b""  # the front end has no word for it
        return _signed(response)

    def finish(self, request: Request, response: Response) -> Response:
        """JSON is called what the client calls it. Large bodies are compressed for clients that accept it, and the
        checksum is that of what is sent."""
        if not request.headers.get("content-type", "").startswith(_USUAL_TYPE):
            response.headers = [
                (name, _PLAIN_TYPE if name == "Content-Type" else value) for name, value in response.headers
            ]
        body: Any = response.body
        if len(body) < _COMPRESSED_FROM_BYTES or "accept-encoding" not in request.headers:
            return response
        encoding = choose(request.headers["accept-encoding"])
        if encoding is not None:
            response.body = compress(body, encoding)
            response.headers = [header for header in response.headers if header[0] != "x-amz-crc32"]
            response.headers += [("Content-Encoding", encoding), _checksum(response.body)]
        return response


def write_id(request_id: str) -> str:
    """A request's id in DynamoDB's form, 52 digits and capitals, that begins as the log has it."""
    return request_id.replace("-", "").upper() + _ID_TAIL


def _is_client(request: Request) -> bool:
    """Clients post JSON; without a body its type does not matter."""
    if request.method != "POST":
        return False
    given = request.headers.get("content-type", "")
    return given == _USUAL_TYPE or not request.body or given.partition(";")[0].strip() in (_USUAL_TYPE, _PLAIN_TYPE)


def _signed(response: Response) -> Response:
    """With the server's name and the checksum with which clients compare the body."""
    response.headers += [_SERVER, _checksum(response.body)]
    return response


def _checksum(body: Any) -> tuple[str, str]:
    return ("x-amz-crc32", str(zlib.crc32(body)))
