"""Resource types of API Gateway, each with a small template."""

from __future__ import annotations

from tests.contract.stack_types import FUNCTION, Case, att, of, ref, resource

API = {"Api": resource("ApiGateway::RestApi", Name="api")}
ROOT = {"RestApiId": ref("Api"), "ResourceId": att("Api", "RootResourceId"), "HttpMethod": "GET"}
MOCK = {"Type": "MOCK", "RequestTemplates": {"application/json": '{"statusCode": 200}'}}
METHOD = {
    **API,
    "Method": resource("ApiGateway::Method", **ROOT, AuthorizationType="NONE", Integration=MOCK),
}
DEPLOYED = {
    **METHOD,
    "Deployment": {**resource("ApiGateway::Deployment", RestApiId=ref("Api")), "DependsOn": "Method"},
}
STAGED = {
    **DEPLOYED,
    "Stage": resource("ApiGateway::Stage", RestApiId=ref("Api"), DeploymentId=ref("Deployment"), StageName="live"),
}
KEY = {"Key": resource("ApiGateway::ApiKey", Enabled=True)}
PLAN = {"Plan": resource("ApiGateway::UsagePlan", UsagePlanName="plan")}
DOMAIN = {
    "Domain": resource(
        "ApiGateway::DomainName",
        DomainName="api.example.com",
        RegionalCertificateArn="arn:aws:acm:us-east-1:123456789012:certificate/c",
        EndpointConfiguration={"Types": ["REGIONAL"]},
    )
}
HTTP = {"Api": resource("ApiGatewayV2::Api", Name="api", ProtocolType="HTTP")}
SOCKET = {
    "Api": resource(
        "ApiGatewayV2::Api", Name="api", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action"
    )
}
OF_API = {"ApiId": ref("Api")}
INTEGRATION = {
    "Integration": resource(
        "ApiGatewayV2::Integration",
        **OF_API,
        IntegrationType="HTTP_PROXY",
        IntegrationUri="https://example.com",
        IntegrationMethod="GET",
        PayloadFormatVersion="1.0",
    )
}
SOCKET_MOCK = {"Integration": resource("ApiGatewayV2::Integration", **OF_API, IntegrationType="MOCK")}
ROUTE = {"Route": resource("ApiGatewayV2::Route", **OF_API, RouteKey="hello")}
DOMAIN_2 = {
    "Domain": resource(
        "ApiGatewayV2::DomainName",
        DomainName="http.example.com",
        DomainNameConfigurations=[
            {"CertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/c", "EndpointType": "REGIONAL"}
        ],
    )
}
HTTP_STAGE = {"Stage": resource("ApiGatewayV2::Stage", **OF_API, StageName="live")}


def _rest(operation: str, **names: str):  # type: ignore[no-untyped-def]
    """Asks API Gateway; the values are names of outputs."""
    return lambda client, o: getattr(client("apigateway"), operation)(**{k: o.get(v, v) for k, v in names.items()})


def _http(operation: str, **names: str):  # type: ignore[no-untyped-def]
    return lambda client, o: getattr(client("apigatewayv2"), operation)(**{k: o.get(v, v) for k, v in names.items()})


