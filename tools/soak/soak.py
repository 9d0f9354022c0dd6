"""Soak an edge: `python tools/soak/soak.py [EDGE...] [--only CHECK] [--quick]`.

Starts tools/soak/app.py under each edge on loopback and runs tools/soak/checks.py against it. Bounded: about two
minutes for each edge. `--quick` takes smaller files, 1,000 connections, and leaves out the time-outs.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import resource
import socket
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import app  # noqa: E402
import checks  # noqa: E402

CHECK_SECONDS = 120


async def main() -> int:
    options = _parse()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        large = Path(folder) / "large"
        size = (64 if options.quick else 512) * checks.MIB
        with large.open("wb") as file:
            for _ in range(size // checks.MIB):
                file.write(b"d" * checks.MIB)
        connections = 1000 if options.quick else min(10_000, hard - 500)
        for edge in options.edges or _installed():
            failures += await _soak(edge, options, large, size, connections)
    return min(failures, 1)


def _installed() -> list[str]:
    """What can be compared here: granian and uvicorn come with the extra `soak`."""
    needs = {"rsgi": "granian", "rsgi-process": "granian", "asgi-uvicorn": "uvicorn"}
    return [edge for edge in app.EDGES if edge not in needs or importlib.util.find_spec(needs[edge])]


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("edges", nargs="*", metavar="EDGE", help=", ".join(app.EDGES))
    parser.add_argument("--only", help="one check, by name")
    parser.add_argument("--quick", action="store_true")
    return parser.parse_args()


async def _soak(edge: str, options: argparse.Namespace, large: Path, size: int, connections: int) -> int:
    port = _free_port()
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "app.py", edge, str(port), cwd=HERE, stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    server = checks.Server(port, process, large, size, connections)
    await _wait_until_up(port)
    up = time.perf_counter() - began
    print(f"\n{edge}: up after {up * 1000:.0f} ms, {server.rss_mib():.1f} MiB in {len(server.pids())} process(es)")
    failures = 0
    try:
        for check in checks.CHECKS:
            name = check.__name__
            if (options.only and options.only != name) or (options.quick and name == "head_timeout"):
                continue
            failures += await _run_check(check, server)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return failures


async def _run_check(check: object, server: checks.Server) -> int:
    name = check.__name__
    try:
        result = await asyncio.wait_for(check(server), CHECK_SECONDS)
    except (checks.Failed, OSError, EOFError, TimeoutError) as error:
        print(f"  FAIL  {name:24} {type(error).__name__}: {error}", flush=True)
        return 1
    print(f"  ok    {name:24} {result}", flush=True)
    return 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def _wait_until_up(port: int) -> None:
    for _ in range(2000):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.005)
        else:
            writer.close()
            return
    raise SystemExit("the server did not come up within 10 s")


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
