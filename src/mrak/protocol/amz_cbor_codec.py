"""CBOR in the place of JSON, as AWS's SDKs for Java speak it with Kinesis: X-Amz-Target names the operation, and
timestamps are whole milliseconds.

Its members and errors are those of the JSON protocol. What SubscribeToShard streams is CBOR in the frames.
"""

from __future__ import annotations

from typing import Any

from mrak.core.http import Request, Response
from mrak.protocol import cbor, eventstream
from mrak.protocol.base import Encoder
from mrak.protocol.cbor_codec import CborCodec
from mrak.protocol.eventstream import PayloadRenderer
from mrak.protocol.model import OperationModel, Shape
from mrak.protocol.reader import Readers, read_timestamp

CONTENT_TYPE = "application/x-amz-cbor-1.1"


def _read_milliseconds(value: Any) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return read_timestamp(value / 1000 if is_number else value)


class AmzCborCodec(CborCodec):
    protocol = "json-cbor"
    headers = (("Content-Type", CONTENT_TYPE),)

    def make_readers(self) -> Readers:
        return Readers(wire_names=False, timestamp=_read_milliseconds)

    def write_timestamp(self, value: Any) -> Any:
        return round(value * 1000)

    def operation_name(self, request: Request) -> str | None:
        return request.headers.get("x-amz-target", "").rpartition(".")[2] or None

    def compile_encoder(self, operation: OperationModel) -> Encoder:
        members = operation.output.members
        stream = next((name for name, member in members.items() if member.shape.is_event_stream), None)
        if stream is None:
            return super().compile_encoder(operation)
        frames = eventstream.compile_encoder(members[stream].shape, CONTENT_TYPE, self.event_payload)

        def encode(output: dict[str, Any], request_id: str) -> Response:
            headers = [("Content-Type", eventstream.CONTENT_TYPE), ("x-amzn-RequestId", request_id)]
            return Response(200, headers, frames(output[stream], cbor.encode({})))

        return encode

    def event_payload(self, shape: Shape) -> PayloadRenderer:
        write = self.writer(shape)
        return lambda value: cbor.encode(write(value))
