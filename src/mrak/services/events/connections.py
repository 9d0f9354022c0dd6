"""Connections: how an API destination's requests are authorised. Their secrets are in Secrets Manager, as at AWS, and
never in an answer of ours."""

from __future__ import annotations

import json
from typing import Any

from msgspec.structs import replace

from mrak.core.arn import arn
from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.operation import operation
from mrak.core.scope import Scope
from mrak.services.events import errors, pages
from mrak.services.events.tables import CONNECTIONS, Connection


def connection_arn(scope: Scope, connection: Connection) -> str:
    return arn(scope, "events", f"connection/{connection.name}/{connection.id}")


def find_by_arn(tx: Transaction, scope: Scope, text: str) -> Connection | None:
    """The connection of an ARN; None where it was deleted, or made anew under its name."""
    parts = text.rpartition("connection/")[2].split("/")
    connection = CONNECTIONS.get(tx, scope, parts[0])
    return connection if connection is not None and connection_arn(scope, connection) == text else None


def _require(tx: Transaction, scope: Scope, verb: str, name: str) -> Connection:
    connection = CONNECTIONS.open(tx, scope, name)
    if connection is None:
        raise errors.no_connection(verb, name)
    return connection


def _state_of(authorization_type: str) -> str:
    return "AUTHORIZING" if authorization_type == "OAUTH_CLIENT_CREDENTIALS" else "AUTHORIZED"


