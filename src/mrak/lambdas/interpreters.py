"""Which program runs a runtime on this machine: the exact version where it is installed, else the nearest.

Found by looking at files only, so that a look-up costs nothing; `node --version` is asked once.
"""

from __future__ import annotations

import functools
import glob
import hashlib
import os
import re
import shutil
import subprocess
import sys

import msgspec

from mrak.config import inherited_environ, node_modules_folders
from mrak.core.deviations import deviation

_PYTHON_PLACES = (
    "{home}/.pyenv/versions/{version}.*/bin/python{version}",
    "{home}/.local/share/uv/python/cpython-{version}.*/bin/python{version}",
    "/opt/hostedtoolcache/Python/{version}.*/*/bin/python{version}",
    "/usr/local/bin/python{version}",
    "/usr/bin/python{version}",
    "/opt/homebrew/bin/python{version}",
)
_NODE_PLACES = (
    "{home}/.nvm/versions/node/v*/bin/node",
    "{home}/.local/share/fnm/node-versions/v*/installation/bin/node",
    "/opt/hostedtoolcache/node/*/*/bin/node",
    "/usr/local/bin/node",
    "/usr/bin/node",
    "/opt/homebrew/bin/node",
)
_JAVA_PLACES = (
    "/usr/lib/jvm/*/bin/java",
    "{home}/.sdkman/candidates/java/*/bin/java",
    "{home}/.jdks/*/bin/java",
    "/opt/hostedtoolcache/Java_*/*/*/bin/java",
    "/Library/Java/JavaVirtualMachines/*/Contents/Home/bin/java",
)
_RUBY_PLACES = (
    "{home}/.rbenv/versions/*/bin/ruby",
    "/opt/hostedtoolcache/Ruby/*/*/bin/ruby",
    "/usr/local/bin/ruby",
    "/usr/bin/ruby",
    "/opt/homebrew/opt/ruby/bin/ruby",
)
_PYTHON_MINORS = range(8, 16)
_OLDEST_JAVA = 11
_RUNTIME = re.compile(
    r"python3\.(?P<python>\d+)|nodejs(?P<nodejs>\d+)\.x|java(?P<java>\d+)(?:\.al2)?|ruby(?P<ruby>\d+\.\d+)"
    r"|provided(?:\.al2|\.al2023)?"
)


class Interpreter(msgspec.Struct, frozen=True):
    """A program that runs functions. `prefix` is the folder that it needs beside the system's."""

    language: str
    version: str
    path: str
    prefix: str


class NoInterpreter(Exception):
    """Nothing here runs this runtime; the message says what would."""


class Choice(msgspec.Struct, frozen=True):
    """The interpreter for a runtime, None for custom runtimes; `warning` is "" when the version is the exact one."""

    interpreter: Interpreter | None
    warning: str = ""


def runtime_version_arn(runtime: str, region: str) -> str:
    """As AWS names the build of a runtime; the digest stands for our one build of each."""
    return f"arn:aws:lambda:{region}::runtime:{hashlib.sha256(runtime.encode()).hexdigest()}"


@functools.lru_cache
def choose(runtime: str) -> Choice:
    """The interpreter that runs functions of this runtime."""
    found = _RUNTIME.fullmatch(runtime)
    if found is None:
        deviation("LAMBDA-012")
        raise NoInterpreter(
            f"mrak cannot run the runtime {runtime}: it runs python3.x, nodejs, java, ruby and provided.* functions"
        )
    match found.lastgroup:
        case "python":
            return _choose_python(int(found["python"]))
        case "nodejs":
            return _choose_node(int(found["nodejs"]))
        case "java":
            return _choose_java(int(found["java"]))
        case "ruby":
            return _choose_ruby(found["ruby"])
    return Choice(None)


def _choose_python(minor: int) -> Choice:
    available = pythons()
    nearest = min(available, key=lambda candidate: (abs(candidate - minor), -candidate))
    interpreter = available[nearest]
    if nearest == minor:
        return Choice(interpreter)
    return Choice(interpreter, f"Python 3.{minor} is not installed here; running on Python {interpreter.version}")


def _choose_node(major: int) -> Choice:
    available = nodes()
    if not available:
        raise NoInterpreter("Node.js is not installed here: install it from https://nodejs.org or with nvm")
    nearest = min(available, key=lambda candidate: (abs(candidate - major), -candidate))
    interpreter = available[nearest]
    if nearest == major:
        return Choice(interpreter)
    return Choice(interpreter, f"Node.js {major} is not installed here; running on Node.js {interpreter.version}")


def _choose_java(major: int) -> Choice:
    """A Java runs what was compiled for it and for those before it, so the next newer one is the nearest."""
    available = javas()
    if not available:
        raise NoInterpreter(
            f"a Java development kit (with javac, version {_OLDEST_JAVA} or newer) is not installed here: "
            "apt-get install default-jdk-headless, or https://adoptium.net"
        )
    newer = [version for version in available if version >= major]
    interpreter = available[min(newer) if newer else max(available)]
    if min(newer, default=0) == major:
        return Choice(interpreter)
    return Choice(interpreter, f"Java {major} is not installed here; running on Java {interpreter.version}")


