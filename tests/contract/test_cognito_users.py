"""Signing up, codes, attributes, second factors, and what administrators do with users and pools."""

from __future__ import annotations

import base64
import hmac
import struct
import time
from typing import Any

import pytest
from tests.conftest import error_of
from tests.contract.cognito import PASSWORD, App, new_app


@pytest.fixture(scope="module")
def app(sandbox: Any) -> App:
    return new_app(sandbox, {"AutoVerifiedAttributes": ["email"]})


def sign_up(app: App, name: str, **attributes: str) -> dict[str, Any]:
    pairs = [{"Name": key, "Value": value} for key, value in attributes.items()]
    return app.client.sign_up(ClientId=app.client_id, Username=name, Password=PASSWORD, UserAttributes=pairs)


def attributes_of(app: App, name: str) -> dict[str, str]:
    shown = app.admin.admin_get_user(UserPoolId=app.pool_id, Username=name)
    return {pair["Name"]: pair["Value"] for pair in shown["UserAttributes"]}


def test_a_sign_up_is_confirmed_by_its_code(app: App) -> None:
    """UNCONFIRMED until the code has come back; the address is verified by it."""
    answer = sign_up(app, "zoe", email="zoe@example.com")
    assert answer["UserConfirmed"] is False
    assert answer["CodeDeliveryDetails"] == {
        "Destination": "z***@e***", "DeliveryMedium": "EMAIL", "AttributeName": "email",
    }  # fmt: skip
    assert error_of(app.sign_in, name="zoe")[:2] == ("UserNotConfirmedException", "User is not confirmed.")
    code, message = app.last_code(), app.last_message()
    assert (message["to"], message["subject"]) == ("zoe@example.com", "Your verification code")
    call = {"ClientId": app.client_id, "Username": "zoe"}
    wrong = "000000" if code != "000000" else "111111"
    assert error_of(app.client.confirm_sign_up, ConfirmationCode=wrong, **call)[:2] == (
        "CodeMismatchException",
        "Invalid verification code provided, please try again.",
    )
    app.client.confirm_sign_up(ConfirmationCode=code, **call)
    assert attributes_of(app, "zoe")["email_verified"] == "true"
    assert attributes_of(app, "zoe")["sub"] == answer["UserSub"]
    assert app.tokens("zoe")
    again = error_of(app.client.confirm_sign_up, ConfirmationCode=code, **call)
    assert again[:2] == ("NotAuthorizedException", "User cannot be confirmed. Current status is CONFIRMED")
    assert error_of(app.client.resend_confirmation_code, **call)[:2] == (
        "InvalidParameterException",
        "User is already confirmed.",
    )


def test_names_are_taken_once(app: App) -> None:
    sign_up(app, "twin", email="twin@example.com")
    assert error_of(sign_up, app=app, name="twin")[:2] == ("UsernameExistsException", "User already exists")
    made = error_of(app.admin.admin_create_user, UserPoolId=app.pool_id, Username="twin")
    assert made[:2] == ("UsernameExistsException", "User account already exists")


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("Sh0rt!", "Password not long enough"),
        ("NOLOWER-77", "Password must have lowercase characters"),
        ("noupper-77", "Password must have uppercase characters"),
        ("NoNumber-x", "Password must have numeric characters"),
        ("NoSymbol77", "Password must have symbol characters"),
    ],
)
def test_passwords_follow_the_policy(app: App, password: str, reason: str) -> None:
    refused = error_of(app.client.sign_up, ClientId=app.client_id, Username="weak", Password=password)
    assert refused[:2] == ("InvalidPasswordException", f"Password did not conform with policy: {reason}")


def test_codes_expire_and_guesses_are_counted(fresh_sandbox: Any) -> None:
    app = new_app(fresh_sandbox, {"AutoVerifiedAttributes": ["email"]})
    sign_up(app, "ida", email="ida@example.com")
    call = {"ClientId": app.client_id, "Username": "ida"}
    fresh_sandbox.advance_clock(86_401)
    assert error_of(app.client.confirm_sign_up, ConfirmationCode=app.last_code(), **call)[:2] == (
        "ExpiredCodeException",
        "Invalid code provided, please request a code again.",
    )
    app.client.resend_confirmation_code(**call)
    for _ in range(5):
        assert error_of(app.client.confirm_sign_up, ConfirmationCode="x", **call)[0] == "CodeMismatchException"
    limit = error_of(app.client.confirm_sign_up, ConfirmationCode=app.last_code(), **call)
    assert limit[:2] == ("LimitExceededException", "Attempt limit exceeded, please try after some time.")
    fresh_sandbox.advance_clock(3601)
    app.client.confirm_sign_up(ConfirmationCode=app.last_code(), **call)