@operation("CreateConnection")
async def create_connection(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    """Puts the secrets into Secrets Manager first, as AWS does; a connection that then exists takes them out again."""
    name = req["Name"]

    def check_free(tx: Transaction) -> None:
        if CONNECTIONS.get(tx, ctx.scope, name) is not None:
            raise errors.already_exists(f"Connection {name}")

    await ctx.transact(check_free)
    identifier = ctx.draw.uuid()
    secret_name = f"events!connection/{name}/{ctx.draw.uuid()}"
    secret = {"Name": secret_name, "SecretString": _render_secret(req["AuthParameters"])}
    secret_arn = (await ctx.call("secretsmanager", "CreateSecret", secret))["ARN"]
    connection = Connection(
        name=name,
        id=identifier,
        authorization_type=req["AuthorizationType"],
        auth=req["AuthParameters"],
        created_at=ctx.now,
        modified_at=ctx.now,
        authorized_at=ctx.now,
        state=_state_of(req["AuthorizationType"]),
        description=req.get("Description", ""),
        secret_arn=secret_arn,
    )
    ctx.about(connection_arn(ctx.scope, connection))

    def insert(tx: Transaction) -> bool:
        if CONNECTIONS.open(tx, ctx.scope, name) is not None:
            return False
        CONNECTIONS.insert(tx, ctx.scope, connection)
        return True

    if not await ctx.transact(insert):
        await _delete_secret(ctx, secret_arn)
        raise errors.already_exists(f"Connection {name}")
    return _render_state(ctx.scope, connection)


_ADDED = {
    "HeaderParameters": "header_parameters",
    "QueryStringParameters": "query_string_parameters",
    "BodyParameters": "body_parameters",
}


def _render_secret(auth: dict[str, Any]) -> str:
    """What the connection's secret holds (recorded)."""
    document: dict[str, Any] = {}
    if "BasicAuthParameters" in auth:
        basic = auth["BasicAuthParameters"]
        document = {"username": basic["Username"], "password": basic["Password"]}
    elif "ApiKeyAuthParameters" in auth:
        key = auth["ApiKeyAuthParameters"]
        document = {"api_key_name": key["ApiKeyName"], "api_key_value": key["ApiKeyValue"]}
    elif "OAuthParameters" in auth:
        oauth = auth["OAuthParameters"]
        document = {
            "client_id": oauth["ClientParameters"]["ClientID"],
            "client_secret": oauth["ClientParameters"]["ClientSecret"],
            "authorization_endpoint": oauth["AuthorizationEndpoint"],
            "http_method": oauth["HttpMethod"],
        }
    added = _render_added(auth.get("InvocationHttpParameters", {}))
    return json.dumps(document | ({"invocation_http_parameters": added} if added else {}))


def _render_added(given: dict[str, Any]) -> dict[str, Any]:
    """What a connection adds to its requests, as its secret says it (verified for headers)."""
    return {
        inside: [
            {"key": each["Key"], "value": each["Value"], "is_value_secret": each.get("IsValueSecret", False)}
            for each in given[outside]
        ]
        for outside, inside in _ADDED.items()
        if given.get(outside)
    }


async def _delete_secret(ctx: Context, secret_arn: str) -> None:
    await ctx.call("secretsmanager", "DeleteSecret", {"SecretId": secret_arn, "ForceDeleteWithoutRecovery": True})


def _render_state(scope: Scope, connection: Connection) -> dict[str, Any]:
    return {
        "ConnectionArn": connection_arn(scope, connection),
        "ConnectionState": connection.state,
        "CreationTime": connection.created_at,
        "LastModifiedTime": connection.modified_at,
    }


@operation("UpdateConnection")
async def update_connection(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    def update(tx: Transaction) -> Connection:
        old = _require(tx, ctx.scope, "describe", req["Name"])
        authorization_type = req.get("AuthorizationType", old.authorization_type)
        new = replace(
            old,
            description=req.get("Description", old.description),
            authorization_type=authorization_type,
            auth=req.get("AuthParameters", old.auth),
            modified_at=ctx.now,
            authorized_at=ctx.now,
            state=_state_of(authorization_type),
        )
        CONNECTIONS.replace(tx, ctx.scope, old, new)
        return new

    connection = await ctx.transact(update)
    ctx.about(connection_arn(ctx.scope, connection))
    if "AuthParameters" in req:
        secret = {"SecretId": connection.secret_arn, "SecretString": _render_secret(connection.auth)}
        await ctx.call("secretsmanager", "PutSecretValue", secret)
    return {**_render_state(ctx.scope, connection), "LastAuthorizedTime": connection.authorized_at}


@operation("DeauthorizeConnection")
def deauthorize_connection(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    old = _require(tx, ctx.scope, "deauthorize", req["Name"])
    ctx.about(connection_arn(ctx.scope, old))
    new = replace(old, state="DEAUTHORIZED", auth={}, modified_at=ctx.now)
    CONNECTIONS.replace(tx, ctx.scope, old, new)
    shown = {**_render_state(ctx.scope, new), "LastAuthorizedTime": new.authorized_at}
    return shown | {"ConnectionState": "DEAUTHORIZING"}


@operation("DeleteConnection")
async def delete_connection(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    def delete(tx: Transaction) -> Connection:
        connection = _require(tx, ctx.scope, "delete", req["Name"])
        CONNECTIONS.delete(tx, ctx.scope, connection)
        return connection

    connection = await ctx.transact(delete)
    ctx.about(connection_arn(ctx.scope, connection))
    await _delete_secret(ctx, connection.secret_arn)
    shown = {**_render_state(ctx.scope, connection), "LastAuthorizedTime": connection.authorized_at}
    return shown | {"ConnectionState": "DELETING"}


@operation("DescribeConnection")
def describe_connection(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    connection = _require(tx, ctx.scope, "describe", req["Name"])
    ctx.about(connection_arn(ctx.scope, connection))
    deviation("EVENTS-001")
    shown = {
        **_render(ctx.scope, connection),
        "AuthParameters": _without_secrets(connection.auth),
        "SecretArn": connection.secret_arn,
    }
    return shown | ({"Description": connection.description} if connection.description else {})


def _without_secrets(auth: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    if "BasicAuthParameters" in auth:
        shown["BasicAuthParameters"] = {"Username": auth["BasicAuthParameters"]["Username"]}
    if "ApiKeyAuthParameters" in auth:
        shown["ApiKeyAuthParameters"] = {"ApiKeyName": auth["ApiKeyAuthParameters"]["ApiKeyName"]}
    if "OAuthParameters" in auth:
        oauth = auth["OAuthParameters"]
        shown["OAuthParameters"] = {
            "AuthorizationEndpoint": oauth["AuthorizationEndpoint"],
            "HttpMethod": oauth["HttpMethod"],
            "ClientParameters": {"ClientID": oauth["ClientParameters"]["ClientID"]},
        }
        if "OAuthHttpParameters" in oauth:
            shown["OAuthParameters"]["OAuthHttpParameters"] = _without_values(oauth["OAuthHttpParameters"])
    if "InvocationHttpParameters" in auth:
        shown["InvocationHttpParameters"] = _without_values(auth["InvocationHttpParameters"])
    return shown


def _without_values(parameters: dict[str, Any]) -> dict[str, Any]:
    """Parameters without the values of those that are secret."""
    return {
        place: [
            {name: value for name, value in row.items() if name != "Value" or not row.get("IsValueSecret")}
            for row in rows
        ]
        for place, rows in parameters.items()
    }


def _render(scope: Scope, connection: Connection) -> dict[str, Any]:
    return {
        **_render_state(scope, connection),
        "Name": connection.name,
        "AuthorizationType": connection.authorization_type,
        "LastAuthorizedTime": connection.authorized_at,
    }


@operation("ListConnections")
def list_connections(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    prefix, after = req.get("NamePrefix", ""), pages.read_position(req)
    rows = CONNECTIONS.scan(tx, ctx.scope, since=None if after else prefix or None, after=after)
    named = pages.with_prefix(rows, prefix, lambda connection: connection.name)
    wanted = (row for row in named if req.get("ConnectionState") in (None, row.state))
    return pages.render(
        req, "Connections", wanted, lambda connection: connection.name, lambda row: _render(ctx.scope, row)
    )
