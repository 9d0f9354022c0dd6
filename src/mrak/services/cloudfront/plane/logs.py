"""Access logs: of a distribution to files in S3, as vended logs to wherever their deliveries say, and of a behaviour to
streams of Kinesis in real time.

A line for a file is a row until the minute is over; then one file is made of all lines of the minute that have the same
place. What goes to a log group or a stream is there at once.

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/logging.html
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from mrak.core.background import Delivery, Timer
from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.errors import ApiError
from mrak.core.operation import delivery, timer
from mrak.core.scope import Scope
from mrak.services.cloudfront import configs
from mrak.services.cloudfront.distributions import distribution_arn
from mrak.services.cloudfront.parts import REALTIME_LOG
from mrak.services.cloudfront.plane import records
from mrak.services.cloudfront.tables import LINES, PARTS, Distribution, Line
from mrak.services.logs.exports import append, deliveries_of

MINUTE, FILES = "cloudfront.log-minute", "cloudfront.log-files"
_WINDOW_SECONDS, _MARGIN_SECONDS = 60, 1


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where records go: `kind` is S3, CWL or KDS, `target` a bucket, a log group or a stream's ARN. `sampled` is how
    many requests in a hundred are told of."""

    kind: str
    target: str
    fields: tuple[str, ...]
    form: str = "w3c"
    delimiter: str = "\t"
    prefix: str = ""
    cookies: bool = True
    sampled: int = 100


def places(tx: Transaction, scope: Scope, found: Distribution, behavior: dict[str, Any]) -> tuple[Place, ...]:
    """Where requests of the distribution are logged that meet a behaviour."""
    live = _live(tx, scope, behavior.get("RealtimeLogConfigArn", ""))
    return (*_standard(found.config["Logging"]), *_vended(tx, scope, found), *live)


def _home(scope: Scope) -> Scope:
    """Where CloudFront's own calls of other services are made."""
    return Scope(scope.environment, scope.account, "us-east-1")


def _standard(logging: dict[str, Any]) -> Iterator[Place]:
    bucket = configs.find_bucket(logging["Bucket"]) if logging["Enabled"] else None
    if bucket:
        prefix, cookies = logging.get("Prefix", ""), logging.get("IncludeCookies", False)
        yield Place(kind="S3", target=bucket, fields=records.STANDARD, prefix=prefix, cookies=cookies)


def _vended(tx: Transaction, scope: Scope, found: Distribution) -> Iterator[Place]:
    for row, destination in deliveries_of(tx, _home(scope), distribution_arn(scope.account, found.id), "ACCESS_LOGS"):
        resource = destination.resource_arn.split(":", 5)[-1]
        form = destination.output_format or ("w3c" if row.kind == "S3" else "json")
        # CLOUDFRONT-005: there is no Parquet here, and no Firehose.
        form = "json" if form == "parquet" else form
        delimiter = row.delimiter or ("" if form == "raw" else "\t")
        if row.kind == "CWL":
            target, prefix = resource.removeprefix("log-group:").removesuffix(":*"), ""
        elif row.kind == "S3":
            target, _, top = resource.partition("/")
            path = _hive(row.suffix_path) if row.is_hive_compatible else row.suffix_path
            prefix = "".join(f"{part.strip('/')}/" for part in (top, path) if part.strip("/"))
        else:
            deviation("CLOUDFRONT-005")
            continue
        yield Place(kind=row.kind, target=target, fields=row.fields, form=form, delimiter=delimiter, prefix=prefix)


def _live(tx: Transaction, scope: Scope, config_arn: str) -> Iterator[Place]:
    """The streams of a real-time configuration. The order of fields is AWS's, whatever the configuration's is."""
    part = PARTS.get(tx, scope, REALTIME_LOG.name, config_arn) if config_arn else None
    if part is None:
        return
    fields = tuple(field for field in records.REALTIME if field in part.config["Fields"])
    for point in part.config["EndPoints"]:
        target = point["KinesisStreamConfig"]["StreamARN"]
        yield Place(kind="KDS", target=target, fields=fields, sampled=part.config["SamplingRate"])


def _hive(path: str) -> str:
    for name, word in (("yyyy", "year"), ("MM", "month"), ("dd", "day"), ("HH", "hour")):
        path = path.replace(f"{{{name}}}", f"{word}={{{name}}}")
    return path


