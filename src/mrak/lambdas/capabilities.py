"""What this machine can do for functions, for `mrak doctor`: runtimes, isolation, and how to get what is missing."""

from __future__ import annotations

import os
import shutil
import subprocess

import msgspec

from mrak.config import container_engines, inherited_environ
from mrak.lambdas.environment import RUNTIMES_FOLDER
from mrak.lambdas.interpreters import find_node_modules, javas, nodes, pythons, rubies
from mrak.lambdas.sandbox import find_sdk_folder

_MEANING = {
    "namespaces": "own file system, process tree and user id: a function sees its code, its layers and a private /tmp",
    "uid": "own user id: a function reads what everybody on this machine may read, and its own files",
    "none": "NOT ISOLATED: functions run as the server's user and can read its files",
}


class Capabilities(msgspec.Struct, frozen=True):
    """`runtimes` maps a runtime's name to the version that runs it; `advice` says how to get what is missing."""

    runtimes: dict[str, str]
    isolation: str
    isolation_meaning: str
    sdk_for_python: str
    advice: list[str]


def capabilities() -> Capabilities:
    runtimes = {f"python3.{minor}": found.version for minor, found in sorted(pythons().items())}
    runtimes |= {f"nodejs{major}.x": found.version for major, found in sorted(nodes().items())}
    runtimes |= {f"java{major}": found.version for major, found in sorted(javas().items())}
    runtimes |= {f"ruby{version}": found.version for version, found in sorted(rubies().items())}
    runtimes |= {"provided.al2": "any bootstrap program", "provided.al2023": "any bootstrap program"}
    if engine := probe_engine():
        runtimes["images"] = engine
    isolation = probe_isolation()
    sdk = find_sdk_folder()
    advice = []
    if not nodes():
        advice.append("Node.js functions need Node.js: https://nodejs.org or `nvm install 22`")
    elif not any(find_node_modules(node) for node in nodes().values()):
        advice.append(
            "Node.js functions find the AWS SDK for JavaScript when it is installed for them: "
            "npm install --prefix ~/.mrak @aws-sdk/client-s3 (and what else they use); "
            "MRAK_NODE_MODULES names another folder"
        )
    if not javas():
        advice.append(
            "Java functions need a development kit, 11 or newer: apt-get install default-jdk-headless, "
            "or https://adoptium.net"
        )
    if not rubies():
        advice.append("Ruby functions need Ruby: apt-get install ruby, or https://www.ruby-lang.org")
    if "images" not in runtimes:
        advice.append("Functions of container images need an engine that answers: docker or podman")
    if isolation == "none":
        advice.append(
            "Functions are isolated where the kernel lets users make namespaces "
            "(sysctl kernel.unprivileged_userns_clone=1, or kernel.apparmor_restrict_unprivileged_userns=0 on Ubuntu), "
            "or where mrak runs as root"
        )
    if not sdk:
        advice.append("Python functions find boto3 when it is installed beside mrak: pip install boto3")
    return Capabilities(runtimes, isolation, _MEANING[isolation], sdk, advice)


def probe_engine() -> str:
    """The container engine that answers, "" where none does."""
    for name in container_engines():
        path = shutil.which(name)
        if path is None:
            continue
        answer = subprocess.run([path, "info"], capture_output=True, timeout=20, check=False, env=inherited_environ())
        if answer.returncode == 0:
            return path
    return ""


def probe_isolation() -> str:
    """The isolation that functions would get, found out in a process of its own."""
    own = pythons()[min(pythons(), key=lambda minor: abs(minor - 11))]
    program = f"import sys; sys.path.insert(0, {RUNTIMES_FOLDER!r}); import isolation; print(isolation.prepare())"
    answer = subprocess.run(
        [own.path, "-I", "-S", "-c", program],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
        env=inherited_environ(),
        cwd=os.sep,
    )
    return answer.stdout.strip() or "none"
