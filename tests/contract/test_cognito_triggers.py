"""Lambda triggers: real functions, the events that they get, and what their answers do."""

from __future__ import annotations

import json
import urllib.request
import uuid
from typing import Any
from urllib.parse import urlencode

import jwt
import pytest
from tests.conftest import error_of
from tests.contract.cognito import PASSWORD, App, new_app
from tests.contract.lambda_bench import Queue, create, permit

# Tells the queue what it got, then answers as the test wants (in the function's environment).
CODE = """
import boto3, json, os
queue = boto3.client("sqs")
def handler(event, context):
    queue.send_message(QueueUrl=os.environ["TELL_URL"], MessageBody=json.dumps(event))
    answers = json.loads(os.environ["ANSWERS"])
    answer = answers.get(event["triggerSource"])
    if isinstance(answer, str):
        raise ValueError(answer)
    if answer == 7:
        return 7
    rounds = event["request"].get("session") or []
    if event["triggerSource"] == "DefineAuthChallenge_Authentication":
        if rounds and rounds[-1]["challengeName"] == "CUSTOM_CHALLENGE" and rounds[-1]["challengeResult"]:
            answer = {"issueTokens": True, "failAuthentication": False}
        elif len(rounds) >= 2:
            answer = {"issueTokens": False, "failAuthentication": True}
        else:
            answer = {"issueTokens": False, "failAuthentication": False, "challengeName": "CUSTOM_CHALLENGE"}
    if event["triggerSource"] == "VerifyAuthChallengeResponse_Authentication":
        request = event["request"]
        answer = {"answerCorrect": request["challengeAnswer"] == request["privateChallengeParameters"]["secret"]}
    event["response"].update(answer or {})
    return event
"""


class Bench:
    """A pool all of whose triggers are one function."""

    def __init__(self, sandbox: Any, answers: dict[str, Any], *kinds: str, **config: Any) -> None:
        self.told = Queue(sandbox, f"told-{uuid.uuid4().hex}")
        lambdas, name = sandbox.client("lambda"), f"f-{uuid.uuid4().hex}"
        variables = {"TELL_URL": self.told.url, "ANSWERS": json.dumps(answers)}
        self.arn = create(lambdas, name, CODE, Environment={"Variables": variables}, Timeout=20)["FunctionArn"]
        permit(lambdas, name, "cognito-idp")
        triggers: dict[str, Any] = dict.fromkeys(kinds, self.arn)
        if "version" in config:
            triggers["PreTokenGenerationConfig"] = {"LambdaVersion": config["version"], "LambdaArn": self.arn}
        pool = {"AutoVerifiedAttributes": ["email"], "LambdaConfig": triggers}
        self.app: App = new_app(sandbox, pool, PreventUserExistenceErrors="LEGACY")

    def event(self) -> dict[str, Any]:
        return self.told.take_json()[0]


def sign_up(app: App, name: str, **more: Any) -> dict[str, Any]:
    attributes = [{"Name": "email", "Value": f"{name}@example.com"}]
    return app.client.sign_up(
        ClientId=app.client_id, Username=name, Password=PASSWORD, UserAttributes=attributes, **more
    )


def test_signing_up(sandbox: Any) -> None:
    """PreSignUp confirms and verifies; PostConfirmation hears of it. The whole events, as AWS documents them."""
    bench = Bench(
        sandbox,
        {"PreSignUp_SignUp": {"autoConfirmUser": True, "autoVerifyEmail": True}},
        "PreSignUp",
        "PostConfirmation",
    )
    app = bench.app
    answer = sign_up(app, "ana", ValidationData=[{"Name": "k", "Value": "v"}], ClientMetadata={"from": "test"})
    assert answer["UserConfirmed"] is True
    assert bench.event() == {
        "version": "1",
        "region": "us-east-1",
        "userPoolId": app.pool_id,
        "userName": "ana",
        "callerContext": {"awsSdkVersion": "aws-sdk-unknown-unknown", "clientId": app.client_id},
        "triggerSource": "PreSignUp_SignUp",
        "request": {
            "userAttributes": {"email": "ana@example.com"},
            "validationData": {"k": "v"},
            "clientMetadata": {"from": "test"},
        },
        "response": {"autoConfirmUser": False, "autoVerifyEmail": False, "autoVerifyPhone": False},
    }
    event = bench.event()
    assert event["triggerSource"] == "PostConfirmation_ConfirmSignUp"
    assert event["request"] == {
        "userAttributes": {
            "sub": answer["UserSub"],
            "cognito:user_status": "CONFIRMED",
            "email": "ana@example.com",
            "email_verified": "true",
        },
        "clientMetadata": {"from": "test"},
    }
    assert app.tokens("ana")


