"""mrak's runtime for Java functions: its sources stand in `runtimes/java`, and are compiled by the development kit that
runs them, once in the life of a server."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from mrak.config import inherited_environ
from mrak.lambdas.interpreters import Interpreter, NoInterpreter

_COMPILE_SECONDS = 120


def compile_java(interpreter: Interpreter, sources: str, target: str) -> None:
    """Makes `target`, whole or not at all."""
    partial = tempfile.mkdtemp(dir=os.path.dirname(target))
    compiler = os.path.join(os.path.dirname(interpreter.path), "javac")
    files = sorted(str(path) for path in Path(sources).rglob("*.java"))
    ended = subprocess.run(
        [compiler, "-nowarn", "-encoding", "UTF-8", "-d", partial, *files],
        capture_output=True,
        text=True,
        timeout=_COMPILE_SECONDS,
        check=False,
        env=inherited_environ(),
    )
    if ended.returncode != 0:
        shutil.rmtree(partial)
        raise NoInterpreter(f"Java {interpreter.version} cannot compile mrak's runtime: {ended.stderr[-2000:]}")
    for folder, _, _ in os.walk(partial):
        os.chmod(folder, 0o755)
    os.rename(partial, target)
