"""Rotation by a function: its four steps for a new version, at once and then as the rules say.

A rotation under way is the version that AWSPENDING was put on; a delivery makes its steps, in order, each with the
same token, so that a step that runs twice (after a crash) finds what the first run did, as AWS asks of such functions.
When a step fails for good the version stays pending, and the next rotation that is due goes on with it.
https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.auth.principals import service_principal
from mrak.core.arn import find_arn
from mrak.core.background import Delivery, Retry, Timer, Undeliverable, settle
from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.core.operation import operation
from mrak.core.scope import Scope
from mrak.lang import schedules
from mrak.services.secretsmanager import errors, secrets
from mrak.services.secretsmanager.tables import SECRETS, Rotation, Secret

STEPS = "secretsmanager.rotation"
DUE = "secretsmanager.rotate"
_PENDING = "AWSPENDING"
_SERVICE = "secretsmanager.amazonaws.com"
_DAY_SECONDS = 86_400.0


class Steps(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """What a rotation's delivery has to do."""

    name: str
    token: str
    function_arn: str
    steps: list[str]


@operation("RotateSecret")
def rotate_secret(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    secrets.check_token(ctx, req)
    home, secret = secrets.require_primary(tx, ctx.scope, req["SecretId"])
    before = secret.rotation
    function_arn = req.get("RotationLambdaARN") or (before.function_arn if before else "")
    if not function_arn:
        raise errors.no_rotation_function()
    rules = req.get("RotationRules") or (before.rules if before else {})
    _check_rules(rules)
    if _is_pending(secret):
        raise errors.rotation_under_way()
    _check_function(ctx, tx, home, secret, function_arn)
    SECRETS.lock(tx, home, secret.name)
    at_once = req.get("RotateImmediately", True)
    fresh = Rotation(
        function_arn=function_arn,
        rules=rules,
        token=req.get("ClientRequestToken") or ctx.draw.uuid(),
        began_at=ctx.now,
        rotated_at=before.rotated_at if before else 0.0,
        next_at=_next_at(rules, ctx.now),
    )
    answer = secrets.identify(home, secret)
    changed = msgspec.structs.replace(secret, rotation=fresh)
    if at_once:
        changed = begin(ctx, tx, home, changed, fresh)
        answer["VersionId"] = fresh.token
    else:
        _enqueue(ctx, tx, home, secret, msgspec.structs.replace(fresh, token=ctx.draw.uuid()), ["testSecret"])
        changed = msgspec.structs.replace(changed, rotation=msgspec.structs.replace(fresh, token=""))
    secrets.save(tx, home, secret, changed)
    schedule(tx, home, changed)
    return answer


def _check_rules(rules: dict[str, Any]) -> None:
    days, expression = rules.get("AutomaticallyAfterDays"), rules.get("ScheduleExpression")
    if days is not None and expression is not None:
        raise errors.invalid_parameter("You can't specify both AutomaticallyAfterDays and ScheduleExpression.")
    if expression is not None:
        try:
            schedules.parse(expression, strict_plural=False)
        except schedules.ScheduleError:
            raise errors.invalid_parameter("The ScheduleExpression isn't valid.") from None


def _is_pending(secret: Secret) -> bool:
    """Whether AWSPENDING is on a version that never became the current one."""
    pending = secret.stages.get(_PENDING)
    return pending is not None and pending != secret.stages.get(secrets.CURRENT)


def _check_function(ctx: Context, tx: Transaction, home: Scope, secret: Secret, function_arn: str) -> None:
    """The function exists, and its policy lets Secrets Manager in."""
    from mrak.services.lambda_ import exports as functions

    parsed = find_arn(function_arn)
    if parsed is None or parsed.service != "lambda" or not functions.function_exists(tx, home, function_arn):
        raise errors.function_not_invokable()
    if not functions.may_invoke(tx, ctx, function_arn, _caller(home, secret)):
        raise errors.function_not_invokable()


def _caller(home: Scope, secret: Secret) -> tuple[str, str, str]:
    return _SERVICE, home.account, secrets.secret_arn(home, secret)


def _next_at(rules: dict[str, Any], now: float) -> float:
    """When the rules let it rotate again; 0 where they do not say."""
    if "AutomaticallyAfterDays" in rules:
        return now + float(rules["AutomaticallyAfterDays"]) * _DAY_SECONDS
    if "ScheduleExpression" in rules:
        schedule = schedules.parse(rules["ScheduleExpression"], strict_plural=False)
        return schedule.next_after(now, now) or 0.0
    return 0.0


def begin(ctx: Context, tx: Transaction, home: Scope, secret: Secret, rotation: Rotation) -> Secret:
    """Puts AWSPENDING on a version without a value yet, and sets the four steps going."""
    _enqueue(ctx, tx, home, secret, rotation, ["createSecret", "setSecret", "testSecret", "finishSecret"])
    stages = {**secret.stages, _PENDING: rotation.token}
    return msgspec.structs.replace(secret, stages=stages, rotation=rotation)


def _enqueue(ctx: Context, tx: Transaction, home: Scope, secret: Secret, rotation: Rotation, steps: list[str]) -> None:
    work = Steps(name=secret.name, token=rotation.token, function_arn=rotation.function_arn, steps=steps)
    delivery = Delivery(
        kind=STEPS,
        lane=f"secretsmanager/{home.account}/{home.region}/{secret.name}",
        scope=home,
        payload=msgspec.msgpack.encode(work),
        retry=Retry(attempts=3),
        trace=ctx.trace,
        enqueued_at=ctx.now,
        due_at=ctx.now,
    )
    tx.enqueue(delivery)


def schedule(tx: Transaction, home: Scope, secret: Secret) -> None:
    """Sets the timer of the next rotation."""
    rotation = secret.rotation
    if rotation is not None and rotation.enabled and rotation.next_at:
        tx.at(Timer(kind=DUE, key=secret.name, due_at=rotation.next_at, scope=home))


async def make_steps(ctx: Context, home: Scope, work: Steps) -> None:
    """The steps of a rotation, one after the other. Raises Undeliverable where the function fails."""
    secret = await ctx.transact(lambda tx: SECRETS.get(tx, home, work.name))
    if secret is None or secret.deleted_at:
        return
    for step in work.steps:
        await _invoke(ctx, home, secret, work, step)
    if work.steps[-1] == "finishSecret":
        await ctx.transact(lambda tx: _finish(ctx, tx, home, work))


async def _invoke(ctx: Context, home: Scope, secret: Secret, work: Steps, step: str) -> None:
    event = {"Step": step, "SecretId": secrets.secret_arn(home, secret), "ClientRequestToken": work.token}
    asked = {"FunctionName": work.function_arn, "Payload": msgspec.json.encode(event)}
    principal = service_principal(*_caller(home, secret))
    try:
        answer = await ctx.call("lambda", "Invoke", asked, scope=home, principal=principal)
    except ApiError as error:
        raise settle(error) from error
    if answer.get("FunctionError"):
        raise Undeliverable(f"{step} of {work.function_arn} failed: {answer['FunctionError']}")


def _finish(ctx: Context, tx: Transaction, home: Scope, work: Steps) -> None:
    """A rotation is over when the function made its version the current one; AWSPENDING goes by itself."""
    secret = SECRETS.open(tx, home, work.name)
    rotation = secret.rotation if secret is not None else None
    if secret is None or rotation is None or rotation.token != work.token:
        return
    if secret.stages.get(secrets.CURRENT) != work.token:
        return
    done = msgspec.structs.replace(rotation, token="", rotated_at=ctx.now)
    stages = {stage: version for stage, version in secret.stages.items() if (stage, version) != (_PENDING, work.token)}
    changed = msgspec.structs.replace(secret, stages=stages, rotation=done, changed_at=ctx.now)
    secrets.save(tx, home, secret, changed)


def rotate_again(ctx: Context, tx: Transaction, home: Scope, secret: Secret) -> None:
    """A rotation that is due, of an open secret: of the version still pending, or of a fresh one."""
    assert secret.rotation is not None
    pending = secret.stages.get(_PENDING, "") if _is_pending(secret) else ""
    rotation = msgspec.structs.replace(
        secret.rotation,
        token=pending or ctx.draw.uuid(),
        began_at=ctx.now,
        next_at=_next_at(secret.rotation.rules, ctx.now),
    )
    changed = begin(ctx, tx, home, secret, rotation)
    secrets.save(tx, home, secret, changed)
    schedule(tx, home, changed)


@operation("CancelRotateSecret")
def cancel_rotate_secret(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """Ends the schedule; a version that is pending stays so, for the user to clean up.

    A secret that was never rotated is taken too, and shows from then on that it does not rotate."""
    home, secret = secrets.require_primary(tx, ctx.scope, req["SecretId"])
    rotation = secret.rotation or Rotation(function_arn="")
    SECRETS.lock(tx, home, secret.name)
    tx.cancel(Timer(kind=DUE, key=secret.name, due_at=rotation.next_at, scope=home))
    ended = msgspec.structs.replace(rotation, enabled=False, next_at=0.0)
    secrets.save(tx, home, secret, msgspec.structs.replace(secret, rotation=ended))
    answer = secrets.identify(home, secret)
    return answer | ({"VersionId": secret.stages[_PENDING]} if _is_pending(secret) else {})
