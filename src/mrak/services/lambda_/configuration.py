"""A function's configuration: from requests to the stored members and back, with AWS's checks.

https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html
"""

from __future__ import annotations

import datetime
import re
from typing import Any

import msgspec

from mrak.core.context import Context
from mrak.core.scope import Scope
from mrak.services.lambda_ import errors
from mrak.services.lambda_.references import function_arn
from mrak.services.lambda_.tables import Version

_PASSED = (
    "Runtime", "Role", "Handler", "Description", "Timeout", "MemorySize", "VpcConfig", "PackageType",
    "DeadLetterConfig", "Environment", "KMSKeyArn", "TracingConfig", "FileSystemConfigs", "ImageConfig",
    "Architectures", "EphemeralStorage", "SnapStart", "LoggingConfig", "Layers", "DurableConfig",
    "TenancyConfig", "CapacityProviderConfig",
)  # fmt: skip
_MOST_TIMEOUT_SECONDS = 900
_MOST_MEMORY_MB = 10_240
_MOST_EPHEMERAL_MB = 10_240
_ENVIRONMENT_BYTES = 4096
_MOST_LAYERS = 5
_NAME_LENGTH = 64
_RESERVED_VARIABLES = frozenset(
    (
        "_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_LAMBDA_RUNTIME_API",
        "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR",
    )
)  # fmt: skip
# Runtimes that AWS no longer takes (Lambda developer guide, Lambda runtimes, Deprecated runtimes).
_DEPRECATED = frozenset(
    (
        "nodejs", "nodejs4.3", "nodejs6.10", "nodejs8.10", "nodejs10.x", "nodejs12.x", "nodejs14.x", "nodejs4.3-edge",
        "python2.7", "python3.6", "python3.7", "java8", "go1.x", "dotnetcore1.0", "dotnetcore2.0", "dotnetcore2.1",
        "dotnetcore3.1", "ruby2.5", "ruby2.7", "provided",
    )
)  # fmt: skip

# https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html
_SNAP_START = re.compile(r"java(11|17|2\d)\Z|python3\.(1[2-9]|[2-9]\d)\Z|dotnet([89]|\d\d)\Z")


def check_name(name: str) -> None:
    if len(name) > _NAME_LENGTH:
        constraint = f"Member must have length less than or equal to {_NAME_LENGTH}"
        raise errors.invalid(
            f"1 validation error detected: Value '{name}' at 'functionName' failed to satisfy constraint: {constraint}"
        )


def parse_new(name: str, req: dict[str, Any]) -> dict[str, Any]:
    """The stored members of a new function, with AWS's defaults."""
    package_type = req.get("PackageType", "Zip")
    config: dict[str, Any] = {
        "Description": "",
        "Timeout": 3,
        "MemorySize": 128,
        "TracingConfig": {"Mode": "PassThrough"},
        "Architectures": ["x86_64"],
        "EphemeralStorage": {"Size": 512},
        "SnapStart": {"ApplyOn": "None"},
        "PackageType": package_type,
    }
    config |= {member: req[member] for member in _PASSED if member in req}
    config["LoggingConfig"] = parse_logging(name, req.get("LoggingConfig", {}))
    if "DurableConfig" in req:
        if "ExecutionTimeout" not in req["DurableConfig"]:
            raise errors.invalid("ExecutionTimeout is required in DurableConfig.")
        config["DurableConfig"] = {"RetentionPeriodInDays": 14} | req["DurableConfig"]
    if package_type == "Zip" and not (req.get("Runtime") and req.get("Handler")):
        raise errors.invalid(
            "Runtime and Handler are mandatory parameters for functions created with deployment packages."
        )
    check(config)
    return config


def parse_changes(name: str, before: dict[str, Any], req: dict[str, Any]) -> dict[str, Any]:
    """The stored members after UpdateFunctionConfiguration; what is not named stays."""
    config = before | {member: req[member] for member in _PASSED if member in req and member != "PackageType"}
    if "LoggingConfig" in req:
        config["LoggingConfig"] = parse_logging(name, req["LoggingConfig"])
    if "DurableConfig" in req:
        if "DurableConfig" not in before:
            raise errors.invalid("A function becomes durable when it is created, and not later.")
        config["DurableConfig"] = before["DurableConfig"] | req["DurableConfig"]
    dead_letters = config.get("DeadLetterConfig")
    if dead_letters == {} and "DeadLetterConfig" in before:  # recorded: test_dead_letter_queue
        config["DeadLetterConfig"] = before["DeadLetterConfig"]
    elif dead_letters is not None and not dead_letters.get("TargetArn"):
        del config["DeadLetterConfig"]
    if config.get("ImageConfig") == {}:
        del config["ImageConfig"]
    if not config.get("Layers", True):
        del config["Layers"]
    check(config)
    return config


def parse_logging(name: str, wanted: dict[str, Any]) -> dict[str, Any]:
    """Levels exist in the JSON format only, where INFO is their default. Nothing is kept of what was set before
    (recorded)."""
    logging: dict[str, Any] = {
        "LogFormat": wanted.get("LogFormat", "Text"),
        "LogGroup": wanted.get("LogGroup") or f"/aws/lambda/{name}",
    }
    if logging["LogFormat"] == "JSON":
        logging["ApplicationLogLevel"] = wanted.get("ApplicationLogLevel", "INFO")
        logging["SystemLogLevel"] = wanted.get("SystemLogLevel", "INFO")
    elif "ApplicationLogLevel" in wanted or "SystemLogLevel" in wanted:
        raise errors.invalid(
            "Log Level is not supported when Log Format is set to Text. "
            "Remove Log Level from your request or change the Log Format to JSON and try again."
        )
    return logging


