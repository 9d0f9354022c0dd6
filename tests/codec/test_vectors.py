"""botocore's protocol vectors turned round.

Inputs: a server that decodes the request a client sends must find the client's parameters. Outputs: what a server
encodes must give back the same result when botocore's own parser reads it. Both compare with an implementation that
is not ours, for every protocol and shape that AWS's models can express.
"""

from __future__ import annotations

import base64
import datetime
import json
import math
from pathlib import Path
from typing import Any

import botocore.model
import botocore.parsers
import pytest

from mrak.core.errors import ApiError
from mrak.core.http import Request
from mrak.protocol import xml
from mrak.protocol.codec import codec_for
from mrak.protocol.model import ServiceModel

VECTORS = Path(__file__).parent / "vectors"
PROTOCOLS = {
    "json": "json",
    "json_1_0": "json",
    "json_1_0-query-compatible": "json",
    "query": "query",
    "rest-json": "rest-json",
    "rest-xml": "rest-xml",
    "smithy-rpc-v2-cbor": "smithy-rpc-v2-cbor",
    "smithy-rpc-v2-cbor-query-compatible": "smithy-rpc-v2-cbor",
    "smithy-rpc-v2-cbor-non-query-compatible": "smithy-rpc-v2-cbor",
}

_COMPRESSED = "the vector leaves out the body, which the client compresses"
_EMPTY = "the client sends nothing for an empty list or map, so that nothing can be decoded"
INPUTS_NOT_INVERTIBLE = {
    "QueryEmptyQueryMaps": _EMPTY,
    "RestJsonHttpPrefixHeadersAreNotPresent": _EMPTY,
    "HttpPrefixHeadersAreNotPresent": _EMPTY,
    "RestJsonOmitsEmptyListQueryValues": _EMPTY,
    "RestJsonHttpWithEmptyStructurePayload": "the client sends {} for an absent structure",
    "RestJsonHttpWithHeadersButNoPayload": "the client sends {} for an absent structure",
}
_UNION = "the result has no member of a union, which botocore refuses to read"
OUTPUTS_NOT_INVERTIBLE = {
    "RestJsonHttpPayloadTraitsWithNoBlobBody": "botocore gives an empty blob for an absent one",
    "HttpPayloadTraitsWithNoBlobBody": "botocore gives an empty blob for an absent one",
    "RestJsonHttpPayloadWithUnsetUnion": _UNION,
    "RestXmlHttpPayloadWithUnsetUnion": _UNION,
    "MediaTypeHeaderOutputBase64": "botocore parses the JSON that the vector has as text",
}
# botocore's parser does not read these as its own vectors say; our encoding is compared with the vector's instead.
OUTPUTS_COMPARED = {
    "BodyWithXmlName",
    "QueryXmlLists",
    "XmlLists",
    "RestJsonInputAndOutputWithQuotedStringHeaders",
    "RestJsonInputAndOutputWithTimestampHeaders",
    "InputAndOutputWithTimestampHeaders",
}


def drop_named_parameters(shape: Any, value: dict[str, Any]) -> None:
    """A map of "all query parameters" holds on a server also those that other members name; vectors vary in that."""
    members = shape.members.items()
    named = {m.wire_name for _, m in members if m.location == "querystring" and m.shape.type != "map"}
    for name, member in members:
        if member.location == "querystring" and member.shape.type == "map" and name in value:
            value[name] = {key: item for key, item in value[name].items() if key not in named}
            if not value[name]:
                del value[name]


def load_cases(kind: str) -> list[Any]:
    cases = []
    for name in PROTOCOLS:
        for suite in json.loads((VECTORS / kind / f"{name}.json").read_text()):
            for case in suite["cases"]:
                cases.append(pytest.param(name, suite, case, id=f"{name}:{case['id']}"))
    return cases


def model_of(suite: dict[str, Any], case: dict[str, Any]) -> dict[str, Any]:
    metadata = {"endpointPrefix": "vector", **suite["metadata"]}
    given = dict(case["given"])
    if metadata["protocol"] == "query" and "output" in given:
        # Every query operation of AWS has its wrapper in the model; the vectors leave it out.
        given["output"] = {"resultWrapper": f"{given['name']}Result", **given["output"]}
    return {"metadata": metadata, "operations": {given["name"]: given}, "shapes": suite["shapes"]}


def request_of(protocol: str, serialized: dict[str, Any]) -> Request:
    path, _, query = serialized["uri"].partition("?")
    body = serialized.get("body", "")
    content = base64.b64decode(body) if protocol.startswith("smithy") else body.encode()
    headers = {name.lower(): value for name, value in serialized.get("headers", {}).items()}
    return Request(serialized.get("method", "POST"), path or "/", query, headers, content)


def value_of(value: Any, shape: Any) -> Any:
    """A vector's value in our own form: bytes for blobs, seconds for timestamps, floats for their names."""
    if value is None:
        return None
    if shape.type == "structure" and not shape.is_document:
        members = shape.members
        return {k: value_of(v, members[k].shape) for k, v in value.items() if v is not None and k in members}
    if shape.type == "list":
        return [value_of(item, shape.element.shape) for item in value if item is not None]
    if shape.type == "map":
        return {key: value_of(item, shape.value.shape) for key, item in value.items() if item is not None}
    if shape.type == "blob":
        return value.encode() if isinstance(value, str) else value
    if shape.type in ("float", "double") and isinstance(value, str):
        return float(value)
    return value


