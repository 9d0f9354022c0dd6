"""An instance's output: read from its pipe, cut into events as AWS does, and the lines that AWS adds.

Printed text becomes one event for each line; text in a frame (written by the runtimes' loggers) becomes one event,
however many lines it has. https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html
"""

from __future__ import annotations

import datetime
import struct

import msgspec

_MAGIC = b"\xa5\x5a\x00\x03"
_FRAME = struct.Struct(">4sIQ")
LINE_LIMIT_BYTES = 256 * 1024
"""CloudWatch Logs' limit for an event; what is longer is cut into pieces."""
TAIL_LIMIT_BYTES = 4096


class LineCutter:
    """Turns a stream of bytes into log messages. Holds at most one unfinished line."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[str]:
        """All messages that are complete now."""
        data = self._rest + data
        out: list[str] = []
        while True:
            at = data.find(_MAGIC)
            if at < 0:
                self._rest = self._cut_lines(data, out)
                return out
            if at > 0:
                left = self._cut_lines(data[:at], out)
                if left:
                    out.append(_text(left) + "\n")
                data = data[at:]
            if len(data) < _FRAME.size:
                self._rest = data
                return out
            _, size, _ = _FRAME.unpack_from(data)
            size = min(size, LINE_LIMIT_BYTES)
            if len(data) < _FRAME.size + size:
                self._rest = data
                return out
            out.append(_text(data[_FRAME.size : _FRAME.size + size]))
            data = data[_FRAME.size + size :]

    def finish(self) -> list[str]:
        """The unfinished line, if there is one."""
        rest, self._rest = self._rest, b""
        return [_text(rest) + "\n"] if rest else []

    def _cut_lines(self, data: bytes, out: list[str]) -> bytes:
        """Appends complete lines; returns what follows the last line break."""
        lines = data.split(b"\n")
        rest = lines.pop()
        out.extend(_text(line) + "\n" for line in lines)
        while len(rest) >= LINE_LIMIT_BYTES:
            out.append(_text(rest[:LINE_LIMIT_BYTES]))
            rest = rest[LINE_LIMIT_BYTES:]
        return rest


def _text(data: bytes) -> str:
    return data[:LINE_LIMIT_BYTES].decode("utf-8", "replace")


class Report(msgspec.Struct, frozen=True):
    """The figures of one invocation. `status` is "" for success, else `timeout` or `error`."""

    request_id: str
    duration_ms: float
    billed_ms: int
    memory_mb: int
    max_memory_mb: int
    init_ms: float | None = None
    status: str = ""
    error_type: str = ""
    trace: str = ""

    def metrics(self) -> dict[str, object]:
        """Those of AWS's event platform.report."""
        found: dict[str, object] = {
            "durationMs": round(self.duration_ms, 3),
            "billedDurationMs": self.billed_ms,
            "memorySizeMB": self.memory_mb,
            "maxMemoryUsedMB": self.max_memory_mb,
        }
        if self.init_ms is not None:
            found["initDurationMs"] = round(self.init_ms, 3)
        return found


class PlatformText:
    """The lines that AWS adds, in the Text format."""

    def init_start(self, runtime: str, arn: str, name: str, version: str, at: float) -> str:
        return f"INIT_START Runtime Version: {runtime_version(runtime)}\tRuntime Version ARN: {arn}\n"

    def init_report(self, init_ms: float, status: str, error_type: str, at: float) -> str:
        error = f"\tError Type: {error_type}" if error_type else ""
        return f"INIT_REPORT Init Duration: {init_ms:.2f} ms\tPhase: init\tStatus: {status}{error}\n"

    def start(self, request_id: str, version: str, at: float) -> str:
        return f"START RequestId: {request_id} Version: {version}\n"

    def end(self, request_id: str) -> str:
        return f"END RequestId: {request_id}\n"

    def timeout(self, request_id: str, seconds: float, at: float) -> str:
        return f"{render_time(at)} {request_id} Task timed out after {seconds:.2f} seconds\n\n"

    def report(self, report: Report, at: float) -> str:
        parts = [
            f"REPORT RequestId: {report.request_id}",
            f"Duration: {report.duration_ms:.2f} ms",
            f"Billed Duration: {report.billed_ms} ms",
            f"Memory Size: {report.memory_mb} MB",
            f"Max Memory Used: {report.max_memory_mb} MB",
        ]
        if report.init_ms is not None:
            parts.append(f"Init Duration: {report.init_ms:.2f} ms")
        text = "\t".join(parts) + "\t"
        if report.status:
            text += f"Status: {report.status}"
        if report.error_type:
            text += f"\tError Type: {report.error_type}"
        return text + "\n"


class PlatformJson:
    """The same as JSON objects: https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html

    At the level WARN only what failed is told; DEBUG adds nothing to INFO: deviation("LAMBDA-014").
    """

    def __init__(self, level: str) -> None:
        self._tells_all = level != "WARN"

    def init_start(self, runtime: str, arn: str, name: str, version: str, at: float) -> str:
        if not self._tells_all:
            return ""
        record: dict[str, object] = {
            "initializationType": "on-demand",
            "phase": "init",
            "runtimeVersion": runtime_version(runtime),
            "runtimeVersionArn": arn,
            "functionName": name,
            "functionVersion": version,
        }
        return _render_event("platform.initStart", record, at)

    def init_report(self, init_ms: float, status: str, error_type: str, at: float) -> str:
        record: dict[str, object] = {
            "initializationType": "on-demand",
            "phase": "init",
            "status": status,
            "metrics": {"durationMs": round(init_ms, 3)},
        }
        if error_type:
            record["errorType"] = error_type
        return _render_event("platform.initReport", record, at)

    def start(self, request_id: str, version: str, at: float) -> str:
        if not self._tells_all:
            return ""
        return _render_event("platform.start", {"requestId": request_id, "version": version}, at)

    def end(self, request_id: str) -> str:
        return ""

    def timeout(self, request_id: str, seconds: float, at: float) -> str:
        return ""

    def report(self, report: Report, at: float) -> str:
        if not self._tells_all and not report.status:
            return ""
        record: dict[str, object] = {
            "requestId": report.request_id,
            "metrics": report.metrics(),
            "status": report.status or "success",
        }
        if report.error_type:
            record["errorType"] = report.error_type
        return _render_event("platform.report", record, at)


def platform_lines(log_format: str, level: str) -> PlatformText | PlatformJson:
    return PlatformJson(level) if log_format == "JSON" else PlatformText()


def render_time(at: float) -> str:
    moment = datetime.datetime.fromtimestamp(at, datetime.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def _render_event(kind: str, record: dict[str, object], at: float) -> str:
    return msgspec.json.encode({"time": render_time(at), "type": kind, "record": record}).decode() + "\n"


def runtime_version(runtime: str) -> str:
    """`python3.12` is written `python:3.12`."""
    letters = runtime.rstrip("0123456789.x")
    version = runtime[len(letters) :].removesuffix(".x")
    return f"{letters}:{version}" if version else runtime
