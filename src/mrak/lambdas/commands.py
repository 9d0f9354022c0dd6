"""What to execute for a function: by its runtime's language, its own bootstrap, or its wrapper script."""

from __future__ import annotations

import os

from mrak.core.functions import FunctionSpec
from mrak.lambdas.interpreters import Choice


class NoEntrypoint(Exception):
    """A custom runtime without its program."""


def find_command(spec: FunctionSpec, choice: Choice, task: str, runtime: str, layers: str, sdk_path: str) -> list[str]:
    """What to execute; nothing for a Python function, which runs in the spawner's fork."""
    wrapper = spec.environment.get("AWS_LAMBDA_EXEC_WRAPPER", "")
    if choice.interpreter is None:
        if os.path.exists(f"{spec.code_dir}/bootstrap"):
            return [f"{task}/bootstrap"]
        if layers and os.path.exists(f"{layers}/bootstrap"):
            return ["/opt/bootstrap" if task == "/var/task" else f"{layers}/bootstrap"]
        raise NoEntrypoint("Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]")
    if choice.interpreter.language == "nodejs":
        heap_mb = max(64, spec.memory_mb - 64)
        command = [
            choice.interpreter.path,
            f"--max-old-space-size={heap_mb}",
            f"{runtime}/runtime.mjs",
            "{runtime_fd}",
        ]
    elif choice.interpreter.language == "java":
        command = _java_command(spec, choice.interpreter.path, task, layers, runtime)
    elif choice.interpreter.language == "ruby":
        command = [choice.interpreter.path, f"{runtime}/runtime.rb"]
    elif wrapper:
        command = python_command(choice, runtime, sdk_path)
    else:
        return []
    return [wrapper, *command] if wrapper else command


def _java_command(spec: FunctionSpec, java: str, task: str, layers: str, runtime: str) -> list[str]:
    """Java for a short life, as AWS runs it: the serial collector, and no compiler that pays late."""
    libraries = "/opt" if task == "/var/task" else layers or "/opt"
    heap_mb = max(32, spec.memory_mb * 7 // 10)
    return [
        java,
        f"-Xmx{heap_mb}m",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-XX:-UsePerfData",
        "-Xshare:auto",
        "-cp",
        f"{runtime}:{task}:{task}/lib/*:{libraries}/java/lib/*",
        "mrakruntime.Main",
    ]


def python_command(choice: Choice, runtime: str, sdk_path: str) -> list[str]:
    """A Python function as a program of its own, where the spawner's fork will not do."""
    assert choice.interpreter is not None
    return [choice.interpreter.path, f"{runtime}/python_runtime.py", "{runtime_fd}", sdk_path]


def uses_sdk(spec: FunctionSpec) -> bool:
    """Whether the handler's own file speaks of boto3: a hint that makes later cold starts short."""
    module = spec.handler.rpartition(".")[0].replace(".", "/")
    try:
        with open(f"{spec.code_dir}/{module}.py", "rb") as file:
            return b"boto3" in file.read(1 << 16)
    except OSError:
        return False
