"""Signing in to a user pool, as apps do: flows, tokens, their end."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import jwt
import pytest
from tests.conftest import error_of
from tests.contract.cognito import PASSWORD, App, new_app


@pytest.fixture(scope="module")
def app(sandbox: Any) -> App:
    made = new_app(sandbox)
    made.add_user("ana", email="ana@example.com", email_verified="true")
    return made


def fetch(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)


def verified(app: App, token: str, **options: Any) -> dict[str, Any]:
    """The claims of a token, proved as any library does: discovery, keys, signature, issuer."""
    issuer = f"{app.sandbox.server.endpoint}/{app.pool_id}"
    found = fetch(f"{issuer}/.well-known/openid-configuration")
    assert found["issuer"] == issuer
    key = jwt.PyJWKClient(found["jwks_uri"]).get_signing_key_from_jwt(token)
    return jwt.decode(token, key.key, algorithms=["RS256"], issuer=issuer, **options)


def test_tokens_say_who_and_for_whom(app: App) -> None:
    """The claims that applications and authorizers read, and keys to prove them by (COGNITO-001: the issuer)."""
    result = app.tokens()
    assert (result["TokenType"], result["ExpiresIn"]) == ("Bearer", 3600)
    identity = verified(app, result["IdToken"], audience=app.client_id)
    assert identity["cognito:username"] == "ana"
    assert (identity["token_use"], identity["email"], identity["email_verified"]) == ("id", "ana@example.com", True)
    access = verified(app, result["AccessToken"])
    assert (access["client_id"], access["username"], access["token_use"]) == (app.client_id, "ana", "access")
    assert access["scope"] == "aws.cognito.signin.user.admin"
    assert access["sub"] == identity["sub"]
    assert access["origin_jti"] == identity["origin_jti"] != access["jti"]
    assert access["exp"] - access["iat"] == 3600
    kids = {jwt.get_unverified_header(result[name])["kid"] for name in ("IdToken", "AccessToken")}
    assert len(kids) == 2, "id and access tokens are signed by different keys"
    assert set(jwt.get_unverified_header(result["IdToken"])) == {"kid", "alg"}


def test_the_access_token_shows_its_user(app: App) -> None:
    shown = app.client.get_user(AccessToken=app.tokens()["AccessToken"])
    values = {pair["Name"]: pair["Value"] for pair in shown["UserAttributes"]}
    assert shown["Username"] == "ana"
    assert (values["email"], values["email_verified"]) == ("ana@example.com", "true")
    assert values["sub"]


def test_what_is_not_a_token_is_refused(app: App) -> None:
    """Among others a token whose signature was changed, and an id token (recorded: their words)."""
    result = app.tokens()
    forged = jwt.encode(jwt.decode(result["AccessToken"], options={"verify_signature": False}), "x" * 32)
    invalid, unsigned = "Invalid Access Token", "Could not verify signature for Access Token"
    tokens = {"abc": invalid, result["IdToken"]: invalid, forged: unsigned}
    tokens[result["AccessToken"][:-6] + "AAAAAA"] = unsigned
    for token, message in tokens.items():
        assert error_of(app.client.get_user, AccessToken=token) == ("NotAuthorizedException", message, 400)


def test_refusals_of_apps_and_people_as_recorded(sandbox: Any) -> None:
    """Whose client it is, whose token, what a disabled person's tokens say before and after, and what an invited one's
    weak password says."""
    app, other = new_app(sandbox, GenerateSecret=True), new_app(sandbox)
    other.add_user()
    refused = "NotAuthorizedException"
    elsewhere = {"UserPoolId": other.pool_id, "ClientId": app.client_id, "AuthFlow": "ADMIN_USER_PASSWORD_AUTH"}
    params = {"USERNAME": "ana", "PASSWORD": PASSWORD}
    assert error_of(app.admin.admin_initiate_auth, AuthParameters=params, **elsewhere)[:2] == (
        "ResourceNotFoundException",
        f"User pool client {app.client_id} does not exist in user pool {other.pool_id}.",
    )
    assert error_of(app.client.revoke_token, ClientId=app.client_id, Token="x")[:2] == (
        "UnauthorizedException",
        "Invalid client or secret",
    )
    second = app.admin.create_user_pool_client(UserPoolId=other.pool_id, ClientName="second")["UserPoolClient"]
    tokens = other.tokens()
    renew = {"AuthFlow": "REFRESH_TOKEN_AUTH", "AuthParameters": {"REFRESH_TOKEN": tokens["RefreshToken"]}}

    def renewed(client_id: str) -> tuple[str, str]:
        return error_of(app.client.initiate_auth, ClientId=client_id, **renew)[:2]

    assert renewed(second["ClientId"]) == (refused, "Refresh Token has different Client")
    person = {"UserPoolId": other.pool_id, "Username": "ana"}
    app.admin.admin_disable_user(**person)
    assert renewed(other.client_id) == (refused, "User is disabled.")
    app.admin.admin_enable_user(**person)
    assert renewed(other.client_id) == (refused, "Refresh Token has been revoked")
    gone = error_of(app.client.get_user, AccessToken=tokens["AccessToken"])
    assert gone[:2] == (refused, "Access Token has been revoked")
    weak = {"UserPoolId": other.pool_id, "Username": "new", "TemporaryPassword": "short"}
    assert error_of(app.admin.admin_create_user, **weak)[:2] == (
        "InvalidPasswordException",
        "Password did not conform with password policy: Password not long enough",
    )
    assert error_of(app.client.describe_user_pool, UserPoolId=other.pool_id)[:2] == (
        "MissingAuthenticationTokenException",
        "Missing Authentication Token",
    )


def test_tokens_expire_and_are_renewed(fresh_sandbox: Any) -> None:
    """By the environment's clock; the refresh token outlives the access token, and then expires too."""
    app = new_app(
        fresh_sandbox,
        AccessTokenValidity=10,
        RefreshTokenValidity=2,
        TokenValidityUnits={"AccessToken": "minutes", "RefreshToken": "hours"},
    )
    app.add_user()
    first = app.tokens()
    assert first["ExpiresIn"] == 600
    fresh_sandbox.advance_clock(601)
    assert error_of(app.client.get_user, AccessToken=first["AccessToken"])[1] == "Access Token has expired"
    renew = {"ClientId": app.client_id, "AuthFlow": "REFRESH_TOKEN_AUTH",
             "AuthParameters": {"REFRESH_TOKEN": first["RefreshToken"]}}  # fmt: skip
    second = app.client.initiate_auth(**renew)["AuthenticationResult"]
    assert "RefreshToken" not in second
    claims = jwt.decode(second["AccessToken"], options={"verify_signature": False})
    before = jwt.decode(first["AccessToken"], options={"verify_signature": False})
    assert (claims["auth_time"], claims["origin_jti"]) == (before["auth_time"], before["origin_jti"])
    assert app.client.get_user(AccessToken=second["AccessToken"])["Username"] == "ana"
    fresh_sandbox.advance_clock(7200)
    assert error_of(app.client.initiate_auth, **renew)[:2] == ("NotAuthorizedException", "Refresh Token has expired")


