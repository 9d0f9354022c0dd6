"""Operations on a stream's settings (retention, monitoring, encryption, mode, sizes), and on those of the account."""

from __future__ import annotations

from typing import Any

from msgspec import structs

from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.operation import operation
from mrak.services.kinesis import encryption, errors, streams
from mrak.services.kinesis.streams import Found
from mrak.services.kinesis.tables import ACCOUNTS, BY_STREAM, STREAMS, Account

_LEAST_HOURS, _MOST_HOURS = 24, 8760
_MOST_WARM_MIBPS = 10_240
_COMMITMENT_SECONDS = 86_400.0
_ACCOUNT = "settings"
_METRICS = (
    "IncomingBytes",
    "IncomingRecords",
    "OutgoingBytes",
    "OutgoingRecords",
    "WriteProvisionedThroughputExceeded",
    "ReadProvisionedThroughputExceeded",
    "IteratorAgeMilliseconds",
)


def _set(tx: Transaction, found: Found, **changes: Any) -> None:
    STREAMS.replace(tx, found.scope, found.stream, structs.replace(found.stream, **changes))


def _check_hours(hours: int) -> None:
    if hours < _LEAST_HOURS:
        raise errors.retention_too_short(hours)
    if hours > _MOST_HOURS:
        raise errors.retention_too_long(hours)


