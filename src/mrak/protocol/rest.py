"""HTTP bindings of the REST protocols: labels, query, headers, status and payload, to and from members.

The body's own format (JSON or XML) comes from the subclass.
"""

from __future__ import annotations

import base64
import binascii
from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

import msgspec

from mrak.core.errors import ApiError
from mrak.core.http import Request, Response
from mrak.protocol import eventstream, quirks, text
from mrak.protocol.base import Codec, Decoder, Encoder
from mrak.protocol.model import Member, OperationModel, ServiceModel, Shape
from mrak.protocol.reader import WireError
from mrak.protocol.routes import RouteTable, compile_path, literals_of

Binder = Callable[[Request, dict[str, Any]], None]
HeaderWriter = Callable[[dict[str, Any], list[tuple[str, str]]], None]
Members = list[tuple[str, Member]]

# Where members of an output can be but in its body. Labels and query parameters only mean something in a request.
_OUTSIDE_BODY = frozenset({"header", "headers", "statusCode"})
_NO_BODY = frozenset({204, 205, 304})


def unquote(value: str) -> str:
    """Percent-decoded; raises WireError for what is not UTF-8."""
    if "%" not in value:
        return value
    try:
        return unquote_to_bytes(value).decode("utf-8")
    except UnicodeDecodeError as error:
        raise WireError("Couldn't parse the specified URI.") from error


