"""IAM as boto3 sees it, over HTTP: what it promises and each error that it makes."""

from __future__ import annotations

import json
import uuid
from typing import Any

import boto3
import pytest
from botocore.config import Config
from tests.conftest import error_of

LAMBDA_TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
READ = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
BASIC = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"


@pytest.fixture
def iam(sandbox: Any) -> Any:
    return sandbox.client("iam")


def unique(prefix: str = "n") -> str:
    return f"{prefix}-{uuid.uuid4().hex[:10]}"


def new_role(iam: Any, **more: Any) -> str:
    name = unique("role")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(LAMBDA_TRUST), **more)
    return name


def new_user(iam: Any) -> str:
    name = unique("user")
    iam.create_user(UserName=name)
    return name


def new_policy(iam: Any, **more: Any) -> str:
    made = iam.create_policy(PolicyName=unique("policy"), PolicyDocument=json.dumps(READ), **more)
    return str(made["Policy"]["Arn"])


def test_role_as_aws_shows_it(iam: Any, sandbox: Any) -> None:
    """The three views of a role differ in their members exactly as AWS's do."""
    name = unique("role")
    tags = [{"Key": "test", "Value": "value"}]
    created = iam.create_role(
        RoleName=name, Path="/with-tags/", AssumeRolePolicyDocument=json.dumps(LAMBDA_TRUST), Tags=tags
    )["Role"]
    base = {
        "Path": "/with-tags/",
        "RoleName": name,
        "RoleId": created["RoleId"],
        "Arn": f"arn:aws:iam::{sandbox.account}:role/with-tags/{name}",
        "CreateDate": created["CreateDate"],
        "AssumeRolePolicyDocument": LAMBDA_TRUST,
    }
    assert created == base | {"Tags": tags}
    assert len(created["RoleId"]) == 21 and created["RoleId"].startswith("AROA")
    got = iam.get_role(RoleName=name)["Role"]
    assert got == base | {"Tags": tags, "MaxSessionDuration": 3600, "RoleLastUsed": {}}
    (listed,) = iam.list_roles(PathPrefix="/with-tags/")["Roles"]
    assert listed == base | {"MaxSessionDuration": 3600}


def test_role_changes(iam: Any) -> None:
    """Description, session length, trust and tags can be changed later."""
    name = new_role(iam, Description="old", MaxSessionDuration=7200)
    iam.update_role(RoleName=name, Description="new", MaxSessionDuration=3700)
    trust = json.loads(json.dumps(LAMBDA_TRUST).replace("lambda", "events"))
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(trust))
    iam.tag_role(RoleName=name, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    iam.tag_role(RoleName=name, Tags=[{"Key": "A", "Value": "3"}])
    iam.untag_role(RoleName=name, TagKeys=["b"])
    role = iam.get_role(RoleName=name)["Role"]
    assert (role["Description"], role["MaxSessionDuration"]) == ("new", 3700)
    assert role["AssumeRolePolicyDocument"] == trust
    assert iam.list_role_tags(RoleName=name)["Tags"] == [{"Key": "A", "Value": "3"}]


def test_inline_policies(iam: Any) -> None:
    """A document comes back as it was put, whatever is in it."""
    name = new_role(iam)
    odd = json.dumps(READ).replace("*", "arn:aws:apigateway:us-east-1::/tags/arn%3Aaws%3Aapigateway")
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=odd)
    assert iam.get_role_policy(RoleName=name, PolicyName="p")["PolicyDocument"] == json.loads(odd)
    assert iam.list_role_policies(RoleName=name)["PolicyNames"] == ["p"]
    assert error_of(iam.delete_role, RoleName=name) == (
        "DeleteConflict",
        "Cannot delete entity, must delete policies first.",
        409,
    )
    iam.delete_role_policy(RoleName=name, PolicyName="p")
    for call in (iam.get_role_policy, iam.delete_role_policy):
        assert error_of(call, RoleName=name, PolicyName="p") == (
            "NoSuchEntity",
            "The role policy with name p cannot be found.",
            404,
        )
    iam.delete_role(RoleName=name)


