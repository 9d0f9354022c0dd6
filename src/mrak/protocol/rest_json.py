"""REST-JSON: HTTP bindings, the rest of the members as a JSON object."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mrak.core.errors import ApiError
from mrak.core.http import Request, Response
from mrak.protocol.base import message_member
from mrak.protocol.json_codec import JsonBodies, encode_json
from mrak.protocol.model import Member, OperationModel, ServiceModel, Shape
from mrak.protocol.rest import Members, RestCodec


class RestJsonCodec(RestCodec):
    protocol = "rest-json"

    def __init__(self, model: ServiceModel) -> None:
        super().__init__(model)
        self._bodies = JsonBodies(self)

    def body_content_type(self) -> str:
        return "application/json"

    def unknown_operation(self, request: Request) -> ApiError:
        if self.service == "apigateway":
            return ApiError("MissingAuthenticationTokenException", "Missing Authentication Token", 403)
        return ApiError("UnknownOperationException", "", 404)

    def malformed(self, reason: str) -> ApiError:
        return ApiError("SerializationException", reason)

    def compile_body_parser(self, operation: OperationModel, members: Members) -> Callable[[bytes], dict[str, Any]]:
        return self._bodies.compile_parser(operation.input, members, self.input_check(operation), partial=True)

    def compile_payload_parser(self, operation: OperationModel, member: Member) -> Callable[[bytes], Any]:
        if member.shape.type == "structure" and not member.shape.is_document:
            return self._bodies.compile_parser(member.shape, list(member.shape.members.items()), None)
        return self._bodies.compile_value_parser(member)

    def compile_body_renderer(self, operation: OperationModel, members: Members) -> Callable[[dict[str, Any]], bytes]:
        return self._bodies.compile_renderer(members, partial=len(members) < len(operation.output.members))

    def compile_payload_renderer(self, operation: OperationModel, member: Member) -> Callable[[Any], bytes]:
        write = self._bodies.writer_of(member)
        return lambda value: encode_json(write(value))

    def event_payload(self, shape: Shape) -> Callable[[dict[str, Any]], bytes]:
        return self._bodies.compile_renderer(list(shape.members.items()))

    def encode_error(self, operation: str | None, error: ApiError, request_id: str) -> Response:
        shape = self.model.error_shape(error.code)
        name = shape.name if shape is not None else error.code
        body: dict[str, Any] = {}
        if shape is not None and "Type" in shape.members and self.service == "lambda":
            body["Type"] = "User" if error.sender else "Service"
        if error.message:
            body[message_member(shape, self.flavour.message_key)] = error.message
        for field, value in (error.fields or {}).items():
            member = shape.members.get(field) if shape is not None else None
            if value is None:
                body.pop(field, None)
            elif member is None:
                body[field] = value
            elif member.location is None:
                body[member.wire_name] = self._bodies.writer_of(member)(value)
        headers = [("Content-Type", "application/json"), *self.identity_headers(request_id)]
        headers += [("x-amzn-ErrorType", name), *self.error_headers(shape, error)]
        return Response(self.error_status(error, shape), headers, encode_json(body))
