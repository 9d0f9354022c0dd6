"""Which service and protocol a request is for. The table is total: every request gets a route or a named error.

In order: our own paths; hosts of resources (buckets, APIs, function URLs, distributions); LocalStack's path forms;
the X-Amz-Target header; RPC v2 paths; the credential scope's signing name; a host that names a service; the form's
Action; REST paths that only one service has. What is left is S3, which answers anonymous requests for any path.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from urllib.parse import parse_qsl, unquote

import msgspec

from mrak.auth.signature import Signature
from mrak.core.http import Request
from mrak.gateway.hosts import RESERVED_NAMES, HostParts, parse_host
from mrak.protocol import model


class Route(msgspec.Struct, frozen=True):
    """Where a request goes. `plane` is "" for a service's operations, else the data plane ("execute-api", ...), and
    `resource` the bucket, API or distribution that its host or path names. `path` is what is left of the path.
    `account` is the one that an unsigned link names."""

    service: str
    protocol: str = ""
    plane: str = ""
    resource: str = ""
    path: str = ""
    region: str = ""
    environment: str = ""
    account: str = ""


_PLANES = {
    "execute-api": "apigatewayv2",
    "lambda-url": "lambda",
    "cloudfront": "cloudfront",
    "s3-website": "s3",
    "cognito-idp": "cognito-idp",
    "cloudformation-response": "cloudformation",
}
_PLANE_PATH = re.compile(
    r"/_aws/(execute-api|lambda-url|cloudfront|cloudformation-response)/([A-Za-z0-9][A-Za-z0-9.-]*)(/.*)?"
)
# `@connections` of a WebSocket API is an operation on the API's own host, behind the stage's name.
_CONNECTIONS = re.compile(r"/[^/]*/(?:@|%40)(connections/[^/]+)")
_USER_REQUEST_PATH = re.compile(r"/restapis/([A-Za-z0-9]+)/([^/]+)/_user_request_(/.*)?")
_RPC_PATH = re.compile(r"/service/([^/]+)/operation/[^/]+")
# A user pool's pages, by its domain or id, and its keys, which stand under the issuer's own path.
_HOSTED_PAGES = re.compile(r"/_aws/cognito-idp/([^/]+)(/.*)?|/([a-z]{2}(?:-[a-z]+)+-\d_[A-Za-z0-9]+)(/\.well-known/.*)")

# Signing names that several services share, told apart by their REST paths.
_SHARED_PATHS = {
    "apigateway": (("/v2/", "apigatewayv2"), ("", "apigateway")),
    "s3": (("/v20180820/", "s3control"), ("", "s3")),
    "execute-api": (("", "apigatewaymanagementapi"),),
    "cloudfront": (("", "cloudfront"),),
}
# REST paths by which an unsigned request names its service.
_PATHS = (
    ("/2015-03-31/", "lambda"),
    ("/2017-10-31/", "lambda"),
    ("/2018-10-31/", "lambda"),
    ("/2019-09-25/", "lambda"),
    ("/2020-05-31/", "cloudfront"),
    ("/v2/apis", "apigatewayv2"),
    ("/restapis", "apigateway"),
    ("/v20180820/", "s3control"),
)
_FORM = "application/x-www-form-urlencoded"
_CBOR = "application/x-amz-cbor-"
_JSON_ASKED = re.compile(rb"(?:\A|&)ContentType=JSON(?:&|\Z)")
_SNS_CERTIFICATE = re.compile(r"/SimpleNotificationService-([0-9a-z]{32})\.pem")
# Links in SNS's notifications, which name no version.
_SNS_LINKS = frozenset({"ConfirmSubscription", "Unsubscribe"})
_SNS_LINK_ACCOUNT = re.compile(r"(?:Topic|Subscription)Arn=arn:[^:&]*:sns:[^:&]*:(\d{12}):")
_STS_ROLE_ACCOUNT = re.compile(r"(?:^|&)RoleArn=arn:[^:&]*:iam::(\d{12}):role/")


def route(request: Request, signature: Signature | None) -> Route:
    """The route of a request to a service that AWS has, built here or not, once `route_plane` has found none."""
    target = request.headers.get("x-amz-target")
    if target is not None and request.path == "/":
        known = _target_route(target.rpartition(".")[0], request.host, _target_protocol(request))
        if known is not None:
            return known
    host = parse_host(request.host)
    service, protocol = _service_of(request, signature, host)
    resource = _bucket_of(host) if service == "s3" else ""
    account = _named_account(request, service) if signature is None else ""
    return Route(service, protocol, "", resource, request.path, host.region, host.environment, account)


def _bucket_of(host: HostParts) -> str:
    """The bucket that a host names: S3's clients put it before the endpoint that they were given, whatever that is."""
    if host.kind == "s3" or (host.kind == "service" and host.name not in RESERVED_NAMES):
        return host.name
    return ""