def check(config: dict[str, Any]) -> None:
    """Checks beyond the model, in AWS's order."""
    _check_most(config["Timeout"], "timeout", _MOST_TIMEOUT_SECONDS)
    _check_most(config["MemorySize"], "memorySize", _MOST_MEMORY_MB)
    _check_most(config["EphemeralStorage"]["Size"], "ephemeralStorage.size", _MOST_EPHEMERAL_MB)
    runtime = config.get("Runtime")
    if runtime in _DEPRECATED:
        raise errors.invalid(
            f"The runtime parameter of {runtime} is no longer supported for creating or updating AWS Lambda functions. "
            "We recommend you use a supported runtime while creating or updating functions."
        )
    if config["SnapStart"]["ApplyOn"] != "None" and _SNAP_START.match(runtime or "") is None:
        raise errors.invalid(f"{runtime} is not supported for SnapStart enabled functions.")
    check_environment(config.get("Environment", {}).get("Variables", {}))
    check_layers(config.get("Layers", []))
    _check_dead_letters(config.get("DeadLetterConfig", {}).get("TargetArn", ""))


def _check_dead_letters(target_arn: str) -> None:
    if not target_arn:
        return
    service = target_arn.split(":")[2]
    if service not in ("sqs", "sns"):
        kinds = "Only Amazon SQS queues and Amazon SNS topics are supported."
        raise errors.invalid(f"Invalid dead letter queue ARN: {kinds}")
    if target_arn.endswith(".fifo"):
        kind = "SQS queue" if service == "sqs" else "SNS topic"
        raise errors.invalid(
            f"Invalid dead letter queue ARN: FIFO {kind} is not supported for dead letter configuration"
        )


def _check_most(value: int, member: str, most: int) -> None:
    if value > most:
        raise errors.validation(value, member, f"Member must have value less than or equal to {most}")


def check_environment(variables: dict[str, str]) -> None:
    reserved = [name for name in variables if name in _RESERVED_VARIABLES]
    if reserved:
        raise errors.invalid(
            "Lambda was unable to configure your environment variables because the environment variables you have "
            "provided contains reserved keys that are currently not supported for modification. "
            f"Reserved keys used in this request: {', '.join(reserved)}"
        )
    text = msgspec.json.encode(variables).decode()
    if len(text.encode()) > _ENVIRONMENT_BYTES:
        raise errors.invalid(
            "Lambda was unable to configure your environment variables because the environment variables you have "
            f"provided exceeded the 4KB limit. String measured: {text}"
        )


def check_layers(arns: list[str]) -> None:
    if len(arns) > _MOST_LAYERS:
        raise errors.invalid(f"Cannot reference more than {_MOST_LAYERS} layers.")
    seen: dict[str, str] = {}
    for layer in arns:
        base = layer.rpartition(":")[0]
        if base in seen:
            raise errors.invalid(
                "Two different versions of the same layer are not allowed to be referenced in the same function. "
                f"{seen[base]} and {layer} are versions of the same layer."
            )
        seen[base] = layer


# --- rendering


def render(ctx: Context, scope: Scope, version: Version, qualifier: str = "", *, status: str = "") -> dict[str, Any]:
    """FunctionConfiguration. `qualifier` as the caller gave it; `status` "Pending" or "InProgress" for the answer of
    the operation that began a change, which by then is done."""
    config = version.config
    shown: dict[str, Any] = {
        "FunctionName": version.name,
        "FunctionArn": function_arn(scope, version.name, qualifier),
        "CodeSize": version.code_bytes,
        "CodeSha256": version.code_sha256,
        "LastModified": render_modified(version.modified_at),
        "Version": version.label,
        "RevisionId": version.revision_id,
    }
    shown |= {
        member: config[member] for member in _PASSED if member in config and member not in ("Layers", "ImageConfig")
    }
    applies = config["SnapStart"]["ApplyOn"]
    optimized = "On" if applies == "PublishedVersions" and version.number else "Off"
    shown["SnapStart"] = {"ApplyOn": applies, "OptimizationStatus": optimized}
    if "Layers" in config:
        shown["Layers"] = [{"Arn": layer, "CodeSize": size} for layer, size in config["LayerSizes"]]
    if "ImageConfig" in config:
        shown["ImageConfigResponse"] = {"ImageConfig": config["ImageConfig"]}
    if "VpcConfig" in config:
        wanted = config["VpcConfig"]
        shown["VpcConfig"] = {
            "VpcId": "vpc-00000000" if wanted.get("SubnetIds") else "",
            "SubnetIds": wanted.get("SubnetIds", []),
            "SecurityGroupIds": wanted.get("SecurityGroupIds", []),
            "Ipv6AllowedForDualStack": wanted.get("Ipv6AllowedForDualStack", False),
        }
    if "Runtime" in config:
        runtime_arn = ctx.part("lambdas").runtime_version_arn(config["Runtime"], scope.region)
        shown["RuntimeVersionConfig"] = {"RuntimeVersionArn": runtime_arn}
    if status:
        # The end of a change makes another revision: the one that its beginning answers is never the current one.
        shown["RevisionId"] = ctx.draw.uuid()
    return shown | _render_state(status)


def _render_state(status: str) -> dict[str, Any]:
    reason = "The function is being created."
    if status == "Pending":
        return {"State": "Pending", "StateReason": reason, "StateReasonCode": "Creating"}
    if status == "InProgress":
        return {
            "State": "Active",
            "LastUpdateStatus": "InProgress",
            "LastUpdateStatusReason": reason,
            "LastUpdateStatusReasonCode": "Creating",
        }
    return {"State": "Active", "LastUpdateStatus": "Successful"}


def render_modified(at: float) -> str:
    moment = datetime.datetime.fromtimestamp(at, datetime.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}+0000"
