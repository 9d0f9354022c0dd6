"""User import jobs: a CSV file is put to a URL of the job's own, and its lines become users who have to set a password.

https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-using-import-tool.html

A job works through its file in pieces, each in one transaction with the count of what is done, so that it goes on
where it was after a crash. What became of each line is logged where AWS logs it.
"""

from __future__ import annotations

import csv
import hmac
import io
from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import Final

import msgspec

from mrak.core.background import Delivery
from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.core.http import Request, Response
from mrak.core.operation import delivery
from mrak.core.scope import Scope
from mrak.services.cognito_idp import errors, pools, schema, users
from mrak.services.cognito_idp.tables import IMPORTS, Import, Pool, User
from mrak.services.logs import exports as logs

KIND: Final = "cognito-idp.import"
CREATED, PENDING, RUNNING, STOPPED, EXPIRED = "Created", "Pending", "InProgress", "Stopped", "Expired"
USERNAME: Final = "cognito:username"
MFA: Final = "cognito:mfa_enabled"
_VALID_SECONDS: Final = 86_400.0
_PIECE: Final = 50
_MOST_BYTES: Final = 16 * 1024 * 1024
_MOST_FIELDS: Final = 128


def header_of(pool: Pool) -> list[str]:
    """The columns of a pool's files, as GetCSVHeader tells them."""
    own = [attribute["Name"] for attribute in pool.schema if attribute["Name"] != "sub"]
    standard = [name for name in own if ":" not in name]
    return [*standard, MFA, *(name for name in own if ":" in name), USERNAME]


def require(tx: Transaction, scope: Scope, pool_id: str, job_id: str) -> Import:
    found = IMPORTS.open(tx, scope, pool_id, job_id)
    if found is None:
        raise errors.not_found(f"User import job {job_id} does not exist.")
    return found


def status_of(ctx: Context, job: Import) -> str:
    is_late = job.status == CREATED and ctx.now >= job.created_at + _VALID_SECONDS
    return EXPIRED if is_late else job.status


def start(ctx: Context, tx: Transaction, scope: Scope, job: Import) -> Import:
    """Queues a job whose file is there, while no other runs."""
    if status_of(ctx, job) != CREATED:
        raise errors.precondition(f"The job is {status_of(ctx, job)} and cannot be started.")
    if not job.has_file:
        raise errors.precondition("No file has been uploaded for the job.")
    if any(other.status in (PENDING, RUNNING) for other in IMPORTS.scan(tx, scope, job.pool)):
        raise errors.precondition("Another job of the user pool is running.")
    begun = msgspec.structs.replace(job, status=PENDING, started_at=ctx.now)
    IMPORTS.replace(tx, scope, job, begun)
    payload = msgspec.msgpack.encode((job.pool, job.id))
    lane = f"{KIND}/{job.pool}"
    tx.enqueue(Delivery(kind=KIND, lane=lane, scope=scope, payload=payload, trace=ctx.trace, enqueued_at=ctx.now))
    return begun


async def receive(ctx: Context, request: Request, scope: Scope, pool: Pool, job_id: str, key: str) -> Response:
    """The upload: a PUT to the job's URL, which nobody else can know."""
    body = request.body or b""

    def keep(tx: Transaction) -> int:
        job = IMPORTS.open(tx, scope, pool.id, job_id)
        if job is None or not hmac.compare_digest(job.key.encode(), key.encode()):
            return 403
        if status_of(ctx, job) != CREATED:
            return 403
        if len(body) > _MOST_BYTES:
            return 413
        IMPORTS.replace(tx, scope, job, msgspec.structs.replace(job, file=body, has_file=True))
        return 200

    return Response(await ctx.transact(keep), [], b"")


@delivery(KIND)
async def run(ctx: Context, delivery: Delivery) -> None:
    """Works through a file from where the job stands to its end."""
    pool_id, job_id = msgspec.msgpack.decode(delivery.payload, type=tuple[str, str])
    found = await ctx.transact(lambda tx: IMPORTS.get(tx, delivery.scope, pool_id, job_id))
    if found is None:
        return
    rows = islice(_rows(found.file), found.done, None)
    while True:
        piece = list(islice(rows, _PIECE))
        if await ctx.transact(partial(_take, ctx, delivery.scope, (pool_id, job_id), piece)):
            return


