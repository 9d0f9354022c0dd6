"""AWS service models as read-only objects.

`load("sqs")` reads `mrak/models/sqs.json` (written by tools/import_models.py from botocore's data) and keeps it.
Shapes are made when first asked for, since a request touches a few of a service's several hundred.

Invariants: a model never changes after loading; equal names give the identical `Shape`.
"""

from __future__ import annotations

from functools import cache, cached_property
from pathlib import Path
from typing import Any

import msgspec

from mrak.protocol import quirks

MODELS = Path(__file__).resolve().parent.parent / "models"


class Member:
    """A member of a structure, or the element of a list or map: a shape and the traits of its use."""

    __slots__ = ("_model", "_shape", "_shape_name", "name", "traits")

    def __init__(self, model: ServiceModel, name: str, traits: dict[str, Any]) -> None:
        self._model = model
        self._shape: Shape | None = None
        self._shape_name: str = traits["shape"]
        self.name = name
        self.traits = traits

    @property
    def shape(self) -> Shape:
        if self._shape is None:
            self._shape = self._model.shape(self._shape_name)
        return self._shape

    @property
    def wire_name(self) -> str:
        name: str = self.traits.get("locationName", self.name)
        return name

    @property
    def location(self) -> str | None:
        return self.traits.get("location")

    @property
    def flattened(self) -> bool:
        return bool(self.traits.get("flattened") or self.shape.traits.get("flattened"))

    @property
    def timestamp_format(self) -> str | None:
        return self.traits.get("timestampFormat") or self.shape.traits.get("timestampFormat")

    @property
    def streaming(self) -> bool:
        return bool(self.traits.get("streaming") or self.shape.traits.get("streaming"))


class Shape:
    """A type of the model. `traits` is its entry in the model file."""

    def __init__(self, model: ServiceModel, name: str, traits: dict[str, Any]) -> None:
        self._model = model
        self.name = name
        self.full_name = f"{model.service}.{name}"
        self.traits = traits
        self.type: str = traits["type"]
        self.min: float | None = traits.get("min")
        self.max: float | None = traits.get("max")
        self.pattern: str | None = traits.get("pattern")
        self.enum: list[str] | None = traits.get("enum")
        self.sensitive: bool = bool(traits.get("sensitive"))
        self.payload: str | None = traits.get("payload")
        self.required: frozenset[str] = frozenset(traits.get("required", ()))
        self.is_document: bool = bool(traits.get("document"))
        self.is_event_stream: bool = bool(traits.get("eventstream"))

    @cached_property
    def members(self) -> dict[str, Member]:
        return {name: Member(self._model, name, traits) for name, traits in self.traits.get("members", {}).items()}

    @cached_property
    def element(self) -> Member:
        """What a list consists of."""
        return Member(self._model, "member", self.traits["member"])

    @cached_property
    def key(self) -> Member:
        return Member(self._model, "key", self.traits["key"])

    @cached_property
    def value(self) -> Member:
        return Member(self._model, "value", self.traits["value"])

    @property
    def error(self) -> dict[str, Any]:
        """The error trait: `code`, `httpStatusCode`, `senderFault`."""
        trait: dict[str, Any] = self.traits.get("error", {})
        return trait

    @cached_property
    def reachable(self) -> tuple[Shape, ...]:
        """This shape and every shape that a value of it may contain."""
        seen: dict[str, Shape] = {}
        pending = [self]
        while pending:
            shape = pending.pop()
            if shape.name in seen:
                continue
            seen[shape.name] = shape
            pending.extend(member.shape for member in shape.members.values())
            if shape.type == "list":
                pending.append(shape.element.shape)
            elif shape.type == "map":
                pending += (shape.key.shape, shape.value.shape)
        return tuple(seen.values())


class OperationModel:
    """An operation: its HTTP binding, its input and output."""

    def __init__(self, model: ServiceModel, name: str, traits: dict[str, Any]) -> None:
        http = traits.get("http", {})
        self.service = model
        self.name = name
        self.traits = traits
        self.method: str = http.get("method", "POST")
        self.request_uri: str = http.get("requestUri", "/")
        self.response_code: int = http.get("responseCode", 200)
        self.auth: list[str] = traits.get("auth") or ([traits["authtype"]] if "authtype" in traits else [])
        self.errors: list[str] = [e["shape"] if isinstance(e, dict) else e for e in traits.get("errors", ())]
        self.result_wrapper: str | None = traits.get("output", {}).get("resultWrapper")

    @cached_property
    def input(self) -> Shape:
        return self._shape_of("input")

    @cached_property
    def output(self) -> Shape:
        return self._shape_of("output")

    def _shape_of(self, part: str) -> Shape:
        if part not in self.traits:
            return self.service.empty_structure
        return self.service.shape(self.traits[part]["shape"])