REST = [
    Case(
        "AWS::ApiGateway::Account",
        {"CloudWatchRoleArn": att("Role", "Arn")},
        of(_rest("get_account"), "throttleSettings", "burstLimit"),
        5000,
        needs={"Role": FUNCTION["Role"]},
        stays=True,
    ),
    Case(
        "AWS::ApiGateway::ApiKey",
        {"Name": "key", "Enabled": True},
        of(_rest("get_api_key", apiKey="Ref"), "enabled"),
        True,
        {"Name": "key", "Enabled": False},
        False,
        ("APIKeyId",),
    ),
    Case(
        "AWS::ApiGateway::Authorizer",
        {
            "RestApiId": ref("Api"),
            "Name": "mine",
            "Type": "TOKEN",
            "IdentitySource": "method.request.header.Auth",
            "AuthorizerUri": {
                "Fn::Sub": "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/${Fn.Arn}/invocations"
            },
        },
        of(_rest("get_authorizer", restApiId="Api", authorizerId="Ref"), "name"),
        "mine",
        {
            "RestApiId": ref("Api"),
            "Name": "other",
            "Type": "TOKEN",
            "IdentitySource": "method.request.header.Auth",
            "AuthorizerUri": {
                "Fn::Sub": "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/${Fn.Arn}/invocations"
            },
        },
        "other",
        ("AuthorizerId",),
        needs={**API, **FUNCTION},
    ),
    Case(
        "AWS::ApiGateway::BasePathMapping",
        {"DomainName": ref("Domain"), "RestApiId": ref("Api"), "Stage": ref("Stage"), "BasePath": "shop"},
        of(_rest("get_base_path_mapping", domainName="Domain", basePath="shop"), "stage"),
        "live",
        needs={**DOMAIN, **STAGED},
    ),
    Case(
        "AWS::ApiGateway::Deployment",
        {"RestApiId": ref("Api"), "Description": "one"},
        of(_rest("get_deployment", restApiId="Api", deploymentId="DeploymentId"), "description"),
        "one",
        {"RestApiId": ref("Api"), "Description": "two"},
        "two",
        ("DeploymentId",),
        needs=METHOD,
    ),
    Case(
        "AWS::ApiGateway::DocumentationPart",
        {"RestApiId": ref("Api"), "Location": {"Type": "API"}, "Properties": '{"description":"a"}'},
        of(_rest("get_documentation_part", restApiId="Api", documentationPartId="Ref"), "properties"),
        '{"description":"a"}',
        {"RestApiId": ref("Api"), "Location": {"Type": "API"}, "Properties": '{"description":"b"}'},
        '{"description":"b"}',
        needs=API,
    ),
    Case(
        "AWS::ApiGateway::DocumentationVersion",
        {"RestApiId": ref("Api"), "DocumentationVersion": "1", "Description": "a"},
        of(_rest("get_documentation_version", restApiId="Api", documentationVersion="1"), "description"),
        "a",
        {"RestApiId": ref("Api"), "DocumentationVersion": "1", "Description": "b"},
        "b",
        needs={
            **API,
            "Part": resource(
                "ApiGateway::DocumentationPart", RestApiId=ref("Api"), Location={"Type": "API"}, Properties="{}"
            ),
        },
    ),
    Case(
        "AWS::ApiGateway::DomainName",
        {
            "DomainName": "one.example.com",
            "RegionalCertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/c",
            "EndpointConfiguration": {"Types": ["REGIONAL"]},
        },
        of(_rest("get_domain_name", domainName="Ref"), "regionalCertificateArn"),
        "arn:aws:acm:us-east-1:123456789012:certificate/c",
        {
            "DomainName": "one.example.com",
            "RegionalCertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/d",
            "EndpointConfiguration": {"Types": ["REGIONAL"]},
        },
        "arn:aws:acm:us-east-1:123456789012:certificate/d",
        ("RegionalDomainName", "RegionalHostedZoneId"),
    ),
    Case(
        "AWS::ApiGateway::GatewayResponse",
        {"RestApiId": ref("Api"), "ResponseType": "DEFAULT_4XX", "StatusCode": "418"},
        of(_rest("get_gateway_response", restApiId="Api", responseType="DEFAULT_4XX"), "statusCode"),
        "418",
        {"RestApiId": ref("Api"), "ResponseType": "DEFAULT_4XX", "StatusCode": "419"},
        "419",
        needs=API,
    ),
    Case(
        "AWS::ApiGateway::Method",
        {**ROOT, "AuthorizationType": "NONE", "Integration": MOCK},
        of(_rest("get_method", restApiId="Api", resourceId="Root", httpMethod="GET"), "authorizationType"),
        "NONE",
        {**ROOT, "AuthorizationType": "AWS_IAM", "Integration": MOCK},
        "AWS_IAM",
        needs=API,
    ),
    Case(
        "AWS::ApiGateway::Model",
        {"RestApiId": ref("Api"), "Name": "Pet", "ContentType": "application/json", "Schema": {"type": "object"}},
        of(_rest("get_model", restApiId="Api", modelName="Pet"), "schema"),
        '{"type":"object"}',
        {"RestApiId": ref("Api"), "Name": "Pet", "ContentType": "application/json", "Schema": {"type": "string"}},
        '{"type":"string"}',
        needs=API,
    ),
    Case(
        "AWS::ApiGateway::RequestValidator",
        {"RestApiId": ref("Api"), "Name": "v", "ValidateRequestBody": True},
        of(
            _rest("get_request_validator", restApiId="Api", requestValidatorId="RequestValidatorId"),
            "validateRequestBody",
        ),
        True,
        {"RestApiId": ref("Api"), "Name": "v", "ValidateRequestBody": False},
        False,
        ("RequestValidatorId",),
        needs=API,
    ),
    Case(
        "AWS::ApiGateway::Resource",
        {"RestApiId": ref("Api"), "ParentId": att("Api", "RootResourceId"), "PathPart": "pets"},
        of(_rest("get_resource", restApiId="Api", resourceId="ResourceId"), "path"),
        "/pets",
        {"RestApiId": ref("Api"), "ParentId": att("Api", "RootResourceId"), "PathPart": "dogs"},
        "/dogs",
        ("ResourceId",),
        needs=API,
    ),
    Case(
        "AWS::ApiGateway::RestApi",
        {"Name": "one", "Description": "a"},
        of(_rest("get_rest_api", restApiId="RestApiId"), "description"),
        "a",
        {"Name": "one", "Description": "b"},
        "b",
        ("RootResourceId", "RestApiId"),
    ),
    Case(
        "AWS::ApiGateway::Stage",
        {"RestApiId": ref("Api"), "DeploymentId": ref("Deployment"), "StageName": "s", "Variables": {"v": "1"}},
        of(_rest("get_stage", restApiId="Api", stageName="Ref"), "variables"),
        {"v": "1"},
        {"RestApiId": ref("Api"), "DeploymentId": ref("Deployment"), "StageName": "s", "Variables": {"v": "2"}},
        {"v": "2"},
        needs=DEPLOYED,
    ),
    Case(
        "AWS::ApiGateway::UsagePlan",
        {"UsagePlanName": "p", "Throttle": {"RateLimit": 5.0, "BurstLimit": 10}},
        of(_rest("get_usage_plan", usagePlanId="Id"), "throttle", "burstLimit"),
        10,
        {"UsagePlanName": "p", "Throttle": {"RateLimit": 5.0, "BurstLimit": 20}},
        20,
        ("Id",),
    ),
    Case(
        "AWS::ApiGateway::UsagePlanKey",
        {"KeyId": ref("Key"), "KeyType": "API_KEY", "UsagePlanId": ref("Plan")},
        of(_rest("get_usage_plan_key", usagePlanId="Plan", keyId="Key"), "type"),
        "API_KEY",
        needs={**KEY, **PLAN},
    ),
    Case(
        "AWS::ApiGateway::VpcLink",
        {"Name": "link", "TargetArns": ["arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/net/l/1"]},
        of(_rest("get_vpc_link", vpcLinkId="VpcLinkId"), "name"),
        "link",
        {"Name": "other", "TargetArns": ["arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/net/l/1"]},
        "other",
        ("VpcLinkId",),
    ),
    Case(
        "AWS::ApiGateway::ClientCertificate",
        {"Description": "one"},
        of(_rest("get_client_certificate", clientCertificateId="ClientCertificateId"), "description"),
        "one",
        {"Description": "other"},
        "other",
        ("ClientCertificateId",),
    ),
]

