"""What other services may use: which API an id names, where it answers, who is connected to it, and what REST APIs have
in common with HTTP APIs: calling functions, keeping authorizers' verdicts, reading definitions."""

from __future__ import annotations

from mrak.core.context import Context, Transaction
from mrak.core.scope import Scope
from mrak.core.urls import resource_url
from mrak.services.apigatewayv2 import domains as domains
from mrak.services.apigatewayv2.openapi import parse_document
from mrak.services.apigatewayv2.plane.access_logs import write as write_access_log
from mrak.services.apigatewayv2.plane.authorizers import AuthorizerFailed, Decisions, Verdict, allows, parse_verdict
from mrak.services.apigatewayv2.plane.call import new_extended_id
from mrak.services.apigatewayv2.plane.connections import MOST_MESSAGE_BYTES, Connection, find_connection, send
from mrak.services.apigatewayv2.plane.events import group, render_time
from mrak.services.apigatewayv2.plane.functions import FunctionFailed, FunctionTimedOut, invoke_function
from mrak.services.apigatewayv2.plane.mapping import apply_stage_variables, body_value
from mrak.services.apigatewayv2.plane.principals import role_session
from mrak.services.apigatewayv2.plane.replies import as_text, is_header
from mrak.services.apigatewayv2.plane.templates import TemplateFailed, render_template
from mrak.services.apigatewayv2.plane.throttling import Buckets
from mrak.services.apigatewayv2.tables import INDEX, Indexed, Path

__all__ = [
    "MOST_MESSAGE_BYTES",
    "AuthorizerFailed",
    "Buckets",
    "Connection",
    "Decisions",
    "FunctionFailed",
    "FunctionTimedOut",
    "Path",
    "TemplateFailed",
    "Verdict",
    "allows",
    "api_url",
    "apply_stage_variables",
    "as_text",
    "body_value",
    "domains",
    "find_api_scope",
    "find_connection",
    "forget_api_id",
    "forget_decisions",
    "group",
    "invoke_function",
    "is_header",
    "new_api_id",
    "new_extended_id",
    "parse_document",
    "parse_verdict",
    "render_template",
    "render_time",
    "role_session",
    "send",
    "write_access_log",
]


def forget_decisions(ctx: Context, api_id: str, stage: str) -> None:
    """Authorizers are asked anew."""
    ctx.live(Decisions).forget(api_id, stage)


def new_api_id(ctx: Context, tx: Transaction, protocol: str) -> str:
    """A fresh id of an API, entered in the index; `protocol` is HTTP, WEBSOCKET or REST."""
    scope = ctx.scope.environment_wide()
    while True:
        api_id = ctx.resource_id(10)
        if INDEX.open(tx, scope, api_id) is None:
            INDEX.insert(tx, scope, Indexed(api_id, ctx.scope.account, ctx.scope.region, protocol))
            return api_id


def forget_api_id(tx: Transaction, scope: Scope, api_id: str) -> None:
    indexed = INDEX.open(tx, scope.environment_wide(), api_id)
    if indexed is not None:
        INDEX.delete(tx, scope.environment_wide(), indexed)


def find_api_scope(tx: Transaction, environment: str, api_id: str) -> tuple[Scope, str] | None:
    """(scope, protocol) of the API that an id names in an environment."""
    indexed = INDEX.get(tx, Scope(environment, "", ""), api_id)
    return None if indexed is None else (Scope(environment, indexed.account, indexed.region), indexed.protocol)


def api_url(ctx: Context, api_id: str) -> str:
    """Where an API answers, for a caller that came by `ctx.endpoint`."""
    return resource_url(ctx.endpoint, "execute-api", api_id)