@lru_cache(maxsize=1024)
def _target_route(prefix: str, host_name: str, protocol: str) -> Route | None:
    """The route of a request that its target and its host settle alone."""
    service = _targets().get(prefix)
    host = parse_host(host_name)
    return None if service is None else Route(service, protocol, "", "", "/", host.region, host.environment)


def _target_protocol(request: Request) -> str:
    """JSON, or what the SDKs for Java say in its place."""
    return "json-cbor" if request.headers.get("content-type", "").startswith(_CBOR) else "json"


def _named_account(request: Request, service: str) -> str:
    """The account that a request without a signature names: a link of SNS, or a role that a token is shown for."""
    found = None
    if service == "sns":
        found = _SNS_LINK_ACCOUNT.search(unquote(request.query))
    elif service == "sts":
        form = (request.body or b"")[:65536].decode("latin-1")
        found = _STS_ROLE_ACCOUNT.search(unquote(f"{request.query}&{form}"))
    return found[1] if found else ""


def route_plane(request: Request) -> Route | None:
    """The route of a request whose host or path names something that users built; None for all others."""
    host = parse_host(request.host)
    if host.kind in _PLANES:
        if host.kind == "execute-api" and (match := _CONNECTIONS.fullmatch(request.path)):
            return _connections(host.name, match[1], host)
        return Route(_PLANES[host.kind], "", host.kind, host.name, request.path, host.region, host.environment)
    path = request.path
    if path == "/":
        return None
    if path.startswith("/_aws/") and (match := _PLANE_PATH.fullmatch(path)):
        if match[1] == "execute-api" and match[3] and (inner := _CONNECTIONS.fullmatch(match[3])):
            return _connections(match[2], inner[1], host)
        return Route(_PLANES[match[1]], "", match[1], match[2], match[3] or "/", host.region, host.environment)
    if path.startswith("/restapis/") and (match := _USER_REQUEST_PATH.fullmatch(path)):
        rest = f"/{match[2]}{match[3] or '/'}"
        return Route("apigatewayv2", "", "execute-api", match[1], rest, host.region, host.environment)
    if (match := _HOSTED_PAGES.fullmatch(path)) and "x-amz-target" not in request.headers:
        name, rest = match[1] or match[3], match[2] or match[4] or "/"
        return Route("cognito-idp", "", "cognito-idp", name, rest, host.region, host.environment)
    if path.startswith("/SimpleNotificationService-") and (match := _SNS_CERTIFICATE.fullmatch(path)):
        return Route("sns", "", "sns-certificate", match[1], path, host.region, host.environment)
    return None


def _connections(api_id: str, path: str, host: HostParts) -> Route:
    return Route("apigatewaymanagementapi", "", "", api_id, f"/@{path}", host.region, host.environment)


