"""Whether the policies of the caller itself let it do what it asks: those of IAM's users and of roles.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/how-s3-evaluates-access-control.html

Within one account either side may allow, the caller's policies or the bucket's; across accounts both have to. Root, and
services that act on their own, have no policies. S3-021: nor has a role that nobody made, which other services take, or
one that holds a policy of AWS's that is not built in; neither is held against a caller.
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.auth.evaluation import AuthorizationRequest, Named, evaluate
from mrak.auth.policy import parse_policy
from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.services.iam import exports as iam
from mrak.services.s3.tables import Bucket

deviation("S3-021")


def allow(
    ctx: Context, tx: Transaction, bucket: Bucket, action: str, resource: str, conditions: dict[str, Any]
) -> bool:
    principal: Any = ctx.principal
    policies = iam.find_policies_of(tx, ctx.scope.environment, principal)
    if policies is None:
        return True
    if principal.account == bucket.account and bucket.policy:
        policies = msgspec.structs.replace(policies, resource=Named(bucket.name, parse_policy(bucket.policy)))
    # What the bucket says to other accounts is judged apart from this, as it may say it by a list too.
    request = AuthorizationRequest(principal, action, resource, ctx.now, principal.account, conditions)
    return iam.lets_pass(ctx, evaluate(request, policies), request)


def allow_account(ctx: Context, tx: Transaction, action: str, resource: str) -> bool:
    """Of what is done to the account, or makes a bucket."""
    principal: Any = ctx.principal
    policies = iam.find_policies_of(tx, ctx.scope.environment, principal) if principal.is_judged else None
    if policies is None:
        return True
    request = AuthorizationRequest(principal, action, resource, ctx.now, principal.account, {})
    return iam.lets_pass(ctx, evaluate(request, policies), request)
