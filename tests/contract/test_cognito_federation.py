"""Signing in through another identity provider: one user pool is the OpenID provider of another, both real."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import jwt
import pytest
from tests.conftest import error_of
from tests.contract.cognito import FLOWS, PASSWORD, App, new_app
from tests.contract.lambda_bench import Queue, create, permit
from tests.contract.oidc import Issuer
from tests.contract.test_cognito_pages import CALLBACK, Answer, Browser
from tests.contract.test_cognito_triggers import CODE

OAUTH = {
    "AllowedOAuthFlowsUserPoolClient": True,
    "AllowedOAuthFlows": ["code"],
    "AllowedOAuthScopes": ["openid", "email", "profile"],
}


@dataclass
class Pair:
    """An app whose users come from `provider`, and that provider."""

    app: App
    provider: App

    def browser(self, of: App) -> Browser:
        return Browser(self.app.sandbox.server.port, f"/_aws/cognito-idp/{of.pool_id}")

    def begin(self, browser: Browser, **more: str) -> Answer:
        return browser.get(
            "/oauth2/authorize",
            client_id=self.app.client_id,
            response_type="code",
            redirect_uri=CALLBACK,
            state="mine",
            **more,
        )

    def prove(self, sent: Answer, name: str) -> str:
        """Signs in at the provider; the address that it sends the browser back to."""
        there = self.browser(self.provider)
        split = urlsplit(sent.headers["location"])
        page = there.ask("GET", f"{split.path}?{split.query}")
        page = there.ask("GET", page.headers["location"])
        back = there.submit(page, username=name, password=PASSWORD)
        assert back.status == 302, back.text
        return back.headers["location"]

    def sign_in(self, name: str, **more: str) -> Answer:
        browser = self.browser(self.app)
        back = urlsplit(self.prove(self.begin(browser, **more), name))
        return browser.ask("GET", f"{back.path}?{back.query}")

    def tokens(self, answer: Answer) -> dict[str, Any]:
        assert answer.status == 302 and answer.headers["location"].startswith(CALLBACK), answer.text
        given = answer.sent_to
        assert given["state"] == "mine" and "code" in given, given
        form = {
            "grant_type": "authorization_code",
            "client_id": self.app.client_id,
            "code": given["code"],
            "redirect_uri": CALLBACK,
        }
        browser = self.browser(self.app)
        return dict(json.loads(browser.ask("POST", f"{browser.base}/oauth2/token", form).text))


@pytest.fixture(scope="module")
def pair(sandbox: Any) -> Pair:
    app = new_app(sandbox, {"PoolName": "guests"})
    back = f"{sandbox.server.endpoint}/_aws/cognito-idp/{app.pool_id}/oauth2/idpresponse"
    provider = new_app(sandbox, {"PoolName": "corporate"}, GenerateSecret=True, CallbackURLs=[back], **OAUTH)
    provider.add_user("ana", email="ana@corp.example", email_verified="true", given_name="Ana")
    provider.add_user("bob", email="bob@corp.example", email_verified="true")
    details = {
        "client_id": provider.client_id,
        "client_secret": provider.secret,
        "authorize_scopes": "openid email profile",
        "oidc_issuer": f"{sandbox.server.endpoint}/{provider.pool_id}",
        "attributes_request_method": "GET",
    }
    mapping = {"email": "email", "email_verified": "email_verified", "given_name": "given_name", "username": "sub"}
    app.admin.create_identity_provider(
        UserPoolId=app.pool_id,
        ProviderName="Corp",
        ProviderType="OIDC",
        ProviderDetails=details,
        AttributeMapping=mapping,
        IdpIdentifiers=["corp.example"],
    )
    app.admin.update_user_pool_client(
        UserPoolId=app.pool_id,
        ClientId=app.client_id,
        CallbackURLs=[CALLBACK],
        ExplicitAuthFlows=FLOWS,
        SupportedIdentityProviders=["COGNITO", "Corp"],
        **OAUTH,
    )
    return Pair(app, provider)


def user_of(app: App, name: str) -> tuple[str, dict[str, str]]:
    found = app.admin.admin_get_user(UserPoolId=app.pool_id, Username=name)
    return found["UserStatus"], {pair["Name"]: pair["Value"] for pair in found["UserAttributes"]}


def test_a_user_of_the_provider_becomes_a_user_of_the_pool(pair: Pair) -> None:
    """Out, proved there, back with a code, tokens: the profile, its group and its identity are as on AWS."""
    result = pair.tokens(pair.sign_in("ana", identity_provider="Corp"))
    claims = jwt.decode(result["id_token"], options={"verify_signature": False})
    subject = pair.provider.admin.admin_get_user(UserPoolId=pair.provider.pool_id, Username="ana")["UserAttributes"]
    sub = next(one["Value"] for one in subject if one["Name"] == "sub")
    assert claims["cognito:username"] == f"Corp_{sub}"
    assert claims["cognito:groups"] == [f"{pair.app.pool_id}_Corp"]
    (identity,) = claims["identities"]
    told = {name: identity[name] for name in ("providerName", "providerType", "userId", "primary")}
    assert told == {"providerName": "Corp", "providerType": "OIDC", "userId": sub, "primary": "true"}
    status, attributes = user_of(pair.app, f"Corp_{sub}")
    assert (status, attributes["email"], attributes["given_name"]) == ("EXTERNAL_PROVIDER", "ana@corp.example", "Ana")
    assert attributes["email_verified"] == "true"

    renamed = [{"Name": "given_name", "Value": "Anna"}]
    pair.provider.admin.admin_update_user_attributes(
        UserPoolId=pair.provider.pool_id, Username="ana", UserAttributes=renamed
    )
    again = pair.tokens(pair.sign_in("ana", idp_identifier="corp.example"))
    claims = jwt.decode(again["id_token"], options={"verify_signature": False})
    assert (claims["cognito:username"], claims["given_name"]) == (f"Corp_{sub}", "Anna")
    refused = error_of(lambda: pair.app.sign_in(f"Corp_{sub}"))
    assert refused[:2] == ("NotAuthorizedException", "Incorrect username or password.")


def test_an_administrator_links_a_provider_to_a_user(pair: Pair) -> None:
    """By the subject or by a claim; whoever is linked signs in as that user, until the link is cut."""
    pair.app.add_user("local", email="local@example.com")
    destination = {"ProviderName": "Cognito", "ProviderAttributeValue": "local"}
    source = {"ProviderName": "Corp", "ProviderAttributeName": "email", "ProviderAttributeValue": "bob@corp.example"}
    link = pair.app.admin.admin_link_provider_for_user
    about = {"UserPoolId": pair.app.pool_id}
    link(**about, DestinationUser=destination, SourceUser=source)
    assert error_of(link, **about, DestinationUser=destination, SourceUser=source)[0] == "AliasExistsException"
    claims = jwt.decode(
        pair.tokens(pair.sign_in("bob", identity_provider="Corp"))["id_token"], options={"verify_signature": False}
    )
    assert claims["cognito:username"] == "local"
    assert [one["primary"] for one in claims["identities"]] == ["false"]
    pair.app.admin.admin_disable_provider_for_user(**about, User=source)
    assert "identities" not in user_of(pair.app, "local")[1]
    missing = error_of(pair.app.admin.admin_disable_provider_for_user, **about, User=source)
    assert missing[0] == "UserNotFoundException"
    unknown = error_of(link, **about, DestinationUser=destination, SourceUser=source | {"ProviderName": "None"})
    assert unknown[0] == "InvalidParameterException"
    nobody = error_of(
        link, **about, DestinationUser=destination | {"ProviderAttributeValue": "nobody"}, SourceUser=source
    )
    assert nobody[0] == "UserNotFoundException"
    claims = jwt.decode(
        pair.tokens(pair.sign_in("bob", identity_provider="Corp"))["id_token"], options={"verify_signature": False}
    )
    assert claims["cognito:username"].startswith("Corp_")


LINKS = """
import boto3, os
def handler(event, context):
    if event["triggerSource"] == "PreSignUp_ExternalProvider":
        provider, subject = event["userName"].split("_", 1)
        boto3.client("cognito-idp").admin_link_provider_for_user(
            UserPoolId=event["userPoolId"],
            DestinationUser={"ProviderName": "Cognito", "ProviderAttributeValue": os.environ["LOCAL"]},
            SourceUser={
                "ProviderName": provider,
                "ProviderAttributeName": "Cognito_Subject",
                "ProviderAttributeValue": subject,
            },
        )
    return event
