"""The hosted pages and OAuth endpoints, as a browser without scripts and an app behind it see them."""

from __future__ import annotations

import base64
import hashlib
import html
import http.client
import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
import pytest
from tests.contract.cognito import PASSWORD, App, new_app

CALLBACK = "http://localhost:3000/callback"
VERIFIER = "v" * 50
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    text: str

    @property
    def sent_to(self) -> dict[str, str]:
        """What the address says that the browser is sent to."""
        split = urlsplit(self.headers["location"])
        return {name: values[0] for name, values in parse_qs(split.query or split.fragment).items()}


@dataclass
class Browser:
    """Keeps cookies, follows nothing by itself."""

    port: int
    base: str
    host: str = "localhost"
    cookies: dict[str, str] = field(default_factory=dict)

    def ask(self, method: str, path: str, form: dict[str, str] | None = None, **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        sent = {"Host": f"{self.host}:{self.port}", **headers}
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if form is not None:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        connection.request(method, path, None if form is None else urlencode(form), sent)
        reply = connection.getresponse()
        text = reply.read().decode()
        for cookie in reply.headers.get_all("set-cookie") or ():
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        connection.close()
        return Answer(reply.status, {name.lower(): value for name, value in reply.headers.items()}, text)

    def get(self, page: str, **query: str) -> Answer:
        return self.ask("GET", f"{self.base}{page}?{urlencode(query)}")

    def submit(self, page: Answer, **fields: str) -> Answer:
        """Fills in the page's form and sends it."""
        action = re.search(r'<form method="post" action="([^"]*)"', page.text)
        assert action is not None, page.text
        hidden = dict(re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', page.text))
        form = {name: html.unescape(value) for name, value in hidden.items()} | fields
        return self.ask("POST", html.unescape(action[1]), form)


@pytest.fixture(scope="module")
def app(sandbox: Any) -> App:
    made = new_app(
        sandbox,
        {"AutoVerifiedAttributes": ["email"]},
        AllowedOAuthFlowsUserPoolClient=True,
        AllowedOAuthFlows=["code", "implicit"],
        AllowedOAuthScopes=["openid", "email", "aws.cognito.signin.user.admin"],
        CallbackURLs=[CALLBACK],
        LogoutURLs=["http://localhost:3000/bye"],
    )
    made.admin.create_user_pool_domain(Domain=f"app-{sandbox.name}", UserPoolId=made.pool_id)
    made.add_user("ana", email="ana@example.com", email_verified="true")
    return made


@pytest.fixture
def browser(app: App) -> Browser:
    return Browser(app.sandbox.server.port, f"/_aws/cognito-idp/app-{app.sandbox.name}")


def wish(app: App, **more: str) -> dict[str, str]:
    return {
        "client_id": app.client_id,
        "response_type": "code",
        "scope": "openid email",
        "redirect_uri": CALLBACK,
        "state": "s&1",
    } | more


def ask_token(browser: Browser, **form: str) -> tuple[int, dict[str, Any]]:
    answer = browser.ask("POST", f"{browser.base}/oauth2/token", form)
    return answer.status, json.loads(answer.text)


def follow(browser: Browser, answer: Answer) -> Answer:
    assert answer.status == 302, answer.text
    return browser.ask("GET", answer.headers["location"])


def sign_in(app: App, browser: Browser, **more: str) -> Answer:
    page = follow(browser, browser.get("/oauth2/authorize", **wish(app, **more)))
    return browser.submit(page, username="ana", password=PASSWORD)


def test_a_code_becomes_tokens(app: App, browser: Browser) -> None:
    """The authorization code flow with PKCE, state and nonce; what the scopes open, and nothing else."""
    back = sign_in(app, browser, nonce="n1", code_challenge=CHALLENGE, code_challenge_method="S256")
    assert back.headers["location"].startswith(f"{CALLBACK}?code=")
    assert back.sent_to["state"] == "s&1"
    form = {"grant_type": "authorization_code", "client_id": app.client_id, "redirect_uri": CALLBACK}
    status, tokens = ask_token(browser, code=back.sent_to["code"], code_verifier=VERIFIER, **form)
    assert (status, set(tokens)) == (200, {"id_token", "access_token", "refresh_token", "expires_in", "token_type"})
    claims = jwt.decode(tokens["id_token"], options={"verify_signature": False})
    assert (claims["nonce"], claims["email"], claims["aud"]) == ("n1", "ana@example.com", app.client_id)
    access = jwt.decode(tokens["access_token"], options={"verify_signature": False})
    assert (access["scope"], access["version"]) == ("openid email", 2)
    shown = browser.ask("GET", f"{browser.base}/oauth2/userInfo", Authorization=f"Bearer {tokens['access_token']}")
    assert json.loads(shown.text) == {
        "sub": claims["sub"], "email": "ana@example.com", "email_verified": "true", "username": "ana",
    }  # fmt: skip
    again = ask_token(browser, code=back.sent_to["code"], code_verifier=VERIFIER, **form)
    assert again == (400, {"error": "invalid_grant"}), "a code is redeemed once"
    status, renewed = ask_token(
        browser, grant_type="refresh_token", client_id=app.client_id, refresh_token=tokens["refresh_token"]
    )
    assert (status, "refresh_token" in renewed) == (200, False)
    revoked = browser.ask(
        "POST", f"{browser.base}/oauth2/revoke", {"client_id": app.client_id, "token": tokens["refresh_token"]}
    )
    assert (revoked.status, revoked.text) == (200, "")
    late = browser.ask("GET", f"{browser.base}/oauth2/userInfo", Authorization=f"Bearer {renewed['access_token']}")
    assert (late.status, json.loads(late.text)["error"]) == (401, "invalid_token")


def test_pages_of_other_origins_ask_for_tokens(app: App, browser: Browser) -> None:
    """A single-page application redeems its code by itself: the endpoints for code have CORS, the forms have none."""
    asking = {"Origin": "https://app.example.com"}
    wanted = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    for page in ("/oauth2/token", "/oauth2/userInfo", "/oauth2/revoke", "/.well-known/jwks.json"):
        allowed = browser.ask("OPTIONS", f"{browser.base}{page}", **asking, **wanted)
        assert (allowed.status, allowed.headers["access-control-allow-origin"]) == (200, "*")
        assert allowed.headers["access-control-allow-headers"] == "authorization"
    form = {"grant_type": "none", "client_id": app.client_id}
    refused = browser.ask("POST", f"{browser.base}/oauth2/token", form, **asking)
    assert (refused.status, refused.headers["access-control-allow-origin"]) == (400, "*"), refused.text
    page = browser.ask("GET", f"{browser.base}/login?{urlencode(wish(app))}", **asking)
    assert page.status in (200, 302) and "access-control-allow-origin" not in page.headers


def test_pkce_needs_its_verifier(app: App, browser: Browser) -> None:
    back = sign_in(app, browser, code_challenge=CHALLENGE, code_challenge_method="S256")
    form = {"grant_type": "authorization_code", "client_id": app.client_id, "redirect_uri": CALLBACK}
    assert ask_token(browser, code=back.sent_to["code"], code_verifier="w" * 50, **form)[1]["error"] == "invalid_grant"
    known = browser.get("/oauth2/authorize", **wish(app))
    other = {"redirect_uri": "http://localhost:3000/other"}
    assert ask_token(browser, code=known.sent_to["code"], **(form | other))[1]["error"] == "invalid_grant"


def test_who_has_signed_in_is_not_asked_again(app: App, browser: Browser) -> None:
    """One session for all apps of the pool, until /logout."""
    sign_in(app, browser)
    assert browser.get("/oauth2/authorize", **wish(app)).sent_to["code"]
    left = browser.get("/logout", client_id=app.client_id, logout_uri="http://localhost:3000/bye")
    assert left.headers["location"] == "http://localhost:3000/bye"
    assert "/login?" in browser.get("/oauth2/authorize", **wish(app)).headers["location"]
    strange = browser.get("/logout", client_id=app.client_id, logout_uri="https://evil.example/")
    assert (strange.status, "location" in strange.headers) == (400, False)


def test_the_implicit_flow_brings_tokens_in_the_fragment(app: App, browser: Browser) -> None:
    back = sign_in(app, browser, response_type="token")
    assert back.headers["location"].startswith(f"{CALLBACK}#id_token=")
    assert set(back.sent_to) == {"id_token", "access_token", "token_type", "expires_in", "state"}


def test_nobody_is_sent_to_strange_places(app: App, browser: Browser) -> None:
    """An unknown app or address is answered by a page; other mistakes are told to the app."""
    for strange in ("https://evil.example/", CALLBACK + "/", CALLBACK + "?a=b", CALLBACK.upper()):
        answer = browser.get("/oauth2/authorize", **wish(app, redirect_uri=strange))
        assert (answer.status, "location" in answer.headers) == (400, False)
    assert browser.get("/oauth2/authorize", **wish(app, client_id="nobody")).status == 404
    for more, error in (
        ({"response_type": "other"}, "unsupported_response_type"),
        ({"response_type": ""}, "invalid_request"),
        ({"scope": "openid nonsense"}, "invalid_scope"),
        ({"code_challenge": CHALLENGE, "code_challenge_method": "plain"}, "invalid_request"),
    ):
        answer = browser.get("/oauth2/authorize", **wish(app, **more))
        assert (answer.sent_to["error"], answer.sent_to["state"]) == (error, "s&1")


def test_forms_are_safe(app: App, browser: Browser) -> None:
    """A form that another site posts lacks the token; what users typed is never markup; nobody frames the pages."""
    page = browser.get("/login", **wish(app))
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert 'autocomplete="current-password"' in page.text
    assert "script" not in page.text
    other = Browser(browser.port, browser.base)
    forged = other.ask(
        "POST", f"{browser.base}/login?{urlencode(wish(app))}", {"username": "ana", "password": PASSWORD}
    )
    assert (forged.status, "location" in forged.headers) == (400, False)
    wrong = browser.submit(page, username='"><b>x', password="no")
    assert (wrong.status, "<b>x" in wrong.text, "Incorrect username or password." in wrong.text) == (400, False, True)


def test_people_sign_up_and_come_back(app: App, browser: Browser) -> None:
    """Signing up, the code from the mail, signing in; then a forgotten password."""
    page = browser.submit(
        browser.get("/signup", **wish(app)), username="eve", password=PASSWORD, **{"attribute.email": "eve@example.com"}
    )
    assert "e***@e***" in page.text
    assert "Invalid verification code" in browser.submit(page, code="000000").text
    page = browser.submit(page, code=app.last_code())
    assert "Your account is confirmed" in page.text
    assert browser.submit(page, username="eve", password=PASSWORD).sent_to["code"]
    page = browser.submit(browser.get("/forgotPassword", **wish(app)), username="eve")
    weak = browser.submit(page, code=app.last_code(), password="x")
    assert "Password not long enough" in weak.text
    page = browser.submit(page, code=app.last_code(), password="Other-Horse-8")
    assert browser.submit(page, username="eve", password="Other-Horse-8").sent_to["code"]


def test_a_forgotten_password_tells_nothing(app: App, browser: Browser) -> None:
    page = browser.submit(browser.get("/forgotPassword", **wish(app)), username="nobody")
    assert (page.status, "If there is such an account" in page.text) == (200, True)
    page = browser.submit(page, code="123456", password=PASSWORD)
    assert "Invalid code provided" in page.text


def test_unconfirmed_people_get_another_code(app: App, browser: Browser) -> None:
    app.client.sign_up(
        ClientId=app.client_id, Username="una", Password=PASSWORD,
        UserAttributes=[{"Name": "email", "Value": "una@example.com"}],
    )  # fmt: skip
    page = browser.submit(browser.get("/login", **wish(app)), username="una", password=PASSWORD)
    assert "Confirm your account" in page.text
    assert "Your account is confirmed" in browser.submit(page, code=app.last_code()).text


def test_a_temporary_password_is_replaced(app: App, browser: Browser) -> None:
    app.admin.admin_create_user(
        UserPoolId=app.pool_id, Username="tim", TemporaryPassword=PASSWORD, MessageAction="SUPPRESS"
    )
    page = browser.submit(browser.get("/login", **wish(app)), username="tim", password=PASSWORD)
    assert "Choose a new password" in page.text
    page = browser.submit(page, answer="weak")
    assert "does not conform to policy" in page.text
    assert browser.submit(page, answer="Other-Horse-9").sent_to["code"]


def test_machines_get_tokens_of_their_own(app: App, browser: Browser) -> None:
    """client_credentials with a resource server's scopes; a wrong secret, scope or grant is refused."""
    app.admin.create_resource_server(
        UserPoolId=app.pool_id,
        Identifier="https://api",
        Name="api",
        Scopes=[{"ScopeName": "read", "ScopeDescription": "r"}, {"ScopeName": "write", "ScopeDescription": "w"}],
    )
    made = app.admin.create_user_pool_client(
        UserPoolId=app.pool_id,
        ClientName="machine",
        GenerateSecret=True,
        AllowedOAuthFlowsUserPoolClient=True,
        AllowedOAuthFlows=["client_credentials"],
        AllowedOAuthScopes=["https://api/read"],
    )["UserPoolClient"]
    basic = base64.b64encode(f"{made['ClientId']}:{made['ClientSecret']}".encode()).decode()
    answer = browser.ask(
        "POST",
        f"{browser.base}/oauth2/token",
        {"grant_type": "client_credentials", "scope": "https://api/read"},
        Authorization=f"Basic {basic}",
    )
    tokens = json.loads(answer.text)
    assert (answer.status, set(tokens)) == (200, {"access_token", "expires_in", "token_type"})
    claims = jwt.decode(tokens["access_token"], options={"verify_signature": False})
    assert (claims["sub"], claims["scope"], claims["client_id"]) == (
        made["ClientId"],
        "https://api/read",
        made["ClientId"],
    )
    form = {"grant_type": "client_credentials", "client_id": made["ClientId"], "client_secret": made["ClientSecret"]}
    assert ask_token(browser, **(form | {"scope": "https://api/write"}))[1] == {"error": "invalid_scope"}
    assert ask_token(browser, **(form | {"client_secret": "no"})) == (400, {"error": "invalid_client"})
    assert ask_token(browser, **(form | {"grant_type": "password"}))[1] == {"error": "unsupported_grant_type"}
    mine = {"grant_type": "client_credentials", "client_id": app.client_id}
    assert ask_token(browser, **mine)[1] == {"error": "unauthorized_client"}


def test_pages_have_a_host_of_their_own(app: App, browser: Browser) -> None:
    """COGNITO-002: the domain's host, here under localhost; and COGNITO-006: the pages' look is their own."""
    own = Browser(browser.port, "", f"app-{app.sandbox.name}.auth.localhost")
    app.admin.set_ui_customization(UserPoolId=app.pool_id, CSS=".logo-customizable {color: red}")
    page = follow(own, own.get("/oauth2/authorize", **wish(app)))
    assert "logo-customizable" not in page.text
    assert own.submit(page, username="ana", password=PASSWORD).sent_to["code"]


def test_the_link_of_a_mail_confirms(sandbox: Any) -> None:
    """CONFIRM_WITH_LINK: the link in the message leads to a page that confirms."""
    app = new_app(
        sandbox,
        {
            "AutoVerifiedAttributes": ["email"],
            "VerificationMessageTemplate": {"DefaultEmailOption": "CONFIRM_WITH_LINK"},
        },
    )
    app.client.sign_up(
        ClientId=app.client_id, Username="lea", Password=PASSWORD,
        UserAttributes=[{"Name": "email", "Value": "lea@example.com"}],
    )  # fmt: skip
    link = urlsplit(re.findall(r'href="([^"]*)"', app.last_message()["body"])[0])
    answer = Browser(sandbox.server.port, "").ask("GET", f"{link.path}?{link.query}")
    assert "has been confirmed" in answer.text
    assert app.tokens("lea")
