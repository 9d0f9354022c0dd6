"""HTTP APIs as boto3 manages them: each resource's life, and each error."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.conftest import error_of

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:f"


@pytest.fixture
def apis(sandbox: Any) -> Any:
    return sandbox.client("apigatewayv2")


@pytest.fixture
def api_id(apis: Any) -> str:
    return str(apis.create_api(Name="a", ProtocolType="HTTP")["ApiId"])


def test_an_api_has_aws_defaults(apis: Any, sandbox: Any) -> None:
    """The members of CreateApi's answer, and that GetApi says the same."""
    made = apis.create_api(Name="plain", ProtocolType="HTTP", Tags={"team": "a"})
    made.pop("ResponseMetadata")
    api_id = made["ApiId"]
    assert len(api_id) == 10
    assert made["ApiEndpoint"] == f"http://{api_id}.execute-api.localhost:{sandbox.server.port}"
    assert made["Tags"] == {"team": "a"}
    assert made["DisableExecuteApiEndpoint"] is False
    assert made["IpAddressType"] == "ipv4"
    read = apis.get_api(ApiId=api_id)
    read.pop("ResponseMetadata")
    assert read == made


def test_apis_are_listed_in_pages(fresh_sandbox: Any) -> None:
    """A page's token leads to the next, and all come exactly once."""
    apis = fresh_sandbox.client("apigatewayv2")
    made = {apis.create_api(Name=f"n{n}", ProtocolType="HTTP")["ApiId"] for n in range(5)}
    first = apis.get_apis(MaxResults="3")
    second = apis.get_apis(MaxResults="3", NextToken=first["NextToken"])
    assert [len(first["Items"]), len(second["Items"])] == [3, 2]
    assert {api["ApiId"] for api in first["Items"] + second["Items"]} == made
    assert "NextToken" not in second
    assert error_of(apis.get_apis, MaxResults="x")[0] == "BadRequestException"
    assert error_of(apis.get_apis, NextToken="%%%")[0] == "BadRequestException"


def test_an_api_changes_and_goes(apis: Any, api_id: str) -> None:
    """UpdateApi sets what is given; DeleteApi takes everything along."""
    changed = apis.update_api(ApiId=api_id, Description="new", CorsConfiguration={"AllowOrigins": ["*"]})
    assert (changed["Description"], changed["Name"]) == ("new", "a")
    assert changed["CorsConfiguration"] == {"AllowOrigins": ["*"]}
    apis.delete_api(ApiId=api_id)
    code, message, status = error_of(apis.get_api, ApiId=api_id)
    assert (code, status) == ("NotFoundException", 404)
    assert message.startswith("Invalid API identifier specified ") and message.endswith(f":{api_id}")
    assert error_of(apis.get_routes, ApiId=api_id)[2] == 404


def test_tags_of_apis_and_stages(apis: Any, api_id: str) -> None:
    """Tags are set, added to and removed by ARN."""
    apis.create_stage(ApiId=api_id, StageName="s", Tags={"x": "1"})
    arn = f"arn:aws:apigateway:us-east-1::/apis/{api_id}"
    apis.tag_resource(ResourceArn=arn, Tags={"a": "1", "b": "2"})
    apis.untag_resource(ResourceArn=arn, TagKeys=["a"])
    assert apis.get_tags(ResourceArn=arn)["Tags"] == {"b": "2"}
    assert apis.get_api(ApiId=api_id)["Tags"] == {"b": "2"}
    apis.tag_resource(ResourceArn=f"{arn}/stages/s", Tags={"y": "2"})
    assert apis.get_stage(ApiId=api_id, StageName="s")["Tags"] == {"x": "1", "y": "2"}
    assert error_of(apis.get_tags, ResourceArn="arn:aws:apigateway:us-east-1::/nothing")[0] == "BadRequestException"
    assert error_of(apis.get_tags, ResourceArn=f"{arn}/stages/none")[2] == 404
    assert error_of(apis.tag_resource, ResourceArn=arn, Tags={"aws:x": "1"})[0] == "BadRequestException"


