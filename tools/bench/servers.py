"""The servers under measure: mrak as a user starts it, and an empty handler under the same HTTP server."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
START_SECONDS = 20


class Started:
    """A server process and its children."""

    def __init__(self, command: list[str], probe: bytes) -> None:
        self.host, self.port = "127.0.0.1", free_port()
        self._log = (ROOT / "bench-results").joinpath("mrak.log" if command[0] == "-m" else "empty.log")
        self._log.parent.mkdir(exist_ok=True)
        words = [word.replace("{port}", str(self.port)) for word in command]
        began = time.perf_counter()
        with self._log.open("ab") as log:
            self.process = subprocess.Popen([sys.executable, *words], cwd=ROOT, stdout=log, stderr=log)
        self.ready_seconds = self._wait(probe, began)

    def __enter__(self) -> Started:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    @property
    def endpoint(self) -> str:
        return f"http://{self.host}:{self.port}"

    def resident_mib(self) -> float:
        """Over the process and everything it started."""
        return sum(_memory_kib(pid) for pid in self._pids()) / 1024

    def own_mib(self) -> float:
        """Of the server alone, without the instances of functions that earlier scenarios have left warm."""
        return _memory_kib(self.process.pid) / 1024

    def processes(self) -> int:
        return len(self._pids())

    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def _pids(self) -> list[int]:
        found = [self.process.pid]
        for pid in found:
            for task in Path(f"/proc/{pid}/task").glob("*/children"):
                found += [int(child) for child in task.read_text().split()]
        return found

    def _wait(self, probe: bytes, began: float) -> float:
        """Seconds from exec to the first successful call."""
        probe = probe.replace(b"{port}", str(self.port).encode())
        while time.perf_counter() - began < START_SECONDS:
            if self.process.poll() is not None:
                break
            if _answers(self.host, self.port, probe):
                return time.perf_counter() - began
            time.sleep(0.002)
        self.process.kill()
        raise SystemExit(f"the server did not answer; its output is in {self._log}")


def start_mrak(data: Path, durability: str = "power", port_probe: bytes = b"") -> Started:
    command = ["-m", "mrak", "up", "--port", "{port}", "--data", str(data), "--durability", durability]
    return Started(command, port_probe or HEALTH)


def start_empty() -> Started:
    return Started([str(HERE / "empty.py"), "{port}"], HEALTH)


def start_least(file: Path, durability: str) -> Started:
    return Started([str(HERE / "least.py"), "{port}", str(file), durability], HEALTH)


HEALTH = b"GET /_localstack/health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(host: str, port: int, probe: bytes) -> bool:
    try:
        with socket.create_connection((host, port), 5) as connection:
            connection.sendall(probe)
            return connection.recv(12).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


def _memory_kib(pid: int) -> int:
    """All that is resident. What several processes share counts for each: never less than it is."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1])
    return 0
