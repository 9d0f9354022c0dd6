"""Users of S3, unchanged: boto3's transfers, the aws command line, the AWS SDK for JavaScript, s3fs, s3cmd, rclone."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from tests.clients import packages
from tests.clients.conftest import RunScript, installed

MIB = 1024 * 1024


@pytest.fixture(scope="session")
def client_python() -> Path:
    """The folder of a Python that has s3fs and s3cmd."""
    return installed(packages.s3_clients)


def run(sandbox: Any, *command: str, stdin: bytes = b"") -> str:
    ended = subprocess.run(command, env=sandbox.environ, input=stdin, capture_output=True, timeout=180, check=False)
    assert ended.returncode == 0, ended.stdout.decode() + ended.stderr.decode()
    return ended.stdout.decode()


def aws(sandbox: Any, *arguments: str, stdin: bytes = b"") -> str:
    return run(sandbox, str(Path(sys.executable).parent / "aws"), *arguments, stdin=stdin)


def make_tree(folder: Path) -> dict[str, bytes]:
    """A folder with names that need care, and a file that goes in parts. Its files are a minute old: S3 tells whole
    seconds, so that `aws s3 sync` takes a file that was written in the second of its upload for a newer one."""
    files = {
        "index.html": b"<h1>home</h1>",
        "deep/er/naïve file+1.txt": b"text",
        "deep/empty": b"",
        "large.bin": os.urandom(64) * (20 * MIB // 64),
    }
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        a_minute_ago = path.stat().st_mtime - 60
        os.utime(path, (a_minute_ago, a_minute_ago))
    return files


def read_tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_boto3_transfers(fresh_sandbox: Any, tmp_path: Path) -> None:
    """In parts and threads, both ways; copies in parts; file objects; the resource interface."""
    import boto3
    from boto3.s3.transfer import TransferConfig

    s3 = fresh_sandbox.client("s3")
    s3.create_bucket(Bucket="transfers")
    source = tmp_path / "source"
    source.write_bytes(os.urandom(MIB) * 33)
    config = TransferConfig(multipart_threshold=8 * MIB, multipart_chunksize=8 * MIB, max_concurrency=8)
    s3.upload_file(str(source), "transfers", "a/b", Config=config, ExtraArgs={"Metadata": {"k": "v"}})
    s3.copy({"Bucket": "transfers", "Key": "a/b"}, "transfers", "copy", Config=config)
    target = tmp_path / "target"
    s3.download_file("transfers", "copy", str(target), Config=config)
    assert hashlib.sha256(target.read_bytes()).digest() == hashlib.sha256(source.read_bytes()).digest()
    assert s3.head_object(Bucket="transfers", Key="copy")["ETag"].endswith('-5"')
    row = fresh_sandbox.row
    resource = boto3.resource(
        "s3",
        endpoint_url=fresh_sandbox.server.endpoint,
        region_name="us-east-1",
        aws_access_key_id=row["access_key_id"],
        aws_secret_access_key=row["secret_access_key"],
    )
    bucket = resource.Bucket("transfers")
    with source.open("rb") as file:
        bucket.upload_fileobj(file, "c", Config=config)
    assert {each.key: each.size for each in bucket.objects.all()} == dict.fromkeys(("a/b", "c", "copy"), 33 * MIB)
    bucket.objects.all().delete()
    bucket.delete()


def test_the_aws_command_line(fresh_sandbox: Any, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    files = make_tree(source)
    aws(fresh_sandbox, "s3", "mb", "s3://site")
    aws(fresh_sandbox, "s3", "cp", "--recursive", "--only-show-errors", str(source), "s3://site/v1/")
    aws(fresh_sandbox, "s3", "sync", "--only-show-errors", "s3://site/v1/", str(target))
    assert read_tree(target) == files
    assert aws(fresh_sandbox, "s3", "sync", "s3://site/v1/", str(target)) == ""
    (source / "index.html").write_bytes(b"<h1>a new home</h1>")
    (source / "deep" / "empty").unlink()
    synced = aws(fresh_sandbox, "s3", "sync", "--delete", "--no-progress", str(source), "s3://site/v1/")
    assert sorted(line.split()[0] for line in synced.splitlines()) == ["delete:", "upload:"]
    aws(fresh_sandbox, "s3", "cp", "-", "s3://site/stream", stdin=b"from a pipe")
    assert aws(fresh_sandbox, "s3", "cp", "s3://site/stream", "-") == "from a pipe"
    aws(fresh_sandbox, "s3", "mv", "s3://site/stream", "s3://site/v1/moved")
    listed = aws(fresh_sandbox, "s3", "ls", "--recursive", "--summarize", "s3://site/")
    assert "v1/moved" in listed
    assert "Total Objects: 4" in listed
    url = aws(fresh_sandbox, "s3", "presign", "s3://site/v1/moved").strip()
    with urllib.request.urlopen(url, timeout=20) as answer:
        assert answer.read() == b"from a pipe"
    aws(fresh_sandbox, "s3", "rm", "--recursive", "--only-show-errors", "s3://site/v1/deep")
    aws(fresh_sandbox, "s3", "rb", "--force", "s3://site")
    assert aws(fresh_sandbox, "s3", "ls") == ""


def test_a_website_of_the_aws_command_line(fresh_sandbox: Any, tmp_path: Path) -> None:
    """Public by its policy, at the bucket's website host."""
    make_tree(tmp_path)
    aws(fresh_sandbox, "s3", "mb", "s3://my-site")
    aws(fresh_sandbox, "s3", "website", "s3://my-site", "--index-document", "index.html")
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::my-site/*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    aws(fresh_sandbox, "s3api", "put-bucket-policy", "--bucket", "my-site", "--policy", policy)
    aws(fresh_sandbox, "s3", "sync", "--only-show-errors", str(tmp_path), "s3://my-site")
    host = f"my-site.s3-website.{fresh_sandbox.name}.localhost"
    request = urllib.request.Request(f"{fresh_sandbox.server.endpoint}/", headers={"Host": host})
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert (answer.read(), answer.headers["content-type"]) == (b"<h1>home</h1>", "text/html")


@pytest.mark.parametrize("style", ["path", "host"])
def test_the_sdk_for_javascript(run_script: RunScript, style: str) -> None:
    assert run_script("s3.mjs", style) == {
        "same": True,
        "parts": "3",
        "range": "world",
        "size": 11,
        "linked": [200, "STANDARD_IA", "1"],
        "keys": ["copies/of it", "large/ü+ .bin", "linked", "small", "streamed"],
        "folders": ["copies/", "large/"],
        "deleted": 5,
        "error": "NoSuchKey",
    }


S3FS = """
import json, s3fs
fs = s3fs.S3FileSystem(default_block_size=5 * 2**20)
fs.mkdir("lake")
with fs.open("lake/t/part=1/a.csv", "w") as file:
    file.write("a,b\\n" * 3)
body = bytes(range(256)) * (48 * 1024)
with fs.open("lake/t/large", "wb") as file:
    file.write(body)
fs.pipe("lake/t/small", b"0123456789")
fs.copy("lake/t/small", "lake/t/copy")
with fs.open("lake/t/large", "rb") as file:
    file.seek(len(body) - 1000)
    tail = file.read()
print(json.dumps({
    "lines": fs.open("lake/t/part=1/a.csv").read().decode().count("a,b"),
    "tail": tail == body[-1000:],
    "range": fs.cat_file("lake/t/small", start=2, end=5).decode(),
    "listed": sorted(fs.ls("lake/t")),
    "found": sorted(fs.find("lake")),
    "glob": fs.glob("lake/**/*.csv"),
    "size": fs.du("lake/t/large"),
    "missing": fs.exists("lake/none"),
}))
fs.rm("lake", recursive=True)
"""


def test_s3fs(fresh_sandbox: Any, client_python: Path) -> None:
    answer = json.loads(run(fresh_sandbox, str(client_python / "python"), "-c", S3FS))
    names = ["lake/t/copy", "lake/t/large", "lake/t/part=1/a.csv", "lake/t/small"]
    assert answer == {
        "lines": 3,
        "tail": True,
        "range": "234",
        "listed": ["lake/t/copy", "lake/t/large", "lake/t/part=1", "lake/t/small"],
        "found": names,
        "glob": ["lake/t/part=1/a.csv"],
        "size": 12 * MIB,
        "missing": False,
    }


def test_s3cmd(fresh_sandbox: Any, client_python: Path, tmp_path: Path) -> None:
    """It signs in its own way, and asks in V1 listings and XML of its own."""
    source, target = tmp_path / "source", tmp_path / "target"
    files = make_tree(source)
    target.mkdir()
    host = f"localhost:{fresh_sandbox.server.port}"
    options = ["--no-ssl", f"--host={host}", f"--host-bucket={host}", "--multipart-chunk-size-mb=5"]
    options += [
        f"--access_key={fresh_sandbox.row['access_key_id']}",
        f"--secret_key={fresh_sandbox.row['secret_access_key']}",
        f"--config={tmp_path / 'none'}",
        "--no-progress",
    ]

    def s3cmd(*arguments: str) -> str:
        return run(fresh_sandbox, str(client_python / "python"), str(client_python / "s3cmd"), *options, *arguments)

    s3cmd("mb", "s3://cmd")
    s3cmd("sync", f"{source}/", "s3://cmd/tree/")
    s3cmd("sync", "s3://cmd/tree/", f"{target}/")
    assert read_tree(target) == files
    s3cmd("cp", "s3://cmd/tree/index.html", "s3://cmd/copy")
    assert "13" in s3cmd("info", "s3://cmd/copy")
    assert len(s3cmd("ls", "--recursive", "s3://cmd").splitlines()) == 5
    s3cmd("rm", "--recursive", "--force", "s3://cmd")
    s3cmd("rb", "s3://cmd")


@pytest.fixture(scope="session")
def rclone() -> str:
    """Debian's; installed where it is not there and may be."""
    found = shutil.which("rclone")
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        command = "apt-get update -qq && apt-get install -qq -y --no-install-recommends rclone"
        subprocess.run(command, shell=True, capture_output=True, timeout=300, check=False)
        found = shutil.which("rclone")
    if found is None:
        pytest.skip("rclone is not installed, and apt-get could not install it: apt-get install rclone")
    return found


def test_rclone(fresh_sandbox: Any, rclone: str, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    files = make_tree(source)
    # It refuses to start where that is set.
    call = ["env", "-u", "AWS_CA_BUNDLE", rclone]
    endpoint = fresh_sandbox.server.endpoint
    remote = f":s3,provider=Other,env_auth,region=us-east-1,endpoint='{endpoint}',force_path_style:"
    run(fresh_sandbox, *call, "copy", str(source), f"{remote}tree/v1")
    run(fresh_sandbox, *call, "check", str(source), f"{remote}tree/v1")
    run(fresh_sandbox, *call, "sync", f"{remote}tree/v1", str(target))
    assert read_tree(target) == files
    run(fresh_sandbox, *call, "purge", f"{remote}tree")