def test_revoked_tokens_end_at_once(app: App) -> None:
    """RevokeToken ends one sign-in, GlobalSignOut all of them, access tokens included."""
    one, two = app.tokens(), app.tokens()
    app.client.revoke_token(Token=one["RefreshToken"], ClientId=app.client_id)
    assert error_of(app.client.get_user, AccessToken=one["AccessToken"])[1] == "Access Token has been revoked"
    renew = {"ClientId": app.client_id, "AuthFlow": "REFRESH_TOKEN_AUTH"}
    code = error_of(app.client.initiate_auth, AuthParameters={"REFRESH_TOKEN": one["RefreshToken"]}, **renew)
    assert code[:2] == ("NotAuthorizedException", "Refresh Token has been revoked")
    assert error_of(app.client.initiate_auth, AuthParameters={"REFRESH_TOKEN": "x" * 40}, **renew)[1] == (
        "Invalid Refresh Token"
    )
    app.client.global_sign_out(AccessToken=two["AccessToken"])
    assert error_of(app.client.get_user, AccessToken=two["AccessToken"])[1] == "Access Token has been revoked"
    three = app.tokens()
    app.admin.admin_user_global_sign_out(UserPoolId=app.pool_id, Username="ana")
    assert error_of(app.client.get_user, AccessToken=three["AccessToken"])[1] == "Access Token has been revoked"
    unsupported = error_of(app.client.revoke_token, Token=three["AccessToken"], ClientId=app.client_id)
    assert unsupported[0] == "UnsupportedTokenTypeException"