def test_attached_policies(iam: Any) -> None:
    """AWS's managed policies are there without being made; attaching twice is no error."""
    name, own = new_role(iam), new_policy(iam)
    for arn in (BASIC, own, own):
        iam.attach_role_policy(RoleName=name, PolicyArn=arn)
    attached = {row["PolicyArn"] for row in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]}
    assert attached == {BASIC, own}
    assert iam.get_policy(PolicyArn=own)["Policy"]["AttachmentCount"] == 1
    assert iam.list_entities_for_policy(PolicyArn=own)["PolicyRoles"][0]["RoleName"] == name
    assert error_of(iam.delete_policy, PolicyArn=own) == (
        "DeleteConflict",
        "Cannot delete a policy attached to entities.",
        409,
    )
    assert error_of(iam.delete_role, RoleName=name) == (
        "DeleteConflict",
        "Cannot delete entity, must detach all policies first.",
        409,
    )
    for arn in (BASIC, own):
        iam.detach_role_policy(RoleName=name, PolicyArn=arn)
    assert error_of(iam.detach_role_policy, RoleName=name, PolicyArn=own) == (
        "NoSuchEntity",
        f"Policy {own} was not found.",
        404,
    )
    iam.delete_policy(PolicyArn=own)
    assert error_of(iam.attach_role_policy, RoleName=name, PolicyArn=own) == (
        "NoSuchEntity",
        f"Policy {own} does not exist or is not attachable.",
        404,
    )


def test_aws_managed_policies_have_documents(iam: Any) -> None:
    """Templates attach these by name; what they grant has to be right for enforcement to mean something."""
    policy = iam.get_policy(PolicyArn=BASIC)["Policy"]
    assert (policy["PolicyName"], policy["Path"]) == ("AWSLambdaBasicExecutionRole", "/service-role/")
    version = iam.get_policy_version(PolicyArn=BASIC, VersionId=policy["DefaultVersionId"])["PolicyVersion"]
    assert version["Document"]["Statement"][0]["Action"] == [
        "logs:CreateLogGroup",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
    ]
    names = {row["PolicyName"] for row in iam.list_policies(Scope="AWS", MaxItems=1000)["Policies"]}
    assert {"AdministratorAccess", "AmazonDynamoDBFullAccess", "AWSLambdaRole"} <= names
    assert error_of(iam.delete_policy, PolicyArn=BASIC)[0] == "InvalidInput"


def test_unknown_aws_policies_can_be_attached(iam: Any) -> None:
    """IAM-001: AWS has over a thousand policies; one that is not built in attaches, so that templates deploy."""
    name, arn = new_role(iam), "arn:aws:iam::aws:policy/AmazonSomethingRareFullAccess"
    iam.attach_role_policy(RoleName=name, PolicyArn=arn)
    assert iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"][0]["PolicyArn"] == arn
    assert error_of(iam.get_policy, PolicyArn=arn)[0] == "NoSuchEntity"


def test_policy_versions(iam: Any) -> None:
    """Five versions, one of them the default; only others can be deleted."""
    arn = new_policy(iam, Description="d")
    wider = json.dumps(READ).replace("s3:GetObject", "s3:*")
    made = iam.create_policy_version(PolicyArn=arn, PolicyDocument=wider, SetAsDefault=True)["PolicyVersion"]
    assert (made["VersionId"], made["IsDefaultVersion"]) == ("v2", True)
    for _ in range(3):
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=wider)
    assert error_of(iam.create_policy_version, PolicyArn=arn, PolicyDocument=wider)[0] == "LimitExceeded"
    assert [row["VersionId"] for row in iam.list_policy_versions(PolicyArn=arn)["Versions"]] == [
        "v5", "v4", "v3", "v2", "v1",
    ]  # fmt: skip
    assert error_of(iam.delete_policy_version, PolicyArn=arn, VersionId="v2") == (
        "DeleteConflict",
        "Cannot delete the default version of a policy.",
        409,
    )
    assert error_of(iam.delete_policy, PolicyArn=arn)[0] == "DeleteConflict"
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v1")
    assert iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"] == "v1"
    iam.delete_policy_version(PolicyArn=arn, VersionId="v2")
    assert error_of(iam.get_policy_version, PolicyArn=arn, VersionId="v2")[:2] == (
        "NoSuchEntity",
        f"Policy {arn} version v2 does not exist or is not attachable.",
    )


