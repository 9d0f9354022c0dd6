"""The role of a function: whether Lambda may assume it, and the keys that the function gets of it.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html
"""

from __future__ import annotations

import hashlib

from mrak.auth.credentials import Session, issue_session
from mrak.auth.principals import Principal
from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.functions import Credentials
from mrak.core.scope import Scope
from mrak.services.lambda_ import errors

# An environment's clock can be advanced, and an instance can live long: its keys must outlive both.
_CREDENTIALS_SECONDS = 365 * 86_400.0


def check_role(ctx: Context, tx: Transaction, role_arn: str) -> None:
    """Refuses a role that does not trust Lambda. One that does not exist is taken (LAMBDA-001)."""
    from mrak.services.iam import exports as iam  # only those who create functions need it

    deviation("LAMBDA-001")
    if iam.role_distrusts_service(tx, ctx.scope.environment, role_arn, "lambda.amazonaws.com", ctx.now):
        raise errors.invalid("The role defined for the function cannot be assumed by Lambda.")


async def issue_credentials(ctx: Context, scope: Scope, role_arn: str, function: str) -> Credentials:
    """Temporary keys as of an AssumeRole by Lambda with the function's name as session. One letter is too short for
    that (LocalStack's test_assume_role[1], run against AWS).
    """
    from mrak.services.iam import exports as iam

    name = f"{function}@lambda_function" if len(function) == 1 else function
    found = await ctx.transact(lambda tx: iam.find_role_session(tx, scope.environment, role_arn, name))
    principal = found if found is not None else _unknown_role(scope, role_arn, name)
    now = ctx.clock()
    session = Session(
        environment=scope.environment,
        account=principal.account,
        kind="role-session",
        arn=principal.arn,
        user_id=principal.user_id,
        name=principal.name,
        expiration=now + _CREDENTIALS_SECONDS,
        issuer_arn=role_arn,
        tags=principal.tags,
        issued_at=now,
        is_of_service=True,
    )
    return issue_session(ctx.part("server_secret"), session, ctx.draw)


def _unknown_role(scope: Scope, role_arn: str, function: str) -> Principal:
    """A session of a role that nobody created, in the function's own account."""
    name = role_arn.rpartition("/")[2]
    role_id = "AROA" + hashlib.sha256(role_arn.encode()).hexdigest()[:17].upper()
    return Principal(
        kind="role-session",
        account=scope.account,
        arn=f"arn:{scope.partition}:sts::{scope.account}:assumed-role/{name}/{function}",
        user_id=f"{role_id}:{function}",
        name=name,
        issuer_arn=role_arn,
    )
