"""API Gateway's rows, of HTTP and WebSocket APIs.

    INDEX                 (api)                  -> Indexed      which account and region an API is in; environment-wide
    APIS                  (id)                   -> Api          an API's settings
    ROUTES ...            (api, id)              -> Part         what an API is made of, in AWS's spelling
    ROUTE_RESPONSES ...   (api, parent, id)      -> Child        what a part is made of
    STAGES                (api, id)              -> Part         a stage; `release` is the digest of what it serves
    DEPLOYMENTS           (api, id)              -> Deployment   routes, integrations and authorizers as they were then
    DOMAINS (name), MAPPINGS (domain, id), LINKS (id): stored
    HOSTS                 (name)                 -> Host         which custom domain a host name is; environment-wide
    PATHS                 (domain, key)          -> Path         which stage of which API a path of it is

Invariants: everything of an API is one entity, opened with its APIS row; a stage's `release` is the digest of its
deployment's snapshot, so what is compiled from a snapshot may be cached by digest for ever.
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.store.tables import Table


class Indexed(msgspec.Struct, frozen=True, array_like=True):
    """`protocol` is HTTP, WEBSOCKET or REST."""

    id: str
    account: str
    region: str
    protocol: str


class Api(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    id: str
    created_at: float
    settings: dict[str, Any] = {}
    tags: dict[str, str] = {}


class Part(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    api: str
    id: str
    settings: dict[str, Any]
    created_at: float = 0.0
    updated_at: float = 0.0
    release: str = ""
    tags: dict[str, str] = {}


class Child(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    api: str
    parent: str
    id: str
    settings: dict[str, Any]


class Deployment(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """`snapshot` is msgpack of {"routes": [...], "integrations": {...}, "authorizers": {...}, ...}."""

    api: str
    id: str
    created_at: float
    snapshot: bytes
    digest: str
    description: str = ""
    automatic: bool = False


class Named(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """Something that is stored by itself."""

    id: str
    settings: dict[str, Any]
    tags: dict[str, str] = {}


class Mapping(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """A path of a domain that leads to a stage of an API."""

    domain: str
    id: str
    settings: dict[str, Any]


class Host(msgspec.Struct, frozen=True, array_like=True):
    """`name` is a custom name in lower case, or the first label of its target."""

    name: str
    domain: str


class Path(msgspec.Struct, frozen=True, array_like=True):
    """`key` is the mapped path without slashes around it; "" for all. Without a stage, its name comes next."""

    domain: str
    key: str
    api: str
    stage: str = ""


INDEX = Table("apigateway.index", Indexed, key=("id",))
APIS = Table("apigatewayv2.api", Api, key=("id",))
ROUTES = Table("apigatewayv2.route", Part, key=("api", "id"), entity=1)
INTEGRATIONS = Table("apigatewayv2.integration", Part, key=("api", "id"), entity=1)
AUTHORIZERS = Table("apigatewayv2.authorizer", Part, key=("api", "id"), entity=1)
MODELS = Table("apigatewayv2.model", Part, key=("api", "id"), entity=1)
STAGES = Table("apigatewayv2.stage", Part, key=("api", "id"), entity=1)
ROUTE_RESPONSES = Table("apigatewayv2.route-response", Child, key=("api", "parent", "id"), entity=1)
INTEGRATION_RESPONSES = Table("apigatewayv2.integration-response", Child, key=("api", "parent", "id"), entity=1)
DEPLOYMENTS = Table("apigatewayv2.deployment", Deployment, key=("api", "id"), entity=1)
DOMAINS = Table("apigatewayv2.domain", Named, key=("id",))
MAPPINGS = Table("apigatewayv2.mapping", Mapping, key=("domain", "id"), entity=1)
HOSTS = Table("apigateway.host", Host, key=("name",))
PATHS = Table("apigateway.path", Path, key=("domain", "key"), entity=1)
LINKS = Table("apigatewayv2.vpc-link", Named, key=("id",))

OF_AN_API: tuple[Table[Any], ...] = (
    ROUTES,
    INTEGRATIONS,
    AUTHORIZERS,
    MODELS,
    STAGES,
    ROUTE_RESPONSES,
    INTEGRATION_RESPONSES,
    DEPLOYMENTS,
)