def _choose_ruby(wanted: str) -> Choice:
    available = rubies()
    if not available:
        raise NoInterpreter("Ruby is not installed here: apt-get install ruby, or https://www.ruby-lang.org")
    if wanted in available:
        return Choice(available[wanted])
    place = _version_of(wanted)
    nearest = min(available, key=lambda version: abs(_version_of(version) - place))
    interpreter = available[nearest]
    return Choice(interpreter, f"Ruby {wanted} is not installed here; running on Ruby {interpreter.version}")


def _version_of(text: str) -> int:
    major, _, minor = text.partition(".")
    return int(major) * 100 + int(minor)


@functools.lru_cache
def javas() -> dict[int, Interpreter]:
    """The installed Java development kits by major version."""
    found: dict[int, Interpreter] = {}
    on_path = shutil.which("java")
    for path in [*_places(_JAVA_PLACES, ""), *([on_path] if on_path else [])]:
        path = os.path.realpath(path)
        home = os.path.dirname(os.path.dirname(path))
        version = _read_java_version(home)
        if not version or not os.access(os.path.join(home, "bin", "javac"), os.X_OK):
            continue
        major = int(version.split(".")[0])
        if major >= _OLDEST_JAVA:
            found.setdefault(major, _interpreter("java", version, path))
    return found


def _read_java_version(home: str) -> str:
    try:
        with open(os.path.join(home, "release"), encoding="utf-8") as file:
            found = re.search(r'^JAVA_VERSION="(\d[\d.]*)', file.read(), re.MULTILINE)
    except OSError:
        return ""
    return found[1] if found else ""


@functools.lru_cache
def rubies() -> dict[str, Interpreter]:
    """The installed Rubies by major and minor version."""
    found: dict[str, Interpreter] = {}
    on_path = shutil.which("ruby")
    for path in [*_places(_RUBY_PLACES, ""), *([on_path] if on_path else [])]:
        path = os.path.realpath(path)
        if not os.access(path, os.X_OK) or _is_script(path):
            continue
        answer = _ask(path, "-e", "print RUBY_VERSION")
        if re.fullmatch(r"\d+\.\d+\.\d+", answer):
            found.setdefault(answer.rpartition(".")[0], _interpreter("ruby", answer, path))
    return found


@functools.lru_cache
def pythons() -> dict[int, Interpreter]:
    """The installed Python 3 interpreters by minor version; our own is always among them."""
    found = {}
    for minor in _PYTHON_MINORS:
        path = _find_python(f"3.{minor}")
        if path is not None:
            found[minor] = _interpreter("python", f"3.{minor}", path)
    own = os.path.realpath(getattr(sys, "_base_executable", sys.executable))
    version = ".".join(map(str, sys.version_info[:3]))
    found[sys.version_info[1]] = _interpreter("python", version, own)
    return found


def _find_python(version: str) -> str | None:
    for path in _places(_PYTHON_PLACES, version):
        if os.access(path, os.X_OK) and not _is_script(path):
            return os.path.realpath(path)
    return None


@functools.lru_cache
def nodes() -> dict[int, Interpreter]:
    """The installed Node.js by major version; the one on PATH comes first."""
    on_path = shutil.which("node")
    found: dict[int, Interpreter] = {}
    for path in [*([on_path] if on_path else []), *_places(_NODE_PLACES, "")]:
        path = os.path.realpath(path)
        if not os.access(path, os.X_OK) or _is_script(path):
            continue
        if any(known.path == path for known in found.values()):
            continue
        version = _ask_node_version(path)
        if version:
            found.setdefault(int(version.split(".")[0]), _interpreter("nodejs", version, path))
    return found


def find_node_modules(interpreter: Interpreter) -> str:
    """The folder of modules that has the AWS SDK, the user's own or Node's global one; "" where none has."""
    for folder in (*node_modules_folders(), os.path.join(interpreter.prefix, "lib", "node_modules")):
        if os.path.isdir(os.path.join(folder, "@aws-sdk")):
            return os.path.realpath(folder)
    return ""


def _ask_node_version(path: str) -> str:
    in_path = re.search(r"/v?(\d+\.\d+\.\d+)/", path)
    if in_path:
        return in_path[1]
    return _ask(path, "--version").lstrip("v")


def _ask(*command: str) -> str:
    answer = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False, env=inherited_environ())
    return answer.stdout.strip()


def _places(patterns: tuple[str, ...], version: str) -> list[str]:
    home = os.path.expanduser("~")
    return [
        path for pattern in patterns for path in sorted(glob.glob(pattern.format(home=home, version=version)))[::-1]
    ]


def _is_script(path: str) -> bool:
    """pyenv's shims are scripts that may lead nowhere."""
    try:
        with open(path, "rb") as file:
            return file.read(2) == b"#!"
    except OSError:
        return True


def _interpreter(language: str, version: str, path: str) -> Interpreter:
    return Interpreter(language, version, path, os.path.dirname(os.path.dirname(path)))
