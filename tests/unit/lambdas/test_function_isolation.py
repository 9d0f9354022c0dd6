"""A function can neither look into the server or other functions nor take them down."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.lambdas.function_bench import Bench

from mrak.lambdas.capabilities import probe_isolation

ISOLATION = probe_isolation()
needs_namespaces = pytest.mark.skipif(ISOLATION != "namespaces", reason="this kernel allows no namespaces here")
ECHO = "def handler(event, context):\n    return event\n"


@needs_namespaces
def test_a_function_sees_only_its_own_files(bench: Bench, tmp_path: Path) -> None:
    """The server's data folder and other functions' code do not exist for it; its own code is read-only."""
    secret = tmp_path / "secret"
    secret.write_text("s")
    other = bench.write(app_py=ECHO)
    spec = bench.python(
        """
        import os
        def attempt(path, mode="r"):
            try:
                return open(path, mode) and "open"
            except OSError as error:
                return type(error).__name__
        def handler(event, context):
            return {
                "secret": attempt(event["secret"]), "other": attempt(event["other"]),
                "own": attempt("/var/task/app.py"), "write": attempt("/var/task/new", "w"),
                "system": attempt("/usr/new", "w"), "tmp": attempt("/tmp/new", "w"), "uid": os.getuid(),
                "processes": [p for p in os.listdir("/proc") if p.isdigit()] if os.path.isdir("/proc") else ["1"],
            }
        """
    )
    seen = bench.ask(spec, {"secret": str(secret), "other": f"{other}/app.py"})
    assert seen["secret"] == seen["other"] == "FileNotFoundError"
    assert (seen["own"], seen["tmp"]) == ("open", "open")
    assert seen["write"] == seen["system"] == "OSError"
    assert seen["processes"] == ["1"]
    assert seen["uid"] != 0 or os.getuid() != 0


@needs_namespaces
def test_the_first_process_keeps_its_environment(bench: Bench) -> None:
    """LAMBDA-011: AWS shows a function's own variables there. A Python function is a fork: what its first process was
    started with is of no use to it, and at most tells where programs are."""
    spec = bench.python(
        """
        def handler(event, context):
            try:
                return open("/proc/1/environ").read().split(chr(0))
            except OSError:
                return []
        """
    )
    names = {pair.partition("=")[0] for pair in bench.ask(spec) if pair}
    assert names <= {"PATH", "LANG", "LC_ALL", "TZ", "HOME"}


@needs_namespaces
def test_tmp_is_private_and_limited(bench: Bench) -> None:
    """A full /tmp is the function's own trouble: ENOSPC at the configured size, and nobody else's files."""
    spec = bench.python(
        """
        import os
        def handler(event, context):
            before = os.listdir("/tmp")
            try:
                with open("/tmp/big", "wb") as file:
                    while True:
                        file.write(bytes(1 << 20))
            except OSError as error:
                return [before, error.errno, os.path.getsize("/tmp/big") >> 20]
        """,
        ephemeral_mb=8,
    )
    # What mrak itself is made of is seen read-only where it lives, which may be below /tmp.
    own = sorted({Path(folder).parts[2] for folder in (sys.prefix, __file__) if folder.startswith("/tmp/")})
    before, error, size_mb = bench.ask(spec)
    assert (sorted(before), error, size_mb) == (own, 28, 8)
    listing = bench.ask(bench.python("import os\ndef handler(e, c):\n    return os.listdir('/tmp')\n"))
    assert sorted(listing) == own


@pytest.mark.skipif(ISOLATION == "none", reason="without isolation processes are not counted")
def test_a_fork_bomb_hurts_only_itself(bench: Bench) -> None:
    """The bomb meets its limit, is killed at its time-out with all that it made, and others run on."""
    spec = bench.python(
        """
        import os, time
        def handler(event, context):
            while True:
                try:
                    if os.fork() == 0:
                        time.sleep(60)
                except OSError:
                    time.sleep(0.05)
        """,
        timeout_seconds=1.0,
        memory_mb=3008,
    )
    bomb = bench.supervisor.invoke(spec, bench.invocation())
    other = bench.python(ECHO)

    async def both() -> tuple[bytes, bytes]:
        task = asyncio.ensure_future(bomb)
        answer = await bench.supervisor.invoke(other, bench.invocation(7))
        return (await task).payload, answer.payload

    bombed, answer = bench.loop.run_until_complete(both())
    assert answer == b"7"
    assert json.loads(bombed)["errorType"] in ("Sandbox.Timedout", "Runtime.ExitError")


def test_an_endless_log_hurts_only_itself(bench: Bench) -> None:
    """Output without end is read in bursts: another function still answers at once."""
    spec = bench.python(
        "def handler(event, context):\n    while True:\n        print('x' * 1000)\n", timeout_seconds=0.5
    )
    other = bench.python(ECHO)

    async def both() -> bytes:
        task = asyncio.ensure_future(bench.supervisor.invoke(spec, bench.invocation()))
        answers = [await bench.supervisor.invoke(other, bench.invocation(n)) for n in range(20)]
        await task
        return answers[-1].payload

    assert bench.loop.run_until_complete(both()) == b"19"


def test_children_end_with_their_instance(bench: Bench, tmp_path: Path) -> None:
    """A process that a function leaves behind must not outlive its instance."""
    nap = 1_000_000 + os.getpid()  # other runs of this test may look for their own
    spec = bench.python(
        f"""
        import os, subprocess, sys, time
        def handler(event, context):
            subprocess.Popen(["/bin/sleep", "{nap}"])
            time.sleep(60)
        """,
        timeout_seconds=0.3,
    )
    bench.fail(spec)
    deadline = time.monotonic() + 5
    while subprocess.run(["pgrep", "-f", f"sleep {nap}"], capture_output=True).stdout:
        assert time.monotonic() < deadline, "the child still runs"
        bench.loop.run_until_complete(asyncio.sleep(0.02))


def test_a_killed_spawner_is_replaced(bench: Bench) -> None:
    """Whatever ends the parent of all instances ends them, too; the calls under way say so, and the next one works."""
    slow = bench.python("import time\ndef handler(event, context):\n    time.sleep(60)\n", timeout_seconds=50)

    async def kill_meanwhile() -> bytes:
        task = asyncio.ensure_future(bench.supervisor.invoke(slow, bench.invocation()))
        while "busy" not in bench.supervisor.pool.counts():
            await asyncio.sleep(0.01)
        sandbox = bench.supervisor._sandbox
        assert sandbox is not None
        for spawner in sandbox._spawners.values():
            spawner.process.kill()
        return (await task).payload

    error = json.loads(bench.loop.run_until_complete(kill_meanwhile()))
    assert error["errorType"] == "Runtime.ExitError" and error["errorMessage"].endswith("signal: killed")
    assert bench.ask(bench.python(ECHO), 5) == 5


def test_instances_die_with_a_killed_server(tmp_path: Path) -> None:
    """kill -9 of the server leaves no process behind."""
    tmp_path.chmod(0o755)  # functions run as another user
    (tmp_path / "app.py").write_text("import time\ndef handler(e, c):\n    print(c)\n    time.sleep(99)\n")
    program = f"""
        import asyncio, sys
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from function_bench import Bench
        from pathlib import Path
        bench = Bench(Path({str(tmp_path)!r}))
        spec = bench.spec({str(tmp_path)!r}, timeout_seconds=90)
        async def main():
            task = asyncio.ensure_future(bench.supervisor.invoke(spec, bench.invocation()))
            while not bench.supervisor.pool.running_on(1):
                await asyncio.sleep(0.01)
            instance = bench.supervisor._instances[1]
            print(instance.process.pid, bench.supervisor._sandbox._of_instance[1].process.pid, flush=True)
            await task
        bench.loop.run_until_complete(main())
    """
    server = subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    pids = [int(word) for word in server.stdout.readline().split()]
    assert len(pids) == 2
    server.send_signal(signal.SIGKILL)
    server.wait()
    server.stdout.close()
    deadline = time.monotonic() + 5
    while any(_runs(pid) for pid in pids):
        assert time.monotonic() < deadline, "it outlived the server"
        time.sleep(0.02)


def _runs(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture(params=["uid", "none"])
def weaker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    if request.param == "uid" and (os.getuid() != 0 or not os.access(sys.executable, os.X_OK)):
        pytest.skip("only root can change users")
    tmp_path.chmod(0o755)
    bench = Bench(tmp_path / "f", isolation=request.param)
    yield bench
    bench.close()


def test_weaker_isolation_still_runs_functions(weaker: Bench) -> None:
    """Machines without namespaces run functions too: from their real folders, with a temporary folder each."""
    code = """
        import os, tempfile
        def handler(event, context):
            with tempfile.NamedTemporaryFile() as file:
                folder = os.path.dirname(file.name)
            return [folder == os.environ["TMPDIR"], os.getcwd() == os.environ["LAMBDA_TASK_ROOT"], event]
        """
    assert weaker.ask(weaker.python(code), 5) == [True, True, 5]
    error = weaker.fail(weaker.python("def handler(e, c):\n    raise SystemExit(3)\n"))
    assert error["errorType"] == "Runtime.ExitError"