def test_the_life_of_a_route(apis: Any, api_id: str) -> None:
    """Routes have AWS's defaults, and an integration in use can't be deleted."""
    integration = apis.create_integration(
        ApiId=api_id, IntegrationType="AWS_PROXY", IntegrationUri=FUNCTION, PayloadFormatVersion="2.0"
    )
    assert (integration["TimeoutInMillis"], integration["ConnectionType"]) == (30000, "INTERNET")
    assert integration["IntegrationMethod"] == "POST"
    target = f"integrations/{integration['IntegrationId']}"
    route = apis.create_route(ApiId=api_id, RouteKey="GET /a/{id}", Target=target)
    assert (route["AuthorizationType"], route["ApiKeyRequired"], route["Target"]) == ("NONE", False, target)
    code, message, status = error_of(apis.delete_integration, ApiId=api_id, IntegrationId=integration["IntegrationId"])
    assert (code, status) == ("ConflictException", 409)
    assert "GET /a/{id}" in message
    changed = apis.update_route(ApiId=api_id, RouteId=route["RouteId"], OperationName="op")
    assert (changed["OperationName"], changed["RouteKey"]) == ("op", "GET /a/{id}")
    assert [row["RouteId"] for row in apis.get_routes(ApiId=api_id)["Items"]] == [route["RouteId"]]
    apis.delete_route(ApiId=api_id, RouteId=route["RouteId"])
    assert error_of(apis.get_route, ApiId=api_id, RouteId=route["RouteId"])[:1] == ("NotFoundException",)
    apis.delete_integration(ApiId=api_id, IntegrationId=integration["IntegrationId"])
    assert apis.get_integrations(ApiId=api_id)["Items"] == []


@pytest.mark.parametrize("key", ["GET", "get /a", "GET a", "FETCH /a", "GET /{a+}/b", "GET /a{b}", "GET /a b"])
def test_a_malformed_route_key(apis: Any, api_id: str, key: str) -> None:
    """A route key is a method and a path, or $default."""
    assert error_of(apis.create_route, ApiId=api_id, RouteKey=key) == (
        "BadRequestException",
        "The provided route key is not formatted properly for HTTP protocol. "
        'Format should be "<HTTP METHOD> /<RESOURCE PATH>" or "$default"',
        400,
    )


def test_routes_that_are_in_each_others_way(apis: Any, api_id: str) -> None:
    """The same key twice, or keys that differ by a variable's name only."""
    apis.create_route(ApiId=api_id, RouteKey="GET /a/{id}")
    assert error_of(apis.create_route, ApiId=api_id, RouteKey="GET /a/{id}") == (
        "ConflictException",
        "Route with key GET /a/{id} already exists for this API",
        409,
    )
    assert error_of(apis.create_route, ApiId=api_id, RouteKey="GET /a/{name}")[0] == "ConflictException"
    assert error_of(apis.create_route, ApiId=api_id, RouteKey="GET /b", Target="integrations/none")[2] == 400


@pytest.mark.parametrize(
    "params",
    [
        {"IntegrationType": "MOCK"},
        {"IntegrationType": "AWS_PROXY", "IntegrationUri": "https://example.com", "PayloadFormatVersion": "2.0"},
        {"IntegrationType": "AWS_PROXY", "IntegrationUri": FUNCTION},
        {"IntegrationType": "AWS_PROXY", "IntegrationUri": FUNCTION, "PayloadFormatVersion": "3.0"},
        {"IntegrationType": "HTTP_PROXY", "IntegrationMethod": "GET"},
        {"IntegrationType": "HTTP_PROXY", "IntegrationUri": "https://example.com"},
    ],
)
def test_an_integration_that_http_apis_do_not_take(apis: Any, api_id: str, params: dict[str, Any]) -> None:
    """HTTP APIs take two types, each with what it needs."""
    code, _, status = error_of(apis.create_integration, ApiId=api_id, **params)
    assert (code, status) == ("BadRequestException", 400)


