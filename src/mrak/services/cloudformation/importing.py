"""Change sets of type IMPORT: resources that exist already become part of a stack."""

from __future__ import annotations

import json
from typing import Any

from mrak.core.context import Context, Transaction
from mrak.services.cloudformation import events
from mrak.services.cloudformation.tables import VERSIONS, Row, Stack


def adopt(ctx: Context, tx: Transaction, stack: Stack, item: dict[str, Any]) -> None:
    """Writes the row of an imported resource, which the deployment then updates to what the template says."""
    version = VERSIONS.get(tx, ctx.scope, stack.id, stack.target)
    assert version is not None
    declared = json.loads(version.processed)["Resources"][item["LogicalResourceId"]]
    identity = item["ResourceIdentifier"]
    physical_id = "|".join(str(value) for value in identity.values())
    row = Row(
        stack_id=stack.id,
        logical_id=item["LogicalResourceId"],
        type=item["ResourceType"],
        status="IMPORT_COMPLETE",
        updated_at=ctx.now,
        physical_id=physical_id,
        name=physical_id,
        properties=json.dumps(identity, sort_keys=True),
        deletion_policy=str(declared.get("DeletionPolicy", "Delete")),
    )
    events.put_row(tx, ctx.scope, row)
    events.tell(ctx, tx, stack, row)
