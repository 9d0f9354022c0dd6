"""Identity pools as browsers and administrators see them."""

from __future__ import annotations

import json
from typing import Any

import boto3
import jwt
import pytest
from tests.conftest import Sandbox, error_of
from tests.contract.cognito import App, new_app, unsigned
from tests.contract.dynamodb import make_table
from tests.contract.users import policy_of


@pytest.fixture(scope="module")
def app(sandbox: Any) -> App:
    made = new_app(sandbox)
    made.add_user("ana", email="ana@example.com", email_verified="true")
    made.add_user("bob")
    return made


@pytest.fixture(scope="module")
def pools(sandbox: Any) -> Any:
    return sandbox.client("cognito-identity")


@pytest.fixture(scope="module")
def browser(sandbox: Any) -> Any:
    """No signature: what a page has before it has credentials."""
    return unsigned(sandbox, "cognito-identity")


def new_role(sandbox: Any, name: str, pool_id: str, method: str) -> str:
    """A role that the pool's identities may take, with the trust policy that AWS's console writes."""
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Federated": "cognito-identity.amazonaws.com"},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {
                    "StringEquals": {"cognito-identity.amazonaws.com:aud": pool_id},
                    "ForAnyValue:StringLike": {"cognito-identity.amazonaws.com:amr": method},
                },
            }
        ],
    }
    iam = sandbox.client("iam")
    return iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]


def provider_of(app: App) -> str:
    return f"cognito-idp.us-east-1.amazonaws.com/{app.pool_id}"


def new_pool(pools: Any, app: App, **more: Any) -> str:
    request = {
        "IdentityPoolName": "people",
        "AllowUnauthenticatedIdentities": True,
        "AllowClassicFlow": True,
        "CognitoIdentityProviders": [{"ProviderName": provider_of(app), "ClientId": app.client_id}],
    }
    return pools.create_identity_pool(**(request | more))["IdentityPoolId"]


def caller(sandbox: Any, credentials: dict[str, Any]) -> str:
    """Whose the credentials are: they are used, and their signature is verified."""
    sts = boto3.client(
        "sts",
        endpoint_url=sandbox.server.endpoint,
        region_name="us-east-1",
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretKey"],
        aws_session_token=credentials["SessionToken"],
    )
    return sts.get_caller_identity()["Arn"]


def test_guests_get_credentials(sandbox: Any, app: App, pools: Any, browser: Any) -> None:
    pool_id = new_pool(pools, app)
    identity = browser.get_id(IdentityPoolId=pool_id)["IdentityId"]
    assert identity.startswith("us-east-1:")
    missing = error_of(browser.get_credentials_for_identity, IdentityId=identity)
    assert missing[:2] == (
        "InvalidIdentityPoolConfigurationException",
        "Invalid identity pool configuration. Check assigned IAM roles for this pool.",
    )
    role = new_role(sandbox, "guests", pool_id, "unauthenticated")
    pools.set_identity_pool_roles(IdentityPoolId=pool_id, Roles={"unauthenticated": role})
    made = browser.get_credentials_for_identity(IdentityId=identity)
    assert made["IdentityId"] == identity
    arn = caller(sandbox, made["Credentials"])
    assert arn == f"arn:aws:sts::{sandbox.account}:assumed-role/guests/CognitoIdentityCredentials"


