"""URLs of resources have to work for whoever asked, by whatever name they came."""

from __future__ import annotations

import pytest

from mrak.core.urls import resource_url, services_url


@pytest.mark.parametrize(
    ("endpoint", "url"),
    [
        ("http://localhost:4566", "http://a1.execute-api.localhost:4566"),
        ("http://127.0.0.1:4566", "http://a1.execute-api.localhost:4566"),
        ("http://[::1]:4566", "http://a1.execute-api.localhost:4566"),
        ("http://b2.execute-api.localhost:80", "http://a1.execute-api.localhost:80"),
        ("https://localhost.localstack.cloud:4566", "https://a1.execute-api.localhost.localstack.cloud:4566"),
        ("http://mrak.team:4566", "http://mrak.team:4566/_aws/execute-api/a1"),
        ("http://mrak.team", "http://mrak.team/_aws/execute-api/a1"),
    ],
)
def test_a_resource_is_named_as_the_caller_can_reach_it(endpoint: str, url: str) -> None:
    """Names under localhost resolve to this machine; under others we can't know, so the path form is used."""
    assert resource_url(endpoint, "execute-api", "a1") == url


@pytest.mark.parametrize(
    ("url", "services"),
    [
        ("http://a1.execute-api.localhost:4566", "http://localhost:4566"),
        ("https://a1.lambda-url.localhost.localstack.cloud:4566", "https://localhost.localstack.cloud:4566"),
        ("http://mrak.team:4566", "http://mrak.team:4566"),
        ("http://localhost:4566", "http://localhost:4566"),
    ],
)
def test_services_are_beside_a_resources_host(url: str, services: str) -> None:
    """A function that an API calls must not take the API's host for the services' endpoint."""
    assert services_url(url) == services
