"""API Gateway's HTTP and WebSocket APIs. Importing this package registers operations and the data plane.

operations/   one function for each operation, by resource      plane/     what callers of an API meet
parts         how parts of an API are kept                      rules      checks and defaults beyond the model
releases      deployments: what a stage serves                  openapi    definitions to import
responses     of routes and integrations                        errors     whole messages
tables        rows and their invariants                         exports    what other services may use
"""

from mrak.services.apigatewayv2 import plane
from mrak.services.apigatewayv2.operations import (
    apis,
    authorizers,
    definitions,
    domains,
    imports,
    integrations,
    links,
    models,
    routes,
    stages,
)

__all__ = [
    "apis",
    "authorizers",
    "definitions",
    "domains",
    "imports",
    "integrations",
    "links",
    "models",
    "plane",
    "routes",
    "stages",
]