class RestCodec(Codec):
    """What REST-JSON and REST-XML share."""

    request_id_header = "x-amzn-RequestId"

    def __init__(self, model: ServiceModel) -> None:
        super().__init__(model)
        unrouted = quirks.UNROUTED.get(model.service, frozenset())
        names = [name for name in model.operation_names if name not in unrouted]
        self._routes = RouteTable([model.operation(name) for name in names])

    @abstractmethod
    def compile_body_parser(self, operation: OperationModel, members: Members) -> Callable[[bytes], dict[str, Any]]:
        """Reads members that have no place of their own from the body."""

    @abstractmethod
    def compile_payload_parser(self, operation: OperationModel, member: Member) -> Callable[[bytes], Any]:
        """Reads the structure (list, document) that is the whole body."""

    @abstractmethod
    def compile_body_renderer(self, operation: OperationModel, members: Members) -> Callable[[dict[str, Any]], bytes]:
        """Writes members that have no place of their own."""

    @abstractmethod
    def compile_payload_renderer(self, operation: OperationModel, member: Member) -> Callable[[Any], bytes]:
        """Writes the structure (list, document) that is the whole body."""

    @abstractmethod
    def body_content_type(self) -> str: ...

    @abstractmethod
    def event_payload(self, shape: Shape) -> Callable[[dict[str, Any]], bytes]: ...

    def operation_name(self, request: Request) -> str | None:
        return self._routes.find(request)

    def identity_headers(self, request_id: str) -> list[tuple[str, str]]:
        return [(self.request_id_header, request_id)]

    # --- decoding -----------------------------------------------------------------------------------------------

    def compile_decoder(self, operation: OperationModel) -> Decoder:
        binders = self._compile_binders(operation)
        parse_body = self._compile_body(operation)
        check = self.input_check(operation)
        parse_error = self.binding_error

        def decode(request: Request) -> dict[str, Any]:
            result: dict[str, Any] = {}
            if parse_body is not None:
                parse_body(request, result)
            for bind in binders:
                try:
                    bind(request, result)
                except WireError as error:
                    raise parse_error(error) from error
            check(result)
            return result

        return decode

    def binding_error(self, error: WireError) -> ApiError:
        """A label, query parameter or header that is not of its type."""
        return self.malformed(str(error))

    def _compile_binders(self, operation: OperationModel) -> list[Binder]:
        members = operation.input.members
        binders: list[Binder] = []
        labels = {m.wire_name: (name, m) for name, m in members.items() if m.location == "uri"}
        if labels:
            binders.append(self._bind_labels(operation, labels))
        query = [(name, m) for name, m in members.items() if m.location == "querystring"]
        if query:
            binders.append(self._bind_query(query, frozenset(name for name, _ in literals_of(operation.request_uri))))
        headers = [(name, m) for name, m in members.items() if m.location in ("header", "headers")]
        if headers:
            binders.append(self._bind_headers(headers))
        return binders

    def _bind_labels(self, operation: OperationModel, labels: dict[str, tuple[str, Member]]) -> Binder:
        pattern, names = compile_path(operation.request_uri)
        plan = [(labels[name][0], self._scalar_parser(labels[name][1])) for name in names]

        def bind(request: Request, result: dict[str, Any]) -> None:
            match = pattern.match(request.path)
            if match is None:
                raise WireError("Couldn't parse the specified URI.")
            for (name, parse), value in zip(plan, match.groups(), strict=True):
                result[name] = parse(unquote(value))

        return bind

    def _scalar_parser(self, member: Member) -> text.Parser:
        parse = text.parser(member.shape.type)
        assert parse is not None, (self.service, member.name, member.shape.type)
        return parse

    def _bind_query(self, members: Members, literals: frozenset[str]) -> Binder:
        scalars: dict[str, tuple[str, text.Parser]] = {}
        lists: dict[str, tuple[str, text.Parser]] = {}
        rest: Member | None = None
        for name, member in members:
            if member.shape.type == "map":
                rest = member
            elif member.shape.type == "list":
                lists[member.wire_name] = (name, self._scalar_parser(member.shape.element))
            else:
                scalars[member.wire_name] = (name, self._query_parser(member))

        def bind(request: Request, result: dict[str, Any]) -> None:
            others: dict[str, Any] = {}
            for key, value in request.query_pairs:
                scalar = scalars.get(key)
                if scalar is not None:
                    if value or scalar[1] is text.identity:
                        result[scalar[0]] = scalar[1](value)
                elif key in lists:
                    name, parse = lists[key]
                    result.setdefault(name, []).append(parse(value))
                elif rest is not None and key not in literals:
                    _collect(others, key, value, rest.shape.value.shape.type == "list")
            if rest is not None and others:
                result[rest.name] = others

        return bind

    def _query_parser(self, member: Member) -> text.Parser:
        return self._scalar_parser(member)

    def _bind_headers(self, members: Members) -> Binder:
        """Goes through the request's headers, since an operation may know forty and a request brings ten."""
        known = {m.wire_name.lower(): (name, self._header_parser(m)) for name, m in members if m.location == "header"}
        prefixes = [
            (name, member.traits.get("locationName", "").lower())
            for name, member in members
            if member.location == "headers"
        ]

        def bind(request: Request, result: dict[str, Any]) -> None:
            for key, value in request.headers.items():
                found = known.get(key)
                if found is not None:
                    parsed = found[1](value)
                    if parsed is not None:
                        result[found[0]] = parsed
                for name, prefix in prefixes:
                    if key.startswith(prefix):
                        result.setdefault(name, {})[key[len(prefix) :]] = value

        return bind

    def _header_parser(self, member: Member) -> Callable[[str], Any]:
        if member.traits.get("jsonvalue"):
            return _parse_json_header
        if member.shape.type == "list":
            kind = member.shape.element.shape.type
            parse = self._scalar_parser(member.shape.element)
            return lambda value: [parse(part) for part in text.split_header_list(value, kind)]
        return self._scalar_parser(member)

    def _compile_body(self, operation: OperationModel) -> Binder | None:
        shape = operation.input
        if shape.payload is not None:
            return self._compile_payload(operation, shape.payload, shape.members[shape.payload])
        members = [(name, member) for name, member in shape.members.items() if member.location is None]
        if not members:
            return None
        parse = self.compile_body_parser(operation, members)

        def read(request: Request, result: dict[str, Any]) -> None:
            body = self.body_of(request)
            if body:
                result.update(parse(body))

        return read

    def _compile_payload(self, operation: OperationModel, name: str, member: Member) -> Binder:
        if member.streaming:
            return lambda request, result: result.__setitem__(
                name, request.stream if request.body is None else request.body
            )
        kind = member.shape.type
        if kind == "blob":
            return self._whole_body(name, lambda body: body)
        if kind == "string":
            return self._whole_body(name, self._parse_text)
        return self._whole_body(name, self.compile_payload_parser(operation, member))

    def _whole_body(self, name: str, parse: Callable[[bytes], Any]) -> Binder:
        def read(request: Request, result: dict[str, Any]) -> None:
            body = self.body_of(request)
            if body:
                result[name] = parse(body)

        return read

    def _parse_text(self, body: bytes) -> str:
        try:
            return body.decode("utf-8")
        except UnicodeDecodeError as error:
            raise self.malformed("Body is not UTF-8.") from error

    def error_headers(self, shape: Shape | None, error: ApiError) -> list[tuple[str, str]]:
        """Headers that the error brings, and members of its shape that travel as headers."""
        headers = list((error.headers or {}).items())
        writers = self._compile_headers(shape) if shape is not None and error.fields else {}
        for write in writers.values():
            write(error.fields or {}, headers)
        return headers

    # --- encoding -----------------------------------------------------------------------------------------------

    def compile_encoder(self, operation: OperationModel) -> Encoder:
        shape = operation.output
        write_headers = self._compile_headers(shape)
        status_member = next((n for n, m in shape.members.items() if m.location == "statusCode"), None)
        render = self._compile_rendering(operation)
        default_status = quirks.RESPONSE_CODES.get(self.service, {}).get(operation.name, operation.response_code)
        is_head = operation.method == "HEAD"
        # The model does not say that an answer to a Range request has a status of its own.
        may_be_partial = "ContentRange" in shape.members
        identity = self.identity_headers

        def encode(output: dict[str, Any], request_id: str) -> Response:
            status = default_status
            if status_member is not None:
                status = output.get(status_member) or default_status
            elif may_be_partial and output.get("ContentRange"):
                status = 206
            headers = identity(request_id)
            # An operation of S3 has dozens of headers, an answer few.
            for name in output:
                write = write_headers.get(name)
                if write is not None:
                    write(output, headers)
            content_type, body = render(output)
            if is_head or status in _NO_BODY:
                return Response(status, headers, b"")
            if content_type and not any(name.lower() == "content-type" for name, _ in headers):
                headers.append(("Content-Type", content_type))
            return Response(status, headers, body)

        return encode

    def _compile_headers(self, shape: Shape) -> dict[str, HeaderWriter]:
        """The writers of members that are headers, by member."""
        writers: dict[str, HeaderWriter] = {}
        for name, member in shape.members.items():
            if member.location == "header":
                writers[name] = self._write_header(name, member)
            elif member.location == "headers":
                writers[name] = _write_prefixed(name, member.traits.get("locationName", ""))
        for name, header in quirks.UNMODELLED_HEADERS.get(shape.full_name, {}).items():
            writers[name] = _write_plain(name, header)
        return writers

    def _write_header(self, name: str, member: Member) -> HeaderWriter:
        key = member.wire_name
        form = self._header_formatter(member)

        def write(output: dict[str, Any], headers: list[tuple[str, str]]) -> None:
            value = output.get(name)
            if value is not None:
                headers.append((key, _single_line(form(value))))

        return write

    def _header_formatter(self, member: Member) -> Callable[[Any], str]:
        if member.traits.get("jsonvalue"):
            return _write_json_header
        if member.shape.type == "list":
            kind = member.shape.element.shape.type
            form = text.formatter(member.shape.element, "rfc822")
            return lambda value: text.join_header_list([form(item) for item in value], kind)
        return text.formatter(member, "rfc822", self.flavour.always_millis)

    def _compile_rendering(self, operation: OperationModel) -> Callable[[dict[str, Any]], tuple[str, Any]]:
        shape = operation.output
        if shape.payload is not None:
            return self._compile_payload_rendering(operation, shape.payload, shape.members[shape.payload])
        members = [(name, member) for name, member in shape.members.items() if member.location not in _OUTSIDE_BODY]
        stream = next((name for name, member in members if member.shape.is_event_stream), None)
        if stream is not None:
            return self._compile_payload_rendering(operation, stream, shape.members[stream])
        if not members:
            return lambda output: ("", b"")
        order = quirks.BODY_ORDER.get(shape.full_name, ())
        members.sort(key=lambda member: order.index(member[0]) if member[0] in order else len(order))
        render = self.compile_body_renderer(operation, members)
        content_type = self.body_content_type()
        return lambda output: (content_type, render(output))

    def _compile_payload_rendering(
        self, operation: OperationModel, name: str, member: Member
    ) -> Callable[[dict[str, Any]], tuple[str, Any]]:
        kind = member.shape.type
        if member.shape.is_event_stream:
            frames = eventstream.compile_encoder(member.shape, self.body_content_type(), self.event_payload)
            return lambda output: (eventstream.CONTENT_TYPE, frames(output[name], None))
        if kind == "blob":
            blob_type = self.flavour.blob_content_type
            return lambda output: _blob_body(output.get(name), blob_type)
        if kind == "string":
            text_type = self.flavour.text_content_type
            return lambda output: (text_type, (output.get(name) or "").encode())
        render = self.compile_payload_renderer(operation, member)
        content_type = self.body_content_type()

        def render_payload(output: dict[str, Any]) -> tuple[str, Any]:
            value = output.get(name)
            return ("", b"") if value is None else (content_type, render(value))

        return render_payload


