"""The policy simulator: the same evaluation as requests get, on policies and context that the caller names.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from mrak.auth.evaluation import (
    AuthorizationRequest,
    Decision,
    Named,
    PolicySet,
    evaluate,
    matching_statements,
)
from mrak.auth.grammar import PolicyKind
from mrak.auth.policy import Policy, parse_policy
from mrak.auth.principals import Kind as PrincipalKind
from mrak.auth.principals import Principal
from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.core.operation import operation
from mrak.services.iam import effective, entities, errors, managed, names
from mrak.services.iam.tables import Entity

_VARIABLE = re.compile(r"\$\{\s*([\w:/.-]+)")


@operation("SimulatePrincipalPolicy")
def simulate_principal_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    entity, kind = _require_source(ctx, tx, req["PolicySourceArn"])
    held = effective.policies_of_entity(tx, ctx.scope, entity, kind)
    caller = _caller(ctx, req.get("CallerArn") or req["PolicySourceArn"], entity)
    texts = _texts_of(tx, ctx, entity, kind)
    results = _simulate(ctx, req, caller, held, texts)
    for result in results:
        result["OrganizationsDecisionDetail"] = {"AllowedByOrganizations": True}
    return _page(req, results)


@operation("SimulateCustomPolicy")
def simulate_custom_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    caller = _caller(ctx, req.get("CallerArn") or f"arn:aws:iam::{ctx.scope.account}:user/simulated", None)
    return _page(req, _simulate(ctx, req, caller, PolicySet(), {}))


@operation("GetContextKeysForCustomPolicy")
def get_context_keys_for_custom_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return {"ContextKeyNames": _context_keys(req["PolicyInputList"])}


@operation("GetContextKeysForPrincipalPolicy")
def get_context_keys_for_principal_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    entity, kind = _require_source(ctx, tx, req["PolicySourceArn"])
    texts = list(_texts_of(tx, ctx, entity, kind).values()) + req.get("PolicyInputList", [])
    return {"ContextKeyNames": _context_keys(texts)}


def _simulate(
    ctx: Context, req: dict[str, Any], caller: Principal, held: PolicySet, texts: dict[str, str]
) -> list[dict[str, Any]]:
    """One result for each action and resource, as AWS lists them."""
    policies = _with_inputs(req, held, texts)
    context = {
        entry["ContextKeyName"].lower(): _context_value(entry)
        for entry in req.get("ContextEntries", [])
        if "ContextKeyName" in entry
    }
    owner = req.get("ResourceOwner", "")
    account = owner.split(":")[4] if owner.startswith("arn:") else owner or caller.account
    results = []
    for action in req["ActionNames"]:
        for resource in req.get("ResourceArns") or ["*"]:
            request = AuthorizationRequest(caller, action, resource, ctx.now, account, context)
            results.append(_result(request, policies, texts))
    return results


def _with_inputs(req: dict[str, Any], held: PolicySet, texts: dict[str, str]) -> PolicySet:
    """The policies that count: those of the principal, and those that the caller gave. Notes the texts."""

    def given(member: str, kind: PolicyKind) -> tuple[Named, ...]:
        out = []
        for number, text in enumerate(req.get(member, []), 1):
            texts[f"{member}.{number}"] = text
            out.append(Named(f"{member}.{number}", _parse(text, kind)))
        return tuple(out)

    boundaries = given("PermissionsBoundaryPolicyInputList", "inline")
    resource = None
    if "ResourcePolicy" in req:
        texts["ResourcePolicy"] = req["ResourcePolicy"]
        resource = Named("ResourcePolicy", _parse(req["ResourcePolicy"], "resource"))
    return msgspec.structs.replace(
        held,
        identity=held.identity + given("PolicyInputList", "inline"),
        boundary=boundaries[0] if boundaries else held.boundary,
        resource=resource,
    )


def _parse(text: str, kind: PolicyKind) -> Policy:
    try:
        return parse_policy(text, kind)
    except ApiError as error:
        raise errors.invalid_input(error.message) from None


def _context_value(entry: dict[str, Any]) -> Any:
    values = entry.get("ContextKeyValues", [])
    return values if entry.get("ContextKeyType", "").endswith("List") or len(values) != 1 else values[0]


def _result(request: AuthorizationRequest, policies: PolicySet, texts: dict[str, str]) -> dict[str, Any]:
    decision = evaluate(request, policies)
    matched = [
        {
            "SourcePolicyId": named.name,
            "SourcePolicyType": _source_type(named.name),
            **_position(texts.get(named.name, ""), statement.index),
        }
        for _, named, statement in matching_statements(request, policies)
        if statement.allows == decision.allowed
    ]
    missing = _missing_keys(request, policies)
    outcome = _outcome(decision)
    result: dict[str, Any] = {
        "EvalActionName": request.action,
        "EvalResourceName": request.resource,
        "EvalDecision": outcome,
        "MatchedStatements": matched,
        "MissingContextValues": missing,
        "EvalDecisionDetails": {},
    }
    if policies.boundary is not None:
        allowed = decision.allowed or decision.policy_kind != "permissions boundary"
        result["PermissionsBoundaryDecisionDetail"] = {"AllowedByPermissionsBoundary": allowed}
    if request.resource != "*":
        result["ResourceSpecificResults"] = [
            {
                "EvalResourceName": request.resource,
                "EvalResourceDecision": outcome,
                "MatchedStatements": matched,
                "MissingContextValues": missing,
            }
        ]
    return result


def _outcome(decision: Decision) -> str:
    if decision.allowed:
        return "allowed"
    return "explicitDeny" if decision.is_explicit else "implicitDeny"


def _source_type(name: str) -> str:
    if name.startswith("PermissionsBoundary"):
        return "Permissions Boundary Policy"
    return "Resource Policy" if name == "ResourcePolicy" else "IAM Policy"


def _missing_keys(request: AuthorizationRequest, policies: PolicySet) -> list[str]:
    """Context keys that conditions ask for and the request has not, where the action is the one asked about."""
    action = request.action.lower()
    found: list[str] = []
    for named in policies.identity:
        for statement in named.policy.statements:
            if any(pattern.matches(action) for pattern in statement.actions) == statement.is_not_action:
                continue
            keys = (condition.key for condition in statement.conditions)
            found += [key for key in keys if request.context.get(key) is None and not key.startswith("aws:principal")]
    return sorted(set(found))


def _page(req: dict[str, Any], results: list[dict[str, Any]]) -> dict[str, Any]:
    after = names.marker_position(req)
    rows = list(enumerate(results))[int(after) + 1 if after is not None and after.isdigit() else 0 :]
    return names.page_of(req, "EvaluationResults", rows, lambda row: str(row[0]), lambda row: row[1])


# Whose policies ---------------------------------------------------------------------------------------------------


def _require_source(ctx: Context, tx: Transaction, arn: str) -> tuple[Entity, str]:
    name = names.name_in(arn)
    if ":user/" in arn:
        return entities.require(tx, ctx.scope, entities.USER, name), "user"
    if ":role/" in arn:
        return entities.require(tx, ctx.scope, entities.ROLE, name), "role"
    if ":group/" in arn:
        return entities.require(tx, ctx.scope, entities.GROUP, name), "group"
    raise errors.invalid_input(f"Invalid Entity Arn: {arn} does not clearly define entity type and name.")


def _caller(ctx: Context, arn: str, entity: Entity | None) -> Principal:
    is_role = ":role/" in arn
    kind: PrincipalKind = "root" if arn.endswith(":root") else "role-session" if is_role else "user"
    return Principal(
        kind=kind,
        account=arn.split(":")[4] if arn.count(":") >= 5 else ctx.scope.account,
        arn=arn,
        user_id=entity.id if entity is not None else "",
        name=names.name_in(arn),
        issuer_arn=arn if is_role else "",
        tags=tuple(entity.tags.items()) if entity is not None else (),
    )


def _texts_of(tx: Transaction, ctx: Context, entity: Entity, kind: str) -> dict[str, str]:
    """The documents of an entity's own policies by the names under which they are evaluated."""
    texts = {f"{kind}_{entity.name}_{name}": text for name, text in entity.inline.items()}
    for arn in entity.attached:
        document = managed.document_of(tx, ctx.scope, arn)
        if document is not None:
            texts[names.name_in(arn)] = document
    return texts


