"""Settings of user pools that are kept beside users and clients: looks, terms, log delivery, certificates."""

from __future__ import annotations

import base64
import hmac
from typing import Any

import pytest
from cryptography import x509
from tests.conftest import error_of
from tests.contract.cognito import PASSWORD, App, new_app

UNKNOWN = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def app(sandbox: Any) -> App:
    return new_app(sandbox)


def test_a_client_has_one_branding(app: App) -> None:
    """Managed login's look: documents and images come back as they went in, one for each client."""
    about = {"UserPoolId": app.pool_id, "ClientId": app.client_id}
    asset = {"Category": "FORM_LOGO", "ColorMode": "LIGHT", "Extension": "PNG", "Bytes": b"\x89PNG"}
    settings = {"components": {"form": {"borderRadius": 8.0}}, "list": [1, True, None]}
    made = app.admin.create_managed_login_branding(**about, Settings=settings, Assets=[asset])["ManagedLoginBranding"]
    named = {"UserPoolId": app.pool_id, "ManagedLoginBrandingId": made["ManagedLoginBrandingId"]}
    shown = app.admin.describe_managed_login_branding(**named)["ManagedLoginBranding"]
    assert (shown["Settings"], shown["Assets"], shown["UseCognitoProvidedValues"]) == (settings, [asset], False)
    assert app.admin.describe_managed_login_branding_by_client(**about)["ManagedLoginBranding"] == shown
    again = error_of(app.admin.create_managed_login_branding, **about, UseCognitoProvidedValues=True)
    assert again[0] == "ManagedLoginBrandingExistsException"
    update = app.admin.update_managed_login_branding
    assert error_of(update, **named, UseCognitoProvidedValues=True, Settings={})[0] == "InvalidParameterException"
    assert error_of(update, **named)[0] == "InvalidParameterException"
    assert error_of(update, UserPoolId=app.pool_id)[0] == "InvalidParameterException"
    changed = update(**named, UseCognitoProvidedValues=True)["ManagedLoginBranding"]
    assert changed["UseCognitoProvidedValues"] and "Settings" not in changed
    app.admin.delete_managed_login_branding(**named)
    assert error_of(app.admin.describe_managed_login_branding, **named)[0] == "ResourceNotFoundException"
    by_client = error_of(app.admin.describe_managed_login_branding_by_client, **about)
    assert by_client[0] == "ResourceNotFoundException"


def test_terms_of_a_client(app: App) -> None:
    """Links to terms by language, one document of each name for a client."""
    about = {"UserPoolId": app.pool_id, "ClientId": app.client_id}
    given = {
        "TermsName": "terms-of-use",
        "TermsSource": "LINK",
        "Enforcement": "NONE",
        "Links": {"cognito:default": "https://example.com/terms", "cognito:german": "https://example.com/agb"},
    }
    made = app.admin.create_terms(**about, **given)["Terms"]
    assert {name: made[name] for name in given} == given
    assert error_of(app.admin.create_terms, **about, **given)[0] == "TermsExistsException"
    lost = error_of(app.admin.create_terms, **about, **given | {"Links": {"cognito:german": "https://x"}})
    assert lost[0] in ("InvalidParameterException", "TermsExistsException")
    other = app.admin.create_terms(**about, **given | {"TermsName": "privacy-policy"})["Terms"]
    named = {"UserPoolId": app.pool_id, "TermsId": other["TermsId"]}
    taken = error_of(app.admin.update_terms, **named, TermsName="terms-of-use")
    assert taken[0] == "TermsExistsException"
    only = error_of(app.admin.update_terms, **named, Links={"cognito:german": "https://x"})
    assert only[0] == "InvalidParameterException"
    links = {"cognito:default": "https://example.com/privacy"}
    assert app.admin.update_terms(**named, Links=links)["Terms"]["Links"] == links
    assert app.admin.describe_terms(**named)["Terms"]["TermsName"] == "privacy-policy"
    by_client = app.admin.describe_terms_by_client(**about, TermsName="terms-of-use")["Terms"]
    assert by_client["TermsId"] == made["TermsId"]
    first = app.admin.list_terms(UserPoolId=app.pool_id, MaxResults=1)
    rest = app.admin.list_terms(UserPoolId=app.pool_id, NextToken=first["NextToken"])
    assert {row["TermsName"] for row in first["Terms"] + rest["Terms"]} == {"terms-of-use", "privacy-policy"}
    app.admin.delete_terms(**named)
    assert error_of(app.admin.describe_terms, **named)[0] == "ResourceNotFoundException"
    gone = error_of(app.admin.describe_terms_by_client, **about, TermsName="privacy-policy")
    assert gone[0] == "ResourceNotFoundException"