def test_policy_as_aws_shows_it(iam: Any, sandbox: Any) -> None:
    """Members and defaults of GetPolicy."""
    name = unique("policy")
    arn = iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(READ))["Policy"]["Arn"]
    shown = iam.get_policy(PolicyArn=arn)["Policy"]
    assert shown == {
        "Arn": f"arn:aws:iam::{sandbox.account}:policy/{name}",
        "AttachmentCount": 0,
        "CreateDate": shown["CreateDate"],
        "DefaultVersionId": "v1",
        "IsAttachable": True,
        "Path": "/",
        "PermissionsBoundaryUsageCount": 0,
        "PolicyId": shown["PolicyId"],
        "PolicyName": name,
        "Tags": [],
        "UpdateDate": shown["UpdateDate"],
    }


@pytest.mark.parametrize("number", range(6))
def test_missing_entities(iam: Any, sandbox: Any, number: int) -> None:
    """Each resource has its own sentence for what is not there."""
    missing_policy = f"arn:aws:iam::{sandbox.account}:policy/non-existent-policy"
    call, params, message = [
        (iam.get_role, {"RoleName": "nope"}, "The role with name nope cannot be found."),
        (iam.get_user, {"UserName": "nope"}, "The user with name nope cannot be found."),
        (iam.get_group, {"GroupName": "nope"}, "The group with name nope cannot be found."),
        (iam.delete_policy, {"PolicyArn": missing_policy}, f"Policy {missing_policy} was not found."),
        (iam.get_access_key_last_used, {"AccessKeyId": "AKIAQAAAAAAAAAAAAAAA"},
         "The Access Key with id AKIAQAAAAAAAAAAAAAAA cannot be found."),
        (iam.delete_account_alias, {"AccountAlias": "nope"}, "The account alias nope cannot be found."),
    ][number]  # fmt: skip
    assert error_of(call, **params) == ("NoSuchEntity", message, 404)


def test_names_are_unique_without_regard_to_case(iam: Any) -> None:
    """AWS refuses a name that differs from another one in case only."""
    role, user, group = new_role(iam), new_user(iam), unique("group")
    iam.create_group(GroupName=group)
    trust = json.dumps(LAMBDA_TRUST)
    assert error_of(iam.create_role, RoleName=role.upper(), AssumeRolePolicyDocument=trust) == (
        "EntityAlreadyExists",
        f"Role with name {role.upper()} already exists.",
        409,
    )
    assert error_of(iam.create_user, UserName=user)[:2] == (
        "EntityAlreadyExists",
        f"User with name {user} already exists.",
    )
    assert error_of(iam.create_group, GroupName=group)[0] == "EntityAlreadyExists"
    policy = new_policy(iam).rpartition("/")[2]
    assert error_of(iam.create_policy, PolicyName=policy, PolicyDocument=json.dumps(READ))[:2] == (
        "EntityAlreadyExists",
        f"A policy called {policy} already exists. Duplicate names are not allowed.",
    )


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("{", "This policy contains invalid Json"),
        (json.dumps(READ), "Has prohibited field Resource"),
        (json.dumps(LAMBDA_TRUST).replace("sts:AssumeRole", "s3:GetObject"),
         "AssumeRole policy may only specify STS AssumeRole actions."),
    ],
)  # fmt: skip
def test_malformed_trust_policy(iam: Any, document: str, message: str) -> None:
    """A broken trust policy is refused when the role is made, not when it is assumed."""
    got = error_of(iam.create_role, RoleName=unique(), AssumeRolePolicyDocument=document)
    assert got == ("MalformedPolicyDocument", message, 400)


