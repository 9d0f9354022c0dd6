"""Operations on an account's block of public access.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_PutPublicAccessBlock.html
"""

from __future__ import annotations

from typing import Any

from mrak.core.context import Context, Transaction
from mrak.core.errors import ApiError
from mrak.core.operation import operation
from mrak.services.s3 import exports as s3
from mrak.services.s3control.errors import check_account, malformed_xml


@operation("PutPublicAccessBlock", action="s3:PutAccountPublicAccessBlock")
def put_public_access_block(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    check_account(ctx, req)
    if req.get("PublicAccessBlockConfiguration") is None:
        raise malformed_xml()
    s3.set_account_block(tx, ctx.scope, s3.parse_blocks(req["PublicAccessBlockConfiguration"]))


@operation("GetPublicAccessBlock", action="s3:GetAccountPublicAccessBlock")
def get_public_access_block(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    check_account(ctx, req)
    bits = s3.find_account_block(tx, ctx.scope)
    if bits is None:
        message = "The public access block configuration was not found"
        raise ApiError("NoSuchPublicAccessBlockConfiguration", message, 404, {"AccountId": ctx.scope.account})
    return {"PublicAccessBlockConfiguration": s3.render_blocks(bits)}


@operation("DeletePublicAccessBlock", action="s3:PutAccountPublicAccessBlock")
def delete_public_access_block(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    check_account(ctx, req)
    s3.set_account_block(tx, ctx.scope, None)