def test_the_life_of_an_authorizer(apis: Any, api_id: str) -> None:
    """An authorizer that a route uses stays; its name is unique; a JWT authorizer needs issuer and audience."""
    made = apis.create_authorizer(
        ApiId=api_id,
        Name="jwt",
        AuthorizerType="JWT",
        IdentitySource=["$request.header.Authorization"],
        JwtConfiguration={"Issuer": "https://issuer.example.com", "Audience": ["a"]},
    )
    again = {"ApiId": api_id, "Name": "jwt", "AuthorizerType": "REQUEST", "IdentitySource": ["$request.header.a"]}
    assert error_of(apis.create_authorizer, **again, AuthorizerUri=FUNCTION)[0] == "BadRequestException"
    route = apis.create_route(
        ApiId=api_id, RouteKey="GET /a", AuthorizationType="JWT", AuthorizerId=made["AuthorizerId"]
    )
    assert error_of(apis.delete_authorizer, ApiId=api_id, AuthorizerId=made["AuthorizerId"])[0] == "ConflictException"
    assert error_of(apis.update_route, ApiId=api_id, RouteId=route["RouteId"], AuthorizationType="CUSTOM")[2] == 400
    for wrong in ({}, {"Issuer": "https://a.b"}, {"Audience": ["x"]}):
        params = {"ApiId": api_id, "Name": "w", "AuthorizerType": "JWT", "IdentitySource": ["$request.header.a"]}
        assert error_of(apis.create_authorizer, **params, JwtConfiguration=wrong)[2] == 400
    apis.delete_route(ApiId=api_id, RouteId=route["RouteId"])
    apis.delete_authorizer(ApiId=api_id, AuthorizerId=made["AuthorizerId"])
    assert error_of(apis.get_authorizer, ApiId=api_id, AuthorizerId=made["AuthorizerId"])[2] == 404


def test_request_authorizers(apis: Any, api_id: str) -> None:
    """A Lambda authorizer needs a function and a payload version, and keeps results for five minutes by default."""
    params = {"ApiId": api_id, "Name": "r", "AuthorizerType": "REQUEST", "IdentitySource": ["$request.header.a"]}
    assert error_of(apis.create_authorizer, **params)[2] == 400
    assert error_of(apis.create_authorizer, **params, AuthorizerUri=FUNCTION)[2] == 400
    made = apis.create_authorizer(**params, AuthorizerUri=FUNCTION, AuthorizerPayloadFormatVersion="2.0")
    assert (made["AuthorizerResultTtlInSeconds"], made["EnableSimpleResponses"]) == (300, False)
    assert error_of(apis.create_route, ApiId=api_id, RouteKey="GET /a", AuthorizationType="CUSTOM")[2] == 400
    wrong = {"AuthorizationType": "CUSTOM", "AuthorizerId": "none"}
    assert error_of(apis.create_route, ApiId=api_id, RouteKey="GET /a", **wrong)[2] == 400


def test_stages_and_deployments(apis: Any, api_id: str) -> None:
    """A deployment needs a route; one that a stage serves stays; stage variables merge."""
    assert error_of(apis.create_deployment, ApiId=api_id) == (
        "BadRequestException",
        "At least one route is required before deploying the Api.",
        400,
    )
    apis.create_route(ApiId=api_id, RouteKey="GET /a")
    deployment = apis.create_deployment(ApiId=api_id, Description="d")
    deployment_id = deployment["DeploymentId"]
    assert (deployment["AutoDeployed"], deployment["DeploymentStatus"]) == (False, "DEPLOYED")
    stage = apis.create_stage(
        ApiId=api_id, StageName="prod", DeploymentId=deployment_id, StageVariables={"a": "1", "b": "2"}
    )
    assert (stage["DeploymentId"], stage["StageVariables"]) == (deployment_id, {"a": "1", "b": "2"})
    assert error_of(apis.create_stage, ApiId=api_id, StageName="prod") == (
        "ConflictException",
        "Stage already exists",
        409,
    )
    assert error_of(apis.delete_deployment, ApiId=api_id, DeploymentId=deployment_id)[2] == 400
    changed = apis.update_stage(ApiId=api_id, StageName="prod", StageVariables={"a": "", "c": "3"})
    assert changed["StageVariables"] == {"b": "2", "c": "3"}
    assert apis.update_deployment(ApiId=api_id, DeploymentId=deployment_id, Description="e")["Description"] == "e"
    apis.delete_stage(ApiId=api_id, StageName="prod")
    assert error_of(apis.get_stage, ApiId=api_id, StageName="prod")[2] == 404
    apis.delete_deployment(ApiId=api_id, DeploymentId=deployment_id)
    assert apis.get_deployments(ApiId=api_id)["Items"] == []
    assert error_of(apis.get_deployment, ApiId=api_id, DeploymentId=deployment_id)[2] == 404


