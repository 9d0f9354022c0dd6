"""Packages are untrusted: what a zip may hold, and what it may not do to this machine."""

from __future__ import annotations

import asyncio
import io
import os
import stat
import time
import zipfile
from pathlib import Path

import pytest

from mrak.lambdas import unpacking
from mrak.lambdas.unpacking import BadPackage, Packages, PackageTooLarge, check_package, discard, unpack


def package(path: Path, *entries: tuple[str, int, bytes]) -> str:
    """A zip of (name, mode, content)."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, mode, content in entries:
            entry = zipfile.ZipInfo(name)
            entry.external_attr = mode << 16
            archive.writestr(entry, content)
    return str(path)


FILE, PROGRAM, LINK = stat.S_IFREG | 0o600, stat.S_IFREG | 0o700, stat.S_IFLNK | 0o777


def test_files_are_readable_and_programs_executable(tmp_path: Path) -> None:
    """Functions run as another user; a zip made with a strict umask must work all the same."""
    source = package(tmp_path / "z", ("a/b.py", FILE, b"x"), ("bootstrap", PROGRAM, b"y"), ("link", LINK, b"a/b.py"))
    unpack(source, str(tmp_path / "out"))
    modes = {name: stat.S_IMODE(os.stat(tmp_path / "out" / name).st_mode) for name in ("a/b.py", "bootstrap")}
    assert modes == {"a/b.py": 0o644, "bootstrap": 0o755}
    assert os.readlink(tmp_path / "out" / "link") == "a/b.py"


@pytest.mark.parametrize("name", ["../x", "/x", "a/../../x", "..\\x"])
def test_names_that_lead_out_are_refused(tmp_path: Path, name: str) -> None:
    """Zip slip."""
    with open(package(tmp_path / "z", (name, FILE, b"x")), "rb") as file, pytest.raises(BadPackage):
        check_package(file)


@pytest.mark.parametrize("target", [b"/etc/passwd", b"../outside"])
def test_links_that_lead_out_are_refused(tmp_path: Path, target: bytes) -> None:
    """A link out of the package would let a later entry be written through it."""
    with pytest.raises(BadPackage):
        unpack(package(tmp_path / "z", ("link", LINK, target)), str(tmp_path / "out"))


def test_devices_are_refused(tmp_path: Path) -> None:
    with open(package(tmp_path / "z", ("dev", stat.S_IFBLK | 0o600, b"")), "rb") as file, pytest.raises(BadPackage):
        check_package(file)


def test_size_that_lies_is_found_while_writing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The directory of a zip can state any size; what comes out is counted."""
    monkeypatch.setattr(unpacking, "UNZIPPED_LIMIT_BYTES", 1000)
    with pytest.raises(PackageTooLarge):
        unpack(package(tmp_path / "z", ("a", FILE, bytes(600)), ("b", FILE, bytes(600))), str(tmp_path / "out"))
    with open(tmp_path / "z", "rb") as file, pytest.raises(PackageTooLarge):
        check_package(file)


def test_garbage_is_refused() -> None:
    for content in (b"", b"no zip", b"PK\x05\x06" + bytes(10)):
        with pytest.raises(BadPackage):
            check_package(io.BytesIO(content))


def test_a_package_is_unpacked_once(tmp_path: Path) -> None:
    """A burst of first calls shares the work, and a failure is tried again."""
    source = package(tmp_path / "z", ("a", FILE, b"x"))
    packages = Packages(str(tmp_path))

    async def burst() -> set[str]:
        return set(await asyncio.gather(*(packages.unpacked("id", source) for _ in range(5))))

    assert asyncio.run(burst()) == {str(tmp_path / "id")}

    async def fail_then_succeed() -> str:
        with pytest.raises(FileNotFoundError):
            await packages.unpacked("other", str(tmp_path / "absent"))
        return await packages.unpacked("other", source)

    assert asyncio.run(fail_then_succeed()) == str(tmp_path / "other")
    packages.close()


def test_folders_are_removed_behind_our_back(tmp_path: Path) -> None:
    """A server that stops must not wait for its packages to be deleted; they must be gone nevertheless."""
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        (folder / "deep").mkdir(parents=True)
        (folder / "deep" / "file").write_text("x")
    discard([str(folder) for folder in folders])
    deadline = time.monotonic() + 20
    while any(folder.exists() for folder in folders):
        assert time.monotonic() < deadline
        time.sleep(0.01)
