"""REST APIs' rows.

    APIS            (id)             -> Api           an API's settings
    RESOURCES       (api, id)        -> Resource      a path, with its methods, their integrations and responses
    AUTHORIZERS, MODELS, VALIDATORS, RESPONSES, DOCUMENTATION, VERSIONS, STAGES
                    (api, id)        -> Part          what else an API is made of, in AWS's spelling
    DEPLOYMENTS     (api, id)        -> Deployment    all of it as it was then
    KEYS            (id)             -> ApiKey        by value in KEYS_BY_VALUE
    PLANS           (id)             -> Plan          PLAN_KEYS (plan, key), by key in PLANS_BY_KEY
    USAGES          (plan, key, day) -> Usage         CERTIFICATES (id), stored
    DOMAINS (name), MAPPINGS (domain, path), LINKS (id), ACCOUNTS: stored

Invariants: everything of an API is one entity, opened with its APIS row; a resource's path is its parent's with its
part; a stage's `release` is the digest of its deployment's snapshot.
"""

from __future__ import annotations

from typing import Any

import msgspec

from mrak.store.tables import Table


class Api(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    id: str
    created_at: float
    root: str
    settings: dict[str, Any] = {}
    tags: dict[str, str] | None = None


class Resource(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """`methods` by HTTP method: PutMethod's members, methodResponses, and methodIntegration with its responses."""

    api: str
    id: str
    parent: str
    part: str
    path: str
    methods: dict[str, dict[str, Any]] = {}


class Part(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    api: str
    id: str
    settings: dict[str, Any]
    created_at: float = 0.0
    updated_at: float = 0.0
    release: str = ""
    tags: dict[str, str] = {}


class Deployment(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    api: str
    id: str
    created_at: float
    snapshot: bytes
    digest: str
    description: str | None = None


class ApiKey(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    id: str
    value: str
    settings: dict[str, Any]
    created_at: float
    updated_at: float
    tags: dict[str, str] = {}


class Plan(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    id: str
    settings: dict[str, Any]
    tags: dict[str, str] = {}


class PlanKey(msgspec.Struct, frozen=True, array_like=True):
    plan: str
    key: str


class Usage(msgspec.Struct, frozen=True, array_like=True):
    """How often a key was used in a plan with a quota on a day, and what UpdateUsage added to the quota then."""

    plan: str
    key: str
    day: str
    used: int = 0
    granted: int = 0


class Named(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """Something that is stored under a name, alone or below another."""

    id: str
    settings: dict[str, Any]
    parent: str = ""
    tags: dict[str, str] = {}


APIS = Table("apigateway.api", Api, key=("id",))
RESOURCES = Table("apigateway.resource", Resource, key=("api", "id"), entity=1)
AUTHORIZERS = Table("apigateway.authorizer", Part, key=("api", "id"), entity=1)
MODELS = Table("apigateway.model", Part, key=("api", "id"), entity=1)
VALIDATORS = Table("apigateway.validator", Part, key=("api", "id"), entity=1)
RESPONSES = Table("apigateway.gateway-response", Part, key=("api", "id"), entity=1)
DOCUMENTATION = Table("apigateway.documentation", Part, key=("api", "id"), entity=1)
VERSIONS = Table("apigateway.documentation-version", Part, key=("api", "id"), entity=1)
STAGES = Table("apigateway.stage", Part, key=("api", "id"), entity=1)
DEPLOYMENTS = Table("apigateway.deployment", Deployment, key=("api", "id"), entity=1)
KEYS = Table("apigateway.key", ApiKey, key=("id",))
KEYS_BY_VALUE = KEYS.index("value", ("value",))
PLANS = Table("apigateway.plan", Plan, key=("id",))
PLAN_KEYS = Table("apigateway.plan-key", PlanKey, key=("plan", "key"))
PLANS_BY_KEY = PLAN_KEYS.index("key", ("key",))
USAGES = Table("apigateway.usage", Usage, key=("plan", "key", "day"), entity=2)
CERTIFICATES = Table("apigateway.client-certificate", Named, key=("id",))
DOMAINS = Table("apigateway.domain", Named, key=("id",))
MAPPINGS = Table("apigateway.base-path", Named, key=("parent", "id"))
LINKS = Table("apigateway.vpc-link", Named, key=("id",))
ACCOUNTS = Table("apigateway.account", Named, key=("id",))

OF_AN_API: tuple[Table[Any], ...] = (
    RESOURCES,
    AUTHORIZERS,
    MODELS,
    VALIDATORS,
    RESPONSES,
    DOCUMENTATION,
    VERSIONS,
    STAGES,
    DEPLOYMENTS,
)