def test_a_forgotten_password_is_replaced(app: App) -> None:
    app.add_user("fay", email="fay@example.com", email_verified="true")
    call = {"ClientId": app.client_id, "Username": "fay"}
    assert app.client.forgot_password(**call)["CodeDeliveryDetails"]["Destination"] == "f***@e***"
    code = app.last_code()
    weak = error_of(app.client.confirm_forgot_password, ConfirmationCode=code, Password="weak", **call)
    assert weak[0] == "InvalidPasswordException"
    app.client.confirm_forgot_password(ConfirmationCode=code, Password="Other-Horse-7", **call)
    assert app.tokens("fay", "Other-Horse-7")
    used = error_of(app.client.confirm_forgot_password, ConfirmationCode=code, Password=PASSWORD, **call)
    assert used[0] == "ExpiredCodeException"
    app.add_user("lost")
    assert error_of(app.client.forgot_password, ClientId=app.client_id, Username="lost")[:2] == (
        "InvalidParameterException",
        "Cannot reset password for the user as there is no registered/verified email or phone_number",
    )


def test_an_administrator_resets_a_password(app: App) -> None:
    app.add_user("rex", email="rex@example.com", email_verified="true")
    app.admin.admin_reset_user_password(UserPoolId=app.pool_id, Username="rex")
    assert error_of(app.sign_in, name="rex")[:2] == (
        "PasswordResetRequiredException",
        "Password reset required for the user",
    )
    app.client.confirm_forgot_password(
        ClientId=app.client_id, Username="rex", ConfirmationCode=app.last_code(), Password="Other-Horse-7"
    )
    assert app.tokens("rex", "Other-Horse-7")


def test_users_change_their_password(app: App) -> None:
    app.add_user("pat")
    token = app.tokens("pat")["AccessToken"]
    wrong = error_of(
        app.client.change_password, AccessToken=token, PreviousPassword="Wrong-7-x", ProposedPassword="Other-Horse-7"
    )
    assert wrong[:2] == ("NotAuthorizedException", "Incorrect username or password.")
    app.client.change_password(AccessToken=token, PreviousPassword=PASSWORD, ProposedPassword="Other-Horse-7")
    assert app.tokens("pat", "Other-Horse-7")


def test_earlier_passwords_are_remembered(sandbox: Any) -> None:
    app = new_app(sandbox, {"Policies": {"PasswordPolicy": {"MinimumLength": 8, "PasswordHistorySize": 2}}})
    app.add_user()
    call = {"UserPoolId": app.pool_id, "Username": "ana", "Permanent": True}
    app.admin.admin_set_user_password(Password="another-one", **call)
    again = error_of(app.admin.admin_set_user_password, Password=PASSWORD, **call)
    assert again[0] == "PasswordHistoryPolicyViolationException"


def test_a_changed_address_is_verified_again(app: App) -> None:
    app.add_user("eli", email="eli@example.com", email_verified="true")
    token = app.tokens("eli")["AccessToken"]
    sent = app.client.update_user_attributes(
        AccessToken=token,
        UserAttributes=[{"Name": "email", "Value": "new@example.com"}, {"Name": "name", "Value": "Eli"}],
    )
    assert sent["CodeDeliveryDetailsList"][0]["Destination"] == "n***@e***"
    now = attributes_of(app, "eli")
    assert (now["email"], now["email_verified"], now["name"]) == ("new@example.com", "false", "Eli")
    verify = {"AccessToken": token, "AttributeName": "email"}
    assert error_of(app.client.verify_user_attribute, Code="nope", **verify)[0] == "CodeMismatchException"
    app.client.get_user_attribute_verification_code(**verify)
    app.client.verify_user_attribute(Code=app.last_code(), **verify)
    assert attributes_of(app, "eli")["email_verified"] == "true"
    cheat = error_of(
        app.client.update_user_attributes,
        AccessToken=token,
        UserAttributes=[{"Name": "email_verified", "Value": "true"}],
    )
    assert cheat[:2] == ("InvalidParameterException", "Cannot modify the non-mutable attribute email_verified")
    app.client.delete_user_attributes(AccessToken=token, UserAttributeNames=["name"])
    assert "name" not in attributes_of(app, "eli")
    app.client.delete_user(AccessToken=token)
    gone = error_of(app.admin.admin_get_user, UserPoolId=app.pool_id, Username="eli")
    assert gone[:2] == ("UserNotFoundException", "User does not exist.")


