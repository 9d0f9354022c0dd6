"""AWS::ECR::Repository: a name for images, which every CDK bootstrap stack has."""

from __future__ import annotations

from mrak.core.resource import Resource, ResourceType, resource


@resource("AWS::ECR::Repository")
class Repository(ResourceType):
    name = "RepositoryName"
    longest_name = 256
    lower_case = True
    replacement = ("RepositoryName", "EncryptionConfiguration")
    create_operation = "CreateRepository"
    delete_operation = "DeleteRepository"
    identity = {"repositoryName": "{id}"}
    ref = "repository.repositoryName"
    attributes = {"Arn": "repository.repositoryArn", "RepositoryUri": "repository.repositoryUri"}
    tag_identity = {"resourceArn": "{Arn}"}

    async def create(self, res: Resource) -> None:
        await super().create(res)
        await self._policies(res)

    async def update(self, res: Resource) -> None:
        named = self.identify(res)
        if res.changed("ImageTagMutability"):
            mutability = res.properties.get("ImageTagMutability", "MUTABLE")
            await res.call("PutImageTagMutability", {**named, "imageTagMutability": mutability})
        if res.changed("ImageScanningConfiguration"):
            scanning = res.properties.get("ImageScanningConfiguration", {"scanOnPush": False})
            await res.call("PutImageScanningConfiguration", {**named, "imageScanningConfiguration": scanning})
        await self._policies(res)
        await self.retag(res)

    async def _policies(self, res: Resource) -> None:
        named = self.identify(res)
        text = res.properties.get("RepositoryPolicyText")
        before = res.old_properties.get("RepositoryPolicyText")
        if text != before:
            await res.call("SetRepositoryPolicy" if text else "DeleteRepositoryPolicy", {**named, "policyText": text})
        rules = res.properties.get("LifecyclePolicy", {}).get("LifecyclePolicyText")
        if rules != res.old_properties.get("LifecyclePolicy", {}).get("LifecyclePolicyText"):
            wanted = {**named, "lifecyclePolicyText": rules}
            await res.call("PutLifecyclePolicy" if rules else "DeleteLifecyclePolicy", wanted)
