"""Connections: how an API destination's requests are authorised. Their secrets are in Secrets Manager, as at AWS, and
never in an answer of ours."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from mrak.auth.principals import service_principal
from mrak.core.arn import arn
from mrak.core.context import Context, Transaction
from mrak.core.deviations import deviation
from mrak.core.errors import ApiError
from mrak.core.operation import operation
from mrak.core.scope import Scope
from mrak.lang import inputtransform
from mrak.services.events import errors, pages
from mrak.services.events.matching import SERVICE
from mrak.services.events.tables import CONNECTIONS, Connection

_DEAUTHORIZED = "The authorization parameters were removed from this connection by a DeauthorizeConnection operation."


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
    _check_auth("create", req["AuthorizationType"], req["AuthParameters"])
    identifier = ctx.draw.uuid()
    secret_arn = await _create_secret(ctx, name, req["AuthParameters"])
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


_KINDS = {
    "BASIC": ("BasicAuthParameters", ("Username", "Password")),
    "API_KEY": ("ApiKeyAuthParameters", ("ApiKeyName", "ApiKeyValue")),
    "OAUTH_CLIENT_CREDENTIALS": ("OAuthParameters", ("ClientParameters", "AuthorizationEndpoint", "HttpMethod")),
}
_CLIENT = ("ClientID", "ClientSecret")


def _check_auth(verb: str, authorization_type: str, auth: dict[str, Any]) -> None:
    kind, needed = _KINDS[authorization_type]
    given = auth.get(kind) or {}
    has_all = all(name in given for name in needed)
    if not has_all or ("ClientParameters" in needed and any(name not in given["ClientParameters"] for name in _CLIENT)):
        reason = f"{kind} with {', '.join(needed)} are required for the authorization type {authorization_type}."
        raise errors.validation(f"Failed to {verb} the connection(s). {reason}")


async def _create_secret(ctx: Context, name: str, auth: dict[str, Any]) -> str:
    secret = {"Name": f"events!connection/{name}/{ctx.draw.uuid()}", "SecretString": _render_secret(auth)}
    made: str = (await ctx.call("secretsmanager", "CreateSecret", secret))["ARN"]
    return made


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
    return inputtransform.compact(document | ({"invocation_http_parameters": added} if added else {}))


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
    await _call_as_owner(ctx, "DeleteSecret", {"SecretId": secret_arn, "ForceDeleteWithoutRecovery": True})


async def _call_as_owner(ctx: Context, action: str, params: dict[str, Any]) -> None:
    """The secret is EventBridge's own: nobody else may change it."""
    await ctx.call("secretsmanager", action, params, principal=service_principal(SERVICE, ctx.scope.account))


def _render_state(scope: Scope, connection: Connection) -> dict[str, Any]:
    return {
        "ConnectionArn": connection_arn(scope, connection),
        "ConnectionState": connection.state,
        "CreationTime": connection.created_at,
        "LastModifiedTime": connection.modified_at,
    }


@operation("UpdateConnection")
async def update_connection(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    """Recorded: what is not named stays, a password's user too. After a deauthorisation there is a new secret. Who
    changes the authorization meanwhile comes first."""
    before = await ctx.transact(lambda tx: _require(tx, ctx.scope, "describe", req["Name"]))
    given = _find_auth(before, req)
    secret_arn = before.secret_arn
    if given and not before.auth:
        secret_arn = await _create_secret(ctx, before.name, given)

    def update(tx: Transaction) -> Connection:
        old = _require(tx, ctx.scope, "describe", req["Name"])
        if (old.secret_arn, not old.auth) != (before.secret_arn, not before.auth):
            raise errors.changed_meanwhile(f"Connection {old.name}")
        new = replace(old, description=req.get("Description", old.description), modified_at=ctx.now)
        auth = _find_auth(old, req)
        if auth:
            kind = req.get("AuthorizationType", old.authorization_type)
            new = replace(
                new,
                authorization_type=kind,
                auth=auth,
                authorized_at=ctx.now,
                state=_state_of(kind),
                secret_arn=secret_arn,
            )
        CONNECTIONS.replace(tx, ctx.scope, old, new)
        return new

    try:
        connection = await ctx.transact(update)
    except ApiError:
        if secret_arn != before.secret_arn:
            await _delete_secret(ctx, secret_arn)
        raise
    ctx.about(connection_arn(ctx.scope, connection))
    if given and before.auth:
        text = _render_secret(connection.auth)
        await _call_as_owner(ctx, "PutSecretValue", {"SecretId": secret_arn, "SecretString": text})
    return {**_render_state(ctx.scope, connection), "LastAuthorizedTime": connection.authorized_at}


def _find_auth(old: Connection, req: dict[str, Any]) -> dict[str, Any]:
    """The parameters as they are to be; {} where they stay."""
    given = req.get("AuthParameters") or {}
    names_kind = "AuthorizationType" in req and any(kind in given for kind, _ in _KINDS.values())
    if not names_kind and "Description" not in req and "KmsKeyIdentifier" not in req:
        raise errors.validation(
            "Failed to update the connection(s). At least one of the following is required: Description, "
            "KmsKeyIdentifier, AuthorizationType with BasicAuthParameters, ApiKeyAuthParameters, or OAuthParameters."
        )
    if not given:
        return {}
    authorization_type = req.get("AuthorizationType", old.authorization_type)
    merged = _merge(old.auth, given) if authorization_type == old.authorization_type else given
    _check_auth("update", authorization_type, merged)
    return merged


def _merge(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    merged = {**old, **new}
    for name, value in new.items():
        if isinstance(value, dict) and isinstance(old.get(name), dict):
            merged[name] = _merge(old[name], value)
    return merged


@operation("DeauthorizeConnection")
async def deauthorize_connection(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    def deauthorize(tx: Transaction) -> Connection:
        old = _require(tx, ctx.scope, "deauthorize", req["Name"])
        new = replace(old, state="DEAUTHORIZED", auth={}, modified_at=ctx.now)
        CONNECTIONS.replace(tx, ctx.scope, old, new)
        return new

    connection = await ctx.transact(deauthorize)
    ctx.about(connection_arn(ctx.scope, connection))
    await _delete_secret(ctx, connection.secret_arn)
    shown = {**_render_state(ctx.scope, connection), "LastAuthorizedTime": connection.authorized_at}
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
    if connection.state == "DEAUTHORIZED":
        shown["StateReason"] = _DEAUTHORIZED
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
            {"IsValueSecret": False}
            | {name: value for name, value in row.items() if name != "Value" or not row.get("IsValueSecret")}
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