def test_attributes_follow_the_schema(sandbox: Any) -> None:
    app = new_app(
        sandbox,
        {
            "Schema": [
                {"Name": "email", "Required": True, "Mutable": True},
                {"Name": "badge", "AttributeDataType": "Number",
                 "NumberAttributeConstraints": {"MinValue": "1", "MaxValue": "9"}},
                {"Name": "fixed", "AttributeDataType": "String", "Mutable": False},
            ]
        },
    )  # fmt: skip
    invalid = "InvalidParameterException"
    start = "Attributes did not conform to the schema: "
    good = {"email": "a@example.com"}
    assert error_of(sign_up, app=app, name="a")[:2] == (invalid, f"{start}emails: The attribute emails is required")
    unknown = error_of(sign_up, app=app, name="a", **good, **{"custom:nothing": "1"})
    assert unknown[:2] == (invalid, f"{start}Type for attribute {{custom:nothing}} could not be determined")
    assert error_of(sign_up, app=app, name="a", email="nonsense")[1] == "Invalid email address format."
    assert error_of(sign_up, app=app, name="a", **good, phone_number="12")[1] == "Invalid phone number format."
    assert error_of(sign_up, app=app, name="a", **good, **{"custom:badge": "12"})[0] == invalid
    sign_up(app, "a", **good, **{"custom:badge": "3", "custom:fixed": "x"})
    fixed = error_of(
        app.admin.admin_update_user_attributes,
        UserPoolId=app.pool_id,
        Username="a",
        UserAttributes=[{"Name": "custom:fixed", "Value": "y"}],
    )
    assert fixed[:2] == (invalid, "user.custom:fixed: Attribute cannot be updated.\n")
    app.admin.add_custom_attributes(
        UserPoolId=app.pool_id, CustomAttributes=[{"Name": "more", "AttributeDataType": "String"}]
    )
    described = app.admin.describe_user_pool(UserPoolId=app.pool_id)["UserPool"]["SchemaAttributes"]
    assert {"custom:badge", "custom:fixed", "custom:more", "sub"} <= {one["Name"] for one in described}


def test_attributes_change_as_the_store_behind_wants(sandbox: Any) -> None:
    """Recorded: what users may not change of themselves, in the words of what refuses it, and in what order attributes
    are shown; the last value of one that is given twice counts, also for its length."""
    schema = [
        {"Name": "family_name", "Required": True, "Mutable": True},
        {"Name": "team", "AttributeDataType": "String", "Mutable": True},
        {"Name": "tenant", "AttributeDataType": "String", "Mutable": False},
    ]
    app = new_app(sandbox, {"Schema": schema})
    app.add_user(
        "ann", family_name="E", given_name="A", email="a@example.com", email_verified="true", **{"custom:tenant": "t"}
    )
    token = app.tokens("ann")["AccessToken"]

    def change(*pairs: tuple[str, str]) -> Any:
        attributes = [{"Name": name, "Value": value} for name, value in pairs]
        return app.client.update_user_attributes(AccessToken=token, UserAttributes=attributes)

    def drop(*names: str) -> Any:
        return app.client.delete_user_attributes(AccessToken=token, UserAttributeNames=list(names))

    fixed = "Cannot modify the non-mutable attribute "
    deleting = "Invalid user attributes: "
    missing = f"{deleting}name.familyName: The attribute name.familyName is required"
    immutable = f"{deleting}Custom.User.tenant: This attribute does not satisfy the mutability validation defined in "
    refusals = {
        f"{fixed}sub": lambda: change(("sub", "x")),
        f"{fixed}email_verified": lambda: drop("email_verified"),
        "user.custom:un: Attribute does not exist in the schema.\n": lambda: change(("custom:un", "x")),
        "user.birthdate: String must be no longer than 10 characters\n": lambda: change(("birthdate", "x" * 11)),
        missing: lambda: drop("family_name"),
        f"{immutable}the schema.": lambda: drop("custom:tenant"),
        f"{deleting}Type for attribute {{custom:un}} could not be determined": lambda: drop("custom:un"),
    }
    for message, ask in refusals.items():
        assert error_of(ask)[:2] == ("InvalidParameterException", message)
    assert "CodeDeliveryDetailsList" not in change(
        ("birthdate", "short"), ("birthdate", "x" * 10), ("custom:team", "r")
    )
    shown = app.client.get_user(AccessToken=token)["UserAttributes"]
    assert [pair["Name"] for pair in shown] == [
        *("email", "email_verified", "family_name", "given_name", "birthdate", "custom:team", "custom:tenant", "sub")
    ]
    narrow = {"UserPoolId": app.pool_id, "ClientName": "narrow", "WriteAttributes": ["given_name"]}
    assert error_of(app.admin.create_user_pool_client, **narrow)[1] == (
        "Invalid write attributes specified while creating a client"
    )