def test_a_function_says_no(sandbox: Any) -> None:
    """What it raises is the answer; what it may not be, or may not be asked, has errors of its own."""
    bench = Bench(sandbox, {"PreSignUp_SignUp": "not you", "PreAuthentication_Authentication": 7}, "PreSignUp",
                  "PreAuthentication")  # fmt: skip
    app = bench.app
    assert error_of(sign_up, app=app, name="ana")[:2] == (
        "UserLambdaValidationException",
        "PreSignUp failed with error not you.",
    )
    gone = error_of(app.admin.admin_get_user, UserPoolId=app.pool_id, Username="ana")
    assert gone[0] == "UserNotFoundException"
    app.admin.admin_create_user(UserPoolId=app.pool_id, Username="bob", MessageAction="SUPPRESS")
    app.admin.admin_set_user_password(UserPoolId=app.pool_id, Username="bob", Password=PASSWORD, Permanent=True)
    assert error_of(app.sign_in, name="bob")[:2] == (
        "InvalidLambdaResponseException",
        "Unrecognizable lambda output",
    )
    sandbox.client("lambda").remove_permission(FunctionName=bench.arn, StatementId="let-cognito-idp")
    assert error_of(sign_up, app=app, name="ana")[0] == "UnexpectedLambdaException"


def test_signing_in(sandbox: Any) -> None:
    """Before, after, and what the tokens say: version 1 changes the id token only."""
    override = {
        "claimsOverrideDetails": {
            "claimsToAddOrOverride": {"team": "blue", "sub": "forged"},
            "claimsToSuppress": ["email"],
            "groupOverrideDetails": {"groupsToOverride": ["made"], "iamRolesToOverride": [], "preferredRole": None},
        }
    }
    bench = Bench(
        sandbox,
        {"TokenGeneration_Authentication": override},
        "PreAuthentication",
        "PostAuthentication",
        "PreTokenGeneration",
    )
    app = bench.app
    app.add_user("ana", email="ana@example.com", email_verified="true")
    tokens = app.tokens("ana")
    events = bench.told.take_json(3)
    assert [event["triggerSource"] for event in events] == [
        "PreAuthentication_Authentication",
        "PostAuthentication_Authentication",
        "TokenGeneration_Authentication",
    ]
    assert events[0]["request"]["userAttributes"]["cognito:user_status"] == "CONFIRMED"
    assert events[1]["request"]["newDeviceUsed"] is False
    assert events[2]["request"]["groupConfiguration"] == {
        "groupsToOverride": [],
        "iamRolesToOverride": [],
        "preferredRole": None,
    }
    claims = jwt.decode(tokens["IdToken"], options={"verify_signature": False})
    assert (claims["team"], claims["cognito:groups"], "email" in claims) == ("blue", ["made"], False)
    assert claims["sub"] != "forged"
    access = jwt.decode(tokens["AccessToken"], options={"verify_signature": False})
    assert "team" not in access


def test_access_tokens_are_changed_by_version_two(sandbox: Any) -> None:
    answer = {
        "claimsAndScopeOverrideDetails": {
            "idTokenGeneration": {"claimsToAddOrOverride": {"list": ["a", 1]}},
            "accessTokenGeneration": {"claimsToAddOrOverride": {"level": 3}, "scopesToAdd": ["more/read"]},
        }
    }
    bench = Bench(sandbox, {"TokenGeneration_Authentication": answer}, version="V2_0")
    bench.app.add_user("ana")
    tokens = bench.app.tokens("ana")
    event = bench.event()
    assert (event["version"], event["request"]["scopes"]) == ("2", ["aws.cognito.signin.user.admin"])
    access = jwt.decode(tokens["AccessToken"], options={"verify_signature": False})
    assert (access["level"], access["scope"]) == (3, "aws.cognito.signin.user.admin more/read")
    assert jwt.decode(tokens["IdToken"], options={"verify_signature": False})["list"] == ["a", 1]


def test_apps_that_ask_for_themselves_are_told_to_version_three(sandbox: Any) -> None:
    """The function changes claims and scopes of client credentials, and gets the app's metadata; version two is not
    asked for these."""
    answer = {
        "claimsAndScopeOverrideDetails": {
            "accessTokenGeneration": {"claimsToAddOrOverride": {"tenant": "t1"}, "scopesToAdd": ["api/more"]}
        }
    }
    for version, is_asked in (("V3_0", True), ("V2_0", False)):
        bench = Bench(sandbox, {"TokenGeneration_ClientCredentials": answer}, version=version)
        admin, pool_id = bench.app.admin, bench.app.pool_id
        scopes = [{"ScopeName": "read", "ScopeDescription": "r"}]
        admin.create_resource_server(UserPoolId=pool_id, Identifier="api", Name="api", Scopes=scopes)
        made = admin.create_user_pool_client(
            UserPoolId=pool_id,
            ClientName="machine",
            GenerateSecret=True,
            AllowedOAuthFlowsUserPoolClient=True,
            AllowedOAuthFlows=["client_credentials"],
            AllowedOAuthScopes=["api/read"],
        )["UserPoolClient"]
        form = {
            "grant_type": "client_credentials",
            "client_id": made["ClientId"],
            "client_secret": made["ClientSecret"],
            "aws_client_metadata": '{"plan": "gold"}',
        }
        address = f"{sandbox.server.endpoint}/_aws/cognito-idp/{pool_id}/oauth2/token"
        with urllib.request.urlopen(address, urlencode(form).encode(), timeout=30) as reply:
            access = jwt.decode(json.load(reply)["access_token"], options={"verify_signature": False})
        assert (access["scope"], access.get("tenant")) == (
            ("api/read api/more", "t1") if is_asked else ("api/read", None)
        )
        if is_asked:
            event = bench.event()
            assert (event["version"], event["triggerSource"]) == ("3", "TokenGeneration_ClientCredentials")
            assert event["request"]["scopes"] == ["api/read"]
            assert event["request"]["clientMetadata"] == {"plan": "gold"}


