"""The composition root: the only module that knows every part, and puts them together."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec

from mrak.config import Settings
from mrak.core.clock import Clock, RealClock
from mrak.core.context import Transaction
from mrak.core.entropy import Entropy, SeededEntropy, SystemEntropy
from mrak.core.record import OperationRecord
from mrak.edge.outgoing import HttpClient
from mrak.engine.environments import Environments
from mrak.engine.function_logs import FunctionLogs
from mrak.engine.invoke import Engine
from mrak.gateway.admin import Admin
from mrak.gateway.messagingpages import MessagingPages
from mrak.gateway.pipeline import Pipeline
from mrak.lambdas.functions import Functions
from mrak.observe.debugging import DebugPages
from mrak.observe.pages import ObservePages
from mrak.observe.pump import Pump

log = logging.getLogger("mrak")


class App:
    """A whole cloud in one process. `start`, then hand requests to `pipeline.handle`, then `close`."""

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self._scratch: tempfile.TemporaryDirectory[str] | None = None
        if settings.memory:
            # Bodies and unpacked code are files even so; they go with the process.
            self._scratch = tempfile.TemporaryDirectory(prefix="mrak-")
            settings = msgspec.structs.replace(settings, data=Path(self._scratch.name))
        self.settings = settings
        clock = clock or RealClock()
        entropy: Entropy = SystemEntropy() if settings.seed is None else SeededEntropy(settings.seed)
        self.engine = Engine(settings, entropy)
        self.environments = Environments(self.engine, settings, clock)
        self.admin = Admin(self.engine, self.environments, clock)
        self.pipeline = Pipeline(self.engine, self.environments, self.admin)
        logs = FunctionLogs(self.engine, self.environments)
        self.functions = Functions(logs, allow_hot_reload=settings.on_loopback)
        self.engine.parts["lambdas"] = self.functions
        self.engine.parts["iam"] = settings.iam
        self.engine.parts["endpoint"] = settings.endpoint
        self.engine.parts["http"] = HttpClient(allow_private=settings.on_loopback)
        self.engine.parts["gateway"] = self.pipeline
        MessagingPages(self.environments).add_to(self.admin)
        self.pump = Pump(self.environments)
        self.pump.writers += [_write_metrics, _write_segments, _write_access_logs]
        self.engine.sinks.append(self.pump.take)
        ObservePages(self.pump, self.environments).add_to(self.admin)
        DebugPages(self.functions, self.environments).add_to(self.admin)

    async def start(self) -> None:
        await self.environments.start()
        self.admin.start()
        self.pump.start()

    async def close(self) -> None:
        await self.functions.close()
        await self.pump.stop()
        await self.environments.close()
        if self._scratch is not None:
            self._scratch.cleanup()


def _write_metrics(tx: Transaction, records: list[OperationRecord]) -> None:
    """The services' own metrics; CloudWatch is loaded with the first of them."""
    from mrak.services.cloudwatch import exports as cloudwatch

    cloudwatch.record_operations(tx, records)


def _write_segments(tx: Transaction, records: list[OperationRecord]) -> None:
    """The services' own part of traces; X-Ray is loaded with the first of them."""
    if any(record.traced for record in records):
        from mrak.services.xray import exports as xray

        xray.record_operations(tx, records)


def _write_access_logs(tx: Transaction, records: list[OperationRecord]) -> None:
    """What buckets log of the requests to them; S3 is loaded with the first."""
    if any(record.service == "s3" for record in records):
        from mrak.services.s3 import exports as s3

        s3.record_requests(tx, records)


async def serve(settings: Settings, announce: Callable[[App], None]) -> None:
    """Runs the server until SIGINT or SIGTERM; `announce` is called once it answers."""
    from mrak.edge.listen import open_port
    from mrak.edge.server import serve as serve_edge

    # First, so that a port in use stops us before we touch the data that its holder may be using.
    listener = open_port(settings.host, settings.port)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    app = App(settings)
    await app.start()
    others: list[asyncio.Task[None]] = []

    def ready() -> None:
        announce(app)
        # What was loaded so far lives as long as the process: the collector need not look at it, now or later.
        gc.freeze()
        gc.enable()
        # Requests leave hardly any cycles: looking for them every 700 objects, as is usual, costs some 5 % of a write.
        gc.set_threshold(20_000, 20, 20)
        others.append(asyncio.create_task(app.environments.start_others()))

    try:
        await serve_edge(
            app.pipeline.handle,
            listener,
            ready=ready,
            stop=stop,
            websocket=app.pipeline.serve_session,
        )
    finally:
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await app.close()