class ServiceModel:
    """A service: its operations and shapes. Made from a model file's dict."""

    def __init__(self, service: str, model: dict[str, Any]) -> None:
        self.service = service
        self.metadata: dict[str, Any] = model["metadata"]
        self._operations: dict[str, Any] = model["operations"]
        self._shapes: dict[str, Any] = model["shapes"]
        self._shape_objects: dict[str, Shape] = {}
        self._operation_objects: dict[str, OperationModel] = {}
        self.empty_structure = Shape(self, "Unit", {"type": "structure", "members": {}})

    @property
    def protocol(self) -> str:
        protocol: str = self.metadata["protocol"]
        return protocol

    @cached_property
    def protocols(self) -> tuple[str, ...]:
        """All protocols that the service answers; botocore drops those that its own clients no longer speak."""
        names = list(self.metadata.get("protocols") or [self.protocol])
        if "awsQueryCompatible" in self.metadata and "query" not in names:
            names.append("query")
        return tuple(names)

    @property
    def api_version(self) -> str:
        version: str = self.metadata.get("apiVersion", "")
        return version

    @property
    def signing_name(self) -> str:
        name: str = self.metadata.get("signingName") or self.endpoint_prefix
        return name

    @property
    def endpoint_prefix(self) -> str:
        prefix: str = self.metadata.get("endpointPrefix", self.service)
        return prefix

    @property
    def global_endpoint(self) -> str | None:
        return self.metadata.get("globalEndpoint")

    @property
    def target_prefix(self) -> str | None:
        return self.metadata.get("targetPrefix")

    @property
    def json_version(self) -> str:
        version: str = self.metadata.get("jsonVersion", "1.0")
        return version

    @property
    def xml_namespace(self) -> str | None:
        return self.metadata.get("xmlNamespace")

    @cached_property
    def operation_names(self) -> tuple[str, ...]:
        return tuple(self._operations)

    def find_operation(self, name: str) -> OperationModel | None:
        found = self._operation_objects.get(name)
        if found is None and name in self._operations:
            found = self._operation_objects[name] = OperationModel(self, name, self._operations[name])
        return found

    def operation(self, name: str) -> OperationModel:
        found = self.find_operation(name)
        if found is None:
            raise KeyError(f"{self.service} has no operation {name}")
        return found

    def shape(self, name: str) -> Shape:
        found = self._shape_objects.get(name)
        if found is None:
            found = self._shape_objects[name] = Shape(self, name, self._shapes[name])
        return found

    @cached_property
    def _error_shapes(self) -> dict[str, str]:
        by_code: dict[str, str] = {}
        for name, traits in self._shapes.items():
            if traits.get("exception"):
                by_code[name] = name
        for name in list(by_code):
            by_code.setdefault(self.wire_code(name), name)
        return by_code

    def wire_code(self, error_name: str) -> str:
        """The code by which the query and XML protocols call a modelled error."""
        lost = quirks.QUERY_CODES.get(self.service, {}).get(error_name)
        code: str = lost or self._shapes[error_name].get("error", {}).get("code") or error_name
        return code

    def error_shape(self, code: str) -> Shape | None:
        """The modelled error of that name, or of that code on the wire."""
        name = self._error_shapes.get(code)
        return self.shape(name) if name is not None else None

    def with_member_traits(self, overlay: dict[str, dict[str, Any]]) -> ServiceModel:
        """A copy whose shapes' members (`"Shape.Member"`, or `"Shape.key"` of a map) have further traits."""
        shapes = dict(self._shapes)
        for path, traits in overlay.items():
            name, member = path.split(".")
            shape = dict(shapes[name])
            if member in ("key", "value", "member"):
                shape[member] = shape[member] | traits
            else:
                shape["members"] = dict(shape["members"])
                shape["members"][member] = shape["members"][member] | traits
            shapes[name] = shape
        model = {"metadata": self.metadata, "operations": self._operations, "shapes": shapes}
        return ServiceModel(self.service, model)


@cache
def load(service: str) -> ServiceModel:
    """The model of a service by botocore's name. Raises KeyError for one that has no model file."""
    if service not in directory():
        raise KeyError(service)
    path = MODELS / f"{service}.json"
    if not path.exists():
        raise KeyError(service)
    model = msgspec.json.decode(path.read_bytes())
    for shape, members in quirks.NEWER_MEMBERS.get(service, {}).items():
        known = model["shapes"].setdefault(shape, {"type": "structure", "members": {}})["members"]
        known |= {name: member for name, member in members.items() if name not in known}
    return ServiceModel(service, model)


@cache
def directory() -> dict[str, dict[str, Any]]:
    """Every service that AWS has: protocols, signing name, endpoint prefix, target prefix, service id."""
    rows: dict[str, dict[str, Any]] = msgspec.json.decode((MODELS / "_services.json").read_bytes())
    return rows


@cache
def known_services() -> frozenset[str]:
    """The services with a model file."""
    return frozenset(path.stem for path in MODELS.glob("*.json") if not path.stem.startswith("_"))
