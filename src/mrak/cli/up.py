"""`mrak up`: start the cloud."""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
import time
from typing import TYPE_CHECKING

from mrak.cli.main import CommandError
from mrak.config import DEFAULT_DATA, DEFAULT_PORT, ConfigError, read_settings

if TYPE_CHECKING:
    from mrak.app import App


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", help="the address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, help=f"the port to listen on (default: {DEFAULT_PORT})")
    parser.add_argument("--data", metavar="DIR", help=f"the folder that keeps everything (default: ./{DEFAULT_DATA})")
    parser.add_argument("--memory", action="store_true", default=None, help="keep nothing")
    parser.add_argument(
        "--durability",
        choices=("power", "process"),
        help="power: a reply survives a power cut (default); process: it survives a crash of mrak",
    )
    parser.add_argument(
        "--access",
        choices=("open", "keys"),
        help="open: unknown keys are the default account, on loopback only (default); keys: only keys made by mrak",
    )
    parser.add_argument(
        "--iam",
        choices=("report", "enforce"),
        help="what becomes of a request for which the role of a function or a state machine lacks the permission: "
        "report: it is done, and the log tells what AWS would refuse (default); enforce: it is refused",
    )
    parser.add_argument("--region", help="the region where a request names none (default: us-east-1)")


def run(options: argparse.Namespace) -> None:
    # Nothing that is made while starting is garbage; `app.serve` switches the collector on again.
    gc.disable()
    from mrak.store.api import StoreError

    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        settings = read_settings(vars(options))
        _run_loop(settings)
    except (ConfigError, StoreError) as error:
        raise CommandError(str(error)) from None
    except OSError as error:
        raise CommandError(error.strerror or str(error)) from None


def _run_loop(settings: object) -> None:
    import uvloop

    from mrak.app import serve

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(settings, announce))  # type: ignore[arg-type]


def announce(app: App) -> None:
    """The few lines that say what runs."""
    settings = app.settings
    data = "in memory; nothing is kept" if settings.memory else str(settings.data.absolute())
    durability = {
        "power": "power (fsync before each reply)",
        "process": "process (survives a crash, not a power cut)",
    }[settings.durability]
    access = {
        "open": "open (any key is the default account, from this machine only)",
        "keys": "keys (only keys made by mrak; see: mrak env list)",
    }[settings.access]
    iam = {
        "report": "report (what roles of functions lack is told here, and let pass)",
        "enforce": "enforce (what roles of functions lack is refused)",
    }[settings.iam]
    lines = [
        f"mrak is up at {settings.endpoint}",
        f"  data        {data}",
        f"  durability  {'none' if settings.memory else durability}",
        f"  access      {access}",
        f"  iam         {iam}",
        f"  ready in    {_since_exec_seconds():.2f} s",
        '  use it      eval "$(mrak use)", then: aws sqs list-queues',
    ]
    print("\n".join(lines), flush=True)


def _since_exec_seconds() -> float:
    """How long ago this process was started, by the kernel's account."""
    try:
        with open(f"/proc/{os.getpid()}/stat") as stat:
            started_ticks = int(stat.read().rpartition(")")[2].split()[19])
    except OSError:
        return time.process_time()
    return time.clock_gettime(time.CLOCK_BOOTTIME) - started_ticks / os.sysconf("SC_CLK_TCK")