def _rows(file: bytes) -> Iterator[dict[str, str]]:
    """The lines by column; a file that is no CSV has none."""
    text = file.decode("utf-8-sig", "replace")
    reader = csv.reader(io.StringIO(text, newline=""))
    header = next(reader, [])[:_MOST_FIELDS]
    for row in reader:
        if row:
            yield dict(zip(header, row, strict=False))


def _take(ctx: Context, scope: Scope, place: tuple[str, str], piece: list[dict[str, str]], tx: Transaction) -> bool:
    """Imports some lines and counts them. True once there is nothing more to do."""
    job = IMPORTS.open(tx, scope, *place)
    if job is None or job.status not in (PENDING, RUNNING):
        return True
    pool = pools.require_pool(tx, scope, job.pool)
    changed = msgspec.structs.replace(job, status=RUNNING)
    lines: list[tuple[int, str]] = []
    for number, row in enumerate(piece, job.done + 1):
        outcome, reason = _import(ctx, tx, scope, pool, row)
        counted = {outcome: getattr(changed, outcome) + 1}
        changed = msgspec.structs.replace(changed, done=number, **counted)
        words = {"imported": "SUCCEEDED", "skipped": "SKIPPED", "failed": "FAILED"}[outcome]
        lines.append((int(ctx.now * 1000), f"[{words}] Line Number {number} - {reason}"))
    if lines:
        group = f"/aws/cognito/userpools/{pool.id}/{pool.name}"
        logs.append(ctx, tx, scope, group, f"{job.name}/{job.id}", lines)
    is_over = len(piece) < _PIECE
    if is_over:
        changed = _ended(ctx, changed)
    IMPORTS.replace(tx, scope, job, changed)
    return is_over


def _ended(ctx: Context, job: Import) -> Import:
    """A job fails when it was given lines and none became a user or was one already."""
    is_failure = job.done == 0 or job.failed == job.done
    said = "The_file_has_no_valid_users" if is_failure else "Import_Job_Completed_Successfully"
    status = "Failed" if is_failure else "Succeeded"
    return msgspec.structs.replace(job, status=status, message=said, ended_at=ctx.now, file=b"")


def _import(ctx: Context, tx: Transaction, scope: Scope, pool: Pool, row: dict[str, str]) -> tuple[str, str]:
    """(imported, skipped or failed; why)."""
    known = {attribute["Name"] for attribute in pool.schema} - {"sub"}
    given = {name: value for name, value in row.items() if name in known and value}
    given |= {name: value.lower() for name, value in given.items() if name.endswith("_verified")}
    try:
        schema.check_values(pool, given, is_new=True)
        username, sub, attributes = users.username_of(ctx, pool, _name_of(pool, row), given)
        schema.check_required(pool, attributes, is_new=True)
        if users.find(tx, scope, pool, username) is not None:
            return "skipped", "The user already exists."
        _check_verified(attributes)
        user = User(
            pool=pool.id,
            username=username,
            sub=sub,
            created_at=ctx.now,
            modified_at=ctx.now,
            attributes=attributes,
            status="RESET_REQUIRED",
            mfa=["SMS_MFA"] if row.get(MFA, "").lower() == "true" else [],
        )
        # Before anything is written: the other lines' users are in the same transaction.
        users.check_free(tx, scope, pool, user)
        users.insert(ctx, tx, scope, pool, user)
    except ApiError as failure:
        return "failed", failure.message.strip()
    return "imported", "The import succeeded."


def _name_of(pool: Pool, row: dict[str, str]) -> str:
    for kind in pool.settings.get("UsernameAttributes", []):
        if row.get(kind):
            return row[kind]
    if not row.get(USERNAME):
        raise errors.invalid(f"{USERNAME} is missing.")
    return row[USERNAME]


def _check_verified(attributes: dict[str, str]) -> None:
    """Whoever is imported must be able to set a password: by an address that is verified."""
    if not any(attributes.get(f"{name}_verified") == "true" for name in schema.VERIFIABLE if attributes.get(name)):
        raise errors.invalid("The user has neither a verified email address nor a verified phone number.")
