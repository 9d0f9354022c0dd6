"""Remembered devices, with a real SRP client (pycognito) and boto3."""

from __future__ import annotations

from typing import Any

import pytest
from pycognito.aws_srp import AWSSRP, generate_hash_device
from tests.conftest import error_of
from tests.contract.cognito import PASSWORD, App, new_app

UNKNOWN = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def app(sandbox: Any) -> App:
    tracking = {"ChallengeRequiredOnNewDevice": True, "DeviceOnlyRememberedOnUserPrompt": False}
    made = new_app(
        sandbox, {"PoolName": "devices", "DeviceConfiguration": tracking, "AutoVerifiedAttributes": ["email"]}
    )
    made.admin.set_user_pool_mfa_config(
        UserPoolId=made.pool_id,
        EmailMfaConfiguration={"Message": "{####}", "Subject": "s"},
        MfaConfiguration="OPTIONAL",
    )
    return made


def confirm(app: App, result: dict[str, Any], **more: Any) -> tuple[dict[str, str], dict[str, Any]]:
    """What a device keeps for itself, and ConfirmDevice's answer."""
    fresh = result["NewDeviceMetadata"]
    password, verifier = generate_hash_device(fresh["DeviceGroupKey"], fresh["DeviceKey"])
    answer = app.client.confirm_device(
        AccessToken=result["AccessToken"],
        DeviceKey=fresh["DeviceKey"],
        DeviceSecretVerifierConfig=verifier,
        DeviceName="laptop",
        **more,
    )
    own = {
        "device_key": fresh["DeviceKey"],
        "device_group_key": fresh["DeviceGroupKey"],
        "device_password": password,
    }
    return own, answer


def sign_in_from(app: App, own: dict[str, str], name: str = "ana") -> Any:
    srp = AWSSRP(name, PASSWORD, pool_id=app.pool_id, client_id=app.client_id, client=app.client, **own)
    return srp.authenticate_user()


def test_a_remembered_device_proves_itself_and_spares_the_second_factor(app: App) -> None:
    """The whole way by SRP: password, device, tokens - without the code that the user is asked for elsewhere. A device
    that is not remembered comes after the code."""
    app.add_user("ana", email="ana@example.com", email_verified="true")
    result = app.tokens()
    own, answer = confirm(app, result)
    assert answer["UserConfirmationNecessary"] is False
    email = {"Enabled": True, "PreferredMfa": True}
    app.client.set_user_mfa_preference(AccessToken=result["AccessToken"], EmailMfaSettings=email)
    assert app.sign_in()["ChallengeName"] == "EMAIL_OTP"
    done = sign_in_from(app, own)["AuthenticationResult"]
    assert "NewDeviceMetadata" not in done
    device = app.client.get_device(AccessToken=done["AccessToken"], DeviceKey=own["device_key"])["Device"]
    values = {pair["Name"]: pair["Value"] for pair in device["DeviceAttributes"]}
    assert (values["device_status"], values["device_name"]) == ("remembered", "laptop")

    app.client.update_device_status(
        AccessToken=done["AccessToken"], DeviceKey=own["device_key"], DeviceRememberedStatus="not_remembered"
    )
    asked = app.client.initiate_auth(
        ClientId=app.client_id,
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": "ana", "PASSWORD": PASSWORD, "DEVICE_KEY": own["device_key"]},
    )
    assert asked["ChallengeName"] == "EMAIL_OTP"
    code = {"USERNAME": "ana", "EMAIL_OTP_CODE": app.last_code(), "DEVICE_KEY": own["device_key"]}
    then = app.client.respond_to_auth_challenge(
        ClientId=app.client_id, ChallengeName="EMAIL_OTP", Session=asked["Session"], ChallengeResponses=code
    )
    assert (then["ChallengeName"], "AuthenticationResult" in then) == ("DEVICE_SRP_AUTH", False)


