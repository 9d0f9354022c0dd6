"""Bodies too large for a row, as immutable files.

Write to a temporary file while hashing elsewhere, fsync, rename, then commit a row that refers to the blob's id. A
crash between leaves an orphan, never a reference without its file; `sweep` removes orphans. Ids are ours, random, and
name the file: no name from outside ever becomes a path.
"""

from __future__ import annotations

import asyncio
import errno
import os
import re
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

_ID = re.compile(r"[0-9a-f]{32}")
_threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="blobs")


class BlobStore:
    """The blob tree of one environment: `root/ab/abcdef...`; `root/new/` holds what is being written."""

    def __init__(self, root: Path, new_id: Callable[[], str], *, fsync: bool) -> None:
        self._root = root
        self._new_id = new_id
        self._fsync = fsync
        self._writing: set[str] = set()

    def writer(self) -> BlobWriter:
        """A new blob; use as `async with blobs.writer() as blob`."""
        return BlobWriter(self, self._new_id(), fsync=self._fsync)

    async def duplicate(self, blob_id: str) -> BlobWriter:
        """A writer of a new blob that has the content of another already: the same bytes on disk, linked twice (blobs
        never change), or copied where the file system can't."""
        writer = self.writer()
        await asyncio.get_running_loop().run_in_executor(_threads, writer.take_over, Path(self.path(blob_id)))
        return writer

    def path(self, blob_id: str) -> str:
        assert _ID.fullmatch(blob_id), f"not a blob id: {blob_id!r}"
        return str(self._root / blob_id[:2] / blob_id)

    def discard(self, blob_id: str) -> None:
        """Removes a blob that no row refers to any more. Downloads under way keep their open file."""
        Path(self.path(blob_id)).unlink(missing_ok=True)

    def is_writing(self, blob_id: str) -> bool:
        return blob_id in self._writing

    def begin(self, blob_id: str) -> Path:
        new = self._root / "new"
        new.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._writing.add(blob_id)
        return new / blob_id

    def end(self, blob_id: str) -> None:
        self._writing.discard(blob_id)

    def clear_unfinished(self) -> None:
        """Removes what a crash left half-written; called once at start."""
        shutil.rmtree(self._root / "new", ignore_errors=True)


class BlobWriter:
    """A blob being written. Nothing of it is kept unless `finish` returned."""

    def __init__(self, blobs: BlobStore, blob_id: str, *, fsync: bool) -> None:
        self.id = blob_id
        self.size_bytes = 0
        self._blobs = blobs
        self._temporary = blobs.begin(blob_id)
        self._final = Path(blobs.path(blob_id))
        self._fsync = fsync
        self._file = open(self._temporary, "xb", buffering=0)  # noqa: SIM115
        self._finished = False

    async def __aenter__(self) -> BlobWriter:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._file.close()
        if not self._finished:
            self._temporary.unlink(missing_ok=True)
        self._blobs.end(self.id)

    async def write(self, chunk: bytes, *digests: Callable[[bytes], object]) -> None:
        """Appends a chunk and feeds it to the digests, each in a thread of its own beside the event loop."""
        run = asyncio.get_running_loop().run_in_executor
        jobs: list[asyncio.Future[object]] = [run(_threads, job, chunk) for job in (self._write, *digests)]
        try:
            await asyncio.wait(jobs)
        finally:
            # Also where one fails or the caller is cancelled, none may be at work afterwards.
            pending = [job for job in jobs if not job.done()]
            if pending:
                await asyncio.wait(pending)
        for job in jobs:
            job.result()

    def take_over(self, source: Path) -> None:
        """Makes the blob a twin of a finished one."""
        self._temporary.unlink()
        try:
            self._temporary.hardlink_to(source)
        except OSError as error:
            if error.errno not in (errno.EMLINK, errno.EPERM, errno.ENOTSUP, errno.EXDEV):
                raise
            shutil.copyfile(source, self._temporary)
        self._file.close()
        self._file = open(self._temporary, "rb+", buffering=0)  # noqa: SIM115
        self.size_bytes = os.fstat(self._file.fileno()).st_size

    async def finish(self) -> str:
        """Makes the blob durable under its id, and returns that. It is an orphan until a row refers to it."""
        await asyncio.get_running_loop().run_in_executor(_threads, self._finish)
        return self.id

    def _write(self, chunk: bytes) -> None:
        view = memoryview(chunk)
        while view:
            view = view[self._file.write(view) :]
        self.size_bytes += len(chunk)

    def _finish(self) -> None:
        if self._fsync:
            os.fsync(self._file.fileno())
        self._final.parent.mkdir(exist_ok=True, mode=0o700)
        self._temporary.rename(self._final)
        if self._fsync:
            _sync_folder(self._final.parent)
        self._finished = True


def _sync_folder(folder: Path) -> None:
    """A rename is durable once its folder is."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
