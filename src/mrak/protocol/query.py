"""The query protocol: a form in, XML out.

`Tags.member.1.Key=a` becomes a tree of dicts first; readers compiled from the shapes then pick what the model has.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from mrak.core.errors import ApiError
from mrak.core.http import Request, Response
from mrak.protocol import quirks, text, xml
from mrak.protocol.base import Codec, Decoder, Encoder
from mrak.protocol.json_codec import query_error
from mrak.protocol.model import Member, OperationModel, ServiceModel, Shape
from mrak.protocol.reader import WireError

_ACTION = re.compile(rb"(?:\A|&)Action=([A-Za-z0-9]+)(?:&|\Z)")
MAX_PARAMETERS = 100_000
MAX_DEPTH = 64

Reader = Callable[[Any], Any]


class QueryCodec(Codec):
    protocol = "query"

    def __init__(self, model: ServiceModel) -> None:
        super().__init__(model)
        namespace = quirks.QUERY_NAMESPACES.get(model.service) or model.xml_namespace or ""
        self._declared = xml.namespace_declaration(namespace)
        self._writers = xml.XmlWriters(always_millis=False)
        self._readers: dict[str, Reader] = {}

    def operation_name(self, request: Request) -> str | None:
        found = _ACTION.search(request.body or b"")
        if found:
            return found[1].decode("ascii")
        return next((value for key, value in self._pairs(request) if key == "Action"), None)

    def unknown_operation(self, request: Request) -> ApiError:
        pairs = dict(self._pairs(request))
        if "Action" not in pairs:
            if self.service == "sqs":
                return ApiError("UnknownOperationException", "", 404)
            return ApiError("MissingAction", "The request must contain the parameter Action.")
        if self.service == "sqs":
            return _invalid_action(pairs["Action"])
        version = pairs.get("Version", self.model.api_version)
        return ApiError("InvalidAction", f"Could not find operation {pairs['Action']} for version {version}")

    def malformed(self, reason: str) -> ApiError:
        return ApiError("MalformedInput", reason)

    def _pairs(self, request: Request) -> list[tuple[str, str]]:
        """Parameters of the query string and of a form body."""
        body = self.body_of(request)
        if not body:
            return request.query_pairs
        try:
            pairs = parse_qsl(
                body.decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=MAX_PARAMETERS
            )
        except ValueError as error:
            raise ApiError("MalformedQueryString", "The query string contains a syntax error.", 400) from error
        return [*request.query_pairs, *pairs] if request.query else pairs

    def compile_decoder(self, operation: OperationModel) -> Decoder:
        read = self._structure(operation.input)
        check = self.input_check(operation)
        from_path = self.service == "sqs" and "QueueUrl" in operation.input.members
        not_at_queues = self.service == "sqs" and operation.name in quirks.NOT_AT_QUEUES

        def decode(request: Request) -> dict[str, Any]:
            if not_at_queues and request.path.count("/") >= 2:
                raise _invalid_action(operation.name)
            tree = _tree(self._pairs(request))
            if from_path and "QueueUrl" not in tree and request.path.count("/") >= 2:
                tree["QueueUrl"] = f"{request.scheme}://{request.host}{request.path}"
            try:
                result: dict[str, Any] = read(tree)
            except WireError as error:
                raise self.malformed(str(error)) from error
            check(result)
            return result

        return decode

    # --- reading ------------------------------------------------------------------------------------------------

    def _reader(self, shape: Shape) -> Reader:
        parse = text.parser(shape.type)
        if parse is not None:
            return _scalar(parse)
        found = self._readers.get(shape.name)
        if found is None:
            self._readers[shape.name] = lambda node: self._readers[shape.name](node)
            found = self._readers[shape.name] = self._compile(shape)
        return found

    def _compile(self, shape: Shape) -> Reader:
        if shape.type == "structure":
            return self._structure(shape)
        flattened = bool(shape.traits.get("flattened"))
        if shape.type == "list":
            return self._list(shape, flattened)
        return self._map(shape, flattened)

    def _structure(self, shape: Shape) -> Reader:
        plan = [(name, self._names(name, member), self._member(member)) for name, member in shape.members.items()]

        def read(node: Any) -> dict[str, Any]:
            if not isinstance(node, dict):
                raise WireError("Value found where a structure was expected")
            result: dict[str, Any] = {}
            for name, wire_names, read_member in plan:
                for wire_name in wire_names:
                    if wire_name in node:
                        result[name] = read_member(node[wire_name])
                        break
            return result

        return read

    def _names(self, name: str, member: Member) -> tuple[str, ...]:
        if member.shape.type == "map" and member.flattened:
            # Also by its own name, in the plural (recorded: test_sqs_aws_integration_with_message_attribute).
            return (member.wire_name, name)
        if member.shape.type == "list" and member.flattened:
            own = member.shape.element.traits.get("locationName", member.wire_name)
            return (own, member.wire_name)
        return (member.wire_name,)

    def _member(self, member: Member) -> Reader:
        if member.shape.type == "list":
            return self._list(member.shape, member.flattened)
        if member.shape.type == "map":
            return self._map(member.shape, member.flattened)
        return self._reader(member.shape)

    def _list(self, shape: Shape, flattened: bool) -> Reader:
        read = self._member(shape.element)
        wrapper = shape.element.traits.get("locationName", "member")

        def read_list(node: Any) -> list[Any]:
            if isinstance(node, str):
                if node and not flattened:
                    raise WireError("Value found where a list was expected")
                # Older SDKs leave the number off where there is one item: AttributeName=All.
                return [read(node)] if node else []
            items = node if flattened else node.get(wrapper, node.get("member", {}))
            if isinstance(items, str):
                return []
            return [read(items[key]) for key in _in_order(items)]

        return read_list

    def _map(self, shape: Shape, flattened: bool) -> Reader:
        read = self._member(shape.value)
        key_name, value_name = xml.map_names(shape)

        def read_map(node: Any) -> dict[str, Any]:
            if isinstance(node, str):
                return {}
            items = node if flattened else node.get("entry", {})
            if not isinstance(items, dict):
                return {}
            # Older SDKs leave the number off where there is one entry: Attribute.Name=Policy.
            entries = [items] if flattened and key_name in items else [items[index] for index in _in_order(items)]
            result: dict[str, Any] = {}
            for entry in entries:
                if not isinstance(entry, dict) or not isinstance(entry.get(key_name), str):
                    raise WireError("Map entry without a key")
                if value_name in entry:
                    result[entry[key_name]] = read(entry[value_name])
            return result

        return read_map

    # --- writing ------------------------------------------------------------------------------------------------

    def compile_encoder(self, operation: OperationModel) -> Encoder:
        name = operation.name
        has_output = "output" in operation.traits
        wrapper = operation.result_wrapper or f"{name}Result"
        write = self._writers.content(list(operation.output.members.items()))
        opening, closing = f"<{name}Response{self._declared}>", f"</{name}Response>"

        def encode(output: dict[str, Any], request_id: str) -> Response:
            out = ['<?xml version="1.0"?>', opening]
            if has_output and output:
                out.append(f"<{wrapper}>")
                write(output, out)
                out.append(f"</{wrapper}>")
            elif has_output:
                out.append(f"<{wrapper}/>")
            out.append(f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>")
            out.append(closing)
            headers = [("Content-Type", "text/xml"), ("x-amzn-RequestId", request_id)]
            return Response(200, headers, "".join(out).encode("utf-8", "replace"))

        return encode

    def encode_error(self, operation: str | None, error: ApiError, request_id: str) -> Response:
        if error.code == "UnknownOperationException":
            return Response(error.status, [("Content-Type", "text/xml")], b"<UnknownOperationException/>")
        shape = self.model.error_shape(error.code)
        code, _, kind = query_error(self.model, error, shape).rpartition(";")
        out = [f"<Type>{kind}</Type><Code>{xml.escape(code)}</Code>"]
        message = quirks.QUERY_MESSAGES.get((self.service, code), error.message)
        if message:
            out.append(f"<Message>{xml.escape(message)}</Message>")
        xml.write_error_fields(self._writers, shape, error.fields or {}, out)
        if self.service == "sqs":
            out.append("<Detail/>")
        body = (
            f'<?xml version="1.0"?><ErrorResponse{self._declared}><Error>{"".join(out)}</Error>'
            f"<RequestId>{request_id}</RequestId></ErrorResponse>"
        )
        headers = [("Content-Type", "text/xml"), ("x-amzn-RequestId", request_id), *(error.headers or {}).items()]
        return Response(self.error_status(error, shape), headers, body.encode("utf-8", "replace"))


def _invalid_action(name: str) -> ApiError:
    return ApiError("InvalidAction", f"The action {name} is not valid for this endpoint.")


def _scalar(parse: text.Parser) -> Reader:
    def read(node: Any) -> Any:
        if not isinstance(node, str):
            raise WireError("Start of structure or map found where not expected")
        return parse(node)

    return read


def _tree(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """Dotted names as nested dicts. A name that is both a value and a branch keeps the branch."""
    root: dict[str, Any] = {}
    for name, value in pairs:
        if "." not in name:
            if not isinstance(root.get(name), dict):
                root[name] = value
            continue
        node = root
        *branches, leaf = name.split(".", MAX_DEPTH)
        for branch in branches:
            inner = node.get(branch)
            if not isinstance(inner, dict):
                inner = node[branch] = {}
            node = inner
        node.setdefault(leaf, value)
    return root


def _in_order(items: dict[str, Any]) -> list[str]:
    """The numbered keys of a list or a map by number; others are none of its items."""
    return sorted((key for key in items if key.isascii() and key.isdigit() and len(key) < 10), key=int)
