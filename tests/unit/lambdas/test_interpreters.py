"""Which program runs which runtime, and where Node.js finds the AWS SDK."""

from __future__ import annotations

from pathlib import Path

import pytest

from mrak.lambdas import interpreters
from mrak.lambdas.interpreters import Interpreter, NoInterpreter, choose, find_node_modules


def python(minor: int) -> Interpreter:
    return Interpreter("python", f"3.{minor}", f"/p{minor}", "/")


def test_nearest_version_with_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exact first; between two that are as near, the newer one."""
    monkeypatch.setattr(interpreters, "pythons", lambda: {9: python(9), 11: python(11)})
    choose.cache_clear()
    assert choose("python3.11").warning == ""
    found = choose("python3.10")
    assert found.interpreter == python(11)
    assert found.warning == "Python 3.10 is not installed here; running on Python 3.11"
    choose.cache_clear()


def test_without_node_the_message_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpreters, "nodes", dict)
    choose.cache_clear()
    with pytest.raises(NoInterpreter, match="install it from"):
        choose("nodejs22.x")
    choose.cache_clear()


@pytest.mark.parametrize("runtime", ["dotnet8", "go1.x", "python2.7", ""])
def test_runtimes_that_cannot_run_here(runtime: str) -> None:
    with pytest.raises(NoInterpreter):
        choose(runtime)


def test_custom_runtimes_need_no_interpreter() -> None:
    assert choose("provided.al2023").interpreter is None


def test_global_modules_serve_only_with_the_sdk_in_them(tmp_path: Path) -> None:
    """AWS's runtime brings the SDK; here a global installation does, and other global modules alone do not."""
    node = Interpreter("nodejs", "22.0.0", str(tmp_path / "bin" / "node"), str(tmp_path))
    modules = tmp_path / "lib" / "node_modules"
    (modules / "npm").mkdir(parents=True)
    assert find_node_modules(node) == ""
    (modules / "@aws-sdk" / "client-sqs").mkdir(parents=True)
    assert find_node_modules(node) == str(modules)
