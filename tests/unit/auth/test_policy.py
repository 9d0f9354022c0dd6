"""Policy evaluation case by case (policy_cases.py), policy validation, and wildcards against a naive matcher."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrak.auth.evaluation import AuthorizationRequest, Named, PolicySet, denial_message, evaluate, matching_statements
from mrak.auth.matching import compile_pattern, match_arn
from mrak.auth.policy import parse_policy
from mrak.core.errors import ApiError

from .policy_cases import ANN, CASES, DENY, ROOT, SESSION, A, B, Case, Q, doc, to
from .policy_cases import st as statement

NOW = 1767225600.0  # 2026-01-01T00:00:00Z


def _named(name: str, document: Any, kind: Any = "inline") -> Named:
    return Named(name, parse_policy(document, kind))


def _build(case: dict[str, Any]) -> tuple[AuthorizationRequest, PolicySet]:
    request = AuthorizationRequest(
        case.get("who", ANN),
        case.get("action", "sqs:ReceiveMessage"),
        case.get("resource", Q),
        NOW,
        case.get("owner", A),
        case.get("context", {}),
    )
    policies = PolicySet(
        identity=tuple(_named(f"i{n}", document) for n, document in enumerate(case.get("identity", ()))),
        boundary=_named("b", case["boundary"]) if "boundary" in case else None,
        resource=_named("r", case["resource_policy"], "resource") if "resource_policy" in case else None,
        session=tuple(_named(f"s{n}", document) for n, document in enumerate(case.get("session", ()))),
        control=tuple(_named("c", document) for document in case["control"]) if "control" in case else None,
        needs_resource_policy=case.get("needs", False),
    )
    return request, policies


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_case(case: Case) -> None:
    """The table's reason is the test's."""
    _, expected, what = case
    decision = evaluate(*_build(what))
    if decision.allowed:
        outcome = "allow" if expected == "allow" else f"allow by {decision.policy_kind}"
    else:
        outcome = f"{'deny by' if decision.is_explicit else 'no'} {decision.policy_kind}"
    assert outcome == expected


def test_table_is_large_and_distinct() -> None:
    """The table is this module's promise; a reason that occurs twice is a mistake."""
    reasons = [case[0] for case in CASES]
    assert len(reasons) >= 120
    assert len(set(reasons)) == len(reasons)


def test_decision_names_the_statement() -> None:
    """A denial that does not say which statement made it helps nobody."""
    document = doc(statement(), statement("Deny", Sid="NoReading"))
    decision = evaluate(*_build({"identity": [doc(statement(action="s3:*")), document]}))
    assert (decision.policy_name, decision.statement) == ("i1", "NoReading")
    decision = evaluate(*_build({"identity": [doc(statement(action="s3:*"), statement())]}))
    assert (decision.policy_name, decision.statement) == ("i0", "statement 2")


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ({}, f"User: arn:aws:iam::{A}:user/ann is not authorized to perform: sqs:ReceiveMessage on resource: {Q} "
             "because no identity-based policy allows the sqs:ReceiveMessage action"),
        ({"identity": [DENY]}, f"User: arn:aws:iam::{A}:user/ann is not authorized to perform: sqs:ReceiveMessage on "
                               f"resource: {Q} with an explicit deny in an identity-based policy"),
        ({"who": SESSION, "resource_policy": doc(to("*", "Deny"))},
         f"User: arn:aws:sts::{A}:assumed-role/app/me is not authorized to perform: sqs:ReceiveMessage on resource: "
         f"{Q} with an explicit deny in a resource-based policy"),
        ({"who": ROOT, "owner": B, "resource": ""}, f"User: arn:aws:iam::{A}:root is not authorized to perform: "
                                                    "sqs:ReceiveMessage because no resource-based policy allows the "
                                                    "sqs:ReceiveMessage action"),
    ],
)  # fmt: skip
def test_denial_message(case: dict[str, Any], message: str) -> None:
    """AWS's words, which people search for."""
    request, policies = _build(case)
    assert denial_message(evaluate(request, policies), request) == message


def test_matching_statements() -> None:
    """The simulator lists every statement that spoke, allow or deny."""
    request, policies = _build({"identity": [doc(statement(), statement(action="s3:*")), DENY]})
    found = [(named.name, each.index) for _, named, each in matching_statements(request, policies)]
    assert found == [("i0", 0), ("i1", 0)]


OK = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}


