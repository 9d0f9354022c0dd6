"""Cases of policy evaluation, each with the reason why AWS decides so.

A case is (reason, expected, what differs from the default). The default is user ann of account A reading queue Q of
her own account, with no policy. Expected: "allow", "allow by <kind>", "no <kind>" (implicit deny), "deny by <kind>".
"""

# ruff: noqa: E501 - a table: one case, one line

from __future__ import annotations

from typing import Any

from mrak.auth.principals import ANONYMOUS, Principal, root_of, service_principal

A, B = "111111111111", "222222222222"
Q = f"arn:aws:sqs:us-east-1:{A}:jobs"
QB = f"arn:aws:sqs:us-east-1:{B}:jobs"
ROLE = f"arn:aws:iam::{A}:role/app"

ANN = Principal("user", A, f"arn:aws:iam::{A}:user/ann", "AIDAANN00000000000000", "ann", tags=(("Team", "blue"),))
STAR_TAG = Principal("user", A, ANN.arn, ANN.user_id, "ann", tags=(("Team", "*"),))
SESSION = Principal(
    *("role-session", A, f"arn:aws:sts::{A}:assumed-role/app/me", "AROAAPP00000000000000:me", "app"), issuer_arn=ROLE
)
ROOT = root_of(A)
EVENTS = service_principal("events.amazonaws.com", A)
FEDERATED = Principal("federated", A, f"arn:aws:sts::{A}:federated-user/bo", f"{A}:bo", "bo")

I_, R, P, S, C = (
    "identity-based policy",
    "resource-based policy",
    "permissions boundary",
    "session policy",
    "service control policy",
)

Case = tuple[str, str, dict[str, Any]]


def doc(*statements: dict[str, Any], version: str = "2012-10-17") -> dict[str, Any]:
    return {"Version": version, "Statement": list(statements)}


def st(effect: str = "Allow", action: Any = "sqs:*", resource: Any = "*", **more: Any) -> dict[str, Any]:
    out: dict[str, Any] = {"Effect": effect}
    if "NotAction" not in more:
        out["Action"] = action
    if "NotResource" not in more:
        out["Resource"] = resource
    return out | more


def to(principal: Any, effect: str = "Allow", **more: Any) -> dict[str, Any]:
    return st(effect, Principal=principal, **more)


ALLOW = doc(st())
DENY = doc(st("Deny"))
NOTHING = doc(st(action="s3:*"))

BASICS: list[Case] = [
    ("nothing is allowed by default", f"no {I_}", {}),
    ("an allow allows", f"allow by {I_}", {"identity": [ALLOW]}),
    ("a deny wins over an allow in another policy", f"deny by {I_}", {"identity": [ALLOW, DENY]}),
    ("a deny wins over an allow before it", f"deny by {I_}", {"identity": [doc(st(), st("Deny"))]}),
    ("a deny of something else does not matter", "allow", {"identity": [doc(st(), st("Deny", "sqs:DeleteQueue"))]}),
    ("any of several policies may allow", "allow", {"identity": [NOTHING, ALLOW]}),
    ("one statement as an object instead of a list", "allow", {"identity": [{"Version": "2012-10-17", "Statement": st()}]}),
    ("root needs no policy in its own account", "allow", {"who": ROOT}),
    ("root is denied by a resource-based policy", f"deny by {R}", {"who": ROOT, "resource_policy": doc(to("*", "Deny"))}),
]  # fmt: skip

ACTIONS: list[Case] = [
    (why, "allow" if ok else f"no {I_}", {"identity": [doc(st(action=action))]})
    for why, ok, action in [
        ("the action itself", True, "sqs:ReceiveMessage"),
        ("actions are case-insensitive", True, "SQS:receivemessage"),
        ("a list of actions", True, ["s3:GetObject", "sqs:ReceiveMessage"]),
        ("a star for everything", True, "*"),
        ("a star at the end", True, "sqs:Receive*"),
        ("a star in the middle", True, "sqs:Re*age"),
        ("a star may stand for nothing", True, "sqs:ReceiveMessage*"),
        ("a question mark is one character", True, "sqs:ReceiveMessag?"),
        ("a question mark is not none", False, "sqs:ReceiveMessage?"),
        ("another action", False, "sqs:SendMessage"),
        ("the same action of another service", False, "sns:ReceiveMessage"),
        ("a prefix without a star", False, "sqs:Receive"),
        ("several stars", True, "s*:*Message"),
        ("the service may be a pattern", True, "*:ReceiveMessage"),
        ("a dot is no wildcard", False, "sqs:ReceiveMessag."),
    ]
]