def test_trust_policy_names_somebody(iam: Any, sandbox: Any) -> None:
    """AWS checks that the users and roles in a trust policy exist."""
    nobody = f"arn:aws:iam::{sandbox.account}:user/nobody"
    trust = json.dumps(LAMBDA_TRUST).replace('"Service": "lambda.amazonaws.com"', f'"AWS": "{nobody}"')
    assert error_of(iam.create_role, RoleName=unique(), AssumeRolePolicyDocument=trust) == (
        "MalformedPolicyDocument",
        f'Invalid principal in policy: "AWS":"{nobody}"',
        400,
    )


def test_malformed_and_oversized_policies(iam: Any) -> None:
    """Documents are checked before they are kept; quotas count all but white space."""
    name = new_role(iam)
    broken = json.dumps(READ).replace("s3:GetObject", "GetObject")
    assert error_of(iam.create_policy, PolicyName=unique(), PolicyDocument=broken)[:2] == (
        "MalformedPolicyDocument",
        "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
    )
    large = json.dumps(READ | {"Id": "x" * 6200})
    assert error_of(iam.create_policy, PolicyName=unique(), PolicyDocument=large) == (
        "LimitExceeded",
        "Cannot exceed quota for PolicySize: 6144",
        409,
    )
    iam.put_role_policy(RoleName=name, PolicyName="a", PolicyDocument=large)
    assert error_of(iam.put_role_policy, RoleName=name, PolicyName="b", PolicyDocument=large) == (
        "LimitExceeded",
        f"Maximum policy size of 10240 bytes exceeded for role {name}",
        409,
    )


def test_users_keys_work(iam: Any, sandbox: Any) -> None:
    """A user's access key signs requests; deactivated or deleted it does no longer."""
    user = new_user(iam)
    key = iam.create_access_key(UserName=user)["AccessKey"]
    assert (key["UserName"], key["Status"], len(key["SecretAccessKey"])) == (user, "Active", 40)

    def caller() -> str:
        sts = boto3.client(
            "sts",
            endpoint_url=sandbox.server.endpoint,
            region_name="us-east-1",
            aws_access_key_id=key["AccessKeyId"],
            aws_secret_access_key=key["SecretAccessKey"],
            config=Config(retries={"max_attempts": 0}),
        )
        return str(sts.get_caller_identity()["Arn"])

    assert caller() == f"arn:aws:iam::{sandbox.account}:user/{user}"
    iam.update_access_key(UserName=user, AccessKeyId=key["AccessKeyId"], Status="Inactive")
    assert error_of(caller)[0] == "InvalidClientTokenId"
    iam.update_access_key(UserName=user, AccessKeyId=key["AccessKeyId"], Status="Active")
    assert iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"]) | {"ResponseMetadata": {}} == {
        "UserName": user,
        "AccessKeyLastUsed": {"Region": "N/A", "ServiceName": "N/A"},  # IAM-002
        "ResponseMetadata": {},
    }
    iam.create_access_key(UserName=user)
    assert error_of(iam.create_access_key, UserName=user) == (
        "LimitExceeded",
        "Cannot exceed quota for AccessKeysPerUser: 2",
        409,
    )
    assert error_of(iam.delete_user, UserName=user)[1] == "Cannot delete entity, must delete access keys first."
    for row in iam.list_access_keys(UserName=user)["AccessKeyMetadata"]:
        iam.delete_access_key(UserName=user, AccessKeyId=row["AccessKeyId"])
    assert error_of(caller)[0] == "InvalidClientTokenId"
    iam.delete_user(UserName=user)