def test_devices_are_listed_and_forgotten(app: App) -> None:
    """By the user and by an administrator; a sign-in that names a forgotten device is told so."""
    app.add_user("bob", email="bob@example.com")
    first, second = app.tokens("bob"), app.tokens("bob")
    keys = {confirm(app, one)[0]["device_key"] for one in (first, second)}
    access = first["AccessToken"]
    assert {row["DeviceKey"] for row in app.client.list_devices(AccessToken=access)["Devices"]} == keys
    page = app.client.list_devices(AccessToken=access, Limit=1)
    rest = app.client.list_devices(AccessToken=access, Limit=1, PaginationToken=page["PaginationToken"])
    assert {row["DeviceKey"] for row in page["Devices"] + rest["Devices"]} == keys
    about = {"UserPoolId": app.pool_id, "Username": "bob"}
    assert len(app.admin.admin_list_devices(**about)["Devices"]) == 2
    one, two = sorted(keys)
    app.admin.admin_update_device_status(**about, DeviceKey=one, DeviceRememberedStatus="not_remembered")
    shown = app.admin.admin_get_device(**about, DeviceKey=one)["Device"]["DeviceAttributes"]
    assert {"Name": "device_status", "Value": "not_remembered"} in shown
    app.admin.admin_forget_device(**about, DeviceKey=one)
    app.client.forget_device(AccessToken=access, DeviceKey=two)
    gone = error_of(app.client.forget_device, AccessToken=access, DeviceKey=two)
    assert gone == ("ResourceNotFoundException", "Device does not exist.", 400)
    named = {"USERNAME": "bob", "PASSWORD": PASSWORD, "DEVICE_KEY": one}
    lost = error_of(
        app.client.initiate_auth, ClientId=app.client_id, AuthFlow="USER_PASSWORD_AUTH", AuthParameters=named
    )
    assert lost[:2] == ("ResourceNotFoundException", "Device does not exist.")


def test_a_device_is_proved_by_its_own_password_after_the_users(app: App) -> None:
    """Nobody gets in with the device alone, or with the password and another device's secret."""
    app.add_user("eve", email="eve@example.com")
    own, _ = confirm(app, app.tokens("eve"))
    srp = AWSSRP("eve", PASSWORD, pool_id=app.pool_id, client_id=app.client_id, client=app.client, **own)
    alone = error_of(
        app.client.respond_to_auth_challenge,
        ClientId=app.client_id,
        ChallengeName="DEVICE_SRP_AUTH",
        ChallengeResponses={"USERNAME": "eve", "DEVICE_KEY": own["device_key"], "SRP_A": f"{srp.large_a_value:x}"},
    )
    assert alone[:2] == ("NotAuthorizedException", "Invalid session for the user.")
    wrong = error_of(lambda: sign_in_from(app, own | {"device_password": "another"}, "eve"))
    assert wrong[:2] == ("NotAuthorizedException", "Incorrect username or password.")


def test_what_devices_are_confirmed(app: App, sandbox: Any) -> None:
    """Only the device of the token, once, with a verifier; and only where the pool looks at devices."""
    app.add_user("kim", email="kim@example.com")
    result = app.tokens("kim")
    key = result["NewDeviceMetadata"]["DeviceKey"]
    confirm_device = app.client.confirm_device
    stranger = error_of(confirm_device, AccessToken=result["AccessToken"], DeviceKey=f"us-east-1_{UNKNOWN}")
    assert stranger[:2] == ("InvalidParameterException", "Invalid device key given.")
    for bad in ({}, {"PasswordVerifier": "!", "Salt": "QQ=="}, {"PasswordVerifier": "QQ=="}):
        refused = error_of(
            confirm_device, AccessToken=result["AccessToken"], DeviceKey=key, DeviceSecretVerifierConfig=bad
        )
        assert refused[0] == "InvalidParameterException"
    confirm(app, result)
    assert error_of(lambda: confirm(app, result))[0] == "InvalidParameterException"
    plain = new_app(sandbox)
    plain.add_user()
    off = plain.tokens()
    assert "NewDeviceMetadata" not in off
    none = error_of(plain.client.list_devices, AccessToken=off["AccessToken"])
    assert none[0] == "InvalidUserPoolConfigurationException"


def test_a_device_waits_for_its_users_word(sandbox: Any) -> None:
    """DeviceOnlyRememberedOnUserPrompt: ConfirmDevice says so, and the device is not remembered until it is told."""
    tracking = {"ChallengeRequiredOnNewDevice": False, "DeviceOnlyRememberedOnUserPrompt": True}
    app = new_app(sandbox, {"PoolName": "prompt", "DeviceConfiguration": tracking})
    app.add_user()
    result = app.tokens()
    own, answer = confirm(app, result)
    assert answer["UserConfirmationNecessary"] is True
    device = app.client.get_device(AccessToken=result["AccessToken"], DeviceKey=own["device_key"])["Device"]
    assert {"Name": "device_status", "Value": "not_remembered"} in device["DeviceAttributes"]
    assert "AuthenticationResult" in sign_in_from(app, own)