def test_what_the_tokens_of_one_who_is_gone_say(sandbox: Any) -> None:
    """Recorded: they are not the next one's who takes the name, whatever that one's state."""
    app = new_app(sandbox)
    sign_up(app, "eve")
    app.admin.admin_confirm_sign_up(UserPoolId=app.pool_id, Username="eve")
    old = app.tokens("eve")
    refused = "NotAuthorizedException"

    def renewed() -> tuple[str, str]:
        call = {"ClientId": app.client_id, "AuthFlow": "REFRESH_TOKEN_AUTH"}
        renew = {"REFRESH_TOKEN": old["RefreshToken"]}
        return error_of(app.client.initiate_auth, AuthParameters=renew, **call)[:2]

    def looked() -> tuple[str, str]:
        return error_of(app.client.get_user, AccessToken=old["AccessToken"])[:2]

    app.client.delete_user(AccessToken=old["AccessToken"])
    gone = (refused, "The user has been deleted for the associated refresh token")
    assert (looked()[0], renewed()) == ("UserNotFoundException", gone)
    sign_up(app, "eve")
    assert looked() == ("UserNotConfirmedException", "User is not confirmed.")
    app.admin.admin_confirm_sign_up(UserPoolId=app.pool_id, Username="eve")
    assert (looked(), renewed()) == ((refused, "Invalid access token."), gone)


def test_people_sign_in_with_their_address(sandbox: Any) -> None:
    """UsernameAttributes: the username is the sub, and the address is one person's only."""
    app = new_app(sandbox, {"UsernameAttributes": ["email"], "UsernameConfiguration": {"CaseSensitive": False}})
    sub = sign_up(app, "Kim@example.com")["UserSub"]
    app.admin.admin_confirm_sign_up(UserPoolId=app.pool_id, Username="kim@example.com")
    assert app.client.get_user(AccessToken=app.tokens("KIM@example.com")["AccessToken"])["Username"] == sub
    assert error_of(sign_up, app=app, name="kim@example.com")[:2] == ("UsernameExistsException", "User already exists")
    assert error_of(sign_up, app=app, name="kim")[:2] == ("InvalidParameterException", "Username should be an email.")


def test_an_alias_is_its_last_owners(sandbox: Any) -> None:
    """AliasAttributes: a verified address signs in; whoever proves it takes it, if asked to."""
    app = new_app(sandbox, {"AliasAttributes": ["email"], "AutoVerifiedAttributes": ["email"]})
    app.add_user("one", email="both@example.com", email_verified="true")
    assert app.tokens("both@example.com")
    sign_up(app, "two", email="both@example.com")
    call = {"ClientId": app.client_id, "Username": "two", "ConfirmationCode": app.last_code()}
    assert error_of(app.client.confirm_sign_up, **call)[:2] == (
        "AliasExistsException",
        "An account with the email already exists.",
    )
    app.client.confirm_sign_up(ForceAliasCreation=True, **call)
    found = app.admin.admin_get_user(UserPoolId=app.pool_id, Username="both@example.com")
    assert found["Username"] == "two"
    assert error_of(sign_up, app=app, name="x@example.com")[0] == "InvalidParameterException"