def _blob_body(value: Any, content_type: str) -> tuple[str, Any]:
    if value is None or value == b"":
        return "", b""
    return content_type, value.encode() if isinstance(value, str) else value


def _collect(others: dict[str, Any], key: str, value: str, as_list: bool) -> None:
    if as_list:
        others.setdefault(key, []).append(value)
    else:
        others.setdefault(key, value)


def _parse_json_header(value: str) -> str:
    """JSON travels base64-encoded in a header; inside, it is the text that the caller wrote."""
    try:
        return base64.b64decode(value.encode("ascii"), validate=True).decode("utf-8")
    except (binascii.Error, UnicodeError) as error:
        raise WireError("Header is not base64-encoded JSON.") from error


def _write_json_header(value: Any) -> str:
    content = value.encode() if isinstance(value, str) else msgspec.json.encode(value)
    return base64.b64encode(content).decode()


def _single_line(value: str) -> str:
    """A header's value can never begin another header."""
    return value.replace("\r", " ").replace("\n", " ") if "\n" in value or "\r" in value else value


def _write_plain(name: str, header: str) -> HeaderWriter:
    return lambda output, headers: headers.append((header, output[name]))


def _write_prefixed(name: str, prefix: str) -> HeaderWriter:
    def write(output: dict[str, Any], headers: list[tuple[str, str]]) -> None:
        found: Mapping[str, str] | None = output.get(name)
        if found:
            headers.extend((prefix + key, _single_line(str(value))) for key, value in found.items())

    return write