def test_wrong_passwords_lock_for_a_while(fresh_sandbox: Any) -> None:
    """After five failures not even the right password helps, for a time that doubles."""
    app = new_app(fresh_sandbox)
    app.add_user()
    for _ in range(5):
        assert error_of(app.sign_in, password="Wrong-Horse-7")[:2] == (
            "NotAuthorizedException",
            "Incorrect username or password.",
        )
    assert error_of(app.sign_in)[:2] == ("NotAuthorizedException", "Password attempts exceeded")
    fresh_sandbox.advance_clock(2)
    assert app.tokens()["AccessToken"]


def test_who_is_not_there_is_told_or_not(app: App) -> None:
    """PreventUserExistenceErrors decides whether one can find out which users there are."""
    assert error_of(app.sign_in, name="nobody")[:2] == ("UserNotFoundException", "User does not exist.")
    private = app.admin.create_user_pool_client(
        UserPoolId=app.pool_id,
        ClientName="private",
        ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH", "ALLOW_USER_SRP_AUTH"],
        PreventUserExistenceErrors="ENABLED",
    )["UserPoolClient"]["ClientId"]
    call = {"ClientId": private, "AuthFlow": "USER_PASSWORD_AUTH"}
    params = {"USERNAME": "nobody", "PASSWORD": PASSWORD}
    assert error_of(app.client.initiate_auth, AuthParameters=params, **call)[:2] == (
        "NotAuthorizedException",
        "Incorrect username or password.",
    )
    srp = {
        "ClientId": private,
        "AuthFlow": "USER_SRP_AUTH",
        "AuthParameters": {"USERNAME": "nobody", "SRP_A": "a1" * 90},
    }
    challenges = [app.client.initiate_auth(**srp)["ChallengeParameters"] for _ in range(2)]
    assert challenges[0]["SALT"] == challenges[1]["SALT"], "a salt that changes would tell"
    assert challenges[0]["SRP_B"] != challenges[1]["SRP_B"]
    assert app.client.forgot_password(ClientId=private, Username="nobody")["CodeDeliveryDetails"]


def test_flows_have_to_be_allowed(app: App) -> None:
    narrow = app.admin.create_user_pool_client(UserPoolId=app.pool_id, ClientName="narrow")["UserPoolClient"]
    params = {"USERNAME": "ana", "PASSWORD": PASSWORD}
    call = {"ClientId": narrow["ClientId"], "AuthParameters": params}
    assert error_of(app.client.initiate_auth, AuthFlow="USER_PASSWORD_AUTH", **call)[:2] == (
        "InvalidParameterException",
        "USER_PASSWORD_AUTH flow not enabled for this client",
    )
    assert error_of(app.client.initiate_auth, AuthFlow="ADMIN_USER_PASSWORD_AUTH", **call)[1] == (
        "Initiate Auth method not supported."
    )
    admin = error_of(app.admin.admin_initiate_auth, UserPoolId=app.pool_id, AuthFlow="ADMIN_USER_PASSWORD_AUTH", **call)
    assert admin[1] == "Auth flow not enabled for this client"
    assert error_of(app.client.initiate_auth, AuthFlow="USER_AUTH", **call)[0] == "InvalidParameterException"
    missing = error_of(
        app.client.initiate_auth,
        ClientId=app.client_id,
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": "ana"},
    )
    assert missing[:2] == ("InvalidParameterException", "Missing required parameter PASSWORD")
    unknown = error_of(
        app.client.initiate_auth, ClientId="a" * 26, AuthFlow="USER_PASSWORD_AUTH", AuthParameters=params
    )
    assert unknown[:2] == ("ResourceNotFoundException", f"User pool client {'a' * 26} does not exist.")


