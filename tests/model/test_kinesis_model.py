"""A stream against a naive model, through `invoke`: a shard is a range of hash keys and a list of records. Splits,
merges and new shard counts make shards; records are read by sequence number and by time. MODEL_STEPS sets how long to
look (100,000 and more for a thorough run)."""

from __future__ import annotations

import os
from itertools import pairwise
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from tests.conftest import new_cloud

from mrak.core.clock import ManualClock
from mrak.core.errors import ApiError

STEPS = int(os.environ.get("MODEL_STEPS", "2000"))
PER_RUN = 50
HASH_KEYS = 1 << 128
RETENTION_SECONDS = 86_400.0
# Where the clock of a cloud in memory begins.
STARTED_AT = ManualClock().now()


class Shard:
    """A shard as the model knows it. Records are (sequence number, data, when)."""

    def __init__(self, shown: dict[str, Any]) -> None:
        self.id: str = shown["ShardId"]
        self.low = int(shown["HashKeyRange"]["StartingHashKey"])
        self.high = int(shown["HashKeyRange"]["EndingHashKey"])
        self.parents = {shown[name] for name in ("ParentShardId", "AdjacentParentShardId") if name in shown}
        self.closed_at: float | None = None
        self.records: list[tuple[int, bytes, float]] = []


class StreamMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.cloud = new_cloud()
        self.now = 0.0
        self.count = 0
        self.shards: dict[str, Shard] = {}
        self.cloud.call("kinesis", "CreateStream", StreamName="s", ShardCount=2)
        self.learn()

    def teardown(self) -> None:
        self.cloud.close()

    def call(self, operation: str, **params: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self.cloud.call("kinesis", operation, StreamName="s", **params)
        return answer

    def learn(self) -> None:
        """What a change of shards has made; what it has closed."""
        for shown in self.call("ListShards")["Shards"]:
            known = self.shards.setdefault(shown["ShardId"], Shard(shown))
            if "EndingSequenceNumber" in shown["SequenceNumberRange"] and known.closed_at is None:
                known.closed_at = self.now
                ending = int(shown["SequenceNumberRange"]["EndingSequenceNumber"])
                assert all(number < ending for number, _, _ in known.records)

    def open_shards(self) -> list[Shard]:
        return sorted((it for it in self.shards.values() if it.closed_at is None), key=lambda it: it.low)

    def kept(self, shard: Shard) -> list[tuple[int, bytes, float]]:
        return [record for record in shard.records if record[2] >= self.now - RETENTION_SECONDS]

    @rule(seconds=st.sampled_from([1, 60, 5_000, 50_000]))
    def pass_time(self, seconds: int) -> None:
        self.cloud.advance_clock(seconds)
        self.now += seconds
        gone = [it.id for it in self.shards.values() if it.closed_at is not None and self.is_past(it.closed_at)]
        for name in gone:
            del self.shards[name]

    def is_past(self, moment: float) -> bool:
        return moment < self.now - RETENTION_SECONDS

    @rule(places=st.lists(st.integers(0, HASH_KEYS - 1), min_size=1, max_size=5))
    def put(self, places: list[int]) -> None:
        records = []
        for place in places:
            self.count += 1
            records.append({"Data": str(self.count).encode(), "PartitionKey": "k", "ExplicitHashKey": str(place)})
        answer = self.call("PutRecords", Records=records)
        for place, record, told in zip(places, records, answer["Records"], strict=True):
            (shard,) = [it for it in self.open_shards() if it.low <= place <= it.high]
            assert told["ShardId"] == shard.id
            number = int(told["SequenceNumber"])
            assert not shard.records or number > shard.records[-1][0]
            shard.records.append((number, record["Data"], self.now))

    @rule(pick=st.integers(0, 100))
    def split(self, pick: int) -> None:
        shard = self.open_shards()[pick % len(self.open_shards())]
        if len(self.open_shards()) < 6:
            middle = (shard.low + shard.high + 1) // 2
            self.call("SplitShard", ShardToSplit=shard.id, NewStartingHashKey=str(middle))
            self.learn()
            children = [it for it in self.shards.values() if shard.id in it.parents]
            assert sorted((it.low, it.high) for it in children) == [(shard.low, middle - 1), (middle, shard.high)]

    @rule(pick=st.integers(0, 100))
    def merge(self, pick: int) -> None:
        found = self.open_shards()
        if len(found) > 1:
            at = pick % (len(found) - 1)
            self.call("MergeShards", ShardToMerge=found[at].id, AdjacentShardToMerge=found[at + 1].id)
            self.learn()
            (child,) = [it for it in self.shards.values() if it.parents == {found[at].id, found[at + 1].id}]
            assert (child.low, child.high) == (found[at].low, found[at + 1].high)

    @rule(count=st.integers(1, 6))
    def rescale(self, count: int) -> None:
        try:
            self.call("UpdateShardCount", TargetShardCount=count, ScalingType="UNIFORM_SCALING")
        except ApiError as error:
            assert error.code in ("InvalidArgumentException", "LimitExceededException")
            return
        self.learn()
        assert [it.low for it in self.open_shards()] == [HASH_KEYS // count * place for place in range(count)]

    @rule(pick=st.integers(0, 100), limit=st.integers(1, 4), skip=st.integers(0, 10))
    def read(self, pick: int, limit: int, skip: int) -> None:
        """From the oldest record, or after one that is known, in pages to the end."""
        shard = list(self.shards.values())[pick % len(self.shards)]
        expected = self.kept(shard)
        asked: dict[str, Any] = {"ShardIteratorType": "TRIM_HORIZON"}
        if skip < len(expected):
            number = str(expected[skip][0])
            asked = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": number}
            expected = expected[skip + 1 :]
        assert self.read_all(shard, limit, asked) == [data for _, data, _ in expected]

    def read_all(self, shard: Shard, limit: int, asked: dict[str, Any]) -> list[bytes]:
        iterator = self.call("GetShardIterator", ShardId=shard.id, **asked).get("ShardIterator")
        found: list[bytes] = []
        while iterator is not None:
            page = self.cloud.call("kinesis", "GetRecords", ShardIterator=iterator, Limit=limit)
            found += [record["Data"] for record in page["Records"]]
            iterator = page.get("NextShardIterator")
            assert (iterator is None) == ("ChildShards" in page)
            if iterator is not None and len(page["Records"]) < limit:
                assert page["MillisBehindLatest"] == 0
                break
        return found

    @rule(pick=st.integers(0, 100), seconds=st.integers(0, 60_000))
    def read_since(self, pick: int, seconds: int) -> None:
        """By time, which is found by halving: exactly what arrived since then."""
        shard = list(self.shards.values())[pick % len(self.shards)]
        moment = STARTED_AT + self.now - seconds - 0.5
        expected = [data for _, data, at in self.kept(shard) if at >= self.now - seconds]
        assert self.read_all(shard, 1000, {"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": moment}) == expected

    @invariant()
    def hash_keys_are_covered_once(self) -> None:
        ranges = [(it.low, it.high) for it in self.open_shards()]
        assert ranges[0][0] == 0 and ranges[-1][1] == HASH_KEYS - 1
        assert all(before[1] + 1 == after[0] for before, after in pairwise(ranges))


TestStream = StreamMachine.TestCase
TestStream.settings = settings(
    max_examples=max(1, STEPS // PER_RUN),
    stateful_step_count=PER_RUN,
    suppress_health_check=list(HealthCheck),
)
