"""What a service registers: operations, and the work that runs without a request. Registering never wraps.

A function's colour is its meaning. A plain `def` runs inside exactly one transaction; an `async def` may wait and
never holds a transaction across an `await`. The service is the package that the function stands in, so that
`git grep "def send_message"` has one hit.

    @operation("SendMessage")            def f(ctx, tx, req) -> dict      |  async def f(ctx, req) -> dict
    @delivery("sqs.send")                def f(ctx, tx, delivery)         |  async def f(ctx, delivery)
    @timer("dynamodb.ttl")               def f(ctx, tx, timer)            |  async def f(ctx, timer)
    @consumer("lambda.mapping")          async def f(ctx, consumer)
    @dataplane("execute-api")            async def f(ctx, request, route) -> Response
    @sessions("execute-api")             async def f(ctx, session, route)        a WebSocket's whole life
    @targets                             def f(ctx, tx, req) -> list[Target]     for the policies of its callers
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

import msgspec

from mrak.core.context import Context, Transaction

F = TypeVar("F", bound=Callable[..., Any])


class Operation(msgspec.Struct, frozen=True):
    """A handler as it was registered. `streaming` operations get their payload as a BodyStream."""

    service: str
    name: str
    handler: Callable[..., Any]
    is_async: bool
    action: str
    """The IAM action, `sqs:SendMessage`."""


class Target(NamedTuple):
    """Something that an operation is about, as policies of users and roles name it.

    `resource` is its ARN ("*" for what has none), `policy` its own, where it has one, `account` its owner ("" for the
    caller's). `action` is without the service's prefix, where it is not the operation's.
    """

    resource: str
    policy: str | None = None
    account: str = ""
    action: str = ""
    tags: Mapping[str, str] = {}


class Work(msgspec.Struct, frozen=True):
    """A registered delivery, timer or consumer function."""

    kind: str
    handler: Callable[..., Any]
    is_async: bool


Targets = Callable[[Context, Transaction, dict[str, Any]], list[Target]]

_operations: dict[tuple[str, str], Operation] = {}
_work: dict[tuple[str, str], Work] = {}
_loaded: set[str] = set()
_targets: dict[str, Targets] = {}

# Packages whose name cannot be botocore's service name, since that is a Python keyword or has a dash.
_PACKAGES = {
    "lambda": "lambda_",
    "cognito-idp": "cognito_idp",
    "cognito-identity": "cognito_identity",
    "application-autoscaling": "application_autoscaling",
}
_SERVICES = {package: service for service, package in _PACKAGES.items()}

# IAM names some services otherwise than botocore does.
_ACTION_PREFIXES = {
    "stepfunctions": "states",
    "dynamodbstreams": "dynamodb",
    "apigatewayv2": "apigateway",
    "s3control": "s3",
    "resourcegroupstaggingapi": "tag",
    "apigatewaymanagementapi": "execute-api",
}

# Operations whose IAM action has another name (AWS's service authorization reference).
_ACTIONS = {("lambda", "Invoke"): "lambda:InvokeFunction", ("lambda", "InvokeAsync"): "lambda:InvokeAsync"}


def operation(name: str, *, action: str | None = None) -> Callable[[F], F]:
    """Registers the handler of AWS's operation `name` for the service whose package it stands in."""

    def register(handler: F) -> F:
        service = _service_of(handler)
        key = (service, name)
        assert key not in _operations, f"{service}:{name} is registered twice"
        default_action = _ACTIONS.get(key) or f"{_ACTION_PREFIXES.get(service, service)}:{name}"
        _operations[key] = Operation(
            service, name, handler, inspect.iscoroutinefunction(handler), action or default_action
        )
        return handler

    return register


def _work_registrar(sort: str) -> Callable[[str], Callable[[F], F]]:
    def named(kind: str) -> Callable[[F], F]:
        def register(handler: F) -> F:
            assert (sort, kind) not in _work, f"{sort} {kind} is registered twice"
            _work[sort, kind] = Work(kind, handler, inspect.iscoroutinefunction(handler))
            return handler

        return register

    return named


delivery = _work_registrar("delivery")
timer = _work_registrar("timer")
consumer = _work_registrar("consumer")
dataplane = _work_registrar("dataplane")
sessions = _work_registrar("sessions")


def targets(function: Targets) -> Targets:
    """Registers what tells, for each request to a service, what it is about. A service without one asks the policies
    of its callers itself, or not at all."""
    _targets[_service_of(function)] = function
    return function


def find_targets(service: str) -> Targets | None:
    return _targets.get(service)


def package_of(service: str) -> str:
    """The package in which a service of botocore's name lives, if it is built."""
    return f"mrak.services.{_PACKAGES.get(service, service.replace('-', '_'))}"


def load(service: str) -> None:
    """Imports the service's package, once; a service that is not built leaves nothing registered."""
    if service in _loaded:
        return
    package = package_of(service)
    try:
        importlib.import_module(package)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
    _loaded.add(service)


def find_operation(service: str, name: str) -> Operation | None:
    """The handler of an operation; loads the service at its first use. None where it is not built."""
    found = _operations.get((service, name))
    if found is None and service not in _loaded:
        load(service)
        found = _operations.get((service, name))
    return found


def require_work(sort: str, kind: str, service: str = "") -> Work:
    """The function registered for `kind` ("sqs.send" lives in the service "sqs", unless another is named)."""
    found = _work.get((sort, kind))
    if found is None:
        load(service or kind.partition(".")[0])
        found = _work[sort, kind]
    return found


def operations_of(service: str) -> list[Operation]:
    """All that is built of a service, by name."""
    load(service)
    return sorted((op for op in _operations.values() if op.service == service), key=lambda op: op.name)


def _service_of(handler: Callable[..., Any]) -> str:
    parts = handler.__module__.split(".")
    assert parts[:2] == ["mrak", "services"], f"{handler.__module__} is not in a service's package"
    return _SERVICES.get(parts[2], parts[2].replace("_", "-"))
