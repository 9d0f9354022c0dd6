"""Sampling rules, and what samplers in applications report and are told.

https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sampling.html
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.arn import arn
from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.operation import operation
from mrak.services.xray import errors
from mrak.services.xray.tables import REPORTS, RULES, Report, Rule
from mrak.services.xray.tags import parse_tags

_DEFAULT = "Default"
_MOST_RULES = 25
_ASKED_EVERY_SECONDS = 10
_ANY = dict.fromkeys(("ResourceARN", "ServiceName", "ServiceType", "Host", "HTTPMethod", "URLPath"), "*")


def _default() -> Rule:
    """Takes everything: what runs here costs nothing to keep."""
    deviation("XRAY-001")
    settings = {**_ANY, "Priority": 10_000, "FixedRate": 1.0, "ReservoirSize": 1, "Version": 1, "Attributes": {}}
    return Rule(name=_DEFAULT, settings=settings, created_at=0.0, modified_at=0.0)


def _arn(ctx: Context, name: str) -> str:
    return arn(ctx.scope, "xray", f"sampling-rule/{name}")


def _render(ctx: Context, rule: Rule) -> dict[str, Any]:
    shown = {"RuleName": rule.name, "RuleARN": _arn(ctx, rule.name), **rule.settings}
    return {"SamplingRule": shown, "CreatedAt": rule.created_at, "ModifiedAt": rule.modified_at}


def _rules(ctx: Context, tx: Transaction) -> list[Rule]:
    """All of them, the default one last."""
    found = {rule.name: rule for rule in RULES.scan(tx, ctx.scope)}
    default = found.pop(_DEFAULT, None) or _default()
    return [*sorted(found.values(), key=lambda rule: (rule.settings["Priority"], rule.name)), default]


def _name(req: dict[str, Any]) -> str:
    named = req.get("RuleName") or req.get("RuleARN", "").partition(":sampling-rule/")[2]
    if not named:
        raise errors.invalid_request("Either RuleName or RuleARN must be specified")
    return str(named)


@operation("CreateSamplingRule")
def create_sampling_rule(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    settings = dict(req["SamplingRule"])
    name = _name({"RuleName": settings.pop("RuleName", ""), "RuleARN": settings.pop("RuleARN", "")})
    if settings["Version"] != 1:
        raise errors.invalid_request("Version must be 1")
    if name == _DEFAULT or RULES.open(tx, ctx.scope, name) is not None:
        raise errors.invalid_request(f"Sampling rule {name} already exists")
    if len(_rules(ctx, tx)) > _MOST_RULES:
        raise errors.too_many_rules()
    settings.setdefault("Attributes", {})
    tags = parse_tags({}, req.get("Tags", []))
    rule = Rule(name=name, settings=settings, created_at=ctx.now, modified_at=ctx.now, tags=tags)
    RULES.insert(tx, ctx.scope, rule)
    return {"SamplingRuleRecord": _render(ctx, rule)}


@operation("UpdateSamplingRule")
def update_sampling_rule(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """Of the default rule, only the rate and the reservoir can be changed."""
    changes = dict(req["SamplingRuleUpdate"])
    name = _name({"RuleName": changes.pop("RuleName", ""), "RuleARN": changes.pop("RuleARN", "")})
    old = RULES.open(tx, ctx.scope, name)
    if name == _DEFAULT and set(changes) - {"FixedRate", "ReservoirSize"}:
        raise errors.invalid_request("Only FixedRate and ReservoirSize of the default rule can be changed")
    if old is None and name != _DEFAULT:
        raise errors.invalid_request(f"Sampling rule {name} does not exist")
    before = old or _default()
    rule = msgspec.structs.replace(before, settings=before.settings | changes, modified_at=ctx.now)
    if old is None:
        RULES.insert(tx, ctx.scope, rule)
    else:
        RULES.replace(tx, ctx.scope, old, rule)
    return {"SamplingRuleRecord": _render(ctx, rule)}


@operation("DeleteSamplingRule")
def delete_sampling_rule(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    name = _name(req)
    if name == _DEFAULT:
        raise errors.invalid_request("The default sampling rule cannot be deleted")
    rule = RULES.open(tx, ctx.scope, name)
    if rule is None:
        raise errors.invalid_request(f"Sampling rule {name} does not exist")
    for report in list(REPORTS.scan(tx, ctx.scope, name)):
        REPORTS.lock(tx, ctx.scope, report.rule, report.client)
        REPORTS.delete(tx, ctx.scope, report)
    RULES.delete(tx, ctx.scope, rule)
    return {"SamplingRuleRecord": _render(ctx, rule)}


@operation("GetSamplingRules")
def get_sampling_rules(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return {"SamplingRuleRecords": [_render(ctx, rule) for rule in _rules(ctx, tx)]}


@operation("GetSamplingTargets")
def get_sampling_targets(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """Samplers say what they saw; each gets its share of the reservoir."""
    rules = {rule.name: rule for rule in _rules(ctx, tx)}
    targets, unknown = [], []
    for document in req["SamplingStatisticsDocuments"]:
        rule = rules.get(document["RuleName"])
        if rule is None:
            message = f"Sampling rule {document['RuleName']} does not exist"
            unknown.append({"RuleName": document["RuleName"], "ErrorCode": "400", "Message": message})
            continue
        _keep(ctx, tx, document)
        sharers = sum(_is_current(ctx, report) for report in REPORTS.scan(tx, ctx.scope, rule.name))
        targets.append(
            {
                "RuleName": rule.name,
                "FixedRate": rule.settings["FixedRate"],
                "ReservoirQuota": -(-rule.settings["ReservoirSize"] // max(sharers, 1)),
                "ReservoirQuotaTTL": ctx.now + _ASKED_EVERY_SECONDS,
                "Interval": _ASKED_EVERY_SECONDS,
            }
        )
    modified = max(rule.modified_at for rule in rules.values())
    return {"SamplingTargetDocuments": targets, "LastRuleModification": modified, "UnprocessedStatistics": unknown}


def _is_current(ctx: Context, report: Report) -> bool:
    return ctx.now - report.at <= 2 * _ASKED_EVERY_SECONDS


def _keep(ctx: Context, tx: Transaction, document: dict[str, Any]) -> None:
    report = Report(
        rule=document["RuleName"],
        client=document["ClientID"],
        at=ctx.now,
        requests=document["RequestCount"],
        sampled=document["SampledCount"],
        borrowed=document.get("BorrowCount", 0),
    )
    old = REPORTS.open(tx, ctx.scope, report.rule, report.client)
    if old is None:
        REPORTS.insert(tx, ctx.scope, report)
    else:
        REPORTS.replace(tx, ctx.scope, old, report)


@operation("GetSamplingStatisticSummaries")
def get_sampling_statistic_summaries(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """What the samplers that still report said last, together for each rule."""
    found: dict[str, dict[str, Any]] = {}
    for report in REPORTS.scan(tx, ctx.scope):
        if not _is_current(ctx, report):
            continue
        row = found.setdefault(
            report.rule,
            {"RuleName": report.rule, "Timestamp": report.at, "RequestCount": 0, "BorrowCount": 0, "SampledCount": 0},
        )
        row["Timestamp"] = min(row["Timestamp"], report.at)
        for member, count in (
            ("RequestCount", report.requests),
            ("BorrowCount", report.borrowed),
            ("SampledCount", report.sampled),
        ):
            row[member] += count
    return {"SamplingStatisticSummaries": list(found.values())}
