"""kill -9 at any moment: objects are whole, old or new, multipart uploads complete or don't, and no file is lost.

Fifteen kills of a server under load; CRASH_KILLS changes that.
"""

from __future__ import annotations

import hashlib
import os
import random
import re
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import start_server
from tests.crash.harness import Client, authorization, torture

KILLS = int(os.environ.get("CRASH_KILLS", "15"))
BUCKET = "/crash-objects"
SIZES = (0, 900, 9_000, 90_000)
PART_BYTES = 5 << 20
# Longer than anything waits that is to be removed.
DAYS_SECONDS = 5 * 86_400


class ObjectWorkload:
    """Writes, overwrites, copies, uploads in parts and deletes keys; each thread has keys of its own."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.threads = 0
        self.own = threading.local()
        # The bodies that each key may have: more than one where nobody answered; None stands for a key without one.
        self.allowed: dict[str, set[bytes | None]] = {}
        self.completed = 0

    def prepare(self, client: Client) -> None:
        self._ask(client, "PUT", "")

    def step(self, client: Client, chance: random.Random) -> None:
        if not hasattr(self.own, "name"):
            with self.lock:
                self.threads += 1
                self.own.name = f"t{self.threads}"
        name = f"{self.own.name}-{chance.randrange(12)}"
        action = chance.random()
        if action < 0.5:
            body = self._body(chance)
            self._change(name, body, lambda: self._ask(client, "PUT", name, body))
        elif action < 0.7:
            self._change(name, None, lambda: self._ask(client, "DELETE", name))
        elif action < 0.8:
            self._copy(client, name, f"{self.own.name}-copy")
        else:
            self._upload(client, name, chance)

    def _body(self, chance: random.Random) -> bytes:
        return chance.randbytes(16) * (chance.choice(SIZES) // 16)

    def _change(self, name: str, body: bytes | None, act: Any) -> None:
        with self.lock:
            self.allowed.setdefault(name, {None}).add(body)
        act()
        with self.lock:
            self.allowed[name] = {body}

    def _copy(self, client: Client, source: str, target: str) -> None:
        bodies = self.allowed.get(source, {None})
        if bodies == {None}:
            return
        (body,) = bodies
        headers = {"x-amz-copy-source": f"{BUCKET}/{source}"}
        self._change(target, body, lambda: self._ask(client, "PUT", target, headers=headers))

    def _upload(self, client: Client, name: str, chance: random.Random) -> None:
        """One part, or two of which the first has the least size that it may have; some uploads are left behind."""
        begun = self._ask(client, "POST", f"{name}?uploads").decode()
        upload = re.findall("<UploadId>(.*)</UploadId>", begun)[0]
        parts = [self._body(chance)]
        if chance.random() < 0.2:
            parts.insert(0, chance.randbytes(16) * (PART_BYTES // 16))
        document = "<CompleteMultipartUpload>"
        for number, part in enumerate(parts, 1):
            etag = self._put_part(client, f"{name}?partNumber={number}&uploadId={upload}", part)
            document += f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"
        document += "</CompleteMultipartUpload>"
        path = f"{name}?uploadId={upload}"
        fate = chance.random()
        if fate < 0.2:
            return
        if fate < 0.4:
            self._ask(client, "DELETE", path)
            return
        self._change(name, b"".join(parts), lambda: self._ask(client, "POST", path, document.encode()))
        self.completed += 1

    def _put_part(self, client: Client, path: str, part: bytes) -> str:
        self._ask(client, "PUT", path, part)
        return hashlib.md5(part, usedforsecurity=False).hexdigest()

    def check(self, client: Client) -> None:
        for name, bodies in self.allowed.items():
            status, answer = client.request("GET", f"{BUCKET}/{name}", b"", authorization("s3"))
            assert status in (200, 404), (name, status, answer[:300])
            found = answer if status == 200 else None
            assert found in bodies, f"{name} has {len(answer)} bytes that nobody wrote there last"
            self.allowed[name] = {found}

    def remove_all(self, client: Client) -> None:
        for name in self.allowed:
            self._ask(client, "DELETE", name)
        while True:
            listed = self._ask(client, "GET", "?uploads").decode()
            uploads = re.findall("<Key>(.*?)</Key><UploadId>(.*?)</UploadId>", listed)
            if not uploads:
                break
            for name, upload in uploads:
                self._ask(client, "DELETE", f"{name}?uploadId={upload}")
        self._ask(client, "DELETE", "")

    def _ask(
        self, client: Client, method: str, name: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> bytes:
        path = f"{BUCKET}/{name}" if name[:1] not in ("", "?") else f"{BUCKET}{name}"
        status, answer = client.request(method, path, body, authorization("s3") | (headers or {}))
        assert status in (200, 204), (method, name, status, answer[:300])
        return answer


def files(data: Path) -> list[Path]:
    return [path for path in data.rglob("*") if path.is_file() and re.fullmatch("[0-9a-f]{32}", path.name)]


@pytest.mark.timeout(600)
def test_a_killed_server_keeps_objects_whole_and_no_file_too_many(tmp_path: Path) -> None:
    """Bodies live in rows and files, and are referred to in one commit; what nothing refers to goes in time."""
    objects, data = ObjectWorkload(), tmp_path / "data"
    torture(data, [objects], KILLS, seed=random.SystemRandom().randrange(2**32))
    assert objects.completed, "the load did nothing"
    server = start_server(data)
    try:
        assert files(data), "no body went into a file"
        objects.remove_all(Client(server.port))
        server.ask("POST", "/_mrak/environments/default/clock", {"advance_seconds": DAYS_SECONDS})
        deadline = time.monotonic() + 20
        while files(data) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not files(data), "files are left that nothing refers to"
    finally:
        server.stop()