def test_groups(iam: Any) -> None:
    """Members, their listing from both sides, and what keeps a group from being deleted."""
    group, users = unique("group"), sorted(new_user(iam) for _ in range(3))
    iam.create_group(GroupName=group, Path="/team/")
    for user in users:
        iam.add_user_to_group(GroupName=group, UserName=user)
    first = iam.get_group(GroupName=group, MaxItems=2)
    assert first["IsTruncated"] and [row["UserName"] for row in first["Users"]] == users[:2]
    rest = iam.get_group(GroupName=group, Marker=first["Marker"])
    assert [row["UserName"] for row in rest["Users"]] == users[2:]
    assert iam.list_groups_for_user(UserName=users[0])["Groups"][0]["GroupName"] == group
    iam.put_group_policy(GroupName=group, PolicyName="p", PolicyDocument=json.dumps(READ))
    iam.attach_group_policy(GroupName=group, PolicyArn=BASIC)
    assert (
        error_of(iam.delete_user, UserName=users[0])[1] == "Cannot delete entity, must remove users from group first."
    )
    assert error_of(iam.delete_group, GroupName=group)[1] == "Cannot delete entity, must remove users from group first."
    renamed = unique("renamed")
    iam.update_group(GroupName=group, NewGroupName=renamed)
    assert len(iam.get_group(GroupName=renamed)["Users"]) == 3
    for user in users:
        iam.remove_user_from_group(GroupName=renamed, UserName=user)
    iam.delete_group_policy(GroupName=renamed, PolicyName="p")
    iam.detach_group_policy(GroupName=renamed, PolicyArn=BASIC)
    iam.delete_group(GroupName=renamed)


def test_renamed_user_keeps_everything(iam: Any) -> None:
    """Keys, groups and policies follow a user to the new name."""
    user, renamed, group = new_user(iam), unique("renamed"), unique("group")
    arn = new_policy(iam)
    iam.create_group(GroupName=group)
    iam.add_user_to_group(GroupName=group, UserName=user)
    iam.attach_user_policy(UserName=user, PolicyArn=arn)
    iam.create_access_key(UserName=user)
    iam.update_user(UserName=user, NewUserName=renamed, NewPath="/new/")
    assert iam.get_user(UserName=renamed)["User"]["Path"] == "/new/"
    assert len(iam.list_access_keys(UserName=renamed)["AccessKeyMetadata"]) == 1
    assert iam.list_entities_for_policy(PolicyArn=arn)["PolicyUsers"][0]["UserName"] == renamed
    assert iam.get_group(GroupName=group)["Users"][0]["UserName"] == renamed
    assert error_of(iam.get_user, UserName=user)[0] == "NoSuchEntity"


def test_permissions_boundary(iam: Any) -> None:
    """A boundary is shown with its entity and counts as a use of the policy."""
    arn = new_policy(iam)
    name = new_role(iam, PermissionsBoundary=arn)
    boundary = {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn}
    assert iam.get_role(RoleName=name)["Role"]["PermissionsBoundary"] == boundary
    assert iam.get_policy(PolicyArn=arn)["Policy"]["PermissionsBoundaryUsageCount"] == 1
    assert error_of(iam.delete_policy, PolicyArn=arn)[0] == "DeleteConflict"
    iam.delete_role_permissions_boundary(RoleName=name)
    assert "PermissionsBoundary" not in iam.get_role(RoleName=name)["Role"]
    iam.put_role_permissions_boundary(RoleName=name, PermissionsBoundary=arn)
    iam.delete_role(RoleName=name)
    iam.delete_policy(PolicyArn=arn)


def test_tags(iam: Any) -> None:
    """Keys differ without regard to case."""
    double = [{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "2"}]
    assert error_of(iam.create_user, UserName=unique(), Tags=double) == (
        "InvalidInput",
        "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
        400,
    )
    arn = new_policy(iam, Tags=double[:1])
    iam.tag_policy(PolicyArn=arn, Tags=[{"Key": "b", "Value": "2"}])
    iam.untag_policy(PolicyArn=arn, TagKeys=["a"])
    assert iam.list_policy_tags(PolicyArn=arn)["Tags"] == [{"Key": "b", "Value": "2"}]


