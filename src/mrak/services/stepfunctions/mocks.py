"""TestState's mocks: a result or an error in place of a task, and a context object of one's own.

https://docs.aws.amazon.com/step-functions/latest/dg/test-state-isolation.html
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.lang.asl.definition import State
from mrak.lang.asl.failures import StateFailed
from mrak.lang.asl.resources import find_resource
from mrak.lang.asl.scope import read
from mrak.protocol.model import Shape
from mrak.services.stepfunctions import casing, errors, services

_MOCKABLE = ("Task", "Map", "Parallel")
_CONTEXT = {
    "Execution": ("Id", "Input", "Name", "RoleArn", "StartTime", "RedriveCount", "RedriveTime"),
    "State": ("Name", "EnteredTime", "RetryCount"),
    "StateMachine": ("Id", "Name"),
    "Task": ("Token",),
}
_NUMBERS = ("integer", "long", "float", "double")


class Mock(msgspec.Struct, frozen=True):
    """What the state's work yields."""

    result: str | None
    error: str | None = None
    cause: str | None = None

    def take(self) -> str:
        if self.result is None:
            raise StateFailed(self.error, self.cause)
        return self.result


def parse(req: dict[str, Any], state: State) -> Mock | None:
    """The request's mock, checked in AWS's order; None where the work is to be done."""
    given = req.get("mock")
    if given is None:
        if "mapIterationFailureCount" in req.get("stateConfiguration", {}):
            raise errors.validation("TestState does not support MapIterationFailureCount when a mock is not specified.")
        if state.kind in ("Map", "Parallel"):
            raise errors.fork_needs_mock()
        return None
    if not given:
        raise errors.validation("One of the following fields is required for a test mock: [result, errorOutput].")
    if "result" in given and "errorOutput" in given:
        raise errors.validation("A test mock should have only one of the following fields: [result, errorOutput].")
    if req.get("revealSecrets"):
        raise errors.validation("TestState does not support RevealSecrets when a mock is specified.")
    if state.kind not in _MOCKABLE:
        raise errors.validation(f"State type '{state.kind}' is not supported when a mock is specified")
    _check_configuration(req.get("stateConfiguration", {}), state)
    if "errorOutput" in given:
        if not given["errorOutput"].get("error"):
            raise errors.validation("An error was not specified in the mocked error output.")
        return Mock(None, given["errorOutput"]["error"], given["errorOutput"].get("cause"))
    text = given.get("result", "{}")
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        raise errors.validation("Mocked result must be valid JSON") from None
    _check_iterations(req, value)
    _check_result(state, value, given.get("fieldValidationMode", "STRICT"))
    return Mock(text)


def _check_configuration(given: dict[str, Any], state: State) -> None:
    if "mapIterationFailureCount" in given and state.kind != "Map":
        raise errors.validation("MapIterationFailureCount is only supported when testing a Map state.")
    if "ItemReader" in state.raw and "mapItemReaderData" not in given:
        raise errors.validation("ItemReader data must be specified when testing a Map state with ItemReader specified.")


def check_size(state: State, text: str, iterations: int) -> None:
    """A Map's result has an output for each iteration; where results are written, it is something else."""
    if "ResultWriter" not in state.raw and len(msgspec.json.decode(text)) != iterations:
        raise errors.validation("Input array does not equal the mocked result array's size")


def _check_iterations(req: dict[str, Any], value: Any) -> None:
    """No more iterations fail than there are results."""
    count = req.get("stateConfiguration", {}).get("mapIterationFailureCount")
    if count is not None and isinstance(value, list) and count > len(value):
        raise errors.validation(
            "Map iteration failure count must be less than or equal to the number of Map iterations"
        )


def _check_result(state: State, value: Any, mode: str) -> None:
    if state.kind == "Map" and "ResultWriter" in state.raw:
        if not isinstance(value, dict):
            raise errors.validation("Mocked result must be a JSON object.")
        return
    if state.kind in ("Map", "Parallel"):
        if not isinstance(value, list):
            raise errors.validation("Mocked result must be an array.")
        if state.kind == "Parallel" and len(value) != len(state.branches):
            raise errors.validation(
                "Mocked result must contain the same number of items as number of Parallel branches."
            )
        return
    shape = _output_shape(state.raw["Resource"]) if mode != "NONE" else None
    if shape is None:
        return
    if not isinstance(value, dict):
        raise errors.validation("Mocked result must be a valid JSON object.")
    _check_shape(shape, value, mode == "STRICT", "")


