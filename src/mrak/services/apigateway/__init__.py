"""API Gateway's REST APIs. Importing this package registers operations and the data plane.

operations/   one function for each operation, by resource      plane/      what callers of an API meet
tables        rows and their invariants                         errors      whole messages
patches       patch operations                                  snapshots   deployments: what a stage serves
parts         what an API is made of                            openapi     definitions to import and export
quotas        what usage plans leave to their keys
"""

from mrak.services.apigateway import plane
from mrak.services.apigateway.operations import (
    accounts,
    apis,
    authorizers,
    certificates,
    definitions,
    deployments,
    documentation,
    domains,
    imports,
    integrations,
    invocations,
    keys,
    links,
    methods,
    models,
    plans,
    resources,
    responses,
    stages,
    validators,
)

__all__ = [
    "accounts",
    "apis",
    "authorizers",
    "certificates",
    "definitions",
    "deployments",
    "documentation",
    "domains",
    "imports",
    "integrations",
    "invocations",
    "keys",
    "links",
    "methods",
    "models",
    "plane",
    "plans",
    "resources",
    "responses",
    "stages",
    "validators",
]
