"""ECR through boto3: repositories as names, their policies and tags, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.conftest import Sandbox

POLICY = json.dumps({"Version": "2008-10-17", "Statement": []})
RULES = json.dumps(
    {
        "rules": [
            {
                "rulePriority": 1,
                "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 1},
                "action": {"type": "expire"},
            }
        ]
    }
)


@pytest.fixture(scope="module")
def ecr(sandbox: Sandbox) -> Any:
    return sandbox.client("ecr")


def refusal(call: Any, **params: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**params)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_a_repository(ecr: Any, sandbox: Sandbox) -> None:
    """The life of a repository; it holds no images, since there is no registry (ECR-001)."""
    made = ecr.create_repository(repositoryName="life", tags=[{"Key": "a", "Value": "1"}])["repository"]
    assert made["repositoryArn"] == f"arn:aws:ecr:us-east-1:{sandbox.account}:repository/life"
    assert made["repositoryUri"] == f"{sandbox.account}.dkr.ecr.us-east-1.amazonaws.com/life"
    assert made["imageTagMutability"] == "MUTABLE"
    assert ecr.list_images(repositoryName="life")["imageIds"] == []
    ecr.put_image_tag_mutability(repositoryName="life", imageTagMutability="IMMUTABLE")
    ecr.put_image_scanning_configuration(repositoryName="life", imageScanningConfiguration={"scanOnPush": True})
    shown = ecr.describe_repositories(repositoryNames=["life"])["repositories"][0]
    assert (shown["imageTagMutability"], shown["imageScanningConfiguration"]) == ("IMMUTABLE", {"scanOnPush": True})
    arn = made["repositoryArn"]
    ecr.tag_resource(resourceArn=arn, tags=[{"Key": "b", "Value": "2"}])
    ecr.untag_resource(resourceArn=arn, tagKeys=["a"])
    assert ecr.list_tags_for_resource(resourceArn=arn)["tags"] == [{"Key": "b", "Value": "2"}]
    ecr.delete_repository(repositoryName="life")
    code, message = refusal(ecr.describe_repositories, repositoryNames=["life"])
    assert code == "RepositoryNotFoundException"
    assert message == (f"The repository with name 'life' does not exist in the registry with id '{sandbox.account}'")


def test_policies(ecr: Any) -> None:
    """Access and lifecycle policies are kept as they came; a missing one is an error of its own."""
    ecr.create_repository(repositoryName="policed")
    assert refusal(ecr.get_repository_policy, repositoryName="policed")[0] == "RepositoryPolicyNotFoundException"
    assert refusal(ecr.get_lifecycle_policy, repositoryName="policed")[0] == "LifecyclePolicyNotFoundException"
    ecr.set_repository_policy(repositoryName="policed", policyText=POLICY)
    ecr.put_lifecycle_policy(repositoryName="policed", lifecyclePolicyText=RULES)
    assert ecr.get_repository_policy(repositoryName="policed")["policyText"] == POLICY
    assert ecr.get_lifecycle_policy(repositoryName="policed")["lifecyclePolicyText"] == RULES
    assert ecr.delete_repository_policy(repositoryName="policed")["policyText"] == POLICY
    assert ecr.delete_lifecycle_policy(repositoryName="policed")["lifecyclePolicyText"] == RULES
    assert refusal(ecr.get_repository_policy, repositoryName="policed")[0] == "RepositoryPolicyNotFoundException"


def test_refusals(ecr: Any) -> None:
    """A name taken, a policy that is no JSON (two statements may share a Sid), an ARN of something else."""
    ecr.create_repository(repositoryName="taken")
    assert refusal(ecr.create_repository, repositoryName="taken")[0] == "RepositoryAlreadyExistsException"
    bad = {"repositoryName": "taken", "policyText": "x"}
    assert refusal(ecr.set_repository_policy, **bad)[0] == "InvalidParameterException"
    actionless = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*"}]})
    assert refusal(ecr.set_repository_policy, repositoryName="taken", policyText=actionless) == (
        "InvalidParameterException",
        "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid repository policy provided'",
    )
    root = {"Sid": "root", "Effect": "Allow", "Principal": "*", "Action": ["ecr:PutImage"]}
    twice = json.dumps({"Version": "2012-10-17", "Statement": [root, root]})
    assert ecr.set_repository_policy(repositoryName="taken", policyText=twice)["policyText"] == twice
    elsewhere = "arn:aws:sqs:us-east-1:123456789012:taken"
    assert refusal(ecr.list_tags_for_resource, resourceArn=elsewhere)[0] == "InvalidParameterException"


def test_pages(ecr: Any) -> None:
    """Listings go on where they stopped."""
    for name in ("page-a", "page-b", "page-c"):
        ecr.create_repository(repositoryName=name)
    pages = ecr.get_paginator("describe_repositories").paginate(PaginationConfig={"PageSize": 2})
    names = [item["repositoryName"] for page in pages for item in page["repositories"]]
    assert [name for name in names if name.startswith("page-")] == ["page-a", "page-b", "page-c"]


def test_a_repository_with_ecrs_own_key(ecr: Any, sandbox: Any) -> None:
    """KMS without a key is AWS's key for ECR, which is shown."""
    made = ecr.create_repository(repositoryName="sealed", encryptionConfiguration={"encryptionType": "KMS"})
    key = made["repository"]["encryptionConfiguration"]["kmsKey"]
    described = sandbox.client("kms").describe_key(KeyId="alias/aws/ecr")["KeyMetadata"]
    assert (described["Arn"], described["KeyManager"]) == (key, "AWS")