ELEMENTS: list[Case] = [
    ("NotAction allows all others", "allow", {"identity": [doc(st(NotAction="sqs:SendMessage"))]}),
    ("NotAction excludes its own", f"no {I_}", {"identity": [doc(st(NotAction=["sqs:Receive*"]))]}),
    ("Deny with NotAction denies all others", f"deny by {I_}",
     {"identity": [ALLOW, doc(st("Deny", NotAction="sqs:SendMessage"))]}),
    ("Deny with NotAction spares its own", "allow", {"identity": [ALLOW, doc(st("Deny", NotAction="sqs:*"))]}),
    ("NotResource allows all others", "allow", {"identity": [doc(st(NotResource=f"{Q}x"))]}),
    ("NotResource excludes its own", f"no {I_}", {"identity": [doc(st(NotResource=Q))]}),
    ("a resource by its ARN", "allow", {"identity": [doc(st(resource=Q))]}),
    ("resources are case-sensitive", f"no {I_}", {"identity": [doc(st(resource=Q.replace("jobs", "Jobs")))]}),
    ("one of several resources", "allow", {"identity": [doc(st(resource=["arn:aws:sqs:*:*:x", Q]))]}),
    ("another resource", f"no {I_}", {"identity": [doc(st(resource=f"{Q}-other"))]}),
    ("stars in the segments of an ARN", "allow", {"identity": [doc(st(resource=f"arn:aws:sqs:*:{A}:j*"))]}),
    ("a last star spans colons", "allow", {"identity": [doc(st(resource="arn:aws:sqs:*"))]}),
    ("another account's ARN", f"no {I_}", {"identity": [doc(st(resource=f"arn:aws:sqs:*:{B}:*"))]}),
    ("a question mark in an ARN", "allow", {"identity": [doc(st(resource=Q.replace("jobs", "job?")))]}),
    ("slashes are matched by a star", "allow",
     {"identity": [doc(st(action="*", resource="arn:aws:s3:::b/*"))], "resource": "arn:aws:s3:::b/x/y/z"}),
]  # fmt: skip