def test_automatic_deployments_do_not_pile_up(apis: Any, api_id: str) -> None:
    """Each change deploys anew to a stage with AutoDeploy, in place of the automatic deployment before."""
    apis.create_stage(ApiId=api_id, StageName="$default", AutoDeploy=True)
    for at in range(3):
        apis.create_route(ApiId=api_id, RouteKey=f"GET /{at}")
    (deployment,) = apis.get_deployments(ApiId=api_id)["Items"]
    assert deployment["AutoDeployed"] is True
    assert apis.get_stage(ApiId=api_id, StageName="$default")["DeploymentId"] == deployment["DeploymentId"]
    assert error_of(apis.create_deployment, ApiId=api_id, StageName="$default")[2] == 400
    wrong = {"StageName": "$default", "DeploymentId": deployment["DeploymentId"]}
    assert error_of(apis.update_stage, ApiId=api_id, **wrong)[2] == 400


@pytest.mark.parametrize(
    "params",
    [
        {"StageName": "a b"},
        {"StageName": "s", "StageVariables": {"a-b": "1"}},
        {"StageName": "s", "StageVariables": {"a": "a b"}},
    ],
)
def test_a_stage_that_can_not_be(apis: Any, api_id: str, params: dict[str, Any]) -> None:
    """Names and variables of stages have their own alphabets."""
    assert error_of(apis.create_stage, ApiId=api_id, **params)[0] == "BadRequestException"


def test_route_settings_need_their_route(apis: Any, api_id: str) -> None:
    """Settings for a route that is not there are refused; they can be taken back."""
    settings = {"GET /a": {"ThrottlingRateLimit": 5.0}}
    assert error_of(apis.create_stage, ApiId=api_id, StageName="s", RouteSettings=settings)[2] == 404
    apis.create_route(ApiId=api_id, RouteKey="GET /a")
    made = apis.create_stage(ApiId=api_id, StageName="s", RouteSettings=settings)
    assert made["RouteSettings"] == settings
    apis.delete_route_settings(ApiId=api_id, StageName="s", RouteKey="GET /a")
    assert apis.get_stage(ApiId=api_id, StageName="s")["RouteSettings"] == {}


@pytest.mark.parametrize(
    "params",
    [
        {"ProtocolType": "WEBSOCKET"},
        {"ProtocolType": "HTTP", "RouteSelectionExpression": "$request.body.action"},
        {"ProtocolType": "HTTP", "CorsConfiguration": {"AllowOrigins": ["*"], "AllowCredentials": True}},
        {"ProtocolType": "HTTP", "CorsConfiguration": {"AllowOrigins": ["example.com"]}},
    ],
)
def test_an_api_that_can_not_be(apis: Any, params: dict[str, Any]) -> None:
    """Settings that contradict the protocol or each other."""
    assert error_of(apis.create_api, Name="x", **params)[0] == "BadRequestException"


def test_models(apis: Any, api_id: str) -> None:
    """Models are kept and read back."""
    made = apis.create_model(ApiId=api_id, Name="m", Schema="{}")
    assert made["ContentType"] == "application/json"
    apis.update_model(ApiId=api_id, ModelId=made["ModelId"], Description="d")
    assert apis.get_model(ApiId=api_id, ModelId=made["ModelId"])["Description"] == "d"
    apis.delete_model(ApiId=api_id, ModelId=made["ModelId"])
    assert apis.get_models(ApiId=api_id)["Items"] == []
    assert error_of(apis.get_model, ApiId=api_id, ModelId=made["ModelId"])[2] == 404


