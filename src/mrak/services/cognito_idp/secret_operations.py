"""An app client's secrets: one, or two while its app goes over from the old one to the new one.

https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_AddUserPoolClientSecret.html
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.services.cognito_idp import errors, pools
from mrak.services.cognito_idp.tables import CLIENTS, Client


def _open(ctx: Context, tx: Transaction, req: dict[str, Any]) -> Client:
    pool = pools.require_pool(tx, ctx.scope, req["UserPoolId"])
    CLIENTS.lock(tx, ctx.scope, pool.id, req["ClientId"])
    return pools.require_client(tx, ctx.scope, pool.id, req["ClientId"])


def _made_at(client: Client) -> float:
    return client.secret_made_at or client.created_at


def _describe(client: Client, made_at: float) -> dict[str, Any]:
    return {"ClientSecretId": f"{client.id}--{int(made_at * 1000)}", "ClientSecretCreateDate": made_at}


@operation("AddUserPoolClientSecret")
def add_user_pool_client_secret(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    client = _open(ctx, tx, req)
    if not client.secret:
        raise errors.invalid(f"Client {client.id} is not configured with a secret.")
    if client.second_secret:
        raise errors.limit_exceeded("An app client can have 2 secrets at most.")
    made, given = ctx.draw.alphanumeric(51), req.get("ClientSecret", "")
    # The id of a secret is the time it was made.
    made_at = max(ctx.now, _made_at(client) + 0.001)
    changed = msgspec.structs.replace(client, second_secret=given or made, second_made_at=made_at)
    CLIENTS.replace(tx, ctx.scope, client, changed)
    shown = _describe(client, made_at)
    return {"ClientSecretDescriptor": shown if given else shown | {"ClientSecretValue": made}}


@operation("ListUserPoolClientSecrets")
def list_user_pool_client_secrets(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """Both at once, and never what they are."""
    pool = pools.require_pool(tx, ctx.scope, req["UserPoolId"])
    client = pools.require_client(tx, ctx.scope, pool.id, req["ClientId"])
    held = [_made_at(client)] if client.secret else []
    held += [client.second_made_at] if client.second_secret else []
    return {"ClientSecrets": [_describe(client, made_at) for made_at in held]}


@operation("DeleteUserPoolClientSecret")
def delete_user_pool_client_secret(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    """Whichever it is: what is left is the client's secret."""
    client, wanted = _open(ctx, tx, req), req["ClientSecretId"]
    is_first = bool(client.secret) and _describe(client, _made_at(client))["ClientSecretId"] == wanted
    is_second = bool(client.second_secret) and _describe(client, client.second_made_at)["ClientSecretId"] == wanted
    if not is_first and not is_second:
        raise errors.not_found(f"Client secret {wanted} does not exist.")
    if not client.second_secret:
        raise errors.invalid("The last secret of an app client cannot be deleted.")
    left = {"second_secret": "", "second_made_at": 0}
    if is_first:
        left |= {"secret": client.second_secret, "secret_made_at": client.second_made_at}
    CLIENTS.replace(tx, ctx.scope, client, msgspec.structs.replace(client, **left))
    return {}
