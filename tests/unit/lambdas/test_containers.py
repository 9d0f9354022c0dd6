"""Functions of container images: how mrak talks to an engine, with a stand-in for the engine's command line."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.unit.lambdas.engine import ENGINE, RUNTIME
from tests.unit.lambdas.function_bench import Bench


@pytest.fixture
def images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of images, with the engine that runs them."""
    images = tmp_path / "images"
    (images / "echo").mkdir(parents=True)
    program = images / "echo" / "bootstrap"
    program.write_text(RUNTIME.format(python=sys.executable))
    engine = tmp_path / "engine"
    engine.write_text(ENGINE.format(python=sys.executable, images=str(images)))
    for path in (program, engine):
        path.chmod(0o755)
    monkeypatch.setenv("MRAK_CONTAINER_ENGINE", str(engine))
    return images


@pytest.fixture
def bench(tmp_path: Path, images: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.close()


def image_spec(bench: Bench, uri: str = "echo", **more: Any) -> Any:
    return bench.spec("", "", "", image_uri=uri, **more)


def runs(images: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (images / "runs.json").read_text().splitlines()]


def test_image_answers_and_stays_warm(bench: Bench, images: Path) -> None:
    """One container for two invocations; its bounds and what the function overrides are told to the engine."""
    config = {"EntryPoint": ["/entry", "-x"], "Command": ["app.handler"], "WorkingDirectory": "/work"}
    spec = image_spec(bench, image_config=config, memory_mb=300, ephemeral_mb=600, architecture="arm64")
    for number in (1, 2):
        answer = bench.ask(spec, number)
        assert answer == {"event": number, "arguments": ["-x", "app.handler"], "name": spec.name}
    assert "seen\n" in bench.log(spec)
    (run,) = runs(images)
    options = run["options"]
    assert options["--entrypoint"] == "/entry"
    assert options["--workdir"] == "/work"
    assert options["--memory"] == "300m"
    assert "size=600m" in options["--tmpfs"]
    assert options["--platform"] == "linux/arm64"
    assert "secret" not in json.dumps(run), "credentials must not stand in a command line"


def test_image_that_ends_or_hangs(bench: Bench, images: Path) -> None:
    """Its exit is the function's error; what hangs is killed by the engine."""
    assert bench.fail(image_spec(bench), "exit")["errorMessage"].endswith("exit status 3")
    hanging = bench.fail(image_spec(bench, timeout_seconds=1.0), "sleep")
    assert hanging["errorType"] == "Sandbox.Timedout"


def test_image_that_is_not_there(bench: Bench) -> None:
    """The engine's own words are in the log."""
    spec = image_spec(bench, "absent")
    assert bench.fail(spec)["errorType"] == "Runtime.ExitError"
    assert "Unable to find image" in "".join(bench.log(spec))


def test_without_an_engine(bench: Bench, images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No made-up success: the error says what is missing, whether an engine is silent or absent."""
    images.rename(images.parent / "moved")
    silent = bench.fail(image_spec(bench))
    assert silent["errorType"] == "Runtime.Unavailable" and "does not answer" in silent["errorMessage"]
    monkeypatch.setenv("MRAK_CONTAINER_ENGINE", "no-such-engine")
    absent = bench.fail(image_spec(bench))
    assert "not installed" in absent["errorMessage"]
