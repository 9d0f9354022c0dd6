"""`mrak doctor`: what is installed here, which runtimes and which isolation are in force, what is missing and how to
get it."""

from __future__ import annotations

import argparse
import platform
import shutil
import socket
import sqlite3
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from mrak.config import ConfigError, Settings, read_settings

_TOOLS = {
    "aws": "the AWS command line: pip install awscli",
    "sam": "the SAM command line: pip install aws-sam-cli",
    "cdk": "the CDK command line: npm install -g aws-cdk",
    "node": "Node.js functions: apt-get install nodejs, or https://nodejs.org",
}
_LIBRARIES = ("httptools", "uvloop", "msgspec", "boto3")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", metavar="DIR", help="the data folder to look at")


def run(options: argparse.Namespace) -> None:
    settings = _settings(options)
    missing: list[str] = []
    print(f"mrak     Python {platform.python_version()} on {platform.system()} {platform.machine()}")
    print(f"  SQLite {sqlite3.sqlite_version}, " + ", ".join(_versions()))
    print(f"data     {settings.data.absolute()}: {_data_folder(settings.data)}")
    print(f"port     {settings.port}: {_port(settings)}")
    _functions(missing)
    print("tools")
    for name, advice in _TOOLS.items():
        path = shutil.which(name)
        print(f"  {name:<8} {path or 'not found'}")
        if path is None:
            missing.append(advice)
    if missing:
        print("to get what is missing")
        print("\n".join(f"  - {advice}" for advice in missing))


def _settings(options: argparse.Namespace) -> Settings:
    from mrak.cli.main import CommandError

    try:
        return read_settings(vars(options))
    except ConfigError as error:
        raise CommandError(str(error)) from None


def _versions() -> Iterator[str]:
    for name in _LIBRARIES:
        try:
            yield f"{name} {metadata.version(name)}"
        except metadata.PackageNotFoundError:
            continue


def _data_folder(folder: Path) -> str:
    existing = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    try:
        free_bytes = shutil.disk_usage(existing).free
    except OSError as error:
        return f"can't be read ({error.strerror})"
    state = "exists" if existing == folder.absolute() else "will be made"
    return f"{state}, {free_bytes / 2**30:.1f} GiB free"


def _port(settings: Settings) -> str:
    with socket.socket() as probe:
        probe.settimeout(1)
        if probe.connect_ex(("127.0.0.1", settings.port)) == 0:
            return "something answers there (mrak status tells whether it is mrak)"
    return "free"


def _functions(missing: list[str]) -> None:
    from mrak.lambdas.capabilities import capabilities

    found = capabilities()
    print(f"functions  isolation: {found.isolation} ({found.isolation_meaning})")
    for runtime, version in found.runtimes.items():
        print(f"  {runtime:<16} {version}")
    print(f"  SDK for Python   {found.sdk_for_python or 'not found'}")
    missing += found.advice
