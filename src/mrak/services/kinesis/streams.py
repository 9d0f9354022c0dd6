"""A stream: how it is named, found and shown.

StreamName and StreamARN name the same thing; only an ARN reaches a stream of another account, whose policy then has to
allow it. https://docs.aws.amazon.com/streams/latest/dev/controlling-access.html
"""

from __future__ import annotations

from typing import Any, NamedTuple

from mrak.auth.evaluation import AuthorizationRequest
from mrak.core.arn import arn as make_arn
from mrak.core.arn import find_arn
from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.scope import Scope
from mrak.services.iam import exports as iam
from mrak.services.kinesis import errors
from mrak.services.kinesis.tables import STREAMS, Stream


class Found(NamedTuple):
    """A stream, and the scope of the account that owns it."""

    scope: Scope
    stream: Stream

    @property
    def arn(self) -> str:
        return stream_arn(self.scope, self.stream.name)

    @property
    def account(self) -> str:
        return self.scope.account


def stream_arn(scope: Scope, name: str) -> str:
    return make_arn(scope, "kinesis", f"stream/{name}")


def topic(scope: Scope, number: int) -> str:
    """Notified when the stream has new records, or its shards change."""
    return f"kinesis.stream:{scope.account}:{scope.region}:{number}"


def name_in(stream_arn: str) -> str:
    """The stream's name in its ARN, or in that of one of its consumers."""
    return stream_arn.split(":", 5)[5].split("/")[1]


def parse_name(ctx: Context, req: dict[str, Any]) -> tuple[Scope, str]:
    """Whose stream a request is about, and its name."""
    name, arn = req.get("StreamName"), req.get("StreamARN")
    if arn is None:
        if name is None:
            raise errors.stream_not_named()
        return ctx.scope, name
    named = name_in(arn)
    if name is not None and name != named:
        raise errors.names_differ()
    return scope_of(ctx, arn), named


def scope_of(ctx: Context, arn: str) -> Scope:
    """Whose the thing is that an ARN names. A region has streams of its own: one of another is not found here."""
    found = find_arn(arn)
    assert found is not None, "the model's pattern lets nothing else through"
    return ctx.scope.in_account(found.account)


def find(tx: Transaction, scope: Scope, name: str) -> Found | None:
    stream = STREAMS.get(tx, scope, name)
    return None if stream is None else Found(scope, stream)


def require(ctx: Context, tx: Transaction, req: dict[str, Any], *, opens: bool = False) -> Found:
    """The stream that a request names by StreamName, StreamARN or both; opened for writing where asked for."""
    scope, name = parse_name(ctx, req)
    stream = STREAMS.open(tx, scope, name) if opens else STREAMS.get(tx, scope, name)
    check_access(ctx, tx, scope, stream_arn(scope, name), "" if stream is None else stream.policy)
    if stream is None:
        raise errors.stream_not_found(name, scope.account)
    ctx.about(stream_arn(scope, name))
    return Found(scope, stream)


def check_access(ctx: Context, tx: Transaction, scope: Scope, arn: str, policy: str = "") -> None:
    """Raises AccessDeniedException where the caller may not do it. `policy` is the resource's ("": none)."""
    principal: Any = ctx.principal
    if scope.account == ctx.scope.account and not policy and not ctx.principal.is_judged:
        return
    deviation("KINESIS-004")
    context = iam.request_conditions(ctx)
    request = AuthorizationRequest(principal, f"kinesis:{ctx.operation}", arn, ctx.now, scope.account, context)
    iam.authorize(ctx, tx, request, policy or None)


def check_creation(found: Found, req: dict[str, Any]) -> None:
    """Tells a stream from an earlier one of its name, where the request says which it means."""
    if req.get("StreamCreationTimestamp", found.stream.created_at) != found.stream.created_at:
        raise errors.stream_not_found(found.stream.name, found.account)


def check_dry_run(req: dict[str, Any]) -> None:
    """A dry run ends where everything about the request was found good."""
    if req.get("DryRun"):
        raise errors.dry_run()


def check_provisioned(found: Found) -> None:
    if found.stream.is_on_demand:
        raise errors.on_demand(found.stream.name, found.account)


def render_head(found: Found) -> dict[str, Any]:
    """What DescribeStream and DescribeStreamSummary have in common."""
    # KINESIS-001: what AWS takes a while for has happened when the call returns.
    deviation("KINESIS-001")
    stream = found.stream
    shown: dict[str, Any] = {
        "StreamName": stream.name,
        "StreamARN": found.arn,
        "StreamStatus": "ACTIVE",
        "StreamModeDetails": {"StreamMode": stream.mode},
        "RetentionPeriodHours": stream.retention_hours,
        "StreamCreationTimestamp": stream.created_at,
        "EnhancedMonitoring": [{"ShardLevelMetrics": list(stream.metrics)}],
        "EncryptionType": "KMS" if stream.key_id else "NONE",
    }
    return shown | ({"KeyId": stream.key_id} if stream.key_id else {})