def test_domains_and_mappings(apis: Any, api_id: str) -> None:
    """Domains are kept; a mapping leads to a stage that is there, each key once."""
    apis.create_stage(ApiId=api_id, StageName="s")
    name = f"{api_id}.example.com"
    made = apis.create_domain_name(DomainName=name, DomainNameConfigurations=[{"CertificateArn": "arn:aws:acm:a"}])
    (configuration,) = made["DomainNameConfigurations"]
    assert (configuration["DomainNameStatus"], configuration["CertificateArn"]) == ("AVAILABLE", "arn:aws:acm:a")
    assert error_of(apis.create_domain_name, DomainName=name)[0] == "ConflictException"
    mapping = {"DomainName": name, "ApiId": api_id, "Stage": "s", "ApiMappingKey": "v1"}
    first = apis.create_api_mapping(**mapping)
    assert error_of(apis.create_api_mapping, **mapping)[0] == "ConflictException"
    assert error_of(apis.create_api_mapping, **mapping | {"Stage": "none"})[2] == 400
    starts = "API mapping key should not start with a '/' or have consecutive '/'s."
    for wrong, message in (("/a", starts), ("a//b", starts), ("a/", "API mapping key should not end with a '/'.")):
        refused = error_of(apis.create_api_mapping, **mapping | {"ApiMappingKey": wrong})
        assert refused == ("BadRequestException", message, 400)
    key = {"DomainName": name, "ApiMappingId": first["ApiMappingId"]}
    assert apis.update_api_mapping(**key, ApiId=api_id, ApiMappingKey="v2")["ApiMappingKey"] == "v2"
    assert [row["ApiMappingKey"] for row in apis.get_api_mappings(DomainName=name)["Items"]] == ["v2"]
    apis.delete_api_mapping(**key)
    assert error_of(apis.get_api_mapping, **key)[2] == 404
    apis.delete_domain_name(DomainName=name)
    assert error_of(apis.get_domain_name, DomainName=name)[2] == 404


def test_a_websocket_stage_can_log_its_messages(apis: Any) -> None:
    """Its defaults say so, where those of an HTTP API have no such settings."""
    api = apis.create_api(Name="w", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action")["ApiId"]
    made = apis.create_stage(ApiId=api, StageName="s")
    assert made["DefaultRouteSettings"] == {
        "DataTraceEnabled": False,
        "DetailedMetricsEnabled": False,
        "LoggingLevel": "OFF",
    }


def test_vpc_links_are_kept(apis: Any) -> None:
    """So that templates with them deploy."""
    made = apis.create_vpc_link(Name="l", SubnetIds=["subnet-1"])
    assert (made["VpcLinkStatus"], made["VpcLinkVersion"]) == ("AVAILABLE", "V2")
    assert apis.update_vpc_link(VpcLinkId=made["VpcLinkId"], Name="m")["Name"] == "m"
    apis.delete_vpc_link(VpcLinkId=made["VpcLinkId"])
    assert error_of(apis.get_vpc_link, VpcLinkId=made["VpcLinkId"])[0] == "NotFoundException"


def test_the_template_of_a_model(apis: Any, api_id: str) -> None:
    """A mapping template that copies the model's properties."""
    made = apis.create_model(ApiId=api_id, Name="m", Schema='{"type": "object", "properties": {"a": {}}}')
    value = apis.get_model_template(ApiId=api_id, ModelId=made["ModelId"])["Value"]
    assert value == "#set($inputRoot = $input.path('$'))\n{\n  \"a\" : $inputRoot.a\n}"


def test_quotas(apis: Any, api_id: str) -> None:
    """Three hundred routes and ten authorizers in an API, and no more."""
    paths = {f"/p{at}": {"get": {}} for at in range(301)}
    body = json.dumps({"openapi": "3.0.0", "info": {"title": "t"}, "paths": paths})
    code, message, status = error_of(apis.import_api, Body=body)
    assert (code, status) == ("TooManyRequestsException", 429)
    assert message == "Maximum number of Routes for this account has been reached: 300"
    new = {"ApiId": api_id, "AuthorizerType": "REQUEST", "IdentitySource": ["$request.header.a"]}
    new |= {"AuthorizerUri": FUNCTION, "AuthorizerPayloadFormatVersion": "2.0"}
    for at in range(10):
        apis.create_authorizer(**new, Name=f"a{at}")
    assert error_of(apis.create_authorizer, **new, Name="more")[2] == 429
