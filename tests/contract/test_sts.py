"""STS as boto3 sees it, over HTTP: temporary credentials that work, and each error that it makes."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from tests.conftest import error_of
from tests.contract.oidc import Issuer

ALLOW = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})


@pytest.fixture
def sts(sandbox: Any) -> Any:
    return sandbox.client("sts")


@pytest.fixture
def iam(sandbox: Any) -> Any:
    return sandbox.client("iam")


def unique(prefix: str = "n") -> str:
    return f"{prefix}-{uuid.uuid4().hex[:10]}"


def as_(sandbox: Any, credentials: dict[str, Any], service: str = "sts") -> Any:
    """A client with temporary or a user's credentials."""
    return boto3.client(
        service,
        endpoint_url=sandbox.server.endpoint,
        region_name="us-east-1",
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials.get("SessionToken"),
        config=Config(retries={"max_attempts": 0}),
    )


def trust(principal: Any, *actions: str, **condition: Any) -> str:
    statement = {"Effect": "Allow", "Principal": principal, "Action": list(actions or ("sts:AssumeRole",))}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement | condition]})


def new_role(iam: Any, document: str, **more: Any) -> str:
    return str(iam.create_role(RoleName=unique("role"), AssumeRolePolicyDocument=document, **more)["Role"]["Arn"])


def new_user(iam: Any, policy: str = "") -> tuple[str, dict[str, Any]]:
    """(ARN, access key) of a new user."""
    name = unique("user")
    arn = iam.create_user(UserName=name)["User"]["Arn"]
    if policy:
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=policy)
    return str(arn), iam.create_access_key(UserName=name)["AccessKey"]


def test_root_is_who_it_is(sts: Any, sandbox: Any) -> None:
    """The first call that anyone makes."""
    answer = sts.get_caller_identity()
    assert (answer["UserId"], answer["Account"]) == (sandbox.account, sandbox.account)
    assert answer["Arn"] == f"arn:aws:iam::{sandbox.account}:root"


def test_assumed_role(sts: Any, iam: Any, sandbox: Any) -> None:
    """The answer's members, and credentials that are the session. STS-001: root may, too, where the trust allows."""
    role_arn = new_role(iam, trust({"AWS": sandbox.account}))
    role = iam.get_role(RoleName=role_arn.rpartition("/")[2])["Role"]
    answer = sts.assume_role(RoleArn=role_arn, RoleSessionName="me")
    session_arn = f"arn:aws:sts::{sandbox.account}:assumed-role/{role['RoleName']}/me"
    assert answer["AssumedRoleUser"] == {"Arn": session_arn, "AssumedRoleId": f"{role['RoleId']}:me"}
    credentials = answer["Credentials"]
    assert set(credentials) == {"AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"}
    assert credentials["AccessKeyId"].startswith("ASIA")
    assert set(answer) == {"AssumedRoleUser", "Credentials", "ResponseMetadata"}
    identity = as_(sandbox, credentials).get_caller_identity()
    assert (identity["Arn"], identity["UserId"]) == (session_arn, f"{role['RoleId']}:me")
    assert sts.get_access_key_info(AccessKeyId=credentials["AccessKeyId"])["Account"] == sandbox.account


def test_credentials_expire(fresh_sandbox: Any) -> None:
    """By the environment's clock."""
    iam, sts = fresh_sandbox.client("iam"), fresh_sandbox.client("sts")
    role_arn = new_role(iam, trust({"AWS": fresh_sandbox.account}))
    credentials = sts.assume_role(RoleArn=role_arn, RoleSessionName="me", DurationSeconds=900)["Credentials"]
    client = as_(fresh_sandbox, credentials)
    client.get_caller_identity()
    fresh_sandbox.advance_clock(901)
    assert error_of(client.get_caller_identity) == (
        "ExpiredToken",
        "The security token included in the request is expired",
        403,
    )


def test_wrong_token_or_secret(sts: Any, iam: Any, sandbox: Any) -> None:
    """A token works with its own key only."""
    role_arn = new_role(iam, trust({"AWS": sandbox.account}))
    one = sts.assume_role(RoleArn=role_arn, RoleSessionName="one")["Credentials"]
    two = sts.assume_role(RoleArn=role_arn, RoleSessionName="two")["Credentials"]
    mixed = one | {"SessionToken": two["SessionToken"]}
    assert error_of(as_(sandbox, mixed).get_caller_identity)[0] == "InvalidClientTokenId"
    mixed = one | {"SecretAccessKey": two["SecretAccessKey"]}
    assert error_of(as_(sandbox, mixed).get_caller_identity)[0] == "SignatureDoesNotMatch"


