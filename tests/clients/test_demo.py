"""The README's first application, deployed and called with the real `aws` command line: nothing is mocked."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

DEMO = Path(__file__).resolve().parents[2] / "examples" / "hello" / "demo.sh"


@pytest.mark.skipif(shutil.which("node") is None, reason="the greeter is a Node.js function: install Node.js")
@pytest.mark.timeout(300)
def test_the_hello_application(fresh_sandbox: Any) -> None:
    """Two functions behind an HTTP API, a third fed by a queue, and its log lines, in a sandbox of their own."""
    ended = subprocess.run(
        ["bash", str(DEMO)], env=fresh_sandbox.environ, capture_output=True, text=True, timeout=240, check=False
    )
    said = ended.stdout + ended.stderr
    assert ended.returncode == 0, said
    assert "GET /        success" in said
    assert "hello, cloud" in said.partition("== its log")[2], "the worker's line is not in the log"


def test_the_demo_needs_no_docker() -> None:
    """No step of the demo calls an engine."""
    assert "docker" not in DEMO.read_text()
    assert os.access(DEMO, os.X_OK)