def test_messages_are_worded_by_a_function(sandbox: Any) -> None:
    wording = {"emailSubject": "Hi", "emailMessage": "Dear friend, {####}!"}
    bench = Bench(sandbox, {"CustomMessage_SignUp": wording}, "CustomMessage")
    sign_up(bench.app, "ana")
    event = bench.event()
    assert event["request"]["codeParameter"] == "{####}"
    assert event["response"] == {"smsMessage": None, "emailMessage": None, "emailSubject": None}
    message = bench.app.last_message()
    assert message["subject"] == "Hi"
    assert message["body"] == f"Dear friend, {bench.app.last_code()}!"


def test_users_are_brought_over_at_their_first_sign_in(sandbox: Any) -> None:
    """UserMigration knows the password once; from then on the pool does."""
    found = {
        "userAttributes": {"email": "old@example.com", "email_verified": "true"},
        "finalUserStatus": "CONFIRMED",
        "messageAction": "SUPPRESS",
    }
    bench = Bench(sandbox, {"UserMigration_Authentication": found}, "UserMigration")
    assert bench.app.tokens("old")
    assert bench.event()["request"]["password"] == PASSWORD
    assert bench.app.tokens("old")
    assert bench.told.count() == 0, "the function is asked once"
    shown = bench.app.admin.admin_get_user(UserPoolId=bench.app.pool_id, Username="old")
    assert shown["UserStatus"] == "CONFIRMED"


@pytest.fixture(scope="module")
def custom(sandbox: Any) -> Bench:
    challenge = {
        "publicChallengeParameters": {"question": "word?"},
        "privateChallengeParameters": {"secret": "sesame"},
        "challengeMetadata": "WORD",
    }
    bench = Bench(
        sandbox,
        {"CreateAuthChallenge_Authentication": challenge},
        "DefineAuthChallenge",
        "CreateAuthChallenge",
        "VerifyAuthChallengeResponse",
    )
    bench.app.add_user("ana")
    return bench


def start_custom(app: App) -> dict[str, Any]:
    return app.client.initiate_auth(ClientId=app.client_id, AuthFlow="CUSTOM_AUTH", AuthParameters={"USERNAME": "ana"})


def answer_custom(app: App, session: str, answer: str) -> dict[str, Any]:
    return app.client.respond_to_auth_challenge(
        ClientId=app.client_id,
        ChallengeName="CUSTOM_CHALLENGE",
        Session=session,
        ChallengeResponses={"USERNAME": "ana", "ANSWER": answer},
    )


def test_a_custom_challenge(custom: Bench) -> None:
    """Define, create, verify; a wrong answer brings the challenge again, a second one ends it."""
    app = custom.app
    asked = start_custom(app)
    assert asked["ChallengeName"] == "CUSTOM_CHALLENGE"
    assert asked["ChallengeParameters"] == {"USERNAME": "ana", "question": "word?"}
    again = answer_custom(app, asked["Session"], "mellon")
    assert again["ChallengeName"] == "CUSTOM_CHALLENGE"
    assert answer_custom(app, again["Session"], "sesame")["AuthenticationResult"]
    events = custom.told.take_json(7)
    define = [event for event in events if event["triggerSource"].startswith("Define")]
    assert [len(event["request"]["session"]) for event in define] == [0, 1, 2]
    assert define[1]["request"]["session"] == [
        {"challengeName": "CUSTOM_CHALLENGE", "challengeResult": False, "challengeMetadata": "WORD"}
    ]
    asked = start_custom(app)
    again = answer_custom(app, asked["Session"], "x")
    assert error_of(answer_custom, app=app, session=again["Session"], answer="y")[:2] == (
        "NotAuthorizedException",
        "Incorrect username or password.",
    )
    stale = error_of(answer_custom, app=app, session=asked["Session"], answer="sesame")
    assert stale[1] == "Invalid session for the user, session can only be used once."