def same(one: Any, other: Any) -> bool:
    """Equal, with NaN equal to itself."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one):
        return math.isnan(other)
    return bool(one == other)


@pytest.mark.parametrize(("name", "suite", "case"), load_cases("input"))
def test_input(name: str, suite: dict[str, Any], case: dict[str, Any]) -> None:
    """Decoding what a client serialised gives the client's parameters (codec rule: AWS's spelling, null is absent)."""
    if case["id"].startswith("SDKApp"):
        pytest.skip(_COMPRESSED)
    if case["id"] in INPUTS_NOT_INVERTIBLE:
        pytest.skip(INPUTS_NOT_INVERTIBLE[case["id"]])
    model = ServiceModel("vector", model_of(suite, case))
    codec = codec_for(model, PROTOCOLS[name])
    operation = model.operation(case["given"]["name"])
    request = request_of(name, case["serialized"])
    decoded = codec.decode(operation.name, request)
    expected = value_of(case["params"], operation.input)
    for member_name, member in operation.input.members.items():
        if member.traits.get("idempotencyToken") and member_name not in expected:
            decoded.pop(member_name, None)
    for value in (decoded, expected):
        drop_named_parameters(operation.input, value)
    assert same(decoded, expected), (decoded, expected)
    if name.startswith("rest") and "HostWithPath" not in case["id"]:  # a path of the endpoint is the gateway's matter
        assert codec.operation_name(request) == operation.name


@pytest.mark.parametrize(("name", "suite", "case"), load_cases("output"))
def test_output(name: str, suite: dict[str, Any], case: dict[str, Any]) -> None:
    """botocore's parser reads our encoding back as the result that the vector gives."""
    if case["id"] in OUTPUTS_NOT_INVERTIBLE:
        pytest.skip(OUTPUTS_NOT_INVERTIBLE[case["id"]])
    raw_model = model_of(suite, case)
    model = ServiceModel("vector", raw_model)
    codec = codec_for(model, PROTOCOLS[name])
    operation = model.operation(case["given"]["name"])
    their_model = botocore.model.ServiceModel(raw_model)
    their_operation = botocore.model.OperationModel(raw_model["operations"][operation.name], their_model)
    parser = botocore.parsers.create_parser(PROTOCOLS[name])
    if "error" in case:
        check_error(codec, case, parser, their_model)
        return
    result = value_of(case["result"], operation.output)
    response = codec.encode(operation.name, result, "foo-id")
    if case["id"] in OUTPUTS_COMPARED:
        check_against_vector(response, case["response"])
        return
    parsed = parser.parse(as_botocore(response), their_operation.output_shape)
    if parsed.get("prefixHeaders"):
        # An empty prefix takes in every header, also our own.
        parsed["prefixHeaders"].pop("x-amzn-RequestId", None)
    parsed.pop("ResponseMetadata", None)
    assert same(value_of(from_botocore(parsed), operation.output), result), (parsed, result, response)
    assert response.status == case["response"]["status_code"]


def check_against_vector(response: Any, expected: dict[str, Any]) -> None:
    headers = dict(response.headers)
    for header, value in expected["headers"].items():
        if header.startswith("X-"):
            assert headers[header] == value
    if expected.get("body"):
        ours, theirs = xml.parse(response.body), xml.parse(expected["body"].encode())
        ours.children = [child for child in ours.children if child.name != "ResponseMetadata"]
        assert outline(ours) == outline(theirs)


def outline(element: xml.Element) -> Any:
    return (element.name, element.text.strip(), [outline(child) for child in element.children])


def check_error(codec: Any, case: dict[str, Any], parser: Any, their_model: Any) -> None:
    """Code, message and further members of an error come back, each from where its protocol puts it."""
    shape = codec.model.error_shape(case["errorCode"])
    expected = value_of(case["error"], shape) if shape is not None else {}
    error = ApiError(
        case["errorCode"],
        case.get("errorMessage", ""),
        case["response"]["status_code"],
        without_message(expected),
    )
    response = as_botocore(codec.encode_error(case["given"]["name"], error, "foo-id"))
    parsed = parser.parse(response, None)
    assert parsed["Error"].get("QueryErrorCode", parsed["Error"]["Code"]) in (case["errorCode"], shape and shape.name)
    assert parsed["Error"].get("Message", "") == case.get("errorMessage", "")
    if shape is not None:
        found = from_botocore(parser.parse(response, their_model.shape_for(shape.name)))
        assert same(without_message(value_of(found, shape)), without_message(expected))


def without_message(value: dict[str, Any]) -> dict[str, Any]:
    return {key: item for key, item in value.items() if key.lower() != "message"}


def as_botocore(response: Any) -> dict[str, Any]:
    headers: dict[str, str] = {}
    for name, value in response.headers:
        headers[name] = value
    from botocore.compat import HTTPHeaders

    return {"status_code": response.status, "headers": HTTPHeaders.from_dict(headers), "body": response.body}


def from_botocore(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: from_botocore(item) for key, item in value.items()}
    if isinstance(value, list):
        return [from_botocore(item) for item in value]
    if isinstance(value, datetime.datetime):
        return value.timestamp()
    return value
