"""Custom domain names in front of REST and HTTP APIs: mapped paths, targets, what is not mapped."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from tests.conftest import Sandbox
from tests.contract.apigateway import Answer, fetch, serve_upstream

CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/c"


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    with serve_upstream() as url:
        yield url


def ask(sandbox: Sandbox, name: str, path: str) -> Answer:
    """A request to a custom name, here under the sandbox's own."""
    return fetch(f"http://{name}.execute-api.{sandbox.name}.localhost:{sandbox.server.port}{path}")


@pytest.fixture(scope="module")
def rest_api(sandbox: Sandbox, upstream: str) -> str:
    """GET /pets of the stage `live`."""
    gateway = sandbox.client("apigateway")
    api = gateway.create_rest_api(name="pets")
    pets = gateway.create_resource(restApiId=api["id"], parentId=api["rootResourceId"], pathPart="pets")["id"]
    method = {"restApiId": api["id"], "resourceId": pets, "httpMethod": "GET"}
    gateway.put_method(**method, authorizationType="NONE")
    gateway.put_integration(**method, type="HTTP_PROXY", integrationHttpMethod="GET", uri=f"{upstream}/rest")
    gateway.create_deployment(restApiId=api["id"], stageName="live")
    return str(api["id"])


@pytest.fixture(scope="module")
def http_api(sandbox: Sandbox, upstream: str) -> str:
    """ANY /{proxy+} of the stage `$default`, which deploys by itself."""
    gateway = sandbox.client("apigatewayv2")
    api = gateway.create_api(Name="dogs", ProtocolType="HTTP")["ApiId"]
    proxied = {"IntegrationType": "HTTP_PROXY", "IntegrationMethod": "ANY", "PayloadFormatVersion": "1.0"}
    made = gateway.create_integration(ApiId=api, IntegrationUri=f"{upstream}/http/{{proxy}}", **proxied)
    gateway.create_route(ApiId=api, RouteKey="ANY /{proxy+}", Target=f"integrations/{made['IntegrationId']}")
    gateway.create_stage(ApiId=api, StageName="$default", AutoDeploy=True)
    return str(api)


def test_mapped_paths_of_rest_apis(sandbox: Sandbox, rest_api: str) -> None:
    """A base path leads to a stage, none to any stage by its name; a change of the mapping counts at once. What APIs
    see of it is their own name and path (APIGW-003)."""
    gateway, name = sandbox.client("apigateway"), "rest.example.com"
    configuration = {"types": ["REGIONAL"]}
    made = gateway.create_domain_name(
        domainName=name, regionalCertificateArn=CERTIFICATE, endpointConfiguration=configuration
    )
    assert ask(sandbox, name, "/shop/pets").status == 403
    gateway.create_base_path_mapping(domainName=name, basePath="shop", restApiId=rest_api, stage="live")
    assert ask(sandbox, name, "/shop/pets").json["path"] == "/rest"
    assert ask(sandbox, name, "/live/pets").status == 403
    gateway.create_base_path_mapping(domainName=name, restApiId=rest_api)
    assert ask(sandbox, name, "/live/pets").json["path"] == "/rest"
    target = made["regionalDomainName"].partition(".")[0]
    assert ask(sandbox, target, "/shop/pets").status == 200
    moved = [{"op": "replace", "path": "/basePath", "value": "store"}]
    gateway.update_base_path_mapping(domainName=name, basePath="shop", patchOperations=moved)
    assert ask(sandbox, name, "/store/pets").status == 200
    gateway.delete_base_path_mapping(domainName=name, basePath="store")
    gateway.delete_base_path_mapping(domainName=name, basePath="(none)")
    assert ask(sandbox, name, "/store/pets").status == 403
    gateway.delete_domain_name(domainName=name)
    assert ask(sandbox, name, "/live/pets").status == 404


def test_mapped_paths_of_http_apis(sandbox: Sandbox, rest_api: str, http_api: str) -> None:
    """The longest key wins, keys have several levels, and a target is a name of its own."""
    gateway, name = sandbox.client("apigatewayv2"), "http.example.com"
    configuration = {"CertificateArn": CERTIFICATE, "EndpointType": "REGIONAL"}
    made = gateway.create_domain_name(DomainName=name, DomainNameConfigurations=[configuration])
    mapping = {"DomainName": name, "ApiId": http_api, "Stage": "$default"}
    first = gateway.create_api_mapping(**mapping, ApiMappingKey="v1")
    second = gateway.create_api_mapping(**mapping, ApiMappingKey="v1/orders")
    assert ask(sandbox, name, "/v1/orders/7").json["path"] == "/http/7"
    assert ask(sandbox, name, "/v1/other/7").json["path"] == "/http/other/7"
    target = made["DomainNameConfigurations"][0]["ApiGatewayDomainName"].partition(".")[0]
    assert ask(sandbox, target, "/v1/orders/7").json["path"] == "/http/7"
    gateway.delete_api_mapping(ApiMappingId=second["ApiMappingId"], DomainName=name)
    assert ask(sandbox, name, "/v1/orders/7").json["path"] == "/http/orders/7"
    change = {"ApiId": http_api, "DomainName": name, "ApiMappingKey": "v2"}
    gateway.update_api_mapping(ApiMappingId=first["ApiMappingId"], **change)
    assert ask(sandbox, name, "/v2/x").status == 200
    assert ask(sandbox, name, "/v1/x").status == 403
    gateway.delete_domain_name(DomainName=name)
    assert ask(sandbox, name, "/v2/x").status == 404


def test_a_name_is_a_path_too(sandbox: Sandbox, http_api: str) -> None:
    """Where names do not resolve, a custom one stands in the path, as an API's id does."""
    gateway, name = sandbox.client("apigatewayv2"), "path.example.com"
    configuration = {"CertificateArn": CERTIFICATE, "EndpointType": "REGIONAL"}
    made = gateway.create_domain_name(DomainName=name, DomainNameConfigurations=[configuration])
    gateway.create_api_mapping(DomainName=name, ApiId=http_api, Stage="$default", ApiMappingKey="v1")
    target = made["DomainNameConfigurations"][0]["ApiGatewayDomainName"].partition(".")[0]
    port = sandbox.server.port
    assert fetch(f"http://localhost:{port}/_aws/execute-api/{target}/v1/x").json["path"] == "/http/x"
    named = fetch(f"http://{sandbox.name}.localhost:{port}/_aws/execute-api/{name}/v1/x")
    assert json.loads(named.body)["path"] == "/http/x"


def test_without_a_name(sandbox: Sandbox) -> None:
    """A name that nobody has made is not found."""
    assert ask(sandbox, "nobody.example.com", "/").status == 404
