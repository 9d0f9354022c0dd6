"""Real clients (`packages.py` installs them), run as their users run them."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.clients import packages
from tests.conftest import Sandbox, Server, start_server

SCRIPTS = Path(__file__).parent / "js"

RunScript = Callable[..., Any]


def installed(install: Callable[[], Path]) -> Path:
    """Where the packages are; the test is skipped where they can't be had."""
    try:
        return install()
    except packages.NotInstalled as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def node_modules() -> Path:
    return installed(packages.javascript_sdk)


@pytest.fixture
def run_script(node_modules: Path, fresh_sandbox: Any) -> RunScript:
    """Runs a script of tests/clients/js in a fresh sandbox; what it prints last is JSON, and comes back decoded."""

    return lambda name, *arguments: run_node(node_modules, fresh_sandbox.environ, name, *arguments)


def run_node(node_modules: Path, environ: dict[str, str], name: str, *arguments: str) -> Any:
    """What a script of tests/clients/js prints last, which is JSON."""
    copy = node_modules.parent / name
    shutil.copy(SCRIPTS / name, copy)
    command = ["node", str(copy), *arguments]
    ended = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return json.loads(ended.stdout.strip().splitlines()[-1])


# --- the case study ---


@pytest.fixture(scope="session")
def abaku_modules() -> Path:
    """The AWS SDK for JavaScript, for the case study's Node.js functions."""
    return installed(packages.abaku)


@pytest.fixture(scope="session")
def abaku_server(abaku_modules: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    data = tmp_path_factory.mktemp("abaku") / "data"
    running = start_server(data, "--durability", "process", node_modules=abaku_modules)
    yield running
    running.stop()


@pytest.fixture(scope="session")
def abaku(abaku_server: Server) -> Any:
    """The application, deployed once for all tests that do not need one of their own."""
    return deployed(abaku_server.sandbox())


def deployed(sandbox: Sandbox) -> Any:
    """The application in a sandbox, and its people's mails confirmed."""
    from examples.abaku.application import Abaku

    made = Abaku(sandbox.environ)
    made.deploy()
    made.confirm_subscriptions()
    return made
