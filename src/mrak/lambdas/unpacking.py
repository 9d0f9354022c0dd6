"""Deployment packages: checked before anything is written, then unpacked into a folder of their own.

A zip is untrusted: names that lead out of the folder, links, devices, and sizes beyond AWS's limit are refused. What
was unpacked is a cache, named by the package's id, in a temporary folder that ends with the process.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import stat
import subprocess
import tempfile
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from typing import BinaryIO

from mrak.config import inherited_environ

UNZIPPED_LIMIT_BYTES = 262_144_000
_MOST_ENTRIES = 100_000
_WORK_FOLDER = re.compile(r"mrak-lambda-(\d+)-\w+")
_COPY_BYTES = 1 << 20


class BadPackage(Exception):
    """A zip that is none, or that would do harm."""


class PackageTooLarge(Exception):
    """More than AWS's limit once unpacked."""


def make_work_folder() -> str:
    """A temporary folder of this process; those of processes that were killed are removed."""
    parent = tempfile.gettempdir()
    left = []
    for name in os.listdir(parent):
        found = _WORK_FOLDER.fullmatch(name)
        if found and not os.path.exists(f"/proc/{found[1]}") and os.path.isdir("/proc/self"):
            left.append(os.path.join(parent, name))
    discard(left)
    folder = tempfile.mkdtemp(prefix=f"mrak-lambda-{os.getpid()}-")
    os.chmod(folder, 0o711)  # functions run as other users: they may pass, and must know a name to enter
    return folder


def discard(folders: list[str]) -> None:
    """Removes folders, however large, without anybody waiting for it: by a process that may outlive this one, so that
    a server with many packages stops at once. What it does not finish goes when the next server needs a folder."""
    if folders:
        removing = subprocess.Popen(
            ["rm", "-rf", "--", *folders],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env=inherited_environ(),
        )
        threading.Thread(target=removing.wait, daemon=True).start()


def check_package(file: BinaryIO) -> int:
    """The unpacked size of a zip that is safe to unpack; raises BadPackage or PackageTooLarge."""
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise BadPackage(str(error)) from None
    if len(entries) > _MOST_ENTRIES:
        raise PackageTooLarge
    total = 0
    for entry in entries:
        _check_entry(entry)
        total += entry.file_size
    if total > UNZIPPED_LIMIT_BYTES:
        raise PackageTooLarge
    return total


def _check_entry(entry: zipfile.ZipInfo) -> None:
    name = entry.filename.replace("\\", "/")
    if name.startswith("/") or ".." in name.split("/") or "\x00" in name:
        raise BadPackage(f"{entry.filename!r} leads out of the package")
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK):
        raise BadPackage(f"{entry.filename!r} is neither file nor folder")
    if entry.flag_bits & 1:
        raise BadPackage(f"{entry.filename!r} is encrypted")


def unpack(package: str, target: str) -> None:
    """Unpacks a checked zip: all readable, executable where the zip says so; links only within the package."""
    written = 0
    with zipfile.ZipFile(package) as archive:
        for entry in archive.infolist():
            _check_entry(entry)
            path = os.path.join(target, entry.filename)
            mode = entry.external_attr >> 16
            if entry.is_dir():
                os.makedirs(path, exist_ok=True)
            elif stat.S_ISLNK(mode):
                _link(archive, entry, path, target)
            else:
                written += _write(archive, entry, path, UNZIPPED_LIMIT_BYTES - written)
                os.chmod(path, 0o755 if mode & 0o111 or not mode else 0o644)


def _write(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: str, allowed_bytes: int) -> int:
    """The size that a zip states may be a lie: what is written is counted."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    written = 0
    with archive.open(entry) as source, open(path, "wb") as file:
        while chunk := source.read(_COPY_BYTES):
            written += len(chunk)
            if written > allowed_bytes:
                raise PackageTooLarge
            file.write(chunk)
    return written


def _link(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: str, root: str) -> None:
    destination = archive.read(entry).decode("utf-8", "replace")[:4096]
    resolved = os.path.normpath(os.path.join(os.path.dirname(path), destination))
    if os.path.isabs(destination) or not resolved.startswith(os.path.normpath(root) + os.sep):
        raise BadPackage(f"{entry.filename!r} links out of the package")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    os.symlink(destination, path)


class Packages:
    """Unpacked packages by id. Two askers of one package share the work."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="unpack")
        self._ready: dict[str, asyncio.Future[str]] = {}

    async def unpacked(self, package_id: str, zip_path: str) -> str:
        """The folder with the package's content."""
        future = self._ready.get(package_id)
        if future is None:
            loop = asyncio.get_running_loop()
            future = self._ready[package_id] = asyncio.ensure_future(
                loop.run_in_executor(self._threads, self._unpack, package_id, zip_path)
            )
            future.add_done_callback(lambda done: self._forget_failure(package_id, done))
        return await asyncio.shield(future)

    def _forget_failure(self, package_id: str, done: asyncio.Future[str]) -> None:
        if done.cancelled() or done.exception() is not None:
            self._ready.pop(package_id, None)

    def _unpack(self, package_id: str, zip_path: str) -> str:
        target = os.path.join(self._folder, package_id)
        partial = tempfile.mkdtemp(dir=self._folder)
        try:
            unpack(zip_path, partial)
            os.chmod(partial, 0o755)
            os.rename(partial, target)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        return target

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
