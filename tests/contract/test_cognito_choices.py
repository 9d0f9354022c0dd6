"""USER_AUTH through boto3: the choice of a first factor, codes, passkeys, and signing in right after signing up."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.conftest import error_of
from tests.contract.cognito import FLOWS, PASSWORD, App, new_app
from tests.contract.cognito_authenticator import Authenticator

ORIGIN = "https://app.example.com"
FACTORS = ["PASSWORD", "EMAIL_OTP", "SMS_OTP", "WEB_AUTHN"]


@pytest.fixture(scope="module")
def app(sandbox: Any) -> App:
    policy = {"SignInPolicy": {"AllowedFirstAuthFactors": FACTORS}}
    made = new_app(
        sandbox,
        {"PoolName": "choices", "Policies": policy, "AutoVerifiedAttributes": ["email"]},
        ExplicitAuthFlows=[*FLOWS, "ALLOW_USER_AUTH"],
    )
    webauthn = {"RelyingPartyId": "example.com", "UserVerification": "required"}
    made.admin.set_user_pool_mfa_config(UserPoolId=made.pool_id, WebAuthnConfiguration=webauthn)
    made.add_user("ana", email="ana@example.com", email_verified="true")
    return made


def begin(app: App, name: str = "ana", **params: str) -> dict[str, Any]:
    found: dict[str, Any] = app.client.initiate_auth(
        ClientId=app.client_id, AuthFlow="USER_AUTH", AuthParameters={"USERNAME": name, **params}
    )
    return found


def respond(app: App, challenge: str, session: str, name: str = "ana", **responses: str) -> dict[str, Any]:
    found: dict[str, Any] = app.client.respond_to_auth_challenge(
        ClientId=app.client_id,
        ChallengeName=challenge,
        Session=session,
        ChallengeResponses={"USERNAME": name, **responses},
    )
    return found


def test_a_user_chooses_among_what_there_is(app: App) -> None:
    """SELECT_CHALLENGE lists what the pool takes and the user has; the password may come with the answer."""
    found = begin(app)
    assert (found["ChallengeName"], found["ChallengeParameters"]) == ("SELECT_CHALLENGE", {"USERNAME": "ana"})
    assert found["AvailableChallenges"] == ["PASSWORD", "PASSWORD_SRP", "EMAIL_OTP"]
    done = respond(app, "SELECT_CHALLENGE", found["Session"], ANSWER="PASSWORD", PASSWORD=PASSWORD)
    assert app.client.get_user(AccessToken=done["AuthenticationResult"]["AccessToken"])["Username"] == "ana"
    again = error_of(lambda: respond(app, "SELECT_CHALLENGE", found["Session"], ANSWER="PASSWORD", PASSWORD=PASSWORD))
    assert again[0] == "NotAuthorizedException"
    other = begin(app)["Session"]
    assert error_of(lambda: respond(app, "SELECT_CHALLENGE", other, ANSWER="SMS_OTP"))[0] == "InvalidParameterException"


def test_a_preferred_challenge_comes_at_once(app: App) -> None:
    """With its password, without it, or not at all where the user cannot meet it."""
    assert "AuthenticationResult" in begin(app, PREFERRED_CHALLENGE="PASSWORD", PASSWORD=PASSWORD)
    asked = begin(app, PREFERRED_CHALLENGE="PASSWORD")
    assert asked["ChallengeName"] == "PASSWORD"
    wrong = error_of(lambda: respond(app, "PASSWORD", asked["Session"], PASSWORD="Wrong-Horse-7"))
    assert wrong[:2] == ("NotAuthorizedException", "Incorrect username or password.")
    asked = begin(app, PREFERRED_CHALLENGE="PASSWORD")
    assert "AuthenticationResult" in respond(app, "PASSWORD", asked["Session"], PASSWORD=PASSWORD)
    assert begin(app, PREFERRED_CHALLENGE="PASSWORD_SRP", SRP_A="ab" * 100)["ChallengeName"] == "PASSWORD_VERIFIER"
    assert begin(app, PREFERRED_CHALLENGE="SMS_OTP")["ChallengeName"] == "SELECT_CHALLENGE"


def test_a_code_is_a_first_factor(app: App) -> None:
    """EMAIL_OTP: sent, masked, taken once; a wrong one leaves the session."""
    asked = begin(app, PREFERRED_CHALLENGE="EMAIL_OTP")
    assert asked["ChallengeName"] == "EMAIL_OTP"
    assert asked["ChallengeParameters"]["CODE_DELIVERY_DESTINATION"] == "a***@e***"
    code = app.last_code()
    wrong = "111111" if code != "111111" else "222222"
    assert (
        error_of(lambda: respond(app, "EMAIL_OTP", asked["Session"], EMAIL_OTP_CODE=wrong))[0]
        == "CodeMismatchException"
    )
    assert "AuthenticationResult" in respond(app, "EMAIL_OTP", asked["Session"], EMAIL_OTP_CODE=code)


def test_a_passkey_is_registered_used_and_deleted(app: App) -> None:
    """The way of a browser: options, credential, the list, a challenge and its proof."""
    app.add_user("pia", email="pia@example.com", email_verified="true")
    access = app.tokens("pia")["AccessToken"]
    options = app.client.start_web_authn_registration(AccessToken=access)["CredentialCreationOptions"]
    assert options["rp"]["id"] == "example.com"
    assert {one["alg"] for one in options["pubKeyCredParams"]} == {-7, -257}
    authenticator = Authenticator(ORIGIN)
    app.client.complete_web_authn_registration(AccessToken=access, Credential=authenticator.register(options))
    (kept,) = app.client.list_web_authn_credentials(AccessToken=access)["Credentials"]
    assert (kept["RelyingPartyId"], kept["AuthenticatorTransports"]) == ("example.com", ["internal"])
    factors = app.client.get_user_auth_factors(AccessToken=access)
    assert factors["ConfiguredUserAuthFactors"] == ["PASSWORD", "EMAIL_OTP", "WEB_AUTHN"]
    of_admin = app.admin.admin_get_user_auth_factors(UserPoolId=app.pool_id, Username="pia")
    assert of_admin["ConfiguredUserAuthFactors"] == factors["ConfiguredUserAuthFactors"]

    asked = begin(app, "pia", PREFERRED_CHALLENGE="WEB_AUTHN")
    request = json.loads(asked["ChallengeParameters"]["CREDENTIAL_REQUEST_OPTIONS"])
    assert [one["id"] for one in request["allowCredentials"]] == [kept["CredentialId"]]
    proof = json.dumps(authenticator.sign(request))
    done = respond(app, "WEB_AUTHN", asked["Session"], "pia", CREDENTIAL=proof)
    assert app.client.get_user(AccessToken=done["AuthenticationResult"]["AccessToken"])["Username"] == "pia"

    app.client.delete_web_authn_credential(AccessToken=access, CredentialId=kept["CredentialId"])
    gone = error_of(app.client.delete_web_authn_credential, AccessToken=access, CredentialId=kept["CredentialId"])
    assert gone[0] == "ResourceNotFoundException"
    assert begin(app, "pia", PREFERRED_CHALLENGE="WEB_AUTHN")["ChallengeName"] == "SELECT_CHALLENGE"


def test_passkeys_that_prove_nothing_are_refused(app: App) -> None:
    """Another key, another challenge, another origin, a copied counter, and what is no credential at all."""
    app.add_user("eva", email="eva@example.com", email_verified="true")
    access = app.tokens("eva")["AccessToken"]
    start = app.client.start_web_authn_registration
    complete = app.client.complete_web_authn_registration
    none = error_of(complete, AccessToken=access, Credential={"response": {}})
    assert none[0] == "WebAuthnChallengeNotFoundException"
    stranger = Authenticator("https://example.org").register(start(AccessToken=access)["CredentialCreationOptions"])
    assert error_of(complete, AccessToken=access, Credential=stranger)[0] == "WebAuthnOriginNotAllowedException"
    options = start(AccessToken=access)["CredentialCreationOptions"]
    other = Authenticator(ORIGIN).register(options | {"challenge": "AAAA"})
    assert error_of(complete, AccessToken=access, Credential=other)[0] == "WebAuthnClientMismatchException"
    for nonsense in ({}, {"response": {"clientDataJSON": "!"}}, {"id": [], "response": None}):
        start(AccessToken=access)
        assert error_of(complete, AccessToken=access, Credential=nonsense)[0] == "WebAuthnClientMismatchException"

    authenticator = Authenticator(ORIGIN)
    options = start(AccessToken=access)["CredentialCreationOptions"]
    complete(AccessToken=access, Credential=authenticator.register(options))

    def answer(signer: Authenticator, **changes: Any) -> str:
        asked = begin(app, "eva", PREFERRED_CHALLENGE="WEB_AUTHN")
        request = json.loads(asked["ChallengeParameters"]["CREDENTIAL_REQUEST_OPTIONS"])
        proof = json.dumps(signer.sign(request | changes))
        refused = error_of(lambda: respond(app, "WEB_AUTHN", asked["Session"], "eva", CREDENTIAL=proof))
        return str(refused[0])

    forger = Authenticator(ORIGIN)
    forger.identifier = authenticator.identifier
    assert answer(forger) == "NotAuthorizedException"
    assert answer(authenticator, challenge="AAAA") == "NotAuthorizedException"
    assert answer(authenticator, rpId="example.org") == "NotAuthorizedException"
    authenticator.uses = 0
    assert answer(authenticator) == "NotAuthorizedException", "the counter went back"


def test_pools_without_passkeys_say_so(sandbox: Any) -> None:
    """WebAuthnNotEnabled where the pool does not take them, WebAuthnConfigurationMissing where it has no domain."""
    plain = new_app(sandbox)
    plain.add_user()
    off = error_of(plain.client.start_web_authn_registration, AccessToken=plain.tokens()["AccessToken"])
    assert off[0] == "WebAuthnNotEnabledException"
    bare = new_app(
        sandbox,
        {"PoolName": "bare", "Policies": {"SignInPolicy": {"AllowedFirstAuthFactors": ["PASSWORD", "WEB_AUTHN"]}}},
    )
    bare.add_user()
    missing = error_of(bare.client.start_web_authn_registration, AccessToken=bare.tokens()["AccessToken"])
    assert missing[0] == "WebAuthnConfigurationMissingException"


def test_who_has_confirmed_a_sign_up_is_signed_in(app: App) -> None:
    """Without a password too, where codes are a first factor: the sessions of SignUp and ConfirmSignUp lead on."""
    about = {"ClientId": app.client_id, "Username": "neo"}
    email = [{"Name": "email", "Value": "neo@example.com"}]
    made = app.client.sign_up(**about, UserAttributes=email)
    confirmed = app.client.confirm_sign_up(**about, ConfirmationCode=app.last_code(), Session=made["Session"])
    done = app.client.initiate_auth(
        ClientId=app.client_id,
        AuthFlow="USER_AUTH",
        AuthParameters={"USERNAME": "neo"},
        Session=confirmed["Session"],
    )
    assert app.client.get_user(AccessToken=done["AuthenticationResult"]["AccessToken"])["Username"] == "neo"
    assert begin(app, "neo")["AvailableChallenges"] == ["EMAIL_OTP"]
    no_password = {"USERNAME": "neo", "PASSWORD": PASSWORD}
    refused = error_of(
        app.client.initiate_auth, ClientId=app.client_id, AuthFlow="USER_PASSWORD_AUTH", AuthParameters=no_password
    )
    assert refused[:2] == ("NotAuthorizedException", "Incorrect username or password.")


def test_the_flow_has_to_be_allowed(sandbox: Any) -> None:
    """ALLOW_USER_AUTH; and a pool with passwords only takes no sign-up without one."""
    plain = new_app(sandbox)
    plain.add_user()
    refused = error_of(lambda: begin(plain))
    assert refused[:2] == ("InvalidParameterException", "USER_AUTH flow not enabled for this client")
    short = error_of(plain.client.sign_up, ClientId=plain.client_id, Username="x")
    assert short[0] == "InvalidPasswordException"
