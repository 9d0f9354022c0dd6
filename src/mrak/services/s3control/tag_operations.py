"""Tags of buckets and access points by their ARN.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_TagResource.html
"""

from __future__ import annotations

from typing import Any

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.services.s3 import exports as s3
from mrak.services.s3control.errors import check_account


@operation("ListTagsForResource")
def list_tags_for_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    check_account(ctx, req)
    tags = s3.find_tags(ctx, tx, req["ResourceArn"])
    return {"Tags": [{"Key": key, "Value": value} for key, value in sorted(tags.items())]}


@operation("TagResource")
def tag_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    check_account(ctx, req)
    tags = s3.find_tags(ctx, tx, req["ResourceArn"])
    s3.set_tags(ctx, tx, req["ResourceArn"], tags | {tag["Key"]: tag["Value"] for tag in req.get("Tags", ())})
    return {}


@operation("UntagResource")
def untag_resource(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    check_account(ctx, req)
    tags = s3.find_tags(ctx, tx, req["ResourceArn"])
    kept = {key: value for key, value in tags.items() if key not in req.get("TagKeys", ())}
    s3.set_tags(ctx, tx, req["ResourceArn"], kept)
    return {}
