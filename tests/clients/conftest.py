"""Real clients: installed once into build/, which git ignores, and run as their users run them."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import Sandbox, Server, start_server

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = Path(__file__).parent / "js"
INSTALLED = ROOT / "build" / "js"

RunScript = Callable[..., Any]


def install_packages(pins: Path) -> Path:
    """The node_modules folder of a package.json, under build/; from the npm registry when the pins have changed."""
    if shutil.which("npm") is None:
        pytest.skip("needs Node.js with npm: apt-get install nodejs npm")
    folder = ROOT / "build" / pins.parent.name
    wanted = pins.read_text()
    marker = folder / "installed.json"
    if not marker.exists() or marker.read_text() != wanted:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(pins, folder / "package.json")
        command = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"]
        ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600, check=False)
        if ended.returncode != 0:
            pytest.skip(f"npm could not install {pins.parent.name}: {ended.stderr[-500:]}")
        marker.write_text(wanted)
    return folder / "node_modules"


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """The folder with the AWS SDK for JavaScript v3."""
    return install_packages(SCRIPTS / "package.json")


@pytest.fixture(scope="session")
def cdk_modules() -> Path:
    """The folder with the CDK, and the clients of the AWS SDK that its own functions find in Lambda's runtime."""
    return install_packages(Path(__file__).parent / "cdk" / "package.json")


@pytest.fixture(scope="session")
def serverless_modules() -> Path:
    """The folder with the Serverless Framework 3, its plugin for other endpoints, and osls, its successor."""
    return install_packages(Path(__file__).parent / "serverless" / "package.json")


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
def abaku_modules() -> Iterator[None]:
    """The AWS SDK for JavaScript, which servers that are started from here on give to Node.js functions."""
    from examples.abaku.application import install_node_modules

    if shutil.which("npm") is None:
        pytest.skip("the case study has Node.js functions, whose SDK npm installs: apt-get install nodejs npm")
    try:
        folder = install_node_modules(ROOT / "build" / "abaku")
    except subprocess.CalledProcessError as error:
        pytest.skip(f"npm could not install the AWS SDK for JavaScript: {error}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MRAK_NODE_MODULES", str(folder))
        yield


@pytest.fixture(scope="session")
def abaku_server(abaku_modules: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = start_server(tmp_path_factory.mktemp("abaku") / "data", "--durability", "process")
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