def test_trust_decides(iam: Any, sandbox: Any) -> None:
    """Named in the trust policy, a user needs no policy of its own; through its account it does."""
    arn, key = new_user(iam)
    _, strong = new_user(iam, ALLOW)
    named = new_role(iam, trust({"AWS": arn}))
    by_account = new_role(iam, trust({"AWS": sandbox.account}))
    for_lambda = new_role(iam, trust({"Service": "lambda.amazonaws.com"}))
    weak_sts, strong_sts = as_(sandbox, key), as_(sandbox, strong)
    weak_sts.assume_role(RoleArn=named, RoleSessionName="s1")
    strong_sts.assume_role(RoleArn=by_account, RoleSessionName="s1")
    assert error_of(weak_sts.assume_role, RoleArn=by_account, RoleSessionName="s1") == (
        "AccessDenied",
        f"User: {arn} is not authorized to perform: sts:AssumeRole on resource: {by_account}",
        403,
    )
    for role in (named, for_lambda, f"{named}-missing"):
        assert error_of(strong_sts.assume_role, RoleArn=role, RoleSessionName="s1")[0] == "AccessDenied"


def test_external_id_and_tags(sts: Any, iam: Any, sandbox: Any) -> None:
    """Conditions of the trust policy see what the request says; tagging is an action of its own."""
    who = {"AWS": sandbox.account}
    guarded = new_role(iam, trust(who, Condition={"StringEquals": {"sts:ExternalId": "secret"}}))
    sts.assume_role(RoleArn=guarded, RoleSessionName="s1", ExternalId="secret")
    assert error_of(sts.assume_role, RoleArn=guarded, RoleSessionName="s1", ExternalId="guess")[0] == "AccessDenied"
    tags = [{"Key": "team", "Value": "blue"}]
    code, message, _ = error_of(sts.assume_role, RoleArn=guarded, RoleSessionName="s1", ExternalId="secret", Tags=tags)
    assert code == "AccessDenied" and "sts:TagSession" in message
    taggable = new_role(iam, trust(who, "sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"))
    answer = sts.assume_role(RoleArn=taggable, RoleSessionName="s1", Tags=tags, SourceIdentity="ann")
    assert answer["SourceIdentity"] == "ann"
    assert answer["PackedPolicySize"] == 1


def test_tag_validation(sts: Any, iam: Any, sandbox: Any) -> None:
    """Recorded from AWS."""
    role = new_role(iam, trust({"AWS": sandbox.account}, "sts:AssumeRole", "sts:TagSession"))
    double = [{"Key": "name", "Value": "1"}, {"Key": "NAME", "Value": "2"}]
    assert error_of(sts.assume_role, RoleArn=role, RoleSessionName="s1", Tags=double) == (
        "InvalidParameterValue",
        "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
        400,
    )
    assert error_of(
        sts.assume_role, RoleArn=role, RoleSessionName="s1", Tags=double[:1], TransitiveTagKeys=["other"]
    ) == ("InvalidParameterValue", "The specified transitive tag key must be included in the requested tags.", 400)


def test_transitive_tags_go_on(sts: Any, iam: Any, sandbox: Any) -> None:
    """A transitive tag follows a chain of roles and decides there; it can't be set anew."""
    actions = ("sts:AssumeRole", "sts:TagSession")
    first = new_role(iam, trust({"AWS": sandbox.account}, *actions))
    condition = {"StringEquals": {"aws:PrincipalTag/team": "blue"}}
    second = new_role(iam, trust({"AWS": first}, *actions, Condition=condition))

    def second_as(**more: Any) -> Any:
        credentials = sts.assume_role(RoleArn=first, RoleSessionName="s1", **more)["Credentials"]
        return as_(sandbox, credentials).assume_role

    tags = [{"Key": "team", "Value": "blue"}]
    assume = second_as(Tags=tags, TransitiveTagKeys=["team"])
    assume(RoleArn=second, RoleSessionName="s2")
    assert error_of(assume, RoleArn=second, RoleSessionName="s2", Tags=tags)[0] == "InvalidParameterValue"
    assert error_of(second_as(), RoleArn=second, RoleSessionName="s2")[0] == "AccessDenied"