"""


def test_a_function_links_a_newcomer_while_signing_up(pair: Pair, sandbox: Any) -> None:
    """PreSignUp may link: who came signs in as the user who was there, and gets no profile of their own."""
    pair.app.add_user("known", email="known@example.com")
    lambdas, about = sandbox.client("lambda"), {"UserPoolId": pair.app.pool_id}
    function = create(lambdas, "links", LINKS, Environment={"Variables": {"LOCAL": "known"}}, Timeout=20)
    permit(lambdas, "links", "cognito-idp")
    pair.app.admin.update_user_pool(**about, LambdaConfig={"PreSignUp": function["FunctionArn"]})
    pair.provider.add_user("guest", email="guest@corp.example", email_verified="true")
    result = pair.tokens(pair.sign_in("guest", identity_provider="Corp"))
    pair.app.admin.update_user_pool(**about)
    claims = jwt.decode(result["id_token"], options={"verify_signature": False})
    assert claims["cognito:username"] == "known"
    subject = claims["identities"][0]["userId"]
    assert error_of(lambda: user_of(pair.app, f"Corp_{subject}"))[0] == "UserNotFoundException"


def test_who_cannot_be_linked(pair: Pair) -> None:
    """Users of the pool itself, and users of a provider who have a profile already."""
    pair.app.add_user("other", email="other@example.com")
    claims = jwt.decode(
        pair.tokens(pair.sign_in("ana", identity_provider="Corp"))["id_token"], options={"verify_signature": False}
    )
    about = {"UserPoolId": pair.app.pool_id, "DestinationUser": {"ProviderName": "Cognito"}}
    about["DestinationUser"]["ProviderAttributeValue"] = "other"
    link = pair.app.admin.admin_link_provider_for_user
    subject = claims["identities"][0]["userId"]
    named = {"ProviderAttributeName": "Cognito_Subject", "ProviderAttributeValue": subject}
    merged = error_of(link, **about, SourceUser={"ProviderName": "Corp", **named})
    assert merged[:2] == (
        "InvalidParameterException",
        "Merging is not currently supported, provide a SourceUser that has not been signed up in order to link",
    )
    own = error_of(link, **about, SourceUser={"ProviderName": "Cognito", **named})
    assert own[1].startswith("Invalid SourceUser: Cognito users with a username/password may not be passed in")


def test_a_deleted_user_can_come_back(pair: Pair) -> None:
    """Nothing of a deleted profile stands in the way of a new one."""
    first = jwt.decode(
        pair.tokens(pair.sign_in("ana", identity_provider="Corp"))["id_token"], options={"verify_signature": False}
    )
    pair.app.admin.admin_delete_user(UserPoolId=pair.app.pool_id, Username=first["cognito:username"])
    second = jwt.decode(
        pair.tokens(pair.sign_in("ana", identity_provider="Corp"))["id_token"], options={"verify_signature": False}
    )
    assert second["cognito:username"] == first["cognito:username"] and second["sub"] != first["sub"]


def test_a_function_changes_what_the_provider_said(pair: Pair, sandbox: Any) -> None:
    """InboundFederation gets the answer, the claims and the user info as texts; what it returns is mapped instead."""
    told, lambdas = Queue(sandbox, "inbound"), sandbox.client("lambda")
    answer = {"InboundFederation_ExternalProvider": {"userAttributesToMap": {"given_name": "Robert", "email": "r@b.c"}}}
    variables = {"TELL_URL": told.url, "ANSWERS": json.dumps(answer)}
    function = create(lambdas, "inbound", CODE, Environment={"Variables": variables}, Timeout=20)
    permit(lambdas, "inbound", "cognito-idp")
    trigger = {"InboundFederation": {"LambdaVersion": "V1_0", "LambdaArn": function["FunctionArn"]}}
    pair.app.admin.update_user_pool(UserPoolId=pair.app.pool_id, LambdaConfig=trigger)
    result = pair.tokens(pair.sign_in("bob", identity_provider="Corp"))
    pair.app.admin.update_user_pool(UserPoolId=pair.app.pool_id)
    claims = jwt.decode(result["id_token"], options={"verify_signature": False})
    assert (claims["given_name"], claims["email"]) == ("Robert", "r@b.c")
    event = told.take_json()[0]
    assert event["triggerSource"] == "InboundFederation_ExternalProvider"
    request = event["request"]
    assert (request["providerName"], request["providerType"]) == ("Corp", "OIDC")
    said = request["attributes"]
    assert set(said) == {"tokenResponse", "idToken", "userInfo"}
    assert (said["idToken"]["email"], said["userInfo"]["email_verified"]) == ("bob@corp.example", "true")
    assert said["tokenResponse"]["token_type"] == "Bearer"


def test_the_sign_in_page_offers_the_providers(pair: Pair) -> None:
    """And an app that only has one sends its users there at once."""
    browser = pair.browser(pair.app)
    page = browser.ask("GET", pair.begin(browser).headers["location"])
    assert "identity_provider=Corp" in page.text and "Continue with Corp" in page.text
    only = pair.app.admin.create_user_pool_client(
        UserPoolId=pair.app.pool_id,
        ClientName="only",
        CallbackURLs=[CALLBACK],
        SupportedIdentityProviders=["Corp"],
        **OAUTH,
    )["UserPoolClient"]["ClientId"]
    sent = browser.get("/oauth2/authorize", client_id=only, response_type="code", redirect_uri=CALLBACK)
    assert pair.provider.pool_id in sent.headers["location"]
    assert pair.begin(browser, identity_provider="Nobody").status == 400


def test_what_comes_back_belongs_to_the_browser_that_left(pair: Pair) -> None:
    """Another browser, a second time, an unknown state, and an error of the provider's."""
    browser = pair.browser(pair.app)
    back = urlsplit(pair.prove(pair.begin(browser, identity_provider="Corp"), "ana"))
    path = f"{back.path}?{back.query}"
    stranger = pair.browser(pair.app).ask("GET", path)
    assert stranger.status == 400 and "another browser" in stranger.text
    assert browser.ask("GET", path).status == 400, "the session was used up by the attempt"
    assert browser.get("/oauth2/idpresponse", state="x" * 30, code="c").status == 400

    sent = pair.begin(browser, identity_provider="Corp").sent_to
    refused = browser.get("/oauth2/idpresponse", state=sent["state"], error="access_denied", error_description="No.")
    assert refused.sent_to == {"error": "access_denied", "error_description": "No.", "state": "mine"}


