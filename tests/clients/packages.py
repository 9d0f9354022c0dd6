"""Real clients from npm, PyPI and Debian. Each is installed once, under build/, which git ignores: when a test asks for
it, or all of them by `python -m tests.clients.packages`, which `make test` runs beside the linters."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from examples.abaku.application import install_node_modules

HERE = Path(__file__).parent
BUILD = HERE.parents[1] / "build"
NPM = ("npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts")
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check")
PIP_INSTALL = ("install", "--quiet")
BROWSER = ("chromium", "chromium-driver", "fonts-dejavu-core")


class NotInstalled(Exception):
    """Says what is missing and why; tests that need it are skipped."""


def javascript_sdk() -> Path:
    """node_modules with the AWS SDK for JavaScript v3 and Amplify's SRP."""
    return _npm("js", HERE / "js" / "package.json")


def cdk() -> Path:
    """node_modules with the CDK, and the clients of the AWS SDK that its own functions find in Lambda's runtime."""
    return _npm("cdk", HERE / "cdk" / "package.json")


def serverless() -> Path:
    """node_modules with the Serverless Framework 3, its plugin for other endpoints, and osls, its successor."""
    return _npm("serverless", HERE / "serverless" / "package.json")


def powertools_for_javascript() -> Path:
    """node_modules as a deployment package brings them: without the AWS SDK, which is Lambda's own."""
    return _npm("js-functions", HERE / "js" / "powertools.json", "--omit=peer")


def abaku() -> Path:
    """node_modules of the case study's functions."""
    _require("npm")
    with _alone("abaku") as folder:
        try:
            return install_node_modules(folder)
        except subprocess.CalledProcessError as error:
            raise NotInstalled(f"npm could not install the AWS SDK for JavaScript: {error}") from error


def sam() -> Path:
    """The bin folder of an environment with SAM, which pins what mrak uses too."""
    return _environment("sam", "aws-sam-cli==1.170.0")


def s3_clients() -> Path:
    """The bin folder of an environment with s3fs and s3cmd: s3fs brings a botocore of its own."""
    return _environment("s3-clients", "s3fs==2026.9.0", "s3cmd==2.4.0")


def python_functions() -> Path:
    """A folder as `pip install --target` makes it for a deployment package."""
    return _target("python-functions", "aws-lambda-powertools>=3.20,<4", "awslambdaric>=3,<5")


def durable_functions() -> Path:
    """AWS's SDK for durable functions; boto3, which it needs, is Lambda's own."""
    return _target("durable-functions", "--no-deps", "aws-durable-execution-sdk-python>=3,<4")


def browser() -> Path:
    """Chromium, whose driver lies in the PATH too; from Debian's packages where this is root."""
    found = _find_browser()
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        with _alone("browser"):
            environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
            install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *BROWSER]
            for command in (["apt-get", "update", "-qq"], install):
                _run(command, seconds=200, env=environ)
        found = _find_browser()
    if found is None:
        raise NotInstalled("no browser: apt-get install chromium chromium-driver")
    return found


def _find_browser() -> Path | None:
    names = ("chromium", "chromium-browser", "google-chrome")
    program = next((path for name in names if (path := shutil.which(name))), None)
    return Path(program) if program and shutil.which("chromedriver") else None


def _npm(name: str, pins: Path, *options: str) -> Path:
    _require("npm")
    wanted = pins.read_text()

    def install(folder: Path) -> None:
        (folder / "package.json").write_text(wanted)
        _run([*NPM, *options], cwd=folder)

    return _once(name, wanted, install) / "node_modules"


def _environment(name: str, *packages: str) -> Path:
    def install(folder: Path) -> None:
        _run([sys.executable, "-m", "venv", "--without-pip", str(folder)])
        _run([*PIP, "--python", str(folder / "bin" / "python"), *PIP_INSTALL, *packages])

    return _once(name, f"{sys.version} {packages}", install) / "bin"


def _target(name: str, *packages: str) -> Path:
    def install(folder: Path) -> None:
        _run([*PIP, *PIP_INSTALL, "--target", str(folder), *packages])

    return _once(name, f"{sys.version} {packages}", install)


def _once(name: str, wanted: str, install: Callable[[Path], None]) -> Path:
    """A folder with what is wanted; made anew when something else is in it."""
    with _alone(name) as folder:
        marker = folder / "installed.txt"
        if not marker.exists() or marker.read_text() != wanted:
            shutil.rmtree(folder)
            folder.mkdir()
            install(folder)
            marker.write_text(wanted)
        return folder


@contextmanager
def _alone(name: str) -> Iterator[Path]:
    """A folder under build/ that no other process works on: tests run side by side and may want the same."""
    folder = BUILD / name
    folder.mkdir(parents=True, exist_ok=True)
    with (BUILD / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder


def _require(program: str) -> None:
    if shutil.which(program) is None:
        raise NotInstalled("needs Node.js with npm: apt-get install nodejs npm")


def _run(command: list[str], seconds: int = 240, **options: object) -> None:
    try:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False, **options)
    except subprocess.TimeoutExpired as error:
        raise NotInstalled(f"{command[0]} did not end within {seconds} seconds") from error
    if ended.returncode != 0:
        raise NotInstalled(f"{' '.join(command)}: {ended.stderr[-500:]}")


EVERYTHING = (
    serverless,
    cdk,
    sam,
    s3_clients,
    abaku,
    javascript_sdk,
    powertools_for_javascript,
    python_functions,
    durable_functions,
    browser,
)


def main() -> None:
    with ThreadPoolExecutor(2) as pool:
        started = [pool.submit(install) for install in EVERYTHING]
    for job in started:
        error = job.exception()
        if isinstance(error, NotInstalled):
            print(f"some tests of clients will be skipped: {error}", file=sys.stderr)
        elif error is not None:
            raise error


if __name__ == "__main__":
    main()
