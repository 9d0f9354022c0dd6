"""One frozen Settings; the only reader of os.environ."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec

Durability = Literal["power", "process"]
Access = Literal["open", "keys"]
Iam = Literal["report", "enforce"]

DEFAULT_PORT = 4566
DEFAULT_DATA = ".mrak"
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})


class ConfigError(Exception):
    """A setting that cannot be; the message says what to do."""


class Settings(msgspec.Struct, frozen=True):
    """How this process runs. Each has a `mrak up` option, and where it is named an environment variable.

    data            the folder that holds everything; MRAK_DATA
    memory          nothing is kept: no data folder is used
    host, port      where to listen; MRAK_HOST, MRAK_PORT
    durability      power: fsync before each reply; process: survives kill -9, not a power cut; MRAK_DURABILITY
    access          open: unknown keys are the default account (loopback only); keys: only keys that mrak issued;
                    MRAK_ACCESS
    iam             report: what a service does with a role that lacks the permission is done, and told in the log;
                    enforce: it is refused, as on AWS; MRAK_IAM
    region          the region where a request names none; MRAK_REGION
    seed            a seed for all ids, for simulations
    """

    data: Path = Path(DEFAULT_DATA)
    memory: bool = False
    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    durability: Durability = "power"
    access: Access = "open"
    iam: Iam = "report"
    region: str = "us-east-1"
    seed: int | None = None

    @property
    def on_loopback(self) -> bool:
        return self.host in LOOPBACK_HOSTS

    @property
    def endpoint(self) -> str:
        shown = "localhost" if self.host in LOOPBACK_HOSTS or self.host in ("0.0.0.0", "::") else self.host
        return f"http://{shown}:{self.port}"


_VARIABLES = {
    "data": "MRAK_DATA",
    "host": "MRAK_HOST",
    "port": "MRAK_PORT",
    "durability": "MRAK_DURABILITY",
    "access": "MRAK_ACCESS",
    "iam": "MRAK_IAM",
    "region": "MRAK_REGION",
}


def read_settings(options: Mapping[str, object], environ: Mapping[str, str] | None = None) -> Settings:
    """Settings from options (None = not given), then environment variables, then defaults."""
    variables = os.environ if environ is None else environ
    raw: dict[str, object] = {
        name: variables[variable] for name, variable in _VARIABLES.items() if variable in variables
    }
    raw |= {name: value for name, value in options.items() if value is not None}
    try:
        settings = msgspec.convert(raw, Settings, strict=False, dec_hook=_convert_path)
    except msgspec.ValidationError as error:
        raise ConfigError(f"A setting is wrong: {error}") from None
    if settings.access == "open" and not settings.on_loopback:
        # Whoever has no key gets nothing beyond loopback.
        settings = msgspec.structs.replace(settings, access="keys")
    return settings


def client_endpoint(environ: Mapping[str, str] | None = None) -> str:
    """Where commands look for the server: AWS_ENDPOINT_URL of `mrak use`, else the configured port of this machine."""
    variables = os.environ if environ is None else environ
    return variables.get("AWS_ENDPOINT_URL") or read_settings({}, variables).endpoint


def client_environment(environ: Mapping[str, str] | None = None) -> str:
    """The sandbox that commands act on: MRAK_ENVIRONMENT of `mrak use`, else the default one."""
    return (os.environ if environ is None else environ).get("MRAK_ENVIRONMENT", "default")


def inherited_environ() -> dict[str, str]:
    """The variables of this process that a child process may see: where programs are and how text is written."""
    return {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "TZ", "HOME") if name in os.environ}


def node_modules_folders(environ: Mapping[str, str] | None = None) -> list[str]:
    """Where Node.js functions' AWS SDK may be installed: MRAK_NODE_MODULES, or `npm install --prefix ~/.mrak ...`."""
    named = (os.environ if environ is None else environ).get("MRAK_NODE_MODULES")
    return [named] if named else [os.path.expanduser("~/.mrak/node_modules")]


def container_engines(environ: Mapping[str, str] | None = None) -> list[str]:
    """Command lines of container engines to try: MRAK_CONTAINER_ENGINE, or docker and podman."""
    named = (os.environ if environ is None else environ).get("MRAK_CONTAINER_ENGINE")
    return [named] if named else ["docker", "podman"]


def _convert_path(kind: type, value: object) -> object:
    if kind is Path and isinstance(value, str | Path):
        return Path(value)
    raise NotImplementedError(kind)