def test_a_preferred_username_is_nobody_elses_name(sandbox: Any) -> None:
    """Recorded: neither an address where those are aliases, nor the username of another."""
    app = new_app(sandbox, {"AliasAttributes": ["email", "preferred_username"]})
    app.add_user("alice")
    app.add_user("bob")
    refusals = {
        "a@example.com": (
            "InvalidParameterException",
            "Username cannot be of email format, since user pool is configured for email alias.",
        ),
        "alice": ("AliasExistsException", "User account already exists for the alias."),
    }
    for name, refusal in refusals.items():
        wanted = [{"Name": "preferred_username", "Value": name}]
        bob = {"UserPoolId": app.pool_id, "Username": "bob", "UserAttributes": wanted}
        assert error_of(app.admin.admin_update_user_attributes, **bob)[:2] == refusal
    assert "preferred_username" not in attributes_of(app, "bob")


def test_an_invitation_has_the_temporary_password(app: App) -> None:
    made = app.admin.admin_create_user(
        UserPoolId=app.pool_id,
        Username="guest",
        UserAttributes=[{"Name": "email", "Value": "guest@example.com"}],
        DesiredDeliveryMediums=["EMAIL"],
    )["User"]
    assert (made["UserStatus"], made["Enabled"]) == ("FORCE_CHANGE_PASSWORD", True)
    body = app.last_message()["body"]
    assert body.startswith("Your username is guest and temporary password is ")
    password = body.rpartition(" is ")[2].removesuffix(". ")
    assert app.sign_in("guest", password)["ChallengeName"] == "NEW_PASSWORD_REQUIRED"
    app.admin.admin_create_user(UserPoolId=app.pool_id, Username="guest", MessageAction="RESEND")
    assert app.last_message()["body"] != body
    app.add_user("settled")
    settled = error_of(app.admin.admin_create_user, UserPoolId=app.pool_id, Username="settled", MessageAction="RESEND")
    assert settled[0] == "UnsupportedUserStateException"


