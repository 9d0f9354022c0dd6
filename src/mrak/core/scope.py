"""Where a request lives: environment, account and region, made once by the router and mixed into every key."""

from __future__ import annotations

import msgspec

DEFAULT_ENVIRONMENT = "default"
DEFAULT_ACCOUNT = "000000000000"
DEFAULT_REGION = "us-east-1"


class Scope(msgspec.Struct, frozen=True, cache_hash=True):
    """A cloud's coordinates. `region` is "" for what is global in an account, `account` "" for what is global in
    an environment (S3 bucket names)."""

    environment: str
    account: str
    region: str

    def account_wide(self) -> Scope:
        """The scope of what an account has once for all regions (IAM, CloudFront)."""
        return Scope(self.environment, self.account, "")

    def environment_wide(self) -> Scope:
        """The scope of what exists once in an environment (S3 bucket names)."""
        return Scope(self.environment, "", "")

    def in_region(self, region: str) -> Scope:
        return Scope(self.environment, self.account, region)

    def in_account(self, account: str) -> Scope:
        return Scope(self.environment, account, self.region)

    @property
    def partition(self) -> str:
        if self.region.startswith("cn-"):
            return "aws-cn"
        return "aws-us-gov" if self.region.startswith("us-gov-") else "aws"
