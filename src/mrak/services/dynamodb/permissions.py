"""What members of a global table of several accounts let each other do, by their tables' resource policies.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/globaltables_MA_security.html
"""

from __future__ import annotations

from mrak.auth.evaluation import lets_service_act
from mrak.auth.principals import service_principal
from mrak.core.context import Context
from mrak.core.scope import Scope
from mrak.services.dynamodb.tables import TableRecord, table_arn

SERVICE = "replication.dynamodb.amazonaws.com"
_READ, _WRITE = "ReadDataForReplication", "WriteDataForReplication"
ALL = (_READ, _WRITE, "ReplicateSettings")
Member = tuple[Scope, TableRecord]


def allows(ctx: Context, member: Member, action: str, other: Scope) -> bool:
    """Whether a member's policy lets replication do something with it for another member."""
    scope, record = member
    if record.policy is None:
        return False
    service = service_principal(SERVICE, other.account, table_arn(other, record.name))
    return lets_service_act(
        record.policy, service, f"dynamodb:{action}", table_arn(scope, record.name), int(ctx.now // 60)
    )


def may_write(ctx: Context, source: Member, target: Member) -> bool:
    """Whether writes go from one member to another: the one lets them be read, the other lets them be written."""
    return allows(ctx, source, _READ, target[0]) and allows(ctx, target, _WRITE, source[0])
