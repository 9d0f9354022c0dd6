"""Resource types of templates: what CloudFormation does with `AWS::SQS::Queue`. Each service has its own in `cfn.py`.

A type is a class, mostly data: how the operations of its life are called, which property is its name, what `Ref` and
`Fn::GetAtt` come to, which properties can't be changed in place. Where data is not enough, it overrides `create`,
`update` or `delete`.

    @resource("AWS::XRay::Group")
    class Group(ResourceType):
        name = "GroupName"
        noun = "Group"
        ref = "Group.GroupARN"
        identity = {"GroupARN": "{id}"}
        attributes = {"GroupARN": "{id}"}

`Resource.call` fits what it is given to the operation's input: members are found without regard to case, text becomes
the number or boolean that the model wants, lists of tags become maps, and what the operation does not know is left out.
So most properties need no mapping. A value such as `{id}` or `{TableName}` is filled in; one without braces is a path
into what the operation answered, or into the properties.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

from mrak.core.context import Context
from mrak.core.errors import ApiError
from mrak.core.operation import package_of

T = TypeVar("T", bound="type[ResourceType]")


class Resource(Protocol):
    """One resource of a stack, as its type's functions see it. They set `physical_id` as soon as something exists that
    has to be deleted again, and `attributes`."""

    type: str
    logical_id: str
    name: str
    """The name given by the template, or made up for it; "" for types without names."""
    properties: dict[str, Any]
    old_properties: dict[str, Any]
    """In an update, what the properties were."""
    physical_id: str
    attributes: dict[str, Any]
    stack_id: str
    stack_name: str
    tags: list[dict[str, str]]
    """The stack's tags with those of the resource over them."""
    token: str
    """Stays the same when an interrupted creation is tried again."""
    ctx: Context

    async def call(self, operation: str, params: dict[str, Any], service: str = "") -> dict[str, Any]:
        """An operation as the stack's principal, with `params` fitted to its input."""
        ...

    def fill(self, text: str, output: dict[str, Any] | None = None) -> Any:
        """What `{id}` or a path comes to; "" for a path that leads nowhere."""
        ...

    def changed(self, *names: str) -> bool:
        """Whether an update changes one of these properties."""
        ...

    async def until(self, operation: str, params: dict[str, Any], path: str, wanted: tuple[str, ...]) -> dict[str, Any]:
        """Asks again until the answer has one of the wanted texts at `path`."""
        ...


_MISSING = ("NotFound", "NoSuch", "NonExist", "DoesNotExist", "NotExist", "ResourceNotFound", "UnknownResource")


def is_missing(error: ApiError) -> bool:
    """Whether an error says that what was to be deleted is gone already."""
    return any(part in error.code for part in _MISSING) or error.status == 404


_EXISTING = ("AlreadyExists", "ResourceConflict", "ResourceInUse", "NameExists", "AlreadyOwnedByYou", "ResourceExists")


def is_existing(error: ApiError) -> bool:
    """Whether an error says that what was to be created is there."""
    return any(part in error.code for part in _EXISTING)


