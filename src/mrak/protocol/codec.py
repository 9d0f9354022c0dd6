"""The way into this package: a service's codec in a protocol, and which protocol a request speaks.

    codec("sqs").decode("SendMessage", request) -> {"QueueUrl": ..., "MessageBody": ...}
    codec("sqs").encode("SendMessage", {"MessageId": ...}, request_id) -> Response

A codec is compiled per operation, at its first use, from the service's model; it does no I/O and keeps no state of
requests. Inside, blobs are bytes, timestamps are epoch seconds, and what is absent (or null) is absent.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module

from mrak.core.http import Request
from mrak.protocol import model, quirks
from mrak.protocol.base import Codec
from mrak.protocol.model import ServiceModel

__all__ = ["Codec", "codec", "codec_for", "detect_protocol"]

_CLASSES = {
    "json": ("mrak.protocol.json_codec", "JsonCodec"),
    "query": ("mrak.protocol.query", "QueryCodec"),
    "query-json": ("mrak.protocol.query_json", "QueryJsonCodec"),
    "rest-json": ("mrak.protocol.rest_json", "RestJsonCodec"),
    "rest-xml": ("mrak.protocol.rest_xml", "RestXmlCodec"),
    "json-cbor": ("mrak.protocol.amz_cbor_codec", "AmzCborCodec"),
    "smithy-rpc-v2-cbor": ("mrak.protocol.cbor_codec", "CborCodec"),
}
_DYNAMODB = ("mrak.protocol.dynamodb_codec", "DynamoDbCodec")
_CBOR = "application/x-amz-cbor-"
_FORM = "application/x-www-form-urlencoded"


@cache
def codec(service: str, protocol: str | None = None) -> Codec:
    """The codec of a service (by botocore's name); without a protocol, of the one that its model prefers."""
    return codec_for(model.load(service), protocol)


def codec_for(service_model: ServiceModel, protocol: str | None = None) -> Codec:
    """A codec of a model at hand."""
    name = protocol or service_model.protocol
    is_dynamodb = name == "json" and quirks.flavour(service_model.service).crc32
    module, class_name = _DYNAMODB if is_dynamodb else _CLASSES[name]
    overlay = quirks.query_overlay(service_model.service) if name.startswith("query") else {}
    if overlay:
        service_model = service_model.with_member_traits(overlay)
    made: Codec = getattr(import_module(module), class_name)(service_model)
    return made


def detect_protocol(request: Request) -> str | None:
    """The RPC protocol that a request speaks by its headers; None for REST, whose protocol is the service's own."""
    headers = request.headers
    if headers.get("smithy-protocol") == "rpc-v2-cbor":
        return "smithy-rpc-v2-cbor"
    content_type = headers.get("content-type", "")
    if "x-amz-target" in headers:
        return "json-cbor" if content_type.startswith(_CBOR) else "json"
    if content_type.startswith("application/x-amz-json-"):
        return "json"
    if content_type.startswith(_FORM):
        return "query"
    if "Action=" in request.query and any(key == "Action" for key, _ in request.query_pairs):
        return "query"
    return None