def _service_of(request: Request, signature: Signature | None, host: HostParts) -> tuple[str, str]:
    """Service and protocol ("" = the service's only one)."""
    headers = request.headers
    target = headers.get("x-amz-target")
    if target is not None:
        service = _targets().get(target.rpartition(".")[0])
        if service is not None:
            return service, _target_protocol(request)
    if "smithy-protocol" in headers and (match := _RPC_PATH.fullmatch(request.path)):
        service = _rpc_service(match[1])
        if service is not None:
            return service, headers["smithy-protocol"].replace("rpc-v2-cbor", "smithy-rpc-v2-cbor")
    name = signature.service if signature is not None else ""
    if not name and host.kind == "service":
        name = host.name
    if name:
        found = _by_signing_name(name, request, target)
        if found is not None:
            return found
    return _unsigned(request)


def _by_signing_name(name: str, request: Request, target: str | None) -> tuple[str, str] | None:
    if name in _SHARED_PATHS:
        return next(service for start, service in _SHARED_PATHS[name] if request.path.startswith(start)), ""
    service = _signing_names().get(name)
    if service is None:
        return None
    if target is None and request.headers.get("content-type", "").startswith(_FORM):
        return service, _form_protocol(request)
    # SQS has always answered a GET of a queue's URL as the query protocol does, also one that names no action.
    if target is None and request.method == "GET" and ("Action=" in request.query or service == "sqs"):
        return service, _form_protocol(request)
    return service, ""


def _form_protocol(request: Request) -> str:
    """A form is answered in XML, or in JSON to those who accept nothing else, or ask for it as older SDKs do."""
    accepted = request.headers.get("accept", "")
    if accepted.startswith("application/json") and "xml" not in accepted:
        return "query-json"
    asks = _JSON_ASKED.search(request.body or b"") or "ContentType=JSON" in request.query
    return "query-json" if asks else "query"


def _unsigned(request: Request) -> tuple[str, str]:
    """An unsigned request names its service by a form's Version, by a path that only one has, or is for S3."""
    text = request.query
    if request.body and request.headers.get("content-type", "").startswith(_FORM):
        text = request.body[:65536].decode("latin-1")
    if "Action=" in text:
        fields = dict(parse_qsl(text))
        service = _versions().get(fields.get("Version", ""))
        if service is not None:
            return service, _form_protocol(request)
        if fields.get("Action") in _SNS_LINKS:
            return "sns", "query"
    for start, service in _PATHS:
        if request.path.startswith(start):
            return service, ""
    return "s3", ""


@cache
def _targets() -> dict[str, str]:
    rows = model.directory()
    # A service that we know wins over others with the same prefix.
    ordered = sorted(rows, key=lambda name: name in model.known_services())
    return {rows[name]["targetPrefix"]: name for name in ordered if "targetPrefix" in rows[name]}


@cache
def _signing_names() -> dict[str, str]:
    rows = model.directory()
    names: dict[str, str] = {}
    for preferred in (False, True):
        for service, row in rows.items():
            if (service in model.known_services()) is preferred:
                for name in (row["endpointPrefix"], row["signingName"]):
                    names[name] = service
    # Services that share a signing name and are told apart by their target prefix.
    return names | {"dynamodb": "dynamodb", "events": "events", "email": "ses"}


@cache
def _versions() -> dict[str, str]:
    """API versions of the services that speak the query protocol."""
    versions = {"2010-03-31": "sns", "2010-05-08": "iam", "2011-06-15": "sts", "2012-11-05": "sqs"}
    return versions | {"2010-05-15": "cloudformation", "2010-08-01": "cloudwatch"}


@cache
def _rpc_names() -> dict[str, str]:
    names = {}
    for service in model.known_services():
        row = model.directory().get(service, {})
        if "smithy-rpc-v2-cbor" in row.get("protocols", ()):
            names[row.get("targetPrefix") or service] = service
    return names


def _rpc_service(name: str) -> str | None:
    return _rpc_names().get(name)