def test_paging(fresh_sandbox: Any) -> None:
    """Every listing goes through boto3's paginator, in order and without loss."""
    iam = fresh_sandbox.client("iam")
    for number in range(7):
        iam.create_user(UserName=f"user-{number}", Path="/a/" if number % 2 else "/b/")
    pages = iam.get_paginator("list_users").paginate(PathPrefix="/a/", PaginationConfig={"PageSize": 2})
    assert [row["UserName"] for page in pages for row in page["Users"]] == ["user-1", "user-3", "user-5"]
    new_policy(iam)
    pages = iam.get_paginator("list_policies").paginate(PaginationConfig={"PageSize": 50})
    rows = [row["Arn"] for page in pages for row in page["Policies"]]
    assert len(rows) == len(set(rows)) > 50
    assert len(iam.list_policies(Scope="Local")["Policies"]) == 1
    assert iam.list_policies(Scope="Local", OnlyAttached=True)["Policies"] == []
    assert error_of(iam.list_users, Marker="nonsense!")[:2] == ("ValidationError", "Invalid Marker.")
    details = iam.get_paginator("get_account_authorization_details").paginate(PaginationConfig={"PageSize": 3})
    assert len([row for page in details for row in page["UserDetailList"]]) == 7
    assert iam.get_account_summary()["SummaryMap"]["Users"] == 7


def test_service_linked_roles(fresh_sandbox: Any) -> None:
    """Made by name of the service; only AWS changes them."""
    iam = fresh_sandbox.client("iam")
    name = "AWSServiceRoleForCertificateManager"
    made = iam.create_service_linked_role(AWSServiceName="acm.amazonaws.com")["Role"]
    role = iam.get_role(RoleName=name)["Role"]
    assert role == {
        "Arn": f"arn:aws:iam::{fresh_sandbox.account}:role/aws-service-role/acm.amazonaws.com/{name}",
        "AssumeRolePolicyDocument": json.loads(json.dumps(LAMBDA_TRUST).replace("lambda", "acm")),
        "CreateDate": made["CreateDate"],
        "MaxSessionDuration": 3600,
        "Path": "/aws-service-role/acm.amazonaws.com/",
        "RoleId": made["RoleId"],
        "RoleLastUsed": {},
        "RoleName": name,
    }
    assert iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"] == [
        {
            "PolicyArn": "arn:aws:iam::aws:policy/aws-service-role/CertificateManagerServiceRolePolicy",
            "PolicyName": "CertificateManagerServiceRolePolicy",
        }
    ]
    assert error_of(iam.create_service_linked_role, AWSServiceName="acm.amazonaws.com") == (
        "InvalidInput",
        f"Service role name {name} has been taken in this account, please try a different suffix.",
        400,
    )
    assert error_of(iam.create_service_linked_role, AWSServiceName="appmesh.amazonaws.com", CustomSuffix="x") == (
        "InvalidInput",
        "Custom suffix is not allowed for appmesh.amazonaws.com",
        400,
    )
    assert error_of(iam.create_service_linked_role, AWSServiceName="nope.amazonaws.com")[0] == "InvalidInput"
    assert error_of(iam.delete_role, RoleName=name)[0] == "UnmodifiableEntity"
    suffixed = iam.create_service_linked_role(AWSServiceName="lexv2.amazonaws.com", CustomSuffix="s")["Role"]
    assert suffixed["RoleName"] == "AWSServiceRoleForLexV2Bots_s"
    for service, named in (("connect", "AmazonConnect_s"), ("autoscaling", "AutoScaling_s")):
        made = iam.create_service_linked_role(AWSServiceName=f"{service}.amazonaws.com", CustomSuffix="s")["Role"]
        assert made["RoleName"] == f"AWSServiceRoleFor{named}"
    task = iam.delete_service_linked_role(RoleName=name)["DeletionTaskId"]
    assert task.startswith(f"task/aws-service-role/acm.amazonaws.com/{name}/")
    assert iam.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"] == "SUCCEEDED"