def test_guests_reach_only_what_is_theirs(sandbox: Any, app: App, pools: Any, browser: Any) -> None:
    """A role's policy speaks of the identity: each has its own items of a table and its own folder of a bucket."""
    pool_id = new_pool(pools, app)
    role = new_role(sandbox, "folders", pool_id, "unauthenticated")
    pools.set_identity_pool_roles(IdentityPoolId=pool_id, Roles={"unauthenticated": role})
    table, bucket = make_table(sandbox.client("dynamodb"), sort=None), "folders-of-guests"
    sandbox.client("s3").create_bucket(Bucket=bucket)
    who = "${cognito-identity.amazonaws.com:sub}"
    leading = {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": [who]}}
    policy = policy_of(
        {"Effect": "Allow", "Action": "dynamodb:*", "Resource": "*", "Condition": leading},
        {"Effect": "Allow", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{bucket}/{who}/*"},
    )
    sandbox.client("iam").put_role_policy(RoleName="folders", PolicyName="own", PolicyDocument=policy)
    identity = browser.get_id(IdentityPoolId=pool_id)["IdentityId"]
    made = browser.get_credentials_for_identity(IdentityId=identity)["Credentials"]
    row = {"access_key_id": made["AccessKeyId"], "secret_access_key": made["SecretKey"]}
    guest = Sandbox(sandbox.server, sandbox.row | row | {"session_token": made["SessionToken"]})
    for name, is_theirs in ((identity, True), ("us-east-1:another", False)):
        for call, params in (
            (guest.client("dynamodb").put_item, {"TableName": table, "Item": {"pk": {"S": name}}}),
            (guest.client("s3").put_object, {"Bucket": bucket, "Key": f"{name}/file"}),
        ):
            if is_theirs:
                call(**params)
            else:
                assert error_of(call, **params)[0].startswith("AccessDenied")


def test_users_get_an_identity_of_their_own(sandbox: Any, app: App, pools: Any, browser: Any) -> None:
    """The same one at each sign-in, and a role that guests may not have."""
    pool_id = new_pool(pools, app)
    roles = {
        "authenticated": new_role(sandbox, "users", pool_id, "authenticated"),
        "unauthenticated": new_role(sandbox, "users-out", pool_id, "authenticated"),
    }
    pools.set_identity_pool_roles(IdentityPoolId=pool_id, Roles=roles)
    ana = {provider_of(app): app.tokens("ana")["IdToken"]}
    bob = {provider_of(app): app.tokens("bob")["IdToken"]}
    identity = browser.get_id(IdentityPoolId=pool_id, Logins=ana)["IdentityId"]
    assert browser.get_id(IdentityPoolId=pool_id, Logins=ana)["IdentityId"] == identity
    assert browser.get_id(IdentityPoolId=pool_id, Logins=bob)["IdentityId"] != identity
    made = browser.get_credentials_for_identity(IdentityId=identity, Logins=ana)["Credentials"]
    assert ":assumed-role/users/" in caller(sandbox, made)
    assert error_of(browser.get_credentials_for_identity, IdentityId=identity)[:2] == (
        "NotAuthorizedException",
        f"Access to Identity '{identity}' is forbidden.",
    )
    assert error_of(browser.get_credentials_for_identity, IdentityId=identity, Logins=bob)[0] == (
        "NotAuthorizedException"
    )
    guest = browser.get_id(IdentityPoolId=pool_id)["IdentityId"]
    refused = error_of(browser.get_credentials_for_identity, IdentityId=guest)
    assert refused[0] == "InvalidIdentityPoolConfigurationException", "the role trusts none but users"
    assert pools.describe_identity(IdentityId=identity)["Logins"] == [provider_of(app)]
    listed = pools.list_identities(IdentityPoolId=pool_id, MaxResults=2)
    assert len(listed["Identities"]) == 2
    rest = pools.list_identities(IdentityPoolId=pool_id, MaxResults=2, NextToken=listed["NextToken"])
    assert len(rest["Identities"]) == 1


def test_a_guest_becomes_a_user(app: App, pools: Any, browser: Any) -> None:
    """The identity stays when somebody signs in; unlinking takes the login away again."""
    pool_id = new_pool(pools, app)
    guest = browser.get_id(IdentityPoolId=pool_id)["IdentityId"]
    ana = {provider_of(app): app.tokens("ana")["IdToken"]}
    browser.get_open_id_token(IdentityId=guest, Logins=ana)
    assert browser.get_id(IdentityPoolId=pool_id, Logins=ana)["IdentityId"] == guest
    browser.unlink_identity(IdentityId=guest, Logins=ana, LoginsToRemove=[provider_of(app)])
    assert "Logins" not in pools.describe_identity(IdentityId=guest)


def test_tokens_have_to_hold(app: App, pools: Any, browser: Any) -> None:
    """Another token, a changed one, another app's, another provider: AWS's error for each."""
    pool_id = new_pool(pools, app)
    tokens = app.tokens("ana")
    for token in (tokens["AccessToken"], tokens["IdToken"][:-6] + "AAAAAA", "nonsense"):
        code, message, _ = error_of(browser.get_id, IdentityPoolId=pool_id, Logins={provider_of(app): token})
        assert (code, message) == ("NotAuthorizedException", "Invalid login token. Couldn't verify signed token.")
    other = new_pool(pools, app, CognitoIdentityProviders=[{"ProviderName": provider_of(app), "ClientId": "x"}])
    good = {provider_of(app): tokens["IdToken"]}
    assert error_of(browser.get_id, IdentityPoolId=other, Logins=good)[1] == (
        "Invalid login token. Incorrect token audience."
    )
    # COGNITOIDENTITY-001: other networks' tokens can't be verified.
    strange = error_of(browser.get_id, IdentityPoolId=pool_id, Logins={"graph.facebook.com": "t"})
    assert strange[0] == "NotAuthorizedException"
    closed = new_pool(pools, app, AllowUnauthenticatedIdentities=False)
    assert error_of(browser.get_id, IdentityPoolId=closed)[:2] == (
        "NotAuthorizedException",
        "Unauthenticated access is not supported for this identity pool.",
    )
    unknown = error_of(browser.get_credentials_for_identity, IdentityId=pool_id)
    assert unknown[0] == "ResourceNotFoundException"
    gone = f"us-east-1:00000000-0000-4000-8000-00000000{pool_id[-4:]}"
    assert error_of(browser.get_id, IdentityPoolId=gone)[:2] == (
        "ResourceNotFoundException",
        f"IdentityPool '{gone}' not found.",
    )


def test_the_classic_flow_goes_through_sts(sandbox: Any, app: App, pools: Any, browser: Any) -> None:
    """GetOpenIdToken, then AssumeRoleWithWebIdentity, both without a signature."""
    pool_id = new_pool(pools, app)
    role = new_role(sandbox, "classic", pool_id, "unauthenticated")
    identity = browser.get_id(IdentityPoolId=pool_id)["IdentityId"]
    token = browser.get_open_id_token(IdentityId=identity)["Token"]
    claims = jwt.decode(token, options={"verify_signature": False})
    assert (claims["iss"], claims["aud"], claims["sub"], claims["amr"]) == (
        "https://cognito-identity.amazonaws.com",
        pool_id,
        identity,
        ["unauthenticated"],
    )
    made = sandbox.client("sts").assume_role_with_web_identity(
        RoleArn=role, RoleSessionName="me", WebIdentityToken=token
    )
    assert made["AssumedRoleUser"]["Arn"].endswith("assumed-role/classic/me")
    forged = jwt.encode(claims, "k" * 32)
    refused = error_of(
        sandbox.client("sts").assume_role_with_web_identity,
        RoleArn=role,
        RoleSessionName="me",
        WebIdentityToken=forged,
    )
    assert refused[0] == "InvalidIdentityToken"
    enhanced = new_pool(pools, app, AllowClassicFlow=False)
    identity = browser.get_id(IdentityPoolId=enhanced)["IdentityId"]
    assert error_of(browser.get_open_id_token, IdentityId=identity)[:2] == (
        "InvalidParameterException",
        "Basic (classic) flow is not enabled, please use enhanced flow.",
    )


def test_roles_follow_the_token(sandbox: Any, app: App, pools: Any, browser: Any) -> None:
    """By the groups' roles, by rules on claims, and none where the mapping denies."""
    pool_id = new_pool(pools, app)
    roles = {name: new_role(sandbox, name, pool_id, "authenticated") for name in ("plain", "staff", "byrule")}
    app.admin.create_group(UserPoolId=app.pool_id, GroupName="staff", RoleArn=roles["staff"], Precedence=1)
    app.admin.admin_add_user_to_group(UserPoolId=app.pool_id, GroupName="staff", Username="ana")
    key = f"{provider_of(app)}:{app.client_id}"

    def role_of(user: str, mapping: dict[str, Any], **more: str) -> str:
        pools.set_identity_pool_roles(
            IdentityPoolId=pool_id, Roles={"authenticated": roles["plain"]}, RoleMappings={key: mapping}
        )
        login = {provider_of(app): app.tokens(user)["IdToken"]}
        identity = browser.get_id(IdentityPoolId=pool_id, Logins=login)["IdentityId"]
        made = browser.get_credentials_for_identity(IdentityId=identity, Logins=login, **more)
        return caller(sandbox, made["Credentials"]).split("/")[1]

    by_token = {"Type": "Token", "AmbiguousRoleResolution": "AuthenticatedRole"}
    assert role_of("ana", by_token) == "staff"
    assert role_of("bob", by_token) == "plain"
    assert role_of("ana", by_token, CustomRoleArn=roles["staff"]) == "staff"
    assert error_of(role_of, user="ana", mapping=by_token, CustomRoleArn=roles["byrule"])[0] == (
        "NotAuthorizedException"
    )
    denying = {"Type": "Token", "AmbiguousRoleResolution": "Deny"}
    assert error_of(role_of, user="bob", mapping=denying)[0] == "NotAuthorizedException"
    rule = {"Claim": "email", "MatchType": "StartsWith", "Value": "ana@", "RoleARN": roles["byrule"]}
    by_rules = {
        "Type": "Rules",
        "AmbiguousRoleResolution": "AuthenticatedRole",
        "RulesConfiguration": {"Rules": [rule]},
    }
    assert role_of("ana", by_rules) == "byrule"
    assert role_of("bob", by_rules) == "plain"


def test_claims_become_session_tags(sandbox: Any, app: App, pools: Any, browser: Any) -> None:
    pool_id = new_pool(pools, app)
    tags = {"IdentityPoolId": pool_id, "IdentityProviderName": provider_of(app)}
    pools.set_principal_tag_attribute_map(**tags, PrincipalTags={"mail": "email"})
    assert pools.get_principal_tag_attribute_map(**tags)["PrincipalTags"] == {"mail": "email"}
    login = {provider_of(app): app.tokens("ana")["IdToken"]}
    identity = browser.get_id(IdentityPoolId=pool_id, Logins=login)["IdentityId"]
    token = browser.get_open_id_token(IdentityId=identity, Logins=login)["Token"]
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["https://aws.amazon.com/tags"] == {"principal_tags": {"mail": ["ana@example.com"]}}


def test_developers_vouch_for_their_own_users(sandbox: Any, app: App, pools: Any, browser: Any) -> None:
    """Signed calls of a server with users of its own."""
    pool_id = new_pool(pools, app, DeveloperProviderName="login.example")

    def token_of(user: str, **more: Any) -> dict[str, Any]:
        return pools.get_open_id_token_for_developer_identity(
            IdentityPoolId=pool_id, Logins={"login.example": user}, **more
        )

    one, two = token_of("u1"), token_of("u2")
    assert token_of("u1")["IdentityId"] == one["IdentityId"] != two["IdentityId"]
    role = new_role(sandbox, "developers", pool_id, "authenticated")
    pools.set_identity_pool_roles(IdentityPoolId=pool_id, Roles={"authenticated": role})
    made = browser.get_credentials_for_identity(
        IdentityId=one["IdentityId"], Logins={"cognito-identity.amazonaws.com": one["Token"]}
    )
    assert "/developers/" in caller(sandbox, made["Credentials"])
    stolen = error_of(
        browser.get_credentials_for_identity,
        IdentityId=two["IdentityId"],
        Logins={"cognito-identity.amazonaws.com": one["Token"]},
    )
    assert stolen[0] == "NotAuthorizedException"
    assert error_of(token_of, user="u1", IdentityId=two["IdentityId"])[0] == "DeveloperUserAlreadyRegisteredException"
    found = pools.lookup_developer_identity(IdentityPoolId=pool_id, DeveloperUserIdentifier="u2")
    assert found["IdentityId"] == two["IdentityId"]
    merged = pools.merge_developer_identities(
        SourceUserIdentifier="u2",
        DestinationUserIdentifier="u1",
        DeveloperProviderName="login.example",
        IdentityPoolId=pool_id,
    )
    assert merged["IdentityId"] == one["IdentityId"] == token_of("u2")["IdentityId"]
    pools.unlink_developer_identity(
        IdentityId=one["IdentityId"],
        IdentityPoolId=pool_id,
        DeveloperProviderName="login.example",
        DeveloperUserIdentifier="u2",
    )
    gone = error_of(pools.lookup_developer_identity, IdentityPoolId=pool_id, DeveloperUserIdentifier="u2")
    assert gone[0] == "ResourceNotFoundException"


def test_pools_are_made_changed_listed_and_removed(fresh_sandbox: Any, app: App) -> None:
    pools = fresh_sandbox.client("cognito-identity")
    ids = [
        pools.create_identity_pool(IdentityPoolName=name, AllowUnauthenticatedIdentities=True)["IdentityPoolId"]
        for name in ("one", "two", "three")
    ]
    first = pools.list_identity_pools(MaxResults=2)
    rest = pools.list_identity_pools(MaxResults=2, NextToken=first["NextToken"])
    listed = [row["IdentityPoolId"] for row in first["IdentityPools"] + rest["IdentityPools"]]
    assert sorted(listed) == sorted(ids)
    pools.update_identity_pool(IdentityPoolId=ids[0], IdentityPoolName="uno", AllowUnauthenticatedIdentities=False)
    assert pools.describe_identity_pool(IdentityPoolId=ids[0])["IdentityPoolName"] == "uno"
    arn = f"arn:aws:cognito-identity:us-east-1:{fresh_sandbox.account}:identitypool/{ids[0]}"
    pools.tag_resource(ResourceArn=arn, Tags={"a": "1", "b": "2"})
    pools.untag_resource(ResourceArn=arn, TagKeys=["a"])
    assert pools.list_tags_for_resource(ResourceArn=arn)["Tags"] == {"b": "2"}
    identity = unsigned(fresh_sandbox, "cognito-identity").get_id(IdentityPoolId=ids[1])["IdentityId"]
    stranger = f"us-east-1:00000000-0000-4000-8000-00000000{ids[1][-4:]}"
    failed = pools.delete_identities(IdentityIdsToDelete=[identity, stranger])["UnprocessedIdentityIds"]
    assert failed == [{"IdentityId": stranger, "ErrorCode": "AccessDenied"}]
    assert error_of(pools.describe_identity, IdentityId=identity)[:2] == (
        "ResourceNotFoundException",
        f"Identity '{identity}' not found.",
    )
    pools.delete_identity_pool(IdentityPoolId=ids[0])
    assert error_of(pools.describe_identity_pool, IdentityPoolId=ids[0])[0] == "ResourceNotFoundException"
    vague = {"RoleMappings": {"x": {"Type": "Token"}}, "Roles": {}}
    assert error_of(pools.set_identity_pool_roles, IdentityPoolId=ids[1], **vague)[0] == "InvalidParameterException"


def test_session_tags_in_a_template(fresh_sandbox: Any) -> None:
    """AWS::Cognito::IdentityPoolPrincipalTag maps claims to tags, follows an update, and takes the map with it."""
    provider = "cognito-idp.us-east-1.amazonaws.com/us-east-1_Abcdefghi"

    def template(tags: dict[str, str] | None) -> str:
        pool = {
            "AllowUnauthenticatedIdentities": False,
            "CognitoIdentityProviders": [{"ProviderName": provider, "ClientId": "1234567890abcdefghijklmnop"}],
        }
        named = {"IdentityPoolId": {"Ref": "Pool"}, "IdentityProviderName": provider}
        resources: dict[str, Any] = {"Pool": {"Type": "AWS::Cognito::IdentityPool", "Properties": pool}}
        if tags is not None:
            properties = {**named, "UseDefaults": False, "PrincipalTags": tags}
            resources["Tags"] = {"Type": "AWS::Cognito::IdentityPoolPrincipalTag", "Properties": properties}
        return json.dumps({"Resources": resources, "Outputs": {"Pool": {"Value": {"Ref": "Pool"}}}})

    stacks, pools = fresh_sandbox.client("cloudformation"), fresh_sandbox.client("cognito-identity")
    stacks.create_stack(StackName="tags", TemplateBody=template({"owner": "sub"}))
    stacks.get_waiter("stack_create_complete").wait(StackName="tags", WaiterConfig={"Delay": 1})
    pool_id = stacks.describe_stacks(StackName="tags")["Stacks"][0]["Outputs"][0]["OutputValue"]
    asked = {"IdentityPoolId": pool_id, "IdentityProviderName": provider}
    shown = stacks.describe_stack_resource(StackName="tags", LogicalResourceId="Tags")["StackResourceDetail"]
    assert shown["PhysicalResourceId"] == f"{pool_id}|{provider}"
    for wanted in ({"owner": "sub"}, {"mail": "email"}, None):
        if wanted != {"owner": "sub"}:
            stacks.update_stack(StackName="tags", TemplateBody=template(wanted))
            stacks.get_waiter("stack_update_complete").wait(StackName="tags", WaiterConfig={"Delay": 1})
        assert pools.get_principal_tag_attribute_map(**asked).get("PrincipalTags", {}) == (wanted or {})
