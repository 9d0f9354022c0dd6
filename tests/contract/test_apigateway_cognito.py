"""User pools in front of APIs: tokens of a real pool, as REST and HTTP APIs take them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.contract.apigateway import fetch, serve_upstream
from tests.contract.test_apigateway_rest import Rest


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    with serve_upstream() as url:
        yield url


@pytest.fixture(scope="module")
def pool(sandbox: Any) -> dict[str, Any]:
    """A pool with a user who has signed in."""
    cognito = sandbox.client("cognito-idp")
    pool_id = cognito.create_user_pool(PoolName="api-users")["UserPool"]["Id"]
    client_id = cognito.create_user_pool_client(
        UserPoolId=pool_id, ClientName="c", ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
    )["UserPoolClient"]["ClientId"]
    cognito.admin_create_user(UserPoolId=pool_id, Username="ann", MessageAction="SUPPRESS")
    cognito.admin_set_user_password(UserPoolId=pool_id, Username="ann", Password="Secret-123", Permanent=True)
    tokens = cognito.initiate_auth(
        ClientId=client_id,
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": "ann", "PASSWORD": "Secret-123"},
    )["AuthenticationResult"]
    return {"id": pool_id, "client": client_id, **tokens}


def test_a_rest_api_takes_tokens_of_its_pool(sandbox: Any, pool: dict[str, Any]) -> None:
    """An ID token opens, an access token does not without scopes, another text neither."""
    api = Rest(sandbox)
    arn = f"arn:aws:cognito-idp:us-east-1:{sandbox.account}:userpool/{pool['id']}"
    authorizer = api.client.create_authorizer(
        restApiId=api.id,
        name="pool",
        type="COGNITO_USER_POOLS",
        providerARNs=[arn],
        identitySource="method.request.header.Authorization",
    )
    api.method(
        "GET",
        "/me",
        "MOCK",
        requestTemplates={"application/json": '{"statusCode": 200}'},
        responses={
            "200": {
                "responseTemplates": {
                    "application/json": '{"who": "$context.authorizer.claims.get(\'cognito:username\')"}'
                }
            }
        },
        authorizationType="COGNITO_USER_POOLS",
        authorizerId=authorizer["id"],
    )
    api.deploy()
    for header in (pool["IdToken"], f"Bearer {pool['IdToken']}"):
        assert fetch(f"{api.url}/me", headers={"Authorization": header}).json == {"who": "ann"}
    for wrong in (pool["AccessToken"], "nonsense"):
        answer = fetch(f"{api.url}/me", headers={"Authorization": wrong})
        assert (answer.status, answer.json) == (401, {"message": "Unauthorized"})
    assert fetch(f"{api.url}/me").status == 401


def test_an_http_api_takes_tokens_of_a_pool(sandbox: Any, pool: dict[str, Any], upstream: str) -> None:
    """The issuer as templates write it, with AWS's own name."""
    apis = sandbox.client("apigatewayv2")
    api = apis.create_api(Name="pool", ProtocolType="HTTP")
    authorizer = apis.create_authorizer(
        ApiId=api["ApiId"],
        Name="pool",
        AuthorizerType="JWT",
        IdentitySource=["$request.header.Authorization"],
        JwtConfiguration={
            "Issuer": f"https://cognito-idp.us-east-1.amazonaws.com/{pool['id']}",
            "Audience": [pool["client"]],
        },
    )
    integration = apis.create_integration(
        ApiId=api["ApiId"],
        IntegrationType="HTTP_PROXY",
        IntegrationUri=upstream,
        IntegrationMethod="ANY",
        RequestParameters={"append:header.x-sub": "$context.authorizer.claims.sub"},
    )
    target = f"integrations/{integration['IntegrationId']}"
    jwt = {"AuthorizationType": "JWT", "AuthorizerId": authorizer["AuthorizerId"]}
    apis.create_route(ApiId=api["ApiId"], RouteKey="GET /me", Target=target, **jwt)
    apis.create_stage(ApiId=api["ApiId"], StageName="$default", AutoDeploy=True)
    for token in ("IdToken", "AccessToken"):
        answer = fetch(api["ApiEndpoint"] + "/me", headers={"Authorization": f"Bearer {pool[token]}"})
        assert answer.status == 200, json.dumps(answer.json)
        assert answer.json["headers"]["x-sub"]
    assert fetch(api["ApiEndpoint"] + "/me", headers={"Authorization": "Bearer x.y.z"}).status == 401