def test_administrators_sign_users_in(app: App) -> None:
    answer = app.admin.admin_initiate_auth(
        UserPoolId=app.pool_id,
        ClientId=app.client_id,
        AuthFlow="ADMIN_USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": "ana", "PASSWORD": PASSWORD},
    )
    assert answer["AuthenticationResult"]["IdToken"]


def test_disabled_users_stay_outside(app: App) -> None:
    """And their tokens end."""
    app.add_user("dan")
    token = app.tokens("dan")["AccessToken"]
    app.admin.admin_disable_user(UserPoolId=app.pool_id, Username="dan")
    assert error_of(app.sign_in, name="dan")[:2] == ("NotAuthorizedException", "User is disabled.")
    assert error_of(app.client.get_user, AccessToken=token)[0] == "NotAuthorizedException"
    app.admin.admin_enable_user(UserPoolId=app.pool_id, Username="dan")
    assert app.tokens("dan")


def test_a_secret_has_to_be_known(sandbox: Any) -> None:
    """SECRET_HASH proves that the app is who it says; each message is AWS's."""
    app = new_app(sandbox, GenerateSecret=True)
    app.add_user()
    call = {"ClientId": app.client_id, "AuthFlow": "USER_PASSWORD_AUTH"}
    params = {"USERNAME": "ana", "PASSWORD": PASSWORD}
    assert error_of(app.client.initiate_auth, AuthParameters=params, **call)[:2] == (
        "NotAuthorizedException",
        f"Client {app.client_id} is configured with secret but SECRET_HASH was not received",
    )
    assert error_of(app.client.initiate_auth, AuthParameters=params | {"SECRET_HASH": "bm8="}, **call)[1] == (
        f"Unable to verify secret hash for client {app.client_id}"
    )
    import base64
    import hmac

    digest = hmac.digest(app.secret.encode(), f"ana{app.client_id}".encode(), "sha256")
    right = params | {"SECRET_HASH": base64.b64encode(digest).decode()}
    assert app.client.initiate_auth(AuthParameters=right, **call)["AuthenticationResult"]
    refused = error_of(app.client.forgot_password, ClientId=app.client_id, Username="ana")
    assert refused[:2] == ("NotAuthorizedException", f"Unable to verify secret hash for client {app.client_id}")


def test_a_new_password_is_demanded(app: App) -> None:
    """A temporary password opens nothing but the choice of another."""
    app.admin.admin_create_user(
        UserPoolId=app.pool_id, Username="new", TemporaryPassword=PASSWORD, MessageAction="SUPPRESS"
    )
    answer = app.sign_in("new")
    assert answer["ChallengeName"] == "NEW_PASSWORD_REQUIRED"
    assert answer["ChallengeParameters"]["requiredAttributes"] == "[]"
    call = {"ClientId": app.client_id, "ChallengeName": "NEW_PASSWORD_REQUIRED", "Session": answer["Session"]}
    weak = error_of(
        app.client.respond_to_auth_challenge, ChallengeResponses={"USERNAME": "new", "NEW_PASSWORD": "short"}, **call
    )
    assert weak[:2] == ("InvalidPasswordException", "Password does not conform to policy: Password not long enough")
    right = {"USERNAME": "new", "NEW_PASSWORD": "Other-Horse-7"}
    done = app.client.respond_to_auth_challenge(ChallengeResponses=right, **call)
    assert done["AuthenticationResult"]["AccessToken"]
    again = error_of(app.client.respond_to_auth_challenge, ChallengeResponses=right, **call)
    assert again[1] == "Invalid session for the user, session can only be used once."
    assert app.tokens("new", "Other-Horse-7")