class ResourceType:
    """A type whose life is a few operations. See the module's docstring for how its data is read."""

    type: ClassVar[str] = ""
    service: ClassVar[str] = ""
    name: ClassVar[str] = ""
    """The property that is the resource's name; where the template has none, one is made up."""
    longest_name: ClassVar[int] = 64
    unique_name: ClassVar[bool] = True
    """Whether there can be only one of that name, so that none can take its place before it is gone."""
    lower_case: ClassVar[bool] = False
    name_prefix: ClassVar[str] = ""
    """What a made-up name begins with, where that is not the stack's name."""
    required: ClassVar[tuple[str, ...]] = ()
    replacement: ClassVar[tuple[str, ...]] = ()
    """Properties that can't be changed in place."""
    defaults: ClassVar[dict[str, Any]] = {}
    renamed: ClassVar[dict[str, str]] = {}
    """Properties whose member of the operation's input has another name."""
    noun: ClassVar[str] = ""
    """What it is in the names of its operations, where they are CreateX, UpdateX and DeleteX."""
    create_operation: ClassVar[str] = ""
    update_operation: ClassVar[str] = ""
    delete_operation: ClassVar[str] = ""
    read_operation: ClassVar[str] = ""
    """Asked after a creation or update where its answer has more attributes than theirs."""
    identity: ClassVar[dict[str, str]] = {}
    """The members by which operations after the creation name the resource."""
    parents: ClassVar[tuple[str, ...]] = ()
    """Properties that every operation needs, since the resource is part of another (an API's id)."""
    ref: ClassVar[str] = "{name}"
    attributes: ClassVar[dict[str, str]] = {}
    tag_identity: ClassVar[dict[str, str]] = {}
    """For services with TagResource and UntagResource: the member that names the resource."""
    system_tags: ClassVar[bool] = False
    """Whether it gets the tags that tell its stack: aws:cloudformation:stack-name, ...:stack-id and ...:logical-id."""
    open_attributes: ClassVar[bool] = False
    """Whether Fn::GetAtt may ask for more than `attributes` lists."""

    def __init_subclass__(cls) -> None:
        if "noun" in cls.__dict__:
            cls.create_operation, cls.update_operation, cls.delete_operation = (
                f"{verb}{cls.noun}" for verb in ("Create", "Update", "Delete")
            )

    def name_suffix(self, properties: dict[str, Any]) -> str:
        """What a made-up name has to end with."""
        return ""

    def requires_recreation(self, name: str) -> str:
        """Always or Never: what a change of the property means."""
        return "Always" if name in self.replacement or not self.updates_in_place() else "Never"

    def updates_in_place(self) -> bool:
        return bool(self.update_operation) or type(self).update is not ResourceType.update

    def input(self, res: Resource) -> dict[str, Any]:
        """What the creating and the updating operation get."""
        params = {**self.defaults, **res.properties}
        for name, member in self.renamed.items():
            if name in params:
                params[member] = params.pop(name)
        if res.tags:
            params["Tags"] = res.tags
        return params

    def identify(self, res: Resource) -> dict[str, Any]:
        named = {member: res.fill(text) for member, text in self.identity.items()}
        return named | {name: res.properties[name] for name in self.parents}

    async def create(self, res: Resource) -> None:
        output = await res.call(self.create_operation, self.input(res))
        res.physical_id = str(res.fill(self.ref, output))
        await self.learn(res, output)

    async def update(self, res: Resource) -> None:
        output: dict[str, Any] = {}
        if self.update_operation:
            output = await res.call(self.update_operation, self.input(res) | self.identify(res))
        await self.retag(res)
        await self.learn(res, output)

    async def delete(self, res: Resource) -> None:
        if self.delete_operation:
            await res.call(self.delete_operation, self.identify(res))

    async def learn(self, res: Resource, output: dict[str, Any]) -> None:
        """Sets the attributes from what an operation answered."""
        if self.read_operation:
            output = await res.call(self.read_operation, self.identify(res))
        found = {name: res.fill(text, output) for name, text in self.attributes.items()}
        res.attributes = {**res.attributes, **{name: value for name, value in found.items() if value != ""}}

    async def retag(self, res: Resource) -> None:
        """Makes the resource's tags those of the template, where the service tags by TagResource."""
        old = res.old_properties.get("Tags", [])
        if not self.tag_identity or res.properties.get("Tags", []) == old:
            return
        named = {member: res.fill(text) for member, text in self.tag_identity.items()}
        gone = sorted(_tag_keys(old) - _tag_keys(res.tags))
        if gone:
            await res.call("UntagResource", {**named, "TagKeys": gone})
        if res.tags:
            await res.call("TagResource", {**named, "Tags": res.tags})


def _tag_keys(tags: Any) -> set[str]:
    return set(tags) if isinstance(tags, dict) else {tag["Key"] for tag in tags}


_types: dict[str, ResourceType] = {}
_loaded: set[str] = set()

# Where the second part of a type's name is not the service's package in lower case.
_SERVICES = {
    "ApplicationAutoScaling": "application-autoscaling",
    "CertificateManager": "acm",
    "CDK": "cloudformation",
}


def resource(type_name: str) -> Callable[[T], T]:
    """Registers a resource type for the service whose package it stands in."""

    def register(kind: T) -> T:
        assert type_name not in _types, f"{type_name} is registered twice"
        kind.type = type_name
        package = kind.__module__.split(".")[2]
        kind.service = kind.service or package.rstrip("_").replace("_", "-")
        _types[type_name] = kind()
        return kind

    return register


def find_resource_type(type_name: str) -> ResourceType | None:
    """The type of that name; loads its service's `cfn` at first use. None where we have none."""
    found = _types.get(type_name)
    if found is not None:
        return found
    parts = type_name.split("::")
    if len(parts) != 3 or parts[0] not in ("AWS", "Alexa"):
        return None
    for service in _candidates(parts[1]):
        _load(service)
    return _types.get(type_name)


def known_types() -> list[str]:
    """All types that services have; loads every `cfn`."""
    for package in Path(__file__).parent.parent.joinpath("services").iterdir():
        if (package / "cfn.py").exists():
            _load(package.name.rstrip("_").replace("_", "-"))
    return sorted(_types)


def _candidates(name: str) -> tuple[str, ...]:
    if name == "Cognito":
        return ("cognito-idp", "cognito-identity")
    return (_SERVICES.get(name, name.lower()),)


def _load(service: str) -> None:
    if not service.replace("-", "").isalnum() or service in _loaded:
        return
    module = f"{package_of(service)}.cfn"
    try:
        importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not module.startswith(error.name):
            raise
    _loaded.add(service)
