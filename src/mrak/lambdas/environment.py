"""The environment variables of an instance, as on AWS plus AWS_ENDPOINT_URL, and where things are in it.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
"""

from __future__ import annotations

import os

import msgspec

from mrak.core.deviations import deviation
from mrak.core.functions import Credentials, FunctionSpec
from mrak.lambdas.interpreters import Interpreter, find_node_modules

RUNTIMES_FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "runtimes")
LIBRARIES = "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:{task}:{task}/lib:{layers}/lib"
LOOPBACK = "127.0.0.1"
_FIRST_ON_AL2023 = 12
"""From Python 3.12 on the runtimes' system has no locale but C, which Python turns into C.UTF-8 (recorded)."""
NODE_MODULES = "/node_modules"
"""Where an instance finds the AWS SDK for JavaScript: `import` does not look at NODE_PATH, but looks here."""


class Places(msgspec.Struct, frozen=True):
    """Where an instance sees its code, its layers, mrak's runtime programs, and its temporary folder ("" = /tmp)."""

    task: str
    layers: str
    runtime: str
    temporary: str = ""


def private_places() -> Places:
    """In a file system of its own everything is where AWS has it."""
    return Places("/var/task", "/opt", "/var/runtime")


def runtime_folder(interpreter: Interpreter | None) -> str:
    """mrak's own runtime programs for a language, on this machine; Java's are sources, which the sandbox compiles."""
    return os.path.join(RUNTIMES_FOLDER, interpreter.language if interpreter is not None else "python")


def build_environment(
    spec: FunctionSpec,
    places: Places,
    interpreter: Interpreter | None,
    credentials: Credentials,
    log_stream: str,
    runtime_api: str,
    *,
    is_provisioned: bool = False,
) -> dict[str, str]:
    """The variables of a new instance. What users set wins, but for AWS's reserved names, which the service refuses."""
    key, secret, token = credentials
    deviation("LAMBDA-013")
    own_programs = f"{os.path.dirname(interpreter.path)}:" if interpreter else ""
    variables = {
        "AWS_ACCESS_KEY_ID": key,
        "AWS_DEFAULT_REGION": spec.scope.region,
        "AWS_ENDPOINT_URL": spec.endpoint_url,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(spec.memory_mb),
        "AWS_LAMBDA_FUNCTION_NAME": spec.name,
        "AWS_LAMBDA_FUNCTION_VERSION": spec.version,
        "AWS_LAMBDA_INITIALIZATION_TYPE": "provisioned-concurrency" if is_provisioned else "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": spec.log_group or f"/aws/lambda/{spec.name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": log_stream,
        "AWS_LAMBDA_RUNTIME_API": runtime_api,
        "AWS_REGION": spec.scope.region,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_SESSION_TOKEN": token,
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_XRAY_DAEMON_ADDRESS": f"{LOOPBACK}:2000",
        "LAMBDA_RUNTIME_DIR": places.runtime,
        "LAMBDA_TASK_ROOT": places.task,
        "LANG": "en_US.UTF-8",
        "LD_LIBRARY_PATH": LIBRARIES.format(task=places.task, layers=places.layers),
        "PATH": f"{own_programs}/usr/local/bin:/usr/bin/:/bin:{places.layers}/bin",
        "PWD": places.task,
        "SHLVL": "0",
        "TZ": ":UTC",
        "_AWS_XRAY_DAEMON_ADDRESS": LOOPBACK,
        "_AWS_XRAY_DAEMON_PORT": "2000",
        "_HANDLER": spec.handler,
    }
    variables |= _runtime_variables(spec, places, interpreter)
    if spec.log_format == "JSON":
        variables["AWS_LAMBDA_LOG_FORMAT"] = "JSON"
        variables["AWS_LAMBDA_LOG_LEVEL"] = spec.application_log_level
    if places.temporary:
        variables["TMPDIR"] = variables["HOME"] = places.temporary
    variables |= spec.environment
    return {name: value for name, value in variables.items() if value or name == "AWS_SESSION_TOKEN"}


def _runtime_variables(spec: FunctionSpec, places: Places, interpreter: Interpreter | None) -> dict[str, str]:
    if spec.runtime.startswith("python"):
        variables = {"AWS_EXECUTION_ENV": f"AWS_Lambda_{spec.runtime}", "PYTHONPATH": places.runtime}
        if places.layers != "/opt":
            variables["_LAYERS_ROOT"] = places.layers
        if int(spec.runtime.partition(".")[2] or 0) >= _FIRST_ON_AL2023:
            variables["LC_CTYPE"] = "C.UTF-8"
        return variables
    if spec.runtime.startswith("nodejs"):
        layers, runtime, modules = places.layers, places.runtime, NODE_MODULES
        if places.temporary and interpreter is not None:
            modules = find_node_modules(interpreter)  # no file system of its own
        major = spec.runtime.removeprefix("nodejs").removesuffix(".x")
        path = f"{layers}/nodejs/node{major}/node_modules:{layers}/nodejs/node_modules"
        node_path = f"{path}:{runtime}/node_modules:{runtime}:{places.task}:{modules}"
        return {"AWS_EXECUTION_ENV": f"AWS_Lambda_{spec.runtime}", "NODE_PATH": node_path}
    if spec.runtime.startswith("java"):
        # Where Java's launcher is does not show, and its environment has no shell's variables (recorded).
        return {"AWS_EXECUTION_ENV": f"AWS_Lambda_{spec.runtime}", "PWD": "", "SHLVL": ""}
    if spec.runtime.startswith("ruby"):
        return _ruby_variables(spec, places)
    return {}


def _ruby_variables(spec: FunctionSpec, places: Places) -> dict[str, str]:
    version = f"{spec.runtime.removeprefix('ruby')}.0"
    task, layers, runtime = places.task, places.layers, places.runtime
    gems = f"{task}/vendor/bundle/ruby/{version}:{layers}/ruby/gems/{version}:{runtime}:{runtime}/ruby/{version}"
    return {
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{spec.runtime}",
        "GEM_HOME": runtime,
        "GEM_PATH": gems,
        "RUBYLIB": f"{task}:{runtime}/lib:{layers}/ruby/lib",
    }
