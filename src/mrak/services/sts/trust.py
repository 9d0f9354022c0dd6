"""Whether a role lets a caller assume it.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_update-role-trust-policy.html

The trust policy is the role's resource-based policy, and it is always needed; where it names only the caller's account,
the caller's own policies have to allow as well.
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.auth.evaluation import AuthorizationRequest, Named, evaluate
from mrak.auth.policy import parse_policy
from mrak.auth.principals import Principal
from mrak.core.context import Context, Transaction
from mrak.services.iam import exports as iam
from mrak.services.iam.exports import Role
from mrak.services.sts import errors


def check_trust(ctx: Context, tx: Transaction, caller: Principal, role: Role, req: dict[str, Any]) -> None:
    """Raises AccessDenied unless `caller` may do with the role all that the request implies."""
    role_arn = req["RoleArn"]
    policies = msgspec.structs.replace(
        iam.policies_of(tx, ctx.scope.environment, caller),
        resource=Named("trust policy", parse_policy(role.trust, "trust")),
        needs_resource_policy=True,
    )
    context = request_context(req)
    for action in _actions(req):
        request = AuthorizationRequest(caller, action, role_arn, ctx.now, role_arn.split(":")[4], context)
        if not evaluate(request, policies).allowed:
            raise errors.not_authorized(caller.arn, action, role_arn)


def _actions(req: dict[str, Any]) -> list[str]:
    actions = ["sts:AssumeRole"]
    if req.get("Tags"):
        actions.append("sts:TagSession")
    if req.get("SourceIdentity"):
        actions.append("sts:SetSourceIdentity")
    return actions


def request_context(req: dict[str, Any]) -> dict[str, Any]:
    """What a trust policy's conditions can ask about.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#condition-keys-sts
    """
    context: dict[str, Any] = {"sts:rolesessionname": req["RoleSessionName"]}
    if "ExternalId" in req:
        context["sts:externalid"] = req["ExternalId"]
    if "SourceIdentity" in req:
        context["sts:sourceidentity"] = req["SourceIdentity"]
    tags = req.get("Tags", [])
    if tags:
        context["aws:tagkeys"] = [tag["Key"] for tag in tags]
        context |= {f"aws:requesttag/{tag['Key'].lower()}": tag["Value"] for tag in tags}
    if req.get("TransitiveTagKeys"):
        context["sts:transitivetagkeys"] = req["TransitiveTagKeys"]
    return context