def test_durations(sts: Any, iam: Any, sandbox: Any) -> None:
    """A role's own limit, an hour for chains, and the model's bounds."""
    who = {"AWS": sandbox.account}
    role = new_role(iam, trust(who), MaxSessionDuration=7200)
    sts.assume_role(RoleArn=role, RoleSessionName="s1", DurationSeconds=7200)
    assert error_of(sts.assume_role, RoleArn=role, RoleSessionName="s1", DurationSeconds=7201) == (
        "ValidationError",
        "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        400,
    )
    inner = new_role(iam, trust({"AWS": role}), MaxSessionDuration=7200)
    session = as_(sandbox, sts.assume_role(RoleArn=role, RoleSessionName="s1")["Credentials"])
    assert error_of(session.assume_role, RoleArn=inner, RoleSessionName="s2", DurationSeconds=7200)[1].startswith(
        "The requested DurationSeconds exceeds the 1 hour session limit"
    )


def test_session_policies_are_checked(sts: Any, iam: Any, sandbox: Any) -> None:
    """A policy that caps a session has to be a policy, and to fit."""
    role = new_role(iam, trust({"AWS": sandbox.account}))
    asked: dict[str, Any] = {"RoleArn": role, "RoleSessionName": "s1"}
    assert error_of(sts.assume_role, **asked, Policy="{")[0] == "MalformedPolicyDocument"
    basic = [{"arn": "arn:aws:iam::aws:policy/AmazonSQSFullAccess"}]
    assert sts.assume_role(**asked, Policy=ALLOW, PolicyArns=basic)["PackedPolicySize"] > 0
    nothing = [{"arn": f"arn:aws:iam::{sandbox.account}:policy/none"}]
    assert error_of(sts.assume_role, **asked, PolicyArns=nothing)[0] == "ValidationError"
    large = json.loads(ALLOW) | {"Id": "x" * 2040}
    assert error_of(sts.assume_role, **asked, Policy=json.dumps(large))[0] in (
        "PackedPolicyTooLarge",
        "ValidationError",
    )


def test_session_token(iam: Any, sandbox: Any) -> None:
    """The same identity with a temporary key, which can't make another one."""
    arn, key = new_user(iam)
    credentials = as_(sandbox, key).get_session_token()["Credentials"]
    session = as_(sandbox, credentials)
    assert session.get_caller_identity()["Arn"] == arn
    assert error_of(session.get_session_token) == (
        "AccessDenied",
        "Cannot call GetSessionToken with session credentials",
        403,
    )
    assert error_of(session.get_federation_token, Name="bo")[0] == "AccessDenied"


def test_federation_token(sts: Any, sandbox: Any) -> None:
    """A federated user has a name of its own."""
    answer = sts.get_federation_token(Name="bo", Policy=ALLOW)
    arn = f"arn:aws:sts::{sandbox.account}:federated-user/bo"
    assert answer["FederatedUser"] == {"FederatedUserId": f"{sandbox.account}:bo", "Arn": arn}
    assert as_(sandbox, answer["Credentials"]).get_caller_identity()["Arn"] == arn


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    made = Issuer()
    yield made
    made.server.shutdown()