def totp(secret: str, step: int = 0) -> str:
    """RFC 6238, written again for the test."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.digest(key, struct.pack(">Q", int(time.time()) // 30 + step), "sha1")
    (number,) = struct.unpack(">I", digest[digest[-1] & 15 :][:4])
    return f"{(number & 0x7FFFFFFF) % 1_000_000:06d}"


def test_a_second_factor_by_application(sandbox: Any) -> None:
    """The secret holds once a code has come back; a code is good once."""
    app = new_app(sandbox)
    app.add_user()
    token = app.tokens()["AccessToken"]
    assert error_of(app.client.associate_software_token, AccessToken=token)[0] == "SoftwareTokenMFANotFoundException"
    app.admin.set_user_pool_mfa_config(
        UserPoolId=app.pool_id, SoftwareTokenMfaConfiguration={"Enabled": True}, MfaConfiguration="OPTIONAL"
    )
    secret = app.client.associate_software_token(AccessToken=token)["SecretCode"]
    assert error_of(app.client.verify_software_token, AccessToken=token, UserCode="000000")[:2] == (
        "EnableSoftwareTokenMFAException",
        "Code mismatch",
    )
    assert app.client.verify_software_token(AccessToken=token, UserCode=totp(secret))["Status"] == "SUCCESS"
    wanted = {"Enabled": True, "PreferredMfa": True}
    app.client.set_user_mfa_preference(AccessToken=token, SoftwareTokenMfaSettings=wanted)
    assert app.client.get_user(AccessToken=token)["PreferredMfaSetting"] == "SOFTWARE_TOKEN_MFA"
    asked = app.sign_in()
    assert asked["ChallengeName"] == "SOFTWARE_TOKEN_MFA"
    call = {"ClientId": app.client_id, "ChallengeName": "SOFTWARE_TOKEN_MFA", "Session": asked["Session"]}
    wrong = {"USERNAME": "ana", "SOFTWARE_TOKEN_MFA_CODE": "abcdef"}
    assert error_of(app.client.respond_to_auth_challenge, ChallengeResponses=wrong, **call)[:2] == (
        "CodeMismatchException",
        "Invalid code received for user",
    )
    right = {"USERNAME": "ana", "SOFTWARE_TOKEN_MFA_CODE": totp(secret)}
    assert app.client.respond_to_auth_challenge(ChallengeResponses=right, **call)["AuthenticationResult"]
    call["Session"] = app.sign_in()["Session"]
    assert error_of(app.client.respond_to_auth_challenge, ChallengeResponses=right, **call)[0] == (
        "CodeMismatchException"
    )
    about = {"UserPoolId": app.pool_id, "Username": "ana"}
    app.admin.admin_delete_software_token(**about)
    assert app.admin.admin_get_user(**about).get("UserMFASettingList", []) == []
    assert "AuthenticationResult" in app.sign_in()
    assert error_of(app.admin.admin_delete_software_token, **about)[0] == "ResourceNotFoundException"


def test_a_pool_that_demands_a_factor_has_it_set_up(sandbox: Any) -> None:
    app = new_app(sandbox)
    app.add_user()
    app.admin.set_user_pool_mfa_config(
        UserPoolId=app.pool_id, SoftwareTokenMfaConfiguration={"Enabled": True}, MfaConfiguration="ON"
    )
    asked = app.sign_in()
    assert (asked["ChallengeName"], asked["ChallengeParameters"]["MFAS_CAN_SETUP"]) == (
        "MFA_SETUP",
        '["SOFTWARE_TOKEN_MFA"]',
    )
    made = app.client.associate_software_token(Session=asked["Session"])
    verified = app.client.verify_software_token(Session=made["Session"], UserCode=totp(made["SecretCode"]))
    done = app.client.respond_to_auth_challenge(
        ClientId=app.client_id,
        ChallengeName="MFA_SETUP",
        Session=verified["Session"],
        ChallengeResponses={"USERNAME": "ana"},
    )
    assert done["AuthenticationResult"]
    assert app.sign_in()["ChallengeName"] == "SOFTWARE_TOKEN_MFA"


def test_a_second_factor_by_text_message(sandbox: Any) -> None:
    role = "arn:aws:iam::000000000000:role/sms"
    app = new_app(sandbox, {"SmsConfiguration": {"SnsCallerArn": role}, "MfaConfiguration": "OPTIONAL"})
    app.add_user("ana", phone_number="+420123456789", phone_number_verified="true")
    app.admin.admin_set_user_mfa_preference(
        UserPoolId=app.pool_id, Username="ana", SMSMfaSettings={"Enabled": True, "PreferredMfa": True}
    )
    asked = app.sign_in()
    assert asked["ChallengeName"] == "SMS_MFA"
    assert asked["ChallengeParameters"]["CODE_DELIVERY_DESTINATION"] == "+********6789"
    assert app.last_message()["protocol"] == "sms"
    done = app.client.respond_to_auth_challenge(
        ClientId=app.client_id,
        ChallengeName="SMS_MFA",
        Session=asked["Session"],
        ChallengeResponses={"USERNAME": "ana", "SMS_MFA_CODE": app.last_code()},
    )
    assert done["AuthenticationResult"]


def test_users_are_listed_and_found(sandbox: Any) -> None:
    app = new_app(sandbox)
    for number in range(5):
        app.add_user(f"user{number}", email=f"u{number}@example.com")
    pool = {"UserPoolId": app.pool_id}
    first = app.admin.list_users(Limit=3, **pool)
    rest = app.admin.list_users(Limit=3, PaginationToken=first["PaginationToken"], **pool)
    assert [u["Username"] for u in first["Users"] + rest["Users"]] == [f"user{n}" for n in range(5)]

    def found(text: str) -> list[str]:
        return [user["Username"] for user in app.admin.list_users(Filter=text, **pool)["Users"]]

    assert found('email = "U3@example.com"') == ["user3"]
    assert found('username ^= "user"') == [f"user{n}" for n in range(5)]
    assert found('username = "nobody"') == []
    assert found('cognito:user_status = "CONFIRMED"') == [f"user{n}" for n in range(5)]
    assert error_of(app.admin.list_users, Filter="nonsense", **pool)[0] == "InvalidParameterException"
    assert error_of(app.admin.list_users, Filter='custom:x = "1"', **pool)[0] == "InvalidParameterException"
    assert app.admin.describe_user_pool(**pool)["UserPool"]["EstimatedNumberOfUsers"] == 5


def test_pools_and_clients(fresh_sandbox: Any) -> None:
    """Settings with AWS's defaults, what an update leaves out, listings, deletion."""
    idp = fresh_sandbox.client("cognito-idp")
    pool = idp.create_user_pool(PoolName="p", DeletionProtection="ACTIVE", UserPoolTags={"a": "1"})["UserPool"]
    pool_id = pool["Id"]
    assert pool["Arn"] == f"arn:aws:cognito-idp:us-east-1:{fresh_sandbox.account}:userpool/{pool_id}"
    assert pool["Policies"]["PasswordPolicy"]["MinimumLength"] == 8
    assert pool["MfaConfiguration"] == "OFF"
    assert len(pool["SchemaAttributes"]) == 20
    assert "deletion protection is activated" in error_of(idp.delete_user_pool, UserPoolId=pool_id)[1]
    idp.update_user_pool(UserPoolId=pool_id, UserPoolTags={"b": "2"})
    assert idp.list_tags_for_resource(ResourceArn=pool["Arn"])["Tags"] == {"b": "2"}
    client = idp.create_user_pool_client(UserPoolId=pool_id, ClientName="c", GenerateSecret=True)["UserPoolClient"]
    assert (len(client["ClientId"]), client["RefreshTokenValidity"]) == (26, 30)
    assert client["ClientSecret"]
    changed = idp.update_user_pool_client(
        UserPoolId=pool_id, ClientId=client["ClientId"], CallbackURLs=["https://a.example/x", "app://back"]
    )["UserPoolClient"]
    assert changed["ClientSecret"] == client["ClientSecret"]
    for url in ("http://a.example/", "https://a.example/#f", "javascript:alert(1)"):
        refused = error_of(
            idp.update_user_pool_client, UserPoolId=pool_id, ClientId=client["ClientId"], CallbackURLs=[url]
        )
        assert refused[0] == "InvalidParameterException", url
    scope = error_of(idp.create_user_pool_client, UserPoolId=pool_id, ClientName="s", AllowedOAuthScopes=["x/none"])
    assert scope[0] == "ScopeDoesNotExistException"
    both = ["client_credentials", "code"]
    oauth = error_of(idp.create_user_pool_client, UserPoolId=pool_id, ClientName="s", AllowedOAuthFlows=both)
    assert oauth[0] == "InvalidOAuthFlowException"
    public = error_of(
        idp.create_user_pool_client, UserPoolId=pool_id, ClientName="s", AllowedOAuthFlows=["client_credentials"]
    )
    assert public[:2] == (
        "InvalidOAuthFlowException",
        "client_credentials flow can not be selected if client does not have a client secret.",
    )
    minutes = {"TokenValidityUnits": {"AccessToken": "minutes", "RefreshToken": "minutes"}}
    for validity in ({"AccessTokenValidity": 4}, {"IdTokenValidity": 24 + 1}, {"RefreshTokenValidity": 59}):
        short = error_of(idp.create_user_pool_client, UserPoolId=pool_id, ClientName="s", **minutes, **validity)
        assert short[:2] == ("InvalidParameterException", "Invalid range for token validity."), validity
    assert len(idp.list_user_pool_clients(UserPoolId=pool_id, MaxResults=5)["UserPoolClients"]) == 1
    idp.delete_user_pool_client(UserPoolId=pool_id, ClientId=client["ClientId"])
    gone = error_of(idp.describe_user_pool_client, UserPoolId=pool_id, ClientId=client["ClientId"])
    assert gone[:2] == ("ResourceNotFoundException", f"User pool client {client['ClientId']} does not exist.")
    assert [row["Id"] for row in idp.list_user_pools(MaxResults=5)["UserPools"]] == [pool_id]
    idp.delete_user_pool(UserPoolId=pool_id)
    assert error_of(idp.describe_user_pool, UserPoolId=pool_id)[:2] == (
        "ResourceNotFoundException",
        f"User pool {pool_id} does not exist.",
    )


