"""JWT authorizers of HTTP APIs: an issuer with real keys, tokens that hold and tokens that do not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from tests.contract.apigateway import fetch, serve_upstream
from tests.contract.oidc import Issuer


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    made = Issuer()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture(scope="module")
def url(sandbox: Any, issuer: Issuer) -> Iterator[str]:
    """An API with a route that any token opens, and one that needs a scope."""
    apis = sandbox.client("apigatewayv2")
    with serve_upstream() as upstream:
        api_id = apis.create_api(Name="jwt", ProtocolType="HTTP")["ApiId"]
        authorizer = apis.create_authorizer(
            ApiId=api_id,
            Name="jwt",
            AuthorizerType="JWT",
            IdentitySource=["$request.header.Authorization"],
            JwtConfiguration={"Issuer": issuer.url, "Audience": ["app", "other"]},
        )
        integration = apis.create_integration(
            ApiId=api_id,
            IntegrationType="HTTP_PROXY",
            IntegrationUri=upstream,
            IntegrationMethod="ANY",
            RequestParameters={
                "append:header.x-sub": "$context.authorizer.claims.sub",
                "append:header.x-groups": "$context.authorizer.claims.groups",
            },
        )
        route = {
            "ApiId": api_id,
            "AuthorizationType": "JWT",
            "AuthorizerId": authorizer["AuthorizerId"],
            "Target": f"integrations/{integration['IntegrationId']}",
        }
        apis.create_route(RouteKey="GET /any", **route)
        apis.create_route(RouteKey="GET /scoped", AuthorizationScopes=["read", "write"], **route)
        apis.create_stage(ApiId=api_id, StageName="$default", AutoDeploy=True)
        yield apis.get_api(ApiId=api_id)["ApiEndpoint"]


def status_of(url: str, token: str) -> int:
    return fetch(url, headers={"Authorization": f"Bearer {token}"}).status


def test_a_valid_token_opens_and_its_claims_arrive(url: str, issuer: Issuer) -> None:
    """With or without "Bearer"; claims are text, lists in brackets."""
    token = issuer.token(groups=["a", "b"])
    for header in (token, f"Bearer {token}"):
        answer = fetch(f"{url}/any", headers={"Authorization": header})
        assert answer.status == 200
        assert answer.json["headers"]["x-sub"] == "u1"
        assert answer.json["headers"]["x-groups"] == "[a b]"


def test_a_token_is_needed(url: str) -> None:
    """401 with a challenge."""
    answer = fetch(f"{url}/any")
    assert (answer.status, answer.json) == (401, {"message": "Unauthorized"})
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ({"exp": 1}, 401),
        ({"exp": None}, 401),
        ({"nbf": 4_000_000_000}, 401),
        ({"iat": 4_000_000_000}, 401),
        ({"iss": "https://other.example.com"}, 401),
        ({"aud": "stranger"}, 401),
        ({"aud": ["stranger", "other"]}, 200),
        ({"aud": None, "client_id": "app"}, 200),
        ({"aud": None}, 401),
    ],
)
def test_claims_that_hold_and_do_not(url: str, issuer: Issuer, claims: dict[str, Any], status: int) -> None:
    """Times, issuer and audience, as the authorizer's documentation lists them."""
    assert status_of(f"{url}/any", issuer.token(**claims)) == status


def test_signatures_that_do_not_hold(url: str, issuer: Issuer) -> None:
    """Another key, no signature, a symmetric one: only the issuer's RSA keys count, whatever the header says."""
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert status_of(f"{url}/any", issuer.token(key=other)) == 401
    assert status_of(f"{url}/any", issuer.token("HS256", "secret-of-thirty-two-bytes-length")) == 401
    unsigned = jwt.encode({"iss": issuer.url, "aud": "app", "exp": 4_000_000_000}, None, "none", {"kid": issuer.key_id})
    assert status_of(f"{url}/any", unsigned) == 401
    assert status_of(f"{url}/any", "no.token.atall") == 401
    assert status_of(f"{url}/any", "x" * 20_000) == 401


@pytest.mark.parametrize(
    ("claims", "status"),
    [({}, 403), ({"scope": "read other"}, 200), ({"scp": ["write"]}, 200), ({"scope": "reader"}, 403)],
)
def test_a_scope_that_the_route_wants(url: str, issuer: Issuer, claims: dict[str, Any], status: int) -> None:
    """One of the route's scopes has to be in `scope` or `scp`; otherwise the token is good, and not good enough."""
    assert status_of(f"{url}/scoped", issuer.token(**claims)) == status


def test_keys_are_kept_and_a_new_one_is_found(url: str, issuer: Issuer, sandbox: Any) -> None:
    """Keys are not fetched for each request; an unknown key id asks again, but not again and again."""
    assert status_of(f"{url}/any", issuer.token()) == 200
    before = issuer.fetches
    assert status_of(f"{url}/any", issuer.token()) == 200
    assert issuer.fetches == before
    issuer.rotate("two")
    sandbox.advance_clock(10)
    assert status_of(f"{url}/any", issuer.token()) == 200
    issuer.rotate("three")
    assert [status_of(f"{url}/any", issuer.token()) for _ in range(3)] == [401, 401, 401]
    assert issuer.fetches == before + 1
