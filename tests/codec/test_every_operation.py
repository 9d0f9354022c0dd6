"""Every operation of every service that mrak has a model of, there and back against botocore.

The vectors show that shapes are read rightly; this shows that no operation of the real models falls through: its
route is found, its request decodes to what the client was given, its response parses to what was encoded. Values are
made up from the shapes, so constraints are left aside here.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import botocore.loaders
import botocore.model
import botocore.parsers
import botocore.serialize
import pytest
from botocore.compat import HTTPHeaders

from mrak.core.http import Request
from mrak.protocol import model, quirks
from mrak.protocol.codec import codec_for

ID = "01234567-89ab-4def-8123-456789abcdef"

CASES = [
    (service, protocol) for service in sorted(model.known_services()) for protocol in model.load(service).protocols
]
MOMENT = 1700000000.0
DEPTH = 4


def made_up(shape: Any, depth: int = 0, name: str = "x") -> Any:
    """A value of a botocore shape, complete down to a depth."""
    kind = shape.type_name
    if kind == "structure":
        if shape.is_document_type:
            return {"any": ["thing", 1]}
        return made_up_members(shape, depth)
    if kind == "list":
        return [made_up(shape.member, depth + 1)]
    if kind == "map":
        return {made_up(shape.key, depth + 1): made_up(shape.value, depth + 1)}
    if kind == "string":
        return shape.enum[0] if shape.enum else f"{name}/ é+&<v>"
    return {
        "integer": 3, "long": 4, "float": 1.5, "double": 2.5, "boolean": True, "timestamp": MOMENT,
        "blob": b"\x00blob", "character": "c",
    }[kind]  # fmt: skip


def made_up_members(shape: Any, depth: int) -> dict[str, Any]:
    members = list(shape.members.items())
    if getattr(shape, "is_tagged_union", False):
        members.sort(key=lambda item: item[1].type_name in ("structure", "list", "map"))
        return {name: made_up(member, depth + 1, name) for name, member in members[:1] if depth <= 8}
    value = {}
    for name, member in members:
        if depth >= DEPTH and name not in shape.required_members and member.type_name in ("structure", "list", "map"):
            continue
        if member.serialization.get("eventstream"):
            continue
        location = member.serialization.get("location")
        if depth > 12 or (location == "headers" and member.key.enum):
            continue
        value[name] = (
            plain_text(name) if location and member.type_name == "string" else made_up(member, depth + 1, name)
        )
        if location == "headers":
            value[name] = {"key-a": "value"}
        elif location == "header" and member.type_name == "list":
            value[name] = [plain_text(name)] if not member.member.enum else [member.member.enum[0]]
        elif location and member.type_name == "string" and member.enum:
            value[name] = member.enum[0]
    return value


def plain_text(name: str) -> str:
    return f"{name}-v"


def to_request(serialized: dict[str, Any]) -> Request:
    """A botocore request dict as it would arrive."""
    query = serialized["query_string"]
    if isinstance(query, dict):
        query = urlencode(query, quote_via=quote, doseq=True)
    path, _, more = serialized["url_path"].partition("?")
    body = serialized["body"]
    if isinstance(body, dict):
        body = urlencode(body)
    headers = {name.lower(): str(value) for name, value in serialized["headers"].items()}
    content = body.encode() if isinstance(body, str) else bytes(body)
    return Request(serialized["method"], path, "&".join(filter(None, (more, query))), headers, content)


def normal(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: normal(item) for key, item in value.items()}
    if isinstance(value, list):
        return [normal(item) for item in value]
    if isinstance(value, datetime.datetime):
        return value.timestamp()
    if hasattr(value, "read"):
        return normal(value.read())
    if isinstance(value, bytes):
        # botocore gives a blob that is the whole body as text.
        return value.decode("latin-1")
    return value


def their_service(service: str) -> botocore.model.ServiceModel:
    raw = botocore.loaders.Loader(include_default_extras=False).load_service_model(service, "service-2")
    return botocore.model.ServiceModel(raw, service)


@pytest.fixture(autouse=True)
def without_constraints(monkeypatch: pytest.MonkeyPatch) -> None:
    """Values here are of the right type only."""
    for service in model.known_services():
        flavour = quirks.flavour(service)
        fields = {name: getattr(flavour, name) for name in flavour.__struct_fields__} | {"constraints": "none"}
        monkeypatch.setitem(quirks.FLAVOURS, service, quirks.Flavour(**fields))


def operations(service: str, protocol: str) -> Iterator[tuple[Any, Any, Any]]:
    if service == "sqs" and protocol == "query":
        return
    theirs = their_service(service)
    codec = codec_for(model.load(service), protocol)
    skipped = quirks.UNROUTED.get(service, frozenset())
    for name in theirs.operation_names:
        if name not in skipped:
            yield codec, theirs.operation_model(name), name


@pytest.mark.parametrize(("service", "protocol"), CASES)
def test_requests(service: str, protocol: str) -> None:
    """The route and the parameters of each operation come back from what botocore sends."""
    serializer = botocore.serialize.create_serializer(protocol, include_validation=False)
    for codec, operation, name in operations(service, protocol):
        parameters = made_up(operation.input_shape) if operation.input_shape else {}
        # A digest that was made up does not fit the body, and is refused.
        parameters.pop("ContentMD5", None)
        request = to_request(serializer.serialize_to_request(parameters, operation))
        if protocol == "json":
            assert request.headers["x-amz-target"].endswith(f".{name}")
        assert codec.operation_name(request) == name
        assert normal(codec.decode(name, request)) == normal(parameters), name


@pytest.mark.parametrize(("service", "protocol"), CASES)
def test_responses(service: str, protocol: str) -> None:
    """botocore parses each operation's response to the very output."""
    parser = botocore.parsers.create_parser(protocol)
    for codec, operation, name in operations(service, protocol):
        shape = operation.output_shape
        output = made_up(shape) if shape else {}
        if name == "GetBucketLocation":
            continue  # its root is its value, which a hook of botocore's client reads; see test_rest_xml
        if any(member.serialization.get("eventstream") for member in (shape.members.values() if shape else ())):
            continue
        status = [
            m for m, s in (shape.members if shape else {}).items() if s.serialization.get("location") == "statusCode"
        ]
        for member in status:
            output[member] = 200
        woven = quirks.WOVEN_LISTS.get(f"{service}.{shape.name}", ()) if shape else ()
        sequence = [(member, item) for member in woven for item in output[member]]
        response = codec.encode(name, output | {"Sequence": sequence} if woven else output, ID)
        headers = HTTPHeaders.from_dict(dict(response.headers))
        parsed = parser.parse({"status_code": response.status, "headers": headers, "body": response.body}, shape)
        parsed.pop("ResponseMetadata", None)
        if operation.http["method"] != "HEAD" and response.status != 204:
            assert normal(parsed) == normal(output), name
