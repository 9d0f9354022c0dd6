"""A bucket against a naive model, through `invoke`: for each key a list of versions, newest last. MODEL_STEPS sets how
long to look (50,000 and more for a thorough run)."""

from __future__ import annotations

import hashlib
import os
from typing import Any, NamedTuple

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from tests.conftest import new_cloud

from mrak.core.errors import ApiError

STEPS = int(os.environ.get("MODEL_STEPS", "2500"))
PER_RUN = 50
KEYS = st.sampled_from(["a", "a/b", "a/c/d", "b", "é", "z\x01", "\U0001f600", "\uffee"])
BODIES = st.sampled_from([b"", b"x", b"y" * 2000, b"z" * 20_000])
BUCKET = "bucket"


class Made:
    """A version as the model knows it; `body` None is a delete marker."""

    def __init__(self, version_id: str, body: bytes | None, tags: dict[str, str], step: int) -> None:
        self.id = version_id
        self.body = body
        self.tags = tags
        self.step = step


class Begun(NamedTuple):
    """An upload under way; `step` tells when it began, `existed` whether the key was there then."""

    key: str
    parts: dict[int, bytes]
    step: int
    existed: bool


class BucketMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.cloud = new_cloud()
        self.call("CreateBucket")
        self.versioning = ""
        self.keys: dict[str, list[Made]] = {}
        self.uploads: dict[str, Begun] = {}
        self.step = 0

    def teardown(self) -> None:
        self.cloud.close()

    def call(self, operation: str, **params: Any) -> dict[str, Any]:
        return self.cloud.call("s3", operation, Bucket=BUCKET, **params)

    def code(self, operation: str, **params: Any) -> str:
        """The code of the error that an operation meets; "" where it succeeds."""
        try:
            self.call(operation, **params)
        except ApiError as error:
            return error.code
        return ""

    # --- the model ------------------------------------------------------------------------------------------------

    def latest(self, key: str) -> Made | None:
        versions = self.keys.get(key)
        return versions[-1] if versions else None

    def add(self, key: str, version_id: str, body: bytes | None, tags: dict[str, str]) -> None:
        versions = self.keys.setdefault(key, [])
        if version_id == "null":
            versions[:] = [each for each in versions if each.id != "null"]
        self.step += 1
        versions.append(Made(version_id, body, tags, self.step))

    def check_id(self, answer: dict[str, Any]) -> str:
        """The id of what was just written, which the bucket's versioning decides about."""
        given = answer.get("VersionId")
        if self.versioning == "Enabled":
            assert given not in (None, "null")
            return str(given)
        assert given is None
        return "null"

    # --- the rules ------------------------------------------------------------------------------------------------

    @rule(status=st.sampled_from(["Enabled", "Suspended"]))
    def set_versioning(self, status: str) -> None:
        self.call("PutBucketVersioning", VersioningConfiguration={"Status": status})
        self.versioning = status

    @rule(key=KEYS, body=BODIES, tagged=st.booleans())
    def put(self, key: str, body: bytes, tagged: bool) -> None:
        tags = {"t": str(len(body))} if tagged else {}
        options = {"Tagging": "&".join(f"{name}={value}" for name, value in tags.items())} if tags else {}
        answer = self.call("PutObject", Key=key, Body=body, **options)
        assert answer["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
        self.add(key, self.check_id(answer), body, tags)

    @rule(key=KEYS, body=BODIES)
    def put_if_absent(self, key: str, body: bytes) -> None:
        latest = self.latest(key)
        if latest is not None and latest.body is not None:
            assert self.code("PutObject", Key=key, Body=body, IfNoneMatch="*") == "PreconditionFailed"
        else:
            self.add(key, self.check_id(self.call("PutObject", Key=key, Body=body, IfNoneMatch="*")), body, {})

    @rule(origin=KEYS, onto=KEYS)
    def copy(self, origin: str, onto: str) -> None:
        from urllib.parse import quote

        params = {"Key": onto, "CopySource": f"{BUCKET}/{quote(origin)}", "MetadataDirective": "REPLACE"}
        latest = self.latest(origin)
        if latest is None or latest.body is None:
            assert self.code("CopyObject", **params) == "NoSuchKey"
        else:
            answer = self.call("CopyObject", **params)
            if self.versioning == "Suspended":  # a copy tells the null version, a put does not
                assert answer.pop("VersionId") == "null"
            self.add(onto, self.check_id(answer), latest.body, latest.tags)

    @rule(key=KEYS)
    def delete(self, key: str) -> None:
        answer = self.call("DeleteObject", Key=key)
        if self.versioning:
            assert answer["DeleteMarker"] is True
            self.add(key, answer["VersionId"], None, {})
        else:
            assert answer == {}
            self.keys.pop(key, None)

    @rule(key=KEYS, at=st.integers(0, 5))
    def delete_version(self, key: str, at: int) -> None:
        versions = self.keys.get(key, [])
        if at < len(versions):
            gone = versions.pop(at)
            answer = self.call("DeleteObject", Key=key, VersionId=gone.id)
            assert answer.get("DeleteMarker", False) is (gone.body is None)
        elif not any(each.id == "null" for each in versions):
            self.call("DeleteObject", Key=key, VersionId="null")

    @rule(key=KEYS, at=st.integers(0, 5))
    def tag(self, key: str, at: int) -> None:
        versions = self.keys.get(key, [])
        if at < len(versions) and versions[at].body is not None:
            tagging = {"TagSet": [{"Key": "n", "Value": str(at)}]}
            self.call("PutObjectTagging", Key=key, VersionId=versions[at].id, Tagging=tagging)
            versions[at].tags = {"n": str(at)}

    @rule(key=KEYS)
    def begin_upload(self, key: str) -> None:
        latest = self.latest(key)
        self.step += 1
        begun = Begun(key, {}, self.step, existed=latest is not None and latest.body is not None)
        self.uploads[self.call("CreateMultipartUpload", Key=key)["UploadId"]] = begun

    @rule(body=BODIES, number=st.integers(1, 3))
    def upload_part(self, body: bytes, number: int) -> None:
        for upload_id, begun in list(self.uploads.items())[:1]:
            self.call("UploadPart", Key=begun.key, UploadId=upload_id, PartNumber=number, Body=body)
            begun.parts[number] = body

    @rule()
    def complete_upload(self) -> None:
        """With its last part alone, since others would have to be larger."""
        for upload_id, begun in list(self.uploads.items())[:1]:
            key = begun.key
            if not begun.parts:
                self.call("AbortMultipartUpload", Key=key, UploadId=upload_id)
            else:
                number, body = max(begun.parts.items())
                digest = hashlib.md5(body)
                listed = {"Parts": [{"PartNumber": number, "ETag": digest.hexdigest()}]}
                answer = self.call("CompleteMultipartUpload", Key=key, UploadId=upload_id, MultipartUpload=listed)
                assert answer["ETag"] == f'"{hashlib.md5(digest.digest()).hexdigest()}-1"'
                self.add_upload(begun, self.check_id(answer), body)
            del self.uploads[upload_id]

    def add_upload(self, begun: Begun, version_id: str, body: bytes) -> None:
        """It is as old as its beginning, where something else was made of the key since."""
        latest = self.latest(begun.key)
        if not self.versioning and (latest.step > begun.step if latest is not None else begun.existed):
            return
        self.add(begun.key, version_id, body, {})
        versions = self.keys[begun.key]
        if self.versioning == "Enabled" and latest is not None and latest.step > begun.step:
            versions[-1].step = begun.step
            versions.sort(key=lambda each: each.step)

    # --- what always holds ----------------------------------------------------------------------------------------

    @invariant()
    def reads_find_the_latest(self) -> None:
        for key in ("a", "a/b", "é"):
            latest = self.latest(key)
            if latest is None or latest.body is None:
                assert self.code("GetObject", Key=key) == "NoSuchKey"
            else:
                assert self._body(key) == latest.body
                tags = self.call("GetObjectTagging", Key=key)["TagSet"]
                assert {tag["Key"]: tag["Value"] for tag in tags} == latest.tags

    @invariant()
    def listings_agree(self) -> None:
        live = [key for key in self.keys if (latest := self.latest(key)) is not None and latest.body is not None]
        page = self.call("ListObjectsV2")
        assert [row["Key"] for row in page["Contents"]] == sorted(live, key=str.encode)
        folded = self.call("ListObjectsV2", Delimiter="/")
        expected = sorted({key.partition("/")[0] + "/" for key in live if "/" in key})
        assert [row["Prefix"] for row in folded["CommonPrefixes"]] == expected

    @invariant()
    def versions_agree(self) -> None:
        page = self.call("ListObjectVersions", MaxKeys=1000)
        found: dict[str, list[str]] = {}
        rows = [(row["Key"], row["VersionId"]) for row in page["Versions"] + page["DeleteMarkers"]]
        for key, version_id in rows:
            found.setdefault(key, []).append(version_id)
        expected = {key: sorted(each.id for each in versions) for key, versions in self.keys.items() if versions}
        assert {key: sorted(ids) for key, ids in found.items()} == expected
        latest = {row["Key"]: row["VersionId"] for row in page["Versions"] + page["DeleteMarkers"] if row["IsLatest"]}
        assert latest == {key: versions[-1].id for key, versions in self.keys.items() if versions}

    def _body(self, key: str) -> bytes:
        from mrak.services.s3.contents import read_whole

        return self.cloud.loop.run_until_complete(read_whole(self.call("GetObject", Key=key)["Body"]))


TestBucket = BucketMachine.TestCase
TestBucket.settings = settings(
    max_examples=max(1, STEPS // PER_RUN),
    stateful_step_count=PER_RUN,
    suppress_health_check=list(HealthCheck),
)