def test_temporary_passwords_and_sessions_expire(fresh_sandbox: Any) -> None:
    app = new_app(fresh_sandbox)
    for name in ("one", "two"):
        app.admin.admin_create_user(
            UserPoolId=app.pool_id, Username=name, TemporaryPassword=PASSWORD, MessageAction="SUPPRESS"
        )
    session = app.sign_in("one")["Session"]
    fresh_sandbox.advance_clock(181)
    late = error_of(
        app.client.respond_to_auth_challenge,
        ClientId=app.client_id,
        ChallengeName="NEW_PASSWORD_REQUIRED",
        Session=session,
        ChallengeResponses={"USERNAME": "one", "NEW_PASSWORD": PASSWORD},
    )
    assert late[1] == "Invalid session for the user, session is expired."
    fresh_sandbox.advance_clock(8 * 86_400)
    assert error_of(app.sign_in, name="two")[1] == (
        "Temporary password has expired and must be reset by an administrator."
    )


def test_refresh_tokens_rotate_where_that_is_wanted(app: App) -> None:
    """With RefreshTokenRotation each use gives another refresh token, and the one before ends."""
    client = app.admin.create_user_pool_client(
        UserPoolId=app.pool_id,
        ClientName="rotating",
        ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"],
        RefreshTokenRotation={"Feature": "ENABLED", "RetryGracePeriodSeconds": 0},
    )["UserPoolClient"]["ClientId"]
    first = app.client.initiate_auth(
        ClientId=client, AuthFlow="USER_PASSWORD_AUTH", AuthParameters={"USERNAME": "ana", "PASSWORD": PASSWORD}
    )["AuthenticationResult"]["RefreshToken"]
    second = app.client.get_tokens_from_refresh_token(ClientId=client, RefreshToken=first)["AuthenticationResult"]
    assert second["RefreshToken"] != first
    assert error_of(app.client.get_tokens_from_refresh_token, ClientId=client, RefreshToken=first)[0] == (
        "RefreshTokenReuseException"
    )
    assert app.client.get_tokens_from_refresh_token(ClientId=client, RefreshToken=second["RefreshToken"])


def test_a_rotated_refresh_token_holds_for_its_grace(fresh_sandbox: Any) -> None:
    """RetryGracePeriodSeconds: a retry with the token before gets tokens too, until the period is over. What it got
    first is displaced at once, and so is what came before the one before (recorded)."""
    app = new_app(
        fresh_sandbox,
        ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"],
        RefreshTokenRotation={"Feature": "ENABLED", "RetryGracePeriodSeconds": 30},
    )
    app.add_user()
    first = app.tokens()["RefreshToken"]

    def renew(token: str) -> str:
        answer = app.client.get_tokens_from_refresh_token(ClientId=app.client_id, RefreshToken=token)
        return str(answer["AuthenticationResult"]["RefreshToken"])

    second = renew(first)
    third = renew(first)
    assert len({first, second, third}) == 3
    assert error_of(lambda: renew(second))[0] == "RefreshTokenReuseException"
    renew(third)
    assert error_of(lambda: renew(first))[0] == "RefreshTokenReuseException"
    last = renew(third)
    fresh_sandbox.advance_clock(31)
    assert error_of(lambda: renew(third))[0] == "RefreshTokenReuseException"
    last = renew(last)
    app.client.revoke_token(ClientId=app.client_id, Token=last)
    assert error_of(lambda: renew(last))[0] == "NotAuthorizedException"