class Provider(Issuer):
    """A provider whose token endpoint answers what a test wants."""

    def __init__(self, answer: Callable[[Provider], dict[str, Any]]) -> None:
        super().__init__()
        handler, issuer = self.server.RequestHandlerClass, self

        def do_post(self: Any) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            data = json.dumps(answer(issuer)).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        handler.do_POST = do_post  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"aud": "somebody-else"}, "the token does not have a valid audience"),
        ({"nonce": "another"}, "the id token is of another sign-in"),
        ({"iss": "https://example.org"}, "the token has an invalid issuer"),
        ({"exp": 1}, "the token has expired"),
    ],
)
def test_id_tokens_that_are_not_meant_for_this_sign_in(
    pair: Pair, sandbox: Any, claims: dict[str, Any], why: str
) -> None:
    """The provider's signature alone lets nobody in; the app is told at its own address."""
    nonces: list[str] = []
    provider = Provider(lambda one: {"id_token": one.token(**({"aud": "us", "nonce": nonces[-1]} | claims))})
    name = f"P-{next(iter(claims))}"
    details = {
        "client_id": "us",
        "client_secret": "s",
        "authorize_scopes": "openid",
        "oidc_issuer": provider.url,
        "authorize_url": f"{provider.url}/authorize",
        "token_url": f"{provider.url}/token",
    }
    pair.app.admin.create_identity_provider(
        UserPoolId=pair.app.pool_id, ProviderName=name, ProviderType="OIDC", ProviderDetails=details
    )
    client = pair.app.admin.create_user_pool_client(
        UserPoolId=pair.app.pool_id,
        ClientName=name,
        CallbackURLs=[CALLBACK],
        SupportedIdentityProviders=[name],
        **OAUTH,
    )["UserPoolClient"]["ClientId"]
    browser = pair.browser(pair.app)
    sent = browser.get("/oauth2/authorize", client_id=client, response_type="code", redirect_uri=CALLBACK).sent_to
    nonces.append(sent["nonce"])
    back = browser.get("/oauth2/idpresponse", state=sent["state"], code="c").sent_to
    assert back == {"error": "invalid_request", "error_description": why}


def test_providers_that_do_not_speak_openid_connect(pair: Pair) -> None:
    """COGNITO-003: a page says that SAML is not possible here."""
    pair.app.admin.create_identity_provider(
        UserPoolId=pair.app.pool_id,
        ProviderName="Saml",
        ProviderType="SAML",
        ProviderDetails={"MetadataURL": "https://example.com/metadata"},
    )
    client = pair.app.admin.create_user_pool_client(
        UserPoolId=pair.app.pool_id,
        ClientName="saml",
        CallbackURLs=[CALLBACK],
        SupportedIdentityProviders=["Saml"],
        **OAUTH,
    )["UserPoolClient"]["ClientId"]
    page = pair.browser(pair.app).get(
        "/oauth2/authorize", client_id=client, response_type="code", redirect_uri=CALLBACK
    )
    assert page.status == 400 and "Signing in with Saml is not possible here." in page.text