def test_log_delivery_is_kept(app: App) -> None:
    """COGNITO-007: one place for each source, kept and shown."""
    group = {"LogGroupArn": "arn:aws:logs:us-east-1:123456789012:log-group:/aws/vendedlogs/pool"}
    one = {"LogLevel": "ERROR", "EventSource": "userNotification", "CloudWatchLogsConfiguration": group}
    assert app.admin.get_log_delivery_configuration(UserPoolId=app.pool_id)["LogDeliveryConfiguration"] == {
        "UserPoolId": app.pool_id,
        "LogConfigurations": [],
    }
    put = app.admin.set_log_delivery_configuration
    assert error_of(put, UserPoolId=app.pool_id, LogConfigurations=[one, one])[0] == "InvalidParameterException"
    nowhere = {"LogLevel": "ERROR", "EventSource": "userNotification"}
    assert error_of(put, UserPoolId=app.pool_id, LogConfigurations=[nowhere])[0] == "InvalidParameterException"
    put(UserPoolId=app.pool_id, LogConfigurations=[one])
    shown = app.admin.get_log_delivery_configuration(UserPoolId=app.pool_id)["LogDeliveryConfiguration"]
    assert shown["LogConfigurations"] == [one]


def test_the_signing_certificate_is_of_the_pools_key(app: App) -> None:
    """The same each time, and its key is among those of the pool's JWKS."""
    first = app.admin.get_signing_certificate(UserPoolId=app.pool_id)["Certificate"]
    assert app.admin.get_signing_certificate(UserPoolId=app.pool_id)["Certificate"] == first
    certificate = x509.load_der_x509_certificate(base64.b64decode(first))
    certificate.verify_directly_issued_by(certificate)
    assert app.pool_id in certificate.subject.rfc4514_string()
    none = error_of(app.admin.get_signing_certificate, UserPoolId="us-east-1_none")
    assert none[0] == "ResourceNotFoundException"


def test_the_older_form_of_second_factors(sandbox: Any) -> None:
    """SetUserSettings and its administrator's twin switch codes by SMS on and off."""
    sms = {"SmsConfiguration": {"SnsCallerArn": "arn:aws:iam::123456789012:role/sms"}, "MfaConfiguration": "OPTIONAL"}
    app = new_app(sandbox, {"PoolName": "older", **sms})
    app.add_user("ana", phone_number="+15550001111", phone_number_verified="true")
    access = app.tokens()["AccessToken"]
    options = [{"DeliveryMedium": "SMS", "AttributeName": "phone_number"}]
    app.client.set_user_settings(AccessToken=access, MFAOptions=options)
    assert app.sign_in()["ChallengeName"] == "SMS_MFA"
    app.admin.admin_set_user_settings(UserPoolId=app.pool_id, Username="ana", MFAOptions=[])
    assert "AuthenticationResult" in app.sign_in()
    wrong = [{"DeliveryMedium": "EMAIL", "AttributeName": "email"}]
    assert (
        error_of(app.client.set_user_settings, AccessToken=access, MFAOptions=wrong)[0] == "InvalidParameterException"
    )


def test_an_app_goes_over_to_a_new_secret(sandbox: Any) -> None:
    """Two secrets hold at once; the old one is deleted when the app has the new one."""
    app = new_app(sandbox, GenerateSecret=True)
    app.add_user()
    about = {"UserPoolId": app.pool_id, "ClientId": app.client_id}

    def enters(secret: str) -> bool:
        made = hmac.digest(secret.encode(), f"ana{app.client_id}".encode(), "sha256")
        parameters = {"USERNAME": "ana", "PASSWORD": PASSWORD, "SECRET_HASH": base64.b64encode(made).decode()}
        ask = {"ClientId": app.client_id, "AuthFlow": "USER_PASSWORD_AUTH", "AuthParameters": parameters}
        try:
            tokens = app.client.initiate_auth(**ask)["AuthenticationResult"]
        except app.client.exceptions.NotAuthorizedException:
            return False
        renewed = app.client.get_tokens_from_refresh_token(
            ClientId=app.client_id, ClientSecret=secret, RefreshToken=tokens["RefreshToken"]
        )
        return "AccessToken" in renewed["AuthenticationResult"]

    remove = app.admin.delete_user_pool_client_secret
    (first,) = app.admin.list_user_pool_client_secrets(**about)["ClientSecrets"]
    assert set(first) == {"ClientSecretId", "ClientSecretCreateDate"}
    assert error_of(remove, **about, ClientSecretId=first["ClientSecretId"])[0] == "InvalidParameterException"
    second = app.admin.add_user_pool_client_secret(**about)["ClientSecretDescriptor"]
    assert error_of(app.admin.add_user_pool_client_secret, **about)[0] == "LimitExceededException"
    assert enters(app.secret) and enters(second["ClientSecretValue"])
    remove(**about, ClientSecretId=first["ClientSecretId"])
    assert not enters(app.secret) and enters(second["ClientSecretValue"])
    assert error_of(remove, **about, ClientSecretId=first["ClientSecretId"])[0] == "ResourceNotFoundException"
    own = app.admin.add_user_pool_client_secret(**about, ClientSecret="a" * 30)["ClientSecretDescriptor"]
    assert "ClientSecretValue" not in own and enters("a" * 30)
    held = [one["ClientSecretId"] for one in app.admin.list_user_pool_client_secrets(**about)["ClientSecrets"]]
    assert held == [second["ClientSecretId"], own["ClientSecretId"]]
    remove(**about, ClientSecretId=own["ClientSecretId"])
    assert not enters("a" * 30) and enters(second["ClientSecretValue"])
    public = new_app(sandbox)
    named = {"UserPoolId": public.pool_id, "ClientId": public.client_id}
    assert public.admin.list_user_pool_client_secrets(**named)["ClientSecrets"] == []
    assert error_of(public.admin.add_user_pool_client_secret, **named)[0] == "InvalidParameterException"