def test_rotation_stands_alone(app: App) -> None:
    """Recorded: neither with the old operation nor in the plan without it; without the feature there is no grace."""

    def make(**more: Any) -> Any:
        client = {"ClientName": "turning", "UserPoolId": app.pool_id, "RefreshTokenRotation": {"Feature": "ENABLED"}}
        return app.admin.create_user_pool_client(**client | more)["UserPoolClient"]

    assert error_of(make, ExplicitAuthFlows=["ALLOW_REFRESH_TOKEN_AUTH"])[:2] == (
        "InvalidParameterException",
        "ALLOW_REFRESH_TOKEN_AUTH is not a permitted ExplicitAuthFlow when refresh token rotation is enabled.",
    )
    lite = app.admin.create_user_pool(PoolName="lite", UserPoolTier="LITE")["UserPool"]["Id"]
    assert error_of(make, UserPoolId=lite)[:2] == (
        "FeatureUnavailableInTierException",
        "The following features need to be disabled for the LITE pricing tier configured: Refresh Token Rotation",
    )
    off = make(RefreshTokenRotation={"Feature": "DISABLED", "RetryGracePeriodSeconds": 4})["RefreshTokenRotation"]
    assert off == {"Feature": "DISABLED", "RetryGracePeriodSeconds": 0}
    made = make()
    assert made["RefreshTokenRotation"] == {"Feature": "ENABLED", "RetryGracePeriodSeconds": 0}
    old = {"ClientId": made["ClientId"], "AuthFlow": "REFRESH_TOKEN_AUTH", "AuthParameters": {"REFRESH_TOKEN": "x"}}
    assert error_of(app.client.initiate_auth, **old)[:2] == (
        "UnsupportedOperationException",
        "This API does not support refresh token rotation",
    )


def test_an_api_takes_the_tokens(app: App) -> None:
    """An HTTP API whose authorizer names the pool as on AWS (COGNITO-001) opens for its tokens, and for no others."""
    from tests.contract.apigateway import fetch as fetch_url
    from tests.contract.apigateway import serve_upstream

    apis = app.sandbox.client("apigatewayv2")
    with serve_upstream() as upstream:
        api = apis.create_api(Name="cognito", ProtocolType="HTTP")
        authorizer = apis.create_authorizer(
            ApiId=api["ApiId"],
            Name="pool",
            AuthorizerType="JWT",
            IdentitySource=["$request.header.Authorization"],
            JwtConfiguration={
                "Issuer": f"https://cognito-idp.us-east-1.amazonaws.com/{app.pool_id}",
                "Audience": [app.client_id],
            },
        )
        integration = apis.create_integration(
            ApiId=api["ApiId"],
            IntegrationType="HTTP_PROXY",
            IntegrationUri=upstream,
            IntegrationMethod="ANY",
            PayloadFormatVersion="1.0",
        )
        apis.create_route(
            ApiId=api["ApiId"],
            RouteKey="GET /mine",
            Target=f"integrations/{integration['IntegrationId']}",
            AuthorizationType="JWT",
            AuthorizerId=authorizer["AuthorizerId"],
        )
        apis.create_stage(ApiId=api["ApiId"], StageName="$default", AutoDeploy=True)
        url = f"{api['ApiEndpoint']}/mine"
        tokens = app.tokens()
        for name in ("IdToken", "AccessToken"):
            assert fetch_url(url, headers={"Authorization": f"Bearer {tokens[name]}"}).status == 200
        forged = jwt.encode(jwt.decode(tokens["IdToken"], options={"verify_signature": False}), "x" * 32)
        assert fetch_url(url, headers={"Authorization": f"Bearer {forged}"}).status == 401


def test_a_user_is_billed_once_a_month(fresh_sandbox: Any) -> None:
    """However often somebody signs in; the next calendar month counts anew."""
    app = new_app(fresh_sandbox)
    app.add_user()

    def active() -> float:
        lines = fresh_sandbox.server.ask("GET", f"/_mrak/bill?environment={fresh_sandbox.name}")["lines"]
        return sum(line["amount"] for line in lines if line["unit"] == "MonthlyActiveUsers")

    app.tokens()
    app.tokens()
    assert active() == 1
    fresh_sandbox.advance_clock(32 * 86_400)
    assert active() == 0
    app.tokens()
    app.tokens()
    assert active() == 1
