"""The run of an import: a new table, filled from the objects under a prefix of a bucket.

Items that no table of this schema could hold are counted and left out; a line that cannot be read ends its object. With
any of these the import has failed, and the table keeps what was right.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataImport.HowItWorks.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

from mrak.core.background import Delivery, Retry, parse_dead
from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.core.operation import delivery
from mrak.core.scope import Scope
from mrak.lang.ddb.values import Item
from mrak.services.dynamodb import transfer_formats, transfer_objects, transfers, writes
from mrak.services.dynamodb.item_operations import execute
from mrak.services.dynamodb.table_operations import new_record
from mrak.services.dynamodb.tables import TABLES, find_schema
from mrak.services.dynamodb.transfer_formats import Unreadable
from mrak.services.dynamodb.transfers import IMPORTS, Transfer

IMPORT, IMPORT_FAILED = "dynamodb.import", "dynamodb.import-failed"
_CHUNK_ITEMS = 500
_INVALID_ITEMS = {
    "FailureCode": "ItemValidationError",
    "FailureMessage": (
        "Some of the items failed validation checks and were not imported. Please check CloudWatch error logs for more "
        "details."
    ),
}


def begin(ctx: Context, tx: Transaction, scope: Scope, job: Transfer) -> None:
    transfers.start(tx, scope, IMPORTS, "import", job)
    tx.enqueue(
        Delivery(
            kind=IMPORT,
            lane=f"{IMPORT}/{job.id}",
            scope=scope,
            payload=job.id.encode(),
            retry=Retry(attempts=5),
            dead=IMPORT_FAILED,
            trace=ctx.trace,
            enqueued_at=ctx.now,
        )
    )


@delivery(IMPORT)
async def run(ctx: Context, made: Delivery) -> None:
    """Looks at the bucket first: where there is none, there will be no table. A second attempt puts the same items."""
    scope, job_id = made.scope, made.payload.decode()
    job = await ctx.transact(lambda tx: IMPORTS.get(tx, scope, job_id))
    if job is None or job.status != transfers.IN_PROGRESS:
        return
    run = _Run(ctx, scope, job)
    try:
        outcome = await run.fill()
    except ApiError as error:
        if not error.sender or error.retryable:
            raise
        outcome = run.counts() | transfers.render_failure(error, ctx.request_id)
    now = ctx.clock()
    await ctx.transact(lambda tx: transfers.end(tx, scope, IMPORTS, job_id, now, outcome))


@delivery(IMPORT_FAILED)
def fail(ctx: Context, tx: Transaction, made: Delivery) -> None:
    dead = parse_dead(made.payload)
    outcome = {"FailureCode": "UNKNOWN", "FailureMessage": dead.failure}
    transfers.end(tx, dead.scope, IMPORTS, dead.payload.decode(), ctx.now, outcome)


@dataclass(slots=True)
class _Run:
    """One import under way."""

    ctx: Context
    scope: Scope
    job: Transfer
    processed: int = 0
    imported: int = 0
    wrong: int = 0
    size_bytes: int = 0

    def counts(self) -> dict[str, Any]:
        return {
            "ProcessedItemCount": self.processed,
            "ImportedItemCount": self.imported,
            "ErrorCount": self.wrong,
            **({"ProcessedSizeBytes": self.size_bytes} if self.size_bytes else {}),
        }

    async def fill(self) -> dict[str, Any]:
        found = await transfer_objects.list_objects(self.ctx, self.job.request["S3BucketSource"])
        if not await self.ctx.transact(self._make_table):
            message = f"Table already exists: {self.job.table}"
            return self.counts() | {"FailureCode": "TableAlreadyExists", "FailureMessage": message}
        for key, _ in found:
            await self._import_object(key)
        return self.counts() | (_INVALID_ITEMS if self.wrong else {})

    def _make_table(self, tx: Transaction) -> bool:
        """False where another table of this name is there."""
        known = TABLES.open(tx, self.scope, self.job.table)
        if known is None:
            parameters = self.job.request["TableCreationParameters"]
            TABLES.insert(tx, self.scope, new_record(self.ctx, tx, self.scope, parameters, self.job.table_id))
            return True
        return known.id == self.job.table_id

    async def _import_object(self, key: str) -> None:
        body = await transfer_objects.read_object(self.ctx, self.job.request["S3BucketSource"], key)
        try:
            content = transfer_formats.expand(body, self.job.request["InputCompressionType"])
        except Unreadable:
            self._leave_out()
            return
        self.size_bytes += len(content)
        items = self._read(content)
        while True:
            chunk, is_whole = _take(items)
            if chunk:
                put = await self.ctx.transact(partial(self._put, chunk=chunk))
                self.imported += put
                self.processed += len(chunk)
                self.wrong += len(chunk) - put
            if not is_whole:
                self._leave_out()
                return
            if len(chunk) < _CHUNK_ITEMS:
                return

    def _leave_out(self) -> None:
        self.processed += 1
        self.wrong += 1

    def _read(self, content: bytes) -> Iterator[Item]:
        asked = self.job.request
        if asked["InputFormat"] == "DYNAMODB_JSON":
            yield from (line.item for line in transfer_formats.read_json(content))  # type: ignore[misc]
        elif asked["InputFormat"] == "ION":
            yield from (line.item for line in transfer_formats.read_ion(content))  # type: ignore[misc]
        else:
            options = asked.get("InputFormatOptions", {}).get("Csv", {})
            definitions = asked["TableCreationParameters"]["AttributeDefinitions"]
            kinds = {it["AttributeName"]: it["AttributeType"] for it in definitions}
            yield from transfer_formats.read_csv(
                content, kinds, options.get("Delimiter", ","), options.get("HeaderList")
            )

    def _put(self, tx: Transaction, chunk: list[Item]) -> int:
        """Puts what is right of some items; how many these were."""
        schema = find_schema(tx, self.scope, self.job.table)
        if schema is None or schema.record.id != self.job.table_id:
            return 0
        put = 0
        for item in chunk:
            try:
                write = writes.parse_put({"Item": dict(item)})
                write.locate(schema)
                # What this refuses, it has not begun to write.
                execute(self.ctx, tx, schema, write)
            except ApiError:
                continue
            put += 1
        return put


def _take(items: Iterator[Item]) -> tuple[list[Item], bool]:
    """The next items, and whether all that was read could be."""
    chunk: list[Item] = []
    try:
        chunk.extend(islice(items, _CHUNK_ITEMS))
    except Unreadable:
        return chunk, False
    return chunk, True