@pytest.mark.parametrize(
    ("attribute", "message"),
    [
        ({"Name": "email", "AttributeDataType": "Number"},
         "You can not change AttributeDataType or set developerOnlyAttribute for standard schema attribute email"),
        ({"Name": "email", "DeveloperOnlyAttribute": True},
         "You can not change AttributeDataType or set developerOnlyAttribute for standard schema attribute email"),
        ({"Name": "email", "StringAttributeConstraints": {"MaxLength": "many"}},
         "Invalid StringAttributeConstraints for schema attribute email"),
        ({"Name": "updated_at", "NumberAttributeConstraints": {"MinValue": "few"}},
         "Invalid NumberAttributeConstraints for schema attribute updated_at"),
        ({"Name": "email", "StringAttributeConstraints": {"MinLength": "2049"}},
         "user.email: String attributes cannot have a length of more than 2048"),
        ({"Name": "email", "StringAttributeConstraints": {"MinLength": "2", "MaxLength": "1"}},
         "user.email: Max length cannot be less than min length."),
        ({"Name": "own"},
         "Invalid AttributeDataType input, consider using the provided AttributeDataType enum."),
        ({"Name": "own", "AttributeDataType": "Number", "NumberAttributeConstraints": {"MinValue": "x"}},
         "Invalid NumberAttributeConstraints for schema attribute own"),
    ],
)  # fmt: skip
def test_schemas_are_checked(app: App, attribute: dict[str, Any], message: str) -> None:
    """A pool whose attributes nobody could fill is not made; templates find out at once, as on AWS."""
    refused = error_of(app.admin.create_user_pool, PoolName="p", Schema=[attribute])
    assert refused[:2] == ("InvalidParameterException", message)


def test_a_template_is_the_pools_texts(app: App) -> None:
    """VerificationMessageTemplate and the older members show the same texts, whichever was given."""
    template = {"EmailMessage": "m {####}", "EmailSubject": "s", "SmsMessage": "t {####}"}
    made = app.admin.create_user_pool(PoolName="p", VerificationMessageTemplate=template)["UserPool"]
    assert (made["EmailVerificationMessage"], made["EmailVerificationSubject"]) == ("m {####}", "s")
    assert made["SmsVerificationMessage"] == "t {####}"
    older = app.admin.create_user_pool(PoolName="p", EmailVerificationSubject="s")["UserPool"]
    assert older["VerificationMessageTemplate"]["EmailSubject"] == "s"
    own = {"Name": "own", "AttributeDataType": "String", "DeveloperOnlyAttribute": True}
    app.admin.add_custom_attributes(UserPoolId=made["Id"], CustomAttributes=[own])
    again = error_of(app.admin.add_custom_attributes, UserPoolId=made["Id"], CustomAttributes=[own])
    assert again[1] == "custom:own: Existing attribute already has name dev:custom:own."
    number = {"Name": "number", "AttributeDataType": "Number"}
    app.admin.add_custom_attributes(UserPoolId=made["Id"], CustomAttributes=[number])
    shown = app.admin.describe_user_pool(UserPoolId=made["Id"])["UserPool"]["SchemaAttributes"][-1]
    assert shown["Name"] == "custom:number" and "NumberAttributeConstraints" not in shown


def test_attributes_of_users_as_aws_takes_them(app: App) -> None:
    """`True` verifies an address; an address that is another's login is an alias that exists; unknown ones can't go."""
    pool = app.admin.create_user_pool(PoolName="p", UsernameAttributes=["email"])["UserPool"]["Id"]
    for name in ("a@example.com", "b@example.com"):
        email = [{"Name": "email", "Value": name}, {"Name": "email_verified", "Value": "True"}]
        app.admin.admin_create_user(UserPoolId=pool, Username=name, UserAttributes=email)
    user = {"UserPoolId": pool, "Username": "a@example.com"}
    shown = {row["Name"]: row["Value"] for row in app.admin.admin_get_user(**user)["UserAttributes"]}
    assert shown["email_verified"] == "true"
    taken = [{"Name": "email", "Value": "b@example.com"}]
    assert error_of(app.admin.admin_update_user_attributes, **user, UserAttributes=taken)[:2] == (
        "AliasExistsException",
        "An account with the given email already exists.",
    )
    unknown = error_of(app.admin.admin_delete_user_attributes, **user, UserAttributeNames=["custom:a", "custom:b"])
    assert unknown[1] == (
        "Invalid user attributes: user.custom:a: Attribute does not exist in the schema.\n"
        "user.custom:b: Attribute does not exist in the schema.\n"
    )
    app.admin.admin_disable_user(**user)
    assert error_of(app.admin.admin_reset_user_password, **user)[:2] == ("NotAuthorizedException", "User is disabled.")