def test_web_identity(server: Any, sandbox: Any, iam: Any, issuer: Issuer) -> None:
    """A token of a registered provider is enough, where the role's trust policy asks for its claims."""
    host = issuer.url.removeprefix("http://")
    provider = iam.create_open_id_connect_provider(Url=f"https://{host}", ClientIDList=["app"])
    arn = provider["OpenIDConnectProviderArn"]
    action = "sts:AssumeRoleWithWebIdentity"
    condition = {"StringEquals": {f"{host}:aud": "app", f"{host}:sub": "u1"}}
    role = new_role(iam, trust({"Federated": arn}, action, Condition=condition))
    other = new_role(iam, trust({"Federated": f"{arn}x"}, action))
    sts = boto3.client(
        "sts",
        endpoint_url=server.endpoint,
        region_name="us-east-1",
        config=Config(retries={"max_attempts": 0}),
    )
    # The call is not signed, so that the host names the environment; the test's resolver need not know the name.
    name = f"{sandbox.name}.localhost:{server.port}"
    sts.meta.events.register("before-send", lambda request, **_: request.headers.__setitem__("Host", name))
    assume = sts.assume_role_with_web_identity
    asked = {"RoleArn": role, "RoleSessionName": "web"}
    answer = assume(**asked, WebIdentityToken=issuer.token())
    assert (answer["SubjectFromWebIdentityToken"], answer["Audience"]) == ("u1", "app")
    identity = as_(sandbox, answer["Credentials"]).get_caller_identity()["Arn"]
    assert identity == f"arn:aws:sts::{sandbox.account}:assumed-role/{role.rpartition('/')[2]}/web"
    denied = ("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity", 403)
    assert error_of(assume, **asked, WebIdentityToken=issuer.token(sub="u2")) == denied
    assert error_of(assume, **(asked | {"RoleArn": other}), WebIdentityToken=issuer.token()) == denied
    for token in (
        issuer.token(aud="another"),
        issuer.token()[:-4] + "AAAA",
        issuer.token(iss="http://evil.example"),
        "no.t.a",
    ):
        assert error_of(assume, **asked, WebIdentityToken=token)[0] == "InvalidIdentityToken"
    assert error_of(assume, **asked, WebIdentityToken=issuer.token(exp=1))[0] == "ExpiredTokenException"
    stranger = issuer.token(iss="https://stranger.example")
    assert error_of(assume, **asked, WebIdentityToken=stranger)[:2] == (
        "InvalidIdentityToken",
        "No OpenIDConnect provider found in your account for https://stranger.example",
    )


def test_access_key_info(sts: Any) -> None:
    """A key says its account; one from elsewhere says nothing."""
    assert sts.get_access_key_info(AccessKeyId="ASIAQNZGKIQY56JQ7WML")["Account"] == "029608264753"
    assert error_of(sts.get_access_key_info, AccessKeyId="AKIAIOSFODNN7EXAMPLE")[0] == "ValidationError"


def test_invalid_role_arn(sts: Any) -> None:
    """Something that is no ARN of a role."""
    assert error_of(sts.assume_role, RoleArn="x" * 20, RoleSessionName="s1") == (
        "ValidationError",
        f"{'x' * 20} is invalid",
        400,
    )


def test_unbuilt_operations_say_so(sts: Any) -> None:
    """DecodeAuthorizationMessage has nothing to decode: our denials are not encoded."""
    assert error_of(sts.decode_authorization_message, EncodedMessage="x")[2] == 501


def _form(sandbox: Any, accept: str, **fields: str) -> tuple[int, str, str]:
    """(status, content type, body) of a form as a client without an SDK sends it."""
    data = "&".join(f"{name}={value}" for name, value in {"Version": "2011-06-15", **fields}.items())
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": accept}
    signed = AWSRequest("POST", sandbox.server.endpoint + "/", data=data, headers=headers)
    keys = Credentials(sandbox.row["access_key_id"], sandbox.row["secret_access_key"])
    SigV4Auth(keys, "sts", "us-east-1").add_auth(signed)
    request = urllib.request.Request(signed.url, data.encode(), dict(signed.headers), method="POST")
    try:
        answer = urllib.request.urlopen(request, timeout=10)
    except urllib.error.HTTPError as error:
        answer = error
    return answer.status, answer.headers["content-type"], answer.read().decode()


def test_forms_are_answered_in_json_to_who_accepts_that(sandbox: Any) -> None:
    """Those that verify clusters' tokens by GetCallerIdentity ask so, and read nothing else."""
    status, kind, body = _form(sandbox, "application/json", Action="GetCallerIdentity")
    answer = json.loads(body)["GetCallerIdentityResponse"]
    assert (status, kind) == (200, "application/json")
    assert answer["GetCallerIdentityResult"] == {
        "Account": sandbox.account,
        "Arn": f"arn:aws:iam::{sandbox.account}:root",
        "UserId": sandbox.account,
    }
    assert answer["ResponseMetadata"]["RequestId"]
    token = json.loads(_form(sandbox, "application/json", Action="GetSessionToken")[2])
    credentials = token["GetSessionTokenResponse"]["GetSessionTokenResult"]["Credentials"]
    assert isinstance(credentials["Expiration"], int | float)
    status, kind, body = _form(sandbox, "application/json", Action="AssumeRole")
    error = json.loads(body)["Error"]
    assert (status, kind, error["Code"], error["Type"]) == (400, "application/json", "ValidationError", "Sender")
    for accept in ("*/*", "text/xml", "application/xml, application/json"):
        assert _form(sandbox, accept, Action="GetCallerIdentity")[1] == "text/xml"
