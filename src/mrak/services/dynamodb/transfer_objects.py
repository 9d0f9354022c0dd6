"""The objects of a bucket that an import or a bulk operation reads, and those that it writes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mrak.core.context import Context
from mrak.services.s3.exports import read_body


async def list_objects(ctx: Context, source: Mapping[str, Any]) -> list[tuple[str, int]]:
    """(key, size) of the objects under a prefix, in order; empty ones hold nothing."""
    params = {
        "Bucket": source["S3Bucket"],
        "Prefix": source.get("S3KeyPrefix", ""),
        "ExpectedBucketOwner": source["S3BucketOwner"],
    }
    found: list[tuple[str, int]] = []
    while True:
        page = await ctx.call("s3", "ListObjectsV2", params)
        found += ((it["Key"], it["Size"]) for it in page.get("Contents", []) if it["Size"])
        if "NextContinuationToken" not in page:
            return found
        params["ContinuationToken"] = page["NextContinuationToken"]


async def read_object(ctx: Context, source: Mapping[str, Any], key: str) -> bytes:
    answer = await ctx.call("s3", "GetObject", {"Bucket": source["S3Bucket"], "Key": key})
    return await read_body(answer["Body"])


async def write_object(ctx: Context, target: Mapping[str, Any], key: str, body: bytes) -> dict[str, Any]:
    """`target` has the members that exports and bulk operations share: bucket, owner and encryption."""
    params: dict[str, Any] = {"Bucket": target["S3Bucket"], "Key": key, "Body": body}
    if "S3BucketOwner" in target:
        params["ExpectedBucketOwner"] = target["S3BucketOwner"]
    if target.get("S3SseAlgorithm") == "KMS":
        params["ServerSideEncryption"] = "aws:kms"
        if "S3SseKmsKeyId" in target:
            params["SSEKMSKeyId"] = target["S3SseKmsKeyId"]
    return await ctx.call("s3", "PutObject", params)
