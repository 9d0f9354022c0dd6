"""REST-XML: HTTP bindings, the rest of the members (or the payload) as an XML document. S3 above all."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from hashlib import md5
from typing import Any

from mrak.core.errors import ApiError
from mrak.core.http import Request, Response
from mrak.protocol import quirks, s3_routes, text, validate, xml
from mrak.protocol.base import Decoder, Encoder
from mrak.protocol.model import Member, OperationModel, ServiceModel, Shape
from mrak.protocol.reader import WireError
from mrak.protocol.rest import Members, RestCodec

_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
_LOCK_DATE = "x-amz-object-lock-retain-until-date"
# S3 takes anything for the number of parts that it is to show with an object's attributes.
_IGNORED_NUMBER = "x-amz-max-parts"
_WHOLE_SIZE = "x-amz-mp-object-size"
_DATE_OF_A_LOCK = "The retain until date must be provided in ISO 8601 format"
_MALFORMED = "The XML you provided was not well-formed or did not validate against our published schema"


class RestXmlCodec(RestCodec):
    protocol = "rest-xml"

    def __init__(self, model: ServiceModel) -> None:
        super().__init__(model)
        self._readers = xml.XmlReaders()
        self._writers = xml.XmlWriters(self.flavour.always_millis)
        self._is_s3 = model.service == "s3"
        self._namespace = quirks.REST_XML_NAMESPACES.get(model.service)
        if self._is_s3:
            self.request_id_header = "x-amz-request-id"
        # The service's own checks come later; a document is checked against the schema while it is read.
        self._schema = validate.Checks(quirks.Flavour(), schema_only=True)

    def body_content_type(self) -> str:
        return "application/xml" if self._is_s3 else "text/xml"

    def identity_headers(self, request_id: str) -> list[tuple[str, str]]:
        if self._is_s3:
            return s3_identity(request_id)
        return [("x-amzn-RequestId", request_id)]

    def operation_name(self, request: Request) -> str | None:
        found = super().operation_name(request)
        if self._is_s3:
            s3_routes.check(request, found)
        return found

    def unknown_operation(self, request: Request) -> ApiError:
        if self._is_s3:
            return s3_routes.method_not_allowed(request)
        return ApiError("UnknownOperationException", f"No operation at {request.method} {request.path}.", 404)

    def malformed(self, reason: str) -> ApiError:
        return ApiError("MalformedXML", _MALFORMED if self._is_s3 else reason or _MALFORMED)

    def binding_error(self, error: WireError) -> ApiError:
        if self._is_s3:
            return ApiError("InvalidURI", "Couldn't parse the specified URI.")
        return ApiError("InvalidInput" if self.service == "route53" else "InvalidArgument", str(error))

    def _query_parser(self, member: Member) -> text.Parser:
        parse = super()._query_parser(member)
        return _s3_argument(member, parse) if self._is_s3 else parse

    def _header_parser(self, member: Member) -> Callable[[str], Any]:
        parse = super()._header_parser(member)
        return _s3_argument(member, parse) if self._is_s3 else parse

    # --- bodies -------------------------------------------------------------------------------------------------

    def compile_decoder(self, operation: OperationModel) -> Decoder:
        decode = super().compile_decoder(operation)
        if not self._is_s3 or self.streams_input(operation.name):
            return decode

        def decode_checked(request: Request) -> dict[str, Any]:
            claimed = request.headers.get("content-md5")
            if claimed is not None and request.method not in ("GET", "HEAD"):
                _check_md5(claimed, request.body or b"")
            return decode(request)

        return decode_checked

    def compile_body_parser(self, operation: OperationModel, members: Members) -> Callable[[bytes], dict[str, Any]]:
        read = self._readers.structure(members)

        def parse(body: bytes) -> dict[str, Any]:
            result: dict[str, Any] = self._read(read, body)
            return result

        return parse

    def compile_payload_parser(self, operation: OperationModel, member: Member) -> Callable[[bytes], Any]:
        read = self._readers.item(member)
        check = self._schema.of(member.shape) if self._is_s3 else None

        def parse(body: bytes) -> Any:
            value = self._read(read, body)
            complaints: list[str] = []
            if check is not None:
                check(value, "", complaints)
            if complaints:
                raise self.malformed("")
            return value

        return parse

    def _read(self, read: xml.Reader, body: bytes) -> Any:
        try:
            return read(xml.parse(body))
        except (xml.XmlError, WireError) as error:
            raise self.malformed(str(error)) from error

    def compile_body_renderer(self, operation: OperationModel, members: Members) -> Callable[[dict[str, Any]], bytes]:
        shape = operation.output
        declared = xml.namespace_declaration(self._namespace or self._xml_namespace(shape))
        root = quirks.S3_ROOTS.get(operation.name) if self._is_s3 else shape.traits.get("locationName")
        woven = quirks.WOVEN_LISTS.get(shape.full_name, ())
        return _document(root or shape.name, self._writers.element(members, declared, woven))

    def compile_payload_renderer(self, operation: OperationModel, member: Member) -> Callable[[Any], bytes]:
        declared = xml.namespace_declaration(self._namespace or self._xml_namespace(member.shape))
        root = member.traits.get("locationName") or member.shape.traits.get("locationName") or member.shape.name
        if member.shape.type != "structure":
            return _document(root, self._writers.member(member))
        return _document(root, self._writers.element(list(member.shape.members.items()), declared))

    def _xml_namespace(self, shape: Shape) -> Any:
        return shape.traits.get("xmlNamespace") or self.model.xml_namespace

    def event_payload(self, shape: Shape) -> Callable[[dict[str, Any]], bytes]:
        return _document(shape.name, self._writers.of(shape))

    def compile_encoder(self, operation: OperationModel) -> Encoder:
        if self._is_s3 and operation.name == "GetBucketLocation":
            return self._encode_location
        encode = super().compile_encoder(operation)
        if self._is_s3 and operation.name == "RestoreObject":
            return lambda output, request_id: _with_status(encode(output, request_id), output)
        return encode

    def _encode_location(self, output: dict[str, Any], request_id: str) -> Response:
        """The value itself is the root, empty for us-east-1; no other output is like that."""
        value = xml.escape(output.get("LocationConstraint") or "")
        declared = xml.namespace_declaration(self._namespace)
        body = f"{_DECLARATION}<LocationConstraint{declared}>{value}</LocationConstraint>"
        headers = [*self.identity_headers(request_id), ("Content-Type", "application/xml")]
        return Response(200, headers, body.encode())

    # --- errors -------------------------------------------------------------------------------------------------

    def encode_error(self, operation: str | None, error: ApiError, request_id: str) -> Response:
        shape = self.model.error_shape(error.code)
        status = self.error_status(error, shape)
        headers = [*self.identity_headers(request_id), *self.error_headers(shape, error)]
        if status == 304:
            return Response(status, headers, b"")
        headers.append(("Content-Type", self.body_content_type()))
        if operation is not None and self.model.operation(operation).method == "HEAD":
            return Response(status, headers, b"")
        return Response(status, headers, self._error_body(error, shape, request_id).encode())

    def _error_body(self, error: ApiError, shape: Shape | None, request_id: str) -> str:
        code = self.model.wire_code(shape.name) if shape is not None else error.code
        out = [f"<Code>{xml.escape(code)}</Code>"]
        if error.message:
            out.append(f"<Message>{xml.escape(error.message)}</Message>")
        xml.write_error_fields(self._writers, shape, error.fields or {}, out)
        if self._is_s3:
            identity = f"<RequestId>{request_id}</RequestId><HostId>{host_id(request_id)}</HostId>"
            return f"{_DECLARATION}<Error>{''.join(out)}{identity}</Error>"
        declared = xml.namespace_declaration(self._namespace)
        kind = "Sender" if error.sender else "Receiver"
        inner = f"<Error><Type>{kind}</Type>{''.join(out)}</Error><RequestId>{request_id}</RequestId>"
        return f"{_DECLARATION}<ErrorResponse{declared}>{inner}</ErrorResponse>"


def _s3_argument(member: Member, parse: Callable[[str], Any]) -> Callable[[str], Any]:
    """S3 names the argument at fault; a condition on a date that is none is no condition (RFC 9110, 13.1.3)."""
    name = member.wire_name
    if parse is text.identity:
        return parse
    is_condition = member.shape.type == "timestamp" and "if-" in name.lower()
    what = "an integer or within integer range" if member.shape.type == "integer" else f"a {member.shape.type}"

    def parse_argument(value: str) -> Any:
        try:
            return parse(value)
        except WireError as error:
            if is_condition or name == _IGNORED_NUMBER:
                return None
            if name == _WHOLE_SIZE:
                message = f"Value for {name} header is invalid: '{value}'"
                raise ApiError("InvalidRequest", message) from error
            fields = {"ArgumentName": name, "ArgumentValue": value}
            message = _DATE_OF_A_LOCK if name == _LOCK_DATE else f"Provided {name} not {what}"
            raise ApiError("InvalidArgument", message, fields=fields) from error

    return parse_argument


def _check_md5(claimed: str, body: bytes) -> None:
    """Of a document. Those of objects are checked while they are read."""
    computed = base64.b64encode(md5(body, usedforsecurity=False).digest()).decode()
    if claimed == computed:
        return
    try:
        expected = base64.b64decode(claimed.encode(), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        expected = b""
    if len(expected) != 16:
        fields = {"Content-MD5": claimed}
        raise ApiError("InvalidDigest", "The Content-MD5 you specified was invalid.", 400, fields)
    fields = {"ExpectedDigest": expected.hex(), "CalculatedDigest": computed}
    raise ApiError("BadDigest", "The Content-MD5 you specified did not match what we received.", 400, fields)


def s3_identity(request_id: str) -> list[tuple[str, str]]:
    """The headers that every answer of S3 bears."""
    return [("Server", "AmazonS3"), ("x-amz-request-id", request_id), ("x-amz-id-2", host_id(request_id))]


def host_id(request_id: str) -> str:
    """S3's second identifier, made of the first: it means nothing but that clients expect one."""
    import base64
    import hashlib

    return base64.b64encode(hashlib.sha512(request_id.encode()).digest()[:56]).decode()


def _with_status(response: Response, output: dict[str, Any]) -> Response:
    """RestoreObject tells by its status whether it has begun something (202)."""
    response.status = output.get("StatusCode", response.status)
    return response


def _document(root: str, write: xml.Writer) -> Callable[[Any], bytes]:
    def render(value: Any) -> bytes:
        out = [_DECLARATION]
        write(root, value, out)
        return "".join(out).encode("utf-8", "replace")

    return render