HTTP_APIS = [
    Case(
        "AWS::ApiGatewayV2::Api",
        {"Name": "one", "ProtocolType": "HTTP", "Description": "a"},
        of(_http("get_api", ApiId="ApiId"), "Description"),
        "a",
        {"Name": "one", "ProtocolType": "HTTP", "Description": "b"},
        "b",
        ("ApiId", "ApiEndpoint"),
    ),
    Case(
        "AWS::ApiGatewayV2::ApiMapping",
        {**OF_API, "DomainName": ref("Domain"), "Stage": ref("Stage"), "ApiMappingKey": "a"},
        of(_http("get_api_mapping", ApiMappingId="ApiMappingId", DomainName="Domain"), "ApiMappingKey"),
        "a",
        {**OF_API, "DomainName": ref("Domain"), "Stage": ref("Stage"), "ApiMappingKey": "b"},
        "b",
        ("ApiMappingId",),
        needs={**HTTP, **DOMAIN_2, **HTTP_STAGE},
    ),
    Case(
        "AWS::ApiGatewayV2::Authorizer",
        {
            **OF_API,
            "Name": "jwt",
            "AuthorizerType": "JWT",
            "IdentitySource": ["$request.header.Authorization"],
            "JwtConfiguration": {"Audience": ["a"], "Issuer": "https://example.com"},
        },
        of(_http("get_authorizer", ApiId="Api", AuthorizerId="AuthorizerId"), "JwtConfiguration", "Audience"),
        ["a"],
        {
            **OF_API,
            "Name": "jwt",
            "AuthorizerType": "JWT",
            "IdentitySource": ["$request.header.Authorization"],
            "JwtConfiguration": {"Audience": ["b"], "Issuer": "https://example.com"},
        },
        ["b"],
        ("AuthorizerId",),
        needs=HTTP,
    ),
    Case(
        "AWS::ApiGatewayV2::Deployment",
        {**OF_API, "Description": "a"},
        of(_http("get_deployment", ApiId="Api", DeploymentId="DeploymentId"), "Description"),
        "a",
        {**OF_API, "Description": "b"},
        "b",
        ("DeploymentId",),
        needs={
            **HTTP,
            **INTEGRATION,
            "Route": resource(
                "ApiGatewayV2::Route", **OF_API, RouteKey="GET /", Target={"Fn::Sub": "integrations/${Integration}"}
            ),
        },
        depends="Route",
    ),
    Case(
        "AWS::ApiGatewayV2::DomainName",
        {
            "DomainName": "two.example.com",
            "DomainNameConfigurations": [
                {"EndpointType": "REGIONAL", "CertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/c"}
            ],
            "Tags": {"a": "1"},
        },
        of(_http("get_domain_name", DomainName="Ref"), "Tags"),
        {"a": "1"},
        {
            "DomainName": "two.example.com",
            "DomainNameConfigurations": [
                {"EndpointType": "REGIONAL", "CertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/c"}
            ],
            "Tags": {"a": "2"},
        },
        {"a": "2"},
        ("RegionalDomainName", "RegionalHostedZoneId"),
    ),
    Case(
        "AWS::ApiGatewayV2::Integration",
        {
            **OF_API,
            "IntegrationType": "HTTP_PROXY",
            "IntegrationUri": "https://a.example.com",
            "IntegrationMethod": "GET",
            "PayloadFormatVersion": "1.0",
        },
        of(_http("get_integration", ApiId="Api", IntegrationId="IntegrationId"), "IntegrationUri"),
        "https://a.example.com",
        {
            **OF_API,
            "IntegrationType": "HTTP_PROXY",
            "IntegrationUri": "https://b.example.com",
            "IntegrationMethod": "GET",
            "PayloadFormatVersion": "1.0",
        },
        "https://b.example.com",
        ("IntegrationId",),
        needs=HTTP,
    ),
    Case(
        "AWS::ApiGatewayV2::IntegrationResponse",
        {**OF_API, "IntegrationId": ref("Integration"), "IntegrationResponseKey": "/200/"},
        of(
            _http(
                "get_integration_response",
                ApiId="Api",
                IntegrationId="Integration",
                IntegrationResponseId="IntegrationResponseId",
            ),
            "IntegrationResponseKey",
        ),
        "/200/",
        {**OF_API, "IntegrationId": ref("Integration"), "IntegrationResponseKey": "/400/"},
        "/400/",
        ("IntegrationResponseId",),
        needs={**SOCKET, **SOCKET_MOCK},
    ),
    Case(
        "AWS::ApiGatewayV2::Model",
        {**OF_API, "Name": "Pet", "ContentType": "application/json", "Schema": {"type": "object"}},
        of(_http("get_model", ApiId="Api", ModelId="ModelId"), "Schema"),
        '{"type":"object"}',
        {**OF_API, "Name": "Pet", "ContentType": "application/json", "Schema": {"type": "string"}},
        '{"type":"string"}',
        ("ModelId",),
        needs=SOCKET,
    ),
    Case(
        "AWS::ApiGatewayV2::Route",
        {**OF_API, "RouteKey": "GET /a"},
        of(_http("get_route", ApiId="Api", RouteId="RouteId"), "RouteKey"),
        "GET /a",
        {**OF_API, "RouteKey": "GET /b"},
        "GET /b",
        ("RouteId",),
        needs=HTTP,
    ),
    Case(
        "AWS::ApiGatewayV2::RouteResponse",
        {**OF_API, "RouteId": ref("Route"), "RouteResponseKey": "$default"},
        of(
            _http("get_route_response", ApiId="Api", RouteId="Route", RouteResponseId="RouteResponseId"),
            "RouteResponseKey",
        ),
        "$default",
        attributes=("RouteResponseId",),
        needs={**SOCKET, **ROUTE},
    ),
    Case(
        "AWS::ApiGatewayV2::Stage",
        {**OF_API, "StageName": "s", "StageVariables": {"v": "1"}},
        of(_http("get_stage", ApiId="Api", StageName="Ref"), "StageVariables"),
        {"v": "1"},
        {**OF_API, "StageName": "s", "StageVariables": {"v": "2"}},
        {"v": "2"},
        needs=HTTP,
    ),
    Case(
        "AWS::ApiGatewayV2::VpcLink",
        {"Name": "a", "SubnetIds": ["subnet-1"]},
        of(_http("get_vpc_link", VpcLinkId="VpcLinkId"), "Name"),
        "a",
        {"Name": "b", "SubnetIds": ["subnet-1"]},
        "b",
        ("VpcLinkId",),
    ),
]


CASES = [*REST, *HTTP_APIS]
