"""Amazon S3 Control: access points, tags by ARN, an account's block of public access. The rows are S3's own."""

from mrak.services.s3control import account_operations, point_operations, tag_operations

__all__ = ["account_operations", "point_operations", "tag_operations"]
