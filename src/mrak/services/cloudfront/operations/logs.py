"""Operations on configurations of real-time logs, whose records go to streams of Kinesis (plane/logs.py).

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/real-time-logs.html
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.services.cloudfront import distributions, errors, listing
from mrak.services.cloudfront.parts import REALTIME_LOG, new_etag
from mrak.services.cloudfront.plane.records import REALTIME
from mrak.services.cloudfront.tables import DISTRIBUTIONS, PARTS, USES, Part

_KIND = REALTIME_LOG.name


@operation("CreateRealtimeLogConfig")
def create_realtime_log_config(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    config = _checked({name: req[name] for name in ("EndPoints", "SamplingRate", "Fields")})
    scope = ctx.scope.account_wide()
    arn = _arn(ctx, {"Name": req["Name"]})
    if PARTS.open(tx, scope, _KIND, arn) is not None:
        raise REALTIME_LOG.exists()
    made = Part(
        kind=_KIND,
        id=arn,
        name=req["Name"],
        etag=new_etag(ctx),
        config=config,
        created_at=ctx.now,
        modified_at=ctx.now,
    )
    PARTS.insert(tx, scope, made)
    return {"RealtimeLogConfig": _render(made)}


@operation("GetRealtimeLogConfig")
def get_realtime_log_config(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return {"RealtimeLogConfig": _render(_open(ctx, tx, req))}


@operation("UpdateRealtimeLogConfig")
def update_realtime_log_config(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    old = _open(ctx, tx, req)
    given: dict[str, Any] = {name: req[name] for name in ("EndPoints", "SamplingRate", "Fields") if name in req}
    new = msgspec.structs.replace(old, config=_checked({**old.config, **given}), modified_at=ctx.now)
    PARTS.replace(tx, ctx.scope.account_wide(), old, new)
    return {"RealtimeLogConfig": _render(new)}


@operation("DeleteRealtimeLogConfig")
def delete_realtime_log_config(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    old = _open(ctx, tx, req)
    if next(USES.scan(tx, ctx.scope.account_wide(), old.id, limit=1), None) is not None:
        raise REALTIME_LOG.in_use()
    PARTS.delete(tx, ctx.scope.account_wide(), old)


@operation("ListRealtimeLogConfigs")
def list_realtime_log_configs(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    rows = PARTS.scan(tx, ctx.scope.account_wide(), _KIND, after=listing.marker(req))
    return {"RealtimeLogConfigs": listing.render_page(req, rows, _render, lambda row: row.id)}


@operation("ListDistributionsByRealtimeLogConfig")
def list_distributions_by_realtime_log_config(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    given = {"Name": req.get("RealtimeLogConfigName"), "ARN": req.get("RealtimeLogConfigArn")}
    scope = ctx.scope.account_wide()
    uses = USES.scan(tx, scope, _arn(ctx, given), after=listing.marker(req))
    rows = (found for use in uses if (found := DISTRIBUTIONS.get(tx, scope, use.distribution)) is not None)
    page = listing.render_page(req, rows, lambda row: distributions.render_summary(ctx, row), lambda row: row.id)
    return {"DistributionList": page}


def _arn(ctx: Context, given: dict[str, Any]) -> str:
    """Of a request that names a configuration by its ARN or its name."""
    if given.get("ARN"):
        return str(given["ARN"])
    if not given.get("Name"):
        raise errors.invalid_argument("Name or ARN of the real-time log configuration is required.")
    return f"arn:{ctx.scope.partition}:cloudfront::{ctx.scope.account}:realtime-log-config/{given['Name']}"


def _open(ctx: Context, tx: Transaction, req: dict[str, Any]) -> Part:
    found = PARTS.open(tx, ctx.scope.account_wide(), _KIND, _arn(ctx, req))
    if found is None:
        raise REALTIME_LOG.missing()
    return found


def _checked(config: dict[str, Any]) -> dict[str, Any]:
    unknown = [field for field in config["Fields"] if field not in REALTIME]
    if unknown or not config["Fields"]:
        raise errors.invalid_argument(f"The parameter Fields contains values that are not valid: {unknown}")
    if not 1 <= config["SamplingRate"] <= 100:
        raise errors.invalid_argument("The parameter SamplingRate must be between 1 and 100.")
    if not config["EndPoints"] or any("KinesisStreamConfig" not in point for point in config["EndPoints"]):
        raise errors.invalid_argument("The parameter EndPoints must name a stream of Kinesis.")
    return config


def _render(part: Part) -> dict[str, Any]:
    return {"ARN": part.id, "Name": part.name, **part.config}