VARIABLES: list[Case] = [
    (why, "allow" if ok else f"no {I_}", {"identity": [doc(st(resource=resource), version=version)], "resource": wanted,
                                         "who": who, "context": {"sqs:part": "jobs", "sqs:set": ["a", "b"]}})
    for why, ok, resource, wanted, who, version in [
        ("the user's name", True, "arn:aws:s3:::home/${aws:username}/*", "arn:aws:s3:::home/ann/x", ANN, "2012-10-17"),
        ("another user's home", False, "arn:aws:s3:::home/${aws:username}/*", "arn:aws:s3:::home/bob/x", ANN, "2012-10-17"),
        ("roles have no user name", False, "arn:aws:s3:::home/${aws:username}/*", "arn:aws:s3:::home/app/x", SESSION,
         "2012-10-17"),
        ("a default for what is missing", True, "arn:aws:s3:::home/${aws:username, 'guest'}/*", "arn:aws:s3:::home/guest/x",
         SESSION, "2012-10-17"),
        ("the default is not used when there is a value", False, "arn:aws:s3:::home/${aws:username, 'guest'}/*",
         "arn:aws:s3:::home/guest/x", ANN, "2012-10-17"),
        ("a principal tag", True, "arn:aws:s3:::${aws:PrincipalTag/team}/*", "arn:aws:s3:::blue/x", ANN, "2012-10-17"),
        ("a star in a value is a star only", False, "arn:aws:s3:::${aws:PrincipalTag/Team}/*", "arn:aws:s3:::blue/x", STAR_TAG,
         "2012-10-17"),
        ("a star in a value matches a star", True, "arn:aws:s3:::${aws:PrincipalTag/Team}/*", "arn:aws:s3:::*/x", STAR_TAG,
         "2012-10-17"),
        ("no variables before 2012", False, "arn:aws:s3:::home/${aws:username}/*", "arn:aws:s3:::home/ann/x", ANN,
         "2008-10-17"),
        ("before 2012 they are plain text", True, "arn:aws:s3:::home/${aws:username}/*",
         "arn:aws:s3:::home/${aws:username}/x", ANN, "2008-10-17"),
        ("a literal star", True, "arn:aws:s3:::b/${*}", "arn:aws:s3:::b/*", ANN, "2012-10-17"),
        ("a literal star is no wildcard", False, "arn:aws:s3:::b/${*}", "arn:aws:s3:::b/x", ANN, "2012-10-17"),
        ("a literal question mark", False, "arn:aws:s3:::b/${?}", "arn:aws:s3:::b/x", ANN, "2012-10-17"),
        ("a literal dollar", True, "arn:aws:s3:::b/${$}{x}", "arn:aws:s3:::b/${x}", ANN, "2012-10-17"),
        ("a key of the request", True, "arn:aws:sqs:*:*:${sqs:Part}", Q, ANN, "2012-10-17"),
        ("a key with several values is no variable", False, "arn:aws:sqs:*:*:${sqs:set}", Q[:-4] + "a", ANN, "2012-10-17"),
        ("a key that nobody knows", False, "arn:aws:sqs:*:*:${aws:nonsense}*", Q, ANN, "2012-10-17"),
    ]
]  # fmt: skip

CONTEXT = {
    "s:text": "Hello",
    "s:empty": "",
    "s:arn": "arn:aws:sns:us-east-1:111111111111:topic",
    "s:count": "10",
    "s:yes": True,
    "aws:sourceip": "203.0.113.7",
    "s:ip6": "2001:db8::1",
    "s:tags": ["a", "b"],
    "s:none": [],
    "s:data": "aGVsbG8=",
    "aws:securetransport": "false",
    "s:user": "ann",
    "s:zeros": "192.000.2.1",
    "s:network": "192.0.2.1/32",
    "s:power": "1e1",
    "s:mapped": "::ffff:192.0.2.1",
    "s:compatible": "::192.0.2.1",
    "s:loose": "YR==",
    "s:big": "9007199254740992",
    "s:moment": "2026-01-01T00:00:00.0009",
    "aws:tagkeys": ["team"],
}