def test_service_specific_credentials(iam: Any, sandbox: Any) -> None:
    """Passwords for the services that do not speak AWS's signatures."""
    user, service = new_user(iam), "codecommit.amazonaws.com"
    made = iam.create_service_specific_credential(UserName=user, ServiceName=service)["ServiceSpecificCredential"]
    key = {"UserName": user, "ServiceSpecificCredentialId": made["ServiceSpecificCredentialId"]}
    assert made["ServiceUserName"] == f"{user}-at-{sandbox.account}"
    iam.update_service_specific_credential(**key, Status="Inactive")
    reset = iam.reset_service_specific_credential(**key)["ServiceSpecificCredential"]
    assert reset["Status"] == "Inactive" and reset["ServicePassword"] != made["ServicePassword"]
    (listed,) = iam.list_service_specific_credentials(UserName=user)["ServiceSpecificCredentials"]
    assert "ServicePassword" not in listed
    assert error_of(iam.create_service_specific_credential, UserName=user, ServiceName="lambda.amazonaws.com") == (
        "NoSuchEntity",
        "No such service lambda.amazonaws.com is supported for Service Specific Credentials",
        404,
    )
    wrong = key | {"ServiceSpecificCredentialId": "totally-wrong-credential-id-with-hyphens"}
    assert error_of(iam.delete_service_specific_credential, **wrong)[:2] == (
        "ValidationError",
        "1 validation error detected: Value at 'serviceSpecificCredentialId' failed to satisfy constraint: Member must "
        "satisfy regular expression pattern: [\\w]+",
    )
    iam.delete_service_specific_credential(**key)
    assert error_of(iam.delete_service_specific_credential, **key)[0] == "NoSuchEntity"


def test_oidc_providers(iam: Any, sandbox: Any) -> None:
    """Who else's tokens AssumeRoleWithWebIdentity may trust."""
    url = f"https://{unique()}.example.com/path"
    arn = iam.create_open_id_connect_provider(Url=url, ClientIDList=["one"])["OpenIDConnectProviderArn"]
    assert arn == f"arn:aws:iam::{sandbox.account}:oidc-provider/{url[8:]}"
    iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="two")
    iam.remove_client_id_from_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="one")
    assert iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)["ClientIDList"] == ["two"]
    assert {"Arn": arn} in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    assert error_of(iam.create_open_id_connect_provider, Url=url)[0] == "EntityAlreadyExists"
    assert error_of(iam.create_open_id_connect_provider, Url="http://x.example.com")[0] == "ValidationError"
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert error_of(iam.get_open_id_connect_provider, OpenIDConnectProviderArn=arn)[0] == "NoSuchEntity"


def test_account_alias(fresh_sandbox: Any) -> None:
    """One alias for an account."""
    iam = fresh_sandbox.client("iam")
    iam.create_account_alias(AccountAlias="first-alias")
    assert error_of(iam.create_account_alias, AccountAlias="first-alias")[0] == "EntityAlreadyExists"
    iam.create_account_alias(AccountAlias="second-alias")
    assert iam.list_account_aliases()["AccountAliases"] == ["second-alias"]
    iam.delete_account_alias(AccountAlias="second-alias")
    assert iam.list_account_aliases()["AccountAliases"] == []


