"""A supervisor with real processes, and functions written on the spot."""

from __future__ import annotations

import asyncio
import json
import textwrap
import uuid
from pathlib import Path
from typing import Any

from mrak.core.functions import FunctionSpec, Invocation, LogEvent, Outcome
from mrak.core.scope import Scope
from mrak.lambdas.supervisor import Supervisor


class Bench:
    """Writes functions into folders, calls them, and remembers what they logged."""

    def __init__(self, folder: Path, isolation: str = "auto") -> None:
        self.folder = folder
        self.loop = asyncio.new_event_loop()
        self.lines: dict[str, list[str]] = {}
        self.supervisor = Supervisor(self._sink, isolation=isolation)

    def _sink(self, spec: FunctionSpec, stream: str, events: list[LogEvent]) -> None:
        self.lines.setdefault(spec.name, []).extend(message for _, message in events)

    def write(self, **files: str) -> str:
        """A code folder; keyword `app_py` is the file app.py."""
        folder = self.folder / uuid.uuid4().hex
        folder.mkdir(parents=True)
        for name, text in files.items():
            stem, _, suffix = name.rpartition("_")
            path = folder / (f"{stem}.{suffix}" if stem else suffix)
            path.write_text(textwrap.dedent(text))
            path.chmod(0o755)
        folder.chmod(0o755)
        return str(folder)

    def spec(
        self, code_dir: str, handler: str = "app.handler", runtime: str = "python3.11", **more: Any
    ) -> FunctionSpec:
        name = more.pop("name", f"f-{uuid.uuid4().hex[:8]}")
        fields = {
            "arn": f"arn:aws:lambda:us-east-1:000000000000:function:{name}",
            "version": "$LATEST",
            "name": name,
            "scope": Scope("default", "000000000000", "us-east-1"),
            "endpoint_url": "http://127.0.0.1:1",
            "memory_mb": 256,
        }
        return FunctionSpec(code_dir=code_dir, handler=handler, runtime=runtime, **{**fields, **more})

    def python(self, code: str, **more: Any) -> FunctionSpec:
        return self.spec(self.write(app_py=code), **more)

    def node(self, code: str, **more: Any) -> FunctionSpec:
        return self.spec(self.write(index_js=code), **{"handler": "index.handler", "runtime": "nodejs20.x", **more})

    def invocation(self, event: Any = None, **more: Any) -> Invocation:
        return Invocation(
            request_id=str(uuid.uuid4()),
            payload=json.dumps(event).encode(),
            invoked_arn="arn:aws:lambda:us-east-1:000000000000:function:f",
            credentials=lambda: ("AKIDEXAMPLE", "secret", "token"),
            **more,
        )

    def run(self, spec: FunctionSpec, event: Any = None, **more: Any) -> Outcome:
        return self.loop.run_until_complete(self.supervisor.invoke(spec, self.invocation(event, **more)))

    def ask(self, spec: FunctionSpec, event: Any = None) -> Any:
        """The decoded answer of a call that must succeed."""
        outcome = self.run(spec, event)
        assert outcome.function_error is None, outcome.payload
        return json.loads(outcome.payload)

    def fail(self, spec: FunctionSpec, event: Any = None) -> dict[str, Any]:
        """The decoded error of a call that must fail."""
        outcome = self.run(spec, event)
        assert outcome.function_error == "Unhandled", outcome.payload
        return json.loads(outcome.payload)

    def log(self, spec: FunctionSpec) -> list[str]:
        self.loop.run_until_complete(self.supervisor.flush_logs())
        return self.lines.get(spec.name, [])

    def wait_for_log(self, spec: FunctionSpec, text: str) -> None:
        """Until a line with this text has arrived."""
        deadline = self.loop.time() + 10
        while text not in "".join(self.log(spec)):
            assert self.loop.time() < deadline, self.log(spec)
            self.loop.run_until_complete(asyncio.sleep(0.01))

    def close(self) -> None:
        self.loop.run_until_complete(self.supervisor.close())
        self.loop.close()