@pytest.mark.parametrize(
    ("tier", "settings", "feature"),
    [
        ("ESSENTIALS", {"UserPoolAddOns": {"AdvancedSecurityMode": "ENFORCED"}}, "Threat Protection"),
        ("LITE", {"UserPoolAddOns": {"AdvancedSecurityMode": "AUDIT"}}, "Threat Protection"),
        ("LITE", {"Policies": {"SignInPolicy": {"AllowedFirstAuthFactors": ["EMAIL_OTP"]}}}, "Passwordless"),
        ("LITE", {"Policies": {"PasswordPolicy": {"PasswordHistorySize": 3}}}, "Password History"),
    ],
)
def test_features_of_another_plan(sandbox: Any, tier: str, settings: dict[str, Any], feature: str) -> None:
    """A pool's plan decides what may be switched on, at creation and later; PLUS has everything."""
    idp = sandbox.client("cognito-idp")
    told = (
        "FeatureUnavailableInTierException",
        f"The following features need to be disabled for the {tier} pricing tier configured: {feature}",
        400,
    )
    assert error_of(idp.create_user_pool, PoolName="p", UserPoolTier=tier, **settings) == told
    pool_id = idp.create_user_pool(PoolName="p", UserPoolTier="PLUS", **settings)["UserPool"]["Id"]
    assert error_of(idp.update_user_pool, UserPoolId=pool_id, UserPoolTier=tier, **settings) == told
    idp.update_user_pool(UserPoolId=pool_id, UserPoolTier=tier)
    if tier == "LITE":
        email = {"Message": "{####}", "Subject": "s"}
        refused = error_of(idp.set_user_pool_mfa_config, UserPoolId=pool_id, EmailMfaConfiguration=email)
        assert refused[0] == "FeatureUnavailableInTierException"