def write(ctx: Context, tx: Transaction, distribution: Distribution, place: Place, told: dict[str, str]) -> None:
    """Writes a request's record to a place."""
    own = told if place.cookies else {name: text for name, text in told.items() if name != "cs(Cookie)"}
    text = records.write(own, place.fields, form=place.form, delimiter=place.delimiter)
    if place.kind == "S3":
        _put_line(ctx, tx, distribution, place, text)
    elif place.kind == "KDS":
        _put_record(ctx, tx, place, text)
    else:
        lines = [(int(ctx.now * 1000), text)]
        append(ctx, tx, _home(ctx.scope), place.target, f"CloudFront_{distribution.id}", lines)


def _put_record(ctx: Context, tx: Transaction, place: Place, text: str) -> None:
    from mrak.services.kinesis import exports as kinesis  # only logs in real time need Kinesis

    if int(ctx.draw.hex(8), 16) % 100 < place.sampled and kinesis.is_stream_arn(place.target):
        puts = [(f"{text}\n".encode(), ctx.draw.hex(32))]
        tx.enqueue(kinesis.delivery(ctx, place.target, puts, at_once=True))


def _put_line(ctx: Context, tx: Transaction, distribution: Distribution, place: Place, text: str) -> None:
    window = int(ctx.clock() // _WINDOW_SECONDS)
    heading = records.header(place.fields) if place.form == "w3c" else ""
    row = Line(
        distribution=distribution.id,
        window=window,
        sequence=ctx.draw.sequence(),
        bucket=place.target,
        prefix=_filled(ctx, place.prefix, distribution),
        header=heading,
        text=text,
    )
    scope = ctx.scope.account_wide()
    LINES.append(tx, scope, row)
    key = f"{scope.account}/{distribution.id}/{window}"
    payload = msgspec.msgpack.encode((distribution.id, window))
    tx.at(
        Timer(
            kind=MINUTE,
            key=key,
            due_at=(window + 1.0) * _WINDOW_SECONDS + _MARGIN_SECONDS,
            scope=scope,
            payload=payload,
        )
    )


def _filled(ctx: Context, prefix: str, distribution: Distribution) -> str:
    """A path with its variables: `{account-id}`, `{DistributionId}`, parts of the time."""
    at = datetime.fromtimestamp(ctx.now, UTC)
    known = {"account-id": ctx.scope.account, "accountid": ctx.scope.account, "yyyy": f"{at:%Y}", "MM": f"{at:%m}",
             "dd": f"{at:%d}", "HH": f"{at:%H}", "DistributionId": distribution.id,
             "distributionid": distribution.id}  # fmt: skip
    for name, value in known.items():
        prefix = prefix.replace(f"{{{name}}}", value)
    return prefix


@timer(MINUTE)
def end_minute(ctx: Context, tx: Transaction, made: Timer) -> None:
    tx.enqueue(Delivery(kind=FILES, lane=made.key, scope=made.scope, payload=made.payload, enqueued_at=ctx.now))


@delivery(FILES)
async def deliver_files(ctx: Context, made: Delivery) -> None:
    """One file for each place. Made again, it has the same name and content. Without its bucket, it is lost."""
    distribution, window = msgspec.msgpack.decode(made.payload)
    rows = await ctx.transact(lambda tx: list(LINES.scan(tx, made.scope, distribution, window)))
    by_place: dict[tuple[str, str, str], list[Line]] = {}
    for row in rows:
        by_place.setdefault((row.bucket, row.prefix, row.header), []).append(row)
    hour = datetime.fromtimestamp(window * _WINDOW_SECONDS, UTC).strftime("%Y-%m-%d-%H")
    for (bucket, prefix, header), lines in by_place.items():
        unique = hashlib.sha256(f"{lines[0].sequence}/{bucket}/{prefix}".encode()).hexdigest()[:8]
        text = header + "".join(f"{line.text}\n" for line in lines)
        body = gzip.compress(text.encode(), 6, mtime=0)
        params = {"Bucket": bucket, "Key": f"{prefix}{distribution}.{hour}.{unique}.gz", "Body": body}
        try:
            await ctx.call("s3", "PutObject", params, scope=_home(made.scope))
        except ApiError as error:
            if error.status >= 500:
                raise

    def forget(tx: Transaction) -> None:
        for row in rows:
            LINES.delete(tx, made.scope, row)

    await ctx.transact(forget)