def _policy(**change: Any) -> str:
    kept = {name: value for name, value in {**OK, **change}.items() if value is not None}
    return json.dumps({"Version": "2012-10-17", "Statement": kept})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "Syntax errors in policy."),
        ("[]", "Syntax errors in policy."),
        ("{}", "Syntax errors in policy."),
        ("[" * 100_000, "Syntax errors in policy."),
        ('{"Version":"2012-10-17"}', "Syntax errors in policy."),
        ('{"Version":"2012-10-17","Statement":[],"X":1}', "Syntax errors in policy."),
        (_policy().replace("2012", "2008"), "Policy document must be version 2012-10-17 or greater."),
        (_policy().replace("2012", "2013"), "Syntax errors in policy."),
        ('{"Version":"2012-10-17","Statement":[]}', "Syntax errors in policy."),
        (_policy(Sid=["x"]), "Syntax errors in policy."),
        (_policy(Resource=[{}]), "Syntax errors in policy."),
        (_policy(Effect="allow"), "The policy failed legacy parsing"),
        (_policy(Effect="allow", Action=None, Resource="bucket"), "The policy failed legacy parsing"),
        (_policy(Action=None, Condition={"DateLessThan": {"a": "234-13"}}), "The policy failed legacy parsing"),
        (_policy(Condition={"DateLessThan": {"a": "2016-12-13t2:00:00.5+1"}}), "The policy failed legacy parsing"),
        (_policy(Condition={"BinaryEquals": {"a": "no-binary"}}), "Syntax errors in policy."),
        (_policy(Condition={"DateLessThan": {"a": [str(2**63)]}}), "The policy failed legacy parsing"),
        (_policy(Resource="arn:aws:s3::short"), "The policy failed legacy parsing"),
        (_policy(Resource="arn:aws::::x"), "The policy failed legacy parsing"),
        (_policy(Action="s:3:Get", Resource="bucket"), 'Resource bucket must be in ARN format or "*".'),
        (_policy(Resource=["c", "b"]), 'Resource b must be in ARN format or "*".'),
        (_policy(Resource="a:b"), 'Partition "b" is not valid for resource "arn:b:*:*:*:*".'),
        (_policy(Resource="a:b:c:d:e:f:g:h"), 'Partition "b" is not valid for resource "arn:b:c:d:e:f:g:h".'),
        (_policy(Resource="arn:aws:s3:us-east-1::x"),
         "Resource arn:aws:s3:us-east-1::x can not contain region information."),
        (_policy(Resource="arn:aws:iam:::x"),
         'IAM resource path must either be "*" or start with user/, federated-user/, role/, group/, instance-profile/, '
         "mfa/, server-certificate/, policy/, sms-mfa/, saml-provider/, oidc-provider/, report/, access-report/."),
        (_policy(Effect=None), "Syntax errors in policy."),
        (_policy(Extra=1), "Syntax errors in policy."),
        (_policy(Action=None), "Policy statement must contain actions."),
        (_policy(Action=[]), "Policy statement must contain actions."),
        (_policy(NotAction="s3:*"), "Syntax errors in policy."),
        (_policy(Action="GetObject"), "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."),
        (_policy(Action="s3:Get:Object"), "Actions/Condition can contain only one colon."),
        (_policy(Action="s_3:GetObject"), "Vendor s_3 is not valid"),
        (_policy(Resource=None), "Policy statement must contain resources."),
        (_policy(Resource="bucket"), 'Resource bucket must be in ARN format or "*".'),
        (_policy(Resource="arn:bws:s3:::x"), 'Partition "bws" is not valid for resource "arn:bws:s3:::x".'),
        (_policy(Resource="arn:aws"), "Resource vendor must be fully qualified and cannot contain regexes."),
        (_policy(Resource="arn:aws:iam:eu-west-1:1:role/x"),
         "IAM resource arn:aws:iam:eu-west-1:1:role/x cannot contain region information."),
        (_policy(Principal="*"), "Policy document should not specify a principal."),
        (_policy(Sid="no spaces"), "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the "
                                   "regular expression [A-Za-z0-9]*"),
        (_policy(Condition={"StringEquals": "x"}), "Syntax errors in policy."),
        (_policy(Condition={"StringMatches": {"a": "b"}}), "Syntax errors in policy."),
        (json.dumps({"Version": "2012-10-17", "Statement": [{**OK, "Sid": "A"}, {**OK, "Sid": "A"}]}),
         "Statement IDs (SID) in a single policy must be unique."),
        (json.dumps({"Version": "2012-10-17", "Statement": [{**OK, "Sid": "A"}, {"Sid": "A", "Effect": "Deny"}]}),
         "Statement IDs (SID) in a single policy must be unique."),
    ],
)  # fmt: skip
def test_malformed_identity_policy(text: str, message: str) -> None:
    """AWS's messages, one for each mistake, and which of two mistakes AWS tells of."""
    with pytest.raises(ApiError) as caught:
        parse_policy(text, "managed")
    assert (caught.value.code, caught.value.status, caught.value.message) == ("MalformedPolicyDocument", 400, message)