def _output_shape(arn: str) -> Shape | None:
    """What a task's operation answers, by its model."""
    resource = find_resource(arn)
    if resource is None or resource.waits or resource.sort not in ("sdk", "service"):
        return None
    operation = resource.operation[:1].upper() + resource.operation[1:]
    if resource.sort == "sdk":
        service = services.find_sdk_service(resource.service)
    else:
        service = services.find_optimised_service(resource.service)
    if service is None:
        return None
    return casing.find_shape(service, operation, "output")


def _check_shape(shape: Shape, value: Any, is_strict: bool, name: str) -> None:
    def wrong(what: str) -> Exception:
        return errors.validation(f"Mock result schema validation error: Field '{name}' {what}")

    if shape.type == "structure":
        if not isinstance(value, dict):
            raise wrong("must be an object")
        _check_members(shape, value, is_strict)
    elif shape.type == "list":
        if not isinstance(value, list):
            raise wrong("must be an array")
        for item in value:
            _check_shape(shape.element.shape, item, is_strict, name)
    elif shape.type == "map":
        if not isinstance(value, dict):
            raise wrong("must be an object")
        for item in value.values():
            _check_shape(shape.value.shape, item, is_strict, name)
    elif shape.type == "boolean":
        if not isinstance(value, bool):
            raise wrong("must be a boolean")
    elif shape.type in _NUMBERS:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise wrong("must be a number")
        if shape.min is not None and value < shape.min:
            raise wrong("is less than the minimum value")
        if shape.max is not None and value > shape.max:
            raise wrong("is greater than the maximum value")
    elif not isinstance(value, str):
        raise wrong("must be a string")
    elif shape.min is not None and len(value) < shape.min:
        raise wrong("is less than the minimum length")
    elif shape.enum and value not in shape.enum:
        raise wrong("is not an expected value")


def _check_members(shape: Shape, value: dict[str, Any], is_strict: bool) -> None:
    for member in shape.members.values():
        shown = casing.show_name(member.name)
        if shown in value:
            _check_shape(member.shape, value[shown], is_strict, shown)
        elif is_strict and member.name in shape.required:
            raise errors.validation(f"Mock result schema validation error: Required field '{shown}' is missing")


def parse_context(req: dict[str, Any], state: State) -> dict[str, Any]:
    """A context object that the request gives, checked for what it may hold."""
    prefix = "Invalid Context object provided: "
    try:
        context = read(req["context"])
    except (msgspec.DecodeError, RecursionError):
        raise errors.validation(f"{prefix}must be valid JSON") from None
    if not isinstance(context, dict):
        raise errors.validation(f"{prefix}must be a JSON object")
    for name, part in context.items():
        if name == "Map":
            raise errors.validation(f"{prefix}'Map' field is not supported when mocking a Context object")
        if name not in _CONTEXT:
            raise errors.validation(f"{prefix}Field '{name}' is not allowed")
        if not isinstance(part, dict):
            raise errors.validation(f"{prefix}{name} must be an object")
        _check_part(name, part, prefix)
    if "Task" in context and not _waits(state):
        raise errors.validation(
            "Context object contains 'Task' when state is not a Task state with a '.sync' or '.waitForTaskToken' "
            "service integration pattern"
        )
    return context


def _waits(state: State) -> bool:
    resource = find_resource(state.raw.get("Resource", "")) if state.kind == "Task" else None
    return resource is not None and resource.waits


def _check_part(name: str, part: dict[str, Any], prefix: str) -> None:
    for member, value in part.items():
        if member not in _CONTEXT[name]:
            raise errors.validation(f"{prefix}Field '{member}' is not allowed")
        if member in ("RetryCount", "RedriveCount"):
            if isinstance(value, bool) or not isinstance(value, int):
                raise errors.validation(f"{prefix}{name}.{member} must be a number")
        elif member != "Input" and not isinstance(value, str):
            raise errors.validation(f"{prefix}{name}.{member} must be a string")
