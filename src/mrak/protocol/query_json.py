"""The query protocol with JSON out: what services answer to a form where the client accepts JSON, as AWS's do for those
that verify tokens by STS and for integrations of API Gateway.

    {"GetCallerIdentityResponse": {"GetCallerIdentityResult": {...}, "ResponseMetadata": {"RequestId": "..."}}}

Names are in order, and what is absent is null. A flattened map is a list of its entries: [{"Name": ..., "Value": ...}].
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.errors import ApiError
from mrak.core.http import Response
from mrak.protocol import quirks, xml
from mrak.protocol.base import Encoder
from mrak.protocol.json_codec import query_error
from mrak.protocol.model import OperationModel, Shape
from mrak.protocol.query import QueryCodec
from mrak.protocol.writer import Writer, write_blob, write_float

_CONTENT_TYPE = ("Content-Type", "application/json")


class QueryJsonCodec(QueryCodec):
    def __init__(self, model: Any) -> None:
        super().__init__(model)
        self._json_writers: dict[str, Writer] = {}

    def compile_encoder(self, operation: OperationModel) -> Encoder:
        name = operation.name
        has_output = "output" in operation.traits
        wrapper = operation.result_wrapper or f"{name}Result"
        write = self._writer_of(operation.output) if has_output else None

        def encode(output: dict[str, Any], request_id: str) -> Response:
            content: dict[str, Any] = {"ResponseMetadata": {"RequestId": request_id}}
            if write is not None:
                content[wrapper] = write(output)
            body = msgspec.json.encode({f"{name}Response": content}, order="sorted")
            return Response(200, [_CONTENT_TYPE, ("x-amzn-RequestId", request_id)], body)

        return encode

    def encode_error(self, operation: str | None, error: ApiError, request_id: str) -> Response:
        if error.code == "UnknownOperationException":
            return super().encode_error(operation, error, request_id)
        shape = self.model.error_shape(error.code)
        code, _, kind = query_error(self.model, error, shape).rpartition(";")
        message = quirks.QUERY_MESSAGES.get((self.service, code), error.message)
        told = {"Code": code, "Message": message, "Type": kind}
        headers = [_CONTENT_TYPE, ("x-amzn-RequestId", request_id), *(error.headers or {}).items()]
        body = msgspec.json.encode({"Error": told, "RequestId": request_id})
        return Response(self.error_status(error, shape), headers, body)

    def _writer_of(self, shape: Shape) -> Writer:
        if shape.type in ("float", "double"):
            return write_float
        if shape.type == "blob":
            return write_blob
        if shape.type not in ("structure", "list", "map"):
            return lambda value: value
        found = self._json_writers.get(shape.name)
        if found is None:
            self._json_writers[shape.name] = lambda value: self._json_writers[shape.name](value)
            found = self._json_writers[shape.name] = self._compile_writer(shape)
        return found

    def _compile_writer(self, shape: Shape) -> Writer:
        if shape.type == "structure":
            return self._compile_structure(shape)
        if shape.type == "list":
            write_item = self._writer_of(shape.element.shape)
            return lambda value: [write_item(item) for item in value]
        write_value = self._writer_of(shape.value.shape)
        if shape.traits.get("flattened"):
            key, held = xml.map_names(shape)
            return lambda value: [{key: name, held: write_value(item)} for name, item in value.items()]
        return lambda value: {name: write_value(item) for name, item in value.items()}

    def _compile_structure(self, shape: Shape) -> Writer:
        plan = [
            (quirks.QUERY_JSON_NAMES.get((self.service, name), name), name, self._writer_of(member.shape))
            for name, member in shape.members.items()
        ]

        def write(value: dict[str, Any]) -> dict[str, Any]:
            return {
                shown: None if value.get(name) is None else write_member(value[name])
                for shown, name, write_member in plan
            }

        return write
