"""Smithy RPC v2 CBOR: POST /service/{service}/operation/{operation}, CBOR in and out.

https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from mrak.core.errors import ApiError
from mrak.core.http import Request, Response
from mrak.protocol import cbor, quirks
from mrak.protocol.base import Codec, Decoder, Encoder, message_member
from mrak.protocol.json_codec import query_error
from mrak.protocol.model import OperationModel, ServiceModel, Shape
from mrak.protocol.reader import Readers, WireError

Writer = Callable[[Any], Any]

_CONTENT_TYPE = ("Content-Type", "application/cbor")
_PROTOCOL = ("smithy-protocol", "rpc-v2-cbor")


class CborCodec(Codec):
    protocol = "smithy-rpc-v2-cbor"
    headers: tuple[tuple[str, str], ...] = (_CONTENT_TYPE, _PROTOCOL)
    """What every answer says, its content type first."""

    def __init__(self, model: ServiceModel) -> None:
        super().__init__(model)
        self._readers = self.make_readers()
        self._writers: dict[str, Writer] = {}
        self._is_query_compatible = "awsQueryCompatible" in model.metadata

    def make_readers(self) -> Readers:
        return Readers(wire_names=False)

    def write_timestamp(self, value: Any) -> Any:
        return cbor.Timestamp(value)

    def operation_name(self, request: Request) -> str | None:
        segments = request.path.rstrip("/").split("/")
        if len(segments) >= 4 and segments[-4] == "service" and segments[-2] == "operation":
            return segments[-1] or None
        return None

    def unknown_operation(self, request: Request) -> ApiError:
        return ApiError("UnknownOperationException", "", 404)

    def malformed(self, reason: str) -> ApiError:
        return ApiError("SerializationException", reason)

    def compile_decoder(self, operation: OperationModel) -> Decoder:
        read = self._readers.structure(operation.input, list(operation.input.members.items()))
        check = self.input_check(operation)

        def decode(request: Request) -> dict[str, Any]:
            body = self.body_of(request)
            try:
                result: dict[str, Any] = read(cbor.decode(body)) if body else {}
            except (cbor.CborError, WireError, RecursionError) as error:
                raise self.malformed(str(error)) from error
            check(result)
            return result

        return decode

    def compile_encoder(self, operation: OperationModel) -> Encoder:
        write = self.writer(operation.output)
        kind = self.headers
        if "output" not in operation.traits:
            return lambda output, request_id: Response(200, [*kind[1:], ("x-amzn-RequestId", request_id)], b"")

        def encode(output: dict[str, Any], request_id: str) -> Response:
            return Response(200, [*kind, ("x-amzn-RequestId", request_id)], cbor.encode(write(output)))

        return encode

    def writer(self, shape: Shape) -> Writer:
        if shape.type == "timestamp":
            return self.write_timestamp
        if shape.type in ("float", "double"):
            return float
        if shape.type == "blob":
            return lambda value: value.encode() if isinstance(value, str) else bytes(value)
        if shape.type not in ("structure", "list", "map") or shape.is_document:
            return lambda value: value
        found = self._writers.get(shape.name)
        if found is None:
            self._writers[shape.name] = lambda value: self._writers[shape.name](value)
            found = self._writers[shape.name] = _decoding_raw(self._compile_writer(shape))
        return found

    def _compile_writer(self, shape: Shape) -> Writer:
        if shape.type == "list":
            write = self.writer(shape.element.shape)
            return lambda value: [write(item) for item in value if item is not None]
        if shape.type == "map":
            write = self.writer(shape.value.shape)
            return lambda value: {key: write(item) for key, item in value.items() if item is not None}
        plan = [(name, self.writer(member.shape)) for name, member in shape.members.items()]

        def write_structure(value: Any) -> dict[str, Any]:
            return {name: write(value[name]) for name, write in plan if value.get(name) is not None}

        return write_structure

    def encode_error(self, operation: str | None, error: ApiError, request_id: str) -> Response:
        name = quirks.QUERY_TO_JSON.get(error.code, error.code) if self._is_query_compatible else error.code
        shape = self.model.error_shape(name)
        name = shape.name if shape is not None else name
        namespace = self.flavour.error_namespace
        if self.flavour.framework_namespaces and (shape is None or name == "ValidationException"):
            namespace = quirks.FRAMEWORK_ERRORS.get(name, namespace)
        body: dict[str, Any] = {"__type": namespace + name}
        if error.message:
            body[message_member(shape, self.flavour.message_key)] = error.message
        if error.fields:
            body.update(self.writer(shape)(error.fields) if shape is not None else error.fields)
        headers = [*self.headers, ("x-amzn-RequestId", request_id)]
        if self._is_query_compatible:
            headers.append(("x-amzn-query-error", query_error(self.model, error, shape)))
        headers.extend((error.headers or {}).items())
        return Response(self.error_status(error, shape), headers, cbor.encode(body))


def _decoding_raw(write: Writer) -> Writer:
    def write_plain(value: Any) -> Any:
        return write(msgspec.json.decode(value) if isinstance(value, msgspec.Raw) else value)

    return write_plain
