"""The AWS JSON protocols 1.0 and 1.1: one POST, the operation in X-Amz-Target, JSON in and out.

A body decodes straight into a validated dict (json_types); only what that refuses is walked again (reader, validate).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec

from mrak.core.errors import ApiError
from mrak.core.http import Request, Response
from mrak.protocol import quirks
from mrak.protocol.base import Check, Codec, Decoder, Encoder, message_member
from mrak.protocol.dynamodb_words import STRICT, check_strictly
from mrak.protocol.json_types import FastTypes
from mrak.protocol.model import Member, OperationModel, ServiceModel, Shape
from mrak.protocol.reader import Reader, Readers, WireError
from mrak.protocol.writer import Writers

encode_json = msgspec.json.Encoder().encode
_UNREADABLE = (msgspec.MsgspecError, UnicodeError, RecursionError)
# Base64 whose last character has bits that belong to no byte: the fast decoder takes it, AWS does not.
_find_unclean_pad = re.compile(rb'[^AEIMQUYcgkosw048=]="|[^AQgw]=="').search
# Errors of the frameworks in front of DynamoDB that name their message in capitals.
_CAPITAL_MESSAGES = frozenset({"SerializationException", "AccessDeniedException"})

BodyParser = Callable[[bytes], dict[str, Any]]


class JsonBodies:
    """JSON bodies of one service, for the JSON protocols and REST-JSON alike."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self._types = FastTypes(codec.flavour.constraints == "coral")
        self._readers = Readers(wire_names=True, package=codec.flavour.error_namespace.replace("#", "."))
        self._writers = Writers(wire_names=True)

    def compile_parser(
        self, shape: Shape, members: list[tuple[str, Member]], check: Check | None, partial: bool = False
    ) -> BodyParser:
        """Reads a body of these members. `check` validates the result unless the fast decoder already has.

        `partial`: the body is not the whole input (REST), so that the caller checks once all is together.
        """
        slow = self._compile_slow(shape, self._readers.structure(shape, members), None if partial else check)
        fast_type = self._types.of_body(shape, members)
        if fast_type is None:
            return slow
        decode = msgspec.json.Decoder(fast_type).decode
        shapes = [found for _, member in members for found in (member.shape, *member.shape.reachable)]
        has_blobs = any(shape.type == "blob" for shape in shapes)

        def parse(body: bytes) -> dict[str, Any]:
            try:
                result: dict[str, Any] = decode(body)
            except _UNREADABLE:
                return slow(body)
            if has_blobs and b'="' in body and _find_unclean_pad(body):
                return slow(body)
            return result

        return parse

    def _compile_slow(self, shape: Shape, read: Reader, check: Check | None) -> BodyParser:
        is_strict = shape.full_name in STRICT

        def parse(body: bytes) -> dict[str, Any]:
            value = self.parse_any(body)
            if is_strict:
                check_strictly(body, value, shape)
            try:
                result: dict[str, Any] = read(value)
            except WireError as error:
                raise self._codec.malformed(str(error)) from error
            except RecursionError as error:
                raise self._codec.malformed("Request is nested too deeply.") from error
            if check is not None:
                check(result)
            return result

        return parse

    def parse_any(self, body: bytes) -> Any:
        try:
            return msgspec.json.decode(body)
        except _UNREADABLE as error:
            raise self._codec.malformed("") from error

    def compile_value_parser(self, member: Member) -> Callable[[bytes], Any]:
        """Reads a body that is a list, a map or a document."""
        read = self._readers.member(member)

        def parse(body: bytes) -> Any:
            value = self.parse_any(body)
            try:
                return read(value)
            except WireError as error:
                raise self._codec.malformed(str(error)) from error

        return parse

    def compile_renderer(
        self, members: list[tuple[str, Member]], partial: bool = False
    ) -> Callable[[dict[str, Any]], bytes]:
        """Writes a body of these members. `partial`: outputs hold others too, which belong elsewhere (headers)."""
        write = self._writers.structure(members)
        if partial or not self._writers.is_plain(members):
            return lambda output: encode_json(write(output))

        def render(output: dict[str, Any]) -> bytes:
            body = encode_json(output)
            # None and NaN both become null, which AWS never sends.
            return encode_json(write(output)) if b"null" in body else body

        return render

    def writer_of_fields(self, shape: Shape) -> Callable[[Any], Any]:
        return self._writers.of(shape)

    def writer_of(self, member: Member) -> Callable[[Any], Any]:
        return self._writers.member(member)