@operation("IncreaseStreamRetentionPeriod")
def increase_stream_retention_period(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    found, hours = streams.require(ctx, tx, req, opens=True), req["RetentionPeriodHours"]
    _check_hours(hours)
    existing = found.stream.retention_hours
    if hours < existing:
        raise errors.retention_wrong_way(hours, found.stream.name, existing, "shorter", "Decrease")
    _set(tx, found, retention_hours=hours, expired_before=found.stream.horizon(ctx.now))


@operation("DecreaseStreamRetentionPeriod")
def decrease_stream_retention_period(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    found, hours = streams.require(ctx, tx, req, opens=True), req["RetentionPeriodHours"]
    _check_hours(hours)
    existing = found.stream.retention_hours
    if hours > existing:
        raise errors.retention_wrong_way(hours, found.stream.name, existing, "longer", "Increase")
    _set(tx, found, retention_hours=hours)


@operation("EnableEnhancedMonitoring")
def enable_enhanced_monitoring(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    found = streams.require(ctx, tx, req, opens=True)
    return _monitor(tx, found, {*found.stream.metrics, *_named(req["ShardLevelMetrics"])})


@operation("DisableEnhancedMonitoring")
def disable_enhanced_monitoring(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    found = streams.require(ctx, tx, req, opens=True)
    return _monitor(tx, found, {*found.stream.metrics} - {*_named(req["ShardLevelMetrics"])})


def _named(metrics: list[str]) -> tuple[str, ...]:
    return _METRICS if "ALL" in metrics else tuple(metrics)


def _monitor(tx: Transaction, found: Found, wanted: set[str]) -> dict[str, Any]:
    desired = tuple(name for name in _METRICS if name in wanted)
    _set(tx, found, metrics=desired)
    return {
        "StreamName": found.stream.name,
        "StreamARN": found.arn,
        "CurrentShardLevelMetrics": list(found.stream.metrics),
        "DesiredShardLevelMetrics": list(desired),
    }


@operation("StartStreamEncryption")
def start_stream_encryption(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    found = streams.require(ctx, tx, req, opens=True)
    _check_type(req)
    encryption.check_key(ctx, tx, found, req["KeyId"])
    _set(tx, found, key_id=req["KeyId"])


@operation("StopStreamEncryption")
def stop_stream_encryption(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    found = streams.require(ctx, tx, req, opens=True)
    _check_type(req)
    _set(tx, found, key_id="")


def _check_type(req: dict[str, Any]) -> None:
    if req["EncryptionType"] != "KMS":
        raise errors.invalid("KMS is the only valid EncryptionType for this request.")


@operation("UpdateStreamMode")
def update_stream_mode(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    """The shards stay as they are; one that is on demand has no strategy of its own any longer once it is not."""
    found, mode = streams.require(ctx, tx, req, opens=True), req["StreamModeDetails"]["StreamMode"]
    changes: dict[str, Any] = {"mode": mode}
    if mode == "PROVISIONED":
        if BY_STREAM.count(tx, found.scope, found.stream.number):
            raise errors.stream_has_queues(found.stream.name, found.account)
        changes |= {"distribution": "USER_PARTITION_KEY", "warm_mibps": 0}
    elif "WarmThroughputMiBps" in req:
        changes["warm_mibps"] = req["WarmThroughputMiBps"]
    _set(tx, found, **changes)


@operation("UpdateStreamWarmThroughput")
def update_stream_warm_throughput(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    deviation("KINESIS-002")
    found, wanted = streams.require(ctx, tx, req, opens=True), req["WarmThroughputMiBps"]
    if not found.stream.is_on_demand or not _is_committed(tx, ctx, found):
        raise errors.invalid(
            "Warm throughput is only supported for streams in On-Demand mode, in accounts with an enabled "
            "MinimumThroughputBillingCommitment."
        )
    if wanted > _MOST_WARM_MIBPS:
        raise errors.limit_exceeded(f"Warm throughput cannot be more than {_MOST_WARM_MIBPS} MiBps.")
    _set(tx, found, warm_mibps=wanted)
    shown = {"TargetMiBps": wanted, "CurrentMiBps": found.stream.warm_mibps}
    return {"StreamName": found.stream.name, "StreamARN": found.arn, "WarmThroughput": shown}


@operation("UpdateMaxRecordSize")
def update_max_record_size(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    found = streams.require(ctx, tx, req, opens=True)
    _set(tx, found, max_record_kib=req["MaxRecordSizeInKiB"])


@operation("UpdateStreamRecordDistributionStrategy")
def update_stream_record_distribution_strategy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    found, wanted = streams.require(ctx, tx, req, opens=True), req["RecordDistributionStrategy"]
    if wanted == "AUTO" and not found.stream.is_on_demand:
        raise errors.invalid("RecordDistributionStrategy AUTO is only supported for streams in On-Demand mode.")
    _set(tx, found, distribution=wanted)


@operation("DescribeAccountSettings")
def describe_account_settings(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    streams.check_access(ctx, tx, ctx.scope, "*")
    account = ACCOUNTS.get(tx, ctx.scope, _ACCOUNT)
    return {"MinimumThroughputBillingCommitment": _render_commitment(account, ctx.now)}


@operation("UpdateAccountSettings")
def update_account_settings(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """A commitment lasts a day at least; one that is disabled earlier ends when the day does."""
    streams.check_access(ctx, tx, ctx.scope, "*")
    old = ACCOUNTS.open(tx, ctx.scope, _ACCOUNT)
    status, wanted = _status(old, ctx.now), req["MinimumThroughputBillingCommitment"]["Status"]
    commitment = dict(old.commitment) if old is not None else {}
    if wanted == "ENABLED":
        if status == "DISABLED":
            commitment = {"StartedAt": ctx.now}
        commitment.pop("EndedAt", None)
    elif status != "DISABLED":
        commitment["EndedAt"] = max(ctx.now, commitment["StartedAt"] + _COMMITMENT_SECONDS)
    new = Account(name=_ACCOUNT, commitment=commitment)
    if old is None:
        ACCOUNTS.insert(tx, ctx.scope, new)
    else:
        ACCOUNTS.replace(tx, ctx.scope, old, new)
    return {"MinimumThroughputBillingCommitment": _render_commitment(new, ctx.now)}


def _is_committed(tx: Transaction, ctx: Context, found: Found) -> bool:
    return _status(ACCOUNTS.get(tx, found.scope, _ACCOUNT), ctx.now) != "DISABLED"


def _status(account: Account | None, now: float) -> str:
    if account is None or "StartedAt" not in account.commitment:
        return "DISABLED"
    ended_at = account.commitment.get("EndedAt")
    if ended_at is None:
        return "ENABLED"
    return "ENABLED_UNTIL_EARLIEST_ALLOWED_END" if now < ended_at else "DISABLED"


def _render_commitment(account: Account | None, now: float) -> dict[str, Any]:
    status = _status(account, now)
    shown: dict[str, Any] = {"Status": status}
    if account is None or "StartedAt" not in account.commitment:
        return shown
    started_at = account.commitment["StartedAt"]
    shown |= {"StartedAt": started_at, "EarliestAllowedEndAt": started_at + _COMMITMENT_SECONDS}
    return shown | ({"EndedAt": account.commitment["EndedAt"]} if status == "DISABLED" else {})
