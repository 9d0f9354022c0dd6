"""Which sandbox an unsigned request to Cognito names: by each of its ids, and by nothing that is malformed."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from mrak.core.http import Request
from mrak.gateway import cognitonames


def asked(**body: Any) -> tuple[str, str]:
    return cognitonames.find_in_operation(Request("POST", "/", body=json.dumps(body).encode()))


def token(**claims: Any) -> str:
    return f"h.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.s"


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"UserPoolId": "eu-west-1_Abcdef9z8"}, ("9z8", "eu-west-1")),
        ({"ClientId": "1234567890abc"}, ("abc", "")),
        ({"AccessToken": token(client_id="x1y2z3")}, ("2z3", "")),
        ({"AccessToken": "no.token"}, ("", "")),
        ({"AccessToken": "a.%%%.c"}, ("", "")),
        ({"Session": "ABCDab1"}, ("ab1", "")),
        ({"IdentityPoolId": f"eu-west-1:00000000-0000-4000-8000-00000000{int('k3z', 36):04x}"}, ("k3z", "eu-west-1")),
        ({"IdentityId": "eu-west-1:zzzz"}, ("", "eu-west-1")),
        ({"ClientId": 5}, ("", "")),
        ({}, ("", "")),
    ],
)
def test_bodies(body: dict[str, Any], found: tuple[str, str]) -> None:
    assert asked(**body) == found


def test_what_is_no_json_names_nothing() -> None:
    assert cognitonames.find_in_operation(Request("POST", "/", body=b"\xff{")) == ("", "")


def test_pages() -> None:
    """By the pool's id, by what an app says of itself in query, form or header, by a token."""
    basic = base64.b64encode(b"client7ab:secret").decode()
    form = {"content-type": "application/x-www-form-urlencoded"}
    for request, resource in (
        (Request("GET", "/x"), "us-east-1_Abc7ab"),
        (Request("GET", "/login", "client_id=client7ab"), "domain"),
        (Request("POST", "/oauth2/token", "", form, b"client_id=client7ab"), "domain"),
        (Request("POST", "/oauth2/token", "", {"authorization": f"Basic {basic}"}), "domain"),
        (Request("GET", "/", "", {"authorization": f"Bearer {token(client_id='client7ab')}"}), "domain"),
    ):
        assert cognitonames.find_in_page(request, resource) == "7ab"
    assert cognitonames.find_in_page(Request("GET", "/", "", {"authorization": "Basic %%"}), "domain") == ""