class JsonCodec(Codec):
    protocol = "json"

    def __init__(self, model: ServiceModel) -> None:
        super().__init__(model)
        self._bodies = JsonBodies(self)
        self._content_type = f"application/x-amz-json-{model.json_version}"
        self._error_names = quirks.QUERY_TO_JSON if "awsQueryCompatible" in model.metadata else {}

    def operation_name(self, request: Request) -> str | None:
        return request.headers.get("x-amz-target", "").rpartition(".")[2] or None

    def unknown_operation(self, request: Request) -> ApiError:
        return ApiError("UnknownOperationException", "")

    def malformed(self, reason: str) -> ApiError:
        return ApiError("SerializationException", reason)

    def compile_decoder(self, operation: OperationModel) -> Decoder:
        shape = operation.input
        check = self.input_check(operation)
        parse = self._bodies.compile_parser(shape, list(shape.members.items()), check)
        limit = self.max_body_bytes

        def decode(request: Request) -> dict[str, Any]:
            body = request.body or b""
            if len(body) > limit or "content-encoding" in request.headers:
                body = self.body_of(request)
            return parse(body or b"{}")

        return decode

    def compile_encoder(self, operation: OperationModel) -> Encoder:
        content_type = ("Content-Type", self._content_type)
        if "output" not in operation.traits:
            return lambda output, request_id: Response(200, [content_type, ("x-amzn-RequestId", request_id)], b"")
        stream = _event_stream_member(operation.output)
        if stream is not None:
            return self._compile_event_stream(operation, stream)
        render = self._bodies.compile_renderer(list(operation.output.members.items()))

        def encode(output: dict[str, Any], request_id: str) -> Response:
            return Response(200, [content_type, ("x-amzn-RequestId", request_id)], render(output))

        return encode

    def _compile_event_stream(self, operation: OperationModel, stream: str) -> Encoder:
        from mrak.protocol import eventstream

        members = [(name, member) for name, member in operation.output.members.items() if name != stream]
        render_initial = self._bodies.compile_renderer(members)
        shape = operation.output.members[stream].shape
        frames = eventstream.compile_encoder(shape, "application/json", self.event_payload)

        def encode(output: dict[str, Any], request_id: str) -> Response:
            initial = render_initial({name: value for name, value in output.items() if name != stream})
            headers = [("Content-Type", eventstream.CONTENT_TYPE), ("x-amzn-RequestId", request_id)]
            return Response(200, headers, frames(output[stream], initial))

        return encode

    def event_payload(self, shape: Shape) -> Callable[[dict[str, Any]], bytes]:
        return self._bodies.compile_renderer(list(shape.members.items()))

    def encode_error(self, operation: str | None, error: ApiError, request_id: str) -> Response:
        name = self._error_names.get(error.code, error.code)
        shape = self.model.error_shape(name)
        if shape is not None:
            name = shape.name
        body: dict[str, Any] = {"__type": self._error_type(name, shape is not None)}
        if error.message:
            body[self._message_key(name, shape, error)] = error.message
        if error.fields:
            body.update(self._bodies.writer_of_fields(shape)(error.fields) if shape is not None else error.fields)
        status = self.error_status(error, shape)
        headers = [("Content-Type", self._content_type), ("x-amzn-RequestId", request_id)]
        if "awsQueryCompatible" in self.model.metadata:
            headers.append(("x-amzn-query-error", query_error(self.model, error, shape)))
        headers.extend((error.headers or {}).items())
        return Response(status, headers, encode_json(body))

    def _message_key(self, name: str, shape: Shape | None, error: ApiError) -> str:
        if error.fields and self.flavour.detailed_message_key is not None:
            return self.flavour.detailed_message_key
        return message_member(shape, _framework_message_key(name, self.flavour))

    def _error_type(self, name: str, modelled: bool) -> str:
        if self.flavour.framework_namespaces and (not modelled or name == "ValidationException"):
            return quirks.FRAMEWORK_ERRORS.get(name, self.flavour.error_namespace) + name
        return self.flavour.error_namespace + name


def query_error(model: ServiceModel, error: ApiError, shape: Shape | None) -> str:
    """`x-amzn-query-error`: the code and the side at fault as the query protocol had them."""
    if shape is not None:
        code = model.wire_code(shape.name)
    else:
        code = quirks.JSON_TO_QUERY.get(error.code, error.code)
    return f"{code};{'Sender' if error.sender else 'Receiver'}"


def _framework_message_key(name: str, flavour: quirks.Flavour) -> str:
    return "Message" if flavour.crc32 and name in _CAPITAL_MESSAGES else flavour.message_key


def _event_stream_member(shape: Shape) -> str | None:
    return next((name for name, member in shape.members.items() if member.shape.is_event_stream), None)