def test_dates_of_session_policies() -> None:
    """As recorded at AWS: taken as they come, and equal to nothing."""
    parse_policy(_policy(Condition={"DateLessThan": {"a": "not-a-date"}}), "session")


@pytest.mark.parametrize(
    "change",
    [
        {"Resource": ["*", None]},
        {"Resource": "arn:aws:logs"},
        {"Resource": "arn:aws:iam::*:*"},
        {"Resource": "arn:aws:s3:eu-west-1:123456789012:accesspoint/x/object/*"},
        {"Condition": {"DateLessThan": {"aws:CurrentTime": ["2016", "-5", "2016-12T5", "2016-12-13t2:00:00.5+01:59"]}}},
        {"Condition": {"DateLessThan": {"aws:CurrentTime": "1700000000"}}},
        {"Condition": {"Nonsense": {}}},
    ],
)
def test_unusual_identity_policy(change: dict[str, Any]) -> None:
    """What looks wrong and is not: AWS takes it, so templates that have it must deploy."""
    parse_policy(_policy(**change), "managed")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"Resource": "*"}, "Has prohibited field Resource"),
        ({"Action": "s3:GetObject"}, "AssumeRole policy may only specify STS AssumeRole actions."),
        ({"Principal": None}, "Missing required field Principal"),
        ({"Principal": {"AWS": "nobody"}}, 'Invalid principal in policy: "AWS":"nobody"'),
        ({"Principal": {"AWS": [A, "arn:aws:s3:::x"]}}, 'Invalid principal in policy: "AWS":"arn:aws:s3:::x"'),
        ({"Principal": {"Nobody": "x"}}, 'Invalid principal in policy: "Nobody"'),
    ],
)  # fmt: skip
def test_malformed_trust_policy(change: dict[str, Any], message: str) -> None:
    """A role's trust policy has rules of its own."""
    base = {"Resource": None, "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
    with pytest.raises(ApiError) as caught:
        parse_policy(_policy(**{**base, **change}), "trust")
    assert caught.value.message == message
    parse_policy(_policy(**base), "trust")


def test_parsed_once() -> None:
    """Policies are compiled by their text; a thousand roles with one policy share it."""
    assert parse_policy(_policy(Sid="Once"), "inline") is parse_policy(_policy(Sid="Once"), "inline")


@cache
def _naive(pattern: str, value: str) -> bool:
    """The definition of * and ?."""
    if not pattern:
        return not value
    if pattern[0] == "*":
        return any(_naive(pattern[1:], value[at:]) for at in range(len(value) + 1))
    return bool(value) and pattern[0] in ("?", value[0]) and _naive(pattern[1:], value[1:])


@given(st.text(alphabet="ab*?", max_size=8), st.text(alphabet="ab*?", max_size=8))
def test_wildcards_against_the_definition(pattern: str, value: str) -> None:
    """All shortcuts of the matcher agree with the definition."""
    assert compile_pattern(pattern, False).matches(value) == _naive(pattern, value)


@given(st.text(alphabet="ab*?:", max_size=10), st.text(alphabet="ab:", max_size=10))
def test_arn_matching_against_the_definition(pattern: str, value: str) -> None:
    """ARNs match part by part."""
    wanted, got = pattern.split(":", 5), value.split(":", 5)
    expected = len(wanted) == len(got) and all(map(_naive, wanted, got))
    assert match_arn(compile_pattern(pattern, False), value) == expected


@given(st.text(max_size=10))
def test_values_of_variables_are_literal(value: str) -> None:
    """Whatever a tag holds, it matches itself and nothing else."""
    pattern = compile_pattern("a/${x:y}/z", True)
    lookup = {"x:y": value}.get
    assert pattern.matches(f"a/{value}/z", lookup)
    assert not pattern.matches(f"a/{value}x/z", lookup)
    assert pattern.expand(lookup) == f"a/{value}/z"


def test_matching_is_not_exponential() -> None:
    """A hostile policy with many stars must not hang the server: this would not end with backtracking."""
    assert not compile_pattern("*a" * 200 + "b", False).matches("a" * 5000)