def test_what_is_kept_of_a_pool(app: App) -> None:
    """Domains, resource servers, providers (COGNITO-003), risks (COGNITO-004): kept, shown, changed, removed."""
    idp, pool = app.admin, {"UserPoolId": app.pool_id}
    idp.create_user_pool_domain(Domain="kept-app", **pool)
    assert idp.describe_user_pool_domain(Domain="kept-app")["DomainDescription"]["UserPoolId"] == app.pool_id
    assert error_of(idp.create_user_pool_domain, Domain="other", **pool)[0] == "InvalidParameterException"
    assert idp.describe_user_pool(**pool)["UserPool"]["Domain"] == "kept-app"
    assert "domain" in error_of(idp.delete_user_pool, **pool)[1]
    idp.delete_user_pool_domain(Domain="kept-app", **pool)
    assert idp.describe_user_pool_domain(Domain="kept-app")["DomainDescription"] == {}
    idp.create_resource_server(Identifier="api", Name="n", **pool)
    scopes = [{"ScopeName": "read", "ScopeDescription": "d"}]
    idp.update_resource_server(Identifier="api", Name="n", Scopes=scopes, **pool)
    assert idp.describe_resource_server(Identifier="api", **pool)["ResourceServer"]["Scopes"] == scopes
    assert len(idp.list_resource_servers(**pool)["ResourceServers"]) == 1
    idp.delete_resource_server(Identifier="api", **pool)
    assert error_of(idp.describe_resource_server, Identifier="api", **pool)[0] == "ResourceNotFoundException"
    details = {"client_id": "x", "client_secret": "y", "authorize_scopes": "openid"}
    provider = {"ProviderName": "Google", "ProviderType": "Google", "ProviderDetails": details}
    idp.create_identity_provider(**provider, **pool)
    assert error_of(idp.create_identity_provider, **provider, **pool)[0] == "DuplicateProviderException"
    assert idp.list_identity_providers(**pool)["Providers"][0]["ProviderType"] == "Google"
    idp.update_identity_provider(ProviderName="Google", AttributeMapping={"email": "email"}, **pool)
    shown = idp.describe_identity_provider(ProviderName="Google", **pool)["IdentityProvider"]
    assert (shown["ProviderDetails"], shown["AttributeMapping"]) == (details, {"email": "email"})
    idp.delete_identity_provider(ProviderName="Google", **pool)
    risk = {"BlockedIPRangeList": ["10.0.0.0/8"]}
    idp.set_risk_configuration(RiskExceptionConfiguration=risk, **pool)
    assert idp.describe_risk_configuration(**pool)["RiskConfiguration"]["RiskExceptionConfiguration"] == risk
