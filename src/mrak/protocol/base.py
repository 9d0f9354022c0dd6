"""What the codecs of all protocols share: lazily compiled operations, validation of internal calls, error facts.

Invariants: a codec holds no request's data; what it compiles for an operation never changes.
"""

from __future__ import annotations

import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import msgspec

from mrak.core.errors import ApiError
from mrak.core.http import Request, Response
from mrak.protocol import compression, quirks, validate
from mrak.protocol.model import OperationModel, ServiceModel, Shape
from mrak.protocol.reader import Readers, WireError

_VALIDATION = "ValidationException"

Decoder = Callable[[Request], dict[str, Any]]
Encoder = Callable[[dict[str, Any], str], Response]
Check = Callable[[dict[str, Any]], None]
Plan = TypeVar("Plan")


class Compiled(dict[str, Plan], Generic[Plan]):
    """Plans by operation, compiled at first use."""

    def __init__(self, compile_plan: Callable[[str], Plan]) -> None:
        super().__init__()
        self._compile_plan = compile_plan

    def __missing__(self, operation: str) -> Plan:
        plan = self[operation] = self._compile_plan(operation)
        return plan


class Codec(ABC):
    """One service's wire format in one protocol."""

    protocol: str

    def __init__(self, model: ServiceModel) -> None:
        self.model = model
        self.service = model.service
        self.flavour = quirks.flavour(model.service)
        self.max_body_bytes = self.flavour.max_body_bytes
        self.checks = validate.Checks(self.flavour)
        self._inner_readers = Readers(wire_names=False)
        self._decoders: Compiled[Decoder] = Compiled(lambda name: self.compile_decoder(model.operation(name)))
        self._encoders: Compiled[Encoder] = Compiled(lambda name: self.compile_encoder(model.operation(name)))
        self._streamed_inputs: Compiled[bool] = Compiled(lambda name: _has_stream(model.operation(name).input))
        self._input_checks: Compiled[Check] = Compiled(lambda name: self._compile_check(model.operation(name)))
        self._validators: Compiled[Callable[[dict[str, Any]], dict[str, Any]]] = Compiled(self._compile_validator)

    @abstractmethod
    def operation_name(self, request: Request) -> str | None:
        """The operation that a request asks for; None where the request names none (or an unknown route)."""

    @abstractmethod
    def compile_decoder(self, operation: OperationModel) -> Decoder: ...

    @abstractmethod
    def compile_encoder(self, operation: OperationModel) -> Encoder: ...

    @abstractmethod
    def encode_error(self, operation: str | None, error: ApiError, request_id: str) -> Response:
        """The error as the service writes it."""

    @abstractmethod
    def unknown_operation(self, request: Request) -> ApiError:
        """What the service answers where `operation_name` found nothing that it has."""

    @abstractmethod
    def malformed(self, reason: str) -> ApiError:
        """What the service answers to a request that its protocol cannot read."""

    def aside(self, request: Request, request_id: str) -> Response | None:
        """What is answered where a request names no operation, if that is no error of the service's own."""
        return None

    def refuse(self, request: Request, error: ApiError) -> ApiError:
        """What whoever is not let in is told: `error`, or what the service finds before it asks who it is."""
        return error

    def finish(self, request: Request, response: Response) -> Response:
        """The answer with what it owes to how it was asked for."""
        return response

    def streams_input(self, operation: str) -> bool:
        """Whether the operation reads its payload itself, as a stream."""
        return self._streamed_inputs[operation]

    def decode(self, operation: str, request: Request) -> dict[str, Any]:
        """The validated input, in AWS's spelling. Raises ApiError; KeyError for an operation the model lacks."""
        return self._decoders[operation](request)

    def encode(self, operation: str, output: dict[str, Any], request_id: str) -> Response:
        return self._encoders[operation](output, request_id)

    def validate(self, operation: str, value: dict[str, Any]) -> dict[str, Any]:
        """The input of an internal call, checked and normalised as one from the wire.

        Blobs are bytes, or base64 text as in JSON; a streaming member passes as it is.
        """
        return self._validators[operation](value)

    def plain(self, operation: str, output: dict[str, Any]) -> dict[str, Any]:
        """An output for internal callers: without None, and with stored JSON (msgspec.Raw) decoded."""
        if not _needs_rebuilding(output):
            return output
        rebuilt: dict[str, Any] = _rebuild(output)
        return rebuilt

    def _compile_check(self, operation: OperationModel) -> Check:
        flavour = self.flavour
        if flavour.validation_code not in operation.errors and _VALIDATION in operation.errors:
            # Newer operations of a service that has a code of its own (CloudWatch Logs) use the framework's.
            flavour = msgspec.structs.replace(flavour, validation_code=_VALIDATION)
        return validate.compile_operation(operation.input, flavour, self.checks)

    def input_check(self, operation: OperationModel) -> Check:
        return self._input_checks[operation.name]

    def body_of(self, request: Request) -> bytes:
        """The whole body, if it is not larger than the service takes."""
        body = request.body or b""
        if len(body) > self.max_body_bytes:
            raise ApiError("RequestEntityTooLargeException", "Request body is too large.", 413)
        if body and "gzip" in request.headers.get("content-encoding", ""):
            return self._decompress(body)
        return body

    def _decompress(self, body: bytes) -> bytes:
        """Clients compress large requests of some operations (CloudWatch's PutMetricData). Bombs are refused."""
        try:
            content = compression.decompress(body, self.max_body_bytes)
        except zlib.error as error:
            raise self.undecodable() from error
        if content is None:
            raise ApiError("RequestEntityTooLargeException", "Request body is too large.", 413)
        return content

    def undecodable(self) -> ApiError:
        """What the service answers to a body that is not what its Content-Encoding says."""
        return self.malformed("Body is not gzip.")

    def _compile_validator(self, name: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
        operation = self.model.operation(name)
        read = _streaming_aside(operation.input, self._inner_readers)
        check = self._input_checks[name]

        def validate_input(value: dict[str, Any]) -> dict[str, Any]:
            try:
                result: dict[str, Any] = read(value)
            except (WireError, RecursionError) as error:
                raise self.malformed(str(error)) from error
            check(result)
            return result

        return validate_input

    def error_status(self, error: ApiError, shape: Shape | None) -> int:
        """The modelled status, unless the error brings one of its own."""
        if error.status != 400 or shape is None:
            return error.status
        modelled = shape.error.get("httpStatusCode")
        if modelled is not None:
            return int(modelled)
        return 500 if shape.traits.get("fault") else 400


def _has_stream(shape: Shape) -> bool:
    return any(member.streaming for member in shape.members.values())


def _streaming_aside(shape: Shape, readers: Readers) -> Callable[[Any], dict[str, Any]]:
    """A reader that lets a streaming member (bytes or a stream) through as it is."""
    streaming = [name for name, member in shape.members.items() if member.streaming]
    members = [(name, member) for name, member in shape.members.items() if name not in streaming]
    read = readers.structure(shape, members)

    def read_all(value: Any) -> dict[str, Any]:
        result: dict[str, Any] = read(value)
        for name in streaming:
            if value.get(name) is not None:
                result[name] = value[name]
        return result

    return read_all


def _needs_rebuilding(value: Any) -> bool:
    if value is None or isinstance(value, msgspec.Raw):
        return True
    if isinstance(value, dict):
        return any(_needs_rebuilding(item) for item in value.values())
    if isinstance(value, list):
        return any(_needs_rebuilding(item) for item in value)
    return False


def _rebuild(value: Any) -> Any:
    if isinstance(value, msgspec.Raw):
        return msgspec.json.decode(value)
    if isinstance(value, dict):
        return {key: _rebuild(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_rebuild(item) for item in value if item is not None]
    return value


def message_member(shape: Shape | None, default: str) -> str:
    """How the modelled error spells its message."""
    if shape is not None:
        for name in shape.members:
            if name.lower() in ("message", "errormessage"):
                return name
    return default