CONDITIONS: list[Case] = [
    (why, "allow" if ok else f"no {I_}", {"identity": [doc(st(Condition=condition))], "context": CONTEXT})
    for why, ok, condition in [
        ("equal strings", True, {"StringEquals": {"s:text": "Hello"}}),
        ("strings are case-sensitive", False, {"StringEquals": {"s:text": "hello"}}),
        ("keys are case-insensitive", True, {"StringEquals": {"S:Text": "Hello"}}),
        ("operators are case-insensitive", True, {"stringequals": {"s:text": "Hello"}}),
        ("any of the values", True, {"StringEquals": {"s:text": ["x", "Hello"]}}),
        ("StringEquals has no wildcards", False, {"StringEquals": {"s:text": "H*"}}),
        ("a missing key is no match", False, {"StringEquals": {"s:missing": "x"}}),
        ("IfExists lets a missing key pass", True, {"StringEqualsIfExists": {"s:missing": "x"}}),
        ("IfExists still compares a present key", False, {"StringEqualsIfExists": {"s:text": "x"}}),
        ("an empty value is a value", True, {"StringEquals": {"s:empty": ""}}),
        ("not equal", True, {"StringNotEquals": {"s:text": "x"}}),
        ("not equal to any of the values", False, {"StringNotEquals": {"s:text": ["x", "Hello"]}}),
        ("a negated operator holds on a missing key", True, {"StringNotEquals": {"s:missing": "x"}}),
        ("ignoring case", True, {"StringEqualsIgnoreCase": {"s:text": "HELLO"}}),
        ("not equal ignoring case", False, {"StringNotEqualsIgnoreCase": {"s:text": "HELLO"}}),
        ("like with a star", True, {"StringLike": {"s:text": "H*o"}}),
        ("like with a question mark", True, {"StringLike": {"s:text": "Hell?"}}),
        ("like is case-sensitive", False, {"StringLike": {"s:text": "h*"}}),
        ("not like", False, {"StringNotLike": {"s:text": "H*"}}),
        ("a variable in a condition", True, {"StringEquals": {"s:user": "${aws:username}"}}),
        ("a variable without a value", False, {"StringEquals": {"s:text": "${s:missing}"}}),
        ("a variable with a default", True, {"StringEquals": {"s:text": "${s:missing, 'Hello'}"}}),
        ("all operators must hold", False, {"StringEquals": {"s:text": "Hello"}, "Bool": {"s:yes": "false"}}),
        ("all keys must hold", False, {"StringEquals": {"s:text": "Hello", "s:empty": "x"}}),
        ("equal numbers", True, {"NumericEquals": {"s:count": "10.0"}}),
        ("numbers that are not", False, {"NumericEquals": {"s:text": "10"}}),
        ("different numbers", True, {"NumericNotEquals": {"s:count": 11}}),
        ("less", True, {"NumericLessThan": {"s:count": 11}}),
        ("not less than itself", False, {"NumericLessThan": {"s:count": 10}}),
        ("at most", True, {"NumericLessThanEquals": {"s:count": 10}}),
        ("greater", False, {"NumericGreaterThan": {"s:count": 10}}),
        ("at least", True, {"NumericGreaterThanEquals": {"s:count": 10}}),
        ("numbers compare as numbers, not as text", True, {"NumericGreaterThan": {"s:count": "9"}}),
        ("before a date", True, {"DateLessThan": {"aws:CurrentTime": "2026-01-02T00:00:00Z"}}),
        ("after a date", False, {"DateGreaterThan": {"aws:CurrentTime": "2026-01-02T00:00:00Z"}}),
        ("a date as epoch seconds", True, {"DateGreaterThanEquals": {"aws:EpochTime": "1767225600"}}),
        ("the same moment in another zone", True, {"DateEquals": {"aws:CurrentTime": "2026-01-01T01:00:00+01:00"}}),
        ("another date", True, {"DateNotEquals": {"aws:CurrentTime": "2025-01-01"}}),
        ("at most a date", True, {"DateLessThanEquals": {"aws:CurrentTime": "2026-01-01"}}),
        ("true", True, {"Bool": {"s:yes": "true"}}),
        ("a boolean in the policy", True, {"Bool": {"s:yes": True}}),
        ("false", True, {"Bool": {"aws:SecureTransport": "false"}}),
        ("not true", False, {"Bool": {"aws:SecureTransport": "true"}}),
        ("a missing boolean", False, {"Bool": {"aws:MultiFactorAuthPresent": "true"}}),
        ("BoolIfExists, the common MFA trap", True, {"BoolIfExists": {"aws:MultiFactorAuthPresent": "true"}}),
        ("binary", True, {"BinaryEquals": {"s:data": "aGVsbG8="}}),
        ("other binary", False, {"BinaryEquals": {"s:data": "aGVsbG9v"}}),
        ("an address in a network", True, {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}),
        ("the address itself", True, {"IpAddress": {"aws:SourceIp": "203.0.113.7"}}),
        ("one of several networks", True, {"IpAddress": {"aws:SourceIp": ["10.0.0.0/8", "203.0.113.0/28"]}}),
        ("another network", False, {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}),
        ("not in a network", False, {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}),
        ("outside a network", True, {"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}),
        ("IPv6", True, {"IpAddress": {"s:ip6": "2001:db8::/32"}}),
        ("the two families do not mix", False, {"IpAddress": {"s:ip6": "0.0.0.0/0"}}),
        ("not an address at all", False, {"IpAddress": {"s:text": "0.0.0.0/0"}}),
        ("an ARN", True, {"ArnEquals": {"s:arn": "arn:aws:sns:us-east-1:111111111111:topic"}}),
        ("ArnEquals knows wildcards, as ArnLike does", True, {"ArnEquals": {"s:arn": "arn:aws:sns:*:*:t*"}}),
        ("ArnLike", True, {"ArnLike": {"s:arn": "arn:aws:sns:*:111111111111:*"}}),
        ("a star does not span the parts of an ARN", False, {"ArnLike": {"s:arn": "arn:aws:sns:*:topic"}}),
        ("StringLike's star does", True, {"StringLike": {"s:arn": "arn:aws:sns:*:topic"}}),
        ("ArnNotLike", False, {"ArnNotLike": {"s:arn": "arn:aws:sns:*:*:*"}}),
        ("ArnNotEquals", True, {"ArnNotEquals": {"s:arn": "arn:aws:sns:*:*:other"}}),
        ("an ARN from an account", True, {"ArnLike": {"s:arn": "arn:aws:*:*:111111111111:*"}}),
        ("Null true: the key is missing", True, {"Null": {"s:missing": "true"}}),
        ("Null true on a present key", False, {"Null": {"s:text": "true"}}),
        ("Null false: the key is there", True, {"Null": {"s:text": "false"}}),
        ("Null false on a missing key", False, {"Null": {"s:missing": "false"}}),
        ("all values are in the set", True, {"ForAllValues:StringEquals": {"s:tags": ["a", "b", "c"]}}),
        ("one value is not in the set", False, {"ForAllValues:StringEquals": {"s:tags": ["a"]}}),
        ("ForAllValues holds on a missing key", True, {"ForAllValues:StringEquals": {"s:missing": ["a"]}}),
        ("ForAllValues holds on no values", True, {"ForAllValues:StringEquals": {"s:none": ["a"]}}),
        ("any value is in the set", True, {"ForAnyValue:StringEquals": {"s:tags": ["b", "z"]}}),
        ("no value is in the set", False, {"ForAnyValue:StringEquals": {"s:tags": ["z"]}}),
        ("ForAnyValue fails on a missing key", False, {"ForAnyValue:StringEquals": {"s:missing": ["a"]}}),
        ("ForAnyValue fails on no values", False, {"ForAnyValue:StringLike": {"s:none": ["*"]}}),
        ("ForAllValues with a negated operator", False, {"ForAllValues:StringNotEquals": {"s:tags": ["a"]}}),
        ("ForAnyValue with a negated operator", True, {"ForAnyValue:StringNotEquals": {"s:tags": ["a"]}}),
        ("ForAnyValue with wildcards", True, {"ForAnyValue:StringLike": {"s:tags": "?"}}),
        ("a set equals nothing without a quantifier", False, {"StringEquals": {"aws:TagKeys": "team"}}),
        ("and differs from nothing", False, {"StringNotEquals": {"aws:TagKeys": "env"}}),
        ("nor with IfExists", False, {"StringNotEqualsIfExists": {"aws:TagKeys": "env"}}),
        ("a set with a quantifier", True, {"ForAnyValue:StringEquals": {"aws:TagKeys": "team"}}),
        ("no address is outside of no network", False, {"NotIpAddress": {"s:text": "10.0.0.0/8"}}),
        ("an address with zeros", True, {"IpAddress": {"s:zeros": "192.0.2.0/24"}}),
        ("a network with zeros", True, {"IpAddress": {"s:zeros": "192.000.002.0/+024"}}),
        ("IPv4 within IPv6", True, {"IpAddress": {"s:mapped": "192.0.2.0/24"}}),
        ("is no IPv6", False, {"IpAddress": {"s:mapped": ["::/0", "::ffff:192.0.2.0/120"]}}),
        ("the older form is no address", False, {"NotIpAddress": {"s:compatible": "192.0.2.0/24"}}),
        ("a network is no address", False, {"IpAddress": {"s:network": "192.0.2.0/24"}}),
        ("every address is outside of what is no network", True, {"NotIpAddress": {"aws:SourceIp": "x"}}),
        ("what is no ARN is not unlike one", False, {"ArnNotLike": {"s:text": "arn:aws:sns:*:*:*"}}),
        ("what is no number is another one", True, {"NumericNotEquals": {"s:text": "1"}}),
        ("no number is what the policy has", True, {"NumericNotEquals": {"s:count": "NaN"}}),
        ("powers of ten", True, {"NumericEquals": {"s:power": "10."}}),
        ("numbers are exact", True, {"NumericLessThan": {"s:big": "9007199254740993"}}),
        ("dates are of milliseconds", True, {"DateEquals": {"s:moment": "2026-01-01T00:00:00Z"}}),
        ("what is no date is another one", True, {"DateNotEquals": {"s:text": "2026-01-01"}}),
        ("what is not true is false", True, {"Bool": {"s:text": "false"}}),
        ("also in the policy", True, {"Bool": {"aws:SecureTransport": "no"}}),
        ("true in capitals", True, {"Bool": {"s:yes": "TRUE"}}),
        ("Null takes other words for false", True, {"Null": {"s:text": "no"}}),
        ("binary is compared as it is written", False, {"BinaryEquals": {"s:loose": "YQ=="}}),
        ("the caller's ARN is a key", True, {"ArnEquals": {"aws:PrincipalArn": ANN.arn}}),
        ("the caller's account is a key", True, {"StringEquals": {"aws:PrincipalAccount": A}}),
        ("the caller's tags are keys", True, {"StringEquals": {"aws:PrincipalTag/Team": "blue"}}),
        ("tag keys are case-insensitive here", True, {"StringEquals": {"aws:PrincipalTag/team": "blue"}}),
        ("the caller's type is a key", True, {"StringEquals": {"aws:PrincipalType": "User"}}),
    ]
]  # fmt: skip

BROKEN: list[Case] = [
    (why, outcome, {"identity": [*([ALLOW] if effect == "Deny" else []), doc(st(effect, Condition=condition))],
                    "context": CONTEXT | {"s:pattern": "no-arn"}})
    for why, outcome, effect, condition in [
        ("a deny for what is no ARN", f"deny by {I_}", "Deny", {"ArnLike": {"s:arn": "no-arn"}}),
        ("also negated", f"deny by {I_}", "Deny", {"ArnNotLike": {"s:arn": "no-arn"}}),
        ("also by a variable", f"deny by {I_}", "Deny", {"ArnLike": {"s:arn": "${s:pattern}"}}),
        ("an allow for what is no ARN", f"no {I_}", "Allow", {"ArnNotLike": {"s:arn": "no-arn"}}),
        ("a request without an ARN comes first", "allow", "Deny", {"ArnLike": {"s:text": "no-arn"}}),
        ("an ARN that matches comes first", "allow", "Allow", {"ArnLike": {"s:arn": ["arn:aws:*:*:*:*", "no-arn"]}}),
        ("and spares of a deny", "allow", "Deny", {"ArnNotLike": {"s:arn": ["arn:aws:*:*:*:*", "no-arn"]}}),
        ("one that does not match does not", f"deny by {I_}", "Deny",
         {"ArnLike": {"s:arn": ["arn:aws:s3:*:*:*", "no-arn"]}}),
        ("nor one that comes after", f"no {I_}", "Allow", {"ArnLike": {"s:arn": ["no-arn", "arn:aws:*:*:*:*"]}}),
    ]
]  # fmt: skip

PRINCIPALS: list[Case] = [
    ("a resource-based policy alone allows in one account", f"allow by {R}", {"resource_policy": doc(to({"AWS": ANN.arn}))}),
    ("everybody", f"allow by {R}", {"resource_policy": doc(to("*"))}),
    ("everybody, the other spelling", f"allow by {R}", {"resource_policy": doc(to({"AWS": "*"}))}),
    ("somebody else", f"no {I_}", {"resource_policy": doc(to({"AWS": f"{ANN.arn}x"}))}),
    ("the account only delegates to its own policies", f"no {I_}", {"resource_policy": doc(to({"AWS": A}))}),
    ("so does the account's root ARN", f"no {I_}", {"resource_policy": doc(to({"AWS": ROOT.arn}))}),
    ("a delegation used", f"allow by {I_}", {"resource_policy": doc(to({"AWS": A})), "identity": [ALLOW]}),
    ("a list of principals", f"allow by {R}", {"resource_policy": doc(to({"AWS": [B, ANN.arn]}))}),
    ("a unique id", f"allow by {R}", {"resource_policy": doc(to({"AWS": ANN.user_id}))}),
    ("a deny for everybody", f"deny by {R}", {"identity": [ALLOW], "resource_policy": doc(to("*", "Deny"))}),
    ("a deny for the account reaches its users", f"deny by {R}",
     {"identity": [ALLOW], "resource_policy": doc(to({"AWS": A}, "Deny"))}),
    ("NotPrincipal in a deny spares the one", "allow",
     {"identity": [ALLOW], "resource_policy": doc(st("Deny", NotPrincipal={"AWS": [A, ANN.arn]}))}),
    ("NotPrincipal in a deny hits the others", f"deny by {R}",
     {"identity": [ALLOW], "resource_policy": doc(st("Deny", NotPrincipal={"AWS": B}))}),
    ("a role's ARN grants its sessions", f"allow by {R}", {"who": SESSION, "resource_policy": doc(to({"AWS": ROLE}))}),
    ("a session's ARN grants it", f"allow by {R}", {"who": SESSION, "resource_policy": doc(to({"AWS": SESSION.arn}))}),
    ("a role's grant is capped by a boundary", f"no {P}",
     {"who": SESSION, "resource_policy": doc(to({"AWS": ROLE})), "boundary": NOTHING}),
    ("a role's grant is capped by a session policy", f"no {S}",
     {"who": SESSION, "resource_policy": doc(to({"AWS": ROLE})), "session": [NOTHING]}),
    ("a session's grant is not capped", f"allow by {R}",
     {"who": SESSION, "resource_policy": doc(to({"AWS": SESSION.arn})), "boundary": NOTHING, "session": [NOTHING]}),
    ("a user's grant is not capped by a boundary", f"allow by {R}",
     {"resource_policy": doc(to({"AWS": ANN.arn})), "boundary": NOTHING}),
    ("a federated user's grant", f"allow by {R}", {"who": FEDERATED, "resource_policy": doc(to({"AWS": FEDERATED.arn}))}),
    ("a role's unique id", f"allow by {R}", {"who": SESSION, "resource_policy": doc(to({"AWS": "AROAAPP00000000000000"}))}),
    ("a service", f"allow by {R}", {"who": EVENTS, "resource_policy": doc(to({"Service": "events.amazonaws.com"}))}),
    ("another service", f"no {R}", {"who": EVENTS, "resource_policy": doc(to({"Service": "sns.amazonaws.com"}))}),
    ("a service needs a resource-based policy", f"no {R}", {"who": EVENTS}),
    ("a service and its source", f"allow by {R}", {
        "who": EVENTS, "context": {"aws:sourcearn": "arn:aws:events:us-east-1:1:rule/r"},
        "resource_policy": doc(to({"Service": "events.amazonaws.com"},
                                  Condition={"ArnLike": {"aws:SourceArn": "arn:aws:events:*:*:rule/*"}}))}),
    ("a service acting for a resource of an account", f"allow by {R}", {
        "who": service_principal("sns.amazonaws.com", A, f"arn:aws:sns:us-east-1:{B}:t"),
        "resource_policy": doc(to({"Service": "sns.amazonaws.com"},
                                  Condition={"StringEquals": {"aws:SourceAccount": B},
                                             "ArnEquals": {"aws:SourceArn": f"arn:aws:sns:us-east-1:{B}:t"}}))}),
    ("a service with another source", f"no {R}", {
        "who": EVENTS, "context": {"aws:sourcearn": "arn:aws:events:us-east-1:1:rule/r"},
        "resource_policy": doc(to({"Service": "events.amazonaws.com"},
                                  Condition={"ArnEquals": {"aws:SourceArn": "arn:aws:events:*:*:rule/x"}}))}),
    ("a user is no service", f"no {I_}", {"resource_policy": doc(to({"Service": "events.amazonaws.com"}))}),
    ("anonymous callers need a grant to everybody", f"allow by {R}", {"who": ANONYMOUS, "resource_policy": doc(to("*"))}),
    ("an anonymous caller is nobody else", f"no {R}", {"who": ANONYMOUS, "resource_policy": doc(to({"AWS": A}))}),
    ("an anonymous caller without any policy", f"no {R}", {"who": ANONYMOUS}),
]  # fmt: skip

LAYERS: list[Case] = [
    ("a boundary must allow as well", f"no {P}", {"identity": [ALLOW], "boundary": NOTHING}),
    ("a boundary that allows", f"allow by {I_}", {"identity": [ALLOW], "boundary": ALLOW}),
    ("a boundary alone grants nothing", f"no {I_}", {"boundary": ALLOW}),
    ("a deny in a boundary", f"deny by {P}", {"identity": [ALLOW], "boundary": DENY}),
    ("a session policy must allow as well", f"no {S}", {"who": SESSION, "identity": [ALLOW], "session": [NOTHING]}),
    ("any of the session policies", "allow", {"who": SESSION, "identity": [ALLOW], "session": [NOTHING, ALLOW]}),
    ("a deny in a session policy", f"deny by {S}", {"who": SESSION, "identity": [ALLOW], "session": [ALLOW, DENY]}),
    ("a session policy alone grants nothing", f"no {I_}", {"who": SESSION, "session": [ALLOW]}),
    ("a control policy must allow", f"no {C}", {"identity": [ALLOW], "control": [NOTHING]}),
    ("a control policy binds root", f"no {C}", {"who": ROOT, "control": [NOTHING]}),
    ("a deny in a control policy", f"deny by {C}", {"identity": [ALLOW], "control": [ALLOW, DENY]}),
    ("across accounts, only the identity side", f"no {R}", {"identity": [ALLOW], "resource": QB, "owner": B}),
    ("across accounts, only the resource side", f"no {I_}", {"resource_policy": doc(to({"AWS": ANN.arn})), "resource": QB,
                                                            "owner": B}),
    ("across accounts, both sides", f"allow by {R}", {"identity": [ALLOW], "resource_policy": doc(to({"AWS": ANN.arn})),
                                                      "resource": QB, "owner": B}),
    ("across accounts, the whole account is named", "allow", {"identity": [ALLOW], "resource_policy": doc(to({"AWS": A})),
                                                              "resource": QB, "owner": B}),
    ("across accounts, everybody is named", f"no {I_}", {"resource_policy": doc(to("*")), "resource": QB, "owner": B}),
    ("across accounts, root needs the other side", f"no {R}", {"who": ROOT, "resource": QB, "owner": B}),
    ("across accounts, root with the other side", "allow", {"who": ROOT, "resource_policy": doc(to({"AWS": A})),
                                                            "resource": QB, "owner": B}),
    ("across accounts, a boundary caps", f"no {P}", {"identity": [ALLOW], "resource_policy": doc(to({"AWS": ANN.arn})),
                                                     "boundary": NOTHING, "resource": QB, "owner": B}),
    ("across accounts, a deny there", f"deny by {R}", {"identity": [ALLOW], "resource_policy": doc(to("*", "Deny")),
                                                       "resource": QB, "owner": B}),
    ("a trust policy is needed whatever the identity side says", f"no {R}", {"identity": [ALLOW], "needs": True}),
    ("a trust policy that names the caller suffices", f"allow by {R}",
     {"resource_policy": doc(to({"AWS": ANN.arn})), "needs": True}),
    ("a trust policy that names the account delegates", f"no {I_}", {"resource_policy": doc(to({"AWS": A})), "needs": True}),
    ("a trust policy binds root, too", f"no {R}", {"who": ROOT, "needs": True}),
]  # fmt: skip

CASES: list[Case] = [*BASICS, *ACTIONS, *ELEMENTS, *VARIABLES, *CONDITIONS, *BROKEN, *PRINCIPALS, *LAYERS]