@pytest.mark.parametrize("source", ["user", "group", "role"])
def test_simulate_principal_policy(iam: Any, source: str) -> None:
    """The simulator answers with AWS's members, and says where in the document the statement stands."""
    document = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [{"Sid": "", "Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"}],
        }
    )
    name = unique(source)
    if source == "user":
        arn = iam.create_user(UserName=name)["User"]["Arn"]
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document)
    elif source == "group":
        arn = iam.create_group(GroupName=name)["Group"]["Arn"]
        iam.put_group_policy(GroupName=name, PolicyName="p", PolicyDocument=document)
    else:
        arn = iam.get_role(RoleName=(name := new_role(iam)))["Role"]["Arn"]
        iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document)
    bucket = "arn:aws:s3:::bucket"
    answer = iam.simulate_principal_policy(
        PolicySourceArn=arn, ActionNames=["s3:PutObject", "s3:GetObjectVersion"], ResourceArns=[bucket]
    )
    matched = [
        {
            "SourcePolicyId": f"{source}_{name}_p",
            "SourcePolicyType": "IAM Policy",
            "StartPosition": {"Line": 1, "Column": 41},
            "EndPosition": {"Line": 1, "Column": 113},
        }
    ]

    def expected(action: str, decision: str, statements: list[Any]) -> dict[str, Any]:
        return {
            "EvalActionName": action,
            "EvalDecision": decision,
            "EvalDecisionDetails": {},
            "EvalResourceName": bucket,
            "MatchedStatements": statements,
            "MissingContextValues": [],
            "OrganizationsDecisionDetail": {"AllowedByOrganizations": True},
            "ResourceSpecificResults": [
                {
                    "EvalResourceDecision": decision,
                    "EvalResourceName": bucket,
                    "MatchedStatements": statements,
                    "MissingContextValues": [],
                }
            ],
        }

    assert answer["IsTruncated"] is False
    assert answer["EvaluationResults"] == [
        expected("s3:PutObject", "allowed", matched),
        expected("s3:GetObjectVersion", "implicitDeny", []),
    ]


def test_simulate_custom_policy(iam: Any) -> None:
    """Policies under construction, with context and boundary."""
    statement = {
        "Effect": "Allow",
        "Action": "s3:*",
        "Resource": "arn:aws:s3:::${aws:username}/*",
        "Condition": {"Bool": {"aws:SecureTransport": "true"}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    keys = iam.get_context_keys_for_custom_policy(PolicyInputList=[policy])["ContextKeyNames"]
    assert keys == ["aws:SecureTransport", "aws:username"]
    entries = [
        {"ContextKeyName": "aws:SecureTransport", "ContextKeyValues": ["true"], "ContextKeyType": "boolean"},
        {"ContextKeyName": "aws:username", "ContextKeyValues": ["ann"], "ContextKeyType": "string"},
    ]
    asked: dict[str, Any] = {"PolicyInputList": [policy], "ActionNames": ["s3:GetObject"]}
    asked["ResourceArns"] = ["arn:aws:s3:::ann/x", "arn:aws:s3:::bob/x"]
    results = iam.simulate_custom_policy(**asked, ContextEntries=entries)["EvaluationResults"]
    assert [row["EvalDecision"] for row in results] == ["allowed", "implicitDeny"]
    (without, _) = iam.simulate_custom_policy(**asked)["EvaluationResults"]
    assert without["MissingContextValues"] == ["aws:securetransport"]
    boundary = json.dumps(READ).replace("s3:GetObject", "sqs:*")
    (capped, _) = iam.simulate_custom_policy(
        **asked, ContextEntries=entries, PermissionsBoundaryPolicyInputList=[boundary]
    )["EvaluationResults"]
    assert capped["EvalDecision"] == "implicitDeny"
    assert capped["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": False}
    assert (
        error_of(iam.simulate_custom_policy, PolicyInputList=["{"], ActionNames=["s3:GetObject"])[0] == "InvalidInput"
    )


def test_deleted_things_are_gone(iam: Any) -> None:
    """Deleting twice is an error, as on AWS."""
    user = new_user(iam)
    iam.delete_user(UserName=user)
    assert error_of(iam.delete_user, UserName=user)[0] == "NoSuchEntity"


def test_unbuilt_operations_say_so(iam: Any) -> None:
    """An operation that is not built never pretends."""
    assert error_of(iam.get_service_last_accessed_details, JobId="x" * 36)[2] == 501