# Where in the text ------------------------------------------------------------------------------------------------


def _position(text: str, index: int) -> dict[str, Any]:
    """The statement's first and last character, by line and column from one."""
    span = next((span for at, span in enumerate(_statement_spans(text)) if at == index), None)
    if span is None:
        return {}
    return {"StartPosition": _place(text, span[0]), "EndPosition": _place(text, span[1] - 1)}


def _place(text: str, at: int) -> dict[str, int]:
    line_start = text.rfind("\n", 0, at) + 1
    return {"Line": text.count("\n", 0, at) + 1, "Column": at - line_start + 1}


def _statement_spans(text: str) -> Iterator[tuple[int, int]]:
    """(start, end) of each statement of a valid document."""
    decoder = json.JSONDecoder()
    skip = re.compile(r"[\s,:]*").match
    at = text.find("{") + 1
    while 0 < at < len(text):
        at = skip(text, at).end()  # type: ignore[union-attr]
        if text[at : at + 1] in ("}", ""):
            return
        key, at = decoder.raw_decode(text, at)
        at = skip(text, at).end()  # type: ignore[union-attr]
        if key != "Statement":
            _, at = decoder.raw_decode(text, at)
            continue
        if text[at] == "{":
            yield at, decoder.raw_decode(text, at)[1]
            return
        at = skip(text, at + 1).end()  # type: ignore[union-attr]
        while text[at] != "]":
            _, end = decoder.raw_decode(text, at)
            yield at, end
            at = skip(text, end).end()  # type: ignore[union-attr]
        return


def _context_keys(texts: list[str]) -> list[str]:
    """The keys that policies ask for, in conditions and variables."""
    found: set[str] = set()
    for text in texts:
        _parse(text, "inline")
        found.update(_VARIABLE.findall(text))
        raw = msgspec.json.decode(text)["Statement"]
        for statement in [raw] if isinstance(raw, dict) else raw:
            for keys in statement.get("Condition", {}).values():
                found.update(keys)
    return sorted(found)
